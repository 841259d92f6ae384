/* SPDX-License-Identifier: MIT
 *
 * Webhooks: what a receiver gets, and that it can prove where that is from; which addresses are
 * allowed; and that a delivery outlives a receiver that fails, the web process and irisd.
 */
import { createHmac, randomBytes } from "node:crypto";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { createServer as createTls } from "node:https";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ask, freePort, makeKey, startHttp, webStatus } from "../lib/http.mjs";
import { watch } from "../lib/viewer.mjs";
import { assert, connectRaw, failedRun, makeGate, startTeams, waitFor, within } from "../integration/setup.mjs";

/* A receiver: { url, requests, answer: what it does with each, close() }. */
async function receiver({ tls, host = "127.0.0.1" } = {}) {
	const r = { requests: [], answer: (req, res) => res.writeHead(204).end() };
	const handle = (req, res) => {
		let body = "";
		req.setEncoding("utf8").on("data", (d) => (body += d)).on("end", () => {
			const got = { method: req.method, path: req.url, headers: req.headers, body, at: Date.now() };
			r.requests.push(got);
			r.answer(req, res, got);
		});
	};
	const server = tls ? createTls(tls, handle) : createServer(handle);

	await new Promise((resolve) => server.listen(0, host, resolve));
	r.port = server.address().port;
	r.url = `http${tls ? "s" : ""}://${host}:${r.port}/hook?x=1`;
	r.close = () => {
		server.closeAllConnections();
		return new Promise((resolve) => server.close(resolve));
	};
	r.next = (n = 1, deadline = 30000) => waitFor(() => r.requests.length >= n && r.requests[n - 1], { what: `request ${n} of a webhook`, deadline });
	return r;
}

/* As Standard Webhooks says, from its text: no code of ours. */
function verify(secret, { headers, body }) {
	assert.match(secret, /^whsec_[A-Za-z0-9+/]+=*$/);
	const age = Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"]));
	assert.ok(age < 300, `${headers["webhook-timestamp"]}`);
	const mac = createHmac("sha256", Buffer.from(secret.slice(6), "base64")).update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`).digest("base64");
	assert.ok(headers["webhook-signature"].split(" ").includes(`v1,${mac}`), headers["webhook-signature"]);
}

const secretOf = async (iris) => (await iris.iris(["webhook", "secret"])).stdout.trim();
const list = async (iris, ...more) => (await iris.json(["webhook", "list", ...more])).webhooks;
const inState = (iris, state) => waitFor(async () => (await list(iris)).find((w) => w.state === state), { what: `a webhook to be ${state}`, every: 50, deadline: 30000 });

describe("webhooks", () => {
	let iris, hook, key;

	beforeEach(async () => {
		hook = await receiver();
		iris = await startHttp({ frontend: {}, backend: {} });
		key = await makeKey(iris, "read,message,manage");
	});
	afterEach(async () => {
		await iris.stop();
		await hook.close();
	});

	const send = async (message, webhook, more = {}) => {
		const r = await ask(iris.port, "POST", "/api/v1/teams/backend/ask", { key, body: { message, webhook, timeout: -1, ...more } });
		assert.equal(r.status, 202, r.text);
		return r.json().id;
	};
	const refused = async (webhook) => {
		const r = await ask(iris.port, "POST", "/api/v1/teams/backend/ask", { key, body: { message: "ECHO no", webhook, timeout: -1 } });
		assert.ok(r.status >= 400, `${JSON.stringify(webhook)} was taken`);
		return { status: r.status, ...r.json() };
	};

	test("a receiver is told of the end, once, and can prove by whom", async () => {
		const id = await send("ECHO told", { url: hook.url });
		const got = await hook.next();
		assert.equal(got.method, "POST");
		assert.equal(got.path, "/hook?x=1");
		assert.equal(got.headers["content-type"], "application/json");
		assert.match(got.headers["user-agent"], /^iris\//);
		const secret = await secretOf(iris);
		verify(secret, got);
		assert.throws(() => verify(`whsec_${randomBytes(32).toString("base64")}`, got));
		const body = JSON.parse(got.body);
		assert.equal(body.type, "message.ended");
		assert.equal(body.truncated, undefined);
		assert.equal(body.id, got.headers["webhook-id"]);
		assert.equal(body.message.id, id);
		assert.equal(body.message.state, "answered");
		assert.equal(body.message.response, "told");
		assert.deepEqual(body.message.receipts.map((r) => r.state), ["queued", "sent", "seen", "answered"]);
		const row = await inState(iris, "delivered");
		assert.equal(row.id, body.id);
		assert.equal(row.message, id);
		assert.equal(row.url, hook.url);
		assert.equal(row.attempts, 1);
		assert.equal(row.lastStatus, 204);
		assert.ok(row.deliveredAt >= row.createdAt);
		assert.equal(row.nextAt, undefined);
		/* The secret is the user's alone, and stays what it is. */
		assert.equal(statSync(join(iris.home, "webhook.secret")).mode & 0o777, 0o600);
		assert.equal(readFileSync(join(iris.home, "webhook.secret"), "utf8").trim(), secret);
		assert.equal((await iris.json(["webhook", "secret"])).secret, secret);
		/* Nothing of it is left lying about, or logged. */
		assert.deepEqual(readdirSync(join(iris.home, "run")).filter((f) => f.startsWith("webhook")), []);
		assert.ok(!iris.log().includes(secret));
		assert.equal(hook.requests.length, 1);
	});

	test("also of a failure, and for a message that was sent twice by one key once", async () => {
		const gate = makeGate(iris);
		const headers = { "idempotency-key": "the same" };
		const again = () => ask(iris.port, "POST", "/api/v1/teams/backend/ask", { key, headers, body: { message: gate.hold, webhook: hook.url, timeout: -1 } });
		const { id } = (await again()).json();
		assert.equal((await again()).json().id, id);
		const [row, ...more] = await list(iris);
		assert.equal(row.state, "waiting");
		assert.equal(row.nextAt, undefined);
		assert.deepEqual(more, []);
		await ask(iris.port, "POST", `/api/v1/messages/${id}/cancel`, { key });
		const { message } = JSON.parse((await hook.next()).body);
		assert.equal(message.state, "cancelled");
		assert.equal(message.error.code, "cancelled");
		/* One that has ended already is told of at once. */
		await inState(iris, "delivered");
		const other = `${hook.url}&other`;
		await ask(iris.port, "POST", "/api/v1/teams/backend/ask", { key, headers, body: { message: gate.hold, webhook: other, timeout: -1 } });
		assert.equal((await hook.next(2)).path, "/hook?x=1&other");
	});

	test("addresses that are not allowed are refused when the message is sent", async () => {
		for (const url of ["http://example.org/x", "https://hooks.example.org", "http://169.254.169.254/latest/meta-data", "http://0.0.0.0:1/", "http://127.1/",
			"http://2130706433/", "http://localhost.example.org/", "http://127.0.0.1.example.org/", "http://[::ffff:127.0.0.1]/"]) {
			const r = await refused(url);
			assert.equal(r.status, 403, url);
			assert.equal(r.code, "refused");
			assert.match(r.detail, /webhooks\.allow/);
		}
		for (const webhook of ["file:///etc/passwd", "ftp://localhost/", "http://user:pw@localhost/", "http://localhost@example.org/", "http://example.org\\@localhost/",
			"http://localhost:0/", "http://localhost:99999/", `http://localhost/${"x".repeat(2000)}`, "http://localhost/\r\nX: y", "", "localhost", "http://",
			{ url: 5 }, { uri: hook.url }, [hook.url], 5, { url: hook.url, more: true }]) {
			const r = await refused(webhook);
			assert.equal(r.status, 400, JSON.stringify(webhook));
			assert.equal(r.code, "invalid");
		}
		assert.deepEqual(await list(iris), []);
		assert.equal((await iris.json(["messages"])).messages.length, 0);
	});

	test("webhooks.loopback: this machine is no exception, unless allowed", async () => {
		const gate = makeGate(iris);
		const file = join(iris.home, "config.yaml"), config = JSON.parse(readFileSync(file, "utf8"));
		const say = async (webhooks) => {
			writeFileSync(file, JSON.stringify({ ...config, webhooks }));
			const ctl = await connectRaw(iris, { role: "ctl" });
			assert.equal((await ctl.request("iris/config.reload")).error, undefined);
			ctl.socket.destroy();
		};
		await send(gate.hold, `${hook.url}&before`);
		await say({ loopback: false });
		for (const url of [hook.url, "http://localhost/", "http://[::1]:80/", "http://127.9.9.9/"]) {
			const r = await refused(url);
			assert.equal(r.status, 403, url);
			assert.match(r.detail, /webhooks\.loopback/);
		}
		gate.open();
		assert.match((await inState(iris, "failed")).lastError, /webhooks\.loopback/);
		await say({ loopback: false, allow: ["127.0.0.1"] });
		assert.equal((await refused(`http://localhost:${hook.port}/`)).status, 403);
		await send("ECHO allowed", hook.url);
		await hook.next();
		assert.equal((await inState(iris, "delivered")).url, hook.url);
		assert.equal(hook.requests.length, 1);
		await say({});
		await send("ECHO by name", `http://LocalHost:${hook.port}/name`);
		assert.equal((await hook.next(2)).path, "/name");
	});

	test("webhooks.allow: its hosts and no others, also when it has changed since", async () => {
		const gate = makeGate(iris);
		const file = join(iris.home, "config.yaml"), config = JSON.parse(readFileSync(file, "utf8"));
		const allow = async (hosts) => {
			writeFileSync(file, JSON.stringify({ ...config, webhooks: { allow: hosts } }));
			const ctl = await connectRaw(iris, { role: "ctl" });
			assert.equal((await ctl.request("iris/config.reload")).error, undefined);
			ctl.socket.destroy();
		};
		await allow(["*.example.org", "hooks.example.com"]);
		for (const url of ["http://example.org/", "http://evilexample.org/", "http://x.hooks.example.com/"])
			assert.equal((await refused(url)).status, 403, url);
		await send(gate.hold, "https://a.b.example.org:1/x");
		await send(gate.hold, "http://HOOKS.example.com/x");
		await allow(["hooks.example.com.invalid"]);
		gate.open();
		const rows = await waitFor(async () => {
			const r = await list(iris, "--state", "failed");
			return r.length === 2 && r;
		}, { what: "both to be refused", every: 50 });
		assert.ok(rows.every((w) => /webhooks\.allow/.test(w.lastError)), JSON.stringify(rows));
	});

	test("a receiver that fails first gets it again, the same delivery", async () => {
		hook.answer = (req, res) => res.writeHead(hook.requests.length === 1 ? 500 : 200).end("x".repeat(100000));
		await send("ECHO again", hook.url);
		const first = await hook.next();
		const waiting = await inState(iris, "waiting");
		const row = await waitFor(async () => (await list(iris)).find((w) => w.lastStatus === 500), { what: "the failure to be known", every: 25 });
		assert.equal(row.attempts, 1);
		assert.equal(row.lastError, "HTTP 500");
		const delay = row.nextAt - first.at;
		assert.ok(delay > 3500 && delay < 20000, `${delay} ms`);
		const second = await hook.next(2);
		assert.ok(second.at - first.at > 3500, `${second.at - first.at} ms`);
		assert.equal(second.headers["webhook-id"], first.headers["webhook-id"]);
		assert.equal(second.body, first.body);
		verify(await secretOf(iris), second);
		const end = await inState(iris, "delivered");
		assert.equal(end.id, waiting.id);
		assert.equal(end.attempts, 2);
		assert.equal(end.lastError, undefined);
	});

	test("nobody there, no answer, a redirect: each is a failure that says why; retry tries at once", async () => {
		const other = await receiver(), port = await freePort();
		hook.answer = (req, res) => res.writeHead(302, { location: other.url }).end();
		await send("ECHO moved", hook.url);
		await send("ECHO nobody", `http://127.0.0.1:${port}/`);
		const failed = (text) => waitFor(async () => (await list(iris)).find((w) => text.test(w.lastError)), { what: `${text}`, every: 25 });
		const moved = await failed(/^HTTP 302; redirects are not followed$/);
		const nobody = await failed(/refused|connect/i);
		assert.equal(nobody.lastStatus, undefined);
		assert.equal(other.requests.length, 0);
		hook.answer = (req, res) => res.writeHead(200).end();
		const r = await ask(iris.port, "POST", `/api/v1/webhooks/${moved.id}/retry`, { key, body: {} });
		assert.equal(r.status, 200, r.text);
		await hook.next(2);
		assert.equal((await inState(iris, "delivered")).id, moved.id);
		assert.equal((await failedRun(iris, ["webhook", "retry", moved.id])).code, "invalid");
		assert.equal((await failedRun(iris, ["webhook", "show", "nothing"])).code, "not_found");
		assert.match((await iris.iris(["webhook", "list"])).stdout, /delivered +1 +200/);
		assert.match((await iris.iris(["webhook", "show", moved.id])).stdout, /state +delivered\n/);
		await other.close();
	});

	/* The curls of a process: their pids. */
	const curls = (of) => readdirSync("/proc").filter((p) => /^\d+$/.test(p)).filter((p) => {
		try {
			return new RegExp(`^${p} \\(curl\\) . ${of} `).test(readFileSync(`/proc/${p}/stat`, "latin1"));
		} catch {
			return false;
		}
	});
	const bodies = () => readdirSync(join(iris.home, "run")).filter((f) => f.startsWith("webhook"));

	test("slow receivers are in no other's way, and nothing of theirs is in a list of processes", async () => {
		/* Few enough of them share a lane; all three with it is not to be expected. */
		const others = await Promise.all([receiver(), receiver(), receiver()]), held = [];
		try {
			hook.answer = (req, res) => held.push(res);
			for (let i = 0; i < 12; i++)
				await send(`ECHO slow ${i}`, `${hook.url}&token=very-secret`);
			await hook.next(2);
			const { pid } = await webStatus(iris), running = curls(pid);
			assert.equal(running.length, 2);
			for (const p of running)
				assert.equal(readFileSync(`/proc/${p}/cmdline`, "latin1"), "curl\0-q\0-K\0-\0");
			for (const o of others)
				await send("ECHO quick", o.url);
			await Promise.any(others.map((o) => o.next(1)));
			/* None of the slow ones has ended meanwhile. */
			assert.equal(hook.requests.length, 2, "one receiver has two at a time");
			hook.answer = (req, res) => res.writeHead(200).end();
			held.forEach((res) => res.writeHead(200).end());
			await waitFor(async () => (await list(iris, "--state", "delivered")).length === 15, { what: "all of them", every: 50, deadline: 40000 });
			assert.equal(new Set(hook.requests.map((r) => r.headers["webhook-id"])).size, 12);
			assert.equal(hook.requests.length, 12);
		} finally {
			await Promise.all(others.map((o) => o.close()));
		}
	});

	test("the web process ends in the middle: no curl and no text of a message outlives it", async () => {
		hook.answer = () => {};
		await send("ECHO cut off", hook.url);
		await hook.next();
		const { pid } = await webStatus(iris), [curl] = curls(pid);
		assert.equal(bodies().length, 1);
		process.kill(pid, "SIGTERM");
		await waitFor(() => !existsSync(`/proc/${curl}`), { what: "curl to end", every: 25 });
		await waitFor(() => bodies().length === 0, { what: "the file to go", every: 25 });
		/* Also with irisd, whatever it is that ends that. */
		await hook.next(2);
		const [second] = curls((await webStatus(iris)).pid);
		await iris.iris(["stop"]);
		await waitFor(() => !existsSync(`/proc/${second}`), { what: "the second curl to end", every: 25 });
		await waitFor(() => bodies().length === 0, { what: "the second file to go", every: 25 });
		/* It is the delivery that is tried again by the next irisd. */
		assert.equal(hook.requests[1].headers["webhook-id"], hook.requests[0].headers["webhook-id"]);
		await iris.iris(["start"]);
		const [row] = await list(iris);
		assert.equal(row.state, "waiting");
		assert.equal(row.attempts, 2);
		assert.ok(row.nextAt > Date.now() && row.nextAt < Date.now() + 61000, `${row.nextAt - Date.now()}`);
		hook.answer = (req, res) => res.writeHead(200).end();
		await iris.iris(["webhook", "retry", row.id]);
		assert.ok((await hook.next(3)).at < row.nextAt, "it is tried when it is asked for, not when it is due");
		await inState(iris, "delivered");
		await iris.iris(["stop"]);
	});

	test("a message of many bytes is told of whole, also to a receiver that ends no answer", async () => {
		const text = "\\\"\u0001äß€".repeat(150000);
		hook.answer = (req, res) => {
			res.writeHead(200);
			const more = () => {
				while (!res.destroyed && res.write("x".repeat(65536)));
				res.once("drain", more);
			};
			more();
		};
		await send(`ECHO ${text}`, hook.url);
		const got = await hook.next();
		verify(await secretOf(iris), got);
		assert.equal(JSON.parse(got.body).message.response, text);
		const row = await inState(iris, "delivered");
		assert.equal(row.attempts, 1);
		assert.deepEqual(bodies(), []);
	});

	test("of a message that is too long for a request the texts are cut", async () => {
		const text = '"'.repeat(4 * 1024 * 1024 - 5);
		const id = await send(`ECHO ${text}`, hook.url);
		const got = await hook.next(1, 30000);
		verify(await secretOf(iris), got);
		const { truncated, message } = JSON.parse(got.body);
		assert.equal(truncated, true);
		assert.equal(message.id, id);
		assert.equal(message.state, "answered");
		assert.equal(message.response, text.slice(0, 200));
		await inState(iris, "delivered");
	});

	test("the web process is killed in the middle: the next one delivers", async () => {
		const held = [];
		hook.answer = (req, res) => held.push(res);
		await send("ECHO twice", hook.url);
		await hook.next();
		const { pid } = await webStatus(iris);
		process.kill(pid, "SIGKILL");
		hook.answer = (req, res) => res.writeHead(200).end();
		await hook.next(2);
		assert.equal(hook.requests[1].headers["webhook-id"], hook.requests[0].headers["webhook-id"]);
		assert.equal((await inState(iris, "delivered")).attempts, 2);
		held.forEach((res) => res.destroy());
	});

	test("irisd is killed before the message has ended: the next one delivers", async () => {
		const gate = makeGate(iris);
		const id = await send(gate.hold, hook.url);
		await waitFor(async () => (await iris.json(["message", "show", id])).state === "seen", { what: "the turn to run", every: 25 });
		await iris.kill();
		await iris.iris(["start"]);
		gate.open();
		const got = await hook.next(1, 30000);
		assert.equal(JSON.parse(got.body).message.id, id);
		verify(await secretOf(iris), got);
		await inState(iris, "delivered");
		await iris.iris(["stop"]);
	});

	test("viewers are told of deliveries, and keys of one team only of their own", async () => {
		const mine = await makeKey(iris, "read,message", "--team", "frontend");
		const [all, own] = [await watch(iris.port, { key, topics: "webhook" }), await watch(iris.port, { key: mine, topics: "webhook" })];
		const ctl = await connectRaw(iris, { role: "ctl" });
		await ctl.request("iris/message.send", { to: "backend", from: "backend", message: "ECHO other", timeout: -1, webhook: `${hook.url}&elsewhere` });
		await ctl.request("iris/message.send", { to: "backend", from: "frontend", message: "ECHO mine", timeout: -1, webhook: hook.url });
		const delivered = (url) => (e) => e.type === "webhook" && e.webhook.url === url && e.webhook.state === "delivered";
		await Promise.all([all.event(delivered(hook.url)), all.event(delivered(`${hook.url}&elsewhere`)), own.event(delivered(hook.url))]);
		assert.doesNotMatch(JSON.stringify(own.events), /elsewhere/);
		const r = await ask(iris.port, "GET", "/api/v1/webhooks", { key: mine });
		assert.deepEqual(r.json().items.map((w) => w.url), [hook.url], r.text);
		const [other] = (await list(iris)).filter((w) => w.url.endsWith("elsewhere"));
		assert.equal((await ask(iris.port, "GET", `/api/v1/webhooks/${other.id}`, { key: mine })).status, 404);
		assert.equal((await ask(iris.port, "POST", `/api/v1/webhooks/${other.id}/retry`, { key: mine, body: {} })).status, 403);
		/* The calls of the web process are nobody else's, whatever he says that he is. */
		const web = await connectRaw(iris, { role: "web" });
		for (const from of [ctl, web]) {
			for (const [method, params] of [["iris/webhook.next", {}], ["iris/webhook.done", { id: other.id, status: 200 }]])
				assert.match((await from.request(method, params)).error.message, /is for the web process alone/, method);
			from.socket.destroy();
		}
		for (const v of [all, own])
			v.socket.terminate();
	});
});

describe("webhooks without a port", () => {
	test("the web process runs while there is something to deliver, and no longer", async () => {
		const hook = await receiver(), iris = await startTeams({ backend: {} }, { config: { dashboard: { enabled: false } } });
		try {
			assert.deepEqual(await webStatus(iris), { wanted: false, urls: [] });
			const ctl = await connectRaw(iris, { role: "ctl" });
			const r = await ctl.request("iris/message.send", { to: "backend", message: "ECHO x", webhook: { url: hook.url } });
			assert.equal(r.result.state, "answered");
			await hook.next();
			await inState(iris, "delivered");
			await waitFor(async () => (await webStatus(iris)).wanted === false, { what: "the web process to end", every: 25 });
			ctl.socket.destroy();
		} finally {
			await iris.stop();
			await hook.close();
		}
	});
});

describe("webhooks over https", () => {
	test("a certificate that is trusted is needed", async () => {
		const iris = await startTeams({ backend: {} }, { config: { dashboard: { enabled: false } }, env: { CURL_CA_BUNDLE: "/nonexistent" } });
		const cert = join(iris.root, "cert.pem"), keyFile = join(iris.root, "key.pem");
		execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
			"-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", keyFile, "-out", cert], { stdio: "ignore" });
		const hook = await receiver({ tls: { cert: readFileSync(cert), key: readFileSync(keyFile) } });
		try {
			const ctl = await connectRaw(iris, { role: "ctl" });
			await ctl.request("iris/message.send", { to: "backend", message: "ECHO x", webhook: hook.url });
			await waitFor(async () => /certificate/i.test((await list(iris))[0].lastError), { what: "it to be refused", every: 50 });
			assert.equal(hook.requests.length, 0);
			ctl.socket.destroy();
			await iris.iris(["stop"]);
			assert.ok(!existsSync(iris.socket));
			iris.env.CURL_CA_BUNDLE = cert;
			await iris.iris(["start"]);
			await iris.iris(["webhook", "retry", (await list(iris))[0].id]);
			verify(await secretOf(iris), await hook.next());
			await inState(iris, "delivered");
			await iris.iris(["stop"]);
			iris.killed = true;
		} finally {
			await iris.stop();
			await hook.close();
		}
	});
});
