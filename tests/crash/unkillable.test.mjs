/* SPDX-License-Identifier: MIT
 *
 * A Claude that can not be killed, as one that hangs in the kernel: it stays when its input has
 * ended, and signals that would end it are kept from it (preload-spare.c). Its conversation has no
 * second process before it is gone, whoever waits learns why, and nobody is told that it has ended.
 */
import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { processesOf } from "../lib/processes.mjs";
import { failedCall, makeIris, quick, sessions, waitFor } from "../integration/setup.mjs";
import { preloadEnv } from "./preload.mjs";

const STUCK = /process (\d+) of the last Claude of team a can not be killed/;

describe("a Claude that can not be killed", { skip: process.platform !== "linux" }, () => {
	let iris, client, spare, state;

	/* As long as the file is there, a Claude outlives its end and can not be killed. */
	const start = async (settings = {}) => {
		iris = makeIris({ asker: {}, a: {} }, { settings: { stopTimeout: 120, ...settings } });
		spare = join(iris.root, "spare");
		state = `${iris.root}.state`;
		const claude = join(iris.root, "staying-claude");
		writeFileSync(claude, `#!/bin/sh\ntrap "" HUP TERM\n"${fakeClaudePath()}" "$@"\n[ ! -e "${spare}" ] || exec sleep 600\n`);
		chmodSync(claude, 0o755);
		iris.setTeams({ asker: {}, a: { claudePath: claude } });
		Object.assign(iris.env, preloadEnv("spare", { program: "irisd,iris-worker", spec: spare, victim: 0, file: state }));
		await iris.start();
		client = await iris.client({ cwd: iris.dirs.asker });
	};
	afterEach(async () => {
		rmSync(spare, { force: true });
		await iris.stop();
		rmSync(state);
	});

	const pids = () =>
		processesOf(iris.root)
			.filter((p) => /^\/bin\/sh .*staying-claude|^sleep 600$/.test(p.command))
			.map((p) => p.pid);
	const hang = () => {
		writeFileSync(spare, "");
		return pids()[0];
	};
	/* Until it is gone, it is the only one. */
	const alone = (pid) => assert.deepEqual(pids(), [pid]);
	const shown = (id) => iris.json(["message", "show", id]);
	const toldOf = (id, pid) =>
		waitFor(
			async () => {
				alone(pid);
				const { activity } = await shown(id);
				return STUCK.exec(activity ?? "")?.[1] === String(pid);
			},
			{ deadline: 20000, every: 50, what: "the message says what it waits for" },
		);

	test("is not called asleep, and its conversation waits for its end", async () => {
		await start();
		assert.equal((await iris.call(client, "send_message", { toTeam: "a", message: "ECHO one" })).response, "one");
		const { sessionId } = (await sessions(iris))["asker->a"];
		const pid = hang();
		const refused = await failedCall(iris, client, "team_sleep", { team: "a" });
		assert.match(refused.error, new RegExp(`process ${pid} of team a can not be killed`));
		alone(pid);

		const progress = [];
		const answer = iris.call(client, "ask_message", { toTeam: "a", message: "ECHO two", timeout: 60000 }, { onprogress: (p) => progress.push(p.message) });
		const id = await quick(iris, client, "a", "ECHO three");
		await toldOf(id, pid);
		await waitFor(() => progress.some((text) => STUCK.test(text)), { what: "who waits is told as well" });
		/* Nobody waits for nothing. */
		assert.match((await failedCall(iris, client, "team_wake", { team: "a" })).error, STUCK);
		alone(pid);
		assert.equal((await sessions(iris))["asker->a"].state, "asleep");

		/* Another conversation of the same team is none of its business. */
		const guest = await iris.client();
		assert.equal((await iris.call(guest, "send_message", { toTeam: "a", message: "ECHO other" })).response, "other");
		assert.ok(pids().includes(pid));

		rmSync(spare);
		assert.equal((await answer).response, "two");
		assert.equal((await iris.messageIn(id, "answered")).response, "three");
		assert.ok(!pids().includes(pid), "the first one is gone before the second begins");
		assert.equal((await sessions(iris))["asker->a"].sessionId, sessionId, "it is the same conversation");
	});

	test("also where irisd ends meanwhile", async () => {
		await start();
		await iris.call(client, "send_message", { toTeam: "a", message: "ECHO one" });
		const pid = hang();
		await failedCall(iris, client, "team_sleep", { team: "a" });
		const id = await quick(iris, client, "a", "ECHO two");
		await iris.iris(["restart"]);
		await toldOf(id, pid);
		rmSync(spare);
		assert.equal((await iris.messageIn(id, "answered")).response, "two");
		assert.ok(!pids().includes(pid));
	});

	test("also where it never was ready", async () => {
		await start({ sessionInitTimeout: 1000 });
		writeFileSync(join(iris.dirs.a, ".fake-claude-fault"), "hang-at-start");
		writeFileSync(spare, "");
		const call = failedCall(iris, client, "send_message", { toTeam: "a", message: "ECHO one" });
		const [pid] = await waitFor(() => pids().length > 0 && pids(), { what: "its process" });
		assert.match((await call).error, /was not ready within 1000 ms/);
		rmSync(join(iris.dirs.a, ".fake-claude-fault"));
		const id = await quick(iris, client, "a", "ECHO two");
		await toldOf(id, pid);
		rmSync(spare);
		assert.equal((await iris.messageIn(id, "answered")).response, "two");
	});
});
