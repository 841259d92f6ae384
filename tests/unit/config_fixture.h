/* SPDX-License-Identifier: MIT
 *
 * A directory of their own for the tests of the configuration, with config.yaml, .env and some team
 * directories in it. Included by test_config*.c only; everything in it is static.
 */
#ifndef IRIS_TESTS_CONFIG_FIXTURE_H
#define IRIS_TESTS_CONFIG_FIXTURE_H

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"

static char fixture_dir[PATH_MAX];
static char fixture_config[PATH_MAX + 32];

static const char *
in_dir(const char *name)
{
	static char buf[4][PATH_MAX + 300];
	static unsigned next;
	char *out = buf[next++ % 4];

	snprintf(out, sizeof buf[0], "%s/%s", fixture_dir, name);
	return out;
}

static inline void
write_bytes(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline void
write_text(const char *path, const char *text)
{
	write_bytes(path, text, strlen(text));
}

static inline char *
read_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *buf = calloc(1, 4 * 1024 * 1024);

	assert_non_null(f);
	assert_non_null(buf);
	assert_true(fread(buf, 1, 4 * 1024 * 1024 - 1, f) < 4 * 1024 * 1024 - 1);
	fclose(f);
	return buf;
}

static inline void
remove_tree(const char *path)
{
	char below[2 * PATH_MAX];
	struct dirent *entry;
	DIR *d;

	if (remove(path) == 0 || (d = opendir(path)) == NULL)
		return;
	while ((entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			int n = snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
			if (n > 0 && (size_t)n < sizeof below)
				remove_tree(below);
		}
	closedir(d);
	rmdir(path);
}

static int
fixture_setup(void **state)
{
	static const char *const dirs[] = {
	    "alpha", "beta", "gamma", "with space_and.dots \xc3\xa4\xc3\xb6", ".ssh", "scripts"};
	char tmp[] = "/tmp/iris-config-XXXXXX", *real;
	size_t i;

	(void)state;
	if (mkdtemp(tmp) == NULL || (real = realpath(tmp, NULL)) == NULL)
		return -1;
	snprintf(fixture_dir, sizeof fixture_dir, "%s", real);
	free(real);
	snprintf(fixture_config, sizeof fixture_config, "%s/config.yaml", fixture_dir);
	for (i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		if (mkdir(in_dir(dirs[i]), 0700) == -1)
			return -1;
	return setenv("HOME", fixture_dir, 1);
}

static int
fixture_teardown(void **state)
{
	struct stat st;

	(void)state;
	remove_tree(fixture_dir);
	return stat(fixture_dir, &st) == -1 ? 0 : -1;
}

#endif
