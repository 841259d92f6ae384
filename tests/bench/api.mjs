/* SPDX-License-Identifier: MIT
 *
 * The REST API on a kept-open connection: a list of ten teams, beside GET /health, which the web
 * process answers by itself; and the same while a hundred viewers have the live events.
 */
import { join } from "node:path";
import { buildDir } from "../lib/claude-env.mjs";
import { listening, freePort } from "../lib/http.mjs";
import { run } from "../lib/iris.mjs";
import { watch } from "../lib/viewer.mjs";
import { numberedTeams, quietest, withIris } from "./client.mjs";
import { memoryRow, memory } from "./proc.mjs";

const TEAMS = 10, WARMUP = 100, VIEWERS = 100;

/* Run bench-http. Throws when an answer was missing or wrong. */
async function rounds(port, path, key, expected, n) {
	const r = await run(join(buildDir(), "test", "bench-http"), [port, path, key, expected, n, WARMUP].map(String), { deadline: 120000 });

	if (r.status !== 0)
		throw new Error(`bench-http ${path}: exit ${r.status ?? r.signal}: ${r.stdout}${r.stderr}`);
	return JSON.parse(r.stdout);
}

export async function apiRows(scale, add) {
	const port = await freePort();
	const iris = numberedTeams(TEAMS, { settings: { httpPort: port }, config: { dashboard: { enabled: true, http: await freePort(), rateLimit: 0 } } });

	await withIris(iris, async () => {
		await listening(iris);
		const { key } = await iris.json(["key", "create", "bench", "--scope", "read"]);
		const health = () => rounds(port, "/health", key, '"status":"ok"', scale.calls);
		const teams = () => rounds(port, "/api/v1/teams", key, '"name":"team-9"', scale.calls);
		const common = { unit: "ms", n: scale.calls, warmup: WARMUP, repeats: scale.repeats };
		const [floor, alone] = await quietest(scale.repeats, health, teams);
		add({ what: "GET /api/v1/teams, ten teams, kept-open connection", goal: { p50: 0.5 }, floor, measured: alone, ...common, note: "floor: GET /health" });
		/* Of two keys: one alone does not get all the places. */
		const other = await iris.json(["key", "create", "viewers", "--scope", "read"]);
		const viewers = await Promise.all(Array.from({ length: VIEWERS }, (_, i) => watch(port, { key: i % 2 ? key : other.key })));
		if (!viewers.every((v) => v.events))
			throw new Error(`a viewer was refused: ${viewers.find((v) => !v.events).text}`);
		const [beside] = await quietest(scale.repeats, teams);
		add({ what: `the same beside ${VIEWERS} viewers of live events`, floor: alone, measured: beside, ...common, note: "floor: without them" });
		const { pid } = (await iris.json(["status"])).web;
		add(memoryRow(`irisd -x web resident, with ${VIEWERS} viewers`, undefined, memory(pid), { goal: undefined }));
		for (const v of viewers)
			v.socket.terminate();
	});
}
