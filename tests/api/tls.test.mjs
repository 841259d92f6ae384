/* SPDX-License-Identifier: MIT
 *
 * https: certificates of Iris's own and of the user's, which names and connections are taken, who
 * gives way when there are many, and who goes with whom when a process dies.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, readlinkSync, renameSync, statSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { connect, createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { ask, freePort, legacy, listening, makeKey, webStatus } from "../lib/http.mjs";
import { connectRaw } from "../integration/setup.mjs";
import { processesOf } from "../lib/processes.mjs";
import { askTls, Authority, connectTls, ownCert, startFront, startTls, tlsStatus } from "../lib/tls.mjs";
import { stream, watch } from "../lib/viewer.mjs";
import { waitFor, within } from "../lib/wait.mjs";

const alive = (pid) => existsSync(`/proc/${pid}`);
const fronts = (iris) => processesOf(iris.root).filter((p) => /iris-tls$/.test(p.command)).map((p) => p.pid);
const warnings = async (iris) => (await iris.json(["status"])).warnings;
const ended = (socket) => (socket.destroyed ? Promise.resolve() : within(30000, new Promise((resolve) => socket.once("close", resolve)), "the connection to be closed"));

/* Change the dashboard's part of the configuration, and have it read. */
async function configure(iris, dashboard) {
	const file = join(iris.home, "config.yaml"), config = JSON.parse(readFileSync(file, "utf8"));

	Object.assign(config.dashboard, dashboard);
	writeFileSync(file, JSON.stringify(config));
	const c = await connectRaw(iris, { role: "ctl" }), answer = await c.request("iris/config.reload", {});
	c.socket.destroy();
	return answer;
}

/* One control call's result. */
async function control(iris, method, params = {}) {
	const c = await connectRaw(iris, { role: "ctl" }), { result } = await c.request(method, params);
	c.socket.destroy();
	return result;
}

/* What a raw connection gets until its end. */
async function raw(port, bytes) {
	const socket = connect(port, "127.0.0.1");
	let got = "";

	socket.on("error", () => {});
	socket.on("data", (d) => (got += d.toString("latin1")));
	socket.write(bytes);
	await ended(socket);
	return got;
}

describe("a certificate of Iris's own", () => {
	let iris;

	beforeEach(async () => {
		iris = await startTls({ selfsigned: true, names: ["iris.example", "192.0.2.7"] }, { teams: { backend: {} } });
	});
	afterEach(() => iris.stop());

	test("is made, verifies, and is what status tells; http goes on beside it", async () => {
		const { mode } = statSync(join(iris.home, "tls"));
		assert.equal(mode & 0o777, 0o700);
		for (const file of ["cert.pem", "key.pem"])
			assert.equal(statSync(join(iris.home, "tls", file)).mode & 0o777, 0o600, file);
		const ca = ownCert(iris), cert = new X509Certificate(ca);
		for (const servername of ["localhost", "iris.example", hostname()]) {
			const r = await askTls(iris.tls, "GET", "/health", { ca, servername });
			assert.equal(r.status, 200, servername);
			assert.equal(r.json().status, "ok");
		}
		/* By address, of both families. */
		for (const host of ["127.0.0.1", "::1"])
			assert.equal((await askTls(iris.tls, "GET", "/health", { ca, host, servername: "" })).status, 200, host);
		assert.match(cert.subjectAltName, /IP Address:192\.0\.2\.7/);
		assert.equal(cert.publicKey.asymmetricKeyDetails.namedCurve, "prime256v1");
		assert.equal(cert.ca, false);
		const days = (new Date(cert.validTo) - new Date(cert.validFrom)) / 86400000;
		assert.ok(days > 396 && days <= 398, `${days} days`);
		const web = await webStatus(iris);
		assert.deepEqual(web.urls, [`http://127.0.0.1:${iris.port}`, `http://127.0.0.1:${iris.port2}`, `https://localhost:${iris.tls}`]);
		assert.equal(web.tls.fingerprint, cert.fingerprint256);
		assert.equal(web.tls.selfsigned, true);
		assert.ok(Math.abs(web.tls.notAfter - new Date(cert.validTo)) <= 2000);
		assert.deepEqual(web.tls.warnings, []);
		assert.equal((await ask(iris.port2, "GET", "/health")).status, 200);
		/* It is one of Iris's processes, and the link by it is named with what a browser is to show. */
		const { processes } = await control(iris, "iris/process.list"), [front] = fronts(iris);
		assert.deepEqual(processes.filter((p) => p.kind === "tls").map((p) => p.pid), [front]);
		const link = await iris.iris(["dashboard", "--print"]);
		assert.match(link.stdout, new RegExp(`^http://127\\.0\\.0\\.1:${iris.port2}/#login=`));
		assert.match(link.stderr, new RegExp(`https://localhost:${iris.tls}/#login=.*\\n.*SHA-256 ${cert.fingerprint256}\\n`));
		const { stdout } = await iris.iris(["status"]);
		assert.match(stdout, new RegExp(`https://localhost:${iris.tls}`));
		assert.match(stdout, new RegExp(`SHA-256 +${cert.fingerprint256}`));
	});

	test("stays over a restart, is made anew for other names, keeps its key", async () => {
		const was = ownCert(iris), key = readFileSync(join(iris.home, "tls", "key.pem"), "utf8");
		const { pid } = await webStatus(iris);
		process.kill(pid, "SIGKILL");
		await listening(iris, { but: pid });
		await tlsStatus(iris);
		assert.equal(ownCert(iris), was);
		await configure(iris, { names: ["other.example"] });
		await tlsStatus(iris, (tls) => tls.fingerprint && tls.fingerprint !== new X509Certificate(was).fingerprint256, "a new certificate");
		assert.match(new X509Certificate(ownCert(iris)).subjectAltName, /DNS:other\.example/);
		assert.doesNotMatch(new X509Certificate(ownCert(iris)).subjectAltName, /iris\.example/);
		assert.equal(readFileSync(join(iris.home, "tls", "key.pem"), "utf8"), key);
		/* What can not be used is made anew, too. */
		writeFileSync(join(iris.home, "tls", "key.pem"), "no key");
		const front = fronts(iris)[0];
		process.kill(front, "SIGKILL");
		/* The status may be that of the front that is gone for a moment: the answer tells. */
		await waitFor(
			async () => fronts(iris).some((pid) => pid !== front) &&
				(await askTls(iris.tls, "GET", "/health", { ca: ownCert(iris) }).catch(() => undefined))?.status === 200,
			{ what: "another front, with another certificate", deadline: 20000 },
		);
	});

	test("TLS 1.2 and 1.3, http/1.1 only; what is older, other or no TLS is refused", async () => {
		for (const version of ["TLSv1.2", "TLSv1.3"]) {
			const socket = await connectTls(iris.tls, { minVersion: version, maxVersion: version, ALPNProtocols: ["h2", "http/1.1"] });
			assert.equal(socket.getProtocol(), version);
			assert.equal(socket.alpnProtocol, "http/1.1");
			socket.destroy();
		}
		for (const options of [
			{ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
			{ ALPNProtocols: ["h2"] },
			{ maxVersion: "TLSv1.2", ciphers: "AES128-SHA:@SECLEVEL=0", ecdhCurve: "X448" },
		])
			await assert.rejects(within(10000, new Promise((_, reject) => connectTls(iris.tls, options).then(() => reject(new Error("it was taken")), reject)), "refusal")
				, (e) => e.message !== "it was taken");
		const plain = await raw(iris.tls, `GET /health HTTP/1.1\r\nHost: localhost:${iris.tls}\r\n\r\n`);
		assert.match(plain, /^HTTP\/1\.1 400 .*https:\/\//s);
		assert.doesNotMatch(plain, /status.*ok/);
		/* An alert, and no word more. */
		assert.ok((await raw(iris.tls, randomBytes(300).fill(0xff, 0, 1))).length <= 7);
		assert.equal((await askTls(iris.tls, "GET", "/health", { ca: ownCert(iris) })).status, 200);
	});

	test("names that a Host may have, and an Origin", async () => {
		const status = async (headers, path = "/health") => (await askTls(iris.tls, "GET", path, { headers })).status;
		for (const host of ["localhost", "127.0.0.1", `[::1]:${iris.tls}`, hostname(), "IRIS.example", `iris.example:${iris.tls}`, "198.51.100.9:8443", "[2001:db8::1]"])
			assert.equal(await status({ host }), 200, host);
		for (const host of ["evil.example", "iris.example.evil.example", "xiris.example", "iris.example:", "[evil.example]", "127.0.0.1.evil.example", ""])
			assert.equal(await status({ host }), 403, host);
		for (const origin of [`https://iris.example:${iris.tls}`, "https://localhost"])
			assert.equal(await status({ origin }), 200, origin);
		for (const origin of ["http://iris.example", "http://localhost", "https://evil.example", "null", "https://iris.example@evil.example"])
			assert.equal(await status({ origin }), 403, origin);
		/* Names are for TLS only. */
		assert.equal((await ask(iris.port, "GET", "/health", { headers: { host: "iris.example" } })).status, 403);
		/* And a key is needed as ever. */
		assert.equal((await askTls(iris.tls, "POST", "/mcp", { body: {} })).status, 401);
	});

	test("a login's cookie is for https alone, and its Origin as well", async () => {
		const ca = ownCert(iris), host = `iris.example:${iris.tls}`, origin = `https://${host}`;
		const token = async () => (await control(iris, "iris/login.create")).token;
		const post = { servername: "iris.example", ca, headers: { host, origin } };
		const login = await askTls(iris.tls, "POST", "/api/v1/login", { ...post, body: { token: await token() } });
		assert.equal(login.status, 200, login.text);
		const [cookie] = login.headers["set-cookie"];
		assert.match(cookie, new RegExp(`^iris_${iris.tls}=.*; Secure`));
		const me = (headers) => askTls(iris.tls, "GET", "/api/v1/me", { ...post,
			headers: { host, cookie: cookie.split(";")[0], "x-iris-csrf": login.json().csrf, ...headers } });
		assert.equal((await me({})).status, 200);
		assert.equal((await me({ origin })).status, 200);
		for (const other of [`http://${host}`, "https://localhost", `https://iris.example:${iris.port}`])
			assert.equal((await me({ origin: other })).status, 403, other);
		assert.equal((await me({ "x-iris-csrf": "0".repeat(32) })).status, 401);
		/* Over http there is no such word. */
		const plain = await ask(iris.port2, "POST", "/api/v1/login", { body: { token: await token() } });
		assert.equal(plain.status, 200, plain.text);
		assert.doesNotMatch(plain.headers["set-cookie"][0], /Secure/);
	});

	test("live events: by WebSocket with a login, as server-sent events with a key, and their ends", async () => {
		const host = `localhost:${iris.tls}`, key = await makeKey(iris, "read,message");
		/* Of the front: two for each connection. */
		const descriptors = () => readdirSync(`/proc/${fronts(iris)[0]}/fd`).length, none = descriptors();
		const { token } = await control(iris, "iris/login.create");
		const login = await askTls(iris.tls, "POST", "/api/v1/login", { headers: { host }, body: { token } });
		const cookie = login.headers["set-cookie"][0].split(";")[0], protocols = ["iris.v1", `iris.csrf.${login.json().csrf}`];
		const page = { scheme: "wss", topics: "message", protocols, headers: { host, cookie } };
		for (const origin of [`http://${host}`, "https://iris.example", `https://localhost:${iris.port}`])
			assert.equal((await watch(iris.tls, { ...page, origin })).status, 403, origin);
		assert.equal((await watch(iris.tls, { ...page, origin: `https://${host}`, protocols: ["iris.v1"] })).status, 401);
		const byPage = await watch(iris.tls, { ...page, origin: `https://${host}` });
		assert.equal(byPage.protocol, "iris.v1");
		const tls = await connectTls(iris.tls);
		const byKey = await stream(iris.tls, { key, topics: "message", headers: { host }, options: { agent: undefined, createConnection: () => tls } });
		await Promise.all([byPage.event("hello"), byKey.event("hello")]);
		/* More than a record of TLS, and than a buffer on the way. */
		const text = "x".repeat(100000);
		const sent = await askTls(iris.tls, "POST", "/api/v1/teams/backend/ask", { key, headers: { host }, body: { message: `ECHO ${text}`, timeout: 30000 } });
		assert.equal(sent.json().response, text);
		const end = (e) => e.type === "message" && e.message.id === sent.json().id && e.message.state === "answered";
		const [one, other] = await Promise.all([byPage.event(end), byKey.event(end)]);
		assert.deepEqual(one, other);
		/* The client's end of it is one for the web process, and the front's for its clients. */
		await waitFor(() => descriptors() === none + 4, { what: "all but the viewers to be let go" });
		byKey.end();
		await waitFor(() => descriptors() === none + 2, { what: "the stream to be let go" });
		process.kill(fronts(iris)[0], "SIGKILL");
		assert.equal((await within(20000, byPage.closed, "the end")).code, 1006);
	});

	test("nobody else gets anything from the port that is there for it", async () => {
		const { pid } = await webStatus(iris);
		const inodes = new Set();
		for (const fd of readdirSync(`/proc/${pid}/fd`)) {
			try {
				inodes.add(readlinkSync(`/proc/${pid}/fd/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1]);
			} catch {
				/* closed meanwhile */
			}
		}
		const ports = readFileSync("/proc/net/tcp", "utf8").split("\n").map((l) => l.trim().split(/\s+/))
			.filter((row) => row[3] === "0A" && inodes.has(row[9])).map((row) => parseInt(row[1].split(":")[1], 16));
		const hidden = ports.filter((p) => p !== iris.port && p !== iris.port2);
		assert.equal(hidden.length, 1, `${ports}`);
		for (const host of ["localhost", "iris.example"])
			assert.equal((await ask(hidden[0], "GET", "/health", { headers: { host } })).status, 403, host);
		/* Nor from another address with the port of one that is the front's. */
		const agent = new Agent({ keepAlive: true });
		assert.equal((await askTls(iris.tls, "GET", "/health", { agent, ca: ownCert(iris) })).status, 200);
		const peer = readFileSync("/proc/net/tcp", "utf8").split("\n").map((l) => l.trim().split(/\s+/))
			.find((row) => row[3] === "01" && row[2].endsWith(`:${hidden[0].toString(16).toUpperCase().padStart(4, "0")}`));
		const socket = connect({ host: "127.0.0.1", port: hidden[0], localAddress: "127.0.0.2", localPort: parseInt(peer[1].split(":")[1], 16) });
		let got = "";
		socket.on("error", () => {});
		socket.on("data", (d) => (got += d));
		socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
		await ended(socket);
		assert.equal(got, "");
		agent.destroy();
	});
});

describe("a certificate of the user's", () => {
	let ca, iris;

	before(() => {
		ca = new Authority();
	});
	after(() => ca.remove());
	afterEach(async () => {
		await iris?.stop();
		iris = undefined;
	});

	test("is served with its chain; a new file is taken up, and the connections of before go on", async () => {
		const files = ca.issue("first");
		iris = await startTls({ certPath: files.cert, keyPath: files.key, names: ["iris.example"] });
		const agent = new Agent({ keepAlive: true, maxSockets: 1 });
		const health = (options) => askTls(iris.tls, "GET", "/health", { ca: ca.root, servername: "iris.example", headers: { host: "iris.example" }, ...options });
		assert.equal((await health({ agent })).status, 200);
		const was = await tlsStatus(iris);
		assert.equal(was.selfsigned, false);
		assert.equal(was.fingerprint, new X509Certificate(readFileSync(files.cert)).fingerprint256);
		assert.equal(existsSync(join(iris.home, "tls")), false);

		const second = ca.issue("second");
		/* The certificate first: for a moment the two do not belong together. */
		copyFileSync(second.cert, `${files.cert}.new`);
		renameSync(`${files.cert}.new`, files.cert);
		await waitFor(async () => (await health()) && (await webStatus(iris)).tls.warnings.some((w) => /is not that of the certificate/.test(w)),
			{ what: "the mismatch to be told" });
		assert.equal((await tlsStatus(iris)).fingerprint, was.fingerprint);
		assert.ok((await warnings(iris)).some((w) => /stays in use/.test(w)));
		copyFileSync(second.key, `${files.key}.new`);
		chmodSync(`${files.key}.new`, 0o640);
		const now = new X509Certificate(readFileSync(second.cert)).fingerprint256;
		/* One from before, which has ten seconds to ask something. */
		const held = await connectTls(iris.tls);
		assert.equal(held.getPeerCertificate().fingerprint256, was.fingerprint);
		renameSync(`${files.key}.new`, files.key);
		await waitFor(async () => {
			const socket = await connectTls(iris.tls), { fingerprint256 } = socket.getPeerCertificate();
			socket.destroy();
			return fingerprint256 === now;
		}, { what: "the new one" });
		held.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
		assert.match(String((await within(20000, once(held, "data"), "an answer"))[0]), /^HTTP\/1\.1 200 /);
		assert.equal(held.getPeerCertificate().fingerprint256, was.fingerprint);
		held.destroy();
		await tlsStatus(iris, ({ fingerprint }) => fingerprint === now, "the new one to be told");
		const tls = await tlsStatus(iris);
		assert.equal(tls.warnings.length, 1);
		assert.match(tls.warnings[0], /can be read by others \(mode 0640\); do: chmod 600 /);
		agent.destroy();
	});

	test("files that can not be used are told with their reason, http goes on, and mended files are taken up", async () => {
		const good = ca.issue("good"), other = ca.issue("other"), old = ca.issue("old", { days: -1 });
		const dir = ca.dir, secret = ca.issue("secret", { passphrase: "abcdef" });
		const text = join(dir, "text.pem");
		writeFileSync(text, "this is no PEM\n");
		const cases = [
			[join(dir, "missing.pem"), good.key, /certificate .*missing\.pem can not be read: No such file/],
			[good.cert, dir, /the key .* is not a file/],
			[text, good.key, /certificate .*text\.pem can not be used .*expected PEM/],
			[good.cert, text, /key .*text\.pem can not be used/],
			[good.cert, other.key, /key .*other\.key is not that of the certificate .*good-chain\.pem/],
			[old.cert, old.key, /certificate .*old-chain\.pem has expired on \d{4}-\d\d-\d\d/],
			[secret.cert, secret.key, /key .*secret\.key can not be used .*without a passphrase/],
		];
		const certPath = join(dir, "live.pem"), keyPath = join(dir, "live.key");
		iris = await startTls({ certPath: cases[0][0], keyPath: good.key }, { wait: false });
		for (const [cert, key, reason] of cases) {
			await configure(iris, { certPath: cert, keyPath: key });
			const tls = await tlsStatus(iris, ({ error }) => reason.test(error ?? ""), String(reason));
			assert.equal(tls.fingerprint, undefined);
			assert.ok((await warnings(iris)).some((w) => w.startsWith(`no HTTPS on port ${iris.tls}: `) && reason.test(w)));
			assert.equal((await ask(iris.port, "GET", "/health")).status, 200);
			assert.ok(!(await webStatus(iris)).urls.some((u) => u.startsWith("https")));
		}
		const doctor = await iris.iris(["doctor"]);
		assert.match(doctor.stdout, /no HTTPS on port/);
		await configure(iris, { certPath, keyPath });
		await tlsStatus(iris, ({ error }) => /live\.pem can not be read/.test(error ?? ""));
		copyFileSync(good.key, keyPath);
		copyFileSync(good.cert, certPath);
		await tlsStatus(iris);
		assert.deepEqual((await warnings(iris)).filter((w) => /HTTPS/.test(w)), []);
		assert.equal((await askTls(iris.tls, "GET", "/health", { ca: ca.root })).status, 200);
	});

	test("a port that is taken is a warning, as one of http is, and is had when it is free", async (t) => {
		const port = await freePort(), blocker = createServer().listen(port, "127.0.0.1");
		t.after(() => blocker.close());
		await once(blocker, "listening");
		iris = await startTls({ https: port, selfsigned: true }, { wait: false });
		await tlsStatus(iris, ({ error }) => /127\.0\.0\.1 port \d+ can not be listened at: Address already in use/.test(error ?? ""));
		assert.ok((await warnings(iris)).some((w) => w.startsWith(`no HTTPS on port ${port}: `) && w.includes(`, process ${process.pid}: stop that, or set another port (dashboard.https)`)));
		blocker.close();
		await tlsStatus(iris);
		assert.equal((await askTls(port, "GET", "/health")).status, 200);
	});

	test("https alone, at an address; a host that is none", async () => {
		iris = await startTls({ http: 0, host: "127.0.0.1", selfsigned: true }, { settings: { httpPort: 0 } });
		assert.deepEqual((await webStatus(iris)).urls, [`https://127.0.0.1:${iris.tls}`]);
		assert.equal((await askTls(iris.tls, "GET", "/health", { ca: ownCert(iris), servername: "" })).status, 200);
		const rows = ["tcp", "tcp6"].flatMap((f) => readFileSync(`/proc/net/${f}`, "utf8").split("\n")).map((l) => l.trim().split(/\s+/))
			.filter((row) => row[3] === "0A" && row[1].endsWith(`:${iris.tls.toString(16).toUpperCase().padStart(4, "0")}`));
		assert.deepEqual(rows.map((row) => row[1].split(":")[0]), ["0100007F"]);
		await configure(iris, { host: "192.0.2.1" });
		await tlsStatus(iris, ({ error }) => /192\.0\.2\.1 port \d+ can not be listened at: Cannot assign/.test(error ?? ""));
		const r = await configure(iris, { names: ["not a name"] });
		assert.match(r.error.message, /dashboard\.names: "not a name" is neither a host name nor an address/);
	});
});

describe("processes", () => {
	let iris;

	beforeEach(async () => {
		iris = await startTls({ selfsigned: true });
	});
	afterEach(() => iris.stop());

	test("the front killed: told, and started again; http does not notice", async () => {
		const [front] = fronts(iris), { pid } = await webStatus(iris);
		const socket = await connectTls(iris.tls);
		process.kill(front, "SIGKILL");
		await ended(socket);
		await tlsStatus(iris, ({ error }) => /has ended \(signal 9\) and is started again/.test(error ?? ""));
		assert.equal((await ask(iris.port, "GET", "/health")).status, 200);
		await tlsStatus(iris);
		const [again, ...more] = fronts(iris);
		assert.deepEqual(more, []);
		assert.notEqual(again, front);
		assert.equal((await webStatus(iris)).pid, pid);
		assert.equal((await askTls(iris.tls, "GET", "/health")).status, 200);
	});

	test("the web process killed: the front goes with it, and both come again", async () => {
		const [front] = fronts(iris), { pid } = await webStatus(iris);
		process.kill(pid, "SIGKILL");
		await waitFor(() => !alive(front), { what: "the front to end" });
		await listening(iris, { but: pid });
		await tlsStatus(iris);
		assert.equal(fronts(iris).length, 1);
		assert.equal((await askTls(iris.tls, "GET", "/health")).status, 200);
	});

	test("irisd killed: both are gone, and the next irisd has its own", async () => {
		const [front] = fronts(iris), { pid } = await webStatus(iris);
		await iris.kill();
		await waitFor(() => !alive(front) && !alive(pid), { what: "both to end" });
		await iris.start();
		await tlsStatus(iris);
		assert.equal(fronts(iris).length, 1);
		assert.equal((await askTls(iris.tls, "GET", "/health")).status, 200);
	});

	test("https taken out of the configuration: the front ends", async () => {
		const [front] = fronts(iris);
		await configure(iris, { https: 0 });
		await waitFor(async () => !alive(front) && (await webStatus(iris)).urls.length === 2, { what: "http alone", deadline: 15000 });
		assert.deepEqual(fronts(iris), []);
		assert.equal((await webStatus(iris)).tls, undefined);
	});
});

describe("hostile clients", () => {
	let iris;

	beforeEach(async () => {
		iris = await startTls({ selfsigned: true }, { teams: { backend: {} } });
	});
	afterEach(() => iris.stop());

	test("1,000 connections without a handshake, 300 without a request: both ways are open to others", async () => {
		const key = await makeKey(iris, "message"), ping = { id: 1, method: "ping" };
		const sockets = [];
		for (let i = 0; i < 1000; i++) {
			const s = connect(iris.tls, "127.0.0.1");
			s.on("error", () => {});
			/* A third begins a handshake, and leaves it at that. */
			if (i % 3 === 0) s.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
			sockets.push(s);
			if (i % 50 === 49) {
				assert.equal((await askTls(iris.tls, "GET", "/health")).status, 200);
				assert.equal((await legacy(iris.port, key, ping)).status, 200);
			}
		}
		/* A page that is never asked for. */
		for (let i = 0; i < 300; i++) {
			const s = await connectTls(iris.tls);
			sockets.push(s);
		}
		const begun = performance.now();
		assert.equal((await askTls(iris.tls, "GET", "/health")).status, 200);
		assert.equal((await legacy(iris.port, key, ping)).status, 200);
		/* Before the time of any of them is up. */
		assert.ok(performance.now() - begun < 9000);
		/* It holds no more than it may, and those that it has let go know it. */
		const [front] = fronts(iris);
		assert.ok(readdirSync(`/proc/${front}/fd`).length <= 300);
		await waitFor(() => sockets.filter((s) => s.destroyed || s.readableEnded).length >= 1000, { what: "the first to be let go" });
		for (const s of sockets) s.destroy();
	});

	test("large bodies arrive, and are refused, as over http", async () => {
		const key = await makeKey(iris, "message");
		const send = (n) => askTls(iris.tls, "POST", "/mcp", { key, headers: { accept: "application/json, text/event-stream" },
			body: `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"pad":"${"x".repeat(n)}"}}` });
		assert.deepEqual((await send(16 * 1024 * 1024 - 100)).json(), { jsonrpc: "2.0", id: 1, result: {} });
		const r = await send(16 * 1024 * 1024 + 1).catch((e) => e);
		assert.ok(r.status === 413 || /EPIPE|ECONNRESET|hang up/.test(`${r.code} ${r.message}`), r.status ?? r.message);
	});

	test("noise of all kinds, some of it in the middle of a handshake", async () => {
		const seed = process.env.IRIS_SEED ?? String(Date.now());
		let state = createHash("sha256").update(seed).digest();
		const random = (n) => {
			const parts = [];
			for (let have = 0; have < n; have += 32)
				parts.push((state = createHash("sha256").update(state).digest()));
			return Buffer.concat(parts).subarray(0, n);
		};
		console.log(`# seed ${seed}`);
		const [front] = fronts(iris), sockets = [];
		for (let i = 0; i < 200; i++) {
			const s = connect(iris.tls, "127.0.0.1");
			const head = [Buffer.alloc(0), Buffer.from([0x16, 0x03, 0x01]), Buffer.from("GET / HTTP/1.1\r\n"), Buffer.from([0x80, 0x2e, 0x01])][i % 4];
			s.on("error", () => {});
			s.resume().write(Buffer.concat([head, random(random(1)[0] * 8)]));
			await new Promise((resolve) => s.once("connect", resolve).once("close", resolve));
			if (i % 2) s.resetAndDestroy();
			else sockets.push(s.end());
		}
		assert.equal((await askTls(iris.tls, "GET", "/health")).status, 200);
		assert.deepEqual(fronts(iris), [front]);
		for (const s of sockets) s.destroy();
	});
});

describe("iris-tls by itself", () => {
	let ca, files, front;

	before(() => {
		ca = new Authority();
		files = ca.issue("relay");
	});
	after(() => ca.remove());
	afterEach(() => front?.stop());

	test("64 MiB come back byte for byte, also when both ways are full", async () => {
		front = await startFront(files, (s) => s.pipe(s));
		const data = randomBytes(64 * 1024 * 1024), sum = createHash("sha256");
		const socket = await connectTls(front.port);
		let n = 0;
		socket.on("data", (d) => sum.update(d) && (n += d.length));
		socket.end(data);
		await within(60000, once(socket, "end"), "all of it");
		assert.equal(n, data.length);
		assert.equal(sum.digest("hex"), createHash("sha256").update(data).digest("hex"));
	});

	test("the server hears of a client with its first byte; its port is told before and after", async () => {
		const seen = [];
		front = await startFront(files, (s) => {
			seen.push(s.remotePort);
			s.on("error", () => {});
			s.on("data", () => s.end("bye"));
		});
		const socket = await connectTls(front.port);
		const other = await connectTls(front.port);
		other.write("x");
		let said = "";
		other.on("data", (d) => (said += d));
		await within(20000, once(other, "end"), "the answer");
		assert.equal(said, "bye");
		assert.equal(seen.length, 1);
		await waitFor(() => front.announced.length === 2, { what: "the port to be told" });
		assert.deepEqual(front.announced, [`+${seen[0]}`, `-${seen[0]}`]);
		socket.resume().write("y");
		await within(20000, once(socket, "end"), "the answer");
		assert.equal(seen.length, 2);
	});

	test("half-close: who has said all still gets the answer", async () => {
		front = await startFront(files, (s) => {
			let got = 0;
			s.on("data", (d) => (got += d.length));
			s.on("end", () => s.end(`${got} bytes`));
		});
		const socket = await connectTls(front.port);
		let said = "";
		socket.on("data", (d) => (said += d));
		socket.end(Buffer.alloc(100000, 1));
		await within(20000, once(socket, "end"), "the answer");
		assert.equal(said, "100000 bytes");
	});

	test("an answer before the end of the question arrives whole", async () => {
		const answer = randomBytes(300000);
		front = await startFront(files, (s) => {
			s.on("error", () => {});
			s.once("data", () => s.end(answer));
		});
		const socket = await connectTls(front.port);
		const parts = [];
		socket.on("data", (d) => parts.push(d));
		socket.write(Buffer.alloc(4 * 1024 * 1024));
		await within(20000, once(socket, "end"), "the answer");
		assert.ok(Buffer.concat(parts).equals(answer));
	});

	test("who does not read stops who writes: nothing piles up here", async () => {
		const chunk = Buffer.alloc(65536, 7);
		let written = 0, peer;
		front = await startFront(files, (s) => {
			const more = () => {
				while (written < 256 * 1024 * 1024 && s.write(chunk)) written += chunk.length;
			};
			peer = s;
			s.on("error", () => {});
			s.once("data", more);
			s.on("drain", more);
		});
		const rss = () => Number(readFileSync(`/proc/${front.child.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) * 1024;
		const before = rss();
		const socket = await connectTls(front.port);
		socket.pause();
		socket.write("go");
		let last = -1;
		/* Until it does not get any further. */
		await waitFor(() => {
			const still = written > 0 && written === last && peer.writableNeedDrain;
			last = written;
			return still;
		}, { every: 300, deadline: 20000, what: "the writer to be stopped" });
		assert.ok(written < 128 * 1024 * 1024, `${written} bytes were taken`);
		/* A sanitizer keeps what was freed. */
		assert.ok(rss() - before < (process.env.IRIS_SANITIZED ? 64 : 8) * 1024 * 1024, `${rss() - before} bytes more`);
		/* And it goes on when it is read again. */
		const at = written;
		socket.resume();
		await waitFor(() => written > at + 1024 * 1024, { what: "the writer to go on" });
		socket.destroy();
		await ended(peer);
	});

	test("who has said all, does not read and breaks off is let go", async () => {
		let peer;
		front = await startFront(files, (s) => {
			const more = () => {
				while (s.write(Buffer.alloc(65536)));
			};
			peer = s;
			s.on("error", () => {});
			s.once("data", more);
			s.on("drain", more);
		});
		const plain = connect(front.port, "127.0.0.1");
		await once(plain, "connect");
		const socket = tlsConnect({ socket: plain, servername: "localhost", rejectUnauthorized: false });
		socket.on("error", () => {});
		await within(20000, once(socket, "secureConnect"), "the handshake");
		socket.pause();
		/* Its close_notify arrives before the break. */
		socket.end("go");
		await waitFor(() => peer?.readableEnded && peer.writableNeedDrain, { what: "its end to be passed on" });
		plain.resetAndDestroy();
		await ended(peer);
	});

	test("an end is told as one; what breaks off on the server's side does not look like it", async () => {
		/* What else was said is not read, and more of it is on its way. */
		const half = (s) => s.pause().write("half", () => s.resetAndDestroy());
		for (const [how, alerts, said] of [[(s) => s.end("all of it"), 1, "go"], [half, 0, "go"], [half, 0, Buffer.alloc(4 * 1024 * 1024)]]) {
			front = await startFront(files, (s) => {
				s.on("error", () => {});
				s.once("data", () => how(s));
			});
			/* What it sends passes here: the records of TLS 1.2 show their kind, 21 is an alert. */
			let bytes = Buffer.alloc(0);
			const between = createServer((s) => {
				const on = connect(front.port, "127.0.0.1");
				on.on("data", (d) => (bytes = Buffer.concat([bytes, d])));
				on.on("error", () => {});
				s.on("error", () => {});
				s.pipe(on).pipe(s);
			}).listen(0, "127.0.0.1");
			await once(between, "listening");
			const socket = await connectTls(between.address().port, { maxVersion: "TLSv1.2" });
			socket.resume().write(said);
			await ended(socket);
			const kinds = [];
			for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) kinds.push(bytes[at]);
			assert.equal(kinds.filter((k) => k === 21).length, alerts, `${kinds}`);
			assert.ok(kinds.includes(23));
			between.close();
			await front.stop();
		}
		front = undefined;
	});

	test("time is up: for a handshake and for the first byte", async () => {
		front = await startFront(files, (s) => s.end());
		const begun = performance.now();
		const [silent, idle] = [connect(front.port, "127.0.0.1"), await connectTls(front.port)];
		for (const s of [silent, idle]) {
			s.on("error", () => {});
			s.resume();
			await ended(s);
			const took = performance.now() - begun;
			assert.ok(took > 9000 && took < 30000, `${took} ms`);
		}
	});
});
