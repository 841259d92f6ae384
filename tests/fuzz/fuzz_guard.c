/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for irisd/core/guard: whatever a command is, judging it ends soon, says the same
 * twice, and what it reports is one line. The first byte chooses the tool and the place.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/xmalloc.h"
#include "irisd/core/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char listed[] = "ask a b";
static char *commands[] = {listed};

static const struct config_guard conf = {CONFIG_ACTION_LOG, CONFIG_ACTION_ASK, CONFIG_ACTION_ASK,
    CONFIG_ACTION_ASK, CONFIG_ACTION_DENY, CONFIG_ACTION_ASK, CONFIG_ACTION_ASK, CONFIG_ACTION_DENY,
    {commands, 1}};

static const struct guard_place places[] = {
    {.dir = "/nowhere/u/proj", .home = "/nowhere/u", .iris = "/nowhere/u/.iris"},
    {.dir = "/nowhere/proj"},
};

static const char *const tools[][2] = {
    {"Bash", "command"}, {"Read", "file_path"}, {"Write", "file_path"}, {"Grep", "path"}};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *input = cJSON_CreateObject();
	const struct guard_place *place;
	struct guard_hit hit, again;
	const char *const *tool;
	clock_t start = clock();
	char *text;

	if (size > 0) {
		place = &places[data[0] & 1];
		tool = tools[data[0] < 128 ? 0 : data[0] >> 1 & 3];
		text = xstrndup((const char *)data + 1, size - 1);
		cJSON_AddStringToObject(input, tool[1], text);
		if (guard_check(&conf, place, tool[0], input, &hit)) {
			if (hit.kind == NULL || hit.action <= CONFIG_ACTION_OFF ||
			    hit.what[0] == '\0' || strlen(hit.what) >= sizeof(hit.what) ||
			    strchr(hit.what, '\n') != NULL)
				abort();
			if (!guard_check(&conf, place, tool[0], input, &again) ||
			    strcmp(hit.kind, again.kind) != 0 || hit.action != again.action)
				abort();
		}
		free(text);
	}
	cJSON_Delete(input);
	if ((clock() - start) / CLOCKS_PER_SEC >= 4)
		abort();
	return 0;
}
