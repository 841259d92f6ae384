/* SPDX-License-Identifier: MIT
 *
 * One webhook by curl(1), which is told all that it needs on its standard input: neither the
 * address nor the signature is to be seen in a list of processes. It reads no file of the user's,
 * follows nothing, and goes where the address says.
 */
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/spawn.h"
#include "common/url.h"
#include "common/webhook_secret.h"
#include "common/xmalloc.h"
#include "irisd/core/hmac.h"
#include "irisd/web/deliver_private.h"

#define TIME_S    15  /* for the whole request */
#define CONNECT_S 5   /* of that, for the connection */
#define SAID_MAX  400 /* bytes kept of what curl says */

/* "v1," and the base64 of the mac over "id.timestamp.body". */
#define SIGNATURE_SIZE (3 + BASE64_SIZE(HMAC_LEN))

static int
sign(const struct paths *p, const char *id, const char *stamp, const char *body,
    char out[SIGNATURE_SIZE], struct err *err)
{
	char text[WEBHOOK_TEXT_MAX];
	uint8_t key[WEBHOOK_KEY_MAX], mac[HMAC_LEN];
	struct hmac h;
	size_t len;

	if (webhook_secret(p, text, key, &len, err) == -1)
		return -1;
	hmac_init(&h, key, len);
	hmac_update(&h, id, strlen(id));
	hmac_update(&h, ".", 1);
	hmac_update(&h, stamp, strlen(stamp));
	hmac_update(&h, ".", 1);
	hmac_update(&h, body, strlen(body));
	hmac_final(&h, mac);
	memcpy(out, "v1,", 3);
	base64_encode(mac, sizeof mac, out + 3);
	return 0;
}

/* curl's file of options holds no long lines, so the body has a file of its own for a moment. */
static int
put_body(const char *file, const char *body, struct err *err)
{
	size_t left = strlen(body);
	ssize_t n;
	int fd;

	/* A new one: the curl of a process that was killed may have the other one open. */
	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(err, ERR_IO, "can not write %s", file);
	while (left > 0) {
		n = write(fd, body, left);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		body += n;
		left -= (size_t)n;
	}
	if (left > 0)
		err_sys(err, ERR_IO, "can not write %s", file);
	close(fd);
	return left == 0 ? 0 : -1;
}

/* A value as curl reads it between quotes; malloc'ed. */
static char *
quoted(const char *text)
{
	char *out = xmalloc(2 * strlen(text) + 1), *p = out;

	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			*p++ = '\\';
		*p++ = *text;
	}
	*p = '\0';
	return out;
}

/* What curl is told; NULL with err. Malloc'ed. */
static char *
options_for(const struct deliver_post *post, struct err *err)
{
	char stamp[32], signature[SIGNATURE_SIZE], pin[URL_HOST_MAX + 64] = "", *path, *text;
	struct url u;

	snprintf(stamp, sizeof stamp, "%lld", (long long)(compat_now_ms() / 1000));
	if (url_parse(post->url, &u, err) == -1 ||
	    sign(post->paths, post->id, stamp, post->body, signature, err) == -1)
		return NULL;
	/* This name is this machine, whatever else somebody says of it. */
	if (strcmp(u.host, "localhost") == 0)
		snprintf(pin, sizeof pin, "resolve = \"%s:%d:127.0.0.1,[::1]\"\n", u.host, u.port);
	path = quoted(post->file);
	text = xasprintf("url = \"%s\"\n"
			 "%s"
			 "data-binary = \"@%s\"\n"
			 "header = \"content-type: application/json\"\n"
			 "header = \"webhook-id: %s\"\n"
			 "header = \"webhook-timestamp: %s\"\n"
			 "header = \"webhook-signature: %s\"\n"
			 "header = \"expect:\"\n"
			 "user-agent = \"iris/" IRIS_VERSION "\"\n"
			 "proto = \"=http,https\"\n"
			 "noproxy = \"*\"\n"
			 "max-redirs = 0\n"
			 "globoff\n"
			 "silent\n"
			 "show-error\n"
			 "connect-timeout = %d\n"
			 "max-time = %d\n"
			 "max-filesize = 1048576\n"
			 "output = \"/dev/null\"\n"
			 "write-out = \"%%{http_code}\"\n",
	    post->url, pin, path, post->id, stamp, signature, CONNECT_S, TIME_S);
	free(path);
	return text;
}

/* Of our own environment what says whose certificates are good; malloc'ed, with its texts. */
static char **
environment(void)
{
	static const char *const names[] = {
	    "PATH", "TMPDIR", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"};
	char **envp = xcalloc(sizeof names / sizeof names[0] + 1, sizeof *envp);
	const char *value;
	size_t i, n = 0;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if ((value = getenv(names[i])) != NULL)
			envp[n++] = xasprintf("%s=%s", names[i], value);
	return envp;
}

static void
free_environment(char **envp)
{
	size_t i;

	for (i = 0; envp[i] != NULL; i++)
		free(envp[i]);
	free(envp);
}

struct run {
	pid_t pid;
	int out, err;            /* what it says */
	char status[8];          /* of HTTP */
	char said[SAID_MAX + 1]; /* why not */
};

static int
spawn_curl(struct run *r, int in, struct err *err)
{
	char path[PATHS_MAX], name[] = "curl", quiet[] = "-q", config[] = "-K", from[] = "-";
	char *argv[] = {name, quiet, config, from, NULL}, **envp;
	struct spawn sp = {.path = path, .argv = argv, .dir = "/"};
	const char *search = getenv("PATH");
	int out[2], problem[2];

	if (spawn_search("curl", search != NULL ? search : "/usr/bin:/bin", path, sizeof path) ==
	    -1)
		return err_set(err, ERR_IO, "curl is not in irisd's PATH; webhooks need it");
	if (compat_pipe(out) == -1)
		return err_sys(err, ERR_IO, "can not make a pipe");
	if (compat_pipe(problem) == -1) {
		close(out[0]);
		close(out[1]);
		return err_sys(err, ERR_IO, "can not make a pipe");
	}
	sp.envp = envp = environment();
	sp.fds[0] = in;
	sp.fds[1] = out[1];
	sp.fds[2] = problem[1];
	r->pid = spawn_process(&sp, err);
	free_environment(envp);
	close(out[1]);
	close(problem[1]);
	r->out = out[0];
	r->err = problem[0];
	if (r->pid != -1)
		return 0;
	close(r->out);
	close(r->err);
	return -1;
}

/* Keep the beginning of what comes, and read the rest; false at its end. */
static bool
take(int fd, char *text, size_t size)
{
	char scrap[512];
	size_t n = strlen(text);
	ssize_t got;

	if (n < size - 1)
		got = read(fd, text + n, size - 1 - n);
	else
		got = read(fd, scrap, sizeof scrap);
	return got > 0 || (got == -1 && errno == EINTR);
}

/* Until it has said all, or its time is up and more. */
static void
hear(struct run *r, volatile sig_atomic_t *pid)
{
	int64_t left, deadline = compat_mono_ms() + DELIVER_S * 1000;
	struct pollfd pfd[2] = {{.fd = r->out, .events = POLLIN}, {.fd = r->err, .events = POLLIN}};

	while (pfd[0].fd != -1 || pfd[1].fd != -1) {
		left = deadline - compat_mono_ms();
		if (left <= 0 || (poll(pfd, 2, (int)left) == -1 && errno != EINTR))
			break;
		if (pfd[0].revents != 0 && !take(r->out, r->status, sizeof r->status))
			pfd[0].fd = -1;
		if (pfd[1].revents != 0 && !take(r->err, r->said, sizeof r->said))
			pfd[1].fd = -1;
		pfd[0].revents = pfd[1].revents = 0;
	}
	close(r->out);
	close(r->err);
	kill(r->pid, SIGKILL);
	/* When it is reaped, its number may be somebody else's. */
	*pid = 0;
	while (waitpid(r->pid, NULL, 0) == -1 && errno == EINTR)
		;
}

static int
judge(struct run *r, struct err *err)
{
	int status = (int)strtol(r->status, NULL, 10);

	if (status >= 200 && status < 300)
		return status;
	r->said[strcspn(r->said, "\r\n")] = '\0';
	json_utf8_mend(r->said);
	if (status >= 300 && status < 400)
		err_set(err, ERR_HOST, "HTTP %d; redirects are not followed", status);
	else if (status != 0)
		err_set(err, ERR_HOST, "HTTP %d", status);
	else
		err_set(
		    err, ERR_HOST, "%s", r->said[0] != '\0' ? r->said : "curl has said nothing");
	return status;
}

static int
run_curl(const char *options, volatile sig_atomic_t *pid, struct err *err)
{
	size_t len = strlen(options);
	struct run r = {0};
	int in[2], status = 0;

	if (compat_pipe(in) == -1) {
		err_sys(err, ERR_IO, "can not make a pipe");
		return 0;
	}
	/* Shorter than what a pipe holds, so nobody needs to read it yet. */
	if (write(in[1], options, len) != (ssize_t)len) {
		err_sys(err, ERR_IO, "can not write to a pipe");
		close(in[1]);
	} else {
		close(in[1]);
		if (spawn_curl(&r, in[0], err) == 0) {
			*pid = (sig_atomic_t)r.pid;
			hear(&r, pid);
			status = judge(&r, err);
		}
	}
	close(in[0]);
	return status;
}

int
deliver_post(struct deliver_post *post, struct err *err)
{
	char *options = options_for(post, err);
	int status = 0, written = -1;

	if (options != NULL)
		written = put_body(post->file, post->body, err);
	/* It may be long, and the receiver slow. */
	free(post->body);
	post->body = NULL;
	if (written == 0)
		status = run_curl(options, post->curl, err);
	unlink(post->file);
	free(options);
	return status;
}
