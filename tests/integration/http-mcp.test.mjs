/* SPDX-License-Identifier: MIT
 *
 * MCP over HTTP in both eras: the official SDK as client, and by hand what an SDK would not do.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ask, events, legacy, makeKey, modern, startHttp } from "../lib/http.mjs";
import { assert, makeGate, waitFor, within } from "./setup.mjs";

const VERSION = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
const SERVER = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
const INIT = (protocolVersion) => ({ id: 0, method: "initialize", params: { protocolVersion, capabilities: {}, clientInfo: { name: "t", version: "1" } } });
const call = (name, args, more = {}) => ({ id: 9, method: "tools/call", params: { name, arguments: args, ...more } });

let iris, key;

const setup = () => {
	beforeEach(async () => {
		iris = await startHttp({ frontend: {}, backend: {} });
		key = await makeKey(iris, "message");
	});
	afterEach(() => iris.stop());
};

const messages = async () => (await iris.json(["messages"])).messages;
const inState = (state) => waitFor(async () => (await messages()).find((m) => m.state === state), { what: `a message that is ${state}`, every: 25 });

async function sdk(bearer, path = "/mcp") {
	const transport = new StreamableHTTPClientTransport(new URL(`http://localhost:${iris.port}${path}`), {
		requestInit: { headers: { Authorization: `Bearer ${bearer}` } },
	});
	const client = new Client({ name: "sdk", version: "1" });

	await within(15000, client.connect(transport), "the SDK to connect");
	return client;
}

describe("MCP over HTTP, the official SDK", () => {
	setup();

	test("connects, lists, calls, gets progress and errors; several at once", async () => {
		const client = await sdk(key);
		assert.equal(client.getServerVersion().name, "iris");
		assert.equal(client.transport.sessionId, undefined);
		const { tools } = await client.listTools();
		assert.ok(tools.some((t) => t.name === "ask_message"));
		const r = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO over HTTP" });
		assert.equal(r.response, "over HTTP");
		assert.equal(r.from, "guest:key:test");
		const told = [];
		const slow = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO again" }, { onprogress: (p) => told.push(p) });
		assert.equal(slow.response, "again");
		assert.ok(told.length >= 1 && told.every((p, i) => i === 0 || p.progress > told[i - 1].progress), JSON.stringify(told));
		const failed = await client.callTool({ name: "ask_message", arguments: { toTeam: "nobody", message: "x" } });
		assert.equal(failed.isError, true);
		await assert.rejects(client.callTool({ name: "no_such_tool", arguments: {} }), /-32602/);
		const many = await Promise.all(Array.from({ length: 20 }, (_, i) =>
			iris.call(client, "ask_message", { toTeam: i % 2 ? "backend" : "frontend", message: `ECHO number ${i}` })));
		many.forEach((m, i) => assert.equal(m.response, `number ${i}`));
		await client.close();
	});

	test("a key with a team speaks for it, and may not say otherwise", async () => {
		const client = await sdk(await makeKey(iris, "message", "--team", "frontend"));
		const r = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO who", fromTeam: "frontend" });
		assert.equal(r.from, "frontend");
		const lie = await client.callTool({ name: "ask_message", arguments: { toTeam: "frontend", message: "ECHO who", fromTeam: "backend" } });
		assert.equal(JSON.parse(lie.content[0].text).code, "refused");
		assert.match(lie.content[0].text, /speaks for team .+frontend.+; leave fromTeam out, or use a key of that team/);
		await client.close();
	});

	test("a key without a team: fromTeam is refused with what helps over HTTP; an administrator's may name any team", async () => {
		const said = (fromTeam) => ({ toTeam: "backend", message: "ECHO who", fromTeam });
		const failure = (r) => JSON.parse(r.content[0].text);
		for (const scope of ["message", "manage,approve,message"]) {
			const client = await sdk(await makeKey(iris, scope));
			const r = failure(await client.callTool({ name: "ask_message", arguments: said("frontend") }));
			assert.equal(r.code, "refused");
			assert.match(r.error, /speaks for no team \(it is known as "guest:key:test"\); leave fromTeam out, or use a key of the team: iris key create --team TEAM/);
			assert.doesNotMatch(r.error, /directory|team add/);
			assert.equal((await iris.call(client, "ask_message", said("guest:key:test"))).from, "guest:key:test");
			await client.close();
		}
		const client = await sdk(await makeKey(iris, "admin"));
		const r = await iris.call(client, "ask_message", said("frontend"));
		assert.equal(r.from, "frontend");
		const again = await iris.call(client, "message_result", { messageId: r.messageId, fromTeam: "frontend" });
		assert.equal(again.response, "who");
		assert.equal(failure(await client.callTool({ name: "message_result", arguments: { messageId: r.messageId } })).code, "refused");
		assert.equal(failure(await client.callTool({ name: "ask_message", arguments: said("nobody") })).code, "not_found");
		assert.equal(failure(await client.callTool({ name: "ask_message", arguments: said("guest:x") })).code, "not_found");
		await client.close();
		const own = await sdk(await makeKey(iris, "admin", "--team", "backend"));
		assert.equal(failure(await own.callTool({ name: "ask_message", arguments: { ...said("frontend"), toTeam: "frontend" } })).code, "refused");
		await own.close();
	});

	test("a key that is named like a directory's guest does not get that guest's messages", async () => {
		const sent = await iris.json(["ask", "backend", "ECHO private"], { cwd: iris.root });
		const [guest] = (await messages()).map((m) => m.from);
		assert.match(guest, /^guest:/);
		const own = (await iris.json(["key", "create", guest.slice("guest:".length), "--scope", "read"])).key;
		const client = await sdk(own);
		assert.deepEqual((await iris.call(client, "list_messages")).messages, []);
		const r = await client.callTool({ name: "message_result", arguments: { messageId: sent.id } });
		assert.equal(JSON.parse(r.content[0].text).code, "refused");
		assert.equal((await iris.json(["messages", "--from", `guest:key:${guest.slice(6)}`])).messages.length, 0);
		await client.close();
	});

	test("a key that only reads: reading tools work, others are 403", async () => {
		const client = await sdk(await makeKey(iris, "read"));
		assert.equal((await iris.call(client, "list_teams")).isError, false);
		await assert.rejects(client.callTool({ name: "ask_message", arguments: { toTeam: "backend", message: "x" } }), /403|scope/);
		assert.deepEqual(await messages(), []);
		await client.close();
	});

	test("a session by its Claude's id speaks as that session's team", async () => {
		await iris.iris(["ask", "-f", "frontend", "backend", "ECHO hi"]);
		const [{ sessionId: id }] = (await iris.json(["status"])).sessions;
		for (const own of [await makeKey(iris, "message", "--team", "backend"), await makeKey(iris, "admin")]) {
			const client = await sdk(own, `/mcp/${id}`);
			const r = await iris.call(client, "ask_message", { toTeam: "frontend", message: "ECHO back" });
			assert.equal(r.from, "backend");
			await client.close();
		}
		const others = [await makeKey(iris, "message", "--team", "frontend"), await makeKey(iris, "admin", "--team", "frontend"),
			key, await makeKey(iris, "read"), await makeKey(iris, "manage,approve")];
		for (const other of others)
			assert.equal((await legacy(iris.port, other, { id: 1, method: "ping" }, { path: `/mcp/${id}` })).status, 403);
		for (const unknown of ["00000000-0000-4000-8000-000000000000", "nonsense", "..%2f..", `${id}x`]) {
			const r = await legacy(iris.port, key, { id: 1, method: "ping" }, { path: `/mcp/${unknown}` });
			assert.equal(r.status, 404, unknown);
		}
		const r404 = await legacy(iris.port, key, { id: 1, method: "ping" }, { path: "/mcp/00000000-0000-4000-8000-000000000000" });
		assert.equal(r404.json().error.code, -32602);
		assert.match(r404.json().error.message, /^Session not found: /);
	});
});

describe("MCP over HTTP, the handshake era", () => {
	setup();

	for (const version of LEGACY) {
		test(`${version}: initialize without a session, a notification, tools/list`, async () => {
			const init = await legacy(iris.port, key, INIT(version));
			assert.equal(init.status, 200);
			assert.equal(init.headers["content-type"], "application/json");
			assert.equal(init.headers["mcp-session-id"], undefined);
			assert.equal(init.json().result.protocolVersion, version);
			const headers = { "mcp-protocol-version": version };
			const done = await legacy(iris.port, key, { method: "notifications/initialized" }, { headers });
			assert.equal(done.status, 202);
			assert.equal(done.text, "");
			const list = await legacy(iris.port, key, { id: "a", method: "tools/list" }, { headers });
			assert.equal(list.json().id, "a");
			assert.ok(list.json().result.tools.length >= 10);
			assert.equal(list.json().result.resultType, undefined);
		});
	}

	test("versions: none is 2025-03-26, an unknown one is 400", async () => {
		assert.equal((await legacy(iris.port, key, { id: 1, method: "ping" })).status, 200);
		for (const headers of [{ "mcp-protocol-version": "1900-01-01" }, { "mcp-protocol-version": "x" }]) {
			const r = await legacy(iris.port, key, { id: 1, method: "tools/list" }, { headers });
			assert.equal(r.status, 400);
			assert.equal(r.json().error.code, -32022);
			assert.equal(r.json().id, 1);
			assert.equal((await legacy(iris.port, key, { method: "notifications/initialized" }, { headers })).status, 400);
		}
		/* An error of the method is an answer like others. */
		const unknown = await legacy(iris.port, key, { id: 1, method: "no/such" });
		assert.equal(unknown.status, 200);
		assert.equal(unknown.json().error.code, -32601);
	});

	test("what is no message: 400; an answer of the client's: 202", async () => {
		for (const [body, code] of [["[1", -32700], ["nonsense", -32700], ["5", -32600], ['{"id":1,"method":"ping"}', -32600], ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600]]) {
			const r = await legacy(iris.port, key, body);
			assert.equal(r.status, 400, body);
			assert.equal(r.json().error.code, code, body);
		}
		assert.equal((await legacy(iris.port, key, { id: 1, result: {} })).status, 202);
	});

	test("no control call gets in, neither alone nor in a list", async () => {
		for (const method of ["iris/daemon.stop", "iris/key.create", "iris/daemon.status", "iris/key.check"]) {
			const r = await legacy(iris.port, key, { id: 1, method, params: { name: "x", scope: "admin", key } });
			assert.equal(r.json().error.code, -32601, method);
			const list = await legacy(iris.port, key, [{ jsonrpc: "2.0", id: 1, method, params: { name: "x", scope: "admin", key } }]);
			assert.equal(list.json()[0].error.code, -32601, method);
		}
		assert.equal((await iris.json(["keys"])).keys.length, 1);
	});

	test("lists of messages: 2025-03-26 only", async () => {
		const list = [{ jsonrpc: "2.0", id: 1, method: "ping" }, { jsonrpc: "2.0", method: "notifications/initialized" },
			{ jsonrpc: "2.0", id: "two, [2]", method: "tools/list" }, { jsonrpc: "2.0", ...call("get_date", {}) }, { jsonrpc: "2.0", id: 4 }];
		for (const headers of [{}, { "mcp-protocol-version": "2025-03-26" }]) {
			const r = await legacy(iris.port, key, list, { headers });
			assert.equal(r.status, 200);
			const answers = Object.fromEntries(r.json().map((a) => [a.id, a]));
			assert.equal(r.json().length, 4);
			assert.deepEqual(answers[1].result, {});
			assert.ok(answers["two, [2]"].result.tools.length >= 10);
			assert.ok(answers[9].result.structuredContent.iso);
			assert.equal(answers[4].error.code, -32600);
		}
		for (const version of ["2025-06-18", "2025-11-25", "2026-07-28"])
			assert.equal((await legacy(iris.port, key, list, { headers: { "mcp-protocol-version": version } })).status, 400, version);
		assert.equal((await legacy(iris.port, key, [])).status, 400);
		assert.equal((await legacy(iris.port, key, Array.from({ length: 101 }, (_, id) => ({ jsonrpc: "2.0", id, method: "ping" })))).status, 400);
		assert.equal((await legacy(iris.port, key, [{ jsonrpc: "2.0", method: "notifications/initialized" }])).status, 202);
		const init = await legacy(iris.port, key, [{ jsonrpc: "2.0", ...INIT("2025-03-26") }]);
		assert.equal(init.json()[0].error.code, -32600);
		const reader = await makeKey(iris, "read");
		const refused = await legacy(iris.port, reader, [{ jsonrpc: "2.0", ...call("ask_message", { toTeam: "backend", message: "x" }) }]);
		assert.equal(refused.json()[0].error.code, -31003);
	});

	test("progress streams, and without Accept for it does not", async () => {
		const message = call("ask_message", { toTeam: "backend", message: "ECHO told" }, { _meta: { progressToken: "p" } });
		const r = await legacy(iris.port, key, message);
		assert.equal(r.headers["content-type"], "text/event-stream");
		await within(15000, r.ended, "the stream to end");
		const all = events(r);
		assert.ok(all.length >= 2);
		assert.ok(all.slice(0, -1).every((m) => m.method === "notifications/progress" && m.params.progressToken === "p"));
		assert.equal(all.at(-1).result.structuredContent.response, "told");
		const plain = await legacy(iris.port, key, message, { headers: { accept: "application/json" } });
		assert.equal(plain.headers["content-type"], "application/json");
		assert.equal(plain.json().result.structuredContent.response, "told");
	});

	test("who hangs up does not cancel", async () => {
		const gate = makeGate(iris);
		const abort = new AbortController();
		const gone = legacy(iris.port, key, call("ask_message", { toTeam: "backend", message: gate.hold }), { signal: abort.signal });
		gone.catch(() => {});
		const m = await inState("seen");
		abort.abort();
		await assert.rejects(gone);
		/* Its thread is free, and the message goes on. */
		await legacy(iris.port, key, { id: 1, method: "ping" });
		gate.open();
		await iris.messageIn(m.id, "answered");
	});
});

describe("MCP over HTTP, 2026-07-28", () => {
	setup();

	test("discover, list, call: one JSON object each", async () => {
		const found = await modern(iris.port, key, "server/discover");
		assert.equal(found.status, 200);
		assert.equal(found.headers["content-type"], "application/json");
		assert.ok(found.json().result.supportedVersions.includes("2026-07-28"));
		assert.equal(found.json().result._meta[SERVER].name, "iris");
		const list = await modern(iris.port, key, "tools/list", {}, { id: "x", headers: { "mcp-session-id": "ignored", "last-event-id": "7" } });
		assert.equal(list.json().id, "x");
		assert.equal(list.headers["mcp-session-id"], undefined);
		const r = await modern(iris.port, key, "tools/call", { name: "ask_message", arguments: { toTeam: "backend", message: "ECHO now" } });
		assert.equal(r.headers["content-type"], "application/json");
		assert.equal(r.json().result.resultType, "complete");
		assert.equal(r.json().result.structuredContent.response, "now");
	});

	test("headers must say what the body says", async () => {
		const get = (headers, method = "tools/call") => modern(iris.port, key, method, method === "tools/call" ? { name: "get_date" } : {}, { headers });
		assert.equal((await get({})).status, 200);
		assert.equal((await get({ "mcp-name": "=?base64?Z2V0X2RhdGU=?=" })).status, 200);
		assert.equal((await get({ "mcp-name": " get_date " })).status, 200);
		const wrong = [{ "mcp-method": undefined }, { "mcp-method": "tools/list" }, { "mcp-method": "TOOLS/CALL" }, { "mcp-name": undefined },
			{ "mcp-name": "list_teams" }, { "mcp-name": "" }, { "mcp-name": "=?base64?Z2V0X2RhdG?=" }, { "mcp-name": ["get_date", "get_date"] },
			{ "mcp-protocol-version": undefined }, { "mcp-protocol-version": "2025-11-25" }];
		for (const headers of wrong) {
			const r = await get(headers);
			assert.equal(r.status, 400, JSON.stringify(headers));
			assert.equal(r.json().error.code, -32020, JSON.stringify(headers));
			assert.equal(r.json().id, 1);
		}
		assert.equal((await get({}, "tools/list")).status, 200);
	});

	test("a version that is not spoken, missing _meta, an unknown method, an unknown tool", async () => {
		const future = await modern(iris.port, key, "tools/list", {}, { meta: { [VERSION]: "2031-01-01" }, headers: { "mcp-protocol-version": "2031-01-01" } });
		assert.equal(future.status, 400);
		assert.equal(future.json().error.code, -32022);
		assert.deepEqual(future.json().error.data, { supported: ["2026-07-28"], requested: "2031-01-01" });
		for (const meta of [{ [VERSION]: undefined }, { [CAPABILITIES]: undefined }, { [CAPABILITIES]: 5 }]) {
			const r = await modern(iris.port, key, "tools/list", {}, { meta });
			assert.equal(r.status, 400, JSON.stringify(meta));
			assert.equal(r.json().error.code, -32602);
		}
		for (const method of ["no/such", "ping", "initialize", "logging/setLevel", "iris/daemon.stop"]) {
			const r = await modern(iris.port, key, method);
			assert.equal(r.status, 404, method);
			assert.equal(r.json().error.code, -32601);
		}
		const tool = await modern(iris.port, key, "tools/call", { name: "no_such_tool" });
		assert.equal(tool.json().error.code, -32602);
		assert.equal((await ask(iris.port, "POST", "/mcp", { key, body: { jsonrpc: "2.0", method: "notifications/x" } })).status, 202);
	});

	test("too little scope: 403 that names it", async () => {
		const reader = await makeKey(iris, "read");
		const r = await modern(iris.port, reader, "tools/call", { name: "team_wake", arguments: { team: "backend" } });
		assert.equal(r.status, 403);
		assert.match(r.headers["www-authenticate"], /insufficient_scope.*scope="message"/);
		assert.equal(r.json().error.code, -31003);
		assert.equal((await modern(iris.port, reader, "tools/call", { name: "list_teams" })).status, 200);
	});

	test("progress streams, each value greater than the last", async () => {
		const r = await modern(iris.port, key, "tools/call", { name: "ask_message", arguments: { toTeam: "backend", message: "ECHO told" } }, { meta: { progressToken: 7 } });
		assert.equal(r.headers["content-type"], "text/event-stream");
		assert.equal(r.headers["x-accel-buffering"], "no");
		await within(15000, r.ended, "the stream to end");
		const all = events(r);
		const values = all.slice(0, -1).map((m) => m.params.progress);
		assert.ok(values.length > 0 && values.every((v, i) => i === 0 || v > values[i - 1]), values.join());
		assert.equal(all.at(-1).result.structuredContent.response, "told");
	});

	for (const [what, meta] of [["a call", {}], ["a call that streams", { progressToken: 1 }]]) {
		test(`closing the connection cancels ${what}`, async () => {
			const gate = makeGate(iris);
			const abort = new AbortController();
			const gone = modern(iris.port, key, "tools/call", { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } }, { signal: abort.signal, meta });
			gone.catch(() => {});
			const m = await inState("seen");
			abort.abort();
			await gone.then((r) => r.ended, () => {});
			const ended = await iris.messageIn(m.id, "cancelled", "failed", "answered");
			assert.equal(ended.state, "cancelled");
			gate.open();
		});
	}

	test("subscriptions/listen streams: the acknowledgement first, open until the client or irisd goes", async () => {
		const open = async (id) => {
			const r = await modern(iris.port, key, "subscriptions/listen", { notifications: { toolsListChanged: true } }, { id });
			assert.equal(r.headers["content-type"], "text/event-stream");
			await waitFor(() => events(r).length > 0, { what: "the acknowledgement" });
			assert.equal(events(r)[0].method, "notifications/subscriptions/acknowledged");
			assert.equal(events(r)[0].params._meta[SUBSCRIPTION], id);
			return r;
		};
		const one = await open("listen:0");
		const before = (await iris.json(["status"])).connections;
		one.res.destroy();
		await waitFor(async () => (await iris.json(["status"])).connections < before, { what: "irisd to forget the subscription", every: 25 });
		const two = await open(5);
		const more = await Promise.all(Array.from({ length: 20 }, (_, i) => open(100 + i)));
		const refused = await modern(iris.port, key, "subscriptions/listen", { notifications: {} }, { headers: { accept: "application/json" } });
		assert.equal(refused.status, 406);
		await iris.iris(["stop"]);
		for (const [i, stream] of [two, ...more].entries()) {
			await within(10000, stream.ended, "the stream to end");
			assert.equal(events(stream).at(-1).id, i === 0 ? 5 : 99 + i);
			assert.equal(events(stream).at(-1).result.resultType, "complete");
		}
	});
});
