/* SPDX-License-Identifier: MIT
 *
 * The connection to iris.db: opening it as DESIGN section 3 wants it (WAL, synchronous=FULL), the
 * statements, which are prepared once and kept, and the transaction of a loop pass.
 */
#include <sys/stat.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/store/db.h"
#include "irisd/store/vfs.h"

/* Of a new file. A message changes few rows on as many pages; each is summed and written whole. */
#define PAGE_SIZE "PRAGMA page_size = 1024"

#define MESSAGE_COLUMNS                                                                            \
	"id, session, from_team, to_team, body, root, parent, hops, state, answer, code, reason, " \
	"key, created_at, updated_at, input_tokens, output_tokens, cache_read_tokens, "            \
	"cache_creation_tokens, num_turns, duration_ms, cost_usd, model, expires_at, kind, turn, " \
	"resumes, cancel, tools"

#define KEY_COLUMNS                                                                                \
	"id, name, hash, scopes, team, created_at, expires_at, used_at, revoked_at, session"

#define PERMISSION_COLUMNS                                                                         \
	"id, from_team, to_team, message, instance, request, tool, hash, asked, why, state, "      \
	"created_at, deadline, decided_at, by, via, reason, description, blocked_path, "           \
	"suggestions, input, updated"

#define AUDIT_COLUMNS                                                                              \
	"seq, at, kind, decision, from_team, to_team, message, permission, tool, input_hash, by, " \
	"via, rule, reason, took, hash"

#define WEBHOOK_COLUMNS                                                                            \
	"w.id, w.message, w.url, w.state, w.attempts, w.next_at, w.last_status, w.last_error, "    \
	"w.created_at, w.delivered_at, m.from_team, m.to_team, w.lane"
#define WEBHOOK_TABLES "webhook w JOIN message m ON m.id = w.message"

#define IS_OPEN "(state = 'queued' OR state = 'sent' OR state = 'seen')"
/* ~ is behind every id. */
#define IS_LISTED                                                                                  \
	"id >= :floor AND id < coalesce(:before, '~') AND (:state IS NULL OR state = :state)"
#define IS_ABOUT "(:who IS NULL OR from_team = :who OR to_team = :who OR asked = :who)"

static const char *const sql[STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_SESSION_INSERT] =
	"INSERT INTO session (from_team, to_team, claude_id, started, created_at, last_used_at) "
	"VALUES (:from, :to, :claude_id, :started, :created_at, :last_used_at)",
    [STMT_SESSION_UPDATE] = "UPDATE session SET started = :started, last_used_at = :last_used_at, "
			    "messages = :messages, cost_usd = :cost_usd WHERE id = :id",
    /* By itself: with the others it would write its index for each message. */
    [STMT_SESSION_RENEW] =
	"UPDATE session SET claude_id = :claude_id WHERE id = :id AND claude_id <> :claude_id",
    [STMT_SESSION_EACH] =
	"SELECT id, from_team, to_team, claude_id, started, created_at, last_used_at, messages, "
	"cost_usd, instance FROM session ORDER BY id",
    [STMT_SESSION_PROCESS] = "UPDATE session SET instance = :instance WHERE id = :id",
    [STMT_WORKER_INSERT] = "INSERT INTO worker (pid, start, team) VALUES (:pid, :start, :team)",
    [STMT_WORKER_DELETE] = "DELETE FROM worker WHERE pid = :pid AND start = :start",
    [STMT_WORKER_EACH] = "SELECT pid, start, team FROM worker ORDER BY pid",
    [STMT_MESSAGE_INSERT] =
	"INSERT INTO message (id, session, from_team, to_team, body, root, parent, hops, state, "
	"key, created_at, updated_at, expires_at, receipt, kind) VALUES (:id, :session, :from, "
	":to, :body, :root, :parent, :hops, 'queued', :key, :at, :at, :expires_at, :receipt, "
	":kind)",
    [STMT_MESSAGE_STEP] = "UPDATE message SET state = :state, updated_at = :at WHERE id = :id",
    [STMT_MESSAGE_RESUME] = "UPDATE message SET turn = :turn, resumes = :resumes WHERE id = :id",
    [STMT_MESSAGE_CANCEL] = "UPDATE message SET cancel = 1 WHERE id = :id",
    [STMT_MESSAGE_TOOLS] = "UPDATE message SET tools = :tools WHERE id = :id",
    [STMT_MESSAGE_FINISH] =
	"UPDATE message SET state = :state, updated_at = :at, answer = :answer, code = :code, "
	"reason = :reason, input_tokens = :input_tokens, output_tokens = :output_tokens, "
	"cache_read_tokens = :cache_read_tokens, "
	"cache_creation_tokens = :cache_creation_tokens, num_turns = :num_turns, "
	"duration_ms = :duration_ms, cost_usd = :cost_usd, model = :model WHERE id = :id",
    [STMT_MESSAGE_LOAD] = "SELECT " MESSAGE_COLUMNS " FROM message WHERE id = :id",
    [STMT_MESSAGE_BY_KEY] = "SELECT " MESSAGE_COLUMNS " FROM message WHERE key = :key",
    [STMT_MESSAGE_EACH] =
	"SELECT " MESSAGE_COLUMNS " FROM message WHERE " IS_LISTED " ORDER BY id DESC LIMIT :limit",
    /* Of each session the newest, by its index alone; of these the newest. */
    [STMT_MESSAGE_EACH_OF] =
	"SELECT " MESSAGE_COLUMNS " FROM message WHERE id IN (SELECT value FROM session AS s, "
	"json_each((SELECT json_group_array(id) FROM (SELECT id FROM message WHERE session = s.id "
	"AND " IS_LISTED " ORDER BY id DESC LIMIT :limit))) "
	"WHERE (:team IS NULL OR s.to_team = :team) AND (:from IS NULL OR s.from_team = :from) "
	"AND (:who IS NULL OR s.from_team = :who OR s.to_team = :who) "
	"AND (:other IS NULL OR s.from_team = :other OR s.to_team = :other)) "
	"ORDER BY id DESC LIMIT :limit",
    [STMT_MESSAGE_OPEN] =
	"SELECT id, session, from_team, to_team, NULL, root, parent, hops, state, NULL, code, "
	"reason, NULL, created_at, updated_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
	"expires_at, kind, turn, resumes, cancel, NULL FROM message WHERE id >= :from AND " IS_OPEN
	" ORDER BY id",
    [STMT_MESSAGE_COUNT_ENDED] =
	"SELECT state, count(*) FROM message WHERE NOT " IS_OPEN " GROUP BY state",
    [STMT_MESSAGE_COUNT_OPEN] =
	"SELECT state, count(*) FROM message WHERE id >= :from AND " IS_OPEN " GROUP BY state",
    [STMT_OPEN_FROM] = "SELECT message FROM open_from",
    [STMT_OPEN_FROM_SET] = "UPDATE open_from SET message = :id",
    [STMT_OPEN_FROM_ADVANCE] =
	"UPDATE open_from SET message = coalesce((SELECT id FROM message WHERE id >= :from AND " IS_OPEN
	" ORDER BY id LIMIT 1), (SELECT max(id) FROM message), '')",
    [STMT_RECEIPT_INSERT] = "INSERT INTO receipt (message, seq, state, at, evidence) "
			    "VALUES (:id, :seq, :state, :at, :evidence)",
    [STMT_RECEIPT_AT] = "SELECT at FROM receipt WHERE seq = :seq",
    [STMT_RECEIPT_LAST] = "SELECT coalesce(max(seq), 0) FROM receipt",
    [STMT_RECEIPT_EACH] =
	"SELECT state, at, evidence FROM receipt WHERE seq >= (SELECT receipt FROM message WHERE "
	"id = :id) AND message = :id ORDER BY seq",
    [STMT_SEARCH_LAST] = "SELECT coalesce(max(id), 0) FROM search_docsize",
    [STMT_SEARCH_INSERT] =
	"INSERT INTO search (rowid, body, answer) SELECT r.seq, substr(m.body, 1, :most), "
	"substr(m.answer, 1, :most) FROM receipt AS r CROSS JOIN message AS m ON m.id = r.message "
	"WHERE r.seq > :last AND (r.state = 'answered' OR r.state = 'failed' OR "
	"r.state = 'expired' OR r.state = 'cancelled') ORDER BY r.seq LIMIT :limit",
    [STMT_SEARCH] =
	"SELECT m.id, m.from_team, m.to_team, m.state, m.created_at, m.updated_at, "
	"snippet(search, -1, '[', ']', ' ... ', 32) FROM search CROSS JOIN receipt AS r ON r.seq = "
	"search.rowid CROSS JOIN message AS m ON m.id = r.message WHERE search MATCH :query AND "
	"(:who IS NULL OR m.from_team = :who OR m.to_team = :who) AND "
	"(:other IS NULL OR m.from_team = :other OR m.to_team = :other) AND "
	"(:to IS NULL OR m.to_team = :to) AND (:state IS NULL OR m.state = :state) AND "
	"(:before IS NULL OR search.rowid < (SELECT seq FROM receipt WHERE seq >= "
	"(SELECT receipt FROM message WHERE id = :before) AND message = :before AND "
	"NOT " IS_OPEN " ORDER BY seq LIMIT 1)) ORDER BY search.rowid DESC LIMIT :limit",
    [STMT_KEY_INSERT] =
	"INSERT INTO api_key (id, name, hash, scopes, team, created_at, expires_at, "
	"session) VALUES (:id, :name, :hash, :scopes, :team, :created_at, :expires_at, :session)",
    [STMT_KEY_UPDATE] =
	"UPDATE api_key SET used_at = :used_at, revoked_at = :revoked_at WHERE id = :id",
    [STMT_KEY_DELETE] = "DELETE FROM api_key WHERE id = :id",
    [STMT_KEY_BY_HASH] = "SELECT " KEY_COLUMNS " FROM api_key WHERE hash = :hash",
    [STMT_KEY_LOAD] = "SELECT " KEY_COLUMNS " FROM api_key WHERE id = :id",
    [STMT_KEY_EACH] = "SELECT " KEY_COLUMNS " FROM api_key ORDER BY created_at, id",
    [STMT_TUNNEL_SET] =
	"INSERT OR REPLACE INTO tunnel (team, key, revoked_at, revoked_by) VALUES (:team, :key, "
	":revoked_at, :revoked_by)",
    [STMT_TUNNEL_LOAD] = "SELECT key, revoked_at, revoked_by FROM tunnel WHERE team = :team",
    [STMT_PERMISSION_INSERT] =
	"INSERT INTO permission (id, from_team, to_team, message, instance, request, tool, hash, "
	"asked, why, created_at, deadline, description, blocked_path, suggestions, input) VALUES "
	"(:id, :from, :to, :message, :instance, :request, :tool, :hash, :asked, :why, "
	":created_at, :deadline, :description, :blocked_path, :suggestions, :input)",
    [STMT_PERMISSION_DECIDE] =
	"UPDATE permission SET state = :state, decided_at = :decided_at, by = :by, via = :via, "
	"reason = :reason, updated = :updated WHERE id = :id",
    [STMT_PERMISSION_LOAD] = "SELECT " PERMISSION_COLUMNS " FROM permission WHERE id = :id",
    [STMT_PERMISSION_BY_REQUEST] =
	"SELECT " PERMISSION_COLUMNS
	" FROM permission WHERE instance = :instance AND request = :request",
    [STMT_PERMISSION_PENDING] =
	"SELECT " PERMISSION_COLUMNS " FROM permission WHERE state = 0 AND " IS_ABOUT
	" ORDER BY id DESC LIMIT :limit",
    [STMT_PERMISSION_EACH] = "SELECT " PERMISSION_COLUMNS " FROM permission WHERE " IS_ABOUT
			     " ORDER BY id DESC LIMIT :limit",
    [STMT_RULE_INSERT] = "INSERT INTO rule (team, rule, permission, by, created_at, expires_at) "
			 "VALUES (:team, :rule, :permission, :by, :created_at, :expires_at)",
    [STMT_RULE_REVOKE] =
	"UPDATE rule SET revoked_at = :revoked_at, revoked_by = :revoked_by WHERE id = :id",
    [STMT_RULE_EACH] = "SELECT id, team, rule, permission, by, created_at, expires_at, "
		       "revoked_at, revoked_by FROM rule ORDER BY id",
    [STMT_COST_ADD] =
	"INSERT INTO cost VALUES (:day, :from, :to, 1, :input_tokens, :output_tokens, "
	":cache_read_tokens, :cache_creation_tokens, :cost_usd) ON CONFLICT DO UPDATE SET "
	"messages = messages + 1, input_tokens = input_tokens + excluded.input_tokens, "
	"output_tokens = output_tokens + excluded.output_tokens, "
	"cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens, "
	"cache_creation_tokens = cache_creation_tokens + excluded.cache_creation_tokens, "
	"cost_usd = cost_usd + excluded.cost_usd",
    [STMT_COST_EACH] =
	"SELECT CASE WHEN :by & 1 THEN day END, CASE WHEN :by & 2 THEN to_team END, "
	"CASE WHEN :by & 4 THEN from_team END, coalesce(sum(messages), 0), "
	"coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), "
	"coalesce(sum(cache_read_tokens), 0), coalesce(sum(cache_creation_tokens), 0), "
	"total(cost_usd) FROM cost WHERE (:since IS NULL OR day >= :since) AND "
	"(:until IS NULL OR day <= :until) AND "
	"(:only IS NULL OR from_team = :only OR to_team = :only) "
	"GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT :limit",
    [STMT_AUDIT_HEAD] = "SELECT seq, hash FROM audit_head",
    [STMT_AUDIT_MOVE] = "UPDATE audit_head SET seq = :seq, hash = :hash",
    [STMT_AUDIT_APPEND] =
	"INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (:seq, :at, :kind, :decision, :from, :to, "
	":message, :permission, :tool, :input_hash, :by, :via, :rule, :reason, :took, :hash)",
    [STMT_AUDIT_EACH] =
	"SELECT " AUDIT_COLUMNS " FROM audit WHERE seq >= :seq ORDER BY seq LIMIT :limit",
    [STMT_WEBHOOK_INSERT] = "INSERT INTO webhook (id, message, url, lane, next_at, created_at) "
			    "VALUES (:id, :message, :url, :lane, :next_at, :created_at)",
    [STMT_WEBHOOK_UPDATE] =
	"UPDATE webhook SET state = :state, attempts = :attempts, next_at = :next_at, "
	"last_status = :last_status, last_error = :last_error, delivered_at = :delivered_at "
	"WHERE id = :id",
    [STMT_WEBHOOK_READY] =
	/* By its message: of those that wait there may be many. */
    "UPDATE webhook SET next_at = :at WHERE message = :message AND state = 0 AND +next_at = 0",
    [STMT_WEBHOOK_READY_ALL] =
	"UPDATE webhook SET next_at = :at WHERE state = 0 AND next_at = 0 AND EXISTS "
	"(SELECT 1 FROM message WHERE id = webhook.message AND NOT " IS_OPEN ")",
    [STMT_WEBHOOK_LOAD] = "SELECT " WEBHOOK_COLUMNS " FROM " WEBHOOK_TABLES " WHERE w.id = :id",
    [STMT_WEBHOOK_NEXT] =
	"SELECT " WEBHOOK_COLUMNS " FROM " WEBHOOK_TABLES
	" WHERE w.state = 0 AND w.next_at > 0 ORDER BY w.next_at, w.rowid LIMIT 1",
    [STMT_WEBHOOK_NEXT_IN] =
	"SELECT " WEBHOOK_COLUMNS " FROM " WEBHOOK_TABLES
	" WHERE w.lane = :lane AND w.state = 0 AND w.next_at > 0 ORDER BY w.next_at, w.rowid LIMIT 1",
    [STMT_WEBHOOK_COUNT] =
	"SELECT count(*), coalesce(sum(url = :url), 0) FROM webhook WHERE message = :message",
    [STMT_WEBHOOK_OPEN] = "SELECT count(*) FROM webhook WHERE state = 0 AND next_at = 0",
    [STMT_WEBHOOK_EACH] =
	"SELECT " WEBHOOK_COLUMNS " FROM " WEBHOOK_TABLES
	" WHERE (:message IS NULL OR w.message = :message) AND (:state < 0 OR w.state = :state) "
	"AND (:team IS NULL OR m.from_team = :team OR m.to_team = :team) "
	"AND (:before IS NULL OR w.id < :before) ORDER BY w.id DESC LIMIT :limit",
};

void
db_fatal(struct store *s, const char *doing)
{
	fatalx("the database %s failed (%s): %s; what was accepted is safe in it, free disk space "
	       "or repair the disk and start irisd again",
	    s->path, doing, sqlite3_errmsg(s->db));
}

sqlite3_stmt *
db_stmt(struct store *s, enum store_stmt which)
{
	if (s->stmt[which] == NULL) {
		if (sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
			&s->stmt[which], NULL) != SQLITE_OK)
			db_fatal(s, sql[which]);
	} else {
		sqlite3_reset(s->stmt[which]);
		sqlite3_clear_bindings(s->stmt[which]);
	}
	return s->stmt[which];
}

sqlite3_stmt *
db_write(struct store *s, enum store_stmt which)
{
	if (!s->writing) {
		db_run(s, db_stmt(s, STMT_BEGIN));
		s->writing = true;
	}
	return db_stmt(s, which);
}

void
db_run(struct store *s, sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE)
		db_fatal(s, sqlite3_sql(stmt));
	sqlite3_reset(stmt);
}

bool
db_row(struct store *s, sqlite3_stmt *stmt)
{
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		return true;
	case SQLITE_DONE:
		sqlite3_reset(stmt);
		return false;
	default:
		db_fatal(s, sqlite3_sql(stmt));
	}
}

/* Mostly they are bound in the order that they have in the statement. */
static int
param(sqlite3_stmt *stmt, const char *name)
{
	static int last;
	const char *next = sqlite3_bind_parameter_name(stmt, last + 1);

	if (next != NULL && strcmp(next, name) == 0)
		last++;
	else if ((last = sqlite3_bind_parameter_index(stmt, name)) == 0)
		fatalx("no parameter %s in: %s", name, sqlite3_sql(stmt));
	return last;
}

void
db_bind_text(sqlite3_stmt *stmt, const char *name, const char *value)
{
	if (value != NULL)
		sqlite3_bind_text64(
		    stmt, param(stmt, name), value, strlen(value), SQLITE_STATIC, SQLITE_UTF8);
}

void
db_bind_int(sqlite3_stmt *stmt, const char *name, int64_t value)
{
	sqlite3_bind_int64(stmt, param(stmt, name), value);
}

void
db_bind_num(sqlite3_stmt *stmt, const char *name, double value)
{
	sqlite3_bind_double(stmt, param(stmt, name), value);
}

char *
db_text(sqlite3_stmt *stmt, int col)
{
	const char *text = (const char *)sqlite3_column_text(stmt, col);

	return xstrdup_null(text);
}

void
db_text_into(sqlite3_stmt *stmt, int col, char *buf, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(stmt, col);

	compat_strlcpy(buf, text == NULL ? "" : text, size);
}

void
store_commit(struct store *s)
{
	if (!s->writing)
		return;
	if (s->advance)
		db_advance_open(s);
	db_run(s, db_stmt(s, STMT_COMMIT));
	s->writing = false;
}

bool
store_pending(const struct store *s)
{
	return s->writing;
}

static const char *
way_out(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
		return "; another program has it open, or an irisd whose lock was removed: end that";
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return "; put back a copy of it, or move it away: Iris then begins with an empty one";
	default:
		return "";
	}
}

static int
exec(struct store *s, const char *text, struct err *err)
{
	int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		return 0;
	return err_set(
	    err, ERR_IO, "%s: %s (%s)%s", s->path, sqlite3_errmsg(s->db), text, way_out(rc));
}

static int
open_db(struct store *s, struct err *err)
{
	int fd;

	if (strcmp(s->path, ":memory:") != 0) {
		/* SQLite would make the file with the umask's mode. */
		if ((fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) == -1)
			return err_sys(err, ERR_IO, "can not open the database %s", s->path);
		close(fd);
	}
	if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return err_set(err, ERR_IO, "can not open the database %s: %s", s->path,
		    s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory");
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* fullfsync matters on macOS only, where fsync(2) does not reach the disk. */
	if (exec(s, PAGE_SIZE, err) == -1 ||
	    exec(s, "PRAGMA locking_mode = EXCLUSIVE", err) == -1 ||
	    exec(s, "PRAGMA journal_mode = WAL", err) == -1 ||
	    exec(s, "PRAGMA synchronous = FULL", err) == -1 ||
	    exec(s, "PRAGMA fullfsync = ON", err) == -1 ||
	    exec(s, "PRAGMA foreign_keys = ON", err) == -1 ||
	    exec(s, "PRAGMA cache_size = -1024", err) == -1 ||
	    exec(s, "PRAGMA trusted_schema = OFF", err) == -1)
		return -1;
	if (db_watch_log(s, err) == -1 || db_migrate(s, err) == -1)
		return -1;
	db_load(s);
	return 0;
}

struct store *
store_open(const char *path, struct err *err)
{
	struct store *s = xcalloc(1, sizeof *s);

	/* One thread, and nobody asks for SQLite's statistics: no lock for each allocation. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	s->path = xstrdup(path);
	vfs_install(path);
	if (open_db(s, err) == -1) {
		store_close(s);
		return NULL;
	}
	return s;
}

void
store_close(struct store *s)
{
	int i;

	if (s == NULL)
		return;
	if (s->db != NULL)
		store_commit(s);
	for (i = 0; i < STMT_COUNT; i++)
		sqlite3_finalize(s->stmt[i]);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}
