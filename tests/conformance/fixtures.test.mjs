/* SPDX-License-Identifier: MIT
 *
 * The official conformance suite's requirement sets, whole, on test/irisd-fixtures: irisd with the
 * suite's tools in the table of all tools (fixtures.c). What is left out stands with its reason in
 * the baselines beside this file. The suite takes many answers for good ones, and speaks HTTP only;
 * so the same calls are made here again, over HTTP and over stdio, in both eras, and every answer is
 * compared whole.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startShim } from "../integration/setup.mjs";
import { buildDir } from "../lib/claude-env.mjs";
import { events, legacy, makeKey, modern, startHttp } from "../lib/http.mjs";
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
	test_tool_with_progress: { content: [text("Three signs of progress were sent.")] },
};
const PROGRESS = ["begun", "half done", "done"].map((message, i) => ({ progressToken: TOKEN, progress: i + 1, message }));

let iris, key, proxy;

before(async () => {
	/* The program in place of irisd; it becomes the one that Iris was told to start. */
	iris = await startHttp({ frontend: {}, backend: {} },
		{ wrap: ["sh", "-c", 'shift; exec "$0" "$@"', join(buildDir(), "test/irisd-fixtures")] });
	key = await makeKey(iris, "message");
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
			const dir = mkdtempSync(join(tmpdir(), "iris-baseline-"));
			const { result } = (await initialized((m) => legacy(iris.port, key, m))).json();
			const lines = readFileSync(new URL(`baseline-${revision}.yml`, import.meta.url), "utf8").split("\n")
				.filter((l) => !result.capabilities.resources || !l.includes("# (no resources)"));

			try {
				assert.equal(result.serverInfo.name, "iris-fixtures");
				writeFileSync(join(dir, "baseline.yml"), lines.join("\n"));
				const r = await conform(proxy.url, ["--requirements", revision, "--expected-failures", join(dir, "baseline.yml")]);
				assert.equal(r.status, 0, r.stdout);
				const all = scored(revision);
				assert.ok(all.length >= 30 && all.every((name) => r.scenarios[name]?.length > 0), r.stdout);
				const passed = all.filter((name) => r.scenarios[name].every((c) => c.status !== "FAILURE" && c.status !== "WARNING"));
				t.diagnostic(`conformance ${suiteVersion()}, ${revision}, with fixtures: ${passed.length} of ${all.length} scored ` +
					`scenarios passed without a warning; of all checks, ${count(r.scenarios, "SUCCESS")} passed, ` +
					`${count(r.scenarios, "FAILURE")} failed and ${count(r.scenarios, "WARNING")} warn as the baseline says`);
			} finally {
				rmSync(dir, { recursive: true, force: true });
			}
		});
});

/* What differs between the eras is taken off; what it must be is looked at. */
function compare(tool, era, messages) {
	const { result, error } = messages.at(-1);

	assert.equal(error, undefined, JSON.stringify(error));
	if (era === "modern") {
		assert.equal(result.resultType, "complete");
		assert.equal(result._meta[SERVER].name, "iris-fixtures");
		delete result.resultType;
		delete result._meta;
	}
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

	test("every fixture is listed with the tools that ship, and those are all there", async () => {
		const { tools } = (await modern(iris.port, key, "tools/list")).json().result;
		const names = tools.map((t) => t.name);

		for (const name of [...Object.keys(RESULTS), "ask_message", "list_teams", "get_date"])
			assert.ok(names.includes(name), name);
	});
});
