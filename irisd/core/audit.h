/* SPDX-License-Identifier: MIT
 *
 * The audit: every decision on what a team's Claude may do, and every change of what decides, as
 * rows that are only appended to. Each row's hash is that of the hash before it and of its own
 * values, so that one that was edited, removed or put elsewhere does not fit its neighbours; the end
 * of the chain is kept in a row of its own and in irisd's log. Who can write the user's files can
 * make up a whole chain: "iris audit verify --head HASH" compares with one that is kept elsewhere.
 */
#ifndef IRIS_CORE_AUDIT_H
#define IRIS_CORE_AUDIT_H

#include <cjson/cJSON.h>

#include "irisd/irisd.h"
#include "irisd/store/store.h"

/*
 * Append a decision; seq, at and hash are filled in here, the rest is the caller's:
 *
 *	kind		"permission" (a use of a tool), "guard", "talk", "rule" (remembered or revoked)
 *	decision	"allowed", "denied", "asked", "logged", "expired", "withdrawn", "remembered",
 *			"revoked"
 *	by, via		who or what decided, and from where: "cli", "mcp", "web", "elicitation", "rule",
 *			"guard", "mode", "deadline"
 */
void audit_append(struct irisd *d, struct store_audit *row);

/* One row as it is shown and exported. */
cJSON *audit_json(const struct store_audit *row);

/* What the chain is found to be. */
struct audit_check {
	bool good;
	int64_t rows;          /* that were looked at */
	int64_t seq;           /* of the first row that does not fit; 0 when good */
	char hash[65];         /* of the last row */
	char why[ERR_MSG_MAX]; /* unless good */
};

/*
 * Look at the chain from the row after *seq, whose hash is in hash (0 and "" to begin), limit rows
 * at most, and move both on. True when there are more rows; c is filled when there are not, or
 * something is wrong.
 */
bool audit_verify(struct irisd *d, int64_t *seq, char hash[65], int limit, struct audit_check *c);

#endif
