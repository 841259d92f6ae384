/* SPDX-License-Identifier: MIT
 *
 * The admin CLI `iris`. Every command is one struct ctl_command in the table of ctl.c, with its
 * options, its operands and its function; the parser, the help and the shell completions are made
 * from that table alone.
 *
 * A command never prints an error: it fills struct err and returns -1, and main() prints it, as
 * text on standard error or as JSON on standard output, and exits with the status of
 * common/err_table.h.
 */
#ifndef IRIS_CTL_CTL_H
#define IRIS_CTL_CTL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/call.h"
#include "common/err.h"
#include "common/paths.h"

#define CTL_OPTIONS_MAX 16
#define CTL_INTERRUPTED 130 /* exit status after Ctrl-C, as a shell reports it */

struct ctl_option {
	const char *name; /* long name, without the dashes */
	char letter;      /* 0: none */
	const char *arg;  /* how help names the value; NULL: a flag */
	const char *help;
	const char *choices; /* values for the completion, separated by blanks, or NULL */
};

/* What an operand is, for the completion. */
enum ctl_complete { CTL_COMPLETE_NONE, CTL_COMPLETE_TEAM, CTL_COMPLETE_DIR, CTL_COMPLETE_WORDS };

struct ctl;

struct ctl_command {
	const char *name;                 /* one or two words: "ask", "team add" */
	const char *alias;                /* another name, or NULL */
	const char *operands;             /* for the usage line: "NAME [PATH]" */
	int min, max;                     /* how many operands; max -1: any number */
	enum ctl_complete complete[2];    /* the first operand, the others */
	const char *words;                /* for CTL_COMPLETE_WORDS */
	const char *summary;              /* one line */
	const char *detail;               /* more lines for the help, or NULL */
	const struct ctl_option *options; /* ended by a NULL name; NULL: none */
	/* The exit status, or -1 with err filled. */
	int (*run)(struct ctl *c, struct err *err);
};

/* One run of the program. */
struct ctl {
	const struct ctl_command *cmd;
	/* By index in cmd->options: the value, "" for a flag, NULL when absent. */
	const char *opt[CTL_OPTIONS_MAX];
	char **operand;
	int noperands;
	bool json, quiet, verbose, no_color, help, version;
	struct paths paths;
};

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_ncommands;
extern const struct ctl_option ctl_global_options[];

/*
 * parse.c: fill c from argv. -1 with ERR_INVALID and, where one is near, the name that may have
 * been meant.
 */
int ctl_parse(struct ctl *c, int argc, char **argv, struct err *err);
/* The value of an option of the command, "" for a flag that was given, NULL when it was not. */
const char *ctl_opt(const struct ctl *c, const char *name);
/* "500", "500ms", "30s", "5m", "2h": milliseconds. */
int ctl_duration(const char *text, int64_t *ms, struct err *err);
/* "30d", "12h", "90m", more than nothing: milliseconds. what names it in the error. */
int ctl_lifetime(const char *text, const char *what, int64_t *ms, struct err *err);
/* A whole number within the limits; what names it in the error. */
int ctl_number(
    const char *text, const char *what, int64_t min, int64_t max, int64_t *out, struct err *err);

/* help.c */
void ctl_print_help(const struct ctl_command *cmd); /* NULL: the overview */
void ctl_print_family(const char *family);
const char *ctl_usage(const struct ctl_command *cmd, char *buf, size_t size);
int ctl_help_run(struct ctl *c, struct err *err);
int ctl_completion_run(struct ctl *c, struct err *err);

/*
 * connect.c: a connection in role ctl. start: start irisd when none runs; otherwise
 * ERR_UNAVAILABLE.
 */
int ctl_connect(struct ctl *c, bool start, int *started, struct call *call, struct err *err);
/* Say hello on a connected descriptor, which is taken. */
int ctl_hello(struct ctl *c, int fd, struct call *call, struct err *err);
/* One request over a connection of its own. */
int ctl_call(struct ctl *c, bool start, const char *method, cJSON *params, int timeout_ms,
    cJSON **result, struct err *err);

/*
 * A call that somebody waits for, over a connection of its own: as ctl_call, but tick (may be NULL)
 * is called every tick_ms, and Ctrl-C ends the wait with ERR_CANCELLED and interrupted set; the call
 * itself goes on in irisd.
 *
 * It outlives irisd: when the connection is lost, irisd is started where need be, and asked the same
 * again, so params must be such that this does no harm. It gives up only after a number of losses in
 * a row without anything having come of it. An irisd that answers that it was stopped stays stopped.
 */
struct ctl_wait {
	call_notify_cb notify;
	void (*tick)(void *arg);
	void (*lost)(bool back, void *arg); /* the connection is lost, is back; NULL: say so */
	void *arg;
	int tick_ms;       /* 0: no ticks */
	const char *limit; /* a member of params that is a time to wait, in ms; or NULL */
	bool interrupted;
	bool refused; /* the error is irisd's own answer */
	bool heard;   /* irisd has told something on the present connection */
};
int ctl_wait_call(struct ctl *c, bool start, const char *method, cJSON *params, int64_t timeout_ms,
    struct ctl_wait *w, cJSON **result, struct err *err);

/* Print a tree as one line on standard output, and free it. */
void ctl_print_json(cJSON *tree);
/*
 * Ask on the terminal; false unless the answer is yes. Only when both standard input and error are
 * terminals.
 */
bool ctl_confirm(const char *question);
bool ctl_can_ask(void);

/*
 * message.c: the receipts of a message as a table, and what a message that has failed makes of the
 * exit status.
 */
void ctl_print_ladder(const cJSON *message);
int ctl_message_err(const cJSON *message, struct err *err);

/* The commands. */
int ctl_start_run(struct ctl *c, struct err *err);
int ctl_stop_run(struct ctl *c, struct err *err);
int ctl_restart_run(struct ctl *c, struct err *err);
int ctl_reload_run(struct ctl *c, struct err *err);
int ctl_status_run(struct ctl *c, struct err *err);
int ctl_doctor_run(struct ctl *c, struct err *err);
int ctl_team_add_run(struct ctl *c, struct err *err);
int ctl_team_list_run(struct ctl *c, struct err *err);
int ctl_team_show_run(struct ctl *c, struct err *err);
int ctl_team_remove_run(struct ctl *c, struct err *err);
int ctl_team_wake_run(struct ctl *c, struct err *err);
int ctl_team_sleep_run(struct ctl *c, struct err *err);
int ctl_ask_run(struct ctl *c, struct err *err);
int ctl_send_run(struct ctl *c, struct err *err);
int ctl_message_show_run(struct ctl *c, struct err *err);
int ctl_message_list_run(struct ctl *c, struct err *err);
int ctl_message_cancel_run(struct ctl *c, struct err *err);
int ctl_message_search_run(struct ctl *c, struct err *err);
int ctl_session_list_run(struct ctl *c, struct err *err);
int ctl_session_report_run(struct ctl *c, struct err *err);
int ctl_session_reboot_run(struct ctl *c, struct err *err);
int ctl_session_delete_run(struct ctl *c, struct err *err);
int ctl_session_compact_run(struct ctl *c, struct err *err);
int ctl_session_fork_run(struct ctl *c, struct err *err);
int ctl_log_run(struct ctl *c, struct err *err);
int ctl_key_create_run(struct ctl *c, struct err *err);
int ctl_key_list_run(struct ctl *c, struct err *err);
int ctl_key_revoke_run(struct ctl *c, struct err *err);
int ctl_dashboard_run(struct ctl *c, struct err *err);
int ctl_approvals_list_run(struct ctl *c, struct err *err);
int ctl_approvals_show_run(struct ctl *c, struct err *err);
int ctl_approvals_allow_run(struct ctl *c, struct err *err);
int ctl_approvals_deny_run(struct ctl *c, struct err *err);
int ctl_approvals_watch_run(struct ctl *c, struct err *err);
int ctl_approvals_rules_run(struct ctl *c, struct err *err);
int ctl_approvals_remember_run(struct ctl *c, struct err *err);
int ctl_approvals_revoke_run(struct ctl *c, struct err *err);
int ctl_audit_show_run(struct ctl *c, struct err *err);
int ctl_audit_verify_run(struct ctl *c, struct err *err);
int ctl_audit_export_run(struct ctl *c, struct err *err);
int ctl_remote_list_run(struct ctl *c, struct err *err);
int ctl_remote_check_run(struct ctl *c, struct err *err);
int ctl_remote_trust_run(struct ctl *c, struct err *err);
int ctl_remote_revoke_run(struct ctl *c, struct err *err);
int ctl_remote_grant_run(struct ctl *c, struct err *err);
int ctl_remote_mcp_run(struct ctl *c, struct err *err);
int ctl_webhook_list_run(struct ctl *c, struct err *err);
int ctl_webhook_show_run(struct ctl *c, struct err *err);
int ctl_webhook_retry_run(struct ctl *c, struct err *err);
int ctl_webhook_secret_run(struct ctl *c, struct err *err);
int ctl_install_run(struct ctl *c, struct err *err);
int ctl_uninstall_run(struct ctl *c, struct err *err);
int ctl_config_check_run(struct ctl *c, struct err *err);
int ctl_config_path_run(struct ctl *c, struct err *err);
int ctl_config_show_run(struct ctl *c, struct err *err);

#endif
