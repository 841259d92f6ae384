/* SPDX-License-Identifier: MIT
 *
 * Small words about a state, each with a dot whose form tells as well as its colour; and names of
 * teams in their colours.
 */
import { displayName } from "../lib/format.js";
import { colorOf, teams } from "../lib/store.js";
import { href } from "../lib/router.js";

/** @param {{tone?: "neutral"|"ok"|"busy"|"warn"|"bad"|"info"}} props */
export function Badge({ tone = "neutral", children, title }) {
	return (
		<span class={`badge ${tone}`} title={title}>
			{children}
		</span>
	);
}

const TONES = {
	queued: "neutral", sent: "info", seen: "busy", answered: "ok", failed: "bad", expired: "warn", cancelled: "neutral",
	asleep: "neutral", waiting: "warn", starting: "info", idle: "ok", busy: "busy", stopping: "neutral", awake: "ok",
	pending: "warn", allowed: "ok", denied: "bad", withdrawn: "neutral",
	delivered: "ok", active: "ok", revoked: "bad",
};

/** The state of a message, session, team, permission, delivery. */
export function StateBadge({ state, label = state, title }) {
	return (
		<Badge tone={TONES[state] ?? "neutral"} title={title}>
			<span class={`dot ${TONES[state] ?? "neutral"} ${state === "busy" || state === "seen" ? "pulse" : ""}`} />
			{label}
		</Badge>
	);
}

/** The colour of a team, as a dot. */
export function Dot({ name }) {
	return <span class="team-dot" style={{ background: colorOf(name) }} aria-hidden="true" />;
}

/** The name of a team or guest; a link to the team where there is one, unless plain. */
export function TeamName({ name, plain = false }) {
	const text = (
		<>
			<Dot name={name} />
			<span class="team-text" title={name}>
				{displayName(name)}
			</span>
		</>
	);

	return !plain && teams.value.has(name) ? (
		<a class="team-name" href={href("conversations", { team: name })}>
			{text}
		</a>
	) : (
		<span class="team-name">{text}</span>
	);
}
