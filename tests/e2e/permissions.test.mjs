/* SPDX-License-Identifier: MIT
 *
 * Permissions on the real Claude Code CLI: the Claude of a team wants to run a command and to write
 * a file, and is allowed, refused, given another input, kept waiting for too long, or answered by
 * the next irisd; by a person at the root of a chain of three projects, in the real Claude Code that
 * they sit at; and what --permission-prompt-tool is told. Only the model is scripted: it does what
 * a message says after DO, and answers with what the tool said.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { connectRaw, HELLO, Lines } from "../integration/setup.mjs";
import { claudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { Iris, program, run } from "../lib/iris.mjs";
import { processesOf } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";
import { startMessagesApi } from "./messages-api.mjs";

const rules = [
	{ match: (c) => c.toolResult !== undefined, reply: (c) => `It said: ${c.toolResult}` },
	{ match: /DO \{.*\}/, reply: (c) => JSON.parse(c.user.match(/DO (\{.*\})/)[1]) },
];
const SHIM = { iris: { command: program("iris-mcp-shim"), args: [], alwaysLoad: true } };

let api, world, iris, ctl;

async function control() {
	const c = await connectRaw(iris, { role: "ctl", ...HELLO });

	c.call = async (method, params) => {
		const { result, error } = await c.request(`iris/${method}`, params);
		if (error)
			throw new Error(error.message);
		return result;
	};
	c.all = async () => (await c.call("permission.list", { all: true })).permissions;
	c.pending = () => waitFor(async () => (await c.call("permission.list")).permissions[0], { what: "a request", deadline: 60000, every: 25 });
	c.answer = (p, behavior, more) => c.call("permission.answer", { id: p.id, behavior, inputHash: p.inputHash, ...more });
	return c;
}

/* teams: name -> its part of the configuration. */
async function start(teams, settings = {}) {
	api = await startMessagesApi(rules);
	world = makeClaudeEnv({ api, projects: Object.fromEntries(Object.keys(teams).map((name) => [name, {}])) });
	iris = new Iris({ world, config: {
		settings: { claudePath: claudePath(), ...settings },
		teams: Object.fromEntries(Object.entries(teams).map(([name, team]) => [name, { path: world.dirs[name], description: `the ${name}`, ...team }])),
	} });
	await iris.start();
	ctl = await control();
}

async function stop() {
	ctl?.socket.destroy();
	await iris.stop();
	await api.close();
}

const send = async (team, what, from = "front") => {
	const r = await iris.iris(["send", "--from", from, team, `DO ${JSON.stringify(what)}`]);
	assert.equal(r.status, 0, r.stderr);
	return r.stdout.trim();
};
const file = (name, team = "back") => join(world.dirs[team], name);
const text = (name, team) => (existsSync(file(name, team)) ? readFileSync(file(name, team), "utf8") : undefined);
/* What the model was told last by a tool, and whether as an error. */
const heard = () => api.requests.findLast((r) => r.toolResult !== undefined);

const QUESTION = { tool: "AskUserQuestion", input: { questions: [{ question: "Which color?", header: "Color", multiSelect: false,
	options: [{ label: "red", description: "warm" }, { label: "blue", description: "cold" }] }] } };

/* A use of each tool, what it makes, and the same in another way. */
const USES = {
	Bash: {
		use: () => ({ tool: "Bash", input: { command: "printf first > made.txt", description: "make a file" } }),
		changed: (input) => ({ ...input, command: "printf second > made.txt" }),
	},
	Write: {
		use: () => ({ tool: "Write", input: { file_path: file("made.txt"), content: "first" } }),
		changed: (input) => ({ ...input, content: "second" }),
	},
};

for (const [tool, { use, changed }] of Object.entries(USES))
	describe(`${tool}, on the real Claude Code`, { timeout: 600000 }, () => {
		afterEach(stop);

		test("grantPermission: ask, allowed by a person", async () => {
			await start({ front: {}, back: { grantPermission: "ask" } });
			const id = await send("back", use());
			const p = await ctl.pending();
			assert.equal(p.tool, tool);
			assert.deepEqual(p.input, use().input);
			assert.equal(text("made.txt"), undefined);
			await ctl.answer(p, "allow");
			await iris.messageIn(id, "answered");
			assert.equal(text("made.txt"), "first");
			assert.equal(heard().toolError, false);
		});

		test("denied: the model reads why, and the turn goes on", async () => {
			await start({ front: {}, back: {} });
			const id = await send("back", use());
			await ctl.answer(await ctl.pending(), "deny", { reason: "not on a Friday" });
			const said = (await iris.messageIn(id, "answered")).response;
			assert.match(said, new RegExp(`It said: A person has refused ${tool}: not on a Friday`));
			assert.equal(heard().toolError, true);
			assert.match(heard().toolResult, /not on a Friday/);
			assert.equal(text("made.txt"), undefined);
		});

		test("allowed with another input: that is what was done", async () => {
			await start({ front: {}, back: {} });
			const id = await send("back", use());
			const p = await ctl.pending();
			await ctl.answer(p, "allow", { updatedInput: changed(p.input) });
			await iris.messageIn(id, "answered");
			assert.equal(text("made.txt"), "second");
			assert.equal(heard().toolError, false);
		});

		test("nobody answers: denied when its time is up, and the model is told so", async () => {
			await start({ front: {}, back: {} }, { permissionTimeout: 300 });
			const id = await send("back", use());
			assert.match((await iris.messageIn(id, "answered")).response, /nobody has answered within 1 s/);
			assert.equal(heard().toolError, true);
			assert.equal((await ctl.all())[0].state, "expired");
			assert.equal(text("made.txt"), undefined);
		});

		test("irisd is killed meanwhile: the next one's answer reaches the same Claude", async () => {
			await start({ front: {}, back: {} });
			const id = await send("back", use());
			const p = await ctl.pending();
			/* Its child that has not reached its exec yet looks like another one for a moment. */
			const claudes = () => processesOf(iris.root).filter((c) => c.command.includes("--permission-prompt-tool")).map((c) => c.pid);
			const before = await waitFor(() => claudes().length === 1 && claudes(), { what: "one Claude" });
			await iris.kill();
			await iris.start();
			ctl = await control();
			const again = await ctl.pending();
			assert.deepEqual(again, p);
			await ctl.answer(again, "allow");
			await iris.messageIn(id, "answered");
			assert.equal(text("made.txt"), "first");
			await waitFor(() => claudes().join() === before.join(), { what: "the same Claude, and no other" });
		});

		test("grantPermission: yes and no; what only reads is not asked about", async () => {
			await start({ front: {}, back: { grantPermission: "yes" }, shut: { grantPermission: "no" } });
			await iris.messageIn(await send("back", use()), "answered");
			assert.equal(text("made.txt"), "first");
			const refused = await iris.messageIn(await send("shut", { ...use(), input: { ...use().input, ...(tool === "Write" && { file_path: file("made.txt", "shut") }) } }), "answered");
			assert.match(refused.response, /read-only for other teams \(grantPermission: no\)/);
			assert.equal(text("made.txt", "shut"), undefined);
			const read = await iris.messageIn(await send("shut", { tool: "Bash", input: { command: "ls -a", description: "look" } }), "answered");
			assert.match(read.response, /It said: \.\n\.\./);
			assert.deepEqual(await ctl.all(), []);
		});
	});

describe("what Claude asks of a person itself, on the real Claude Code", { timeout: 600000 }, () => {
	afterEach(stop);

	const plan = { tool: "ExitPlanMode", input: { plan: "make a file" } };

	test("grantPermission: yes says nothing in a person's place", async () => {
		await start({ front: {}, back: { grantPermission: "yes" }, plans: { grantPermission: "yes", permissionMode: "plan" } });
		assert.match((await iris.messageIn(await send("back", QUESTION), "answered")).response, /It said: Nobody can be asked from here\. Decide as you think best/);
		assert.match((await iris.messageIn(await send("plans", plan), "answered")).response, /It said: Nobody can approve a plan from here\. The plan is your answer/);
		assert.deepEqual(await ctl.all(), []);
	});

	test("a person's answer is the changed input; none is none", async () => {
		await start({ front: {}, back: {} });
		let id = await send("back", QUESTION);
		const p = await ctl.pending();
		await ctl.answer(p, "allow", { updatedInput: { ...p.input, answers: { "Which color?": "blue" } } });
		assert.match((await iris.messageIn(id, "answered")).response, /"Which color\?"="blue"/);
		id = await send("back", QUESTION);
		await ctl.answer(await ctl.pending(), "allow");
		assert.match((await iris.messageIn(id, "answered")).response, /It said: The user did not answer the questions/);
	});
});

/* The person's own Claude Code, as an editor runs it: forms come as control requests. */
async function sitDown(cwd) {
	const child = spawn(claudePath(), ["-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose",
		"--permission-prompt-tool=stdio", "--allowedTools=mcp__iris", "--strict-mcp-config", `--mcp-config=${JSON.stringify({ mcpServers: SHIM })}`],
	{ cwd, env: iris.env, stdio: ["pipe", "pipe", "inherit"] });
	const lines = new Lines(child.stdout, child.stdin);

	lines.send({ type: "control_request", request_id: "init", request: { subtype: "initialize" } });
	await lines.line((l) => l.type === "control_response" && l.response.request_id === "init", { deadline: 60000 });
	return {
		say: (content) => lines.send({ type: "user", uuid: randomUUID(), session_id: "", parent_tool_use_id: null, message: { role: "user", content } }),
		form: () => lines.line((l) => l.type === "control_request" && l.request.subtype === "elicitation", { deadline: 60000 }),
		forms: () => lines.got.filter((l) => l.type === "control_request" && l.request.subtype === "elicitation"),
		reply: (form, response) => lines.send({ type: "control_response", response: { subtype: "success", request_id: form.request_id, response } }),
		result: () => lines.line((l) => l.type === "result", { deadline: 60000 }),
		leave: async () => {
			child.stdin.end();
			await within(20000, child.exitCode === null ? once(child, "exit") : Promise.resolve(), "claude to end");
		},
	};
}

describe("grantPermission: forward, over three projects of the real Claude Code", { timeout: 600000 }, () => {
	let person;

	afterEach(async () => {
		await person?.leave();
		person = undefined;
		await stop();
	});

	const chain = (use) => `DO ${JSON.stringify({ tool: "mcp__iris__ask_message", input: { toTeam: "middle",
		message: `DO ${JSON.stringify({ tool: "mcp__iris__ask_message", input: { toTeam: "back", message: `DO ${JSON.stringify(use)}` } })}` } })}`;
	const begin = async (use) => {
		await start({ front: {}, middle: {}, back: { grantPermission: "forward" } });
		person = await sitDown(world.dirs.front);
		person.say(chain(use()));
		const form = await person.form();
		const p = await ctl.pending();
		assert.deepEqual([p.team, p.from, p.asked], ["back", "middle", "front"]);
		assert.equal(form.request.mcp_server_name, "iris");
		assert.match(form.request.message, /front -> middle -> back/);
		return { form, p };
	};

	for (const [tool, { use }] of Object.entries(USES)) {
		test(`${tool}, allowed by the person in their form`, async () => {
			const { form } = await begin(use);
			assert.deepEqual(Object.keys(form.request.requested_schema.properties), ["decision", "reason"]);
			assert.ok(form.request.message.includes(tool === "Bash" ? "  command:\n  | printf first > made.txt" : "  content:\n  | first"), form.request.message);
			person.reply(form, { action: "accept", content: { decision: "allow once" } });
			const { result } = await person.result();
			assert.match(result, /^It said: .*answered/);
			assert.equal(text("made.txt"), "first");
			const [row] = await ctl.all();
			assert.deepEqual([row.state, row.via], ["allowed", "elicitation"]);
			assert.match(row.by, /^front \(pid \d+\)$/);
			assert.equal(person.forms().length, 1);
		});

		test(`${tool}, denied by the person, with a reason`, async () => {
			const { form } = await begin(use);
			person.reply(form, { action: "accept", content: { decision: "deny", reason: "ask Ada first" } });
			assert.match((await person.result()).result, new RegExp(`A person has refused ${tool}: ask Ada first`));
			assert.equal(text("made.txt"), undefined);
		});
	}

	test("a question of the last Claude's own: answered in the form", async () => {
		const { form } = await begin(() => QUESTION);
		const fields = form.request.requested_schema.properties;
		assert.deepEqual(Object.keys(fields), ["decision", "answer1", "reason"]);
		assert.equal(fields.answer1.title, "Question 1: Which color?");
		assert.match(fields.answer1.description, /: \[red\] \[blue\]$/);
		assert.deepEqual(fields.decision.enum, ["allow once", "deny"]);
		person.reply(form, { action: "accept", content: { decision: "allow once", answer1: "blue" } });
		await person.result();
		const told = api.requests.find((r) => r.toolResult?.includes("Your questions have been answered"));
		assert.match(told.toolResult, /"Which color\?"="blue"/);
	});

	test("irisd is killed while the form is open: it comes again, and what is said then counts", async () => {
		const { form, p } = await begin(USES.Write.use);
		await iris.kill();
		/* The shim starts the next one. Its call goes there when Claude Code has the form's answer. */
		person.reply(form, { action: "accept", content: { decision: "deny" } });
		const again = await waitFor(() => person.forms()[1], { what: "the form again", deadline: 60000 });
		assert.ok(again.request.message.includes(p.id));
		assert.equal(text("made.txt"), undefined);
		person.reply(again, { action: "accept", content: { decision: "allow once" } });
		assert.match((await person.result()).result, /^It said: .*answered/);
		assert.equal(text("made.txt"), "first");
		ctl = await control();
		assert.deepEqual((await ctl.all()).map((r) => [r.id, r.state, r.via]), [[p.id, "allowed", "elicitation"]]);
	});

	test("answered elsewhere while the form is open", async () => {
		const { form, p } = await begin(USES.Write.use);
		await ctl.answer(p, "allow");
		await waitFor(() => text("made.txt") === "first", { what: "the file", every: 25 });
		person.reply(form, { action: "cancel" });
		assert.match((await person.result()).result, /^It said: .*answered/);
		assert.equal((await ctl.all())[0].via, "cli");
	});
});

describe("permissions__approve, for the real Claude Code's --permission-prompt-tool", { timeout: 600000 }, () => {
	afterEach(stop);

	const ask = (use) => run(claudePath(), ["-p", `DO ${JSON.stringify(use)}`, "--permission-prompt-tool", "mcp__iris__permissions__approve",
		"--strict-mcp-config", `--mcp-config=${JSON.stringify({ mcpServers: SHIM })}`], { cwd: world.dirs.back, env: iris.env });
	const bash = (command) => ({ tool: "Bash", input: { command, description: "make a file" } });

	test("allowed and denied by rules, without a person", async () => {
		await start({ back: { permissions: { allow: ["Bash(touch good.txt)"], deny: ["Bash(touch bad.txt)"] } } });
		const good = await ask(bash("touch good.txt"));
		assert.equal(good.status, 0, good.stderr);
		assert.equal(text("good.txt"), "");
		const bad = await ask(bash("touch bad.txt"));
		assert.match(bad.stdout, /It said: Bash is not permitted here \(the team's deny: Bash\(touch bad\.txt\)\)/);
		assert.equal(text("bad.txt"), undefined);
		assert.deepEqual(await ctl.all(), []);
		const rows = (await ctl.call("audit.list")).rows.map((r) => `${r.decision} ${r.to} ${r.via}`);
		assert.deepEqual(rows, ["allowed back rule", "denied back rule"]);
	});

	for (const [tool, { use, changed }] of Object.entries(USES))
		test(`${tool} waits for a person: allowed as it is, with another input, denied`, async () => {
			await start({ back: {} });
			for (const [answer, expected, said] of [
				[(p) => ctl.answer(p, "allow"), "first"],
				[(p) => ctl.answer(p, "allow", { updatedInput: changed(p.input) }), "second"],
				[(p) => ctl.answer(p, "deny", { reason: "enough" }), "second", new RegExp(`It said: A person has refused ${tool}: enough`)],
			]) {
				/* Write wants to have read what it overwrites: a file of its own each time. */
				const what = JSON.parse(JSON.stringify(use()).replaceAll("made.txt", `${expected}${said ? "-not" : ""}.txt`));
				const claude = ask(what);
				const p = await ctl.pending();
				assert.deepEqual([p.team, p.tool, p.input], ["back", tool, what.input]);
				await answer(p);
				const r = await claude;
				assert.equal(r.status, 0, r.stderr);
				if (said)
					assert.match(r.stdout, said);
				assert.equal(text(`${tool === "Bash" && !said && expected === "second" ? "made" : expected}${said ? "-not" : ""}.txt`), said ? undefined : expected);
			}
		});

	test("the result is one text block with what Claude Code expects, and nothing else", async () => {
		await start({ back: { permissions: { allow: ["Bash(touch good.txt)"], deny: ["Bash(touch bad.txt)"] } } });
		const client = await iris.client({ cwd: world.dirs.back });
		for (const [command, expected] of [["touch good.txt", { behavior: "allow", updatedInput: { command: "touch good.txt" } }],
			["touch bad.txt", { behavior: "deny", message: /^Bash is not permitted here/ }]]) {
			const r = await client.callTool({ name: "permissions__approve",
				arguments: { tool_name: "Bash", input: { command }, tool_use_id: `toolu_${command}` } });
			assert.deepEqual(Object.keys(r), ["content"]);
			assert.equal(r.content.length, 1);
			assert.equal(r.content[0].type, "text");
			const { message, ...rest } = JSON.parse(r.content[0].text);
			if (expected.message) {
				assert.match(message, expected.message);
				assert.deepEqual(rest, { behavior: "deny" });
			} else {
				assert.deepEqual(JSON.parse(r.content[0].text), expected);
			}
		}
	});
});
