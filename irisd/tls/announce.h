/* SPDX-License-Identifier: MIT
 *
 * What iris-tls writes to its standard output, for the web process: which ports of 127.0.0.1 its
 * connections to it have, each before it connects, and again before it closes. A write of a whole
 * number of these is atomic in a pipe.
 */
#ifndef IRIS_TLS_ANNOUNCE_H
#define IRIS_TLS_ANNOUNCE_H

#include <stdint.h>

struct announce {
	uint16_t open; /* 1, or 0: about to be closed */
	uint16_t port; /* in this machine's own order of bytes */
};

#endif
