/* SPDX-License-Identifier: MIT
 *
 * Control calls by a key for HTTP, over irisd.sock in the role web as irisd -x web makes them: who
 * may what, whom a call is for, what a key of one team does not get to see, how often, and how it
 * ends; and how a person's browser comes to have a key.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { makeHttp, startHttp } from "../lib/http.mjs";
import { program } from "../lib/iris.mjs";
import { assert, connectRaw, makeGate, startTeams, waitFor, within } from "./setup.mjs";

const TEAMS = { frontend: {}, backend: {}, docs: {} };
const NOBODY = "01890000-0000-7000-8000-000000000000";

let iris;

const setup = (options) => {
	beforeEach(async () => {
		iris = await startTeams(TEAMS, options);
	});
	afterEach(() => iris.stop());
};

const makeKey = (scope, ...more) => iris.json(["key", "create", "test", "--scope", scope, ...more]);

/* A connection of the web role, and with a key (its text) a bearer's. */
async function web(key) {
	const lines = await connectRaw(iris, { role: "web" });

	lines.call = async (method, params = {}) => {
		const { result, error } = await lines.request(`iris/${method}`, params);
		if (error)
			throw Object.assign(new Error(error.message), { code: error.data?.code, data: error.data, number: error.code });
		return result;
	};
	if (key)
		lines.who = await lines.call("key.check", { key, api: true });
	return lines;
}

const bearer = async (scope, ...more) => web((await makeKey(scope, ...more)).key);

const fails = (promise, code, text = /./) => assert.rejects(promise, (e) => {
	assert.equal(e.code, code, `${e.code}: ${e.message}`);
	assert.match(e.message, text);
	return true;
});

describe("whose a connection of the web role is", () => {
	setup();

	test("nobody's: nothing but what makes it somebody's; a wrong key opens nothing", async () => {
		const c = await web();
		for (const method of ["team.list", "daemon.stop", "daemon.status", "key.create", "key.list", "message.send", "permission.list", "login.create"])
			await fails(c.call(method, { name: "x", scope: "admin", to: "backend", message: "ECHO x" }), "unauthorized", /needs a key/);
		await fails(c.call("key.check", { key: "iris_wrong", api: true }), "unauthorized", /unknown, has expired or was revoked/);
		await fails(c.call("team.list"), "unauthorized");
		const { key } = await makeKey("read");
		await fails(c.call("key.check", { key, api: true, mcp: true }), "invalid", /mcp or api/);
		await fails(c.call("key.check", { key, api: "yes" }), "invalid", /true or false/);
		assert.equal((await c.call("key.check", { key })).from, "guest:key:test");
		await fails(c.call("team.list"), "unauthorized");
		await c.call("key.check", { key, api: true });
		assert.equal((await c.call("team.list")).teams.length, 3);
	});

	test("what the check answers, and that a connection goes from key to key but not with calls under way", async () => {
		const one = await makeKey("message", "--team", "frontend", "--expires", "1h"), two = await makeKey("read");
		const c = await web(one.key);
		assert.deepEqual(c.who, { id: one.id, name: "test", scopes: ["read", "message"], from: "frontend", team: "frontend", expiresAt: one.expiresAt });
		assert.equal((await c.call("team.list")).from, "frontend");
		const gate = makeGate(iris);
		const waiting = c.call("message.send", { to: "backend", message: gate.hold });
		await waitFor(async () => (await iris.json(["messages"])).messages[0]?.state === "seen", { what: "the turn to run" });
		await fails(c.call("key.check", { key: two.key, api: true }), "refused", /calls of it are under way/);
		await c.call("key.check", { key: one.key, api: true });
		gate.open();
		assert.equal((await waiting).from, "frontend");
		assert.equal((await c.call("key.check", { key: two.key, api: true })).from, "guest:key:test");
		assert.equal((await c.call("team.list")).from, "guest:key:test");
		await fails(c.call("message.send", { to: "backend", message: "ECHO x" }), "refused", /scope "message"/);
		await fails(c.call("key.check", { key: two.key, mcp: true }), "refused", /can not carry MCP/);
	});

	test("each method wants its scope, and names it; what no key has no key has", async () => {
		const none = await bearer("read"), admin = await bearer("admin");
		const calls = {
			message: [["message.send", { to: "backend", message: "ECHO x" }], ["message.cancel", { id: NOBODY }]],
			manage: [["team.wake", { team: "backend" }], ["team.sleep", { team: "backend" }], ["session.reboot", { team: "backend" }],
				["session.delete", { team: "backend" }], ["session.compact", { team: "backend" }], ["session.fork", { team: "backend" }], ["remote.check", { team: "backend" }]],
			approve: [["permission.list"], ["permission.show", { id: NOBODY }], ["permission.answer", { id: NOBODY, behavior: "allow", inputHash: "0" }],
				["permission.watch"], ["permission.rules"], ["permission.remember", { rule: "Read" }], ["permission.revoke", { number: 1 }], ["audit.list"], ["audit.verify"]],
			admin: [["config.reload"], ["key.create", { name: "more", scope: "admin" }], ["key.list"], ["key.revoke", { id: "0" }],
				["remote.revoke", { team: "backend" }], ["remote.grant", { team: "backend" }]],
		};
		for (const [scope, list] of Object.entries(calls))
			for (const [method, params] of list)
				await fails(none.call(method, params), "refused", new RegExp(`needs a key with the scope "${scope}"`));
		for (const method of ["daemon.stop", "daemon.settled", "daemon.watch", "login.create", "login.redeem", "remote.trust", "web.listening"])
			await fails(admin.call(method, { token: "x", ports: [] }), "refused", /not to be had with a key/);
		await assert.rejects(admin.call("no.such"), { number: -32601 });
		assert.deepEqual(Object.keys((await admin.call("permission.rules"))), ["rules"]);
		assert.equal((await admin.call("config.reload")).changed.length, 0);
		/* Each scope opens its own and no other. */
		for (const scope of Object.keys(calls)) {
			const c = await bearer(scope);
			for (const [other, list] of Object.entries(calls)) {
				const [method, params] = list[0];
				const refused = await c.call(method, params).then(() => false, (e) => /needs a key with the scope/.test(e.message));
				assert.equal(refused, scope !== "admin" && scope !== other, `${scope}: ${method}`);
			}
		}
	});
});

describe("a key speaks as itself", () => {
	setup();

	test("from is its own name; another one is for who has no team and may do everything", async () => {
		const say = (c, from) => c.call("message.send", { to: "backend", message: "ECHO x", ...(from && { from }) });
		const team = await bearer("message", "--team", "frontend"), guest = await bearer("message,manage,approve");
		const admin = await bearer("admin"), own = await bearer("admin", "--team", "frontend");
		assert.equal((await say(team)).from, "frontend");
		assert.equal((await say(team, "frontend")).from, "frontend");
		assert.equal((await say(guest)).from, "guest:key:test");
		assert.equal((await say(guest, "guest:key:test")).from, "guest:key:test");
		assert.equal((await say(admin)).from, "guest:key:test");
		assert.equal((await say(admin, "docs")).from, "docs");
		await fails(say(admin, "nobody"), "not_found");
		for (const c of [team, guest, own])
			for (const name of ["docs", "guest:somebody", "guest:key:other", "nobody"])
				await fails(say(c, name), "refused", /speaks as|own only/);
		assert.equal((await iris.json(["messages"])).messages.length, 6);
	});

	test("its idempotency keys are its own, and those of whom it speaks for", async () => {
		const one = await bearer("message"), two = await bearer("message"), admin = await bearer("admin");
		const send = (c, more) => c.call("message.send", { to: "backend", message: "ECHO same", idempotencyKey: "k", ...more });
		const first = await send(one);
		assert.equal((await send(one)).id, first.id);
		await fails(send(one, { message: "ECHO other" }), "invalid", new RegExp(first.id));
		const ids = [first.id, (await send(two)).id, (await send(admin)).id, (await send(admin, { from: "docs" })).id, (await send(admin, { from: "frontend" })).id];
		assert.equal(new Set(ids).size, 5);
		assert.equal((await send(admin, { from: "docs" })).id, ids[3]);
		/* Nor does the user's own key meet it, who speaks for the same. */
		const cli = await iris.json(["ask", "backend", "--from", "docs", "--key", "k", "ECHO same"]);
		assert.ok(!ids.includes(cli.id));
	});

	test("an answer, a rule and the end of one name the key", async () => {
		iris.setTeams({ ...TEAMS, backend: { path: iris.dirs.backend, grantPermission: "ask" } });
		const c = await bearer("approve,message"), admin = await bearer("admin");
		await admin.call("config.reload");
		const { id } = await c.call("message.send", { to: "backend", message: "BASH echo was-run", timeout: -1 });
		const [request] = await waitFor(async () => {
			const { permissions } = await c.call("permission.list");
			return permissions.length > 0 && permissions;
		}, { what: "the request" });
		const { permission } = await c.call("permission.answer", { id: request.id, behavior: "deny", inputHash: request.inputHash, reason: "not now" });
		assert.equal(permission.by, `key test (${c.who.id})`);
		assert.equal(permission.via, "web");
		await c.call("message.show", { id, wait: 0 });
		const { rule } = await c.call("permission.remember", { rule: "WebSearch" });
		assert.equal(rule.by, `key test (${c.who.id})`);
		assert.equal((await c.call("permission.revoke", { number: rule.id })).rule.revokedBy, `key test (${c.who.id})`);
		const { rows } = await c.call("audit.list");
		assert.deepEqual(rows.filter((r) => r.kind === "rule").map((r) => [r.by, r.via]), [[`key test (${c.who.id})`, "web"], [`key test (${c.who.id})`, "web"]]);
	});
});

describe("a key of one team", () => {
	const ALL = "read,message,manage,approve";
	let others, mine, toMe, c;

	beforeEach(async () => {
		iris = await startTeams(TEAMS);
		const say = async (from, to, message) => iris.json(["ask", to, "--from", from, message]);
		mine = await say("frontend", "backend", "ECHO zebra mine");
		toMe = await say("docs", "frontend", "ECHO zebra tome");
		others = await say("docs", "backend", "ECHO zebra secret");
		c = await bearer(ALL, "--team", "frontend");
	});
	afterEach(() => iris.stop());

	test("lists, finds and shows what that team has sent and got, and nothing else", async () => {
		const seen = [toMe.id, mine.id];
		assert.deepEqual((await c.call("message.list")).messages.map((m) => m.id), seen);
		/* One that is not its own takes no place in a list. */
		assert.deepEqual((await c.call("message.list", { limit: 1 })).messages.map((m) => m.id), [toMe.id]);
		assert.deepEqual((await c.call("message.list", { limit: 1, before: toMe.id })).messages.map((m) => m.id), [mine.id]);
		assert.deepEqual((await c.call("message.list", { team: "backend" })).messages.map((m) => m.id), [mine.id]);
		assert.deepEqual((await c.call("message.list", { from: "docs" })).messages.map((m) => m.id), [toMe.id]);
		assert.deepEqual((await c.call("message.list", { from: "docs", team: "backend" })).messages, []);
		const admin = await bearer("admin");
		await waitFor(async () => (await admin.call("message.search", { query: "zebra" })).messages.length === 3, { what: "the index" });
		const found = async (p) => (await c.call("message.search", { query: "zebra", ...p })).messages.map((m) => m.id).sort();
		assert.deepEqual(await found({}), seen.slice().sort());
		assert.deepEqual(await found({ from: "docs" }), [toMe.id]);
		assert.deepEqual(await found({ from: "backend" }), [mine.id]);
		assert.deepEqual(await found({ query: "secret" }), []);
		/* Another that ended later takes no place. */
		assert.deepEqual(await found({ from: "backend", limit: 1 }), [mine.id]);
		assert.equal((await c.call("message.show", { id: mine.id })).response, "zebra mine");
		assert.equal((await c.call("message.show", { id: toMe.id })).response, "zebra tome");
		const unknown = await c.call("message.show", { id: NOBODY }).catch((e) => e);
		for (const method of ["message.show", "message.cancel"])
			for (const more of [{}, { wait: 0 }, { stream: true }]) {
				const e = await c.call(method, { id: others.id, ...more }).catch((e) => e);
				assert.equal(e.code, "not_found");
				assert.equal(e.message, unknown.message.replace(NOBODY, others.id), "not to be told from one that there is not");
			}
	});

	test("another's message that waits: not shown, not cancelled, not heard of", async () => {
		const gate = makeGate(iris);
		const { id } = await iris.json(["send", "backend", "--from", "docs", gate.hold]);
		await fails(c.call("message.cancel", { id }), "not_found");
		await fails(c.call("message.show", { id, wait: 0, stream: true }), "not_found");
		assert.deepEqual(c.got.filter((l) => l.method), []);
		gate.open();
		assert.equal((await iris.json(["message", "show", "--wait", "0", id])).state, "answered");
	});

	test("sessions: its own and those with it; others are neither shown nor touched", async () => {
		const names = (list) => list.map((s) => `${s.from}>${s.to}`).sort();
		const seen = ["docs>frontend", "frontend>backend"];
		assert.deepEqual(names((await c.call("session.list")).sessions), seen);
		assert.deepEqual(names((await c.call("session.list", { team: "backend" })).sessions), ["frontend>backend"]);
		assert.deepEqual((await c.call("session.list", { from: "docs", team: "backend" })).sessions, []);
		assert.deepEqual(names((await c.call("daemon.status")).sessions), seen);
		const before = await iris.json(["sessions"]);
		for (const method of ["session.report", "session.reboot", "session.delete", "session.compact", "session.fork"])
			await fails(c.call(method, { team: "backend", from: "docs", force: true }), "refused", /own only/);
		for (const from of ["docs", "backend", "guest:x"])
			for (const method of ["team.wake", "team.sleep"])
				await fails(c.call(method, { team: "backend", from, force: true }), "refused", /own only/);
		await fails(c.call("team.sleep", { team: "frontend", from: "docs" }), "refused", /own only/);
		assert.deepEqual((await iris.json(["sessions"])).sessions.map((s) => [s.from, s.to, s.sessionId, s.state]), before.sessions.map((s) => [s.from, s.to, s.sessionId, s.state]));
		/* Without from: its own session, and no other one of that team. */
		assert.equal((await c.call("team.sleep", { team: "backend" })).stopped, 1);
		const state = Object.fromEntries((await iris.json(["sessions"])).sessions.map((s) => [`${s.from}>${s.to}`, s.state]));
		assert.equal(state["frontend>backend"], "asleep");
		assert.notEqual(state["docs>backend"], "asleep");
		assert.equal((await c.call("team.wake", { team: "backend" })).from, "frontend");
		assert.equal((await c.call("session.fork", { team: "frontend", from: "docs" })).from, "docs");
		assert.equal((await c.call("session.delete", { team: "frontend", from: "docs" })).hadSession, true);
	});

	test("other teams: their names, and not where they are or what they do", async () => {
		const { teams } = await c.call("team.list");
		const by = Object.fromEntries(teams.map((t) => [t.name, t]));
		assert.equal(by.frontend.path, iris.dirs.frontend);
		assert.deepEqual(Object.keys(by.docs).sort(), ["description", "name", "status"]);
		const shown = await c.call("team.show", { team: "backend" });
		assert.deepEqual(Object.keys(shown).sort(), ["description", "name", "sessions", "status"]);
		assert.deepEqual(shown.sessions.map((s) => s.from), ["frontend"]);
		assert.equal((await c.call("team.show", { team: "frontend" })).path, iris.dirs.frontend);
		const text = JSON.stringify([teams, shown, await c.call("daemon.status"), await c.call("remote.list"), await c.call("session.list")]);
		for (const secret of [iris.dirs.docs, iris.dirs.backend, iris.socket])
			assert.ok(!text.includes(secret), secret);
	});

	test("requests and rules: its own; another's is not there, is not answered, and is remembered by nobody", async () => {
		const admin = await bearer("admin");
		iris.setTeams({ ...TEAMS, backend: { path: iris.dirs.backend, grantPermission: "ask" }, frontend: { path: iris.dirs.frontend, grantPermission: "ask" } });
		await admin.call("config.reload");
		c.send({ jsonrpc: "2.0", id: "watch", method: "iris/permission.watch" });
		const foreign = await admin.call("message.send", { from: "docs", to: "backend", message: "BASH echo foreign", timeout: -1 });
		const own = await admin.call("message.send", { from: "frontend", to: "backend", message: "BASH echo own", timeout: -1 });
		const all = await waitFor(async () => {
			const { permissions } = await admin.call("permission.list");
			return permissions.length === 2 && permissions;
		}, { what: "two requests" });
		const [of, theirs] = [own.id, foreign.id].map((id) => all.find((p) => p.message === id));
		for (const params of [{}, { all: true }, { all: true, limit: 1 }])
			assert.deepEqual((await c.call("permission.list", params)).permissions.map((p) => p.id), [of.id]);
		const answer = (p, more) => c.call("permission.answer", { id: p.id, behavior: "allow", inputHash: p.inputHash, ...more });
		await fails(c.call("permission.show", { id: theirs.id }), "not_found");
		await fails(c.call("permission.show", { id: theirs.id.slice(-8) }), "not_found");
		await fails(answer(theirs), "not_found");
		await fails(answer({ ...theirs, id: theirs.id.slice(-8) }), "not_found");
		await fails(answer(of, { remember: true }), "refused", /can not remember a rule for team "backend"/);
		assert.equal((await c.call("permission.show", { id: of.id })).permission.input.command, "echo own");
		assert.equal((await answer(of)).permission.state, "allowed");
		assert.equal((await admin.call("permission.answer", { id: theirs.id, behavior: "deny", inputHash: theirs.inputHash })).permission.state, "denied");
		assert.deepEqual(c.got.filter((l) => l.method === "iris/permission.event").map((l) => l.params.permission.id), [of.id, of.id]);
		const global = (await admin.call("permission.remember", { rule: "WebSearch" })).rule;
		const docs = (await admin.call("permission.remember", { rule: "WebSearch", team: "docs" })).rule;
		await fails(c.call("permission.remember", { rule: "WebFetch" }), "refused", /own only/);
		await fails(c.call("permission.remember", { rule: "WebFetch", team: "docs" }), "refused", /own only/);
		const { rule } = await c.call("permission.remember", { rule: "WebFetch", team: "frontend" });
		assert.deepEqual((await c.call("permission.rules")).rules.map((r) => r.id), [rule.id]);
		for (const r of [global, docs])
			await fails(c.call("permission.revoke", { number: r.id }), "not_found");
		assert.equal((await c.call("permission.revoke", { number: rule.id })).rule.state, "revoked");
		assert.deepEqual((await admin.call("permission.rules")).rules.filter((r) => r.state === "active").map((r) => r.id).sort(), [global.id, docs.id].sort());
	});

	test("an administrator's key of a team: no key, no configuration, no audit, nothing of other teams", async () => {
		const own = await bearer("admin", "--team", "frontend");
		const refused = ["key.list", "config.reload", "audit.list", "audit.verify", "process.list", "log.list", "config.get", "config.put", "team.add", "team.remove", "remote.revoke", "remote.grant"];
		for (const [method, params] of [["key.create", { name: "more", scope: "admin" }], ["key.create", { name: "more", scope: "read", team: "frontend" }],
			["key.revoke", { id: "0" }], ...refused.map((m) => [m, { team: "frontend" }])]) {
			const e = await own.call(method, params).then(() => assert.fail(`${method} went through`), (e) => e);
			assert.ok(e.number === -32601 || (e.code === "refused" && /not for a key of one team/.test(e.message)), `${method}: ${e.message}`);
		}
		await fails(own.call("remote.check", { team: "docs" }), "refused", /own only/);
		assert.equal((await iris.json(["keys"])).keys.length, 2);
	});
});

describe("the end of a key, and too much of it", () => {
	setup();

	test("revoked: what waits ends, also what is never answered, and nothing more goes; others go on", async () => {
		const key = await makeKey("approve,message"), other = await bearer("approve,message"), gate = makeGate(iris);
		const c = await web(key.key), second = await web(key.key);
		const waiting = c.call("message.send", { to: "backend", message: gate.hold });
		const watching = second.call("permission.watch"), theirs = other.call("message.send", { to: "docs", message: gate.hold });
		const ends = Promise.all([waiting, watching].map((p) => fails(p, "unauthorized", /was revoked/)));
		await waitFor(async () => (await iris.json(["messages"])).messages.filter((m) => m.state === "seen").length === 2, { what: "both turns" });
		await iris.json(["key", "revoke", key.id]);
		await within(15000, ends, "the calls to end");
		for (const x of [c, second])
			await fails(x.call("team.list"), "unauthorized", /revoked/);
		await fails(c.call("key.check", { key: key.key, api: true }), "unauthorized");
		gate.open();
		assert.equal((await theirs).state, "answered");
		/* The connection is not lost: it is the next one's. */
		await c.call("key.check", { key: (await makeKey("read")).key, api: true });
		assert.equal((await c.call("team.list")).teams.length, 3);
	});

	test("a key may end itself, whatever its scopes, and no other one", async () => {
		const c = await bearer("read"), other = await makeKey("read");
		await fails(c.call("key.revoke", { id: other.id }), "refused", /scope "admin"/);
		assert.equal((await c.call("key.revoke", { id: c.who.id })).state, "revoked");
		await fails(c.call("team.list"), "unauthorized");
		const team = await bearer("read", "--team", "frontend");
		assert.equal((await team.call("key.revoke", { id: team.who.id })).state, "revoked");
	});

	test("expired: a subscription ends when its time comes, and so does every call", async () => {
		const cli = await connectRaw(iris, { role: "ctl" });
		const c = await web();
		const { result } = await cli.request("iris/key.create", { name: "brief", scope: "approve", expires: 1500 });
		const who = await c.call("key.check", { key: result.key, api: true });
		assert.equal(who.expiresAt, result.expiresAt);
		await fails(within(10000, c.call("permission.watch"), "the end of the subscription"), "unauthorized", /has expired/);
		assert.ok(Date.now() >= result.expiresAt, "not before its time");
		await fails(c.call("team.list"), "unauthorized", /expired/);
		await fails(c.call("key.check", { key: result.key, api: true }), "unauthorized");
	});

	test("its team is gone: nothing goes any more", async () => {
		const c = await bearer("read", "--team", "docs");
		iris.setTeams({ frontend: { path: iris.dirs.frontend }, backend: { path: iris.dirs.backend } });
		await (await bearer("admin")).call("config.reload");
		await fails(c.call("team.list"), "refused", /not configured any more/);
	});

	test("a session's own key opens no control call", async () => {
		await iris.stop();
		iris = await makeHttp({ backend: { sessionMcpEnabled: true } });
		await iris.start();
		await iris.json(["ask", "backend", "ECHO up"]);
		const dir = join(iris.dirs.backend, ".claude/iris/mcp");
		const [file] = readdirSync(dir).filter((f) => f.startsWith("iris-mcp-"));
		const server = Object.values(JSON.parse(readFileSync(join(dir, file), "utf8")).mcpServers)[0];
		const key = server.headers.Authorization.replace("Bearer ", "");
		const c = await web();
		await fails(c.call("key.check", { key, api: true }), "refused", /for the MCP of session/);
		await fails(c.call("team.list"), "unauthorized");
	});
});

describe("too many requests", () => {
	setup({ config: { dashboard: { rateLimit: 2 } } });

	test("a key's own: ten at once, then limit with the time to wait; another key's and MCP's are not touched", async () => {
		const { key, id } = await makeKey("read"), other = await makeKey("read");
		const c = await web(), check = (key) => c.call("key.check", { key, api: true });
		let taken = 0, over;
		while (over === undefined && taken < 100)
			await check(key).then(() => taken++, (e) => (over = e));
		assert.ok(taken >= 10 && taken < 20, `${taken} were taken`);
		assert.equal(over.code, "limit");
		assert.match(over.message, new RegExp(`key ${id}: 2 a second \\(dashboard.rateLimit\\), and 10 at once`));
		assert.ok(over.data.retryAfter > 0 && over.data.retryAfter <= 500, JSON.stringify(over.data));
		await check(other.key);
		assert.equal((await c.call("key.check", { key })).id, id);
		const asked = Date.now(), again = await waitFor(() => check(key).catch(() => false), { what: "the next one to be taken", every: 10 });
		assert.equal(again.id, id);
		assert.ok(Date.now() - asked < 15000);
	});
});

describe("logins of the dashboard", () => {
	const START = (more = {}) => startHttp({ frontend: {}, backend: { grantPermission: "ask" } }, more);

	afterEach(() => iris.stop());

	test("a link is good once: a key that is listed, does what it was made for, and can be ended", async () => {
		iris = await START();
		const login = await iris.json(["dashboard"]);
		assert.equal(login.url, `http://127.0.0.1:${iris.port2}`);
		assert.equal(login.link, `${login.url}/#login=${login.token}`);
		assert.match(login.token, /^[0-9a-f]{64}$/);
		assert.ok(Math.abs(login.expiresAt - Date.now() - 120000) < 10000);
		const c = await web();
		await fails(c.call("login.redeem"), "invalid", /needs token/);
		await fails(c.call("login.redeem", { token: `${login.token.slice(1)}0` }), "unauthorized", /unknown, was used already or is older than 2 minutes/);
		const made = await c.call("login.redeem", { token: login.token });
		await fails(c.call("login.redeem", { token: login.token }), "unauthorized", /used already/);
		assert.equal(made.name, "dashboard");
		assert.deepEqual(made.scopes, ["read", "admin"]);
		assert.ok(Math.abs(made.expiresAt - Date.now() - 7 * 86400000) < 10000);
		await fails(c.call("team.list"), "unauthorized");
		const page = await web(made.key);
		assert.equal(page.who.from, "guest:key:dashboard");
		/* A person's browser, and irisd says so. */
		await page.call("message.send", { to: "backend", message: "BASH echo x", from: "frontend", timeout: -1 });
		const [p] = await waitFor(async () => {
			const { permissions } = await page.call("permission.list");
			return permissions.length > 0 && permissions;
		}, { what: "the request" });
		const { permission } = await page.call("permission.answer", { id: p.id, behavior: "allow", inputHash: p.inputHash });
		assert.deepEqual([permission.by, permission.via], [`dashboard (${made.id})`, "web"]);
		const [row] = (await iris.json(["keys"])).keys.filter((k) => k.name === "dashboard");
		assert.deepEqual([row.id, row.state, row.scopes, row.expiresAt], [made.id, "active", ["read", "admin"], made.expiresAt]);
		assert.equal((await iris.json(["keys"])).keys.some((k) => "key" in k), false);
		await iris.json(["key", "revoke", made.id]);
		await fails(page.call("team.list"), "unauthorized");
	});

	test("scopes as asked for; the name is for logins alone; none by a key, none in the role web", async () => {
		iris = await START();
		const { token } = await iris.json(["dashboard", "--scope", "read,message"]);
		const made = await (await web()).call("login.redeem", { token });
		assert.deepEqual(made.scopes, ["read", "message"]);
		const page = await web(made.key);
		await fails(page.call("key.list"), "refused", /scope "admin"/);
		await fails(page.call("message.send", { to: "backend", message: "ECHO x", from: "frontend" }), "refused");
		await fails(page.call("login.create"), "refused", /not to be had with a key/);
		const bad = await iris.iris(["key", "create", "dashboard", "--scope", "read"]);
		assert.equal(bad.status, 2);
		assert.match(bad.stderr, /the name of the logins/);
		const cli = await connectRaw(iris, { role: "ctl" });
		const wrong = async (params) => (await cli.request("iris/login.create", params)).error;
		assert.match((await wrong({ scope: "everything" })).message, /is no scope/);
		assert.match((await wrong({ expires: 0 })).message, /expires must be from 1/);
		assert.match((await wrong({ expires: 1e12 })).message, /expires must be from 1/);
		assert.equal((await cli.request("iris/login.redeem", { token })).error.data.code, "refused");
	});

	test("who waits for a link while the web process changes is told when there will be none", async () => {
		iris = await START();
		const cli = await connectRaw(iris, { role: "ctl" }), { web: { pid } } = (await cli.request("iris/daemon.status")).result;
		const file = join(iris.home, "config.yaml"), { dashboard, ...rest } = JSON.parse(readFileSync(file, "utf8"));
		const reload = async (change) => {
			writeFileSync(file, JSON.stringify({ ...rest, dashboard: { ...dashboard, ...change } }));
			assert.equal((await cli.request("iris/config.reload")).error, undefined);
		};
		process.kill(pid, "SIGSTOP");
		try {
			await reload({ http: iris.port2 + 1 });
			const link = cli.request("iris/login.create");
			assert.deepEqual((await cli.request("iris/daemon.status")).result.web.urls, [], "it is to end, and is no more told of");
			await reload({ enabled: false });
			const { error } = await within(15000, link, "the end of the wait");
			assert.match(error.message, /the dashboard is switched off/);
		} finally {
			process.kill(pid, "SIGCONT");
		}
	});

	test("seventeen links: the first one is given up; those that are over go from the list", async () => {
		iris = await START();
		const cli = await connectRaw(iris, { role: "ctl" }), c = await web();
		const link = async (expires) => (await cli.request("iris/login.create", { scope: "read", expires })).result.token;
		const tokens = [];
		for (let i = 0; i < 17; i++)
			tokens.push(await link(3600000));
		await fails(c.call("login.redeem", { token: tokens[0] }), "unauthorized");
		const one = await c.call("login.redeem", { token: tokens[1] });
		const logins = async () => (await iris.json(["keys"])).keys.filter((k) => k.name === "dashboard");
		await iris.json(["key", "revoke", one.id]);
		assert.deepEqual((await logins()).map((k) => k.state), ["revoked"]);
		const brief = await c.call("login.redeem", { token: await link(1) });
		assert.deepEqual((await logins()).map((k) => k.id), [brief.id], "the one that was ended is gone");
		await waitFor(async () => (await logins())[0].state === "expired", { what: "its end" });
		const kept = await c.call("login.redeem", { token: tokens[16] });
		assert.deepEqual((await logins()).map((k) => k.id), [kept.id]);
		await c.call("login.redeem", { token: await link(1) });
		await waitFor(async () => (await logins()).some((k) => k.state === "expired"), { what: "its end" });
		await iris.iris(["restart", "--hard"]);
		assert.deepEqual((await logins()).map((k) => k.id), [kept.id], "and at irisd's start");
	});

	test("a team's Claude gets no link, by whatever it has started", async () => {
		iris = await startHttp({ backend: { grantPermission: "yes" } });
		const { response } = await iris.json(["ask", "backend", `BASH ${program("iris")} dashboard --print`]);
		assert.match(response, /changes what Iris allows/);
		/* What the guard can not see into. */
		const script = join(iris.root, "ask.sh");
		writeFileSync(script, `#!/bin/sh\nexec '${program("iris")}' dashboard --print 2>&1\n`, { mode: 0o755 });
		const seen = await iris.json(["ask", "backend", `BASH ${script}`]);
		assert.match(seen.response, /a login to the dashboard is for a person/);
		assert.doesNotMatch(seen.response, /#login=/);
	});

	test("a screen: the program that opens links gets the link; without one it is printed, and why", async () => {
		iris = await START();
		const bin = join(iris.root, "bin"), out = join(iris.root, "opened");
		mkdirSync(bin);
		writeFileSync(join(bin, "xdg-open"), `#!/bin/sh\nprintf '%s' "$*" >'${out}.part' && mv '${out}.part' '${out}'\n`, { mode: 0o755 });
		const env = { DISPLAY: ":99", PATH: `${bin}:/usr/bin:/bin` };
		const opened = await iris.iris(["dashboard"], { env });
		assert.equal(opened.status, 0, opened.stderr);
		assert.match(opened.stderr, /a browser is opened; the link is good once/);
		await waitFor(() => existsSync(out), { what: "the browser" });
		assert.equal(readFileSync(out, "utf8"), opened.stdout.trim());
		const none = await iris.iris(["dashboard"], { env: { DISPLAY: "", WAYLAND_DISPLAY: "", PATH: "/nonexistent" } });
		assert.equal(none.status, 0);
		assert.match(none.stdout, new RegExp(`^http://127.0.0.1:${iris.port2}/#login=[0-9a-f]{64}\n$`));
		assert.match(none.stderr, /open the link in a browser/);
		const printed = await iris.iris(["dashboard", "--print"], { env });
		assert.match(printed.stdout, /#login=[0-9a-f]{64}\n$/);
		assert.doesNotMatch(printed.stderr, /browser/);
		assert.notEqual(printed.stdout, opened.stdout);
	});

	test("irisd is started for it; a dashboard that is off, or has no port, is told apart from one that comes", async () => {
		iris = await makeHttp({ frontend: {} });
		const r = await iris.iris(["dashboard", "--print"]);
		assert.equal(r.status, 0, r.stderr);
		assert.match(r.stdout, new RegExp(`:${iris.port2}/#login=`));
		await iris.stop();
		iris = await makeHttp({ frontend: {} }, { dashboard: { enabled: false } });
		const off = await iris.iris(["dashboard"]);
		assert.equal(off.status, 5);
		assert.match(off.stderr, /dashboard.enabled is false in .*config.yaml; set it to true/);
		await iris.stop();
		const blockers = [];
		iris = await makeHttp({ frontend: {} });
		for (const port of [iris.port, iris.port2])
			blockers.push(await new Promise((resolve) => { const s = createServer().listen(port, "127.0.0.1", () => resolve(s)); }));
		try {
			const taken = await iris.iris(["dashboard"]);
			assert.equal(taken.status, 5, taken.stderr);
			assert.match(taken.stderr, /nothing can listen on port \d+: .*; end what has it, or choose another one: dashboard.http/);
		} finally {
			blockers.forEach((s) => s.close());
		}
	});
});
