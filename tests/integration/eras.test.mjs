/* SPDX-License-Identifier: MIT
 *
 * Both eras of MCP, line by line through the shim: 2026-07-28, where each request says its version,
 * and the revisions with a handshake.
 */
import { afterEach, beforeEach, describe, test } from "node:test";
import { assert, makeGate, startShim, startTeams, waitFor } from "./setup.mjs";

const VERSION = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
const SERVER = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
const modern = (version = "2026-07-28") => ({ _meta: { [VERSION]: version, [CAPABILITIES]: {} } });

describe("the two eras of MCP", () => {
	let iris, shim;

	beforeEach(async () => {
		iris = await startTeams({ frontend: {}, backend: {} });
		shim = startShim(iris, { cwd: iris.dirs.frontend });
	});
	afterEach(async () => {
		assert.equal(await shim.finish(), 0);
		await iris.stop();
	});

	test("server/discover names the versions, the server and what it can do", async () => {
		const { result } = await shim.request("server/discover", modern());
		assert.deepEqual(result.supportedVersions, ["2026-07-28", ...LEGACY]);
		assert.deepEqual(result.capabilities, { tools: {}, prompts: {}, completions: {}, resources: { subscribe: true, listChanged: true } });
		assert.equal(result.resultType, "complete");
		assert.equal(result._meta[SERVER].name, "iris");
		assert.match(result.instructions, /ask_message/);
		assert.equal(typeof result.ttlMs, "number");
		assert.match(result.cacheScope, /^(public|private)$/);
	});

	test("2026-07-28: tools/list and tools/call without any handshake", async () => {
		const list = (await shim.request("tools/list", modern())).result;
		assert.equal(list.resultType, "complete");
		assert.ok(list.tools.length >= 11);
		assert.equal(list._meta[SERVER].name, "iris");
		const call = (await shim.request("tools/call", {
			...modern(), name: "ask_message", arguments: { toTeam: "backend", message: "ECHO modern" },
		})).result;
		assert.equal(call.resultType, "complete");
		assert.equal(call.structuredContent.response, "modern");
		assert.equal(call.structuredContent.from, "frontend");
		assert.deepEqual(JSON.parse(call.content[0].text), call.structuredContent);
		const failed = (await shim.request("tools/call", { ...modern(), name: "ask_message", arguments: { toTeam: "x", message: "y" } })).result;
		assert.equal(failed.isError, true);
		assert.equal(failed.resultType, "complete");
		assert.equal(JSON.parse(failed.content[0].text).code, "not_found");
	});

	test("after a second handshake an id that comes again is another call, also for the next irisd", async () => {
		const init = () => shim.request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } });
		const ask = async () => {
			shim.got.length = 0;
			const { result } = await shim.request("tools/call", { name: "ask_message", arguments: { toTeam: "backend", message: "ECHO same" } }, { id: 50 });
			return result.structuredContent.messageId;
		};
		await init();
		const ids = [await ask()];
		await init();
		ids.push(await ask());
		await iris.iris(["restart"]);
		await init();
		ids.push(await ask());
		assert.equal(new Set(ids).size, 3, ids.join());
	});

	const init = (protocolVersion) => shim.request("initialize", { protocolVersion, capabilities: {}, clientInfo: { name: "t", version: "1" } });
	const call = (id, name, args) => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } });
	const list = (fits) => shim.line((l) => Array.isArray(l) && fits(l), { what: "the answer to a list" });
	const byId = (answers) => Object.fromEntries(answers.map((a) => [JSON.stringify(a.id), a]));

	test("2025-03-26: a list of messages has one list of answers, also when irisd is started again meanwhile", async () => {
		await init("2025-03-26");
		shim.send([{ jsonrpc: "2.0", id: 1, method: "ping" }, { jsonrpc: "2.0", method: "notifications/initialized" },
			{ jsonrpc: "2.0", id: "b", method: "tools/list" }, 5, call(2, "get_date", {}),
			{ jsonrpc: "2.0", id: 3, method: "initialize", params: {} }, { jsonrpc: "2.0", id: 4, method: "no/such" }]);
		const answers = await list((l) => l.length === 6);
		const of = byId(answers);
		assert.deepEqual(of[1].result, {});
		assert.ok(of['"b"'].result.tools.length > 10);
		assert.ok(of[2].result.structuredContent);
		assert.deepEqual([of.null.error.code, of[3].error.code, of[4].error.code], [-32600, -32600, -32601]);
		/* Only notifications: nothing. */
		shim.send([{ jsonrpc: "2.0", method: "notifications/initialized" }]);
		const gate = makeGate(iris);
		shim.send([call(5, "ask_message", { toTeam: "backend", message: gate.hold }), call(6, "list_teams", {}),
			call(7, "ask_message", { toTeam: "backend", message: "ECHO not any more" })]);
		const states = async () => (await iris.json(["messages"])).messages.map((m) => m.state).sort().join();
		await waitFor(async () => (await states()) === "queued,seen", { what: "one at work and one behind it", every: 25 });
		shim.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7, reason: "enough" } });
		await waitFor(async () => (await states()) === "cancelled,seen", { what: "the one behind to be cancelled", every: 25 });
		await iris.iris(["restart"]);
		assert.equal(shim.got.filter(Array.isArray).length, 1, "not before all are there");
		gate.open();
		const later = byId(await list((l) => l !== answers));
		assert.deepEqual(Object.keys(later).sort(), ["5", "6"]);
		assert.equal(later[5].result.structuredContent.state, "answered");
		assert.ok(!shim.got.some((l) => [5, 6, "b"].includes(l.id)), "each answer is in its list alone");
	});

	test("a list in another revision, an empty one and one of more than a hundred: one error", async () => {
		const error = async (text) => {
			shim.got.length = 0;
			shim.send(`${text}\n`);
			return (await shim.line((l) => l.id === null || l.id === undefined, { what: "an error" })).error.code;
		};
		const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
		await init("2025-06-18");
		assert.equal(await error(`[${ping}]`), -32600);
		await init("2025-03-26");
		assert.equal(await error("[]"), -32600);
		assert.equal(await error(`[${Array(101).fill(ping).join()}]`), -32600);
		assert.equal(await error(`[${ping}`), -32700);
		shim.send(` [${Array.from({ length: 100 }, (_, id) => JSON.stringify({ jsonrpc: "2.0", id: id + 1000, method: "ping" })).join(" , ")}]\n`);
		assert.equal((await list((l) => l.length === 100)).length, 100);
	});

	test("2026-07-28: a version that is not supported, and a request without its capabilities", async () => {
		const { error } = await shim.request("tools/list", modern("2031-01-01"));
		assert.equal(error.code, -32022);
		assert.deepEqual(error.data, { supported: ["2026-07-28"], requested: "2031-01-01" });
		const missing = await shim.request("tools/list", { _meta: { [VERSION]: "2026-07-28" } });
		assert.equal(missing.error.code, -32602);
		assert.match(missing.error.message, /clientCapabilities/);
	});

	test("2026-07-28: subscriptions/listen is acknowledged first, stays open, and ends when cancelled", async () => {
		shim.send({ jsonrpc: "2.0", id: "sub", method: "subscriptions/listen", params: { ...modern(), notifications: { toolsListChanged: true } } });
		const ack = await shim.line((l) => l.method === "notifications/subscriptions/acknowledged");
		assert.equal(ack.params._meta[SUBSCRIPTION], "sub");
		assert.deepEqual(ack.params.notifications, {});
		shim.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "sub" } });
		await shim.request("tools/list", modern());
		assert.equal(shim.got.filter((l) => l.id === "sub").length, 0);
	});

	for (const version of LEGACY) {
		test(`${version}: initialize, ping, tools/list, tools/call`, async () => {
			const init = (await shim.request("initialize", { protocolVersion: version, capabilities: {}, clientInfo: { name: "t", version: "1" } })).result;
			assert.equal(init.protocolVersion, version);
			assert.equal(init.serverInfo.name, "iris");
			assert.deepEqual(init.capabilities, { tools: {}, prompts: {}, completions: {}, resources: { subscribe: true, listChanged: true } });
			assert.equal(init.resultType, undefined);
			shim.send({ jsonrpc: "2.0", method: "notifications/initialized" });
			assert.deepEqual((await shim.request("ping")).result, {});
			const list = (await shim.request("tools/list", {})).result;
			assert.ok(list.tools.length >= 11);
			assert.equal(list.resultType, undefined);
			const call = (await shim.request("tools/call", { name: "ask_message", arguments: { toTeam: "backend", message: `ECHO ${version}` } })).result;
			assert.equal(call.structuredContent.response, version);
			assert.equal(call.resultType, undefined);
			assert.ok(!("isError" in call) || call.isError === false);
			assert.equal(shim.got.filter((l) => l.id === undefined).length, 0, "nothing unasked");
		});
	}

	test("a revision that nobody knows gets the newest of the handshake era", async () => {
		const { result } = await shim.request("initialize", { protocolVersion: "1999-01-01", capabilities: {}, clientInfo: { name: "t", version: "1" } });
		assert.equal(result.protocolVersion, "2025-11-25");
	});

	test("ids come back as they were written", async () => {
		for (const raw of ['"a \\u00e9 string"', "0", "9007199254740993", '"7"', "-3"]) {
			shim.child.stdin.write(`{"jsonrpc":"2.0","id":${raw},"method":"ping"}\n`);
			const id = JSON.parse(raw);
			await shim.line((l) => l.id === id, { what: `the answer to ${raw}` });
		}
	});

	test("what is not a request of this protocol gets the right error, and the connection goes on", async () => {
		assert.equal((await shim.request("tools/destroy", modern())).error.code, -32601);
		assert.equal((await shim.request("roots/list", {})).error.code, -32601);
		assert.equal((await shim.request("tools/list", { cursor: "abc" })).error.code, -32602);
		assert.equal((await shim.request("tools/call", { name: "no_such_tool", arguments: {} })).error.code, -32602);
		shim.send("this is not JSON\n");
		assert.equal((await shim.line((l) => l.id === null)).error.code, -32700);
		shim.got.length = 0;
		shim.send('{"jsonrpc":"1.0","id":1,"method":"ping"}\n');
		assert.equal((await shim.line((l) => l.error)).error.code, -32600);
		assert.deepEqual((await shim.request("ping", undefined, { id: 77 })).result, {});
	});

	test("calls of both eras at the same time, over one connection", async () => {
		const gate = makeGate(iris);
		const first = shim.request("tools/call", { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } }, { id: "legacy" });
		const second = shim.request("tools/call", { ...modern(), name: "ask_message", arguments: { toTeam: "backend", message: "ECHO two" } }, { id: 9 });
		await waitFor(async () => (await iris.json(["message", "list"])).messages.length === 2);
		assert.ok((await shim.request("tools/list", modern())).result.tools.length >= 11);
		gate.open();
		assert.equal((await first).result.resultType, undefined);
		const r = (await second).result;
		assert.equal(r.resultType, "complete");
		assert.equal(r.structuredContent.response, "two");
	});

	test("a progress token comes back as it was written, a number or a string", async () => {
		for (const progressToken of ["tok é", 12]) {
			const { result } = await shim.request("tools/call",
				{ name: "ask_message", arguments: { toTeam: "backend", message: "ECHO x" }, _meta: { progressToken } });
			assert.equal(result.structuredContent.response, "x");
			const told = shim.got.filter((l) => l.method === "notifications/progress" && l.params.progressToken === progressToken);
			assert.ok(told.length > 0, JSON.stringify(shim.got));
			assert.ok(told.every((l) => typeof l.params.progress === "number" && l.params.message));
		}
	});
});
