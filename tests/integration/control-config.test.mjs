/* SPDX-License-Identifier: MIT
 *
 * config.yaml read, checked and changed by control calls: what is not changed stays byte for byte,
 * what can not be used is refused with its place, and irisd and the file always say the same.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { assert, claudes, connectRaw, makeIris, waitFor } from "./setup.mjs";

const sha = (text) => createHash("sha256").update(text).digest("hex");

describe("the configuration by control calls", () => {
	let iris, config, raw;

	const read = () => readFileSync(config, "utf8");
	const write = (text) => writeFileSync(config, text);
	const base = () => `# mine
dashboard: {enabled: false} # no pages

settings:
  claudePath: ${fakeClaudePath()}   # the fake
  maxProcesses: 5
# those who work
teams:
  asker: # asks
    path: ${iris.project("asker")}
    description: "Grüße: die Fragende"

  b:
    path: "${iris.project("b")}"   # here
    env: {TOKEN: s3cret, OTHER: x}
    # comments of b
    addDirs:
    - ${iris.project("one")} # first
    - ${iris.project("two")}
`;
	const call = async (method, params = {}) => {
		const r = await raw.request(`iris/${method}`, params);
		assert.equal(r.error, undefined, `${method}: ${JSON.stringify(r.error)}`);
		return r.result;
	};
	const failed = async (method, params = {}) => {
		const r = await raw.request(`iris/${method}`, params);
		assert.notEqual(r.error, undefined, `${method} was expected to fail: ${JSON.stringify(r.result)}`);
		return { code: r.error.data.code, message: r.error.message, ...r.error.data };
	};
	const names = async () => (await call("team.list")).teams.map((t) => t.name);
	/* The lines that the file has lost and got, in order. */
	const lines = (before, after) => {
		const a = before.split("\n"), b = after.split("\n");
		while (a.length > 0 && b.length > 0 && a[0] === b[0]) { a.shift(); b.shift(); }
		while (a.length > 0 && b.length > 0 && a.at(-1) === b.at(-1)) { a.pop(); b.pop(); }
		return [a, b];
	};

	beforeEach(async () => {
		iris = makeIris();
		config = join(iris.home, "config.yaml");
		write(base());
		await iris.start();
		raw = await connectRaw(iris, { role: "ctl" });
	});
	afterEach(async () => {
		raw.socket.destroy();
		await iris.stop();
	});

	test("get: the text, its hash, and its values as they stand there; secrets are masked in these only", async () => {
		const o = await call("config.get");
		assert.deepEqual([o.path, o.exists, o.writable, o.yaml, o.etag], [config, true, true, read(), sha(read())]);
		assert.deepEqual(o.config.settings, { claudePath: fakeClaudePath(), maxProcesses: 5 });
		assert.deepEqual(o.config.dashboard, { enabled: false });
		assert.deepEqual(o.config.teams.b.env, { TOKEN: "********", OTHER: "********" });
		assert.equal(o.config.teams.asker.description, "Grüße: die Fragende");
		assert.deepEqual([o.errors, o.warnings], [[], []]);
	});

	test("get: variables are not expanded, and a file that is wrong is shown all the same", async () => {
		write(`settings: {maxProcesses: "\${MAXP:-7}", idleTimeout: "12"}\nteams:\n  a: {path: /tmp, remoteOptions: {passphrase: p}}\n  b: {colour: red}\n`);
		let o = await call("config.get");
		assert.deepEqual(o.config.settings, { maxProcesses: "${MAXP:-7}", idleTimeout: 12 });
		assert.equal(o.config.teams.a.remoteOptions.passphrase, "********");
		assert.deepEqual(o.errors.map((e) => [e.line, e.column, e.key]), [[4, 3, "teams.b"]]);
		write("teams: [\n");
		o = await call("config.get");
		assert.equal(o.config, null);
		assert.equal(o.yaml, "teams: [\n");
		assert.equal(o.errors.length, 1);
		assert.equal(o.errors[0].line, 2);
	});

	test("check: every wrong value with its place, and nothing is written", async () => {
		const before = read();
		const yaml = before.replace("maxProcesses: 5", "maxProcesses: many\n  idleTimeout: -1").replace("env: {TOKEN: s3cret, OTHER: x}", "color: red")
			.replace("asker: # asks", "asker:\n    modle: x");
		const o = await call("config.check", { yaml });
		assert.equal(o.valid, false);
		assert.deepEqual(o.errors.map((e) => e.key), ["settings.maxProcesses", "settings.idleTimeout", "teams.b.color"]);
		for (const e of o.errors) {
			const at = yaml.split("\n")[e.line - 1].slice(e.column - 1);
			assert.match(at, /^(many|-1|red)/, `${e.line}:${e.column}`);
			assert.doesNotMatch(e.message, /^\//, "the place is not in the text again");
		}
		assert.equal(read(), before);
		assert.equal(existsSync(`${config}.bak`), false);
	});

	test("check: what would change, as a unified difference; warnings with their keys", async () => {
		const o = await call("config.check", { config: { settings: { maxProcesses: 6, maxProcess: 1 } } });
		assert.equal(o.valid, true);
		assert.deepEqual(o.warnings.map((w) => [w.key, w.line]), [["settings.maxProcess", 7]]);
		assert.match(o.diff, /^--- config\.yaml\n\+\+\+ config\.yaml\n@@ -3,7 \+3,8 @@\n/);
		assert.match(o.diff, /\n-  maxProcesses: 5\n\+  maxProcesses: 6\n\+  maxProcess: 1\n/);
		assert.equal(o.yaml, read().replace("maxProcesses: 5", "maxProcesses: 6\n  maxProcess: 1"));
		assert.equal(o.etag, sha(read()));
		assert.deepEqual(await call("config.check", { config: {} }).then((r) => [r.valid, r.diff]), [true, ""]);
	});

	test("put: what is not sent is kept, comments survive, irisd has it at once", async () => {
		const before = read();
		const { etag } = await call("config.get");
		const o = await call("config.put", { etag, config: { settings: { maxProcesses: 6, maxQueue: 9 }, teams: { b: { model: "opus", env: { OTHER: null } } } } });
		assert.equal(read(), before.replace("maxProcesses: 5", "maxProcesses: 6\n  maxQueue: 9").replace("env: {TOKEN: s3cret, OTHER: x}", "env: {TOKEN: s3cret}")
			.replace(/$/, `    model: opus\n`));
		assert.deepEqual([o.yaml, o.etag], [read(), sha(read())]);
		assert.deepEqual(o.changed, ["b"]);
		assert.deepEqual(o.settings.map((s) => [s.name, s.old, s.new]), [["settings.maxProcesses", "5", "6"], ["settings.maxQueue", "1000", "9"]]);
		assert.equal((await call("daemon.status")).pool.max, 6);
		assert.equal(readFileSync(`${config}.bak`, "utf8"), before);
		assert.equal(statSync(config).mode & 0o777, statSync(`${config}.bak`).mode & 0o777);
	});

	test("put: what get has shown, sent back, changes nothing, masks included", async () => {
		const before = read();
		const o = await call("config.get");
		const r = await call("config.put", { etag: o.etag, config: o.config });
		assert.equal(read(), before);
		assert.deepEqual([r.added, r.removed, r.changed, r.settings], [[], [], [], []]);
		assert.equal(existsSync(`${config}.bak`), false, "nothing was written");
		o.config.teams.b.env.TOKEN = "new";
		await call("config.put", { config: o.config });
		assert.equal(read(), before.replace("s3cret", "new"));
		const e = await failed("config.put", { config: { teams: { asker: { env: { NEW: "********" } } } } });
		assert.equal(e.code, "invalid");
		assert.match(e.message, /NEW: "\*{8}" stands for a value that is kept/);
	});

	test("put: a whole text wants the etag of the one that it replaces", async () => {
		const before = read(), yaml = before.replace("maxProcesses: 5", "maxProcesses: 8");
		assert.equal((await failed("config.put", { yaml })).code, "invalid");
		const e = await failed("config.put", { yaml, etag: sha("other") });
		assert.deepEqual([e.code, e.etag], ["refused", sha(before)]);
		assert.equal(read(), before);
		const r = await call("config.put", { yaml, etag: sha(before) });
		assert.deepEqual(r.settings.map((s) => s.name), ["settings.maxProcesses"]);
		assert.equal(read(), yaml);
	});

	test("put: a file that was changed behind our back is noticed", async () => {
		const { etag } = await call("config.get");
		write(`${base()}# theirs\n`);
		const e = await failed("config.put", { etag, config: { settings: { maxProcesses: 9 } } });
		assert.deepEqual([e.code, e.etag], ["refused", sha(read())]);
		assert.match(read(), /# theirs\n$/);
		/* Without an etag the change is made in theirs. */
		await call("config.put", { config: { settings: { maxProcesses: 9 } } });
		assert.equal(read(), `${base()}# theirs\n`.replace("maxProcesses: 5", "maxProcesses: 9"));
	});

	test("put: what would not load is refused with all places; file and irisd stay as they are", async () => {
		const before = read();
		const e = await failed("config.put", { config: { settings: { maxProcesses: 0, logLevel: "loud" } } });
		assert.equal(e.code, "config");
		assert.deepEqual(e.errors.map((x) => x.key), ["settings.maxProcesses", "settings.logLevel"]);
		assert.equal(e.errors[0].line, before.split("\n").findIndex((l) => l.includes("maxProcesses")) + 1);
		assert.equal(e.errors[0].column, 17);
		assert.equal(read(), before);
		assert.equal((await call("daemon.status")).pool.max, 5);
		assert.equal((await failed("config.put", { yaml: "a: [", etag: sha(before) })).code, "config");
		assert.equal((await failed("config.put", { yaml: "x".repeat(1024 * 1024 + 1), etag: sha(before) })).code, "invalid");
		assert.equal((await failed("config.put", {})).code, "invalid");
		assert.equal(read(), before);
	});

	test("put: when irisd does not take what the check took, the old text comes back", async () => {
		const before = read();
		/* An empty text is a good configuration, but no wish to be rid of every team. */
		const e = await failed("config.put", { yaml: "", etag: sha(before) });
		assert.match(e.message, /the old file is back: .*is empty/);
		assert.equal(read(), before);
		assert.deepEqual(await names(), ["asker", "b"]);
		assert.deepEqual((await call("daemon.status")).warnings, []);
	});

	test("what is no text of lines: anchors and aliases are refused with their place, the rest beside them is edited", async () => {
		const text = `${base()}    remoteOptions: &ro {port: 22}\n  c:\n    path: ${iris.project("c")}\n    remoteOptions: *ro\n`;
		write(text);
		const at = (part) => text.split("\n").findIndex((l) => l.includes(part)) + 1;
		let e = await failed("config.put", { config: { teams: { c: { remoteOptions: { port: 23 } } } } });
		assert.equal(e.code, "config");
		assert.equal(e.errors[0].line, at("*ro"));
		assert.match(e.errors[0].message, /alias .*edit the file by hand/);
		e = await failed("config.put", { config: { teams: { b: { remoteOptions: { port: 23 } } } } });
		assert.equal(e.errors[0].line, at("&ro"));
		assert.equal(read(), text);
		await call("config.put", { config: { teams: { c: { model: "m", remoteOptions: { port: 22 } } } } });
		assert.equal(read(), `${text}    model: m\n`);
	});

	test("line ends, a byte order mark, and no line end at the end stay as they are", async () => {
		const text = `\ufeff${base().replaceAll("\n", "\r\n").trimEnd()}`;
		write(text);
		await call("config.put", { config: { settings: { maxProcesses: 6, maxQueue: 3 }, teams: { b: { description: "Füße: \u{1f600}\nzwei" } } } });
		assert.equal(read(), `${text.replace("maxProcesses: 5", "maxProcesses: 6\r\n  maxQueue: 3")}\r\n    description: |-\r\n      Füße: \u{1f600}\r\n      zwei`);
		assert.equal((await call("team.show", { team: "b" })).description, "Füße: \u{1f600}\nzwei");
	});

	test("a file that is JSON stays JSON", async () => {
		const o = { dashboard: { enabled: false }, settings: { claudePath: fakeClaudePath() }, teams: { a: { path: iris.project("a") } } };
		write(JSON.stringify(o, null, 2));
		await call("config.put", { config: { settings: { maxQueue: 5 }, teams: { a: { model: "x, y" }, n: { path: iris.project("n"), env: { A: "1" } } } } });
		o.settings.maxQueue = 5;
		o.teams.a.model = "x, y";
		o.teams.n = { path: iris.project("n"), env: { A: "1" } };
		assert.deepEqual(JSON.parse(read()), o);
		await call("team.remove", { team: "a" });
		delete o.teams.a;
		assert.deepEqual(JSON.parse(read()), o);
	});

	test("no file yet: one is made; a link stays a link", async () => {
		await call("team.remove", { team: "asker" });
		await call("team.remove", { team: "b" });
		assert.match(read(), /^teams: \{\}$/m);
		unlinkSync(config);
		let o = await call("config.get");
		assert.deepEqual([o.exists, o.yaml, o.etag, o.config], [false, "", sha(""), {}]);
		await call("team.add", { team: "a", values: { path: iris.project("a") } });
		assert.equal(read(), `teams:\n  a:\n    path: ${iris.project("a")}\n`);
		assert.equal(statSync(config).mode & 0o777, 0o600);
		renameSync(config, join(iris.root, "real.yaml"));
		symlinkSync(join(iris.root, "real.yaml"), config);
		await call("team.edit", { team: "a", values: { model: "m" } });
		assert.equal(lstatSync(config).isSymbolicLink(), true);
		assert.match(readFileSync(join(iris.root, "real.yaml"), "utf8"), /^ {4}model: m$/m);
		assert.equal(existsSync(join(iris.root, "real.yaml.bak")), true);
	});

	test("a directory that can not be written in: nothing changes, and get says so", { skip: process.getuid() === 0 && "root writes everywhere" }, async () => {
		const before = read();
		const real = join(iris.project("locked"), "c.yaml");
		writeFileSync(real, before);
		unlinkSync(config);
		symlinkSync(real, config);
		chmodSync(join(real, ".."), 0o500);
		try {
			assert.equal((await call("config.get")).writable, false);
			assert.equal((await failed("config.put", { config: { settings: { maxQueue: 3 } } })).code, "io");
			assert.equal(read(), before);
		} finally {
			chmodSync(join(real, ".."), 0o700);
		}
	});

	test("a backup that can not be made: nothing changes", async () => {
		const before = read();
		mkdirSync(`${config}.bak`);
		const e = await failed("config.put", { config: { settings: { maxQueue: 3 } } });
		assert.equal(e.code, "io");
		assert.match(e.message, /config\.yaml\.bak: can not be replaced/);
		assert.equal(read(), before);
		assert.deepEqual(readdirSync(iris.home).filter((f) => f.startsWith("config.yaml.")), ["config.yaml.bak"]);
	});

	test("a team is added, changed and removed; irisd has it at once", async () => {
		const before = read(), dir = iris.project("new dir");
		const added = await call("team.add", { team: "new", values: { path: dir, description: "what: it knows", color: "#00ff00", grantPermission: "yes",
			env: { A: "1" }, allowedTools: ["Read", "Bash(git log:*)"], remoteOptions: { passphrase: "${PASS:-x}" } } });
		assert.deepEqual([added.name, added.path, added.description, added.color], ["new", dir, "what: it knows", "#00ff00"]);
		const [lost, got] = lines(before, read());
		assert.deepEqual(lost, []);
		assert.deepEqual(got, ["  new:", `    path: ${dir}`, `    description: "what: it knows"`, `    color: "#00ff00"`, `    grantPermission: "yes"`,
			"    env:", `      A: "1"`, "    allowedTools:", "      - Read", `      - "Bash(git log:*)"`, "    remoteOptions:", `      passphrase: "\${PASS:-x}"`, ""]);
		const sent = await raw.request("iris/message.send", { to: "new", message: "ECHO hi" });
		assert.equal(sent.result.response, "hi");
		const edited = await call("team.edit", { team: "new", values: { description: null, model: "opus", color: "#0000ff" } });
		assert.deepEqual([edited.description, edited.color], ["Team new", "#0000ff"]);
		assert.doesNotMatch(read(), /what: it knows/);
		const gone = await call("team.remove", { team: "new" });
		assert.equal(gone.name, "new");
		assert.equal(read(), before);
		assert.deepEqual(await names(), ["asker", "b"]);
		await waitFor(() => claudes(iris).length === 0, { what: "the removed team's process to end" });
	});

	test("a team that can not be: the reason, and nothing is changed", async () => {
		const before = read(), path = iris.project("x");
		const why = async (method, params) => { const e = await failed(method, params); return `${e.code}: ${e.message}`; };
		assert.match(await why("team.add", { team: "b", values: { path } }), /^invalid: there is a team "b" already/);
		assert.match(await why("team.add", { team: "a b", values: { path } }), /^invalid: "a b" can not be a team's name/);
		assert.match(await why("team.add", { team: "c" }), /^invalid: .* needs team, its name, and values/);
		assert.match(await why("team.add", { team: "c", values: { path, colour: "#000000" } }), /^invalid: "colour" is no key of a team; did you mean "color"/);
		assert.match(await why("team.add", { team: "c", values: { path, remoteOptions: { prot: 1 } } }), /^invalid: remoteOptions: "prot" .* "port"/);
		assert.match(await why("team.add", { team: "c", values: { path: join(path, "none") } }), /^directory: team "c": .* is no directory/);
		assert.match(await why("team.add", { team: "c", values: { path: "/etc" } }), /^config: .*where no team may work/);
		assert.match(await why("team.add", { team: "c", values: { path: iris.project("b") } }), /^config: .*is the directory of team "b"/);
		assert.match(await why("team.edit", { team: "b", values: { color: "red" } }), /^config: .*"red" is not a colour/);
		assert.match(await why("team.edit", { team: "b", values: { path: null } }), /^config: .*has no path/);
		assert.match(await why("team.edit", { team: "bb", values: { color: null } }), /^not_found: /);
		assert.match(await why("team.remove", { team: "asked" }), /^not_found: .*asker/);
		assert.equal(read(), before);
		assert.equal(existsSync(`${config}.bak`), false);
	});

	test("schema: the keys of every section", async () => {
		const { sections } = await call("config.schema");
		const key = (section, name) => sections.find((s) => s.name === section).keys.find((k) => k.name === name);
		assert.deepEqual(key("settings", "maxProcesses"), { name: "maxProcesses", type: "integer", default: "10", min: 1, max: 1000, expected: "1..1000",
			help: "claude processes at the same time" });
		assert.deepEqual(key("teams", "grantPermission").choices, ["yes", "no", "ask", "forward"]);
		assert.equal(key("remoteOptions", "passphrase").secret, true);
		assert.equal(key("teams", "idleTimeout").inherited, true);
	});

	test("who writes at the same time: nothing that was said to be written is lost", async () => {
		const written = [], refused = [];
		const byHand = async () => {
			for (let i = 0; i < 15; i++) {
				const r = await iris.iris(["--json", "team", "add", `hand${i}`, iris.project(`hand${i}`)]);
				if (r.status === 0)
					written.push(`hand${i}`);
				else
					refused.push(r.stdout + r.stderr);
			}
		};
		let over = false;
		const byCalls = async () => {
			for (let i = 0; !over; i++) {
				const { error } = await raw.request("iris/team.add", { team: `call${i}`, values: { path: iris.project(`call${i}`) } });
				if (error)
					refused.push(error.message);
				else
					written.push(`call${i}`);
			}
		};
		await Promise.all([byHand().finally(() => (over = true)), byCalls()]);
		for (const text of refused)
			assert.match(text, /(is|was) changed by another program just now; nothing is written, try again/);
		const { config: now } = await call("config.get");
		assert.deepEqual(written.filter((name) => !(name in now.teams)), []);
	});
});
