/* SPDX-License-Identifier: MIT
 *
 * The page Logs: lines as they are written, filters that irisd applies to the whole file, pause, clear,
 * download, and no lines when nobody looks.
 */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { waitFor } from "../integration/setup.mjs";
import { closePage, launch, looksRight, openDashboard, startWeb, visit } from "./browser.mjs";

let browser;

before(async () => {
	browser = await launch();
});
after(() => browser.close());

test("the log, live, searched, paused, cleared and downloaded", async () => {
	const iris = await startWeb({ frontend: {}, backend: {} });
	const file = join(iris.home, "log", "irisd.log");
	/* Lines of long ago, more than the page loads: only irisd can find the first of them. */
	const at = (ms) => new Date(Date.now() - 7200000 + ms).toISOString();
	const old = Array.from({ length: 6000 }, (_, i) =>
		`${at(i)} ${i % 100 === 7 ? "warn" : "info"} iris-worker[7] line=${i}${i === 5 ? " needle" : ""} ${"x".repeat(i % 90)}\n`).join("");

	try {
		const page = await openDashboard(browser, iris);
		const sockets = [];
		page.on("websocket", (s) => sockets.push(s));
		appendFileSync(file, old);
		await visit(page, "logs");
		const lines = page.locator(".log-line");
		const line = (text) => page.locator(".log-line", { hasText: text });
		const status = page.locator(".logs > [role=status]");
		await line("line=5999").waitFor();
		await status.getByText("2,000 lines, the last that fit").waitFor();
		assert.ok((await lines.count()) < 150, "only what can be seen is drawn");

		/* A new line comes by itself, and the list follows its end. */
		await iris.json(["ask", "backend", "ECHO hi"], { cwd: iris.dirs.frontend });
		await line("message answered").waitFor();
		await looksRight(page, "logs");
		assert.equal(sockets.length, 1);
		assert.match(sockets[0].url(), /topics=log/);

		/* Paused: counted, and there afterwards. */
		await page.getByRole("button", { name: "Pause" }).click();
		await iris.json(["ask", "backend", "ECHO again"], { cwd: iris.dirs.frontend });
		await waitFor(async () => Number((await status.innerText()).match(/paused, (\d+) new lines held back/)?.[1]) >= 2);
		assert.equal(await line("message answered").count(), 1);
		await page.getByRole("button", { name: "Go on" }).click();
		await waitFor(async () => (await line("message answered").count()) === 2);

		/* Filters look at the whole file. */
		await page.keyboard.press("/");
		await page.keyboard.type("NEEDLE");
		await line("line=5 needle").waitFor();
		await status.getByText("1 line", { exact: true }).waitFor();
		await page.getByLabel("Search").fill("");
		for (const level of ["error", "info", "debug"])
			await page.getByLabel(level, { exact: true }).uncheck();
		await status.getByText("60 lines", { exact: true }).waitFor();
		assert.ok((await lines.locator(".log-level").allInnerTexts()).every((l) => l === "warn"));
		const [got] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
		const text = readFileSync(await got.path(), "utf8");
		assert.match(got.suggestedFilename(), /^iris-.*\.log$/);
		assert.equal(text, old.split("\n").filter((l) => / warn /.test(l)).map((l) => `${l}\n`).join(""));
		await page.getByLabel("warn", { exact: true }).uncheck();
		await page.getByText("No line fits").waitFor();
		for (const level of ["error", "warn", "info", "debug"])
			await page.getByLabel(level, { exact: true }).check();
		await page.getByLabel("From").selectOption("irisd");
		await line("line=").first().waitFor({ state: "detached" });
		await line("ready version").waitFor({ state: "attached" });
		await page.getByLabel("From").selectOption("all programs");
		await page.getByLabel("Since").selectOption("an hour");
		await line("line=").first().waitFor({ state: "detached" });
		await line("message answered").first().waitFor();

		await page.getByRole("button", { name: "Clear" }).click();
		await page.getByText("Cleared").waitFor();
		await iris.json(["ask", "backend", "ECHO third"], { cwd: iris.dirs.frontend });
		await line("message answered").waitFor();
		assert.equal(await line("message answered").count(), 1);

		/* Who has left the page gets no lines any more. */
		await visit(page, "costs");
		await waitFor(() => sockets[0].isClosed());
		await closePage(page);
	} finally {
		await iris.stop();
	}
});
