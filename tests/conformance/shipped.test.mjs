/* SPDX-License-Identifier: MIT
 *
 * The official conformance suite on Iris as it is shipped: the scenarios that want no tools, prompts
 * or resources of the suite's own, in both requirement sets. What must fail is named here check by
 * check, with its reason; a check that passes all the same fails the test, and so does one that was
 * not made. Also the Inspector's command line, over the shim and over HTTP, in both eras.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { program } from "../lib/iris.mjs";
import { makeKey, startHttp } from "../lib/http.mjs";
import { conform, count, failures, run, script, startProxy, suiteVersion } from "./suite.mjs";

/* Scenario -> how many checks it makes at least. */
const PLAIN = {
	"2025-11-25": { "dns-rebinding-protection": 2, ping: 2, "prompts-list": 2, "resources-list": 2, "server-initialize": 3,
		"server-session-lifecycle": 1, "server-sse-multiple-streams": 1, "tools-list": 3 },
	"2026-07-28": { caching: 8, "dns-rebinding-protection": 2, "http-header-validation": 14,
		"input-required-result-unsupported-methods": 2, "prompts-list": 2, "resources-list": 2, "sep-2164-resource-not-found": 4,
		"server-sse-multiple-streams": 2, "server-stateless": 30, "tools-list": 4 },
};

/* The suite counts as failed what it could only see with tools of its own. */
const NOT_TESTABLE = [
	"server-stateless: sep-2575-server-rejects-undeclared-capability",
	"server-stateless: sep-2575-missing-capability-http-400",
	"server-stateless: sep-2575-http-server-no-independent-requests-on-stream",
	"server-stateless: sep-2575-server-no-log-without-loglevel",
];

let iris, key, proxy;

before(async () => {
	iris = await startHttp({ frontend: {}, backend: {} });
	key = await makeKey(iris, "message");
	proxy = await startProxy(iris.port, key);
});
after(async () => {
	proxy?.close();
	await iris?.stop();
});

describe("the conformance suite on Iris as shipped", () => {
	for (const [revision, plain] of Object.entries(PLAIN))
		test(revision, async (t) => {
			const { scenarios } = await conform(proxy.url, ["--requirements", revision]);
			const of = Object.fromEntries(Object.keys(plain).map((name) => [name, scenarios[name]]));
			const expected = revision === "2026-07-28" ? NOT_TESTABLE : [];

			for (const [name, checks] of Object.entries(plain))
				assert.ok(of[name]?.length >= checks, `${name} made ${of[name]?.length} checks, not ${checks}`);
			const failed = failures(of);
			assert.deepEqual(failed.map((f) => f.split(": ", 2).join(": ")).sort(), expected.toSorted(), failed.join("\n"));
			t.diagnostic(`conformance ${suiteVersion()}, ${revision}, as shipped: ${Object.keys(of).length} scenarios, ` +
				`${count(of, "SUCCESS")} checks passed, ${failed.length} failed as named in this file`);
		});
});

describe("the Inspector's command line", () => {
	const targets = {
		stdio: () => [program("iris-mcp-shim"), "-e", `IRIS_HOME=${iris.home}`],
		http: () => [`http://127.0.0.1:${iris.port}/mcp`, "--transport", "http", "--header", `Authorization: Bearer ${key}`],
	};
	const inspect = async (target, era, args) => {
		const r = await run([script("@modelcontextprotocol/inspector/clients/launcher/build/index.js"), "--cli", ...target(),
			"--protocol-era", era, "--format", "json", "-q", ...args], { env: iris.env, cwd: iris.root });

		assert.equal(r.status, 0, r.stderr + r.stdout);
		return JSON.parse(r.stdout).result;
	};

	for (const [name, target] of Object.entries(targets))
		for (const era of ["legacy", "modern"])
			test(`${name}, ${era}: lists, calls, gets`, async () => {
				const { tools } = await inspect(target, era, ["--method", "tools/list"]);
				assert.ok(tools.length >= 18 && tools.some((t) => t.name === "ask_message"), tools.map((t) => t.name).join(" "));
				assert.ok(!tools.some((t) => t.name.startsWith("test_")), "a fixture ships");
				const { prompts } = await inspect(target, era, ["--method", "prompts/list"]);
				assert.ok(prompts.some((p) => p.name === "handoff"));
				const { resources } = await inspect(target, era, ["--method", "resources/list"]);
				assert.deepEqual(resources.map((r) => r.uri), ["iris://teams", "iris://teams/backend", "iris://teams/frontend"]);
				const date = await inspect(target, era, ["--method", "tools/call", "--tool-name", "get_date"]);
				assert.ok(Math.abs(date.structuredContent.timestamp - Date.now()) < 60000, JSON.stringify(date));
				const asked = await inspect(target, era, ["--method", "tools/call", "--tool-name", "ask_message",
					"--tool-args-json", JSON.stringify({ toTeam: "backend", message: `ECHO ${name} ${era}` })]);
				assert.equal(asked.structuredContent.response, `${name} ${era}`, JSON.stringify(asked));
			});
});
