/* SPDX-License-Identifier: MIT
 *
 * The table that make bench prints. A row: { what, unit, goal, floor, measured, n, warmup,
 * repeats, note }; goal, floor and measured are { p50, p99 } or { p50 } alone where there is one
 * figure, goal.least turns it around.
 */

function figure(x) {
	if (x === undefined || x === null)
		return "-";
	if (x === 0)
		return "0";
	if (Math.abs(x) >= 1000)
		return Math.round(x).toLocaleString("en-US");
	return x.toFixed(Math.abs(x) >= 100 ? 0 : Math.abs(x) >= 10 ? 1 : Math.abs(x) >= 1 ? 2 : 3);
}

function pair(f, sign = "") {
	if (!f)
		return "-";
	return sign + (f.p99 === undefined ? figure(f.p50) : `${figure(f.p50)} / ${figure(f.p99)}`);
}

/* True, false, or null without a goal or a figure. */
export function meets(row) {
	if (!row.goal || !row.measured)
		return null;
	if (row.goal.least)
		return row.measured.p50 >= row.goal.p50;
	return row.measured.p50 <= row.goal.p50 && (row.goal.p99 === undefined || row.measured.p99 <= row.goal.p99);
}

export function ratio(row) {
	return row.floor?.p50 > 0 && row.measured && row.whole !== false ? row.measured.p50 / row.floor.p50 : null;
}

function cells(row) {
	const met = meets(row);

	return [
		`${row.what} [${row.unit}]`,
		row.goal ? pair(row.goal, row.goal.least ? ">= " : "<= ") : "-",
		pair(row.floor),
		pair(row.measured),
		row.n === undefined ? "-" : `${row.n}${row.warmup ? ` + ${row.warmup}` : ""}`,
		ratio(row) === null ? "-" : figure(ratio(row)),
		met === null ? "" : met ? "met" : "MISSED",
	];
}

export function shortRow(row) {
	const [what, goal, , measured] = cells(row);
	return `${what}: ${measured}${goal === "-" ? "" : ` (goal ${goal})`}`;
}

export function printTable({ iris, machine, quick, scale, rows }) {
	const head = ["what", "goal", "floor", "measured", "n + warm-up", "ratio", ""];
	const lines = [head, ...rows.map(cells)];
	const width = head.map((_, i) => Math.max(...lines.map((l) => l[i].length)));
	const show = (line) => line.map((c, i) => (i === 0 ? c.padEnd(width[i]) : c.padStart(width[i]))).join("  ").trimEnd();

	console.log(`Iris ${iris}, ${machine.system}, ${machine.cpus} x ${machine.model}, load ${machine.load[0]} -> ${machine.loadAfter[0]}`);
	console.log(`p50 / p99; floor: the raw minimum, same run; ratio: p50 by floor; latencies: the quietest of ${scale.repeats}${quick ? "; QUICK, not for quoting" : ""}\n`);
	console.log(show(head));
	console.log(width.map((w) => "-".repeat(w)).join("  "));
	for (const line of lines.slice(1))
		console.log(show(line));
	console.log("");
	for (const row of rows.filter((r) => r.note))
		console.log(`${row.what}: ${row.note}`);
}
