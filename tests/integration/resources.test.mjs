/* SPDX-License-Identifier: MIT
 *
 * Resources: lists, reading, completion and who may see what, in both eras; and who is told of a
 * change. Through the official SDK, and line by line through the shim.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ResourceListChangedNotificationSchema, ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { assert, connectRaw, makeGate, quick, startShim, startTeams, waitFor } from "./setup.mjs";

const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const META = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} };
const UPDATED = "notifications/resources/updated";
const LIST_CHANGED = "notifications/resources/list_changed";

describe("resources", () => {
	let iris, client, shim;

	beforeEach(async () => {
		iris = await startTeams({ frontend: {}, backend: {}, docs: {} });
		client = await iris.client({ cwd: iris.dirs.frontend });
		shim = startShim(iris, { cwd: iris.dirs.frontend });
	});
	afterEach(async () => {
		assert.equal(await shim.finish(), 0);
		await iris.stop();
	});

	const read = async (c, uri) => {
		const { contents } = await c.readResource({ uri });
		assert.equal(contents.length, 1);
		assert.equal(contents[0].uri, uri);
		assert.equal(contents[0].mimeType, "application/json");
		return JSON.parse(contents[0].text);
	};
	const modern = (method, params = {}) => shim.request(method, { _meta: META, ...params });
	/* A team more, known when this returns. */
	const addTeam = async (name) => {
		const file = join(iris.home, "config.yaml");
		const config = JSON.parse(readFileSync(file, "utf8"));
		config.teams[name] = { path: iris.project(name), description: `the ${name} project` };
		writeFileSync(file, JSON.stringify(config));
		const raw = await connectRaw(iris, { role: "ctl" });
		assert.ok((await raw.request("iris/config.reload", {})).result);
		raw.socket.destroy();
	};
	const listen = async (id, notifications) => {
		shim.send({ jsonrpc: "2.0", id, method: "subscriptions/listen", params: { _meta: META, notifications } });
		const ack = await shim.line((l) => l.method === "notifications/subscriptions/acknowledged" && l.params._meta[SUBSCRIPTION] === id);
		return ack.params.notifications;
	};

	test("lists and templates; teams, one team, a session and a message read through the SDK", async () => {
		const { resources } = await client.listResources();
		assert.deepEqual(resources.map((r) => r.uri).sort(),
			["iris://teams", "iris://teams/backend", "iris://teams/docs", "iris://teams/frontend"]);
		assert.ok(resources.every((r) => r.name && r.description && r.mimeType === "application/json"));
		const { resourceTemplates } = await client.listResourceTemplates();
		assert.deepEqual(resourceTemplates.map((t) => t.uriTemplate),
			["iris://teams/{name}", "iris://sessions/{from}/{to}", "iris://messages/{id}"]);

		const r = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO pong" });
		assert.deepEqual((await read(client, "iris://teams")).teams.map((t) => [t.name, t.status]),
			[["backend", "awake"], ["docs", "asleep"], ["frontend", "asleep"]]);
		const team = await read(client, "iris://teams/%62ackend");
		assert.equal(team.name, "backend");
		assert.deepEqual(team.problems, []);
		const session = await read(client, "iris://sessions/frontend/backend");
		assert.deepEqual([session.from, session.to, session.state, session.messages], ["frontend", "backend", "idle", 1]);
		const message = await read(client, `iris://messages/${r.messageId}`);
		assert.deepEqual([message.message, message.response, message.state], ["ECHO pong", "pong", "answered"]);
		assert.equal(message.receipts.at(-1).state, "answered");
	});

	test("only who has a part in it sees a session and a message; what is not there looks the same", async () => {
		const { messageId } = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO secret" });
		const receiver = await iris.client({ cwd: iris.dirs.backend });
		const other = await iris.client({ cwd: iris.dirs.docs });
		const uris = [`iris://messages/${messageId}`, "iris://sessions/frontend/backend"];
		for (const uri of uris) {
			await read(receiver, uri);
			await assert.rejects(other.readResource({ uri }), (e) => e.code === -32002 && e.data.uri === uri);
			await assert.rejects(other.subscribeResource({ uri }), (e) => e.code === -32002);
		}
		for (const uri of ["iris://teams/nobody", "iris://teams/", "iris://teams/%zz", "iris://teams/a%00", "iris://teams/backend/x",
			"iris://sessions/frontend", "iris://sessions/frontend/docs", "iris://messages/1", "iris://", "file:///etc/passwd", "", `iris://teams/${"a".repeat(5000)}`]) {
			await assert.rejects(client.readResource({ uri }), (e) => e.code === -32002 && e.data.uri === uri, uri);
			const { error } = await modern("resources/read", { uri });
			assert.equal(error.code, -32602, uri);
			assert.equal(error.data.uri, uri);
		}
		assert.equal((await modern("resources/read", {})).error.code, -32602);
		assert.equal((await modern("resources/list", { cursor: "" })).error.code, -32602);
	});

	test("what a turn has given to its tools: its own team reads it, who has asked reads their names", async () => {
		const { messageId } = await iris.call(client, "ask_message", { toTeam: "backend", message: 'TOOL list_teams {"n":1}' });
		const uri = `iris://messages/${messageId}`, receiver = await iris.client({ cwd: iris.dirs.backend });
		const tools = (await read(client, uri)).tools;
		assert.equal(tools.length, 1);
		assert.deepEqual(Object.keys(tools[0]), ["name"]);
		assert.deepEqual((await read(receiver, uri)).tools, [{ ...tools[0], input: '{"n":1}' }]);
	});

	test("2026-07-28: results say how long they hold and for whom", async () => {
		const list = (await modern("resources/list")).result;
		assert.deepEqual([list.resultType, list.ttlMs, list.cacheScope], ["complete", 0, "private"]);
		const templates = (await modern("resources/templates/list")).result;
		assert.equal(templates.cacheScope, "public");
		assert.ok(templates.ttlMs > 0);
		const { messageId } = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO x" });
		const final = (await modern("resources/read", { uri: `iris://messages/${messageId}` })).result;
		assert.equal(final.cacheScope, "private");
		assert.ok(final.ttlMs > 0, "an ended message stays as it is");
		assert.equal((await modern("resources/read", { uri: "iris://teams" })).result.ttlMs, 0);
	});

	test("names of teams complete the variables of the templates", async () => {
		const complete = async (uri, name, value) =>
			(await client.complete({ ref: { type: "ref/resource", uri }, argument: { name, value } })).completion;
		assert.deepEqual((await complete("iris://teams/{name}", "name", "")).values, ["backend", "docs", "frontend"]);
		assert.deepEqual(await complete("iris://sessions/{from}/{to}", "to", "B"), { values: ["backend"], total: 1, hasMore: false });
		assert.deepEqual((await complete("iris://messages/{id}", "id", "0")).values, []);
		await assert.rejects(complete("iris://teams/{name}", "id", ""), (e) => e.code === -32602);
		await assert.rejects(complete("iris://nothing/{x}", "x", ""), (e) => e.code === -32602);
	});

	test("handshake era: updates until unsubscribed, and the list's changes", async () => {
		const updated = [];
		let lists = 0;
		client.setNotificationHandler(ResourceUpdatedNotificationSchema, (n) => void updated.push(n.params.uri));
		client.setNotificationHandler(ResourceListChangedNotificationSchema, () => void (lists += 1));
		assert.deepEqual(client.getServerCapabilities().resources, { subscribe: true, listChanged: true });
		const gate = makeGate(iris);
		const id = await quick(iris, client, "backend", gate.hold);
		await iris.messageIn(id, "seen");
		const uri = `iris://messages/${id}`;
		await client.subscribeResource({ uri });
		await client.subscribeResource({ uri });
		assert.deepEqual(updated, []);
		gate.open();
		await waitFor(() => updated.includes(uri), { what: "the update" });
		assert.equal((await read(client, uri)).state, "answered");
		assert.deepEqual(updated, [uri], "told once");

		await client.subscribeResource({ uri: "iris://sessions/frontend/backend" });
		await client.unsubscribeResource({ uri });
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO more" });
		await waitFor(() => updated.includes("iris://sessions/frontend/backend"));
		assert.equal(lists, 0);
		await addTeam("late");
		await waitFor(() => lists > 0, { what: "the list's change" });
		assert.ok((await client.listResources()).resources.some((r) => r.uri === "iris://teams/late"));
	});

	test("2026-07-28: the acknowledgement says what is honoured, and everything is tagged", async () => {
		const theirs = (await iris.call(await iris.client({ cwd: iris.dirs.docs }), "ask_message", { toTeam: "backend", message: "ECHO x" })).messageId;
		const honoured = await listen("l1", { toolsListChanged: true, resourcesListChanged: true,
			resourceSubscriptions: ["iris://teams/backend", "iris://teams/nobody", `iris://messages/${theirs}`, "iris://teams/backend", 7] });
		assert.deepEqual(honoured, { resourcesListChanged: true, resourceSubscriptions: ["iris://teams/backend"] });
		assert.deepEqual(await listen(5, { resourceSubscriptions: ["iris://teams"] }), { resourceSubscriptions: ["iris://teams"] });
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO wake" });
		const one = await shim.line((l) => l.method === UPDATED && l.params._meta[SUBSCRIPTION] === "l1");
		assert.equal(one.params.uri, "iris://teams/backend");
		const all = await shim.line((l) => l.method === UPDATED && l.params._meta[SUBSCRIPTION] === 5);
		assert.equal(all.params.uri, "iris://teams");
		await addTeam("late");
		await shim.line((l) => l.method === LIST_CHANGED && l.params._meta[SUBSCRIPTION] === "l1");
		assert.equal(shim.got.filter((l) => l.method === LIST_CHANGED && l.params?._meta?.[SUBSCRIPTION] !== "l1").length, 0, "only who asked");

		shim.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "l1" } });
		await modern("tools/list");
		shim.got.length = 0;
		await addTeam("later");
		await shim.line((l) => l.method === UPDATED && l.params._meta[SUBSCRIPTION] === 5);
		await modern("tools/list");
		assert.equal(shim.got.filter((l) => l.params?._meta?.[SUBSCRIPTION] === "l1").length, 0, "nothing for a cancelled one");
	});

	test("2026-07-28: after a restart of irisd the subscription goes on", async () => {
		assert.deepEqual(await listen("kept", { resourcesListChanged: true }), { resourcesListChanged: true });
		const gate = makeGate(iris);
		const waits = modern("tools/call", { name: "ask_message", arguments: { toTeam: "backend", message: gate.hold } });
		await waitFor(async () => (await iris.json(["message", "list"])).messages.some((m) => m.state === "seen"));
		iris.daemon.kill("SIGUSR2");
		/* Its successor has the answer, and takes what comes after. */
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
		gate.open();
		assert.equal((await waits).result.structuredContent.response, "held");
		await addTeam("after");
		await shim.line((l) => l.method === LIST_CHANGED && l.params._meta[SUBSCRIPTION] === "kept");
		assert.equal(shim.got.filter((l) => l.method === "notifications/subscriptions/acknowledged").length, 1);
	});
});
