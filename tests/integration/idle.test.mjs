/* SPDX-License-Identifier: MIT
 *
 * Nothing to do, nothing done: with an awake team whose Claude is idle, irisd, the worker and the
 * shim make no system call at all until a timer is due, and none is. Seen with strace; where the
 * system does not let it look, by the count of wake-ups that the kernel keeps. IDLE_SECONDS: for how
 * long (8; `make crash` takes 60).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, test } from "node:test";
import { switches } from "../bench/proc.mjs";
import { assert, claudes, daemons, startTeams, waitFor, within, workers } from "./setup.mjs";

const SECONDS = Number(process.env.IDLE_SECONDS ?? 8);
/* The longest timer that messages leave: the index of their texts is written 2 s later (irisd/core/search.c). */
const QUIET_MS = 2500;
/* The call that a process sleeps in when strace comes, and sleeps in still when strace goes. */
const ASLEEP = /^\d+ +(epoll_p?wait2?|p?poll|restart_syscall)\(.*(<unfinished \.\.\.>|<detached \.\.\.>)$/;

let iris;

afterEach(() => iris.stop());

/* The calls that strace sees these processes make, or null when it may not look. */
async function callsOf(pids, ms) {
	const file = join(iris.root, "trace");
	const strace = spawn("strace", ["-f", "-o", file, ...pids.flatMap((pid) => ["-p", String(pid)])], { stdio: ["ignore", "ignore", "pipe"] });
	let said = "";

	strace.stderr.setEncoding("utf8");
	strace.stderr.on("data", (d) => (said += d));
	const ended = once(strace, "close");
	try {
		await waitFor(() => strace.exitCode !== null || pids.every((pid) => said.includes(`Process ${pid} attached`)), { what: "strace to attach" });
		if (/not permitted|Permission denied|not implemented/.test(said)) return null;
		assert.equal(strace.exitCode, null, said);
		await delay(ms);
	} finally {
		strace.kill("SIGINT");
		await within(20000, ended, "strace to end");
	}
	const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
	return lines.filter((l) => !ASLEEP.test(l));
}

test(`idle for ${SECONDS} s: no system call, no wake-up`, async (t) => {
	iris = await startTeams({ asker: {}, b: {}, asleep: {} });
	const client = await iris.client({ cwd: iris.dirs.asker });
	for (const message of ["ECHO one", "ECHO two"])
		await iris.call(client, "ask_message", { toTeam: "b", message });
	const names = { irisd: daemons(iris)[0].pid, "iris-worker": workers(iris)[0].pid, "iris-mcp-shim": client.shimPid };
	const pids = Object.values(names);
	const counts = () => Object.values(names).map(switches);
	assert.equal(claudes(iris).length, 1);

	/* What the last message has left to do is done within a moment; then nobody wakes up, unwatched. */
	let before = counts(), since = performance.now();
	await waitFor(() => {
		const last = before;
		before = counts();
		if (!before.every((n, i) => n === last[i])) since = performance.now();
		return performance.now() - since > QUIET_MS;
	}, { what: "all to be quiet", deadline: 30000, every: 100 });
	const calls = await callsOf(pids, SECONDS * 1000);
	if (calls === null) {
		t.diagnostic("ptrace is not permitted here: wake-ups are counted instead of system calls");
		await delay(SECONDS * 1000);
		assert.deepEqual(counts(), before, "wake-ups of irisd, worker and shim");
	} else {
		t.diagnostic(`${calls.length} system calls of ${Object.keys(names).join(", ")} in ${SECONDS} s`);
		assert.deepEqual(calls, [], "system calls while nothing is to be done");
	}
	assert.equal((await iris.call(client, "ask_message", { toTeam: "b", message: "ECHO awake" })).response, "awake");
});
