/* SPDX-License-Identifier: MIT
 *
 * Streams of events. A Stream is one WebSocket that comes back by itself: it resumes after the last
 * event that it has seen, waits longer after each failure (0.5 to 10 s, with chance in it, so that
 * many pages do not come back at once), and says when what it missed can not be had any more: then
 * what was known must be loaded anew. It never asks in between.
 */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { csrf, get, query } from "./api.js";
import { learnTime } from "./clock.js";

const FIRST_WAIT = 500;
const LAST_WAIT = 10000;

/** Of the main stream: "connecting", "connected" or "lost". @type {import("@preact/signals").Signal<string>} */
export const connection = signal("connecting");

export class Stream {
	/**
	 * @param {string[]} topics
	 * @param {{event: (e: object) => void, fresh: (hello: object) => void, state?: (s: string) => void}} to
	 *	event: each event; fresh: after the first hello, and whenever events were lost.
	 */
	constructor(topics, to) {
		this.topics = topics;
		this.to = to;
		this.seq = 0;
		this.startedAt = 0;
		this.failures = 0;
		this.ended = false;
		this.online = () => this.again(0);
		addEventListener("online", this.online);
		this.open();
	}

	open() {
		const { protocol, host } = location;
		const url = `${protocol === "https:" ? "wss:" : "ws:"}//${host}/api/v1/events${query({
			topics: this.topics,
			since: this.seq || undefined,
		})}`;
		const socket = new WebSocket(url, ["iris.v1", `iris.csrf.${csrf()}`]);

		clearTimeout(this.timer);
		this.timer = undefined;
		this.socket = socket;
		this.greeted = false;
		this.to.state?.("connecting");
		socket.onmessage = ({ data }) => socket === this.socket && this.take(data);
		socket.onclose = () => socket === this.socket && this.lost();
	}

	take(data) {
		let event;

		try {
			event = JSON.parse(data);
		} catch {
			this.socket.close();
			return;
		}
		learnTime(event.at, event.type === "hello");
		if (event.type === "hello") {
			this.hello(event);
			return;
		}
		if (event.type === "gap")
			this.to.fresh(event);
		else
			this.to.event(event);
		if (event.seq > this.seq)
			this.seq = event.seq;
	}

	/*
	 * Another irisd than last time has another past. The number of a hello is that of the last event,
	 * which a stream that is resumed has yet to be given.
	 */
	hello(event) {
		const isNew = this.startedAt !== event.startedAt;

		this.failures = 0;
		this.greeted = true;
		this.startedAt = event.startedAt;
		this.to.state?.("connected");
		if (isNew) {
			this.seq = event.seq;
			this.to.fresh(event);
		}
	}

	/* A browser does not tell why a WebSocket failed; a plain request does, when the login has ended. */
	lost() {
		this.socket = null;
		if (this.ended)
			return;
		this.failures++;
		this.to.state?.("lost");
		if (!this.greeted)
			get("/me").catch(() => {});
		const most = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** (this.failures - 1));
		this.again(Math.max(FIRST_WAIT, most / 2 + (Math.random() * most) / 2));
	}

	again(ms) {
		if (this.ended || this.socket)
			return;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.open(), ms);
	}

	end() {
		this.ended = true;
		clearTimeout(this.timer);
		removeEventListener("online", this.online);
		this.socket?.close();
		this.socket = null;
	}
}

/**
 * A stream of its own for as long as the component is there: what costs irisd something (host, log)
 * is only asked for by the page that shows it.
 * @param {string[]} topics
 * @param {(e: object) => void} event
 * @param {(hello: object) => void} [fresh]
 */
export function useStream(topics, event, fresh = () => {}) {
	const latest = useRef({ event, fresh });

	latest.current = { event, fresh };
	useEffect(() => {
		const stream = new Stream(topics, {
			event: (e) => latest.current.event(e),
			fresh: (e) => latest.current.fresh(e),
		});
		return () => stream.end();
	}, [topics.join()]);
}
