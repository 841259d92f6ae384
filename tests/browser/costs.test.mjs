/* SPDX-License-Identifier: MIT
 *
 * The page Costs: the figures of turns by day, team and pair, as a chart, as tables and as CSV; they grow
 * while somebody looks.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { ask as http, makeKey } from "../lib/http.mjs";
import { waitFor } from "../integration/setup.mjs";
import { closePage, launch, looksRight, openDashboard, startWeb, visit } from "./browser.mjs";

let browser;

before(async () => {
	browser = await launch();
});
after(() => browser.close());

const rowsOf = async (table) => (await table.locator("tbody tr").all()).length;

test("what turns have cost, live, and as CSV", async () => {
	const iris = await startWeb({ frontend: { color: "#2f7de1" }, backend: { color: "#1f9d63" }, docs: {} });

	try {
		const page = await openDashboard(browser, iris);
		await visit(page, "costs");
		await page.getByText("Nothing was spent in this time").waitFor();
		await iris.json(["ask", "backend", "USAGE 3000 500\nECHO one"], { cwd: iris.dirs.frontend });
		await iris.json(["ask", "docs", "USAGE 1000 200\nECHO two"], { cwd: iris.dirs.frontend });
		const teams = page.locator("table", { hasText: "What each team has cost" });
		await waitFor(async () => (await teams.count()) === 1 && (await rowsOf(teams)) === 2, { what: "two teams", deadline: 8000, every: 50 });
		const key = await makeKey(iris, "read");
		const { items, total } = (await http(iris.port, "GET", "/api/v1/costs?by=day,team,from", { key })).json();
		assert.equal(items.length, 2);
		const figures = page.locator(".cost-figures");
		assert.match(await figures.innerText(), /Messages\s+2\s/);
		const row = teams.locator("tbody tr", { hasText: "backend" });
		const backend = items.find((i) => i.team === "backend");
		assert.ok(backend.inputTokens >= 3000);
		assert.equal(await row.locator("td[data-title=Input] span").getAttribute("title"), backend.inputTokens.toLocaleString("en-US"));
		assert.equal(await page.locator(".cost-legend li").count(), 2);
		await looksRight(page, "costs");

		const [got] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
		const lines = readFileSync(await got.path(), "utf8").trim().split("\r\n").map((l) => l.split(","));
		assert.deepEqual(lines[0], ["day", "team", "from", "messages", "inputTokens", "outputTokens", "cacheReadTokens",
			"cacheCreationTokens", "costUsd"]);
		assert.equal(lines.length, 3);
		const sum = lines.slice(1).reduce((n, l) => n + Number(l[8]), 0);
		assert.ok(Math.abs(sum - total.costUsd) < 1e-9, `${sum} is not ${total.costUsd}`);

		await page.getByRole("button", { name: "Table" }).click();
		await page.locator("table", { hasText: "Costs by day and team" }).locator("tbody tr", { hasText: items[0].day }).waitFor();
		await page.getByLabel("Time").selectOption("Today");
		await page.getByText("today", { exact: true }).waitFor();
		await page.reload();
		assert.equal(await page.getByLabel("Time").inputValue(), "1");
		await closePage(page);
	} finally {
		await iris.stop();
	}
});
