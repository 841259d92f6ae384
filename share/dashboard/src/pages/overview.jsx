/* SPDX-License-Identifier: MIT
 *
 * The page Overview: the figures of the moment, the teams as cards, and who talks to whom.
 */
import { useState } from "preact/hooks";
import { displayName, short } from "../lib/format.js";
import { href } from "../lib/router.js";
import { may } from "../lib/session.js";
import { byTeam, costsToday, oldestOpen, open, pool, status, teams } from "../lib/store.js";
import { Button, Empty, Money, TimeAgo } from "../ui/index.js";
import { TalkGraph } from "./overview-graph.jsx";
import { TeamCard } from "./overview-team.jsx";
import { AskDialog, RemoveTeam, TeamDialog } from "./team-dialogs.jsx";

function Figure({ title, children, note, to }) {
	const Tag = to ? "a" : "div";

	return (
		<Tag class="figure" href={to}>
			<span class="figure-title">{title}</span>
			<span class="figure-value num">{children}</span>
			<span class="figure-note">{note}</span>
		</Tag>
	);
}

function Meter({ value, max }) {
	return (
		<span class="meter" aria-hidden="true">
			<span style={{ width: `${max > 0 ? Math.min(100, (100 * value) / max) : 0}%` }} />
		</span>
	);
}

function Figures() {
	const all = [...teams.value.values()];
	const sums = [...byTeam.value.values()];
	const sum = (of) => sums.reduce((n, t) => n + of(t), 0);
	const { active = 0, max = 0, waiting = 0 } = pool.value ?? {};
	const oldest = oldestOpen.value;
	const cost = [...costsToday.value.values()].reduce((a, b) => a + b, 0);
	const queued = sum((t) => t.queued);
	const busy = sum((t) => t.busy.length);

	return (
		<div class="figures">
			<Figure title="Teams" note={`${all.filter((t) => t.status === "awake").length} awake`}>
				{all.length}
			</Figure>
			<Figure title="At work" note={queued > 0 ? `${queued} queued` : "nothing queued"} to={href("conversations")}>
				{busy}
			</Figure>
			<Figure
				title="Processes"
				note={waiting > 0 ? `${waiting} waiting for a place` : <Meter value={active} max={max} />}
				to={href("processes")}
			>
				{active}
				<small> / {max}</small>
			</Figure>
			<Figure
				title="Oldest open message"
				note={oldest ? `${displayName(oldest.from)} → ${oldest.to}` : "all have ended"}
				to={oldest && href("conversations", oldest.from, oldest.to, { m: oldest.id })}
			>
				{oldest ? <TimeAgo at={oldest.createdAt} /> : "none"}
			</Figure>
			<Figure title="Open messages" note={`${short(status.value?.messages?.answered)} answered`}>
				{open.value.size}
			</Figure>
			<Figure title="Cost today" note="of all teams" to={href("costs")}>
				<Money usd={cost} />
			</Figure>
		</div>
	);
}

const ORDERS = {
	name: { title: "by name", of: () => 0 },
	activity: { title: "latest first", of: (t) => -(byTeam.value.get(t.name)?.lastUsed ?? 0) },
	queue: { title: "longest queue", of: (t) => -(byTeam.value.get(t.name)?.queued ?? 0) },
	cost: { title: "highest cost today", of: (t) => -(costsToday.value.get(t.name) ?? 0) },
};

const matches = (t, words) =>
	words.every((w) => [t.name, t.description, t.path, t.remote, t.status].join(" ").toLowerCase().includes(w));

function NoTeams({ onAdd }) {
	return (
		<Empty
			icon="overview"
			title="No team yet"
			actions={
				may("admin") && (
					<Button kind="primary" icon="plus" onClick={onAdd}>
						Add the first team
					</Button>
				)
			}
		>
			<p>A team is a project with a Claude of its own that other projects may ask. Add a directory of yours here, or on the command line:</p>
			<code>iris team add backend ~/src/backend --description "The orders service and its API"</code>
		</Empty>
	);
}

export default function Overview() {
	const [filter, setFilter] = useState("");
	const [order, setOrder] = useState("name");
	const [dialog, setDialog] = useState(null);
	const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
	const shown = [...teams.value.values()].filter((t) => matches(t, words))
		.sort((a, b) => ORDERS[order].of(a) - ORDERS[order].of(b));
	const close = () => setDialog(null);
	const adding = { what: "edit", team: null };

	return (
		<>
			<div class="page-head">
				<h1>Overview</h1>
				{teams.value.size > 0 && (
					<div class="actions">
						<input
							class="input filter"
							type="search"
							data-search
							placeholder="Filter teams"
							aria-label="Filter teams"
							value={filter}
							onInput={(e) => setFilter(e.currentTarget.value)}
						/>
						<select
							class="input order"
							aria-label="Order of teams"
							value={order}
							onChange={(e) => setOrder(e.currentTarget.value)}
						>
							{Object.entries(ORDERS).map(([id, { title }]) => (
								<option key={id} value={id}>
									{title}
								</option>
							))}
						</select>
						{may("admin") && (
							<Button kind="primary" icon="plus" onClick={() => setDialog(adding)}>
								Add team
							</Button>
						)}
					</div>
				)}
			</div>
			{teams.value.size === 0 ? (
				<NoTeams onAdd={() => setDialog(adding)} />
			) : (
				<>
					<Figures />
					<div class="overview">
						<ul class="teams" aria-label="Teams">
							{shown.map((t) => (
								<TeamCard
									key={t.name}
									team={t}
									onAsk={() => setDialog({ what: "ask", team: t })}
									onEdit={() => setDialog({ what: "edit", team: t })}
									onRemove={() => setDialog({ what: "remove", team: t })}
								/>
							))}
							{shown.length === 0 && <li class="muted">No team matches “{filter}”.</li>}
						</ul>
						<TalkGraph />
					</div>
				</>
			)}
			{dialog?.what === "ask" && <AskDialog to={dialog.team.name} onClose={close} />}
			{dialog?.what === "edit" && <TeamDialog team={dialog.team} onClose={close} />}
			{dialog?.what === "remove" && <RemoveTeam team={dialog.team} onClose={close} />}
		</>
	);
}
