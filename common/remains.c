/* SPDX-License-Identifier: MIT
 *
 * The list of what a Claude has left behind, see remains.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/remains.h"
#include "common/xmalloc.h"

int
remains_note(struct remains *r, pid_t pid)
{
	uint64_t start = compat_proc_start(pid);
	size_t i;

	if (start == 0)
		return errno == ESRCH ? 0 : -1;
	if (pid == getpid())
		return 0;
	for (i = 0; i < r->n; i++)
		if (r->list[i].pid == pid && r->list[i].start == start)
			return 0;
	if (r->n == REMAINS_MAX) {
		log_warn("more than %d processes are left of one claude", REMAINS_MAX);
		return 0;
	}
	r->list[r->n].pid = pid;
	r->list[r->n++].start = start;
	return 0;
}

static void
note_trees(struct remains *r, const pid_t *roots, size_t nroots)
{
	pid_t *pids = xcalloc(REMAINS_MAX, sizeof *pids);
	size_t n = compat_proc_descendants(roots, nroots, pids, REMAINS_MAX), i;

	for (i = 0; i < n && i < REMAINS_MAX; i++)
		remains_note(r, pids[i]);
	free(pids);
}

void
remains_note_tree(struct remains *r, pid_t pid)
{
	note_trees(r, &pid, 1);
}

int
remains_note_marked(struct remains *r, const char *const *entries, size_t nentries)
{
	pid_t *pids = xcalloc(REMAINS_MAX, sizeof *pids);
	ssize_t n = compat_proc_marked(entries, nentries, pids, REMAINS_MAX), i;
	int rv = n == -1 ? -1 : 0;

	for (i = 0; i < n && i < REMAINS_MAX; i++)
		if (remains_note(r, pids[i]) == -1)
			rv = -1;
	free(pids);
	return rv;
}

void
remains_signal(struct remains *r, int sig)
{
	pid_t roots[REMAINS_MAX];
	size_t i, n = 0;
	uint64_t start;

	/*
	 * Also of one that has ended: a pid that still names a group or a session is not used
	 * again. But where another process has it, that one's children are not ours.
	 */
	for (i = 0; i < r->n; i++) {
		start = compat_proc_start(r->list[i].pid);
		if (start == r->list[i].start || start == 0)
			roots[n++] = r->list[i].pid;
	}
	if (n > 0)
		note_trees(r, roots, n);
	for (i = 0; i < r->n; i++)
		if (compat_proc_start(r->list[i].pid) == r->list[i].start)
			kill(r->list[i].pid, sig);
}

size_t
remains_count(struct remains *r)
{
	size_t i, n = 0;
	uint64_t start;

	for (i = 0; i < r->n; i++) {
		start = compat_proc_start(r->list[i].pid);
		if (start == r->list[i].start || (start == 0 && errno != ESRCH))
			r->list[n++] = r->list[i];
	}
	r->n = n;
	return n;
}
