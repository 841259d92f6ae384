/* SPDX-License-Identifier: MIT
 *
 * Clients that mean harm, or are broken: whatever they do, and however many they are, the API answers
 * others within a bounded wait meanwhile, and nothing grows without end.
 */
import { once } from "node:events";
import { Agent } from "node:http";
import { connect } from "node:net";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ask, freePort, legacy, makeKey, startHttp, webStatus } from "../lib/http.mjs";
import { frame, rawSocket, stream, watch } from "../lib/viewer.mjs";
import { assert, makeGate, waitFor, within } from "../integration/setup.mjs";

/* Long enough for a loaded machine and a sanitizer build; who starves waits for ever. */
const BOUND = 8000;

const rss = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024;

describe("abuse of HTTP", () => {
	let iris, key;

	beforeEach(async () => {
		iris = await startHttp({ frontend: {}, backend: {} }, { dashboard: { rateLimit: 0 } });
		key = await makeKey(iris, "read,message");
	});
	afterEach(() => iris.stop());

	/* Ask n times, on connections of its own; the longest wait. */
	async function answers(what, n = 10) {
		let longest = 0;

		for (let i = 0; i < n; i++) {
			const start = performance.now();
			const r = await within(BOUND, ask(iris.port, "GET", "/api/v1/teams", { key }), `an answer beside ${what}`);
			assert.equal(r.status, 200, r.text);
			longest = Math.max(longest, performance.now() - start);
		}
		console.log(`# beside ${what}: ${longest.toFixed(0)} ms at most`);
	}

	/* Connections that send this, and what they are answered. */
	async function crowd(n, text = "") {
		const sockets = Array.from({ length: n }, () => connect(iris.port, "127.0.0.1").on("error", () => {}));

		for (const s of sockets) {
			s.got = "";
			s.gone = new Promise((resolve) => s.once("close", resolve));
			s.on("data", (d) => (s.got += d));
			s.once("connect", () => text && s.write(text));
		}
		await Promise.all(sockets.map((s) => s.connecting && Promise.race([new Promise((resolve) => s.once("connect", resolve)), s.gone])));
		return sockets;
	}

	const end = (sockets) => sockets.forEach((s) => s.destroy());

	test("another address of the loopback, with the port of a viewer: it gets nothing, and the viewer all", async () => {
		const streams = [];
		for (let i = 0; i < 5; i++) {
			/* Which ports are free is not known: a pair is tried until there is one. */
			let thief, got = "", viewer;
			await waitFor(async () => {
				const localPort = await freePort();
				thief = connect({ host: "127.0.0.1", port: iris.port, localAddress: "127.0.0.2", localPort }).on("error", () => {});
				thief.on("data", (d) => (got += d));
				await Promise.race([once(thief, "connect"), once(thief, "close")]).catch(() => {});
				viewer = await stream(iris.port, { key, topics: "message", options: { localAddress: "127.0.0.1", localPort } }).catch(() => null);
				return viewer !== null;
			}, { what: "two connections from one port" });
			await viewer.event("hello");
			assert.equal(got, "");
			await waitFor(() => thief.destroyed || thief.readableEnded, { what: "the other address to be turned away" });
			streams.push(viewer);
		}
		await answers("those");
		for (const s of streams)
			s.end();
	});

	test("where a request ends is in no doubt: what hides headers, or the end of a body, is refused, and ends the connection", async () => {
		const next = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
		const body = JSON.stringify({ token: "x" }), login = "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
		const cases = [
			...["X: y\r\n z", "X: y\r\n\tz", "X: y\r\n: z", "X: y\r\n\xe9: z", "X: y\n z"].map((lines) =>
				`GET /health HTTP/1.1\r\nHost: localhost\r\n${lines}\r\nContent-Length: ${next.length}\r\n\r\n${next}`),
			`GET /health HTTP/1.1\r\nHost: localhost\r\n x\r\nHost: evil.example\r\n\r\n${next}`,
			`GET /health HTTP/1.1\nHost: localhost\n\n${next}`,
			`${login}Transfer-Encoding: identity\r\n\r\n${body}${next}`,
			`${login}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${next}`,
			`${login}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${next}`,
			`${login}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${next}`,
		];
		for (const text of cases) {
			const [socket] = await crowd(1);
			socket.write(Buffer.from(text, "latin1"));
			await within(BOUND, socket.gone, "the end of the connection");
			assert.match(socket.got, /^HTTP\/1\.1 400 /, JSON.stringify(text));
			assert.equal(socket.got.match(/^HTTP\/1\.1 /gm).length, 1, `${JSON.stringify(text)}\n${socket.got}`);
		}
		const [good] = await crowd(1, next);
		await waitFor(() => good.got.includes('"ok"'), { what: "an answer" });
		end([good]);
	});

	test("bodies: small ones without a key, in time; larger ones, and many values, only where they belong", async () => {
		const { pid } = await webStatus(iris), before = rss(pid), admin = await makeKey(iris, "admin");
		const large = `{"token":[${"1,".repeat(8 * 1024 * 1024 - 100)}1]}`;
		for (let i = 0; i < 4; i++) {
			const r = await ask(iris.port, "POST", "/api/v1/login", { body: large }).catch((e) => e);
			assert.ok(r.status === 413 || /EPIPE|ECONNRESET|hang up/.test(`${r.code} ${r.message}`), r.status ?? r.message);
		}
		const post = async (path, body) => (await ask(iris.port, "POST", `/api/v1${path}`, { key: admin, body })).status;
		assert.equal(await post("/login", { token: "x".repeat(5000) }), 413);
		assert.equal(await post("/rules", { rule: "x".repeat(70000) }), 413);
		assert.equal(await post("/teams", { name: "many", path: "/tmp", disallowedTools: Array(100001).fill("x") }), 400);
		assert.equal(await post("/teams/backend/ask", { message: `ECHO ${"[{,".repeat(100000)}` }), 200);
		/* All at once, a byte now and then: others do not wait, and it has an end. */
		const drips = await crowd(100, "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n");
		const timer = setInterval(() => drips.forEach((s) => !s.destroyed && s.write(" ")), 50);
		try {
			await answers("bodies that drip", 5);
			await within(15000, Promise.all(drips.map((s) => s.gone)), "the end of them");
		} finally {
			clearInterval(timer);
		}
		const statuses = drips.map((s) => s.got.slice(9, 12));
		assert.ok(statuses.every((s) => ["408", "503", ""].includes(s)), `${statuses}`);
		assert.ok(statuses.includes("408") && statuses.includes("503"), `${statuses}`);
		assert.equal(await post("/login", { token: "x" }), 401);
		if (!process.env.IRIS_SANITIZED)
			await waitFor(() => rss(pid) - before < 64, { what: `memory to be given back; ${before} MiB before, now more than 64 above` });
	});

	test("a name that points here, and pages of other sites: nothing, by any way", async () => {
		for (const headers of [{ host: "evil.example" }, { host: `evil.example:${iris.port}` }, { host: "127.0.0.1.evil.example" },
			{ origin: "http://evil.example" }, { origin: `http://evil.example:${iris.port}` }, { origin: "null" }, { origin: "" }]) {
			const what = JSON.stringify(headers);
			assert.equal((await watch(iris.port, { key, headers })).status, 403, what);
			assert.equal((await stream(iris.port, { key, headers })).status, 403, what);
			for (const [method, path] of [["GET", "/api/v1/teams"], ["GET", "/"], ["POST", "/api/v1/login"], ["OPTIONS", "/api/v1/teams"]]) {
				const r = await ask(iris.port, method, path, { key, headers, ...(method === "POST" && { body: { token: "x" } }) });
				assert.equal(r.status, 403, `${method} ${path} ${what}`);
				assert.deepEqual(Object.keys(r.headers).filter((h) => h.startsWith("access-control-")), []);
			}
		}
	});

	test("1,000 connections on which nothing is said", async () => {
		const sockets = await crowd(1000);
		await answers("1,000 silent connections");
		end(sockets);
	});

	test("300 requests whose headers come a byte now and then", async () => {
		const sockets = await crowd(300, "GET /api/v1/teams HTTP/1.1\r\nHost: localhost\r\n");
		const drip = setInterval(() => sockets.forEach((s) => s.writable && s.write("x")), 100);
		try {
			await answers("300 slow headers");
		} finally {
			clearInterval(drip);
			end(sockets);
		}
	});

	test("150 requests whose bodies come a byte now and then", async () => {
		const sockets = await crowd(150, `POST /api/v1/teams/backend/ask HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n` +
			"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n");
		const drip = setInterval(() => sockets.forEach((s) => s.writable && s.write(" ")), 100);
		try {
			await answers("150 slow bodies");
		} finally {
			clearInterval(drip);
			end(sockets);
		}
	});

	test("200 requests whose answers nobody reads", async () => {
		const one = `GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n`;
		const sockets = await crowd(200);
		for (const s of sockets) {
			s.pause();
			s.write(one.repeat(200));
		}
		await answers("200 clients that do not read");
		end(sockets);
	});

	test("headers and paths that are too long, too many, or none", async () => {
		const head = (lines) => `GET /api/v1/teams HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${key}\r\n${lines}\r\n`;
		for (const text of [head(`X: ${"x".repeat(20000)}\r\n`), head("X: y\r\n".repeat(5000)), `GET /${"x".repeat(20000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
			head(Array.from({ length: 70 }, (_, i) => `X-${i}: y\r\n`).join("")), head("x\r\n"), head("X\0: y\r\n"),
			`${"GET".repeat(8000)}\r\n\r\n`, "\0".repeat(20000), `GET /api/v1/events?topics=${"x,".repeat(3000)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${key}\r\n\r\n`]) {
			const [s] = await crowd(1, text);
			await within(BOUND, s.gone, `the end of ${JSON.stringify(text.slice(-60))}`);
			assert.match(s.got, /^(HTTP\/1\.1 4\d\d |HTTP\/1\.1 503 |$)/, JSON.stringify(text.slice(-60)));
		}
		await answers("none of them");
	});

	test("a hundred requests in one write: a hundred answers, in their order", async () => {
		const one = (i) => `GET /api/v1/teams/${i % 2 ? "backend" : "frontend"} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`;
		const [s] = await crowd(1, Array.from({ length: 100 }, (_, i) => one(i)).join(""));
		const names = () => [...s.got.matchAll(/\{"name":"(\w+)"/g)].map((m) => m[1]);
		await waitFor(() => names().length === 100, { what: "100 answers" });
		assert.deepEqual(names(), Array.from({ length: 100 }, (_, i) => (i % 2 ? "backend" : "frontend")));
		end([s]);
	});

	test("viewers that never read: others get everything, neither process grows, and they are let go", async () => {
		const { connections } = await iris.json(["status"]);
		const deaf = await Promise.all(Array.from({ length: 20 }, () => rawSocket(iris.port, { key, read: false })));
		const good = await watch(iris.port, { key, topics: "message" });
		const client = await iris.client({ cwd: iris.dirs.frontend }), text = "x".repeat(80000);
		await good.event("hello");
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO first" });
		const { pid } = await webStatus(iris), before = [rss(pid), rss(iris.daemon.pid)];
		for (let i = 0; i < 100; i++)
			await iris.call(client, "ask_message", { toTeam: "backend", message: `ECHO ${i} ${text}` });
		await good.event((e) => e.type === "message" && e.message.response?.startsWith("99 "));
		await answers("20 viewers that never read");
		const grown = [rss(pid) - before[0], rss(iris.daemon.pid) - before[1]];
		console.log(`# 20 viewers that never read: irisd-web grew by ${grown[0].toFixed(1)} MiB, irisd by ${grown[1].toFixed(1)} MiB`);
		if (!process.env.IRIS_SANITIZED)
			assert.ok(grown.every((n) => n < 60), grown.join());
		/* The good one, the client's, and those that were there before. */
		await waitFor(async () => (await iris.json(["status"])).connections <= connections + 2, { what: "all of them to be let go", every: 100, deadline: 30000 });
		end(deaf.map((d) => d.socket));
		good.socket.terminate();
		await client.close();
	});

	test("viewers that send pings without end and never read the answers", async () => {
		const loud = await Promise.all(Array.from({ length: 20 }, () => rawSocket(iris.port, { key, read: false })));
		const pings = Buffer.concat(Array.from({ length: 500 }, () => frame(9, "x".repeat(125))));
		const pour = (s) => {
			while (s.writable && s.write(pings))
				;
		};
		for (const { socket } of loud) {
			socket.on("drain", () => pour(socket));
			pour(socket);
		}
		await answers("20 viewers that send pings without end");
		const { pid } = await webStatus(iris);
		console.log(`# irisd-web has ${rss(pid).toFixed(1)} MiB then`);
		if (!process.env.IRIS_SANITIZED)
			assert.ok(rss(pid) < 150, `${rss(pid)} MiB`);
		end(loud.map((d) => d.socket));
	});

	test("frames that are none, and a gigabyte announced: closed, and nothing is kept for them", async () => {
		const { pid } = await webStatus(iris), before = rss(pid);
		const bad = await Promise.all(Array.from({ length: 60 }, () => rawSocket(iris.port, { key })));
		const texts = [Buffer.alloc(3000, 0xff), frame(1, "", { length: 2 ** 30 }), frame(1, "x".repeat(70000)), Buffer.from("GET / HTTP/1.1\r\n\r\n"),
			frame(0, "x"), frame(15, "x")];
		bad.forEach((raw, i) => raw.send(texts[i % texts.length]));
		for (const raw of bad)
			assert.ok([1002, 1009].includes(await within(BOUND, raw.closed, "a close")));
		await answers("frames that are none");
		if (!process.env.IRIS_SANITIZED)
			assert.ok(rss(pid) - before < 40, `${before} MiB, then ${rss(pid)}`);
	});

	test("every place taken, and a crowd before the door: the API goes on", async () => {
		const gate = makeGate(iris), agent = new Agent({ keepAlive: true, maxSockets: 1 });
		/* No key gets all of them: it takes two. */
		const keys = [key, await makeKey(iris, "read,message")];
		const viewers = await Promise.all(Array.from({ length: 112 }, (_, i) => watch(iris.port, { key: keys[i % 2], topics: "message" })));
		assert.ok(viewers.every((v) => v.events));
		const calls = Array.from({ length: 64 }, (_, id) => legacy(iris.port, keys[id % 2],
			{ id, method: "tools/call", params: { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } } }));
		await waitFor(async () => (await iris.json(["messages", "--limit", "500"])).messages.length === calls.length,
			{ what: "the calls to wait", deadline: 40000, every: 50 });
		const silent = await crowd(200), slow = await crowd(100, "GET /api/v1/te");
		await answers("every place taken and 300 more connections");
		/* One that was open before all of them. */
		for (let i = 0; i < 5; i++)
			assert.equal((await within(BOUND, ask(iris.port, "GET", "/api/v1/status", { key, agent }), "an answer")).status, 200);
		const more = await ask(iris.port, "POST", "/api/v1/teams/backend/ask", { key, body: { message: "ECHO one more" } });
		assert.ok([503, 429].includes(more.status), more.text);
		gate.open();
		end([...silent, ...slow]);
		assert.ok((await Promise.all(calls)).every((r) => r.status === 200));
		for (const v of viewers)
			v.socket.terminate();
		agent.destroy();
	});
});
