/* SPDX-License-Identifier: MIT
 *
 * What irisd's socket must bear: garbage, lies in the hello, clients that never read or never speak.
 * At worst that connection is dropped; everybody else is served meanwhile.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { HELLO, assert, assertServes, connectRaw, fdCount, startShim, startTeams, status, waitFor } from "./setup.mjs";

const MIB = 1024 * 1024;

/* Small and good enough for test data; the seed is printed so that a failure can be repeated. */
function random(seed) {
	let s = seed >>> 0;
	return () => {
		s ^= s << 13;
		s >>>= 0;
		s ^= s >>> 17;
		s ^= s << 5;
		s >>>= 0;
		return s;
	};
}

describe("hostile clients", () => {
	let iris, pid;

	beforeEach(async () => {
		iris = await startTeams({ backend: {} }, { settings: { logLevel: "debug" } });
		({ pid } = await status(iris));
	});
	afterEach(async () => {
		assert.equal((await status(iris)).pid, pid, "the same irisd has served all of it");
		await assertServes(iris, "backend");
		await iris.stop();
	});

	const hello = (params, method = "iris/hello") => ({ jsonrpc: "2.0", id: "h", method, params });

	const WRONG = {
		"another method first": [hello({}, "iris/daemon.status"), "protocol", /first line must be the request iris\/hello/],
		"MCP without a hello": [hello({ protocolVersion: "2025-11-25" }, "initialize"), "protocol", /iris\/hello/],
		"no role": [hello({ protocol: 1 }), "protocol", /role and protocol/],
		"no protocol": [hello({ role: "ctl" }), "protocol", /role and protocol/],
		"a protocol of the future": [hello({ ...HELLO, role: "ctl", protocol: 99 }), "protocol", /speaks protocol 1, the other side 99.*iris restart/],
		"an unknown role": [hello({ ...HELLO, role: "root" }), "refused", /no such role: root/],
		"a role that is no string": [hello({ ...HELLO, role: { a: 1 } }), "protocol", /role/],
		"a worker that irisd has not started": [hello({ ...HELLO, role: "worker", team: "backend", startTime: 1 }), "refused", /not a worker that irisd has started/],
	};

	for (const [what, [line, code, words]] of Object.entries(WRONG)) {
		test(`${what}: one clear error, then the end`, async () => {
			const raw = await connectRaw(iris);
			/* In one write: irisd may have closed before a second one. */
			raw.send(`${JSON.stringify(line)}\n${JSON.stringify(hello({ ...HELLO, role: "ctl" }))}\n`);
			const { error } = await raw.line((l) => l.id === "h");
			assert.equal(error.data.code, code);
			assert.match(error.message, words);
			await raw.closed();
			assert.equal(raw.got.length, 1, JSON.stringify(raw.got));
		});
	}

	test("a real worker's place can not be taken while it runs", async () => {
		await iris.json(["ask", "backend", "ECHO x"]);
		const worker = (await status(iris)).workers[0];
		const raw = await connectRaw(iris);
		raw.send(hello({ ...HELLO, role: "worker", team: "backend", pid: worker.pid }));
		assert.equal((await raw.line((l) => l.error)).error.data.code, "refused");
		assert.equal((await iris.json(["ask", "backend", "ECHO mine"])).response, "mine");
		assert.equal((await status(iris)).workers[0].pid, worker.pid);
	});

	test("garbage before the hello ends the connection; after it, it is answered and the connection goes on", async () => {
		const fresh = await connectRaw(iris);
		fresh.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
		assert.ok((await fresh.line((l) => l.error)).error);
		await fresh.closed();
		for (const role of ["ctl", "shim"]) {
			const raw = await connectRaw(iris, { role });
			for (const line of ["{", "[]", "null", "5", "{\"jsonrpc\":\"2.0\"}", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
				`${"[".repeat(5000)}`, "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"x\"}", "{\"a\":1e999}", "\u0000\u0001"]) {
				raw.got.length = 0;
				raw.send(`${line}\n`);
				assert.equal(typeof (await raw.line((l) => l.error, { what: `an error for ${role} ${line.slice(0, 40)}` })).error.code, "number");
			}
			raw.got.length = 0;
			raw.send(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d, 0x0a]));
			assert.ok((await raw.line((l) => l.error)).error);
			const method = role === "ctl" ? "iris/team.list" : "tools/list";
			assert.ok((await raw.request(method, {})).result);
			raw.socket.destroy();
		}
	});

	test("a request that is no JSON for one character is answered with its id, so that nobody waits in vain", async () => {
		const call = (id, text) => `{"method":"tools/call","params":{"name":"quick_message","arguments":{"toTeam":"backend","message":${text}}},"jsonrpc":"2.0","id":${id}}\n`;
		const shim = startShim(iris, { cwd: iris.dirs.backend });
		const raw = await connectRaw(iris, { role: "shim", cwd: iris.dirs.backend });
		const ctl = await connectRaw(iris, { role: "ctl" });

		shim.send(call(1, '"half of a pair: \\ud83d"'));
		shim.send(call('"two"', "NaN"));
		raw.send(call(3, '"\\ude00"'));
		raw.send(Buffer.from(call('"four"', '"\xff\u0001"'), "latin1"));
		ctl.send('{"jsonrpc":"2.0","id":5,"method":"iris/message.send","params":{"to":"backend","message":"\\ud800"}}\n');
		for (const [lines, id] of [[shim, 1], [shim, "two"], [raw, 3], [raw, "four"]]) {
			const { error } = await lines.line((l) => l.id === id, { what: `the answer to ${id}` });
			assert.equal(error.code, -32700);
			assert.match(error.message, /not valid JSON at byte \d+: (lone surrogate|unexpected character|invalid UTF-8)/);
		}
		assert.equal((await ctl.line((l) => l.id === 5)).error.data.code, "invalid");
		/* What is answered is not asked again of an irisd that comes later, and the shim goes on. */
		assert.ok((await shim.request("tools/list", {}, { id: 6 })).result);
		assert.deepEqual((await iris.json(["message", "list"])).messages, []);
		assert.equal(await shim.finish(), 0);
		raw.socket.destroy();
		ctl.socket.destroy();
	});

	test("random bytes, many connections at once", async (t) => {
		const seed = Number(process.env.IRIS_TEST_SEED ?? Date.now() % 2 ** 32);
		const next = random(seed);
		t.diagnostic(`seed ${seed}`);
		const ends = Array.from({ length: 30 }, async (_, i) => {
			const raw = i % 3 ? connect(iris.socket) : (await connectRaw(iris, { role: i % 2 ? "ctl" : "shim" })).socket;
			raw.on("error", () => {});
			raw.write(Buffer.from(Array.from({ length: 3000 }, () => next() & 0xff)));
			raw.resume();
			raw.end();
			await new Promise((resolve) => raw.once("close", resolve));
		});
		await Promise.all(ends);
	});

	test("wrong parameters of control calls are errors, each with its code", async () => {
		const raw = await connectRaw(iris, { role: "ctl" });
		const cases = [
			["iris/message.send", {}, "invalid"], ["iris/message.send", { to: 5, message: [] }, "invalid"],
			["iris/message.send", { to: "nobody", message: "x" }, "not_found"], ["iris/message.send", [1, 2], "invalid"],
			["iris/message.send", { to: "backend", message: "x", timeout: -7 }, "invalid"],
			["iris/message.show", { id: "x" }, "invalid"], ["iris/message.show", {}, "invalid"],
			["iris/message.list", { state: "lost" }, "invalid"], ["iris/message.list", { limit: 100000 }, "invalid"],
			["iris/team.show", {}, "invalid"], ["iris/team.wake", { team: "bakend" }, "not_found"],
		];
		for (const [method, params, code] of cases) {
			const { error } = await raw.request(method, params);
			assert.equal(error?.data?.code, code, `${method} ${JSON.stringify(params)}: ${JSON.stringify(error)}`);
		}
		assert.equal((await raw.request("iris/no.such", {})).error.code, -32601);
		assert.equal((await raw.request("worker/open", {})).error.code, -32601);
		raw.socket.destroy();
	});

	test("a line of 17 MiB ends its connection and nobody else's", async () => {
		const other = await connectRaw(iris, { role: "ctl" });
		const raw = await connectRaw(iris, { role: "ctl" });
		for (let i = 0; i < 17; i++)
			raw.socket.write(Buffer.alloc(MIB, 0x78));
		await raw.closed(15000);
		assert.ok((await other.request("iris/team.list", {})).result);
		other.socket.destroy();
	});

	test("a body above the limit is refused with the limit's name; one just below it arrives", async () => {
		const raw = await connectRaw(iris, { role: "ctl" });
		const big = await raw.request("iris/message.send", { to: "backend", message: "x".repeat(4 * MIB + 1), timeout: -1 });
		assert.equal(big.error.data.code, "limit");
		assert.match(big.error.message, /4194304 are the limit/);
		const body = `ECHO took it\n${"é".repeat(2 * MIB - 20)}`;
		const r = await raw.request("iris/message.send", { to: "backend", message: body, timeout: 0 }, { deadline: 30000 });
		assert.equal(r.result.response, "took it");
		assert.ok(r.result.message === body, "the body came back as it was");
		raw.socket.destroy();
	});

	test("a client that never reads is cut off at its limit; the others do not notice", async () => {
		const raw = await connectRaw(iris, { role: "ctl" });
		const { result } = await raw.request("iris/message.send", { to: "backend", message: `ECHO x\n${"y".repeat(3 * MIB)}`, timeout: 0 });
		const deaf = await connectRaw(iris, { role: "ctl" });
		deaf.socket.pause();
		/* Asked over a connection that stays: no CLI comes and goes in the count. */
		const connections = (n) => waitFor(async () => (await raw.request("iris/daemon.status", {})).result.connections === n,
			{ what: `${n} connections` });
		await connections(2);
		const show = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "iris/message.show", params: { id: result.id } });
		deaf.socket.write(`${show}\n`.repeat(60));
		await connections(1);
		assert.ok((await raw.request("iris/team.list", {})).result);
		deaf.socket.destroy();
		raw.socket.destroy();
	});

	test("the same for a shim; one that is only slow gets all of it", async () => {
		const raw = await connectRaw(iris, { role: "ctl" });
		const big = "y".repeat(MIB);
		const { result } = await raw.request("iris/message.send", { to: "backend", message: `ECHO ${big}`, from: "backend", timeout: 0 });
		assert.equal(result.response, big);
		const calls = (n) => Array.from({ length: n }, (_, id) => `${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call",
			params: { name: "message_result", arguments: { messageId: result.id } } })}\n`).join("");
		const connections = (n) => waitFor(async () => (await raw.request("iris/daemon.status", {})).result.connections === n,
			{ what: `${n} connections` });
		const shim = () => connectRaw(iris, { role: "shim", cwd: iris.dirs.backend });

		/* Each answer has the text twice: 80 MiB, 16 at a time. */
		const slow = await shim();
		slow.socket.pause();
		await connections(2);
		for (let n = 1; n <= 5; n++) {
			slow.socket.write(calls(8));
			const seen = slow.got.length;
			slow.socket.resume();
			await waitFor(() => slow.got.length === seen + 8, { deadline: 20000, what: "8 answers" });
			slow.socket.pause();
		}
		slow.socket.resume();
		assert.ok(slow.got.slice(1).every((l) => l.result.structuredContent.response === big));
		slow.socket.destroy();

		const deaf = await shim();
		deaf.socket.pause();
		await connections(2);
		deaf.socket.write(calls(50));
		await connections(1);
		assert.ok((await raw.request("iris/team.list", {})).result);
		assert.match(iris.log(), /reads too slowly: \d+ bytes wait for it/);
		deaf.socket.destroy();
		raw.socket.destroy();
	});

	test("connections that never say hello are closed after a while, and cost nobody a place", async () => {
		const before = fdCount(pid), start = performance.now();
		const silent = await Promise.all(Array.from({ length: 60 }, () => connectRaw(iris)));
		await assertServes(iris, "backend");
		await iris.json(["team", "sleep", "backend"]);
		await Promise.all(silent.map((s) => s.closed(30000)));
		assert.ok(performance.now() - start > 9000, "not at once: a slow machine needs its time");
		await waitFor(() => fdCount(pid) <= before + 1, { what: "the descriptors to be given back" });
	});

	test("a shim that is killed in the middle of a line leaves nothing", async () => {
		const ctl = await connectRaw(iris, { role: "ctl" });
		const child = spawn(process.execPath, ["-e", `
			const s = require("net").connect(process.argv[1]);
			s.write('{"jsonrpc":"2.0","id":"h","method":"iris/hello","params":' + process.argv[2] + '}\\n{"jsonrpc":"2.0","id":1,');
			s.once("data", () => process.kill(process.pid, "SIGKILL"));
		`, iris.socket, JSON.stringify({ ...HELLO, role: "shim", cwd: iris.root })], { env: iris.env, stdio: "ignore" });
		const [, signal] = await once(child, "exit");
		assert.equal(signal, "SIGKILL");
		await waitFor(async () => (await ctl.request("iris/daemon.status", {})).result.connections === 1);
		ctl.socket.destroy();
	});
});
