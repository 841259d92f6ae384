/* SPDX-License-Identifier: MIT
 *
 * A cold session: from the wish to have a team awake until its Claude has answered `initialize`,
 * beside the same Claude started with the same options on a bare pipe. With fake-claude, and with
 * the real CLI where it is installed.
 */
import { existsSync } from "node:fs";
import { claudePath, fakeClaudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { bench, claudeStart, control, numberedTeams, withIris } from "./client.mjs";

/* Each round is another team. */
function each(method, expect, iris, n, base) {
	const request = control(iris, method, '{"team":"team-@N"}');
	return bench([...request, "-n", n, "-w", 0, "-b", base, "-e", `"status":"${expect}"`]);
}

/* Its worker is started as well, unless it runs already. */
const wake = (iris, n, base = 0) => each("iris/team.wake", "awake", iris, n, base);
const sleep = (iris, n, base = 0) => each("iris/team.sleep", "sleeping", iris, n, base);

const added = (whole, own) => ({ p50: whole.p50 - own.p50 });

async function fake(scale, add) {
	const n = scale.sessions;

	await withIris(numberedTeams(n, { settings: { maxProcesses: n } }), async (iris) => {
		const own = await bench(["-S", n, "-w", 1, ...claudeStart(fakeClaudePath())], { env: iris.env, cwd: iris.root });
		const first = await wake(iris, n);
		await sleep(iris, n);
		const again = await wake(iris, n);
		const common = { unit: "ms", goal: { p50: 10 }, floor: own, n, repeats: 1 };
		add({
			what: "cold session, fake-claude, with its worker: added", ...common, measured: added(first, own), whole: false,
			note: `whole ${first.p50.toFixed(2)} / ${first.p99.toFixed(2)} ms; floor: the same start on a bare pipe`,
		});
		add({
			what: "cold session, fake-claude, worker runs: added", ...common, measured: added(again, own), whole: false,
			note: `whole ${again.p50.toFixed(2)} / ${again.p99.toFixed(2)} ms`,
		});
	});
}

function realClaude() {
	try {
		return existsSync(claudePath()) ? claudePath() : null;
	} catch {
		return null;
	}
}

async function real(scale, add) {
	const claude = realClaude();
	const what = "cold session, the real CLI, with its worker: added";

	if (claude === null) {
		add({ what, unit: "ms", goal: { p50: 10 }, note: "no figure: npm ci in tests/ installs the CLI" });
		return;
	}
	/* Nobody listens at that address; a start needs nobody. */
	const world = makeClaudeEnv({ api: { url: "http://127.0.0.1:9" } });
	const iris = numberedTeams(scale.real + 1, { world, settings: { claudePath: claude } });

	await withIris(iris, async () => {
		const own = [], through = [];
		for (let i = 0; i <= scale.real; i++) {
			own.push((await bench(["-S", 1, "-w", 0, ...claudeStart(claude)], { env: iris.env, cwd: iris.root })).p50);
			through.push((await wake(iris, 1, i)).p50);
			await sleep(iris, 1, i);
		}
		/* The first of each fills the page cache. */
		const median = (list) => list.slice(1).sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)];
		const [a, b] = [median(own), median(through)];
		const [least, most] = [Math.min(...own.slice(1)), Math.max(...own.slice(1))];
		add({
			what, unit: "ms", goal: { p50: 10 }, floor: { p50: a }, measured: { p50: b - a }, whole: false, n: scale.real, warmup: 1, repeats: 1,
			note: `whole ${b.toFixed(1)} ms; its own start varies from ${least.toFixed(1)} to ${most.toFixed(1)} ms`,
		});
	});
}

export async function sessionRows(scale, add) {
	await fake(scale, add);
	await real(scale, add);
}
