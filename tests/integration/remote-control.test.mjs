/* SPDX-License-Identifier: MIT
 *
 * iris/remote.list, .check and .trust against workers that the test plays: what they are asked, what
 * comes of their answers, and that nobody waits for nothing when there is none.
 */
import { afterEach, describe, test } from "node:test";
import { bare, call, items, members, page, section, sorted } from "../docs/mdoc.mjs";
import { event, failure, makeStage, result, useFakeWorkers } from "../lib/fake-worker.mjs";
import { assert, connectRaw, makeIris, within, waitFor } from "./setup.mjs";

useFakeWorkers();

const SHA = `SHA256:${"a".repeat(43)}`;
const STEPS = [{ name: "resolve", ok: true, ms: 1, detail: "127.0.0.1" }, { name: "connect", ok: true, ms: 2, detail: "port 22" }];
let iris, stage, c, id = 0;

const start = async (teams) => {
	iris = makeIris(teams);
	stage = await makeStage(iris.root);
	Object.assign(iris.env, stage.env);
	await iris.start();
	c = await connectRaw(iris, { role: "ctl" });
};
const far = (more) => ({ path: "~/src/the app", remote: "ssh -p 2222 deploy@app.example.org", ...more });
const ask = (method, params = {}, connection = c) => connection.request(`iris/${method}`, params, { id: (id += 1), deadline: 60000 });
const asked = async (method, params) => {
	const { result: r, error } = await ask(method, params);
	assert.equal(error, undefined, JSON.stringify(error));
	return r;
};
const refused = async (method, params) => {
	const { result: r, error } = await ask(method, params);
	assert.equal(r, undefined, JSON.stringify(r));
	return { code: error.data.code, message: error.message };
};
const running = async () => (await asked("daemon.status")).workers.length;

afterEach(async () => {
	c.socket.destroy();
	stage.close();
	await iris.stop();
});

describe("remote.list", () => {
	test("teams on other machines, with host and transport, and no others", async () => {
		await start({ near: {}, far: far(), other: far({ remote: "alias", ssh2: true }) });
		const { teams, ...rest } = await asked("remote.list");
		assert.deepEqual(rest, {});
		assert.deepEqual(teams.map((t) => [t.name, t.remote, t.host, t.transport, t.path, t.status]), [
			["far", "ssh -p 2222 deploy@app.example.org", "app.example.org", "ssh", "~/src/the app", "asleep"],
			["other", "alias", "alias", "iris-ssh", "~/src/the app", "asleep"],
		]);
	});
});

describe("remote.check", () => {
	test("the worker gets what it needs, its answer is passed on, and it is not kept", async () => {
		await start({ far: far({ claudePath: "~/bin/claude", env: { FOO: "bar" }, remoteOptions: { connectTimeout: 2500, identity: "/tmp/iris-key" } }) });
		const answer = asked("remote.check", { team: "far" });
		const w = await stage.next();
		assert.equal(w.team, "far");
		const check = await w.request("worker/check");
		const { remote, ...rest } = check.params;
		assert.deepEqual(rest, { cwd: "~/src/the app", claudePath: "~/bin/claude", env: { FOO: "bar" }, tunnel: false });
		assert.deepEqual(remote.args, ["-p", "2222"]);
		assert.equal(remote.dest, "deploy@app.example.org");
		assert.equal(remote.identity, "/tmp/iris-key");
		assert.equal(remote.connectTimeout, 2500);
		w.send(result(check, { steps: STEPS, ok: true, nonsense: 1 }));
		assert.deepEqual(await answer, { team: "far", host: "app.example.org", path: "~/src/the app", steps: STEPS, ok: true });
		await w.request("worker/stop");
		w.socket.destroy();
	});

	test("by the worker of a team that is awake, which goes on", async () => {
		await start({ far: far() });
		const wake = ask("team.wake", { team: "far" });
		const w = await stage.next();
		const open = await w.request("worker/open");
		w.send(result(open, { pid: w.pid, readyMs: 1, version: "test" }));
		assert.equal((await wake).error, undefined);
		for (let i = 0; i < 2; i++) {
			const answer = asked("remote.check", { team: "far" });
			w.send(result(await w.request("worker/check"), { steps: STEPS, ok: true }));
			assert.equal((await answer).ok, true);
		}
		assert.equal(await running(), 1);
		assert.ok(!w.got.some((l) => l.method === "worker/stop"));
		w.socket.destroy();
	});

	test("many at once, answered in another order: each gets its own", async () => {
		await start({ far: far(), other: far({ remote: "alias" }) });
		const one = asked("remote.check", { team: "far" }), two = asked("remote.check", { team: "far" }), three = asked("remote.check", { team: "other" });
		const a = await stage.next(), b = await stage.next();
		const [x, y] = a.team === "far" ? [a, b] : [b, a];
		const first = await x.request("worker/check"), second = await x.request("worker/check"), third = await y.request("worker/check");
		y.send(result(third, { steps: [], ok: true }));
		x.send(result(second, { steps: [STEPS[1]], ok: true }), result(first, { steps: [STEPS[0]], ok: true }));
		assert.deepEqual((await one).steps, [STEPS[0]]);
		assert.deepEqual((await two).steps, [STEPS[1]]);
		assert.deepEqual(await three, { team: "other", host: "alias", path: "~/src/the app", steps: [], ok: true });
		for (const w of [x, y])
			w.socket.destroy();
	});

	test("while the line is lost, one that finds all well has it tried at once", async () => {
		await start({ near: {}, far: far() });
		const sent = await asked("message.send", { to: "far", message: "hello", timeout: -1 });
		let w = await stage.next();
		const open = await w.request("worker/open");
		w.send(result(open, { pid: w.pid, readyMs: 1, version: "test" }));
		await w.request("worker/turn");
		w.send(event("exit", open, { pid: w.pid, how: "exit", status: 255, expected: false, stderr: "", line: true, reason: "cut by the test" }));
		/* The third try is three seconds off, at least. */
		for (let i = 0; i < 2; i++)
			w.send(failure(await w.request("worker/lookup"), "line", "no route"));
		const { line } = await waitFor(async () => {
			const t = (await asked("remote.list")).teams[0];
			return t.line?.nextTry > Date.now() + 500 ? t : undefined;
		}, { what: "the third try to be announced" });
		assert.equal(line.why, "no route");
		const answer = asked("remote.check", { team: "far" });
		w.send(result(await w.request("worker/check"), { steps: STEPS, ok: true }));
		assert.equal((await answer).ok, true);
		w.send(result(await w.request("worker/lookup"), { state: "answered", answer: "hi", line: 3 }));
		assert.ok(Date.now() < line.nextTry, "the look-up came at once, not when its time had come");
		const m = await asked("message.show", { id: sent.id, wait: 20000 });
		assert.deepEqual([m.state, m.response], ["answered", "hi"]);
		w.socket.destroy();
	});

	test("a refusal of the worker's, and a worker that dies, end it with the reason", async () => {
		await start({ far: far() });
		let answer = refused("remote.check", { team: "far" });
		let w = await stage.next();
		w.send(failure(await w.request("worker/check"), "invalid", "no such directory for sockets"));
		assert.deepEqual(await answer, { code: "invalid", message: "no such directory for sockets" });
		await w.request("worker/stop");
		w.socket.destroy();
		await waitFor(async () => (await running()) === 0, { what: "the worker to be gone" });
		answer = refused("remote.check", { team: "far" });
		w = await stage.next();
		await w.request("worker/check");
		w.socket.destroy();
		const lost = await within(20000, answer, "the refusal");
		assert.equal(lost.code, "unavailable");
		assert.match(lost.message, /^the team's iris-worker ended .*before it had an answer$/);
	});

	test("who has asked goes away, and the team as well: the answer is nobody's", async () => {
		await start({ near: {}, far: far() });
		const other = await connectRaw(iris, { role: "ctl" });
		ask("remote.check", { team: "far" }, other).catch(() => {});
		const w = await stage.next();
		const check = await w.request("worker/check");
		other.socket.destroy();
		iris.setTeams({ near: {} });
		await asked("config.reload");
		w.send(result(check, { steps: STEPS, ok: true }));
		await w.request("worker/stop");
		w.socket.destroy();
		assert.deepEqual((await asked("remote.list")).teams, []);
	});

	test("irisd that stops meanwhile says so", async () => {
		await start({ far: far() });
		const answer = refused("remote.check", { team: "far" });
		const w = await stage.next();
		await w.request("worker/check");
		const stopped = iris.iris(["stop"]);
		await w.request("worker/stop");
		w.socket.destroy();
		assert.equal((await answer).code, "unavailable");
		assert.equal((await stopped).status, 0);
	});

	test("local teams and unknown ones are refused", async () => {
		await start({ near: {}, far: far() });
		assert.match((await refused("remote.check", { team: "near" })).message, /is on this machine/);
		assert.equal((await refused("remote.check", { team: "fat" })).code, "not_found");
		assert.equal((await refused("remote.check", {})).code, "invalid");
		assert.equal((await refused("remote.check", { team: 1 })).code, "invalid");
		assert.equal(await running(), 0);
	});
});

describe("remote.trust", () => {
	const keys = { host: "app", keys: [{ type: "ssh-ed25519", fingerprint: SHA }], state: "unknown", recorded: false, file: "/home/me/.ssh/known_hosts" };

	test("of a team's host: asked with its options, then recorded", async () => {
		await start({ far: far({ remoteOptions: { port: 2200 } }) });
		for (const record of [undefined, SHA]) {
			const answer = asked("remote.trust", { team: "far", record });
			const w = await stage.next();
			const trust = await w.request("worker/trust");
			assert.equal(trust.params.remote.port, 2200);
			assert.equal(trust.params.record, record);
			w.send(result(trust, { ...keys, recorded: record !== undefined }));
			assert.deepEqual(await answer, { ...keys, team: "far", recorded: record !== undefined });
			await w.request("worker/stop");
			w.socket.destroy();
			await waitFor(async () => (await running()) === 0, { what: "the worker to be gone" });
		}
	});

	test("the answer is what iris-protocol(7) says", async () => {
		await start({ far: far() });
		const answer = asked("remote.trust", { team: "far" });
		const w = await stage.next();
		w.send(result(await w.request("worker/trust"), { ...keys, more: 1 }));
		const { keys: list, ...rest } = await answer;
		const { body } = items(section(page("iris-protocol.7"), "CONTROL METHODS")).find((i) => call(i.head).name === "iris/remote.trust");
		assert.deepEqual(sorted(["keys", ...Object.keys(rest), ...Object.keys(list[0])]), sorted(bare(members(body))));
		await w.request("worker/stop");
		w.socket.destroy();
	});

	test("of any host: with no options but its name, by whatever worker", async () => {
		await start({ near: {} });
		const answer = asked("remote.trust", { host: "me@app" });
		const w = await stage.next();
		const { params: { remote }, id: call } = await w.request("worker/trust");
		assert.deepEqual([remote.args, remote.dest, remote.host, remote.ssh2, remote.strictHostKeyChecking, remote.connectTimeout], [[], "me@app", "app", false, true, 10000]);
		assert.ok(!("identity" in remote) && !("port" in remote));
		w.send(result({ id: call }, keys));
		assert.deepEqual(await answer, keys);
		await w.request("worker/stop");
		w.socket.destroy();
	});

	test("of a host at which a team is: by that team's options, unless there are several ways", async () => {
		const other = far({ remote: "ssh me@app.example.org", remoteOptions: { port: 44 } });
		await start({ near: {}, far: far({ remoteOptions: { port: 2200 } }) });
		for (const host of ["app.example.org", "deploy@app.example.org"]) {
			const answer = asked("remote.trust", { host });
			const w = await stage.next();
			assert.equal(w.team, "far");
			const trust = await w.request("worker/trust");
			assert.equal(trust.params.remote.port, 2200);
			w.send(result(trust, keys));
			assert.deepEqual(await answer, { ...keys, team: "far" });
			await w.request("worker/stop");
			w.socket.destroy();
			await waitFor(async () => (await running()) === 0, { what: "the worker to be gone" });
		}
		iris.setTeams({ far: far({ remoteOptions: { port: 2200 } }), other });
		await asked("config.reload");
		const r = await refused("remote.trust", { host: "app.example.org" });
		assert.equal(r.code, "invalid");
		assert.match(r.message, /teams far and other are on app\.example\.org and reach it in different ways; name the team/);
	});

	test("what ssh could take for something else is no host", async () => {
		await start({ near: {} });
		for (const host of ["", "-oProxyCommand=id", "me@-oProxyCommand=id", "-p", "a b", "a\nb", "a;id", "$(id)", "ssh a"])
			assert.equal((await refused("remote.trust", { host })).code, "invalid", host);
		assert.equal((await refused("remote.trust", { host: "a", team: "near" })).code, "invalid");
		assert.match((await refused("remote.trust", { team: "near" })).message, /is on this machine/);
		assert.equal((await refused("remote.trust", {})).code, "invalid");
		assert.equal(await running(), 0, "nobody was asked");
	});

	test("without any team there is nobody to ask", async () => {
		await start({});
		const r = await refused("remote.trust", { host: "app" });
		assert.equal(r.code, "not_found");
		assert.match(r.message, /iris team add/);
	});

	test("an agent may look at a key, and not have one recorded", async () => {
		await start({ near: {}, far: far() });
		ask("team.wake", { team: "near" }).catch(() => {});
		const near = await stage.next();
		const open = await near.request("worker/open");
		near.send(result(open, { pid: near.pid, readyMs: 1, version: "test" }));
		/* As if that Claude had started it. */
		const env = { IRIS_CLAUDE: open.params.instance };
		const asks = [];
		stage.onWorker = async (w) => {
			const trust = await w.request("worker/trust");
			asks.push(trust.params.record);
			w.send(result(trust, keys));
			await w.request("worker/stop").catch(() => {});
			w.socket.destroy();
		};
		const r = await iris.iris(["--json", "remote", "trust", "far", "--yes"], { env });
		assert.equal(r.status, 4, r.stdout);
		assert.equal(JSON.parse(r.stdout).error.code, "refused");
		assert.deepEqual(asks, [undefined], "its worker was not even asked to");
		near.socket.destroy();
	});

	test("a worker that never answers is not waited for for ever", async () => {
		await start({ far: far({ remoteOptions: { connectTimeout: 1 } }) });
		const answer = refused("remote.trust", { team: "far" });
		const w = await stage.next();
		const trust = await w.request("worker/trust");
		const late = await within(60000, answer, "the time limit");
		assert.deepEqual(late, { code: "timeout", message: "asking for the key of app.example.org took longer than 15 s; irisd's log may tell why" });
		w.send(result(trust, keys));
		await w.request("worker/stop");
		w.socket.destroy();
	});
});
