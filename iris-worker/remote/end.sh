# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154
#
# Ends a Claude and all that it has started, wherever that went; comes behind common.sh. Set by the worker: instance (a
# UUID).

if end_marked "IRIS_CLAUDE=$instance" 10; then
	say '"end":true'
else
	say "\"failed\":\"alive\",\"detail\":\"processes $(marked "IRIS_CLAUDE=$instance" | tr '\n' ' ')\",\"end\":true"
fi
exit 0
