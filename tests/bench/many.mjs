/* SPDX-License-Identifier: MIT
 *
 * Ten teams in parallel, and irisd's memory with 200 teams and what those ten have been sent.
 * Every message is counted: answered to its caller with its own text, and answered in the store.
 */
import { bareClaude, bareTurns, bench, mcpFirst, numberedTeams, shim, toolCall, withIris } from "./client.mjs";
import { memory, memoryRow } from "./proc.mjs";

const TEAMS = 200, CALLERS = 10, WARMUP = 20;

async function parallel(iris, depth, n) {
	const through = [...mcpFirst, ...toolCall("send_message", '{"toTeam":"team-@C","message":"ECHO bench-@C-@N"}'), "-e", '"response":"bench-@C-@N"'];
	const before = (await iris.json(["status"])).messages;
	const r = await bench(["-j", CALLERS, "-d", depth, "-n", n, "-w", WARMUP, ...through, "--", shim], { env: iris.env, cwd: iris.root });
	const after = (await iris.json(["status"])).messages;
	const sent = CALLERS * (n + WARMUP);

	if (after.answered - before.answered !== sent)
		throw new Error(`of ${sent} messages ${after.answered - before.answered} are answered in the store: ${JSON.stringify(after)}`);
	return r;
}

export async function manyRows(scale, add) {
	await withIris(numberedTeams(TEAMS, { settings: { maxProcesses: CALLERS } }), async (iris) => {
		const n = scale.perTeam;
		const bare = await bench(["-j", CALLERS, "-n", n, "-w", WARMUP, ...bareTurns, ...bareClaude], { env: iris.env, cwd: iris.root });
		const rate = (r) => ({ p50: r.perSecond });
		const common = { unit: "messages/s", floor: rate(bare), n: CALLERS * n, warmup: CALLERS * WARMUP, repeats: 1 };
		const one = await parallel(iris, 1, Math.ceil(n / 2));
		const deep = await parallel(iris, scale.depth, n);
		add({
			what: "ten teams in parallel, durable, one call each at a time", ...common, n: CALLERS * Math.ceil(n / 2), measured: rate(one),
			note: `none lost; a call took ${one.p50.toFixed(2)} / ${one.p99.toFixed(2)} ms; floor: ten bare pipes`,
		});
		add({
			what: `ten teams in parallel, durable, ${scale.depth} calls each`, goal: { p50: 3000, least: true }, ...common, measured: rate(deep),
			note: `none lost; a call took ${deep.p50.toFixed(2)} / ${deep.p99.toFixed(2)} ms`,
		});
		const { messages } = await iris.json(["status"]);
		const m = memory(iris.daemon.pid);
		add(memoryRow(`irisd resident, ${TEAMS} teams, ${messages.answered} messages`, 20, m));
	});
}
