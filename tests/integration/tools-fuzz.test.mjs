/* SPDX-License-Identifier: MIT
 *
 * 10,000 calls, as many of each tool, with arguments made at random from the tools' own schemas and
 * from nonsense: each is answered, with a result or an error result, the same irisd goes on, and
 * neither it nor the shim grows. A build with sanitizers looks for leaks itself when it ends, and
 * stop() for its reports. FUZZ_CALLS and IRIS_SEED in the environment repeat or prolong it.
 */
import { test } from "node:test";
import { memory } from "../bench/proc.mjs";
import { assert, assertServes, startTeams, status } from "./setup.mjs";

const CALLS = Number(process.env.FUZZ_CALLS ?? 10000);
const SEED = Number(process.env.IRIS_SEED ?? Date.now() % 1e9);
const AT_ONCE = 20;

/*
 * Bytes a call that count as growth, after the first third of the calls. SQLite's cache still fills
 * up meanwhile: it makes half of this. What is lost altogether, however small, the sanitizers see.
 */
const GROWS = 300;

/* mulberry32 */
function random(seed) {
	let a = seed >>> 0;
	return () => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = Math.imul(a ^ (a >>> 15), 1 | a);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

test(`calls at random: all are answered (IRIS_SEED=${SEED})`, { timeout: 900000 }, async (t) => {
	const rnd = random(SEED), pick = (list) => list[Math.floor(rnd() * list.length)];
	const iris = await startTeams({ frontend: {}, backend: {}, mobile: {} }, { settings: { permissionTimeout: 1 } });
	const odd = () => pick([null, true, false, 0, -1, 1.5, 1e308, 9007199254740993, "", "x", "../../etc/passwd", "%s%n%x", "'; --", "ü€𝄞",
		"x".repeat(5000), [], [[]], {}, { a: { b: [] } }, ["backend", 7], "01890000-0000-7000-8000-000000000000"]);
	const fitting = (s) => {
		if (s.enum)
			return pick(s.enum);
		if (s.anyOf)
			return fitting(pick(s.anyOf));
		if (s.type === "string")
			return pick(["backend", "mobile", "frontend", "ECHO hi", "zebra*", "01890000-0000-7000-8000-000000000000"]);
		if (s.type === "integer")
			return pick([s.minimum, s.maximum, 1, 100].filter((n) => n >= s.minimum && n <= s.maximum));
		return s.type === "boolean" ? rnd() < 0.5 : s.type === "array" ? [fitting(s.items)] : {};
	};

	try {
		const client = await iris.client({ cwd: iris.dirs.frontend });
		const { tools } = await client.listTools();
		const { pid } = await status(iris);
		const resident = () => [pid, client.shimPid].map((p) => memory(p)?.rssKib ?? 0);
		const count = { good: 0, failed: 0, refused: 0 }, answered = {};
		const one = async (tool) => {
			const args = {};
			for (const [name, s] of Object.entries(tool.inputSchema.properties)) {
				const needed = tool.inputSchema.required.includes(name);
				if (rnd() < (needed ? 0.95 : 0.3))
					args[rnd() < 0.97 ? name : `${name}x`] = rnd() < 0.8 ? fitting(s) : odd();
			}
			/* Nobody is waited for without limit, and no window is opened. */
			if (tool.inputSchema.properties.timeout && args.timeout === 0)
				args.timeout = 2000;
			if (tool.name === "session_fork")
				delete args.toTeam;
			try {
				const r = await client.callTool({ name: tool.name, arguments: rnd() < 0.02 ? odd() : args }, undefined, { timeout: 60000 });
				assert.equal(r.content[0].type, "text");
				answered[tool.name] = (answered[tool.name] ?? 0) + 1;
				count[r.isError ? "failed" : "good"]++;
			} catch (e) {
				/* The SDK itself refuses some arguments, and irisd a line that is no good JSON. */
				assert.doesNotMatch(String(e), /timed out|closed/i, `${tool.name} ${JSON.stringify(args).slice(0, 300)}: ${e}`);
				count.refused++;
			}
		};
		let before, at;
		for (let n = 0; n < CALLS; n += AT_ONCE) {
			if (!before && n >= CALLS / 3)
				[before, at] = [resident(), n];
			await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => one(tools[(n + i) % tools.length])));
		}
		const grown = resident().map((kib, i) => ((kib - before[i]) * 1024) / (CALLS - at));
		t.diagnostic(`${JSON.stringify(count)}; bytes a call: irisd ${grown[0].toFixed(1)}, shim ${grown[1].toFixed(1)}`);
		assert.equal((await status(iris)).pid, pid, "the same irisd has served all of it");
		assert.ok(count.good > CALLS / 20 && count.failed > CALLS / 20 && count.refused < CALLS / 100, JSON.stringify(count));
		for (const { name } of tools)
			assert.ok(answered[name] > (CALLS / tools.length) * 0.9, `${name}: ${answered[name]} answers`);
		if (!process.env.IRIS_SANITIZED && CALLS >= 10000)
			for (const [i, who] of ["irisd", "iris-mcp-shim"].entries())
				assert.ok(grown[i] < GROWS, `${who} grows by ${grown[i].toFixed(1)} bytes a call`);
		await assertServes(iris, "backend", iris.dirs.mobile);
	} finally {
		await iris.stop();
	}
});
