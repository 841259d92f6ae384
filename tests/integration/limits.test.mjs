/* SPDX-License-Identifier: MIT
 *
 * What bounds a message, and who may ask for it: time to live, queues, keys, askers that go away,
 * ids that are nobody's. The words of each refusal are a part of it.
 */
import { randomUUID } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program } from "../lib/iris.mjs";
import { assert, connectRaw, failedCall, failedRun, makeGate, quick, startTeams, waitFor, within } from "./setup.mjs";

const UNKNOWN = "01890000-0000-7000-8000-000000000000";

/* A team whose Claude never becomes ready: what is sent to it stays queued. */
const NEVER = { env: { FAKE_CLAUDE_FAULT: "hang-at-start" } };
const TEAMS = { frontend: {}, backend: { grantPermission: "yes" }, mobile: {}, never: NEVER };

describe("limits", () => {
	let iris, client, gate;

	const begin = async (settings = {}) => {
		iris = await startTeams(TEAMS, { settings: { sessionInitTimeout: 60000, spawnTimeout: 60000, stopTimeout: 700, ...settings } });
		client = await iris.client({ cwd: iris.dirs.frontend });
		await client.listTools();
		gate = makeGate(iris);
	};
	const again = async (settings = {}) => {
		iris.setTeams(TEAMS, { sessionInitTimeout: 60000, spawnTimeout: 60000, stopTimeout: 700, ...settings });
		await iris.start();
		client = await iris.client({ cwd: iris.dirs.frontend });
	};
	const send = (toTeam, message, args = {}) => iris.call(client, "quick_message", { toTeam, message, ...args });
	const states = (m) => m.receipts.map((r) => r.state);
	const inState = (state) => waitFor(async () => (await iris.json(["message", "list", "--state", state])).messages[0]?.id,
		{ what: `a message that is ${state}` });
	/* A CLI that waits; kill() ends it as a closed terminal does. */
	const waiting = async (args, state = "seen") => {
		const child = spawn(program("iris"), args, { cwd: iris.dirs.frontend, env: iris.env, stdio: "ignore" });
		const ended = once(child, "exit");
		return { id: await inState(state), kill: async (signal = "SIGKILL") => (child.kill(signal), within(15000, ended, "iris to end")) };
	};

	afterEach(() => iris.stop());

	describe("time to live", () => {
		beforeEach(() => begin());

		test("what is queued for longer expires; who waits is told after how long, and what to do", async () => {
			const start = performance.now();
			const e = await failedCall(iris, client, "ask_message", { toTeam: "never", message: "ECHO late", ttl: 400 });
			const took = performance.now() - start;
			assert.equal(e.code, "expired");
			assert.equal(e.state, "expired");
			assert.match(e.error, /^message to team never expired: it was still queued for team never after its time to live of 400 ms; .*send it again, with a longer ttl or without one$/);
			assert.ok(took >= 390 && took < 5000, `${took} ms`);
			const m = await iris.message(e.messageId);
			assert.deepEqual(states(m), ["queued", "expired"]);
			assert.equal(m.expiresAt - m.createdAt, 400);
			assert.ok(m.updatedAt >= m.expiresAt, "not before its time");
			assert.match(m.receipts[1].evidence, /400 ms/);
			const r = await failedRun(iris, ["ask", "--ttl", "1s", "never", "ECHO late"]);
			assert.equal(r.status, 9);
			assert.equal(r.code, "expired");
			assert.match(r.message, /time to live of 1 s;/);
		});

		test("one behind a long turn expires, the turn itself does not, and those behind go on", async () => {
			await iris.call(client, "team_wake", { team: "backend" });
			const first = (await send("backend", gate.hold, { ttl: 1200 })).messageId;
			await iris.messageIn(first, "seen");
			const short = (await send("backend", "ECHO short", { ttl: 1300 })).messageId;
			const long = (await send("backend", "ECHO long", { ttlDays: 3 })).messageId;
			assert.deepEqual(states(await iris.messageIn(short, "expired")), ["queued", "expired"]);
			assert.equal((await iris.message(first)).state, "seen");
			gate.open();
			assert.equal((await iris.messageIn(first, "answered")).response, "held");
			const m = await iris.messageIn(long, "answered");
			assert.equal(m.response, "long");
			assert.equal(m.expiresAt - m.createdAt, 3 * 86400000);
		});

		test("ttl counts where ttlDays is given, too; 0 is without limit; nonsense is refused", async () => {
			const both = await iris.message((await send("never", "ECHO x", { ttl: 60000, ttlDays: 3 })).messageId);
			assert.equal(both.expiresAt - both.createdAt, 60000);
			assert.equal((await iris.message((await send("never", "ECHO x", { ttlDays: 0 })).messageId)).expiresAt, undefined);
			assert.match((await failedCall(iris, client, "quick_message", { toTeam: "never", message: "x", ttl: -1 })).error, /"ttl" must be a whole number from 0/);
			const raw = await connectRaw(iris, { role: "ctl" });
			for (const ttl of [-1, 36501 * 86400000, 1.5, "3"]) {
				const { error } = await raw.request("iris/message.send", { to: "never", message: "x", timeout: -1, ttl });
				assert.equal(error.data.code, "invalid", `${ttl}`);
				assert.match(error.message, /ttl must be/);
			}
			raw.socket.destroy();
			assert.equal((await failedRun(iris, ["send", "--ttl", "soon", "never", "x"])).status, 2);
		});

		test("a new irisd goes on with what is left of it", async () => {
			const soon = await iris.message((await send("never", "ECHO soon", { ttl: 2500 })).messageId);
			const past = await iris.message((await send("never", "ECHO past", { ttl: 300 })).messageId);
			const later = (await send("never", "ECHO later", { ttl: 600000 })).messageId;
			await client.close();
			iris.clients = [];
			await iris.kill();
			await waitFor(() => Date.now() > past.expiresAt, { what: "its time to be over" });
			await again();
			await iris.messageIn(past.id, "expired");
			const m = await iris.messageIn(soon.id, "expired");
			assert.equal(m.expiresAt, soon.expiresAt);
			const due = Math.max(m.expiresAt, (await iris.json(["status"])).startedAt);
			assert.ok(m.updatedAt >= m.expiresAt && m.updatedAt < due + 2000, `${m.updatedAt - due} ms late`);
			assert.equal((await iris.message(later)).state, "queued");
		});
	});

	test("settings.messageTtl counts where none is given, and 0 overrides it", async () => {
		await begin({ messageTtl: 300 });
		const e = await failedCall(iris, client, "ask_message", { toTeam: "never", message: "ECHO x" });
		assert.match(e.error, /time to live of 300 ms/);
		assert.equal((await failedRun(iris, ["ask", "never", "ECHO x"])).code, "expired");
		const free = await iris.message((await send("never", "ECHO x", { ttl: 0 })).messageId);
		assert.equal(free.expiresAt, undefined);
	});

	test("settings.maxQueue and maxQueueTotal: refused with the length, over each way in; nothing is stored", async () => {
		await begin({ maxQueue: 3, maxQueueTotal: 4 });
		for (let i = 0; i < 3; i++)
			await send("never", `ECHO ${i}`);
		const one = /^3 messages from frontend already wait for team never \(settings\.maxQueue is 3\); send again when some are answered$/;
		const total = /^4 messages already wait for all teams together \(settings\.maxQueueTotal is 4\); send again when some are answered$/;
		const raw = await connectRaw(iris, { role: "ctl", cwd: iris.dirs.frontend });
		const refused = async (words) => {
			for (const tool of ["quick_message", "ask_message", "send_message"]) {
				const e = await failedCall(iris, client, tool, { toTeam: "never", message: "ECHO more" });
				assert.equal(e.code, "limit");
				assert.match(e.error, words);
			}
			for (const command of ["ask", "send"]) {
				const r = await failedRun(iris, [command, "never", "ECHO more"], { cwd: iris.dirs.frontend });
				assert.equal(r.status, 6);
				assert.match(r.message, words);
			}
			const { error } = await raw.request("iris/message.send", { to: "never", message: "ECHO more" });
			assert.equal(error.data.code, "limit");
			assert.match(error.message, words);
		};
		await refused(one);
		const mobile = await iris.client({ cwd: iris.dirs.mobile });
		const fourth = await quick(iris, mobile, "never", "ECHO 3");
		await refused(total);
		assert.equal((await iris.json(["message", "list"])).messages.length, 4);
		assert.equal((await iris.json(["status"])).sessions.length, 2, "no session for what was refused");
		await iris.json(["message", "cancel", fourth]);
		assert.equal((await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO room again" })).response, "room again");
		raw.socket.destroy();
	});

	describe("keys", () => {
		beforeEach(() => begin());

		test("iris ask --key: the same text finds the first message, also at its end and after a restart", async () => {
			const ask = (...args) => iris.json(["ask", "--from", "frontend", "--key", "deploy 42", ...args]);
			const first = await ask("backend", "ECHO once");
			assert.equal(first.response, "once");
			assert.equal((await ask("backend", "ECHO once")).id, first.id);
			assert.equal((await iris.json(["send", "--from", "frontend", "--key", "deploy 42", "backend", "ECHO once"])).id, first.id);
			/* The protocol's keys are those of the tools. */
			const r = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO once", idempotencyKey: "deploy 42" });
			assert.equal(r.messageId, first.id);
			await client.close();
			iris.clients = [];
			await iris.stop({ keep: true });
			await again();
			assert.deepEqual((({ id, response }) => ({ id, response }))(await ask("backend", "ECHO once")), { id: first.id, response: "once" });
			assert.equal((await iris.json(["message", "list"])).messages.length, 1);
		});

		test("with other text or another team it is an error that names the first; a cancelled one is found as it is", async () => {
			const key = { idempotencyKey: "k" };
			const id = (await send("never", "ECHO once", key)).messageId;
			for (const [team, text] of [["never", "ECHO twice"], ["backend", "ECHO once"]]) {
				const e = await failedCall(iris, client, "quick_message", { toTeam: team, message: text, ...key });
				assert.equal(e.code, "invalid");
				assert.equal(e.error, `the idempotency key was used for another message (${id}); use a new key for new text`);
				const r = await failedRun(iris, ["send", "--from", "frontend", "--key", "k", team, text]);
				assert.equal(r.status, 2);
				assert.match(r.message, /idempotency key was used for another message/);
			}
			await iris.json(["message", "cancel", id]);
			const e = await failedCall(iris, client, "ask_message", { toTeam: "never", message: "ECHO once", ...key });
			assert.equal(e.code, "cancelled");
			assert.equal(e.messageId, id);
		});

		test("a sender's keys are its own: another one's message is not found, and nothing of it is told", async () => {
			const key = { idempotencyKey: "secret" };
			const id = (await send("backend", "ECHO mine", key)).messageId;
			await iris.messageIn(id, "answered");
			const mobile = await iris.client({ cwd: iris.dirs.mobile });
			for (const message of ["ECHO mine", "ECHO other"]) {
				const r = await iris.call(mobile, "ask_message", { toTeam: "backend", message, idempotencyKey: `secret${message}` });
				assert.notEqual(r.messageId, id);
			}
			const same = await iris.call(mobile, "ask_message", { toTeam: "backend", message: "ECHO its own", ...key });
			assert.equal(same.response, "its own");
			assert.ok(!JSON.stringify(same).includes(id));
			/* Nor by another client's instance: the shim's own keys are its sender's, too. */
			const instance = randomUUID();
			const line = (message) => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message } } });
			const first = await connectRaw(iris, { role: "shim", cwd: iris.dirs.frontend, instance });
			const thief = await connectRaw(iris, { role: "shim", cwd: iris.dirs.mobile, instance });
			first.send(line("ECHO for frontend"));
			thief.send(line("ECHO for frontend"));
			const a = (await first.line((l) => l.id === 1)).result.structuredContent;
			const b = (await thief.line((l) => l.id === 1)).result.structuredContent;
			assert.notEqual(a.messageId, b.messageId);
			assert.equal(b.from, "mobile");
			const all = { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "broadcast_message", arguments: { teams: ["backend"], message: "ECHO to all" } } };
			const sent = [];
			for (const who of [first, thief]) {
				who.send(all);
				sent.push((await who.line((l) => l.id === 2)).result.structuredContent.results[0].messageId);
			}
			assert.ok(sent.every(Boolean), JSON.stringify(sent));
			assert.notEqual(sent[0], sent[1]);
			first.socket.destroy();
			thief.socket.destroy();
		});

		test("a key that is empty or too long is refused", async () => {
			const raw = await connectRaw(iris, { role: "ctl" });
			for (const idempotencyKey of ["", "k".repeat(201)]) {
				const { error } = await raw.request("iris/message.send", { to: "never", message: "x", timeout: -1, idempotencyKey });
				assert.equal(error.message, "idempotencyKey must have 1 to 200 bytes");
				assert.equal((await failedCall(iris, client, "quick_message", { toTeam: "never", message: "x", idempotencyKey })).code, "invalid");
				assert.equal((await failedRun(iris, ["send", "--key", idempotencyKey, "never", "x"])).status, 2);
			}
			raw.socket.destroy();
		});
	});

	describe("ids and receipts", () => {
		beforeEach(() => begin());

		test("an id that is none, one that nobody has, and somebody else's: three errors", async () => {
			const id = (await send("backend", "ECHO private")).messageId;
			await iris.messageIn(id, "answered");
			const mobile = await iris.client({ cwd: iris.dirs.mobile });
			for (const junk of ["x", "'; DROP TABLE message", `${id}0`]) {
				const e = await failedCall(iris, client, "message_result", { messageId: junk });
				assert.equal(e.code, "invalid");
				assert.equal(e.error, `"${junk}" is not a message id; give the messageId that the sending tool returned`);
			}
			const none = await failedCall(iris, client, "message_result", { messageId: UNKNOWN });
			assert.equal(none.code, "not_found");
			assert.equal(none.error, `there is no message ${UNKNOWN}; give the messageId that the sending tool returned`);
			const other = await failedCall(iris, mobile, "message_result", { messageId: id });
			assert.equal(other.code, "refused");
			assert.equal(other.error, `message ${id} is between two other teams than "mobile"; only who sent or received a message may fetch it`);
			assert.ok(!JSON.stringify(other).includes("private"));
			/* The receiver may. */
			const backend = await iris.client({ cwd: iris.dirs.backend });
			assert.equal((await iris.call(backend, "message_result", { messageId: id })).response, "private");

			const raw = await connectRaw(iris, { role: "ctl" });
			for (const method of ["iris/message.show", "iris/message.cancel"]) {
				const ask = async (params) => (await raw.request(method, params)).error;
				assert.deepEqual([(await ask({ id: "x" })).data.code, (await ask({ id: "x" })).message],
					["invalid", '"x" is not a message id; "iris message list" shows them']);
				assert.deepEqual([(await ask({ id: UNKNOWN })).data.code, (await ask({ id: UNKNOWN })).message],
					["not_found", `there is no message ${UNKNOWN}; "iris message list" shows those that there are`]);
				assert.equal((await ask({})).data.code, "invalid");
			}
			raw.socket.destroy();
			for (const command of ["show", "cancel"]) {
				assert.equal((await failedRun(iris, ["message", command, "x"])).status, 2);
				assert.equal((await failedRun(iris, ["message", command, UNKNOWN])).status, 3);
			}
		});

		test("each step with its time and its evidence: message_result and iris message show", async () => {
			const id = (await send("backend", gate.hold)).messageId;
			await iris.messageIn(id, "seen");
			const soon = await iris.call(client, "message_result", { messageId: id });
			assert.deepEqual(states(soon), ["queued", "sent", "seen"]);
			gate.open();
			const r = await iris.call(client, "message_result", { messageId: id, timeout: 10000 });
			assert.deepEqual(states(r), ["queued", "sent", "seen", "answered"]);
			assert.deepEqual(r.receipts, (await iris.message(id)).receipts);
			assert.equal(r.receipts[0].evidence, "stored");
			assert.match(r.receipts[1].evidence, /^handed to claude, process \d+$/);
			assert.match(r.receipts[2].evidence, /^(replay|lifecycle)$/);
			assert.equal(r.receipts[3].evidence, "result");
			assert.ok(r.receipts.every((s, i) => Math.abs(s.at - Date.now()) < 60000 && (i === 0 || s.at >= r.receipts[i - 1].at)));
			const text = (await iris.iris(["message", "show", id])).stdout.split("\n");
			for (const s of r.receipts) {
				const line = text.find((l) => l.trim().startsWith(s.state));
				assert.ok(line?.includes(s.evidence), `${s.state}: ${line}`);
				assert.match(line, /\d\d:\d\d:\d\d/);
			}
			/* Those of a message that has failed are told as well. */
			const bad = (await send("never", "ECHO x", { ttl: 50 })).messageId;
			const e = await failedCall(iris, client, "message_result", { messageId: bad, timeout: 5000 });
			assert.deepEqual(states(e), ["queued", "expired"]);
		});
	});

	describe("askers that go away, with settings.cancelOnDisconnect", () => {
		beforeEach(() => begin({ cancelOnDisconnect: true }));

		/* A shim that asks and waits; end() is its end by SIGKILL. */
		const shim = async (message = gate.hold) => {
			const raw = await connectRaw(iris, { role: "shim", cwd: iris.dirs.frontend, instance: randomUUID() });
			raw.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message } } });
			return { id: await inState("seen"), raw, end: () => raw.socket.destroy() };
		};

		test("a shim is gone: its message is cancelled, the turn interrupted, and the next one served", async () => {
			const s = await shim();
			s.end();
			const m = await iris.messageIn(s.id, "cancelled");
			assert.equal(m.error.code, "cancelled");
			assert.deepEqual(states(m), ["queued", "sent", "seen", "cancelled"]);
			assert.equal((await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO next" })).response, "next");
		});

		test("iris ask is killed: the same, also for one that is queued; an interrupt says so", async () => {
			const first = (await send("backend", gate.hold)).messageId;
			await iris.messageIn(first, "seen");
			const queued = await waiting(["ask", "backend", "ECHO never"], "queued");
			await queued.kill();
			const m = await iris.messageIn(queued.id, "cancelled");
			assert.deepEqual(states(m), ["queued", "cancelled"]);
			assert.equal(m.error.reason, "who waited for its answer has gone (settings.cancelOnDisconnect)");
			assert.equal((await iris.message(first)).state, "seen", "who did not wait is not gone");
			const child = spawn(program("iris"), ["ask", "backend", "ECHO interrupted"], { cwd: iris.dirs.frontend, env: iris.env, stdio: ["ignore", "ignore", "pipe"] });
			let said = "";
			child.stderr.on("data", (d) => (said += d));
			const ended = once(child, "close");
			const id = await inState("queued");
			child.kill("SIGINT");
			await within(15000, ended, "iris to end");
			assert.match(said, /the message is cancelled, unless somebody else waits for it \(settings\.cancelOnDisconnect\)/);
			await iris.messageIn(id, "cancelled");
			gate.open();
		});

		test("as long as somebody waits it goes on; who only fetches the answer cancels nothing", async () => {
			const s = await shim();
			const second = await iris.client({ cwd: iris.dirs.backend });
			const fetching = iris.call(second, "message_result", { messageId: s.id, timeout: 0 });
			const show = spawn(program("iris"), ["message", "show", "--wait", "0", s.id], { env: iris.env, stdio: "ignore" });
			const shown = once(show, "exit");
			/* Answered in order: by then irisd has the first call. */
			await iris.call(second, "get_date");
			const connections = async () => (await iris.json(["status"])).connections;
			await waitFor(async () => (await connections()) >= 5, { what: "all of them to be connected" });
			s.end();
			await waitFor(async () => (await connections()) === 4, { what: "the asker to be gone" });
			assert.equal((await iris.message(s.id)).state, "seen");
			show.kill("SIGKILL");
			await within(15000, shown, "iris to end");
			gate.open();
			assert.equal((await fetching).response, "held");
			assert.equal((await iris.message(s.id)).state, "answered");
		});

		test("a time limit, of the call or of the client, is no end", async () => {
			const r = await iris.call(client, "ask_message", { toTeam: "backend", message: gate.hold, timeout: 200 });
			assert.equal(r.timedOut, true);
			await assert.rejects(iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO second" }, { timeout: 300 }), /timed out/i);
			await client.close();
			iris.clients = [];
			gate.open();
			const m = await iris.messageIn(r.messageId, "answered", "cancelled");
			assert.equal(m.state, "answered");
			const other = await waitFor(async () => (await iris.json(["message", "list"])).messages.find((x) => x.id !== r.messageId), { what: "the other one" });
			assert.equal((await iris.messageIn(other.id, "answered", "cancelled")).state, "answered");
		});

		test("irisd's own end cancels nothing that is queued", async () => {
			const s = await shim();
			const queued = await connectRaw(iris, { role: "ctl", cwd: iris.dirs.frontend });
			queued.send({ jsonrpc: "2.0", id: 9, method: "iris/message.send", params: { to: "never", message: "ECHO kept" } });
			const id = await inState("queued");
			await iris.stop({ keep: true });
			s.end();
			queued.socket.destroy();
			await again();
			assert.deepEqual(states(await iris.message(id)), ["queued"]);
		});
	});

	test("without the setting, nobody's going away cancels anything", async () => {
		await begin();
		const asked = await waiting(["ask", "backend", gate.hold]);
		await asked.kill();
		gate.open();
		assert.equal((await iris.messageIn(asked.id, "answered", "cancelled")).response, "held");
	});
});
