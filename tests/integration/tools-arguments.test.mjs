/* SPDX-License-Identifier: MIT
 *
 * Bad arguments of every tool, made from the schemas of tools/list, so that a new tool is tested
 * by being there. Each answer is an error result whose text says which argument it is, what was
 * expected and what to do; nothing of the call is stored, sent or started.
 */
import { after, before, describe, test } from "node:test";
import { assert, claudes, connectRaw, sessions, startTeams } from "./setup.mjs";

const ID = "01890000-0000-7000-8000-000000000000";

/* A value that fits, for what is not under test. */
function fitting(name, s) {
	if (s.anyOf)
		return fitting(name, s.anyOf[0]);
	switch (s.type) {
	case "string":
		return s.enum?.[0] ?? (/id$/i.test(name) ? ID : /team/i.test(name) ? "backend" : "ECHO x".padEnd(s.minLength ?? 0, "x"));
	case "integer":
		return Math.max(s.minimum, 1);
	case "array":
		return [fitting(name, s.items)];
	case "boolean":
		return true;
	default:
		return {};
	}
}

const WORD = { string: "a string", integer: "a whole number", boolean: "true or false", object: "an object", array: "a list of strings" };

/* Values that a schema forbids: [what, value, words that the answer must have]. */
function* forbidden(s, items = false) {
	const types = (s.anyOf ?? [s]).map((o) => o.type);
	const expected = types.map((t) => WORD[t]).join("|");
	const wrong = { ...(items && { null: null }), "a number": 5, "a fraction": 1.5, "a boolean": false, "a string": "x", "an object": { a: 1 }, "a list": [], "a list of numbers": [7] };
	const fits = (v) => types.some((t) => (t === "integer" ? Number.isInteger(v) : t === "array" ? Array.isArray(v)
		: t === "object" ? v !== null && typeof v === "object" && !Array.isArray(v) : typeof v === t));

	for (const [what, value] of Object.entries(wrong))
		if (!fits(value))
			yield [what, value, new RegExp(expected)];
	for (const one of s.anyOf ?? [s]) {
		if (one.enum) {
			yield ["a word that is no choice", "sideways", new RegExp(`"sideways"; it is one of: ${one.enum.join(", ")}`)];
			yield ["two choices in one", one.enum.slice(0, 2).join(" "), /it is one of: /];
			yield ["the beginning of a choice", one.enum[0].slice(0, -1), /it is one of: /];
		} else if (one.type === "string") {
			yield ["too long", "x".repeat(one.maxLength + 1), new RegExp(`has ${one.maxLength + 1} bytes, ${one.maxLength} are the limit`)];
			if (one.minLength > 0)
				yield ["empty", "", /is empty; give /];
			if (one.minLength > 1)
				yield ["too short", "x".repeat(one.minLength - 1), new RegExp(`has ${one.minLength - 1} bytes, and needs ${one.minLength}; give `)];
		} else if (one.type === "integer") {
			for (const n of [one.minimum - 1, one.maximum + 1, -Number.MAX_SAFE_INTEGER, 1e300])
				yield [`out of range: ${n}`, n, new RegExp(`from ${one.minimum} to ${one.maximum}`)];
		} else if (one.type === "array" && !items) {
			yield ["an empty list", [], new RegExp(`has 0 entries; give ${one.minItems} to ${one.maxItems}`)];
			yield ["too many", Array(one.maxItems + 1).fill(fitting("", one.items)), new RegExp(`has ${one.maxItems + 1} entries; give ${one.minItems} to ${one.maxItems}`)];
			for (const [what, value, words] of forbidden(one.items, true))
				yield [`a list with ${what}`, [fitting("", one.items), value], words];
		}
	}
}

describe("bad arguments", () => {
	let iris, raw, tools, state;

	/* What a call could have left behind. */
	const look = async () => JSON.stringify([(await iris.json(["message", "list"])).messages, await sessions(iris), claudes(iris).length]);

	before(async () => {
		iris = await startTeams({ frontend: {}, backend: {} });
		raw = await connectRaw(iris, { role: "shim", cwd: iris.dirs.frontend });
		({ tools } = (await raw.request("tools/list", {})).result);
		state = await look();
	});
	after(async () => {
		raw.socket.destroy();
		await iris.stop();
	});

	/* The words of the error result; anything else fails. */
	async function refused(tool, args, what) {
		const { result, error } = await raw.request("tools/call", { name: tool.name, ...(args !== undefined && { arguments: args }) });

		assert.equal(error, undefined, `${what}: a protocol error is nothing that a model can mend: ${JSON.stringify(error)}`);
		assert.equal(result.isError, true, `${what}: was taken: ${JSON.stringify(result).slice(0, 500)}`);
		assert.equal(result.structuredContent, undefined, what);
		assert.equal(result.content.length, 1, what);
		const o = JSON.parse(result.content[0].text);
		assert.equal(o.code, "invalid", `${what}: ${o.error}`);
		assert.equal(o.tool, tool.name, what);
		assert.ok(o.error.startsWith(`${tool.name}: `), `${what}: ${o.error}`);
		assert.ok(o.error.length < 600, `${what}: ${o.error}`);
		return o.error;
	}

	const good = ({ inputSchema: s }) => Object.fromEntries(s.required.map((name) => [name, fitting(name, s.properties[name])]));

	test("a value that the schema forbids, for each property of each tool", async () => {
		let n = 0;
		for (const tool of tools) {
			for (const [name, s] of Object.entries(tool.inputSchema.properties)) {
				for (const [value, given, words] of forbidden(s)) {
					const what = `${tool.name} ${name}: ${value}`;
					const text = await refused(tool, { ...good(tool), [name]: given }, what);
					assert.ok(text.includes(`"${name}"`), `${what}: ${text}`);
					assert.match(text, words, what);
					n++;
				}
			}
		}
		assert.ok(n > tools.length * 10, `${n} calls`);
		assert.equal(await look(), state, "nothing was stored, sent or started");
	});

	test("each required argument missing: the answer says which, and what it is", async () => {
		for (const tool of tools) {
			const { required, properties } = tool.inputSchema;
			for (const name of required) {
				const args = good(tool);
				delete args[name];
				const text = await refused(tool, args, `${tool.name} without ${name}`);
				assert.ok(text.includes(`"${name}" is missing: ${properties[name].description}`), text);
			}
			if (required.length > 0)
				assert.ok((await refused(tool, undefined, `${tool.name} without arguments`)).includes(`"${required[0]}" is missing`));
		}
		assert.equal(await look(), state);
	});

	test("an argument that there is not: the answer names a near one, or those that there are", async () => {
		for (const tool of tools) {
			const names = Object.keys(tool.inputSchema.properties);
			const text = await refused(tool, { ...good(tool), zzzzzzzzzz: 1 }, `${tool.name} zzzzzzzzzz`);
			assert.ok(text.includes('unknown argument "zzzzzzzzzz"'), text);
			for (const name of names)
				assert.ok(text.includes(name), `${tool.name}: ${text} does not name ${name}`);
			if (names.length === 0)
				assert.match(text, /it takes none$/);
			for (const name of names) {
				const args = good(tool), misspelt = `${name}s`;
				if (names.includes(misspelt))
					continue;
				args[misspelt] = args[name] ?? fitting(name, tool.inputSchema.properties[name]);
				delete args[name];
				assert.match(await refused(tool, args, `${tool.name} ${misspelt}`), new RegExp(`unknown argument "${misspelt}"; did you mean "`));
			}
		}
		assert.equal(await look(), state);
	});

	test("arguments that are no object", async () => {
		for (const tool of tools)
			for (const args of [[], ["backend"], "backend", 5, true])
				assert.match(await refused(tool, args, `${tool.name} ${JSON.stringify(args)}`), /"arguments" must be an object/);
		assert.equal(await look(), state);
	});

	test("null is as if it were left out: of what is optional, of what is required, of the arguments, of all params", async () => {
		for (const tool of tools) {
			const { required, properties } = tool.inputSchema;
			for (const name of required)
				assert.ok((await refused(tool, { ...good(tool), [name]: null }, `${tool.name} ${name} null`)).includes(`"${name}" is missing: `));
			if (required.length > 0)
				assert.ok((await refused(tool, null, `${tool.name} arguments null`)).includes(`"${required[0]}" is missing`));
			for (const name of Object.keys(properties).filter((n) => !required.includes(n)))
				assert.ok((await refused(tool, { [name]: null, zzzz: 1 }, `${tool.name} ${name} null`)).includes("unknown argument"));
		}
		assert.equal(await look(), state);
		const call = async (name, args) => {
			const { result } = await raw.request("tools/call", { name, arguments: args });
			assert.notEqual(result.isError, true, JSON.stringify(result));
			return result.structuredContent;
		};
		assert.equal((await call("list_teams", null)).teams.length, 2);
		const status = tools.find((t) => t.name === "team_status").inputSchema.properties;
		await call("team_status", Object.fromEntries(Object.keys(status).map((n) => [n, null])));
		const send = tools.find((t) => t.name === "send_message").inputSchema;
		const r = await call("send_message", { ...Object.fromEntries(Object.keys(send.properties).map((n) => [n, null])), toTeam: "backend", message: "ECHO nulls" });
		assert.equal(r.response, "nulls");
		for (const [method, params] of [["tools/list", null], ["tools/list", { cursor: null }], ["prompts/list", { cursor: null }],
			["resources/list", { cursor: null, _meta: null }], ["prompts/get", { name: "ask", arguments: null }], ["ping", null]]) {
			const { error } = await raw.request(method, params);
			assert.notEqual(error?.code, -32600, `${method} ${JSON.stringify(params)}: ${error?.message}`);
			assert.doesNotMatch(error?.message ?? "", /cursor|object|list/);
		}
	});
});
