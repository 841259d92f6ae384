/* SPDX-License-Identifier: MIT
 *
 * Whether something grows: slopes of what was measured over time, held against bounds. A sample is
 * { at: seconds, irisd: its pid, name: figure, ... }.
 */
const sum = (list) => list.reduce((a, b) => a + b, 0);

/* Least squares: the slope an hour of name over these groups, each with a base of its own. */
function slope(groups, name) {
	let above = 0, below = 0;

	for (const g of groups) {
		const mt = sum(g.map((x) => x.at)) / g.length, my = sum(g.map((x) => x[name])) / g.length;
		above += sum(g.map((x) => (x.at - mt) * (x[name] - my)));
		below += sum(g.map((x) => (x.at - mt) ** 2));
	}
	return below > 0 ? (above / below) * 3600 : 0;
}

/* After the warm-up of all, and of each life. */
function groupsOf(samples, lives, { warmUp, settleLife }) {
	const late = samples.filter((x) => x.at >= warmUp), map = new Map();

	if (!lives) return [late];
	for (const pid of new Set(late.map((x) => x.irisd))) {
		const born = samples.find((x) => x.irisd === pid).at;
		map.set(pid, late.filter((x) => x.irisd === pid && x.at >= born + settleLife));
	}
	return [...map.values()].filter((g) => g.length > 1);
}

/*
 * bounds: name -> { unit, perHour, noise, lives } or { unit, most }; times: { warmUp, settleLife },
 * seconds. Answers a row for each name; ok is null where there is no bound.
 */
export function judge(samples, bounds, times) {
	return Object.entries(bounds).map(([name, b]) => {
		const groups = groupsOf(samples, b.lives, times), values = groups.flat().map((x) => x[name]);
		const perHour = slope(groups, name), span = Math.max(...groups.map((g) => g.at(-1).at - g[0].at));
		const grown = (perHour * span) / 3600; /* within the longest life */
		const row = { name, unit: b.unit, first: values[0], last: values.at(-1), least: Math.min(...values), most: Math.max(...values), perHour, grown, bound: b.perHour, noise: b.noise };
		if (b.most !== undefined) return { ...row, bound: undefined, noise: undefined, limit: b.most, ok: row.last <= b.most };
		return { ...row, ok: b.perHour === undefined ? null : perHour <= b.perHour || grown <= b.noise };
	});
}
