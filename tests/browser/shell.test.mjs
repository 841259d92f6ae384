/* SPDX-License-Identifier: MIT
 *
 * What is around the pages: login and its end, colours, keys, the connection to irisd; and the size
 * and speed of the whole.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { buildDir } from "../lib/claude-env.mjs";
import { listening, webStatus } from "../lib/http.mjs";
import { waitFor } from "../integration/setup.mjs";
import { closePage, launch, live, loginLink, looksRight, newPage, openDashboard, PHONE, seriousOf, startWeb, visit } from "./browser.mjs";

const MOST_KB = 150;
/* Wanted, and told; how fast the machine is fails no test, but a page that hangs does. */
const FIRST_PAINT_MS = 1000;
const HUNG_MS = 10000;
const PAGES = ["", "conversations", "processes", "approvals", "logs", "config", "costs"];

let browser;

before(async () => {
	browser = await launch();
});
after(() => browser.close());

test(`the whole dashboard has at most ${MOST_KB} kB compressed`, (t) => {
	const assets = join(buildDir(), "share/iris/dashboard/assets");
	const files = readdirSync(assets).filter((f) => !f.endsWith(".gz"));
	const size = files.reduce((n, f) => n + gzipSync(readFileSync(join(assets, f)), { level: 9 }).length, 0) / 1000;

	t.diagnostic(`bundle: ${size.toFixed(1)} kB gzipped in ${files.length} files`);
	assert.ok(size <= MOST_KB, `${size} kB`);
	for (const f of files)
		assert.ok(readdirSync(assets).includes(`${f}.gz`), f);
});

describe("shell", () => {
	let iris;

	beforeEach(async () => {
		iris = await startWeb({ frontend: {}, backend: {} });
	});
	afterEach(() => iris.stop());

	test("a link logs in once; the token is not in the history; a second use is refused, and says what to do", async () => {
		const link = await loginLink(iris);
		const page = await newPage(browser);
		await page.goto(link);
		await live(page);
		assert.doesNotMatch(page.url(), /login=/);
		await page.goBack();
		assert.doesNotMatch(page.url(), /login=/);
		await closePage(page);

		const again = await newPage(browser, { expected: [/ 40\d .*\/api\/v1\/login/] });
		await again.goto(link);
		await again.getByText("The login did not work").waitFor();
		await again.getByText("iris dashboard", { exact: true }).waitFor();
		await looksRight(again, "login-failed");
		await closePage(again);
	});

	test("without a login: the page that says how; after a logout the key is worth nothing", async () => {
		const page = await openDashboard(browser, iris, { expected: [/ 401 /] });
		const cookies = await page.context().cookies();
		assert.equal(cookies.length, 1);
		assert.equal(cookies[0].httpOnly, true);
		assert.equal(cookies[0].sameSite, "Strict");
		/* The cookie alone opens nothing. */
		assert.equal(await page.evaluate(() => fetch("/api/v1/teams").then((r) => r.status)), 401);
		await page.getByRole("button", { name: "Log out" }).click();
		await page.getByText("To log in, run this").waitFor();
		await looksRight(page, "login");
		assert.equal((await page.context().cookies()).length, 0);
		await page.reload();
		await page.getByText("To log in, run this").waitFor();
		const { keys } = await iris.json(["key", "list"]);
		assert.deepEqual(keys.filter((k) => k.name === "dashboard").map((k) => k.state), ["revoked"]);
		await closePage(page);
	});

	test("a key that is revoked ends the page's login", async () => {
		const page = await openDashboard(browser, iris, { expected: [/ 401 /, /WebSocket/] });
		const { keys } = await iris.json(["key", "list"]);
		await iris.json(["key", "revoke", keys.find((k) => k.name === "dashboard").id]);
		await page.getByText("You are not logged in any more").waitFor();
		await closePage(page);
	});

	test("a login that may only read sees no button that does more", async () => {
		const page = await openDashboard(browser, iris, { scope: "read" });
		await page.getByRole("heading", { name: "backend" }).waitFor();
		for (const name of ["Add team", "Ask backend", "Wake backend", "More for backend"])
			assert.equal(await page.getByRole("button", { name }).count(), 0, name);
		await visit(page, "config");
		await page.getByText("This login may not see configuration").waitFor();
		await closePage(page);
	});

	test("keys go to the pages, ? tells which, and every page has nothing that axe finds serious", async () => {
		const page = await openDashboard(browser, iris);
		const letters = { o: "Overview", c: "Conversations", p: "Processes", a: "Approvals", l: "Logs", s: "Configuration", m: "Costs" };
		for (const [letter, title] of Object.entries(letters)) {
			await page.keyboard.press("g");
			await page.keyboard.press(letter);
			await page.waitForFunction((t) => document.title.startsWith(t), title);
			await page.locator("h1").first().waitFor();
			assert.deepEqual(await seriousOf(page), [], title);
		}
		await page.keyboard.press("?");
		await page.getByRole("dialog", { name: "Keys" }).waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("dialog").waitFor({ state: "detached" });
		await closePage(page);
	});

	test("light, dark, as the system: the choice is kept", async () => {
		const page = await openDashboard(browser, iris, { colorScheme: "dark" });
		const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
		const dark = await colour();
		await page.getByRole("button", { name: "Colours: as the system" }).click();
		const light = await colour();
		assert.notEqual(light, dark);
		await page.reload();
		await page.getByRole("button", { name: "Colours: light" }).click();
		assert.equal(await colour(), dark);
		await page.emulateMedia({ colorScheme: "light" });
		assert.equal(await colour(), dark);
		await closePage(page);
	});

	test("the main job with nothing but the keyboard", async () => {
		const page = await openDashboard(browser, iris);
		const focus = async (name, most = 60) => {
			for (let i = 0; i < most; i++) {
				await page.keyboard.press("Tab");
				if (await page.evaluate((n) => {
					const e = document.activeElement;
					return (e.getAttribute("aria-label") ?? e.labels?.[0]?.textContent ?? e.textContent).trim() === n;
				}, name))
					return;
			}
			throw new Error(`no way to “${name}” by Tab`);
		};
		await page.keyboard.press("Tab");
		await page.getByText("Skip to the content").waitFor();
		await page.keyboard.press("Enter");
		await focus("Add team");
		await page.keyboard.press("Enter");
		await page.getByRole("dialog").waitFor();
		await page.keyboard.type("payments");
		await focus("Directory");
		await page.keyboard.type(iris.project("payments"));
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "payments" }).waitFor();
		await page.getByRole("dialog").waitFor({ state: "detached" });
		await focus("Ask payments");
		await page.keyboard.press("Enter");
		await page.getByRole("dialog").waitFor();
		await page.keyboard.type("ECHO paid by keyboard");
		await page.keyboard.press("Control+Enter");
		await page.locator(".answer").getByText("paid by keyboard").waitFor();
		await page.locator(".thread-head").waitFor();
		await focus("Message to payments");
		await page.keyboard.type("ECHO once more");
		await page.keyboard.press("Enter");
		await page.locator(".answer").getByText("once more").waitFor();
		await page.getByRole("status").getByText("payments has answered.").waitFor();
		await focus("Send");
		await page.keyboard.press("g");
		await page.keyboard.press("c");
		await page.getByText("Choose a conversation").waitFor();
		await page.locator('main[aria-label="Conversations"]:focus').waitFor();
		/* At once: on a busy machine the next key is there before any timer. */
		assert.ok(await page.evaluate(() => {
			document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true }));
			return document.activeElement.matches("[data-search]");
		}));
		await page.keyboard.type("keyboard");
		await page.locator(".found a").first().waitFor();

		/* On a phone a conversation leaves no room for the search. */
		await page.setViewportSize(PHONE);
		await visit(page, "conversations/frontend/backend");
		await page.locator(".thread-head").waitFor();
		await page.locator(".pairs").waitFor({ state: "hidden" });
		await page.evaluate(() => document.activeElement.blur());
		await page.keyboard.press("/");
		await page.locator("input[data-search]:focus").waitFor();
		await closePage(page);
	});

	test("what a change of the network has ended is asked for once more", async () => {
		const page = await openDashboard(browser, iris, { expected: [/ERR_INTERNET_DISCONNECTED/] });
		let tries = 0;
		await page.route("**/api/v1/sessions?*", (route) => (++tries === 1 ? route.abort("internetdisconnected") : route.continue()));
		await page.reload();
		await page.getByRole("heading", { name: "backend" }).waitFor();
		assert.equal(await page.getByRole("alert").count(), 0);
		assert.equal(tries, 2);
		await closePage(page);
	});

	test("irisd goes and comes back: the page says so, comes back by itself, and has what happened meanwhile", async () => {
		const page = await openDashboard(browser, iris, { expected: [/WebSocket|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_INCOMPLETE| 50[234] /] });
		await visit(page, "conversations/frontend/backend");
		await page.getByText("Nothing was said yet").waitFor();
		/* Another tab, with a page that loads by itself what it shows, and could not. */
		const tab = await page.context().newPage();
		tab.setDefaultTimeout(30000);
		await tab.route("**/api/v1/rules?*", (route) => route.abort());
		await tab.goto(`${page.origin}/#/approvals?tab=rules`);
		await tab.getByText("The rules could not be loaded").waitFor();
		await tab.unroute("**/api/v1/rules?*");
		const { pid } = await webStatus(iris);
		iris.daemon.kill("SIGTERM");
		await iris.daemonExit;
		await page.getByText("The connection to irisd is lost").waitFor();
		await iris.start();
		await listening(iris, { but: pid });
		await iris.json(["ask", "backend", "ECHO while you were away"], { cwd: iris.dirs.frontend });
		await live(page);
		await page.locator(".answer").getByText("while you were away").waitFor();
		await tab.getByText("No rule was remembered").waitFor();
		/* And it is live again, not only loaded. */
		await iris.json(["ask", "backend", "ECHO after that"], { cwd: iris.dirs.frontend });
		await page.locator(".answer").getByText("after that").waitFor();
		await closePage(page);
	});

	test(`the first paint: ${FIRST_PAINT_MS} ms are wanted`, async (t) => {
		const page = await openDashboard(browser, iris);
		const paints = [];
		for (let i = 0; i < 5 && (i === 0 || paints.at(-1) > FIRST_PAINT_MS); i++) {
			await page.reload();
			await live(page);
			paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime));
		}
		const all = await page.evaluate(() => performance.getEntriesByType("resource").reduce((n, r) => n + r.encodedBodySize, 0));
		t.diagnostic(`first contentful paint: ${paints.map((p) => Math.round(p)).join(", ")} ms; ${(all / 1000).toFixed(1)} kB of resources`);
		assert.ok(Math.min(...paints) <= HUNG_MS, paints.join());
		await closePage(page);
	});

	test("a page that does not exist, and one that is deep linked", async () => {
		const page = await openDashboard(browser, iris);
		await visit(page, "nothing/here");
		await page.getByText("There is no such page").waitFor();
		for (const path of PAGES) {
			await page.goto(`${page.origin}/#/${path}`);
			await page.reload();
			await page.locator("h1").first().waitFor();
		}
		await closePage(page);
	});
});
