/* SPDX-License-Identifier: MIT
 *
 * Full-text search over messages that have ended, see store.h. The index (FTS5) holds no texts of
 * its own. It is written behind the messages, never with them, so that sending and answering do not
 * wait for it: its rows are named by the last receipt of their message, and the largest name tells
 * what is still to do, also after a death.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/store/db.h"

#define TEXT_MOST  65536 /* characters of a body or an answer that can be found */
#define WORDS_MOST 32

bool
store_search_more(struct store *s, int limit)
{
	sqlite3_stmt *stmt;
	int64_t before = s->indexed;
	struct err err;

	/* Receipts that nobody has looked at: usually none, and then nothing is written. */
	if (s->receipts == s->indexed || store_room(s, &err) == -1)
		return false;
	stmt = db_write(s, STMT_SEARCH_INSERT);
	db_bind_int(stmt, ":most", TEXT_MOST);
	db_bind_int(stmt, ":last", s->indexed);
	db_bind_int(stmt, ":limit", limit);
	db_run(s, stmt);
	stmt = db_stmt(s, STMT_SEARCH_LAST);
	if (db_row(s, stmt)) {
		s->indexed = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
	}
	return s->indexed != before;
}

/* One word as a string of FTS5, behind what is in out; nothing in it is an operator then. */
static char *
add_word(char *out, const char *word, size_t len)
{
	bool prefix = len > 1 && word[len - 1] == '*';
	char *q = xmalloc(2 * len + 4), *all;
	size_t n = 0, i;

	q[n++] = '"';
	for (i = 0; i < len - prefix; i++) {
		if (word[i] == '"')
			q[n++] = '"';
		q[n++] = word[i];
	}
	q[n++] = '"';
	if (prefix)
		q[n++] = '*';
	q[n] = '\0';
	all = out == NULL ? xstrdup(q) : xasprintf("%s %s", out, q);
	free(q);
	free(out);
	return all;
}

/* NULL when there is no word. */
static char *
match_of(const char *query)
{
	char *out = NULL;
	size_t len;
	int n;

	for (n = 0; n < WORDS_MOST; n++) {
		query += strspn(query, " \t\r\n\f\v");
		if ((len = strcspn(query, " \t\r\n\f\v")) == 0)
			break;
		out = add_word(out, query, len);
		query += len;
	}
	return out;
}

bool
store_search(struct store *s, const struct store_find *f,
    void (*cb)(const struct store_message *, const char *, void *), void *arg)
{
	char *match = match_of(f->query);
	struct store_message m;
	sqlite3_stmt *stmt;

	if (match == NULL)
		return false;
	stmt = db_stmt(s, STMT_SEARCH);
	db_bind_text(stmt, ":query", match);
	db_bind_text(stmt, ":who", f->who);
	db_bind_text(stmt, ":other", f->other);
	db_bind_text(stmt, ":to", f->to);
	db_bind_text(stmt, ":state", f->state != -1 ? ladder_name((enum ladder)f->state) : NULL);
	db_bind_text(stmt, ":before", f->before);
	db_bind_int(stmt, ":limit", f->limit);
	while (db_row(s, stmt)) {
		memset(&m, 0, sizeof m);
		db_text_into(stmt, 0, m.id, sizeof m.id);
		m.from = db_text(stmt, 1);
		m.to = db_text(stmt, 2);
		if (ladder_from_name((const char *)sqlite3_column_text(stmt, 3), &m.state) == -1)
			m.state = LADDER_FAILED;
		m.created_at = sqlite3_column_int64(stmt, 4);
		m.updated_at = sqlite3_column_int64(stmt, 5);
		cb(&m, (const char *)sqlite3_column_text(stmt, 6), arg);
		store_message_release(&m);
	}
	free(match);
	return true;
}
