# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
#
# Looks at what a Claude will need on a team's host; comes behind common.sh. Set by the worker: dir, claude, instance (a
# UUID of its own), the function env_set. Says a step when it is done; between "begin" and "step" of claude stands what
# the program itself has printed. The first that fails is the last.

no() {
	say "\"step\":\"$1\",\"failed\":\"$2\",\"detail\":\"$(json "$3")\",\"end\":true"
	exit 0
}

say '"begin":"directory"'
enter "$dir" || no directory "$why" "$at"
say "\"step\":\"directory\",\"detail\":\"$(json "$(pwd -P)")\""

team_env
find_claude "$claude" || no claude "$why" "${program:-$path}"
say "\"begin\":\"claude\",\"detail\":\"$(json "$program")\""
(
	export IRIS_CLAUDE="$instance"
	env_set
	exec "$program" --version </dev/null 2>&1
) &
tried=$!
(
	x=0
	while [ $x -lt 150 ] && kill -0 $$; do
		x=$((x + 1))
		nap
	done
	kill -KILL $tried
) >/dev/null 2>&1 &
guard=$!
wait $tried
status=$?
kill $guard
[ $status -lt 128 ] || end_marked "IRIS_CLAUDE=$instance" 0
[ $status -eq 0 ] || no claude "status $status" "$program"
say "\"step\":\"claude\""

x=$config/.iris-$instance
[ -d "$config" ] || mkdir -p "$config" 2>/dev/null
if ! { printf '%4096s' '' >"$x"; } 2>/dev/null; then
	rm -f "$x" 2>/dev/null
	why=full
	[ -w "$config" ] || why=forbidden
	no storage "$why" "$config"
fi
rm -f "$x"
x=$(df -Pk "$config" 2>/dev/null | sed 1d | while read -r x x x p x; do echo "$p"; done)
case $x in
'' | *[!0-9]*) x=null ;;
esac
say "\"step\":\"storage\",\"detail\":\"$(json "$config")\",\"freeKb\":$x,\"end\":true"
exit 0
