/* SPDX-License-Identifier: MIT
 *
 * Directories with names that break careless programs are teams like any other: as the one who asks
 * and as the one who is asked.
 */
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { program, run } from "../lib/iris.mjs";
import { assert, makeIris } from "./setup.mjs";

const NAMES = {
	dots: "my.app.v2.0",
	spaces: "my  web app ",
	underscores: "__under_score__",
	unicode: "projekt-Größe-日本語-é",
	decomposed: "cafe\u0301",
	quotes: "it's a \"test\"",
	dash: "-rf",
	shell: "$(touch pwned);`id`&&$HOME*?[a]",
	backslash: "back\\slash",
	hash: "#comment: no",
};

const WHERE = 'BASH echo "[$(pwd -P)]"';

describe("team directories", () => {
	let iris;

	afterEach(() => iris.stop());

	test("odd names: each is asked and asks, in its own directory", async () => {
		iris = makeIris();
		iris.setTeams(Object.fromEntries(Object.entries(NAMES).map(([team, dir]) => [team, { path: iris.project(dir), grantPermission: "yes" }])), { maxProcesses: 30 });
		await iris.start();
		const listed = (await iris.json(["team", "list"])).teams;
		assert.ok(listed.every((t) => t.exists), JSON.stringify(listed.filter((t) => !t.exists)));
		const teams = Object.keys(NAMES);
		for (const [i, from] of teams.entries()) {
			const to = teams[(i + 1) % teams.length];
			const client = await iris.client({ cwd: iris.dirs[from] });
			const r = await iris.call(client, "ask_message", { toTeam: to, message: WHERE });
			assert.equal(r.from, from);
			assert.equal(r.response.trim(), `[${iris.dirs[to]}]`);
			await client.close();
		}
	});

	test("a symbolic link is the directory that it names, whichever way the caller came", async () => {
		iris = makeIris();
		const real = iris.project("real place");
		const link = join(iris.root, "work", "a link");
		symlinkSync(real, link);
		mkdirSync(join(real, "sub"));
		iris.setTeams({ linked: { path: link, grantPermission: "yes" }, other: {} });
		await iris.start();
		for (const cwd of [link, real, join(link, "sub")]) {
			const client = await iris.client({ cwd });
			assert.equal((await iris.call(client, "ask_message", { toTeam: "other", message: "ECHO x" })).from, "linked", cwd);
		}
		const asker = await iris.client({ cwd: iris.dirs.other });
		assert.equal((await iris.call(asker, "ask_message", { toTeam: "linked", message: WHERE })).response.trim(), `[${real}]`);
	});

	test("iris team add takes such a directory, and the file can be read again", async () => {
		iris = makeIris();
		iris.writeConfig(`settings:\n  claudePath: ${fakeClaudePath()}\n`);
		await iris.start();
		for (const [team, dir] of Object.entries(NAMES)) {
			const path = iris.project(dir);
			const r = await iris.iris(["team", "add", "--", team, path]);
			assert.equal(r.status, 0, `${team}: ${r.stderr}`);
			assert.equal((await iris.json(["team", "show", team])).path, path);
			assert.equal((await iris.json(["ask", team, "ECHO hello"])).response, "hello");
		}
	});

	test("an IRIS_HOME whose socket path would be too long works as well", async () => {
		iris = makeIris({ b: {} });
		const home = join(iris.root, "x".repeat(60), "y".repeat(60));
		mkdirSync(home, { recursive: true, mode: 0o700 });
		copyFileSync(join(iris.home, "config.yaml"), join(home, "config.yaml"));
		const env = { ...iris.env, IRIS_HOME: home };
		const r = await run(program("iris"), ["--json", "ask", "b", "ECHO far"], { env, cwd: iris.root });
		assert.equal(r.status, 0, r.stdout + r.stderr);
		assert.equal(JSON.parse(r.stdout).response, "far");
		assert.equal((await run(program("iris"), ["stop"], { env, cwd: iris.root })).status, 0);
	});
});
