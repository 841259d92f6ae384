/* SPDX-License-Identifier: MIT
 *
 * The session's file, by the rule of the real CLI: (CLAUDE_CONFIG_DIR or
 * ~/.claude)/projects/<directory>/<id>.jsonl, made when the first user line is taken. Written so
 * that a supervisor can look a message up by its uuid.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "fake.h"

#define NAME_MAX_UNITS 200

static char parent[UUID_SIZE]; /* uuid of the last line of the conversation */

/* The next code point of valid UTF-8. */
static unsigned
utf8_next(const unsigned char **p)
{
	const unsigned char *s = *p;
	unsigned c = s[0], n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	c = n == 1 ? c : c & (0xffu >> (n + 1));
	for (unsigned i = 1; i < n && s[i] != '\0'; i++)
		c = c << 6 | (s[i] & 0x3f);
	*p += n;
	return c;
}

static void
base36(unsigned v, char *out)
{
	char tmp[16];
	size_t n = 0;

	do {
		tmp[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
		v /= 36;
	} while (v > 0);
	while (n > 0)
		*out++ = tmp[--n];
	*out = '\0';
}

/*
 * Every UTF-16 unit outside [a-zA-Z0-9] becomes '-'; longer than 200 units: cut there, and a hash
 * (31 * h + unit, in 32 bits) of the whole path put behind. The real CLI normalises to NFC first;
 * test paths are NFC already.
 */
static char *
project_name(const char *path)
{
	const unsigned char *p = (const unsigned char *)path;
	char *out = xmalloc(strlen(path) * 2 + 32);
	size_t n = 0;
	uint32_t h = 0;

	while (*p != '\0') {
		unsigned c = utf8_next(&p), units = c >= 0x10000 ? 2 : 1;
		bool plain =
		    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		for (unsigned i = 0; i < units; i++) {
			unsigned unit = units == 1 ? c
			    : i == 0               ? 0xd800 + ((c - 0x10000) >> 10)
						   : 0xdc00 + ((c - 0x10000) & 0x3ff);
			h = h * 31 + unit;
			out[n++] = plain ? (char)c : '-';
		}
	}
	out[n] = '\0';
	if (n > NAME_MAX_UNITS) {
		out[NAME_MAX_UNITS] = '-';
		base36(h > INT32_MAX ? 0u - h : h, out + NAME_MAX_UNITS + 1);
	}
	return out;
}

char *
transcript_path(const char *session)
{
	const char *config = getenv("CLAUDE_CONFIG_DIR"), *home = getenv("HOME");
	char *name = project_name(fake.cwd), *path;

	if (config != NULL && *config != '\0')
		path = xasprintf("%s/projects/%s/%s.jsonl", config, name, session);
	else
		path = xasprintf(
		    "%s/.claude/projects/%s/%s.jsonl", home == NULL ? "" : home, name, session);
	free(name);
	return path;
}

bool
transcript_exists(const char *session)
{
	char *path = transcript_path(session);
	bool exists = access(path, F_OK) == 0;

	free(path);
	return exists;
}

void
transcript_init(void)
{
	fake.transcript = transcript_path(fake.session);
}

static void
make_parents(const char *path)
{
	char *dir = xstrdup(path);

	for (char *p = strchr(dir + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0700) == -1 && errno != EEXIST)
			die(1, "fake-claude: %s: %s", dir, strerror(errno));
		*p = '/';
	}
	free(dir);
}

/* Append one line; takes the object. One write, so that a reader never sees half of it. */
static void
append(cJSON *line)
{
	char *text = json_print(line);
	size_t len;
	int fd;

	cJSON_Delete(line);
	if (!fake.opt.persist) {
		free(text);
		return;
	}
	make_parents(fake.transcript);
	if ((fd = open(fake.transcript, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) == -1)
		die(1, "fake-claude: %s: %s", fake.transcript, strerror(errno));
	len = strlen(text);
	text[len] = '\n';
	if (write(fd, text, len + 1) != (ssize_t)(len + 1))
		die(1, "fake-claude: %s: %s", fake.transcript, strerror(errno));
	close(fd);
	free(text);
}

static void
put_time(cJSON *o)
{
	char buf[32];

	json_put_str(o, "timestamp", json_time(compat_now_ms(), buf, sizeof buf));
}

void
transcript_queue(const char *operation, const char *text)
{
	cJSON *o = json_new();

	json_put_str(o, "type", "queue-operation");
	json_put_str(o, "operation", operation);
	put_time(o);
	json_put_str(o, "sessionId", fake.session);
	json_put_str_opt(o, "content", text);
	append(o);
}

static cJSON *
conversation_line(const char *type, const char *uuid)
{
	cJSON *o = json_new();

	if (parent[0] != '\0')
		json_put_str(o, "parentUuid", parent);
	else
		json_put_null(o, "parentUuid");
	json_put_bool(o, "isSidechain", false);
	json_put_str(o, "type", type);
	json_put_str(o, "uuid", uuid);
	put_time(o);
	json_put_str(o, "userType", "external");
	json_put_str(o, "entrypoint", "sdk-cli");
	json_put_str(o, "cwd", fake.cwd);
	json_put_str(o, "sessionId", fake.session);
	json_put_str(o, "version", FAKE_VERSION);
	compat_strlcpy(parent, uuid, sizeof parent);
	return o;
}

void
transcript_user(const char *uuid, const cJSON *content)
{
	cJSON *o = conversation_line("user", uuid), *message = json_new();

	json_put_str(message, "role", "user");
	json_put(message, "content", cJSON_Duplicate(content, true));
	json_put(o, "message", message);
	json_put_str(o, "promptSource", "sdk");
	append(o);
}

void
transcript_assistant(const cJSON *message)
{
	char uuid[UUID_SIZE];
	cJSON *o;

	make_uuid(uuid);
	o = conversation_line("assistant", uuid);
	json_put(o, "message", cJSON_Duplicate(message, true));
	append(o);
}

void
transcript_restore(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;

	if ((f = fopen(fake.transcript, "re")) == NULL)
		return;
	while ((n = getline(&line, &cap, f)) > 0) {
		cJSON *o = cJSON_ParseWithLength(line, (size_t)n);
		const char *uuid = json_str(o, "uuid");
		if (uuid != NULL)
			compat_strlcpy(parent, uuid, sizeof parent);
		fake.cost += message_cost(json_obj(json_obj(o, "message"), "usage"));
		cJSON_Delete(o);
	}
	free(line);
	fclose(f);
}
