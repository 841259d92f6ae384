/* SPDX-License-Identifier: MIT
 *
 * irisd against workers that say things in an order of their own: late, twice, at the wrong time,
 * or not at all. Whatever they do, irisd lives on, nobody waits for nothing, and no message is lost.
 */
import { afterEach, describe, test } from "node:test";
import { makeStage, event, failure, result, turnResult, useFakeWorkers } from "../lib/fake-worker.mjs";
import { assert, connectRaw, makeIris, quick, sessions, status, waitFor, within } from "./setup.mjs";

useFakeWorkers();

describe("a worker with an order of its own", () => {
	let iris, stage, client;

	const start = async (settings = {}) => {
		iris = makeIris({ asker: {}, a: { grantPermission: "no" }, b: {}, c: {}, d: {} }, { settings });
		stage = await makeStage(iris.root);
		Object.assign(iris.env, stage.env);
		await iris.start();
		client = await iris.client({ cwd: iris.dirs.asker });
	};
	afterEach(async () => {
		stage.close();
		await iris.stop();
	});

	const state = async (pair) => (await sessions(iris))[pair]?.state;
	/* A process that irisd may look at and kill: the worker's own. */
	const opened = (w, open) => result(open, { pid: w.pid, readyMs: 1, version: "test" });
	const exit = (w, open) => event("exit", open, { pid: w.pid, how: "exit", status: 0, expected: false, stderr: "", reason: "exit 0" });
	const openOne = async (team, message = "hello") => {
		const id = await quick(iris, client, team, message);
		const w = await stage.next();
		const open = await w.request("worker/open");
		w.send(opened(w, open));
		const turn = await w.request("worker/turn");
		return { id, w, open, turn };
	};
	const finish = async ({ w, turn, id }, text = "done") => {
		w.send(turnResult(turn, text));
		return iris.messageIn(id, "answered");
	};
	/* What a good worker does when it is told to stop. */
	const end = async (...list) => {
		for (const w of list)
			w.socket.destroy();
	};

	test("a turn is answered", async () => {
		await start();
		const one = await openOne("a");
		assert.equal((await finish(one)).response, "done");
		await end(one.w);
	});

	test("two slots that become free at once are given to two who wait", async () => {
		await start({ maxProcesses: 2 });
		const a = await openOne("a"), guest = await iris.client();
		await finish(a);
		await quick(iris, guest, "a", "hello");
		const open = await a.w.request("worker/open");
		a.w.send(opened(a.w, open));
		a.w.send(turnResult(await a.w.request("worker/turn"), "done"));
		await quick(iris, client, "c", "for c");
		await quick(iris, client, "d", "for d");
		const closes = [await a.w.request("worker/close"), await a.w.request("worker/close")];
		/* Both ends in one pass of irisd's loop. */
		a.w.send(...closes.flatMap((c) => [exit(a.w, c), result(c)]));
		const c = await stage.next(), d = await stage.next();
		assert.deepEqual([c.team, d.team].sort(), ["c", "d"]);
		await end(a.w, c, d);
	});

	test("team_wake from within a turn that holds the only slot ends", async () => {
		await start({ maxProcesses: 1 });
		const a = await openOne("a");
		const call = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "team_wake", arguments: { team: "b" } } };
		a.w.send(event("mcp", a.open, { message: call }));
		const b = await stage.next();
		const open = await b.request("worker/open");
		b.send(opened(b, open));
		const answer = await a.w.take((l) => l.method === "worker/mcp" && l.params.message.id === 7);
		assert.equal(answer.params.message.result.structuredContent.status, "awake");
		await end(a.w, b);
	});

	test("events of a worker that was retired do no harm", async () => {
		await start();
		const a = await openOne("a");
		await finish(a);
		a.w.send(exit(a.w, a.open));
		await a.w.request("worker/stop");
		a.w.send(turnResult(a.turn, "again"), event("ask", a.open, { request: "q", tool: "Bash", input: {} }), exit(a.w, a.open));
		await a.w.take((l) => String(l.id).startsWith("r") && "result" in l, "the answer to a late result");
		assert.equal((await status(iris)).messages.answered, 1);
		await end(a.w);
	});

	test("the late answer to an old close does not end the next process", async () => {
		await start();
		const a = await openOne("a");
		await finish(a);
		await iris.call(client, "quick_message", { toTeam: "a", message: "two" });
		await a.w.request("worker/turn");
		const sleeping = iris.call(client, "team_sleep", { team: "a", force: true });
		const close = await a.w.request("worker/close");
		await iris.call(client, "quick_message", { toTeam: "a", message: "three" });
		a.w.send(exit(a.w, a.open));
		await sleeping;
		/* "three" has it opened again, and it is put to sleep while it starts. */
		const w = a.w;
		const again = await w.request("worker/open");
		const sleeping2 = iris.call(client, "team_sleep", { team: "a", force: true });
		const close2 = await w.request("worker/close");
		w.send(result(close));
		await waitFor(async () => (await status(iris)).sessions.length > 0);
		assert.equal(await state("asker->a"), "stopping");
		w.send(opened(w, again), exit(w, again), result(close2));
		await sleeping2;
		const third = await w.request("worker/open");
		w.send(opened(w, third));
		await finish({ w, turn: await w.request("worker/turn"), id: (await iris.json(["message", "list"])).messages[0].id });
		await end(w);
	});

	test("a close that is answered without a word about the turn: the caller gets an answer", async () => {
		await start();
		const a = await openOne("a");
		const sleeping = iris.call(client, "team_sleep", { team: "a", force: true });
		a.w.send(result(await a.w.request("worker/close")));
		await sleeping;
		assert.equal((await iris.messageIn(a.id, "failed")).error.code, "crashed");
		await end(a.w);
	});

	test("stopping while a claude starts: the queued message stays queued", async () => {
		await start();
		const id = await quick(iris, client, "a", "hello");
		const w = await stage.next();
		const open = await w.request("worker/open");
		iris.daemon.kill("SIGTERM");
		const stop = await w.request("worker/stop");
		w.send(failure(open, "crashed"), result(stop));
		w.socket.end();
		await within(30000, iris.daemonExit, "irisd to stop");
		await client.close();
		iris.clients = [];
		await iris.start();
		client = await iris.client({ cwd: iris.dirs.asker });
		const next = await stage.next();
		next.send(opened(next, await next.request("worker/open")));
		await finish({ w: next, turn: await next.request("worker/turn"), id });
		await end(next);
	});

	test("the result that a worker sent just before it died counts", async () => {
		await start();
		/* More than irisd reads at once. */
		const a = await openOne("a", "only once"), words = "my last words ".repeat(7000);
		iris.daemon.kill("SIGSTOP");
		a.w.send(event("receipt", a.open, { message: a.id, state: "seen", evidence: "replay" }), turnResult(a.turn, words), { die: true });
		await waitFor(() => a.w.ended, { what: "the worker to die" });
		iris.daemon.kill("SIGCONT");
		assert.equal((await iris.messageIn(a.id, "answered", "failed")).response, words);
	});

	test("the same where irisd has something to tell the worker when it reads that", async () => {
		await start();
		const a = await openOne("a", "only once"), words = "my last words ".repeat(7000);
		const ctl = await connectRaw(iris, { role: "ctl" });
		iris.daemon.kill("SIGSTOP");
		/* First in its queue: an interrupt, which nobody takes any more. */
		ctl.send({ jsonrpc: "2.0", id: "c", method: "iris/message.cancel", params: { id: a.id } });
		a.w.send(event("receipt", a.open, { message: a.id, state: "seen", evidence: "replay" }), turnResult(a.turn, words), { die: true });
		await waitFor(() => a.w.ended, { what: "the worker to die" });
		iris.daemon.kill("SIGCONT");
		assert.equal((await iris.messageIn(a.id, "answered", "failed", "cancelled")).response, words);
		ctl.socket.destroy();
	});

	test("only Iris's own tools need no permission, not those of a server that is called alike", async () => {
		await start();
		const a = await openOne("a");
		const decided = async (tool) => {
			a.w.send(event("ask", a.open, { request: tool, tool, input: {} }));
			return (await a.w.take((l) => l.method === "worker/answer" && l.params.request === tool)).params.behavior;
		};
		assert.equal(await decided("mcp__iris__ask_message"), "allow");
		assert.equal(await decided("mcp__iris__evil__delete"), "deny");
		assert.equal(await decided("mcp__iris__"), "deny");
		await finish(a);
		await end(a.w);
	});

	test("what irisd cuts off ends between two letters", async () => {
		await start();
		const a = await openOne("a");
		const shim = await connectRaw(iris, { role: "shim", cwd: iris.dirs.asker });
		let bad = 0;
		shim.socket.setEncoding("latin1");
		shim.socket.on("data", (d) => (bad += Buffer.from(d, "latin1").toString("utf8").includes("\ufffd")));
		const long = `a${"\u00e4".repeat(95)}`;
		shim.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: long, arguments: {} } });
		shim.send({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "get_date", arguments: { [long]: 1 } } });
		shim.send({ jsonrpc: "2.0", id: 3, method: "tools/call", params: { name: "list_teams", arguments: { fromTeam: 1, [long]: 1 } } });
		shim.send({
			jsonrpc: "2.0",
			id: 4,
			method: "tools/call",
			params: { name: "message_result", arguments: { messageId: a.id, timeout: 20000 }, _meta: { progressToken: 1 } },
		});
		a.w.send(
			event("receipt", a.open, { message: a.id, state: "seen", evidence: "replay" }),
			event("session", a.open, { model: long, version: long }),
			event("activity", a.open, { message: a.id, kind: "tool", tool: long }),
		);
		await shim.line((l) => l.params?.message?.includes("using a"), { what: "progress" });
		const ctl = await connectRaw(iris, { role: "ctl" });
		ctl.socket.setEncoding("latin1");
		ctl.socket.on("data", (d) => (bad += Buffer.from(d, "latin1").toString("utf8").includes("\ufffd")));
		await ctl.request(`iris/${long}`, {});
		await ctl.request("iris/message.show", { id: long });
		await ctl.request("iris/daemon.status", {});
		await finish(a);
		await shim.line((l) => l.id === 4);
		assert.equal(bad, 0);
		shim.socket.destroy();
		ctl.socket.destroy();
		await end(a.w);
	});
});
