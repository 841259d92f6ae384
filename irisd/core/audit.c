/* SPDX-License-Identifier: MIT
 *
 * The chain of the audit, see audit.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "irisd/core/audit.h"
#include "irisd/core/digest.h"

/*
 * What a row's hash is made of: a JSON list of the hash before it and of its values in the order of
 * the table, so that no two rows have the same text.
 */
static void
chain(const char *before, const struct store_audit *row, char hash[DIGEST_LEN + 1])
{
	const char *texts[] = {row->kind, row->decision, row->from, row->to, row->message,
	    row->permission, row->tool, row->input_hash, row->by, row->via, row->rule, row->reason};
	cJSON *list = cJSON_CreateArray();
	char *text;
	size_t i;

	cJSON_AddItemToArray(list, cJSON_CreateString(before));
	cJSON_AddItemToArray(list, json_int_item(row->seq));
	cJSON_AddItemToArray(list, json_int_item(row->at));
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
		cJSON_AddItemToArray(
		    list, texts[i] != NULL ? cJSON_CreateString(texts[i]) : cJSON_CreateNull());
	cJSON_AddItemToArray(list, json_int_item(row->took));
	text = json_print(list);
	digest_text(text, hash);
	free(text);
	cJSON_Delete(list);
}

void
audit_append(struct irisd *d, struct store_audit *row)
{
	char before[DIGEST_LEN + 1], hash[DIGEST_LEN + 1];

	store_audit_head(d->store, &row->seq, before);
	row->seq++;
	row->at = compat_now_ms();
	chain(before, row, hash);
	row->hash = hash;
	store_audit_append(d->store, row);
	log_info("audit seq=%" PRId64 " kind=%s decision=%s from=%s to=%s tool=%s via=%s hash=%s",
	    row->seq, row->kind, row->decision, row->from != NULL ? row->from : "-",
	    row->to != NULL ? row->to : "-", row->tool != NULL ? row->tool : "-",
	    row->via != NULL ? row->via : "-", hash);
	row->hash = NULL;
}

cJSON *
audit_json(const struct store_audit *row)
{
	cJSON *o = json_new();

	json_put_int(o, "seq", row->seq);
	json_put_int(o, "at", row->at);
	json_put_str(o, "kind", row->kind);
	json_put_str(o, "decision", row->decision);
	json_put_str_opt(o, "from", row->from);
	json_put_str_opt(o, "to", row->to);
	json_put_str_opt(o, "message", row->message);
	json_put_str_opt(o, "permission", row->permission);
	json_put_str_opt(o, "tool", row->tool);
	json_put_str_opt(o, "inputHash", row->input_hash);
	json_put_str_opt(o, "by", row->by);
	json_put_str_opt(o, "via", row->via);
	json_put_str_opt(o, "rule", row->rule);
	json_put_str_opt(o, "reason", row->reason);
	if (row->took >= 0)
		json_put_int(o, "tookMs", row->took);
	json_put_str(o, "hash", row->hash);
	return o;
}

struct walk {
	struct audit_check *c;
	int64_t seq;
	char *hash;
	int left;
	bool wrong;
};

static bool
walk_cb(const struct store_audit *row, void *arg)
{
	char hash[DIGEST_LEN + 1];
	struct walk *w = arg;

	chain(w->hash, row, hash);
	if (row->seq != w->seq + 1)
		snprintf(w->c->why, sizeof w->c->why,
		    "row %" PRId64 " is missing: after row %" PRId64 " comes %" PRId64, w->seq + 1,
		    w->seq, row->seq);
	else if (row->hash == NULL || strcmp(hash, row->hash) != 0)
		snprintf(w->c->why, sizeof w->c->why,
		    "row %" PRId64
		    " does not fit its hash: it, or the one before it, was edited or moved",
		    row->seq);
	else {
		w->seq = row->seq;
		memcpy(w->hash, hash, sizeof hash);
		w->c->rows++;
		return --w->left > 0;
	}
	w->c->seq = w->seq + 1;
	w->wrong = true;
	return false;
}

bool
audit_verify(struct irisd *d, int64_t *seq, char hash[65], int limit, struct audit_check *c)
{
	struct walk w = {c, *seq, hash, limit, false};
	char head[DIGEST_LEN + 1];
	int64_t last;

	store_audit_each(d->store, *seq + 1, limit, walk_cb, &w);
	*seq = w.seq;
	if (!w.wrong && w.left <= 0)
		return true;
	store_audit_head(d->store, &last, head);
	if (!w.wrong && (last != w.seq || strcmp(head, hash) != 0)) {
		snprintf(c->why, sizeof c->why,
		    "the end is missing: the last row is %" PRId64 ", and %" PRId64 " were written",
		    w.seq, last);
		c->seq = w.seq + 1;
		w.wrong = true;
	}
	c->good = !w.wrong;
	memcpy(c->hash, hash, sizeof head);
	return false;
}
