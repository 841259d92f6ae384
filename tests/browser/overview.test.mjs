/* SPDX-License-Identifier: MIT
 *
 * The page Overview: teams are added, asked, woken, edited and removed in it, and it follows what
 * others do.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { makeGate, waitFor } from "../integration/setup.mjs";
import { webStatus } from "../lib/http.mjs";
import { closePage, launch, loginLink, looksRight, newPage, openDashboard, shoot, startWeb } from "./browser.mjs";

let browser;

before(async () => {
	browser = await launch();
});
after(() => browser.close());

const card = (page, name) => page.locator(".team").filter({ has: page.getByRole("heading", { name, exact: true }) });

describe("overview", () => {
	let iris, page;

	beforeEach(async () => {
		iris = await startWeb({ frontend: { color: "#2f7de1" }, backend: {}, docs: { description: "What is written for people" } });
		page = await openDashboard(browser, iris);
	});
	afterEach(async () => {
		await closePage(page);
		await iris.stop();
	});

	test("the teams, who is at work for whom, what waits; and then the answer", async () => {
		const gate = makeGate(iris);
		const sent = await iris.json(["ask", "--no-wait", "backend", `${gate.hold}\nECHO done`], { cwd: iris.dirs.frontend });
		await card(page, "backend").locator(".badge", { hasText: "at work" }).waitFor();
		const doing = card(page, "backend").locator(".doing a");
		assert.match(await doing.innerText(), /^frontend /);
		assert.match(await doing.getAttribute("href"), new RegExp(`^#/conversations/frontend/backend\\?m=${sent.id}$`));
		await iris.json(["ask", "--no-wait", "backend", "ECHO second"], { cwd: iris.dirs.frontend });
		await card(page, "backend").getByText("1 queued").waitFor();
		await card(page, "docs").getByText("asleep").waitFor();
		/* The figures, the picture and its words. */
		const figure = (title) => page.locator(".figure", { hasText: title }).locator(".figure-value");
		assert.equal(await figure("At work").innerText(), "1");
		assert.equal(await figure("Open messages").innerText(), "2");
		assert.match(await page.locator(".figure", { hasText: "Oldest open" }).getAttribute("href"), new RegExp(sent.id));
		const graph = page.getByRole("img", { name: /at work now: frontend to backend/ });
		assert.equal(await graph.locator("path.edge.busy").count(), 1);
		await looksRight(page, "overview");
		gate.open();
		await iris.messageIn(sent.id, "answered");
		await card(page, "backend").getByText("2 answers").waitFor();
		await waitFor(async () => (await figure("Open messages").innerText()) === "0");
		assert.match(await figure("Cost today").innerText(), /^(\$0\.0|<\$0\.01)/);
	});

	test("a team is added, edited and removed; wrong words are refused at their field", async () => {
		page.expected.push(/ 422 .*\/api\/v1\/teams/);
		const yaml = () => readFileSync(join(iris.home, "config.yaml"), "utf8");
		const dir = iris.project("payments");

		await page.getByRole("button", { name: "Add team" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByRole("button", { name: "Add team" }).click();
		await dialog.getByText("A team needs a name.").waitFor();
		await dialog.getByText("A team needs a directory.").waitFor();
		await dialog.getByLabel("Name").fill("backend");
		await dialog.getByLabel("Directory").fill(dir);
		await dialog.getByRole("button", { name: "Add team" }).click();
		await dialog.getByText("There is a team of this name already.").waitFor();
		await dialog.getByLabel("Name").fill("payments");
		await dialog.getByLabel("Colour").fill("red-ish");
		await dialog.getByRole("button", { name: "Add team" }).click();
		await dialog.getByRole("alert").getByText(/color/).waitFor();
		await dialog.getByLabel("Colour").fill("#c04070");
		await dialog.getByLabel("Description").fill("Takes money");
		await shoot(page, "overview-add-team");
		await dialog.getByRole("button", { name: "Add team" }).click();
		await card(page, "payments").getByText("Takes money").waitFor();
		assert.match(yaml(), /payments/);
		assert.equal((await iris.json(["team", "show", "payments"])).color, "#c04070");

		await page.getByRole("button", { name: "More for payments" }).click();
		await page.getByRole("menuitem", { name: "Edit" }).click();
		await dialog.getByLabel("Description").fill("Takes money, gives it back");
		await dialog.getByLabel("Colour").fill("");
		await dialog.getByRole("button", { name: "Save" }).click();
		await card(page, "payments").getByText("Takes money, gives it back").waitFor();
		assert.equal((await iris.json(["team", "show", "payments"])).color, undefined);

		await page.getByRole("button", { name: "More for payments" }).click();
		await page.getByRole("menuitem", { name: "Remove" }).click();
		await page.getByRole("alertdialog").getByRole("button", { name: "Remove team" }).click();
		await card(page, "payments").waitFor({ state: "detached" });
		assert.doesNotMatch(yaml(), /payments/);
	});

	test("wake, sleep, filter", async () => {
		await page.getByRole("button", { name: "Wake backend" }).click();
		await card(page, "backend").getByText("awake").waitFor();
		assert.equal((await iris.json(["team", "show", "backend"])).status, "awake");
		await page.getByRole("button", { name: "Put backend to sleep" }).click();
		await card(page, "backend").getByText("asleep").waitFor();
		await page.keyboard.press("/");
		await page.keyboard.type("people");
		assert.deepEqual(await page.locator(".team h2").allInnerTexts(), ["docs"]);
		await page.keyboard.type(" nobody");
		await page.getByText("No team matches “people nobody”.").waitFor();
	});

	test("an answer that comes late does not take away what has come since", async () => {
		let asked = false, release, given;
		const gate = new Promise((resolve) => (release = resolve)), late = new Promise((resolve) => (given = resolve));
		await page.route(/\/api\/v1\/teams\?/, async (route) => {
			const response = await route.fetch();
			asked = true;
			await gate;
			await route.fulfill({ response });
			given();
		}, { times: 1 });
		await iris.json(["team", "add", "first", iris.project("first")]);
		await waitFor(() => asked, { what: "the teams to be asked for" });
		await iris.json(["team", "add", "second", iris.project("second")]);
		/* As long as it takes the page to hear of it, and more. */
		await iris.json(["ask", "docs", "ECHO heard"], { cwd: iris.dirs.frontend });
		release();
		await late;
		await card(page, "docs").getByText("1 answer").waitFor();
		await card(page, "first").waitFor();
		await card(page, "second").waitFor();
	});

	test("what could not be loaded is loaded when the connection is back, be it to the same irisd", async () => {
		const other = await newPage(browser, { expected: [/WebSocket|ERR_FAILED|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/] });
		const isTeams = /\/api\/v1\/teams\?/;
		await other.route(isTeams, (route) => route.abort());
		await other.goto(await loginLink(iris));
		await other.getByText("What irisd knows could not be loaded").waitFor();
		await other.unroute(isTeams);
		page.expected.push(/WebSocket|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/);
		process.kill((await webStatus(iris)).pid, "SIGKILL");
		await card(other, "backend").waitFor();
		await other.getByText("What irisd knows could not be loaded").waitFor({ state: "detached" });
		await closePage(other);
	});

	test("what the command line does to the teams is seen", async () => {
		await iris.json(["team", "add", "late", iris.project("late"), "--description", "Came later"]);
		await card(page, "late").getByText("Came later").waitFor();
		await iris.json(["team", "remove", "--yes", "late"]).catch(() => iris.json(["team", "remove", "late"]));
		await card(page, "late").waitFor({ state: "detached" });
	});
});

test("without a team, the page says how to add the first one", async () => {
	const iris = await startWeb({});
	const page = await openDashboard(browser, iris);

	try {
		await page.getByText("No team yet").waitFor();
		await page.getByText('iris team add backend ~/src/backend').waitFor();
		await looksRight(page, "overview-empty");
		await page.getByRole("button", { name: "Add the first team" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel("Name").fill("first");
		await dialog.getByLabel("Directory").fill(iris.project("first"));
		await page.keyboard.press("Enter");
		await card(page, "first").waitFor();
		await closePage(page);
	} finally {
		await iris.stop();
	}
});
