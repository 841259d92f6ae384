/* SPDX-License-Identifier: MIT
 *
 * share/api/openapi.json as a judge: each answer is looked up by its method, path and status, and its
 * body must be what the description says. What was asked is remembered, so that a test can tell that
 * nothing was left out.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { ask } from "./http.mjs";

const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
const text = (path) => readFileSync(join(root, path), "utf8");

export const document = JSON.parse(text("share/api/openapi.json"));

const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, strictRequired: false });
addFormats(ajv);
ajv.addVocabulary(["example", "components"]);
ajv.addSchema({ $id: "openapi", components: document.components });

/* Refers to the components of the document from wherever the schema stands. */
const placed = (schema) => JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/'));
const compiled = new Map();
const validator = (schema) => {
	const key = JSON.stringify(schema);

	if (!compiled.has(key))
		compiled.set(key, ajv.compile(placed(schema)));
	return compiled.get(key);
};

/* Each operation: { id, method, path, scope ("-": none), operation }. */
export const operations = Object.entries(document.paths).flatMap(([path, item]) =>
	Object.entries(item).map(([method, operation]) => ({
		id: operation.operationId, method: method.toUpperCase(), path, operation,
		scope: operation.security.length === 0 ? "-" : operation.security[0].key[0],
		matches: new RegExp(`^${path.replace(/\{[^}]*\}/g, "[^/]+")}$`),
		/* Names beat places in them, as in the table. */
		weight: (path.match(/\{/g) ?? []).length,
	})));

export function operationOf(method, url) {
	const path = url.replace(/\?.*$/, "");

	return operations.filter((o) => o.method === (method === "HEAD" ? "GET" : method) && o.matches.test(path))
		.sort((a, b) => a.weight - b.weight)[0];
}

const deref = (o) => (o?.$ref ? o.$ref.slice(2).split("/").reduce((at, name) => at[name], document) : o);

/* Why the value is not what the schema says; null when it is. */
export function fails(schema, value) {
	const check = validator(schema);

	return check(value) ? null : ajv.errorsText(check.errors, { separator: "\n  " });
}

/* One whole answer against the description; the operation that it belongs to. */
export function checkAnswer(method, url, answer) {
	const o = operationOf(method, url);
	const where = `${method} ${url} ${answer.status}`;

	assert.ok(o, `${where}: no such operation`);
	const response = deref(o.operation.responses[answer.status] ?? o.operation.responses.default);
	const type = (answer.headers["content-type"] ?? "").replace(/;.*/, "");
	if (!response.content || method === "HEAD") {
		assert.equal(answer.text, "", `${where}: has no body`);
		return o;
	}
	const content = response.content[type];
	assert.ok(content, `${where}: ${type} is not described: ${answer.text.slice(0, 300)}`);
	if (/json$/.test(type)) {
		const wrong = fails(content.schema, answer.json());
		assert.equal(wrong, null, `${where}: ${answer.text.slice(0, 2000)}\n  ${wrong}`);
	}
	for (const [name, header] of Object.entries(response.headers ?? {}))
		assert.ok(answer.headers[name.toLowerCase()] !== undefined, `${where}: no ${name} (${JSON.stringify(header)})`);
	return o;
}

/* The body of a request, too: one that is taken must be described. */
function checkRequest(o, body, type) {
	const schema = o.operation.requestBody?.content[type]?.schema;

	assert.ok(schema, `${o.id}: a body of ${type} is not described`);
	const wrong = fails(schema, body);
	assert.equal(wrong, null, `${o.id} took ${JSON.stringify(body)}\n  ${wrong}`);
}

/* A client whose answers are all checked. called: the operations that have succeeded. */
export class Client {
	constructor(port, key, { called = new Set() } = {}) {
		Object.assign(this, { port, key, called });
	}

	/* Any status. */
	async ask(method, path, options = {}) {
		const answer = await ask(this.port, method, path, { key: this.key, ...options });

		if (/event-stream/.test(answer.headers["content-type"]))
			return answer;
		const o = checkAnswer(method, path, answer);
		if (answer.status < 300) {
			this.called.add(o.id);
			if (options.body !== undefined && typeof options.body !== "string")
				checkRequest(o, options.body, "application/json");
		}
		return answer;
	}

	/* One that must succeed, with this status; its object. */
	async ok(status, method, path, body, options = {}) {
		const answer = await this.ask(method, path, { ...options, ...(body !== undefined && { body }) });

		assert.equal(answer.status, status, `${method} ${path}: ${answer.text.slice(0, 1000)}`);
		return answer.text === "" ? null : answer.json();
	}

	get = (path, options) => this.ok(200, "GET", `/api/v1${path}`, undefined, options);
	post = (path, body, options) => this.ok(200, "POST", `/api/v1${path}`, body, options);

	/* One that must fail, with this status and code. */
	async refused(status, code, method, path, options = {}) {
		const answer = await this.ask(method, path, options);

		assert.equal(answer.status, status, `${method} ${path}: ${answer.text.slice(0, 1000)}`);
		assert.equal(answer.headers["content-type"], "application/problem+json");
		const problem = answer.json();
		assert.equal(problem.code, code, problem.detail);
		assert.equal(problem.status, status);
		assert.equal(problem.type, `urn:iris:error:${code}`);
		assert.ok(problem.detail.length > 0);
		return { ...problem, headers: answer.headers };
	}
}

/* The arguments of each use of a macro in C text: neighbouring strings are one, names stay names. */
function uses(source, macro) {
	const tokens = source.matchAll(/"((?:[^"\\]|\\.)*)"|(\w+)|([(),])/g);
	const found = [];
	let row = null;

	for (const [, string, word, sign] of tokens) {
		if (row === null)
			row = word === macro ? [] : null;
		else if (sign === "(" || sign === ",")
			row.push("");
		else if (sign === ")")
			row = (found.push(row), null);
		else
			row[row.length - 1] += string ?? word;
	}
	return found;
}

/* The rows of irisd/web/api_table.h and of the routes that Iris MCP had. */
export function tableRows() {
	const plain = (path) => text(path).replace(/\/\*[\s\S]*?\*\//g, "");
	const table = plain("irisd/web/api_table.h"), legacy = plain("irisd/web/api_iris_mcp.c");
	const [, page] = table.match(/#define API_PAGE "([^"]*)"/);
	const rest = table.replace(/#define.*\n/g, "").replace(/\bAPI_PAGE\b/g, `"${page}"`);

	return [
		...uses(rest, "API_X").map(([operation, method, path, control, scope, place, query, body, , , , status]) =>
			({ operation, method, path: `/api/v1${path}`, control, scope, place, query, body, status: Number(status) })),
		...uses(legacy.slice(legacy.indexOf("routes[] =")), "ROW").map(([method, path, scope, place, body]) =>
			({ method, path: `/api${path}`, control: "", scope, place, query: "", body, status: 200 })),
	];
}
