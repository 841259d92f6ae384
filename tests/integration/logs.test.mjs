/* SPDX-License-Identifier: MIT
 *
 * get_logs and "iris log": the lines of irisd and of its workers, by level, component, time, text
 * and number, in both forms; what a program says on its standard error; after a restart; and what
 * is logged while somebody follows.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, renameSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program } from "../lib/iris.mjs";
import { assert, failedCall, startTeams, waitFor } from "./setup.mjs";

describe("the log", () => {
	let iris, client;
	const logs = async (args) => {
		const r = await iris.call(client, "get_logs", args);
		assert.equal(r.isError, false, JSON.stringify(r));
		assert.equal(r.logCount, r.logs.length);
		return r.logs;
	};
	const file = () => join(iris.home, "log", "irisd.log");

	beforeEach(async () => {
		iris = await startTeams({ frontend: {}, backend: {} });
		client = await iris.client({ cwd: iris.dirs.frontend });
		await client.listTools();
		await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO hello" });
	});
	afterEach(() => iris.stop());

	test("lines of irisd and of its worker, oldest first, with level, component, time", async () => {
		const before = Date.now();
		const all = await logs({ limit: 1000 });
		assert.deepEqual([...new Set(all.map((l) => l.component))].sort().filter((c) => c !== "irisd-web"), ["iris-worker", "irisd"]);
		/* Two processes may write their lines in another order than they have looked at the clock. */
		for (const pid of new Set(all.map((l) => l.pid))) {
			const at = all.filter((l) => l.pid === pid).map((l) => l.timestamp);
			assert.deepEqual(at, at.toSorted((x, y) => x - y), "in order");
		}
		assert.ok(all.every((l) => l.level === "info" || l.level === "warn"));
		assert.ok(all.every((l) => l.timestamp <= before + 1 && l.pid > 0));
		assert.ok(all.some((l) => l.component === "irisd" && /^message answered id=/.test(l.message)));
		assert.ok(all.some((l) => l.component === "iris-worker" && /^claude is ready/.test(l.message)));
		assert.ok(!JSON.stringify(all).includes("ECHO hello"), "no texts of messages");
	});

	test("filters: component, text, level, time, number; raw lines; the store's names", async () => {
		assert.ok((await logs({ component: "iris-worker" })).every((l) => l.component === "iris-worker"));
		const found = await logs({ contains: "MESSAGE ANSWERED" });
		assert.equal(found.length, 1);
		assert.equal((await logs({ limit: 2 })).length, 2);
		assert.deepEqual(await logs({ level: "error" }), []);
		assert.ok((await logs({ level: ["info", "error"] })).length > 3);
		assert.deepEqual(await logs({ logs_since: found[0].timestamp, contains: "message queued" }), []);
		const raw = await logs({ format: "raw", contains: "message answered" });
		assert.equal(raw.length, 1);
		assert.match(raw[0], /^\d{4}-\d\d-\d\dT[\d:.]+Z info irisd\[\d+\] message answered id=/);
		assert.ok(readFileSync(file(), "utf8").includes(raw[0]));
		const stores = await iris.call(client, "get_logs", { getAllStores: true });
		assert.deepEqual([stores.availableStores, stores.logCount], [["irisd"], 0]);
		assert.ok((await logs({ storeName: "iris-mcp", limit: 1 })).length === 1, "the name that Iris MCP has for it");
		const future = await failedCall(iris, client, "get_logs", { logs_since: Date.now() + 1e9 });
		assert.match(future.error, /future/);
	});

	test("what is no line of the log is kept, and a secret in it is not shown", async () => {
		appendFileSync(file(), "Assertion failed: x > 0, file y.c\nsk-ant-REDACTED \xff\n");
		const odd = await logs({ component: "stderr" });
		assert.equal(odd.length, 2);
		assert.deepEqual([odd[0].level, odd[0].message, odd[0].timestamp], ["error", "Assertion failed: x > 0, file y.c", undefined]);
		assert.ok(!odd[1].message.includes("abcdefghij"), odd[1].message);
	});

	test("an earlier irisd's lines are there after a restart", async () => {
		const old = (await logs({ contains: "message answered" }))[0];
		assert.equal((await iris.iris(["restart", "--hard"])).status, 0);
		client = await iris.client({ cwd: iris.dirs.frontend });
		assert.deepEqual((await logs({ contains: "message answered" }))[0], old);
		const ready = await logs({ contains: "ready version=" });
		assert.equal(ready.length, 2);
		assert.notEqual(ready[0].pid, ready[1].pid);
		assert.equal((await iris.iris(["stop"])).status, 0);
	});

	test("iris log: the same from the shell, also without an irisd; -f goes on, over a new file", async () => {
		const lines = (await iris.json(["log", "-n", "3", "--component", "irisd"])).lines;
		assert.equal(lines.length, 3);
		assert.ok(lines.every((l) => l.component === "irisd" && l.at > 0));
		assert.deepEqual((await iris.json(["log", "--level", "error"])).lines, []);
		assert.equal((await iris.json(["log", "--since", "1h", "--grep", "message answered"])).lines.length, 1);
		assert.equal((await iris.iris(["log", "-n", "0"])).stdout, "");
		assert.equal((await iris.iris(["log", "--level", "loud"])).status, 2);

		const follow = spawn(program("iris"), ["log", "-f", "-n", "0", "--grep", "marker"], { env: iris.env, stdio: ["ignore", "pipe", "inherit"] });
		const ended = once(follow, "exit");
		let out = "";
		follow.stdout.on("data", (d) => (out += d));
		const line = (text) => `2026-01-01T00:00:00.000Z info irisd[1] ${text}\n`;
		try {
			/* It may not watch yet; what is written then is shown as well. */
			let n = 0;
			await waitFor(() => {
				appendFileSync(file(), line(`marker ${n++}`) + line("something else"));
				return out.includes("marker");
			}, { what: "the first line" });
			assert.ok(!out.includes("something else"));
			renameSync(file(), `${file()}.old`);
			appendFileSync(file(), line("marker in the new file"));
			await waitFor(() => out.includes("marker in the new file"), { what: "the line of the new file" });
		} finally {
			follow.kill("SIGINT");
			await ended;
		}
	});

	test("a log that has grown large is moved away while irisd, its workers and those who follow go on; no line is lost", async () => {
		const sent = [];
		const ask = async () => sent.push((await iris.call(client, "ask_message", { toTeam: "backend", message: "ECHO x" })).messageId);
		await ask();
		/* Lines as long as there may be. */
		const line = `2026-01-01T00:00:00.000Z info irisd[1] ${"x".repeat(4000)}\n`;
		appendFileSync(file(), line.repeat(Math.ceil((8 * 1024 * 1024) / line.length)));
		await waitFor(async () => {
			await ask();
			return existsSync(`${file()}.1`) && /iris-worker\[/.test(readFileSync(file(), "utf8"));
		}, { what: "the new file to have lines of irisd and of its worker", every: 100 });
		assert.ok(statSync(file()).size < 1024 * 1024);
		await ask();
		const all = readFileSync(`${file()}.1`, "utf8") + readFileSync(file(), "utf8");
		for (const id of sent)
			assert.equal(all.match(new RegExp(`irisd\\[\\d+\\] message answered id=${id}`, "g"))?.length, 1, id);
		assert.equal(statSync(file()).mode & 0o777, 0o600);
		const seen = await logs({ contains: "message answered", limit: 1000 });
		assert.ok(seen.some((l) => l.message.includes(sent.at(-1))));
		/* Removed by somebody: it is there again. */
		unlinkSync(file());
		await waitFor(async () => {
			await ask();
			return existsSync(file()) && readFileSync(file(), "utf8").includes("message answered");
		}, { what: "another file", every: 100 });
	});
});
