/* SPDX-License-Identifier: MIT
 *
 * What the dashboard knows of irisd: signals that pages read. Snapshots fill them, once after each
 * fresh start of the stream; events keep them right. What comes while a snapshot is on its way is
 * kept and applied after it, in order, so that the end is always the newest. Events are applied in
 * batches, at most one each FLUSH ms: a storm costs one drawing, not hundreds.
 */
import { batch, computed, signal } from "@preact/signals";
import { all, get } from "./api.js";
import { Stream, connection } from "./live.js";
import { day } from "./format.js";
import { applyMessages, applyText, forgetThreads } from "./threads.js";

const FLUSH = 40;
const COSTS_EVERY = 3000;
export const FINAL = new Set(["answered", "failed", "expired", "cancelled"]);

/** name -> TeamObject, by name */
export const teams = signal(new Map());
/** pairKey -> SessionObject */
export const sessions = signal(new Map());
/** id -> MessageObject (brief) of those that have not ended */
export const open = signal(new Map());
/** id -> PermissionObject, newest first */
export const approvals = signal(new Map());
/** {active, max, waiting, queued} */
export const pool = signal(null);
/** iris/daemon.status, as it was loaded last */
export const status = signal(null);
/** counts up when the configuration has changed; the last such event */
export const config = signal({ revision: 0, event: null });
/** team -> costUsd of today */
export const costsToday = signal(new Map());
/** id -> DeliveryObject of webhooks, as they come by */
export const deliveries = signal(new Map());
/** whether the first snapshot is there; the error of the last one that failed */
export const loaded = signal(false);
export const loadError = signal(null);
/** counts up when everything was loaded anew: what a page has loaded by itself may be old as well */
export const age = signal(0);
/** what a page wants to know of all events: Set of functions */
const listeners = new Set();

export const pending = computed(() => [...approvals.value.values()].filter((p) => p.state === "pending"));

/** The name of a pair in maps: no team has a NUL in its name. */
export const pairKey = (from, to) => `${from}\0${to}`;

/** Colours of teams that have none, by their names. */
export function colorOf(name) {
	const own = teams.value.get(name)?.color;
	let hash = 2166136261;

	if (own)
		return own;
	for (const c of name)
		hash = Math.imul(hash ^ c.codePointAt(0), 16777619) >>> 0;
	return `hsl(${(hash >>> 8) % 360} ${45 + (hash % 3) * 12}% ${46 + (hash % 2) * 10}%)`;
}

/** The oldest of the messages that are open. */
export const oldestOpen = computed(() => {
	let oldest = null;

	for (const m of open.value.values())
		if (!oldest || m.createdAt < oldest.createdAt)
			oldest = m;
	return oldest;
});

/** team -> {busy, awake, queued, costUsd, current, activity, lastUsed}: its sessions, added up. */
export const byTeam = computed(() => {
	const sums = new Map();

	for (const s of sessions.value.values()) {
		let t = sums.get(s.to);
		if (!t)
			sums.set(s.to, (t = { busy: [], awake: 0, waiting: 0, queued: 0, sessions: 0, messages: 0, lastUsed: 0 }));
		t.sessions++;
		t.messages += s.messages;
		t.queued += s.queued;
		t.lastUsed = Math.max(t.lastUsed, s.lastUsed);
		if (s.state === "busy")
			t.busy.push(s);
		if (s.state === "waiting")
			t.waiting++;
		else if (s.state !== "asleep")
			t.awake++;
	}
	return sums;
});

const appliers = {
	team(maps, { team }) {
		maps.teams.set(team.name, team);
	},
	session(maps, { session }) {
		maps.sessions.set(pairKey(session.from, session.to), session);
	},
	"session.deleted"(maps, { from, to }) {
		maps.sessions.delete(pairKey(from, to));
	},
	message(maps, { message }) {
		if (FINAL.has(message.state))
			maps.open.delete(message.id);
		else
			maps.open.set(message.id, { ...maps.open.get(message.id), ...message });
	},
	receipt(maps, { id, state, at }) {
		const m = maps.open.get(id);

		if (FINAL.has(state))
			maps.open.delete(id);
		else if (m)
			maps.open.set(id, { ...m, state, updatedAt: at });
	},
	approval(maps, { permission }) {
		maps.approvals.set(permission.id, permission);
	},
	webhook(maps, { webhook }) {
		maps.deliveries.set(webhook.id, webhook);
	},
};

const byKind = { team: "teams", session: "sessions", "session.deleted": "sessions", message: "open",
	receipt: "open", approval: "approvals", webhook: "deliveries" };
const signals = { teams, sessions, open, approvals, deliveries };

/* Draft copies of the maps that these events change; then one assignment each. */
function apply(events) {
	const maps = {};

	for (const e of events) {
		const name = byKind[e.type];
		if (!name)
			continue;
		maps[name] ??= new Map(signals[name].value);
		appliers[e.type](maps, e);
	}
	batch(() => {
		for (const [name, map] of Object.entries(maps))
			signals[name].value = map;
		for (const e of events)
			applyOther(e);
		applyMessages(events);
	});
	ended(events.filter((e) => e.type === "message" && FINAL.has(e.message.state)));
	for (const e of events)
		for (const listener of listeners)
			listener(e);
}

/* What has come to its end counts, and costs. */
function ended(events) {
	const messages = { ...status.value?.messages };

	if (events.length === 0)
		return;
	for (const { message } of events)
		messages[message.state] = (messages[message.state] ?? 0) + 1;
	status.value = { ...status.value, messages };
	costsSoon();
}

function applyOther(e) {
	if (e.type === "pool")
		pool.value = { active: e.active, max: e.max, waiting: e.waiting, queued: e.queued };
	else if (e.type === "config") {
		config.value = { revision: config.value.revision + 1, event: e };
		if (!e.error)
			load(loadTeams);
	} else if (e.type === "text" || e.type === "delta" || e.type === "tool")
		applyText(e);
}

let stream = null;
let waiting = [];
let loading = false;
/* What is to be loaded next: Set of functions. */
const wanted = new Set();
let timer;
let me = null;

function flush() {
	timer = undefined;
	if (loading)
		return;
	const events = waiting;
	waiting = [];
	if (events.length > 0)
		apply(events);
}

function take(event) {
	waiting.push(event);
	timer ??= setTimeout(flush, FLUSH);
}

/* One after the other, so that no answer comes after a newer one; then what has come meanwhile. */
async function load(what) {
	wanted.add(what);
	if (loading)
		return;
	loading = true;
	for (const next of wanted) {
		wanted.delete(next);
		await next().catch(() => {});
	}
	loading = false;
	flush();
}

async function loadTeams() {
	const list = await all("/teams");

	teams.value = new Map(list.map((t) => [t.name, t]).sort(([a], [b]) => a.localeCompare(b)));
}

let costsTimer;

function costsSoon() {
	costsTimer ??= setTimeout(() => {
		costsTimer = undefined;
		loadCosts().catch(() => {});
	}, COSTS_EVERY);
}

async function loadCosts() {
	const today = day(Date.now());
	const { items } = await get("/costs", { since: today, until: today, by: "team" });

	costsToday.value = new Map(items.map((i) => [i.team, i.costUsd]));
}

async function loadOpen() {
	const lists = await Promise.all(["queued", "sent", "seen"].map((state) => all("/messages", { state })));

	open.value = new Map(lists.flat().map((m) => [m.id, m]));
}

async function loadStatus() {
	const s = await get("/status");

	status.value = s;
	pool.value ??= { ...s.pool };
	pool.value = { ...pool.value, ...s.pool };
}

async function loadAll() {
	try {
		const mayApprove = me.scopes.includes("admin") || me.scopes.includes("approve");
		await Promise.all([
			loadTeams(),
			all("/sessions").then((list) => {
				sessions.value = new Map(list.map((s) => [pairKey(s.from, s.to), s]));
			}),
			loadOpen(),
			loadStatus(),
			/* Not worth a page without the rest. */
			loadCosts().catch(() => {}),
			mayApprove && all("/approvals", {}, { max: 500 }).then((list) => {
				approvals.value = new Map(list.map((p) => [p.id, p]));
			}),
		]);
		forgetThreads();
		batch(() => {
			loaded.value = true;
			loadError.value = null;
			age.value++;
			config.value = { ...config.value, revision: config.value.revision + 1 };
		});
	} catch (error) {
		loadError.value = error;
	}
}

/** Load anew what events can not tell any more. */
export const reload = () => load(loadAll);

/** Be told of every event; answers a function that ends it. */
export function listen(fn) {
	listeners.add(fn);
	return () => listeners.delete(fn);
}

/** Begin to follow irisd as this login. */
export function connect(key) {
	const mayApprove = key.scopes.includes("admin") || key.scopes.includes("approve");
	const topics = ["team", "session", "message", "text", "config", "pool", "webhook"];

	me = key;
	if (mayApprove)
		topics.push("approval");
	stream = new Stream(topics, {
		event: take,
		fresh: () => reload(),
		state: (s) => {
			connection.value = s;
			/* The same irisd has nothing fresh to tell of. */
			if (s === "connected" && loadError.value)
				reload();
		},
	});
}

export function disconnect() {
	stream?.end();
	stream = null;
	waiting = [];
	batch(() => {
		loaded.value = false;
		for (const s of Object.values(signals))
			s.value = new Map();
		connection.value = "connecting";
	});
}
