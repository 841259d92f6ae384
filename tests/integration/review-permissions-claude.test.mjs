/* SPDX-License-Identifier: MIT
 *
 * A Claude that says of permissions what none would say: iris-worker keeps its requests apart, and
 * lives on. The Claude is a script that writes the lines that its user text holds, and answers with
 * what was answered to each of its requests.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { workerTest } from "../lib/fake-irisd.mjs";
import { assert } from "./setup.mjs";

/* One line for each answer; the turn ends with the answer to the request "last". */
const SCRIPT = `#!${process.execPath}
const say = (o) => process.stdout.write(JSON.stringify(o) + "\\n");
let user, got = [];
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
	const m = JSON.parse(line);
	if (m.type === "control_request")
		say({ type: "control_response", response: { subtype: "success", request_id: m.request_id,
			response: { account: { apiKeySource: "ANTHROPIC_API_KEY" } } } });
	if (m.type === "user") {
		user = m;
		say({ ...m, isReplay: true });
		for (const l of JSON.parse(m.message.content)) say(l);
	}
	if (m.type === "control_response") {
		got.push([m.response.request_id, m.response.response]);
		if (m.response.request_id === "last") {
			const text = JSON.stringify(got);
			say({ type: "assistant", message: { role: "assistant", content: [{ type: "text", text }] }, session_id: "x" });
			say({ type: "result", subtype: "success", is_error: false, result: text, num_turns: 1, user_message_uuid: user.uuid, usage: {} });
		}
	}
});
process.stdin.on("end", () => process.exit(0));
`;

const can = (id, input, more = {}) => ({ type: "control_request", request_id: id, request: { subtype: "can_use_tool", tool_name: "Bash", input, ...more } });
const hook = (id, input, more = {}) => ({
	type: "control_request", request_id: id,
	request: { subtype: "hook_callback", callback_id: "iris-guard", tool_use_id: "toolu_1", input: { tool_name: "Bash", tool_input: input, ...more } },
});

workerTest("two requests with one id, and what is none: only the first is answered, and for what it was about", async (irisd) => {
	const claudePath = join(irisd.dir, "claude");
	writeFileSync(claudePath, SCRIPT, { mode: 0o755 });
	await irisd.open({ claudePath });
	irisd.hook = () => undefined;
	const answer = (request, more) => irisd.request("worker/answer", { session: "s1", request, ...more });
	const message = await irisd.send(JSON.stringify([
		can("q1", { command: "safe" }), can("q1", { command: "evil" }), hook("q1", { command: "evil" }),
		hook("h1", { command: "safe" }), hook("h1", { command: "evil" }), can("h1", { command: "evil" }),
		can("x".repeat(201), {}), hook("y".repeat(100000), {}),
		can("no-input", "text"), can("no-tool", {}, { tool_name: { a: 1 } }), hook("no-name", {}, { tool_name: null }),
		can("last", {}),
	]));
	await irisd.event("event/ask", (p) => p.request === "last");
	assert.deepEqual(irisd.all("event/ask").map((p) => [p.request, p.input]), [["q1", { command: "safe" }], ["last", {}]]);
	assert.deepEqual(irisd.all("event/hook").map((p) => [p.request, p.input]), [["h1", { command: "safe" }]]);
	await answer("q1", { behavior: "allow" });
	await irisd.request("worker/hook", { session: "s1", request: "h1", decision: "none" });
	await answer("last", { behavior: "deny", message: "no" });
	const got = JSON.parse((await irisd.result(message)).answer);
	assert.deepEqual(got.map(([id]) => id), ["no-input", "no-tool", "no-name", "q1", "h1", "last"]);
	assert.deepEqual(got.slice(0, 2).map(([, r]) => r.behavior), ["deny", "deny"]);
	assert.equal(got[2][1].hookSpecificOutput.permissionDecision, "deny");
	assert.deepEqual(got[3][1], { behavior: "allow", updatedInput: { command: "safe" } });
});
