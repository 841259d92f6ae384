/* SPDX-License-Identifier: MIT
 *
 * A process is killed at each call that anybody else can see, instead of it, in the middle of it,
 * and after it. When it is irisd, the clients start the next one by themselves and the scenario
 * must end as if nothing had happened; when it is a worker, turns may fail, and are told to.
 */
import { rmSync } from "node:fs";
import { daemons, waitFor } from "../integration/setup.mjs";
import { preloadEnv, readState } from "./preload.mjs";
import { orphanedTurn, playOnce, underway } from "./scenario.mjs";

const HALVES = ["write", "pwrite"];

/* The irisd that runs dies by kill -9 while two is at work. */
export async function killFirst(iris) {
	await underway(iris, "two");
	const [first] = await waitFor(() => daemons(iris).length > 0 && daemons(iris), { what: "an irisd" });
	process.kill(first.pid, "SIGKILL");
}

/* It is replaced in order; who dies meanwhile is no concern of the command. */
async function replaceFirst(iris) {
	await underway(iris, "two");
	await iris.iris(["restart"]);
}

/* Who dies, and when. */
export const DEATHS = [
	{ name: "kill" },
	{ name: "again", victim: 2, meanwhile: killFirst }, /* while it takes over */
	{ name: "restart", meanwhile: replaceFirst }, /* while it hands over, too */
	{ name: "restarted", victim: 2, meanwhile: replaceFirst },
	{ name: "worker", program: "iris-worker", strict: false },
	{ name: "spool", program: "iris-worker", strict: false, act: orphanedTurn },
];

/* One run: { spec, what, reached, problems, text, ms }. */
export async function killAt(spec, { name, program = "irisd", victim = 1, strict = true, meanwhile, act }) {
	const start = performance.now();
	const file = (iris) => `${iris.root}.state`;
	const r = await playOnce({
		env: (iris) => preloadEnv("kill", { program, spec, victim, file: file(iris) }),
		strict: strict || spec === "count",
		fired: (iris) => readState(file(iris)).fired !== 0,
		meanwhile,
		act,
	});
	const state = readState(file(r.iris));

	rmSync(file(r.iris));
	return { ...state, spec: `${name} ${spec}`, reached: spec === "count" || state.fired !== 0, ms: performance.now() - start, problems: r.problems, text: r.text };
}

/* All of a kind of death, from one undisturbed count: { k, specs: [spec, ...] in order }. */
export async function plan(death) {
	const counted = await killAt("count", death);

	if (counted.problems.length > 0) throw new Error(`the scenario fails undisturbed:\n${counted.text}`);
	if (counted.processes < (death.victim ?? 1)) throw new Error("nobody counted its calls");
	return {
		k: counted.calls,
		specs: counted.trace.flatMap((kind, i) => [
			`before:${i + 1}`, ...(HALVES.includes(kind) ? [`half:${i + 1}`] : []), `after:${i + 1}`,
		]),
	};
}
