/* SPDX-License-Identifier: MIT
 *
 * dashboard: a one-time link for a person's browser, and the browser itself where there is a screen.
 * irisd makes the link when its web process listens, and says no to agents. The link is always
 * printed: whether a browser has shown it, nobody can tell.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define WAIT_MS  20000 /* the web process gets 10 s to speak, and starts again after that */
#define TICK_MS  100
#define QUIET_MS 1000 /* no progress is shown for so long */

struct waiting {
	struct term_spinner spinner;
	int64_t began;
};

static void
tick_cb(void *arg)
{
	struct waiting *s = arg;

	if (compat_mono_ms() - s->began >= QUIET_MS)
		term_spinner_draw(&s->spinner, "waiting for the dashboard's web process to listen");
}

/* The link, when it leads somewhere. */
static int
fetch(struct ctl *c, cJSON **result, bool *interrupted, struct err *err)
{
	struct waiting s = {.spinner.on = !c->quiet && term.err_tty, .began = compat_mono_ms()};
	struct ctl_wait w = {.tick = tick_cb, .arg = &s, .tick_ms = s.spinner.on ? TICK_MS : 0};
	cJSON *params = json_new();
	int rv;

	json_put_str_opt(params, "scope", ctl_opt(c, "scope"));
	rv = ctl_wait_call(c, true, "iris/login.create", params, WAIT_MS, &w, result, err);
	term_spinner_clear(&s.spinner);
	*interrupted = w.interrupted;
	if (rv == -1 && err->code == ERR_TIMEOUT)
		err_set(err, ERR_TIMEOUT,
		    "the web process of irisd does not listen after %d s; \"iris log\" may tell why",
		    WAIT_MS / 1000);
	return rv;
}

/* Why no browser was started; NULL when one was. */
static const char *
open_browser(const char *link)
{
	const char *name = compat_link_opener();
	char prog[PATHS_MAX], *arg0, *arg1, *argv[3];
	struct spawn sp = {.path = prog, .argv = argv, .fds = {-1, -1, -1}, .own_session = true};
	struct err err;
	pid_t pid;

	if (name == NULL)
		return "there is no screen here";
	if (spawn_search(name, getenv("PATH"), prog, sizeof prog) == -1)
		return "there is no program that opens links";
	argv[0] = arg0 = xstrdup(name);
	argv[1] = arg1 = xstrdup(link);
	argv[2] = NULL;
	pid = spawn_process(&sp, &err);
	free(arg0);
	free(arg1);
	return pid != -1 ? NULL : "the program that opens links can not be started";
}

static char *
link_of(const cJSON *result, const char *where)
{
	const char *url = json_str(result, where), *token = json_str(result, "token");

	return url != NULL && token != NULL ? xasprintf("%s/#login=%s", url, token) : NULL;
}

/* On standard output the link alone, so that a script can take it from there. */
static void
say(struct ctl *c, const char *link, const char *https, const char *fingerprint)
{
	const char *why = NULL;
	bool print = ctl_opt(c, "print") != NULL;

	printf("%s\n", link);
	fflush(stdout);
	if (!print)
		why = open_browser(link);
	if (c->quiet)
		return;
	if (!print && why == NULL)
		fprintf(stderr, "a browser is opened; ");
	else if (why != NULL)
		fprintf(stderr, "%s: open the link in a browser; ", why);
	fprintf(stderr, "the link is good once, and for two minutes\n");
	if (https != NULL && strcmp(https, link) != 0)
		fprintf(stderr, "the same by https: %s\n", https);
	/* What the browser's warning is compared with. */
	if (fingerprint != NULL)
		fprintf(stderr, "its certificate is Iris's own: SHA-256 %s\n", fingerprint);
}

int
ctl_dashboard_run(struct ctl *c, struct err *err)
{
	char *link = NULL, *https = NULL;
	cJSON *result = NULL;
	bool interrupted;
	int rv = -1;

	if (fetch(c, &result, &interrupted, err) == -1)
		return interrupted ? CTL_INTERRUPTED : -1;
	link = link_of(result, "url");
	https = link_of(result, "https");
	if (link == NULL) {
		err_set(err, ERR_PROTOCOL, "irisd has answered iris/login.create without a link");
	} else if (c->json) {
		json_put_str(result, "link", link);
		ctl_print_json(result);
		result = NULL;
		rv = 0;
	} else {
		say(c, link, https, json_str(result, "fingerprint"));
		rv = 0;
	}
	free(link);
	free(https);
	cJSON_Delete(result);
	return rv;
}
