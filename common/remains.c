/* SPDX-License-Identifier: MIT
 *
 * The list of what a Claude has left behind, see remains.h.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/remains.h"
#include "common/xmalloc.h"

void
remains_note(struct remains *r, pid_t pid)
{
	uint64_t start = compat_proc_start(pid);
	size_t i;

	if (start == 0 || pid == getpid())
		return;
	for (i = 0; i < r->n; i++)
		if (r->list[i].pid == pid && r->list[i].start == start)
			return;
	if (r->n == REMAINS_MAX) {
		log_warn("more than %d processes are left of one claude", REMAINS_MAX);
		return;
	}
	r->list[r->n].pid = pid;
	r->list[r->n++].start = start;
}

void
remains_note_tree(struct remains *r, pid_t pid)
{
	pid_t *pids = xcalloc(REMAINS_MAX, sizeof *pids);
	size_t n = compat_proc_descendants(pid, pids, REMAINS_MAX), i;

	for (i = 0; i < n && i < REMAINS_MAX; i++)
		remains_note(r, pids[i]);
	free(pids);
}

void
remains_note_marked(struct remains *r, const char *entry)
{
	pid_t *pids = xcalloc(REMAINS_MAX, sizeof *pids);
	size_t n = compat_proc_marked(entry, pids, REMAINS_MAX), i;

	for (i = 0; i < n && i < REMAINS_MAX; i++)
		remains_note(r, pids[i]);
	free(pids);
}

void
remains_signal(struct remains *r, int sig)
{
	size_t i, n = r->n;
	uint64_t start;

	/*
	 * Also of one that has ended: a pid that still names a group or a session is not used
	 * again. But where another process has it, that one's children are not ours.
	 */
	for (i = 0; i < n; i++) {
		start = compat_proc_start(r->list[i].pid);
		if (start == r->list[i].start || start == 0)
			remains_note_tree(r, r->list[i].pid);
	}
	for (i = 0; i < r->n; i++)
		if (compat_proc_start(r->list[i].pid) == r->list[i].start)
			kill(r->list[i].pid, sig);
}

size_t
remains_count(struct remains *r)
{
	size_t i, n = 0;

	for (i = 0; i < r->n; i++)
		if (compat_proc_start(r->list[i].pid) == r->list[i].start)
			r->list[n++] = r->list[i];
	r->n = n;
	return n;
}
