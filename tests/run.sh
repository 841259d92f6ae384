#!/bin/sh
# Runs the suites and adds them up; what "make check" ends with. Quick suites first.
#
#	tests/run.sh [suite ...]	unit lint docs integration api conformance browser remote crash e2e san (default: all, in this order)
#
# Each suite's output goes to the terminal as it comes, and to build/check/<suite>.log. Ends with the names of
# what failed and the line "N passed, N failed"; the status is 0 only when nothing failed and something ran.
#
# Tests of running processes can fail for the machine's sake: a file that failed is run again, alone, RERUNS times
# (2; 0 for none), and what passes each of them is no failure but named as unsteady, with its first output kept in
# the log. There is no second time where more than three files failed, a sanitizer has found something, irisd has
# crashed or the suite was cut short.
set -u

cd "$(dirname "$0")/.." || exit 1
[ -d build/node/bin ] && PATH="$PWD/build/node/bin:$PATH"
suites=${*:-unit lint docs integration api conformance browser remote crash e2e san}
logs=build/check
mkdir -p "$logs"
passed=0
failed=0
names=
unsteady=

# files <log>: the test files that failed, by a suite's log, a line each. A test that a helper has made is located in
# the helper: its file is in the stack of its error. Where neither tells the file, "?".
files() {
	awk '/^not ok / { open = 1; stack = 0 }
		!open { next }
		/^  stack: / { stack = 1 }
		/^  location: / { sub(/^[^\047]*\047/, ""); sub(/(:[0-9]+)*\047$/, ""); if (/\.test\.mjs$/) { print; open = 0 } }
		stack && match($0, /file:\/\/[^ :)]*\.test\.mjs/) { print substr($0, RSTART + 7, RLENGTH - 7); open = 0 }
		open && /^  \.\.\.$/ { print "?"; open = 0 }
		END { if (open) print "?" }' "$1" | sort -u
}

# again <log>: true when every file that failed passes now, each time.
again() {
	failing=$(files "$1")
	[ "${RERUNS:-2}" -gt 0 ] && [ -n "$failing" ] && [ "$(echo "$failing" | wc -l)" -le 3 ] || return 1
	grep -qE 'Sanitizer|runtime error|irisd ended with SIG(SEGV|ABRT|BUS|FPE|ILL)' "$1" && return 1
	for file in $failing; do
		[ -f "$file" ] || return 1
	done
	for file in $failing; do
		i=0
		while [ $((i += 1)) -le "${RERUNS:-2}" ]; do
			echo "== again, alone: $file"
			node --test --test-reporter=tap "$file" >"${1%.log}-again.log" 2>&1 || return 1
		done
	done
}

# add <log> <status>: count what a suite has printed. A suite that ended badly without naming a failure (a crash, a
# sanitizer report, nothing run) is one failure itself.
add() {
	p=$(awk '/^\[       OK \]/ { n++ } /^# pass / { n += $3 } /^ok: / { n++ } END { print n + 0 }' "$1")
	f=$(awk '/^\[  FAILED  \] [0-9]+ test/ { n += $4 } /^# fail / { n += $3 } /^# cancelled / { n += $3 } /^FAILED: / { n++ } END { print n + 0 }' "$1")
	named=$(sed -n -e 's/^ *not ok [0-9]* - /  /p' -e 's/^\[  FAILED  \] \([a-z_0-9]*\)$/  \1/p' -e 's/^FAILED: /  /p' "$1" | sort -u | sed '1s/^/\n/')
	if [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then
		# Not even what it has named is all: nothing of it gets a second time.
		f=1
		names="$names
  $1: ended with status $2$named"
	elif [ "$f" -gt 0 ] && again "$1"; then
		unsteady="$unsteady$named"
		p=$((p + f))
		f=0
	else
		names="$names$named"
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	echo "== $(basename "$1" .log): $p passed, $f failed"
}

# run <name> <command...>
run() {
	log="$logs/$1.log"
	shift
	echo "== $*"
	{ "$@" 2>&1; echo "$?" >"$log.status"; } | tee "$log"
	add "$log" "$(cat "$log.status")"
	rm -f "$log.status"
}

unit() {
	status=0
	for t in "$1"/test/test_*; do
		case $t in *.d | *.o) continue ;; esac
		"$t" || status=1
	done
	return $status
}

# one <what> <command...>: a check with one result.
one() {
	what=$1
	shift
	if "$@"; then echo "ok: $what"; else echo "FAILED: $what"; return 1; fi
}

lint() {
	status=0
	# shellcheck disable=SC2046 # a list of files
	one "clang-format" clang-format --dry-run --Werror $(git ls-files '*.c' '*.h') || status=1
	# shellcheck disable=SC2046
	one "shellcheck" shellcheck -s sh $(git ls-files '*.sh') .ci/run || status=1
	# shellcheck disable=SC2046
	one "mandoc -T lint" mandoc -T lint -W warning $(git ls-files 'man/*') || status=1
	return $status
}

tests() {
	# TAP, whose closing lines add() reads; three at a time, since most of a test is waiting.
	node --test --test-reporter=tap --test-concurrency=3 "$@"
}

san() {
	make SAN=address,undefined all units build/san/test/irisd-fixtures
	export IRIS_BUILD="$PWD/build/san" IRIS_SANITIZED=1
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
}

for suite in $suites; do
	case $suite in
	unit) run unit unit build ;;
	lint) run lint lint ;;
	docs) run docs tests tests/docs/*.test.mjs ;;
	integration) run integration tests tests/integration/*.test.mjs ;;
	api) run api tests tests/api/*.test.mjs ;;
	conformance) run conformance tests tests/conformance/*.test.mjs ;;
	browser) run browser tests --test-concurrency=2 tests/browser/*.test.mjs ;;
	remote) run remote tests tests/remote/*.test.mjs ;;
	crash) run crash tests tests/crash/*.test.mjs ;;
	e2e) run e2e tests tests/e2e/*.test.mjs ;;
	san)
		if san >"$logs/san-build.log" 2>&1; then
			run san-unit unit build/san
			run san-integration tests tests/integration/*.test.mjs
			run san-api tests tests/api/*.test.mjs
			run san-e2e tests tests/e2e/*.test.mjs
			run san-remote tests tests/remote/remote.test.mjs
		else
			cat "$logs/san-build.log"
			add "$logs/san-build.log" 1
		fi
		;;
	*)
		echo "run.sh: no such suite: $suite" >&2
		exit 2
		;;
	esac
done

[ -n "$unsteady" ] && echo "Unsteady (failed, and passed each time when run again alone):$unsteady"
[ -n "$names" ] && echo "Failed:$names"
[ $((passed + failed)) -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
