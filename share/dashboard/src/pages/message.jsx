/* SPDX-License-Identifier: MIT
 *
 * One message of a thread: the question, what its turn has said and used so far or its answer, its
 * steps on the ladder, and on demand the evidence of each. The whole of it is loaded when it has been
 * in view for a moment.
 */
import { useEffect, useState } from "preact/hooks";
import { path, post } from "../lib/api.js";
import { clockMs, dateTime, duration, money, plural, short, when } from "../lib/format.js";
import { href } from "../lib/router.js";
import { may } from "../lib/session.js";
import { FINAL } from "../lib/store.js";
import { runningText, wholeMessage } from "../lib/threads.js";
import { Button, CopyButton, Icon, StateBadge, TeamName, Text, TimeAgo } from "../ui/index.js";

const LOOKED_AT = 120;
const STEPS = ["queued", "sent", "seen", "answered"];
const LINES = 18;

/* The whole message once it is there, else what the list had of it. */
function useWhole(brief) {
	const [looked, setLooked] = useState(false);

	useEffect(() => {
		const timer = setTimeout(() => setLooked(true), LOOKED_AT);
		return () => clearTimeout(timer);
	}, []);
	const { message, error } = looked ? wholeMessage(brief.id).value : { message: null, error: null };
	if (!message)
		return { m: brief, error, isWhole: false };
	return (message.updatedAt ?? 0) >= (brief.updatedAt ?? 0)
		? { m: message, error, isWhole: true }
		: { m: { ...message, state: brief.state, updatedAt: brief.updatedAt }, error, isWhole: true };
}

/* One step for each rung; the one where it ended otherwise takes the place of those it never reached. */
function Ladder({ m }) {
	const receipts = m.receipts ?? [];
	const at = (state) => receipts.find((r) => r.state === state)?.at;
	const ended = FINAL.has(m.state) && m.state !== "answered";
	const reached = ended ? STEPS.filter((s) => at(s)) : STEPS.slice(0, STEPS.indexOf(m.state) + 1);
	const steps = ended ? [...reached, m.state] : STEPS;

	return (
		<ol class="ladder" aria-label="Steps">
			{steps.map((s) => {
				const done = reached.includes(s) || s === m.state;
				return (
					<li key={s} class={`${done ? "done" : ""} ${s === m.state ? "now" : ""} ${s}`} title={at(s) && dateTime(at(s))}>
						<span class="rung" aria-hidden="true" />
						{s}
						{!done && <span class="sr-only"> not yet</span>}
					</li>
				);
			})}
		</ol>
	);
}

function Evidence({ m }) {
	const receipts = m.receipts ?? [];

	return (
		<div class="evidence">
			<table class="evidence-table">
				<caption class="sr-only">Steps of this message</caption>
				<thead>
					<tr>
						<th scope="col">Step</th>
						<th scope="col">At</th>
						<th scope="col">After</th>
						<th scope="col">Evidence</th>
					</tr>
				</thead>
				<tbody>
					{receipts.map((r, i) => (
						<tr key={i}>
							<td>
								<StateBadge state={r.state} />
							</td>
							<td class="num" title={dateTime(r.at)}>
								{clockMs(r.at)}
							</td>
							<td class="num">{i > 0 ? `+${duration(r.at - receipts[i - 1].at)}` : ""}</td>
							<td class="evidence-text">{r.evidence}</td>
						</tr>
					))}
				</tbody>
			</table>
			<dl class="message-facts">
				<div>
					<dt>Id</dt>
					<dd class="mono">{m.id}</dd>
				</div>
				{m.parent && (
					<div>
						<dt>Asked in the turn of</dt>
						<dd>
							<a class="mono" href={href("conversations", { m: m.parent })}>
								{m.parent}
							</a>{" "}
							({m.hops} before it)
						</dd>
					</div>
				)}
				{m.usage && (
					<div>
						<dt>Tokens</dt>
						<dd class="num">
							{short(m.usage.inputTokens)} in, {short(m.usage.outputTokens)} out, {short(m.usage.cacheReadTokens)} from the
							cache, {short(m.usage.cacheCreationTokens)} into it; {plural(m.usage.numTurns, "turn")}{m.usage.model && `; ${m.usage.model}`}
						</dd>
					</div>
				)}
				{m.expiresAt && !FINAL.has(m.state) && (
					<div>
						<dt>Expires</dt>
						<dd>
							<TimeAgo at={m.expiresAt} />
						</dd>
					</div>
				)}
			</dl>
			<div class="actions">
				<CopyButton text={m.id} label="Copy the id" />
				<CopyButton text={`${location.origin}/${href("conversations", m.from, m.to, { m: m.id })}`} label="Copy a link" />
			</div>
		</div>
	);
}

const inputOf = (t) => (typeof t.input === "string" ? t.input : JSON.stringify(t.input) ?? "");

function Tools({ tools, live }) {
	const [all, setAll] = useState(false);
	const shown = all ? tools : tools.slice(live ? -3 : 0, live ? undefined : 3);

	if (tools.length === 0)
		return null;
	return (
		<ul class="tool-calls" aria-label="Tools used">
			{shown.map((t, i) => (
				<li key={i}>
					<Icon name="tool" size={13} />
					<b>{t.name}</b>
					<span class="mono" title={inputOf(t)}>
						{inputOf(t)}
					</span>
				</li>
			))}
			{tools.length > shown.length && (
				<li>
					<button type="button" class="link-button" onClick={() => setAll(true)}>
						All {tools.length} tool calls
					</button>
				</li>
			)}
		</ul>
	);
}

function Running({ m }) {
	const { text, tools } = runningText(m.id).value;

	return (
		<div class="answer running">
			<Who name={m.to} />
			<Tools tools={tools} live />
			{text ? (
				<Text>{text}</Text>
			) : (
				<p class="muted">{m.state === "queued" ? "Waits for its turn." : m.state === "sent" ? "Handed over." : "At work."}</p>
			)}
		</div>
	);
}

const Who = ({ name, at }) => (
	<p class="who">
		<TeamName name={name} plain />
		{at && (
			<time class="muted small" dateTime={new Date(at).toISOString()} title={dateTime(at)}>
				{when(at)}
			</time>
		)}
	</p>
);

function Answer({ m, isWhole }) {
	const streamed = runningText(m.id).value.text;

	if (m.error)
		return (
			<div class="answer failed">
				<Who name={m.to} at={m.updatedAt} />
				<Tools tools={m.tools ?? []} />
				<Text clamp={LINES}>
					{m.error.code}: {m.error.reason}
				</Text>
			</div>
		);
	return (
		<div class="answer">
			<Who name={m.to} at={m.updatedAt} />
			<Tools tools={m.tools ?? []} />
			<Text clamp={LINES}>{isWhole && m.response !== undefined ? m.response : streamed || m.response || ""}</Text>
		</div>
	);
}

export function Message({ brief, marked }) {
	const { m, error, isWhole } = useWhole(brief);
	const [open, setOpen] = useState(false);
	const ended = FINAL.has(m.state);

	return (
		<article class={`message ${marked ? "marked" : ""}`} aria-label={`${m.from} asked ${m.to}, ${m.state}`} data-message={m.id}>
			<div class="question">
				<Who name={m.from} at={m.createdAt} />
				<Text clamp={LINES}>{m.message}</Text>
			</div>
			{ended ? <Answer m={m} isWhole={isWhole} /> : <Running m={m} />}
			<footer class="message-foot">
				<Ladder m={m} />
				<span class="message-sum num">
					{[ended && m.duration !== undefined && duration(m.duration), m.usage && `${short(m.usage.outputTokens)} tokens`,
						m.usage?.costUsd > 0 && money(m.usage.costUsd)].filter(Boolean).join(" · ")}
				</span>
				{!ended && may("message") && (
					<Button small icon="stop" onClick={() => post(path`/messages/${m.id}/cancel`)}>
						Cancel
					</Button>
				)}
				<button type="button" class="link-button" aria-expanded={open} onClick={() => setOpen(!open)}>
					Evidence
				</button>
			</footer>
			{error && <p class="field-error">The whole message could not be loaded: {error.message}</p>}
			{open && <Evidence m={m} />}
		</article>
	);
}
