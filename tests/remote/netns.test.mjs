/* SPDX-License-Identifier: MIT
 *
 * The host in a network namespace of its own, at the other end of a cable that delays, loses and is
 * pulled out: real TCP at both ends, whose kernels go on with what they hold. Where that is not
 * permitted it is skipped with the reason. REMOTE_CUT_MS: how long the cable is out.
 */
import { spawnSync } from "node:child_process";
import { describe } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ALERT, assert, remoteTest, TRANSPORTS, waitFor } from "./setup.mjs";
import { Line } from "./sshd.mjs";

const CUT_MS = Number(process.env.REMOTE_CUT_MS ?? 3000);

function sh(...words) {
	const r = spawnSync(words[0], words.slice(1), { encoding: "utf8" });
	if (r.error || r.status !== 0)
		throw new Error(`${words.join(" ")}: ${r.error?.message ?? r.stderr.trim()}`);
	return r.stdout;
}

/* A namespace, and a cable between it and here. */
class Net {
	constructor() {
		const n = process.pid % 4000 + 4096 * Net.made++;
		this.name = `iris-t-${n}`;
		this.near = `irn${n}`;
		this.far = `irf${n}`;
		this.net = `10.${200 + ((n >> 8) % 50)}.${n % 256}`;
		this.address = `${this.net}.2`;
		sh("ip", "netns", "add", this.name);
		try {
			sh("ip", "link", "add", this.near, "type", "veth", "peer", "name", this.far, "netns", this.name);
			sh("ip", "addr", "add", `${this.net}.1/30`, "dev", this.near);
			sh("ip", "link", "set", this.near, "up");
			this.inside("ip", "addr", "add", `${this.address}/30`, "dev", this.far);
			this.inside("ip", "link", "set", this.far, "up");
			this.inside("ip", "link", "set", "lo", "up");
		} catch (e) {
			this.remove();
			throw e;
		}
	}

	inside(...words) {
		return sh("ip", "netns", "exec", this.name, ...words);
	}

	/* Delay by tc where the kernel has netem; loss by it, or by the packet filter. Answers how. */
	spoil(ms, percent) {
		try {
			this.inside("tc", "qdisc", "add", "dev", this.far, "root", "netem", "delay", `${ms}ms`, "loss", `${percent}%`);
			return "netem";
		} catch {
			this.inside("iptables", "-A", "INPUT", "-i", this.far, "-m", "statistic", "--mode", "random", "--probability", `${percent / 100}`, "-j", "DROP");
			this.inside("iptables", "-A", "OUTPUT", "-o", this.far, "-m", "statistic", "--mode", "random", "--probability", `${percent / 100}`, "-j", "DROP");
			return "packet filter";
		}
	}

	/* Nothing gets through, and nobody is told: the link itself stays up. */
	part(on = true) {
		for (const chain of ["INPUT", "OUTPUT"])
			this.inside("iptables", on ? "-I" : "-D", chain, "-j", "DROP");
	}

	remove() {
		spawnSync("ip", ["netns", "del", this.name]);
		spawnSync("ip", ["link", "del", this.near]);
	}
}
Net.made = 0;

/* Why it can not be done here, or false; and what the cable can do. */
function lacking() {
	let net;
	try {
		net = new Net();
		net.part();
		net.part(false);
		return false;
	} catch (e) {
		return `no network namespace with a cable and a packet filter here: ${e.message.slice(0, 120)}`;
	} finally {
		net?.remove();
	}
}
const skip = process.platform !== "linux" ? "network namespaces are Linux's" : lacking();

for (const { name, ssh2 } of TRANSPORTS) describe(`a host at the end of a cable, by ${name}`, { concurrency: 2 }, () => {
	const it = (what, options, fn) => remoteTest(what, { ...options, options: { ...ALERT, ...options.options }, ssh2, start: false, skip, timeout: 240000 + 2 * CUT_MS }, async (r) => {
		const net = new Net();
		try {
			r.host.address = net.address;
			r.host.wrap = ["ip", "netns", "exec", net.name];
			await r.start();
			r.client.host("box", { HostName: net.address, Port: r.host.port, User: r.host.user });
			r.client.know(r.host.port, r.host.hostKey, net.address);
			await fn(r, net);
			await r.iris.end(30000);
			await r.endMasters();
			await r.host.assertIdle();
		} finally {
			net.remove();
		}
	});

	/* What is lost comes again, if after a while: the line is there all the time. */
	it("50 ms away, and each hundredth packet lost: twenty questions, each answered once", { options: { serverAliveInterval: 10, serverAliveCountMax: 3 } }, async (r, net) => {
		if (net.spoil(50, 1) !== "netem") {
			/* A cable that can not delay has a proxy in front of it that does. */
			const slow = await new Line(r.host.port, net.address).start();
			slow.delay(50);
			r.client.host("box", { HostName: "127.0.0.1", Port: slow.port, User: r.host.user });
			r.client.know(slow.port, r.host.hostKey);
			await r.line.stop();
			r.line = slow;
		}
		await r.answer("ECHO first");
		const began = performance.now();
		for (let i = 0; i < 19; i++)
			assert.equal(await r.answer(`ECHO number ${i} ${"x".repeat(20000)}`), `number ${i} ${"x".repeat(20000)}`);
		assert.ok(performance.now() - began > 19 * 100, "it was really far away");
		assert.equal(r.host.userLines().length, 20);
		assert.equal(r.host.logins(), 1);
	});

	it(`the cable is out for ${CUT_MS} ms in a turn that ends meanwhile`, { options: { lingerTimeout: CUT_MS + 30000 } }, async (r, net) => {
		const gate = r.gate(), id = await r.send(`${gate.hold}\nECHO the end`);
		await r.iris.messageIn(id, "seen");
		net.part();
		gate.open();
		await delay(CUT_MS);
		await waitFor(() => r.iris.log().includes("line lost"), { what: "the loss to be noticed", deadline: 30000 });
		net.part(false);
		const m = await r.answered(id, 60000);
		assert.match(m.response, /the end/);
		assert.equal(r.host.userLines().length, 1);
		assert.equal(await r.answer("ECHO next"), "next");
	});

	it(`the cable is out for ${CUT_MS} ms in a turn that goes on: the host does not know that we are gone`, { options: { lingerTimeout: CUT_MS + 30000 } }, async (r, net) => {
		const gate = r.gate(), id = await r.send(`${gate.hold}\nECHO the end`);
		await r.iris.messageIn(id, "seen");
		net.part();
		await delay(CUT_MS);
		await waitFor(() => r.iris.log().includes("line lost"), { what: "the loss to be noticed", deadline: 30000 });
		net.part(false);
		await waitFor(() => /found=|transcript searched/.test(r.iris.log()), { what: "the host to be asked", deadline: 60000 });
		gate.open();
		const m = await r.answered(id, 60000);
		assert.match(m.response, /the end/);
		assert.equal(r.said("the end"), 1);
	});

	it("the cable is pulled out while a question is on its way", {}, async (r, net) => {
		await r.answer("ECHO warm");
		net.part();
		const id = await r.send("ECHO in the cable");
		await r.iris.messageIn(id, "sent");
		await waitFor(() => r.iris.log().includes("line lost"), { what: "the loss to be noticed", deadline: 30000 });
		net.part(false);
		assert.equal((await r.answered(id, 60000)).response, "in the cable");
		assert.equal(r.said("in the cable"), 1);
	});
});
