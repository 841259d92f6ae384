/* SPDX-License-Identifier: MIT
 *
 * Runs the crash tests of the fixed scenario: all of it, or a choice that a seed makes. As a program
 * it is what "make crash" runs:
 *
 *	node tests/crash/sweep.mjs [-n runs of each] [-s seed] [name ...]
 *
 * Without -n every point of the scenario is tried. Names: power, power-again, those of kill.mjs,
 * and those of fail.mjs ("irisd sync EIO"; a part of one is enough: "irisd alloc", "shim"). One
 * line tells about each; the status is 0 when nothing was found, and what was found is printed.
 */
import { rmSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { describe } from "./checker.mjs";
import { FAILURES, countOf, failAt, nameOf } from "./fail.mjs";
import { DEATHS, killAt, killFirst, plan } from "./kill.mjs";
import { bootAt, loseAt, moments, record } from "./power.mjs";
import { random } from "./preload.mjs";

const WIDTH = 2; /* at a time; most of a run is waiting */
const DISKS = 4; /* different ones for each moment */

/* n of the list, in its order, spread over the whole of it; all where n is undefined. */
function choose(list, n, seed) {
	if (n === undefined || n >= list.length) return list;
	const rnd = random(seed), part = list.length / n;

	return Array.from({ length: n }, (_, i) => list[Math.min(list.length - 1, Math.floor(i * part) + rnd(Math.max(1, Math.floor(part))))]);
}

/* run(job) for all of them; answers { runs, bad: [text], missed, slowest (ms) }. */
async function all(jobs, run, say) {
	const todo = [...jobs], figures = { runs: jobs.length, bad: [], missed: 0, slowest: 0 };
	const work = async () => {
		while (todo.length > 0) {
			const r = await run(todo.shift());
			if (!r.reached) figures.missed++;
			figures.slowest = Math.max(figures.slowest, r.ms);
			if (r.problems.length === 0) continue;
			figures.bad.push(`${r.spec} (${r.what})\n${r.text}`);
			say(`FAILED ${figures.bad.at(-1)}`);
		}
	};

	await Promise.all(Array.from({ length: WIDTH }, work));
	return figures;
}

async function sweepKill(death, { n, seed, say }) {
	const { k, specs } = await plan(death);

	return { points: k, ...(await all(choose(specs, n, seed), (spec) => killAt(spec, death), say)) };
}

async function sweepFail(failure, { n, seed, say }) {
	const points = await countOf(failure);
	const numbers = choose(Array.from({ length: points }, (_, i) => i + 1), n, seed);

	return { points, ...(await all(numbers, (i) => failAt(failure, i), say)) };
}

/* One moment: some disks are looked at, one of them is given to irisd. */
async function loseAll(recorded, point, seed, say) {
	const start = performance.now(), problems = [];

	for (let i = 0; i < DISKS; i++) {
		const lost = i === 0 ? await bootAt(recorded, point, seed) : await loseAt(recorded, point, seed + i);
		problems.push(...lost.problems);
		if (lost.text) say(lost.text);
	}
	return { spec: `power lost at entry ${point}`, what: recorded.entries[point - 1].name, reached: true, ms: performance.now() - start, problems, text: describe(problems) };
}

async function sweepPower(again, { n, seed, say }) {
	const recorded = await record(again ? { meanwhile: killFirst } : {});

	try {
		const points = moments(recorded);
		const figures = await all(choose(points, n, seed), (p) => loseAll(recorded, p, seed + p * DISKS, say), say);
		return { points: points.length, told: recorded.told.length, disks: figures.runs * DISKS, ...figures };
	} finally {
		rmSync(recorded.iris.root, { recursive: true, force: true });
	}
}

/* Everything there is: [{ name, run }]. */
export const SWEEPS = [
	...DEATHS.map((d) => ({ name: d.name, run: (o) => sweepKill(d, o) })),
	{ name: "power", run: (o) => sweepPower(false, o) },
	{ name: "power-again", run: (o) => sweepPower(true, o) },
	...FAILURES.map((f) => ({ name: nameOf(f), run: (o) => sweepFail(f, o) })),
];

export function tell({ name, points, runs, disks, told, bad, missed, slowest }, ms) {
	const more = disks ? `, ${disks} disks, ${told} things told` : "";

	return `${name}: ${points} points, ${runs} tried${more}, ${missed} not reached, ${bad.length} failed (${Math.round(ms / 100) / 10} s, the slowest ${Math.round(slowest)} ms)`;
}

async function main() {
	const { values, positionals } = parseArgs({ options: { n: { type: "string", short: "n" }, s: { type: "string", short: "s" } }, allowPositionals: true });
	const seed = Number(values.s ?? process.env.IRIS_SEED ?? Date.now() % 1e9), n = values.n && Number(values.n);
	const named = (p) => SWEEPS.filter((x) => x.name === p).length > 0 ? SWEEPS.filter((x) => x.name === p) : SWEEPS.filter((x) => x.name.includes(p));
	const chosen = positionals.length === 0 ? SWEEPS : positionals.flatMap(named);
	let failed = 0;

	if (chosen.length === 0) throw new Error(`no such name; there are: ${SWEEPS.map((s) => s.name).join(", ")}`);
	console.log(`IRIS_SEED=${seed}`);
	for (const sweep of chosen) {
		const start = performance.now();
		const figures = await sweep.run({ n, seed, say: console.log });
		console.log(tell({ ...figures, name: sweep.name }, performance.now() - start));
		failed += figures.bad.length;
	}
	process.exit(failed === 0 ? 0 : 1);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
