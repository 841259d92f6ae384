/* SPDX-License-Identifier: MIT
 *
 * An irisd with its web process on ports of the test's own, and HTTP by hand: what fetch would hide
 * (Host, Origin, how a connection ends) can be said here.
 */
import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:net";
import { makeIris } from "../integration/setup.mjs";
import { waitFor, within } from "./wait.mjs";

const given = new Set();

/*
 * A port that nobody listens at, that this process was not given before, and that no system gives to
 * a client: those are above 32767.
 */
export async function freePort() {
	for (;;) {
		const port = 20000 + Math.floor(Math.random() * 12000);
		if (given.has(port)) continue;
		given.add(port);
		const server = createServer();
		const free = await new Promise((resolve) => {
			server.once("error", () => resolve(false));
			server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
		});
		if (free) return port;
	}
}

/* iris.port, iris.port2: settings.httpPort and dashboard.http. */
export async function makeHttp(teams = {}, { settings = {}, dashboard = {}, ...options } = {}) {
	const port = await freePort(), port2 = await freePort();
	const iris = makeIris(teams, {
		...options,
		/* Of a turn that is held until everything else was looked at. */
		settings: { httpPort: port, responseTimeout: 180000, ...settings },
		config: { ...options.config, dashboard: { enabled: true, http: port2, ...dashboard } },
	});

	return Object.assign(iris, { port, port2 });
}

export async function startHttp(teams, options) {
	const iris = await makeHttp(teams, options);

	try {
		await iris.start();
		await listening(iris);
	} catch (e) {
		const log = iris.log();
		await iris.stop().catch(() => {});
		throw new Error(`${e.message}; the log: ${log}`);
	}
	return iris;
}

export const webStatus = async (iris) => (await iris.json(["status"])).web;

/* Wait until the web process (not the one with pid `but`) listens; answers what status says of it. */
export function listening(iris, { but, urls = 1 } = {}) {
	return waitFor(
		async () => {
			const web = await webStatus(iris);
			return web.pid !== undefined && web.pid !== but && web.urls.length >= urls && web;
		},
		{ what: "the web process to listen", deadline: 45000, every: 25 },
	);
}

export const makeKey = async (iris, scope, ...more) =>
	(await iris.json(["key", "create", "test", "--scope", scope, ...more])).key;

/*
 * One request: { status, headers, text, json() }. headers replace the usual ones; one that is
 * undefined is left out. agent: node's; without it the connection is the request's own. options:
 * further ones of node's.
 */
export async function ask(port, method, path, { key, headers = {}, body, agent = false, signal, options } = {}) {
	const all = { ...(key && { authorization: `Bearer ${key}` }), ...headers };
	const text = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);

	if (text !== undefined && !("content-type" in all))
		all["content-type"] = "application/json";
	for (const name of Object.keys(all))
		if (all[name] === undefined)
			delete all[name];
	const req = request({ host: "127.0.0.1", port, method, path, headers: all, agent, signal, setHost: !("host" in all), ...options });
	/* One that comes when the answer is there already. */
	req.on("error", () => {});
	req.end(text);
	const [res] = await within(120000, once(req, "response"), `${method} ${path}`);
	const answer = { status: res.statusCode, headers: res.headers, text: "", res };
	res.setEncoding("utf8");
	res.on("data", (d) => (answer.text += d));
	answer.ended = new Promise((resolve) => res.once("close", resolve));
	answer.json = () => JSON.parse(answer.text);
	/* A stream is read by who asked for it. */
	if (!/event-stream/.test(res.headers["content-type"]))
		await within(30000, answer.ended, `the answer to ${method} ${path}`);
	return answer;
}

/* The messages of an answer that streams, so far. */
export const events = (answer) => answer.text.split("\n\n").filter((e) => /^data: /m.test(e))
	.map((e) => JSON.parse(e.match(/^data: (.*)$/m)[1]));

const VERSION = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

/* A request of 2026-07-28 with the headers that belong to it; those in `headers` replace them. */
export function modern(port, key, method, params = {}, { id = 1, headers = {}, meta = {}, ...options } = {}) {
	const name = params.name ?? params.uri;

	return ask(port, "POST", "/mcp", {
		key,
		body: { jsonrpc: "2.0", id, method, params: { ...params, _meta: { [VERSION]: "2026-07-28", [CAPABILITIES]: {}, ...meta } } },
		headers: {
			accept: "application/json, text/event-stream",
			"mcp-protocol-version": "2026-07-28",
			"mcp-method": method,
			...(name !== undefined && { "mcp-name": name }),
			...headers,
		},
		...options,
	});
}

/* A message of the handshake era. */
export const legacy = (port, key, message, { headers = {}, path = "/mcp", ...options } = {}) => ask(port, "POST", path, {
	key,
	body: Array.isArray(message) || typeof message === "string" ? message : { jsonrpc: "2.0", ...message },
	headers: { accept: "application/json, text/event-stream", ...headers },
	...options,
});
