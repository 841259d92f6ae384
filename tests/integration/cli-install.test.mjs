/* SPDX-License-Identifier: MIT
 *
 * iris install and uninstall: what they write into Claude Code's file, compared with what the real CLI writes, what
 * they leave alone, and that they ask first.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { program, run } from "../lib/iris.mjs";
import { waitFor, within } from "../lib/wait.mjs";
import { Standin } from "./cli-standin.mjs";

const claude = new URL("../node_modules/.bin/claude", import.meta.url).pathname;
const shim = () => realpathSync(program("iris-mcp-shim"));
const entry = () => ({ type: "stdio", command: shim(), args: [], env: {}, alwaysLoad: true });
let s, file;

beforeEach(() => {
	s = new Standin();
	file = join(s.root, ".claude.json");
});
afterEach(() => s.stop());

const backups = (dir = s.root) => readdirSync(dir).filter((f) => f.includes(".iris-backup-"));

test("no file: it is made, closed to others, with our entry only", async () => {
	const r = await s.iris(["install", "-y"]);
	assert.equal(r.status, 0, r.stderr);
	assert.deepEqual(JSON.parse(readFileSync(file)), { mcpServers: { iris: entry() } });
	assert.equal(statSync(file).mode & 0o777, 0o600);
	assert.deepEqual(backups(), []);
	/* And the configuration that a new user begins with is one that loads and can be edited. */
	assert.equal(statSync(join(s.home, "config.yaml")).mode & 0o077, 0);
	assert.equal((await s.iris(["config", "check"])).status, 0);
	assert.equal((await s.iris(["team", "add", "x", s.root])).status, 0);
	assert.match(readFileSync(join(s.home, "config.yaml"), "utf8"), /maxProcesses: 10 +# Claude processes at the same time/);
});

test("twice is once; another path is shown and replaced; uninstall takes only ours out", async () => {
	/* What a double, a sorted tree or a pretty printer would damage. */
	const before = "{\n  \"n\": 12345678901234567890,\n  \"f\": 1.10e+5, \"u\": \"\\u00e9\\/\",\n  \"projects\": {\"/a\": {\"mcpServers\": {\"iris\": {}}}},\n  \"mcpServers\": {\n    \"other\": {\"command\": \"x\"}\n  }\n}";
	writeFileSync(file, before);
	chmodSync(file, 0o640);
	assert.equal((await s.iris(["install", "-y"])).status, 0);
	const after = readFileSync(file, "utf8");
	assert.ok(after.startsWith(before.slice(0, before.indexOf("\n  }\n}"))), after);
	assert.equal(statSync(file).mode & 0o777, 0o640);
	assert.deepEqual(JSON.parse(after).mcpServers, { other: { command: "x" }, iris: entry() });
	assert.equal(backups().length, 1);
	assert.equal(readFileSync(join(s.root, backups()[0]), "utf8"), before);
	assert.equal(statSync(join(s.root, backups()[0])).mode & 0o777, 0o600);

	const again = await s.iris(["install"]);
	assert.equal(again.status, 0);
	assert.match(again.stdout, /registered with Claude Code already/);
	assert.equal(readFileSync(file, "utf8"), after);
	assert.equal(backups().length, 1);

	writeFileSync(file, after.replace(shim(), "/old/iris-mcp-shim"));
	const r = await s.iris(["install", "--yes"]);
	assert.match(r.stderr, /^- +"command": "\/old\/iris-mcp-shim",$/m);
	assert.match(r.stderr, /^\+ +"command": ".*\/iris-mcp-shim",$/m);
	assert.equal(readFileSync(file, "utf8"), after);

	assert.equal((await s.iris(["uninstall", "-y"])).status, 0);
	assert.equal(readFileSync(file, "utf8"), before);
	const none = await s.iris(["uninstall", "-y", "--json"]);
	assert.equal(JSON.parse(none.stdout).status, "absent");
});

test("without a terminal and without --yes nothing is changed", async () => {
	for (const command of [["install"], ["uninstall"]]) {
		const text = `{"mcpServers":{${command[0] === "install" ? "" : "\"iris\":{}"}}}`;
		writeFileSync(file, text);
		const r = await s.iris(command, { input: "y\n" });
		assert.equal(r.status, 2);
		assert.match(r.stderr, /--yes makes the change without asking/);
		assert.equal(readFileSync(file, "utf8"), text);
		assert.deepEqual(backups(), []);
	}
});

test("on a terminal it asks, and no means no", { skip: process.platform !== "linux" }, async () => {
	const answer = async (text) => {
		const child = spawn("script", ["-qefc", `${program("iris")} install`, "/dev/null"], { env: s.env, stdio: "pipe" });
		let out = "";
		child.stdout.on("data", (d) => (out += d));
		await waitFor(() => out.includes("Write this? [y/N]"), { what: "the question" });
		child.stdin.write(text);
		const [status] = await within(15000, once(child, "close"), "iris to end");
		return { status, out };
	};
	assert.equal((await answer("n\n")).status, 8);
	assert.equal((await answer("\n")).status, 8);
	assert.ok(!existsSync(file));
	const yes = await answer("y\n");
	assert.equal(yes.status, 0);
	assert.match(yes.out, /\+ +"alwaysLoad": true/);
	assert.ok(existsSync(file));
});

test("a link is written through, CLAUDE_CONFIG_DIR is followed", async () => {
	const dir = join(s.root, "dotfiles");
	mkdirSync(dir);
	writeFileSync(join(dir, "claude.json"), "{}\n");
	symlinkSync(join(dir, "claude.json"), file);
	assert.equal((await s.iris(["install", "-y"])).status, 0);
	assert.ok(lstatSync(file).isSymbolicLink());
	assert.ok(JSON.parse(readFileSync(join(dir, "claude.json"))).mcpServers.iris);
	assert.equal(backups(dir).length, 1);

	const other = join(s.root, "cc");
	mkdirSync(other);
	assert.equal((await s.iris(["install", "-y"], { env: { CLAUDE_CONFIG_DIR: other } })).status, 0);
	assert.ok(JSON.parse(readFileSync(join(other, ".claude.json"))).mcpServers.iris);
});

test("a file that can not be understood is left alone", async () => {
	for (const text of ["{\"mcpServers\":", "// why\n{}", "\ufeff{}", "[]", "{\"mcpServers\":[]}", "{\"mcpServers\":{},\"mcpServers\":{}}", "{}{}"]) {
		writeFileSync(file, text);
		const r = await s.iris(["install", "-y"]);
		assert.equal(r.status, 2, text);
		assert.ok(r.stderr.includes(`${file}: `), r.stderr);
		assert.match(r.stderr, /iris install --print claude/);
		assert.equal(readFileSync(file, "utf8"), text);
	}
	rmSync(file);
	symlinkSync("gone", file);
	const r = await s.iris(["install", "-y"]);
	assert.match(r.stderr, /is a link to a file that is not there/);
	assert.equal(r.status, 74);
	assert.ok(lstatSync(file).isSymbolicLink());
});

test("lines for the other clients", async () => {
	const all = JSON.parse((await s.iris(["install", "--print", "all", "--json"])).stdout);
	assert.deepEqual(Object.keys(all), ["claude", "codex", "gemini", "cursor", "vscode"]);
	assert.equal(all.codex, `codex mcp add iris -- ${shim()}\n`);
	assert.equal(JSON.parse(all.gemini).mcpServers.iris.command, shim());
	assert.equal(JSON.parse(all.cursor).mcpServers.iris.command, shim());
	assert.deepEqual(JSON.parse(all.vscode).servers.iris, { type: "stdio", command: shim() });
	assert.ok((await s.iris(["install", "--print=claude"])).stdout.endsWith(all.claude));
	const r = await s.iris(["install", "--print", "curser"]);
	assert.equal(r.status, 2);
	assert.match(r.stderr, /did you mean cursor\?/);
	assert.ok(!existsSync(file));
});

test("the real Claude Code writes the same, finds ours, and takes it out again", { skip: !existsSync(claude) }, async () => {
	const env = { ...s.env, DISABLE_AUTOUPDATER: "1", DISABLE_TELEMETRY: "1" };
	const cc = (...args) => run(claude, args, { env, cwd: s.root, deadline: 60000 });
	/* The line that --print gives, through a shell, as a person would paste it. */
	const { claude: line } = JSON.parse((await s.iris(["install", "--print", "claude", "--json"])).stdout);
	const pasted = await run("sh", ["-c", line], { env: { ...env, PATH: `${join(claude, "..")}:${process.env.PATH}` }, cwd: s.root });
	assert.equal(pasted.status, 0, pasted.stderr);
	const theirs = JSON.parse(readFileSync(file));
	assert.deepEqual(theirs.mcpServers.iris, entry());
	assert.match((await s.iris(["install"])).stdout, /already/);

	assert.equal((await cc("mcp", "remove", "-s", "user", "iris")).status, 0);
	assert.equal((await s.iris(["install", "-y"])).status, 0);
	const ours = JSON.parse(readFileSync(file));
	assert.deepEqual(ours.mcpServers, theirs.mcpServers);
	assert.equal(ours.userID, theirs.userID);
	const shown = await cc("mcp", "get", "iris");
	assert.match(shown.stdout, /Scope: User config/);
	assert.ok(shown.stdout.includes(`Command: ${shim()}`), shown.stdout);
	assert.equal((await cc("mcp", "remove", "-s", "user", "iris")).status, 0);
	assert.equal(JSON.parse((await s.iris(["uninstall", "-y", "--json"])).stdout).status, "absent");
	/* The health check of `mcp get` may have started an irisd. */
	await s.iris(["stop"]);
});
