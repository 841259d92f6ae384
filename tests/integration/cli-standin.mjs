/* SPDX-License-Identifier: MIT
 *
 * A stand-in for irisd: speaks the control protocol on a socket of its own, and answers as the test says, so that
 * what the CLI does with strange, slow or broken answers can be tested without an irisd.
 */
import { createServer } from "node:net";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, program } from "../lib/iris.mjs";

export class Standin {
	/* handlers: { "iris/daemon.status": (params, connection) => result }; throw { code, message } for an error. */
	constructor(handlers = {}) {
		this.handlers = handlers;
		this.root = mkdtempSync(join(tmpdir(), "iris-cli"));
		this.home = join(this.root, "iris");
		this.calls = [];
		this.hellos = [];
		this.connections = new Set();
		this.env = {
			PATH: process.env.PATH,
			HOME: this.root,
			IRIS_HOME: this.home,
			LANG: "C.UTF-8",
			TERM: "xterm",
		};
		for (const name of ["ASAN_OPTIONS", "UBSAN_OPTIONS"])
			if (process.env[name])
				this.env[name] = process.env[name];
	}

	async listen() {
		const { mkdirSync } = await import("node:fs");
		mkdirSync(this.home, { recursive: true, mode: 0o700 });
		this.server = createServer((socket) => this.serve(socket));
		const old = process.umask(0o077);
		this.server.listen(join(this.home, "irisd.sock"));
		await once(this.server, "listening");
		process.umask(old);
		return this;
	}

	serve(socket) {
		let text = "";

		this.connections.add(socket);
		socket.on("close", () => this.connections.delete(socket));
		socket.on("error", () => {});
		socket.setEncoding("utf8");
		socket.notify = (method, params) => socket.write(`${JSON.stringify({ jsonrpc: "2.0", method, params })}\n`);
		socket.on("data", (d) => {
			text += d;
			for (let i; (i = text.indexOf("\n")) >= 0; text = text.slice(i + 1))
				this.line(socket, JSON.parse(text.slice(0, i)));
		});
	}

	async line(socket, m) {
		const reply = (o) => socket.writable && socket.write(`${JSON.stringify({ jsonrpc: "2.0", id: m.id, ...o })}\n`);

		if (m.method === "iris/hello") {
			this.hellos.push(m.params);
			return reply({ result: { version: this.version ?? "0.1.0", pid: process.pid, protocol: 1, home: this.home } });
		}
		this.calls.push(m);
		try {
			const handler = this.handlers[m.method];
			if (!handler)
				throw { rpc: -32601, code: "invalid", message: `no ${m.method}` };
			reply({ result: await handler(m.params, socket) });
		} catch (e) {
			reply({ error: { code: e.rpc ?? -31000, message: e.message, data: { code: e.code ?? "internal" } } });
		}
	}

	/* The end of the one irisd and, with listen(), the beginning of another. */
	async close() {
		for (const c of this.connections)
			c.destroy();
		await new Promise((resolve) => (this.server ? this.server.close(resolve) : resolve()));
		this.server = undefined;
	}

	iris(args, options = {}) {
		return run(program("iris"), args, { cwd: this.root, deadline: 20000, ...options, env: { ...this.env, ...options.env } });
	}

	async stop() {
		await this.close();
		rmSync(this.root, { recursive: true, force: true });
	}
}

export const ID = "019b0000-0000-7000-8000-000000000001";

/* A message object as irisd makes them; of an earlier day, so that its times are printed with the date whenever this runs. */
export function message(over = {}) {
	const at = 1700000000260;
	return {
		id: ID, from: "frontend", to: "backend", message: "hello?", state: "answered", response: "Hi.",
		createdAt: at, updatedAt: at + 1500, duration: 1500, root: ID, hops: 0,
		receipts: [
			{ state: "queued", at, evidence: "stored" },
			{ state: "sent", at: at + 12, evidence: "written" },
			{ state: "seen", at: at + 300, evidence: "replay" },
			{ state: "answered", at: at + 1500, evidence: "result" },
		],
		usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0.0123, numTurns: 1, durationMs: 1200, model: "test-model" },
		...over,
	};
}
