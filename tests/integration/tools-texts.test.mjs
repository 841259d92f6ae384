/* SPDX-License-Identifier: MIT
 *
 * What a Claude reads of Iris before it calls anything: the texts of tools/list and the server's
 * instructions. Claude Code cuts each at 2 KB, and finds a tool that is deferred by its words: so
 * the first sentence has those that a person would say.
 */
import { after, before, describe, test } from "node:test";
import { assert, startTeams } from "./setup.mjs";

const CUT = 2048;

/* What a person says, and the tool that is meant. Names of teams are left out: they are anybody's. */
const SAID = {
	send_message: ["tell the backend team", "send a message to the other team", "let the other team know"],
	ask_message: ["ask the backend team", "ask them a question", "I need to know something that the other project knows"],
	quick_message: ["send it without waiting", "tell them but do not wait for the answer", "fire and forget message"],
	message_result: ["what did the other team answer", "fetch the answer", "have they answered yet"],
	list_teams: ["which teams are there", "list the teams", "who can I ask", "which other projects are there"],
	team_status: ["who is awake", "what are the teams doing", "is the backend team busy", "team status"],
	team_wake: ["wake the team up", "start the team's Claude"],
	team_launch: ["launch the team", "start the backend team"],
	team_sleep: ["put the team to sleep", "stop the team's process"],
	list_sessions: ["list the sessions", "which conversations do we have with other teams"],
	session_report: ["show the conversation with the backend team", "what was said so far", "report on the session"],
	session_cancel: ["stop what the team is doing", "interrupt the backend team", "cancel the work of the team"],
	session_compact: ["compact the session", "compact our conversation with the team"],
	session_reboot: ["start over with the backend team", "reboot the session", "begin a new conversation", "forget the conversation"],
	session_delete: ["delete the session", "delete our conversation with the team"],
	session_fork: ["open the session in a terminal", "fork the session", "go on by hand in a terminal window"],
	message_status: ["where is my message", "is my message delivered", "message status", "is it still in the queue"],
	message_cancel: ["cancel what I asked", "cancel the message", "take my question back"],
	list_messages: ["list the messages", "what have we asked before", "messages that we received"],
	search_messages: ["search the messages", "find what they said about it earlier", "search old answers"],
	broadcast_message: ["ask all teams", "tell everybody", "broadcast to several teams"],
	team_wake_all: ["wake all teams", "wake everybody up"],
	get_logs: ["show the log", "what went wrong in Iris", "get the logs"],
	get_agent: ["act as a code reviewer", "use the unit-tester agent", "get the prompt of an expert"],
	get_date: ["what time is it", "which date is today"],
	permissions_pending: ["which permission requests are waiting", "who waits for my decision"],
	permissions_answer: ["approve the permission request", "deny it", "answer the permission request"],
	permissions__approve: ["by the rules and permission modes", "may this Claude use the tool"],
};

const STOP = new Set(("a an and are as at be but by can do does for from get give have i in into is it its let me my not of on or our so "
	+ "still that the their them then there they this to up was we what when will with yet you your other need").split(" "));

/* One form for a word's forms; crude, and the same for both sides. */
const stem = (w) => w.replace(/'s?$/, "").replace(/(?<=.{3})(ing|ed|es|s|e)$/, "");
const words = (text) => (text.toLowerCase().match(/[a-z]+(?:'s)?/g) ?? []).filter((w) => !STOP.has(w)).map(stem);
const firstSentence = (text) => text.match(/^.*?[^.]\.(?=\s|$)/s)?.[0] ?? text;

/* Okapi BM25 with its usual constants. */
function ranker(texts) {
	const docs = Object.entries(texts).map(([name, text]) => ({ name, words: words(text) }));
	const mean = docs.reduce((n, d) => n + d.words.length, 0) / docs.length;
	const idf = (w) => {
		const n = docs.filter((d) => d.words.includes(w)).length;
		return Math.log(1 + (docs.length - n + 0.5) / (n + 0.5));
	};
	const score = (d, w) => {
		const f = d.words.filter((x) => x === w).length;
		return (idf(w) * f * 2.2) / (f + 1.2 * (0.25 + (0.75 * d.words.length) / mean));
	};
	return (phrase) => docs.map((d) => ({ name: d.name, score: words(phrase).reduce((n, w) => n + score(d, w), 0) }))
		.filter((d) => d.score > 0).sort((a, b) => b.score - a.score);
}

describe("the texts of the tools", () => {
	let iris, client, tools;

	before(async () => {
		iris = await startTeams({ backend: {} });
		client = await iris.client();
		({ tools } = await client.listTools());
	});
	after(() => iris.stop());

	test("nothing of them is cut: descriptions and instructions have less than 2 KB", () => {
		for (const t of tools) {
			assert.ok(Buffer.byteLength(t.description) < CUT, `${t.name}: ${Buffer.byteLength(t.description)} bytes`);
			for (const [name, p] of Object.entries(t.inputSchema.properties)) {
				assert.ok(p.description?.length > 3, `${t.name}: ${name} says what it is`);
				assert.ok(Buffer.byteLength(p.description) < 400, `${t.name}: ${name}`);
			}
		}
		assert.ok(Buffer.byteLength(client.getInstructions()) < CUT, `instructions: ${Buffer.byteLength(client.getInstructions())} bytes`);
	});

	test("the instructions name every tool that a person's wish may mean", () => {
		const text = client.getInstructions();
		/* Not meant for a model, or another name of one that is there. */
		const others = ["permissions__approve", "get_date", "get_logs", "team_launch"];
		for (const { name } of tools.filter((t) => !others.includes(t.name)))
			assert.match(text, new RegExp(`\\b${name}\\b`));
		for (const [, name] of text.matchAll(/\b((?:[a-z]+_){1,2}[a-z]+)\b/g))
			assert.ok(tools.some((t) => t.name === name), `the instructions name ${name}, which is no tool`);
	});

	test("descriptions name only tools that there are", () => {
		for (const t of tools)
			for (const [, name] of t.description.matchAll(/\b((?:team|session|message|list|get|send|ask|quick|search|broadcast)_[a-z_]+)\b/g))
				assert.ok(tools.some((o) => o.name === name), `${t.name} names ${name}`);
	});

	test("the first sentence of each tool has the words that a person would say", () => {
		const rank = ranker(Object.fromEntries(tools.map((t) => [t.name, firstSentence(t.description)])));
		const wrong = [];

		assert.deepEqual(tools.filter((t) => !SAID[t.name]).map((t) => t.name), [], "tools without phrases in the table above");
		for (const { name } of tools) {
			const phrases = SAID[name];
			for (const phrase of phrases) {
				const found = rank(phrase), place = found.findIndex((d) => d.name === name);
				/* Two tools may be as good for a phrase; a third in between means that it is vague. */
				if (place === -1 || found.filter((d) => d.score > found[place].score).length > 1)
					wrong.push(`"${phrase}" finds ${found.slice(0, 3).map((d) => `${d.name} ${d.score.toFixed(1)}`).join(", ") || "nothing"}; ${name} is ${place === -1 ? "not found" : `number ${place + 1}`}`);
			}
			const best = phrases.filter((p) => rank(p)[0]?.score === rank(p).find((d) => d.name === name)?.score);
			if (best.length === 0)
				wrong.push(`${name} is the first for none of its phrases`);
		}
		assert.deepEqual(wrong, []);
	});
});
