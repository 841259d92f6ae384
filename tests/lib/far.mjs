/* SPDX-License-Identifier: MIT
 *
 * Another machine that is none: an "ssh" on PATH that runs what it is told to run here, in a home
 * directory of its own, and plays the ends of tunnels (-R). What the real one does is tests/remote's.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SSH = `#!/bin/sh
far=@FAR@
printf '%s\\n' "$*" >>"$far/argv"
if [ -e "$far/down" ]; then
	echo "ssh: connect to host far port 22: Connection refused" >&2
	exit 255
fi
tunnel= forward= before=
for last; do
	[ "$last" != -N ] || tunnel=1
	[ "$before" != -R ] || forward=$last
	before=$last
done
[ -z "$tunnel" ] || exec "@NODE@" "$far/forward.mjs" "$far" "$forward"
HOME=$far/home
export HOME
cd "$HOME" || exit 255
exec /bin/sh -c "$last"
`;

const FORWARD = `import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
const [, , far, forward] = process.argv;
const unix = forward.startsWith("/");
const at = unix ? forward.indexOf(":/") : forward.lastIndexOf(":", forward.lastIndexOf(":") - 1);
const [from, to] = [forward.slice(0, at), forward.slice(at + 1)];
const target = unix ? { path: to } : { host: to.split(":")[0], port: Number(to.split(":")[1]) };
const server = createServer((s) => {
	const up = connect(target);
	for (const [a, b] of [[s, up], [up, s]]) {
		a.on("error", () => b.destroy());
		a.on("close", () => b.destroy());
		a.pipe(b);
	}
});
server.on("error", (e) => {
	process.stderr.write("Error: remote port forwarding failed for listen port: " + e.message + "\\n");
	process.exit(255);
});
if (unix) server.listen(from);
else server.listen(Number(from.split(":")[1]), existsSync(far + "/open") ? "0.0.0.0" : from.split(":")[0]);
`;

/* Make one beside iris, and put it on its PATH: before its start. */
export function makeFar(iris) {
	const dir = join(iris.root, "far"), bin = join(iris.root, "bin"), home = join(dir, "home");

	mkdirSync(home, { recursive: true });
	mkdirSync(bin, { recursive: true });
	writeFileSync(join(dir, "forward.mjs"), FORWARD);
	writeFileSync(join(bin, "ssh"), SSH.replace("@FAR@", dir).replace("@NODE@", process.execPath));
	chmodSync(join(bin, "ssh"), 0o755);
	iris.env.PATH = `${bin}:${iris.env.PATH}`;
	const flag = (name) => (on) => (on ? writeFileSync(join(dir, name), "") : rmSync(join(dir, name), { force: true }));
	return {
		dir,
		home,
		socket: join(home, ".iris", "remote.sock"),
		mcpJson: join(home, ".iris", "mcp.json"),
		/* What every ssh was started with. */
		argv: () => (existsSync(join(dir, "argv")) ? readFileSync(join(dir, "argv"), "utf8") : ""),
		down: flag("down"),
		open: flag("open"),
	};
}
