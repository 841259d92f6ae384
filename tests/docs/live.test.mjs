/* SPDX-License-Identifier: MIT
 *
 * The manual against programs that run: an irisd with two teams and the fake claude, its control
 * calls, its tools through iris-mcp-shim, and iris with its help. Needs the build under test
 * ($IRIS_BUILD, default build/).
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { buildDir, fakeClaudePath } from "../lib/claude-env.mjs";
import { assertNoneLeft } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";
import { bare, call, items, literals, members, page, pageNames, section, sorted, source, subsections } from "./mdoc.mjs";

const program = (name) => join(buildDir(), "bin", name);
const protocol = page("iris-protocol.7");
let root, env, irisd;

before(async () => {
	root = realpathSync(mkdtempSync(join(tmpdir(), "iris-docs")));
	env = { PATH: process.env.PATH, HOME: root, LANG: "C.UTF-8", IRIS_HOME: join(root, "iris"), NO_COLOR: "1" };
	const teams = {};
	for (const name of ["frontend", "backend"]) {
		mkdirSync(join(root, name));
		teams[name] = { path: join(root, name), description: `the ${name}`, color: "#2f9e44", model: "sonnet" };
	}
	mkdirSync(env.IRIS_HOME, { mode: 0o700 });
	writeFileSync(join(env.IRIS_HOME, "config.yaml"), JSON.stringify({ settings: { claudePath: fakeClaudePath() }, dashboard: { enabled: false }, teams }));
	const log = openSync(join(root, "irisd.log"), "a");
	irisd = spawn(program("irisd"), [], { cwd: "/", env, stdio: ["ignore", "ignore", log] });
	const said = () => readFileSync(join(root, "irisd.log"), "utf8");
	await waitFor(() => / ready version=/.test(said()) || irisd.exitCode !== null, { what: "irisd to be ready" });
	assert.equal(irisd.exitCode, null, said());
});

after(async () => {
	const ended = once(irisd, "exit");
	irisd.kill("SIGTERM");
	assert.deepEqual(await within(12000, ended, "irisd to stop"), [0, null]);
	await assertNoneLeft(root);
	rmSync(root, { recursive: true, force: true });
});

/* Lines out, lines in: send() answers when the one with this id has come; all keeps every line. */
function lines(output, input) {
	const waiting = new Map(), all = [];

	createInterface({ input: output }).on("line", (l) => {
		const m = JSON.parse(l);
		all.push(m);
		waiting.get(m.method === undefined ? m.id : null)?.(m);
	});
	return {
		all,
		send(text) {
			const { id } = JSON.parse(text);
			const answer = new Promise((resolve) => waiting.set(id, resolve));
			input.write(`${text}\n`);
			return within(20000, answer, `the answer to ${text}`);
		},
	};
}

async function control() {
	const socket = connect(join(env.IRIS_HOME, "irisd.sock"));
	await once(socket, "connect");
	const c = lines(socket, socket);
	let id = 0;
	const request = (method, params) => c.send(JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params }));
	c.end = () => socket.destroy();
	/* For what is not answered. */
	c.tell = (method) => socket.write(`${JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params: {} })}\n`);
	c.request = request;
	c.call = async (method, params = {}) => {
		const { result, error } = await request(method, params);
		assert.equal(error, undefined, JSON.stringify(error));
		return result;
	};
	c.hello = await c.call("iris/hello", { role: "ctl", protocol: 1, cwd: join(root, "frontend") });
	return c;
}

/*
 * An object against the members that a page gives it: each that it has is there, and it has each
 * that is not marked as one that may be missing.
 */
function compare(object, documented, what) {
	const missing = documented.filter((n) => !n.endsWith("?") && !(n in object));
	const unknown = Object.keys(object).filter((n) => !bare(documented).includes(n));

	assert.deepEqual({ missing, unknown }, { missing: [], unknown: [] }, `${what}: ${JSON.stringify(object)}`);
}

const keysOf = (v) => (v === null || typeof v !== "object" ? []
	: [...(Array.isArray(v) ? [] : Object.keys(v)), ...Object.values(v).flatMap(keysOf)]);

describe("control methods give what iris-protocol(7) says", () => {
	const parts = subsections(section(protocol, "CONTROL METHODS"));
	const team = members(parts["Team object"]), session = members(parts["Session object"]);
	const heads = items(parts["Message object"]);
	const message = heads.flatMap((i) => members([`.It ${i.head}`]));
	const inMessage = Object.fromEntries(["error", "usage", "receipts"].map((name) =>
		[name, members(heads.find((i) => i.head === `Va ${name} ?`).body)]));
	const of = (name) => members(items(parts[""]).find((i) => call(i.head).name === name).body);
	let c;

	before(async () => {
		c = await control();
		/* Something in every table: an answer, a failure, and a session with a process. */
		await c.call("iris/message.send", { to: "backend", message: "Which port?" });
	});
	after(() => c.end());

	const checkMessage = (m, what) => {
		compare(m, message, what);
		for (const name of Object.keys(inMessage))
			for (const o of [m[name] ?? []].flat())
				compare(o, inMessage[name], `${what}: ${name}`);
	};

	test("the greeting", () => {
		const lines = section(protocol, "GREETING");
		const at = lines.findIndex((l) => l.startsWith("The answer has"));
		compare(c.hello, members(lines.slice(at)), "hello");
	});

	test("messages: answered, listed, waited for, failed", async () => {
		const sent = await c.call("iris/message.send", { to: "backend", message: "And the version?" });
		assert.equal(sent.state, "answered");
		assert.ok(sent.usage && sent.receipts);
		checkMessage(sent, "message.send");
		checkMessage(await c.call("iris/message.show", { id: sent.id }), "message.show");
		const { messages, ...rest } = await c.call("iris/message.list");
		assert.deepEqual(rest, {});
		assert.ok(messages.length >= 2);
		messages.forEach((m) => checkMessage(m, "message.list"));
		const slow = await c.call("iris/message.send", { to: "backend", message: "wait", timeout: -1 });
		assert.notEqual(slow.hint, undefined);
		checkMessage(slow, "message.send without waiting");
		const ended = await c.call("iris/message.cancel", { id: slow.id });
		assert.ok(["cancelled", "answered"].includes(ended.state));
		checkMessage(ended, "message.cancel");
		checkMessage(await c.call("iris/message.cancel", { id: sent.id }), "message.cancel of an answered one");
	});

	test("daemon.status", async () => {
		const status = await c.call("iris/daemon.status");
		const documented = of("iris/daemon.status");
		assert.ok(status.sessions.length > 0 && status.workers.length > 0);
		status.sessions.forEach((s) => compare(s, session, "session"));
		const rest = { ...status, sessions: [] };
		/* https is not on here. */
		assert.deepEqual(sorted(keysOf(rest)), sorted(documented.filter((name) => name !== "tls?")));
	});

	test("daemon.settled", async () => {
		const { workers, ...rest } = await c.call("iris/daemon.settled");
		assert.deepEqual(rest, {});
		assert.deepEqual(workers, (await c.call("iris/daemon.status")).workers);
	});

	test("teams", async () => {
		const { teams, ...rest } = await c.call("iris/team.list");
		assert.deepEqual(rest, { from: "frontend" });
		assert.equal(teams.length, 2);
		teams.forEach((t) => compare(t, team, "team"));
		const { sessions, queued, problems, ...shown } = await c.call("iris/team.show", { team: "backend" });
		compare(shown, team, "team.show");
		compare({ sessions, queued, problems }, of("iris/team.show"), "team.show");
		compare(await c.call("iris/team.wake", { team: "backend" }), of("iris/team.wake"), "team.wake");
		compare(await c.call("iris/team.sleep", { team: "backend", force: true }), of("iris/team.sleep"), "team.sleep");
	});

	test("sessions, and what is found in them", async () => {
		const { sessions, ...rest } = await c.call("iris/session.list", { team: "backend" });
		assert.deepEqual(rest, {});
		assert.ok(sessions.length > 0);
		sessions.forEach((s) => compare(s, session, "session.list"));
		const report = await c.call("iris/session.report", { team: "backend" });
		assert.ok(report.entries.length > 0);
		const tool = members(items(section(protocol, "MCP", "Results of tools")).find((i) => i.head === "session_report").body);
		for (const key of keysOf(report))
			assert.ok(bare(tool).includes(key), `session.report: ${key}`);
		const { messages } = await c.call("iris/message.search", { query: "port*" });
		assert.ok(messages.length > 0);
		assert.deepEqual(sorted(Object.keys(messages[0])), sorted(of("iris/message.search").filter((n) => n !== "messages")));
		checkMessage(await c.call("iris/session.compact", { team: "backend" }), "session.compact");
		compare(await c.call("iris/session.fork", { team: "backend" }), of("iris/session.fork"), "session.fork");
		for (const method of ["iris/session.reboot", "iris/session.delete"])
			compare(await c.call(method, { team: "backend", force: true }), of("iris/session.reboot"), method);
	});

	test("config.reload", async () => {
		const file = join(env.IRIS_HOME, "config.yaml");
		const config = JSON.parse(readFileSync(file, "utf8"));
		config.settings.stopTimeout = 4001; /* what changes is told */
		writeFileSync(file, JSON.stringify(config));
		const watch = await control();
		watch.tell("iris/daemon.watch");
		const told = await c.call("iris/config.reload");
		const event = await waitFor(() => watch.all.find((l) => l.method === "iris/config.event"), { what: "the event", every: 25 });
		assert.deepEqual(event.params.settings, told.settings);
		watch.end();
		assert.deepEqual(told.settings, [{ name: "settings.stopTimeout", old: "8000", new: "4001" }]);
		compare({ ...told, ...told.settings[0] }, of("iris/config.reload"), "config.reload");
	});

	test("config.yaml: read, checked, changed", async () => {
		const file = join(env.IRIS_HOME, "config.yaml"), before = readFileSync(file, "utf8");
		const nested = ["message", "line", "column", "key"];
		const own = (name) => of(name).filter((n) => !nested.includes(n.replace(/\?$/, "")));
		const got = await c.call("iris/config.get");
		compare(got, own("iris/config.get"), "config.get");
		const checked = await c.call("iris/config.check", { config: { settings: { maxProcess: 1, maxProcesses: 0 } } });
		compare(checked, own("iris/config.check"), "config.check");
		assert.equal(checked.valid, false);
		checked.errors.forEach((e) => compare(e, of("iris/config.get").filter((n) => nested.includes(n.replace(/\?$/, ""))), "config.check: errors"));
		const put = await c.call("iris/config.put", { etag: got.etag, config: { settings: { maxQueue: 999 } } });
		compare(put, [...own("iris/config.get").filter((n) => n !== "errors"), "added", "removed", "changed", "settings"], "config.put");
		assert.equal((await c.request("iris/config.put", { etag: got.etag, config: {} })).error.data.etag, put.etag);
		const { sections } = await c.call("iris/config.schema");
		compare({ sections, ...sections[0], ...sections[0].keys[0] }, of("iris/config.schema"), "config.schema");
		mkdirSync(join(root, "third"));
		for (const [method, params] of [["iris/team.add", { values: { path: join(root, "third"), model: "x" } }],
			["iris/team.edit", { values: { color: "#000000" } }], ["iris/team.remove", {}]])
			compare(await c.call(method, { team: "third", ...params }), team, method);
		writeFileSync(file, before);
		await c.call("iris/config.reload");
	});

	test("event.subscribe", async () => {
		const heads = items(parts["Live events"]), watch = await control();
		watch.tell("iris/event.subscribe", {});
		await c.call("iris/message.send", { to: "backend", message: "Which port?" });
		for (const type of ["hello", "team", "session", "message", "receipt", "delta", "log", "pool", "host"])
			await waitFor(() => watch.all.some((l) => l.params?.type === type), { what: `an event ${type}`, every: 25 });
		watch.end();
		for (const { params } of watch.all.filter((l) => l.method === "iris/event")) {
			const item = heads.find((i) => i.head === `Li ${params.topic}`);
			assert.ok(item, `the topic ${params.topic}`);
			assert.ok(item.body.some((l) => `${l} `.startsWith(`.Li ${params.type} `)), `the type ${params.type}`);
			const { seq, at, topic, type, team: t, session: s, message: m, line, ...rest } = params;
			assert.ok(seq > 0 && at > 0);
			[[t, team], [s, session], [m, message]].forEach(([o, known]) => o && compare(o, known, type));
			const known = bare(members(item.body));
			assert.deepEqual(Object.keys({ ...rest, ...line }).filter((n) => !known.includes(n)), [], type);
		}
	});

	test("costs, the log, processes and figures", async () => {
		const names = of("iris/cost.list");
		const { costs, total, ...none } = await c.call("iris/cost.list", { by: "day,team,from" });
		assert.deepEqual(none, {});
		assert.ok(costs.length > 0);
		compare({ costs, total, ...costs[0] }, names, "cost.list");
		const { lines: found, ...rest } = await c.call("iris/log.list", { limit: 20 });
		assert.deepEqual(rest, {});
		found.forEach((l) => compare({ lines: found, ...l }, of("iris/log.list"), "log.list"));
		await c.call("iris/message.send", { to: "backend", message: "Which port?" });
		const { processes } = await c.call("iris/process.list");
		assert.ok(processes.some((p) => p.kind === "claude"));
		processes.forEach((p) => compare({ processes, ...p }, of("iris/process.list"), "process.list"));
		const { pool, messages, ...figures } = await c.call("iris/daemon.stats");
		const status = await c.call("iris/daemon.status");
		assert.deepEqual([Object.keys(pool), Object.keys(messages)], [Object.keys(status.pool), Object.keys(status.messages)]);
		assert.deepEqual(sorted(["pool", "messages", ...keysOf(figures)]), sorted(of("iris/daemon.stats")));
	});

	test("keys", async () => {
		const key = members(parts["Key object"]);
		const { key: text, ...made } = await c.call("iris/key.create", { name: "docs", scope: "message", team: "backend", expires: 60000 });
		compare(made, key, "key.create");
		compare(await c.call("iris/key.check", { key: text }), of("iris/key.check"), "key.check");
		const { keys, ...rest } = await c.call("iris/key.list");
		assert.deepEqual(rest, {});
		keys.forEach((k) => compare(k, key, "key.list"));
		const revoked = await c.call("iris/key.revoke", { id: made.id });
		compare(revoked, key, "key.revoke");
		assert.equal(revoked.state, "revoked");
	});

	/* What they answer, api-auth.test.mjs looks at: here there is no dashboard. */
	test("logins of the dashboard", async () => {
		await assert.rejects(c.call("iris/login.create"), /dashboard\.enabled is false/);
		await assert.rejects(c.call("iris/login.redeem", { token: "x" }), /for the web process/);
	});

	test("permission requests, rules and the audit", async () => {
		const heads = items(parts["Permission object"]).flatMap((i) => members([`.It ${i.head}`]));
		const rule = members(parts["Rule object"]), row = members(parts["Audit row"]);
		c.tell("iris/permission.watch");
		const sent = await c.call("iris/message.send", { to: "backend", message: "BASH echo docs", timeout: -1 });
		const pending = await waitFor(async () => (await c.call("iris/permission.list")).permissions[0], { what: "a request", every: 25 });
		compare(pending, heads, "permission.list");
		const { permission } = await c.call("iris/permission.show", { id: pending.id.slice(-8) });
		compare(permission, [...heads, ...of("iris/permission.show").filter((n) => n.startsWith("suggestions"))], "permission.show");
		const answered = await c.call("iris/permission.answer", { id: pending.id, behavior: "allow", inputHash: pending.inputHash, remember: true });
		compare(answered, of("iris/permission.answer"), "permission.answer");
		compare(answered.permission, heads, "permission.answer: permission");
		assert.equal((await c.call("iris/message.show", { id: sent.id, wait: 0 })).state, "answered");
		const events = c.all.filter((l) => l.method === "iris/permission.event").map((l) => l.params.permission);
		assert.deepEqual(events.map((p) => [p.id, p.state]), [[pending.id, "pending"], [pending.id, "allowed"]]);
		const made = await c.call("iris/permission.remember", { rule: "WebSearch", team: "backend", expires: 60000 });
		const revoked = await c.call("iris/permission.revoke", { number: made.rule.id });
		const { rules, ...rest } = await c.call("iris/permission.rules");
		assert.deepEqual(rest, {});
		assert.equal(rules.length, 2);
		[made.rule, revoked.rule, ...rules].forEach((r) => compare(r, rule, "rule"));
		const { rows, ...head } = await c.call("iris/audit.list");
		assert.ok(rows.length >= 5);
		rows.forEach((r) => compare(r, row, "audit.list"));
		compare({ rows, ...head }, of("iris/audit.list"), "audit.list");
		const verified = await c.call("iris/audit.verify");
		compare(verified, of("iris/audit.verify"), "audit.verify");
		assert.deepEqual(verified, { more: false, good: true, seq: head.seq, hash: head.head });
	});

	test("teams on other machines", async () => {
		const file = join(env.IRIS_HOME, "config.yaml"), before = readFileSync(file, "utf8");
		const config = JSON.parse(before);
		/* No ssh gets as far as a host: where it should connect is a program that ends. */
		const remoteOptions = { extraSshArgs: ["-o", "ProxyCommand=false"] };
		config.teams.production = { path: "~/app", remote: "ssh deploy@app.example.org", remoteOptions, enableReverseMcp: true };
		writeFileSync(file, JSON.stringify(config));
		await c.call("iris/config.reload");
		const { teams, ...rest } = await c.call("iris/remote.list");
		assert.deepEqual(rest, {});
		assert.deepEqual(teams.map((t) => t.name), ["production"]);
		compare(teams[0], [...team, "host", "transport"], "remote.list");
		const checked = await c.call("iris/remote.check", { team: "production" });
		const documented = of("iris/remote.check");
		compare({ ...checked, ...checked.steps.at(-1) }, documented, "remote.check");
		assert.equal(checked.ok, false);
		/* No host has shown a key here: tests/integration/remote-control.test.mjs has an answer of remote.trust. */
		const { error } = await c.request("iris/remote.trust", { host: "-oProxyCommand=id" });
		assert.equal(error.data.code, "invalid");
		for (const method of ["iris/remote.revoke", "iris/remote.grant"])
			compare(await c.call(method, { team: "production" }), of("iris/remote.revoke"), method);
		writeFileSync(file, before);
		await c.call("iris/config.reload");
	});

	test("webhooks", async () => {
		const delivery = members(parts["Delivery object"]);
		let status = 500;
		const receiver = createServer((req, res) => res.writeHead(status).end()).listen(0, "127.0.0.1");
		await once(receiver, "listening");
		const url = `http://127.0.0.1:${receiver.address().port}/`;
		const { id } = await c.call("iris/message.send", { to: "backend", message: "ECHO hooked", webhook: { url } });
		const tried = await waitFor(async () => (await c.call("iris/webhook.list", { id })).webhooks.find((w) => w.lastError), { what: "an attempt", every: 25 });
		compare(tried, delivery, "webhook.list");
		assert.equal(tried.url, url);
		compare(await c.call("iris/webhook.show", { id: tried.id }), delivery, "webhook.show");
		status = 200;
		compare(await c.call("iris/webhook.retry", { id: tried.id }), delivery, "webhook.retry");
		const done = await waitFor(async () => (await c.call("iris/webhook.list", { state: "delivered" })).webhooks[0], { what: "its delivery", every: 25 });
		compare(done, delivery, "webhook.list");
		await waitFor(async () => !(await c.call("iris/daemon.status")).web.wanted, { what: "the web process to end", every: 25 });
		receiver.close();
		for (const [method, params] of [["iris/webhook.next", {}], ["iris/webhook.done", { id: tried.id }]])
			await assert.rejects(c.call(method, params), /for the web process alone/);
	});

	test("web.listening, of which no process but the web process has something to say", async () => {
		assert.deepEqual(await c.call("iris/web.listening", { ports: [{ port: 1 }] }), {});
		assert.deepEqual((await c.call("iris/daemon.status")).web, { wanted: false, urls: [] });
	});

	test("every method of the page was called here or ends irisd", () => {
		const called = source("tests/docs/live.test.mjs");
		for (const { head } of items(parts[""]))
			assert.ok(call(head).name === "iris/daemon.stop" || called.includes(`"${call(head).name}"`), head);
	});
});

test("the example of iris-protocol(7) works as it is printed", async () => {
	const shown = literals(section(protocol, "EXAMPLES")).join("\n").replaceAll("\\\n", "").split("\n");
	assert.match(shown[0], /^\$ socat .*UNIX-CONNECT:\$HOME\/\.iris\/irisd\.sock$/);
	const isRequest = (l) => /"id":\d+,"method"/.test(l);
	const socket = connect(join(env.IRIS_HOME, "irisd.sock"));
	const c = lines(socket, socket);

	for (const request of shown.slice(1).filter(isRequest))
		await c.send(request);
	socket.destroy();
	/* What is shown came, in this order, perhaps with something between. */
	const kind = (l) => [l.match(/"method":"([^"]+)"/)?.[1], l.match(/^\{"jsonrpc":"2.0","id":(\d+)/)?.[1], l.match(/"state":"(\w+)"/)?.[1]].join(" ");
	const came = c.all.map((m) => kind(JSON.stringify(m)));
	let at = 0;
	for (const line of shown.slice(1).filter((l) => !isRequest(l))) {
		at = came.indexOf(kind(line), at) + 1;
		assert.ok(at > 0, `${line} did not come: ${came.join("; ")}`);
		for (const [, name] of line.matchAll(/"(\w+)":/g))
			assert.ok(JSON.stringify(c.all[at - 1]).includes(`"${name}":`), `${name}: ${JSON.stringify(c.all[at - 1])}`);
	}
});

describe("tools, through iris-mcp-shim", () => {
	let shim, mcp, tools;

	before(async () => {
		shim = spawn(program("iris-mcp-shim"), [], { cwd: join(root, "frontend"), env, stdio: ["pipe", "pipe", "inherit"] });
		mcp = lines(shim.stdout, shim.stdin);
		await mcp.send('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"docs","version":"1"}}}');
		({ tools } = (await mcp.send('{"jsonrpc":"2.0","id":2,"method":"tools/list"}')).result);
	});
	after(async () => {
		const ended = once(shim, "exit");
		shim.stdin.end();
		await within(5000, ended, "the shim to end");
	});

	test("names and arguments", () => {
		const documented = items(section(protocol, "MCP", "Tools")).map((i) => call(i.head));
		const listed = tools.map(({ name, inputSchema: s }) =>
			({ name, args: Object.keys(s.properties).map((a) => (s.required.includes(a) ? a : `${a}?`)) }));
		const order = (a, b) => (a.name < b.name ? -1 : 1);
		/* The order of arguments is the page's own affair: those that must be given come first. */
		const normal = (list) => list.map((t) => ({ name: t.name, args: [...t.args].sort() })).sort(order);

		assert.ok(listed.length >= 10);
		assert.deepEqual(normal(documented), normal(listed));
	});

	test("results", () => {
		const documented = items(section(protocol, "MCP", "Results of tools"));
		const properties = (s) => (s?.properties ? Object.entries(s.properties).flatMap(([name, p]) =>
			[name, ...properties(p), ...properties(p.items)]) : []);

		for (const t of tools) {
			const item = documented.find((i) => i.head.split(", ").includes(t.name));
			assert.ok(item, t.name);
			assert.deepEqual(sorted(bare(members(item.body))), sorted(properties(t.outputSchema)), t.name);
		}
		const names = documented.flatMap((i) => i.head.split(", "));
		assert.deepEqual(sorted(names), sorted(tools.map((t) => t.name)));
	});
});

/* --- iris --------------------------------------------------------------------------------------- */

const help = (...words) => {
	const r = spawnSync(program("iris"), ["help", ...words], { env, encoding: "utf8" });
	assert.equal(r.status, 0, `iris help ${words.join(" ")}: ${r.stderr}`);
	return r.stdout;
};
const optionNames = (text) => [...text.matchAll(/^ {2}(?:-(\w), | {4})--([\w-]+)/gm)].flatMap(([, letter, name]) =>
	(letter ? [`-${letter}`, `--${name}`] : [`--${name}`]));

/* { "team add": { alias, options } } as the program says itself. */
function commands() {
	const overview = help();
	const block = overview.slice(overview.indexOf("Commands:\n") + 10, overview.indexOf("\nOptions of every command:"));
	const found = {};

	for (const line of block.split("\n").filter(Boolean)) {
		const name = line.match(/^ {2}([a-z]+(?: [a-z]+)?)(?= |$)/)[1].replace(/^(completion|help) .*/, "$1");
		const text = help(...name.split(" "));
		const own = text.slice(0, text.indexOf("\nOptions of every command:"));
		found[name] = { alias: own.match(/^Also: iris (\S+)$/m)?.[1], options: sorted(optionNames(own)) };
	}
	return found;
}

const globals = () => sorted(optionNames(help().split("\nOptions of every command:")[1]));

/* "Fl f , -from Ar team" as ["-f", "--from"]. */
const flags = (head) => head.replace(/ Ar .*/, "").split(/\s+/).filter((w) => w !== "Fl" && w !== ",").map((w) => `-${w}`);

describe("iris and iris(1)", () => {
	const parts = subsections(section(page("iris.1"), "DESCRIPTION"));
	const everywhere = parts["Options of every command"];

	test("commands, their other names and options", () => {
		const documented = {};
		for (const name of Object.keys(parts).filter((n) => n !== "" && parts[n] !== everywhere)) {
			for (const { head, body, items: options } of items(parts[name])) {
				const command = head.match(/^Cm ([a-z]+(?: [a-z]+)?)(?= [A-Z]|$)/);
				assert.ok(command, `${name}: ${head}`);
				const also = body.findIndex((l) => l === "Also:");
				documented[command[1]] = {
					alias: also === -1 ? undefined : body[also + 1].split(" ")[1],
					options: sorted(options.flatMap((o) => flags(o.head))),
				};
			}
		}
		const known = commands();
		assert.ok(Object.keys(known).length > 20);
		assert.deepEqual(documented, known);
	});

	test("options of every command", () => {
		assert.deepEqual(sorted(items(everywhere).flatMap((i) => flags(i.head))), globals());
	});
});

test("commands of iris in README and in the pages exist, with their options", () => {
	const known = commands();
	const everyOption = globals();
	const aliases = Object.fromEntries(Object.entries(known).filter(([, c]) => c.alias).map(([name, c]) => [c.alias, name]));
	const readme = source("README");
	const shown = [
		...readme.split("\n").filter((l) => /^ {4}/.test(l)).map((l) => ["README", l]),
		...[...readme.matchAll(/[`"](iris [a-z][^`"]*)[`"]/g)].map((m) => ["README", m[1]]),
		...pageNames().flatMap((name) => [
			...literals(page(name)).map((l) => [name, l]),
			...page(name).filter((l) => l.startsWith(".Ic iris ")).map((l) => [name, l.slice(4)]),
		]),
	];
	let count = 0;

	for (const [where, text] of shown) {
		const found = text.replace(/\s#.*/, "").match(/(?:^ *|\$ |\$\(|^)iris (.*)/);
		if (!found || /^-|^\s/.test(found[1]))
			continue;
		/* What is in quotes is somebody's text. */
		const words = found[1].replaceAll(/"[^"]*"/g, '""').replace(/[).;,]+( .*)?$/, "").split(/\s+/).filter((w) => w !== "--json");
		const two = words.slice(0, 2).join(" ");
		const name = known[two] ? two : known[words[0]] ? words[0] : aliases[words[0]];
		assert.ok(name, `${where}: ${text}`);
		for (const option of words.filter((w) => /^--?[a-z]/.test(w)).map((w) => w.replace(/=.*/, "")))
			assert.ok([...known[name].options, ...everyOption].includes(option), `${where}: ${option} in ${text}`);
		count++;
	}
	assert.ok(count >= 15, `${count} commands found`);
});

test("what README says of registering with clients is what iris prints", () => {
	const r = spawnSync(program("iris"), ["--json", "install", "--print", "all"], { env, encoding: "utf8" });
	const printed = JSON.parse(r.stdout);
	const rows = Object.fromEntries(source("README").split("\n").map((l) => l.match(/^ {4}(Codex|Gemini CLI|Cursor|VS Code) {2,}(.*)/))
		.filter((m) => m && !m[2].startsWith("--")).map((m) => [m[1], m[2]]));
	const short = (text) => text.replaceAll(program("iris-mcp-shim"), "iris-mcp-shim").trim();
	const json = (row) => JSON.parse(row.slice(row.indexOf("{")));

	assert.equal(rows.Codex, short(printed.codex));
	assert.deepEqual(json(rows["Gemini CLI"]), JSON.parse(short(printed.gemini)));
	assert.deepEqual(json(rows.Cursor), JSON.parse(short(printed.cursor)));
	assert.deepEqual(json(rows["VS Code"]), JSON.parse(short(printed.vscode)));
	for (const name of ["claude", "codex", "gemini", "cursor", "vscode"])
		assert.ok(name in printed, name);
});
