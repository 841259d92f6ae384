/* SPDX-License-Identifier: MIT
 *
 * The terminal, see term.h: what it is, and what may be written to it. Owns the one struct term;
 * called by every command. No curses and no terminfo: only ECMA-48 sequences, and none at all where
 * TERM is dumb.
 */
#include <sys/ioctl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "irisd/ctl/term.h"

#define WIDTH_UNKNOWN 80

struct term term;

static const char *const styles[] = {
    [TERM_PLAIN] = "",
    [TERM_BOLD] = "\033[1m",
    [TERM_DIM] = "\033[2m",
    [TERM_RED] = "\033[31m",
    [TERM_GREEN] = "\033[32m",
    [TERM_YELLOW] = "\033[33m",
    [TERM_CYAN] = "\033[36m",
};

void
term_init(bool no_color)
{
	const char *name = getenv("TERM"), *no = getenv("NO_COLOR");
	bool color = !no_color && (no == NULL || no[0] == '\0') && name != NULL &&
	    name[0] != '\0' && strcmp(name, "dumb") != 0;

	setlocale(LC_CTYPE, "");
	term.out_tty = isatty(STDOUT_FILENO);
	term.err_tty = isatty(STDERR_FILENO);
	term.out_color = term.out_tty && color;
	term.err_color = term.err_tty && color;
	term.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int
term_width(void)
{
	struct winsize ws;

	if ((ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 ||
		ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0) &&
	    ws.ws_col > 0)
		return ws.ws_col;
	return WIDTH_UNKNOWN;
}

const char *
term_on(FILE *f, enum term_style style)
{
	return (f == stdout ? term.out_color : term.err_color) ? styles[style] : "";
}

const char *
term_off(FILE *f)
{
	return (f == stdout ? term.out_color : term.err_color) ? "\033[0m" : "";
}

/* One character: its length, 0 when the bytes are no UTF-8. */
static size_t
decode(const char *s, size_t len, uint32_t *out)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t need, i;
	uint32_t c;

	if (p[0] < 0x80) {
		*out = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	need = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (need > len)
		return 0;
	c = p[0] & (0x7fu >> need);
	for (i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((need == 3 && c < 0x800) || (need == 4 && (c < 0x10000 || c > 0x10ffff)) ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return need;
}

/* Controls, and what turns the direction of writing around or hides in a line. */
static bool
unsafe(uint32_t c, bool multiline)
{
	if (c == '\n' || c == '\t')
		return !multiline;
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
	    (c >= 0xe0000 && c <= 0xe007f);
}

char *
term_escape(const char *text, size_t len, bool multiline)
{
	/*
	 * The longest escape of one byte has four; of one character, which has two bytes or more,
	 * nine.
	 */
	char *out = xmalloc(len * 5 + 1), *o = out;
	size_t i = 0, n;
	uint32_t c;

	while (i < len) {
		if ((n = decode(text + i, len - i, &c)) == 0) {
			o += snprintf(o, 5, "\\x%02x", (unsigned char)text[i]);
			i++;
			continue;
		}
		if (!unsafe(c, multiline)) {
			memcpy(o, text + i, n);
			o += n;
		} else if (c < 0x80) {
			o += snprintf(o, 5, "\\x%02x", (unsigned)c);
		} else {
			o += snprintf(o, 10, "\\u{%x}", (unsigned)c);
		}
		i += n;
	}
	*o = '\0';
	return out;
}

void
term_print(FILE *f, const char *text, bool multiline)
{
	char *safe = term_escape(text, strlen(text), multiline);

	fputs(safe, f);
	free(safe);
}

/* Columns of one character: enough of Unicode for tables to line up. */
static size_t
char_columns(uint32_t c)
{
	static const uint32_t ranges[][3] = {
	    {0x0300, 0x036f, 0},
	    {0x0483, 0x0489, 0},
	    {0x0591, 0x05bd, 0},
	    {0x064b, 0x065f, 0},
	    {0x200b, 0x200d, 0},
	    {0x20d0, 0x20f0, 0},
	    {0xfe00, 0xfe0f, 0},
	    {0xfe20, 0xfe2f, 0},
	    {0x1100, 0x115f, 2},
	    {0x2e80, 0x303e, 2},
	    {0x3041, 0xa4cf, 2},
	    {0xac00, 0xd7a3, 2},
	    {0xf900, 0xfaff, 2},
	    {0xfe30, 0xfe6f, 2},
	    {0xff00, 0xff60, 2},
	    {0xffe0, 0xffe6, 2},
	    {0x1f300, 0x1f64f, 2},
	    {0x1f680, 0x1f6ff, 2},
	    {0x1f900, 0x1f9ff, 2},
	    {0x20000, 0x3fffd, 2},
	};
	size_t i;

	for (i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return ranges[i][2];
	return 1;
}

size_t
term_columns(const char *text)
{
	size_t cols = 0, len = strlen(text), i = 0, n;
	uint32_t c;

	for (; i < len; i += n) {
		if ((n = decode(text + i, len - i, &c)) == 0) {
			n = 1;
			c = '?';
		}
		cols += char_columns(c);
	}
	return cols;
}

void
term_cut(char *text, size_t columns)
{
	size_t cols = 0, len = strlen(text), i = 0, n, keep = 0;
	uint32_t c;

	if (term_columns(text) <= columns)
		return;
	for (; i < len; i += n) {
		if ((n = decode(text + i, len - i, &c)) == 0) {
			n = 1;
			c = '?';
		}
		if (cols + char_columns(c) + 3 > columns)
			break;
		cols += char_columns(c);
		keep = i + n;
	}
	/*
	 * What is cut off has more columns than columns - 3, so at least the bytes of the dots
	 * that fit.
	 */
	for (i = 0; i < 3 && cols + i < columns; i++)
		text[keep + i] = '.';
	text[keep + i] = '\0';
}

const char *
term_duration(int64_t ms, char *buf, size_t size)
{
	long long t = ms < 0 ? 0 : ms;

	if (t < 1000)
		snprintf(buf, size, "%lld ms", t);
	else if (t < 60000)
		snprintf(buf, size, "%lld.%lld s", t / 1000, t % 1000 / 100);
	else if (t < 3600000)
		snprintf(buf, size, "%lld min %lld s", t / 60000, t % 60000 / 1000);
	else if (t < 86400000)
		snprintf(buf, size, "%lld h %lld min", t / 3600000, t % 3600000 / 60000);
	else
		snprintf(buf, size, "%lld d %lld h", t / 86400000, t % 86400000 / 3600000);
	return buf;
}

const char *
term_clock(int64_t ms, char *buf, size_t size)
{
	time_t sec = (time_t)(ms / 1000), now = (time_t)(compat_now_ms() / 1000);
	struct tm tm, today;
	size_t n;

	localtime_r(&sec, &tm);
	localtime_r(&now, &today);
	n = strftime(buf, size,
	    tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday ? "%H:%M:%S"
								       : "%Y-%m-%d %H:%M:%S",
	    &tm);
	snprintf(buf + n, size - n, ".%03d", (int)(ms % 1000));
	return buf;
}

void
term_spinner_draw(struct term_spinner *s, const char *text)
{
	static const char *const round[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
	static const char plain[] = "|/-\\";
	char line[1024], *safe;

	if (!s->on)
		return;
	safe = term_escape(text, strlen(text), false);
	compat_strlcpy(line, safe, sizeof line);
	free(safe);
	term_cut(line, (size_t)term_width() > 4 ? (size_t)term_width() - 3 : 1);
	if (term.utf8)
		fprintf(stderr, "\r%s%s%s %s\033[K", term_on(stderr, TERM_CYAN),
		    round[s->frame++ % 10], term_off(stderr), line);
	else
		fprintf(stderr, "\r%c %s\033[K", plain[s->frame++ % 4], line);
	fflush(stderr);
	s->drawn = true;
}

void
term_spinner_clear(struct term_spinner *s)
{
	if (!s->drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	s->drawn = false;
}
