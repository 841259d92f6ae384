/* SPDX-License-Identifier: MIT
 *
 * The control call that reads the log back.
 */
#include <string.h>

#include "common/json.h"
#include "common/log_read.h"
#include "irisd/net/control.h"

#define LINES_DEFAULT 100
#define LINES_MAX     5000

static void
line_cb(const struct log_line *l, void *arg)
{
	cJSON *o = log_line_json(l);

	json_put_str(o, "raw", l->raw);
	cJSON_AddItemToArray(arg, o);
}

/* "warn,error": a set of levels. */
static int
parse_levels(const char *text, unsigned *set, struct err *err)
{
	enum log_level level;
	char name[16];
	size_t n;

	for (; *text != '\0'; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		memcpy(name, text, n < sizeof name ? n : 0);
		name[n < sizeof name ? n : 0] = '\0';
		if (log_level_from_name(name, &level) == -1)
			return err_set(err, ERR_INVALID,
			    "level: \"%.*s\" is none of debug, info, warn and error, with commas "
			    "between them",
			    n < 40 ? (int)n : 40, text);
		*set |= 1u << level;
	}
	return 0;
}

void
control_log_list(struct control *c, const cJSON *params)
{
	const char *level = json_str(params, "level");
	int64_t limit = json_int_or(params, "limit", LINES_DEFAULT);
	struct log_filter f = {.since = json_int_or(params, "since", 0),
	    .component = json_str(params, "component"),
	    .contains = json_str(params, "contains")};
	cJSON *o, *list = cJSON_CreateArray();
	struct err err;

	f.limit = limit < 1 ? 1 : limit > LINES_MAX ? LINES_MAX : (int)limit;
	if ((level != NULL && parse_levels(level, &f.levels, &err) == -1) ||
	    log_read(c->client->d->paths.logfile, &f, line_cb, list, NULL, &err) == -1) {
		cJSON_Delete(list);
		control_failed(c, &err);
		return;
	}
	o = json_new();
	json_put(o, "lines", list);
	control_done(c, o);
}
