/* SPDX-License-Identifier: MIT
 *
 * MCP prompts, which Claude Code shows as slash commands: their table, prompts/list and
 * prompts/get. Called by protocol.c. What a prompt says is its own file's, as prompts_agent.c.
 */
#ifndef IRIS_MCP_PROMPTS_H
#define IRIS_MCP_PROMPTS_H

#include "irisd/mcp/complete.h"
#include "irisd/mcp/mcp.h"

#define PROMPT_ARGS_MAX 3 /* with the empty one at the end */

struct prompt_arg {
	const char *name, *description;
	bool required;
	void (*complete)(struct completion *); /* NULL: nothing can be offered */
};

struct prompt {
	const char *name, *title, *description;
	struct prompt_arg args[PROMPT_ARGS_MAX];
	/*
	 * Ends the request, now or later, by prompt_done or prompt_failed. args have been checked:
	 * strings, those required not empty.
	 */
	void (*fn)(struct mcp_prompt *, const cJSON *args);
};

/* One table a file, ended by a prompt without a name. */
extern const struct prompt prompts_agent[];
#ifdef IRIS_MCP_FIXTURES
extern const struct prompt prompts_fixtures[]; /* tests/conformance; in no program that ships */
#endif

/* A prompts/get that is not answered yet. */
struct mcp_prompt {
	TAILQ_ENTRY(mcp_prompt) entry;
	struct mcp *mcp;
	char *id; /* raw JSON, owned */
	bool modern;
	const struct prompt *prompt;
	void *arg;            /* the prompt's own */
	void (*undo)(void *); /* frees arg; NULL: there is nothing to free */
};

/* Answer with these messages (taken), and forget the request. */
void prompt_done(struct mcp_prompt *p, cJSON *messages);
void prompt_failed(struct mcp_prompt *p, const struct err *why);
/* One more message of the user's: content (taken) is a block as MCP has it. */
void prompt_says(cJSON *messages, cJSON *content);
/* The same, a text. */
void prompt_says_text(cJSON *messages, const char *text);

void prompts_list(struct mcp *m, const struct rpc_msg *msg, bool modern);
void prompts_get(struct mcp *m, const struct rpc_msg *msg, bool modern);
/* notifications/cancelled for this raw id: no answer. */
void prompts_cancel(struct mcp *m, const char *id);
/* End those that are not answered yet; why NULL: without an answer, the client is gone. */
void prompts_end(struct mcp *m, const struct err *why);

/* What completes this argument, NULL for nothing; -1 when there is no such prompt or argument. */
int prompt_completes(
    const char *prompt, const char *arg, void (**fn)(struct completion *), struct err *err);

#endif
