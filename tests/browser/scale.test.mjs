/* SPDX-License-Identifier: MIT
 *
 * 200 teams and 10,000 messages: the rows are put into the database while irisd is away. Only what is
 * seen is drawn. How long the browser is held while a page is scrolled is told; LONGEST ms are wanted, and
 * what is measured is measured again above that, but how fast the machine is fails no test: HUNG does.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { listening } from "../lib/http.mjs";
import { run } from "../lib/iris.mjs";
import { waitFor } from "../integration/setup.mjs";
import { closePage, launch, openDashboard, shoot, startWeb, visit } from "./browser.mjs";

const TEAMS = 200;
const MESSAGES = 10000;
const LONGEST = 200;
const HUNG = 2000;
const TRIES = 4;
const START = Date.UTC(2025, 0, 1);

let browser, iris;

const idOf = (i) => {
	const time = (START + i * 60000).toString(16).padStart(12, "0");
	return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${i.toString(16).padStart(12, "0")}`;
};
const team = (i) => `team-${String(i).padStart(3, "0")}`;

/* Most messages are of one pair; each team has asked the next one. */
function* rows() {
	yield "BEGIN;";
	for (let i = 0; i < TEAMS; i++)
		yield `INSERT INTO session (id, from_team, to_team, claude_id, started, created_at, last_used_at, messages) VALUES
(${i + 1}, '${team(i)}', '${team((i + 1) % TEAMS)}', '${idOf(i).replace("-7000-", "-4000-")}', 1, ${START}, ${START + i * 1000}, ${i === 0 ? MESSAGES - TEAMS : 1});`;
	for (let i = 0; i < MESSAGES; i++) {
		const s = i < TEAMS ? i : 0;
		const at = START + i * 60000;
		const answer = `Answer ${i}. ${"The API is versioned by its path, and the old one is kept for two releases. ".repeat(i % 7)}`;
		yield `INSERT INTO message (id, session, from_team, to_team, root, hops, state, created_at, updated_at, body, answer, receipt)
VALUES ('${idOf(i)}', ${s + 1}, '${team(s)}', '${team((s + 1) % TEAMS)}', '${idOf(i)}', 0, 'answered', ${at}, ${at + 5000},
'Question ${i}: how do you version the API?', '${answer}', ${4 * i + 1});`;
		["queued", "sent", "seen", "answered"].forEach((state, n) => {
			rows.more.push(`('${idOf(i)}', ${4 * i + 1 + n}, '${state}', ${at + n * 1000}, 'seeded')`);
		});
		yield `INSERT INTO receipt (message, seq, state, at, evidence) VALUES ${rows.more.splice(0).join(",")};`;
	}
	yield "COMMIT;";
}
rows.more = [];

before(async () => {
	browser = await launch();
	iris = await startWeb(Object.fromEntries(Array.from({ length: TEAMS }, (_, i) => [team(i), {}])));
	await iris.iris(["stop"]);
	await iris.daemonExit;
	const r = await run("sqlite3", ["-batch", "-bail", join(iris.home, "iris.db")], { input: [...rows()].join("\n") });
	assert.equal(r.status, 0, r.stderr);
	await iris.start();
	await listening(iris);
});
after(async () => {
	await browser.close();
	await iris.stop();
});

/* The longest task of the page while this is done; the best of a few, for the machine has others to serve. */
async function longest(page, what) {
	const runs = [];

	for (let i = 0; i < TRIES && (i === 0 || runs.at(-1) > LONGEST); i++) {
		await page.evaluate(() => {
			globalThis.longTasks = [];
			globalThis.longWatch = new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((e) => e.duration)));
			globalThis.longWatch.observe({ type: "longtask" });
		});
		await what();
		runs.push(await page.evaluate(() => {
			longWatch.disconnect();
			return Math.max(0, ...longTasks);
		}));
	}
	return Math.min(...runs);
}

/* So many turns of the wheel over an element, each drawn before the next. */
async function wheel(page, where, n, dy) {
	const box = await page.locator(where).boundingBox();

	await page.mouse.move(box.x + box.width / 2, box.y + Math.min(200, box.height / 2));
	for (let i = 0; i < n; i++) {
		await page.mouse.wheel(0, dy);
		await page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));
	}
}

/* Where the message at the upper edge of the thread is, or this one, once the list has come to rest. */
function reading(page, which) {
	return page.evaluate(async (text) => {
		const list = document.querySelector(".thread-list");
		for (let still = 0, y = -1; still < 20; await new Promise(requestAnimationFrame)) {
			const now = list.scrollTop + list.scrollHeight;
			still = now === y ? still + 1 : 0;
			y = now;
		}
		const edge = list.getBoundingClientRect().top;
		const textOf = (m) => m.querySelector(".question .text").textContent;
		const first = [...list.querySelectorAll(".message")]
			.find((m) => (text ? textOf(m) === text : m.getBoundingClientRect().bottom > edge + 1));
		return first && { text: textOf(first), top: first.getBoundingClientRect().top - edge };
	}, which);
}

describe(`${TEAMS} teams, ${MESSAGES} messages`, () => {
	let page;

	beforeEach(async () => {
		page = await openDashboard(browser, iris);
	});
	afterEach(() => closePage(page));

	test("the overview", async (t) => {
		await waitFor(async () => (await page.locator(".team").count()) === TEAMS);
		const ms = await longest(page, () => wheel(page, "#main", 30, 900));
		t.diagnostic(`longest task while scrolling ${TEAMS} cards: ${Math.round(ms)} ms`);
		assert.ok(ms <= HUNG, `${ms} ms`);
		const typing = await longest(page, async () => {
			await page.locator("[data-search]").fill("");
			await page.locator("[data-search]").pressSequentially("team-19");
		});
		t.diagnostic(`longest task while filtering: ${Math.round(typing)} ms`);
		assert.ok(typing <= HUNG, `${typing} ms`);
		assert.equal(await page.locator(".team").count(), 10);
		await page.locator("[data-search]").fill("");
		await shoot(page, "overview-200");
	});

	test("the longest conversation, from its end to what is old", async (t) => {
		await visit(page, `conversations/${team(0)}/${team(1)}`);
		await page.getByText(`Question ${MESSAGES - 1}:`).waitFor();
		const ms = await longest(page, () => wheel(page, ".thread-list", 60, -1500));
		t.diagnostic(`longest task while scrolling the thread: ${Math.round(ms)} ms`);
		assert.ok(ms <= HUNG, `${ms} ms`);
		assert.ok((await page.locator(".message").count()) < 60, "only what is seen is drawn");
		assert.equal(await page.getByText(`Question ${MESSAGES - 1}:`).count(), 0);
		const pairs = await longest(page, () => wheel(page, ".pairs-scroll", 30, 1200));
		assert.ok(pairs <= HUNG, `${pairs} ms`);
		assert.ok((await page.locator(".pair").count()) < 60);
		await shoot(page, "conversation-10000");
	});

	test("what is read stays where it is when older messages come before it", async () => {
		let older, release;
		const gate = new Promise((resolve) => (release = resolve));

		await page.route(/\/api\/v1\/messages\?.*cursor=/, async (route) => {
			older = true;
			await gate;
			await route.continue();
		});
		await visit(page, `conversations/${team(0)}/${team(1)}`);
		await page.getByText(`Question ${MESSAGES - 1}:`).waitFor();
		for (let i = 0; i < 80 && !older; i++)
			await wheel(page, ".thread-list", 1, -1500);
		assert.ok(older, "the next page is asked for before its end is reached");
		const { text, top } = await reading(page);
		const count = () => page.locator(".thread-list .virtual-row").first().getAttribute("aria-setsize");
		const before = Number(await count());
		release();
		await waitFor(async () => Number(await count()) > before);
		const then = await reading(page, text);
		assert.ok(then, `${text} is in view no more`);
		assert.ok(Math.abs(then.top - top) < 3, `${top} -> ${then.top}`);
	});

	test("a link to the oldest message of 10,000", async (t) => {
		const from = performance.now();
		await visit(page, `conversations/${team(0)}/${team(1)}?m=${idOf(0)}`);
		await page.locator(".message.marked").getByText("Question 0:").waitFor();
		t.diagnostic(`found after ${Math.round(performance.now() - from)} ms`);
		await page.getByText("The conversation begins here.").waitFor();
	});
});
