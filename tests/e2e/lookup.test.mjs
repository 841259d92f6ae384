/* SPDX-License-Identifier: MIT
 *
 * worker/lookup against the transcripts of the real Claude Code CLI, and of fake-claude: what is looked up afterwards is
 * what the live turn gave, and no turn that was cut off, interrupted or failed is taken for an answer.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { claudePath, fakeClaudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { Irisd } from "../lib/fake-irisd.mjs";
import { assertNoneLeft } from "../lib/processes.mjs";
import { waitFor } from "../lib/wait.mjs";
import { directiveRules, startMessagesApi } from "./messages-api.mjs";

for (const [name, program] of [["real", claudePath()], ["fake", fakeClaudePath()]]) {
	describe(`the transcript of the ${name} claude`, { timeout: 600000 }, () => {
		let api, world, irisd;

		before(async () => {
			api = await startMessagesApi(directiveRules);
			world = makeClaudeEnv({ api });
			irisd = await new Irisd().start({ ...world.env, MARK: world.root });
		});
		after(async () => {
			await irisd.release();
			await assertNoneLeft(world.root);
			world.cleanup();
			await api.close();
		});

		const claudeId = randomUUID();
		const open = (resume) => irisd.open({ claudeId, resume, claudePath: program, cwd: world.dirs.project,
			allowedTools: ["Bash"], spawnTimeout: 30000, responseTimeout: 30000 });
		const lookup = (message) => irisd.request("worker/lookup", { session: "s1", claudeId, message });
		const lineOf = (uuid) => world.transcript(claudeId).findIndex((l) => l.type === "user" && l.uuid === uuid) + 1;

		test("every way in which a turn can end", async () => {
			const expected = new Map();
			let { pid } = await open(false);

			for (const text of ["ECHO one", "BLOCKS a|b|c", "BASH echo found"]) {
				const message = await irisd.send(text);
				const r = await irisd.result(message, 30000);
				assert.equal(r.ok, true, JSON.stringify(r));
				expected.set(message, r.answer);
			}
			const failed = await irisd.send("FAULT api-error");
			assert.equal((await irisd.result(failed, 30000)).ok, false);
			expected.set(failed, null);
			const interrupted = await irisd.send("SLOW 20000 a b c d e f g h");
			await irisd.event("event/delta", (p) => p.message === interrupted);
			await irisd.request("worker/interrupt", { session: "s1", message: interrupted });
			assert.equal((await irisd.result(interrupted, 30000)).code, "cancelled");
			expected.set(interrupted, null);
			const killed = await irisd.send("SLOW 20000 a b c d e f g h");
			await irisd.event("event/delta", (p) => p.message === killed);
			/* The real one writes its transcript a moment after it has told that it took the message. */
			await waitFor(async () => (await lookup(killed)).state === "taken");
			process.kill(pid, "SIGKILL");
			await irisd.event("event/exit", (p) => p.pid === pid);
			expected.set(killed, null);
			({ pid } = await open(true));
			const last = await irisd.send("ECHO after all that");
			expected.set(last, (await irisd.result(last, 30000)).answer);
			await waitFor(async () => (await lookup(last)).state === "answered");

			for (const [message, answer] of expected) {
				const line = lineOf(message);
				assert.ok(line > 0, message);
				assert.deepEqual(await lookup(message), answer === null ? { state: "taken", line } : { state: "answered", line, answer });
			}
			assert.deepEqual(await lookup(randomUUID()), { state: "absent", line: 0 });
		});
	});
}
