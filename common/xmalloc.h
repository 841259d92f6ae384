/* SPDX-License-Identifier: MIT
 *
 * Memory that is never NULL: running out is fatal, so that no caller needs an error path which
 * nobody can test by hand. What comes from outside is bounded before it gets here.
 */
#ifndef IRIS_COMMON_XMALLOC_H
#define IRIS_COMMON_XMALLOC_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t max);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* xstrdup that lets NULL through. */
char *xstrdup_null(const char *s);

#endif
