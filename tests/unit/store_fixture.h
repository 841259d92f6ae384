/* SPDX-License-Identifier: MIT
 *
 * What the two tests of the store share: rows to put in, receipts as one text. Included by them
 * only; everything in it is static.
 */
#ifndef IRIS_UNIT_STORE_FIXTURE_H
#define IRIS_UNIT_STORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/store/store.h"

#define M1 "01890000-0000-7000-8000-000000000001"
#define M2 "01890000-0000-7000-8000-000000000002"
#define M3 "01890000-0000-7000-8000-000000000003"

static inline struct store *
open_store(const char *name)
{
	struct err err;
	struct store *s = store_open(name, &err);

	if (s == NULL)
		fail_msg("%s", err.msg);
	return s;
}

static inline int64_t
put_session(struct store *s, const char *from, const char *to)
{
	struct store_session row = {0};
	char f[32], t[32];
	struct err err;

	snprintf(f, sizeof f, "%s", from);
	snprintf(t, sizeof t, "%s", to);
	row.from = f;
	row.to = t;
	row.created_at = 1000;
	row.last_used_at = 2000;
	uuid_v4(row.claude_id);
	if (store_session_insert(s, &row, &err) == -1)
		fail_msg("%s", err.msg);
	assert_true(row.id > 0);
	return row.id;
}

static inline int
put_message(struct store *s, int64_t session, const char *id, const char *key, struct err *err)
{
	struct store_message m = {0};
	char from[] = "a", to[] = "b", body[] = "how?";
	char *k = xstrdup_null(key);
	int rv;

	snprintf(m.id, sizeof m.id, "%s", id);
	snprintf(m.root, sizeof m.root, "%s", id);
	m.session = session;
	m.from = from;
	m.to = to;
	m.body = body;
	m.key = k;
	m.created_at = 5000;
	rv = store_message_insert(s, &m, err);
	free(k);
	return rv;
}

static char receipts[512];

static inline void
receipt_cb(const struct store_receipt *r, void *arg)
{
	size_t n = strlen(receipts);

	assert_ptr_equal(arg, receipts);
	snprintf(receipts + n, sizeof receipts - n, "%s@%lld:%s ", ladder_name(r->state),
	    (long long)r->at, r->evidence);
}

static inline const char *
receipts_of(struct store *s, const char *id)
{
	receipts[0] = '\0';
	store_receipts_each(s, id, receipt_cb, receipts);
	return receipts;
}

#endif
