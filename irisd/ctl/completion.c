/* SPDX-License-Identifier: MIT
 *
 * Completion scripts for bash and zsh, made from the command table. share/completions holds what
 * this prints, and a test compares the two. Team names come from `iris team list --names` at the
 * time of completion.
 */
#include <stdio.h>
#include <string.h>

#include "irisd/ctl/ctl.h"

static bool
same_first_word(const char *a, const char *b)
{
	size_t n = strcspn(a, " ");

	return n == strcspn(b, " ") && strncmp(a, b, n) == 0;
}

/* The first words of all commands, each once. */
static void
print_first_words(void)
{
	const char *sep = "";
	size_t i;

	for (i = 0; i < ctl_ncommands; i++) {
		if (i > 0 && same_first_word(ctl_commands[i].name, ctl_commands[i - 1].name))
			continue;
		printf(
		    "%s%.*s", sep, (int)strcspn(ctl_commands[i].name, " "), ctl_commands[i].name);
		sep = " ";
	}
}

/* The first of a family: the commands whose names have two words, of which the first is its. */
static bool
begins_family(size_t i)
{
	const char *name = ctl_commands[i].name;

	return strchr(name, ' ') != NULL &&
	    (i == 0 || !same_first_word(name, ctl_commands[i - 1].name));
}

static void
print_families(void)
{
	size_t i;

	for (i = 0; i < ctl_ncommands; i++)
		if (begins_family(i))
			printf(" | %.*s", (int)strcspn(ctl_commands[i].name, " "),
			    ctl_commands[i].name);
}

static void
print_second_words(const char *family)
{
	const char *sep = "";
	size_t i, len = strcspn(family, " ");

	for (i = 0; i < ctl_ncommands; i++) {
		if (!same_first_word(ctl_commands[i].name, family))
			continue;
		printf("%s%s", sep, ctl_commands[i].name + len + 1);
		sep = " ";
	}
}

static void
print_option_words(const struct ctl_option *o)
{
	const struct ctl_option *g = ctl_global_options;

	for (; o != NULL && o->name != NULL; o++)
		printf("--%s%s ", o->name, o->arg != NULL ? "=" : "");
	for (; g->name != NULL; g++)
		printf("%s--%s", g == ctl_global_options ? "" : " ", g->name);
}

static void
print_bash_operand(enum ctl_complete what, const char *words)
{
	if (what == CTL_COMPLETE_TEAM)
		printf("COMPREPLY=($(compgen -W \"$(iris team list --names 2>/dev/null)\" "
		       "-- \"$cur\"))");
	else if (what == CTL_COMPLETE_DIR)
		printf("COMPREPLY=($(compgen -d -- \"$cur\"))");
	else if (what == CTL_COMPLETE_WORDS)
		printf("COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", words);
}

/* Values of options that have a choice of words or are teams: --name=VALUE and --name VALUE. */
static void
print_bash_values(const struct ctl_command *cmd)
{
	const struct ctl_option *o = cmd->options;
	bool any = false;

	for (; o != NULL && o->name != NULL; o++) {
		bool team = o->arg != NULL && strcmp(o->arg, "TEAM") == 0;
		if (o->choices == NULL && !team)
			continue;
		if (!any)
			printf("\t\tcase $opt in\n");
		any = true;
		printf("\t\t--%s", o->name);
		if (o->letter)
			printf(" | -%c", o->letter);
		printf(") ");
		print_bash_operand(team ? CTL_COMPLETE_TEAM : CTL_COMPLETE_WORDS, o->choices);
		printf("; return ;;\n");
	}
	if (any)
		printf("\t\tesac\n");
}

static void
print_bash_command(const struct ctl_command *cmd)
{
	int i;

	printf("\t\"%s\"", cmd->name);
	if (cmd->alias != NULL)
		printf(" | \"%s\"", cmd->alias);
	printf(")\n");
	print_bash_values(cmd);
	printf("\t\tcase $cur in\n\t\t-*) COMPREPLY=($(compgen -W \"");
	print_option_words(cmd->options);
	printf("\" -- \"$cur\")) ;;\n\t\tesac\n");
	for (i = 0; i < 2; i++) {
		if (cmd->complete[i] == CTL_COMPLETE_NONE)
			continue;
		printf("\t\tif [ \"$n\" -%s 0 ] && [[ $cur != -* ]]; then ", i == 0 ? "eq" : "gt");
		print_bash_operand(cmd->complete[i], cmd->words);
		printf("; fi\n");
	}
	printf("\t\t;;\n");
}

static void
print_bash(void)
{
	size_t i;

	printf(
	    "# bash completion for iris, printed by \"iris completion bash\"\n\n_iris() {\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} opt=${COMP_WORDS[COMP_CWORD - 1]} cmd= i n=0 w\n"
	    "\tCOMPREPLY=()\n"
	    "\t# readline splits at \"=\"\n"
	    "\tif [ \"$cur\" = \"=\" ]; then cur=; fi\n"
	    "\tif [ \"$opt\" = \"=\" ]; then opt=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tw=${COMP_WORDS[i]}\n"
	    "\t\tcase $w in\n\t\t-*) continue ;;\n\t\tesac\n"
	    "\t\tcase $cmd in\n"
	    "\t\t\"\"");
	print_families();
	printf(") cmd=${cmd:+$cmd }$w ;;\n"
	       "\t\t*) n=$((n + 1)) ;;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\tcase $cmd in\n\t\"\") COMPREPLY=($(compgen -W \"");
	print_first_words();
	printf(" ");
	print_option_words(NULL);
	printf("\" -- \"$cur\")) ;;\n");
	for (i = 0; i < ctl_ncommands; i++) {
		const char *name = ctl_commands[i].name;
		size_t len = strcspn(name, " ");
		if (begins_family(i)) {
			printf("\t%.*s) COMPREPLY=($(compgen -W \"", (int)len, name);
			print_second_words(name);
			printf("\" -- \"$cur\")) ;;\n");
		}
		print_bash_command(&ctl_commands[i]);
	}
	printf("\tesac\n\tif [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace; fi\n}\n"
	       "complete -F _iris iris\n");
}

/* Text inside '...[...]' of _arguments: brackets, colons and quotes mean something there. */
static void
print_zsh_text(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			fputs("'\\''", stdout);
		else if (strchr("[]:\\", *s) != NULL)
			printf("\\%c", *s);
		else
			putchar(*s);
	}
}

static void
print_zsh_option(const struct ctl_option *o)
{
	bool team = o->arg != NULL && strcmp(o->arg, "TEAM") == 0;
	int pass;

	for (pass = 0; pass < (o->letter ? 2 : 1); pass++) {
		if (pass == 0)
			printf(" \\\n\t\t\t'--%s%s[", o->name, o->arg != NULL ? "=" : "");
		else
			printf(" \\\n\t\t\t'-%c%s[", o->letter, o->arg != NULL ? "+" : "");
		print_zsh_text(o->help);
		printf("]");
		if (o->arg != NULL) {
			printf(":");
			print_zsh_text(o->arg);
			if (o->choices != NULL)
				printf(":(%s)", o->choices);
			else
				printf(":%s", team ? "_iris_teams" : " ");
		}
		printf("'");
	}
}

static void
print_zsh_operand(const char *position, enum ctl_complete what, const char *words)
{
	if (what == CTL_COMPLETE_TEAM)
		printf(" \\\n\t\t\t'%s:team:_iris_teams'", position);
	else if (what == CTL_COMPLETE_DIR)
		printf(" \\\n\t\t\t'%s:directory:_files -/'", position);
	else if (what == CTL_COMPLETE_WORDS)
		printf(" \\\n\t\t\t'%s:word:(%s)'", position, words);
	else
		printf(" \\\n\t\t\t'%s: : '", position);
}

static void
print_zsh_command(const struct ctl_command *cmd)
{
	const struct ctl_option *o;

	printf("\t'%s'", cmd->name);
	if (cmd->alias != NULL)
		printf(" | '%s'", cmd->alias);
	printf(")\n\t\t_arguments -s");
	for (o = cmd->options; o != NULL && o->name != NULL; o++)
		print_zsh_option(o);
	for (o = ctl_global_options; o->name != NULL; o++)
		print_zsh_option(o);
	if (cmd->max != 0)
		print_zsh_operand("1", cmd->complete[0], cmd->words);
	if (cmd->max < 0 || cmd->max > 1)
		print_zsh_operand("*", cmd->complete[1], cmd->words);
	printf(" ;;\n");
}

static void
print_zsh(void)
{
	size_t i;

	printf("#compdef iris\n# zsh completion for iris, printed by \"iris completion zsh\"\n\n"
	       "_iris_teams() {\n\tlocal -a teams\n"
	       "\tteams=(${(f)\"$(iris team list --names 2>/dev/null)\"})\n"
	       "\tcompadd -a teams\n}\n\n"
	       "_iris() {\n\tlocal cmd=${words[2]}\n"
	       "\tif (( CURRENT == 2 )); then\n\t\tcompadd ");
	print_first_words();
	printf("\n\t\treturn\n\tfi\n\tcase $cmd in\n");
	for (i = 0; i < ctl_ncommands; i++) {
		const char *name = ctl_commands[i].name;
		size_t len = strcspn(name, " ");
		if (!begins_family(i))
			continue;
		printf("\t%.*s)\n\t\tif (( CURRENT == 3 )); then\n\t\t\tcompadd ", (int)len, name);
		print_second_words(name);
		printf("\n\t\t\treturn\n\t\tfi\n\t\tcmd=\"$cmd ${words[3]}\"\n"
		       "\t\tshift words\n\t\t(( CURRENT-- )) ;;\n");
	}
	printf("\tesac\n\tshift words\n\t(( CURRENT-- ))\n\tcase $cmd in\n");
	for (i = 0; i < ctl_ncommands; i++)
		print_zsh_command(&ctl_commands[i]);
	printf("\tesac\n}\n\n_iris \"$@\"\n");
}

int
ctl_completion_run(struct ctl *c, struct err *err)
{
	if (strcmp(c->operand[0], "bash") == 0)
		print_bash();
	else if (strcmp(c->operand[0], "zsh") == 0)
		print_zsh();
	else
		return err_set(err, ERR_INVALID,
		    "no completion for \"%.40s\"; there is bash and zsh", c->operand[0]);
	return 0;
}
