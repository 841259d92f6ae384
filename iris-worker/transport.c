/* SPDX-License-Identifier: MIT
 *
 * The transports, see transport.h. Called by open.c before each start. Starts nothing
 * itself. Values go to claude as --option=value, so that none of them can be taken for an option.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/claude_path.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/uuid.h"
#include "common/xmalloc.h"
#include "iris-worker/list.h"
#include "iris-worker/remote.h"
#include "iris-worker/session_mcp.h"
#include "iris-worker/transport.h"

#define INSTALL_HINT "install Claude Code, or set claudePath in config.yaml"
#define MUST_BE                                                                                    \
	"claude not found: claudePath \"%s\" must be absolute, begin with ~/, or be a name "       \
	"without a slash"
#define IN_BAND                                                                                    \
	"{\"mcpServers\":{\"iris\":{\"type\":\"sdk\",\"name\":\"iris\",\"alwaysLoad\":true}}}"

/*
 * What a parent that is itself run by Claude, an editor, a terminal or systemd has set for itself
 * alone.
 */
static const char *const strip_names[] = {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_EXECPATH",
    "CLAUDE_PROJECT_DIR", "CLAUDE_CODE_SSE_PORT", "CLAUDE_EFFORT", "AI_AGENT",
    "CLAUDE_AGENT_SDK_VERSION", "CLAUDE_CODE_SIMPLE", "CLAUDE_CODE_SAFE_MODE",
    "CLAUDE_CODE_COORDINATOR_MODE", "CLAUDE_CODE_RESUME_INTERRUPTED_TURN",
    "CLAUDE_CODE_QUESTION_PREVIEW_FORMAT", "CLAUDE_CODE_MESSAGING_SOCKET",
    "CLAUDE_CODE_MESSAGING_TOKEN", "CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS",
    "CLAUDE_CODE_CHILD_NOTES_DIR", "CLAUDE_JOB_DIR", "CLAUDE_AX_SCREEN_READER", "GIT_EDITOR",
    "GIT_ASKPASS", "NODE_OPTIONS", "BUN_OPTIONS", "TRACEPARENT", "TRACESTATE", "SSH_CLIENT",
    "SSH_CONNECTION", "SSH_TTY", "SSH_ORIGINAL_COMMAND", "NOTIFY_SOCKET", "LISTEN_FDS",
    "LISTEN_PID", "LISTEN_FDNAMES", TRANSPORT_MARK, NULL};
static const char *const strip_prefixes[] = {"CLAUDE_BG_", "TMUX", "TERM_PROGRAM", "VSCODE_", NULL};

static int
check_program(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return err_set(err, ERR_NO_CLAUDE, "claude not found: %s: %s; " INSTALL_HINT, path,
		    strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(
		    err, ERR_NO_CLAUDE, "claude not found: %s is not a file; " INSTALL_HINT, path);
	if (access(path, X_OK) == -1)
		return err_set(err, ERR_NO_CLAUDE,
		    "claude is not executable: %s: try chmod +x, or set claudePath in config.yaml",
		    path);
	return 0;
}

static int
find_bare(
    const char *name, const char *path, const char *home, char *out, size_t size, struct err *err)
{
	if (claude_path_search(name, path, home, out, size) == 0)
		return 0;
	if (errno == EACCES)
		return check_program(out, err);
	return err_set(err, ERR_NO_CLAUDE,
	    "claude not found: no %s in PATH (%s) nor in " CLAUDE_PATH_DIRS "; " INSTALL_HINT, name,
	    path != NULL && path[0] != '\0' ? path : "empty");
}

int
transport_find(
    const char *name, const char *path, const char *home, char *out, size_t size, struct err *err)
{
	int n;

	if (name == NULL || name[0] == '\0')
		name = "claude";
	if (strchr(name, '/') == NULL)
		return find_bare(name, path, home, out, size, err);
	if (strncmp(name, "~/", 2) == 0 && home != NULL)
		n = snprintf(out, size, "%s%s", home, name + 1);
	else
		n = snprintf(out, size, "%s", name);
	if (out[0] != '/' || n >= (int)size)
		return err_set(err, ERR_NO_CLAUDE, MUST_BE, name);
	return check_program(out, err);
}

static int
check_directory(const char *dir, struct err *err)
{
	struct stat st;

	if (dir == NULL || dir[0] != '/')
		return err_set(err, ERR_DIRECTORY, "the team's directory must be an absolute path");
	if (stat(dir, &st) == -1)
		return err_set(err, ERR_DIRECTORY,
		    "the team's directory %s can not be used: %s; mend \"path\" in config.yaml",
		    dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_DIRECTORY,
		    "the team's directory %s is not a directory; mend \"path\" in config.yaml",
		    dir);
	if (access(dir, R_OK | X_OK) == -1)
		return err_set(err, ERR_DIRECTORY, "the team's directory %s can not be entered: %s",
		    dir, strerror(errno));
	return 0;
}

static bool
stripped(const char *entry, const cJSON *own)
{
	size_t len = strcspn(entry, "="), i;
	const cJSON *v;

	for (i = 0; strip_names[i] != NULL; i++)
		if (strlen(strip_names[i]) == len && strncmp(entry, strip_names[i], len) == 0)
			return true;
	for (i = 0; strip_prefixes[i] != NULL; i++)
		if (strncmp(entry, strip_prefixes[i], strlen(strip_prefixes[i])) == 0)
			return true;
	cJSON_ArrayForEach (v, own) {
		if (strlen(v->string) == len && strncmp(entry, v->string, len) == 0)
			return true;
	}
	return strncmp(entry, "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS=", 38) == 0;
}

static int
build_env(const cJSON *own, char *const *env, const char *mark, char ***out, struct err *err)
{
	struct list l = {NULL, 0};
	const cJSON *v;
	size_t i;

	for (i = 0; env[i] != NULL; i++)
		if (!stripped(env[i], own))
			list_add(&l, xstrdup(env[i]));
	cJSON_ArrayForEach (v, own) {
		if (v->string[0] == '\0' || strchr(v->string, '=') != NULL ||
		    (!cJSON_IsString(v) && !cJSON_IsNull(v))) {
			list_free(l.v);
			return err_set(err, ERR_INVALID,
			    "env: \"%s\" must be a variable's name with a string", v->string);
		}
		if (cJSON_IsString(v))
			list_add(&l, xasprintf("%s=%s", v->string, v->valuestring));
	}
	list_add(&l, xstrdup("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS=1"));
	list_add(&l, xstrdup(mark));
	*out = l.v;
	return 0;
}

static void
add_option(struct list *l, const char *option, const char *value)
{
	if (value != NULL && value[0] != '\0')
		list_add(l, xasprintf("%s=%s", option, value));
}

/* One option for each entry: an entry may itself hold commas, as in Bash(a, b). */
static void
add_options(struct list *l, const char *option, const cJSON *values)
{
	const cJSON *v;

	cJSON_ArrayForEach (v, values) {
		add_option(l, option, cJSON_GetStringValue(v));
	}
}

static void
add_mcp_config(struct list *l, const cJSON *config)
{
	char *text;

	list_add(l, xstrdup("--mcp-config=" IN_BAND));
	if (cJSON_IsObject(config)) {
		text = json_print(config);
		add_option(l, "--mcp-config", text);
		free(text);
	} else {
		add_option(l, "--mcp-config", cJSON_GetStringValue(config));
	}
}

static char **
build_argv(const cJSON *params, const char *path, const char *session_mcp)
{
	static const char *const fixed[] = {"-p", "--input-format=stream-json",
	    "--output-format=stream-json", "--verbose", "--include-partial-messages",
	    "--permission-prompt-tool=stdio", "--replay-user-messages", NULL};
	struct list l = {NULL, 0};
	const cJSON *v;
	size_t i;

	list_add(&l, xstrdup(path));
	for (i = 0; fixed[i] != NULL; i++)
		list_add(&l, xstrdup(fixed[i]));
	add_option(&l, json_bool(params, "resume", false) ? "--resume" : "--session-id",
	    json_str(params, "claudeId"));
	add_mcp_config(&l, json_get(params, "mcpConfig"));
	add_option(&l, "--mcp-config", session_mcp);
	add_option(&l, "--permission-mode", json_str(params, "permissionMode"));
	add_option(&l, "--model", json_str(params, "model"));
	/* Without this each call of an Iris tool would first be a permission request. */
	list_add(&l, xstrdup("--allowedTools=mcp__iris"));
	if (json_obj(params, "sessionMcp") != NULL)
		list_add(
		    &l, xasprintf("--allowedTools=mcp__iris-%s", json_str(params, "claudeId")));
	add_options(&l, "--allowedTools", json_arr(params, "allowedTools"));
	add_options(&l, "--disallowedTools", json_arr(params, "disallowedTools"));
	add_options(&l, "--add-dir", json_arr(params, "addDirs"));
	add_option(&l, "--append-system-prompt", json_str(params, "appendSystemPrompt"));
	cJSON_ArrayForEach (v, json_arr(params, "args")) {
		if (cJSON_IsString(v))
			list_add(&l, xstrdup(v->valuestring));
	}
	return l.v;
}

static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* What can be known to be wrong from here; the rest is found out there. */
static int
check_remote(const cJSON *params, struct err *err)
{
	const char *dir = json_str(params, "cwd"), *name = json_str(params, "claudePath");

	if (dir == NULL || dir[0] == '\0')
		return err_set(err, ERR_DIRECTORY, "the team's directory is empty");
	if (!is_plain(dir))
		return err_set(
		    err, ERR_DIRECTORY, "the team's directory holds a control character");
	if (name == NULL || strchr(name, '/') == NULL || name[0] == '/' ||
	    strncmp(name, "~/", 2) == 0)
		return name == NULL || is_plain(name)
		    ? 0
		    : err_set(err, ERR_NO_CLAUDE, "claudePath holds a control character");
	return err_set(err, ERR_NO_CLAUDE, MUST_BE, name);
}

/* Its arguments, environment and directory go over there as text. */
static int
build_remote(const cJSON *params, char *const *env, const char *instance, struct transport *t,
    struct err *err)
{
	struct remote_script *s;
	char linger[16], **args;

	if (check_remote(params, err) == -1 ||
	    (t->remote = remote_new(json_obj(params, "remote"), REMOTE_SESSION, NULL, env, err)) ==
		NULL)
		return -1;
	s = remote_script_new();
	if (remote_script_env(s, json_obj(params, "env"), err) == -1) {
		remote_script_free(s);
		remote_free(t->remote);
		t->remote = NULL;
		return -1;
	}
	snprintf(linger, sizeof linger, "%d", (t->remote->linger_ms + 999) / 1000);
	remote_script_set(s, "dir", json_str(params, "cwd"));
	remote_script_set(s, "claude",
	    json_str(params, "claudePath") != NULL ? json_str(params, "claudePath") : "");
	remote_script_set(s, "instance", instance);
	remote_script_set(s, "conversation", json_str(params, "claudeId"));
	remote_script_set(s, "linger", linger);
	session_mcp_script(s, params);
	args = build_argv(params, "claude", NULL);
	remote_script_args(s, args + 1);
	list_free(args);
	t->preamble = remote_script_end(s, "session");
	compat_strlcpy(t->path, t->remote->path, sizeof t->path);
	t->argv = t->remote->argv;
	t->envp = t->remote->envp;
	t->remote->argv = t->remote->envp = NULL;
	return 0;
}

static int
build_local(const cJSON *params, char *const *env, const char *instance, struct transport *t,
    struct err *err)
{
	const char *dir = json_str(params, "cwd");
	char mark[sizeof TRANSPORT_MARK + UUID_LEN + 1];

	if (check_directory(dir, err) == -1)
		return -1;
	snprintf(mark, sizeof mark, TRANSPORT_MARK "=%s", instance);
	if (build_env(json_obj(params, "env"), env, mark, &t->envp, err) == -1)
		return -1;
	if (transport_find(json_str(params, "claudePath"), list_env(t->envp, "PATH"),
		paths_user_home(), t->path, sizeof t->path, err) == -1) {
		list_free(t->envp);
		t->envp = NULL;
		return -1;
	}
	t->argv = build_argv(params, t->path, json_str(json_obj(params, "sessionMcp"), "file"));
	t->dir = xstrdup(dir);
	return 0;
}

int
transport_build(const cJSON *params, char *const *env, const char *instance, struct transport *t,
    struct err *err)
{
	const char *id = json_str(params, "claudeId");
	const cJSON *remote = json_get(params, "remote");

	memset(t, 0, sizeof *t);
	if (id == NULL || !uuid_valid(id))
		return err_set(err, ERR_INVALID, "claudeId must be a UUID");
	if (remote == NULL || cJSON_IsNull(remote))
		return build_local(params, env, instance, t, err);
	if (!cJSON_IsObject(remote))
		return err_set(err, ERR_INVALID, "remote must be an object");
	return build_remote(params, env, instance, t, err);
}

void
transport_release(struct transport *t)
{
	list_free(t->argv);
	list_free(t->envp);
	free(t->dir);
	free(t->preamble);
	remote_free(t->remote);
	memset(t, 0, sizeof *t);
}

int
transport_exec_error(const struct transport *t, int error, struct err *err)
{
	if (t->remote != NULL) {
		errno = error;
		return err_sys(err, ERR_HOST, "%s can not be started", t->path);
	}
	switch (error) {
	case ENOENT:
		return err_set(err, ERR_NO_CLAUDE,
		    "claude can not be started: the interpreter or loader that %s names is missing",
		    t->path);
	case ENOEXEC:
	case EINVAL:
		return err_set(err, ERR_NO_CLAUDE,
		    "claude can not be started: %s is no program for this machine", t->path);
	case EACCES:
		return err_set(err, ERR_NO_CLAUDE,
		    "claude can not be started: %s or its interpreter is not executable", t->path);
	default:
		errno = error;
		return err_sys(err, ERR_IO, "claude can not be started: %s", t->path);
	}
}
