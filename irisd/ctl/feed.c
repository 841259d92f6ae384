/* SPDX-License-Identifier: MIT
 *
 * What waits, from a list and from the notifications after it, see feed.h. The watch is asked for
 * before the list, on the same connection, so that nothing is missed between the two. What had
 * ended while there was no connection is asked for one by one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "irisd/ctl/approvals.h"
#include "irisd/ctl/feed.h"

#define WATCH_ID "\"watch\"" /* of the request that is never answered while irisd runs */

static int
find(const cJSON *list, const char *id)
{
	const cJSON *p;
	int i = 0;

	cJSON_ArrayForEach (p, list) {
		if (strcmp(approvals_text(p, "id"), id) == 0)
			return i;
		i++;
	}
	return -1;
}

const cJSON *
feed_find(const struct feed *f, const char *id)
{
	int i = find(f->pending, id);

	return i == -1 ? NULL : cJSON_GetArrayItem(f->pending, i);
}

void
feed_forget(struct feed *f, const char *id)
{
	int i = find(f->pending, id);

	if (i != -1)
		cJSON_DeleteItemFromArray(f->pending, i);
}

static void
take(struct feed *f, const cJSON *p)
{
	int i = find(f->pending, approvals_text(p, "id"));

	if (!cJSON_IsObject(p) || approvals_pending(p) == (i != -1))
		return;
	/* Ids are in the order of their time: what is new is the last. */
	if (i == -1)
		cJSON_AddItemToArray(f->pending, cJSON_Duplicate(p, true));
	f->changed(p, f->arg);
	if (i != -1)
		feed_forget(f, approvals_text(p, "id"));
}

static void
notify_cb(const char *method, const cJSON *params, void *arg)
{
	if (strcmp(method, "iris/permission.event") == 0)
		take(arg, json_obj(params, "permission"));
}

/* What has become of those that are not in the list any more. */
static int
ask_for_ended(struct feed *f, const cJSON *list, struct err *err)
{
	cJSON *ids = cJSON_CreateArray(), *params, *result = NULL;
	const cJSON *p;
	int rv = 0;

	cJSON_ArrayForEach (p, f->pending)
		if (find(list, approvals_text(p, "id")) == -1)
			cJSON_AddItemToArray(ids, cJSON_CreateString(approvals_text(p, "id")));
	cJSON_ArrayForEach (p, ids) {
		params = json_new();
		json_put_str(params, "id", p->valuestring);
		rv = call_request(&f->call, "iris/permission.show", params, APPROVALS_TIMEOUT,
		    notify_cb, f, &result, err);
		if (rv == -1)
			break;
		take(f, json_obj(result, "permission"));
		cJSON_Delete(result);
	}
	cJSON_Delete(ids);
	return rv;
}

static int
fill(struct feed *f, bool again, struct err *err)
{
	cJSON *result = NULL;
	const cJSON *list;
	int i, rv;

	if (call_request(&f->call, "iris/permission.list", json_new(), APPROVALS_TIMEOUT, notify_cb,
		f, &result, err) == -1)
		return -1;
	list = json_arr(result, "permissions");
	f->partial = json_int_or(result, "left", 0) > 0;
	rv = again ? ask_for_ended(f, list, err) : 0;
	/* irisd's list has the newest first. */
	for (i = cJSON_GetArraySize(list) - 1; rv == 0 && i >= 0; i--)
		take(f, cJSON_GetArrayItem(list, i));
	cJSON_Delete(result);
	return rv;
}

/* -1: irisd ends the watch, and says why. */
static int
take_line(struct feed *f, const char *line, size_t len, struct err *err)
{
	struct rpc_msg m;
	int rv = 0;

	if (rpc_parse(line, len, &m, err) == -1) {
		rv = err_prefix(err, "irisd sent a bad message: ");
	} else if (m.kind == RPC_NOTIFICATION) {
		notify_cb(m.method, m.params, f);
	} else if (m.kind == RPC_ERROR) {
		rpc_error_to_err(m.error, err);
		rv = -1;
	}
	rpc_clear(&m);
	return rv;
}

/* The lines that were read. */
static int
drain(struct feed *f, bool *stopped, struct err *err)
{
	char *line;
	size_t len;
	int rv;

	*stopped = false;
	while ((rv = frame_next(&f->call.in, &line, &len)) == 1)
		if (take_line(f, line, len, err) == -1) {
			*stopped = true;
			return -1;
		}
	return rv == 0 ? 0 : err_set(err, ERR_PROTOCOL, "irisd sent a line that is too long");
}

int
feed_open(struct feed *f, bool start, struct err *err)
{
	bool stopped, again = f->pending != NULL;
	char *line;
	int rv;

	if (!again)
		f->pending = cJSON_CreateArray();
	f->call.fd = -1;
	if (ctl_connect(f->c, start, NULL, &f->call, err) == -1)
		return -1;
	line = rpc_request(WATCH_ID, "iris/permission.watch", json_new());
	rv = call_write_line(f->call.fd, line, strlen(line), err);
	free(line);
	if (rv == 0 && fill(f, again, err) == 0 && drain(f, &stopped, err) == 0)
		return 0;
	call_close(&f->call);
	return -1;
}

int
feed_more(struct feed *f, struct err *err)
{
	bool stopped;

	if (fill(f, false, err) == 0 && drain(f, &stopped, err) == 0)
		return 0;
	call_close(&f->call);
	return -1;
}

int
feed_read(struct feed *f, bool *stopped, struct err *err)
{
	ssize_t n = frame_read(&f->call.in, f->call.fd);
	int rv = n == -1 && errno != EINTR && errno != EAGAIN
	    ? err_sys(err, ERR_UNAVAILABLE, "the connection to irisd is lost")
	    : 0;

	*stopped = false;
	if (rv == 0)
		rv = drain(f, stopped, err);
	if (rv == 0 && n == 0)
		rv = err_set(err, ERR_UNAVAILABLE, "irisd closed the connection");
	if (rv == -1)
		call_close(&f->call);
	return rv;
}

void
feed_close(struct feed *f)
{
	if (f->call.fd != -1)
		call_close(&f->call);
	cJSON_Delete(f->pending);
	f->pending = NULL;
}
