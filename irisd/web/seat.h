/* SPDX-License-Identifier: MIT
 *
 * Who has a thread: civetweb lends one to each connection for as long as it lasts, also while nothing
 * comes. When threads run short, the connections on which nothing has come for a moment are closed,
 * by a thread of this file's own, and those whose body takes too long to come; the others with a
 * request are known to it as busy.
 *
 * civetweb does not tell a connection's descriptor, so it is found by its ports.
 */
#ifndef IRIS_WEB_SEAT_H
#define IRIS_WEB_SEAT_H

#include <stdbool.h>

#define SEATS 240 /* threads: those of serve.c's places, and 32 */

/* Once, before there are connections. */
void seat_init(void);

/* A connection has got a thread; and loses it, to be called before its descriptor is closed. */
void seat_take(void);
void seat_leave(int fd, int remote_port);
int seat_count(void);

/* The descriptor of the connection with these ports; -1 where there is none. */
int seat_find(int remote_port, int server_port);

/* It has a request, or none any more. */
void seat_busy(int fd, bool busy);

/* The body of its request is awaited, so many ms while threads are short; 0: it is there. */
#define SEAT_BODY_MS  2000
#define SEAT_LOGIN_MS 300
void seat_reading(int fd, int ms);

/* Wait until none has a request, for so many milliseconds at most. */
void seat_await_answers(int ms);

#endif
