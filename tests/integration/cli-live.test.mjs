/* SPDX-License-Identifier: MIT
 *
 * The CLI with the real irisd and the fake claude: asking, looking, stopping, the manual page, and the demo.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { buildDir, fakeClaudePath } from "../lib/claude-env.mjs";
import { Iris, program, run } from "../lib/iris.mjs";
import { assertNoneLeft, processesOf } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";

const root = new URL("../../", import.meta.url).pathname;
let iris;

beforeEach(() => {
	iris = new Iris();
	const path = (name) => iris.project(name, { "CLAUDE.md": `# ${name}\n` });
	iris.writeConfig({ teams: { backend: { path: path("back end.ü") }, frontend: { path: path("frontend") } } });
});
afterEach(() => iris.stop());

test("ask starts irisd by itself and prints exactly the answer", async () => {
	const r = await iris.iris(["ask", "backend", "ECHO one  two"], { cwd: join(iris.root, "work/frontend") });
	assert.equal(r.stderr, "");
	assert.equal(r.stdout, "one  two\n");
	assert.equal(r.status, 0);
	const [m] = (await iris.json(["message", "list"])).messages;
	assert.equal(m.from, "frontend");
	const shown = await iris.iris(["message", "show", m.id]);
	assert.match(shown.stdout, /queued[^]*sent[^]*seen[^]*answered[^]*Message\nECHO one {2}two\n\nAnswer\none {2}two\n/);
	assert.match((await iris.iris(["status"])).stdout, /frontend -> backend +idle/);
});

test("start twice is success, restart --hard is another process, stop leaves nothing, twice is success", async () => {
	const first = await iris.json(["start"]);
	assert.equal(first.status, "started");
	assert.deepEqual(await iris.json(["start"]), { ...first, status: "running" });
	await iris.json(["team", "wake", "backend"]);
	const second = await iris.json(["restart", "--hard"]);
	assert.equal(second.status, "restarted");
	assert.notEqual(second.pid, first.pid);
	assert.equal((await iris.json(["stop"])).status, "stopped");
	assert.deepEqual(processesOf(iris.root), []);
	assert.equal((await iris.json(["stop"])).status, "not_running");
	assert.equal((await iris.iris(["status"])).status, 5);
});

test("restart with a broken configuration stops nothing", async () => {
	const first = await iris.json(["start"]);
	iris.writeConfig("settings:\n  maxProcesses: many\n");
	const r = await iris.iris(["restart"]);
	assert.equal(r.status, 78);
	assert.match(r.stderr, /nothing is stopped, as irisd would not start again: .*:\d+:\d+: /);
	assert.equal((await iris.json(["status"])).pid, first.pid);
});

test("stop is done within 10 s with a claude that ignores TERM", async () => {
	await iris.iris(["ask", "backend", "ECHO x"]);
	iris.iris(["send", "backend", "FAULT ignore-term\nSLOW 60000 x"]);
	await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages.length === 1, { what: "the turn to run" });
	const began = performance.now();
	const r = await iris.iris(["stop"]);
	assert.equal(r.status, 0, r.stderr);
	assert.ok(performance.now() - began < 10500);
	assert.deepEqual(processesOf(iris.root), []);
});

test("restart --hard in the middle of ask: the reason comes, never silence", async () => {
	const child = spawn(program("iris"), ["ask", "backend", "SLOW 30000 late"], { env: iris.env, cwd: iris.root, stdio: "pipe" });
	const closed = once(child, "close");
	let out = "";
	for (const stream of [child.stdout, child.stderr])
		stream.on("data", (d) => (out += d));
	child.stdin.end();
	await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages.length === 1, { what: "the turn to run" });
	await iris.json(["restart", "--hard"]);
	const [status] = await within(20000, closed, "ask to end");
	assert.equal(status, 5);
	assert.match(out, /^iris: irisd was stopped while team backend was at work on it\n"iris message show [0-9a-f-]+" tells each step\n$/);
});

test("unknown teams name the nearest, cancel ends a message, team sleep refuses a busy one", async () => {
	let r = await iris.iris(["ask", "backnd", "hello"]);
	assert.equal(r.status, 3);
	assert.match(r.stderr, /backend/);
	const id = (await iris.iris(["send", "backend", "SLOW 30000 x"])).stdout.trim();
	await iris.messageIn(id, "seen");
	r = await iris.iris(["team", "sleep", "backend"]);
	assert.equal(r.status, 4);
	assert.match(r.stderr, /--force/);
	assert.equal((await iris.json(["message", "cancel", id])).id, id);
	assert.equal((await iris.messageIn(id, "cancelled", "failed")).error.code, "cancelled");
	r = await iris.iris(["message", "show", id, "--answer"]);
	assert.equal(r.status, 8);
	assert.equal(r.stdout, "");
});

test("a team that is added while irisd runs can be asked at once", async () => {
	iris.writeConfig(`settings:\n  claudePath: ${fakeClaudePath()}\nteams: {}\n`);
	await iris.json(["start"]);
	const dir = iris.project("new one", { "CLAUDE.md": "x" });
	assert.equal((await iris.json(["team", "add", "newone", dir])).reloaded, true);
	assert.equal((await iris.iris(["ask", "newone", "ECHO there"])).stdout, "there\n");
	assert.equal((await iris.json(["team", "remove", "newone", "-y"])).reloaded, true);
	assert.equal((await iris.iris(["ask", "newone", "ECHO there"])).status, 3);
});

test("after an upgrade the old irisd still finds its programs", async () => {
	const bin = join(iris.root, "bin");
	cpSync(join(program("iris"), ".."), bin, { recursive: true });
	const here = (args) => run(join(bin, "iris"), args, { cwd: iris.root, env: iris.env });
	assert.equal((await here(["start"])).status, 0);
	/* As install(1) does it: a new file takes the name of the one that runs. */
	for (const name of ["irisd", "iris-worker"]) {
		cpSync(join(bin, name), join(bin, "new"));
		renameSync(join(bin, "new"), join(bin, name));
	}
	const r = await here(["ask", "backend", "ECHO still here"]);
	assert.equal(r.stdout, "still here\n", r.stderr);
});

test("make demo's script: question, answer, steps; nothing left", async () => {
	const temp = mkdtempSync(join(tmpdir(), "iris-demo-test"));
	try {
		const env = { ...iris.env, IRIS_HOME: "", TMPDIR: temp, PATH: "/usr/bin:/bin" };
		const r = await run("sh", [join(root, "share/demo/demo.sh"), buildDir()], { env });
		assert.equal(r.status, 0, r.stdout + r.stderr);
		assert.match(r.stdout, /the bundled demo agent, because/);
		assert.match(r.stdout, /How do you version the API/);
		assert.match(r.stdout, /`\/api\/v1\/\.\.\.`/);
		assert.match(r.stdout, /queued[^]*sent[^]*\+\d+ ms[^]*seen[^]*answered/);
		assert.deepEqual(readdirSync(temp), []);
		await assertNoneLeft(temp);
	} finally {
		rmSync(temp, { recursive: true });
	}
});

test("iris(1) has every command, option and exit status of the program", async () => {
	const man = readFileSync(join(root, "man/iris.1"), "utf8");
	const overview = (await iris.iris(["help"])).stdout;
	const commands = overview.match(/Commands:\n([^]*?)\n\n/)[1].split("\n")
		.map((l) => l.match(/^ {2}((?:team|message|config) \w+|\w+)/)[1]);
	for (const command of commands) {
		const section = man.split(`.It Cm ${command}`)[1]?.split(/\n\.It Cm (?=ask|send|status|doctor|start|stop|restart|team|message|install|uninstall|config|completion|help)/)[0];
		assert.ok(section !== undefined && /^[ \n]/.test(section), `iris(1) lacks ${command}`);
		const help = (await iris.iris([...command.split(" "), "--help"])).stdout;
		const own = help.match(/\nOptions:\n([^]*?)\n\n/)?.[1] ?? "";
		for (const [, letter, name] of own.matchAll(/^ {2}(?:-(\w), | {4})--([\w-]+)/gm)) {
			const item = `.It ${letter ? `Fl ${letter} , -` : "Fl -"}${name}`;
			assert.ok(new RegExp(`${item.replaceAll(".", "\\.")}\\b`).test(section) || new RegExp(`Op Fl ${letter}\\b`).test(section.split("\n")[0]), `iris(1), ${command}: lacks "${item}"`);
		}
	}
	const table = readFileSync(join(root, "common/err_table.h"), "utf8");
	for (const [, name, status] of table.matchAll(/^ERR_X\(\w+, "(\w+)", -\d+, (\d+),/gm)) {
		const item = man.match(new RegExp(`\\n\\.It ${status}\\n([^]*?)(?:\\n\\.It|\\n\\.El)`))?.[1];
		assert.ok(item?.includes(`Ql ${name} `), `iris(1) lacks exit status ${status}, ${name}`);
	}
	if (existsSync("/usr/bin/mandoc")) {
		const lint = await run("mandoc", ["-T", "lint", join(root, "man/iris.1")], { env: process.env });
		const complaints = lint.stdout.split("\n").filter((l) => l && !l.includes("referenced manual not found"));
		assert.deepEqual(complaints, []);
	}
});
