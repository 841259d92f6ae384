/* SPDX-License-Identifier: MIT
 *
 * The checker itself: a run without fault has no problem, and each fault that is planted into it is
 * found, under the name of the promise that it breaks. A checker that finds nothing proves nothing.
 */
import { spawn, execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { zombiesOf } from "../lib/processes.mjs";
import { judge } from "../bench/slope.mjs";
import { makeIris, waitFor } from "../integration/setup.mjs";
import { check, databaseOf, describe as tell, findOrphans, Journal, readDatabase, readJournal, readStore, readTranscripts, watchConversations } from "./checker.mjs";

const ID = (n) => `01900000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const ladder = (...states) => states.map((state, i) => ({ seq: i + 1, state, at: 1000 + i, evidence: `proof ${i}` }));

/* A healthy run: answered, failed, cancelled while it waited, sent twice and answered, asked in-band. */
function healthy() {
	const messages = [
		{ id: ID(1), state: "answered", message: "ECHO n-1", response: "n-1", receipts: ladder("queued", "sent", "seen", "answered") },
		{ id: ID(2), state: "failed", message: "ECHO n-2", error: { code: "crashed", reason: "the claude was killed" }, receipts: ladder("queued", "sent", "seen", "failed") },
		{ id: ID(3), state: "cancelled", message: "ECHO n-3", error: { code: "cancelled", reason: "cancelled by you" }, receipts: ladder("queued", "cancelled") },
		{ id: ID(4), state: "answered", message: "ECHO n-4", response: "n-4", receipts: ladder("queued", "sent", "sent", "seen", "answered") },
		{ id: ID(5), state: "answered", message: 'n-5 TOOL ask_message {"message":"ECHO i-5"}', response: "i-5", receipts: ladder("queued", "sent", "seen", "answered") },
		{ id: ID(6), state: "answered", message: "ECHO i-5", response: "i-5", receipts: ladder("queued", "sent", "seen", "answered") },
	].map((m) => ({ from: "a", to: "b", ...m }));
	const journal = new Journal();
	const call = (n, end) => {
		const c = journal.begin({ kind: "ask", client: "a", nonce: `n-${n}`, expect: n === 5 ? "i-5" : `n-${n}`, ...(n === 5 && { inner: "i-5" }), timeout: 0 });
		journal.accepted(c, ID(n));
		journal.look({ ...messages[n - 1], receipts: messages[n - 1].receipts.slice(0, 2) });
		journal.end(c, { id: ID(n), ...end });
	};

	call(1, { outcome: "answered", answer: "n-1" });
	call(2, { outcome: "failed", code: "crashed", text: "message to team b failed: the claude was killed" });
	call(3, { outcome: "cancelled", code: "cancelled", text: "message to team b cancelled: by you" });
	call(4, { outcome: "answered", answer: "n-4" });
	call(5, { outcome: "answered", answer: "i-5" });
	journal.end(journal.begin({ kind: "list", client: "a" }), { outcome: "done" });
	journal.end(journal.begin({ kind: "ask", client: "a", nonce: "n-7" }), { outcome: "error", code: "unavailable", text: "irisd did not start: no space left" });
	journal.end(journal.begin({ kind: "cli", client: "c", nonce: "n-8" }), { outcome: "killed" });
	journal.calm();
	const counts = { queued: 0, sent: 0, seen: 0, answered: 4, failed: 1, expired: 0, cancelled: 1 };
	const transcripts = [{ file: "/x/1.jsonl", users: [ID(1), ID(2), "another"] }, { file: "/x/2.jsonl", users: [ID(4), ID(5), ID(6)] }];
	return { journal, store: { messages, counts, problems: [] }, transcripts };
}

const message = (run, n) => run.store.messages[n - 1];
const end = (run, call) => run.journal.entries.find((e) => e.what === "end" && e.call === call);
const looks = (run) => run.journal.entries.filter((e) => e.what === "look");

/* What is planted, and the promise that it breaks. */
const FAULTS = {
	"an accepted message is gone": ["lost", (r) => r.store.messages.splice(0, 1)],
	"an id leads to another's message": ["lost", (r) => (message(r, 1).message = "ECHO other")],
	"irisd counts what the list has not": ["lost", (r) => (r.store.counts.answered = 5)],
	"a message that somebody looked at is gone": ["lost", (r) => r.journal.look({ id: ID(9), state: "queued", receipts: ladder("queued") })],
	"no receipts": ["ladder", (r) => (message(r, 1).receipts = [])],
	"a step is skipped": ["ladder", (r) => (message(r, 1).receipts = ladder("queued", "sent", "answered"))],
	"it begins in the middle": ["ladder", (r) => (message(r, 1).receipts = ladder("sent", "seen", "answered"))],
	"a second final state": ["ladder", (r) => message(r, 1).receipts.push({ seq: 5, state: "failed", at: 2000, evidence: "x" })],
	"delivered again after it was seen": ["ladder", (r) => (message(r, 1).receipts = ladder("queued", "sent", "seen", "sent", "seen", "answered"))],
	"time goes back": ["ladder", (r) => (message(r, 1).receipts[2].at = 1)],
	"receipts out of order": ["ladder", (r) => (message(r, 1).receipts[3].seq = 2)],
	"a receipt without evidence": ["ladder", (r) => (message(r, 1).receipts[2].evidence = "")],
	"row and receipts differ": ["ladder", (r) => (message(r, 2).state = "cancelled")],
	"answered without an answer": ["ladder", (r) => delete message(r, 6).response],
	"failed with an answer": ["ladder", (r) => (message(r, 2).response = "n-2")],
	"failed without a reason": ["ladder", (r) => (message(r, 2).error = { code: "crashed", reason: "" })],
	"a message that never ends": ["open", (r) => Object.assign(message(r, 6), { state: "seen", response: undefined, receipts: ladder("queued", "sent", "seen") })],
	"a final state is taken back": ["reversed", (r) => r.journal.look({ ...message(r, 1), receipts: ladder("queued", "sent", "failed") })],
	"a receipt is written over": ["reversed", (r) => (looks(r)[0].receipts[1].evidence = "another proof")],
	"a receipt vanishes between two looks": ["reversed", (r) => {
		r.journal.look({ ...message(r, 1) });
		r.journal.look({ ...message(r, 1), receipts: ladder("queued", "sent") });
	}],
	"told answered, stored failed": ["told", (r) => Object.assign(end(r, 2), { outcome: "answered", answer: "n-2" })],
	"told another answer": ["told", (r) => (end(r, 1).answer = "n-1 and more")],
	"told another reason": ["told", (r) => (end(r, 2).code = "timeout")],
	"one call, two messages": ["double", (r) => r.store.messages.push({ ...message(r, 1), id: ID(10) })],
	"one call, two ids": ["double", (r) => r.journal.accepted(1, ID(2))],
	"one in-band call, two messages": ["double", (r) => r.store.messages.push({ ...message(r, 6), id: ID(10) })],
	"one key, two ids": ["double", (r) => r.journal.entries.filter((e) => e.what === "begin" && e.call < 3).forEach((e) => (e.key = "k"))],
	"the same id twice": ["double", (r) => r.store.messages.push({ ...message(r, 3), message: "ECHO x" })],
	"the answer to another message": ["answer", (r) => {
		message(r, 1).response = "n-4";
		end(r, 1).answer = "n-4";
	}],
	"twice in one conversation": ["transcript", (r) => r.transcripts[0].users.push(ID(1))],
	"in two conversations": ["transcript", (r) => r.transcripts[1].users.push(ID(1))],
	"seen, but in no conversation": ["transcript", (r) => r.transcripts[0].users.shift()],
	"never sent, but in a conversation": ["transcript", (r) => r.transcripts[0].users.push(ID(3))],
	"two lines follow one": ["fork", (r) => (r.transcripts[0].forks = [ID(1)])],
	"a call without an answer": ["waiting", (r) => r.journal.begin({ kind: "ask", client: "a" })],
	"an answer that comes too late": ["waiting", (r) => (end(r, 1).at += 31000)],
	"an error that says nothing": ["waiting", (r) => (end(r, 2).text = "")],
	"an error without a code": ["waiting", (r) => (end(r, 2).code = undefined)],
};

describe("the checker", () => {
	const root = mkdtempSync(join(tmpdir(), "iris-t"));
	after(() => rmSync(root, { recursive: true, force: true }));

	test("has nothing to say of a healthy run, and counts it", () => {
		const { problems, figures } = check(healthy());
		assert.deepEqual(problems, []);
		assert.equal(figures.calls, 8);
		assert.equal(figures.accepted, 5);
		assert.equal(figures.messages, 6);
		assert.equal(figures.sentTwice, 1);
		assert.deepEqual(figures.outcomes, { answered: 3, failed: 1, cancelled: 1, done: 1, error: 1, killed: 1 });
	});

	for (const [what, [rule, plant]] of Object.entries(FAULTS))
		test(`finds: ${what}`, () => {
			const run = healthy();
			plant(run);
			const { problems } = check(run);
			assert.ok(problems.some((p) => p.rule === rule), `expected "${rule}", found: ${tell(problems)}`);
		});

	test("open messages are no fault while all has not settled", () => {
		const run = healthy();
		FAULTS["a message that never ends"][1](run);
		run.store.counts = undefined;
		assert.deepEqual(check({ ...run, settled: false }).problems, []);
	});

	test("a journal on disk is the same journal; a torn last line is dropped", () => {
		const file = join(root, "journal"), journal = new Journal(file);
		journal.accepted(journal.begin({ kind: "ask" }), ID(1));
		appendFileSync(file, '{"what":"en');
		assert.deepEqual(readJournal(file), Object.assign(new Journal(), { entries: journal.entries, calls: 1 }));
	});

	test("transcripts: user lines in order, whatever else stands there", () => {
		const dir = join(root, "projects", "p");
		mkdirSync(dir, { recursive: true });
		writeFileSync(join(dir, "s.jsonl"), '{"type":"user","uuid":"1"}\n{"type":"assistant","uuid":"2"}\nnot JSON\n{"type":"user","uuid":"3"}\n{"type":"us');
		assert.deepEqual(readTranscripts(root), [{ file: join(dir, "s.jsonl"), users: ["1", "3"], forks: [] }]);
		const line = (uuid, parentUuid) => `${JSON.stringify({ type: "user", uuid, parentUuid })}\n`;
		writeFileSync(join(dir, "s.jsonl"), line("1", null) + line("2", "1") + line("3", "2") + line("4", "2"));
		assert.deepEqual(readTranscripts(root), [{ file: join(dir, "s.jsonl"), users: ["1", "2", "3", "4"], forks: ["2"] }]);
	});

	test("a running irisd and its file say the same; an unsound file is found", async () => {
		const iris = makeIris({ a: {}, b: {} });
		try {
			await iris.start();
			const client = await iris.client({ cwd: iris.dirs.a });
			for (const text of ["ECHO one", "ECHO two", "FAULT crash-mid-turn"])
				await iris.call(client, "ask_message", { toTeam: "b", message: text });
			const live = await readStore(iris);
			assert.deepEqual(live.messages.map((m) => m.state), ["answered", "answered", "failed"]);
			await iris.stop({ keep: true });
			const db = databaseOf(iris), dead = await readDatabase(db);
			const same = ({ id, from, to, state, message, response, error, receipts }) =>
				({ id, from, to, state, message, response, error, receipts: receipts.map(({ state, at, evidence }) => ({ state, at, evidence })) });
			assert.deepEqual(dead.messages.map(same), live.messages.map(same));
			assert.deepEqual(dead.counts, live.counts);
			assert.deepEqual(check({ journal: new Journal(), store: dead, transcripts: readTranscripts(join(iris.env.HOME, ".claude")) }).problems, []);
			execFileSync("sqlite3", [db, `INSERT INTO receipt (message, seq, state, at, evidence) VALUES ('${ID(1)}', 1000000, 'queued', 1, 'x')`]);
			const broken = await readDatabase(db);
			assert.ok(broken.problems.some((p) => p.rule === "database" && p.text.includes("receipt")), tell(broken.problems));
		} finally {
			await iris.stop();
		}
	});
});

describe("the judge of a soak", () => {
	const bounds = { memory: { unit: "KiB", perHour: 100, noise: 10, lives: true }, fds: { unit: "", perHour: 0, noise: 0 }, file: { unit: "", most: 50 } };
	/* Two lives of irisd in 200 s; what grows in each by itself is what leak says. */
	const verdict = (leak) => {
		const samples = Array.from({ length: 200 }, (_, at) => {
			const irisd = at < 100 ? 1 : 2, age = at % 100;
			return { at, irisd, memory: 4000 * irisd + (at % 7) + leak.memory(age), fds: 50 + leak.fds(at), file: leak.file(at) };
		});
		return Object.fromEntries(judge(samples, bounds, { warmUp: 20, settleLife: 10 }).map((r) => [r.name, r.ok]));
	};
	const none = { memory: () => 0, fds: () => 0, file: () => 50 };

	test("noise, warm-up and a new irisd are no growth", () => {
		assert.deepEqual(verdict(none), { memory: true, fds: true, file: true });
		assert.deepEqual(verdict({ ...none, memory: (age) => (age < 10 ? 0 : 300) }), { memory: true, fds: true, file: true });
	});

	test("growth in each life is found, a descriptor more is, a file too long is", () => {
		assert.deepEqual(verdict({ ...none, memory: (age) => age / 4 }), { memory: false, fds: true, file: true });
		assert.deepEqual(verdict({ ...none, fds: (at) => (at < 150 ? 0 : 1) }), { memory: true, fds: false, file: true });
		assert.deepEqual(verdict({ ...none, file: () => 51 }), { memory: true, fds: true, file: false });
	});
});

describe("the checker's look at processes", () => {
	let iris;
	const started = [];
	const start = (env = {}) => {
		const child = spawn("sleep", ["60"], { env: { PATH: process.env.PATH, TEST_ROOT: iris.root, ...env }, stdio: "ignore" });
		started.push(child);
		return child;
	};
	const finds = async (n, why) => {
		/* Who is gone is no orphan, however long that takes to be seen. */
		const problems = await findOrphans(iris, { deadline: n === 0 ? 10000 : 400 });
		assert.equal(problems.length, n, tell(problems));
		for (const p of problems)
			assert.match(p.text, why);
	};

	test("two processes of one conversation are found", async () => {
		iris = makeIris({ a: {}, b: {} });
		try {
			await iris.start();
			const client = await iris.client({ cwd: iris.dirs.a });
			const watch = watchConversations(iris);
			await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO one" });
			const looks = watch.looks();
			await waitFor(() => watch.looks() >= looks + 3, { what: "three more looks" });
			assert.deepEqual(watch.stop(), []);
			const { sessionId } = (await iris.json(["status"])).sessions[0];
			const again = watchConversations(iris);
			const second = spawn("sh", ["-c", "read x", "claude", `--resume=${sessionId}`], { env: { TEST_ROOT: iris.root, PATH: process.env.PATH } });
			await waitFor(() => again.found().length > 0, { what: "the second process to be found" });
			second.kill("SIGKILL");
			const [p] = again.stop();
			assert.equal(p?.rule, "fork");
			assert.match(p.text, new RegExp(sessionId));
		} finally {
			await iris.stop();
		}
	});

	test("what irisd does not know, and what outlives it, is found", async () => {
		iris = makeIris({ a: {}, b: { grantPermission: "yes" } });
		try {
			await iris.start();
			const client = await iris.client({ cwd: iris.dirs.a });
			await iris.call(client, "ask_message", { toTeam: "b", message: "BASH setsid sleep 60 >/dev/null 2>&1 &" });
			await finds(0);
			/* A shell that has become something else keeps its dead child. */
			const keeper = spawn("sh", ["-c", "true & exec sleep 60"], { env: { PATH: process.env.PATH, TEST_ROOT: iris.root, IRIS_CLAUDE: "x" }, stdio: "ignore" });
			started.push(keeper);
			await waitFor(() => zombiesOf(keeper.pid).length === 1, { what: "the zombie" });
			await finds(2, /irisd does not know it|a zombie that nobody reaps/);
			keeper.kill();
			await finds(0);
			const stranger = start({ IRIS_CLAUDE: "nobody's" });
			await finds(1, /irisd does not know it/);
			stranger.kill();
			await finds(0);
			await client.close();
			await iris.stop({ keep: true });
			await finds(0);
			start();
			await finds(1, /no irisd runs/);
		} finally {
			for (const child of started)
				child.kill("SIGKILL");
			await waitFor(() => started.every((c) => c.signalCode !== null));
			await iris.stop();
		}
	});
});
