/* SPDX-License-Identifier: MIT
 *
 * The configuration changes while irisd runs: by iris team add and remove, by hand with iris/config.reload
 * or SIGHUP. A bad file changes nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { assert, claudes, connectRaw, failedCall, makeGate, makeIris, quick, status, waitFor } from "./setup.mjs";

describe("reloading the configuration", () => {
	let iris, config;

	const write = (teams, settings = "") => writeFileSync(config,
		`# kept\nsettings:\n  claudePath: ${fakeClaudePath()}\n  stopTimeout: 4000\n${settings}teams:\n${teams.map((t) =>
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

	test("iris team add: known at once to clients that are connected; the file keeps its comments", async () => {
		const client = await iris.client({ cwd: join(iris.root, "work/asker") });
		assert.equal((await failedCall(iris, client, "ask_message", { toTeam: "c", message: "x" })).code, "not_found");
		const r = await iris.iris(["team", "add", "c", iris.project("c")]);
		assert.equal(r.status, 0, r.stderr);
		assert.equal((await iris.call(client, "ask_message", { toTeam: "c", message: "ECHO new" })).response, "new");
		assert.deepEqual((await iris.call(client, "list_teams")).teams.map((t) => t.name), ["asker", "b", "c"]);
		assert.match(readFileSync(config, "utf8"), /^# kept\n/);
	});

	test("who asked as a guest is the team once its directory is one", async () => {
		const cwd = iris.project("late");
		const client = await iris.client({ cwd });
		assert.match((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO 1" })).from, /^guest:late-/);
		await iris.json(["team", "add", "late", cwd]);
		assert.equal((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO 2" })).from, "late");
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
});
