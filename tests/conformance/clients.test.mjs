/* SPDX-License-Identifier: MIT
 *
 * Real MCP clients find Iris and its tools, without an account: Claude Code, and those of other
 * vendors, which are large and come with "make conformance" alone (clients/package.json).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Lines } from "../integration/setup.mjs";
import { claudePath } from "../lib/claude-env.mjs";
import { makeKey, startHttp } from "../lib/http.mjs";
import { program, run as runProgram } from "../lib/iris.mjs";
import { within } from "../lib/wait.mjs";
import { node22, run } from "./suite.mjs";

const gemini = fileURLToPath(new URL("clients/node_modules/@google/gemini-cli/bundle/gemini.js", import.meta.url));
const codex = fileURLToPath(new URL("clients/node_modules/@openai/codex/bin/codex.js", import.meta.url));
const without = (path) => !existsSync(path) && "not installed; \"make conformance\" does that";

let iris, key;

const configure = (file, text) => {
	const path = join(iris.env.HOME, file);

	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, text);
};

before(async () => {
	iris = await startHttp({ frontend: {}, backend: {} });
	key = await makeKey(iris, "message");
});
after(() => iris?.stop());

describe("clients", () => {
	test("Claude Code: mcp add, mcp list", async () => {
		const options = { cwd: iris.root, env: { ...iris.env, DISABLE_AUTOUPDATER: "1" } };
		const added = await runProgram(claudePath(), ["mcp", "add", "-s", "user", "iris", "-e", `IRIS_HOME=${iris.home}`, "--",
			program("iris-mcp-shim")], options);
		assert.equal(added.status, 0, added.stderr + added.stdout);
		const r = await runProgram(claudePath(), ["mcp", "list"], options);
		assert.match(r.stdout, /^iris: .*iris-mcp-shim.* Connected$/m, r.stdout + r.stderr);
	});

	test("Gemini CLI: mcp list, stdio and HTTP", { skip: without(gemini) }, async () => {
		configure(".gemini/settings.json", JSON.stringify({ mcpServers: {
			iris: { command: program("iris-mcp-shim"), env: { IRIS_HOME: iris.home } },
			web: { httpUrl: `http://127.0.0.1:${iris.port}/mcp`, headers: { Authorization: `Bearer ${key}` } },
		} }));
		const r = await run([gemini, "mcp", "list"], { cwd: iris.root, env: { ...iris.env, GEMINI_CLI_TRUST_WORKSPACE: "true" } });
		assert.match(r.stdout + r.stderr, / iris: .*\(stdio\) - Connected$/m);
		assert.match(r.stdout + r.stderr, / web: .*\(http\) - Connected$/m);
	});

	test("Codex CLI: every tool, stdio and HTTP", { skip: without(codex) }, async () => {
		configure(".codex/config.toml", `[mcp_servers.iris]\ncommand = "${program("iris-mcp-shim")}"\nenv = { IRIS_HOME = "${iris.home}" }\n` +
			`[mcp_servers.web]\nurl = "http://127.0.0.1:${iris.port}/mcp"\nbearer_token_env_var = "IRIS_TEST_KEY"\n`);
		const child = spawn(node22, [codex, "app-server"],
			{ cwd: iris.root, env: { ...iris.env, IRIS_TEST_KEY: key }, stdio: ["pipe", "pipe", "ignore"] });
		try {
			const lines = new Lines(child.stdout, child.stdin);
			await lines.request("initialize", { clientInfo: { name: "t", title: "t", version: "1" } }, { deadline: 30000 });
			lines.send({ method: "initialized" });
			const { result } = await lines.request("mcpServerStatus/list", {}, { deadline: 30000 });
			for (const name of ["iris", "web"]) {
				const server = result.data.find((s) => s.name === name);
				assert.equal(server.serverInfo.name, "iris");
				assert.ok(Object.keys(server.tools).length >= 18 && "ask_message" in server.tools, JSON.stringify(server).slice(0, 500));
			}
		} finally {
			child.stdin.end();
			await within(10000, child.exitCode ?? once(child, "exit"), "Codex to end").catch(() => child.kill("SIGKILL"));
		}
	});
});
