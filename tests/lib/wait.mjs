/* SPDX-License-Identifier: MIT
 *
 * Waiting on conditions, never on luck: every wait of the tests has a deadline and says what it
 * waited for.
 */
import { setTimeout as delay } from "node:timers/promises";

/*
 * Call cond until it answers something true, and answer that. Errors of cond count as "not yet";
 * the last one is in the message when the deadline (ms) passes.
 */
export async function waitFor(cond, { deadline = 20000, every = 10, what = cond.toString() } = {}) {
	const end = performance.now() + deadline;
	let last;

	for (;;) {
		try {
			const value = await cond();
			if (value) return value;
			last = undefined;
		} catch (e) {
			last = e;
		}
		if (performance.now() >= end)
			throw new Error(
				`waited ${deadline} ms for: ${what}${last ? ` (last: ${last.message})` : ""}`,
			);
		await delay(every);
	}
}

/* The promise's value, or an error naming what did not come in time. */
export async function within(ms, promise, what) {
	const abort = new AbortController();
	/* Made here, so that its stack tells who waits. */
	const error = new Error(`waited ${ms} ms for: ${what}`);
	const late = delay(ms, undefined, { signal: abort.signal }).then(() => {
		throw error;
	});

	late.catch(() => {});
	try {
		return await Promise.race([promise, late]);
	} finally {
		abort.abort();
	}
}
