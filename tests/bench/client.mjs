/* SPDX-License-Identifier: MIT
 *
 * Runs bench-client and reads its figures; the lines that it sends; an Iris with numbered teams.
 * What the other files of the benchmark share.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildDir, fakeClaudePath } from "../lib/claude-env.mjs";
import { Iris, program, run } from "../lib/iris.mjs";

export const shim = program("iris-mcp-shim");
export const floor = join(buildDir(), "test", "bench-floor");

const INITIALIZE = JSON.stringify({
	jsonrpc: "2.0",
	id: "first",
	method: "initialize",
	params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "bench", version: "1" } },
});

/* Options of bench-client for an MCP server on a child's standard input and output. */
export const mcpFirst = ["-P", '"id":"first"', "-p", INITIALIZE, "-o", '{"jsonrpc":"2.0","method":"notifications/initialized"}'];
export const mcpStart = ["-r", INITIALIZE, "-u", '"id":"first"'];

/* Requests of tools/call; arguments is JSON, in which @N and @C stand for numbers. */
export function toolCall(name, args) {
	return ["-r", `{"jsonrpc":"2.0","id":@N,"method":"tools/call","params":{"name":"${name}","arguments":${args}}}`];
}

/* The same for a control method, on a connection of its own to irisd. */
export function control(iris, method, params) {
	const hello = { jsonrpc: "2.0", id: "first", method: "iris/hello", params: { role: "ctl", protocol: 1, version: "bench", pid: process.pid, cwd: "/" } };
	return [
		"-s", iris.socket, "-P", '"id":"first"', "-p", JSON.stringify(hello),
		"-r", `{"jsonrpc":"2.0","id":@N,"method":"${method}","params":${params}}`,
	];
}

/*
 * How iris-worker starts claude, and its first question. For turns without the in-band server:
 * nobody here would answer what claude asks of it.
 */
const claudeArgs = [
	"-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose", "--include-partial-messages",
	"--permission-prompt-tool=stdio", "--replay-user-messages", "--permission-mode=default", "--allowedTools=mcp__iris",
];
const initialize = (more) => `{"type":"control_request","request_id":"first","request":{"subtype":"initialize"${more}}}`;
const sdkServer = JSON.stringify({ mcpServers: { iris: { type: "sdk", name: "iris", alwaysLoad: true } } });

/*
 * Options for starts of a claude, to its answer to initialize: all that iris-worker says, for they
 * take their time.
 */
export function claudeStart(program) {
	return [
		"-r", initialize(',"sdkMcpServers":["iris"]'), "-u", '"type":"control_response"', "--", program, ...claudeArgs,
		`--session-id=${randomUUID()}`, `--mcp-config=${sdkServer}`, "--append-system-prompt=You are the team of a project.",
	];
}

/* Options for turns on a fake-claude's own pipe. */
export const bareTurns = [
	"-P", '"type":"control_response"', "-p", initialize(""),
	"-r", '{"type":"user","message":{"role":"user","content":"ECHO bench-@C-@N"},"parent_tool_use_id":null}',
	"-u", '"type":"result"', "-e", '"result":"bench-@C-@N"',
];
export const bareClaude = ["--", fakeClaudePath(), ...claudeArgs];

/* Run bench-client. Throws when it fails, or when an answer was missing or wrong. */
export async function bench(args, { env, cwd } = {}) {
	const r = await run(join(buildDir(), "test", "bench-client"), args.map(String), { env, cwd, deadline: 120000 });

	if (r.status !== 0)
		throw new Error(`bench-client ${args.join(" ")}: exit ${r.status ?? r.signal}: ${r.stdout}${r.stderr}`);
	return JSON.parse(r.stdout);
}

/* Measure each of several things in turn, so many times; answers the quietest result of each. */
export async function quietest(repeats, ...measures) {
	const best = measures.map(() => undefined);

	for (let i = 0; i < repeats; i++) {
		for (const [k, measure] of measures.entries()) {
			const result = await measure();
			if (best[k] === undefined || result.p50 < best[k].p50)
				best[k] = result;
		}
	}
	return best;
}

/* An Iris with teams team-0 ... team-(n-1), not started; answers it. */
export function numberedTeams(n, { settings = {}, config = {}, world, env } = {}) {
	const iris = new Iris({ world, env });
	const teams = {};

	for (let i = 0; i < n; i++) {
		const path = join(iris.root, "work", `team-${i}`);
		mkdirSync(path, { recursive: true });
		teams[`team-${i}`] = { path, description: `project number ${i}` };
	}
	iris.writeConfig({ ...config, settings, teams });
	return iris;
}

/* Run fn with a started Iris that is stopped afterwards, whatever happened. */
export async function withIris(iris, fn) {
	try {
		await iris.start();
		await fn(iris);
	} catch (e) {
		await iris.stop().catch(() => {});
		throw e;
	}
	await iris.stop();
}
