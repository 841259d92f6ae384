/* SPDX-License-Identifier: MIT
 *
 * What the machine and Iris's own processes use, as events of the topic host: every HOST_MS while
 * somebody has it. Otherwise there is no timer, and nothing is looked at.
 */
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/event_private.h"
#include "irisd/net/web.h"
#include "irisd/net/worker_private.h"

#define HOST_MS 2000

static cJSON *
host_json(void)
{
	cJSON *o = json_new(), *load = cJSON_CreateArray();
	struct compat_host host;
	int i;

	compat_host_usage(&host);
	for (i = 0; i < 3; i++)
		cJSON_AddItemToArray(load, cJSON_CreateNumber(host.load[i]));
	json_put(o, "load", load);
	json_put_int(o, "cpus", host.cpus);
	json_put_int(o, "memTotal", host.mem_total);
	json_put_int(o, "memAvailable", host.mem_available);
	return o;
}

static void
add(cJSON *list, const char *kind, pid_t pid, const char *team, const char *from)
{
	struct compat_usage usage;
	cJSON *o;

	if (pid <= 0 || compat_proc_usage(pid, &usage) == -1)
		return;
	o = json_new();
	json_put_str(o, "kind", kind);
	json_put_int(o, "pid", pid);
	json_put_str_opt(o, "team", team);
	json_put_str_opt(o, "from", from);
	json_put_int(o, "rss", usage.rss);
	json_put_int(o, "cpu", usage.cpu);
	json_put_int(o, "uptime", compat_now_ms() - usage.started_at);
	cJSON_AddItemToArray(list, o);
}

static cJSON *
processes_json(struct irisd *d)
{
	cJSON *list = cJSON_CreateArray(), *web = web_json(d);
	const struct worker *w;
	const struct session *s;
	const struct team *t;

	add(list, "irisd", getpid(), NULL, NULL);
	add(list, "web", (pid_t)json_int_or(web, "pid", 0), NULL, NULL);
	cJSON_Delete(web);
	TAILQ_FOREACH (w, &d->workers, entry)
		add(list, "worker", w->pid, w->team->name, NULL);
	TAILQ_FOREACH (t, &d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			add(list, "claude", s->pid, t->name, s->row.from);
	return list;
}

static void
tell(struct irisd *d)
{
	static const struct timeval tv = {HOST_MS / 1000, (HOST_MS % 1000) * 1000};
	cJSON *o = event_make(d, EVENT_HOST, "host");

	json_put(o, "host", host_json());
	json_put(o, "processes", processes_json(d));
	event_send(d, EVENT_HOST, o, NULL, NULL);
	evtimer_add(d->events->host, &tv);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell(arg);
}

void
event_host_watch(struct irisd *d, bool on)
{
	static const struct timeval now = {0, 0};
	struct events *e = d->events;

	if (on) {
		e->host = evtimer_new(d->loop.base, timer_cb, d);
		evtimer_add(e->host, &now);
	} else {
		event_free(e->host);
		e->host = NULL;
	}
}
