/* SPDX-License-Identifier: MIT
 *
 * claude --resume ID --fork-session, in the place where Claude Code finds the session; see fork.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/remote.h"
#include "common/xmalloc.h"
#include "irisd/core/fork.h"
#include "irisd/core/talk.h"
#include "irisd/core/terminal.h"

/* Words, each malloc'ed, and a NULL behind them. */
struct words {
	char **v;
	size_t n;
};

static void
add_taken(struct words *w, char *word)
{
	w->v = xreallocarray(w->v, w->n + 2, sizeof *w->v);
	w->v[w->n++] = word;
	w->v[w->n] = NULL;
}

static void
add(struct words *w, const char *word)
{
	add_taken(w, xstrdup(word));
}

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
	return s;
}

/* Of a local team's, and as the words of a shell there of a remote one's. */
static void
add_claude(struct words *w, const struct session *s)
{
	const struct config_team *cfg = s->team->cfg;
	const char *dir = NULL;
	size_t i;

	for (i = 0; i < cfg->env.n; i++)
		if (strcmp(cfg->env.v[i].name, "CLAUDE_CONFIG_DIR") == 0)
			dir = cfg->env.v[i].value;
	if (dir != NULL) {
		add(w, "env");
		add_taken(w, xasprintf("CLAUDE_CONFIG_DIR=%s", dir));
	}
	add(w, cfg->claude_path);
	add(w, "--resume");
	add(w, s->row.claude_id);
	add(w, "--fork-session");
}

/* For any shell; but ~ at the beginning is the home directory there. */
static char *
quote_place(const char *path)
{
	char *rest, *quoted;

	if (strcmp(path, "~") == 0 || strcmp(path, "~/") == 0)
		return xstrdup("~");
	if (strncmp(path, "~/", 2) == 0) {
		rest = remote_quote(path + 2);
		quoted = xasprintf("~/%s", rest);
	} else {
		/* What begins with - is no option of cd's. */
		rest = xasprintf("%s%s", path[0] == '-' ? "./" : "", path);
		quoted = remote_quote(rest);
	}
	free(rest);
	return quoted;
}

/* The one word that ssh hands to the shell there. */
static char *
remote_line(const struct session *s)
{
	const struct config_team *cfg = s->team->cfg;
	struct words w = {NULL, 0};
	char *dir = quote_place(cfg->path), *line = xasprintf("cd %s &&", dir);
	char *word, *more;
	size_t i;

	add_claude(&w, s);
	for (i = 0; i < w.n; i++) {
		/* Only the program's own name is a path. */
		word = strcmp(w.v[i], cfg->claude_path) == 0 ? quote_place(w.v[i])
							     : remote_quote(w.v[i]);
		more = xasprintf("%s %s", line, word);
		free(word);
		free(line);
		line = more;
		free(w.v[i]);
	}
	free(w.v);
	free(dir);
	return line;
}

/* A person's own ssh, which may ask: what is theirs comes first, and wins. */
static void
add_ssh(struct words *w, const struct session *s)
{
	const struct config_team *cfg = s->team->cfg;
	const struct config_remote *r = &cfg->remote_options;
	struct remote_spec spec;
	struct err err;
	size_t i;

	add(w, "ssh");
	add(w, "-t");
	/* It was checked with the configuration. */
	if (remote_parse(cfg->remote, &spec, &err) == -1)
		return;
	for (i = 0; i < spec.nargs; i++)
		add(w, spec.args[i]);
	for (i = 0; i < r->extra_ssh_args.n; i++)
		add(w, r->extra_ssh_args.v[i]);
	if (r->port != 0) {
		add(w, "-p");
		add_taken(w, xasprintf("%lld", (long long)r->port));
	}
	if (r->identity != NULL) {
		add(w, "-i");
		add(w, r->identity);
	}
	if (r->compression)
		add(w, "-C");
	if (r->forward_agent)
		add(w, "-A");
	add(w, "--");
	add(w, spec.dest);
	add_taken(w, remote_line(s));
	remote_release(&spec);
}

void
fork_command_make(struct fork_command *f, const struct session *s)
{
	const struct config_team *cfg = s->team->cfg;
	struct words w = {NULL, 0};
	const char *home;

	memset(f, 0, sizeof *f);
	if (cfg->remote == NULL) {
		f->dir = cfg->path;
		add_claude(&w, s);
	} else {
		home = paths_user_home();
		f->dir = home != NULL ? home : "/";
		f->by_hand = cfg->ssh2;
		add_ssh(&w, s);
	}
	f->argv = w.v;
	f->text =
	    terminal_command(cfg->remote == NULL ? cfg->path : NULL, (const char *const *)f->argv);
}

void
fork_command_release(struct fork_command *f)
{
	size_t i;

	for (i = 0; f->argv[i] != NULL; i++)
		free(f->argv[i]);
	free(f->argv);
	free(f->text);
	memset(f, 0, sizeof *f);
}
