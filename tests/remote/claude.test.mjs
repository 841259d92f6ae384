/* SPDX-License-Identifier: MIT
 *
 * The real Claude Code CLI on another machine, by both transports: only the model is scripted. Its
 * own way of ending at the end of its input, and its own transcripts, are what a lost line stands on.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { claudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { startMessagesApi } from "../e2e/messages-api.mjs";
import { assert, remoteTest, TRANSPORTS, waitFor } from "./setup.mjs";

const WORDS = "one two three four five six seven eight nine ten";
/* The model's second half of a turn comes when its gate is open. */
const gates = {};
const gate = (name) => {
	const g = {};
	g.opened = new Promise((resolve) => (g.open = resolve));
	return (gates[name] = g);
};
const rules = [
	{ match: (c) => c.user.includes("resumes="), reply: "resumed, and here is all of it" },
	{ match: (c) => c.user.includes("ask at home") && c.toolResult === undefined, reply: { tool: "mcp__iris__ask_message", input: { toTeam: "near", message: "ECHO from home" } } },
	{ match: (c) => c.user.includes("ask at home"), reply: (c) => `At home they say: ${JSON.parse(c.toolResult).response}` },
	{ match: (c) => c.user.includes("make a file") && c.toolResult === undefined, reply: { tool: "Bash", input: { command: "printf made > made.txt", description: "make a file" } } },
	{ match: (c) => c.user.includes("make a file"), reply: (c) => (c.toolError ? `refused: ${c.toolResult}` : "made") },
	{ match: (c) => c.user.includes("take your time"), reply: (c) => ({ text: WORDS, every: 20, middle: () => gates[c.user.match(/gate-\w+/)[0]].opened }) },
	{ match: (c) => c.user.includes("what was first"), reply: (c) => `first: ${JSON.stringify(c.messages).includes("are you there?")}` },
	{ reply: "Here I am." },
];

for (const { name, ssh2 } of TRANSPORTS) describe(`the real Claude Code over there, by ${name}`, { concurrency: 2 }, () => {
	let api;

	before(async () => {
		api = await startMessagesApi(rules);
	});
	after(() => api.close());

	const it = (what, options, fn = options) =>
		remoteTest(what, { ...(fn === options ? {} : options), ssh2, start: false, timeout: 240000, settings: { spawnTimeout: 40000, sessionInitTimeout: 40000 }, host: { claude: claudePath() } }, async (r) => {
			const world = makeClaudeEnv({ api });
			const { PATH, ...env } = world.env;
			Object.assign(r.host.env, env);
			r.dir = world.dirs.project;
			r.team.path = r.dir;
			try {
				await r.start();
				await fn(r);
				await r.iris.end(30000);
				await r.host.assertIdle();
			} finally {
				world.cleanup();
			}
		});
	/* A turn is under way, and Claude Code has written down what it was asked: it does so a moment late. */
	const underWay = async (r, id, text) => {
		await r.iris.messageIn(id, "seen");
		await waitFor(() => api.requests.some((q) => q.user.includes(text)), { what: "the model to be asked", deadline: 30000 });
		await waitFor(() => r.host.userLines().some((l) => l.uuid === id), { what: "the question to be in the transcript" });
	};

	it("a question, another one, sleep, and another one: one conversation", async (r) => {
		const a = await r.ask("are you there?");
		assert.equal(a.response, "Here I am.");
		const m = await r.iris.message(a.messageId);
		assert.deepEqual(m.receipts.map((x) => x.state), ["queued", "sent", "seen", "answered"]);
		assert.ok(m.usage.costUsd > 0);
		await waitFor(() => r.host.userLines().length > 0, { what: "the question to be in the transcript" });
		assert.deepEqual(r.host.userLines().map((l) => [l.uuid, l.cwd]), [[m.id, r.dir]]);
		assert.equal((await r.iris.iris(["team", "sleep", "far"])).status, 0);
		await r.host.assertIdle();
		assert.equal(await r.answer("what was first?"), "first: true");
		assert.equal(Object.keys(r.host.transcripts()).length, 1);
	});

	it("it asks a local team, in its turn; it asks for a permission, which a person here gives", { teams: { near: {} } }, async (r) => {
		assert.equal(await r.answer("ask at home"), "At home they say: from home");
		const id = await r.send("make a file");
		const p = await waitFor(async () => (await r.iris.json(["approvals", "list"]))[0], { what: "the request", deadline: 30000, every: 50 });
		assert.deepEqual([p.team, p.tool, p.input.command], ["far", "Bash", "printf made > made.txt"]);
		await r.iris.json(["approvals", "allow", p.id]);
		assert.equal((await r.answered(id)).response, "made");
		assert.equal(readFileSync(join(r.dir, "made.txt"), "utf8"), "made");
	});

	it("the line is cut in its turn, which goes on: its answer is found", { options: { lingerTimeout: 30000 } }, async (r) => {
		const here = `gate-found${ssh2 ? "2" : ""}`, { open } = gate(here);
		const id = await r.send(`take your time, please: ${here}`);
		await underWay(r, id, here);
		r.line.cut();
		open();
		const m = await r.answered(id);
		assert.equal(m.response, WORDS);
		assert.match(m.receipts.at(-1).evidence, /^transcript line/);
		assert.equal(r.host.userLines().length, 1);
		assert.equal(api.requests.filter((q) => q.user.includes(here)).length, 1, "the model was asked once");
	});

	it("the line is cut in its turn, which is ended: it is resumed, and the answer is whole", { options: { lingerTimeout: 0 } }, async (r) => {
		const here = `gate-ended${ssh2 ? "2" : ""}`, { open } = gate(here);
		const id = await r.send(`take your time as well: ${here}`);
		await underWay(r, id, here);
		r.line.cut();
		const m = await r.answered(id);
		open();
		assert.equal(m.response, "resumed, and here is all of it");
		assert.deepEqual(m.receipts.map((x) => x.state), ["queued", "sent", "seen", "seen", "answered"]);
		assert.equal(r.host.userLines().filter((l) => l.uuid === id).length, 1);
		assert.equal(r.host.userLines().filter((l) => JSON.stringify(l.message.content).includes(`resumes=\\"${id}`)).length, 1);
		assert.equal(Object.keys(r.host.transcripts()).length, 1);
	});
});
