/* SPDX-License-Identifier: MIT
 *
 * The table of API keys, see store.h. The text of a key is never here, only its hash.
 */
#include <stdlib.h>

#include "irisd/store/db.h"

void
store_key_insert(struct store *s, const struct store_key *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_KEY_INSERT);

	db_bind_text(stmt, ":id", row->id);
	db_bind_text(stmt, ":name", row->name);
	db_bind_text(stmt, ":hash", row->hash);
	db_bind_int(stmt, ":scopes", row->scopes);
	db_bind_text(stmt, ":team", row->team);
	db_bind_int(stmt, ":created_at", row->created_at);
	db_bind_int(stmt, ":expires_at", row->expires_at);
	db_bind_text(stmt, ":session", row->session[0] != '\0' ? row->session : NULL);
	db_run(s, stmt);
}

void
store_key_update(struct store *s, const struct store_key *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_KEY_UPDATE);

	db_bind_int(stmt, ":used_at", row->used_at);
	db_bind_int(stmt, ":revoked_at", row->revoked_at);
	db_bind_text(stmt, ":id", row->id);
	db_run(s, stmt);
}

void
store_key_delete(struct store *s, const char *id)
{
	sqlite3_stmt *stmt = db_write(s, STMT_KEY_DELETE);

	db_bind_text(stmt, ":id", id);
	db_run(s, stmt);
}

void
store_key_release(struct store_key *row)
{
	free(row->name);
	free(row->team);
	row->name = row->team = NULL;
}

static void
read_row(sqlite3_stmt *stmt, struct store_key *row)
{
	db_text_into(stmt, 0, row->id, sizeof row->id);
	row->name = db_text(stmt, 1);
	db_text_into(stmt, 2, row->hash, sizeof row->hash);
	row->scopes = (unsigned)sqlite3_column_int(stmt, 3);
	row->team = db_text(stmt, 4);
	row->created_at = sqlite3_column_int64(stmt, 5);
	row->expires_at = sqlite3_column_int64(stmt, 6);
	row->used_at = sqlite3_column_int64(stmt, 7);
	row->revoked_at = sqlite3_column_int64(stmt, 8);
	db_text_into(stmt, 9, row->session, sizeof row->session);
}

static bool
load_one(struct store *s, sqlite3_stmt *stmt, struct store_key *row)
{
	if (!db_row(s, stmt))
		return false;
	read_row(stmt, row);
	sqlite3_reset(stmt);
	return true;
}

bool
store_key_by_hash(struct store *s, const char *hash, struct store_key *row)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_KEY_BY_HASH);

	db_bind_text(stmt, ":hash", hash);
	return load_one(s, stmt, row);
}

bool
store_key_load(struct store *s, const char *id, struct store_key *row)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_KEY_LOAD);

	db_bind_text(stmt, ":id", id);
	return load_one(s, stmt, row);
}

void
store_key_each(struct store *s, void (*cb)(const struct store_key *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_KEY_EACH);
	struct store_key row;

	while (db_row(s, stmt)) {
		read_row(stmt, &row);
		cb(&row, arg);
		store_key_release(&row);
	}
}
