/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for irisd/mcp/agent_manifest: whatever a project's build file holds, reading it
 * ends, and what is made of it is bounded and valid. The first byte says which kind of file it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/agent_manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_list(const cJSON *list)
{
	const cJSON *item;

	if (cJSON_GetArraySize(list) > 200)
		abort();
	cJSON_ArrayForEach (item, list)
		if (!cJSON_IsString(item) || strlen(item->valuestring) > 200)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest m = {json_new(), cJSON_CreateArray(), cJSON_CreateArray()};
	struct err err = {.code = ERR_NONE};
	const cJSON *item;
	size_t n = 0;
	char *text;

	while (manifest_kinds[n].file != NULL)
		n++;
	if (size > 0) {
		/* As it comes from agent_file.c: no NUL, and UTF-8. */
		text = xstrndup((const char *)data + 1, size - 1);
		json_utf8_mend(text);
		if (manifest_kinds[data[0] % n].read(&m, text, &err) == -1 && err.code == ERR_NONE)
			abort();
		free(text);
	}
	manifest_frameworks(&m);
	check_list(m.dependencies);
	check_list(m.dev);
	cJSON_ArrayForEach (item, m.vars)
		if (!cJSON_IsString(item) || strlen(item->valuestring) > 200)
			abort();
	cJSON_Delete(m.vars);
	cJSON_Delete(m.dependencies);
	cJSON_Delete(m.dev);
	return 0;
}
