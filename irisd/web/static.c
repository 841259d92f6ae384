/* SPDX-License-Identifier: MIT
 *
 * Files out of memory, see static.h. Beside each may lie NAME.gz, which is what a browser gets that
 * takes it. Names with a hash of their content never change what they mean, so they are kept by the
 * browser for good; the others it asks about each time.
 */
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/xmalloc.h"
#include "irisd/core/digest.h"
#include "irisd/web/header.h"
#include "irisd/web/static.h"

#define FILES_MAX 64
#define BYTES_MAX (8L * 1024 * 1024) /* bytes of one file */
#define TAG_LEN   16                 /* digits of a content's hash */
#define NO_DASHBOARD                                                                               \
	"This irisd has no dashboard: it was built with DASHBOARD=no, or its files are not where " \
	"they were installed. The API is at /api/v1, see iris-api(7).\n"

struct content {
	char *data; /* NULL: there is none */
	size_t len;
};

static struct file {
	char *path; /* of the URL */
	const char *type;
	struct content plain, gzip;
	char tag[TAG_LEN + 1];
	bool forever;
} files[FILES_MAX];
static int nfiles;

static const struct {
	const char *end, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
};

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* NULL for a kind of file that is not served. */
static const char *
type_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof types / sizeof types[0]; i++)
		if (ends_with(name, types[i].end))
			return types[i].type;
	return NULL;
}

static int
read_file(const char *path, struct content *c)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > BYTES_MAX) {
		close(fd);
		return -1;
	}
	c->data = xmalloc((size_t)st.st_size + 1);
	for (c->len = 0; c->len < (size_t)st.st_size; c->len += (size_t)n) {
		n = read(fd, c->data + c->len, (size_t)st.st_size - c->len);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			break;
	}
	close(fd);
	return 0;
}

/* NAME-HASH.ext, where the hash is esbuild's: 8 of A-Z and 2-7. */
static bool
has_hash(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && dot - name > 9 && dot[-9] == '-' &&
	    strspn(dot - 8, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == 8;
}

static void
add(const char *dir, const char *name, const char *url)
{
	char path[PATHS_MAX], gz[PATHS_MAX], hex[DIGEST_LEN + 1];
	struct file *f = &files[nfiles];

	if (nfiles == FILES_MAX || type_of(name) == NULL ||
	    paths_join(path, sizeof path, dir, name) == -1 || read_file(path, &f->plain) == -1)
		return;
	if ((size_t)snprintf(gz, sizeof gz, "%s.gz", path) < sizeof gz)
		read_file(gz, &f->gzip);
	digest_bytes(f->plain.data, f->plain.len, hex);
	snprintf(f->tag, sizeof f->tag, "%.*s", TAG_LEN, hex);
	f->path = xstrdup(url);
	f->type = type_of(name);
	f->forever = has_hash(name);
	nfiles++;
}

static void
add_assets(const char *dir)
{
	char url[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d != NULL && (e = readdir(d)) != NULL)
		if ((size_t)snprintf(url, sizeof url, "/assets/%s", e->d_name) < sizeof url)
			add(dir, e->d_name, url);
	if (d != NULL)
		closedir(d);
}

void
static_load(void)
{
	char dir[PATHS_MAX], assets[PATHS_MAX];

	if (paths_data("api", dir, sizeof dir) == 0)
		add(dir, "openapi.json", "/api/v1/openapi.json");
	if (paths_data("dashboard", dir, sizeof dir) == -1 ||
	    paths_join(assets, sizeof assets, dir, "assets") == -1)
		return;
	add(dir, "index.html", "/");
	add(dir, "index.html", "/index.html");
	add(dir, "icon.svg", "/icon.svg");
	add_assets(assets);
	log_debug("dashboard: %d files from %s", nfiles, dir);
}

static void
answer_file(struct http *h, const struct file *f)
{
	const char *encoding = http_header(h, "Accept-Encoding");
	const char *match = http_header(h, "If-None-Match");
	bool gz = f->gzip.data != NULL && encoding != NULL && header_accepts(encoding, "gzip");
	const struct content *c = gz ? &f->gzip : &f->plain;
	char extra[160], tag[TAG_LEN + 8];

	snprintf(tag, sizeof tag, "\"%s%s\"", f->tag, gz ? "-gz" : "");
	snprintf(extra, sizeof extra, "ETag: %s\r\nVary: Accept-Encoding\r\n%s", tag,
	    gz ? "Content-Encoding: gzip\r\n" : "");
	h->cache = f->forever ? "public, max-age=31536000, immutable" : "no-cache";
	if (header_none_match(match, tag))
		http_answer(h, 304, NULL, extra, NULL, 0);
	else
		http_answer(h, 200, f->type, extra, c->data, c->len);
}

bool
static_answer(struct http *h)
{
	const struct file *f = NULL;
	int i;

	for (i = 0; i < nfiles && f == NULL; i++)
		if (strcmp(files[i].path, h->path) == 0)
			f = &files[i];
	if (f == NULL && strcmp(h->path, "/") != 0)
		return false;
	if (strcmp(h->method, "GET") != 0 && strcmp(h->method, "HEAD") != 0)
		http_problem(h, 405, "Allow: GET, HEAD\r\n", "this resource is only read");
	else if (f != NULL)
		answer_file(h, f);
	else
		http_answer(h, 404, "text/plain; charset=utf-8", NULL, NO_DASHBOARD,
		    sizeof NO_DASHBOARD - 1);
	return true;
}
