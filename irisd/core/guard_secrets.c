/* SPDX-License-Identifier: MIT
 *
 * Judges for guard.c secrets that are read, files that are sent to other machines, and writes to
 * what gives others a way in. Sending is known by the tools that are made for it.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

#define NAMED_MAX 64 /* commands within words, and their words, that are looked at */

/* Patterns for the end of a path, from a "/" on; one without * may be met by a command's own. */
static const char *const secret[] = {".env", ".env.*", "*.env", ".ssh/id_*", ".ssh/*_rsa",
    ".ssh/*_ed25519", ".ssh", ".ssh/?*", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".gnupg",
    ".gnupg/*", ".aws", ".aws/credentials", ".netrc", "_netrc", ".pgpass", ".my.cnf",
    ".git-credentials", ".config/gcloud/*", ".azure/*", ".kube/config", ".docker/config.json",
    ".npmrc", ".pypirc", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials",
    ".claude/.credentials.json", ".config/gh/hosts.yml", ".vault-token", ".password-store/*",
    ".local/share/keyrings/*", "Library/Keychains/*", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks",
    "*.keystore", "*.kdbx", ".htpasswd", "service-account*.json", "secrets.yml", "secrets.yaml",
    "secrets.json", "webhook.secret", "master.key", "logins.json", "etc/shadow", "etc/gshadow",
    "etc/sudoers", "etc/ssh/ssh_host_*_key", "proc/*/environ", "proc/kcore", "master.passwd", NULL};

static const char *const public[] = {"*.pub", ".ssh/known_hosts*", ".ssh/config",
    ".ssh/authorized_keys", ".ssh/allowed_signers", "*.example", "*.sample", "*.template", "*.dist",
    "*.example.*", ".env.defaults", ".env.schema", ".env.d.ts", "cert*.pem", "ca*.pem",
    "*chain*.pem", "*public*.pem", "*pub*.pem", "*.crt.pem", "dhparam*.pem", "public.key",
    ".gnupg/gpg.conf", ".gnupg/gpg-agent.conf", NULL};

/* Below the home: what a login or a later shell runs, and who may log in. */
static const char *const doors[] = {".bashrc", ".bash_profile", ".bash_login", ".bash_logout",
    ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".ssh/*", ".gnupg/*", ".netrc",
    ".config/fish/config.fish", ".config/autostart/*", ".config/systemd/user/*", ".gitconfig",
    "Library/LaunchAgents/*", ".pam_environment", ".xprofile", ".forward", NULL};

/* The parts of path at its end that could be the pattern's: as many as it has. */
static const char *
tail(const char *path, const char *pattern)
{
	const char *p = path + strlen(path);
	size_t parts = 1;

	for (; *pattern != '\0'; pattern++)
		parts += *pattern == '/';
	while (p > path && parts > 0)
		if (*--p == '/')
			parts--;
	return parts > 0 ? NULL : p + 1;
}

static bool
matches(const char *path, const char *const *patterns)
{
	const char *end;

	for (; *patterns != NULL; patterns++) {
		end = tail(path, *patterns);
		if (end == NULL)
			continue;
		if (fnmatch(*patterns, end, 0) == 0)
			return true;
		/* The command's own pattern, as in "cat .e*". */
		if (strpbrk(*patterns, "*?") == NULL && strpbrk(end, "*?") != NULL &&
		    fnmatch(end, *patterns, FNM_PERIOD | FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

/* path with patterns as they were written; what is not known may be any text. */
static void
written(char *path)
{
	for (; *path != '\0'; path++)
		if (strchr(GUARD_SPECIAL, *path) != NULL)
			*path = *path == GUARD_ANY ? '?' : *path == GUARD_STAR ? '*' : '_';
}

static bool
is_secret(const struct guard_command *c, const char *arg)
{
	char *paths[2];
	bool yes = false;
	size_t i;

	if (strlen(arg) > 4096)
		return false;
	paths[0] = guard_path(c->dir, arg);
	paths[1] = c->far ? xstrdup(paths[0]) : guard_real(c->run->g, c->dir, arg, true);
	for (i = 0; i < 2; i++) {
		written(paths[i]);
		if ((matches(paths[i], secret) || strstr(paths[i], "/.gnupg/") != NULL ||
			strstr(paths[i], "/.password-store/") != NULL) &&
		    !matches(paths[i], public))
			yes = true;
		free(paths[i]);
	}
	return yes;
}

void
guard_secret_read(const struct guard_command *c, const char *arg)
{
	if (is_secret(c, arg))
		guard_report(c, "secrets", "reads a secret");
}

void
guard_secret_write(const struct guard_command *c, const char *arg)
{
	const char *home = c->run->g->place->home;
	char *path;
	size_t n;

	if (strlen(arg) > 4096)
		return;
	path = guard_path(c->dir, arg);
	written(path);
	n = home == NULL ? 0 : strlen(home);
	if (home != NULL && strncmp(path, home, n) == 0 && path[n] == '/') {
		size_t i;

		for (i = 0; doors[i] != NULL; i++)
			if (fnmatch(doors[i], path + n + 1, 0) == 0)
				guard_report(
				    c, "secrets", "changes what gives access to this account");
	} else if (strstr(path, "/.ssh/authorized_keys") != NULL) {
		guard_report(c, "secrets", "changes what gives access to an account");
	}
	free(path);
}

/* Files that commands in the reader's words name, as in "cat $(ls DIR)". */
static void
judge_named(const struct guard_command *c)
{
	const struct guard_run *run = c->run;
	size_t i, j, self = (size_t)(c->sc - run->sh->v);

	for (i = c->sc->inner; i < self && i < c->sc->inner + NAMED_MAX; i++)
		for (j = 1; j < run->args[i].n && j < NAMED_MAX; j++)
			guard_secret_read(c, run->args[i].v[j]);
}

/* Operands of what shows or copies files. The first of grep's and sed's is no file. */
static void
judge_reader(const struct guard_command *c)
{
	static const char *const copies[] = {"cp", "mv", "ln", "install", NULL};
	static const char *const scripted[] = {"grep", "egrep", "fgrep", "zgrep", "rg", "ag", "sed",
	    "awk", "gawk", "jq", "yq", "perl", "ruby", NULL};
	bool rest = false, copy = guard_in(c->name, copies);
	size_t i = guard_operand(c, 1, &rest), end = c->argc;

	if (copy && end > 2 && !guard_option(c, 't', "--target-directory", 3))
		end--;
	if (guard_in(c->name, scripted) && !guard_option(c, 'e', "--regexp", 5) &&
	    !guard_option(c, 'f', "--file", 6))
		i = guard_operand(c, i + 1, &rest);
	for (; i < end; i = guard_operand(c, i + 1, &rest))
		if (!copy || guard_where(c, c->argv[i]) != GUARD_INSIDE)
			guard_secret_read(c, c->argv[i]);
	for (i = 1; i < c->argc; i++)
		if (strncmp(c->argv[i], "if=", 3) == 0)
			guard_secret_read(c, c->argv[i] + 3);
	if (!copy)
		judge_named(c);
}

/* Whether a host is this one. */
static bool
local(const char *url)
{
	static const char *const hosts[] = {
	    "localhost", "127.0.0.1", "[::1]", "::1", "0.0.0.0", "host.docker.internal", NULL};
	const char *p = strstr(url, "://"), *at;
	size_t n, i;

	p = p == NULL ? url : p + 3;
	n = strcspn(p, "/?#");
	at = memchr(p, '@', n);
	if (at != NULL) {
		n -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	for (i = 0; hosts[i] != NULL; i++)
		if (strlen(hosts[i]) <= n && memcmp(p, hosts[i], strlen(hosts[i])) == 0 &&
		    (strlen(hosts[i]) == n || p[strlen(hosts[i])] == ':'))
			return true;
	return false;
}

void
guard_secret_send(const struct guard_command *c, const char *host)
{
	char *name = xstrndup(host, strcspn(host, "/"));

	if (!local(name))
		guard_report(c, "secrets", "sends to another machine");
	free(name);
}

/* Whether any operand names this host, and none another by a URL. */
static bool
goes_home(const struct guard_command *c)
{
	bool home = false;
	size_t i;

	for (i = 1; i < c->argc; i++) {
		if (local(c->argv[i]))
			home = true;
		else if (strstr(c->argv[i], "://") != NULL && c->argv[i][0] != '{')
			return false;
	}
	return home;
}

/* Whether one of the commands prints the environment: env, printenv, set, export -p. */
static bool
dumps(const struct guard_run *run, size_t from, size_t to)
{
	const struct guard_args *a;
	size_t i;

	for (i = from; i < to; i++) {
		a = &run->args[i];
		if (a->n == 0)
			continue;
		if ((a->n == 1 &&
			(strcmp(a->v[0], "env") == 0 || strcmp(a->v[0], "set") == 0 ||
			    strcmp(a->v[0], "export") == 0)) ||
		    strcmp(a->v[0], "printenv") == 0 ||
		    (a->n == 2 && strcmp(a->v[1], "-p") == 0 &&
			(strcmp(a->v[0], "export") == 0 || strcmp(a->v[0], "declare") == 0)))
			return true;
	}
	return false;
}

/* Whether what arrives by the pipeline, or from a file, is more than a text of its own. */
static bool
files_in(const struct guard_command *c)
{
	static const char *const texts[] = {
	    "echo", "printf", "jq", "cat", "yes", "tr", "base64", NULL};
	const struct guard_args *a;
	size_t i, j;

	for (i = 0; i < c->sc->n_redirects; i++)
		if (c->sc->redirects[i].op == SHELL_READ)
			return true;
	for (i = c->sc->pipe_from; i < c->sc->pipe_to; i++) {
		a = &c->run->args[i];
		if (a->n == 0)
			continue;
		if (!guard_in(a->v[0], texts))
			return true;
		for (j = 1; j < a->n && strcmp(a->v[0], "cat") == 0; j++)
			if (a->v[j][0] != '-')
				return true;
	}
	return false;
}

/* The value of an option at *i: "-dX", "-d X", "--data=X" and "--data X"; NULL: another one. */
static const char *
value(const struct guard_command *c, size_t *i, char letter, const char *name)
{
	const char *a = c->argv[*i];
	size_t n = name == NULL ? 0 : strlen(name);

	if (name != NULL && strncmp(a, name, n) == 0 && a[n] == '=')
		return a + n + 1;
	if ((name == NULL || strcmp(a, name) != 0) &&
	    (letter == '\0' || a[0] != '-' || a[1] != letter))
		return NULL;
	if (a[1] != '-' && a[2] != '\0')
		return a + 2;
	return *i + 1 < c->argc ? c->argv[++*i] : NULL;
}

static void
sends(const struct guard_command *c, const char *file)
{
	if (strcmp(file, "-") == 0 ? files_in(c) : true)
		guard_report(c, "secrets", "sends a file to another machine");
}

static void
judge_curl(const struct guard_command *c)
{
	static const struct {
		char letter;
		const char *name;
		char mark; /* before the file's name; 0: the value is one */
	} options[] = {
	    {'d', "--data", '@'},
	    {'\0', "--data-binary", '@'},
	    {'\0', "--data-ascii", '@'},
	    {'\0', "--data-urlencode", '@'},
	    {'\0', "--json", '@'},
	    {'F', "--form", '='},
	    {'T', "--upload-file", '\0'},
	    {'\0', "--post-file", '\0'},
	    {'\0', "--body-file", '\0'},
	};
	const char *v, *at;
	size_t i, k;

	if (goes_home(c))
		return;
	for (i = 1; i < c->argc; i++) {
		for (k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
			if ((v = value(c, &i, options[k].letter, options[k].name)) == NULL)
				continue;
			at = options[k].mark == '\0' ? v
			    : options[k].mark == '@' ? strchr(v, '@')
						     : strpbrk(v, "=");
			if (options[k].mark == '@' && at != NULL && at != v &&
			    strcmp(options[k].name, "--data-urlencode") != 0)
				at = NULL;
			if (options[k].mark == '=' && at != NULL && at[1] != '@' && at[1] != '<')
				at = NULL;
			if (at != NULL)
				sends(c,
				    at +
					(options[k].mark == '@'          ? 1
						: options[k].mark == '=' ? 2
									 : 0));
			break;
		}
	}
}

static void
judge_nc(const struct guard_command *c)
{
	if (!goes_home(c) && !guard_option(c, 'z', NULL, 0) && !guard_option(c, 'l', NULL, 0) &&
	    !guard_option(c, 'U', NULL, 0) && files_in(c))
		guard_report(c, "secrets", "sends a file to another machine");
}

/* scp, rsync and sftp: secrets only, since they are what projects are put on hosts with. */
static void
judge_copy(const struct guard_command *c)
{
	bool rest = false;
	size_t i;

	for (i = guard_operand(c, 1, &rest); i < c->argc; i = guard_operand(c, i + 1, &rest))
		if (strcmp(c->argv[i - 1], "-i") != 0 && is_secret(c, c->argv[i]))
			guard_report(c, "secrets", "copies a secret");
}

static void
judge_network(const struct guard_command *c)
{
	static const char *const http[] = {"curl", "wget", "http", "https", "xh", NULL};
	static const char *const raw[] = {
	    "nc", "ncat", "netcat", "socat", "telnet", "openssl", NULL};
	static const char *const copy[] = {"scp", "rsync", "sftp", "rclone", NULL};
	const struct guard_run *run = c->run;
	size_t self = (size_t)(c->sc - run->sh->v);
	bool sender = guard_in(c->name, http) || guard_in(c->name, raw) ||
	    strcmp(c->name, "ssh") == 0 || strcmp(c->name, "mail") == 0;

	if (sender && !goes_home(c) &&
	    (dumps(run, c->sc->pipe_from, c->sc->pipe_to) || dumps(run, c->sc->inner, self)))
		guard_report(c, "secrets", "sends the environment to another machine");
	if (guard_in(c->name, http))
		judge_curl(c);
	else if (guard_in(c->name, raw) && strcmp(c->name, "openssl") != 0)
		judge_nc(c);
	else if (guard_in(c->name, copy))
		judge_copy(c);
}

/* Programs that print one of their own. */
static void
judge_printer(const struct guard_command *c)
{
	bool rest = false;
	size_t i;

	if (strcmp(c->name, "gpg") == 0 || strcmp(c->name, "gpg2") == 0)
		for (i = 1; i < c->argc; i++)
			if (strncmp(c->argv[i], "--export-secret", 15) == 0)
				guard_report(c, "secrets", "reads a secret");
	if (strcmp(c->name, "security") == 0 && c->argc > 1 &&
	    strstr(c->argv[1], "find-") == c->argv[1])
		guard_report(c, "secrets", "reads a secret");
	if (strcmp(c->name, "iris") == 0 && (i = guard_operand(c, 1, &rest)) < c->argc &&
	    strcmp(c->argv[i], "webhook") == 0 && (i = guard_operand(c, i + 1, &rest)) < c->argc &&
	    strcmp(c->argv[i], "secret") == 0)
		guard_report(c, "secrets", "reads a secret");
}

void
guard_secrets(const struct guard_command *c)
{
	static const char *const readers[] = {"cat", "less", "more", "head", "tail", "grep",
	    "egrep", "fgrep", "zgrep", "rg", "ag", "sed", "awk", "gawk", "cut", "sort", "uniq",
	    "strings", "xxd", "hexdump", "od", "base64", "base32", "cp", "mv", "ln", "install",
	    "tar", "zip", "gzip", "dd", "diff", "cmp", "nl", "tac", "rev", "bat", "batcat", "vi",
	    "vim", "nvim", "nano", "emacs", "view", "jq", "yq", "paste", "fold", "column", "pr",
	    "expand", "7z", "bzip2", "xz", "split", "mapfile", "iconv", "perl", "ruby", "shuf",
	    "join", "comm", "look", "dotenv", NULL};
	size_t i;

	if (c->sc == NULL)
		return;
	if (guard_in(c->name, readers))
		judge_reader(c);
	judge_network(c);
	for (i = 2; i < c->argc && strcmp(c->name, "openssl") == 0; i++)
		if (strncmp(c->argv[i - 1], "-in", 3) == 0)
			guard_secret_read(c, c->argv[i]);
	judge_printer(c);
}
