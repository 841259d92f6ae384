/* SPDX-License-Identifier: MIT
 *
 * worker/lookup: what became of a message, by Claude's own transcript. The transcripts are those that fake-claude writes
 * (and, in tests/e2e, the real one); their finer points are tests/unit/test_transcript.c's.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { refused, workerTest } from "../lib/fake-irisd.mjs";

const claudeId = "7261b91c-1111-4222-8333-444455556666";
const lookup = (irisd, message, more = {}) => irisd.request("worker/lookup", { session: "s1", claudeId, message, ...more });

function transcript(irisd, config = join(irisd.root, "home", ".claude")) {
	const dir = join(config, "projects", readdirSync(join(config, "projects"))[0]);
	const path = join(dir, `${claudeId}.jsonl`);
	return { dir, path, lines: readFileSync(path, "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l)) };
}

const crash = (irisd, pid) => {
	process.kill(pid, "SIGKILL");
	return irisd.event("event/exit", (p) => p.pid === pid);
};

workerTest("absent, answered, and the line; no session need be open", async (irisd) => {
	const absent = { state: "absent", line: 0 };
	assert.deepEqual(await lookup(irisd, randomUUID()), absent, "no directory of Claude's at all");
	await irisd.open({ claudeId });
	const one = await irisd.send("ECHO one");
	await irisd.result(one);
	const two = await irisd.send("BLOCKS a|b");
	const live = await irisd.result(two);
	await irisd.request("worker/close", { session: "s1" });
	const { lines } = transcript(irisd);
	const at = (uuid) => lines.findIndex((l) => l.type === "user" && l.uuid === uuid) + 1;
	assert.ok(at(one) > 0 && at(two) > at(one));
	assert.deepEqual(await lookup(irisd, one), { state: "answered", line: at(one), answer: "one" });
	assert.deepEqual(await lookup(irisd, two), { state: "answered", line: at(two), answer: live.answer });
	assert.deepEqual(await lookup(irisd, randomUUID()), absent);
	assert.deepEqual(await lookup(irisd, one, { claudeId: randomUUID() }), absent);
});

workerTest("a turn with a tool, and the answer that the live turn gave", async (irisd) => {
	await irisd.open({ claudeId });
	const message = await irisd.send("ECHO before\nBASH echo from the tool\nECHO after");
	const ask = await irisd.event("event/ask");
	assert.equal((await lookup(irisd, message)).state, "taken", "while it runs");
	await irisd.request("worker/answer", { session: "s1", request: ask.request, behavior: "allow" });
	const live = await irisd.result(message);
	const { state, answer } = await lookup(irisd, message);
	assert.deepEqual([state, answer], ["answered", live.answer]);
});

workerTest("crashed before it was taken: absent; in mid-turn: taken, also after a resume", async (irisd) => {
	await irisd.open({ claudeId });
	await irisd.ask("ECHO first");
	const unseen = await irisd.send("FAULT crash-before-seen");
	assert.equal((await irisd.result(unseen)).seen, undefined);
	await irisd.event("event/exit");
	assert.deepEqual(await lookup(irisd, unseen), { state: "absent", line: 0 });
	const { pid } = await irisd.open({ claudeId, resume: true });
	const killed = await irisd.send("SLOW 20000 a b c d e f g h");
	await irisd.event("event/delta", (p) => p.message === killed);
	await crash(irisd, pid);
	assert.equal((await irisd.result(killed)).seen, "lifecycle");
	const { state, line } = await lookup(irisd, killed);
	assert.equal(state, "taken");
	assert.ok(line > 1);
	await irisd.open({ claudeId, resume: true });
	assert.equal((await irisd.ask("ECHO next")).answer, "next");
	assert.deepEqual(await lookup(irisd, killed), { state: "taken", line });
});

workerTest("interrupted and failed turns are no answers", async (irisd) => {
	await irisd.open({ claudeId });
	const interrupted = await irisd.send("SLOW 20000 a b c d e f g h");
	await irisd.event("event/delta");
	await irisd.request("worker/interrupt", { session: "s1", message: interrupted });
	assert.equal((await irisd.result(interrupted)).code, "cancelled");
	const failed = await irisd.send("FAULT api-error");
	assert.equal((await irisd.result(failed)).ok, false);
	await irisd.ask("ECHO fine");
	for (const message of [interrupted, failed])
		assert.equal((await lookup(irisd, message)).state, "taken");
});

workerTest("where Claude keeps its files: the team's variables, then the worker's", async (irisd) => {
	const config = join(irisd.root, "team-config");
	await irisd.open({ claudeId, env: { CLAUDE_CONFIG_DIR: config } });
	const message = await irisd.send("ECHO here");
	await irisd.result(message);
	assert.equal((await lookup(irisd, message)).state, "absent");
	assert.equal((await lookup(irisd, message, { env: { CLAUDE_CONFIG_DIR: config, OTHER: "x" } })).state, "answered");
	await refused(lookup(irisd, message, { env: { CLAUDE_CONFIG_DIR: "here" } }), "config", /CLAUDE_CONFIG_DIR/);
	/* Under another project's name it is the same conversation. */
	const { path } = transcript(irisd, config);
	const home = join(irisd.root, "home", ".claude", "projects", "-some-other-name");
	mkdirSync(home, { recursive: true });
	copyFileSync(path, join(home, `${claudeId}.jsonl`));
	assert.equal((await lookup(irisd, message)).answer, "here");
});

workerTest("what can not be read is an error, and never absent", async (irisd) => {
	await irisd.open({ claudeId });
	const message = await irisd.send("ECHO here");
	await irisd.result(message);
	const { path, dir } = transcript(irisd);
	const other = join(dir, "..", "-other");
	mkdirSync(other);
	symlinkSync(`${claudeId}.jsonl`, join(other, `${claudeId}.jsonl`));
	await refused(lookup(irisd, message), "io", /can not read Claude's transcript .*-other/);
	if (process.getuid() !== 0) {
		chmodSync(path, 0o000);
		await refused(lookup(irisd, message), "io", /Permission denied/);
		chmodSync(path, 0o600);
	}
});

workerTest("a torn last line is not there", async (irisd) => {
	await irisd.open({ claudeId });
	const message = await irisd.send("ECHO here");
	await irisd.result(message);
	await irisd.request("worker/close", { session: "s1" });
	const { path } = transcript(irisd);
	const whole = readFileSync(path, "utf8");
	const answer = whole.lastIndexOf('{', whole.lastIndexOf('"type":"assistant"'));
	writeFileSync(path, whole.slice(0, answer + 100));
	assert.equal((await lookup(irisd, message)).state, "taken");
	writeFileSync(path, whole.slice(0, whole.indexOf(`"uuid":"${message}"`) + 60));
	assert.equal((await lookup(irisd, message)).state, "absent");
});

workerTest("ids that are none are refused before they become a path", async (irisd) => {
	for (const params of [{ claudeId: "../../../etc/passwd", message: randomUUID() }, { claudeId, message: "x" }, { claudeId }])
		await refused(irisd.request("worker/lookup", { session: "s1", ...params }), "invalid", /UUID/);
});

workerTest("an answer that is too long for a line is cut, as that of a live turn", async (irisd) => {
	const dir = join(irisd.root, "home", ".claude", "projects", "-p"), message = randomUUID();
	mkdirSync(dir, { recursive: true });
	const text = (n) => JSON.stringify({ isSidechain: false, type: "assistant", uuid: randomUUID(),
		message: { model: "m", stop_reason: "end_turn", content: [{ type: "text", text: "ä".repeat(n) }] } });
	const user = JSON.stringify({ isSidechain: false, type: "user", uuid: message, message: { role: "user", content: "q" } });
	writeFileSync(join(dir, `${claudeId}.jsonl`), `${user}\n${text(5e6)}\n${text(5e6)}\n`);
	const r = await lookup(irisd, message);
	assert.equal(r.state, "answered");
	assert.match(r.answer.slice(-80), /ä\n\n\[iris: cut here; the answer had 20000002 bytes\]$/);
	assert.ok(Buffer.byteLength(r.answer) < 2.1 * 1024 * 1024);
});
