/* SPDX-License-Identifier: MIT
 *
 * What iris-ssh says on standard error. One write a line; control characters, which a server may
 * put into its texts, become '?'. Prefixes: "iris-ssh: " for what a person has to know, OpenSSH's
 * own "debug1: " for what -v asks for.
 */
#ifndef IRIS_SSH_SAY_H
#define IRIS_SSH_SAY_H

#include <stdbool.h>

void say_set_verbose(bool on);
bool say_is_verbose(void);

/* Always. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* With -v only. */
void say_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* With -v only, without a prefix. */
void say_plain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
