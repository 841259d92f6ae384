/* SPDX-License-Identifier: MIT
 *
 * Permission requests, answered in the browser while a Claude waits: the inbox, the bar and the dialog
 * above other pages, what is shown of an input, rules, history and audit.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { waitFor } from "../integration/setup.mjs";
import { ask as http, makeKey } from "../lib/http.mjs";
import { closePage, launch, looksRight, newPage, openDashboard, loginLink, live, shoot, startWeb, visit } from "./browser.mjs";

let browser;

before(async () => {
	browser = await launch();
});
after(() => browser.close());

describe("approvals", () => {
	let iris, page, key;

	beforeEach(async () => {
		iris = await startWeb({ frontend: { color: "#2f7de1" }, backend: { grantPermission: "ask", color: "#1f9d63" }, docs: {} });
		page = await openDashboard(browser, iris);
		key = await makeKey(iris, "approve");
	});
	afterEach(async () => {
		await closePage(page);
		await iris.stop();
	});

	const made = (name = "made") => join(iris.dirs.backend, name);
	/* Asked, but not waited for. */
	const bash = (command, from = "frontend") => iris.json(["ask", "backend", `BASH ${command}`], { cwd: iris.dirs[from] });
	const request = (text) => page.locator(".approval", { hasText: text });
	const button = (text, name) => request(text).getByRole("button", { name, exact: true });
	const api = async (method, path, body) => {
		const r = await http(iris.port, method, `/api/v1${path}`, { key, body });
		assert.ok(r.status < 300, r.text);
		return r.text === "" ? null : r.json();
	};
	const elsewhere = async (text, behavior) => {
		const { items } = await api("GET", "/approvals?all=false");
		const p = items.find((i) => JSON.stringify(i.input).includes(text));
		return api("POST", `/approvals/${p.id}/answer`, { behavior, inputHash: p.inputHash });
	};
	const waits = (n = 1) => page.locator(".nav-badge", { hasText: String(n) }).waitFor();

	test("one that came before the page is there, with who, why, the whole command and a clock; a click allows it", async () => {
		const command = `printf 'first line'; ${"true && ".repeat(300)}touch made`;
		const answer = bash(command);
		await waits();
		/* What a pair waits for may be long; it ends where its row does. */
		await visit(page, "conversations");
		await page.locator(".pair-state", { hasText: "waits for a person" }).waitFor();
		assert.ok(await page.locator(".pair").evaluate((e) => e.lastElementChild.getBoundingClientRect().right < e.getBoundingClientRect().right));
		/* Another browser, whose clock is wrong by an hour. */
		const late = await newPage(browser);
		late.origin = page.origin;
		await late.clock.install({ time: Date.now() + 3600000 });
		await late.goto(await loginLink(iris));
		await live(late);
		await visit(late, "approvals");
		const there = late.locator(".approval");
		assert.equal(await there.locator("pre").innerText(), command);
		assert.match(await there.locator(".approval-head .badge").innerText(), /^(4 min \d+ s|5 min) left$/);
		assert.match(await there.locator(".facts").innerText(), /Asked by\s+frontend[^]*grantPermission: ask[^]*Came\s+(just now|\d+ s ago)/);
		assert.ok(!existsSync(made()));
		await late.clock.resume();
		await there.getByRole("button", { name: "Allow", exact: true }).click();
		assert.match((await answer).response, /first line/);
		assert.ok(existsSync(made()));
		await there.locator(".approval-outcome", { hasText: /allowed\s*by dashboard .*in the browser/ }).waitFor();
		await late.getByText("Nothing waits for you any more.").waitFor();
		await late.getByRole("button", { name: "Put all away" }).click();
		await late.getByText("Nothing waits for you", { exact: true }).waitFor();
		await closePage(late);
		await page.locator(".nav-badge").waitFor({ state: "detached" });
	});

	test("denied with a reason that Claude reads; allowed with another input; remembered by its rule", async () => {
		await visit(page, "approvals");
		let answer = bash("touch made");
		await request("touch made").getByLabel("Reason").fill("not on a Friday");
		await looksRight(page, "approvals");
		await button("touch made", "Deny").click();
		assert.match((await answer).response, /not on a Friday/);
		assert.ok(!existsSync(made()));
		await request("touch made").locator(".approval-outcome").getByText("not on a Friday").waitFor();

		answer = bash("touch second");
		await button("touch second", "Change the input").click();
		const field = request("touch second").getByLabel("Allow with this input instead");
		await field.fill("{ no json");
		await request("touch second").getByText(/This is no JSON/).waitFor();
		assert.ok(await button("touch second", "Allow as changed").isDisabled());
		await field.fill(JSON.stringify({ command: "touch third", description: "another file" }));
		await button("touch second", "Allow as changed").click();
		await answer;
		assert.ok(existsSync(made("third")) && !existsSync(made("second")));
		await request("touch second").getByText("It was given this instead:").waitFor();

		answer = bash("printf x >>fourth");
		await request("fourth").getByLabel("Allow Bash(printf x >>fourth) from now on, without asking").check();
		await request("fourth").getByLabel("How long").selectOption("for an hour");
		await button("fourth", "Allow").click();
		await answer;
		await bash("printf x >>fourth");
		assert.equal(readFileSync(made("fourth"), "utf8"), "xx");
		const { items: [rule] } = await api("GET", "/rules");
		assert.equal(rule.rule, "Bash(printf x >>fourth)");
		assert.ok(rule.expiresAt - Date.now() > 3500000 && rule.expiresAt - Date.now() <= 3600000);
	});

	test("somebody else is faster: the page says who, and no other request comes under the keys", async () => {
		const answers = [bash("touch one"), bash("touch two", "docs")];
		await waits(2);
		await visit(page, "approvals");
		await request("touch two").waitFor();
		const place = await button("touch two", "Allow").boundingBox();
		await elsewhere("touch one", "deny");
		await request("touch one").locator(".approval-outcome", { hasText: /denied\s*by key test .*over HTTP.*just now/ }).waitFor();
		assert.deepEqual(await request("touch one").getByRole("button").allInnerTexts(), ["Put away"]);
		assert.deepEqual(await button("touch two", "Allow").boundingBox(), place, "nothing moves under the pointer");
		await shoot(page, "approvals-over");

		await visit(page, "logs");
		await page.getByRole("button", { name: "Review" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByText("A request waits for you").waitFor();
		answers.push(bash("touch three", "frontend"));
		await dialog.getByText("Request 1 of 2").waitFor();
		await elsewhere("touch two", "deny");
		await dialog.getByText("This request is over").waitFor();
		await page.keyboard.press("a");
		await dialog.locator(".approval-outcome", { hasText: /denied\s*by key test/ }).waitFor();
		assert.ok(!existsSync(made("three")));
		await dialog.getByRole("button", { name: "Next request" }).click();
		await dialog.locator("pre").getByText("touch three").waitFor();
		await dialog.locator("[data-answer=allow]:not([aria-disabled])").waitFor();
		await page.keyboard.press("a");
		await dialog.waitFor({ state: "detached" });
		await Promise.all(answers);
		assert.ok(existsSync(made("three")) && !existsSync(made("one")) && !existsSync(made("two")));
	});

	test("an answer that comes too late is refused, and the page has what was decided", async () => {
		page.expected.push(/ 409 .*\/answer/, / 400 .*\/answer/);
		const answer = bash("touch made");
		await visit(page, "approvals");
		await request("touch made").waitFor();
		/* The page does not hear of the other answer before it sends its own. */
		await page.route("**/answer", async (route) => {
			await elsewhere("touch made", "deny");
			await route.continue();
		});
		await button("touch made", "Allow").click();
		await request("touch made").locator(".approval-outcome", { hasText: /denied\s*by key test/ }).waitFor();
		await answer;
		assert.ok(!existsSync(made()));
	});

	test("the bar takes no key from what is typed; A and D are keys of the dialog alone", async () => {
		await visit(page, "logs");
		const search = page.getByLabel("Search");
		await search.focus();
		await page.keyboard.type("ad");
		const answer = bash("touch made");
		const bar = page.locator(".approval-bar");
		await bar.getByText("backend wants to use Bash").waitFor();
		await page.keyboard.type("da");
		assert.equal(await search.inputValue(), "adda");
		assert.equal(await page.evaluate(() => document.activeElement.tagName), "INPUT");
		await shoot(page, "approvals-bar");
		await page.locator("h1").click();
		await page.keyboard.press("a");
		await bar.getByRole("button", { name: "Review" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.locator("[data-answer=deny]:not([aria-disabled])").waitFor();
		await dialog.getByLabel("Reason").fill("da");
		assert.equal((await api("GET", "/approvals?all=false")).items.length, 1);
		await looksRight(page, "approvals-dialog");
		await dialog.getByRole("heading").click();
		await page.keyboard.press("d");
		await dialog.waitFor({ state: "detached" });
		assert.match((await answer).response, /da/);
		assert.ok(!existsSync(made()));
		await bar.waitFor({ state: "detached" });
	});

	test("every input is shown whole: diffs, JSON, and what can not be seen", async () => {
		const p = { state: "pending", team: "backend", from: "frontend", inputHash: "0", why: "grantPermission: ask",
			createdAt: Date.now(), deadline: Date.now() + 60000 };
		const same = Array.from({ length: 12 }, (_, i) => `same ${i}`).join("\n");
		const inputs = [
			["Edit", { file_path: "/src/a.c", old_string: `${same}\nold\n`, new_string: `${same}\nnew\n`, replace_all: true }],
			["MultiEdit", { file_path: "/src/b.c", edits: [{ old_string: "x", new_string: "y", replace_all: true }] }],
			["MultiEdit", { file_path: "/src/c.c", edits: [{ old_string: "x", new_string: "y", extra: "hidden?" }] }],
			["Write", { file_path: "/src/d.c", content: "int\nmain" }],
			["Bash", { command: "ls \u202e#", description: "a list", timeout: 5000 }],
			["constructor", { a: "<b>bold</b>" }],
		];
		await page.route("**/api/v1/approvals?*", (route) => route.fulfill({ json: { items: inputs.map(([tool, input], i) => (
			{ ...p, id: String(i), tool, input })) } }));
		await page.reload();
		await live(page);
		await visit(page, "approvals");
		const shown = page.locator(".approval");
		await waitFor(async () => (await shown.count()) === inputs.length);
		const texts = await shown.allInnerTexts();
		assert.match(texts[0], /same 0\s[^]*same 11\s[^]*-\s*old\s[^]*\+\s*new\s[^]*"replace_all": true/);
		assert.match(texts[1], /wherever it stands[^]*-\s*x\s[^]*\+\s*y/);
		assert.match(texts[2], /"extra": "hidden\?"/);
		assert.match(texts[3], /\/src\/d\.c[^]*\+\s*int\s+\+\s*main/);
		assert.match(texts[4], /ls ⟨U\+202E⟩#[^]*"timeout": 5000[^]*can not be seen/);
		assert.match(texts[5], /"a": "<b>bold<\/b>"/);
		assert.equal(await page.locator(".approval b").count(), 0);
		await shoot(page, "approvals-inputs");
		await page.unroute("**/api/v1/approvals?*");
	});

	test("what Claude asks the person itself is a form; the answers go back with its input", async () => {
		const option = (label, description) => ({ label, description });
		const input = { questions: [
			{ question: "Which colour?", header: "Colour", multiSelect: false, options: [option("red", "warm"), option("bl\u202eue", "cold")] },
			{ question: "Which sizes?", header: "Size", multiSelect: true, options: [option("small", ""), option("large", "takes more room")] },
			{ question: "Why?", header: "", multiSelect: false, options: [] }] };
		const ask = (o) => iris.json(["ask", "backend", `PERM AskUserQuestion ${JSON.stringify(o)}`], { cwd: iris.dirs.frontend });
		let answer = ask(input);
		await page.locator(".approval-bar").getByText("backend asks you something").waitFor();
		await page.getByRole("button", { name: "Review" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.locator("[data-answer=allow]:not([aria-disabled])").waitFor();
		/* Nobody has said anything yet: that is no answer. */
		await page.keyboard.press("a");
		await dialog.getByRole("alert").getByText(/Choose an answer above, or write one/).waitFor();
		await dialog.getByText("bl⟨U+202E⟩ue").waitFor();
		const colour = dialog.getByRole("group", { name: /Which colour\?/ }), sizes = dialog.getByRole("group", { name: /Which sizes\?/ });
		await colour.getByLabel("red").check();
		await colour.getByLabel("Or in your own words").fill("no, green");
		assert.equal(await colour.getByLabel("red").isChecked(), false);
		await colour.getByLabel("bl").check();
		assert.equal(await colour.getByLabel("Or in your own words").inputValue(), "");
		await sizes.getByLabel("large").check();
		await sizes.getByLabel("small").check();
		await sizes.getByLabel("Or in your own words").fill("and none");
		await looksRight(page, "approvals-questions");
		await dialog.getByRole("button", { name: "Answer" }).click();
		assert.deepEqual(JSON.parse((await answer).response.replace("allowed: ", "")),
			{ ...input, answers: { "Which colour?": "bl\u202eue", "Which sizes?": "small, large, and none" } });
		await visit(page, "approvals?tab=history");
		await page.locator(".approval-past").getByText("Which colour?").click();
		await dialog.getByText('"Which sizes?": "small, large, and none"').waitFor();
		assert.equal(await dialog.getByRole("radio").count(), 0);
		await page.keyboard.press("Escape");

		/* What has no place in the form is not left out. */
		answer = ask({ questions: [{ question: "Really?", options: [{ label: "yes", hidden: "and all your money" }] }] });
		await visit(page, "approvals");
		await request("Really?").locator("pre", { hasText: "all your money" }).waitFor();
		await button("Really?", "Deny").click();
		assert.match((await answer).response, /^denied: /);
	});

	test("rules, history and audit", async () => {
		await visit(page, "approvals?tab=rules");
		await page.getByText("No rule was remembered").waitFor();
		page.expected.push(/ 400 .*\/rules/);
		await page.getByRole("button", { name: "Add a rule" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel("Rule").fill("Bash(");
		await dialog.getByRole("button", { name: "Remember" }).click();
		await dialog.getByRole("alert").getByText(/Bash\(/).waitFor();
		await dialog.getByLabel("Rule").fill("Bash(touch made)");
		await dialog.getByLabel("For").selectOption("backend");
		await dialog.getByLabel("How long").selectOption("for a day");
		await dialog.getByRole("button", { name: "Remember" }).click();
		const row = page.locator("tbody tr", { hasText: "Bash(touch made)" });
		await row.getByText("active").waitFor();
		await bash("touch made");
		assert.ok(existsSync(made()));
		await shoot(page, "approvals-rules");
		await row.getByRole("button", { name: "Revoke" }).click();
		await page.getByRole("alertdialog").getByRole("button", { name: "Revoke" }).click();
		await row.getByText("revoked").waitFor();

		const answer = bash("touch made");
		await waits();
		await elsewhere("touch made", "deny");
		await answer;
		await page.getByRole("tab", { name: "History" }).click();
		const past = page.locator(".approval-past");
		await past.getByText("touch made").waitFor();
		await shoot(page, "approvals-history");
		await page.getByLabel("State").selectOption("allowed");
		await page.getByText("None fits the filter").waitFor();
		await page.getByLabel("State").selectOption("denied");
		await past.click();
		await dialog.locator(".approval-outcome", { hasText: /denied\s*by key test/ }).waitFor();
		await page.keyboard.press("Escape");

		await page.getByRole("tab", { name: "Audit" }).click();
		await waitFor(async () => (await page.locator("tbody tr").count()) >= 5);
		const seqs = (await page.locator("tbody td[data-title='#']").allInnerTexts()).map(Number);
		assert.deepEqual(seqs, [...seqs].sort((a, b) => b - a));
		assert.equal(seqs.at(-1), 1);
		await page.getByRole("button", { name: "Verify" }).click();
		await page.getByText(`All ${seqs[0]} rows fit one another.`).waitFor();
		await looksRight(page, "approvals-audit");
	});

	test("sound and notifications are off until they are asked for", async () => {
		await page.addInitScript(() => {
			globalThis.played = 0;
			const { start } = OscillatorNode.prototype;
			OscillatorNode.prototype.start = function (...args) {
				globalThis.played++;
				return start.apply(this, args);
			};
		});
		await page.reload();
		await live(page);
		await visit(page, "approvals");
		assert.equal(await page.getByLabel("Sound").isChecked(), false);
		assert.equal(await page.getByLabel("Notify me").isChecked(), false);
		const answers = [bash("touch one")];
		await request("touch one").waitFor();
		assert.equal(await page.evaluate(() => globalThis.played), 0);
		await page.getByLabel("Sound").check();
		const before = await page.evaluate(() => globalThis.played);
		answers.push(bash("touch two", "docs"));
		await request("touch two").waitFor();
		await waitFor(async () => (await page.evaluate(() => globalThis.played)) > before);
		await button("touch one", "Deny").click();
		await button("touch two", "Deny").click();
		await Promise.all(answers);
	});
});
