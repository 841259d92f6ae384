/* SPDX-License-Identifier: MIT
 *
 * The tables of messages and receipts, see store.h. Every change of a message's state goes through
 * write_step, which refuses a step that the ladder does not know.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "irisd/store/db.h"

static void
insert_receipt(struct store *s, const char *id, enum ladder state, int64_t at, const char *evidence)
{
	sqlite3_stmt *stmt = db_write(s, STMT_RECEIPT_INSERT);

	db_bind_text(stmt, ":id", id);
	db_bind_int(stmt, ":seq", ++s->receipts);
	db_bind_text(stmt, ":state", ladder_name(state));
	db_bind_int(stmt, ":at", at);
	db_bind_text(stmt, ":evidence", evidence);
	db_run(s, stmt);
}

static void
read_open_from(struct store *s)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_OPEN_FROM);

	if (db_row(s, stmt)) {
		db_text_into(stmt, 0, s->open_from, sizeof s->open_from);
		sqlite3_reset(stmt);
	}
}

void
db_load(struct store *s)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_RECEIPT_LAST);

	if (db_row(s, stmt)) {
		s->receipts = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
	}
	stmt = db_stmt(s, STMT_SEARCH_LAST);
	if (db_row(s, stmt)) {
		s->indexed = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
	}
	read_open_from(s);
}

void
db_advance_open(struct store *s)
{
	sqlite3_stmt *stmt = db_write(s, STMT_OPEN_FROM_ADVANCE);

	s->advance = false;
	db_bind_text(stmt, ":from", s->open_from);
	db_run(s, stmt);
	read_open_from(s);
}

/* Ids grow with time, but a clock may be set back while no irisd runs. */
static void
keep_open(struct store *s, const char *id)
{
	sqlite3_stmt *stmt;

	if (strcmp(id, s->open_from) >= 0)
		return;
	stmt = db_write(s, STMT_OPEN_FROM_SET);
	db_bind_text(stmt, ":id", id);
	db_run(s, stmt);
	compat_strlcpy(s->open_from, id, sizeof s->open_from);
}

int
store_message_insert(struct store *s, const struct store_message *m, struct err *err)
{
	sqlite3_stmt *stmt = db_write(s, STMT_MESSAGE_INSERT);
	int rv;

	db_bind_text(stmt, ":id", m->id);
	db_bind_int(stmt, ":session", m->session);
	db_bind_text(stmt, ":from", m->from);
	db_bind_text(stmt, ":to", m->to);
	db_bind_text(stmt, ":body", m->body);
	db_bind_text(stmt, ":root", m->root);
	db_bind_text(stmt, ":parent", m->parent[0] != '\0' ? m->parent : NULL);
	db_bind_int(stmt, ":hops", m->hops);
	db_bind_text(stmt, ":key", m->key);
	db_bind_int(stmt, ":at", m->created_at);
	if (m->expires_at != 0)
		db_bind_int(stmt, ":expires_at", m->expires_at);
	db_bind_int(stmt, ":kind", m->kind);
	db_bind_int(stmt, ":receipt", s->receipts + 1);
	rv = sqlite3_step(stmt);
	if (rv != SQLITE_DONE) {
		/* A full disk may have rolled back what others in this pass were promised. */
		if (sqlite3_get_autocommit(s->db))
			db_fatal(s, "storing a message");
		err_set(err, rv == SQLITE_CONSTRAINT_UNIQUE ? ERR_INVALID : ERR_IO,
		    "the message can not be stored in %s: %s", s->path, sqlite3_errmsg(s->db));
		sqlite3_reset(stmt);
		return -1;
	}
	sqlite3_reset(stmt);
	keep_open(s, m->id);
	insert_receipt(s, m->id, LADDER_QUEUED, m->created_at, "stored");
	return 0;
}

void
store_message_step(
    struct store *s, const char *id, enum ladder state, int64_t at, const char *evidence)
{
	sqlite3_stmt *stmt = db_write(s, STMT_MESSAGE_STEP);

	assert(!ladder_final(state));
	db_bind_text(stmt, ":id", id);
	db_bind_text(stmt, ":state", ladder_name(state));
	db_bind_int(stmt, ":at", at);
	db_run(s, stmt);
	insert_receipt(s, id, state, at, evidence);
}

void
store_message_resume(struct store *s, const char *id, const char *turn, int64_t resumes)
{
	sqlite3_stmt *stmt = db_write(s, STMT_MESSAGE_RESUME);

	db_bind_text(stmt, ":turn", turn);
	db_bind_int(stmt, ":resumes", resumes);
	db_bind_text(stmt, ":id", id);
	db_run(s, stmt);
}

void
store_message_cancel(struct store *s, const char *id)
{
	sqlite3_stmt *stmt = db_write(s, STMT_MESSAGE_CANCEL);

	db_bind_text(stmt, ":id", id);
	db_run(s, stmt);
}

void
store_message_tools(struct store *s, const char *id, const char *tools)
{
	sqlite3_stmt *stmt = db_write(s, STMT_MESSAGE_TOOLS);

	db_bind_text(stmt, ":tools", tools);
	db_bind_text(stmt, ":id", id);
	db_run(s, stmt);
}

void
store_message_finish(struct store *s, const char *id, enum ladder state, int64_t at,
    const char *evidence, const char *answer, enum err_code code, const char *reason,
    const struct store_usage *usage)
{
	sqlite3_stmt *stmt = db_write(s, STMT_MESSAGE_FINISH);

	assert(ladder_final(state));
	db_bind_text(stmt, ":id", id);
	db_bind_text(stmt, ":state", ladder_name(state));
	db_bind_int(stmt, ":at", at);
	db_bind_text(stmt, ":answer", answer);
	db_bind_text(stmt, ":code", code != ERR_NONE ? err_name(code) : NULL);
	db_bind_text(stmt, ":reason", reason);
	if (usage != NULL) {
		db_bind_int(stmt, ":input_tokens", usage->input_tokens);
		db_bind_int(stmt, ":output_tokens", usage->output_tokens);
		db_bind_int(stmt, ":cache_read_tokens", usage->cache_read_tokens);
		db_bind_int(stmt, ":cache_creation_tokens", usage->cache_creation_tokens);
		db_bind_int(stmt, ":num_turns", usage->num_turns);
		db_bind_int(stmt, ":duration_ms", usage->duration_ms);
		db_bind_num(stmt, ":cost_usd", usage->cost_usd);
		db_bind_text(stmt, ":model", usage->model);
	}
	db_run(s, stmt);
	if (s->counted)
		s->ended[state]++;
	insert_receipt(s, id, state, at, evidence);
}

/* A text column, cut to max characters (0: whole). */
static char *
text_cut(sqlite3_stmt *stmt, int col, size_t max)
{
	const char *text = (const char *)sqlite3_column_text(stmt, col);
	size_t n = 0;

	if (text == NULL || max == 0)
		return xstrdup_null(text);
	while (max > 0 && text[n] != '\0') {
		n++;
		while ((text[n] & 0xc0) == 0x80)
			n++;
		max--;
	}
	return xstrndup(text, n);
}

/* The columns of MESSAGE_COLUMNS. */
static void
read_row(sqlite3_stmt *stmt, struct store_message *m, size_t brief)
{
	const char *state = (const char *)sqlite3_column_text(stmt, 8);
	const char *code = (const char *)sqlite3_column_text(stmt, 10);

	memset(m, 0, sizeof *m);
	db_text_into(stmt, 0, m->id, sizeof m->id);
	m->session = sqlite3_column_int64(stmt, 1);
	m->from = db_text(stmt, 2);
	m->to = db_text(stmt, 3);
	m->body = text_cut(stmt, 4, brief);
	db_text_into(stmt, 5, m->root, sizeof m->root);
	db_text_into(stmt, 6, m->parent, sizeof m->parent);
	m->hops = sqlite3_column_int64(stmt, 7);
	if (ladder_from_name(state, &m->state) == -1)
		m->state = LADDER_FAILED;
	m->answer = text_cut(stmt, 9, brief);
	m->code = code != NULL ? err_code_from_name(code) : ERR_NONE;
	m->reason = db_text(stmt, 11);
	m->key = db_text(stmt, 12);
	m->created_at = sqlite3_column_int64(stmt, 13);
	m->updated_at = sqlite3_column_int64(stmt, 14);
	m->has_usage = sqlite3_column_type(stmt, 15) != SQLITE_NULL;
	m->usage.input_tokens = sqlite3_column_int64(stmt, 15);
	m->usage.output_tokens = sqlite3_column_int64(stmt, 16);
	m->usage.cache_read_tokens = sqlite3_column_int64(stmt, 17);
	m->usage.cache_creation_tokens = sqlite3_column_int64(stmt, 18);
	m->usage.num_turns = sqlite3_column_int64(stmt, 19);
	m->usage.duration_ms = sqlite3_column_int64(stmt, 20);
	m->usage.cost_usd = sqlite3_column_double(stmt, 21);
	m->usage.model = db_text(stmt, 22);
	m->expires_at = sqlite3_column_int64(stmt, 23);
	m->kind = (enum store_kind)sqlite3_column_int(stmt, 24);
	db_text_into(stmt, 25, m->turn, sizeof m->turn);
	m->resumes = sqlite3_column_int64(stmt, 26);
	m->cancel = sqlite3_column_int(stmt, 27) != 0;
	m->tools = brief == 0 ? db_text(stmt, 28) : NULL;
}

void
store_message_release(struct store_message *m)
{
	free(m->from);
	free(m->to);
	free(m->body);
	free(m->answer);
	free(m->reason);
	free(m->key);
	free(m->usage.model);
	free(m->tools);
	memset(m, 0, sizeof *m);
}

static bool
load_one(struct store *s, sqlite3_stmt *stmt, struct store_message *m, size_t brief)
{
	if (!db_row(s, stmt))
		return false;
	read_row(stmt, m, brief);
	sqlite3_reset(stmt);
	return true;
}

bool
store_message_load(struct store *s, const char *id, struct store_message *m)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_MESSAGE_LOAD);

	db_bind_text(stmt, ":id", id);
	return load_one(s, stmt, m, 0);
}

bool
store_message_load_brief(struct store *s, const char *id, struct store_message *m)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_MESSAGE_LOAD);

	db_bind_text(stmt, ":id", id);
	return load_one(s, stmt, m, STORE_BRIEF);
}

bool
store_message_by_key(struct store *s, const char *key, struct store_message *m)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_MESSAGE_BY_KEY);

	db_bind_text(stmt, ":key", key);
	return load_one(s, stmt, m, 0);
}

static void
each_row(struct store *s, sqlite3_stmt *stmt, size_t brief,
    void (*cb)(const struct store_message *, void *), void *arg)
{
	struct store_message m;

	while (db_row(s, stmt)) {
		read_row(stmt, &m, brief);
		cb(&m, arg);
		store_message_release(&m);
	}
}

void
store_message_each(struct store *s, const struct store_filter *f,
    void (*cb)(const struct store_message *, void *), void *arg)
{
	bool all = f->team == NULL && f->from == NULL && f->who == NULL && f->other == NULL;
	sqlite3_stmt *stmt = db_stmt(s, all ? STMT_MESSAGE_EACH : STMT_MESSAGE_EACH_OF);
	bool open = f->state != -1 && !ladder_final((enum ladder)f->state);

	db_bind_text(stmt, ":floor", open ? s->open_from : "");
	db_bind_text(stmt, ":before", f->before);
	if (f->state != -1)
		db_bind_text(stmt, ":state", ladder_name((enum ladder)f->state));
	db_bind_int(stmt, ":limit", f->limit);
	if (!all) {
		db_bind_text(stmt, ":team", f->team);
		db_bind_text(stmt, ":from", f->from);
		db_bind_text(stmt, ":who", f->who);
		db_bind_text(stmt, ":other", f->other);
	}
	each_row(s, stmt, f->brief ? STORE_BRIEF : 0, cb, arg);
}

void
store_message_open_each(
    struct store *s, void (*cb)(const struct store_message *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_MESSAGE_OPEN);

	db_bind_text(stmt, ":from", s->open_from);
	each_row(s, stmt, 0, cb, arg);
}

static void
read_counts(struct store *s, sqlite3_stmt *stmt, int64_t counts[LADDER_COUNT])
{
	enum ladder state;

	while (db_row(s, stmt))
		if (ladder_from_name((const char *)sqlite3_column_text(stmt, 0), &state) == 0)
			counts[state] = sqlite3_column_int64(stmt, 1);
}

/* Those that have ended are many, and stay so: they are counted once. */
void
store_message_counts(struct store *s, int64_t counts[LADDER_COUNT])
{
	sqlite3_stmt *stmt;

	if (!s->counted)
		read_counts(s, db_stmt(s, STMT_MESSAGE_COUNT_ENDED), s->ended);
	s->counted = true;
	memcpy(counts, s->ended, sizeof s->ended);
	stmt = db_stmt(s, STMT_MESSAGE_COUNT_OPEN);
	db_bind_text(stmt, ":from", s->open_from);
	read_counts(s, stmt, counts);
}

int64_t
store_last_at(struct store *s)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_RECEIPT_AT);
	int64_t at = 0;

	db_bind_int(stmt, ":seq", s->receipts);
	if (db_row(s, stmt)) {
		at = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
	}
	return at;
}

void
store_receipts_each(
    struct store *s, const char *id, void (*cb)(const struct store_receipt *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_RECEIPT_EACH);
	struct store_receipt r;

	db_bind_text(stmt, ":id", id);
	while (db_row(s, stmt)) {
		if (ladder_from_name((const char *)sqlite3_column_text(stmt, 0), &r.state) == -1)
			continue;
		r.at = sqlite3_column_int64(stmt, 1);
		r.evidence = (const char *)sqlite3_column_text(stmt, 2);
		cb(&r, arg);
		/* It has no more, and what follows are the other messages'. */
		if (ladder_final(r.state)) {
			sqlite3_reset(stmt);
			return;
		}
	}
}
