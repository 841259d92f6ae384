/* SPDX-License-Identifier: MIT
 *
 * What a line is, told from its first level alone: no tree is built, nothing is copied. The relay
 * needs the id and the method; everything else of a line is irisd's business.
 */
#ifndef IRIS_SHIM_SNIFF_H
#define IRIS_SHIM_SNIFF_H

#include <stdbool.h>
#include <stddef.h>

enum sniff_kind { SNIFF_OTHER, SNIFF_REQUEST, SNIFF_NOTIFICATION, SNIFF_ANSWER };

/*
 * A part of the line, as it stands there: strings keep their quotes. ptr is NULL when there is
 * none.
 */
struct slice {
	const char *ptr;
	size_t len;
};

struct sniff {
	enum sniff_kind kind;
	struct slice id;
	struct slice method;
};

/* OTHER: no object, or an id that is no string or number or is longer than RPC_ID_MAX. */
void sniff_line(const char *line, size_t len, struct sniff *s);

/* The method is name, which needs no escapes. */
bool sniff_is(const struct sniff *s, const char *name);

/* The id that a notifications/cancelled line names; ptr NULL when it names none. */
struct slice sniff_cancelled(const char *line, size_t len);

/* The id of the subscription that a notification belongs to; ptr NULL when it belongs to none. */
struct slice sniff_subscription(const char *line, size_t len);

/* Whether the answer to an initialize has this protocolVersion, which is given with its quotes. */
bool sniff_version(const char *line, size_t len, const char *version);

/*
 * The id of an object of which only the last bytes are known, since it was too long to keep: one
 * of its last members. ptr NULL when it can not be told.
 */
struct slice sniff_last_id(const char *tail, size_t len);

bool slice_equal(struct slice a, struct slice b);

#endif
