/* SPDX-License-Identifier: MIT
 *
 * The random deaths of chaos.mjs as a test: a few with a fixed seed, or as many as KILLS says from
 * the seed that IRIS_SEED gives.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runChaos } from "./chaos.mjs";
import { describe } from "./checker.mjs";

const kills = Number(process.env.KILLS ?? 20);
const seed = Number(process.env.IRIS_SEED ?? 20261122);

for (const gently of [false, true])
	test(`${kills} random deaths ${gently ? "of irisd alone: no turn fails" : "under load"}, seed ${seed}`, async (t) => {
		t.diagnostic(`KILLS=${kills} IRIS_SEED=${seed}${gently ? " GENTLY=1" : ""}`);
		const { problems, figures, root, iris } = await runChaos({ kills, seed, gently, say: (text) => t.diagnostic(text) });
		t.diagnostic(JSON.stringify(figures));
		assert.equal(problems.length, 0, `${describe(problems)}\nleft in ${root}\n${iris.log().split("\n").slice(-15).join("\n")}`);
		assert.ok(figures.kills >= kills && figures.messages > kills, "a run without kills or load proves nothing");
	});
