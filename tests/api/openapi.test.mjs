/* SPDX-License-Identifier: MIT
 *
 * The REST API against its description, share/api/openapi.json: the two name the same operations,
 * every operation is called, and every answer, also an error, is what the description says.
 */
import { createServer } from "node:http";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { freePort, makeKey, startHttp } from "../lib/http.mjs";
import { Client, checkAnswer, document, fails, operations, tableRows } from "../lib/openapi.mjs";
import { assert, connectRaw, waitFor, within } from "../integration/setup.mjs";

const sorted = (list) => [...list].sort();
const named = (o) => `${o.method} ${o.path}`;
/* Not a row: it is no call that is answered once. */
const EVENTS = "GET /api/v1/events";

describe("the description", () => {
	test("has the operations of irisd/web/api_table.h, with their scopes, and no others", () => {
		const rows = tableRows();
		assert.ok(rows.length > 50, `${rows.length} rows found`);
		assert.deepEqual(sorted(operations.map((o) => `${named(o)} ${o.scope}`)),
			sorted([...rows.map((r) => `${named(r)} ${r.scope}`), `${EVENTS} read`]));
		for (const r of rows.filter((row) => row.operation))
			assert.equal(operations.find((o) => named(o) === named(r)).id, r.operation);
		assert.equal(new Set(operations.map((o) => o.id)).size, operations.length);
	});

	test("has the parameters and members that the table has, with their types", () => {
		for (const r of tableRows()) {
			const { operation } = operations.find((o) => named(o) === named(r));
			const query = (operation.parameters ?? []).filter((p) => p.in === "query");
			assert.deepEqual(sorted(query.map((p) => `${p.name}:${p.schema.type ?? "string"}`)),
				sorted(r.query.split(" ").filter(Boolean)), named(r));
			assert.deepEqual(sorted((operation.parameters ?? []).filter((p) => p.in === "path").map((p) => p.name)),
				sorted([...r.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1])), named(r));
			if (["-", ""].includes(r.body) || r.body.includes("*"))
				continue;
			const schema = operation.requestBody.content["application/json"].schema;
			assert.equal(schema.additionalProperties, false, named(r));
			assert.deepEqual(sorted(Object.entries(schema.properties).map(([name, s]) =>
				`${name}:${s.type ?? (s.enum ? "string" : "any")}${schema.required?.includes(name) ? "!" : ""}`)),
			sorted(r.body.split(" ").filter(Boolean)), named(r));
			assert.equal(operation.requestBody.required, r.body.includes("!"), named(r));
			assert.ok(operation.responses[r.status], `${named(r)} ${r.status}`);
		}
	});

	test("has scopes as irisd/net/control_table.h has them", () => {
		const table = readFileSync(new URL("../../irisd/net/control_table.h", import.meta.url), "utf8");
		for (const r of tableRows().filter((row) => row.control && row.scope !== "-")) {
			const m = table.match(new RegExp(`"${r.control.replace(".", "\\.")}",\\s*"([^"]*)"`));
			assert.ok(m, `${r.control} is a control method`);
			/* Every key may end itself. */
			if (r.operation !== "logout")
				assert.equal(r.scope, m[1], named(r));
		}
	});

	test("has examples that are what they are examples of", () => {
		let n = 0;
		for (const { id, operation } of operations) {
			const contents = [operation.requestBody?.content, ...Object.values(operation.responses).map((r) => r.content)];
			for (const content of contents.filter(Boolean).flatMap((c) => Object.values(c)).filter((c) => "example" in c)) {
				assert.equal(fails(content.schema, content.example), null, id);
				n++;
			}
		}
		assert.ok(n >= 5, `${n} examples`);
	});
});

describe("every operation", () => {
	const called = new Set();
	let iris, api, hook, hooked, nobody;

	before(async () => {
		hook = createServer((req, res) => {
			req.resume().on("end", () => res.writeHead(204).end());
			hooked.push(req.headers);
		});
		hooked = [];
		hook.listen(0, "127.0.0.1");
		await once(hook, "listening");
		nobody = await freePort();
		iris = await startHttp({
			frontend: { color: "#2266aa" },
			backend: {},
			far: { path: "/srv/far", remote: `ssh -p ${nobody} nobody@127.0.0.1`, remoteOptions: { connectTimeout: 1000 } },
		});
		api = new Client(iris.port, await makeKey(iris, "admin"), { called });
	});
	after(async () => {
		hook.close();
		await iris.stop();
	});

	const home = () => `/sessions/${encodeURIComponent("guest:key:test")}/backend`;

	test("login, me, logout", async () => {
		const ctl = await connectRaw(iris, { role: "ctl" });
		const { token } = (await ctl.request("iris/login.create", { scope: "read" })).result;
		ctl.socket.destroy();
		const stranger = new Client(iris.port, undefined, { called });
		const r = await stranger.ask("POST", "/api/v1/login", { body: { token } });
		assert.equal(r.status, 200, r.text);
		assert.deepEqual(r.json().scopes, ["read"]);
		const cookie = r.headers["set-cookie"][0];
		assert.match(cookie, new RegExp(`^iris_${iris.port}=iris_[0-9a-f]{40}; HttpOnly; SameSite=Strict; Path=/; Max-Age=\\d+$`));
		await stranger.refused(401, "unauthorized", "POST", "/api/v1/login", { body: { token } });
		const headers = { cookie: cookie.split(";")[0], "x-iris-csrf": r.json().csrf };
		const me = (await stranger.ask("GET", "/api/v1/me", { headers })).json();
		assert.equal(me.name, "dashboard");
		assert.equal(me.version, document.info.version);
		const out = await stranger.ask("POST", "/api/v1/logout", { headers });
		assert.equal(out.status, 204);
		assert.match(out.headers["set-cookie"][0], new RegExp(`^iris_${iris.port}=;.* Max-Age=0$`));
		await stranger.refused(401, "unauthorized", "GET", "/api/v1/me", { headers });
		assert.equal((await api.get("/me")).from, "guest:key:test");
	});

	test("the description itself, without a key", async () => {
		const r = await new Client(iris.port, undefined, { called }).ask("GET", "/api/v1/openapi.json");
		assert.deepEqual(r.json(), document);
		const again = await api.ask("GET", "/api/v1/openapi.json", { headers: { "if-none-match": r.headers.etag } });
		assert.equal(again.status, 304);
	});

	test("teams: list, pages, add, change, wake, sleep, remove", async () => {
		assert.deepEqual((await api.get("/teams")).items.map((t) => t.name), ["backend", "far", "frontend"]);
		const seen = [];
		for (let cursor = "", n = 0; n < 10 && cursor !== undefined; n++) {
			const page = await api.get(`/teams?limit=1${cursor && `&cursor=${cursor}`}`);
			assert.equal(page.items.length, 1);
			seen.push(page.items[0].name);
			cursor = page.nextCursor;
		}
		assert.deepEqual(seen, ["backend", "far", "frontend"]);
		const made = await api.ask("POST", "/api/v1/teams", { body: { name: "late", path: iris.project("late"), color: "#aa6622" } });
		assert.equal(made.status, 201, made.text);
		assert.equal(made.headers.location, "/api/v1/teams/late");
		assert.equal(made.json().color, "#aa6622");
		assert.equal((await api.get(made.headers.location.slice(7))).name, "late");
		const changed = await api.ok(200, "PATCH", "/api/v1/teams/late", { color: null, description: "a third one" });
		assert.equal(changed.color, undefined);
		assert.equal(changed.description, "a third one");
		assert.equal((await api.post("/teams/late/wake", {})).status, "awake");
		assert.equal((await api.post("/teams/late/sleep", { force: true })).status, "sleeping");
		assert.equal((await api.post("/teams/late/wake")).status, "awake");
		await api.ok(204, "DELETE", "/api/v1/teams/late");
		await api.refused(404, "not_found", "GET", "/api/v1/teams/late");
		const { items } = await api.post("/teams/wake");
		assert.deepEqual(items.map((i) => [i.team, i.status ?? "failed"]), [["backend", "awake"], ["far", "failed"], ["frontend", "awake"]]);
	});

	test("messages: asked, waited for, listed, found, cancelled", async () => {
		const asked = await api.post("/teams/backend/ask", { message: "ECHO the port is 8080", timeout: 20000 });
		assert.equal(asked.response, "the port is 8080");
		const job = await api.ask("POST", "/api/v1/teams/backend/ask", { body: { message: "ECHO later" }, headers: { prefer: "respond-async", "idempotency-key": "one" } });
		assert.equal(job.status, 202);
		assert.equal(job.headers.location, `/api/v1/messages/${job.json().id}`);
		const same = await api.ask("POST", "/api/v1/teams/backend/ask", { body: { message: "ECHO later", timeout: 20000 }, headers: { "idempotency-key": "one" } });
		assert.equal(same.json().id, job.json().id);
		await api.refused(400, "invalid", "POST", "/api/v1/teams/backend/ask", { body: { message: "ECHO other" }, headers: { "idempotency-key": "one" } });
		const got = await api.get(`${job.headers.location.slice(7)}?wait=20000`);
		assert.equal(got.response, "later");
		assert.deepEqual(got.receipts.map((r) => r.state), ["queued", "sent", "seen", "answered"]);
		assert.equal((await api.get("/messages?team=backend&state=answered")).items.length, 2);
		assert.equal((await api.get("/messages?team=frontend")).items.length, 0);
		const first = await api.get("/messages?limit=1");
		assert.equal(first.items[0].id, got.id);
		const second = await api.get(`/messages?limit=1&cursor=${first.nextCursor}`);
		assert.equal(second.items[0].id, asked.id);
		assert.equal(second.nextCursor, undefined);
		assert.deepEqual((await api.get("/messages?q=8080&team=backend")).items.map((m) => m.id), [asked.id]);
		assert.deepEqual((await api.get("/messages?q=8080&team=frontend")).items, []);
		/* What ended last comes first, page by page; what does not fit takes no place. */
		const found = await api.get("/messages?q=ECHO&limit=1");
		assert.deepEqual(found.items.map((m) => m.id), [got.id]);
		const rest = await api.get(`/messages?q=ECHO&limit=1&cursor=${found.nextCursor}`);
		assert.deepEqual([rest.items.map((m) => m.id), rest.nextCursor], [[asked.id], undefined]);
		assert.deepEqual((await api.get("/messages?q=ECHO&limit=1&state=failed")).items, []);
		const held = (await api.ok(202, "POST", "/api/v1/teams/backend/ask", { message: `HOLD ${join(iris.root, "never")}`, timeout: -1 })).id;
		await waitFor(async () => (await api.get(`/messages/${held}`)).state === "seen", { what: "the turn to run", every: 25 });
		const slow = await api.ok(202, "POST", "/api/v1/teams/backend/ask", { message: "ECHO queued", timeout: 50 });
		assert.equal(slow.waited, true);
		assert.equal((await api.post(`/messages/${slow.id}/cancel`)).state, "cancelled");
		assert.equal((await api.post(`/messages/${held}/cancel`)).state, "cancelled");
	});

	test("an answer that streams: steps, text, and the message", async () => {
		const r = await api.ask("POST", "/api/v1/teams/backend/ask", { body: { message: "ECHO as it comes" }, headers: { accept: "text/event-stream" } });
		assert.equal(r.status, 200);
		await within(20000, r.ended, "the end of the stream");
		const events = r.text.split("\n\n").filter((e) => e.startsWith("event: "))
			.map((e) => [e.match(/^event: (.*)$/m)[1], JSON.parse(e.match(/^data: (.*)$/m)[1])]);
		for (const [name, data] of events)
			if (name !== "delta")
				assert.equal(fails({ $ref: `#/components/schemas/${name === "result" ? "Message" : "MessageEvent"}` }, data), null, JSON.stringify(data));
		assert.deepEqual(events.filter(([n]) => n === "message").map(([, e]) => e.state).filter((s, i, all) => s !== all[i - 1]), ["queued", "sent", "seen"]);
		assert.equal(events.filter(([n]) => n === "delta").map(([, e]) => e.text).join(""), "as it comes");
		assert.deepEqual([events.at(-1)[0], events.at(-1)[1].state, events.at(-1)[1].response], ["result", "answered", "as it comes"]);
	});

	test("sessions: listed, reported on, compacted, forked, begun anew, forgotten", async () => {
		assert.deepEqual((await api.get("/sessions?team=backend")).items.map((s) => s.from), ["guest:key:test"]);
		const session = await api.get(home());
		assert.equal(session.to, "backend");
		assert.equal((await api.get(`${home()}/report`)).entries.at(-1).tellString, "ECHO as it comes");
		assert.equal((await api.post(`${home()}/compact`)).state, "answered");
		assert.equal((await api.post(`${home()}/fork`, {})).sessionId, session.sessionId);
		const anew = await api.post(`${home()}/reboot`, { force: true });
		assert.equal(anew.oldSessionId, session.sessionId);
		await api.post("/teams/backend/ask", { message: "ECHO anew" });
		assert.equal((await api.ok(200, "DELETE", `/api/v1${home()}?force=true`)).hadSession, true);
		assert.equal((await api.get(home())).messages, 0);
		assert.equal((await api.ok(200, "DELETE", `/api/v1${home()}`, { force: true })).hadSession, false);
		await api.refused(404, "not_found", "GET", "/api/v1/sessions/frontend/backend");
	});

	test("approvals, rules and the audit", async () => {
		const ask = async () => {
			const { id } = await api.ok(202, "POST", "/api/v1/teams/backend/ask", { message: "PERM Write", timeout: -1 });
			const p = await waitFor(async () => (await api.get("/approvals?all=false")).items[0], { what: "a request", every: 25 });
			return { id, p };
		};
		const { id, p } = await ask();
		assert.equal(p.message, id);
		assert.equal((await api.get(`/approvals/${p.id}`)).tool, "Write");
		await api.refused(400, "invalid", "POST", `/api/v1/approvals/${p.id}/answer`, { body: { behavior: "allow", inputHash: "0".repeat(64) } });
		const answer = await api.post(`/approvals/${p.id}/answer`, { behavior: "deny", inputHash: p.inputHash, reason: "not today" });
		assert.deepEqual([answer.permission.state, answer.permission.via], ["denied", "web"]);
		assert.match(answer.permission.by, /^key test \([0-9a-f]{12}\)$/);
		await api.get(`/messages/${id}?wait=20000`);
		assert.deepEqual((await api.get("/approvals")).items.map((r) => r.state), ["denied"]);
		const late = await api.refused(409, "refused", "POST", `/api/v1/approvals/${p.id}/answer`, { body: { behavior: "allow", inputHash: p.inputHash } });
		assert.deepEqual([late.state, late.title], ["denied", "it was decided already"]);
		const rule = await api.ok(201, "POST", "/api/v1/rules", { rule: "Bash(make check)", team: "backend", expires: 60000 });
		assert.equal(rule.state, "active");
		assert.deepEqual((await api.get("/rules")).items, [rule]);
		await api.ok(204, "DELETE", `/api/v1/rules/${rule.id}`);
		assert.equal((await api.get("/rules")).items[0].state, "revoked");
		const audit = await api.get("/audit?limit=2&seq=1");
		assert.equal(audit.items.length, 2);
		const rest = await api.get(`/audit?cursor=${audit.nextCursor}`);
		assert.equal(rest.items[0].seq, 3);
		assert.deepEqual([rest.nextCursor, rest.items.at(-1).seq, rest.items.at(-1).hash], [undefined, rest.seq, rest.head]);
		assert.equal((await api.get("/audit/verify")).good, true);
	});

	test("status, figures, processes, logs, costs", async () => {
		assert.equal((await api.get("/status")).teams, 3);
		await api.get("/stats");
		const { items } = await api.get("/processes");
		assert.ok(items.some((p) => p.kind === "irisd" && p.pid === iris.daemon.pid), JSON.stringify(items));
		assert.ok(items.some((p) => p.kind === "web"));
		const lines = (await api.get("/logs?limit=5&level=info")).items;
		assert.ok(lines.length > 0 && lines.length <= 5);
		const raw = await api.ask("GET", "/api/v1/logs?limit=5", { headers: { accept: "text/plain" } });
		assert.match(raw.text, /^\d{4}-\d\d-\d\dT.* irisd\[\d+\] /);
		assert.match(raw.headers["content-disposition"], /^attachment/);
		const costs = await api.get("/costs?by=team,from");
		assert.equal(costs.items[0].team, "backend");
		assert.ok(costs.total.costUsd > 0);
	});

	test("the configuration: read, checked, changed, read again", async () => {
		const r = await api.ask("GET", "/api/v1/config");
		const config = r.json();
		assert.equal(r.headers.etag, `"${config.etag}"`);
		assert.equal(config.yaml, readFileSync(join(iris.home, "config.yaml"), "utf8"));
		assert.equal((await api.ask("GET", "/api/v1/config", { headers: { "if-none-match": r.headers.etag } })).status, 304);
		assert.ok((await api.get("/config/schema")).sections.some((s) => s.name === "settings" && s.keys.some((k) => k.name === "maxProcesses")));
		const yaml = { "content-type": "application/yaml" };
		const text = `# kept\n${config.yaml}`;
		const check = (await api.ask("POST", "/api/v1/config/validate", { body: text, headers: yaml })).json();
		assert.deepEqual([check.valid, check.yaml], [true, text]);
		assert.match(check.diff, /^\+# kept$/m);
		assert.equal((await api.ask("POST", "/api/v1/config/validate", { body: "settings: [", headers: yaml })).json().valid, false);
		await api.refused(428, "invalid", "PUT", "/api/v1/config", { body: text, headers: yaml });
		const stale = await api.refused(412, "refused", "PUT", "/api/v1/config", { body: text, headers: { ...yaml, "if-match": `"${"0".repeat(64)}"` } });
		assert.equal(stale.etag, config.etag);
		assert.equal(stale.title, "it has changed since it was read");
		const bad = await api.refused(422, "config", "PUT", "/api/v1/config", { body: "settings: {maxProcesses: many}\n", headers: { ...yaml, "if-match": r.headers.etag } });
		assert.match(bad.errors[0].message, /maxProcesses/);
		const put = await api.ask("PUT", "/api/v1/config", { body: text, headers: { ...yaml, "if-match": r.headers.etag } });
		assert.equal(put.status, 200, put.text);
		assert.equal(put.headers.etag, `"${put.json().etag}"`);
		const merged = await api.ok(200, "PUT", "/api/v1/config", { config: { settings: { maxProcesses: 7 } } });
		assert.deepEqual(merged.settings.map((s) => [s.name, s.new]), [["settings.maxProcesses", "7"]]);
		assert.match(merged.yaml, /^# kept$/m);
		assert.deepEqual((await api.post("/config/reload")).changed, []);
	});

	test("keys: made, listed, ended", async () => {
		const made = await api.ok(201, "POST", "/api/v1/keys", { name: "ci", scope: "read,message", team: "backend", expires: 60000 });
		assert.match(made.key, /^iris_[0-9a-f]{64}$/);
		const listed = (await api.get("/keys")).items.find((k) => k.id === made.id);
		assert.equal(listed.key, undefined);
		const ci = new Client(iris.port, made.key, { called });
		assert.deepEqual([(await ci.get("/me")).from, (await ci.get("/me")).team], ["backend", "backend"]);
		await api.ok(204, "DELETE", `/api/v1/keys/${made.id}`);
		await ci.refused(401, "unauthorized", "GET", "/api/v1/me");
		await api.refused(404, "not_found", "DELETE", "/api/v1/keys/0123456789ab");
	});

	test("webhooks: listed, one of them, tried again", async () => {
		const url = `http://127.0.0.1:${hook.address().port}/done`;
		const { id } = await api.post("/teams/backend/ask", { message: "ECHO told", webhook: url });
		await waitFor(() => hooked.length === 1, { what: "the delivery", every: 25 });
		const d = await waitFor(async () => {
			const [one] = (await api.get("/webhooks")).items;
			return one?.state === "delivered" && one;
		}, { what: "it to be known", every: 25 });
		assert.deepEqual([d.message, d.url, d.lastStatus], [id, url, 204]);
		assert.deepEqual(await api.get(`/webhooks/${d.id}`), d);
		/* One that nobody takes may be tried again at once; one that was taken may not. */
		const lost = await api.post("/teams/backend/ask", { message: "ECHO lost", webhook: { url: `http://127.0.0.1:${nobody}/` } });
		const w = await waitFor(async () => (await api.get(`/webhooks?message=${lost.id}`)).items.find((one) => one.lastError !== undefined), { what: "the first try", every: 25 });
		assert.equal((await api.post(`/webhooks/${w.id}/retry`)).id, w.id);
		assert.deepEqual((await api.get("/webhooks?state=delivered")).items.map((one) => one.id), [d.id]);
		const first = await api.get("/webhooks?limit=1");
		assert.deepEqual([first.items[0].id, (await api.get(`/webhooks?limit=1&cursor=${first.nextCursor}`)).items[0].id], [w.id, d.id]);
		await api.refused(404, "not_found", "GET", "/api/v1/webhooks/019b7a1e-5c00-7000-8000-000000000001");
		await api.refused(403, "refused", "POST", "/api/v1/teams/backend/ask", { body: { message: "ECHO x", webhook: "http://192.0.2.1/" } });
	});

	test("teams on other machines", async () => {
		assert.deepEqual((await api.get("/remotes")).items.map((t) => [t.name, t.host, t.transport]), [["far", "127.0.0.1", "ssh"]]);
		const check = await api.post("/remotes/far/check");
		assert.equal(check.ok, false);
		assert.equal(check.steps.at(-1).ok, false);
		await api.refused(400, "invalid", "POST", "/api/v1/remotes/backend/check");
		assert.equal((await api.post("/remotes/far/revoke")).team, "far");
		assert.equal((await api.post("/remotes/far/grant")).team, "far");
	});

	test("live events", async () => {
		const r = await api.ask("GET", "/api/v1/events?topics=team,message");
		assert.equal(r.status, 200);
		await waitFor(() => r.text.includes("\n\n"), { what: "the first event", every: 25 });
		const hello = JSON.parse(r.text.match(/^data: (.*)$/m)[1]);
		assert.equal(fails({ $ref: "#/components/schemas/Event" }, hello), null);
		assert.equal(hello.type, "hello");
		r.res.destroy();
		called.add("getEvents");
		checkAnswer("GET", "/api/v1/events", await new Client(iris.port).ask("GET", "/api/v1/events"));
	});

	test("the routes of Iris MCP's dashboard", async () => {
		const legacy = async (status, method, path, body) => {
			const r = await api.ask(method, `/api${path}`, { body });
			assert.equal(r.status, status, r.text);
			assert.equal(r.json().success ?? (path.includes("report") ? undefined : null), path.includes("report") ? undefined : status === 200, r.text);
			return r.json();
		};
		assert.equal((await legacy(200, "GET", "/health")).status, "healthy");
		await api.post("/teams/backend/ask", { message: "ECHO hello" });
		const { sessions, poolStatus } = await legacy(200, "GET", "/processes");
		const one = sessions.find((s) => s.toTeam === "backend");
		assert.deepEqual([one.poolKey, one.processState, poolStatus.configuredTeams], ["guest:key:test->backend", "idle", 3]);
		assert.match(one.launchCommand, /--output-format stream-json/);
		const pair = `${encodeURIComponent("guest:key:test")}/backend`;
		assert.equal((await legacy(200, "GET", `/processes/${pair}`)).metrics.isReady, true);
		await legacy(404, "GET", "/processes/nobody/backend");
		assert.equal((await legacy(200, "GET", `/processes/report/${pair}`)).hasSession, true);
		assert.equal((await legacy(200, "POST", `/processes/sleep/${pair}`, {})).status, "sleeping");
		const launch = await legacy(500, "POST", "/processes/terminal/launch", { sessionId: one.sessionId });
		assert.match(launch.error, /--resume/);
		called.add("legacyLaunch");
		await legacy(404, "POST", "/processes/terminal/launch", { sessionId: "none" });
		assert.match((await legacy(400, "POST", "/processes/terminal/launch", {})).error, /sessionId is missing/);
		assert.equal((await legacy(200, "POST", `/processes/reboot/${pair}`, { force: true })).hadSession, true);
		await api.post("/teams/backend/ask", { message: "ECHO once more" });
		assert.equal((await legacy(200, "POST", `/processes/delete/${pair}`)).hadSession, true);
		const { config } = await legacy(200, "GET", "/config");
		assert.equal(config.settings.maxProcesses, 7);
		/* What the old server would have dropped stays. */
		const put = await legacy(200, "PUT", "/config", { settings: { maxProcesses: 8 } });
		assert.equal(put.configPath, join(iris.home, "config.yaml"));
		assert.match(readFileSync(put.configPath, "utf8"), /^# kept$/m);
	});

	test("was called", () => {
		assert.deepEqual(operations.map((o) => o.id).filter((id) => !called.has(id)), []);
	});
});
