/* SPDX-License-Identifier: MIT
 *
 * A certificate of Iris's own, see selfsign.h. The key is written first and the certificate is made
 * for the key that is there, so that whatever is interrupted is mended at the next start.
 */
#include <sys/stat.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/xmalloc.h"
#include "irisd/tls/selfsign.h"

#define LIFE_S   (397L * 86400)
#define BEFORE_S 3600L /* clocks differ */

/* OpenSSL fails here only for want of memory, or when it is broken. */
static void
must(bool ok)
{
	if (!ok)
		fatalx("OpenSSL: %s", ERR_reason_error_string(ERR_peek_last_error()));
}

static bool
is_dns_name(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	return *s != '\0' && strlen(s) <= 253 && s[strspn(s, letters)] == '\0';
}

static bool
has_name(GENERAL_NAMES *list, GENERAL_NAME *name)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(list); i++)
		if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(list, i), name) == 0)
			return true;
	return false;
}

/* An address or a name; what stands for all addresses is no name of this machine. */
static void
add_name(GENERAL_NAMES *list, const char *s)
{
	static const unsigned char any[16];
	unsigned char address[16];
	GENERAL_NAME *name;
	ASN1_STRING *value;
	int n = 0;

	if (inet_pton(AF_INET, s, address) == 1)
		n = 4;
	else if (inet_pton(AF_INET6, s, address) == 1)
		n = 16;
	if (n > 0 ? memcmp(address, any, (size_t)n) == 0 : !is_dns_name(s))
		return;
	must((name = GENERAL_NAME_new()) != NULL);
	value = ASN1_STRING_type_new(n > 0 ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	must(value != NULL &&
	    ASN1_STRING_set(value, n > 0 ? (const void *)address : s, n > 0 ? n : (int)strlen(s)) ==
		1);
	GENERAL_NAME_set0_value(name, n > 0 ? GEN_IPADD : GEN_DNS, value);
	if (has_name(list, name))
		GENERAL_NAME_free(name);
	else
		must(sk_GENERAL_NAME_push(list, name) > 0);
}

static GENERAL_NAMES *
wanted_names(const cJSON *names)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	const cJSON *s;

	must(list != NULL);
	add_name(list, "localhost");
	add_name(list, "127.0.0.1");
	add_name(list, "::1");
	cJSON_ArrayForEach (s, names)
		if (cJSON_IsString(s))
			add_name(list, s->valuestring);
	return list;
}

/* Write by fn, whole or not at all, for the user only. */
static int
write_file(const char *path, int (*fn)(FILE *, void *), void *arg, struct err *err)
{
	char *new = xasprintf("%s.new", path);
	int fd, rv = -1;
	FILE *f = NULL;

	unlink(new);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || (f = fdopen(fd, "w")) == NULL || fn(f, arg) != 1 || fflush(f) != 0 ||
	    fsync(fd) == -1 || rename(new, path) == -1)
		err_sys(err, ERR_IO, "%s can not be written", path);
	else
		rv = 0;
	if (f != NULL)
		fclose(f);
	else if (fd != -1)
		close(fd);
	if (rv == -1)
		unlink(new);
	free(new);
	return rv;
}

static int
put_key(FILE *f, void *key)
{
	return PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
}

static int
put_cert(FILE *f, void *cert)
{
	return PEM_write_X509(f, cert);
}

/* NULL where there is none that can be used. Without a passphrase: nobody could be asked. */
static EVP_PKEY *
read_key(const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key;
	char none[] = "";

	if (f == NULL)
		return NULL;
	key = PEM_read_PrivateKey(f, NULL, NULL, none);
	fclose(f);
	return key;
}

static X509 *
read_cert(const char *path)
{
	FILE *f = fopen(path, "re");
	char none[] = "";
	X509 *cert;

	if (f == NULL)
		return NULL;
	cert = PEM_read_X509(f, NULL, NULL, none);
	fclose(f);
	return cert;
}

static bool
same_names(const X509 *cert, GENERAL_NAMES *want)
{
	GENERAL_NAMES *have = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool same = have != NULL && sk_GENERAL_NAME_num(have) == sk_GENERAL_NAME_num(want);
	int i;

	for (i = 0; same && i < sk_GENERAL_NAME_num(want); i++)
		same = has_name(have, sk_GENERAL_NAME_value(want, i));
	GENERAL_NAMES_free(have);
	return same;
}

static bool
is_fit(X509 *cert, EVP_PKEY *key, GENERAL_NAMES *names)
{
	int days = 0, seconds = 0;

	return cert != NULL && X509_check_private_key(cert, key) == 1 && same_names(cert, names) &&
	    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) == 1 &&
	    ((int64_t)days * 86400 + seconds) * 1000 > SELFSIGN_RENEW_MS &&
	    X509_cmp_current_time(X509_get0_notBefore(cert)) < 0;
}

static void
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	must((ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)) != NULL);
	must(X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

/* It signs nothing but itself: who trusts it trusts this machine, not other certificates. */
static X509 *
make_cert(EVP_PKEY *key, GENERAL_NAMES *names)
{
	unsigned char serial[16];
	X509 *cert = X509_new();
	X509_NAME *subject;
	BIGNUM *n;

	must(cert != NULL && RAND_bytes(serial, sizeof serial) == 1);
	serial[0] &= 0x7f;
	must((n = BN_bin2bn(serial, sizeof serial, NULL)) != NULL &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL);
	BN_free(n);
	subject = X509_get_subject_name(cert);
	must(X509_set_version(cert, X509_VERSION_3) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -BEFORE_S) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), LIFE_S - BEFORE_S) != NULL &&
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		(const unsigned char *)"Iris on this machine", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1);
	add_extension(cert, NID_basic_constraints, "critical,CA:FALSE");
	add_extension(cert, NID_key_usage, "critical,digitalSignature");
	add_extension(cert, NID_ext_key_usage, "serverAuth");
	add_extension(cert, NID_subject_key_identifier, "hash");
	must(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1);
	must(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static int
make_dir(const char *dir, struct err *err)
{
	struct stat st;

	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return err_sys(err, ERR_IO, "can not make %s", dir);
	if (lstat(dir, &st) == -1 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return err_set(
		    err, ERR_CONFIG, "%s is not a directory of this user; remove it", dir);
	if ((st.st_mode & 077) != 0 && chmod(dir, 0700) == -1)
		return err_sys(err, ERR_IO, "can not keep others out of %s", dir);
	return 0;
}

int
selfsign(const char *dir, const char *cert_path, const char *key_path, const cJSON *names,
    struct err *err)
{
	GENERAL_NAMES *list = NULL;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int rv = -1;

	if (make_dir(dir, err) == -1)
		return -1;
	list = wanted_names(names);
	if ((key = read_key(key_path)) == NULL) {
		must((key = EVP_EC_gen("P-256")) != NULL);
		if (write_file(key_path, put_key, key, err) == -1)
			goto out;
	}
	cert = read_cert(cert_path);
	if (!is_fit(cert, key, list)) {
		X509_free(cert);
		cert = make_cert(key, list);
		if (write_file(cert_path, put_cert, cert, err) == -1)
			goto out;
		log_info("a certificate was made file=%s", cert_path);
	}
	rv = 0;
out:
	GENERAL_NAMES_free(list);
	EVP_PKEY_free(key);
	X509_free(cert);
	ERR_clear_error();
	return rv;
}
