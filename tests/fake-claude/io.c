/* SPDX-License-Identifier: MIT
 *
 * stdin to lines, lines to stdout, and waiting: every wait of fake-claude goes through io_pump,
 * which handles what arrives meanwhile, so that a turn can be written as straight code and is still
 * answered in the middle of it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "fake.h"

#define SLOW_PIECES 2000 /* of a line at most, each a write and a millisecond */

static struct {
	char *buf;
	size_t len, cap;
} in;

static int wakeup[2]; /* SIGINT comes in here */

_Noreturn void
end_now(int status)
{
	fflush(NULL);
	_exit(status);
}

_Noreturn void
die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	end_now(status);
}

/* Only a signal ends this. */
_Noreturn void
hang(void)
{
	for (;;)
		pause();
}

static void
on_int(int sig)
{
	ssize_t n = write(wakeup[1], "i", 1);

	(void)n;
	(void)sig;
}

/*
 * As the real one: 143 for TERM, 129 for HUP, without a result line, and the running command goes
 * too.
 */
static void
on_end(int sig)
{
	if (fake.shell > 0)
		kill(-fake.shell, SIGKILL);
	_exit(128 + sig);
}

void
io_init(void)
{
	struct sigaction sa;
	bool ignore = (fake.faults & FAULT(IGNORE_TERM)) != 0;

	if (wakeup[1] == 0 && compat_pipe(wakeup) == -1)
		die(1, "fake-claude: pipe: %s", strerror(errno));
	memset(&sa, 0, sizeof sa);
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = ignore ? SIG_IGN : on_int;
	sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = ignore ? SIG_IGN : on_end;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

void
make_uuid(char out[UUID_SIZE])
{
	unsigned char b[16];

	compat_random(b, sizeof b);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, UUID_SIZE,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	    b[15]);
}

void
io_raw(const char *data, size_t len)
{
	bool slow = (fake.faults & FAULT(SLOW_BYTES)) != 0;
	size_t piece = slow ? len / SLOW_PIECES + 1 : len;

	if (!fake.opt.stream_out)
		return;
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, data, piece < len ? piece : len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			end_now(1);
		data += n;
		len -= (size_t)n;
		if (slow)
			poll(NULL, 0, 1);
	}
}

void
out_line(cJSON *obj)
{
	char *text = json_print(obj);
	size_t len = strlen(text);

	text[len] = '\n';
	io_raw(text, len + 1);
	free(text);
	cJSON_Delete(obj);
}

void
out_event(cJSON *obj)
{
	char uuid[UUID_SIZE];

	make_uuid(uuid);
	if (json_get(obj, "uuid") == NULL)
		json_put_str(obj, "uuid", uuid);
	json_put_str(obj, "session_id", fake.session);
	out_line(obj);
}

void
out_state(const char *state)
{
	cJSON *o;

	if (!fake.opt.state_events)
		return;
	o = json_new();
	json_put_str(o, "type", "system");
	json_put_str(o, "subtype", "session_state_changed");
	json_put_str(o, "state", state);
	out_event(o);
}

void
out_lifecycle(const char *command_uuid, const char *state)
{
	cJSON *o = json_new();

	json_put_str(o, "type", "command_lifecycle");
	json_put_str(o, "command_uuid", command_uuid);
	json_put_str(o, "state", state);
	out_event(o);
}

/* The text of a content: a string, or the text blocks of an array. */
static char *
content_text(const cJSON *content)
{
	const cJSON *block;
	char *text = xstrdup("");

	if (cJSON_IsString(content)) {
		free(text);
		return xstrdup(content->valuestring);
	}
	cJSON_ArrayForEach (block, content) {
		const char *part = json_str(block, "text");
		char *joined;
		if (part == NULL)
			continue;
		joined = xasprintf("%s%s%s", text, *text != '\0' ? "\n" : "", part);
		free(text);
		text = joined;
	}
	return text;
}

static void
user_line_take(const cJSON *line)
{
	const cJSON *message = json_obj(line, "message");
	const char *role = json_str(message, "role"), *uuid = json_str(line, "uuid");
	struct user_line *u, **tail;
	unsigned faults;

	if (role == NULL || strcmp(role, "user") != 0)
		die(1, "Error: Expected message role 'user', got '%s'",
		    role == NULL ? "undefined" : role);
	u = xcalloc(1, sizeof *u);
	make_uuid(u->uuid);
	if (uuid != NULL)
		compat_strlcpy(u->uuid, uuid, sizeof u->uuid);
	u->content = cJSON_Duplicate(json_get(message, "content"), true);
	u->text = content_text(u->content);
	faults = fault_from_text(u->text) | fake.turn_env;
	if (faults & FAULT(CRASH_BEFORE_SEEN))
		raise(SIGKILL);
	for (tail = &fake.queue; *tail != NULL; tail = &(*tail)->next)
		;
	*tail = u;
	out_lifecycle(u->uuid, "queued");
}

static void
line_handle(const char *line, size_t len)
{
	const char *type;
	cJSON *obj;

	if (len == 0 || (fake.faults & FAULT(HANG_AT_START)))
		return;
	if ((obj = json_parse(line, len, NULL)) == NULL)
		die(1,
		    "Error parsing streaming input line: %.200s: SyntaxError: JSON Parse error: "
		    "Unrecognized token",
		    line);
	type = json_str(obj, "type");
	if (type == NULL)
		;
	else if (strcmp(type, "user") == 0)
		user_line_take(obj);
	else if (strcmp(type, "control_request") == 0)
		control_request(obj);
	else if (strcmp(type, "control_response") == 0)
		control_response(obj);
	cJSON_Delete(obj);
}

static void
lines_split(void)
{
	char *start = in.buf, *nl;

	while ((nl = memchr(start, '\n', in.len - (size_t)(start - in.buf))) != NULL) {
		*nl = '\0';
		line_handle(start, (size_t)(nl - start));
		start = nl + 1;
	}
	in.len -= (size_t)(start - in.buf);
	memmove(in.buf, start, in.len);
}

static void
stdin_read(void)
{
	ssize_t n;

	if (in.cap - in.len < 65536)
		in.buf = xrealloc(in.buf, in.cap = in.cap * 2 + 131072);
	n = read(STDIN_FILENO, in.buf + in.len, in.cap - in.len);
	if (n == -1 && errno == EINTR)
		return;
	if (n <= 0) {
		fake.eof = true;
		return;
	}
	in.len += (size_t)n;
	lines_split();
}

static void
sigint_take(void)
{
	char c;

	if (read(wakeup[0], &c, 1) != 1)
		return;
	if (!fake.busy)
		end_now(0);
	fake.interrupted = fake.quit = true;
}

void
io_pump(int ms, int extra_fd)
{
	struct pollfd fds[3] = {
	    {.fd = wakeup[0], .events = POLLIN},
	    {.fd = fake.eof ? -1 : STDIN_FILENO, .events = POLLIN},
	    {.fd = extra_fd, .events = POLLIN},
	};

	if (poll(fds, 3, ms) <= 0)
		return;
	if (fds[0].revents != 0)
		sigint_take();
	if (fds[1].revents != 0)
		stdin_read();
}

enum wait
io_wait(bool (*done)(void *), void *arg, int64_t ms)
{
	int64_t end = compat_mono_ms() + ms;

	for (;;) {
		int64_t left = end - compat_mono_ms();
		if (fake.busy && fake.interrupted)
			return WAIT_INTERRUPTED;
		if (done != NULL && done(arg))
			return WAIT_DONE;
		if (left <= 0)
			return WAIT_TIMEOUT;
		io_pump(left > 60000 ? 60000 : (int)left, -1);
	}
}

enum wait
io_sleep(int64_t ms)
{
	return io_wait(NULL, NULL, ms);
}
