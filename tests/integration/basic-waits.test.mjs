/* SPDX-License-Identifier: MIT
 *
 * Waiting for answers: time limits, queues, many callers, progress, cancellation, and repeated
 * calls.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { assert, claudes, connectRaw, failedCall, makeGate, quick, sessions, startTeams, waitFor } from "./setup.mjs";

describe("waiting for answers", () => {
	let iris, client, gate;

	beforeEach(async () => {
		iris = await startTeams({ frontend: {}, backend: { grantPermission: "yes" }, mobile: {} });
		client = await iris.client({ cwd: iris.dirs.frontend });
		await client.listTools();
		gate = makeGate(iris);
	});
	afterEach(() => iris.stop());

	const ask = (message, args = {}, options = {}) =>
		iris.call(client, "ask_message", { toTeam: "backend", message, ...args }, options);

	test("timeout -1 does not wait; the answer is fetched later", async () => {
		const r = await ask(`${gate.hold}`, { timeout: -1 });
		assert.equal(r.timedOut, false);
		assert.ok(["queued", "sent", "seen"].includes(r.state));
		assert.match(r.response, /message_result/);
		gate.open();
		const done = await iris.call(client, "message_result", { messageId: r.messageId, timeout: 10000 });
		assert.equal(done.response, "held");
	});

	test("a timeout in ms ends the call in time, and not the message", async () => {
		const r = await ask(`${gate.hold}\nECHO late`, { timeout: 300 });
		assert.equal(r.timedOut, true);
		assert.ok(r.duration >= 280 && r.duration < 15000, `${r.duration} ms`);
		assert.notEqual(r.state, "answered");
		assert.ok(r.response.includes(r.messageId));
		gate.open();
		const done = await iris.call(client, "message_result", { messageId: r.messageId, timeout: 10000 });
		assert.equal(done.response, "held\n\nlate");
		assert.equal(done.state, "answered");
	});

	test("timeout 0 waits as long as it takes", async () => {
		const waiting = ask(`${gate.hold}`, { timeout: 0 });
		const id = await waitFor(async () => (await iris.json(["message", "list"])).messages[0]?.id);
		await iris.messageIn(id, "seen");
		gate.open();
		assert.equal((await waiting).response, "held");
	});

	test("settings.defaultTimeout counts where none is given", async () => {
		iris.setTeams({ frontend: {}, backend: {} }, { defaultTimeout: 250 });
		await iris.stop({ keep: true });
		await iris.start();
		client = await iris.client({ cwd: iris.dirs.frontend });
		const r = await ask(gate.hold);
		assert.equal(r.timedOut, true);
		gate.open();
		await iris.messageIn(r.messageId, "answered");
	});

	test("messages to a busy team queue, and are answered in the order in which they came", async () => {
		const ids = [await quick(iris, client, "backend", gate.hold)];
		await iris.messageIn(ids[0], "seen");
		for (let i = 1; i <= 3; i++)
			ids.push(await quick(iris, client, "backend", `ECHO number ${i}`));
		const third = await iris.call(client, "message_result", { messageId: ids[3] });
		assert.equal(third.state, "queued");
		assert.match(third.response, /queued, place 3/);
		assert.equal((await sessions(iris))["frontend->backend"].queued, 3);
		gate.open();
		await iris.messageIn(ids[3], "answered");
		const all = await Promise.all(ids.map((id) => iris.message(id)));
		assert.deepEqual(all.map((m) => m.response), ["held", "number 1", "number 2", "number 3"]);
		const at = (m, state) => m.receipts.find((r) => r.state === state).at;
		for (let i = 1; i < all.length; i++)
			assert.ok(at(all[i], "sent") >= at(all[i - 1], "answered"), `message ${i} was sent before the one before it had ended`);
		assert.equal(claudes(iris).length, 1);
	});

	test("a full queue is an error that names the limit", async () => {
		iris.setTeams({ frontend: {}, backend: {} }, { maxQueue: 2 });
		await iris.stop({ keep: true });
		await iris.start();
		client = await iris.client({ cwd: iris.dirs.frontend });
		const first = await quick(iris, client, "backend", gate.hold);
		await iris.messageIn(first, "seen");
		await quick(iris, client, "backend", "ECHO 1");
		const last = await quick(iris, client, "backend", "ECHO 2");
		const r = await failedCall(iris, client, "quick_message", { toTeam: "backend", message: "ECHO 3" });
		assert.equal(r.code, "limit");
		assert.match(r.error, /2 messages from frontend already wait for team backend \(settings\.maxQueue is 2\)/);
		gate.open();
		assert.equal((await iris.messageIn(last, "answered")).response, "2");
	});

	test("many callers at once on a cold pair: one claude, every answer to its own question", async () => {
		const second = await iris.client({ cwd: iris.dirs.frontend });
		const texts = Array.from({ length: 12 }, (_, i) => `answer ${i}`);
		const answers = await Promise.all(texts.map((text, i) =>
			iris.call(i % 2 ? client : second, "ask_message", { toTeam: "backend", message: `ECHO ${text}` })));
		assert.deepEqual(answers.map((r) => r.response), texts);
		assert.equal(claudes(iris).length, 1);
		assert.equal(iris.log().match(/claude started session=/g).length, 1);
	});

	test("two callers: two sessions with processes of their own, at work at the same time", async () => {
		const mobile = await iris.client({ cwd: iris.dirs.mobile });
		const held = ask(gate.hold);
		await waitFor(async () => (await sessions(iris))["frontend->backend"]?.state === "busy", { what: "the first one to be at work" });
		const other = await iris.call(mobile, "ask_message", { toTeam: "backend", message: "ECHO not blocked" });
		assert.equal(other.response, "not blocked");
		const all = await sessions(iris);
		assert.deepEqual(Object.keys(all).sort(), ["frontend->backend", "mobile->backend"]);
		assert.notEqual(all["frontend->backend"].sessionId, all["mobile->backend"].sessionId);
		assert.notEqual(all["frontend->backend"].pid, all["mobile->backend"].pid);
		gate.open();
		assert.equal((await held).response, "held");
		assert.equal(claudes(iris).length, 2);
	});

	test("progress tells the queue place, the running turn and its tool; the values grow", async () => {
		const first = await quick(iris, client, "backend", gate.hold);
		await iris.messageIn(first, "seen");
		const said = [];
		const tool = makeGate(iris, "tool");
		/* The SDK drops the progress that comes in one read with the answer: the tool waits until it is told of. */
		const waiting = ask(`BASH until [ -e '${join(iris.root, "tool")}' ]; do sleep 0.02; done; echo from bash`, {}, { onprogress: (p) => said.push(p) });
		await waitFor(() => said.length > 0, { what: "the first progress" });
		assert.match(said[0].message, /^queued, place 1/);
		gate.open();
		await waitFor(() => said.some((p) => p.message === "team backend: using Bash"), { what: "the tool to be told of" })
			.catch((e) => { throw new Error(`${e.message}; ${JSON.stringify(said)}`); });
		tool.open();
		assert.match((await waiting).response, /from bash/);
		const texts = said.map((p) => p.message);
		assert.ok(texts.some((t) => t === "sent to team backend"), texts.join("|"));
		assert.ok(texts.some((t) => /^team backend/.test(t)), texts.join("|"));
		assert.ok(texts.some((t) => t === "team backend: using Bash"), texts.join("|"));
		assert.ok(said.every((p, i) => i === 0 || p.progress > said[i - 1].progress), "progress must grow");
	});

	test("while nothing changes, progress comes again within 15 s: no client gives up for silence", async () => {
		const said = [];
		const waiting = ask(gate.hold, {}, { onprogress: (p) => said.push({ ...p, at: performance.now() }) });
		await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages.length === 1);
		const again = /^team backend.* \(\d+ s\)$/;
		await waitFor(() => said.some((p) => again.test(p.message)), { deadline: 30000, what: "another progress" });
		const at = said.findIndex((p) => again.test(p.message));
		assert.ok(at > 0 && said[at].at - said[at - 1].at < 20000, JSON.stringify(said));
		gate.open();
		await waiting;
	});

	test("without a token nothing but the answer is sent", async () => {
		const raw = await connectRaw(iris, { role: "shim", cwd: iris.dirs.frontend });
		await raw.request("tools/call", { name: "ask_message", arguments: { toTeam: "backend", message: "ECHO x" } });
		assert.equal(raw.got.length, 2, JSON.stringify(raw.got));
		raw.socket.destroy();
	});

	test("cancelling a running call interrupts the turn; the session and its process go on", async () => {
		const before = await ask("ECHO before");
		const pid = claudes(iris)[0].pid;
		const abort = new AbortController();
		const call = ask(gate.hold, {}, { signal: abort.signal });
		const id = (await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages[0])).id;
		abort.abort("the person pressed Esc");
		await assert.rejects(call, /Esc/);
		const m = await iris.messageIn(id, "cancelled");
		assert.equal(m.error.code, "cancelled");
		assert.deepEqual(m.receipts.map((r) => r.state), ["queued", "sent", "seen", "cancelled"]);
		const after = await ask("ECHO after");
		assert.equal(after.response, "after");
		assert.equal(before.response, "before");
		assert.equal(claudes(iris)[0].pid, pid);
	});

	test("cancelling a queued call takes it out of the queue; it is never delivered", async () => {
		const first = await quick(iris, client, "backend", gate.hold);
		await iris.messageIn(first, "seen");
		const abort = new AbortController();
		const call = ask("ECHO never", {}, { signal: abort.signal });
		const id = (await waitFor(async () => (await iris.json(["message", "list", "--state", "queued"])).messages[0])).id;
		abort.abort("no longer wanted");
		await assert.rejects(call);
		assert.deepEqual((await iris.messageIn(id, "cancelled")).receipts.map((r) => r.state), ["queued", "cancelled"]);
		gate.open();
		assert.equal((await ask("ECHO next")).response, "next");
	});

	test("a client's own time limit does not cancel the message", async () => {
		await assert.rejects(ask(gate.hold, {}, { timeout: 300 }), /timed out/i);
		const m = await waitFor(async () => (await iris.json(["message", "list"])).messages[0], { what: "the message" });
		gate.open();
		assert.equal((await iris.messageIn(m.id, "answered", "cancelled", "failed")).state, "answered");
	});

	test("cancelling a message_result call ends the waiting, and not the message", async () => {
		const id = await quick(iris, client, "backend", gate.hold);
		const abort = new AbortController();
		const call = iris.call(client, "message_result", { messageId: id, timeout: 0 }, { signal: abort.signal });
		await iris.messageIn(id, "seen");
		abort.abort("enough");
		await assert.rejects(call);
		gate.open();
		assert.equal((await iris.messageIn(id, "answered", "cancelled", "failed")).response, "held");
	});

	test("iris message cancel: the waiting caller gets an answer that says so", async () => {
		const call = failedCall(iris, client, "ask_message", { toTeam: "backend", message: gate.hold });
		const id = (await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages[0])).id;
		assert.equal((await iris.json(["message", "cancel", id])).state, "cancelled");
		const r = await call;
		assert.equal(r.code, "cancelled");
		assert.equal(r.messageId, id);
		assert.equal(r.state, "cancelled");
	});

	test("a client that goes away takes nothing with it: its message is answered and kept", async () => {
		const raw = await connectRaw(iris, { role: "shim", cwd: iris.dirs.frontend });
		raw.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } } });
		const id = (await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages[0])).id;
		raw.socket.destroy();
		gate.open();
		assert.equal((await iris.messageIn(id, "answered")).response, "held");
	});

	test("the same call line again, over a new connection of the same shim, is the same message", async () => {
		const instance = randomUUID();
		const line = { jsonrpc: "2.0", id: 17, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } } };
		const first = await connectRaw(iris, { role: "shim", cwd: iris.dirs.frontend, instance });
		first.send(line);
		const [m] = await waitFor(async () => {
			const { messages } = await iris.json(["message", "list", "--state", "seen"]);
			return messages.length > 0 && messages;
		});
		first.socket.destroy();
		const second = await connectRaw(iris, { role: "shim", cwd: iris.dirs.frontend, instance });
		second.send(line);
		gate.open();
		const answer = await second.line((l) => l.id === 17);
		assert.equal(answer.result.structuredContent.messageId, m.id);
		assert.equal(answer.result.structuredContent.response, "held");
		/* Once more, after it has ended; and another shim's call 17 is another message. */
		second.got.length = 0;
		second.send(line);
		assert.equal((await second.line((l) => l.id === 17)).result.structuredContent.messageId, m.id);
		const other = await connectRaw(iris, { role: "shim", cwd: iris.dirs.frontend, instance: randomUUID() });
		other.send(line);
		assert.notEqual((await other.line((l) => l.id === 17)).result.structuredContent.messageId, m.id);
		assert.equal((await iris.json(["message", "list"])).messages.length, 2);
		second.socket.destroy();
		other.socket.destroy();
	});

	test("idempotencyKey: the same text once, another text refused, another sender free", async () => {
		const key = { idempotencyKey: "deploy-42" };
		const a = await ask("ECHO once", key);
		const b = await ask("ECHO once", key);
		assert.equal(b.messageId, a.messageId);
		assert.equal(b.response, "once");
		const bad = await failedCall(iris, client, "ask_message", { toTeam: "backend", message: "ECHO twice", ...key });
		assert.equal(bad.code, "invalid");
		assert.match(bad.error, /idempotency key/);
		const mobile = await iris.client({ cwd: iris.dirs.mobile });
		const c = await iris.call(mobile, "ask_message", { toTeam: "backend", message: "ECHO once", ...key });
		assert.notEqual(c.messageId, a.messageId);
	});
});
