/* SPDX-License-Identifier: MIT
 *
 * JSON values as YAML, for config_merge.c: lines of a block mapping, or one line with { } and [ ].
 */
#ifndef IRIS_COMMON_CONFIG_RENDER_H
#define IRIS_COMMON_CONFIG_RENDER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct config_buf {
	char *s; /* terminated once something is in it; free it */
	size_t len;
};

struct config_style {
	const char *nl;
	size_t unit; /* blanks a level */
	bool flow;   /* between { } or [ ] */
	bool json;   /* and all texts in double quotes, as JSON has them */
};

void config_buf_put(struct config_buf *b, const char *s, size_t len);
void config_buf_str(struct config_buf *b, const char *s);
void config_buf_blanks(struct config_buf *b, size_t n);

/* A key, or a value that is no object or list, on the line that is there. */
void config_render_key(struct config_buf *b, const char *key, const struct config_style *style);
void config_render_scalar(
    struct config_buf *b, const cJSON *value, const struct config_style *style);
/* Any value on one line. */
void config_render_flow(struct config_buf *b, const cJSON *value, const struct config_style *style);
/* "key: value" and what is below it, whole lines. Members that are null are left out. */
void config_render_pair(struct config_buf *b, size_t indent, const char *key, const cJSON *value,
    const struct config_style *style);
/* The same without the key: what stands below it. value is an object or a list that has something. */
void config_render_below(
    struct config_buf *b, size_t indent, const cJSON *value, const struct config_style *style);

/* An object or list with nothing in it that is not null. */
bool config_render_is_empty(const cJSON *value);

/*
 * The value is a text of several lines that a | keeps as it is: "|" and what follows it, without
 * the last line end. False otherwise.
 */
bool config_render_text(
    struct config_buf *b, size_t indent, const cJSON *value, const struct config_style *style);

#endif
