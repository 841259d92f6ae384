/* SPDX-License-Identifier: MIT
 *
 * The checker of the crash tests: holds what clients saw (a journal), what the store says, what
 * stands in Claude's transcripts and which processes run against what Iris promises. It knows
 * nothing of how things were broken, and it never repairs anything.
 *
 * The promises, by the names that problems have:
 *
 *	lost       what was accepted is in the store, once, with its own text
 *	ladder     receipts follow the ladder, their times go forward, the row says what the last says
 *	open       when all has settled every message has ended (accepted = final + open)
 *	reversed   what was seen of a message at two moments never contradicts itself
 *	told       what a caller was told is what the store says
 *	double     one call, one message: no text and no key twice
 *	answer     an answer is the answer to that message
 *	transcript no message stands twice in a conversation, nor anywhere that it was not sent to
 *	fork       a conversation has one process at a time, so one line follows another
 *	waiting    every call has its answer, or an error that says what happened, in time
 *	database   SQLite finds the file sound
 *	orphan     every worker, claude and tool belongs to an irisd that lives; nobody keeps zombies
 *
 * How to use it:
 *
 *	const journal = new Journal(file);                  // file may be left out
 *	const call = journal.begin({ kind: "ask", nonce, expect: nonce, timeout: 0 });
 *	journal.accepted(call, id);                         // as soon as an id is known
 *	journal.end(call, { outcome: "answered", id, answer });
 *	journal.look(message);                              // a message object with receipts, any time
 *	journal.calm();                                     // faults are over: from now on calls end
 *
 *	const store = await readStore(iris);                // of a running irisd, through its socket
 *	const store = await readDatabase(file);             // of a dead one, with sqlite3 on a copy
 *	const { problems, figures } = check({ journal, store, transcripts: readTranscripts(configDir) });
 *	problems.push(...(await findOrphans(iris)));        // [] when all is well
 *	const watch = watchConversations(iris); ... problems.push(...watch.stop());
 *
 * A problem is { rule, text }. nonce: a word (letters, digits, -) in the body of what this call sends
 * and in no other; inner: the same for what it makes its team send. expect: a text that an answer
 * must have in it. key: the caller's own idempotency key. Outcomes of a call: answered, failed, cancelled, expired (told so, with the id where it is known); open
 * (told that it goes on); error (code and text, nothing said of a message); done (a call that sends
 * nothing); killed (the test ended the client, it saw nothing).
 */
import { execFile } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { processesOf, zombiesOf } from "../lib/processes.mjs";

/* Which step may follow which, as in iris(7). */
const NEXT = {
	queued: ["sent", "failed", "expired", "cancelled"],
	sent: ["sent", "seen", "failed", "cancelled"],
	seen: ["answered", "failed", "cancelled"],
};
const FINAL = ["answered", "failed", "expired", "cancelled"];
const CODES = [
	"internal", "invalid", "protocol", "config", "not_found", "refused", "unavailable", "limit", "timeout", "cancelled", "expired",
	"no_claude", "login", "directory", "crashed", "agent", "io",
];

export const isFinal = (state) => FINAL.includes(state);

/* --- what clients saw ------------------------------------------------------------------------ */

export class Journal {
	constructor(file) {
		this.file = file;
		this.entries = [];
		this.calls = 0;
	}

	put(entry) {
		const e = structuredClone({ at: Date.now(), ...entry });

		this.entries.push(e);
		if (this.file) appendFileSync(this.file, `${JSON.stringify(e)}\n`);
		return e;
	}

	/* timeout: ms that the call itself waits at most, 0 for no limit. */
	begin(fields) {
		const call = (this.calls += 1);

		this.put({ what: "begin", call, ...fields });
		return call;
	}

	accepted(call, id) {
		this.put({ what: "accepted", call, id });
	}

	end(call, fields) {
		this.put({ what: "end", call, ...fields });
	}

	look(message) {
		const { id, state, receipts } = message;
		this.put({ what: "look", id, state, receipts });
	}

	calm() {
		this.put({ what: "calm" });
	}
}

/* One that a process has left behind; a torn last line is dropped. */
export function readJournal(file) {
	const journal = new Journal();
	const lines = readFileSync(file, "utf8").split("\n");

	lines.pop();
	journal.entries = lines.filter(Boolean).map((l) => JSON.parse(l));
	journal.calls = Math.max(0, ...journal.entries.map((e) => e.call ?? 0));
	return journal;
}

/* --- the store ------------------------------------------------------------------------------- */

/* A connection to irisd.sock in the role ctl; call(method, params) -> the result. */
export async function openControl(socket) {
	const s = connect(socket);
	const waiting = new Map();
	let rest = "", next = 0;
	const fail = (e) => {
		for (const { reject } of waiting.values())
			reject(e);
		waiting.clear();
	};
	const call = (method, params) =>
		new Promise((resolve, reject) => {
			const id = (next += 1);
			if (s.destroyed) return reject(new Error(`${method}: irisd closed the connection`));
			waiting.set(id, { resolve, reject, method });
			s.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
		});

	s.setEncoding("utf8");
	s.on("data", (d) => {
		const lines = (rest + d).split("\n");
		rest = lines.pop();
		for (const line of lines.map((l) => JSON.parse(l))) {
			const w = waiting.get(line.id);
			waiting.delete(line.id);
			if (line.error) w?.reject(new Error(`${w.method}: ${line.error.message}`));
			else w?.resolve(line.result);
		}
	});
	s.on("error", fail);
	s.on("close", () => fail(new Error("irisd closed the connection")));
	await call("iris/hello", { role: "ctl", protocol: 1, version: "checker", pid: process.pid });
	return { call, close: () => s.destroy() };
}

/* All messages with their receipts, and irisd's own count of them: { messages, counts }. */
export async function readStore(iris) {
	const control = await openControl(iris.socket);
	const messages = [];

	try {
		const { messages: counts } = await control.call("iris/daemon.status", {});
		for (let before; ; before = messages.at(-1).id) {
			const page = await control.call("iris/message.list", { limit: 500, ...(before && { before }) });
			const whole = page.messages.map((m) => control.call("iris/message.show", { id: m.id }));
			messages.push(...(await Promise.all(whole)));
			if (page.messages.length < 500) break;
		}
		return { messages: messages.reverse(), counts, problems: [] };
	} finally {
		control.close();
	}
}

async function sqlite(file, sql) {
	const { stdout } = await promisify(execFile)("sqlite3", ["-json", file, sql], { maxBuffer: 1 << 30 });
	return stdout.trim() === "" ? [] : JSON.parse(stdout);
}

/*
 * The same from the file of an irisd that does not run, however it ended: read from a copy, so that
 * the next irisd finds everything as the last one left it. Also workers, and sessions with the
 * marks of their processes.
 */
export async function readDatabase(file) {
	const dir = mkdtempSync(join(tmpdir(), "iris-db"));
	const copy = join(dir, basename(file));

	try {
		for (const end of ["", "-wal", "-journal"])
			if (existsSync(file + end)) cpSync(file + end, copy + end);
		const sound = await sqlite(copy, "PRAGMA integrity_check");
		const foreign = await sqlite(copy, "PRAGMA foreign_key_check");
		const rows = await sqlite(copy, "SELECT * FROM message ORDER BY id");
		const receipts = groupBy(await sqlite(copy, "SELECT * FROM receipt ORDER BY message, seq"), (r) => r.message);
		const messages = rows.map((r) => ({
			id: r.id, from: r.from_team, to: r.to_team, state: r.state, message: r.body, key: r.key,
			...(r.answer !== null && { response: r.answer }),
			...(r.code !== null && { error: { code: r.code, reason: r.reason } }),
			receipts: receipts.get(r.id) ?? [],
		}));
		const counts = Object.fromEntries([...FINAL, ...Object.keys(NEXT)].map((s) => [s, messages.filter((m) => m.state === s).length]));
		const problems = [
			...sound.filter((r) => r.integrity_check !== "ok").map((r) => problem("database", r.integrity_check)),
			...foreign.map((r) => problem("database", `a ${r.table} without its ${r.parent}`)),
			...[...receipts.keys()].filter((id) => !messages.some((m) => m.id === id)).map((id) => problem("database", `receipts of ${id}, but no message`)),
		];
		return {
			messages, counts, problems,
			workers: await sqlite(copy, "SELECT * FROM worker"),
			sessions: await sqlite(copy, "SELECT * FROM session"),
		};
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
}

function groupBy(list, keyOf) {
	const map = new Map();

	for (const item of list) {
		const key = keyOf(item);
		if (map.has(key)) map.get(key).push(item);
		else map.set(key, [item]);
	}
	return map;
}

/* --- transcripts ------------------------------------------------------------------------------ */

/*
 * Of every conversation under <configDir>/projects: its file, the uuids of its user lines in order,
 * and of those lines that two others follow: two processes have written there.
 */
export function readTranscripts(configDir) {
	const base = join(configDir, "projects");
	const found = [];

	if (!existsSync(base)) return found;
	for (const project of readdirSync(base))
		for (const name of readdirSync(join(base, project)).filter((f) => f.endsWith(".jsonl"))) {
			const file = join(base, project, name);
			found.push({ file, ...linesOf(readFileSync(file, "utf8")) });
		}
	return found;
}

function linesOf(text) {
	const users = [], forks = [], parents = new Set();

	for (const line of text.split("\n")) {
		let o;
		try {
			o = JSON.parse(line);
		} catch {
			continue; /* torn by a kill, or the end */
		}
		if (typeof o.uuid !== "string") continue;
		if (o.type === "user") users.push(o.uuid);
		if (parents.has(o.parentUuid)) forks.push(o.parentUuid);
		if (o.parentUuid !== undefined) parents.add(o.parentUuid);
	}
	return { users, forks };
}

/* --- the rules -------------------------------------------------------------------------------- */

const problem = (rule, text) => ({ rule, text });
const shown = (m) => `${m.id} (${m.from} -> ${m.to}, ${m.state})`;
const steps = (receipts) => receipts.map((r) => r.state).join(" ");

function checkLadder(m) {
	const found = [], r = m.receipts ?? [];
	const bad = (text) => found.push(problem("ladder", `${shown(m)}: ${text}`));

	if (r.length === 0) {
		bad("no receipts");
		return found;
	}
	if (r[0].state !== "queued") bad(`begins with ${r[0].state}`);
	for (let i = 1; i < r.length; i++) {
		if (!NEXT[r[i - 1].state]?.includes(r[i].state)) bad(`${r[i].state} after ${r[i - 1].state}: ${steps(r)}`);
		if (r[i].at < r[i - 1].at) bad(`step ${i + 1} is ${r[i - 1].at - r[i].at} ms before the one before it`);
	}
	if (r.some((x, i) => i > 0 && x.seq <= r[i - 1].seq)) bad(`numbers of receipts: ${r.map((x) => x.seq)}`);
	for (const x of r)
		if (typeof x.evidence !== "string" || x.evidence === "") bad(`${x.state} without evidence`);
	if (r.at(-1).state !== m.state) bad(`the row says ${m.state}, the last receipt ${r.at(-1).state}`);
	if (m.state === "answered" && typeof m.response !== "string") bad("answered without an answer");
	if (m.state !== "answered" && m.response !== undefined) bad("has an answer");
	if (isFinal(m.state) && m.state !== "answered" && (!CODES.includes(m.error?.code) || !m.error?.reason)) bad(`does not say why: ${JSON.stringify(m.error)}`);
	return found;
}

/* The calls of a journal: { begin, ids, end, looks }. */
function callsOf(journal) {
	const calls = new Map();

	for (const e of journal.entries) {
		if (e.call === undefined) continue;
		if (e.what === "begin") calls.set(e.call, { begin: e, ids: new Set() });
		const c = calls.get(e.call);
		if (e.what === "end") c.end = e;
		if (e.what !== "begin" && e.id !== undefined) c.ids.add(e.id);
	}
	return [...calls.values()];
}

const named = (c) => `call ${c.begin.call} (${c.begin.kind} by ${c.begin.client ?? "?"})`;

/* Every call has an end in time, and one that says something. */
function checkWaiting(calls, journal, bound) {
	const found = [], calm = journal.entries.findLast((e) => e.what === "calm")?.at ?? 0;
	const bad = (c, text) => found.push(problem("waiting", `${named(c)}: ${text}`));

	for (const c of calls) {
		const until = Math.max(c.begin.at, calm) + (c.begin.timeout ?? 0) + bound;
		if (!c.end) bad(c, "never got an answer");
		else if (c.end.at > until) bad(c, `waited ${c.end.at - until} ms longer than ${bound} ms beyond its time: ${c.end.outcome}`);
		else if (c.end.outcome === "answered" && typeof c.end.answer !== "string") bad(c, "answered without an answer");
		else if (["failed", "cancelled", "expired", "error"].includes(c.end.outcome) && (!CODES.includes(c.end.code) || !(c.end.text?.length > 10)))
			bad(c, `an error that says nothing: ${c.end.code} ${JSON.stringify(c.end.text)}`);
	}
	return found;
}

/* What each call was told, against the store. */
function checkTold(calls, byId) {
	const found = [];

	for (const c of calls) {
		const { expect } = c.begin, { outcome, id, answer, code } = c.end ?? {};
		for (const accepted of c.ids) {
			const m = byId.get(accepted);
			if (!m) found.push(problem("lost", `${named(c)} was given ${accepted}, which is not in the store`));
			else if (c.begin.nonce && !m.message.includes(c.begin.nonce)) found.push(problem("lost", `${named(c)} was given ${shown(m)}, another's message`));
		}
		if (c.ids.size > 1) found.push(problem("double", `${named(c)} was given ${[...c.ids].join(" and ")}`));
		const m = byId.get(id);
		if (!m) continue;
		if (isFinal(outcome) && m.state !== outcome) found.push(problem("told", `${named(c)} was told ${outcome}, the store says ${shown(m)}`));
		else if (outcome === "answered" && m.response !== answer) found.push(problem("told", `${named(c)} was given another answer than the store has of ${m.id}`));
		else if (isFinal(outcome) && outcome !== "answered" && m.error?.code !== code)
			found.push(problem("told", `${named(c)} was told ${code}, the store says ${m.error?.code} of ${m.id}`));
		if (expect && m.state === "answered" && !m.response.includes(expect)) found.push(problem("answer", `${shown(m)}: expected ${expect}, got ${m.response.slice(0, 200)}`));
	}
	return found;
}

/* One message for each text that was sent once, one id for each key. */
function checkDouble(calls, messages) {
	const found = [], nonces = new Map(), keys = new Map();

	for (const c of calls) {
		for (const nonce of [c.begin.nonce, c.begin.inner].filter(Boolean))
			nonces.set(nonce, []);
		if (c.begin.key) keys.set(c.begin.key, new Set([...(keys.get(c.begin.key) ?? []), ...c.ids]));
	}
	for (const m of messages)
		for (const word of new Set(m.message.match(/[\w-]+/g)))
			nonces.get(word)?.push(m);
	for (const [nonce, list] of nonces) {
		/* A message that asks its team to ask another bears the text of that one as well. */
		const sent = new Set(list.map((m) => m.message));
		if (list.length > sent.size) found.push(problem("double", `${nonce} was sent once and is ${list.map(shown).join(" and ")}`));
	}
	for (const [key, ids] of keys)
		if (ids.size > 1) found.push(problem("double", `the key ${key} has ${[...ids].join(" and ")}`));
	return found;
}

/* Two looks at a message, and the last one at the store. */
function checkReversed(journal, byId) {
	const found = [], last = new Map();
	const step = (r) => `${r.state} at ${r.at}: ${r.evidence}`;
	const compare = (id, before, now) => {
		const gone = before.findIndex((r, i) => !now[i] || step(r) !== step(now[i]));
		if (gone !== -1) found.push(problem("reversed", `${id}: there was "${step(before[gone])}", then ${now[gone] ? `"${step(now[gone])}"` : "nothing"}`));
	};

	for (const e of journal.entries.filter((x) => x.what === "look")) {
		if (last.has(e.id)) compare(e.id, last.get(e.id), e.receipts);
		last.set(e.id, e.receipts);
	}
	for (const [id, receipts] of last)
		if (byId.has(id)) compare(id, receipts, byId.get(id).receipts);
		else found.push(problem("lost", `${id} was looked at and is not in the store any more`));
	return found;
}

function checkTranscripts(messages, transcripts) {
	const found = [], where = new Map();

	for (const t of transcripts) {
		for (const uuid of t.users)
			where.set(uuid, [...(where.get(uuid) ?? []), basename(t.file)]);
		if (t.forks?.length > 0) found.push(problem("fork", `two lines follow ${t.forks[0]} in ${t.file}`));
	}
	for (const m of messages) {
		const n = where.get(m.id)?.length ?? 0, states = m.receipts.map((r) => r.state);
		const bad = (text) => found.push(problem("transcript", `${shown(m)} [${steps(m.receipts)}] ${text}`));
		if (n > 1) bad(`stands in ${where.get(m.id).join(", ")}`);
		if (n === 0 && states.includes("seen")) bad("was seen and stands in no conversation");
		if (n > 0 && !states.includes("sent")) bad("was never sent and stands in a conversation");
	}
	return found;
}

/*
 * Everything but the processes. transcripts: of readTranscripts, or null where there are none to
 * look at. settled: every message is expected to have ended. bound: ms that a call may take beyond
 * its own timeout and the moment of calm. Answers { problems, figures }.
 */
export function check({ journal, store, transcripts = null, settled = true, bound = 30000 }) {
	const { messages, counts } = store;
	const byId = new Map(messages.map((m) => [m.id, m]));
	const calls = callsOf(journal);
	const open = messages.filter((m) => !isFinal(m.state));
	const accepted = new Set(calls.flatMap((c) => [...c.ids]));
	const problems = [
		...(store.problems ?? []),
		...messages.flatMap(checkLadder),
		...checkWaiting(calls, journal, bound),
		...checkTold(calls, byId),
		...checkDouble(calls, messages),
		...checkReversed(journal, byId),
		...(transcripts ? checkTranscripts(messages, transcripts) : []),
		...(settled ? open.map((m) => problem("open", `${shown(m)} [${steps(m.receipts)}] has not ended`)) : []),
	];

	if (byId.size !== messages.length) problems.push(problem("double", "an id stands in the store twice"));
	for (const [state, n] of Object.entries(counts ?? {})) {
		const there = messages.filter((m) => m.state === state).length;
		if (settled && n !== there) problems.push(problem("lost", `irisd counts ${n} ${state} messages, the store has ${there}`));
	}
	return {
		problems,
		figures: {
			calls: calls.length, outcomes: tally(calls, (c) => c.end?.outcome ?? "none"), accepted: accepted.size,
			messages: messages.length, states: tally(messages, (m) => m.state), open: open.length,
			sentTwice: messages.filter((m) => m.receipts.filter((r) => r.state === "sent").length > 1).length,
			failures: tally(messages.filter((m) => m.error), (m) => `${m.error.code}: ${alike(m.error.reason)}`),
			errors: tally(calls.filter((c) => c.end?.outcome === "error"), (c) => `${c.begin.kind}: ${c.end.code}: ${alike(c.end.text)}`),
			looks: journal.entries.filter((e) => e.what === "look").length,
			conversations: transcripts?.length ?? 0,
		},
	};
}

/* How many of each. */
function tally(list, keyOf) {
	return Object.fromEntries([...groupBy(list, keyOf)].map(([key, l]) => [key, l.length]).sort((a, b) => b[1] - a[1]));
}

/* Without what differs from one to the next. */
const alike = (text) => String(text).replace(/[0-9a-f-]{36}|\b[tn]?-?\d+\b/g, "#").slice(0, 120);

/* --- processes -------------------------------------------------------------------------------- */

const CLIENTS = /(^|\/)(iris-mcp-shim|iris)( |$)/;

function processFacts(p) {
	const read = (name) => {
		try {
			return readFileSync(`/proc/${p.pid}/${name}`, "latin1");
		} catch {
			return "";
		}
	};
	const stat = read("stat"), after = stat.slice(stat.lastIndexOf(")") + 2).split(" ");

	return {
		...p,
		parent: Number(after[1]),
		start: after[19],
		mark: read("environ").match(/(?:^|\0)IRIS_CLAUDE=([^\0]*)/)?.[1],
	};
}

/* Those of the test that are no clients and nobody's; why each is one. */
async function orphansNow(iris, except) {
	const all = processesOf(iris.root).filter((p) => !except.has(p.pid) && !CLIENTS.test(p.command)).map(processFacts);
	const daemons = all.filter((p) => /(^|\/)irisd( |$)/.test(p.command));
	const rest = all.filter((p) => !daemons.includes(p));

	if (daemons.length === 0) return rest.map((p) => ({ ...p, why: "no irisd runs" }));
	if (daemons.length > 1) return daemons.map((p) => ({ ...p, why: "one of two irisd" }));
	const control = await openControl(iris.socket);
	try {
		const status = await control.call("iris/daemon.status", {});
		const workers = new Set(status.workers.map((w) => w.pid));
		const claudes = new Set(status.sessions.map((s) => s.pid).filter(Boolean));
		const marks = new Set(all.filter((p) => claudes.has(p.pid)).map((p) => p.mark));
		const zombies = [...daemons, ...rest].flatMap((p) => zombiesOf(p.pid).map((pid) => processFacts({ pid, command: "" })));
		const owned = (p) => workers.has(p.pid) || claudes.has(p.pid) || (p.mark !== undefined && marks.has(p.mark) && !p.command.includes(" -p --input-format="));
		return [
			...rest.filter((p) => !owned(p)).map((p) => ({ ...p, why: "irisd does not know it" })),
			...zombies.map((p) => ({ ...p, why: "a zombie that nobody reaps" })),
		];
	} finally {
		control.close();
	}
}

/*
 * Problems: whoever is an orphan during the whole of deadline ms (what starts or ends may look like
 * one for a moment). iris: { root, socket }; except: pids that the test itself answers for.
 */
export async function findOrphans(iris, { deadline = 5000, except = [] } = {}) {
	const end = Date.now() + deadline, mine = new Set(except);
	let candidates, failure;

	for (;;) {
		try {
			const now = new Map((await orphansNow(iris, mine)).map((p) => [`${p.pid} ${p.start}`, p]));
			candidates = candidates ? new Map([...now].filter(([key]) => candidates.has(key))) : now;
			if (candidates.size === 0) return [];
			failure = undefined;
		} catch (e) {
			failure = e; /* irisd came or went meanwhile */
		}
		if (Date.now() >= end) break;
		await delay(100);
	}
	if (failure) return [problem("orphan", `irisd could not be asked whom it knows: ${failure.message}`)];
	return [...candidates.values()].map((p) => problem("orphan", `${p.pid} ${p.command.slice(0, 150)} (parent ${p.parent}): ${p.why}`));
}

/* A child that has not reached its exec yet, or that a sanitizer looks for leaks with, is no process of its own. */
function withoutChildren(list) {
	const pids = new Set(list.map((p) => p.pid));
	return list.length < 2 ? list : list.filter((p) => !pids.has(processFacts(p).parent));
}

/*
 * From now on, look whether one conversation ever has two processes: found() answers the problems so
 * far, looks() how often it has looked, and stop() ends it and answers the problems. One that is
 * about to be replaced by exec, or that is dying, is seen once only.
 */
export function watchConversations(iris, every = 40) {
	const found = new Map();
	let before = new Set(), looks = 0, timer;
	const look = () => {
		const claudes = processesOf(iris.root).map((p) => ({ ...p, id: p.command.match(/ --(?:session-id|resume)[= ]([0-9a-f-]{36})/)?.[1] }));
		const now = new Set();
		for (const [id, list] of groupBy(claudes.filter((p) => p.id), (p) => p.id))
			if (withoutChildren(list).length > 1) now.add(`${id} is with ${list.map((p) => p.pid).sort()}`);
		for (const pair of now)
			if (before.has(pair)) found.set(pair, problem("fork", `the conversation ${pair}`));
		before = now;
		looks++;
		timer = setTimeout(look, every);
	};

	look();
	return {
		found: () => [...found.values()],
		looks: () => looks,
		stop: () => {
			clearTimeout(timer);
			return [...found.values()];
		},
	};
}

/* The problems as a text for an assertion, the first few of each rule. */
export function describe(problems, each = 5) {
	return [...groupBy(problems, (p) => p.rule)]
		.map(([rule, list]) => [`${rule}: ${list.length}`, ...list.slice(0, each).map((p) => `  ${p.text}`)].join("\n"))
		.join("\n");
}

export const databaseOf = (iris) => join(iris.home, "iris.db");
