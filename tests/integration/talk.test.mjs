/* SPDX-License-Identifier: MIT
 *
 * permissions.talk at every entrance: tools over the shim, over HTTP and from within a turn, and the
 * CLI. What is refused names the entry, and nothing has come of it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { legacy, makeKey, startHttp } from "../lib/http.mjs";
import { assert, connectRaw, failedCall, failedRun, makeGate, quick, sessions, startTeams } from "./setup.mjs";

const TEAMS = { front: {}, back: {}, prod: {} };
const DENY = "deny front -> prod";
const TALK = [DENY, "front -> *", "back -> *", "* -> back"];
const tool = (name, args) => `TOOL ${name} ${JSON.stringify(args)}`;

/*
 * Each tool that names another team: what it is called with, whether that is refused, and whether
 * there must have been a conversation first. A new tool that names a team must get a line here.
 */
const TO = { toTeam: "prod" }, TEAM = { team: "prod" }, SAYS = { message: "ECHO x" };
const TOOLS = {
	send_message: { args: { ...TO, ...SAYS }, asked: true },
	ask_message: { args: { ...TO, ...SAYS }, asked: true },
	quick_message: { args: { ...TO, ...SAYS }, asked: true },
	session_reboot: { args: TO, asked: true },
	session_delete: { args: TO, asked: true, after: true },
	session_fork: { args: TO, asked: true, after: true },
	session_compact: { args: TEAM, asked: true, after: true },
	session_cancel: { args: TEAM, asked: true },
	team_wake: { args: TEAM, asked: true },
	team_launch: { args: TEAM, asked: true },
	team_sleep: { args: TEAM, asked: true },
	team_status: { args: TEAM },
	list_sessions: { args: TEAM },
	list_messages: { args: TEAM },
	search_messages: { args: { ...TEAM, query: "x" } },
	session_report: { args: TEAM },
};
const ASKED = Object.keys(TOOLS).filter((t) => TOOLS[t].asked);

/* The configuration changes. */
function writeTalk(iris, talk) {
	const path = join(iris.home, "config.yaml"), config = JSON.parse(readFileSync(path, "utf8"));

	writeFileSync(path, JSON.stringify({ ...config, permissions: { talk } }));
}

/* And irisd reads it. */
async function talkIs(iris, talk) {
	writeTalk(iris, talk);
	const raw = await connectRaw(iris, { role: "ctl" });
	const r = await raw.request("iris/config.reload", {});
	assert.equal(r.error, undefined, JSON.stringify(r));
	raw.socket.destroy();
}

function assertRefused(o, entry = DENY) {
	assert.equal(o.code, "refused", JSON.stringify(o));
	assert.ok((o.error ?? o.message).includes(`permissions.talk: "${entry}"`), JSON.stringify(o));
}

const messagesTo = async (iris, to) => (await iris.json(["message", "list"])).messages.filter((m) => m.to === to);

describe("who may talk to whom", () => {
	let iris, front;

	beforeEach(async () => {
		iris = await startTeams(TEAMS);
		front = await iris.client({ cwd: iris.dirs.front });
	});
	afterEach(() => iris.stop());

	const ask = (client, toTeam, message) => iris.call(client, "ask_message", { toTeam, message });

	test("every tool that names a team, over the shim", async () => {
		assert.equal((await ask(front, "prod", "ECHO before")).response, "before");
		const before = await sessions(iris);
		await talkIs(iris, TALK);
		const { tools } = await front.listTools();
		const names = tools.filter((t) => ["team", "toTeam"].some((p) => p in (t.inputSchema.properties ?? {}))).map((t) => t.name);
		assert.deepEqual(names.filter((n) => !(n in TOOLS)), []);
		for (const name of names) {
			const { args, asked } = TOOLS[name];
			if (asked)
				assertRefused(await failedCall(iris, front, name, args));
			else
				assert.equal((await iris.call(front, name, args)).isError, false, name);
		}
		assert.ok(names.length >= ASKED.length);
		assert.equal((await messagesTo(iris, "prod")).length, 1);
		const now = (await sessions(iris))["front->prod"];
		assert.equal(now.sessionId, before["front->prod"].sessionId);
		assert.equal(now.pid, before["front->prod"].pid);
		/* It is seen all the same, and others are not kept from it. */
		assert.deepEqual((await iris.call(front, "list_teams")).teams.map((t) => t.name).sort(), ["back", "front", "prod"]);
		assert.equal((await ask(front, "back", "ECHO yes")).response, "yes");
		const back = await iris.client({ cwd: iris.dirs.back });
		assert.equal((await ask(back, "prod", "ECHO yes")).response, "yes");
	});

	test("several teams at once: each has its own answer", async () => {
		await talkIs(iris, TALK);
		const r = await iris.call(front, "broadcast_message", SAYS);
		const of = Object.fromEntries(r.results.map((x) => [x.team, x]));
		assert.equal(of.back.response, "x");
		assertRefused(of.prod);
		const woken = await iris.call(front, "team_wake_all", {});
		const states = Object.fromEntries(woken.teams.map((x) => [x.team, x]));
		assert.equal(states.back.status, "awake");
		assertRefused(states.prod);
		assert.deepEqual(Object.keys(await sessions(iris)), ["front->back"]);
	});

	test("from within a turn", async () => {
		const back = await iris.client({ cwd: iris.dirs.back });
		assert.equal((await ask(back, "front", tool("ask_message", { ...TO, message: "ECHO before" }))).isError, false);
		await talkIs(iris, TALK);
		for (const name of ASKED) {
			const r = await ask(back, "front", tool(name, TOOLS[name].args));
			assertRefused(JSON.parse(r.response));
		}
		assert.equal((await messagesTo(iris, "prod")).length, 1);
	});

	test("the CLI speaks for its directory, or for who --from says", async () => {
		const from = ["--from", "front"];
		const runs = [
			["ask", ...from, "prod", "ECHO x"],
			["team", "wake", ...from, "prod"],
			["team", "sleep", ...from, "prod"],
			["session", "reboot", "--yes", ...from, "prod"],
			["session", "delete", "--yes", ...from, "prod"],
			["session", "compact", ...from, "prod"],
			["session", "fork", ...from, "prod"],
		];

		await iris.json(["ask", ...from, "prod", "ECHO before"]);
		await talkIs(iris, TALK);
		for (const args of runs) {
			const r = await failedRun(iris, args);
			assertRefused(r);
			assert.equal(r.status, 4, args.join(" "));
		}
		assertRefused(await failedRun(iris, ["ask", "prod", "ECHO x"], { cwd: iris.dirs.front }));
		assertRefused(await failedRun(iris, ["team", "sleep", "prod"], { cwd: iris.dirs.front }));
		assert.equal((await messagesTo(iris, "prod")).length, 1);
		assert.equal((await iris.json(["ask", "--from", "back", "prod", "ECHO y"])).response, "y");
		/* In a directory of no team: a guest, who is in no entry for prod. */
		const guest = await failedRun(iris, ["ask", "prod", "ECHO x"]);
		assert.match(guest.message, /^no entry of permissions\.talk allows guest:\S+ -> prod;/);
		assert.equal((await iris.json(["ask", "back", "ECHO z"])).response, "z");
		assert.equal((await iris.json(["team", "list"])).teams.length, 3);
	});

	test("a change is in force at once; what was accepted goes on, and may be cancelled by who sent it", async () => {
		const gate = makeGate(iris);
		const key = { ...TO, message: "ECHO again", idempotencyKey: "k" };
		const first = await iris.call(front, "ask_message", key);
		const running = await quick(iris, front, "prod", gate.hold);
		const queued = await quick(iris, front, "prod", "ECHO later");
		const unwanted = await quick(iris, front, "prod", "ECHO never");
		await talkIs(iris, TALK);
		assertRefused(await failedCall(iris, front, "ask_message", { ...TO, ...SAYS }));
		/* The same call again is no new message. */
		assert.equal((await iris.call(front, "ask_message", key)).messageId, first.messageId);
		assertRefused(await failedCall(iris, front, "session_cancel", TEAM));
		const other = await failedRun(iris, ["message", "cancel", unwanted], { cwd: iris.root });
		assert.match(other.message, /no entry of permissions\.talk allows guest:/);
		assert.equal((await iris.call(front, "message_cancel", { messageId: unwanted })).cancelled, true);
		gate.open();
		assert.equal((await iris.messageIn(running, "answered")).response, "held");
		assert.equal((await iris.messageIn(queued, "answered")).response, "later");
		await talkIs(iris, []);
		assert.equal((await ask(front, "prod", "ECHO free")).response, "free");
	});

	test("what was accepted is delivered after a restart, and a repeated call finds its answer", async () => {
		const gate = makeGate(iris);
		const raw = await connectRaw(iris, { role: "ctl" });
		raw.send({ jsonrpc: "2.0", id: 1, method: "iris/message.send",
			params: { to: "prod", from: "front", message: gate.hold, idempotencyKey: "r", timeout: -1 } });
		const sent = (await raw.line((l) => l.id === 1)).result;
		const after = await quick(iris, front, "prod", "ECHO behind");
		writeTalk(iris, TALK);
		await iris.kill();
		await iris.start();
		gate.open();
		assert.equal((await iris.messageIn(sent.id, "answered")).response, "held");
		assert.equal((await iris.messageIn(after, "answered")).response, "behind");
		const now = await connectRaw(iris, { role: "ctl" });
		const again = await now.request("iris/message.send",
			{ to: "prod", from: "front", message: gate.hold, idempotencyKey: "r", timeout: -1 });
		assert.equal(again.result.id, sent.id);
		now.socket.destroy();
		assertRefused(await failedCall(iris, front, "ask_message", { ...TO, ...SAYS }));
	});
});

describe("who may talk to whom, over HTTP", () => {
	let iris;

	afterEach(() => iris.stop());

	test("a key's team, and who has none", async () => {
		iris = await startHttp(TEAMS);
		await talkIs(iris, TALK);
		const key = await makeKey(iris, "message,manage", "--team", "front");
		const call = async (bearer, name, args) => {
			const r = await legacy(iris.port, bearer, { id: 1, method: "tools/call", params: { name, arguments: args } });
			assert.equal(r.status, 200, r.text);
			const { result } = r.json();
			return { isError: result.isError === true, ...JSON.parse(result.content[0].text) };
		};

		for (const name of ASKED.filter((n) => !TOOLS[n].after)) {
			const r = await call(key, name, TOOLS[name].args);
			assert.equal(r.isError, true, name);
			assertRefused(r);
		}
		assert.equal((await call(key, "ask_message", { toTeam: "back", message: "ECHO yes" })).response, "yes");
		const guest = await call(await makeKey(iris, "message"), "ask_message", { ...TO, ...SAYS });
		assert.match(guest.error, /^no entry of permissions\.talk allows guest:key:test -> prod;/);
		assert.deepEqual(Object.keys(await sessions(iris)), ["front->back"]);
	});
});
