/* SPDX-License-Identifier: MIT
 *
 * The tables of sessions and of the processes that serve them, see store.h.
 */
#include <stdlib.h>
#include <string.h>

#include "irisd/store/db.h"

int
store_session_insert(struct store *s, struct store_session *row, struct err *err)
{
	sqlite3_stmt *stmt = db_write(s, STMT_SESSION_INSERT);

	db_bind_text(stmt, ":from", row->from);
	db_bind_text(stmt, ":to", row->to);
	db_bind_text(stmt, ":claude_id", row->claude_id);
	db_bind_int(stmt, ":started", row->started);
	db_bind_int(stmt, ":created_at", row->created_at);
	db_bind_int(stmt, ":last_used_at", row->last_used_at);
	if (sqlite3_step(stmt) != SQLITE_DONE) {
		if (sqlite3_get_autocommit(s->db))
			db_fatal(s, "storing a session");
		return err_set(err, ERR_IO, "the session can not be stored in %s: %s", s->path,
		    sqlite3_errmsg(s->db));
	}
	sqlite3_reset(stmt);
	row->id = sqlite3_last_insert_rowid(s->db);
	return 0;
}

void
store_session_update(struct store *s, const struct store_session *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_SESSION_UPDATE);

	db_bind_int(stmt, ":id", row->id);
	db_bind_int(stmt, ":started", row->started);
	db_bind_int(stmt, ":last_used_at", row->last_used_at);
	db_bind_int(stmt, ":messages", row->messages);
	db_bind_num(stmt, ":cost_usd", row->cost_usd);
	db_run(s, stmt);
	stmt = db_write(s, STMT_SESSION_RENEW);
	db_bind_int(stmt, ":id", row->id);
	db_bind_text(stmt, ":claude_id", row->claude_id);
	db_run(s, stmt);
}

void
store_session_process(struct store *s, const struct store_session *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_SESSION_PROCESS);

	db_bind_int(stmt, ":id", row->id);
	db_bind_text(stmt, ":instance", row->instance[0] != '\0' ? row->instance : NULL);
	db_run(s, stmt);
}

void
store_session_release(struct store_session *row)
{
	free(row->from);
	free(row->to);
	row->from = row->to = NULL;
}

void
store_session_each(struct store *s, void (*cb)(const struct store_session *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_SESSION_EACH);

	while (db_row(s, stmt)) {
		struct store_session row = {0};
		row.id = sqlite3_column_int64(stmt, 0);
		row.from = db_text(stmt, 1);
		row.to = db_text(stmt, 2);
		db_text_into(stmt, 3, row.claude_id, sizeof row.claude_id);
		row.started = sqlite3_column_int(stmt, 4) != 0;
		row.created_at = sqlite3_column_int64(stmt, 5);
		row.last_used_at = sqlite3_column_int64(stmt, 6);
		row.messages = sqlite3_column_int64(stmt, 7);
		row.cost_usd = sqlite3_column_double(stmt, 8);
		db_text_into(stmt, 9, row.instance, sizeof row.instance);
		cb(&row, arg);
		store_session_release(&row);
	}
}

void
store_worker_insert(struct store *s, const struct store_worker *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_WORKER_INSERT);

	db_bind_int(stmt, ":pid", row->pid);
	db_bind_int(stmt, ":start", (int64_t)row->start);
	db_bind_text(stmt, ":team", row->team);
	db_run(s, stmt);
}

void
store_worker_delete(struct store *s, int64_t pid, uint64_t start)
{
	sqlite3_stmt *stmt = db_write(s, STMT_WORKER_DELETE);

	db_bind_int(stmt, ":pid", pid);
	db_bind_int(stmt, ":start", (int64_t)start);
	db_run(s, stmt);
}

void
store_worker_each(struct store *s, void (*cb)(const struct store_worker *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_WORKER_EACH);

	while (db_row(s, stmt)) {
		struct store_worker row = {0};
		row.pid = sqlite3_column_int64(stmt, 0);
		row.start = (uint64_t)sqlite3_column_int64(stmt, 1);
		row.team = db_text(stmt, 2);
		cb(&row, arg);
		free(row.team);
	}
}
