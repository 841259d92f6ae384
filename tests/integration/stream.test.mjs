/* SPDX-License-Identifier: MIT
 *
 * Watching a message live, as `iris ask` does, and what a team's Claude may do when it asks for
 * permission.
 */
import { afterEach, beforeEach, describe, test } from "node:test";
import { assert, connectRaw, makeGate, startTeams, waitFor } from "./setup.mjs";

describe("a message, live", () => {
	let iris, raw;

	beforeEach(async () => {
		iris = await startTeams({ asker: {}, b: { grantPermission: "yes" } });
		raw = await connectRaw(iris, { role: "ctl", cwd: iris.dirs.asker });
	});
	afterEach(() => {
		raw.socket.destroy();
		return iris.stop();
	});

	const told = (method) => raw.got.filter((l) => l.method === method).map((l) => l.params);

	test("each step as it happens, the text as it is written, the whole at the end", async () => {
		const { result } = await raw.request("iris/message.send",
			{ to: "b", message: "BLOCKS one two three|four five", stream: true, timeout: 0 });
		assert.equal(result.state, "answered");
		assert.equal(result.response, "one two three\n\nfour five");
		const events = told("iris/message.event");
		assert.ok(events.every((e) => e.id === result.id));
		assert.deepEqual([...new Set(events.map((e) => e.state))], ["queued", "sent", "seen"]);
		assert.equal(events[0].evidence, "stored");
		assert.ok(events.some((e) => e.activity === "writing"), JSON.stringify(events));
		assert.equal(told("iris/message.delta").map((t) => t.text).join(""), result.response);
	});

	test("the text comes while the turn is running, in pieces", async () => {
		const gates = [makeGate(iris, "one"), makeGate(iris, "two")], text = () => told("iris/message.delta").map((t) => t.text).join("");
		const sent = raw.request("iris/message.send", { to: "b", message: `ECHO a\n${gates[0].hold}\nECHO b\n${gates[1].hold}\nECHO c`, stream: true, timeout: 0 });
		await waitFor(() => text() === "a", { what: "the first piece" });
		const id = told("iris/message.event")[0].id;
		assert.equal((await iris.message(id)).state, "seen");
		gates[0].open();
		await waitFor(() => text() === "a\n\nheld\n\nb", { what: "the second piece" });
		gates[1].open();
		assert.equal((await sent).result.response, "a\n\nheld\n\nb\n\nheld\n\nc");
		assert.equal(text(), "a\n\nheld\n\nb\n\nheld\n\nc");
	});

	test("message.show with wait and stream joins in later, and without stream nothing is told", async () => {
		const gate = makeGate(iris);
		const { result } = await raw.request("iris/message.send", { to: "b", message: `${gate.hold}\nECHO end`, timeout: -1 });
		assert.ok(result.hint.includes(result.id));
		const other = await connectRaw(iris, { role: "ctl" });
		const shown = other.request("iris/message.show", { id: result.id, wait: 0, stream: true });
		const brief = await raw.request("iris/message.show", { id: result.id, wait: 50 });
		assert.equal(brief.result.waited, true);
		assert.notEqual(brief.result.state, "answered");
		gate.open();
		assert.equal((await shown).result.response, "held\n\nend");
		assert.deepEqual(told("iris/message.event"), []);
		assert.deepEqual(told("iris/message.delta"), []);
		other.socket.destroy();
	});

	test("iris ask on a pipe prints exactly the answer, whatever it holds", async () => {
		for (const text of ["plain", "ü € 𝄞", "tab\tand \\ and \"quotes\""]) {
			const r = await iris.iris(["ask", "b", `ECHO ${text}`]);
			assert.equal(r.status, 0, r.stderr);
			assert.equal(r.stdout, `${text}\n`);
		}
	});

	test("usage is stored for each turn, and the session counts its messages", async () => {
		const a = (await raw.request("iris/message.send", { to: "b", message: "ECHO a", timeout: 0 })).result;
		const b = (await raw.request("iris/message.send", { to: "b", message: "USAGE 1000 500", timeout: 0 })).result;
		assert.ok(b.usage.inputTokens >= a.usage.inputTokens + 1000, JSON.stringify([a.usage, b.usage]));
		assert.ok(b.usage.outputTokens >= 500);
		assert.ok(b.usage.costUsd > a.usage.costUsd);
		const [s] = (await raw.request("iris/team.show", { team: "b" })).result.sessions;
		assert.equal(s.messages, 2);
		assert.ok(Math.abs(s.costUsd - a.usage.costUsd - b.usage.costUsd) < 1e-9, "the session's cost is the sum of its turns");
	});
});

describe("permission, by grantPermission", () => {
	let iris;

	afterEach(() => iris.stop());

	test("yes allows; no and ask refuse, each with its reason, and the turn goes on", async () => {
		iris = await startTeams({ asker: {}, yes: { grantPermission: "yes" }, no: { grantPermission: "no" }, ask: {} }, { settings: { permissionTimeout: 50 } });
		const client = await iris.client({ cwd: iris.dirs.asker });
		const bash = async (toTeam) => (await iris.call(client, "ask_message", { toTeam, message: "BASH echo was-run" })).response;
		assert.match(await bash("yes"), /^was-run/);
		for (const [team, words] of [["no", /read-only for other teams/], ["ask", /needs a person's permission \(grantPermission: ask\), and nobody has answered within 1 s/]]) {
			const said = await bash(team);
			assert.match(said, words);
			assert.ok(!/^was-run/m.test(said), said);
		}
	});

	test("a permission that is asked for while nobody waits is decided all the same", async () => {
		iris = await startTeams({ asker: {}, no: { grantPermission: "no" } });
		const id = (await iris.iris(["send", "no", "BASH touch here"], { cwd: iris.dirs.asker })).stdout.trim();
		const m = await iris.messageIn(id, "answered");
		assert.match(m.response, /not permitted/);
	});
});
