/* SPDX-License-Identifier: MIT
 *
 * The table of costs, see store.h: what turns have used, one row for each day and pair of teams, so
 * that a year of messages is summed up from some thousand rows. Days are those of this machine's
 * time zone.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "irisd/store/db.h"

#define ROWS_MAX 10000

static const char *
day_of(int64_t at, char day[STORE_DAY_SIZE])
{
	time_t seconds = (time_t)(at / 1000);
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL ||
	    strftime(day, STORE_DAY_SIZE, "%Y-%m-%d", &tm) == 0)
		day[0] = '\0';
	return day;
}

void
store_cost_add(
    struct store *s, int64_t at, const char *from, const char *to, const struct store_usage *usage)
{
	sqlite3_stmt *stmt = db_write(s, STMT_COST_ADD);
	char day[STORE_DAY_SIZE];

	db_bind_text(stmt, ":day", day_of(at, day));
	db_bind_text(stmt, ":from", from);
	db_bind_text(stmt, ":to", to);
	db_bind_int(stmt, ":input_tokens", usage->input_tokens);
	db_bind_int(stmt, ":output_tokens", usage->output_tokens);
	db_bind_int(stmt, ":cache_read_tokens", usage->cache_read_tokens);
	db_bind_int(stmt, ":cache_creation_tokens", usage->cache_creation_tokens);
	db_bind_num(stmt, ":cost_usd", usage->cost_usd);
	db_run(s, stmt);
}

bool
store_cost_each(struct store *s, const struct store_cost_filter *f,
    void (*cb)(const struct store_cost *, void *), void *arg)
{
	sqlite3_stmt *stmt = db_stmt(s, STMT_COST_EACH);
	struct store_cost row;
	int n = 0;

	db_bind_int(stmt, ":by", f->by);
	db_bind_text(stmt, ":since", f->since);
	db_bind_text(stmt, ":until", f->until);
	db_bind_text(stmt, ":only", f->only);
	db_bind_int(stmt, ":limit", ROWS_MAX + 1);
	while (db_row(s, stmt)) {
		if (n++ == ROWS_MAX) {
			sqlite3_reset(stmt);
			return true;
		}
		row.day = (const char *)sqlite3_column_text(stmt, 0);
		row.to = (const char *)sqlite3_column_text(stmt, 1);
		row.from = (const char *)sqlite3_column_text(stmt, 2);
		row.messages = sqlite3_column_int64(stmt, 3);
		row.usage.input_tokens = sqlite3_column_int64(stmt, 4);
		row.usage.output_tokens = sqlite3_column_int64(stmt, 5);
		row.usage.cache_read_tokens = sqlite3_column_int64(stmt, 6);
		row.usage.cache_creation_tokens = sqlite3_column_int64(stmt, 7);
		row.usage.cost_usd = sqlite3_column_double(stmt, 8);
		cb(&row, arg);
	}
	return false;
}
