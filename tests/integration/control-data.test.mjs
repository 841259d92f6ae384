/* SPDX-License-Identifier: MIT
 *
 * What turns cost, what the log says, what runs and what it uses: by control calls.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { assert, claudes, connectRaw, startTeams, workers } from "./setup.mjs";

/* As date(1) has it here, since irisd counts by the days of its time zone. */
const today = () => execFileSync("date", ["+%Y-%m-%d"], { encoding: "utf8" }).trim();

describe("costs, logs and processes by control calls", () => {
	let iris, raw;

	const call = async (method, params = {}) => {
		const r = await raw.request(`iris/${method}`, params);
		assert.equal(r.error, undefined, `${method}: ${JSON.stringify(r.error)}`);
		return r.result;
	};
	const failed = async (method, params) => (await raw.request(`iris/${method}`, params)).error;
	const ask = async (to, message, from) => {
		const m = await call("message.send", { to, message, from });
		assert.equal(m.state, "answered");
		return m;
	};
	/* irisd keeps the database to itself. */
	const sql = async (text) => {
		raw.socket.destroy();
		await iris.end(30000);
		execFileSync("sqlite3", [join(iris.home, "iris.db"), text]);
		await iris.start();
		raw = await connectRaw(iris, { role: "ctl" });
	};

	beforeEach(async () => {
		iris = await startTeams({ a: {}, b: {} });
		raw = await connectRaw(iris, { role: "ctl" });
	});
	afterEach(async () => {
		raw.socket.destroy();
		await iris.stop();
	});

	test("costs: a turn counts once, on the day of its end, with what its message has", async () => {
		const zero = { messages: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0 };
		assert.deepEqual(await call("cost.list"), { costs: [], total: zero });
		const before = today();
		const one = await ask("b", "ECHO 1", "a"), two = await ask("b", "ECHO 2", "a");
		const { costs, total } = await call("cost.list", { by: "day,team,from" });
		if (before !== today())
			return; /* midnight has come between */
		const use = (m) => m.usage;
		assert.ok(use(one).inputTokens > 0, JSON.stringify(one));
		assert.deepEqual(costs.map((c) => [c.day, c.team, c.from, c.messages]), [[before, "b", "a", 2]]);
		for (const name of ["inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens"])
			assert.equal(costs[0][name], use(one)[name] + use(two)[name], name);
		assert.ok(Math.abs(costs[0].costUsd - use(one).costUsd - use(two).costUsd) < 1e-9);
		const { day: _d, team: _t, from: _f, ...sums } = costs[0];
		assert.deepEqual(total, sums);
	});

	test("costs: sums by day, team and sender, and of days from and to", async () => {
		const row = (day, from, to, n, cost) => `INSERT INTO cost VALUES ('${day}', '${from}', '${to}', ${n}, ${n * 10}, ${n * 20}, ${n * 30}, ${n * 40}, ${cost});`;
		await sql(row("2026-01-30", "a", "b", 1, 0.5) + row("2026-01-31", "a", "b", 2, 0.25) + row("2026-01-31", "c", "b", 4, 1) + row("2026-02-01", "b", "a", 8, 2));
		const of = async (params) => (await call("cost.list", params)).costs.map(({ day, team, from, messages, costUsd }) =>
			[day, team, from, messages, costUsd].filter((v) => v !== undefined));
		assert.deepEqual(await of({}), [["2026-01-30", "b", 1, 0.5], ["2026-01-31", "b", 6, 1.25], ["2026-02-01", "a", 8, 2]]);
		assert.deepEqual(await of({ by: "team" }), [["a", 8, 2], ["b", 7, 1.75]]);
		assert.deepEqual(await of({ by: "from,team", sinceDay: "2026-01-31" }), [["a", "b", 8, 2], ["b", "a", 2, 0.25], ["b", "c", 4, 1]]);
		assert.deepEqual(await of({ by: "day", sinceDay: "2026-01-31", untilDay: "2026-01-31" }), [["2026-01-31", 6, 1.25]]);
		const r = await call("cost.list", { by: "", untilDay: "2026-01-31" });
		assert.deepEqual(r, { costs: [], total: { messages: 7, inputTokens: 70, outputTokens: 140, cacheReadTokens: 210, cacheCreationTokens: 280, costUsd: 1.75 } });
		for (const params of [{ by: "week" }, { by: "day;team" }, { sinceDay: "yesterday" }, { untilDay: "2026-1-1" }, { sinceDay: 5 }])
			assert.equal((await failed("cost.list", params)).data.code, "invalid", JSON.stringify(params));
	});

	test("costs: of more rows than an answer has the last come, and that there are more is said", async () => {
		const many = (n) => `WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < ${n - 1})
			INSERT INTO cost SELECT date('2026-01-01', (n / 100) || ' days'), 'f' || (n % 100), 'b', 1, 1, 1, 1, 1, 0.5 FROM i`;
		await sql(many(10001));
		const { costs, total, more } = await call("cost.list", { by: "day,team,from" });
		assert.equal(costs.length, 10000);
		assert.deepEqual([costs[0], costs.at(-1)].map((c) => [c.day, c.from]), [["2026-01-01", "f1"], ["2026-04-11", "f0"]]);
		assert.equal(more, true);
		assert.equal(total.messages, 10001);
		assert.equal((await call("cost.list", { by: "day,team,from", sinceDay: "2026-01-02" })).more, undefined);
	});

	test("logs: the newest that fit, oldest first, with their whole lines", async () => {
		await ask("b", "ECHO 1", "a");
		const all = (await call("log.list", { limit: 5000 })).lines;
		const text = iris.log();
		assert.ok(all.length > 5);
		for (const l of all) {
			assert.ok(text.includes(l.raw), l.raw);
			if (l.component !== "stderr")
				assert.ok(l.raw.includes(`${l.level} ${l.component}[${l.pid}] ${l.message}`), JSON.stringify(l));
		}
		/* Two processes may write their lines in another order than they have looked at the clock. */
		for (const pid of new Set(all.map((l) => l.pid))) {
			const at = all.filter((l) => l.pid === pid).map((l) => l.at);
			assert.deepEqual(at, at.toSorted((x, y) => x - y));
		}
		const info = (await call("log.list", { level: "info", component: "irisd", limit: 3 })).lines;
		assert.equal(info.length, 3);
		assert.ok(info.every((l) => l.level === "info" && l.component === "irisd"));
		const found = (await call("log.list", { contains: "ANSWERED id=" })).lines;
		assert.deepEqual(found.map((l) => l.message.split(" id=")[0]), ["message answered"]);
		const { at } = all.at(-1);
		assert.ok((await call("log.list", { since: at })).lines.every((l) => l.at >= at));
		assert.equal((await call("log.list", { since: at + 1e9 })).lines.length, 0);
		assert.equal((await failed("log.list", { level: "loud" })).data.code, "invalid");
		assert.equal((await call("log.list", { level: "debug,error" })).lines.filter((l) => !["debug", "error"].includes(l.level)).length, 0);
	});

	test("processes: each with what it uses, and how it was started", async () => {
		await ask("b", "ECHO 1", "a");
		const { processes } = await call("process.list");
		const of = (kind) => processes.filter((p) => p.kind === kind);
		assert.deepEqual(processes.map((p) => p.kind), ["irisd", "worker", "claude"]);
		assert.equal(of("irisd")[0].pid, iris.daemon.pid);
		assert.deepEqual([of("worker")[0].pid, of("worker")[0].team], [workers(iris)[0].pid, "b"]);
		const claude = of("claude")[0], session = (await call("session.list")).sessions.find((s) => s.to === "b");
		assert.deepEqual([claude.pid, claude.team, claude.from, claude.sessionId, claude.state], [claudes(iris)[0].pid, "b", "a", session.sessionId, session.state]);
		assert.deepEqual(claude.argv, readFileSync(`/proc/${claude.pid}/cmdline`, "utf8").split("\0").slice(0, -1));
		assert.ok(claude.argv.includes("stream-json"));
		for (const p of processes) {
			assert.ok(p.rss > 100_000 && p.rss < 1e10, `rss ${p.rss}`);
			assert.ok(p.cpu >= 0 && p.cpu < 600_000, `cpu ${p.cpu}`);
			assert.ok(p.uptime >= 0 && p.uptime < 600_000, `uptime ${p.uptime}`);
			assert.ok(Math.abs(Date.now() - p.uptime - p.startedAt) < 5000, `started ${p.startedAt}`);
		}
		await call("team.sleep", { team: "b" });
		assert.deepEqual((await call("process.list")).processes.filter((p) => p.kind === "claude"), []);
	});

	test("stats: pool, messages, irisd and the machine", async () => {
		await ask("b", "ECHO 1", "a");
		const o = await call("daemon.stats");
		assert.deepEqual(Object.keys(o), ["pool", "messages", "irisd", "host"]);
		assert.deepEqual(o.pool, { active: 1, max: 10, waiting: 0, queued: 0 });
		assert.equal(o.messages.answered, 1);
		assert.equal(o.irisd.pid, iris.daemon.pid);
		assert.ok(o.irisd.rss > 1e6);
		assert.equal(o.host.load.length, 3);
		assert.ok(o.host.cpus >= 1 && o.host.memTotal > o.host.memAvailable && o.host.memAvailable > 0);
	});
});
