/* SPDX-License-Identifier: MIT
 *
 * How a Claude looks when irisd asks (worker/ping): how long it has been silent, and whether it
 * answers. A turn may be silent for long while a tool runs, so that silence alone means nothing;
 * what does not answer is told, and nothing is done about it.
 */
#include "common/compat.h"
#include "common/json.h"
#include "iris-worker/claude.h"

#define QUIET_MS 1000 /* one that has just spoken needs not be asked */

bool
health_stopped(const struct claude *c)
{
	return !c->exited && compat_proc_state(c->pid, c->start) == COMPAT_PROC_STOPPED;
}

cJSON *
health_look(struct claude *c)
{
	int64_t now = compat_mono_ms();
	cJSON *p = json_new();

	json_put_str(p, "session", c->session);
	json_put_int(p, "pid", c->pid);
	json_put_str(p, "state", claude_state_name(c));
	if (c->heard != 0)
		json_put_int(p, "quietMs", now - c->heard);
	if (c->state != CLAUDE_BUSY || c->exited)
		return p;
	if (health_stopped(c)) {
		/* What is owed counts from when it goes on. */
		c->turn->heard = now;
		c->probed = c->probed != 0 ? now : 0;
	} else if (c->probed != 0) {
		json_put_int(p, "unansweredMs", now - c->probed);
	} else if (now - c->heard >= QUIET_MS) {
		c->probed = now;
		control_probe(c);
	}
	return p;
}
