/* SPDX-License-Identifier: MIT
 *
 * A team on another machine, played by an sshd on loopback (tests/remote/sshd.mjs), by both
 * transports: a message to a warm session beside a line through a bare `ssh host cat`, and how soon
 * a further session to the same host is there.
 */
import { fakeClaudePath } from "../lib/claude-env.mjs";
import { Iris, program } from "../lib/iris.mjs";
import { Client, findProgram, Host, noSshd } from "../remote/sshd.mjs";
import { bareClaude, bareTurns, bench, claudeStart, control, mcpFirst, quietest, shim, toolCall, withIris } from "./client.mjs";

const WARMUP = 50;

/* About as long as the line that iris-worker writes for such a message. */
const LINE = `{"id":@N,"text":"${"x".repeat(300)}"}`;

function makeTeams(iris, host, config, ssh2, n) {
	const teams = {};

	for (let i = 0; i < n; i++) {
		host.project(`team-${i}`);
		teams[`team-${i}`] = { path: `~/team-${i}`, remote: `ssh -F "${config}" box`, claudePath: "claude", ssh2, description: `project number ${i}` };
	}
	iris.writeConfig({ settings: { maxProcesses: n + 2 }, teams });
}

async function messages(iris, name, ssh, scale, add) {
	const n = Math.ceil(scale.messages / 4), options = ["-n", n, "-w", WARMUP], at = { env: iris.env, cwd: iris.root };
	const program = name === "OpenSSH" ? "ssh" : name, common = { unit: "ms", n, warmup: WARMUP, repeats: scale.repeats };
	const through = [...mcpFirst, ...toolCall("send_message", '{"toTeam":"team-0","message":"ECHO bench-@C-@N"}'), "-e", '"response":"bench-@C-@N"'];
	const [cat, bare, sent] = await quietest(scale.repeats,
		() => bench([...options, "-r", LINE, "-e", '"id":@N', "--", ...ssh, "cat"], at),
		() => bench([...options, ...bareTurns, "--", ...ssh, ["claude", ...bareClaude.slice(2)].join(" ")], at),
		() => bench([...options, ...through, "--", shim], at));

	add({ what: `fake-claude through ${program}`, floor: cat, measured: bare, ...common, note: `no part of Iris; floor: a line through ${program} box cat` });
	add({ what: `remote send_message, ${name}, durable, warm session`, floor: cat, measured: sent, ...common, note: `floor: ${program} box cat` });
	add({
		what: "the same: what Iris adds", goal: { p50: 1 }, floor: cat, measured: { p50: sent.p50 - cat.p50, p99: sent.p99 - cat.p99 }, whole: false, ...common,
		note: "differences of the row above; fake-claude's turn and the disk are in it",
	});
}

async function sessions(iris, name, scale, n, add) {
	const each = (method, expect, count, base) =>
		bench([...control(iris, method, '{"team":"team-@N"}'), "-n", count, "-w", 0, "-b", base, "-e", `"status":"${expect}"`]);
	const own = await bench(["-S", n, "-w", 1, ...claudeStart(fakeClaudePath())], { env: iris.env, cwd: iris.root });

	/* team-0 is awake: the connection, where sessions share one, is there. */
	const others = await each("iris/team.wake", "awake", n, 1);
	add({
		what: `remote session, ${name}, a further one to the same host: added`, unit: "ms", goal: { p50: 150 }, floor: own, n, repeats: 1,
		measured: { p50: others.p50 - own.p50, p99: others.p99 - own.p50 }, whole: false,
		note: `whole ${others.p50.toFixed(1)} / ${others.p99.toFixed(1)} ms, with its worker; floor: the same Claude on a bare pipe here`,
	});
	await each("iris/team.sleep", "sleeping", n, 1);
}

async function transport(name, ssh2, scale, add) {
	const n = Math.min(scale.sessions, 8);
	const host = await new Host({ config: ["MaxSessions 100"] }).start();
	const iris = new Iris();

	try {
		const client = new Client(iris.env.HOME);
		client.host("box", { HostName: "127.0.0.1", Port: host.port, User: host.user });
		client.know(host.port, host.hostKey);
		host.authorize(client.key.pub);
		makeTeams(iris, host, client.config, ssh2, n + 1);
		const ssh = [ssh2 ? program("iris-ssh") : findProgram("ssh"), "-T", "-F", client.config, "box"];
		await withIris(iris, async () => {
			await messages(iris, name, ssh, scale, add);
			await sessions(iris, name, scale, n, add);
		});
	} finally {
		await host.stop();
	}
}

export async function remoteRows(scale, add) {
	if (noSshd) {
		add({ what: "a team on another machine", note: `no figure: ${noSshd}` });
		return;
	}
	await transport("OpenSSH", false, scale, add);
	await transport("iris-ssh", true, scale, add);
}
