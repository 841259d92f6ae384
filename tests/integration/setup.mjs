/* SPDX-License-Identifier: MIT
 *
 * What the integration tests share beyond lib/: an irisd with teams in directories of their own, a
 * connection that is spoken to line by line, and looks at what is running.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Iris, program } from "../lib/iris.mjs";
import { processesOf } from "../lib/processes.mjs";
import { parseStrict } from "../lib/strict-json.mjs";
import { waitFor, within } from "../lib/wait.mjs";

/* Short, and still enough for a loaded machine and a sanitizer build. */
const SETTINGS = { sessionInitTimeout: 6000, spawnTimeout: 6000, responseTimeout: 20000, stopTimeout: 4000 };

/*
 * An Iris with teams (name -> its part of the configuration; path: made under work/ when left out),
 * not started yet.
 */
export function makeIris(teams = {}, { settings = {}, env, config = {}, wrap } = {}) {
	const iris = new Iris({ env, wrap });

	iris.dirs = {};
	iris.setTeams = (list, more = {}) => {
		const entries = Object.entries(list).map(([name, team]) => {
			const path = team.path ?? iris.project(name);
			iris.dirs[name] = path;
			return [name, { path, description: `the ${name} project`, ...team }];
		});
		iris.writeConfig({ ...config, settings: { ...SETTINGS, ...settings, ...more }, teams: Object.fromEntries(entries) });
	};
	iris.setTeams(teams);
	return iris;
}

export async function startTeams(teams, options) {
	const iris = makeIris(teams, options);

	try {
		return await iris.start();
	} catch (e) {
		await iris.stop().catch(() => {});
		throw e;
	}
}

/* Call a tool that must fail; answers the object that its text block holds. */
export async function failedCall(iris, client, name, args, options) {
	const r = await iris.call(client, name, args, options);

	assert.equal(r.isError, true, `${name} was expected to fail: ${JSON.stringify(r)}`);
	const o = JSON.parse(r.text);
	assert.equal(o.tool, name);
	assert.equal(typeof o.error, "string");
	return o;
}

/* Run the CLI with --json where it must fail; answers { status, code, message }. */
export async function failedRun(iris, args, options) {
	const r = await iris.iris(["--json", ...args], options);

	assert.notEqual(r.status, 0, `iris ${args.join(" ")} was expected to fail: ${r.stdout}`);
	assert.equal(r.signal, null);
	const { code, message, reason } = JSON.parse(r.stdout).error;
	return { status: r.status, code, message: message ?? reason };
}

/* A gate for HOLD: closed until open() is called. */
export function makeGate(iris, name = "gate") {
	const path = join(iris.root, name);

	return { hold: `HOLD ${path}`, open: () => writeFileSync(path, "") };
}

/* Send without waiting; answers the id. */
export async function quick(iris, client, toTeam, message) {
	const r = await iris.call(client, "quick_message", { toTeam, message });

	assert.equal(r.isError, false, JSON.stringify(r));
	return r.messageId;
}

export const claudes = (iris) => processesOf(iris.root).filter((p) => p.command.includes("fake-claude"));
export const workers = (iris) => processesOf(iris.root).filter((p) => p.command.includes("iris-worker"));
export const daemons = (iris) => processesOf(iris.root).filter((p) => /(^|\/)irisd( |$)/.test(p.command));

export const status = (iris) => iris.json(["status"]);

/* The sessions of irisd, as "from->to": { ... }. */
export async function sessions(iris) {
	const list = (await status(iris)).sessions;
	return Object.fromEntries(list.map((s) => [`${s.from}->${s.to}`, s]));
}

export const fdCount = (pid) => readdirSync(`/proc/${pid}/fd`).length;

/* The daemon still does its work: a fresh client gets an answer of a healthy team. */
export async function assertServes(iris, team, from = iris.root) {
	const client = await iris.client({ cwd: from });
	const r = await iris.call(client, "ask_message", { toTeam: team, message: "ECHO alive", timeout: 20000 });

	assert.equal(r.response, "alive");
	await client.close();
}

/* Lines of JSON both ways, over a socket or over the pipes of a program. */
export class Lines {
	constructor(readable, writable) {
		this.got = [];
		this.taken = 0;
		this.ended = false;
		this.writable = writable;
		this.next_id = 0;
		this.wakers = new Set();
		let rest = "";
		readable.setEncoding("utf8");
		readable.on("data", (d) => {
			const parts = (rest + d).split("\n");
			rest = parts.pop();
			this.got.push(...parts.filter(Boolean).map(parseStrict));
			this.wake();
		});
		writable.on("error", () => {});
		readable.on("error", () => {});
		/* Not once(): a reset is an end like any other. */
		this.end = new Promise((resolve) => readable.once("close", resolve)).then(() => {
			this.ended = true;
			this.wake();
		});
	}

	wake() {
		for (const w of this.wakers)
			w();
	}

	send(line) {
		this.writable.write(typeof line === "string" || Buffer.isBuffer(line) ? line : `${JSON.stringify(line)}\n`);
	}

	/* The first line that fits, seen or to come. */
	line(fits, { deadline = 20000, what = fits.toString() } = {}) {
		const found = new Promise((resolve, reject) => {
			const look = () => {
				const hit = this.got.find(fits);
				if (!hit && !this.ended)
					return;
				this.wakers.delete(look);
				if (hit)
					resolve(hit);
				else
					reject(new Error(`the connection ended before: ${what}; got ${JSON.stringify(this.got).slice(0, 1000)}`));
			};
			this.wakers.add(look);
			look();
		});
		return within(deadline, found, what);
	}

	/* One request, its whole answer line. */
	request(method, params, { id = (this.next_id += 1), ...options } = {}) {
		this.send({ jsonrpc: "2.0", id, method, ...(params !== undefined && { params }) });
		return this.line((l) => l.id === id && l.method === undefined, { what: `the answer to ${method}`, ...options });
	}

	closed(deadline = 20000) {
		return within(deadline, this.end, "the connection to be closed");
	}
}

export const HELLO = { protocol: 1, version: "test", pid: process.pid };

/* A connection to irisd.sock; with params its hello is done. */
export async function connectRaw(iris, params) {
	const socket = connect(iris.socket);

	await within(20000, once(socket, "connect"), "irisd to take a connection");
	const lines = new Lines(socket, socket);
	lines.socket = socket;
	if (params) {
		const r = await lines.request("iris/hello", { ...HELLO, cwd: iris.root, ...params }, { id: "hello" });
		assert.equal(r.error, undefined, JSON.stringify(r));
	}
	return lines;
}

/* A shim that is spoken to line by line. */
export function startShim(iris, { cwd = iris.root, env = {} } = {}) {
	const child = spawn(program("iris-mcp-shim"), [], { cwd, env: { ...iris.env, ...env }, stdio: "pipe" });
	const lines = new Lines(child.stdout, child.stdin);

	lines.child = child;
	lines.stderr = "";
	child.stderr.on("data", (d) => (lines.stderr += d));
	lines.exited = once(child, "exit").then(([code]) => code);
	lines.finish = async () => {
		child.stdin.end();
		return within(15000, lines.exited, "the shim to end at EOF");
	};
	return lines;
}

export { assert, waitFor, within };
