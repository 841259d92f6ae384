/* SPDX-License-Identifier: MIT
 *
 * What one caller meets: list_teams, tools/list and send_message through the shim, and what the
 * processes behind it hold in memory and do while nobody asks.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { bareClaude, bareTurns, bench, floor, mcpFirst, numberedTeams, quietest, shim, toolCall, withIris } from "./client.mjs";
import { memory, memoryRow, switches } from "./proc.mjs";

const WARMUP = 100;
/* About as long as two pages take to be on the disk, and the work of Iris beside. */
const REST_US = 500;

/* The floor's answer is as long as that of list_teams with ten teams. */
const LIST_BYTES = 2850;

async function listTeams(iris, scale, add) {
	const options = ["-n", scale.calls, "-w", WARMUP];
	const [raw, listed] = await quietest(scale.repeats,
		() => bench([...options, ...toolCall("list_teams", "{}"), "--", floor, LIST_BYTES]),
		() => bench([...options, ...mcpFirst, ...toolCall("list_teams", "{}"), "-e", '"name":"team-9"', "--", shim], { env: iris.env, cwd: iris.root }));

	add({ what: "list_teams through the shim, ten teams", unit: "ms", goal: { p50: 0.15, p99: 1 }, floor: raw, measured: listed, n: scale.calls, warmup: WARMUP, repeats: scale.repeats });
	add(memoryRow("shim resident, after those calls", 2, listed, { floor: { p50: raw.rssKib / 1024 } }));
}

/* The longest of the answers that a client asks for when it starts, beside the shortest of a tool. */
async function listTools(iris, scale, add) {
	const options = ["-n", scale.calls, "-w", WARMUP, ...mcpFirst];
	const at = { env: iris.env, cwd: iris.root };
	const [date, list] = await quietest(scale.repeats,
		() => bench([...options, ...toolCall("get_date", "{}"), "-e", '"dayOfYear"', "--", shim], at),
		() => bench([...options, "-r", '{"jsonrpc":"2.0","id":@N,"method":"tools/list"}', "-e", '"name":"get_date"', "--", shim], at));

	add({ what: "get_date through the shim", unit: "ms", measured: date, n: scale.calls, warmup: WARMUP, repeats: scale.repeats });
	add({
		what: "tools/list through the shim", unit: "ms", goal: { p50: 2 * date.p50 }, floor: date, measured: list,
		n: scale.calls, warmup: WARMUP, repeats: scale.repeats, note: "floor: get_date; goal: twice that",
	});
}

async function sendMessage(iris, scale, add) {
	const options = ["-n", scale.messages, "-w", WARMUP];
	const through = [...mcpFirst, ...toolCall("send_message", '{"toTeam":"team-0","message":"ECHO bench-@C-@N"}'), "-e", '"response":"bench-@C-@N"'];
	const bareDir = join(iris.root, "work", "bare");
	const common = { unit: "ms", n: scale.messages, warmup: WARMUP, repeats: scale.repeats };

	mkdirSync(bareDir, { recursive: true });
	const bareRounds = (...more) => () => bench([...options, ...more, ...bareTurns, ...bareClaude], { env: iris.env, cwd: bareDir });
	const [disk, bare, rested, sent] = await quietest(scale.repeats,
		() => bench(["-f", join(iris.root, "page"), ...options]),
		bareRounds(), bareRounds("-g", REST_US),
		() => bench([...options, ...through, "--", shim], { env: iris.env, cwd: iris.root }));
	add({ what: "this disk: one page written durably", measured: disk, ...common, note: "no part of Iris; a durable message is at least two of these, one after the other" });
	add({
		what: `fake-claude on a bare pipe, after ${REST_US / 1000} ms of rest`, floor: bare, measured: rested, ...common,
		note: "no part of Iris; floor: without a rest. A process that waits, as it does while a message is made durable, is slower at first",
	});
	add({ what: "send_message, durable, warm session", floor: bare, measured: sent, ...common, note: "floor: the same fake-claude on a bare pipe" });
	add({
		what: "the same: what Iris adds", goal: { p50: 0.4, p99: 2 }, floor: disk, measured: { p50: sent.p50 - bare.p50, p99: sent.p99 - bare.p99 }, ...common,
		note: "differences of the two p50 and of the two p99 of the row above; floor: the disk",
	});
}

/* Until nothing has run for two seconds and a half: behind so many messages the index of their texts is still written. */
async function rested(pids) {
	const sum = () => pids.map(switches).reduce((a, b) => a + b, 0);

	for (let last = -1, n = 0; last !== sum() && n < 60; n += 1) {
		last = sum();
		await delay(2500);
	}
}

async function wakeups(iris, worker, scale, add) {
	const client = await iris.client();
	const pids = { irisd: iris.daemon.pid, "iris-worker": worker.pid, "iris-mcp-shim": client.shimPid };

	await rested(Object.values(pids));
	const before = Object.values(pids).map(switches);
	await delay(scale.idleMs);
	const after = Object.values(pids).map(switches);
	for (const [i, name] of Object.keys(pids).entries()) {
		add({
			what: `wake-ups while idle: ${name}`, unit: `in ${scale.idleMs / 1000} s`, goal: { p50: 0 },
			measured: before[i] === null ? undefined : { p50: after[i] - before[i] }, n: 1,
			note: i === 0 ? "context switches of all threads; one warm session, one shim connected" : undefined,
		});
	}
}

export async function callRows(scale, add) {
	await withIris(numberedTeams(10), async (iris) => {
		add(memoryRow("irisd resident, idle, ten teams", 8, memory(iris.daemon.pid)));
		await listTeams(iris, scale, add);
		await listTools(iris, scale, add);
		await sendMessage(iris, scale, add);
		const { workers } = await iris.json(["status"]);
		add(memoryRow(`iris-worker resident, after ${scale.repeats * (scale.messages + WARMUP)} turns`, 3, memory(workers[0].pid)));
		await wakeups(iris, workers[0], scale, add);
	});
}
