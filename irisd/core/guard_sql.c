/* SPDX-License-Identifier: MIT
 *
 * Judges for guard.c what is given to database clients: DROP, TRUNCATE, and DELETE and UPDATE
 * without WHERE. SQL is read as words, so that a text or a comment is none.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "irisd/core/guard_private.h"

/* What was read of a statement. */
struct statement {
	size_t words;
	char first[16], last[16];
	bool where, removes, updates, sets;
	int depth; /* of parentheses */
};

static const char *
skip_quoted(const char *p)
{
	char quote = *p++;

	while (*p != '\0' && *p != quote)
		p += *p == '\\' && p[1] != '\0' ? 2 : 1;
	return *p == '\0' ? p : p + 1;
}

/* Past blanks and comments; MySQL runs what is in a comment that begins with "!". */
static const char *
skip(const char *p)
{
	const char *end;

	for (;;) {
		if (isspace((unsigned char)*p)) {
			p++;
		} else if (strncmp(p, "/*!", 3) == 0) {
			p += 3;
			p += strspn(p, "0123456789");
		} else if (strncmp(p, "/*", 2) == 0) {
			end = strstr(p + 2, "*/");
			p = end == NULL ? p + strlen(p) : end + 2;
		} else if (strncmp(p, "--", 2) == 0 || (*p == '#' && p[1] == ' ')) {
			p += strcspn(p, "\n");
		} else {
			return p;
		}
	}
}

static const char *
ends(const struct statement *s)
{
	if (s->removes && !s->where)
		return "deletes all rows of a table";
	if (s->updates && s->sets && !s->where)
		return "changes all rows of a table";
	return NULL;
}

/* A word of a statement; why it is one that destroys, or NULL. */
static const char *
word(struct statement *s, const char *w)
{
	static const char *const things[] = {"table", "database", "schema", "index", "view", "user",
	    "role", "column", "sequence", "type", "function", "procedure", "trigger", "keyspace",
	    "materialized", "extension", "owned", "tablespace", "collection", "partition", "if",
	    NULL};
	const char *why = NULL;

	if (s->words == 0) {
		memcpy(s->first, w, sizeof(s->first));
		s->updates = strcmp(w, "update") == 0;
	} else if (strcmp(s->last, "drop") == 0 && guard_in(w, things) &&
	    (strcmp(s->first, "drop") == 0 || strcmp(s->first, "alter") == 0)) {
		why = "drops what a database has";
	} else if (s->words == 1 && strcmp(s->first, "truncate") == 0) {
		why = "empties a table";
	} else if (strcmp(s->last, "delete") == 0 && strcmp(w, "from") == 0) {
		s->removes = true;
		s->where = false;
	} else if (strcmp(s->first, "with") == 0 && strcmp(w, "update") == 0 &&
	    strcmp(s->last, "for") != 0 && strcmp(s->last, "do") != 0) {
		s->updates = true;
		s->where = false;
	}
	if (strcmp(w, "set") == 0)
		s->sets = true;
	if (strcmp(w, "where") == 0 && s->depth == 0)
		s->where = true;
	memcpy(s->last, w, sizeof(s->last));
	s->words++;
	return why;
}

/* Why the text, which is SQL, destroys something; NULL where it does not. */
static const char *
judge(const char *p)
{
	struct statement s = {.words = 0};
	static const char quoted[16] = "'";
	const char *why = NULL;
	char w[16];
	size_t n;

	while (why == NULL && *(p = skip(p)) != '\0') {
		if (isalpha((unsigned char)*p) || *p == '_') {
			memset(w, 0, sizeof(w));
			for (n = 0; isalnum((unsigned char)*p) || *p == '_' || *p == '$'; p++)
				if (n + 1 < sizeof(w))
					w[n++] = (char)tolower((unsigned char)*p);
			why = word(&s, w);
		} else if (*p == ';') {
			why = ends(&s);
			memset(&s, 0, sizeof(s));
			p++;
		} else if (*p == '\'' || *p == '"' || *p == '`') {
			p = skip_quoted(p);
			why = word(&s, quoted);
		} else {
			s.depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
			p++;
		}
	}
	return why != NULL ? why : ends(&s);
}

/* SQL behind an option: -c, -cSQL, --command=SQL, -Q. */
static const char *
bare(const char *arg)
{
	const char *eq;

	if (arg[0] != '-')
		return arg;
	if (arg[1] == '-') {
		eq = strchr(arg, '=');
		return eq == NULL ? "" : eq + 1;
	}
	return arg[1] == '\0' ? "" : arg + 2;
}

static void
judge_client(const struct guard_command *c)
{
	const char *why = NULL;
	char *text;
	size_t i;

	for (i = 1; i < c->argc && why == NULL; i++)
		why = judge(bare(c->argv[i]));
	if (why == NULL && (text = guard_stdin(c)) != NULL) {
		why = judge(text);
		free(text);
	}
	if (why != NULL)
		guard_report(c, "sql", why);
}

/* Other tools by their words, of which the second may be anywhere behind the first. */
static void
judge_tool(const struct guard_command *c)
{
	static const struct {
		const char *name, *word;
	} tools[] = {
	    {"mysqladmin", "drop"},
	    {"redis-cli", "flushall"},
	    {"redis-cli", "flushdb"},
	    {"valkey-cli", "flushall"},
	    {"rails", "db:drop"},
	    {"rails", "db:reset"},
	    {"rake", "db:drop"},
	    {"rake", "db:reset"},
	    {"prisma", "reset"},
	    {"prisma", "--force-reset"},
	    {"manage.py", "flush"},
	    {"artisan", "migrate:fresh"},
	    {"artisan", "migrate:reset"},
	    {"artisan", "db:wipe"},
	};
	size_t i, j, k;
	const char *base;

	if (strcmp(c->name, "dropdb") == 0 || strcmp(c->name, "dropuser") == 0)
		guard_report(c, "sql", "drops what a database has");
	for (i = 0; i < c->argc && i < 3; i++) {
		base = strrchr(c->argv[i], '/');
		base = base == NULL ? c->argv[i] : base + 1;
		for (k = 0; k < sizeof(tools) / sizeof(tools[0]); k++) {
			if (strcmp(base, tools[k].name) != 0)
				continue;
			for (j = i + 1; j < c->argc; j++)
				if (strcasecmp(c->argv[j], tools[k].word) == 0)
					guard_report(c, "sql", "empties a database");
		}
	}
}

void
guard_sql(const struct guard_command *c)
{
	static const char *const clients[] = {"psql", "mysql", "mariadb", "sqlite3", "sqlite",
	    "pgcli", "mycli", "litecli", "usql", "duckdb", "cockroach", "clickhouse",
	    "clickhouse-client", "sqlcmd", "sqlplus", "isql", "trino", "presto", "snowsql", "bq",
	    "cqlsh", "hive", "beeline", "impala-shell", NULL};
	static const char *const starters[] = {"redis-cli", "valkey-cli", "mysqladmin", "dropdb",
	    "dropuser", "rails", "rake", "prisma", "manage.py", "artisan", "python", "python3",
	    "php", "npx", "pnpm", "yarn", "bunx", NULL};

	if (guard_in(c->name, clients))
		judge_client(c);
	else if (guard_in(c->name, starters))
		judge_tool(c);
}
