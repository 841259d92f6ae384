/* SPDX-License-Identifier: MIT
 *
 * README and the pages as texts: the pages are well-formed, and what both name (make targets, files,
 * structs, functions, other pages) exists. No path of somebody's machine is in them.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { page, pageNames, section, source, top } from "./mdoc.mjs";

const readme = source("README");
const texts = () => [["README", readme], ...pageNames().map((name) => [`man/${name}`, page(name).join("\n")])];

describe("manual pages", () => {
	for (const name of pageNames()) {
		test(`${name}: mandoc -T lint is silent`, () => {
			const r = spawnSync("mandoc", ["-T", "lint", "-W", "style", join(top, "man", name)], { encoding: "utf8" });
			assert.equal(r.error, undefined, "mandoc is there");
			/* These two are about the machine that it runs on. */
			const said = r.stdout.split("\n").filter((l) => l !== "" && !/referenced manual not found|outdated mandoc\.db/.test(l));
			assert.deepEqual(said, []);
		});

		test(`${name}: name, section and date are in place`, () => {
			const lines = page(name);
			const [, title, number] = name.match(/^(.*)\.(\d)$/);
			assert.equal(lines[0], '.\\" SPDX-License-Identifier: MIT');
			assert.match(lines[1], /^\.Dd [A-Z][a-z]+ \d{1,2}, \d{4}$/);
			assert.equal(lines[2], `.Dt ${title.toUpperCase()} ${number}`);
			assert.equal(lines[3], ".Os");
			assert.match(lines[5], new RegExp(`^\\.Nm (${title}|config\\.yaml)$`));
		});
	}

	test("pages that are referred to exist", () => {
		for (const name of pageNames()) {
			for (const [, title, number] of page(name).join("\n").matchAll(/^\.Xr (iris\S*) (\d)/gm))
				assert.ok(pageNames().includes(`${title}.${number}`), `${name}: ${title}(${number})`);
		}
		for (const [, title, number] of readme.matchAll(/\b(iris[a-z-]*)\((\d)\)/g))
			assert.ok(pageNames().includes(`${title}.${number}`), `README: ${title}(${number})`);
	});

	test("every program has a page, and each page is in README and in another page's SEE ALSO", () => {
		for (const wanted of ["iris.1", "irisd.8", "iris-worker.8", "iris-tls.8", "iris-mcp-shim.1", "iris-ssh.1", "iris-config.5", "iris.7", "iris-protocol.7"]) {
			assert.ok(pageNames().includes(wanted), wanted);
			const [, title, number] = wanted.match(/^(.*)\.(\d)$/);
			assert.ok(readme.includes(`${title}(${number})`), `README: ${wanted}`);
			assert.ok(pageNames().some((p) => p !== wanted && section(page(p), "SEE ALSO").some((l) => l.startsWith(`.Xr ${title} ${number}`))), wanted);
		}
	});
});

describe("README", () => {
	const makefile = source("Makefile");
	const targets = [...makefile.matchAll(/^(?:\.PHONY:)?\s*([a-z][\w -]*?):(?!=)/gm)].flatMap((m) => m[1].split(/\s+/));
	const commands = [...readme.matchAll(/^ {4}(?:sudo )?make\b([^#\n]*)/gm)].map((m) => m[1].trim());

	test("make demo and make check are its first two commands", () => {
		assert.deepEqual(commands.slice(0, 2), ["demo", "check"]);
	});

	test("targets of make exist", () => {
		const named = [...commands, ...[...readme.matchAll(/[`"]make ([a-z]+)[`"]/g)].map((m) => m[1])]
			.flatMap((c) => c.split(/\s+/)).filter((w) => w !== "" && !w.includes("="));
		assert.ok(named.length >= 5);
		for (const target of named) {
			if (target.startsWith("build/test/"))
				assert.ok(existsSync(join(top, "tests/unit", `${target.slice("build/test/".length)}.c`)), target);
			else
				assert.ok(targets.includes(target), target);
		}
	});

	test("files and directories exist", () => {
		const named = [...readme.matchAll(/(?<![\w~./-])((?:common|irisd|iris-worker|iris-mcp-shim|tests|etc|man|share)\/[\w./-]*\w\/?)/g)].map((m) => m[1]);
		assert.ok(named.length > 40);
		for (const path of named) {
			assert.ok(existsSync(join(top, path)), path);
			if (path.endsWith("/"))
				assert.ok(statSync(join(top, path)).isDirectory(), path);
		}
	});

	test("structs and functions exist", () => {
		const dirs = ["common", "irisd", "irisd/core", "irisd/store", "irisd/net", "irisd/mcp", "irisd/ctl", "iris-worker", "iris-mcp-shim"];
		const code = dirs.flatMap((d) => readdirSync(join(top, d)).filter((f) => /\.[ch]$/.test(f)).map((f) => source(join(d, f)))).join("\n");

		for (const [, name] of readme.matchAll(/\bstruct (\w+)/g))
			assert.ok(code.includes(`struct ${name} {`), `struct ${name}`);
		for (const [, name] of readme.matchAll(/\b([a-z]+_\w+)\(\)/g))
			assert.match(code, new RegExp(`\\b${name}\\(`), name);
		assert.ok(readme.includes("pool_on_*()") && code.includes("pool_on_result("));
	});

	test("every directory of the source is in the tour, and every suite of the tests", () => {
		for (const dir of ["common", "irisd", "iris-worker", "iris-mcp-shim"])
			assert.ok(readme.includes(`\n${dir}/`), dir);
		for (const d of readdirSync(join(top, "tests"), { withFileTypes: true }).filter((e) => e.isDirectory() && e.name !== "node_modules"))
			assert.ok(readme.includes(`tests/${d.name}/`), d.name);
	});

	test("lines have 120 columns at most", () => {
		assert.deepEqual(readme.split("\n").filter((l) => l.length > 120), []);
	});
});

test("no path of somebody's machine", () => {
	/* Those that every machine of a kind has, and home directories of examples. */
	const known = /^\/(tmp\/iris-|usr\/(local\/)?(s?bin|local|share)|etc\b|opt\/homebrew\b|System\b|Windows\b|home\/(me|u)\b|dev\/null\b|login\b|mcp\b|health\b|init\b)/;

	/* Of HTTP. */
	const { paths } = JSON.parse(source("share/api/openapi.json"));
	const parts = new Set(["api", "openapi.json", ...Object.keys(paths).map((p) => p.replace("/api/v1", "").split("/")[1])]);

	for (const [name, text] of texts())
		/* In a rule "/" is the team's directory. */
		for (const [path] of text.replaceAll(/\b(Edit|Read|Write)\(\/[\w.*-][\w./*-]*\)/g, "").matchAll(/(?<![\w.~$}<>*/)-])\/[A-Za-z][\w./-]*/g))
			if (name !== "man/iris-api.7" || !parts.has(path.split("/")[1]))
				assert.match(path, known, `${name}: ${path}`);
});
