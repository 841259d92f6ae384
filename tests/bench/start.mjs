/* SPDX-License-Identifier: MIT
 *
 * From the start of iris-mcp-shim to its first reply, with irisd running and without.
 */
import { bench, floor, mcpStart, numberedTeams, quietest, shim, withIris } from "./client.mjs";

function percentile(sorted, p) {
	return sorted[Math.max(Math.ceil((p / 100) * sorted.length) - 1, 0)];
}

/* The shim starts irisd; its database is there already. */
async function cold(iris, n) {
	const took = [];

	for (let i = 0; i < n + 1; i++) {
		const r = await bench(["-S", 1, "-w", 0, ...mcpStart, "--", shim], { env: iris.env, cwd: iris.root });
		if (i > 0)
			took.push(r.p50);
		const stopped = await iris.iris(["stop"]);
		if (stopped.status !== 0)
			throw new Error(`iris stop: ${stopped.stderr}`);
	}
	took.sort((a, b) => a - b);
	return { p50: percentile(took, 50), p99: percentile(took, 99) };
}

export async function startRows(scale, add) {
	const warmup = 3;

	await withIris(numberedTeams(10), async (iris) => {
		const starts = (...command) => () => bench(["-S", scale.starts, "-w", warmup, ...mcpStart, "--", ...command], { env: iris.env, cwd: iris.root });
		const [raw, running] = await quietest(scale.repeats, starts(floor, 300), starts(shim));
		add({
			what: "shim: start to first reply, irisd running", unit: "ms", goal: { p50: 3 }, floor: raw, measured: running,
			n: scale.starts, warmup, repeats: scale.repeats, note: "floor: a static program that answers with a canned line",
		});
		await iris.end(12000);
		add({
			what: "shim: start to first reply, cold irisd", unit: "ms", goal: { p50: 50 }, floor: raw, measured: await cold(iris, scale.cold),
			n: scale.cold, warmup: 1, repeats: 1,
		});
	});
}
