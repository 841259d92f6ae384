/* SPDX-License-Identifier: MIT
 *
 * iris-api(7) against what it describes: it has every operation with its scope, and its examples are
 * run as they stand, in their order, by a shell, and print what it says that they print.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { program } from "../lib/iris.mjs";
import { startHttp } from "../lib/http.mjs";
import { tableRows } from "../lib/openapi.mjs";
import { assert, within } from "../integration/setup.mjs";

const page = readFileSync(new URL("../../man/iris-api.7", import.meta.url), "utf8");

/* What a reader sees of a line of an example. */
const shown = (line) => line.replace(/\\&/g, "").replace(/\\e/g, "\\");

/* [{ command, output: [line] }] of all examples. */
function examples() {
	const found = [];

	for (const [, block] of page.matchAll(/^\.Bd -literal.*\n([\s\S]*?)^\.Ed$/gm)) {
		let open = false;
		for (const line of block.split("\n").slice(0, -1).map(shown)) {
			if (line.startsWith("$ "))
				found.push({ command: line.slice(2), output: [] });
			else if (open)
				found.at(-1).command += `\n${line}`;
			else
				found.at(-1).output.push(line);
			open = (line.startsWith("$ ") || open) && line.endsWith("\\");
		}
	}
	return found;
}

/* "..." stands for anything, also for further lines and at the end. */
const pattern = (output) => new RegExp(`^${output.map((l) => l.split("...").map((p) =>
	p.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[\\s\\S]*?")).join("\\s*")}[\\s\\S]*$`);

describe("iris-api(7)", () => {
	let iris;

	before(async () => {
		iris = await startHttp({ backend: {} });
	});
	after(() => iris.stop());

	test("has every operation, with its scope, and no others", () => {
		const named = [...page.matchAll(/^\.It Ic ([A-Z]+ \S+) No \\\(em (?:Li )?(\w+)$/gm)].map(([, what, scope]) => `${what} ${scope}`);
		const rows = tableRows().map((r) => `${r.method} ${r.path.replace("/api/v1", "")} ${r.scope === "-" ? "none" : r.scope}`);
		assert.deepEqual(named.sort(), rows.sort());
		assert.match(page, /^\.Ic GET \/events\n\.Pq scope Li read$/m);
	});

	test("its examples run as they stand", async () => {
		const list = examples();
		const where = list.findIndex((e) => e.command.startsWith("IRIS="));
		assert.equal(where, 0);
		assert.equal(list[0].command, "IRIS=http://127.0.0.1:3100/api/v1");
		/* The port is that of this irisd: no other word is changed. */
		list[0].command = list[0].command.replace("3100", iris.port2);
		assert.ok(list.length >= 20, `${list.length} examples`);
		/* Not a word about progress, and a status that is an error is one. */
		writeFileSync(join(iris.root, ".curlrc"), "silent\nshow-error\nfail-with-body\n");
		const shell = spawn("/bin/sh", [], {
			cwd: iris.root, stdio: "pipe",
			env: { ...iris.env, PATH: `${dirname(program("iris"))}:${process.env.PATH}`, CURL_HOME: iris.root, IRIS_HOME: iris.home },
		});
		let out = "", err = "";
		shell.stdout.setEncoding("utf8").on("data", (d) => (out += d));
		shell.stderr.setEncoding("utf8").on("data", (d) => (err += d));
		const ended = once(shell, "close");
		shell.stdin.end(list.map((e) => `${e.command}\ns=$?; echo; echo "=== $s"\n`).join(""));
		await within(180000, ended, "the examples to end");
		const results = out.split(/\n=== (\d+)\n/);
		list.forEach((e, i) => {
			const said = results[2 * i], status = Number(results[2 * i + 1]);
			const problem = e.output.some((l) => l.includes("urn:iris:error"));
			assert.equal(status, problem ? 22 : 0, `$ ${e.command}\n${said}\n${err}`);
			if (e.output.length > 0)
				assert.match(said, pattern(e.output), `$ ${e.command}`);
			else
				assert.equal(said, "", `$ ${e.command}`);
		});
	});
});
