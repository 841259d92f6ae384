/* SPDX-License-Identifier: MIT
 *
 * The tools that look at messages and reach several teams; and for every tool there is, what a
 * wrong call is answered with: an error result that tells a model how to mend it.
 */
import { afterEach, beforeEach, describe, test } from "node:test";
import { assert, claudes, failedCall, makeGate, quick, startTeams, waitFor } from "./setup.mjs";

const NONE = "01890000-0000-7000-8000-000000000000";

describe("tools about messages", () => {
	let iris, client, mobile;
	const good = async (tool, args, who = client, options) => {
		const r = await iris.call(who, tool, args, options);
		assert.equal(r.isError, false, JSON.stringify(r));
		return r;
	};

	beforeEach(async () => {
		iris = await startTeams({ frontend: {}, backend: {}, mobile: {} });
		client = await iris.client({ cwd: iris.dirs.frontend });
		mobile = await iris.client({ cwd: iris.dirs.mobile });
		await client.listTools();
		await mobile.listTools();
	});
	afterEach(() => iris.stop());

	test("message_status: queued with its place, seen, answered; for sender and receiver only", async () => {
		const gate = makeGate(iris);
		const first = await quick(iris, client, "backend", gate.hold);
		await iris.messageIn(first, "seen");
		const second = await quick(iris, client, "backend", "ECHO second");
		const waits = await good("message_status", { messageId: second });
		assert.deepEqual([waits.state, waits.position, waits.from, waits.to], ["queued", 1, "frontend", "backend"]);
		const works = await good("message_status", { messageId: first });
		assert.equal(works.state, "seen");
		assert.match(works.activity, /team backend/);
		const backend = await iris.client({ cwd: iris.dirs.backend });
		await backend.listTools();
		assert.equal((await good("message_status", { messageId: first }, backend)).state, "seen");
		assert.equal((await failedCall(iris, mobile, "message_status", { messageId: first })).code, "refused");
		gate.open();
		await iris.messageIn(second, "answered");
		const done = await good("message_status", { messageId: second });
		assert.deepEqual(done.receipts.map((r) => r.state), ["queued", "sent", "seen", "answered"]);
		assert.equal(done.position, undefined);
	});

	test("message_cancel: a queued one at once, a running one by interrupting, an ended one not at all", async () => {
		const gate = makeGate(iris);
		const running = await quick(iris, client, "backend", gate.hold);
		await iris.messageIn(running, "seen");
		const queued = await quick(iris, client, "backend", "ECHO never");
		const backend = await iris.client({ cwd: iris.dirs.backend });
		assert.equal((await failedCall(iris, backend, "message_cancel", { messageId: queued })).code, "refused", "a receiver may not");
		const a = await good("message_cancel", { messageId: queued });
		assert.deepEqual([a.cancelled, a.state], [true, "cancelled"]);
		assert.deepEqual(a.receipts.map((r) => r.state), ["queued", "cancelled"]);
		const b = await good("message_cancel", { messageId: running });
		assert.deepEqual([b.cancelled, b.state], [true, "cancelled"]);
		const c = await good("message_cancel", { messageId: running });
		assert.deepEqual([c.cancelled, c.state], [false, "cancelled"]);
		assert.equal((await good("ask_message", { toTeam: "backend", message: "ECHO works" })).response, "works");
	});

	test("list_messages: direction, team, state, pages; nobody else's", async () => {
		const ids = [];
		for (const n of [1, 2, 3])
			ids.push((await good("ask_message", { toTeam: "backend", message: `ECHO ${n}` })).messageId);
		ids.push((await good("ask_message", { toTeam: "frontend", message: "ECHO 4" }, mobile)).messageId);
		await good("ask_message", { toTeam: "backend", message: "ECHO secret" }, mobile);
		const list = async (args) => (await good("list_messages", args)).messages.map((m) => m.messageId);
		assert.deepEqual(await list({}), ids.toReversed());
		assert.deepEqual(await list({ direction: "sent" }), ids.slice(0, 3).reverse());
		assert.deepEqual(await list({ direction: "received" }), [ids[3]]);
		assert.deepEqual(await list({ team: "mobile" }), [ids[3]]);
		assert.deepEqual(await list({ state: "failed" }), []);
		const page = await good("list_messages", { limit: 2 });
		assert.equal(page.more, true);
		assert.deepEqual(page.messages.map((m) => m.messageId), [ids[3], ids[2]]);
		const last = await good("list_messages", { limit: 2, before: ids[2] });
		assert.equal(last.more, false);
		assert.deepEqual(last.messages.map((m) => m.messageId), [ids[1], ids[0]]);
		assert.deepEqual(last.messages.map((m) => [m.message, m.response]), [["ECHO 2", "2"], ["ECHO 1", "1"]]);
	});

	test("search_messages: words of question and answer, prefixes, accents, operators as words; one's own only", async () => {
		const a = (await good("ask_message", { toTeam: "backend", message: "BLOCKS the zebra crosses|the müller street" })).messageId;
		const b = (await good("ask_message", { toTeam: "backend", message: "ECHO a second zebra" })).messageId;
		await good("ask_message", { toTeam: "backend", message: "ECHO zebra of mobile" }, mobile);
		const find = async (query, more = {}) => (await good("search_messages", { query, ...more })).messages.map((m) => m.messageId);
		assert.deepEqual(await find("zebra"), [b, a]);
		assert.deepEqual(await find("ZEBRA muller"), [a]);
		assert.deepEqual(await find("zeb*"), [b, a]);
		assert.deepEqual(await find("zeb"), []);
		assert.deepEqual(await find("zebra", { limit: 1 }), [b]);
		for (const query of ["zebra OR nothing", "NEAR(", '"', "body:zebra", "-zebra AND", "* *", "'); DROP TABLE search; --"])
			assert.ok(Array.isArray(await find(query)), query);
		assert.match((await good("search_messages", { query: "crosses" })).messages[0].excerpt, /\[crosses\]/);
		assert.equal((await failedCall(iris, client, "search_messages", { query: "  \t " })).code, "invalid");
		/* The same after a restart: the index is in the database. */
		assert.equal((await iris.iris(["restart", "--hard"])).status, 0);
		client = await iris.client({ cwd: iris.dirs.frontend });
		assert.deepEqual(await find("zebra"), [b, a]);
		assert.equal((await iris.iris(["stop"])).status, 0);
	});

	test("broadcast_message: one result a team; one that fails does not fail the others", async () => {
		const r = await good("broadcast_message", { message: "ECHO to all" });
		assert.deepEqual(r.results.map((x) => [x.team, x.state, x.response]), [["backend", "answered", "to all"], ["mobile", "answered", "to all"]]);
		assert.deepEqual(r.summary, { total: 2, answered: 2, failed: 0, pending: 0 });
		const some = await good("broadcast_message", { message: "ECHO some", teams: ["mobile", "bakend", "mobile"] });
		assert.equal(some.results.length, 2, "a team that is named twice is asked once");
		assert.equal(some.results[0].response, "some");
		assert.equal(some.results[1].code, "not_found");
		assert.match(some.results[1].error, /backend/);
		assert.deepEqual(some.summary, { total: 2, answered: 1, failed: 1, pending: 0 });
		const later = await good("broadcast_message", { message: "ECHO later", wait: false });
		assert.equal(later.results.length, 2);
		for (const x of later.results) {
			await iris.messageIn(x.messageId, "answered");
			assert.equal((await good("message_result", { messageId: x.messageId })).response, "later");
		}
	});

	test("broadcast_message: a slow team is pending when the time is over; cancelling the call cancels", async () => {
		const gate = makeGate(iris);
		const r = await good("broadcast_message", { message: gate.hold, teams: ["backend"], timeout: 300 });
		assert.equal(r.results[0].timedOut, true);
		assert.deepEqual(r.summary, { total: 1, answered: 0, failed: 0, pending: 1 });
		gate.open();
		await iris.messageIn(r.results[0].messageId, "answered");

		const shut = makeGate(iris, "shut"), abort = new AbortController(), said = [];
		const call = client.callTool({ name: "broadcast_message", arguments: { message: shut.hold } }, undefined,
			{ signal: abort.signal, onprogress: (p) => said.push(p.message) }).catch((e) => e);
		const open = async () => (await good("list_messages", { state: "seen" })).messages.map((m) => m.messageId);
		await waitFor(async () => (await open()).length === 2, { what: "both teams to be at work" });
		const ids = await open();
		abort.abort("enough");
		await call;
		for (const id of ids)
			await iris.messageIn(id, "cancelled");
	});

	test("team_wake_all: one after the other, and in parallel, with as many starts as are allowed", async () => {
		const one = await good("team_wake_all");
		assert.deepEqual(one.teams.map((t) => [t.team, t.status, t.wasAwake]), [["backend", "awake", false], ["mobile", "awake", false]]);
		assert.deepEqual(one.summary, { total: 2, alreadyAwake: 0, woken: 2, asleep: 0, failed: 0 });
		assert.equal(claudes(iris).length, 2);
		const two = await good("team_wake_all", { parallel: true });
		assert.deepEqual(two.summary, { total: 2, alreadyAwake: 2, woken: 0, asleep: 0, failed: 0 });
	});
});

test("team_wake_all in parallel: a team that can not start does not fail the others; starts are paced", async () => {
	const teams = Object.fromEntries(["a", "b", "c", "d", "e"].map((n) => [n, {}]));
	const iris = await startTeams({ asker: {}, ...teams, broken: { claudePath: "/nonexistent/claude" } }, { settings: { maxStarts: 2 } });

	try {
		const client = await iris.client({ cwd: iris.dirs.asker });
		await client.listTools();
		const r = await iris.call(client, "team_wake_all", { parallel: true });
		assert.deepEqual(r.teams.map((t) => [t.team, t.status]), [["a", "awake"], ["b", "awake"], ["broken", "failed"], ["c", "awake"], ["d", "awake"], ["e", "awake"]]);
		assert.deepEqual(r.summary, { total: 6, alreadyAwake: 0, woken: 5, asleep: 0, failed: 1 });
		assert.equal(r.teams[2].code, "no_claude");
		assert.equal(claudes(iris).length, 5);
	} finally {
		await iris.stop();
	}
});

for (const parallel of [false, true])
	test(`team_wake_all${parallel ? " in parallel" : ""} beyond maxProcesses: what it says is so, and nobody gives way for it`, async () => {
		const iris = await startTeams({ asker: {}, other: {}, m1: {}, m2: {}, m3: {} }, { settings: { maxProcesses: 3 } });

		try {
			/* Another one's, which is idle. */
			await iris.iris(["ask", "-f", "m1", "other", "ECHO hi"]);
			const client = await iris.client({ cwd: iris.dirs.asker });
			await client.listTools();
			for (const before of [0, 2]) {
				const r = await iris.call(client, "team_wake_all", { parallel });
				assert.deepEqual(r.summary, { total: 4, alreadyAwake: before, woken: 2 - before, asleep: 2, failed: 0 });
				assert.match(r.message, /^2 of 4 teams are awake; .*maxProcesses/);
				for (const t of r.teams.filter((x) => x.status === "asleep")) {
					assert.equal(t.code, "limit");
					assert.match(t.error, /not woken: settings\.maxProcesses is 3/);
				}
				const { sessions } = await iris.json(["status"]);
				const awake = sessions.filter((s) => s.from === "asker" && s.state !== "asleep").map((s) => s.to).sort();
				assert.deepEqual(r.teams.filter((t) => t.status === "awake").map((t) => t.team).sort(), awake);
				assert.equal(sessions.find((s) => s.from === "m1").state, "idle");
				assert.equal(claudes(iris).length, 3);
			}
		} finally {
			await iris.stop();
		}
	});

/* --- wrong calls of every tool --------------------------------------------------------------------- */

/* What each tool may be called with, so that one argument at a time can be made wrong. */
const GOOD = {
	send_message: { toTeam: "backend", message: "x" },
	ask_message: { toTeam: "backend", message: "x" },
	quick_message: { toTeam: "backend", message: "x" },
	message_result: { messageId: NONE },
	message_status: { messageId: NONE },
	message_cancel: { messageId: NONE },
	search_messages: { query: "x" },
	broadcast_message: { message: "x" },
	team_wake: { team: "backend" },
	team_launch: { team: "backend" },
	team_sleep: { team: "backend" },
	session_report: { team: "backend" },
	session_cancel: { team: "backend" },
	session_compact: { team: "backend" },
	session_reboot: { toTeam: "backend" },
	session_delete: { toTeam: "backend" },
	session_fork: { toTeam: "backend" },
	get_agent: { agentType: "debugger" },
	permissions__approve: { tool_name: "Bash", input: {} },
	permissions_answer: { id: "01890000-0000-7000-8000-000000000000", behavior: "deny", inputHash: "0".repeat(64) },
};

const wrongType = (s) => (s.type === "string" || s.enum ? 7 : s.type === "integer" ? "7" : s.type === "boolean" ? "yes" : s.type === "array" ? "one" : s.type === "object" ? [] : 7);

describe("wrong calls of every tool", () => {
	test("wrong type, missing, empty, too long, unknown, no choice: each is told, nothing is begun", async () => {
		const iris = await startTeams({ frontend: {}, backend: {} });
		try {
			const client = await iris.client({ cwd: iris.dirs.frontend });
			const { tools } = await client.listTools();
			let n = 0;
			const wrong = async (tool, args, pattern) => {
				const o = await failedCall(iris, client, tool, args);
				assert.equal(o.code, "invalid", `${tool} ${JSON.stringify(args).slice(0, 200)}: ${o.error}`);
				assert.match(o.error, pattern);
				assert.ok(o.error.startsWith(tool), o.error);
				n++;
			};
			for (const { name, inputSchema: s } of tools) {
				const good = GOOD[name] ?? {};
				assert.deepEqual(Object.keys(good).sort(), [...s.required].sort(), `${name} needs an entry in GOOD`);
				for (const missing of s.required) {
					const { [missing]: gone, ...rest } = good;
					await wrong(name, rest, new RegExp(`"${missing}" is missing: \\S`));
				}
				await wrong(name, { ...good, nonsense: 1 }, /unknown argument "nonsense"/);
				for (const [arg, p] of Object.entries(s.properties)) {
					await wrong(name, { ...good, [arg]: wrongType(p) }, new RegExp(`"${arg}"`));
					await wrong(name, { ...good, [`${arg}x`]: p.type === "integer" ? 1 : "x" }, new RegExp(`did you mean "`));
					if (p.type === "string" && p.maxLength < 1e6)
						await wrong(name, { ...good, [arg]: "x".repeat(p.maxLength + 1) }, /bytes, \d+ are the limit/);
					if (p.type === "string" && p.minLength > 0)
						await wrong(name, { ...good, [arg]: "" }, /is empty; give /);
					if (p.enum)
						await wrong(name, { ...good, [arg]: "nonsense" }, /it is one of: /);
					if (p.type === "integer")
						for (const v of [p.minimum - 1, p.maximum + 1, 1.5].filter((v) => Math.abs(v) <= Number.MAX_SAFE_INTEGER))
							await wrong(name, { ...good, [arg]: v }, /whole number from/);
					if (p.type === "array") {
						await wrong(name, { ...good, [arg]: [] }, /0 entries/);
						await wrong(name, { ...good, [arg]: [1] }, /must be a string/);
					}
					if (arg === "fromTeam") {
						const o = await failedCall(iris, client, name, { ...good, fromTeam: "backend" });
						assert.equal(o.code, "refused", o.error);
						assert.match(o.error, /leave fromTeam out/);
					}
				}
			}
			assert.ok(n > 200, `${n} wrong calls`);
			assert.equal(claudes(iris).length, 0, "nothing was begun");
			assert.deepEqual((await iris.json(["message", "list"])).messages, []);
		} finally {
			await iris.stop();
		}
	});
});
