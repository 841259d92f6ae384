/* SPDX-License-Identifier: MIT
 *
 * get_agent, prompts and their completion: what is in the texts, where templates and projects are
 * looked for and where not, and the git diff of a repository that would like to run something.
 * Through the official SDK, and line by line in 2026-07-28.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { buildDir } from "../lib/claude-env.mjs";
import { processesOf } from "../lib/processes.mjs";
import { assert, connectRaw, failedCall, makeIris, startShim, startTeams, waitFor, within } from "./setup.mjs";

const AGENTS = ["tech-writer", "unit-tester", "integration-tester", "code-reviewer", "debugger",
	"refactorer", "changeloger", "error-handler", "example-writer", "logger"];
const PROMPTS = [...AGENTS, "ask", "handoff"];
const modern = {
	_meta: {
		"io.modelcontextprotocol/protocolVersion": "2026-07-28",
		"io.modelcontextprotocol/clientCapabilities": {},
	},
};

function put(dir, files) {
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(dirname(join(dir, name)), { recursive: true });
		writeFileSync(join(dir, name), typeof text === "string" ? text : JSON.stringify(text));
	}
}

const git = (dir, ...args) => execFileSync("git", ["-c", "user.email=a@example.com", "-c", "user.name=A", ...args], { cwd: dir });

function repository(dir, files) {
	put(dir, files);
	git(dir, "init", "-q");
	git(dir, "add", ".");
	git(dir, "commit", "-q", "-m", "first");
}

/* What a variable that is missing leaves behind. */
function assertWhole(text, what) {
	const hole = text.match(/.*(?:\{\{|\}\}|undefined|\(\s*\)|(?<!`)``(?!`)|\*\*\*\*|\n\n\n| [,.;:] | \n|: \n|\n- \n).*/);
	assert.equal(hole, null, `${what}: ${hole?.[0]}`);
	assert.match(text, /^[^\n]+\n\n/, what);
	assert.ok(text.length > 1000, what);
}

describe("agents and prompts", () => {
	let iris, client, front;

	beforeEach(async () => {
		iris = await startTeams({ frontend: {}, backend: {}, "back-office": {} });
		front = iris.dirs.frontend;
		client = await iris.client({ cwd: front });
	});
	afterEach(async () => {
		await client.close();
		await iris.stop();
	});

	const agent = (args) => iris.call(client, "get_agent", args);
	const prompt = async (name, args) => {
		const { messages } = await client.getPrompt({ name, arguments: args });
		assert.equal(messages.length, 1);
		assert.equal(messages[0].role, "user");
		return messages[0].content.text;
	};

	test("prompts/list: ten agents, ask and handoff, with arguments and words for people", async () => {
		const { prompts } = await client.listPrompts();
		assert.deepEqual(prompts.map((p) => p.name), PROMPTS);
		assert.deepEqual(client.getServerCapabilities().prompts, {});
		assert.deepEqual(client.getServerCapabilities().completions, {});
		for (const p of prompts) {
			assert.ok(p.title.length > 3 && p.description.length > 30 && p.description.length < 300, p.name);
			const args = p.arguments.map((a) => `${a.name}${a.required ? "" : "?"}`);
			const expected = { ask: ["team", "question?"], handoff: ["team", "task?"] }[p.name] ?? ["projectPath?", "includeGitDiff?"];
			assert.deepEqual(args, expected);
		}
	});

	test("every agent, by tool and by prompt, about a project of which nothing is known", async () => {
		for (const name of AGENTS) {
			const r = await agent({ agentType: name });
			assert.equal(r.isError, false, JSON.stringify(r));
			assert.equal(r.agentType, name);
			assert.equal(r.valid, true);
			assert.deepEqual(r.availableAgents, AGENTS);
			assert.ok(Math.abs(r.timestamp - Date.now()) < 60000);
			assert.equal(r.problems, undefined);
			assertWhole(r.prompt, name);
			assert.match(r.prompt, /^# .* for frontend\n/);
			assert.equal(await prompt(name), r.prompt);
		}
	});

	test("every agent for a guest, who has no project, and with all variables given", async () => {
		const guest = await iris.client({ cwd: iris.root });
		const list = (s) => [s, `${s}2`];
		const context = { projectName: "P", framework: "F", language: "L", hasTypeScript: true, testingFramework: "T",
			testCommand: "run", version: "1", previousVersion: "0", releaseDate: "2026-01-01", reviewFocus: "R", database: "D",
			testEnvironment: "E", externalServices: list("X"), target: "G", pattern: "Q", loggerLibrary: "B", logLevel: "V",
			logFormat: "M", componentName: "C", errorType: "H", libraryName: "Y", useCase: "U", complexityLevel: "Z",
			profiler: "I", debugger: "J", logger: "K", writePatterns: list("src/**"), readOnlyPatterns: list("lib/**"),
			dependencies: list("d"), devDependencies: list("e"), claudeMd: "be kind", claudeMdCut: true, gitDiff: "+x",
			customVars: { docStyle: "terse", techWriterAdditions: "addition" } };
		for (const name of AGENTS) {
			const bare = await iris.call(guest, "get_agent", { agentType: name });
			assert.equal(bare.isError, false, JSON.stringify(bare));
			assertWhole(bare.prompt, name);
			assert.match(bare.prompt, /for this project\n/);
			assert.match(bare.problems.join(), /belongs to no team/);
			const full = await iris.call(guest, "get_agent", { agentType: name, context });
			assertWhole(full.prompt, name);
			assert.match(full.prompt, /for P\n[\s\S]*be kind[\s\S]*```diff\n\+x\n```/);
			assert.match(full.prompt, /- `src\/\*\*`\n- `src\/\*\*2`\n/);
		}
		const writer = await iris.call(guest, "get_agent", { agentType: "tech-writer", context });
		assert.match(writer.prompt, /Style of documentation: terse\.[\s\S]*## Especially here\n\naddition\n/);
		await guest.close();
	});

	test("what the project's files say, and that the caller knows better", async () => {
		put(front, {
			"package.json": { name: "shop", version: "3.2.1", dependencies: { react: "1", next: "1" },
				devDependencies: { vitest: "1", typescript: "5" }, scripts: { test: "vitest run" } },
			"CLAUDE.md": "Use tabs.\n```\n{{evil}}\n```\n",
			".iris/context.yaml": "writePatterns: [\"src/**\"]\nreadOnlyPatterns:\n  - vendor/**\ncustomVars:\n  docStyle: dry\n  codeReviewerAdditions: |\n    Look at the money.\n",
		});
		const r = await agent({ agentType: "code-reviewer" });
		assert.match(r.prompt, /^# Code reviewer for shop\n/);
		for (const line of ["- Name: shop, version 3.2.1", `- Directory: ${front}`, "- Language: TypeScript, with Next.js",
			"- Tests: Vitest, run with `npm test`", "- Depends on: react, next", "- `src/**`", "- `vendor/**`", "Look at the money."])
			assert.ok(r.prompt.includes(`\n${line}\n`), `${line}: ${r.prompt}`);
		/* Fenced so that its own fence does not end it, and not a template itself. */
		assert.ok(r.prompt.includes("````markdown\nUse tabs.\n```\n{{evil}}\n```\n````\n"), r.prompt);
		assert.doesNotMatch(r.prompt, /git diff HEAD/);
		const own = await agent({ agentType: "code-reviewer", context: { projectName: "Till", framework: "Svelte", writePatterns: [] } });
		assert.match(own.prompt, /^# Code reviewer for Till\n[\s\S]*Language: TypeScript, with Svelte\n/);
		assert.doesNotMatch(own.prompt, /src\/\*\*/);
	});

	test("a directory below the project is looked at; no other one", async () => {
		put(front, { "packages/api/package.json": { name: "api" } });
		put(iris.dirs.backend, { "package.json": { name: "secret-backend" } });
		symlinkSync(iris.dirs.backend, join(front, "link"));
		for (const path of ["packages/api", join(front, "packages/api"), "./packages/../packages/api"])
			assert.match((await agent({ agentType: "logger", projectPath: path })).prompt, /for api\n/);
		assert.match(await prompt("logger", { projectPath: "packages/api" }), /for api\n/);
		for (const path of ["..", iris.dirs.backend, "/", "/etc", "link", "packages/../../backend"]) {
			const e = await failedCall(iris, client, "get_agent", { agentType: "logger", projectPath: path });
			assert.equal(e.code, "refused", path);
			assert.ok(e.error.includes(front), e.error);
			await assert.rejects(prompt("logger", { projectPath: path }), { code: -31003 });
		}
		assert.equal((await failedCall(iris, client, "get_agent", { agentType: "logger", projectPath: "nowhere" })).code, "directory");
		const guest = await iris.client({ cwd: iris.root });
		assert.equal((await failedCall(iris, guest, "get_agent", { agentType: "logger", projectPath: iris.root })).code, "refused");
		await guest.close();
	});

	test("links out of the project and broken files are named, not read", async () => {
		put(iris.root, { "outside.md": "TOP SECRET" });
		symlinkSync(join(iris.root, "outside.md"), join(front, "CLAUDE.md"));
		put(front, { "package.json": "{ nonsense", ".iris/context.yaml": "customVars: [1]\n", "go.mod": "module example.com/x\n" });
		const r = await agent({ agentType: "debugger" });
		assert.doesNotMatch(r.prompt, /TOP SECRET/);
		assert.equal(r.problems.length, 3, r.problems.join("\n"));
		assert.match(r.problems.join("\n"), /package\.json: [\s\S]*CLAUDE\.md: leads out of the project[\s\S]*context\.yaml:1:13: customVars must be a mapping/);
		for (const p of r.problems)
			assert.ok(r.prompt.includes(`- ${p}\n`), p);
		assert.match(r.prompt, /for example\.com\/x\n[\s\S]*- Language: Go\n/);
	});

	test("a template of the project comes before the user's, and that before Iris's", async () => {
		const home = iris.env.HOME;
		const steps = [
			[join(home, ".iris/templates/base/logger.hbs"), "BASE {{upper projectName}} & {{#if x}}{{else}}<no x>{{/if}}"],
			[join(home, ".iris/templates/custom/logger.hbs"), "CUSTOM {{> base/debugger}}"],
			[join(iris.home, "agents/logger.md"), "HOME {{> own}}"],
			[join(front, ".iris/templates/logger.hbs"), "HBS {{json writePatterns}}."],
			[join(front, ".iris/agents/logger.md"), "PROJECT {{> own}} {{> report}}"],
		];
		const expected = [/^BASE FRONTEND & <no x>$/, /^CUSTOM # Debugger for frontend\n/, /^HOME mine$/, /^HBS null\.$/,
			/^PROJECT of the project[\s\S]*## When you are done/];
		put(iris.home, { "agents/partials/own.md": "mine" });
		for (const [i, [path, text]] of steps.entries()) {
			put("/", { [path]: text });
			if (i === 4)
				put(front, { ".iris/agents/partials/own.md": "of the project" });
			const r = await agent({ agentType: "logger" });
			assert.match(r.prompt, expected[i]);
			assert.equal(r.template, path);
		}
		put(front, { ".iris/agents/logger.md": "one\n{{#if a}}\nno end" });
		const e = await failedCall(iris, client, "get_agent", { agentType: "logger" });
		assert.equal(e.code, "config");
		assert.ok(e.error.startsWith(`${join(front, ".iris/agents/logger.md")}:2: `), e.error);
		await assert.rejects(prompt("logger"), { code: -31001, message: /logger\.md:2: the block "if" has no end/ });
		put(front, { ".iris/agents/logger.md": "{{> nothing}}" });
		assert.match((await failedCall(iris, client, "get_agent", { agentType: "logger" })).error, /logger\.md:1: \{\{> nothing\}\}/);
	});

	test("bad arguments say how to mend them", async () => {
		const type = await failedCall(iris, client, "get_agent", { agentType: "poet" });
		assert.equal(type.code, "invalid");
		for (const name of AGENTS)
			assert.ok(type.error.includes(name), type.error);
		assert.equal((await failedCall(iris, client, "get_agent", {})).code, "invalid");
		assert.match((await failedCall(iris, client, "get_agent", { agentType: "logger", context: [1] })).error, /"context" must be/);
		assert.match((await failedCall(iris, client, "get_agent", { agentType: "logger", context: { x: "y".repeat(300000) } })).error, /too large/);
		for (const [name, args, words] of [["poet", {}, /unknown prompt "poet"/], ["loger", {}, /did you mean "logger"/],
			["ask", {}, /"team" is missing/], ["ask", { team: "" }, /"team" is missing/], ["ask", { team: "bakend" }, /backend/],
			["ask", { team: "backend", qestion: "x" }, /unknown argument "qestion"/], ["logger", { team: "backend" }, /unknown argument/]])
			await assert.rejects(client.getPrompt({ name, arguments: args }), (e) => e.code === -32602 && words.test(e.message));
	});

	test("ask and handoff: the team, the words, and how to go about it", async () => {
		const ask = await prompt("ask", { team: "backend", question: "How do you version the API?" });
		assertWhole(ask, "ask");
		assert.match(ask, /team "backend" \(the backend project\)[\s\S]*What I want to know: How do you version the API\?\n[\s\S]*`mcp__iris__ask_message`[\s\S]*`toTeam` "backend"/);
		assert.doesNotMatch(ask, /Only the first word/);
		assert.match(await prompt("ask", { team: "backend", question: "How" }), /What I want to know: How\n\n\(Only the first word of it arrived/);
		assert.match(await prompt("ask", { team: " backend " }), /I have given no question/);
		const handoff = await prompt("handoff", { team: "back-office", task: "count the orders" });
		assertWhole(handoff, "handoff");
		assert.match(await prompt("handoff", { team: "backend", task: "mend {{team}}" }), /What it is to do: mend \{\{team\}\}\n/);
		assert.match(handoff, /team "back-office"[\s\S]*What it is to do: count the orders\n[\s\S]*`mcp__iris__send_message`[\s\S]*`message_result`/);
		assert.match(await prompt("handoff", { team: "backend" }), /I have given no task/);
		put(front, { ".iris/agents/ask.md": "Go and ask {{team}}: {{question}}" });
		assert.equal(await prompt("ask", { team: "backend", question: "what is new?" }), "Go and ask backend: what is new?");
	});

	test("completion of teams and of yes and no", async () => {
		const complete = async (name, arg, value) =>
			(await client.complete({ ref: { type: "ref/prompt", name }, argument: { name: arg, value } })).completion;
		assert.deepEqual(await complete("ask", "team", ""), { values: ["back-office", "backend"], total: 2, hasMore: false });
		assert.deepEqual((await complete("handoff", "team", "BackE")).values, ["backend"]);
		assert.deepEqual((await complete("ask", "team", "zz")).values, []);
		assert.deepEqual((await complete("ask", "question", "h")).values, []);
		assert.deepEqual((await complete("logger", "includeGitDiff", "t")).values, ["true"]);
		await assert.rejects(complete("poet", "team", ""), { code: -32602 });
		await assert.rejects(complete("ask", "nothing", ""), { code: -32602 });
		await assert.rejects(client.complete({ ref: { type: "ref/resource", uri: "x://y" }, argument: { name: "a", value: "" } }), { code: -32602 });
		iris.setTeams(Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`t${i}`, {}])));
		const raw = await connectRaw(iris, { role: "ctl" });
		assert.equal((await raw.request("iris/config.reload", {})).error, undefined);
		raw.socket.destroy();
		const many = await complete("ask", "team", "t");
		assert.equal(many.values.length, 100);
		assert.equal(many.hasMore, true);
		assert.equal(many.total, 150);
	});

	describe("the git diff", () => {
		const diffed = async (args = {}) => agent({ agentType: "code-reviewer", includeGitDiff: true, ...args });

		test("is in the text, of this directory only, and in a prompt as well", async () => {
			repository(front, { "a.txt": "one\n", "sub/b.txt": "one\n", "bin.dat": "x\0y" });
			assert.match((await diffed()).prompt, /No file that git tracks has changed/);
			put(front, { "a.txt": "two\n```\n", "sub/b.txt": "two\n", "bin.dat": "x\0z", "new.txt": "new" });
			const r = await diffed();
			assert.equal(r.problems, undefined);
			assert.match(r.prompt, /## Changes since the last commit[\s\S]*````diff\ndiff --git a\/a\.txt[\s\S]*-one\n\+two\n\+```\n/);
			assert.match(r.prompt, /Binary files a\/bin\.dat/);
			assert.match(r.prompt, /sub\/b\.txt/);
			assert.doesNotMatch(r.prompt, /new\.txt/);
			const sub = await diffed({ projectPath: "sub" });
			assert.match(sub.prompt, /sub\/b\.txt/);
			assert.doesNotMatch(sub.prompt, /a\/a\.txt/);
			for (const yes of ["true", "1", "TRUE"])
				assert.match(await prompt("unit-tester", { includeGitDiff: yes }), /\+two\n/);
			assert.doesNotMatch(await prompt("unit-tester", { includeGitDiff: "false" }), /\+two\n/);
			assert.match((await diffed({ agentType: "changeloger" })).prompt, /What is not\n {3}committed yet is below[\s\S]*\+two\n/);
		});

		test("that can not be made says why", async () => {
			const none = await diffed();
			assert.match(none.prompt, /There is none to show: .* is in no git repository/);
			assert.match(none.problems.join(), /no git repository/);
			git(front, "init", "-q");
			assert.match((await diffed()).prompt, /There is none to show: git in .*HEAD/);
			put(front, { ".git/config": "[core\n" });
			assert.match((await diffed()).problems.join(), /bad config/);
			const guest = await iris.client({ cwd: iris.root });
			const r = await iris.call(guest, "get_agent", { agentType: "logger", includeGitDiff: true });
			assert.match(r.prompt, /no project to make a git diff of/);
			await guest.close();
		});

		test("of megabytes is cut", async () => {
			repository(front, { "a.txt": "" });
			put(front, { "a.txt": "0123456789 äöü\n".repeat(200000) });
			const r = await diffed();
			assert.ok(r.prompt.length < 230000, r.prompt.length);
			assert.match(r.prompt, /\n\+0123456789 äöü\n```\nIt was cut here/);
		});

		test("runs nothing that the repository names, and shows nothing beside it", async () => {
			const ran = join(iris.root, "ran");
			const evil = `sh -c 'echo $0 >>${ran}; cat'`;
			repository(front, { "a.txt": "one\n", ".gitattributes": "*.txt filter=f diff=d\n*.md filter=dot.ted=x\n", "b.md": "b\n", "id_rsa": "none\n" });
			put(iris.root, { "elsewhere/id_rsa": "PRIVATE KEY\n" });
			for (const [name, value] of Object.entries({ "core.fsmonitor": `${evil} fs`, "diff.external": evil, "diff.d.command": evil,
				"diff.d.textconv": evil, "filter.f.clean": evil, "filter.f.smudge": evil, "filter.f.required": "true",
				"filter.dot.ted=x.process": evil, "core.pager": evil, "pager.diff": evil, "core.hooksPath": join(front, "hooks"),
				"core.sshCommand": evil, "alias.diff": `!${evil}`, "core.worktree": join(iris.root, "elsewhere") }))
				git(front, "config", name, value);
			put(front, { "a.txt": "two\n", "b.md": "c\n", "hooks/post-index-change": `#!/bin/sh\necho hook >>${ran}\n` });
			chmodSync(join(front, "hooks/post-index-change"), 0o755);
			const r = await diffed();
			assert.equal(r.problems, undefined);
			assert.match(r.prompt, /-one\n\+two\n/);
			assert.match(r.prompt, /-b\n\+c\n/);
			assert.doesNotMatch(r.prompt, /PRIVATE/);
			assert.equal(existsSync(ran), false, existsSync(ran) && readFileSync(ran, "utf8"));
			/* All of it was a trap indeed. */
			spawnSync("git", ["diff", "HEAD"], { cwd: front, stdio: "ignore" });
			assert.match(readFileSync(ran, "utf8"), /fs|sh/);
		});
	});

	test("2026-07-28: the same prompts, with what that revision wants", async () => {
		const shim = startShim(iris, { cwd: front });
		const list = (await shim.request("prompts/list", modern)).result;
		assert.deepEqual(list.prompts.map((p) => p.name), PROMPTS);
		assert.equal(list.resultType, "complete");
		assert.equal(typeof list.ttlMs, "number");
		assert.equal(list.cacheScope, "public");
		const got = (await shim.request("prompts/get", { ...modern, name: "debugger" })).result;
		assert.equal(got.resultType, "complete");
		assertWhole(got.messages[0].content.text, "debugger");
		const done = (await shim.request("completion/complete", { ...modern, ref: { type: "ref/prompt", name: "ask" }, argument: { name: "team", value: "backe" } })).result;
		assert.equal(done.resultType, "complete");
		assert.deepEqual(done.completion.values, ["backend"]);
		for (const [method, params] of [["prompts/get", { name: "poet" }], ["prompts/get", {}], ["prompts/get", { name: "ask", arguments: {} }],
			["prompts/get", { name: "logger", arguments: { includeGitDiff: true } }], ["prompts/list", { cursor: "x" }],
			["completion/complete", {}], ["completion/complete", { ref: { type: "ref/prompt", name: "poet" }, argument: { name: "team", value: "" } }]])
			for (const era of [modern, {}]) {
				const { error } = await shim.request(method, { ...era, ...params });
				assert.equal(error?.code, -32602, `${method} ${JSON.stringify(params)}`);
			}
		assert.equal(await shim.finish(), 0);
	});
});

describe("a git that takes for ever", () => {
	let iris, shim;

	const gits = () => processesOf(iris.root).filter((p) => p.command.includes("sleep 611"));
	const hangs = (n) => waitFor(() => gits().length === n, { what: `${n} gits at work` });
	const call = { name: "get_agent", arguments: { agentType: "logger", includeGitDiff: true } };
	const prompt = { name: "logger", arguments: { includeGitDiff: "true" } };

	beforeEach(async () => {
		iris = makeIris({ frontend: {}, backend: {} });
		put(iris.root, { "bin/git": "#!/bin/sh\nexec sleep 611\n" });
		chmodSync(join(iris.root, "bin/git"), 0o755);
		iris.env.PATH = `${join(iris.root, "bin")}:${iris.env.PATH}`;
		mkdirSync(join(iris.dirs.frontend, ".git"));
		await iris.start();
		shim = startShim(iris, { cwd: iris.dirs.frontend });
	});
	afterEach(async () => {
		await iris.stop();
	});

	test("holds up nobody, and goes with the request that wants it", async () => {
		for (const [id, method, params] of [[71, "tools/call", call], [72, "prompts/get", prompt]])
			shim.send({ jsonrpc: "2.0", id, method, params });
		await hangs(2);
		const list = (await shim.request("tools/call", { name: "list_teams" })).result;
		assert.equal(list.structuredContent.totalTeams, 2);
		for (const [id, left] of [[71, 1], [72, 0]]) {
			shim.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id, reason: "Esc" } });
			await hangs(left);
		}
		/* No more than four at once; the others wait, and go with the connection. */
		for (let id = 100; id < 110; id += 1)
			shim.send({ jsonrpc: "2.0", id, method: "prompts/get", params: prompt });
		await hangs(4);
		await shim.request("ping");
		assert.equal(gits().length, 4);
		assert.equal(await shim.finish(), 0);
		await hangs(0);
		assert.deepEqual(shim.got.filter((l) => l.id > 70 && l.id < 110), []);
	});

	test("is given up after ten seconds, which the text says", async () => {
		const { result } = await shim.request("prompts/get", prompt, { deadline: 60000 });
		assert.match(result.messages[0].content.text, /There is none to show: git in .* took longer than 10 s/);
		await hangs(0);
		assert.equal(await shim.finish(), 0);
	});

	test("does not keep irisd from stopping: who waits is told", async () => {
		const answers = [shim.request("tools/call", call), shim.request("prompts/get", prompt)];
		await hangs(2);
		iris.daemon.kill("SIGTERM");
		const [tool, text] = await Promise.all(answers);
		assert.equal(tool.result.isError, true);
		assert.match(text.error.message, /stop/);
		await within(15000, iris.daemonExit, "irisd to end");
		assert.equal(await shim.finish(), 0);
	});
});

test("templates lie beside the programs of the build", () => {
	for (const name of PROMPTS)
		assert.ok(existsSync(join(buildDir(), "share/iris/agents", `${name}.md`)), name);
});
