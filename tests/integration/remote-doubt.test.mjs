/* SPDX-License-Identifier: MIT
 *
 * A remote team's lost line and what else may happen meanwhile: nobody waits for it any more, its
 * conversation is begun anew or gone, its host ends nothing, irisd is killed, the team is moved.
 */
import { afterEach, describe, test } from "node:test";
import { makeStage, event, failure, result, turnResult, useFakeWorkers } from "../lib/fake-worker.mjs";
import { assert, makeIris, quick, sessions, waitFor } from "./setup.mjs";

useFakeWorkers();

const LOST = "the connection to box was broken off: Broken pipe";
const AWAY = "box can not be reached: No route to host";

describe("while the line to a team's host is lost", () => {
	let iris, stage, client, w;

	const start = async () => {
		iris = makeIris({ asker: {}, other: {}, third: {}, far: { path: "~/p", remote: "ssh box" } });
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
	const cut = (open) => event("exit", open, { pid: w.pid, how: "exit", status: 255, expected: false, stderr: "", reason: LOST, line: true });
	const seen = (turn) => event("receipt", turn, { message: turn.params.message, state: "seen", evidence: "lifecycle" });
	const lineOf = async () => (await iris.json(["team", "show", "far"])).line;
	const lookup = () => w.request("worker/lookup");
	const asleep = () => waitFor(async () => (await sessions(iris))["asker->far"].state === "asleep", { what: "the session to be asleep" });
	const reload = async () => {
		const n = iris.log().split("configuration reloaded").length;
		process.kill(iris.daemon.pid, "SIGHUP");
		await waitFor(() => iris.log().split("configuration reloaded").length > n, { what: "the reload" });
	};

	/* With its Claude, which has seen it. */
	const begin = async () => {
		const id = await quick(iris, client, "far", "hello");
		w ??= await stage.next();
		const open = await w.request("worker/open");
		w.send(opened(open));
		const turn = await w.request("worker/turn");
		w.send(seen(turn));
		await iris.messageIn(id, "seen");
		return { id, open, turn };
	};
	/* Looked up: its turn did not come to its end, so that it is to go on. */
	const taken = async () => {
		const one = await begin();
		w.send(cut(one.open));
		w.send(result(await lookup(), { state: "taken", line: 4 }));
		return { ...one, again: await w.request("worker/open") };
	};
	/* And lost again before that. */
	const waiting = async () => {
		const one = await taken();
		w.send(failure(one.again, "line", AWAY));
		await waitFor(async () => (await lineOf())?.why === AWAY, { what: "the line to be down" });
		return one;
	};

	test("what was to go on, and is cancelled: nobody waits, and nothing is told as lost", async () => {
		await start();
		const one = await waiting();
		await iris.call(client, "message_cancel", { messageId: one.id });
		await iris.messageIn(one.id, "cancelled");
		assert.equal(await lineOf(), undefined);
		assert.doesNotMatch((await iris.iris(["status"])).stdout, /line:/);
	});

	test("one session of those that wait tries it, in one slot", async () => {
		await start();
		const one = await waiting(), ids = [];
		for (const dir of ["other", "third"]) ids.push(await quick(iris, await iris.client({ cwd: iris.dirs[dir] }), "far", "hello"));
		const opens = () => w.got.filter((l) => l.method === "worker/open").length;
		for (let i = 0; i < 2; i++) {
			const open = await w.request("worker/open");
			const states = Object.entries(await sessions(iris)).filter(([k]) => k.endsWith("->far")).map(([, s]) => s.state);
			assert.deepEqual(states.sort(), ["asleep", "asleep", "starting"]);
			assert.equal(opens(), 0);
			w.send(failure(open, "line", AWAY));
		}
		const first = await w.request("worker/open");
		w.send(opened(first));
		const rest = [await w.request("worker/open"), await w.request("worker/open")];
		w.send(...rest.map(opened));
		for (let i = 0; i < 3; i++) w.send(turnResult(await w.request("worker/turn"), "done"));
		for (const id of [one.id, ...ids]) assert.equal((await iris.messageIn(id, "answered")).response, "done");
	});

	test("what was to go on in a conversation that is begun anew, ends", async () => {
		await start();
		const one = await waiting();
		const refused = await iris.call(client, "session_delete", { toTeam: "far" });
		assert.match(JSON.stringify(refused), /is at work for asker/);
		const deleting = iris.call(client, "session_delete", { toTeam: "far", force: true });
		w.send(result(await w.request("worker/forget"), { removed: true }));
		await deleting;
		assert.match((await iris.messageIn(one.id, "cancelled")).receipts.at(-1).evidence, /the old one had begun with the message/);
		assert.equal(await lineOf(), undefined);
	});

	test("what was to go on in a conversation that is gone, ends", async () => {
		await start();
		const one = await taken();
		w.send(failure(one.again, "not_found", "No conversation found"));
		const m = await iris.messageIn(one.id, "failed");
		assert.equal(m.error.code, "crashed");
		assert.match(m.error.reason, /Claude had begun with this message, and its conversation with team far is gone/);
		assert.deepEqual(w.got.filter((l) => l.method === "worker/turn"), []);
	});

	test("a host that is asked to end it, and does not: the one who cancels is not kept for ever", async () => {
		await start();
		const one = await begin();
		w.send(cut(one.open));
		const look = await lookup();
		const cancelling = iris.iris(["message", "cancel", one.id]);
		w.send(result(look, { state: "running", line: 0 }));
		for (let i = 0; i < 3; i++) {
			const end = await lookup();
			assert.equal(end.params.kill, true);
			w.send(result(end, { state: "running", line: 0 }));
		}
		assert.match((await iris.messageIn(one.id, "cancelled")).receipts.at(-1).evidence, /could not be ended/);
		assert.equal((await cancelling).status, 0);
	});

	test("kill -9 of irisd: what has waited for the line waits for it again", async () => {
		await start();
		const one = await begin();
		w.send(turnResult(one.turn, "done"));
		await iris.messageIn(one.id, "answered");
		w.send(cut(one.open));
		await asleep();
		const two = await quick(iris, client, "far", "two");
		w.socket.destroy();
		w = await stage.next();
		w.send(failure(await w.request("worker/open"), "line", LOST, { line: true }));
		await waitFor(lineOf, { what: "the line to be down" });
		await iris.kill();
		await w.gone();
		await iris.start();
		w = await stage.next();
		w.send(failure(await w.request("worker/open"), "line", AWAY));
		w.send(opened(await w.request("worker/open")));
		w.send(turnResult(await w.request("worker/turn"), "two done"));
		assert.equal((await iris.messageIn(two, "answered")).response, "two done");
	});

	test("kill -9 of irisd: what somebody wants cancelled is ended when the host is back, and does not go on", async () => {
		await start();
		const one = await begin();
		w.send(cut(one.open));
		w.send(failure(await lookup(), "line", AWAY));
		const r = await iris.iris(["message", "cancel", one.id]);
		assert.match(r.stdout + r.stderr, /is to be cancelled/);
		await iris.kill();
		await w.gone();
		await iris.start();
		w = await stage.next();
		const look = await lookup();
		assert.equal(look.params.kill, true);
		w.send(result(look, { state: "taken", line: 4 }));
		await iris.messageIn(one.id, "cancelled");
		assert.deepEqual(w.got.filter((l) => l.method === "worker/turn"), []);
	});

	test("removed in a turn, and added again on another machine: the next message goes there", async () => {
		await start();
		const one = await begin();
		iris.setTeams({ asker: {}, other: {}, third: {} });
		await reload();
		iris.setTeams({ asker: {}, other: {}, third: {}, far: { path: "~/p", remote: "ssh elsewhere" } });
		await reload();
		const two = await quick(iris, client, "far", "two");
		w.send(turnResult(one.turn, "done"));
		const close = await w.request("worker/close");
		w.send(event("exit", one.open, { pid: w.pid, how: "exit", status: 0, expected: true, stderr: "", reason: "it was closed" }), result(close));
		const open = await w.request("worker/open");
		assert.equal(open.params.remote.dest, "elsewhere");
		w.send(opened(open));
		w.send(turnResult(await w.request("worker/turn"), "there"));
		assert.equal((await iris.messageIn(two, "answered")).response, "there");
	});
});
