/* SPDX-License-Identifier: MIT
 *
 * An irisd with local teams and with one whose host is another machine (sshd.mjs), by either
 * transport. After each test nothing may be left: neither here nor over there.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assert, makeIris, waitFor } from "../integration/setup.mjs";
import { run } from "../lib/iris.mjs";
import { processesOf } from "../lib/processes.mjs";
import { Client, findProgram, Host, Line, noSshd } from "./sshd.mjs";

export { assert, noSshd, waitFor };

/* What one suite is run with: { name, ssh2 }. IRIS_TEST_TRANSPORT: the name of the only one. */
export const TRANSPORTS = [{ name: "OpenSSH", ssh2: false }, { name: "iris-ssh", ssh2: true }].filter(
	(t) => (process.env.IRIS_TEST_TRANSPORT ?? t.name) === t.name);

/* Enough for a machine that has much else to do. */
const OPTIONS = { connectTimeout: 15000, serverAliveInterval: 10, serverAliveCountMax: 3, lingerTimeout: 4000, reconnectTimeout: 60000 };

/* For who waits until a silent line is found to be one. ssh also gives a login no more time than that. */
export const ALERT = { serverAliveInterval: 1, serverAliveCountMax: 3 };

/*
 * One world: iris (not started), host, line (a proxy before the host), client (the files of ssh
 * here). The team far is at ~/project of the host that ssh knows as box. team, options: more of its
 * configuration, and of its remoteOptions; teams: more teams, local ones unless they say
 * remote: true; then they are at the same host.
 */
export class Remote {
	constructor({ ssh2 = false, team = {}, options = {}, teams = {}, settings = {}, host = {}, env = {}, world } = {}) {
		this.ssh2 = ssh2;
		this.host = new Host(host);
		this.dir = this.host.project("project");
		this.options = { ...OPTIONS, ...options };
		this.iris = makeIris({}, { settings, env, world });
		this.client = new Client(this.iris.env.HOME);
		this.iris.env.PATH = this.client.path;
		/* What iris-ssh writes is taken for ssh's own words: a sanitizer's goes elsewhere. */
		if (process.env.IRIS_SANITIZED)
			this.iris.env.ASAN_OPTIONS = `${this.iris.env.ASAN_OPTIONS ?? "detect_leaks=1"}:log_path=${join(this.iris.root, "sanitizer")}`;
		this.team = team;
		this.teams = { front: {}, ...teams };
		this.clients = [];
		this.others = [];
	}

	/* The configuration of a team there. */
	remoteTeam({ remoteOptions, ...more } = {}) {
		return {
			path: "~/project", remote: "ssh box", claudePath: "claude", ssh2: this.ssh2, description: "on another machine", ...more,
			remoteOptions: { ...this.options, ...remoteOptions },
		};
	}

	configure(more = {}) {
		const teams = { far: this.remoteTeam(this.team) };
		for (const [name, { remote, ...team }] of Object.entries({ ...this.teams, ...more }))
			teams[name] = remote === undefined ? team : this.remoteTeam(remote === true ? team : { ...team, remote });
		this.iris.setTeams(teams);
	}

	async start() {
		await this.host.start();
		this.line = await new Line(this.host.port).start();
		this.host.authorize(this.client.key.pub);
		this.client.host("box", { HostName: "127.0.0.1", Port: this.line.port, User: this.host.user });
		this.client.know(this.line.port, this.host.hostKey);
		this.configure();
		await this.iris.start();
		return this;
	}

	/* A second machine; it is stopped with the first. */
	async another(options) {
		const host = await new Host(options).start();
		this.others.push(host);
		return host;
	}

	/* The connection of a team's person, one a team. */
	async from(team) {
		this.clients[team] ??= this.iris.client({ cwd: this.iris.dirs[team] });
		return this.clients[team];
	}

	/* ask_message, as a team's Claude calls it; answers its structured result. */
	async ask(message, { from = "front", to = "far", timeout = 50000, ...options } = {}) {
		return this.iris.call(await this.from(from), "ask_message", { toTeam: to, message, timeout }, options);
	}

	/* The same, where it must be answered; answers the text. */
	async answer(message, options) {
		const r = await this.ask(message, options);
		assert.equal(r.isError, false, `${message}: ${r.text ?? JSON.stringify(r)}`);
		assert.equal(typeof r.response, "string", JSON.stringify(r));
		return r.response;
	}

	/* The same, where it must fail; answers { code, error } of its text. */
	async failure(message, options) {
		const r = await this.ask(message, options);
		assert.equal(r.isError, true, `${message} was expected to fail: ${JSON.stringify(r)}`);
		return JSON.parse(r.text);
	}

	/* Send and do not wait; answers the id. */
	async send(message, { from = "front", to = "far" } = {}) {
		const r = await this.iris.call(await this.from(from), "quick_message", { toTeam: to, message });
		assert.equal(r.isError, false, JSON.stringify(r));
		return r.messageId;
	}

	/* Wait for its end, which must be an answer; answers the message. */
	async answered(id, deadline = 60000) {
		const m = await waitFor(async () => {
			const message = await this.iris.message(id);
			return /answered|failed|expired|cancelled/.test(message.state) && message;
		}, { what: `message ${id} to end; irisd: ${this.iris.log().slice(-1500)}`, deadline, every: 50 });
		assert.equal(m.state, "answered", JSON.stringify(m));
		return m;
	}

	/* A file that a turn over there waits for: { hold, open() }. */
	gate(name = "gate") {
		const path = join(this.host.root, name);
		return { hold: `HOLD ${path}`, open: () => writeFileSync(path, "") };
	}

	/* What runs here for the sake of the line: ssh, iris-ssh. */
	lines() {
		return processesOf(this.iris.root).filter((p) => /^(\S*\/)?(iris-)?ssh[: ]/.test(p.command));
	}

	/* How often a text was said to a Claude over there, by what is written there. */
	said(text) {
		return this.host.userLines().filter((l) => JSON.stringify(l.message.content).includes(text)).length;
	}

	/*
	 * Connections that sessions share stay for a while when the last one has gone. Nothing here waits
	 * for a program: the lines of other tests go through this process.
	 */
	async endMasters() {
		const dir = join(this.iris.home, "run", "ssh");
		for (const name of existsSync(dir) ? readdirSync(dir) : [])
			await run(findProgram("ssh"), ["-F", "none", "-S", join(dir, name), "-O", "exit", "x"], { deadline: 10000 }).catch(() => {});
	}

	async release() {
		const problems = [];
		const attempt = async (what) => {
			try {
				await what();
			} catch (e) {
				problems.push(e.message);
			}
		};

		this.line?.resume();
		await attempt(() => this.iris.end(30000));
		await this.endMasters();
		await attempt(() => this.iris.stop({ keep: true }));
		await attempt(() => this.host.assertIdle());
		if (this.line)
			await attempt(() => this.line.stop());
		for (const host of [this.host, ...this.others])
			await attempt(() => host.stop());
		for (const file of readdirSync(this.iris.root).filter((f) => f.startsWith("sanitizer."))) {
			const report = readFileSync(join(this.iris.root, file), "utf8");
			/* Who is killed while it looks for leaks leaves words that mean nothing. */
			if (/Sanitizer|runtime error/.test(report))
				problems.push(report.slice(0, 4000));
		}
		rmSync(this.iris.root, { recursive: true, force: true });
		if (problems.length > 0)
			throw new Error(problems.join("\n"));
	}
}

/* A test with a world of its own, which is started unless start is false. */
export function remoteTest(name, { start = true, timeout = 180000, skip = false, ...options }, fn) {
	test(name, { timeout, skip: noSshd || skip }, async () => {
		const r = new Remote(options);
		try {
			if (start)
				await r.start();
			await fn(r);
		} catch (e) {
			e.message += `\n--- irisd: ${r.iris.log().slice(-3000)}\n--- sshd: ${r.host.log().slice(-1200)}`;
			await r.release().catch((again) => (e.message += `\n--- and then: ${again.message.slice(0, 1500)}`));
			throw e;
		}
		await r.release();
	});
}
