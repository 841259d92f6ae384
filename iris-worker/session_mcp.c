/* SPDX-License-Identifier: MIT
 *
 * A session's MCP file, see session_mcp.h. Called by open.c and claude.c. The project is others' to
 * write: no link in it is followed, and nothing outside of it is made or removed.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "iris-worker/claude.h"
#include "iris-worker/list.h"
#include "iris-worker/session_mcp.h"
#include "iris-worker/transport.h"

#define SCRIPT_MS 10000
#define DRAIN_MS  250 /* after its end, where something still holds its output */
#define WORDS_MAX 400

extern char **environ;

static const struct peer_limits out_limits = {PATHS_MAX, 1, 1};
static const struct peer_limits errs_limits = {1024 * 1024, 1, 1};

struct session_mcp {
	cJSON *params; /* owned */
	int dir;       /* where the file is, that is ours to remove; -1: none */
	char *name;    /* owned: its name there */

	/* Of the user's program, while it runs. */
	struct claude *claude;
	pid_t pid;
	bool exited;
	int status;
	struct peer *out, *errs; /* NULL once ended */
	struct event *timer;
	char *printed; /* owned: its first line */
	bool much;     /* there were more, or it is too long */
	char words[WORDS_MAX];
};

static const cJSON *
wish(const cJSON *params)
{
	return json_obj(params, "sessionMcp");
}

static bool
is_local(const struct session_mcp *m)
{
	return json_obj(m->params, "remote") == NULL;
}

/* Its parts, with one slash between two. False for a way out, and where nothing is left. */
static bool
clean_path(const char *path, char out[PATHS_MAX])
{
	size_t n, len = 0;

	for (; *path != '\0'; path += n) {
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.'))
			continue;
		if ((n == 2 && strncmp(path, "..", 2) == 0) || len + n + 2 > PATHS_MAX)
			return false;
		if (len > 0)
			out[len++] = '/';
		memcpy(out + len, path, n);
		len += n;
	}
	out[len] = '\0';
	return len > 0;
}

static char *
file_name(const cJSON *params)
{
	return xasprintf("iris-mcp-%s.json", json_str(params, "claudeId"));
}

static char *
file_text(const cJSON *params)
{
	cJSON *o = json_new(), *servers = json_new(), *server = json_new(), *headers = json_new();
	char *name = xasprintf("iris-%s", json_str(params, "claudeId"));
	char *bearer = xasprintf("Bearer %s", json_str(wish(params), "token")), *text;

	json_put_str(headers, "Authorization", bearer);
	json_put_str(server, "type", "http");
	json_put_str(server, "url", json_str(wish(params), "url"));
	json_put(server, "headers", headers);
	json_put(servers, name, server);
	json_put(o, "mcpServers", servers);
	text = json_print(o);
	cJSON_Delete(o);
	free(bearer);
	free(name);
	return text;
}

static void
set_file(struct session_mcp *m, const char *file)
{
	json_put_str(cJSON_GetObjectItemCaseSensitive(m->params, "sessionMcp"), "file", file);
}

int
session_mcp_new(const cJSON *params, struct session_mcp **out, struct err *err)
{
	const cJSON *want = wish(params);
	const char *path = json_str(want, "path"), *script = json_str(want, "script");
	char clean[PATHS_MAX], *name, *file;
	struct session_mcp *m;

	*out = NULL;
	if (want == NULL)
		return 0;
	if (path == NULL || path[0] == '/' || !clean_path(path, clean) ||
	    json_str(want, "url") == NULL || json_str(want, "token") == NULL ||
	    (script != NULL && script[0] != '/'))
		return err_set(err, ERR_INVALID,
		    "sessionMcp must have a relative path without \"..\", url, token and, if any, "
		    "script, absolute");
	*out = m = xcalloc(1, sizeof *m);
	m->dir = -1;
	m->params = cJSON_Duplicate(params, true);
	if (script == NULL && is_local(m)) {
		name = file_name(params);
		file = xasprintf("%s/%s/%s", json_str(params, "cwd"), clean, name);
		set_file(m, file);
		free(file);
		free(name);
	}
	return 0;
}

const cJSON *
session_mcp_params(const struct session_mcp *m)
{
	return m->params;
}

bool
session_mcp_has_script(const struct session_mcp *m)
{
	return json_str(wish(m->params), "script") != NULL;
}

/* --- the file --------------------------------------------------------------------------------- */

/*
 * The directory with this clean path below another one, of which a link, or no directory, is told
 * by errno ELOOP or ENOTDIR. With make, what is missing is made.
 */
static int
open_below(const char *top, const char *path, bool make)
{
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), next, why;
	char part[PATHS_MAX];
	struct stat st;
	size_t n;

	for (; fd != -1 && *path != '\0'; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		snprintf(part, sizeof part, "%.*s", (int)n, path);
		if (make)
			mkdirat(fd, part, 0700);
		next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		why = errno;
		/* Systems differ in what they call a link here. */
		if (next == -1 && fstatat(fd, part, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode))
			why = ELOOP;
		close(fd);
		errno = why;
		fd = next;
	}
	return fd;
}

static int
write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	for (; len > 0; text += n, len -= (size_t)n)
		if ((n = write(fd, text, len)) == -1) {
			if (errno != EINTR)
				return -1;
			n = 0;
		}
	return 0;
}

static int
can_not_write(const struct session_mcp *m, struct err *err)
{
	const char *file = json_str(wish(m->params), "file");

	if (errno == ELOOP)
		return err_set(err, ERR_DIRECTORY,
		    "the session's MCP file %s can not be written: the way there is a symbolic link; "
		    "remove that, or mend \"sessionMcpPath\" in config.yaml",
		    file);
	return err_set(err, errno == ENOSPC || errno == EDQUOT ? ERR_IO : ERR_DIRECTORY,
	    "the session's MCP file %s can not be written: %s; mend that, or \"sessionMcpPath\" in "
	    "config.yaml",
	    file, strerror(errno));
}

int
session_mcp_write(struct session_mcp *m, struct err *err)
{
	char path[PATHS_MAX], *text;
	int fd, rv = -1, why;

	if (!is_local(m) || session_mcp_has_script(m))
		return 0;
	clean_path(json_str(wish(m->params), "path"), path);
	if ((m->dir = open_below(json_str(m->params, "cwd"), path, true)) == -1)
		return can_not_write(m, err);
	m->name = file_name(m->params);
	text = file_text(m->params);
	/* What a worker that was killed has left. */
	unlinkat(m->dir, m->name, 0);
	fd = openat(m->dir, m->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd != -1 && write_all(fd, text, strlen(text)) == 0)
		rv = 0;
	why = errno;
	if (fd != -1)
		close(fd);
	free(text);
	errno = why;
	return rv == 0 ? 0 : can_not_write(m, err);
}

/* What the user's program has written is ours to remove only in the place for such files. */
static void
take_over(struct session_mcp *m, const char *file)
{
	char path[PATHS_MAX], at[PATHS_MAX], *slash;
	const char *cwd = json_str(m->params, "cwd");
	size_t n = strlen(cwd);

	if (strncmp(file, cwd, n) != 0 || file[n] != '/' || !clean_path(file + n, at) ||
	    !clean_path(json_str(wish(m->params), "path"), path))
		return;
	n = strlen(path);
	if (strncmp(at, path, n) != 0 || at[n] != '/')
		return;
	slash = strrchr(at, '/');
	*slash = '\0';
	if ((m->dir = open_below(cwd, at, false)) != -1)
		m->name = xstrdup(slash + 1);
}

void
session_mcp_script(struct remote_script *s, const cJSON *params)
{
	const cJSON *want = wish(params);
	const char *file = json_str(want, "file");
	char path[PATHS_MAX] = "", *name = NULL, *text = NULL;

	if (want != NULL && file == NULL) {
		clean_path(json_str(want, "path"), path);
		name = file_name(params);
		text = file_text(params);
	}
	remote_script_set(s, "iris_mcp_file", file != NULL ? file : "");
	remote_script_set(s, "iris_mcp_path", path);
	remote_script_set(s, "iris_mcp_name", name != NULL ? name : "");
	remote_script_set(s, "iris_mcp_text", text != NULL ? text : "");
	free(name);
	free(text);
}

/* --- the user's program ----------------------------------------------------------------------- */

static void
fail(struct session_mcp *m, const char *what)
{
	const char *script = json_str(wish(m->params), "script");

	if (m->words[0] != '\0')
		claude_fault(
		    m->claude, ERR_CONFIG, "mcpConfigScript %s %s: %s", script, what, m->words);
	else
		claude_fault(m->claude, ERR_CONFIG, "mcpConfigScript %s %s", script, what);
}

/* Whatever of it still speaks is not heard any more. */
static void
hang_up(struct session_mcp *m)
{
	if (m->out != NULL)
		peer_close(m->out, 0);
	if (m->errs != NULL)
		peer_close(m->errs, 0);
	m->out = m->errs = NULL;
	evtimer_del(m->timer);
}

/* It has ended: with a name, or not. */
static void
judge(struct session_mcp *m)
{
	struct claude *c = m->claude;
	char how[64], *file;

	hang_up(m);
	if (WIFSIGNALED(m->status))
		snprintf(how, sizeof how, "was killed by signal %d", WTERMSIG(m->status));
	else
		snprintf(how, sizeof how, "exited with status %d", WEXITSTATUS(m->status));
	if (m->much || m->status != 0 || m->printed == NULL) {
		fail(m,
		    m->much
			? "printed more than one line: it is to print the path of its file alone"
			: m->status != 0 ? how
					 : "exited with status 0 and printed no path of a file");
		return;
	}
	if (!is_local(m) || m->printed[0] == '/')
		file = xstrdup(m->printed);
	else
		file = xasprintf("%s/%s", json_str(m->params, "cwd"), m->printed);
	if (is_local(m)) {
		take_over(m, file);
		if (access(file, R_OK) == -1) {
			claude_fault(c, ERR_CONFIG,
			    "mcpConfigScript %s printed %s, which can not be read: %s",
			    json_str(wish(m->params), "script"), file, strerror(errno));
			free(file);
			return;
		}
	}
	set_file(m, file);
	free(file);
	open_prepared(c);
}

static void
look(struct session_mcp *m)
{
	struct timeval drain = {0, DRAIN_MS * 1000};

	if (!m->exited)
		return;
	if (m->out == NULL && m->errs == NULL)
		judge(m);
	else
		evtimer_add(m->timer, &drain);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct session_mcp *m = arg;

	(void)fd;
	(void)what;
	if (m->exited)
		judge(m);
	else
		fail(m, "did not end within 10 s, and was killed");
}

static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static void
out_cb(struct peer *p, char *line, size_t len, void *arg)
{
	struct session_mcp *m = arg;
	size_t n;

	if (line == NULL) {
		m->out = NULL;
		m->much = m->much || strncmp(peer_why(p), "closed", 6) != 0;
		look(m);
		return;
	}
	if (len > 0 && line[len - 1] == '\r')
		line[len - 1] = '\0';
	if (line[0] == '\0')
		return;
	if (m->printed != NULL || has_control(line) || strlen(line) + 1 < len)
		m->much = true;
	else
		m->printed = stream_repair(line, strlen(line), &n);
}

/* The last line, for sentences; one that holds the key is nobody's to see. */
static void
errs_cb(struct peer *p, char *line, size_t len, void *arg)
{
	struct session_mcp *m = arg;
	char *clean, *c;
	size_t n;

	(void)p;
	if (line == NULL) {
		m->errs = NULL;
		look(m);
		return;
	}
	if (len == 0)
		return;
	clean = stream_repair(line, len, &n);
	if (strstr(clean, json_str(wish(m->params), "token")) != NULL)
		compat_strlcpy(m->words, "(its last line holds the key)", sizeof m->words);
	else
		compat_strlcpy(m->words, clean, sizeof m->words);
	json_utf8_mend(m->words);
	for (c = m->words; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20)
			*c = ' ';
	free(clean);
}

static char **
script_argv(const struct session_mcp *m)
{
	const cJSON *remote = json_obj(m->params, "remote");
	struct list l = {NULL, 0};

	list_copy(&l, json_str(wish(m->params), "script"));
	list_copy(&l, json_str(m->params, "claudeId"));
	if (remote != NULL)
		list_copy(&l, json_str(remote, "dest"));
	list_copy(&l, json_str(m->params, "cwd"));
	list_copy(&l, json_str(wish(m->params), "path"));
	return l.v;
}

/* Marked as Claude is: what is left of it when this process is killed is found by that. */
static char **
script_env(const char *mark)
{
	struct list l = {NULL, 0};
	size_t i;

	for (i = 0; environ[i] != NULL; i++)
		if (strncmp(environ[i], TRANSPORT_MARK "=", strlen(TRANSPORT_MARK "=")) != 0)
			list_copy(&l, environ[i]);
	list_copy(&l, mark);
	return l.v;
}

/* Its input is in the pipe before it starts: it may read that or not. */
static int
fill(int fd, const cJSON *params)
{
	char *text = file_text(params), *line = xasprintf("%s\n", text);
	int rv = write_all(fd, line, strlen(line));

	free(line);
	free(text);
	return rv;
}

static pid_t
start(struct session_mcp *m, const char *mark, int in[2], int out[2], int errs[2], struct err *err)
{
	struct spawn s = {.path = json_str(wish(m->params), "script"),
	    .dir = is_local(m) ? json_str(m->params, "cwd") : NULL};
	char **argv = script_argv(m), **envp = script_env(mark);
	pid_t pid = -1;

	s.argv = argv;
	s.envp = envp;
	if (compat_pipe(in) == -1 || compat_pipe(out) == -1 || compat_pipe(errs) == -1 ||
	    fill(in[1], m->params) == -1) {
		err_sys(err, ERR_IO, "can not make pipes for mcpConfigScript");
	} else {
		s.fds[0] = in[0];
		s.fds[1] = out[1];
		s.fds[2] = errs[1];
		if ((pid = spawn_process(&s, err)) == -1 && err->code == ERR_IO) {
			err->code = ERR_CONFIG;
			err_prefix(err, "mcpConfigScript: ");
		}
	}
	list_free(argv);
	list_free(envp);
	return pid;
}

static void
close_all(const int fds[2])
{
	int i;

	for (i = 0; i < 2; i++)
		if (fds[i] != -1)
			close(fds[i]);
}

int
session_mcp_run(struct session_mcp *m, struct claude *c, struct err *err)
{
	struct timeval tv = {SCRIPT_MS / 1000, 0};
	int in[2] = {-1, -1}, out[2] = {-1, -1}, errs[2] = {-1, -1};

	if ((m->pid = start(m, c->mark, in, out, errs, err)) != -1) {
		m->claude = c;
		m->timer = evtimer_new(c->worker->loop.base, timer_cb, m);
		evtimer_add(m->timer, &tv);
		m->out = peer_new(&c->worker->loop, out[0], -1, &out_limits, out_cb, m);
		m->errs = peer_new(&c->worker->loop, errs[0], -1, &errs_limits, errs_cb, m);
		out[0] = errs[0] = -1;
		log_debug("mcpConfigScript started session=%s pid=%ld", c->session, (long)m->pid);
	}
	close_all(in);
	close_all(out);
	close_all(errs);
	return m->pid != -1 ? 0 : -1;
}

bool
session_mcp_reaped(struct worker *w, pid_t pid, int status)
{
	struct session_mcp *m;
	struct claude *c;

	TAILQ_FOREACH (c, &w->claudes, entry) {
		m = c->session_mcp;
		if (m == NULL || m->claude == NULL || m->pid != pid || m->exited)
			continue;
		m->exited = true;
		m->status = status;
		look(m);
		return true;
	}
	return false;
}

void
session_mcp_end(struct session_mcp *m)
{
	if (m == NULL)
		return;
	if (m->claude != NULL && !m->exited)
		kill(-m->pid, SIGKILL);
	if (m->timer != NULL) {
		hang_up(m);
		event_free(m->timer);
	}
	if (m->name != NULL && unlinkat(m->dir, m->name, 0) == -1 && errno != ENOENT)
		log_warn("a session's MCP file can not be removed file=%s: %s", m->name,
		    strerror(errno));
	if (m->dir != -1)
		close(m->dir);
	free(m->name);
	free(m->printed);
	cJSON_Delete(m->params);
	free(m);
}
