/* SPDX-License-Identifier: MIT
 *
 * The write-ahead log of iris.db: room in the file ahead of its end, and when it is copied back
 * into the database. Called by SQLite after each commit. Changes nothing of what is committed or
 * when it is on disk.
 *
 * A sync of a file that has grown writes the file's length and its map of blocks as well, and takes
 * half as long again as one of pages that were there before. SQLite keeps the log's length when it
 * begins anew at its head, so only the first time through pays, and that in large steps. Zeros are
 * no frames: who reads the log after a crash stops before them.
 */
#include <stddef.h>

#include "common/log.h"
#include "irisd/store/db.h"

#define HEADER_BYTES 32 /* of the log, and of a frame: sqlite.org/fileformat2.html section 4 */
#define FRAME_HEADER 24
#define AHEAD        64 /* frames: more than the usual commit has */
#define STEP         ((int64_t)256 * 1024)
/* What the log grows to: its syncs are then too rare to be a part of the usual wait. */
#define LOG_BYTES ((int64_t)8 * 1024 * 1024)

/* Room for some more frames. That it fails is no error here: the commit that needs it tells. */
static void
make_room(struct store *s, sqlite3_file *log, int frames)
{
	static const char zeros[16 * 1024];
	int64_t want = HEADER_BYTES + (int64_t)(frames + AHEAD) * s->frame_bytes, end;
	sqlite3_int64 size;

	if (s->log_size >= want || log->pMethods->xFileSize(log, &size) != SQLITE_OK)
		return;
	s->log_size = size;
	if (size >= want)
		return;
	for (end = size + STEP; s->log_size < end; s->log_size += (int64_t)sizeof zeros)
		if (log->pMethods->xWrite(log, zeros, sizeof zeros, s->log_size) != SQLITE_OK)
			return;
}

static int
frames_max(const struct store *s)
{
	return (int)(LOG_BYTES / s->frame_bytes);
}

static void
checkpoint(struct store *s, int frames)
{
	int rv = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	s->checkpoint_at = frames_max(s);
	if (rv == SQLITE_OK)
		return;
	/* A sync that has failed may have lost what it was to write: only a restart finds out. */
	if (rv == SQLITE_IOERR_FSYNC)
		db_fatal(s, "copying the log into the database");
	/* A full disk: the log goes on, and this is tried again when it has grown some more. */
	log_warn("the log of %s can not be copied into it: %s", s->path, sqlite3_errmsg(s->db));
	s->checkpoint_at = frames + frames_max(s) / 4;
}

static int
committed_cb(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct store *s = arg;
	sqlite3_file *log = NULL;

	if (sqlite3_file_control(db, name, SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
	    log != NULL && log->pMethods != NULL)
		make_room(s, log, frames);
	if (frames >= s->checkpoint_at) {
		checkpoint(s, frames);
		s->advance = true;
	}
	return SQLITE_OK;
}

int
db_watch_log(struct store *s, struct err *err)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(s->db, "PRAGMA page_size", -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW) {
		sqlite3_finalize(stmt);
		return err_set(
		    err, ERR_IO, "%s can not be read: %s", s->path, sqlite3_errmsg(s->db));
	}
	s->frame_bytes = sqlite3_column_int(stmt, 0) + FRAME_HEADER;
	sqlite3_finalize(stmt);
	s->checkpoint_at = frames_max(s);
	/* In place of SQLite's own, which would do without the first half. */
	sqlite3_wal_hook(s->db, committed_cb, s);
	return 0;
}
