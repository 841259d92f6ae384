/* SPDX-License-Identifier: MIT
 *
 * Where a team's host is, as people write it (teams.NAME.remote: "ssh [args] host", iris-config(5)),
 * and words quoted for a shell that nobody knows. Nothing here starts anything.
 */
#ifndef IRIS_COMMON_REMOTE_H
#define IRIS_COMMON_REMOTE_H

#include <stddef.h>

#include "common/err.h"

struct remote_spec {
	char **args; /* owned: ssh's options, in their order, each a word: "-p", "22"; never NULL */
	size_t nargs;
	char *dest; /* owned: host, user@host or ssh://[user@]host[:port]; no '-' in front */
	char *host; /* owned: the name in dest, for sentences */
};

/*
 * Read "ssh [args] host", or a destination alone. Words are split as a shell splits them: ' and "
 * hold a word together, nothing is expanded. -1 with ERR_INVALID and a sentence that begins with
 * what is wrong: no host; a host or user that ssh could take for an option, or that holds what no
 * name holds; something behind the host; an option that ssh does not have, or that Iris sets itself.
 */
int remote_parse(const char *text, struct remote_spec *spec, struct err *err);
void remote_release(struct remote_spec *spec);

/* Whether these are options as they may stand in args: each its own word, none of its values missing. */
int remote_check_args(char *const *args, size_t n, struct err *err);

/* Whether a destination alone is one, by the same rules. */
int remote_check_dest(const char *dest, struct err *err);

/*
 * Quote one word so that sh, bash, zsh, fish and csh read it alike; malloc'ed. A newline is only
 * for the first four.
 */
char *remote_quote(const char *word);

#endif
