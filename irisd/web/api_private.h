/* SPDX-License-Identifier: MIT
 *
 * What the files of the REST API share. A request goes through api.c in this order: its path and
 * method, its key, the key's scope, then what it says, then the control call; each step may end it
 * with its answer.
 */
#ifndef IRIS_WEB_API_PRIVATE_H
#define IRIS_WEB_API_PRIVATE_H

#include "common/json.h"
#include "irisd/web/api.h"
#include "irisd/web/serve.h"
#include "irisd/web/uplink.h"

struct api;

/* One operation, from api_table.h. */
struct api_row {
	const char *operation, *verb, *path, *method, *scope;
	enum serve_place place;
	const char *query, *body;
	int (*prepare)(struct api *a, struct err *err);
	void (*answer)(struct api *a);
	const char *list;
	int status;
};

/* One request. */
struct api {
	struct http *h;
	const struct api_row *row;
	const char *method;     /* the control call; prepare may take another one */
	enum serve_place place; /* the same */
	cJSON *params;          /* of the control call, until it is made; owned */
	struct uplink uplink;
	uint64_t who;          /* serve_who of its key; 0: it needs none */
	bool open, sent, held; /* the uplink; the call with it; the place */
	struct api_page {
		int limit;
		char *cursor;      /* decoded in place; owned, or NULL */
		size_t offset;     /* where the last item of the page before stood */
		const char *after; /* its key, raw JSON in cursor; NULL: this is the first page */
	} page;
	bool stream; /* the answer is to be server-sent events */
};

/* --- api.c: the control call, and answers that many operations have ------------------------------ */

/*
 * The row's control call, unless it was sent already. The result is valid until the next use of the
 * uplink. False when there is none: it is answered then.
 */
bool api_call(struct api *a, struct json_slice *result);
/* The steps of it; cb as with uplink_answer. */
bool api_send(struct api *a);
bool api_await(struct api *a, uplink_cb cb, void *arg, struct json_slice *result);
/* A further call on the same connection; params are taken. -1: err and *data as uplink_answer. */
int api_further(struct api *a, const char *method, cJSON *params, struct json_slice *result,
    cJSON **data, struct err *err);

/* The place of the request; false when none is left, which is answered then. */
bool api_hold(struct api *a);

/* JSON text as the answer. extra: header lines, or NULL. */
void api_text(struct api *a, int status, const char *extra, const char *text, size_t len);
/* o is taken. */
void api_object(struct api *a, int status, const char *extra, cJSON *o);

void api_whole(struct api *a);
void api_member(struct api *a);
void api_none(struct api *a);

/* --- api_params.c: what a request says, checked against its row --------------------------------- */

/* The segments of the path below /api/v1 against a row's. */
bool api_path_fits(const char *path, const char *pattern);
/* What stands in the places of its {names}, and in the query, into a->params. */
int api_read_path(struct api *a, const char *path, struct err *err);
int api_read_query(struct api *a, struct err *err);
/*
 * The body, into a->params; of a row that takes any members, as "values". False when it was refused,
 * with its answer.
 */
bool api_read_body(struct api *a);

/* The whole body, of one of these media types; NULL when it was refused, with its answer. */
char *api_body_text(struct api *a, const char *const types[], size_t ntypes, size_t *len);
/* A JSON object out of it, checked against the spec of the row; NULL with err. */
cJSON *api_body_object(const char *text, size_t len, const char *spec, struct err *err);

/* Take a member out of the params: NULL where there is none. */
cJSON *api_take(struct api *a, const char *name);

/* --- api_page.c: lists -------------------------------------------------------------------------- */

int api_prepare_list(struct api *a, struct err *err);
int api_prepare_approvals(struct api *a, struct err *err);
int api_prepare_messages(struct api *a, struct err *err);
int api_prepare_webhooks(struct api *a, struct err *err);
int api_prepare_audit(struct api *a, struct err *err);
int api_prepare_costs(struct api *a, struct err *err);
void api_list(struct api *a);
void api_newest(struct api *a);
void api_audit(struct api *a);
void api_session(struct api *a);
void api_logs(struct api *a);
void api_costs(struct api *a);

/* --- the others --------------------------------------------------------------------------------- */

int api_prepare_ask(struct api *a, struct err *err);
int api_prepare_wait(struct api *a, struct err *err);
void api_ask(struct api *a);

int api_prepare_team(struct api *a, struct err *err);
void api_made_team(struct api *a);
void api_wake_all(struct api *a);

void api_config(struct api *a);
void api_put_config(struct api *a);
void api_check_config(struct api *a);

void api_login(struct api *a);
void api_logout(struct api *a);
void api_me(struct api *a);
void api_openapi(struct api *a);

/* api_iris_mcp.c: the rows of the routes below /api that Iris MCP's dashboard had. */
const struct api_row *api_iris_mcp(size_t *n);

#endif
