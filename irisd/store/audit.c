/* SPDX-License-Identifier: MIT
 *
 * The table of decisions, see store.h: rows are appended, never changed, and the database refuses
 * anything else. The chain of hashes is core/audit.c's.
 */
#include "irisd/store/db.h"

void
store_audit_head(struct store *s, int64_t *seq, char *hash)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_AUDIT_HEAD);

	*seq = 0;
	hash[0] = '\0';
	if (!db_row(s, stmt))
		return;
	*seq = sqlite3_column_int64(stmt, 0);
	db_text_into(stmt, 1, hash, 65);
	sqlite3_reset(stmt);
}

void
store_audit_append(struct store *s, const struct store_audit *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_AUDIT_APPEND);

	db_bind_int(stmt, ":seq", row->seq);
	db_bind_int(stmt, ":at", row->at);
	db_bind_text(stmt, ":kind", row->kind);
	db_bind_text(stmt, ":decision", row->decision);
	db_bind_text(stmt, ":from", row->from);
	db_bind_text(stmt, ":to", row->to);
	db_bind_text(stmt, ":message", row->message);
	db_bind_text(stmt, ":permission", row->permission);
	db_bind_text(stmt, ":tool", row->tool);
	db_bind_text(stmt, ":input_hash", row->input_hash);
	db_bind_text(stmt, ":by", row->by);
	db_bind_text(stmt, ":via", row->via);
	db_bind_text(stmt, ":rule", row->rule);
	db_bind_text(stmt, ":reason", row->reason);
	db_bind_int(stmt, ":took", row->took);
	db_bind_text(stmt, ":hash", row->hash);
	db_run(s, stmt);
	stmt = db_write(s, STMT_AUDIT_MOVE);
	db_bind_int(stmt, ":seq", row->seq);
	db_bind_text(stmt, ":hash", row->hash);
	db_run(s, stmt);
}

static const char *
text(sqlite3_stmt *stmt, int col)
{
	return (const char *)sqlite3_column_text(stmt, col);
}

void
store_audit_each(struct store *s, int64_t from, int limit,
    bool (*cb)(const struct store_audit *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_AUDIT_EACH);
	struct store_audit row;
	bool more = true;

	db_bind_int(stmt, ":seq", from);
	db_bind_int(stmt, ":limit", limit > 0 ? limit : -1);
	while (more && db_row(s, stmt)) {
		row.seq = sqlite3_column_int64(stmt, 0);
		row.at = sqlite3_column_int64(stmt, 1);
		row.kind = text(stmt, 2);
		row.decision = text(stmt, 3);
		row.from = text(stmt, 4);
		row.to = text(stmt, 5);
		row.message = text(stmt, 6);
		row.permission = text(stmt, 7);
		row.tool = text(stmt, 8);
		row.input_hash = text(stmt, 9);
		row.by = text(stmt, 10);
		row.via = text(stmt, 11);
		row.rule = text(stmt, 12);
		row.reason = text(stmt, 13);
		row.took = sqlite3_column_int64(stmt, 14);
		row.hash = text(stmt, 15);
		more = cb(&row, arg);
	}
	sqlite3_reset(stmt);
}
