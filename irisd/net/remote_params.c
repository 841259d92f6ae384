/* SPDX-License-Identifier: MIT
 *
 * From a team's configuration to the member "remote", see remote_params.h. The configuration was
 * checked when it was read; the worker checks again what it makes an argument of.
 */
#include "common/json.h"
#include "common/log.h"
#include "common/remote.h"
#include "irisd/net/remote_params.h"

static cJSON *
strings(char *const *v, size_t n)
{
	cJSON *list = cJSON_CreateArray();
	size_t i;

	for (i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(v[i]));
	return list;
}

static void
put_control_dir(cJSON *o, const struct irisd *d)
{
	char dir[PATHS_MAX];
	struct err err;

	/* Without one each session has a connection of its own. */
	if (paths_control(&d->paths, dir, sizeof dir, &err) == -1)
		log_warn("sessions of one host do not share a connection: %s", err.msg);
	else
		json_put_str(o, "controlDir", dir);
}

static void
put_options(cJSON *o, const struct config_remote *r)
{
	json_put_str_opt(o, "identity", r->identity);
	json_put_str_opt(o, "passphrase", r->passphrase);
	if (r->port != 0)
		json_put_int(o, "port", r->port);
	json_put_bool(o, "strictHostKeyChecking", r->strict_host_key_checking);
	json_put_int(o, "connectTimeout", r->connect_timeout);
	json_put_int(o, "serverAliveInterval", r->server_alive_interval);
	json_put_int(o, "serverAliveCountMax", r->server_alive_count_max);
	json_put_bool(o, "compression", r->compression);
	json_put_bool(o, "forwardAgent", r->forward_agent);
	json_put(o, "extraSshArgs", strings(r->extra_ssh_args.v, r->extra_ssh_args.n));
	json_put_int(o, "lingerTimeout", r->linger_timeout);
}

cJSON *
remote_params(const struct irisd *d, const struct config_team *t)
{
	struct remote_spec spec;
	struct err err;
	cJSON *o;

	if (t->remote == NULL || remote_parse(t->remote, &spec, &err) == -1)
		return NULL;
	o = json_new();
	json_put(o, "args", strings(spec.args, spec.nargs));
	json_put_str(o, "dest", spec.dest);
	json_put_str(o, "host", spec.host);
	json_put_bool(o, "ssh2", t->ssh2);
	put_options(o, &t->remote_options);
	put_control_dir(o, d);
	remote_release(&spec);
	return o;
}
