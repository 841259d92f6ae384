/* SPDX-License-Identifier: MIT
 *
 * The tools about sessions: what they say, what they touch and what they leave alone; that cancel
 * interrupts and the session can be used at once; that a conversation that was ended is gone, file
 * and all, and what waits is for the next one.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { run } from "../lib/iris.mjs";
import { assert, claudes, failedCall, makeGate, makeIris, quick, sessions, startTeams, waitFor } from "./setup.mjs";

/* Every transcript there is of a conversation, and the directories beside them. */
function transcripts(iris, id) {
	const projects = join(iris.env.HOME, ".claude", "projects");

	return existsSync(projects)
		? readdirSync(projects).flatMap((p) => readdirSync(join(projects, p)).filter((f) => f.startsWith(id)).map((f) => join(projects, p, f)))
		: [];
}

/* A program in a directory of the test's own, which is first in irisd's PATH. */
function fakeProgram(iris, name, script) {
	const dir = join(iris.root, "programs");

	mkdirSync(dir, { recursive: true });
	writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`);
	chmodSync(join(dir, name), 0o755);
	return dir;
}

describe("tools about sessions", () => {
	let iris, client, mobile;
	const call = (tool, args, who = client) => iris.call(who, tool, args);
	const good = async (tool, args, who) => {
		const r = await call(tool, args, who);
		assert.equal(r.isError, false, JSON.stringify(r));
		return r;
	};

	const begin = async (options) => {
		iris = await startTeams({ frontend: {}, backend: {}, mobile: {} }, options);
		client = await iris.client({ cwd: iris.dirs.frontend });
		mobile = await iris.client({ cwd: iris.dirs.mobile });
		await client.listTools();
		await mobile.listTools();
	};
	beforeEach(() => begin());
	afterEach(() => iris.stop());

	test("list_sessions: both directions, one's own, nobody else's", async () => {
		assert.deepEqual((await good("list_sessions")).sessions, []);
		await good("ask_message", { toTeam: "backend", message: "ECHO 1" });
		await good("ask_message", { toTeam: "frontend", message: "ECHO 2" }, mobile);
		await good("ask_message", { toTeam: "backend", message: "ECHO 3" }, mobile);
		const pairs = (r) => r.sessions.map((s) => `${s.from}->${s.to}`).sort();
		const mine = await good("list_sessions");
		assert.deepEqual(pairs(mine), ["frontend->backend", "mobile->frontend"]);
		assert.equal(mine.totalSessions, 2);
		assert.ok(mine.sessions.every((s) => s.state === "idle" && s.pid > 0 && s.messages === 1 && s.hasConversation));
		assert.deepEqual(pairs(await good("list_sessions", { team: "mobile" })), ["mobile->frontend"]);
		assert.equal((await failedCall(iris, client, "list_sessions", { team: "nobody" })).code, "not_found");
	});

	test("session_report: messages, answers, states; also after a restart, and only of one's own pair", async () => {
		await good("ask_message", { toTeam: "backend", message: "ECHO first" });
		await good("ask_message", { toTeam: "backend", message: "ECHO of somebody else" }, mobile);
		await call("ask_message", { toTeam: "backend", message: "APIERROR" });
		const check = async () => {
			const r = await good("session_report", { team: "backend" });
			assert.equal(r.fromTeam, "frontend");
			assert.equal(r.hasSession, true);
			assert.equal(r.allComplete, true);
			assert.equal(r.entries.length, 2);
			assert.deepEqual(r.entries[0].messages.map((m) => [m.type, m.content]), [["user", "ECHO first"], ["assistant", "first"]]);
			assert.equal(r.entries[0].status, "completed");
			assert.deepEqual(r.entries[0].receipts.map((x) => x.state), ["queued", "sent", "seen", "answered"]);
			assert.equal(r.stats.tellEntries, 2);
			assert.equal(r.stats.activeEntries, 0);
			assert.equal(r.stats.completedEntries + r.stats.terminatedEntries, 2);
			return r;
		};
		assert.equal((await check()).hasProcess, true);
		assert.equal((await iris.iris(["restart", "--hard"])).status, 0);
		client = await iris.client({ cwd: iris.dirs.frontend });
		assert.equal((await check()).hasProcess, false);
		const none = await good("session_report", { team: "mobile" });
		assert.deepEqual([none.hasSession, none.entries], [false, []]);
		assert.equal((await iris.iris(["stop"])).status, 0);
	});

	test("session_cancel: interrupts one's own turn and no other; the session is usable at once", async () => {
		const gate = makeGate(iris), other = makeGate(iris, "other");
		const mine = await quick(iris, client, "backend", gate.hold);
		const theirs = await quick(iris, mobile, "backend", other.hold);
		await iris.messageIn(mine, "seen");
		await iris.messageIn(theirs, "seen");
		const pid = (await sessions(iris))["frontend->backend"].pid;
		const r = await good("session_cancel", { team: "backend" });
		assert.deepEqual([r.attempted, r.processFound], [true, true]);
		assert.deepEqual(r.cancelled, [{ messageId: mine, from: "frontend", state: "cancelled" }]);
		assert.equal((await iris.message(mine)).state, "cancelled");
		assert.equal((await iris.message(theirs)).state, "seen");
		assert.equal((await good("ask_message", { toTeam: "backend", message: "ECHO next" })).response, "next");
		assert.equal((await sessions(iris))["frontend->backend"].pid, pid, "the same process");
		const idle = await good("session_cancel", { team: "backend" });
		assert.deepEqual([idle.attempted, idle.cancelled], [false, []]);

		const all = await good("session_cancel", { team: "backend", allSessions: true });
		assert.deepEqual(all.cancelled, [{ messageId: theirs, from: "mobile", state: "cancelled" }]);
	});

	test("session_cancel of what only waits says so, and leaves it", async () => {
		await iris.stop();
		await begin({ settings: { maxProcesses: 1 } });
		const gate = makeGate(iris, "other");
		await iris.messageIn(await quick(iris, mobile, "backend", gate.hold), "seen");
		const waits = await quick(iris, client, "backend", "ECHO later");
		const r = await good("session_cancel", { team: "backend" });
		assert.deepEqual([r.attempted, r.queued, r.cancelled], [false, 1, []]);
		assert.match(r.message, /Nothing is at work yet.* message_cancel ends it/);
		assert.equal((await iris.message(waits)).state, "queued");
		gate.open();
		assert.equal((await iris.messageIn(waits, "answered")).response, "later");
	});

	test("session_delete: process, conversation and transcript are gone; the next message begins anew", async () => {
		await good("ask_message", { toTeam: "backend", message: "ECHO before" });
		await good("ask_message", { toTeam: "backend", message: "ECHO theirs" }, mobile);
		const old = (await sessions(iris))["frontend->backend"].sessionId, kept = (await sessions(iris))["mobile->backend"].sessionId;
		const [file] = transcripts(iris, old);
		assert.ok(file, "there is a transcript");
		const side = file.replace(/\.jsonl$/, "");
		mkdirSync(join(side, "tool-results"), { recursive: true });
		writeFileSync(join(side, "tool-results", "x.txt"), "x");

		const r = await good("session_delete", { toTeam: "backend" });
		assert.deepEqual([r.hadSession, r.sessionId, r.processTerminated, r.transcriptRemoved], [true, old, true, true]);
		assert.deepEqual(transcripts(iris, old), []);
		assert.equal(transcripts(iris, kept).length, 1, "the other session's file is untouched");
		assert.equal(claudes(iris).length, 1);
		const again = await good("session_delete", { toTeam: "backend" });
		assert.equal(again.hadSession, false);
		await good("ask_message", { toTeam: "backend", message: "ECHO after" });
		const now = (await sessions(iris))["frontend->backend"].sessionId;
		assert.notEqual(now, old);
		assert.match(readFileSync(transcripts(iris, now)[0], "utf8"), /ECHO after/);
		assert.doesNotMatch(readFileSync(transcripts(iris, now)[0], "utf8"), /ECHO before/);
	});

	test("session_reboot: a new conversation, awake; busy is refused unless forced; what waits is answered", async () => {
		const gate = makeGate(iris);
		await good("ask_message", { toTeam: "backend", message: "ECHO before" });
		const old = (await sessions(iris))["frontend->backend"].sessionId;
		const held = await quick(iris, client, "backend", gate.hold);
		await iris.messageIn(held, "seen");
		const waits = await quick(iris, client, "backend", "ECHO for the new one");
		const refused = await failedCall(iris, client, "session_reboot", { toTeam: "backend" });
		assert.equal(refused.code, "refused");
		assert.match(refused.error, /force/);
		const r = await good("session_reboot", { toTeam: "backend", force: true });
		assert.deepEqual([r.hadPreviousSession, r.oldSessionId, r.processTerminated, r.transcriptRemoved, r.queued], [true, old, true, true, 1]);
		assert.notEqual(r.newSessionId, old);
		await iris.messageIn(waits, "answered");
		assert.equal((await iris.message(waits)).response, "for the new one");
		assert.equal((await iris.message(held)).state, "failed");
		const s = (await sessions(iris))["frontend->backend"];
		assert.equal(s.sessionId, r.newSessionId);
		assert.ok(s.pid > 0);
		assert.deepEqual(transcripts(iris, old), []);
	});

	test("session_compact: the command itself, without an envelope, is a message with its steps", async () => {
		assert.equal((await failedCall(iris, client, "session_compact", { team: "backend" })).code, "not_found");
		await good("ask_message", { toTeam: "backend", message: "ECHO hello" });
		const r = await good("session_compact", { team: "backend" });
		assert.equal(r.state, "answered");
		const m = await iris.message(r.messageId);
		assert.equal(m.message, "/compact");
		assert.deepEqual(m.receipts.map((x) => x.state), ["queued", "sent", "seen", "answered"]);
		const { sessionId } = (await sessions(iris))["frontend->backend"];
		const lines = readFileSync(transcripts(iris, sessionId)[0], "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l));
		const line = lines.find((l) => l.uuid === r.messageId);
		assert.ok(line && !JSON.stringify(line.message).includes("iris-message"), JSON.stringify(line));
		assert.match(JSON.stringify(line.message), /\/compact/);
	});

	test("permissions__approve: exactly one text block, as Claude Code wants it", async () => {
		await iris.stop();
		await begin({ settings: { permissionTimeout: 50 } });
		const r = await client.callTool({ name: "permissions__approve", arguments: { tool_name: "Write", input: { a: 1 }, tool_use_id: "toolu_1" } });
		assert.equal(r.content.length, 1);
		assert.equal(r.structuredContent, undefined);
		const answer = JSON.parse(r.content[0].text);
		assert.equal(answer.behavior, "deny");
		assert.match(answer.message, /nobody has answered within 1 s/);
	});
});

describe("session_fork", () => {
	let iris, client;
	const begin = async ({ env = {}, programs = {}, shimEnv = {}, project = "back 'end' $HOME" } = {}) => {
		let dir;
		iris = makeIris();
		iris.setTeams({ frontend: {}, backend: { path: iris.project(project) } });
		for (const [name, script] of Object.entries(programs))
			dir = fakeProgram(iris, name, script.replaceAll("OUT", join(iris.root, "out")));
		Object.assign(iris.env, { PATH: `${dir ? `${dir}:` : ""}/usr/bin:/bin`, ...env });
		await iris.start();
		client = await iris.client({ cwd: iris.dirs.frontend, env: shimEnv });
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO hello" });
	};
	/* What such a program has written; of one that goes on when the call has its answer, so many lines. */
	const out = () => readFileSync(join(iris.root, "out"), "utf8").trim().split("\n");
	const lines = (n) => waitFor(() => readFileSync(join(iris.root, "out"), "utf8").split("\n").length > n && out(), { what: `${n} lines of the program` });
	const id = async () => (await sessions(iris))["frontend->backend"].sessionId;

	afterEach(() => iris.stop());

	test("no terminal at all: the command, which a shell reads as it is meant", async () => {
		await begin();
		const r = await iris.call(client, "session_fork", { toTeam: "backend" });
		assert.deepEqual([r.isError, r.success, r.how], [false, false, "command"]);
		const there = await run("sh", ["-c", r.command.replace(/ && .*/, " && pwd")], { cwd: "/", env: iris.env });
		assert.equal(there.stdout, `${iris.dirs.backend}\n`, r.command);
		assert.ok(r.command.endsWith(` --resume ${await id()} --fork-session`), r.command);
		assert.equal((await failedCall(iris, client, "session_fork", { toTeam: "frontend" })).code, "not_found");
	});

	test("in tmux: a new window, in the team's directory", async () => {
		await begin({ programs: { tmux: 'pwd >OUT; printf "%s\\n" "$@" >>OUT' }, shimEnv: { TMUX: "/tmp/no-such/default,1,0" } });
		const r = await iris.call(client, "session_fork", { toTeam: "backend" });
		assert.deepEqual([r.success, r.how, r.program], [true, "tmux", "tmux"], JSON.stringify(r));
		const words = await lines(9);
		assert.deepEqual(words.slice(0, 6), [iris.dirs.backend, "-S", "/tmp/no-such/default", "new-window", "-n", "backend"]);
		assert.deepEqual(words.slice(-3), ["--resume", await id(), "--fork-session"]);
	});

	test("a real tmux: a directory's name is no format, nothing in it is run", { skip: !existsSync("/usr/bin/tmux") }, async () => {
		await begin({ project: "C#S #(touch ran) #{pane_id} #[x] $(touch ran)" });
		const server = join(iris.root, "tmux");
		const tmux = async (...args) => (await run("/usr/bin/tmux", ["-S", server, ...args], { env: { ...iris.env, TERM: "xterm" } })).stdout.trim();
		const caller = await iris.client({ cwd: iris.dirs.frontend, env: { TMUX: `${server},1,0` } });
		await tmux("-f", "/dev/null", "new-session", "-d", "-s", "main", "sleep 60");
		try {
			await tmux("set-option", "-g", "remain-on-exit", "on");
			const r = await iris.call(caller, "session_fork", { toTeam: "backend" });
			assert.deepEqual([r.success, r.how], [true, "tmux"], JSON.stringify(r));
			assert.equal(await tmux("list-panes", "-t", "backend", "-F", "#{pane_start_path}"), iris.dirs.backend);
			assert.deepEqual(readdirSync(iris.dirs.backend), []);
		} finally {
			await tmux("kill-server");
		}
	});

	test("tmux is gone: the desktop's terminal, with the client's display", async () => {
		await begin({
			programs: { tmux: "exit 1", "x-terminal-emulator": 'echo "$DISPLAY" >OUT; pwd >>OUT; printf "%s\\n" "$@" >>OUT' },
			shimEnv: { TMUX: "/tmp/no-such/default,1,0", DISPLAY: ":77" },
		});
		const r = await iris.call(client, "session_fork", { toTeam: "backend" });
		assert.deepEqual([r.success, r.how, r.program], [true, "terminal", "x-terminal-emulator"], JSON.stringify(r));
		assert.deepEqual((await lines(3)).slice(0, 3), [":77", iris.dirs.backend, "-e"]);
	});

	test("a terminal that stays is a success; it outlives the call", async () => {
		await begin({ programs: { "x-terminal-emulator": "echo $$ >OUT; exec sleep 20" }, shimEnv: { DISPLAY: ":77" } });
		const r = await iris.call(client, "session_fork", { toTeam: "backend" });
		assert.equal(r.success, true);
		const pid = Number((await lines(1))[0]);
		process.kill(pid, 0);
		process.kill(pid, "SIGTERM");
	});

	test("the user's own script wins, with Iris MCP's arguments; when it fails, that is said", async () => {
		await begin({ programs: { tmux: "exit 0" }, shimEnv: { TMUX: "/tmp/no-such/default,1,0" } });
		const script = join(iris.home, "scripts", "spawn.sh");
		mkdirSync(join(iris.home, "scripts"));
		writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "$@" >${join(iris.root, "out")}\n`, { mode: 0o755 });
		await iris.json(["config", "check"]);
		process.kill(iris.daemon.pid, "SIGHUP");
		await waitFor(() => iris.log().includes("configuration reloaded"), { what: "the reload" });
		const r = await iris.call(client, "session_fork", { toTeam: "backend" });
		assert.deepEqual([r.success, r.how, r.spawnScriptPath], [true, "script", script], JSON.stringify(r));
		const [dir, command] = await lines(2);
		assert.equal(dir, iris.dirs.backend);
		assert.ok(command.endsWith(` --resume ${await id()} --fork-session`), command);
		writeFileSync(script, "#!/bin/sh\nexit 3\n");
		const failed = await failedCall(iris, client, "session_fork", { toTeam: "backend" });
		assert.match(failed.error, /spawn\.sh ended with status 3/);
		assert.ok(failed.command.includes("--fork-session"), "the command is still told");
	});
});
