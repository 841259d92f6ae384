/* SPDX-License-Identifier: MIT
 *
 * What Iris relies on in Claude Code, asserted on the real CLI and on fake-claude alike: so the
 * fake stays honest, and a new version of the real one that breaks Iris is noticed here first. The
 * real one talks to the scripted Messages API.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { claudePath, fakeClaudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { assertNoneLeft } from "../lib/processes.mjs";
import { Claude } from "../lib/stream-json.mjs";
import { waitFor } from "../lib/wait.mjs";
import { directiveRules, startMessagesApi } from "./messages-api.mjs";

const subjects = [
	{
		name: "real",
		program: claudePath(),
		loggedOut: (env) => ({ ...env, ANTHROPIC_API_KEY: "" }),
	},
	{
		name: "fake",
		program: fakeClaudePath(),
		loggedOut: (env) => ({ ...env, FAKE_CLAUDE_FAULT: "not-logged-in" }),
	},
];

/* As iris-worker passes it, beside tools that the configuration names. */
const FREE = ["--allowedTools=mcp__iris", "--allowedTools=Bash(true, false)"];
const is = (type, subtype) => (l) =>
	l.type === type && (subtype === undefined || l.subtype === subtype);
const texts = (lines) =>
	lines
		.filter(is("assistant"))
		.flatMap((l) => l.message.content)
		.filter((b) => b.type === "text")
		.map((b) => b.text);
const permissionsAsked = (lines) =>
	lines.filter((l) => l.request?.subtype === "can_use_tool").map((l) => l.request);
const sum = (models) => Object.values(models).reduce((n, m) => n + m.costUSD, 0);

function indexes(lines, uuid) {
	const at = (f) => lines.findIndex(f);
	return {
		queued: at((l) => l.command_uuid === uuid && l.state === "queued"),
		started: at((l) => l.command_uuid === uuid && l.state === "started"),
		init: at(is("system", "init")),
		replay: at((l) => l.type === "user" && l.isReplay && l.uuid === uuid),
		assistant: at(is("assistant")),
		result: at(is("result")),
		completed: at((l) => l.command_uuid === uuid && l.state === "completed"),
	};
}

/*
 * The rule for the name of a project's directory, written down a third time: here, from the
 * description.
 */
function projectName(path) {
	const name = path.normalize("NFC").replace(/[^a-zA-Z0-9]/g, "-");
	if (name.length <= 200) return name;
	let hash = 0;
	for (let i = 0; i < path.length; i++) hash = (Math.imul(hash, 31) + path.charCodeAt(i)) | 0;
	return `${name.slice(0, 200)}-${Math.abs(hash).toString(36)}`;
}

for (const subject of subjects) {
	describe(`${subject.name} claude`, { timeout: 600000 }, () => {
		let api, world, started;

		before(async () => {
			api = await startMessagesApi(directiveRules);
		});
		after(() => api.close());

		const open = (options = {}) => {
			world ??= makeClaudeEnv({ api });
			const claude = new Claude(subject.program, {
				cwd: world.dirs.project,
				env: world.env,
				...options,
			});
			(started ??= []).push(claude);
			return claude;
		};
		const openReady = async (options) => {
			const claude = open(options);
			await claude.initialize();
			return claude;
		};
		afterEach(async () => {
			for (const claude of started ?? []) await claude.kill();
			if (world) {
				await assertNoneLeft(world.root);
				world.cleanup();
			}
			started = world = undefined;
		});
		const transcript = (session) => world.transcript(session);

		test("says its version", () => {
			const out = execFileSync(subject.program, ["--version"], {
				encoding: "utf8",
			});
			assert.match(out, /^2\.1\.330 \(Claude Code/);
		});

		test("auth status: exit status and JSON", () => {
			world = makeClaudeEnv({ api });
			const run = (env) =>
				spawnSync(subject.program, ["auth", "status"], {
					env,
					encoding: "utf8",
					cwd: world.dirs.project,
				});
			const inside = run(world.env),
				outside = run(subject.loggedOut(world.env));
			assert.equal(inside.status, 0);
			assert.equal(JSON.parse(inside.stdout).loggedIn, true);
			assert.equal(outside.status, 1);
			assert.equal(JSON.parse(outside.stdout).loggedIn, false);
		});

		test("initialize is answered before any user line, with pid and account, and nothing else is printed", async () => {
			const id = randomUUID();
			const claude = open({ args: [`--session-id=${id}`] });
			const { subtype, response } = await claude.initialize();
			assert.equal(subtype, "success");
			assert.equal(response.pid, claude.child.pid);
			assert.equal(response.account.apiKeySource, "ANTHROPIC_API_KEY");
			assert.ok(
				claude.lines.every((l) => /^control_/.test(l.type)),
				"only control lines before the first turn",
			);
			assert.equal(
				existsSync(join(world.configDir, "projects")),
				false,
				"no transcript yet",
			);
			assert.deepEqual(await claude.eof(), { code: 0, signal: null });
			assert.equal(claude.stderr, "");
		});

		test("the in-band server is initialised, then listed, whatever the tools are", async () => {
			const claude = await openReady({ tools: { list_teams: () => "none" } });
			const { result, lines } = await claude.turn("ECHO hi");
			assert.equal(result.result, "hi");
			const methods = claude.lines
				.map((l) => l.request?.message?.method)
				.filter(Boolean);
			assert.deepEqual(methods, [
				"initialize",
				"notifications/initialized",
				"tools/list",
			]);
			const init = lines.find(is("system", "init"));
			assert.ok(init.tools.includes("mcp__iris__list_teams"));
			assert.deepEqual(init.mcp_servers, [
				{ name: "iris", status: "connected", source: "sdk" },
			]);
		});

		test("a turn: ladder, replay of our uuid, init each time, result, cost, transcript", async () => {
			const id = randomUUID();
			const claude = await openReady({ args: [`--session-id=${id}`] });
			let total = 0;
			for (const word of ["first", "second"]) {
				const sent = claude.user(`ECHO ${word}`);
				const { result, lines } = await claude.finish(sent);
				const i = indexes(lines, sent.uuid);
				const order = [
					i.queued,
					i.started,
					i.init,
					i.replay,
					i.assistant,
					i.result,
					i.completed,
				];
				assert.ok(
					order.every(
						(n, k) => n >= 0 && (k === 0 || n > order[k - 1]),
					),
					JSON.stringify(i),
				);
				assert.equal(lines[i.init].session_id, id);
				assert.equal(lines[i.init].cwd, world.dirs.project);
				assert.equal(lines[i.init].permissionMode, "default");
				assert.deepEqual(lines[i.replay].message, {
					role: "user",
					content: `ECHO ${word}`,
				});
				assert.equal(result.subtype, "success");
				assert.equal(result.is_error, false);
				assert.equal(result.result, word);
				assert.equal(result.session_id, id);
				assert.equal(result.num_turns, 1);
				assert.equal(result.user_message_uuid, sent.uuid);
				assert.deepEqual(result.user_message_uuids, [sent.uuid]);
				assert.ok(
					result.usage.input_tokens > 0 &&
						result.usage.output_tokens > 0,
				);
				total += sum(result.model_usage_since_last_result);
				assert.ok(
					Math.abs(result.total_cost_usd - total) < 1e-9,
					"cost accumulates",
				);
				/* The real one writes it a moment after it has told that the turn is over. */
				await waitFor(
					() =>
						transcript(id).some(
							(l) => l.type === "user" && l.uuid === sent.uuid,
						),
					{ what: "the line in the transcript" },
				);
			}
			assert.deepEqual(await claude.eof(), { code: 0, signal: null });
		});

		test("several text blocks: an assistant line each, the result has the last one only", async () => {
			const claude = await openReady();
			const { result, lines } = await claude.turn("BLOCKS one|two|three");
			assert.deepEqual(texts(lines), ["one", "two", "three"]);
			assert.equal(result.result, "three");
		});

		test("deltas come while it is written, the replay with the first of them", async () => {
			const claude = await openReady();
			const isDelta = (l) => l.event?.type === "content_block_delta";
			const { lines } = await claude.turn("SLOW 600 a b c d e f");
			const replay = lines.findIndex((l) => l.isReplay);
			assert.ok(replay !== -1 && replay < lines.findIndex(isDelta));
			assert.ok(lines.findLastIndex(isDelta) < lines.findIndex(is("assistant")));
			const deltas = lines.filter(isDelta);
			assert.equal(deltas.map((l) => l.event.delta.text).join(""), "a b c d e f");
			assert.ok(deltas.length >= 6);
		});

		test("interrupt: partial text, is_error, cancelled; the process goes on", async () => {
			const claude = await openReady();
			const sent = claude.user("SLOW 20000 a b c d e f g h i j");
			await claude.line((l) => l.event?.type === "content_block_delta", {
				from: sent.from,
			});
			const answer = await claude.control({ subtype: "interrupt" });
			assert.deepEqual(answer.response, { still_queued: [] });
			const { result, lines } = await claude.finish(sent);
			assert.equal(result.is_error, true);
			assert.equal(result.subtype, "error_during_execution");
			assert.match(result.terminal_reason, /^aborted_/);
			assert.equal(result.user_message_uuid, sent.uuid);
			assert.match(texts(lines).join(""), /^a/);
			assert.equal(lines.findLast(is("command_lifecycle")).state, "cancelled");
			assert.deepEqual(
				(await claude.control({ subtype: "interrupt" })).subtype,
				"success",
				"also when idle",
			);
			assert.equal(
				(await claude.turn("ECHO still here")).result.result,
				"still here",
			);
			assert.deepEqual(await claude.eof(), { code: 0, signal: null });
		});

		test("get_binary_version: answered at once in every state, and the conversation knows nothing of it", async () => {
			const id = randomUUID();
			const claude = await openReady({ args: [`--session-id=${id}`] });
			const alive = async () => {
				const answer = await claude.control({ subtype: "get_binary_version" });
				assert.equal(answer.subtype, "success");
				assert.match(answer.response.version, /^2\.1\./);
			};
			await alive();
			const slow = claude.user("SLOW 20000 a b c d e f g h i j");
			await claude.line((l) => l.event?.type === "content_block_delta", {
				from: slow.from,
			});
			await alive();
			await claude.control({ subtype: "interrupt" });
			await claude.finish(slow);
			const begun = join(world.dirs.project, "begun");
			const tool = claude.user(`BASH echo $$ > ${begun}; exec tail -f /dev/null`);
			await waitFor(() => existsSync(begun), { what: "the command to run" });
			await alive();
			await claude.control({ subtype: "interrupt" });
			await claude.finish(tool);
			await alive();
			assert.equal((await claude.turn("ECHO fine")).result.result, "fine");
			assert.doesNotMatch(JSON.stringify(transcript(id)), /binary_version/);
			assert.deepEqual(await claude.eof(), { code: 0, signal: null });
		});

		test("can_use_tool: allow with another input, deny with a message", async () => {
			let decide;
			const claude = await openReady({ permit: (q) => decide(q) });
			decide = (q) => ({
				behavior: "allow",
				updatedInput: { ...q.input, command: "echo replaced" },
			});
			const allowed = await claude.turn("BASH touch made-by-tool");
			const [asked] = permissionsAsked(allowed.lines);
			assert.equal(asked.tool_name, "Bash");
			assert.equal(asked.input.command, "touch made-by-tool");
			assert.match(asked.tool_use_id, /^toolu_/);
			assert.equal(allowed.result.result, "replaced");
			assert.equal(existsSync(join(world.dirs.project, "made-by-tool")), false);
			decide = () => ({ behavior: "deny", message: "The supervisor says no." });
			const denied = await claude.turn("BASH touch made-by-tool");
			assert.match(denied.result.result, /The supervisor says no\./);
			assert.equal(denied.result.is_error, false);
			assert.equal(existsSync(join(world.dirs.project, "made-by-tool")), false);
		});

		test("an in-band tool asks for permission, unless --allowedTools names the server", async () => {
			const tools = { list_teams: (args) => `teams for ${args.who}` };
			const asking = await openReady({ tools });
			const first = await asking.turn('TOOL list_teams {"who":"me"}');
			assert.equal(
				permissionsAsked(first.lines)[0]?.tool_name,
				"mcp__iris__list_teams",
			);
			assert.match(first.result.result, /teams for me/);
			const free = await openReady({ tools, args: FREE });
			const second = await free.turn('TOOL list_teams {"who":"you"}');
			assert.deepEqual(permissionsAsked(second.lines), []);
			assert.match(second.result.result, /teams for you/);
		});

		test("in-band call: progress is accepted meanwhile, our own answers come back as an echo", async () => {
			let meta, progress;
			const tools = {
				ask_message: async (args, call) => {
					meta = call.meta;
					progress = await call.progress(1, "queued");
					return "answered";
				},
			};
			const claude = await openReady({ tools, args: FREE });
			const { result, lines } = await claude.turn("TOOL ask_message {}");
			assert.equal(result.result, "answered");
			assert.ok(
				meta.progressToken !== undefined &&
					meta["claudecode/toolUseId"].startsWith("toolu_"),
			);
			assert.equal(progress.subtype, "success");
			const call = lines.find((l) => l.request?.message?.method === "tools/call");
			const echo = lines.find(
				(l) =>
					l.type === "control_response" &&
					l.response.request_id === call.request_id,
			);
			assert.equal(
				echo.response.response.mcp_response.result.content[0].text,
				"answered",
			);
		});

		test("interrupt during an in-band call cancels the call", async () => {
			let cancelled;
			const tools = {
				ask_message: async (args, call) => {
					cancelled = await call.cancelled;
					return "too late";
				},
			};
			const claude = await openReady({ tools, args: FREE });
			const sent = claude.user("TOOL ask_message {}");
			await claude.line((l) => l.request?.message?.method === "tools/call", {
				from: sent.from,
			});
			await claude.control({ subtype: "interrupt" });
			const { result } = await claude.finish(sent);
			assert.equal(result.is_error, true);
			await waitFor(() => cancelled, { what: "notifications/cancelled" });
			assert.match(cancelled, /AbortError/);
			assert.equal((await claude.turn("ECHO next")).result.result, "next");
		});

		test("two lines written in mid-turn become one turn; the result names both", async () => {
			const claude = await openReady();
			const gate = join(world.dirs.project, "gate");
			const slow = claude.user(`HOLD ${gate}`);
			await claude.lifecycle(slow, "started");
			const one = claude.user("ECHO one"),
				two = claude.user("ECHO two");
			await claude.lifecycle(two, "queued");
			writeFileSync(gate, "");
			await claude.finish(slow);
			const { result } = await claude.finish({
				...two,
				from: claude.lines.findIndex((l) => l.command_uuid === two.uuid),
			});
			const last = claude.lines.findLast(is("result"));
			assert.deepEqual(last.user_message_uuids, [one.uuid, two.uuid]);
			assert.equal(last.user_message_uuid, two.uuid);
			assert.ok(result);
			assert.equal(claude.lines.filter(is("result")).length, 2);
			const merged = claude.lines.find((l) => l.isReplay && l.uuid === two.uuid);
			assert.equal(merged.message.content, "ECHO one\nECHO two");
		});

		test("an API error is is_error with subtype success; exit status 1 at EOF", async () => {
			const claude = await openReady();
			const { result, lines } = await claude.turn("FAULT api-error");
			assert.equal(result.subtype, "success");
			assert.equal(result.is_error, true);
			assert.equal(result.api_error_status, 400);
			assert.match(texts(lines)[0], /^API Error: 400/);
			assert.equal(lines.findLast(is("command_lifecycle")).state, "cancelled");
			assert.deepEqual(await claude.eof(), { code: 1, signal: null });
		});

		test("not logged in: seen in initialize, and said in the result", async () => {
			world = makeClaudeEnv({ api });
			const claude = open({ env: subject.loggedOut(world.env) });
			const { response } = await claude.initialize();
			assert.equal(response.account.tokenSource, "none");
			assert.equal(response.account.apiKeySource, undefined);
			const { result } = await claude.turn("ECHO hi");
			assert.equal(result.is_error, true);
			assert.equal(result.subtype, "success");
			assert.equal(result.result, "Not logged in · Please run /login");
		});

		test("--resume: same session, same file, cost goes on; --session-id in use and unknown --resume are refused", async () => {
			const id = randomUUID();
			const first = await openReady({ args: [`--session-id=${id}`] });
			const cost = (await first.turn("ECHO one")).result.total_cost_usd;
			await first.eof();
			const again = await openReady({ args: [`--resume=${id}`] });
			const { result, lines } = await again.turn("ECHO two");
			assert.equal(lines.find(is("system", "init")).session_id, id);
			assert.ok(result.total_cost_usd > cost);
			assert.ok(
				sum(result.model_usage_since_last_result) < result.total_cost_usd,
			);
			await again.eof();
			const users = transcript(id)
				.filter((l) => l.type === "user")
				.map((l) => l.message.content);
			assert.deepEqual(users, ["ECHO one", "ECHO two"]);

			const taken = open({ args: [`--session-id=${id}`] });
			assert.deepEqual(await taken.exited, { code: 1, signal: null });
			assert.equal(
				taken.stderr.trim(),
				`Error: Session ID ${id} is already in use.`,
			);

			const nobody = randomUUID();
			const lost = open({ args: [`--resume=${nobody}`] });
			assert.deepEqual(await lost.exited, { code: 1, signal: null });
			assert.match(
				lost.stderr,
				new RegExp(`^No conversation found with session ID: ${nobody}`),
			);
			assert.equal(lost.lines.length, 1);
			assert.equal(lost.lines[0].type, "result");
			assert.equal(lost.lines[0].is_error, true);
			assert.deepEqual(lost.lines[0].errors, [
				`No conversation found with session ID: ${nobody}`,
			]);

			const bad = open({ args: ["--session-id", "not-a-uuid"] });
			assert.deepEqual(await bad.exited, { code: 1, signal: null });
			assert.match(bad.stderr, /Invalid session ID/);
		});

		test("EOF in mid-turn: the turn is finished first", async () => {
			const claude = await openReady();
			const sent = claude.user("SLOW 400 a b c d");
			await claude.lifecycle(sent, "started");
			assert.deepEqual(await claude.eof(), { code: 0, signal: null });
			assert.equal(claude.lines.find(is("result")).result, "a b c d");
		});

		test("signals: TERM ends at once with 143, INT finishes like an interrupt with 0", async () => {
			for (const [signal, code] of [
				["SIGTERM", 143],
				["SIGINT", 0],
			]) {
				const claude = await openReady();
				const sent = claude.user("SLOW 20000 a b c d");
				await claude.line((l) => l.event?.type === "content_block_delta", {
					from: sent.from,
				});
				claude.child.kill(signal);
				assert.deepEqual(
					await claude.exited,
					{ code, signal: null },
					signal,
				);
				assert.equal(
					claude.lines.some(is("result")),
					signal === "SIGINT",
					signal,
				);
				assert.equal(claude.stderr, "");
			}
		});

		const onLinux = {
			skip: process.platform === "linux" ? false : "needs /proc and setsid(1)",
		};
		test(
			"a command that Claude runs: interrupt and TERM end it, KILL of claude ends neither it nor what it detached",
			onLinux,
			async () => {
				const alive = (pid) => {
					try {
						return process.kill(pid, 0);
					} catch {
						return false;
					}
				};
				for (const how of ["interrupt", "SIGTERM", "SIGKILL"]) {
					const claude = await openReady();
					const [own, away] = ["own", "away"].map((name) =>
						join(world.dirs.project, `${name}-${how}`),
					);
					const pidIn = (file) =>
						waitFor(
							() =>
								existsSync(file) &&
								Number(readFileSync(file, "utf8")),
							{ what: file },
						);
					claude.user(
						`BASH setsid sh -c 'echo $$ > ${away}; exec tail -f /dev/null' & echo $$ > ${own}; exec tail -f /dev/null`,
					);
					const command = await pidIn(own),
						detached = await pidIn(away);
					const stat = readFileSync(`/proc/${command}/stat`, "utf8")
						.replace(/^.*\) /, "")
						.split(" ")
						.map(Number);
					assert.ok(
						stat[2] !== claude.child.pid &&
							stat[3] !== claude.child.pid,
						"its own group and session",
					);
					if (how === "interrupt") {
						await claude.control({ subtype: "interrupt" });
					} else {
						claude.child.kill(how);
						await claude.exited;
					}
					if (how !== "SIGKILL")
						await waitFor(() => !alive(command), {
							what: "the command to end",
						});
					assert.equal(alive(command), how === "SIGKILL", how);
					/*
					 * After TERM the real one now and then gets what was detached, too:
					 * nothing to count on.
					 */
					if (how === "SIGKILL") assert.ok(alive(detached), how);
					for (const pid of [command, detached].filter(alive))
						process.kill(pid, "SIGKILL");
				}
			},
		);

		test("the transcript lies where the path rule says", async () => {
			world = makeClaudeEnv({ api });
			for (const name of [
				"w8/a.b_c d/ünï-日本/emoji😀z",
				`long/${"y".repeat(120)}/${"z".repeat(90)}`,
			]) {
				const cwd = join(world.root, name);
				mkdirSync(cwd, { recursive: true });
				const id = randomUUID();
				const claude = await openReady({
					cwd,
					args: [`--session-id=${id}`],
				});
				const { lines } = await claude.turn("ECHO here");
				assert.equal(
					lines.find(is("system", "init")).cwd,
					realpathSync(cwd),
				);
				await claude.eof();
				const dirs = readdirSync(join(world.configDir, "projects"));
				assert.ok(
					dirs.includes(projectName(realpathSync(cwd))),
					`${dirs} should have ${projectName(cwd)}`,
				);
				assert.ok(transcript(id).length > 0);
			}
		});

		test("bad input: unknown types are ignored, unknown requests answered, junk is fatal", async () => {
			const claude = await openReady();
			claude.send({ type: "no_such_type", a: 1 });
			claude.child.stdin.write("\n");
			const answer = await claude.control({ subtype: "no_such_thing" });
			assert.equal(answer.subtype, "error");
			assert.equal(
				answer.error,
				"Unsupported control request subtype: no_such_thing",
			);
			assert.equal((await claude.turn("ECHO fine")).result.result, "fine");
			claude.child.stdin.write("{nonsense\n");
			assert.equal((await claude.exited).code, 1);
			assert.match(claude.stderr, /^Error parsing streaming input line/);
		});

		test("end_session is answered, then it ends with 0", async () => {
			const claude = await openReady();
			await claude.turn("ECHO bye");
			assert.equal(
				(await claude.control({ subtype: "end_session" })).subtype,
				"success",
			);
			assert.deepEqual(await claude.exited, { code: 0, signal: null });
		});
	});
}
