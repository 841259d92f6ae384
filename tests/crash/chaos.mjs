/* SPDX-License-Identifier: MIT
 *
 * Random deaths under load: irisd, its workers and their Claudes are killed, ended or stopped for a
 * while, one after the other, while shims and the CLI go on asking; nobody starts irisd again but
 * they. When it is over all must settle, and the checker has the word: nothing lost, nothing twice,
 * nothing left behind, no caller without an answer.
 *
 * In the figures, escaped is how many processes that had left Claude's session lived at one moment.
 *
 *	KILLS=1000 IRIS_SEED=7 node tests/crash/chaos.mjs
 *
 * GENTLY=1: only irisd dies, and then no turn may fail.
 * KEEP=1 leaves its directory behind also when all was well.
 */
import { setTimeout as delay } from "node:timers/promises";
import { join } from "node:path";
import { makeIris, claudes, daemons, waitFor, within, workers } from "../integration/setup.mjs";
import { processesOf } from "../lib/processes.mjs";
import { check, databaseOf, describe, findOrphans, Journal, openControl, readDatabase, readStore, readTranscripts, watchConversations } from "./checker.mjs";
import { choose, Load, makeRandom } from "./load.mjs";

const TEAMS = ["t1", "t2", "t3", "t4", "t5", "t6"];
/* Who asks: some from teams' directories, some from elsewhere. */
const SHIMS = ["t1", "t2", "t3", "t4", "guest-1", "guest-2"];
const LANES = 2; /* calls at the same time through each shim */
const SHIM_MIX = { echo: 30, slow: 20, bash: 8, escape: 10, inband: 12, quick: 10, impatient: 6, twice: 6, abort: 6, crash: 3, expire: 6, list: 4, sleep: 2 };
const CLI_MIX = { ask: 10, leave: 4, send: 6, cancel: 6, status: 4, restart: 1 };

const VICTIMS = { irisd: 35, worker: 30, claude: 35 };
const WAYS = {
	irisd: { SIGKILL: 9, SIGSTOP: 1 },
	worker: { SIGKILL: 7, SIGTERM: 2, SIGSTOP: 1 },
	claude: { SIGKILL: 9, SIGSTOP: 1 },
};
const FIND = { irisd: daemons, worker: workers, claude: claudes };
const PAUSE_MS = 250; /* between two kills, at most */
const STOPPED_MS = 400; /* how long a stopped one stays so, at most */
const SETTLE_MS = 40000;

const SETTINGS = {
	restartDelay: 10, restartBudget: 1000, stopTimeout: 1500, orphanTimeout: 20000, logLevel: "info",
};

function signal(pid, name) {
	try {
		process.kill(pid, name);
		return true;
	} catch {
		return false; /* it went by itself meanwhile */
	}
}

/* Ends one of them, in one way; counts it. Nothing when there is none at the moment. */
async function strike(iris, rnd, counts, victims) {
	const kind = choose(rnd, victims), way = choose(rnd, WAYS[kind]);
	const list = FIND[kind](iris).sort((a, b) => a.pid - b.pid);

	if (list.length === 0) return;
	const { pid } = list[rnd(list.length)];
	counts.escaped = Math.max(counts.escaped, processesOf(iris.root).filter((p) => p.command.startsWith("sleep 300")).length);
	if (!signal(pid, way)) return;
	counts[`${kind} ${way}`] = (counts[`${kind} ${way}`] ?? 0) + 1;
	if (way === "SIGSTOP") {
		await delay(rnd(STOPPED_MS));
		signal(pid, "SIGCONT");
	} else {
		counts.kills += 1;
	}
}

/* All that Iris runs at once, as when the machine goes down; one kill in the count. */
function strikeAll(iris, counts) {
	for (const { pid } of [...daemons(iris), ...workers(iris), ...claudes(iris)])
		signal(pid, "SIGKILL");
	counts["all at once"] = (counts["all at once"] ?? 0) + 1;
	counts.kills += 1;
}

/* Every message has ended, told by an irisd that one of the shims has started if need be. */
async function settle(iris, client) {
	const open = async () => {
		await iris.call(client, "list_teams", {}, { timeout: 15000 });
		const control = await openControl(iris.socket);
		try {
			const { messages: m } = await control.call("iris/daemon.status", {});
			return m.queued + m.sent + m.seen === 0;
		} finally {
			control.close();
		}
	};
	await waitFor(open, { deadline: SETTLE_MS, every: 100, what: "all messages to end" });
}

/*
 * When only irisd dies, and nobody else gives a reason, no turn fails and no sender is sent away,
 * but by the shim after three deaths within a few seconds each. Who only looks may be told.
 */
function checkCostsNothing(journal, store) {
	const failed = store.messages.filter((m) => m.state === "failed");
	const looks = new Set(journal.entries.filter((e) => e.what === "begin" && e.nonce === undefined && e.kind.startsWith("iris ")).map((e) => e.call));
	const refused = journal.entries.filter((e) => e.what === "end" && e.outcome === "error" && !looks.has(e.call) && !/ended again and again/.test(e.text));

	return [
		...failed.map((m) => ({ rule: "cost", text: `${m.id} (${m.from} -> ${m.to}) failed: ${m.error.reason}` })),
		...refused.map((e) => ({ rule: "cost", text: `call ${e.call} was told ${e.code}: ${e.text}` })),
	];
}

/*
 * One run. gently: irisd alone dies, and nobody asks for what fails by itself. Answers { problems,
 * figures }; the journal stays in iris.root, which is removed when there is no problem.
 */
export async function runChaos({ kills, seed, gently = false, say = () => {}, settings = {} }) {
	const rnd = makeRandom(seed), counts = { kills: 0, escaped: 0 }, problems = [], began = Date.now();
	const teams = Object.fromEntries(TEAMS.map((t) => [t, { grantPermission: "yes" }]));
	const iris = makeIris(teams, { settings: { ...SETTINGS, maxProcesses: 12 + rnd(30), ...settings } });
	const journal = new Journal(join(iris.root, "journal"));
	const load = new Load(iris, { journal, rnd: makeRandom(seed + 1), teams: TEAMS });
	let watch;
	const attempt = async (rule, what) => {
		try {
			return await what();
		} catch (e) {
			problems.push({ rule, text: e.message.split("\n")[0] });
		}
	};

	try {
		const clients = [];
		for (const name of SHIMS) {
			const client = await iris.client({ cwd: iris.dirs[name] ?? iris.project(name), name });
			client.label = name;
			clients.push(client);
			for (let i = 0; i < LANES; i++)
				load.start(client, gently ? { ...SHIM_MIX, crash: 0, sleep: 0 } : SHIM_MIX);
		}
		for (let i = 0; i < LANES; i++)
			load.start(null, CLI_MIX, 100);
		load.startLooking();
		watch = watchConversations(iris);
		while (counts.kills < kills) {
			/* Some come together: what is just being mended breaks again. */
			if (rnd(5) > 0) await delay(rnd(PAUSE_MS));
			const before = counts.kills;
			if (!gently && rnd(60) === 0) strikeAll(iris, counts);
			else await strike(iris, rnd, counts, gently ? { irisd: 1 } : VICTIMS);
			if (counts.kills % 50 === 0 && counts.kills > before) say(`${counts.kills} kills, ${load.ids.length} answers with an id`);
		}
		journal.calm();
		const calmAt = Date.now();
		await attempt("waiting", () => within(SETTLE_MS, load.end(), "every call to have its answer"));
		await attempt("open", () => settle(iris, clients[0]));
		problems.push(...watch.stop());
		say(`settled ${Date.now() - calmAt} ms after the last kill`);
		const store = (await attempt("database", () => readStore(iris))) ?? { messages: [], problems: [] };
		problems.push(...(await findOrphans(iris)));
		const seen = clients.map((c) => c.shimPid).filter((pid) => !processesOf(iris.root).some((p) => p.pid === pid));
		if (seen.length > 0) problems.push({ rule: "waiting", text: `${seen.length} shims have not survived` });
		for (const client of clients)
			await attempt("waiting", () => within(5000, client.close(), "a shim to end with its client"));
		const stop = await iris.iris(["stop"]);
		if (stop.status !== 0) problems.push({ rule: "orphan", text: `iris stop: ${stop.status} ${stop.stderr}` });
		problems.push(...(await findOrphans(iris)));
		const dead = await readDatabase(databaseOf(iris));
		const result = check({ journal, store: dead, transcripts: readTranscripts(join(iris.env.HOME, ".claude")) });
		problems.push(...result.problems, ...(gently ? checkCostsNothing(journal, dead) : []));
		if (JSON.stringify(dead.messages.map((m) => [m.id, m.state])) !== JSON.stringify(store.messages.map((m) => [m.id, m.state])))
			problems.push({ rule: "reversed", text: "what irisd said of all messages is not what its file says after it has stopped" });
		await attempt("orphan", () => iris.stop({ keep: true }));
		const figures = { seed, ...counts, seconds: (Date.now() - began) / 1000, ...result.figures };
		if (problems.length === 0) await iris.stop({ keep: process.env.KEEP !== undefined });
		return { problems, figures, root: iris.root, iris };
	} catch (e) {
		load.over = true;
		watch?.stop();
		e.message += `\nseed ${seed}, ${counts.kills} kills, in ${iris.root}`;
		await iris.stop({ keep: true }).catch((x) => (e.message += `\n${x.message.slice(0, 2000)}`));
		throw e;
	}
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
	const kills = Number(process.env.KILLS ?? 1000), seed = Number(process.env.IRIS_SEED ?? Date.now() % 1e9);

	console.log(`KILLS=${kills} IRIS_SEED=${seed}`);
	const { problems, figures, root } = await runChaos({ kills, seed, gently: process.env.GENTLY !== undefined, say: (text) => console.log(text) });
	console.log(JSON.stringify(figures, null, 2));
	console.log(problems.length === 0 ? "no problem" : `${describe(problems)}\nsee ${root}`);
	process.exit(problems.length === 0 ? 0 : 1);
}
