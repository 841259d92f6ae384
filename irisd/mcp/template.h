/* SPDX-License-Identifier: MIT
 *
 * A small renderer of templates, in the part of Handlebars that texts for agents need:
 *
 *	{{name}} {{a.b}}  a value; lists are joined by ", ", what is missing is nothing
 *	{{#if x}} {{else if y}} {{else}} {{/if}}, {{#unless x}}, {{#each list}}, {{#with x}}
 *	{{> partial}}, {{! comment}}, {{~ ~}} without the white space around
 *	(helper a b)  eq includes upper lower json hasPackage not or and fenced
 *
 * Nothing is escaped for HTML. A tag that is alone on its line takes the line with it. Templates
 * and contexts are anybody's: time, depth and output are bounded here. Reads no file itself, and
 * knows nothing of agents; agent.c calls it.
 */
#ifndef IRIS_MCP_TEMPLATE_H
#define IRIS_MCP_TEMPLATE_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "common/err.h"

#define TEMPLATE_TEXT_MAX   ((size_t)256 * 1024)  /* bytes of one template */
#define TEMPLATE_OUT_MAX    ((size_t)1024 * 1024) /* bytes of what is made */
#define TEMPLATE_DEPTH_MAX  32                    /* blocks and parentheses in one template */
#define TEMPLATE_NESTED_MAX 8                     /* partials in partials */

struct template
{
	const char *where; /* for messages: the path of the file */
	const char *text;
	size_t len;
};

struct template_partials {
	/*
	 * Find the text of {{> name}}, which has only letters, digits and -_/ and begins with none
	 * of the last two: *where and *text are malloc'ed. -1 with err when there is none.
	 */
	int (*find)(void *arg, const char *name, char **where, char **text, struct err *err);
	void *arg;
};

/*
 * The text, malloc'ed; NULL with ERR_CONFIG and "WHERE:LINE: what is wrong". context is an object;
 * partials may be NULL.
 */
char *template_render(const struct template *t, const cJSON *context,
    const struct template_partials *partials, struct err *err);

#endif
