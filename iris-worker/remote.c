/* SPDX-License-Identifier: MIT
 *
 * How ssh is started, see remote.h. Called for each session, errand, check and tunnel. Builds
 * arguments and an environment, and starts nothing. What decides about the connection's use stands
 * before the user's own options (the first of two counts), what a team's remoteOptions say behind
 * them; the destination is always behind "--".
 */
#include <sys/stat.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/remote.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "iris-worker/list.h"
#include "iris-worker/remote.h"
#include "iris-worker/transport.h"

#define CONNECT_MS 30000
#define LINGER_MS  60000
#define TIME_MAX   86400000
#define BIND_TAIL  17  /* ssh binds a name of its own first: a dot and 16 letters more */
#define SUN_MAX    104 /* of the shortest sun_path, macOS's */
#define ASKPASS    "IRIS_ASKPASS"
#define PROMPT     "Enter passphrase for key "

/*
 * Read by the user's login shell, whichever that is, and then by sh: all that comes up to a line
 * "." is what it runs, and only when all of it has come.
 */
static const char bootstrap[] =
    "exec /bin/sh -c 'n=$(printf \"\\nx\"); n=${n%x}; k=; s=; while IFS= read -r l; do case $l in "
    ".) k=1; break;; esac; s=$s$l$n; done; [ \"$k\" ] && eval \"$s\"'";

/* An array of strings, as it came. -1 where it is anything else. */
static int
take_strings(const cJSON *o, const char *name, struct list *l, struct err *err)
{
	const cJSON *v, *array = json_get(o, name);

	if (array == NULL || cJSON_IsNull(array))
		return 0;
	if (!cJSON_IsArray(array))
		return err_set(err, ERR_INVALID, "remote.%s must be an array of strings", name);
	cJSON_ArrayForEach (v, array) {
		if (!cJSON_IsString(v))
			return err_set(
			    err, ERR_INVALID, "remote.%s must be an array of strings", name);
		list_copy(l, v->valuestring);
	}
	if (l->n > 0 && remote_check_args(l->v, l->n, err) == -1)
		return err_prefix(err, "remote.%s: ", name);
	return 0;
}

static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* What irisd has checked already: what reaches a command line is checked where it is made. */
static int
check(const cJSON *o, struct list *args, struct list *extra, struct err *err)
{
	static const char *const names[] = {"dest", "host", "identity", "controlDir", NULL};
	const char *dest = json_str(o, "dest"), *value;
	size_t i;

	if (dest == NULL)
		return err_set(err, ERR_INVALID, "remote.dest must be a string");
	for (i = 0; names[i] != NULL; i++)
		if ((value = json_str(o, names[i])) != NULL && !is_plain(value))
			return err_set(
			    err, ERR_INVALID, "remote.%s holds a control character", names[i]);
	if (remote_check_dest(dest, err) == -1)
		return err_prefix(err, "remote.dest: ");
	if (take_strings(o, "args", args, err) == -1)
		return -1;
	return take_strings(o, "extraSshArgs", extra, err);
}

static void
add_setting(struct list *l, const char *name, const char *value)
{
	list_copy(l, "-o");
	list_add(l, xasprintf("%s=%s", name, value));
}

/* FNV-1a: which settings share a connection. */
static uint64_t
hash(uint64_t h, const char *text)
{
	/* The end of the text counts as well. */
	do {
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	} while (*text++ != '\0');
	return h;
}

/* The directory is ours alone: who can write there takes over a connection. */
static bool
is_private(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return false;
	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	    (st.st_mode & 077) == 0;
}

/* The socket of the connection that all with the same settings share; "" where it can not be. */
static void
choose_control(struct remote *r, const char *dir, const struct list *settings)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i;
	int n;

	r->control[0] = '\0';
	if (dir == NULL || dir[0] != '/' || strpbrk(dir, "\"\\%$") != NULL || !is_private(dir)) {
		log_warn("sessions of one host do not share a connection directory=\"%s\"",
		    dir != NULL ? dir : "");
		return;
	}
	for (i = 0; i < settings->n; i++)
		h = hash(h, settings->v[i]);
	n = snprintf(r->control, sizeof r->control, "%s/%016" PRIx64, dir, h);
	if (n < 0 || (size_t)n + BIND_TAIL >= SUN_MAX) {
		log_warn("sessions of one host do not share a connection: too long for a socket "
			 "directory=\"%s\"",
		    dir);
		r->control[0] = '\0';
	}
}

static int
time_member(const cJSON *o, const char *name, int dflt)
{
	int64_t v = json_int_or(o, name, dflt);

	return v < 0 ? dflt : v > TIME_MAX ? TIME_MAX : (int)v;
}

static void
add_number(struct list *l, const char *name, const cJSON *o, const char *member)
{
	char text[24];
	int64_t v;

	if (json_int(json_get(o, member) != NULL ? o : NULL, member, &v) == -1 || v < 0)
		return;
	snprintf(text, sizeof text, "%" PRId64, v);
	add_setting(l, name, text);
}

/* The user's own options, and behind them what remoteOptions say: the connection's settings. */
static void
add_settings(struct list *l, const cJSON *o, const struct remote *r, const struct list *args,
    const struct list *extra)
{
	char number[24];
	int64_t port;
	size_t i;

	for (i = 0; i < args->n; i++)
		list_copy(l, args->v[i]);
	for (i = 0; i < extra->n; i++)
		list_copy(l, extra->v[i]);
	add_number(l, "ServerAliveInterval", o, "serverAliveInterval");
	add_number(l, "ServerAliveCountMax", o, "serverAliveCountMax");
	snprintf(number, sizeof number, "%d", (r->connect_ms + 999) / 1000);
	add_setting(l, "ConnectTimeout", number);
	add_setting(l, "StrictHostKeyChecking",
	    json_bool(o, "strictHostKeyChecking", true) ? "yes" : "accept-new");
	if (json_int(o, "port", &port) == 0 && port > 0 && port <= 65535) {
		list_copy(l, "-p");
		list_add(l, xasprintf("%d", (int)port));
	}
	if (json_str(o, "identity") != NULL && json_str(o, "identity")[0] != '\0') {
		list_copy(l, "-i");
		list_copy(l, json_str(o, "identity"));
	}
	if (json_bool(o, "compression", false))
		list_copy(l, "-C");
	if (json_bool(o, "forwardAgent", false))
		list_copy(l, "-A");
	list_copy(l, "--");
	list_copy(l, json_str(o, "dest"));
}

/* Nobody is there to be asked: but for the passphrase that is configured. */
static void
add_questions(struct list *l, bool passphrase)
{
	add_setting(l, "BatchMode", passphrase ? "no" : "yes");
	if (!passphrase)
		return;
	add_setting(l, "PasswordAuthentication", "no");
	add_setting(l, "KbdInteractiveAuthentication", "no");
	add_setting(l, "NumberOfPasswordPrompts", "1");
}

static void
add_use(struct list *l, const struct remote *r, enum remote_use use, const char *forward)
{
	if (r->control[0] != '\0') {
		add_setting(l, "ControlMaster", "auto");
		list_copy(l, "-o");
		list_add(l, xasprintf("ControlPath=\"%s\"", r->control));
		add_setting(l, "ControlPersist", "60");
	} else if (!r->ssh2) {
		add_setting(l, "ControlMaster", "no");
		add_setting(l, "ControlPath", "none");
	}
	if (use == REMOTE_ALONE)
		list_copy(l, "-v");
	if (use == REMOTE_TUNNEL) {
		list_copy(l, "-N");
		add_setting(l, "ExitOnForwardFailure", "yes");
		list_copy(l, "-R");
		list_copy(l, forward);
	} else {
		add_setting(l, "ClearAllForwardings", "yes");
	}
	add_setting(l, "PermitLocalCommand", "no");
	add_setting(l, "EscapeChar", "none");
	add_setting(l, "RequestTTY", "no");
	add_setting(l, "RemoteCommand", "none");
}

static int
add_env(struct remote *r, char *const *env, const char *passphrase, struct err *err)
{
	static const char *const dropped[] = {TRANSPORT_MARK "=", ASKPASS "=",
	    "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE=", "SSH_ASKPASS_PROMPT=", NULL};
	char self[PATHS_MAX];
	struct list l = {NULL, 0};
	size_t i, k;

	for (i = 0; env[i] != NULL; i++) {
		for (k = 0; dropped[k] != NULL; k++)
			if (strncmp(env[i], dropped[k], strlen(dropped[k])) == 0)
				break;
		if (dropped[k] == NULL)
			list_copy(&l, env[i]);
	}
	/* Also of the ssh that is started for a host on the way, which BatchMode does not reach. */
	list_copy(
	    &l, passphrase != NULL ? "SSH_ASKPASS_REQUIRE=force" : "SSH_ASKPASS_REQUIRE=never");
	r->envp = l.v;
	if (passphrase == NULL)
		return 0;
	if (paths_program("iris-worker", self, sizeof self, err) == -1)
		return -1;
	list_add(&l, xasprintf("SSH_ASKPASS=%s", self));
	list_add(&l, xasprintf(ASKPASS "=%s", passphrase));
	/* One of before SSH_ASKPASS_REQUIRE asks only where there seems to be a screen. */
	if (list_env(l.v, "DISPLAY") == NULL)
		list_copy(&l, "DISPLAY=:0");
	r->envp = l.v;
	return 0;
}

static int
find_program(struct remote *r, char *const *env, struct err *err)
{
	const char *path = list_env(env, "PATH");

	if (r->ssh2)
		return paths_program("iris-ssh", r->path, sizeof r->path, err);
	if (spawn_search("ssh", path != NULL ? path : "", r->path, sizeof r->path) == 0)
		return 0;
	return err_set(err, ERR_HOST,
	    "there is no ssh program to reach %s with: none in PATH (%s); install OpenSSH's "
	    "client, or set ssh2: true for the team",
	    r->host, path != NULL && path[0] != '\0' ? path : "empty");
}

struct remote *
remote_new(
    const cJSON *o, enum remote_use use, const char *forward, char *const *env, struct err *err)
{
	struct list args = {NULL, 0}, extra = {NULL, 0}, settings = {NULL, 0}, argv = {NULL, 0};
	const char *passphrase = json_str(o, "passphrase"), *host = json_str(o, "host");
	struct remote *r = xcalloc(1, sizeof *r);
	size_t i;
	int rv = -1;

	if (check(o, &args, &extra, err) == -1)
		goto out;
	if (passphrase != NULL && passphrase[0] == '\0')
		passphrase = NULL;
	r->host = xstrdup(host != NULL && host[0] != '\0' ? host : json_str(o, "dest"));
	r->ssh2 = json_bool(o, "ssh2", false);
	r->connect_ms = time_member(o, "connectTimeout", CONNECT_MS);
	r->linger_ms = time_member(o, "lingerTimeout", LINGER_MS);
	if (find_program(r, env, err) == -1 || add_env(r, env, passphrase, err) == -1)
		goto out;
	add_settings(&settings, o, r, &args, &extra);
	if (use == REMOTE_SESSION && !r->ssh2)
		choose_control(r, json_str(o, "controlDir"), &settings);
	list_copy(&argv, r->ssh2 ? "iris-ssh" : "ssh");
	list_copy(&argv, "-T");
	add_questions(&argv, passphrase != NULL);
	add_use(&argv, r, use, forward);
	for (i = 0; i < settings.n; i++)
		list_copy(&argv, settings.v[i]);
	if (use != REMOTE_TUNNEL)
		list_copy(&argv, bootstrap);
	r->argv = argv.v;
	rv = 0;
out:
	list_free(args.v);
	list_free(extra.v);
	list_free(settings.v);
	if (rv == -1) {
		remote_free(r);
		r = NULL;
	}
	return r;
}

void
remote_free(struct remote *r)
{
	if (r == NULL)
		return;
	free(r->host);
	list_free(r->argv);
	list_free(r->envp);
	free(r);
}

void
remote_unshare(const struct remote *r)
{
	if (r->control[0] != '\0' && unlink(r->control) == 0)
		log_info("the shared connection does not answer, and is left host=%s", r->host);
}

bool
remote_askpass(int argc, char *const *argv, int *status)
{
	const char *passphrase = getenv(ASKPASS);

	if (passphrase == NULL || argc != 2 || argv[1][0] == '-')
		return false;
	/*
	 * Not a password, and not the question whether a host's key is right. What a host asks
	 * stands behind its name in brackets: one on the way (ProxyJump) is asked by an ssh that
	 * knows nothing of our options, and may well ask for a "passphrase".
	 */
	*status = 1;
	if (getenv("SSH_ASKPASS_PROMPT") == NULL && strncmp(argv[1], PROMPT, strlen(PROMPT)) == 0) {
		puts(passphrase);
		*status = 0;
	}
	return true;
}
