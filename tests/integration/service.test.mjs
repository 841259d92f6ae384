/* SPDX-License-Identifier: MIT
 *
 * The service files: systemd takes the units without a complaint, and the launchd file is a property list.
 */
import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { program, run } from "../lib/iris.mjs";

const etc = new URL("../../etc/", import.meta.url).pathname;
const has = (command) => spawnSync(command, ["--version"]).error === undefined;

async function verify(change = (text) => text) {
	const dir = mkdtempSync(join(tmpdir(), "iris-units"));

	try {
		mkdirSync(join(dir, "run"), { mode: 0o700 });
		for (const unit of ["irisd.socket", "irisd.service"]) {
			const text = readFileSync(join(etc, "systemd", unit), "utf8").replaceAll("@BINDIR@", join(program("irisd"), ".."));
			writeFileSync(join(dir, unit), change(text));
		}
		const env = { PATH: process.env.PATH, HOME: dir, XDG_RUNTIME_DIR: join(dir, "run") };
		const units = ["irisd.socket", "irisd.service"].map((u) => join(dir, u));
		return await run("systemd-analyze", ["--user", "--man=no", "verify", ...units], { env });
	} finally {
		rmSync(dir, { recursive: true });
	}
}

test("systemd-analyze has nothing to say about the user units", { skip: !has("systemd-analyze") }, async () => {
	const r = await verify();
	assert.equal(r.stdout + r.stderr, "");
	assert.equal(r.status, 0);
	/* The check itself can fail: a word that systemd does not know is told. */
	assert.match((await verify((t) => t.replace("KillMode", "KillMod"))).stderr, /Unknown key.*KillMod/);
});

test("the units say what Iris counts on", () => {
	const service = readFileSync(join(etc, "systemd/irisd.service"), "utf8");
	const socket = readFileSync(join(etc, "systemd/irisd.socket"), "utf8");

	for (const line of ["Type=notify", "KillMode=process", "Restart=on-failure", "RestartKillSignal=SIGUSR2", "ExecStart=@BINDIR@/irisd --service"])
		assert.ok(service.split("\n").includes(line), line);
	for (const line of ["ListenStream=%h/.iris/irisd.sock", "SocketMode=0600"])
		assert.ok(socket.split("\n").includes(line), line);
});

test("the launchd file is a property list", { skip: !has("xmllint") }, async () => {
	const file = join(etc, "launchd/iris.irisd.plist");
	const lint = await run("xmllint", ["--nonet", "--noout", file], { env: process.env });
	assert.equal(lint.status, 0, lint.stderr);
	const keys = await run("xmllint", ["--nonet", "--xpath", "/plist/dict/key/text()", file], { env: process.env });
	assert.deepEqual(keys.stdout.trim().split(/\s+/), ["Label", "ProgramArguments", "RunAtLoad", "KeepAlive", "AbandonProcessGroup",
		"ExitTimeOut", "ProcessType", "EnvironmentVariables", "StandardErrorPath"]);
	const first = await run("xmllint", ["--nonet", "--xpath", "string(/plist/dict/key[.='ProgramArguments']/following-sibling::array[1]/string[1])", file], { env: process.env });
	assert.equal(first.stdout.trim(), "@BINDIR@/irisd");
	const second = await run("xmllint", ["--nonet", "--xpath", "string(/plist/dict/key[.='ProgramArguments']/following-sibling::array[1]/string[2])", file], { env: process.env });
	assert.equal(second.stdout.trim(), "--service");
});
