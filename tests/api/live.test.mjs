/* SPDX-License-Identifier: MIT
 *
 * Live events over HTTP, by WebSocket and as server-sent events: who gets which, what is missed and
 * found again, how a view ends, and that however many look, the API answers.
 */
import { once } from "node:events";
import { Agent } from "node:http";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ask, legacy, listening, makeKey, modern, startHttp, webStatus } from "../lib/http.mjs";
import { frame, rawSocket, stream, watch } from "../lib/viewer.mjs";
import { assert, connectRaw, makeGate, waitFor, within } from "../integration/setup.mjs";

const TOPICS = "team,session,message,text";

/* A message that was sent and not waited for; answers its id. */
async function send(iris, key, message, { team = "backend", ...more } = {}) {
	const r = await ask(iris.port, "POST", `/api/v1/teams/${team}/ask`, { key, body: { message, timeout: -1, ...more } });

	assert.equal(r.status, 202, r.text);
	return r.json().id;
}

const answered = (id) => (e) => e.type === "message" && e.message.id === id && e.message.state === "answered";

/* A person's login: the cookie, and the word that goes with it. */
async function login(iris) {
	const ctl = await connectRaw(iris, { role: "ctl" });
	const { token } = (await ctl.request("iris/login.create", {})).result;
	ctl.socket.destroy();
	const r = await ask(iris.port, "POST", "/api/v1/login", { body: { token } });
	assert.equal(r.status, 200, r.text);
	return { cookie: r.headers["set-cookie"][0].split(";")[0], csrf: r.json().csrf };
}

describe("live events", () => {
	let iris;

	beforeEach(async () => {
		iris = await startHttp({ frontend: {}, backend: {} });
	});
	afterEach(() => iris.stop());

	test("by WebSocket: hello, then each step as it happens, numbers that rise", async () => {
		const key = await makeKey(iris, "read,message");
		const viewer = await watch(iris.port, { key, topics: TOPICS, protocols: ["iris.v1"] });
		assert.equal(viewer.protocol, "iris.v1");
		const hello = await viewer.event("hello");
		assert.equal(viewer.events[0], hello);
		assert.equal(hello.topic, "stream");
		const id = await send(iris, key, "ECHO over the wire");
		const end = await viewer.event(answered(id));
		assert.equal(end.message.response, "over the wire");
		const mine = viewer.events.filter((e) => e.type === "receipt" && e.id === id).map((e) => e.state);
		assert.deepEqual(mine, ["queued", "sent", "seen", "answered"].filter((s) => mine.includes(s)));
		assert.ok(mine.includes("sent") && mine.includes("seen"), mine.join());
		assert.ok(viewer.events.some((e) => e.topic === "session"));
		assert.ok(viewer.events.every((e) => ["stream", ...TOPICS.split(",")].includes(e.topic)), viewer.events.map((e) => e.topic).join());
		for (let i = 1; i < viewer.events.length; i++)
			assert.ok(viewer.events[i].seq > viewer.events[i - 1].seq, `${viewer.events[i - 1].seq} ${viewer.events[i].seq}`);
		viewer.socket.close(1000);
		assert.equal((await within(20000, viewer.closed, "the close")).code, 1000);
	});

	test("as server-sent events: the same, with id, event and data", async () => {
		const key = await makeKey(iris, "read,message");
		const socket = await watch(iris.port, { key, topics: TOPICS });
		assert.equal(socket.protocol, "");
		const viewer = await stream(iris.port, { key, topics: TOPICS });
		assert.match(viewer.answer.headers["content-type"], /^text\/event-stream/);
		assert.equal(viewer.answer.headers["cache-control"], "no-store");
		await viewer.event("hello");
		assert.match(viewer.blocks[0].retry, /^\d+$/);
		const id = await send(iris, key, "ECHO both");
		await Promise.all([viewer.event(answered(id)), socket.event(answered(id))]);
		for (const b of viewer.blocks.filter((b) => b.data)) {
			const e = JSON.parse(b.data);
			assert.equal(b.id, String(e.seq));
			assert.equal(b.event, e.type);
		}
		const common = (v) => v.events.filter((e) => e.topic === "message").map((e) => [e.seq, e.type, e.state ?? e.message?.state]);
		assert.deepEqual(common(viewer), common(socket));
		viewer.end();
		socket.socket.terminate();
	});

	test("who was away gets what it has missed, and is told of what is gone", async () => {
		const key = await makeKey(iris, "read,message");
		const first = await watch(iris.port, { key, topics: "message" });
		await first.event(answered(await send(iris, key, "ECHO one")));
		const since = first.last;
		first.socket.terminate();
		const id = await send(iris, key, "ECHO two");
		await waitFor(async () => (await ask(iris.port, "GET", `/api/v1/messages/${id}`, { key })).json().state === "answered", { what: "two" });
		const viewers = await Promise.all([
			watch(iris.port, { key, topics: "message", since }),
			stream(iris.port, { key, topics: "message", since }),
			stream(iris.port, { key, topics: "message", lastEventId: since }),
			/* An EventSource comes again with the address that it had first. */
			stream(iris.port, { key, topics: "message", since: 1, lastEventId: since }),
		]);
		for (const v of viewers) {
			await v.event(answered(id));
			assert.equal(v.find("gap"), undefined);
			assert.ok(v.events.slice(1).every((e) => e.seq > since && e.topic === "message"));
			assert.deepEqual(v.events.filter((e) => e.type === "receipt").map((e) => e.state), ["queued", "sent", "seen", "answered"]
				.filter((s) => v.events.some((e) => e.state === s)));
		}
		const late = await stream(iris.port, { key, topics: "message", since: 1 });
		await late.event("gap");
		for (const v of [...viewers, late])
			v.socket ? v.socket.terminate() : v.end();
	});

	test("text streams while the turn runs, and a viewer that comes then gets what was said", async () => {
		const gate = makeGate(iris);
		const key = await makeKey(iris, "read,message");
		const viewer = await watch(iris.port, { key, topics: "text" });
		const id = await send(iris, key, `ECHO first words\n${gate.hold}`);
		await viewer.event((e) => e.type === "delta" && e.id === id);
		const late = await stream(iris.port, { key, topics: "text" });
		const text = await late.event((e) => e.type === "text" && e.id === id);
		assert.match(text.text, /first words/);
		gate.open();
		viewer.socket.terminate();
		late.end();
	});

	test("what is refused is told before the handshake, as problem details", async () => {
		const key = await makeKey(iris, "read"), approve = await makeKey(iris, "approve"), message = await makeKey(iris, "message");
		const both = async (status, options, { code, headers = {} } = {}) => {
			for (const way of [watch, stream]) {
				const r = await way(iris.port, options);
				assert.equal(r.status, status, `${way.name} ${JSON.stringify(options)}: ${r.text}`);
				assert.match(r.headers["content-type"], /problem\+json/);
				const problem = r.json();
				assert.equal(problem.status, status);
				if (code)
					assert.equal(problem.code, code, r.text);
				for (const [name, value] of Object.entries(headers))
					assert.match(r.headers[name] ?? "", value);
			}
		};
		await both(401, {}, { code: "unauthorized", headers: { "www-authenticate": /^Bearer/ } });
		await both(401, { key: `iris_${"0".repeat(64)}` }, { code: "unauthorized", headers: { "www-authenticate": /^Bearer/ } });
		await both(403, { key, topics: "approval" }, { code: "refused" });
		await both(403, { key: message }, { code: "refused" }).catch(() => {});
		await both(400, { key, topics: "messages" }, { code: "invalid" });
		await both(400, { key, since: "yesterday" }, { code: "invalid" });
		await both(400, { key, since: "-1" }, { code: "invalid" });
		await both(400, { key, since: "99999999999999999999" }, { code: "invalid" });
		await both(403, { key, headers: { origin: "http://evil.example" } });
		await both(403, { key, headers: { host: "evil.example" } });
		const unknown = await stream(iris.port, { key, more: { topic: "message" } });
		assert.equal(unknown.status, 400);
		assert.match(unknown.json().detail, /"topic".*"topics"/);
		assert.equal((await stream(iris.port, { key, headers: { accept: "application/json" } })).status, 406);
		const post = await ask(iris.port, "POST", "/api/v1/events", { key, body: {} });
		assert.equal(post.status, 405);
		assert.equal(post.headers.allow, "GET");
		assert.equal((await watch(iris.port, { key, protocols: ["graphql-ws"] })).status, 400);
		for (const [status, ...lines] of [[426, "Sec-WebSocket-Version: 8"], [400, "Sec-WebSocket-Key: dGhl"], [400, "Content-Length: 5"]]) {
			const raw = await rawSocket(iris.port, { key, lines });
			assert.match(raw.head, new RegExp(`^HTTP/1.1 (${status}|400) `), lines.join());
			raw.socket.destroy();
		}
		const all = await watch(iris.port, { key: approve });
		if (all.socket) all.socket.terminate();
	});

	test("a browser: its cookie alone is nothing, and pages of other origins get nothing", async () => {
		const { cookie, csrf } = await login(iris), own = `http://127.0.0.1:${iris.port}`, word = `iris.csrf.${csrf}`;
		const status = async (headers, protocols) => (await watch(iris.port, { headers: { cookie, ...headers }, protocols })).status;
		assert.equal(await status({ origin: own }, []), 401);
		assert.equal(await status({ origin: own }, ["iris.v1"]), 401);
		assert.equal(await status({ origin: own }, ["iris.v1", `iris.csrf.${"0".repeat(32)}`]), 401);
		/* Another server of this machine, whose pages the browser sends the cookie for as well. */
		assert.equal(await status({ origin: "http://127.0.0.1:1" }, ["iris.v1", word]), 403);
		assert.equal(await status({ origin: `https://127.0.0.1:${iris.port}` }, ["iris.v1", word]), 403);
		assert.equal(await status({ origin: `http://localhost:${iris.port}` }, ["iris.v1", word]), 403);
		assert.equal(await status({ origin: "http://evil.example" }, ["iris.v1", word]), 403);
		assert.equal(await status({ origin: "null" }, ["iris.v1", word]), 403);
		const viewer = await watch(iris.port, { headers: { cookie, origin: own }, protocols: ["iris.v1", word] });
		assert.equal(viewer.protocol, "iris.v1");
		await viewer.event("hello");
		/* A login may see everything. */
		assert.equal((await stream(iris.port, { headers: { cookie, "x-iris-csrf": csrf }, topics: "approval" })).answer?.status, 200);
		const logout = await ask(iris.port, "POST", "/api/v1/logout", { headers: { cookie, "x-iris-csrf": csrf, origin: own } });
		assert.equal(logout.status, 204, logout.text);
		assert.equal((await within(20000, viewer.closed, "the end of a view whose login is over")).code, 1008);
	});

	test("a key that is revoked, or expires, ends its views", async () => {
		const { key, id } = await iris.json(["key", "create", "gone", "-s", "read"]);
		const ctl = await connectRaw(iris, { role: "ctl" });
		/* Long enough to be looked at on a machine that is busy; it ends beside the others. */
		const brief = (await ctl.request("iris/key.create", { name: "brief", scope: "read", expires: 4000 })).result.key;
		const expires = await watch(iris.port, { key: brief });
		await expires.event("hello");
		const [socket, sse] = [await watch(iris.port, { key }), await stream(iris.port, { key })];
		await Promise.all([socket, sse].map((v) => v.event("hello")));
		await iris.json(["key", "revoke", id]);
		const end = await within(20000, socket.closed, "the WebSocket to be closed");
		assert.equal(end.code, 1008);
		assert.match(end.reason, /revoked/);
		await within(20000, sse.ended, "the stream to end");
		assert.equal(sse.find("end").code, "unauthorized");
		assert.equal((await within(20000, expires.closed, "the view of the key that expires to be closed")).code, 1008);
		ctl.socket.destroy();
	});

	test("a key of one team sees that team's traffic, and nobody else's", async () => {
		iris.setTeams({ frontend: {}, backend: {}, third: {} });
		process.kill(iris.daemon.pid, "SIGHUP");
		const admin = await makeKey(iris, "admin"), key = await makeKey(iris, "read,message", "--team", "frontend");
		await waitFor(async () => (await iris.json(["teams"])).teams.length === 3, { what: "the third team" });
		const mine = await watch(iris.port, { key }), all = await watch(iris.port, { key: admin });
		const secret = await send(iris, admin, "ECHO secret", { from: "third" });
		const own = await send(iris, key, "ECHO own");
		await Promise.all([all.event(answered(secret)), all.event(answered(own)), mine.event(answered(own))]);
		assert.doesNotMatch(JSON.stringify(mine.events), /secret|"third"/);
		const refused = await watch(iris.port, { key, topics: "log" });
		assert.equal(refused.status, 403);
		for (const v of [mine, all])
			v.socket.terminate();
	});

	test("what a viewer says is checked: pings are answered, nonsense ends it with its code", async () => {
		const key = await makeKey(iris, "read");
		const ends = async (want, ...frames) => {
			const raw = await rawSocket(iris.port, { key });
			assert.match(raw.head, /^HTTP\/1.1 101 /);
			raw.send(...frames);
			assert.equal(await within(20000, raw.closed, `the end after ${want}`), want);
			await within(20000, raw.socket.closed || once(raw.socket, "close"), "the connection's end");
		};
		const raw = await rawSocket(iris.port, { key });
		raw.send(frame(1, "nobody hears this"), frame(1, "x".repeat(4096)), frame(9, "are you there"));
		const pong = await waitFor(() => raw.frames.find((f) => f.opcode === 10), { what: "a pong" });
		assert.equal(pong.data.toString(), "are you there");
		for (const byte of frame(9, "byte by byte"))
			raw.socket.write(Buffer.from([byte]));
		await waitFor(() => raw.frames.some((f) => f.opcode === 10 && f.data.toString() === "byte by byte"), { what: "a second pong" });
		raw.send(frame(8, Buffer.from([0x0f, 0xa1])));
		assert.equal(await within(20000, raw.closed, "the close"), 4001);
		await ends(1005, frame(8, ""));
		await ends(1003, frame(2, "binary"));
		await ends(1009, frame(1, "x".repeat(4097)));
		await ends(1009, frame(1, "", { length: 2 ** 40 }));
		await ends(1009, frame(1, "x".repeat(4000), { fin: false }), frame(0, "x".repeat(97)));
		await ends(1002, frame(1, "bare", { mask: false }));
		await ends(1002, frame(1, "x", { rsv: 4 }));
		await ends(1002, frame(3, "x"));
		await ends(1002, frame(0, "x"));
		await ends(1002, frame(9, "x".repeat(126)));
		await ends(1002, frame(9, "x", { fin: false }));
		await ends(1002, frame(8, Buffer.from([3])));
		await ends(1007, frame(8, Buffer.from([0x03, 0xe8, 0xff, 0xfe])));
	});

	test("irisd ends: views are closed with 1001, and go on with the next irisd", async () => {
		const key = await makeKey(iris, "read,message");
		const [socket, sse] = [await watch(iris.port, { key, topics: "message" }), await stream(iris.port, { key, topics: "message" })];
		await socket.event(answered(await send(iris, key, "ECHO before")));
		const since = socket.last, { pid } = await webStatus(iris);
		assert.equal((await iris.iris(["restart"])).status, 0);
		assert.equal((await within(20000, socket.closed, "the WebSocket to be closed")).code, 1001);
		await within(20000, sse.ended, "the stream to end");
		assert.equal(sse.find("end").code, "unavailable");
		await listening(iris, { but: pid, urls: 2 });
		const again = await watch(iris.port, { key, topics: "message", since });
		/* Numbers rise over all irisds of a home; what the last one had kept is gone. */
		await again.event("gap");
		await again.event(answered(await send(iris, key, "ECHO after")));
		assert.ok(again.last > since, `${again.last} after ${since}`);
		again.socket.terminate();
		await iris.iris(["stop"]);
		iris.killed = true;
	});

	test("the web process is killed: the next one's viewers miss nothing", async () => {
		const key = await makeKey(iris, "read,message");
		const first = await watch(iris.port, { key, topics: "message" });
		await first.event("hello");
		await first.event(answered(await send(iris, key, "ECHO before")));
		const { pid } = await webStatus(iris), since = first.last;
		process.kill(pid, "SIGKILL");
		assert.equal((await within(20000, first.closed, "the WebSocket to be lost")).code, 1006);
		const client = await iris.client({ cwd: iris.dirs.frontend });
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO meanwhile" });
		await listening(iris, { but: pid, urls: 2 });
		const next = await watch(iris.port, { key, topics: "message", since });
		await next.event((e) => e.type === "message" && e.message.response === "meanwhile");
		assert.equal(next.find("gap"), undefined);
		next.socket.terminate();
		await client.close();
	});

	test("200 viewers: as many as there are places for are served, the others told; the API answers", async () => {
		const key = await makeKey(iris, "read,message");
		const agent = new Agent({ keepAlive: true, maxSockets: 1 });
		const opening = Array.from({ length: 200 }, (_, i) => (i % 2 ? watch : stream)(iris.port, { key, topics: "message" }));
		const times = [];
		const once_ = async () => {
			const start = performance.now();
			const r = await within(10000, ask(iris.port, "GET", "/api/v1/teams", { key, agent }), "an answer of the API");
			/* Its limit for one key counts viewers as well. */
			assert.ok(r.status === 200 || r.status === 429, r.text);
			times.push(performance.now() - start);
		};
		for (let i = 0; i < 20; i++)
			await once_();
		const viewers = await Promise.all(opening);
		const served = viewers.filter((v) => v.events), refused = viewers.filter((v) => !v.events);
		/* The last places are not for who has the others. */
		assert.equal(served.length, 98);
		const second = await makeKey(iris, "read,message");
		const others = await Promise.all(Array.from({ length: 20 }, () => watch(iris.port, { key: second, topics: "message" })));
		assert.equal(others.filter((v) => v.events).length, 14);
		served.push(...others.filter((v) => v.events));
		refused.push(...others.filter((v) => !v.events));
		for (const r of refused) {
			assert.equal(r.status, 503, r.text);
			assert.match(r.headers["retry-after"], /^\d+$/);
			assert.equal(r.json().code, "limit");
		}
		for (let i = 0; i < 200; i++)
			await once_();
		const client = await iris.client({ cwd: iris.dirs.frontend });
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO to all" });
		await Promise.all(served.map((v) => v.event((e) => e.type === "message" && e.message.response === "to all")));
		await client.close();
		/* Subscriptions of MCP still have places. */
		const mcp = await Promise.all(Array.from({ length: 16 }, () => modern(iris.port, second, "subscriptions/listen", { notifications: { resourcesListChanged: true } })));
		assert.deepEqual(mcp.map((r) => r.status), Array(16).fill(200));
		assert.equal((await legacy(iris.port, key, { id: 1, method: "ping" })).status, 200);
		times.sort((a, b) => a - b);
		console.log(`# GET /api/v1/teams beside ${served.length} viewers: p50 ${times[times.length >> 1].toFixed(2)} ms, p99 ${times[Math.floor(times.length * 0.99)].toFixed(2)} ms`);
		for (const r of mcp)
			r.res.destroy();
		for (const v of served)
			v.socket ? v.socket.terminate() : v.end();
		/* A place that is left is another one's. */
		await waitFor(async () => {
			const v = await watch(iris.port, { key, topics: "message" });
			v.socket?.terminate();
			return v.events;
		}, { what: "a place", every: 50 });
		agent.destroy();
	});

	test("a viewer that is silent stays; one that is dead is gone within a minute", { timeout: 90000 }, async () => {
		const key = await makeKey(iris, "read,message");
		const [idle, sse, dead] = [await watch(iris.port, { key, topics: "message" }), await stream(iris.port, { key, topics: "message" }),
			await watch(iris.port, { key, topics: "message", autoPong: false })];
		const start = performance.now();
		/* Whatever it is sent meanwhile. */
		const end = await within(60000, dead.closed, "the dead one to be closed");
		assert.equal(end.code, 1006);
		assert.ok(performance.now() - start > 30000, "it was given time");
		assert.match(sse.answer.text, /\n\n:\n\n/);
		const id = await send(iris, key, "ECHO still there");
		await Promise.all([idle.event(answered(id)), sse.event(answered(id))]);
		idle.socket.terminate();
		sse.end();
	});
});
