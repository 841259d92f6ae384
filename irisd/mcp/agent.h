/* SPDX-License-Identifier: MIT
 *
 * Prompts from templates: the ten agents of get_agent and prompts/get, and the prompts ask and
 * handoff. Finds the template (the project's own, the user's, Iris's), collects the variables, and
 * renders. Reads only the caller's own project. Called by tools_agent.c and prompts.c.
 */
#ifndef IRIS_MCP_AGENT_H
#define IRIS_MCP_AGENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/err.h"
#include "irisd/irisd.h"

struct agent_type {
	const char *name, *title;
	bool prompt_only; /* no agent: a prompt about teams */
};

/* Those of agent_table.h, ended by one without a name. */
extern const struct agent_type agent_types[];

/* The names of those that are agents, ended by NULL. */
extern const char *const agent_names[];

const struct agent_type *agent_type_find(const char *name);

struct agent_want {
	const struct agent_type *type;
	const char *who;          /* the caller: a team or a guest */
	const char *project_path; /* NULL: the caller's team directory */
	bool diff;
	const cJSON *context; /* the caller's variables, an object; NULL: none */
};

struct agent;

/*
 * Look at the project. NULL with err: ERR_REFUSED or ERR_DIRECTORY where projectPath is not the
 * caller's team directory or below it.
 */
struct agent *agent_new(struct irisd *d, const struct agent_want *want, struct err *err);
void agent_free(void *agent);

/*
 * The git diff that was wanted; cb is called later, once it is there, or it is clear why not. False
 * when there is nothing to wait for.
 */
bool agent_diff(struct agent *a, void (*cb)(void *arg), void *arg);

/* The text, malloc'ed; NULL with err, "FILE:LINE: ..." when the template is at fault. */
char *agent_render(struct agent *a, struct err *err);

const char *agent_name(const struct agent *a);

/* After agent_render: where the template was found; and what could not be used, a list. */
const char *agent_template(const struct agent *a);
const cJSON *agent_problems(const struct agent *a);

#endif
