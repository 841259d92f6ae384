/* SPDX-License-Identifier: MIT
 *
 * Loads config.yaml: reads the text and .env, has the tree parsed, reads the sections in the order
 * in which they depend on each other, and checks what concerns more than one key. Owns the struct
 * config that it returns.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_impl.h"
#include "common/config_text.h"
#include "common/paths.h"
#include "common/xmalloc.h"

/* The directory part of path as it is written. */
static char *
dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static char *
absolute_dir_of(const char *path)
{
	char *dir = dir_of(path), *real = realpath(dir, NULL), *whole, cwd[PATH_MAX];

	if (real == NULL) {
		if (dir[0] == '/' || getcwd(cwd, sizeof cwd) == NULL)
			real = config_path_normal(dir);
		else {
			whole = xasprintf("%s/%s", cwd, dir);
			real = config_path_normal(whole);
			free(whole);
		}
	}
	free(dir);
	return real;
}

static struct config *
new_config(const char *path)
{
	struct config *c = xcalloc(1, sizeof *c);

	c->path = xstrdup(path);
	c->dir = absolute_dir_of(path);
	return c;
}

/* The script that opens a terminal is used when it lies where Iris MCP expects it. */
static void
find_spawn_script(struct config *c)
{
	char *path = xasprintf("%s/scripts/spawn.sh", c->dir);

	if (access(path, F_OK) == 0)
		c->dashboard.spawn_script_path = path;
	else
		free(path);
}

static int
load_dotenv(struct config_reader *r, const char *path)
{
	char *dir = dir_of(path), *file = xasprintf("%s/.env", dir), *warning;

	r->env = dotenv_load(file, &warning, r->e);
	if (warning != NULL)
		config_list_add(r->warnings, warning);
	free(file);
	free(dir);
	return r->env == NULL ? -1 : 0;
}

static int
read_section(
    const struct config_reader *r, const yaml_node_t *root, const char *section, void *base)
{
	const yaml_node_t *node = config_doc_get(r, root, section);

	if (node == NULL)
		return 0;
	return config_section_read(r, section, (struct config_at){node, section}, base);
}

/* One that a browser can ask for, or an address. */
static bool
is_name(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	unsigned char address[sizeof(struct in6_addr)];
	size_t n = strlen(s);

	if (inet_pton(AF_INET6, s, address) == 1)
		return true;
	return n <= 253 && s[strspn(s, letters)] == '\0' && strchr("-.", s[0]) == NULL &&
	    s[n - 1] != '.' && strstr(s, "..") == NULL;
}

static int
check_dashboard(
    const struct config_reader *r, const yaml_node_t *root, const struct config_dashboard *d)
{
	const yaml_node_t *map = config_doc_get(r, root, "dashboard");
	size_t i;

	for (i = 0; i < d->names.n; i++)
		if (!is_name(d->names.v[i]))
			return config_fail(r, config_doc_get(r, map, "names"),
			    "dashboard.names: \"%.100s\" is neither a host name nor an address",
			    d->names.v[i]);
	if (d->enabled && d->https != 0 && !d->selfsigned &&
	    (d->cert_path == NULL || d->key_path == NULL))
		return config_fail(r, config_doc_get(r, map, "https"),
		    "dashboard.https needs a certificate; expected certPath and keyPath, or "
		    "selfsigned: true");
	if (d->enabled && d->http == 0 && d->https == 0)
		return config_fail(r, config_doc_get(r, map, "http"),
		    "dashboard.http and dashboard.https are both 0; expected a port for one of "
		    "them, or enabled: false");
	return 0;
}

static int
read_permissions(
    const struct config_reader *r, const yaml_node_t *root, struct config_permissions *p)
{
	const yaml_node_t *map = config_doc_get(r, root, "permissions"), *guard;

	if (read_section(r, root, "permissions", p) == -1)
		return -1;
	if (map == NULL || (guard = config_doc_get(r, map, "guard")) == NULL)
		return 0;
	return config_section_read(
	    r, "guard", (struct config_at){guard, "permissions.guard"}, &p->guard);
}

static void
warn_of_unknown_keys(const struct config_reader *r, const yaml_node_t *root)
{
	static const char *const known[] = {
	    "settings", "dashboard", "database", "permissions", "webhooks", "teams"};
	const size_t n = sizeof known / sizeof known[0];
	const yaml_node_pair_t *pair;
	size_t i;

	for (pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
		for (i = 0; i < n && strcmp(config_doc_key(r, pair), known[i]) != 0; i++)
			continue;
		if (i == n)
			config_unknown_key(r, config_doc_node(r, pair->key), "", "the top level");
	}
}

static int
read_tree(struct config_reader *r, struct config *c)
{
	const yaml_node_t *root = yaml_document_get_root_node(&r->doc), *teams;

	if (root != NULL && config_as_mapping(r, (struct config_at){root, "the file"}, &root) == -1)
		return -1;
	if (root == NULL)
		return 0;
	warn_of_unknown_keys(r, root);
	if (config_stops(r, read_section(r, root, "settings", &c->settings)) ||
	    config_stops(r, read_section(r, root, "dashboard", &c->dashboard)) ||
	    config_stops(r, read_section(r, root, "database", &c->database)) ||
	    config_stops(r, read_permissions(r, root, &c->permissions)) ||
	    config_stops(r, read_section(r, root, "webhooks", &c->webhooks)) ||
	    config_stops(r, check_dashboard(r, root, &c->dashboard)))
		return -1;
	teams = config_doc_get(r, root, "teams");
	return teams == NULL ? 0 : config_teams_read(r, teams, c);
}

struct config *
config_parse_all(
    const char *path, const char *text, size_t len, struct config_list *errors, struct err *e)
{
	struct config *c = config_default(path);
	struct config_reader r = {
	    .path = path, .dir = c->dir, .warnings = &c->warnings, .errors = errors, .e = e};

	if (load_dotenv(&r, path) == -1 || config_doc_parse(&r, text, len) == -1 ||
	    read_tree(&r, c) == -1 || (errors != NULL && errors->n > 0)) {
		config_free(c);
		c = NULL;
	}
	if (r.have_doc)
		yaml_document_delete(&r.doc);
	dotenv_free(r.env);
	return c;
}

struct config *
config_parse(const char *path, const char *text, size_t len, struct err *e)
{
	return config_parse_all(path, text, len, NULL, e);
}

struct config *
config_load(const char *path, struct err *e)
{
	struct config_text t;
	struct config *c;

	if (config_text_read(path, &t, e) == -1)
		return NULL;
	c = config_parse(path, t.s, t.len, e);
	free(t.s);
	return c;
}

struct config *
config_default(const char *path)
{
	struct config *c = new_config(path);

	config_section_defaults("settings", &c->settings, NULL);
	config_section_defaults("dashboard", &c->dashboard, NULL);
	config_section_defaults("database", &c->database, NULL);
	config_section_defaults("guard", &c->permissions.guard, NULL);
	config_section_defaults("webhooks", &c->webhooks, NULL);
	find_spawn_script(c);
	return c;
}

void
config_free(struct config *c)
{
	size_t i;

	if (c == NULL)
		return;
	config_section_free("settings", &c->settings);
	config_section_free("dashboard", &c->dashboard);
	config_section_free("database", &c->database);
	config_section_free("permissions", &c->permissions);
	config_section_free("guard", &c->permissions.guard);
	config_section_free("webhooks", &c->webhooks);
	for (i = 0; i < c->nteams; i++)
		config_team_free(&c->teams[i]);
	free(c->teams);
	config_list_free(&c->warnings);
	free(c->path);
	free(c->dir);
	free(c);
}

const struct config_team *
config_find_team(const struct config *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nteams; i++)
		if (strcmp(c->teams[i].name, name) == 0)
			return &c->teams[i];
	return NULL;
}

const struct config_team *
config_team_of_dir(const struct config *c, const char *dir)
{
	const struct config_team *best = NULL, *t;
	size_t i;

	for (i = 0; i < c->nteams; i++) {
		t = &c->teams[i];
		if (t->remote == NULL && paths_contains(t->path, dir) &&
		    (best == NULL || strlen(t->path) > strlen(best->path)))
			best = t;
	}
	return best;
}
