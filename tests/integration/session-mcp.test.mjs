/* SPDX-License-Identifier: MIT
 *
 * A session's MCP file (sessionMcpEnabled): what is in it, who can read it, when it is gone; that its
 * key is the session's and dies with the process; the user's own program in its place; other hosts.
 */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, test } from "node:test";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { Irisd, refused, workerTest } from "../lib/fake-irisd.mjs";
import { makeFar } from "../lib/far.mjs";
import { ask, events, freePort, legacy, modern } from "../lib/http.mjs";
import { program } from "../lib/iris.mjs";
import { processesOf } from "../lib/processes.mjs";
import { assert, connectRaw, makeGate, makeIris, waitFor, within } from "./setup.mjs";

const PATH = ".claude/iris/mcp";
const TOKEN = `iris_${"0123456789abcdef".repeat(4)}`;
const mode = (path) => statSync(path).mode & 0o777;
const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const bin = realpathSync(mkdtempSync(join(tmpdir(), "iris-ssh-")));
after(() => rmSync(bin, { recursive: true, force: true }));

/* worker/open's own, and what is to come of it. */
const wish = (claudeId, more = {}) => ({ path: PATH, url: `http://127.0.0.1:1615/mcp/${claudeId}`, token: TOKEN, ...more });
const content = (claudeId) => ({
	mcpServers: { [`iris-${claudeId}`]: { type: "http", url: `http://127.0.0.1:1615/mcp/${claudeId}`, headers: { Authorization: `Bearer ${TOKEN}` } } },
});
const fileName = (claudeId) => `iris-mcp-${claudeId}.json`;

function open(irisd, more = {}, own = {}, session = "s1") {
	const claudeId = more.claudeId ?? randomUUID();

	return irisd.open({ claudeId, sessionMcp: wish(claudeId, own), ...more }, session).then((r) => ({ ...r, claudeId, file: join(irisd.dir, PATH, fileName(claudeId)) }));
}

describe("the file, as the worker writes it", () => {
	workerTest("for its user alone, given to Claude, and gone with it", async (irisd) => {
		const { file, claudeId } = await open(irisd);
		assert.deepEqual(read(file), content(claudeId));
		assert.equal(mode(file), 0o600);
		for (const dir of [".claude", ".claude/iris", PATH])
			assert.equal(mode(join(irisd.dir, dir)), 0o700, dir);
		const args = (await irisd.ask("ARGS")).answer;
		assert.ok(args.includes(`--mcp-config=${file}`), args);
		assert.ok(args.includes(`--allowedTools=mcp__iris-${claudeId}`), args);
		assert.ok(!args.includes(TOKEN));
		assert.ok(!processesOf(irisd.root).some((p) => p.command.includes(TOKEN)));
		await irisd.request("worker/close", { session: "s1" });
		assert.deepEqual(readdirSync(join(irisd.dir, PATH)), []);
		assert.ok(!irisd.stderr.includes(TOKEN));
	});

	workerTest("gone with a Claude that crashes, and with one that never came up", async (irisd) => {
		const { file, pid } = await open(irisd);
		assert.ok(existsSync(file));
		process.kill(pid, "SIGKILL");
		await irisd.event("event/exit");
		assert.ok(!existsSync(file));
		await assert.rejects(open(irisd, { env: { FAKE_CLAUDE_FAULT: "exit-at-start" } }, {}, "s2"));
		await refused(open(irisd, { spawnTimeout: 300, env: { FAKE_CLAUDE_FAULT: "hang-at-start" } }, {}, "s3"), "timeout", /not ready/);
		await refused(open(irisd, { claudePath: "/nonexistent/claude" }, {}, "s4"), "no_claude", /not found/);
		assert.deepEqual(readdirSync(join(irisd.dir, PATH)), []);
	});

	workerTest("each session has its own; one that was left over is replaced, be it a link", async (irisd) => {
		const claudeId = randomUUID(), dir = join(irisd.dir, PATH), victim = join(irisd.root, "victim");
		writeFileSync(victim, "mine");
		mkdirSync(dir, { recursive: true, mode: 0o755 });
		symlinkSync(victim, join(dir, fileName(claudeId)));
		const one = await open(irisd, { claudeId });
		const two = await open(irisd, {}, {}, "s2");
		assert.deepEqual(read(one.file), content(claudeId));
		assert.deepEqual(readdirSync(dir).sort(), [fileName(claudeId), fileName(two.claudeId)].sort());
		assert.equal(readFileSync(victim, "utf8"), "mine");
		await irisd.request("worker/close", { session: "s1" });
		assert.deepEqual(readdirSync(dir), [fileName(two.claudeId)]);
		/* What was there before stays as it was. */
		assert.equal(mode(dir), 0o755);
	});

	for (const [what, link] of [[".claude", ".claude"], ["the last one", PATH]])
		workerTest(`a directory that is a link is refused: ${what}`, async (irisd) => {
			const elsewhere = join(irisd.root, "elsewhere");
			mkdirSync(elsewhere);
			mkdirSync(join(irisd.dir, link, ".."), { recursive: true });
			symlinkSync(elsewhere, join(irisd.dir, link));
			await refused(open(irisd), "directory", /iris-mcp-.*json can not be written: the way there is a symbolic link; .*sessionMcpPath/);
			assert.deepEqual(readdirSync(elsewhere), []);
			assert.deepEqual(processesOf(irisd.root).filter((p) => p.command.includes("fake-claude")), []);
		});

	workerTest("a way out of the project is refused, and so is what is no directory", async (irisd) => {
		for (const path of ["../x", "a/../../x", "/tmp", "", "."])
			await refused(open(irisd, {}, { path }), "invalid", /relative path/);
		await refused(open(irisd, {}, { script: "x.sh" }), "invalid", /absolute/);
		writeFileSync(join(irisd.dir, ".claude"), "");
		await refused(open(irisd), "directory", /Not a directory/);
	});

	test("a worker is killed with kill -9: the next open replaces what it has left", async () => {
		const irisd = new Irisd(), next = new Irisd();
		try {
			await irisd.start();
			const { file, claudeId } = await open(irisd);
			await irisd.ask("ECHO x");
			irisd.worker.kill("SIGKILL");
			await within(30000, irisd.ended, "the worker's end");
			assert.ok(existsSync(file));
			await next.start();
			const again = `iris_${"f".repeat(64)}`;
			await next.open({ claudeId, cwd: irisd.dir, sessionMcp: wish(claudeId, { token: again }) });
			assert.match(readFileSync(file, "utf8"), new RegExp(again));
			await next.request("worker/close", { session: "s1" });
			assert.ok(!existsSync(file));
		} finally {
			await next.release();
			await waitFor(() => processesOf(irisd.root).length === 0, { what: "its Claude's end" });
			irisd.socket.destroy();
			irisd.server.close();
			rmSync(irisd.root, { recursive: true, force: true });
		}
	});
});

/* A script, of sh; $KEEP is a directory of the test's. */
function script(irisd, text) {
	const file = join(irisd.root, "own.sh");

	writeFileSync(file, `#!/bin/sh\nKEEP='${irisd.root}'\n${text}\n`, { mode: 0o755 });
	return file;
}
const NOTE = `printf '%s\\0' "$@" >"$KEEP/args"\ncat >"$KEEP/input"\nenv >"$KEEP/env"`;
const noted = (irisd) => ({
	args: readFileSync(join(irisd.root, "args"), "utf8").split("\0").slice(0, -1),
	input: read(join(irisd.root, "input")),
	env: readFileSync(join(irisd.root, "env"), "utf8"),
});

describe("mcpConfigScript", () => {
	workerTest("its arguments and its input; the file that it names is Claude's, and removed where such files are", async (irisd) => {
		const own = script(irisd, `${NOTE}\nmkdir -p "$2/$3"; cp "$KEEP/input" "$2/$3/own $1.json"; echo "$2/$3/own $1.json"`);
		const { claudeId } = await open(irisd, {}, { script: own });
		const { args, input, env } = noted(irisd), file = join(irisd.dir, PATH, `own ${claudeId}.json`);
		assert.deepEqual(args, [claudeId, irisd.dir, PATH]);
		assert.deepEqual(input, content(claudeId));
		assert.ok(!env.includes(TOKEN));
		assert.ok((await irisd.ask("ARGS")).answer.includes(`--mcp-config=${file}`));
		assert.deepEqual(readdirSync(join(irisd.dir, PATH)), [`own ${claudeId}.json`]);
		await irisd.request("worker/close", { session: "s1" });
		assert.ok(!existsSync(file));
		assert.ok(!irisd.stderr.includes(TOKEN));
	});

	workerTest("a relative path begins at the team's; what lies elsewhere is not ours to remove", async (irisd) => {
		const own = script(irisd, `echo '{"mcpServers":{}}' >mine.json; echo; echo mine.json`);
		await open(irisd, {}, { script: own });
		assert.ok((await irisd.ask("ARGS")).answer.includes(`--mcp-config=${join(irisd.dir, "mine.json")}`));
		await irisd.request("worker/close", { session: "s1" });
		assert.ok(existsSync(join(irisd.dir, "mine.json")));
		const out = join(irisd.root, "out.json");
		writeFileSync(out, "{}");
		mkdirSync(join(irisd.dir, PATH), { recursive: true });
		await open(irisd, {}, { script: script(irisd, `echo '${PATH}/../../../../out.json'`) }, "s2");
		await irisd.request("worker/close", { session: "s2" });
		assert.ok(existsSync(out));
	});

	for (const [what, text, words] of [
		["its status", "echo one >&2; echo 'two words' >&2; exit 3", /mcpConfigScript \S+own\.sh exited with status 3: two words$/],
		["its signal", "kill -TERM $$", /own\.sh was killed by signal 15$/],
		["no path", "echo; echo why >&2", /exited with status 0 and printed no path of a file: why$/],
		["two lines", "echo a; echo b", /printed more than one line/],
		["an endless line", "head -c 100000 /dev/zero | tr '\\0' x", /printed more than one line/],
		["a file that is not there", "echo no.json", /printed \S.*no\.json, which can not be read: No such file/],
		["the key on stderr", "cat >&2; exit 1", /exited with status 1: \(its last line holds the key\)$/],
	])
		workerTest(`fails the open with a sentence that says it: ${what}`, async (irisd) => {
			await refused(open(irisd, {}, { script: script(irisd, text) }), "config", words);
			assert.ok(!irisd.stderr.includes(TOKEN));
			/* And the next one is not held up by that. */
			await open(irisd);
			assert.equal((await irisd.ask("ECHO on")).answer, "on");
		});

	workerTest("one that is missing, or no program", async (irisd) => {
		await refused(open(irisd, {}, { script: "/nonexistent/x.sh" }), "config", /mcpConfigScript.*x\.sh.*No such file/);
		const own = script(irisd, "echo x");
		chmodSync(own, 0o644);
		await refused(open(irisd, {}, { script: own }), "config", /Permission denied/);
		await open(irisd);
	});

	workerTest("while it hangs others are served; it is killed after 10 s, or when its session is closed", async (irisd) => {
		const own = script(irisd, "touch \"$KEEP/runs.$1\"; sleep 1000");
		const began = performance.now(), late = open(irisd, {}, { script: own }).then(() => null, (e) => e);
		await open(irisd, {}, {}, "s2");
		assert.equal((await irisd.ask("ECHO meanwhile", "s2")).answer, "meanwhile");
		/* Another one, closed at once. */
		const claudeId = randomUUID(), closed = open(irisd, { claudeId }, { script: own }, "s3").then(() => null, (e) => e);
		await waitFor(() => existsSync(join(irisd.root, `runs.${claudeId}`)), { what: "it to run" });
		await irisd.request("worker/close", { session: "s3" });
		assert.equal((await closed).code, "cancelled");
		const e = await late;
		assert.equal(e.code, "config");
		assert.match(e.message, /own\.sh did not end within 10 s, and was killed/);
		const ms = performance.now() - began;
		assert.ok(ms > 9000 && ms < 25000, `${ms}`);
		await waitFor(() => !processesOf(irisd.root).some((p) => /own\.sh|sleep 1000/.test(p.command)), { what: "both to be gone" });
	});

	workerTest("one that leaves something behind which holds its output does not hold up Claude", async (irisd) => {
		const own = script(irisd, "echo '{}' >a.json; sleep 1000 & echo a.json");
		await open(irisd, {}, { script: own });
		assert.equal((await irisd.ask("ECHO up")).answer, "up");
	});
});

/* What a host is here: a few lines of sh that are called ssh. */
writeFileSync(join(bin, "ssh"), `#!/bin/sh
for command; do :; done
printf '%s\\0' "$@" >>"$MARK/argv"
cd "$MARK/far" && HOME=$MARK/far exec sh -c "$command"
`, { mode: 0o755 });

const remoteTest = (name, fn) => workerTest(name, async (irisd) => {
	const project = join(irisd.root, "far", "project");
	mkdirSync(project, { recursive: true });
	irisd.dir = "~/project";
	await fn(irisd, project, {
		cwd: "~/project",
		remote: { args: [], dest: "me@host.example", ssh2: false, host: "buildhost", connectTimeout: 8000, lingerTimeout: 8000, controlDir: join(irisd.root, "c") },
	});
}, { PATH: `${bin}:${process.env.PATH}` });

describe("on another host", () => {
	remoteTest("the wrapper there writes it and removes it", async (irisd, project, params) => {
		const { claudeId } = await open(irisd, params);
		const file = join(project, PATH, fileName(claudeId));
		assert.deepEqual(read(file), content(claudeId));
		assert.deepEqual([mode(file), mode(join(project, ".claude")), mode(join(project, PATH))], [0o600, 0o700, 0o700]);
		const args = (await irisd.ask("ARGS")).answer;
		assert.ok(args.includes(`--mcp-config=${file}`), args);
		assert.ok(!args.includes(TOKEN));
		assert.equal((await irisd.ask("ENV iris_mcp_text")).answer, "iris_mcp_text=(unset)");
		assert.ok(!readFileSync(join(irisd.root, "argv"), "utf8").includes(TOKEN));
		await irisd.request("worker/close", { session: "s1" });
		assert.deepEqual(readdirSync(join(project, PATH)), []);
		assert.ok(!irisd.stderr.includes(TOKEN));
	});

	remoteTest("gone with a Claude that crashes; a left-over is replaced", async (irisd, project, params) => {
		const claudeId = randomUUID(), file = join(project, PATH, fileName(claudeId)), victim = join(irisd.root, "victim");
		writeFileSync(victim, "mine");
		mkdirSync(join(project, PATH), { recursive: true });
		symlinkSync(victim, file);
		await open(irisd, { ...params, claudeId });
		assert.deepEqual(read(file), content(claudeId));
		assert.equal(readFileSync(victim, "utf8"), "mine");
		const message = await irisd.send("FAULT crash-mid-turn");
		await irisd.event("event/exit");
		assert.ok(message && !existsSync(file));
	});

	remoteTest("a directory that is a link is refused there as well", async (irisd, project, params) => {
		const elsewhere = join(irisd.root, "elsewhere");
		mkdirSync(elsewhere);
		symlinkSync(elsewhere, join(project, ".claude"));
		await refused(open(irisd, params), "directory", /MCP file can not be written on buildhost: the way there is a symbolic link/);
		assert.deepEqual(readdirSync(elsewhere), []);
	});

	remoteTest("the script is given the host as well, and what it prints is a path over there", async (irisd, project, params) => {
		const own = script(irisd, `${NOTE}\ncp "$KEEP/input" "$KEEP/far/project/own.json"; echo "$3/own.json"`);
		const { claudeId } = await open(irisd, params, { script: own });
		const { args, input } = noted(irisd);
		assert.deepEqual(args, [claudeId, "me@host.example", "~/project", PATH]);
		assert.deepEqual(input, content(claudeId));
		assert.ok((await irisd.ask("ARGS")).answer.includes(`--mcp-config=${join(project, "own.json")}`));
		await irisd.request("worker/close", { session: "s1" });
		/* It is the user's: who has put it there may take it away. */
		assert.ok(existsSync(join(project, "own.json")));
		assert.ok(!existsSync(join(project, ".claude")));
	});
});

describe("the key", () => {
	let iris, port;
	const INIT = { id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } } };
	const start = async (teams, before = () => {}) => {
		port = await freePort();
		iris = makeIris(teams, { settings: { httpPort: port } });
		before();
		await iris.start();
	};
	afterEach(() => iris.stop());
	const filesIn = (dir) => (existsSync(join(dir, PATH)) ? readdirSync(join(dir, PATH)).map((f) => join(dir, PATH, f)) : []);
	const tokenIn = (file) => Object.values(read(file).mcpServers)[0].headers.Authorization.replace("Bearer ", "");
	const status = async (key, at = port, path) => (await legacy(at, key, INIT, { path }).catch(() => ({}))).status;
	const served = (key, at) => waitFor(async () => (await status(key, at)) === 200, { what: "HTTP", deadline: 20000, every: 25 });
	const reload = async () => {
		const lines = await connectRaw(iris, { role: "ctl" });
		const r = await lines.request("iris/config.reload", {});
		lines.socket.destroy();
		assert.equal(r.error, undefined, JSON.stringify(r));
	};
	const keys = async () => (await iris.json(["key", "list"])).keys;
	const awake = async (from, to) => {
		const client = await iris.client({ cwd: iris.dirs[from] });
		const r = await iris.call(client, "ask_message", { toTeam: to, message: "ECHO hello" });
		assert.equal(r.response, "hello", JSON.stringify(r));
		return client;
	};
	const tool = async (key, name, args = {}, at = port) => {
		const r = await modern(at, key, "tools/call", { name, arguments: args });
		await within(30000, r.ended, `the answer to ${name}`);
		const answer = r.text.startsWith("{") ? r.json() : events(r).at(-1);
		return answer.result === undefined ? { status: r.status, isError: true, error: answer.error?.message }
			: { status: r.status, ...JSON.parse(answer.result.content[0].text), isError: answer.result.isError === true };
	};

	test("is the session, and nobody else; it ends with the process, and the next one has another", async () => {
		await start({ frontend: {}, backend: { sessionMcpEnabled: true }, mobile: {} });
		const client = await awake("frontend", "backend");
		const [file] = filesIn(iris.dirs.backend), key = tokenIn(file), [[name, server]] = Object.entries(read(file).mcpServers);
		const [session] = (await iris.json(["session", "list"])).sessions;
		const claudeId = name.slice("iris-".length);
		assert.equal(JSON.stringify(session).includes(claudeId), true);
		assert.equal(server.url, `http://127.0.0.1:${port}/mcp/${claudeId}`);
		await served(key);
		assert.equal(await status(key, port, `/mcp/${claudeId}`), 200);
		const [row] = await keys();
		assert.deepEqual([row.name, row.team, row.scopes, row.state], [`session-${claudeId}`, "backend", ["read", "message"], "active"]);
		const r = await tool(key, "ask_message", { toTeam: "mobile", message: "ECHO from there" });
		assert.deepEqual([r.from, r.response], ["backend", "from there"]);
		assert.match((await tool(key, "ask_message", { toTeam: "mobile", message: "x", fromTeam: "frontend" })).error, /this session belongs to team "backend"/);
		assert.equal((await tool(key, "permissions_pending")).isError, true);
		/* No other session, also of the same team, and no control call. */
		await awake("mobile", "backend");
		const other = filesIn(iris.dirs.backend).find((f) => f !== file);
		const otherId = Object.keys(read(other).mcpServers)[0].slice("iris-".length);
		assert.equal(await status(key, port, `/mcp/${otherId}`), 403);
		const api = await ask(port, "GET", "/api/v1/teams", { key });
		assert.ok(api.status >= 400, `${api.status}`);
		/* Its process ends. */
		assert.equal((await iris.call(client, "team_sleep", { team: "backend" })).isError, false);
		assert.ok(!existsSync(file) && existsSync(other));
		assert.equal(await status(key), 401);
		assert.equal((await keys()).filter((k) => k.name === row.name).length, 0);
		assert.equal(await status(tokenIn(other)), 200);
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO again" });
		assert.notEqual(tokenIn(file), key);
		assert.equal(await status(tokenIn(file)), 200);
		assert.ok(!iris.log().includes(key));
	});

	test("a turn that waits by way of the file holds no slot, as one that waits in-band", async () => {
		await start({ frontend: {}, backend: { sessionMcpEnabled: true }, mobile: {} }, () =>
			iris.setTeams({ frontend: {}, backend: { sessionMcpEnabled: true }, mobile: {} }, { maxProcesses: 1 }));
		const client = await awake("frontend", "backend"), gate = makeGate(iris);
		const key = tokenIn(filesIn(iris.dirs.backend)[0]);
		await served(key);
		const { messageId } = await iris.call(client, "ask_message", { toTeam: "backend", message: gate.hold, timeout: -1 });
		await iris.messageIn(messageId, "seen");
		const r = await tool(key, "ask_message", { toTeam: "mobile", message: "ECHO with one slot" });
		assert.equal(r.response, "with one slot", JSON.stringify(r));
		gate.open();
		await iris.messageIn(messageId, "answered");
	});

	test("a Claude that dies, a worker that is killed: no key and, at the next open, no old file", async () => {
		await start({ frontend: {}, backend: { sessionMcpEnabled: true } });
		const client = await awake("frontend", "backend");
		const [file] = filesIn(iris.dirs.backend), first = tokenIn(file);
		await served(first);
		process.kill((await iris.json(["session", "list"])).sessions[0].pid, "SIGKILL");
		await waitFor(async () => (await keys()).length === 0, { what: "the key to be gone" });
		await waitFor(() => !existsSync(file), { what: "the file to be gone" });
		assert.equal(await status(first), 401);
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO two" });
		const second = tokenIn(file);
		process.kill((await iris.json(["status"])).workers[0].pid, "SIGKILL");
		await waitFor(async () => (await status(second)) === 401, { what: "its key to be gone" });
		assert.equal((await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO three" })).response, "three");
		const third = tokenIn(file);
		assert.equal(new Set([first, second, third]).size, 3);
		assert.equal(await status(third), 200);
		assert.deepEqual((await keys()).map((k) => k.state), ["active"]);
	});

	test("irisd killed: a Claude that goes on keeps its key; one that is gone meanwhile has none", async () => {
		await start({ frontend: {}, backend: { sessionMcpEnabled: true }, mobile: { sessionMcpEnabled: true } });
		await awake("frontend", "backend");
		await awake("frontend", "mobile");
		const [file] = filesIn(iris.dirs.backend), [lost] = filesIn(iris.dirs.mobile);
		const key = tokenIn(file), dead = tokenIn(lost), workers = (await iris.json(["status"])).workers;
		await served(key);
		await iris.kill();
		process.kill(workers.find((w) => w.team === "mobile").pid, "SIGKILL");
		await iris.start();
		await served(key);
		assert.equal(tokenIn(file), key);
		assert.equal(await status(dead), 401);
		assert.deepEqual((await keys()).map((k) => [k.team, k.state]), [["backend", "active"]]);
		/* An orderly end leaves neither. */
		await iris.iris(["stop"]);
		await iris.daemonExit;
		assert.deepEqual(filesIn(iris.dirs.backend), []);
		await iris.start();
		assert.deepEqual(await keys(), []);
	});

	test("irisd killed while the script runs: the next one waits for it, and the key that it was given is good", async () => {
		await start({ frontend: {}, backend: {} }, () => {
			writeFileSync(join(iris.root, "own.sh"), `#!/bin/sh
				mkdir -p "$2/$3"; cat >"$2/$3/own.json"; touch "${iris.root}/runs"
				while [ ! -e "${iris.root}/go" ]; do sleep 0.05; done
				echo "$3/own.json"`, { mode: 0o755 });
			iris.setTeams({ frontend: {}, backend: { sessionMcpEnabled: true, mcpConfigScript: join(iris.root, "own.sh") } });
		});
		const client = await iris.client({ cwd: iris.dirs.frontend });
		const { messageId } = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO late", timeout: -1 });
		await waitFor(() => existsSync(join(iris.root, "runs")), { what: "the script to run" });
		await iris.kill();
		await iris.start();
		await waitFor(async () => (await iris.json(["status"])).workers[0]?.pid > 0, { what: "the worker to be adopted" });
		writeFileSync(join(iris.root, "go"), "");
		const m = await iris.messageIn(messageId, "answered", "failed");
		assert.equal(m.response, "late", JSON.stringify(m));
		const [file] = filesIn(iris.dirs.backend);
		await served(tokenIn(file));
		assert.equal((await iris.call(client, "team_sleep", { team: "backend" })).isError, false);
		assert.deepEqual(filesIn(iris.dirs.backend), []);
		assert.deepEqual(await keys(), []);
	});

	test("a worker killed while the script hangs: that is ended, and the next one runs it again", async () => {
		await start({ frontend: {}, backend: {} }, () => {
			writeFileSync(join(iris.root, "own.sh"), `#!/bin/sh
				mkdir "${iris.root}/first" && exec sleep 1000
				mkdir -p "$2/$3"; cat >"$2/$3/own.json"; echo "$3/own.json"`, { mode: 0o755 });
			iris.setTeams({ frontend: {}, backend: { sessionMcpEnabled: true, mcpConfigScript: join(iris.root, "own.sh") } }, { restartDelay: 10 });
		});
		const client = await iris.client({ cwd: iris.dirs.frontend });
		const { messageId } = await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO at last", timeout: -1 });
		const hangs = () => processesOf(iris.root).filter((p) => p.command === "sleep 1000");
		await waitFor(() => hangs().length === 1, { what: "the script to hang" });
		process.kill((await iris.json(["status"])).workers[0].pid, "SIGKILL");
		const m = await iris.messageIn(messageId, "answered", "failed");
		assert.equal(m.response, "at last", JSON.stringify(m));
		assert.deepEqual(hangs(), []);
		assert.equal((await keys()).length, 1);
	});

	test("a change of the configuration: HTTP and the file come and go with the key", async () => {
		await start({ frontend: {}, backend: {} });
		await awake("frontend", "backend");
		assert.deepEqual(filesIn(iris.dirs.backend), []);
		await assert.rejects(ask(port, "GET", "/"));
		iris.setTeams({ frontend: {}, backend: { sessionMcpEnabled: true, sessionMcpPath: "x/y" } });
		await reload();
		const client = await awake("frontend", "backend");
		const file = join(iris.dirs.backend, "x/y", readdirSync(join(iris.dirs.backend, "x/y"))[0]), key = tokenIn(file);
		await served(key);
		/* Another port is another file. */
		const next = await freePort();
		iris.setTeams({ frontend: {}, backend: { sessionMcpEnabled: true, sessionMcpPath: "x/y" } }, { httpPort: next });
		await reload();
		await waitFor(() => !existsSync(file), { what: "the old file to be gone" });
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO there" });
		assert.ok(Object.values(read(file).mcpServers)[0].url.startsWith(`http://127.0.0.1:${next}/mcp/`));
		await served(tokenIn(file), next);
	});

	test("of a team on another host: by its tunnel, and not where that was revoked", async () => {
		const there = await freePort();
		let far;
		await start({ frontend: {}, mobile: {}, far: { remote: "ssh me@far", path: "~/project", claudePath: fakeClaudePath(), enableReverseMcp: true, allowHttp: true, reverseMcpPort: there, sessionMcpEnabled: true } },
			() => {
				far = makeFar(iris);
				mkdirSync(join(far.home, "project"));
			});
		const dir = join(far.home, "project"), client = await awake("frontend", "far");
		const [file] = filesIn(dir), key = tokenIn(file);
		assert.ok(Object.values(read(file).mcpServers)[0].url.startsWith(`http://127.0.0.1:${there}/mcp/`));
		await served(key, there);
		const r = await tool(key, "ask_message", { toTeam: "mobile", message: "ECHO by the tunnel" }, there);
		assert.deepEqual([r.from, r.response], ["far", "by the tunnel"]);
		assert.ok(!far.argv().includes(key));
		assert.equal((await iris.call(client, "team_sleep", { team: "far" })).isError, false);
		assert.deepEqual(filesIn(dir), []);
		await iris.json(["remote", "revoke", "far"]);
		assert.equal((await iris.call(client, "ask_message", { toTeam: "far", message: "ECHO still" })).response, "still");
		assert.deepEqual(filesIn(dir), []);
	});
});

describe("a configuration by which no session could be reached is refused, with line and column", () => {
	const check = (teams, settings, config) => {
		const iris = makeIris(teams, { settings, config });
		const r = spawnSync(program("iris"), ["config", "check"], { env: iris.env, encoding: "utf8" });
		rmSync(iris.root, { recursive: true, force: true });
		return { status: r.status, text: r.stdout + r.stderr };
	};
	const FAR = { remote: "ssh me@far", path: "~/p" };

	test("a remote team without a tunnel to a port; without HTTP", () => {
		for (const more of [{}, { enableReverseMcp: true }]) {
			const r = check({ far: { ...FAR, ...more, sessionMcpEnabled: true } });
			assert.notEqual(r.status, 0);
			assert.match(r.text, /config\.yaml:\d+:\d+: .*far\.sessionMcpEnabled: .*enableReverseMcp: true and allowHttp: true/s);
		}
		const off = check({ a: { sessionMcpEnabled: true } }, { httpPort: 0 });
		assert.notEqual(off.status, 0);
		assert.match(off.text, /config\.yaml:\d+:\d+: .*a\.sessionMcpEnabled: .*httpPort: 0/s);
	});

	test("settings.sessionMcpEnabled holds for the teams that can have it", () => {
		const r = check({ far: FAR, a: {} }, { sessionMcpEnabled: true });
		assert.equal(r.status, 0, r.text);
		assert.match(r.text, /teams\.far: settings\.sessionMcpEnabled does not hold for this team/);
	});
});
