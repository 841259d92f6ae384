/* SPDX-License-Identifier: MIT
 *
 * The short form of sweep.mjs: a choice of deaths, failures and losses of power that a fixed seed
 * makes. IRIS_SEED makes another, IRIS_CRASH_RUNS more of each; "make crash" tries all.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SWEEPS, tell } from "./sweep.mjs";

const seed = Number(process.env.IRIS_SEED ?? 20261122);
const runs = { kill: 20, again: 12, restart: 8, restarted: 6, worker: 8, spool: 6, power: 10, "power-again": 10, "power-long": 10 };
const RUNS_OF_EACH_FAILURE = 2;
const total = { runs: 0, missed: 0 };

describe("what dies, fails or loses its power at any call", { skip: process.platform !== "linux" }, () => {
	for (const { name, run } of SWEEPS)
		test(`${name}, seed ${seed}`, async (t) => {
			const start = performance.now();
			const n = Number(process.env.IRIS_CRASH_RUNS ?? runs[name] ?? RUNS_OF_EACH_FAILURE);
			const figures = await run({ n, seed, say: () => {} });
			t.diagnostic(tell({ ...figures, name }, performance.now() - start));
			assert.equal(figures.bad.length, 0, figures.bad.slice(0, 3).join("\n\n"));
			total.runs += figures.runs;
			total.missed += figures.missed;
		});
	test("the faults came: one that is not reached proves nothing", () => {
		assert.ok(total.runs > 100 && total.missed < total.runs / 5, JSON.stringify(total));
	});
});
