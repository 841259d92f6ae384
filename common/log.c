/* SPDX-License-Identifier: MIT
 *
 * Writes the log. Owns the level, the program's name, the descriptor and the log file. Never
 * allocates, so that it works when memory is short; a line is one write(2), so that processes which
 * share a log file do not mix theirs.
 */
#include <sys/stat.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define LOOK_LINES 256 /* after which the file is looked at, and at the first in a second */

static const char *log_program = "";
static enum log_level log_level = LOG_INFO;
static int log_fd = STDERR_FILENO;
static int log_copy_fd = -1;

/* The file of log_copy. */
static struct {
	char path[1024];
	int fd; /* log_copy_fd, or log_fd where that is the file; -1: none */
	bool rotate;
	time_t looked;
	unsigned lines;
	atomic_flag busy; /* a thread looks at it */
} log_file = {.fd = -1, .busy = ATOMIC_FLAG_INIT};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

void
log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_level = level;
}

void
log_set_level(enum log_level level)
{
	log_level = level;
}

enum log_level
log_get_level(void)
{
	return log_level;
}

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

int
log_level_from_name(const char *name, enum log_level *level)
{
	int i;

	for (i = LOG_DEBUG; i <= LOG_ERROR; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

void
log_set_fd(int fd)
{
	if (log_file.fd == log_fd)
		log_file.fd = -1;
	log_fd = fd;
}

static int
open_file(void)
{
	return open(log_file.path,
	    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

/* Whether fd is the file that has the name now; its size. */
static bool
is_file(int fd, off_t *size)
{
	struct stat own, file;

	if (stat(log_file.path, &file) == -1 || fstat(fd, &own) == -1 ||
	    own.st_dev != file.st_dev || own.st_ino != file.st_ino)
		return false;
	*size = own.st_size;
	return true;
}

void
log_copy(const char *path)
{
	off_t size;
	int fd;

	if ((size_t)snprintf(log_file.path, sizeof log_file.path, "%s", path) >=
	    sizeof log_file.path)
		return;
	if (is_file(log_fd, &size)) {
		log_file.fd = log_fd;
		return;
	}
	if ((fd = open_file()) == -1)
		return;
	if (log_copy_fd != -1)
		close(log_copy_fd);
	log_copy_fd = log_file.fd = fd;
}

void
log_rotate(void)
{
	log_file.rotate = true;
}

static void
move_away(void)
{
	char from[sizeof log_file.path + 16], to[sizeof from];
	int i;

	for (i = LOG_FILE_KEEP; i > 0; i--) {
		snprintf(to, sizeof to, "%s.%d", log_file.path, i);
		if (i > 1)
			snprintf(from, sizeof from, "%s.%d", log_file.path, i - 1);
		else
			snprintf(from, sizeof from, "%s", log_file.path);
		(void)rename(from, to);
	}
}

/*
 * The descriptor becomes the file that has the name now. It is replaced in one step: another thread
 * may be writing to it.
 */
static void
follow_file(void)
{
	int fd = open_file();

	if (fd == -1)
		return;
	if (dup2(fd, log_file.fd) != -1 && log_file.fd != STDERR_FILENO)
		fcntl(log_file.fd, F_SETFD, FD_CLOEXEC);
	close(fd);
}

/* Before a line is written. */
static void
look_at_file(time_t now)
{
	off_t size;
	bool same;

	if (log_file.fd == -1 || atomic_flag_test_and_set(&log_file.busy))
		return;
	if (now != log_file.looked || ++log_file.lines >= LOOK_LINES) {
		log_file.looked = now;
		log_file.lines = 0;
		same = is_file(log_file.fd, &size);
		if (same && log_file.rotate && size > LOG_FILE_MAX) {
			move_away();
			same = false;
		}
		if (!same)
			follow_file();
	}
	atomic_flag_clear(&log_file.busy);
}

static int
is_token_char(int c)
{
	return isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/' || c == '+' || c == '=';
}

/*
 * Replace the run of token characters at s by "[redacted]" where it is long enough to be a secret.
 */
static char *
redact_run(char *s, size_t keep)
{
	static const char mark[] = "[redacted]";
	size_t n = keep;

	while (is_token_char((unsigned char)s[n]))
		n++;
	if (n - keep < sizeof mark - 1)
		return s + n;
	memcpy(s + keep, mark, sizeof mark - 1);
	memmove(s + keep + sizeof mark - 1, s + n, strlen(s + n) + 1);
	return s + keep + sizeof mark - 1;
}

/* True when s, the text before '=' or ':', ends in a word that names a secret. */
static int
names_secret(const char *start, const char *end)
{
	static const char *const words[] = {"token", "key", "secret", "password", "passphrase"};
	size_t i;

	while (end > start && (end[-1] == '"' || end[-1] == ' '))
		end--;
	/* Their last letters: most names are told apart by that. */
	if (end == start || strchr("nytde", tolower((unsigned char)end[-1])) == NULL)
		return 0;
	for (i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t n = strlen(words[i]);
		if ((size_t)(end - start) >= n && strncasecmp(end - n, words[i], n) == 0)
			return 1;
	}
	return 0;
}

void
log_redact(char *text)
{
	char *s = text;

	while (*s != '\0') {
		if (*s == 's' && strncmp(s, "sk-ant-", 7) == 0) {
			s = redact_run(s, 7);
		} else if ((*s == 'b' || *s == 'B') && strncasecmp(s, "bearer ", 7) == 0) {
			s = redact_run(s, 7);
		} else if ((*s == '=' || *s == ':') && names_secret(text, s)) {
			s++;
			while (*s == ' ' || *s == '"')
				s++;
			s = redact_run(s, 0);
		} else {
			s++;
		}
	}
}

/*
 * The bytes of a character at s that is none to be seen: the control characters U+0080 to U+009F, of
 * which U+009B begins a terminal's commands as ESC [ does, the line ends U+2028 and U+2029, and those
 * that turn the direction of a text. 0: another one.
 */
static size_t
invisible(const unsigned char *s, unsigned *code)
{
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f) {
		*code = s[1];
		return 2;
	}
	if (s[0] != 0xe2 || (s[1] != 0x80 && s[1] != 0x81) || (s[2] & 0xc0) != 0x80)
		return 0;
	*code = 0x2000u + (s[1] & 1u) * 64 + (s[2] & 0x3fu);
	return *code == 0x200e || *code == 0x200f || (*code >= 0x2028 && *code <= 0x202e) ||
		(*code >= 0x2066 && *code <= 0x2069)
	    ? 3
	    : 0;
}

/* Control characters would let a peer forge lines or drive the reader's terminal. */
static size_t
escape(char *dst, size_t size, const char *src)
{
	size_t n = 0, len;
	unsigned code;

	for (; *src != '\0'; src++) {
		unsigned char c = (unsigned char)*src;
		if (n + 8 > size) {
			memcpy(dst + n, "...", 3);
			n += 3;
			break;
		}
		if (c == '\n' || c == '\t' || c == '\r') {
			dst[n++] = '\\';
			dst[n++] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
		} else if (c < 0x20 || c == 0x7f) {
			n += (size_t)snprintf(dst + n, size - n, "\\x%02x", c);
		} else if (c >= 0xc2 && (len = invisible((const unsigned char *)src, &code)) > 0) {
			n += (size_t)snprintf(dst + n, size - n, "\\u%04x", code);
			src += len - 1;
		} else {
			dst[n++] = (char)c;
		}
	}
	return n;
}

/* The time to the second, which is worked out once for all lines of it. */
static size_t
stamp(char *dst, size_t size, time_t sec)
{
	static _Thread_local char text[32];
	static _Thread_local time_t of = -1;
	struct tm tm;

	if (sec != of) {
		gmtime_r(&sec, &tm);
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
		of = sec;
	}
	return (size_t)snprintf(dst, size, "%s", text);
}

static void
log_vat(enum log_level level, const char *tail, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX + 128];
	struct timespec now;
	size_t n;
	int saved = errno, len;

	len = vsnprintf(text, sizeof text, fmt, ap);
	if (len < 0)
		len = snprintf(text, sizeof text, "(unprintable log line)");
	if (tail != NULL && len < (int)sizeof text)
		len += snprintf(text + len, sizeof text - (size_t)len, ": %s", tail);
	if (len >= (int)sizeof text)
		memcpy(text + sizeof text - sizeof "...", "...", sizeof "...");
	log_redact(text);
	clock_gettime(CLOCK_REALTIME, &now);
	n = stamp(line, sizeof line, now.tv_sec);
	n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ %s %s[%ld] ",
	    now.tv_nsec / 1000000, level_names[level], log_program, (long)getpid());
	n += escape(line + n, sizeof line - n - 1, text);
	line[n++] = '\n';
	look_at_file(now.tv_sec);
	while (write(log_fd, line, n) == -1 && errno == EINTR)
		;
	while (log_copy_fd != -1 && write(log_copy_fd, line, n) == -1 && errno == EINTR)
		;
	errno = saved;
}

void
log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level < log_level)
		return;
	va_start(ap, fmt);
	log_vat(level, NULL, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vat(LOG_ERROR, strerror(errno), fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vat(LOG_ERROR, NULL, fmt, ap);
	va_end(ap);
	exit(1);
}
