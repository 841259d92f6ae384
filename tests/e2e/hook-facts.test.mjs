/* SPDX-License-Identifier: MIT
 *
 * What Iris relies on in Claude Code's PreToolUse hook, asserted on the real CLI and on fake-claude
 * alike: what it is called for, that a refusal refuses and a question is asked in every permission
 * mode, and what becomes of a tool whose hook was not answered.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { claudePath, fakeClaudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { assertNoneLeft } from "../lib/processes.mjs";
import { Claude } from "../lib/stream-json.mjs";
import { directiveRules, startMessagesApi } from "./messages-api.mjs";

const MODES = ["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions", "auto"];
const say = (permissionDecision, permissionDecisionReason = "the guard") => ({
	hookSpecificOutput: { hookEventName: "PreToolUse", permissionDecision, permissionDecisionReason },
});
const requests = (lines, subtype) =>
	lines.filter((l) => l.request?.subtype === subtype).map((l) => l.request);
const cancelled = (lines) =>
	lines.filter((l) => l.type === "control_cancel_request").map((l) => l.request_id);

const subjects = [
	{ name: "real", program: claudePath() },
	{ name: "fake", program: fakeClaudePath() },
];

for (const subject of subjects) {
	describe(`the hook of ${subject.name} claude`, { timeout: 600000 }, () => {
		let api, world, claude;

		before(async () => {
			api = await startMessagesApi([
				{
					match: /^AGENT /,
					reply: (c) => ({
						tool: "Agent",
						input: { description: "d", prompt: c.user.slice(6), subagent_type: "general-purpose" },
					}),
				},
				...directiveRules,
			]);
		});
		after(() => api.close());
		afterEach(async () => {
			await claude.kill();
			await assertNoneLeft(world.root);
			world.cleanup();
			world = undefined;
		});

		const open = async ({ settings, mode = "default", args = [], ...options }) => {
			world ??= makeClaudeEnv({ api });
			/* bypassPermissions is refused to root without it. */
			world.env.IS_SANDBOX = "1";
			if (settings) {
				mkdirSync(join(world.dirs.project, ".claude"), { recursive: true });
				writeFileSync(join(world.dirs.project, ".claude/settings.json"), JSON.stringify(settings));
			}
			claude = new Claude(subject.program, {
				cwd: world.dirs.project,
				env: world.env,
				tools: { list_teams: () => "teams" },
				permit: () => ({ behavior: "deny", message: "a person says no" }),
				...options,
				args: [
					"--allowedTools=mcp__iris",
					"--allowedTools=Bash",
					`--permission-mode=${mode}`,
					...args,
				],
			});
			await claude.initialize();
			return claude;
		};
		const made = () => existsSync(join(world.dirs.project, "made"));

		test("is called for each use of a tool, ours in the pipe among them, with its input", async () => {
			await open({ hook: () => ({}) });
			const bash = await claude.turn("BASH echo hi");
			const [h] = requests(bash.lines, "hook_callback");
			assert.equal(h.callback_id, "iris-guard");
			assert.equal(h.input.hook_event_name, "PreToolUse");
			assert.equal(h.input.tool_name, "Bash");
			assert.equal(h.input.tool_input.command, "echo hi");
			assert.equal(h.input.permission_mode, "default");
			assert.match(h.tool_use_id, /^toolu_/);
			assert.equal(bash.result.result, "hi");
			const ours = await claude.turn('TOOL list_teams {"a":1}');
			const [o] = requests(ours.lines, "hook_callback");
			assert.equal(o.input.tool_name, "mcp__iris__list_teams");
			assert.deepEqual(o.input.tool_input, { a: 1 });
			assert.equal(ours.result.result, "teams");
		});

		for (const mode of MODES) {
			test(`${mode}: "deny" refuses, "ask" is asked, of tools that are allowed, too`, async () => {
				let decision = "deny";
				await open({ mode, hook: () => say(decision) });
				for (const text of ["BASH touch made", "TOOL list_teams"]) {
					decision = "deny";
					const denied = await claude.turn(text);
					assert.match(denied.result.result, /^PreToolUse:\S+ hook error: the guard$/);
					assert.deepEqual(requests(denied.lines, "can_use_tool"), []);
					decision = "ask";
					const asked = await claude.turn(text);
					assert.equal(requests(asked.lines, "can_use_tool").length, 1);
					assert.match(asked.result.result, /a person says no/);
				}
				claude.permit = (q) => ({ behavior: "allow", updatedInput: q.input });
				assert.equal(made(), false);
				await claude.turn("BASH touch made");
				assert.equal(made(), true, "what the person allows is done");
			});
		}

		test('what "ask" leads to names the same use with the same input, updatedInput where given', async () => {
			let updatedInput;
			await open({
				hook: () => {
					const answer = say("ask");
					answer.hookSpecificOutput.updatedInput = updatedInput;
					return answer;
				},
				permit: (q) => ({ behavior: "allow", updatedInput: q.input }),
			});
			for (const text of ['BASH echo "é"; echo 1', 'TOOL list_teams {"b":[1,2.5],"a":{"é":"\\n"}}']) {
				const { lines } = await claude.turn(text);
				const [h] = requests(lines, "hook_callback"), [q] = requests(lines, "can_use_tool");
				assert.equal(q.tool_use_id, h.tool_use_id);
				assert.equal(JSON.stringify(q.input), JSON.stringify(h.input.tool_input));
			}
			updatedInput = { command: "echo second", description: "d" };
			const { lines, result } = await claude.turn("BASH echo first");
			const [q] = requests(lines, "can_use_tool");
			assert.equal(JSON.stringify(q.input), JSON.stringify(updatedInput));
			assert.equal(result.result, "second");
		});

		test("an empty answer, an error and one of no known form leave it to Claude Code", async () => {
			let answer;
			await open({ hook: () => answer });
			for (answer of [{}, "error", say("perhaps")]) {
				const { result } = await claude.turn("BASH echo ran");
				assert.equal(result.result, "ran", JSON.stringify(answer));
			}
		});

		test("no answer within its timeout: refused, and the question withdrawn", async () => {
			await open({ hook: () => undefined, hookTimeout: 1 });
			const { lines, result } = await claude.turn("BASH touch made");
			const id = lines.find((l) => l.request?.subtype === "hook_callback").request_id;
			assert.match(result.result, /did not respond before its timeout/);
			assert.deepEqual(cancelled(lines), [id]);
			assert.equal(made(), false);
		});

		test("interrupted, and at the end of input, while it is open: the tool does not run", async () => {
			await open({ hook: () => undefined, hookTimeout: 86400 });
			const open1 = (l) => l.request?.subtype === "hook_callback";
			const sent = claude.user("BASH touch made");
			const { request_id } = await claude.line(open1);
			await claude.control({ subtype: "interrupt" });
			const { lines, result } = await claude.finish(sent);
			assert.equal(result.is_error, true);
			assert.deepEqual(cancelled(lines), [request_id]);
			const again = claude.user("BASH touch made");
			await claude.line(open1, { from: again.from });
			assert.equal((await claude.eof()).signal, null);
			assert.equal(made(), false);
		});

		if (subject.name !== "real") return;

		test("settings of the project neither take it away nor overrule it", async () => {
			const allow = JSON.stringify({
				hookSpecificOutput: { hookEventName: "PreToolUse", permissionDecision: "allow" },
			});
			const hooks = [{ matcher: "*", hooks: [{ type: "command", command: `echo '${allow}'` }] }];
			let decision = "deny";
			await open({
				settings: {
					permissions: { allow: ["Bash(*)"] },
					disableAllHooks: true,
					hooks: { PreToolUse: hooks },
				},
				hook: () => say(decision),
			});
			for (decision of ["deny", "ask"]) {
				const { lines } = await claude.turn("BASH touch made");
				assert.equal(requests(lines, "can_use_tool").length, decision === "ask" ? 1 : 0);
				assert.equal(made(), false);
			}
			await claude.kill();
			await open({
				settings: { permissions: { allow: ["Bash(*)"] }, hooks: { PreToolUse: hooks } },
				hook: () => say(decision),
			});
			for (decision of ["deny", "ask"]) {
				const { lines } = await claude.turn("BASH touch made");
				assert.equal(requests(lines, "can_use_tool").length, decision === "ask" ? 1 : 0);
				assert.equal(made(), false);
			}
		});

		test("a hook of the project that changes the input, before ours and after: asked is what runs", async () => {
			/* Prints what it finds in `go`, as soon as that is there. */
			const command =
				"cat > /dev/null; i=0; until [ -e go ] || [ $((i += 1)) -gt 600 ]; do sleep 0.05; " +
				"done; cat go; rm go";
			await open({
				settings: {
					permissions: { allow: ["Bash(*)"] },
					hooks: { PreToolUse: [{ matcher: "*", hooks: [{ type: "command", command }] }] },
				},
				mode: "bypassPermissions",
				args: ["--include-hook-events"],
				hook: () => undefined,
				permit: (q) => ({ behavior: "allow", updatedInput: q.input }),
			});
			const theirs = async (permissionDecision, from) => {
				const answer = say(permissionDecision);
				const file = join(world.dirs.project, "go");
				answer.hookSpecificOutput.updatedInput = { command: "echo theirs", description: "d" };
				writeFileSync(`${file}.new`, JSON.stringify(answer));
				renameSync(`${file}.new`, file);
				await claude.line((l) => l.subtype === "hook_response", { from });
			};
			const turn = async (permissionDecision, theirsFirst) => {
				const sent = claude.user("BASH echo model");
				const isOurs = (l) => l.request?.subtype === "hook_callback";
				const ours = await claude.line(isOurs, { from: sent.from });
				if (theirsFirst) await theirs(permissionDecision, sent.from);
				claude.reply(ours, say("ask"));
				/* Once this is answered, ours has been read. */
				await claude.control({ subtype: "mcp_status" });
				if (!theirsFirst) await theirs(permissionDecision, sent.from);
				const { lines, result } = await claude.finish(sent);
				const asked = requests(lines, "can_use_tool");
				assert.deepEqual(
					asked.map((q) => q.input.command),
					[`echo ${result.result}`],
				);
				return result.result;
			};
			for (const permissionDecision of [undefined, "ask", "allow"]) {
				assert.equal(await turn(permissionDecision, true), "theirs");
				/* An "ask" that was heard outranks the "allow", which is dropped, change and all. */
				const dropped = permissionDecision === "allow";
				assert.equal(await turn(permissionDecision, false), dropped ? "model" : "theirs");
			}
		});

		test("is called for what a subagent uses, and its question is asked", async () => {
			await open({
				hook: (q) => (q.input.tool_name === "Bash" ? say("ask") : {}),
			});
			await claude.turn("AGENT BASH touch made");
			const q = await claude.line((l) => l.request?.subtype === "can_use_tool");
			assert.equal(q.request.tool_name, "Bash");
			assert.equal(made(), false);
		});
	});
}
