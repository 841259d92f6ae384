/* SPDX-License-Identifier: MIT
 *
 * worker/trust: what keys a host shows, and whether they are known here; on demand one of them is
 * recorded. iris-ssh --host-key does it, whatever program the team's own line is: its one line of
 * JSON is passed on, member by member. Called by worker.c.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "iris-worker/errand.h"
#include "iris-worker/remote.h"
#include "iris-worker/worker.h"

#define TRUST_MS 5000 /* on top of the connection, which iris-ssh itself bounds */

extern char **environ;

struct trust {
	cJSON *answer; /* owned; NULL: it has not said anything yet */
};

/* Of what it has printed, what iris-protocol(7) knows. NULL when it is not that. */
static cJSON *
read_answer(const char *line, size_t len)
{
	cJSON *json = json_parse(line, len, NULL), *p = NULL, *list, *out;
	const cJSON *keys = json_arr(json, "keys"), *k;

	if (keys == NULL || json_str(json, "state") == NULL)
		goto out;
	p = json_new();
	json_put_str_opt(p, "host", json_str(json, "host"));
	json_put_str(p, "state", json_str(json, "state"));
	json_put_bool(p, "recorded", json_bool(json, "recorded", false));
	json_put_str_opt(p, "file", json_str(json, "file"));
	list = cJSON_CreateArray();
	cJSON_ArrayForEach (k, keys) {
		out = json_new();
		json_put_str_opt(out, "type", json_str(k, "type"));
		json_put_str_opt(out, "fingerprint", json_str(k, "fingerprint"));
		cJSON_AddItemToArray(list, out);
	}
	json_put(p, "keys", list);
out:
	cJSON_Delete(json);
	return p;
}

static void
trust_line(struct errand *e, const cJSON *own, char *line, size_t len, void *arg)
{
	struct trust *t = arg;

	(void)e;
	(void)own;
	if (t->answer == NULL)
		t->answer = read_answer(line, len);
}

static void
trust_over(struct errand *e, const struct err *err, void *arg)
{
	struct trust *t = arg;
	struct err own;

	if (err == NULL && t->answer == NULL) {
		err_set(&own, ERR_INTERNAL, "iris-ssh has not said which keys %.100s has",
		    errand_host(e));
		err = &own;
	}
	if (err != NULL) {
		errand_refuse(e, err);
		return;
	}
	errand_answer(e, t->answer);
	t->answer = NULL;
}

static void
trust_release(void *arg)
{
	struct trust *t = arg;

	cJSON_Delete(t->answer);
	free(t);
}

/*
 * Of the argv for a session everything but the command at its end; the options that say what is to
 * be done come first.
 */
static void
rewrite_argv(struct remote *r, const char *record)
{
	size_t n = 0, i = 0, j;
	char **v;

	while (r->argv[n] != NULL)
		n++;
	v = xreallocarray(NULL, n + 4, sizeof *v);
	v[i++] = r->argv[0];
	v[i++] = xstrdup("--host-key");
	if (record != NULL) {
		v[i++] = xstrdup("--record");
		v[i++] = xstrdup(record);
	}
	for (j = 1; j + 1 < n; j++)
		v[i++] = r->argv[j];
	v[i] = NULL;
	free(r->argv[n - 1]);
	free(r->argv);
	r->argv = v;
}

/* "SHA256:" and its base64. */
static bool
is_fingerprint(const char *text)
{
	static const char chars[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

	return strncmp(text, "SHA256:", 7) == 0 && text[7] != '\0' && strlen(text) <= 64 &&
	    text[7 + strspn(text + 7, chars)] == '\0';
}

int
errand_trust(struct worker *w, const cJSON *params, const char *id, struct err *err)
{
	static const struct errand_calls calls = {trust_line, NULL, trust_over, trust_release};
	struct errand_spec spec = {.request = id, .limit_ms = TRUST_MS, .program = true};
	const char *record = json_str(params, "record");
	cJSON *remote;

	if (record != NULL && !is_fingerprint(record))
		return err_set(
		    err, ERR_INVALID, "record must be a fingerprint as it was shown, SHA256:...");
	remote = cJSON_Duplicate(json_obj(params, "remote"), true);
	cJSON_DeleteItemFromObjectCaseSensitive(remote, "ssh2");
	json_put_bool(remote, "ssh2", true);
	spec.remote = remote_new(remote, REMOTE_SESSION, NULL, environ, err);
	cJSON_Delete(remote);
	if (spec.remote == NULL)
		return -1;
	rewrite_argv(spec.remote, record);
	errand_start(w, &spec, &calls, xcalloc(1, sizeof(struct trust)));
	return 0;
}
