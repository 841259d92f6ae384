/* SPDX-License-Identifier: MIT
 *
 * The list of teams, and names for those who ask, see team.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/nearest.h"
#include "common/xmalloc.h"
#include "irisd/core/pool.h"
#include "irisd/core/backoff.h"
#include "irisd/core/event.h"
#include "irisd/core/line.h"
#include "irisd/core/session_key.h"
#include "irisd/core/team.h"
#include "irisd/core/tunnel.h"
#include "irisd/mcp/follow.h"
#include "irisd/net/evict.h"
#include "irisd/net/worker.h"

struct team *
team_find(struct irisd *d, const char *name)
{
	struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry)
		if (!t->removed && strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

static void
say_nearest(struct irisd *d, const char *name, struct err *err)
{
	const struct config *c = d->conf->config;
	const char **names, *near[3];
	char list[ERR_MSG_MAX / 2] = "";
	size_t i, n;

	if (c->nteams == 0) {
		err_set(err, ERR_NOT_FOUND,
		    "unknown team \"%.100s\": no team is configured; add one with \"iris team add\"",
		    name);
		return;
	}
	names = xreallocarray(NULL, c->nteams, sizeof *names);
	for (i = 0; i < c->nteams; i++)
		names[i] = c->teams[i].name;
	n = nearest_names(name, names, c->nteams, near, sizeof near / sizeof near[0]);
	for (i = 0; i < n; i++) {
		compat_strlcat(list, i == 0 ? "" : ", ", sizeof list);
		compat_strlcat(list, near[i], sizeof list);
	}
	free(names);
	if (n > 0)
		err_set(err, ERR_NOT_FOUND,
		    "unknown team \"%.100s\"; the nearest: %s (list_teams, or \"iris team list\", "
		    "names all)",
		    name, list);
	else
		err_set(err, ERR_NOT_FOUND,
		    "unknown team \"%.100s\"; list_teams, or \"iris team list\", names those there "
		    "are",
		    name);
}

struct team *
team_require(struct irisd *d, const char *name, struct err *err)
{
	struct team *t = team_find(d, name);

	if (t == NULL)
		say_nearest(d, name, err);
	return t;
}

bool
team_awake(const struct team *t)
{
	const struct session *s;

	TAILQ_FOREACH (s, &t->sessions, team_entry)
		if (s->pid != 0)
			return true;
	return false;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_list(const struct config_list *a, const struct config_list *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static bool
same_env(const struct config_env_list *a, const struct config_env_list *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (strcmp(a->v[i].name, b->v[i].name) != 0 ||
		    strcmp(a->v[i].value, b->v[i].value) != 0)
			return false;
	return true;
}

/* The same for the line to it; how long a lost one is tried again is no part of that. */
static bool
same_line(const struct config_team *a, const struct config_team *b)
{
	const struct config_remote *x = &a->remote_options, *y = &b->remote_options;

	return same_text(a->remote, b->remote) && a->ssh2 == b->ssh2 &&
	    same_text(x->identity, y->identity) && same_text(x->passphrase, y->passphrase) &&
	    x->port == y->port && x->strict_host_key_checking == y->strict_host_key_checking &&
	    x->connect_timeout == y->connect_timeout && x->linger_timeout == y->linger_timeout &&
	    x->server_alive_interval == y->server_alive_interval &&
	    x->server_alive_count_max == y->server_alive_count_max &&
	    x->compression == y->compression && x->forward_agent == y->forward_agent &&
	    same_list(&x->extra_ssh_args, &y->extra_ssh_args);
}

/* Whether a process would be started in the same way. The description is part of its prompt. */
static bool
same_process(const struct config_team *a, const struct config_team *b)
{
	return same_text(a->path, b->path) && same_text(a->description, b->description) &&
	    same_line(a, b) && same_text(a->claude_path, b->claude_path) &&
	    same_text(a->model, b->model) &&
	    same_text(a->append_system_prompt, b->append_system_prompt) &&
	    same_text(a->mcp_config, b->mcp_config) &&
	    same_list(&a->allowed_tools, &b->allowed_tools) &&
	    same_list(&a->disallowed_tools, &b->disallowed_tools) &&
	    same_list(&a->add_dirs, &b->add_dirs) && same_env(&a->env, &b->env) &&
	    session_key_same(a, b) && a->permission_mode == b->permission_mode &&
	    a->response_timeout == b->response_timeout;
}

/* Whether anything that a caller or a process would notice differs. */
static bool
same_config(const struct config_team *a, const struct config_team *b)
{
	return same_process(a, b) && same_text(a->color, b->color) &&
	    a->grant_permission == b->grant_permission &&
	    same_list(&a->rules.allow, &b->rules.allow) &&
	    same_list(&a->rules.deny, &b->rules.deny) && same_list(&a->rules.ask, &b->rules.ask) &&
	    a->session_init_timeout == b->session_init_timeout &&
	    a->spawn_timeout == b->spawn_timeout && a->idle_timeout == b->idle_timeout &&
	    a->remote_options.reconnect_timeout == b->remote_options.reconnect_timeout &&
	    a->enable_reverse_mcp == b->enable_reverse_mcp && a->allow_http == b->allow_http &&
	    a->reverse_mcp_port == b->reverse_mcp_port;
}

static void
note(struct irisd *d, cJSON *diff, const char *list, const char *name)
{
	struct team *t;

	if (diff != NULL)
		cJSON_AddItemToArray(json_get(diff, list), cJSON_CreateString(name));
	log_info("configuration team=%s %s", name, list);
	follow_team(d, name);
	follow_teams(d);
	if ((t = team_find(d, name)) != NULL)
		event_team(t);
}

static void
insert_sorted(struct irisd *d, struct team *t)
{
	struct team *other;

	TAILQ_FOREACH (other, &d->teams, entry) {
		if (strcmp(other->name, t->name) > 0) {
			TAILQ_INSERT_BEFORE(other, t, entry);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&d->teams, t, entry);
}

static void
set_config(struct team *t, struct conf *conf, const struct config_team *cfg)
{
	conf->refs++;
	conf_unref(t->conf);
	t->conf = conf;
	t->cfg = cfg;
}

static void
change(struct team *t, struct conf *conf, const struct config_team *cfg)
{
	bool renew = !same_process(t->cfg, cfg), moved = !same_text(t->cfg->remote, cfg->remote);

	if (!same_text(t->cfg->path, cfg->path))
		log_info("team has another directory, its conversations begin anew team=%s "
			 "old=%s new=%s",
		    t->name, t->cfg->path, cfg->path);
	if (moved)
		log_info("team is on another machine, its conversations begin anew team=%s "
			 "old=%s new=%s",
		    t->name, t->cfg->remote != NULL ? t->cfg->remote : "this one",
		    cfg->remote != NULL ? cfg->remote : "this one");
	set_config(t, conf, cfg);
	if (moved)
		pool_moved_team(t);
	if (renew)
		pool_renew_team(t);
}

static void
add_team(struct irisd *d, struct conf *conf, const struct config_team *cfg)
{
	struct team *t;

	/* Back before it was gone: its sessions go on, as after any other change. */
	TAILQ_FOREACH (t, &d->teams, entry) {
		if (t->removed && strcmp(t->name, cfg->name) == 0) {
			t->removed = false;
			d->draining--;
			change(t, conf, cfg);
			return;
		}
	}
	t = xcalloc(1, sizeof *t);
	t->d = d;
	t->name = xstrdup(cfg->name);
	TAILQ_INIT(&t->sessions);
	set_config(t, conf, cfg);
	insert_sorted(d, t);
}

void
team_sync(struct irisd *d, struct conf *conf, cJSON *diff)
{
	const char *lists[] = {"added", "removed", "changed"};
	const struct config_team *cfg;
	struct team *t, *next;
	size_t i;

	for (i = 0; diff != NULL && i < 3; i++)
		json_put(diff, lists[i], cJSON_CreateArray());
	TAILQ_FOREACH_SAFE (t, &d->teams, entry, next) {
		if (t->removed)
			continue;
		if ((cfg = config_find_team(conf->config, t->name)) == NULL) {
			note(d, diff, "removed", t->name);
			t->removed = true;
			d->draining++;
			pool_drain_team(t);
			continue;
		}
		if (!same_config(t->cfg, cfg))
			note(d, diff, "changed", t->name);
		change(t, conf, cfg);
	}
	for (i = 0; i < conf->config->nteams; i++) {
		cfg = &conf->config->teams[i];
		if (team_find(d, cfg->name) == NULL) {
			add_team(d, conf, cfg);
			note(d, diff, "added", cfg->name);
		}
	}
}

static void
team_free(struct team *t)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&t->sessions)) != NULL) {
		event_session_deleted(s);
		session_free(s);
	}
	event_team_gone(t);
	evict_forget(t);
	backoff_release(t);
	line_release(t);
	tunnel_release(t);
	TAILQ_REMOVE(&t->d->teams, t, entry);
	conf_unref(t->conf);
	free(t->name);
	free(t);
}

static bool
drained(const struct team *t)
{
	const struct session *s;

	if (!t->removed || worker_left(t) || t->evict != NULL)
		return false;
	TAILQ_FOREACH (s, &t->sessions, team_entry)
		if (s->state != SESSION_ASLEEP || s->current != NULL || s->queued > 0)
			return false;
	return true;
}

void
team_collect(struct irisd *d)
{
	struct team *t, *next;

	if (d->draining == 0)
		return;
	TAILQ_FOREACH_SAFE (t, &d->teams, entry, next) {
		if (drained(t)) {
			d->draining--;
			team_free(t);
		}
	}
}

void
team_free_all(struct irisd *d)
{
	struct team *t;

	while ((t = TAILQ_FIRST(&d->teams)) != NULL)
		team_free(t);
}

bool
team_of_dir(struct irisd *d, const char *dir, char *name, size_t size)
{
	const struct config_team *cfg = config_team_of_dir(d->conf->config, dir);
	const char *base = strrchr(dir, '/');
	uint64_t h = 14695981039346656037u;
	char clean[64];
	const char *p;
	size_t n = 0;

	if (cfg != NULL) {
		compat_strlcpy(name, cfg->name, size);
		return true;
	}
	/* FNV-1a: two directories of one name must not share a conversation. */
	for (p = dir; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (p = base != NULL && base[1] != '\0' ? base + 1 : "root"; *p != '\0'; p++)
		if (n < sizeof clean - 1 && (n > 0 || strchr("-.", *p) == NULL) &&
		    (strchr("-_.", *p) != NULL || (*p >= '0' && *p <= '9') ||
			(*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
			clean[n++] = *p;
	clean[n] = '\0';
	snprintf(name, size, "guest:%s-%016llx", n > 0 ? clean : "dir", (unsigned long long)h);
	return false;
}
