/* SPDX-License-Identifier: MIT
 *
 * Permission requests that a Claude, or what writes in its place, has made up to be read in two
 * ways: what a person was shown is what is allowed, and nothing else. The worker is played by the
 * test.
 */
import { afterEach, describe, test } from "node:test";
import { event, makeStage, result, turnResult, useFakeWorkers } from "../lib/fake-worker.mjs";
import { assert, connectRaw, HELLO, makeIris, quick, waitFor } from "./setup.mjs";

useFakeWorkers();

describe("a request that can be read in two ways", () => {
	let iris, stage, ctl, w, open, turn, message;

	const start = async (b = {}) => {
		iris = makeIris({ asker: {}, b });
		stage = await makeStage(iris.root);
		Object.assign(iris.env, stage.env);
		await iris.start();
		ctl = await connectRaw(iris, { role: "ctl", ...HELLO });
		const client = await iris.client({ cwd: iris.dirs.asker });
		message = await quick(iris, client, "b", "hello");
		w = await stage.next();
		open = await w.request("worker/open");
		w.send(result(open, { pid: w.pid, readyMs: 1, version: "test" }));
		turn = await w.request("worker/turn");
	};
	afterEach(async () => {
		w?.socket.destroy();
		stage.close();
		await iris.stop();
	});

	const call = async (method, params) => {
		const { result, error } = await ctl.request(`iris/${method}`, params);
		if (error)
			throw new Error(error.message);
		return result;
	};
	const pending = async () => (await call("permission.list")).permissions;
	const audit = async () => (await call("audit.list")).rows;
	/* input is the text itself. */
	const tell = (kind, request, input, tool = "Bash") =>
		w.socket.write(`{"jsonrpc":"2.0","method":"event/${kind}","params":{"session":${JSON.stringify(open.params.session)},` +
			`"message":"${message}","request":${JSON.stringify(request)},"tool":${JSON.stringify(tool)},"input":${input}}}\n`);
	const told = (method, request) => w.take((l) => l.method === method && l.params.request === request, `${method} ${request}`).then((l) => l.params);
	const one = () => waitFor(async () => (await pending())[0], { what: "a request", every: 25 });
	const allow = (p) => call("permission.answer", { id: p.id, behavior: "allow", inputHash: p.inputHash });

	const inputs = {
		"one name twice": '{"command":"echo safe","command":"rm -rf ~"}',
		"one name twice, written in two ways": '{"command":"echo safe","comm\\u0061nd":"rm -rf ~"}',
		"one name twice, deep inside": '{"command":"echo","more":[{"x":{"a":1,"b":2,"a":3}}]}',
		"a number that is none any more": '{"command":"echo","timeout":1e400}',
	};
	for (const [what, input] of Object.entries(inputs))
		test(`${what}: refused before anybody is asked, by whatever mode`, async () => {
			await start({ grantPermission: "yes" });
			tell("ask", "q1", input);
			const a = await told("worker/answer", "q1");
			assert.equal(a.behavior, "deny");
			assert.match(a.message, /Bash is not permitted: its input has/);
			tell("hook", "h1", input);
			const h = await told("worker/hook", "h1");
			assert.equal(h.decision, "deny");
			assert.match(h.reason, /its input has/);
			assert.deepEqual(await pending(), []);
			assert.deepEqual((await audit()).map((r) => [r.decision, r.via, r.tool]),
				[["denied", "input", "(unreadable)"], ["denied", "input", "(unreadable)"]]);
		});

	test("names that are no tool's: refused, and they are in no list, log or audit", async () => {
		await start();
		const names = ["", "Ba sh", "Bash\nallowed", "Bash\u001b[2J", "Ba\u202esh", "B".repeat(100000)];
		for (const [i, name] of names.entries()) {
			tell("ask", `q${i}`, "{}", name);
			assert.equal((await told("worker/answer", `q${i}`)).behavior, "deny");
			tell("hook", `h${i}`, "{}", name);
			assert.equal((await told("worker/hook", `h${i}`)).decision, "deny");
		}
		assert.deepEqual(await pending(), []);
		const rows = await audit();
		assert.equal(rows.length, 2 * names.length);
		assert.ok(rows.every((r) => r.tool === "(unreadable)"));
		assert.ok(!iris.log().includes("BBBBB"));
	});

	test("a request again with another input: only the first one is decided about", async () => {
		await start();
		tell("ask", "q1", '{"command":"echo safe"}');
		const p = await one();
		tell("ask", "q1", '{"command":"rm -rf ~"}');
		assert.match((await told("worker/answer", "q1")).message, /was made before, for something else/);
		assert.deepEqual(await pending(), [p], "the first one waits as before");
		await allow(p);
		assert.equal((await told("worker/answer", "q1")).behavior, "allow");
		for (const [input, tool] of [['{"command":"rm -rf ~"}', "Bash"], ['{"command":"echo safe"}', "Other"]]) {
			tell("ask", "q1", input, tool);
			assert.equal((await told("worker/answer", "q1")).behavior, "deny");
		}
		tell("ask", "q1", '{ "command" : "echo s\\u0061fe" }');
		assert.equal((await told("worker/answer", "q1")).behavior, "allow", "the same, after a loss of the connection");
		assert.deepEqual((await audit()).map((r) => r.decision), ["asked", "denied", "allowed", "denied", "denied"]);
	});

	test("a client asks the same twice at once: neither of its calls waits for nothing", async () => {
		await start();
		const client = await iris.client({ cwd: iris.dirs.asker });
		const approve = () => client.callTool({ name: "permissions__approve", arguments: { tool_name: "Write", input: { a: 1 }, tool_use_id: "toolu_1" } })
			.then((r) => JSON.parse(r.content[0].text));
		const first = approve(), p = await one(), second = approve();
		assert.match((await first).message, /was asked again/);
		assert.deepEqual(await pending(), [p]);
		await allow(p);
		assert.deepEqual(await second, { behavior: "allow", updatedInput: { a: 1 } });
	});

	test("inputs that fill a line: the list has what fits, says how many are left, and each is shown", async () => {
		await start();
		const big = JSON.stringify({ command: "x".repeat(3 << 20) });
		for (let i = 0; i < 8; i++)
			tell("ask", `q${i}`, big);
		await waitFor(async () => (await call("daemon.status")).permissions === 8, { what: "eight requests", deadline: 120000 });
		const list = await call("permission.list");
		assert.equal(list.permissions.length, 2);
		assert.equal(list.left, 6);
		for (const p of list.permissions) {
			const shown = (await call("permission.show", { id: p.id })).permission;
			assert.equal(shown.input.command.length, 3 << 20);
			await call("permission.answer", { id: p.id, behavior: "deny", inputHash: p.inputHash });
		}
		assert.equal((await call("permission.list")).left, 4);
	});

	test("its team is taken out of the configuration while it waits: the turn goes on, and is answered", async () => {
		await start();
		tell("ask", "q1", '{"command":"echo"}');
		const p = await one();
		iris.setTeams({ asker: {} });
		await call("config.reload");
		assert.equal((await one()).id, p.id);
		await allow(p);
		assert.equal((await told("worker/answer", "q1")).behavior, "allow");
		tell("ask", "q2", '{"command":"echo"}');
		const q = await one();
		assert.notEqual(q.id, p.id);
		w.send(turnResult(turn, "done"));
		assert.equal((await iris.messageIn(message, "answered")).response, "done");
		const close = await w.request("worker/close");
		w.send(event("exit", open, { pid: w.pid, how: "exit", status: 0, expected: true, stderr: "", reason: "exit 0" }), result(close));
		await waitFor(async () => (await pending()).length === 0, { what: "the end of the request", every: 25 });
		assert.equal((await call("permission.show", { id: q.id })).permission.state, "withdrawn");
		await assert.rejects(allow(q), /already withdrawn/);
	});
});
