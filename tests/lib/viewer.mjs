/* SPDX-License-Identifier: MIT
 *
 * Viewers of live events: by WebSocket, with the package ws, and as server-sent events, read by hand;
 * and a WebSocket by hand, for frames that no client sends.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import WebSocket from "ws";
import { ask } from "./http.mjs";
import { waitFor, within } from "./wait.mjs";

const PATH = "/api/v1/events";

/* "?a=1&b=2", or nothing. */
const query = (params) => {
	const text = new URLSearchParams(Object.entries(params).filter(([, v]) => v !== undefined)).toString();
	return text && `?${text}`;
};

/* What both kinds have: the events so far, and waiting for one. */
class Viewer {
	events = [];

	find(fits) {
		return this.events.find((e) => (typeof fits === "string" ? e.type === fits : fits(e)));
	}

	/* The first event that fits, seen or to come. */
	event(fits, options) {
		return waitFor(() => this.find(fits), { what: `an event ${fits}; there are ${this.events.map((e) => e.type)}`, ...options });
	}

	get last() {
		return this.events.at(-1).seq;
	}
}

/*
 * By WebSocket, when its handshake is over: { events, socket, protocol, closed (a promise of { code,
 * reason }) }; or, where that was refused, { status, headers, text, json() }. scheme: "wss" for TLS,
 * whatever the certificate.
 */
export async function watch(port, { key, topics, since, headers = {}, protocols = [], scheme = "ws", ...options } = {}) {
	const viewer = new Viewer();
	const socket = new WebSocket(`${scheme}://127.0.0.1:${port}${PATH}${query({ topics, since })}`, protocols, {
		headers: { ...(key && { authorization: `Bearer ${key}` }), ...headers }, perMessageDeflate: true, rejectUnauthorized: false, ...options });

	viewer.socket = socket;
	viewer.closed = new Promise((resolve) => socket.once("close", (code, reason) => resolve({ code, reason: String(reason) })));
	socket.on("message", (data, binary) => viewer.events.push(binary ? { type: "binary" } : JSON.parse(data)));
	socket.on("error", (e) => (viewer.error = e));
	const refused = new Promise((resolve) => socket.once("unexpected-response", (req, res) => resolve(res)));
	const res = await within(20000, Promise.race([once(socket, "open").then(() => null, (e) => e), refused]), "a WebSocket's handshake");
	if (res === null) {
		viewer.protocol = socket.protocol;
		return viewer;
	}
	if (res instanceof Error)
		throw res;
	let text = "";
	res.setEncoding("utf8").on("data", (d) => (text += d));
	await within(10000, once(res, "end"), "the answer to a WebSocket's handshake");
	return { status: res.statusCode, headers: res.headers, text, json: () => JSON.parse(text) };
}

/*
 * As server-sent events: { events, ids, end(), ended }, and text as it came; refused as by watch.
 * options: as with ask.
 */
export async function stream(port, { key, topics, since, lastEventId, headers = {}, more = {}, options } = {}) {
	const answer = await ask(port, "GET", `${PATH}${query({ topics, since, ...more })}`, {
		key, options, headers: { accept: "text/event-stream", ...(lastEventId !== undefined && { "last-event-id": String(lastEventId) }), ...headers } });
	const viewer = new Viewer();
	let taken = 0;

	if (answer.status !== 200)
		return answer;
	viewer.answer = answer;
	viewer.ended = answer.ended;
	viewer.blocks = [];
	answer.res.on("data", () => {
		let at;
		while ((at = answer.text.indexOf("\n\n", taken)) !== -1) {
			const fields = answer.text.slice(taken, at).split("\n").map((l) => l.match(/^(\w*): ?(.*)$/));
			const block = Object.fromEntries(fields.filter(Boolean).map(([, name, value]) => [name, value]));
			viewer.blocks.push(block);
			if (block.data !== undefined)
				viewer.events.push({ ...JSON.parse(block.data), ...(block.event === "end" && { type: "end" }) });
			taken = at + 2;
		}
	});
	viewer.end = () => answer.res.destroy();
	return viewer;
}

/* A frame as a client has to send it; mask false: as it must not. */
export function frame(opcode, data, { fin = true, mask = true, rsv = 0, length } = {}) {
	const body = Buffer.from(data), n = length ?? body.length;
	const size = n > 0xffff ? 8 : n > 125 ? 2 : 0;
	const head = Buffer.alloc(2 + size);
	const key = mask ? randomBytes(4) : Buffer.alloc(0);

	head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
	head[1] = (mask ? 0x80 : 0) | (size === 8 ? 127 : size === 2 ? 126 : n);
	if (size === 2)
		head.writeUInt16BE(n, 2);
	if (size === 8)
		head.writeBigUInt64BE(BigInt(n), 2);
	return Buffer.concat([head, key, mask ? body.map((b, i) => b ^ key[i % 4]) : body]);
}

/*
 * A WebSocket by hand: { socket, send(), frames: [{ opcode, data }], closed: the code of its close, or
 * null where there was none }. read false: nothing is ever read from it.
 */
export async function rawSocket(port, { key, path = PATH, read = true, lines = [] } = {}) {
	const socket = connect(port, "127.0.0.1").on("error", () => {});
	const raw = { socket, frames: [], head: null, send: (...f) => socket.write(Buffer.concat(f)) };
	let rest = Buffer.alloc(0);
	let closed;

	raw.closed = new Promise((resolve) => (closed = resolve));
	socket.write([`GET ${path} HTTP/1.1`, "Host: localhost", ...(key ? [`Authorization: Bearer ${key}`] : []), "Upgrade: websocket",
		"Connection: Upgrade", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`, ...lines, "", ""].join("\r\n"));
	if (!read) {
		await once(socket, "connect");
		socket.pause();
		return raw;
	}
	socket.on("close", () => closed(null));
	socket.on("data", (d) => {
		rest = Buffer.concat([rest, d]);
		if (raw.head === null) {
			const at = rest.indexOf("\r\n\r\n");
			if (at === -1)
				return;
			raw.head = rest.subarray(0, at).toString();
			rest = rest.subarray(at + 4);
		}
		for (;;) {
			const short = rest.length > 1 ? rest[1] & 127 : 0, size = short === 127 ? 8 : short === 126 ? 2 : 0;
			if (rest.length < 2 + size)
				return;
			const n = size === 8 ? Number(rest.readBigUInt64BE(2)) : size === 2 ? rest.readUInt16BE(2) : short;
			if (rest.length < 2 + size + n)
				return;
			const f = { fin: rest[0] >> 7, opcode: rest[0] & 15, data: Buffer.from(rest.subarray(2 + size, 2 + size + n)) };
			raw.frames.push(f);
			rest = rest.subarray(2 + size + n);
			if (f.opcode === 8)
				closed(f.data.length >= 2 ? f.data.readUInt16BE(0) : 1005);
		}
	});
	await waitFor(() => raw.head !== null || socket.destroyed, { what: "a handshake's answer" });
	return raw;
}
