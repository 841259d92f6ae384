/* SPDX-License-Identifier: MIT
 *
 * What outlives what: turns an irisd that was killed, results a worker, conversations a machine. Each
 * message has one end, none is twice in a conversation, nothing is left.
 */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { assert, claudes, makeGate, quick, sessions, startTeams, status, waitFor, workers } from "./setup.mjs";

const spool = (iris) => readdirSync(join(iris.home, "run/spool"));
const ladder = (m) => m.receipts.map((r) => r.state).join(" ");
const evidence = (m, state) => m.receipts.filter((r) => r.state === state).at(-1)?.evidence;
const kill = (p, signal = "SIGKILL") => process.kill(p.pid, signal);

/* How often the message is a user line of the session's conversation. */
function inTranscript(iris, id) {
	const root = join(iris.env.HOME, ".claude/projects");
	const lines = existsSync(root)
		? readdirSync(root, { recursive: true })
				.filter((f) => f.endsWith(".jsonl"))
				.flatMap((f) => readFileSync(join(root, f), "utf8").split("\n"))
		: [];
	return lines.filter((l) => l && JSON.parse(l).type === "user" && JSON.parse(l).uuid === id).length;
}

describe("the death of irisd", () => {
	let iris, client, gate;

	afterEach(() => iris.stop());

	const begin = async (options) => {
		iris = await startTeams({ asker: {}, b: { grantPermission: "yes" }, c: {} }, options);
		client = await iris.client({ cwd: iris.dirs.asker });
		gate = makeGate(iris);
	};
	const busy = async (to = "b") => {
		const id = await quick(iris, client, to, gate.hold);
		await iris.messageIn(id, "seen");
		return id;
	};
	const adopted = async () => {
		await iris.start();
		await iris.json(["status"]);
		await waitFor(async () => (await status(iris)).adopting === 0, { what: "workers to be adopted" });
	};

	test("a turn that runs, one that has ended meanwhile, one that waits: each is answered, by the same Claude", async () => {
		await begin();
		const running = await busy();
		const other = makeGate(iris, "other");
		const ended = await quick(iris, client, "c", other.hold);
		await iris.messageIn(ended, "seen");
		const waits = await quick(iris, client, "b", "ECHO at last");
		const pids = claudes(iris).map((p) => p.pid).sort();
		await iris.kill();
		other.open();
		await waitFor(() => spool(iris).length === 1, { what: "a result in a file" });
		await adopted();
		assert.deepEqual(claudes(iris).map((p) => p.pid).sort(), pids);
		assert.equal(ladder(await iris.messageIn(ended, "answered")), "queued sent seen answered");
		assert.equal((await iris.message(running)).state, "seen");
		assert.equal((await sessions(iris))["asker->b"].current, running);
		gate.open();
		assert.equal(ladder(await iris.messageIn(running, "answered")), "queued sent seen answered");
		assert.equal((await iris.messageIn(waits, "answered")).response, "at last");
		await waitFor(() => spool(iris).length === 0, { what: "the file to be removed" });
		for (const id of [running, ended, waits])
			assert.equal(inTranscript(iris, id), 1);
	});

	/* Its answer is longer than what is read at once: it is still under way when nothing else needs the worker. */
	test("a long answer whose Claude has ended meanwhile arrives, and the worker ends after it", async () => {
		await begin();
		const text = "x".repeat(3_000_000);
		const id = await quick(iris, client, "b", `${gate.hold}\nECHO ${text}`);
		await iris.messageIn(id, "seen");
		await iris.kill();
		gate.open();
		await waitFor(() => spool(iris).length === 1, { what: "a result in a file" });
		kill(claudes(iris)[0]);
		await waitFor(() => claudes(iris).length === 0, { what: "its Claude to end" });
		await adopted();
		const m = await iris.messageIn(id, "answered");
		assert.equal(ladder(m), "queued sent seen answered");
		assert.ok(m.response.endsWith(text));
		await waitFor(() => workers(iris).length === 0, { what: "the worker to end" });
	});

	test("a permission request and an in-band question that were open are answered by the next irisd", async () => {
		await begin({ settings: {} });
		/* b asks c, which is held: its in-band call is open while irisd dies. */
		const id = await quick(iris, client, "b", `TOOL ask_message ${JSON.stringify({ toTeam: "c", message: gate.hold })}`);
		await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages.length === 2, { what: "c to be asked" });
		await iris.kill();
		await adopted();
		gate.open();
		const m = await iris.messageIn(id, "answered", "failed");
		assert.equal(m.state, "answered", JSON.stringify(m.error));
		assert.match(m.response, /held/);
		assert.equal((await iris.json(["message", "list"])).messages.length, 2, "the question was not asked twice");
	});

	test("a Claude that no session knows is ended, and its worker goes on", async () => {
		await begin();
		await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO x" });
		const other = await iris.client({ cwd: iris.dirs.c });
		const id = await quick(iris, other, "b", gate.hold);
		await iris.messageIn(id, "seen");
		await iris.kill();
		execFileSync("sqlite3", [join(iris.home, "iris.db"), `UPDATE session SET instance = '${randomUUID()}' WHERE from_team = 'asker'`]);
		await adopted();
		await waitFor(() => claudes(iris).length === 1, { what: "the unknown Claude to end" });
		assert.equal((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO y", timeout: 20000 })).response, "y");
		gate.open();
		assert.equal(ladder(await iris.messageIn(id, "answered", "failed")), "queued sent seen answered");
	});

	test("an idle Claude is kept; a removed team's is not", async () => {
		await begin();
		await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO x" });
		await iris.call(client, "ask_message", { toTeam: "c", message: "ECHO x" });
		const { pid } = (await sessions(iris))["asker->b"];
		await iris.kill();
		iris.setTeams({ asker: {}, b: { grantPermission: "yes" } });
		await adopted();
		assert.equal((await sessions(iris))["asker->b"].pid, pid);
		await waitFor(() => claudes(iris).length === 1 && workers(iris).length === 1, { what: "the removed team's processes to end" });
		const again = await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO y" });
		assert.equal(again.response, "y");
		assert.equal((await sessions(iris))["asker->b"].pid, pid);
	});

	test("nobody adopts it: the worker lets its turn end, leaves the result in a file, and stops", async () => {
		await begin({ settings: { orphanTimeout: 300 } });
		const id = await busy();
		await iris.kill();
		await new Promise((resolve) => setTimeout(resolve, 400)); /* the time that is tested */
		assert.equal(claudes(iris).length, 1, "its turn still runs");
		gate.open();
		await waitFor(() => workers(iris).length === 0 && claudes(iris).length === 0, { what: "the worker to end" });
		assert.equal(spool(iris).length, 1);
		await adopted();
		const m = await iris.message(id);
		assert.equal(m.state, "answered");
		assert.equal(m.response, "held");
		assert.deepEqual(spool(iris), []);
	});

	test("its worker dies as well: its Claude is ended first, and what it had taken is not repeated", async () => {
		await begin({ settings: { restartDelay: 10 } });
		const id = await busy();
		await iris.kill();
		kill(workers(iris)[0]);
		await adopted();
		const m = await iris.messageIn(id, "failed", "answered");
		assert.equal(ladder(m), "queued sent seen failed");
		assert.equal(m.error.code, "crashed");
		assert.match(m.error.reason, /its turn did not come to its end; look at the session of team b/);
		assert.equal(inTranscript(iris, id), 1);
		assert.equal((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO next" })).response, "next");
		assert.equal(claudes(iris).length, 1);
	});
});

describe("what the transcript knows", () => {
	let iris, client, gate;

	afterEach(() => iris.stop());

	const begin = async () => {
		iris = await startTeams({ asker: {}, b: {} }, { settings: { restartDelay: 10 } });
		client = await iris.client({ cwd: iris.dirs.asker });
		gate = makeGate(iris);
		await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO first" });
	};
	/* As a loss of power: nobody has a last word. */
	const allDie = async () => {
		for (const p of [...workers(iris), ...claudes(iris)])
			kill(p, "SIGSTOP");
		const left = [...workers(iris), ...claudes(iris)];
		await iris.kill();
		left.forEach((p) => kill(p));
		await waitFor(() => workers(iris).length + claudes(iris).length === 0, { what: "all to be dead" });
		await iris.start();
	};

	test("sent, and never read by Claude: delivered again, once", async () => {
		await begin();
		kill(claudes(iris)[0], "SIGSTOP");
		const id = await quick(iris, client, "b", "ECHO again");
		await iris.messageIn(id, "sent");
		await allDie();
		const m = await iris.messageIn(id, "answered", "failed");
		assert.equal(ladder(m), "queued sent sent seen answered");
		assert.equal(m.response, "again");
		assert.equal(inTranscript(iris, id), 1);
	});

	test("in the middle of the turn: seen, and failed, and not repeated", async () => {
		await begin();
		const id = await quick(iris, client, "b", gate.hold);
		await iris.messageIn(id, "seen");
		await allDie();
		const m = await iris.messageIn(id, "answered", "failed");
		assert.equal(ladder(m), "queued sent seen failed");
		assert.equal(m.error.code, "crashed");
		assert.equal(inTranscript(iris, id), 1);
	});

	test("taken, which nobody had heard: seen by the transcript's line, and failed", async () => {
		await begin();
		kill(workers(iris)[0], "SIGSTOP");
		const id = await quick(iris, client, "b", gate.hold);
		await iris.messageIn(id, "sent");
		/* The line lies in the worker's socket: let it write that, and no more than that. */
		kill(workers(iris)[0], "SIGCONT");
		await waitFor(() => inTranscript(iris, id) === 1, { what: "Claude to take it", every: 1 });
		await allDie();
		const m = await iris.messageIn(id, "answered", "failed");
		assert.equal(ladder(m), "queued sent seen failed");
		assert.equal(inTranscript(iris, id), 1);
	});

	test("answered, which nobody had heard: the answer is found", async () => {
		await begin();
		const id = await quick(iris, client, "b", gate.hold);
		await iris.messageIn(id, "seen");
		kill(workers(iris)[0], "SIGSTOP");
		gate.open();
		await waitFor(() => transcriptText(iris).includes('"held"'), { what: "the answer in the transcript" });
		await allDie();
		const m = await iris.messageIn(id, "answered", "failed");
		assert.equal(m.state, "answered", JSON.stringify(m.error));
		assert.equal(m.response, "held");
		assert.match(evidence(m, "answered"), /^transcript line [1-9][0-9]*$/);
		assert.equal(inTranscript(iris, id), 1);
	});
});

function transcriptText(iris) {
	const root = join(iris.env.HOME, ".claude/projects");

	return readdirSync(root, { recursive: true })
		.filter((f) => f.endsWith(".jsonl"))
		.map((f) => readFileSync(join(root, f), "utf8"))
		.join("");
}

describe("pauses after crashes", () => {
	let iris, client;

	afterEach(() => iris.stop());

	test("a team that crashes again and again is put out of service, says why, and comes back when it is woken", async () => {
		iris = await startTeams({ asker: {}, b: {} }, { settings: { restartDelay: 10, restartBudget: 2 } });
		client = await iris.client({ cwd: iris.dirs.asker });
		writeFileSync(join(iris.dirs.b, ".fake-claude-fault"), "crash-mid-turn");
		for (let i = 0; i < 3; i++) {
			const r = await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO x" });
			assert.equal(r.isError, true);
		}
		const down = await waitFor(async () => (await iris.json(["team", "show", "b"])).down, { what: "the team to be down" });
		assert.match(down, /team b is down: it crashed [0-9]+ times within [0-9]+ s without an answer, last: .*; mend that and run "iris team wake b"/);
		const refused = JSON.parse((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO y" })).text);
		assert.equal(refused.code, "crashed");
		assert.match(refused.error, /team b is down/);
		writeFileSync(join(iris.dirs.b, ".fake-claude-fault"), "");
		assert.equal((await iris.iris(["team", "wake", "b"])).status, 0);
		assert.equal((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO y" })).response, "y");
		assert.equal((await iris.json(["team", "show", "b"])).down, undefined);
	});
});
