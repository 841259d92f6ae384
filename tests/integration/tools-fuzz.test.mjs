/* SPDX-License-Identifier: MIT
 *
 * Calls of all tools with arguments made at random from their own schemas and from nonsense: each
 * is answered, with a result or an error result, and irisd goes on. FUZZ_CALLS and IRIS_SEED in the
 * environment repeat or prolong it.
 */
import { test } from "node:test";
import { assert, assertServes, startTeams } from "./setup.mjs";

const CALLS = Number(process.env.FUZZ_CALLS ?? 1000);
const SEED = Number(process.env.IRIS_SEED ?? Date.now() % 1e9);

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

test(`calls at random: all are answered (IRIS_SEED=${SEED})`, { timeout: 300000 }, async () => {
	const rnd = random(SEED), pick = (list) => list[Math.floor(rnd() * list.length)];
	const iris = await startTeams({ frontend: {}, backend: {}, mobile: {} });
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
		const count = { good: 0, failed: 0, refused: 0 };
		const one = async () => {
			const tool = pick(tools), args = {};
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
				count[r.isError ? "failed" : "good"]++;
			} catch (e) {
				/* The SDK itself refuses some arguments, and irisd a line that is no good JSON. */
				assert.doesNotMatch(String(e), /timed out|closed/i, `${tool.name} ${JSON.stringify(args).slice(0, 300)}: ${e}`);
				count.refused++;
			}
		};
		for (let n = 0; n < CALLS; n += 20)
			await Promise.all(Array.from({ length: 20 }, one));
		assert.ok(count.good > CALLS / 20 && count.failed > CALLS / 20, JSON.stringify(count));
		await assertServes(iris, "backend", iris.dirs.mobile);
	} finally {
		await iris.stop();
	}
});
