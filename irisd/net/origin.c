/* SPDX-License-Identifier: MIT
 *
 * Looks for the process at the other end of a connection among those of the teams' Claudes, see
 * origin.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/net/origin.h"
#include "irisd/net/web_client.h"
#include "irisd/net/worker_private.h"

#define PIDS_MAX 65536

static bool
holds(const pid_t *pids, size_t n, pid_t pid)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Below a worker, a Claude, or what is left of one. */
static bool
is_below(const struct client *c, pid_t *pids)
{
	const struct worker *w;
	const struct session *s;
	const struct team *t;
	pid_t *roots = NULL;
	size_t n = 0, found;

	TAILQ_FOREACH (w, &c->d->workers, entry) {
		roots = xreallocarray(roots, n + 1, sizeof *roots);
		roots[n++] = w->pid;
	}
	TAILQ_FOREACH (t, &c->d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry) {
			roots = xreallocarray(roots, n + 2, sizeof *roots);
			if (s->pid > 0)
				roots[n++] = s->pid;
			if (s->left_pid > 0)
				roots[n++] = s->left_pid;
		}
	found = n > 0 ? compat_proc_descendants(roots, n, pids, PIDS_MAX) : 0;
	found = found < PIDS_MAX ? found : PIDS_MAX;
	n = holds(roots, n, c->pid) || holds(pids, found, c->pid);
	free(roots);
	return n != 0;
}

/* 1, 0, or -1 when nobody knows. */
static int
is_marked(const struct client *c, pid_t *pids)
{
	const struct session *s;
	const struct team *t;
	char **marks = NULL;
	ssize_t found = 0;
	size_t n = 0, i;

	TAILQ_FOREACH (t, &c->d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry) {
			if (s->row.instance[0] == '\0')
				continue;
			marks = xreallocarray(marks, n + 1, sizeof *marks);
			marks[n++] = xasprintf("IRIS_CLAUDE=%s", s->row.instance);
		}
	if (n > 0)
		found = compat_proc_marked((const char *const *)marks, n, pids, PIDS_MAX);
	for (i = 0; i < n; i++)
		free(marks[i]);
	free(marks);
	if (found == -1)
		return -1;
	return holds(pids, (size_t)found < PIDS_MAX ? (size_t)found : PIDS_MAX, c->pid);
}

int
origin_person(const struct client *c, const char *what, struct err *err)
{
	int branded, marked, rv = 0;
	const char *team;
	unsigned scopes;
	pid_t *pids;

	if (web_client_scoped(c, &scopes, &team))
		return 0;
	/* One that has ended has left its connection to somebody else. */
	if (c->pid <= 0 || c->pid_start == 0 || compat_proc_start(c->pid) != c->pid_start)
		return err_set(err, ERR_REFUSED,
		    "%s is for a person, and the process that asks for it can not be found", what);
	pids = xcalloc(PIDS_MAX, sizeof *pids);
	branded = compat_branded(c->pid);
	marked = is_marked(c, pids);
	if (branded == 1 || marked == 1 || is_below(c, pids)) {
		log_warn("%s refused: the caller belongs to a team's Claude pid=%ld", what,
		    (long)c->pid);
		rv = err_set(err, ERR_REFUSED,
		    "%s is for a person: it is not to be had by what a team's Claude has started",
		    what);
	} else if (branded == -1 || marked == -1) {
		rv = err_set(err, ERR_REFUSED,
		    "%s is for a person, and it can not be told now who asks: try again", what);
	}
	free(pids);
	return rv;
}
