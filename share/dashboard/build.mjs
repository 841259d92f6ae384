/* SPDX-License-Identifier: MIT
 *
 * Builds the dashboard into a directory: index.html, icon.svg and assets/NAME-HASH.{js,css}, each with
 * its .gz beside it, so that nothing is compressed while somebody waits. Run by the Makefile:
 *
 *	node build.mjs OUT [--version V]
 *
 * index.html comes last, and what an earlier build has left is removed after that: who loads the page
 * meanwhile gets the old one or the new one, whole.
 */
import { build } from "esbuild";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const [out, flag, version = "0"] = process.argv.slice(2);

if (out === undefined || (flag !== undefined && flag !== "--version")) {
	console.error("usage: node build.mjs OUT [--version V]");
	process.exit(2);
}

/* Whole files only, under their names: a rename replaces the old one. */
function put(path, bytes) {
	for (const [name, data] of [[path, bytes], [`${path}.gz`, gzipSync(bytes, { level: 9 })]]) {
		mkdirSync(dirname(name), { recursive: true });
		writeFileSync(`${name}.new`, data);
		renameSync(`${name}.new`, name);
	}
}

const result = await build({
	absWorkingDir: here,
	entryPoints: { app: "src/main.jsx" },
	outdir: join(here, "assets"),
	entryNames: "[name]-[hash]",
	chunkNames: "[name]-[hash]",
	bundle: true,
	splitting: true,
	format: "esm",
	target: ["chrome111", "firefox115", "safari16.4"],
	jsx: "automatic",
	jsxImportSource: "preact",
	minify: true,
	legalComments: "none",
	define: { IRIS_VERSION: JSON.stringify(version) },
	metafile: true,
	write: false,
	logLevel: "warning",
});

const assets = result.outputFiles.map((f) => ({ name: basename(f.path), bytes: f.contents }));
/* What app.js imports is asked for along with it, not after it. */
const outputs = Object.entries(result.metafile.outputs);
const preloads = outputs.find(([name]) => /\/app-[^/]*\.js$/.test(name))[1].imports
	.filter((i) => i.kind === "import-statement")
	.map((i) => `<link rel="modulepreload" href="assets/${basename(i.path)}">\n`).join("");
const one = (pattern) => `assets/${assets.find((f) => pattern.test(f.name)).name}`;
const html = readFileSync(join(here, "index.html"), "utf8")
	.replace("@PRELOADS@\n", preloads)
	.replace("@JS@", one(/^app-.*\.js$/))
	.replace("@CSS@", one(/^app-.*\.css$/));

for (const { name, bytes } of assets)
	put(join(out, "assets", name), bytes);
put(join(out, "icon.svg"), readFileSync(join(here, "icon.svg")));
put(join(out, "index.html"), Buffer.from(html));

const fresh = new Set(assets.flatMap(({ name }) => [name, `${name}.gz`]));
for (const name of readdirSync(join(out, "assets")))
	if (!fresh.has(name))
		rmSync(join(out, "assets", name));

const size = assets.reduce((n, { bytes }) => n + gzipSync(bytes, { level: 9 }).length, 0);
console.log(`dashboard: ${assets.length} files, ${(size / 1024).toFixed(1)} kB compressed, in ${relative(process.cwd(), out) || "."}`);
