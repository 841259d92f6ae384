/* SPDX-License-Identifier: MIT
 *
 * An irisd of the test's own, in its own IRIS_HOME, from the build under test ($IRIS_BUILD, default
 * build/): started, asked through the shim with the official SDK client or through the CLI,
 * stopped, and checked: nothing may be left running, and no sanitizer may have complained.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	createWriteStream,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildDir, fakeClaudePath } from "./claude-env.mjs";
import { assertNoneLeft, processesOf } from "./processes.mjs";
import { parseStrict } from "./strict-json.mjs";
import { waitFor, within } from "./wait.mjs";

const SANITIZER =
	/(ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|runtime error:|LeakSanitizer)[^\n]*/;

export const program = (name) => join(buildDir(), "bin", name);

/* Run a program to its end. Never throws for its exit status. */
export async function run(command, args, { cwd, env, input = "", deadline = 60000 } = {}) {
	const child = spawn(command, args, { cwd, env, stdio: "pipe" });
	const out = { stdout: "", stderr: "" };

	for (const name of ["stdout", "stderr"]) {
		child[name].setEncoding("utf8");
		child[name].on("data", (d) => (out[name] += d));
	}
	child.stdin.on("error", () => {});
	child.stdin.end(input);
	try {
		const [status, signal] = await within(
			deadline,
			once(child, "close"),
			`${command} ${args.join(" ")}`,
		);
		return { status, signal, ...out };
	} catch (e) {
		child.kill("SIGKILL");
		throw new Error(`${e.message}\nstdout: ${out.stdout}\nstderr: ${out.stderr}`);
	}
}

function socketAnswers(path) {
	return new Promise((resolve) => {
		const s = connect(path);
		s.once("connect", () => resolve(true));
		s.once("error", () => resolve(false));
		s.once("close", () => s.destroy());
		s.unref();
		setTimeout(() => s.destroy(), 1000).unref();
	});
}

export class Iris {
	/*
	 * config: an object (YAML can be written as JSON) or the text of config.yaml; a team
	 * without claudePath gets the fake, and HTTP is off unless dashboard.enabled says otherwise.
	 * world: of makeClaudeEnv, for tests with the real CLI.
	 * env: variables on top. wrap: a command and its arguments that irisd's command line is
	 * given to, and that must become it by exec.
	 */
	constructor({ config = {}, env = {}, world, wrap = [] } = {}) {
		this.world = world;
		this.wrap = wrap;
		this.root = world?.root ?? realpathSync(mkdtempSync(join(tmpdir(), "iris-t")));
		this.home = join(this.root, "iris");
		this.stderrFile = join(this.root, "irisd.stderr");
		this.env = {
			PATH: process.env.PATH,
			HOME: join(this.root, "home"),
			LANG: "C.UTF-8",
			...world?.env,
			IRIS_HOME: this.home,
			...sanitizerOptions(),
			...env,
		};
		this.clients = [];
		mkdirSync(this.env.HOME, { recursive: true });
		mkdirSync(this.home, { mode: 0o700 });
		this.writeConfig(config);
	}

	writeConfig(config) {
		const whole =
			typeof config === "string"
				? config
				: JSON.stringify(
						{
							...config,
							dashboard: { enabled: false, ...config.dashboard },
							settings: {
								claudePath: fakeClaudePath(),
								...config.settings,
							},
						},
						null,
						2,
					);
		writeFileSync(join(this.home, "config.yaml"), whole);
	}

	/* A directory for a team's project, made here. */
	project(name, files = {}) {
		const dir = join(this.root, "work", name);
		mkdirSync(dir, { recursive: true });
		for (const [file, text] of Object.entries(files))
			writeFileSync(join(dir, file), text);
		return dir;
	}

	get socket() {
		return join(this.home, "irisd.sock");
	}

	/* Start irisd and wait until it answers. Throws with what it wrote when it ends instead. */
	async start(args = []) {
		const stderr = createWriteStream(this.stderrFile, { flags: "a" });
		await once(stderr, "open");
		const [command, ...rest] = [...this.wrap, program("irisd"), ...args];
		this.daemon = spawn(command, rest, {
			cwd: "/",
			env: this.env,
			stdio: ["ignore", "ignore", stderr],
		});
		this.daemonExit = once(this.daemon, "exit").then(([status, signal]) => ({
			status,
			signal,
		}));
		await waitFor(
			async () => {
				if (
					this.daemon.exitCode !== null ||
					this.daemon.signalCode !== null
				)
					return true;
				return (
					existsSync(this.socket) &&
					(await socketAnswers(this.socket))
				);
			},
			{ what: "irisd to listen" },
		);
		stderr.close();
		if (this.daemon.exitCode !== null || this.daemon.signalCode !== null)
			throw new Error(
				`irisd ended (${this.daemon.exitCode ?? this.daemon.signalCode}): ${this.log()}`,
			);
		return this;
	}

	/*
	 * Everything that irisd and its workers have logged, once: what an irisd started here says on
	 * its standard error is in its log as well.
	 */
	log() {
		const logs = join(this.home, "log");
		const files = [
			this.stderrFile,
			...(existsSync(logs) ? readdirSync(logs).map((f) => join(logs, f)) : []),
		];
		const texts = files.filter((f) => existsSync(f)).map((f) => readFileSync(f, "utf8"));
		const seen = new Set(existsSync(this.stderrFile) ? texts[0].split("\n") : []);
		return texts
			.map((text, i) => (i === 0 ? text : text.split("\n").filter((l) => l === "" || !seen.has(l)).join("\n")))
			.join("");
	}

	/* Run the CLI: { status, stdout, stderr }. */
	async iris(args, options = {}) {
		const env = { ...this.env, ...options.env };
		const r = await run(program("iris"), args, { cwd: this.root, ...options, env });

		if (SANITIZER.test(r.stderr))
			throw new Error(`iris ${args.join(" ")}: ${r.stderr}`);
		return r;
	}

	/* Run the CLI with --json; answers what it printed, and throws when it failed. */
	async json(args, options = {}) {
		const r = await this.iris(["--json", ...args], options);
		if (r.status !== 0)
			throw new Error(
				`iris ${args.join(" ")}: exit ${r.status}: ${r.stdout}${r.stderr}`,
			);
		return parseStrict(r.stdout);
	}

	/* An MCP client of the official SDK, connected through iris-mcp-shim started in cwd. */
	async client({ cwd = this.root, env = {}, name = "test" } = {}) {
		const transport = new StdioClientTransport({
			command: program("iris-mcp-shim"),
			cwd,
			env: { ...this.env, ...env },
			stderr: "pipe",
		});
		const client = new Client({ name, version: "1" });

		this.clients.push(client);
		client.shimStderr = "";
		transport.stderr.on("data", (d) => (client.shimStderr += d));
		await within(15000, client.connect(transport), "the shim to be initialized");
		client.shimPid = transport.pid;
		return client;
	}

	/*
	 * Call a tool; answers { ...structuredContent, isError } after checking that text and
	 * structure say the same.
	 */
	async call(client, name, args = {}, options = {}) {
		const result = await client.callTool({ name, arguments: args }, undefined, {
			timeout: 60000,
			...options,
		});
		const text = result.content?.[0]?.text;

		if (
			result.structuredContent !== undefined &&
			JSON.stringify(parseStrict(text)) !==
				JSON.stringify(result.structuredContent)
		)
			throw new Error(
				`${name}: the text block is not the structured content: ${text}`,
			);
		return {
			...(result.structuredContent ?? { text }),
			isError: result.isError === true,
		};
	}

	/* The whole of a message: what `iris message show` prints. */
	message(id) {
		return this.json(["message", "show", id]);
	}

	/* Wait until a message has got to one of these states. */
	messageIn(id, ...states) {
		return waitFor(
			async () => {
				const m = await this.message(id);
				return states.includes(m.state) && m;
			},
			{ what: `message ${id} in ${states}`, deadline: 60000, every: 25 },
		);
	}

	/*
	 * Close clients, stop irisd, and look at what it leaves behind. Removes the directory
	 * unless keep.
	 */
	async stop({ keep = false, deadline = 30000 } = {}) {
		const problems = [];
		const attempt = async (what) => {
			try {
				await what();
			} catch (e) {
				problems.push(e.message);
			}
		};

		for (const client of this.clients) {
			await attempt(() => within(15000, client.close(), "a client to close"));
			if (SANITIZER.test(client.shimStderr))
				problems.push(`shim: ${client.shimStderr}`);
		}
		this.clients = [];
		await attempt(() => this.end(deadline));
		await attempt(() => assertNoneLeft(this.root));
		const complaint = this.log().match(SANITIZER);
		if (complaint)
			problems.push(
				`sanitizer: ${complaint[0]}\n${this.log().slice(complaint.index, complaint.index + 4000)}`,
			);
		if (problems.length > 0)
			throw new Error(
				`${problems.join("\n")}\n--- end of the log:\n${this.log().slice(-4000)}`,
			);
		if (!keep) rmSync(this.root, { recursive: true, force: true });
	}

	/* End the irisd that runs, whoever started it. */
	async end(deadline) {
		if (this.daemon && this.daemon.exitCode === null && this.daemon.signalCode === null)
			this.daemon.kill("SIGTERM");
		else if (existsSync(this.socket) && (await socketAnswers(this.socket)))
			await this.iris(["stop"], { deadline });
		else if (this.killed && processesOf(this.root).some((p) => p.command.includes("iris-worker"))) {
			/* Workers outlive a killed irisd: the next one ends them in order. */
			await this.iris(["start"], { deadline });
			await this.iris(["stop"], { deadline });
		}
		if (!this.daemon) return;
		const { status, signal } = await within(deadline, this.daemonExit, "irisd to stop");
		if (!this.killed && status !== 0)
			throw new Error(`irisd ended with ${status ?? signal}`);
	}

	/* kill -9 irisd, as a crash; stop() then expects no exit status of it. */
	async kill() {
		this.killed = true;
		this.daemon.kill("SIGKILL");
		await this.daemonExit;
	}
}

/* Reports go to the log that stop() reads, and end the program that they are about. */
function sanitizerOptions() {
	const options = {};

	for (const name of ["ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"]) {
		if (process.env[name]) options[name] = process.env[name];
	}
	options.UBSAN_OPTIONS ??= "print_stacktrace=1";
	return options;
}

/* Make and start one; the caller stops it in afterEach. */
export async function startIris(options) {
	const iris = new Iris(options);

	try {
		return await iris.start();
	} catch (e) {
		await iris.stop().catch(() => {});
		throw e;
	}
}
