/* SPDX-License-Identifier: MIT
 *
 * irisd and its workers die while real Claude Code sessions work: the turn goes on in the same
 * process, the Claude that asked has its answer, and each message has climbed the ladder once. Only
 * the model is scripted; a gate holds its reply until the test has done its harm.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, test } from "node:test";
import { claudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { Iris, run } from "../lib/iris.mjs";
import { processesOf } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";
import { startMessagesApi } from "./messages-api.mjs";

const SETTINGS = { claudePath: claudePath(), restartDelay: 50, stopTimeout: 6000 };

describe("deaths under real Claude Code sessions", { timeout: 600000 }, () => {
	let api, world, iris, gate;

	beforeEach(async () => {
		gate = {};
		gate.opened = new Promise((resolve) => (gate.open = resolve));
		api = await startMessagesApi();
		world = makeClaudeEnv({ api, projects: { frontend: {}, backend: {}, database: {} } });
		const teams = Object.fromEntries(Object.entries(world.dirs).map(([name, path]) => [name, { path, description: name }]));
		iris = new Iris({ world, config: { settings: SETTINGS, teams } });
		await iris.start();
	});
	afterEach(async () => {
		gate.open();
		await iris.stop({ deadline: 20000 });
		await api.close();
	});

	/*
	 * The models: what each team's does with a message, by the words in it. A reply that is a
	 * function is asked for when the request comes.
	 */
	const script = (...rules) =>
		api.setRules([
			...rules.map(([words, reply, more = {}]) => ({
				match: (c) => c.user.includes("<iris-message") && c.user.includes(words) && (c.toolResult !== undefined) === (more.after === true),
				reply,
			})),
			{ match: (c) => c.user.includes("<iris-message"), reply: "I am here." },
			{ match: /ask the backend team/, reply: { tool: "mcp__iris__ask_message", input: { toTeam: "backend", message: "how is the weather?" } } },
			{ match: { toolResult: "response" }, reply: (c) => `They say: ${JSON.parse(c.toolResult).response}` },
		]);
	const held = (reply) => async () => {
		await gate.opened;
		return reply;
	};
	const askedModel = (words) => waitFor(() => api.requests.some((r) => r.user.includes(words)), { deadline: 60000, what: `a model to be asked: ${words}` });

	/* A person's Claude in the frontend, which asks the backend; its end. */
	const frontend = async () => {
		const installed = await iris.iris(["install", "--yes"]);
		assert.equal(installed.status, 0, installed.stderr);
		const args = ["-p", "ask the backend team, please", "--allowedTools", "mcp__iris"];
		return { end: run(claudePath(), args, { cwd: world.dirs.frontend, env: iris.env, deadline: 120000 }) };
	};

	const kill = async (pid) => {
		process.kill(pid, "SIGKILL");
		iris.killed = true;
		await waitFor(() => !processesOf(iris.root).some((p) => p.pid === pid), { what: `the end of process ${pid}` });
	};
	const sessions = async () => Object.fromEntries((await iris.json(["status"])).sessions.map((s) => [`${s.from}->${s.to}`, s]));
	const alive = (pid) => processesOf(iris.root).some((p) => p.pid === pid && p.command !== "");
	const irisd = async () => (await iris.json(["status"])).pid;
	const messages = async () => {
		const { messages: list } = await iris.json(["message", "list"]);
		return Promise.all(list.reverse().map((m) => iris.message(m.id)));
	};
	const ladder = (m) => m.receipts.map((r) => r.state);
	const ANSWERED = ["queued", "sent", "seen", "answered"];

	/* The lines of all conversations of a team. */
	const conversation = (team) => {
		const projects = join(world.configDir, "projects");
		return readdirSync(projects)
			.filter((d) => d.endsWith(`-work-${team}`))
			.flatMap((d) => readdirSync(join(projects, d)).filter((f) => f.endsWith(".jsonl")).map((f) => join(projects, d, f)))
			.flatMap((f) => readFileSync(f, "utf8").split("\n").slice(0, -1).map((l) => JSON.parse(l)));
	};
	const timesIn = (team, id) => conversation(team).filter((l) => l.type === "user" && l.uuid === id).length;
	/* So many messages have been taken by a Claude; its own file says so a moment later. */
	const taken = (n = 1) =>
		waitFor(async () => {
			const { messages: list } = await iris.json(["message", "list", "--state", "seen"]);
			return list.length === n && list.every((m) => timesIn(m.to, m.id) === 1) && list[0];
		}, { deadline: 60000, what: `${n} messages to be taken` });

	test("irisd is killed in the middle of a slow turn: the Claude that asked has the answer", async (t) => {
		const words = "It is a fine day over here, and nobody has noticed anything at all";
		const half = {};
		half.written = new Promise((resolve) => (half.write = resolve));
		const middle = async () => {
			half.write();
			await gate.opened;
		};
		script(["how is the weather?", { text: words, every: 50, middle }]);
		const front = await frontend();
		await askedModel("how is the weather?");
		const asked = await taken();
		const before = (await sessions())["frontend->backend"], first = await irisd();
		assert.equal(before.state, "busy");
		await within(60000, half.written, "half of the words to be written");
		await kill(first);
		const dead = performance.now();
		gate.open();

		const end = await front.end;
		assert.equal(end.status, 0, end.stderr);
		assert.equal(end.stdout, `They say: ${words}\n`);
		t.diagnostic(`the answer came ${(performance.now() - dead).toFixed(0)} ms after irisd's death`);
		assert.notEqual(await irisd(), first);
		const after = (await sessions())["frontend->backend"];
		assert.equal(after.pid, before.pid, "the same Claude, before and after");
		assert.ok(alive(before.pid));
		const [m, ...others] = await messages();
		assert.deepEqual(others, [], "no message was made twice");
		assert.equal(m.id, asked.id);
		assert.deepEqual(ladder(m), ANSWERED);
		assert.equal(m.response, words);
		assert.equal(timesIn("backend", m.id), 1);
		assert.equal(api.requests.filter((r) => r.user.includes("how is the weather?")).length, 1, "the model was asked once");
		const results = conversation("frontend").flatMap((l) => (Array.isArray(l.message?.content) ? l.message.content : [])).filter((b) => b.type === "tool_result");
		assert.equal(results.length, 1);
		assert.notEqual(results[0].is_error, true, JSON.stringify(results));
	});

	test("irisd is killed again and again under one turn", async () => {
		script(["how is the weather?", held("At last.")]);
		const front = await frontend();
		await askedModel("how is the weather?");
		await taken();
		const before = (await sessions())["frontend->backend"];
		for (let i = 0; i < 2; i++) {
			await kill(await irisd());
			/* The shim, whose call waits, starts the next one. */
			await waitFor(async () => (await sessions())["frontend->backend"].pid === before.pid, { what: "the Claude to be adopted", deadline: 60000 });
		}
		gate.open();
		const end = await front.end;
		assert.equal(end.stdout, "They say: At last.\n", end.stderr);
		const [m] = await messages();
		assert.deepEqual(ladder(m), ANSWERED);
		assert.equal((await sessions())["frontend->backend"].pid, before.pid);
	});

	test("nobody waits and no irisd runs when the turn ends: the next irisd has the answer", async () => {
		script(["think about it", held("I have thought about it.")]);
		const sent = await iris.json(["send", "--from", "frontend", "backend", "think about it"]);
		await askedModel("think about it");
		await taken();
		await kill(await irisd());
		gate.open();
		await waitFor(() => JSON.stringify(conversation("backend")).includes("I have thought about it."), { what: "the turn to end", deadline: 60000 });
		const spool = join(iris.home, "run", "spool");
		await waitFor(() => existsSync(spool) && readdirSync(spool).length === 1, { what: "the result to be in the spool" });
		assert.equal((await iris.iris(["start"])).status, 0);
		const m = await iris.messageIn(sent.id, "answered");
		assert.equal(m.response, "I have thought about it.");
		assert.deepEqual(ladder(m), ANSWERED);
		await waitFor(() => readdirSync(spool).length === 0, { what: "the spool file to be removed" });
	});

	test("irisd is killed while the team's own question to a third team waits", async () => {
		script(
			["how is the weather?", { tool: "mcp__iris__ask_message", input: { toTeam: "database", message: "what do the stations say?" } }],
			["how is the weather?", (c) => `The database says: ${JSON.parse(c.toolResult).response}`, { after: true }],
			["what do the stations say?", held("Rain.")],
		);
		const front = await frontend();
		await askedModel("what do the stations say?");
		await taken(2);
		const before = await sessions();
		await kill(await irisd());
		await waitFor(async () => (await sessions())["backend->database"]?.state === "busy", { what: "both Claudes to be adopted", deadline: 60000 });
		gate.open();
		const end = await front.end;
		assert.equal(end.stdout, "They say: The database says: Rain.\n", end.stderr);
		const list = await messages(), after = await sessions();
		assert.deepEqual(list.map(ladder), [ANSWERED, ANSWERED]);
		for (const pair of ["frontend->backend", "backend->database"])
			assert.equal(after[pair].pid, before[pair].pid, pair);
	});

	test("irisd is killed while it has the team's call of a tool in its hands", async () => {
		script(
			["how is the weather?", held({ tool: "mcp__iris__list_teams" })],
			["how is the weather?", (c) => `Ask ${JSON.parse(c.toolResult).totalTeams} teams.`, { after: true }],
		);
		const front = await frontend();
		await askedModel("how is the weather?");
		await taken();
		const pid = await irisd(), before = (await sessions())["frontend->backend"].pid;
		/* A stopped irisd reads nothing: the call waits in its socket, and dies with it. */
		process.kill(pid, "SIGSTOP");
		gate.open();
		await waitFor(() => JSON.stringify(conversation("backend")).includes('"tool_use"'), { what: "the tool to be called" });
		await delay(300);
		await kill(pid);
		const end = await front.end;
		assert.equal(end.stdout, "They say: Ask 3 teams.\n", end.stderr);
		assert.deepEqual(ladder((await messages())[0]), ANSWERED);
		assert.equal((await sessions())["frontend->backend"].pid, before);
	});

	/* The worker is killed, and irisd with it where `both`: the turn can not be gone on with. */
	for (const both of [false, true])
		test(`the worker${both ? " and irisd are" : " is"} killed in the middle of a turn: told so, and the conversation goes on`, async () => {
			script(["think about it", held("too late")]);
			const ask = iris.iris(["--json", "ask", "--from", "frontend", "backend", "think about it"]);
			await askedModel("think about it");
			await taken();
			const { pid, sessionId } = (await sessions())["frontend->backend"];
			const { pid: daemon, workers } = await iris.json(["status"]);
			assert.equal(workers.length, 1);
			if (both) await kill(daemon);
			await kill(workers[0].pid);

			const r = await ask, told = JSON.parse(r.stdout);
			assert.equal(told.state, "failed", r.stdout);
			assert.equal(told.error.code, "crashed");
			assert.match(told.error.reason, /\w+ \w+ \w+/);
			assert.deepEqual(ladder(await iris.message(told.id)), ["queued", "sent", "seen", "failed"]);
			await waitFor(() => !alive(pid), { what: "the Claude without a worker to be ended" });
			gate.open();
			const next = await iris.iris(["ask", "--from", "frontend", "backend", "are you there?"]);
			assert.equal(next.stdout, "I am here.\n", next.stderr);
			assert.equal((await sessions())["frontend->backend"].sessionId, sessionId);
			assert.equal(timesIn("backend", told.id), 1, "it was not delivered again");
		});
});
