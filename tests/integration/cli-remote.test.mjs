/* SPDX-License-Identifier: MIT
 *
 * iris remote, and what iris team, status and doctor say of teams on other machines, against a
 * stand-in for irisd: what is asked, printed and exited with, and what hostile hosts can not do.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { program } from "../lib/iris.mjs";
import { waitFor, within } from "../lib/wait.mjs";
import { Standin } from "./cli-standin.mjs";

const SHA = `SHA256:${"a".repeat(43)}`, OTHER = `SHA256:${"b".repeat(43)}`;
let s, started;

beforeEach(() => {
	s = new Standin();
	started = [];
});
afterEach(async () => {
	for (const child of started)
		if (child.exitCode === null)
			child.kill("SIGKILL");
	await s.stop();
});

const errorOf = (r) => JSON.parse(r.stdout).error;
const config = (text) => {
	mkdirSync(s.home, { recursive: true, mode: 0o700 });
	writeFileSync(join(s.home, "config.yaml"), text, { mode: 0o600 });
};
const paramsOf = (method) => s.calls.filter((m) => m.method === method).map((m) => m.params);

/* iris on a terminal of its own, by script(1). */
function onTerminal(args) {
	const words = [program("iris"), ...args];
	const child = spawn("script", process.platform === "darwin" ? ["-q", "/dev/null", ...words]
		: ["-qec", words.map((w) => `'${w}'`).join(" "), "/dev/null"],
	{ cwd: s.root, env: { ...s.env, SHELL: "/bin/sh" }, stdio: "pipe" });
	const t = { text: "" };

	started.push(child);
	child.stdout.setEncoding("utf8");
	child.stdout.on("data", (d) => (t.text += d));
	child.stdin.on("error", () => {});
	const end = new Promise((resolve) => child.once("close", (status) => resolve(status)));
	t.sees = (text) => waitFor(() => t.text.includes(text), { what: `${text} on the screen` })
		.catch((e) => { throw new Error(`${e.message}:\n${t.text}`); });
	t.keys = (keys) => child.stdin.write(keys);
	t.ended = () => within(10000, end, "iris on the terminal to end");
	return t;
}

const STEPS = ["resolve", "connect", "hostkey", "login", "directory", "claude", "storage"];
/* A result of remote.check: all well, or the last of its steps failed. */
const checked = (team, failed, more = {}) => {
	const steps = [];
	for (const name of STEPS) {
		const ok = name !== failed;
		steps.push({ name, ok, ms: 1200 + steps.length, detail: `about ${name}`, ...(ok ? {} : { mend: `mend ${name}`, ...more }) });
		if (!ok)
			break;
	}
	return { team, host: "app.example.org", path: "/srv/app", steps, ok: failed === undefined };
};

describe("iris remote check", () => {
	test("each step with its time, and what to do about the one that failed", async () => {
		s.handlers["iris/remote.check"] = (p) => checked(p.team);
		await s.listen();
		let r = await s.iris(["remote", "check", "production"]);
		assert.equal(r.status, 0, r.stderr);
		assert.deepEqual(paramsOf("iris/remote.check"), [{ team: "production" }]);
		assert.match(r.stdout, /^production on app\.example\.org, \/srv\/app\n/);
		const lines = r.stdout.trimEnd().split("\n").slice(1);
		assert.deepEqual(lines.map((l) => l.trim().split(/ {2,}/).slice(0, 2).join(" ")), STEPS.map((n) => `✓ ${n}`));
		assert.ok(lines.every((l, i) => l.endsWith(`1.2 s  about ${STEPS[i]}`)), r.stdout);
		assert.equal(r.stderr, "");

		s.handlers["iris/remote.check"] = (p) => checked(p.team, "hostkey");
		r = await s.iris(["remote", "check", "production"]);
		assert.match(r.stdout, /\n {2}✗ {2}hostkey .*about hostkey\n {5}-> mend hostkey\n$/);
		assert.equal(r.status, 17);
		r = await s.iris(["remote", "check", "production"], { env: { LANG: "C", LC_ALL: "C" } });
		assert.match(r.stdout, /\n {2}ok {2}connect .*\n {2}NO {2}hostkey /);
	});

	test("the exit status is that of the kind of step that failed", async () => {
		let failed;
		s.handlers["iris/remote.check"] = (p) => checked(p.team, failed);
		await s.listen();
		for (const [name, status] of [["resolve", 16], ["connect", 16], ["hostkey", 17], ["login", 17], ["directory", 12], ["claude", 10], ["storage", 17]]) {
			failed = name;
			const r = await s.iris(["remote", "check", "production", "--json"]);
			assert.equal(r.status, status, name);
			assert.deepEqual(JSON.parse(r.stdout), checked("production", name));
		}
	});

	test("--all: every remote team, and one that could not be asked is one of them", async () => {
		s.handlers["iris/remote.list"] = () => ({ teams: [{ name: "a" }, { name: "b" }, { name: "c" }] });
		s.handlers["iris/remote.check"] = (p) => {
			if (p.team === "b")
				throw { code: "timeout", message: "the worker was silent for 70 s" };
			return checked(p.team, p.team === "c" ? "claude" : undefined);
		};
		await s.listen();
		let r = await s.iris(["remote", "check", "--all"]);
		assert.equal(r.status, 7, "the first that failed");
		assert.match(r.stdout, /^a on app[^]*\n\nb\n {2}✗ {2}the worker was silent for 70 s\n\nc on app[^]*-> mend claude\n$/);
		r = await s.iris(["remote", "check", "--all", "--json"]);
		assert.equal(r.status, 7);
		assert.deepEqual(JSON.parse(r.stdout).teams, [checked("a"),
			{ team: "b", ok: false, error: { code: "timeout", message: "the worker was silent for 70 s" } }, checked("c", "claude")]);
		s.handlers["iris/remote.list"] = () => ({ teams: [] });
		r = await s.iris(["remote", "check", "--all"]);
		assert.deepEqual([r.status, r.stdout], [0, "no team is on another machine\n"]);
		for (const args of [[], ["--all", "a"]])
			assert.equal((await s.iris(["remote", "check", ...args])).status, 2);
	});

	test("what irisd refuses is said and exited with", async () => {
		s.handlers["iris/remote.check"] = () => {
			throw { code: "timeout", message: "looking at team x took longer than 70 s" };
		};
		await s.listen();
		const r = await s.iris(["remote", "check", "x"]);
		assert.equal(r.status, 7);
		assert.equal(r.stderr, "iris: looking at team x took longer than 70 s\n");
		assert.equal(r.stdout, "");
	});

	test("a host can write nothing to the terminal but text", async () => {
		const evil = "\u001b]0;owned\u0007\u001b[2J\u202e\nok  all is well\u009b31m";
		s.handlers["iris/remote.check"] = () => ({ team: "t", host: evil, path: evil, ok: false, steps: [{ name: evil, ok: false, ms: 1, detail: evil, mend: evil }] });
		await s.listen();
		const r = await s.iris(["remote", "check", "t"]);
		assert.equal(r.status, 17);
		assert.doesNotMatch(r.stdout, /[\u001b\u0007\u202e\u009b]/);
		assert.equal(r.stdout.split("\n").length, 4, r.stdout);
		assert.match(r.stdout, /\\x1b\]0;owned\\x07/);
	});

	test("on a terminal it says what it waits for, and Ctrl-C ends the wait", async () => {
		let asked;
		const question = new Promise((resolve) => (asked = resolve));
		s.handlers["iris/remote.check"] = () => {
			asked();
			return new Promise(() => {});
		};
		await s.listen();
		const t = onTerminal(["remote", "check", "slow"]);
		await question;
		await t.sees("looking at the host of slow");
		t.keys("\u0003");
		assert.equal(await t.ended(), 130);
	});
});

describe("iris remote trust", () => {
	const ed = { type: "ssh-ed25519", fingerprint: SHA }, rsa = { type: "ssh-rsa", fingerprint: OTHER };
	/* A host with these keys; what is recorded is in its list. */
	const host = (state, keys = [rsa, ed]) => {
		const recorded = [];
		s.handlers["iris/remote.trust"] = (p) => {
			if (p.team !== undefined && p.team !== "production")
				throw { code: "not_found", message: `there is no team "${p.team}"` };
			const ok = p.record !== undefined && keys.some((k) => k.fingerprint === p.record);
			if (ok)
				recorded.push(p.record);
			return { host: "app.example.org", keys, state, recorded: ok, file: "/home/me/.ssh/known_hosts" };
		};
		return recorded;
	};

	test("on a terminal: the fingerprint, how to compare it, a question; no means no", async () => {
		const recorded = host("unknown");
		await s.listen();
		for (const [key, status] of [["n\n", 8], ["\n", 8], ["y\n", 0]]) {
			const t = onTerminal(["remote", "trust", "production"]);
			await t.sees("Record it? [y/N]");
			assert.ok(t.text.includes(SHA) && t.text.includes("ssh-ed25519"), t.text);
			assert.ok(t.text.includes("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"), t.text);
			assert.deepEqual(recorded, []);
			t.keys(key);
			assert.equal(await t.ended(), status, t.text);
		}
		assert.deepEqual(recorded, [SHA]);
	});

	test("without a terminal: only by --fingerprint or --yes", async () => {
		const recorded = host("unknown");
		await s.listen();
		let r = await s.iris(["remote", "trust", "production"], { input: "y\n" });
		assert.equal(r.status, 2);
		assert.match(r.stderr, /there is no terminal to ask on; --fingerprint records it .* --yes whatever it is/);
		assert.ok(r.stderr.includes(SHA));
		r = await s.iris(["remote", "trust", "production", "--json"]);
		assert.equal(errorOf(r).code, "invalid");
		assert.equal(r.stderr, "");
		r = await s.iris(["remote", "trust", "production", "--fingerprint", `SHA256:${"c".repeat(43)}`]);
		assert.equal(r.status, 17);
		assert.match(r.stderr, /is SHA256:a+, and not the given one; nothing is recorded/);
		assert.deepEqual(recorded, []);
		r = await s.iris(["remote", "trust", "production", "--fingerprint", OTHER]);
		assert.equal(r.status, 0, r.stderr);
		assert.equal(r.stdout, `the key of app.example.org is recorded in /home/me/.ssh/known_hosts: ssh-rsa ${OTHER}\n"iris remote check production" looks at the rest\n`);
		r = await s.iris(["remote", "trust", "production", "--yes", "--json"]);
		assert.equal(r.status, 0);
		assert.equal(JSON.parse(r.stdout).recorded, true);
		assert.deepEqual(recorded, [OTHER, SHA]);
		for (const bad of ["MD5:00:11", "SHA256:short", `SHA256:${"!".repeat(43)}`])
			assert.equal((await s.iris(["remote", "trust", "production", "--fingerprint", bad])).status, 2);
	});

	test("a key that has changed: told loudly, and taken by its fingerprint alone", async () => {
		const recorded = host("changed", [ed]);
		await s.listen();
		for (const args of [[], ["--yes"]]) {
			const r = await s.iris(["remote", "trust", "production", ...args]);
			assert.equal(r.status, 17);
			assert.match(r.stderr, /^WARNING: THE KEY OF app\.example\.org HAS CHANGED/);
			assert.match(r.stderr, /answers in its place/);
			assert.match(r.stderr, /iris: the key of app\.example\.org has changed.*nothing is recorded/);
		}
		const t = onTerminal(["remote", "trust", "production"]);
		assert.equal(await t.ended(), 17);
		assert.doesNotMatch(t.text, /\[y\/N\]/);
		assert.deepEqual(recorded, []);
		const r = await s.iris(["remote", "trust", "production", "--fingerprint", SHA]);
		assert.equal(r.status, 0, r.stderr);
		assert.deepEqual(recorded, [SHA]);
	});

	test("a key that is known is only shown", async () => {
		const recorded = host("known");
		await s.listen();
		const r = await s.iris(["remote", "trust", "production"]);
		assert.equal(r.status, 0);
		assert.equal(r.stdout, `the key of app.example.org is known in /home/me/.ssh/known_hosts: ssh-ed25519 ${SHA}\n`);
		assert.equal((await s.iris(["remote", "trust", "production", "--fingerprint", `SHA256:${"c".repeat(43)}`])).status, 17);
		assert.deepEqual(recorded, []);
	});

	test("a host that is no team's; and what is neither", async () => {
		const recorded = host("unknown");
		await s.listen();
		assert.equal((await s.iris(["remote", "trust", "me@app.example.org", "--yes"])).status, 0);
		assert.equal((await s.iris(["remote", "trust", "alias", "--yes"])).status, 0);
		assert.deepEqual(paramsOf("iris/remote.trust"), [
			{ host: "me@app.example.org" }, { host: "me@app.example.org", record: SHA },
			{ team: "alias" }, { host: "alias" }, { host: "alias", record: SHA },
		]);
		assert.equal(recorded.length, 2);
		for (const bad of ["-oProxyCommand=id", "me@-oProxyCommand=id", "a b", "a;b", ""]) {
			const r = await s.iris(["remote", "trust", "--yes", "--", bad]);
			assert.equal(r.status, 2, `${bad}: ${r.stdout}${r.stderr}`);
		}
		assert.equal(recorded.length, 2);
	});

	test("another key at the second look is not recorded, nor called so", async () => {
		s.handlers["iris/remote.trust"] = () => ({ host: "h", keys: [ed], state: "unknown", recorded: false, file: "/f" });
		await s.listen();
		const r = await s.iris(["remote", "trust", "production", "--yes"]);
		assert.equal(r.status, 17);
		assert.match(r.stderr, /another key now than a moment ago; nothing was recorded/);
	});

	test("what a host calls its key stays text, and no key at all is an error", async () => {
		const evil = "\u001b[2J\nssh-ed25519 good";
		host("changed", [{ type: evil, fingerprint: evil }]);
		await s.listen();
		let r = await s.iris(["remote", "trust", "production"]);
		assert.equal(r.status, 17);
		assert.doesNotMatch(r.stderr + r.stdout, /\u001b/);
		host("unknown", []);
		r = await s.iris(["remote", "trust", "production", "--yes"]);
		assert.equal(r.status, 17);
		assert.match(r.stderr, /has shown no key/);
	});
});

describe("iris remote list, revoke, grant, mcp", () => {
	const team = (over) => ({ name: "production", remote: "ssh deploy@app.example.org", host: "app.example.org", transport: "ssh", path: "/srv/app", status: "asleep", ...over });

	test("list: the lines and the tunnels", async () => {
		const now = Date.now();
		s.handlers["iris/remote.list"] = () => ({ teams: [
			team(), team({ name: "b", status: "awake", transport: "iris-ssh", tunnel: { state: "up", form: "http" } }),
			team({ name: "c", line: { down: now - 61000, why: "Connection\u001b[2J timed out", nextTry: now + 8900 } }),
			team({ name: "d", tunnel: { state: "revoked" } }),
		] });
		await s.listen();
		const r = await s.iris(["remote", "list"]);
		assert.equal(r.status, 0);
		const rows = r.stdout.split("\n").map((l) => l.split(/ {2,}/));
		assert.deepEqual(rows[0], ["TEAM", "HOST", "BY", "LINE", "REVERSE MCP", "DIRECTORY"]);
		assert.deepEqual(rows[1], ["production", "app.example.org", "ssh", "not in use", "off", "/srv/app"]);
		assert.deepEqual(rows[2].slice(2, 5), ["iris-ssh", "up", "up"]);
		assert.match(rows[3][3], /^lost 1 min \d+ s ago, next try in [1-8]\.\d s$/);
		assert.equal(rows[4][4], "revoked");
		assert.equal(rows[5][0], "line lost: c: Connection\\x1b[2J timed out");
		assert.equal(JSON.parse((await s.iris(["remotes", "--json"])).stdout).teams.length, 4);
		s.handlers["iris/remote.list"] = () => ({ teams: [] });
		assert.match((await s.iris(["remote", "list"])).stdout, /no team is on another machine; "iris team add NAME --remote/);
	});

	test("revoke and grant", async () => {
		s.handlers["iris/remote.revoke"] = (p) => ({ team: p.team, revoked: true });
		s.handlers["iris/remote.grant"] = (p) => ({ team: p.team, revoked: false });
		await s.listen();
		let r = await s.iris(["remote", "revoke", "production"]);
		assert.equal(r.status, 0);
		assert.match(r.stdout, /^production: nothing over there reaches Iris any more/);
		r = await s.iris(["remote", "grant", "production", "--json"]);
		assert.deepEqual(JSON.parse(r.stdout), { team: "production", revoked: false });
		assert.deepEqual(s.calls.map((m) => [m.method, m.params]), [["iris/remote.revoke", { team: "production" }], ["iris/remote.grant", { team: "production" }]]);
	});

	test("mcp: what to do over there, in either form", async () => {
		let it = team({ tunnel: { form: "socket", state: "up", address: "app: /home/me/.iris/remote.sock" } });
		s.handlers["iris/remote.list"] = () => ({ teams: [it] });
		await s.listen();
		let r = await s.iris(["remote", "mcp", "production"]);
		assert.equal(r.status, 0);
		assert.match(r.stdout, /\n {4}claude mcp add --scope user iris -- iris-mcp-shim --socket ~\/\.iris\/remote\.sock\n/);
		assert.match(r.stdout, /The tunnel is up: app: \/home\/me\/\.iris\/remote\.sock\n$/);
		it = team({ tunnel: { form: "http", state: "down", why: "the port is taken" } });
		r = await s.iris(["remote", "mcp", "production"]);
		assert.match(r.stdout, /\n {4}claude --mcp-config ~\/\.iris\/mcp\.json\n\nThe tunnel is down: the port is taken\n$/);
		it = team();
		r = await s.iris(["remote", "mcp", "production"]);
		assert.equal(r.status, 78);
		assert.match(r.stderr, /has no tunnel; set enableReverseMcp: true/);
		it = team({ tunnel: { form: "socket", state: "making" } });
		assert.match((await s.iris(["remote", "mcp", "production"])).stdout, /The tunnel is being made\n$/);
		it = team({ tunnel: { form: "socket", state: "revoked" } });
		assert.equal((await s.iris(["remote", "mcp", "production"])).status, 4);
		assert.equal((await s.iris(["remote", "mcp", "backend"])).status, 3);
	});
});

describe("iris team add --remote", () => {
	const text = () => readFileSync(join(s.home, "config.yaml"), "utf8");
	const check = () => s.iris(["config", "check"]);

	test("only what was given stands in the file, and what stood there stays", async () => {
		config("# mine\nteams:\n  a: # first\n    path: .\n");
		const key = join(s.root, "a key");
		writeFileSync(key, "x");
		let r = await s.iris(["team", "add", "production", "--remote", "ssh -J bastion deploy@app.example.org", "--path", "~/src/the app"]);
		assert.equal(r.status, 0, r.stderr);
		assert.match(r.stdout, /iris remote trust production.*iris remote check production/);
		assert.equal(r.stderr, "", "nothing is said of CLAUDE.md over there");
		assert.equal(text(), "# mine\nteams:\n  a: # first\n    path: .\n  production:\n    path: ~/src/the app\n" +
			"    remote: ssh -J bastion deploy@app.example.org\n    description: Team production\n");
		r = await s.iris(["team", "add", "second", "--remote", "app", "/srv/x", "--ssh2", "--identity", key, "--port", "2222", "--claude-path", "~/bin/claude", "--json"]);
		assert.equal(r.status, 0, r.stdout);
		assert.deepEqual(JSON.parse(r.stdout), { team: "second", path: "/srv/x", remote: "app", config: join(s.home, "config.yaml"), reloaded: false });
		assert.ok(text().endsWith(`  second:\n    path: /srv/x\n    remote: app\n    ssh2: true\n    description: Team second\n    claudePath: ~/bin/claude\n` +
			`    remoteOptions:\n      identity: ${realpathSync(key)}\n      port: 2222\n`), text());
		assert.equal((await check()).status, 0, (await check()).stderr);
		r = await s.iris(["team", "list"]);
		assert.match(r.stdout, /^production +asleep +deploy@app\.example\.org:~\/src\/the app /m);
	});

	test("what can not be is refused, and nothing is written", async () => {
		const key = join(s.root, "k.pub");
		writeFileSync(key, "x");
		config("teams: {}\n");
		for (const [args, why] of [
			[["--remote", "ssh host"], /--remote needs --path DIR/],
			[["--remote", "ssh -oProxyCommand=id", "--path", "/x"], /no host is named/],
			[["--remote", "ssh -- -oProxyCommand=id", "--path", "/x"], /begins with '-'/],
			[["--remote", "ssh host", "--path", "/a\nb"], /control character/],
			[["--remote", "ssh host", "--path", "/x", "/y"], /given twice/],
			[["--remote", "ssh host", "--path", "/x", "--port", "70000"], /--port/],
			[["--remote", "ssh host", "--path", "/x", "--identity", "/nowhere/key"], /can not read --identity \/nowhere\/key/],
			[["--remote", "ssh host", "--path", "/x", "--identity", key], /public half/],
			[["--ssh2"], /--ssh2 is for a team on another machine/],
			[["--port", "22"], /--port is for a team on another machine/],
		]) {
			const r = await s.iris(["team", "add", "t", ...args]);
			assert.match(r.stderr, why);
			assert.equal(r.status, 2, args.join(" "));
		}
		assert.equal(text(), "teams: {}\n");
	});
});

describe("a line that is lost", () => {
	const line = () => ({ down: Date.now() - 12 * 60000, why: "app.example.org: No route\u0007 to host", nextTry: Date.now() + 5.5 * 60000 });

	test("in team list and team show", async () => {
		const t = { name: "production", path: "/srv/app", remote: "ssh app", description: "d", status: "asleep", exists: true, grantPermission: "ask", line: line() };
		s.handlers["iris/team.list"] = () => ({ teams: [t] });
		s.handlers["iris/team.show"] = () => ({ ...t, sessions: [], problems: ["the line to app is lost (app: No route\u0007 to host)"] });
		await s.listen();
		assert.match((await s.iris(["team", "list"])).stdout, /^production +line lost +app:\/srv\/app /m);
		const { stdout } = await s.iris(["team", "show", "production"]);
		assert.match(stdout, /\n {2}remote +ssh app\n/);
		assert.match(stdout, /\n {2}line +lost 12 min \d+ s ago, next try in 5 min \d+ s\n {2}problem +the line to app is lost \(app: No route\\x07 to host\)\n/);
	});

	test("in status, one line each", async () => {
		s.handlers["iris/daemon.status"] = () => ({ version: "0.1.0", pid: 1, uptime: 1, pool: {}, messages: {}, sessions: [], warnings: [] });
		s.handlers["iris/team.list"] = () => ({ teams: [{ name: "production", remote: "ssh app", line: line() }, { name: "local" }] });
		await s.listen();
		const r = await s.iris(["status"]);
		assert.match(r.stdout, /^line: team production: lost 12 min \d+ s ago, next try in 5 min \d+ s; app\.example\.org: No route\\x07 to host$/m);
		assert.doesNotMatch(r.stdout, /crashed|down:/);
		const { troubles } = JSON.parse((await s.iris(["status", "--json"])).stdout);
		assert.deepEqual(troubles.map((t) => [t.team, Object.keys(t).sort()]), [["production", ["line", "team"]]]);
	});
});

describe("iris doctor", () => {
	const doctor = async () => {
		const r = await s.iris(["doctor", "--json"], { env: { ANTHROPIC_API_KEY: "sk-ant-test" } });
		const { checks } = JSON.parse(r.stdout);
		return { status: r.status, of: (name) => checks.find((c) => c.name === name) };
	};

	beforeEach(() => config(JSON.stringify({ settings: { claudePath: fakeClaudePath() }, teams: {
		production: { path: "/srv/app", remote: "ssh deploy@app.example.org" } } })));

	test("looks at teams on other machines by the irisd that runs", async () => {
		s.handlers["iris/daemon.status"] = () => ({ version: s.version ?? "0.1.0", pid: 1, warnings: [] });
		s.handlers["iris/remote.check"] = (p) => checked(p.team);
		await s.listen();
		let d = await doctor();
		assert.equal(d.of("team production").status, "ok");
		assert.equal(d.of("team production").detail, "/srv/app on app.example.org; claude: about claude");
		s.handlers["iris/remote.check"] = (p) => checked(p.team, "login");
		d = await doctor();
		assert.equal(d.status, 1);
		assert.deepEqual(d.of("team production"), { name: "team production", status: "fail", detail: "/srv/app on app.example.org: login: about login", fix: "mend login" });
		s.handlers["iris/remote.check"] = () => {
			throw { code: "timeout", message: "took too long" };
		};
		assert.equal((await doctor()).of("team production").detail, "took too long");
	});

	test("without an irisd they are a warning, and none is started", async () => {
		const d = await doctor();
		assert.equal(d.of("team production").status, "warn");
		assert.equal(d.of("team production").detail, "/srv/app by ssh deploy@app.example.org: not looked at, since irisd does not run");
		assert.equal(d.of("team production").fix, "iris start");
		assert.equal(d.status, 0);
		assert.equal((await s.iris(["status"])).status, 5);
	});
});
