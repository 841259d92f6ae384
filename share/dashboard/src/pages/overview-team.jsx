/* SPDX-License-Identifier: MIT
 *
 * A team as a card: what it is, what it does now, what waits for it, and what can be done with it.
 */
import { post, path } from "../lib/api.js";
import { displayName, plural } from "../lib/format.js";
import { href } from "../lib/router.js";
import { may } from "../lib/session.js";
import { byTeam, colorOf, costsToday } from "../lib/store.js";
import { Button, Icon, IconButton, Menu, Money, StateBadge, TimeAgo, toast } from "../ui/index.js";

const BUSY_SHOWN = 2;

/* What stands in the way of reaching it, in one sentence; null when nothing does. */
function problemOf(t) {
	if (!t.exists)
		return "Its directory does not exist: make it, or edit the team's path.";
	if (t.down)
		return `Not started any more: ${t.down}`;
	if (t.line)
		return `No line to ${t.line.host}: ${t.line.why}`;
	if (t.tunnel?.state === "revoked")
		return "Its tunnel is revoked: iris remote grant.";
	return null;
}

function stateOf(t, sum) {
	if (t.down || !t.exists)
		return ["failed", "down"];
	if (t.line)
		return ["expired", "no line"];
	if (sum?.busy.length > 0)
		return ["busy", "at work"];
	if (sum?.waiting > 0)
		return ["waiting", "waiting"];
	return t.status === "awake" ? ["awake", "awake"] : ["asleep", "asleep"];
}

function Activity({ sum }) {
	if (!sum || sum.sessions === 0)
		return <p class="muted">Nobody has asked it yet.</p>;
	if (sum.busy.length === 0)
		return (
			<p class="muted">
				Last asked <TimeAgo at={sum.lastUsed} />
			</p>
		);
	return (
		<ul class="doing">
			{sum.busy.slice(0, BUSY_SHOWN).map((s) => (
				<li key={s.from}>
					<a href={href("conversations", s.from, s.to, { m: s.current })} title={s.activity}>
						<b>{displayName(s.from)}</b> <span>{s.activity ?? "at work"}</span>
					</a>
				</li>
			))}
			{sum.busy.length > BUSY_SHOWN && <li class="muted">and {sum.busy.length - BUSY_SHOWN} more</li>}
		</ul>
	);
}

/** Stop a team's processes; one that is at work is left alone, and that is said. */
export async function sleepTeam(team, body = {}) {
	const r = await post(path`/teams/${team}/sleep`, body);

	toast.ok(r.status === "already_asleep" ? `${team} is asleep already.` : `${team} sleeps: ${plural(r.stopped, "process", "processes")} stopped.`);
}

export async function wakeTeam(team, body = {}) {
	const r = await post(path`/teams/${team}/wake`, body);

	toast.ok(`${team} is awake for ${r.from}.`);
}

export function TeamCard({ team: t, onAsk, onEdit, onRemove }) {
	const sum = byTeam.value.get(t.name);
	const problem = problemOf(t);
	const [state, label] = stateOf(t, sum);
	const cost = costsToday.value.get(t.name);

	return (
		<li class="team" style={{ borderLeftColor: colorOf(t.name) }}>
			<header>
				<h2>
					<a href={href("conversations", { team: t.name })}>{t.name}</a>
				</h2>
				<StateBadge state={state} label={label} />
				{may("admin") && (
					<Menu
						label={`More for ${t.name}`}
						items={[
							{ title: "Edit", icon: "edit", onSelect: onEdit },
							{ title: "Remove", icon: "trash", danger: true, onSelect: onRemove },
						]}
					/>
				)}
			</header>
			<p class="team-about" title={t.description}>
				{t.description}
			</p>
			<p class="team-path mono" title={t.remote ? `${t.remote} ${t.path}` : t.path}>
				{t.remote ? `${t.remote.replace(/^ssh /, "")}:${t.path}` : t.path}
			</p>
			<div class="team-now">
				{problem ? (
					<p class="problem">
						<Icon name="warning" size={14} /> {problem}
					</p>
				) : (
					<Activity sum={sum} />
				)}
			</div>
			<footer>
				<span class="team-figures num">
					<span class={sum?.queued > 0 ? "waits" : ""}>{sum?.queued ?? 0} queued</span>
					<span>{plural(sum?.messages ?? 0, "answer")}</span>
					{cost > 0 && (
						<span>
							<Money usd={cost} /> today
						</span>
					)}
				</span>
				{may("manage") && t.status === "asleep" && (
					<IconButton small icon="wake" label={`Wake ${t.name}`} onClick={() => wakeTeam(t.name)} />
				)}
				{may("manage") && t.status !== "asleep" && (
					<IconButton small icon="sleep" label={`Put ${t.name} to sleep`} onClick={() => sleepTeam(t.name)} />
				)}
				{may("message") && (
					<Button small icon="send" aria-label={`Ask ${t.name}`} onClick={onAsk}>
						Ask
					</Button>
				)}
			</footer>
		</li>
	);
}
