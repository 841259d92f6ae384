/* SPDX-License-Identifier: MIT
 *
 * Where a message is, in one line for people: message_describe and message_position of message.h.
 * Looks only.
 */
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/line.h"
#include "irisd/core/message.h"
#include "irisd/core/team.h"
#include "irisd/net/evict.h"

int
message_position(const struct message *m)
{
	const struct message *other;
	int n = 1;

	if (!m->in_queue)
		return 0;
	TAILQ_FOREACH (other, &m->session->queue, entry) {
		if (other == m)
			break;
		n++;
	}
	return n;
}

/* Not looked up yet, or its turn was cut off: what is done about it. */
static void
describe_cut(const struct message *m, char *buf, size_t size)
{
	const struct team *t = m->session->team;
	char host[64];

	line_host(t, host, sizeof host);
	if (m->doubt == NULL)
		snprintf(buf, size,
		    "team %s is asked to go on with it: the line to %s was lost in its turn",
		    t->name, host);
	else if (m->cancel_wanted)
		snprintf(buf, size, "%s is asked to end team %s's work on it", host, t->name);
	else if (m->runs)
		snprintf(buf, size, "team %s still works on it at %s; its answer is awaited",
		    t->name, host);
	else
		snprintf(buf, size,
		    "%s is asked what became of it there: nobody knows whether team %s has it",
		    host, t->name);
}

/* Nothing of the team can be reached. */
static void
describe_line(const struct message *m, char *buf, size_t size)
{
	char text[400];

	line_describe(m->session->team, text, sizeof text);
	if (m->state == LADDER_QUEUED)
		snprintf(buf, size, "queued, place %d: %s", message_position(m), text);
	else
		snprintf(buf, size, "%s%s", text, m->cancel_wanted ? ", to cancel it" : "");
}

static bool
sleeps(const struct session *s)
{
	return s->state == SESSION_ASLEEP || s->state == SESSION_WAITING;
}

void
message_describe(const struct message *m, char *buf, size_t size)
{
	const struct session *s = m->session;
	const char *team = s->team->name;
	struct err why;

	if (m->in_queue && evict_holds(s)) {
		evict_why(s, &why, NULL);
		snprintf(buf, size, "queued, place %d: %s", message_position(m), why.msg);
	} else if (m->limbo) {
		snprintf(
		    buf, size, "irisd was restarted; the worker of team %s is asked for it", team);
	} else if (m->in_queue && line_down(s->team) && sleeps(s)) {
		describe_line(m, buf, size);
	} else if (m->in_queue && m->state != LADDER_QUEUED && s->team->cfg->remote != NULL &&
	    (m->doubt != NULL || m->state == LADDER_SEEN)) {
		describe_cut(m, buf, size);
	} else if (m->doubt != NULL) {
		snprintf(buf, size,
		    "the transcript of team %s is searched: nobody knows whether Claude has it",
		    team);
	} else if (m->in_queue) {
		if (s->state == SESSION_WAITING &&
		    m->d->active < m->d->conf->config->settings.max_processes)
			snprintf(buf, size, "queued, place %d: other processes are starting first",
			    message_position(m));
		else if (s->state == SESSION_WAITING)
			snprintf(buf, size, "queued, place %d: all %lld process slots are taken",
			    message_position(m),
			    (long long)m->d->conf->config->settings.max_processes);
		else if (s->state == SESSION_STARTING)
			snprintf(buf, size, "queued, place %d: Claude is starting for team %s",
			    message_position(m), team);
		else
			snprintf(
			    buf, size, "queued, place %d for team %s", message_position(m), team);
	} else if (s->trouble[0] != '\0') {
		snprintf(buf, size, "team %s: %s", team, s->trouble);
	} else if (m->state == LADDER_SENT) {
		snprintf(buf, size, "sent to team %s", team);
	} else if (s->activity[0] != '\0') {
		snprintf(buf, size, "team %s: %s", team, s->activity);
	} else {
		snprintf(buf, size, "team %s is at work on it", team);
	}
	if (m->in_queue && s->trouble[0] != '\0') {
		compat_strlcat(buf, "; ", size);
		compat_strlcat(buf, s->trouble, size);
	}
	json_utf8_mend(buf);
}
