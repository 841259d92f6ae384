/* SPDX-License-Identifier: MIT
 *
 * Decides permission requests by the team's grantPermission, see permission.h.
 */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/rpc.h"
#include "irisd/core/permission.h"
#include "irisd/core/team.h"
#include "irisd/mcp/mcp.h"

#define IRIS_TOOL "mcp__" MCP_SERVER_NAME "__" /* before the names of our tools, for Claude */

const char *
permission_refusal(const struct session *s, const char *tool, char *buf, size_t size)
{
	const char *team = s->team->name;

	/* By their names: another server's could begin alike ("iris__x"). */
	if (strncmp(tool, IRIS_TOOL, strlen(IRIS_TOOL)) == 0 &&
	    mcp_tool_find(tool + strlen(IRIS_TOOL)) != NULL)
		return NULL;
	switch ((enum config_grant)s->team->cfg->grant_permission) {
	case CONFIG_GRANT_YES:
		return NULL;
	case CONFIG_GRANT_NO:
		snprintf(buf, size,
		    "%.80s is not permitted: team %s is read-only for other teams (grantPermission: no). "
		    "Answer without it, and say what could not be done.",
		    tool, team);
		json_utf8_mend(buf);
		return buf;
	case CONFIG_GRANT_ASK:
	case CONFIG_GRANT_FORWARD:
		break;
	}
	snprintf(buf, size,
	    "%.80s needs a person's permission, and nobody can be asked from here (team %s has "
	    "grantPermission: %s). Answer without it, and say which permission was missing: the project's "
	    ".claude/settings.json can allow it, or grantPermission: yes in Iris's configuration.",
	    tool, team, config_grant_names[s->team->cfg->grant_permission]);
	json_utf8_mend(buf);
	return buf;
}

char *
permission_decide(struct session *s, const char *request, const char *tool, const cJSON *input)
{
	cJSON *p = json_new();
	char buf[512];
	const char *why = permission_refusal(s, tool, buf, sizeof buf);

	json_put_str(p, "session", s->key);
	json_put_str(p, "request", request);
	json_put_str(p, "behavior", why == NULL ? "allow" : "deny");
	if (why == NULL)
		json_put(p, "updatedInput", cJSON_Duplicate(input, true));
	else
		json_put_str(p, "message", why);
	log_info("permission %s from=%s to=%s tool=%s", why == NULL ? "given" : "refused",
	    s->row.from, s->team->name, tool);
	return rpc_request("\"answer\"", "worker/answer", p);
}
