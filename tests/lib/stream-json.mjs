/* SPDX-License-Identifier: MIT
 *
 * A claude process held by its pipes, with the command line of iris-worker: for tests of what Iris
 * relies on. Plays the in-band MCP server `iris` and answers permission requests as the test says.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { within } from "./wait.mjs";

export const BASE_ARGS = [
	"-p",
	"--input-format=stream-json",
	"--output-format=stream-json",
	"--verbose",
	"--include-partial-messages",
	"--permission-prompt-tool=stdio",
	"--replay-user-messages",
	"--permission-mode=default",
	`--mcp-config=${JSON.stringify({ mcpServers: { iris: { type: "sdk", name: "iris", alwaysLoad: true } } })}`,
];

export class Claude {
	/*
	 * tools: name -> async (args, call) => text; call has progress(n, message) and cancelled (a
	 * promise). permit: (request) => response of can_use_tool. hook: (request) => response of
	 * the PreToolUse hook, "error" for an error in its place, undefined for none; without it
	 * no hook is registered. hookTimeout: in seconds.
	 */
	constructor(program, { cwd, env, args = [], tools = {}, permit, hook, hookTimeout }) {
		this.lines = [];
		this.waiters = new Set();
		this.tools = tools;
		this.permit = permit ?? ((q) => ({ behavior: "allow", updatedInput: q.input }));
		this.hook = hook;
		this.hookTimeout = hookTimeout;
		this.stderr = "";
		this.requests = 0;
		this.running = new Map();
		this.child = spawn(program, [...BASE_ARGS, ...args], {
			cwd,
			env,
			stdio: "pipe",
			detached: true,
		});
		this.child.stdin.on("error", () => {});
		this.child.stderr.on("data", (d) => (this.stderr += d));
		this.exited = once(this.child, "close").then(([code, signal]) => ({
			code,
			signal,
		}));
		this.exited.then(() => this.wake());
		this.read();
	}

	async read() {
		let parts = []; /* of the unfinished line: joined once, however long it gets */

		this.child.stdout.setEncoding("utf8");
		for await (const chunk of this.child.stdout) {
			const [first, ...more] = chunk.split("\n");
			parts.push(first);
			for (const text of more) {
				this.take(parts.join(""));
				parts = [text];
			}
		}
		if (parts.join("") !== "") this.take(parts.join(""));
	}

	take(text) {
		let line;

		try {
			line = JSON.parse(text);
		} catch {
			line = { type: "junk", text };
		}
		this.lines.push(line);
		if (line.type === "control_request") this.answer(line);
		this.wake();
	}

	wake() {
		for (const w of this.waiters) w();
	}

	send(line) {
		this.child.stdin.write(`${JSON.stringify(line)}\n`);
	}

	reply(line, response) {
		this.send({
			type: "control_response",
			response: { subtype: "success", request_id: line.request_id, response },
		});
	}

	async answer(line) {
		const q = line.request;

		if (q.subtype === "can_use_tool") {
			const response = await this.permit(q);
			if (response) this.reply(line, response);
		} else if (q.subtype === "hook_callback") {
			const response = await this.hook(q);
			if (response === "error")
				this.send({
					type: "control_response",
					response: { subtype: "error", request_id: line.request_id, error: "no" },
				});
			else if (response) this.reply(line, response);
		} else if (q.subtype === "mcp_message") {
			const m = q.message;
			const answer =
				m.id === undefined
					? { jsonrpc: "2.0", result: {}, id: 0 }
					: { jsonrpc: "2.0", id: m.id };
			if (m.method === "notifications/cancelled")
				this.running.get(m.params.requestId)?.(m.params.reason);
			if (m.id !== undefined) answer.result = await this.mcp(m);
			this.reply(line, { mcp_response: answer });
		}
	}

	async mcp(m) {
		if (m.method === "initialize")
			return {
				protocolVersion: m.params.protocolVersion,
				capabilities: { tools: {} },
				serverInfo: { name: "iris", version: "0" },
			};
		if (m.method === "tools/list")
			return {
				tools: Object.keys(this.tools).map((name) => ({
					name,
					description: name,
					inputSchema: { type: "object" },
				})),
			};
		const call = {
			meta: m.params._meta,
			cancelled: new Promise((resolve) => this.running.set(m.id, resolve)),
			progress: (progress, message) =>
				this.control({
					subtype: "mcp_message",
					server_name: "iris",
					message: {
						jsonrpc: "2.0",
						method: "notifications/progress",
						params: {
							progressToken: m.params._meta.progressToken,
							progress,
							message,
						},
					},
				}),
		};
		const text = await this.tools[m.params.name](m.params.arguments, call);
		return { content: [{ type: "text", text }] };
	}

	/* The first line from index `from` on that fits, now or later. */
	line(fits, { from = 0, deadline = 60000, what = fits.toString() } = {}) {
		const found = new Promise((resolve, reject) => {
			const look = () => {
				const hit = this.lines.slice(from).find(fits);
				if (
					!hit &&
					this.child.exitCode === null &&
					this.child.signalCode === null
				)
					return;
				this.waiters.delete(look);
				if (hit) resolve(hit);
				else
					reject(
						new Error(
							`claude ended (${this.child.exitCode}) before: ${what}; stderr: ${this.stderr}`,
						),
					);
			};
			this.waiters.add(look);
			look();
		});
		return within(deadline, found, what);
	}

	/* Ask claude something; answers the `response` part, whatever its subtype. */
	async control(request) {
		const id = `iris-${(this.requests += 1)}`;

		this.send({ type: "control_request", request_id: id, request });
		const line = await this.line(
			(l) => l.type === "control_response" && l.response.request_id === id,
			{ what: request.subtype },
		);
		return line.response;
	}

	initialize() {
		const entry = { hookCallbackIds: ["iris-guard"], timeout: this.hookTimeout };

		return this.control({
			subtype: "initialize",
			sdkMcpServers: ["iris"],
			hooks: this.hook && { PreToolUse: [entry] },
		});
	}

	/* Write a user line; answers its uuid and where its output starts. */
	user(content) {
		const sent = { uuid: randomUUID(), from: this.lines.length };

		this.send({ type: "user", message: { role: "user", content }, uuid: sent.uuid });
		return sent;
	}

	lifecycle(sent, state) {
		return this.line(
			(l) =>
				l.type === "command_lifecycle" &&
				l.command_uuid === sent.uuid &&
				l.state === state,
			{ from: sent.from, what: `lifecycle ${state}` },
		);
	}

	/* Wait for the end of a turn; answers { result, lines } of it. */
	async finish(sent) {
		const over = (l) =>
			l.type === "command_lifecycle" &&
			l.command_uuid === sent.uuid &&
			/^(completed|cancelled)$/.test(l.state);

		await this.line(over, { from: sent.from, what: "the end of the turn" });
		const lines = this.lines.slice(sent.from);
		return { lines, result: lines.find((l) => l.type === "result") };
	}

	turn(content) {
		return this.finish(this.user(content));
	}

	/* Close stdin and wait for the end. */
	async eof() {
		this.child.stdin.end();
		return within(60000, this.exited, "claude to end at EOF");
	}

	/* For the clean-up after a test: end it whatever it does. */
	async kill() {
		if (this.child.exitCode === null && this.child.signalCode === null)
			process.kill(-this.child.pid, "SIGKILL");
		await this.exited;
	}
}
