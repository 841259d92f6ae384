/* SPDX-License-Identifier: MIT
 *
 * A worker that the test itself plays: a copy of the programs under test with a relay in the place
 * of iris-worker. The relay says hello to irisd and passes all other lines between irisd and the
 * test, so that a test can give events and answers in any order, wrong ones too. The line
 * { die: true } ends it by SIGKILL when what stands before it is written.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";
import { buildDir } from "./claude-env.mjs";
import { within } from "./wait.mjs";

/* What is started as iris-worker: its arguments are -s SOCKET -t TEAM. */
const RELAY = `#!${process.execPath}
const { connect } = require("node:net");
const arg = (flag) => process.argv[process.argv.indexOf(flag) + 1];
const stage = connect(process.env.IRIS_TEST_STAGE);
const irisd = connect(arg("-s"), () => {
	const params = { role: "worker", protocol: 1, version: "test", pid: process.pid, team: arg("-t") };
	irisd.write(JSON.stringify({ jsonrpc: "2.0", id: "hello", method: "iris/hello", params }) + "\\n");
	stage.write(JSON.stringify({ team: arg("-t"), pid: process.pid }) + "\\n");
	irisd.pipe(stage, { end: false });
	let rest = "";
	stage.setEncoding("utf8");
	stage.on("data", (d) => {
		const at = (rest += d).lastIndexOf("\\n") + 1, lines = rest.slice(0, at), die = lines.indexOf('{"jsonrpc":"2.0","die"');
		rest = rest.slice(at);
		irisd.write(die === -1 ? lines : lines.slice(0, die), () => die !== -1 && process.kill(process.pid, "SIGKILL"));
	});
});
irisd.on("close", () => process.exit(0));
irisd.on("error", () => process.exit(0));
stage.on("error", () => process.exit(0));
stage.on("close", () => process.exit(0));
`;

/* One that irisd has started. Its lines are in got; the first is the relay's, with team and pid. */
class FakeWorker {
	constructor(socket) {
		this.socket = socket;
		this.got = [];
		this.ended = false;
		this.wakers = new Set();
		let rest = "";
		const wake = () => this.wakers.forEach((w) => w());
		socket.setEncoding("utf8");
		socket.on("data", (d) => {
			const parts = (rest + d).split("\n");
			rest = parts.pop();
			this.got.push(...parts.filter(Boolean).map((l) => JSON.parse(l)));
			wake();
		});
		socket.on("error", () => {});
		socket.on("close", () => {
			this.ended = true;
			wake();
		});
	}

	/* The first line that fits, and that no earlier call has taken. */
	take(fits, what = fits.toString(), deadline = 20000) {
		const found = new Promise((resolve, reject) => {
			const look = () => {
				const at = this.got.findIndex(fits);
				if (at === -1 && !this.ended) return;
				this.wakers.delete(look);
				if (at === -1) reject(new Error(`the worker ended before: ${what}`));
				else resolve(this.got.splice(at, 1)[0]);
			};
			this.wakers.add(look);
			look();
		});
		return within(deadline, found, what);
	}

	/* The next request of this method. */
	request(method) {
		return this.take((l) => l.method === method, method);
	}

	/* Several lines at once reach irisd in one read. */
	send(...lines) {
		this.socket.write(lines.map((l) => `${JSON.stringify({ jsonrpc: "2.0", ...l })}\n`).join(""));
	}

	gone() {
		return this.take(() => false, "its end").catch(() => {});
	}
}

export const result = (request, value = {}) => ({ id: request.id, result: value });
export const failure = (request, code, message = "made up by the test", more = {}) => ({
	id: request.id,
	error: { code: -31000, message, data: { code, ...more } },
});
export const event = (name, request, params) => ({
	method: `event/${name}`,
	params: { session: request.params.session, ...params },
});
const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0, numTurns: 1, durationMs: 1, model: "test" };
let results = 0;
/* The result of a turn: answered, or with a code failed. */
export const turnResult = (turn, answer, code) => ({
	...event("result", turn, {
		message: turn.params.message,
		usage,
		...(code === undefined ? { ok: true, answer } : { ok: false, code, reason: answer }),
	}),
	id: `r${(results += 1)}`,
});

/* From now on this process tests a copy of the programs that has the relay for its iris-worker. */
export function useFakeWorkers() {
	const from = buildDir(), build = mkdtempSync(join(tmpdir(), "iris-fw"));

	mkdirSync(join(build, "bin"));
	for (const name of ["irisd", "iris", "iris-mcp-shim"])
		copyFileSync(join(from, "bin", name), join(build, "bin", name));
	writeFileSync(join(build, "bin", "iris-worker"), RELAY, { mode: 0o755 });
	symlinkSync(resolve(from, "test"), join(build, "test"));
	process.env.IRIS_BUILD = build;
	after(() => rmSync(build, { recursive: true, force: true }));
}

/*
 * Where the relays of one irisd connect to: env is for that irisd; next() is the next worker it
 * starts, or onWorker, where it is set, is called for each.
 */
export async function makeStage(dir) {
	const path = join(dir, "stage"), waiting = [], come = [];
	const server = createServer((socket) => {
		const w = new FakeWorker(socket);
		w.take((l) => l.jsonrpc === undefined, "the relay's first line").then(({ team, pid }) => {
			Object.assign(w, { team, pid });
			if (stage.onWorker) stage.onWorker(w);
			else if (waiting.length > 0) waiting.shift()(w);
			else come.push(w);
		}, () => {});
	});

	await new Promise((done) => server.listen(path, done));
	const stage = {
		env: { IRIS_TEST_STAGE: path },
		next: () =>
			within(20000, new Promise((done) => (come.length > 0 ? done(come.shift()) : waiting.push(done))), "irisd to start a worker"),
		close: () => server.close(),
	};
	return stage;
}
