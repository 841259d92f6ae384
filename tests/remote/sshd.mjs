/* SPDX-License-Identifier: MIT
 *
 * Another machine, played on this one by a real sshd: unprivileged where the tests are, on a port of
 * loopback, with keys, configuration, HOME, PATH and Claude's directory of its own. Nothing of
 * ~/.ssh or of /etc/ssh is read or written. What logs in there bears a mark in its environment, so
 * that a test can see what runs "over there"; the mark is not in what runs here.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
	appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync,
	symlinkSync, writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { freePort } from "../lib/http.mjs";
import { assertNoneLeft, processesOf } from "../lib/processes.mjs";
import { waitFor, within } from "../lib/wait.mjs";

/* A program of OpenSSH; sshd wants its absolute path. */
export function findProgram(name) {
	for (const dir of [...process.env.PATH.split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"]) {
		if (dir !== "" && existsSync(join(dir, name)))
			return join(dir, name);
	}
	return null;
}

/* Why there can be no sshd here, or false: what a suite's skip is set to. */
export const noSshd = process.platform !== "linux" ? "what runs over there is looked for in /proc"
	: ["sshd", "ssh", "ssh-keygen"].every(findProgram) ? false : "openssh-server and openssh-client are not installed";

/* A new key; answers { file, pub }. */
export function makeKey(file, { type = "ed25519", passphrase = "" } = {}) {
	for (const name of [file, `${file}.pub`])
		rmSync(name, { force: true });
	execFileSync(findProgram("ssh-keygen"), ["-q", "-t", type, "-N", passphrase, "-C", "test", "-f", file]);
	return { file, pub: readFileSync(`${file}.pub`, "utf8").trim() };
}

export function fingerprint(pub) {
	const said = execFileSync(findProgram("ssh-keygen"), ["-l", "-f", "-"], { input: `${pub}\n`, encoding: "utf8" });
	return said.match(/SHA256:\S+/)[0];
}

/* One word of sshd_config or ssh_config. */
const word = (text) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

/* All processes, as pid -> { parent, name }. */
function processTable() {
	const table = new Map();

	for (const entry of readdirSync("/proc")) {
		if (!/^\d+$/.test(entry))
			continue;
		try {
			const stat = readFileSync(`/proc/${entry}/stat`, "latin1");
			const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
			if (state !== "Z")
				table.set(Number(entry), { parent: Number(parent), name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")) });
		} catch {
			/* it has ended meanwhile */
		}
	}
	return table;
}

let penalties; /* whether this sshd has PerSourcePenalties, and would shut loopback out after a few refusals */

export class Host {
	/*
	 * env: variables of what logs in there, on top. shell: the login shell (default sh).
	 * noise: lines of sh that run before each command, as from a file that the shell reads.
	 * config: lines for sshd_config. address, wrap: where it listens, and a command in front of
	 * it (ip netns exec NAME). claude: the program that is there as `claude`; null: none.
	 */
	constructor({ env = {}, shell = "/bin/sh", noise = "", config = [], address = "127.0.0.1", wrap = [], claude = fakeClaudePath() } = {}) {
		this.root = realpathSync(mkdtempSync(join(tmpdir(), "iris-host")));
		this.mark = `IRIS_TEST_HOST=${this.root}`;
		this.home = join(this.root, "there", "home");
		this.bin = join(this.root, "there", "bin");
		this.claudeDir = join(this.home, ".claude-there");
		this.user = userInfo().username;
		Object.assign(this, { shell, noise, config, address, wrap });
		for (const dir of [this.home, this.bin, this.claudeDir])
			mkdirSync(dir, { recursive: true, mode: 0o700 });
		this.env = {
			HOME: this.home, PATH: `${this.bin}:/usr/local/bin:/usr/bin:/bin`, CLAUDE_CONFIG_DIR: this.claudeDir,
			TMPDIR: join(this.root, "there"), IRIS_TEST_HOST: this.root, ...env,
		};
		if (claude !== null)
			this.install(claude);
		this.authorizedKeys = join(this.root, "authorized_keys");
		writeFileSync(this.authorizedKeys, "", { mode: 0o600 });
		this.logFile = join(this.root, "sshd.log");
		this.newHostKey();
	}

	/* What is called `claude` there; a script where text is given. */
	install(program, text) {
		const path = join(this.bin, "claude");
		rmSync(path, { force: true });
		if (text === undefined)
			symlinkSync(program, path);
		else
			writeFileSync(path, text, { mode: 0o755 });
		return path;
	}

	newHostKey() {
		this.hostKey = makeKey(join(this.root, "host_key"));
	}

	/* Who may log in: lines of authorized_keys. In force at once. */
	authorize(...pubs) {
		appendFileSync(this.authorizedKeys, pubs.map((p) => `${p}\n`).join(""));
	}

	refuseAll() {
		writeFileSync(this.authorizedKeys, "");
	}

	/* A directory there for a team's project. */
	project(name, files = {}) {
		const dir = join(this.home, name);
		mkdirSync(dir, { recursive: true });
		for (const [file, text] of Object.entries(files))
			writeFileSync(join(dir, file), text);
		return dir;
	}

	/* What a login does: in HOME, and by the shell that is wanted. */
	writeLogin() {
		const login = join(this.root, "login");
		writeFileSync(login, [
			"#!/bin/sh", 'cd "$HOME" || exit 1', `SHELL='${this.shell}'; export SHELL`, this.noise,
			`[ -n "\${SSH_ORIGINAL_COMMAND+set}" ] || exec ${this.shell} -l`, `exec ${this.shell} -c "$SSH_ORIGINAL_COMMAND"`, "",
		].join("\n"));
		chmodSync(login, 0o755);
		return login;
	}

	writeConfig() {
		const variables = Object.entries(this.env).map(([k, v]) => word(`${k}=${v}`));
		const lines = [
			...this.config, `ListenAddress ${this.address}:${this.port}`, `HostKey ${word(this.hostKey.file)}`,
			`AuthorizedKeysFile ${word(this.authorizedKeys)}`, `SetEnv ${variables.join(" ")}`, `ForceCommand ${word(this.writeLogin())}`,
			"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
			"PermitRootLogin prohibit-password", "PrintMotd no", "PrintLastLog no", "UseDNS no", "X11Forwarding no",
			"AllowAgentForwarding yes", "MaxStartups 200", "LogLevel VERBOSE",
		];
		const file = join(this.root, "sshd_config");

		if (penalties === undefined) {
			writeFileSync(file, [...lines, "PerSourcePenalties no", ""].join("\n"));
			try {
				execFileSync(findProgram("sshd"), ["-t", "-f", file], { stdio: "ignore" });
				penalties = true;
			} catch {
				penalties = false;
			}
		}
		writeFileSync(file, [...lines, ...(penalties ? ["PerSourcePenalties no"] : []), ""].join("\n"));
		return file;
	}

	async start() {
		/* Where root runs it, sshd wants this directory to be there. */
		if (userInfo().uid === 0)
			mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
		this.port ??= await freePort();
		const heard = () => this.log().split(`Server listening on ${this.address} port ${this.port}.`).length, before = heard();
		const [command, ...args] = [...this.wrap, findProgram("sshd"), "-D", "-f", this.writeConfig(), "-E", this.logFile];
		this.sshd = spawn(command, args, { env: { PATH: process.env.PATH, IRIS_TEST_SSHD: this.root }, stdio: ["ignore", "ignore", "pipe"] });
		this.exited = once(this.sshd, "exit");
		let stderr = "";
		this.sshd.stderr.on("data", (d) => (stderr += d));
		await waitFor(() => this.sshd.exitCode !== null || heard() > before, { what: "sshd to listen" });
		if (this.sshd.exitCode !== null)
			throw new Error(`sshd ended (${this.sshd.exitCode}): ${stderr}${this.log()}`);
		return this;
	}

	/* It listens no more; who is logged in stays. */
	async close() {
		if (this.sshd === undefined)
			return;
		if (this.sshd.exitCode === null && this.sshd.signalCode === null)
			this.sshd.kill("SIGKILL");
		await this.exited;
	}

	/* The machine falls over, as far as ssh goes: the listener, and every connection. */
	async kill() {
		/* It takes nobody any more, so that none is missed. */
		this.killAll([this.sshd.pid], "SIGSTOP");
		const all = this.connectionProcesses();
		await this.close();
		this.killAll(all);
	}

	/* The same port again, with what has changed. */
	async restart() {
		await this.close();
		return this.start();
	}

	killAll(pids, signal = "SIGKILL") {
		for (const pid of pids) {
			try {
				process.kill(pid, signal);
			} catch {
				/* it went by itself */
			}
		}
	}

	/* sshd's processes for connections: the pids below the listener that are still sshd. */
	connectionProcesses() {
		const table = processTable(), found = [], look = [this.sshd.pid];

		while (look.length > 0) {
			const parent = look.shift();
			for (const [pid, p] of table) {
				if (p.parent === parent && p.name.startsWith("sshd")) {
					found.push(pid);
					look.push(pid);
				}
			}
		}
		return found;
	}

	/* How many connections there are now. */
	connections() {
		return [...processTable().values()].filter((p) => p.parent === this.sshd.pid && p.name.startsWith("sshd")).length;
	}

	/* End the connections as a kill of their sshd does: the client sees the end at once. */
	killConnections() {
		this.killAll(this.connectionProcesses());
	}

	log() {
		return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8") : "";
	}

	/* How often somebody has logged in so far. */
	logins() {
		return this.log().split("Accepted publickey for").length - 1;
	}

	/* What runs over there: { pid, command }, without sshd. */
	processes(part = /^/) {
		return processesOf(this.mark).filter((p) => !/^sshd[:-]/.test(p.command) && part.test(p.command));
	}

	/* Nothing of what was started there is left. */
	async assertIdle(deadline = 20000) {
		let left = [];
		try {
			await waitFor(() => (left = this.processes()).length === 0, { deadline, every: 20, what: "nothing to run over there" });
		} catch {
			throw new Error(`left over there: ${left.map((p) => `${p.pid} ${p.command.slice(0, 160)}`).join("; ")}`);
		}
	}

	/* The lines of every transcript there: file -> objects. The last one may be just being written. */
	transcripts() {
		const base = join(this.env.CLAUDE_CONFIG_DIR, "projects");
		if (!existsSync(base))
			return {};
		return Object.fromEntries(readdirSync(base).flatMap((d) => readdirSync(join(base, d)).filter((f) => f.endsWith(".jsonl")).map((f) => [
			join(base, d, f), readFileSync(join(base, d, f), "utf8").split("\n").slice(0, -1).map((l) => JSON.parse(l)),
		])));
	}

	/* The lines that somebody has said to a Claude there, in all transcripts. */
	userLines() {
		return Object.values(this.transcripts()).flat().filter((l) => l.type === "user" && !Array.isArray(l.message.content?.[0]?.content) &&
			l.message.content?.[0]?.type !== "tool_result");
	}

	async stop() {
		if (this.sshd !== undefined)
			await this.kill();
		this.killAll(this.processes().map((p) => p.pid));
		await assertNoneLeft(this.root);
		rmSync(this.root, { recursive: true, force: true });
	}
}

/*
 * A line that can be interfered with: a TCP proxy in this process. port is where clients connect.
 */
export class Line {
	constructor(port, address = "127.0.0.1") {
		this.target = { port, host: address };
		this.pairs = new Set();
		this.paused = false;
		this.made = 0;
		this.lag = 0;
		this.refusing = false;
	}

	async start() {
		this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.take(socket));
		this.server.listen(0, "127.0.0.1");
		await once(this.server, "listening");
		this.port = this.server.address().port;
		return this;
	}

	take(near) {
		if (this.refusing) {
			near.resetAndDestroy();
			return;
		}
		this.made++;
		const far = connect({ ...this.target, allowHalfOpen: true });
		const pair = { near, far };
		this.pairs.add(pair);
		for (const [from, to] of [[near, far], [far, near]]) {
			from.setNoDelay(true);
			from.on("data", (d) => this.pass(() => to.write(d)));
			from.on("end", () => this.pass(() => to.end()));
			from.on("error", () => {});
			from.on("close", () => {
				pair.broken = true;
				if (!this.paused)
					this.drop(pair);
			});
			if (this.paused)
				from.pause();
			else
				from.resume();
		}
	}

	drop(pair) {
		this.pairs.delete(pair);
		pair.near.destroy();
		pair.far.destroy();
	}

	pass(what) {
		if (this.lag > 0)
			setTimeout(what, this.lag);
		else
			what();
	}

	/* From now on nothing gets through in either direction, and nobody is told. New connections are taken and hear nothing. */
	pause() {
		this.paused = true;
		for (const { near, far } of this.pairs) {
			near.pause();
			far.pause();
		}
	}

	/* What was held goes on its way. */
	resume() {
		this.paused = false;
		for (const pair of this.pairs) {
			if (pair.broken) {
				this.drop(pair);
			} else {
				pair.near.resume();
				pair.far.resume();
			}
		}
	}

	/* RST to both ends of every connection. */
	cut() {
		for (const socket of [...this.pairs].flatMap(({ near, far }) => [near, far])) {
			/* A socket that has been shut down can not be reset: Node would never close it. */
			if (socket.writableEnded)
				socket.destroy();
			else
				socket.resetAndDestroy();
		}
		this.pairs.clear();
	}

	/* New connections are reset from now on, or taken again. */
	refuse(on = true) {
		this.refusing = on;
	}

	/* ms for each way. */
	delay(ms) {
		this.lag = ms;
	}

	async stop() {
		this.cut();
		this.server.close();
		await once(this.server, "close");
	}
}

/*
 * The files of a person who uses ssh, below a HOME that is not theirs: a key, ~/.ssh/config,
 * known_hosts. ssh itself looks into the password file for the place of ~/.ssh, so that the
 * directory bin has an `ssh` which says where it is.
 */
export class Client {
	constructor(home) {
		this.dir = join(home, ".ssh");
		this.bin = join(home, "bin");
		this.config = join(this.dir, "config");
		this.knownHosts = join(this.dir, "known_hosts");
		for (const dir of [this.dir, this.bin])
			mkdirSync(dir, { recursive: true, mode: 0o700 });
		this.key = makeKey(join(this.dir, "id_ed25519"));
		this.hosts = {};
		writeFileSync(this.knownHosts, "");
		this.writeConfig();
		writeFileSync(join(this.bin, "ssh"), `#!/bin/sh\nexec ${findProgram("ssh")} -F '${this.config}' "$@"\n`, { mode: 0o755 });
		this.path = `${this.bin}${delimiter}${process.env.PATH}`;
	}

	/* A Host block; options are lines of it. */
	host(alias, options) {
		this.hosts[alias] = options;
		this.writeConfig();
	}

	writeConfig() {
		const blocks = Object.entries(this.hosts).map(([alias, options]) =>
			[`Host ${alias}`, ...Object.entries(options).map(([k, v]) => `\t${k} ${v}`), ""].join("\n"));
		writeFileSync(this.config, [
			...blocks, "Host *", `\tUserKnownHostsFile ${this.knownHosts}`, "\tGlobalKnownHostsFile /dev/null",
			`\tIdentityFile ${this.key.file}`, "\tIdentitiesOnly yes", "",
		].join("\n"));
	}

	/* The host at this port is known by this key. */
	know(port, hostKey, address = "127.0.0.1") {
		const name = port === 22 ? address : `[${address}]:${port}`;
		appendFileSync(this.knownHosts, `${name} ${hostKey.pub.split(" ").slice(0, 2).join(" ")}\n`);
	}

	forgetHosts() {
		writeFileSync(this.knownHosts, "");
	}
}

/* An ssh-agent of the test's own. */
export async function startAgent(dir) {
	const socket = join(dir, "agent.sock");
	const child = spawn(findProgram("ssh-agent"), ["-D", "-a", socket], { env: { PATH: process.env.PATH, IRIS_TEST_AGENT: dir }, stdio: "ignore" });
	const exited = once(child, "exit");

	await waitFor(() => existsSync(socket), { what: "the agent's socket" });
	return {
		socket,
		add: (key) => execFileSync(findProgram("ssh-add"), ["-q", key.file], { env: { PATH: process.env.PATH, SSH_AUTH_SOCK: socket }, stdio: "pipe" }),
		stop: async () => {
			child.kill("SIGTERM");
			await within(15000, exited, "the agent to end");
		},
	};
}
