/* SPDX-License-Identifier: MIT
 *
 * What the browser tests share: an irisd with its web process, Chromium ($IRIS_CHROMIUM, default
 * /usr/bin/chromium; a new profile each time) in which a person has logged in by the link that
 * `iris dashboard` prints, and what is wrong with a page whatever it was tested for: an error in its
 * console, an exception, a request to another origin. Pictures go to build/check/screenshots.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { listening, makeHttp } from "../lib/http.mjs";

const require = createRequire(import.meta.url);
const SHOTS = new URL("../../build/check/screenshots/", import.meta.url).pathname;
let problems = 0;
const FLAGS = [
	"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--force-color-profile=srgb",
];

export const PHONE = { width: 360, height: 740 };
export const DESK = { width: 1280, height: 800 };

export const launch = () =>
	chromium.launch({ executablePath: process.env.IRIS_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS, headless: true });

/* A value as YAML in blocks, as people write it: what irisd edits. */
function yamlOf(value, indent = "") {
	if (typeof value !== "object" || value === null || Array.isArray(value) || Object.keys(value).length === 0)
		return ` ${JSON.stringify(value)}\n`;
	const lines = Object.entries(value).map(([k, v]) => `${indent}${JSON.stringify(k)}:${yamlOf(v, `${indent}  `)}`);
	return `${indent === "" ? "" : "\n"}${lines.join("")}`;
}

/* An irisd with its web process and teams of the fake, as of tests/lib/http.mjs. */
export async function startWeb(teams, options) {
	const iris = await makeHttp(teams, options);
	const file = join(iris.home, "config.yaml");

	writeFileSync(file, yamlOf(JSON.parse(readFileSync(file, "utf8"))));
	try {
		await iris.start();
		await listening(iris);
	} catch (e) {
		await iris.stop().catch(() => {});
		throw e;
	}
	return iris;
}

/* The link of `iris dashboard`, good for one login; more: further arguments, as --scope. */
export async function loginLink(iris, ...more) {
	const r = await iris.iris(["dashboard", "--print", ...more]);

	assert.equal(r.status, 0, r.stderr);
	const link = r.stdout.match(/https?:\/\/\S+/)?.[0];
	assert.ok(link, `no link in: ${r.stdout}`);
	return link;
}

/*
 * A page of its own (own cookies, own storage) that watches itself. expected: patterns of console
 * errors that the test brings about, as a server that is gone.
 */
export async function newPage(browser, { viewport = DESK, colorScheme = "light", expected = [], ...more } = {}) {
	const context = await browser.newContext({ viewport, colorScheme, locale: "en-US", reducedMotion: "reduce", ...more });
	const page = await context.newPage();

	page.problems = [];
	page.expected = expected;
	page.requests = [];
	page.on("console", (m) => {
		const text = `${m.text()} (${m.location().url})`;
		if (m.type() === "error" && !page.expected.some((p) => p.test(text)))
			page.problems.push(`console: ${text}`);
	});
	page.on("pageerror", (e) => page.problems.push(`exception: ${e.stack}`));
	page.on("request", (r) => page.requests.push(r.url()));
	page.setDefaultTimeout(30000);
	return page;
}

/* Log in and wait until the page follows irisd. */
export async function openDashboard(browser, iris, { scope, ...options } = {}) {
	const page = await newPage(browser, options);
	const link = await loginLink(iris, ...(scope ? ["--scope", scope] : []));

	page.origin = new URL(link).origin;
	await page.goto(link);
	await live(page);
	return page;
}

/* Until the stream of events stands. */
export const live = (page) => page.locator(".connection .dot.ok").waitFor({ state: "attached" });

/* Go to a route of the dashboard, as "conversations/frontend/backend". */
export async function visit(page, route) {
	await page.evaluate((r) => {
		location.hash = `#/${r}`;
	}, route);
}

/* Nothing may be wrong with the page by itself; closes it. Leaves a picture of what went wrong. */
export async function closePage(page) {
	const { origin } = page;

	if (page.problems.length > 0)
		await shoot(page, `problem-${process.pid}-${++problems}`).catch(() => {});
	await page.context().close();
	assert.deepEqual(page.problems, []);
	if (origin)
		assert.deepEqual(page.requests.filter((url) => !/^(data|blob):/.test(url) && new URL(url).host !== new URL(origin).host), []);
}

export async function shoot(page, name, options) {
	mkdirSync(SHOTS, { recursive: true });
	await page.screenshot({ path: join(SHOTS, `${name}.png`), ...options });
}

/* What axe finds that is serious or critical. */
export async function seriousOf(page) {
	const known = await page.evaluate(() => typeof globalThis.axe === "object");

	if (!known)
		await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
	const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
	return violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) =>
		`${v.id}: ${v.help}: ${v.nodes.slice(0, 4).map((n) => `${n.html.slice(0, 160)} ${n.failureSummary}`).join(" | ")}`);
}

/* Nothing of the page is wider than the window. */
export async function assertNoOverflow(page) {
	const wide = await page.evaluate(() => {
		const width = document.documentElement.clientWidth;
		return document.documentElement.scrollWidth <= width ? [] : [...document.querySelectorAll("body *")]
			.filter((e) => e.getBoundingClientRect().right > width + 1).slice(0, 5).map((e) => e.outerHTML.slice(0, 160));
	});

	assert.deepEqual(wide, []);
}

/*
 * The page as it is now, in light, in dark and on a phone: a picture of each, nothing that axe finds
 * serious, nothing wider than the window. Leaves the page in light, at the width of a desk.
 */
export async function looksRight(page, name) {
	for (const [kind, viewport, colorScheme] of [["light", DESK, "light"], ["dark", DESK, "dark"], ["phone", PHONE, "light"]]) {
		await page.setViewportSize(viewport);
		await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
		await shoot(page, `${name}-${kind}`);
		await assertNoOverflow(page);
		assert.deepEqual(await seriousOf(page), [], `${name}, ${kind}`);
	}
	await page.setViewportSize(DESK);
	await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}
