# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
#
# Makes a team's host ready for the end of a tunnel; comes behind common.sh. Set by the worker: form, "socket" or "http",
# and config, the text of mcp.json. What a tunnel that was cut has left at the socket's path would be in ssh's way.
# config holds a key: only words of sh itself see it, and the file is never open to others.

bad() {
	say "\"failed\":\"prepare\",\"detail\":\"$(json "$1")\",\"end\":true"
	exit 0
}

umask 077
x=$HOME/.iris
[ -d "$x" ] || mkdir "$x" 2>/dev/null || bad "$x can not be made"
chmod 700 "$x" 2>/dev/null || bad "$x is open to others, and can not be closed"
if [ "$form" = socket ]; then
	x=$x/remote.sock
	if [ -e "$x" ] || [ -L "$x" ]; then rm -f "$x" 2>/dev/null || bad "$x can not be removed"; fi
else
	x=$x/mcp.json
	rm -f "$x.new" 2>/dev/null
	{ printf '%s\n' "$config" >"$x.new"; } 2>/dev/null || bad "$x can not be written"
	mv -f "$x.new" "$x" 2>/dev/null || bad "$x can not be written"
fi
say "\"path\":\"$(json "$x")\",\"end\":true"
exit 0
