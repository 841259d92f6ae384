/* SPDX-License-Identifier: MIT
 *
 * Who starts irisd, and that there is never more than one for a home.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, unlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program, run } from "../lib/iris.mjs";
import { assert, claudes, daemons, makeGate, makeIris, startShim, status, waitFor, workers } from "./setup.mjs";

const INIT = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };

describe("starting irisd", () => {
	let iris;

	beforeEach(() => {
		iris = makeIris({ frontend: {}, backend: {} });
	});
	afterEach(() => iris.stop());

	test("twenty shims at once with no irisd: one irisd, all initialized", async () => {
		const shims = Array.from({ length: 20 }, () => startShim(iris, { cwd: iris.dirs.frontend }));
		const answers = await Promise.all(shims.map((s) => s.request("initialize", INIT, { deadline: 20000 })));
		for (const { result, error } of answers) {
			assert.equal(error, undefined, JSON.stringify(error));
			assert.equal(result.serverInfo.name, "iris");
		}
		assert.equal(daemons(iris).length, 1, JSON.stringify(daemons(iris)));
		const s = await status(iris);
		assert.equal(s.pid, daemons(iris)[0].pid);
		assert.ok(s.connections >= 20, `${s.connections} connections`);
		assert.equal(iris.log().match(/ ready version=/g).length, 1);
		const said = await Promise.all(shims.map((x, i) =>
			x.request("tools/call", { name: "ask_message", arguments: { toTeam: "backend", message: `ECHO ${i}` } }, { deadline: 30000 })));
		assert.deepEqual(said.map((r) => r.result.structuredContent.response), shims.map((_, i) => String(i)));
		for (const x of shims)
			assert.equal(await x.finish(), 0);
	});

	test("twenty CLIs at once: one irisd, every answer", async () => {
		const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => iris.json(["ask", "backend", `ECHO ${i}`])));
		assert.deepEqual(answers.map((r) => r.response), Array.from({ length: 20 }, (_, i) => String(i)));
		assert.equal(daemons(iris).length, 1);
	});

	test("a second irisd for the same home refuses, and harms nothing", async () => {
		await iris.start();
		const second = await run(program("irisd"), [], { env: iris.env });
		assert.equal(second.status, 5, second.stderr);
		assert.match(second.stderr, /another irisd runs for/);
		assert.equal((await iris.json(["ask", "backend", "ECHO still"])).response, "still");
		assert.equal(daemons(iris).length, 1);
	});

	test("iris start is no error when it runs, and start, status, stop, status tell the truth", async () => {
		assert.equal((await iris.iris(["start"])).status, 0);
		const { pid } = await status(iris);
		assert.equal((await iris.iris(["start"])).status, 0);
		assert.equal((await status(iris)).pid, pid);
		assert.equal((await iris.iris(["stop"])).status, 0);
		assert.deepEqual(daemons(iris), []);
		assert.equal((await iris.iris(["restart"])).status, 0);
		assert.notEqual((await status(iris)).pid, pid);
	});

	test("what is made is the user's own: directory 0700, socket, database and lock 0600", async () => {
		await iris.start();
		await iris.json(["ask", "backend", "ECHO x"]);
		const mode = (name) => statSync(join(iris.home, name)).mode & 0o777;
		assert.equal(mode("."), 0o700);
		for (const name of ["irisd.sock", "iris.db"])
			assert.equal(mode(name), 0o600, name);
		assert.equal((await status(iris)).home, iris.home);
	});

	test("a socket file that a dead irisd has left is no obstacle; what was queued is delivered", async () => {
		await iris.start();
		await iris.kill();
		assert.ok(statSync(iris.socket).isSocket());
		await iris.start();
		assert.equal((await iris.json(["ask", "backend", "ECHO x"])).response, "x");
		iris.killed = false;
	});

	test("one whose socket was removed hands over to the next: its turn goes on, and who waits has the answer", async () => {
		await iris.start();
		const gate = makeGate(iris), [{ pid }] = daemons(iris);
		const { id } = await iris.json(["send", "backend", gate.hold]);
		await iris.messageIn(id, "seen");
		unlinkSync(iris.socket);
		assert.equal((await iris.iris(["status"])).status, 5);
		assert.equal((await iris.json(["start"])).status, "started");
		await waitFor(() => daemons(iris).length === 1, { what: "the old one to be gone" });
		assert.notEqual(daemons(iris)[0].pid, pid);
		gate.open();
		const m = await iris.messageIn(id, "answered", "failed");
		assert.deepEqual([m.state, m.response], ["answered", "held"]);
		assert.equal(m.receipts.filter((r) => r.state === "sent").length, 1);
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
	});

	test("one that was asked to hand over and listens for a moment before it does so is waited for", async () => {
		await iris.start();
		const [{ pid }] = daemons(iris), server = createServer((s) => s.destroy());
		let second, said = "";
		/* Each look at who has the lock is an end of its sleep. */
		const looks = () => Number(readFileSync(`/proc/${second.pid}/status`, "utf8").match(/\nvoluntary_ctxt_switches:\s+(\d+)/)[1]);
		/* It hears the wish late, as one does that is slow to start. */
		process.kill(pid, "SIGSTOP");
		try {
			unlinkSync(iris.socket);
			second = spawn(program("irisd"), [], { env: iris.env, stdio: ["ignore", "ignore", "pipe"] });
			second.stderr.setEncoding("utf8").on("data", (d) => (said += d));
			await waitFor(() => said.includes(`taking over from another irisd pid=${pid}`), { what: "the first one to be asked" });
			await once(server.listen(iris.socket), "listening");
			const before = looks();
			await waitFor(() => second.exitCode !== null || looks() >= before + 3, { what: "the second one to look again" });
			assert.equal(second.exitCode, null, said);
		} finally {
			server.close();
			process.kill(pid, "SIGCONT");
		}
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
		await waitFor(async () => (await iris.iris(["status"])).status === 0, { what: "the second one to listen" });
		assert.equal((await status(iris)).pid, second.pid, said);
	});

	test("iris stop ends one whose socket was removed, and what it has started", async () => {
		await iris.start();
		await iris.json(["ask", "backend", "ECHO x"]);
		assert.equal(claudes(iris).length, 1);
		unlinkSync(iris.socket);
		assert.equal((await iris.json(["stop"])).status, "stopped");
		assert.deepEqual([...daemons(iris), ...workers(iris), ...claudes(iris)], []);
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
	});

	test("the daemon that a shim starts keeps none of the shim's descriptors and outlives it", async () => {
		const shim = startShim(iris);
		await shim.request("initialize", INIT);
		const [{ pid }] = daemons(iris);
		assert.equal(await shim.finish(), 0);
		await shim.closed();
		assert.equal(daemons(iris)[0].pid, pid);
		assert.match(readFileSync(`/proc/${pid}/stat`, "utf8"), /^\d+ \(irisd\) [SRD] /);
	});
});
