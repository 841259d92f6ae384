/* SPDX-License-Identifier: MIT
 *
 * Calls whose parameters are almost right, and clients that ask for too much: a clear error, and
 * nothing is done that was not meant.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program, run } from "../lib/iris.mjs";
import { assert, claudes, connectRaw, makeGate, makeIris, sessions, startTeams } from "./setup.mjs";

describe("parameters of the wrong type, and too many of everything", () => {
	let iris, ctl;

	beforeEach(async () => {
		iris = await startTeams({ asker: {}, a: {} });
		ctl = await connectRaw(iris, { role: "ctl" });
	});
	afterEach(async () => {
		ctl.socket.destroy();
		await iris.stop();
	});

	const send = async (from, message, more = {}) =>
		(await ctl.request("iris/message.send", { to: "a", from, message, ...more })).result;

	test("a sleep for one caller, named by a number, does not put all to sleep", async () => {
		await send("asker", "ECHO 1");
		const [{ pid }] = claudes(iris);
		const { error } = await ctl.request("iris/team.sleep", { team: "a", from: 5 });
		assert.equal(error.data.code, "invalid");
		assert.match(error.message, /from must be a string/);
		assert.equal(claudes(iris)[0].pid, pid);
		assert.equal((await sessions(iris))["asker->a"].state, "idle");
	});

	const cases = [
		["iris/message.list", { team: 1 }, /team must be a string/],
		["iris/message.list", { limit: 2 ** 32 + 50 }, /limit must be from 1 to/],
		["iris/message.list", { limit: "9" }, /limit must be a whole number/],
		["iris/message.send", { to: "a", message: "x", timeout: 1.5 }, /timeout must be a whole number/],
		["iris/message.send", { to: "a", message: "x", timeout: "1" }, /timeout must be a whole number/],
		["iris/message.send", { to: "a", message: "x", stream: 1 }, /stream must be true or false/],
		["iris/message.send", { to: "a", message: "x", idempotencyKey: "k".repeat(201) }, /must have 1 to 200 bytes/],
		["iris/message.show", { id: "x", wait: -2 }, /wait must be/],
		["iris/message.show", { id: "x", wait: 1e300 }, /wait must be a whole number/],
		["iris/team.sleep", { team: "a", force: "false" }, /force must be true or false/],
	];
	for (const [method, params, says] of cases) {
		test(`${method} ${JSON.stringify(params).slice(0, 70)}`, async () => {
			const { error } = await ctl.request(method, params);
			assert.equal(error?.data?.code, "invalid");
			assert.match(error.message, says);
		});
	}

	test("null stands for a parameter that was left out", async () => {
		assert.equal((await send(null, "ECHO null", { timeout: null, stream: null })).response, "null");
	});

	test("who stops waiting for a message that another one waits for, too, does not cancel it", async () => {
		const gate = makeGate(iris);
		const one = await connectRaw(iris, { role: "shim", cwd: iris.dirs.asker });
		const call = (id, name, args) => one.send({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } });
		const args = { toTeam: "a", message: gate.hold, idempotencyKey: "k", timeout: 0 };
		call(1, "ask_message", args);
		call(2, "ask_message", args);
		one.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
		call(3, "get_date", {});
		await one.line((l) => l.id === 3);
		gate.open();
		const answer = await one.line((l) => l.id === 2);
		assert.equal(answer.result.structuredContent.state, "answered");
		assert.equal(one.got.find((l) => l.id === 1), undefined);
		one.socket.destroy();
	});

	test("a client has 1000 calls that wait, and 16 subscriptions; the next is refused, the others go on", async () => {
		const gate = makeGate(iris);
		const { id } = await send("asker", gate.hold, { timeout: -1 });
		const shim = await connectRaw(iris, { role: "shim", cwd: iris.dirs.asker });
		const call = (n) => ({ jsonrpc: "2.0", id: n, method: "tools/call", params: { name: "message_result", arguments: { messageId: id, timeout: 0 } } });
		for (let n = 1; n <= 1001; n++)
			shim.send(call(n));
		assert.match((await shim.line((l) => l.id === 1001)).error.message, /1000 calls/);
		const ctl = await connectRaw(iris, { role: "ctl" });
		for (let n = 1; n <= 1001; n++)
			ctl.send({ jsonrpc: "2.0", id: n, method: "iris/message.show", params: { id, wait: 0 } });
		const { error } = await ctl.line((l) => l.id === 1001);
		assert.equal(error.data.code, "limit");
		assert.match(error.message, /1000 calls of this connection/);
		gate.open();
		for (let n = 1; n <= 1000; n++)
			assert.equal((await ctl.line((l) => l.id === n)).result.state, "answered");
		ctl.socket.destroy();
		for (let n = 1; n <= 1000; n++)
			assert.equal((await shim.line((l) => l.id === n)).result.structuredContent.state, "answered");
		const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} };
		for (let n = 2001; n <= 2017; n++)
			shim.send({ jsonrpc: "2.0", id: n, method: "subscriptions/listen", params: { notifications: {}, _meta: meta } });
		assert.match((await shim.line((l) => l.id === 2017)).error.message, /too many subscriptions/);
		shim.socket.destroy();
	});
});

test("a socket that can not be made is an error of the start, and nothing leaks", async () => {
	const iris = makeIris({ a: {} });

	try {
		mkdirSync(join(iris.socket, "in-the-way"), { recursive: true });
		const r = await run(program("irisd"), [], { env: iris.env, cwd: "/" });
		assert.equal(r.status, 74, r.stderr);
		assert.match(r.stderr, /can not listen on .*irisd\.sock/);
		assert.doesNotMatch(r.stderr, /Sanitizer/);
	} finally {
		await iris.stop();
	}
});
