/* SPDX-License-Identifier: MIT
 *
 * claude --resume ID --fork-session, in the place where Claude Code finds the session; see fork.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/fork.h"
#include "irisd/core/talk.h"

struct session *
fork_session_of(struct team *t, const char *from, struct err *err)
{
	struct session *s = session_get(t, from, false, NULL);

	if (talk_check(t->d, from, t->name, err) == -1)
		return NULL;
	if (s == NULL || !s->row.started) {
		err_set(err, ERR_NOT_FOUND,
		    "%s has no conversation with team %s yet; ask the team something first", from,
		    t->name);
		return NULL;
	}
	if (t->cfg->remote != NULL) {
		err_set(err, ERR_UNAVAILABLE,
		    "team %s is on another machine (remote: %s), where no window can be opened",
		    t->name, t->cfg->remote);
		return NULL;
	}
	return s;
}

void
fork_command_make(struct fork_command *f, const struct session *s)
{
	const struct config_team *cfg = s->team->cfg;
	size_t n = 0, i;

	memset(f, 0, sizeof *f);
	for (i = 0; i < cfg->env.n; i++) {
		if (strcmp(cfg->env.v[i].name, "CLAUDE_CONFIG_DIR") != 0)
			continue;
		free(f->config_dir);
		f->config_dir = xasprintf("CLAUDE_CONFIG_DIR=%s", cfg->env.v[i].value);
	}
	if (f->config_dir != NULL) {
		f->argv[n++] = "env";
		f->argv[n++] = f->config_dir;
	}
	f->argv[n++] = cfg->claude_path;
	f->argv[n++] = "--resume";
	f->argv[n++] = s->row.claude_id;
	f->argv[n] = "--fork-session";
}

void
fork_command_release(struct fork_command *f)
{
	free(f->config_dir);
	f->config_dir = NULL;
}
