/* SPDX-License-Identifier: MIT
 *
 * Rules and the guard in front of the real Claude Code CLI: what its project allows, and what its
 * permission mode would not ask about, is refused all the same, or waits for a person. Only the
 * model is scripted.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { connectRaw, HELLO } from "../integration/setup.mjs";
import { claudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { Iris } from "../lib/iris.mjs";
import { waitFor } from "../lib/wait.mjs";
import { startMessagesApi } from "./messages-api.mjs";

/* As directiveRules, of a text that Iris has put into its envelope. */
const asked = (c) => c.toolResult === undefined && c.user.match(/^(BASH|TOOL) (.*)$/m);
const rules = [
	{ match: (c) => c.toolResult !== undefined, reply: (c) => c.toolResult || "(nothing)" },
	{
		match: asked,
		reply: (c) => {
			const [, what, rest] = asked(c);
			return what === "BASH"
				? { tool: "Bash", input: { command: rest, description: "d" } }
				: { tool: `mcp__iris__${rest}`, input: {} };
		},
	},
];

describe("the guard, on the real Claude Code", { timeout: 600000 }, () => {
	let api, world, iris, ctl;

	beforeEach(async () => {
		api = await startMessagesApi(rules);
		world = makeClaudeEnv({ api, projects: { asker: {}, backend: {} } });
		/* bypassPermissions is refused to root without it. */
		world.env.IS_SANDBOX = "1";
		mkdirSync(join(world.dirs.backend, ".claude"));
		settings({});
	});
	afterEach(async () => {
		await iris.stop();
		await api.close();
	});

	const settings = (more) =>
		writeFileSync(
			join(world.dirs.backend, ".claude/settings.json"),
			JSON.stringify({ permissions: { allow: ["Bash(*)"] }, ...more }),
		);
	/* A hook of the project's own: what it prints, when it is asked. */
	const projectHook = (hookEventName, output) => {
		const text = JSON.stringify({ hookSpecificOutput: { hookEventName, ...output } });
		const command = { type: "command", command: `cat > ${hookEventName}.seen; echo '${text}'` };
		settings({ hooks: { [hookEventName]: [{ matcher: "*", hooks: [command] }] } });
		return () => existsSync(join(world.dirs.backend, `${hookEventName}.seen`));
	};
	const start = async (permissions, backend = {}) => {
		iris = new Iris({
			world,
			config: {
				settings: { claudePath: claudePath() },
				permissions,
				teams: {
					asker: { path: world.dirs.asker, description: "who asks" },
					backend: { path: world.dirs.backend, description: "the API", ...backend },
				},
			},
		});
		await iris.start();
		ctl = await connectRaw(iris, { role: "ctl", ...HELLO });
	};
	const call = async (method, params) => {
		const { result, error } = await ctl.request(`iris/${method}`, params);
		assert.equal(error, undefined, error?.message);
		return result;
	};
	const send = async (text) =>
		(await iris.json(["send", "--from", "asker", "backend", text])).id;
	const ask = async (text) => (await iris.messageIn(await send(text), "answered")).response;
	const one = () =>
		waitFor(async () => (await call("permission.list")).permissions[0], {
			what: "a request",
			deadline: 60000,
			every: 25,
		});
	const decisions = async () =>
		(await call("audit.list")).rows.map((r) => `${r.tool} ${r.decision} ${r.via}`);
	const made = () => existsSync(join(world.dirs.backend, "made"));

	test("what the project's settings allow is stopped, and its other commands run", async () => {
		await start({ guard: { commands: ["deny touch made"] } });
		const said = await ask("BASH true && touch made # harmless");
		assert.match(said, /Bash is not permitted here \(commands: touch made/);
		assert.equal(made(), false);
		assert.equal(await ask("BASH echo 'touch made'"), "touch made");
		assert.deepEqual(await decisions(), ["Bash denied guard"]);
	});

	test("a built-in kind: a force push waits for a person, also where all is granted", async () => {
		await start({}, { grantPermission: "yes" });
		const id = await send("BASH touch before; git -C . push -f; touch made");
		const p = await one();
		assert.match(p.why, /^forcePush: /);
		await call("permission.answer", { id: p.id, behavior: "deny", inputHash: p.inputHash });
		assert.match((await iris.messageIn(id, "answered")).response, /A person has refused Bash/);
		assert.equal(existsSync(join(world.dirs.backend, "before")), false);
	});

	for (const mode of ["default", "plan", "dontAsk", "bypassPermissions"]) {
		test(`${mode}, grantPermission yes: what the guard asks about waits for a person`, async () => {
			await start(
				{ guard: { commands: ["ask touch made"] } },
				{ permissionMode: mode, grantPermission: "yes" },
			);
			const id = await send("BASH touch made");
			const p = await one();
			assert.equal(p.tool, "Bash");
			assert.equal(p.input.command, "touch made");
			assert.match(p.why, /^commands: /);
			assert.equal(made(), false);
			await call("permission.answer", {
				id: p.id,
				behavior: "allow",
				inputHash: p.inputHash,
			});
			await iris.messageIn(id, "answered");
			assert.equal(made(), true);
			assert.deepEqual(await decisions(), [
				"Bash asked undefined",
				"Bash allowed cli",
			]);
		});
	}

	test("a PermissionRequest hook of the project does not answer in the person's place", async () => {
		const seen = projectHook("PermissionRequest", { decision: { behavior: "allow" } });
		await start({ guard: { commands: ["ask touch made"] } }, { grantPermission: "yes" });
		const first = await send("BASH touch made");
		const p = await one();
		await call("permission.answer", { id: p.id, behavior: "deny", inputHash: p.inputHash });
		assert.match((await iris.messageIn(first, "answered")).response, /A person has refused Bash/);
		assert.equal(seen(), false);
		assert.equal(made(), false);
		const second = await send("BASH touch made");
		const q = await one();
		await call("permission.answer", { id: q.id, behavior: "allow", inputHash: q.inputHash });
		await iris.messageIn(second, "answered");
		assert.equal(made(), true);
	});

	/* Whether our answer or the project's hook comes first is open: see hook-facts.test.mjs. */
	for (const permissionDecision of [undefined, "ask", "allow"]) {
		const says = permissionDecision ?? "nothing else";

		test(`a hook of the project that changes what was asked about, and says ${says}`, async () => {
			const updatedInput = { command: "touch made", description: "d" };
			const seen = projectHook("PreToolUse", { permissionDecision, updatedInput });
			await start({ guard: { commands: ["ask echo"] } }, { grantPermission: "ask" });
			const id = await send("BASH echo harmless");
			const p = await one();
			assert.equal(p.input.command, "echo harmless");
			await call("permission.answer", {
				id: p.id,
				behavior: "allow",
				inputHash: p.inputHash,
			});
			const next = await waitFor(
				async () => {
					const { permissions } = await call("permission.list");
					const q = permissions.find((r) => r.id !== p.id);
					if (q) return q;
					const m = await iris.message(id);
					return m.state === "answered" && m;
				},
				{ what: "the second request, or the answer", deadline: 60000, every: 25 },
			);
			assert.equal(seen(), true);
			if (next.inputHash === undefined) {
				/* Came after our answer, which outranks "allow": Claude Code has dropped it. */
				assert.equal(permissionDecision, "allow");
				assert.equal(next.response, "harmless");
			} else {
				assert.equal(next.input.command, "touch made");
				await call("permission.answer", {
					id: next.id,
					behavior: "deny",
					inputHash: next.inputHash,
				});
				await iris.messageIn(id, "answered");
			}
			assert.equal(made(), false);
		});
	}

	test("allowed with another input: that is what runs, and nobody is asked again", async () => {
		await start({ guard: { commands: ["ask echo"] } }, { permissionMode: "plan" });
		const id = await send("BASH echo first");
		const p = await one();
		await call("permission.answer", {
			id: p.id,
			behavior: "allow",
			inputHash: p.inputHash,
			updatedInput: { command: "echo second", description: "d" },
		});
		assert.equal((await iris.messageIn(id, "answered")).response, "second");
		assert.equal((await call("permission.list", { all: true })).permissions.length, 1);
	});

	test("a tool of Iris by a deny rule; irisd killed while a person is asked", async () => {
		await start(
			{ deny: ["mcp__iris__list_teams"], ask: ["Bash(touch:*)"] },
			{ permissionMode: "bypassPermissions" },
		);
		assert.match(await ask("TOOL list_teams"), /mcp__iris__list_teams is not permitted here/);
		const id = await send("BASH touch made");
		const p = await one();
		await iris.kill();
		await iris.start();
		ctl = await connectRaw(iris, { role: "ctl", ...HELLO });
		assert.equal((await one()).id, p.id);
		assert.equal(made(), false);
		await call("permission.answer", { id: p.id, behavior: "allow", inputHash: p.inputHash });
		await iris.messageIn(id, "answered");
		assert.equal(made(), true);
	});
});
