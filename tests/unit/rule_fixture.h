/* SPDX-License-Identifier: MIT
 *
 * One use of a tool, with one member, asked of one rule. Included by test_rule*.c only; everything
 * in it is static.
 */
#ifndef IRIS_TESTS_RULE_FIXTURE_H
#define IRIS_TESTS_RULE_FIXTURE_H

#include "common/json.h"
#include "irisd/core/rule.h"

#define DIR  "/proj/team"
#define HOME "/home/me"

enum { NO, YES };

static inline cJSON *
input_of(const char *member, const char *value)
{
	cJSON *o = json_new();

	if (value != NULL)
		json_put_str(o, member, value);
	return o;
}

static inline bool
matches(const char *rule, const char *tool, const char *member, const char *value, bool strict)
{
	cJSON *input = input_of(member, value);
	struct rule_use use = {tool, input, DIR, HOME, NULL};
	bool like = rule_matches(rule, &use, strict);

	cJSON_Delete(input);
	return like;
}

#endif
