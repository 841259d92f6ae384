/* SPDX-License-Identifier: MIT
 *
 * doctor: a list of checks, each with what to do when it is not well. Never starts an irisd, never
 * changes anything, never waits for longer than the programs that it runs, and the hosts of teams on
 * other machines, may take.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/checks.h"
#include "irisd/ctl/term.h"

#define STATUS_TIMEOUT 3000

void
checks_add(struct checks *l, const char *name, enum check_status status, const char *fix,
    const char *detail, ...)
{
	struct check *c;
	va_list ap;

	l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
	c = &l->v[l->n++];
	c->name = xstrdup(name);
	c->status = status;
	c->fix = xstrdup_null(fix);
	va_start(ap, detail);
	c->detail = xvasprintf(detail, ap);
	va_end(ap);
}

void
checks_free(struct checks *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].detail);
		free(l->v[i].fix);
	}
	free(l->v);
	l->v = NULL;
	l->n = 0;
}

static struct config *
check_config(struct checks *l, const struct ctl *c)
{
	struct config *cfg;
	struct err e = {0};
	size_t i;

	if (access(c->paths.config, F_OK) == -1 && errno == ENOENT) {
		checks_add(l, "config", CHECK_WARN, "iris install, or iris team add NAME PATH",
		    "%s does not exist; defaults apply", c->paths.config);
		return config_default(c->paths.config);
	}
	if ((cfg = config_load(c->paths.config, &e)) == NULL) {
		checks_add(l, "config", CHECK_FAIL,
		    "correct that line; \"iris config check\" looks again", "%s", e.msg);
		return NULL;
	}
	for (i = 0; i < cfg->warnings.n; i++)
		checks_add(l, "config", CHECK_WARN, "see iris-config(5)", "%s", cfg->warnings.v[i]);
	checks_add(l, "config", CHECK_OK, NULL, "%s, %zu team%s", c->paths.config, cfg->nteams,
	    cfg->nteams == 1 ? "" : "s");
	return cfg;
}

/* Whether one runs that answers. */
static bool
check_irisd(struct checks *l, struct ctl *c)
{
	const char *version;
	struct err e = {0};
	cJSON *st = NULL;
	const cJSON *w;

	if (ctl_call(c, false, "iris/daemon.status", json_new(), STATUS_TIMEOUT, &st, &e) == -1) {
		if (e.code == ERR_UNAVAILABLE)
			checks_add(l, "irisd", CHECK_OK, NULL,
			    "not running; the first question starts it, and so does "
			    "\"iris start\"");
		else
			checks_add(l, "irisd", CHECK_FAIL, "iris restart", "%s", e.msg);
		return false;
	}
	version = json_str(st, "version");
	if (version == NULL || strcmp(version, IRIS_VERSION) != 0)
		checks_add(l, "irisd", CHECK_WARN, "iris restart",
		    "irisd %s runs, this program is %s", version ? version : "?", IRIS_VERSION);
	else
		checks_add(l, "irisd", CHECK_OK, NULL, "version %s runs, pid %" PRId64 ", at %s",
		    version, json_int_or(st, "pid", 0), c->paths.sock);
	cJSON_ArrayForEach (w, json_arr(st, "warnings"))
		if (cJSON_IsString(w))
			checks_add(l, "irisd", CHECK_WARN, NULL, "%s", w->valuestring);
	cJSON_Delete(st);
	return true;
}

static void
print_json(const struct checks *l)
{
	static const char *const names[] = {"ok", "warn", "fail"};
	cJSON *tree = json_new(), *list = cJSON_CreateArray(), *o;
	size_t i;

	for (i = 0; i < l->n; i++) {
		o = json_new();
		json_put_str(o, "name", l->v[i].name);
		json_put_str(o, "status", names[l->v[i].status]);
		json_put_str(o, "detail", l->v[i].detail);
		json_put_str(o, "fix", l->v[i].fix);
		cJSON_AddItemToArray(list, o);
	}
	json_put(tree, "checks", list);
	ctl_print_json(tree);
}

static void
print_text(const struct checks *l, size_t failed, size_t warned)
{
	static const char *const marks[] = {"ok  ", "warn", "FAIL"};
	static const enum term_style styles[] = {TERM_GREEN, TERM_YELLOW, TERM_RED};
	size_t i, width = 0;

	for (i = 0; i < l->n; i++)
		if (term_columns(l->v[i].name) > width)
			width = term_columns(l->v[i].name);
	for (i = 0; i < l->n; i++) {
		const struct check *c = &l->v[i];
		printf("%s%s%s  ", term_on(stdout, styles[c->status]), marks[c->status],
		    term_off(stdout));
		term_print(stdout, c->name, false);
		printf("%*s", (int)(width - term_columns(c->name)) + 2, "");
		term_print(stdout, c->detail, false);
		putchar('\n');
		if (c->fix != NULL) {
			printf("%*s-> ", (int)width + 8, "");
			term_print(stdout, c->fix, false);
			putchar('\n');
		}
	}
	if (failed > 0)
		printf("\n%zu failed, %zu warning%s\n", failed, warned, warned == 1 ? "" : "s");
	else if (warned > 0)
		printf("\nnothing failed, %zu warning%s\n", warned, warned == 1 ? "" : "s");
	else
		printf("\nall is well\n");
}

int
ctl_doctor_run(struct ctl *c, struct err *err)
{
	struct checks l = {0};
	struct config *cfg;
	size_t i, failed = 0, warned = 0;
	bool running;

	(void)err;
	check_home(&l, &c->paths);
	cfg = check_config(&l, c);
	check_programs(&l);
	running = check_irisd(&l, c);
	check_claudes(&l, cfg);
	if (cfg != NULL) {
		check_teams(&l, cfg);
		check_remotes(&l, c, cfg, running);
		check_notify(&l, cfg);
	}
	check_curl(&l);
	check_registration(&l);
	check_disk(&l, &c->paths);
	for (i = 0; i < l.n; i++) {
		failed += l.v[i].status == CHECK_FAIL;
		warned += l.v[i].status == CHECK_WARN;
	}
	if (c->json)
		print_json(&l);
	else
		print_text(&l, failed, warned);
	checks_free(&l);
	if (cfg != NULL)
		config_free(cfg);
	return failed > 0 ? 1 : 0;
}
