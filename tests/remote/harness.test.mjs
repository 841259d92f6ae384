/* SPDX-License-Identifier: MIT
 *
 * What the tests beside this one rely on: that the machine over there is another one, and that its
 * line can be held, cut and refused. By ssh alone, without Iris.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { run } from "../lib/iris.mjs";
import { assertNoneLeft } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";
import { Client, findProgram, Host, Line, makeKey, noSshd, startAgent } from "./sshd.mjs";

describe("the machine over there", { skip: noSshd, timeout: 600000 }, () => {
	let root, host, line, client, env;

	beforeEach(async () => {
		root = mkdtempSync(join(tmpdir(), "iris-near"));
		client = new Client(root);
		host = await new Host().start();
		host.authorize(client.key.pub);
		line = await new Line(host.port).start();
		client.host("box", { HostName: "127.0.0.1", Port: line.port, User: host.user });
		client.know(line.port, host.hostKey);
		env = { HOME: root, PATH: client.path };
	});
	afterEach(async () => {
		await line.stop();
		await host.stop();
		await assertNoneLeft(root);
		rmSync(root, { recursive: true, force: true });
	});

	const ssh = (...args) => run("ssh", ["-o", "BatchMode=yes", ...args], { env, deadline: 60000 });

	/* A cat over there, and what has come back. */
	async function cat(...options) {
		const child = spawn("ssh", ["-o", "BatchMode=yes", "-T", ...options, "box", "cat"], { env, stdio: "pipe" });
		const c = { child, out: "", exited: once(child, "exit") };
		child.stdout.on("data", (d) => (c.out += d));
		child.stdin.on("error", () => {});
		child.stdin.write("one\n");
		await waitFor(() => c.out === "one\n", { what: "the echo" });
		return c;
	}

	test("has its own HOME, PATH and directory of Claude, and starts at home", async () => {
		const r = await ssh("box", 'pwd; echo "$HOME $CLAUDE_CONFIG_DIR"; command -v claude; echo "$IRIS_TEST_HOST"');
		assert.equal(r.status, 0, r.stderr);
		assert.deepEqual(r.stdout.split("\n"), [host.home, `${host.home} ${host.claudeDir}`, join(host.bin, "claude"), host.root, ""]);
		assert.notEqual(host.home, root);
		assert.equal(readFileSync(client.knownHosts, "utf8").split("\n").length, 2);
		assert.ok(!`${homedir()}/`.startsWith(host.home));
	});

	test("knows who is logged in and what runs", async () => {
		const c = await cat();
		assert.equal(host.connections(), 1);
		assert.equal(host.logins(), 1);
		assert.equal(host.processes(/^cat$/).length, 1);
		c.child.stdin.end();
		assert.deepEqual(await within(20000, c.exited, "ssh to end"), [0, null]);
		await host.assertIdle();
	});

	test("its line held: nothing comes and nobody is told; let go, it comes", async () => {
		const c = await cat();
		line.pause();
		c.child.stdin.write("two\n");
		const other = await ssh("-o", "ConnectTimeout=1", "box", "true");
		assert.equal(other.status, 255);
		assert.match(other.stderr, /timed out/);
		assert.equal(c.out, "one\n");
		line.resume();
		await waitFor(() => c.out === "one\ntwo\n", { what: "the held line" });
		c.child.stdin.end();
		await within(20000, c.exited, "ssh to end");
	});

	for (const [how, cut] of [["cut", () => line.cut()], ["its sshd killed", () => host.killConnections()], ["all killed", () => host.kill()]])
		test(`the line ${how}: ssh ends, and so does what it ran`, async () => {
			const c = await cat();
			await cut();
			assert.deepEqual(await within(20000, c.exited, "ssh to end"), [255, null]);
			await host.assertIdle();
		});

	test("gets a new host key, refuses a key, listens no more, comes back", async () => {
		host.newHostKey();
		await host.restart();
		const changed = await ssh("box", "true");
		assert.equal(changed.status, 255);
		assert.match(changed.stderr, /IDENTIFICATION HAS CHANGED/);
		client.forgetHosts();
		client.know(line.port, host.hostKey);
		assert.equal((await ssh("box", "true")).status, 0);
		host.refuseAll();
		assert.match((await ssh("box", "true")).stderr, /Permission denied \(publickey\)/);
		host.authorize(client.key.pub);
		await host.close();
		assert.match((await ssh("box", "true")).stderr, /closed|reset/);
		await host.start();
		assert.equal((await ssh("box", "true")).status, 0);
	});

	test("by way of another machine, with a key from an agent", async () => {
		const far = await new Host().start();
		const agent = await startAgent(root);
		try {
			const key = makeKey(join(root, "in_agent"), { passphrase: "a b'c" });
			far.authorize(key.pub);
			assert.throws(() => agent.add(key), /ssh-add/);
			const plain = makeKey(join(root, "in_agent"));
			far.authorize(plain.pub);
			agent.add(plain);
			env.SSH_AUTH_SOCK = agent.socket;
			client.host("far", { HostName: "127.0.0.1", Port: far.port, ProxyJump: "box", IdentitiesOnly: "no", IdentityFile: "none" });
			client.know(far.port, far.hostKey);
			const r = await ssh("far", "echo $IRIS_TEST_HOST");
			assert.equal(r.stdout, `${far.root}\n`, r.stderr);
			assert.equal(host.logins(), 1);
		} finally {
			await agent.stop();
			await far.stop();
		}
	});

	test("has the login shell that it is told to have, and its noise", async () => {
		host.shell = findProgram("bash") ?? "/bin/sh";
		host.noise = "echo welcome; echo again >&2";
		await host.restart();
		const r = await ssh("box", 'ps -o args= -p $$ | cut -c1-40; exit 7');
		assert.equal(r.status, 7);
		assert.match(r.stdout, new RegExp(`^welcome\n${host.shell} -c `));
		assert.equal(r.stderr, "again\n");
	});
});
