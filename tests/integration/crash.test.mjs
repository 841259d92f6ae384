/* SPDX-License-Identifier: MIT
 *
 * Processes that die from outside: a claude, a worker, idle and at work. The caller is told, the next
 * message works, the conversation is the same, nothing stays behind.
 */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { processesOf } from "../lib/processes.mjs";
import {
	assert, claudes, daemons, failedCall, makeGate, quick, sessions, startTeams, status, waitFor, workers,
} from "./setup.mjs";

describe("processes that die", () => {
	let iris, client, gate;

	beforeEach(async () => {
		iris = await startTeams({ asker: {}, b: { grantPermission: "yes" }, other: {} });
		client = await iris.client({ cwd: iris.dirs.asker });
		gate = makeGate(iris);
	});
	afterEach(() => iris.stop());

	const ask = (message, toTeam = "b") => iris.call(client, "ask_message", { toTeam, message });
	const seen = () => waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages[0]);
	/* The next message is for the same conversation. */
	const goesOn = async (sessionId) => {
		assert.match((await ask("ARGS")).response, new RegExp(`--resume[ =]${sessionId}`));
		assert.equal((await sessions(iris))["asker->b"].sessionId, sessionId);
		assert.equal(claudes(iris).length, 1);
		assert.equal(workers(iris).length, 1);
	};

	test("an idle claude is killed: the next message starts another for the same conversation", async () => {
		await ask("ECHO first");
		const { sessionId, pid } = (await sessions(iris))["asker->b"];
		process.kill(pid, "SIGKILL");
		/* At once: irisd may not know it yet. */
		assert.equal((await ask("ECHO second")).response, "second");
		await goesOn(sessionId);
	});

	test("a claude is killed at work: its message fails with the signal, those behind it are answered", async () => {
		await ask("ECHO first");
		const { sessionId, pid } = (await sessions(iris))["asker->b"];
		const call = failedCall(iris, client, "ask_message", { toTeam: "b", message: gate.hold });
		await seen();
		const behind = [ask("ECHO 1"), ask("ECHO 2")];
		await waitFor(async () => (await sessions(iris))["asker->b"].queued === 2);
		process.kill(pid, "SIGKILL");
		const r = await call;
		assert.equal(r.code, "crashed");
		assert.match(r.error, /killed by signal 9/);
		assert.deepEqual((await Promise.all(behind)).map((x) => x.response), ["1", "2"]);
		await goesOn(sessionId);
	});

	test("an idle worker is killed: its claude goes with it, the next message starts both anew", async () => {
		await ask("ECHO first");
		const { sessionId, pid } = (await sessions(iris))["asker->b"];
		const [worker] = workers(iris);
		process.kill(worker.pid, "SIGKILL");
		await waitFor(() => !claudes(iris).some((p) => p.pid === pid), { what: "the worker's claude to be ended" });
		assert.equal((await ask("ECHO second")).response, "second");
		assert.notEqual(workers(iris)[0].pid, worker.pid);
		await goesOn(sessionId);
	});

	test("a worker is killed at work: the caller is told, tools that ran are ended, other teams do not notice", async () => {
		await ask("ECHO first");
		const { sessionId } = (await sessions(iris))["asker->b"];
		const worker = workers(iris)[0];
		const call = failedCall(iris, client, "ask_message", { toTeam: "b", message: `BASH tail -f ${iris.root}/nothing /dev/null` });
		const held = quick(iris, client, "other", gate.hold);
		const tails = () => processesOf(iris.root).filter((p) => p.command.startsWith("tail "));
		await waitFor(() => tails().length > 0);
		process.kill(worker.pid, "SIGKILL");
		const r = await call;
		assert.equal(r.code, "crashed");
		assert.match(r.error, /iris-worker/);
		await waitFor(() => tails().length === 0, { what: "the tool to be ended" });
		gate.open();
		assert.equal((await iris.messageIn(await held, "answered", "failed")).response, "held");
		assert.match((await ask("ARGS")).response, new RegExp(`--resume[ =]${sessionId}`));
	});

	test("irisd is killed under two waiting calls: the shim starts another, which takes over the running turn; both are answered", async () => {
		const running = ask(gate.hold);
		const { id } = await seen();
		const claude = (await sessions(iris))["asker->b"].pid;
		const queued = ask("ECHO answered after all");
		await waitFor(async () => (await sessions(iris))["asker->b"].queued === 1);
		await iris.kill();
		await waitFor(async () => (await status(iris)).workers[0]?.adopted, { what: "the worker to be adopted" });
		assert.equal((await sessions(iris))["asker->b"].pid, claude, "its Claude goes on");
		gate.open();
		const [r, q] = await Promise.all([running, queued]);
		assert.equal(r.messageId, id);
		assert.equal(r.state, "answered");
		assert.equal(q.response, "answered after all");
		const { receipts } = await iris.message(id);
		assert.deepEqual(receipts.map((x) => x.state), ["queued", "sent", "seen", "answered"]);
		assert.equal((await iris.json(["message", "list"])).messages.length, 2, "no message was made twice");
		assert.equal(daemons(iris).length, 1);
	});

	test("irisd itself keeps no zombies, whatever died", async () => {
		await ask("ECHO first");
		const irisd = (await status(iris)).pid;
		const children = () => readFileSync(`/proc/${irisd}/task/${irisd}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
		process.kill(workers(iris)[0].pid, "SIGKILL");
		await ask("ECHO second");
		process.kill((await sessions(iris))["asker->b"].pid, "SIGKILL");
		await ask("ECHO third");
		await waitFor(() => children().length === 1, { what: "one child: the worker that runs" });
		assert.deepEqual(children(), [workers(iris)[0].pid]);
	});

	test("a worker that hangs is ended by a stop all the same", async () => {
		await ask("ECHO first");
		process.kill(workers(iris)[0].pid, "SIGSTOP");
		const start = performance.now();
		assert.equal((await iris.iris(["stop"])).status, 0);
		assert.ok(performance.now() - start < 20000);
		assert.deepEqual(workers(iris), []);
		/* Its parent was killed with it: nobody has waited for its last moment. */
		await waitFor(() => claudes(iris).length === 0, { what: "its Claude to be gone" });
	});
});
