/* SPDX-License-Identifier: MIT
 *
 * Every tool of Iris, called once by the real Claude Code CLI in one project, with a real one as the
 * team in another; also where Claude Code defers tools behind its search. Only the model is scripted.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { claudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { Iris, run } from "../lib/iris.mjs";
import { waitFor } from "../lib/wait.mjs";
import { startMessagesApi } from "./messages-api.mjs";

const TASK = "try every tool of iris";

const results = (c) => c.messages.flatMap((m) => (Array.isArray(m.content) ? m.content : [])).filter((b) => b.type === "tool_result");
const textOf = (b) => (typeof b.content === "string" ? b.content : b.content.map((x) => x.text).join(""));

/* What the frontend's model does, one after the other; told what came of those before. */
const STEPS = [
	["ask_message", () => ({ toTeam: "backend", message: "where do the zebras sleep?" })],
	["list_sessions", () => ({})],
	["session_report", () => ({ team: "backend" })],
	["message_status", (r) => ({ messageId: r[0].messageId })],
	["list_messages", () => ({ direction: "sent" })],
	["search_messages", () => ({ query: "zebra*" })],
	["session_compact", () => ({ team: "backend" })],
	["session_cancel", () => ({ team: "backend" })],
	["message_cancel", (r) => ({ messageId: r[0].messageId })],
	["broadcast_message", () => ({ message: "are you there?" })],
	["team_wake_all", () => ({ parallel: true })],
	["send_message", () => ({ toTeam: "backend", message: "still there?", timeout: 60000, persist: true })],
	["quick_message", () => ({ toTeam: "backend", message: "and now?" })],
	["message_result", (r) => ({ messageId: r.at(-1).messageId, timeout: 60000 })],
	["team_sleep", () => ({ team: "backend" })],
	["team_wake", () => ({ team: "backend" })],
	["team_launch", () => ({ team: "backend" })],
	["team_status", () => ({ team: "backend" })],
	["list_teams", () => ({})],
	["get_date", () => ({})],
	["get_agent", () => ({ agentType: "logger" })],
	["get_logs", () => ({ limit: 5, level: ["info", "warn"] })],
	["session_fork", () => ({ toTeam: "backend" })],
	["session_reboot", () => ({ toTeam: "backend" })],
	["session_delete", () => ({ toTeam: "backend" })],
	["permissions_pending", () => ({})],
	["permissions_answer", (r) => ({ id: r.at(-1).permissions[0].id, behavior: "deny", inputHash: r.at(-1).permissions[0].inputHash, reason: "not now" })],
	["permissions__approve", () => ({ tool_name: "Write", input: { file_path: "x" } })],
];

const rules = [
	{ match: /summary of (the|our|this) conversation/i, reply: "<summary>It was about zebras.</summary>" },
	{ match: (c) => c.user.includes("zebras sleep"), reply: "In the stable." },
	{ match: (c) => c.user.includes("<iris-message"), reply: "Here." },
	{
		match: (c) => c.user.includes(TASK),
		reply: (c) => {
			const done = results(c).map((b) => {
				try {
					return JSON.parse(textOf(b));
				} catch {
					return {};
				}
			});
			if (done.length >= STEPS.length)
				return "All done.";
			const [name, args] = STEPS[done.length];
			return { tool: `mcp__iris__${name}`, input: args(done) };
		},
	},
];

describe("every tool, on the real Claude Code", { timeout: 600000 }, () => {
	let api, world, iris;

	beforeEach(async () => {
		api = await startMessagesApi(rules);
		world = makeClaudeEnv({ api, projects: { frontend: {}, backend: {} } });
		iris = new Iris({
			world,
			config: {
				settings: { claudePath: claudePath() },
				permissions: { deny: ["Write"] },
				teams: {
					frontend: { path: world.dirs.frontend, description: "the web pages" },
					backend: { path: world.dirs.backend, description: "the HTTP API" },
				},
			},
		});
		await iris.start();
		const installed = await iris.iris(["install", "--yes"]);
		assert.equal(installed.status, 0, installed.stderr);
	});
	afterEach(async () => {
		await iris.stop();
		await api.close();
	});

	/* The backend's transcripts: name -> text. */
	const transcripts = () => {
		const projects = join(world.configDir, "projects");
		return Object.fromEntries((existsSync(projects) ? readdirSync(projects) : []).filter((d) => d.endsWith("-work-backend")).flatMap((d) =>
			readdirSync(join(projects, d)).filter((f) => f.endsWith(".jsonl")).map((f) => [f, readFileSync(join(projects, d, f), "utf8")])));
	};
	const runAll = () => run(claudePath(), ["-p", TASK, "--allowedTools", "mcp__iris"], { cwd: world.dirs.frontend, env: iris.env, deadline: 300000 });
	/* A request that waits for a person, by a client of its own: the text of its answer. */
	const waiting = async () => {
		const client = await iris.client({ cwd: world.dirs.backend });
		/* The answer comes with the last of the tools. */
		const asked = iris.call(client, "permissions__approve", { tool_name: "Bash", input: { command: "make" } }, { timeout: 300000 });
		const person = await iris.client({ cwd: world.dirs.frontend });
		await waitFor(async () => (await iris.call(person, "permissions_pending")).count === 1, { what: "the request", every: 50 });
		return { answer: asked.then((r) => JSON.parse(r.text)) };
	};

	test("none is left out", async () => {
		const client = await iris.client({ cwd: world.dirs.frontend });
		const { tools } = await client.listTools();
		assert.deepEqual(STEPS.map(([name]) => name).sort(), tools.map((t) => t.name).sort());
	});

	test("each is found and called, and does what it says", async () => {
		const { answer } = await waiting();
		const front = await runAll();
		assert.equal(front.status, 0, front.stderr);
		assert.match(front.stdout, /All done\./);
		const last = api.requests.filter((r) => r.user.includes(TASK)).at(-1);
		const said = results(last).map((b, i) => {
			assert.notEqual(b.is_error, true, `${STEPS[i][0]}: ${textOf(b)}`);
			return JSON.parse(textOf(b));
		});
		assert.equal(said.length, STEPS.length);
		const of = (name) => said[STEPS.findIndex(([n]) => n === name)];

		assert.equal(of("ask_message").response, "In the stable.");
		const { sessionId } = of("list_sessions").sessions[0];
		assert.equal(of("session_report").entries[0].messages[1].content, "In the stable.");
		assert.deepEqual(of("message_status").receipts.map((r) => r.state), ["queued", "sent", "seen", "answered"]);
		assert.equal(of("list_messages").messages.length, 1);
		assert.match(of("search_messages").messages[0].excerpt, /\[zebras\]/);
		assert.equal(of("session_compact").state, "answered", "the real CLI compacts on /compact");
		assert.equal(of("session_cancel").attempted, false);
		assert.equal(of("message_cancel").cancelled, false);
		assert.deepEqual(of("broadcast_message").results.map((r) => [r.team, r.response]), [["backend", "Here."]]);
		assert.deepEqual(of("team_wake_all").summary, { total: 1, alreadyAwake: 1, woken: 0, asleep: 0, failed: 0 });
		assert.deepEqual([of("send_message").state, of("send_message").response], ["answered", "Here."]);
		assert.notEqual(of("quick_message").state, "answered");
		assert.deepEqual([of("message_result").messageId, of("message_result").response], [of("quick_message").messageId, "Here."]);
		assert.equal(of("team_sleep").status, "sleeping");
		for (const name of ["team_wake", "team_launch"])
			assert.deepEqual([of(name).status, of(name).sessionId], ["awake", sessionId]);
		assert.equal(of("team_status").teams[0].status, "awake");
		assert.deepEqual(of("list_teams").teams.map((t) => t.name), ["backend", "frontend"]);
		assert.ok(Math.abs(of("get_date").timestamp - Date.now()) < 120000);
		assert.match(of("get_agent").prompt, /^# Logging expert for frontend/);
		assert.equal(of("get_logs").logs.length, 5);
		assert.ok(of("session_fork").command.includes(`--resume ${sessionId} --fork-session`));
		assert.equal(of("session_reboot").oldSessionId, sessionId);
		assert.equal(of("session_reboot").transcriptRemoved, true);
		assert.deepEqual(transcripts(), {}, "the transcripts of the real CLI are gone");
		assert.equal(of("permissions_pending").permissions[0].input.command, "make");
		assert.equal(of("permissions_answer").permission.state, "denied");
		assert.deepEqual(await answer, { behavior: "deny", message: "A person has refused Bash: not now" });
		assert.match(of("permissions__approve").message, /permissions\.deny: Write/);

		/* The compacted conversation went on from its summary. */
		const asked = api.requests.find((r) => r.user.includes("are you there?"));
		assert.match(JSON.stringify(asked.messages), /It was about zebras/);
	});

	test("with tools behind Claude Code's search they are offered all the same", async () => {
		iris.env.ENABLE_TOOL_SEARCH = "true";
		await waiting();
		const front = await runAll();
		assert.equal(front.status, 0, front.stderr);
		assert.match(front.stdout, /All done\./);
		const last = api.requests.filter((r) => r.user.includes(TASK)).at(-1);
		assert.ok(results(last).every((b) => b.is_error !== true));
	});

	test("the command of session fork goes on with the conversation, and leaves it as it was", async () => {
		const first = await iris.iris(["ask", "--from", "frontend", "backend", "where do the zebras sleep?"]);
		assert.equal(first.status, 0, first.stderr);
		/* A Claude that runs writes its transcript a moment late: asleep, it has written all. */
		assert.equal((await iris.iris(["team", "sleep", "backend"])).status, 0);
		const before = transcripts();
		const fork = await iris.json(["session", "fork", "--from", "frontend", "backend"]);
		const r = await run(fork.argv[0], [...fork.argv.slice(1), "-p", "<iris-message> and now?"], { cwd: fork.directory, env: iris.env });
		assert.equal(r.status, 0, r.stderr);
		assert.match(JSON.stringify(api.requests.at(-1).messages), /zebras sleep/);
		const after = transcripts();
		assert.equal(Object.keys(after).length, 2, "a transcript of its own");
		for (const [name, text] of Object.entries(before))
			assert.equal(after[name], text);
	});
});
