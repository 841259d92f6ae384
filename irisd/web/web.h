/* SPDX-License-Identifier: MIT
 *
 * The web role, "irisd -x web": civetweb's threads, each of which handles one HTTP request as a
 * blocking client of irisd.sock. This process knows no store and decides nothing; it ends when irisd
 * does. One file a concern:
 *
 *	web.c	 start, the connection that it lives by, the end
 *	serve.c	 civetweb: ports, options, from a request to its route
 *	front.c	 iris-tls, by which https comes
 *	seat.c	 the connections that have a thread, and which of them gives way
 *	http.c	 one request: its headers, its body, the answer
 *	header.c what header values mean (no I/O)
 *	uplink.c the connection to irisd for one request
 *	mcp.c	 the routes /mcp
 *	api.c	 the routes /api
 *	feed.c	 live events, and ws.c, the frames of their WebSockets
 *	deliver.c webhooks
 */
#ifndef IRIS_WEB_WEB_H
#define IRIS_WEB_WEB_H

/* What main() of irisd does in this role; the exit status. */
int web_main(void);

#endif
