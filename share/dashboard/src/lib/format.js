/* SPDX-License-Identifier: MIT
 *
 * Numbers and times as people read them. Pure, but for the clock that is given.
 */
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** "3 min", "2 h 5 min", "450 ms". */
export function duration(ms) {
	if (ms === undefined || ms === null)
		return "";
	if (ms < 1000)
		return `${Math.max(0, Math.round(ms))} ms`;
	if (ms < 10000)
		return `${(ms / 1000).toFixed(1)} s`;
	let s = Math.round(ms / 1000);
	const words = [];
	for (const [size, unit] of UNITS) {
		const n = Math.floor(s / size);
		s -= n * size;
		if (n > 0 && words.length < 2)
			words.push(`${n} ${unit}`);
		else if (words.length > 0)
			break;
	}
	return words.join(" ");
}

/** "just now", "12 s ago", "3 min ago", "in 4 min"; older than a week: the day. */
export function ago(at, now) {
	const s = Math.round((now - at) / 1000);
	const abs = Math.abs(s);

	if (abs < 2)
		return "just now";
	if (abs >= 7 * 86400)
		return new Date(at).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
	const [size, unit] = UNITS.find(([n]) => abs >= n);
	const text = `${Math.floor(abs / size)} ${unit}`;
	return s >= 0 ? `${text} ago` : `in ${text}`;
}

export const clock = (at) => new Date(at).toLocaleTimeString(undefined, { hour12: false });

/** With milliseconds: for receipts. */
export const clockMs = (at) => `${clock(at)}.${String(Math.floor(at % 1000)).padStart(3, "0")}`;

/** The time, and the day where it is not today. */
export function when(at) {
	const d = new Date(at), now = new Date();

	if (d.toDateString() === now.toDateString())
		return clock(at);
	const year = d.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
	return `${d.toLocaleDateString(undefined, { month: "short", day: "numeric", ...year })}, ${clock(at)}`;
}

export const dateTime = (at) =>
	new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium", hour12: false });

/** The day of a time, in this browser's zone: YYYY-MM-DD. */
export function day(at) {
	const d = new Date(at);

	return [d.getFullYear(), d.getMonth() + 1, d.getDate()].map((n) => String(n).padStart(2, "0")).join("-");
}

export function bytes(n) {
	if (n === undefined || n === null)
		return "";
	if (n < 1024)
		return `${n} B`;
	for (const unit of ["KiB", "MiB", "GiB"]) {
		n /= 1024;
		if (n < 1024 || unit === "GiB")
			return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${unit}`;
	}
	return "";
}

export function money(usd) {
	if (!usd)
		return "$0.00";
	return usd < 0.01 ? "<$0.01" : `$${usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export const count = (n) => (n ?? 0).toLocaleString("en-US");

/** 12345 -> "12.3k". */
export function short(n) {
	if (n === undefined || n === null || n < 1000)
		return String(n ?? 0);
	return n < 1e6 ? `${(n / 1e3).toFixed(n < 1e4 ? 1 : 0)}k` : `${(n / 1e6).toFixed(1)}M`;
}

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** A guest's name as people say it: "guest:key:ci" is "ci (key)". */
export const displayName = (name) => name.replace(/^guest:key:(.+)$/, "$1 (key)").replace(/^guest:(.+)$/, "$1 (guest)");
