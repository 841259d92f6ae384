/* SPDX-License-Identifier: MIT
 *
 * The main job, on the real Claude Code CLI: a `claude -p` in one project asks another project's
 * team through Iris, Iris starts a real `claude` there, and its answer comes back into the first
 * one's conversation. Only the model is scripted.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { claudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { Iris, program, run } from "../lib/iris.mjs";
import { waitFor } from "../lib/wait.mjs";
import { startMessagesApi } from "./messages-api.mjs";

const QUESTION = "how do you version the API?";
const ANSWER = [
	"The version is in the path: /v2/users.",
	"A version lives for one year after its successor.",
];

const fromIris = (c) => c.user.includes("<iris-message");
const rules = [
	/*
	 * The backend's model: first looks who is there, through its own pipe, then answers in two
	 * blocks.
	 */
	{
		match: (c) =>
			fromIris(c) && c.user.includes(QUESTION) && c.toolResult === undefined,
		reply: { tool: "mcp__iris__list_teams" },
	},
	{ match: (c) => fromIris(c) && c.user.includes(QUESTION), reply: ANSWER },
	{
		match: (c) => fromIris(c) && c.user.includes("take your time"),
		/* Nobody waits for its end. */
		reply: { text: "tick ".repeat(200), every: 1000 },
	},
	{ match: fromIris, reply: "The backend is here." },
	/* The frontend's model. */
	{
		match: /ask the backend team/,
		reply: {
			tool: "mcp__iris__ask_message",
			input: { toTeam: "backend", message: QUESTION },
		},
	},
	{
		match: { toolResult: "response" },
		reply: (c) => `They say: ${JSON.parse(c.toolResult).response}`,
	},
];

describe("a question crosses projects, on the real Claude Code", { timeout: 600000 }, () => {
	let api, world, iris;

	beforeEach(async () => {
		api = await startMessagesApi(rules);
		world = makeClaudeEnv({ api, projects: { "front end_ü.x": {}, backend: {} } });
		iris = new Iris({
			world,
			config: {
				settings: { claudePath: claudePath() },
				teams: {
					frontend: {
						path: world.dirs["front end_ü.x"],
						description: "the web pages",
					},
					backend: {
						path: world.dirs.backend,
						description: "the HTTP API",
					},
				},
			},
		});
	});
	afterEach(async () => {
		await iris.stop();
		await api.close();
	});

	const backendTranscripts = () => {
		const projects = join(world.configDir, "projects");
		return readdirSync(projects)
			.filter((d) => d.endsWith("-work-backend"))
			.flatMap((d) =>
				readdirSync(join(projects, d))
					.filter((f) => f.endsWith(".jsonl"))
					.map((f) => join(projects, d, f)),
			)
			.map((f) =>
				readFileSync(f, "utf8")
					.split("\n")
					.slice(0, -1)
					.map((l) => JSON.parse(l)),
			);
	};
	/* Claude Code writes a line a moment after it has told what the line is about. */
	const backendLine = (fits) =>
		waitFor(() => backendTranscripts().flat().find(fits), { what: `the line in the transcript: ${fits}` });

	test("claude -p in the frontend gets the backend's answer; the ladder tells how", async () => {
		await iris.start();
		const installed = await iris.iris(["install", "--yes"]);
		assert.equal(installed.status, 0, installed.stderr);
		const settings = JSON.parse(
			readFileSync(join(world.configDir, ".claude.json"), "utf8"),
		);
		assert.equal(settings.mcpServers.iris.alwaysLoad, true);

		const session = randomUUID();
		const front = await run(
			claudePath(),
			[
				"-p",
				"ask the backend team how they version the API",
				"--session-id",
				session,
				"--allowedTools",
				"mcp__iris",
			],
			{ cwd: world.dirs["front end_ü.x"], env: iris.env },
		);
		assert.equal(front.status, 0, front.stderr);
		assert.match(front.stdout, /^They say: /);
		for (const block of ANSWER) assert.ok(front.stdout.includes(block), front.stdout);

		const results = world
			.transcript(session)
			.filter((l) => Array.isArray(l.message?.content))
			.flatMap((l) => l.message.content)
			.filter((b) => b.type === "tool_result");
		assert.equal(results.length, 1);
		const said = JSON.stringify(results[0].content);
		for (const block of ANSWER) assert.ok(said.includes(block), said);

		const { messages } = await iris.json(["message", "list"]);
		assert.equal(messages.length, 1);
		const m = await iris.message(messages[0].id);
		assert.equal(m.from, "frontend");
		assert.equal(m.to, "backend");
		assert.equal(m.state, "answered");
		assert.equal(m.message, QUESTION);
		for (const block of ANSWER) assert.ok(m.response.includes(block), m.response);
		assert.deepEqual(
			m.receipts.map((r) => r.state),
			["queued", "sent", "seen", "answered"],
		);
		assert.ok(
			m.receipts.every((r, i) => i === 0 || r.at >= m.receipts[i - 1].at),
			"times go forward",
		);
		assert.ok(m.usage.outputTokens > 0 && m.usage.costUsd > 0, JSON.stringify(m.usage));

		/* The user line has the message's own uuid. */
		const line = await backendLine((l) => l.type === "user" && l.uuid === m.id);
		assert.equal(backendTranscripts().length, 1);
		assert.match(JSON.stringify(line.message.content), /from=\\?"frontend/);
		const inBand = api.requests.find((r) => fromIris(r) && r.toolResult !== undefined);
		const names = JSON.parse(inBand.toolResult)
			.teams.map((t) => t.name)
			.sort();
		assert.deepEqual(
			names,
			["backend", "frontend"],
			"the backend's claude reached an Iris tool through its pipe",
		);
		assert.equal(inBand.toolError, false);
	});

	test("no irisd runs: the shim that Claude Code starts brings it up", async () => {
		const cwd = world.dirs["front end_ü.x"];
		const shim = { type: "stdio", command: program("iris-mcp-shim"), alwaysLoad: true };
		writeFileSync(join(cwd, ".mcp.json"), JSON.stringify({ mcpServers: { iris: shim } }));
		const args = ["-p", "ask the backend team, please", "--allowedTools", "mcp__iris"];
		const front = await run(claudePath(), args, { cwd, env: iris.env });
		assert.equal(front.status, 0, front.stderr);
		for (const block of ANSWER)
			assert.ok(front.stdout.includes(block), front.stdout);
		const { messages } = await iris.json(["message", "list"]);
		assert.deepEqual(
			messages.map((m) => [m.from, m.to, m.state]),
			[["frontend", "backend", "answered"]],
		);
	});

	test("two questions are one conversation: the same process, the same session", async () => {
		await iris.start();
		const first = await iris.iris([
			"ask",
			"--from",
			"frontend",
			"backend",
			"are you there?",
		]);
		assert.equal(first.status, 0, first.stderr);
		assert.equal(first.stdout, "The backend is here.\n");
		const second = await iris.iris([
			"ask",
			"--from",
			"frontend",
			"backend",
			"and now?",
		]);
		assert.equal(second.status, 0, second.stderr);
		await backendLine((l) => l.type === "user" && JSON.stringify(l.message).includes("and now?"));
		assert.equal(backendTranscripts().length, 1);
		const users = backendTranscripts()[0].filter((l) => l.type === "user").length;
		assert.equal(users, 2);
		assert.equal(
			api.requests.at(-1).messages.filter((m) => m.role === "user").length >= 2,
			true,
		);
	});

	test("asleep, then asked again: the session is resumed and knows what was said", async () => {
		await iris.start();
		await iris.iris(["ask", "--from", "frontend", "backend", "are you there?"]);
		const slept = await iris.iris(["team", "sleep", "backend"]);
		assert.equal(slept.status, 0, slept.stderr);
		const again = await iris.iris(["ask", "--from", "frontend", "backend", "and now?"]);
		assert.equal(again.status, 0, again.stderr);
		assert.equal(backendTranscripts().length, 1);
		assert.match(
			JSON.stringify(api.requests.at(-1).messages),
			/are you there\?[\s\S]*and now\?/,
		);
	});

	test("cancel interrupts the turn; the session answers the next question", async () => {
		await iris.start();
		const sent = await iris.json([
			"send",
			"--from",
			"frontend",
			"backend",
			"take your time",
		]);
		await iris.messageIn(sent.id, "seen");
		await waitFor(() => api.requests.some((r) => r.user.includes("take your time")), {
			what: "the model to be asked",
		});
		const cancelled = await iris.iris(["message", "cancel", sent.id]);
		assert.equal(cancelled.status, 0, cancelled.stderr);
		await iris.messageIn(sent.id, "cancelled");
		const next = await iris.iris([
			"ask",
			"--from",
			"frontend",
			"backend",
			"are you there?",
		]);
		assert.equal(next.stdout, "The backend is here.\n", next.stderr);
	});

	test("nobody is logged in: the asker is told so, soon", async () => {
		delete iris.env.ANTHROPIC_API_KEY;
		await iris.start();
		const r = await iris.iris([
			"ask",
			"--from",
			"frontend",
			"backend",
			"are you there?",
		]);
		assert.notEqual(r.status, 0);
		assert.match(r.stderr, /log(ged)? ?in/i);
		const { messages } = await iris.json(["message", "list"]);
		assert.equal(messages[0].state, "failed");
		const { receipts } = await iris.message(messages[0].id);
		assert.deepEqual(
			receipts.map((s) => s.state),
			["queued", "failed"],
			"seen when Claude was started, and no turn was needed",
		);
	});
});
