/* SPDX-License-Identifier: MIT
 *
 * An isolated world for the real Claude Code CLI: its own HOME and configuration, a dummy key, the
 * stand-in as its API, nothing that asks, phones home or updates. Nothing of the user's environment
 * but PATH gets in.
 */
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/*
 * The CLI that tests/package.json pins, or IRIS_TEST_CLAUDE. The platform's own package holds the
 * program itself, whether or not npm was allowed to run install scripts.
 */
export function claudePath() {
	if (process.env.IRIS_TEST_CLAUDE) return process.env.IRIS_TEST_CLAUDE;
	const require = createRequire(import.meta.url);
	const name = `@anthropic-ai/claude-code-${process.platform}-${process.arch}/package.json`;
	return join(dirname(require.resolve(name)), "claude");
}

/* The program of the fake one, from the build that is under test. */
export function fakeClaudePath() {
	return join(buildDir(), "test", "fake-claude");
}

export function buildDir() {
	return process.env.IRIS_BUILD ?? new URL("../../build", import.meta.url).pathname;
}

function claudeJson(projects) {
	const trusted = { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true };

	return {
		hasCompletedOnboarding: true,
		numStartups: 1,
		autoUpdates: false,
		bypassPermissionsModeAccepted: true,
		projects: Object.fromEntries(projects.map((dir) => [dir, trusted])),
	};
}

function newEnvironment(root, api) {
	return {
		HOME: join(root, "home"),
		CLAUDE_CONFIG_DIR: join(root, "home", ".claude"),
		TMPDIR: join(root, "tmp"),
		PATH: process.env.PATH,
		LANG: "C.UTF-8",
		USER: "tester",
		SHELL: "/bin/sh",
		...(api
			? {
					ANTHROPIC_BASE_URL: api.url,
					ANTHROPIC_API_KEY: "sk-ant-api03-not-a-key",
				}
			: {}),
		CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
		CLAUDE_CODE_MAX_RETRIES: "1",
		DISABLE_AUTOUPDATER: "1",
		DISABLE_ERROR_REPORTING: "1",
		DISABLE_TELEMETRY: "1",
	};
}

function findTranscript(configDir, session) {
	const base = join(configDir, "projects");

	for (const dir of readdirSync(base)) {
		const path = join(base, dir, `${session}.jsonl`);
		if (readdirSync(join(base, dir)).includes(`${session}.jsonl`)) return path;
	}
	throw new Error(`no transcript of session ${session} under ${base}`);
}

/*
 * Make one. api may be null: then nobody is logged in. projects: name -> { file: text } become
 * directories. Answers { root, env, dirs: name -> path, configDir, transcript(session) -> objects,
 * cleanup() }.
 */
export function makeClaudeEnv({ api = null, projects = { project: {} } } = {}) {
	const root = realpathSync(mkdtempSync(join(tmpdir(), "iris-t")));
	const env = newEnvironment(root, api);
	const dirs = {};

	for (const dir of [env.CLAUDE_CONFIG_DIR, env.TMPDIR])
		mkdirSync(dir, { recursive: true, mode: 0o700 });
	for (const [name, files] of Object.entries(projects)) {
		dirs[name] = join(root, "work", name);
		mkdirSync(dirs[name], { recursive: true });
		for (const [file, text] of Object.entries(files))
			writeFileSync(join(dirs[name], file), text);
	}
	const settings = join(env.CLAUDE_CONFIG_DIR, ".claude.json");
	writeFileSync(settings, JSON.stringify(claudeJson(Object.values(dirs))));
	chmodSync(settings, 0o600);
	return {
		root,
		env,
		dirs,
		configDir: env.CLAUDE_CONFIG_DIR,
		transcript: (session) =>
			readFileSync(findTranscript(env.CLAUDE_CONFIG_DIR, session), "utf8")
				.split("\n")
				.filter(Boolean)
				.map((line) => JSON.parse(line)),
		cleanup: () => rmSync(root, { recursive: true, force: true }),
	};
}
