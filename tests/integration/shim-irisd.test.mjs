/* SPDX-License-Identifier: MIT
 *
 * iris-mcp-shim with the real irisd and the official SDK's client: who starts it, what a client sees of its death, and that
 * one which was stopped stays stopped.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Iris } from "../lib/iris.mjs";
import { processesOf } from "../lib/processes.mjs";
import { waitFor } from "../lib/wait.mjs";

describe("iris-mcp-shim with irisd", { timeout: 600000 }, () => {
	let iris;

	beforeEach(() => {
		iris = new Iris();
		iris.writeConfig({ teams: { backend: { path: iris.project("backend") } } });
	});

	afterEach(() => iris.stop());

	const daemons = () => processesOf(iris.root).filter((p) => /\/irisd$/.test(p.command.split(" ")[0]));

	it("starts one irisd for twenty clients at once", async () => {
		const clients = await Promise.all(Array.from({ length: 20 }, () => iris.client()));

		assert.equal(daemons().length, 1);
		const names = await Promise.all(clients.map(async (c) => (await iris.call(c, "list_teams")).teams.map((t) => t.name)));
		assert.ok(names.every((n) => n.length === 1 && n[0] === "backend"));
		assert.equal(iris.log().match(/ ready version=/g).length, 1);
	});

	it("outlives an irisd that is killed; the clients notice nothing", async () => {
		const clients = await Promise.all(Array.from({ length: 5 }, () => iris.client()));

		for (let round = 0; round < 3; round++) {
			const [{ pid }] = daemons();
			process.kill(pid, "SIGKILL");
			const answers = await Promise.all(clients.map((c) => iris.call(c, "list_teams")));
			assert.ok(answers.every((a) => a.teams[0].name === "backend"));
			await waitFor(() => daemons().length === 1 && daemons()[0].pid !== pid);
		}
		assert.ok(clients.every((c) => c.shimStderr === ""));
	});

	it("does not start an irisd again that was stopped, until there is a request", async () => {
		const client = await iris.client();

		assert.equal((await iris.iris(["stop"])).status, 0);
		await waitFor(() => daemons().length === 0);
		/* The shim looks for a new one now: give it the time of some of its attempts. */
		const until = performance.now() + 700;
		await waitFor(() => {
			assert.equal(daemons().length, 0);
			return performance.now() > until;
		});
		assert.equal((await iris.call(client, "list_teams")).teams.length, 1);
		assert.equal(daemons().length, 1);
	});

	it("tells the client why irisd does not start, with the place in the file", async () => {
		iris.writeConfig("settings:\n  responseTimeout: soon\n");
		await assert.rejects(iris.client(), (e) => {
			assert.match(e.message, /irisd did not start: .*config\.yaml:2:20: /);
			return true;
		});
		assert.equal(existsSync(iris.socket), false);
	});
});
