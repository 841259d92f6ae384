/* SPDX-License-Identifier: MIT
 *
 * The page Conversations: a question is asked, its answer is watched as it is written, with steps,
 * evidence and tools; found again by search; cancelled; and what can be done with a session.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { makeGate, waitFor, within } from "../integration/setup.mjs";
import { closePage, launch, looksRight, openDashboard, PHONE, shoot, startWeb, visit } from "./browser.mjs";

let browser;

before(async () => {
	browser = await launch();
});
after(() => browser.close());

const message = (page, id) => page.locator(`[data-message="${id}"]`);
const last = (page) => page.locator(".message").last();
const ladderOf = async (m) => (await m.locator(".ladder li.done").allInnerTexts()).map((s) => s.trim());

describe("conversations", () => {
	let iris, page;

	beforeEach(async () => {
		iris = await startWeb({ frontend: { color: "#2f7de1" }, backend: { color: "#1f9d63" }, docs: {} });
		page = await openDashboard(browser, iris);
	});
	afterEach(async () => {
		await closePage(page);
		await iris.stop();
	});

	const say = (text, team = "backend", from = "frontend") =>
		iris.json(["ask", team, text], { cwd: iris.dirs[from] });

	async function send(text) {
		await page.getByLabel("Message to backend").fill(text);
		await page.keyboard.press("Enter");
	}

	test("a message is sent, its answer streams, and every step has its evidence", async () => {
		await visit(page, "conversations/frontend/backend");
		await page.getByText("Nothing was said yet").waitFor();
		const gate = makeGate(iris);
		await send(`TOOL list_teams {}\nSLOW 1 the first words\n${gate.hold}\nECHO and the last`);
		/* While the turn is held: the words so far, the tool, three steps. */
		const m = last(page);
		await m.locator(".answer").getByText("the first words").waitFor();
		await m.locator(".tool-calls", { hasText: "list_teams" }).waitFor();
		assert.deepEqual(await ladderOf(m), ["queued", "sent", "seen"]);
		await page.locator(".pair.current .pair-state.busy").waitFor();
		await looksRight(page, "conversation-streams");
		gate.open();
		await m.locator(".ladder .answered.done").waitFor();
		await m.locator(".answer").getByText("and the last").waitFor();
		assert.deepEqual(await ladderOf(m), ["queued", "sent", "seen", "answered"]);
		await m.getByRole("button", { name: "Evidence" }).click();
		const id = await m.getAttribute("data-message");
		const { receipts } = await iris.message(id);
		await waitFor(async () => (await m.locator(".evidence-table tbody tr").count()) === receipts.length);
		assert.deepEqual(await m.locator(".evidence-text").allInnerTexts(), ["Evidence", ...receipts.map((r) => r.evidence)].slice(1));
		assert.match(await m.locator(".tool-calls").innerText(), /list_teams/);
		await looksRight(page, "conversation");
		assert.equal((await iris.message(id)).from, "frontend");
	});

	test("a long answer comes whole though lists cut it, and grows as it is asked to", async () => {
		const text = Array.from({ length: 60 }, (_, i) => `line-${i}`).join(" and ");
		const { id } = await say(`BLOCKS ${text}|${Array.from({ length: 40 }, (_, i) => `block ${i}`).join("|")}`);
		await visit(page, "conversations/frontend/backend");
		await message(page, id).getByText("line-59").waitFor();
		const box = message(page, id).locator(".answer .text");
		const before = (await box.boundingBox()).height;
		await message(page, id).getByRole("button", { name: "Show all" }).click();
		await waitFor(async () => (await box.boundingBox()).height > before + 100);
		assert.match(await box.innerText(), /block 39/);
	});

	test("markup in a message is text", async () => {
		const evil = '<img src="https://evil.example/x.png" onerror="document.title=1"><script>document.title=2';
		const { id } = await say(`ECHO ${evil}\n</script>`);
		await visit(page, "conversations/frontend/backend");
		await message(page, id).locator(".answer").getByText(evil).waitFor();
		await message(page, id).locator(".question").getByText("</script>").waitFor();
		assert.match(await page.title(), /Iris/);
		assert.equal(await page.locator(".message img, .message script").count(), 0);
	});

	test("search finds a message among many and goes to it", async () => {
		for (let i = 0; i < 12; i++)
			await say(`ECHO answer ${i} ${i === 3 ? "zanzibar" : "nothing"} ${"word ".repeat(200)}`);
		await visit(page, "conversations");
		await page.getByLabel("Search pairs and messages").waitFor();
		await page.keyboard.press("/");
		await page.keyboard.type("zanzibar");
		const found = page.locator(".found a");
		await waitFor(async () => (await found.count()) === 1);
		await shoot(page, "conversations-search");
		await found.click();
		await page.locator(".message.marked").getByText("answer 3").first().waitFor();
		assert.ok(await page.locator(".message.marked").isVisible());
		/* The link alone goes there as well, in a page that was just opened. */
		const id = await page.locator(".message.marked").getAttribute("data-message");
		await page.reload();
		await message(page, id).waitFor();
		await visit(page, `conversations?m=${id}`);
		await message(page, id).waitFor();
		await page.getByLabel("Search pairs and messages").fill("nowhere-to-be-found");
		await page.getByText("No message has these words.").waitFor();
	});

	test("a link to a message, and to another one, while the conversation is still being loaded", async () => {
		const ids = [];
		for (const word of ["one", "two"])
			ids.push((await say(`ECHO ${word}`)).id);
		let asked = false, release;
		const gate = new Promise((resolve) => (release = resolve));
		await page.route(/\/api\/v1\/messages\?.*team=backend/, async (route) => {
			asked = true;
			await gate;
			await route.continue();
		});
		await visit(page, "conversations/frontend/backend");
		await waitFor(() => asked, { what: "the conversation to be asked for" });
		for (const id of ids) {
			await visit(page, `conversations/frontend/backend?m=${id}`);
			/* A page that is caught in a circle draws nothing any more. */
			await within(30000, page.evaluate(() => new Promise((resolve) => {
				requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve, 150)));
			})), "the page to be drawn");
		}
		release();
		await page.locator(".message.marked").locator(".answer").getByText("two").waitFor();
		await page.unroute(/\/api\/v1\/messages\?.*team=backend/);
	});

	test("cancel ends a message that waits, and one that is at work", async () => {
		const gate = makeGate(iris);
		await visit(page, "conversations/frontend/backend");
		await send(gate.hold);
		await last(page).locator(".ladder .seen.now").waitFor();
		await send("ECHO never");
		await waitFor(async () => (await page.locator(".message").count()) === 2);
		await last(page).getByText("Waits for its turn.").waitFor();
		for (const which of [1, 0]) {
			const m = page.locator(".message").nth(which);
			await m.getByRole("button", { name: "Cancel" }).click();
			await m.locator(".ladder .cancelled.now").waitFor();
		}
		const states = await iris.json(["message", "list"]);
		assert.deepEqual((states.messages ?? states).map((m) => m.state), ["cancelled", "cancelled"]);
	});

	test("a failure says why", async () => {
		const { id } = await iris.json(["ask", "--no-wait", "backend", "FAULT crash-mid-turn"], { cwd: iris.dirs.frontend });
		await iris.messageIn(id, "failed");
		await visit(page, `conversations/frontend/backend?m=${id}`);
		await message(page, id).locator(".answer.failed").getByText(/crashed: /).waitFor();
		assert.equal((await ladderOf(message(page, id))).at(-1), "failed");
		await looksRight(page, "conversation-failed");
	});

	test("wake, sleep, fork, reboot and delete", async () => {
		await say("ECHO hello");
		await visit(page, "conversations/frontend/backend");
		const head = page.locator(".thread-head");
		const more = async (what) => {
			await page.getByRole("button", { name: "More for this conversation" }).click();
			await page.getByRole("menuitem", { name: what }).click();
		};
		await head.getByRole("button", { name: "Sleep" }).click();
		await head.locator(".badge", { hasText: "asleep" }).waitFor();
		await head.getByRole("button", { name: "Wake" }).click();
		await head.locator(".badge", { hasText: "idle" }).waitFor();

		await more("Fork into a terminal");
		const command = await page.getByRole("dialog").locator("pre").innerText();
		assert.match(command, /^cd \S+ && .*--resume .*--fork-session/);
		await shoot(page, "conversation-fork");
		await page.keyboard.press("Escape");
		await page.getByRole("dialog").waitFor({ state: "detached" });

		const session = async () => (await iris.json(["status"])).sessions.find((s) => s.from === "frontend");
		const old = (await session()).sessionId;
		await more("Reboot");
		await page.getByRole("alertdialog").getByRole("button", { name: "Begin anew" }).click();
		await page.getByText("backend begins anew with frontend.").waitFor();
		assert.notEqual((await session()).sessionId, old);

		await more("Delete");
		await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
		await page.getByText("backend has forgotten its conversation with frontend.").waitFor();
		await waitFor(async () => (await session())?.sessionId !== old);
	});

	test("on a phone: the list, then the thread, and back", async () => {
		await say("ECHO small");
		await page.setViewportSize(PHONE);
		await visit(page, "conversations");
		await page.locator(".pair").click();
		await last(page).getByText("small").last().waitFor();
		assert.equal(await page.locator(".pairs").isVisible(), false);
		await page.getByRole("link", { name: "All conversations" }).click();
		await page.locator(".pair").waitFor();
	});

	test("nothing yet: what to do", async () => {
		await visit(page, "conversations");
		await page.getByText("No conversation yet", { exact: true }).waitFor();
		await looksRight(page, "conversations-empty");
		await page.getByRole("button", { name: "Ask a team" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByRole("button", { name: "Ask", exact: true }).click();
		await dialog.getByText("There is nothing to ask yet").waitFor();
		await dialog.getByLabel("To").selectOption("docs");
		await dialog.getByLabel("Question").fill("ECHO from a person");
		await dialog.getByRole("button", { name: "Ask", exact: true }).click();
		await last(page).locator(".answer").getByText("from a person").waitFor();
		assert.match(page.url(), /#\/conversations\/guest%3Akey%3Adashboard\/docs$/);
	});
});
