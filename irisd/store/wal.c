/* SPDX-License-Identifier: MIT
 *
 * The write-ahead log of iris.db: a commit's frames in one write, room in the file ahead of its
 * end, and when it is copied back into the database. Called by SQLite when it uses the log, and
 * after each commit. Changes nothing of what is committed or when it is on disk.
 *
 * SQLite writes each frame's header and each frame's page by themselves: twenty system calls for a
 * message. Here they are gathered until the sync that ends the commit; whatever else is done with
 * the file comes after what was gathered.
 *
 * A sync of a file that has grown writes the file's length and its map of blocks as well, and takes
 * half as long again as one of pages that were there before. SQLite keeps the log's length when it
 * begins anew at its head, so only the first time through pays, and that in large steps. Zeros are
 * no frames: who reads the log after a crash stops before them.
 */
#include <stddef.h>
#include <string.h>

#include "common/log.h"
#include "irisd/store/db.h"

#define HEADER_BYTES 32 /* of the log, and of a frame: sqlite.org/fileformat2.html section 4 */
#define FRAME_HEADER 24
#define AHEAD        64 /* frames: more than the usual commit has */
#define STEP         ((int64_t)256 * 1024)
/* What the log grows to: its syncs are then too rare to be a part of the usual wait. */
#define LOG_BYTES ((int64_t)8 * 1024 * 1024)

#define GATHER_BYTES (16 * 1024)

/* Of the log that was opened first; there is one database in a program. */
static struct {
	sqlite3_file *file; /* NULL: none */
	const sqlite3_io_methods *real;
	sqlite3_io_methods methods; /* in their place */
	sqlite3_int64 at;
	int len;
	char bytes[GATHER_BYTES]; /* to be written at that place in the file */
} gather;

/* That they fail fails what was to come after; nobody counts on them then. */
static int
write_gathered(void)
{
	int len = gather.len;

	gather.len = 0;
	return len > 0 ? gather.real->xWrite(gather.file, gather.bytes, len, gather.at) : SQLITE_OK;
}

static int
log_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
	int rv;

	if (at != gather.at + gather.len || len > GATHER_BYTES - gather.len) {
		if ((rv = write_gathered()) != SQLITE_OK)
			return rv;
		gather.at = at;
	}
	if (len > GATHER_BYTES)
		return gather.real->xWrite(f, data, len, at);
	memcpy(gather.bytes + gather.len, data, (size_t)len);
	gather.len += len;
	return SQLITE_OK;
}

static int
log_read(sqlite3_file *f, void *data, int len, sqlite3_int64 at)
{
	int rv = write_gathered();

	return rv == SQLITE_OK ? gather.real->xRead(f, data, len, at) : rv;
}

static int
log_sync(sqlite3_file *f, int flags)
{
	int rv = write_gathered();

	return rv == SQLITE_OK ? gather.real->xSync(f, flags) : rv;
}

static int
log_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rv = write_gathered();

	return rv == SQLITE_OK ? gather.real->xTruncate(f, size) : rv;
}

static int
log_size(sqlite3_file *f, sqlite3_int64 *size)
{
	int rv = write_gathered();

	return rv == SQLITE_OK ? gather.real->xFileSize(f, size) : rv;
}

/* What is gathered here was never committed. */
static int
log_close(sqlite3_file *f)
{
	const sqlite3_io_methods *real = gather.real;

	gather.file = NULL;
	gather.len = 0;
	return real->xClose(f);
}

/* From its first commit on: before that, SQLite may still have another file in its place. */
static void
gather_writes(sqlite3_file *log)
{
	if (gather.file != NULL || log->pMethods->iVersion < 3)
		return;
	gather.file = log;
	gather.real = log->pMethods;
	gather.methods = *gather.real;
	gather.methods.xClose = log_close;
	gather.methods.xRead = log_read;
	gather.methods.xWrite = log_write;
	gather.methods.xSync = log_sync;
	gather.methods.xTruncate = log_truncate;
	gather.methods.xFileSize = log_size;
	gather.len = 0;
	log->pMethods = &gather.methods;
}

/* Room for some more frames. That it fails is no error here: the commit that needs it tells. */
static void
make_room(struct store *s, sqlite3_file *log, int frames)
{
	const sqlite3_io_methods *io = log == gather.file ? gather.real : log->pMethods;
	static const char zeros[16 * 1024];
	int64_t want = HEADER_BYTES + (int64_t)(frames + AHEAD) * s->frame_bytes, end;
	sqlite3_int64 size;

	if (s->log_size >= want || io->xFileSize(log, &size) != SQLITE_OK)
		return;
	s->log_size = size;
	if (size >= want)
		return;
	for (end = size + STEP; s->log_size < end; s->log_size += (int64_t)sizeof zeros)
		if (io->xWrite(log, zeros, sizeof zeros, s->log_size) != SQLITE_OK)
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
	    log != NULL && log->pMethods != NULL) {
		gather_writes(log);
		make_room(s, log, frames);
	}
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
