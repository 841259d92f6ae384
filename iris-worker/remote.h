/* SPDX-License-Identifier: MIT
 *
 * The line to a team's host: how the ssh program (OpenSSH's, or iris-ssh) is started for it, and
 * what it is told to run there. No value of the configuration is ever part of a command line over
 * there: the command is always the same few words of sh, which read the rest from standard input.
 */
#ifndef IRIS_WORKER_REMOTE_H
#define IRIS_WORKER_REMOTE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/paths.h"

#define REMOTE_CONTROL_MAX 108 /* sun_path */

/* What remote_new made of the member "remote" of a request's params, iris-protocol(7). */
struct remote {
	char *host;           /* owned: its name in sentences */
	char path[PATHS_MAX]; /* the ssh program, absolute */
	char **argv; /* owned, NULL-terminated: a session that runs the command of scripts */
	char **envp; /* owned, NULL-terminated; may hold the key's passphrase */
	char control[REMOTE_CONTROL_MAX]; /* the socket of the shared connection; "": none */
	bool ssh2;                        /* it is iris-ssh */
	int connect_ms;                   /* for the connection to be made */
	int linger_ms; /* how long a turn may go on over there after the line was cut */
};

/* What a line is made for: they differ in a few options. */
enum remote_use {
	REMOTE_SESSION, /* Claude, or an errand: shares the host's connection */
	REMOTE_ALONE,   /* a connection of its own, which says what it does (-v): worker/check */
	REMOTE_TUNNEL,  /* -N with forward, a connection of its own */
};

/*
 * From the object (iris-protocol(7), worker/open) and this process's environment. forward, for
 * REMOTE_TUNNEL only: the argument of -R. Start it in a session of its own, so that it can ask
 * nobody anything. NULL with ERR_INVALID, ERR_HOST (no ssh program here).
 */
struct remote *remote_new(
    const cJSON *o, enum remote_use use, const char *forward, char *const *env, struct err *err);
void remote_free(struct remote *r);

/*
 * The connection that others share does not answer: the next one is not to be made by way of it.
 */
void remote_unshare(const struct remote *r);

/*
 * For main(): ssh has started this program to have the key's passphrase. Whether that is so; then
 * with the exit status.
 */
bool remote_askpass(int argc, char *const *argv, int *status);

/*
 * remote_script.c. A script being written: assignments first (values are quoted), then the text
 * that all share and that of one, remote/NAME.sh. remote_script_end gives all of it with its last
 * line ".", malloc'ed and without a newline at its end, to be sent before anything else; s is
 * freed.
 */
struct remote_script;
struct remote_script *remote_script_new(void);
void remote_script_set(struct remote_script *s, const char *name, const char *value);
/* "$@" of the script. */
void remote_script_args(struct remote_script *s, char *const *args);
/*
 * The function env_set, which exports these (an object of strings; null unsets one; NULL: none).
 * -1 with ERR_INVALID: a name that no shell takes.
 */
int remote_script_env(struct remote_script *s, const cJSON *env, struct err *err);
char *remote_script_end(struct remote_script *s, const char *name);
/*
 * The line for a script that has said hello: before it, it does nothing, so that one which arrives
 * when nobody waits for it any more does no harm.
 */
#define REMOTE_GO "go"
/* Give it up. */
void remote_script_free(struct remote_script *s);

#endif
