# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2086,SC2088
#
# What the scripts that run on a team's host share: iris-worker sends assignments, this text, one of the others, and
# ".", which /bin/sh over there (dash, bash, busybox's, macOS's) reads byte by byte. Comments, indentation and empty lines
# are taken out when they are embedded, so no string and no word runs over the end of a line. $n is a newline; what is
# set here reaches Claude where it is exported already, so little is.

# say MEMBERS: a line of our own. What wrote before may have left its line unfinished.
say() { printf '\n{"type":"iris_remote",%s}\n' "$1"; }

# fail WHAT [MEMBERS]: nothing was begun, so that nothing is left either.
fail() {
	say "\"failed\":\"$1\"${2:+,$2}"
	say '"gone":true'
	exit 0
}

# json TEXT: for a string of a line of ours.
json() { printf '%s' "$1" | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g'; }

nap() { sleep 0.1 2>/dev/null || sleep 1; }

# marked TEXT [TEXT]: the processes that bear these in their environment.
marked() {
	if [ -r /proc/self/environ ]; then
		x=$(grep -ls "$1" /proc/[0-9]*/environ)
		[ -z "${2-}" ] || [ -z "$x" ] || x=$(grep -ls "$2" $x)
		for x in $x; do
			x=${x#/proc/}
			echo "${x%/environ}"
		done
	else
		ps -A -E -ww -o pid= -o command= | while read -r p x; do
			case $x in
			*"$1"*) case $x in *"${2-}"*) echo "$p" ;; esac ;;
			esac
		done
	fi
}

# end_marked TEXT N: TERM to all that bear it, KILL after N tenths of a second, until nothing is left. One that is
# just being started bears nothing yet: so it is looked for twice. Not 0: something can not be killed.
end_marked() {
	i=0
	clean=0
	while [ $clean -lt 2 ]; do
		p=$(marked "$1")
		if [ -z "$p" ]; then
			clean=$((clean + 1))
			continue
		fi
		clean=0
		[ $i -lt $(($2 + 50)) ] || return 1
		if [ $i -ge "$2" ]; then
			kill -KILL $p 2>/dev/null
		elif [ $i -eq 0 ]; then
			kill -TERM $p 2>/dev/null
		fi
		i=$((i + 1))
		nap
	done
}

# hang_up CONVERSATION N: whatever holds it hears the end of its input, and has N tenths of a second for its turn. Not
# 0: it still goes on.
hang_up() {
	i=0
	while p=$(marked "IRIS_CONVERSATION=$1") && [ -n "$p" ]; do
		[ $i -lt "$2" ] || return 1
		p=$(marked "IRIS_CONVERSATION=$1" IRIS_KEEPER=)
		[ -z "$p" ] || kill -TERM $p 2>/dev/null
		i=$((i + 1))
		nap
	done
}

# enter DIRECTORY: go there; ~ is the home directory, and what is relative begins where the login does. at is what it
# comes to, and why says what is wrong when the status is not 0.
enter() {
	case $1 in
	'~') at=$HOME ;;
	'~/'*) at=$HOME/${1#??} ;;
	/*) at=$1 ;;
	*) at=./$1 ;;
	esac
	cd "$at" 2>/dev/null && return
	why=forbidden
	[ -d "$at" ] || why=no_directory
	[ -e "$at" ] || why=missing
	return 1
}

# With the team's env: path is its PATH, config the directory of Claude Code's files. Needs env_set.
team_env() {
	x=$(env_set; printf '%s\n' "$PATH" "${CLAUDE_CONFIG_DIR:-$HOME/.claude}")
	path=${x%%"$n"*}
	config=${x#*"$n"}
}

# find_claude NAME: program becomes the file; otherwise the status is not 0, and why is no_claude or not_executable. A
# name is looked for in path, and where Claude Code's installers put it.
find_claude() {
	program=${1:-claude}
	case $program in
	'~/'*) program=$HOME/${program#??} ;;
	/*) ;;
	*/*) program= ;;
	*)
		x=$path:$HOME/.local/bin:$HOME/.claude/local:/usr/local/bin:/opt/homebrew/bin:
		program=
		while [ -n "$x" ]; do
			p=${x%%:*}/${1:-claude}
			x=${x#*:}
			[ -f "$p" ] || continue
			program=$p
			[ ! -x "$p" ] || break
		done
		;;
	esac
	why=no_claude
	[ -f "$program" ] || return 1
	why=not_executable
	[ -x "$program" ]
}

# The last of what is shared. A script may come here late, when who has sent it has given up and another one is at work
# already: only who hears this, and waits for it still, says go. Otherwise nothing is begun.
say "\"hello\":$$"
IFS= read -r x
[ "$x" = go ] || {
	say '"gone":true'
	exit 0
}
