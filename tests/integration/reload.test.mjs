/* SPDX-License-Identifier: MIT
 *
 * The configuration changes while irisd runs: by iris team add and remove, by hand with iris reload,
 * iris/config.reload or SIGHUP. A bad file changes nothing.
 */
import { readFileSync, readlinkSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { assert, claudes, connectRaw, daemons, failedCall, makeGate, makeIris, quick, status, waitFor } from "./setup.mjs";

describe("reloading the configuration", () => {
	let iris, config;

	const write = (teams, settings = "") => writeFileSync(config,
		`dashboard: {enabled: false} # kept\nsettings:\n  claudePath: ${fakeClaudePath()}\n  stopTimeout: 4000\n${settings}teams:\n${teams.map((t) =>
			`  ${t}:\n    path: ${iris.project(t)}\n    description: the ${t} project\n`).join("")}`);
	const reload = async () => {
		const raw = await connectRaw(iris, { role: "ctl" });
		const r = await raw.request("iris/config.reload", {});
		raw.socket.destroy();
		return r;
	};

	beforeEach(async () => {
		iris = makeIris();
		config = join(iris.home, "config.yaml");
		write(["asker", "b"]);
		await iris.start();
	});
	afterEach(() => iris.stop());

	const names = async () => (await iris.json(["team", "list"])).teams.map((t) => t.name);

	test("those who watch irisd are told what has changed, and why nothing did, whoever had it read", async () => {
		const watch = await connectRaw(iris, { role: "ctl" }), other = await connectRaw(iris, { role: "ctl" });
		watch.send({ jsonrpc: "2.0", id: "w", method: "iris/daemon.watch" });
		await watch.request("iris/daemon.status", {});
		const event = (fits) => watch.line((l) => l.method === "iris/config.event" && fits(l.params), { what: `an event: ${fits}` });
		write(["asker", "c"], "  maxProcesses: 3\n");
		const { result } = await reload();
		const { params } = await event((p) => p.added?.includes("c"));
		assert.deepEqual(params, { added: result.added, removed: result.removed, changed: result.changed, settings: result.settings });
		assert.deepEqual([params.added, params.removed, params.changed], [["c"], ["b"], []]);
		assert.deepEqual(params.settings, [{ name: "settings.maxProcesses", old: "10", new: "3" }]);
		/* By a signal. */
		write(["asker", "b", "c"], "  maxProcesses: 3\n");
		process.kill(iris.daemon.pid, "SIGHUP");
		assert.deepEqual((await event((p) => p.added?.includes("b"))).params, { added: ["b"], removed: [], changed: [], settings: [] });
		writeFileSync(config, "teams: [\n");
		assert.notEqual((await reload()).error, undefined);
		assert.match((await event((p) => p.error !== undefined)).params.error, /config\.yaml:\d+/);
		assert.equal(watch.got.filter((l) => l.id === "w").length, 0);
		assert.equal(other.got.filter((l) => l.method !== undefined).length, 0, "who has not asked is told nothing");
		for (const c of [watch, other])
			c.socket.destroy();
	});

	test("iris team add: known at once to clients that are connected; the file keeps its comments", async () => {
		const client = await iris.client({ cwd: join(iris.root, "work/asker") });
		assert.equal((await failedCall(iris, client, "ask_message", { toTeam: "c", message: "x" })).code, "not_found");
		const r = await iris.iris(["team", "add", "c", iris.project("c")]);
		assert.equal(r.status, 0, r.stderr);
		assert.equal((await iris.call(client, "ask_message", { toTeam: "c", message: "ECHO new" })).response, "new");
		assert.deepEqual((await iris.call(client, "list_teams")).teams.map((t) => t.name), ["asker", "b", "c"]);
		assert.match(readFileSync(config, "utf8"), /^dashboard.* # kept\n/);
	});

	test("who asked as a guest is the team once its directory is one", async () => {
		const cwd = iris.project("late");
		const client = await iris.client({ cwd });
		assert.match((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO 1" })).from, /^guest:late-/);
		await iris.json(["team", "add", "late", cwd]);
		assert.equal((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO 2" })).from, "late");
	});

	test("a call that is repeated under another name is the same message", async () => {
		const cwd = iris.project("late");
		const client = await iris.client({ cwd });
		const cli = await connectRaw(iris, { role: "ctl", cwd });
		const sent = async () => [
			(await iris.call(client, "quick_message", { toTeam: "b", message: "ECHO 1", idempotencyKey: "k" })).messageId,
			(await cli.request("iris/message.send", { to: "b", message: "ECHO 2", idempotencyKey: "l", timeout: -1 })).result.id,
		];
		const first = await sent();
		await iris.json(["team", "add", "late", cwd]);
		assert.deepEqual(await sent(), first, "a guest has become a team");
		assert.equal((await iris.iris(["team", "remove", "late", "--yes"])).status, 0);
		await iris.json(["team", "add", "later", cwd]);
		assert.deepEqual(await sent(), first, "the team has another name");
		/* Another directory's keys are its own. */
		const other = await iris.client({ cwd: join(iris.root, "work/asker") });
		const theirs = await iris.call(other, "quick_message", { toTeam: "b", message: "ECHO 1", idempotencyKey: "k" });
		assert.ok(!first.includes(theirs.messageId));
		for (const id of [...first, theirs.messageId])
			await iris.messageIn(id, "answered");
		cli.socket.destroy();
	});

	test("iris team remove: the idle process ends, and the team is unknown; added again, the conversation goes on", async () => {
		const client = await iris.client({ cwd: join(iris.root, "work/asker") });
		await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO x" });
		const session = (await iris.call(client, "team_status", { team: "b" })).teams[0].sessionId;
		assert.equal((await iris.iris(["team", "remove", "b", "--yes"])).status, 0);
		await waitFor(() => claudes(iris).length === 0, { what: "the removed team's process to end" });
		assert.deepEqual(await names(), ["asker"]);
		assert.equal((await failedCall(iris, client, "ask_message", { toTeam: "b", message: "x" })).code, "not_found");
		await iris.json(["team", "add", "b", join(iris.root, "work/b")]);
		assert.match((await iris.call(client, "ask_message", { toTeam: "b", message: "ARGS" })).response, new RegExp(`--resume[ =]${session}`));
	});

	test("a file that is empty or gone for a moment takes no team away, and is watched on", async () => {
		const client = await iris.client({ cwd: join(iris.root, "work/asker") });
		const gate = makeGate(iris);
		await iris.messageIn(await quick(iris, client, "b", gate.hold), "seen");
		const queued = await quick(iris, client, "b", "ECHO still here");
		write(["asker", "b"], "  hotReloadConfig: true\n");
		await reload();
		writeFileSync(config, "");
		await waitFor(() => /not reloaded: .*config\.yaml is empty/.test(iris.log()), { what: "the empty file to be seen" });
		assert.match((await reload()).error.message, /is empty; what it said stays in force/);
		unlinkSync(config);
		await waitFor(() => /not reloaded: .*config\.yaml is gone/.test(iris.log()), { what: "the missing file to be seen" });
		assert.deepEqual(await names(), ["asker", "b"]);
		write(["asker", "b", "c"], "  hotReloadConfig: true\n");
		await waitFor(async () => (await names()).length === 3, { what: "the next file to be read" });
		/* What is watched has changed three times: its old descriptors are closed, and no other one. */
		assert.equal(readlinkSync(`/proc/${(await status(iris)).pid}/fd/0`), "/dev/null");
		gate.open();
		assert.equal((await iris.messageIn(queued, "answered")).response, "still here");
		writeFileSync(config, "teams: {}\n");
		await reload();
		assert.deepEqual(await names(), []);
	});

	test("a team that is removed at work ends its turn; what was queued fails with the reason", async () => {
		const client = await iris.client({ cwd: join(iris.root, "work/asker") });
		const gate = makeGate(iris);
		const first = await quick(iris, client, "b", gate.hold);
		await iris.messageIn(first, "seen");
		const second = failedCall(iris, client, "ask_message", { toTeam: "b", message: "ECHO never" });
		await waitFor(async () => (await status(iris)).messages.queued === 1);
		write(["asker"]);
		assert.deepEqual((await reload()).result.removed, ["b"]);
		const r = await second;
		assert.equal(r.code, "not_found");
		assert.match(r.error, /removed from the configuration/);
		gate.open();
		assert.equal((await iris.messageIn(first, "answered", "failed")).response, "held");
		await waitFor(() => claudes(iris).length === 0, { what: "the process of the removed team to end" });
	});

	test("config.reload tells what was added, removed and changed", async () => {
		write(["asker", "b", "c"]);
		let r = (await reload()).result;
		assert.deepEqual([r.added, r.removed, r.changed], [["c"], [], []]);
		write(["asker", "c"], "  idleTimeout: 12345\n");
		r = (await reload()).result;
		assert.deepEqual([r.added, r.removed, r.changed], [[], ["b"], ["asker", "c"]]);
		r = (await reload()).result;
		assert.deepEqual([r.added, r.removed, r.changed, r.warnings], [[], [], [], []]);
		write(["asker", "c"], "  idleTimeout: 12345\n  frobnicate: 1\n");
		assert.match((await reload()).result.warnings[0], /config\.yaml:6:3: .*frobnicate/);
	});

	test("a bad file changes nothing and says where it is bad", async () => {
		const good = readFileSync(config, "utf8");
		writeFileSync(config, good.replace("description: the b project", "description: the b project\n    idleTimeout: [1]"));
		const { error } = await reload();
		assert.equal(error.data.code, "config");
		assert.match(error.message, /config\.yaml:12:18: .*idleTimeout/);
		assert.deepEqual(await names(), ["asker", "b"]);
		assert.equal((await iris.json(["ask", "b", "ECHO still here"])).response, "still here");
		writeFileSync(config, good);
		assert.ok((await reload()).result);
	});

	test("iris reload: tells what has changed, that nothing has, and where a file is bad", async () => {
		const run = (...args) => iris.iris(["reload", ...args]), none = { added: [], removed: [], changed: [], settings: [], warnings: [] };
		let r = await run();
		assert.deepEqual([r.status, r.stdout], [0, "nothing has changed\n"], r.stderr);
		assert.deepEqual(await iris.json(["reload"]), none);
		write(["asker", "c"], "  maxProcesses: 3\n  frobnicate: 1\n");
		r = await run();
		assert.equal(r.status, 0, r.stderr);
		const lines = r.stdout.trimEnd().split("\n");
		assert.deepEqual(lines.slice(0, 3), ["+ team c", "- team b", "~ settings.maxProcesses: 10 -> 3"]);
		assert.match(lines[3], /^warning: .*config\.yaml:6:3: .*frobnicate/);
		assert.equal(lines.length, 4);
		assert.deepEqual(await names(), ["asker", "c"]);
		write(["asker", "c"], "  maxProcesses: 3\n  idleTimeout: 12345\n");
		assert.deepEqual(await iris.json(["reload"]), { ...none, changed: ["asker", "c"], settings: [{ name: "settings.idleTimeout", old: "3600000", new: "12345" }] });
		const good = readFileSync(config, "utf8");
		writeFileSync(config, good.replace("idleTimeout: 12345", "idleTimeout: soon"));
		r = await run();
		assert.deepEqual([r.status, r.stdout], [78, ""]);
		assert.match(r.stderr, /nothing has changed, .*config\.yaml:6:16: .*idleTimeout/);
		r = await run("--json");
		assert.equal(r.status, 78);
		assert.equal(JSON.parse(r.stdout).error.code, "config");
		writeFileSync(config, `${good}database: {path: other.db}\n`);
		assert.match((await run()).stdout, /^~ database\.path: .* -> other\.db \(from the next "iris restart" on\)\n$/);
		writeFileSync(config, good);
		await iris.json(["stop"]);
		r = await run();
		assert.equal(r.status, 5, "it starts none");
		assert.match(r.stderr, /irisd/);
		assert.equal(daemons(iris).length, 0);
	});

	test("a file that was changed by hand and not read again: iris status says so until it is", async () => {
		const warnings = async () => (await iris.json(["status"])).warnings;
		assert.deepEqual(await warnings(), []);
		write(["asker", "b", "c"]);
		const [first, ...more] = await warnings();
		assert.match(first, /config\.yaml has changed since irisd read it; "iris reload"/);
		assert.deepEqual(more, []);
		await reload();
		assert.deepEqual(await warnings(), []);
		writeFileSync(config, "teams: [broken");
		assert.notEqual((await reload()).error, undefined);
		assert.equal((await warnings()).length, 1, "what is wrong with it, and not that it has changed as well");
		write(["asker", "b"], "  hotReloadConfig: true\n");
		await reload();
		write(["asker", "b", "c"], "  hotReloadConfig: true\n");
		assert.deepEqual(await warnings(), [], "it is read by itself");
	});

	test("SIGHUP reloads; with a bad file irisd goes on with the old one", async () => {
		write(["asker", "b", "hup"]);
		iris.daemon.kill("SIGHUP");
		await waitFor(async () => (await names()).includes("hup"));
		writeFileSync(config, "teams: [broken");
		iris.daemon.kill("SIGHUP");
		await waitFor(() => /configuration not reloaded: .*config\.yaml:\d+:\d+: /.test(iris.log()), { what: "the log to say so" });
		assert.deepEqual(await names(), ["asker", "b", "hup"]);
		assert.equal((await iris.json(["ask", "hup", "ECHO fine"])).response, "fine");
		write(["asker", "b"]);
	});

	test("more slots: who waited for one gets it", async () => {
		write(["asker", "b", "c"], "  maxProcesses: 1\n");
		await reload();
		const client = await iris.client({ cwd: join(iris.root, "work/asker") });
		const gate = makeGate(iris);
		const b = await quick(iris, client, "b", gate.hold);
		await iris.messageIn(b, "seen");
		const c = await quick(iris, client, "c", "ECHO c");
		await waitFor(async () => (await status(iris)).pool.waiting === 1);
		write(["asker", "b", "c"], "  maxProcesses: 2\n");
		await reload();
		assert.equal((await iris.messageIn(c, "answered")).response, "c");
		gate.open();
		await iris.messageIn(b, "answered");
	});

	test("fewer slots: the longest idle give way at once, who is at work after its turn", async () => {
		write(["asker", "b", "c", "d"]);
		await reload();
		const client = await iris.client({ cwd: join(iris.root, "work/asker") }), gates = [makeGate(iris, "gate-b"), makeGate(iris, "gate-d")];
		const awake = async () => (await status(iris)).sessions.filter((s) => s.state !== "asleep").map((s) => s.to).sort().join();
		for (const to of ["c", "b", "d"])
			await iris.call(client, "ask_message", { toTeam: to, message: "ECHO awake" });
		write(["asker", "b", "c", "d"], "  maxProcesses: 2\n");
		await reload();
		await waitFor(async () => (await awake()) === "b,d", { what: "c, the longest idle, to give way" });
		const held = [await quick(iris, client, "b", gates[0].hold), await quick(iris, client, "d", gates[1].hold)];
		for (const id of held)
			await iris.messageIn(id, "seen");
		write(["asker", "b", "c", "d"], "  maxProcesses: 1\n");
		await reload();
		assert.equal((await status(iris)).pool.active, 2, "a turn is not ended for it");
		gates[0].open();
		assert.equal((await iris.messageIn(held[0], "answered", "failed")).response, "held");
		await waitFor(async () => (await awake()) === "d", { what: "b to give way after its turn" });
		gates[1].open();
		assert.equal((await iris.messageIn(held[1], "answered", "failed")).response, "held");
		assert.equal((await iris.call(client, "ask_message", { toTeam: "d", message: "ECHO still here" })).response, "still here");
		assert.equal(await awake(), "d");
	});

	describe("settings.hotReloadConfig", () => {
		const HOT = "  hotReloadConfig: true\n";
		const known = (name) => waitFor(async () => (await names()).includes(name), { what: `team ${name} to be known` });

		beforeEach(async () => {
			write(["asker", "b"], HOT);
			await reload();
		});

		test("a file that is written in place, and one that takes its place", async () => {
			write(["asker", "b", "inplace"], HOT);
			await known("inplace");
			const good = readFileSync(config, "utf8");
			writeFileSync(`${config}.new`, `${good}  renamed:\n    path: ${iris.project("renamed")}\n`);
			renameSync(`${config}.new`, config);
			await known("renamed");
			write(["asker", "b", "after"], HOT);
			await known("after");
			write(["asker", "b"]);
			await waitFor(async () => !(await names()).includes("after"));
			assert.match(iris.log(), /settings\.hotReloadConfig changed old=true new=false/);
		});

		test("what a link leads to, and .env", async () => {
			const target = join(iris.project("dotfiles"), "iris.yaml");
			writeFileSync(target, readFileSync(config));
			unlinkSync(config);
			symlinkSync(target, config);
			await waitFor(() => iris.log().match(/configuration reloaded/g).length === 2, { what: "the link to be seen" });
			writeFileSync(target, `${readFileSync(target, "utf8")}  linked:\n    path: ${iris.project("linked")}\n    description: \${IRIS_T_TEXT:-nothing}\n`);
			await known("linked");
			writeFileSync(join(iris.home, ".env"), "IRIS_T_TEXT=from the file\n", { mode: 0o600 });
			await waitFor(async () => (await iris.json(["team", "list"])).teams.find((t) => t.name === "linked").description === "from the file");
		});

		test("a bad file: said once, a warning in the status until it is mended", async () => {
			const good = readFileSync(config, "utf8");
			/* At once: nobody sees it empty. */
			const put = (text) => {
				writeFileSync(`${config}.new`, text);
				renameSync(`${config}.new`, config);
			};
			put("teams: [broken");
			await waitFor(async () => (await status(iris)).warnings.some((w) => /config\.yaml:\d+:\d+: /.test(w)), { what: "the warning" });
			put("teams: [broken");
			assert.equal((await reload()).error.data.code, "config");
			assert.equal(iris.log().match(/configuration not reloaded/g).length, 1);
			assert.deepEqual(await names(), ["asker", "b"]);
			writeFileSync(config, good);
			await waitFor(async () => (await status(iris)).warnings.length === 0, { what: "the warning to go" });
		});
	});

	test("changed settings are told by name; the database needs a restart", async () => {
		write(["asker", "b"], "  maxQueue: 7\n  logLevel: debug\ndatabase:\n  path: other.db\n");
		const r = (await reload()).result;
		assert.deepEqual(r.settings, [
			{ name: "settings.maxQueue", old: "1000", new: "7" },
			{ name: "settings.logLevel", old: "info", new: "debug" },
			{ name: "database.path", old: "iris.db", new: "other.db" },
		]);
		assert.equal(iris.log().match(/database\.path has changed: .*started again/g).length, 1);
		assert.deepEqual((await reload()).result.settings, []);
	});

	test("the workers that run log by the new level", async () => {
		assert.equal((await iris.json(["ask", "b", "ECHO x"])).response, "x");
		assert.doesNotMatch(iris.log(), / debug iris-worker/);
		write(["asker", "b"], "  logLevel: debug\n");
		await reload();
		await iris.json(["ask", "b", "ECHO y"]);
		await waitFor(() => / debug iris-worker/.test(iris.log()), { what: "a debug line of the worker" });
	});

	test("stopTimeout: a Claude that runs is stopped by the new one", async () => {
		const client = await iris.client({ cwd: join(iris.root, "work/asker") });
		const plain = () => readFileSync(config, "utf8");
		writeFileSync(config, plain().replace("stopTimeout: 4000", "stopTimeout: 12"));
		await reload();
		await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO x" });
		write(["asker", "b"]);
		await reload();
		/* Deaf to all but KILL, which comes when half of the time is over. */
		process.kill(claudes(iris)[0].pid, "SIGSTOP");
		const start = performance.now();
		await iris.call(client, "team_sleep", { team: "b" });
		assert.ok(performance.now() - start >= 1900, "KILL came by the old setting");
		assert.equal(claudes(iris).length, 0);
	});

	test("idleTimeout: what is idle already is stopped by the new one", async () => {
		await iris.json(["ask", "b", "ECHO x"]);
		assert.equal(claudes(iris).length, 1);
		write(["asker", "b"], "  idleTimeout: 200\n");
		await reload();
		await waitFor(() => claudes(iris).length === 0, { what: "the idle process to end" });
	});

	test("a team's model: an idle process is closed, a busy one after its turn; the conversation goes on", async () => {
		const client = await iris.client({ cwd: join(iris.root, "work/asker") });
		const ask = async (message) => (await iris.call(client, "ask_message", { toTeam: "b", message })).response;
		const model = async (name) => {
			write(["asker", "b"]);
			writeFileSync(config, `${readFileSync(config, "utf8")}    model: ${name}\n    permissionMode: plan\n    env:\n      IRIS_T_NEW: "${name}"\n`);
			assert.deepEqual((await reload()).result.changed, ["b"]);
		};
		await ask("ECHO x");
		const [{ pid }] = claudes(iris), session = (await iris.call(client, "team_status", { team: "b" })).teams[0].sessionId;
		await model("opus");
		await waitFor(() => !claudes(iris).some((p) => p.pid === pid), { what: "the idle process to end" });
		let args = await ask("ARGS");
		assert.match(args, /--model[ =]opus/);
		assert.match(args, /--permission-mode[ =]plan/);
		assert.match(args, new RegExp(`--resume[ =]${session}`));
		const gate = makeGate(iris), first = await quick(iris, client, "b", gate.hold);
		await iris.messageIn(first, "seen");
		const busy = claudes(iris)[0].pid;
		await model("haiku");
		const next = await quick(iris, client, "b", "ARGS");
		assert.equal(claudes(iris)[0].pid, busy);
		gate.open();
		assert.equal((await iris.messageIn(first, "answered")).response, "held");
		assert.match((await iris.messageIn(next, "answered")).response, /--model[ =]haiku/);
		assert.match(await ask("ENV IRIS_T_NEW"), /haiku/);
	});

	test("a team's directory: the next message begins a conversation there", async () => {
		const client = await iris.client({ cwd: join(iris.root, "work/asker") });
		const ask = async (message) => (await iris.call(client, "ask_message", { toTeam: "b", message })).response;
		await ask("ECHO x");
		const dir = iris.project("moved");
		writeFileSync(config, readFileSync(config, "utf8").replace(join(iris.root, "work/b"), dir));
		assert.deepEqual((await reload()).result.changed, ["b"]);
		assert.equal(await ask("ECHO there"), "there");
		assert.equal(readlinkSync(`/proc/${claudes(iris)[0].pid}/cwd`), dir);
		assert.match(iris.log(), /team has another directory, its conversations begin anew team=b/);
	});
});
