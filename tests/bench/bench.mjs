/* SPDX-License-Identifier: MIT
 *
 * make bench: measures Iris against its budgets, each figure beside a raw floor that is measured
 * in the same run on the same machine, and prints a table. Figures are printed, not judged: a slow
 * machine is no failure, a lost message or a wrong answer is one.
 *
 *	node tests/bench/bench.mjs [--quick] [--json FILE] [--only WORD]
 *
 * Latency rows are measured several times, floor and Iris in turn; the quietest run of each (the
 * lowest p50) counts. The rounds themselves are bench-client's, in C.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, type } from "node:os";
import { parseArgs } from "node:util";
import { apiRows } from "./api.mjs";
import { callRows } from "./call.mjs";
import { manyRows } from "./many.mjs";
import { remoteRows } from "./remote.mjs";
import { sessionRows } from "./session.mjs";
import { startRows } from "./start.mjs";
import { meets, printTable, ratio, shortRow } from "./table.mjs";

const { values: options } = parseArgs({
	options: { quick: { type: "boolean" }, json: { type: "string" }, only: { type: "string" } },
});

/* How much of each; --quick gives figures that only show that the benchmark works. */
const scale = options.quick
	? { repeats: 1, starts: 5, cold: 2, calls: 300, messages: 200, perTeam: 50, depth: 8, sessions: 4, real: 1, idleMs: 2000 }
	: { repeats: 3, starts: 40, cold: 10, calls: 5000, messages: 2000, perTeam: 1000, depth: 8, sessions: 20, real: 7, idleMs: 10000 };

function machine() {
	const model = cpus()[0]?.model ?? "?";
	return { system: `${type()} ${release()}`, cpus: cpus().length, model, load: loadavg().map((n) => Number(n.toFixed(2))) };
}

const version = readFileSync(new URL("../../Makefile", import.meta.url), "utf8").match(/^VERSION\s*:=\s*(\S+)/m)[1];
const document = { iris: version, began: new Date().toISOString(), quick: options.quick === true, scale, machine: machine(), rows: [] };
const add = (row) => {
	document.rows.push({ ...row, ratio: ratio(row), met: meets(row) });
	process.stderr.write(`  ${shortRow(row)}\n`);
};

process.stderr.write(`Iris ${version} on ${document.machine.cpus} x ${document.machine.model}, load ${document.machine.load[0]}\n`);
for (const [name, family] of Object.entries({ start: startRows, call: callRows, api: apiRows, many: manyRows, session: sessionRows, remote: remoteRows })) {
	if (options.only === undefined || options.only === name)
		await family(scale, add);
}
document.machine.loadAfter = loadavg().map((n) => Number(n.toFixed(2)));
document.ended = new Date().toISOString();
printTable(document);
if (options.json)
	writeFileSync(options.json, `${JSON.stringify(document, null, 2)}\n`);
