/* SPDX-License-Identifier: MIT
 *
 * What iris-worker does on a team's host apart from running claude: worker/lookup, forget and check. The host is
 * this machine, and ssh a stand-in that says what ssh says and runs the command itself; a real sshd is in tests/remote.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync,
	symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after } from "node:test";
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { refused, workerTest } from "../lib/fake-irisd.mjs";
import { processesOf } from "../lib/processes.mjs";
import { waitFor } from "../lib/wait.mjs";

const CHANGED = `@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
The fingerprint for the ED25519 key sent by the remote host is
SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDVMTmZ2Zcu1dGuNcA.
Host key verification failed.`;

/* Hands on what it reads as far as anybody takes it, and says how much that was. */
const COUNT = `-e '
	const { readSync, writeFileSync, writeSync } = require("node:fs"), b = Buffer.alloc(65536);
	let n = 0;
	process.on("exit", () => writeFileSync(process.argv[1], String(n)));
	process.on("SIGPIPE", () => {});
	for (let got; (got = readSync(0, b)) > 0; n += got)
		for (let at = 0; at < got; )
			try { at += writeSync(1, b, at, got - at); } catch (e) { if (e.code !== "EAGAIN") process.exit(0); }
'`;

/* Each destination has its own manners. The home directory over there is another one. */
const SSH = `#!/bin/sh
v= dest= prev=
for last; do
	[ "$last" != -v ] || v=1
	[ "$prev" != -- ] || dest=$last
	prev=$last
done
echo "$dest $$" >>"$TMPDIR/calls"
say() { printf '%s\\r\\n' "$*" >&2; }
debug() { [ -z "$v" ] || say "debug1: $*"; }
debug "Reading configuration data /etc/ssh/ssh_config"
case $dest in
unresolved) say "ssh: Could not resolve hostname unresolved: Name or service not known"; exit 255 ;;
hang) exec sleep 600 ;;
gate) n=$(($(wc -l <"$TMPDIR/calls"))); until [ -e "$TMPDIR/gate" ] || [ -e "$TMPDIR/gate$n" ]; do sleep 0.05; done; exit 255 ;;
stubborn) trap '' TERM; exec sleep 600 ;;
esac
debug "Connecting to $dest [192.0.2.7] port 22."
if [ "$dest" = refused ]; then
	debug "connect to address 192.0.2.7 port 22: Connection refused"
	say "ssh: connect to host refused port 22: Connection refused"
	exit 255
fi
debug "Connection established."
debug "Server host key: ssh-ed25519 SHA256:0000000000000000000000000000000000000000000"
if [ "$dest" = changed ]; then
	say '${CHANGED}'
	exit 255
fi
debug "Host '$dest' is known and matches the ED25519 host key."
if [ "$dest" = denied ]; then
	say "me@denied: Permission denied (publickey)."
	exit 255
fi
[ -z "$v" ] || say "Authenticated to $dest ([192.0.2.7]:22) using \\"publickey\\"."
debug "Sending command: $last"
export HOME="$TMPDIR/far"
cd || exit
case $dest in
noise) echo 'Welcome to {"type":"iris_remote","end":true}'; echo '{"type":"other"}'; echo '{"type":"iris_remote","gone":true}'; say "bashrc: no such file"; printf 'no newline' ;;
forced) cat >/dev/null; echo "1) backup 2) restore"; exit 0 ;;
nologin) echo "This account is currently not available."; exit 1 ;;
noshell) say "fish: Unknown command: exec"; exit 127 ;;
garbage) head -c 300000 /dev/urandom; echo; exit 0 ;;
huge) exec head -c 5000000 /dev/zero ;;
lines) exec yes 'a line' ;;
shout) exec yes 'a line' >&2 ;;
cut) { read -r l; echo; echo '{"type":"iris_remote","hello":1}'; } <&0; say "client_loop: send disconnect: Broken pipe"; exit 255 ;;
late) cat >"$TMPDIR/sent"; /bin/sh -c "$last" <"$TMPDIR/sent"; exit ;;
stuck) echo '{"type":"iris_remote","hello":1}'; exec sleep 600 ;;
count) sh -c "$last" | exec ${process.execPath} ${COUNT} "$TMPDIR/sent"; exit ;;
loose) sh -c "$last"; sleep 600 & exit 0 ;;
esac
[ -z "$FAR_PATH" ] || export PATH="$FAR_PATH"
[ -z "$FAR_SH" ] || last=$(printf %s "$last" | /usr/bin/env sed "s,/bin/sh,$FAR_SH,")
exec /bin/sh -c "$last"
`;

const bin = mkdtempSync(join(tmpdir(), "iris-ssh-"));
writeFileSync(join(bin, "ssh"), SSH, { mode: 0o755 });
after(() => rmSync(bin, { recursive: true }));
/* As /bin/sh over there; some programs are what they are called. */
const find = (name) => process.env.PATH.split(delimiter).map((d) => join(d, name)).find(existsSync);
const shells = ["dash", "bash", "busybox", "zsh", "mksh", "yash"].filter(find);
for (const name of shells) {
	mkdirSync(join(bin, name));
	symlinkSync(find(name), join(bin, name, "sh"));
}
/* A host that has nothing but busybox. */
if (shells.includes("busybox")) {
	for (const applet of ["cat", "df", "grep", "ls", "mkdir", "rm", "sed", "sleep", "tail", "tr", "ps", "env"])
		symlinkSync(find("busybox"), join(bin, "busybox", applet));
}
const env = { PATH: `${bin}:${process.env.PATH}` };

/* Its own: what is marked by it is looked for among all processes. */
const conversation = randomUUID();
const remote = (dest, more = {}) => ({ args: [], dest, ssh2: false, host: dest, connectTimeout: 1000, ...more });
const lookup = (irisd, message, more = {}, dest = "box") =>
	irisd.request("worker/lookup", { session: "s1", claudeId: conversation, message, remote: remote(dest), ...more }, 40000);

const line = (object) => `${JSON.stringify({ isSidechain: false, ...object })}\n`;
const user = (uuid, text = "q") => line({ type: "user", uuid, message: { role: "user", content: text } });
const answer = (text) => line({ type: "assistant", uuid: randomUUID(),
	message: { model: "m", stop_reason: "end_turn", content: [{ type: "text", text }] } });

function far(irisd, name = "-a", config = join(irisd.root, "far", ".claude")) {
	const dir = join(config, "projects", name);
	mkdirSync(dir, { recursive: true });
	return { dir, file: join(dir, `${conversation}.jsonl`) };
}

/* A test with a home directory over there. */
function errandTest(name, fn, more = {}) {
	workerTest(name, async (irisd) => {
		mkdirSync(join(irisd.root, "far"));
		await fn(irisd);
	}, { ...env, ...more });
}

/* A process of the host's that bears these variables. */
function holder(irisd, variables, command = "exec sleep 600") {
	const child = spawn("sh", ["-c", command], { env: { PATH: process.env.PATH, MARK: irisd.root, ...variables }, stdio: "ignore" });
	return { child, ended: once(child, "exit") };
}

const ABSENT = { state: "absent", line: 0 };

errandTest("lookup: absent, taken, answered, by the UUID of another turn", async (irisd) => {
	const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];
	assert.deepEqual(await lookup(irisd, one), ABSENT, "no directory of Claude's at all");
	const { file } = far(irisd);
	assert.deepEqual(await lookup(irisd, one), ABSENT, "no transcript");
	writeFileSync(file, `{"type":"summary"}\n${user(one)}${answer("fine\\ \"quoted\" ä")}${user(two)}`);
	assert.deepEqual(await lookup(irisd, one), { state: "answered", line: 2, answer: "fine\\ \"quoted\" ä" });
	assert.deepEqual(await lookup(irisd, two), { state: "taken", line: 4 });
	assert.deepEqual(await lookup(irisd, three), ABSENT);
	appendFileSync(file, user(three, `go on with ${two}`) + answer("resumed"));
	assert.deepEqual(await lookup(irisd, two, { turn: three }), { state: "answered", line: 5, answer: "resumed" });
	assert.deepEqual(await lookup(irisd, two), { state: "taken", line: 4 });
});

errandTest("lookup: what is quoted is not there; the better of two files; a torn last line", async (irisd) => {
	const [one, two] = [randomUUID(), randomUUID()];
	const a = far(irisd, "-a"), b = far(irisd, "-b with a space");
	writeFileSync(a.file, user(two, `about ${one}`) + answer(one));
	assert.deepEqual(await lookup(irisd, one), ABSENT);
	appendFileSync(a.file, user(one));
	assert.deepEqual(await lookup(irisd, one), { state: "taken", line: 3 });
	writeFileSync(b.file, `{}\n${user(one)}${answer("there")}`);
	assert.deepEqual(await lookup(irisd, one), { state: "answered", line: 2, answer: "there" });
	writeFileSync(b.file, `${user(one)}${answer("there").slice(0, -20)}`);
	assert.deepEqual(await lookup(irisd, one), { state: "taken", line: 3 });
});

errandTest("lookup: where the team's variables say, with any character", async (irisd) => {
	const one = randomUUID(), config = join(irisd.root, "far", "it's a $HOME; \"dir\" ä\n\\");
	writeFileSync(far(irisd, "-a", config).file, user(one) + answer("here"));
	assert.deepEqual(await lookup(irisd, one), ABSENT);
	assert.equal((await lookup(irisd, one, { env: { CLAUDE_CONFIG_DIR: config.replaceAll("\n", " ") } })).state, "absent");
	await refused(lookup(irisd, one, { env: { "A-B": "x" } }), "invalid", /A-B/);
	const plain = config.replaceAll("\n", "n");
	writeFileSync(far(irisd, "-a", plain).file, user(one) + answer("here"));
	assert.equal((await lookup(irisd, one, { env: { CLAUDE_CONFIG_DIR: plain, OTHER: null } })).answer, "here");
	/* Claude took it from the team's directory on, which is not known here. */
	for (const relative of ["conf", "~/conf"])
		await refused(lookup(irisd, one, { env: { CLAUDE_CONFIG_DIR: relative } }), "io", /absolute path/);
});

errandTest("lookup: what can not be read is an error, and never absent", async (irisd) => {
	const { dir, file } = far(irisd), one = randomUUID();
	symlinkSync(file, file);
	await refused(lookup(irisd, one), "io", new RegExp(`can not read Claude's transcript on box: .*-a/${conversation}.*can not be read`));
	rmSync(file);
	rmSync(dir, { recursive: true });
	rmSync(join(dir, ".."), { recursive: true });
	writeFileSync(join(dir, ".."), "");
	await refused(lookup(irisd, one), "io", /projects/);
});

errandTest("lookup: running while its Claude may still be in its turn; its input ends; kill ends it", async (irisd) => {
	const one = randomUUID(), variables = { IRIS_CLAUDE: randomUUID(), IRIS_CONVERSATION: conversation };
	writeFileSync(far(irisd).file, user(one));
	const claude = holder(irisd, variables, "trap '' TERM; exec sleep 600");
	const keeper = holder(irisd, { ...variables, IRIS_KEEPER: "x" });
	const other = holder(irisd, { IRIS_KEEPER: "x", IRIS_CONVERSATION: randomUUID() });
	try {
		assert.deepEqual(await lookup(irisd, one), { state: "running", line: 0 });
		await keeper.ended;
		assert.equal(claude.child.signalCode, null);
		assert.equal((await lookup(irisd, one, { kill: true })).state, "taken");
		await claude.ended;
		assert.equal(claude.child.signalCode, "SIGKILL");
		assert.equal(other.child.signalCode, null, "another conversation's");
	} finally {
		for (const { child, ended } of [claude, keeper, other]) {
			child.kill("SIGKILL");
			await ended;
		}
	}
});

errandTest("lookup: a turn that ends while it is looked for is its answer", async (irisd) => {
	const one = randomUUID(), { file } = far(irisd);
	writeFileSync(file, user(one));
	writeFileSync(join(irisd.root, "answer"), answer("in time"));
	const variables = { IRIS_CONVERSATION: conversation, IRIS_KEEPER: "x", FILE: file, ANSWER: join(irisd.root, "answer") };
	const { ended } = holder(irisd, variables, "trap 'cat \"$ANSWER\" >>\"$FILE\"; exit' TERM; while :; do sleep 0.05; done");
	assert.deepEqual(await lookup(irisd, one), { state: "answered", line: 1, answer: "in time" });
	await ended;
});

errandTest("lookup: one that arrives when nobody waits for it any more ends nothing", async (irisd) => {
	const one = randomUUID(), { file } = far(irisd);
	writeFileSync(file, user(one) + answer("there"));
	const { child } = holder(irisd, { IRIS_CONVERSATION: conversation, IRIS_KEEPER: "x" });
	await refused(lookup(irisd, one, { kill: true }, "late"), "line", /late /);
	assert.match(readFileSync(join(irisd.root, "sent"), "utf8"), /\n\.\n$/, "nothing goes there behind the script before it speaks");
	await waitFor(() => processesOf(irisd.root).length === 2, { what: "the late one's end" });
	assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
	child.kill();
});

errandTest("lookup: of a long transcript only what is needed is sent", async (irisd) => {
	const one = randomUUID(), two = randomUUID(), { file } = far(irisd);
	const filler = line({ type: "user", uuid: randomUUID(), message: { role: "user", content: "x".repeat(1e6) } });
	for (let i = 0; i < 100; i++)
		appendFileSync(file, i === 1 ? user(two) + answer("early") : filler);
	appendFileSync(file, user(one) + answer("late"));
	const sent = () => Number(readFileSync(join(irisd.root, "sent"), "utf8"));
	assert.deepEqual(await lookup(irisd, one, {}, "count"), { state: "answered", line: 102, answer: "late" });
	await waitFor(() => processesOf(irisd.root).length === 1 && sent() > 0);
	assert.ok(sent() < 2000, `${sent()} bytes`);
	rmSync(join(irisd.root, "sent"));
	assert.deepEqual(await lookup(irisd, two, {}, "count"), { state: "answered", line: 2, answer: "early" });
	await waitFor(() => processesOf(irisd.root).length === 1 && sent() > 0);
	assert.ok(sent() < 20e6, `${sent()} bytes`);
});

errandTest("forget: the conversation goes, in every project, and nothing else", async (irisd) => {
	const a = far(irisd, "-a"), b = far(irisd, "-b x"), other = join(a.dir, `${randomUUID()}.jsonl`);
	const outside = join(irisd.root, "outside");
	mkdirSync(outside);
	writeFileSync(join(outside, "kept"), "");
	writeFileSync(a.file, "x");
	writeFileSync(other, "x");
	writeFileSync(join(a.dir, `${conversation}.txt`), "x");
	mkdirSync(join(a.dir, conversation, "subagents"), { recursive: true });
	symlinkSync(outside, join(a.dir, conversation, "link"));
	symlinkSync(join(outside, "kept"), b.file);
	symlinkSync(outside, join(b.dir, conversation));
	const forget = (more = {}) => irisd.request("worker/forget", { session: "s1", claudeId: conversation, remote: remote("box"), ...more });
	const held = holder(irisd, { IRIS_CONVERSATION: conversation });
	assert.deepEqual(await forget(), { removed: true });
	await held.ended;
	assert.deepEqual(readdirSync(a.dir).sort(), [`${conversation}.txt`, other.slice(a.dir.length + 1)].sort());
	assert.deepEqual(readdirSync(b.dir), []);
	assert.ok(existsSync(join(outside, "kept")));
	assert.deepEqual(await forget(), { removed: true }, "nothing was there");
	await refused(forget({ claudeId: "../x" }), "invalid", /UUID/);
	rmSync(join(a.dir, ".."), { recursive: true });
	assert.deepEqual(await forget(), { removed: true });
});

errandTest("what a login prints, and what is no script: answers are told apart from it", async (irisd) => {
	const one = randomUUID();
	writeFileSync(far(irisd).file, user(one) + answer("through"));
	assert.equal((await lookup(irisd, one, {}, "noise")).answer, "through");
	assert.equal((await lookup(irisd, one, {}, "loose")).answer, "through", "and something else holds the line open");
	process.kill((await waitFor(() => processesOf(irisd.root).find((p) => p.command === "sleep 600"))).pid);
	await refused(lookup(irisd, one, {}, "forced"), "host", /forced did not run what Iris asked .*status 0: 1\) backup.*forced command/);
	await refused(lookup(irisd, one, {}, "nologin"), "host", /takes no logins \(ssh: This account is currently not available\)/);
	await refused(lookup(irisd, one, {}, "noshell"), "host", /did not run .*status 127: fish: Unknown command/);
	await refused(lookup(irisd, one, {}, "garbage"), "host", /did not run|too much/);
});

errandTest("every way in which ssh fails is one sentence", async (irisd) => {
	const one = randomUUID();
	await refused(lookup(irisd, one, {}, "unresolved"), "line", /name of unresolved is not found \(ssh: Could not resolve/);
	await refused(lookup(irisd, one, {}, "refused"), "line", /connection to refused is refused .*see that an ssh server/);
	await refused(lookup(irisd, one, {}, "changed"), "host", /key of changed has changed.*SHA256:uNiV.*iris remote trust changed/);
	await refused(lookup(irisd, one, {}, "denied"), "host", /denied refuses the login .*authorized_keys/);
	await refused(lookup(irisd, one, {}, "cut"), "line", /the line to cut was lost \(ssh: client_loop: send disconnect: Broken pipe\)/);
	await refused(lookup(irisd, one, { remote: remote("-oProxyCommand=x") }), "invalid", /remote\.dest/);
});

errandTest("what a host may send, and for how long, is bounded", async (irisd) => {
	const forget = (dest) => irisd.request("worker/forget", { session: "s1", claudeId: conversation, remote: remote(dest) });
	await refused(forget("huge"), "host", /what huge has sent is too much/);
	await refused(forget("lines"), "host", /what lines has sent is too much/);
	await refused(forget("shout"), "host", /what shout has sent is too much/);
	const started = performance.now();
	await refused(forget("hang"), "line", /hang has not answered within 1000 ms/);
	assert.ok(performance.now() - started < 15000);
	await refused(forget("stubborn"), "line", /stubborn has not answered/);
	await waitFor(() => processesOf(irisd.root).length === 1, { what: "it is killed" });
});

errandTest("many at once: sixteen run, the others wait, all are answered", async (irisd) => {
	const one = randomUUID();
	writeFileSync(far(irisd).file, user(one) + answer("fine"));
	const hanging = Array.from({ length: 16 }, () => assert.rejects(lookup(irisd, one, { remote: remote("gate", { connectTimeout: 60000 }) })));
	const late = Array.from({ length: 20 }, () => lookup(irisd, one));
	const calls = () => readFileSync(join(irisd.root, "calls"), "utf8").trim().split("\n").map((l) => l.split(" ")[0]);
	await waitFor(() => calls().length === 16);
	assert.ok(calls().every((d) => d === "gate"));
	writeFileSync(join(irisd.root, "gate"), "");
	for (const r of await Promise.all(late))
		assert.equal(r.answer, "fine");
	await Promise.all(hanging);
	assert.equal(calls().length, 36);
});

errandTest("irisd goes away: its errands are ended, and the next one asks anew", async (irisd) => {
	const one = randomUUID();
	writeFileSync(far(irisd).file, user(one) + answer("fine"));
	lookup(irisd, one, { remote: remote("hang", { connectTimeout: 60000 }) }).catch(() => {});
	await waitFor(() => existsSync(join(irisd.root, "calls")));
	irisd.die();
	await waitFor(() => processesOf(irisd.root).length === 1, { what: "only the worker is left" });
	await irisd.comeBack();
	assert.equal((await lookup(irisd, one)).answer, "fine");
});

errandTest("the worker stops: what is asked is refused, and nothing is left", async (irisd) => {
	const asked = refused(lookup(irisd, randomUUID(), { remote: remote("stubborn", { connectTimeout: 60000 }) }), "unavailable", /stopping/);
	await waitFor(() => existsSync(join(irisd.root, "calls")));
	await irisd.request("worker/stop", {}, 20000);
	await asked;
	await irisd.ended;
});

errandTest("a tunnel that is being made again when irisd comes: the next one is told that it is down, though not for another reason", async (irisd) => {
	const open = (n) => writeFileSync(join(irisd.root, `gate${n}`), ""), down = () => irisd.event("event/tunnel", (p) => p.state === "down");
	await irisd.request("worker/tunnel", { on: true, plan: "p", socket: "/s", remote: remote("gate", { connectTimeout: 60000 }) });
	open(1);
	const { why } = await down();
	await waitFor(() => readFileSync(join(irisd.root, "calls"), "utf8").split("\n").length === 3, { what: "the second try" });
	irisd.die();
	assert.equal((await irisd.comeBack()).tunnel.state, "making");
	open(2);
	assert.equal((await down()).why, why);
	await irisd.request("worker/tunnel", { on: false });
});

const check = (irisd, dest, more = {}) => irisd.request("worker/check",
	{ cwd: "~/work", claudePath: fakeClaudePath(), env: {}, remote: remote(dest), ...more }, 40000);
const shape = ({ steps }) => steps.map((s) => [s.name, s.ok]);
const ALL = ["resolve", "connect", "hostkey", "login", "directory", "claude", "storage"];
const upTo = (name) => ALL.slice(0, ALL.indexOf(name) + 1).map((n) => [n, n !== name]);

errandTest("check: every step with its time, and what was found", async (irisd) => {
	mkdirSync(join(irisd.root, "far", "work"));
	const r = await check(irisd, "box");
	assert.deepEqual(shape(r), ALL.map((n) => [n, true]), JSON.stringify(r));
	assert.equal(r.ok, true);
	assert.ok(r.steps.every((s) => Number.isInteger(s.ms) && s.ms >= 0 && s.mend === undefined));
	const detail = Object.fromEntries(r.steps.map((s) => [s.name, s.detail]));
	assert.equal(detail.resolve, "192.0.2.7 port 22");
	assert.match(detail.hostkey, /^ssh-ed25519 SHA256:0+$/);
	assert.equal(detail.login, "publickey");
	assert.equal(detail.directory, join(irisd.root, "far", "work"));
	assert.match(detail.claude, /fake-claude, \d+\.\d+\.\d+/);
	assert.match(detail.storage, /far\/\.claude, \d+ MiB free/);
	assert.deepEqual(readdirSync(join(irisd.root, "far", ".claude")), []);
	const last = (await check(irisd, "box", { tunnel: true })).steps.at(-1);
	assert.deepEqual([last.name, last.ok], ["tunnel", false], "this worker was told of none");
});

errandTest("check: the first step that fails is the last, and says how to mend it", async (irisd) => {
	const work = join(irisd.root, "far", "work");
	const fails = async (name, detail, mend, dest = "box", more = {}) => {
		const r = await check(irisd, dest, more);
		assert.deepEqual(shape(r), upTo(name), JSON.stringify(r));
		assert.equal(r.ok, false);
		assert.match(r.steps.at(-1).detail, detail);
		assert.match(r.steps.at(-1).mend, mend);
	};
	await fails("resolve", /Could not resolve hostname/, /on the network/, "unresolved");
	await fails("connect", /Connection refused/, /ssh server listens/, "refused");
	await fails("hostkey", /has changed.*SHA256:uNiV/, /iris remote trust changed/, "changed");
	await fails("login", /Permission denied \(publickey\)/, /authorized_keys/, "denied");
	await fails("resolve", /has not answered within/, /reached/, "hang");
	await fails("directory", /there is no .*far\/work/, /make it there/);
	writeFileSync(work, "");
	await fails("directory", /far\/work is no directory/, /path/);
	rmSync(work);
	mkdirSync(work);
	await fails("claude", /no claude in/, /install Claude Code/, "box", { claudePath: "no-such-claude" });
	const program = (text) => {
		writeFileSync(join(work, "claude"), text, { mode: 0o755 });
		return { claudePath: join(work, "claude") };
	};
	await fails("claude", /--version ended with status 3: it is "broken"/, /anew/, "box",
		program("#!/bin/sh\necho 'it is \"broken\"'\nexit 3\n"));
	chmodSync(join(work, "claude"), 0o644);
	await fails("claude", /not executable/, /chmod/, "box", { claudePath: join(work, "claude") });
	writeFileSync(join(irisd.root, "far", ".claude"), "");
	await fails("storage", /\.claude/, /./);
	await refused(check(irisd, "box", { env: { "A=B": "x" } }), "invalid", /A=B/);
	await refused(irisd.request("worker/check", { cwd: "/" }), "invalid", /remote/);
});

errandTest("check: a claude that hangs or does not stop talking is ended", async (irisd) => {
	mkdirSync(join(irisd.root, "far", "work"));
	const path = join(irisd.root, "claude");
	writeFileSync(path, "#!/bin/sh\necho 1.2.3\nsetsid sleep 600 & sleep 600\n", { mode: 0o755 });
	const r = await check(irisd, "box", { claudePath: path });
	assert.deepEqual(shape(r), upTo("claude"));
	assert.match(r.steps.at(-1).detail, /ended with status 137: 1\.2\.3/);
	await waitFor(() => !processesOf(irisd.root).some((p) => p.command === "sleep 600"), { what: "nothing of it is left" });
	writeFileSync(path, "#!/bin/sh\nexec yes\n", { mode: 0o755 });
	const loud = await check(irisd, "box", { claudePath: path });
	assert.match(loud.steps.at(-1).detail, /too much/);
	await waitFor(() => processesOf(irisd.root).length === 1, { what: "nothing of it is left" });
});

for (const name of shells)
	errandTest(`the scripts in ${name}`, async (irisd) => {
		const one = randomUUID(), { file, dir } = far(irisd, "-a b");
		mkdirSync(join(irisd.root, "far", "it's \"$x\" \\ *"));
		assert.deepEqual(await lookup(irisd, one), ABSENT);
		writeFileSync(file, user(randomUUID()) + answer("no") + user(one) + answer("yes"));
		assert.deepEqual(await lookup(irisd, one), { state: "answered", line: 3, answer: "yes" });
		assert.deepEqual(await lookup(irisd, randomUUID()), ABSENT);
		const held = holder(irisd, { IRIS_CONVERSATION: conversation }, "trap '' TERM; exec sleep 600");
		assert.equal((await lookup(irisd, one, { kill: true })).state, "answered");
		await held.ended;
		const r = await check(irisd, "box", { cwd: "~/it's \"$x\" \\ *" });
		assert.ok(r.ok, JSON.stringify(r));
		assert.equal(r.steps[4].detail, join(irisd.root, "far", "it's \"$x\" \\ *"));
		assert.match(r.steps[6].detail, /MiB free/);
		assert.deepEqual(shape(await check(irisd, "box", { cwd: "~/work" })), upTo("directory"));
		assert.deepEqual(shape(await check(irisd, "box", { cwd: ".", claudePath: "/bin/false" })), upTo("claude"));
		assert.deepEqual(await irisd.request("worker/forget", { session: "s1", claudeId: conversation, remote: remote("box") }), { removed: true });
		assert.deepEqual(readdirSync(dir), []);
		symlinkSync(file, file);
		await refused(lookup(irisd, one), "io", /can not be read/);
	}, { FAR_SH: join(bin, name, "sh"), FAR_PATH: name === "busybox" ? join(bin, name) : "" });

errandTest("no ssh program here: the first step says so, and so does every errand", async (irisd) => {
	const r = await check(irisd, "box");
	assert.deepEqual(shape(r), [["resolve", false]]);
	assert.match(r.steps[0].detail, /there is no ssh program/);
	await refused(lookup(irisd, randomUUID()), "host", /there is no ssh program/);
}, { PATH: "/nonexistent" });
