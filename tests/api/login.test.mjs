/* SPDX-License-Identifier: MIT
 *
 * The one-time link of the dashboard, whom it lets in: not the other users of the machine, who can
 * read it in the arguments of the program that opens it. And what the cookie that comes of it is
 * worth to the other servers of this host, which are sent it.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, test } from "node:test";
import { promisify } from "node:util";
import { ask, startHttp } from "../lib/http.mjs";
import { assert } from "../integration/setup.mjs";

const run = promisify(execFile);
const NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
const root = process.getuid() === 0;
let iris;

beforeEach(async () => {
	iris = await startHttp({ backend: {} });
});
afterEach(() => iris.stop());

const link = async () => (await iris.json(["dashboard", "--print"])).token;

/* As somebody else: curl, since it needs nothing that only root may read. */
async function elsewho(host, token) {
	const { stdout } = await run("setpriv", [...NOBODY, "curl", "-sS", "--max-time", "10", "-g", "-H", `Host: localhost:${iris.port2}`,
		"-w", "\n%{http_code}", "--json", JSON.stringify({ token }), `http://${host}:${iris.port2}/api/v1/login`], { cwd: "/" });
	const at = stdout.lastIndexOf("\n");
	return { status: Number(stdout.slice(at + 1)), problem: JSON.parse(stdout.slice(0, at)) };
}

describe("a login over the loopback", () => {
	test("another user of the machine is refused, and the link stays good for its own", { skip: !root && "only root can be somebody else" }, async () => {
		const token = await link();
		for (const host of ["127.0.0.1", "[::ffff:127.0.0.1]"]) {
			const r = await elsewho(host, token);
			assert.equal(r.status, 403, host);
			assert.equal(r.problem.code, "refused");
			assert.match(r.problem.detail, /another user's/);
		}
		assert.deepEqual((await iris.json(["keys"])).keys, []);
		assert.equal((await ask(iris.port2, "POST", "/api/v1/login", { body: { token } })).status, 200);
	});

	test("its own user gets in, by either family of addresses", async () => {
		for (const options of [{ localAddress: "127.0.0.1" }, { host: "::ffff:127.0.0.1" }]) {
			const r = await ask(iris.port2, "POST", "/api/v1/login", { body: { token: await link() }, headers: { host: "localhost" }, options });
			assert.equal(r.status, 200, `${JSON.stringify(options)}: ${r.text}`);
		}
	});
});

test("who is sent the cookie can not speak for the login, whatever follows from it", async () => {
	const r = await ask(iris.port2, "POST", "/api/v1/login", { body: { token: await link() } });
	const cookie = r.headers["set-cookie"][0].split(";")[0], value = cookie.split("=")[1], { csrf } = r.json();
	const status = async (headers) => (await ask(iris.port2, "GET", "/api/v1/config", { headers })).status;
	const word = (text) => createHash("sha256").update(text).digest("hex").slice(0, 32);
	assert.equal(await status({ cookie, "x-iris-csrf": csrf }), 200);
	assert.ok(!value.includes(csrf) && !csrf.includes(value));
	for (const key of [value, value.slice(0, 37), csrf, `iris_${csrf}`, `${value.slice(0, 37)}${value.slice(5, 37)}`, `iris_${csrf}${csrf}`])
		assert.equal(await status({ authorization: `Bearer ${key}` }), 401, key);
	for (const guess of [word(`iris-csrf:${value}`), word(value), word(value.slice(0, 37)), word(`iris-cookie:${value}`), value.slice(5, 37), value.slice(-32)])
		assert.equal(await status({ cookie, "x-iris-csrf": guess }), 401, guess);
	/* A person's own page may have it in no other way, either. */
	assert.equal(await status({ cookie, authorization: `Bearer ${csrf}` }), 401);
});
