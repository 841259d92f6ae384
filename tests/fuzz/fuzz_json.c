/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for common/json: what the scanner accepts cJSON reads to its very end, and
 * prints again as something that the scanner accepts; the raw text of a member is itself one JSON
 * text, and none is found outside of the buffer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_member(const char *buf, size_t size, bool valid)
{
	const char *raw;
	size_t len;

	if (!json_raw_member(buf, size, "id", &raw, &len))
		return;
	if (raw < buf || raw + len > buf + size)
		abort();
	if (valid && json_check(raw, len, NULL) == -1)
		abort();
}

/* The scan that finds members agrees with the one that does not, and with the search for one. */
static void
check_members(const char *buf, size_t size, bool valid)
{
	static const char *const names[] = {"id", "method"};
	struct json_slice found[2];
	const char *raw;
	size_t len, i;

	if ((json_members(buf, size, names, 2, found, NULL) == 0) != valid)
		abort();
	for (i = 0; valid && i < 2; i++) {
		if (!json_raw_member(buf, size, names[i], &raw, &len))
			raw = NULL;
		if (raw != found[i].p || (raw != NULL && len != found[i].len))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *buf = (const char *)data, *end = NULL;
	bool valid = json_check(buf, size, NULL) == 0;
	char *line, *copy;
	cJSON *tree;

	check_member(buf, size, valid);
	check_members(buf, size, valid);
	json_utf8_valid(buf, size);
	if (!valid)
		return 0;
	if (!json_utf8_valid(buf, size))
		abort();
	copy = malloc(size + 1);
	memcpy(copy, buf, size);
	copy[size] = '\0';
	if ((tree = cJSON_ParseWithLengthOpts(copy, size + 1, &end, 1)) == NULL || end == NULL)
		abort();
	line = json_print(tree);
	if (strchr(line, '\n') != NULL || json_check(line, strlen(line), NULL) == -1)
		abort();
	free(line);
	cJSON_Delete(tree);
	free(copy);
	return 0;
}
