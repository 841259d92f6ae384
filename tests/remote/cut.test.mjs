/* SPDX-License-Identifier: MIT
 *
 * The line to a team's host is lost, in every way and at every moment: the answer comes all the
 * same, nothing is said to a Claude twice, who waits is told what goes on, and over there nothing
 * stays. REMOTE_CUT_MS: for how long a line is silent (default 3 s; 30000 is the long form).
 */
import { readdirSync } from "node:fs";
import { describe } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { workers } from "../integration/setup.mjs";
import { processesOf } from "../lib/processes.mjs";
import { ALERT, assert, remoteTest, TRANSPORTS, waitFor } from "./setup.mjs";

const CUT_MS = Number(process.env.REMOTE_CUT_MS ?? 3000);
const LONG = { lingerTimeout: CUT_MS + 30000 };
const states = (m) => m.receipts.map((x) => x.state);
const evidence = (m, state) => m.receipts.filter((x) => x.state === state).map((x) => x.evidence ?? "");

for (const { name, ssh2 } of TRANSPORTS) describe(`a lost line, by ${name}`, { concurrency: 3 }, () => {
	const it = (what, options, fn = options) =>
		remoteTest(what, { timeout: 180000 + 2 * CUT_MS, ...options, options: { ...ALERT, ...options.options }, ssh2 }, fn);

	/* A question whose turn is under way over there, and what its caller is told. */
	async function begin(r, text = "ECHO the end", gate = r.gate()) {
		const told = [];
		const call = r.ask(`${gate.hold}\n${text}`, { timeout: 80000 + CUT_MS, onprogress: (p) => told.push(p.message) });
		const id = (await waitFor(async () => (await r.iris.json(["message", "list", "--state", "seen"])).messages[0], { what: "it to be seen", deadline: 30000 })).id;

		call.catch(() => {});
		return { id, gate, told, call, response: async () => {
			const a = await call;
			assert.equal(a.isError, false, a.text ?? JSON.stringify(a));
			return a.response;
		} };
	}

	const lost = (r) => waitFor(() => /line lost team=/.test(r.iris.log()), { what: "the loss to be noticed", deadline: 30000 });
	/* The longer it is down, the longer it takes until it is tried again. */
	const someTold = (q, what) => waitFor(() => q.told.some((t) => what.test(t)), { what: `to be told ${what}; so far: ${q.told.join(" | ")}`, deadline: 30000 + CUT_MS });

	/* Answered by what stands in the transcript, and said once. */
	async function found(r, q) {
		assert.match(await q.response(), /the end/);
		const m = await r.iris.message(q.id);
		assert.deepEqual(states(m), ["queued", "sent", "seen", "answered"]);
		assert.match(evidence(m, "answered")[0], /^transcript line \d+/);
		assert.equal(r.said("the end"), 1);
		assert.equal(r.host.userLines().length, 1);
		return m;
	}

	it(`silent for ${CUT_MS} ms, and the turn ends meanwhile: its answer is found`, { options: LONG }, async (r) => {
		const q = await begin(r);
		r.line.pause();
		const silence = delay(CUT_MS);
		await delay(CUT_MS / 10);
		q.gate.open();
		await silence;
		await someTold(q, /the line to box is lost \(.+\); trying again/);
		r.line.resume();
		await found(r, q);
		assert.equal(await r.answer("ECHO next"), "next");
		assert.equal(Object.keys(r.host.transcripts()).length, 1, "one conversation");
	});

	it(`silent for ${CUT_MS} ms, and the turn goes on for longer: its answer is awaited`, { options: LONG }, async (r) => {
		const q = await begin(r);
		r.line.pause();
		await Promise.all([delay(CUT_MS), lost(r)]);
		r.line.resume();
		await someTold(q, /team far still works on it at box; its answer is awaited/);
		assert.equal((await r.iris.message(q.id)).state, "seen");
		q.gate.open();
		await found(r, q);
	});

	it("silent for a moment: nobody notices", { options: { serverAliveInterval: 2, serverAliveCountMax: 10 } }, async (r) => {
		const q = await begin(r);
		r.line.pause();
		q.gate.open();
		await delay(1000);
		r.line.resume();
		assert.match(await q.response(), /the end/);
		assert.equal(r.host.logins(), 1);
		assert.doesNotMatch(r.iris.log(), /line lost/);
		assert.equal(r.host.userLines().length, 1);
	});

	for (const [how, cut] of [["reset", (r) => r.line.cut()], ["ended by a kill of its sshd", (r) => r.host.killConnections()]]) {
		it(`${how}, and the turn ends while it is down: its answer is found`, { options: LONG }, async (r) => {
			const q = await begin(r);
			r.line.refuse();
			await cut(r);
			await someTold(q, /the line to box is lost/);
			q.gate.open();
			await waitFor(() => r.host.processes(/bin\/claude -p/).length === 0, { what: "the turn to end" });
			r.line.refuse(false);
			await found(r, q);
		});

		it(`${how}, and the turn does not end in the time it has: it is resumed, once`, { options: { lingerTimeout: 500 } }, async (r) => {
			const q = await begin(r);
			r.line.refuse();
			await cut(r);
			await lost(r);
			await waitFor(() => r.host.processes().length === 0, { what: "what was left over there to be ended" });
			r.line.refuse(false);
			const said = await q.response();
			const m = await r.iris.message(q.id);
			assert.deepEqual(states(m), ["queued", "sent", "seen", "seen", "answered"]);
			assert.match(evidence(m, "seen")[1], /resumed/);
			const lines = r.host.userLines();
			assert.equal(lines.length, 2);
			assert.deepEqual(lines.map((l) => l.uuid === m.id), [true, false]);
			assert.match(JSON.stringify(lines[1].message.content), new RegExp(`resumes=\\\\"${m.id}\\\\"`));
			assert.equal(r.said("the end"), 1, "the question itself was said once");
			const answers = Object.values(r.host.transcripts()).flat().filter((l) => l.type === "assistant").flatMap((l) => l.message.content);
			assert.ok(answers.some((b) => b.type === "text" && said.includes(b.text)), said);
			assert.equal(await r.answer("ECHO next"), "next");
			assert.equal(Object.keys(r.host.transcripts()).length, 1);
		});
	}

	it("a message that never got there is delivered when the line is back, once", async (r) => {
		await r.answer("ECHO warm");
		r.line.pause();
		const id = await r.send("ECHO arrives late");
		await r.iris.messageIn(id, "sent");
		r.line.cut();
		r.line.resume();
		const m = await r.answered(id);
		assert.equal(m.response, "arrives late");
		assert.equal(r.said("arrives late"), 1);
		assert.equal(states(m).at(-1), "answered");
		assert.equal(Object.keys(r.host.transcripts()).length, 1);
	});

	it("a message that the network delivers late, when its line counts as lost already: once", { options: LONG }, async (r) => {
		await r.answer("ECHO warm");
		r.line.pause();
		const id = await r.send("ECHO held up");
		await lost(r);
		r.line.resume();
		const m = await r.answered(id);
		assert.equal(m.response, "held up");
		assert.equal(r.said("held up"), 1);
	});

	it("an idle session's line is lost: the next question begins a new one, in the same conversation", async (r) => {
		await r.answer("ECHO before");
		r.host.killConnections();
		await waitFor(() => r.host.processes().length === 0, { what: "Claude to end over there" });
		assert.equal(await r.answer("ECHO after"), "after");
		assert.equal(Object.keys(r.host.transcripts()).length, 1);
		assert.equal(r.host.userLines().length, 2);
	});

	it("the host's sshd is down for a while; what waits behind is answered as well", { options: LONG }, async (r) => {
		const q = await begin(r);
		const behind = await r.send("ECHO behind");
		await r.host.kill();
		q.gate.open();
		await someTold(q, /the line to box is lost \(.*\); trying again in \d+ s/);
		assert.equal((await r.iris.message(behind)).state, "queued");
		await r.host.start();
		assert.match(await q.response(), /the end/);
		assert.equal((await r.answered(behind)).response, "behind");
		assert.deepEqual([r.said("the end"), r.said("behind")], [1, 1]);
	});

	it("it does not come back in its time: failed with the reason; then it does, and the next question works", { options: { ...LONG, reconnectTimeout: 2500 } }, async (r) => {
		const q = await begin(r);
		r.line.refuse();
		r.line.cut();
		const a = await q.call;
		assert.equal(a.isError, true, JSON.stringify(a));
		const e = JSON.parse(a.text);
		assert.equal(e.code, "line", a.text);
		assert.match(e.error, /the line to box/);
		assert.equal((await r.iris.message(q.id)).state, "failed");
		q.gate.open();
		r.line.refuse(false);
		assert.equal(await r.answer("ECHO next"), "next");
		assert.equal(r.said("the end"), 1);
	});

	it("cancelled while it is lost: cancelled, and ended over there", { options: LONG }, async (r) => {
		const q = await begin(r);
		r.line.refuse();
		r.line.cut();
		await lost(r);
		const cancelled = r.iris.iris(["message", "cancel", q.id]);
		await someTold(q, /cancel/);
		r.line.refuse(false);
		assert.equal((await r.iris.messageIn(q.id, "cancelled", "answered", "failed")).state, "cancelled");
		await cancelled;
		await waitFor(() => r.host.processes(/bin\/claude -p/).length === 0, { what: "the turn to be ended" });
		assert.equal(await r.answer("ECHO next"), "next");
		assert.equal(r.said("the end"), 1);
	});

	it("lost while a permission is asked: the request is withdrawn, the message ends, nothing ran", { options: { lingerTimeout: 500 } }, async (r) => {
		const id = await r.send("BASH touch made.txt");
		await waitFor(async () => (await r.iris.json(["approvals", "list"]))[0], { what: "the request", every: 25 });
		r.line.cut();
		await waitFor(async () => (await r.iris.json(["approvals", "list"])).length === 0, { what: "the request to be withdrawn", every: 25 });
		const m = await r.iris.messageIn(id, "answered", "failed");
		assert.equal(m.state, "answered", JSON.stringify(m));
		assert.deepEqual(readdirSync(r.dir), []);
		assert.equal(r.said("BASH touch"), 1);
	});

	it("lost while its Claude waits for a local team: both questions end, each is said once", { options: LONG, teams: { near: {} } }, async (r) => {
		const gate = r.gate();
		const id = await r.send(`TOOL ask_message ${JSON.stringify({ toTeam: "near", message: `${gate.hold} ` })}`);
		await waitFor(async () => (await r.iris.json(["message", "list", "--state", "seen"])).messages.length === 2, { what: "both to be seen", every: 25 });
		r.line.cut();
		await lost(r);
		gate.open();
		const m = await r.answered(id);
		assert.equal(r.host.userLines().filter((l) => l.uuid === m.id).length, 1);
		const inner = (await r.iris.json(["message", "list", "--team", "near"])).messages;
		assert.ok(inner.length >= 1 && inner.every((x) => /answered|cancelled/.test(x.state)), JSON.stringify(inner));
	});

	describe("and more dies", () => {
		it("irisd is killed while the line is silent", { options: LONG }, async (r) => {
			const gate = r.gate();
			const id = await r.send(`${gate.hold}\nECHO the end`);
			await r.iris.messageIn(id, "seen");
			r.line.pause();
			await r.iris.kill();
			gate.open();
			await r.iris.start();
			r.line.resume();
			assert.match((await r.answered(id)).response, /the end/);
			assert.equal(r.said("the end"), 1);
		});

		it("irisd is killed while it waits for the line", { options: LONG }, async (r) => {
			const gate = r.gate();
			const id = await r.send(`${gate.hold}\nECHO the end`);
			await r.iris.messageIn(id, "seen");
			r.line.refuse();
			r.line.cut();
			await lost(r);
			await r.iris.kill();
			gate.open();
			r.line.refuse(false);
			await r.iris.start();
			const m = await r.answered(id);
			assert.match(m.response, /the end/);
			assert.equal(r.host.userLines().length, 1);
		});

		it("the worker is killed in the turn", { options: LONG }, async (r) => {
			const q = await begin(r);
			const worker = workers(r.iris).find((p) => / -t far( |$)/.test(p.command));
			process.kill(worker.pid, "SIGKILL");
			await waitFor(() => r.iris.log().includes("worker was ended"), { what: "irisd to notice" });
			q.gate.open();
			assert.match(await q.response(), /the end/);
			assert.equal(r.said("the end"), 1);
			assert.equal(r.host.userLines().length, 1);
		});

		it("everything of Iris here is killed at once: over there the turn ends, and then nothing is left; the answer is found", { options: LONG }, async (r) => {
			const gate = r.gate();
			const id = await r.send(`${gate.hold}\nECHO the end`);
			await r.iris.messageIn(id, "seen");
			r.iris.killed = true;
			r.host.killAll(processesOf(r.iris.root).map((p) => p.pid));
			await r.iris.daemonExit;
			r.clients = [];
			r.iris.clients = [];
			gate.open();
			await r.host.assertIdle();
			await r.iris.start();
			const m = await r.answered(id);
			assert.match(m.response, /the end/);
			assert.equal(r.host.userLines().length, 1);
		});

		it("irisd is stopped while the line is silent: over there all ends by itself", { options: { lingerTimeout: 500 } }, async (r) => {
			const gate = r.gate();
			const id = await r.send(`${gate.hold}\nECHO never`);
			await r.iris.messageIn(id, "seen");
			r.line.pause();
			await r.iris.end(30000);
			assert.ok(r.host.processes(/bin\/claude -p/).length === 1, "nobody has told it yet");
			r.line.cut();
			await r.host.assertIdle();
		});
	});
});
