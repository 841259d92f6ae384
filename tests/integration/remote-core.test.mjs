/* SPDX-License-Identifier: MIT
 *
 * irisd and a team on another machine, whose worker the test plays: the line is cut in each state,
 * the look-up there says each thing that it can say, and nothing is given to a Claude twice.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { makeStage, event, failure, result, turnResult, useFakeWorkers } from "../lib/fake-worker.mjs";
import { run } from "../lib/iris.mjs";
import { assert, connectRaw, failedRun, makeIris, quick, sessions, waitFor } from "./setup.mjs";

useFakeWorkers();

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const LOST = "the connection to box was broken off: Broken pipe";

describe("a team on another machine", () => {
	let iris, stage, client, w;

	const start = async ({ far = {}, options = {}, settings = {} } = {}) => {
		iris = makeIris({ asker: {}, other: {}, far: { path: "~/it's here", remote: "ssh -p 2222 me@box", remoteOptions: options, ...far } }, { settings });
		stage = await makeStage(iris.root);
		Object.assign(iris.env, stage.env);
		await iris.start();
		client = await iris.client({ cwd: iris.dirs.asker });
	};
	afterEach(async () => {
		stage.close();
		w?.socket.destroy();
		w = undefined;
		await iris.stop();
	});

	const opened = (open) => result(open, { pid: w.pid, remotePid: 4711, readyMs: 1, version: "test" });
	const exit = (open, more) => event("exit", open, { pid: w.pid, how: "exit", status: 255, expected: false, stderr: "", reason: LOST, ...more });
	const seen = (turn) => event("receipt", turn, { message: turn.params.message, state: "seen", evidence: "lifecycle" });
	const show = (id) => iris.message(id);
	const receipts = async (id) => (await show(id)).receipts.map((r) => r.state);

	/* Sent, and with its Claude. */
	const begin = async (message = "hello") => {
		const id = await quick(iris, client, "far", message);
		w ??= await stage.next();
		const open = await w.request("worker/open");
		w.send(opened(open));
		return { id, open, turn: await w.request("worker/turn") };
	};
	const cut = async ({ id, open, turn }, { state = "seen" } = {}) => {
		if (state === "seen") {
			w.send(seen(turn));
			await iris.messageIn(id, "seen");
		}
		w.send(exit(open, { line: true }));
	};
	const lineOf = async (team = "far") => (await iris.json(["team", "show", team])).line;
	const reload = async () => {
		const n = iris.log().split("configuration reloaded").length;
		process.kill(iris.daemon.pid, "SIGHUP");
		await waitFor(() => iris.log().split("configuration reloaded").length > n, { what: "the reload" });
	};
	const lookup = () => w.request("worker/lookup");
	/* It has nothing to do, and is told to stop: the next one is another. */
	const retired = async () => {
		await w.request("worker/stop");
		w.socket.destroy();
		w = undefined;
	};

	test("what the worker is told of the host, and the conversation's process", async () => {
		await start({
			far: { claudePath: "~/bin/claude", env: { A: "b c" } },
			options: { identity: "/k/id", port: 22, compression: true, forwardAgent: true, extraSshArgs: ["-4"], connectTimeout: 1234, lingerTimeout: 777, strictHostKeyChecking: false },
		});
		const { id, open, turn } = await begin();
		const { remote } = open.params;
		const dir = join(iris.home, "run", "ssh");
		assert.deepEqual(remote, {
			args: ["-p", "2222"],
			dest: "me@box",
			host: "box",
			ssh2: false,
			identity: "/k/id",
			port: 22,
			strictHostKeyChecking: false,
			connectTimeout: 1234,
			serverAliveInterval: 30,
			serverAliveCountMax: 3,
			compression: true,
			forwardAgent: true,
			extraSshArgs: ["-4"],
			lingerTimeout: 777,
			controlDir: dir,
		});
		assert.equal(statSync(dir).mode & 0o777, 0o700);
		assert.equal(open.params.cwd, "~/it's here");
		assert.equal(open.params.claudePath, "~/bin/claude");
		assert.match(open.params.instance, UUID);
		assert.equal(turn.params.line, undefined);
		w.send(turnResult(turn, "done"));
		assert.equal((await iris.messageIn(id, "answered")).response, "done");
	});

	test("cut in the turn: looked up, still running, and answered; delivered once", async () => {
		await start();
		const one = await begin();
		const behind = await quick(iris, client, "far", "behind");
		await cut(one);
		const look = await lookup();
		assert.equal(look.params.message, one.id);
		assert.equal(look.params.claudeId, one.open.params.claudeId);
		assert.deepEqual([look.params.kill, look.params.turn, look.params.remote.dest], [false, undefined, "me@box"]);
		const watch = await connectRaw(iris, { role: "ctl" });
		watch.send({ jsonrpc: "2.0", id: 1, method: "iris/message.show", params: { id: one.id, wait: 30000 } });
		w.send(result(look, { state: "running", line: 0 }));
		const again = await lookup();
		w.send(result(again, { state: "answered", line: 7, answer: "it was done meanwhile" }));
		const m = await iris.messageIn(one.id, "answered");
		assert.equal(m.response, "it was done meanwhile");
		assert.deepEqual(m.receipts.map((r) => r.state), ["queued", "sent", "seen", "answered"]);
		assert.equal(m.receipts.at(-1).evidence, "transcript line 7");
		/* What waited behind it goes to a new process of the same conversation. */
		const open = await w.request("worker/open");
		assert.deepEqual([open.params.resume, open.params.claudeId], [true, one.open.params.claudeId]);
		assert.notEqual(open.params.instance, one.open.params.instance);
		w.send(opened(open));
		const turn = await w.request("worker/turn");
		assert.deepEqual([turn.params.message, turn.params.line], [behind, undefined]);
		w.send(turnResult(turn, "and this"));
		await iris.messageIn(behind, "answered");
		assert.equal(w.got.filter((l) => l.method === "worker/turn").length, 0);
		watch.socket.destroy();
	});

	test("cut before it arrived: delivered again, under its own id", async () => {
		await start();
		const one = await begin();
		await cut(one, { state: "sent" });
		w.send(result(await lookup(), { state: "absent", line: 0 }));
		const open = await w.request("worker/open");
		w.send(opened(open));
		const turn = await w.request("worker/turn");
		assert.deepEqual([turn.params.message, turn.params.line, turn.params.text], [one.id, undefined, one.turn.params.text]);
		w.send(turnResult(turn, "done"));
		await iris.messageIn(one.id, "answered");
		assert.deepEqual(await receipts(one.id), ["queued", "sent", "sent", "seen", "answered"]);
	});

	test("cut off over there: it goes on by a line of its own; cut again in that; three times at most", async () => {
		await start();
		const one = await begin();
		const lines = [];
		let at = one;
		for (let i = 0; i < 4; i += 1) {
			await cut(at);
			const look = await lookup();
			assert.equal(look.params.turn, lines.at(-1));
			w.send(result(look, { state: "taken", line: 5 + i }));
			if (i === 3) break;
			const open = await w.request("worker/open");
			assert.equal(open.params.resume, true);
			w.send(opened(open));
			const turn = await w.request("worker/turn");
			assert.equal(turn.params.message, one.id);
			assert.match(turn.params.line, UUID);
			assert.ok(!lines.includes(turn.params.line) && turn.params.line !== one.id);
			assert.match(turn.params.text, new RegExp(`^<iris-message id="${turn.params.line}" resumes="${one.id}" from="asker" to="far" hop="1">\n`));
			assert.match(turn.params.text, /the connection to this machine was lost while you worked on message/);
			assert.ok(turn.params.text.endsWith(`\n</iris-message id="${turn.params.line}">`));
			assert.doesNotMatch(turn.params.text, /hello/);
			lines.push(turn.params.line);
			at = { id: one.id, open, turn };
		}
		const m = await iris.messageIn(one.id, "failed");
		assert.equal(m.error.code, "line");
		assert.match(m.error.reason, /broken off: Broken pipe.*cut off each time.*look at the session of team far/);
		assert.deepEqual(m.receipts.map((r) => r.state), ["queued", "sent", "seen", "seen", "seen", "seen", "failed"]);
		assert.match(m.receipts[3].evidence, /^resumed after its line was lost \(1 of 3 times\), process/);
	});

	test("the answer of a turn that went on; the line that never arrived is written once more", async () => {
		await start();
		const one = await begin();
		await cut(one);
		w.send(result(await lookup(), { state: "taken", line: 5 }));
		let open = await w.request("worker/open");
		w.send(opened(open));
		const first = await w.request("worker/turn");
		w.send(exit(open, { line: true }));
		const look = await lookup();
		assert.equal(look.params.turn, first.params.line);
		w.send(result(look, { state: "absent", line: 0 }));
		open = await w.request("worker/open");
		w.send(opened(open));
		const second = await w.request("worker/turn");
		assert.notEqual(second.params.line, first.params.line);
		assert.match(second.params.text, /resumes=/);
		w.send(seen(second), turnResult(second, "the whole"));
		assert.equal((await iris.messageIn(one.id, "answered")).response, "the whole");
	});

	test("the host stays away: back-off, what the senders hear of it, and what status tells", async () => {
		await start();
		const one = await begin();
		const heard = [];
		const waiting = client.callTool(
			{ name: "ask_message", arguments: { toTeam: "far", message: "second", timeout: 60000 } }, undefined,
			{ timeout: 60000, onprogress: (p) => heard.push(p.message) });
		const guest = await iris.client({ cwd: iris.dirs.other });
		await waitFor(async () => (await sessions(iris))["asker->far"].queued === 1);
		await cut(one);
		w.send(failure(await lookup(), "line", "box can not be reached: No route to host"));
		await waitFor(() => heard.some((t) => /^queued, place 2: the line to box is lost \(box can not be reached: No route to host\); trying again in \d s/.test(t)), { what: "the sender to hear of it" });
		assert.ok(heard.some((t) => t.includes(`(${LOST}); trying again in `)), heard.join("\n"));
		const line = await lineOf();
		assert.equal(line.host, "box");
		assert.match(line.why, /No route to host/);
		assert.ok(line.down <= Date.now() && line.nextTry > line.down + 500, JSON.stringify(line));
		assert.match((await iris.json(["team", "show", "far"])).problems[0], /the line to box is lost/);
		assert.match((await iris.iris(["status"])).stdout, /line: team far.*box can not be reached: No route to host/s);
		const told = await iris.call(guest, "team_status", { team: "far" });
		assert.match(told.teams[0].line, /^the line to box is lost \(box can not be reached: No route to host\)/);
		const seenResource = await guest.readResource({ uri: "iris://teams/far" });
		assert.match(seenResource.contents[0].text, /No route to host/);
		/* A second sender, who only comes now, waits for the same line. */
		const later = await quick(iris, guest, "far", "later");
		/* A person who wakes the team has it tried at once. */
		const waking = iris.iris(["team", "wake", "far"], { cwd: iris.dirs.asker });
		const look = await lookup();
		w.send(result(look, { state: "answered", line: 3, answer: "first" }));
		await iris.messageIn(one.id, "answered");
		const opens = [await w.request("worker/open"), await w.request("worker/open")];
		w.send(...opens.map(opened));
		const turns = [await w.request("worker/turn"), await w.request("worker/turn")];
		w.send(...turns.map((t) => turnResult(t, `for ${t.params.message}`)));
		assert.match((await waiting).structuredContent.response, /^for /);
		await iris.messageIn(later, "answered");
		await waking;
		assert.equal(await lineOf(), undefined);
	});

	test("cancelled while it is in doubt: over there it is ended first", async () => {
		await start();
		const one = await begin();
		await cut(one);
		const look = await lookup();
		assert.equal(look.params.kill, false);
		const cancelling = iris.iris(["message", "cancel", one.id]);
		w.send(result(look, { state: "running", line: 0 }));
		const end = await lookup();
		assert.equal(end.params.kill, true);
		assert.equal((await show(one.id)).state, "seen");
		w.send(result(end, { state: "taken", line: 4 }));
		const m = await iris.messageIn(one.id, "cancelled");
		assert.equal((await cancelling).status, 0);
		assert.match(m.error?.reason ?? m.receipts.at(-1).evidence, /its line was lost/);
	});

	test("who cancels while the line is lost is told that it is wanted, and not kept", async () => {
		await start();
		const one = await begin();
		await cut(one);
		w.send(failure(await lookup(), "line", "box can not be reached: No route to host"));
		await waitFor(async () => (await lineOf())?.why.includes("No route"), { what: "the line to be down" });
		const r = await iris.call(client, "message_cancel", { messageId: one.id });
		assert.deepEqual([r.isError, r.state, r.cancelled], [false, "seen", false], JSON.stringify(r));
		assert.match(r.message, /as soon as its team's machine can be reached/);
		w.send(result(await lookup(), { state: "absent", line: 0 }));
		await iris.messageIn(one.id, "cancelled");
	});

	test("the time of remoteOptions.reconnectTimeout is over", async () => {
		await start({ options: { reconnectTimeout: 300 } });
		const one = await begin();
		const behind = await quick(iris, client, "far", "behind");
		await cut(one);
		const m = await iris.messageIn(one.id, "failed");
		assert.equal(m.error.code, "line");
		assert.match(m.error.reason, /the line to box, where team far is, was lost and did not come back in 0 s \(the connection to box was broken off: Broken pipe\).*nobody knows whether Claude has this message/);
		assert.equal((await iris.messageIn(behind, "failed")).error.code, "line");
		assert.equal(await lineOf(), undefined);
	});

	test("idle and starting sessions: the mark is new, nothing is looked up", async () => {
		await start();
		const one = await begin();
		w.send(turnResult(one.turn, "done"));
		await iris.messageIn(one.id, "answered");
		w.send(exit(one.open, { line: true }));
		await retired();
		assert.equal((await sessions(iris))["asker->far"].state, "asleep");
		/* Nobody waits for it, and nobody tries it. */
		assert.equal(await lineOf(), undefined);
		assert.match(iris.log(), /line lost, and nothing waits for it team=far/);
		const two = await quick(iris, client, "far", "two");
		w = await stage.next();
		const open = await w.request("worker/open");
		assert.notEqual(open.params.instance, one.open.params.instance);
		/* It was there, and was lost before Claude was ready: no failure of the message. */
		w.send(failure(open, "line", "the connection was lost", { line: true }));
		const again = await w.request("worker/open");
		assert.equal((await show(two)).state, "queued");
		w.send(opened(again));
		w.send(turnResult(await w.request("worker/turn"), "two done"));
		await iris.messageIn(two, "answered");
		assert.deepEqual(w.got.filter((l) => l.method !== undefined), []);
	});

	test("a line that was never up, and a host that refuses, fail at once", async () => {
		await start();
		for (const [code, status] of [["line", 16], ["host", 17]]) {
			const asking = failedRun(iris, ["ask", "far", "hello"], { cwd: iris.dirs.asker });
			w ??= await stage.next();
			w.send(failure(await w.request("worker/open"), code, `box: ${code} says why`));
			assert.deepEqual(await asking, { status, code, message: `box: ${code} says why` });
			await retired();
		}
		assert.equal(await lineOf(), undefined);
		/* No crash: the next one is tried at once, however often. */
		assert.equal((await iris.json(["team", "show", "far"])).retryAt, undefined);
	});

	test("kill -9 of irisd while the message is in doubt, and of the worker in its turn", async () => {
		await start();
		const one = await begin();
		await cut(one);
		w.send(result(await lookup(), { state: "taken", line: 5 }));
		const open = await w.request("worker/open");
		w.send(opened(open));
		const turn = await w.request("worker/turn");
		w.send(seen(turn));
		await iris.kill();
		await w.gone();
		await iris.start();
		w = await stage.next();
		const look = await lookup();
		assert.deepEqual([look.params.message, look.params.turn], [one.id, turn.params.line]);
		w.send(result(look, { state: "taken", line: 9 }));
		const next = await w.request("worker/open");
		w.send(opened(next));
		const on = await w.request("worker/turn");
		assert.match(on.params.text, /resumes=/);
		/* The worker dies in the turn: with an ssh of its own, which alone is ended. */
		w.send({ die: true });
		w = await stage.next();
		const last = await lookup();
		assert.equal(last.params.turn, on.params.line);
		w.send(result(last, { state: "answered", line: 12, answer: "at last" }));
		assert.equal((await iris.messageIn(one.id, "answered")).response, "at last");
		const states = await receipts(one.id);
		assert.deepEqual(states, ["queued", "sent", "seen", "seen", "seen", "answered"]);
	});

	test("the ssh of a dead worker is ended, and what hangs below it is not", async () => {
		await start();
		const id = await quick(iris, client, "far", "hello");
		w = await stage.next();
		const open = await w.request("worker/open");
		/* A shell in ssh's place, and a child of it in that of a connection that others share. */
		const ssh = spawn("sh", ["-c", "sleep 300 & echo $!; wait"], { stdio: ["ignore", "pipe", "ignore"] });
		const shared = Number((await once(ssh.stdout, "data"))[0]);
		try {
			w.send(result(open, { pid: ssh.pid, readyMs: 1, version: "test" }));
			await w.request("worker/turn");
			const ended = once(ssh, "exit");
			w.send({ die: true });
			assert.deepEqual(await ended, [null, "SIGKILL"]);
			w = await stage.next();
			w.send(result(await lookup(), { state: "answered", line: 3, answer: "ok" }));
			await iris.messageIn(id, "answered");
			process.kill(shared, 0);
		} finally {
			process.kill(shared, "SIGKILL");
		}
	});

	test("the team moves to another machine", async () => {
		await start();
		const one = await begin();
		await cut(one);
		iris.setTeams({ asker: {}, other: {}, far: { path: "~/p", remote: "ssh elsewhere" } });
		await reload();
		const m = await iris.messageIn(one.id, "failed");
		assert.equal(m.error.code, "line");
		assert.match(m.error.reason, /was moved to another machine/);
		await retired();
		const two = await quick(iris, client, "far", "two");
		w = await stage.next();
		const open = await w.request("worker/open");
		assert.equal(open.params.remote.dest, "elsewhere");
		w.send(failure(open, "not_found", "no such conversation"));
		const anew = await w.request("worker/open");
		assert.equal(anew.params.resume, false);
		assert.notEqual(anew.params.claudeId, one.open.params.claudeId);
		w.send(opened(anew));
		w.send(turnResult(await w.request("worker/turn"), "there"));
		await iris.messageIn(two, "answered");
	});

	test("session fork: ssh in the caller's terminal, every word as it was meant", async () => {
		await start({ far: { claudePath: "~/my bin/claude", env: { CLAUDE_CONFIG_DIR: "/c d" } }, options: { port: 22, identity: "/k/id" } });
		const one = await begin();
		w.send(seen(one.turn), turnResult(one.turn, "done"));
		await iris.messageIn(one.id, "answered");
		const fork = await iris.json(["session", "fork", "far"], { cwd: iris.dirs.asker });
		assert.deepEqual(fork.argv.slice(0, -1), ["ssh", "-t", "-p", "2222", "-p", "22", "-i", "/k/id", "--", "me@box"]);
		/* As the shell there reads it: a home with that directory and that program. */
		const home = join(iris.root, "far home");
		mkdirSync(join(home, "it's here"), { recursive: true });
		mkdirSync(join(home, "my bin"));
		await run("sh", ["-c", 'printf \'#!/bin/sh\\npwd; echo "$CLAUDE_CONFIG_DIR"; printf "%%s\\\\n" "$@"\\n\' >"$HOME/my bin/claude"; chmod +x "$HOME/my bin/claude"'], { env: { HOME: home, PATH: "/usr/bin:/bin" } });
		const there = await run("sh", ["-c", fork.argv.at(-1)], { cwd: home, env: { HOME: home, PATH: "/usr/bin:/bin" } });
		assert.deepEqual(there.stdout.trim().split("\n"), [join(home, "it's here"), "/c d", "--resume", one.open.params.claudeId, "--fork-session"], there.stderr);
		/* And as a shell here reads the whole. */
		const here = await run("sh", ["-c", fork.command.replace(/^ssh /, 'printf "%s\\n" ')], { env: { PATH: "/usr/bin:/bin" } });
		assert.deepEqual(here.stdout.trim().split("\n"), fork.argv.slice(1));
		iris.setTeams({ asker: {}, other: {}, far: { path: "~/p", remote: "ssh -p 2222 me@box", ssh2: true } });
		await reload();
		const r = await iris.iris(["session", "fork", "far"], { cwd: iris.dirs.asker });
		assert.match(r.stdout, /^ssh -t -p 2222 -- me@box 'cd /);
		assert.match(r.stderr, /run the command with an ssh client of your own/);
		const told = await iris.call(client, "session_fork", { toTeam: "far" });
		assert.deepEqual([told.success, told.how, told.remote], [false, "command", true]);
		assert.match(told.message, /iris-ssh, which has no terminal/);
	});
});

describe("the end of irisd", () => {
	test("connections that ssh keeps are told to end; one that does not hear holds nothing up", async () => {
		const iris = makeIris({ far: { path: "~/p", remote: "ssh box" } });
		const dir = join(iris.home, "run", "ssh"), bin = join(iris.root, "bin"), out = join(iris.root, "told");
		mkdirSync(bin);
		await run("sh", ["-c", `printf '#!/bin/sh\\npwd >>"%s"; printf "%%s\\\\n" "$@" >>"%s"\\ncase $* in *dead*) exec sleep 60;; esac\\n' '${out}' '${out}' >ssh; chmod +x ssh`], { cwd: bin, env: { PATH: "/usr/bin:/bin" } });
		iris.env.PATH = `${bin}:${iris.env.PATH}`;
		mkdirSync(join(iris.home, "run"), { mode: 0o700 });
		mkdirSync(dir, { mode: 0o700 });
		await iris.start();
		const servers = await Promise.all(["0a1b2c", "dead", "not-one"].map(async (name) => {
			const s = createServer();
			s.listen(join(dir, name));
			await once(s, "listening");
			return s;
		}));
		const begun = performance.now();
		await iris.stop({ keep: true });
		assert.ok(performance.now() - begun < 20000);
		const words = readFileSync(out, "utf8").split("\n");
		assert.deepEqual(words.filter((l) => l.startsWith("ControlPath=")).sort(), ["ControlPath=0a1b2c", "ControlPath=dead"]);
		assert.equal(words.filter((l) => l === dir).length, 2);
		assert.ok(words.includes("-Oexit"));
		for (const s of servers)
			s.close();
		await iris.stop();
	});
});
