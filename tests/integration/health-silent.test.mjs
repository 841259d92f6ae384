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
	/* Until its end it answers what irisd has asked, and asks next; says: that of its Claudes, or an error. */
	const serve = (says) => {
		const served = { says, answers: 0 };
		(async () => {
			for (;;) {
				const asked = await ping();
				w.send(served.says === undefined ? failure(asked, "invalid", "unknown method worker/ping") : result(asked, { claudes: served.says }));
				served.answers += 1;
			}
		})().catch(() => {});
		/* Said, and taken: it is not asked again before that. */
		served.tell = async (claudes) => {
			const before = served.answers;
			served.says = claudes;
			await waitFor(() => served.answers >= before + 2, { what: "irisd to ask again" });
		};
		return served;
	};
	const isAlive = (of) => waitFor(async () => (await of()) === "alive", { what: "it to be alive" });

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
		serve([]);
		await isAlive(health);
		await waitFor(() => /worker goes on team=a/.test(iris.log()));
		w.send(turnResult(turn, "late, but here"));
		assert.equal((await iris.messageIn(id, "answered")).response, "late, but here");
	});

	test("one that does not know the question is alive by its answer", async () => {
		const { id, turn } = await begin();
		await serve().tell();
		await isAlive(health);
		/* Where the test itself was silent for too long. */
		await waitFor(() => count(/worker is silent/g) === count(/worker goes on/g), { what: "it to be alive for the log" });
		w.send(turnResult(turn, "done"));
		await iris.messageIn(id, "answered");
	});

	test("what it says of its Claudes: one that owes an answer is unknown, until something is heard of it", async () => {
		const { id, turn } = await begin();
		const of = (more) => [{ session: turn.params.session, pid: w.pid, state: "busy", ...more }];
		const sessionHealth = async () => (await session()).health;
		const its = (s) => s.health === "unknown" && /its Claude .*has not answered for 2\d s/.test(s.healthReason);
		const { tell } = serve(of({ quietMs: 50000 }));
		await tell(of({ quietMs: 50000 }));
		await isAlive(sessionHealth);
		assert.equal(count(/session is silent .*its Claude/g), 0, "silence alone means nothing");
		await tell(of({ quietMs: 70000, unansweredMs: 20000 }));
		await waitFor(async () => its(await session()), { what: "its Claude to be unknown" });
		await tell([]);
		assert.ok(/its Claude|iris-worker/.test((await session()).healthReason), "nothing was said of it");
		const told = count(/session is silent .*its Claude/g);
		w.send({ method: "event/activity", params: { session: turn.params.session, message: id, kind: "thinking" } });
		await isAlive(sessionHealth);
		/* Nonsense of another process, session or form changes nothing. */
		await tell([{ session: turn.params.session, pid: 1, unansweredMs: 90000 }, { session: "s999", pid: w.pid, unansweredMs: 90000 }, 7, null, {}]);
		await tell(7);
		await tell(of({ unansweredMs: "x" }));
		await isAlive(sessionHealth);
		assert.equal(count(/session is silent .*its Claude/g), told);
		w.send(turnResult(turn, "done"));
		await iris.messageIn(id, "answered");
	});

	test("while nothing is to be done nobody is asked", async () => {
		const { id, turn } = await begin();
		w.send(result(await ping(), { claudes: [] }));
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
