/* SPDX-License-Identifier: MIT
 *
 * https: certificates of the test's own (by openssl(1)), requests over TLS, and iris-tls alone with a
 * server of the test's own behind it.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { connectRaw } from "../integration/setup.mjs";
import { freePort, makeHttp } from "./http.mjs";
import { program } from "./iris.mjs";
import { waitFor, within } from "./wait.mjs";

const openssl = (dir, ...args) => execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] }).toString();

/* A certificate authority, one that it trusts, and what that one signs. */
export class Authority {
	constructor() {
		this.dir = mkdtempSync(join(tmpdir(), "iris-ca"));
		writeFileSync(join(this.dir, "ca.ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n");
		openssl(this.dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "root.key",
			"-out", "root.pem", "-days", "30", "-subj", "/CN=test root");
		this.#sign("middle", "root", ["-extfile", "ca.ext", "-days", "30"], ["-nodes"]);
	}

	#sign(name, by, args, keyArgs) {
		openssl(this.dir, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", ...keyArgs, "-keyout", `${name}.key`,
			"-out", `${name}.csr`, "-subj", `/CN=${name}`);
		openssl(this.dir, "x509", "-req", "-in", `${name}.csr`, "-CA", `${by}.pem`, "-CAkey", `${by}.key`, "-CAcreateserial", "-out", `${name}.pem`, ...args);
	}

	get root() {
		return readFileSync(join(this.dir, "root.pem"), "utf8");
	}

	/* { cert, key }: paths; cert has the chain to the root. */
	issue(name, { days = 30, san = "DNS:localhost,IP:127.0.0.1,DNS:iris.example", passphrase } = {}) {
		writeFileSync(join(this.dir, `${name}.ext`), `subjectAltName=${san}\nextendedKeyUsage=serverAuth\n`);
		/* A day before today, so that one of no days has ended. */
		this.#sign(name, "middle", ["-extfile", `${name}.ext`, "-days", String(days)],
			passphrase ? ["-passout", `pass:${passphrase}`] : ["-nodes"]);
		const files = { cert: join(this.dir, `${name}-chain.pem`), key: join(this.dir, `${name}.key`) };
		writeFileSync(files.cert, readFileSync(join(this.dir, `${name}.pem`)) + readFileSync(join(this.dir, "middle.pem")));
		return files;
	}

	remove() {
		rmSync(this.dir, { recursive: true, force: true });
	}
}

/* What status says of https, asked for without a program that would have to start: it may hold for a second only. */
async function tlsNow(iris) {
	const ctl = await connectRaw(iris, { role: "ctl" });

	try {
		return (await ctl.request("iris/daemon.status", {})).result.web.tls;
	} finally {
		ctl.socket.destroy();
	}
}

/* The same as soon as cond holds for it. */
export const tlsStatus = (iris, cond = (tls) => tls.fingerprint !== undefined, what = "https to be listened at") => waitFor(
	async () => {
		const tls = await tlsNow(iris);
		return tls !== undefined && cond(tls) && tls;
	}, { what, deadline: 30000, every: 25 });

/* An irisd with https; iris.tls is the port. wait: until it is listened at. */
export async function startTls(dashboard = {}, { wait = true, teams = {}, ...options } = {}) {
	const tls = await freePort();
	const iris = await makeHttp(teams, { ...options, dashboard: { https: tls, ...dashboard } });

	Object.assign(iris, { tls });
	try {
		await iris.start();
		if (wait) await tlsStatus(iris);
	} catch (e) {
		const log = iris.log();
		await iris.stop().catch(() => {});
		throw new Error(`${e.message}; the log: ${log}`);
	}
	return iris;
}

/* The certificate that Iris has made. */
export const ownCert = (iris) => readFileSync(join(iris.home, "tls", "cert.pem"), "utf8");

/* One request over TLS: { status, headers, text, json() }. */
export async function askTls(port, method, path, { key, headers = {}, body, ca, servername = "localhost", host = "127.0.0.1", agent = false, ...options } = {}) {
	const all = { ...(key && { authorization: `Bearer ${key}` }), ...headers };
	const text = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);

	if (text !== undefined && !("content-type" in all)) all["content-type"] = "application/json";
	const req = request({ host, port, method, path, headers: all, agent, setHost: !("host" in all), ca, servername,
		rejectUnauthorized: ca !== undefined, ALPNProtocols: ["http/1.1"], ...options });
	/* One that comes when the answer is there already. */
	req.on("error", () => {});
	req.end(text);
	const [res] = await within(30000, once(req, "response"), `${method} ${path}`);
	const answer = { status: res.statusCode, headers: res.headers, text: "", json: () => JSON.parse(answer.text) };
	res.setEncoding("utf8");
	res.on("data", (d) => (answer.text += d));
	await within(30000, once(res, "end"), `the answer to ${method} ${path}`);
	return answer;
}

/* A TLS connection, whatever its certificate. */
export async function connectTls(port, options = {}) {
	const socket = connect({ host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false, ...options });

	socket.on("error", () => {});
	await within(20000, once(socket, "secureConnect"), "the handshake");
	return socket;
}

/*
 * iris-tls alone, with handler for each connection that it makes: { port, child, backend, reports,
 * announced, stop() }. announced: what it wrote about its ports, "+1234" and "-1234".
 */
export async function startFront(files, handler) {
	const server = createServer({ allowHalfOpen: true }, handler).listen(0, "127.0.0.1");
	await once(server, "listening");
	const port = await freePort();
	const child = spawn(program("iris-tls"), [], { stdio: ["pipe", "pipe", "pipe"], env: { PATH: process.env.PATH, ...sanitizer() } });
	const front = { port, child, server, backend: server.address().port, announced: [], stderr: "" };
	let rest = Buffer.alloc(0);

	child.stdout.on("data", (d) => {
		rest = Buffer.concat([rest, d]);
		for (; rest.length >= 4; rest = rest.subarray(4))
			front.announced.push(`${rest.readUInt16LE(0) ? "+" : "-"}${rest.readUInt16LE(2)}`);
	});
	child.stderr.on("data", (d) => (front.stderr += d));
	const exit = once(child, "exit");
	front.stop = async () => {
		child.stdin.end();
		const [status, signal] = await within(20000, exit, "iris-tls to end");
		server.close();
		if (status !== 0) throw new Error(`iris-tls ended with ${status ?? signal}: ${front.stderr}`);
	};
	child.stdin.write(`${JSON.stringify({ host: "127.0.0.1", port, backend: front.backend, ...files })}\n`);
	try {
		await waitFor(() => new Promise((resolve) => {
			const probe = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => resolve(probe.destroy() && true));
			probe.once("error", () => resolve(false));
		}), { what: "iris-tls to listen" });
	} catch (e) {
		await front.stop().catch(() => child.kill("SIGKILL"));
		throw new Error(`${e.message}; it says ${front.stderr}`);
	}
	return front;
}

function sanitizer() {
	return Object.fromEntries(["ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"].filter((n) => process.env[n]).map((n) => [n, process.env[n]]));
}
