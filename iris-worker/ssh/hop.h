/* SPDX-License-Identifier: MIT
 *
 * Getting to a host: by TCP, by a ProxyCommand of the configuration, or through other hosts
 * (ProxyJump), each with its own configuration, host key and login.
 */
#ifndef IRIS_SSH_HOP_H
#define IRIS_SSH_HOP_H

#include "iris-worker/ssh/line.h"
#include "iris-worker/ssh/verify.h"

/*
 * Connect to the host of conf, which is complete and becomes the line's, and to those before it.
 * With show, the last host is not logged in to, its key is what is wanted: 1 when the key to show
 * is that of a host on the way, which has to be trusted first. -1 with err filled.
 */
int hop_reach(struct line *l, struct conf *conf, struct verify *show, struct err *err);

/*
 * The time for all of it, in seconds: when it is over the process says where it was and ends with
 * status 255, also out of a look-up of a name. 0: it is done.
 */
void hop_time_limit(int seconds);

#endif
