/* SPDX-License-Identifier: MIT
 *
 * Removes what Claude Code keeps of one conversation: its transcript, and the directory of the same
 * name beside it. Called by worker.c for worker/forget.
 */
#ifndef IRIS_WORKER_FORGET_H
#define IRIS_WORKER_FORGET_H

#include "common/err.h"

/*
 * Look into every project of config_dir for the session claude_id (a UUID). 0: nothing of it is
 * left, also when nothing was there. -1 with ERR_IO: something is.
 */
int forget_conversation(const char *config_dir, const char *claude_id, struct err *err);

#endif
