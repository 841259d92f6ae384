/* SPDX-License-Identifier: MIT
 *
 * iris-worker by itself: the test plays irisd on a socket, fake-claude (its faults chosen by each test) plays Claude.
 * Basic things first, then everything that can go wrong with a Claude process. After each test nothing may be left.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { refused, workerTest } from "../lib/fake-irisd.mjs";
import { processesOf } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";

const faulty = (fault) => ({ env: { FAKE_CLAUDE_FAULT: fault } });

/* --- the job itself --- */

workerTest("open, a turn, its ladder, its result, close", async (irisd) => {
	const claudeId = randomUUID();
	const opened = await irisd.open({ claudeId });
	assert.ok(opened.pid > 1 && opened.startTime > 0 && opened.readyMs >= 0);
	assert.equal(opened.version, "2.1.330");

	const message = await irisd.send("ECHO the API is versioned by path");
	const r = await irisd.result(message);
	assert.equal(r.ok, true);
	assert.equal(r.answer, "the API is versioned by path");
	assert.equal(r.code, undefined);
	assert.ok(r.usage.outputTokens > 0 && r.usage.numTurns === 1 && r.usage.costUsd > 0 && r.usage.model);

	const receipts = irisd.all("event/receipt");
	assert.equal(receipts.length, 1, "seen is told once");
	assert.equal(receipts[0].message, message);
	assert.equal(receipts[0].state, "seen");
	assert.equal(receipts[0].evidence, "lifecycle");
	const order = irisd.events.map((e) => e.method);
	assert.ok(order.indexOf("event/receipt") < order.indexOf("event/result"));
	assert.equal(irisd.all("event/delta").map((p) => p.text).join(""), "the API is versioned by path");
	assert.equal(irisd.all("event/session")[0].claudeId, claudeId);
	assert.equal(irisd.all("event/session")[0].cwd, irisd.dir);

	assert.deepEqual(await irisd.request("worker/close", { session: "s1" }), {});
	const exit = irisd.all("event/exit")[0];
	assert.deepEqual([exit.pid, exit.how, exit.status, exit.expected], [opened.pid, "exit", 0, true]);
});

workerTest("a second turn in the same process; init is told once", async (irisd) => {
	const { pid } = await irisd.open();
	assert.equal((await irisd.ask("ECHO one")).answer, "one");
	assert.equal((await irisd.ask("ECHO two")).answer, "two");
	assert.equal(irisd.all("event/session").length, 1);
	assert.equal(irisd.all("event/exit").length, 0);
	assert.ok(pid);
});

workerTest("what Claude could not save is in the log, with the reason", async (irisd) => {
	const said = '{"type":"system","subtype":"session_writes_lost","error_code":"ENOSPC","lost":["transcript"],"uuid":"u"}';
	const path = join(irisd.dir, "full-disk");

	writeFileSync(path, `#!/bin/sh\n'${fakeClaudePath()}' "$@"\nstatus=$?\nprintf '%s\\n' '${said}'\nexit $status\n`, { mode: 0o755 });
	await irisd.open({ claudePath: path });
	assert.equal((await irisd.ask("ECHO one")).answer, "one");
	assert.doesNotMatch(irisd.stderr, /could not save/);
	await irisd.request("worker/close", { session: "s1" });
	await waitFor(() => /warn .*claude could not save all that it did: .* session=s1 claude=\S+ error=ENOSPC/.test(irisd.stderr),
		{ what: "the warning" });
});

workerTest("worker/ping: how each Claude is; a silent one is asked for a sign of life, which is no word of its turn", async (irisd) => {
	assert.deepEqual(await irisd.request("worker/ping", {}), { claudes: [] });
	const { pid } = await irisd.open({ responseTimeout: 6000 });
	const look = async () => (await irisd.request("worker/ping", {})).claudes[0];
	const idle = await look();
	assert.deepEqual([idle.session, idle.pid, idle.state, idle.unansweredMs], ["s1", pid, "idle", undefined]);
	const message = await irisd.send(`HOLD ${join(irisd.dir, "never")}`);
	await waitFor(() => irisd.all("event/receipt").length === 1);
	/* Quiet grows to a second, then it is asked; the answer starts it again. */
	let last = await look(), asked = 0;
	await waitFor(async () => {
		const now = await look();
		assert.equal(now.state, "busy");
		asked += now.quietMs < last.quietMs;
		last = now;
		return asked >= 2;
	}, { what: "two signs of life" });
	/* A process that is stopped owes nothing. */
	process.kill(pid, "SIGSTOP");
	await waitFor(async () => (await look()).quietMs > 1500);
	assert.equal((await look()).unansweredMs, undefined);
	process.kill(pid, "SIGCONT");
	const r = await irisd.result(message);
	assert.deepEqual([r.ok, r.code], [false, "timeout"], "signs of life are no words of the turn");
});

workerTest("worker/ping: one that does not answer is told, and lives", async (irisd) => {
	const { pid } = await irisd.open({ stopTimeout: 1000, ...faulty("never-reads-stdin") });
	await irisd.send("ECHO never");
	const c = await waitFor(async () => (await irisd.request("worker/ping", {})).claudes.find((o) => o.unansweredMs > 200), { what: "an answer that is owed" });
	assert.deepEqual([c.session, c.pid, c.state], ["s1", pid, "busy"]);
	process.kill(pid, 0);
});

workerTest("all text blocks are the answer, and the deltas add up to it", async (irisd) => {
	await irisd.open();
	const r = await irisd.ask("BLOCKS one|two|three");
	assert.equal(r.answer, "one\n\ntwo\n\nthree");
	assert.equal(irisd.all("event/delta").map((p) => p.text).join(""), "one\n\ntwo\n\nthree");
});

workerTest("deltas are coalesced to one each 50 ms", async (irisd) => {
	await irisd.open();
	const words = Array.from({ length: 200 }, (_, i) => `w${i}`).join(" "), began = performance.now();
	const r = await irisd.ask(`SLOW 600 ${words}`), ms = performance.now() - began;
	assert.equal(r.answer, words);
	const deltas = irisd.events.filter((e) => e.method === "event/delta");
	assert.equal(deltas.map((e) => e.params.text).join(""), words);
	/* The last one does not wait for its time. */
	assert.ok(deltas.length > 3 && deltas.length <= ms / 50 + 2, `${deltas.length} deltas in ${ms} ms`);
});

workerTest("cost is that of the turn, also after a resume", async (irisd) => {
	const claudeId = randomUUID();
	await irisd.open({ claudeId });
	const first = await irisd.ask("ECHO one");
	const second = await irisd.ask("ECHO one");
	await irisd.request("worker/close", { session: "s1" });
	await irisd.open({ claudeId, resume: true });
	const third = await irisd.ask("ECHO one");
	for (const r of [second, third])
		assert.ok(r.usage.costUsd > 0 && r.usage.costUsd < first.usage.costUsd * 1.8, JSON.stringify(r.usage));
});

workerTest("two sessions of one worker work side by side", async (irisd) => {
	await Promise.all([irisd.open({}, "a"), irisd.open({}, "b")]);
	const [a, b] = await Promise.all([irisd.ask("SLOW 200 from a", "a"), irisd.ask("SLOW 200 from b", "b")]);
	assert.equal(a.answer, "from a");
	assert.equal(b.answer, "from b");
	await irisd.request("worker/close", { session: "a" });
	assert.equal((await irisd.ask("ECHO still here", "b")).answer, "still here");
});

workerTest("a session that is not idle refuses a turn, an unknown one too", async (irisd) => {
	await irisd.open();
	const gate = join(irisd.root, "gate"), m = await irisd.send(`HOLD ${gate}`);
	await refused(irisd.request("worker/turn", { session: "s1", message: randomUUID(), text: "x" }), "refused", /busy/);
	await refused(irisd.request("worker/turn", { session: "s2", message: randomUUID(), text: "x" }), "not_found", /no such session/);
	await refused(irisd.open(), "refused", /open already/);
	writeFileSync(gate, "");
	assert.equal((await irisd.result(m)).ok, true);
});

workerTest("the command line and the environment of claude", async (irisd) => {
	await irisd.open({
		model: "opus", permissionMode: "acceptEdits", allowedTools: ["Bash(git log:*)", "--not-an-option"], addDirs: ["/tmp"],
		appendSystemPrompt: "-be brief", mcpConfig: "/dev/null", args: ["--effort=low"], env: { TEAM_VAR: "ä b" },
	});
	const args = (await irisd.ask("ARGS")).answer;
	for (const arg of ["--model=opus", "--permission-mode=acceptEdits", "--allowedTools=Bash(git log:*)",
		"--allowedTools=--not-an-option", "--add-dir=/tmp", "--append-system-prompt=-be brief", "--mcp-config=/dev/null",
		"--effort=low", "--permission-prompt-tool=stdio"])
		assert.ok(args.includes(arg), `${arg} in ${args}`);
	assert.equal((await irisd.ask("ENV TEAM_VAR")).answer, "TEAM_VAR=ä b");
	assert.equal((await irisd.ask("ENV CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS")).answer, "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS=1");
	for (const name of ["CLAUDECODE", "CLAUDE_CODE_SSE_PORT", "TMUX_PANE"])
		assert.doesNotMatch((await irisd.ask(`ENV ${name}`)).answer, /leaked/);
}, { CLAUDECODE: "leaked", CLAUDE_CODE_SSE_PORT: "leaked", TMUX_PANE: "leaked" });

workerTest("interrupt ends the turn as cancelled, and the session goes on", async (irisd) => {
	await irisd.open();
	const m = await irisd.send("SLOW 20000 a b c d e f g h i j k l m n o p");
	await irisd.event("event/delta");
	assert.deepEqual(await irisd.request("worker/interrupt", { session: "s1", message: randomUUID() }), {});
	assert.deepEqual(await irisd.request("worker/interrupt", { session: "s1", message: m }), {});
	const r = await irisd.result(m);
	assert.deepEqual([r.ok, r.code], [false, "cancelled"]);
	assert.match(r.answer, /^a/);
	assert.equal((await irisd.ask("ECHO next")).answer, "next");
});

workerTest("an interrupt on the heels of the message ends it at once, too", async (irisd) => {
	await irisd.open();
	const message = randomUUID();
	const sent = irisd.request("worker/turn", { session: "s1", message, text: "SLOW 20000 a b c d e f" });
	await irisd.request("worker/interrupt", { session: "s1", message });
	await sent;
	const r = await irisd.result(message);
	assert.deepEqual([r.ok, r.code], [false, "cancelled"]);
	assert.equal((await irisd.ask("ECHO next")).answer, "next");
});

workerTest("a permission request: asked, allowed, denied", async (irisd) => {
	await irisd.open();
	let m = await irisd.send("BASH echo from-the-tool");
	let ask = await irisd.event("event/ask");
	assert.equal(ask.tool, "Bash");
	assert.equal(ask.message, m);
	assert.equal(ask.input.command, "echo from-the-tool");
	await refused(irisd.request("worker/answer", { session: "s1", request: "nope", behavior: "allow" }), "not_found", /permission request/);
	await refused(irisd.request("worker/answer", { session: "s1", request: ask.request, behavior: "perhaps" }), "invalid", /allow/);
	await irisd.request("worker/answer", { session: "s1", request: ask.request, behavior: "allow" });
	assert.match((await irisd.result(m)).answer, /from-the-tool/);
	assert.ok(irisd.all("event/activity").some((a) => a.kind === "waiting" && a.tool === "Bash"));

	m = await irisd.send("PERM Write");
	ask = await irisd.event("event/ask", (p) => p.message === m);
	await irisd.request("worker/answer", { session: "s1", request: ask.request, behavior: "deny", message: "Iris says no" });
	assert.match((await irisd.result(m)).answer, /Iris says no/);
});

workerTest("in-band MCP: a tool of Iris is called through the pipe", async (irisd) => {
	irisd.tool = (message, answer, session) => {
		irisd.notify("worker/mcp", { session, message: { jsonrpc: "2.0", method: "notifications/progress",
			params: { progressToken: message.params._meta?.progressToken ?? 0, progress: 1, message: "running" } } });
		answer({ content: [{ type: "text", text: `teams for ${message.params.arguments.a}` }] });
	};
	await irisd.open();
	const r = await irisd.ask('TOOL list_teams {"a":"ä \\u00e9 x"}');
	assert.match(r.answer, /teams for ä é x/);
	assert.equal(irisd.all("event/ask").length, 0, "Iris's own tools need no permission");
	assert.ok(irisd.all("event/activity").some((a) => a.kind === "tool" && a.tool === "mcp__iris__list_teams"));
});

workerTest("a result is kept until irisd has stored it, and stop waits for that", async (irisd) => {
	irisd.acks = false;
	await irisd.open();
	const m = await irisd.send("ECHO kept");
	await irisd.result(m);
	let stopped = false;
	const stop = irisd.request("worker/stop", {}).then(() => (stopped = true));
	await irisd.event("event/exit");
	assert.equal(stopped, false);
	irisd.write({ jsonrpc: "2.0", id: irisd.events.find((e) => e.method === "event/result").id, result: {} });
	await stop;
	await within(30000, irisd.ended, "the worker's end");
});

workerTest("a line that is not JSON-RPC ends the worker with status 76", async (irisd) => {
	await irisd.open();
	irisd.socket.write("{nonsense\n");
	await within(30000, irisd.ended, "the worker's end");
	assert.equal(irisd.worker.exitCode, 76);
	irisd.worker.exitCode = 0;
});

/* --- what can not be started --- */

workerTest("claude missing, not executable, not a program; the directory gone", async (irisd) => {
	const script = (name, text, mode) => {
		writeFileSync(join(irisd.root, name), text);
		chmodSync(join(irisd.root, name), mode);
		return join(irisd.root, name);
	};
	await refused(irisd.open({ claudePath: "/nowhere/claude" }), "no_claude", /not found: \/nowhere\/claude.*claudePath/);
	await refused(irisd.open({ claudePath: "no-such-claude" }), "no_claude", /no no-such-claude in PATH/);
	await refused(irisd.open({ claudePath: script("plain", "#!/bin/sh\n", 0o644) }), "no_claude", /not executable/);
	await refused(irisd.open({ claudePath: script("interp", "#!/no/such/interpreter\n", 0o755) }), "no_claude", /interpreter/);
	await refused(irisd.open({ claudePath: script("binary", "\x7fELFnonsense", 0o755) }), "no_claude", /no program for this machine/);
	await refused(irisd.open({ cwd: join(irisd.root, "gone") }), "directory", /gone.*No such file/);
	await refused(irisd.open({ cwd: script("file", "", 0o644) }), "directory", /not a directory/);
	await refused(irisd.open({ claudeId: "--oops" }), "invalid", /UUID/);
	assert.doesNotMatch(irisd.stderr, /claude started/, "known before anything is started");
	await refused(irisd.open({ claudePath: script("env", "#!/usr/bin/env no-such-node\n", 0o755) }), "no_claude", /no-such-node/);
	await refused(irisd.open({ claudePath: script("dies", "#!/bin/sh\necho 'it broke' >&2\nexit 3\n", 0o755) }), "crashed", /status 3.*it broke/);
	assert.equal((await irisd.open()).version, "2.1.330");
});

workerTest("--resume of an unknown conversation, --session-id in use", async (irisd) => {
	const claudeId = randomUUID();
	await refused(irisd.open({ claudeId, resume: true }), "not_found", new RegExp(claudeId));
	await irisd.open({ claudeId });
	await irisd.ask("ECHO makes the transcript");
	await irisd.request("worker/close", { session: "s1" });
	await assert.rejects(irisd.open({ claudeId }), (e) => {
		assert.deepEqual([e.code, e.data.inUse], ["invalid", true]);
		return true;
	});
});

workerTest("not logged in is known before any turn", async (irisd) => {
	const start = performance.now();
	await refused(irisd.open({ ...faulty("not-logged-in"), spawnTimeout: 60000 }, "s1"), "login", /not logged in.*\/login/);
	assert.ok(performance.now() - start < 15000, "not when the time to start is over");
});

workerTest("hang at start: spawnTimeout, and the process is gone", async (irisd) => {
	await refused(irisd.open({ spawnTimeout: 300, ...faulty("hang-at-start") }), "timeout", /not ready within 300 ms/);
	await irisd.open();
});

/* --- what goes wrong in a turn --- */

for (const [fault, code, reason] of [
	["half-line-then-die", "crashed", /exited with status 1/],
	["exit-without-result", "crashed", /exited with status 0/],
	["crash-mid-turn", "crashed", /signal 9/],
	["crash-before-seen", "crashed", /signal 9/],
	["grandchild-keeps-pipe", "crashed", /exited with status 0/],
	["line-100mb", "protocol", /line longer than/],
]) {
	workerTest(`${fault}: the turn ends as ${code}, the session can be opened again`, async (irisd) => {
		const claudeId = randomUUID();
		await irisd.open({ claudeId });
		const m = await irisd.send(`FAULT ${fault}`);
		const r = await irisd.result(m);
		assert.deepEqual([r.ok, r.code], [false, code]);
		assert.match(r.reason, reason);
		const exit = await irisd.event("event/exit");
		assert.equal(exit.expected, false);
		const order = irisd.events.map((e) => e.method);
		assert.ok(order.indexOf("event/result") < order.indexOf("event/exit"));
		assert.equal(irisd.all("event/receipt").length, fault === "crash-before-seen" ? 0 : 1);
		await irisd.open();
		assert.equal((await irisd.ask("ECHO again")).answer, "again");
	});
}

for (const fault of ["invalid-utf8", "nul-in-line", "double-result", "result-not-is-error-null"]) {
	workerTest(`${fault}: the turn is answered, and the next one too`, async (irisd) => {
		await irisd.open();
		const r = await irisd.ask(`FAULT ${fault}\nECHO first`);
		assert.equal(r.ok, true, r.reason);
		assert.match(r.answer, /first/);
		assert.equal((await irisd.ask("ECHO second")).answer, "second");
		assert.equal(irisd.all("event/result").length, 2);
	});
}

workerTest("api-error: the reason is what the API said", async (irisd) => {
	await irisd.open();
	const r = await irisd.ask("FAULT api-error");
	assert.deepEqual([r.ok, r.code], [false, "agent"]);
	assert.match(r.reason, /API Error/);
	assert.equal((await irisd.ask("ECHO on")).answer, "on");
});

workerTest("result-before-init never becomes a wrong answer", async (irisd) => {
	await irisd.open();
	const r = await irisd.ask("FAULT result-before-init\nECHO right");
	if (r.ok)
		assert.match(r.answer, /right/);
	else
		assert.equal(r.code, "protocol");
});

workerTest("another session id: fenced, killed, and both ids named", async (irisd) => {
	const claudeId = randomUUID();
	await irisd.open({ claudeId, ...faulty("other-session-id") });
	const r = await irisd.ask("ECHO from somebody else");
	assert.deepEqual([r.ok, r.code], [false, "protocol"]);
	assert.match(r.reason, new RegExp(`session [0-9a-f-]{36} where ${claudeId}`));
	await irisd.event("event/exit", (p) => p.reason.includes(claudeId));
});

workerTest("silence: interrupted, then stopped, as timeout", async (irisd) => {
	await irisd.open({ responseTimeout: 300 });
	const r = await irisd.ask("FAULT silent-turn");
	assert.deepEqual([r.ok, r.code], [false, "timeout"]);
});

workerTest("never reads stdin: nothing blocks, the turn times out", async (irisd) => {
	await irisd.open({ responseTimeout: 300, stopTimeout: 1000, ...faulty("never-reads-stdin") });
	await irisd.open({}, "other");
	const m = await irisd.send(`ECHO ${"x".repeat(4 << 20)}`);
	assert.equal((await irisd.ask("ECHO meanwhile", "other")).answer, "meanwhile");
	const r = await irisd.result(m);
	assert.deepEqual([r.ok, r.code], [false, "timeout"]);
	await irisd.event("event/exit", (p) => p.session === "s1");
});

workerTest("silence does not count while a tool or a question is open", async (irisd) => {
	await irisd.open({ responseTimeout: 700 });
	const m = await irisd.send("BASH sleep 1; echo slow-tool");
	const ask = await irisd.event("event/ask");
	await new Promise((r) => setTimeout(r, 900));
	assert.equal(irisd.all("event/result").length, 0);
	await irisd.request("worker/answer", { session: "s1", request: ask.request, behavior: "allow" });
	const r = await irisd.result(m);
	assert.equal(r.ok, true, r.reason);
	assert.match(r.answer, /slow-tool/);
});

workerTest("slow bytes are put together", async (irisd) => {
	await irisd.open({ ...faulty("slow-bytes"), spawnTimeout: 30000, responseTimeout: 30000 });
	assert.equal((await irisd.result(await irisd.send("ECHO slow but whole"), 30000)).answer, "slow but whole");
});

/* --- the end --- */

workerTest("a claude that ignores everything is killed within stopTimeout", async (irisd) => {
	await irisd.open({ stopTimeout: 4000, ...faulty("ignore-term") });
	const start = performance.now();
	await irisd.request("worker/close", { session: "s1" });
	assert.ok(performance.now() - start < 4000);
	assert.deepEqual(irisd.all("event/exit").map((e) => [e.how, e.status, e.expected]), [["signal", 9, true]]);
});

workerTest("close in mid-turn: interrupted, told as cancelled, then gone", async (irisd) => {
	await irisd.open();
	const m = await irisd.send("SLOW 20000 a b c d e f g h i j k");
	await irisd.event("event/delta");
	await irisd.request("worker/close", { session: "s1" });
	const r = await irisd.result(m, 100);
	assert.deepEqual([r.ok, r.code], [false, "cancelled"]);
});

workerTest("close while starting: the open is answered as cancelled", async (irisd) => {
	const open = irisd.open(faulty("hang-at-start"));
	const failed = refused(open, "cancelled", /closed before/);
	await irisd.request("worker/close", { session: "s1" });
	await failed;
});

/* A tool in a session of its own, that neither EOF nor claude's death ends. */
async function leaveTool(irisd, session = "s1") {
	const file = join(irisd.root, `pid-${session}`);
	const m = await irisd.send(`BASH setsid sh -c 'echo $$ > "${file}"; exec sleep 333' >/dev/null 2>&1 </dev/null & sleep 0.1; echo left`, session);
	const ask = await irisd.event("event/ask", (p) => p.message === m);
	await irisd.request("worker/answer", { session, request: ask.request, behavior: "allow" });
	await irisd.result(m);
	const pid = Number(await waitFor(() => existsSync(file) && readFileSync(file, "utf8").trim(), { what: "the tool's pid" }));
	await waitFor(() => alive(pid), { what: "the tool" });
	return pid;
}

/* One that has ended and that nobody has reaped yet, init neither, has no command any more. */
const alive = (pid) => processesOf("sleep 333").some((p) => p.pid === pid);

workerTest("after close nothing is left, not even a tool in a session of its own", async (irisd) => {
	await irisd.open();
	const pid = await leaveTool(irisd);
	await irisd.request("worker/close", { session: "s1" });
	assert.equal(alive(pid), false);
});

workerTest("a claude that crashes leaves nothing either, and its neighbour's tool lives", async (irisd) => {
	await irisd.open({}, "a");
	await irisd.open({}, "b");
	const [a, b] = [await leaveTool(irisd, "a"), await leaveTool(irisd, "b")];
	const m = await irisd.send("FAULT crash-mid-turn", "a");
	await irisd.result(m);
	await irisd.event("event/exit", (p) => p.session === "a");
	assert.equal(alive(a), false, "the dead one's tool");
	assert.equal(alive(b), true, "the living one's tool");
	await irisd.request("worker/close", { session: "b" });
	assert.equal(alive(b), false);
});

workerTest("TERM stops the worker in order", async (irisd) => {
	await irisd.open();
	irisd.worker.kill("SIGTERM");
	await within(30000, irisd.ended, "the worker's end");
	assert.equal(irisd.worker.exitCode, 0);
});

workerTest("an idle worker does not wake up, and is small", async (irisd) => {
	if (process.platform !== "linux")
		return;
	await irisd.open();
	await irisd.ask("ECHO warm");
	const status = () => readFileSync(`/proc/${irisd.worker.pid}/status`, "utf8");
	const switches = () => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status())[1]);
	/* What its Claude says behind the turn has been read when nothing comes for a while. */
	let before;
	await waitFor(() => {
		const last = before;
		return (before = switches()) === last;
	}, { every: 200, what: "the worker to have nothing to do" });
	await new Promise((r) => setTimeout(r, 1000));
	assert.ok(switches() - before <= 1, `${switches() - before} wake-ups in a second`);
	const rss = Number(/^VmRSS:\s+(\d+)/m.exec(status())[1]);
	if (!process.env.IRIS_BUILD?.includes("san"))
		assert.ok(rss <= 3.5 * 1024, `${rss} KiB resident`);
});
