/* SPDX-License-Identifier: MIT
 *
 * Stopping irisd: in time, whatever the Claudes do; with an answer for everybody who waits; with
 * nothing left behind; and nothing accepted is lost.
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { processesOf } from "../lib/processes.mjs";
import {
	assert, claudes, connectRaw, daemons, failedCall, fdCount, makeGate, quick, startTeams, status, waitFor,
} from "./setup.mjs";

describe("stopping irisd", () => {
	let iris;

	afterEach(() => iris.stop());

	/* iris stop, timed; then nothing of this home runs but the test's own shims. */
	const stopNow = async () => {
		const start = performance.now();
		const r = await iris.iris(["stop"], { deadline: 60000 });
		const ms = performance.now() - start;
		assert.equal(r.status, 0, r.stderr);
		assert.ok(ms < 10000, `iris stop took ${ms} ms`);
		const own = /\/bin\/(iris-mcp-shim|iris )/; /* a waiting CLI may be about to print its error */
		assert.deepEqual(processesOf(iris.root).filter((p) => !own.test(p.command)), []);
		assert.equal(existsSync(iris.socket), false);
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
	};

	test("with idle, busy and TERM-ignoring claudes: within 10 s, and all callers are answered", async () => {
		iris = await startTeams({ asker: {}, idle: {}, busy: {}, stubborn: {}, working: { grantPermission: "yes" } }, { settings: { stopTimeout: 8000 } });
		writeFileSync(join(iris.dirs.stubborn, ".fake-claude-fault"), "ignore-term");
		const client = await iris.client({ cwd: iris.dirs.asker });
		await iris.call(client, "ask_message", { toTeam: "idle", message: "ECHO x" });
		const calls = [];
		for (const toTeam of ["busy", "stubborn"])
			calls.push(failedCall(iris, client, "ask_message", { toTeam, message: `HOLD ${iris.root}/never` }));
		calls.push(failedCall(iris, client, "ask_message", { toTeam: "working", message: `BASH tail -f ${iris.root}/nothing /dev/null` }));
		await waitFor(async () => (await status(iris)).messages.seen === 3);
		const cli = iris.iris(["--json", "ask", "busy", "ECHO queued"], { cwd: iris.dirs.asker });
		await waitFor(async () => (await status(iris)).messages.queued === 1);
		const running = (await iris.json(["message", "list", "--state", "seen"])).messages.map((m) => m.id);
		await stopNow();
		for (const r of await Promise.all(calls)) {
			assert.match(r.code, /^(unavailable|crashed)$/, r.error);
			assert.match(r.error, /stopped/, r.error);
		}
		const r = await cli;
		assert.notEqual(r.status, 0);
		assert.match(r.stdout, /unavailable/);
		assert.deepEqual(daemons(iris), [], "nobody who waited has started another irisd");

		await iris.start();
		for (const id of running) {
			const m = await iris.message(id);
			assert.equal(m.state, "failed", JSON.stringify(m));
			assert.match(m.error.reason, /irisd (was stopped|ended)/);
		}
	});

	test("queued messages survive and are delivered after the next start, in order", async () => {
		iris = await startTeams({ asker: {}, b: {} });
		const client = await iris.client({ cwd: iris.dirs.asker });
		const gate = makeGate(iris);
		const first = await quick(iris, client, "b", gate.hold);
		await iris.messageIn(first, "seen");
		const ids = [];
		for (let i = 0; i < 3; i++)
			ids.push(await quick(iris, client, "b", `ECHO ${i}`));
		await stopNow();
		await iris.start();
		const got = [];
		for (const id of ids)
			got.push(await iris.messageIn(id, "answered"));
		assert.deepEqual(got.map((m) => m.response), ["0", "1", "2"]);
		assert.ok(got.every((m, i) => i === 0 || m.updatedAt >= got[i - 1].updatedAt));
		assert.equal((await iris.message(first)).state, "failed");
	});

	test("kill -9, and no caller who starts another: its turn goes on, its result is kept; the next irisd has both, and ends the rest in order", async () => {
		iris = await startTeams({ asker: {}, b: {} });
		const client = await iris.client({ cwd: iris.dirs.asker });
		const gate = makeGate(iris);
		const first = await quick(iris, client, "b", gate.hold);
		await iris.messageIn(first, "seen");
		const second = await quick(iris, client, "b", "ECHO survived");
		await iris.kill();
		gate.open();
		await waitFor(() => readdirSync(join(iris.home, "run/spool")).length === 1, { what: "the result to be in a file" });
		assert.equal(claudes(iris).length, 1);
		await iris.start();
		assert.equal((await iris.messageIn(first, "answered")).response, "held");
		assert.equal((await iris.messageIn(second, "answered")).response, "survived");
		await waitFor(() => readdirSync(join(iris.home, "run/spool")).length === 0, { what: "the file to go" });
		assert.equal((await iris.iris(["stop"])).status, 0);
		assert.deepEqual(claudes(iris), []);
		iris.killed = false;
	});

	test("SIGTERM and SIGINT stop it in order", async () => {
		for (const signal of ["SIGTERM", "SIGINT"]) {
			iris = await startTeams({ asker: {}, b: {} });
			const client = await iris.client({ cwd: iris.dirs.asker });
			const call = failedCall(iris, client, "ask_message", { toTeam: "b", message: `HOLD ${iris.root}/never` });
			await waitFor(async () => (await status(iris)).messages.seen === 1);
			iris.daemon.kill(signal);
			assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
			assert.equal((await call).code, "unavailable");
			if (signal === "SIGTERM")
				await iris.stop();
		}
	});

	test("while it stops, new work is refused and says so", async () => {
		iris = await startTeams({ asker: {}, b: {} }, { settings: { stopTimeout: 3000 } });
		writeFileSync(join(iris.dirs.b, ".fake-claude-fault"), "ignore-term");
		const client = await iris.client({ cwd: iris.dirs.asker });
		await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO x" });
		const raw = await connectRaw(iris, { role: "ctl" });
		assert.deepEqual((await raw.request("iris/daemon.stop", {})).result, {});
		const r = await raw.request("iris/message.send", { to: "b", message: "ECHO y" });
		assert.equal(r.error.data.code, "unavailable");
		assert.match(r.error.message, /being stopped/);
		assert.deepEqual(await iris.daemonExit, { status: 0, signal: null });
		await raw.closed();
	});

	test("descriptors: back to the idle number after 50 connections and after sleep and wake", async () => {
		iris = await startTeams({ asker: {}, b: {} });
		const { pid } = await status(iris), own = await connectRaw(iris, { role: "ctl" });
		/* What has asked before may have its connection still. It is closed for good at the end of a pass: so one more. */
		const connections = async () => (await own.request("iris/daemon.status", {})).result.connections;
		const alone = () => waitFor(async () => (await connections()) === 1 && (await connections()) === 1,
			{ what: "all connections but this one to end" });
		await iris.json(["ask", "b", "ECHO warm"]);
		await iris.json(["team", "sleep", "b"]);
		const settled = (n) => waitFor(() => fdCount(pid) === n, { what: `${n} descriptors` });
		const workersGone = () => waitFor(async () => (await status(iris)).workers.length === 0,
			{ deadline: 60000, what: "the worker of a team that sleeps to end" });
		await workersGone();
		await alone();
		const calm = fdCount(pid);
		for (let round = 0; round < 5; round++) {
			const list = await Promise.all(Array.from({ length: 10 }, (_, i) =>
				connectRaw(iris, { role: i % 2 ? "ctl" : "shim" })));
			assert.ok(fdCount(pid) >= calm + 9);
			for (const l of list)
				l.socket.destroy();
		}
		await settled(calm);
		for (let i = 0; i < 5; i++) {
			await iris.json(["team", "wake", "b"]);
			await iris.json(["team", "sleep", "b"]);
		}
		await workersGone();
		await settled(calm);
		assert.deepEqual(claudes(iris), []);
		own.socket.destroy();
	});
});
