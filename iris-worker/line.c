/* SPDX-License-Identifier: MIT
 *
 * The line of one Claude on another host, see line.h. Called by open.c, claude.c, stop.c. ssh ends
 * with its own status for many reasons, so that it proves nothing: what the wrapper has said does.
 */
#include <sys/wait.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/claude_path.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/errand.h"
#include "iris-worker/line.h"
#include "iris-worker/remote.h"
#include "iris-worker/ssh_words.h"
#include "iris-worker/stream.h"

#define OWN_WORD "{\"type\":\"iris_remote\","
#define GRACE_MS 1000 /* on top of the time for the connection: ssh's own words are better */

static void
timeout_cb(evutil_socket_t fd, short what, void *arg)
{
	struct claude *c = arg;
	const struct remote *r = c->line->remote;
	char words[SSH_WORDS_QUOTE];

	(void)fd;
	(void)what;
	/* What it has said at its end is still being read, and says more. */
	if (c->exited)
		return;
	/* The next one is not to wait for the same dead connection. */
	remote_unshare(r);
	ssh_words_last(c->words, words, sizeof words);
	claude_fault(c, ERR_LINE,
	    "%s can not be reached: no session there within %d s%s%s; is the host up, and does "
	    "\"ssh %s true\" work?",
	    r->host, (r->connect_ms + 999) / 1000, words[0] != '\0' ? ": " : "", words, r->host);
}

void
line_begin(struct claude *c, struct remote *remote, const cJSON *params)
{
	int ms = (remote->connect_ms + 999) / 1000 * 1000 + GRACE_MS;
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};
	struct line *l = xcalloc(1, sizeof *l);
	const char *program = json_str(params, "claudePath");

	c->line = l;
	l->remote = remote;
	l->params = cJSON_Duplicate(json_obj(params, "remote"), true);
	l->program = xstrdup(program != NULL ? program : "");
	l->status = -1;
	l->timer = evtimer_new(c->worker->loop.base, timeout_cb, c);
	evtimer_add(l->timer, &tv);
}

void
line_release(struct claude *c)
{
	struct line *l = c->line;

	if (l == NULL)
		return;
	c->line = NULL;
	if (l->errand != NULL)
		errand_cancel(l->errand);
	event_free(l->timer);
	remote_free(l->remote);
	cJSON_Delete(l->params);
	free(l->program);
	free(l->failed);
	free(l->why);
	free(l->path);
	free(l);
}

/* The line is up, and wanted: now it is Claude that may need its time. */
static void
go(struct claude *c)
{
	struct timeval tv = {c->spawn_ms / 1000, (c->spawn_ms % 1000) * 1000};

	if (c->state != CLAUDE_STARTING || c->io == NULL)
		return;
	peer_send_copy(c->io, REMOTE_GO, strlen(REMOTE_GO));
	control_init(c);
	if (c->spawn_ms > 0)
		evtimer_add(c->spawn_timer, &tv);
}

static void
take_hello(struct claude *c, int64_t pid)
{
	struct line *l = c->line;

	if (l->pid != 0 || pid <= 0)
		return;
	l->pid = (pid_t)pid;
	/* Until here it was ssh that spoke, and the login. */
	c->words[0] = '\0';
	evtimer_del(l->timer);
	go(c);
	log_info("the line is up session=%s host=%s pid=%ld ms=%lld", c->session, l->remote->host,
	    (long)l->pid, (long long)(compat_mono_ms() - c->spawned_at));
}

static void
take_word(struct claude *c, const cJSON *o)
{
	struct line *l = c->line;
	int64_t n;

	if (json_int(o, "hello", &n) == 0)
		take_hello(c, n);
	if (l->pid == 0)
		return;
	if (l->failed == NULL && json_str(o, "failed") != NULL) {
		l->failed = xstrdup(json_str(o, "failed"));
		l->why = xstrdup_null(json_str(o, "why"));
		l->path = xstrdup_null(json_str(o, "path"));
	}
	if (l->status == -1 && json_int(o, "status", &n) == 0 && n >= 0 && n <= 255) {
		l->status = (int)n;
		/* Whoever sends it a message now would send it to nobody. */
		claude_event(c, CE_STOP);
	}
	if (json_bool(o, "gone", false))
		l->gone = true;
}

bool
line_take(struct claude *c, const char *text, size_t len)
{
	struct err err;
	cJSON *o;
	char *clean;
	size_t n;

	if (c->line == NULL)
		return false;
	if (strncmp(text, OWN_WORD, strlen(OWN_WORD)) != 0) {
		if (c->line->pid == 0)
			ssh_words_add(c->line->login, sizeof c->line->login, text, len);
		return c->line->pid == 0;
	}
	/* A path over there may hold anything. */
	clean = stream_repair(text, len, &n);
	if ((o = json_parse(clean, n, &err)) != NULL)
		take_word(c, o);
	else if (!c->line->garbled)
		log_warn("the wrapper's word can not be read, and what follows may not either "
			 "session=%s: %s",
		    c->session, err.msg);
	c->line->garbled = c->line->garbled || o == NULL;
	cJSON_Delete(o);
	free(clean);
	return true;
}

bool
line_is_lost(const struct claude *c)
{
	return c->line != NULL && !c->line->gone;
}

bool
line_was_up(const struct claude *c)
{
	return c->line != NULL && c->line->pid != 0 && c->line->failed == NULL;
}

void
line_judge(const struct claude *c, struct err *err)
{
	const struct line *l = c->line;
	const struct remote *r = l->remote;
	char *words, last[SSH_WORDS_QUOTE];

	if (l->pid != 0) {
		ssh_words_judge(r->host, r->ssh2, c->words, true, err);
		return;
	}
	words = xasprintf("%s%s", l->login, c->words);
	ssh_words_judge(r->host, r->ssh2, words, false, err);
	/* 255 is ssh's own. */
	if (err->code == ERR_LINE && c->exited && WIFEXITED(c->status) &&
	    WEXITSTATUS(c->status) != 255) {
		ssh_words_last(words, last, sizeof last);
		err_set(err, ERR_HOST,
		    "%s did not run what Iris asked it to run (status %d%s%s); see that this login "
		    "runs commands: no forced command, no menu",
		    r->host, WEXITSTATUS(c->status), last[0] != '\0' ? ": " : "", last);
	}
	free(words);
}

static void
no_claude(const struct line *l, struct err *err)
{
	const char *name = l->program[0] != '\0' ? l->program : "claude", *host = l->remote->host;

	if (strcmp(l->failed, "not_executable") == 0)
		err_set(err, ERR_NO_CLAUDE,
		    "claude is not executable on %s: %s: try chmod +x there, or set claudePath in "
		    "config.yaml",
		    host, name);
	else if (strchr(name, '/') != NULL)
		err_set(err, ERR_NO_CLAUDE,
		    "claude not found on %s: %s is not there; install Claude Code there, or set "
		    "claudePath in config.yaml",
		    host, name);
	else
		err_set(err, ERR_NO_CLAUDE,
		    "claude not found on %s: no %s in PATH (%s) nor in " CLAUDE_PATH_DIRS
		    "; install Claude Code there, or set claudePath in config.yaml",
		    host, name, l->path != NULL ? l->path : "empty");
}

static void
no_directory(const struct claude *c, struct err *err)
{
	const char *why = c->line->why != NULL ? c->line->why : "";

	err_set(err, ERR_DIRECTORY, "the team's directory %s %s; mend \"path\" in config.yaml",
	    c->dir,
	    strcmp(why, "missing") == 0            ? "does not exist"
		: strcmp(why, "no_directory") == 0 ? "is not a directory"
						   : "can not be entered");
}

bool
line_failure(const struct claude *c, struct err *err)
{
	const struct line *l = c->line;
	char words[SSH_WORDS_QUOTE];

	if (l == NULL || (l->failed == NULL && l->gone))
		return false;
	if (l->failed == NULL) {
		line_judge(c, err);
	} else if (strcmp(l->failed, "directory") == 0) {
		no_directory(c, err);
	} else if (strcmp(l->failed, "storage") == 0) {
		ssh_words_last(c->words, words, sizeof words);
		err_set(err, ERR_HOST,
		    "Claude could keep no conversation on %s: %s can not be written (%s); free "
		    "some space there, or mend its permissions",
		    l->remote->host, l->path != NULL ? l->path : "its directory",
		    words[0] != '\0' ? words : "no reason given");
	} else if (strcmp(l->failed, "mcp") == 0) {
		ssh_words_last(c->words, words, sizeof words);
		err_set(err, ERR_DIRECTORY,
		    "the session's MCP file can not be written on %s: %s (%s); mend that there, or "
		    "\"sessionMcpPath\" in config.yaml",
		    l->remote->host,
		    l->why != NULL ? "the way there is a symbolic link"
				   : "its directory is refused",
		    words[0] != '\0' ? words : c->dir);
	} else if (strcmp(l->failed, "busy") == 0) {
		err_set(err, ERR_LINE,
		    "an older Claude on %s still holds this conversation, and does not end; try "
		    "again later",
		    l->remote->host);
	} else {
		no_claude(l, err);
	}
	return true;
}

static void
end_over(struct errand *e, const struct err *err, void *arg)
{
	struct claude *c = arg;

	(void)e;
	c->line->errand = NULL;
	if (err != NULL)
		log_warn(
		    "claude can not be ended on its host session=%s: %s", c->session, err->msg);
	else if (c->ready)
		c->line->gone = true;
	else
		log_info("claude was just being started: what has not borne its mark yet could not "
			 "be found session=%s",
		    c->session);
}

void
line_end(struct claude *c)
{
	static const struct errand_calls calls = {.over = end_over};
	struct line *l = c->line;
	struct err err;

	if (l->pid != 0 && l->errand == NULL &&
	    (l->errand = errand_end(c->worker, l->params, c->instance, &calls, c, &err)) != NULL)
		return;
	if (l->errand == NULL)
		kill(c->pid, SIGTERM);
}
