/* SPDX-License-Identifier: MIT
 *
 * irisd dies by SIGKILL; 100 ms later somebody calls through a shim that was there before. The call
 * works as if nothing had happened: the shim has started another irisd. How long it took is printed,
 * not judged.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, test } from "node:test";
import { assert, claudes, daemons, makeGate, startTeams, waitFor, workers } from "./setup.mjs";

const AFTER_DEATH_MS = 100;

describe("100 ms after irisd's death, through a shim that was there before", () => {
	let iris, client;

	beforeEach(async () => {
		iris = await startTeams({ asker: {}, b: {}, c: {} });
		client = await iris.client({ cwd: iris.dirs.asker });
	});
	afterEach(() => iris.stop());

	/* Kill irisd, and wait; answers its pid. */
	const death = async () => {
		const [{ pid }] = daemons(iris);
		process.kill(pid, "SIGKILL");
		iris.killed = true;
		await waitFor(() => daemons(iris).every((d) => d.pid !== pid), { what: "the irisd to be gone" });
		await delay(AFTER_DEATH_MS);
		return pid;
	};

	/* Then call; answers the result and has the time of the call printed. */
	const callAfterDeath = async (t, name, args) => {
		const shim = client.shimPid, pid = await death();
		assert.equal(daemons(iris).length, 0, "nobody has asked yet, so nobody has started one");
		const begun = performance.now();
		const r = await iris.call(client, name, args);
		t.diagnostic(`${name} took ${(performance.now() - begun).toFixed(1)} ms`);
		assert.equal(r.isError, false, JSON.stringify(r));
		assert.equal(client.shimPid, shim);
		assert.equal(daemons(iris).length, 1);
		assert.notEqual(daemons(iris)[0].pid, pid);
		return r;
	};

	test("list_teams, the shim was idle", async (t) => {
		const { teams } = await callAfterDeath(t, "list_teams", {});
		assert.deepEqual(teams.map((x) => x.name).sort(), ["asker", "b", "c"]);
	});

	test("a question to a team that is asleep", async (t) => {
		const r = await callAfterDeath(t, "ask_message", { toTeam: "b", message: "ECHO woken" });
		assert.equal(r.response, "woken");
	});

	test("a question to a team that is awake: the same worker, the same Claude", async (t) => {
		await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO before" });
		const pids = () => [...workers(iris), ...claudes(iris)].map((p) => p.pid);
		const before = pids();
		assert.equal(before.length, 2);
		const r = await callAfterDeath(t, "ask_message", { toTeam: "b", message: "ECHO after" });
		assert.equal(r.response, "after");
		assert.deepEqual(pids(), before);
	});

	test("irisd dies ten times, each time the next call works", async (t) => {
		for (let i = 0; i < 10; i++) {
			const r = await callAfterDeath(t, "ask_message", { toTeam: i % 2 ? "b" : "c", message: `ECHO ${i}` });
			assert.equal(r.response, String(i));
		}
		assert.equal(claudes(iris).length, 2, "one Claude for each team, adopted each time");
	});

	test("a call that waits while irisd dies has its answer, and a new one works beside it", async (t) => {
		const gate = makeGate(iris);
		const held = iris.call(client, "ask_message", { toTeam: "b", message: gate.hold });
		await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages.length === 1);
		const [claude] = claudes(iris);
		await death();
		const begun = performance.now();
		assert.equal((await iris.call(client, "ask_message", { toTeam: "c", message: "ECHO beside" })).response, "beside");
		t.diagnostic(`ask_message took ${(performance.now() - begun).toFixed(1)} ms`);
		gate.open();
		const r = await held;
		assert.equal(r.response, "held", JSON.stringify(r));
		assert.deepEqual((await iris.message(r.messageId)).receipts.map((x) => x.state), ["queued", "sent", "seen", "answered"]);
		assert.ok(claudes(iris).some((p) => p.pid === claude.pid), "the turn went on in the same process");
	});
});
