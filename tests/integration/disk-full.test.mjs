/* SPDX-License-Identifier: MIT
 *
 * A database on a small file system of its own, which is filled to the last byte: what was accepted
 * goes on to its end, new messages are refused with the reason, and nothing is lost. The file system
 * lives in a mount namespace that only irisd and what it starts are in; it is reached through /proc.
 */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { assert, assertServes, failedCall, failedRun, makeGate, makeIris, quick, status, waitFor } from "./setup.mjs";

const MIB = 1024 * 1024;
const can = process.platform === "linux" && spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;
const MOUNT = 'mount -t tmpfs -o size=24m,mode=700 tmpfs "$IRIS_TEST_SMALL" && exec "$0" "$@"';
const WORDS = /^there is no space left for \S+\/small\/iris\.db \(No space left on device\): no new message is accepted, since it might not be stored; what was accepted goes on\. Free 8 MiB there, then send again$/;

describe("a full disk", { skip: can ? false : "no mount in a user namespace here" }, () => {
	let iris, client, gate, pid, small;

	beforeEach(async () => {
		iris = makeIris({ frontend: {}, backend: {}, docs: {} }, { wrap: ["unshare", "-rm", "sh", "-c", MOUNT] });
		const dir = join(iris.root, "small");
		mkdirSync(dir);
		iris.env.IRIS_TEST_SMALL = dir;
		iris.setTeams({ frontend: {}, backend: {}, docs: {} });
		iris.writeConfig({ settings: { sessionInitTimeout: 6000, spawnTimeout: 6000 }, database: { path: join(dir, "iris.db") },
			teams: Object.fromEntries(Object.entries(iris.dirs).map(([name, path]) => [name, { path, description: name }])) });
		await iris.start();
		({ pid } = await status(iris));
		small = join(`/proc/${pid}/root`, dir);
		client = await iris.client({ cwd: iris.dirs.frontend });
		gate = makeGate(iris);
	});
	afterEach(async () => {
		assert.equal((await status(iris)).pid, pid, "the same irisd has served all of it");
		await iris.stop();
	});

	/* To the last byte; free() gives it back. */
	const fill = () => {
		const path = join(small, "filler"), fd = openSync(path, "w");
		for (let size = MIB; size >= 1; size = Math.floor(size / 4)) {
			try {
				for (;;)
					writeSync(fd, Buffer.alloc(size, 0x78));
			} catch (e) {
				assert.equal(e.code, "ENOSPC");
			}
		}
		closeSync(fd);
		return () => rmSync(path);
	};
	const reserve = () => existsSync(join(small, "iris.db-ballast"));

	test("turns that run end answered, new messages are refused, and after space was made all goes on", async () => {
		const { size, blocks } = statSync(join(small, "iris.db-ballast"));
		assert.equal(size, 8 * MIB);
		assert.ok(blocks * 512 >= size, "really allocated");
		const running = iris.call(client, "ask_message", { toTeam: "backend", message: `${gate.hold}\nECHO ${"long ".repeat(20000)}` });
		await waitFor(async () => (await iris.json(["message", "list", "--state", "seen"])).messages.length === 1);
		const free = fill();

		/* Accepted until the disk is felt; each of these must be answered in the end. */
		const accepted = [];
		let refusal;
		for (let i = 0; i < 200 && !refusal; i++) {
			const r = await iris.call(client, "quick_message", { toTeam: "backend", message: `ECHO number ${i}\n${"y".repeat(100000)}` });
			if (r.isError)
				refusal = JSON.parse(r.text);
			else
				accepted.push(r.messageId);
		}
		assert.ok(accepted.length > 0 && accepted.length < 150, `${accepted.length} were accepted`);
		assert.equal(refusal.code, "io");
		assert.match(refusal.error, WORDS);
		assert.equal(reserve(), false);
		assert.match(iris.log(), /its reserve is given up, and new messages are refused until there is space again/);

		/* Over each way in; also to a pair that has no session yet. */
		const cli = await failedRun(iris, ["ask", "docs", "ECHO x"]);
		assert.equal(cli.status, 74);
		assert.match(cli.message, WORDS);
		assert.equal((await failedRun(iris, ["send", "docs", "ECHO x"])).code, "io");
		assert.equal((await failedCall(iris, client, "ask_message", { toTeam: "docs", message: "ECHO x" })).code, "io");
		assert.match((await status(iris)).warnings.at(-1), WORDS);
		assert.match((await iris.iris(["status"])).stdout, /warning: there is no space left for/);
		const doctor = await iris.json(["doctor"]).catch((e) => JSON.parse(e.message.slice(e.message.indexOf("{"))));
		assert.ok(doctor.checks.some((c) => c.name === "irisd" && c.status === "warn" && WORDS.test(c.detail)), JSON.stringify(doctor));

		/* What was accepted has the reserve's room. */
		gate.open();
		const answer = await running;
		assert.equal(answer.isError, false, JSON.stringify(answer).slice(0, 500));
		assert.ok(answer.response.startsWith("held\n\nlong long "));
		for (const [i, id] of accepted.entries()) {
			const m = await iris.messageIn(id, "answered", "failed");
			assert.equal(m.response, `number ${i}`, JSON.stringify(m.error));
			assert.deepEqual(m.receipts.map((r) => r.state), ["queued", "sent", "seen", "answered"]);
		}
		assert.equal((await failedRun(iris, ["send", "docs", "ECHO x"])).code, "io", "still no space");

		free();
		assert.equal((await iris.json(["ask", "docs", "ECHO space again"])).response, "space again");
		assert.equal(reserve(), true);
		assert.deepEqual((await status(iris)).warnings, []);
		await assertServes(iris, "backend");
		assert.match(iris.log(), /there is space for \S+ again: new messages are accepted/);
		/* It can happen again. */
		const again = fill();
		let n = 0;
		while (!(await iris.call(client, "quick_message", { toTeam: "docs", message: `ECHO ${n}\n${"z".repeat(100000)}` })).isError)
			assert.ok(++n < 150);
		again();
		const last = await quick(iris, client, "docs", "ECHO last");
		assert.equal((await iris.messageIn(last, "answered")).response, "last");
	});

	test("a message that was accepted is found by its key while new ones are refused", async () => {
		const key = { toTeam: "backend", message: gate.hold, idempotencyKey: "once" };
		const { messageId } = await iris.call(client, "quick_message", key);
		await iris.messageIn(messageId, "seen");
		const free = fill();
		let n = 0;
		while (!(await iris.call(client, "quick_message", { toTeam: "docs", message: `ECHO x\n${"z".repeat(100000)}` })).isError)
			assert.ok(++n < 150);
		const waiting = iris.call(client, "ask_message", key);
		gate.open();
		assert.deepEqual((({ messageId: id, response }) => ({ id, response }))(await waiting), { id: messageId, response: "held" });
		free();
	});
});
