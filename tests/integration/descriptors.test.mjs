/* SPDX-License-Identifier: MIT
 *
 * irisd with few descriptors: whatever connects, it lives, the CLI gets its answers, and who is
 * connected is served. Sessions of Claude Code that there is no room for are told so.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { run } from "../lib/iris.mjs";
import { assert, assertServes, connectRaw, fdCount, startShim, startTeams, status, waitFor, within } from "./setup.mjs";

const LIMIT = 48;
const WORDS = new RegExp(`^irisd has \\d+ of its ${LIMIT} file descriptors in use, and keeps the rest for its own work; ` +
	"end some sessions of Claude Code, or raise the limit \\(ulimit -n\\) and run \"iris restart\"$");
const INIT = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "crowd", version: "1" } };

/* Time that a process has used, in ticks of 10 ms. */
const ticks = (pid) => readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ").slice(11, 13)
	.reduce((n, t) => n + Number(t), 0);

describe("few descriptors", { skip: process.platform !== "linux" }, () => {
	let iris, pid, shims;

	beforeEach(async () => {
		shims = [];
		iris = await startTeams({ frontend: {}, backend: {}, docs: {} },
			{ wrap: ["sh", "-c", `ulimit -n ${LIMIT}; exec "$0" "$@"`] });
		({ pid } = await status(iris));
	});
	afterEach(async () => {
		await Promise.all(shims.map((s) => s.finish()));
		assert.equal((await status(iris)).pid, pid, "the same irisd has served all of it");
		await assertServes(iris, "backend");
		assert.deepEqual((await status(iris)).warnings, []);
		await waitFor(() => fdCount(pid) < LIMIT / 2, { what: "the descriptors to be closed" });
		await iris.stop();
	});

	const statusInTime = async () => {
		const start = performance.now();
		const st = await status(iris);
		assert.ok(performance.now() - start < 10000, `iris status took ${performance.now() - start} ms`);
		assert.equal(st.pid, pid);
		return st;
	};

	test("100 shims: as many as there is room for are served, the others are told; irisd goes on working", async () => {
		const first = await iris.client({ cwd: iris.dirs.frontend });
		shims = Array.from({ length: 100 }, () => startShim(iris, { cwd: iris.dirs.frontend }));
		const answers = await Promise.all(shims.map((s) => s.request("initialize", INIT, { deadline: 30000 })));
		const refused = answers.filter((a) => a.error);
		assert.ok(refused.length >= 60 && refused.length < 95, `${refused.length} of 100 were refused`);
		for (const { error } of refused) {
			assert.equal(error.data.code, "limit");
			assert.match(error.message.replace("irisd refused the connection: ", ""), WORDS);
		}
		for (const a of answers.filter((x) => !x.error))
			assert.equal(a.result.serverInfo.name, "iris");

		const st = await statusInTime();
		assert.match(st.warnings.at(-1), WORDS);
		assert.match((await iris.iris(["status"])).stdout, /warning: irisd has \d+ of its 48 file descriptors in use/);
		assert.ok(fdCount(pid) <= LIMIT - 8, `${fdCount(pid)} descriptors are open: too little is kept back`);
		/* Workers start, and who is connected is served, also by the CLI. */
		assert.equal((await iris.call(first, "ask_message", { toTeam: "backend", message: "ECHO from the first" })).response, "from the first");
		assert.equal((await iris.json(["ask", "docs", "ECHO by the CLI"])).response, "by the CLI");
		const served = shims[answers.findIndex((a) => !a.error)];
		const r = await served.request("tools/call", { name: "ask_message", arguments: { toTeam: "docs", message: "ECHO from the crowd" } });
		assert.equal(r.result.structuredContent.response, "from the crowd");

		/* Nobody spins; a refused one asks again only for its next request, and is told again. */
		const before = [pid, ...shims.map((s) => s.child.pid)].map(ticks), start = performance.now();
		await waitFor(() => performance.now() - start >= 1000, { every: 200 });
		const used = [pid, ...shims.map((s) => s.child.pid)].map((p, i) => ticks(p) - before[i]);
		assert.ok(Math.max(...used) <= 20, `ticks of 10 ms in a second without work: ${used}`);
		const lost = shims[answers.findIndex((a) => a.error)];
		assert.equal((await lost.request("initialize", INIT)).error.data.code, "limit");

		/* When others have gone, there is room for it. */
		const rest = shims.filter((s) => s !== lost && s !== served);
		await Promise.all(rest.map((s) => s.finish()));
		assert.equal((await lost.request("initialize", INIT)).result.serverInfo.name, "iris");
		shims = [lost, served];
		await first.close();
		iris.clients = [];
	});

	test("connections that never say hello are in nobody's way", async () => {
		const ctl = await connectRaw(iris, { role: "ctl" });
		const crowd = Array.from({ length: 100 }, () => connect(iris.socket).on("error", () => {}));
		await waitFor(() => /idle connection closed, descriptors are short/.test(iris.log()), { what: "the first of them to be closed" });
		await statusInTime();
		assert.ok((await ctl.request("iris/team.list", {})).result);
		await assertServes(iris, "backend");
		const idle = ticks(pid), since = performance.now();
		await waitFor(() => performance.now() - since >= 1000, { every: 200 });
		assert.ok(ticks(pid) - idle <= 20, `${ticks(pid) - idle} ticks of 10 ms in a second without work`);
		for (const s of crowd)
			s.destroy();
		ctl.socket.destroy();
		await waitFor(async () => (await status(iris)).connections <= 1, { what: "all of them to be gone" });
	});

	test("connections of the CLI that wait leave room for those that only ask", async () => {
		const raws = [];
		let error;
		for (let i = 0; i < 40 && !error; i++) {
			const raw = await connectRaw(iris, { role: "ctl" });
			raws.push(raw);
			raw.send({ jsonrpc: "2.0", id: 1, method: "iris/message.send", params: { to: "backend", message: `HOLD ${iris.root}/gate`, stream: true } });
			const first = await raw.line((l) => l.id === 1 || l.method === "iris/message.event");
			({ error } = first);
		}
		assert.equal(error?.data?.code, "limit", `${raws.length} calls wait`);
		assert.match(error.message, /too many to wait for an answer over one more; "iris send" does not wait/);
		await statusInTime();
		const { id } = await iris.json(["send", "docs", "ECHO without waiting"]);
		await iris.messageIn(id, "answered");
		for (const m of (await iris.json(["message", "list", "--limit", "100"])).messages)
			await iris.json(["message", "cancel", m.id]);
		for (const raw of raws)
			raw.socket.destroy();
		await waitFor(async () => (await status(iris)).connections <= 1, { what: "all of them to be gone" });
	});

	test("idle connections of the CLI give way at last", async () => {
		const raws = [];
		for (let i = 0; i < LIMIT; i++)
			raws.push(await within(10000, connectRaw(iris, { role: "ctl" }), `connection ${i}`));
		await statusInTime();
		assert.ok(raws.some((r) => r.ended), "the oldest were closed");
		const told = raws.find((r) => r.ended).got.at(-1);
		assert.equal(told.error.data.code, "limit");
		for (const raw of raws)
			raw.socket.destroy();
		await waitFor(async () => (await status(iris)).connections <= 1, { what: "all of them to be gone" });
	});

	test("the limit is taken away under its feet: it lives, and goes on when it is back", async () => {
		const ctl = await connectRaw(iris, { role: "ctl" });
		const file = join(iris.home, "config.yaml"), config = JSON.parse(readFileSync(file, "utf8"));
		Object.assign(config.settings, { hotReloadConfig: true, maxQueue: 500 });
		const written = () => {
			config.settings.maxQueue += 1;
			writeFileSync(file, JSON.stringify(config));
		};
		written();
		assert.equal((await ctl.request("iris/config.reload", {})).error, undefined);
		const reloads = () => iris.log().match(/configuration reloaded/g)?.length ?? 0, first = reloads();
		assert.equal((await run("prlimit", ["--pid", String(pid), `--nofile=8:${LIMIT}`])).status, 0);
		const late = startShim(iris, { cwd: iris.dirs.frontend });
		shims.push(late);
		const answer = late.request("initialize", INIT, { deadline: 60000 });
		/* Nor is there one for watching the configuration again, after it has changed. */
		written();
		const start = performance.now();
		while (performance.now() - start < 1000)
			assert.ok((await ctl.request("iris/team.list", {})).result);
		await waitFor(() => /the configuration can not be watched/.test(iris.log()), { what: "irisd to fail to watch it" });
		assert.equal((await run("prlimit", ["--pid", String(pid), `--nofile=${LIMIT}:${LIMIT}`])).status, 0);
		assert.equal((await answer).result.serverInfo.name, "iris");
		await waitFor(() => reloads() > first, { what: "the change to be seen" });
		const before = reloads();
		written();
		await waitFor(() => reloads() > before, { what: "the next change to be seen" });
		ctl.socket.destroy();
	});
});
