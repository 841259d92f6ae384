/* SPDX-License-Identifier: MIT
 *
 * Who talks to whom: teams on a circle, a curve for each conversation, live where a turn runs. The
 * same is below as a list, for who does not see the picture, and to go there.
 */
import { href } from "../lib/router.js";
import { colorOf, sessions } from "../lib/store.js";
import { displayName, plural } from "../lib/format.js";
import { Card, StateBadge, TimeAgo } from "../ui/index.js";

const MOST_NODES = 12;
const LISTED = 8;
const SIZE = 340, HEIGHT = 250, RADIUS = 86;

/* The latest conversations whose ends are the MOST_NODES that were last at it. */
function pick(list) {
	const names = new Set();
	const edges = [];

	for (const s of [...list].sort((a, b) => b.lastUsed - a.lastUsed)) {
		const more = [s.from, s.to].filter((n) => !names.has(n)).length;
		if (names.size + more > MOST_NODES)
			continue;
		names.add(s.from);
		names.add(s.to);
		edges.push(s);
	}
	return { names: [...names].sort(), edges };
}

function place(names) {
	return new Map(names.map((name, i) => {
		const turn = (2 * Math.PI * i) / names.length - Math.PI / 2;
		const x = SIZE / 2 + RADIUS * Math.cos(turn), y = HEIGHT / 2 + RADIUS * Math.sin(turn);
		const side = Math.abs(Math.cos(turn)) < 0.2 ? "middle" : Math.cos(turn) > 0 ? "start" : "end";
		const label = {
			x: x + (side === "start" ? 11 : side === "end" ? -11 : 0),
			y: y + (side === "middle" ? (Math.sin(turn) > 0 ? 22 : -14) : 4),
			side,
		};
		return [name, { x, y, label }];
	}));
}

const shortName = (name, n) => {
	const text = displayName(name);

	return text.length > n ? `${text.slice(0, n - 1)}…` : text;
};

/* A curve that bends to its left, so that the two directions of a pair are two curves. */
function curve(a, b) {
	const dx = b.x - a.x, dy = b.y - a.y, length = Math.hypot(dx, dy) || 1;
	const bend = Math.min(26, length / 5);
	const mx = (a.x + b.x) / 2 + (dy / length) * bend, my = (a.y + b.y) / 2 - (dx / length) * bend;
	const end = Math.hypot(b.x - mx, b.y - my) || 1;

	return `M${a.x} ${a.y} Q${mx} ${my} ${b.x - ((b.x - mx) / end) * 11} ${b.y - ((b.y - my) / end) * 11}`;
}

const kindOf = (s) => (s.state === "busy" ? "busy" : s.queued > 0 ? "queued" : "still");

function Picture({ names, edges }) {
	const spots = place(names);
	const busy = edges.filter((s) => s.state === "busy").map((s) => `${s.from} to ${s.to}`);

	return (
		<svg
			class="graph"
			viewBox={`0 0 ${SIZE} ${HEIGHT}`}
			role="img"
			aria-label={`${plural(edges.length, "conversation")} between ${names.length} teams and guests; ${
				busy.length > 0 ? `at work now: ${busy.join(", ")}` : "none is at work now"
			}. The list below has the same.`}
		>
			<defs>
				{["busy", "queued", "still"].map((kind) => (
					<marker key={kind} id={`tip-${kind}`} viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7"
						markerUnits="userSpaceOnUse" orient="auto">
						<path class={`tip ${kind}`} d="M0 0.5L7 4L0 7.5z" />
					</marker>
				))}
			</defs>
			{edges.map((s) => s.from !== s.to && (
				<path
					key={`${s.from}\0${s.to}`}
					class={`edge ${kindOf(s)}`}
					d={curve(spots.get(s.from), spots.get(s.to))}
					stroke-width={Math.min(3.5, 1 + Math.log10(1 + s.messages))}
					marker-end={`url(#tip-${kindOf(s)})`}
				/>
			))}
			{names.map((name) => {
				const { x, y, label } = spots.get(name);
				return (
					<g key={name}>
						<circle cx={x} cy={y} r="6.5" fill={colorOf(name)} class="node" />
						<text x={label.x} y={label.y} text-anchor={label.side}>
							{shortName(name, label.side === "middle" ? 24 : 11)}
							<title>{name}</title>
						</text>
					</g>
				);
			})}
		</svg>
	);
}

export function TalkGraph() {
	const list = [...sessions.value.values()].filter((s) => s.messages > 0 || s.queued > 0 || s.current);
	const { names, edges } = pick(list);
	const rank = { busy: 0, queued: 1, still: 2 };
	const listed = [...edges].sort((a, b) => rank[kindOf(a)] - rank[kindOf(b)] || b.lastUsed - a.lastUsed).slice(0, LISTED);

	return (
		<Card title="Who talks to whom" class="talks">
			{edges.length === 0 ? (
				<p class="muted">Nobody has asked anybody yet. Press “Ask” on a team, or let a Claude Code session use the tool ask_message.</p>
			) : (
				<>
					<Picture names={names} edges={edges} />
					<ul class="talk-list" aria-label="Conversations, those at work first">
						{listed.map((s) => (
							<li key={`${s.from}\0${s.to}`}>
								<a href={href("conversations", s.from, s.to)}>
									<span class="talk-names">
										{displayName(s.from)} → {s.to}
									</span>
									{kindOf(s) === "still" ? (
										<span class="muted small">
											<TimeAgo at={s.lastUsed} />
										</span>
									) : (
										<StateBadge state={s.state === "busy" ? "busy" : "queued"} label={s.state === "busy" ? "at work" : `${s.queued} queued`} />
									)}
								</a>
							</li>
						))}
					</ul>
					{list.length > listed.length && (
						<p class="small">
							<a href={href("conversations")}>All {list.length} conversations</a>
						</p>
					)}
				</>
			)}
		</Card>
	);
}
