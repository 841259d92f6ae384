/* SPDX-License-Identifier: MIT
 *
 * What the conformance suite has said over HTTP, said again over stdio: the suite speaks HTTP only.
 * Each request that the proxy has seen goes through the shim with its own id, one after the other in
 * one process, and must get the same messages as there. What is about HTTP itself has no counterpart
 * and is left out, by what was said and answered, not by name; and counted.
 */
import assert from "node:assert/strict";
import { startShim } from "../integration/setup.mjs";
import { events } from "../lib/http.mjs";

const VERSION = "io.modelcontextprotocol/protocolVersion";
const MODERN = "2026-07-28";
const HEADER_MISMATCH = -32020;

const parse = (text) => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};

/* The messages of an answer. */
const messages = (x) => /event-stream/.test(x.type) ? events(x) : [parse(x.text)].filter(Boolean);

/* Why this has no counterpart over stdio; undefined when it has one. */
function ofHttp(x, request) {
	const meta = request?.params?._meta?.[VERSION];
	const version = x.headers["mcp-protocol-version"];

	if (x.method !== "POST")
		return `${x.method} requests`;
	if (request?.method === undefined || request.id === undefined)
		return "no requests: notifications, answers, what is no message at all";
	if (messages(x).some((m) => m.error?.code === HEADER_MISMATCH) || [401, 403, 406, 415].includes(x.status))
		return "refused for their headers";
	if (x.status === 400 && meta === undefined)
		return "of an era, or a version, that only a header names";
	if (version === MODERN && meta === undefined && request.method !== "server/discover")
		return "of an era, or a version, that only a header names";
	/* The client was gone before it had an answer. */
	return messages(x).length === 0 ? "without an answer" : undefined;
}

/* What HTTP says, as stdio says it: there, a client of the handshake era can be told something at any time. */
function overStdio(request, said) {
	const copy = structuredClone(said);
	const resources = copy.at(-1).result?.capabilities?.resources;

	if (request.method === "initialize" && resources)
		Object.assign(resources, { subscribe: true, listChanged: true });
	if (request.params?._meta?.[VERSION] === undefined && /^resources\/(un)?subscribe$/.test(request.method)) {
		assert.equal(copy.at(-1).error.code, -32601);
		return [{ jsonrpc: "2.0", id: request.id, result: {} }];
	}
	return copy;
}

/* An error that HTTP gives a status of its own may have words of its own. */
const wordless = (list) => list.map(({ error, ...m }) => error ? { ...m, error: { code: error.code, data: error.data } } : m);

/* What the server asks its client. */
const asked = (list) => list.filter((m) => m.method !== undefined && m.id !== undefined);
const nameless = (list) => list.map((m) => asked([m]).length ? { ...m, id: "the server's" } : m);

/*
 * The messages that come from the shim for this request: for a subscription as many as HTTP had. What
 * the server asks meanwhile gets the answer that the suite gave to the same question there.
 */
async function ask(shim, request, expected, answers) {
	const from = shim.got.length;
	const mine = () => shim.got.slice(from);
	let n = 0;

	shim.send(request);
	if (request.method === "subscriptions/listen") {
		await shim.line(() => mine().length >= expected.length, { what: `${expected.length} messages of a subscription` });
		shim.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: request.id } });
		return mine();
	}
	for (;;) {
		const next = await shim.line((l) => (l.id === request.id && l.method === undefined && mine().includes(l)) ||
			asked(mine()).indexOf(l) >= n, { what: `the answer to ${JSON.stringify(request).slice(0, 200)}` });
		if (next.method === undefined)
			return mine();
		const answer = answers.get(asked(expected)[n]?.id);
		assert.ok(answer, `over HTTP the server did not ask ${JSON.stringify(next)}`);
		shim.send({ ...answer, id: next.id });
		n += 1;
	}
}

/*
 * What the server makes up, and the client gives back: the state of a request that needs input, and
 * names of questions. Which text of HTTP's is which over stdio.
 */
function learn(same, expected, got) {
	const a = expected.at(-1).result, b = got.at(-1).result;

	if (a?.resultType !== "input_required" || b?.resultType !== "input_required")
		return;
	same.set(a.requestState, b.requestState);
	Object.keys(a.inputRequests ?? {}).forEach((name, i) => same.set(name, Object.keys(b.inputRequests ?? {})[i]));
}

const translate = (same, text) => [...same].reduce((t, [a, b]) => (a && b ? t.replaceAll(a, b) : t), text);

/* Answers { methods: how often each was replayed, left: how many were left out for which reason }. */
export async function replay(iris, exchanges, cwd) {
	const shim = startShim(iris, { cwd });
	const methods = {}, left = {}, same = new Map();
	const answers = new Map(exchanges.map((x) => parse(x.body)).filter((m) => m?.method === undefined && m?.id !== undefined)
		.map((m) => [m.id, m]));

	try {
		for (const x of exchanges) {
			const why = ofHttp(x, parse(x.body));
			if (why) {
				left[why] = (left[why] ?? 0) + 1;
				continue;
			}
			const request = JSON.parse(translate(same, x.body));
			let expected = overStdio(request, messages(x));
			const got = await ask(shim, request, expected, answers);
			learn(same, expected, got);
			expected = JSON.parse(translate(same, JSON.stringify(expected)));
			const plain = x.status >= 400 ? wordless : nameless;
			assert.deepEqual(plain(got), plain(expected), x.body);
			methods[request.method] = (methods[request.method] ?? 0) + 1;
		}
	} finally {
		assert.equal(await shim.finish(), 0);
	}
	return { methods, left };
}
