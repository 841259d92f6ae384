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
import { boot, disksAt, inspect, moments, record } from "./power.mjs";
import { random } from "./preload.mjs";
import { crowd } from "./scenario.mjs";

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
	const todo = jobs[Symbol.iterator](), figures = { runs: 0, bad: [], missed: 0, slowest: 0 };
	const work = async () => {
		for (let job = todo.next(); !job.done; job = todo.next()) {
			figures.runs++;
			const r = await run(job.value);
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

/* Every disk is looked at; at one moment of how.share, the first one is given to irisd, too. */
async function sweepPower(how, { n, seed, say }) {
	const recorded = await record(how);

	try {
		const points = moments(recorded, how), chosen = choose(points, n, seed);
		const boots = new Set(choose(chosen, Math.ceil(chosen.length / how.share), seed));
		const look = async (disk) => {
			const start = performance.now(), { point } = disk;
			const problems = await inspect(recorded, disk);
			const booted = disk.first && boots.has(point) ? await boot(recorded, disk) : { problems: [], text: "" };

			problems.push(...booted.problems);
			return {
				spec: `power lost at entry ${point}, seed ${disk.seed}`, what: recorded.entries[point - 1].name, reached: true,
				ms: performance.now() - start, problems, text: booted.text || describe(problems),
			};
		};
		const figures = await all(disksAt(recorded, chosen, DISKS, seed), look, say);
		return { points: points.length, told: recorded.told.length, boots: boots.size, ...figures };
	} finally {
		rmSync(recorded.iris.root, { recursive: true, force: true });
	}
}

/* Everything there is: [{ name, run }]. */
export const SWEEPS = [
	...DEATHS.map((d) => ({ name: d.name, run: (o) => sweepKill(d, o) })),
	{ name: "power", run: (o) => sweepPower({ share: 1 }, o) },
	{ name: "power-again", run: (o) => sweepPower({ share: 1, meanwhile: killFirst }, o) },
	{ name: "power-long", run: (o) => sweepPower({ share: 12, act: crowd, near: true }, o) },
	...FAILURES.map((f) => ({ name: nameOf(f), run: (o) => sweepFail(f, o) })),
];

export function tell({ name, points, runs, told, boots, bad, missed, slowest }, ms) {
	const tried = told ? `${runs} disks, ${boots} given to irisd, ${told} things told` : `${runs} tried`;

	return `${name}: ${points} points, ${tried}, ${missed} not reached, ${bad.length} failed (${Math.round(ms / 100) / 10} s, the slowest ${Math.round(slowest)} ms)`;
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
