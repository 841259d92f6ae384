/* SPDX-License-Identifier: MIT
 *
 * Values merged into the text of config.yaml: a JSON merge patch (RFC 7396) that changes the text
 * only where a value changes. Comments, order, indentation and line ends stay; the result is read
 * again and compared with what was wanted before anybody gets it. Called by config_edit.c; knows
 * no files.
 */
#ifndef IRIS_COMMON_CONFIG_MERGE_H
#define IRIS_COMMON_CONFIG_MERGE_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "common/err.h"

#define CONFIG_MERGE_KEYS 5000 /* in one mapping of the file or the patch */

/*
 * The new text, malloc'ed and terminated, or NULL: ERR_CONFIG when the text is no YAML, or has the
 * place in a form that can not be edited (what an anchor names, an alias), with the line;
 * ERR_INVALID for a patch that is none. Values are what stands in the file: ${NAME} is expanded
 * when it is read. Whether the result loads is for the caller to see. path is for messages.
 */
char *config_merge(
    const char *path, const char *text, size_t len, const cJSON *patch, struct err *e);

#endif
