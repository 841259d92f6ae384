/* SPDX-License-Identifier: MIT
 *
 * The tables of permission requests and of remembered rules, see store.h.
 */
#include <stdlib.h>

#include "irisd/store/db.h"

void
store_permission_insert(struct store *s, const struct store_permission *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_PERMISSION_INSERT);

	db_bind_text(stmt, ":id", row->id);
	db_bind_text(stmt, ":from", row->from);
	db_bind_text(stmt, ":to", row->to);
	db_bind_text(stmt, ":message", row->message[0] != '\0' ? row->message : NULL);
	db_bind_text(stmt, ":instance", row->instance);
	db_bind_text(stmt, ":request", row->request);
	db_bind_text(stmt, ":tool", row->tool);
	db_bind_text(stmt, ":hash", row->hash);
	db_bind_text(stmt, ":asked", row->asked);
	db_bind_text(stmt, ":why", row->why);
	db_bind_int(stmt, ":created_at", row->created_at);
	db_bind_int(stmt, ":deadline", row->deadline);
	db_bind_text(stmt, ":description", row->description);
	db_bind_text(stmt, ":blocked_path", row->blocked_path);
	db_bind_text(stmt, ":suggestions", row->suggestions);
	db_bind_text(stmt, ":input", row->input);
	db_run(s, stmt);
}

void
store_permission_decide(struct store *s, const struct store_permission *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_PERMISSION_DECIDE);

	db_bind_int(stmt, ":state", row->state);
	db_bind_int(stmt, ":decided_at", row->decided_at);
	db_bind_text(stmt, ":by", row->by);
	db_bind_text(stmt, ":via", row->via);
	db_bind_text(stmt, ":reason", row->reason);
	db_bind_text(stmt, ":updated", row->updated);
	db_bind_text(stmt, ":id", row->id);
	db_run(s, stmt);
}

void
store_permission_release(struct store_permission *row)
{
	free(row->from);
	free(row->to);
	free(row->instance);
	free(row->request);
	free(row->tool);
	free(row->input);
	free(row->updated);
	free(row->asked);
	free(row->why);
	free(row->description);
	free(row->blocked_path);
	free(row->suggestions);
	free(row->by);
	free(row->via);
	free(row->reason);
}

/* In the order of PERMISSION_COLUMNS. */
static void
read_permission(sqlite3_stmt *stmt, struct store_permission *row)
{
	int i = 0;

	db_text_into(stmt, i++, row->id, sizeof row->id);
	row->from = db_text(stmt, i++);
	row->to = db_text(stmt, i++);
	db_text_into(stmt, i++, row->message, sizeof row->message);
	row->instance = db_text(stmt, i++);
	row->request = db_text(stmt, i++);
	row->tool = db_text(stmt, i++);
	db_text_into(stmt, i++, row->hash, sizeof row->hash);
	row->asked = db_text(stmt, i++);
	row->why = db_text(stmt, i++);
	row->state = (enum store_permission_state)sqlite3_column_int(stmt, i++);
	row->created_at = sqlite3_column_int64(stmt, i++);
	row->deadline = sqlite3_column_int64(stmt, i++);
	row->decided_at = sqlite3_column_int64(stmt, i++);
	row->by = db_text(stmt, i++);
	row->via = db_text(stmt, i++);
	row->reason = db_text(stmt, i++);
	row->description = db_text(stmt, i++);
	row->blocked_path = db_text(stmt, i++);
	row->suggestions = db_text(stmt, i++);
	row->input = db_text(stmt, i++);
	row->updated = db_text(stmt, i);
}

static bool
load_one(struct store *s, sqlite3_stmt *stmt, struct store_permission *row)
{
	if (!db_row(s, stmt))
		return false;
	read_permission(stmt, row);
	sqlite3_reset(stmt);
	return true;
}

bool
store_permission_load(struct store *s, const char *id, struct store_permission *row)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_PERMISSION_LOAD);

	db_bind_text(stmt, ":id", id);
	return load_one(s, stmt, row);
}

bool
store_permission_by_request(
    struct store *s, const char *instance, const char *request, struct store_permission *row)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_PERMISSION_BY_REQUEST);

	db_bind_text(stmt, ":instance", instance);
	db_bind_text(stmt, ":request", request);
	return load_one(s, stmt, row);
}

void
store_permission_each(struct store *s, bool pending, const char *who, int limit,
    void (*cb)(const struct store_permission *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, pending ? STMT_PERMISSION_PENDING : STMT_PERMISSION_EACH);
	struct store_permission row;

	db_bind_text(stmt, ":who", who);
	db_bind_int(stmt, ":limit", limit > 0 ? limit : -1);
	while (db_row(s, stmt)) {
		read_permission(stmt, &row);
		cb(&row, arg);
		store_permission_release(&row);
	}
}

void
store_rule_insert(struct store *s, struct store_rule *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_RULE_INSERT);

	db_bind_text(stmt, ":team", row->team);
	db_bind_text(stmt, ":rule", row->rule);
	db_bind_text(stmt, ":permission", row->permission);
	db_bind_text(stmt, ":by", row->by);
	db_bind_int(stmt, ":created_at", row->created_at);
	db_bind_int(stmt, ":expires_at", row->expires_at);
	db_run(s, stmt);
	row->id = sqlite3_last_insert_rowid(s->db);
}

void
store_rule_revoke(struct store *s, const struct store_rule *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_RULE_REVOKE);

	db_bind_int(stmt, ":revoked_at", row->revoked_at);
	db_bind_text(stmt, ":revoked_by", row->revoked_by);
	db_bind_int(stmt, ":id", row->id);
	db_run(s, stmt);
}

void
store_rule_each(struct store *s, void (*cb)(const struct store_rule *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_RULE_EACH);
	struct store_rule row;

	while (db_row(s, stmt)) {
		row.id = sqlite3_column_int64(stmt, 0);
		row.team = db_text(stmt, 1);
		row.rule = db_text(stmt, 2);
		row.permission = db_text(stmt, 3);
		row.by = db_text(stmt, 4);
		row.created_at = sqlite3_column_int64(stmt, 5);
		row.expires_at = sqlite3_column_int64(stmt, 6);
		row.revoked_at = sqlite3_column_int64(stmt, 7);
		row.revoked_by = db_text(stmt, 8);
		cb(&row, arg);
		store_rule_release(&row);
	}
}

void
store_rule_release(struct store_rule *row)
{
	free(row->team);
	free(row->rule);
	free(row->permission);
	free(row->by);
	free(row->revoked_by);
}
