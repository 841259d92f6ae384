/* SPDX-License-Identifier: MIT
 *
 * grantPermission: forward. The person at the root of a chain of questions is asked for a permission
 * in their own client, by MCP elicitation, in both eras, in the call that waits for the answer; and
 * by nothing else. The chain is a -> b -> c; c is the team that forwards.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { events, legacy, listening, makeHttp, makeKey } from "../lib/http.mjs";
import { program } from "../lib/iris.mjs";
import { assert, connectRaw, HELLO, makeGate, startShim, startTeams, waitFor, within } from "./setup.mjs";

const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
const VERSION = "io.modelcontextprotocol/protocolVersion";
const CHAIN = { a: {}, b: {}, c: { grantPermission: "forward" }, evil: { grantPermission: "yes" } };
/* What b is asked, so that c is. */
const through = (text) => `TOOL ask_message ${JSON.stringify({ toTeam: "c", message: text })}`;
const accept = (decision, reason) => ({ action: "accept", content: { decision, ...(reason && { reason }) } });

let iris, ctl;

async function control() {
	const c = await connectRaw(iris, { role: "ctl", ...HELLO });

	c.call = async (method, params) => {
		const { result, error } = await c.request(`iris/${method}`, params);
		if (error)
			throw new Error(error.message);
		return result;
	};
	c.all = async () => (await c.call("permission.list", { all: true })).permissions;
	c.pending = (n = 1) => waitFor(async () => {
		const list = (await c.call("permission.list")).permissions;
		return list.length >= n && (n === 1 ? list[0] : list);
	}, { what: `${n} requests`, every: 25 });
	c.answer = (p, behavior) => c.call("permission.answer", { id: p.id, behavior, inputHash: p.inputHash });
	return c;
}

async function start(teams = CHAIN, options) {
	iris = await startTeams(teams, options);
	ctl = await control();
}

/* A person's client: each form that it is shown is in .asked, to be answered with .reply. */
async function person({ cwd = iris.dirs.a, capabilities = { elicitation: {} } } = {}) {
	const client = new Client({ name: "person", version: "1" }, { capabilities });

	client.asked = [];
	client.progress = [];
	if (capabilities.elicitation)
		client.setRequestHandler(ElicitRequestSchema, (request, extra) => new Promise((resolve) => {
			const form = { ...request.params, reply: resolve, withdrawn: false };
			extra.signal.addEventListener("abort", () => {
				form.withdrawn = true;
				resolve({ action: "cancel" });
			});
			client.asked.push(form);
		}));
	iris.clients.push(client);
	client.shimStderr = "";
	await within(15000, client.connect(new StdioClientTransport({ command: program("iris-mcp-shim"), cwd, env: iris.env })), "the client");
	client.ask = (toTeam, message, more = {}) => iris.call(client, "ask_message", { toTeam, message, ...more },
		{ onprogress: (p) => client.progress.push(p.message) });
	client.form = (n = 0) => waitFor(() => client.asked[n], { what: `form ${n + 1}`, every: 10 });
	return client;
}

describe("the person at the root of the chain is asked in their own client", () => {
	afterEach(() => iris.stop());

	test("the form says who asks what and why; allowed: the tool runs, and the audit says by whom", async () => {
		await start();
		const a = await person();
		const answer = a.ask("b", through("BASH echo 'was run' && echo\ttwice\u202e\u0007"));
		const form = await a.form();
		const p = await ctl.pending();
		assert.equal(p.asked, "a");
		assert.match(form.message, /^Team c asks for your permission to use Bash\.$/m);
		assert.match(form.message, /^It works on what you have asked: a -> b -> c$/m);
		assert.match(form.message, /^Why it must ask: grantPermission: forward$/m);
		assert.ok(form.message.includes(`iris approvals allow ${p.id}`), form.message);
		assert.ok(form.message.includes("\n  command:\n  | echo 'was run' && echo\ttwice\\u{202e}\\x07"), form.message);
		assert.deepEqual(form.requestedSchema.required, ["decision"]);
		form.reply(accept("allow once"));
		assert.match((await answer).response, /was run/);
		const [row] = await ctl.all();
		assert.equal(row.state, "allowed");
		assert.equal(row.via, "elicitation");
		assert.match(row.by, /^a \(pid \d+\)$/);
		const last = (await ctl.call("audit.list")).rows.at(-1);
		assert.deepEqual([last.decision, last.via, last.by, last.inputHash], ["allowed", "elicitation", row.by, p.inputHash]);
		assert.equal(a.asked.length, 1);
		assert.ok(a.progress.some((t) => t.includes(`team c: waits for a person to permit Bash: iris approvals allow ${p.id}`)), a.progress.join("\n"));
	});

	for (const [what, reply, said, row] of [
		["denies with a reason", accept("deny", "not on a Friday"), /A person has refused Bash: not on a Friday/, "not on a Friday"],
		["denies without one", accept("deny"), /A person has refused Bash\./, undefined],
		["declines", { action: "decline" }, /A person has refused Bash: the person declined/, "the person declined"],
	])
		test(`the person ${what}`, async () => {
			await start();
			const a = await person();
			const answer = a.ask("b", through("BASH echo was-run"));
			(await a.form()).reply(reply);
			const { response } = await answer;
			assert.match(response, said);
			const [p] = await ctl.all();
			assert.deepEqual([p.state, p.via, p.reason], ["denied", "elicitation", row]);
		});

	test("a very long reason is cut", async () => {
		await start();
		const a = await person();
		const answer = a.ask("c", "BASH echo was-run");
		(await a.form()).reply(accept("deny", "ä".repeat(20000)));
		assert.match((await answer).response, /A person has refused Bash: ä{250}/);
		assert.equal((await ctl.all())[0].reason, "ä".repeat(250));
	});

	test("remembered: the second time nobody is asked", async () => {
		await start();
		const a = await person();
		const answer = a.ask("b", through("BASH echo was-run\nBASH echo was-run"));
		const form = await a.form();
		assert.deepEqual(form.requestedSchema.properties.decision.enum, ["allow once", "allow and remember", "deny"]);
		assert.match(form.requestedSchema.properties.decision.description, /adds a rule for team c: Bash\(echo was-run\)/);
		form.reply(accept("allow and remember"));
		assert.match((await answer).response, /was-run/);
		assert.equal(a.asked.length, 1);
		const [rule] = (await ctl.call("permission.rules")).rules;
		assert.deepEqual([rule.rule, rule.team, rule.state], ["Bash(echo was-run)", "c", "active"]);
	});

	test("a long input is shown in part, said to be, and can not be allowed for good", async () => {
		await start();
		const a = await person();
		const answer = a.ask("c", `BASH echo was-run ${"é".repeat(5000)}`);
		const form = await a.form(), p = await ctl.pending();
		assert.match(form.message, /Only the first 409\d of its 100\d\d bytes are shown/);
		assert.ok(form.message.includes(`iris approvals show ${p.id}`));
		assert.ok(form.message.endsWith("é\n(cut here)"));
		assert.ok(form.message.length < 6000);
		assert.deepEqual(form.requestedSchema.properties.decision.enum, ["allow once", "deny"]);
		form.reply(accept("allow once"));
		assert.match((await answer).response, /was-run/);
	});

	test("what must be asked about each time can not be remembered: it is not offered", async () => {
		await start(CHAIN, { config: { permissions: { ask: ["Bash(echo:*)"] } } });
		const a = await person();
		const answer = a.ask("c", "BASH echo was-run");
		const form = await a.form();
		assert.match(form.message, /^Why it must ask: permissions\.ask: Bash\(echo:\*\)$/m);
		assert.deepEqual(form.requestedSchema.properties.decision.enum, ["allow once", "deny"]);
		form.reply(accept("deny"));
		await answer;
	});

	for (const [what, reply] of [["closes the form", { action: "cancel" }], ["has a client that answers nonsense", accept("perhaps")]])
		test(`the person ${what}: it goes on waiting, and is answered elsewhere`, async () => {
			await start();
			const a = await person();
			const answer = a.ask("b", through("BASH echo was-run"));
			(await a.form()).reply(reply);
			const p = await ctl.pending();
			await waitFor(() => iris.log().includes(`permission form: no answer, it goes on waiting id=${p.id}`), { what: "irisd to know" });
			assert.equal((await ctl.pending()).id, p.id);
			await ctl.answer(p, "allow");
			assert.match((await answer).response, /was-run/);
			assert.equal(a.asked.length, 1, "it does not come again in the same call");
		});

	test("answered elsewhere first: the form is taken back, once", async () => {
		await start();
		const a = await person();
		const answer = a.ask("b", through("BASH echo was-run"));
		const form = await a.form();
		await ctl.answer(await ctl.pending(), "allow");
		await waitFor(() => form.withdrawn, { what: "the form to be taken back", every: 10 });
		assert.match((await answer).response, /was-run/);
		assert.equal(a.asked.length, 1);
	});

	test("its time is up: the form is taken back, and Claude reads why", async () => {
		await start(CHAIN, { settings: { permissionTimeout: 500 } });
		const a = await person();
		const answer = a.ask("b", through("BASH echo was-run"));
		const form = await a.form();
		assert.match((await answer).response, /nobody has answered within 1 s/);
		assert.equal(form.withdrawn, true);
	});

	test("two callers wait: both are asked, the first answer counts, the other form is taken back", async () => {
		await start();
		const first = await person(), second = await person();
		const answer = first.ask("b", through("BASH echo was-run"));
		await first.form();
		const { message } = await ctl.pending();
		const root = (await iris.json(["message", "list"])).messages.find((m) => m.to === "b").id;
		assert.notEqual(root, message);
		const fetched = iris.call(second, "message_result", { messageId: root, timeout: 20000 });
		(await second.form()).reply(accept("allow once"));
		assert.match((await answer).response, /was-run/);
		assert.match((await fetched).response, /was-run/);
		assert.equal(first.asked[0].withdrawn, true);
		assert.deepEqual([first.asked.length, second.asked.length], [1, 1]);
	});

	test("they were away: asked in the call that fetches the answer; two requests, two forms", async () => {
		await start();
		const a = await person();
		const { messageId } = await iris.call(a, "quick_message", { toTeam: "c", message: "BASH echo one\nBASH echo two" });
		await ctl.pending();
		assert.equal(a.asked.length, 0);
		const fetched = iris.call(a, "message_result", { messageId, timeout: 20000 });
		(await a.form(0)).reply(accept("allow once"));
		(await a.form(1)).reply(accept("deny"));
		assert.match((await fetched).response, /one/);
		assert.deepEqual((await ctl.all()).map((p) => p.state).sort(), ["allowed", "denied"]);
	});

	test("a call to several teams is asked by each of them", async () => {
		await start({ ...CHAIN, d: { grantPermission: "forward" } });
		const a = await person();
		const answer = iris.call(a, "broadcast_message", { message: "BASH echo was-run", teams: ["c", "d"] }, { onprogress: (p) => a.progress.push(p.message) });
		await a.form(1);
		const text = (n) => a.asked[n].message;
		assert.deepEqual([text(0), text(1)].map((t) => t.match(/^Team (\w) asks/)[1]).sort(), ["c", "d"]);
		const p = await ctl.pending();
		await waitFor(() => a.progress.some((t) => /^team [cd]: waits for a person to permit Bash: iris approvals allow [0-9a-f-]{36}$/.test(t)), { what: "the progress" });
		assert.equal(p.asked, "a");
		for (const form of a.asked)
			form.reply(accept(form.message.startsWith("Team c") ? "allow once" : "deny"));
		assert.equal((await answer).isError, false);
		assert.deepEqual((await ctl.all()).map((r) => `${r.team} ${r.state}`).sort(), ["c allowed", "d denied"]);
	});

	test("irisd is killed in the middle: the old form is closed or passed over, the next irisd asks again", async () => {
		await start();
		const a = await person();
		const answer = a.ask("b", through("BASH echo was-run"));
		const old = await a.form(0);
		const p = await ctl.pending();
		await iris.kill();
		/* The shim starts the next one. */
		const form = await a.form(1);
		ctl = await control();
		assert.equal((await ctl.pending()).id, p.id);
		assert.ok(form.message.includes(p.id));
		old.reply(accept("deny"));
		form.reply(accept("allow once"));
		assert.match((await answer).response, /was-run/);
		const [row] = await ctl.all();
		assert.deepEqual([row.id, row.state, row.via], [p.id, "allowed", "elicitation"]);
		assert.equal(a.asked.length, 2);
	});

	test("irisd is restarted in order: the form is closed, and comes again", async () => {
		await start();
		const a = await person();
		const answer = a.ask("b", through("BASH echo was-run"));
		const old = await a.form(0);
		iris.killed = true;
		const r = await iris.iris(["restart"]);
		assert.equal(r.status, 0, r.stderr);
		(await a.form(1)).reply(accept("allow once"));
		assert.equal(old.withdrawn, true);
		assert.match((await answer).response, /was-run/);
	});

	test("their call is cancelled: it is withdrawn with the questions, the form as well", async () => {
		await start();
		const a = await person();
		const controller = new AbortController();
		const cancelled = assert.rejects(iris.call(a, "ask_message", { toTeam: "b", message: through("BASH echo was-run") }, { signal: controller.signal }));
		const form = await a.form();
		controller.abort("changed my mind");
		await cancelled;
		await waitFor(() => form.withdrawn, { what: "the form to be taken back", every: 10 });
		await waitFor(async () => (await ctl.all())[0].state === "withdrawn", { what: "the request to be withdrawn", every: 25 });
	});

	test("a client that shows no forms: pending under their name, and the progress says how to answer", async () => {
		await start();
		const a = await person({ capabilities: {} });
		/* The SDK drops the progress that comes in one read with the answer: the tool waits until it was told of. */
		const gate = makeGate(iris);
		const answer = a.ask("b", through(`BASH until [ -e '${join(iris.root, "gate")}' ]; do sleep 0.02; done; echo was-run`));
		const p = await ctl.pending();
		assert.equal(p.asked, "a");
		const text = `team b: team c: waits for a person to permit Bash: iris approvals allow ${p.id}`;
		await waitFor(() => a.progress.includes(text), { what: "the progress", every: 10 });
		await ctl.answer(p, "allow");
		await waitFor(() => a.progress.includes("team b: team c: Bash was permitted"), { what: "the progress of the answer" });
		gate.open();
		assert.match((await answer).response, /was-run/);
	});

	test("grantPermission: ask shows nobody a form; both who wait are told", async () => {
		await start({ ...CHAIN, c: { grantPermission: "ask" } });
		const a = await person();
		const answer = a.ask("b", through("BASH echo was-run"));
		const p = await ctl.pending();
		assert.equal(p.asked, undefined);
		await waitFor(() => a.progress.some((t) => t.endsWith(`iris approvals allow ${p.id}`)), { what: "the progress", every: 10 });
		await ctl.answer(p, "allow");
		await answer;
		assert.equal(a.asked.length, 0);
	});
});

describe("nobody else is asked", () => {
	afterEach(() => iris.stop());

	test("a person in the middle team, who may fetch the question: no", async () => {
		await start();
		const a = await person({ capabilities: {} }), b = await person({ cwd: iris.dirs.b });
		const answer = a.ask("b", through("BASH echo was-run"));
		const p = await ctl.pending();
		const { messages } = await iris.json(["message", "list"]);
		const waits = messages.map((m) => iris.call(b, "message_result", { messageId: m.id, timeout: 20000 }));
		/* Answered in order: by then it would have been asked. */
		await iris.call(b, "get_date");
		assert.equal(b.asked.length, 0);
		await ctl.answer(p, "allow");
		await Promise.all([answer, ...waits]);
		assert.equal(b.asked.length, 0);
	});

	test("what a team's Claude has started, in the person's directory, with a form to show: no", async () => {
		await start();
		const a = await person();
		const answer = a.ask("b", through("BASH echo was-run"));
		await a.form();
		const p = await ctl.pending();
		const root = (await iris.json(["message", "list"])).messages.find((m) => m.to === "b").id;
		const quote = (s) => `'${s.replaceAll("'", "'\\''")}'`;
		const lines = [{ id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo: { name: "x", version: "1" } } },
			{ id: 2, method: "tools/call", params: { name: "message_result", arguments: { messageId: root, timeout: 300 } } }]
			.map((l) => quote(JSON.stringify({ jsonrpc: "2.0", ...l })));
		const got = `${iris.root}/got`;
		const { messageId } = await iris.call(a, "quick_message", { toTeam: "evil",
			message: `BASH cd ${quote(iris.dirs.a)} && (printf '%s\\n' ${lines.join(" ")}; while ! grep -q '"id":2' ${got}; do sleep 0.05; done) | ${quote(program("iris-mcp-shim"))} > ${got}; cat ${got}` });
		const said = (await iris.messageIn(messageId, "answered")).response;
		assert.match(said, /timedOut/, "the call did wait, as the person's");
		assert.doesNotMatch(said, /elicitation\/create/);
		assert.equal((await ctl.pending()).id, p.id);
		a.asked[0].reply(accept("allow once"));
		await answer;
	});

	test("a chain that comes back to a team: denied, nobody is asked", async () => {
		await start({ ...CHAIN, b: { grantPermission: "forward" } });
		const a = await person();
		const back = `TOOL ask_message ${JSON.stringify({ toTeam: "b", message: "BASH echo was-run" })}`;
		const { response } = await a.ask("b", through(back));
		assert.match(response, /b -> c -> b/);
		assert.equal(a.asked.length, 0);
		assert.deepEqual(await ctl.all(), []);
	});

	test("over HTTP: only a key that may answer for people is shown a form", async () => {
		iris = await makeHttp(CHAIN);
		await iris.start();
		await listening(iris);
		ctl = await control();
		const stream = async (key) => {
			const init = await legacy(iris.port, key, { id: 0, method: "initialize",
				params: { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo: { name: "t", version: "1" } } });
			const headers = { "mcp-session-id": init.headers["mcp-session-id"] };
			const answer = await legacy(iris.port, key, { id: 1, method: "tools/call",
				params: { name: "ask_message", arguments: { toTeam: "c", message: "BASH echo was-run" } } }, { headers });
			return Object.assign(answer, { session: headers });
		};
		const forms = (s) => events(s).filter((e) => e.method === "elicitation/create");
		const plain = await makeKey(iris, "message", "--team", "a"), good = await makeKey(iris, "message,approve", "--team", "a");
		const denied = stream(plain);
		const p = await ctl.pending();
		assert.equal(p.asked, "a");
		await ctl.answer(p, "deny");
		const first = await denied;
		await within(10000, first.ended, "the answer");
		assert.match(first.text, /A person has refused Bash/);
		assert.deepEqual(forms(first), []);
		const second = await stream(good);
		const { id } = await waitFor(() => forms(second)[0], { what: "the form", every: 10 });
		assert.equal((await legacy(iris.port, good, { id, result: accept("allow once") }, { headers: second.session })).status, 202);
		await within(10000, second.ended, "the answer");
		assert.match(second.text, /was-run/);
		const [row] = (await ctl.all()).filter((r) => r.state === "allowed");
		assert.match(row.by, /^key test /);
	});
});

/* A client of 2026-07-28 through the shim: the call is answered with the form, and repeated with what it says. */
describe("in 2026-07-28", () => {
	let lines;
	const call = (name, args, more = {}) => lines.request("tools/call", { name, arguments: args, ...more,
		_meta: { [VERSION]: "2026-07-28", [CAPABILITIES]: { elicitation: {} } } });
	const begin = async (teams) => {
		await start(teams);
		lines = startShim(iris, { cwd: iris.dirs.a });
	};
	const only = (result) => {
		assert.equal(result.resultType, "input_required");
		const [[name, { method, params }], ...rest] = Object.entries(result.inputRequests);
		assert.equal(method, "elicitation/create");
		assert.deepEqual(rest, []);
		return { name, params, requestState: result.requestState };
	};
	const ARGS = { toTeam: "b", message: through("BASH echo was-run") };
	const repeat = (form, answer, args = ARGS, name = "ask_message") => call(name, args,
		{ requestState: form.requestState, inputResponses: answer ? { [form.name]: answer } : {} });
	const textOf = ({ result }) => JSON.parse(result.content[0].text).response;

	afterEach(async () => {
		await lines?.finish();
		await iris.stop();
	});

	test("asked in the call's result, answered with its repetition", async () => {
		await begin();
		const form = only((await call("ask_message", ARGS)).result);
		assert.match(form.params.message, /a -> b -> c/);
		assert.equal((await ctl.pending()).asked, "a");
		assert.match(textOf(await repeat(form, accept("allow once"))), /was-run/);
		const [row] = await ctl.all();
		assert.deepEqual([row.state, row.via], ["allowed", "elicitation"]);
		assert.match(row.by, /^a \(pid \d+\)$/);
	});

	test("denied; and a second request, which came while nobody was connected, is in the next result", async () => {
		await begin({ ...CHAIN, d: { grantPermission: "forward" } });
		const args = { message: "BASH echo was-run", teams: ["c", "d"] };
		let { result } = await call("broadcast_message", args);
		const decisions = { c: [], d: [] };
		for (let round = 0; result.resultType === "input_required"; round++) {
			assert.ok(round < 3);
			const answers = Object.fromEntries(Object.entries(result.inputRequests).map(([name, { params }]) => {
				const [, team] = params.message.match(/^Team (\w)/);
				decisions[team].push(team === "c" ? "deny" : "allow once");
				return [name, accept(decisions[team].at(-1), "no")];
			}));
			({ result } = await call("broadcast_message", args, { requestState: result.requestState, inputResponses: answers }));
		}
		assert.deepEqual(decisions, { c: ["deny"], d: ["allow once"] });
		assert.deepEqual((await ctl.all()).map((r) => `${r.team} ${r.state}`).sort(), ["c denied", "d allowed"]);
	});

	test("answered elsewhere while the form is open: the repetition gets the answer", async () => {
		await begin();
		const form = only((await call("ask_message", ARGS)).result);
		await ctl.answer(await ctl.pending(), "allow");
		await waitFor(async () => (await iris.json(["message", "list"])).messages.every((m) => m.state === "answered"), { what: "the end", every: 25 });
		assert.match(textOf(await repeat(form, accept("deny"))), /was-run/);
		const [row] = await ctl.all();
		assert.deepEqual([row.state, row.via], ["allowed", "cli"]);
	});

	test("closed: the call waits on, and the request is answered elsewhere", async () => {
		await begin();
		const form = only((await call("ask_message", ARGS)).result);
		const answer = repeat(form, { action: "cancel" });
		const p = await ctl.pending();
		await waitFor(() => iris.log().includes(`permission form: no answer, it goes on waiting id=${p.id}`), { what: "irisd to know" });
		await ctl.answer(p, "allow");
		assert.match(textOf(await answer), /was-run/);
	});

	test("irisd is killed between the two: the repetition is asked anew, about the same request", async () => {
		await begin();
		const form = only((await call("ask_message", ARGS)).result);
		const p = await ctl.pending();
		await iris.kill();
		/* The shim starts the next one; the old form's answer is to a question that it has not asked. */
		const again = only((await repeat(form, accept("deny"))).result);
		ctl = await control();
		assert.equal((await ctl.pending()).id, p.id);
		assert.ok(again.params.message.includes(p.id));
		assert.match(textOf(await repeat(again, accept("allow once"))), /was-run/);
		assert.deepEqual((await ctl.all()).map((r) => [r.id, r.state]), [[p.id, "allowed"]]);
		assert.equal((await iris.json(["message", "list"])).messages.length, 2, "nothing was sent twice");
	});

	test("irisd is killed twice, and the answer is there at last: the repetition gets it", async () => {
		await begin();
		const form = only((await call("ask_message", ARGS)).result);
		await iris.kill();
		const again = only((await repeat(form, { action: "cancel" })).result);
		ctl = await control();
		const { pid } = await iris.json(["status"]);
		process.kill(pid, "SIGKILL");
		const third = only((await repeat(again, { action: "cancel" })).result);
		ctl = await control();
		await ctl.answer(await ctl.pending(), "allow");
		await waitFor(async () => (await iris.json(["message", "list"])).messages.every((m) => m.state === "answered"), { what: "the end", every: 25 });
		assert.match(textOf(await repeat(third, accept("deny"))), /was-run/);
		assert.equal((await iris.json(["message", "list"])).messages.length, 2);
	});
});
