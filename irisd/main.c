/* SPDX-License-Identifier: MIT
 *
 * irisd: reads the arguments, takes the lock, opens the store, listens, runs the loop, and ends
 * everything in order. One irisd for each IRIS_HOME; it never forks into the background, whoever
 * starts it does that.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/start.h"
#include "common/xmalloc.h"
#include "irisd/core/terminal.h"
#include "irisd/core/event.h"
#include "irisd/core/login.h"
#include "irisd/core/message.h"
#include "irisd/core/notify.h"
#include "irisd/core/permission.h"
#include "irisd/core/pool.h"
#include "irisd/core/rate.h"
#include "irisd/core/session_key.h"
#include "irisd/core/settings.h"
#include "irisd/core/team.h"
#include "irisd/core/tunnel.h"
#include "irisd/core/webhook.h"
#include "irisd/lock.h"
#include "irisd/mcp/follow.h"
#include "irisd/mcp/gitdiff.h"
#include "irisd/mcp/inband.h"
#include "irisd/net/adopt.h"
#include "irisd/net/client.h"
#include "irisd/net/control_login.h"
#include "irisd/net/control_watch.h"
#include "irisd/net/masters.h"
#include "irisd/net/pinned.h"
#include "irisd/net/service.h"
#include "irisd/net/web.h"
#include "irisd/net/worker.h"
#include "irisd/watch.h"
#include "irisd/web/web.h"

#define COMMIT_LATEST_MS 5  /* for what nobody waits for */
#define START_AGAIN      75 /* EX_TEMPFAIL: tells a service manager to start the next one */

static const char usage[] =
    "usage: irisd [-hsV] [-x role]\n"
    "\n"
    "The supervisor of Iris, in the foreground; started by iris, iris-mcp-shim or a service manager.\n"
    "Reads $IRIS_HOME/config.yaml (IRIS_HOME: ~/.iris), logs to standard error. See irisd(8).\n"
    "\n"
    "  -h, --help     this text\n"
    "  -s, --service  a service manager has started it, and starts it again: take over from an\n"
    "                 irisd that runs; after a hand-over of its own end with status 75\n"
    "  -V, --version  the version\n"
    "  -x, --role     for irisd itself: the part of it that this process is, web\n";

void
conf_unref(struct conf *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	config_free(c->config);
	free(c);
}

static void
log_warnings(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->warnings.n; i++)
		log_warn("%s", c->warnings.v[i]);
}

/* The file, or all defaults when there is none. */
static struct conf *
load_conf(const struct paths *p, struct err *err)
{
	struct config *config = config_load(p->config, err);
	struct conf *c;

	if (config == NULL && err->code == ERR_NOT_FOUND)
		config = config_default(p->config);
	if (config == NULL)
		return NULL;
	c = xcalloc(1, sizeof *c);
	c->config = config;
	c->refs = 1;
	return c;
}

/* An irisd that runs is not asked to go for one that could not start. */
static int
check_conf(const struct paths *p, struct err *err)
{
	struct conf *c = load_conf(p, err);

	conf_unref(c);
	return c != NULL ? 0 : -1;
}

static void
use_conf(struct irisd *d, struct conf *c, cJSON *diff)
{
	const struct config_settings *now = &c->config->settings, *old;
	bool tell = false, moved = false;

	if (d->conf != NULL) {
		old = &d->conf->config->settings;
		tell = now->log_level != old->log_level || now->stop_timeout != old->stop_timeout;
		moved = now->http_port != old->http_port;
	}
	if (d->conf != NULL)
		settings_diff(d->conf->config, c->config, diff);
	conf_unref(d->conf);
	d->conf = c;
	log_set_level((enum log_level)c->config->settings.log_level);
	log_warnings(c->config);
	team_sync(d, c, diff);
	session_load_all(d);
	if (moved)
		session_key_moved(d);
	if (tell)
		worker_settings_all(d);
}

/*
 * Some editors empty the file before they write it, or take it away for a moment: that is no wish to
 * be rid of every team. Who has that wish writes "teams: {}".
 */
static int
check_there(struct irisd *d, struct err *err)
{
	const char *path = d->paths.config;
	struct stat st;

	if (d->conf->config->nteams == 0)
		return 0;
	if (stat(path, &st) == -1)
		return errno != ENOENT
		    ? 0
		    : err_set(err, ERR_CONFIG,
			  "%s is gone; what it said stays in force until there is another one",
			  path);
	if (st.st_size == 0)
		return err_set(err, ERR_CONFIG,
		    "%s is empty; what it said stays in force until something is in it", path);
	return 0;
}

/* Each reason is told once. */
static void
refuse_conf(struct irisd *d, const struct err *err)
{
	if (strcmp(d->config_error, err->msg) == 0)
		return;
	log_error("configuration not reloaded: %s", err->msg);
	compat_strlcpy(d->config_error, err->msg, sizeof d->config_error);
	control_config_refused(d, err->msg);
}

int
irisd_reload(struct irisd *d, cJSON *diff, struct err *err)
{
	cJSON *changes;
	struct session *s;
	struct conf *c;

	if (d->stopping)
		return err_set(err, ERR_UNAVAILABLE, "irisd is being stopped");
	watch_mark(d);
	if (check_there(d, err) == -1 || (c = load_conf(&d->paths, err)) == NULL) {
		refuse_conf(d, err);
		return -1;
	}
	changes = diff != NULL ? diff : json_new();
	d->config_error[0] = '\0';
	service_notify("RELOADING=1");
	use_conf(d, c, changes);
	tunnel_sync(d);
	web_sync(d);
	watch_sync(d);
	pool_idle_again(d);
	pool_fit(d);
	health_again(d);
	/* maxProcesses may have grown. */
	TAILQ_FOREACH (s, &d->waiting, wait_entry)
		pool_want(s);
	service_notify("READY=1");
	log_info("configuration reloaded teams=%zu", c->config->nteams);
	control_config_changed(d, changes);
	if (diff == NULL)
		cJSON_Delete(changes);
	return 0;
}

static void
commit_cb(evutil_socket_t fd, short what, void *arg)
{
	struct irisd *d = arg;

	(void)fd;
	(void)what;
	store_commit(d->store);
}

/*
 * Nothing leaves before it is on disk. A pass from which nothing leaves, such as one with a
 * receipt while the caller waits for the answer only, shares the sync of the next one, or of the
 * timer.
 */
static void
commit(struct irisd *d)
{
	static const struct timeval soon = {0, COMMIT_LATEST_MS * 1000};

	if (!store_pending(d->store))
		return;
	if (!TAILQ_EMPTY(&d->loop.dirty) || d->stopping || d->handing_over) {
		evtimer_del(d->commit_timer);
		store_commit(d->store);
	} else if (!evtimer_pending(d->commit_timer, NULL)) {
		evtimer_add(d->commit_timer, &soon);
	}
}

static void
hook(void *arg)
{
	struct irisd *d = arg;

	if (!d->handing_over)
		pool_run(d);
	follow_run(d);
	event_run(d);
	commit(d);
	if (d->stopping && TAILQ_EMPTY(&d->workers) && masters_ended(d))
		loop_stop(&d->loop);
}

void
irisd_stop(struct irisd *d, const char *why)
{
	if (d->stopping || d->handing_over)
		return;
	d->stopping = true;
	log_info("stopping reason=%s", why);
	service_notify("STOPPING=1");
	client_stop_listening(d);
	worker_stop_all(d);
}

void
irisd_handover(struct irisd *d, const char *why)
{
	if (d->stopping || d->handing_over)
		return;
	d->handing_over = true;
	log_info("handing over to the next irisd reason=%s", why);
	service_notify("STOPPING=1");
	loop_stop(&d->loop);
}

/*
 * Who connects meanwhile waits in the socket's queue: it is closed, as the other connections are,
 * only when the lock is free, since whoever loses its connection starts the next irisd.
 */
static void
let_go(struct irisd *d)
{
	worker_leave_all(d);
	client_close_all(d);
	permission_forget_all(d);
	message_forget_all(d);
	team_free_all(d);
	store_close(d->store);
	d->store = NULL;
	close(d->lock_fd);
	client_leave_socket(d);
}

/*
 * Answer everybody who still waits: their messages are stored, and what was queued is delivered
 * next time.
 */
static void
say_goodbye(struct irisd *d)
{
	struct err why;

	err_set(&why, ERR_UNAVAILABLE,
	    "irisd was stopped; the message is stored, and a queued one is delivered when irisd runs again");
	client_stop_all(d, &why);
	client_close_all(d);
}

static void
signal_cb(evutil_socket_t sig, short what, void *arg)
{
	struct irisd *d = arg;
	struct err err;

	(void)what;
	if (sig == SIGHUP)
		irisd_reload(d, NULL, &err);
	else if (sig == SIGUSR2)
		irisd_handover(d, "SIGUSR2");
	else
		irisd_stop(d, sig == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void
child_cb(evutil_socket_t sig, short what, void *arg)
{
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!worker_reaped(arg, pid, status) && !gitdiff_reaped(pid, status) &&
		    !web_reaped(arg, pid, status) && !terminal_reaped(arg, pid, status) &&
		    !notify_reaped(arg, pid, status) && !masters_reaped(arg, pid, status))
			log_debug("child ended pid=%ld", (long)pid);
}

static void
set_db_path(struct irisd *d, const struct config_database *c)
{
	char *db = d->paths.db;

	if (c->in_memory)
		compat_strlcpy(db, ":memory:", sizeof d->paths.db);
	else if (c->path[0] == '/')
		compat_strlcpy(db, c->path, sizeof d->paths.db);
	else
		paths_join(db, sizeof d->paths.db, d->paths.home, c->path);
}

static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD};
#define NSIGNALS (sizeof signals / sizeof signals[0])

static void
release(struct irisd *d, struct event *sev[NSIGNALS])
{
	size_t i;

	/* What is queued leaves here, and the peers are freed. */
	loop_drain(&d->loop);
	terminal_forget_all(d);
	notify_forget_all(d);
	permission_forget_all(d);
	message_forget_all(d);
	team_free_all(d);
	for (i = 0; i < NSIGNALS; i++)
		event_free(sev[i]);
	event_free(d->commit_timer);
	event_release(d);
	health_release(d);
	watch_release(d);
	webhook_release(d);
	web_release(d);
	masters_release(d);
	login_release(&d->logins);
	rate_release(&d->rates);
	store_close(d->store);
	conf_unref(d->conf);
	loop_release(&d->loop);
}

static int
start(struct irisd *d, struct event *sev[NSIGNALS], struct err *err)
{
	struct conf *c;
	size_t i;

	log_copy(d->paths.logfile);
	log_rotate();
	/* First what can be wrong by the user's hand; nothing is left half started. */
	watch_mark(d);
	if ((c = load_conf(&d->paths, err)) == NULL)
		return -1;
	set_db_path(d, &c->config->database);
	if ((d->store = store_open(d->paths.db, err)) == NULL) {
		conf_unref(c);
		return -1;
	}
	loop_init(&d->loop, hook, d);
	d->commit_timer = evtimer_new(d->loop.base, commit_cb, d);
	for (i = 0; i < NSIGNALS; i++) {
		sev[i] = evsignal_new(
		    d->loop.base, signals[i], signals[i] == SIGCHLD ? child_cb : signal_cb, d);
		event_add(sev[i], NULL);
	}
	use_conf(d, c, NULL);
	adopt_begin(d);
	session_key_load_all(d);
	control_login_sweep(d);
	message_recover_all(d);
	webhook_load_all(d);
	permission_load_all(d);
	adopt_leftovers(d);
	store_commit(d->store);
	if (client_listen(d, err) == -1) {
		worker_leave_all(d);
		release(d, sev);
		return -1;
	}
	pinned_clean(d);
	tunnel_sync(d);
	adopt_call(d);
	if (worker_adopting(d) == 0)
		permission_settled(d);
	web_sync(d);
	watch_sync(d);
	return 0;
}

/* While irisd can not hand over, before its loop and after it, the wish for it waits. */
static void
hold_handover(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(how, &set, NULL);
}

static void
parse_args(int argc, char *argv[], bool *service, const char **role)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'},
	    {"role", required_argument, NULL, 'x'}, {"service", no_argument, NULL, 's'},
	    {"version", no_argument, NULL, 'V'}, {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "hsVx:", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			fputs(usage, stdout);
			exit(0);
		case 's':
			*service = true;
			break;
		case 'V':
			puts("irisd " IRIS_VERSION);
			exit(0);
		case 'x':
			*role = optarg;
			break;
		default:
			fputs(usage, stderr);
			exit(err_exit_status(ERR_INVALID));
		}
	}
	if (optind != argc || (*role != NULL && strcmp(*role, "web") != 0)) {
		fputs(usage, stderr);
		exit(err_exit_status(ERR_INVALID));
	}
}

int
main(int argc, char *argv[])
{
	struct event *sev[NSIGNALS];
	struct irisd d = {.lock_fd = -1};
	const char *role = NULL;
	bool service = false;
	struct err err;

	json_init();
	log_init("irisd", LOG_INFO);
	parse_args(argc, argv, &service, &role);
	if (role != NULL) {
		log_init("irisd-web", LOG_INFO);
		return web_main();
	}
	hold_handover(SIG_BLOCK);
	d.started_at = compat_now_ms();
	TAILQ_INIT(&d.teams);
	TAILQ_INIT(&d.ready);
	TAILQ_INIT(&d.waiting);
	TAILQ_INIT(&d.clients);
	TAILQ_INIT(&d.workers);
	TAILQ_INIT(&d.terminals);
	TAILQ_INIT(&d.permissions);
	if (paths_init(&d.paths, &err) == -1 || paths_make(&d.paths, &err) == -1 ||
	    (service && check_conf(&d.paths, &err) == -1) ||
	    (d.lock_fd = lock_take(&d.paths, service, &err)) == -1 || start(&d, sev, &err) == -1) {
		log_error("%s", err.msg);
		start_report(&err);
		if (d.lock_fd != -1)
			lock_unused(d.lock_fd);
		return err_exit_status(err.code);
	}
	log_info("ready version=%s home=%s teams=%zu", IRIS_VERSION, d.paths.home,
	    d.conf->config->nteams);
	start_report(NULL);
	service_notify("READY=1");
	hold_handover(SIG_UNBLOCK);
	loop_run(&d.loop);
	hold_handover(SIG_BLOCK);
	/*
	 * After a stop the lock stays until the kernel takes it: who waits for it waits for the
	 * process's end.
	 */
	if (d.handing_over)
		let_go(&d);
	else
		say_goodbye(&d);
	release(&d, sev);
	if (!d.handing_over)
		lock_ended(d.lock_fd);
	log_info(d.handing_over ? "handed over" : "stopped");
	/* A socket of the service manager's is reason enough for it to start the next one. */
	return d.handing_over && service && !service_has_socket() ? START_AGAIN : 0;
}
