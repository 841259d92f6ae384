/* SPDX-License-Identifier: MIT
 *
 * The web process as such: its ports, its keys, who is turned away and how, clients that hold
 * connections and say nothing, and what happens when it or irisd dies.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { Agent } from "node:http";
import { connect, createServer } from "node:net";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ask, freePort, legacy, listening, makeHttp, makeKey, modern, startHttp, webStatus } from "../lib/http.mjs";
import { assert, connectRaw, failedRun, makeGate, startTeams, waitFor, within } from "./setup.mjs";

const ping = { id: 1, method: "ping" };
/* Of whom nothing was read yet, is one of those that give way: the turn runs before others come. */
const atWork = (iris) => waitFor(async () => (await iris.json(["messages"])).messages.some((m) => m.state === "seen"), { what: "the turn to run", every: 25 });
const alive = (pid) => existsSync(`/proc/${pid}`);

describe("HTTP", () => {
	let iris;

	beforeEach(async () => {
		iris = await startHttp({ frontend: {}, backend: {} });
	});
	afterEach(() => iris.stop());

	test("both ports serve the same, on the loopback; status tells which", async () => {
		const web = await webStatus(iris);
		assert.deepEqual(web.urls, [`http://127.0.0.1:${iris.port}`, `http://127.0.0.1:${iris.port2}`]);
		for (const port of [iris.port, iris.port2]) {
			const health = await ask(port, "GET", "/health");
			assert.equal(health.status, 200);
			assert.equal(health.json().status, "ok");
			assert.match(health.json().version, /^\d/);
		}
		const text = await iris.iris(["status"]);
		assert.match(text.stdout, new RegExp(`http +http://127\\.0\\.0\\.1:${iris.port}, `));
		/* 127.0.0.1 in /proc/net/tcp; nothing on 0.0.0.0 or IPv6. */
		const hex = (port) => port.toString(16).toUpperCase().padStart(4, "0");
		for (const port of [iris.port, iris.port2]) {
			const rows = ["tcp", "tcp6"].flatMap((f) => readFileSync(`/proc/net/${f}`, "utf8").split("\n"))
				.map((l) => l.trim().split(/\s+/)).filter(([, local, , state]) => local?.endsWith(`:${hex(port)}`) && state === "0A");
			assert.deepEqual(rows.map(([, local]) => local), [`0100007F:${hex(port)}`]);
		}
	});

	test("a foreign Host or Origin is refused before anything else is looked at", async () => {
		const key = await makeKey(iris, "message");
		const send = (headers, path = "/mcp") => legacy(iris.port, key, ping, { headers, path });
		for (const host of ["evil.example", `evil.example:${iris.port}`, "127.0.0.1.evil.example", "localhost.evil.example:1", "", "127.0.0.1:x"])
			for (const path of ["/mcp", "/health", "/nothing"])
				assert.equal((await send({ host }, path)).status, 403, `Host: ${host} ${path}`);
		for (const origin of ["http://evil.example", "null", "http://localhost.evil.example", "https://127.0.0.1@evil.example", "file://"])
			assert.equal((await send({ origin })).status, 403, `Origin: ${origin}`);
		/* Without a key, too: nothing is told to strangers but that. */
		assert.equal((await ask(iris.port, "POST", "/mcp", { headers: { host: "evil.example" }, body: "x" })).status, 403);
		for (const headers of [{ host: "localhost" }, { host: `localhost:${iris.port}` }, { host: `[::1]:${iris.port}` }, { host: "LOCALHOST:80" },
			{ origin: "http://localhost:3000" }, { origin: "https://127.0.0.1" }])
			assert.equal((await send(headers)).status, 200, JSON.stringify(headers));
	});

	test("two Hosts, no Host, HTTP/1.0: refused, not guessed", async () => {
		const raw = async (text) => {
			const socket = connect(iris.port, "127.0.0.1");
			let got = "";
			socket.on("data", (d) => (got += d));
			socket.write(text);
			await within(10000, once(socket, "close"), "the connection to be closed");
			return got;
		};
		assert.match(await raw("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"), /^HTTP\/1\.1 40[03] /);
		assert.match(await raw("GET /health HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 40[03] /);
		assert.match(await raw("GET /health HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 40[03] /);
		/* For another server, and for none: closed without a word. */
		assert.equal(await raw("GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n"), "");
		assert.equal(await raw("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"), "");
		assert.match(await raw("NONSENSE\r\n\r\n"), /^HTTP\/1\.1 400 /);
		assert.match(await raw(`GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ${"x".repeat(20000)}\r\n\r\n`), /^HTTP\/1\.1 4\d\d |^$/);
		assert.equal((await ask(iris.port, "GET", "/health")).status, 200);
	});

	test("paths, methods, types and bodies that it does not take", async () => {
		const key = await makeKey(iris, "message");
		const status = async (method, path, options) => (await ask(iris.port, method, path, { key, ...options })).status;
		/* The dashboard, or, where it was not built, the word that it was not. */
		const page = await ask(iris.port, "GET", "/", { key });
		assert.ok(page.status === 200 ? /^text\/html/.test(page.headers["content-type"])
			: page.status === 404 && /^text\/plain/.test(page.headers["content-type"]), `${page.status} ${page.text}`);
		assert.equal(await status("GET", "/.well-known/oauth-protected-resource"), 404);
		assert.equal(await status("GET", "/mcp2"), 404);
		assert.equal(await status("GET", "/../../etc/passwd"), 404);
		assert.equal(await status("GET", "/%2e%2e/%2e%2e/etc/passwd"), 404);
		assert.equal(await status("POST", "/health", { body: {} }), 405);
		for (const method of ["GET", "DELETE", "PUT"]) {
			const r = await ask(iris.port, method, "/mcp", { key });
			assert.equal(r.status, 405, method);
			assert.equal(r.headers.allow, "POST");
			assert.equal(r.headers["content-type"], "application/problem+json");
		}
		const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
		assert.equal(await status("POST", "/mcp", { body, headers: { "content-type": "text/plain" } }), 415);
		assert.equal(await status("POST", "/mcp", { body, headers: { "content-type": "application/jsonp" } }), 415);
		assert.equal(await status("POST", "/mcp", { body, headers: { "content-type": "Application/JSON; charset=utf-8" } }), 200);
		assert.equal(await status("POST", "/mcp", { body, headers: { accept: "text/html" } }), 406);
		assert.equal(await status("POST", "/mcp", { body, headers: { accept: "text/html, */*;q=0.1" } }), 200);
		assert.equal(await status("POST", "/mcp", { body: "{" }), 400);
		assert.equal(await status("POST", "/mcp", { body: "" }), 400);
		assert.equal(await status("POST", "/mcp", { body: JSON.stringify(JSON.parse(body), null, 2) }), 200);
	});

	test("a body of up to 16 MiB is taken, a longer one refused, chunked as well", async () => {
		const key = await makeKey(iris, "message");
		const send = (n, headers) => ask(iris.port, "POST", "/mcp", {
			key, headers, body: `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"pad":"${"x".repeat(n)}"}}`,
		});
		assert.deepEqual((await send(16 * 1024 * 1024 - 100)).json(), { jsonrpc: "2.0", id: 1, result: {} });
		assert.deepEqual((await send(3 * 1024 * 1024, { "transfer-encoding": "chunked" })).json().result, {});
		for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
			/* It may be told while it still sends. */
			const r = await send(16 * 1024 * 1024 + 1, headers).catch((e) => e);
			assert.ok(r.status === 413 || /EPIPE|ECONNRESET|hang up/.test(`${r.code} ${r.message}`), r.status ?? r.message);
		}
		assert.equal((await legacy(iris.port, key, ping)).status, 200);
	});

	test("no key, a wrong, an expired, a revoked one: 401, all alike", async () => {
		const refused = async (headers) => {
			const r = await ask(iris.port, "POST", "/mcp", { body: { jsonrpc: "2.0", ...ping }, headers });
			assert.equal(r.status, 401, JSON.stringify(headers));
			assert.match(r.headers["www-authenticate"], /^Bearer realm="iris"/);
			assert.equal(r.json().error.code, -31015);
			return r.json().error.message;
		};
		const { key, id } = await iris.json(["key", "create", "gone", "--scope", "read"]);
		const short = await connectRaw(iris, { role: "ctl" });
		const brief = (await short.request("iris/key.create", { name: "brief", scope: "read", expires: 1 })).result.key;
		assert.equal((await legacy(iris.port, key, ping)).status, 200);
		await iris.json(["key", "revoke", id]);
		const said = [
			await refused({ authorization: `Bearer ${key}` }),
			await refused({ authorization: `Bearer ${brief}` }),
			await refused({ authorization: `Bearer ${key.slice(0, -1)}0` }),
			await refused({ authorization: `Bearer ' OR 1=1 --` }).catch(() => null),
			await refused({ authorization: "Bearer x" }),
		].filter(Boolean);
		assert.equal(new Set(said.slice(0, 3)).size, 1);
		for (const authorization of [undefined, "", "Bearer", "Bearer ", `Basic ${key}`, `Bearer ${"x".repeat(1000)}`])
			await refused({ authorization });
		short.socket.destroy();
	});

	test("keys: listed without their texts, stored as hashes, never logged", async () => {
		const made = await iris.json(["key", "create", "ci", "-s", "read,approve", "--team", "backend", "--expires", "30d"]);
		assert.match(made.key, /^iris_[0-9a-f]{64}$/);
		assert.deepEqual(made.scopes, ["read", "approve"]);
		assert.equal(made.expiresAt - made.createdAt, 30 * 86400000);
		assert.equal((await legacy(iris.port, made.key, ping)).status, 200);
		const { keys } = await iris.json(["keys"]);
		assert.equal(keys.length, 1);
		assert.equal(keys[0].key, undefined);
		assert.equal(keys[0].team, "backend");
		assert.ok(keys[0].usedAt >= made.createdAt);
		assert.match((await iris.iris(["key", "list"])).stdout, /ci +active +read,approve +backend/);
		const hash = createHash("sha256").update(made.key).digest("hex");
		const files = readdirSync(iris.home).filter((f) => /^iris\.db/.test(f)).map((f) => readFileSync(join(iris.home, f), "latin1")).join("");
		assert.ok(files.includes(hash));
		assert.ok(!files.includes(made.key));
		assert.ok(!iris.log().includes(made.key));
		for (const args of [["x y", "-s", "read"], ["x", "-s", "write"], ["x", "-s", ""], ["x"], ["x", "-s", "read", "-e", "soon"], ["x", "-s", "read", "-e", "-1d"]])
			assert.equal((await failedRun(iris, ["key", "create", ...args])).code, "invalid", args.join(" "));
		assert.equal((await failedRun(iris, ["key", "create", "x", "-s", "read", "-t", "nobody"])).code, "not_found");
		assert.equal((await failedRun(iris, ["key", "revoke", "nothing"])).code, "not_found");
		/* Standard output has the key alone: KEY=$(iris key create ...). */
		assert.match((await iris.iris(["key", "create", "script", "-s", "read"])).stdout, /^iris_[0-9a-f]{64}\n$/);
	});

	test("a revoked key ends what its bearers wait for", async () => {
		const gate = makeGate(iris);
		const { key, id } = await iris.json(["key", "create", "ci", "-s", "message"]);
		const waiting = legacy(iris.port, key, { id: 5, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } } });
		await atWork(iris);
		await iris.json(["key", "revoke", id]);
		const r = await waiting;
		assert.equal(r.json().result.isError, true);
		assert.match(r.text, /revoked/);
		gate.open();
	});

	test("a hundred idle clients are in nobody's way", async () => {
		const key = await makeKey(iris, "message");
		const agents = Array.from({ length: 100 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
		await Promise.all(agents.map((agent) => legacy(iris.port, key, ping, { agent })));
		const start = performance.now();
		assert.equal((await legacy(iris.port, key, ping)).status, 200);
		assert.ok(performance.now() - start < 2500, `${performance.now() - start} ms`);
		agents.forEach((a) => a.destroy());
	});

	test("a hundred clients with a subscription each are in no call's way", async () => {
		const key = await makeKey(iris, "message");
		const others = await makeKey(iris, "message");
		const listen = (_, i) => modern(iris.port, i % 2 ? key : others, "subscriptions/listen", { notifications: { resourcesListChanged: true } });
		const open = await Promise.all(Array.from({ length: 100 }, listen));
		assert.ok(open.every((r) => r.status === 200), open.map((r) => r.status).join());
		await waitFor(() => open.every((r) => r.text.includes("acknowledged")), { what: "them to be acknowledged", every: 25 });
		const gate = makeGate(iris);
		const waiting = legacy(iris.port, key, { id: 1, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } } });
		await atWork(iris);
		const quick = await legacy(iris.port, key, { id: 2, method: "tools/call", params: { name: "list_teams", arguments: {} } });
		assert.equal(quick.json().result.structuredContent.totalTeams, 2);
		/* One more than there are places for: it is told so, and calls go on. */
		const more = await Promise.all(Array.from({ length: 29 }, listen));
		assert.deepEqual(more.map((r) => r.status).filter((s) => s !== 200), [503]);
		const file = join(iris.home, "config.yaml"), config = JSON.parse(readFileSync(file, "utf8"));
		config.teams.late = { path: iris.project("late"), description: "a third one" };
		writeFileSync(file, JSON.stringify(config));
		process.kill(iris.daemon.pid, "SIGHUP");
		await waitFor(() => open.every((r) => r.text.includes("list_changed")), { what: "all to be told", every: 25 });
		gate.open();
		assert.equal((await waiting).json().result.structuredContent.state, "answered");
		for (const r of [...open, ...more])
			r.res.destroy();
	});

	for (const [what, n, said] of [["say nothing", 600, ""], ["begin a request and stop", 300, "POST /mcp HTTP/1.1\r\nHost: loc"]]) {
		test(`${n} clients that ${what} give way, and calls that wait stay`, async () => {
			const gate = makeGate(iris);
			const key = await makeKey(iris, "message");
			const waiting = legacy(iris.port, key, { id: 1, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } } });
			await atWork(iris);
			const sockets = Array.from({ length: n }, () => connect(iris.port, "127.0.0.1").on("error", () => {}));
			sockets.forEach((s) => said !== "" && s.write(said));
			await Promise.all(sockets.filter((s) => s.connecting).map((s) => once(s, "connect")));
			for (let i = 0; i < 10; i++) {
				const start = performance.now();
				assert.equal((await ask(iris.port, "GET", "/health")).status, 200);
				assert.equal((await legacy(iris.port, key, ping)).status, 200);
				assert.ok(performance.now() - start < 1900, `${performance.now() - start} ms`);
			}
			await within(10000, Promise.all(sockets.map((s) => s.closed || once(s.resume(), "close"))), "them to be closed");
			gate.open();
			assert.equal((await waiting).json().result.structuredContent.state, "answered");
		});
	}

	test("who sends its body a byte now and then gives way, and calls that wait stay", async () => {
		const gate = makeGate(iris);
		const key = await makeKey(iris, "message");
		const waiting = legacy(iris.port, key, { id: 1, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } } });
		await atWork(iris);
		const head = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`;
		const sockets = Array.from({ length: 150 }, () => connect(iris.port, "127.0.0.1").on("error", () => {}));
		const ended = Promise.all(sockets.map((s) => once(s.resume(), "close")));
		sockets.forEach((s) => s.write(head));
		const drip = setInterval(() => sockets.forEach((s) => s.writable && s.write(" ")), 200);
		try {
			await Promise.all(sockets.filter((s) => s.connecting).map((s) => once(s, "connect")));
			for (let i = 0; i < 3; i++)
				assert.equal((await within(10000, legacy(iris.port, key, ping), "an answer beside them")).status, 200);
		} finally {
			clearInterval(drip);
			sockets.forEach((s) => s.destroy());
		}
		await within(10000, ended, "them to be closed");
		gate.open();
		assert.equal((await waiting).json().result.structuredContent.state, "answered");
	});

	test("where a request ends is beyond doubt, or it is none", async () => {
		const key = await makeKey(iris, "message");
		const body = JSON.stringify({ jsonrpc: "2.0", ...ping });
		const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
		const length = `Content-Length: ${body.length}`;
		const post = async (headers, text) => {
			const s = connect(iris.port, "127.0.0.1").on("error", () => {});
			let answer = "";
			s.on("data", (d) => (answer += d));
			s.write(`POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n${headers.map((h) => `${h}\r\n`).join("")}\r\n${text}`);
			await waitFor(() => / \d\d\d [^]*\r\n\r\n./.test(answer), { what: `an answer to ${headers}`, every: 10 });
			if (!/^Connection: keep-alive/m.test(answer))
				await within(15000, s.closed || once(s, "close"), "the connection to end");
			s.destroy();
			return [Number(answer.split(" ")[1]), answer.split("HTTP/1.1 ").length - 1];
		};
		const more = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
		assert.deepEqual(await post([length], body), [200, 1]);
		assert.deepEqual(await post(["Transfer-Encoding: chunked"], chunked), [200, 1]);
		for (const [headers, text] of [
			[[`Content-Length: ${chunked.length}`, "Transfer-Encoding: chunked"], chunked],
			[["Transfer-Encoding: chunked", "Content-Length: 3"], chunked],
			[[length, "Content-Length: 3"], body],
			[[length, length], body],
			[[`Content-Length: +${body.length}`], body],
			[["Transfer-Encoding: chunked"], `5\r\n${body}\r\n0\r\n\r\n`],
			[["Transfer-Encoding: chunked"], `${body.length.toString(16)}\r\n${body}\r\nzz\r\n\r\n`],
			[[...Array.from({ length: 70 }, (_, i) => `X-${i}: x`), length], body],
		])
			assert.deepEqual(await post(headers, text + more), [400, 1], headers.slice(-2).join());
	});

	test("a connection is kept for the next request while few are open", async () => {
		const agent = new Agent({ keepAlive: true, maxSockets: 1 });
		const ports = new Set();
		for (let i = 0; i < 5; i++) {
			const r = await ask(iris.port, "GET", "/health", { agent });
			assert.equal(r.headers.connection, "keep-alive");
			assert.equal(r.headers["keep-alive"], "timeout=3");
			ports.add(r.res.socket?.localPort ?? "?");
		}
		assert.ok(ports.size <= 1, [...ports].join());
		agent.destroy();
	});

	test("more calls that wait than there are places: 503, and quick ones go on", async () => {
		const gate = makeGate(iris);
		const key = await makeKey(iris, "message");
		const calls = Array.from({ length: 70 }, (_, id) => legacy(iris.port, key,
			{ id, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } } }));
		const first = await Promise.race(calls);
		assert.equal(first.status, 503);
		assert.equal(first.headers["retry-after"], "1");
		assert.equal(first.json().error.code, -31005);
		assert.equal((await legacy(iris.port, key, ping)).status, 200);
		/* Nor do tools that answer at once need a place, or that which ends what is waited for. */
		for (const [name, args] of [["list_teams", {}], ["get_date", {}], ["team_status", {}], ["list_messages", {}], ["get_logs", {}],
			["session_report", { team: "backend" }], ["quick_message", { toTeam: "frontend", message: "ECHO x" }],
			["session_cancel", { team: "frontend" }]]) {
			const r = await legacy(iris.port, key, { id: 1, method: "tools/call", params: { name, arguments: args } });
			assert.equal(r.status, 200, `${name}: ${r.text}`);
			assert.notEqual(r.json().result, undefined, r.text);
		}
		assert.equal((await legacy(iris.port, key, { id: 1, method: "tools/call", params: { name: "message_result", arguments: { messageId: "x" } } })).status, 503);
		/* The last places are not for who has the others. */
		assert.equal((await legacy(iris.port, await makeKey(iris, "message"), { id: 1, method: "tools/call",
			params: { name: "ask_message", arguments: { toTeam: "frontend", message: "ECHO y" } } })).json().result.structuredContent.response, "y");
		gate.open();
		const all = await Promise.all(calls);
		assert.equal(all.filter((r) => r.status === 503).length, 14);
		assert.equal(all.filter((r) => r.status === 200 && r.json().result.structuredContent?.state === "answered").length, 56);
	});

	test("the web process is killed: the next one serves, on the same ports", async () => {
		const key = await makeKey(iris, "message");
		const { pid } = await webStatus(iris);
		process.kill(pid, "SIGKILL");
		const next = await listening(iris, { but: pid, urls: 2 });
		assert.notEqual(next.pid, pid);
		assert.equal((await legacy(iris.port, key, ping)).status, 200);
		assert.match(iris.log(), new RegExp(`web process ended pid=${pid} signal=9`));
	});

	test("irisd is killed: its web process ends, and comes back with the next irisd", async () => {
		const key = await makeKey(iris, "message");
		const { pid } = await webStatus(iris);
		await iris.kill();
		await waitFor(() => !alive(pid), { what: "the web process to end" });
		await iris.iris(["start"]);
		await listening(iris, { urls: 2 });
		assert.equal((await legacy(iris.port, key, ping)).status, 200);
		await iris.iris(["stop"]);
	});

	test("a restart hands over: the next irisd has its own web process, calls in flight are told", async () => {
		const key = await makeKey(iris, "message");
		const { pid } = await webStatus(iris);
		const r = await iris.iris(["restart"]);
		assert.equal(r.status, 0, r.stderr);
		await listening(iris, { but: pid, urls: 2 });
		assert.equal((await legacy(iris.port, key, ping)).status, 200);
		await waitFor(() => !alive(pid), { what: "the last web process to end" });
		await iris.iris(["stop"]);
		iris.killed = true;
	});

	test("a stop answers who waits over HTTP", async () => {
		const gate = makeGate(iris);
		const key = await makeKey(iris, "message");
		const waiting = legacy(iris.port, key, { id: 1, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } } });
		await atWork(iris);
		const { pid } = await webStatus(iris);
		await iris.iris(["stop"]);
		const r = await waiting;
		assert.equal(r.json().result.isError, true, r.text);
		await waitFor(() => !alive(pid), { what: "the web process to end" });
	});
});

describe("HTTP by configuration", () => {
	test("off: no process, no port; a reload brings it, moves it, takes it away", async () => {
		const iris = await startTeams({ backend: {} });
		try {
			assert.deepEqual(await webStatus(iris), { wanted: false, urls: [] });
			const [one, two] = [await freePort(), await freePort()];
			const reload = async (port, http = 0) => {
				iris.setTeams({ backend: {} }, { httpPort: port, ...http });
				assert.equal((await connectRaw(iris, { role: "ctl" }).then((c) => c.request("iris/config.reload"))).error, undefined);
			};
			await reload(one, { defaultTransport: "http" });
			const { pid } = await listening(iris);
			assert.equal((await ask(one, "GET", "/health")).status, 200);
			await reload(two, { defaultTransport: "http" });
			await listening(iris, { but: pid });
			assert.equal((await ask(two, "GET", "/health")).status, 200);
			await assert.rejects(ask(one, "GET", "/health"), /ECONNREFUSED/);
			await reload(two);
			await waitFor(async () => (await webStatus(iris)).wanted === false, { what: "the web process to end", every: 25 });
			await assert.rejects(ask(two, "GET", "/health"), /ECONNREFUSED/);
		} finally {
			await iris.stop();
		}
	});

	test("a port that is taken: the other is served, a warning says it, nothing goes round in circles", async () => {
		const iris = await makeHttp({ backend: {} });
		const squatter = createServer().listen(iris.port, "127.0.0.1");
		await once(squatter, "listening");
		try {
			await iris.start();
			const { pid, urls } = await listening(iris);
			assert.deepEqual(urls, [`http://127.0.0.1:${iris.port2}`]);
			assert.equal((await ask(iris.port2, "GET", "/health")).status, 200);
			const { warnings } = await iris.json(["status"]);
			const title = readFileSync("/proc/self/comm", "utf8").trim();
			assert.equal(warnings.filter((w) => w.includes(`no HTTP on port ${iris.port}`) &&
				w.endsWith(`: Address already in use, by ${title}, process ${process.pid}: stop that, or set another port (httpPort, dashboard.http) in config.yaml`)).length, 1, warnings.join());
			assert.equal((await webStatus(iris)).pid, pid);
			assert.equal(new Set(iris.log().match(/^.*web process started.*$/mg)).size, 1);
		} finally {
			squatter.close();
			await iris.stop();
		}
	});
});
