/* SPDX-License-Identifier: MIT
 *
 * Whether what a person would be shown of a use of a tool is what the tool would get. JSON leaves
 * it open which of two members with one name counts, and programs differ; a number may be too large
 * for what reads it. Called by permission.c before anything is decided; decides nothing itself.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/permission_private.h"

#define TOOL_LEN_MAX 200

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The name that two members have; NULL: each has its own. */
static const char *
same_name(const cJSON *object)
{
	size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
	const char **names, *found = NULL;
	const cJSON *it;

	if (n < 2)
		return NULL;
	names = xreallocarray(NULL, n, sizeof *names);
	cJSON_ArrayForEach (it, object)
		names[i++] = it->string;
	qsort(names, n, sizeof *names, compare);
	for (i = 1; i < n && found == NULL; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			found = names[i];
	free(names);
	return found;
}

/* As deep as the parser lets a text be. */
static int
check_value(const cJSON *item, struct err *err)
{
	const char *name = cJSON_IsObject(item) ? same_name(item) : NULL;
	const cJSON *it;

	if (name != NULL)
		return err_set(err, ERR_INVALID,
		    "its input has \"%.60s\" twice, so that it can not be told which of them counts",
		    name);
	if (cJSON_IsNumber(item) && !isfinite(item->valuedouble))
		return err_set(err, ERR_INVALID, "its input has a number that is too large");
	cJSON_ArrayForEach (it, item)
		if (check_value(it, err) == -1)
			return -1;
	return 0;
}

int
permission_check_input(const char *tool, const cJSON *input, struct err *err)
{
	const char *p;

	for (p = tool; *p > ' ' && *p < 0x7f && p - tool < TOOL_LEN_MAX; p++)
		;
	if (p == tool || *p != '\0')
		return err_set(err, ERR_INVALID, "this is no name of a tool");
	return check_value(input, err);
}
