/* SPDX-License-Identifier: MIT
 *
 * A tool of Iris's asks the person behind the real Claude Code CLI in the middle of a call: through
 * the shim, in the era that Claude Code chooses. On test/irisd-fixtures, which has tools that ask.
 * Who answers is the program that runs Claude Code, as an editor does, over its control protocol.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Lines } from "../integration/setup.mjs";
import { buildDir, claudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { Iris, program } from "../lib/iris.mjs";
import { within } from "../lib/wait.mjs";
import { startMessagesApi } from "./messages-api.mjs";

const TASK = "let iris ask me who I am";

const results = (c) => c.messages.flatMap((m) => (Array.isArray(m.content) ? m.content : [])).filter((b) => b.type === "tool_result");
const textOf = (b) => (typeof b.content === "string" ? b.content : b.content.map((x) => x.text).join(""));

const rules = [{
	match: (c) => c.user.includes(TASK),
	reply: (c) => results(c).length ? `It said: ${textOf(results(c)[0])}`
		: { tool: "mcp__iris__test_elicitation", input: { message: "Who are you?" } },
}];

describe("a question of irisd's, on the real Claude Code", { timeout: 600000 }, () => {
	let api, world, iris, claude;

	beforeEach(async () => {
		api = await startMessagesApi(rules);
		world = makeClaudeEnv({ api, projects: { frontend: {} } });
		iris = new Iris({
			world,
			config: { settings: { claudePath: claudePath() }, teams: { frontend: { path: world.dirs.frontend, description: "the web pages" } } },
			wrap: ["sh", "-c", 'shift; exec "$0" "$@"', join(buildDir(), "test/irisd-fixtures")],
		});
		await iris.start();
		const servers = { iris: { command: program("iris-mcp-shim"), args: [], alwaysLoad: true } };
		claude = spawn(claudePath(), ["-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose",
			"--permission-prompt-tool=stdio", "--allowedTools=mcp__iris", "--strict-mcp-config",
			`--mcp-config=${JSON.stringify({ mcpServers: servers })}`],
		{ cwd: world.dirs.frontend, env: iris.env, stdio: ["pipe", "pipe", "inherit"] });
	});
	afterEach(async () => {
		claude.stdin.end();
		await within(20000, claude.exitCode === null ? once(claude, "exit") : Promise.resolve(), "claude to end");
		await iris.stop();
		await api.close();
	});

	for (const [what, answer, expected] of [
		["is answered", { action: "accept", content: { username: "ada", email: "ada@example.com" } },
			'User response: action=accept, content={"username":"ada","email":"ada@example.com"}'],
		["is declined", { action: "decline" }, "User response: action=decline, content={}"],
	])
		test(`it ${what}`, async (t) => {
			const lines = new Lines(claude.stdout, claude.stdin);

			lines.send({ type: "control_request", request_id: "init", request: { subtype: "initialize" } });
			await lines.line((l) => l.type === "control_response" && l.response.request_id === "init", { deadline: 60000 });
			lines.send({ type: "user", uuid: randomUUID(), session_id: "", parent_tool_use_id: null, message: { role: "user", content: TASK } });
			const asked = await lines.line((l) => l.type === "control_request" && l.request.subtype === "elicitation", { deadline: 60000 });
			assert.equal(asked.request.mcp_server_name, "iris");
			assert.equal(asked.request.message, "Who are you?");
			assert.deepEqual(Object.keys(asked.request.requested_schema.properties), ["username", "email"]);
			lines.send({ type: "control_response", response: { subtype: "success", request_id: asked.request_id, response: answer } });
			const result = await lines.line((l) => l.type === "result", { deadline: 60000 });
			assert.equal(result.result, `It said: ${expected}`);
			t.diagnostic(iris.log().match(/mcp client name=.*$/m)?.[0] ?? "no handshake: 2026-07-28");
		});
});
