/* SPDX-License-Identifier: MIT
 *
 * A worker that runs and does not answer worker/ping, as one would whose loop hangs: the test plays
 * it. It is told of, once, and left alone; what it says later is taken as ever.
 */
import { afterEach, describe, test } from "node:test";
import { failure, makeStage, result, turnResult, useFakeWorkers } from "../lib/fake-worker.mjs";
import { assert, makeIris, quick, sessions, status, waitFor } from "./setup.mjs";

useFakeWorkers();

describe("a worker that does not answer", () => {
	let iris, stage, client, w;

	afterEach(async () => {
		w?.socket.destroy();
		stage.close();
		await iris.stop();
	});

	/* A turn in flight. */
	const begin = async () => {
		iris = makeIris({ asker: {}, a: {} }, { settings: { healthCheckInterval: 100 } });
		stage = await makeStage(iris.root);
		Object.assign(iris.env, stage.env);
		await iris.start();
		client = await iris.client({ cwd: iris.dirs.asker });
		const id = await quick(iris, client, "a", "hello");
		w = await stage.next();
		const open = await w.request("worker/open");
		w.send(result(open, { pid: w.pid, readyMs: 1, version: "test" }));
		return { id, turn: await w.request("worker/turn") };
	};
	const health = async () => (await status(iris)).workers[0].health;
	const session = async () => (await sessions(iris))["asker->a"];
	const count = (pattern) => [...iris.log().matchAll(pattern)].length;
	const ping = () => w.request("worker/ping");
	/* What irisd has asked, or asks next, is answered. */
	const answer = async (claudes) => w.send(result(await ping(), { claudes }));

	test("unknown: told, once; asked once; nothing else is done, and its answer counts", async () => {
		const { id, turn } = await begin();
		const asked = await ping();
		await waitFor(async () => (await health()) === "unknown", { what: "status to tell" });
		const s = await session();
		assert.deepEqual([s.state, s.health], ["busy", "unknown"]);
		assert.match(s.healthReason, new RegExp(`iris-worker \\(process ${w.pid}\\) has not answered for \\d+ s`));
		await waitFor(() => /warn .*worker is silent team=a/.test(iris.log()), { what: "the log to tell" });
		const since = (await status(iris)).uptime;
		await waitFor(async () => (await status(iris)).uptime > since + 1000);
		assert.equal(count(/worker is silent/g), 1);
		assert.equal(w.got.filter((l) => l.method === "worker/ping").length, 0, "one that owes an answer is not asked again");
		assert.equal(w.ended, false);
		process.kill(w.pid, 0);

		w.send(result(asked, { claudes: [] }));
		await waitFor(async () => (await health()) === "alive");
		await waitFor(() => /worker goes on team=a/.test(iris.log()));
		w.send(turnResult(turn, "late, but here"));
		assert.equal((await iris.messageIn(id, "answered")).response, "late, but here");
	});

	test("one that does not know the question is alive by its answer", async () => {
		const { id, turn } = await begin();
		for (let i = 0; i < 3; i++)
			w.send(failure(await ping(), "invalid", "unknown method worker/ping"));
		assert.equal(await health(), "alive");
		assert.equal(count(/worker is silent/g), 0);
		w.send(turnResult(turn, "done"));
		await iris.messageIn(id, "answered");
	});

	test("what it says of its Claudes: one that owes an answer is unknown, until something is heard of it", async () => {
		const { id, turn } = await begin();
		const of = (more) => [{ session: turn.params.session, pid: w.pid, state: "busy", ...more }];
		await answer(of({ quietMs: 50000 }));
		const next = await ping();
		assert.equal((await session()).health, "alive", "silence alone means nothing");
		w.send(result(next, { claudes: of({ quietMs: 70000, unansweredMs: 20000 }) }));
		await waitFor(async () => (await session()).health === "unknown");
		assert.match((await session()).healthReason, /its Claude .*has not answered for 2\d s/);
		w.send({ method: "event/activity", params: { session: turn.params.session, message: id, kind: "thinking" } });
		await waitFor(async () => (await session()).health === "alive");
		/* Nonsense of another process, session or form changes nothing. */
		await answer([{ session: turn.params.session, pid: 1, unansweredMs: 90000 }, { session: "s999", pid: w.pid, unansweredMs: 90000 }, 7, null, {}]);
		await answer(7);
		await answer(of({ unansweredMs: "x" }));
		assert.equal((await session()).health, "alive");
		w.send(turnResult(turn, "done"));
		await iris.messageIn(id, "answered");
	});

	test("while nothing is to be done nobody is asked", async () => {
		const { id, turn } = await begin();
		await answer([]);
		w.send(result(turn), turnResult(turn, "done"));
		await iris.messageIn(id, "answered");
		assert.equal((await session()).state, "idle");
		/* One may have been on its way. */
		w.got = w.got.filter((l) => l.method !== "worker/ping");
		const since = (await status(iris)).uptime;
		await waitFor(async () => (await status(iris)).uptime > since + 1000);
		assert.deepEqual(w.got.filter((l) => l.method === "worker/ping"), []);
	});
});
