/* SPDX-License-Identifier: MIT
 *
 * Live events, iris/event.subscribe: what is told of what happens, to whom, in which order; and that who
 * was away misses nothing, or learns that it has.
 */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { assert, connectRaw, makeGate, startTeams, waitFor } from "./setup.mjs";

/* A subscriber: its events, and a wait for one of them. */
async function subscribe(iris, params = {}, hello = { role: "ctl" }, before = async () => {}) {
	const c = await connectRaw(iris, hello);

	await before(c);
	c.send({ jsonrpc: "2.0", id: "events", method: "iris/event.subscribe", params });
	c.events = () => c.got.filter((l) => l.method === "iris/event").map((l) => l.params);
	c.of = (type) => c.events().filter((e) => e.type === type);
	c.event = async (type, fits = () => true) => (await c.line((l) => l.method === "iris/event" && l.params.type === type && fits(l.params),
		{ what: `an event ${type} ${fits}` })).params;
	c.hello = await c.event("hello");
	return c;
}

/* hello and gap have the number up to which the subscriber has, or has missed, all. */
const rises = (events) => events.every((e, i) => i === 0 || e.seq > events[i - 1].seq || (e.type === "gap" && e.seq === events[i - 1].seq));

describe("live events", () => {
	let iris, ctl;
	const open = [];
	const sub = async (...args) => {
		const c = await subscribe(iris, ...args);
		open.push(c);
		return c;
	};
	const call = async (method, params) => {
		const { result, error } = await ctl.request(`iris/${method}`, params);
		assert.equal(error, undefined, JSON.stringify(error));
		return result;
	};
	const ask = (message, more = {}) => call("message.send", { to: "b", from: "asker", message, timeout: 0, ...more });
	const quick = (message, more = {}) => ask(message, { timeout: -1, ...more });

	beforeEach(async () => {
		iris = await startTeams({ asker: {}, b: {}, c: {} });
		ctl = await connectRaw(iris, { role: "ctl", cwd: iris.dirs.asker });
	});
	afterEach(async () => {
		for (const c of [ctl, ...open.splice(0)])
			c.socket.destroy();
		await iris.stop();
	});

	test("hello, then a message from its coming to its end: each step once, in order, as it is stored", async () => {
		const s = await sub();
		assert.equal(s.hello.topic, "stream");
		assert.equal(s.hello.startedAt, (await call("daemon.status")).startedAt);
		assert.ok(s.hello.seq >= s.hello.startedAt * 1000, "it begins at irisd's start, in microseconds");
		const text = `ECHO ${"ä".repeat(300)}`;
		const m = await ask(text);
		await s.event("message", (e) => e.message.state === "answered");
		const mine = s.events().filter((e) => e.topic === "message");
		assert.deepEqual(mine.map((e) => [e.type, e.type === "receipt" ? e.state : e.message.state]),
			[["message", "queued"], ["receipt", "queued"], ["receipt", "sent"], ["receipt", "seen"], ["receipt", "answered"], ["message", "answered"]]);
		const { receipts } = await call("message.show", { id: m.id });
		assert.deepEqual(s.of("receipt").map(({ id, from, to, state, at, evidence }) => [id, from, to, { state, at, evidence }]),
			receipts.map((r) => [m.id, "asker", "b", r]));
		const [came, ended] = s.of("message").map((e) => e.message);
		assert.equal(came.message, text.slice(0, 200));
		assert.equal(ended.response, "ä".repeat(200));
		assert.equal(ended.receipts, undefined);
		const [brief] = (await call("message.list", { limit: 1 })).messages;
		assert.deepEqual(ended, brief, "the object of message.list");
		assert.ok(rises(s.events()), JSON.stringify(s.events().map((e) => e.seq)));
		assert.equal(s.got.filter((l) => l.id === "events").length, 0, "the call is not answered");
	});

	test("a session's states, its team's and the pool's figures, each as the lists have them", async () => {
		const s = await sub({ topics: ["session", "team", "pool"] });
		await ask("ECHO a");
		const last = await s.event("session", (e) => e.session.state === "idle" && e.session.messages === 1);
		assert.deepEqual([...new Set(s.of("session").map((e) => e.session.state))].filter((x) => x !== "waiting" && x !== "busy"),
			["asleep", "starting", "idle"].filter((x) => s.of("session").some((e) => e.session.state === x)));
		const [now] = (await call("session.list", { team: "b" })).sessions;
		assert.deepEqual({ ...last.session, lastUsed: 0 }, { ...now, lastUsed: 0 });
		assert.equal((await s.event("team", (e) => e.team.status === "awake")).team.name, "b");
		await s.event("pool", (e) => e.active === 1 && e.queued === 0);
		await call("team.sleep", { team: "b", from: "asker" });
		await s.event("session", (e) => e.session.state === "asleep" && e.session.messages === 1);
		await s.event("team", (e) => e.team.status === "asleep");
		await s.event("pool", (e) => e.active === 0 && e.max === 10 && e.waiting === 0);
		assert.deepEqual([...new Set(s.events().map((e) => e.topic))].sort(), ["pool", "session", "stream", "team"]);
		await call("session.delete", { team: "b", from: "asker" });
		const gone = await s.event("session.deleted");
		assert.deepEqual([gone.from, gone.to], ["asker", "b"]);
		const [fresh] = (await call("session.list", { team: "b" })).sessions;
		await s.event("session", (e) => e.seq > gone.seq && e.session.sessionId === fresh.sessionId && e.session.messages === 0);
		iris.setTeams({ asker: {}, c: {} });
		await call("config.reload");
		await s.event("session.deleted", (e) => e.seq > gone.seq && e.to === "b");
	});

	test("the text as it is written; who comes in the middle has what was said and used so far", async () => {
		const s = await sub({ topics: ["text"] }), gate = makeGate(iris);
		const { id } = await quick(`BLOCKS one two|three\nTOOL list_teams {}\nSLOW 200 four five six\n${gate.hold}\nECHO end`);
		const tool = await s.event("tool");
		assert.deepEqual([tool.id, tool.from, tool.to], [id, "asker", "b"]);
		assert.match(tool.name, /list_teams$/);
		assert.equal(tool.input, "{}");
		await waitFor(() => s.of("delta").map((e) => e.text).join("").includes("four five six"), { what: "the text" });
		const late = await sub({ topics: ["text"] });
		const said = await late.event("text");
		assert.equal(said.id, id);
		assert.equal(said.text, s.of("delta").map((e) => e.text).join(""));
		assert.deepEqual(said.tools, [{ name: tool.name, input: "{}" }]);
		gate.open();
		const m = await call("message.show", { id, wait: 0 });
		await waitFor(() => s.of("delta").map((e) => e.text).join("") === m.response, { what: "all of the text" });
		assert.equal(said.text + late.of("delta").map((e) => e.text).join(""), m.response);
		assert.deepEqual(m.tools, said.tools, "and the message keeps its tools");
		assert.equal((await call("message.list", {})).messages[0].tools, undefined);
		const idle = await sub({ topics: ["text"] });
		await call("daemon.status");
		assert.equal(idle.of("text").length, 0, "no turn, no text");
	});

	test("what a tool was given is cut to 400 characters, and no character is split", async () => {
		const s = await sub({ topics: ["text", "approval"] });
		const { id } = await quick(`BASH echo ${"é".repeat(600)}`);
		const { permission } = await s.event("approval", (e) => e.permission.state === "pending");
		assert.equal(permission.message, id);
		await call("permission.answer", { id: permission.id, behavior: "deny", inputHash: permission.inputHash });
		assert.equal((await s.event("approval", (e) => e.permission.state === "denied")).permission.id, permission.id);
		const m = await call("message.show", { id, wait: 0 });
		const [{ input }] = s.of("tool");
		assert.equal([...input].length, 400);
		assert.match(input, /^\{"command":"echo é+$/);
		assert.deepEqual(m.tools, [{ name: "Bash", input }]);
	});

	test("what looks like a secret in what a tool was given is told to nobody", async () => {
		const s = await sub({ topics: ["text"] });
		const { id } = await quick('TOOL list_teams {"api_key":"0123456789abcdef","more":"Bearer abcdefghijklmnop","n":1}');
		const m = await call("message.show", { id, wait: 0 }), want = '{"api_key":"[redacted]","more":"Bearer [redacted]","n":1}';
		assert.deepEqual(m.tools.map((t) => t.input), [want]);
		assert.equal((await s.event("tool")).input, want);
	});

	test("fifty tools at most, the newest", async () => {
		const { id } = await quick(Array.from({ length: 60 }, (_, i) => `TOOL list_teams {"n":${i}}`).join("\n"));
		const m = await call("message.show", { id, wait: 0 });
		assert.equal(m.tools.length, 50);
		assert.equal(m.tools.at(-1).input, '{"n":59}');
		assert.ok(JSON.stringify(m.tools).length <= 16 * 1024);
	});

	test("resumed: what came meanwhile comes first, once, in order, and then what is new", async () => {
		const s = await sub({ topics: ["message"] });
		await ask("ECHO a");
		await s.event("message", (e) => e.message.response === "a");
		s.socket.destroy();
		const since = s.events()[1].seq;
		await ask("ECHO b");
		const again = await sub({ topics: ["message"], since });
		assert.equal(again.hello.seq, since);
		await again.event("message", (e) => e.message.response === "b");
		await ask("ECHO c");
		await again.event("message", (e) => e.message.response === "c");
		assert.equal(again.of("gap").length, 0);
		assert.ok(rises(again.events()));
		const old = again.events().filter((e) => e.seq <= s.events().at(-1).seq && e.type !== "hello");
		assert.deepEqual(old, s.events().slice(2), "the same events, with the same numbers");
		assert.equal(again.of("message").length, 5);
	});

	test("resumed with all topics, after the only one who had them: nothing is missing", async () => {
		const s = await sub();
		await s.event("host");
		const connected = async () => (await call("daemon.status")).connections, before = await connected();
		s.socket.destroy();
		const since = Math.max(...s.events().map((e) => e.seq));
		await waitFor(async () => (await connected()) < before, { what: "its end" });
		await ask("ECHO a");
		const again = await sub({ since });
		await again.event("message", (e) => e.message.response === "a");
		await again.event("log");
		assert.equal(again.of("gap").length, 0);
	});

	test("a gap, where something is missing: after a restart, of a topic that nobody had, and beyond what is kept", async () => {
		const s = await sub({ topics: ["message"] });
		await ask("ECHO a");
		const { seq } = await s.event("message", (e) => e.message.state === "answered");
		s.socket.destroy();
		const other = await sub({ topics: ["message", "session"], since: seq });
		assert.equal((await other.event("gap")).seq, seq, "sessions were not kept");
		assert.equal(other.of("gap")[0].topic, "stream");
		const same = await sub({ topics: ["message"], since: seq });
		const ahead = await sub({ topics: ["message"], since: seq * 2 });
		await ahead.event("gap");
		await ask("ECHO b");
		await same.event("message", (e) => e.message.response === "b");
		assert.equal(same.of("gap").length, 0);
		ctl.socket.destroy();
		await iris.kill();
		await iris.start();
		ctl = await connectRaw(iris, { role: "ctl", cwd: iris.dirs.asker });
		const fresh = await sub({ topics: ["message"], since: same.events().at(-1).seq });
		assert.ok((await fresh.event("gap")).seq > same.events().at(-1).seq, "numbers rise from one irisd to the next");
		await ask("ECHO c");
		await fresh.event("message", (e) => e.message.response === "c");
		assert.ok(rises(fresh.events()));
	});

	test("of one session at most one event in a moment, however much happens to it, and the last is true", async () => {
		const s = await sub({ topics: ["session", "message"] });
		await ask("ECHO warm");
		const ids = await Promise.all(Array.from({ length: 200 }, (_, i) => quick(`ECHO ${i}`)));
		await s.event("message", (e) => e.message.id === ids.at(-1).id && e.message.state === "answered");
		await s.event("session", (e) => e.session.messages === 201 && e.session.state === "idle" && e.session.queued === 0);
		const steps = s.of("receipt").length, told = s.of("session");
		assert.ok(steps >= 800);
		/* One in 20 ms, and some for a look at the clock that was long ago when the event got its time. */
		const ms = told.at(-1).at - told[0].at;
		assert.ok(told.length <= ms / 20 + 25, `${told.length} events of the session in ${ms} ms for ${steps} steps`);
		const passes = new Set(told.map((e) => e.at));
		assert.ok(told.length - passes.size <= 2, "never two at once");
	});

	test("a topic that does not exist, or since that is no number: refused, and named", async () => {
		const { error } = await ctl.request("iris/event.subscribe", { topics: ["mesage"] });
		assert.match(error.message, /no topic "mesage"; did you mean "message"\?/);
		const other = (await ctl.request("iris/event.subscribe", { topics: ["everything"] })).error;
		assert.match(other.message, /no topic "everything"; there are stream, team, session, .*, webhook$/);
		for (const params of [{ topics: "message" }, { topics: [7] }, { since: "7" }, { since: -1 }])
			assert.equal((await ctl.request("iris/event.subscribe", params)).error?.data?.code, "invalid", JSON.stringify(params));
	});

	test("lines of the log, also of workers; and a file that was moved away is followed", async () => {
		const s = await sub({ topics: ["log"] });
		await ask("ECHO a");
		const { line } = await s.event("log", (e) => e.line.component === "iris-worker");
		assert.equal(line.level, "info");
		assert.ok(Math.abs(Date.now() - line.at) < 60000);
		assert.ok(line.pid > 0 && line.message.length > 0);
		await s.event("log", (e) => e.line.component === "irisd" && /message answered/.test(e.line.message));
		const log = join(iris.home, "log", "irisd.log");
		writeFileSync(`${log}.new`, "");
		appendFileSync(log, "2026-01-01T00:00:00.000Z warn tester[7] the last line\n");
		renameSync(`${log}.new`, log);
		assert.equal((await s.event("log", (e) => e.line.component === "tester")).line.message, "the last line");
		appendFileSync(log, "2026-01-01T00:00:01.000Z error tester[8] the first line\n");
		assert.equal((await s.event("log", (e) => e.line.pid === 8)).line.level, "error");
		const before = s.of("log").filter((e) => e.line.pid === 7).length;
		assert.equal(before, 1, "each line once");
	});

	test("what the machine and the processes use, every two seconds", async () => {
		await ask("ECHO a");
		const s = await sub({ topics: ["host"] });
		const { host, processes } = await s.event("host");
		assert.equal(host.load.length, 3);
		assert.ok(host.cpus >= 1 && host.memTotal > host.memAvailable && host.memAvailable > 0);
		assert.deepEqual(processes.map((p) => p.kind).sort(), ["claude", "irisd", "worker"]);
		for (const p of processes)
			assert.ok(p.rss > 100000 && p.cpu >= 0 && p.uptime >= 0 && p.uptime < 600000, JSON.stringify(p));
		assert.equal(processes.find((p) => p.kind === "irisd").pid, iris.daemon.pid);
		assert.deepEqual([processes.find((p) => p.kind === "claude").team, processes.find((p) => p.kind === "claude").from], ["b", "asker"]);
		const next = await waitFor(() => s.of("host")[1], { what: "the next ones" });
		assert.ok(next.at - s.of("host")[0].at >= 1900);
	});

	test("the configuration: what has changed, and why nothing did", async () => {
		const s = await sub({ topics: ["config", "team"] });
		iris.setTeams({ asker: {}, b: { description: "another one" }, d: {} });
		await call("config.reload");
		const e = await s.event("config");
		assert.deepEqual([e.added, e.removed, e.changed, e.settings], [["d"], ["c"], ["b"], []]);
		assert.equal((await s.event("team", (t) => t.team.name === "b")).team.description, "another one");
		await s.event("team", (t) => t.team.name === "d");
		writeFileSync(join(iris.home, "config.yaml"), "teams: [\n");
		assert.notEqual((await ctl.request("iris/config.reload")).error, undefined);
		assert.match((await s.event("config", (c) => c.error !== undefined)).error, /config\.yaml:\d+/);
	});

	/* A connection of the web role for the bearer of a new key. */
	const bearer = async (params, scope, ...more) => {
		const { id, key } = await iris.json(["key", "create", "test", "--scope", scope, ...more]);
		const c = await sub(params, { role: "web" }, async (raw) => {
			const { error } = await raw.request("iris/key.check", { key, api: true });
			assert.equal(error, undefined, JSON.stringify(error));
		});
		c.key = id;
		return c;
	};
	const refused = async (params, scope, ...more) => {
		const { key } = await iris.json(["key", "create", "test", "--scope", scope, ...more]);
		const raw = await connectRaw(iris, { role: "web" });
		open.push(raw);
		await raw.request("iris/key.check", { key, api: true });
		return (await raw.request("iris/event.subscribe", params)).error;
	};

	test("a key of a team sees that team's traffic, and nothing of the house; approvals want their scope", async () => {
		const all = await bearer({}, "read,approve"), mine = await bearer({}, "read,approve", "--team", "b"), read = await bearer({}, "read");
		const { permission } = await (async () => {
			await quick("PERM Write");
			return mine.event("approval");
		})();
		await call("permission.answer", { id: permission.id, behavior: "allow", inputHash: permission.inputHash });
		const other = await call("message.send", { to: "c", from: "asker", message: "ECHO others", timeout: 0 });
		const own = await call("message.send", { to: "c", from: "b", message: "ECHO own", timeout: 0 });
		await call("config.reload");
		const has = (c, id) => c.events().some((e) => e.id === id || e.message?.id === id || e.session?.current === id);
		for (const c of [all, mine, read])
			await c.event("message", (e) => e.message.id === own.id && e.message.state === "answered");
		await all.event("config");
		await all.event("log");
		await all.event("host");
		assert.ok(has(all, other.id) && has(all, own.id) && has(read, other.id));
		assert.ok(has(mine, own.id) && !has(mine, other.id));
		for (const e of mine.events().filter((x) => x.topic !== "stream"))
			assert.ok([e.from, e.to, ...[e.session, e.message].flatMap((o) => [o?.from, o?.to]), e.permission?.team, e.team?.name].includes("b"), JSON.stringify(e));
		assert.deepEqual([...new Set(mine.events().map((e) => e.topic))].filter((t) => ["log", "config", "pool", "host"].includes(t)), []);
		assert.ok(read.of("approval").length === 0 && all.of("approval").length === 2);
		assert.match((await refused({ topics: ["approval"] }, "read")).message, /needs a key with the scope "approve"/);
		assert.match((await refused({ topics: ["message", "log"] }, "read", "--team", "b")).message, /of no team/);
	});

	test("the key is revoked: the events end, with the reason", async () => {
		const c = await bearer({}, "read");
		await iris.json(["key", "revoke", c.key]);
		const { error } = await c.line((l) => l.id === "events", { what: "the end" });
		assert.equal(error.data.code, "unauthorized");
		const n = c.events().length;
		await ask("ECHO a");
		assert.equal(c.events().length, n);
	});

	test("who does not read is kept no more than a little for, and has a gap then; the others are told of all", async () => {
		const rss = () => Number(readFileSync(`/proc/${iris.daemon.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]);
		const s = await sub({ topics: ["message"] }), slow = await sub({ topics: ["message"] });
		/* Each subscription of the connection has the events for itself. */
		for (let i = 0; i < 500; i++)
			slow.send({ jsonrpc: "2.0", id: `e${i}`, method: "iris/event.subscribe", params: { topics: ["message"] } });
		await waitFor(() => slow.of("hello").length === 501, { what: "all of them" });
		slow.socket.pause();
		const before = rss();
		/* More than a megabyte each. */
		for (let i = 0; i < 30; i++)
			await ask(`ECHO ${i} ${"x".repeat(200)}`);
		const m = await ask("ECHO still");
		await s.event("message", (e) => e.message.id === m.id && e.message.state === "answered");
		assert.ok(rss() - before < 16 * 1024, `${before} -> ${rss()} KiB`);
		slow.socket.resume();
		await slow.event("gap");
		const next = await ask("ECHO next");
		await slow.event("message", (e) => e.message.id === next.id && e.message.state === "answered");
		assert.ok(!slow.of("message").some((e) => e.message.id === m.id));
	});
});
