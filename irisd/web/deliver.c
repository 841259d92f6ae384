/* SPDX-License-Identifier: MIT
 *
 * Webhooks: one thread that takes what is due, and one for each delivery that is under way.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/call.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/web/deliver.h"
#include "irisd/web/deliver_private.h"

#define AT_ONCE  8 /* irisd sees to it that one receiver has a few of them only */
#define CALL_MS  10000
#define AGAIN_MS 1000 /* when irisd has ended the connection, and not this process's first one */

struct job {
	int slot;
	cJSON *delivery; /* as irisd has handed it out; owned */
};

static const struct paths *paths;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static bool taken[AT_ONCE];
static char files[AT_ONCE][PATHS_MAX]; /* what is sent is put there for a moment */
static volatile sig_atomic_t curls[AT_ONCE];

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
	cJSON *body = cJSON_DetachItemFromObjectCaseSensitive(j->delivery, "body");
	struct deliver_post post = {.paths = paths, .file = files[j->slot], .id = id, .url = url};
	struct err why;
	int status;

	if (id != NULL && url != NULL && body != NULL) {
		post.curl = &curls[j->slot];
		post.body = json_print(body);
		cJSON_Delete(body);
		body = NULL;
		err_clear(&why);
		status = deliver_post(&post, &why);
		tell(id, status, &why);
	}
	free_slot(j->slot);
	cJSON_Delete(body);
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

/* Take what is due, one after the other, while the connection lasts. */
static void
take_all(struct call *call, struct err *err)
{
	cJSON *delivery;
	int slot;

	for (;;) {
		slot = take_slot();
		if (call_request(call, "iris/webhook.next", NULL, -1, NULL, NULL, &delivery, err) ==
		    -1)
			break;
		start(slot, delivery);
	}
	free_slot(slot);
}

/* irisd's end is this process's: its first connection sees to that. */
static void *
run(void *arg)
{
	struct call call;
	struct err err;

	for (;;) {
		if (call_open(&call, paths->sock, call_hello_params("web"), CALL_MS, &err) == 0) {
			take_all(&call, &err);
			call_close(&call);
		}
		log_info("webhooks: %s", err.msg);
		poll(NULL, 0, AGAIN_MS);
	}
	return arg;
}

void
deliver_end(void)
{
	int i, pid;

	for (i = 0; i < AT_ONCE; i++) {
		if ((pid = curls[i]) > 0)
			kill(pid, SIGKILL);
		if (files[i][0] != '\0')
			unlink(files[i]);
	}
}

void
deliver_start(const struct paths *p)
{
	pthread_t thread;
	char name[32];
	int i;

	paths = p;
	for (i = 0; i < AT_ONCE; i++) {
		snprintf(name, sizeof name, "webhook-%d.json", i);
		paths_join(files[i], sizeof files[i], p->run, name);
	}
	/* What a process has left that was killed. */
	deliver_end();
	if ((errno = pthread_create(&thread, NULL, run, NULL)) != 0)
		fatal("can not start a thread");
	pthread_detach(thread);
}
