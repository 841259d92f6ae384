/* SPDX-License-Identifier: MIT
 *
 * A person's login: the word of "iris dashboard" for a cookie, and back. See cookie.h. Also what a
 * key is told of itself.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "irisd/web/api_private.h"
#include "irisd/web/cookie.h"
#include "irisd/web/static.h"

#define COOKIE_S (int64_t)(7 * 86400) /* of a login without an end of its own */

/* Only a page of this server may log its reader in. */
static bool
own_page(struct api *a)
{
	const char *origin = http_header(a->h, "Origin");
	struct err err;

	if (origin == NULL || cookie_origin_own(origin, http_header(a->h, "Host"), a->h->secure))
		return true;
	err_set(&err, ERR_REFUSED, "a login is made by a page of this server alone");
	api_problem(a->h, 403, NULL, &err, NULL);
	return false;
}

/*
 * The link stands in the arguments of the program that opens it, where every user of this machine
 * can read it, and the loopback is open to them all. Root reads what it wants, and may relay what
 * comes from elsewhere. What came by TLS may be of another machine.
 */
static bool
own_peer(struct api *a)
{
	struct sockaddr_in own = {.sin_family = AF_INET}, peer = own;
	const struct mg_request_info *ri = a->h->ri;
	uid_t uid = (uid_t)-1;
	struct err err;

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	own.sin_port = htons((uint16_t)ri->server_port);
	peer.sin_port = htons((uint16_t)ri->remote_port);
	if (a->h->secure ||
	    (inet_pton(AF_INET, ri->remote_addr, &peer.sin_addr) == 1 &&
		compat_tcp_peer_uid(&own, &peer, &uid) == -1) ||
	    uid == geteuid() || uid == 0)
		return true;
	err_set(&err, ERR_REFUSED,
	    "this server is another user's: over the loopback, only its own user logs in");
	api_problem(a->h, 403, NULL, &err, NULL);
	return false;
}

static void
logged_in(struct api *a, const cJSON *key)
{
	const char *text = json_str(key, "key"), *host = http_header(a->h, "Host");
	int64_t expires = json_int_or(key, "expiresAt", 0), now = compat_now_ms();
	char value[COOKIE_LEN + 1], csrf[COOKIE_CSRF_LEN + 1], *line;
	cJSON *o = json_new();

	cookie_split(text, value, csrf);
	json_put_str(o, "csrf", csrf);
	json_put_str(o, "name", json_str(key, "name"));
	json_put(o, "scopes", cJSON_Duplicate(json_arr(key, "scopes"), true));
	if (expires != 0)
		json_put_int(o, "expiresAt", expires);
	line = cookie_line(value, host, a->h->secure,
	    expires != 0 ? (expires > now ? (expires - now) / 1000 : 0) : COOKIE_S);
	api_object(a, 200, line, o);
	free(line);
}

void
api_login(struct api *a)
{
	cJSON *data = NULL, *key = NULL;
	struct json_slice r;
	struct err err;

	if (!own_page(a) || !own_peer(a))
		return;
	a->open = uplink_open_plain(&a->uplink, serve_sock(), &err) == 0;
	if (a->open &&
	    api_further(a, a->method, cJSON_Duplicate(a->params, true), &r, &data, &err) == 0 &&
	    (key = json_parse(r.p, r.len, &err)) != NULL && json_str(key, "key") != NULL)
		logged_in(a, key);
	else
		api_refuse(a->h, &err, data);
	cJSON_Delete(key);
}

void
api_logout(struct api *a)
{
	struct json_slice r;
	char *line;

	json_put_str(a->params, "id", json_str(a->uplink.who, "id"));
	if (!api_call(a, &r))
		return;
	line = cookie_line("", http_header(a->h, "Host"), a->h->secure, 0);
	http_answer(a->h, 204, NULL, line, NULL, 0);
	free(line);
}

void
api_me(struct api *a)
{
	cJSON *o = cJSON_Duplicate(a->uplink.who, true);

	json_put_str(o, "version", json_str(a->uplink.call.hello, "version"));
	api_object(a, 200, NULL, o);
}

void
api_openapi(struct api *a)
{
	struct err err;

	if (static_answer(a->h))
		return;
	err_set(&err, ERR_NOT_FOUND, "the description is not installed (share/iris/api)");
	api_refuse(a->h, &err, NULL);
}
