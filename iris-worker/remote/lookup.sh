# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
#
# Looks for a message in what Claude Code has written of a conversation; comes behind common.sh. Set by the worker:
# conversation, message (UUIDs), stop ("1": what still holds the conversation is ended; otherwise its turn may go on, and
# that is then the answer), the function env_set. Says, for each file with the UUID in it, the number of the first such
# line, and then the file from there on: what it means is seen by who has asked.

bad() {
	say "\"failed\":\"io\",\"detail\":\"$(json "$1") can not be read\",\"end\":true"
	exit 0
}

# look FILE: what is no file holds nothing; what can not be read may.
look() {
	if [ ! -f "$1" ]; then
		[ -e "$1" ] || [ ! -L "$1" ] || bad "$1"
		return
	fi
	[ -r "$1" ] || bad "$1"
	i=$(LC_ALL=C sed -n "/$message/{=;q;}" <"$1") || bad "$1"
	[ -n "$i" ] || return
	say "\"line\":$i"
	tail -n "+$i" <"$1" || bad "$1"
}

team_env
if [ -n "$stop" ]; then
	end_marked "IRIS_CONVERSATION=$conversation" 10
else
	hang_up "$conversation" 50
fi || {
	say '"running":true,"end":true'
	exit 0
}
# What is relative was so to the team's directory, as Claude saw it.
case $config in
/*) ;;
*) bad "$config, as CLAUDE_CONFIG_DIR is no absolute path: it" ;;
esac
for x in "$HOME" "$config" "$config/projects"; do
	[ ! -e "$x" ] || [ -x "$x" ] || bad "$x"
done
if [ -d "$config/projects" ]; then
	[ -r "$config/projects" ] || bad "$config/projects"
	for d in "$config/projects"/* "$config/projects"/.[!.]*; do
		[ -d "$d" ] || continue
		[ -x "$d" ] || bad "$d"
		look "$d/$conversation.jsonl"
	done
elif [ -e "$config/projects" ] || [ -L "$config/projects" ]; then
	bad "$config/projects"
fi
say '"end":true'
exit 0
