/* SPDX-License-Identifier: MIT
 *
 * irisd between workers that answer in any order, or die, and a person who asks, cancels, wakes,
 * sleeps and reloads at random: irisd never ends by it, and when the chaos is over every message
 * has come to its end and every call has its answer. The seed is printed; IRIS_SEED repeats one.
 */
import { afterEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { makeStage, event, failure, result, turnResult, useFakeWorkers } from "../lib/fake-worker.mjs";
import { assert, connectRaw, makeIris, waitFor, within } from "./setup.mjs";

useFakeWorkers();

const TEAMS = ["a", "b", "c"];
const seed = Number(process.env.IRIS_SEED ?? Date.now() % 1e9);

describe("chaos", () => {
	let iris, stage;

	afterEach(async () => {
		stage.close();
		await iris.stop();
	});

	for (let round = 0; round < Number(process.env.IRIS_ROUNDS ?? 2); round++)
		test(`seed ${seed + round}`, async (t) => {
			let x = seed + round, calm = false;
			const rnd = (n) => {
				x = (Math.imul(x, 1103515245) + 12345) >>> 0;
				return (x >>> 16) % n;
			};
			const all = Object.fromEntries(TEAMS.map((n) => [n, {}]));
			t.diagnostic(`IRIS_SEED=${seed + round}`);
			iris = makeIris(all, { settings: { maxProcesses: 2, stopTimeout: 2000, maxQueue: 1000 } });
			stage = await makeStage(iris.root);
			Object.assign(iris.env, stage.env);
			await iris.start();

			/* Workers: what is asked is put aside, and done later, in any order, or wrongly. */
			const workers = new Set();
			stage.onWorker = (w) => {
				w.todo = [];
				w.open = new Map();
				workers.add(w);
				w.socket.once("close", () => workers.delete(w));
			};
			const reply = (w, l) => {
				const key = l.params?.session, open = w.open.get(key);
				switch (l.method) {
				case "worker/open":
					if (!calm && rnd(4) === 0)
						return w.send(failure(l, ["crashed", "timeout", "not_found", "invalid"][rnd(4)], "chaos", { inUse: rnd(2) === 0 }));
					w.open.set(key, l);
					return w.send(result(l, { pid: w.pid, readyMs: 1, version: "t" }));
				case "worker/turn":
					if (!open || (!calm && rnd(5) === 0))
						return w.send(failure(l, ["refused", "not_found", "io"][rnd(3)]));
					w.send(result(l));
					w.todo.push({ method: "the result", params: l.params });
					return;
				case "the result":
					if (!open) return;
					if (calm || rnd(3)) w.send(event("receipt", l, { message: l.params.message, state: "seen", evidence: "replay" }));
					if (!calm && rnd(6) === 0) {
						w.open.delete(key);
						return w.send(event("exit", l, { pid: w.pid, how: "signal", status: 9, expected: false, stderr: "", reason: "chaos" }));
					}
					if (calm || rnd(3)) return w.send(turnResult(l, "answer"));
					return w.send(turnResult(l, "chaos", ["agent", "crashed", "cancelled", "login"][rnd(4)]));
				case "worker/close":
					if (open && (calm || rnd(4))) w.send(event("exit", l, { pid: w.pid, how: "exit", status: 0, expected: true, stderr: "", reason: "closed" }));
					w.open.delete(key);
					return w.send(result(l));
				case "worker/stop":
					w.send(result(l));
					return w.socket.destroy();
				default:
					if (l.id !== undefined && l.method) w.send(result(l));
				}
			};
			const act = (w) => {
				w.todo.push(...w.got.splice(0).filter((l) => l.method));
				if (!calm && rnd(60) === 0) return w.send({ die: true });
				if (!calm && rnd(80) === 0) return w.send({ method: "event/nonsense", params: {} });
				if (w.todo.length > 0) reply(w, w.todo.splice(calm || rnd(3) ? 0 : rnd(w.todo.length), 1)[0]);
			};

			/* Callers, each call with its own promise. */
			const ctl = await connectRaw(iris, { role: "ctl" });
			const calls = [], ids = [];
			const ask = (method, params) => calls.push(ctl.request(method, params, { deadline: 180000 }));
			const person = () => {
				const team = TEAMS[rnd(3)], from = ["x", "y", "a"][rnd(3)];
				switch (rnd(10)) {
				case 0: return ask("iris/team.wake", { team, from });
				case 1: return ask("iris/team.sleep", { team, from, force: rnd(2) === 0 });
				case 2: return ask("iris/team.sleep", { team, force: true });
				case 3: return ids.length > 0 && ask("iris/message.cancel", { id: ids[rnd(ids.length)] });
				case 4: return ids.length > 0 && ask("iris/message.show", { id: ids[rnd(ids.length)], wait: 0 });
				case 5: {
					const { [team]: gone, ...rest } = all;
					iris.setTeams(rnd(3) === 0 ? rest : all);
					return ask("iris/config.reload", {});
				}
				default: {
					const sent = ctl.request("iris/message.send", { to: team, from, message: "m", timeout: -1 });
					calls.push(sent.then((r) => r.result && ids.push(r.result.id)));
				}
				}
			};

			for (let i = 0; i < 400; i++) {
				person();
				for (const w of workers)
					for (let n = rnd(3); n > 0; n--)
						act(w);
				if (rnd(3) === 0) await delay(1);
				assert.equal(iris.daemon.exitCode ?? iris.daemon.signalCode, null, "irisd ended");
			}
			calm = true;
			iris.setTeams(all);
			ask("iris/config.reload", {});
			const done = Promise.all(calls).then(() => true);
			let answered = false;
			done.then(() => (answered = true), () => {});
			const open = async () => {
				const { messages: m, sessions } = (await ctl.request("iris/daemon.status", {})).result;
				return m.queued + m.sent + m.seen === 0 && sessions.every((s) => s.queued === 0 && !s.current);
			};
			await waitFor(async () => {
				for (const w of workers)
					for (let n = 0; n < 5; n++)
						act(w);
				return answered && (await open());
			}, { deadline: 120000, what: "all to come to its end" });
			await within(10000, done, "all calls to be answered");
			ctl.socket.destroy();
			for (const w of workers)
				w.socket.destroy();
		});
});
