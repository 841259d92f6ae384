/* SPDX-License-Identifier: MIT
 *
 * What can be wrong on the user's side: claude, its login, the directory, the configuration. Each has
 * its own code and words, soon, over MCP and on the command line.
 */
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { program, run } from "../lib/iris.mjs";
import { assert, assertServes, claudes, daemons, failedCall, failedRun, makeIris, startShim, startTeams } from "./setup.mjs";

/* Two seconds on a machine that has nothing else to do; who waited for a Claude would wait longer than this. */
const SOON = 5000;

describe("a team that can not be started", () => {
	let iris;

	afterEach(() => iris.stop());

	/* Both ways to ask: the same code and text, each soon. */
	const check = async ({ code, exit, text }) => {
		const client = await iris.client({ cwd: iris.dirs.asker });
		for (const [tool, key] of [["ask_message", "toTeam"], ["team_wake", "team"]]) {
			const start = performance.now();
			const r = await failedCall(iris, client, tool, { [key]: "bad", ...(key === "toTeam" && { message: "ECHO x" }) });
			assert.ok(performance.now() - start < SOON, `${tool} took ${performance.now() - start} ms`);
			assert.equal(r.code, code, r.error);
			assert.match(r.error, text);
			if (r.messageId) {
				const m = await iris.message(r.messageId);
				assert.deepEqual(m.receipts.map((x) => x.state), ["queued", "failed"]);
				assert.equal(m.error.code, code);
				assert.match(m.error.reason, text);
			}
		}
		const start = performance.now();
		const r = await failedRun(iris, ["ask", "bad", "ECHO x"], { cwd: iris.dirs.asker });
		assert.ok(performance.now() - start < SOON, `iris ask took ${performance.now() - start} ms`);
		assert.equal(r.code, code);
		assert.equal(r.status, exit);
		assert.match(r.message, text);
		assert.deepEqual(claudes(iris), []);
		await assertServes(iris, "good");
	};

	test("claude is missing", async () => {
		iris = await startTeams({ asker: {}, good: {}, bad: { claudePath: "/nonexistent/claude" } });
		await check({ code: "no_claude", exit: 10, text: /\/nonexistent\/claude/ });
	});

	test("claude is in no directory of PATH", async () => {
		iris = await startTeams({ asker: {}, good: {}, bad: { claudePath: "no-such-claude-program" } });
		await check({ code: "no_claude", exit: 10, text: /no-such-claude-program/ });
	});

	test("claude is not executable", async () => {
		iris = makeIris({ asker: {}, good: {} });
		const path = join(iris.root, "claude-file");
		writeFileSync(path, "#!/bin/sh\n");
		chmodSync(path, 0o644);
		iris.setTeams({ asker: {}, good: {}, bad: { claudePath: path } });
		await iris.start();
		await check({ code: "no_claude", exit: 10, text: /claude is not executable: .*claude-file/ });
	});

	test("claude is not logged in", async () => {
		iris = await startTeams({ asker: {}, good: {}, bad: {} });
		writeFileSync(join(iris.dirs.bad, ".fake-claude-fault"), "not-logged-in");
		await check({ code: "login", exit: 11, text: /not logged in/i });
	});

	test("the directory is gone; once it is back, the team works", async () => {
		iris = await startTeams({ asker: {}, good: {}, bad: {} });
		rmSync(iris.dirs.bad, { recursive: true });
		await check({ code: "directory", exit: 12, text: /work\/bad/ });
		iris.project("bad");
		await assertServes(iris, "bad");
	});

	test("the path is a file", async () => {
		iris = await startTeams({ asker: {}, good: {}, bad: {} });
		rmSync(iris.dirs.bad, { recursive: true });
		writeFileSync(iris.dirs.bad, "");
		await check({ code: "directory", exit: 12, text: /work\/bad/ });
	});

	test("the four codes and exit statuses are all different; an unknown team has its own", async () => {
		iris = await startTeams({ backend: {} });
		const r = await failedRun(iris, ["ask", "backnd", "x"]);
		assert.equal(r.code, "not_found");
		assert.equal(r.status, 3);
		assert.match(r.message, /unknown team "backnd"; the nearest: backend/);
		assert.equal(new Set([r.status, 10, 11, 12]).size, 4);
	});
});

describe("a configuration that is wrong", () => {
	let iris;

	afterEach(() => iris.stop());

	const good = "settings:\n  claudePath: FAKE\nteams:\n  backend:\n    path: ROOT\n    description: x\n";
	const CASES = [
		["a wrong type", good.replace("description: x", "description: x\n    idleTimeout: soon"), 7, 18, /idleTimeout.*(whole number|integer|number)/i],
		["an unknown variable", good.replace("description: x", "description: ${IRIS_NO_SUCH_VARIABLE}"), 6, 18, /IRIS_NO_SUCH_VARIABLE/],
		["a duplicate key", good.replace("description: x", "description: x\n    description: y"), 7, 5, /description/],
		["a tab", good.replace("    description: x", "\tdescription: x"), 6, 1, /tab/i],
		["bad UTF-8", Buffer.concat([Buffer.from(good.replace("description: x\n", "description: ")), Buffer.from([0xc3, 0x28, 0x0a])]), 6, 18, /UTF-8/i],
		["a list where a map is due", good.replace("teams:\n", "teams: []\nignored:\n"), 3, 8, /teams/],
	];

	for (const [what, text, line, column, words] of CASES) {
		test(`${what}: the place is told to each caller, and irisd does not run`, async () => {
			iris = makeIris();
			const config = join(iris.home, "config.yaml");
			writeFileSync(config, typeof text === "string" ? text.replace("ROOT", iris.root).replace("FAKE", "claude") : text);
			const place = `config.yaml:${line}:${column}: `;

			const direct = await run(program("irisd"), [], { env: iris.env });
			assert.equal(direct.status, 78, direct.stderr);
			assert.ok(direct.stderr.includes(place), direct.stderr);
			assert.match(direct.stderr, words);

			for (const args of [["start"], ["ask", "backend", "x"]]) {
				const r = await failedRun(iris, args);
				assert.equal(r.code, "config");
				assert.equal(r.status, 78);
				assert.ok(r.message.includes(place), r.message);
				assert.match(r.message, words);
			}

			const shim = startShim(iris);
			const { error } = await shim.request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } });
			assert.ok(error.message.includes(place), JSON.stringify(error));
			await shim.finish();

			assert.deepEqual(daemons(iris), []);
			assert.equal(existsSync(iris.socket), false);
		});
	}

	test("all of it mended: irisd starts with the next call", async () => {
		iris = makeIris();
		writeFileSync(join(iris.home, "config.yaml"), "teams: [");
		await failedRun(iris, ["ask", "backend", "x"]);
		iris.setTeams({ backend: {} });
		const r = await iris.json(["ask", "backend", "ECHO back"]);
		assert.equal(r.response, "back");
		assert.equal(daemons(iris).length, 1);
	});
});
