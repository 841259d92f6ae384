/* SPDX-License-Identifier: MIT
 *
 * The fixed scenario of the crash tests: a handful of messages between teams, through real shims
 * and the CLI, that come to every kind of end. Nothing here starts irisd or knows that it may die:
 * the clients do what they always do, and where the CLI says that irisd is gone, a person who runs
 * the command again is played.
 *
 *	one    asked and answered
 *	two    asked, in the middle of its turn until the gate opens
 *	three  asked, behind two in the queue
 *	four   not waited for, sent twice with one idempotency key
 *	five   in the queue, cancelled
 *	six    asked with a timeout that ends before the turn does; its answer is fetched
 *	seven  asked by the CLI, from a directory that is no team
 */
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { daemons, makeGate, makeIris, waitFor, within } from "../integration/setup.mjs";
import { Journal, check, databaseOf, describe, findOrphans, isFinal, readDatabase, readStore, readTranscripts } from "./checker.mjs";

/* ms after which a client that has no answer is said to wait for ever. */
const PATIENCE = 25000;
const PERSON_TRIES = 6;

export const configDirOf = (iris) => join(iris.env.HOME, ".claude");

/* Where irisd can not be reached, or has been lost, a command is run again. */
const GONE = ["unavailable", "io", "timeout"];

/* paths: name -> directory, where the teams' projects are there already. */
export function makeWorld({ env = {}, settings = {}, paths = {} } = {}) {
	const iris = makeIris(Object.fromEntries(["asker", "b", "c"].map((name) => [name, paths[name] ? { path: paths[name] } : {}])), {
		env,
		settings: { restartDelay: 50, restartBudget: 20, stopTimeout: 3000, ...settings },
	});
	iris.gates = [makeGate(iris, "gate-two"), makeGate(iris, "gate-six")];
	return iris;
}

/* A text stands in a line of some conversation: Claude has taken it. */
function taken(iris, text) {
	const base = join(configDirOf(iris), "projects");

	return existsSync(base) && readdirSync(base).some((project) =>
		readdirSync(join(base, project)).some((file) => readFileSync(join(base, project, file), "utf8").includes(text)));
}

/* Until Claude has taken a message of the scenario. */
export const underway = (iris, name) =>
	waitFor(() => taken(iris, `nonce-${name}`), { deadline: PATIENCE, what: `${name} to reach Claude` });

/* One play of the scenario. strict: exactly the answers of an undisturbed one are expected. */
export class Play {
	constructor(iris, { strict = true } = {}) {
		this.iris = iris;
		this.strict = strict;
		this.journal = new Journal();
		this.problems = [];
		this.ids = {};
		this.shimSaid = ""; /* what all shims wrote to standard error */
		this.shimDied = false;
		this.fired = () => false; /* has the fault come? */
	}

	/* What an answer says to the journal. */
	end(call, name, o) {
		if (o.messageId) this.ids[name] = o.messageId;
		if (o.response !== undefined && o.state === "answered")
			this.journal.end(call, { outcome: "answered", id: o.messageId, answer: o.response });
		else if (o.isError && isFinal(o.state))
			this.journal.end(call, { outcome: o.state, id: o.messageId, code: o.code, text: o.error });
		else if (o.isError)
			this.journal.end(call, { outcome: "error", id: o.messageId, code: o.code, text: o.error });
		else
			this.journal.end(call, { outcome: "open", id: o.messageId });
		return o;
	}

	async tool(client, name, tool, args, expect = {}) {
		const nonce = `nonce-${name}`;
		const begin = { kind: tool, client: client.named, nonce, timeout: args.timeout > 0 ? args.timeout : 0, ...expect };
		const call = this.journal.begin(tool === "message_result" ? { ...begin, nonce: undefined } : begin);
		const body = args.message === undefined ? {} : { message: `${args.message}\n(${nonce})` };

		try {
			const o = await this.iris.call(client, tool, { ...args, ...body }, { timeout: PATIENCE });
			return this.end(call, name, o.isError ? { ...JSON.parse(o.text), isError: true } : o);
		} catch (e) {
			/* Nothing but the shim's own end or silence gets here: a tool that fails answers. */
			if (!this.clientsMayDie) this.problems.push({ rule: "waiting", text: `${tool} (${name}): ${e.message}` });
			this.journal.end(call, this.clientsMayDie ? { outcome: "killed" } : { outcome: "error", code: "internal", text: e.message });
			return { isError: true, error: e.message, lost: true };
		}
	}

	/*
	 * A command, run again while irisd is said to be gone, and after "iris start" as it says; answers
	 * what it printed.
	 */
	async command(args, { cwd = this.iris.root, tries = PERSON_TRIES } = {}) {
		for (let i = 1; ; i++) {
			const r = await this.iris.iris(["--json", ...args], { cwd, deadline: PATIENCE });
			if (r.signal !== null || r.stdout.trim() === "") {
				this.problems.push({ rule: "waiting", text: `iris ${args.join(" ")}: ${r.signal ?? r.status}: ${r.stderr}` });
				return {};
			}
			const o = JSON.parse(r.stdout);
			if (!GONE.includes(o.error?.code) || o.id !== undefined || i === tries) return o;
			if (args[0] !== "start") await this.command(["start"], { tries: 1 });
		}
	}

	/*
	 * A client that can not even be initialized, because it fails itself or is told that irisd can
	 * not start, is started again, as a person would.
	 */
	async client(name, cwd) {
		for (let i = 1; ; i++) {
			try {
				const client = await this.iris.client({ cwd, name });
				client.onclose = () => (this.shimDied = true);
				return Object.assign(client, { named: name });
			} catch (e) {
				this.shimDied = true;
				if (this.strict || i === 3 || (!this.clientsMayDie && !(e.message.length > 40))) throw e;
			}
		}
	}

	/* ask by the CLI; its wait survives irisd's end by its own key. */
	async ask(name, to, text, expect) {
		const nonce = `nonce-${name}`;
		const call = this.journal.begin({ kind: "iris ask", client: "person", nonce, expect });
		const o = await this.command(["ask", to, `${text}\n(${nonce})`], { tries: 1 });

		this.ids[name] = o.id;
		if (o.state === "answered") this.journal.end(call, { outcome: "answered", id: o.id, answer: o.response });
		else if (isFinal(o.state)) this.journal.end(call, { outcome: o.state, id: o.id, code: o.error.code, text: o.error.reason });
		else this.journal.end(call, { outcome: "error", id: o.id, code: o.error?.code, text: o.error?.message });
		return o;
	}

	expected(name, o, want) {
		if (!this.strict) return;
		for (const [key, value] of Object.entries(want))
			if (o?.[key] !== value) this.problems.push({ rule: "undisturbed", text: `${name}: ${key} is ${JSON.stringify(o?.[key])}, expected ${JSON.stringify(value)}: ${JSON.stringify(o).slice(0, 400)}` });
	}

	/* Until Claude has it, or (where things fail) the call has ended without that. */
	async underWay(name, call) {
		let over = false;

		call.finally(() => (over = true));
		await waitFor(() => over || taken(this.iris, `nonce-${name}`), { deadline: PATIENCE, what: `${name} to reach Claude` });
	}

	async run() {
		const { iris } = this, [gateTwo, gateSix] = iris.gates;

		const asker = await this.client("asker", iris.dirs.asker);
		this.expected("one", await this.tool(asker, "one", "ask_message", { toTeam: "b", message: "ECHO first" }, { expect: "first" }), { response: "first" });
		const two = this.tool(asker, "two", "ask_message", { toTeam: "b", message: gateTwo.hold, timeout: 0 }, { expect: "held" });
		await this.underWay("two", two);
		const three = this.tool(asker, "three", "ask_message", { toTeam: "b", message: "ECHO third", timeout: 0 }, { expect: "third" });
		await this.cancelled(asker);
		await this.keyed(asker);
		const other = await this.client("b", iris.dirs.b);
		const six = await this.tool(other, "six", "ask_message", { toTeam: "c", message: gateSix.hold, timeout: 150 }, { expect: "held" });
		this.expected("six", six, { timedOut: true });
		const seven = this.ask("seven", "c", "ECHO seventh", "seventh");
		gateTwo.open();
		this.expected("two", await two, { response: "held" });
		this.expected("three", await three, { response: "third" });
		this.expected("seven", await seven, { state: "answered", response: "seventh" });
		gateSix.open();
		if (six.messageId)
			this.expected("six", await this.tool(other, "six", "message_result", { messageId: six.messageId, timeout: 20000 }, { expect: "held" }), { response: "held" });
		await this.fetched(asker);
	}

	async keyed(asker) {
		const send = () => this.tool(asker, "four", "quick_message", { toTeam: "c", message: "ECHO fourth", idempotencyKey: "key-four" }, { expect: "fourth", key: "key-four" });
		const first = await send(), again = await send();

		if (!first.lost && !again.lost && !first.isError) this.expected("four again", again, { messageId: first.messageId });
	}

	/* By a person, who does it again when irisd was gone: "it is cancelled already" is fine. */
	async cancelled(asker) {
		const five = await this.tool(asker, "five", "quick_message", { toTeam: "b", message: "ECHO fifth" });

		if (five.messageId === undefined) return;
		await this.command(["message", "cancel", five.messageId]);
		const o = await this.command(["message", "show", five.messageId]);
		if (o.receipts) this.journal.look(o);
		this.expected("five", o, { state: "cancelled" });
	}

	async fetched(asker) {
		if (this.ids.four === undefined) return;
		const o = await this.tool(asker, "four", "message_result", { messageId: this.ids.four, timeout: 20000 }, { expect: "fourth" });
		this.expected("four", o, { response: "fourth" });
		const shown = await this.command(["message", "show", this.ids.four]);
		if (shown.receipts) this.journal.look(shown);
	}

	/*
	 * To the end: everything has settled, irisd (whichever it is by now) is asked, stopped, and its
	 * file read. Answers the problems.
	 */
	async finish() {
		const { iris } = this;

		for (const gate of iris.gates)
			gate.open();
		this.journal.calm();
		await this.settle();
		for (const m of (await this.store()).messages)
			this.journal.look(m);
		await this.orphans();
		await this.stop();
		const store = await readDatabase(databaseOf(iris));
		const { problems } = check({ journal: this.journal, store, transcripts: readTranscripts(configDirOf(iris)), bound: PATIENCE });
		this.problems.push(...problems);
		return this.problems;
	}

	/* The fault may hit the very connection that asks; then nobody runs until somebody asks again. */
	async orphans() {
		let found = await findOrphans(this.iris, { deadline: 2000 });

		if (found.length > 0 && this.fired()) {
			await this.command(["start"]);
			found = await findOrphans(this.iris);
		}
		this.problems.push(...found);
	}

	async store() {
		for (let i = 1; ; i++) {
			try {
				return await readStore(this.iris);
			} catch (e) {
				if (i === PERSON_TRIES) throw e;
				await this.command(["status"]);
			}
		}
	}

	async settle() {
		await waitFor(async () => {
			const o = await this.command(["status"]);
			return o.messages && o.messages.queued + o.messages.sent + o.messages.seen === 0;
		}, { deadline: PATIENCE, every: 20, what: "every message to end" });
	}

	/* As lib does it; and once more, when the fault came just now, of what that may have left. */
	async stop() {
		const before = this.fired();

		for (const client of this.iris.clients.splice(0)) {
			client.onclose = undefined;
			await within(5000, client.close(), "a client to close");
			this.shimSaid += client.shimStderr;
		}
		await this.command(["stop"], { tries: 1 });
		if (before || !this.fired()) return;
		await this.command(["start"]);
		await this.command(["stop"], { tries: 1 });
	}
}

/* A turn ends while no irisd runs, nor anybody who would start one; then it is asked for. */
export async function orphanedTurn(play) {
	const { iris } = play, [gate] = iris.gates;
	const asker = await play.client("asker", iris.dirs.asker);
	const o = await play.tool(asker, "two", "quick_message", { toTeam: "b", message: gate.hold }, { expect: "held" });

	if (!o.messageId) return;
	await waitFor(() => play.fired() || taken(iris, "nonce-two"), { deadline: PATIENCE, what: "two to reach Claude" });
	asker.onclose = undefined;
	await within(5000, asker.close(), "the shim to end");
	iris.clients = [];
	for (const { pid } of daemons(iris))
		process.kill(pid, "SIGKILL");
	gate.open();
	await waitFor(() => play.fired() || /worker\[\d+\] turn ended/.test(iris.log()), { deadline: PATIENCE, what: "the turn to end" });
	const shown = await play.command(["message", "show", o.messageId, "--wait", "20s"]);
	if (shown.receipts) play.journal.look(shown);
	play.expected("two", shown, { state: "answered", response: "held" });
}

/* So many messages that the log of the database is copied into it and begun anew. */
export async function crowd(play) {
	const asker = await play.client("asker", play.iris.dirs.asker);
	const lane = async (team, n) => {
		for (let i = 0; i < 150; i++)
			await play.tool(asker, `${team}-${n}-${i}`, "ask_message", { toTeam: team, message: `ECHO ${"x".repeat(500)}` }, { expect: "xxx" });
	};

	await Promise.all(["b", "c"].flatMap((team) => [1, 2, 3].map((n) => lane(team, n))));
}

/*
 * Play it in a world of its own. Answers { problems, text, iris, play }: no problems when all is
 * well, else a text with the end of the log. fired(iris): the fault has come. meanwhile(iris): what
 * else happens. also(world, log): what else is to be checked in the end; answers problems.
 */
export async function playOnce({ env, strict, clientsMayDie = false, fired = () => false, meanwhile, act = (play) => play.run(), also } = {}) {
	const iris = makeWorld();
	const play = new Play(iris, { strict });

	Object.assign(iris.env, env(iris));
	Object.assign(play, { clientsMayDie, fired: () => fired(iris) });
	try {
		await Promise.all([act(play), meanwhile?.(iris)]);
		await play.finish();
	} catch (e) {
		play.problems.push({ rule: "scenario", text: e.stack });
	}
	try {
		await iris.stop({ keep: true });
	} catch (e) {
		play.problems.push({ rule: "end", text: e.message.split("\n---")[0] });
	}
	const log = iris.log();
	play.problems.push(...(also?.({ iris, play }, log) ?? []));
	rmSync(iris.root, { recursive: true, force: true });
	return { problems: play.problems, text: play.problems.length > 0 ? `${describe(play.problems)}\n${log.slice(-6000)}` : "", iris, play };
}
