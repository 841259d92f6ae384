/* SPDX-License-Identifier: MIT
 *
 * The PreToolUse hook: rules and the guard decide before Claude Code's own rules and modes do, of
 * Iris's own tools, too. First from irisd on, as a user sees it; then the worker alone, with irisd
 * played by the test: what is open when irisd goes is told to the next one, or refused.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { refused, workerTest } from "../lib/fake-irisd.mjs";
import { assert, connectRaw, HELLO, startTeams, waitFor, within } from "./setup.mjs";

const BYPASS = { permissionMode: "bypassPermissions" };

describe("before Claude Code's own rules", () => {
	let iris, ctl;
	const call = async (method, params) => {
		const { result, error } = await ctl.request(`iris/${method}`, params);
		if (error)
			throw new Error(error.message);
		return result;
	};
	const connect = async () => (ctl = await connectRaw(iris, { role: "ctl", ...HELLO }));
	const start = async (permissions, b = BYPASS, settings = {}) => {
		iris = await startTeams({ asker: {}, b }, { settings, config: { permissions } });
		await connect();
	};
	const send = async (text) => {
		const r = await iris.iris(["send", "b", text], { cwd: iris.dirs.asker });
		assert.equal(r.status, 0, r.stderr);
		return r.stdout.trim();
	};
	const ask = async (text) => (await iris.messageIn(await send(text), "answered")).response;
	const audit = async () => (await call("audit.list")).rows.map(({ tool, decision, via, rule }) => ({ tool, decision, via, rule }));
	const one = () => waitFor(async () => (await call("permission.list")).permissions[0], { what: "a request", every: 25 });
	const made = () => existsSync(join(iris.dirs.b, "made"));

	afterEach(() => iris.stop());

	test("a deny rule refuses a tool that Claude Code would not have asked about", async () => {
		await start({ deny: ["Bash(touch:*)"] });
		assert.match(await ask("BASH touch made"), /Bash is not permitted here \(permissions\.deny: Bash\(touch:\*\)\)/);
		assert.equal(made(), false);
		assert.equal(await ask("BASH echo free"), "free");
		assert.deepEqual(await audit(), [{ tool: "Bash", decision: "denied", via: "rule", rule: "permissions.deny: Bash(touch:*)" }]);
	});

	test("a deny rule refuses a tool of Iris, which Claude Code is told to allow", async () => {
		await start({}, { permissions: { deny: ["mcp__iris__send_message"] } });
		const said = await ask('TOOL send_message {"toTeam":"asker","message":"ECHO hi"}\nTOOL list_teams {}');
		assert.match(said, /mcp__iris__send_message is not permitted here/);
		assert.match(said, /"name":"asker"/, "the others are free");
		assert.equal((await iris.json(["message", "list"])).messages.length, 1, "only ours: nothing was sent");
		assert.deepEqual((await audit()).map((r) => [r.tool, r.decision]), [["mcp__iris__send_message", "denied"]]);
	});

	test("the guard asks: a person is asked, whatever grantPermission and Claude Code's mode allow", async () => {
		await start({ guard: { commands: ["ask touch made"] } }, { ...BYPASS, grantPermission: "yes" });
		const id = await send("BASH touch made");
		const p = await one();
		assert.equal(p.tool, "Bash");
		assert.equal(p.message, id);
		assert.match(p.why, /^commands: /);
		assert.equal(made(), false, "it waits");
		await call("permission.answer", { id: p.id, behavior: "allow", inputHash: p.inputHash });
		await iris.messageIn(id, "answered");
		assert.equal(made(), true);
		const second = await send("BASH touch made");
		const q = await one();
		await call("permission.answer", { id: q.id, behavior: "deny", inputHash: q.inputHash, reason: "once is enough" });
		assert.match((await iris.messageIn(second, "answered")).response, /A person has refused Bash: once is enough/);
		assert.deepEqual((await audit()).map((r) => r.decision), ["asked", "allowed", "asked", "denied"]);
	});

	test("the guard denies, and logs: each is written down once", async () => {
		await start({ guard: { commands: ["deny touch made", "log echo noted"] } }, { grantPermission: "yes" });
		assert.match(await ask("BASH touch made"), /Bash is not permitted here \(commands: touch made/);
		assert.equal(made(), false);
		assert.equal(await ask("BASH echo noted"), "noted");
		const rows = await audit();
		assert.deepEqual(rows.filter((r) => r.via === "guard").map((r) => r.decision), ["denied", "logged"]);
	});

	test("irisd is killed with a hook open: the next one decides it, and the turn goes on", async () => {
		await start({ deny: ["Bash(touch:*)"] }, BYPASS, { logLevel: "debug" });
		const gate = join(iris.root, "gate");
		const id = await send(`HOLD ${gate}\nBASH touch made\nBASH echo free`);
		await iris.messageIn(id, "seen");
		/* It hears no more, and its worker does not know. */
		iris.daemon.kill("SIGSTOP");
		writeFileSync(gate, "");
		await waitFor(() => iris.log().includes("a tool waits for irisd"), { what: "the hook to be open" });
		await iris.kill();
		await iris.start();
		await connect();
		const said = (await iris.messageIn(id, "answered")).response;
		assert.match(said, /^held\n\nPreToolUse:Bash hook error: Bash is not permitted here.*\n\nfree$/s);
		assert.equal(made(), false);
	});
});

/* Without an answer to its hooks; turn(text) is in its first one. */
async function asking(irisd, more) {
	await irisd.open({ permissionMode: "bypassPermissions", ...more });
	irisd.hook = () => undefined;
	return async (text) => {
		const message = await irisd.send(text);
		return { message, hook: await irisd.event("event/hook", (h) => h.message === message) };
	};
}
const answer = (irisd, hook, more) => irisd.request("worker/hook", { session: "s1", request: hook.request, ...more });

workerTest("hook: what irisd is told, and each decision", async (irisd) => {
	const turn = await asking(irisd);
	const first = await turn("BASH echo ran");
	assert.deepEqual(Object.keys(first.hook), ["session", "message", "request", "tool", "input", "cwd"]);
	assert.equal(first.hook.tool, "Bash");
	assert.equal(first.hook.cwd, irisd.dir);
	assert.deepEqual(first.hook.input, { command: "echo ran", description: "run a command" });
	await refused(answer(irisd, first.hook, { decision: "allow" }), "invalid", /"none", "ask" or "deny"/);
	await answer(irisd, first.hook, { decision: "none" });
	assert.equal((await irisd.result(first.message)).answer, "ran");
	await refused(answer(irisd, first.hook, { decision: "none" }), "not_found", /no hook with this id/);

	const second = await turn("BASH echo ran");
	await answer(irisd, second.hook, { decision: "deny", reason: "not \"here\"" });
	assert.equal((await irisd.result(second.message)).answer, 'PreToolUse:Bash hook error: not "here"');

	const third = await turn("TOOL list_teams {}");
	assert.equal(third.hook.tool, "mcp__iris__list_teams");
	await answer(irisd, third.hook, { decision: "none" });
	assert.equal((await irisd.result(third.message)).ok, true);
	assert.deepEqual(irisd.all("event/ask"), []);
});

/* A turn whose hook irisd has said to ask about: what it then asks. */
async function held(irisd, text) {
	const { message, hook } = await (await asking(irisd))(text);
	await answer(irisd, hook, { decision: "ask", reason: "why" });
	const ask = await irisd.event("event/ask");
	assert.deepEqual(ask, hook, "it is asked what it was told");
	const decide = (more) => irisd.request("worker/answer", { session: "s1", request: ask.request, ...more });
	return { message, ask, decide };
}

workerTest("hook: to be asked about: denied, the tool is refused", async (irisd) => {
	const { message, decide } = await held(irisd, "TOOL list_teams {}");
	await decide({ behavior: "deny", message: "a person says no" });
	assert.equal((await irisd.result(message)).answer, "PreToolUse:mcp__iris__list_teams hook error: a person says no");
});

for (const [what, input, said] of [["as it was", undefined, "first"], ["with another input", { command: "echo second" }, "second"]]) {
	workerTest(`hook: to be asked about: allowed ${what}, and nobody is asked twice`, async (irisd) => {
		const { message, decide } = await held(irisd, "BASH echo first");
		await decide({ behavior: "allow", updatedInput: input });
		assert.equal((await irisd.result(message)).answer, said);
		assert.equal(irisd.all("event/ask").length, 1);
		assert.equal(irisd.all("event/hook").length, 1);
	});
}

workerTest("hook: to be asked about: irisd goes, the next one is asked again", async (irisd) => {
	const { message, ask, decide } = await held(irisd, "BASH touch made");
	irisd.die();
	await irisd.comeBack();
	assert.deepEqual(await irisd.event("event/ask"), ask);
	assert.deepEqual(irisd.all("event/hook"), []);
	assert.equal(existsSync(join(irisd.dir, "made")), false);
	await decide({ behavior: "allow" });
	await irisd.result(message);
	assert.equal(existsSync(join(irisd.dir, "made")), true);
});

workerTest("hook: to be asked about: the turn is interrupted, and irisd told", async (irisd) => {
	const { message, ask } = await held(irisd, "BASH touch made");
	await irisd.request("worker/interrupt", { session: "s1", message });
	assert.equal((await irisd.event("event/unask")).request, ask.request);
	assert.equal((await irisd.result(message)).code, "cancelled");
	assert.equal(existsSync(join(irisd.dir, "made")), false);
});

workerTest("hook: to be asked about: no irisd comes any more: refused", async (irisd) => {
	const { message } = await held(irisd, "BASH touch made");
	irisd.die();
	await within(20000, irisd.ended, "the worker's end");
	assert.equal(existsSync(join(irisd.dir, "made")), false);
	const [line] = irisd.spooled();
	assert.equal(line.message, message);
	assert.match(line.answer, /^PreToolUse:Bash hook error: Nobody can say whether this is permitted/);
}, {}, (irisd) => ["-d", irisd.spool, "-o", "1000"]);

workerTest("hook: its turn is interrupted: nothing waits for it any more", async (irisd) => {
	const turn = await asking(irisd);
	const { message, hook } = await turn("BASH echo ran");
	await irisd.request("worker/interrupt", { session: "s1", message });
	assert.equal((await irisd.result(message)).code, "cancelled");
	await refused(answer(irisd, hook, { decision: "none" }), "not_found", /no hook with this id/);
});

workerTest("hook: irisd goes while it is open: the next one is told again, and decides", async (irisd) => {
	const turn = await asking(irisd);
	const { message, hook } = await turn("BASH touch made");
	irisd.die();
	await irisd.comeBack();
	assert.deepEqual(await irisd.event("event/hook"), hook);
	assert.equal(irisd.all("event/hook").length, 1);
	await answer(irisd, hook, { decision: "deny", reason: "still not" });
	assert.equal((await irisd.result(message)).answer, "PreToolUse:Bash hook error: still not");
	assert.equal(existsSync(join(irisd.dir, "made")), false);
});

workerTest("hook: no irisd comes any more: what is open is refused, and what comes after it", async (irisd) => {
	const turn = await asking(irisd);
	const { message } = await turn("BASH touch made\nTOOL list_teams {}");
	irisd.die();
	await within(20000, irisd.ended, "the worker's end");
	assert.equal(existsSync(join(irisd.dir, "made")), false);
	const [line] = irisd.spooled();
	assert.equal(line.message, message);
	assert.equal(line.ok, true, line.reason);
	assert.match(line.answer, /^PreToolUse:Bash hook error: Nobody can say whether this is permitted: irisd is not running.*\n\nPreToolUse:mcp__iris__list_teams hook error: Nobody/s);
}, {}, (irisd) => ["-d", irisd.spool, "-o", "1000"]);
