/* SPDX-License-Identifier: MIT
 *
 * The schema and its history: migration N brings a database from version N to N + 1 (PRAGMA
 * user_version), all that are missing in one transaction. A released migration is never changed; a
 * new one is added.
 */
#include <string.h>

#include "common/log.h"
#include "irisd/store/db.h"

static const char *const migrations[STORE_SCHEMA] = {
    /* 0 -> 1 */
    "CREATE TABLE session ("
    " id INTEGER PRIMARY KEY,"
    " from_team TEXT NOT NULL,"
    " to_team TEXT NOT NULL,"
    " kind TEXT NOT NULL DEFAULT 'spawned' CHECK (kind IN ('spawned', 'live')),"
    " claude_id TEXT NOT NULL UNIQUE,"
    " started INTEGER NOT NULL DEFAULT 0,"
    " created_at INTEGER NOT NULL,"
    " last_used_at INTEGER NOT NULL,"
    " messages INTEGER NOT NULL DEFAULT 0,"
    " cost_usd REAL NOT NULL DEFAULT 0,"
    " UNIQUE (from_team, to_team, kind)"
    ") STRICT;"
    /* The texts come last, so that who reads the rest of a row does not read them as well. */
    "CREATE TABLE message ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " session INTEGER NOT NULL REFERENCES session (id),"
    " from_team TEXT NOT NULL,"
    " to_team TEXT NOT NULL,"
    " root TEXT NOT NULL,"
    " parent TEXT,"
    " hops INTEGER NOT NULL,"
    /* Not IN (...): SQLite would build a temporary table of the names for each row. */
    " state TEXT NOT NULL CHECK (state = 'queued' OR state = 'sent' OR state = 'seen' OR"
    "  state = 'answered' OR state = 'failed' OR state = 'expired' OR state = 'cancelled'),"
    " code TEXT,"
    " key TEXT UNIQUE,"
    " created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL,"
    " input_tokens INTEGER,"
    " output_tokens INTEGER,"
    " cache_read_tokens INTEGER,"
    " cache_creation_tokens INTEGER,"
    " num_turns INTEGER,"
    " duration_ms INTEGER,"
    " cost_usd REAL,"
    " model TEXT,"
    " reason TEXT,"
    " body TEXT NOT NULL,"
    " answer TEXT"
    ") STRICT;"
    "CREATE INDEX message_open ON message (id) WHERE state = 'queued' OR state = 'sent' OR"
    " state = 'seen';"
    "CREATE TABLE receipt ("
    " message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " state TEXT NOT NULL,"
    " at INTEGER NOT NULL,"
    " evidence TEXT NOT NULL,"
    " PRIMARY KEY (message, seq)"
    ") STRICT, WITHOUT ROWID;",
    /* 1 -> 2: what lives outlives irisd, so it is known by name; and messages may expire. */
    "ALTER TABLE session ADD COLUMN instance TEXT;"
    "ALTER TABLE message ADD COLUMN expires_at INTEGER;"
    "CREATE TABLE worker ("
    " pid INTEGER NOT NULL,"
    " start INTEGER NOT NULL,"
    " team TEXT NOT NULL,"
    " PRIMARY KEY (pid, start)"
    ") STRICT, WITHOUT ROWID;"
    /*
     * What each message would write and hardly ever be asked for: an index of those that are open
     * (see open_from instead: none before that one is) and receipts in the order of messages. They
     * are now in the order of time, and message.receipt is the first of its own.
     */
    "DROP INDEX message_open;"
    "CREATE TABLE open_from (message TEXT NOT NULL) STRICT;"
    "INSERT INTO open_from VALUES ('');"
    "CREATE TABLE new_receipt ("
    " message TEXT NOT NULL REFERENCES message (id),"
    " seq INTEGER PRIMARY KEY,"
    " state TEXT NOT NULL,"
    " at INTEGER NOT NULL,"
    " evidence TEXT NOT NULL"
    ") STRICT;"
    "INSERT INTO new_receipt (message, state, at, evidence)"
    " SELECT message, state, at, evidence FROM receipt ORDER BY message, seq;"
    "DROP TABLE receipt;"
    "ALTER TABLE new_receipt RENAME TO receipt;"
    "ALTER TABLE message ADD COLUMN receipt INTEGER NOT NULL DEFAULT 0;"
    "UPDATE message SET receipt = first FROM"
    " (SELECT message AS id, min(seq) AS first FROM receipt GROUP BY message) AS r"
    " WHERE r.id = message.id;",
    /* 2 -> 3: keys for HTTP. */
    "CREATE TABLE api_key ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " name TEXT NOT NULL,"
    " hash TEXT NOT NULL UNIQUE,"
    " scopes INTEGER NOT NULL,"
    " team TEXT,"
    " created_at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL,"
    " used_at INTEGER NOT NULL DEFAULT 0,"
    " revoked_at INTEGER NOT NULL DEFAULT 0"
    ") STRICT;",
    /* 3 -> 4: what kind of turn a message asks for; and the texts of ended ones (search.c). */
    "ALTER TABLE message ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
    "CREATE VIEW search_text AS SELECT r.seq AS seq, m.body AS body, m.answer AS answer"
    " FROM receipt AS r CROSS JOIN message AS m ON m.id = r.message;"
    "CREATE VIRTUAL TABLE search USING fts5(body, answer, content = 'search_text',"
    " content_rowid = 'seq', tokenize = 'unicode61 remove_diacritics 2');",
    /* 4 -> 5: permission requests, the rules that came of them, and every decision. */
    "CREATE TABLE permission ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " from_team TEXT NOT NULL,"
    " to_team TEXT NOT NULL,"
    " message TEXT,"
    " instance TEXT NOT NULL,"
    " request TEXT NOT NULL,"
    " tool TEXT NOT NULL,"
    " hash TEXT NOT NULL,"
    " asked TEXT,"
    " why TEXT NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 0,"
    " created_at INTEGER NOT NULL,"
    " deadline INTEGER NOT NULL,"
    " decided_at INTEGER NOT NULL DEFAULT 0,"
    " by TEXT,"
    " via TEXT,"
    " reason TEXT,"
    " description TEXT,"
    " blocked_path TEXT,"
    " suggestions TEXT,"
    " input TEXT NOT NULL,"
    " updated TEXT,"
    " UNIQUE (instance, request)"
    ") STRICT;"
    "CREATE INDEX permission_pending ON permission (id) WHERE state = 0;"
    "CREATE TABLE rule ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " team TEXT,"
    " rule TEXT NOT NULL,"
    " permission TEXT,"
    " by TEXT NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL DEFAULT 0,"
    " revoked_at INTEGER NOT NULL DEFAULT 0,"
    " revoked_by TEXT"
    ") STRICT;"
    /* Each row holds the hash of the one before it; audit_head that of the last one. */
    "CREATE TABLE audit ("
    " seq INTEGER PRIMARY KEY,"
    " at INTEGER NOT NULL,"
    " kind TEXT NOT NULL,"
    " decision TEXT NOT NULL,"
    " from_team TEXT,"
    " to_team TEXT,"
    " message TEXT,"
    " permission TEXT,"
    " tool TEXT,"
    " input_hash TEXT,"
    " by TEXT,"
    " via TEXT,"
    " rule TEXT,"
    " reason TEXT,"
    " took INTEGER,"
    " hash TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE audit_head (seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;"
    "INSERT INTO audit_head VALUES (0, '');"
    "CREATE TRIGGER audit_not_edited BEFORE UPDATE ON audit BEGIN"
    " SELECT raise(ABORT, 'the audit table is only appended to'); END;"
    "CREATE TRIGGER audit_not_removed BEFORE DELETE ON audit BEGIN"
    " SELECT raise(ABORT, 'the audit table is only appended to'); END;",
    /* 5 -> 6: a turn that was cut off on another machine goes on with another user line. */
    "ALTER TABLE message ADD COLUMN turn TEXT;"
    "ALTER TABLE message ADD COLUMN resumes INTEGER NOT NULL DEFAULT 0;"
    /* And what was made for, and decided about, a remote team's tunnel. */
    "CREATE TABLE tunnel ("
    " team TEXT PRIMARY KEY NOT NULL,"
    " key TEXT,"
    " revoked_at INTEGER NOT NULL DEFAULT 0,"
    " revoked_by TEXT"
    ") STRICT;",
    /* 6 -> 7: keys that speak as one session; a wish to cancel that can not be fulfilled yet. */
    "ALTER TABLE api_key ADD COLUMN session TEXT;"
    "ALTER TABLE message ADD COLUMN cancel INTEGER NOT NULL DEFAULT 0;",
    /* 7 -> 8: what a turn has used; what turns cost, by day; who is told of a message's end. */
    "ALTER TABLE message ADD COLUMN tools TEXT;"
    "CREATE TABLE cost ("
    " day TEXT NOT NULL,"
    " from_team TEXT NOT NULL,"
    " to_team TEXT NOT NULL,"
    " messages INTEGER NOT NULL,"
    " input_tokens INTEGER NOT NULL,"
    " output_tokens INTEGER NOT NULL,"
    " cache_read_tokens INTEGER NOT NULL,"
    " cache_creation_tokens INTEGER NOT NULL,"
    " cost_usd REAL NOT NULL,"
    " PRIMARY KEY (day, from_team, to_team)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO cost SELECT strftime('%Y-%m-%d', updated_at / 1000, 'unixepoch', 'localtime'),"
    " from_team, to_team, count(*), CAST(total(input_tokens) AS INTEGER),"
    " CAST(total(output_tokens) AS INTEGER),"
    " CAST(total(cache_read_tokens) AS INTEGER),"
    " CAST(total(cache_creation_tokens) AS INTEGER), total(cost_usd)"
    " FROM message WHERE input_tokens IS NOT NULL GROUP BY 1, 2, 3;"
    "CREATE TABLE webhook ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " message TEXT NOT NULL,"
    " url TEXT NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " next_at INTEGER NOT NULL DEFAULT 0,"
    " last_status INTEGER NOT NULL DEFAULT 0,"
    " last_error TEXT,"
    " created_at INTEGER NOT NULL,"
    " delivered_at INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE INDEX webhook_message ON webhook (message);"
    "CREATE INDEX webhook_due ON webhook (next_at) WHERE state = 0;",
    /* 8 -> 9: receivers of webhooks are in lanes, so that one that is slow is in few others' way */
    "ALTER TABLE webhook ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX webhook_lane ON webhook (lane, next_at) WHERE state = 0;",
    /* 9 -> 10: the messages of a pair, of a team and of who asks are found among very many. */
    "CREATE INDEX message_session ON message (session, id);",
};

static int
read_version(struct store *s, struct err *err)
{
	sqlite3_stmt *stmt;
	int version = -1;

	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	else
		err_set(err, ERR_IO, "%s can not be read: %s", s->path, sqlite3_errmsg(s->db));
	sqlite3_finalize(stmt);
	return version;
}

int
db_migrate(struct store *s, struct err *err)
{
	char pragma[64];
	int version, v;

	if ((version = read_version(s, err)) == -1)
		return -1;
	if (version > STORE_SCHEMA)
		return err_set(err, ERR_CONFIG,
		    "%s was written by a newer Iris (schema %d, this one knows %d); install that "
		    "version again, or set IRIS_HOME to another directory",
		    s->path, version, STORE_SCHEMA);
	if (version == STORE_SCHEMA)
		return 0;
	if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		goto fail;
	for (v = version; v < STORE_SCHEMA; v++)
		if (sqlite3_exec(s->db, migrations[v], NULL, NULL, NULL) != SQLITE_OK)
			goto fail;
	sqlite3_snprintf(sizeof pragma, pragma, "PRAGMA user_version = %d", STORE_SCHEMA);
	if (sqlite3_exec(s->db, pragma, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		goto fail;
	if (version != 0)
		log_info("database brought up to date path=%s from=%d to=%d", s->path, version,
		    STORE_SCHEMA);
	return 0;
fail:
	err_set(err, ERR_IO, "%s can not be brought from schema %d to %d: %s", s->path, version,
	    STORE_SCHEMA, sqlite3_errmsg(s->db));
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}
