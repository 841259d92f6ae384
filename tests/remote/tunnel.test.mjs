/* SPDX-License-Identifier: MIT
 *
 * Reverse MCP with a real sshd: the tunnel of either form is made, used by a client over there,
 * checked, made again when the line is cut, and ended for good when it is revoked.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { freePort } from "../lib/http.mjs";
import { program } from "../lib/iris.mjs";
import { within } from "../lib/wait.mjs";
import { assert, noSshd, Remote, TRANSPORTS, waitFor } from "./setup.mjs";

const tunnelIn = (r, state, deadline = 60000) =>
	waitFor(async () => {
		const { tunnel } = await r.iris.json(["team", "show", "far"]);
		return tunnel.state === state && tunnel;
	}, { what: `the tunnel to be ${state}; irisd: ${r.iris.log().slice(-1500)}`, deadline, every: 50 });

/* ssh -N of the tunnel. */
const holders = (r) => r.lines().filter((p) => / -N /.test(p.command));

async function use(client, transport, fn) {
	await within(20000, client.connect(transport), "the client over there to be initialized");
	try {
		return await fn();
	} finally {
		await client.close();
	}
}

async function ask(client, message) {
	const r = await client.callTool({ name: "ask_message", arguments: { toTeam: "front", message } });
	return r.structuredContent ?? JSON.parse(r.content[0].text);
}

function tunnelTest(name, options, fn) {
	test(name, { timeout: 180000, skip: noSshd }, async () => {
		const r = new Remote(options);
		try {
			await r.start();
			await fn(r);
		} finally {
			await r.release();
		}
	});
}

describe("a tunnel by a socket", () => {
	tunnelTest("made, used, cut, made again, revoked", { team: { enableReverseMcp: true } }, async (r) => {
		const socket = join(r.host.home, ".iris", "remote.sock");
		const up = await tunnelIn(r, "up");
		assert.equal(up.address, `127.0.0.1: ${socket}`.replace("127.0.0.1", "box"));
		assert.equal(statSync(join(r.host.home, ".iris")).mode & 0o777, 0o700);
		assert.equal(statSync(socket).mode & 0o077, 0);
		const check = await r.iris.json(["remote", "check", "far"]);
		assert.deepEqual(check.steps.at(-1), { name: "tunnel", ok: true, ms: 0, detail: up.address });
		const client = new Client({ name: "far", version: "1" });
		const transport = new StdioClientTransport({
			command: program("iris-mcp-shim"),
			args: ["--socket", socket],
			env: { HOME: r.host.home, PATH: process.env.PATH },
			stderr: "ignore",
		});
		await use(client, transport, async () => {
			const one = await ask(client, "ECHO one");
			assert.equal(one.from, "far");
			assert.equal(one.response, "one");
			process.kill(holders(r)[0].pid, "SIGKILL");
			await waitFor(async () => (await tunnelIn(r, "up")).since !== up.since, { what: "the tunnel to be made again", deadline: 60000 });
			assert.equal((await ask(client, "ECHO two")).response, "two");
		});
		await r.iris.json(["remote", "revoke", "far"]);
		await waitFor(() => holders(r).length === 0, { what: "ssh to be ended" });
		await r.iris.json(["remote", "grant", "far"]);
		await tunnelIn(r, "up");
	});

	tunnelTest("an sshd that forwards nothing: said", { team: { enableReverseMcp: true }, host: { config: ["DisableForwarding yes"] } },
		async (r) => {
			const down = await tunnelIn(r, "down");
			assert.match(down.why, /box/);
			assert.match(down.why, /forward/);
		});
});

describe("a tunnel by HTTP", () => {
	for (const { name, ssh2 } of TRANSPORTS) {
		test(name, { timeout: 180000, skip: noSshd }, async () => {
			const httpPort = await freePort(), port = await freePort();
			const r = new Remote({ ssh2, team: { enableReverseMcp: true, allowHttp: true, reverseMcpPort: port }, settings: { httpPort } });
			try {
				await r.start();
				const up = await tunnelIn(r, "up");
				const file = join(r.host.home, ".iris", "mcp.json");
				assert.equal(statSync(file).mode & 0o777, 0o600);
				const { iris } = JSON.parse(readFileSync(file, "utf8")).mcpServers;
				assert.equal(iris.url, `http://127.0.0.1:${port}/mcp`);
				assert.match(up.address, new RegExp(`http://127\\.0\\.0\\.1:${port}/mcp`));
				const client = new Client({ name: "far", version: "1" });
				const transport = new StreamableHTTPClientTransport(new URL(iris.url), { requestInit: { headers: iris.headers } });
				await use(client, transport, async () => {
					const one = await ask(client, "ECHO by http");
					assert.equal(one.from, "far");
					assert.equal(one.response, "by http");
				});
				await r.iris.json(["remote", "revoke", "far"]);
				await waitFor(() => holders(r).length === 0, { what: "ssh to be ended" });
				assert.ok(!existsSync(join(r.iris.home, "run", "remote", "far.sock")));
			} finally {
				await r.release();
			}
		});
	}
});
