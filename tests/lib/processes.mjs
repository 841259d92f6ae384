/* SPDX-License-Identifier: MIT
 *
 * Which processes belong to a test: those whose environment names its directory. Linux only;
 * elsewhere nothing is found.
 */
import { readdirSync, readFileSync } from "node:fs";
import { waitFor } from "./wait.mjs";

function readProc(pid, name) {
	try {
		return readFileSync(`/proc/${pid}/${name}`, "latin1");
	} catch {
		return "";
	}
}

/*
 * Live processes with marker in an environment variable or in their command line. A zombie has
 * neither: see zombiesOf.
 */
export function processesOf(marker) {
	if (process.platform !== "linux") return [];
	const found = [];

	for (const entry of readdirSync("/proc")) {
		const pid = Number(entry);
		if (!Number.isInteger(pid) || pid === process.pid) continue;
		const command = readProc(pid, "cmdline").replaceAll("\0", " ").trim();
		if (readProc(pid, "environ").includes(marker) || command.includes(marker))
			found.push({ pid, command });
	}
	return found;
}

/* The children of a process that have ended and that it has not reaped. */
export function zombiesOf(pid) {
	const children = readProc(pid, `task/${pid}/children`).split(" ").filter(Boolean);

	return children.map(Number).filter((child) => {
		const stat = readProc(child, "stat");
		return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
	});
}

/*
 * Nobody may be left of those that name marker; who is, is killed by pid after the complaint is
 * written.
 */
export async function assertNoneLeft(marker, deadline = 10000) {
	let left = [];

	try {
		await waitFor(() => (left = processesOf(marker)).length === 0, {
			deadline,
			every: 20,
			what: "no process left",
		});
	} catch {
		for (const { pid } of left) {
			try {
				process.kill(pid, "SIGKILL");
			} catch {
				/* it went by itself meanwhile */
			}
		}
		throw new Error(
			`left behind: ${left.map((p) => `${p.pid} ${p.command.slice(0, 120)}`).join("; ")}`,
		);
	}
}
