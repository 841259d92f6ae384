/* SPDX-License-Identifier: MIT
 *
 * Webhooks: one thread that takes what is due, and one for each delivery that is under way.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/call.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/web/deliver.h"
#include "irisd/web/deliver_private.h"

#define AT_ONCE 4
#define CALL_MS 10000

struct job {
	int slot;
	cJSON *delivery; /* as irisd has handed it out; owned */
};

static const struct paths *paths;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static bool taken[AT_ONCE];

/* Wait for one. */
static int
take_slot(void)
{
	int i;

	pthread_mutex_lock(&lock);
	for (;;) {
		for (i = 0; i < AT_ONCE && taken[i]; i++)
			;
		if (i < AT_ONCE)
			break;
		pthread_cond_wait(&freed, &lock);
	}
	taken[i] = true;
	pthread_mutex_unlock(&lock);
	return i;
}

static void
free_slot(int slot)
{
	pthread_mutex_lock(&lock);
	taken[slot] = false;
	pthread_cond_signal(&freed);
	pthread_mutex_unlock(&lock);
}

/* Where it can not be said, irisd hands it out once more. */
static void
tell(const char *id, int status, const struct err *why)
{
	cJSON *params = json_new();
	struct call call;
	struct err err;

	json_put_str(params, "id", id);
	json_put_int(params, "status", status);
	if (why->code != ERR_NONE)
		json_put_str(params, "error", why->msg);
	if (call_open(&call, paths->sock, call_hello_params("web"), CALL_MS, &err) == -1) {
		cJSON_Delete(params);
	} else {
		if (call_request(
			&call, "iris/webhook.done", params, CALL_MS, NULL, NULL, NULL, &err) == 0)
			err_clear(&err);
		call_close(&call);
	}
	if (err.code != ERR_NONE)
		log_warn("webhook id=%s: irisd does not hear how it went: %s", id, err.msg);
}

static void *
deliver_one(void *arg)
{
	struct job *j = arg;
	const char *id = json_str(j->delivery, "id"), *url = json_str(j->delivery, "url");
	const cJSON *o = json_obj(j->delivery, "body");
	char file[PATHS_MAX], name[32], *body;
	struct err why;
	int status;

	if (id != NULL && url != NULL && o != NULL) {
		body = json_print(o);
		snprintf(name, sizeof name, "webhook-%d.json", j->slot);
		paths_join(file, sizeof file, paths->run, name);
		err_clear(&why);
		status = deliver_post(paths, file, id, url, body, &why);
		free(body);
		tell(id, status, &why);
	}
	free_slot(j->slot);
	cJSON_Delete(j->delivery);
	free(j);
	return NULL;
}

/* slot and delivery are taken. */
static void
start(int slot, cJSON *delivery)
{
	struct job *j = xcalloc(1, sizeof *j);
	pthread_t thread;

	j->slot = slot;
	j->delivery = delivery;
	if ((errno = pthread_create(&thread, NULL, deliver_one, j)) != 0) {
		log_warn("webhooks: a thread can not be started");
		deliver_one(j);
		return;
	}
	pthread_detach(thread);
}

/* irisd's end is this process's: its first connection sees to that. */
static void *
run(void *arg)
{
	cJSON *delivery;
	struct call call;
	struct err err;
	int slot;

	if (call_open(&call, paths->sock, call_hello_params("web"), CALL_MS, &err) == -1) {
		log_error("webhooks: %s", err.msg);
		return arg;
	}
	for (;;) {
		slot = take_slot();
		if (call_request(
			&call, "iris/webhook.next", NULL, -1, NULL, NULL, &delivery, &err) == -1)
			break;
		start(slot, delivery);
	}
	log_debug("webhooks: %s", err.msg);
	call_close(&call);
	return arg;
}

void
deliver_start(const struct paths *p)
{
	pthread_t thread;

	paths = p;
	if ((errno = pthread_create(&thread, NULL, run, NULL)) != 0)
		fatal("can not start a thread");
	pthread_detach(thread);
}
