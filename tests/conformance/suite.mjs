/* SPDX-License-Identifier: MIT
 *
 * The official conformance suite of MCP (@modelcontextprotocol/conformance, its version is in
 * package.json) as the tests here run it: on an irisd of their own, over HTTP, which is all that it
 * speaks. It has no way to send a key, so a proxy on the loopback adds the Authorization header and
 * changes nothing else. It needs Node.js 22.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { within } from "../lib/wait.mjs";

const modules = fileURLToPath(new URL("node_modules/", import.meta.url));
export const suiteVersion = () =>
	JSON.parse(readFileSync(join(modules, "@modelcontextprotocol/conformance/package.json"))).version;

/* Node.js 22: this one, or npm's. */
export const node22 = Number(process.versions.node.split(".")[0]) >= 22
	? process.execPath : join(modules, `node-linux-${process.arch}/bin/node`);

const utf8 = (bytes) => Buffer.from(bytes, "latin1").toString("utf8");

export const script = (name) => join(modules, name);

/*
 * Requests as they come, with the key; answers as they come, streams too. take(): what came since the
 * last one, in the order of the requests, each { method, headers, body, status, type, text }.
 */
export async function startProxy(port, key) {
	let exchanges = [];
	const server = createServer((req, res) => {
		const x = { method: req.method, headers: req.headers, body: "", status: 0, type: "", text: "" };
		exchanges.push(x);
		req.on("data", (d) => (x.body += d.toString("latin1")));
		/* On a connection of its own: one that was kept may be about to be closed. */
		const up = request({ host: "127.0.0.1", port, method: req.method, path: req.url, setHost: false, agent: false,
			headers: [...req.rawHeaders, "Authorization", `Bearer ${key}`] });

		up.on("response", (r) => {
			x.status = r.statusCode;
			x.type = r.headers["content-type"] ?? "";
			r.on("data", (d) => (x.text += d.toString("latin1")));
			res.writeHead(r.statusCode, r.statusMessage, r.rawHeaders);
			r.pipe(res);
		});
		up.on("error", () => res.destroy());
		res.on("close", () => up.destroy());
		req.pipe(up);
	});

	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		url: `http://127.0.0.1:${server.address().port}/mcp`,
		take: () => {
			const taken = exchanges;
			exchanges = [];
			return taken.map((x) => ({ ...x, body: utf8(x.body), text: utf8(x.text) }));
		},
		close: () => {
			server.closeAllConnections();
			server.close();
		},
	};
}

/* Run a program of Node 22 to its end: { status, stdout, stderr }. */
export async function run(args, { env = process.env, deadline = 300000, cwd } = {}) {
	const child = spawn(node22, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
	const out = { stdout: "", stderr: "" };

	for (const name of ["stdout", "stderr"])
		child[name].setEncoding("utf8").on("data", (d) => (out[name] += d));
	try {
		const [status] = await within(deadline, once(child, "close"), `${args.join(" ")} to end`);
		return { status, ...out };
	} catch (e) {
		child.kill("SIGKILL");
		throw new Error(`${e.message}\n${out.stdout}${out.stderr}`);
	}
}

/*
 * The suite with these options against url: { status, stdout, scenarios }, the last a map of name to
 * the checks that it made, each { id, status, errorMessage ... }.
 */
export async function conform(url, options) {
	const dir = mkdtempSync(join(tmpdir(), "iris-conformance-"));

	try {
		const r = await run([script("@modelcontextprotocol/conformance/dist/index.js"), "server", "--url", url,
			"-o", dir, ...options]);
		const scenarios = {};
		for (const name of readdirSync(dir)) {
			const scenario = name.replace(/^server-/, "").replace(/-\d{4}-\d\d-\d\dT.*$/, "");
			scenarios[scenario] = JSON.parse(readFileSync(join(dir, name, "checks.json")));
		}
		return { ...r, scenarios };
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
}

/* The scenarios that the requirement set counts. */
export function scored(revision) {
	const text = readFileSync(join(modules, `@modelcontextprotocol/conformance/requirements/${revision}.yaml`), "utf8");

	return text.match(/^server:\n((?: {2}- .*\n)+)/m)[1].match(/[a-z0-9-]+$/gm);
}

/* The checks that failed, as "scenario: check: why". */
export const failures = (scenarios) => Object.entries(scenarios).flatMap(([name, checks]) =>
	checks.filter((c) => c.status === "FAILURE").map((c) => `${name}: ${c.id}: ${c.errorMessage ?? c.description}`));

export const count = (scenarios, status) =>
	Object.values(scenarios).flat().filter((c) => c.status === status).length;
