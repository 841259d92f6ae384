/* SPDX-License-Identifier: MIT
 *
 * iris-tls: reads its configuration, one line of JSON, from standard input; listens; tells there, in
 * lines of JSON, how it fares, and ends with it. See tls.h.
 */
#include <sys/resource.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/call.h"
#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "irisd/tls/conn.h"
#include "irisd/tls/listen.h"
#include "irisd/tls/tls.h"

#define FILES      (2 * TLS_CONNS + 64) /* descriptors */
#define CONFIG_MAX 65536

static const char usage[] = "usage: iris-tls\n"
			    "       iris-tls --help | --version\n"
			    "\n"
			    "Terminates TLS for irisd -x web, which starts it. See iris-tls(8).\n";

static void
tell(cJSON *o)
{
	char *line = json_print(o);
	struct err err;

	/* Who does not hear this any more has ended. */
	if (call_write_line(STDIN_FILENO, line, strlen(line), &err) == -1)
		log_debug("%s", err.msg);
	free(line);
	cJSON_Delete(o);
}

static void
report(struct tls *t)
{
	tell(cert_json(&t->cert));
}

/* The configuration; NULL when there is none. The caller deletes it. */
static cJSON *
read_config(void)
{
	struct err err;
	struct frame f;
	cJSON *conf = NULL;
	size_t len;
	char *line;
	int rv;

	frame_init(&f, CONFIG_MAX);
	while ((rv = frame_next(&f, &line, &len)) == 0 && frame_read(&f, STDIN_FILENO) > 0)
		;
	if (rv == 1)
		conf = json_parse(line, len, &err);
	frame_release(&f);
	return conf;
}

static void
take_log(const cJSON *conf)
{
	const char *level = json_str(conf, "logLevel"), *path = json_str(conf, "log");
	static char copy[PATHS_MAX];
	enum log_level l;

	if (level != NULL && log_level_from_name(level, &l) == 0)
		log_set_level(l);
	if (path != NULL && compat_strlcpy(copy, path, sizeof copy) < sizeof copy)
		log_copy(copy);
}

/* Where the files are: those that are named, or in Iris's own directory. */
static int
take_files(struct cert *c, const cJSON *conf, struct err *err)
{
	const char *cert = json_str(conf, "cert"), *key = json_str(conf, "key");
	const char *home = json_str(conf, "home");
	bool fits;

	c->names = json_arr(conf, "names");
	if (cert != NULL && key != NULL)
		fits = compat_strlcpy(c->cert, cert, sizeof c->cert) < sizeof c->cert &&
		    compat_strlcpy(c->key, key, sizeof c->key) < sizeof c->key;
	else
		fits = home != NULL && paths_join(c->dir, sizeof c->dir, home, "tls") == 0 &&
		    paths_join(c->cert, sizeof c->cert, c->dir, "cert.pem") == 0 &&
		    paths_join(c->key, sizeof c->key, c->dir, "key.pem") == 0;
	return fits ? 0 : err_set(err, ERR_CONFIG, "a path of the certificate is too long");
}

/* A key is not for core files; and every connection needs two descriptors. */
static void
set_limits(void)
{
	struct rlimit none = {0, 0}, files;

	setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES) {
		files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	compat_set_nonblock(STDOUT_FILENO);
}

/* Nothing comes from there but the end. */
static void
end_cb(evutil_socket_t fd, short what, void *arg)
{
	char waste[256];
	ssize_t n = read(fd, waste, sizeof waste);

	(void)what;
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		event_base_loopexit(((struct tls *)arg)->base, NULL);
}

static int
serve(struct tls *t, const cJSON *conf, struct err *err)
{
	const char *host = json_str(conf, "host");
	int64_t port = json_int_or(conf, "port", 0), backend = json_int_or(conf, "backend", 0);

	if (host == NULL || port < 1 || port > 65535 || backend < 1 || backend > 65535)
		return err_set(err, ERR_INVALID, "the configuration lacks host, port or backend");
	t->backend = (uint16_t)backend;
	if (take_files(&t->cert, conf, err) == -1 || cert_load(&t->cert, err) == -1 ||
	    listen_at(t, host, (int)port, err) == -1)
		return -1;
	event_add(event_new(t->base, STDIN_FILENO, EV_READ | EV_PERSIST, end_cb, t), NULL);
	report(t);
	if (event_base_dispatch(t->base) == -1)
		fatal("the event loop has failed");
	return 0;
}

int
main(int argc, char **argv)
{
	static struct tls t = {.report = report};
	struct err err = {0};
	cJSON *conf, *o;

	json_init();
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("iris-tls " IRIS_VERSION) == EOF;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) == EOF;
	if (argc != 1) {
		fputs(usage, stderr);
		return err_exit_status(ERR_INVALID);
	}
	log_init("iris-tls", LOG_INFO);
	set_limits();
	TAILQ_INIT(&t.young);
	if ((conf = read_config()) == NULL)
		return err_exit_status(ERR_INVALID);
	take_log(conf);
	if ((t.base = event_base_new()) == NULL)
		fatalx("no event loop");
	if (serve(&t, conf, &err) == -1) {
		o = json_new();
		json_put_str(o, "error", err.msg);
		tell(o);
		_exit(err_exit_status(err.code));
	}
	/* Not by way of exit(): what is open and allocated ends with it. */
	_exit(0);
}
