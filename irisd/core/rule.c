/* SPDX-License-Identifier: MIT
 *
 * Permission rules, see rule.h. Only whole tools by their names yet.
 */
#include <string.h>

#include "irisd/core/rule.h"

bool
rule_matches(const char *rule, const struct rule_use *use, bool strict)
{
	(void)strict;
	return strcmp(rule, use->tool) == 0;
}

char *
rule_of_use(const struct rule_use *use)
{
	(void)use;
	return NULL;
}

int
rule_check(const char *rule, struct err *err)
{
	if (rule[0] == '\0')
		return err_set(err, ERR_INVALID, "an empty text is no rule");
	return 0;
}
