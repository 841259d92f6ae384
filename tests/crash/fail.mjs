/* SPDX-License-Identifier: MIT
 *
 * One call of one program fails, once: memory, disk, connection, process, descriptor. Whoever is
 * hit tells its caller, or ends with a last word in the log; then the next one goes on, and nothing
 * is lost, done twice, left behind or waited for in vain.
 */
import { rmSync } from "node:fs";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { preloadEnv, readState } from "./preload.mjs";
import { orphanedTurn, playOnce } from "./scenario.mjs";

const { ENOMEM, ENOSPC, EIO, EAGAIN, EMFILE, EPIPE } = constants.errno;

/* One message there and its answer back: memory is asked for at too many places for more. */
async function brief(play) {
	const asker = await play.client("asker", play.iris.dirs.asker);

	await play.tool(asker, "one", "ask_message", { toTeam: "b", message: "ECHO first" }, { expect: "first" });
}

/* What fails: kinds as in preload-fail.c; act: where it is not the whole scenario. */
export const FAILURES = [
	{ program: "irisd", kind: "file", errno: ENOSPC },
	{ program: "irisd", kind: "file", errno: EIO },
	{ program: "irisd", kind: "socket", errno: EPIPE },
	{ program: "irisd", kind: "short", errno: 0 },
	{ program: "irisd", kind: "sync", errno: EIO },
	{ program: "irisd", kind: "spawn", errno: EAGAIN },
	{ program: "irisd", kind: "open", errno: EMFILE },
	{ program: "irisd", kind: "alloc", errno: ENOMEM, act: brief },
	{ program: "iris-worker", kind: "socket", errno: EPIPE },
	{ program: "iris-worker", kind: "short", errno: 0 },
	{ program: "iris-worker", kind: "spawn", errno: EAGAIN },
	{ program: "iris-worker", kind: "open", errno: EMFILE },
	{ program: "iris-worker", kind: "file", errno: ENOSPC, act: orphanedTurn },
	{ program: "iris-worker", kind: "sync", errno: EIO, act: orphanedTurn },
	{ program: "iris-worker", kind: "alloc", errno: ENOMEM, act: brief },
	{ program: "iris-mcp-shim", kind: "socket", errno: EPIPE },
	{ program: "iris-mcp-shim", kind: "short", errno: 0 },
	{ program: "iris-mcp-shim", kind: "spawn", errno: EAGAIN },
	{ program: "iris-mcp-shim", kind: "open", errno: EMFILE },
	{ program: "iris-mcp-shim", kind: "alloc", errno: ENOMEM, act: brief },
];

/*
 * Whoever was hit and is gone has said why, or that it ends in order: irisd in the log; a worker as
 * well, unless irisd ended it, which irisd says; a shim to its client, unless that was what failed.
 */
function lastWord({ program, kind }, pid, { play }, log) {
	const said = program === "iris-mcp-shim" ? play.shimSaid : log;
	const words = said.split("\n").filter((l) => l.includes(`${program}[${pid}]`));

	if (pid === 0 || words.some((l) => / error |stopped|worker ends/.test(l))) return [];
	if (program === "iris-worker" && new RegExp(`worker was ended by signal 9 .*pid=${pid}`).test(log)) return [];
	if (program === "iris-mcp-shim" && (!play.shimDied || kind === "socket")) return [];
	return [{ rule: "last word", text: `${program}[${pid}] ended without a word; the last ones: ${words.slice(-2).join(" | ")}` }];
}

/* One run: { spec, what, reached, problems, text, ms }. n: "count", or which call fails. */
export async function failAt(failure, n) {
	const start = performance.now();
	const { program, kind, errno, act } = failure, file = (iris) => `${iris.root}.state`;
	const spec = n === "count" ? "count" : `${kind}:${errno}:${n}`;
	const r = await playOnce({
		env: (iris) => preloadEnv("fail", { program, spec, file: file(iris) }),
		strict: n === "count",
		fired: (iris) => readState(file(iris)).fired !== 0,
		clientsMayDie: program === "iris-mcp-shim",
		act,
		also: (world, log) => lastWord(failure, readState(file(world.iris)).fired, world, log),
	});
	const state = readState(file(r.iris));

	rmSync(file(r.iris));
	return { ...state, spec: `${program} ${spec}`, reached: spec === "count" || state.fired !== 0, ms: performance.now() - start, problems: r.problems, text: r.text };
}

const counts = new Map(); /* program and scenario -> the state of an undisturbed play */

/* How many calls of its kind there are to fail. */
export async function countOf(failure) {
	const key = `${failure.program} ${failure.act?.name}`;

	if (!counts.has(key)) {
		const counted = await failAt(failure, "count");
		if (counted.problems.length > 0) throw new Error(`the scenario fails undisturbed:\n${counted.text}`);
		if (counted.processes < 1) throw new Error(`no ${failure.program} counted its calls`);
		counts.set(key, counted);
	}
	const { writes, each } = counts.get(key);
	return writes[failure.kind] ?? each[failure.kind];
}

export const nameOf = ({ program, kind, errno }) => `${program} ${kind}${errno ? ` ${getSystemErrorName(-errno)}` : ""}`;
