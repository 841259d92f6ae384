/* SPDX-License-Identifier: MIT
 *
 * Tools that ask the person behind their client, through the shim and over HTTP, in both eras. No
 * tool that ships asks by itself yet, so this is on test/irisd-fixtures, which has some that do and
 * is irisd in all else; beside it a shim of the same build, which starts it again when it has died.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildDir } from "../lib/claude-env.mjs";
import { events, legacy, listening, makeHttp, makeKey, modern } from "../lib/http.mjs";
import { fdCount, Lines, waitFor, within } from "./setup.mjs";

const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
const FORMS = { elicitation: {} };
const PERSON = { username: "ada", email: "ada@example.com" };

let iris, key, bin;

before(async () => {
	/* Programs beside each other find each other; they are made before anything is started. */
	iris = await makeHttp({ frontend: {}, backend: {} }, { wrap: ["sh", "-c", 'exec "$IRIS_TEST_IRISD"'] });
	bin = join(iris.root, "bin");
	mkdirSync(bin);
	for (const name of ["iris", "iris-mcp-shim", "iris-worker"])
		copyFileSync(join(buildDir(), "bin", name), join(bin, name));
	copyFileSync(join(buildDir(), "test/irisd-fixtures"), join(bin, "irisd"));
	iris.env.IRIS_TEST_IRISD = join(bin, "irisd");
	await iris.start();
	await listening(iris);
	key = await makeKey(iris, "message");
});
after(() => iris?.stop());

/* A client of the SDK that answers questions by `answer`, a function of the request and what else is known. */
async function sdk(transport, answer, capabilities = FORMS) {
	const client = new Client({ name: "test", version: "1" }, { capabilities });

	if (capabilities.elicitation)
		client.setRequestHandler(ElicitRequestSchema, answer);
	if (capabilities.sampling)
		client.setRequestHandler(CreateMessageRequestSchema, answer);
	await within(15000, client.connect(transport), "the client to be initialized");
	return client;
}

const overStdio = () => new StdioClientTransport({ command: join(bin, "iris-mcp-shim"), cwd: iris.dirs.frontend, env: iris.env });
const overHttp = () => new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${iris.port}/mcp`),
	{ requestInit: { headers: { authorization: `Bearer ${key}` } } });

const call = (client, name, args = {}, options) => client.callTool({ name, arguments: args }, undefined, { timeout: 20000, ...options });
const elicit = (client, options) => call(client, "test_elicitation", { message: "Who are you?" }, options);
const textOf = (result) => result.content[0].text;

/* A shim spoken to line by line. */
function shim() {
	const child = spawn(join(bin, "iris-mcp-shim"), [], { cwd: iris.dirs.frontend, env: iris.env, stdio: "pipe" });
	const lines = new Lines(child.stdout, child.stdin);

	lines.child = child;
	lines.exited = once(child, "exit").then(([code]) => code);
	lines.finish = () => {
		child.stdin.end();
		return within(15000, lines.exited, "the shim to end at EOF");
	};
	return lines;
}

/* A promise and what settles it. */
function deferred() {
	const d = {};
	d.promise = new Promise((resolve) => (d.resolve = resolve));
	return d;
}

for (const [carrier, transport] of [["through the shim", overStdio], ["over HTTP", overHttp]])
	describe(`the handshake era, ${carrier}`, () => {
		for (const [what, answer, expected] of [
			["accepts", { action: "accept", content: PERSON }, `User response: action=accept, content=${JSON.stringify(PERSON)}`],
			["declines", { action: "decline" }, "User response: action=decline, content={}"],
			["closes the form", { action: "cancel" }, "User response: action=cancel, content={}"],
		])
			test(`the person ${what}`, async () => {
				const seen = [];
				const client = await sdk(transport(), (request) => {
					seen.push(request.params);
					return answer;
				});

				assert.equal(textOf(await elicit(client)), expected);
				assert.equal(seen.length, 1);
				assert.equal(seen[0].message, "Who are you?");
				assert.deepEqual(Object.keys(seen[0].requestedSchema.properties), ["username", "email"]);
				await client.close();
			});

		test("a client that fails, and one that sends no valid answer: the call goes on", async () => {
			for (const answer of [() => { throw new Error("no form here"); }, () => ({ action: "accept", content: { username: "x" } })]) {
				const client = await sdk(transport(), answer);
				assert.equal(textOf(await elicit(client)), "User response: action=failed, content={}");
				await client.close();
			}
		});

		test("who declares nothing of the kind is asked nothing", async () => {
			const client = await sdk(transport(), undefined, {});
			const r = await elicit(client);

			assert.equal(r.isError, true);
			assert.equal(JSON.parse(textOf(r)).code, "refused");
			await client.close();
		});

		test("sampling goes the same way", async () => {
			const client = await sdk(transport(), (request) => ({ role: "assistant", model: "m", content: request.params.messages[0].content }),
				{ sampling: {} });

			assert.match(textOf(await call(client, "test_sampling", { prompt: "echo this" })),
				/^LLM response: action=accept, content=.*"text":"echo this"/);
			assert.equal((await elicit(client)).isError, true);
			await client.close();
		});

		test("two calls at a time, each with its own question", async () => {
			const waiting = [];
			const client = await sdk(transport(), async (request) => {
				const d = deferred();
				waiting.push({ ...d, message: request.params.message });
				return d.promise;
			});
			const calls = ["one", "two"].map((message) => call(client, "test_elicitation", { message }));

			await waitFor(() => waiting.length === 2, { what: "both questions" });
			for (const w of waiting.reverse())
				w.resolve({ action: "accept", content: { username: w.message, email: "e" } });
			const texts = (await Promise.all(calls)).map(textOf);
			assert.match(texts[0], /"username":"one"/);
			assert.match(texts[1], /"username":"two"/);
			await client.close();
		});
	});

describe("the handshake era: how else it ends", () => {
	test("the call is cancelled: the question is taken back, and the answer changes nothing", async () => {
		const asked = deferred(), withdrawn = deferred(), controller = new AbortController();
		const client = await sdk(overStdio(), async (request, extra) => {
			asked.resolve();
			await once(extra.signal, "abort");
			withdrawn.resolve();
			return { action: "accept", content: PERSON };
		});
		const cancelled = assert.rejects(elicit(client, { signal: controller.signal }));

		await within(10000, asked.promise, "the question");
		controller.abort("changed my mind");
		await within(10000, withdrawn.promise, "the question to be taken back");
		await cancelled;
		assert.equal((await call(client, "get_date")).isError, undefined);
		await client.close();
	});

	test("the client dies: irisd goes on", async () => {
		const lines = shim();
		await lines.request("initialize", { protocolVersion: "2025-11-25", capabilities: FORMS, clientInfo: { name: "t", version: "1" } });
		lines.send({ jsonrpc: "2.0", id: "c", method: "tools/call", params: { name: "test_elicitation", arguments: { message: "?" } } });
		await lines.line((l) => l.method === "elicitation/create");
		lines.child.kill("SIGKILL");
		await lines.exited;
		const client = await sdk(overStdio(), () => ({ action: "decline" }));
		assert.match(textOf(await elicit(client)), /action=decline/);
		await client.close();
	});

	test("irisd is restarted: the old form is closed, the new irisd asks again", async () => {
		const asked = [];
		const client = await sdk(overStdio(), async (request, extra) => {
			const d = deferred();
			asked.push(d);
			extra.signal.addEventListener("abort", () => d.resolve({ action: "cancel" }));
			return d.promise;
		});
		const answer = elicit(client);

		await waitFor(() => asked.length === 1, { what: "the question" });
		const restarted = spawn(join(bin, "iris"), ["restart"], { cwd: iris.root, env: iris.env, stdio: "ignore" });
		assert.deepEqual(await within(30000, once(restarted, "exit"), "iris restart"), [0, null]);
		await waitFor(() => asked.length === 2, { what: "the question again" });
		assert.deepEqual(await within(15000, asked[0].promise, "the old form to be closed"), { action: "cancel" });
		asked[1].resolve({ action: "accept", content: PERSON });
		assert.match(textOf(await answer), /"username":"ada"/);
		await client.close();
	});

	test("irisd is killed: it is asked again, and the answer to the old question is passed over", async () => {
		const lines = shim();
		const { pid } = (await iris.json(["status"]));
		const ask = (n) => waitFor(() => lines.got.filter((l) => l.method === "elicitation/create")[n], { what: `question ${n + 1}` });

		await lines.request("initialize", { protocolVersion: "2025-11-25", capabilities: FORMS, clientInfo: { name: "t", version: "1" } });
		lines.send({ jsonrpc: "2.0", id: "c", method: "tools/call", params: { name: "test_elicitation", arguments: { message: "?" } } });
		const first = await ask(0);
		iris.killed = true;
		process.kill(pid, "SIGKILL");
		const second = await ask(1);
		assert.notEqual(second.id, first.id);
		lines.send({ jsonrpc: "2.0", id: first.id, result: { action: "accept", content: { username: "old", email: "e" } } });
		lines.send({ jsonrpc: "2.0", id: second.id, result: { action: "accept", content: PERSON } });
		const { result } = await lines.line((l) => l.id === "c");
		assert.match(textOf(result), /"username":"ada"/);
		assert.equal(await lines.finish(), 0);
		await listening(iris);
	});

	test("over HTTP the client goes: its question goes with it", async () => {
		const { pid } = await iris.json(["status"]);
		const init = await legacy(iris.port, key, { id: 0, method: "initialize",
			params: { protocolVersion: "2025-11-25", capabilities: FORMS, clientInfo: { name: "t", version: "1" } } });
		const headers = { "mcp-session-id": init.headers["mcp-session-id"] };
		/* Several, since a connection of before may be closing still. */
		const streams = await Promise.all([1, 2, 3, 4, 5].map((id) => legacy(iris.port, key,
			{ id, method: "tools/call", params: { name: "test_elicitation", arguments: { message: "?" } } }, { headers })));

		await waitFor(() => streams.every((s) => events(s).length === 1), { what: "the questions" });
		const open = fdCount(pid);
		for (const s of streams)
			s.res.destroy();
		await waitFor(() => fdCount(pid) <= open - streams.length, { what: "the calls' connections to irisd to be closed" });
		assert.equal((await legacy(iris.port, key, { id: events(streams[0])[0].id, result: { action: "decline" } })).status, 202);
	});

	test("over HTTP: only the same key's answer counts; who has no session's id is asked nothing", async () => {
		const other = await makeKey(iris, "message");
		const init = await legacy(iris.port, key, { id: 0, method: "initialize",
			params: { protocolVersion: "2025-11-25", capabilities: FORMS, clientInfo: { name: "t", version: "1" } } });
		const session = init.headers["mcp-session-id"];
		const headers = { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" };
		const request = { id: 1, method: "tools/call", params: { name: "test_elicitation", arguments: { message: "?" } } };

		assert.match(session, /^[0-9a-f-]{36}-e$/);
		for (const id of [undefined, session.slice(0, 36), `${session.slice(0, 36)}-s`, `x${session.slice(1)}`, "e"])
			assert.equal((await legacy(iris.port, key, request, { headers: { "mcp-session-id": id } })).json().result.isError, true, id);
		/* Nor who could not read it: that it takes no stream is in its Accept. */
		assert.equal((await legacy(iris.port, key, request, { headers: { ...headers, accept: "application/json" } })).json().result.isError, true);
		const stream = await legacy(iris.port, key, request, { headers });
		assert.match(stream.headers["content-type"], /event-stream/);
		await waitFor(() => events(stream).length === 1, { what: "the question" });
		const [{ id, method }] = events(stream);
		assert.equal(method, "elicitation/create");
		const no = { id, result: { action: "decline" } }, yes = { id, result: { action: "accept", content: PERSON } };
		assert.equal((await legacy(iris.port, other, no, { headers })).status, 202);
		assert.equal((await legacy(iris.port, key, yes, { headers })).status, 202);
		await within(10000, stream.ended, "the stream to end");
		assert.match(textOf(events(stream)[1].result), /"username":"ada"/);
	});
});

/* One call and its repetition, by whatever carries them. */
for (const [carrier, start] of [
	["through the shim", async () => {
		const lines = shim();
		return {
			send: (params) => lines.request("tools/call", { ...params, _meta: {
				"io.modelcontextprotocol/protocolVersion": "2026-07-28", [CAPABILITIES]: params._can ?? FORMS } }),
			stop: () => lines.finish(),
		};
	}],
	["over HTTP", async () => ({
		send: async (params) => {
			const { _can, ...rest } = params;
			const answer = await modern(iris.port, key, "tools/call", rest, { meta: { [CAPABILITIES]: _can ?? FORMS } });
			return { status: answer.status, ...answer.json() };
		},
		stop: () => {},
	})],
])
	describe(`2026-07-28, ${carrier}`, () => {
		const tool = { name: "test_elicitation", arguments: { message: "Who are you?" } };
		let client;

		before(async () => (client = await start()));
		after(() => client?.stop());

		test("the call is repeated with the answer", async () => {
			const { result } = await client.send(tool);
			const [name] = Object.keys(result.inputRequests);

			assert.equal(result.resultType, "input_required");
			assert.equal(result.inputRequests[name].method, "elicitation/create");
			assert.equal(result.inputRequests[name].params.message, "Who are you?");
			const again = await client.send({ ...tool, requestState: result.requestState,
				inputResponses: { [name]: { action: "accept", content: PERSON } } });
			assert.equal(again.result.resultType, "complete");
			assert.equal(textOf(again.result), `User response: action=accept, content=${JSON.stringify(PERSON)}`);
			/* Once. */
			const { error } = await client.send({ ...tool, requestState: result.requestState, inputResponses: {} });
			assert.equal(error.code, -32602);
		});

		test("what is not as it was is refused, and the call still waits", async () => {
			const { result } = await client.send(tool);
			const requestState = result.requestState;
			const [name] = Object.keys(result.inputRequests);
			const inputResponses = { [name]: { action: "decline" } };

			for (const bad of [{ requestState: `${requestState}-TAMPERED` }, { requestState: 7 }, { name: "test_streaming_elicitation", arguments: {} },
				{ arguments: { message: "Other" } }, { inputResponses: [] }, { inputResponses: { [name]: 12345 } }])
				assert.equal((await client.send({ ...tool, requestState, inputResponses, ...bad })).error?.code, -32602, JSON.stringify(bad));
			assert.equal(textOf((await client.send({ ...tool, requestState, inputResponses })).result), "User response: action=decline, content={}");
		});

		test("without the capability: -32021, and it says which", async () => {
			const r = await client.send({ ...tool, _can: { sampling: {}, elicitation: { url: {} } } });

			assert.equal(r.error.code, -32021);
			assert.deepEqual(r.error.data, { requiredCapabilities: { elicitation: {} } });
			assert.ok(r.status === undefined || r.status === 400);
		});
	});

test("2026-07-28: another client's state is no good", async () => {
	const tool = { name: "test_elicitation", arguments: { message: "?" } };
	const other = await makeKey(iris, "message");
	const meta = { [CAPABILITIES]: FORMS };
	const { result } = (await modern(iris.port, key, "tools/call", tool, { meta })).json();
	const retry = { ...tool, requestState: result.requestState,
		inputResponses: { [Object.keys(result.inputRequests)[0]]: { action: "decline" } } };

	assert.equal((await modern(iris.port, other, "tools/call", retry, { meta })).json().error.code, -32602);
	assert.match(textOf((await modern(iris.port, key, "tools/call", retry, { meta })).json().result), /decline/);
});
