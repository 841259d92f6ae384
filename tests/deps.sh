#!/bin/sh
# Installs what is missing to build Iris ("deps.sh build") or to test it as well ("deps.sh check"), and says what.
# Debian and its relatives: apt-get, with sudo where not root. macOS: brew. Elsewhere it names what is missing.
# The npm packages of the tests are installed from tests/package-lock.json into tests/node_modules, those of the
# conformance tests beside their own package-lock.json; "deps.sh clients" adds other vendors' MCP clients to "check".
set -eu

want=${1:-build}
here=$(cd "$(dirname "$0")" && pwd)

# What is needed, as "the Debian package=how to see that it is there". A path is looked for as a file (in the
# compiler's include directories when it ends in .h), any other word as a command.
build="gcc=cc make=make libc6-dev=stdio.h libevent-dev=event2/event.h libsqlite3-dev=sqlite3.h
	libcjson-dev=cjson/cJSON.h libyaml-dev=yaml.h uthash-dev=uthash.h
	libcivetweb-dev=civetweb.h libmd-dev=sha2.h libssh-dev=libssh/libssh.h
	libssl-dev=openssl/ssl.h"
check="libcmocka-dev=cmocka.h mandoc=mandoc shellcheck=shellcheck clang-format=clang-format
	systemd=systemd-analyze xz-utils=xz sqlite3=sqlite3 strace=strace git=git curl=curl zsh=zsh tcsh=tcsh busybox=busybox
	openssl=openssl openssh-client=ssh openssh-server=/usr/sbin/sshd iproute2=/sbin/ip iptables=/usr/sbin/iptables chromium=chromium"
brew_build="libevent sqlite cjson libyaml uthash civetweb libmd libssh openssl@3"
brew_check="cmocka mandoc shellcheck clang-format git node chromium"

have_header() {
	printf '#include <stddef.h>\n#include <stdarg.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <%s>\n' "$1" |
		cc -E -x c -o /dev/null - 2>/dev/null
}

have() {
	case $1 in
	*.h) command -v cc >/dev/null && have_header "$1" ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "deps: not root and no sudo; run this as root: $*" >&2
		exit 1
	fi
}

# The tests start an sshd of their own, on loopback: the system's is not to begin its service because of them.
without_service() {
	policy=/usr/sbin/policy-rc.d
	if [ -e "$policy" ] || [ "${missing#*openssh-server}" = "$missing" ]; then
		"$@"
		return
	fi
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
	as_root chmod 755 "$policy"
	status=0
	"$@" || status=$?
	as_root rm -f "$policy"
	[ ! -d /run/systemd/system ] || as_root systemctl disable --quiet ssh.service ssh.socket || :
	return $status
}

missing=
list=$build
[ "$want" = build ] || list="$build $check"
for item in $list; do
	have "${item#*=}" || missing="$missing ${item%%=*}"
done

if [ -n "$missing" ]; then
	if command -v apt-get >/dev/null; then
		echo "deps: installing with apt-get:$missing"
		as_root apt-get update -qq
		# shellcheck disable=SC2086 # a list of words
		without_service as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
	elif command -v brew >/dev/null; then
		formulas=$brew_build
		[ "$want" = build ] || formulas="$brew_build $brew_check"
		echo "deps: installing with brew: $formulas"
		# shellcheck disable=SC2086
		brew install --quiet $formulas
	else
		echo "deps: missing, and neither apt-get nor brew is here to install it:$missing" >&2
		exit 1
	fi
fi
[ "$want" = build ] && exit 0

# Node.js 20 or newer for the tests; Debian 12 has an older one, npm has newer ones.
node_ok() { command -v node >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; }
if ! command -v npm >/dev/null; then
	echo "deps: installing with apt-get: nodejs npm"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi
if ! node_ok; then
	case $(uname -m) in aarch64 | arm64) arch=arm64 ;; *) arch=x64 ;; esac
	if [ ! -x "$here/../build/node/bin/node" ]; then
		echo "deps: installing with npm: Node.js 22 (for the tests only, in build/node)"
		npm install --no-save --no-fund --no-audit --loglevel=error --prefix "$here/../build/node-npm" "node-linux-$arch@22" >/dev/null
		mkdir -p "$here/../build/node"
		ln -sfn "../node-npm/node_modules/node-linux-$arch/bin" "$here/../build/node/bin"
	fi
	PATH="$here/../build/node/bin:$PATH"
	node_ok || { echo "deps: the tests need Node.js 20 or newer" >&2; exit 1; }
fi

lock="$here/node_modules/.package-lock.json"
if [ -z "$(find "$lock" -newer "$here/package-lock.json" 2>/dev/null)" ]; then
	echo "deps: installing with npm from tests/package-lock.json: the MCP SDK, Claude Code, playwright-core and axe-core"
	(cd "$here" && npm ci --no-fund --no-audit --loglevel=error)
	touch "$lock"
fi

npm_beside() {
	lock="$here/$1/node_modules/.package-lock.json"
	if [ -z "$(find "$lock" -newer "$here/$1/package-lock.json" 2>/dev/null)" ]; then
		echo "deps: installing with npm from tests/$1/package-lock.json: $2"
		(cd "$here/$1" && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error)
		touch "$lock"
	fi
}
npm_beside conformance "MCP's conformance suite and its Inspector"
[ "$want" != clients ] || npm_beside conformance/clients "other MCP clients: Codex CLI and Gemini CLI"
