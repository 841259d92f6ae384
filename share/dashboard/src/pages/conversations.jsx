/* SPDX-License-Identifier: MIT
 *
 * The page Conversations: the pairs at the left, what a pair has said at the right; on a phone the one
 * or the other. #/conversations/FROM/TO?m=ID shows one message; ?team=T the pairs of a team.
 */
import { useEffect, useState } from "preact/hooks";
import { get } from "../lib/api.js";
import { displayName } from "../lib/format.js";
import { href, navigate } from "../lib/router.js";
import { may } from "../lib/session.js";
import { pairKey, sessions } from "../lib/store.js";
import { Button, Dot, Empty, ErrorBox, IconButton, Spinner, StateBadge, TimeAgo, VirtualList } from "../ui/index.js";
import { AskDialog } from "./team-dialogs.jsx";
import { Conversation } from "./conversation.jsx";

const SEARCH_AFTER = 250;
const RANK = { busy: 0, starting: 1, waiting: 1 };

const order = (a, b) => (RANK[a.state] ?? 2) - (RANK[b.state] ?? 2) || b.lastUsed - a.lastUsed;

function Pair({ session: s, current }) {
	return (
		<a
			class={`pair ${current ? "current" : ""}`}
			href={href("conversations", s.from, s.to)}
			aria-current={current ? "true" : undefined}
		>
			<span class="pair-names">
				<Dot name={s.from} />
				<span title={s.from}>{displayName(s.from)}</span>
				<span class="muted" aria-label="to">
					→
				</span>
				<Dot name={s.to} />
				<span title={s.to}>{displayName(s.to)}</span>
			</span>
			<span class="pair-more">
				{s.state === "busy" || s.state === "waiting" || s.state === "starting" ? (
					<span class={`pair-state ${s.state}`}>{s.activity ?? s.state}</span>
				) : (
					<span>
						<TimeAgo at={s.lastUsed} />
					</span>
				)}
				<span class="num">{s.queued > 0 ? `${s.queued} queued` : s.messages}</span>
			</span>
		</a>
	);
}

/* {items, error} of a search by words, a moment after the last key. */
function useSearch(words) {
	const [found, setFound] = useState({ words: "", items: null, error: null });

	useEffect(() => {
		if (words.trim().length < 2) {
			setFound({ words, items: null, error: null });
			return undefined;
		}
		const abort = new AbortController();
		const timer = setTimeout(async () => {
			try {
				const { items } = await get("/messages", { q: words, limit: 50 }, { signal: abort.signal });
				setFound({ words, items, error: null });
			} catch (error) {
				if (error.name !== "AbortError")
					setFound({ words, items: [], error });
			}
		}, SEARCH_AFTER);
		return () => {
			clearTimeout(timer);
			abort.abort();
		};
	}, [words]);
	return found;
}

function Found({ found, words }) {
	if (found.error)
		return <ErrorBox title="The search did not work" error={found.error} />;
	if (!found.items || found.words !== words)
		return <Spinner label="Searching" />;
	if (found.items.length === 0)
		return <p class="list-note">No message has these words. All of them must be in it, or beginnings of its words with a * behind.</p>;
	return (
		<ul class="found" aria-label="Messages found">
			{found.items.map((m) => (
				<li key={m.id}>
					<a href={href("conversations", m.from, m.to, { m: m.id })}>
						<span class="found-names">
							{displayName(m.from)} → {displayName(m.to)}
						</span>
						<span class="found-text">{m.excerpt}</span>
						<span class="found-more muted small">
							<TimeAgo at={m.createdAt} />
							<StateBadge state={m.state} />
						</span>
					</a>
				</li>
			))}
		</ul>
	);
}

function PairList({ from, to, team, onNew }) {
	const [words, setWords] = useState("");
	const found = useSearch(words);
	const all = [...sessions.value.values()];
	const text = words.toLowerCase();
	const names = (s) => `${s.from} ${s.to} ${displayName(s.from)}`.toLowerCase();
	const shown = all.filter((s) => (!team || s.from === team || s.to === team) && names(s).includes(text)).sort(order);
	const current = pairKey(from ?? "", to ?? "");

	return (
		<section class="pairs" aria-label="Conversations">
			<header class="pairs-head">
				<h1>Conversations</h1>
				{may("message") && <IconButton icon="plus" label="New question" onClick={onNew} />}
			</header>
			<div class="pairs-search">
				<input
					class="input"
					type="search"
					data-search
					placeholder="Search pairs and messages"
					aria-label="Search pairs and messages"
					value={words}
					onInput={(e) => setWords(e.currentTarget.value)}
				/>
				{team && (
					<a class="chip" href={href("conversations")} aria-label={`Only ${team}: show all`}>
						{team} ×
					</a>
				)}
			</div>
			{words.trim().length >= 2 ? (
				<div class="pairs-scroll">
					{shown.slice(0, 8).map((s) => (
						<Pair key={pairKey(s.from, s.to)} session={s} current={pairKey(s.from, s.to) === current} />
					))}
					<h2 class="list-title">Messages</h2>
					<Found found={found} words={words} />
				</div>
			) : shown.length > 0 ? (
				<VirtualList
					label="Pairs"
					class="pairs-scroll"
					items={shown}
					itemKey={(s) => pairKey(s.from, s.to)}
					estimate={57}
					render={(s) => <Pair session={s} current={pairKey(s.from, s.to) === current} />}
				/>
			) : (
				<p class="list-note">{team ? `${team} has no conversation yet.` : "No conversation yet."}</p>
			)}
		</section>
	);
}

function Nothing({ onNew }) {
	return sessions.value.size === 0 ? (
		<Empty
			icon="conversations"
			title="No conversation yet"
			actions={
				may("message") && (
					<Button kind="primary" icon="plus" onClick={onNew}>
						Ask a team
					</Button>
				)
			}
		>
			<p>Ask a team here, say “ask the backend team …” in a Claude Code session of another project, or use the command line:</p>
			<code>iris ask backend "How do you version the API?"</code>
		</Empty>
	) : (
		<Empty icon="conversations" title="Choose a conversation">
			<p>Or search for words that were said: press / and type.</p>
		</Empty>
	);
}

export default function Conversations({ rest: [from, to], query }) {
	const [asking, setAsking] = useState(false);
	const team = query.get("team") ?? undefined;
	const target = query.get("m") ?? undefined;

	/* A link to a message alone: find out whose it is. */
	useEffect(() => {
		if (from === undefined && target)
			get(`/messages/${encodeURIComponent(target)}`)
				.then((m) => navigate(href("conversations", m.from, m.to, { m: m.id }), { replace: true }))
				.catch(() => navigate(href("conversations"), { replace: true }));
	}, [from, target]);
	return (
		<div class={`talk ${to === undefined ? "no-pair" : ""}`}>
			<PairList from={from} to={to} team={team} onNew={() => setAsking(true)} />
			{to === undefined ? (
				<div class="thread-empty">
					<Nothing onNew={() => setAsking(true)} />
				</div>
			) : (
				<Conversation key={pairKey(from, to)} from={from} to={to} target={target} />
			)}
			{asking && <AskDialog to={team} onClose={() => setAsking(false)} />}
		</div>
	);
}
