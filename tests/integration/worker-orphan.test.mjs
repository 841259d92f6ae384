/* SPDX-License-Identifier: MIT
 *
 * iris-worker without irisd: turns go on, results are kept, and the next irisd gets all that the last one may have lost;
 * or none comes, and everything ends in order. The test plays both irisd.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { refused, workerTest } from "../lib/fake-irisd.mjs";
import { processesOf } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";

const spooling = (irisd) => ["-d", irisd.spool];
const orphanTest = (name, fn, args = []) => workerTest(name, fn, {}, (irisd) => [...spooling(irisd), ...args]);
const methods = (irisd) => irisd.events.map((e) => e.method);

/* A turn that runs until finish() is called. */
function held(irisd, name = "gate") {
	const file = join(irisd.root, name);
	return { text: `HOLD ${file}`, finish: () => writeFileSync(file, "") };
}

/* Open a session, and wait until its tools were listed, too. */
async function served(irisd, more = {}, session = "s1") {
	const result = await irisd.open(more, session);
	await irisd.event("event/mcp", (p) => p.session === session && p.message.method === "tools/list");
	return result;
}

/* A claude that starts when the file `go` is there. */
function slowStarter(irisd) {
	const script = join(irisd.root, "slow-claude");
	writeFileSync(script, `#!/bin/sh\nwhile ! [ -e '${irisd.root}/go' ]; do sleep 0.05; done\nexec '${fakeClaudePath()}' "$@"\n`);
	chmodSync(script, 0o755);
	return { path: script, go: () => writeFileSync(join(irisd.root, "go"), "") };
}

orphanTest("the first hello has no sessions and no results", async (irisd) => {
	const hello = await irisd.event("iris/hello");
	assert.deepEqual(hello.sessions, []);
	assert.deepEqual(hello.results, []);
	assert.equal(hello.pid, irisd.worker.pid);
});

orphanTest("irisd dies in mid-turn: the turn goes on, and its result goes to the next irisd", async (irisd) => {
	const instance = randomUUID(), claudeId = randomUUID();
	const { pid, startTime } = await served(irisd, { instance, claudeId });
	const gate = held(irisd);
	const message = await irisd.send(gate.text);
	await irisd.event("event/session");
	irisd.die();
	const hello = await irisd.comeBack();
	assert.deepEqual(hello.sessions, [{ session: "s1", claudeId, instance, pid, startTime, state: "busy", message, seen: "lifecycle",
		model: hello.sessions[0].model, version: "2.1.330" }]);
	assert.match(hello.sessions[0].model, /^claude-/);
	assert.deepEqual(hello.results, []);
	gate.finish();
	const r = await irisd.result(message);
	assert.deepEqual([r.ok, r.answer, r.seen], [true, "held", "lifecycle"]);
	assert.equal((await irisd.ask("ECHO next")).answer, "next");
	assert.equal(irisd.all("event/exit").length, 0);
	assert.equal(irisd.spooled(), null, "nothing was ever unsaved without irisd");
});

orphanTest("a turn that ends without irisd: spooled, told in hello, sent behind it, and removed when stored", async (irisd) => {
	const claudeId = randomUUID();
	await served(irisd, { claudeId });
	const gate = held(irisd);
	const message = await irisd.send(gate.text);
	await irisd.event("event/receipt");
	irisd.die();
	gate.finish();
	const [line] = await irisd.spooledLines(1);
	assert.deepEqual([line.claudeId, line.session, line.message, line.ok, line.answer, line.seen], [claudeId, "s1", message, true, "held", "lifecycle"]);
	assert.ok(line.usage.numTurns === 1);
	assert.equal(statSync(join(irisd.spool, readdirSync(irisd.spool)[0])).mode & 0o777, 0o600);
	irisd.acks = false;
	const hello = await irisd.comeBack();
	assert.deepEqual(hello.results, [message]);
	assert.equal(hello.sessions[0].state, "idle");
	assert.equal(hello.sessions[0].message, undefined);
	const r = await irisd.result(message);
	assert.equal(r.answer, "held");
	assert.equal(methods(irisd).indexOf("event/result"), 1, "right behind the hello");
	/* Not stored yet, and this irisd dies as well. */
	irisd.die();
	assert.equal(irisd.spooled().length, 1, "kept, and not written twice");
	irisd.acks = true;
	assert.deepEqual((await irisd.comeBack()).results, [message]);
	assert.equal((await irisd.result(message)).answer, "held");
	await waitFor(() => irisd.spooled() === null);
	irisd.die();
	assert.deepEqual((await irisd.comeBack()).results, []);
});

orphanTest("a result that irisd had not answered is spooled at the moment of the loss", async (irisd) => {
	await served(irisd, {}, "a");
	await served(irisd, {}, "b");
	irisd.acks = false;
	const one = await irisd.send("ECHO one", "a");
	await irisd.result(one);
	assert.equal(irisd.spooled(), null, "while irisd is there, it is irisd's to keep");
	const gate = held(irisd);
	const two = await irisd.send(gate.text, "b");
	irisd.die();
	assert.equal((await irisd.spooledLines(1))[0].message, one);
	gate.finish();
	assert.deepEqual((await irisd.spooledLines(2)).map((l) => l.message), [one, two]);
	irisd.acks = true;
	const hello = await irisd.comeBack();
	assert.deepEqual(hello.results, [one, two]);
	assert.deepEqual([(await irisd.result(one)).answer, (await irisd.result(two)).answer], ["one", "held"]);
	await waitFor(() => irisd.spooled() === null);
});

orphanTest("a result that irisd can not store now is kept; one that it never will is not", async (irisd) => {
	irisd.acks = false;
	await served(irisd);
	const answer = (code) => {
		const { id } = irisd.events.find((e) => e.method === "event/result");
		irisd.write({ jsonrpc: "2.0", id, error: { code: -32000, message: "the disk is full", data: { code } } });
	};
	const message = await irisd.send("ECHO kept");
	await irisd.result(message);
	answer("io");
	assert.equal((await irisd.spooledLines(1))[0].answer, "kept");
	irisd.die();
	assert.deepEqual((await irisd.comeBack()).results, [message]);
	await irisd.result(message);
	answer("not_found");
	await waitFor(() => irisd.spooled() === null);
});

orphanTest("a claude that dies without irisd: it is not among the sessions, and its turn has failed", async (irisd) => {
	const { pid } = await served(irisd);
	const m = await irisd.send(held(irisd).text);
	await irisd.event("event/receipt");
	irisd.die();
	process.kill(pid, "SIGKILL");
	const [line] = await irisd.spooledLines(1);
	assert.deepEqual([line.ok, line.code, line.seen], [false, "crashed", "lifecycle"]);
	await waitFor(() => irisd.stderr.includes("claude is gone"));
	const hello = await irisd.comeBack();
	assert.deepEqual([hello.sessions, hello.results], [[], [m]]);
	assert.equal((await irisd.result(m)).code, "crashed");
	assert.equal(irisd.all("event/exit").length, 0);
	await refused(irisd.send("ECHO anew"), "not_found", /no such session/);
	await irisd.open();
	assert.equal((await irisd.ask("ECHO anew")).answer, "anew");
});

orphanTest("SIGUSR1 connects at once, and without it a timer does", async (irisd) => {
	irisd.die();
	/* Long enough for the time between two tries to have grown past a second. */
	await waitFor(() => irisd.stderr.includes("the connection to irisd has ended"));
	await new Promise((r) => setTimeout(r, 2500));
	const start = performance.now();
	await irisd.comeBack();
	/* Less than until the next try of its own. */
	assert.ok(performance.now() - start < 1000, `${performance.now() - start} ms`);
	irisd.die();
	await irisd.comeBack({ signal: false, deadline: 15000 });
	assert.equal(irisd.connections, 3);
});

orphanTest("an irisd that takes connections and says nothing is not asked without a pause", async (irisd) => {
	irisd.take = () => irisd.socket.destroy();
	const start = performance.now();
	irisd.socket.destroy();
	/* At once, then after 250, 500 and 1000 ms. */
	await waitFor(() => irisd.connections >= 4, { what: "three tries" });
	assert.ok(performance.now() - start > 700, `${performance.now() - start} ms`);
	delete irisd.take;
	await irisd.event("iris/hello", (p) => p.sessions.length === 0);
	irisd.die();
	await irisd.comeBack();
});

orphanTest("a permission request is asked again with the same id, and the answer counts", async (irisd) => {
	await served(irisd);
	const message = await irisd.send("BASH echo permitted-by-the-second");
	const ask = await irisd.event("event/ask");
	irisd.die();
	const hello = await irisd.comeBack();
	assert.deepEqual([hello.sessions[0].state, hello.sessions[0].message], ["busy", message]);
	assert.deepEqual(await irisd.event("event/ask"), ask);
	await irisd.request("worker/answer", { session: "s1", request: ask.request, behavior: "allow" });
	assert.match((await irisd.result(message)).answer, /permitted-by-the-second/);
});

orphanTest("in-band MCP: handshake and open call are told again, and the second initialize ends in the worker", async (irisd) => {
	let open;
	irisd.tool = (message) => (open = message);
	await served(irisd);
	const message = await irisd.send('TOOL list_teams {"a":"ä \\u00e9"}');
	await waitFor(() => open);
	const first = irisd.all("event/mcp");
	irisd.die();
	irisd.tool = (again, answer) => {
		assert.deepEqual(again, open);
		answer({ content: [{ type: "text", text: "from the second irisd" }] });
	};
	await irisd.comeBack();
	assert.match((await irisd.result(message)).answer, /from the second irisd/);
	const second = irisd.all("event/mcp").map((p) => p.message);
	assert.deepEqual(second.map((m) => m.method), ["initialize", "notifications/initialized", "tools/call"]);
	assert.deepEqual(second.slice(0, 2), first.map((p) => p.message).filter((m) => /initialize/.test(m.method)));
	/* Nothing of it stays behind: the next call works, and a third irisd gets the handshake alone. */
	irisd.tool = (m, answer) => answer({ content: [{ type: "text", text: "again" }] });
	assert.match((await irisd.ask("TOOL list_teams {}")).answer, /again/);
	irisd.die();
	await irisd.comeBack();
	await irisd.ask("ECHO done");
	assert.deepEqual(irisd.all("event/mcp").map((p) => p.message.method), ["initialize", "notifications/initialized"]);
});

orphanTest("an initialize that was never answered is told again once, and its answer reaches Claude", async (irisd) => {
	const serve = irisd.serveMcp;
	irisd.serveMcp = () => {};
	await irisd.open();
	await irisd.event("event/mcp");
	irisd.die();
	irisd.serveMcp = serve;
	irisd.tool = (m, answer) => answer({ content: [{ type: "text", text: "served" }] });
	await irisd.comeBack();
	assert.match((await irisd.ask("TOOL list_teams {}")).answer, /served/);
	assert.deepEqual(irisd.all("event/mcp").map((p) => p.message.method), ["initialize", "notifications/initialized", "tools/list", "tools/call"]);
});

orphanTest("attach: the same process answers a second open, another instance is refused", async (irisd) => {
	const instance = randomUUID(), claudeId = randomUUID();
	const opened = await served(irisd, { instance, claudeId });
	assert.equal((await irisd.ask("ENV IRIS_CLAUDE")).answer, `IRIS_CLAUDE=${instance}`);
	assert.deepEqual(await irisd.open({ instance, claudeId }), opened, "on the same connection");
	await refused(irisd.open({ instance: randomUUID(), claudeId }), "refused", /open already/);
	await refused(irisd.open({ claudeId }), "refused", /open already/);
	await refused(irisd.open({ instance: "x" }, "s2"), "invalid", /instance/);
	irisd.die();
	await irisd.comeBack();
	assert.deepEqual(await irisd.open({ instance, claudeId }), opened);
	assert.equal((await irisd.ask("ECHO the same")).answer, "the same");
});

orphanTest("attach to one that is still starting: answered when it is ready", async (irisd) => {
	const starter = slowStarter(irisd), instance = randomUUID(), claudeId = randomUUID();
	irisd.open({ instance, claudeId, claudePath: starter.path }).catch(() => {});
	await waitFor(() => processesOf(starter.path).length > 0);
	irisd.die();
	const hello = await irisd.comeBack();
	assert.deepEqual([hello.sessions[0].state, hello.sessions[0].instance], ["starting", instance]);
	const older = irisd.open({ instance, claudeId });
	const again = irisd.open({ instance, claudeId });
	await refused(older, "cancelled", /asked for again/);
	starter.go();
	const opened = await again;
	assert.equal(opened.pid, hello.sessions[0].pid);
	assert.ok(opened.readyMs > 0);
	assert.equal((await irisd.ask("ECHO up")).answer, "up");
});

orphanTest("attach to one that never gets ready: the error", async (irisd) => {
	const instance = randomUUID();
	const more = { instance, spawnTimeout: 1500, env: { FAKE_CLAUDE_FAULT: "hang-at-start" } };
	irisd.open(more).catch(() => {});
	await waitFor(() => processesOf(`IRIS_CLAUDE=${instance}`).length > 0);
	irisd.die();
	await irisd.comeBack();
	await refused(irisd.open(more), "timeout", /not ready within 1500 ms/);
	assert.equal(irisd.all("event/exit").length, 0);
});

/* It was starting when the next irisd heard of it, and then came up and ended before it was asked for. */
orphanTest("attach to one that is on its way out: the error, when it is gone", async (irisd) => {
	const instance = randomUUID(), claudeId = randomUUID();
	const { pid } = await served(irisd, { instance, claudeId, stopTimeout: 2400, env: { FAKE_CLAUDE_FAULT: "ignore-term" } });
	irisd.request("worker/close", { session: "s1" }).catch(() => {});
	await irisd.request("worker/interrupt", { session: "none", message: randomUUID() });
	irisd.die();
	assert.equal((await irisd.comeBack()).sessions[0].state, "stopping");
	await refused(irisd.open({ instance, claudeId }), "cancelled", /closed before/);
	assert.equal(processesOf(irisd.root).some((p) => p.pid === pid), false, "nothing of it is left then");
	await irisd.open({ instance: randomUUID() });
});

orphanTest("requests of the irisd that died are not answered to the next", async (irisd) => {
	await irisd.open({ stopTimeout: 2400, env: { FAKE_CLAUDE_FAULT: "ignore-term" } });
	irisd.request("worker/close", { session: "s1" }).catch(() => {});
	await waitFor(() => irisd.nextId === 2);
	await irisd.request("worker/interrupt", { session: "none", message: randomUUID() });
	irisd.die();
	const stray = [];
	irisd.nextId = 100;
	const take = irisd.take.bind(irisd);
	irisd.take = (m) => {
		if (m.method === undefined && m.id < 100)
			stray.push(m);
		take(m);
	};
	const hello = await irisd.comeBack();
	assert.equal(hello.sessions[0].state, "stopping");
	await irisd.request("worker/close", { session: "s1" });
	assert.deepEqual(stray, []);
});

/* --- no irisd comes --- */

orphanTest("orphaned: asks are denied, calls refused, the turn ends, the result is in the spool, and the worker ends", async (irisd) => {
	let open;
	irisd.tool = (message) => (open = message);
	await served(irisd, {}, "asks");
	await served(irisd, {}, "calls");
	await served(irisd, {}, "holds");
	await served(irisd, {}, "idle");
	const gate = held(irisd);
	const m = {
		asks: await irisd.send("BASH echo no", "asks"),
		calls: await irisd.send("TOOL list_teams {}", "calls"),
		holds: await irisd.send(gate.text, "holds"),
	};
	await irisd.event("event/ask");
	await waitFor(() => open);
	irisd.die();
	await irisd.spooledLines(2);
	const of = (message) => irisd.spooled().find((l) => l.message === message);
	assert.match(of(m.asks).answer, /irisd is not running/);
	assert.match(of(m.calls).answer, /irisd is not running/);
	assert.equal(irisd.worker.exitCode, null, "the third turn still runs");
	await waitFor(() => processesOf(irisd.root).filter((p) => p.command.includes("fake-claude")).length === 1);
	gate.finish();
	await within(30000, irisd.ended, "the worker's end");
	assert.equal(irisd.worker.exitCode, 0);
	assert.deepEqual([of(m.holds).ok, of(m.holds).answer], [true, "held"]);
	assert.equal(irisd.spooled().length, 3);
}, ["-o", "300"]);

orphanTest("orphaned: what is asked afterwards is refused at once", async (irisd) => {
	await served(irisd);
	const gate = held(irisd);
	const m = await irisd.send(`${gate.text}\nBASH echo no\nTOOL list_teams {}`);
	await irisd.event("event/receipt");
	irisd.die();
	await waitFor(() => irisd.stderr.includes("end with their turns"));
	gate.finish();
	await within(30000, irisd.ended, "the worker's end");
	assert.equal(irisd.worker.exitCode, 0);
	const [line] = irisd.spooled();
	assert.equal(line.message, m);
	const refusal = "Nobody can say whether this is permitted: irisd is not running\\.[^\n]*";
	assert.match(line.answer, new RegExp(`^held\n\nPreToolUse:Bash hook error: ${refusal}\n\nPreToolUse:mcp__iris__list_teams hook error: ${refusal}$`));
}, ["-o", "200"]);

orphanTest("orphaned: the silence of a turn counts from the denial on, not from the question", async (irisd) => {
	await served(irisd, { responseTimeout: 1200 });
	const gate = held(irisd);
	const m = await irisd.send(`BASH echo no\n${gate.text}`);
	await irisd.event("event/ask");
	irisd.die();
	await waitFor(() => irisd.stderr.includes("end with their turns"));
	gate.finish();
	await within(30000, irisd.ended, "the worker's end");
	const [line] = irisd.spooled();
	assert.deepEqual([line.message, line.ok], [m, true], line.reason);
}, ["-o", "1800"]);

orphanTest("the time counts anew after each irisd", async (irisd) => {
	for (let i = 0; i < 3; i++) {
		irisd.die();
		await new Promise((r) => setTimeout(r, 600));
		await irisd.comeBack();
	}
	assert.equal(irisd.worker.exitCode, null);
}, ["-o", "1700"]);

orphanTest("a worker that is refused ends its turns, then itself", async (irisd) => {
	await served(irisd);
	const gate = held(irisd);
	await irisd.send(gate.text);
	await irisd.event("event/receipt");
	irisd.die();
	irisd.refusal = { jsonrpc: "2.0", id: "hello", error: { code: -32000, message: "not mine", data: { code: "refused" } } };
	await irisd.comeBack();
	gate.finish();
	await within(30000, irisd.ended, "the worker's end");
	assert.equal(irisd.worker.exitCode, 76);
	assert.match(irisd.stderr, /refuses this worker: not mine/);
	assert.equal(irisd.spooled()[0].answer, "held");
	irisd.worker.exitCode = 0;
});

orphanTest("TERM without irisd: stopped in order, the results in the spool, no new connection", async (irisd) => {
	await served(irisd);
	const m = await irisd.send("SLOW 20000 a b c d e f g h");
	await irisd.event("event/delta");
	irisd.die();
	await waitFor(() => irisd.stderr.includes("the connection to irisd has ended"));
	irisd.worker.kill("SIGTERM");
	await within(30000, irisd.ended, "the worker's end");
	assert.equal(irisd.worker.exitCode, 0);
	const [line] = irisd.spooled();
	assert.deepEqual([line.message, line.ok, line.code], [m, false, "cancelled"]);
	assert.equal(irisd.connections, 1);
});

orphanTest("irisd dies after worker/stop: the worker stops all the same and does not come back", async (irisd) => {
	await served(irisd);
	irisd.acks = false;
	const m = await irisd.send("SLOW 20000 a b c d e f g h");
	await irisd.event("event/delta");
	irisd.request("worker/stop", {}).catch(() => {});
	await irisd.result(m);
	irisd.socket.destroy();
	await within(30000, irisd.ended, "the worker's end");
	assert.equal(irisd.worker.exitCode, 0);
	assert.equal(irisd.connections, 1);
	assert.equal(irisd.spooled()[0].message, m);
});

workerTest("without a spool directory nothing is written, and the rest works", async (irisd) => {
	await served(irisd);
	const gate = held(irisd);
	const m = await irisd.send(gate.text);
	await irisd.event("event/receipt");
	irisd.die();
	gate.finish();
	await waitFor(() => irisd.stderr.includes("turn ended"));
	assert.deepEqual((await irisd.comeBack()).results, [m]);
	assert.equal((await irisd.result(m)).answer, "held");
	assert.deepEqual(readdirSync(irisd.spool), []);
});

workerTest("a spool directory that can not be written to is no reason to lose a result", async (irisd) => {
	await served(irisd);
	const gate = held(irisd);
	const m = await irisd.send(gate.text);
	await irisd.event("event/receipt");
	irisd.die();
	gate.finish();
	await waitFor(() => irisd.stderr.includes("kept in memory only"));
	assert.deepEqual((await irisd.comeBack()).results, [m]);
	assert.equal((await irisd.result(m)).answer, "held");
}, {}, (irisd) => ["-d", join(irisd.root, "nowhere")]);

orphanTest("connected again and idle, it does not wake up", async (irisd) => {
	if (process.platform !== "linux")
		return;
	irisd.die();
	await irisd.comeBack();
	const switches = () => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${irisd.worker.pid}/status`, "utf8"))[1]);
	await irisd.request("worker/interrupt", { session: "none", message: randomUUID() });
	await new Promise((r) => setTimeout(r, 100));
	const before = switches();
	await new Promise((r) => setTimeout(r, 1500));
	assert.equal(switches() - before, 0, "wake-ups in 1.5 s");
}, ["-o", "1000"]);
