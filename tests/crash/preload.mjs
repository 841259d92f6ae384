/* SPDX-License-Identifier: MIT
 *
 * The libraries of preload.h as the tests see them: the environment that puts one between irisd (or
 * another program of Iris) and the C library, and the state that it keeps.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildDir } from "../lib/claude-env.mjs";

/* enum call, struct preload_state */
export const CALLS = ["write", "pwrite", "sync", "rename", "unlink", "truncate", "spawn", "kill", "alloc", "read", "open"];
const COUNTED = 12, WRITES = COUNTED + 4 * CALLS.length, WHAT = WRITES + 12, TRACE = WHAT + 192, TRACE_MAX = 8192, SIZE = TRACE + TRACE_MAX;

/*
 * spec: the policy's words. victim: which process of that program, 0 for each of them. file: of the
 * state, made here.
 */
export function preloadEnv(policy, { program = "irisd", spec, victim = 1, file }) {
	const library = join(buildDir(), "test", `crash-${policy}.so`);

	if (!existsSync(library)) throw new Error(`${library} is not there; "make crash-libs" makes it`);
	writeFileSync(file, Buffer.alloc(SIZE));
	return {
		LD_PRELOAD: library,
		IRIS_PRELOAD: spec,
		IRIS_PRELOAD_PROGRAM: program,
		IRIS_PRELOAD_VICTIM: String(victim),
		IRIS_PRELOAD_STATE: file,
	};
}

/*
 * { processes, fired (pid or 0), calls, each: { write: n, ... }, writes: { file, socket, short },
 * what, trace: [kind, ...] }
 */
export function readState(file) {
	const b = readFileSync(file);
	const calls = b.readUInt32LE(8);

	return {
		processes: b.readUInt32LE(0),
		fired: b.readUInt32LE(4),
		calls,
		each: Object.fromEntries(CALLS.map((name, i) => [name, b.readUInt32LE(COUNTED + 4 * i)])),
		writes: { file: b.readUInt32LE(WRITES), socket: b.readUInt32LE(WRITES + 4), short: b.readUInt32LE(WRITES + 8) },
		what: b.toString("latin1", WHAT, b.indexOf(0, WHAT)),
		trace: [...b.subarray(TRACE, TRACE + Math.min(calls, TRACE_MAX))].map((i) => CALLS[i]),
	};
}

/* Numbers from 0 to n - 1 that a seed decides (xorshift); pick(list) one of them. */
export function random(seed) {
	let x = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0 || 1;
	const next = (n) => {
		x ^= x << 13;
		x ^= x >>> 17;
		x ^= x << 5;
		x >>>= 0;
		return x % n;
	};

	for (let i = 0; i < 8; i++)
		next(2);
	return Object.assign(next, { pick: (list) => list[next(list.length)] });
}
