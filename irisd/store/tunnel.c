/* SPDX-License-Identifier: MIT
 *
 * The table of tunnels, see store.h: which API key was made for a team's, and who has revoked it.
 * A team that is configured again has what was decided about it before.
 */
#include <string.h>

#include "irisd/store/db.h"

void
store_tunnel_set(struct store *s, const char *team, const struct store_tunnel *row)
{
	sqlite3_stmt *stmt = db_write(s, STMT_TUNNEL_SET);

	db_bind_text(stmt, ":team", team);
	db_bind_text(stmt, ":key", row->key[0] != '\0' ? row->key : NULL);
	db_bind_int(stmt, ":revoked_at", row->revoked_at);
	db_bind_text(stmt, ":revoked_by", row->revoked_by[0] != '\0' ? row->revoked_by : NULL);
	db_run(s, stmt);
}

bool
store_tunnel_load(struct store *s, const char *team, struct store_tunnel *row)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_TUNNEL_LOAD);

	memset(row, 0, sizeof *row);
	db_bind_text(stmt, ":team", team);
	if (!db_row(s, stmt))
		return false;
	db_text_into(stmt, 0, row->key, sizeof row->key);
	row->revoked_at = sqlite3_column_int64(stmt, 1);
	db_text_into(stmt, 2, row->revoked_by, sizeof row->revoked_by);
	sqlite3_reset(stmt);
	return true;
}
