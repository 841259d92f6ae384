# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
#
# Removes what Claude Code keeps of a conversation, its transcript and the directory beside it, in whatever project; comes
# behind common.sh. Set by the worker: conversation (a UUID), the function env_set. rm follows no link that it is to
# remove, and nothing goes that does not bear the conversation's name.

bad() {
	say "\"failed\":\"io\",\"detail\":\"$(json "$1")\",\"end\":true"
	exit 0
}

team_env
case $config in
/*) ;;
*) bad "$config is no absolute path" ;;
esac
hang_up "$conversation" 20 || end_marked "IRIS_CONVERSATION=$conversation" 10 || bad "its Claude can not be ended"
for x in "$HOME" "$config" "$config/projects"; do
	[ ! -e "$x" ] || [ -x "$x" ] || bad "$x can not be entered"
done
if [ -d "$config/projects" ]; then
	[ -r "$config/projects" ] || bad "$config/projects can not be read"
	for d in "$config/projects"/* "$config/projects"/.[!.]*; do
		[ -d "$d" ] || continue
		[ -x "$d" ] || bad "$d can not be entered"
		for f in "$d/$conversation.jsonl" "$d/$conversation"; do
			rm -rf "$f" 2>/dev/null
			if [ -e "$f" ] || [ -L "$f" ]; then bad "$f"; fi
		done
	done
fi
say '"end":true'
exit 0
