/* SPDX-License-Identifier: MIT
 *
 * fake-claude shows each of its faults as its help says, and only then: a test that asks for a
 * fault which does not happen would prove nothing. Also the demo answer.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fakeClaudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { assertNoneLeft, processesOf } from "../lib/processes.mjs";
import { Claude } from "../lib/stream-json.mjs";
import { waitFor, within } from "../lib/wait.mjs";

const results = (claude) => claude.lines.filter((l) => l.type === "result");
const later = () =>
	new Promise((resolve) =>
		setTimeout(resolve, 150),
	); /* to see that something does NOT come */

describe("fake-claude's faults", { timeout: 600000 }, () => {
	let world, started;

	beforeEach(() => {
		started = [];
		world = makeClaudeEnv({
			projects: {
				project: {},
				backend: {
					"API.md": "# API\n\n- The API version is in the path: `/v2/users`.\n- Errors are RFC 9457 problem documents.\n",
				},
			},
		});
	});
	afterEach(async () => {
		for (const claude of started) await claude.kill();
		await assertNoneLeft(world.root);
		world.cleanup();
	});

	const open = (fault, { args = [], cwd = world.dirs.project, env = {} } = {}) => {
		const claude = new Claude(fakeClaudePath(), {
			cwd,
			args,
			env: {
				...world.env,
				...(fault ? { FAKE_CLAUDE_FAULT: fault } : {}),
				...env,
			},
		});
		started.push(claude);
		return claude;
	};
	/*
	 * A healthy process that is told its fault in the text, in an envelope as Iris writes it.
	 */
	const told = async (fault, rest = "ECHO body") => {
		const claude = open();
		await claude.initialize();
		const sent = claude.user(
			`<iris-message id="1" from="a" to="b" hop="1">\nFAULT ${fault}\n${rest}\n</iris-message>`,
		);
		return { claude, sent };
	};

	test("every fault is in --help, and an unknown one is refused", () => {
		const text = execFileSync(fakeClaudePath(), ["--help"], { encoding: "utf8" });
		const source = readFileSync(
			new URL("../fake-claude/fake-claude.c", import.meta.url),
			"utf8",
		);
		const named = text
			.split("Faults, by FAULT")[1]
			.match(/^ {2}[a-z0-9-]+/gm)
			.map((n) => n.trim());
		assert.equal(named.length, 19);
		for (const name of named)
			assert.ok(source.includes(name), `${name} is in the header comment`);
		assert.throws(() =>
			execFileSync(fakeClaudePath(), ["--version"], {
				env: { ...world.env, FAKE_CLAUDE_FAULT: "no-such" },
				stdio: "pipe",
			}),
		);
	});

	test("hang-at-start: no answer, no end at EOF; TERM ends it", async () => {
		const claude = open("hang-at-start");
		claude.send({
			type: "control_request",
			request_id: "x",
			request: { subtype: "initialize" },
		});
		claude.child.stdin.end();
		await later();
		assert.deepEqual(claude.lines, []);
		assert.equal(claude.child.exitCode, null);
		claude.child.kill("SIGTERM");
		assert.equal((await claude.exited).code, 143);
	});

	test("slow-bytes: a byte a millisecond, the line is whole", async () => {
		const { claude, sent } = await told("slow-bytes");
		const begun = performance.now();
		const { result } = await claude.finish(sent);
		assert.equal(result.result, "body");
		assert.ok(
			performance.now() - begun > 1000,
			"some thousand bytes took more than a second",
		);
	});

	test("half-line-then-die, exit-without-result, crash-mid-turn, crash-before-seen: the process is gone, no result", async () => {
		const ends = {
			"half-line-then-die": [{ code: 1, signal: null }, true],
			"exit-without-result": [{ code: 0, signal: null }, true],
			"crash-mid-turn": [{ code: null, signal: "SIGKILL" }, true],
			"crash-before-seen": [{ code: null, signal: "SIGKILL" }, false],
		};
		for (const [fault, [end, seen]] of Object.entries(ends)) {
			const { claude, sent } = await told(fault);
			assert.deepEqual(await within(20000, claude.exited, fault), end, fault);
			assert.deepEqual(results(claude), [], fault);
			assert.equal(
				claude.lines.some(
					(l) =>
						l.command_uuid === sent.uuid &&
						l.state === "started",
				),
				seen,
				fault,
			);
			assert.equal(
				claude.lines.some((l) => l.type === "junk"),
				fault === "half-line-then-die",
				fault,
			);
		}
	});

	test("line-100mb: one line of 100 MB, then the turn goes on", async () => {
		const { claude, sent } = await told("line-100mb");
		const { lines, result } = await claude.finish(sent);
		assert.equal(result.result, "body");
		assert.ok(lines.some((l) => l.message?.content?.[0]?.text?.length === 100_000_000));
	});

	test("invalid-utf8 and nul-in-line: bytes that no JSON line may have", async () => {
		for (const [fault, junk] of [
			["invalid-utf8", false],
			["nul-in-line", true],
		]) {
			const { claude, sent } = await told(fault);
			const { lines, result } = await claude.finish(sent);
			assert.equal(result.result, "body");
			assert.equal(
				lines.some((l) => l.type === "junk" && l.text.includes("\0")),
				junk,
			);
			assert.equal(
				lines.some((l) =>
					l.message?.content?.[0]?.text?.includes("\uFFFD"),
				),
				!junk,
			);
		}
	});

	test("result-before-init, double-result, result-not-is-error-null: odd results", async () => {
		const order = async (fault) => {
			const { claude, sent } = await told(fault);
			const { lines } = await claude.finish(sent);
			return lines
				.filter((l) => l.type === "result" || l.subtype === "init")
				.map((l) => l.type);
		};
		assert.deepEqual(await order("result-before-init"), ["result", "system"]);
		assert.deepEqual(await order("double-result"), ["system", "result", "result"]);
		const { claude, sent } = await told("result-not-is-error-null");
		assert.equal((await claude.finish(sent)).result.is_error, null);
	});

	test("api-error is of that turn only", async () => {
		const { claude, sent } = await told("api-error");
		const { result } = await claude.finish(sent);
		assert.deepEqual(
			[result.subtype, result.is_error, result.api_error_status],
			["success", true, 400],
		);
		assert.equal((await claude.turn("ECHO well again")).result.is_error, false);
	});

	test("ignore-term: TERM, INT, EOF and end_session change nothing", async () => {
		const { claude, sent } = await told("ignore-term");
		await claude.finish(sent);
		claude.child.kill("SIGTERM");
		claude.child.kill("SIGINT");
		await claude.control({ subtype: "end_session" });
		claude.child.stdin.end();
		await later();
		assert.equal(claude.child.exitCode, null);
		assert.equal(claude.child.signalCode, null);
	});

	test("grandchild-keeps-pipe: the process ends, its pipe does not", async () => {
		const { claude } = await told("grandchild-keeps-pipe");
		await waitFor(() => claude.child.exitCode !== null, { what: "the exit" });
		assert.equal(claude.child.exitCode, 0);
		assert.deepEqual(results(claude), []);
		let closed = false;
		claude.exited.then(() => (closed = true));
		await later();
		assert.equal(closed, false, "somebody holds stdout");
		for (const { pid } of processesOf(world.root)) process.kill(pid, "SIGKILL");
		await within(20000, claude.exited, "the pipe to close");
	});

	test("never-reads-stdin: ready, then the pipe fills up", async () => {
		const claude = open("never-reads-stdin");
		assert.equal((await claude.initialize()).subtype, "success");
		claude.user("x".repeat(1_000_000));
		await later();
		assert.ok(claude.child.stdin.writableLength > 0, "bytes are stuck on our side");
		assert.ok(claude.lines.every((l) => l.type !== "command_lifecycle"));
	});

	test("silent-turn: started, then nothing, not even an answer to interrupt", async () => {
		const { claude, sent } = await told("silent-turn");
		await claude.lifecycle(sent, "started");
		claude.send({
			type: "control_request",
			request_id: "i",
			request: { subtype: "interrupt" },
		});
		await later();
		assert.equal(claude.lines.at(-1).state, "started");
	});

	test("other-session-id: not the one it was started with", async () => {
		const id = randomUUID();
		const claude = open("other-session-id", { args: [`--session-id=${id}`] });
		await claude.initialize();
		const { lines, result } = await claude.turn("ECHO hi");
		assert.notEqual(lines.find((l) => l.subtype === "init").session_id, id);
		assert.notEqual(result.session_id, id);
	});

	test("a fault once: only the first process has it; a file in the directory works as the variable does", async () => {
		const once = { env: { FAKE_CLAUDE_FAULT_ONCE: join(world.root, "spent") } };
		writeFileSync(join(world.dirs.project, ".fake-claude-fault"), "crash-mid-turn\n");
		const first = open(undefined, once);
		await first.initialize();
		first.user("ECHO hi");
		assert.equal((await first.exited).signal, "SIGKILL");
		const second = open(undefined, once);
		await second.initialize();
		assert.equal((await second.turn("ECHO hi")).result.result, "hi");
	});

	test("HOLD waits for the file, PERM and USAGE say what happened, ENV and RAW show what came", async () => {
		const claude = open();
		await claude.initialize();
		const file = join(world.root, "go on");
		const held = claude.user(`HOLD ${file}\nECHO after`);
		await claude.lifecycle(held, "started");
		await later();
		assert.deepEqual(results(claude), []);
		writeFileSync(file, "");
		const { lines, result } = await claude.finish(held);
		assert.equal(result.result, "after");
		assert.equal(lines.filter((l) => l.type === "assistant").length, 2);
		assert.match((await claude.turn("PERM Write")).result.result, /^allowed: /);
		const { usage } = (await claude.turn("USAGE 1000 200")).result;
		assert.ok(usage.input_tokens > 1000 && usage.output_tokens > 200);
		assert.equal((await claude.turn("ENV USER")).result.result, "USER=tester");
		assert.equal((await claude.turn("RAW  <b>&amp;")).result.result, "RAW  <b>&amp;");
		assert.ok(existsSync(world.configDir));
	});

	test("without a directive it answers from the project's own documents", async () => {
		const claude = open(undefined, { cwd: world.dirs.backend });
		await claude.initialize();
		const ask = async (q) =>
			(
				await claude.turn(
					`<iris-message id="1" from="a" to="b" hop="1">\n${q}\n</iris-message>`,
				)
			).result.result;
		const known = await ask("How do you version the API?");
		assert.match(
			known,
			/^Here in backend, API\.md says:\n- The API version is in the path: `\/v2\/users`\.$/,
		);
		const unknown = await ask("Which whale sings?");
		assert.match(unknown, /backend.*demo agent.*Which whale sings\?/);
	});
});
