/* SPDX-License-Identifier: MIT
 *
 * iris doctor: each thing that can be wrong is found, named, and told how to mend, and none makes it wait.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { Standin } from "./cli-standin.mjs";

/* Within 2 s on a machine that has nothing else to do; what makes it wait, waits longer than this. */
const SOON = 8000;
let s;

beforeEach(() => {
	s = new Standin();
	mkdirSync(s.home, { mode: 0o700 });
	mkdirSync(join(s.root, "project"));
});
afterEach(() => s.stop());

const config = (claudePath, path = join(s.root, "project")) =>
	writeFileSync(join(s.home, "config.yaml"), JSON.stringify({ settings: { claudePath }, teams: { backend: { path } } }), { mode: 0o600 });

async function doctor(env = {}) {
	const began = performance.now();
	const r = await s.iris(["doctor", "--json"], { env });
	const checks = JSON.parse(r.stdout).checks;
	return {
		status: r.status, ms: performance.now() - began,
		of: (name) => checks.find((c) => c.name === name),
		failed: checks.filter((c) => c.status === "fail").map((c) => c.name),
	};
}

const script = (name, text, mode = 0o755) => {
	const file = join(s.root, name);
	writeFileSync(file, text);
	chmodSync(file, mode);
	return file;
};

test("nothing wrong: exit 0", async () => {
	config(fakeClaudePath());
	const d = await doctor({ ANTHROPIC_API_KEY: "sk-ant-test" });
	assert.deepEqual(d.failed, []);
	assert.equal(d.status, 0);
	assert.equal(d.of("claude").status, "ok");
	assert.match(d.of("claude").detail, /version \d+\.\d+/);
	assert.equal(d.of("claude login").status, "ok");
	assert.equal(d.of("team backend").status, "ok");
	assert.equal(d.of("registration").status, "warn");
	assert.equal(d.of("registration").fix, "iris install");
	assert.equal((await s.iris(["install", "-y"])).status, 0);
	assert.equal((await doctor()).of("registration").status, "ok");
});

test("claude missing, not executable, not logged in: each its own error, soon", async () => {
	config("/nowhere/claude");
	let d = await doctor();
	assert.equal(d.status, 1);
	assert.match(d.of("claude").detail, /\/nowhere\/claude: No such file/);
	assert.match(d.of("claude").fix, /install Claude Code/);
	assert.ok(d.ms < SOON, `${d.ms} ms`);

	config(script("claude", "#!/bin/sh\n", 0o644));
	d = await doctor();
	assert.match(d.of("claude").detail, /can not be executed/);
	assert.match(d.of("claude").fix, /chmod \+x/);
	assert.ok(d.ms < SOON, `${d.ms} ms`);

	config(script("claude", "#!/bin/sh\n[ \"$1\" = --version ] && echo '9.9.9 (Claude Code)' || { echo '{\"loggedIn\":false}'; exit 1; }\n"));
	d = await doctor();
	assert.equal(d.of("claude").status, "ok");
	assert.match(d.of("claude login").detail, /is not logged in/);
	assert.match(d.of("claude login").fix, /claude auth login/);
	assert.ok(d.ms < SOON, `${d.ms} ms`);

	config("no-such-claude");
	d = await doctor({ PATH: "/nowhere" });
	assert.match(d.of("claude").detail, /there is no "no-such-claude" in PATH nor in ~\/\.local\/bin/);
});

test("the program that tells of permission requests: nothing is said without one, and one that can not run is a warning", async () => {
	const notify = (...words) => writeFileSync(join(s.home, "config.yaml"), JSON.stringify({ settings: { claudePath: fakeClaudePath() }, permissions: { notify: words } }), { mode: 0o600 });
	config(fakeClaudePath());
	assert.equal((await doctor()).of("notify"), undefined);
	for (const [name, status] of [[script("tell", "#!/bin/sh\n"), "ok"], ["sh", "ok"], [script("mute", "#!/bin/sh\n", 0o644), "warn"], ["/nowhere/tell", "warn"], ["no-such-program", "warn"]]) {
		notify(name, "x");
		const { status: is, detail } = (await doctor()).of("notify");
		assert.equal(is, status, name);
		assert.match(detail, status === "ok" ? /is told of permission requests/ : /can not be executed: nobody is told/);
	}
});

test("claude outside of PATH, where its installer puts it, is found, as iris-worker finds it", async () => {
	mkdirSync(join(s.root, ".local", "bin"), { recursive: true });
	script(".local/bin/my-claude", "#!/bin/sh\n[ \"$1\" = --version ] && echo '9.9.9 (Claude Code)' || echo '{\"loggedIn\":true}'\n");
	config("my-claude");
	const d = await doctor();
	assert.equal(d.of("claude").status, "ok");
	assert.ok(d.of("claude").detail.startsWith(join(s.root, ".local/bin/my-claude")), d.of("claude").detail);
	assert.equal(d.of("claude login").status, "ok");
});

test("a home that can not be made, or not be written", async () => {
	const shut = join(s.root, "shut"), made = join(shut, "iris");
	let d = await doctor({ IRIS_HOME: made });
	assert.equal(d.status, 1);
	assert.equal(d.of("home").detail, `${made} can not be made in ${shut}: No such file or directory`);
	assert.match(d.of("home").fix, /make that directory/);
	if (process.getuid() === 0)
		return; /* who may write everywhere */
	mkdirSync(shut, { mode: 0o500 });
	d = await doctor({ IRIS_HOME: made });
	assert.equal(d.of("home").detail, `${made} can not be made in ${shut}: Permission denied`);
	chmodSync(s.home, 0o500);
	d = await doctor();
	chmodSync(s.home, 0o700);
	assert.match(d.of("home").detail, /can not write in .*: Permission denied/);
	assert.match(d.of("home").fix, /chmod 700/);
});

test("a claude that crashes or prints nonsense", async () => {
	config(script("claude", "#!/bin/sh\necho 'library \\033[2Jmissing' >&2\nexit 3\n"));
	const d = await doctor();
	assert.match(d.of("claude").detail, /--version ended with status 3: library/);
	assert.equal(d.of("claude").fix, `run it by hand: ${join(s.root, "claude")} --version`);
	config(script("claude", "#!/bin/sh\necho hello\n"));
	const e = await doctor();
	assert.equal(e.of("claude").status, "warn");
	assert.equal(e.of("claude login").status, "warn");
});

test("directory gone, config wrong, home open to others, shim gone, irisd of another version", async () => {
	config(fakeClaudePath(), join(s.root, "gone"));
	let d = await doctor();
	assert.match(d.of("team backend").detail, /gone: No such file/);
	assert.ok(d.failed.includes("team backend"));

	writeFileSync(join(s.home, "config.yaml"), "settings:\n  maxProcesses: many\n", { mode: 0o600 });
	d = await doctor();
	assert.equal(d.of("config").status, "fail");
	assert.match(d.of("config").detail, /config\.yaml:2:17: /);

	chmodSync(s.home, 0o755);
	writeFileSync(join(s.root, ".claude.json"), JSON.stringify({ mcpServers: { iris: { command: "/gone/iris-mcp-shim" } } }));
	d = await doctor();
	assert.match(d.of("home").detail, /open to others \(mode 755\)/);
	assert.equal(d.of("registration").status, "fail");
	assert.match(d.of("registration").detail, /names \/gone\/iris-mcp-shim/);

	chmodSync(s.home, 0o700);
	s.version = "9.9.9";
	s.handlers["iris/daemon.status"] = () => ({ version: "9.9.9", pid: 1, warnings: [] });
	await s.listen();
	d = await doctor();
	assert.equal(d.of("irisd").status, "warn");
	assert.match(d.of("irisd").detail, /irisd 9\.9\.9 runs, this program is/);
	assert.equal(d.of("irisd").fix, "iris restart");
});
