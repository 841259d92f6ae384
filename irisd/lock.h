/* SPDX-License-Identifier: MIT
 *
 * The lock that makes an irisd the only one of its IRIS_HOME, and how one follows another.
 */
#ifndef IRIS_LOCK_H
#define IRIS_LOCK_H

#include <stdbool.h>

#include "common/err.h"
#include "common/paths.h"

/*
 * The descriptor that holds the lock; the kernel lets go of it when the process ends. Where another
 * irisd holds it: one that is on its way out (nobody listens on its socket any more) is waited for;
 * one that runs is ERR_UNAVAILABLE, or, with take_over or when its socket is gone, is asked to hand
 * over and then waited for.
 */
int lock_take(const struct paths *p, bool take_over, struct err *err);

/*
 * Everything that was started has ended: the file says so by being empty. After a kill or a
 * hand-over it is not, and "iris stop" knows that there may be workers left.
 */
void lock_ended(int fd);
/* This irisd could not start, and has changed nothing. */
void lock_unused(int fd);

#endif
