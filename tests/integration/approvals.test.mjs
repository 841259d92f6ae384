/* SPDX-License-Identifier: MIT
 *
 * iris approvals and iris audit: what a person is shown of a permission request, how they answer it,
 * key by key on a terminal as well, and what of the record can not be changed unseen.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { program } from "../lib/iris.mjs";
import { assert, connectRaw, HELLO, Lines, startTeams, waitFor, within } from "./setup.mjs";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const ESC = "\u001b";
let iris, asked, started;

beforeEach(async () => {
	asked = [];
	started = [];
	iris = await startTeams({ asker: {}, b: {} });
});
afterEach(async () => {
	for (const child of started)
		child.kill();
	await iris.stop();
	await Promise.allSettled(asked);
});

const send = async (text) => {
	const r = await iris.iris(["send", "b", text], { cwd: iris.dirs.asker });
	assert.equal(r.status, 0, r.stderr);
	return r.stdout.trim();
};
const said = async (id) => (await iris.messageIn(id, "answered")).response;
const pending = () => iris.json(["approvals", "list"]);
const one = () => waitFor(async () => (await pending())[0], { what: "a request", every: 25 });
const short = (p) => p.id.slice(-8);

/* A request with any input, as Claude Code asks by --permission-prompt-tool. */
async function approve(tool_name, input) {
	const client = await iris.client({ cwd: iris.dirs.b });
	const before = (await pending())[0]?.id;
	/* The SDK would take it back after a minute. */
	const answer = client.callTool({ name: "permissions__approve", arguments: { tool_name, input } }, undefined, { timeout: 600000 });

	asked.push(answer);
	answer.catch(() => {});
	return waitFor(async () => {
		const [newest] = await pending();
		return newest?.id !== before && newest;
	}, { what: `the request for ${tool_name}`, every: 25 });
}

const show = async (p, options) => {
	const r = await iris.iris(["approvals", "show", p.id], options);
	assert.equal(r.status, 0, r.stderr);
	return r.stdout;
};

/* One that must fail: { status, code, message }. */
async function fails(args, options) {
	const r = await iris.iris(["--json", "approvals", ...args], options);

	assert.notEqual(r.status, 0, r.stdout);
	return { status: r.status, ...JSON.parse(r.stdout).error };
}

/* A program on a terminal of its own, by script(1): what it has written, and keys for it. */
function onTerminal(args, env = {}) {
	const words = [program("iris"), ...args];
	const child = spawn("script", process.platform === "darwin" ? ["-q", "/dev/null", ...words]
		: ["-qec", words.map((w) => `'${w}'`).join(" "), "/dev/null"],
	{ cwd: iris.root, env: { ...iris.env, TERM: "xterm", SHELL: "/bin/sh", ...env }, stdio: "pipe" });
	const t = { text: "", seen: 0 };

	started.push(child);
	child.stdout.setEncoding("utf8");
	child.stdout.on("data", (d) => (t.text += d));
	child.stdin.on("error", () => {});
	t.end = new Promise((resolve) => child.once("close", (status) => resolve(status)));
	/* Wait for a text behind what was waited for before. */
	t.sees = async (re) => {
		const found = await waitFor(() => re.exec(t.text.slice(t.seen)), { what: `${re} on the screen` })
			.catch((e) => { throw new Error(`${e.message}:\n${t.text.slice(t.seen)}`); });
		t.seen += found.index + found[0].length;
		return found;
	};
	t.keys = (keys) => child.stdin.write(keys);
	t.ended = () => within(10000, t.end, "the program on the terminal to end");
	return t;
}

describe("iris approvals", () => {
	test("list: a table of what waits; with --json an array of whole objects", async () => {
		assert.deepEqual(await pending(), []);
		assert.match((await iris.iris(["approvals"])).stdout, /^nothing waits for a permission$/m);
		const id = await send("BASH echo   'one'\ttwo");
		const p = await one();
		assert.equal(p.team, "b");
		assert.equal(p.tool, "Bash");
		assert.equal(p.message, id);
		assert.deepEqual(p.input.command, "echo   'one'\ttwo");
		assert.equal(p.inputHash, sha256(JSON.stringify(p.input)));
		assert.ok(p.deadline > Date.now());
		const { stdout } = await iris.iris(["approvals"]);
		assert.match(stdout, new RegExp(`^${short(p)} +b +asker +Bash +[\\d.]+ m?s +4 min \\d+ s left +echo 'one' two$`, "m"));
		assert.match((await iris.iris(["status"])).stdout, /approvals +1 waits for a person/);
		assert.match((await iris.iris(["status"])).stdout, /waits for a person to permit Bash: iris approvals allow/);
		await iris.iris(["approvals", "deny", p.id]);
		await said(id);
		assert.deepEqual(await pending(), []);
		assert.match((await iris.iris(["approvals", "list", "--all"])).stdout, new RegExp(`^${short(p)} .* denied by \\S+ \\(pid \\d+\\) `, "m"));
		assert.deepEqual((await iris.json(["approvals", "list", "--all", "--limit", "1"])).map((r) => r.state), ["denied"]);
	});

	test("allow: by the end of an id, once; then refused with who was first, and what is unknown is not found", async () => {
		const id = await send("BASH echo was-run");
		const p = await one();
		const r = await iris.iris(["approvals", "allow", short(p)]);
		assert.equal(r.stdout, `allowed: Bash for team b (${short(p)})\n`);
		assert.equal(r.status, 0);
		assert.match(await said(id), /^was-run/);
		const again = await fails(["allow", p.id]);
		assert.equal(again.status, 4);
		assert.match(again.message, /already allowed by \S+ \(pid \d+\)/);
		assert.deepEqual([(await fails(["allow", "ffffffff"])).status, (await fails(["show", p.id.slice(-5)])).status], [3, 3]);
	});

	test("deny: the words behind the ids are the reason; several at once, none when one is unknown", async () => {
		const first = await send("BASH echo first");
		const p = await one();
		await iris.iris(["approvals", "deny", short(p), "not", "on a Friday"]);
		assert.match(await said(first), /A person has refused Bash: not on a Friday/);
		const two = [await approve("WebSearch", { query: "one" }), await approve("WebSearch", { query: "two" })];
		assert.equal((await fails(["deny", two[0].id, "ffffffff"])).status, 3);
		assert.equal((await pending()).length, 2);
		const r = await iris.json(["approvals", "deny", ...two.map(short), "--reason", "decade"]);
		assert.deepEqual(r.map((a) => [a.permission.id, a.permission.state, a.permission.reason]), two.map((q) => [q.id, "denied", "decade"]));
		assert.equal((await fails(["deny", two[0].id, "why", "--reason", "why"])).status, 2);
	});

	test("several, one of which was answered before: told, and its exit status", async () => {
		const two = [await approve("WebSearch", { query: "one" }), await approve("WebSearch", { query: "two" })];
		await iris.json(["approvals", "deny", two[0].id]);
		const r = await iris.iris(["--json", "approvals", "allow", ...two.map((p) => p.id)]);
		assert.equal(r.status, 4);
		const [lost, won] = JSON.parse(r.stdout);
		assert.equal(lost.id, two[0].id);
		assert.equal(lost.error.code, "refused");
		assert.equal(won.permission.state, "allowed");
	});

	test("allow --remember makes a rule, rules lists it, revoke ends it; remember makes one by hand", async () => {
		const first = await send("BASH echo was-run");
		const p = await one();
		assert.match(await show(p), /to remember +Bash\(echo was-run\)/);
		const r = await iris.iris(["approvals", "allow", p.id, "--remember", "--expires", "7d"]);
		assert.match(r.stdout, /remembered: Bash\(echo was-run\)/);
		await said(first);
		assert.match(await said(await send("BASH echo was-run")), /^was-run/);
		const [rule] = await iris.json(["approvals", "rules"]);
		assert.equal(rule.team, "b");
		assert.equal(rule.expiresAt - rule.createdAt, 7 * 86400000);
		assert.match((await iris.iris(["approvals", "rules"])).stdout, new RegExp(`^${rule.id} +b +active .* ${short(p)} +Bash\\(echo was-run\\)$`, "m"));
		assert.match((await iris.iris(["approvals", "revoke", String(rule.id)])).stdout, /^revoked rule \d+: Bash\(echo was-run\) for team b$/m);
		assert.deepEqual(await iris.json(["approvals", "rules"]), []);
		assert.equal((await iris.json(["approvals", "rules", "--all"]))[0].state, "revoked");
		const second = await send("BASH echo was-run");
		await iris.json(["approvals", "deny", (await one()).id]);
		await said(second);

		assert.match((await iris.iris(["approvals", "remember", "WebSearch"])).stdout, /^remembered as rule \d+: WebSearch for all teams$/m);
		assert.equal((await iris.json(["approvals", "remember", "Bash(echo other)", "--team", "b"])).team, "b");
		assert.match(await said(await send("BASH echo other")), /^other/);
		for (const [args, status] of [[["remember", "Bash("], 2], [["remember", "Read", "--team", "nobody"], 3], [["remember", "Read", "--expires", "7"], 2],
			[["revoke", "99"], 3], [["revoke", "one"], 2], [["allow", p.id, "--expires", "7d"], 2]])
			assert.equal((await fails(args)).status, status, args.join(" "));
	});

	test("--input: another input runs, from a file and from standard input; what is none is refused", async () => {
		const file = join(iris.root, "input.json");
		writeFileSync(file, '{"command":"echo from-file"}');
		let id = await send("BASH echo first");
		let p = await one();
		for (const bad of ["[1]", "{", '{"command":"x"} {}']) {
			assert.equal((await fails(["allow", p.id, "--input", "-"], { input: bad })).status, 2);
			assert.equal((await pending()).length, 1);
		}
		assert.equal((await fails(["allow", p.id, "--input", join(iris.root, "none")])).status, 74);
		const r = await iris.iris(["approvals", "allow", p.id, "--input", file]);
		assert.match(r.stdout, /allowed: Bash for team b, with another input/);
		assert.match(await said(id), /^from-file/);
		assert.match(await show(p), /allowed with this input instead\n.*command: *\n.*echo from-file/);
		id = await send("BASH echo first");
		p = await one();
		await iris.json(["approvals", "allow", p.id, "--input", "-"], { input: '{"command":"echo from-stdin"}' });
		assert.match(await said(id), /^from-stdin/);
	});

	test("--hash: of another input, refused, and it still waits; its own, allowed", async () => {
		const id = await send("BASH echo was-run");
		const p = await one();
		const r = await fails(["allow", p.id, "--hash", sha256("{}")]);
		assert.equal(r.status, 2);
		assert.match(r.message, /inputHash is of another input/);
		assert.equal((await fails(["deny", p.id, "--hash", sha256("{}")])).status, 2);
		assert.equal((await pending())[0].id, p.id);
		await iris.json(["approvals", "allow", p.id, "--hash", p.inputHash]);
		assert.match(await said(id), /^was-run/);
	});
});

describe("iris approvals show", () => {
	const lines = (text) => text.split("\n").map((l) => l.trimEnd());
	/* What stands below "change", up to the sum. */
	const diffOf = (text) => {
		const all = lines(text);
		const from = all.indexOf("", all.indexOf("change")) + 1;
		return all.slice(from, all.findIndex((l) => /lines? removed|nothing would change/.test(l)) + 1).map((l) => l.slice(2));
	};

	test("who asks, in whose turn, by which chain; and the object", async () => {
		const id = await send('TOOL ask_message {"toTeam":"b","message":"x"}');
		await said(id).catch(() => {});
		const next = await send("BASH echo was-run");
		const p = await one();
		const text = await show(p);
		assert.match(text, /^Bash for team b, asked by asker$/m);
		for (const line of [`  id          ${p.id}`, "  state       pending", "  why         grantPermission: ask", `  input hash  ${p.inputHash}`,
			`  message     ${next}`, "  chain       asker -> b", "  text        BASH echo was-run"])
			assert.ok(lines(text).includes(line), `${line}\n${text}`);
		assert.match(text, /│ command: *\n {2}│ {5}echo was-run$/m);
		const object = await iris.json(["approvals", "show", p.id]);
		delete object.suggestions;
		assert.deepEqual(object, p);
		await iris.json(["approvals", "deny", p.id]);
		await said(next);
	});

	test("Edit: the difference to the file as it is now", async () => {
		const file = join(iris.dirs.b, "file.txt");
		writeFileSync(file, "one\ntwo\nthree\nfour\nfive\nsix\n");
		const p = await approve("Edit", { file_path: file, old_string: "two\n", new_string: "zwei\nzwo\n" });
		assert.deepEqual(diffOf(await show(p)), ["@@ -1,5 +1,6 @@", " one", "-two", "+zwei", "+zwo", " three", " four", " five", "1 line removed, 2 added"]);
		writeFileSync(file, "changed meanwhile\n");
		const text = await show(p);
		assert.match(text, /note +the text that is to be replaced is not in the file as it is now/);
		assert.deepEqual(diffOf(text), ["@@ -1,1 +1,2 @@", "-two", "+zwei", "+zwo", "1 line removed, 2 added"]);
		writeFileSync(file, "two\ntwo\n");
		assert.match(await show(p), /note +the text that is to be replaced is in the file 2 times/);
	});

	test("MultiEdit, by a path in the team's directory: all edits, one after the other", async () => {
		writeFileSync(join(iris.dirs.b, "file.txt"), "a\nb\nb\n");
		const p = await approve("MultiEdit", { file_path: "file.txt",
			edits: [{ old_string: "a", new_string: "b" }, { old_string: "b", new_string: "c", replace_all: true }] });
		const text = await show(p);
		assert.ok(text.includes(`  file        ${join(iris.dirs.b, "file.txt")}\n`), text);
		assert.deepEqual(diffOf(text), ["@@ -1,3 +1,3 @@", "-a", "-b", "-b", "+c", "+c", "+c", "3 lines removed, 3 added"]);
	});

	test("Write: of a new file all lines, of one that is there what changes, and where links lead", async () => {
		let p = await approve("Write", { file_path: join(iris.dirs.b, "new.txt"), content: "a\nb" });
		let text = await show(p);
		assert.match(text, /note +a new file/);
		assert.deepEqual(diffOf(text), ["@@ -0,0 +1,2 @@", "+a", "+b", "\\ No newline at end of file", "0 lines removed, 2 added"]);
		writeFileSync(join(iris.dirs.b, "new.txt"), "a\nx\n");
		assert.deepEqual(diffOf(await show(p)), ["@@ -1,2 +1,2 @@", " a", "-x", "+b", "\\ No newline at end of file", "1 line removed, 1 added"]);
		mkdirSync(join(iris.root, "elsewhere"));
		symlinkSync(join(iris.root, "elsewhere"), join(iris.dirs.b, "link"));
		p = await approve("Write", { file_path: join(iris.dirs.b, "link/x"), content: "a\n" });
		assert.ok((await show(p)).includes(`  leads to    ${join(iris.root, "elsewhere/x")}\n`));
		p = await approve("Write", { file_path: join(iris.dirs.b, "new.txt"), content: "a\nx\n" });
		assert.deepEqual(diffOf(await show(p)), ["nothing would change"]);
	});

	test("what can not be compared: no text, too large, no file, none to wait for", async () => {
		const file = join(iris.dirs.b, "file");
		const p = await approve("Write", { file_path: file, content: "a\n" });
		for (const [make, note] of [
			[() => writeFileSync(file, Buffer.from([1, 0, 255])), /the file is no text, 3 bytes/],
			[() => writeFileSync(file, "x".repeat(5 << 20)), /the file is too large to compare, 5242880 bytes/],
			[() => execFileSync("sh", ["-c", `rm "${file}" && mkfifo "${file}"`]), /this is no regular file/],
			[() => execFileSync("sh", ["-c", `rm "${file}" && mkdir "${file}"`]), /this is no regular file/],
		]) {
			make();
			const text = await show(p, { deadline: 30000 });
			assert.match(text, note);
			assert.deepEqual(diffOf(text), ["@@ -0,0 +1,1 @@", "+a", "0 lines removed, 1 added"]);
		}
	});

	test("NotebookEdit: the cell that it changes", async () => {
		const file = join(iris.dirs.b, "n.ipynb");
		writeFileSync(file, JSON.stringify({ cells: [{ id: "c0", source: "x" }, { id: "c1", source: ["import os\n", "old()\n"] }] }));
		let p = await approve("NotebookEdit", { notebook_path: file, cell_id: "c1", new_source: "import os\nnew()\n" });
		const text = await show(p);
		assert.deepEqual(diffOf(text), ["@@ -1,2 +1,2 @@", " import os", "-old()", "+new()", "1 line removed, 1 added"]);
		assert.match(text, /│ cell_id: c1/);
		p = await approve("NotebookEdit", { notebook_path: file, cell_id: "none", new_source: "x" });
		assert.match(await show(p), /the notebook has no such cell/);
		p = await approve("NotebookEdit", { notebook_path: file, cell_id: "c0", edit_mode: "delete", new_source: "" });
		assert.deepEqual(diffOf(await show(p))[1], "-x");
	});

	test("nothing of an agent's reaches the terminal unescaped, and no line of its looks like one of ours", async () => {
		const evil = `${ESC}[2J${ESC}]0;title\u0007\r\u202eallowed\u009b1m`;
		const file = join(iris.dirs.b, `evil${evil}.txt`);
		await approve("Edit", { file_path: file, old_string: "", new_string: `x${evil}\nallowed: Bash for team b\n`, [`name${evil}\nid`]: `v${evil}\n  state allowed` });
		await approve("Bash", { command: `true ${evil}\nallowed: Bash\n  state       allowed`, description: evil });
		await approve("mcp__x__y", { list: [evil], text: evil });
		const list = await pending();
		assert.equal(list.length, 3);
		const texts = await Promise.all([...list.map((p) => show(p)), iris.iris(["approvals"]).then((r) => r.stdout),
			iris.iris(["audit"]).then((r) => r.stdout)]);
		for (const text of texts) {
			assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
			assert.doesNotMatch(text, /^(allowed|state)/m);
			assert.doesNotMatch(text, /^ {2}state +allowed/m);
		}
		assert.match(texts[1], /│ {5}true \\x1b\[2J\\x1b\]0;title\\x07\\x0d\\u\{202e\}allowed\\u\{9b\}1m\n {2}│ {5}allowed: Bash\n/);
		assert.match(texts[2], /^ {2}\+x\\x1b\[2J/m);
	});
});

describe("iris approvals watch", () => {
	const prompt = /\[q\]uit {2}\d:\d\d/;

	test("on a terminal: y allows, r remembers, n asks for a reason, s skips, q quits", async () => {
		const t = onTerminal(["approvals", "watch"]);
		await t.sees(/nothing waits for a permission/);
		let id = await send("BASH echo first");
		await t.sees(/Bash.* for team b, asked by asker/);
		await t.sees(/echo first/);
		await t.sees(prompt);
		t.keys("y");
		await t.sees(/allowed.*: Bash for team b/);
		assert.match(await said(id), /^first/);

		id = await send("BASH echo second");
		await t.sees(/\[r\]emember/);
		t.keys("r");
		await t.sees(/remembered: Bash\(echo second\)/);
		await said(id);
		assert.match(await said(await send("BASH echo second")), /^second/);

		id = await send("BASH echo third");
		await t.sees(/echo third[^]*\[n\]o/);
		t.keys("n");
		await t.sees(/why not/);
		t.keys("not now\n");
		await t.sees(/denied.*: Bash for team b/);
		assert.match(await said(id), /A person has refused Bash: not now/);

		id = await send("BASH echo fourth");
		await t.sees(/echo fourth[^]*\[s\]kip/);
		t.keys("s");
		await t.sees(/1 skipped request waits/);
		assert.equal((await pending()).length, 1);
		t.keys("s");
		await t.sees(/echo fourth[^]*\[q\]uit/);
		t.keys("q");
		assert.equal(await t.ended(), 0);
		assert.equal((await pending()).length, 1);
		await iris.json(["approvals", "deny", (await one()).id]);
		await said(id);
	});

	test("what was typed before a request was shown does not answer it", async () => {
		const t = onTerminal(["approvals", "watch"]);
		await t.sees(/nothing waits for a permission/);
		t.keys("yyyy");
		const id = await send("BASH echo first");
		await t.sees(/asked by asker/);
		/* Where this process had to wait for so long that it can be answered by now, these would do that. */
		if (!prompt.test(t.text))
			t.keys("yyyy");
		await t.sees(prompt);
		assert.equal((await pending()).length, 1);
		t.keys("y");
		await t.sees(/allowed/);
		await said(id);
		t.keys("q");
		assert.equal(await t.ended(), 0);
	});

	test("somebody else answers: it says who, and goes on with the next; Ctrl-C ends it", async () => {
		const first = await approve("WebSearch", { query: "one" });
		const second = await approve("WebSearch", { query: "two" });
		const t = onTerminal(["approvals", "--watch"]);
		await t.sees(/query.*: one/);
		await t.sees(/1 more/);
		await iris.json(["approvals", "deny", first.id, "too late"]);
		await t.sees(/denied by \S+ \(pid \d+\): too late/);
		await t.sees(/query.*: two/);
		await t.sees(prompt);
		t.keys("\u0003");
		assert.equal(await t.ended(), 130);
		assert.equal((await pending())[0].id, second.id);
	});

	test("e: the input in an editor, the difference, and only then allowed; what is no input is not", async () => {
		const editor = join(iris.root, "my editor");
		writeFileSync(editor, `#!/bin/sh\ncat "$2" >>"${iris.root}/edited"\nif [ -e "${iris.root}/bad" ]; then echo '[' >"$2"; rm "${iris.root}/bad"; else\nsed 's/first/second/' "$2" >"$2.new" && mv "$2.new" "$2"; fi\n`, { mode: 0o755 });
		const t = onTerminal(["approvals", "watch"], { EDITOR: "/bin/sh edit.sh x", VISUAL: "" });
		writeFileSync(join(iris.root, "edit.sh"), `shift\nexec "${editor}" x "$@"\n`);
		writeFileSync(join(iris.root, "bad"), "");
		await t.sees(/nothing waits/);
		const id = await send("BASH echo first");
		await t.sees(prompt);
		t.keys("e");
		await t.sees(/this is no input/);
		await t.sees(prompt);
		t.keys("e");
		await t.sees(/-\s+"command":\s*"echo first"/);
		await t.sees(/\+\s+"command":\s*"echo second"/);
		await t.sees(/with this input: \[y\]es/);
		t.keys("n");
		await t.sees(/\[e\]dit/);
		t.keys("e");
		await t.sees(/with this input: \[y\]es/);
		t.keys("y");
		await t.sees(/allowed.*: Bash for team b, with another input/);
		assert.match(await said(id), /^second/);
		t.keys("q");
		assert.equal(await t.ended(), 0);
		assert.ok(existsSync(join(iris.root, "edited")));
		assert.deepEqual(execFileSync("find", [join(iris.home, "run"), "-name", "edit-*"], { encoding: "utf8" }), "");
	});

	test("nobody answers in time: it says so", async () => {
		iris.setTeams({ asker: {}, b: {} }, { permissionTimeout: 2000 });
		const ctl = await connectRaw(iris, { role: "ctl", ...HELLO });
		assert.equal((await ctl.request("iris/config.reload", {})).error, undefined);
		const t = onTerminal(["approvals", "watch"]);
		await t.sees(/nothing waits/);
		const id = await send("BASH echo first");
		await t.sees(/\[q\]uit {2}0:0[0-2]/);
		await t.sees(/expired.*: nobody has answered within 2 s/);
		await said(id);
		t.keys("q");
		assert.equal(await t.ended(), 0);
	});

	test("no terminal: a line for each that comes or ends, with --json an object; through the death of irisd", async () => {
		const child = spawn(program("iris"), ["approvals", "watch", "--json"], { cwd: iris.root, env: iris.env, stdio: "pipe" });
		const out = new Lines(child.stdout, child.stdin);
		const text = spawn(program("iris"), ["approvals", "watch"], { cwd: iris.root, env: iris.env, stdio: "pipe" });
		started.push(child, text);
		let printed = "";
		text.stdout.setEncoding("utf8").on("data", (d) => (printed += d));
		const ended = Promise.all([child, text].map((c) => new Promise((resolve) => c.once("close", (status) => resolve(status)))));
		const id = await send("BASH echo was-run");
		const p = await one();
		assert.deepEqual(await out.line((l) => l.state === "pending"), p);
		await waitFor(() => new RegExp(`  ${short(p)}  pending  b  Bash  echo was-run\n`).test(printed), { what: "the line" });
		await iris.kill();
		/* Those who watch start the next one, and it has the request. */
		await waitFor(async () => (await iris.iris(["approvals", "--json"])).stdout.includes(p.id), { what: "the next irisd" });
		await iris.json(["approvals", "allow", p.id]);
		const { state, by } = await out.line((l) => l.id === p.id && l.state === "allowed");
		assert.equal(state, "allowed");
		await waitFor(() => printed.includes(`  allowed  b  Bash  echo was-run  by ${by}\n`), { what: "the end" });
		assert.match(await said(id), /^was-run/);
		await iris.iris(["stop"]);
		assert.deepEqual(await within(10000, ended, "those who watch to end"), [5, 5]);
	});
});

describe("requests that are too large for one list", () => {
	test("list says how many are left out; who watches gets them one after the other", async () => {
		for (const letter of "abc")
			assert.equal((await approve("Write", { file_path: letter, content: letter.repeat(5 << 20) })).input.file_path, letter);
		const r = await iris.iris(["--json", "approvals"]);
		assert.equal(r.stderr, "iris: 2 more, older, are too large for one list\n");
		assert.deepEqual(JSON.parse(r.stdout).map((p) => p.input.file_path), ["c"]);
		const child = spawn(program("iris"), ["approvals", "watch", "--json"], { cwd: iris.root, env: iris.env, stdio: "pipe" });
		started.push(child);
		const out = new Lines(child.stdout, child.stdin);
		for (const letter of "cba") {
			const p = await out.line((l) => l.state === "pending" && l.input.file_path === letter);
			assert.equal(p.input.content.length, 5 << 20);
			await iris.json(["approvals", "allow", p.id]);
			await out.line((l) => l.state === "allowed" && l.id === p.id);
		}
		assert.deepEqual(await pending(), []);
	});
});

describe("iris ask", () => {
	test("on a terminal: says that it waits, and how to answer", async () => {
		const t = onTerminal(["ask", "b", "BASH echo was-run", "--from", "asker"]);
		const [, id] = await t.sees(/b: waits for a person to permit Bash: iris approvals allow ([0-9a-f-]+)/);
		await iris.json(["approvals", "allow", id]);
		await t.sees(/was-run/);
		assert.equal(await t.ended(), 0);
	});
});

describe("iris audit", () => {
	const verify = (...args) => iris.iris(["audit", "verify", ...args]);
	const sql = (text) => execFileSync("sqlite3", [join(iris.home, "iris.db"),
		`DROP TRIGGER IF EXISTS audit_not_edited; DROP TRIGGER IF EXISTS audit_not_removed; ${text}`]);
	/* Six rows: two for each of three questions. */
	const fill = async () => {
		for (const word of ["one", "two", "three"]) {
			const id = await send(`BASH echo ${word}`);
			await iris.json(["approvals", word === "two" ? "deny" : "allow", (await one()).id]);
			await said(id);
		}
	};
	const offline = async (change) => {
		assert.equal((await iris.iris(["stop"])).status, 0);
		change();
		assert.equal((await iris.iris(["start"])).status, 0);
	};

	test("show: the latest, from a row on, of a team; verify: whole, with its head, also an earlier one", async () => {
		assert.match((await iris.iris(["audit"])).stdout, /nothing was decided yet/);
		assert.match((await verify()).stdout, /^the audit is whole: 0 rows\nhead -$/m);
		await fill();
		const { rows, seq, head } = await iris.json(["audit", "show"]);
		assert.equal(seq, 6);
		assert.deepEqual(rows.map((r) => [r.seq, r.decision]), [[1, "asked"], [2, "allowed"], [3, "asked"], [4, "denied"], [5, "asked"], [6, "allowed"]]);
		assert.equal(rows[5].hash, head);
		assert.ok(rows[3].tookMs >= 0);
		assert.deepEqual((await iris.json(["audit", "show", "--limit", "2"])).rows.map((r) => r.seq), [5, 6]);
		assert.deepEqual((await iris.json(["audit", "show", "--since", "3", "--limit", "3"])).rows.map((r) => r.seq), [4, 5, 6]);
		assert.deepEqual((await iris.json(["audit", "show", "--since", "5"])).rows.map((r) => r.seq), [5, 6]);
		assert.equal((await iris.json(["audit", "show", "--team", "b"])).rows.length, 6);
		assert.equal((await iris.json(["audit", "show", "--team", "nobody"])).rows.length, 0);
		assert.match((await iris.iris(["audit"])).stdout, /^4 +\S+ +b +asker +denied +Bash +\S+ \(pid \d+\) /m);

		const r = await verify();
		assert.equal(r.status, 0);
		assert.equal(r.stdout, `the audit is whole: 6 rows\nhead ${head}\n`);
		assert.match((await verify("--head", rows[2].hash)).stdout, /that hash is row 3's, 3 came after it/);
		const other = await verify("--head", sha256("other"));
		assert.equal(other.status, 1);
		assert.match(other.stderr, /no row of the audit has that hash/);
		assert.equal((await verify("--head", "abc")).status, 2);
	});

	test("export: a row a line and the head, to a file for its owner alone or to standard output", async () => {
		await fill();
		const { rows, head } = await iris.json(["audit", "show"]);
		const file = join(iris.root, "audit.ndjson");
		const r = await iris.iris(["audit", "export", file]);
		assert.equal(r.stdout, `6 rows in ${file}\nhead ${head}\n`);
		const text = readFileSync(file, "utf8");
		assert.deepEqual(text.trimEnd().split("\n").map((l) => JSON.parse(l)), [...rows, { head, seq: 6 }]);
		assert.equal((await iris.iris(["audit", "export"])).stdout, text);
		assert.deepEqual((await iris.iris(["audit", "export", "--from", "6"])).stdout.trimEnd().split("\n").map((l) => JSON.parse(l)), [rows[5], { head, seq: 6 }]);
		assert.deepEqual(await iris.json(["audit", "export", file]), { file, rows: 6, seq: 6, head });
		assert.equal(execFileSync("find", [file, "-perm", "600"], { encoding: "utf8" }).trim(), file);
		assert.equal((await iris.iris(["audit", "export", join(iris.root, "none/x")])).status, 74);
	});

	const tampered = [
		["a row is edited", "UPDATE audit SET decision = 'allowed' WHERE seq = 4", 4, /row 4 does not fit its hash/],
		["a row is edited in what is not shown in the table", "UPDATE audit SET input_hash = upper(input_hash) WHERE seq = 2", 2, /row 2 does not fit/],
		["a row is removed", "DELETE FROM audit WHERE seq = 3", 3, /row 3 is missing: after row 2 comes 4/],
		["a row is removed, and those after it moved up", "DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3", 3, /row 3 does not fit/],
		["two rows change places", "UPDATE audit SET seq = -seq WHERE seq IN (3, 5); UPDATE audit SET seq = 8 + seq WHERE seq < 0", 3, /row 3 does not fit/],
		["the first is removed", "DELETE FROM audit WHERE seq = 1", 1, /row 1 is missing/],
		["the last ones are removed", "DELETE FROM audit WHERE seq > 4", 5, /the end is missing: the last row is 4, and 6 were written/],
		["a row is put behind the last", "INSERT INTO audit SELECT 7, at, kind, decision, from_team, to_team, message, permission, tool, input_hash, by, via, rule, reason, took, hash FROM audit WHERE seq = 6", 7, /row 7 does not fit/],
	];

	test("what was done to the rows behind irisd's back: verify names the first that does not fit", async () => {
		await fill();
		const saved = join(iris.root, "saved.db");
		for (const [what, change, seq, why] of tampered) {
			await offline(() => {
				if (existsSync(saved))
					execFileSync("cp", [saved, join(iris.home, "iris.db")]);
				else
					execFileSync("sqlite3", [join(iris.home, "iris.db"), `VACUUM INTO '${saved}'`]);
				sql(change);
			});
			const r = await verify();
			assert.equal(r.status, 1, `${what}: ${r.stdout}`);
			assert.equal(r.stdout, "", what);
			assert.match(r.stderr, new RegExp(`the audit is not whole, from row ${seq} on: `), what);
			assert.match(r.stderr, why, what);
			const j = await iris.iris(["--json", "audit", "verify"]);
			assert.equal(j.status, 1);
			const { good, seq: row } = JSON.parse(j.stdout);
			assert.deepEqual({ good, row }, { good: false, row: seq }, what);
		}
		/* All rows and the head made anew: only a hash that was kept elsewhere tells. */
		await offline(() => execFileSync("cp", [saved, join(iris.home, "iris.db")]));
		const { rows } = await iris.json(["audit", "show"]);
		await offline(() => sql(`DELETE FROM audit WHERE seq > 4; UPDATE audit_head SET seq = 4, hash = '${rows[3].hash}'`));
		assert.equal((await verify()).status, 0);
		assert.equal((await verify("--head", rows[5].hash)).status, 1);
		assert.equal((await verify("--head", rows[3].hash)).status, 0);
	});

	test("many pages: verified, exported and shown whole, and a change deep within is found", async () => {
		const ctl = await connectRaw(iris, { role: "ctl", ...HELLO });
		const N = 4500;
		for (let i = 0; i < N; i += 500) {
			const batch = Array.from({ length: 500 }, (_, n) => ctl.request("iris/permission.remember", { rule: `Bash(echo ${i + n})` }));
			for (const { error } of await Promise.all(batch))
				assert.equal(error, undefined);
		}
		assert.match((await verify()).stdout, new RegExp(`the audit is whole: ${N} rows`));
		const exported = (await iris.iris(["audit", "export"])).stdout.trimEnd().split("\n").map((l) => JSON.parse(l));
		assert.deepEqual(exported.slice(0, -1).map((r) => r.seq), Array.from({ length: N }, (_, i) => i + 1));
		assert.equal(exported.at(-1).head, exported.at(-2).hash);
		assert.deepEqual((await iris.json(["audit", "show", "--since", "1"])).rows, exported.slice(0, -1));
		assert.deepEqual((await iris.json(["audit", "show", "--limit", "3000"])).rows, exported.slice(N - 3000, -1));
		assert.match((await verify("--head", exported[3000].hash)).stdout, /row 3001's, 1499 came after it/);
		await offline(() => sql("UPDATE audit SET rule = 'Bash(rm -rf /)' WHERE seq = 4100"));
		assert.match((await verify()).stderr, /from row 4100 on/);
	});
});
