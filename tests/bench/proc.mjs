/* SPDX-License-Identifier: MIT
 *
 * What the kernel says of a running process: memory and wake-ups. Linux only; elsewhere there are
 * no figures (null).
 */
import { readdirSync, readFileSync } from "node:fs";

function field(text, name) {
	const found = text.match(new RegExp(`^${name}:\\s+(\\d+)`, "m"));
	return found ? Number(found[1]) : null;
}

/* Resident and proportional set, KiB. */
export function memory(pid) {
	try {
		const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
		return { rssKib: field(text, "Rss"), pssKib: field(text, "Pss") };
	} catch {
		return null;
	}
}

/* A row of the table for the memory of one process. */
export function memoryRow(what, goalMib, m, more = {}) {
	return {
		what, unit: "MiB", goal: { p50: goalMib }, measured: m && { p50: m.rssKib / 1024 }, memory: m && { rssKib: m.rssKib, pssKib: m.pssKib },
		note: m ? `proportional set ${(m.pssKib / 1024).toFixed(2)} MiB` : "no figure on this system", ...more,
	};
}

/* How often the process has been given a processor so far, over all its threads. */
export function switches(pid) {
	let sum = 0;

	try {
		for (const thread of readdirSync(`/proc/${pid}/task`)) {
			const text = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
			sum += field(text, "voluntary_ctxt_switches") + field(text, "nonvoluntary_ctxt_switches");
		}
	} catch {
		return null;
	}
	return sum;
}
