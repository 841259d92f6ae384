/* SPDX-License-Identifier: MIT
 *
 * Certificate and key, see cert.h.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "irisd/tls/cert.h"
#include "irisd/tls/selfsign.h"

#define LOOK_MS 1000
#define MAKE_MS ((int64_t)3600 * 1000) /* between two tries to make a new one */
#define DAY_MS  ((int64_t)86400 * 1000)
#define SOON_MS (14 * DAY_MS)

/* What OpenSSL said last, in words. */
static const char *
reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text != NULL ? text : "unknown reason";
}

/* Milliseconds since 1970. */
static int64_t
time_of(const ASN1_TIME *t)
{
	int days = 0, seconds = 0;

	ASN1_TIME_diff(&days, &seconds, NULL, t);
	return (compat_now_ms() / 1000 + (int64_t)days * 86400 + seconds) * 1000;
}

static void
show_day(int64_t ms, char out[16])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 16, "%Y-%m-%d", &tm);
}

static void
stamps(const struct cert *c, struct timespec out[2])
{
	const char *files[] = {c->cert, c->key};
	struct stat st;
	int i;

	for (i = 0; i < 2; i++) {
		out[i] = (struct timespec){0};
		if (stat(files[i], &st) == 0)
			out[i] = compat_changed(&st);
	}
}

/* That it is a file which can be read, in the system's words and not in OpenSSL's. */
static int
check_file(const char *path, const char *what, unsigned *mode, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd == -1)
		return err_sys(err, ERR_CONFIG, "the %s %s can not be read", what, path);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_CONFIG, "the %s %s is not a file", what, path);
	}
	close(fd);
	if (mode != NULL)
		*mode = (unsigned)st.st_mode & 0777;
	return 0;
}

/* A passphrase can not be asked for. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in,
    unsigned in_len, void *arg)
{
	static const unsigned char http[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, len, http, sizeof http - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
new_context(void)
{
	static const unsigned char id[] = "iris-tls";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		fatalx("OpenSSL: %s", reason());
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* Many close without a word; where a request ends its own headers say. */
	SSL_CTX_set_options(
	    ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_RELEASE_BUFFERS);
	/* Sessions are the client's to keep, in tickets. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	return ctx;
}

static int
read_files(const struct cert *c, SSL_CTX *ctx, struct err *err)
{
	unsigned long e;

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, c->cert) != 1)
		return err_set(err, ERR_CONFIG,
		    "the certificate %s can not be used (%s); expected PEM, its own first", c->cert,
		    reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, c->key, SSL_FILETYPE_PEM) == 1)
		return 0;
	e = ERR_peek_last_error();
	if (ERR_GET_LIB(e) == ERR_LIB_X509)
		return err_set(err, ERR_CONFIG,
		    "the key %s is not that of the certificate %s (%s); name the two that belong "
		    "together",
		    c->key, c->cert, reason());
	return err_set(err, ERR_CONFIG,
	    "the key %s can not be used (%s); expected a private key in PEM, without a passphrase",
	    c->key, reason());
}

static int
check_times(const struct cert *c, const X509 *x, struct err *err)
{
	int64_t now = compat_now_ms();
	char day[16];

	if (time_of(X509_get0_notAfter(x)) <= now) {
		show_day(time_of(X509_get0_notAfter(x)), day);
		return err_set(err, ERR_CONFIG,
		    "the certificate %s has expired on %s; put a new one there", c->cert, day);
	}
	if (time_of(X509_get0_notBefore(x)) > now) {
		show_day(time_of(X509_get0_notBefore(x)), day);
		return err_set(err, ERR_CONFIG,
		    "the certificate %s is not valid before %s; is the clock right?", c->cert, day);
	}
	return 0;
}

/* How many of the limits of its life have passed. */
static int
stage_of(const struct cert *c)
{
	int64_t left = c->not_after - compat_now_ms();

	return left <= 0 ? 2 : left <= SOON_MS ? 1 : 0;
}

static void
take(struct cert *c, SSL_CTX *ctx, const X509 *x)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0, i;

	X509_digest(x, EVP_sha256(), digest, &len);
	for (i = 0; i < len; i++)
		snprintf(c->fingerprint + i * 3, sizeof c->fingerprint - i * 3, "%02X%s", digest[i],
		    i + 1 < len ? ":" : "");
	c->not_after = time_of(X509_get0_notAfter(x));
	c->stage = stage_of(c);
	SSL_CTX_free(c->ctx);
	c->ctx = ctx;
}

int
cert_load(struct cert *c, struct err *err)
{
	struct timespec changed[2];
	unsigned mode = 0;
	const X509 *x;
	SSL_CTX *ctx;

	c->made = compat_mono_ms();
	if (c->dir[0] != '\0' && selfsign(c->dir, c->cert, c->key, c->names, err) == -1)
		return -1;
	stamps(c, changed);
	/* Whatever comes of them: they are looked at again when they have changed again. */
	memcpy(c->changed, changed, sizeof changed);
	if (check_file(c->cert, "certificate", NULL, err) == -1 ||
	    check_file(c->key, "key", &mode, err) == -1)
		return -1;
	ctx = new_context();
	if (read_files(c, ctx, err) == -1 ||
	    check_times(c, x = SSL_CTX_get0_certificate(ctx), err) == -1) {
		SSL_CTX_free(ctx);
		return -1;
	}
	c->key_mode = mode;
	take(c, ctx, x);
	return 0;
}

bool
cert_look(struct cert *c)
{
	int64_t now = compat_mono_ms();
	bool ends = c->dir[0] != '\0' && now - c->made >= MAKE_MS &&
	    c->not_after - compat_now_ms() < SELFSIGN_RENEW_MS;
	struct timespec changed[2];
	struct err err;
	int stage;

	if (c->looked != 0 && now - c->looked < LOOK_MS)
		return false;
	c->looked = now;
	stamps(c, changed);
	if (ends || memcmp(changed, c->changed, sizeof changed) != 0) {
		c->trouble[0] = '\0';
		if (cert_load(c, &err) == -1)
			snprintf(c->trouble, sizeof c->trouble,
			    "the certificate of before stays in use: %.900s", err.msg);
		if (c->trouble[0] != '\0')
			log_warn("%s", c->trouble);
		else
			log_info("the certificate was read again fingerprint=%s", c->fingerprint);
		return true;
	}
	stage = c->stage;
	c->stage = stage_of(c);
	return c->stage != stage;
}

cJSON *
cert_json(const struct cert *c)
{
	cJSON *o = json_new(), *warnings = cJSON_CreateArray();
	char text[2 * PATHS_MAX + 200], day[16];

	json_put_str(o, "fingerprint", c->fingerprint);
	json_put_int(o, "notAfter", c->not_after);
	json_put_bool(o, "selfsigned", c->dir[0] != '\0');
	if ((c->key_mode & 077) != 0) {
		snprintf(text, sizeof text,
		    "the key %s can be read by others (mode %04o); do: chmod 600 %s", c->key,
		    c->key_mode, c->key);
		cJSON_AddItemToArray(warnings, cJSON_CreateString(text));
	}
	if (c->stage > 0) {
		show_day(c->not_after, day);
		snprintf(text, sizeof text, "the certificate %s %s on %s; put a new one there",
		    c->cert, c->stage == 1 ? "ends" : "has ended", day);
		cJSON_AddItemToArray(warnings, cJSON_CreateString(text));
	}
	if (c->trouble[0] != '\0')
		cJSON_AddItemToArray(warnings, cJSON_CreateString(c->trouble));
	json_put(o, "warnings", warnings);
	return o;
}
