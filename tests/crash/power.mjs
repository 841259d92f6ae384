/* SPDX-License-Identifier: MIT
 *
 * Loss of power: what irisd did to its database and what it told whom is recorded once
 * (preload-record.c); then, for any moment of the record, a disk is made up that could have been
 * left behind by losing power there: all that was synced, and of what was written since any
 * sectors, the last one torn. From that disk the next irisd must be able to go on: SQLite finds the
 * file sound, and everything that had been told to anybody before that moment is in it.
 *
 * Names of files are lost and found like contents: they last from the sync of their directory on.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { check, describe, isFinal, readDatabase, readStore, readTranscripts } from "./checker.mjs";
import { CALLS, preloadEnv, random } from "./preload.mjs";
import { Play, configDirOf, makeWorld } from "./scenario.mjs";

const SECTOR = 512, ENTRY = 40;
const NEAR = 150; /* entries */
const LADDER = ["queued", "sent", "seen", "answered", "failed", "expired", "cancelled"];

/* --- the record ------------------------------------------------------------------------------ */

/* struct entry of preload-record.c: [{ call, pid, name, data, off, at }], in order. */
export function readRecord(file) {
	const b = readFileSync(file), entries = [];

	for (let p = 0; p + ENTRY <= b.length;) {
		const nameEnd = p + ENTRY + b.readUInt32LE(p + 8), end = nameEnd + b.readUInt32LE(p + 12);
		entries.push({
			call: CALLS[b.readUInt32LE(p)],
			pid: b.readUInt32LE(p + 4),
			off: Number(b.readBigInt64LE(p + 16)),
			at: Number(b.readBigInt64LE(p + 32)),
			name: b.toString("utf8", p + ENTRY, nameEnd),
			data: b.subarray(nameEnd, end),
		});
		p = end;
	}
	return entries;
}

/* Lines that connections carried one way: [{ index, from, line }]; index of its last entry. */
function linesOf(entries, call) {
	const rest = new Map(), lines = [];

	entries.forEach((e, index) => {
		if (e.call !== call || !e.name.startsWith("socket:")) return;
		const from = `${e.pid} ${e.name}`;
		const parts = `${rest.get(from) ?? ""}${e.data.toString("latin1")}`.split("\n");
		rest.set(from, parts.pop());
		for (const text of parts)
			lines.push({ index, from, line: JSON.parse(Buffer.from(text, "latin1").toString("utf8")) });
	});
	return lines;
}

/* Every { id, state } that stands in a value, at whatever depth; tools also say it in a text. */
function statesIn(value, found, id) {
	if (typeof value === "string" && value.startsWith("{")) {
		try {
			return statesIn(JSON.parse(value), found);
		} catch {
			return found; /* a text that happens to begin so */
		}
	}
	if (typeof value !== "object" || value === null) return found;
	const own = typeof value.messageId === "string" ? value.messageId : typeof value.id === "string" ? value.id : id;
	if (own?.length === 36 && LADDER.includes(value.state)) found.push({ id: own, state: value.state });
	for (const inner of Object.values(value))
		statesIn(inner, found, own);
	return found;
}

/*
 * What irisd has told, from which entry on: [{ index, id, state }]. A worker that is given a
 * message may rely on "sent", and one whose result is acknowledged will forget it.
 */
export function toldIn(entries) {
	const told = [], results = new Map();

	for (const { from, line } of linesOf(entries, "read"))
		if (line.method === "event/result") results.set(`${from} ${line.id}`, line.params.message);
	for (const { index, from, line } of linesOf(entries, "write")) {
		if (line.method === "worker/turn") told.push({ index, id: line.params.message, state: "sent" });
		else if (line.method === undefined && line.result !== undefined && results.has(`${from} ${line.id}`))
			told.push({ index, id: results.get(`${from} ${line.id}`), state: "final" });
		else told.push(...statesIn(line.method === undefined ? line.result : line.params, []).map((t) => ({ index, ...t })));
	}
	return told;
}

/* --- the disk -------------------------------------------------------------------------------- */

/* What a file holds: bytes that are changed in place. */
class Content {
	constructor(bytes = Buffer.alloc(0)) {
		this.room = Buffer.from(bytes);
		this.length = bytes.length;
	}

	bytes() {
		return this.room.subarray(0, this.length);
	}

	resize(length) {
		if (length > this.room.length) {
			const room = Buffer.alloc(Math.max(length, this.room.length * 2));
			this.bytes().copy(room);
			this.room = room;
		}
		if (length > this.length) this.room.fill(0, this.length, length);
		this.length = length;
	}

	perform({ length, off, data }) {
		if (length !== undefined) return this.resize(length);
		if (off + data.length > this.length) this.resize(off + data.length);
		data.copy(this.room, off);
	}
}

/* The database's files as the record leaves them, with what is safe and what is not. */
export class Disk {
	constructor(home) {
		this.prefix = join(home, "iris.db");
		this.home = home;
		this.now = new Map(); /* name -> file: as programs see it */
		this.names = new Map(); /* name -> file: as it is safe */
		this.changes = []; /* of names, not safe yet */
	}

	file(name) {
		const clean = name.replace(/ \(deleted\)$/, "");

		if (!this.now.has(clean)) {
			const file = { safe: new Content(), pending: [] };
			this.now.set(clean, file);
			this.changes.push({ name: clean, file });
		}
		return this.now.get(clean);
	}

	/* Take over one entry of the record. */
	add(e) {
		if (e.call === "sync" && e.name === this.home) {
			for (const c of this.changes.splice(0))
				this.rename(this.names, c);
			return;
		}
		if (!e.name.startsWith(this.prefix)) return;
		if (e.call === "unlink") {
			this.now.delete(e.name);
			this.changes.push({ name: e.name });
			return;
		}
		const file = this.file(e.name);
		if (e.call === "pwrite" || e.call === "write") file.pending.push({ off: e.off, data: e.data });
		else if (e.call === "truncate") file.pending.push({ length: e.off });
		else if (e.call === "sync") {
			for (const op of file.pending.splice(0))
				file.safe.perform(op);
		}
	}

	rename(names, { name, file }) {
		if (file) names.set(name, file);
		else names.delete(name);
	}

	/* Is anything there that power could take? */
	get dirty() {
		return this.changes.length > 0 || [...this.now.values()].some((f) => f.pending.length > 0);
	}

	/* One disk that losing power now could leave: { base name: content }. */
	lose(rnd) {
		const names = new Map(this.names), kept = rnd(this.changes.length + 1);

		for (const c of this.changes.slice(0, kept))
			this.rename(names, c);
		return Object.fromEntries([...names].map(([name, file]) => [basename(name), this.survives(file, rnd)]));
	}

	survives(file, rnd) {
		const chance = rnd.pick([0, 1, 2, 3, 4]); /* quarters of the sectors */
		const content = new Content(file.safe.bytes());
		let torn;

		for (const op of file.pending)
			for (const part of op.length === undefined ? sectors(op) : [op]) {
				if (rnd(4) >= chance) continue;
				/* What stood there, for the part of the last sector that is not reached. */
				if (part.data) torn = { off: part.off, old: Buffer.from(content.bytes().subarray(part.off, part.off + part.data.length)), n: part.data.length };
				content.perform(part);
			}
		if (torn && torn.off + torn.n <= content.length) {
			const keep = rnd(torn.n + 1), was = Buffer.concat([torn.old, Buffer.alloc(torn.n)]).subarray(keep, torn.n);
			content.perform({ off: torn.off + keep, data: was });
		}
		return content.bytes();
	}
}

/* A write, cut where sectors of the disk end. */
function sectors({ off, data }) {
	const parts = [];

	for (let p = 0; p < data.length;) {
		const n = Math.min(SECTOR - ((off + p) % SECTOR), data.length - p);
		parts.push({ off: off + p, data: data.subarray(p, p + n) });
		p += n;
	}
	return parts;
}

/* --- recording and checking ------------------------------------------------------------------ */

/*
 * Play the scenario (or `act`) under the recorder. Answers { iris, entries, told }; the world stays
 * for boot(), and is removed by the caller.
 */
export async function record({ meanwhile, act = (play) => play.run() } = {}) {
	const iris = makeWorld();
	const log = `${iris.root}.record`, state = `${iris.root}.state`;
	const play = new Play(iris);

	Object.assign(iris.env, preloadEnv("record", { spec: log, victim: 0, file: state }));
	try {
		await Promise.all([act(play), meanwhile?.(iris)]);
		await play.finish();
		if (play.problems.length > 0) throw new Error(`the scenario fails undisturbed:\n${describe(play.problems)}\n${iris.log().slice(-3000)}`);
		const entries = readRecord(log);
		return { iris, entries, told: toldIn(entries) };
	} finally {
		await iris.stop({ keep: true });
		for (const file of [log, state])
			rmSync(file, { force: true });
	}
}

/* What was told is what is there. */
function missing(told, messages) {
	const byId = new Map(messages.map((m) => [m.id, m])), found = [];

	for (const { id, state, index } of told) {
		const m = byId.get(id);
		if (!m) found.push({ rule: "lost", text: `${id} was told to be ${state} (entry ${index}), and is not there` });
		else if (state === "final" ? !isFinal(m.state) : !m.receipts.some((r) => r.state === state))
			found.push({ rule: "reversed", text: `${id} was told to be ${state} (entry ${index}), and is ${m.state} [${m.receipts.map((r) => r.state)}]` });
	}
	return found;
}

/*
 * Moments that are worth a look: those at which anything is not safe. near: those close to a change
 * of the database itself only, which is when its log is copied into it and begun anew.
 */
export function moments({ iris, entries }, { near = false } = {}) {
	const disk = new Disk(iris.home), main = join(iris.home, "iris.db"), list = [];
	const changes = entries.flatMap((e, i) => (e.name === main && e.call !== "open" ? [i] : []));
	let c = 0;

	entries.forEach((e, i) => {
		disk.add(e);
		while (c + 1 < changes.length && changes[c + 1] <= i + NEAR) c++;
		if (near && !(Math.abs(changes[c] - i) <= NEAR)) return;
		if (["pwrite", "write", "sync", "truncate", "unlink"].includes(e.call) && disk.dirty) list.push(i + 1);
	});
	return list;
}

/* Disks lost at these points, which ascend, `each` of them: { point, seed, first, files }. */
export function* disksAt({ iris, entries }, points, each, seed) {
	const disk = new Disk(iris.home);
	let at = 0;

	for (const point of points) {
		for (; at < point; at++)
			disk.add(entries[at]);
		for (let i = 0; i < each; i++) {
			const own = seed + point * each + i;
			yield { point, seed: own, first: i === 0, files: disk.lose(random(own)) };
		}
	}
}

/* Problems of such a disk, read with the SQLite of the system. */
export async function inspect({ told }, { point, files }) {
	const before = told.filter((t) => t.index < point);
	const dir = mkdtempSync(join(tmpdir(), "iris-pw"));

	try {
		for (const [name, content] of Object.entries(files))
			writeFileSync(join(dir, name), content);
		if (!existsSync(join(dir, "iris.db"))) return missing(before, []);
		const store = await readDatabase(join(dir, "iris.db"));
		return [...check({ journal: { entries: [] }, store, settled: false }).problems, ...missing(before, store.messages)];
	} catch (e) {
		/* Not even the tables: right as long as nobody has been told anything. */
		if (before.length === 0 && /no such table/.test(e.message)) return [];
		return [{ rule: "database", text: e.message }];
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
}

/*
 * The conversations as they were at that time. Times are in ms, and much happens in one: a message
 * can not be in a conversation before irisd has given it to a worker.
 */
function copyTranscripts(from, to, at, given) {
	const late = (o) => Date.parse(o.timestamp) > at || (o.type === "user" && !given.has(o.uuid));

	cpSync(from, to, { recursive: true });
	for (const project of readdirSync(join(to, "projects"))) {
		for (const name of readdirSync(join(to, "projects", project))) {
			const file = join(to, "projects", project, name);
			const lines = readFileSync(file, "utf8").split("\n").slice(0, -1), end = lines.findIndex((l) => late(JSON.parse(l)));
			const then = end === -1 ? lines : lines.slice(0, end);
			if (then.length === 0) rmSync(file);
			else writeFileSync(file, `${then.join("\n")}\n`);
		}
	}
}

/* The same under the real irisd, which goes on with all that is open. Answers { problems, text }. */
export async function boot({ iris: old, entries, told }, { point, files }) {
	const iris = makeWorld({ paths: old.dirs });
	const play = new Play(iris);
	const before = told.filter((t) => t.index < point), { problems } = play;
	const { at } = entries.slice(0, point).findLast((e) => e.at > 0);

	try {
		for (const [name, content] of Object.entries(files))
			writeFileSync(join(iris.home, name), content, { mode: 0o600 });
		mkdirSync(configDirOf(iris), { recursive: true });
		if (existsSync(join(configDirOf(old), "projects"))) {
			const given = new Set(before.filter((t) => t.state === "sent").map((t) => t.id));
			copyTranscripts(configDirOf(old), configDirOf(iris), at, given);
		}
		await iris.start();
		await play.settle();
		const store = await readStore(iris);
		problems.push(...missing(before, store.messages));
		problems.push(...check({ journal: play.journal, store, transcripts: readTranscripts(configDirOf(iris)) }).problems);
	} catch (e) {
		problems.push({ rule: "scenario", text: e.stack });
	}
	const log = iris.log();
	try {
		await iris.stop();
	} catch (e) {
		problems.push({ rule: "end", text: e.message });
	}
	return { problems, text: problems.length > 0 ? `${describe(problems)}\n${log.slice(-3000)}` : "" };
}
