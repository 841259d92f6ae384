/* SPDX-License-Identifier: MIT
 *
 * iris-worker with a team on another host, without one: a few lines of sh are called ssh, and run here what they are to
 * run there, or say what a test wants ssh to say. The test plays irisd. tests/remote does it all with a real sshd.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { buildDir, fakeClaudePath } from "../lib/claude-env.mjs";
import { refused, workerTest } from "../lib/fake-irisd.mjs";
import { processesOf } from "../lib/processes.mjs";
import { waitFor } from "../lib/wait.mjs";

const bin = realpathSync(mkdtempSync(join(tmpdir(), "iris-ssh-")));
after(() => rmSync(bin, { recursive: true, force: true }));

/* What it was started with is kept; $SAYS, where a test has written it, is what it does. */
writeFileSync(join(bin, "ssh"), `#!/bin/sh
home=$MARK/far
mkdir -p "$home/calls"
printf '%s\\0' "$@" >"$home/calls/$$.args"
env >"$home/calls/$$.env"
for command; do :; done
[ ! -e "$MARK/says" ] || . "$MARK/says"
cd "$home" && HOME=$home SSH_CONNECTION=x exec sh -c "$command"
`, { mode: 0o755 });

const far = (irisd) => join(irisd.root, "far");
const says = (irisd, text) => writeFileSync(join(irisd.root, "says"), text);
const calls = (irisd) => readdirSync(join(far(irisd), "calls")).filter((f) => f.endsWith(".args")).map((f) => ({
	args: readFileSync(join(far(irisd), "calls", f), "utf8").split("\0").slice(0, -1),
	env: readFileSync(join(far(irisd), "calls", f.replace("args", "env")), "utf8"),
}));
const transcript = (irisd) => {
	const base = join(far(irisd), ".claude", "projects");
	return readdirSync(base).flatMap((d) => readdirSync(join(base, d)).filter((f) => f.endsWith(".jsonl")).map((f) => readFileSync(join(base, d, f), "utf8"))).join("");
};

const remoteTest = (name, fn, env = {}) => workerTest(name, async (irisd) => {
	mkdirSync(join(far(irisd), "project"), { recursive: true });
	irisd.remote = (more = {}) => ({
		args: ["-p", "2222"], dest: "me@host.example", ssh2: false, host: "buildhost", strictHostKeyChecking: true, connectTimeout: 8000,
		serverAliveInterval: 15, serverAliveCountMax: 3, lingerTimeout: 8000, controlDir: join(irisd.root, "c"), ...more,
	});
	irisd.openFar = (more = {}, remote = {}, session = "s1") => irisd.open({ cwd: "~/project", remote: irisd.remote(remote), ...more }, session);
	await fn(irisd);
}, { PATH: `${bin}:${process.env.PATH}`, ...env });

remoteTest("open, a turn, close: as a local one, and the host has the last word", async (irisd) => {
	const opened = await irisd.openFar();
	assert.ok(opened.pid > 1 && opened.remotePid > 1 && opened.readyMs >= 0);
	assert.equal((await irisd.ask("ECHO from there")).answer, "from there");
	assert.equal(irisd.all("event/session")[0].cwd, join(far(irisd), "project"));
	assert.equal((await irisd.ask("ENV SSH_CONNECTION")).answer, "SSH_CONNECTION=(unset)");
	await irisd.request("worker/close", { session: "s1" });
	const exit = irisd.all("event/exit")[0];
	assert.deepEqual([exit.pid, exit.how, exit.status, exit.expected, exit.line], [opened.pid, "exit", 0, true, undefined]);
});

remoteTest("nothing goes there behind the script before it has said hello, and nothing is begun when nobody waits any more", async (irisd) => {
	/* All of the input arrives, and late. */
	says(irisd, `cat >"$MARK/input"; cd "$home"; HOME=$home sh -c "$command" <"$MARK/input" >"$MARK/output"; cat "$MARK/output"; exit 0`);
	const opened = irisd.openFar();
	opened.catch(() => {});
	await irisd.request("worker/close", { session: "s1" });
	await refused(opened, "cancelled", /before Claude was ready/);
	const input = readFileSync(join(irisd.root, "input"), "utf8").split("\n");
	assert.deepEqual(input.slice(-2), [".", ""]);
	assert.deepEqual(readFileSync(join(irisd.root, "output"), "utf8").split("\n").filter(Boolean).map((l) => Object.keys(JSON.parse(l))[1]), ["hello", "gone"]);
	assert.ok(!existsSync(join(far(irisd), ".claude")));
	/* And then in this order. */
	says(irisd, `cd "$home"; tee "$MARK/input" | HOME=$home sh -c "$command"; exit 0`);
	await irisd.openFar({}, {}, "s2");
	const behind = () => readFileSync(join(irisd.root, "input"), "utf8").split("\n.\n")[1].split("\n");
	assert.equal(behind()[0], "go");
	assert.equal(JSON.parse(behind()[1]).request.subtype, "initialize");
	await irisd.request("worker/close", { session: "s2" });
});

remoteTest("what a host says does not fill the log", async (irisd) => {
	const flood = (line) => `yes '${line}' | head -n 3000\n`;
	says(irisd, flood('{"type":"iris_remote",broken'));
	const path = join(irisd.root, "claude");
	const misnamed = JSON.stringify({ type: "control_request", request_id: "x".repeat(300), request: { subtype: "can_use_tool" } });
	writeFileSync(path, `#!/bin/sh\n${flood('{"type":"iris_remote","status":')}${flood(misnamed)}${flood("rubbish")}exec ${fakeClaudePath()} "$@"\n`, { mode: 0o755 });
	await irisd.openFar({ claudePath: path });
	assert.equal((await irisd.ask("ECHO heard all the same")).answer, "heard all the same");
	await irisd.request("worker/close", { session: "s1" });
	assert.equal(irisd.stderr.match(/wrapper's word can not be read/g).length, 1);
	assert.equal(irisd.stderr.match(/claude's request ignored/g).length, 1);
	assert.ok(irisd.stderr.length < 30000, `${irisd.stderr.length} bytes`);
});

remoteTest("ssh's arguments: what decides first, the user's own, the team's, and nothing of Claude's", async (irisd) => {
	await irisd.openFar({ env: { SECRET: "of the team" }, appendSystemPrompt: "of the prompt" }, {
		args: ["-p", "2222", "-o", "ServerAliveInterval=1"], extraSshArgs: ["-4"], identity: "~/.ssh/id", port: 99, compression: true, forwardAgent: true,
		strictHostKeyChecking: false, connectTimeout: 8001, passphrase: "of the key",
	});
	const [{ args, env }] = calls(irisd);
	const control = args.find((a) => a.startsWith("ControlPath="));
	assert.match(control, new RegExp(`^ControlPath="${irisd.root}/c/[0-9a-f]{16}"$`));
	assert.deepEqual(args.slice(0, -1), [
		"-T", "-o", "BatchMode=no", "-o", "PasswordAuthentication=no", "-o", "KbdInteractiveAuthentication=no", "-o", "NumberOfPasswordPrompts=1",
		"-o", "ControlMaster=auto", "-o", control, "-o", "ControlPersist=60", "-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no",
		"-o", "EscapeChar=none", "-o", "RequestTTY=no", "-o", "RemoteCommand=none", "-p", "2222", "-o", "ServerAliveInterval=1", "-4",
		"-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", "-o", "ConnectTimeout=9", "-o", "StrictHostKeyChecking=accept-new",
		"-p", "99", "-i", "~/.ssh/id", "-C", "-A", "--", "me@host.example",
	]);
	assert.match(args.at(-1), /^exec \/bin\/sh -c '/);
	for (const secret of ["of the team", "of the prompt", "of the key", "project"])
		assert.ok(!args.some((a) => a.includes(secret)), secret);
	assert.match(env, /^IRIS_ASKPASS=of the key$/m);
	assert.match(env, /^SSH_ASKPASS_REQUIRE=force$/m);
	assert.match(env, new RegExp(`^SSH_ASKPASS=${join(buildDir(), "bin", "iris-worker")}$`, "m"));
	assert.doesNotMatch(env, /IRIS_CLAUDE|SECRET/);
	assert.ok(!irisd.stderr.includes("of the key"));
});

remoteTest("every awkward character arrives: directory, environment, arguments", async (irisd) => {
	const dir = "a 'b' \"c\" $d `e` \\f ~ ü日 *";
	const values = ["a b", "it's", '"', "$HOME", "`id`", "\\n", "two\nlines", "\n.\n", "~", "ünï 日本 😀", "*", "-x", "!!", "%s"];
	mkdirSync(join(far(irisd), dir));
	await irisd.openFar({ cwd: `~/${dir}`, env: Object.fromEntries(values.map((v, i) => [`V${i}`, v])), args: ["--name=it's \"$x\"\n.\n`y`"] });
	for (const [i, v] of values.entries())
		assert.equal((await irisd.ask(`ENV V${i}`)).answer, `V${i}=${v}`);
	assert.ok((await irisd.ask("ARGS")).answer.includes("--name=it's \"$x\"\n.\n`y`"));
	assert.equal(irisd.all("event/session")[0].cwd, join(far(irisd), dir));
	const hidden = await irisd.openFar({ env: { IRIS_CLAUDE: "mine", IRIS_KEEPER: "x", n: "m", x: "y" } }, {}, "s2");
	assert.ok(hidden.pid);
	assert.notEqual((await irisd.ask("ENV IRIS_CLAUDE", "s2")).answer, "IRIS_CLAUDE=mine");
	assert.equal((await irisd.ask("ENV x", "s2")).answer, "x=y");
});

remoteTest("what no command line may hold is refused", async (irisd) => {
	for (const remote of [{ dest: "-oProxyCommand=id" }, { dest: "me@-x" }, { dest: "a b" }, { dest: "a\nb" }, { args: ["-oX", "x"] }, { args: ["-M"] },
		{ args: ["host"] }, { extraSshArgs: ["-W", "a:1"] }, { args: "x" }, { args: [1] }, { identity: "a\nb" }, { dest: undefined }])
		await refused(irisd.openFar({}, remote), "invalid", /remote\./);
	await refused(irisd.openFar({ cwd: "a\nb" }), "directory", /control/);
	await refused(irisd.openFar({ cwd: "" }), "directory", /empty/);
	await refused(irisd.openFar({ claudePath: "bin/claude" }), "no_claude", /absolute/);
	await refused(irisd.openFar({ env: { "A-B": "c" } }), "invalid", /A-B/);
	await refused(irisd.open({ remote: "host" }), "invalid", /remote/);
	assert.ok(!existsSync(join(far(irisd), "calls")));
});

remoteTest("a resumed turn: its user line has a UUID of its own, what is told of it the message's", async (irisd) => {
	await irisd.openFar();
	const message = randomUUID(), line = randomUUID();
	await irisd.request("worker/turn", { session: "s1", message, line, text: "ECHO again" });
	assert.equal((await irisd.result(message)).answer, "again");
	assert.deepEqual(irisd.all("event/receipt").map((r) => [r.message, r.state]), [[message, "seen"]]);
	assert.ok(transcript(irisd).includes(line) && !transcript(irisd).includes(message));
	await refused(irisd.request("worker/turn", { session: "s1", message, line: "x", text: "ECHO" }), "invalid", /UUID/);
	/* Cancelling it is by the message's id as well. */
	const slow = randomUUID();
	await irisd.request("worker/turn", { session: "s1", message: slow, line: randomUUID(), text: "SLOW 20000 never" });
	await irisd.event("event/receipt", (p) => p.message === slow);
	await irisd.request("worker/interrupt", { message: slow, session: "s1" });
	assert.equal((await irisd.result(slow)).code, "cancelled");
});

remoteTest("the line is cut in a turn: no result, an exit that says so; the turn goes to its end over there", async (irisd) => {
	const claudeId = randomUUID();
	const { pid } = await irisd.openFar({ claudeId });
	const gate = join(irisd.root, "gate"), message = await irisd.send(`HOLD ${gate}\nECHO kept over there`);
	await irisd.event("event/receipt", (p) => p.message === message);
	/* As ssh when its connection is gone: by itself, with 255. */
	const shell = processesOf(irisd.root).find((p) => p.pid === pid);
	assert.ok(shell);
	process.kill(pid, "SIGKILL");
	const exit = await irisd.event("event/exit");
	assert.deepEqual([exit.line, exit.alive, exit.expected], [true, false, false]);
	assert.match(exit.reason, /the line to buildhost was lost/);
	writeFileSync(gate, "");
	await waitFor(() => transcript(irisd).includes(`"text":"kept over there"`), { what: "the answer in the transcript" });
	assert.deepEqual(irisd.all("event/result"), []);
	/* The next one takes the conversation up, when the first has ended. */
	await irisd.openFar({ claudeId, resume: true });
	assert.equal((await irisd.ask("ECHO next")).answer, "next");
});

remoteTest("Claude ends over there: the host has proved it, and the turn has failed", async (irisd) => {
	await irisd.openFar();
	const r = await irisd.ask("FAULT crash-mid-turn");
	assert.deepEqual([r.ok, r.code], [false, "crashed"]);
	assert.match(r.reason, /killed by signal 9/);
	const exit = await irisd.event("event/exit");
	assert.deepEqual([exit.how, exit.status, exit.line], ["signal", 9, undefined]);
});

remoteTest("ssh fails: its own last words, in a sentence", async (irisd) => {
	says(irisd, "echo 'ssh: connect to host host.example port 2222: Connection refused' >&2; exit 255");
	await refused(irisd.openFar(), "line", /buildhost.*Connection refused/);
	says(irisd, "echo 'me@host.example: Permission denied (publickey).' >&2; exit 255");
	await refused(irisd.openFar(), "host", /buildhost.*Permission denied/);
	/* A login that runs no commands. */
	says(irisd, "echo 'This account is currently not available.'; exit 1");
	await refused(irisd.openFar(), "host", /account is currently not available/);
	says(irisd, "echo 'Pick one: 1) mail 2) games'; exit 0");
	await refused(irisd.openFar(), "host", /buildhost did not run.*status 0: Pick one/);
	/* What is no text at all. */
	says(irisd, "printf '\\377\\376\\000\\033[2J\\n'; printf '\\377\\n' >&2; exit 3");
	await refused(irisd.openFar(), "host", /^buildhost did not run[^\x00-\x1f]*status 3/);
	assert.deepEqual(irisd.all("event/exit"), []);
});

remoteTest("no answer within connectTimeout: said so, and the shared connection is left", async (irisd) => {
	says(irisd, 'for a; do case $a in ControlPath=*) a=${a#*\\"}; : >"${a%\\"}" ;; esac; done; exec sleep 100');
	const began = performance.now();
	await refused(irisd.openFar({}, { connectTimeout: 1000 }), "line", /buildhost can not be reached.*within 1 s/);
	assert.ok(performance.now() - began < 15000);
	assert.equal(calls(irisd).length, 1);
	assert.deepEqual(readdirSync(join(irisd.root, "c")), []);
});

remoteTest("no ssh here", async (irisd) => {
	await refused(irisd.openFar(), "host", /no ssh program/);
}, { PATH: "/nowhere" });

remoteTest("over there: no directory, no claude, no room, Claude that does not come up", async (irisd) => {
	await refused(irisd.openFar({ cwd: "~/nowhere" }), "directory", /~\/nowhere on buildhost does not exist/);
	await refused(irisd.openFar({ cwd: "/dev/null" }), "directory", /not a directory/);
	await refused(irisd.openFar({ claudePath: "no-such-claude" }), "no_claude", /not found on buildhost: no no-such-claude in PATH \(.*\/bin/);
	await refused(irisd.openFar({ claudePath: "/dev/null" }), "no_claude", /on buildhost/);
	await refused(irisd.openFar({ env: { CLAUDE_CONFIG_DIR: "/dev/null" } }), "host", /buildhost: \/dev\/null can not be written \(.+\)/);
	await refused(irisd.openFar({ resume: true }), "not_found", /no conversation .* in ~\/project on buildhost/);
	await refused(irisd.openFar({ env: { FAKE_CLAUDE_FAULT: "not-logged-in" } }), "login", /~\/project on buildhost/);
	await refused(irisd.openFar({ env: { FAKE_CLAUDE_FAULT: "hang-at-start" }, spawnTimeout: 500 }), "timeout", /~\/project on buildhost/);
	assert.deepEqual(irisd.all("event/exit"), []);
});

remoteTest("ended over there before it was ready, while its line stays", async (irisd) => {
	says(irisd, `[ ! -e "$MARK/far/hung" ] || { cd "$MARK/far"; HOME=$MARK/far exec sh -c "$command"; }
		: >"$MARK/far/hung"; printf '%s\\n' '{"type":"iris_remote","hello":7}'; exec sleep 1000`);
	await refused(irisd.openFar({ spawnTimeout: 300 }), "timeout", /~\/project on buildhost/);
	assert.equal(calls(irisd).length, 2, "one for Claude, one for its end");
	await irisd.openFar({}, {}, "s2");
	assert.equal((await irisd.ask("ECHO the worker goes on", "s2")).answer, "the worker goes on");
});

remoteTest("it ignores all that is asked of it: it is ended over there, with what it has started", async (irisd) => {
	await irisd.openFar({ env: { FAKE_CLAUDE_FAULT: "ignore-term" }, stopTimeout: 1200 });
	const message = await irisd.send("BASH setsid sleep 1000 & sleep 1000");
	const ask = await irisd.event("event/ask");
	await irisd.request("worker/answer", { session: "s1", request: ask.request, behavior: "allow" });
	await waitFor(() => processesOf(irisd.root).filter((p) => p.command === "sleep 1000").length >= 2);
	await irisd.request("worker/close", { session: "s1" });
	assert.equal((await irisd.result(message)).ok, false);
	assert.equal(irisd.all("event/exit")[0].line, undefined);
	assert.deepEqual(processesOf(irisd.root).filter((p) => p.command === "sleep 1000"), []);
});

remoteTest("what a login prints is nobody's answer; words that are not the wrapper's are not believed", async (irisd) => {
	says(irisd, `printf 'Welcome to\\nthe host\\n\\377{"type":"result"}\\nno newline'; echo oops >&2`);
	await irisd.openFar();
	assert.equal((await irisd.ask("ECHO fine")).answer, "fine");
	assert.doesNotMatch((await irisd.ask("FAULT crash-mid-turn")).reason, /Welcome/);
	says(irisd, `say() { printf '%s\\n' '{"type":"iris_remote",'"$1"; }; say '"hello":0}'; say '"gone":true}'; say '"hello":"1"}'; say broken; say '"hello":7}'; say '"hello":8}'
		say '"status":999}'; say '"failed":"\\377"}'; exit 3`);
	await assert.rejects(irisd.openFar({}, {}, "s2"), (e) => e.code === "no_claude" || e.code === "line");
});

workerTest("a local Claude is not believed where it speaks as a wrapper would", async (irisd) => {
	const path = join(irisd.root, "claude");
	writeFileSync(path, `#!/bin/sh
echo '{"type":"iris_remote","hello":1}'
echo '{"type":"iris_remote","failed":"no_claude"}'
echo '{"type":"iris_remote","status":3}'
echo '{"type":"iris_remote","gone":true}'
exec ${fakeClaudePath()} "$@"\n`, { mode: 0o755 });
	const opened = await irisd.open({ claudePath: path });
	assert.equal(opened.remotePid, undefined);
	assert.equal((await irisd.ask("ECHO still here")).answer, "still here");
	await irisd.request("worker/close", { session: "s1" });
	assert.equal(irisd.all("event/exit")[0].status, 0);
});

remoteTest("irisd goes and comes in a turn", async (irisd) => {
	await irisd.openFar();
	const gate = join(irisd.root, "gate"), message = await irisd.send(`HOLD ${gate}\nECHO told to the next one`);
	await irisd.event("event/receipt", (p) => p.message === message);
	irisd.die();
	const hello = await irisd.comeBack();
	assert.equal(hello.sessions[0].session, "s1");
	writeFileSync(gate, "");
	assert.equal((await irisd.result(message)).answer, "held\n\ntold to the next one");
});

remoteTest("iris-worker as what ssh asks for a passphrase: for that, and for nothing else", async (irisd) => {
	const ask = (prompt, env) => spawnSync(join(buildDir(), "bin", "iris-worker"), [prompt], { env: { IRIS_ASKPASS: "it's \"x\"", ...env }, encoding: "utf8" });
	assert.ok(irisd.worker.pid);
	const { status, stdout } = ask("Enter passphrase for key '/home/me/.ssh/id': ");
	assert.deepEqual([status, stdout], [0, "it's \"x\"\n"]);
	for (const r of [ask("me@host's password: "), ask("(me@jump) Enter passphrase for key '/x': "), ask("Passphrase: "), ask("Are you sure (yes/no)? "), ask("passphrase?", { SSH_ASKPASS_PROMPT: "confirm" }), ask("-x")]) {
		assert.notEqual(r.status, 0);
		assert.equal(r.stdout, "");
	}
});

remoteTest("lost before Claude was ready: told from a line that never was", async (irisd) => {
	says(irisd, `echo '{"type":"iris_remote","hello":7}'; echo 'client_loop: send disconnect: Broken pipe' >&2; exit 255`);
	await assert.rejects(irisd.openFar(), (e) => e.code === "line" && e.data.line === true && /Broken pipe/.test(e.message));
	says(irisd, `echo 'ssh: connect to host x port 22: Connection refused' >&2; exit 255`);
	await assert.rejects(irisd.openFar(), (e) => e.code === "line" && e.data.line === undefined);
});
