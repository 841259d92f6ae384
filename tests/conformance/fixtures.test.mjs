/* SPDX-License-Identifier: MIT
 *
 * The official conformance suite's requirement sets, whole, on test/irisd-fixtures: irisd with the
 * suite's tools, prompts and resources in the tables of all (fixtures*.c). What is left out stands with
 * its reason in the baselines beside this file. The suite speaks HTTP only: all that it has asked is
 * asked once more over stdio, and must be answered alike. And it takes many answers for good ones: so
 * calls of all fixtures are made here again, and every answer is compared whole.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startShim } from "../integration/setup.mjs";
import { buildDir } from "../lib/claude-env.mjs";
import { events, legacy, makeKey, modern, startHttp } from "../lib/http.mjs";
import { replay } from "./replay.mjs";
import { conform, count, scored, startProxy, suiteVersion } from "./suite.mjs";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
const VERSION = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
const SERVER = "io.modelcontextprotocol/serverInfo";
const TOKEN = "progress-1";

const text = (t) => ({ type: "text", text: t });
const image = { type: "image", data: PNG, mimeType: "image/png" };
const resource = (uri, mimeType, t) => ({ type: "resource", resource: { uri, mimeType, text: t } });

/* Tool -> its result, but for what 2026-07-28 adds to every one. */
const RESULTS = {
	test_simple_text: { content: [text("This is a simple text response for testing.")] },
	test_image_content: { content: [image] },
	test_audio_content: { content: [{ type: "audio", data: WAV, mimeType: "audio/wav" }] },
	test_embedded_resource: { content: [resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")] },
	test_multiple_content_types: { content: [text("Multiple content types test:"), image,
		resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')] },
	test_error_handling: { isError: true, content: [text(JSON.stringify({
		error: "This tool intentionally returns an error for testing", code: "invalid", tool: "test_error_handling" }))] },
	test_logging_tool: { content: [text("A line was logged.")] },
	test_tool_with_progress: { content: [text("Three signs of progress were sent.")] },
};
const PROGRESS = ["begun", "half done", "done"].map((message, i) => ({ progressToken: TOKEN, progress: i + 1, message }));

const prompt = (description, ...blocks) => ({ description, messages: blocks.map((content) => ({ role: "user", content })) });
const contents = (uri, mimeType, content) => ({ contents: [{ ...content, uri, mimeType }] });

/* Method, parameters, result; again without what 2026-07-28 adds. */
const ANSWERS = [
	["prompts/get", { name: "test_simple_prompt" }, prompt("Fixture: one text.", text("This is a simple prompt for testing."))],
	["prompts/get", { name: "test_prompt_with_arguments", arguments: { arg1: "hello", arg2: "world" } },
		prompt("Fixture: a text with arguments.", text("Prompt with arguments: arg1='hello', arg2='world'"))],
	["prompts/get", { name: "test_prompt_with_embedded_resource", arguments: { resourceUri: "test://example" } },
		prompt("Fixture: an embedded resource.", resource("test://example", "text/plain", "Embedded resource content for testing."),
			text("Please process the embedded resource above."))],
	["prompts/get", { name: "test_prompt_with_image" },
		prompt("Fixture: an image.", image, text("Please analyze the image above."))],
	["completion/complete", { ref: { type: "ref/prompt", name: "test_prompt_with_arguments" }, argument: { name: "arg1", value: "Par" } },
		{ completion: { values: ["paris", "park", "party"], total: 3, hasMore: false } }],
	["completion/complete", { ref: { type: "ref/prompt", name: "test_prompt_with_arguments" }, argument: { name: "arg2", value: "" } },
		{ completion: { values: [], total: 0, hasMore: false } }],
	["completion/complete", { ref: { type: "ref/resource", uri: "test://template/{id}/data" }, argument: { name: "id", value: "" } },
		{ completion: { values: [], total: 0, hasMore: false } }],
	["resources/read", { uri: "test://static-text" },
		contents("test://static-text", "text/plain", { text: "This is the content of the static text resource." })],
	["resources/read", { uri: "test://static-binary" }, contents("test://static-binary", "image/png", { blob: PNG })],
	["resources/read", { uri: "test://template/a%20b/data" }, contents("test://template/a%20b/data", "application/json",
		{ text: '{"id":"a b","templateTest":true,"data":"Data for ID: a b"}' })],
];

/* What does not fit a row's URI or template, in the era's own words. */
const NOT_THERE = ["test://static-text/", "test://static-tex", "test://template//data", "test://template/a/b/data", "test://template/1/dat"];

/* How many of the suite's requests have a counterpart over stdio, at least. */
const REPLAYED = { "2025-11-25": 63, "2026-07-28": 101 };

let iris, key, proxy;
const exchanges = {};

before(async () => {
	/* The program in place of irisd; it becomes the one that Iris was told to start. */
	iris = await startHttp({ frontend: {}, backend: {} },
		{ wrap: ["sh", "-c", 'shift; exec "$0" "$@"', join(buildDir(), "test/irisd-fixtures")] });
	/* Over HTTP and over stdio, it is the same team that speaks. */
	key = await makeKey(iris, "message", "--team", "frontend");
	proxy = await startProxy(iris.port, key);
});
after(async () => {
	proxy?.close();
	await iris?.stop();
});

async function initialized(send) {
	return send({ id: 0, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } } });
}

describe("the conformance suite's requirement sets, with the fixtures", () => {
	for (const revision of ["2025-11-25", "2026-07-28"])
		test(revision, async (t) => {
			const { result } = (await initialized((m) => legacy(iris.port, key, m))).json();

			assert.equal(result.serverInfo.name, "iris-fixtures");
			const r = await conform(proxy.url, ["--requirements", revision, "--expected-failures",
				fileURLToPath(new URL(`baseline-${revision}.yml`, import.meta.url))]);
			exchanges[revision] = proxy.take();
			assert.equal(r.status, 0, r.stdout);
			const all = scored(revision);
			assert.ok(all.length >= 30 && all.every((name) => r.scenarios[name]?.length > 0), r.stdout);
			const passed = all.filter((name) => r.scenarios[name].every((c) => c.status !== "FAILURE" && c.status !== "WARNING"));
			t.diagnostic(`conformance ${suiteVersion()}, ${revision}, with fixtures: ${passed.length} of ${all.length} scored ` +
				`scenarios passed without a warning; of all checks, ${count(r.scenarios, "SUCCESS")} passed, ` +
				`${count(r.scenarios, "FAILURE")} failed and ${count(r.scenarios, "WARNING")} warn as the baseline says`);
		});

	for (const [revision, least] of Object.entries(REPLAYED))
		test(`${revision}, the suite's own requests once more, over stdio`, async (t) => {
			const { methods, left } = await replay(iris, exchanges[revision], iris.dirs.frontend);
			const n = Object.values(methods).reduce((a, b) => a + b, 0);

			assert.ok(n >= least, `${n} requests were replayed, not ${least}`);
			t.diagnostic(`${n} requests replayed over stdio, each answered as over HTTP: ${JSON.stringify(methods)}; left out: ${JSON.stringify(left)}`);
		});
});

/* What 2026-07-28 adds to a result is looked at, and taken off; caching: to one that may be kept. */
function strip(result, caching) {
	const { resultType, _meta, ttlMs, cacheScope, ...rest } = result;

	assert.equal(resultType, "complete");
	assert.equal(_meta[SERVER].name, "iris-fixtures");
	assert.deepEqual([ttlMs, cacheScope], caching ? [0, "private"] : [undefined, undefined]);
	return rest;
}

function compare(tool, era, messages) {
	let { result, error } = messages.at(-1);

	assert.equal(error, undefined, JSON.stringify(error));
	if (era === "modern")
		result = strip(result);
	assert.deepEqual(result, RESULTS[tool]);
	assert.deepEqual(messages.slice(0, -1).map((m) => [m.method, m.params]),
		tool === "test_tool_with_progress" ? PROGRESS.map((p) => ["notifications/progress", p]) : []);
}

const params = (tool, era, withArguments) => ({
	name: tool,
	...(withArguments && { arguments: {} }),
	_meta: { progressToken: TOKEN, ...(era === "modern" && { [VERSION]: "2026-07-28", [CAPABILITIES]: {} }) },
});

describe("the same calls, compared whole", () => {
	for (const era of ["legacy", "modern"])
		for (const withArguments of [true, false]) {
			const how = `${era}, ${withArguments ? "empty" : "no"} arguments`;

			test(`over HTTP, ${how}`, async () => {
				for (const tool of Object.keys(RESULTS)) {
					const p = params(tool, era, withArguments);
					const answer = await (era === "modern" ? modern(iris.port, key, "tools/call", p, { meta: p._meta })
						: legacy(iris.port, key, { id: 1, method: "tools/call", params: p }));
					assert.equal(answer.status, 200);
					await answer.ended;
					const streamed = /event-stream/.test(answer.headers["content-type"]);
					compare(tool, era, streamed ? events(answer) : [answer.json()]);
				}
			});

			test(`over stdio, ${how}`, async () => {
				const shim = startShim(iris);

				if (era === "legacy")
					assert.equal((await initialized((m) => shim.request(m.method, m.params))).result.serverInfo.name, "iris-fixtures");
				for (const tool of Object.keys(RESULTS)) {
					const from = shim.got.length;
					await shim.request("tools/call", params(tool, era, withArguments));
					compare(tool, era, shim.got.slice(from));
				}
				await shim.finish();
			});
		}

	for (const era of ["legacy", "modern"])
		test(`prompts, resources and completion, ${era}`, async () => {
			for (const [method, p, expected] of ANSWERS) {
				const answer = await (era === "modern" ? modern(iris.port, key, method, p)
					: legacy(iris.port, key, { id: 1, method, params: p }));
				const { result, error } = answer.json();
				assert.equal(error, undefined, JSON.stringify(error));
				assert.deepEqual(era === "modern" ? strip(result, method === "resources/read") : result, expected);
			}
			for (const uri of NOT_THERE) {
				const answer = await (era === "modern" ? modern(iris.port, key, "resources/read", { uri })
					: legacy(iris.port, key, { id: 1, method: "resources/read", params: { uri } }));
				const { error } = answer.json();
				assert.deepEqual([error?.code, error?.data], [era === "modern" ? -32602 : -32002, { uri }]);
			}
		});

	/* The suite looks at this only where there are sessions. */
	test("over HTTP, legacy, several requests at a time", async () => {
		const answers = await Promise.all([1000, 1001, 1002].map((id) => legacy(iris.port, key, { id, method: "tools/list", params: {} })));

		for (const [i, answer] of answers.entries()) {
			assert.equal(answer.json().id, 1000 + i);
			assert.ok(answer.json().result.tools.length > 18);
		}
	});

	test("every fixture is listed with what ships, and that is all there", async () => {
		const list = async (method, member, name) => (await modern(iris.port, key, method)).json().result[member].map((o) => o[name]);
		const has = (names, ...some) => some.forEach((name) => assert.ok(names.includes(name), name));

		has(await list("tools/list", "tools", "name"), ...Object.keys(RESULTS), "ask_message", "list_teams", "get_date");
		has(await list("prompts/list", "prompts", "name"), ...new Set(ANSWERS.map(([, p]) => p.name).filter(Boolean)), "ask", "debugger");
		has(await list("resources/list", "resources", "uri"), "test://static-text", "test://static-binary", "test://watched-resource",
			"iris://teams", "iris://teams/backend");
		has(await list("resources/templates/list", "resourceTemplates", "uriTemplate"), "test://template/{id}/data", "iris://messages/{id}");
	});
});
