/* SPDX-License-Identifier: MIT
 *
 * worker/trust: what is asked of iris-ssh, and what becomes of its answer. iris-ssh is a stand-in beside a copy of the
 * worker; the real one meets a real sshd in tests/remote.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { buildDir } from "../lib/claude-env.mjs";
import { refused, workerTest } from "../lib/fake-irisd.mjs";
import { processesOf } from "../lib/processes.mjs";
import { waitFor } from "../lib/wait.mjs";

const KEY = { host: "box", keys: [{ type: "ssh-ed25519", fingerprint: "SHA256:ab+/c" }], state: "unknown", file: "/kh", recorded: false };

const IRIS_SSH = `#!/bin/sh
printf '%s\\n' "$@" >"$TMPDIR/argv"
record=
for last; do
	[ "$prev" != --record ] || record=$last
	prev=$last
done
case $last in
refused) echo "iris-ssh: connect to host refused port 22: Connection refused" >&2; exit 255 ;;
hang) exec sleep 600 ;;
garbage) echo 'no JSON'; echo '{"keys":1}'; echo '[]'; exit 0 ;;
silent) exit 0 ;;
huge) exec yes ;;
esac
recorded=false
[ "$record" != SHA256:ab+/c ] || recorded=true
echo 'a line of its own'
echo '{"host":"box","port":22,"keys":[{"type":"ssh-ed25519","fingerprint":"SHA256:ab+/c","more":1}],"state":"unknown","file":"/kh","recorded":'$recorded'}'
if [ -n "$record" ] && [ $recorded = false ]; then
	echo "iris-ssh: box shows the ED25519 key SHA256:ab+/c, not $record: nothing is recorded" >&2
	exit 255
fi
`;

const build = mkdtempSync(join(tmpdir(), "iris-trust-"));
mkdirSync(join(build, "bin"));
copyFileSync(join(buildDir(), "bin", "iris-worker"), join(build, "bin", "iris-worker"));
writeFileSync(join(build, "bin", "iris-ssh"), IRIS_SSH, { mode: 0o755 });
process.env.IRIS_BUILD = build;
after(() => rmSync(build, { recursive: true }));

const trust = (irisd, dest, more = {}, remote = {}) => irisd.request("worker/trust",
	{ remote: { args: ["-p", "2222"], dest, ssh2: false, host: dest, connectTimeout: 500, ...remote }, ...more }, 40000);

workerTest("the host's keys, for either transport; the options of the team come with it", async (irisd) => {
	assert.deepEqual(await trust(irisd, "me@box"), KEY);
	const argv = readFileSync(join(irisd.root, "argv"), "utf8").trim().split("\n");
	assert.equal(argv[0], "--host-key");
	assert.deepEqual(argv.slice(-2), ["--", "me@box"], "no command");
	assert.equal(argv[argv.indexOf("-p") + 1], "2222");
	assert.ok(!argv.includes("--record"));
	assert.deepEqual(await trust(irisd, "box", {}, { ssh2: true }), KEY);
	assert.deepEqual(await trust(irisd, "box", { record: "SHA256:ab+/c" }), { ...KEY, recorded: true });
	assert.deepEqual(readFileSync(join(irisd.root, "argv"), "utf8").split("\n").slice(0, 3), ["--host-key", "--record", "SHA256:ab+/c"]);
});

workerTest("what is no fingerprint is not asked for; another key's is refused", async (irisd) => {
	for (const record of ["", "-oProxyCommand=x", "SHA256:", "SHA256:a b", `SHA256:${"a".repeat(100)}`])
		await refused(trust(irisd, "box", { record }), "invalid", /fingerprint/);
	assert.ok(!existsSync(join(irisd.root, "argv")));
	await refused(trust(irisd, "box", { record: "SHA256:other" }), "host",
		/the key of box is not recorded \(iris-ssh: box shows .*, not SHA256:other: nothing is recorded\); ask who runs it/);
	await refused(irisd.request("worker/trust", {}), "invalid", /remote/);
});

workerTest("what goes wrong is one sentence, within its time", async (irisd) => {
	await refused(trust(irisd, "refused"), "line", /connection to refused is refused \(iris-ssh: connect to host/);
	await refused(trust(irisd, "garbage"), "internal", /has not said which keys garbage has/);
	await refused(trust(irisd, "silent"), "internal", /has not said/);
	await refused(trust(irisd, "huge"), "host", /too much/);
	await refused(trust(irisd, "-x"), "invalid", /remote\.dest/);
	await refused(trust(irisd, "hang"), "line", /hang has not answered within 500 ms/);
	await waitFor(() => processesOf(irisd.root).length === 1, { what: "it is ended" });
});
