/* SPDX-License-Identifier: MIT
 *
 * Permission requests over the protocol: from the question of a team's Claude to the answer that it
 * gets, once, from a person, also when irisd was away meanwhile; and what is written down of it.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program } from "../lib/iris.mjs";
import { assert, claudes, connectRaw, HELLO, startTeams, waitFor } from "./setup.mjs";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/* A connection as the CLI's. */
async function control(iris) {
	const c = await connectRaw(iris, { role: "ctl", ...HELLO });
	c.call = async (method, params) => {
		const { result, error } = await c.request(`iris/${method}`, params);
		if (error)
			throw Object.assign(new Error(error.message), { code: error.data?.code ?? error.code });
		return result;
	};
	c.pending = () => c.call("permission.list").then((r) => r.permissions);
	c.one = () => waitFor(async () => (await c.pending())[0], { what: "a request", every: 25 });
	return c;
}

const send = async (iris, team, text, from = "asker") => {
	const r = await iris.iris(["send", team, text], { cwd: iris.dirs[from] });
	assert.equal(r.status, 0, r.stderr);
	return r.stdout.trim();
};

describe("a permission request", () => {
	let iris, ctl;
	const start = async (teams = { asker: {}, b: {} }, settings = {}, config = {}) => {
		iris = await startTeams(teams, { settings, config });
		ctl = await control(iris);
	};
	const answer = (p, behavior, more = {}) => ctl.call("permission.answer", { id: p.id, behavior, inputHash: p.inputHash, ...more });

	afterEach(() => iris.stop());

	test("is told whole, and allowed: the tool runs", async () => {
		await start();
		const id = await send(iris, "b", "BASH echo was-run");
		const p = await ctl.one();
		assert.equal(p.team, "b");
		assert.equal(p.from, "asker");
		assert.equal(p.message, id);
		assert.equal(p.tool, "Bash");
		assert.equal(p.input.command, "echo was-run");
		assert.equal(p.inputHash, sha256(JSON.stringify(p.input)));
		assert.equal(p.why, "grantPermission: ask");
		assert.equal(p.deadline - p.createdAt, 300000);
		assert.equal(p.state, "pending");
		const r = await answer(p, "allow");
		assert.equal(r.permission.state, "allowed");
		assert.equal(r.permission.via, "cli");
		assert.match((await iris.messageIn(id, "answered")).response, /^was-run/);
		assert.deepEqual(await ctl.pending(), []);
	});

	test("denied: Claude reads why, and the turn goes on", async () => {
		await start();
		const id = await send(iris, "b", "PERM Write");
		await answer(await ctl.one(), "deny", { reason: "not on a Friday" });
		assert.match((await iris.messageIn(id, "answered")).response, /A person has refused Write: not on a Friday/);
	});

	test("allowed with another input: that is what runs, and both are in the audit", async () => {
		await start();
		const id = await send(iris, "b", "BASH echo first");
		const p = await ctl.one();
		await assert.rejects(answer(p, "allow", { updatedInput: "echo" }), /updatedInput must be an object/);
		await answer(p, "allow", { updatedInput: { command: "echo second" } });
		assert.match((await iris.messageIn(id, "answered")).response, /^second/);
		const { rows } = await ctl.call("audit.list");
		const last = rows.at(-1);
		assert.equal(last.inputHash, p.inputHash);
		assert.ok(last.reason.includes(sha256('{"command":"echo second"}')), last.reason);
	});

	test("nobody answers: denied when its time is up, and said so", async () => {
		await start(undefined, { permissionTimeout: 300 });
		const id = await send(iris, "b", "BASH echo was-run");
		const said = (await iris.messageIn(id, "answered")).response;
		assert.match(said, /nobody has answered within 1 s/);
		assert.ok(!/^was-run/.test(said));
		const [p] = (await ctl.call("permission.list", { all: true })).permissions;
		assert.equal(p.state, "expired");
		await assert.rejects(answer(p, "allow"), /this request was already expired/);
	});

	test("two answers at once: one wins, the other is told", async () => {
		await start();
		const other = await control(iris);
		for (let i = 0; i < 10; i++) {
			const id = await send(iris, "b", "BASH echo was-run");
			const p = await ctl.one();
			const got = await Promise.allSettled([answer(p, "allow"),
				other.call("permission.answer", { id: p.id, behavior: "deny", inputHash: p.inputHash })]);
			const [won, lost] = got[0].status === "fulfilled" ? got : [got[1], got[0]];
			assert.equal(won.status, "fulfilled");
			assert.equal(lost.status, "rejected");
			assert.match(lost.reason.message, /this request was already (allowed|denied) by \S+ \(pid \d+\)/);
			const ran = /^was-run/.test((await iris.messageIn(id, "answered")).response);
			assert.equal(ran, won.value.permission.state === "allowed");
		}
	});

	test("an answer without the hash, or with another input's: refused, and it still waits", async () => {
		await start();
		const id = await send(iris, "b", "BASH echo was-run");
		const p = await ctl.one();
		await assert.rejects(answer(p, "allow", { inputHash: sha256("{}") }), /inputHash is of another input/);
		await assert.rejects(answer(p, "allow", { inputHash: undefined }), /needs inputHash/);
		await assert.rejects(ctl.call("permission.answer", { id: "0190", behavior: "allow", inputHash: p.inputHash }), /no permission request "0190"/);
		await assert.rejects(answer(p, "perhaps"), /"allow" or "deny"/);
		assert.equal((await ctl.pending())[0].id, p.id);
		await answer(p, "deny");
		await iris.messageIn(id, "answered");
	});

	test("irisd is killed while it waits: the next one has it, and its answer reaches the same Claude", async () => {
		await start();
		const id = await send(iris, "b", "BASH echo was-run");
		const p = await ctl.one();
		const [claude] = claudes(iris);
		await iris.kill();
		await iris.start();
		ctl = await control(iris);
		const again = await ctl.one();
		assert.deepEqual({ ...again }, { ...p });
		await answer(again, "allow");
		assert.match((await iris.messageIn(id, "answered")).response, /^was-run/);
		assert.deepEqual(claudes(iris).map((c) => c.pid), [claude.pid]);
	});

	test("its Claude ends: it is withdrawn, and an answer comes too late", async () => {
		await start();
		const id = await send(iris, "b", "BASH echo was-run");
		const p = await ctl.one();
		process.kill(claudes(iris)[0].pid, "SIGKILL");
		await iris.messageIn(id, "failed");
		const row = await waitFor(async () => {
			const [r] = (await ctl.call("permission.list", { all: true })).permissions;
			return r.state !== "pending" && r;
		}, { what: "its end", every: 25 });
		assert.equal(row.state, "withdrawn");
		assert.match(row.reason, /the Claude that asked has ended/);
		await assert.rejects(answer(p, "allow"), /already withdrawn/);
	});

	test("the message is cancelled: it is withdrawn", async () => {
		await start();
		const id = await send(iris, "b", "BASH echo was-run");
		await ctl.one();
		await iris.iris(["message", "cancel", id]);
		await iris.messageIn(id, "cancelled");
		await waitFor(async () => (await ctl.pending()).length === 0, { what: "it to be withdrawn", every: 25 });
	});

	test("remembered: the next time nobody is asked, until the rule is revoked", async () => {
		await start();
		const first = await send(iris, "b", "BASH echo was-run");
		const p = await ctl.one();
		assert.equal(p.rule, "Bash(echo was-run)");
		const r = await answer(p, "allow", { remember: true });
		assert.equal(r.remembered, p.rule);
		await iris.messageIn(first, "answered");
		assert.match((await iris.messageIn(await send(iris, "b", "BASH echo was-run"), "answered")).response, /^was-run/);
		const [rule] = (await ctl.call("permission.rules")).rules;
		assert.equal(rule.team, "b");
		assert.equal(rule.state, "active");
		assert.equal(rule.permission, p.id);
		await ctl.call("permission.revoke", { number: rule.id });
		assert.equal((await ctl.call("permission.rules")).rules[0].state, "revoked");
		const third = await send(iris, "b", "BASH echo was-run");
		await answer(await ctl.one(), "deny");
		await iris.messageIn(third, "answered");
		await assert.rejects(ctl.call("permission.revoke", { number: 99 }), /no remembered rule 99/);
	});

	test("those who watch are told as it comes and goes", async () => {
		await start();
		const watch = await control(iris);
		watch.send({ jsonrpc: "2.0", id: "w", method: "iris/permission.watch" });
		const id = await send(iris, "b", "PERM Write");
		const event = (state) => watch.line((l) => l.method === "iris/permission.event" && l.params.permission.state === state);
		const { permission } = (await event("pending")).params;
		await answer(permission, "allow");
		assert.equal((await event("allowed")).params.permission.id, permission.id);
		await iris.messageIn(id, "answered");
	});

	test("the program of permissions.notify gets it on its standard input, whatever it holds", async () => {
		const dir = mkdtempSync(join(tmpdir(), "iris-notify-"));
		const out = join(dir, "told"), script = join(dir, "tell me");
		writeFileSync(script, `#!/bin/sh\ncat > "$1" && mv "$1" "${out}"\n`, { mode: 0o755 });
		await start(undefined, {}, { permissions: { notify: [script, join(dir, "$(touch x) part")] } });
		const id = await send(iris, "b", "BASH echo '$(date)' \"`x`\"");
		const p = await ctl.one();
		const told = await waitFor(() => { try { return readFileSync(out, "utf8"); } catch { return undefined; } }, { what: "the program", every: 25 });
		rmSync(dir, { recursive: true });
		assert.deepEqual(JSON.parse(told), p);
		await waitFor(() => iris.log().includes(`notify id=${p.id} told`), { what: "its end in the log" });
		await answer(p, "deny");
		await iris.messageIn(id, "answered");
	});
});

describe("permissions_answer, where the person can be asked in their own client", () => {
	let iris, ctl, request, id, asked;
	const person = async (answer) => {
		const transport = new StdioClientTransport({ command: program("iris-mcp-shim"), cwd: iris.dirs.asker, env: iris.env });
		const client = new Client({ name: "person", version: "1" }, { capabilities: { elicitation: {} } });
		asked = [];
		client.setRequestHandler(ElicitRequestSchema, (r) => { asked.push(r.params); return answer; });
		await client.connect(transport);
		const r = await client.callTool({ name: "permissions_answer", arguments: { id: request.id, inputHash: request.inputHash, behavior: "allow" } });
		await client.close();
		return r;
	};

	beforeEach(async () => {
		iris = await startTeams({ asker: {}, b: {} });
		ctl = await control(iris);
		id = await send(iris, "b", "BASH echo was-run # \u202e\u001b[31m");
		request = await ctl.one();
	});
	afterEach(() => iris.stop());

	test("what an agent would allow the person confirms, seeing the input", async () => {
		const r = await person({ action: "accept", content: { allow: true } });
		assert.equal(r.structuredContent.permission.state, "allowed");
		assert.equal(r.structuredContent.permission.via, "elicitation");
		assert.equal(asked.length, 1);
		assert.ok(asked[0].message.includes("echo was-run"), asked[0].message);
		assert.ok(!/[\u202e\u001b]/.test(asked[0].message), JSON.stringify(asked[0].message));
		assert.match((await iris.messageIn(id, "answered")).response, /^was-run/);
	});

	for (const [what, answer, words] of [["says no", { action: "accept", content: { allow: false } }, /does not allow it/],
		["declines", { action: "decline" }, /does not allow it/], ["closes the form", { action: "cancel" }, /there was no answer/]])
		test(`the person ${what}: not allowed, and the request still waits`, async () => {
			const r = await person(answer);
			assert.equal(r.isError, true);
			assert.match(r.content[0].text, words);
			assert.equal((await ctl.pending())[0].id, request.id);
			await ctl.call("permission.answer", { id: request.id, behavior: "deny", inputHash: request.inputHash });
			await iris.messageIn(id, "answered");
		});
});

describe("grantPermission: forward", () => {
	let iris, ctl;

	afterEach(() => iris.stop());

	test("a request that the person at the root of the question decides, under their name", async () => {
		iris = await startTeams({ person: {}, middle: {}, last: { grantPermission: "forward" } });
		ctl = await control(iris);
		const id = await send(iris, "middle", 'TOOL ask_message {"toTeam":"last","message":"BASH echo was-run"}', "person");
		const p = await ctl.one();
		assert.equal(p.team, "last");
		assert.equal(p.from, "middle");
		assert.equal(p.asked, "person");
		await ctl.call("permission.answer", { id: p.id, behavior: "allow", inputHash: p.inputHash });
		assert.match((await iris.messageIn(id, "answered")).response, /was-run/);
	});

	test("a team that has asked itself by way of another: denied, with the chain", async () => {
		iris = await startTeams({ person: {}, b: {}, a: { grantPermission: "forward" } });
		ctl = await control(iris);
		const back = JSON.stringify({ toTeam: "a", message: "BASH echo was-run" });
		const id = await send(iris, "a", `TOOL ask_message ${JSON.stringify({ toTeam: "b", message: `TOOL ask_message ${back}` })}`, "person");
		const said = (await iris.messageIn(id, "answered")).response;
		assert.match(said, /a -> b -> a/);
		assert.ok(!/^was-run/.test(said));
		assert.deepEqual((await ctl.call("permission.list", { all: true })).permissions, []);
	});
});
