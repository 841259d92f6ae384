/* SPDX-License-Identifier: MIT
 *
 * What the web process does with a delivery, whatever surrounds it; irisd is played by the test.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program } from "../lib/iris.mjs";
import { waitFor, within } from "../lib/wait.mjs";

const listen = async (server, ...at) => {
	server.listen(...at);
	await once(server, "listening");
	return server;
};

describe("the web process and a delivery", () => {
	let root, home, hook, irisd, web, requests, answer, sockets, next, done, stderr;

	/* Of the calls of the web process: those that are answered at once, and webhook.next. */
	const take = (socket, { id, method, params }) => {
		const say = (result) => socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);

		if (method === "iris/hello")
			say({ protocol: 1, version: "0", web: { ports: [], logLevel: "info" } });
		else if (method === "iris/webhook.next")
			next.push({ socket, say });
		else if (method === "iris/webhook.done")
			done.push(params), say({});
		else
			say({});
	};
	const asked = (n) => waitFor(() => next.length >= n && next[n - 1], { what: `call ${n} for a delivery`, deadline: 20000, every: 10 });
	const told = (n) => waitFor(() => done.length >= n && done[n - 1], { what: `word of delivery ${n}`, deadline: 20000, every: 10 });
	const delivery = (id, more = {}) => ({ id, url: `http://localhost:${hook.address().port}/x?y=`, attempt: 1, body: { type: "message.ended", id, ...more } });
	const start = (env = {}) => {
		web = spawn(program("irisd"), ["-x", "web"], {
			env: { PATH: process.env.PATH, HOME: root, IRIS_HOME: home, TMPDIR: root, ...env }, stdio: ["ignore", "ignore", "pipe"],
		});
		web.stderr.on("data", (d) => (stderr += d));
		web.ended = once(web, "exit");
	};

	beforeEach(async () => {
		root = realpathSync(mkdtempSync(join(tmpdir(), "iris-d-")));
		home = join(root, 'a "b\\c d');
		for (const dir of ["", "run", "log"])
			mkdirSync(join(home, dir), { mode: 0o700 });
		[requests, sockets, next, done, stderr] = [[], new Set(), [], [], ""];
		answer = (req, res) => res.writeHead(204).end();
		hook = await listen(createServer((req, res) => {
			let body = "";
			req.setEncoding("utf8").on("data", (d) => (body += d)).on("end", () => {
				requests.push({ headers: req.headers, body });
				answer(req, res);
			});
		}), 0, "127.0.0.1");
		irisd = await listen(createSocket((socket) => {
			sockets.add(socket);
			socket.on("error", () => {}).on("close", () => sockets.delete(socket));
			createInterface({ input: socket }).on("line", (line) => take(socket, JSON.parse(line))).on("error", () => {});
		}), join(home, "irisd.sock"));
	});
	afterEach(async () => {
		irisd.close();
		for (const s of sockets)
			s.destroy();
		if (web) await within(20000, web.ended, "the web process to end");
		hook.closeAllConnections();
		hook.close();
		assert.doesNotMatch(stderr, /Sanitizer|runtime error/);
		rmSync(root, { recursive: true });
	});

	test("what the user has for curl, and for proxies, is not for this", async () => {
		const evil = 'header = "x-evil: 1"\nproxy = "http://127.0.0.1:1"\nlocation\n';
		writeFileSync(join(root, ".curlrc"), evil);
		writeFileSync(join(root, ".netrc"), "default login me password mine\n");
		mkdirSync(join(root, "curl"));
		writeFileSync(join(root, "curl", ".curlrc"), evil);
		const proxy = "http://127.0.0.1:1";
		start({ CURL_HOME: join(root, "curl"), http_proxy: proxy, HTTP_PROXY: proxy, ALL_PROXY: proxy, all_proxy: proxy, NO_PROXY: "", no_proxy: "" });
		(await asked(1)).say(delivery("one", { text: 'ä "\\\n' }));
		assert.deepEqual(await told(1), { id: "one", status: 204 });
		const [{ headers, body }] = requests;
		assert.deepEqual(JSON.parse(body), { type: "message.ended", id: "one", text: 'ä "\\\n' });
		assert.deepEqual(Object.keys(headers).sort(), ["accept", "content-length", "content-type", "host", "user-agent", "webhook-id", "webhook-signature", "webhook-timestamp"]);
	});

	test("a connection that ends is made anew, and the deliveries go on", async () => {
		start();
		(await asked(1)).socket.destroy();
		(await asked(2)).say(delivery("two"));
		assert.deepEqual(await told(1), { id: "two", status: 204 });
	});

	test("without curl it is said what is missing", async () => {
		start({ PATH: "/nonexistent" });
		(await asked(1)).say(delivery("three"));
		const { status, error } = await told(1);
		assert.equal(status, 0);
		assert.match(error, /^curl is not in irisd's PATH/);
		assert.equal(requests.length, 0);
	});

	test("what an earlier process has left is removed, and nothing is written through a link", async () => {
		const run = join(home, "run"), victim = join(root, "victim");
		writeFileSync(victim, "mine");
		writeFileSync(join(run, "webhook-3.json"), "a message");
		symlinkSync(victim, join(run, "webhook-0.json"));
		start();
		const first = await asked(1);
		assert.deepEqual(readdirSync(run), []);
		symlinkSync(victim, join(run, "webhook-0.json"));
		first.say(delivery("four"));
		assert.deepEqual(await told(1), { id: "four", status: 204 });
		assert.equal(readFileSync(victim, "utf8"), "mine");
		assert.deepEqual(readdirSync(run), []);
	});

	test("with irisd it ends, and what it was about to tell", async () => {
		answer = () => {};
		start();
		(await asked(1)).say(delivery("five"));
		await waitFor(() => requests.length === 1, { what: "the request", every: 10 });
		const curl = readdirSync("/proc").find((p) => {
			try {
				return new RegExp(`^${p} \\(curl\\) . ${web.pid} `).test(readFileSync(`/proc/${p}/stat`, "latin1"));
			} catch {
				return false;
			}
		});
		assert.ok(curl);
		for (const s of sockets)
			s.destroy();
		await within(20000, web.ended, "the web process to end");
		await waitFor(() => !existsSync(`/proc/${curl}`), { what: "curl to end", every: 10 });
		assert.deepEqual(readdirSync(join(home, "run")), []);
		web = undefined;
	});
});
