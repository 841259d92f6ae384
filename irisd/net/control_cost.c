/* SPDX-License-Identifier: MIT
 *
 * The control call that sums up what turns have used.
 */
#include <string.h>

#include "common/json.h"
#include "irisd/net/control.h"
#include "irisd/net/control_scope.h"

/* "day,team": a set of STORE_BY_. */
static int
parse_by(const char *by, unsigned *set, struct err *err)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {{"day", STORE_BY_DAY}, {"team", STORE_BY_TO}, {"from", STORE_BY_FROM}};
	size_t n, i;

	for (*set = 0; *by != '\0'; by += n + (by[n] == ',')) {
		n = strcspn(by, ",");
		for (i = 0; i < 3; i++)
			if (strlen(names[i].name) == n && strncmp(by, names[i].name, n) == 0)
				break;
		if (i == 3)
			return err_set(err, ERR_INVALID,
			    "by: \"%.*s\" is none of day, team and from, with commas between them",
			    n < 40 ? (int)n : 40, by);
		*set |= names[i].bit;
	}
	return 0;
}

static int
check_day(const char *name, const char *day, struct err *err)
{
	static const char form[] = "dddd-dd-dd";
	size_t i;

	if (day == NULL)
		return 0;
	for (i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? day[i] < '0' || day[i] > '9' : day[i] != form[i])
			break;
	if (form[i] == '\0' && day[i] == '\0')
		return 0;
	return err_set(err, ERR_INVALID, "%s: \"%.40s\" is no day; expected YYYY-MM-DD", name, day);
}

static void
put_sums(cJSON *o, const struct store_cost *row)
{
	json_put_int(o, "messages", row->messages);
	json_put_int(o, "inputTokens", row->usage.input_tokens);
	json_put_int(o, "outputTokens", row->usage.output_tokens);
	json_put_int(o, "cacheReadTokens", row->usage.cache_read_tokens);
	json_put_int(o, "cacheCreationTokens", row->usage.cache_creation_tokens);
	json_put_num(o, "costUsd", row->usage.cost_usd);
}

/* They come the other way round. */
static void
row_cb(const struct store_cost *row, void *arg)
{
	cJSON *o = json_new();

	json_put_str_opt(o, "day", row->day);
	json_put_str_opt(o, "team", row->to);
	json_put_str_opt(o, "from", row->from);
	put_sums(o, row);
	cJSON_InsertItemInArray(arg, 0, o);
}

static void
total_cb(const struct store_cost *row, void *arg)
{
	put_sums(arg, row);
}

void
control_cost_list(struct control *c, const cJSON *params)
{
	const char *by = json_str(params, "by");
	struct store_cost_filter f = {.since = json_str(params, "sinceDay"),
	    .until = json_str(params, "untilDay"),
	    .only = control_team_only(c->client)};
	struct store *store = c->client->d->store;
	static const struct store_cost nothing;
	cJSON *o, *list, *total;
	bool more = false;
	struct err err;

	if (parse_by(by != NULL ? by : "day,team", &f.by, &err) == -1 ||
	    check_day("since", f.since, &err) == -1 || check_day("until", f.until, &err) == -1) {
		control_failed(c, &err);
		return;
	}
	o = json_new();
	list = cJSON_CreateArray();
	total = json_new();
	if (f.by != 0)
		more = store_cost_each(store, &f, row_cb, list);
	f.by = 0;
	store_cost_each(store, &f, total_cb, total);
	if (total->child == NULL)
		put_sums(total, &nothing);
	json_put(o, "costs", list);
	json_put(o, "total", total);
	if (more)
		json_put_bool(o, "more", true);
	control_done(c, o);
}
