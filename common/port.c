/* SPDX-License-Identifier: MIT
 *
 * A port that somebody else has, see port.h.
 */
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/port.h"

#define NAME_MAX_LEN 64

void
port_taken(struct err *err, int port, const char *keys)
{
	char name[NAME_MAX_LEN], who[2 * NAME_MAX_LEN];
	pid_t pid = compat_port_holder(port, name, sizeof name);
	size_t len = strlen(err->msg);

	if (pid != 0)
		snprintf(who, sizeof who, "by %.40s, process %ld: stop that", name, (long)pid);
	else
		snprintf(who, sizeof who, "\"lsof -i :%d\" says by whom: stop that", port);
	snprintf(err->msg + len, sizeof err->msg - len,
	    ", %s, or set another port (%s) in config.yaml", who, keys);
	json_utf8_mend(err->msg);
}
