/* SPDX-License-Identifier: MIT
 *
 * JSON-RPC 2.0 messages, one a line: reading one, and writing the four kinds. Ids are kept and
 * echoed as the raw text that came, so that 1, 1.0 and "1" stay what they were.
 */
#ifndef IRIS_COMMON_RPC_H
#define IRIS_COMMON_RPC_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define RPC_LINE_MAX ((size_t)16 * 1024 * 1024) /* bytes of one line, iris-protocol(7) */
#define RPC_PROTOCOL 1                          /* the number in iris/hello */
#define RPC_ID_MAX   256                        /* bytes of an id's text that are accepted */

enum rpc_kind { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESPONSE, RPC_ERROR };

struct rpc_msg {
	enum rpc_kind kind;
	cJSON *json; /* owned: the whole message */
	char *id;    /* owned: raw text; NULL for a notification, and for an error about a line
				without a usable one */
	const char *method;  /* in json; NULL for answers */
	const cJSON *params; /* in json; NULL when there are none, or null */
	const cJSON *result; /* in json; RPC_RESPONSE only */
	const cJSON *error;  /* in json; RPC_ERROR only */
};

/*
 * Read one line. -1: ERR_INVALID where it is not JSON (answer with RPC_PARSE_ERROR), ERR_PROTOCOL
 * where it is no JSON-RPC message; m->id is still set where the line had a usable one (of what is
 * no JSON: a request's), so that an answer finds its way. Call rpc_clear in either case.
 */
int rpc_parse(const char *line, size_t len, struct rpc_msg *m, struct err *err);
void rpc_clear(struct rpc_msg *m);

/* Lines without the newline, malloc'ed. params, result and data are taken (and may be NULL). */
char *rpc_request(const char *id, const char *method, cJSON *params);
char *rpc_request_n(uint64_t id, const char *method, cJSON *params);
char *rpc_notification(const char *method, cJSON *params);
char *rpc_result(const char *id, cJSON *result);
/* The same with a result that is text already, copied as it stands: valid JSON on one line. */
char *rpc_result_text(const char *id, const char *result);
/* id NULL becomes null. data gets a member "code" with the error's name. */
char *rpc_error(const char *id, const struct err *e, cJSON *data);
char *rpc_error_code(const char *id, int code, const char *message, cJSON *data);

/* An error answer of Iris's own back into a struct err. */
void rpc_error_to_err(const cJSON *error, struct err *err);

#define RPC_PARSE_ERROR      (-32700)
#define RPC_INVALID_REQUEST  (-32600)
#define RPC_METHOD_NOT_FOUND (-32601)
#define RPC_INVALID_PARAMS   (-32602)
#define RPC_INTERNAL_ERROR   (-32603)

#endif
