/* SPDX-License-Identifier: MIT
 *
 * The tables of the code against the manual: control methods, error codes, the worker protocol, MCP
 * methods. What one side has and the other lacks is a failure. The keys of the configuration are
 * held to iris-config(5) by tests/unit/test_config_doc.c.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bare, call, functions, items, members, page, pageNames, section, sorted, source, sources } from "./mdoc.mjs";

const protocol = page("iris-protocol.7");
const matches = (text, re) => [...text.matchAll(re)].map((m) => m.slice(1));
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\//g, "");

describe("control methods", () => {
	test("names and parameters: irisd/net/control_table.h and iris-protocol(7)", () => {
		const table = matches(withoutComments(source("irisd/net/control_table.h")),
			/CONTROL_X\(\s*\w+,\s*"([^"]+)",\s*"[^"]+",\s*"([^"]*)",/g)
			.map(([name, params]) => ({ name, args: params === "" ? [] : params.split(/,\s*/) }));
		const lines = section(protocol, "CONTROL METHODS");
		const until = lines.findIndex((l) => l.startsWith(".Ss "));
		const documented = items(lines.slice(0, until)).map((i) => call(i.head));

		assert.ok(table.length >= 10, `${table.length} methods found in the table`);
		assert.deepEqual(documented, table);
	});

	test("parameters of the table are those that the code reads", () => {
		const code = functions(sources("irisd/net"));
		for (const [symbol, , params] of matches(withoutComments(source("irisd/net/control_table.h")),
			/CONTROL_X\(\s*(\w+),\s*"([^"]+)",\s*"[^"]+",\s*"([^"]*)",/g)) {
			let body = code[`control_${symbol}`];
			assert.ok(body !== undefined, `control_${symbol} exists`);
			for (const helper of ["renew", "remote_team", "control_team", "param_id", "control_from", "read_decision",
				"control_webhook_param", "load_webhook", "read_limit", "read_state"]) {
				if (body.includes(`${helper}(`))
					body += code[helper];
			}
			const read = matches(body, /json_\w+\(params, "(\w+)"/g).flat();
			const named = params === "" ? [] : bare(params.split(/,\s*/));
			/* message.show streams as message.send does, for iris itself. */
			assert.deepEqual(sorted(read.filter((n) => n !== "stream" || named.includes(n))), sorted(named), symbol);
		}
	});

	test("notifications to the CLI", () => {
		/* Also where the line is written as text. */
		const sent = matches(sources("irisd/net", "irisd/core"), /(?:rpc_notification\("|\\"method\\":\\")(iris\/[^"\\]+)/g).flat();
		const documented = items(section(protocol, "CONTROL METHODS", "Notifications to the CLI")).map((i) => call(i.head).name);
		assert.deepEqual(sorted(documented), sorted(sent));
	});
});

describe("error codes", () => {
	const table = matches(withoutComments(source("common/err_table.h")),
		/ERR_X\(\w+,\s*"(\w+)",\s*(-?\d+),\s*(\d+),\s*"([^"]*)"\)/g);

	test("name, JSON-RPC code, exit status and meaning: common/err_table.h and iris-protocol(7)", () => {
		const documented = items(section(protocol, "ERROR CODES")).map((i) => i.head.split(" Ta "))
			.filter((row) => !row[0].startsWith("Em "));
		assert.ok(table.length >= 15, `${table.length} errors found in the table`);
		assert.deepEqual(documented, table);
	});

	test("exit statuses of iris(1)", () => {
		const documented = Object.fromEntries(items(section(page("iris.1"), "EXIT STATUS")).map((i) =>
			[i.head, i.body.join(" ").match(/\.Pq Ql (\w+)/)?.[1]]));
		const interrupted = source("irisd/ctl/ctl.h").match(/#define CTL_INTERRUPTED (\d+)/)[1];
		const expected = { 0: undefined, 1: undefined, [interrupted]: undefined };

		for (const [name, , status] of table)
			expected[status] = name;
		assert.deepEqual(documented, expected);
	});

	test("exit statuses of irisd(8) are of the table", () => {
		/* 75 is EX_TEMPFAIL, for service managers. */
		const known = ["0", "1", "75", ...table.map(([, , status]) => status)];
		for (const { head } of items(section(page("irisd.8"), "EXIT STATUS")))
			assert.ok(known.includes(head), head);
	});
});

describe("the worker protocol", () => {
	const worker = sources("iris-worker");
	const code = functions(worker);
	const requests = items(section(protocol, "WORKER PROTOCOL", "Requests to the worker"));
	const events = items(section(protocol, "WORKER PROTOCOL", "Events of the worker"));
	const names = (list) => sorted(list.map((i) => call(i.head).name));
	const item = (name) => (name.startsWith("worker/") ? requests : events).find((i) => call(i.head).name === name);

	test("requests: what irisd sends, what the worker knows, what the page has", () => {
		const known = sorted(matches(worker, /\{"(worker\/\w+)", do_/g).flat());
		const sent = sorted(matches(sources("irisd/net", "irisd/core"), /"(worker\/\w+)"/g).flat());
		assert.ok(known.length >= 5);
		assert.deepEqual(names(requests), known);
		assert.deepEqual(sent, known);
	});

	test("events: what the worker sends, what irisd knows, what the page has", () => {
		const known = sorted(matches(source("irisd/net/worker_event.c"), /\{"(event\/\w+)", ev_/g).flat());
		const sent = sorted(matches(worker, /"(event\/\w+)"/g).flat());
		assert.ok(known.length >= 5);
		assert.deepEqual(names(events), known);
		assert.deepEqual(sent, known);
	});

	test("members of worker/open, and of its answer", () => {
		const put = (text) => matches(text, /(?:json_put\w*|put_list)\(\s*p, "(\w+)"/g).flat();
		const irisd = functions(source("irisd/net/worker_ask.c"));
		const { body } = item("worker/open");
		const answer = body.findIndex((l) => l.startsWith("Answered"));
		const errors = body.findIndex((l) => l.startsWith("Of the errors"));

		assert.deepEqual(sorted(bare(members(body.slice(0, answer)))), sorted([...put(irisd.params_for), ...put(irisd.put_remote), ...put(irisd.open_params)]));
		assert.deepEqual(sorted(bare(members(body.slice(answer, errors)))), sorted(put(code.answer_open)));
	});

	/* Each function that tells an event makes its members, too. */
	const tellers = { "event/result": "finish", "event/ask": "take_ask", "event/tunnel": "put_tunnel" };
	for (const name of names(events)) {
		test(`members of ${name}`, () => {
			const teller = tellers[name] ?? Object.keys(code).find((f) => code[f].includes(`"${name}"`));
			/* An ask may be a hook's, of which more is known. */
			const text = code[teller] + (name === "event/ask" ? code.hook_line : "");
			const put = matches(text, /json_put\w*\(\s*p, "(\w+)"/g).flat();

			if (/\bevent_params\(/.test(text))
				put.push("session", "message");
			if (/\bsession_params\(/.test(text))
				put.push("session");
			assert.ok(put.length > 0, teller);
			assert.deepEqual(sorted(bare(members(item(name).body))), sorted([...new Set(put)]), teller);
		});
	}
});

describe("MCP", () => {
	const code = source("irisd/mcp/protocol.c");
	const [modern, legacy] = items(section(protocol, "MCP")).filter((i) => /^\d{4}-/.test(i.head));

	test("protocol revisions", () => {
		const newest = source("irisd/mcp/mcp.h").match(/#define MCP_MODERN\s+"([^"]+)"/)[1];
		const others = matches(code.match(/legacy_versions\[\] = \{([^}]*)\}/)[1], /"([^"]+)"/g).flat();
		assert.equal(modern.head, newest);
		assert.deepEqual(legacy.head.split(/, /), others);
	});

	test("methods of each era", () => {
		const found = { modern: ["server/discover"], legacy: [] };
		for (const [gate, name] of matches(code, /(!?modern && )?strcmp\(msg->method, "([^"]+)"\) == 0/g)) {
			if (name === "server/discover")
				continue;
			if (gate !== "!modern && ")
				found.modern.push(name);
			if (gate !== "modern && ")
				found.legacy.push(name);
		}
		const documented = (i) => sorted(i.body.flatMap((l) => l.match(/^\.Li ([a-z]+(?:\/[a-z]+)*)(?: ,| \.|$)/)?.[1] ?? []));
		assert.ok(found.legacy.includes("initialize"));
		assert.deepEqual(documented(modern), sorted(found.modern));
		assert.deepEqual(documented(legacy), sorted(found.legacy));
	});
});

test("keys of the configuration that pages and README name exist", () => {
	const keys = matches(source("common/config_keys.h"), /CONFIG_KEY\((\w+), "(\w+)"/g).map(([s, k]) => `${s}.${k}`);
	const texts = [...pageNames().map((name) => [name, page(name).join("\n")]), ["README", source("README")]];

	assert.ok(keys.length > 40);
	for (const [name, text] of texts)
		for (const [key] of matches(text, /\b((?:settings|dashboard|database|remoteOptions)\.(?!json\b)[a-z]\w+)/g))
			assert.ok(keys.includes(key), `${name}: ${key}`);
});

test("keys of the configuration that have no effect are those that iris-config(5) says", () => {
	const code = sources("irisd", "irisd/core", "irisd/store", "irisd/net", "irisd/mcp");
	const unused = matches(source("common/config_keys.h"), /CONFIG_KEY\((\w+), "(\w+)", (\w+),/g)
		.filter(([section, , field]) => ["settings", "dashboard", "teams"].includes(section) && field !== "path_given" &&
			!new RegExp(`(->|\\.)${field}\\b`).test(code)).map(([section, key]) => `${section}.${key}`);
	const lines = section(page("iris-config.5"), "CAVEATS");
	const documented = [];
	let where = "dashboard";

	for (const l of lines.slice(1, lines.indexOf(".Pp"))) {
		if (l === "of")
			continue;
		if (l === "of a team,")
			where = "teams";
		else if (l === ".Ic settings ,")
			where = "settings";
		else
			documented.push(`${where}.${l.split(" ")[1]}`);
	}
	assert.deepEqual(sorted(documented), sorted(unused));
});
