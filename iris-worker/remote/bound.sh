# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
#
# Waits for the end of a tunnel to be there, and says where it is bound; comes behind common.sh. Set by the worker:
# socket, a path, or port; tries, tenths of a second. Addresses are as the system has them, one a line of ours: the
# hexadecimal ones of /proc/net, or those of netstat.

# listeners: the addresses at which something listens on the port.
listeners() {
	if [ -r /proc/net/tcp ]; then
		hex=$(printf '%04X' "$port")
		cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | while read -r x a x s x; do
			case $s$a in 0A*:"$hex") echo "${a%:*}" ;; esac
		done
	else
		netstat -an 2>/dev/null | while read -r p x x a x s; do
			case $p$s in
			tcp*LISTEN*) case $a in *[.:]"$port") echo "${a%[.:]*}" ;; esac ;;
			esac
		done
	fi
}

i=0
while [ $i -lt "$tries" ]; do
	i=$((i + 1))
	if [ -n "$socket" ]; then
		if [ -S "$socket" ]; then
			say "\"bound\":\"socket\",\"end\":true"
			exit 0
		fi
	else
		p=$(listeners)
		if [ -n "$p" ]; then
			for x in $p; do say "\"bound\":\"$(json "$x")\""; done
			say '"end":true'
			exit 0
		fi
	fi
	# Where nobody listens any more this ends it.
	[ $((i % 5)) -ne 0 ] || say "\"wait\":$i" || exit 0
	nap
done
say '"failed":"absent","end":true'
exit 0
