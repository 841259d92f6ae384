#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make demo: one question from a frontend project to a backend project, as Claude Code would send it: through
# iris-mcp-shim, to irisd, to a Claude in the backend's directory, and back. Everything happens in a directory of its
# own that is gone afterwards.
#
# usage: demo.sh [BUILD]	(default: build)

set -eu

build=${1:-build}
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$build" && pwd)
iris=$build/bin/iris
shim=$build/bin/iris-mcp-shim
fake=$build/test/fake-claude
question="How do you version the API, and for how long is an old version served?"
limit=180	# seconds for the whole

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') off=$(printf '\033[0m')
else
	bold='' dim='' off=''
fi

say() {
	printf '%s\n' "$*"
}

title() {
	printf '\n%s%s%s\n' "$bold" "$*" "$off"
}

fail() {
	printf 'demo: %s\n' "$*" >&2
	if [ -s "$dir/iris/log/irisd.log" ]; then
		printf 'demo: the end of the log of irisd:\n' >&2
		tail -n 20 "$dir/iris/log/irisd.log" >&2
	fi
	exit 1
}

for program in "$iris" "$shim" "$build/bin/irisd" "$build/bin/iris-worker"; do
	if [ ! -x "$program" ]; then
		printf 'demo: %s is missing; run "make" first\n' "$program" >&2
		exit 1
	fi
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/iris-demo.XXXXXX")
shim_pid=
watch_pid=

# shellcheck disable=SC2329 # called by the trap
finish() {
	status=$?
	trap - EXIT INT TERM HUP PIPE
	exec 3>&- 4<&-
	[ -z "$watch_pid" ] || { kill "$watch_pid" && wait "$watch_pid"; } 2>/dev/null || :
	[ -z "$shim_pid" ] || kill "$shim_pid" 2>/dev/null || :
	"$iris" stop >/dev/null 2>&1 || {
		printf 'demo: irisd did not stop; its files are in %s\n' "$dir" >&2
		[ "$status" -ne 0 ] || status=1
		exit "$status"
	}
	rm -rf "$dir"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
trap 'exit 141' PIPE

IRIS_HOME=$dir/iris
export IRIS_HOME
unset IRIS_CONFIG_PATH CLAUDE_PROJECT_DIR
cp -R "$here/frontend" "$here/backend" "$dir/"

# --- which Claude -------------------------------------------------------------------------------------------------
claude=$(command -v claude || :)
if [ -n "$claude" ] && { [ -n "${ANTHROPIC_API_KEY:-}" ] || "$claude" auth status >/dev/null 2>&1; }; then
	say "Claude: $claude, the real one (this costs one question to your account)"
elif [ -x "$fake" ]; then
	if [ -n "$claude" ]; then
		say "Claude: the bundled demo agent, because $claude is not logged in."
	else
		say "Claude: the bundled demo agent, because there is no claude on PATH."
	fi
	say "        It has no intelligence: it quotes the documents of the project that it runs in."
	claude=$fake
else
	fail "no claude on PATH that is logged in, and no demo agent at $fake"
fi

# --- two teams ----------------------------------------------------------------------------------------------------
title "Two projects become teams"
for team in frontend backend; do
	say "  iris team add $team $dir/$team"
done
"$iris" team add frontend "$dir/frontend" --quiet --claude-path "$claude" \
	--description "The web shop's pages" >/dev/null
"$iris" team add backend "$dir/backend" --quiet --claude-path "$claude" \
	--description "The orders service and its API" >/dev/null

# --- the question, as MCP -----------------------------------------------------------------------------------------
mkfifo "$dir/in" "$dir/out"
(cd "$dir/frontend" && exec "$shim" <"$dir/in" >"$dir/out" 2>"$dir/shim.log") &
shim_pid=$!
exec 3>"$dir/in" 4<"$dir/out"
(
	sleep "$limit" &
	nap=$!
	trap 'kill "$nap"; exit 0' TERM
	wait "$nap"
	kill "$shim_pid"
) >/dev/null 2>&1 3>&- 4<&- &
watch_pid=$!

# answer ID: the line of the shim that answers this request; what comes before it is skipped.
answer() {
	while IFS= read -r line <&4; do
		case $line in
		*'"id":'"$1"','* | *'"id":'"$1"'}'*)
			printf '%s\n' "$line"
			return 0
			;;
		esac
	done
	return 1
}

title "frontend asks backend, through iris-mcp-shim (MCP tool ask_message)"
say "  $question"
printf '%s\n' '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"iris-demo","version":"1"}}}' >&3
answer 1 >/dev/null || fail "iris-mcp-shim ended before it had answered: $(cat "$dir/shim.log")"
printf '%s\n' '{"jsonrpc":"2.0","method":"notifications/initialized"}' >&3
printf '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ask_message","arguments":{"toTeam":"backend","message":"%s"}}}\n' "$question" >&3
result=$(answer 2) || fail "no answer within $limit s: $(cat "$dir/shim.log")"
id=$(printf '%s\n' "$result" | sed -n 's/.*"messageId":"\([0-9a-f-]\{36\}\)".*/\1/p')
[ -n "$id" ] || fail "the tool call failed: $result"

title "backend's Claude answers"
"$iris" message show "$id" --answer >"$dir/answer" || fail "the question was not answered: $result"
sed 's/^/  /' "$dir/answer"

title "What happened, step by step (iris message show $id)"
"$iris" message show "$id" --steps

title "Next"
say "  make install                               ${dim}# or: PATH=$build/bin:\$PATH${off}"
say "  iris install                               ${dim}# registers Iris with Claude Code${off}"
say "  iris team add backend ~/src/backend        ${dim}# each of your projects${off}"
say "  claude                                     ${dim}# in one of them: \"ask the backend team ...\"${off}"
say "  iris ask backend \"How do you version the API?\""
