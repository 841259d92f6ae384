/* SPDX-License-Identifier: MIT
 *
 * fake-claude: speaks the stream-json protocol of the Claude Code CLI 2.1.330, for tests and for
 * the demo. Started as `claude` is; needs no network and no account. What it answers is written in
 * the user's text (directives), what it does wrong is chosen by name (faults): `fake-claude --help`
 * lists both, fake.h holds the table of faults.
 *
 * tests/e2e/driver-facts.test.mjs runs the same assertions on this program and on the real CLI.
 * Known differences: no interactive mode, no user line is injected into a running tool, no NFC for
 * the directory's name.
 *
 * Faults: hang-at-start slow-bytes ignore-term never-reads-stdin other-session-id not-logged-in
 * half-line-then-die line-100mb invalid-utf8 nul-in-line result-before-init double-result
 * exit-without-result api-error grandchild-keeps-pipe crash-mid-turn crash-before-seen
 * result-not-is-error-null silent-turn. Chosen by the environment (FAKE_CLAUDE_FAULT, comma
 * separated), the file .fake-claude-fault in the working directory, or `FAULT <name>` in a user
 * text; FAKE_CLAUDE_FAULT_ONCE=<file> leaves only the first process faulty.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "fake.h"

struct fake fake = {
    .opt = {.permission_mode = "default", .model = "claude-fake-1", .persist = true},
};

enum arg { ARG_NONE, ARG_ONE, ARG_MANY };

static const struct {
	const char *name;
	enum arg arg;
} options[] = {
    {"-p", ARG_NONE},
    {"--print", ARG_NONE},
    {"--verbose", ARG_NONE},
    {"--input-format", ARG_ONE},
    {"--output-format", ARG_ONE},
    {"--permission-prompt-tool", ARG_ONE},
    {"--replay-user-messages", ARG_NONE},
    {"--include-partial-messages", ARG_NONE},
    {"--include-hook-events", ARG_NONE},
    {"--session-id", ARG_ONE},
    {"--resume", ARG_ONE},
    {"-r", ARG_ONE},
    {"--fork-session", ARG_NONE},
    {"--no-session-persistence", ARG_NONE},
    {"--model", ARG_ONE},
    {"--fallback-model", ARG_ONE},
    {"--effort", ARG_ONE},
    {"--name", ARG_ONE},
    {"-n", ARG_ONE},
    {"--permission-mode", ARG_ONE},
    {"--allowedTools", ARG_MANY},
    {"--allowed-tools", ARG_MANY},
    {"--disallowedTools", ARG_MANY},
    {"--disallowed-tools", ARG_MANY},
    {"--tools", ARG_MANY},
    {"--mcp-config", ARG_MANY},
    {"--strict-mcp-config", ARG_NONE},
    {"--settings", ARG_ONE},
    {"--setting-sources", ARG_ONE},
    {"--system-prompt", ARG_ONE},
    {"--append-system-prompt", ARG_ONE},
    {"--add-dir", ARG_MANY},
    {"--max-turns", ARG_ONE},
    {"--max-budget-usd", ARG_ONE},
    {"--agent", ARG_ONE},
    {"--agents", ARG_ONE},
    {"--dangerously-skip-permissions", ARG_NONE},
    {"--debug", ARG_NONE},
    {"--debug-file", ARG_ONE},
};

static void
help(void)
{
	printf(
	    "Usage: claude [options] [prompt]\n\n"
	    "A stand-in for the Claude Code CLI %s, for tests and for the demo.\n\n"
	    "Options are those of claude for `-p --input-format stream-json`.\n\n"
	    "In a user text (each up to the end of its line, several are done in order):\n"
	    "  ECHO text          answer the text\n"
	    "  BLOCKS a|b|c       answer in several text blocks\n"
	    "  SLOW ms [text]     write the text over so many milliseconds\n"
	    "  TOOL name {json}   call a tool of the in-band MCP server iris, answer its result\n"
	    "  BASH command       ask for permission, run the command, answer its output\n"
	    "  PERM [tool {json}] ask for permission, answer what was decided\n"
	    "  USAGE in out       report so many more tokens\n"
	    "  HOLD file          go on when the file exists (two minutes at most)\n"
	    "  ENV name           answer a variable of the environment\n"
	    "  ARGS               answer the command line\n"
	    "  RAW                answer the user text as it came\n"
	    "  FAULT name[,name]  do wrong\n"
	    "Without any of these: lines of API.md, README.md and CLAUDE.md that fit the text.\n\n"
	    "Faults, by FAULT, by FAKE_CLAUDE_FAULT or by a file .fake-claude-fault here; with\n"
	    "FAKE_CLAUDE_FAULT_ONCE=file only the first process shows them:\n",
	    FAKE_VERSION);
	fault_help();
}

static void
allow(const char *value)
{
	static char *list;
	char *longer =
	    xasprintf("%s%s%s", list == NULL ? "" : list, list == NULL ? "" : ",", value);

	free(list);
	fake.opt.allowed_tools = list = longer;
}

static void
option_set(const char *name, const char *value)
{
	struct opts *o = &fake.opt;

	if (strcmp(name, "--input-format") == 0)
		o->stream_in = strcmp(value, "stream-json") == 0;
	else if (strcmp(name, "--output-format") == 0)
		o->stream_out = strcmp(value, "stream-json") == 0;
	else if (strcmp(name, "--permission-prompt-tool") == 0)
		o->prompt_stdio = strcmp(value, "stdio") == 0;
	else if (strcmp(name, "--replay-user-messages") == 0)
		o->replay = true;
	else if (strcmp(name, "--include-partial-messages") == 0)
		o->partial = true;
	else if (strcmp(name, "--session-id") == 0)
		o->session_id = value;
	else if (strcmp(name, "--resume") == 0 || strcmp(name, "-r") == 0)
		o->resume = value;
	else if (strcmp(name, "--fork-session") == 0)
		o->fork_session = true;
	else if (strcmp(name, "--no-session-persistence") == 0)
		o->persist = false;
	else if (strcmp(name, "--model") == 0)
		o->model = value;
	else if (strcmp(name, "--permission-mode") == 0)
		o->permission_mode = value;
	else if (strcmp(name, "--dangerously-skip-permissions") == 0)
		o->permission_mode = "bypassPermissions";
	else if (strncmp(name, "--allowed", 9) == 0)
		allow(value);
}

static enum arg
option_kind(const char *name)
{
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		if (strcmp(options[i].name, name) == 0)
			return options[i].arg;
	}
	die(1, "error: unknown option '%s'", name);
}

static void
options_parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *name = argv[i], *value = NULL;
		enum arg kind;
		if (name[0] != '-') {
			fake.opt.prompt = name;
			continue;
		}
		if (strncmp(name, "--", 2) == 0 && (value = strchr(name, '=')) != NULL)
			*value++ = '\0';
		kind = option_kind(name);
		if (kind == ARG_NONE || value != NULL) {
			option_set(name, value);
			continue;
		}
		if (i + 1 >= argc)
			die(1, "error: option '%s' argument missing", name);
		option_set(name, argv[++i]);
		while (kind == ARG_MANY && i + 1 < argc && argv[i + 1][0] != '-')
			option_set(name, argv[++i]);
	}
}

static bool
is_uuid(const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : strchr("0123456789abcdefABCDEF", s[i]) == NULL)
			return false;
	}
	return i == UUID_SIZE - 1;
}

/* As the real CLI: told on stderr and in a result line, before any input. */
_Noreturn static void
resume_unknown(const char *id)
{
	char *text = xasprintf("No conversation found with session ID: %s", id);
	cJSON *o = json_new(), *errors = cJSON_CreateArray();

	fprintf(stderr, "%s\n", text);
	cJSON_AddItemToArray(errors, cJSON_CreateString(text));
	free(text);
	json_put_str(o, "type", "result");
	json_put_str(o, "subtype", "error_during_execution");
	json_put_int(o, "duration_ms", 0);
	json_put_int(o, "duration_api_ms", 0);
	json_put_bool(o, "is_error", true);
	json_put_int(o, "num_turns", 0);
	json_put_null(o, "stop_reason");
	json_put_num(o, "total_cost_usd", 0);
	json_put(o, "usage", json_new());
	json_put(o, "modelUsage", json_new());
	json_put(o, "permission_denials", cJSON_CreateArray());
	json_put(o, "errors", errors);
	json_put_int(o, "result_index", 0);
	out_event(o);
	end_now(1);
}

static void
session_choose(void)
{
	const char *id = fake.opt.session_id, *resume = fake.opt.resume;

	if (id != NULL && !is_uuid(id))
		die(1, "Error: Invalid session ID. Must be a valid UUID.");
	if (id != NULL && resume != NULL && !fake.opt.fork_session)
		die(1,
		    "Error: --session-id can only be used with --continue or --resume if "
		    "--fork-session is also specified.");
	if (id != NULL && transcript_exists(id))
		die(1, "Error: Session ID %s is already in use.", id);
	make_uuid(fake.session);
	if (id != NULL)
		memcpy(fake.session, id, UUID_SIZE);
	else if (resume != NULL && is_uuid(resume) && !fake.opt.fork_session)
		memcpy(fake.session, resume, UUID_SIZE);
	if (resume != NULL && (!is_uuid(resume) || !transcript_exists(resume)))
		resume_unknown(resume);
	transcript_init();
	transcript_restore();
	if (fake.faults & FAULT(OTHER_SESSION_ID))
		make_uuid(fake.session);
}

/* `claude auth status`, in JSON as the real one prints it by default. */
static int
auth_status(int argc, char **argv)
{
	bool in = !(fake.faults & FAULT(NOT_LOGGED_IN)), text = false;
	const char *home = getenv("HOME"), *config = getenv("CLAUDE_CONFIG_DIR");

	for (int i = 3; i < argc; i++)
		text = text || strcmp(argv[i], "--text") == 0;
	if (text) {
		puts(in ? "API key: fake-claude"
			: "Not logged in. Run claude auth login to authenticate.");
		return in ? 0 : 1;
	}
	printf("{\n  \"loggedIn\": %s,\n  \"authMethod\": \"%s\",\n", in ? "true" : "false",
	    in ? "api_key" : "none");
	printf("  \"apiProvider\": \"firstParty\",\n  \"analyticsDisabled\": true,\n");
	printf("  \"configDirectory\": \"%s%s\",\n",
	    config != NULL     ? config
		: home == NULL ? ""
			       : home,
	    config != NULL ? "" : "/.claude");
	printf("  \"loginExpiresAt\": null,\n  \"consoleProfileSignInOffered\": true%s\n}\n",
	    in ? ",\n  \"apiKeySource\": \"fake-claude\"" : "");
	return in ? 0 : 1;
}

static int
subcommand(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-v") == 0) {
			puts(FAKE_VERSION " (Claude Code fake)");
			return 0;
		}
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help();
			return 0;
		}
	}
	if (argc > 2 && strcmp(argv[1], "auth") == 0 && strcmp(argv[2], "status") == 0)
		return auth_status(argc, argv);
	return -1;
}

/* Text mode: one turn for the prompt of the command line, or for all of stdin. */
static void
text_mode(void)
{
	struct user_line *u = xcalloc(1, sizeof *u);
	char buf[65536] = "";
	size_t n;

	if (fake.opt.prompt == NULL) {
		n = fread(buf, 1, sizeof buf - 1, stdin);
		buf[n] = '\0';
	}
	if (fake.opt.prompt == NULL && buf[0] == '\0')
		die(1,
		    "Error: Input must be provided either through stdin or as a prompt argument "
		    "when using --print");
	fake.eof = true;
	make_uuid(u->uuid);
	u->text = xstrdup(fake.opt.prompt != NULL ? fake.opt.prompt : buf);
	u->content = cJSON_CreateString(u->text);
	turn_run(u);
}

static void
stream_mode(void)
{
	struct user_line *lines;
	bool stubborn = (fake.faults & FAULT(HANG_AT_START)) != 0;

	while (!fake.eof || fake.queue != NULL) {
		if ((lines = fake.queue) != NULL && !stubborn) {
			fake.queue = NULL;
			turn_run(lines);
		} else {
			io_pump(-1, -1);
		}
	}
	if (stubborn || (fake.faults & FAULT(IGNORE_TERM)))
		hang();
}

static char *
join_args(int argc, char **argv)
{
	char *text = xstrdup("");

	for (int i = 1; i < argc; i++) {
		char *joined = xasprintf("%s%s%s", text, i > 1 ? " " : "", argv[i]);
		free(text);
		text = joined;
	}
	return text;
}

int
main(int argc, char **argv)
{
	char cwd[PATH_MAX];
	int status;

	json_init();
	fault_load();
	if ((status = subcommand(argc, argv)) != -1)
		return status;
	fake.opt.args = join_args(argc, argv);
	options_parse(argc, argv);
	fake.opt.state_events = getenv("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS") != NULL;
	if (realpath(".", cwd) == NULL)
		die(1, "fake-claude: the working directory is gone");
	fake.cwd = cwd;
	io_init();
	session_choose();
	if (fake.opt.stream_in)
		stream_mode();
	else
		text_mode();
	return fake.last_is_error ? 1 : 0;
}
