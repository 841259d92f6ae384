/* SPDX-License-Identifier: MIT
 *
 * The text of a configuration file (config.yaml, .env): reading it with bounds, and saying where in
 * it something is. Called by config_doc.c, config_edit.c and dotenv.c; knows neither YAML nor keys.
 */
#ifndef IRIS_COMMON_CONFIG_TEXT_H
#define IRIS_COMMON_CONFIG_TEXT_H

#include <sys/types.h>
#include <stddef.h>

#include "common/err.h"

#define CONFIG_TEXT_MAX ((size_t)1024 * 1024)

struct config_text {
	char *s; /* len bytes and a NUL; free it */
	size_t len;
	mode_t mode;
};

/*
 * 0, or -1: ERR_NOT_FOUND when there is no file; ERR_CONFIG when it is no regular file, too large
 * or unreadable.
 */
int config_text_read(const char *path, struct config_text *t, struct err *e);

/*
 * 0, or -1 with ERR_CONFIG and the position of the first byte that is not UTF-8 or is a control
 * character.
 */
int config_text_check(const char *path, const char *s, size_t len, struct err *e);

/*
 * Line and column, from 1, of the character at offset. Columns count characters. A BOM counts as
 * nothing.
 */
void config_text_position(const char *s, size_t offset, size_t *line, size_t *col);

/* The length in bytes of the UTF-8 character at s (avail > 0 bytes), 0 when it is not valid. */
size_t config_text_char(const char *s, size_t avail);

#endif
