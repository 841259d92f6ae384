/* SPDX-License-Identifier: MIT
 *
 * What the parts of fake-claude share: the options it was started with, the faults it can show, the
 * user lines that wait for their turn, and the few calls between the files. One process, one
 * thread; `fake` is its whole state.
 */
#ifndef FAKE_CLAUDE_FAKE_H
#define FAKE_CLAUDE_FAKE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_VERSION "2.1.330"
#define UUID_SIZE    37
#define SERVERS_MAX  4
#define TOOLS_MAX    64

/* Symbol, name, scope (P: the process from then on, T: one turn), help. */
#define FAULT_TABLE(X)                                                                             \
	X(HANG_AT_START, "hang-at-start", 'P', "read everything, answer nothing, not even EOF")    \
	X(SLOW_BYTES, "slow-bytes", 'P', "write byte by byte, long lines in pieces")               \
	X(IGNORE_TERM, "ignore-term", 'P', "ignore TERM, INT, HUP, EOF and end_session")           \
	X(NEVER_READS_STDIN, "never-reads-stdin", 'P', "answer initialize, then read no more")     \
	X(OTHER_SESSION_ID, "other-session-id", 'P', "speak with another session id")              \
	X(NOT_LOGGED_IN, "not-logged-in", 'P', "have no credentials")                              \
	X(HALF_LINE, "half-line-then-die", 'T', "write half an assistant line, exit 1")            \
	X(LINE_100MB, "line-100mb", 'T', "write one assistant line of 100 MB, then go on")         \
	X(INVALID_UTF8, "invalid-utf8", 'T', "write an assistant line that is not UTF-8")          \
	X(NUL_IN_LINE, "nul-in-line", 'T', "write an assistant line with a NUL in it")             \
	X(RESULT_FIRST, "result-before-init", 'T', "write the result before the init line")        \
	X(DOUBLE_RESULT, "double-result", 'T', "write the result twice")                           \
	X(NO_RESULT, "exit-without-result", 'T', "answer, then exit 0 without a result")           \
	X(API_ERROR, "api-error", 'T', "result: success, is_error true, api_error_status 400")     \
	X(GRANDCHILD, "grandchild-keeps-pipe", 'T', "leave a child holding the pipes, exit 0")     \
	X(CRASH_MID_TURN, "crash-mid-turn", 'T', "SIGKILL itself after `started`")                 \
	X(CRASH_BEFORE_SEEN, "crash-before-seen", 'T', "SIGKILL itself on reading the user line")  \
	X(IS_ERROR_NULL, "result-not-is-error-null", 'T', "result with is_error null")             \
	X(SILENT_TURN, "silent-turn", 'T', "say `started`, then nothing for ever")

enum fault_bit {
#define X(sym, name, scope, help) FAULT_BIT_##sym,
	FAULT_TABLE(X)
#undef X
	    FAULT_BIT_COUNT
};
#define FAULT(sym) (1u << FAULT_BIT_##sym)

struct opts {
	const char *session_id;
	const char *resume;
	const char *permission_mode;
	const char *model;
	const char *allowed_tools;
	const char *prompt; /* text mode only */
	bool stream_in, stream_out;
	bool partial, replay, prompt_stdio, fork_session, persist, state_events;
	char *args; /* the command line, for ARGS */
};

/* A user line that was read and not yet taken. */
struct user_line {
	struct user_line *next;
	char uuid[UUID_SIZE];
	cJSON *content; /* owned: string or array of blocks, as it came */
	char *text;     /* owned: its text */
};

/* An in-band MCP server (the host on the other end of the pipe plays it). */
struct server {
	char name[64];
	bool connected, ready;
	size_t ntools;
	char tools[TOOLS_MAX][128]; /* full names: mcp__<server>__<tool> */
};

struct fake {
	struct opts opt;
	char session[UUID_SIZE];
	char *cwd;          /* real path */
	char *transcript;   /* path of the session's file */
	unsigned faults;    /* of the process */
	unsigned turn_env;  /* turn faults that came with the environment */
	bool busy;          /* a turn is running */
	bool interrupted;   /* the running turn shall stop */
	bool quit;          /* end after the running turn */
	bool eof;           /* stdin is closed */
	bool last_is_error; /* of the last result: the exit status */
	struct user_line *queue;
	struct server servers[SERVERS_MAX];
	size_t nservers;
	double cost; /* of the session, accumulated */
	int64_t input_tokens, output_tokens;
	int results;
	volatile pid_t shell; /* leader of the command that runs, or 0 */
};

extern struct fake fake;

/* io.c: lines in, lines out, waiting. */
enum wait { WAIT_DONE, WAIT_INTERRUPTED, WAIT_TIMEOUT };
void io_init(void);
/*
 * Read and handle what is there; waits up to ms for it, or for extra_fd (-1: none) to be readable.
 */
void io_pump(int ms, int extra_fd);
/* Pump until done(arg), an interrupt, or ms milliseconds. */
enum wait io_wait(bool (*done)(void *), void *arg, int64_t ms);
/* Wait without a condition. */
enum wait io_sleep(int64_t ms);
void io_raw(const char *data, size_t len);
/* Write an object as a line; both take it. out_event adds uuid and session_id. */
void out_line(cJSON *obj);
void out_event(cJSON *obj);
void out_state(const char *state);
void out_lifecycle(const char *command_uuid, const char *state);
_Noreturn void die(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* End without looking back: what is held is the kernel's to free. */
_Noreturn void end_now(int status);
_Noreturn void hang(void);
void make_uuid(char out[UUID_SIZE]);

/* faults.c */
unsigned fault_from_names(const char *list);
/* The faults that a user text asks for (`FAULT name`). */
unsigned fault_from_text(const char *text);
unsigned fault_turn_mask(void);
/* FAKE_CLAUDE_FAULT or .fake-claude-fault in the directory, once or always. */
void fault_load(void);
void fault_help(void);

/* control.c */
void control_request(const cJSON *line);
void control_response(const cJSON *line);
/*
 * Ask the host and wait. Answers the `response` object (owned by the caller) or NULL with *why set.
 */
cJSON *control_ask(cJSON *request, const char **why);
/* The same with a time in ms, after which *why is CONTROL_LATE. */
cJSON *control_ask_within(cJSON *request, int64_t ms, const char **why);
#define CONTROL_LATE    "timed out"
#define CONTROL_REFUSED "the host answered with an error"
/* Tell the host that the last question needs no answer any more. */
void control_withdraw(void);
/* True when the in-band servers are listed, or will never be. */
bool control_servers_settled(void *unused);
struct server *control_server_of(const char *tool);

/*
 * hook.c: what the host's PreToolUse hooks say. refusal (malloc'ed) is set with HOOK_DENY; with
 * HOOK_ASK the input may be replaced.
 */
enum hook_decision { HOOK_NONE, HOOK_ASK, HOOK_DENY };
void hook_register(const cJSON *initialize);
enum hook_decision hook_decide(const char *id, const char *tool, cJSON **input, char **refusal);

/* transcript.c */
void transcript_init(void);
bool transcript_exists(const char *session);
/* The path for a session of this directory, malloc'ed. */
char *transcript_path(const char *session);
void transcript_queue(const char *operation, const char *text);
void transcript_user(const char *uuid, const cJSON *content);
void transcript_assistant(const cJSON *message);
/* What the session has cost so far, from its file. */
void transcript_restore(void);

/* message.c: one reply of the "model", block by block. */
struct turn {
	struct user_line *lines; /* owned; the last one names the turn */
	char *text;              /* all of them, joined */
	unsigned faults;
	bool replayed, tagged;
	int steps;
	int64_t started;
	int64_t input_tokens, output_tokens;
	double cost;
	char *last_text; /* result.result */
	char message_id[UUID_SIZE];
	int block;
	cJSON *unwritten; /* owned: messages that are not in the transcript yet */
};
void message_begin(struct turn *t);
/* pace > 0: word by word over so many ms. False when interrupted. */
bool message_text(struct turn *t, const char *text, int64_t pace);
void message_tool_use(struct turn *t, const char *id, const char *tool, const cJSON *input);
void message_end(struct turn *t, const char *stop_reason);
/* As the real one, write the blocks when their stop reason is known; NULL: it never will be. */
void message_write(struct turn *t, const char *stop_reason);
void message_synthetic(struct turn *t, const char *text, const char *error, int status);
void message_replay(struct turn *t);
/* What a usage object costs, at the list price of the model that is played. */
double message_cost(const cJSON *usage);

/* turn.c */
void turn_run(struct user_line *lines);

/* directive.c: what the text asks for. False when the turn was interrupted. */
bool directive_run(struct turn *t);
bool directive_next(const char **cursor, char *name, size_t size, char **arg);

/* tool.c. Both answer the text of the tool's result, malloc'ed; NULL when interrupted. */
char *tool_call(struct turn *t, const char *tool, cJSON *input);
char *tool_bash(struct turn *t, const char *command);
char *tool_perm(struct turn *t, const char *arg);

/* answer.c: the demo agent's answer from the files of its directory, malloc'ed. */
char *answer_make(const char *text);

#endif
