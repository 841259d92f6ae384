/* SPDX-License-Identifier: MIT
 *
 * One irisd follows another: an upgrade with turns at work, a hand-over by signal, service managers,
 * and an irisd that is killed again and again while programs wait. Nobody who waits may notice, and
 * no Claude may be another process for it.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { buildDir, fakeClaudePath } from "../lib/claude-env.mjs";
import { program, run } from "../lib/iris.mjs";
import { processesOf } from "../lib/processes.mjs";
import { assert, claudes, connectRaw, daemons, makeGate, makeIris, startTeams, status, waitFor, within, workers } from "./setup.mjs";

const PROGRAMS = ["irisd", "iris", "iris-worker", "iris-mcp-shim"];
const OTHER_VERSION = "9.9.9"; /* as long as the real one, which it replaces in the programs */

/* Start iris with these arguments; done is its { status, stdout, stderr }. */
function waiting(iris, args, options = {}) {
	const child = spawn(program("iris"), args, { cwd: iris.root, env: iris.env, stdio: ["ignore", "pipe", "pipe"], ...options });
	const out = { stdout: "", stderr: "" };

	for (const name of ["stdout", "stderr"])
		child[name].setEncoding("utf8").on("data", (d) => (out[name] += d));
	const done = once(child, "close").then(([code]) => ({ status: code, ...out }));
	return { child, done: () => within(30000, done, `iris ${args.join(" ")}`) };
}

const inState = async (iris, state) => (await iris.json(["message", "list", "--state", state])).messages;
const pids = (list) => list.map((p) => p.pid).sort();
const ladder = async (iris, id) => (await iris.message(id)).receipts.map((r) => r.state);

/* The irisd that runs dies; nobody who starts the next one is told by the test. */
async function killIrisd(iris) {
	const [{ pid }] = await waitFor(() => daemons(iris).length === 1 && daemons(iris), { what: "one irisd" });
	iris.killed = true;
	process.kill(pid, "SIGKILL");
	await waitFor(() => daemons(iris).every((d) => d.pid !== pid), { what: "the irisd to be gone" });
	return pid;
}

describe("an upgrade, installed over the programs that run", () => {
	const from = buildDir(), given = process.env.IRIS_BUILD;
	let build, version, iris;

	before(() => {
		build = mkdtempSync(join(tmpdir(), "iris-up"));
		mkdirSync(join(build, "bin"));
		symlinkSync(resolve(from, "test"), join(build, "test"));
		process.env.IRIS_BUILD = build;
	});
	after(() => {
		if (given === undefined)
			delete process.env.IRIS_BUILD;
		else
			process.env.IRIS_BUILD = given;
		rmSync(build, { recursive: true });
	});
	beforeEach(async () => {
		for (const name of PROGRAMS)
			copyFileSync(join(from, "bin", name), join(build, "bin", name));
		version = (await run(program("irisd"), ["-V"], { env: {} })).stdout.trim().split(" ")[1];
		assert.equal(version.length, OTHER_VERSION.length);
		iris = await startTeams({ asker: {}, a: {}, b: {}, c: {} });
	});
	afterEach(() => iris.stop());

	/* As install(1) does it: each name becomes another file. */
	const install = () => {
		for (const name of PROGRAMS) {
			const bytes = readFileSync(join(from, "bin", name), "latin1");
			assert.ok(bytes.includes(version));
			writeFileSync(join(build, "bin", "new"), Buffer.from(bytes.replaceAll(version, OTHER_VERSION), "latin1"), { mode: 0o755 });
			renameSync(join(build, "bin", "new"), join(build, "bin", name));
		}
	};

	test("three turns at work: asked through a shim, by iris ask, and by nobody who waits", async () => {
		const client = await iris.client({ cwd: iris.dirs.asker });
		const gate = makeGate(iris), noticed = [], shim = client.shimPid;
		client.fallbackNotificationHandler = async (n) => noticed.push(n.method);
		client.onclose = () => noticed.push("closed");
		client.onerror = (e) => noticed.push(String(e));
		const asked = iris.call(client, "ask_message", { toTeam: "a", message: `${gate.hold}\nECHO from a` });
		const cli = waiting(iris, ["ask", "b", `${gate.hold}\nECHO from b`]);
		const sent = (await iris.json(["send", "c", `${gate.hold}\nECHO from c`])).id;
		await waitFor(async () => (await inState(iris, "seen")).length === 3, { what: "three turns" });
		const ids = (await inState(iris, "seen")).map((m) => m.id);
		const before = { claudes: pids(claudes(iris)), workers: pids(workers(iris)) };
		assert.equal(before.claudes.length, 3);
		const [{ pid: old }] = daemons(iris);

		install();
		const r = await iris.json(["restart"]);
		assert.equal(r.status, "restarted");
		assert.equal(r.version, OTHER_VERSION);
		assert.equal(r.versionBefore, version);
		assert.deepEqual([r.turns, r.turnsLost, r.workers, r.workersLost], [3, 0, 3, 0]);
		assert.ok(r.duration >= 0 && r.duration < 10000, `${r.duration} ms`);
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
		assert.notEqual(r.pid, old);
		assert.deepEqual(pids(daemons(iris)), [r.pid]);
		const now = await status(iris);
		assert.equal(now.version, OTHER_VERSION);
		assert.equal(now.adopting, 0);

		gate.open();
		assert.match((await asked).response, /from a/);
		assert.match((await cli.done()).stdout, /from b\n$/);
		assert.equal((await cli.done()).status, 0);
		assert.match((await iris.messageIn(sent, "answered", "failed")).response, /from c/);
		for (const id of ids)
			assert.deepEqual(await ladder(iris, id), ["queued", "sent", "seen", "answered"]);
		assert.deepEqual({ claudes: pids(claudes(iris)), workers: pids(workers(iris)) }, before);
		/* Claude Code's side: the same shim, not a line but the answer, and it goes on. */
		assert.deepEqual(noticed, []);
		assert.equal(client.shimPid, shim);
		assert.equal((await iris.call(client, "ask_message", { toTeam: "a", message: "ECHO again" })).response, "again");
		assert.deepEqual(pids(claudes(iris)), before.claudes);
		assert.equal((await iris.json(["message", "list"])).messages.length, 4, "no message was made twice");
	});

	test("a question in the middle of the hand-over waits for the next irisd", async () => {
		const client = await iris.client({ cwd: iris.dirs.asker });
		await iris.call(client, "ask_message", { toTeam: "a", message: "ECHO warm" });
		install();
		const restart = waiting(iris, ["--json", "restart"]);
		const answers = [];
		while (restart.child.exitCode === null)
			answers.push(await iris.call(client, "ask_message", { toTeam: "a", message: "ECHO during" }));
		assert.equal((await restart.done()).status, 0);
		assert.ok(answers.length > 0);
		assert.deepEqual(answers.filter((r) => r.isError), []);
		/* It was the program beside iris that started the next one, not the old shim. */
		assert.equal((await status(iris)).version, OTHER_VERSION);
	});

	test("what it prints; and --hard ends the turns", async () => {
		let r = await iris.iris(["restart"]);
		assert.equal(r.stderr, "");
		assert.match(r.stdout, new RegExp(`^irisd restarted: version ${version} -> ${version}, pid \\d+, after \\d+ ms; no turn was running\n$`));
		const gate = makeGate(iris);
		const { id } = await iris.json(["send", "a", gate.hold]);
		await iris.messageIn(id, "seen");
		r = await iris.iris(["restart"]);
		assert.match(r.stdout, /; 1 turn goes on\n$/);
		install();
		r = await iris.json(["restart", "--hard"]);
		assert.equal(r.version, OTHER_VERSION);
		assert.equal((await iris.message(id)).state, "failed");
		assert.deepEqual(claudes(iris), []);
	});

	test("an irisd that can not be started again is not given up; without one, restart starts one", async () => {
		const { pid } = await status(iris);
		renameSync(join(build, "bin", "irisd"), join(build, "bin", "away"));
		let r = await iris.iris(["restart"]);
		assert.equal(r.status, 74);
		assert.match(r.stderr, /nothing is stopped/);
		renameSync(join(build, "bin", "away"), join(build, "bin", "irisd"));
		assert.equal((await status(iris)).pid, pid);
		await iris.iris(["stop"]);
		r = await iris.json(["restart"]);
		assert.equal(r.status, "started");
	});
});

describe("a hand-over without iris restart", () => {
	let iris;

	afterEach(() => iris.stop());

	test("SIGUSR2: status 0, the lock is free, and who waits starts the next one", async () => {
		iris = await startTeams({ asker: {}, a: {} });
		const client = await iris.client({ cwd: iris.dirs.asker });
		const gate = makeGate(iris);
		const asked = iris.call(client, "ask_message", { toTeam: "a", message: `${gate.hold}\nECHO done` });
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		const before = pids(claudes(iris));
		iris.daemon.kill("SIGUSR2");
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
		await waitFor(() => daemons(iris).length === 1, { what: "the shim to start the next one" });
		gate.open();
		assert.match((await asked).response, /done/);
		assert.deepEqual(pids(claudes(iris)), before);
	});

	test("the answer to daemon.stop leaves; calls that wait get none", async () => {
		iris = await startTeams({ asker: {}, a: {} });
		const [one, other] = [await connectRaw(iris, { role: "ctl" }), await connectRaw(iris, { role: "ctl" })];
		const gate = makeGate(iris);
		other.send({ jsonrpc: "2.0", id: "held", method: "iris/message.send", params: { to: "a", message: gate.hold } });
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		assert.deepEqual((await one.request("iris/daemon.stop", { handover: true })).result, {});
		await Promise.all([one.closed(), other.closed()]);
		assert.equal(other.got.find((l) => l.id === "held"), undefined);
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
		await iris.start();
		const settled = await connectRaw(iris, { role: "ctl" });
		assert.deepEqual((await settled.request("iris/daemon.settled", {})).result.workers.map((w) => w.pid), pids(workers(iris)));
		gate.open();
		await waitFor(async () => (await inState(iris, "answered")).length === 1);
	});

	test("an irisd that comes while the last one still stops waits for its end; one that comes beside a running one does not", async () => {
		iris = await startTeams({ asker: {}, a: {} }, { settings: { stopTimeout: 2000 } });
		writeFileSync(join(iris.dirs.a, ".fake-claude-fault"), "ignore-term");
		await iris.json(["ask", "a", "ECHO x"]);
		const began = performance.now();
		assert.equal((await run(program("irisd"), [], { env: iris.env })).status, 5);
		assert.ok(performance.now() - began < 8000);
		const stop = waiting(iris, ["stop"]), old = iris.daemonExit;
		await waitFor(() => !existsSync(iris.socket), { what: "the stop to begin" });
		assert.equal(iris.daemon.exitCode, null, "the old one is still there");
		const next = iris.start();
		assert.deepEqual(await old, { status: 0, signal: null });
		await next;
		assert.equal((await stop.done()).status, 0);
		assert.equal(daemons(iris).length, 1);
		await iris.iris(["team", "sleep", "a"]);
	});

	test("twenty times in a row with a turn at work", async () => {
		iris = await startTeams({ asker: {}, a: {} });
		const gate = makeGate(iris);
		const cli = waiting(iris, ["ask", "a", `${gate.hold}\nECHO survived`]);
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		const before = pids(claudes(iris));
		for (let i = 0; i < 20; i++)
			assert.equal((await iris.json(["restart"])).turns, 1, `restart ${i}`);
		gate.open();
		assert.match((await cli.done()).stdout, /survived\n$/);
		assert.deepEqual(pids(claudes(iris)), before);
	});
});

/*
 * A service manager of the test's own, in sh: it starts `irisd --service` again and again, as those
 * do, for every exit status of the list, and prints each, until enough() is called. fd: the
 * listening socket that it passes.
 */
async function manager(iris, restartOn, fd) {
	const listen = fd === undefined ? "" : "LISTEN_PID=$$ LISTEN_FDS=1 ";
	const script = `while [ ! -e "$2" ]; do sh -c '${listen}exec "$0" --service' "$0"; s=$?; echo $s; case " $1 " in *" $s "*) ;; *) exit;; esac; done`;
	const stdio = ["ignore", "pipe", "ignore", ...(fd === undefined ? [] : [fd])];
	const child = spawn("sh", ["-c", script, program("irisd"), restartOn.join(" "), join(iris.root, "enough")], { cwd: "/", env: iris.env, stdio });
	const got = { statuses: [], enough: () => writeFileSync(join(iris.root, "enough"), "") };

	child.stdout.setEncoding("utf8").on("data", (d) => got.statuses.push(...d.trim().split("\n").map(Number)));
	got.ended = once(child, "close");
	got.has = (...list) => waitFor(() => JSON.stringify(got.statuses) === JSON.stringify(list), { what: `statuses ${list}, not ${got.statuses}` });
	return got;
}

describe("under a service manager", () => {
	/* Without the manager's sh. */
	const own = () => daemons(iris).filter((d) => d.command.startsWith(program("irisd")));
	let iris;

	beforeEach(() => (iris = makeIris({ asker: {}, a: {} })));
	afterEach(() => iris.stop());

	test("without a socket: it takes over from an irisd that runs, and its hand-over ends with 75, which starts the next", async () => {
		const gate = makeGate(iris);
		await iris.start();
		const cli = waiting(iris, ["ask", "a", `${gate.hold}\nECHO kept`]);
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		const before = pids(claudes(iris));
		const m = await manager(iris, [75]);
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
		const service = await waitFor(async () => {
			const s = await status(iris);
			return s.pid !== iris.daemon.pid && s.adopting === 0 && s;
		}, { what: "the service's irisd to have taken over" });
		const r = await iris.json(["restart"]);
		assert.deepEqual([r.status, r.turns, r.turnsLost], ["restarted", 1, 0]);
		await m.has(75);
		/* Whoever was first, in the end the manager's own runs. */
		const last = await waitFor(async () => {
			const [d, other] = own(), s = await status(iris);
			return other === undefined && d.command.includes("--service") && s.pid === d.pid && s.adopting === 0 && d;
		}, { what: "an irisd of the manager's" });
		assert.notEqual(last.pid, service.pid);
		gate.open();
		assert.match((await cli.done()).stdout, /kept\n$/);
		assert.deepEqual(pids(claudes(iris)), before);
		await iris.iris(["stop"]);
		await m.has(75, 0);
		await m.ended;
	});

	test("with a configuration that is wrong it leaves the irisd that runs alone", async () => {
		await iris.start();
		const config = readFileSync(join(iris.home, "config.yaml"), "utf8");
		writeFileSync(join(iris.home, "config.yaml"), "settings: [\n");
		const r = await run(program("irisd"), ["--service"], { env: iris.env });
		assert.equal(r.status, 78);
		assert.match(r.stderr, /config\.yaml:\d+/);
		writeFileSync(join(iris.home, "config.yaml"), config);
		assert.equal((await status(iris)).pid, iris.daemon.pid);
	});

	test("with a socket: the hand-over ends with 0, who connects meanwhile waits in the socket", async () => {
		const server = createServer();
		await new Promise((done) => server.listen(iris.socket, done));
		/* Only its descriptor is wanted: node itself must not accept. */
		const fd = server._handle.fd;
		const m = await manager(iris, [0, 75], fd);
		renameSync(iris.socket, `${iris.socket}.kept`);
		server.close();
		renameSync(`${iris.socket}.kept`, iris.socket);
		const gate = makeGate(iris);
		const cli = waiting(iris, ["ask", "a", `${gate.hold}\nECHO kept`]);
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		const before = { claudes: pids(claudes(iris)), irisd: (await status(iris)).pid };
		const r = await iris.json(["restart"]);
		assert.deepEqual([r.status, r.turns, r.turnsLost], ["restarted", 1, 0]);
		assert.notEqual(r.pid, before.irisd);
		await m.has(0);
		assert.deepEqual(own().map((d) => d.command), [`${program("irisd")} --service`], "the manager's, nobody has started another");
		assert.ok(existsSync(iris.socket));
		gate.open();
		assert.match((await cli.done()).stdout, /kept\n$/);
		assert.deepEqual(pids(claudes(iris)), before.claudes);
		m.enough();
		assert.equal((await iris.iris(["stop"])).status, 0);
		await m.ended;
		rmSync(iris.socket);
	});
});

describe("irisd is killed while programs wait", () => {
	let iris, gate;

	beforeEach(async () => {
		iris = makeIris();
		gate = makeGate(iris);
		/* A Claude that is not ready before the gate is open. */
		const slow = join(iris.root, "slow-fake-claude");
		writeFileSync(slow, `#!/bin/sh\nwhile [ ! -e ${iris.root}/gate ]; do sleep 0.05; done\nexec ${fakeClaudePath()} "$@"\n`, { mode: 0o755 });
		iris.setTeams({ asker: {}, a: {}, b: {}, slow: { claudePath: slow } });
		await iris.start();
	});
	afterEach(() => iris.stop());

	test("ask outlives more deaths than it has tries", async () => {
		const cli = waiting(iris, ["-v", "ask", "a", `${gate.hold}\nECHO at last`]);
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		const before = pids(claudes(iris));
		for (let i = 0; i < 15; i++) {
			await killIrisd(iris);
			await waitFor(() => daemons(iris).length === 1, { what: "ask to start the next one" });
			await waitFor(async () => (await status(iris)).adopting === 0, { what: "adoption" });
		}
		gate.open();
		const r = await cli.done();
		assert.equal(r.status, 0, r.stderr);
		assert.match(r.stdout, /at last\n$/);
		assert.match(r.stderr, /irisd was restarted; still waiting/);
		assert.deepEqual(pids(claudes(iris)), before);
	});

	test("a shim outlives many in a row, and its client sees nothing but the answer", async () => {
		const client = await iris.client({ cwd: iris.dirs.asker });
		const asked = iris.call(client, "ask_message", { toTeam: "a", message: `${gate.hold}\nECHO at last` });
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		for (let i = 0; i < 8; i++) {
			await killIrisd(iris);
			await waitFor(() => daemons(iris).length === 1, { what: "the shim to start the next one" });
			await waitFor(async () => (await status(iris)).adopting === 0, { what: "adoption" });
		}
		gate.open();
		const r = await asked;
		assert.equal(r.isError, false, JSON.stringify(r));
		assert.match(r.response, /at last/);
	});

	test("without -v and without a terminal nothing is said of it", async () => {
		const cli = waiting(iris, ["ask", "a", `${gate.hold}\nECHO quiet`]);
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		await killIrisd(iris);
		await waitFor(async () => (await status(iris)).adopting === 0, { what: "adoption" });
		gate.open();
		assert.equal((await cli.done()).stderr, "");
	});

	test("message show --wait and --timeout count from the beginning", async () => {
		const { id } = await iris.json(["send", "a", `${gate.hold}\nECHO shown`]);
		await iris.messageIn(id, "seen");
		const show = waiting(iris, ["-v", "message", "show", id, "--wait", "0", "--answer"]);
		const short = waiting(iris, ["ask", "a", "--timeout", "3s", "ECHO behind"]);
		const began = performance.now();
		await waitFor(async () => (await inState(iris, "queued")).length === 1);
		for (let i = 0; i < 3; i++) {
			await waitFor(async () => (await status(iris)).connections >= 2, { what: "both to wait" });
			await killIrisd(iris);
			await waitFor(() => daemons(iris).length === 1, { what: "the next one" });
		}
		const late = await short.done();
		assert.equal(late.status, 7, late.stderr);
		const took = performance.now() - began;
		assert.ok(took > 2500 && took < 20000, `${took} ms`);
		gate.open();
		const r = await show.done();
		assert.equal(r.status, 0, r.stderr);
		assert.match(r.stdout, /shown\n$/);
		assert.match(r.stderr, /irisd was restarted; still waiting/);
	});

	test("team wake goes on", async () => {
		const wake = waiting(iris, ["--json", "team", "wake", "slow"]);
		await waitFor(() => claudes(iris).length === 1, { what: "the claude to start" });
		await killIrisd(iris);
		await waitFor(async () => (await status(iris)).adopting === 0, { what: "adoption" });
		gate.open();
		const r = await wake.done();
		assert.equal(r.status, 0, r.stdout + r.stderr);
		assert.equal(JSON.parse(r.stdout).status, "awake");
		assert.equal(claudes(iris).length, 1);
	});

	test("on a terminal it is said, once for each time", { skip: process.platform !== "linux" || spawnSync("script", ["--version"]).error !== undefined }, async () => {
		const line = `${program("iris")} ask a '${gate.hold}\nECHO on the screen'`;
		const screen = spawn("script", ["-qefc", line, "/dev/null"], { cwd: iris.root, env: { ...iris.env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
		let text = "";
		screen.stdout.setEncoding("utf8").on("data", (d) => (text += d));
		const done = once(screen, "close");
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		for (let i = 1; i <= 2; i++) {
			await killIrisd(iris);
			await waitFor(() => text.split("iris: irisd was restarted; still waiting\r\n").length === i + 1, { what: `line ${i} in ${JSON.stringify(text)}` });
		}
		await waitFor(async () => (await status(iris)).adopting === 0, { what: "adoption" });
		gate.open();
		const [code] = await within(20000, done, "ask");
		assert.equal(code, 0);
		assert.match(text, /on the screen/);
	});

	test("iris stop ends what it has left, and knows when there is nothing", async () => {
		const { id } = await iris.json(["send", "a", gate.hold]);
		await iris.messageIn(id, "seen");
		await killIrisd(iris);
		assert.deepEqual([workers(iris).length, claudes(iris).length], [1, 1]);
		let r = await iris.iris(["stop"]);
		assert.equal(r.status, 0, r.stderr);
		assert.match(r.stdout, /^irisd was not running; 1 worker that it had left is stopped, after /);
		assert.deepEqual(processesOf(iris.root), []);
		/* Ended in order now: no irisd is started for it, and a configuration that none would take is no matter. */
		iris.writeConfig("settings: [\n");
		assert.equal((await iris.iris(["start"])).status, 78);
		r = await iris.json(["stop"]);
		assert.deepEqual(r, { status: "not_running" });
	});

	test("an irisd that can not be reached any more ends the wait with a reason", async () => {
		const cli = waiting(iris, ["ask", "a", gate.hold]);
		await waitFor(async () => (await inState(iris, "seen")).length === 1);
		const config = readFileSync(join(iris.home, "config.yaml"), "utf8");
		writeFileSync(join(iris.home, "config.yaml"), "settings: [\n");
		await killIrisd(iris);
		const r = await cli.done();
		assert.equal(r.status, 78);
		assert.match(r.stderr, /irisd did not start: .*config\.yaml:\d+/);
		writeFileSync(join(iris.home, "config.yaml"), config);
		gate.open();
		await iris.iris(["start"]);
		await waitFor(async () => (await inState(iris, "answered")).length === 1);
	});
});

describe("what is told of adoption and of crashes", () => {
	let iris;

	afterEach(() => iris.stop());

	test("status: adopted workers", async () => {
		iris = await startTeams({ asker: {}, a: {} });
		await iris.json(["ask", "a", "ECHO x"]);
		assert.doesNotMatch((await iris.iris(["status"])).stdout, /adopted/);
		await iris.json(["restart"]);
		assert.match((await iris.iris(["status"])).stdout, /^ {2}workers +1, 1 adopted from an earlier irisd$/m);
		assert.equal((await status(iris)).workers[0].adopted, true);
	});

	test("a team that waits after a crash: status, team list, team show", async () => {
		iris = await startTeams({ asker: {}, a: {} }, { settings: { restartDelay: 60000 } });
		const { id } = await iris.json(["send", "a", "FAULT crash-mid-turn"]);
		await iris.messageIn(id, "failed");
		const { troubles } = await status(iris);
		assert.equal(troubles.length, 1);
		assert.equal(troubles[0].team, "a");
		assert.ok(troubles[0].retryAt > Date.now() + 30000);
		assert.match((await iris.iris(["status"])).stdout, /^crashed: team a, next start in (5\d(\.\d)? s|1 min)/m);
		assert.match((await iris.iris(["team", "list"])).stdout, /^a +next start in /m);
		assert.match((await iris.iris(["team", "show", "a"])).stdout, /^ {2}crashed +next start in /m);
		assert.ok((await iris.json(["team", "show", "a"])).retryAt > Date.now());
	});

	test("a team that is down", async () => {
		iris = await startTeams({ asker: {}, a: {} }, { settings: { restartBudget: 0, restartDelay: 1 } });
		const { id } = await iris.json(["send", "a", "FAULT crash-mid-turn"]);
		await iris.messageIn(id, "failed");
		assert.match((await status(iris)).troubles[0].down, /team a is down/);
		assert.match((await iris.iris(["status"])).stdout, /^down: team a is down: it crashed/m);
		assert.match((await iris.iris(["team", "list"])).stdout, /^a +down /m);
		assert.match((await iris.iris(["team", "show", "a"])).stdout, /^ {2}problem +team a is down: .*iris team wake a/m);
		await iris.json(["team", "wake", "a"]);
		assert.deepEqual((await status(iris)).troubles, []);
	});
});
