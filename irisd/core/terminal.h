/* SPDX-License-Identifier: MIT
 *
 * Opens a window for a person in which a command runs: by the user's own script, in the tmux that
 * the asking client runs in, or by the desktop's terminal program. Programs are started with their
 * arguments, never through a shell. Called by the tool session_fork; main.c tells of the ends of
 * children.
 */
#ifndef IRIS_CORE_TERMINAL_H
#define IRIS_CORE_TERMINAL_H

#include <sys/types.h>

#include "irisd/irisd.h"

struct terminal_wish {
	const char *dir;         /* where the command is to run */
	const char *title;       /* of a window of tmux */
	const char *const *argv; /* the command, ended by NULL */
	const cJSON *env;        /* of the client's own terminal; or NULL */
	const char *script;      /* the user's own program for this, or NULL */
};

/*
 * How it ended: how is "script", "tmux" or "terminal", program which one; how NULL: no window could
 * be opened, and why says what the user's own script did, or is NULL where there is none.
 */
typedef void (*terminal_cb)(const char *how, const char *program, const struct err *why, void *arg);

/* cb comes once, not before this returns, unless terminal_unwatch comes first. */
void terminal_open(struct irisd *d, const struct terminal_wish *w, terminal_cb cb, void *arg);
/* Whoever waits with arg is gone. */
void terminal_unwatch(struct irisd *d, void *arg);

/* What a person would type in a shell for it, malloc'ed. */
char *terminal_command(const char *dir, const char *const *argv);

/* A child was reaped: true when it was one of these. */
bool terminal_reaped(struct irisd *d, pid_t pid, int status);

/* At irisd's end: forget them; the windows stay. */
void terminal_forget_all(struct irisd *d);

/* Of what a client says of its terminal, the variables that are used here; NULL for NULL. */
cJSON *terminal_env(const cJSON *said);

#endif
