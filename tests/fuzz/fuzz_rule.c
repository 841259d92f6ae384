/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for irisd/core/rule: a rule, a tool and what it is given, with a line each (the
 * last is the rest). What a rule allows it means to refuse as well, and a rule that is made of a
 * use means that use.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *rule, const char *tool, const char *value)
{
	static const char *const members[] = {"command", "file_path", "path", "notebook_path",
	    "pattern", "url", "skill", "subagent_type"};
	cJSON *input = json_new();
	struct rule_use use = {tool, input, "/proj/team", "/home/me", NULL};
	struct err err;
	char *made;
	size_t i;

	for (i = 0; i < sizeof members / sizeof members[0]; i++)
		json_put_str(input, members[i], value);
	if (rule_matches(rule, &use, true) && !rule_matches(rule, &use, false))
		abort();
	made = rule_of_use(&use);
	if (made != NULL && (rule_check(made, &err) == -1 || !rule_matches(made, &use, true)))
		abort();
	free(made);
	cJSON_Delete(input);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size), *tool, *value;

	if ((tool = strchr(text, '\n')) != NULL && (value = strchr(tool + 1, '\n')) != NULL) {
		*tool++ = '\0';
		*value++ = '\0';
		check(text, tool, value);
	}
	free(text);
	return 0;
}
