/* SPDX-License-Identifier: MIT
 *
 * One conversation: its head with what can be done with the session, its thread, and where the next
 * message is written.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { del, idempotencyKey, path, post } from "../lib/api.js";
import { money, plural } from "../lib/format.js";
import { href, navigate } from "../lib/router.js";
import { may } from "../lib/session.js";
import { FINAL, pairKey, sessions, teams } from "../lib/store.js";
import { threadOf, threadsAge } from "../lib/threads.js";
import { Badge, Button, ConfirmDialog, CopyButton, Dialog, Empty, ErrorBox, Icon, IconButton, Menu, Spinner, StateBadge, TeamName,
	VirtualList, toast } from "../ui/index.js";
import { Message } from "./message.jsx";
import { ask, ownName, senders } from "./team-dialogs.jsx";

const shellWord = (w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", "'\\''")}'`);

function ForkDialog({ fork, onClose }) {
	const command = `cd ${shellWord(fork.directory)} && ${fork.command ?? fork.argv.map(shellWord).join(" ")}`;

	return (
		<Dialog title="Go on with a copy" wide onClose={onClose} actions={<CopyButton text={command} label="Copy the command" />}>
			<p>This command opens a copy of the conversation in a terminal. What is said there does not change this one.</p>
			<pre class="code" tabIndex={0}>
				{command}
			</pre>
			{fork.byHand && <p class="muted">{fork.byHand}</p>}
		</Dialog>
	);
}

function RebootDialog({ from, to, busy, onClose }) {
	async function go() {
		await post(`${path`/sessions/${from}/${to}`}/reboot`, busy ? { force: true } : {});
		toast.ok(`${to} begins anew with ${from}.`);
	}
	return (
		<ConfirmDialog title="Begin this conversation anew?" confirm="Begin anew" onConfirm={go} onClose={onClose}>
			<p>
				{to} forgets what {from} and it have said, and wakes with an empty context. The messages stay in this list.
				{busy && " What it is at work on now is ended."}
			</p>
		</ConfirmDialog>
	);
}

function DeleteDialog({ from, to, busy, onClose }) {
	async function go() {
		await del(path`/sessions/${from}/${to}`, busy ? { force: true } : {});
		toast.ok(`${to} has forgotten its conversation with ${from}.`);
	}
	return (
		<ConfirmDialog title="Delete this conversation?" confirm="Delete" onConfirm={go} onClose={onClose}>
			<p>
				Claude's side of it is removed: {to} will not remember what {from} has asked. The messages stay in the database.
				{busy && " What it is at work on now is ended."}
			</p>
		</ConfirmDialog>
	);
}

/* What the session does now, beside its name. */
function Facts({ session: s }) {
	const facts = [s.activity, s.queued > 0 && `${s.queued} queued`, plural(s.messages, "answer"), s.model, s.costUsd > 0 && money(s.costUsd),
		s.pid && `pid ${s.pid}`];

	return (
		<p class="thread-facts">
			<StateBadge state={s.state} label={s.state === "busy" ? "at work" : s.state} /> {facts.filter(Boolean).join(" · ")}
			{s.health && s.health !== "alive" && (
				<>
					{" "}
					<Badge tone="warn" title={s.healthReason}>
						{s.health}
					</Badge>
				</>
			)}
		</p>
	);
}

function Head({ from, to, session: s }) {
	const [dialog, setDialog] = useState(null);
	const [fork, setFork] = useState(null);
	const close = () => setDialog(null);
	const here = path`/sessions/${from}/${to}`;
	const busy = s?.state === "busy";
	const known = teams.value.has(to);

	async function wake() {
		await post(path`/teams/${to}/wake`, from === ownName() ? {} : { from });
		toast.ok(`${to} is awake for ${from}.`);
	}
	async function sleep() {
		await post(path`/teams/${to}/sleep`, from === ownName() ? {} : { from });
		toast.ok(`${to} sleeps.`);
	}
	const attempt = (what) => () => what().catch(toast.error);
	return (
		<header class="thread-head">
			<a class="thread-back button quiet icon-only" href={href("conversations")} aria-label="All conversations">
				<Icon name="back" />
			</a>
			<div class="thread-title">
				<h2>
					<TeamName name={from} plain />
					<span class="muted" aria-label="to">
						→
					</span>
					<TeamName name={to} plain />
				</h2>
				{s ? <Facts session={s} /> : <p class="thread-facts">Claude has no conversation of this pair.</p>}
			</div>
			{may("manage") && known && (
				<div class="actions nowrap">
					{!s || s.state === "asleep" ? (
						<Button small icon="wake" aria-label="Wake" onClick={wake}>
							<span class="wide-only">Wake</span>
						</Button>
					) : (
						<Button small icon="sleep" aria-label="Sleep" onClick={sleep} disabled={busy}>
							<span class="wide-only">Sleep</span>
						</Button>
					)}
					<Menu
						label="More for this conversation"
						items={[
							s && { title: "Fork into a terminal", icon: "fork", onSelect: attempt(async () => setFork(await post(`${here}/fork`))) },
							s && { title: "Compact", icon: "compact", onSelect: attempt(async () => {
								await post(`${here}/compact`);
								toast.ok("The conversation is compacted.");
							}) },
							s && { title: "Copy its id", icon: "copy", onSelect: attempt(async () => {
								await navigator.clipboard.writeText(s.sessionId);
								toast.ok("Copied.");
							}) },
							{ title: "Reboot", icon: "reboot", danger: true, onSelect: () => setDialog("reboot") },
							s && { title: "Delete", icon: "trash", danger: true, onSelect: () => setDialog("delete") },
						]}
					/>
				</div>
			)}
			{dialog === "reboot" && <RebootDialog from={from} to={to} busy={busy} onClose={close} />}
			{dialog === "delete" && <DeleteDialog from={from} to={to} busy={busy} onClose={close} />}
			{fork && <ForkDialog fork={fork} onClose={() => setFork(null)} />}
		</header>
	);
}

/* A draft is kept for as long as the page is open: another conversation is only a click away. */
const drafts = new Map();

function Composer({ from, to }) {
	const draft = pairKey(from, to);
	const mine = senders([from]).some((s) => s.value === from) ? from : ownName();
	const [sender, setSender] = useState(mine);
	const [text, setText] = useState(drafts.get(draft) ?? "");
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const key = useRef(idempotencyKey());

	function change(value) {
		setText(value);
		drafts.set(draft, value);
	}
	async function send(event) {
		event?.preventDefault();
		if (text.trim() === "" || busy)
			return;
		setBusy(true);
		try {
			const m = await ask({ from: sender, to, message: text, key: key.current });
			key.current = idempotencyKey();
			change("");
			setError(null);
			if (m.from !== from)
				navigate(href("conversations", m.from, m.to));
			else
				threadOf(from, to).merge([m]);
		} catch (e) {
			setError(e);
		}
		setBusy(false);
	}
	return (
		<form class="composer" onSubmit={send}>
			{error && <ErrorBox title="The message was not sent" error={error} />}
			<textarea
				class="input"
				aria-label={`Message to ${to}`}
				placeholder={`Message to ${to}`}
				rows={Math.min(8, Math.max(2, text.split("\n").length))}
				value={text}
				onInput={(e) => change(e.currentTarget.value)}
				onKeyDown={(e) => {
					if (e.key === "Enter" && !e.shiftKey && !e.isComposing)
						send(e);
				}}
			/>
			<div class="composer-foot">
				<label>
					<span class="muted small">from</span>
					<select class="input" value={sender} onChange={(e) => setSender(e.currentTarget.value)}>
						{senders([from]).map((s) => (
							<option key={s.value} value={s.value}>
								{s.label}
							</option>
						))}
					</select>
				</label>
				<span class="muted small composer-hint">Enter sends, Shift+Enter makes a line</span>
				<Button kind="primary" icon="send" type="submit" aria-busy={busy || undefined}>
					Send
				</Button>
			</div>
		</form>
	);
}

function ThreadTop({ state, thread, empty }) {
	if (state.error)
		return <ErrorBox title="Older messages could not be loaded" error={state.error} retry={() => thread.loadOlder()} />;
	if (!state.done)
		return <Spinner label="Loading older messages" />;
	return empty ? null : <p class="thread-start">The conversation begins here.</p>;
}

function Thread({ thread, target }) {
	const items = thread.items.value;
	const state = thread.state.value;
	const [missing, setMissing] = useState(false);

	useEffect(() => {
		setMissing(false);
		if (target)
			thread.loadUntil(target).then((found) => setMissing(!found && thread.state.value.done));
		else if (thread.items.value.length === 0)
			thread.loadOlder();
	}, [thread, target]);
	if (state.done && items.length === 0)
		return (
			<div class="thread-empty">
				<Empty title={missing ? "The message of this link is not in this conversation" : "Nothing was said yet"} icon="conversations">
					{may("message") && teams.value.has(thread.to) && <p>Write to {thread.to} below.</p>}
				</Empty>
			</div>
		);
	return (
		<>
			{missing && <p class="banner warn">The message of this link is not in this conversation.</p>}
			<VirtualList
				label="Messages"
				class="thread-list"
				stick
				items={items}
				itemKey={(m) => m.id}
				estimate={150}
				target={target}
				before={<ThreadTop state={state} thread={thread} empty={items.length === 0} />}
				onNearStart={() => !state.error && items.length > 0 && thread.loadOlder()}
				render={(m) => <Message key={m.id} brief={m} marked={m.id === target} />}
			/>
		</>
	);
}

const ENDS = { answered: "has answered", failed: "has failed", expired: "was not reached in time", cancelled: "was told to stop" };

/* For who does not see it: that the newest message has ended. All words as they stream in would be too many. */
function News({ thread }) {
	const known = useRef(null);
	const [news, setNews] = useState("");
	const last = thread.items.value.at(-1);
	const { done } = thread.state.value;

	useEffect(() => {
		const now = last ? `${last.id} ${last.state}` : "";
		if (known.current !== null && known.current !== now && FINAL.has(last?.state))
			setNews(`${last.to} ${ENDS[last.state]}.`);
		else if (last && !FINAL.has(last.state))
			setNews("");
		if (last || done)
			known.current = now;
	}, [last?.id, last?.state, done]);
	return (
		<p class="sr-only" role="status">
			{news}
		</p>
	);
}

export function Conversation({ from, to, target }) {
	/* All threads are loaded anew when events were lost. */
	const age = threadsAge.value;
	const thread = threadOf(from, to);
	const session = sessions.value.get(pairKey(from, to));

	return (
		<section class="thread" aria-label={`Conversation of ${from} with ${to}`}>
			<Head from={from} to={to} session={session} />
			<Thread key={age} thread={thread} target={target} />
			<News thread={thread} />
			{may("message") && teams.value.has(to) && <Composer from={from} to={to} />}
			{!teams.value.has(to) && <p class="list-note">{to} is no team any more; nothing can be sent to it.</p>}
		</section>
	);
}
