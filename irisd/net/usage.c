/* SPDX-License-Identifier: MIT
 *
 * Memory and CPU of Iris's processes and of the machine, see usage.h. Claude's own children are not
 * counted: they are its business.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/net/usage.h"
#include "irisd/net/web.h"
#include "irisd/net/worker_private.h"

#define ARGV_BYTES ((size_t)32 * 1024)
#define ARGV_WORDS 200

cJSON *
usage_host(void)
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

/* Nothing of ours is secret there; what a person's claudePath or ssh arguments hold may be. */
static cJSON *
argv_json(pid_t pid)
{
	cJSON *list = cJSON_CreateArray();
	char *buf = xmalloc(ARGV_BYTES + 1), *p, *end;
	ssize_t n = compat_proc_args(pid, buf, ARGV_BYTES);

	end = buf + (n > 0 ? n : 0);
	*end = '\0';
	for (p = buf; p < end && cJSON_GetArraySize(list) < ARGV_WORDS; p += strlen(p) + 1) {
		json_utf8_mend(p);
		log_redact(p);
		cJSON_AddItemToArray(list, cJSON_CreateString(p));
	}
	free(buf);
	return list;
}

/* NULL when there is no such process any more. */
static cJSON *
add(cJSON *list, const char *kind, pid_t pid, const struct team *t, bool details)
{
	struct compat_usage usage;
	cJSON *o;

	if (pid <= 0 || compat_proc_usage(pid, &usage) == -1)
		return NULL;
	o = json_new();
	json_put_str(o, "kind", kind);
	json_put_int(o, "pid", pid);
	if (t != NULL)
		json_put_str(o, "team", t->name);
	json_put_int(o, "rss", usage.rss);
	json_put_int(o, "cpu", usage.cpu);
	json_put_int(o, "uptime", compat_now_ms() - usage.started_at);
	if (details) {
		json_put_int(o, "startedAt", usage.started_at);
		json_put(o, "argv", argv_json(pid));
	}
	cJSON_AddItemToArray(list, o);
	return o;
}

static void
add_claude(cJSON *list, const struct session *s, bool details)
{
	cJSON *o = add(list, "claude", s->pid, s->team, details);

	if (o == NULL)
		return;
	json_put_str(o, "from", s->row.from);
	if (!details)
		return;
	json_put_str(o, "sessionId", s->row.claude_id);
	json_put_str(o, "state", session_state_name(s->state));
	if (s->remote)
		json_put_str_opt(o, "remote", s->team->cfg->remote);
}

cJSON *
usage_processes(struct irisd *d, bool details)
{
	cJSON *list = cJSON_CreateArray();
	const struct worker *w;
	const struct session *s;
	const struct team *t;

	add(list, "irisd", getpid(), NULL, details);
	add(list, "web", web_pid(d), NULL, details);
	add(list, "tls", web_tls_pid(d), NULL, details);
	TAILQ_FOREACH (w, &d->workers, entry)
		add(list, "worker", w->pid, w->team, details);
	TAILQ_FOREACH (t, &d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			add_claude(list, s, details);
	return list;
}
