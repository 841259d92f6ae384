/* SPDX-License-Identifier: MIT
 *
 * The page Configuration: changed by the form and as text, checked before it is saved, with comments
 * kept, secrets hidden, and nobody's changes overwritten.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { waitFor } from "../integration/setup.mjs";
import { closePage, launch, live, looksRight, openDashboard, shoot, startWeb, visit } from "./browser.mjs";

let browser;

before(async () => {
	browser = await launch();
});
after(() => browser.close());

describe("configuration", () => {
	let iris, page, file;

	beforeEach(async () => {
		iris = await startWeb({ frontend: {}, backend: { env: { TOKEN: "very-secret", LEVEL: "low" } } });
		file = join(iris.home, "config.yaml");
		writeFileSync(file, `# kept: this comment\n${readFileSync(file, "utf8")}`);
		page = await openDashboard(browser, iris);
		await visit(page, "config");
	});
	afterEach(async () => {
		await closePage(page);
		await iris.stop();
	});

	const yaml = () => readFileSync(file, "utf8");
	const review = () => page.getByRole("button", { name: "Review and save" });
	const dialog = () => page.getByRole("dialog");
	const text = () => page.getByRole("textbox", { name: "config.yaml" });

	async function save() {
		await review().click();
		await dialog().getByRole("button", { name: "Save" }).click();
		await dialog().waitFor({ state: "detached" });
	}

	test("by the form: refused at its field, shown as a diff, saved with every comment", async () => {
		const before = yaml();
		await page.getByLabel("maxProcesses").fill("0");
		await page.locator(".field", { hasText: "maxProcesses" }).getByText(/0 is out of range; expected 1\.\.1000/).waitFor();
		assert.ok(await review().isDisabled());
		await looksRight(page, "config-form");
		await page.getByLabel("maxProcesses").fill("7");
		await page.getByText("irisd would load this.").waitFor();
		await review().click();
		await dialog().locator(".diff-line.added", { hasText: "maxProcesses: 7" }).waitFor();
		assert.equal(await dialog().locator(".diff-line.added, .diff-line.removed").count(), 1);
		await shoot(page, "config-save");
		assert.equal(yaml(), before);
		await dialog().getByRole("button", { name: "Save" }).click();
		await page.locator(".toast", { hasText: "maxProcesses" }).waitFor();
		assert.match(yaml(), /^# kept: this comment\n/);
		assert.match(yaml(), /maxProcesses: 7\n/);
		assert.equal((await iris.json(["status"])).pool.max, 7);
		/* Empty again: the key is taken out. */
		await page.getByLabel("maxProcesses").fill("");
		await save();
		assert.equal(yaml(), before);
	});

	test("secrets are not shown, and stay when others of theirs change", async () => {
		await page.getByLabel("Keys of").selectOption("team backend");
		const env = page.getByLabel("env", { exact: true });
		assert.equal(await env.inputValue(), "TOKEN=********\nLEVEL=********");
		await env.fill("TOKEN=********\nLEVEL=high\nMORE=x");
		await page.getByLabel("Search").fill("description");
		await waitFor(async () => (await page.locator(".config-keys .field").count()) === 1);
		await page.getByLabel("description").fill("the back");
		await save();
		assert.match(yaml(), /"TOKEN": "very-secret"/);
		assert.match(yaml(), /"LEVEL": "?high/);
		assert.match(yaml(), /MORE: x/);
		assert.equal((await iris.json(["team", "show", "backend"])).description, "the back");
	});

	test("as YAML: errors at their line and column, warnings, and what the form had begun", async () => {
		await page.getByLabel("maxProcesses").fill("8");
		await page.getByRole("tab", { name: "YAML" }).click();
		await waitFor(async () => /maxProcesses: 8/.test(await text().inputValue()));
		const good = await text().inputValue();
		await text().fill(good.replace("maxProcesses: 8", "maxProcesses: many"));
		const problem = page.locator(".yaml-problems li.bad");
		await problem.getByText(/"many" is not an integer/).waitFor();
		const line = good.split("\n").findIndex((l) => /maxProcesses/.test(l)) + 1;
		await problem.getByRole("button", { name: `line ${line}, column` }).click();
		const at = await text().evaluate((el) => el.selectionStart);
		assert.equal((await text().inputValue()).slice(at, at + 4), "many");
		assert.equal(await page.locator(".yaml-numbers .wrong").innerText(), String(line));
		await looksRight(page, "config-yaml");
		await text().fill(`${good}# and at the end\n`);
		await page.getByText("irisd would load this.").waitFor();
		await save();
		assert.match(yaml(), /^# kept: this comment\n[^]*maxProcesses: 8\n[^]*# and at the end\n$/);
	});

	test("somebody else has changed the file: nothing of theirs is overwritten", async () => {
		await page.getByLabel("maxProcesses").fill("9");
		await page.getByText("irisd would load this.").waitFor();
		/* Unheard of: the page learns it when it saves. */
		page.expected.push(/ 412 .*\/config/);
		await review().click();
		writeFileSync(file, `${yaml()}# theirs\n`);
		await dialog().getByRole("button", { name: "Save" }).click();
		await page.getByText("Somebody has changed config.yaml since you began.").waitFor();
		assert.match(yaml(), /# theirs\n$/);
		assert.doesNotMatch(yaml(), /maxProcesses: 9/);
		assert.ok(await review().isDisabled());
		await page.getByRole("button", { name: "What is in it now" }).click();
		await dialog().getByText("# theirs").waitFor();
		await shoot(page, "config-stale");
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Put my changes on top of it" }).click();
		await page.getByText("irisd would load this.").waitFor();
		await save();
		assert.match(yaml(), /maxProcesses: 9\n[^]*# theirs\n$/);
	});

	test("what is not saved is kept while the page is, and asked about before it is lost", async () => {
		await page.getByLabel("maxProcesses").fill("5");
		await page.getByRole("link", { name: "Logs" }).click();
		await page.getByRole("heading", { name: "Logs" }).waitFor();
		/* Changed meanwhile: the draft is still of the file as it was. */
		writeFileSync(file, `${yaml()}# theirs\n`);
		await page.getByRole("link", { name: "Configuration" }).click();
		assert.equal(await page.getByLabel("maxProcesses").inputValue(), "5");
		await page.getByText("Somebody has changed config.yaml since you began.").waitFor();
		const asked = page.waitForEvent("dialog");
		const gone = page.reload({ timeout: 2000 }).catch(() => {});
		const question = await asked;
		assert.equal(question.type(), "beforeunload");
		await question.dismiss();
		await gone;
		await page.getByRole("button", { name: "Discard", exact: true }).click();
		await page.getByRole("alertdialog").getByRole("button", { name: "Discard" }).click();
		await waitFor(async () => (await page.getByLabel("maxProcesses").inputValue()) === "");
		await page.reload();
		await live(page);
	});
});
