/* SPDX-License-Identifier: MIT
 *
 * irisd as one iris-worker sees it, played by the test: a socket that can go away and come back. The
 * worker's Claudes are fake-claude. After each test nothing may be left.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { buildDir, fakeClaudePath } from "./claude-env.mjs";
import { assertNoneLeft } from "./processes.mjs";
import { waitFor, within } from "./wait.mjs";

const SANITIZER = /(ERROR: \w*Sanitizer|runtime error:|LeakSanitizer)[^\n]*/;

/* irisd's end of one worker. */
export class Irisd {
	constructor() {
		this.root = realpathSync(mkdtempSync(join(tmpdir(), "iris-worker-")));
		this.dir = join(this.root, "a team, with.dots_änd ümlauts");
		this.sock = join(this.root, "sock");
		this.spool = join(this.root, "spool");
		for (const dir of [this.dir, this.spool, join(this.root, "home")])
			mkdirSync(dir);
		this.events = [];
		this.answers = new Map();
		this.waiters = new Set();
		this.acks = true;
		this.refusal = null;
		this.connections = 0;
		this.nextId = 0;
		this.stderr = "";
		this.tool = (message, answer) => answer({ content: [] });
		/* What a hook is answered; undefined: not now. */
		this.hook = () => ({ decision: "none" });
	}

	async start(env = {}, args = []) {
		await this.listen();
		this.worker = spawn(join(buildDir(), "bin", "iris-worker"), ["-s", this.sock, "-t", "backend", ...args], {
			env: { PATH: process.env.PATH, HOME: join(this.root, "home"), TMPDIR: this.root, MARK: this.root,
				ASAN_OPTIONS: "detect_leaks=1", ...env },
			stdio: ["ignore", "inherit", "pipe"],
		});
		this.worker.stderr.on("data", (d) => (this.stderr += d));
		this.ended = once(this.worker, "close");
		await this.event("iris/hello");
		return this;
	}

	/* The socket is there from now on. */
	async listen() {
		this.server = createServer((socket) => {
			this.socket = socket;
			this.connections++;
			socket.on("error", () => {});
			const lines = createInterface({ input: socket });
			lines.on("error", () => {});
			lines.on("line", (line) => this.take(JSON.parse(line)));
			for (const wake of this.waiters)
				wake();
		});
		this.server.listen(this.sock);
		await once(this.server, "listening");
	}

	/* What kill -9 of irisd does to a worker: the connection ends and nobody listens. */
	die() {
		this.server.close();
		rmSync(this.sock, { force: true });
		this.socket.destroy();
		this.answers.clear();
	}

	/* The next irisd. Answers with its hello; events are only those of its connection. */
	async comeBack({ signal = true, deadline = 20000 } = {}) {
		this.events = [];
		await this.listen();
		if (signal)
			this.worker.kill("SIGUSR1");
		return this.event("iris/hello", undefined, deadline);
	}

	/* The lines of the worker's spool file; null when there is none. */
	spooled() {
		const files = readdirSync(this.spool);
		assert.ok(files.length <= 1, files.join());
		if (files.length === 0)
			return null;
		assert.match(files[0], new RegExp(`^${this.worker.pid}-[0-9]+\\.jsonl$`));
		return readFileSync(join(this.spool, files[0]), "utf8").split("\n").slice(0, -1).map((l) => JSON.parse(l));
	}

	/* The same, once there are so many. */
	spooledLines(n) {
		return waitFor(() => this.spooled()?.length === n && this.spooled(), { what: `${n} lines in the spool` });
	}

	take(m) {
		if (m.method !== undefined) {
			this.events.push({ at: performance.now(), ...m });
			if (m.method === "iris/hello")
				this.write(this.refusal ?? { jsonrpc: "2.0", id: m.id, result: { pid: process.pid, protocol: 1 } });
			if (m.method === "event/mcp")
				this.serveMcp(m.params);
			if (m.method === "event/hook")
				this.hooked(m.params, this.hook(m.params));
			if (m.method === "event/result" && this.acks)
				this.write({ jsonrpc: "2.0", id: m.id, result: {} });
		} else {
			this.answers.get(m.id)?.(m);
			this.answers.delete(m.id);
		}
		for (const wake of this.waiters)
			wake();
	}

	/* The in-band MCP server. */
	serveMcp({ session, message }) {
		const answer = (result) => this.notify("worker/mcp", { session, message: { jsonrpc: "2.0", id: message.id, result } });
		if (message.method === "initialize")
			answer({ protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "iris", version: "0" } });
		else if (message.method === "tools/list")
			answer({ tools: [{ name: "list_teams", inputSchema: { type: "object" } }] });
		else if (message.method === "tools/call")
			this.tool(message, answer, session);
	}

	hooked({ session, request }, decision) {
		if (decision !== undefined)
			this.write({ jsonrpc: "2.0", id: ++this.nextId, method: "worker/hook", params: { session, request, ...decision } });
	}

	write(object) {
		this.socket.write(`${JSON.stringify(object)}\n`);
	}

	notify(method, params) {
		this.write({ jsonrpc: "2.0", method, params });
	}

	/* The result, or an Error with code and data of the error. */
	async request(method, params, deadline = 30000) {
		const id = ++this.nextId;
		const answer = new Promise((resolve) => this.answers.set(id, resolve));
		this.write({ jsonrpc: "2.0", id, method, params });
		const m = await within(deadline, answer, `the answer to ${method}`);
		if (m.error)
			throw Object.assign(new Error(m.error.message), { code: m.error.data.code, data: m.error.data });
		return m.result;
	}

	/* The first event of this kind that fits, now or later. */
	async event(method, fits = () => true, deadline = 30000) {
		const find = () => this.events.find((e) => e.method === method && fits(e.params));
		const found = new Promise((resolve) => {
			const look = () => {
				const e = find();
				if (e === undefined)
					return;
				this.waiters.delete(look);
				resolve(e.params);
			};
			this.waiters.add(look);
			look();
		});
		return within(deadline, found, `${method}; so far: ${JSON.stringify(this.events.slice(-5))}; ${this.stderr.slice(-800)}`);
	}

	all(method) {
		return this.events.filter((e) => e.method === method).map((e) => e.params);
	}

	open(more = {}, session = "s1") {
		return this.request("worker/open", {
			session, claudeId: randomUUID(), resume: false, cwd: this.dir, claudePath: fakeClaudePath(), args: [],
			permissionMode: "default", spawnTimeout: 10000, responseTimeout: 10000, stopTimeout: 5000, ...more,
		});
	}

	async send(text, session = "s1") {
		const message = randomUUID();
		assert.deepEqual(await this.request("worker/turn", { session, message, text }), {});
		return message;
	}

	result(message, deadline) {
		return this.event("event/result", (p) => p.message === message, deadline);
	}

	async ask(text, session = "s1") {
		return this.result(await this.send(text, session));
	}

	async stop() {
		if (this.worker.exitCode === null && this.worker.signalCode === null) {
			await this.request("worker/stop", {});
			await within(15000, this.ended, "the worker's end");
		}
		assert.equal(this.worker.exitCode, 0, this.stderr);
	}

	async release() {
		try {
			await this.stop();
			await assertNoneLeft(this.root);
			assert.doesNotMatch(this.stderr, SANITIZER);
		} finally {
			this.worker.kill("SIGKILL");
			this.socket?.destroy();
			this.server.close();
			rmSync(this.root, { recursive: true, force: true });
		}
	}
}

/* A test with a worker of its own. args(irisd): more of its command line. */
export function workerTest(name, fn, env, args = () => []) {
	test(name, { timeout: 300000 }, async () => {
		const irisd = new Irisd();
		try {
			await irisd.start(env, args(irisd));
			await fn(irisd);
		} catch (e) {
			e.message += `\nworker: ${irisd.stderr.slice(-3000)}`;
			await irisd.release().catch(() => {});
			throw e;
		}
		await irisd.release();
	});
}

export async function refused(promise, code, text) {
	await assert.rejects(promise, (e) => {
		assert.equal(e.code, code, e.message);
		assert.match(e.message, text);
		return true;
	});
}
