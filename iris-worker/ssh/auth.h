/* SPDX-License-Identifier: MIT
 *
 * Logging in: by the keys that an agent holds, then by those in files. No passwords. A passphrase
 * comes from the environment, once, and is not left there.
 */
#ifndef IRIS_SSH_AUTH_H
#define IRIS_SSH_AUTH_H

#include "iris-worker/ssh/line.h"

/* Take IRIS_ASKPASS out of the environment; wipe it again. */
void auth_take_passphrase(void);
void auth_wipe(void);

/* Log in to the last hop of the line. */
int auth_login(struct line *l, struct err *err);

/* Where the agent listens that is to be used for this host; malloc'ed, NULL: none. */
char *auth_agent_path(const struct conf *c);

#endif
