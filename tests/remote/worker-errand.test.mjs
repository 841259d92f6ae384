/* SPDX-License-Identifier: MIT
 *
 * What iris-worker does on a team's host apart from running claude, with a real sshd and both transports: what they say
 * as they go is what worker/check reads.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { buildDir } from "../lib/claude-env.mjs";
import { Irisd, refused } from "../lib/fake-irisd.mjs";
import { Client, fingerprint, Host, makeKey, noSshd } from "./sshd.mjs";

const conversation = randomUUID();
const transports = [{ name: "OpenSSH", ssh2: false }, ...(existsSync(join(buildDir(), "bin", "iris-ssh")) ? [{ name: "iris-ssh", ssh2: true }] : [])];

class World {
	async start(ssh2, options = {}) {
		this.host = new Host(options);
		await this.host.start();
		this.irisd = new Irisd();
		this.client = new Client(join(this.irisd.root, "home"));
		await this.irisd.start({ PATH: this.client.path });
		this.host.authorize(this.client.key.pub);
		this.client.know(this.host.port, this.host.hostKey);
		this.remote = { args: ["-p", String(this.host.port)], dest: "127.0.0.1", host: "box", ssh2, connectTimeout: 15000,
			strictHostKeyChecking: true, controlDir: join(this.irisd.root, "c") };
		return this;
	}

	ask(method, params = {}) {
		return this.irisd.request(method, { session: "s1", claudeId: conversation, cwd: "~", remote: this.remote, ...params }, 60000);
	}

	/* The host first: a connection that ssh keeps for others is irisd's to end, not the worker's. */
	async release() {
		await this.host.kill();
		try {
			await this.irisd.release();
		} finally {
			await this.host.stop();
		}
	}
}

function remoteTest(name, ssh2, fn, options) {
	test(name, { skip: noSshd, timeout: 180000 }, async () => {
		const world = await new World().start(ssh2, options);
		try {
			await fn(world);
		} catch (e) {
			e.message += `\nworker: ${world.irisd.stderr.slice(-2000)}\nsshd: ${world.host.log().slice(-1000)}`;
			await world.release().catch(() => {});
			throw e;
		}
		await world.release();
	});
}

const shape = ({ steps }) => steps.map((s) => `${s.name}${s.ok ? "" : " fails"}`).join(" ");

for (const { name, ssh2 } of transports) {
	remoteTest(`${name}: check, step by step`, ssh2, async (w) => {
		const r = await w.ask("worker/check");
		assert.equal(shape(r), "resolve connect hostkey login directory claude storage", JSON.stringify(r));
		const detail = Object.fromEntries(r.steps.map((s) => [s.name, s.detail]));
		assert.equal(detail.resolve, `127.0.0.1 port ${w.host.port}`);
		assert.equal(detail.hostkey, `ssh-ed25519 ${fingerprint(w.host.hostKey.pub)}`);
		assert.equal(detail.login, "publickey");
		assert.equal(detail.directory, w.host.home);
		assert.match(detail.claude, /claude, \d+\.\d+/);
		assert.match(detail.storage, /MiB free/);
		assert.equal(shape(await w.ask("worker/check", { cwd: "/none" })), "resolve connect hostkey login directory fails");
		assert.equal(shape(await w.ask("worker/check", { remote: { ...w.remote, dest: "nowhere.invalid" } })), "resolve fails");
	});

	remoteTest(`${name}: check, where the line does not come up`, ssh2, async (w) => {
		const fails = async (steps, detail, mend) => {
			const r = await w.ask("worker/check");
			assert.equal(shape(r), steps, JSON.stringify(r));
			assert.match(r.steps.at(-1).detail, detail);
			assert.match(r.steps.at(-1).mend, mend);
		};
		w.host.refuseAll();
		await fails("resolve connect hostkey login fails", /Permission denied \(publickey\)/, /authorized_keys/);
		w.client.forgetHosts();
		await fails("resolve connect hostkey fails", /not known here/, /iris remote trust box/);
		w.client.know(w.host.port, makeKey(join(w.irisd.root, "another")));
		await fails("resolve connect hostkey fails", /has changed.*SHA256:/, /iris remote trust box/);
		await refused(w.ask("worker/lookup", { message: randomUUID() }), "host", /host key of box has changed.*iris remote trust box/);
		await w.host.kill();
		await fails("resolve connect fails", /refused/, /ssh server listens/);
		await refused(w.ask("worker/lookup", { message: randomUUID() }), "line", /connection to box is refused \((iris-)?ssh: /);
	});

	remoteTest(`${name}: lookup and forget, with a login that prints`, ssh2, async (w) => {
		const one = randomUUID(), dir = join(w.host.claudeDir, "projects", "-a");
		assert.deepEqual(await w.ask("worker/lookup", { message: one }), { state: "absent", line: 0 });
		mkdirSync(dir, { recursive: true });
		writeFileSync(join(dir, `${conversation}.jsonl`), [
			{ type: "user", uuid: one, message: { role: "user", content: "q" } },
			{ type: "assistant", message: { model: "m", stop_reason: "end_turn", content: [{ type: "text", text: "ä\n" }] } },
			{ type: "user", uuid: randomUUID(), message: { role: "user", content: "x".repeat(1e6) } },
		].map((l) => `${JSON.stringify(l)}\n`).join(""));
		for (let i = 0; i < 3; i++)
			assert.deepEqual(await w.ask("worker/lookup", { message: one }), { state: "answered", line: 1, answer: "ä\n" });
		assert.deepEqual(await w.ask("worker/forget"), { removed: true });
		assert.deepEqual(await w.ask("worker/lookup", { message: one }), { state: "absent", line: 0 });
		assert.equal(w.host.logins(), ssh2 ? 6 : 1, "OpenSSH shares one connection");
	}, { noise: "echo Welcome; echo noise >&2; printf 'no newline'" });

	remoteTest(`${name}: a key that is not known is shown, and then recorded`, ssh2, async (w) => {
		w.client.forgetHosts();
		const print = fingerprint(w.host.hostKey.pub);
		const seen = await w.ask("worker/trust");
		assert.equal(seen.state, "unknown");
		assert.deepEqual(seen.keys, [{ type: "ssh-ed25519", fingerprint: print }]);
		await refused(w.ask("worker/trust", { record: "SHA256:abc" }), "host", /not recorded.*nothing is recorded/);
		assert.equal(readFileSync(w.client.knownHosts, "utf8"), "");
		assert.equal((await w.ask("worker/trust", { record: print })).recorded, true);
		assert.equal((await w.ask("worker/trust")).state, "known");
		assert.equal((await w.ask("worker/check")).ok, true);
	});
}
