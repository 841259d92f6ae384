/* SPDX-License-Identifier: MIT
 *
 * iris-ssh against real sshds, without the rest of Iris: its options, its way to a host, host keys,
 * logins, and the bytes that it carries.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
	appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { freePort } from "../lib/http.mjs";
import { program, run } from "../lib/iris.mjs";
import { assertNoneLeft } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";
import { Client, findProgram, fingerprint, Host, Line, makeKey, noSshd, startAgent } from "./sshd.mjs";

/* What iris-worker gives to either client. */
const workers = (dir) => [
	"-T", "-o", "BatchMode=yes", "-o", "ControlMaster=auto", "-o", `ControlPath=${dir}/m`, "-o", "ControlPersist=60",
	"-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no", "-o", "EscapeChar=none", "-o", "RequestTTY=no",
	"-o", "RemoteCommand=none", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3",
];
const kept = (key) => key.pub.split(" ").slice(0, 2).join(" ");
const sha = (data) => createHash("sha256").update(data).digest("hex");

describe("iris-ssh", { skip: noSshd, timeout: 600000 }, () => {
	let root, host, client, env, stops;

	beforeEach(async () => {
		stops = [];
		root = mkdtempSync(join(tmpdir(), "iris-near"));
		client = new Client(root);
		host = await new Host().start();
		host.authorize(client.key.pub);
		client.host("box", { HostName: "127.0.0.1", Port: host.port, User: host.user });
		client.know(host.port, host.hostKey);
		env = { HOME: root, PATH: process.env.PATH, IRIS_TEST_NEAR: root };
		for (const name of ["ASAN_OPTIONS", "UBSAN_OPTIONS"])
			if (process.env[name] !== undefined)
				env[name] = process.env[name];
	});
	afterEach(async () => {
		for (const stop of stops.reverse())
			await stop();
		await host.stop();
		await assertNoneLeft(root);
		rmSync(root, { recursive: true, force: true });
	});

	async function iris(args, options = {}) {
		const r = await run(program("iris-ssh"), args, { env, deadline: 60000, ...options });
		assert.equal(r.signal, null, r.stderr);
		assert.doesNotMatch(r.stderr, /Sanitizer|runtime error/);
		return r;
	}

	/* It answers 0 and says this. */
	async function says(args, out, options) {
		const r = await iris(args, options);
		assert.equal(r.stderr, "");
		assert.deepEqual([r.status, r.stdout], [0, out]);
	}

	/* It does not get there, and says why. */
	async function fails(args, why, options) {
		const r = await iris(args, options);
		assert.match(r.stderr, why);
		assert.match(r.stderr, /^iris-ssh: /);
		assert.equal(r.status, 255, r.stderr);
		assert.equal(r.stdout, "");
		return r.stderr;
	}

	/* One that stays: a child with what it has said so far. */
	function start(args, options = {}) {
		const child = spawn(program("iris-ssh"), args, { env, stdio: "pipe", ...options });
		const c = { child, out: "", err: "", exited: once(child, "close") };
		child.stdout.on("data", (d) => (c.out += d));
		child.stderr.on("data", (d) => (c.err += d));
		child.stdin?.on("error", () => {});
		stops.push(async () => {
			if (child.exitCode === null && child.signalCode === null)
				child.kill("SIGKILL");
			await c.exited;
		});
		return c;
	}

	async function cat(...args) {
		const c = start([...args, "box", "cat"]);
		c.child.stdin.write("one\n");
		await waitFor(() => c.out === "one\n", { what: `the echo (${c.err})` });
		return c;
	}

	async function another(options) {
		const h = await new Host(options).start();
		stops.push(() => h.stop());
		h.authorize(client.key.pub);
		client.host("far", { HostName: "127.0.0.1", Port: h.port, User: h.user });
		return h;
	}

	async function throughLine(h = host) {
		const line = await new Line(h.port).start();
		stops.push(() => line.stop());
		client.host("box", { HostName: "127.0.0.1", Port: line.port, User: h.user });
		client.know(line.port, h.hostKey);
		return line;
	}

	test("runs a command: its words, its output, its errors, its status", async () => {
		const r = await iris([...workers(root), "--", "box", "echo out;", "echo err >&2;", "exit 7"]);
		assert.deepEqual([r.status, r.stdout, r.stderr], [7, "out\n", "err\n"]);
		await says(["box", "cat"], "to and fro\n", { input: "to and fro\n" });
		await says(["box", "printf '%s|' 'a  b' \"$HOME\""], `a  b|${host.home}|`);
		await says(["box"], "a shell\n", { input: "echo a shell\n" });
		await host.assertIdle();
	});

	test("a command that a signal has ended: as ssh", async () => {
		const ours = await iris(["box", "kill -9 $$"]);
		const theirs = await run(join(client.bin, "ssh"), ["box", "kill -9 $$"], { env });
		assert.equal(ours.status, theirs.status);
		assert.equal(ours.status, 255);
	});

	test("says with -v what a checker times, in ssh's words", async () => {
		const r = await iris(["-v", "box", "true"]);
		const print = fingerprint(host.hostKey.pub);
		const wanted = [
			`debug1: Connecting to 127.0.0.1 [127.0.0.1] port ${host.port}.`, "debug1: Connection established.",
			`debug1: Server host key: ssh-ed25519 ${print}`, "debug1: Host 'box' is known and matches the ED25519 host key.",
			`Authenticated to 127.0.0.1 ([127.0.0.1]:${host.port}) using "publickey".`,
		];
		assert.deepEqual(r.stderr.split("\n").filter((l) => wanted.includes(l)), wanted);
		assert.equal(r.status, 0);
	});

	test("refuses what it does not have, and a destination that is none", async () => {
		const mark = join(root, "mark");
		for (const [args, why] of [
			[["-o", "ProxyCommand=touch " + mark, "box", "true"], /ProxyCommand is taken from ssh_config files only/],
			[["-o", "LocalCommand=touch " + mark, "box", "true"], /'LocalCommand' is not one/],
			[["-D", "1080", "box", "true"], /-D is not one/],
			[["-p", "0", "box", "true"], /Port can not be '0'/],
			[["-o", "ServerAliveInterval=x", "box", "true"], /ServerAliveInterval can not be 'x'/],
			[["-o", "Port", "box", "true"], /name=value/],
			[["--", "-oProxyCommand=touch " + mark, "true"], /is no host name/],
			[["--", "-oProxyCommand=x@box", "true"], /is no user name/],
			[["--", "me@-oProxyCommand=x", "true"], /is no host name/],
			[["--", "ssh://-x@box/", "true"], /is no user name/],
			[["--", "box\nHost x", "true"], /is no host name/],
			[["--", "$(touch " + mark + ")", "true"], /is no host name/],
			[["-l", "-x", "box", "true"], /no usable host or user name/],
			[["-J", "-oProxyCommand=x", "box", "true"], /is no host name/],
			[["-N", "box", "true"], /-N runs no command/],
			[["-R", "1:2", "box", "true"], /-R wants/],
			[["--record", "SHA256:x", "box"], /--record is for --host-key/],
			[["-F", join(root, "missing"), "box", "true"], /No such file/],
		])
			await fails(args, why);
		assert.equal((await iris([])).status, 255);
		assert.equal(existsSync(mark), false);
		assert.equal((await iris(["--version"])).stdout.split(" ")[0], "iris-ssh");
		assert.match((await iris(["--help"])).stdout, /^usage: iris-ssh /);
	});

	test("64 MiB each way at once, with a reader that takes its time: complete, and bounded in memory", async () => {
		const data = randomBytes(64 * 1024 * 1024);
		const child = spawn(program("iris-ssh"), ["box", "cat"], { env, stdio: "pipe" });
		const exited = once(child, "exit"), hash = createHash("sha256");
		let n = 0, resident = 0;

		let sent = 0, before = -1;
		const write = (async () => {
			for (; sent < data.length; sent += 65536)
				if (!child.stdin.write(data.subarray(sent, sent + 65536)))
					await once(child.stdin, "drain");
			child.stdin.end();
		})();
		/* Nobody reads, until nothing goes anywhere any more: what is held on the way is bounded. */
		await waitFor(() => {
			const same = sent === before && sent > 0;
			before = sent;
			return same;
		}, { every: 400, what: "the way to be full" });
		assert.ok(sent < data.length / 2, `${sent} bytes went somewhere`);
		for await (const chunk of child.stdout) {
			hash.update(chunk);
			if (n >> 22 !== (n += chunk.length) >> 22) {
				resident = Math.max(resident, Number(readFileSync(`/proc/${child.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1] ?? 0));
				await new Promise((r) => setTimeout(r, 5));
			}
		}
		assert.deepEqual(await within(60000, exited, "iris-ssh to end"), [0, null]);
		await write;
		assert.equal(n, data.length);
		assert.equal(hash.digest("hex"), sha(data));
		assert.ok(process.env.IRIS_SANITIZED !== undefined || resident < 24 * 1024, `${resident} KiB resident`);
	});

	test("new keys are agreed on again and again while both directions are busy", async () => {
		host.config = ["RekeyLimit 1M", "ClientAliveInterval 1"];
		await host.restart();
		const data = randomBytes(12 * 1024 * 1024).toString("base64");
		const r = await iris(["box", "cat"], { input: data });
		assert.equal(r.status, 0, r.stderr);
		assert.equal(sha(r.stdout), sha(data));
	});

	test("the end of the input goes there while output goes on; the end of the output comes at once", async () => {
		await says(["box", "cat >/dev/null; echo after the end"], "after the end\n", { input: "x" });
		/* The command's output ends long before the command. */
		const c = start(["box", "echo first; exec >&- 2>&-; read -r line; exit 3"]);
		await within(20000, once(c.child.stdout, "end"), "the end of the output");
		assert.equal(c.out, "first\n");
		assert.equal(c.child.exitCode, null);
		c.child.stdin.write("go\n");
		assert.deepEqual(await within(20000, c.exited, "iris-ssh to end"), [3, null]);
		/* It ends with the command, though its own input is open. */
		const d = start(["box", "exit 5"]);
		assert.deepEqual(await within(20000, d.exited, "iris-ssh to end"), [5, null]);
		/* Nobody reads: the command is not left running. */
		const e = start(["box", "yes"]);
		await once(e.child.stdout, "data");
		e.child.stdout.destroy();
		const [status] = await within(20000, e.exited, "iris-ssh to end");
		assert.notEqual(status, 0);
		await host.assertIdle();
	});

	test("a signal ends it, and what it ran", async () => {
		for (const signal of ["SIGTERM", "SIGINT"]) {
			const c = await cat();
			c.child.kill(signal);
			assert.deepEqual(await within(20000, c.exited, "iris-ssh to end"), [255, null]);
			assert.match(c.err, /Killed by signal/);
		}
		/* Also while there is always more to read, and somebody who takes it. */
		const busy = spawn(program("iris-ssh"), ["box", "yes & read -r line; echo \"$line\" >&2; wait"], { env, stdio: "pipe" });
		const ended = once(busy, "close");
		let err = "", n = 0;
		busy.stdout.on("data", (d) => (n += d.length));
		busy.stderr.on("data", (d) => (err += d));
		await waitFor(() => n > 8 * 1024 * 1024, { what: "much output" });
		busy.stdin.write("the other way\n");
		await waitFor(() => err === "the other way\n", { what: "the other direction" });
		busy.kill("SIGTERM");
		assert.deepEqual(await within(20000, ended, "iris-ssh to end"), [255, null]);
		const c = await cat();
		c.child.kill("SIGKILL");
		await c.exited;
		await host.assertIdle();
	});

	test("logs in with a key that has a passphrase; it is in no environment afterwards", async () => {
		const key = makeKey(join(root, "a 'locked' k\"ey"), { passphrase: "open 'sesame' ä" });
		host.refuseAll();
		host.authorize(key.pub);
		const args = ["-i", key.file, "-o", "IdentitiesOnly=yes", "box"];
		assert.match(await fails([...args, "true"], /Permission denied \(publickey\)/), /has a passphrase, and there is none here/);
		env.IRIS_ASKPASS = "wrong";
		assert.match(await fails([...args, "true"], /Permission denied \(publickey\)/), /passphrase for the key in .* is wrong/);
		env.IRIS_ASKPASS = "open 'sesame' ä";
		await says([...args, "printenv IRIS_ASKPASS || echo none"], "none\n");
		const c = start([...args, "cat"]);
		c.child.stdin.write("one\n");
		await waitFor(() => c.out === "one\n", { what: "the echo" });
		assert.doesNotMatch(readFileSync(`/proc/${c.child.pid}/environ`, "utf8"), /sesame/);
		rmSync(`${key.file}.pub`);
		await says([...args, "echo without .pub"], "without .pub\n");
		delete env.IRIS_ASKPASS;
	});

	test("logs in with keys of an agent, those that are named first, or alone", async () => {
		const agent = await startAgent(root);
		stops.push(() => agent.stop());
		env.SSH_AUTH_SOCK = agent.socket;
		/* More than sshd lets anybody try, and the right one last. */
		const others = Array.from({ length: 8 }, (_, i) => makeKey(join(root, `other${i}`)));
		others.forEach((k) => agent.add(k));
		const key = makeKey(join(root, "right"));
		agent.add(key);
		rmSync(key.file);
		host.refuseAll();
		host.authorize(key.pub);
		await fails(["-o", "IdentitiesOnly=no", "box", "true"], /Too many authentication failures|Permission denied/);
		await says(["-i", key.file, "-o", "IdentitiesOnly=no", "box", "echo in"], "in\n");
		await says(["-i", key.file, "-o", "IdentitiesOnly=yes", "box", "echo in"], "in\n");
		await fails(["-i", key.file, "-o", "IdentityAgent=none", "box", "true"], /Permission denied \(publickey\)/);
		delete env.SSH_AUTH_SOCK;
		await says(["-i", key.file, "-o", `IdentityAgent=${agent.socket}`, "box", "echo in"], "in\n");
		/* One that would do is in the agent, and comes first, but is not named. */
		host.authorize(others[0].pub);
		await says(["-o", "IdentitiesOnly=no", "-o", `IdentityAgent=${agent.socket}`, "box", "echo in"], "in\n");
		await fails(["-o", "IdentitiesOnly=yes", "-o", `IdentityAgent=${agent.socket}`, "box", "true"], /Permission denied \(publickey\)/);
	});

	test("does not use a key that others can read; says which one is not there", async () => {
		host.refuseAll();
		assert.match(await fails(["-i", join(root, "not here"), "box", "true"], /Permission denied \(publickey\)/), /Identity file .*\/not here not accessible: No such file/);
		host.authorize(client.key.pub);
		chmodSync(client.key.file, 0o644);
		rmSync(`${client.key.file}.pub`);
		assert.match(await fails(["box", "true"], /Permission denied \(publickey\)/), /Permissions 0644 for .* are too open/);
	});

	test("lets the agent be used over there with -A, and not without", async () => {
		const agent = await startAgent(root);
		stops.push(() => agent.stop());
		env.SSH_AUTH_SOCK = agent.socket;
		agent.add(client.key);
		const list = `${findProgram("ssh-add")} -L 2>/dev/null | wc -l`;
		await says(["-A", "box", list], "1\n");
		await says(["box", list], "0\n");
	});

	test("an unknown host: refused with its fingerprint; recorded where that is wanted; then known", async () => {
		const print = fingerprint(host.hostKey.pub);
		rmSync(client.knownHosts);
		const said = await fails(["box", "true"], /Host key verification failed\.\n$/);
		assert.ok(said.includes(`No ED25519 host key is known for box`) && said.includes(print), said);
		assert.match(said, /run: iris remote trust box/);
		assert.equal(existsSync(client.knownHosts), false);
		for (const how of ["no", "accept-new"]) {
			rmSync(client.knownHosts, { force: true });
			const r = await iris(["-o", `StrictHostKeyChecking=${how}`, "box", "true"]);
			assert.equal(r.status, 0, r.stderr);
			assert.equal(readFileSync(client.knownHosts, "utf8"), `[127.0.0.1]:${host.port} ${kept(host.hostKey)}\n`);
			assert.equal(statSync(client.knownHosts).mode & 0o777, 0o600);
		}
		await says(["box", "echo known"], "known\n");
	});

	test("a changed host: refused in any case, also where its key is of another kind; revoked as well", async () => {
		const old = host.hostKey, print = fingerprint(old.pub);
		for (const other of [makeKey(join(root, "k1")), makeKey(join(root, "k2"), { type: "ecdsa" })]) {
			client.forgetHosts();
			client.know(host.port, other);
			for (const how of ["yes", "accept-new", "no"]) {
				const said = await fails(["-o", `StrictHostKeyChecking=${how}`, "box", "true"], /REMOTE HOST IDENTIFICATION HAS CHANGED/);
				assert.ok(said.includes(print), said);
				assert.match(said, /Host key verification failed\.\n$/);
			}
			assert.equal(readFileSync(client.knownHosts, "utf8").split("\n").length, 2);
		}
		client.forgetHosts();
		client.know(host.port, old);
		appendFileSync(client.knownHosts, `@revoked * ${kept(old)}\n`);
		await fails(["-o", "StrictHostKeyChecking=no", "box", "true"], /REVOKED HOST KEY/);
		await fails(["--host-key", "--record", print, "box"], /marked as revoked/, {}).catch((e) => assert.match(e.message, /revoked/));
		assert.equal(readFileSync(client.knownHosts, "utf8").split("\n").length, 3);
	});

	test("RevokedHostKeys: a key in it is refused, and every key where it can not be told", async () => {
		const other = makeKey(join(root, "other")), file = join(root, "revoked"), host_ = host.hostKey;
		const config = (path) => writeFileSync(client.config, `${before}\nHost *\n\tRevokedHostKeys ${path}\n`);
		const before = readFileSync(client.config, "utf8");
		client.forgetHosts();
		client.know(host.port, host_);
		try {
			for (const good of ["", `# a comment\n\n${kept(other)} of other\n`, `  ${kept(other)}\r\n`]) {
				writeFileSync(file, good);
				await says(["-o", `RevokedHostKeys=${file}`, "box", "echo in"], "in\n");
			}
			await says(["-o", "RevokedHostKeys=none", "box", "echo in"], "in\n");
			writeFileSync(file, `${kept(other)}\n\t${kept(host_)}\tof the host`);
			config(file);
			const revoked = new RegExp(`^iris-ssh: Host key ssh-ed25519 ${fingerprint(host_.pub).replaceAll("+", "\\+")} revoked by file ${file}\niris-ssh: Host key verification failed\\.`, "m");
			await fails(["box", "true"], revoked);
			await fails(["-o", "StrictHostKeyChecking=no", "box", "true"], revoked);
			await says(["-o", "RevokedHostKeys=none", "box", "echo the command line is first"], "the command line is first\n");
			const shown = await iris(["--host-key", "box"]);
			assert.equal(JSON.parse(shown.stdout).state, "revoked");
			assert.match((await iris(["--host-key", "--record", fingerprint(host_.pub), "box"])).stderr, /marked as revoked in .*nothing is recorded/);
			const krl = join(root, "krl");
			assert.equal((await run(findProgram("ssh-keygen"), ["-k", "-f", krl, other.file + ".pub"], { env })).status, 0);
			writeFileSync(join(root, "rubbish"), `${kept(other)}\nrubbish\n`);
			writeFileSync(join(root, "binary"), `${kept(other)}\0\n`);
			writeFileSync(join(root, "cert"), kept(other).replace("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"));
			for (const [name, why] of [["krl", /KRL/], ["rubbish", /line 2 of/], ["binary", /line 1 of/], ["cert", /line 1 of/], ["nowhere", /No such file/], ["", /Is a directory/]]) {
				const said = await fails(["-o", `RevokedHostKeys=${join(root, name)}`, "box", "true"], /Host key verification failed\.\n$/);
				assert.match(said, /^iris-ssh: Error checking host key ssh-ed25519 SHA256:.* in revoked keys file/m);
				assert.match(said, why);
			}
		} finally {
			writeFileSync(client.config, before);
		}
	});

	test("a known host: hashed, by wildcard, by alias, in the global file, by the key of its kind that is known", async () => {
		const second = makeKey(join(root, "rsa"), { type: "rsa" });
		host.config = [`HostKey ${second.file}`];
		await host.restart();
		const name = `[127.0.0.1]:${host.port}`;
		for (const line of [
			`${name} ${kept(second)}`, `other,${name},more ${kept(second)} comment`, `[127.0.*]:* ${kept(second)}`,
			`# comment\n\n${name}\t${kept(second).replace(" ", "\t")}`, `nobody ssh-dss AAAA\nrubbish\n${name} ${kept(second)}`,
		]) {
			writeFileSync(client.knownHosts, `${line}\n`);
			await says(["box", "echo known"], "known\n");
		}
		writeFileSync(client.knownHosts, `${name} ${kept(host.hostKey)}\n`);
		const keygen = await run(findProgram("ssh-keygen"), ["-H", "-f", client.knownHosts], { env });
		assert.equal(keygen.status, 0);
		assert.match(readFileSync(client.knownHosts, "utf8"), /^\|1\|/);
		await says(["box", "echo hashed"], "hashed\n");
		writeFileSync(client.knownHosts, `![127.0.0.1]:*,* ${kept(host.hostKey)}\n`);
		await fails(["box", "true"], /No ED25519 host key is known/);
		writeFileSync(client.knownHosts, `stand-in ${kept(host.hostKey)}\n`);
		await says(["-o", "HostKeyAlias=stand-in", "box", "echo alias"], "alias\n");
		const global = join(root, "global");
		writeFileSync(client.knownHosts, "");
		writeFileSync(global, `${name} ${kept(host.hostKey)}\n`);
		await says(["-o", `GlobalKnownHostsFile=/nonexistent ${global}`, "box", "echo global"], "global\n");
		await says(["-o", "StrictHostKeyChecking yes", "-o", `UserKnownHostsFile=${join(root, "none")} ${global}`, "box", "echo two"], "two\n");
	});

	test("--host-key shows, --record writes down what was seen and nothing else", async () => {
		const print = fingerprint(host.hostKey.pub), file = join(root, "new", "known_hosts");
		const show = async (...more) => {
			const r = await iris(["--host-key", ...more, "-o", `UserKnownHostsFile=${file}`, "--", "box"]);
			return { ...r, json: JSON.parse(r.stdout) };
		};
		const seen = { host: "box", port: host.port, keys: [{ type: "ssh-ed25519", fingerprint: print }], file };
		const logins = host.logins();

		assert.deepEqual((await show()).json, { ...seen, state: "unknown", recorded: false });
		const wrong = await show("--record", "SHA256:AAAA");
		assert.deepEqual([wrong.status, wrong.json.recorded, existsSync(file)], [255, false, false]);
		assert.ok(wrong.stderr.includes(print), wrong.stderr);
		const r = await show("--record", print);
		assert.deepEqual([r.status, r.json], [0, { ...seen, state: "unknown", recorded: true }]);
		assert.equal(statSync(join(root, "new")).mode & 0o777, 0o700);
		assert.equal(statSync(file).mode & 0o777, 0o600);
		assert.deepEqual((await show("--record", print)).json, { ...seen, state: "known", recorded: false });
		/* The host gets another key: old entries go, others stay, the file as it was is kept. */
		appendFileSync(file, `elsewhere ${kept(client.key)}\n# a comment`);
		const before = readFileSync(file, "utf8");
		host.newHostKey();
		await host.restart();
		const now = fingerprint(host.hostKey.pub);
		assert.equal((await show()).json.state, "changed");
		const changed = await show("--record", now);
		assert.deepEqual([changed.status, changed.json.state, changed.json.recorded], [0, "changed", true]);
		assert.equal(readFileSync(file, "utf8"), `elsewhere ${kept(client.key)}\n# a comment\n[127.0.0.1]:${host.port} ${kept(host.hostKey)}\n`);
		assert.equal(readFileSync(`${file}.old`, "utf8"), before);
		assert.equal(statSync(file).mode & 0o777, 0o600);
		assert.equal((await show()).json.state, "known");
		assert.equal(host.logins(), logins);
	});

	test("follows ssh_config: Host, Match, Include, tokens, quotes; the first value counts", async () => {
		const key = join(root, "the key"), sub = join(root, ".ssh", "more"), known = join(root, "known");
		writeFileSync(known, readFileSync(client.knownHosts));
		client.forgetHosts();
		writeFileSync(key, readFileSync(client.key.file), { mode: 0o600 });
		mkdirSync(join(root, ".ssh", "config.d"));
		writeFileSync(join(root, ".ssh", "config.d", "a.conf"), `Host inc*\n  HostName=127.0.0.1\n\tPort = ${host.port}\n`);
		writeFileSync(client.config, [
			"# comment", "Include config.d/*.conf", "IgnoreUnknown x", "Host !include2 inc* \"other\"", `User ${host.user}`, `  IdentityFile "%d/the key"`,
			"IdentitiesOnly yes", "Match host 127.0.0.1 !originalhost include3", `  UserKnownHostsFile ${known}`,
			"Match exec \"touch " + sub + "\"", "  User nobody", "Match all", "  GlobalKnownHostsFile /dev/null", "  User someone-else", "  SendEnv X", "",
		].join("\n"));
		rmSync(client.key.file);
		const r = await iris(["include1", "echo in"]);
		assert.deepEqual([r.status, r.stdout], [0, "in\n"], r.stderr);
		assert.match(r.stderr, /runs no command for "Match exec"/);
		assert.equal(existsSync(sub), false);
		assert.match((await iris(["include2", "true"])).stderr, /someone-else@127.0.0.1: Permission denied/);
		await fails(["include3", "true"], /Host key verification failed/);
		chmodSync(client.config, 0o666);
		await fails(["include1", "true"], /Bad owner or permissions/);
		chmodSync(client.config, 0o600);
		writeFileSync(client.config, "Port x\n");
		await fails(["include1", "true"], /config line 1: Port can not be 'x'/);
		writeFileSync(client.config, "Include config\n");
		await fails(["include1", "true"], /levels of Include/);
	});

	test("goes through other hosts by itself, with the keys and logins of each", async () => {
		const far = await another();
		client.know(far.port, far.hostKey);
		client.host("far", { HostName: "127.0.0.1", Port: far.port, User: far.user, ProxyJump: "box" });
		env.PATH = "/nonexistent"; /* there is no ssh */
		await says(["far", "echo $IRIS_TEST_HOST"], `${far.root}\n`);
		assert.equal(host.logins(), 1);
		await says(["-J", "box,far", `ssh://${host.user}@127.0.0.1:${host.port}`, "echo $IRIS_TEST_HOST"], `${host.root}\n`);
		const data = randomBytes(3 * 1024 * 1024).toString("base64");
		const r = await iris(["-J", "box,far", "box", "cat; exit 9"], { input: data });
		assert.equal(r.status, 9, r.stderr);
		assert.equal(sha(r.stdout), sha(data));
		await fails(["-J", "box", "-p", String(await freePort()), "127.0.0.1", "true"], /Connection refused/);
		await fails(["-J", "box,-oX=y", "far", "true"], /no host name/);
		client.host("round", { HostName: "127.0.0.1", Port: host.port, ProxyJump: "round" });
		await fails(["round", "true"], /in a circle/);
		await host.assertIdle();
	});

	test("shows and records the key of a host on the way first", async () => {
		const far = await another();
		client.host("far", { HostName: "127.0.0.1", Port: far.port, User: far.user, ProxyJump: "box" });
		client.forgetHosts();
		await fails(["far", "true"], /on the way to far: Host key verification failed/);
		const key = async (...more) => JSON.parse((await iris(["--host-key", ...more, "far"])).stdout);
		for (const [name, h] of [["box", host], ["far", far]]) {
			const print = fingerprint(h.hostKey.pub);
			const seen = await key();
			assert.deepEqual([seen.host, seen.port, seen.state, seen.keys[0].fingerprint], [name, h.port, "unknown", print]);
			assert.equal((await key("--record", print)).recorded, true);
		}
		await says(["far", "echo there"], "there\n");
	});

	test("a ProxyCommand of the configuration", async () => {
		const node = process.execPath;
		const script = join(root, "proxy.mjs");
		writeFileSync(script, 'import { connect } from "node:net"; const s = connect(Number(process.argv[3]), process.argv[2]); process.stdin.pipe(s); s.pipe(process.stdout);\n');
		client.host("box", { HostName: "127.0.0.1", Port: host.port, User: host.user, ProxyCommand: `${node} ${script} %h %p` });
		await says(["box", "echo by command"], "by command\n");
		client.host("box", { HostName: "127.0.0.1", Port: host.port, User: host.user, ProxyCommand: "echo not found >&2; exit 1" });
		assert.match(await fails(["box", "true"], /failed before a key was agreed on/).catch((e) => e.message), /not found/);
	});

	test("nobody there: refused, no such name, silent, closed at once; each within its time", async () => {
		const port = String(await freePort());
		await fails(["-p", port, "127.0.0.1", "true"], /connect to host 127\.0\.0\.1 port \d+: Connection refused/);
		await fails(["no-such-host.invalid", "true"], /Could not resolve hostname no-such-host\.invalid/);
		const held = new Set(), server = createServer((s) => held.add(s)).listen(0, "127.0.0.1");
		await once(server, "listening");
		stops.push(async () => {
			held.forEach((s) => s.destroy());
			server.close();
		});
		await fails(["-o", "ConnectTimeout=1", "-p", String(server.address().port), "127.0.0.1", "true"], /Connection timed out during banner exchange/);
		await fails(["-o", "ConnectTimeout=1", "-J", `127.0.0.1:${server.address().port}`, "box", "true"], /Connection timed out/);
		const closing = createServer((s) => s.destroy()).listen(0, "127.0.0.1");
		await once(closing, "listening");
		stops.push(() => closing.close());
		await fails(["-p", String(closing.address().port), "127.0.0.1", "true"], /failed before a key was agreed on/);
		const talking = createServer((s) => s.end(randomBytes(100000)).on("error", () => {})).listen(0, "127.0.0.1");
		await once(talking, "listening");
		stops.push(() => talking.close());
		await fails(["-o", "ConnectTimeout=3", "-p", String(talking.address().port), "127.0.0.1", "true"], /failed before a key was agreed on/);
	});

	for (const [how, cut] of [["cut", (line) => line.cut()], ["its sshd killed", () => host.killConnections()]])
		test(`the connection ${how} in the middle: it ends at once and says so`, async () => {
			const line = await throughLine();
			const c = await cat();
			await cut(line);
			assert.deepEqual(await within(20000, c.exited, "iris-ssh to end"), [255, null]);
			assert.match(c.err, /^iris-ssh: (.*\n)*iris-ssh: Connection to box closed by remote host\.\n$|^iris-ssh: Connection to box closed by remote host\.\n$/);
			await host.assertIdle();
		});

	test("a host that falls silent is noticed; one that only waits is not bothered, nor is this machine", async () => {
		const line = await throughLine();
		const c = await cat("-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1");
		const switches = () => Number(readFileSync(`/proc/${c.child.pid}/status`, "utf8").match(/\nvoluntary_ctxt_switches:\s+(\d+)/)[1]);
		const before = switches();
		/* Longer than it would wait for an answer: it gets answers. */
		await new Promise((r) => setTimeout(r, 3500));
		assert.equal(c.child.exitCode, null, c.err);
		assert.ok(switches() - before <= 12, `woke up ${switches() - before} times`);
		c.child.stdin.write("two\n");
		await waitFor(() => c.out === "one\ntwo\n", { what: "the echo" });
		line.pause();
		assert.deepEqual(await within(20000, c.exited, "iris-ssh to notice"), [255, null]);
		assert.match(c.err, /^iris-ssh: Timeout, server box not responding\.\n$/);
	});

	test("on a busy machine an answer that is there at once is an answer", async () => {
		/* Who asks is set aside for who answers: the answer is read by the call that asks. */
		const busy = Array.from({ length: 4 }, () => spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }));
		try {
			const all = Array.from({ length: 6 }, () =>
				start(["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2", "box", "sleep 9; echo done"], { stdio: ["ignore", "pipe", "pipe"] }));
			for (const c of all) {
				assert.deepEqual(await within(60000, c.exited, "iris-ssh to end"), [0, null], c.err);
				assert.equal(c.out, "done\n");
			}
		} finally {
			for (const b of busy)
				b.kill("SIGKILL");
		}
	});

	test("-R: connections to a port over there come here, many and in both directions", async () => {
		const server = createServer({ allowHalfOpen: true }, (s) => {
			s.on("error", () => {});
			s.pipe(s);
		}).listen(0, "127.0.0.1");
		await once(server, "listening");
		stops.push(() => server.close());
		const port = await freePort(), data = randomBytes(2 * 1024 * 1024);
		const c = start(["-v", "-N", "-o", "ExitOnForwardFailure=yes", "-R", `127.0.0.1:${port}:127.0.0.1:${server.address().port}`, "box"], { stdio: ["ignore", "pipe", "pipe"] });
		await waitFor(() => c.err.includes("remote forward success"), { what: `the forwarding (${c.err})` });
		await Promise.all(Array.from({ length: 6 }, async () => {
			const s = connect({ port, host: "127.0.0.1", allowHalfOpen: true }), hash = createHash("sha256");
			s.end(data);
			for await (const d of s)
				hash.update(d);
			assert.equal(hash.digest("hex"), sha(data));
		}));
		/* Nobody listens here: the connection over there ends. */
		server.close();
		await once(server, "close");
		const s = connect({ port, host: "127.0.0.1" });
		s.on("error", () => {});
		await within(20000, once(s, "close"), "the connection to end");
		/* The port is taken now. */
		await fails(["-N", "-o", "ExitOnForwardFailure=yes", "-R", `127.0.0.1:${port}:127.0.0.1:1`, "box"], /remote port forwarding failed for listen port/);
		c.child.kill("SIGTERM");
		assert.deepEqual(await within(20000, c.exited, "iris-ssh to end"), [255, null]);
		const r = await iris(["-R", "0:localhost:9", "box", "true"]);
		assert.equal(r.status, 0);
		assert.match(r.stderr, /Allocated port \d+ for remote forward to localhost:9/);
	});

	test("a command beside a forwarding, and compression", async () => {
		const server = createServer((s) => s.end("hello from here\n")).listen(0, "127.0.0.1");
		await once(server, "listening");
		stops.push(() => server.close());
		const port = await freePort();
		const c = start(["-C", "-R", `127.0.0.1:${port}:127.0.0.1:${server.address().port}`, "box", "cat"]);
		c.child.stdin.write("one\n");
		await waitFor(() => c.out === "one\n", { what: `the echo (${c.err})` });
		let got = "";
		for await (const d of connect({ port, host: "127.0.0.1" }))
			got += d;
		assert.equal(got, "hello from here\n");
		c.child.stdin.end();
		assert.deepEqual(await within(20000, c.exited, "iris-ssh to end"), [0, null]);
	});
});
