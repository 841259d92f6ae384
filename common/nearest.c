/* SPDX-License-Identifier: MIT
 *
 * Edit distance (optimal string alignment: a swap of neighbours counts once) plus beginnings and
 * parts of names. Called with whatever a person typed, so the lengths are bounded here and nothing
 * is allocated.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/nearest.h"

/*
 * Longer names are never near anything: keys are short and team names have at most 100 characters.
 */
#define NAME_LEN_MAX 128

#define NOT_NEAR ((size_t)-1)

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

static char
lower(char c)
{
	return (char)tolower((unsigned char)c);
}

static size_t
distance(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t rows[3][NAME_LEN_MAX + 1], *prev2 = rows[0], *prev = rows[1], *cur = rows[2];
	size_t i, j;

	for (j = 0; j <= blen; j++)
		prev[j] = j;
	for (i = 1; i <= alen; i++) {
		size_t *spare = prev2;

		cur[0] = i;
		for (j = 1; j <= blen; j++) {
			size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;

			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + change);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && prev2[j - 2] + 1 < cur[j])
				cur[j] = prev2[j - 2] + 1;
		}
		prev2 = prev;
		prev = cur;
		cur = spare;
	}
	return prev[blen];
}

static bool
is_part(const char *part, size_t partlen, const char *whole, size_t wholelen)
{
	size_t i;

	for (i = 0; i + partlen <= wholelen; i++)
		if (strncasecmp(part, whole + i, partlen) == 0)
			return true;
	return false;
}

/*
 * The smaller the nearer: a letter counts 10; a beginning lies between one and two letters, a part
 * above two.
 */
static size_t
score(const char *want, size_t wlen, const char *name)
{
	size_t nlen = strlen(name), best = NOT_NEAR, shorter, longer, d;
	const char *s, *l;

	if (nlen == 0 || nlen > NAME_LEN_MAX)
		return NOT_NEAR;
	shorter = wlen < nlen ? wlen : nlen;
	longer = wlen < nlen ? nlen : wlen;
	s = wlen < nlen ? want : name;
	l = wlen < nlen ? name : want;
	d = distance(want, wlen, name, nlen);
	if ((d == 1 && shorter > 1) || d <= longer / 3)
		best = d * 10;
	if (best > 15 && (shorter > 1 || s == want) && strncasecmp(s, l, shorter) == 0)
		best = 15;
	if (best > 25 && shorter > 2 && is_part(s, shorter, l, longer))
		best = 25;
	return best;
}

size_t
nearest_names(const char *want, const char *const *names, size_t n, const char **out, size_t max)
{
	size_t scores[NEAREST_MAX], found = 0, wlen = strlen(want), i, at, s;

	if (max > NEAREST_MAX)
		max = NEAREST_MAX;
	if (wlen == 0 || wlen > NAME_LEN_MAX)
		return 0;
	for (i = 0; i < n; i++) {
		if ((s = score(want, wlen, names[i])) == NOT_NEAR)
			continue;
		for (at = found; at > 0 && scores[at - 1] > s; at--)
			continue;
		if (at >= max)
			continue;
		if (found < max)
			found++;
		memmove(&scores[at + 1], &scores[at], (found - 1 - at) * sizeof scores[0]);
		memmove(&out[at + 1], &out[at], (found - 1 - at) * sizeof out[0]);
		scores[at] = s;
		out[at] = names[i];
	}
	return found;
}
