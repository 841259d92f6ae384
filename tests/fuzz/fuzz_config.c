/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target: config.yaml as text. Whatever the bytes are, the loader gives a configuration
 * or an error with a position in UTF-8, and the editor finds the same teams in the text as the
 * loader in the tree.
 *
 * `make fuzz` builds it; etc/config.yaml is a good first corpus.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_edit_impl.h"
#include "common/config_impl.h"
#include "common/config_text.h"

#define PATH "/nonexistent/iris-fuzz/config.yaml"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_error(const struct err *e)
{
	size_t len = strlen(e->msg), at, n;

	assert(e->code == ERR_CONFIG);
	assert(strncmp(e->msg, PATH ":", strlen(PATH ":")) == 0);
	for (at = 0; at < len; at += n) {
		n = config_text_char(e->msg + at, len - at);
		assert(n != 0);
	}
}

static void
check_scan(const struct config *c, const char *text, size_t len)
{
	struct edit_scan scan;
	size_t i, end = 0;

	config_edit_scan(&scan, text, len);
	if (scan.teams == EDIT_BLOCK) {
		assert(scan.nentries == c->nteams);
		for (i = 0; i < scan.nentries; i++) {
			assert(strcmp(scan.entries[i].name, c->teams[i].name) == 0);
			assert(scan.entries[i].key >= end);
			assert(scan.entries[i].end > scan.entries[i].key);
			end = edit_entry_end(&scan, &scan.entries[i]);
			assert(end <= len);
		}
	}
	config_edit_scan_free(&scan);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct config *c;
	struct err e;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	c = config_parse(PATH, text, size, &e);
	if (c == NULL)
		check_error(&e);
	else
		check_scan(c, text, size);
	config_free(c);
	free(text);
	return 0;
}
