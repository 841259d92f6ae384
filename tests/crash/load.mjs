/* SPDX-License-Identifier: MIT
 *
 * The load of the crash tests: real shims under the official MCP client, and `iris` processes, that
 * ask, send, cancel, put to sleep and go away, all by one seed, and write what they see into a
 * journal (checker.mjs). It breaks nothing itself, and never starts irisd but through a shim or the
 * CLI, as in life.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { program } from "../lib/iris.mjs";
import { isFinal, openControl } from "./checker.mjs";

/* A call that has no answer after so long has none. */
const GIVE_UP_MS = 90000;

/* mulberry32: rnd(n) is 0 ... n - 1. */
export function makeRandom(seed) {
	let a = seed >>> 0;

	return (n) => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = Math.imul(a ^ (a >>> 15), a | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
	};
}

/* The key of a table { key: weight } that rnd chooses. */
export function choose(rnd, weights) {
	let at = rnd(Object.values(weights).reduce((a, b) => a + b, 0));

	for (const [key, weight] of Object.entries(weights)) {
		if (at < weight) return key;
		at -= weight;
	}
	throw new Error("no weights");
}

/* What a call of a tool has said, as the end of a call in the journal. */
function endOfTool(r) {
	if (!r.isError && r.messageId === undefined) return { outcome: "done" };
	if (!r.isError) return r.state === "answered" ? { outcome: "answered", id: r.messageId, answer: r.response } : { outcome: "open", id: r.messageId };
	let o;
	try {
		o = JSON.parse(r.text);
	} catch {
		return { outcome: "error", text: r.text };
	}
	return { outcome: isFinal(o.state) ? o.state : "error", id: o.messageId, code: o.code, text: o.error };
}

function endOfRun(stdout) {
	let o;

	try {
		o = JSON.parse(stdout);
	} catch {
		return { outcome: "error", text: `no JSON: ${stdout.slice(0, 200)}` };
	}
	if (o.state === "answered") return { outcome: "answered", id: o.id, answer: o.response };
	if (isFinal(o.state)) return { outcome: o.state, id: o.id, code: o.error?.code, text: o.error?.reason };
	if (o.error) return { outcome: "error", id: o.error.id, code: o.error.code, text: o.error.message };
	return { outcome: o.state === undefined ? "done" : "open", id: o.id };
}

export class Load {
	/* teams: the names that are asked; mix: { operation: weight }, see OPERATIONS and CLI_OPERATIONS. */
	constructor(iris, { journal, rnd, teams, tag = "n" }) {
		Object.assign(this, { iris, journal, rnd, teams, tag });
		this.ids = [];
		this.count = 0;
		this.over = false;
		this.lanes = [];
		this.children = new Map();
	}

	nonce(kind = this.tag) {
		return `${kind}-${(this.count += 1)}`;
	}

	team() {
		return this.teams[this.rnd(this.teams.length)];
	}

	known(call, id) {
		if (id === undefined) return;
		this.journal.accepted(call, id);
		this.ids.push(id);
	}

	finish(call, end) {
		this.known(call, end.id);
		this.journal.end(call, end);
		return end;
	}

	/* One call of a tool, from its beginning to its end. */
	async tool(client, name, args, fields = {}, { signal } = {}) {
		const call = this.journal.begin({ kind: name, client: client.label, timeout: args.timeout > 0 ? args.timeout : 0, ...fields });

		try {
			return this.finish(call, endOfTool(await this.iris.call(client, name, args, { timeout: GIVE_UP_MS, signal })));
		} catch (e) {
			if (signal?.aborted) return this.finish(call, { outcome: "killed" });
			if (/Request timed out/.test(e.message)) return { outcome: "none" };
			return this.finish(call, { outcome: "error", code: e.data?.code, text: e.message });
		}
	}

	/* One run of the CLI; killAfter: ms after which it is killed, where it still runs. */
	async run(args, fields = {}, killAfter) {
		const call = this.journal.begin({ kind: `iris ${args[0]}`, client: "cli", ...fields });
		const child = spawn(program("iris"), ["--json", ...args], { cwd: this.iris.root, env: this.iris.env, stdio: ["ignore", "pipe", "pipe"] });
		const out = { stdout: "", stderr: "" };
		const timer = killAfter !== undefined && setTimeout(() => child.kill("SIGKILL"), killAfter);

		this.children.set(child.pid, child);
		for (const name of ["stdout", "stderr"]) {
			child[name].setEncoding("utf8");
			child[name].on("data", (d) => (out[name] += d));
		}
		const [, signal] = await once(child, "close");
		clearTimeout(timer);
		this.children.delete(child.pid);
		if (signal) return this.finish(call, killAfter === undefined ? { outcome: "error", text: `ended by ${signal}: ${out.stderr}` } : { outcome: "killed" });
		return this.finish(call, endOfRun(out.stdout));
	}

	/* A lane does one operation after the other until the load is over. client: null for the CLI. */
	start(client, mix, pause = 30) {
		const table = client ? OPERATIONS : CLI_OPERATIONS;
		const lane = async () => {
			while (!this.over) {
				await table[choose(this.rnd, mix)](this, client);
				await delay(this.rnd(pause + 1));
			}
		};
		this.lanes.push(lane());
	}

	/* Look at messages again and again, over connections of its own that start no irisd. */
	startLooking(every = 40) {
		let control;
		const look = async () => {
			control ??= await openControl(this.iris.socket);
			this.journal.look(await control.call("iris/message.show", { id: this.ids[this.rnd(this.ids.length)] }));
		};
		const lane = async () => {
			while (!this.over) {
				if (this.ids.length > 0)
					await look().catch(() => {
						control?.close();
						control = undefined; /* irisd is dead: again with the next one */
					});
				await delay(every);
			}
			control?.close();
		};
		this.lanes.push(lane());
	}

	/* Nothing new begins; answered when the last call has ended. */
	end() {
		this.over = true;
		return Promise.all(this.lanes);
	}
}

const sending = (load, text, fields = {}) => {
	const nonce = load.nonce();
	return { message: text(nonce), fields: { nonce, expect: nonce, ...fields } };
};

async function ask(load, client, text, args = {}, options) {
	const { message, fields } = sending(load, text);
	return load.tool(client, "ask_message", { toTeam: load.team(), message, timeout: 0, ...args }, fields, options);
}

/* Sent, and fetched later. */
async function fetchLater(load, client, sent) {
	await delay(load.rnd(100));
	if (sent.id !== undefined) await load.tool(client, "message_result", { messageId: sent.id, timeout: load.rnd(2) ? 20000 : 0 });
}

/* Through a shim. */
export const OPERATIONS = {
	echo: (load, client) => ask(load, client, (n) => `ECHO ${n}`),
	slow: (load, client) => ask(load, client, (n) => `SLOW ${20 + load.rnd(300)} some words and ${n}`),
	/* A tool of the team's Claude, in a session of its own, as Claude Code starts them. */
	bash: (load, client) => ask(load, client, (n) => `BASH sleep 0.0${load.rnd(10)}; echo ${n}`),
	/* What such a tool leaves behind: out of its group, out of its session, deaf to HUP and TERM. */
	escape: (load, client) =>
		ask(load, client, (n) => [
			`BASH setsid sleep 300 >/dev/null 2>&1 & echo ${n}`,
			`BASH (setsid setsid sh -c 'trap "" HUP TERM INT; sleep 300 & wait; sleep 300' >/dev/null 2>&1 &); echo ${n}`,
			`BASH setsid sh -c 'while :; do sleep 0.2; done' >/dev/null 2>&1 & sleep 0.05; echo ${n}`,
		][load.rnd(3)]),
	/* The team's Claude asks another team through its own pipe. */
	inband: (load, client) => {
		const inner = load.nonce("i"), nonce = load.nonce(), toTeam = load.team();
		const what = load.rnd(2) ? `ECHO ${inner}` : `SLOW ${20 + load.rnd(200)} ${inner}`;
		const message = `${nonce} TOOL ask_message ${JSON.stringify({ toTeam, message: what })}`;
		return load.tool(client, "ask_message", { toTeam: load.team(), message, timeout: 0 }, { nonce, inner });
	},
	quick: async (load, client) => {
		const { message, fields } = sending(load, (n) => `SLOW ${load.rnd(200) + 1} ${n}`);
		await fetchLater(load, client, await load.tool(client, "quick_message", { toTeam: load.team(), message }, fields));
	},
	impatient: async (load, client) =>
		fetchLater(load, client, await ask(load, client, (n) => `SLOW ${100 + load.rnd(200)} ${n}`, { timeout: 20 + load.rnd(150) })),
	/* The same key twice, at once or one after the other: one message. */
	twice: async (load, client) => {
		const { message, fields } = sending(load, (n) => `SLOW ${load.rnd(100) + 1} ${n}`);
		const toTeam = load.team(), key = `key-${fields.nonce}`;
		const once = () => load.tool(client, "send_message", { toTeam, message, timeout: 0, idempotencyKey: key }, { ...fields, key });
		if (load.rnd(2)) await Promise.all([once(), once()]);
		else for (let i = 0; i < 2; i++) await once();
	},
	/* The client cancels its call. */
	abort: async (load, client) => {
		const abort = new AbortController();
		const call = ask(load, client, (n) => `SLOW ${50 + load.rnd(300)} ${n}`, {}, { signal: abort.signal });
		await delay(load.rnd(150));
		abort.abort();
		await call;
	},
	/* Claude ends by itself, before or after it has taken the message, or without a result. */
	crash: (load, client) => ask(load, client, (n) => `FAULT ${["crash-mid-turn", "crash-before-seen", "exit-without-result"][load.rnd(3)]}\nECHO ${n}`),
	list: (load, client) => load.tool(client, "list_teams", {}),
	sleep: (load, client) => load.tool(client, "team_sleep", { team: load.team(), force: load.rnd(3) === 0 }),
	/* Waits for a while at most, then expires where it still waits. */
	expire: (load, client) => ask(load, client, (n) => `SLOW ${load.rnd(100) + 1} ${n}`, { ttl: 1 + load.rnd(300) }),
};

/* Processes of `iris`. */
export const CLI_OPERATIONS = {
	ask: (load) => {
		const { message, fields } = sending(load, (n) => `SLOW ${load.rnd(200) + 1} ${n}`);
		return load.run(["ask", "--timeout", "0", load.team(), message], fields);
	},
	/* Its person closes the terminal: the message goes on. */
	leave: (load) => {
		const { message, fields } = sending(load, (n) => `SLOW ${load.rnd(300) + 1} ${n}`);
		return load.run(["ask", "--timeout", "0", load.team(), message], fields, load.rnd(200));
	},
	send: async (load) => {
		const { message, fields } = sending(load, (n) => `SLOW ${load.rnd(100) + 1} ${n}`);
		const { id } = await load.run(["send", load.team(), message], fields);
		if (id !== undefined) await load.run(["message", "show", "--wait", "20000", id], { timeout: 20000 });
	},
	cancel: async (load) => {
		const id = load.ids.at(-1 - load.rnd(Math.min(20, load.ids.length)));
		if (id !== undefined) await load.run(["message", "cancel", id]);
	},
	status: (load) => load.run(["status"]),
	/* An upgrade in the middle of everything. */
	restart: (load) => load.run(["restart"]),
};
