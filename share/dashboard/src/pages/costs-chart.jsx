/* SPDX-License-Identifier: MIT
 *
 * Costs by day as stacked bars, a colour for each team; the same as a table for who does not see
 * them. Many teams: those that cost most have bars of their own, the others share one.
 */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { money } from "../lib/format.js";
import { colorOf } from "../lib/store.js";
import { Button, Card, Table } from "../ui/index.js";

const DAY = 86400000;
const OWN = 8;
const OTHERS = "others";
const HEIGHT = 220, LEFT = 52, BOTTOM = 22, TOP = 8;
const LABEL = 76;
const BARS_MAX = 120;

/* Every day from first to last; of a long time the last ones. */
function daysOf(first, last) {
	const days = [];

	for (let t = Date.parse(`${first}T12:00:00Z`); t <= Date.parse(`${last}T12:00:00Z`); t += DAY)
		days.push(new Date(t).toISOString().slice(0, 10));
	return days.slice(-BARS_MAX);
}

/* 1, 2 or 5 times a power of ten: the step of an axis with four lines at most. */
function stepOf(most) {
	const power = 10 ** Math.floor(Math.log10(most / 4 || 1));

	return [1, 2, 5, 10].map((n) => n * power).find((s) => most / s <= 4) ?? most;
}

/* With as many digits as the step of the axis has, so that no two lines have the same name. */
function axisMoney(usd, step) {
	const digits = step < 1 ? Math.max(2, -Math.floor(Math.log10(step) + 1e-9)) : 0;

	return usd === 0 ? "$0" : `$${usd.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/* day -> team -> cost, and its sum. */
function stacks(items, days, own) {
	const map = new Map(days.map((d) => [d, { day: d, sum: 0, parts: new Map() }]));

	for (const i of items) {
		const stack = map.get(i.day);
		if (!stack)
			continue;
		const name = own.includes(i.team) ? i.team : OTHERS;
		stack.parts.set(name, (stack.parts.get(name) ?? 0) + i.costUsd);
		stack.sum += i.costUsd;
	}
	return [...map.values()];
}

const fill = (name) => (name === OTHERS ? "var(--line-strong)" : colorOf(name));

/* The chart is drawn at the width that it has: letters stay as large as those around it. */
function useWidth() {
	const ref = useRef(null);
	const [width, setWidth] = useState(0);

	useLayoutEffect(() => {
		const sizes = new ResizeObserver(() => setWidth(ref.current?.clientWidth ?? 0));
		setWidth(ref.current.clientWidth);
		sizes.observe(ref.current);
		return () => sizes.disconnect();
	}, []);
	return [ref, Math.max(width, LEFT + LABEL)];
}

function Chart(props) {
	const [ref, width] = useWidth();

	return (
		<div ref={ref}>
			<Bars width={width} {...props} />
		</div>
	);
}

function Bars({ rows, names, width }) {
	const most = Math.max(...rows.map((r) => r.sum), 0.0001);
	const step = stepOf(most);
	const high = Math.ceil(most / step) * step;
	const y = (usd) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - usd / high);
	const slot = (width - LEFT) / rows.length;
	const lines = Array.from({ length: Math.round(high / step) + 1 }, (_, i) => i * step);
	const every = Math.ceil(rows.length / Math.max(1, Math.floor((width - LEFT) / LABEL)));

	return (
		<svg class="cost-chart" width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img"
			aria-label={`Costs of ${rows.length} days, at most ${money(most)} a day; the table has the figures`}>
			{lines.map((usd) => (
				<g key={usd}>
					<line class="axis" x1={LEFT} x2={width} y1={y(usd)} y2={y(usd)} />
					<text x={LEFT - 6} y={y(usd) + 4} text-anchor="end">
						{axisMoney(usd, step)}
					</text>
				</g>
			))}
			{rows.map((row, i) => {
				let base = 0;
				return (
					<g key={row.day}>
						<title>
							{[`${row.day}: ${money(row.sum)}`, ...names.filter((n) => row.parts.has(n))
								.map((n) => `${n}: ${money(row.parts.get(n))}`)].join("\n")}
						</title>
						<rect class="hit" x={LEFT + i * slot} width={slot} y={TOP} height={HEIGHT - TOP - BOTTOM} />
						{names.filter((n) => row.parts.has(n)).map((n) => {
							const from = base;
							base += row.parts.get(n);
							return (
								<rect key={n} x={LEFT + i * slot + slot * 0.12} width={slot * 0.76} y={y(base)}
									height={Math.max(0, y(from) - y(base))} style={{ fill: fill(n) }} />
							);
						})}
						{(rows.length - 1 - i) % every === 0 && (
							<text x={LEFT + (i + 0.5) * slot} y={HEIGHT - 6} text-anchor={slot < LABEL / 2 && i === rows.length - 1
								? "end" : "middle"}>
								{row.day.slice(5)}
							</text>
						)}
					</g>
				);
			})}
		</svg>
	);
}

/** @param {{items: object[], first: string, last: string, order: string[]}} props order: of teams, the dearest first */
export function CostChart({ items, first, last, order }) {
	const [table, setTable] = useState(false);
	const own = order.slice(0, order.length <= OWN + 1 ? OWN + 1 : OWN);
	const names = own.length < order.length ? [...own, OTHERS] : own;
	const days = daysOf(first, last);
	const rows = stacks(items, days, own);

	return (
		<Card
			title="By day"
			actions={
				<Button small aria-pressed={table} onClick={() => setTable(!table)}>
					{table ? "Chart" : "Table"}
				</Button>
			}
		>
			{table ? (
				<Table
					caption="Costs by day and team"
					rows={rows.filter((r) => r.sum > 0).reverse()}
					rowKey={(r) => r.day}
					columns={[
						{ key: "day", title: "Day", cell: (r) => r.day },
						...names.map((n) => ({ key: `t${n}`, title: n, num: true, cell: (r) => (r.parts.has(n) ? money(r.parts.get(n)) : "–") })),
						{ key: "sum", title: "Sum", num: true, cell: (r) => <strong>{money(r.sum)}</strong> },
					]}
				/>
			) : (
				<>
					<Chart rows={rows} names={names} />
					<ul class="cost-legend">
						{names.map((n) => (
							<li key={n}>
								<span class="team-dot" style={{ background: fill(n) }} aria-hidden="true" />
								{n}
							</li>
						))}
					</ul>
				</>
			)}
		</Card>
	);
}
