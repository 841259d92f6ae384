/* SPDX-License-Identifier: MIT
 *
 * The files of the dashboard as irisd serves them: out of memory, by their exact names, compressed for
 * who takes that, kept by browsers where that is right; and what is said where there are none.
 */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { get as httpGet } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { buildDir } from "../lib/claude-env.mjs";
import { ask, startHttp } from "../lib/http.mjs";
import { assert } from "../integration/setup.mjs";

/* Programs find their data beside where they are: copies of them find other data. */
const build = realpathSync(mkdtempSync(join(tmpdir(), "iris-b")));
const data = join(build, "share/iris");
cpSync(join(buildDir(), "bin"), join(build, "bin"), { recursive: true });
mkdirSync(join(build, "test"));
cpSync(join(buildDir(), "test/fake-claude"), join(build, "test/fake-claude"));
process.env.IRIS_BUILD = build;
process.on("exit", () => rmSync(build, { recursive: true, force: true }));

const HTML = "<!doctype html><title>x</title>", JS = `"use strict";${"/* long */".repeat(200)}`;
const put = (name, text) => {
	writeFileSync(join(data, "dashboard", name), text);
};

/* The body as bytes. */
async function fetchRaw(port, path, headers = {}) {
	const [res] = await once(httpGet({ host: "127.0.0.1", port, path, headers, agent: false }), "response");
	const parts = [];

	for await (const part of res)
		parts.push(part);
	return { status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) };
}

describe("the dashboard's files", () => {
	let iris;

	before(async () => {
		mkdirSync(join(data, "dashboard/assets"), { recursive: true });
		put("index.html", HTML);
		put("index.html.gz", gzipSync(HTML));
		put("icon.svg", "<svg/>");
		put("assets/app-ABCDEF23.js", JS);
		put("assets/app-ABCDEF23.js.gz", gzipSync(JS));
		put("assets/app-ABCDEF23.css", "body{}");
		put("assets/plain.js", "1");
		put("assets/secret.conf", "no kind that is served");
		put("secret.html", "not by this name");
		symlinkSync("/etc", join(data, "dashboard/assets/dir.js"));
		iris = await startHttp({ backend: {} });
	});
	after(() => iris.stop());

	test("are at their names, with their types, without a key", async () => {
		for (const [path, type, text] of [["/", "text/html; charset=utf-8", HTML], ["/index.html", "text/html; charset=utf-8", HTML], ["/icon.svg", "image/svg+xml", "<svg/>"],
			["/assets/app-ABCDEF23.js", "text/javascript; charset=utf-8", JS], ["/assets/app-ABCDEF23.css", "text/css; charset=utf-8", "body{}"]]) {
			const r = await ask(iris.port, "GET", path);
			assert.deepEqual([r.status, r.headers["content-type"], r.text], [200, type, text], path);
			assert.match(r.headers["content-security-policy"], /^default-src 'none'; /);
			assert.equal(r.headers["x-content-type-options"], "nosniff");
			const head = await ask(iris.port, "HEAD", path);
			assert.deepEqual([head.status, head.text, head.headers["content-length"]], [200, "", r.headers["content-length"]]);
			assert.equal((await ask(iris.port, "POST", path, { body: {} })).status, 405);
		}
		assert.equal((await ask(iris.port, "GET", "/?login=1")).text, HTML);
	});

	test("nothing else is: no other file of these directories, no other spelling, nothing outside", async () => {
		for (const path of ["/secret.html", "/assets/secret.conf", "/assets/dir.js", "/assets/dir.js/passwd", "/assets", "/assets/", "/assets/app-ABCDEF23.js.gz", "/index.html.gz", "/INDEX.HTML", "/index.html/",
			"//index.html", "/./index.html", "/assets/../index.html", "/assets/%2e%2e/index.html", "/%69ndex.html", "/index.html%00", "/dashboard/index.html", "/../../../etc/passwd", "/assets/..%2f..%2f..%2fetc/passwd", "/.env", "/config.yaml"])
			assert.equal((await ask(iris.port, "GET", path)).status, 404, path);
	});

	test("come compressed to who takes that, and as they are to others", async () => {
		for (const [encoding, zipped] of [["gzip", true], ["br, gzip;q=0.5", true], ["deflate, gzip, br", true], [undefined, false], ["identity", false], ["gzip;q=0", false], ["", false]]) {
			const r = await fetchRaw(iris.port, "/assets/app-ABCDEF23.js", encoding !== undefined ? { "accept-encoding": encoding } : {});
			assert.equal(r.headers["content-encoding"], zipped ? "gzip" : undefined, encoding);
			assert.equal((zipped ? gunzipSync(r.body) : r.body).toString(), JS);
			assert.equal(r.headers.vary, "Accept-Encoding");
		}
		/* There is no such form of this one. */
		assert.equal((await fetchRaw(iris.port, "/assets/plain.js", { "accept-encoding": "gzip" })).headers["content-encoding"], undefined);
	});

	test("with a hash in the name they are kept for good, the others are asked about", async () => {
		assert.equal((await ask(iris.port, "GET", "/assets/app-ABCDEF23.js")).headers["cache-control"], "public, max-age=31536000, immutable");
		for (const path of ["/", "/index.html", "/icon.svg", "/assets/plain.js"]) {
			const r = await ask(iris.port, "GET", path);
			assert.equal(r.headers["cache-control"], "no-cache", path);
			assert.match(r.headers.etag, /^"[0-9a-f]{16}"$/);
			const again = await ask(iris.port, "GET", path, { headers: { "if-none-match": r.headers.etag } });
			assert.deepEqual([again.status, again.text, again.headers.etag], [304, "", r.headers.etag]);
			assert.equal((await ask(iris.port, "GET", path, { headers: { "if-none-match": '"0000000000000000"' } })).status, 200);
		}
		const plain = await fetchRaw(iris.port, "/"), zipped = await fetchRaw(iris.port, "/", { "accept-encoding": "gzip" });
		assert.notEqual(plain.headers.etag, zipped.headers.etag);
	});

	test("are those of the start: what is changed later, or taken away, is not seen", async () => {
		put("index.html", "changed");
		rmSync(join(data, "dashboard/icon.svg"));
		assert.equal((await ask(iris.port, "GET", "/")).text, HTML);
		assert.equal((await ask(iris.port, "GET", "/icon.svg")).text, "<svg/>");
	});
});

describe("without them", () => {
	test("the page says so, and all else is served", async () => {
		rmSync(data, { recursive: true, force: true });
		const iris = await startHttp({ backend: {} });
		try {
			const r = await ask(iris.port, "GET", "/");
			assert.deepEqual([r.status, r.headers["content-type"]], [404, "text/plain; charset=utf-8"]);
			assert.match(r.text, /no dashboard/);
			assert.equal((await ask(iris.port, "GET", "/index.html")).status, 404);
			assert.equal((await ask(iris.port, "GET", "/api/v1/openapi.json")).status, 404);
			assert.equal((await ask(iris.port, "GET", "/api/v1/teams")).status, 401);
			assert.equal((await ask(iris.port, "GET", "/health")).status, 200);
		} finally {
			await iris.stop();
		}
	});
});
