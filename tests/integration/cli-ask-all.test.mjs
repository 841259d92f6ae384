/* SPDX-License-Identifier: MIT
 *
 * iris ask --all: one message to each of the other teams, one result for each, and an exit status
 * that tells whether all have answered.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program } from "../lib/iris.mjs";
import { assert, connectRaw, makeGate, startTeams, waitFor, within } from "./setup.mjs";

describe("iris ask --all", () => {
	let iris;

	beforeEach(async () => {
		iris = await startTeams({ frontend: {}, backend: {}, mobile: {}, broken: { claudePath: "/nonexistent/claude" } });
	});
	afterEach(() => iris.stop());

	const onlyTeams = async (teams) => {
		const raw = await connectRaw(iris, { role: "ctl" });
		iris.setTeams(teams);
		const { error } = await raw.request("iris/config.reload", {});
		assert.equal(error, undefined);
		raw.socket.destroy();
	};
	const messages = async () => (await iris.json(["message", "list"])).messages;

	test("each team gets a message of its own, not the one that asks; a failure is told and is the status", async () => {
		const r = await iris.iris(["ask", "--all", "ECHO", "one answer"], { cwd: iris.dirs.frontend });

		assert.equal(r.stdout, "== backend\none answer\n\n== mobile\none answer\n");
		assert.match(r.stderr, /^iris: broken: .*\/nonexistent\/claude/m);
		assert.match(r.stderr, /^iris: 1 of 3 teams did not answer$/m);
		const sent = await messages();
		const failed = sent.find((m) => m.to === "broken");
		assert.deepEqual(sent.map((m) => `${m.from}->${m.to} ${m.state}`).sort(), ["frontend->backend answered", "frontend->broken failed", "frontend->mobile answered"]);
		assert.equal(r.status, (await iris.iris(["message", "show", "--answer", failed.id])).status, "that of the team that failed");
		assert.notEqual(r.status, 0);
	});

	test("--json: one list, by the teams' names; --from; the text from standard input", async () => {
		const r = await iris.iris(["--json", "ask", "--all", "--from=mobile", "-"], { input: "ECHO piped\n" });
		const list = JSON.parse(r.stdout);

		assert.deepEqual(list.map((m) => [m.from, m.to, m.state, m.response]), [["mobile", "backend", "answered", "piped"],
			["mobile", "broken", "failed", undefined], ["mobile", "frontend", "answered", "piped"]]);
		assert.match(list[1].error.reason, /\/nonexistent\/claude/);
		assert.equal(list[0].receipts.at(-1).state, "answered");
		assert.equal(r.stderr, "");
		assert.notEqual(r.status, 0);
	});

	test("the teams work at the same time, all answered is 0, and the key finds the first messages", async () => {
		await onlyTeams({ frontend: {}, backend: {}, mobile: {} });
		const gate = makeGate(iris), args = ["ask", "--all", "--key=once", gate.hold];
		const asked = iris.iris(args, { cwd: iris.dirs.frontend });
		/* Both are being worked on before any has answered. */
		await waitFor(async () => (await messages()).filter((m) => m.state === "seen").length === 2, { what: "two turns at once" });
		gate.open();
		const r = await asked;
		assert.equal(r.status, 0, r.stderr);
		assert.equal(r.stdout, "== backend\nheld\n\n== mobile\nheld\n");
		assert.equal((await iris.iris(args, { cwd: iris.dirs.frontend })).stdout, r.stdout);
		assert.equal((await messages()).length, 2);
	});

	test("--timeout is for all of them together, and the messages go on; --no-wait prints ids", async () => {
		await onlyTeams({ frontend: {}, backend: {}, mobile: {} });
		const gate = makeGate(iris);
		const r = await iris.iris(["ask", "--all", "--timeout=300ms", gate.hold], { cwd: iris.dirs.frontend });
		assert.equal(r.stdout, "");
		assert.match(r.stderr, /^iris: backend: has not answered yet .*iris message show [0-9a-f-]{36} --wait/m);
		assert.match(r.stderr, /^iris: mobile: has not answered yet/m);
		assert.match(r.stderr, /2 of 2 teams did not answer/);
		assert.equal(r.status, (await iris.iris(["ask", "backend", "--timeout=1ms", "ECHO x"], { cwd: iris.dirs.frontend })).status, "as for one team");
		const sent = await iris.iris(["ask", "--all", "--no-wait", "ECHO more"], { cwd: iris.dirs.frontend });
		assert.match(sent.stdout, /^[0-9a-f-]{36} backend\n[0-9a-f-]{36} mobile\n$/);
		assert.equal(sent.status, 0);
		gate.open();
		for (const line of sent.stdout.trim().split("\n"))
			assert.equal((await iris.messageIn(line.split(" ")[0], "answered")).response, "more");
	});

	test("Ctrl-C ends the waiting, not the messages", async () => {
		const gate = makeGate(iris);
		const child = spawn(program("iris"), ["ask", "--all", gate.hold], { cwd: iris.dirs.frontend, env: iris.env, stdio: ["ignore", "pipe", "pipe"] });
		let stderr = "";
		child.stderr.on("data", (d) => (stderr += d));
		const closed = once(child, "close");
		await waitFor(async () => (await messages()).filter((m) => m.state === "seen").length === 2, { what: "two turns" });
		child.kill("SIGINT");
		assert.deepEqual(await within(15000, closed, "iris to end"), [130, null]);
		assert.match(stderr, /interrupted; the messages go on without you: "iris message list" shows them/);
		gate.open();
		for (const m of (await messages()).filter((m) => m.to !== "broken"))
			assert.equal((await iris.messageIn(m.id, "answered")).response, "held");
	});

	test("what can not be done is said: no text, nobody else, no such team", async () => {
		for (const [args, words] of [[["ask", "--all"], /missing operand/], [["ask", "--all", " "], /the message is empty/],
			[["ask", "--all", "--from=nobody", "x"], /unknown team "nobody"/]]) {
			const r = await iris.iris(args);
			assert.match(r.stderr, words);
			assert.notEqual(r.status, 0);
		}
		await onlyTeams({ frontend: {} });
		const alone = await iris.iris(["ask", "--all", "x"], { cwd: iris.dirs.frontend });
		assert.match(alone.stderr, /no team to ask but this one; "iris team add NAME PATH" adds another/);
		assert.notEqual(alone.status, 0);
		assert.deepEqual(await messages(), []);
	});
});
