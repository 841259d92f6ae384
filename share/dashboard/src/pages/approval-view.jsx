/* SPDX-License-Identifier: MIT
 *
 * One permission request: who wants what and why, how long it waits still, and the answer to it. The
 * same in the inbox and in the dialog above other pages.
 */
import { useEffect, useState } from "preact/hooks";
import { serverTime } from "../lib/clock.js";
import { decide } from "../lib/decide.js";
import { displayName, duration } from "../lib/format.js";
import { href } from "../lib/router.js";
import { Badge, Button, Check, ErrorBox, Input, Select, StateBadge, TeamName, Textarea, TimeAgo, useNow } from "../ui/index.js";
import { ApprovalInput, isQuestion, reveal } from "./approval-input.jsx";
import { withAnswers } from "./approval-questions.jsx";

const SOON = 30000;
/* Nobody has read in less time what has just come to be under the pointer, or under a key. */
const READ = 400;

const LASTING = [
	{ value: "", label: "until I revoke it" },
	{ value: "3600000", label: "for an hour" },
	{ value: "86400000", label: "for a day" },
	{ value: "2592000000", label: "for 30 days" },
];

/** How long it waits still, by irisd's clock. */
export function Countdown({ deadline }) {
	const left = deadline - serverTime(useNow());

	return (
		<Badge tone={left < SOON ? "bad" : "warn"} title="Without an answer it is denied then">
			{left > 0 ? `${duration(Math.ceil(left / 1000) * 1000)} left` : "time is over"}
		</Badge>
	);
}

const HOW = { cli: "by iris approvals", mcp: "from a Claude Code", elicitation: "from a Claude Code",
	deadline: "nobody answered in time" };

const howOf = ({ via, by = "" }) => HOW[via] ?? (via === "web" ? (by.startsWith("dashboard") ? "in the browser" : "over HTTP") : via);

/** What has become of one that has ended. */
function Outcome({ p, onPutAway }) {
	return (
		<p class="approval-outcome">
			<StateBadge state={p.state} />{" "}
			{p.by && <>by {p.by} </>}
			{p.via && <span class="muted">({howOf(p)}) </span>}
			{p.decidedAt && <TimeAgo at={p.decidedAt} />}
			{p.reason && <span class="approval-reason">“{p.reason}”</span>}
			{onPutAway && (
				<Button small kind="quiet" onClick={onPutAway}>
					Put away
				</Button>
			)}
		</p>
	);
}

function Facts({ p }) {
	return (
		<dl class="facts">
			{p.from && (
				<div>
					<dt>Asked by</dt>
					<dd>
						{p.message ? (
							<a href={href("conversations", p.from, p.team, { m: p.message })}>{displayName(p.from)}</a>
						) : (
							displayName(p.from)
						)}
					</dd>
				</div>
			)}
			<div>
				<dt>Why you are asked</dt>
				<dd>{p.why}</dd>
			</div>
			{p.blockedPath && (
				<div>
					<dt>Path</dt>
					<dd>
						<code>{reveal(p.blockedPath)}</code>
					</dd>
				</div>
			)}
			{p.description && p.description !== p.input?.description && (
				<div>
					<dt>Claude Code says</dt>
					<dd>{reveal(p.description)}</dd>
				</div>
			)}
			<div>
				<dt>Came</dt>
				<dd>
					<TimeAgo at={p.createdAt} />
				</dd>
			</div>
		</dl>
	);
}

/* The text of the input as a person has changed it: the object, or why it is none. */
function parse(text) {
	try {
		const value = JSON.parse(text);
		return value !== null && typeof value === "object" && !Array.isArray(value) ? { value } : { error: "This must be an object: { ... }" };
	} catch (e) {
		return { error: `This is no JSON: ${e.message}` };
	}
}

function useEarly() {
	const [early, setEarly] = useState(true);

	useEffect(() => {
		const timer = setTimeout(() => setEarly(false), READ);
		return () => clearTimeout(timer);
	}, []);
	return early;
}

function wordOf(isChanged, given) {
	if (isChanged)
		return "Allow as changed";
	return given ? "Answer" : "Allow";
}

/*
 * The buttons. What is typed belongs to this request alone: the caller gives it a key. given: what the
 * person has answered, where Claude asks the person itself.
 */
function Answer({ p, onDone, keys, given }) {
	const [reason, setReason] = useState("");
	const [remember, setRemember] = useState(false);
	const [lasting, setLasting] = useState("");
	const [text, setText] = useState(null);
	const [error, setError] = useState(null);
	const changed = text === null ? {} : parse(text);
	const early = useEarly();
	const remembers = remember && text === null;

	async function answer(behavior) {
		const updatedInput = given && text === null ? withAnswers(p.input, given) : changed.value;
		if (early)
			return;
		if (behavior === "allow" && given && !updatedInput) {
			setError(new Error("Choose an answer above, or write one. To let it go on without one, deny it and say why."));
			return;
		}
		setError(null);
		try {
			await decide(p, {
				behavior,
				reason: reason.trim() || undefined,
				updatedInput: behavior === "allow" ? updatedInput : undefined,
				remember: behavior === "allow" && remembers ? true : undefined,
				expires: behavior === "allow" && remembers && lasting !== "" ? Number(lasting) : undefined,
			});
			onDone?.(p);
		} catch (e) {
			setError(e);
		}
	}
	return (
		<div class="approval-answer">
			{text !== null && (
				<Textarea
					label="Allow with this input instead"
					class="mono-field"
					rows={Math.min(14, text.split("\n").length + 1)}
					spellcheck={false}
					value={text}
					onInput={setText}
					error={changed.error}
				/>
			)}
			<Input label="Reason, for Claude to read (optional)" maxLength={1000} value={reason} onInput={setReason} />
			{p.rule && text === null && (
				<div class="approval-remember">
					<Check
						label={
							<>
								Allow <code>{reveal(p.rule)}</code> from now on, without asking
							</>
						}
						checked={remember}
						onInput={setRemember}
					/>
					{remember && <Select label="How long" class="inline" options={LASTING} value={lasting} onInput={setLasting} />}
				</div>
			)}
			{error && <ErrorBox title={error.code ? "The answer was not taken" : "There is no answer yet"} error={error} />}
			<div class="actions">
				<Button kind="primary" icon="check" disabled={text !== null && !changed.value} aria-disabled={early || undefined}
					onClick={() => answer("allow")}
					aria-keyshortcuts={keys ? "a" : undefined} data-answer="allow">
					{wordOf(text !== null, given)}
					{keys && <kbd aria-hidden="true">A</kbd>}
				</Button>
				<Button kind="danger" icon="close" aria-disabled={early || undefined} onClick={() => answer("deny")}
					aria-keyshortcuts={keys ? "d" : undefined} data-answer="deny">
					Deny
					{keys && <kbd aria-hidden="true">D</kbd>}
				</Button>
				<Button kind="quiet" icon="edit" onClick={() => setText(text === null ? JSON.stringify((given && withAnswers(p.input, given)) ?? p.input, null, 2) : null)}>
					{text === null ? "Change the input" : "As it was asked"}
				</Button>
			</div>
		</div>
	);
}

/** What a team's Claude is waiting for, in words. */
export const wishOf = (p) => (isQuestion(p.tool, p.input) ? "asks you something" : `wants to use ${p.tool}`);

/** @param {{p: object, onDone?: (p: object) => void, onPutAway?: () => void, keys?: boolean}} props */
export function ApprovalView({ p, onDone, onPutAway, keys }) {
	const [given, setGiven] = useState([]);
	const asks = p.state === "pending" && isQuestion(p.tool, p.input);

	return (
		<article class="approval" aria-label={`${p.team} ${wishOf(p)}`}>
			<header class="approval-head">
				<p class="approval-title">
					<TeamName name={p.team} /> {isQuestion(p.tool, p.input) ? "asks you" : <>wants to use <strong>{p.tool}</strong></>}
				</p>
				{p.state === "pending" ? <Countdown deadline={p.deadline} /> : null}
			</header>
			<ApprovalInput tool={p.tool} input={p.input} {...(asks && { given, onGive: setGiven })} />
			{p.updatedInput && (
				<>
					<p class="muted">It was given this instead:</p>
					<ApprovalInput tool={p.tool} input={p.updatedInput} />
				</>
			)}
			<Facts p={p} />
			{p.state === "pending" ? <Answer p={p} onDone={onDone} keys={keys} given={asks ? given : undefined} /> : <Outcome p={p} onPutAway={onPutAway} />}
		</article>
	);
}
