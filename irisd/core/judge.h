/* SPDX-License-Identifier: MIT
 *
 * What the configuration, the guard and the remembered rules say about a use of a tool, in the
 * order of iris-config(5), PERMISSIONS. Decides and keeps nothing: permission.c acts on it.
 */
#ifndef IRIS_CORE_JUDGE_H
#define IRIS_CORE_JUDGE_H

#include <cjson/cJSON.h>

#include "irisd/core/guard.h"
#include "irisd/core/permission.h"

enum judge_how { JUDGE_ALLOW, JUDGE_DENY, JUDGE_ASK, JUDGE_FORWARD, JUDGE_NOTHING };

struct verdict {
	enum judge_how how;
	const char *via; /* "rule", "guard", "mode" */
	char rule[256];  /* which one: "permissions.deny: Bash(rm:*)" */
	bool hit;        /* the guard has seen something, if only to be logged */
	struct guard_hit guard;
};

/*
 * team may be NULL, and so may cwd: where the tool begins, if that is not the team's directory.
 * before: of the hook, where only what refuses or asks counts, and everything
 * else is JUDGE_NOTHING.
 */
void judge(struct irisd *d, const struct team *team, const char *cwd, const char *tool,
    const cJSON *input, bool before, struct verdict *v);

#endif
