/* SPDX-License-Identifier: MIT
 *
 * MCP resources, read only: their table, resources/list, resources/templates/list, resources/read,
 * and what URIs mean. Called by protocol.c, and by follow.c, which tells of changes. What there is
 * to read is its own file's: resources_iris.c has
 *
 *	iris://teams			all teams
 *	iris://teams/{name}		one of them
 *	iris://sessions/{from}/{to}	a session that the caller's project has a part in
 *	iris://messages/{id}		a message that it has sent or received
 */
#ifndef IRIS_MCP_RESOURCES_H
#define IRIS_MCP_RESOURCES_H

#include "irisd/mcp/complete.h"
#include "irisd/mcp/mcp.h"

/* What tells of a change (follow.c). */
enum resource_kind {
	RESOURCE_TEAMS,
	RESOURCE_TEAM,
	RESOURCE_SESSION,
	RESOURCE_MESSAGE,
	RESOURCE_FIXED /* it never changes */
};

#define RESOURCE_VARIABLES 2

struct resource;

struct resource_row {
	enum resource_kind kind;
	/* Of one resource; or a template, each of its {variables} one segment of the path. */
	const char *uri;
	const char *name, *title, *description, *type;
	/* For each variable, in their order; NULL: nothing can be offered. */
	void (*complete[RESOURCE_VARIABLES])(struct completion *);
	/* Of a template: add those that there are to the list, by resource_entry; NULL: none. */
	void (*list)(const struct resource_row *, struct mcp *, cJSON *list);
	/*
	 * What it holds, an object with text or blob; NULL when it is not there, or not for this
	 * client. ttl, ms, is 0 before: how long it stays as it is.
	 */
	cJSON *(*read)(struct mcp *, const struct resource *, int64_t *ttl);
};

/* One table a file, ended by a row without a URI. */
extern const struct resource_row resources_iris[];
#ifdef IRIS_MCP_FIXTURES
extern const struct resource_row resources_fixtures[]; /* tests/conformance; ships in no program */
#endif

/* What a URI names. */
struct resource {
	const struct resource_row *row;
	char values[RESOURCE_VARIABLES][TEAM_NAME_MAX]; /* of the variables; "" for none */
};

/* Whether it is there or not; -1 when the URI fits no row of the tables. */
int resource_parse(const char *uri, struct resource *r);

/* Whether it is there, and this client may read it. */
bool resource_visible(struct mcp *m, const struct resource *r);

/* For the rows: an entry of resources/list; and the text of o, which is taken. */
cJSON *resource_entry(
    const struct resource_row *row, const char *uri, const char *name, const char *description);
cJSON *resource_json(cJSON *o);

/* The error of the era for a resource that is not there, or not for this client's eyes. */
void resource_refuse(struct mcp *m, const struct rpc_msg *msg, const char *uri, bool modern);

void resources_list(struct mcp *m, const struct rpc_msg *msg, bool modern);
void resources_templates(struct mcp *m, const struct rpc_msg *msg, bool modern);
void resources_read(struct mcp *m, const struct rpc_msg *msg, bool modern);

/* What completes this variable, NULL for nothing; -1 when there is no such template or variable. */
int resource_completes(
    const char *uri, const char *variable, void (**fn)(struct completion *), struct err *err);

#endif
