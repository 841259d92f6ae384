/* SPDX-License-Identifier: MIT
 *
 * Reverse MCP: a person's own Claude on a team's host comes by the team's tunnel, and is that team
 * and no other, no person, and held to a rate; what a person revokes stays revoked. The other
 * machine is tests/lib/far.mjs.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { program } from "../lib/iris.mjs";
import { makeFar } from "../lib/far.mjs";
import { ask, events, freePort, legacy, modern } from "../lib/http.mjs";
import { processesOf } from "../lib/processes.mjs";
import { assert, connectRaw, failedCall, failedRun, HELLO, Lines, makeGate, makeIris, quick, waitFor, within } from "./setup.mjs";

let iris, far, clients;

const FAR = { remote: "ssh -p 2222 me@far", path: "~/project", enableReverseMcp: true };

function make(more = {}, options = {}) {
	iris = makeIris({ far: { ...FAR, ...more }, backend: {}, mobile: {} }, options);
	far = makeFar(iris);
	clients = [];
	return iris;
}

const start = async (...args) => {
	make(...args);
	await iris.start();
};

afterEach(async () => {
	for (const c of clients)
		await c.close().catch(() => {});
	await iris.stop();
});

const door = () => join(iris.home, "run", "remote", "far.sock");
const tunnel = async () => (await iris.json(["team", "show", "far"])).tunnel;
const tunnelIn = (state) =>
	waitFor(async () => {
		const t = await tunnel();
		return t.state === state && t;
	}, { what: `the tunnel to be ${state}`, deadline: 20000, every: 25 });
/* Read the configuration again; answers what has changed. */
async function reload() {
	const lines = await connectRaw(iris, { role: "ctl" });
	const r = await lines.request("iris/config.reload", {});

	lines.socket.destroy();
	assert.equal(r.error, undefined, JSON.stringify(r));
	return r.result;
}

const forwarders = () => processesOf(iris.root).filter((p) => p.command.includes("forward.mjs"));

/* Lines at the tunnel's own socket; with params its hello is done. */
async function knock(params) {
	/* It is opened after irisd's own. */
	const socket = await waitFor(async () => {
		const s = connect(door());
		await once(s, "connect");
		return s;
	}, { what: "the door to take a connection" });
	const lines = new Lines(socket, socket);
	lines.socket = socket;
	if (params)
		lines.hello = await lines.request("iris/hello", { ...HELLO, role: "shim", ...params }, { id: "hello" });
	return lines;
}

async function call(lines, name, args = {}) {
	const r = await lines.request("tools/call", { name, arguments: args }, { deadline: 30000 });

	assert.equal(r.error, undefined, JSON.stringify(r));
	return { isError: r.result.isError === true, ...JSON.parse(r.result.content[0].text) };
}

/* The official client, through the shim at the far end of the tunnel. */
async function farClient(socket = far.socket) {
	const transport = new StdioClientTransport({
		command: program("iris-mcp-shim"),
		args: ["--socket", socket],
		cwd: iris.dirs.backend,
		env: { PATH: process.env.PATH, HOME: far.home, IRIS_TEST_ROOT: iris.root },
		stderr: "ignore",
	});
	const client = new Client({ name: "far", version: "1" });

	clients.push(client);
	await within(60000, client.connect(transport), "the far shim to be initialized");
	return client;
}

describe("who comes by the socket of a tunnel", () => {
	test("is a shim and nothing else", async () => {
		await start();
		for (const role of ["ctl", "web", "worker", "person"]) {
			const lines = await knock();
			const r = await lines.request("iris/hello", { ...HELLO, role, team: "far", cwd: iris.dirs.backend }, { id: "hello" });
			assert.equal(r.error.data.code, "refused", JSON.stringify(r));
			assert.match(r.error.message, /no role but shim/);
			await lines.closed();
		}
		const lines = await knock({ cwd: iris.dirs.backend });
		/* Nothing of this machine in the greeting. */
		assert.deepEqual(Object.keys(lines.hello.result).sort(), ["protocol", "version"]);
		const r = await lines.request("iris/daemon.status", {});
		assert.equal(r.error.code, -32601);
		const mode = statSync(door()).mode & 0o777;
		assert.equal(mode, 0o600);
	});

	test("does not fill the log, whoever knocks how often", async () => {
		await start();
		for (let i = 0; i < 300; i++) {
			const lines = await knock();
			const r = await lines.request("iris/hello", { ...HELLO, role: "ctl" }, { id: "hello" });
			assert.equal(r.error.data.code, "refused");
			lines.socket.destroy();
		}
		const n = iris.log().split("refused by the tunnel of team far").length - 1;
		assert.ok(n >= 1 && n < 150, `${n} lines`);
	});

	test("is its team, whatever it says", async () => {
		await start();
		const lines = await knock({ cwd: iris.dirs.backend, instance: "x", env: { DISPLAY: ":0" } });
		const r = await call(lines, "ask_message", { toTeam: "backend", message: "ECHO here" });
		assert.equal(r.from, "far");
		assert.equal(r.response, "here");
		for (const fromTeam of ["backend", "mobile", "guest:x"]) {
			const no = await call(lines, "ask_message", { toTeam: "mobile", message: "ECHO no", fromTeam });
			assert.equal(no.isError, true);
			assert.equal(no.code, "refused");
			assert.match(no.error, /belongs to team "far"/);
		}
		/* A message between two others is none of its business. */
		const local = await iris.client({ cwd: iris.dirs.mobile });
		const other = await iris.call(local, "ask_message", { toTeam: "backend", message: "ECHO secret" });
		assert.equal((await call(lines, "message_result", { messageId: other.messageId })).code, "refused");
	});

	test("is no person, and sees nothing of this machine", async () => {
		const dir = make().project("far", { "package.json": '{"name":"not-to-be-read"}' });
		/* A path that there is here as well. */
		iris.setTeams({ far: { ...FAR, path: dir }, backend: {} });
		await iris.start();
		const lines = await knock({ cwd: dir });
		for (const [name, args] of [
			["permissions_pending", {}],
			["permissions_answer", { id: "perm-1", behavior: "allow", inputHash: "0".repeat(64) }],
		]) {
			const r = await call(lines, name, args);
			assert.equal(r.code, "refused", name);
			assert.match(r.error, /a person at Iris's own machine/);
		}
		assert.equal((await call(lines, "get_logs")).code, "refused");
		assert.equal((await call(lines, "session_fork", { toTeam: "backend" })).code, "refused");
		const { teams } = await call(lines, "list_teams");
		assert.deepEqual(teams.map((t) => [t.name, t.config.path]), [["backend", undefined], ["far", dir]]);
		const status = await call(lines, "team_status");
		assert.ok(!JSON.stringify(status).includes(iris.dirs.backend));
		const agent = await call(lines, "get_agent", { agentType: "code-reviewer" });
		assert.equal(agent.valid, true);
		assert.ok(!JSON.stringify(agent).includes("not-to-be-read"), agent.prompt.slice(0, 500));
		assert.match(agent.problems.join(), /another machine/);
		const read = await lines.request("resources/read", { uri: "iris://teams" });
		assert.ok(!read.result.contents[0].text.includes(iris.dirs.backend));
		assert.match(read.result.contents[0].text, /"backend"/);
	});

	test("ends what it has asked for, and nothing of others", async () => {
		await start();
		const lines = await knock({}), gate = makeGate(iris);
		const id = await quick(iris, await iris.client({ cwd: iris.dirs.mobile }), "backend", gate.hold);
		await iris.messageIn(id, "seen");
		const no = await call(lines, "session_cancel", { team: "backend", allSessions: true });
		assert.equal(no.code, "refused", JSON.stringify(no));
		assert.match(no.error, /a team on another host ends its own only/);
		assert.equal((await call(lines, "session_cancel", { team: "backend" })).attempted, false);
		assert.equal((await iris.message(id)).state, "seen");
		gate.open();
		await iris.messageIn(id, "answered");
	});

	test("talks to whom its team may talk to", async () => {
		await start({}, { config: { permissions: { talk: ["far -> backend", "mobile -> *"] } } });
		const lines = await knock({});
		assert.equal((await call(lines, "ask_message", { toTeam: "backend", message: "ECHO yes" })).response, "yes");
		for (const name of ["ask_message", "team_wake"]) {
			const args = name === "team_wake" ? { team: "mobile" } : { toTeam: "mobile", message: "ECHO no" };
			assert.equal((await call(lines, name, args)).code, "refused", name);
		}
	});

	test("has idempotency keys of its own, whoever comes by it", async () => {
		await start();
		const send = { toTeam: "backend", message: "ECHO once", idempotencyKey: "k" };
		const first = await call(await knock({ instance: "a" }), "ask_message", send);
		const again = await call(await knock({ instance: "b" }), "ask_message", send);
		assert.equal(again.messageId, first.messageId);
		const local = await connectRaw(iris, { role: "ctl" });
		const mine = await local.request("iris/message.send",
			{ to: "backend", from: "far", message: "ECHO once", idempotencyKey: "k" });
		assert.notEqual(mine.result.id ?? mine.result.message?.id, first.messageId);
		assert.equal(mine.error, undefined, JSON.stringify(mine));
		local.socket.destroy();
	});

	test("is held to a rate", async () => {
		await start();
		const a = await knock({}), b = await knock({}), began = performance.now();
		const all = await Promise.all(Array.from({ length: 200 }, (_, i) => call(i % 2 ? a : b, "get_date")));
		const refused = all.filter((r) => r.isError), good = all.length - refused.length, s = (performance.now() - began) / 1000;
		/* 50 at once, and 10 for each second that this took. */
		assert.ok(refused.length > 0 && good >= 50 && good <= 51 + 10 * s, `${good} of 200 in ${s} s`);
		assert.ok(refused.every((r) => r.code === "limit"), JSON.stringify(refused[0]));
		const other = await Promise.all(Array.from({ length: 200 }, () => a.request("resources/list", {})));
		assert.ok(other.some((r) => r.error?.data?.code === "limit"));
		/* Others pay nothing for it, and a moment later it goes on. */
		const local = await iris.client({ cwd: iris.dirs.backend });
		assert.equal((await iris.call(local, "get_date")).isError, false);
		await waitFor(async () => !(await call(a, "get_date")).isError, { what: "the rate to allow again", every: 100 });
	});

	test("has so many requests that wait for a person, whatever it calls itself", async () => {
		await start();
		const a = await knock({ instance: "a" }), b = await knock({ instance: "b" });
		const approve = (lines, i) => lines.request("tools/call", {
			name: "permissions__approve",
			arguments: { tool_use_id: `toolu_${i}`, tool_name: "Bash", input: { command: `make ${i}` } },
		}, { deadline: 30000 });
		for (let i = 0; i < 16; i++)
			approve(i % 2 ? a : b, i).catch(() => {});
		await waitFor(async () => (await iris.json(["approvals", "list"])).length === 16, { what: "sixteen requests" });
		for (const lines of [a, b]) {
			const r = await approve(lines, 99);
			assert.match(JSON.stringify(r), /16 requests from the host of team far wait for a person already/);
		}
		assert.equal((await iris.json(["approvals", "list"])).length, 16);
		for (const lines of [a, b])
			lines.socket.destroy();
	});

	test("is one of eight at most", async () => {
		await start();
		const list = [];
		for (let i = 0; i < 8; i++)
			list.push(await knock({}));
		assert.ok(list.every((l) => l.hello.result), JSON.stringify(list.map((l) => l.hello)));
		const ninth = await knock({});
		assert.equal(ninth.hello.error.data.code, "limit");
		await ninth.closed();
		list[0].socket.destroy();
		await waitFor(async () => (await knock({})).hello.result, { what: "room for one more" });
	});
});

describe("a tunnel by a socket", () => {
	test("a client over there: asked, irisd killed, and the same client goes on", async () => {
		await start();
		const up = await tunnelIn("up");
		assert.equal(up.form, "socket");
		assert.equal(up.address, `far: ${far.socket}`);
		assert.equal(statSync(join(far.home, ".iris")).mode & 0o777, 0o700);
		assert.ok(existsSync(far.socket));
		const client = await farClient();
		const first = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO one" });
		assert.equal(first.response, "one");
		assert.equal(first.from, "far");
		const before = forwarders();
		assert.equal(before.length, 1);
		await iris.kill();
		await iris.start();
		const second = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO two" });
		assert.equal(second.response, "two");
		assert.deepEqual(forwarders(), before);
		const t = await tunnelIn("up");
		assert.equal(t.address, up.address);
		assert.equal(t.connections, 1);
		/* The worker that holds it stays, though nobody is awake. */
		assert.equal((await iris.json(["status"])).workers.filter((w) => w.team === "far").length, 1);
	});

	test("revoked: closed, and stays so; granted: there again", async () => {
		await start();
		await tunnelIn("up");
		const lines = await knock({});
		const waiting = call(lines, "ask_message", { toTeam: "backend", message: `HOLD ${join(iris.root, "gate")}` });
		await waitFor(async () => (await iris.json(["status"])).sessions.some((s) => s.state === "busy"), { what: "a busy session" });
		const r = await iris.json(["remote", "revoke", "far"]);
		assert.equal(r.tunnel.state, "revoked");
		const end = await waiting;
		assert.equal(end.isError, true);
		assert.match(end.error, /revoked/);
		await lines.closed();
		assert.ok(!existsSync(door()));
		await waitFor(() => forwarders().length === 0, { what: "ssh to be ended" });
		await reload();
		assert.equal((await tunnel()).state, "revoked");
		writeFileSync(join(iris.root, "gate"), "");
		await iris.stop({ keep: true });
		await iris.start();
		assert.equal((await tunnel()).state, "revoked");
		assert.ok(!existsSync(door()));
		assert.equal(forwarders().length, 0);
		assert.equal((await iris.json(["remote", "grant", "far"])).tunnel.state !== "revoked", true);
		await tunnelIn("up");
		const client = await farClient();
		assert.equal((await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO back" })).response, "back");
		const no = await failedRun(iris, ["remote", "revoke", "backend"]);
		assert.equal(no.code, "invalid");
	});

	test("the team is removed: nothing of it is left", async () => {
		await start();
		await tunnelIn("up");
		const lines = await knock({});
		/* Or has no tunnel any more. */
		iris.setTeams({ far: { ...FAR, enableReverseMcp: false }, backend: {} });
		assert.deepEqual((await reload()).changed, ["far"]);
		await lines.closed();
		iris.setTeams({ far: FAR, backend: {} });
		await reload();
		await tunnelIn("up");
		const again = await knock({});
		iris.setTeams({ backend: {} });
		iris.daemon.kill("SIGHUP");
		await again.closed();
		await waitFor(() => forwarders().length === 0 && !existsSync(door()), { what: "the tunnel's end" });
		await waitFor(async () => (await iris.json(["status"])).workers.length === 0, { what: "its worker's end" });
	});

	test("a host that can not be reached: said, and tried again by itself", async () => {
		make();
		far.down(true);
		await iris.start();
		const down = await tunnelIn("down");
		assert.match(down.why, /far/);
		assert.match(down.why, /Connection refused/);
		assert.match((await iris.json(["status"])).warnings.join("\n"), /the tunnel of team far is down: .*Connection refused/);
		/* However often it is tried, its log says so once. */
		await waitFor(() => far.argv().split("\n").length > 3, { what: "three tries" });
		assert.equal(iris.log().split("tunnel is down").length - 1, 2, "once by the worker, once by irisd");
		far.down(false);
		await tunnelIn("up");
		/* ssh ends: the same. */
		process.kill(forwarders()[0].pid, "SIGKILL");
		await waitFor(async () => (await tunnel()).state !== "up", { what: "the end to be seen" });
		await tunnelIn("up");
		assert.equal(forwarders().length, 1);
		const client = await farClient();
		assert.equal((await iris.call(client, "get_date")).isError, false);
	});

	test("where the tunnel is down a client over there is told so", async () => {
		await start();
		await iris.json(["remote", "revoke", "far"]);
		const child = spawn(program("iris-mcp-shim"), ["--socket", "~/.iris/remote.sock"],
			{ env: { HOME: far.home, PATH: process.env.PATH }, stdio: "pipe" });
		const lines = new Lines(child.stdout, child.stdin);
		const r = await lines.request("initialize",
			{ protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } }, { deadline: 20000 });
		assert.match(r.error.message, /the line from Iris to this host is down/);
		child.stdin.end();
		await within(30000, once(child, "exit"), "the shim to end");
		/* Nothing was started over there. */
		assert.ok(!existsSync(join(far.home, ".iris", "run")));
	});
});

describe("a tunnel by HTTP", () => {
	async function startHttp(before = () => {}) {
		const port = await freePort(), there = await freePort();
		make({ allowHttp: true, reverseMcpPort: there }, { settings: { httpPort: port } });
		before();
		await iris.start();
		return { port, there };
	}
	const token = () => JSON.parse(readFileSync(far.mcpJson, "utf8")).mcpServers.iris.headers.Authorization.replace("Bearer ", "");
	const init = { id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } } };
	const tool = async (port, key, name, args = {}) => {
		const r = await modern(port, key, "tools/call", { name, arguments: args });
		await within(30000, r.ended, `the answer to ${name}`);
		const answer = r.text.startsWith("{") ? r.json() : events(r).at(-1);
		if (answer.result === undefined)
			return { status: r.status, isError: true, code: answer.error?.data?.code ?? `status ${r.status}`, error: answer.error?.message };
		return { status: r.status, ...JSON.parse(answer.result.content[0].text), isError: answer.result.isError === true };
	};

	test("a key of its own, written over there and nowhere else, speaks for the team", async () => {
		const { there } = await startHttp();
		const t = await tunnelIn("up");
		assert.equal(t.address, `far: http://127.0.0.1:${there}/mcp`);
		assert.equal(statSync(far.mcpJson).mode & 0o777, 0o600);
		const config = JSON.parse(readFileSync(far.mcpJson, "utf8"));
		assert.equal(config.mcpServers.iris.type, "http");
		assert.equal(config.mcpServers.iris.url, `http://127.0.0.1:${there}/mcp`);
		const key = token();
		assert.match(key, /^iris_[0-9a-f]{64}$/);
		assert.ok(!far.argv().includes(key));
		assert.match(far.argv(), new RegExp(`-R 127\\.0\\.0\\.1:${there}:127\\.0\\.0\\.1:`));
		assert.ok(!iris.log().includes(key));
		const [row] = (await iris.json(["key", "list"])).keys;
		assert.deepEqual([row.name, row.team, row.scopes, row.state], ["remote-far", "far", ["read", "message"], "active"]);
		await waitFor(async () => (await legacy(there, key, init).catch(() => ({}))).status === 200, { what: "HTTP by the tunnel" });
		const r = await tool(there, key, "ask_message", { toTeam: "backend", message: "ECHO by http" });
		assert.equal(r.from, "far");
		assert.equal(r.response, "by http");
		assert.equal((await tool(there, key, "ask_message", { toTeam: "backend", message: "ECHO x", fromTeam: "mobile" })).code, "refused");
		assert.equal((await tool(there, key, "get_logs")).code, "refused");
		assert.equal((await tool(there, key, "permissions_pending")).isError, true);
		/* So many at a time. */
		const gate = join(iris.root, "gate");
		const held = Array.from({ length: 8 }, (_, i) =>
			tool(there, key, "ask_message", { toTeam: "backend", message: `HOLD ${gate}`, idempotencyKey: `k${i}` }));
		await waitFor(async () => {
			const { queued, sent, seen } = (await iris.json(["status"])).messages;
			return queued + sent + seen === 8;
		}, { what: "eight to wait" });
		assert.equal((await tool(there, key, "get_date")).status, 503);
		writeFileSync(gate, "");
		for (const h of await Promise.all(held))
			assert.equal(h.isError, false, JSON.stringify(h));
		/* At its rate. */
		const codes = [];
		for (let i = 0; i < 12 || (i < 200 && !codes.includes("limit")); i++)
			codes.push(...(await Promise.all(Array.from({ length: 6 }, () => tool(there, key, "get_date")))).map((x) => x.code ?? "ok"));
		assert.ok(codes.includes("limit"), codes.join(" "));
		assert.deepEqual([...new Set(codes)].sort(), ["limit", "ok"]);
	});

	test("revoked: the key is no good; granted: another one", async () => {
		const { there, port } = await startHttp();
		await tunnelIn("up");
		const key = token();
		await waitFor(async () => (await legacy(there, key, init).catch(() => ({}))).status === 200, { what: "HTTP by the tunnel" });
		await iris.json(["remote", "revoke", "far"]);
		/* Nothing wants HTTP then; a dashboard would. */
		await assert.rejects(ask(there, "GET", "/"));
		assert.ok((await iris.json(["key", "list"])).keys.every((k) => k.state === "revoked"));
		await iris.json(["remote", "grant", "far"]);
		await tunnelIn("up");
		assert.notEqual(token(), key);
		await waitFor(async () => (await legacy(port, token(), init).catch(() => ({}))).status === 200, { what: "HTTP again" });
		assert.equal((await legacy(port, key, init)).status, 401);
	});

	test("its end, bound to more than the loopback: ended, and said", async () => {
		await startHttp(() => far.open(true));
		const down = await tunnelIn("down");
		assert.match(down.why, /open to other machines/);
		assert.match(down.why, /GatewayPorts/);
		await waitFor(() => forwarders().length === 0, { what: "ssh to be ended" });
	});

	test("irisd killed: the same key goes on", async () => {
		const { there } = await startHttp();
		await tunnelIn("up");
		const key = token();
		await iris.kill();
		await iris.start();
		await tunnelIn("up");
		assert.equal(token(), key);
		await waitFor(async () => (await legacy(there, key, init).catch(() => ({}))).status === 200, { what: "HTTP by the tunnel" });
		assert.equal((await iris.json(["key", "list"])).keys.length, 1);
	});

	test("ssh2 without allowHttp has no tunnel to be had: said with line and column", async () => {
		make({ ssh2: true });
		const r = await iris.iris(["config", "check"]);
		assert.notEqual(r.status, 0);
		assert.match(r.stdout + r.stderr, /config\.yaml:\d+:\d+: .*enableReverseMcp.*allowHttp: true/s);
		await iris.stop({ keep: true }).catch(() => {});
	});
});

test("what is left in run/remote of teams that are gone is cleared away", async () => {
	await start();
	await tunnelIn("up");
	await iris.kill();
	iris.setTeams({ backend: {} });
	await iris.start();
	await waitFor(() => readdirSync(join(iris.home, "run", "remote")).length === 0, { what: "the door to be gone" });
});
