/* SPDX-License-Identifier: MIT
 *
 * A scripted stand-in for the Messages API, on loopback, for tests that run the real Claude Code
 * CLI.
 *
 * The test gives rules; the first rule that matches a request writes the model's reply. Every
 * request is kept for assertions. It never talks to the network and stops by itself when the
 * process ends.
 *
 *   const api = await startMessagesApi([
 *     { match: { toolResult: /v2/ }, reply: "They use v2." },
 *     { match: /how do you version/, reply: { tool: "mcp__iris__ask_message", input: { toTeam: "backend" } } },
 *   ]);
 *
 * match: a string or RegExp looked for in the text of the newest user message; or an object of such patterns
 *        { user, toolResult, system, model, tool } that must all fit (tool: a tool offered in the request); or a
 *        function of the request's context; absent means always. `times: n` makes a rule good for n requests only.
 * reply: "text" | ["block", "block"] | { text } | { blocks: [...] } | { tool, input, text? } | { tools: [{name, input}] }
 *        | { text, every: ms } one word at a time, { text, every, middle } after half of them what middle() promises first
 *        | { large: bytes } | { error: status, type?, message? }
 *        | { hang: true } headers and nothing more | { cut: "text" } the stream breaks off | a function giving one of these.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { waitFor } from "../lib/wait.mjs";

const MODEL = "claude-opus-4-8";

function textOf(content) {
	if (typeof content === "string") return content;
	if (!Array.isArray(content)) return "";
	return content
		.map((b) =>
			b.type === "text"
				? b.text
				: b.type === "tool_result"
					? textOf(b.content)
					: "",
		)
		.filter((t) => t !== "")
		.join("\n");
}

function isReminder(block) {
	return (
		block.type !== "text" ||
		/^\s*(<system-reminder>|\[Request interrupted)/.test(block.text)
	);
}

/*
 * What the rules look at. The CLI puts tool results, reminders and notes of interruptions into user
 * messages, too: `user` is the newest text that a person (or Iris) wrote, `toolResult` is set only
 * when the request answers a tool.
 */
function contextOf(body) {
	const messages = Array.isArray(body.messages) ? body.messages : [];
	const blocks = messages
		.filter((m) => m.role === "user")
		.flatMap((m) =>
			Array.isArray(m.content)
				? m.content
				: [{ type: "text", text: String(m.content) }],
		);
	const lastText = blocks.findLastIndex((b) => !isReminder(b));
	const lastResult = blocks.findLastIndex((b) => b.type === "tool_result");
	const results = blocks.filter((b, i) => b.type === "tool_result" && i > lastText);
	return {
		body,
		messages,
		user: blocks[lastText]?.text ?? "",
		toolResult:
			lastResult > lastText
				? results.map((b) => textOf(b.content)).join("\n")
				: undefined,
		toolError: results.some((b) => b.is_error === true),
		system: textOf(body.system),
		model: String(body.model ?? ""),
		tools: (body.tools ?? []).map((t) => t.name),
	};
}

function fits(pattern, text) {
	if (text === undefined) return false;
	return pattern instanceof RegExp ? pattern.test(text) : text.includes(pattern);
}

function ruleMatches(rule, ctx) {
	const m = rule.match;
	if (rule.times !== undefined && rule.used >= rule.times) return false;
	if (m === undefined) return true;
	if (typeof m === "function") return Boolean(m(ctx));
	if (typeof m === "string" || m instanceof RegExp)
		return ctx.toolResult === undefined && fits(m, ctx.user);
	return Object.entries(m).every(([key, pattern]) =>
		key === "tool" ? ctx.tools.some((t) => fits(pattern, t)) : fits(pattern, ctx[key]),
	);
}

function blocksOf(reply) {
	if (typeof reply === "string") return [{ type: "text", text: reply }];
	if (Array.isArray(reply)) return reply.map((text) => ({ type: "text", text }));
	const blocks = [];
	for (const text of reply.blocks ?? (reply.text !== undefined ? [reply.text] : []))
		blocks.push({ type: "text", text });
	if (reply.large)
		blocks.push({
			type: "text",
			text: "0123456789abcdef"
				.repeat(Math.ceil(reply.large / 16))
				.slice(0, reply.large),
		});
	const tools = reply.tools ?? (reply.tool ? [{ name: reply.tool, input: reply.input }] : []);
	for (const t of tools)
		blocks.push({
			type: "tool_use",
			id: `toolu_${nextId()}`,
			name: t.name,
			input: t.input ?? {},
		});
	return blocks;
}

let counter = 0;
function nextId() {
	counter += 1;
	return `standin${String(counter).padStart(8, "0")}`;
}

function messageOf(blocks, ctx) {
	const words = (t) => Math.max(1, Math.ceil(t.length / 4));
	return {
		id: `msg_${nextId()}`,
		type: "message",
		role: "assistant",
		model: ctx.model || MODEL,
		content: blocks,
		stop_reason: blocks.some((b) => b.type === "tool_use") ? "tool_use" : "end_turn",
		stop_sequence: null,
		usage: {
			input_tokens: words(ctx.system) + words(ctx.user),
			cache_creation_input_tokens: 0,
			cache_read_input_tokens: 0,
			output_tokens: blocks.reduce(
				(n, b) => n + words(b.text ?? JSON.stringify(b.input)),
				0,
			),
		},
	};
}

async function streamMessage(res, message, { every, middle, cut }) {
	const event = (type, data) =>
		res.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
	const { content, stop_reason, usage, ...head } = message;

	res.writeHead(200, {
		"content-type": "text/event-stream",
		"request-id": `req_${nextId()}`,
	});
	event("message_start", {
		message: {
			...head,
			content: [],
			stop_reason: null,
			usage: { ...usage, output_tokens: 1 },
		},
	});
	for (const [index, block] of content.entries()) {
		if (block.type === "tool_use") {
			event("content_block_start", {
				index,
				content_block: { ...block, input: {} },
			});
			event("content_block_delta", {
				index,
				delta: {
					type: "input_json_delta",
					partial_json: JSON.stringify(block.input),
				},
			});
		} else {
			event("content_block_start", {
				index,
				content_block: { type: "text", text: "" },
			});
			const pieces = every
				? (block.text.match(/\S+\s*/g) ?? [])
				: (block.text.match(/[\s\S]{1,65536}/g) ?? []);
			for (const [at, text] of pieces.entries()) {
				if (middle && at === pieces.length >> 1) await middle();
				event("content_block_delta", {
					index,
					delta: { type: "text_delta", text },
				});
				if (every) await delay(every);
				if (res.destroyed) return;
			}
		}
		if (cut) {
			res.destroy();
			return;
		}
		event("content_block_stop", { index });
	}
	event("message_delta", {
		delta: { stop_reason, stop_sequence: null },
		usage: { output_tokens: usage.output_tokens },
	});
	event("message_stop", {});
	res.end();
}

function sendJson(res, status, body) {
	res.writeHead(status, {
		"content-type": "application/json",
		"request-id": `req_${nextId()}`,
	});
	res.end(JSON.stringify(body));
}

function sendError(res, reply) {
	const types = {
		400: "invalid_request_error",
		401: "authentication_error",
		429: "rate_limit_error",
		529: "overloaded_error",
	};
	sendJson(res, reply.error, {
		type: "error",
		error: {
			type: reply.type ?? types[reply.error] ?? "api_error",
			message: reply.message ?? `scripted ${reply.error}`,
		},
	});
}

async function answerMessages(res, ctx, rules) {
	const rule = rules.find((r) => ruleMatches(r, ctx));
	let reply = rule ? rule.reply : "OK";

	if (rule) rule.used += 1;
	if (typeof reply === "function") reply = await reply(ctx);
	if (reply.error) {
		sendError(res, reply);
	} else if (reply.hang) {
		res.writeHead(200, { "content-type": "text/event-stream" });
		res.flushHeaders();
	} else {
		const how = Array.isArray(reply) || typeof reply === "string" ? {} : reply;
		const message = messageOf(blocksOf(how.cut ?? reply), ctx);
		if (ctx.body.stream)
			await streamMessage(res, message, {
				every: how.every,
				middle: how.middle,
				cut: how.cut !== undefined,
			});
		else sendJson(res, 200, message);
	}
}

async function readBody(req) {
	const chunks = [];
	for await (const chunk of req) chunks.push(chunk);
	return Buffer.concat(chunks).toString("utf8");
}

async function handle(req, res, state) {
	const path = new URL(req.url, "http://standin").pathname;
	const text = await readBody(req);
	let body = {};

	try {
		body = text === "" ? {} : JSON.parse(text);
	} catch {
		return sendError(res, { error: 400, message: "body is not JSON" });
	}
	const entry = { method: req.method, path, headers: req.headers, body };
	state.all.push(entry);
	if (req.method === "POST" && path === "/v1/messages") {
		const ctx = contextOf(body);
		state.requests.push({ ...entry, ...ctx });
		return answerMessages(res, ctx, state.rules);
	}
	if (req.method === "POST" && path === "/v1/messages/count_tokens")
		return sendJson(res, 200, { input_tokens: Math.ceil(text.length / 4) });
	if (req.method === "GET" && path === "/v1/models")
		return sendJson(res, 200, {
			data: [{ id: MODEL, type: "model", display_name: MODEL }],
			has_more: false,
		});
	if (req.method === "HEAD" || req.method === "GET")
		return sendJson(res, path === "/" ? 200 : 404, {});
	return sendError(res, {
		error: 404,
		type: "not_found_error",
		message: `no ${req.method} ${path} here`,
	});
}

/*
 * Rules that make the model do what fake-claude does with the same user text: a test can then run
 * on both.
 */
export const directiveRules = [
	{ match: (c) => c.toolResult !== undefined, reply: (c) => c.toolResult || "(nothing)" },
	{ match: /^ECHO /, reply: (c) => c.user.slice(5) },
	{ match: /^BLOCKS /, reply: (c) => c.user.slice(7).split("|") },
	{
		match: /^SLOW \d+ \S/,
		reply: ({ user }) => {
			const [, ms, text] = user.match(/^SLOW (\d+) (.*)$/);
			return { text, every: Number(ms) / text.split(" ").length };
		},
	},
	{
		match: /^HOLD \S+/,
		reply: async ({ user }) => {
			await waitFor(() => existsSync(user.slice(5)), { deadline: 120000, what: user });
			return "held";
		},
	},
	{
		match: /^TOOL \S+/,
		reply: ({ user }) => {
			const [, name, json] = user.match(/^TOOL (\S+) ?(.*)$/);
			return { tool: `mcp__iris__${name}`, input: json ? JSON.parse(json) : {} };
		},
	},
	{
		match: /^BASH /,
		reply: (c) => ({
			tool: "Bash",
			input: { command: c.user.slice(5), description: "run a command" },
		}),
	},
	{ match: "FAULT api-error", reply: { error: 400, message: "the stand-in refuses this" } },
];

/*
 * Start on a free loopback port. Answers { url, rules, requests, all, close }; requests are the
 * model requests (with the context that the rules see), all is everything that came in; rules may
 * be changed while it runs.
 */
export async function startMessagesApi(rules = []) {
	const state = { rules: [], requests: [], all: [] };
	const server = createServer((req, res) => {
		handle(req, res, state).catch((e) => {
			if (!res.headersSent) sendError(res, { error: 500, message: String(e) });
			else res.destroy();
		});
	});
	const api = {
		...state,
		setRules(list) {
			state.rules = list.map((r) => ({ ...r, used: 0 }));
		},
		async close() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};

	api.setRules(rules);
	await new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(0, "127.0.0.1", resolve);
	});
	server.unref();
	api.url = `http://127.0.0.1:${server.address().port}`;
	return api;
}
