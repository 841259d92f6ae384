/* SPDX-License-Identifier: MIT
 *
 * The difference of two texts: what diff -u would print, and for any two texts one that leads from
 * the one to the other, with no more changes than there must be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/diff.c"

struct buf {
	char v[1 << 18];
	size_t n;
};

static void
add(struct buf *b, const char *text, size_t len)
{
	assert_true(b->n + len < sizeof b->v);
	memcpy(b->v + b->n, text, len);
	b->n += len;
	b->v[b->n] = '\0';
}

static void
print_cb(char mark, const char *text, size_t len, void *arg)
{
	struct buf *b = arg;

	if (mark == '@')
		add(b, "@@ ", 3);
	else
		add(b, &mark, 1);
	add(b, text, len);
	add(b, mark == '@' ? " @@\n" : "\n", mark == '@' ? 4 : 1);
}

static void
check(const char *a, const char *b, const char *expected)
{
	static struct buf out;
	struct diff_sum sum;

	out.n = 0;
	out.v[0] = '\0';
	sum = diff_unified(a, strlen(a), b, strlen(b), print_cb, &out);
	assert_string_equal(out.v, expected);
	assert_false(sum.rough);
}

static void
test_shapes(void **state)
{
	(void)state;
	check("", "", "");
	check("a\nb\n", "a\nb\n", "");
	check("", "a\n\nb\n", "@@ -0,0 +1,3 @@\n+a\n+\n+b\n");
	check("a\nb\n", "", "@@ -1,2 +0,0 @@\n-a\n-b\n");
	check("a\nb\nc\n", "a\nx\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
	check("a", "a\n", "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
	check("a\nb", "x\nb", "@@ -1,2 +1,2 @@\n-a\n+x\n b\n\\ No newline at end of file\n");
}

static void
test_hunks(void **state)
{
	(void)state;
	/* Six lines between two changes: one hunk; seven: two. */
	check("1\na\nb\nc\nd\ne\nf\n2\n", "X\na\nb\nc\nd\ne\nf\nY\n",
	    "@@ -1,8 +1,8 @@\n-1\n+X\n a\n b\n c\n d\n e\n f\n-2\n+Y\n");
	check("1\na\nb\nc\nd\ne\nf\ng\n2\n", "a\nb\nc\nd\ne\nf\ng\n2\nY\n",
	    "@@ -1,4 +1,3 @@\n-1\n a\n b\n c\n@@ -7,3 +6,4 @@\n f\n g\n 2\n+Y\n");
	check("a\nb\nc\nd\ne\nf\ng\nh\ni\n", "a\nb\nc\nd\nE\nf\ng\nh\ni\n",
	    "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n");
}

static void
reverse_cb(char mark, const char *text, size_t len, void *arg)
{
	struct buf *sides = arg;
	int i;

	for (i = 0; i < 2; i++) {
		if (mark == '\\' && sides[i].n > 0 && sides[2].v[0] != (i == 0 ? '+' : '-'))
			sides[i].n--;
		if (mark == ' ' || mark == (i == 0 ? '-' : '+')) {
			add(&sides[i], text, len);
			add(&sides[i], "\n", 1);
		}
	}
	sides[2].v[0] = mark;
}

/* How many lines must go or come at the least, by the table of all beginnings. */
static size_t
least(const struct text *a, const struct text *b)
{
	static size_t t[64][64];
	size_t i, j;

	for (i = 0; i <= a->n; i++)
		for (j = 0; j <= b->n; j++)
			if (i == 0 || j == 0)
				t[i][j] = i + j;
			else if (same(&a->v[i - 1], &b->v[j - 1]))
				t[i][j] = t[i - 1][j - 1];
			else
				t[i][j] =
				    1 + (t[i - 1][j] < t[i][j - 1] ? t[i - 1][j] : t[i][j - 1]);
	return t[a->n][b->n];
}

static size_t
any_text(char *buf, unsigned *seed)
{
	size_t lines = (size_t)rand_r(seed) % 40, n = 0, i;

	for (i = 0; i < lines; i++) {
		buf[n++] = (char)('a' + rand_r(seed) % 4);
		buf[n++] = '\n';
	}
	if (n > 0 && rand_r(seed) % 4 == 0)
		n--;
	buf[n] = '\0';
	return n;
}

/* Few enough lines for one hunk to have all of both texts where every line stands near a change. */
static void
test_any_texts(void **state)
{
	const char *given = getenv("IRIS_SEED");
	unsigned seed = given != NULL ? (unsigned)atoi(given) : (unsigned)time(NULL);
	static struct buf sides[3];
	struct diff_sum sum;
	struct text ta, tb;
	char a[128], b[128];
	size_t na, nb;
	int i, whole = 0;

	(void)state;
	print_message("IRIS_SEED=%u\n", seed);
	for (i = 0; i < 3000; i++) {
		na = any_text(a, &seed);
		nb = any_text(b, &seed);
		memset(sides, 0, sizeof sides);
		sum = diff_unified(a, na, b, nb, reverse_cb, sides);
		split(&ta, a, na);
		split(&tb, b, nb);
		assert_int_equal(sum.removed + sum.added, least(&ta, &tb));
		assert_int_equal(ta.n - sum.removed, tb.n - sum.added);
		/* With every line in a hunk, the two sides are the two texts. */
		if (sides[0].n == na && sides[1].n == nb) {
			assert_memory_equal(sides[0].v, a, na);
			assert_memory_equal(sides[1].v, b, nb);
			whole++;
		}
		free(ta.v);
		free(ta.changed);
		free(tb.v);
		free(tb.changed);
	}
	assert_true(whole > 500);
}

static void
test_too_different(void **state)
{
	static struct buf sides[3];
	static char a[1 << 16], b[1 << 16];
	size_t na = 0, nb = 0;
	struct diff_sum sum;
	int i;

	(void)state;
	na = (size_t)snprintf(a, sizeof a, "first\n");
	nb = (size_t)snprintf(b, sizeof b, "first\n");
	for (i = 0; i < CHANGES_MAX; i++) {
		na += (size_t)snprintf(a + na, sizeof a - na, "old %d\nboth\n", i);
		nb += (size_t)snprintf(b + nb, sizeof b - nb, "new %d\nboth\n", i);
	}
	memset(sides, 0, sizeof sides);
	sum = diff_unified(a, na, b, nb, reverse_cb, sides);
	assert_true(sum.rough);
	assert_int_equal(sum.removed, 2 * CHANGES_MAX - 1);
	assert_int_equal(sum.added, 2 * CHANGES_MAX - 1);
	assert_int_equal(sides[0].n, na);
	assert_memory_equal(sides[0].v, a, na);
	assert_memory_equal(sides[1].v, b, nb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shapes),
	    cmocka_unit_test(test_hunks),
	    cmocka_unit_test(test_any_texts),
	    cmocka_unit_test(test_too_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
