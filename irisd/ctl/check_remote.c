/* SPDX-License-Identifier: MIT
 *
 * doctor's look at the teams on other machines: the irisd that runs is asked to go there, as by
 * `iris remote check`, for each for as long as its time limits say. Called by doctor.c.
 */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "irisd/ctl/checks.h"
#include "irisd/ctl/remote.h"

/* What is known of a step; NULL when it was not come to. */
static const char *
detail_of(const cJSON *result, const char *name)
{
	const char *is;
	const cJSON *step;

	cJSON_ArrayForEach (step, json_arr(result, "steps"))
		if ((is = json_str(step, "name")) != NULL && strcmp(is, name) == 0)
			return json_str(step, "detail");
	return NULL;
}

static void
add_result(struct checks *l, const char *name, const struct config_team *t, const cJSON *result)
{
	const cJSON *step = ctl_remote_failed(result);
	const char *host = json_str(result, "host"), *claude = detail_of(result, "claude");
	const char *what, *why;

	if (host == NULL)
		host = t->remote;
	if (step == NULL) {
		checks_add(l, name, CHECK_OK, NULL, "%s on %s%s%s", t->path, host,
		    claude != NULL ? "; claude: " : "", claude != NULL ? claude : "");
		return;
	}
	what = json_str(step, "name");
	why = json_str(step, "detail");
	checks_add(l, name, CHECK_FAIL, json_str(step, "mend"), "%s on %s: %s: %s", t->path, host,
	    what != NULL ? what : "?", why != NULL ? why : "no reason given");
}

void
check_remotes(struct checks *l, struct ctl *c, const struct config *cfg, bool running)
{
	const struct config_team *t;
	char name[128], doing[160];
	cJSON *result;
	struct err e;
	bool interrupted = false;
	size_t i;

	for (i = 0; i < cfg->nteams; i++) {
		t = &cfg->teams[i];
		if (t->remote == NULL)
			continue;
		snprintf(name, sizeof name, "team %.100s", t->name);
		if (!running || interrupted) {
			checks_add(l, name, CHECK_WARN, running ? NULL : "iris start",
			    "%s by %s: not looked at%s", t->path, t->remote,
			    running ? "" : ", since irisd does not run");
			continue;
		}
		snprintf(doing, sizeof doing, "looking at the host of %.100s", t->name);
		result = NULL;
		if (ctl_remote_check(c, false, t->name, doing, &interrupted, &result, &e) == -1)
			checks_add(
			    l, name, interrupted ? CHECK_WARN : CHECK_FAIL, NULL, "%s", e.msg);
		else
			add_result(l, name, t, result);
		cJSON_Delete(result);
	}
}
