/* SPDX-License-Identifier: MIT
 *
 * The messages of pairs. A Thread is what is loaded of one pair, the oldest first, grown at its old
 * end page by page and at its new end by events. Lists bring texts cut short; whole messages, with
 * receipts, are loaded one by one when somebody looks at them, a few at a time. And the texts of turns
 * that run: one signal each, so that a new word draws one message, not all.
 */
import { signal } from "@preact/signals";
import { get, path } from "./api.js";

const PAGE = 200;
const THREADS = 12;
const WHOLE = 600;
const AT_ONCE = 4;
const RANK = { queued: 0, sent: 1, seen: 2, answered: 3, failed: 3, expired: 3, cancelled: 3 };

/** Of two reports of a message, the later one: states are never reversed. */
function later(old, m) {
	if (old && (RANK[m.state] < RANK[old.state] || (m.updatedAt ?? 0) < (old.updatedAt ?? 0)))
		return old;
	return old ? { ...old, ...m } : m;
}

export class Thread {
	constructor(from, to) {
		this.from = from;
		this.to = to;
		/** MessageObjects (brief), the oldest first */
		this.items = signal([]);
		/** {loading, error, done}: done when there are no older ones */
		this.state = signal({ loading: false, error: null, done: false });
		this.cursor = undefined;
		/* The page that is on its way, a promise. */
		this.page = null;
	}

	/** The next page of older ones, or the end of the one that is on its way. Answers whether there may be more. */
	loadOlder(limit = PAGE) {
		this.page ??= this.load(limit).finally(() => {
			this.page = null;
		});
		return this.page;
	}

	async load(limit) {
		if (this.state.value.done)
			return false;
		this.state.value = { ...this.state.value, loading: true, error: null };
		try {
			const page = await get("/messages", { from: this.from, team: this.to, limit, cursor: this.cursor });
			this.cursor = page.nextCursor;
			this.merge(page.items);
			this.state.value = { loading: false, error: null, done: !page.nextCursor };
		} catch (error) {
			this.state.value = { ...this.state.value, loading: false, error };
		}
		return !this.state.value.done && !this.state.value.error;
	}

	/** Load until this message is there; false when it is none of this pair's. */
	async loadUntil(id) {
		const has = () => this.items.value.some((m) => m.id === id);

		while (!has() && (await this.loadOlder(500)));
		return has();
	}

	/* Ids are UUIDs of version 7: in the order of time. */
	merge(list) {
		const map = new Map(this.items.value.map((m) => [m.id, m]));

		for (const m of list)
			map.set(m.id, later(map.get(m.id), m));
		this.items.value = [...map.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
	}

	step(id, state, at) {
		const i = this.items.value.findIndex((m) => m.id === id);

		if (i !== -1)
			this.items.value = this.items.value.with?.(i, later(this.items.value[i], { state, updatedAt: at }))
				?? this.items.value.map((m) => (m.id === id ? later(m, { state, updatedAt: at }) : m));
	}
}

const threads = new Map();

/** The thread of a pair; the ones that were not looked at for longest are forgotten. */
export function threadOf(from, to) {
	const key = `${from}\0${to}`;
	const thread = threads.get(key) ?? new Thread(from, to);

	threads.delete(key);
	threads.set(key, thread);
	if (threads.size > THREADS)
		threads.delete(threads.keys().next().value);
	return thread;
}

/** counts up when all threads must be loaded anew */
export const threadsAge = signal(0);

export function forgetThreads() {
	threads.clear();
	running.clear();
	for (const entry of whole.values())
		entry.stale = true;
	threadsAge.value++;
}

/** id -> {value: signal of {message, error}, stale, wanted} */
const whole = new Map();
const queue = [];
let busy = 0;

async function pump() {
	while (busy < AT_ONCE && queue.length > 0) {
		const id = queue.pop();
		const entry = whole.get(id);
		if (!entry || !entry.wanted)
			continue;
		entry.wanted = false;
		entry.stale = false;
		busy++;
		try {
			entry.value.value = { message: await get(path`/messages/${id}`), error: null };
		} catch (error) {
			entry.value.value = { ...entry.value.value, error };
		}
		busy--;
	}
}

/**
 * The whole of a message, as it becomes known: a signal of {message, error}. Ask again whenever it is
 * drawn; it is loaded when it was not, or has changed since.
 */
export function wholeMessage(id) {
	let entry = whole.get(id);

	if (!entry) {
		entry = { value: signal({ message: null, error: null }), stale: true, wanted: false };
		whole.set(id, entry);
		if (whole.size > WHOLE)
			whole.delete(whole.keys().next().value);
	}
	if (entry.stale && !entry.wanted) {
		entry.wanted = true;
		queue.push(id);
		queueMicrotask(pump);
	}
	return entry.value;
}

/* What is known whole and has changed: it is loaded again now if it is being looked at. */
function changed(id) {
	const entry = whole.get(id);

	if (!entry)
		return;
	entry.stale = true;
	wholeMessage(id);
}

export function applyMessages(events) {
	const fresh = new Map();

	for (const e of events) {
		if (e.type === "message") {
			const { message: m } = e;
			const key = `${m.from}\0${m.to}`;
			if (threads.has(key))
				fresh.set(key, [...(fresh.get(key) ?? []), m]);
			changed(m.id);
		} else if (e.type === "receipt") {
			const key = `${e.from}\0${e.to}`;
			if (fresh.has(key)) {
				threads.get(key).merge(fresh.get(key));
				fresh.delete(key);
			}
			threads.get(key)?.step(e.id, e.state, e.at);
			changed(e.id);
		}
		if (e.type === "message" && RANK[e.message.state] === 3)
			running.get(e.message.id)?.ended();
	}
	for (const [key, list] of fresh)
		threads.get(key).merge(list);
}

/** What a running turn has said: id -> {value: signal of {text, tools}} */
const running = new Map();
const KEEP_TEXT = 30000;

/** A signal of {text, tools: [{name, input?}]} of a turn that runs. */
export function runningText(id) {
	return turn(id).value;
}

function turn(id) {
	let t = running.get(id);

	if (!t) {
		t = {
			value: signal({ text: "", tools: [] }),
			/* Until the whole answer is loaded, what was streamed is what is shown. */
			ended: () => setTimeout(() => running.delete(id), KEEP_TEXT),
		};
		running.set(id, t);
	}
	return t;
}

export function applyText(e) {
	const { value } = turn(e.id);

	if (e.type === "text")
		value.value = { text: e.text, tools: e.tools ?? [] };
	else if (e.type === "delta")
		value.value = { ...value.value, text: value.value.text + e.text };
	else
		value.value = { ...value.value, tools: [...value.value.tools, { name: e.name, input: e.input }] };
}
