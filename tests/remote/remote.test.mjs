/* SPDX-License-Identifier: MIT
 *
 * A team on another machine does all that one on this machine does: one suite, two transports. What
 * runs over there is fake-claude; its HOME, PATH and directory of Claude are not those of here.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe } from "node:test";
import { sessions } from "../integration/setup.mjs";
import { run } from "../lib/iris.mjs";
import { processesOf } from "../lib/processes.mjs";
import { assert, remoteTest, TRANSPORTS, waitFor } from "./setup.mjs";
import { fingerprint, makeKey, startAgent } from "./sshd.mjs";

const LADDER = ["queued", "sent", "seen", "answered"];

/* Names of directories that somebody, somewhere, has. */
const NAMES = [
	"a  b", " lead and trail ", "it's", 'say "hi"', "$HOME", "`id`", "$(id)", "back\\slash\\", "~", "~root", "ünï çödé 日本 🦊", "glob*[a-z]?",
	"{a,b}", "semi;colon & pipe | < > #", "!bang ^ %h %%", "-rf", "--", "'\"'\"'", "=x", "\\n", "...",
];

/* Values of variables, as far as one line of an answer can show them. */
const VALUES = {
	QUOTES: `it's "so" \`id\` $(id) $HOME \\ !x`, UMLAUT: "ü 日本 🦊", EMPTY: "", SPACES: "a  b   c", STAR: "*", DOLLAR: "$", BACK: "\\\\", EQUALS: "a=b=c",
};

for (const { name, ssh2 } of TRANSPORTS) describe(`by ${name}`, { concurrency: 2 }, () => {
	const it = (what, options, fn = options) => remoteTest(what, fn === options ? { ssh2 } : { ssh2, ...options }, fn);
	const there = async (r) => (await sessions(r.iris))["front->far"];

	it("a question, its answer, its steps; all of it over there, nothing of it here", async (r) => {
		const a = await r.ask("ECHO hello");
		assert.equal(a.response, "hello");
		const m = await r.iris.message(a.messageId);
		assert.deepEqual(m.receipts.map((x) => x.state), LADDER);
		assert.ok(m.receipts.every((x, i) => i === 0 || x.at >= m.receipts[i - 1].at), "times go forward");
		assert.ok(m.usage.outputTokens > 0 && m.usage.costUsd > 0, JSON.stringify(m.usage));
		const users = r.host.userLines();
		assert.deepEqual(users.map((l) => [l.uuid, l.cwd]), [[m.id, r.dir]]);
		assert.match(JSON.stringify(users[0].message.content), /from=\\"front\\"/);
		assert.ok(!existsSync(join(r.iris.env.HOME, ".claude")), "no directory of Claude here");
		assert.equal(await r.answer("ENV HOME"), `HOME=${r.host.home}`);
		assert.equal(await r.answer("ENV PATH"), `PATH=${r.host.env.PATH}`);
		assert.equal(await r.answer("ENV CLAUDE_CONFIG_DIR"), `CLAUDE_CONFIG_DIR=${r.host.claudeDir}`);
		for (const hidden of ["SSH_CONNECTION", "SSH_CLIENT", "IRIS_HOME"])
			assert.equal(await r.answer(`ENV ${hidden}`), `${hidden}=(unset)`);
		assert.equal(r.host.processes(/fake-claude|bin\/claude -p/).length, 1, "one process for all of them");
	});

	it("directories with every awkward character", { teams: Object.fromEntries(NAMES.map((n, i) => [`t${i}`, { remote: true, path: `~/${n}` }])) }, async (r) => {
		for (const n of NAMES)
			r.host.project(n);
		/* Eight at a time: sshd and two processors have enough with that. */
		for (let i = 0; i < NAMES.length; i += 8)
			await Promise.all(NAMES.slice(i, i + 8).map(async (n, k) => assert.equal(await r.answer(`ECHO ${i + k}`, { to: `t${i + k}` }), `${i + k}`, n)));
		const cwd = Object.fromEntries(r.host.userLines().map((l) => [JSON.stringify(l.message.content).match(/ECHO (\d+)/)[1], l.cwd]));
		assert.deepEqual(NAMES.map((_, i) => cwd[i]), NAMES.map((n) => join(r.host.home, n)));
	});

	it("a directory: relative to where a login begins, one that begins with a dash, absolute, the home itself", {
		teams: { relative: { remote: true, path: "sub dir/deeper" }, dash: { remote: true, path: "./-P" }, dot: { remote: true, path: "." }, home: { remote: true, path: "~" } },
		start: false,
	}, async (r) => {
		const real = join(r.host.root, "there", "absolute 'dir'");
		for (const dir of [r.host.project("sub dir/deeper"), r.host.project("-P"), real])
			mkdirSync(dir, { recursive: true });
		r.team.path = real;
		await r.start();
		for (const [to, dir] of Object.entries({ relative: "sub dir/deeper", dash: "-P", dot: "", home: "", far: real })) {
			await r.answer(`ECHO at ${to}`, { to });
			const line = r.host.userLines().find((l) => JSON.stringify(l.message.content).includes(`ECHO at ${to}`));
			assert.equal(line.cwd, to === "far" ? real : join(r.host.home, dir).replace(/\/$/, ""), to);
		}
	});

	it("variables with every awkward character; none of them on a command line", { team: { env: { ...VALUES, TWO_LINES: "one\ntwo", SECRET: "hidden-value" } } }, async (r) => {
		for (const [key, value] of Object.entries(VALUES))
			assert.equal(await r.answer(`ENV ${key}`), `${key}=${value}`);
		assert.equal(await r.answer("ENV TWO_LINES"), "TWO_LINES=one\ntwo");
		assert.equal(await r.answer("ENV SECRET"), "SECRET=hidden-value");
		const shown = [...processesOf(r.iris.root), ...r.host.processes()].filter((p) => p.command.includes("hidden-value"));
		assert.deepEqual(shown, []);
	});

	it("claude is found: by PATH, at ~, by its name, in the team's own PATH", {
		teams: { home: { remote: true, claudePath: "~/tools/my claude" }, path: { remote: true, claudePath: "other-claude" },
			own: { remote: true, claudePath: "own-claude", env: { PATH: "/usr/bin:/bin:OWN" } } }, start: false,
	}, async (r) => {
		const fake = realpathSync(join(r.host.bin, "claude"));
		for (const dir of [join(r.host.home, "tools"), join(r.host.home, "own bin")])
			mkdirSync(dir);
		symlinkSync(fake, join(r.host.home, "tools", "my claude"));
		symlinkSync(fake, join(r.host.bin, "other-claude"));
		symlinkSync(fake, join(r.host.home, "own bin", "own-claude"));
		r.teams.own.env.PATH = `/usr/bin:/bin:${join(r.host.home, "own bin")}`;
		await r.start();
		for (const to of ["far", "home", "path", "own"])
			assert.equal(await r.answer("ECHO found", { to }), "found", to);
	});

	it("one session after the other, of two teams, on one host", { teams: { back: {}, far2: { remote: true, path: "~/other" } } }, async (r) => {
		r.host.project("other");
		const gates = ["a", "b", "c"].map((n) => r.gate(n));
		const ids = [];
		for (const [i, [text, who]] of [["one", {}], ["two", { from: "back" }], ["three", { to: "far2" }]].entries()) {
			ids.push(await r.send(`${gates[i].hold}\nECHO ${text}`, who));
			await r.iris.messageIn(ids[i], "seen");
		}
		assert.equal(r.host.processes(/bin\/claude -p/).length, 3);
		if (ssh2)
			assert.equal(r.host.connections(), 3);
		else
			assert.deepEqual([r.host.connections(), r.host.logins(), r.line.made], [1, 1, 1], "one connection for all");
		for (const g of gates.toReversed())
			g.open();
		for (const [i, id] of ids.entries())
			assert.match((await r.answered(id)).response, new RegExp(["one", "two", "three"][i]));
	});

	it("four sessions at the same moment", { teams: { b: {}, c: {}, far2: { remote: true } } }, async (r) => {
		const all = [["front", "far"], ["b", "far"], ["c", "far"], ["c", "far2"]];
		assert.deepEqual(await Promise.all(all.map(([from, to]) => r.answer(`ECHO ${from} ${to}`, { from, to }))), all.map((a) => a.join(" ")));
	});

	if (!ssh2)
		it("iris stop leaves no connection behind", async (r) => {
			await r.answer("ECHO hello");
			await r.iris.end(30000);
			await waitFor(() => r.host.connections() === 0 && r.lines().length === 0, { what: "the connection to end" });
		});

	if (!ssh2)
		it("more sessions than a connection may carry: the others get one of their own", { host: { config: ["MaxSessions 1"] }, teams: { b: {}, c: {} } }, async (r) => {
			const gate = r.gate();
			const ids = await Promise.all(["front", "b", "c"].map((from) => r.send(`${gate.hold}\nECHO for ${from}`, { from })));
			for (const id of ids)
				await r.iris.messageIn(id, "seen");
			gate.open();
			for (const id of ids)
				await r.answered(id);
		});

	it("a Claude over there asks a local team, in its turn, through the line it has", { teams: { near: {} } }, async (r) => {
		const a = await r.answer('TOOL ask_message {"toTeam":"near","message":"ECHO from here"}');
		assert.match(a, /"response": ?"from here"/);
		const list = (await r.iris.json(["message", "list"])).messages;
		const inner = list.find((m) => m.to === "near"), outer = list.find((m) => m.to === "far");
		assert.deepEqual([inner.from, inner.state, inner.parent, inner.root], ["far", "answered", outer.id, outer.id]);
		assert.deepEqual([r.host.logins(), r.line.made], [1, 1], "nothing else was connected");
	});

	it("a Claude over there asks another one over there", { teams: { far2: { remote: true } } }, async (r) => {
		assert.match(await r.answer('TOOL ask_message {"toTeam":"far2","message":"ECHO both far"}'), /"response": ?"both far"/);
	});

	it("a permission is asked of the person here: allowed, denied", async (r) => {
		const pending = () => waitFor(async () => (await r.iris.json(["approvals", "list"]))[0], { what: "a request", every: 25 });
		const one = await r.send("BASH printf made > made.txt; echo done");
		const p = await pending();
		assert.deepEqual([p.team, p.tool], ["far", "Bash"]);
		assert.equal(p.input.command, "printf made > made.txt; echo done");
		assert.ok(!existsSync(join(r.dir, "made.txt")));
		await r.iris.json(["approvals", "allow", p.id]);
		assert.match((await r.answered(one)).response, /done/);
		assert.equal(readFileSync(join(r.dir, "made.txt"), "utf8"), "made");
		const two = await r.send("BASH printf again > other.txt");
		await r.iris.json(["approvals", "deny", (await pending()).id, "not today"]);
		assert.match((await r.answered(two)).response, /not today/);
		assert.ok(!existsSync(join(r.dir, "other.txt")));
	});

	it("cancel ends the turn over there; the session and its process go on", async (r) => {
		await r.answer("ECHO before");
		const pid = r.host.processes(/bin\/claude -p/)[0].pid;
		const id = await r.send("SLOW 60000");
		await r.iris.messageIn(id, "seen");
		assert.equal((await r.iris.json(["message", "cancel", id])).state, "cancelled");
		assert.deepEqual((await r.iris.messageIn(id, "cancelled")).receipts.map((x) => x.state), ["queued", "sent", "seen", "cancelled"]);
		assert.equal(await r.answer("ECHO after"), "after");
		assert.equal(r.host.processes(/bin\/claude -p/)[0].pid, pid);
	});

	it("sleep ends it over there; the next question goes on in the same conversation", async (r) => {
		await r.answer("ECHO first");
		const { sessionId } = await there(r);
		assert.equal((await r.iris.iris(["team", "sleep", "far"])).status, 0);
		await r.host.assertIdle();
		await r.answer("ECHO second");
		assert.equal((await there(r)).sessionId, sessionId);
		const [file, ...others] = Object.keys(r.host.transcripts());
		assert.deepEqual(others, []);
		assert.ok(file.endsWith(`/${sessionId}.jsonl`));
		assert.equal(r.host.userLines().length, 2);
		assert.equal((await r.iris.iris(["team", "sleep", "far"])).status, 0);
		assert.equal((await r.iris.iris(["team", "wake", "far"])).status, 0);
		assert.equal(r.host.processes(/bin\/claude -p/).length, 1);
	});

	it("reboot: another conversation, awake; the old transcript is removed over there", async (r) => {
		await r.answer("ECHO before");
		const old = (await there(r)).sessionId;
		const b = await r.iris.call(await r.from("front"), "session_reboot", { toTeam: "far" });
		assert.deepEqual([b.isError, b.oldSessionId, b.processTerminated, b.transcriptRemoved], [false, old, true, true], JSON.stringify(b));
		assert.ok(!Object.keys(r.host.transcripts()).some((f) => f.includes(old)));
		assert.equal(await r.answer("ECHO after"), "after");
		assert.deepEqual(Object.keys(r.host.transcripts()).map((f) => f.includes(b.newSessionId)), [true]);
	});

	it("delete: process, conversation, transcript and what lies beside it", { teams: { back: {} } }, async (r) => {
		await r.answer("ECHO before");
		await r.answer("ECHO of another", { from: "back" });
		const all = await sessions(r.iris), old = all["front->far"].sessionId, kept = all["back->far"].sessionId;
		const file = Object.keys(r.host.transcripts()).find((f) => f.includes(old));
		mkdirSync(join(file.replace(/\.jsonl$/, ""), "tool-results"), { recursive: true });
		writeFileSync(join(file.replace(/\.jsonl$/, ""), "tool-results", "x"), "x");
		const d = await r.iris.call(await r.from("front"), "session_delete", { toTeam: "far" });
		assert.deepEqual([d.isError, d.hadSession, d.sessionId, d.transcriptRemoved], [false, true, old, true], JSON.stringify(d));
		assert.deepEqual([existsSync(file), existsSync(file.replace(/\.jsonl$/, ""))], [false, false]);
		assert.deepEqual(Object.keys(r.host.transcripts()).map((f) => f.includes(kept)), [true]);
		assert.equal(r.host.processes(/bin\/claude -p/).length, 1);
	});

	it("progress of a turn over there reaches who waits here", async (r) => {
		const said = [], gate = r.gate();
		const call = r.ask(`${gate.hold}\nECHO on`);
		const waiting = r.ask("ECHO behind it", { onprogress: (p) => said.push(p.message) });
		await waitFor(() => said.some((m) => /queued, place 2/.test(m)), { what: "the place in the queue" });
		gate.open();
		assert.match((await call).response, /on/);
		assert.equal((await waiting).response, "behind it");
		assert.ok(said.some((m) => /sent to team far|team far/.test(m)), said.join("; "));
	});

	it("what a Claude has left running over there ends with it, whatever it has done to hide", async (r) => {
		const id = await r.send("BASH setsid sleep 1000 >/dev/null 2>&1 < /dev/null & (setsid sh -c 'trap \"\" TERM HUP INT; sleep 1001 & wait; sleep 1002' >/dev/null 2>&1 < /dev/null &) ; echo left");
		await r.iris.json(["approvals", "allow", (await waitFor(async () => (await r.iris.json(["approvals", "list"]))[0], { every: 25 })).id]);
		await r.answered(id);
		await waitFor(() => r.host.processes(/sleep 100[01]/).length >= 2, { what: "the sleepers" });
		assert.equal((await r.iris.iris(["team", "sleep", "far"])).status, 0);
		await r.host.assertIdle();
	});

	it("much text both ways: 3 MB in a question, 1 MB in an answer", async (r) => {
		const text = "0123456789abcdef".repeat(3 << 16);
		const a = await r.answer(`ECHO ok\n${text}`);
		assert.equal(a, "ok");
		const long = "äöü€".repeat(1 << 16);
		assert.equal(await r.answer(`ECHO ${long}`), long);
		assert.equal(r.said(text.slice(0, 2000)), 1);
	});

	describe("ways to the host", { concurrency: 2 }, () => {
		const at = (remote, more = {}) => ({ remote, ...more });

		it("no alias: options in the team's remote, the user in front of the host, a URL", async (r) => {
			const { port } = r.line, { user } = r.host;
			r.configure({
				p: at(`ssh -p ${port} ${user}@127.0.0.1`), l: at(`ssh -l ${user} -p${port} -o "UserKnownHostsFile=${r.client.knownHosts}" 127.0.0.1`),
				url: at(`ssh://${user}@127.0.0.1:${port}`), bare: at("box"), options: at("127.0.0.1", { remoteOptions: { port } }),
			});
			await r.iris.json(["config", "check"]);
			process.kill(r.iris.daemon.pid, "SIGHUP");
			await waitFor(() => r.iris.log().includes("configuration reloaded"), { what: "the reload" });
			for (const to of ["p", "l", "url", "bare", "options"])
				assert.equal(await r.answer(`ECHO by ${to}`, { to }), `by ${to}`);
		});

		it("a key of its own with a passphrase: ours never asks, and it is on no command line", { start: false }, async (r) => {
			const key = makeKey(join(r.iris.root, "with passphrase"), { passphrase: "a 'very' $ecret \\ \"one\" ü" });
			r.options.identity = key.file;
			r.options.passphrase = "a 'very' $ecret \\ \"one\" ü";
			await r.start();
			r.host.refuseAll();
			r.host.authorize(key.pub);
			const gate = r.gate(), id = await r.send(`${gate.hold}\nECHO in`);
			await r.iris.messageIn(id, "seen");
			const shown = [...processesOf(r.iris.root), ...r.host.processes()].filter((p) => p.command.includes("$ecret"));
			assert.deepEqual(shown, []);
			assert.ok(!r.iris.log().includes("$ecret"));
			gate.open();
			assert.match((await r.answered(id)).response, /in/);
		});

		it("a wrong passphrase is said to be one, or at least the login fails in time", { start: false }, async (r) => {
			const key = makeKey(join(r.iris.root, "key"), { passphrase: "right" });
			Object.assign(r.options, { identity: key.file, passphrase: "wrong" });
			await r.start();
			r.host.refuseAll();
			r.host.authorize(key.pub);
			const f = await r.failure("ECHO never", { timeout: 25000 });
			assert.equal(f.code, "host", JSON.stringify(f));
			assert.match(f.error, /passphrase|box refuses the login/);
			assert.ok(!r.iris.log().includes("wrong\""));
		});

		it("a key that only the agent has", { start: false }, async (r) => {
			const agent = await startAgent(r.iris.root);
			try {
				const key = makeKey(join(r.iris.root, "in_agent"));
				agent.add(key);
				r.iris.env.SSH_AUTH_SOCK = agent.socket;
				await r.start();
				r.client.host("box", { HostName: "127.0.0.1", Port: r.line.port, User: r.host.user, IdentitiesOnly: "no", IdentityFile: "none" });
				r.host.refuseAll();
				r.host.authorize(key.pub);
				assert.equal(await r.answer("ECHO by agent"), "by agent");
				assert.equal(await r.answer("ENV SSH_AUTH_SOCK"), "SSH_AUTH_SOCK=(unset)", "it is not forwarded unasked");
			} finally {
				await r.iris.end(30000);
				await agent.stop();
			}
		});

		it("the agent is forwarded where that is wanted", { start: false, options: { forwardAgent: true } }, async (r) => {
			const agent = await startAgent(r.iris.root);
			try {
				r.iris.env.SSH_AUTH_SOCK = agent.socket;
				await r.start();
				const said = await r.answer("ENV SSH_AUTH_SOCK");
				assert.match(said, /^SSH_AUTH_SOCK=\//);
				assert.notEqual(said, `SSH_AUTH_SOCK=${agent.socket}`);
			} finally {
				await r.iris.end(30000);
				await agent.stop();
			}
		});

		it("by way of another machine (ProxyJump)", { start: false }, async (r) => {
			await r.start();
			const hop = await r.another();
			hop.authorize(r.client.key.pub);
			r.client.host("hop", { HostName: "127.0.0.1", Port: hop.port, User: hop.user });
			r.client.know(hop.port, hop.hostKey);
			r.client.host("box", { HostName: "127.0.0.1", Port: r.line.port, User: r.host.user, ProxyJump: "hop" });
			assert.equal(await r.answer("ECHO over two"), "over two");
			assert.equal(await r.answer("ENV IRIS_TEST_HOST"), `IRIS_TEST_HOST=${r.host.root}`);
			assert.deepEqual([hop.logins(), r.host.logins()], [1, 1]);
			await r.iris.end(30000);
			await r.endMasters();
			await waitFor(() => hop.connections() === 0 && r.host.connections() === 0, { what: "both machines to be left" });
		});

		it("extraSshArgs and compression are in force", { options: { compression: true } }, async (r) => {
			r.client.forgetHosts();
			appendFileSync(r.client.knownHosts, `known-by-alias ${r.host.hostKey.pub}\n`);
			r.configure({ alias: { remote: "ssh box", remoteOptions: { extraSshArgs: ["-o", "HostKeyAlias=known-by-alias"] } } });
			process.kill(r.iris.daemon.pid, "SIGHUP");
			await waitFor(() => r.iris.log().includes("configuration reloaded"), { what: "the reload" });
			assert.equal(await r.answer("ECHO alias", { to: "alias" }), "alias");
			assert.equal((await r.failure("ECHO no")).code, "host");
		});

		it("strictHostKeyChecking false: a new host is recorded once, and then it counts", { options: { strictHostKeyChecking: false } }, async (r) => {
			r.client.forgetHosts();
			assert.equal(await r.answer("ECHO new"), "new");
			const [line, ...more] = readFileSync(r.client.knownHosts, "utf8").split("\n").filter(Boolean);
			assert.deepEqual(more, []);
			assert.match(line, new RegExp(`^\\[127\\.0\\.0\\.1\\]:${r.line.port} ssh-ed25519 `));
			assert.ok(line.includes(r.host.hostKey.pub.split(" ")[1]));
			assert.equal((await r.iris.iris(["team", "sleep", "far"])).status, 0);
			r.host.newHostKey();
			await r.host.kill();
			await r.host.start();
			const f = await r.failure("ECHO no");
			assert.equal(f.code, "host", JSON.stringify(f));
			assert.ok(f.error.includes(fingerprint(r.host.hostKey.pub)), f.error);
		});
	});

	it("iris remote check: each step, in order, each with its time", async (r) => {
		const c = await r.iris.json(["remote", "check", "far"]);
		const one = Array.isArray(c) ? c[0] : c.teams?.[0] ?? c;
		assert.equal(one.ok, true, JSON.stringify(c));
		assert.deepEqual(one.steps.map((s) => s.name), ["resolve", "connect", "hostkey", "login", "directory", "claude", "storage"]);
		assert.ok(one.steps.every((s) => s.ok && s.ms >= 0), JSON.stringify(one.steps));
		assert.match(one.steps.find((s) => s.name === "claude").detail, /2\.1\.330/);
		const text = await r.iris.iris(["remote", "check", "far"]);
		assert.equal(text.status, 0, text.stdout + text.stderr);
		assert.equal(r.host.userLines().length, 0, "it asks no Claude anything");
		await r.host.assertIdle();
	});

	it("fork: the command, exactly; in a terminal it goes on over there", { start: false }, async (r) => {
		const name = "fork 'it' $HOME";
		r.host.project(name);
		r.team.path = `~/${name}`;
		await r.start();
		await r.answer("ECHO before");
		const { sessionId } = await there(r);
		const printed = await r.iris.iris(["session", "fork", "--from", "front", "--print", "far"]);
		assert.equal(printed.status, 0, printed.stderr);
		const q = (text) => `'${text.replaceAll("'", "'\\''")}'`;
		assert.equal(printed.stdout, `ssh -t -- box ${q(`cd ~/${q(name)} && ${["claude", "--resume", sessionId, "--fork-session"].map(q).join(" ")}`)}\n`);
		r.host.install(null, `#!/bin/sh\nprintf '<%s>' "$PWD" "$@"; [ ! -t 0 ] || printf '<terminal>'; exit 7\n`);
		/* An sshd of somebody who is not root can give nobody a terminal. */
		const root = userInfo().uid === 0, command = printed.stdout.trim().replace("ssh -t", root ? "ssh -t" : "ssh -T");
		const ran = await run("script", ["-qec", command, "/dev/null"], {
			env: { ...r.iris.env, TERM: "xterm", SHELL: "/bin/sh" }, cwd: r.iris.root, deadline: 60000 });
		assert.match(ran.stdout, new RegExp(`<${join(r.host.home, name).replace(/[$]/g, "\\$&")}><--resume><${sessionId}><--fork-session>${root ? "<terminal>" : ""}`), printed.stdout + ran.stdout + ran.stderr);
		assert.equal(ran.status, 7);
	});
});
