/* SPDX-License-Identifier: MIT
 *
 * The wrapper that runs a Claude on a team's host (iris-worker/remote/session.sh), without ssh: the same shell command,
 * the same text on its standard input, in each shell that may be /bin/sh over there. fake-claude, or a few lines of sh,
 * play Claude. After each test nothing may be left.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { buildDir, fakeClaudePath } from "../lib/claude-env.mjs";
import { assertNoneLeft, processesOf } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";

const skip = process.platform === "linux" ? false : "what is left is looked for in /proc";
const find = (name) => process.env.PATH.split(delimiter).map((d) => join(d, name)).find(existsSync);
const shells = ["dash", "bash", "busybox"].filter(find);

/* As the Makefile has embedded it: each string of the header is one of JSON as well. */
function embedded(name) {
	const header = readFileSync(join(buildDir(), "gen", "remote_scripts.h"), "utf8");
	return header.split(`lines_${name}[] = {\n`)[1].split("\nNULL};")[0].split(",\n").map((s) => JSON.parse(s.replace(/,$/, "")));
}

/* The command that ssh is given, from remote.c. */
function bootstrap() {
	const source = readFileSync(new URL("../../iris-worker/remote.c", import.meta.url), "utf8");
	const strings = source.split("bootstrap[] =")[1].split(";\n")[0].match(/"(\\.|[^"\\])*"/g);
	const command = strings.map((s) => JSON.parse(s)).join("");
	assert.match(command, /^exec \/bin\/sh -c '[^']*'$/);
	return command.slice("exec /bin/sh -c '".length, -1);
}

const quote = (v) => `'${v.replaceAll("'", "'\\''").replaceAll("\n", "'\"$n\"'")}'`;

class Far {
	constructor(shell) {
		this.root = realpathSync(mkdtempSync(join(tmpdir(), "iris-far-")));
		this.home = join(this.root, "home");
		this.dir = join(this.home, "project");
		mkdirSync(this.dir, { recursive: true });
		/* Some programs are what they are called. */
		this.sh = join(this.root, "sh");
		symlinkSync(find(shell), this.sh);
		this.runs = [];
	}

	claude(text) {
		const path = join(this.root, `claude-${this.runs.length}`);
		writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
		return path;
	}

	/* One session; begun when its script is sent. */
	run({ claude = fakeClaudePath(), linger = 20, env = {}, dir = "~/project", conversation = randomUUID(), args = [], environ = {}, cut = false, go = "go\n" } = {}) {
		const instance = randomUUID();
		const script = [
			`dir=${quote(dir)}`, `claude=${quote(claude)}`, `instance=${quote(instance)}`, `conversation=${quote(conversation)}`, `linger=${quote(`${linger}`)}`,
			"env_set() { :", ...Object.entries(env).map(([k, v]) => (v === null ? `unset ${k}` : `export ${k}=${quote(v)}`)), "}",
			`set -- ${["-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose", "--replay-user-messages", `--session-id=${conversation}`,
				...args].map(quote).join(" ")}`,
			...embedded("common"), ...embedded("session"), ".", "",
		].join("\n");
		const run = this.start(cut ? script.slice(0, -2) : script + go, environ);
		return Object.assign(run, { instance, conversation });
	}

	/* What a late one brings: all of a script, and the end of the input, or another word than go. */
	late(name, values, rest = "") {
		const set = Object.entries(values).map(([k, v]) => `${k}=${quote(v)}`);
		const run = this.start([...set, "env_set() { :", "}", ...embedded("common"), ...embedded(name), ".", rest].join("\n"));
		run.child.stdin.end();
		return run;
	}

	start(input, environ = {}) {
		const child = spawn(this.sh, ["-c", bootstrap()], {
			cwd: this.home, detached: true,
			env: { HOME: this.home, PATH: process.env.PATH, TEST_FAR: this.root, SSH_CONNECTION: "far", SSH_CLIENT: "far", ...environ },
		});
		const run = { child, lines: [], stderr: "", closed: once(child, "close") };
		child.stdin.on("error", () => {});
		child.stderr.on("data", (d) => (run.stderr += d));
		createInterface({ input: child.stdout }).on("line", (l) => run.lines.push(l)).on("error", () => {});
		child.stdin.write(input);
		run.own = () => run.lines.filter((l) => l.startsWith('{"type":"iris_remote",')).map((l) => JSON.parse(l));
		run.said = () => run.lines.filter((l) => l !== "" && !l.startsWith('{"type":"iris_remote",'));
		run.wait = (what) => waitFor(() => run.own().find((o) => o[what] !== undefined), { what: `${what}; ${run.lines.slice(-4)}; ${run.stderr}`, deadline: 20000 });
		run.turn = (text) => child.stdin.write(`${JSON.stringify({ type: "user", message: { role: "user", content: text }, uuid: randomUUID() })}\n`);
		run.result = () => waitFor(() => run.said().map((l) => JSON.parse(l)).find((o) => o.type === "result"), { what: `a result; ${run.stderr}` });
		run.end = () => within(60000, run.closed, `its end; ${run.lines.slice(-4)}; ${run.stderr}`);
		this.runs.push(run);
		return run;
	}

	/* All that Claude has written of a conversation. */
	transcript(conversation) {
		const base = join(this.home, ".claude", "projects");
		return readdirSync(base).map((d) => join(base, d, `${conversation}.jsonl`)).filter(existsSync).map((f) => readFileSync(f, "utf8")).join("");
	}

	processes(part) {
		return processesOf(`TEST_FAR=${this.root}`).filter((p) => p.command.includes(part));
	}

	async release() {
		for (const { child } of this.runs)
			child.stdin.destroy();
		await assertNoneLeft(`TEST_FAR=${this.root}`, 20000).finally(() => rmSync(this.root, { recursive: true, force: true }));
	}
}

/* In each shell; or in one where it takes long, and the shell has no part in it. */
function farTest(name, fn, these = shells) {
	for (const shell of these) {
		test(`${name} (${shell})`, { timeout: 300000, skip }, async () => {
			const far = new Far(shell);
			try {
				await fn(far);
			} catch (e) {
				e.message += `\n${far.runs.map((r) => `${r.lines.slice(-6).join("\n").slice(0, 1500)}\n${r.stderr}`).join("\n--\n")}`;
				await far.release().catch(() => {});
				throw e;
			}
			await far.release();
		});
	}
}

farTest("hello, a turn, end of input, status, gone: each a line of its own", async (far) => {
	const run = far.run();
	assert.equal((await run.wait("hello")).hello, run.child.pid);
	run.turn("ECHO from far away");
	assert.equal((await run.result()).result, "from far away");
	run.child.stdin.end();
	assert.deepEqual(await run.end(), [0, null]);
	assert.deepEqual(run.own().slice(1), [{ type: "iris_remote", status: 0 }, { type: "iris_remote", gone: true }]);
	assert.equal(run.stderr, "");
	assert.match(run.lines.at(-1), /"gone"/);
	assert.deepEqual(readdirSync(join(far.home, ".claude")).filter((f) => f.startsWith(".iris")), []);
});

farTest("a script that is cut short does nothing", async (far) => {
	const run = far.run({ cut: true });
	run.child.stdin.end();
	const [status] = await run.end();
	assert.notEqual(status, 0);
	assert.deepEqual(run.lines, []);
});

farTest("a script that comes when nobody waits for it any more does nothing to a Claude that lives", async (far) => {
	const old = far.run();
	await old.wait("hello");
	old.turn("ECHO one");
	await old.result();
	const config = readdirSync(join(far.home, ".claude"));
	const values = { conversation: old.conversation, instance: old.instance, message: randomUUID(), stop: "1", dir: "~/project", claude: fakeClaudePath(), linger: "1",
		form: "http", config: "stale" };
	for (const name of ["session", "lookup", "forget", "end", "prepare"]) {
		for (const rest of ["", '{"type":"control_request"}\n', "gone\ngo\n"]) {
			const late = far.late(name, values, rest);
			assert.deepEqual(await late.end(), [0, null], name);
			assert.deepEqual(late.own(), [{ type: "iris_remote", hello: late.child.pid }, { type: "iris_remote", gone: true }], name);
			assert.equal(late.stderr, "");
		}
	}
	assert.deepEqual(readdirSync(join(far.home, ".claude")), config);
	assert.ok(!existsSync(join(far.home, ".iris")));
	/* Its input was not ended either. */
	old.turn("ECHO two");
	await waitFor(() => old.said().map((l) => JSON.parse(l)).find((o) => o.type === "result" && o.result === "two"), { what: "the next turn" });
	assert.match(far.transcript(old.conversation), /two/);
	assert.equal(old.own().length, 1);
});

farTest("the end of the input in a turn: it goes to its end", async (far) => {
	const run = far.run();
	await run.wait("hello");
	run.turn("SLOW 700 one two three");
	await waitFor(() => run.said().some((l) => l.includes('"isReplay":true')));
	run.child.stdin.end();
	assert.equal((await run.result()).result, "one two three");
	await run.end();
	assert.deepEqual(run.own().slice(1).map((o) => o.status ?? o.gone), [0, true]);
});

farTest("nobody reads any more, as when the line is cut: the turn is kept all the same", async (far) => {
	const run = far.run();
	await run.wait("hello");
	run.turn("SLOW 500 kept for later");
	await waitFor(() => run.said().some((l) => l.includes('"isReplay":true')));
	run.child.stdout.destroy();
	run.child.stdin.destroy();
	await waitFor(() => far.transcript(run.conversation).includes(`"text":"kept for later"`), { what: "the answer in the transcript" });
	await waitFor(() => far.processes("").length === 0, { what: "all to end" });
});

farTest("what nobody reads is thrown away: it does not die of that", async (far) => {
	const run = far.run({ claude: far.claude('echo up\ncat >/dev/null\ni=0\nwhile [ $i -lt 40 ]; do echo more; sleep 0.01; i=$((i + 1)); done\necho done >"$HOME/kept"') });
	await waitFor(() => run.said().includes("up"));
	run.child.stdout.destroy();
	run.child.stdin.destroy();
	await waitFor(() => far.processes("").length === 0, { what: "all to end" });
	assert.equal(readFileSync(join(far.home, "kept"), "utf8"), "done\n");
});

farTest("the linger time is over: all of it is ended, also what has left its session", async (far) => {
	const run = far.run({ linger: 1, claude: far.claude("setsid sleep 1000 </dev/null >/dev/null 2>&1 &\necho up\nsleep 1001") });
	await waitFor(() => run.said().includes("up") && far.processes("sleep 1000").length === 1 && far.processes("sleep 1001").length > 0);
	run.child.stdin.end();
	await run.end();
	assert.deepEqual(run.own().slice(1).map((o) => o.status ?? o.gone), [143, true]);
	assert.equal(run.stderr, "");
});

farTest("one that ignores the end of its input and TERM is killed", async (far) => {
	const run = far.run({ linger: 0, claude: far.claude("trap '' TERM\necho up\nwhile :; do sleep 1; done") });
	await waitFor(() => run.said().includes("up"));
	run.child.stdin.end();
	await run.end();
	assert.deepEqual(run.own().slice(1).map((o) => o.status ?? o.gone), [137, true]);
}, shells.slice(0, 1));

farTest("it ends by itself while its input is open: so does all, and what holds its output", async (far) => {
	const run = far.run({ claude: far.claude("setsid sleep 1000 &\nprintf '{\"half'\nexit 7") });
	await run.end();
	assert.deepEqual(run.own().slice(1).map((o) => o.status ?? o.gone), [7, true]);
	assert.deepEqual(run.said(), ['{"half']);
	assert.equal(run.stderr, "");
});

farTest("it is killed: the status says by what", async (far) => {
	const run = far.run();
	await run.wait("hello");
	run.turn("FAULT crash-mid-turn");
	await run.end();
	assert.deepEqual(run.own().slice(1).map((o) => o.status ?? o.gone), [137, true]);
});

/* Its input ends with it here: the other end of that is this program's child. */
farTest("the wrapper's shell is killed in a turn: its parts come to their end in order", async (far) => {
	const run = far.run();
	await run.wait("hello");
	run.turn("SLOW 400 all the same");
	await waitFor(() => run.said().some((l) => l.includes('"isReplay":true')));
	process.kill(run.child.pid, "SIGKILL");
	assert.equal((await run.result()).result, "all the same");
	await run.wait("gone");
});

farTest("all of the wrapper is killed: Claude ends", async (far) => {
	const run = far.run();
	await run.wait("hello");
	run.turn("ECHO one");
	await run.result();
	const claude = far.processes("stream-json").map((p) => p.pid);
	assert.ok(claude.length > 0);
	for (const { pid } of far.processes("").filter((p) => !claude.includes(p.pid))) {
		try {
			process.kill(pid, "SIGKILL");
		} catch (e) {
			/* The end of one of them ends others. */
			assert.equal(e.code, "ESRCH");
		}
	}
	await waitFor(() => far.processes("").length === 0, { what: "all to end" });
});

farTest("what it is started with: directory, arguments, environment", async (far) => {
	const awkward = ["a b", "it's", '"', "$HOME", "`id`", "\\n", "two\nlines", ".", "\n.\n", "~", "", "ünï 日本 😀", "*", "-x", "!!", "\t", "%s"];
	const dir = "pro'ject \"$x\" `y` \\ ~ ü";
	mkdirSync(join(far.home, dir));
	writeFileSync(join(far.root, "show"), `#!${process.execPath}
		console.log(JSON.stringify({ args: process.argv.slice(2), env: process.env, cwd: process.cwd() }));\n`, { mode: 0o755 });
	const env = Object.fromEntries(awkward.map((v, i) => [`V${i}`, v]));
	const run = far.run({
		claude: `${far.root}/show`, dir, args: awkward, env: { ...env, GONE: null }, environ: { GONE: "1" },
	});
	await run.end();
	const seen = JSON.parse(run.said()[0]);
	assert.deepEqual(seen.args.slice(-awkward.length), awkward);
	assert.equal(seen.cwd, join(far.home, dir));
	for (const [k, v] of Object.entries(env))
		assert.equal(seen.env[k], v);
	assert.equal(seen.env.IRIS_CLAUDE, run.instance);
	assert.equal(seen.env.IRIS_CONVERSATION, run.conversation);
	assert.equal(seen.env.CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS, "1");
	for (const name of ["GONE", "SSH_CONNECTION", "SSH_CLIENT", "IRIS_KEEPER"])
		assert.equal(seen.env[name], undefined, name);
	assert.equal(seen.env.HOME, far.home);
});

farTest("no descriptor of the wrapper's is open in Claude", async (far) => {
	const run = far.run({ claude: far.claude("exec ls -l /proc/self/fd") });
	await run.end();
	const numbers = (lines) => lines.map((l) => l.match(/ (\d+) -> /)?.[1]).filter(Boolean);
	/* What this program itself was started with is handed on. */
	const plain = execFileSync("ls", ["-l", "/proc/self/fd"], { encoding: "utf8" }).split("\n");
	assert.deepEqual(numbers(run.said()), numbers(plain));
});

farTest("no such directory, no claude, no room: each is said, and nothing was begun", async (far) => {
	const failed = async (what) => {
		const run = far.run(what);
		await run.end();
		assert.equal(run.own().at(-1).gone, true);
		assert.equal(run.own().length, 3, run.lines.join("\n"));
		return { ...run.own()[1], stderr: run.stderr };
	};
	writeFileSync(join(far.home, "file"), "");
	assert.equal((await failed({ dir: "~/nowhere" })).why, "missing");
	assert.equal((await failed({ dir: "file" })).why, "no_directory");
	assert.equal((await failed({ claude: "no-such-claude" })).failed, "no_claude");
	assert.equal((await failed({ claude: "no-such-claude", env: { PATH: '/a "b"\\' } })).path, '/a "b"\\');
	assert.equal((await failed({ claude: join(far.home, "file") })).failed, "not_executable");
	assert.equal((await failed({ claude: "x/claude" })).failed, "no_claude");
	const full = await failed({ env: { CLAUDE_CONFIG_DIR: join(far.home, "file") } });
	assert.equal(full.failed, "storage");
	assert.equal(full.path, join(far.home, "file"));
	assert.notEqual(full.stderr, "");
	if (userInfo().uid !== 0) {
		mkdirSync(join(far.home, "closed"), { mode: 0 });
		assert.equal((await failed({ dir: "closed" })).why, "forbidden");
	}
});

farTest("claude by its name: in the team's PATH, or where its installers put it", async (far) => {
	const show = far.claude("echo here");
	const bin = join(far.home, ".local", "bin");
	mkdirSync(bin, { recursive: true });
	symlinkSync(show, join(bin, "some-claude"));
	const run = far.run({ claude: "some-claude" });
	await run.end();
	assert.deepEqual(run.said(), ["here"]);
	const other = far.run({ claude: "claude-0", env: { PATH: `/nowhere:${far.root}:/usr/bin:/bin` } });
	await other.end();
	assert.deepEqual(other.said(), ["here"]);
	const home = far.run({ claude: "~/.local/bin/some-claude" });
	await home.end();
	assert.deepEqual(home.said(), ["here"]);
});

farTest("what a full disk has left of a conversation is taken away; what is one stays", async (far) => {
	const dir = join(far.home, ".claude", "projects", "-a b");
	const [empty, full] = [randomUUID(), randomUUID()];
	mkdirSync(dir, { recursive: true });
	writeFileSync(join(dir, `${empty}.jsonl`), "");
	writeFileSync(join(dir, `${full}.jsonl`), "{}\n");
	for (const conversation of [empty, full])
		await far.run({ conversation, claude: far.claude("echo up") }).end();
	assert.deepEqual(readdirSync(dir), [`${full}.jsonl`]);
});

farTest("an older one holds the conversation: it comes to the end of its turn first", async (far) => {
	const old = far.run();
	await old.wait("hello");
	old.turn("SLOW 900 the old one");
	await waitFor(() => old.said().some((l) => l.includes('"isReplay":true')));
	const next = far.run({ conversation: old.conversation, claude: far.claude("echo next") });
	await next.end();
	assert.deepEqual(next.said(), ["next"]);
	assert.match(far.transcript(old.conversation), /the old one/);
	await old.end();
	assert.deepEqual(next.own().slice(1).map((o) => o.status ?? o.gone), [0, true]);
});

farTest("an older one that does not end is ended", async (far) => {
	const old = far.run({ claude: far.claude("echo up\nsleep 1000") });
	await waitFor(() => old.said().includes("up"));
	const next = far.run({ conversation: old.conversation, claude: far.claude("echo next") });
	await next.end();
	assert.deepEqual(next.said(), ["next"]);
	await old.end();
}, shells.slice(0, 1));
