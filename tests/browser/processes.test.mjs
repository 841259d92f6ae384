/* SPDX-License-Identifier: MIT
 *
 * The page Processes: what runs, what it takes, as it changes; sleep and wake.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sessions, waitFor } from "../integration/setup.mjs";
import { closePage, launch, looksRight, openDashboard, startWeb, visit } from "./browser.mjs";

let browser;

before(async () => {
	browser = await launch();
});
after(() => browser.close());

test("processes come and go, with memory, CPU and command line", async () => {
	const iris = await startWeb({ frontend: {}, backend: {}, docs: {} });
	const page = await openDashboard(browser, iris);

	try {
		await visit(page, "processes");
		const row = (...words) => words.reduce((rows, w) => rows.filter({ hasText: w }), page.locator(".processes tbody tr"));
		await row("irisd", "the supervisor").waitFor();
		await row("web", "HTTP").waitFor();
		assert.equal(await row("claude").count(), 0);
		await iris.json(["ask", "backend", "ECHO hi"], { cwd: iris.dirs.frontend });
		await row("worker", "backend").waitFor();
		await row("claude", "frontend", "backend").waitFor();
		const { pid } = (await sessions(iris))["frontend->backend"];
		const cells = await row("claude").locator("td").allInnerTexts();
		assert.ok(cells.some((c) => c.trim() === String(pid)), cells.join("|"));
		assert.match(cells.join("|"), /\d (KiB|MiB)/);
		/* Two figures of the stream make a percentage. */
		await waitFor(async () => /[\d.]+ %/.test(await row("irisd").innerText()), { what: "CPU of irisd", deadline: 30000, every: 100 });
		await page.locator(".gauge", { hasText: "CPU of Iris" }).locator("polyline").waitFor({ state: "attached" });
		assert.match(await page.locator(".gauge", { hasText: "Pool" }).innerText(), /1 of 10 places/);
		await looksRight(page, "processes");

		await page.getByRole("button", { name: `Details of process ${pid}` }).click();
		await page.getByRole("dialog").locator("pre").getByText("--output-format").waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Put backend to sleep for frontend" }).click();
		await row("claude").waitFor({ state: "detached" });
		await page.getByRole("button", { name: "Wake docs" }).click();
		await row("claude", "docs").waitFor();
		await row("claude", "docs").getByRole("link").click();
		await page.getByText("Nothing was said yet").waitFor();
		assert.match(page.url(), /docs$/);
		await closePage(page);
	} finally {
		await iris.stop();
	}
});
