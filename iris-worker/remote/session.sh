# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2088
#
# Runs one Claude on a team's host, between ssh's standard input and output; comes behind common.sh. Set by the worker:
# dir, claude, instance, conversation, linger (seconds), iris_mcp_file, or iris_mcp_path, iris_mcp_name and iris_mcp_text,
# the function env_set, and Claude's arguments.
#
# Four parts, as processes: a keeper, which hands ssh's input on; Claude; one that hands its output on, and throws it away
# when nobody is there to take it; and one that ends the keeper's part when Claude has ended. At the end of its input, be
# it that ssh was stopped or that the line is cut, Claude has until the end of its turn, and the linger time at most.
# What has IRIS_KEEPER in its environment can be sent TERM by anybody: for Claude that is the same as a cut line. No
# descriptor of these parts is open in Claude.

enter "$dir" || fail directory "\"why\":\"$why\""
team_env
find_claude "$claude" || fail "$why" "\"path\":\"$(json "$path")\""

# Where no turn could be kept none is begun.
x=$config/.iris-$instance
[ -d "$config" ] || mkdir -p "$config"
if ! printf '%4096s' '' >"$x"; then
	rm -f "$x" 2>/dev/null
	fail storage "\"path\":\"$(json "$config")\""
fi
rm -f "$x"

# Two that hold one conversation would part it in two.
hang_up "$conversation" 100 || end_marked "IRIS_CONVERSATION=$conversation" 30 || fail busy

# What a full disk has left of a conversation: with it Claude Code would neither begin nor resume it.
for x in "$config"/projects/*/"$conversation.jsonl"; do
	[ ! -f "$x" ] || [ -s "$x" ] || rm -f "$x"
done

# The way back to Iris, for this process alone: the file that says it, below this directory. No link is followed.
mcp_write() (
	set -f
	umask 077
	at=$(pwd -P)
	at=${at%/}
	IFS=/
	for x in $iris_mcp_path; do
		at=$at/$x
		[ ! -L "./$x" ] || exit 2
		[ -d "./$x" ] || mkdir "./$x" || exit 1
		cd "./$x" || exit 1
	done
	[ "$(pwd -P)" = "$at" ] || exit 2
	rm -f "$iris_mcp_name" && set -C && printf '%s\n' "$iris_mcp_text" >"$iris_mcp_name" && printf '%s' "$at/$iris_mcp_name"
)

# Another one, that has begun meanwhile, has a file of its own under this name.
mcp_remove() {
	[ -z "$iris_mcp_text" ] || [ "$(cat "$iris_mcp_file" 2>/dev/null)" != "$iris_mcp_text" ] || rm -f "$iris_mcp_file"
}

if [ -n "$iris_mcp_text" ]; then
	iris_mcp_file=$(mcp_write)
	case $? in
	0) ;;
	2) fail mcp '"why":"link"' ;;
	*) fail mcp ;;
	esac
fi
case $iris_mcp_file in '~/'*) iris_mcp_file=$HOME/${iris_mcp_file#??} ;; esac
[ -z "$iris_mcp_file" ] || set -- "$@" "--mcp-config=$iris_mcp_file"

exec 3<&0 6>&2
{
	{
		{
			IRIS_KEEPER=$instance IRIS_CONVERSATION=$conversation cat <&3 3<&- 4>&- 5>&- 6>&- &
			echo $! >&5
			wait $!
			exec >&-
			sleep "$linger" 3<&- 4>&- 5>&- 6>&- &
			echo $! >&5
			wait $! && end_marked "IRIS_CLAUDE=$instance" 50
		} 2>/dev/null | {
			(
				unset SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_ORIGINAL_COMMAND iris_mcp_text
				export IRIS_CLAUDE="$instance" IRIS_CONVERSATION="$conversation"
				export CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS=1
				set -- "$program" "$@"
				env_set
				exec "$@"
			) 2>&6 3<&- 4>&- 5>&- 6>&-
			say "\"status\":$?"
			echo end >&5
			mcp_remove
			end_marked "IRIS_CLAUDE=$instance" 2 && say '"gone":true'
		} 2>/dev/null | {
			IRIS_KEEPER=$instance IRIS_CONVERSATION=$conversation cat
			cat >/dev/null
		} >&4 2>/dev/null 3<&- 4>&- 5>&- 6>&-
	} 5>&1 | {
		x=
		while read -r p; do
			[ "$p" != end ] || x=1
			[ "$p" = end ] || k=$p
			[ -z "$x" ] || kill "$k"
		done
	} 2>/dev/null 3<&- 4>&- 6>&-
} 4>&1
exit 0
