/* SPDX-License-Identifier: MIT
 *
 * Teams as a whole: their names, where their directories are, and what must fit together. Called by
 * config.c after settings, since teams inherit from there. Looks at the file system, but a missing
 * directory is only a warning: it may be on a disk that is mounted later, and using the team
 * reports it.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_impl.h"
#include "common/remote.h"
#include "common/xmalloc.h"

#define TEAMS_MAX     4096
#define TEAM_NAME_MAX 100

int
config_check_team_name(const char *name, struct err *e)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	char shown[CONFIG_SHOWN];

	config_show(name, strlen(name), shown);
	if (strchr(name, '@') != NULL)
		return err_set(e, ERR_INVALID,
		    "\"%s\" can not be a team's name: \"@\" is for addresses, team@host", shown);
	if (name[0] == '\0' || strlen(name) > TEAM_NAME_MAX ||
	    name[strspn(name, allowed)] != '\0' || name[0] == '-' || name[0] == '.')
		return err_set(e, ERR_INVALID,
		    "\"%s\" can not be a team's name; expected 1 to %d of A-Z a-z 0-9 _ . -, "
		    "the first not \"-\" or \".\"",
		    shown, TEAM_NAME_MAX);
	return 0;
}

static int
refuse_system_dir(const struct config_reader *r, struct config_at at, const char *path)
{
	const char *dir = config_path_refused(path);
	char shown[CONFIG_SHOWN];

	if (dir == NULL)
		return 0;
	return config_fail(r, at.node, "%s: %s lies in %s, where no team may work", at.where,
	    config_show(path, strlen(path), shown), dir);
}

static int
find_directory(const struct config_reader *r, struct config_at at, struct config_team *t)
{
	char *path = config_path_absolute(r, at, t->path_given), *real;
	char shown[CONFIG_SHOWN];
	struct stat st;
	int why = 0;

	if (path == NULL || refuse_system_dir(r, at, path) == -1) {
		free(path);
		return -1;
	}
	t->path = path;
	if ((real = realpath(path, NULL)) != NULL) {
		free(t->path);
		t->path = real;
		if (refuse_system_dir(r, at, real) == -1)
			return -1;
	}
	if (real == NULL || stat(real, &st) == -1)
		why = errno;
	else if (!S_ISDIR(st.st_mode))
		why = ENOTDIR;
	if (why != 0) {
		t->path_missing = true;
		config_warn(r, at.node, "%s: %s: %s; it is looked at again when the team is used",
		    at.where, config_show(t->path, strlen(t->path), shown), strerror(why));
	}
	return 0;
}

static int
check_not_shared(const struct config_reader *r, struct config_at at, const struct config *c,
    const struct config_team *t)
{
	size_t i;

	for (i = 0; i < c->nteams; i++)
		if (c->teams[i].remote == NULL && strcmp(c->teams[i].path, t->path) == 0)
			return config_fail(r, at.node,
			    "%s: is the directory of team \"%s\", line %zu, too; expected one team "
			    "for a directory",
			    at.where, c->teams[i].name, c->teams[i].line);
	return 0;
}

/* Its end over there is the login's, and so is what is written beside it: one for each login. */
static int
check_tunnel(const struct config_reader *r, const yaml_node_t *map, struct config_at team,
    const struct config *c, const struct config_team *t, const char *dest)
{
	const yaml_node_t *node = config_doc_get(r, map, "enableReverseMcp");
	struct remote_spec spec;
	struct err why;
	bool same;
	size_t i;

	if (!t->enable_reverse_mcp)
		return 0;
	if (t->ssh2 && !t->allow_http)
		return config_fail(r, node,
		    "%s.enableReverseMcp: with ssh2: true the tunnel can only end at a TCP port, and "
		    "that needs allowHttp: true; or leave ssh2 out, for a socket by OpenSSH",
		    team.where);
	for (i = 0; i < c->nteams; i++) {
		if (&c->teams[i] == t || !c->teams[i].enable_reverse_mcp ||
		    c->teams[i].remote == NULL ||
		    remote_parse(c->teams[i].remote, &spec, &why) == -1)
			continue;
		same = strcmp(spec.dest, dest) == 0;
		remote_release(&spec);
		if (same)
			return config_fail(r, node,
			    "%s.enableReverseMcp: team %s has a tunnel to %s already, and there is one "
			    "for each login; expected it to be true for one of the two",
			    team.where, c->teams[i].name, dest);
	}
	return 0;
}

/* The file names a port of this machine's, which another one sees by such a tunnel only. */
static int
check_session_mcp(const struct config_reader *r, const yaml_node_t *map, struct config_at team,
    const struct config *c, struct config_team *t)
{
	const yaml_node_t *node = config_doc_get(r, map, "sessionMcpEnabled");
	bool reached = t->remote == NULL || (t->enable_reverse_mcp && t->allow_http);

	if (!t->session_mcp_enabled)
		return 0;
	if (node == NULL && !reached) {
		t->session_mcp_enabled = false;
		config_warn(r, team.node,
		    "%s: settings.sessionMcpEnabled does not hold for this team: on another host that "
		    "needs enableReverseMcp: true and allowHttp: true",
		    team.where);
		return 0;
	}
	if (!reached)
		return config_fail(r, node,
		    "%s.sessionMcpEnabled: on another host a session reaches this irisd by a tunnel to "
		    "a port only; expected enableReverseMcp: true and allowHttp: true with it",
		    team.where);
	if (c->settings.http_port == 0)
		return config_fail(r, node != NULL ? node : team.node,
		    "%s.sessionMcpEnabled: needs HTTP, which settings.httpPort: 0 turns off; expected "
		    "a port there, or sessionMcpEnabled: false",
		    team.where);
	return 0;
}

static int
check_remote(const struct config_reader *r, const yaml_node_t *map, struct config_at team,
    const struct config *c, struct config_team *t)
{
	const yaml_node_t *node = config_doc_get(r, map, "remote"), *args;
	const struct config_remote *o = &t->remote_options;
	struct remote_spec spec;
	struct err why;
	int rv;

	if (remote_parse(t->remote, &spec, &why) == -1)
		return config_fail(r, node,
		    "%s.remote: %s; expected \"ssh [options] host\" or \"ssh [options] user@host\"",
		    team.where, why.msg);
	rv = check_tunnel(r, map, team, c, t, spec.dest);
	remote_release(&spec);
	if (rv == -1)
		return -1;
	if (remote_check_args(o->extra_ssh_args.v, o->extra_ssh_args.n, &why) == -1) {
		args = config_doc_get(r, map, "remoteOptions");
		return config_fail(r, config_doc_get(r, args, "extraSshArgs"),
		    "%s.remoteOptions.extraSshArgs: %s; expected options of ssh, each word its own "
		    "entry",
		    team.where, why.msg);
	}
	/* That of settings is a program here. */
	if (config_doc_get(r, map, "claudePath") == NULL) {
		free(t->claude_path);
		t->claude_path = xstrdup("claude");
	}
	t->path = xstrdup(t->path_given);
	if (t->path[0] == '/')
		return refuse_system_dir(r, team, t->path);
	return 0;
}

/* What the table can not say. team.node is the key, for what is missing. */
static int
finish(const struct config_reader *r, const yaml_node_t *map, struct config_at team,
    const struct config *c, struct config_team *t)
{
	struct config_at at = {config_doc_get(r, map, "path"), NULL};
	char *where;
	int rv;

	if (at.node == NULL)
		return config_fail(
		    r, team.node, "%s has no path; expected path: DIRECTORY", team.where);
	if (t->description == NULL)
		t->description = xasprintf("Team %s", t->name);
	if (check_session_mcp(r, map, team, c, t) == -1)
		return -1;
	if (t->remote != NULL)
		return check_remote(r, map, team, c, t);
	at.where = where = xasprintf("%s.path", team.where);
	rv = find_directory(r, at, t);
	if (rv == 0)
		rv = check_not_shared(r, at, c, t);
	free(where);
	return rv;
}

/* The section that stands under name within the team's. */
static int
read_within(const struct config_reader *r, const yaml_node_t *map, const char *team,
    const char *name, const char *section, void *out)
{
	const yaml_node_t *node = config_doc_get(r, map, name);
	char *where;
	int rv;

	if (node == NULL)
		return 0;
	where = xasprintf("%s.%s", team, name);
	rv = config_section_read(r, section, (struct config_at){node, where}, out);
	free(where);
	return rv;
}

static int
read_team(struct config_reader *r, const yaml_node_pair_t *pair, const struct config *c,
    struct config_team *t)
{
	const yaml_node_t *key = config_doc_node(r, pair->key),
			  *value = config_doc_node(r, pair->value);
	const yaml_node_t *map;
	struct err why;
	char *where;
	size_t errors = r->errors != NULL ? r->errors->n : 0;
	int rv = -1;

	if (config_check_team_name((const char *)key->data.scalar.value, &why) == -1)
		return config_fail(r, key, "teams: %s", why.msg);
	t->name = xstrdup((const char *)key->data.scalar.value);
	t->line = key->start_mark.line + 1;
	config_section_defaults("teams", t, &c->settings);
	config_section_defaults("remoteOptions", &t->remote_options, &c->settings);
	where = xasprintf("teams.%s", t->name);
	if (config_as_mapping(r, (struct config_at){value, where}, &map) == 0) {
		r->remote = config_doc_get(r, map, "remote") != NULL;
		if (config_section_read(r, "teams", (struct config_at){value, where}, t) == 0 &&
		    read_within(
			r, map, where, "remoteOptions", "remoteOptions", &t->remote_options) == 0 &&
		    read_within(r, map, where, "permissions", "teamPermissions", &t->rules) == 0 &&
		    (r->errors == NULL || r->errors->n == errors))
			rv = finish(r, map, (struct config_at){key, where}, c, t);
		r->remote = false;
	}
	free(where);
	return rv;
}

int
config_teams_read(struct config_reader *r, const yaml_node_t *node, struct config *c)
{
	const yaml_node_t *map;
	const yaml_node_pair_t *pair;
	size_t n;

	if (config_as_mapping(r, (struct config_at){node, "teams"}, &map) == -1)
		return -1;
	if (map == NULL)
		return 0;
	n = (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
	if (n > TEAMS_MAX)
		return config_fail(r, node, "teams: more than %d teams", TEAMS_MAX);
	c->teams = xcalloc(n + 1, sizeof c->teams[0]);
	for (pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		if (read_team(r, pair, c, &c->teams[c->nteams]) == -1) {
			config_team_free(&c->teams[c->nteams]);
			memset(&c->teams[c->nteams], 0, sizeof c->teams[0]);
			if (config_stops(r, -1))
				return -1;
			continue;
		}
		c->nteams++;
	}
	return 0;
}

void
config_team_free(struct config_team *t)
{
	config_section_free("teams", t);
	config_section_free("remoteOptions", &t->remote_options);
	config_section_free("teamPermissions", &t->rules);
	free(t->name);
	free(t->path);
}
