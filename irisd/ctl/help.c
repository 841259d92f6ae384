/* SPDX-License-Identifier: MIT
 *
 * Help from the command table. Called by main() and `iris help`.
 */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define LEFT_COLUMN 24

const char *
ctl_usage(const struct ctl_command *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "iris %s%s%s%s", cmd->name, cmd->options != NULL ? " [OPTION...]" : "",
	    cmd->operands[0] != '\0' ? " " : "", cmd->operands);
	return buf;
}

static void
print_options(const struct ctl_option *o)
{
	char left[64];

	for (; o != NULL && o->name != NULL; o++) {
		snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
		    o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
		    o->arg ? "=" : "", o->arg ? o->arg : "");
		if (strlen(left) > LEFT_COLUMN + 2)
			printf("  %s\n  %-*s  %s\n", left, LEFT_COLUMN + 2, "", o->help);
		else
			printf("  %-*s  %s\n", LEFT_COLUMN + 2, left, o->help);
		if (o->choices != NULL)
			printf("  %-*s  one of: %s\n", LEFT_COLUMN + 2, "", o->choices);
	}
}

static void
print_commands(const char *family)
{
	size_t i, len = family == NULL ? 0 : strlen(family);
	char left[128];

	for (i = 0; i < ctl_ncommands; i++) {
		const struct ctl_command *cmd = &ctl_commands[i];
		if (family != NULL &&
		    (strncmp(cmd->name, family, len) != 0 || cmd->name[len] != ' '))
			continue;
		snprintf(left, sizeof left, "%s %s", cmd->name, cmd->operands);
		if (strncmp(cmd->operands, "TEAM TEXT", 9) == 0)
			snprintf(left, sizeof left, "%s TEAM TEXT...", cmd->name);
		printf("  %-*s  %s\n", LEFT_COLUMN, left, cmd->summary);
	}
}

void
ctl_print_family(const char *family)
{
	printf("Usage: iris %s COMMAND [OPTION...]\n\n", family);
	print_commands(family);
	printf("\n\"iris help %s COMMAND\" tells more.\n", family);
}

void
ctl_print_help(const struct ctl_command *cmd)
{
	char usage[256];

	if (cmd == NULL) {
		printf("%sIris lets the Claude Code sessions of your projects work together.%s\n\n"
		       "Usage: iris COMMAND [OPTION...] [OPERAND...]\n\nCommands:\n",
		    term_on(stdout, TERM_BOLD), term_off(stdout));
		print_commands(NULL);
		printf("\nOptions of every command:\n");
		print_options(ctl_global_options);
		printf(
		    "\nTo begin:  iris install\n"
		    "           iris team add backend ~/src/backend\n"
		    "           iris ask backend \"How do you version the API?\"\n\n"
		    "\"iris help COMMAND\" tells more; iris(1) tells all, with the exit codes.\n");
		return;
	}
	printf("Usage: %s\n\n%s%c%s.\n", ctl_usage(cmd, usage, sizeof usage),
	    term_on(stdout, TERM_BOLD),
	    cmd->summary[0] - ('a' <= cmd->summary[0] && cmd->summary[0] <= 'z' ? 32 : 0),
	    cmd->summary + 1);
	fputs(term_off(stdout), stdout);
	if (cmd->detail != NULL)
		printf("%s\n", cmd->detail);
	if (cmd->alias != NULL)
		printf("Also: iris %s\n", cmd->alias);
	if (cmd->options != NULL) {
		printf("\nOptions:\n");
		print_options(cmd->options);
	}
	printf("\nOptions of every command:\n");
	print_options(ctl_global_options);
}

int
ctl_help_run(struct ctl *c, struct err *err)
{
	char *argv[4] = {NULL, NULL, NULL, NULL}, *family = NULL;
	struct ctl found = {0};
	size_t i, len;
	int n;

	if (c->noperands == 0) {
		ctl_print_help(NULL);
		return 0;
	}
	for (n = 0; n < c->noperands && n < 2; n++)
		argv[n + 1] = c->operand[n];
	found.help = true;
	for (i = 0; i < ctl_ncommands && c->noperands == 1; i++) {
		len = strcspn(ctl_commands[i].name, " ");
		if (ctl_commands[i].name[len] == ' ' && strlen(argv[1]) == len &&
		    strncmp(ctl_commands[i].name, argv[1], len) == 0)
			family = argv[1];
	}
	if (family != NULL) {
		ctl_print_family(family);
		return 0;
	}
	if (argv[1][0] == '-' || ctl_parse(&found, n + 1, argv, err) == -1)
		return argv[1][0] == '-' ? err_set(err, ERR_INVALID, "expected a command") : -1;
	ctl_print_help(found.cmd);
	return 0;
}
