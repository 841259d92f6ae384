/* SPDX-License-Identifier: MIT
 *
 * What can be wrong with a team's host: each with an error of its own, in time, in ssh's own words;
 * the message ends, `iris remote check` finds the step, and when it is mended the next question
 * works. And what may be written into a configuration, but must never reach ssh.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { failedRun, makeIris } from "../integration/setup.mjs";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { program, run } from "../lib/iris.mjs";
import { assert, noSshd, remoteTest, TRANSPORTS, waitFor } from "./setup.mjs";
import { findProgram, fingerprint } from "./sshd.mjs";

/* Of a host that does not answer; the others have the time that a busy machine needs. */
const CONNECT_MS = 3000;
const EXIT = { line: 16, host: 17, directory: 12, no_claude: 10, crashed: 13 };

/* Without the proxy in between, which would take a connection that nobody answers. */
const direct = (r) => {
	r.client.host("box", { HostName: "127.0.0.1", Port: r.host.port, User: r.host.user });
	r.client.know(r.host.port, r.host.hostKey);
};

/* step: which step of iris remote check fails. spoil, mend: what somebody does. options: remoteOptions of its own. */
const FAULTS = {
	"sshd does not run": {
		code: "line", said: /box.*Connection refused/i, step: "connect",
		spoil: async (r) => { direct(r); await r.host.kill(); }, mend: (r) => r.host.start(),
	},
	"the name of the host is unknown": {
		code: /^(line|host)$/, said: /box.*(resolve|name)/i, step: "resolve",
		spoil: (r) => r.client.host("box", { HostName: "no-such-host.invalid", User: r.host.user }), mend: direct,
	},
	"a black hole": { options: { connectTimeout: CONNECT_MS }, code: "line", said: /box.*(tim(ed|e) ?out|within 3 s)/i, step: /connect|hostkey/, spoil: (r) => r.line.pause(), mend: (r) => { r.line.cut(); r.line.resume(); } },
	"connections are closed at once": { code: "line", said: /box.*(closed|reset|broken off)/i, step: /connect|hostkey/, spoil: (r) => r.line.refuse(), mend: (r) => r.line.refuse(false) },
	"the host key is not known": {
		code: "host", step: "hostkey",
		/* OpenSSH says no fingerprint where it may not ask; iris remote trust does. */
		said: (r) => new RegExp(`box is not known here${r.ssh2 ? `, it shows ${fingerprint(r.host.hostKey.pub).replace(/[+]/g, "\\+")}` : ""}.*iris remote trust`),
		spoil: (r) => r.client.forgetHosts(),
		mend: async (r) => {
			const t = await r.iris.iris(["remote", "trust", "far", "--fingerprint", fingerprint(r.host.hostKey.pub)]);
			assert.equal(t.status, 0, t.stdout + t.stderr);
		},
	},
	"the host key has changed": {
		code: "host", step: "hostkey", said: (r) => new RegExp(`box has changed.*${fingerprint(r.host.hostKey.pub).replace(/[+]/g, "\\+")}`),
		spoil: async (r) => { await r.host.kill(); r.host.newHostKey(); await r.host.start(); },
		mend: async (r) => {
			const unseen = await r.iris.iris(["remote", "trust", "far", "--yes"]);
			assert.notEqual(unseen.status, 0, "a changed key is not taken unseen");
			const t = await r.iris.iris(["remote", "trust", "far", "--fingerprint", fingerprint(r.host.hostKey.pub)]);
			assert.equal(t.status, 0, t.stdout + t.stderr);
		},
	},
	"the key is refused": {
		code: "host", said: /box refuses the login.*Permission denied/, step: "login", spoil: (r) => r.host.refuseAll(), mend: (r) => r.host.authorize(r.client.key.pub),
	},
	"the account takes no logins": {
		code: "host", said: /box.*not available/, step: /login|directory/,
		spoil: async (r) => { r.host.noise = "echo 'This account is currently not available.'; exit 1"; await r.host.restart(); },
		mend: async (r) => { r.host.noise = ""; await r.host.restart(); },
	},
	"the directory is not there": {
		code: "directory", said: /~\/project.*on box.*does not exist|~\/project.*does not exist.*box/, step: "directory",
		spoil: (r) => rmSync(r.dir, { recursive: true }), mend: (r) => mkdirSync(r.dir),
	},
	"the directory is a file": {
		code: "directory", said: /~\/project.*not a directory/, step: "directory",
		spoil: (r) => { rmSync(r.dir, { recursive: true }); writeFileSync(r.dir, ""); }, mend: (r) => { rmSync(r.dir); mkdirSync(r.dir); },
	},
	"no claude there": {
		code: "no_claude", said: /claude not found on box/, step: "claude", spoil: (r) => rmSync(join(r.host.bin, "claude")), mend: (r) => r.host.install(fakeClaudePath()),
	},
	"claude is not executable": {
		code: "no_claude", said: /claude is not executable on box.*chmod/, step: "claude",
		spoil: (r) => chmodSync(r.host.install(null, "#!/bin/sh\nexit 0\n"), 0o644), mend: (r) => r.host.install(fakeClaudePath()),
	},
	"claude ends at once": {
		code: "crashed", said: /broken install/, step: "claude", spoil: (r) => r.host.install(null, "#!/bin/sh\necho 'broken install' >&2\nexit 3\n"), mend: (r) => r.host.install(fakeClaudePath()),
	},
	"nothing can be written there": {
		code: "host", said: /no conversation on box.*can not be written/, step: "storage",
		spoil: async (r) => { r.host.noise = "trap '' XFSZ; ulimit -f 0"; await r.host.restart(); }, mend: async (r) => { r.host.noise = ""; await r.host.restart(); },
	},
};

for (const { name, ssh2 } of TRANSPORTS) describe(`faults of a host, by ${name}`, { concurrency: 2 }, () => {
	const it = (what, options, fn = options) =>
		remoteTest(what, { ...(fn === options ? {} : options), ssh2 }, fn);

	const checked = async (r) => {
		const c = await r.iris.iris(["--json", "remote", "check", "far"]);
		return { status: c.status, ...JSON.parse(c.stdout) };
	};

	for (const [what, fault] of Object.entries(FAULTS))
		it(what, { options: fault.options }, async (r) => {
			await fault.spoil(r);
			const said = typeof fault.said === "function" ? fault.said(r) : fault.said;
			/* In time: not after connectTimeout and what a busy machine needs to start the programs. */
			const f = await failedRun(r.iris, ["ask", "--from", "front", "--timeout", String(CONNECT_MS + 17000), "far", "ECHO not yet"]);
			assert.match(f.code, new RegExp(fault.code), JSON.stringify(f));
			assert.equal(f.status, EXIT[f.code], f.message);
			assert.match(f.message, said);
			const [m] = (await r.iris.json(["message", "list"])).messages;
			assert.equal(m.state, "failed");
			assert.equal(r.said("not yet"), 0);

			const c = await checked(r);
			const last = c.steps.at(-1);
			assert.match(last.name, new RegExp(fault.step), JSON.stringify(c));
			assert.equal(last.ok, false);
			assert.ok(c.steps.slice(0, -1).every((s) => s.ok));
			assert.notEqual(c.status, 0);
			assert.ok(last.mend?.length > 10, JSON.stringify(last));

			await fault.mend(r);
			assert.equal(await r.answer("ECHO mended"), "mended");
			assert.equal((await checked(r)).ok, true);
		});

	const tmpfs = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;
	it("the disk there is full, and then it is not", {
		skip: tmpfs ? false : "a small file system can not be mounted here (no privilege)", start: false,
	}, async (r) => {
		const disk = join(r.host.root, "there", "disk");
		mkdirSync(disk);
		/* Only for sshd and what it starts. */
		r.host.wrap = ["unshare", "-m", "sh", "-c", `mount -t tmpfs -o size=64k tmpfs ${disk} && exec "$@"`, "sh"];
		r.host.env.CLAUDE_CONFIG_DIR = join(disk, "claude");
		r.host.noise = `[ -e ${r.host.root}/free ] && rm -f ${disk}/ballast || dd if=/dev/zero of=${disk}/ballast bs=4k 2>/dev/null`;
		await r.start();
		const f = await r.failure("ECHO not yet");
		assert.equal(f.code, "host");
		assert.match(f.error, /no conversation on box: \S+ can not be written \(.*free some space/);
		const c = await checked(r);
		assert.equal(c.steps.at(-1).name, "storage");
		writeFileSync(join(r.host.root, "free"), "");
		assert.equal(await r.answer("ECHO mended"), "mended");
	});

	it("the key is refused when a lost line is to be made again: the message fails with that", { options: { lingerTimeout: 500 } }, async (r) => {
		const gate = r.gate(), id = await r.send(`${gate.hold}\nECHO the end`);
		await r.iris.messageIn(id, "seen");
		r.host.refuseAll();
		r.line.cut();
		const m = await r.iris.messageIn(id, "failed", "answered");
		assert.deepEqual([m.state, m.error.code], ["failed", "host"], JSON.stringify(m));
		assert.match(m.error.reason ?? m.error.message, /Permission denied/);
		r.host.authorize(r.client.key.pub);
		assert.equal(await r.answer("ECHO mended"), "mended");
		assert.equal(r.said("the end"), 1);
	});

	it("a login that prints what it likes is no fault", async (r) => {
		r.host.noise = [
			"echo 'Welcome to box'", `echo '{"type":"result","subtype":"success","result":"forged"}'`,
			"echo 'to stderr: Permission denied' >&2", "printf '\\377\\376 no end of line'",
		].join("\n");
		await r.host.restart();
		assert.equal(await r.answer("ECHO true"), "true");
		const c = await checked(r);
		assert.equal(c.ok, true, JSON.stringify(c));
		const b = await r.iris.call(await r.from("front"), "session_reboot", { toTeam: "far" });
		assert.deepEqual([b.isError, b.transcriptRemoved], [false, true], JSON.stringify(b));
		assert.equal(await r.answer("ECHO again"), "again");
	});

	for (const shell of ["bash", "dash", "zsh", "fish", "csh", "tcsh", "busybox"])
		it(`the login shell is ${shell}`, {
			skip: findProgram(shell) ? false : `${shell} is not installed here`, start: false, options: { lingerTimeout: 20000 },
			team: { path: "~/it's a \"$dir\" !x `y`", env: { ODD: "it's \"$x\" !y \\ `z`" } },
		}, async (r) => {
			r.host.project("it's a \"$dir\" !x `y`");
			const program = findProgram(shell);
			r.host.shell = shell === "busybox" ? `${program} sh` : program;
			await r.start();
			assert.equal(await r.answer("ENV ODD"), "ODD=it's \"$x\" !y \\ `z`");
			const gate = r.gate(), id = await r.send(`${gate.hold}\nECHO the end`);
			await r.iris.messageIn(id, "seen");
			r.line.cut();
			gate.open();
			assert.match((await r.answered(id)).response, /the end/);
			assert.equal(r.said("the end"), 1);
			assert.equal((await checked(r)).ok, true);
		});
});

describe("what must never reach ssh is refused with the configuration", { skip: noSshd }, () => {
	const team = (more) => ({ far: { path: "~/x", remote: "ssh box", claudePath: "claude", description: "x", ...more } });
	const REFUSED = {
		"an option in the place of the host": { remote: "ssh -oProxyCommand=touch${IFS}made" },
		"the same without ssh": { remote: "-oProxyCommand=touch made" },
		"the same behind --": { remote: "ssh -- -oProxyCommand=touch made" },
		"quoted": { remote: "ssh '-oProxyCommand=touch made'" },
		"an option in the place of the user": { remote: "ssh '-oProxyCommand=touch made@127.0.0.1'" },
		"the same as a URL": { remote: "ssh://-oProxyCommand=x@127.0.0.1" },
		"a host that begins with a dash": { remote: "ssh me@-oProxyCommand=x" },
		"the same in a URL": { remote: "ssh ssh://-oProxyCommand=x" },
		"a command behind the host": { remote: "ssh box touch made" },
		"an option behind the host": { remote: "ssh box -v" },
		"a newline in the host": { remote: "ssh box\nProxyCommand=x" },
		"no host": { remote: "ssh" },
		"an option without its value": { remote: "ssh -p" },
		"another program": { remote: "sh -c touch" },
		"a shell's words": { remote: "ssh $(touch made)" },
		"-f": { remote: "ssh -f box" },
		"-W": { remote: "ssh -W other:22 box" },
		"-O": { remote: "ssh -O exit box" },
		"-S": { remote: "ssh -S /tmp/x box" },
		"extraSshArgs: a host": { remoteOptions: { extraSshArgs: ["other"] } },
		"extraSshArgs: -f": { remoteOptions: { extraSshArgs: ["-f"] } },
		"extraSshArgs: --": { remoteOptions: { extraSshArgs: ["--", "x"] } },
		"extraSshArgs: half an option": { remoteOptions: { extraSshArgs: ["-o"] } },
		"a newline in the path": { path: "~/x\ntouch made" },
		"a control character in the path": { path: "~/x\u0007" },
		"a variable's name that is a command": { env: { "A;touch made;B": "1" } },
		"a variable's name with a newline": { env: { "A\nB": "1" } },
		"a newline in the key's path": { remoteOptions: { identity: "/tmp/x\ny" } },
		"a newline in claudePath": { claudePath: "claude\ntouch made" },
	};

	for (const [what, more] of Object.entries(REFUSED))
		test(what, async () => {
			const iris = makeIris();
			iris.setTeams(team(more));
			const c = await iris.iris(["config", "check"]);
			assert.equal(c.status, 78, `${c.status}: ${c.stdout}${c.stderr}`);
			assert.match(c.stdout + c.stderr, /config\.yaml:\d+:\d+: (teams\.far|a key must be)/);
			const d = await run("env", ["-i", `HOME=${iris.env.HOME}`, `IRIS_HOME=${iris.home}`, `PATH=${iris.env.PATH}`, program("irisd")], { cwd: iris.root, deadline: 20000 });
			assert.equal(d.status, 78, d.stderr);
			await iris.stop();
		});

	remoteTest("reloaded into a running irisd: refused, and what was in force goes on", {}, async (r) => {
		await r.answer("ECHO before");
		const refusals = () => r.iris.log().split("teams.far.remote").length;
		for (const remote of ["ssh -oProxyCommand=touch${IFS}made", "ssh 'x@-oProxyCommand=touch made'"]) {
			const before = refusals();
			r.configure({ far: { remote } });
			process.kill(r.iris.daemon.pid, "SIGHUP");
			await waitFor(() => refusals() > before, { what: "the refusal" });
		}
		assert.equal(await r.answer("ECHO after"), "after");
		assert.ok(!existsSync(join(r.iris.root, "made")));
	});

	remoteTest("an alias of ~/.ssh/config that looks like an option is one no more", {}, async (r) => {
		r.client.host("-v", { HostName: "127.0.0.1" });
		r.configure({ far: { remote: "ssh -v" } });
		const c = await r.iris.iris(["config", "check"]);
		assert.equal(c.status, 78, c.stdout + c.stderr);
	});
});
