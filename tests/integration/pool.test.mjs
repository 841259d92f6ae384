/* SPDX-License-Identifier: MIT
 *
 * The pool of processes: who gets one, who gives way, and that a conversation goes on in the next
 * process.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { assert, claudes, failedCall, makeGate, quick, sessions, startTeams, status, waitFor } from "./setup.mjs";

describe("the process pool", () => {
	let iris;

	afterEach(() => iris.stop());

	const open = async (teams, settings) => {
		iris = await startTeams({ asker: {}, ...teams }, { settings });
		return iris.client({ cwd: iris.dirs.asker });
	};
	const ask = (client, toTeam, message) => iris.call(client, "ask_message", { toTeam, message });
	const awake = async () => Object.values(await sessions(iris)).filter((s) => s.pid).map((s) => s.to).sort();

	test("a full pool: the idle session that was used longest ago gives way", async () => {
		const client = await open({ a: {}, b: {}, c: {} }, { maxProcesses: 2 });
		await ask(client, "a", "ECHO 1");
		await ask(client, "b", "ECHO 2");
		await ask(client, "a", "ECHO 3");
		assert.equal((await ask(client, "c", "ECHO 4")).response, "4");
		assert.deepEqual(await awake(), ["a", "c"], "b was idle for longest");
		assert.equal((await ask(client, "b", "ECHO 5")).response, "5");
		assert.deepEqual(await awake(), ["b", "c"]);
		assert.equal(claudes(iris).length, 2);
		const s = await status(iris);
		assert.deepEqual(s.pool, { active: 2, max: 2, waiting: 0, queued: 0 });
	});

	test("a busy session is never ended to make room; the others wait for a slot and say so", async () => {
		const client = await open({ a: {}, b: {}, c: {} }, { maxProcesses: 2 });
		const gateA = makeGate(iris, "a-gate"), gateB = makeGate(iris, "b-gate");
		const a = await quick(iris, client, "a", gateA.hold);
		const b = await quick(iris, client, "b", gateB.hold);
		await iris.messageIn(a, "seen");
		await iris.messageIn(b, "seen");
		const pids = claudes(iris).map((p) => p.pid).sort();
		const said = [];
		const c = iris.call(client, "ask_message", { toTeam: "c", message: "ECHO c" }, { onprogress: (p) => said.push(p.message) });
		await waitFor(async () => (await status(iris)).pool.waiting === 1);
		assert.deepEqual(claudes(iris).map((p) => p.pid).sort(), pids);
		assert.match((await iris.call(client, "team_status", { team: "c" })).teams[0].state, /waiting/);
		gateB.open();
		assert.equal((await c).response, "c");
		assert.deepEqual(await awake(), ["a", "c"]);
		assert.equal((await iris.message(b)).state, "answered");
		assert.equal((await iris.message(a)).state, "seen");
		gateA.open();
		await iris.messageIn(a, "answered");
		assert.ok(said.some((t) => /^queued, place 1/.test(t)), said.join("|"));
	});

	test("many sessions through one slot: all are answered, one process at a time", async () => {
		const client = await open({ a: {}, b: {}, c: {}, d: {} }, { maxProcesses: 1 });
		const teams = ["a", "b", "c", "d", "a", "c"];
		const answers = await Promise.all(teams.map((t, i) => ask(client, t, `ECHO ${t}${i}`)));
		assert.deepEqual(answers.map((r) => r.response), ["a0", "b1", "c2", "d3", "a4", "c5"]);
		/* By the workers' own words, each process ended before the next one began. */
		const lives = [...iris.log().matchAll(/^(\S+) info \S+ claude (started|is gone) .*?pid=(\d+)/gm)]
			.map(([, at, what, pid]) => ({ at: Date.parse(at), what, pid }));
		const begun = lives.filter((l) => l.what === "started").sort((x, y) => x.at - y.at);
		assert.ok(begun.length >= 4, JSON.stringify(lives));
		for (const [i, { pid }] of begun.slice(0, -1).entries()) {
			const gone = lives.find((l) => l.what === "is gone" && l.pid === pid);
			assert.ok(gone && gone.at <= begun[i + 1].at, `process ${pid} lived on beside the next: ${JSON.stringify(lives)}`);
		}
	});

	test("a slot goes by who has waited longest: a long queue does not keep others out", async () => {
		const client = await open({ a: {}, b: {} }, { maxProcesses: 1 });
		const gate = makeGate(iris);
		const ids = [await quick(iris, client, "a", gate.hold)];
		await iris.messageIn(ids[0], "seen");
		for (const [team, text] of [["b", "ECHO b1"], ["a", "ECHO a2"], ["a", "ECHO a3"], ["b", "ECHO b2"]])
			ids.push(await quick(iris, client, team, text));
		gate.open();
		const seen = [];
		for (const id of ids)
			seen.push((await iris.messageIn(id, "answered")).receipts.find((r) => r.state === "sent").at);
		assert.deepEqual(seen, [...seen].sort((x, y) => x - y), "handed over in the order in which they were sent");
	});

	test("who waits for a slot and is cancelled does not block those behind", async () => {
		const client = await open({ a: {}, b: {}, c: {} }, { maxProcesses: 1 });
		const gate = makeGate(iris);
		const a = await quick(iris, client, "a", gate.hold);
		await iris.messageIn(a, "seen");
		const b = await quick(iris, client, "b", "ECHO never");
		const c = await quick(iris, client, "c", "ECHO c");
		await waitFor(async () => (await status(iris)).pool.waiting === 2);
		await iris.json(["message", "cancel", b]);
		gate.open();
		assert.equal((await iris.messageIn(c, "answered")).response, "c");
		assert.equal((await iris.message(b)).state, "cancelled");
		assert.equal((await status(iris)).pool.waiting, 0);
	});

	test("a wake waits for a slot as well", async () => {
		const client = await open({ a: {}, b: {} }, { maxProcesses: 1 });
		const gate = makeGate(iris);
		const a = await quick(iris, client, "a", gate.hold);
		await iris.messageIn(a, "seen");
		const wake = iris.call(client, "team_wake", { team: "b" });
		await waitFor(async () => (await status(iris)).pool.waiting === 1);
		gate.open();
		assert.equal((await wake).status, "awake");
		assert.deepEqual(await awake(), ["b"]);
	});

	test("idleTimeout stops the process; the next message resumes the same conversation", async () => {
		const client = await open({ b: { idleTimeout: 300 } });
		assert.equal((await ask(client, "b", "ECHO first")).response, "first");
		const before = (await sessions(iris))["asker->b"];
		await waitFor(() => claudes(iris).length === 0, { what: "the idle process to be stopped" });
		await waitFor(async () => (await sessions(iris))["asker->b"].state === "asleep");
		const args = (await ask(client, "b", "ARGS")).response;
		assert.match(args, new RegExp(`--resume[ =]${before.sessionId}`));
		const after = (await sessions(iris))["asker->b"];
		assert.equal(after.sessionId, before.sessionId);
		/* That it may be asleep again by now is no matter. */
		const pids = [...iris.log().matchAll(/ session ready from=asker to=b pid=(\d+)/g)].map(([, pid]) => pid);
		assert.equal(new Set(pids).size, 2, pids.join());
	});

	test("a turn that is longer than idleTimeout is not idle", async () => {
		const client = await open({ b: { idleTimeout: 200 } });
		assert.equal((await ask(client, "b", "SLOW 900 a b c d")).response, "a b c d");
	});

	test("sleep and wake: the conversation goes on under the same id; a busy one is left unless forced", async () => {
		const client = await open({ b: {} });
		const gate = makeGate(iris);
		await ask(client, "b", "ECHO first");
		const { sessionId } = (await sessions(iris))["asker->b"];
		assert.equal((await iris.call(client, "team_sleep", { team: "b" })).status, "sleeping");
		assert.equal((await iris.call(client, "team_wake", { team: "b" })).sessionId, sessionId);

		const call = failedCall(iris, client, "ask_message", { toTeam: "b", message: gate.hold });
		const id = (await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages[0])).id;
		const refused = await failedCall(iris, client, "team_sleep", { team: "b" });
		assert.equal(refused.code, "refused");
		assert.match(refused.error, /force/);
		assert.equal(claudes(iris).length, 1);
		assert.equal((await iris.call(client, "team_sleep", { team: "b", force: true })).status, "sleeping");
		const ended = await call;
		assert.equal(ended.messageId, id);
		assert.equal(ended.code, "cancelled");
		assert.match(ended.error, /put to sleep/);
		assert.equal((await iris.message(id)).state, "failed");
		assert.deepEqual(claudes(iris), []);

		const args = (await ask(client, "b", "ARGS")).response;
		assert.match(args, new RegExp(`--resume[ =]${sessionId}`));
	});

	test("iris team wake, sleep, --force from the command line", async () => {
		const client = await open({ b: {} });
		const gate = makeGate(iris);
		const woken = await iris.json(["team", "wake", "b"], { cwd: iris.dirs.asker });
		assert.equal(woken.status, "awake");
		assert.equal(woken.pid, claudes(iris)[0].pid);
		const id = await quick(iris, client, "b", gate.hold);
		await iris.messageIn(id, "seen");
		const refused = await iris.iris(["--json", "team", "sleep", "b"]);
		assert.equal(refused.status, 4);
		assert.equal(JSON.parse(refused.stdout).error.code, "refused");
		const slept = await iris.json(["team", "sleep", "b", "--force"]);
		assert.deepEqual({ status: slept.status, stopped: slept.stopped }, { status: "sleeping", stopped: 1 });
		assert.equal((await iris.messageIn(id, "failed", "cancelled")).state, "failed");
		assert.equal((await iris.json(["team", "sleep", "b"])).status, "already_asleep");
	});

	test("a conversation whose file is gone is begun anew, under another id", async () => {
		const client = await open({ b: {} });
		await ask(client, "b", "ECHO first");
		const before = (await sessions(iris))["asker->b"].sessionId;
		await iris.call(client, "team_sleep", { team: "b" });
		const projects = join(iris.env.HOME, ".claude", "projects");
		assert.ok(readdirSync(projects).length > 0);
		rmSync(projects, { recursive: true });
		assert.equal((await ask(client, "b", "ECHO again")).response, "again");
		assert.notEqual((await sessions(iris))["asker->b"].sessionId, before);
	});

	test("many first messages at once: one process, one conversation, which is used again", async () => {
		const client = await open({ b: {} });
		await Promise.all(Array.from({ length: 8 }, (_, i) => ask(client, "b", `ECHO ${i}`)));
		const [{ pid }] = claudes(iris);
		assert.equal(iris.log().match(/ claude started /g).length, 1);
		assert.equal(Object.keys(await sessions(iris)).length, 1);
		await ask(client, "b", "ECHO again");
		assert.deepEqual(claudes(iris).map((p) => p.pid), [pid]);
	});

	test("what a team says of its Claude is how it is started, and another team's is not", async () => {
		const client = await open({ a: {}, b: { model: "opus", permissionMode: "acceptEdits", allowedTools: ["Read", "Grep"],
			disallowedTools: ["Bash"], appendSystemPrompt: "Speak like a pirate.", env: { IRIS_T_TEAM: "of b" }, mcpConfig: "servers.json" } });
		const b = (await ask(client, "b", "ARGS")).response, a = (await ask(client, "a", "ARGS")).response;
		for (const part of [/--model[ =]opus/, /--permission-mode[ =]acceptEdits/, /--allowed-?[tT]ools.*Read.*Grep/, /--disallowed-?[tT]ools.*Bash/, /Speak like a pirate\./, /--mcp-config[ =]\/\S+\/iris\/servers\.json/])
			assert.match(b, part);
		assert.match(a, /--permission-mode[ =]default/);
		assert.doesNotMatch(a, /opus|pirate|Grep|disallowed|servers\.json/);
		assert.match((await ask(client, "b", "ENV IRIS_T_TEAM")).response, /of b/);
		assert.doesNotMatch((await ask(client, "a", "ENV IRIS_T_TEAM")).response, /of b/);
	});
});
