/* SPDX-License-Identifier: MIT
 *
 * What App draws above every page: a quiet bar while a request waits for a person, which takes no
 * focus from what is being typed, and the dialog that it opens. In the dialog A allows and D denies,
 * unless something is being typed.
 */
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { route } from "../lib/router.js";
import { may } from "../lib/session.js";
import { pending } from "../lib/store.js";
import { Button, Dialog, IconButton, Icon } from "../ui/index.js";
import { ApprovalView, Countdown } from "./approval-view.jsx";

const KEYS = { a: "allow", d: "deny" };

/** Requests that a person has put off: only the inbox shows them. */
const later = signal(new Set());

const waiting = () => pending.value.filter((p) => !later.value.has(p.id)).sort((a, b) => a.createdAt - b.createdAt);

function Review({ onClose }) {
	const list = waiting();
	const [id, setId] = useState(list[0]?.id);
	const at = Math.max(0, list.findIndex((p) => p.id === id));
	const p = list[at];

	useEffect(() => {
		if (!p)
			onClose();
	}, [p]);
	useEffect(() => {
		function key(event) {
			if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.closest("input, textarea, select"))
				return;
			const button = KEYS[event.key] && document.querySelector(`dialog [data-answer="${KEYS[event.key]}"]`);
			if (!button)
				return;
			event.preventDefault();
			button.click();
		}
		document.addEventListener("keydown", key);
		return () => document.removeEventListener("keydown", key);
	}, []);
	if (!p)
		return null;
	const go = (by) => setId(list[(at + by + list.length) % list.length].id);
	return (
		<Dialog
			wide
			title={list.length > 1 ? `Request ${at + 1} of ${list.length}` : "A request waits for you"}
			onClose={onClose}
			actions={
				<>
					{list.length > 1 && (
						<>
							<Button onClick={() => go(-1)}>Previous</Button>
							<Button onClick={() => go(1)}>Next</Button>
						</>
					)}
					<Button
						onClick={() => {
							later.value = new Set([...later.value, ...list.map((q) => q.id)]);
							onClose();
						}}
					>
						Later
					</Button>
				</>
			}
		>
			<ApprovalView key={p.id} p={p} keys />
		</Dialog>
	);
}

export default function ApprovalModal() {
	const [open, setOpen] = useState(false);
	const list = waiting();
	const count = pending.value.length;

	useEffect(() => {
		/* After the page that is gone to has given itself its title. */
		const timer = setTimeout(() => {
			const title = document.title.replace(/^\(\d+\) /, "");
			document.title = count > 0 ? `(${count}) ${title}` : title;
		});
		return () => clearTimeout(timer);
	}, [count, route.value]);
	if (!may("approve"))
		return null;
	if (open)
		return <Review onClose={() => setOpen(false)} />;
	if (list.length === 0 || route.value.page === "approvals")
		return null;
	const [first] = list;
	return (
		<div class="approval-bar" role="status">
			<Icon name="bell" />
			<p>
				<strong>{first.team}</strong> wants to use <strong>{first.tool}</strong>
				{list.length > 1 && `, and ${list.length - 1} more wait`} <Countdown deadline={first.deadline} />
			</p>
			<Button kind="primary" small onClick={() => setOpen(true)}>
				Review
			</Button>
			<IconButton icon="close" label="Later" onClick={() => (later.value = new Set([...later.value, ...list.map((p) => p.id)]))} />
		</div>
	);
}
