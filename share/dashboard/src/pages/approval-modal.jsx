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
import { approvals, pending } from "../lib/store.js";
import { Button, Dialog, IconButton, Icon } from "../ui/index.js";
import { ApprovalView, Countdown, wishOf } from "./approval-view.jsx";

const KEYS = { a: "allow", d: "deny" };

/** Requests that a person has put off: only the inbox shows them. */
const later = signal(new Set());

const putOff = (list) => (later.value = new Set([...later.value, ...list.map((p) => p.id)]));

const waiting = () => pending.value.filter((p) => !later.value.has(p.id)).sort((a, b) => a.createdAt - b.createdAt);

/*
 * The one that is shown stays until the person has answered it or goes on: when somebody else is
 * faster, it says what became of it, and no other takes its place under the keys.
 */
function Review({ onClose }) {
	const list = waiting();
	const [id, setId] = useState(list[0]?.id);
	const at = list.findIndex((p) => p.id === id);
	const p = approvals.value.get(id);

	useEffect(() => {
		if (!p)
			onClose();
	}, [p]);
	function next() {
		const rest = waiting().filter((q) => q.id !== id);
		if (rest.length > 0)
			setId(rest[0].id);
		else
			onClose();
	}
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
	const others = list.filter((q) => q.id !== id).length;
	const go = (by) => setId(list[(at + by + list.length) % list.length].id);
	return (
		<Dialog
			wide
			title={p.state !== "pending" ? "This request is over" : others > 0 ? `Request ${at + 1} of ${list.length}` : "A request waits for you"}
			onClose={onClose}
			actions={
				<>
					{others > 0 && p.state === "pending" && (
						<>
							<Button onClick={() => go(-1)}>Previous</Button>
							<Button onClick={() => go(1)}>Next</Button>
						</>
					)}
					{p.state === "pending" ? (
						<Button
							onClick={() => {
								putOff(list);
								onClose();
							}}
						>
							Later
						</Button>
					) : (
						<Button kind="primary" onClick={next}>
							{others > 0 ? "Next request" : "Close"}
						</Button>
					)}
				</>
			}
		>
			<ApprovalView key={p.id} p={p} onDone={next} keys />
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
		<div class="approval-bar">
			<Icon name="bell" />
			<p role="status">
				<strong>{first.team}</strong> {wishOf(first)}
				{list.length > 1 && `, and ${list.length - 1} more wait`}
			</p>
			<Countdown deadline={first.deadline} />
			<Button kind="primary" small onClick={() => setOpen(true)}>
				Review
			</Button>
			<IconButton icon="close" label="Later" onClick={() => putOff(list)} />
		</div>
	);
}
