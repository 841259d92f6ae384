/* SPDX-License-Identifier: MIT
 *
 * The guard: knows commands, file edits and reads that destroy what can not be had back, or give
 * away what is secret, and says what the configuration wants done about them (iris-config(5),
 * GUARD). It looks at shell words as the shell would read them, never at substrings. It decides
 * nothing else and keeps nothing: the same use gives the same hit again.
 */
#ifndef IRIS_CORE_GUARD_H
#define IRIS_CORE_GUARD_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/config.h"

/* Where the tool is used. */
struct guard_place {
	const char *dir;  /* the team's directory, absolute */
	const char *cwd;  /* where it begins: an earlier command may have gone there; NULL: dir */
	const char *home; /* the user's; NULL where it is not known: a remote team's */
	const char *iris; /* $IRIS_HOME, absolute; NULL on another host */
};

struct guard_hit {
	const char *kind; /* the key in permissions.guard: "deleteOutside", "commands", ... */
	int action;       /* enum config_action: log, ask or deny */
	char what[200];   /* which command and why, one line for a person */
};

/*
 * The strictest thing that this use of a tool trips, what is off not counted; false when it trips
 * nothing. Tools that are not known are passed.
 */
bool guard_check(const struct config_guard *g, const struct guard_place *place, const char *tool,
    const cJSON *input, struct guard_hit *hit);

#endif
