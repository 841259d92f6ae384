/* SPDX-License-Identifier: MIT
 *
 * irisd is killed at each call that anybody else can see, instead of it, in the middle of it, and
 * after it; the clients start the next one by themselves, and the scenario must end as if nothing
 * had happened. With again, a first irisd has been killed in the middle of a turn before, and the
 * one that dies is the one that takes over from it.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { daemons, waitFor } from "../integration/setup.mjs";
import { preloadEnv, readState } from "./preload.mjs";
import { playOnce, underway } from "./scenario.mjs";

const HALVES = ["write", "pwrite"];

/* The first irisd dies by kill -9 while two is at work. */
export async function killFirst(iris) {
	await underway(iris, "two");
	const [first] = await waitFor(() => daemons(iris).length > 0 && daemons(iris), { what: "an irisd" });
	process.kill(first.pid, "SIGKILL");
}

/* One run: { spec, what, reached, problems, text, ms }. */
export async function killAt(spec, { again = false } = {}) {
	const start = performance.now();
	const file = (iris) => `${iris.root}.state`;
	const fired = (iris) => readState(file(iris)).fired !== 0;
	let state;
	const r = await playOnce({
		env: (iris) => preloadEnv("kill", { spec, victim: again ? 2 : 1, file: file(iris) }),
		fired,
		meanwhile: again ? killFirst : undefined,
	});

	state = readState(file(r.iris));
	rmSync(file(r.iris));
	return { ...state, spec: again ? `${spec} again` : spec, reached: spec === "count" || state.fired !== 0, ms: performance.now() - start, problems: r.problems, text: r.text };
}

/* All deaths, from one undisturbed count: [spec, ...] in order. */
export async function plan(options) {
	const counted = await killAt("count", options);

	if (counted.problems.length > 0) throw new Error(`the scenario fails undisturbed:\n${counted.text}`);
	if (counted.processes < (options?.again ? 2 : 1)) throw new Error("no irisd counted its calls");
	return {
		k: counted.calls,
		specs: counted.trace.flatMap((kind, i) => [
			`before:${i + 1}`, ...(HALVES.includes(kind) ? [`half:${i + 1}`] : []), `after:${i + 1}`,
		]),
	};
}
