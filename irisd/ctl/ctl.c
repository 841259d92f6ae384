/* SPDX-License-Identifier: MIT
 *
 * main() of `iris`: parses, runs the command, and turns its end into an exit status. The only place
 * that prints errors and the only one that knows whether they go out as text or as JSON. Also the
 * small helpers that every command uses.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

void
ctl_print_json(cJSON *tree)
{
	char *text = json_print(tree);

	puts(text);
	free(text);
	cJSON_Delete(tree);
}

bool
ctl_can_ask(void)
{
	return isatty(STDIN_FILENO) && term.err_tty;
}

bool
ctl_confirm(const char *question)
{
	char line[16];

	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (fgets(line, sizeof line, stdin) == NULL) {
		fputc('\n', stderr);
		return false;
	}
	line[strcspn(line, "\n")] = '\0';
	return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}

static void
print_error(const struct ctl *c, const struct err *err)
{
	cJSON *tree, *inner;

	if (!c->json) {
		fprintf(stderr, "%siris:%s ", term_on(stderr, TERM_RED), term_off(stderr));
		term_print(stderr, err->msg, true);
		fputc('\n', stderr);
		return;
	}
	tree = json_new();
	inner = json_new();
	json_put_str(inner, "code", err_name(err->code));
	json_put_str(inner, "message", err->msg);
	json_put(tree, "error", inner);
	ctl_print_json(tree);
}

/* The parser may have failed before it came to --json. */
static bool
wants_json(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

/* Output that could not be written is a failure, however well the command went. */
static int
finish(int status)
{
	if (fflush(stdout) == EOF || ferror(stdout)) {
		fprintf(stderr, "iris: can not write to standard output: %s\n", strerror(errno));
		return err_exit_status(ERR_IO);
	}
	return status;
}

static int
run(struct ctl *c, struct err *err)
{
	if (c->version) {
		if (c->json)
			printf("{\"version\":\"%s\"}\n", IRIS_VERSION);
		else
			printf("iris %s\n", IRIS_VERSION);
		return 0;
	}
	if (c->cmd == NULL && c->help && c->noperands == 1)
		ctl_print_family(c->operand[0]);
	else if (c->help)
		ctl_print_help(c->cmd);
	if (c->help)
		return 0;
	if (c->cmd == NULL && c->json)
		return err_set(err, ERR_INVALID, "no command; \"iris help\" lists them");
	if (c->cmd == NULL) {
		ctl_print_help(NULL);
		return err_exit_status(ERR_INVALID);
	}
	if (paths_init(&c->paths, err) == -1)
		return -1;
	return c->cmd->run(c, err);
}

int
main(int argc, char **argv)
{
	bool json = wants_json(argc, argv);
	struct err err = {0};
	struct ctl c = {0};
	int status, parsed;

	json_init();
	parsed = ctl_parse(&c, argc, argv, &err);
	log_init("iris", c.verbose ? LOG_DEBUG : LOG_WARN);
	term_init(c.no_color);
	if (parsed == -1) {
		c.json |= json;
		print_error(&c, &err);
		if (!c.json)
			fprintf(stderr, "\"iris help%s%s\" shows how it is used.\n",
			    c.cmd ? " " : "", c.cmd ? c.cmd->name : "");
		return finish(err_exit_status(err.code));
	}
	if ((status = run(&c, &err)) == -1) {
		fflush(stdout);
		print_error(&c, &err);
		status = err_exit_status(err.code);
	}
	return finish(status);
}
