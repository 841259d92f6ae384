/* SPDX-License-Identifier: MIT
 *
 * MCP resources, read only: resources/list, resources/templates/list, resources/read, and what
 * their URIs mean. Called by protocol.c, by prompts.c for completion, and by follow.c, which tells
 * of changes.
 *
 *	iris://teams			all teams
 *	iris://teams/{name}		one of them
 *	iris://sessions/{from}/{to}	a session that the caller's project has a part in
 *	iris://messages/{id}		a message that it has sent or received
 */
#ifndef IRIS_MCP_RESOURCES_H
#define IRIS_MCP_RESOURCES_H

#include "irisd/mcp/mcp.h"

enum resource_kind { RESOURCE_TEAMS, RESOURCE_TEAM, RESOURCE_SESSION, RESOURCE_MESSAGE };

struct resource {
	enum resource_kind kind;
	char a[TEAM_NAME_MAX]; /* the team's name, who asks, or the message's id; "" for none */
	char b[TEAM_NAME_MAX]; /* of a session: whom */
};

/* What a URI names, whether that is there or not; -1 when it is none of the forms above. */
int resource_parse(const char *uri, struct resource *r);

/* Whether it is there, and this client may read it. */
bool resource_visible(struct mcp *m, const struct resource *r);

/* The error of the era for a resource that is not there, or not for this client's eyes. */
void resource_refuse(struct mcp *m, const struct rpc_msg *msg, const char *uri, bool modern);

void resources_list(struct mcp *m, const struct rpc_msg *msg, bool modern);
void resources_templates(struct mcp *m, const struct rpc_msg *msg, bool modern);
void resources_read(struct mcp *m, const struct rpc_msg *msg, bool modern);

/*
 * What may stand for a variable of a template, for completion: 0 for names of teams, 1 for nothing
 * that can be offered, -1 when there is no such template or variable.
 */
int resource_variable(const char *template, const char *variable);

#endif
