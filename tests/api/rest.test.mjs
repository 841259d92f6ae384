/* SPDX-License-Identifier: MIT
 *
 * What HTTP adds to the calls of irisd: who is let in and in which order that is looked at, paths,
 * queries and bodies that are refused, and what stands on every answer. The operations as such are
 * openapi.test.mjs's.
 */
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ask, freePort, listening, makeKey, startHttp, webStatus } from "../lib/http.mjs";
import { Client, operations } from "../lib/openapi.mjs";
import { assert, connectRaw, makeGate, waitFor, within } from "../integration/setup.mjs";

const TEAMS = "/api/v1/teams";
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
let iris, key, api;

beforeEach(async () => {
	iris = await startHttp({ frontend: {}, backend: {} });
	key = await makeKey(iris, "admin");
	api = new Client(iris.port, key);
});
afterEach(() => iris.stop());

/* Bytes as they are, and all that comes back until the other side closes. */
async function raw(text, port = iris.port) {
	const socket = connect(port, "127.0.0.1");
	let got = "";

	socket.on("data", (d) => (got += d));
	socket.on("error", () => {});
	socket.write(text);
	/* Not once(): a reset is an end like any other. */
	await within(20000, new Promise((resolve) => socket.once("close", resolve)), "the connection to be closed");
	return got;
}

/* A path that node would not send as it is. */
const get = async (path, more = "") => {
	const got = await raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n${more}\r\n`);
	return { status: Number(got.slice(9, 12)), text: got.slice(got.indexOf("\r\n\r\n") + 4), got };
};

async function login(scope) {
	const ctl = await connectRaw(iris, { role: "ctl" });
	const { token } = (await ctl.request("iris/login.create", scope ? { scope } : {})).result;
	ctl.socket.destroy();
	const r = await api.ask("POST", "/api/v1/login", { key: undefined, body: { token } });
	assert.equal(r.status, 200, r.text);
	return { cookie: r.headers["set-cookie"][0].split(";")[0], csrf: r.json().csrf };
}

describe("who is let in", () => {
	test("where a request comes from is looked at first, then its path, its key, the key's scope, and what it says last", async () => {
		const reader = await makeKey(iris, "read");
		const evil = { host: "evil.example" };
		/* Nothing else of it is told. */
		for (const [method, path] of [["GET", TEAMS], ["GET", "/api/v1/nothing"], ["DELETE", TEAMS], ["GET", "/"], ["POST", "/api/v1/login"]])
			for (const headers of [evil, { origin: "http://evil.example" }, { origin: "null" }])
				assert.equal((await ask(iris.port, method, path, { key, headers })).status, 403, `${method} ${path}`);
		assert.equal((await ask(iris.port, "DELETE", TEAMS, { key: "iris_none", body: "{" })).status, 405);
		assert.equal((await ask(iris.port, "POST", "/api/v1/nothing", { body: "{" })).status, 404);
		await api.refused(401, "unauthorized", "POST", TEAMS, { key: "iris_none", body: "{" });
		await api.refused(401, "unauthorized", "GET", `${TEAMS}?what=1`, { key: undefined });
		const scope = await api.refused(403, "refused", "POST", TEAMS, { key: reader, body: "{" });
		assert.match(scope.headers["www-authenticate"], /^Bearer .*error="insufficient_scope", scope="admin"$/);
		await api.refused(403, "refused", "PUT", "/api/v1/config", { key: reader, body: "x", headers: { "content-type": "text/plain" } });
		await api.refused(400, "invalid", "POST", TEAMS, { body: "{" });
	});

	test("every operation: 401 without a key, 403 with one of too little scope, and neither with the right one", async () => {
		const scopes = ["read", "message", "manage", "approve", "admin"];
		const keys = Object.fromEntries(await Promise.all(scopes.map(async (s) => [s, await makeKey(iris, s)])));
		for (const o of operations.filter((one) => one.scope !== "-")) {
			const path = o.path.replace("{team}", "nobody").replace("{from}", "nobody").replace(/\{\w+\}/, "0");
			const none = await ask(iris.port, o.method, path);
			assert.equal(none.status, 401, `${o.method} ${path}`);
			assert.match(none.headers["www-authenticate"], /^Bearer realm="iris"/);
			for (const s of scopes) {
				/* A reader may not send itself away here: its key would be gone. */
				if (o.id === "logout" || (o.id === "getEvents" && s !== "none"))
					continue;
				const r = await ask(iris.port, o.method, path, { key: keys[s] });
				if (s === "admin" || s === o.scope || o.scope === "read")
					assert.ok(![401, 403].includes(r.status), `${o.id} with ${s}: ${r.status} ${r.text}`);
				else
					assert.equal(r.status, 403, `${o.id} with ${s}: ${r.status} ${r.text}`);
			}
		}
	});

	test("Authorization: one, a bearer's, of a key that is good", async () => {
		for (const authorization of ["", "Bearer", "Bearer ", `Basic ${key}`, `Bearer ${"x".repeat(1000)}`, `Bearer ${key} x`, `Bearer ${key.slice(1)}`, `Bearer ${key.toUpperCase()}`])
			assert.equal((await api.ask("GET", TEAMS, { headers: { authorization } })).status, 401, authorization);
		assert.match((await raw(`GET ${TEAMS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n\r\n`)), /^HTTP\/1\.1 401 /);
		assert.match((await raw(`GET ${TEAMS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n`)), /^HTTP\/1\.1 401 /);
		for (const origin of ["http://localhost:3000", `http://127.0.0.1:${iris.port2}`])
			assert.equal((await api.ask("GET", TEAMS, { headers: { origin } })).status, 200, origin);
	});

	test("a revoked key opens nothing more, on a connection that was kept as well", async () => {
		const agent = new Agent({ keepAlive: true, maxSockets: 1 });
		const made = await api.ok(201, "POST", "/api/v1/keys", { name: "brief", scope: "read" });
		const brief = new Client(iris.port, made.key);
		await brief.ok(200, "GET", TEAMS, undefined, { agent });
		await api.ok(204, "DELETE", `/api/v1/keys/${made.id}`);
		await brief.refused(401, "unauthorized", "GET", TEAMS, { agent });
		agent.destroy();
	});

	test("more than its rate: 429 and when to come again", async () => {
		await api.ok(200, "PUT", "/api/v1/config", { config: { dashboard: { rateLimit: 2 } } });
		const eager = new Client(iris.port, await makeKey(iris, "read"));
		/* At once: on a machine that is busy, one after the other is no more than is allowed. */
		const answers = await Promise.all(Array.from({ length: 40 }, () => eager.ask("GET", TEAMS)));
		const statuses = answers.map((r) => r.status), limited = answers.find((r) => r.status === 429);
		assert.ok(limited, statuses.join());
		assert.ok(statuses.filter((s) => s === 200).length >= 10, statuses.join());
		assert.match(limited.headers["retry-after"], /^[1-9]\d*$/);
		assert.equal(limited.json().code, "limit");
		assert.ok(limited.json().retryAfter > 0);
		/* Others are not touched. */
		assert.equal((await new Client(iris.port, await makeKey(iris, "read")).ask("GET", TEAMS)).status, 200);
	});
});

test("who changes what the web process is to do gets its answer, and the next one is there soon", async () => {
	const streamed = await ask(iris.port2, "GET", "/api/v1/events", { key, headers: { accept: "text/event-stream" } });
	for (const change of [{ settings: { logLevel: "debug" } }, { settings: { logLevel: "info" } }, { dashboard: { http: await freePort() } }]) {
		const { pid } = await webStatus(iris);
		const answer = await api.ok(200, "PUT", "/api/v1/config", { config: change });
		assert.ok(answer.etag);
		await listening(iris, { but: pid, urls: 2 });
		/* It was asked to end: that is no crash, and no reason to wait. */
		assert.doesNotMatch(iris.log(), /web process ended .* the next one starts in/);
		const port = change.dashboard?.http ?? iris.port2;
		assert.equal((await ask(port, "GET", "/health")).status, 200);
	}
	await within(20000, streamed.ended, "the stream's end");
});

test("what HTTP lets in in several ways: a member twice, any tag, a cursor with a sign", async () => {
	const twice = await api.refused(400, "invalid", "POST", `${TEAMS}/backend/ask`, { body: '{"message":"ECHO a","message":"ECHO b"}' });
	assert.match(twice.detail, /comes twice: message/);
	const { etag } = (await api.ask("GET", "/api/v1/config")).headers;
	for (const match of [etag, `"x", ${etag}`, "*"])
		assert.equal((await api.ask("GET", "/api/v1/config", { headers: { "if-none-match": match } })).status, 304, match);
	assert.equal((await api.ask("GET", "/api/v1/config", { headers: { "if-none-match": '"x"' } })).status, 200);
	for (const cursor of ["-5 1", "+5 1", " 5 1"])
		await api.refused(400, "invalid", "GET", `/api/v1/audit?cursor=${Buffer.from(cursor).toString("hex")}`);
	/* Of the routes of Iris MCP, too, it is told when to come again. */
	await api.ok(200, "PUT", "/api/v1/config", { config: { dashboard: { rateLimit: 1 } } });
	const many = await Promise.all(Array.from({ length: 12 }, () => ask(iris.port, "GET", "/api/processes", { key })));
	const limited = many.filter((r) => r.status === 429);
	assert.ok(limited.length > 0, `${many.map((r) => r.status)}`);
	assert.match(limited[0].headers["retry-after"], /^\d+$/);
});

describe("a person's login", () => {
	test("the cookie alone opens nothing, not to read either; with the word of the login it does", async () => {
		const { cookie, csrf } = await login();
		const status = async (headers, method = "GET", path = TEAMS) => (await api.ask(method, path, { key: undefined, headers: { cookie, ...headers } })).status;
		const own = `http://127.0.0.1:${iris.port}`;
		assert.equal(await status({}), 401);
		assert.equal(await status({ "x-iris-csrf": "0".repeat(32) }), 401);
		assert.equal(await status({ "x-iris-csrf": `${csrf}0` }), 401);
		assert.equal(await status({ "x-iris-csrf": csrf.slice(1) }), 401);
		assert.equal(await status({ "x-iris-csrf": csrf }), 200);
		assert.equal(await status({ "x-iris-csrf": csrf, origin: own }), 200);
		assert.equal(await status({ "x-iris-csrf": csrf }, "POST", "/api/v1/config/reload"), 200);
		assert.equal(await status({}, "POST", "/api/v1/config/reload"), 401);
		/* What a form of another page can say: no header of its own. */
		assert.equal(await status({ "content-type": "text/plain", origin: own }, "POST", `${TEAMS}/wake`), 401);
		assert.equal((await api.ask("GET", TEAMS, { key: undefined, headers: { "x-iris-csrf": csrf } })).status, 401);
	});

	test("another port of this host is another origin: its pages may not use it", async () => {
		const { cookie, csrf } = await login();
		const headers = { cookie, "x-iris-csrf": csrf };
		for (const origin of [`http://127.0.0.1:${iris.port2}`, `http://localhost:${iris.port}`, `https://127.0.0.1:${iris.port}`, "http://127.0.0.1", `http://[::1]:${iris.port}`])
			await api.refused(403, "refused", "GET", TEAMS, { key: undefined, headers: { ...headers, origin } });
		/* There, the cookie has another name. */
		assert.equal((await ask(iris.port2, "GET", TEAMS, { headers })).status, 401);
		const renamed = cookie.replace(`iris_${iris.port}=`, `iris_${iris.port2}=`);
		assert.equal((await ask(iris.port2, "GET", TEAMS, { headers: { ...headers, cookie: renamed } })).status, 200);
	});

	test("cookies of others beside it, also of the same name, are in nobody's way", async () => {
		const { cookie, csrf } = await login();
		const name = cookie.split("=")[0], other = `${name}=iris_${"0".repeat(64)}`;
		for (const all of [`a=b; ${cookie}`, `${other}; ${cookie}`, `${cookie}; ${other}; c="d;e"`, `iris_1=${cookie.split("=")[1]};${cookie}`])
			assert.equal((await api.ask("GET", TEAMS, { key: undefined, headers: { cookie: all, "x-iris-csrf": csrf } })).status, 200, all);
		for (const all of ["", name, `${name}=`, other, `x${cookie}`, `${cookie}x`, "=;=;=", ";".repeat(5000)])
			assert.equal((await api.ask("GET", TEAMS, { key: undefined, headers: { cookie: all, "x-iris-csrf": csrf } })).status, 401, all.slice(0, 60));
		/* A key that is wrong is not made good by a cookie that is right. */
		assert.equal((await api.ask("GET", TEAMS, { key: "iris_wrong", headers: { cookie, "x-iris-csrf": csrf } })).status, 401);
	});

	test("is opened by a page of this server, with JSON, once; ends with logout", async () => {
		const ctl = await connectRaw(iris, { role: "ctl" });
		const { token } = (await ctl.request("iris/login.create", {})).result;
		ctl.socket.destroy();
		const open = (options) => api.ask("POST", "/api/v1/login", { key: undefined, body: { token }, ...options });
		assert.equal((await open({ headers: { origin: `http://127.0.0.1:${iris.port2}` } })).status, 403);
		assert.equal((await open({ headers: { "content-type": "text/plain" } })).status, 415);
		assert.equal((await open({ body: { token: 1 } })).status, 400);
		assert.equal((await open({ body: { token, more: 1 } })).status, 400);
		assert.equal((await open({ body: { token: `${token.slice(0, -1)}x` } })).status, 401);
		const r = await open({});
		assert.equal(r.status, 200);
		assert.match(r.headers["set-cookie"][0], /; HttpOnly; SameSite=Strict; Path=\/; Max-Age=\d+$/);
		assert.equal((await open({})).status, 401);
		const headers = { cookie: r.headers["set-cookie"][0].split(";")[0], "x-iris-csrf": r.json().csrf };
		assert.equal((await api.ask("POST", "/api/v1/logout", { key: undefined, headers })).status, 204);
		assert.equal((await api.ask("GET", TEAMS, { key: undefined, headers })).status, 401);
	});
});

describe("paths", () => {
	test("nothing is resolved, decoded twice, or found by another spelling", async () => {
		for (const path of ["/api", "/api/", "/api/v1", "/api/v1/", `${TEAMS}/`, "/api/v1//teams", "//api/v1/teams", "/api/v1/./teams", "/api/v1/x/../teams",
			"/api/v1/%74eams", "/%61pi/v1/teams", "/api%2Fv1%2Fteams", "/api/v1/teams%2Fbackend", "/api/v1/teams/backend/", "/api/v1/teams;a=b", "/API/v1/teams", "/api/v2/teams",
			"/api/v1/%2e%2e/%2e%2e/etc/passwd", "/../../etc/passwd", "/assets/../index.html", "/assets/%2e%2e/index.html", "/assets/..%2findex.html", "/index.html%00.js", "/api/v1/openapi.json/"])
			assert.equal((await get(path)).status, 404, path);
		for (const name of ["..", "%2e%2e", "..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "backend%2F", "%252e%252e", "'%3B--", "%25s%25n", "x".repeat(3000)]) {
			const r = await get(`${TEAMS}/${name}`);
			assert.equal(r.status, 404, name);
			assert.match(r.text, /unknown team/);
		}
		for (const name of ["%00", "backend%00", "%", "%2", "%zz", "%ff", "%c0%af", "a%ed%a0%80"])
			assert.equal((await get(`${TEAMS}/${name}`)).status, 400, name);
		/* A name's own slash and colon come through. */
		assert.match((await get("/api/v1/sessions/guest%3aa%2Fb/backend/report")).text, /a\/b|guest:a/);
	});

	test("methods: those that a path has, and Allow names them; HEAD where GET is", async () => {
		const paths = [...new Set(operations.map((o) => o.path))].filter((p) => !p.endsWith("/events"));
		for (const path of paths) {
			const has = operations.filter((o) => o.path === path).map((o) => o.method);
			const real = path.replace(/\{\w+\}/g, "x");
			/* A path of names may be one of places as well: /teams/wake is what a team is called, too. */
			const also = operations.filter((o) => o.matches.test(real)).map((o) => o.method);
			for (const method of METHODS.filter((m) => !also.includes(m))) {
				const r = await ask(iris.port, method, real, { key });
				assert.equal(r.status, 405, `${method} ${real}`);
				assert.ok(r.json().detail.endsWith(`; it has ${r.headers.allow}`), r.text);
				assert.deepEqual(new Set(r.headers.allow.split(", ")), new Set([...also, ...(also.includes("GET") ? ["HEAD"] : [])]), real);
				assert.ok(has.length > 0);
			}
		}
		for (const path of [TEAMS, "/api/v1/me", "/api/v1/status", "/api/v1/messages", "/api/v1/openapi.json", "/api/health", `${TEAMS}/nobody`]) {
			const whole = await ask(iris.port, "GET", path, { key }), head = await ask(iris.port, "HEAD", path, { key });
			assert.deepEqual([head.status, head.text, head.headers["content-type"]], [whole.status, "", whole.headers["content-type"]], path);
			assert.ok(Number(head.headers["content-length"]) > 0, path);
		}
	});
});

describe("queries and bodies", () => {
	test("a parameter that is unknown, twice there, or of another type is named", async () => {
		const wrong = async (path, named) => {
			const { detail } = await api.refused(400, "invalid", "GET", `/api/v1${path}`);
			assert.match(detail, named, path);
		};
		await wrong("/teams?limt=1", /"limt"; is "limit" meant/);
		await wrong("/teams?team=backend", /"team"/);
		await wrong("/status?limit=1", /takes no query parameter/);
		await wrong("/teams?limit=1&limit=2", /limit comes twice/);
		for (const limit of ["", "x", "1.5", "1e2", "0", "501", "-1", "+1", "99999999999999999999", "0x10", "%31%20"])
			await wrong(`/teams?limit=${limit}`, /limit must be/);
		for (const cursor of ["", "x", "0", "00", "zz", "30", "3020", "ff20ff", "31202", "a".repeat(5000)])
			if (cursor !== "3020")
				await wrong(`/teams?cursor=${cursor}`, /cursor must be/);
		await wrong("/approvals?all=yes", /all must be true or false/);
		await wrong("/messages?state=done", /no such state/);
		await wrong("/messages?%ff=1", /percent-encoded/);
		await wrong("/messages?from=%00", /percent-encoded/);
		await wrong("/messages/019b7a1e", /not a message id/);
		await wrong("/messages/019b7a1e-5c00-7000-8000-000000000001?wait=x", /wait must be/);
		await api.refused(404, "not_found", "GET", "/api/v1/messages/019b7a1e-5c00-7000-8000-000000000001?wait=1");
		assert.equal((await api.ask("GET", `${TEAMS}?`)).status, 200);
		assert.equal((await api.ask("GET", `${TEAMS}?&&limit=1&`)).status, 200);
		/* In a form a plus is a blank. */
		await api.post("/teams/backend/ask", { message: "ECHO two words" });
		assert.equal((await api.get("/messages?q=two+words")).items.length, 1);
	});

	test("a body that is not JSON, no object, has more members than there are, or of other types", async () => {
		const path = `${TEAMS}/backend/ask`;
		const wrong = async (body, named) => {
			const { detail } = await api.refused(400, "invalid", "POST", path, { body });
			assert.match(detail, named, String(body).slice(0, 60));
		};
		for (const body of ["{", "nonsense", '{"message":"x"}}', '{"message":"\\ud800"}', '{"message":"a\\u0000b"}', "{'message':'x'}", `${"[".repeat(200)}${"]".repeat(200)}`, Buffer.from('{"message":"\xff"}', "latin1")])
			await wrong(body, /JSON|UTF-8|must be a JSON object/);
		for (const body of ["[]", '"x"', "1", "null"])
			await wrong(body, /JSON object/);
		await wrong({ mesage: "x" }, /"mesage"; is "message" meant/);
		await wrong({ message: "x", colour: "red" }, /no member "colour"/);
		await wrong({}, /message is missing/);
		await wrong({ message: 1 }, /message must be a string/);
		await wrong({ message: "x", timeout: "soon" }, /timeout must be a whole number/);
		await wrong({ message: "x", timeout: 1.5 }, /timeout must be a whole number/);
		await wrong({ message: "x", from: null }, /from must be a string/);
		await wrong({ message: "x", team: "frontend" }, /no member "team"/);
		await api.refused(400, "invalid", "POST", path);
		await api.refused(400, "invalid", "POST", `${TEAMS}/backend/sleep`, { body: { force: "yes" } });
		await api.refused(400, "invalid", "POST", "/api/v1/config/reload", { body: { now: true } });
		await api.refused(415, "invalid", "POST", path, { body: '{"message":"x"}', headers: { "content-type": "application/x-www-form-urlencoded" } });
		await api.refused(415, "invalid", "POST", path, { body: '{"message":"x"}', headers: { "content-type": "text/plain" } });
		await api.refused(415, "invalid", "PUT", "/api/v1/config", { body: "{}", headers: { "content-type": "text/yaml" } });
		assert.deepEqual((await api.get("/messages")).items, []);
	});

	test("a body that is too long is refused, and its connection goes no further", async () => {
		const head = (n) => `POST ${TEAMS}/backend/ask HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n${n}\r\n\r\n`;
		assert.match(await raw(head("Content-Length: 16777217")), /^HTTP\/1\.1 413 [\s\S]*\r\nConnection: close\r\n[\s\S]*"code":"limit"/);
		assert.match(await raw(head("Content-Length: 999999999999999999")), /^HTTP\/1\.1 413 /);
		assert.match(await raw(head("Content-Length: -1")), /^HTTP\/1\.1 4(00|11) /);
		assert.match(await raw(head("Content-Length: 10\r\nTransfer-Encoding: chunked")), /^HTTP\/1\.1 400 /);
		/* Of a message as such, irisd has the limit. */
		const long = await api.ask("POST", `${TEAMS}/backend/ask`, { body: { message: "x".repeat(5 * 1024 * 1024) } });
		assert.ok(long.status >= 400 && long.status < 500, `${long.status}`);
		const most = await api.ok(202, "POST", `${TEAMS}/backend/ask`, { message: `ECHO ok\n${"x".repeat(4 * 1024 * 1024 - 100)}`, timeout: -1 });
		assert.equal(most.to, "backend");
	});

	test("one connection goes on after answers of every kind", async () => {
		const agent = new Agent({ keepAlive: true, maxSockets: 1 });
		const port = async (...args) => {
			const req = request({ host: "127.0.0.1", port: iris.port, agent, headers: { authorization: `Bearer ${key}`, ...(args[2] && { "content-type": "application/json" }) }, method: args[0], path: args[1] });
			req.end(args[2]);
			const [res] = await within(10000, once(req, "response"), args.join(" "));
			const local = res.socket.localPort;
			res.resume();
			await once(res, "end");
			return [res.statusCode, local];
		};
		const [, first] = await port("GET", TEAMS);
		for (const [status, ...args] of [[404, "GET", `${TEAMS}/nobody`], [404, "GET", "/nothing"], [400, "GET", `${TEAMS}?a=b`], [405, "PUT", TEAMS], [200, "POST", `${TEAMS}/backend/ask`, '{"message":"ECHO x"}'],
			[400, "POST", `${TEAMS}/backend/ask`, '{"mesage":"x"}'], [200, "POST", "/api/v1/config/reload", "{}"], [200, "HEAD", TEAMS], [200, "GET", TEAMS]])
			assert.deepEqual(await port(...args), [status, first], args.join(" "));
		agent.destroy();
	});
});

describe("answers", () => {
	test("of every kind say what browsers may do with them, and let no page of others read them", async () => {
		const { cookie, csrf } = await login();
		const origin = `http://127.0.0.1:${iris.port}`;
		for (const r of [await ask(iris.port, "GET", "/"), await ask(iris.port, "GET", TEAMS, { key }), await ask(iris.port, "GET", TEAMS), await ask(iris.port, "GET", "/nothing"), await ask(iris.port, "GET", "/health"),
			await ask(iris.port, "OPTIONS", TEAMS, { key, headers: { origin: "http://localhost:3000", "access-control-request-method": "GET" } }), await ask(iris.port, "GET", TEAMS, { headers: { origin: "http://evil.example" } }),
			await ask(iris.port, "GET", TEAMS, { headers: { cookie, "x-iris-csrf": csrf, origin } }), await ask(iris.port, "GET", "/api/v1/openapi.json"), await ask(iris.port, "POST", "/mcp", { body: {} })]) {
			const h = r.headers;
			assert.match(h["content-security-policy"], /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/);
			assert.doesNotMatch(h["content-security-policy"], /unsafe|https?:|\*/);
			assert.deepEqual([h["x-content-type-options"], h["referrer-policy"], h["cross-origin-opener-policy"], h["cross-origin-resource-policy"], h["x-frame-options"]],
				["nosniff", "no-referrer", "same-origin", "same-origin", "DENY"]);
			assert.deepEqual(Object.keys(h).filter((n) => n.startsWith("access-control-")), []);
			assert.ok(h["cache-control"]);
		}
	});

	test("who is gone is not waited for any more, and with cancelOnDisconnect not answered either", async () => {
		await api.ok(200, "PUT", "/api/v1/config", { config: { settings: { cancelOnDisconnect: true } } });
		for (const accept of ["application/json", "text/event-stream"]) {
			const gate = makeGate(iris, `gate-${accept.slice(0, 4)}`), abort = new AbortController();
			const waiting = ask(iris.port, "POST", `${TEAMS}/backend/ask`, { key, body: { message: gate.hold }, headers: { accept }, signal: abort.signal }).catch(() => null);
			const one = await waitFor(async () => (await api.get("/messages?state=seen")).items[0], { what: "the turn to run", every: 25 });
			abort.abort();
			await waiting;
			await waitFor(async () => (await api.get(`/messages/${one.id}`)).state === "cancelled", { what: "it to be cancelled", every: 25 });
		}
	});

	test("more that wait than there are places: 503 and when to come again, and what is quick goes on", async () => {
		const gate = makeGate(iris);
		const waiting = Array.from({ length: 56 }, () => ask(iris.port, "POST", `${TEAMS}/backend/ask`, { key, body: { message: gate.hold } }));
		await waitFor(async () => (await api.get("/messages?limit=500")).items.length === 56, { what: "all to wait", every: 50 });
		const r = await api.refused(503, "limit", "POST", `${TEAMS}/backend/ask`, { body: { message: "ECHO x" } });
		assert.equal(r.headers["retry-after"], "1");
		/* There are 64, but no key has them all. */
		const other = new Client(iris.port, await makeKey(iris, "message"));
		assert.equal((await other.post("/teams/frontend/ask", { message: "ECHO y" })).response, "y");
		const { id } = await api.ok(202, "POST", `${TEAMS}/backend/ask`, { message: "ECHO async", timeout: -1 });
		assert.equal((await api.post(`/messages/${id}/cancel`)).state, "cancelled");
		gate.open();
		assert.deepEqual([...new Set((await Promise.all(waiting)).map((w) => w.json().state))], ["answered"]);
		await api.post("/teams/backend/ask", { message: "ECHO again" });
	});

	test("while irisd says nothing, an answer waits for it", async () => {
		process.kill(iris.daemon.pid, "SIGSTOP");
		const pending = ask(iris.port, "GET", TEAMS, { key });
		let done = false;
		pending.then(() => (done = true));
		/* What needs no irisd is answered meanwhile. */
		assert.equal((await ask(iris.port, "GET", "/health")).status, 200);
		assert.equal(done, false);
		process.kill(iris.daemon.pid, "SIGCONT");
		assert.equal((await pending).status, 200);
	});
});
