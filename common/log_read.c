/* SPDX-License-Identifier: MIT
 *
 * The log read back, see log_read.h. The form of a line is log.c's: time, level, program[pid],
 * text. What has another form was written by a library or the system on a program's standard error,
 * and is kept, since it mostly is the last word of something that died.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log_read.h"
#include "common/xmalloc.h"

/* Who has looked at the clock first may write its line last: several programs write to one file. */
#define DISORDER_MS 5000

/* Days from 1970-01-01 to a day of the Gregorian calendar (years of 400: 146097 days). */
static int64_t
days(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = y / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int64_t
log_time(const char *s)
{
	int y, mo, d, h, mi, sec, ms, n = 0;

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &y, &mo, &d, &h, &mi, &sec, &ms, &n) != 7 ||
	    n != 24 || mo < 1 || mo > 12)
		return -1;
	return ((days(y, mo, d) * 24 + h) * 60 + mi) * 60000 + sec * 1000 + ms;
}

/* "level program[pid] text" behind the time; false: it has another form. */
static bool
parse(const char *s, struct log_line *l)
{
	char level[8];
	int n = 0;

	if ((l->at = log_time(s)) == -1)
		return false;
	s += 24;
	if (sscanf(s, " %7[a-z] %n", level, &n) != 1 || n == 0 ||
	    log_level_from_name(level, &l->level) == -1)
		return false;
	s += n;
	n = 0;
	/* A program may have no name (tests). */
	l->component[0] = '\0';
	if (*s != '[' && (sscanf(s, "%31[A-Za-z0-9_-]%n", l->component, &n) != 1 || s[n] != '['))
		return false;
	s += n;
	n = 0;
	if (sscanf(s, "[%ld] %n", &l->pid, &n) != 1 || n == 0)
		return false;
	l->message = s + n;
	return true;
}

static bool
contains(const char *text, const char *part)
{
	size_t n = strlen(part);

	for (; *text != '\0'; text++)
		if (strncasecmp(text, part, n) == 0)
			return true;
	return n == 0;
}

bool
log_line_fits(char *line, const struct log_filter *f, struct log_line *l)
{
	if (!json_utf8_valid(line, strlen(line)))
		json_utf8_mend(line);
	memset(l, 0, sizeof *l);
	l->raw = line;
	if (!parse(line, l)) {
		log_redact(line);
		l->at = 0;
		l->pid = 0;
		l->level = LOG_ERROR;
		snprintf(l->component, sizeof l->component, "stderr");
		l->message = line;
	}
	if (l->at != 0 && l->at < f->since)
		return false;
	return (f->levels == 0 || (f->levels & 1u << l->level) != 0) &&
	    (f->component == NULL || strcmp(f->component, l->component) == 0) &&
	    (f->contains == NULL || contains(line, f->contains));
}

/* The last max bytes of the file, without lines that are cut; malloc'ed, NULL with errno. */
static char *
read_end(int fd, size_t max, size_t *len, int64_t *end)
{
	struct stat st;
	off_t from = 0;
	char *buf, *first;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return NULL;
	if ((uint64_t)st.st_size > max)
		from = st.st_size - (off_t)max;
	buf = xmalloc((size_t)(st.st_size - from) + 1);
	for (*len = 0; *len < (size_t)(st.st_size - from); *len += (size_t)n) {
		n = pread(fd, buf + *len, (size_t)(st.st_size - from) - *len, from + (off_t)*len);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			break;
	}
	if (from > 0 && (first = memchr(buf, '\n', *len)) != NULL) {
		from += first + 1 - buf;
		*len -= (size_t)(first + 1 - buf);
		memmove(buf, first + 1, *len);
	}
	while (*len > 0 && buf[*len - 1] != '\n')
		--*len;
	buf[*len] = '\0';
	*end = from + (int64_t)*len;
	return buf;
}

/* Where the file was begun a short while ago, the end of the one before it comes first. */
static char *
with_earlier(const char *path, char *buf, size_t *len)
{
	char *name, *old = NULL;
	size_t n = 0;
	int64_t end;
	int fd;

	if (*len >= LOG_READ_BYTES)
		return buf;
	name = xasprintf("%s.1", path);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	free(name);
	if (fd != -1) {
		old = read_end(fd, LOG_READ_BYTES - *len, &n, &end);
		close(fd);
	}
	if (old == NULL)
		return buf;
	old = xrealloc(old, n + *len + 1);
	memcpy(old + n, buf, *len + 1);
	*len += n;
	free(buf);
	return old;
}

int
log_read(const char *path, const struct log_filter *f, void (*cb)(const struct log_line *, void *),
    void *arg, int64_t *end, struct err *err)
{
	struct log_line *lines = NULL;
	int64_t read_to = 0;
	size_t len, at, n = 0;
	char *buf;
	int fd, rv = -1;

	if (end != NULL)
		*end = 0;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1)
		return errno == ENOENT ? 0 : err_sys(err, ERR_IO, "can not read the log %s", path);
	if ((buf = read_end(fd, LOG_READ_BYTES, &len, &read_to)) == NULL) {
		err_sys(err, ERR_IO, "can not read the log %s", path);
		goto out;
	}
	buf = with_earlier(path, buf, &len);
	lines = xcalloc((size_t)f->limit + 1, sizeof *lines);
	/* From the last line on: what is too old ends the search. */
	for (at = len; at > 0 && n < (size_t)f->limit;) {
		buf[--at] = '\0';
		while (at > 0 && buf[at - 1] != '\n')
			at--;
		if (log_line_fits(buf + at, f, &lines[n]))
			n++;
		else if (lines[n].at != 0 && lines[n].at < f->since - DISORDER_MS)
			break;
	}
	while (n > 0)
		cb(&lines[--n], arg);
	free(lines);
	free(buf);
	if (end != NULL)
		*end = read_to;
	rv = 0;
out:
	close(fd);
	return rv;
}

cJSON *
log_line_json(const struct log_line *l)
{
	cJSON *o = json_new();

	if (l->at != 0)
		json_put_int(o, "at", l->at);
	json_put_str(o, "level", log_level_name(l->level));
	json_put_str(o, "component", l->component);
	if (l->pid != 0)
		json_put_int(o, "pid", l->pid);
	json_put_str(o, "message", l->message);
	return o;
}
