/* SPDX-License-Identifier: MIT
 *
 * What the files of store/ share: the connection, its statements by name, and the rule that a
 * failing statement is fatal. Included by nothing outside this directory.
 */
#ifndef IRIS_STORE_DB_H
#define IRIS_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "irisd/store/store.h"

/* Every statement that is ever run after start, prepared once. */
enum store_stmt {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_SESSION_INSERT,
	STMT_SESSION_UPDATE,
	STMT_SESSION_RENEW,
	STMT_SESSION_PROCESS,
	STMT_SESSION_EACH,
	STMT_WORKER_INSERT,
	STMT_WORKER_DELETE,
	STMT_WORKER_EACH,
	STMT_MESSAGE_INSERT,
	STMT_MESSAGE_STEP,
	STMT_MESSAGE_RESUME,
	STMT_MESSAGE_CANCEL,
	STMT_MESSAGE_TOOLS,
	STMT_MESSAGE_FINISH,
	STMT_MESSAGE_LOAD,
	STMT_MESSAGE_BY_KEY,
	STMT_MESSAGE_EACH,
	STMT_MESSAGE_EACH_OF,
	STMT_MESSAGE_OPEN,
	STMT_MESSAGE_COUNT_ENDED,
	STMT_MESSAGE_COUNT_OPEN,
	STMT_OPEN_FROM,
	STMT_OPEN_FROM_SET,
	STMT_OPEN_FROM_ADVANCE,
	STMT_RECEIPT_INSERT,
	STMT_RECEIPT_AT,
	STMT_RECEIPT_LAST,
	STMT_RECEIPT_EACH,
	STMT_SEARCH_LAST,
	STMT_SEARCH_INSERT,
	STMT_SEARCH,
	STMT_KEY_INSERT,
	STMT_KEY_UPDATE,
	STMT_KEY_DELETE,
	STMT_KEY_BY_HASH,
	STMT_KEY_LOAD,
	STMT_KEY_EACH,
	STMT_TUNNEL_SET,
	STMT_TUNNEL_LOAD,
	STMT_PERMISSION_INSERT,
	STMT_PERMISSION_DECIDE,
	STMT_PERMISSION_LOAD,
	STMT_PERMISSION_BY_REQUEST,
	STMT_PERMISSION_PENDING,
	STMT_PERMISSION_EACH,
	STMT_RULE_INSERT,
	STMT_RULE_REVOKE,
	STMT_RULE_EACH,
	STMT_COST_ADD,
	STMT_COST_EACH,
	STMT_AUDIT_HEAD,
	STMT_AUDIT_MOVE,
	STMT_AUDIT_APPEND,
	STMT_AUDIT_EACH,
	STMT_WEBHOOK_INSERT,
	STMT_WEBHOOK_UPDATE,
	STMT_WEBHOOK_READY,
	STMT_WEBHOOK_READY_ALL,
	STMT_WEBHOOK_LOAD,
	STMT_WEBHOOK_NEXT,
	STMT_WEBHOOK_NEXT_IN,
	STMT_WEBHOOK_COUNT,
	STMT_WEBHOOK_OPEN,
	STMT_WEBHOOK_EACH,
	STMT_COUNT
};

struct store {
	sqlite3 *db;
	char *path;
	bool writing;                 /* a transaction is open */
	int64_t log_size;             /* bytes that the file of the log is known to have */
	int frame_bytes;              /* of the log: a page and its header */
	int checkpoint_at;            /* frames in the log */
	int64_t receipts;             /* receipt.seq of the last one */
	int64_t indexed;              /* receipt.seq up to which texts can be searched */
	char open_from[UUID_LEN + 1]; /* no message with an id before this one is open */
	bool advance;                 /* with the next commit, open_from */
	bool counted;                 /* ended is known */
	int64_t ended[LADDER_COUNT];  /* messages of each state that is final */
	sqlite3_stmt *stmt[STMT_COUNT];
};

/*
 * Bring the schema to STORE_SCHEMA. -1 with ERR_IO, or ERR_CONFIG for a database of a newer Iris.
 */
int db_migrate(struct store *s, struct err *err);

/* Look after the write-ahead log from now on (wal.c). -1 with ERR_IO. */
int db_watch_log(struct store *s, struct err *err);

/* Read from the tables what is kept of them in memory (message.c). */
void db_load(struct store *s);
/* Move open_from to where the first open message is now, in this transaction (message.c). */
void db_advance_open(struct store *s);

/* The statement, reset and with its bindings cleared; prepared on first use. */
sqlite3_stmt *db_stmt(struct store *s, enum store_stmt which);
/* The same for one that writes: opens the pass's transaction first. */
sqlite3_stmt *db_write(struct store *s, enum store_stmt which);

/* Step a statement to its end; fatal when it fails. */
void db_run(struct store *s, sqlite3_stmt *stmt);
/* Step a statement that reads: true for a row; fatal when it fails. */
bool db_row(struct store *s, sqlite3_stmt *stmt);
void db_fatal(struct store *s, const char *doing) __attribute__((noreturn));

/*
 * Parameters by name (":id"); a NULL text is NULL. The text must live until the statement was run.
 */
void db_bind_text(sqlite3_stmt *stmt, const char *name, const char *value);
void db_bind_int(sqlite3_stmt *stmt, const char *name, int64_t value);
void db_bind_num(sqlite3_stmt *stmt, const char *name, double value);

/* A column as a copy of the caller's, NULL for NULL; and into a fixed buffer, "" for NULL. */
char *db_text(sqlite3_stmt *stmt, int col);
void db_text_into(sqlite3_stmt *stmt, int col, char *buf, size_t size);

#endif
