/* SPDX-License-Identifier: MIT
 *
 * Permission requests, told to those who wait for the questions that led to them. One that the
 * person at the root of a chain decides (grantPermission: forward) is shown to them as a form, in
 * each call of theirs that waits for the root's message and whose client can show one (elicit.h).
 * It is a pending request like any other meanwhile, and who answers first wins. Called by core's
 * permission.c, and by the tools whose calls wait; who counts as a person is the carrier's to say,
 * both when they are asked and when they answer.
 */
#ifndef IRIS_MCP_FORWARD_H
#define IRIS_MCP_FORWARD_H

#include "irisd/core/permission.h"
#include "irisd/mcp/mcp.h"

struct forward_form;

/* A request begins to wait, or does so since before irisd's start: ask who waits already. */
void forward_start(struct permission *p, const struct store_permission *row);
/* A call begins to wait for this message: ask in it what there is to be asked. */
void forward_waits(struct mcp_call *c, const char *message);
/* Tell all who wait, up the chain, that it waits for a person, or how that has ended. */
void forward_tell(struct irisd *d, const struct store_permission *row);
/* It has ended: the forms that are still open are taken back. */
void forward_end(struct permission *p);

/* --- the form's text, forward_form.c ---------------------------------------------------------- */

#define FORWARD_INPUT_MAX  4096 /* bytes of the input that are shown */
#define FORWARD_REASON_MAX 500  /* bytes of a person's reason that are kept */

extern const char forward_allow[], forward_remember[], forward_deny[];

/* What the person reads, malloc'ed; and the fields that they fill in. */
char *forward_text(struct irisd *d, const struct store_permission *row);
cJSON *forward_schema(struct irisd *d, const struct store_permission *row);
/* The input with what they have answered to Claude's own questions in it; NULL: nothing. */
cJSON *forward_answers(const struct store_permission *row, const cJSON *content);

#endif
