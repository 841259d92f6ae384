/* SPDX-License-Identifier: MIT
 *
 * The CLI against a stand-in for irisd: what it prints where, its exit status, and how it takes bad luck.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program, run } from "../lib/iris.mjs";
import { waitFor, within } from "../lib/wait.mjs";
import { ID, message, Standin } from "./cli-standin.mjs";

const share = new URL("../../share/", import.meta.url).pathname;
let s;

beforeEach(() => {
	s = new Standin();
});
afterEach(() => s.stop());

const errorOf = (r) => JSON.parse(r.stdout).error;

describe("the command line", () => {
	test("unknown commands and options name the nearest and exit with 2", async () => {
		for (const [args, text] of [
			[["stauts"], /unknown command "stauts"; did you mean status\?/],
			[["team", "lst"], /unknown command "team lst"; did you mean list\?/],
			[["approvals", "shw"], /unknown command "approvals shw"; did you mean show\?/],
			[["team"], /needs a word after it: add, list, show, remove, wake, sleep/],
			[["ask", "backend", "x", "--timout=3"], /unknown option --timout; did you mean --timeout\?/],
			[["ask", "backend", "x", "-Z"], /unknown option -Z/],
			[["start", "--json=yes"], /option --json takes no value/],
			[["message", "show", ID, "--wait"], /option --wait needs a value/],
			[["message", "show"], /missing operand; usage: iris message show \[OPTION...\] ID/],
			[["status", "now"], /unexpected operand/],
			[["ask", "backend", "x", "--no-"], /the beginning of several options/],
		]) {
			const r = await s.iris(args);
			assert.match(r.stderr, text);
			assert.equal(r.status, 2, args.join(" "));
			assert.equal(r.stdout, "", args.join(" "));
		}
	});

	test("with --json an error is one JSON document, also when the options are wrong", async () => {
		const r = await s.iris(["ask", "--json", "--bad", "x"]);
		assert.equal(r.status, 2);
		assert.deepEqual(errorOf(r), { code: "invalid", message: "unknown option --bad" });
		assert.equal(r.stderr, "");
		assert.equal(errorOf(await s.iris(["--json"])).code, "invalid");
	});

	test("help for every command that the overview lists, and none at all is wrong usage", async () => {
		const all = await s.iris(["help"]);
		const commands = all.stdout.split("Options of every command")[0].split("\n")
			.map((l) => l.match(/^ {2}([a-z]+(?: (?:add|list|show|remove|wake|sleep|cancel|search|report|reboot|delete|compact|fork|create|revoke|check|path))?)/)?.[1])
			.filter(Boolean);
		assert.ok(commands.length >= 22, commands.join());
		for (const c of commands) {
			const r = await s.iris([...c.split(" "), "--help"]);
			assert.equal(r.status, 0);
			assert.match(r.stdout, new RegExp(`^Usage: iris ${c}`));
		}
		assert.equal((await s.iris([])).status, 2);
		assert.match((await s.iris(["--version"])).stdout, /^iris \d+\.\d+\.\d+\n$/);
	});

	test("the completions in share/completions are what the program prints, and bash takes them", async () => {
		for (const [shell, file] of [["bash", "iris.bash"], ["zsh", "_iris"]]) {
			const r = await s.iris(["completion", shell]);
			assert.ok(r.stdout === readFileSync(join(share, "completions", file), "utf8"), `stale: iris completion ${shell} > share/completions/${file}`);
		}
		const complete = async (...words) => {
			const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _iris 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
			const r = await run("bash", ["-c", script, "bash", join(share, "completions/iris.bash"), ...words], {
				env: { ...s.env, PATH: `${join(program("iris"), "..")}:${process.env.PATH}` },
			});
			return r.stdout.split("\n").filter(Boolean);
		};
		mkdirSync(s.home, { recursive: true, mode: 0o700 });
		writeFileSync(join(s.home, "config.yaml"), "teams: {backend: {path: /nowhere/a}, basement: {path: /nowhere/b}, frontend: {path: /nowhere/c}}\n");
		assert.deepEqual(await complete("iris", "sta"), ["status", "start"]);
		assert.deepEqual(await complete("iris", "message", ""), ["show", "list", "search", "cancel"]);
		assert.deepEqual(await complete("iris", "approvals", "r"), ["rules", "remember", "revoke"]);
		assert.deepEqual(await complete("iris", "session", "report", "ba"), ["backend", "basement"]);
		assert.deepEqual(await complete("iris", "approvals", "remember", "--team", "f"), ["frontend"]);
		assert.deepEqual(await complete("iris", "ask", "ba"), ["backend", "basement"]);
		assert.deepEqual(await complete("iris", "ask", "--no-s"), ["--no-stream"]);
		assert.deepEqual(await complete("iris", "message", "list", "--state", "an"), ["answered"]);
	});
});

describe("no irisd", () => {
	test("status, message and stop do not start one", async () => {
		let r;
		for (const args of [["status"], ["message", "list"], ["team", "sleep", "x"]]) {
			r = await s.iris(args);
			assert.equal(r.status, 5);
			assert.match(r.stderr, /irisd is not running \(nobody listens on .*\); "iris start" starts it/);
		}
		r = await s.iris(["message", "show", ID, "--json"]);
		assert.equal(r.status, 5);
		assert.equal(errorOf(r).code, "unavailable");
		r = await s.iris(["stop", "--json"]);
		assert.equal(r.status, 0);
		assert.deepEqual(JSON.parse(r.stdout), { status: "not_running" });
	});
});

describe("ask", () => {
	const answering = (response, over = {}) => {
		s.handlers["iris/message.send"] = (p, c) => {
			c.notify("iris/message.event", { id: ID, state: "queued", at: 1, position: 2 });
			c.notify("iris/message.delta", { id: ID, text: "half an " });
			return message({ response, to: p.to, message: p.message, ...over });
		};
	};

	test("into a pipe: exactly the answer and a newline, nothing on standard error", async () => {
		const answer = "Versions: \u001b[31mred\u001b[0m, \u0007 and ünïcode \u202e.\n\n  two  \n";
		answering(answer);
		await s.listen();
		const r = await s.iris(["ask", "backend", "how", "do", "you", "--timeout", "30s", "--from=frontend"]);
		assert.equal(r.stdout, `${answer}\n`);
		assert.equal(r.stderr, "");
		assert.equal(r.status, 0);
		const { params } = s.calls[0];
		assert.equal(params.message, "how do you");
		assert.equal(params.timeout, 30000);
		assert.equal(params.from, "frontend");
		assert.equal(params.stream, true);
		assert.match(params.idempotencyKey, /^[0-9a-f-]{36}$/);
		assert.equal(s.hellos[0].role, "ctl");
		assert.equal(s.hellos[0].cwd, s.root);
	});

	test("text from standard input, and none is refused", async () => {
		answering("ok");
		await s.listen();
		assert.equal((await s.iris(["ask", "backend"], { input: "from a pipe\nline 2\n\n" })).status, 0);
		assert.equal((await s.iris(["ask", "backend", "-"], { input: "dash" })).status, 0);
		assert.equal((await s.iris(["ask", "backend", "--", "--json", "-x"])).status, 0);
		assert.deepEqual(s.calls.map((c) => c.params.message), ["from a pipe\nline 2", "dash", "--json -x"]);
		for (const input of ["", " \n\t\n"]) {
			const r = await s.iris(["ask", "backend"], { input });
			assert.equal(r.status, 2);
			assert.match(r.stderr, /the message is empty/);
		}
		const r = await s.iris(["ask", "backend", "-"], { input: Buffer.from([0x61, 0xff, 0x62]) });
		assert.equal(r.status, 2);
		assert.match(r.stderr, /not UTF-8/);
		assert.equal((await s.iris(["ask", "backend", "-"], { input: "a".repeat(9 << 20) })).status, 6);
		assert.equal(s.calls.length, 3);
	});

	test("a failed message: the reason on standard error, the exit status of its code", async () => {
		for (const [state, code, status] of [["failed", "login", 11], ["failed", "crashed", 13], ["expired", "expired", 9], ["cancelled", "cancelled", 8], ["failed", "no_claude", 10]]) {
			answering(undefined, { state, response: undefined, error: { code, reason: `because of ${code}` } });
			if (!s.server)
				await s.listen();
			const r = await s.iris(["ask", "backend", "x"]);
			assert.equal(r.status, status);
			assert.equal(r.stdout, "");
			assert.match(r.stderr, new RegExp(`iris: because of ${code}\n.*iris message show ${ID}`, "s"));
			const j = await s.iris(["ask", "backend", "x", "--json"]);
			assert.equal(j.status, status);
			assert.equal(JSON.parse(j.stdout).error.code, code);
		}
	});

	test("an error of irisd is escaped on its way to the terminal", async () => {
		s.handlers["iris/message.send"] = () => {
			throw { rpc: -31002, code: "not_found", message: "no team \u001b]0;title\u0007; did you mean backend?" };
		};
		await s.listen();
		const r = await s.iris(["ask", "nobody", "x"]);
		assert.equal(r.status, 3);
		assert.equal(r.stderr, "iris: no team \\x1b]0;title\\x07; did you mean backend?\n");
	});

	test("when the wait is over before the answer: exit 7, and how to fetch it", async () => {
		answering(undefined, { state: "seen", response: undefined, waited: true });
		await s.listen();
		const r = await s.iris(["ask", "backend", "x", "-t", "1ms"]);
		assert.equal(r.status, 7);
		assert.match(r.stderr, new RegExp(`backend has not answered yet \\(seen\\).*iris message show ${ID} --wait`));
	});

	test("Ctrl-C: says how to fetch the answer, leaves the message alone, exits with 130", async () => {
		s.handlers["iris/message.send"] = (p, c) => {
			c.notify("iris/message.event", { id: ID, state: "queued", at: 1 });
			return new Promise(() => {});
		};
		await s.listen();
		const child = spawn(program("iris"), ["ask", "backend", "x", "--verbose"], { env: s.env, stdio: "pipe" });
		let stderr = "";
		child.stderr.on("data", (d) => (stderr += d));
		child.stdin.end();
		await waitFor(() => stderr.includes(`message ${ID}: queued`), { what: "the CLI to know the message's id" });
		child.kill("SIGINT");
		const [status] = await within(15000, once(child, "close"), "iris to end");
		assert.equal(status, 130);
		assert.match(stderr, new RegExp(`the message goes on without you; "iris message show ${ID}" fetches the answer`));
		assert.deepEqual(s.calls.map((c) => c.method), ["iris/message.send"]);
	});

	test("Ctrl-C together with the message's id: the id is told", { skip: process.platform !== "linux" }, async () => {
		let child;
		s.handlers["iris/message.send"] = async (p, c) => {
			/* It finds both at once. */
			child.kill("SIGSTOP");
			await waitFor(() => readFileSync(`/proc/${child.pid}/stat`, "utf8").includes(") T "), { what: "iris to be stopped" });
			c.notify("iris/message.event", { id: ID, state: "queued", at: 1 });
			child.kill("SIGINT");
			child.kill("SIGCONT");
			return new Promise(() => {});
		};
		await s.listen();
		child = spawn(program("iris"), ["ask", "backend", "x"], { env: s.env, stdio: ["ignore", "ignore", "pipe"] });
		let stderr = "";
		child.stderr.on("data", (d) => (stderr += d));
		const [status] = await within(15000, once(child, "close"), "iris to end");
		assert.equal(status, 130);
		assert.match(stderr, new RegExp(`the message goes on without you; "iris message show ${ID}" fetches the answer`));
	});

	test("irisd is lost in the middle: the same message is asked for again, by its key", async () => {
		let first = true;
		s.handlers["iris/message.send"] = (p, c) => {
			if (!first)
				return message({ response: "second" });
			first = false;
			c.notify("iris/message.event", { id: ID, state: "queued", at: 1 });
			setImmediate(() => c.destroy());
			return new Promise(() => {});
		};
		await s.listen();
		const r = await s.iris(["ask", "backend", "x"]);
		assert.equal(r.stderr, "");
		assert.equal(r.stdout, "second\n");
		assert.equal(s.calls.length, 2);
		assert.deepEqual(s.calls[0].params, s.calls[1].params);
	});

	test("a line that is no JSON is an error, not a crash", async () => {
		s.handlers["iris/message.send"] = (p, c) => {
			c.write("{\"jsonrpc\":\"2.0\",,}\n");
			return new Promise(() => {});
		};
		await s.listen();
		const r = await s.iris(["ask", "backend", "x"]);
		assert.equal(r.signal, null);
		assert.equal(r.status, 2);
		assert.match(r.stderr, /irisd sent a bad message/);
	});

	test("send prints the id and does not wait", async () => {
		s.handlers["iris/message.send"] = (p) => message({ state: "queued", response: undefined, message: p.message });
		await s.listen();
		const r = await s.iris(["send", "backend", "x"]);
		assert.equal(r.stdout, `${ID}\n`);
		assert.equal(s.calls[0].params.timeout, -1);
		assert.equal((await s.iris(["ask", "backend", "x", "--no-wait"])).stdout, `${ID}\n`);
		assert.equal(JSON.parse((await s.iris(["send", "backend", "x", "--json"])).stdout).id, ID);
	});

	/* script(1) of util-linux gives a terminal. */
	const hasScript = process.platform === "linux" && spawnOk("script", ["--version"]);

	test("on a terminal the answer streams, escaped; a different end is printed whole", { skip: !hasScript }, async () => {
		const onTerminal = async (args) => {
			const child = spawn("script", ["-qefc", [program("iris"), ...args].join(" "), "/dev/null"], { env: { ...s.env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
			let out = "";
			child.stdout.on("data", (d) => (out += d));
			const [status] = await within(10000, once(child, "close"), "iris on a terminal");
			assert.equal(status, 0, out);
			return out;
		};
		let final = "one two\n\nthree";
		s.handlers["iris/message.send"] = (p, c) => {
			c.notify("iris/message.event", { id: ID, state: "queued", at: 1, activity: "queued, place 2" });
			c.notify("iris/message.delta", { id: ID, text: "one \u001b[2J" });
			c.notify("iris/message.delta", { id: ID, text: "two" });
			c.notify("iris/message.event", { id: ID, state: "seen", at: 2, activity: "using Bash" });
			c.notify("iris/message.delta", { id: ID, text: "three" });
			return message({ response: final });
		};
		await s.listen();
		const out = await onTerminal(["ask", "backend", "x"]);
		assert.match(out, /backend: queued, place 2/);
		assert.match(out, /backend: using Bash/);
		assert.match(out, /one \\x1b\[2Jtwo/);
		assert.doesNotMatch(out, /\u001b\[2J/);
		/* "one \e[2J" is not in the final answer: all of it comes again. */
		assert.match(out, /the answer as it is in the end:\r\none two\r\n\r\nthree\r\n/);
		assert.match(out, new RegExp(`${ID}  queued -> sent \\+12 ms -> seen \\+288 ms -> answered \\+1\\.2 s  \\$0\\.0123  test-model`));
		final = "one \u001b[2Jtwo\n\nthree";
		const again = await onTerminal(["ask", "backend", "x"]);
		assert.doesNotMatch(again, /as it is in the end/);
		assert.equal(again.split("three").length, 2);
	});
});

function spawnOk(command, args) {
	try {
		return process.getBuiltinModule("node:child_process").spawnSync(command, args).status === 0;
	} catch {
		return false;
	}
}

describe("looking at things", () => {
	const status = {
		version: "0.1.0", pid: 4711, startedAt: 1, uptime: 65000, home: "/h", socket: "/h/s", config: "/h/c", database: "/h/d",
		pool: { active: 1, max: 10, waiting: 0 }, teams: 2, workers: [], connections: 3, warnings: ["team x: \u001b[1mno directory"],
		sessions: [{ from: "frontend", to: "backend", sessionId: "s", state: "busy", pid: 99, queued: 2, lastUsed: 1, activity: "using Bash" }],
		messages: { queued: 2, sent: 0, seen: 1, answered: 7, failed: 0, expired: 0, cancelled: 0 }, rss: 5242880,
	};

	test("status", async () => {
		const teams = [{ name: "fine" }, { name: "lost\u001b", down: "team lost\u001b is down" }, { name: "later", retryAt: Date.now() + 90000 }];
		s.handlers["iris/daemon.status"] = () => ({ ...status, adopting: 1, workers: [{ team: "fine", pid: 1, sessions: 1, adopted: true }, { team: "later", pid: 2, sessions: 0, adopted: false }] });
		s.handlers["iris/team.list"] = () => ({ teams });
		await s.listen();
		const r = await s.iris(["status"]);
		assert.equal(r.status, 0);
		assert.match(r.stdout, /irisd 0\.1\.0 runs, pid 4711, for 1 min 5 s, 5\.0 MiB/);
		assert.match(r.stdout, /frontend -> backend +busy +99 +2 .*using Bash/);
		assert.match(r.stdout, /2 queued, 1 seen, 7 answered/);
		assert.match(r.stdout, /warning: team x: \\x1b\[1mno directory/);
		assert.match(r.stdout, /workers +2, 1 adopted from an earlier irisd; 1 expected\n/);
		assert.match(r.stdout, /\ndown: team lost\\x1b is down\ncrashed: team later, next start in 1 min (2\d|30) s\n/);
		s.handlers["iris/daemon.status"] = () => status;
		const json = JSON.parse((await s.iris(["status", "--json"])).stdout);
		assert.deepEqual(json, { ...status, troubles: [{ team: "lost\u001b", down: "team lost\u001b is down" }, { team: "later", retryAt: teams[2].retryAt }] });
	});

	test("message show, list, cancel", async () => {
		s.handlers["iris/message.show"] = (p) => message({ hint: p.wait === 250 ? "waited" : undefined });
		s.handlers["iris/message.list"] = () => ({ messages: [message(), message({ state: "failed", message: "two\nlines" })] });
		s.handlers["iris/message.cancel"] = () => message({ state: "cancelled" });
		await s.listen();
		let r = await s.iris(["message", "show", ID, "--wait", "250"]);
		assert.match(r.stdout, new RegExp(`^${ID}  frontend -> backend  answered after 1\\.5 s\n`));
		assert.match(r.stdout, /sent +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +\+12 ms +written\n +seen +\d{4}-\d\d-\d\d \S+ +\+288 ms +replay\n/);
		assert.match(r.stdout, /Message\nhello\?\n\nAnswer\nHi\.\n/);
		assert.equal((await s.iris(["message", "show", ID, "--answer"])).stdout, "Hi.\n");
		assert.equal((await s.iris(["message", "show", ID, "--answer", "--json"])).status, 0);
		r = await s.iris(["messages", "--team=backend", "--state", "failed", "-n", "7"]);
		assert.match(r.stdout, /failed +two lines\n/);
		assert.deepEqual(s.calls.at(-1).params, { team: "backend", state: "failed", limit: 7 });
		assert.equal((await s.iris(["message", "list", "-n", "0"])).status, 2);
		assert.match((await s.iris(["message", "cancel", ID])).stdout, /is cancelled/);
		assert.equal((await s.iris(["message", "show", "nonsense"])).status, 2);
		s.handlers["iris/message.show"] = () => message({ state: "seen", response: undefined });
		for (const args of [[], ["--json"]])
			assert.equal((await s.iris(["message", "show", ID, "--answer", ...args])).status, 7);
	});

	test("what can not be written is a failure", { skip: process.platform !== "linux" }, async () => {
		s.handlers["iris/daemon.status"] = () => status;
		s.handlers["iris/team.list"] = () => ({ teams: [] });
		await s.listen();
		const r = await run("sh", ["-c", `exec "${program("iris")}" status >/dev/full`], { env: s.env });
		assert.equal(r.status, 74);
		assert.match(r.stderr, /can not write to standard output/);
	});
});

describe("teams in the file", () => {
	test("add before install and without a file, list, remove with a backup", async () => {
		const dir = mkdtempSync(join(tmpdir(), "proj. ü_"));
		try {
			let r = await s.iris(["team", "add", "back-1", dir, "-d", "it's \"${X}\" # text", "-c", "#AABBCC", "--idle-timeout=30m", "-g", "no", "-m", "opus"]);
			assert.equal(r.status, 0, r.stderr);
			assert.match(r.stderr, /there is no CLAUDE\.md/);
			assert.match(r.stdout, /irisd does not run/);
			const show = JSON.parse((await s.iris(["config", "show", "--json"])).stdout).teams["back-1"];
			assert.equal(show.path, dir);
			assert.equal(show.description, "it's \"${X}\" # text");
			assert.equal(show.idleTimeout, 1800000);
			assert.equal(show.grantPermission, "no");
			assert.equal(show.model, "opus");
			r = await s.iris(["team", "add", "back-1", dir]);
			assert.equal(r.status, 2);
			assert.match(r.stderr, /there is a team "back-1" already/);
			assert.equal((await s.iris(["team", "add", "x", join(dir, "missing")])).status, 12);
			assert.equal((await s.iris(["team", "add", "a/b", dir])).status, 2);
			assert.deepEqual(JSON.parse((await s.iris(["team", "list", "--json"])).stdout).teams.map((t) => t.name), ["back-1"]);
			r = await s.iris(["team", "show", "back"]);
			assert.equal(r.status, 3);
			assert.match(r.stderr, /did you mean back-1\?/);
			r = await s.iris(["team", "remove", "back-1"]);
			assert.equal(r.status, 2);
			assert.match(r.stderr, /--yes/);
			r = await s.iris(["team", "remove", "back-2"]);
			assert.equal(r.status, 3);
			assert.match(r.stderr, /did you mean "back-1"\?/);
			r = await s.iris(["team", "remove", "back-1", "-y"]);
			assert.equal(r.status, 0, r.stderr);
			assert.match(readFileSync(join(s.home, "config.yaml.bak"), "utf8"), /back-1/);
			assert.deepEqual(JSON.parse((await s.iris(["team", "list", "--json"])).stdout).teams, []);
		} finally {
			rmSync(dir, { recursive: true });
		}
	});

	test("an irisd that runs is told to read the file again, and its refusal is an error", async () => {
		let fail = false;
		s.handlers["iris/config.reload"] = () => {
			if (fail)
				throw { rpc: -31001, code: "config", message: "config.yaml:1:1: bad" };
			return { added: ["a"], removed: [], changed: [], warnings: [] };
		};
		await s.listen();
		let r = await s.iris(["team", "add", "a", s.root, "--json"]);
		assert.deepEqual(JSON.parse(r.stdout).reloaded, true);
		fail = true;
		r = await s.iris(["team", "add", "b", s.home]);
		assert.equal(r.status, 78);
		assert.match(r.stderr, /the file is changed, but the irisd that runs did not take it: config\.yaml:1:1/);
	});

	test("a wrong file is shown with its position", async () => {
		mkdirSync(s.home, { recursive: true, mode: 0o700 });
		writeFileSync(join(s.home, "config.yaml"), "settings:\n  maxProcesses: many\n");
		for (const args of [["config", "check"], ["team", "list"], ["team", "add", "x", s.root]]) {
			const r = await s.iris(args);
			assert.equal(r.status, 78, args.join(" "));
			assert.match(r.stderr, /config\.yaml:2:17: /);
		}
	});
});
