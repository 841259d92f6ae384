/* SPDX-License-Identifier: MIT
 *
 * Every way in which the fake Claude can go wrong: the caller gets the right answer or a clear error
 * in time, the store says the same, others are not disturbed, the next message works, and nothing
 * is left running.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { processesOf } from "../lib/processes.mjs";
import { assert, assertServes, claudes, sessions, startTeams, waitFor } from "./setup.mjs";

const MESSAGE_MS = 15000; /* beyond the fault's own time: a loaded machine, a sanitizer build */

/*
 * in: "body" for a fault of one turn, "file" for one of the process. answer: the whole response, or
 * code and reason of the failure. ladder: the states. min, max: ms until the caller is answered.
 * The message after it may meet the old process on its way out, and is then handed over again.
 */
const CASES = [
	{ fault: "hang-at-start", in: "file", team: { sessionInitTimeout: 1500 }, code: "timeout", reason: /not ready within 1500 ms/,
		ladder: ["queued", "failed"], min: 1500 },
	{ fault: "slow-bytes", in: "file", team: { sessionInitTimeout: 50000 }, answer: "fine", max: 60000 },
	{ fault: "half-line-then-die", in: "body", code: "crashed", reason: /exited with status 1/ },
	{ fault: "line-100mb", in: "body", code: "protocol", reason: /line longer than/ },
	{ fault: "invalid-utf8", in: "body", answer: /fine$/ },
	{ fault: "nul-in-line", in: "body", answer: /fine$/ },
	{ fault: "result-before-init", in: "body", code: "protocol", reason: /sent a result before/ },
	{ fault: "double-result", in: "body", answer: "fine" },
	{ fault: "exit-without-result", in: "body", code: "crashed", reason: /exited with status 0 before it had answered/ },
	{ fault: "api-error", in: "body", code: "agent", reason: /API Error: 400/ },
	{ fault: "ignore-term", in: "file", answer: "fine" },
	{ fault: "grandchild-keeps-pipe", in: "body", code: "crashed", reason: /exited with status 0/ },
	{ fault: "never-reads-stdin", in: "file", team: { responseTimeout: 1000 }, code: "timeout",
		ladder: ["queued", "sent", "failed"], min: 1000 },
	{ fault: "other-session-id", in: "file", code: "protocol", reason: /answered as session/ },
	{ fault: "not-logged-in", in: "file", code: "login", reason: /not logged in/i, ladder: ["queued", "failed"] },
	{ fault: "crash-mid-turn", in: "body", code: "crashed", reason: /killed by signal 9/ },
	{ fault: "crash-before-seen", in: "body", code: "crashed", reason: /killed by signal 9/,
		ladder: ["queued", "sent", "sent", "failed"] },
	{ fault: "result-not-is-error-null", in: "body", answer: "fine" },
	{ fault: "silent-turn", in: "body", team: { responseTimeout: 1000 }, code: "timeout", reason: /said nothing for 1 s/, min: 1000 },
];

function check(c, r, m) {
	if (c.answer) {
		assert.equal(r.isError, false, JSON.stringify(r));
		assert.equal(r.state, "answered");
		assert.equal(m.state, "answered");
		assert.equal(m.response, r.response);
		assert.match(r.response, c.answer instanceof RegExp ? c.answer : new RegExp(`^${c.answer}$`));
		assert.deepEqual(m.receipts.map((x) => x.state), ["queued", "sent", "seen", "answered"]);
		return;
	}
	assert.equal(r.isError, true, JSON.stringify(r));
	const o = JSON.parse(r.text);
	assert.equal(o.code, c.code, o.error);
	assert.equal(o.state, "failed");
	assert.equal(m.state, "failed");
	assert.equal(m.error.code, c.code);
	assert.ok(o.error.includes(m.error.reason), "the caller and the store say the same");
	if (c.reason)
		assert.match(m.error.reason, c.reason);
	const ladder = m.receipts.map((x) => x.state);
	assert.deepEqual(ladder, c.ladder ?? (ladder.includes("seen") ? ["queued", "sent", "seen", "failed"] : ["queued", "sent", "failed"]));
}

async function run(c) {
	const iris = await startTeams({ asker: {}, faulty: c.team ?? {}, healthy: {} });

	try {
		const client = await iris.client({ cwd: iris.dirs.asker });
		const file = join(iris.dirs.faulty, ".fake-claude-fault");
		if (c.in === "file")
			writeFileSync(file, c.fault);
		const body = c.in === "body" ? `FAULT ${c.fault}\nECHO fine` : "ECHO fine";
		const asked = performance.now();
		const faulty = iris.call(client, "ask_message", { toTeam: "faulty", message: body });
		const healthy = await iris.call(client, "ask_message", { toTeam: "healthy", message: "ECHO undisturbed" });
		assert.equal(healthy.response, "undisturbed");

		const r = await faulty, ms = performance.now() - asked;
		assert.ok(ms >= (c.min ?? 0) && ms < (c.max ?? (c.min ?? 0) + MESSAGE_MS), `answered after ${ms} ms`);
		check(c, r, await iris.message(r.messageId ?? JSON.parse(r.text).messageId));

		rmSync(file, { force: true });
		if (c.max)
			await iris.call(client, "team_sleep", { team: "faulty" });
		const next = await iris.call(client, "ask_message", { toTeam: "faulty", message: "ECHO next", timeout: MESSAGE_MS });
		assert.equal(next.response, "next", JSON.stringify(next));
		assert.equal((await iris.message(next.messageId)).state, "answered");
		await assertServes(iris, "healthy");
		assert.equal(claudes(iris).length, 3, "one claude for each pair, no more");
	} catch (e) {
		e.message += `\n${iris.log().split("\n").slice(-25).join("\n")}`;
		await iris.stop().catch((x) => (e.message += `\n${x.message}`));
		throw e;
	}
	await iris.stop();
}

describe("faults of a Claude", { concurrency: 3 }, () => {
	for (const c of CASES)
		test(c.fault, () => run(c));

	test("crash-before-seen once: delivered again, and answered", async () => {
		const iris = await startTeams({ asker: {}, b: {} });
		const once = join(iris.root, "once");
		iris.setTeams({ asker: {}, b: { env: { FAKE_CLAUDE_FAULT: "crash-before-seen", FAKE_CLAUDE_FAULT_ONCE: once } } });
		await iris.stop({ keep: true });
		await iris.start();
		const client = await iris.client({ cwd: iris.dirs.asker });
		const r = await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO second try" });
		assert.equal(r.response, "second try");
		const m = await iris.message(r.messageId);
		assert.deepEqual(m.receipts.map((x) => x.state), ["queued", "sent", "sent", "seen", "answered"]);
		assert.match(m.receipts[2].evidence, /handed again/);
		await iris.stop();
	});

	test("other-session-id is never adopted: the next process is asked for the same conversation", async () => {
		const iris = await startTeams({ asker: {}, b: {} });
		const client = await iris.client({ cwd: iris.dirs.asker });
		await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO first" });
		const before = (await sessions(iris))["asker->b"];
		await iris.call(client, "team_sleep", { team: "b" });
		const file = join(iris.dirs.b, ".fake-claude-fault");
		writeFileSync(file, "other-session-id");
		const r = await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO x" });
		assert.equal(JSON.parse(r.text).code, "protocol");
		rmSync(file);
		const args = (await iris.call(client, "ask_message", { toTeam: "b", message: "ARGS" })).response;
		assert.match(args, new RegExp(`--resume[ =]${before.sessionId}`));
		assert.equal((await sessions(iris))["asker->b"].sessionId, before.sessionId);
		await iris.stop();
	});

	test("a message of 3 MB to a claude that never reads blocks nobody", async () => {
		const iris = await startTeams({ asker: {}, b: { responseTimeout: 1000 }, healthy: {} });
		const client = await iris.client({ cwd: iris.dirs.asker });
		writeFileSync(join(iris.dirs.b, ".fake-claude-fault"), "never-reads-stdin");
		const big = iris.call(client, "ask_message", { toTeam: "b", message: `ECHO x\n${"y".repeat(3000000)}` });
		for (let i = 0; i < 5; i++) {
			const r = await iris.call(client, "ask_message", { toTeam: "healthy", message: `ECHO ${i}` });
			assert.equal(r.response, String(i));
			assert.ok(r.duration < 5000, `${r.duration} ms`);
		}
		assert.equal(JSON.parse((await big).text).code, "timeout");
		await iris.stop();
	});

	test("a Bash tool that Claude has started does not outlive its session", async () => {
		const iris = await startTeams({ asker: {}, b: { grantPermission: "yes" } });
		const client = await iris.client({ cwd: iris.dirs.asker });
		const call = iris.call(client, "ask_message", { toTeam: "b", message: `BASH tail -f ${iris.root}/nothing /dev/null` });
		const tails = () => processesOf(iris.root).filter((p) => p.command.startsWith("tail "));
		await waitFor(() => tails().length > 0, { what: "the tool to run" });
		await iris.call(client, "team_sleep", { team: "b", force: true });
		await waitFor(() => tails().length === 0, { what: "the tool to be gone" });
		assert.equal(JSON.parse((await call).text).code, "cancelled");
		await iris.stop();
	});
});
