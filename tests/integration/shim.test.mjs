/* SPDX-License-Identifier: MIT
 *
 * iris-mcp-shim against a stand-in for irisd that the test holds in its hand: what is relayed, what happens when irisd goes
 * away, does not start or does not read, and how the shim ends.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { buildDir } from "../lib/claude-env.mjs";
import { assertNoneLeft } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";

const SHIM = join(buildDir(), "bin", "iris-mcp-shim");
const MIB = 1024 * 1024;
let root;

/* Split a stream into lines, calling fn for each (a Buffer without its newline). */
function onLines(stream, fn) {
	let parts = [];

	stream.on("data", (chunk) => {
		for (let nl; (nl = chunk.indexOf(10)) !== -1; chunk = chunk.subarray(nl + 1)) {
			fn(Buffer.concat([...parts, chunk.subarray(0, nl)]));
			parts = [];
		}
		if (chunk.length > 0)
			parts.push(chunk);
	});
}

/*
 * The shim where the irisd beside it never starts: a real one would be quicker than the stand-in that a test puts in
 * the place of the one that it has just ended.
 */
function aloneShim() {
	const bin = join(root, "alone");

	if (!existsSync(bin)) {
		mkdirSync(bin);
		copyFileSync(SHIM, join(bin, "iris-mcp-shim"));
		writeFileSync(join(bin, "irisd"), "#!/bin/sh\necho 'ERROR unavailable only the stand-in is to be met'\n", { mode: 0o755 });
	}
	return join(bin, "iris-mcp-shim");
}

/* irisd's socket. answer(msg, raw, conn) is called for each line behind the hello; conn.say(text) sends one. */
class StandIn {
	constructor(answer = () => {}, hello = (m) => ({ jsonrpc: "2.0", id: m.id, result: { version: "test" } })) {
		this.conns = [];
		this.answer = answer;
		this.server = createServer((sock) => {
			const conn = { sock, hello: null, lines: [], say: (text) => sock.write(text + "\n") };

			this.conns.push(conn);
			sock.on("error", () => {});
			onLines(sock, (line) => {
				const msg = JSON.parse(line);
				if (conn.hello === null) {
					conn.hello = msg;
					conn.say(JSON.stringify(hello(msg)));
					return;
				}
				conn.lines.push(line.toString());
				this.answer(msg, line.toString(), conn);
			});
		});
	}

	async listen(home = join(root, "iris")) {
		mkdirSync(home, { recursive: true, mode: 0o700 });
		this.server.listen(join(home, "irisd.sock"));
		await once(this.server, "listening");
		return this;
	}

	/* As a killed irisd: every connection ends, nobody listens. */
	async die() {
		const closed = once(this.server, "close");

		this.server.close();
		for (const { sock } of this.conns)
			sock.destroy();
		await closed;
	}
}

class Shim {
	constructor({ program = aloneShim(), env = {}, args = [] } = {}) {
		this.out = [];
		this.bytes = 0;
		this.stderr = "";
		this.child = spawn(program, args, {
			cwd: root,
			env: { HOME: root, PATH: process.env.PATH, IRIS_HOME: join(root, "iris"), ...env },
			stdio: "pipe",
		});
		this.exited = once(this.child, "close").then(([code, signal]) => ({ code, signal }));
		this.child.stdin.on("error", () => {});
		this.child.stdout.on("data", (d) => (this.bytes += d.length));
		onLines(this.child.stdout, (line) => this.out.push(line.toString()));
		this.child.stderr.on("data", (d) => (this.stderr += d));
		Shim.all.push(this);
	}

	say(msg) {
		return this.child.stdin.write((typeof msg === "string" ? msg : JSON.stringify(msg)) + "\n");
	}

	/* The parsed line that satisfies test, among all that came or will come. */
	async line(test, deadline = 20000) {
		return waitFor(() => this.out.map((l) => JSON.parse(l)).find(test), { deadline, what: `${test}; stderr: ${this.stderr}` });
	}

	async answer(id, deadline) {
		return this.line((m) => m.id === id && m.method === undefined, deadline);
	}

	rssKib() {
		return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"))[1]);
	}
}
Shim.all = [];

const request = (id, method = "tools/call", params = {}) => ({ jsonrpc: "2.0", id, method, params });
const echo = (m, raw, conn) => m.id !== undefined && conn.say(JSON.stringify({ jsonrpc: "2.0", id: m.id, result: m.params ?? {} }));

/* A directory with a copy of the shim, so that the irisd it starts is the script that lies beside it. */
function installScript(body) {
	const bin = join(root, "bin");

	mkdirSync(bin, { recursive: true });
	if (!existsSync(join(bin, "iris-mcp-shim")))
		copyFileSync(SHIM, join(bin, "iris-mcp-shim"));
	writeFileSync(join(bin, "irisd"), `#!${process.execPath}\n${body}`);
	chmodSync(join(bin, "irisd"), 0o755);
	return join(bin, "iris-mcp-shim");
}

/* An irisd that listens, says READY, answers every request with its pid, and exits when a request says so. */
const ECHO_SCRIPT = `
const fs = require("fs"), net = require("net"), home = process.env.IRIS_HOME;
fs.appendFileSync(home + "/starts", process.pid + "\\n");
try { fs.unlinkSync(home + "/irisd.sock"); } catch {}
net.createServer((s) => {
	let rest = "";
	s.on("error", () => {});
	s.on("data", (d) => {
		const parts = (rest + d).split("\\n");
		rest = parts.pop();
		for (const p of parts) {
			const m = JSON.parse(p);
			if (m.method === "test/exit") {
				fs.appendFileSync(home + "/exits", "x");
				process.exit(0);
			}
			if (m.id !== undefined) s.write(JSON.stringify({ jsonrpc: "2.0", id: m.id, result: { pid: process.pid } }) + "\\n");
		}
	});
}).listen(home + "/irisd.sock", () => fs.writeSync(1, "READY\\n"));
`;

function starts() {
	const file = join(root, "iris", "starts");

	return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").map(Number) : [];
}

describe("iris-mcp-shim", { timeout: 600000 }, () => {
	let standIns = [];

	const standIn = async (...args) => {
		const s = await new StandIn(...args).listen();
		standIns.push(s);
		return s;
	};

	beforeEach(() => {
		root = realpathSync(mkdtempSync(join(tmpdir(), "iris-shim-")));
	});

	afterEach(async () => {
		const stderr = Shim.all.map((s) => s.stderr).join("");

		for (const s of Shim.all.splice(0)) {
			s.child.kill("SIGKILL");
			await s.exited;
		}
		for (const s of standIns.splice(0))
			if (s.server.listening)
				await s.die();
		for (const pid of starts()) {
			try {
				process.kill(pid, "SIGKILL");
			} catch {
				/* has ended */
			}
		}
		await assertNoneLeft(root);
		rmSync(root, { recursive: true, force: true });
		assert.doesNotMatch(stderr, /Sanitizer|runtime error/);
	});

	it("says hello and relays lines of both sides unchanged", async () => {
		const d = await standIn();
		const shim = new Shim({ env: { CLAUDE_PROJECT_DIR: "/a project/ü", CLAUDE_CODE_SESSION_ID: "s-1" } });
		const lines = [
			'{"jsonrpc":"2.0","id":1.0,"method":"ping"}',
			'{ "method":"x","id":"a\\"b" , "jsonrpc":"2.0","params":{"id":9,"t":"ä\\u00e4\\n"}}',
			'{"jsonrpc":"2.0","method":"notifications/progress"}',
			'{"jsonrpc":"2.0","id":7,"result":{}}',
		];
		const down = ['{"jsonrpc":"2.0","id":1.0,"result":{"x" : [1e2, "é"]}}', '{"id":0,"jsonrpc":"2.0","method":"elicitation/create"}'];

		for (const l of lines)
			shim.say(l);
		await waitFor(() => d.conns[0]?.lines.length === lines.length);
		assert.deepEqual(d.conns[0].lines, lines);
		const { method, params } = d.conns[0].hello;
		assert.equal(method, "iris/hello");
		assert.equal(params.role, "shim");
		assert.equal(params.protocol, 1);
		assert.equal(params.pid, shim.child.pid);
		assert.equal(params.cwd, "/a project/ü");
		assert.equal(params.claudeSession, "s-1");
		assert.match(params.instance, /^[0-9a-f-]{36}$/);
		for (const l of down)
			d.conns[0].say(l);
		await waitFor(() => shim.out.length === down.length);
		assert.deepEqual(shim.out, down);
		assert.equal(shim.stderr, "");
	});

	it("takes its own directory where the client names none, or none that is absolute", async () => {
		const d = await standIn();

		new Shim();
		new Shim({ env: { CLAUDE_PROJECT_DIR: "relative" } });
		await waitFor(() => d.conns.length === 2 && d.conns.every((c) => c.hello));
		assert.deepEqual(d.conns.map((c) => c.hello.params.cwd), [root, root]);
		assert.ok(d.conns.every((c) => !("claudeSession" in c.hello.params)));
	});

	it("ends at once on EOF, SIGINT and SIGTERM with status 0", async () => {
		const d = await standIn();

		for (const end of ["EOF", "SIGINT", "SIGTERM"]) {
			/* A subscription has no answer and is not waited for; with a signal nothing is. The other waits for its answer. */
			const shim = new Shim(), other = new Shim(), ended = [];
			const conn = (s) => d.conns.find((c) => c.hello?.params.pid === s.child.pid);
			shim.say(request(1, "subscriptions/listen"));
			if (end !== "EOF")
				shim.say(request(2));
			other.say(request(1));
			await waitFor(() => conn(shim)?.lines.length === (end === "EOF" ? 1 : 2) && conn(other)?.lines.length === 1);
			for (const s of [shim, other])
				s.exited.then(() => ended.push(s));
			other.child.stdin.end();
			if (end === "EOF")
				shim.child.stdin.end();
			else
				shim.child.kill(end);
			for (const s of [shim, other])
				assert.deepEqual(await within(10000, s.exited, end), { code: 0, signal: null });
			assert.ok(ended[0] === shim, `${end}: it waited`);
		}
	});

	it("passes on what was read before EOF and the answers that come at once", async () => {
		await standIn(echo);
		const shim = new Shim();

		shim.child.stdin.end(JSON.stringify(request(1, "tools/call", { a: 1 })) + "\n" + JSON.stringify(request(2, "tools/call", { b: 2 })));
		assert.deepEqual(await within(10000, shim.exited, "exit"), { code: 0, signal: null });
		assert.deepEqual(shim.out.map((l) => JSON.parse(l).result), [{ a: 1 }, { b: 2 }]);
	});

	it("does not wait for a slow answer after EOF", async () => {
		const d = await standIn();
		const shim = new Shim();

		shim.say(request(1));
		await waitFor(() => d.conns[0]?.lines.length === 1);
		shim.child.stdin.end();
		assert.deepEqual(await within(10000, shim.exited, "exit"), { code: 0, signal: null });
	});

	it("ends when nobody reads its standard output any more", async () => {
		const d = await standIn();
		const shim = new Shim();

		await waitFor(() => d.conns[0]?.hello);
		shim.child.stdout.destroy();
		assert.equal((await within(10000, shim.exited, "exit")).code, 0);
	});

	it("repeats what was in flight to a new irisd, and the client sees nothing of it", async () => {
		const first = await standIn((m, raw, conn) => m.method === "initialize" && echo(m, raw, conn));
		const shim = new Shim();
		const init = request(0, "initialize", { protocolVersion: "2025-06-18" });

		shim.say(init);
		await shim.answer(0);
		shim.say({ jsonrpc: "2.0", method: "notifications/initialized" });
		shim.say(request("ask", "tools/call", { name: "ask_message" }));
		shim.say(request("gone", "tools/call", { name: "x" }));
		await waitFor(() => first.conns[0].lines.length === 4);
		shim.say({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "gone" } });
		shim.say(request("listen:0", "subscriptions/listen"));
		await waitFor(() => first.conns[0].lines.length === 6);
		const ack = JSON.stringify({ jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged",
			params: { _meta: { "io.modelcontextprotocol/subscriptionId": "listen:0" } } });
		first.conns[0].say(ack);
		await shim.line((m) => m.method === "notifications/subscriptions/acknowledged");
		await first.die();

		const second = await standIn((m, raw, conn) => {
			if (m.method === "subscriptions/listen")
				conn.say(ack);
			else
				echo(m, raw, conn);
		});
		assert.equal((await shim.answer("ask")).result.name, "ask_message");
		shim.say(request(9));
		await shim.answer(9);
		const [{ hello, lines }] = second.conns;
		assert.equal(hello.params.instance, first.conns[0].hello.params.instance);
		assert.deepEqual(lines.map((l) => JSON.parse(l)).map((m) => m.id ?? m.method),
			[0, "notifications/initialized", "ask", "listen:0", 9]);
		assert.equal(lines[0], JSON.stringify(init));
		assert.deepEqual(shim.out.map((l) => JSON.parse(l)).map((m) => m.id ?? m.method),
			[0, "notifications/subscriptions/acknowledged", "ask", 9]);
	});

	it("is another client after a second handshake: what was asked before is not asked again, and ids are new ones", async () => {
		const first = await standIn((m, raw, conn) => m.method === "initialize" && echo(m, raw, conn));
		const shim = new Shim();

		shim.say(request(0, "initialize", { protocolVersion: "2025-06-18" }));
		await shim.answer(0);
		shim.say(request(50, "tools/call", { name: "before" }));
		await waitFor(() => first.conns[0].lines.length === 2);
		const again = request(1, "initialize", { protocolVersion: "2025-11-25" });
		shim.say(again);
		await shim.answer(1);
		shim.say(request(50, "tools/call", { name: "after" }));
		await waitFor(() => first.conns[0].lines.length === 4);
		await first.die();
		const second = await standIn(echo);
		assert.equal((await shim.answer(50)).result.name, "after");
		const [{ hello, lines }] = second.conns;
		assert.equal(hello.params.instance, `${first.conns[0].hello.params.instance}.1`);
		assert.equal(lines[0], JSON.stringify(again));
		assert.deepEqual(lines.map((l) => JSON.parse(l).id), [1, 50]);
	});

	it("tells irisd nothing of a request that is cancelled before it could be sent", async () => {
		const d = await standIn();
		const shim = new Shim();

		shim.child.stdin.write([request(1), { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } }, request(2)]
			.map((m) => JSON.stringify(m) + "\n").join(""));
		await waitFor(() => d.conns[0]?.lines.length === 1);
		assert.equal(JSON.parse(d.conns[0].lines[0]).id, 2);
	});

	it("goes on with what a client has sent in one piece when there is room for it again", async () => {
		const d = await standIn();
		const shim = new Shim(), most = 4096, more = 1500;
		const lines = (n, from) => Array.from({ length: n }, (_, i) => `${JSON.stringify(request(from + i, "x"))}\n`).join("");

		shim.child.stdin.write(lines(most, 0));
		await waitFor(() => d.conns[0]?.lines.length === most);
		/* One line that makes the buffer large, so that one read takes all of the others, whose answers are longer. */
		shim.child.kill("SIGSTOP");
		shim.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/x", params: { pad: "x".repeat(130000) } })}\n${lines(more, most)}`);
		shim.child.kill("SIGCONT");
		await waitFor(() => shim.out.length === more);
		assert.ok(shim.out.every((l) => /4096 requests wait already/.test(l)));
	});

	it("loses no request and answers none twice while irisd dies again and again", async () => {
		let d = await standIn(echo);
		const shim = new Shim();
		const total = 400;

		for (let i = 0; i < total; i++) {
			shim.say(request(i, "tools/call", { i, pad: "x".repeat(i % 7 === 0 ? 70000 : 50) }));
			if (i % 80 === 40) {
				await waitFor(() => d.conns.length > 0 && shim.out.length > i / 2);
				await d.die();
				d = await standIn(echo);
			}
		}
		await waitFor(() => shim.out.length >= total, { deadline: 20000 });
		const ids = shim.out.map((l) => JSON.parse(l)).map((m) => (assert.equal(m.result.i, m.id), m.id));
		assert.deepEqual(ids.sort((a, b) => a - b), Array.from({ length: total }, (_, i) => i));
	});

	it("gives up on a request that ends irisd each time", async () => {
		installScript(ECHO_SCRIPT);
		const shim = new Shim({ program: join(root, "bin", "iris-mcp-shim") });

		shim.say(request(1));
		await shim.answer(1);
		shim.say(request(2, "test/exit"));
		const { error } = await shim.answer(2, 30000);
		assert.equal(error.code, -31004);
		assert.equal(error.data.code, "unavailable");
		assert.match(error.message, /again and again/);
		shim.say(request(3));
		assert.equal(typeof (await shim.answer(3)).result.pid, "number");
		assert.equal(readFileSync(join(root, "iris", "exits"), "utf8"), "x".repeat(11), "once, and ten times again");
	});

	it("starts one irisd for twenty clients at once", async () => {
		installScript(ECHO_SCRIPT);
		const shims = Array.from({ length: 20 }, () => new Shim({ program: join(root, "bin", "iris-mcp-shim") }));

		for (const s of shims)
			s.say(request(1, "initialize"));
		const pids = await Promise.all(shims.map(async (s) => (await s.answer(1, 30000)).result.pid));
		assert.equal(new Set(pids).size, 1);
		assert.deepEqual(starts(), [pids[0]]);
	});

	it("leaves a stopped irisd stopped until there is a request", async () => {
		installScript(ECHO_SCRIPT);
		const shim = new Shim({ program: join(root, "bin", "iris-mcp-shim") });

		shim.say(request(1));
		const { pid } = (await shim.answer(1)).result;
		process.kill(pid, "SIGKILL");
		/* A second client of the same home tells when the shim could have started one: it sees the next start. */
		const other = new Shim({ program: join(root, "bin", "iris-mcp-shim"), env: { IRIS_HOME: join(root, "other") } });
		other.say(request(1));
		await other.answer(1);
		assert.equal(starts().length, 1);
		shim.say(request(2));
		assert.notEqual((await shim.answer(2)).result.pid, pid);
		assert.equal(starts().length, 2);
		process.kill(Number(readFileSync(join(root, "other", "starts"), "utf8")), "SIGKILL");
	});

	it("answers with irisd's own words when it does not start, and tries again for the next request", async () => {
		const program = installScript('require("fs").writeSync(1, "ERROR config /h/config.yaml:12:5: expected a number\\n");');
		const shim = new Shim({ program });

		shim.say(request("q"));
		const { error } = await shim.answer("q");
		assert.equal(error.code, -31001);
		assert.equal(error.message, "irisd did not start: /h/config.yaml:12:5: expected a number");
		assert.equal(error.data.code, "config");
		shim.say({ jsonrpc: "2.0", method: "notifications/initialized" });
		installScript(ECHO_SCRIPT);
		shim.say(request(2));
		assert.equal((await shim.answer(2)).result.pid, starts()[0]);
		assert.match(shim.stderr, /config\.yaml:12:5/);
	});

	it("waits for an irisd that hangs at its start no longer than 10 s, and ends at once meanwhile", async () => {
		const program = installScript(`require("fs").appendFileSync(process.env.IRIS_HOME + "/starts", process.pid + "\\n");
			setInterval(() => {}, 1000);`);
		const shim = new Shim({ program });
		const at = performance.now();

		shim.say(request(1));
		const { error } = await shim.answer(1, 30000);
		assert.ok(performance.now() - at < 15000);
		assert.equal(error.data.code, "timeout");
		shim.say(request(2));
		shim.child.stdin.end();
		assert.equal((await within(8000, shim.exited, "exit")).code, 0);
	});

	it("waits for an irisd that never answers no longer than 10 s", async () => {
		const d = await standIn(echo, () => ({}));
		const shim = new Shim();
		const at = performance.now();

		d.server.removeAllListeners("connection");
		const held = [];
		d.server.on("connection", (sock) => held.push(sock));
		shim.say(request(1));
		const { error } = await shim.answer(1, 30000);
		assert.ok(performance.now() - at < 15000);
		assert.equal(error.data.code, "timeout");
		assert.match(error.message, /does not answer on .*irisd\.sock/);
		for (const sock of held)
			sock.destroy();
	});

	it("starts an irisd for a request that comes while it looks for one, though it met the dying one", async () => {
		const program = installScript(ECHO_SCRIPT);
		/* Takes each connection and ends it without a word, as one does that is on its way out. */
		const dying = createServer((sock) => sock.destroy());
		mkdirSync(join(root, "iris"), { mode: 0o700 });
		dying.listen(join(root, "iris", "irisd.sock"));
		await once(dying, "listening");
		const shim = new Shim({ program });

		shim.say(request(1));
		await once(dying, "connection");
		dying.close();
		assert.equal((await shim.answer(1)).result.pid, starts()[0]);
	});

	it("reports a missing irisd", async () => {
		const program = installScript("");
		rmSync(join(root, "bin", "irisd"));
		const shim = new Shim({ program });

		shim.say(request(1));
		const { error } = await shim.answer(1);
		assert.equal(error.data.code, "io");
		assert.match(error.message, /irisd .*not beside/);
	});

	it("reports an irisd that refuses it", async () => {
		await standIn(undefined, () => ({ jsonrpc: "2.0", id: null, error: { code: -32600, message: "protocol 1 is not spoken here", data: { code: "protocol" } } }));
		const shim = new Shim();

		shim.say(request(1));
		const { error } = await shim.answer(1);
		assert.equal(error.data.code, "refused");
		assert.match(error.message, /protocol 1 is not spoken here/);
	});

	it("carries lines of 16 MiB both ways", async () => {
		const d = await standIn(echo);
		const shim = new Shim();
		const pad = "p".repeat(16 * MIB - 1000);

		shim.say(request(1, "tools/call", { pad }));
		assert.equal((await shim.answer(1, 30000)).result.pad, pad);
		assert.equal(d.conns.length, 1);
	});

	it("answers a line that is too long, wherever its id stands, and goes on", async () => {
		const d = await standIn(echo);
		const shim = new Shim();
		const pad = "p".repeat(17 * MIB);

		shim.say(request("head", "tools/call", { pad }));
		shim.say(`{"method":"tools/call","params":{"pad":"${pad}","id":5},"jsonrpc":"2.0","id":"tail"}`);
		shim.say(`{"jsonrpc":"2.0","id":3,"result":{"pad":"${pad}"}}`);
		shim.say(request(4, "tools/call", { fine: true }));
		assert.deepEqual((await shim.answer(4, 30000)).result, { fine: true });
		const errors = shim.out.map((l) => JSON.parse(l)).filter((m) => m.error);
		assert.deepEqual(errors.map((m) => m.id), ["head", "tail"]);
		assert.ok(errors.every((m) => m.error.data.code === "limit" && /longer than 16777216 bytes/.test(m.error.message)));
		assert.equal(d.conns[0].lines.length, 1);
		assert.match(shim.stderr, /dropped from the client/);
	});

	it("holds irisd back while the client does not read", async () => {
		const d = await standIn();
		const shim = new Shim();
		const line = JSON.stringify({ jsonrpc: "2.0", method: "notifications/message", params: { pad: "x".repeat(65000) } });
		const total = 1000;

		await waitFor(() => d.conns[0]?.hello);
		shim.child.stdout.pause();
		for (let i = 0; i < total; i++)
			d.conns[0].say(line);
		const { sock } = d.conns[0];
		await settled(() => sock.bytesWritten - sock.writableLength);
		assert.ok(sock.writableLength > (total / 2) * line.length, "most of it waits at irisd's side");
		assert.ok(shim.rssKib() < 30000, `${shim.rssKib()} KiB`);
		shim.child.stdout.resume();
		await waitFor(() => shim.out.length === total, { deadline: 20000 });
		assert.ok(shim.out.every((l) => l === line));
	});

	it("holds the client back while irisd does not read", async () => {
		const d = await standIn();
		const shim = new Shim();
		const total = 1000, pad = "x".repeat(65000);

		await waitFor(() => d.conns[0]?.hello);
		d.conns[0].sock.pause();
		for (let i = 0; i < total; i++)
			shim.say({ jsonrpc: "2.0", method: "notifications/x", params: { i, pad } });
		await settled(() => shim.child.stdin.writableLength);
		assert.ok(shim.child.stdin.writableLength > (total / 2) * pad.length, "most of it waits at the client's side");
		assert.ok(shim.rssKib() < 30000, `${shim.rssKib()} KiB`);
		d.conns[0].sock.resume();
		await waitFor(() => d.conns[0].lines.length === total, { deadline: 20000 });
		assert.ok(d.conns[0].lines.every((l, i) => JSON.parse(l).params.i === i));
	});

	it("uses no processor time while nothing happens, with irisd there and with irisd gone", async () => {
		const d = await standIn();
		const shim = new Shim();
		const ticks = () => readFileSync(`/proc/${shim.child.pid}/stat`, "utf8").split(") ")[1].split(" ").slice(11, 13).map(Number).reduce((a, b) => a + b);

		await waitFor(() => d.conns[0]?.hello);
		shim.say(request(1, "subscriptions/listen"));
		await waitFor(() => d.conns[0].lines.length === 1);
		for (const gone of [false, true]) {
			if (gone)
				await d.die();
			const before = ticks(), until = performance.now() + 300;
			await waitFor(() => performance.now() > until);
			assert.ok(ticks() - before <= 2, `${ticks() - before} ticks in 300 ms`);
		}
	});

	it("is small", { skip: process.env.IRIS_SANITIZED !== undefined }, async () => {
		await standIn(echo);
		const shim = new Shim();

		shim.say(request(0, "initialize"));
		await shim.answer(0);
		for (let i = 1; i <= 500; i++)
			shim.say(request(i));
		await shim.answer(500);
		assert.ok(shim.rssKib() <= 2048, `${shim.rssKib()} KiB`);
	});

	it("prints help and version, and refuses arguments", async () => {
		const run = async (...args) => {
			const s = new Shim({ args });
			return [(await s.exited).code, s.out.join("\n"), s.stderr];
		};

		const [code, text] = await run("--help");
		assert.equal(code, 0);
		assert.match(text, /^usage: iris-mcp-shim/);
		assert.match((await run("--version"))[1], /^iris-mcp-shim \d+\.\d+\.\d+$/);
		const [bad, out, err] = await run("extra");
		assert.equal(bad, 2);
		assert.equal(out, "");
		assert.match(err, /^usage:/);
	});
});

/* Wait until value() has not changed for 20 looks in a row. */
async function settled(value) {
	let last, same = 0;

	await waitFor(() => {
		const now = value();
		same = now === last ? same + 1 : 0;
		last = now;
		return same >= 20;
	}, { every: 15 });
}
