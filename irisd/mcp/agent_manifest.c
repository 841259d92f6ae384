/* SPDX-License-Identifier: MIT
 *
 * One function for each kind of file, see agent_manifest.h, and the tables of frameworks.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/agent_manifest.h"

#define DEPS_MAX  200 /* names that are kept of each list */
#define VALUE_MAX 200 /* bytes of a name or a version */

void
manifest_var(struct manifest *m, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0' && strlen(value) <= VALUE_MAX &&
	    json_get(m->vars, name) == NULL)
		json_put_str(m->vars, name, value);
}

static void
var_n(struct manifest *m, const char *name, const char *s, size_t n)
{
	char *value = xstrndup(s, n < VALUE_MAX + 1 ? n : VALUE_MAX + 1);

	manifest_var(m, name, value);
	free(value);
}

static void
add_dep(cJSON *list, const char *s, size_t n)
{
	char *name;

	if (n == 0 || n > VALUE_MAX || cJSON_GetArraySize(list) >= DEPS_MAX)
		return;
	name = xstrndup(s, n);
	cJSON_AddItemToArray(list, cJSON_CreateString(name));
	free(name);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* The next line from *at, without blanks around it; false at the end. */
static bool
next_line(const char **at, const char **line, size_t *len)
{
	const char *s = *at;
	size_t n = strcspn(s, "\n");

	if (*s == '\0')
		return false;
	*at = s + n + (s[n] == '\n');
	for (; n > 0 && isspace((unsigned char)s[0]); n--)
		s++;
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		n--;
	*line = s;
	*len = n;
	return true;
}

static bool
is(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(s, word, n) == 0;
}

static bool
begins(const char *s, size_t n, const char *word)
{
	return n >= strlen(word) && memcmp(s, word, strlen(word)) == 0;
}

/* The length of a package's name in what demands a version of it: "name[extra]>=1; ...". */
static size_t
name_len(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] != '\0' && strchr("-_.", s[n]) != NULL))
		n++;
	return n;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void
add_members(cJSON *list, const cJSON *obj)
{
	const cJSON *m;

	cJSON_ArrayForEach (m, obj)
		if (m->string != NULL)
			add_dep(list, m->string, strlen(m->string));
}

static bool
has(const cJSON *list, const char *name)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (strcasecmp(item->valuestring, name) == 0)
			return true;
	return false;
}

static int
read_package(struct manifest *m, const char *text, struct err *err)
{
	cJSON *o = json_parse(text, strlen(text), err);
	const char *test = json_str(json_obj(o, "scripts"), "test");

	if (o == NULL)
		return -1;
	manifest_var(m, "projectName", json_str(o, "name"));
	manifest_var(m, "version", json_str(o, "version"));
	add_members(m->dependencies, json_obj(o, "dependencies"));
	add_members(m->dev, json_obj(o, "devDependencies"));
	manifest_var(m, "language",
	    has(m->dependencies, "typescript") || has(m->dev, "typescript") ? "TypeScript"
									    : "JavaScript");
	if (test != NULL) {
		manifest_var(m, "testCommand", "npm test");
		if (strstr(test, "node --test") != NULL)
			manifest_var(m, "testingFramework", "node:test");
	}
	cJSON_Delete(o);
	return 0;
}

/* --- TOML ------------------------------------------------------------------------------------- */

/* The strings of a list that begins at s, which may go over many lines. */
static void
toml_list(cJSON *list, const char *s)
{
	char quote;

	for (s++; *s != '\0' && *s != ']'; s++) {
		if (*s == '#') {
			s += strcspn(s, "\n");
		} else if (*s == '"' || *s == '\'') {
			quote = *s++;
			add_dep(list, s, name_len(s));
			while (*s != '\0' && *s != quote && *s != '\n')
				s++;
		}
		if (*s == '\0')
			break;
	}
}

static void
toml_var(struct manifest *m, const char *name, const char *s)
{
	if (*s == '"' || *s == '\'')
		var_n(m, name, s + 1, strcspn(s + 1, *s == '"' ? "\"\n" : "'\n"));
}

struct toml {
	const char *section;
	size_t section_len;
	const char *key;
	size_t key_len;
	const char *value;
};

/* Go through all "key = value" lines; what is quoted over several lines is not told apart. */
static bool
toml_next(const char **at, struct toml *t)
{
	const char *line, *eq;
	size_t n;

	while (next_line(at, &line, &n)) {
		if (n > 2 && line[0] == '[' && line[n - 1] == ']') {
			t->section = line + 1;
			t->section_len = n - 2;
			continue;
		}
		if (n == 0 || line[0] == '#' || (eq = memchr(line, '=', n)) == NULL)
			continue;
		t->key = line;
		t->key_len = name_len(line);
		for (t->value = eq + 1; *t->value == ' ' || *t->value == '\t'; t->value++)
			;
		return true;
	}
	return false;
}

static int
read_pyproject(struct manifest *m, const char *text, struct err *err)
{
	struct toml t = {.section = ""};
	const char *at = text;

	(void)err;
	manifest_var(m, "language", "Python");
	while (toml_next(&at, &t)) {
		const char *s = t.section;
		size_t n = t.section_len;
		bool project = is(s, n, "project");

		if ((project || is(s, n, "tool.poetry")) && is(t.key, t.key_len, "name"))
			toml_var(m, "projectName", t.value);
		else if ((project || is(s, n, "tool.poetry")) && is(t.key, t.key_len, "version"))
			toml_var(m, "version", t.value);
		else if (project && is(t.key, t.key_len, "dependencies") && *t.value == '[')
			toml_list(m->dependencies, t.value);
		else if (is(t.key, t.key_len, "python"))
			continue;
		else if (is(s, n, "tool.poetry.dependencies"))
			add_dep(m->dependencies, t.key, t.key_len);
		else if (begins(s, n, "tool.poetry.") && n > 13 &&
		    memcmp(s + n - 13, ".dependencies", 13) == 0)
			add_dep(m->dev, t.key, t.key_len);
		else if ((is(s, n, "dependency-groups") ||
			     is(s, n, "project.optional-dependencies")) &&
		    *t.value == '[')
			toml_list(m->dev, t.value);
	}
	if (strstr(text, "[tool.pytest") != NULL || has(m->dev, "pytest") ||
	    has(m->dependencies, "pytest"))
		manifest_var(m, "testingFramework", "pytest");
	return 0;
}

static int
read_cargo(struct manifest *m, const char *text, struct err *err)
{
	struct toml t = {.section = ""};
	const char *at = text;

	(void)err;
	manifest_var(m, "language", "Rust");
	manifest_var(m, "testingFramework", "cargo test");
	manifest_var(m, "testCommand", "cargo test");
	while (toml_next(&at, &t)) {
		if (is(t.section, t.section_len, "package") && is(t.key, t.key_len, "name"))
			toml_var(m, "projectName", t.value);
		else if (is(t.section, t.section_len, "package") && is(t.key, t.key_len, "version"))
			toml_var(m, "version", t.value);
		else if (is(t.section, t.section_len, "dependencies") ||
		    is(t.section, t.section_len, "workspace.dependencies"))
			add_dep(m->dependencies, t.key, strcspn(t.key, ". =\t"));
		else if (is(t.section, t.section_len, "dev-dependencies"))
			add_dep(m->dev, t.key, strcspn(t.key, ". =\t"));
	}
	return 0;
}

/* --- go.mod ----------------------------------------------------------------------------------- */

static int
read_go(struct manifest *m, const char *text, struct err *err)
{
	const char *at = text, *line;
	bool block = false;
	size_t n;

	(void)err;
	manifest_var(m, "language", "Go");
	manifest_var(m, "testingFramework", "go test");
	manifest_var(m, "testCommand", "go test ./...");
	while (next_line(&at, &line, &n)) {
		if (begins(line, n, "module "))
			var_n(m, "projectName", line + 7, strcspn(line + 7, " \t\r\n"));
		else if (begins(line, n, "require ("))
			block = true;
		else if (begins(line, n, ")"))
			block = false;
		else if (begins(line, n, "require "))
			add_dep(m->dependencies, line + 8, strcspn(line + 8, " \t\r\n"));
		else if (block && !begins(line, n, "//"))
			add_dep(m->dependencies, line, strcspn(line, " \t\r\n"));
	}
	return 0;
}

/* --- pom.xml ---------------------------------------------------------------------------------- */

#define POM_DEPTH 16

/* The names of the open elements, as one path. */
struct pom {
	char path[512];
	size_t ends[POM_DEPTH];
	int depth;
};

static void
pom_open(struct pom *p, const char *name, size_t n)
{
	size_t at = p->depth > 0 ? p->ends[p->depth - 1] : 0;

	if (p->depth == POM_DEPTH || at + n + 2 > sizeof p->path)
		return;
	p->path[at] = '/';
	memcpy(p->path + at + 1, name, n);
	p->ends[p->depth++] = at + 1 + n;
	p->path[at + 1 + n] = '\0';
}

static void
pom_close(struct pom *p)
{
	if (p->depth > 0)
		p->depth--;
	p->path[p->depth > 0 ? p->ends[p->depth - 1] : 0] = '\0';
}

static void
pom_text(struct manifest *m, const struct pom *p, const char *s, size_t n)
{
	if (strcmp(p->path, "/project/artifactId") == 0)
		var_n(m, "projectName", s, n);
	else if (strcmp(p->path, "/project/version") == 0)
		var_n(m, "version", s, n);
	else if (strcmp(p->path, "/project/dependencies/dependency/artifactId") == 0)
		add_dep(m->dependencies, s, n);
	else if (strcmp(p->path, "/project/parent/artifactId") == 0 && begins(s, n, "spring-boot"))
		manifest_var(m, "framework", "Spring Boot");
}

static int
read_pom(struct manifest *m, const char *text, struct err *err)
{
	struct pom p = {.depth = 0};
	const char *s = text;
	size_t n;

	(void)err;
	manifest_var(m, "language", "Java");
	manifest_var(m, "testCommand", "mvn test");
	while ((s = strchr(s, '<')) != NULL) {
		if (strncmp(s, "<!--", 4) == 0) {
			if ((s = strstr(s, "-->")) == NULL)
				break;
			continue;
		}
		n = strcspn(++s, " \t\r\n/>");
		if (*s == '/') {
			pom_close(&p);
		} else if (*s != '?' && *s != '!') {
			pom_open(&p, s, n);
			s += strcspn(s, ">");
			if (*s == '>' && s[-1] == '/')
				pom_close(&p);
			else if (*s == '>')
				pom_text(m, &p, s + 1, strcspn(s + 1, "<\r\n"));
		}
	}
	return 0;
}

/* --- C and C++ -------------------------------------------------------------------------------- */

/* The word at *s, behind blanks; its length. */
static size_t
word(const char **s)
{
	*s += strspn(*s, " \t\r\n\"");
	return strcspn(*s, " \t\r\n\")");
}

/* project(NAME [VERSION x] [LANGUAGES C CXX]), s behind the parenthesis. */
static void
cmake_project(struct manifest *m, const char *s)
{
	bool c = false, cxx = false, version = false;
	size_t n = word(&s);

	if (memchr(s, '$', n) == NULL)
		var_n(m, "projectName", s, n);
	for (s += n; (n = word(&s)) > 0; s += n) {
		c = c || is(s, n, "C");
		cxx = cxx || is(s, n, "CXX");
		if (version && memchr(s, '$', n) == NULL)
			var_n(m, "version", s, n);
		version = is(s, n, "VERSION");
	}
	/* Without a word about it, CMake means both. */
	manifest_var(m, "language", c && !cxx ? "C" : cxx && !c ? "C++" : "C and C++");
}

/* The arguments of a command, when this line calls it; names are in any case. */
static const char *
cmake_call(const char *line, const char *command)
{
	size_t n = strlen(command);

	if (strncasecmp(line, command, n) != 0)
		return NULL;
	line += n + strspn(line + n, " \t");
	return *line == '(' ? line + 1 : NULL;
}

static int
read_cmake(struct manifest *m, const char *text, struct err *err)
{
	const char *at = text, *line, *s;
	size_t n;

	(void)err;
	while (next_line(&at, &line, &n)) {
		if ((s = cmake_call(line, "project")) != NULL) {
			cmake_project(m, s);
		} else if ((s = cmake_call(line, "find_package")) != NULL) {
			n = word(&s);
			add_dep(m->dependencies, s, n);
		} else if (cmake_call(line, "enable_testing") != NULL) {
			manifest_var(m, "testCommand", "ctest");
		}
	}
	if (has(m->dependencies, "GTest"))
		manifest_var(m, "testingFramework", "GoogleTest");
	return 0;
}

static int
read_make(struct manifest *m, const char *text, struct err *err)
{
	const char *at = text, *line;
	size_t n;

	(void)err;
	while (next_line(&at, &line, &n)) {
		if (begins(line, n, "check:"))
			manifest_var(m, "testCommand", "make check");
		else if (begins(line, n, "test:"))
			manifest_var(m, "testCommand", "make test");
	}
	if (strstr(text, "$(CXX)") != NULL || strstr(text, ".cpp") != NULL)
		manifest_var(m, "language", "C++");
	else if (strstr(text, "$(CC)") != NULL)
		manifest_var(m, "language", "C");
	return 0;
}

const struct manifest_kind manifest_kinds[] = {{"package.json", read_package},
    {"pyproject.toml", read_pyproject}, {"Cargo.toml", read_cargo}, {"go.mod", read_go},
    {"pom.xml", read_pom}, {"CMakeLists.txt", read_cmake}, {"Makefile", read_make}, {NULL, NULL}};

/* --- frameworks ------------------------------------------------------------------------------- */

/* What is built on another one comes before it. A "*" at the end stands for anything. */
static const struct known {
	const char *package, *name;
} frameworks[] = {{"next", "Next.js"}, {"nuxt", "Nuxt"}, {"@nestjs/core", "NestJS"},
    {"@remix-run/react", "Remix"}, {"@sveltejs/kit", "SvelteKit"}, {"gatsby", "Gatsby"},
    {"astro", "Astro"}, {"@angular/core", "Angular"}, {"svelte", "Svelte"},
    {"react-native", "React Native"}, {"vue", "Vue"}, {"react", "React"}, {"express", "Express"},
    {"fastify", "Fastify"}, {"koa", "Koa"}, {"@hapi/hapi", "hapi"}, {"hapi", "hapi"},
    {"django", "Django"}, {"fastapi", "FastAPI"}, {"flask", "Flask"}, {"starlette", "Starlette"},
    {"axum", "Axum"}, {"actix-web", "Actix Web"}, {"rocket", "Rocket"}, {"bevy", "Bevy"},
    {"github.com/gin-gonic/gin", "Gin"}, {"github.com/labstack/echo*", "Echo"},
    {"github.com/gofiber/fiber*", "Fiber"}, {"github.com/go-chi/chi*", "chi"},
    {"spring-boot-starter*", "Spring Boot"}, {"quarkus-*", "Quarkus"}, {"micronaut-*", "Micronaut"},
    {"Qt6", "Qt"}, {"Qt5", "Qt"}, {NULL, NULL}},
  test_tools[] = {{"vitest", "Vitest"}, {"jest", "Jest"}, {"mocha", "Mocha"},
      {"jasmine*", "Jasmine"}, {"ava", "AVA"}, {"tape", "tape"}, {"@playwright/test", "Playwright"},
      {"cypress", "Cypress"}, {"pytest", "pytest"}, {"junit-jupiter*", "JUnit 5"},
      {"junit", "JUnit"}, {"testng", "TestNG"}, {"spring-boot-starter-test", "JUnit 5"},
      {"Catch2", "Catch2"}, {NULL, NULL}};

static bool
matches(const cJSON *list, const char *package)
{
	size_t n = strlen(package);
	const cJSON *item;

	if (package[n - 1] != '*')
		return has(list, package);
	cJSON_ArrayForEach (item, list)
		if (strncmp(item->valuestring, package, n - 1) == 0)
			return true;
	return false;
}

static void
pick(struct manifest *m, const char *var, const struct known *k)
{
	for (; k->package != NULL; k++)
		if (matches(m->dependencies, k->package) || matches(m->dev, k->package))
			manifest_var(m, var, k->name);
}

void
manifest_frameworks(struct manifest *m)
{
	pick(m, "framework", frameworks);
	pick(m, "testingFramework", test_tools);
}
