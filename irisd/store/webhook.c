/* SPDX-License-Identifier: MIT
 *
 * The table of webhooks, see store.h: one row for each address that is told of a message's end.
 */
#include <stdlib.h>

#include "irisd/store/db.h"

void
store_webhook_insert(struct store *s, const struct store_webhook *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_WEBHOOK_INSERT);

	db_bind_text(stmt, ":id", row->id);
	db_bind_text(stmt, ":message", row->message);
	db_bind_text(stmt, ":url", row->url);
	db_bind_int(stmt, ":lane", row->lane);
	db_bind_int(stmt, ":next_at", row->next_at);
	db_bind_int(stmt, ":created_at", row->created_at);
	db_run(s, stmt);
}

void
store_webhook_update(struct store *s, const struct store_webhook *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_WEBHOOK_UPDATE);

	db_bind_int(stmt, ":state", (int64_t)row->state);
	db_bind_int(stmt, ":attempts", row->attempts);
	db_bind_int(stmt, ":next_at", row->next_at);
	db_bind_int(stmt, ":last_status", row->last_status);
	db_bind_text(stmt, ":last_error", row->last_error);
	db_bind_int(stmt, ":delivered_at", row->delivered_at);
	db_bind_text(stmt, ":id", row->id);
	db_run(s, stmt);
}

int
store_webhook_ready(struct store *s, const char *message, int64_t at)
{
	sqlite3_stmt *stmt = db_write(s, STMT_WEBHOOK_READY);

	db_bind_int(stmt, ":at", at);
	db_bind_text(stmt, ":message", message);
	db_run(s, stmt);
	return sqlite3_changes(s->db);
}

void
store_webhook_ready_all(struct store *s, int64_t at)
{
	sqlite3_stmt *stmt = db_write(s, STMT_WEBHOOK_READY_ALL);

	db_bind_int(stmt, ":at", at);
	db_run(s, stmt);
}

void
store_webhook_release(struct store_webhook *row)
{
	free(row->url);
	free(row->from);
	free(row->to);
	free(row->last_error);
	row->url = row->from = row->to = row->last_error = NULL;
}

static void
read_row(sqlite3_stmt *stmt, struct store_webhook *row)
{
	db_text_into(stmt, 0, row->id, sizeof row->id);
	db_text_into(stmt, 1, row->message, sizeof row->message);
	row->url = db_text(stmt, 2);
	row->state = (enum store_webhook_state)sqlite3_column_int(stmt, 3);
	row->attempts = sqlite3_column_int64(stmt, 4);
	row->next_at = sqlite3_column_int64(stmt, 5);
	row->last_status = sqlite3_column_int64(stmt, 6);
	row->last_error = db_text(stmt, 7);
	row->created_at = sqlite3_column_int64(stmt, 8);
	row->delivered_at = sqlite3_column_int64(stmt, 9);
	row->from = db_text(stmt, 10);
	row->to = db_text(stmt, 11);
	row->lane = sqlite3_column_int(stmt, 12);
}

static bool
load_one(struct store *s, sqlite3_stmt *stmt, struct store_webhook *row)
{
	if (!db_row(s, stmt))
		return false;
	read_row(stmt, row);
	sqlite3_reset(stmt);
	return true;
}

bool
store_webhook_load(struct store *s, const char *id, struct store_webhook *row)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_WEBHOOK_LOAD);

	db_bind_text(stmt, ":id", id);
	return load_one(s, stmt, row);
}

bool
store_webhook_next(struct store *s, struct store_webhook *row)
{
	return load_one(s, db_stmt(s, STMT_WEBHOOK_NEXT), row);
}

bool
store_webhook_next_in(struct store *s, int lane, struct store_webhook *row)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_WEBHOOK_NEXT_IN);

	db_bind_int(stmt, ":lane", lane);
	return load_one(s, stmt, row);
}

int64_t
store_webhook_count(struct store *s, const char *message, const char *url, bool *known)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_WEBHOOK_COUNT);
	int64_t n = 0;

	db_bind_text(stmt, ":message", message);
	db_bind_text(stmt, ":url", url);
	*known = false;
	if (db_row(s, stmt)) {
		n = sqlite3_column_int64(stmt, 0);
		*known = sqlite3_column_int64(stmt, 1) > 0;
		sqlite3_reset(stmt);
	}
	return n;
}

int64_t
store_webhook_open(struct store *s)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_WEBHOOK_OPEN);
	int64_t n = 0;

	if (db_row(s, stmt)) {
		n = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
	}
	return n;
}

void
store_webhook_each(struct store *s, const struct store_webhook_filter *f,
    void (*cb)(const struct store_webhook *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_WEBHOOK_EACH);
	struct store_webhook row;

	db_bind_text(stmt, ":message", f->message);
	db_bind_int(stmt, ":state", f->state);
	db_bind_text(stmt, ":team", f->team);
	db_bind_text(stmt, ":before", f->before);
	db_bind_int(stmt, ":limit", f->limit);
	while (db_row(s, stmt)) {
		read_row(stmt, &row);
		cb(&row, arg);
		store_webhook_release(&row);
	}
}
