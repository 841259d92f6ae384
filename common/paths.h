/* SPDX-License-Identifier: MIT
 *
 * Where things are: everything that Iris keeps lies in $IRIS_HOME (default ~/.iris, mode 0700).
 * Needs no variable but HOME, and not even that when the password database knows the user.
 */
#ifndef IRIS_COMMON_PATHS_H
#define IRIS_COMMON_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define PATHS_MAX 4096

/* sockaddr_un has 104 bytes on macOS, 108 on Linux: the smaller one for both. */
#define PATHS_SOCK_MAX 104

struct paths {
	char home[PATHS_MAX]; /* $IRIS_HOME, absolute */
	char config
	    [PATHS_MAX];    /* config.yaml (or .yml where only that exists), or $IRIS_CONFIG_PATH */
	char db[PATHS_MAX]; /* iris.db */
	char run[PATHS_MAX];     /* run/ */
	char spool[PATHS_MAX];   /* run/spool/: results that no irisd has taken yet */
	char log[PATHS_MAX];     /* log/ */
	char logfile[PATHS_MAX]; /* log/irisd.log */
	char lock[PATHS_MAX];    /* run/irisd.lock: held by the irisd that runs */
	char start[PATHS_MAX];   /* run/start.lock: held by the program that starts one */
	char sock[108]; /* irisd.sock; in a short directory of its own where home is too long */
};

/* Compute them. Touches nothing. */
int paths_init(struct paths *p, struct err *err);

/*
 * Make home, run, run/spool, log and the socket's own directory where it has one, mode 0700. Refused: what
 * is another user's, a link planted in place of run or log, and a socket's directory in /tmp that
 * is open to others.
 */
int paths_make(const struct paths *p, struct err *err);

/*
 * Where irisd listens for those on a team's host who come through its tunnel: run/remote/TEAM.sock,
 * or a short name for it. The directory is made, mode 0700. size: PATHS_SOCK_MAX.
 */
int paths_door(const struct paths *p, const char *team, char *out, size_t size, struct err *err);

/*
 * Where ssh keeps the sockets of the connections that sessions of one host share: run/ssh, or a
 * short directory for it, so that DIR/ with a name of PATHS_CONTROL_NAME bytes fits in sun_path.
 * Made, mode 0700.
 */
#define PATHS_CONTROL_NAME 40 /* ssh's own suffix of a new one, 17 bytes, not counted */
int paths_control(const struct paths *p, char *out, size_t size, struct err *err);

/* The user's home directory: $HOME, or what getpwuid(3) says. NULL when neither is absolute. */
const char *paths_user_home(void);

/*
 * Find a program that belongs to Iris: beside the running one, in ../libexec/iris of it, in the
 * installed libexec directory. out is absolute.
 */
int paths_program(const char *name, char *out, size_t size, struct err *err);

/*
 * Find a directory of data that belongs to Iris: in ../share/iris of the running program's, else
 * where it was to be installed. -1 when there is none.
 */
int paths_data(const char *name, char *out, size_t size);

/* Join with one slash. -1 when it does not fit. */
int paths_join(char *out, size_t size, const char *dir, const char *name);

/*
 * True when dir is path or one of its parents; both absolute, without a trailing slash (but "/").
 */
bool paths_contains(const char *dir, const char *path);

#endif
