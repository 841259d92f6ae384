/* SPDX-License-Identifier: MIT
 *
 * The whole main job of a person, in the browser alone: a team is added, asked, its answer is watched
 * while it is written, the tool that it wants is allowed by a click, and the answer is found again by
 * search. Once with the fake, once with the real Claude Code of which only the model is scripted.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startMessagesApi } from "../e2e/messages-api.mjs";
import { claudePath, makeClaudeEnv } from "../lib/claude-env.mjs";
import { freePort, listening } from "../lib/http.mjs";
import { Iris } from "../lib/iris.mjs";
import { waitFor } from "../lib/wait.mjs";
import { closePage, launch, openDashboard, shoot, startWeb } from "./browser.mjs";

let browser;

before(async () => {
	browser = await launch();
});
after(() => browser.close());

/*
 * dir: of the team that is added. question: streams `first` before it wants `tool` to make `file`; the
 * answer ends with `last`, a word that is nowhere else.
 */
async function mainJob(iris, { dir, question, tool, command, first, last, file, name }) {
	const page = await openDashboard(browser, iris);
	const dialog = page.getByRole("dialog");

	await page.locator(".empty, .page-head").getByRole("button", { name: /^Add/ }).first().click();
	await dialog.getByLabel("Name").fill("payments");
	await dialog.getByLabel("Directory").fill(dir);
	await dialog.getByLabel("Description").fill("Takes money");
	await dialog.getByLabel("What it may not do by itself").selectOption("ask a person");
	await dialog.getByRole("button", { name: "Add team" }).click();
	await page.locator(".team", { hasText: "Takes money" }).waitFor();

	await page.getByRole("button", { name: "Ask payments" }).click();
	await dialog.getByLabel("Question").fill(question);
	await dialog.getByRole("button", { name: "Ask", exact: true }).click();
	const message = page.locator(".message");
	await message.locator(".answer").getByText(first).waitFor();
	const bar = page.locator(".approval-bar");
	await bar.getByText(`payments wants to use ${tool}`).waitFor();
	assert.equal(await message.locator(".ladder .answered.done").count(), 0);
	assert.ok(!existsSync(file));
	await bar.getByRole("button", { name: "Review" }).click();
	await dialog.locator("pre").getByText(command).waitFor();
	await shoot(page, `main-job-${name}`);
	await dialog.getByRole("button", { name: "Allow", exact: true }).click();
	await dialog.waitFor({ state: "detached" });
	/* The tool that was called may have the word as well. */
	await message.locator(".answer .text", { hasText: last }).waitFor();
	await message.locator(".ladder .answered.done").waitFor();
	assert.ok(existsSync(file));
	const id = await message.getAttribute("data-message");

	await page.getByRole("link", { name: "Conversations" }).click();
	await page.keyboard.press("/");
	await page.keyboard.type(last);
	const found = page.locator(".found a");
	await waitFor(async () => (await found.count()) === 1, { what: "one message to be found" });
	await found.click();
	await page.locator(`.message.marked[data-message="${id}"]`).getByText(last).first().waitFor();
	await closePage(page);
}

test("the main job, with the fake", async () => {
	const iris = await startWeb({});

	try {
		const dir = iris.project("payments");
		await mainJob(iris, { name: "fake", dir, tool: "Bash", command: "touch made; echo zanzibar", first: "Let me look",
			last: "zanzibar", file: join(dir, "made"), question: "SLOW 200 Let me look at it\nBASH touch made; echo zanzibar" });
	} finally {
		await iris.stop();
	}
});

test("the main job, with the real Claude Code", { timeout: 120000 }, async () => {
	const command = "printf done > made.txt";
	const api = await startMessagesApi([
		{ match: (c) => c.toolResult !== undefined, reply: "It is made, and its name is zanzibar." },
		{ match: /make the file/, reply: { text: "Let me look at it.", tool: "Bash", input: { command, description: "make a file" } } },
	]);
	const world = makeClaudeEnv({ api, projects: { payments: {} } });
	const port = await freePort(), port2 = await freePort();
	const iris = new Iris({ world, config: {
		settings: { claudePath: claudePath(), httpPort: port },
		dashboard: { enabled: true, http: port2 },
		teams: {},
	} });

	try {
		await iris.start();
		await listening(iris);
		const dir = world.dirs.payments;
		await mainJob(iris, { name: "real", dir, tool: "Bash", command, first: "Let me look at it.", last: "zanzibar",
			file: join(dir, "made.txt"), question: "Please make the file." });
		assert.ok(api.requests.some((r) => r.toolResult !== undefined && !r.toolError));
	} finally {
		await iris.stop();
		await api.close();
	}
});
