/* SPDX-License-Identifier: MIT
 *
 * Every tool, once as it is meant to be used and once as it is not: exact content, checked by the
 * SDK against the tool's output schema.
 */
import { afterEach, beforeEach, describe, test } from "node:test";
import { assert, claudes, failedCall, makeGate, quick, sessions, startTeams } from "./setup.mjs";

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("the tools", () => {
	let iris, client;

	beforeEach(async () => {
		iris = await startTeams({ frontend: {}, backend: { color: "#123456" }, mobile: {} });
		client = await iris.client({ cwd: iris.dirs.frontend });
		/* The SDK keeps the output schemas, and checks each structuredContent against them. */
		await client.listTools();
	});
	afterEach(() => iris.stop());

	test("tools/list: schemas and annotations of every tool", async () => {
		const { tools } = await client.listTools();
		const names = tools.map((t) => t.name);
		for (const name of ["ask_message", "get_date", "list_teams", "message_result", "quick_message", "send_message",
			"team_launch", "team_sleep", "team_status", "team_wake", "session_reboot", "session_delete", "session_fork",
			"session_cancel", "session_report", "permissions__approve"])
			assert.ok(names.includes(name), name);
		assert.equal(new Set(names).size, names.length);
		for (const t of tools) {
			assert.equal(t.inputSchema.type, "object", t.name);
			assert.equal(t.inputSchema.additionalProperties, false, t.name);
			/* Claude Code wants text, and nothing else, from this one. */
			assert.equal(t.outputSchema?.type, t.name === "permissions__approve" ? undefined : "object", t.name);
			assert.equal(typeof t.annotations.readOnlyHint, "boolean", t.name);
			assert.ok(t.title && t.description, t.name);
		}
		const ask = tools.find((t) => t.name === "ask_message");
		assert.deepEqual(ask.inputSchema.required, ["toTeam", "message"]);
		assert.equal(ask.annotations.readOnlyHint, false);
		assert.equal(tools.find((t) => t.name === "team_sleep").annotations.destructiveHint, true);
		assert.equal(tools.find((t) => t.name === "list_teams").annotations.readOnlyHint, true);
		assert.equal(client.getServerVersion().name, "iris");
		assert.match(client.getInstructions(), /ask_message/);
	});

	for (const tool of ["ask_message", "send_message"]) {
		test(`${tool}: the whole answer, and the message as it is stored`, async () => {
			const before = Date.now();
			const r = await iris.call(client, tool, { toTeam: "backend", message: "BLOCKS first part|second part" });
			assert.equal(r.isError, false, JSON.stringify(r));
			assert.equal(r.response, "first part\n\nsecond part");
			assert.equal(r.state, "answered");
			assert.equal(r.from, "frontend");
			assert.equal(r.to, "backend");
			assert.equal(r.message, "BLOCKS first part|second part");
			assert.match(r.messageId, UUID7);
			assert.ok(r.duration >= 0 && r.duration <= Date.now() - before + 1, `duration ${r.duration}`);
			assert.ok(r.timestamp >= before && r.timestamp <= Date.now());
			assert.equal(typeof r.costUsd, "number");

			const m = await iris.message(r.messageId);
			assert.equal(m.state, "answered");
			assert.equal(m.response, r.response);
			assert.equal(m.message, "BLOCKS first part|second part");
			assert.equal(m.hops, 0);
			assert.equal(m.root, m.id);
			assert.equal(m.parent, undefined);
			assert.deepEqual(m.receipts.map((x) => x.state), ["queued", "sent", "seen", "answered"]);
			assert.ok(m.receipts.every((x, i) => i === 0 || x.at >= m.receipts[i - 1].at));
			assert.match(m.receipts[2].evidence, /^(replay|lifecycle)$/);
			assert.ok(m.usage.outputTokens > 0);
		});
	}

	test("a long message is repeated cut, and stored whole", async () => {
		const message = `ECHO ok\n${"ü".repeat(3000)}`;
		const r = await iris.call(client, "ask_message", { toTeam: "backend", message });
		assert.equal(r.message, `${message.slice(0, 200)}...`);
		assert.equal((await iris.message(r.messageId)).message, message);
	});

	test("what the team's Claude gets: the envelope with names, id and hop; its own directory and session", async () => {
		const r = await iris.call(client, "ask_message", { toTeam: "backend", message: "RAW ü € 𝄞 \"quoted\" <b>" });
		assert.equal(r.response,
			`<iris-message id="${r.messageId}" from="frontend" to="backend" hop="1">\nRAW ü € 𝄞 "quoted" <b>\n</iris-message id="${r.messageId}">`);
		const args = (await iris.call(client, "ask_message", { toTeam: "backend", message: "ARGS" })).response;
		const { sessionId } = (await sessions(iris))["frontend->backend"];
		assert.match(args, new RegExp(`--session-id[ =]${sessionId}`));
		assert.match(args, /--permission-mode[ =]default/);
	});

	test("quick_message, then message_result: before, while and after the answer", async () => {
		const gate = makeGate(iris);
		const sent = await iris.call(client, "quick_message", { toTeam: "backend", message: `${gate.hold}\nECHO done` });
		assert.equal(sent.isError, false);
		assert.equal(sent.timedOut, false);
		assert.ok(["queued", "sent", "seen"].includes(sent.state), sent.state);
		assert.ok(sent.response.includes(sent.messageId), sent.response);

		const now = await iris.call(client, "message_result", { messageId: sent.messageId });
		assert.equal(now.timedOut, false);
		assert.notEqual(now.state, "answered");
		const soon = await iris.call(client, "message_result", { messageId: sent.messageId, timeout: 50 });
		assert.equal(soon.timedOut, true);

		const waiting = iris.call(client, "message_result", { messageId: sent.messageId, timeout: 0 });
		gate.open();
		assert.equal((await waiting).response, "held\n\ndone");
		const later = await iris.call(client, "message_result", { messageId: sent.messageId });
		assert.equal(later.state, "answered");
		assert.equal(later.response, "held\n\ndone");
	});

	test("message_result: an unknown id, and somebody else's message", async () => {
		const mobile = await iris.client({ cwd: iris.dirs.mobile });
		const none = await failedCall(iris, client, "message_result", { messageId: "01890000-0000-7000-8000-000000000000" });
		assert.equal(none.code, "not_found");
		const junk = await failedCall(iris, client, "message_result", { messageId: "'; DROP TABLE message" });
		assert.equal(junk.code, "invalid");
		const id = await quick(iris, client, "backend", "ECHO private");
		await iris.messageIn(id, "answered");
		const other = await failedCall(iris, mobile, "message_result", { messageId: id });
		assert.equal(other.code, "refused");
		assert.ok(!JSON.stringify(other).includes("private"));
	});

	test("list_teams: names, paths, descriptions", async () => {
		const r = await iris.call(client, "list_teams");
		assert.equal(r.totalTeams, 3);
		assert.deepEqual(r.teams.map((t) => t.name), ["backend", "frontend", "mobile"]);
		assert.deepEqual(r.teams[0].config,
			{ path: iris.dirs.backend, description: "the backend project", color: "#123456", idleTimeout: 3600000 });
		assert.equal(claudes(iris).length, 0, "listing starts nothing");
	});

	test("team_wake, team_status, team_sleep", async () => {
		const asleep = await iris.call(client, "team_status", { team: "backend" });
		assert.equal(asleep.teams.length, 1);
		assert.equal(asleep.teams[0].status, "asleep");
		assert.equal(asleep.pool.activeProcesses, 0);
		assert.equal(asleep.pool.maxProcesses, 10);
		assert.deepEqual(asleep.notifications, { pending: 0, total: 0 });

		for (const tool of ["team_wake", "team_launch"]) {
			const woken = await iris.call(client, tool, { team: "backend" });
			assert.equal(woken.status, "awake", JSON.stringify(woken));
			assert.equal(woken.team, "backend");
			assert.equal(claudes(iris).length, 1);
		}
		const awake = (await iris.call(client, "team_status", { includeNotifications: false }));
		assert.equal(awake.notifications, undefined);
		assert.deepEqual(awake.teams.map((t) => [t.name, t.status]),
			[["backend", "awake"], ["frontend", "asleep"], ["mobile", "asleep"]]);
		assert.equal(awake.teams[0].state, "idle");
		assert.equal(awake.teams[0].pid, claudes(iris)[0].pid);
		assert.equal(awake.teams[0].sessionId, (await sessions(iris))["frontend->backend"].sessionId);

		const slept = await iris.call(client, "team_sleep", { team: "backend" });
		assert.equal(slept.status, "sleeping");
		assert.equal(slept.sessionId, awake.teams[0].sessionId);
		assert.deepEqual(claudes(iris), []);
		assert.equal((await iris.call(client, "team_sleep", { team: "backend" })).status, "already_asleep");
		assert.equal((await iris.call(client, "team_sleep", { team: "mobile" })).status, "already_asleep");
	});

	test("team_status counts what waits for the caller's own team", async () => {
		const gate = makeGate(iris);
		const backend = await iris.client({ cwd: iris.dirs.backend });
		const first = await quick(iris, client, "backend", `${gate.hold}`);
		await iris.messageIn(first, "seen");
		const second = await quick(iris, client, "backend", "ECHO 2");
		assert.deepEqual((await iris.call(backend, "team_status")).notifications, { pending: 2, total: 2 });
		gate.open();
		await iris.messageIn(second, "answered");
		assert.deepEqual((await iris.call(backend, "team_status")).notifications, { pending: 0, total: 2 });
	});

	test("get_date: one instant in all its forms", async () => {
		const before = Date.now();
		const d = await iris.call(client, "get_date");
		const at = new Date(d.timestamp);
		assert.ok(d.timestamp >= before && d.timestamp <= Date.now());
		assert.equal(d.iso, at.toISOString());
		assert.equal(d.utc, at.toUTCString());
		assert.equal(d.unix, Math.floor(d.timestamp / 1000));
		assert.deepEqual([d.components.year, d.components.month, d.components.day, d.components.hours, d.components.minutes,
			d.components.seconds, d.components.milliseconds, d.components.dayOfWeek],
		[at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(),
			at.getUTCSeconds(), at.getUTCMilliseconds(), at.getUTCDay()]);
	});

	test("a directory that is no team asks as a guest, each its own", async () => {
		const dirs = [iris.project("some where/app"), iris.project("other/app")];
		const names = [];
		for (const cwd of dirs) {
			const guest = await iris.client({ cwd });
			const r = await iris.call(guest, "ask_message", { toTeam: "backend", message: "ECHO welcome" });
			assert.equal(r.response, "welcome");
			assert.match(r.from, /^guest:app-[0-9a-f]{16}$/);
			names.push(r.from);
			const refused = await failedCall(iris, guest, "ask_message", { toTeam: "backend", message: "x", fromTeam: "frontend" });
			assert.equal(refused.code, "refused");
			assert.match(refused.error, /iris team add/);
		}
		assert.notEqual(names[0], names[1]);
	});

	test("a directory below a team's own is that team", async () => {
		const below = await iris.client({ cwd: iris.project("frontend/src/deep") });
		assert.equal((await iris.call(below, "ask_message", { toTeam: "backend", message: "ECHO x" })).from, "frontend");
	});

	test("fromTeam: the truth is accepted, a contradiction refused, and nothing is stored", async () => {
		const good = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO x", fromTeam: "frontend" });
		assert.equal(good.from, "frontend");
		for (const [tool, args] of [["ask_message", { toTeam: "backend", message: "x" }], ["quick_message", { toTeam: "backend", message: "x" }],
			["team_wake", { team: "backend" }], ["team_sleep", { team: "backend" }], ["team_status", {}]]) {
			const bad = await failedCall(iris, client, tool, { ...args, fromTeam: "mobile" });
			assert.equal(bad.code, "refused", tool);
			assert.match(bad.error, /belongs to team "frontend"/);
		}
		assert.equal((await iris.json(["message", "list"])).messages.length, 1);
	});

	test("an unknown team: an error that names the nearest", async () => {
		for (const [tool, key] of [["ask_message", "toTeam"], ["send_message", "toTeam"], ["quick_message", "toTeam"],
			["team_wake", "team"], ["team_launch", "team"], ["team_sleep", "team"], ["team_status", "team"]]) {
			const r = await failedCall(iris, client, tool, { [key]: "bakend", ...(key === "toTeam" && { message: "x" }) });
			assert.equal(r.code, "not_found", tool);
			assert.match(r.error, /unknown team "bakend"; the nearest: backend/, tool);
		}
	});

	test("arguments that do not fit are refused with the argument's name", async () => {
		const cases = [
			[{ toTeam: "backend" }, /"message" is missing/],
			[{ toTeam: "backend", message: "" }, /"message" is empty/],
			[{ toTeam: "backend", message: " \n\t" }, /the message is empty/],
			[{ toTeam: "backend", message: 5 }, /"message" must be a string/],
			[{ toTeam: "backend", message: "x", timeout: "soon" }, /"timeout" must be a whole number from -1 to/],
			[{ toTeam: "backend", message: "x", timeout: -2 }, /"timeout" must be/],
			[{ toTeam: "backend", message: "x", timeout: 1.5 }, /"timeout" must be/],
			[{ toTeam: "backend", mesage: "x" }, /unknown argument "mesage"; did you mean "message"\?/],
		];
		for (const [args, text] of cases) {
			const r = await failedCall(iris, client, "ask_message", args);
			assert.equal(r.code, "invalid", JSON.stringify(args));
			assert.match(r.error, text);
		}
		await assert.rejects(client.callTool({ name: "ask_massage", arguments: {} }), /unknown tool "ask_massage"/);
	});
});
