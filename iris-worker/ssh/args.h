/* SPDX-License-Identifier: MIT
 *
 * The command line: those of ssh(1)'s options that iris-worker uses, and --host-key.
 */
#ifndef IRIS_SSH_ARGS_H
#define IRIS_SSH_ARGS_H

#include "iris-worker/ssh/line.h"
#include "iris-worker/ssh/verify.h"

struct args {
	struct conf conf; /* of the destination */
	char *command;    /* owned; NULL: none was given */
	bool no_command;  /* -N */
	bool host_key;    /* --host-key */
	struct verify verify;
};

/* Fill a and the line's forwardings. -1 with err filled. --help and --version end the program. */
int args_parse(int argc, char **argv, struct args *a, struct line *l, struct err *err);
void args_release(struct args *a);

#endif
