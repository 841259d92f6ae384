/* SPDX-License-Identifier: MIT
 *
 * irisd's clock. All times that irisd tells are by that one, and how long ago or how long still is
 * reckoned by it as well: the clock of the machine that the browser is on may be wrong.
 */

/* How far this clock is ahead of irisd's, ms. */
let ahead = 0;
let known = false;

/**
 * irisd says that it is at (ms) now. first: of a stream that has just begun; else it may have been on
 * its way for long, and the one that came fastest knows best.
 */
export function learnTime(at, first) {
	const gap = Date.now() - at;

	if (typeof at === "number" && (first || !known || gap < ahead)) {
		ahead = gap;
		known = true;
	}
}

/** irisd's time, ms. @param {number} [now] by the browser's clock */
export const serverTime = (now = Date.now()) => now - ahead;
