/* SPDX-License-Identifier: MIT
 *
 * make soak T=3600: a steady load on many teams for so many seconds, irisd killed now and then, and
 * a look every few seconds at what could grow: memory, descriptors, threads, processes, the
 * database. Prints a table with the slope of each and what it may be, and fails when one is beyond,
 * or when the checker of the crash tests finds anything.
 *
 *	node tests/bench/soak.mjs [--json FILE]
 *
 * T: seconds. RATE: messages a second. TEAMS: how many teams. KILL_EVERY: seconds from one death of
 * irisd to the next. IRIS_SEED: who asks whom.
 *
 * A slope is that of the least squares through what was measured after the warm-up; of irisd, which
 * dies, one slope for all its lives, each with a base of its own. A slope beyond its bound counts
 * only when what has grown in that time is more than noise: both figures are in the table. What has
 * a limit instead may be at most that at the end.
 */
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { check, describe, findOrphans, Journal, readStore, readTranscripts } from "../crash/checker.mjs";
import { Load, makeRandom } from "../crash/load.mjs";
import { assert, daemons, makeIris } from "../integration/setup.mjs";
import { processesOf, zombiesOf } from "../lib/processes.mjs";
import { waitFor } from "../lib/wait.mjs";
import { memory } from "./proc.mjs";
import { judge } from "./slope.mjs";

const { values: options } = parseArgs({ options: { json: { type: "string" } } });
const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const T = number("T", 3600), RATE = number("RATE", 20), TEAMS = number("TEAMS", 20), SHIMS = 4;
const KILL_EVERY = number("KILL_EVERY", Math.max(12, Math.min(300, T / 10)));
const SEED = number("IRIS_SEED", Date.now() % 1e9);
const EVERY = Math.max(1, Math.min(10, T / 120)); /* seconds from one look to the next */
const WARM_UP = Math.min(300, T / 4);
const SETTLE_LIFE = Math.min(60, KILL_EVERY / 3); /* seconds of each life of irisd that count as warm-up, too */

/* What is looked at: its unit, the slope an hour that is all right, and what is noise. */
const BOUNDS = {
	"irisd RSS": { unit: "KiB", perHour: 1024, noise: 1024, lives: true },
	"irisd PSS": { unit: "KiB", perHour: 1024, noise: 1024, lives: true },
	"irisd descriptors": { unit: "", perHour: 2, noise: 4, lives: true },
	"irisd threads": { unit: "", perHour: 0, noise: 0, lives: true },
	"workers RSS": { unit: "KiB", perHour: 256 * TEAMS, noise: 128 * TEAMS },
	"workers PSS": { unit: "KiB", perHour: 256 * TEAMS, noise: 128 * TEAMS },
	"workers descriptors": { unit: "", perHour: 2, noise: TEAMS },
	"shims RSS": { unit: "KiB", perHour: 128 * SHIMS, noise: 128 * SHIMS },
	"shims PSS": { unit: "KiB", perHour: 128 * SHIMS, noise: 128 * SHIMS },
	"shims descriptors": { unit: "", perHour: 1, noise: SHIMS },
	processes: { unit: "", perHour: 1, noise: 4 },
	zombies: { unit: "", perHour: 0, noise: 0 },
	/* Copied back into the database at 16 MiB (irisd/store/wal.c), and never cut. */
	WAL: { unit: "KiB", most: 20 * 1024 },
	"database, a message": { unit: "bytes", most: 4096 },
	database: { unit: "KiB" },
	messages: { unit: "" },
};

const fds = (pid) => readdirSync(`/proc/${pid}/fd`).length;
const threads = (pid) => readdirSync(`/proc/${pid}/task`).length;
const size = (file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
const sum = (list) => list.reduce((a, b) => a + b, 0);

/* Everything once, or null when somebody came or went meanwhile. */
function look(iris, load, began) {
	const all = processesOf(iris.root), named = (word) => all.filter((p) => new RegExp(`(^|/)${word}( |$)`).test(p.command));
	const [irisd, ...more] = named("irisd"), workers = named("iris-worker"), shims = named("iris-mcp-shim");
	const database = join(iris.home, "iris.db");

	if (!irisd || more.length > 0) return null;
	try {
		const of = (list) => list.map((p) => ({ ...memory(p.pid), fds: fds(p.pid) }));
		const w = of(workers), s = of(shims), m = memory(irisd.pid), messages = load.ids.length;
		return {
			at: (Date.now() - began) / 1000, irisd: irisd.pid, workers: workers.length,
			"irisd RSS": m.rssKib, "irisd PSS": m.pssKib, "irisd descriptors": fds(irisd.pid), "irisd threads": threads(irisd.pid),
			"workers RSS": sum(w.map((x) => x.rssKib)), "workers PSS": sum(w.map((x) => x.pssKib)), "workers descriptors": sum(w.map((x) => x.fds)),
			"shims RSS": sum(s.map((x) => x.rssKib)), "shims PSS": sum(s.map((x) => x.pssKib)), "shims descriptors": sum(s.map((x) => x.fds)),
			processes: all.length, zombies: sum([irisd, ...workers, ...shims].map((p) => zombiesOf(p.pid).length)),
			WAL: size(`${database}-wal`) / 1024, database: size(database) / 1024, messages,
			"database, a message": messages > 0 ? size(database) / messages : 0,
		};
	} catch {
		return null;
	}
}

function print(rows) {
	const round = (x) => (x === undefined ? "" : Math.abs(x) >= 100 ? String(Math.round(x)) : String(Number(x.toFixed(1))));
	const cells = [
		["", "unit", "first", "last", "least", "most", "slope/h", "bound/h", "grown", "noise", "limit", ""],
		...rows.map((r) => [r.name, r.unit, ...[r.first, r.last, r.least, r.most, r.perHour].map(round), round(r.bound), round(r.grown), round(r.noise), round(r.limit), r.ok === null ? "" : r.ok ? "ok" : "BEYOND"]),
	];
	const wide = cells[0].map((_, i) => Math.max(...cells.map((c) => c[i].length)));
	for (const c of cells)
		console.log(c.map((x, i) => (i < 2 ? x.padEnd(wide[i]) : x.padStart(wide[i]))).join("  ").trimEnd());
}

/* Each shim asks at its pace, whether or not the one before is answered. */
async function ask(iris, load, client, until) {
	const interval = (SHIMS * 1000) / RATE, open = new Set();

	for (let next = Date.now(); Date.now() < until; next += interval) {
		await delay(Math.max(0, next - Date.now()));
		const nonce = load.nonce(), slow = load.rnd(4) === 0;
		const call = load.tool(client, "ask_message", { toTeam: load.team(), message: slow ? `SLOW ${load.rnd(400)} ${nonce}` : `ECHO ${nonce}`, timeout: 0 }, { nonce, expect: nonce });
		open.add(call);
		call.finally(() => open.delete(call));
		if (open.size > 500) throw new Error("500 calls wait: this machine is too slow for this RATE");
	}
	await Promise.all(open);
}

async function main() {
	const teams = Array.from({ length: TEAMS }, (_, i) => `team-${i + 1}`);
	const iris = makeIris(Object.fromEntries(teams.map((t) => [t, {}])), { settings: { maxProcesses: TEAMS * SHIMS, restartDelay: 10 } });
	const journal = new Journal(), rnd = makeRandom(SEED), load = new Load(iris, { journal, rnd, teams });
	const samples = [], clients = [];
	let kills = 0;

	console.log(`T=${T} RATE=${RATE} TEAMS=${TEAMS} KILL_EVERY=${KILL_EVERY} IRIS_SEED=${SEED}; a look each ${EVERY} s, warm-up ${WARM_UP} s, of each irisd ${SETTLE_LIFE} s`);
	try {
		for (let i = 0; i < SHIMS; i++) {
			clients.push(await iris.client({ cwd: iris.project(`caller-${i}`) }));
			clients[i].label = `caller-${i}`;
		}
		/* Everybody is awake before the clock runs. */
		await Promise.all(clients.flatMap((c) => teams.map((toTeam) => iris.call(c, "ask_message", { toTeam, message: "ECHO awake" }))));
		const began = Date.now(), until = began + T * 1000;
		const asking = Promise.all(clients.map((c) => ask(iris, load, c, until)));
		const looking = (async () => {
			for (; Date.now() < until; await delay(EVERY * 1000)) {
				const sample = look(iris, load, began);
				if (sample) samples.push(sample);
			}
		})();
		const killing = (async () => {
			for (let next = began + KILL_EVERY * 1000; next < until; next += KILL_EVERY * 1000) {
				await delay(next - Date.now());
				const [irisd] = daemons(iris);
				if (irisd) {
					process.kill(irisd.pid, "SIGKILL");
					kills += 1;
				}
			}
		})();
		await Promise.all([asking, looking, killing]);
		journal.calm();
		const store = await waitFor(async () => {
			const s = await readStore(iris);
			return s.counts.queued + s.counts.sent + s.counts.seen === 0 && s;
		}, { deadline: 30000, what: "all messages to end" });
		const { problems, figures } = check({ journal, store, transcripts: readTranscripts(join(iris.env.HOME, ".claude")) });
		problems.push(...(await findOrphans(iris)));
		const rows = judge(samples, BOUNDS, { warmUp: WARM_UP, settleLife: SETTLE_LIFE });
		print(rows);
		console.log(`${samples.length} looks, irisd killed ${kills} times; ${JSON.stringify(figures)}`);
		if (problems.length > 0) console.log(describe(problems));
		const beyond = rows.filter((r) => r.ok === false).map((r) => r.name);
		console.log(beyond.length + problems.length === 0 ? "nothing grows beyond its bound, nothing is lost" : `beyond: ${beyond.join(", ") || "none"}; problems: ${problems.length}`);
		if (options.json)
			writeFileSync(options.json, `${JSON.stringify({ T, RATE, TEAMS, KILL_EVERY, SEED, WARM_UP, kills, figures, problems, rows, samples }, null, 1)}\n`);
		assert.ok(samples.length > 10, "too few looks for a slope");
		return beyond.length + problems.length === 0 ? 0 : 1;
	} finally {
		await iris.stop();
	}
}

process.exitCode = await main();
