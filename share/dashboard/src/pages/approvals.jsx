/* SPDX-License-Identifier: MIT
 *
 * The page Approvals: what waits for a person, what was decided and by whom, the rules that came of
 * it, and the audit of all of it. #/approvals/ID goes to one request.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { all, get, path } from "../lib/api.js";
import { notifies, setNotifies, setSound, sound } from "../lib/decide.js";
import { href, navigate } from "../lib/router.js";
import { age, approvals, pending } from "../lib/store.js";
import { Button, Check, Dialog, Empty, ErrorBox, Input, Select, Spinner, StateBadge, Tabs, TimeAgo, toast } from "../ui/index.js";
import { Audit, Rules } from "./approval-rules.jsx";
import { isQuestion, reveal } from "./approval-input.jsx";
import { ApprovalView } from "./approval-view.jsx";

const STATES = ["", "allowed", "denied", "expired", "withdrawn"].map((s) => ({ value: s, label: s || "all that ended" }));
const SHOWN = 200;
const TABS = ["waiting", "history", "rules", "audit"];

/*
 * Those that wait, and those that did when the page was looked at: these stay in their place, with what
 * became of them, so that nothing moves away under the pointer, until the person has them put away.
 */
function useWaiting() {
	const seen = useRef(new Set()).current;
	const [, draw] = useState(0);

	for (const p of pending.value)
		seen.add(p.id);
	const list = [...seen].map((id) => approvals.value.get(id)).filter(Boolean).sort((a, b) => a.createdAt - b.createdAt);
	const over = list.filter((p) => p.state !== "pending");
	function putAway(these) {
		for (const p of these)
			seen.delete(p.id);
		draw((n) => n + 1);
	}
	return { list, over, putAway };
}

/* One that is over stays as high as it was, so that those below it stay where they are. */
function Place({ p, onPutAway }) {
	const ref = useRef(null);
	const height = useRef(0);
	const isOver = p.state !== "pending";

	useLayoutEffect(() => {
		if (!isOver)
			height.current = ref.current.getBoundingClientRect().height;
	});
	return (
		<li ref={ref} class="card" style={{ minHeight: isOver ? `${height.current}px` : "" }}>
			<ApprovalView p={p} onPutAway={onPutAway} />
		</li>
	);
}

function Waiting() {
	const { list, over, putAway } = useWaiting();

	if (list.length === 0)
		return (
			<Empty icon="approvals" title="Nothing waits for you">
				<p>
					When a team's Claude wants something that it may not do by itself, it asks here, on the command line (
					<code>iris approvals</code>) and in your own Claude Code. The first answer counts.
				</p>
			</Empty>
		);
	return (
		<>
			{over.length === list.length && (
				<div class="actions approval-filters">
					<p class="muted">Nothing waits for you any more.</p>
					<Button small onClick={() => putAway(over)}>
						Put all away
					</Button>
				</div>
			)}
			<ul class="approval-list">
				{list.map((p) => (
					<Place key={p.id} p={p} onPutAway={() => putAway([p])} />
				))}
			</ul>
		</>
	);
}

/* One line of what a tool was to do. */
function brief(p) {
	const { command, file_path: file, url } = p.input ?? {};
	const question = isQuestion(p.tool, p.input) ? p.input.questions[0].question : undefined;

	return reveal(String(command ?? file ?? url ?? question ?? JSON.stringify(p.input)).slice(0, 200));
}

function Past({ p }) {
	return (
		<a class="approval-past" href={href("approvals", p.id, { tab: "history" })}>
			<StateBadge state={p.state} />
			<span class="approval-past-what">
				<strong>{p.team}</strong> {p.tool} <code>{brief(p)}</code>
			</span>
			<span class="muted small">
				{p.by ?? p.via} <TimeAgo at={p.decidedAt ?? p.createdAt} />
			</span>
		</a>
	);
}

function useHistory() {
	const [state, setState] = useState({});
	const ended = [...approvals.value.values()].filter((p) => p.state !== "pending");

	useEffect(() => {
		const abort = new AbortController();
		all("/approvals", { all: true }, { max: 1000, signal: abort.signal })
			.then((list) => setState({ list }))
			.catch((error) => error.name !== "AbortError" && setState({ error }));
		return () => abort.abort();
	}, [age.value]);
	const known = new Map((state.list ?? []).filter((p) => p.state !== "pending").map((p) => [p.id, p]));
	for (const p of ended)
		known.set(p.id, p);
	return { ...state, list: state.list && [...known.values()].sort((a, b) => b.createdAt - a.createdAt) };
}

function History() {
	const [words, setWords] = useState("");
	const [state, setState] = useState("");
	const { list, error } = useHistory();
	const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);

	if (error)
		return <ErrorBox title="The history could not be loaded" error={error} />;
	if (!list)
		return <Spinner label="Loading the history" />;
	if (list.length === 0)
		return <Empty icon="approvals" title="No request has ended yet" />;
	const shown = list.filter((p) => (state === "" || p.state === state) &&
		wanted.every((w) => `${p.team} ${p.from} ${p.tool} ${p.by} ${JSON.stringify(p.input)}`.toLowerCase().includes(w)));
	return (
		<>
			<div class="actions approval-filters">
				<Input label="Filter" class="inline" data-search type="search" value={words} onInput={setWords} />
				<Select label="State" class="inline" options={STATES} value={state} onInput={setState} />
			</div>
			{shown.length === 0 ? (
				<Empty title="None fits the filter" />
			) : (
				<ul class="card approval-history">
					{shown.slice(0, SHOWN).map((p) => (
						<li key={p.id}>
							<Past p={p} />
						</li>
					))}
				</ul>
			)}
			{shown.length > SHOWN && <p class="muted small">{shown.length - SHOWN} older ones; a filter finds them.</p>}
		</>
	);
}

/* The one that the address names; it may be one that the store has forgotten. */
function One({ id, onClose }) {
	const [state, setState] = useState({});
	const p = approvals.value.get(id) ?? state.p;

	useEffect(() => {
		if (approvals.value.has(id))
			return;
		get(path`/approvals/${id}`).then((answer) => setState({ p: answer.permission ?? answer })).catch((error) => setState({ error }));
	}, [id, age.value]);
	return (
		<Dialog wide title="Request" onClose={onClose}>
			{state.error && <ErrorBox title="This request could not be loaded" error={state.error} />}
			{!p && !state.error && <Spinner />}
			{p && <ApprovalView p={p} onDone={onClose} />}
		</Dialog>
	);
}

function Calls() {
	async function notify(on) {
		if (!(await setNotifies(on)))
			toast.error(new Error("The browser does not allow notifications for this page; its settings for the site can."));
	}
	return (
		<div class="actions">
			<Check label="Sound" checked={sound.value} onInput={setSound} />
			{"Notification" in globalThis && <Check label="Notify me" checked={notifies.value} onInput={notify} />}
		</div>
	);
}

export default function Approvals({ rest, query }) {
	const wanted = query.get("tab");
	const tab = TABS.includes(wanted) ? wanted : "waiting";
	const go = (t) => navigate(href("approvals", { tab: t === "waiting" ? "" : t }), { replace: true });
	const count = pending.value.length;

	return (
		<>
			<div class="page-head">
				<h1>Approvals</h1>
				<Calls />
			</div>
			<Tabs
				label="Approvals"
				tabs={[
					{ id: "waiting", title: count > 0 ? `Waiting (${count})` : "Waiting" },
					{ id: "history", title: "History" },
					{ id: "rules", title: "Rules" },
					{ id: "audit", title: "Audit" },
				]}
				value={tab}
				onChange={go}
			>
				{tab === "waiting" && <Waiting />}
				{tab === "history" && <History />}
				{tab === "rules" && <Rules />}
				{tab === "audit" && <Audit />}
			</Tabs>
			{rest[0] && <One key={rest[0]} id={rest[0]} onClose={() => go(tab)} />}
		</>
	);
}
