/* SPDX-License-Identifier: MIT
 *
 * The certificate and its key: read from files, which may be those that iris-tls makes itself,
 * checked, and read again when the files have changed, so that a renewed one is in use from the next
 * connection on. Those that are open keep the one that they began with.
 */
#ifndef IRIS_TLS_CERT_H
#define IRIS_TLS_CERT_H

#include <cjson/cJSON.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <time.h>

#include "common/err.h"
#include "common/paths.h"

struct cert {
	char cert[PATHS_MAX], key[PATHS_MAX]; /* the files */
	char dir[PATHS_MAX];                  /* where they are made; "": they are the user's */
	const cJSON *names;                   /* for which; not owned */
	SSL_CTX *ctx;                         /* NULL before cert_load */
	char fingerprint[96];                 /* SHA-256 of the certificate, AB:CD:... */
	int64_t not_after;                    /* ms since 1970 */
	unsigned key_mode;                    /* permissions of the key's file */
	char trouble[ERR_MSG_MAX];            /* why changed files are not in use, or "" */
	int stage;                            /* of its life: how many limits have passed */
	int64_t looked, made;                 /* ms, monotonic: when that was tried last */
	struct timespec changed[2];           /* the files, as they are in use */
};

/* Read the files, after making them where they are Iris's own. On failure the old stay in use. */
int cert_load(struct cert *c, struct err *err);

/* Before a connection: whether cert_json has something new to say. Looks once a second. */
bool cert_look(struct cert *c);

/* {fingerprint, notAfter, selfsigned, warnings?} */
cJSON *cert_json(const struct cert *c);

#endif
