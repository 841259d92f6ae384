/* SPDX-License-Identifier: MIT
 *
 * Permission rules as Claude Code writes them, "Tool" and "Tool(what)" (Claude Code's
 * documentation, "Permissions"; iris-config(5), PERMISSIONS): whether a use of a tool is meant by
 * one, and the narrowest one for a use. Commands are taken apart by shell.c. Keeps nothing.
 */
#ifndef IRIS_CORE_RULE_H
#define IRIS_CORE_RULE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/err.h"

struct rule_use {
	const char *tool;
	const cJSON *input;
	const char *dir;  /* where the team works, absolute: what relative paths begin at */
	const char *home; /* or NULL where it is not known */
	const char *cwd;  /* where a command begins, as far as is known; NULL: dir */
};

/*
 * Whether the rule means this use. strict, to allow: all that it does must be meant, and what can
 * not be read is not. Otherwise, to refuse or to ask: any part of it will do. rule has the form
 * that the configuration takes (common/config_rule.c).
 */
bool rule_matches(const char *rule, const struct rule_use *use, bool strict);

/*
 * Whether these rules together mean all that this use does: of commands that are joined, each is
 * meant by one of them. To allow; for one rule it is the same as rule_matches, strict.
 */
bool rule_all_match(const char *const *rules, size_t n, const struct rule_use *use);

/*
 * The rule that means this use and as little else as can be said, malloc'ed; NULL where there is
 * none, since a rule for it would allow too much.
 */
char *rule_of_use(const struct rule_use *use);

/* 0, or -1 with ERR_INVALID for a text that is no rule. */
int rule_check(const char *rule, struct err *err);

#endif
