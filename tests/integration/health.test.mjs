/* SPDX-License-Identifier: MIT
 *
 * Is it alive? A process that is stopped or silent is told of, and never ended for it; only proof
 * of a death has consequences. A Claude that dies without its worker noticing can not be made:
 * the system tells its parent.
 */
import { afterEach, describe, test } from "node:test";
import { readFileSync } from "node:fs";
import { assert, claudes, daemons, failedCall, makeGate, quick, sessions, startTeams, status, waitFor, workers } from "./setup.mjs";

const INTERVAL = 200; /* of the looks */

describe("health of processes", { skip: process.platform === "linux" ? false : "needs /proc" }, () => {
	let iris, client, gate;

	afterEach(async () => {
		/* What is stopped can not end in order. */
		for (const { pid } of [...workers(iris), ...claudes(iris)])
			signal(pid, "SIGCONT");
		await iris.stop();
	});

	const signal = (pid, name) => {
		try {
			process.kill(pid, name);
		} catch {
			/* it has ended meanwhile */
		}
	};
	const begin = async (settings = {}, team = {}) => {
		iris = await startTeams({ asker: {}, b: team }, { settings: { healthCheckInterval: INTERVAL, ...settings } });
		client = await iris.client({ cwd: iris.dirs.asker });
		gate = makeGate(iris);
	};
	/* A message whose turn has begun and goes on until the gate is opened. */
	const hold = async () => {
		const said = [];
		const answer = iris.call(client, "ask_message", { toTeam: "b", message: gate.hold }, { onprogress: (p) => said.push(p.message) });
		answer.catch(() => {});
		const { id } = await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages[0], { what: "the turn to begin" });
		return { id, answer, said };
	};
	const session = async () => (await sessions(iris))["asker->b"];
	const worker = async () => (await status(iris)).workers.find((w) => w.team === "b");
	/* On a busy machine not at each moment: an answer may take longer than the looks wait. */
	const areAlive = () => waitFor(async () => {
		const w = await worker(), s = await session();
		return w.health === "alive" && s.health === "alive" && w.healthReason === undefined && s.healthReason === undefined;
	}, { what: "both to be alive" });
	const logged = (pattern) => waitFor(() => iris.log().match(pattern), { what: `${pattern} in the log` });
	const count = (pattern) => [...iris.log().matchAll(pattern)].length;
	const cpu = (pid) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")[19];

	test("a stopped worker: told, not killed; when it goes on, so does the turn", async () => {
		await begin();
		const turn = await hold();
		await areAlive();
		const [{ pid }] = workers(iris), [claude] = claudes(iris), born = cpu(pid);
		signal(pid, "SIGSTOP");
		await waitFor(async () => (await worker()).health === "stopped", { what: "status to tell" });
		assert.match((await worker()).healthReason, new RegExp(`iris-worker \\(process ${pid}\\) was stopped by a signal.*kill -CONT ${pid}`));
		const s = await session();
		assert.equal(s.state, "busy");
		assert.equal(s.health, "unknown", "nobody says what its Claude does");
		assert.match(s.healthReason, /iris-worker/);
		assert.match((await iris.iris(["status"])).stdout, /busy, unknown[^]*stopped: team b: its iris-worker/);
		const [team] = (await iris.call(client, "team_status", { team: "b" })).teams;
		assert.deepEqual([team.health, team.state], ["unknown", "busy"]);
		await logged(/warn .*worker is stopped team=b/);
		await waitFor(() => turn.said.some((t) => /team b: its iris-worker .* stopped/.test(t)), { what: "who waits to be told" });
		/* Many looks later still: said once, nothing done. */
		const looks = (await status(iris)).uptime;
		await waitFor(async () => (await status(iris)).uptime > looks + 5 * INTERVAL);
		assert.equal(count(/worker is stopped/g), 1);
		assert.deepEqual([workers(iris)[0].pid, cpu(pid), claudes(iris)[0].pid], [pid, born, claude.pid]);
		assert.equal((await iris.message(turn.id)).state, "seen");

		gate.open();
		signal(pid, "SIGCONT");
		assert.equal((await turn.answer).response, "held");
		await areAlive();
	});

	test("a worker that is stopped before a message comes is told when it is asked", async () => {
		await begin();
		await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO first" });
		const [{ pid }] = workers(iris);
		signal(pid, "SIGSTOP");
		const id = await quick(iris, client, "b", "ECHO second");
		await logged(/worker is stopped team=b/);
		await waitFor(async () => /its iris-worker/.test((await iris.call(client, "message_status", { messageId: id })).activity ?? ""));
		signal(pid, "SIGCONT");
		assert.equal((await iris.messageIn(id, "answered")).response, "second");
		assert.equal(workers(iris)[0].pid, pid);
	});

	test("a stopped Claude in its turn: told, not ended, not even by responseTimeout; it goes on", async () => {
		await begin({ responseTimeout: 1000 });
		await iris.json(["team", "wake", "b", "--from", "asker"]);
		const [{ pid }] = claudes(iris);
		let stopped = false;
		const answer = iris.call(client, "ask_message", { toTeam: "b", message: "SLOW 1600 a b c d e f g h" }, { onprogress: ({ message }) => {
			if (!stopped && /^team b/.test(message)) {
				stopped = true;
				signal(pid, "SIGSTOP");
			}
		} });
		answer.catch(() => {});
		await waitFor(async () => (await session()).health === "stopped", { what: "status to tell" });
		assert.match((await session()).healthReason, new RegExp(`its Claude \\(process ${pid}\\) was stopped`));
		await waitFor(async () => (await worker()).health === "alive", { what: "its worker to be alive" });
		await logged(/session is stopped from=asker to=b/);
		const since = (await status(iris)).uptime;
		await waitFor(async () => (await status(iris)).uptime > since + 1500);
		assert.equal(claudes(iris)[0].pid, pid);
		assert.equal((await session()).state, "busy");
		signal(pid, "SIGCONT");
		assert.equal((await answer).response, "a b c d e f g h");
		assert.equal((await session()).pid, pid);
		assert.equal(count(/session is stopped/g), 1);
	});

	test("a Claude that is silent and answers is alive; one that does not answer is unknown, and lives", async () => {
		await begin({ healthCheckInterval: 500 }, { env: { FAKE_CLAUDE_FAULT: "never-reads-stdin" } });
		const id = await quick(iris, client, "b", "ECHO never");
		await iris.messageIn(id, "sent");
		const [{ pid }] = claudes(iris);
		await logged(/session is silent from=asker to=b .*its Claude .*has not answered/);
		assert.equal((await session()).health, "unknown");
		await waitFor(async () => (await worker()).health === "alive", { what: "its worker to be alive" });
		await waitFor(async () => /team b: its Claude .*has not answered for/.test((await iris.call(client, "message_status", { messageId: id })).activity ?? ""));
		assert.equal(claudes(iris)[0].pid, pid);
		assert.equal(count(/session is silent/g), 1);
		await iris.json(["team", "sleep", "b", "--force"]);
	});

	test("a long silent turn is alive as long as its Claude answers, and still times out", async () => {
		await begin({ responseTimeout: 3000, healthCheckInterval: 1000 });
		const call = failedCall(iris, client, "ask_message", { toTeam: "b", message: gate.hold });
		await waitFor(async () => (await session())?.state === "busy");
		const seen = new Set();
		const failed = await Promise.race([call, (async () => {
			for (;;) {
				const s = await session();
				if (s.state !== "busy") return call;
				seen.add(s.health);
			}
		})()]);
		assert.equal(failed.code, "timeout");
		assert.deepEqual([...seen], ["alive"]);
		assert.equal(count(/session is silent/g), 0);
	});

	test("a worker that is killed is proof, and all goes on as ever", async () => {
		await begin({ restartDelay: 10 });
		const turn = await hold();
		const [{ pid }] = workers(iris);
		gate.open();
		signal(pid, "SIGKILL");
		await iris.messageIn(turn.id, "answered", "failed");
		assert.equal((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO again" })).response, "again");
		assert.notEqual(workers(iris)[0].pid, pid);
		assert.equal(daemons(iris).length, 1);
	});

	test("the interval is in force when the configuration is read again", async () => {
		await begin({ healthCheckInterval: 600000 });
		await hold();
		signal(workers(iris)[0].pid, "SIGSTOP");
		/* Who looks sees it; nobody has looked by himself. */
		await waitFor(async () => (await worker()).health === "stopped");
		assert.equal(count(/worker is stopped/g), 0);
		iris.setTeams({ asker: {}, b: {} }, { healthCheckInterval: 100 });
		iris.daemon.kill("SIGHUP");
		await logged(/worker is stopped team=b/);
	});
});
