/* SPDX-License-Identifier: MIT
 *
 * Iris's prompts and get_agent on the real Claude Code CLI: a person types a slash command, the
 * model reads what Iris makes of it and, with the scripted model, does as it says.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { claudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { Iris, program, run } from "../lib/iris.mjs";
import { startMessagesApi } from "./messages-api.mjs";

const QUESTION = "how do you version the API?";
const COMMANDS = ["ask", "handoff", "tech-writer", "unit-tester", "integration-tester", "code-reviewer",
	"debugger", "refactorer", "changeloger", "error-handler", "example-writer", "logger"];

/* What the model gets to see of a slash command. */
const all = (c) => JSON.stringify(c.body.messages);
const typed = (c) => all(c).match(/<command-args>(\S+) (.*?)<\/command-args>/);

const rules = [
	{ match: (c) => c.user.includes("<iris-message"), reply: "In the path: /v2." },
	{ match: { toolResult: "In the path" }, reply: (c) => `They say: ${JSON.parse(c.toolResult).response}` },
	{ match: { toolResult: "Code reviewer" }, reply: (c) => `Prompt: ${JSON.parse(c.toolResult).prompt}` },
	{
		match: (c) => c.user.includes("mcp__iris__ask_message") && c.toolResult === undefined,
		reply: (c) => ({ tool: "mcp__iris__ask_message", input: { toTeam: typed(c)[1], message: typed(c)[2] } }),
	},
	{
		match: (c) => c.user.includes("act as a code reviewer"),
		reply: { tool: "mcp__iris__get_agent", input: { agentType: "code-reviewer", includeGitDiff: true, context: { reviewFocus: "money" } } },
	},
	{ reply: "I have read it." },
];

describe("slash commands, on the real Claude Code", { timeout: 600000 }, () => {
	let api, world, iris, cwd;

	beforeEach(async () => {
		api = await startMessagesApi(rules);
		world = makeClaudeEnv({ api, projects: { frontend: {}, backend: {} } });
		iris = new Iris({
			world,
			config: {
				settings: { claudePath: claudePath() },
				teams: {
					frontend: { path: world.dirs.frontend, description: "the web pages" },
					backend: { path: world.dirs.backend, description: "the HTTP API" },
				},
			},
		});
		cwd = world.dirs.frontend;
		const shim = { type: "stdio", command: program("iris-mcp-shim"), alwaysLoad: true };
		writeFileSync(join(cwd, ".mcp.json"), JSON.stringify({ mcpServers: { iris: shim } }));
	});
	afterEach(async () => {
		await iris.stop();
		await api.close();
	});

	async function claude(text, ...args) {
		const r = await run(claudePath(), ["-p", text, "--allowedTools", "mcp__iris", ...args], { cwd, env: iris.env });

		assert.equal(r.status, 0, r.stderr);
		return r.stdout;
	}

	test("all of them are there", async () => {
		const lines = (await claude("hello", "--output-format", "stream-json", "--verbose")).split("\n").filter(Boolean).map((l) => JSON.parse(l));
		const { slash_commands: names } = lines.find((l) => l.type === "system" && l.subtype === "init");
		for (const name of COMMANDS)
			assert.ok(names.includes(`mcp__iris__${name}`), `${name}: ${names.join(" ")}`);
	});

	test("ask: the question is asked as it was typed, all its words, and the answer comes back", async () => {
		assert.equal((await claude(`/mcp__iris__ask backend ${QUESTION}`)).trim(), "They say: In the path: /v2.");
		const seen = api.requests.find((c) => c.user.includes("mcp__iris__ask_message"));
		assert.match(seen.user, /team "backend" \(the HTTP API\)/);
		assert.match(seen.user, /Only the first word of it arrived here/);
		const { messages } = await iris.json(["message", "list"]);
		assert.equal(messages.length, 1);
		assert.deepEqual([messages[0].from, messages[0].to, messages[0].message, messages[0].state],
			["frontend", "backend", QUESTION, "answered"]);
	});

	test("an expert's command brings his prompt; a mistake is told to the person", async () => {
		assert.match(await claude("/mcp__iris__code-reviewer"), /I have read it/);
		assert.ok(api.requests.some((c) => c.user.includes("# Code reviewer for frontend\n")));
		const n = api.requests.length;
		assert.match(await claude("/mcp__iris__ask bakend why?"), /backend/);
		assert.equal(api.requests.length, n, "the model is not asked");
	});

	test("get_agent, called by the model", async () => {
		const said = await claude("act as a code reviewer, please");
		assert.match(said, /^Prompt: # Code reviewer for frontend\n/);
		assert.match(said, /- Look above all at: money\n/);
		assert.match(said, /There is none to show: .* is in no git repository/);
	});
});
