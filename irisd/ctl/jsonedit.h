/* SPDX-License-Identifier: MIT
 *
 * Changes to one member of a member of a JSON file that belongs to another program: everything
 * else in the text stays byte for byte, numbers, order, spaces and all. Works on text that
 * json_check has passed; knows nothing of files.
 */
#ifndef IRIS_CTL_JSONEDIT_H
#define IRIS_CTL_JSONEDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

/* A slice of the text. */
struct jsonedit_span {
	size_t at, len;
};

/*
 * Where text[outer][name] stands. *found is false when there is no such member. -1 with
 * ERR_INVALID when the text is no JSON, when it or text[outer] is no object, or when a name in
 * question is there twice.
 */
int jsonedit_find(const char *text, size_t len, const char *outer, const char *name, bool *found,
    struct jsonedit_span *value, struct err *err);

/*
 * New text, malloc'ed and NUL-terminated, in which text[outer][name] is the JSON in value
 * (indented from the left margin; its lines are moved in). Empty text, or blanks only, becomes an
 * object. NULL with err as above.
 */
char *jsonedit_set(const char *text, size_t len, const char *outer, const char *name,
    const char *value, struct err *err);

/* New text without text[outer][name]; a copy when there is none. */
char *jsonedit_remove(
    const char *text, size_t len, const char *outer, const char *name, struct err *err);

#endif
