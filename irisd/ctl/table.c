/* SPDX-License-Identifier: MIT
 *
 * The table of all commands of iris(1): names, operands, options, help. Owns nothing else; the
 * parser, the help and the completions read it. iris(1) describes the same, and a test compares the
 * two.
 */
#include "irisd/ctl/ctl.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, 0, NULL, NULL, NULL                                                          \
	}

const struct ctl_option ctl_global_options[] = {
    {"json", 0, NULL, "print one JSON document on standard output, also for errors", NULL},
    {"no-color", 0, NULL, "no colours (NO_COLOR in the environment does the same)", NULL},
    {"quiet", 'q', NULL, "no progress and no summaries on standard error", NULL},
    {"verbose", 'v', NULL, "say on standard error what is contacted, and each step", NULL},
    {"help", 'h', NULL, "print help and exit", NULL},
    {"version", 'V', NULL, "print the version and exit", NULL},
    END,
};

static const struct ctl_option team_add_options[] = {
    {"description", 'd', "TEXT", "what the team knows and does, for those who ask it", NULL},
    {"color", 'c', "#RRGGBB", "its colour in the dashboard", NULL},
    {"idle-timeout", 't', "TIME", "stop its Claude after so long without work", NULL},
    {"model", 'm', "MODEL", "the model that its Claude uses", NULL},
    {"grant-permission", 'g', "HOW", "answer to its Claude's permission requests",
	"yes no ask forward"},
    {"permission-mode", 0, "MODE", "the permission mode that its Claude starts in",
	"default acceptEdits plan dontAsk auto bypassPermissions"},
    {"claude-path", 0, "FILE", "the claude program for this team", NULL},
    {"remote", 0, "SSH", "it is on another machine: \"ssh user@host\"", NULL},
    {"path", 0, "DIR", "its directory, for one on another machine: there", NULL},
    {"ssh2", 0, NULL, "reach it by iris-ssh, not by ssh", NULL},
    {"identity", 0, "FILE", "the private key that opens that machine, a file here", NULL},
    {"port", 0, "PORT", "the port of its sshd", NULL},
    END,
};

static const struct ctl_option team_list_options[] = {
    {"names", 0, NULL, "only the names, one a line, from the configuration file", NULL},
    END,
};

static const struct ctl_option yes_options[] = {
    {"yes", 'y', NULL, "do not ask", NULL},
    END,
};

static const struct ctl_option from_options[] = {
    {"from", 'f', "TEAM", "the session that this team's messages go to", NULL},
    END,
};

static const struct ctl_option team_sleep_options[] = {
    {"from", 'f', "TEAM", "only the session that this team's messages go to", NULL},
    {"force", 0, NULL, "interrupt a turn that is running", NULL},
    END,
};

static const struct ctl_option key_create_options[] = {
    {"scope", 's', "SCOPES", "what it may do: one or more, separated by commas",
	"read message manage approve admin"},
    {"team", 't', "TEAM", "its bearer speaks as this team (default: as a guest)", NULL},
    {"expires", 'e', "TIME", "until then it is good, 30d or 12h from now (default: always)", NULL},
    END,
};

static const struct ctl_option webhook_list_options[] = {
    {"state", 's', "STATE", "only those in this state", "waiting delivered failed"},
    {"message", 'm', "ID", "only those of this message", NULL},
    END,
};

static const struct ctl_option dashboard_options[] = {
    {"print", 'p', NULL, "only print the link", NULL},
    {"scope", 's', "SCOPES", "what the browser may do (default: admin)",
	"read message manage approve admin"},
    END,
};

static const struct ctl_option ask_options[] = {
    {"all", 'a', NULL, "ask all teams but this one; each answers for itself", NULL},
    {"from", 'f', "TEAM", "ask as this team (default: the team of this directory)", NULL},
    {"timeout", 't', "TIME", "wait so long for the answer; 0: without limit", NULL},
    {"ttl", 0, "TIME", "never deliver it when it still waits after so long", NULL},
    {"key", 0, "KEY", "the same key and text again finds this message, sends no second", NULL},
    {"no-stream", 0, NULL, "print the answer when it is complete", NULL},
    {"no-wait", 0, NULL, "print the message's id and do not wait, as send does", NULL},
    END,
};

static const struct ctl_option send_options[] = {
    {"from", 'f', "TEAM", "send as this team (default: the team of this directory)", NULL},
    {"ttl", 0, "TIME", "never deliver it when it still waits after so long", NULL},
    {"key", 0, "KEY", "the same key and text again finds this message, sends no second", NULL},
    END,
};

static const struct ctl_option show_options[] = {
    {"wait", 'w', "TIME", "wait so long for the answer; 0: without limit", NULL},
    {"answer", 'a', NULL, "print only the answer, exactly", NULL},
    {"steps", 's', NULL, "print only the steps", NULL},
    END,
};

static const struct ctl_option list_options[] = {
    {"team", 't', "TEAM", "only messages to this team", NULL},
    {"from", 'f', "TEAM", "only messages from this team", NULL},
    {"state", 's', "STATE", "only messages in this state",
	"queued sent seen answered failed expired cancelled"},
    {"limit", 'n', "N", "at most so many, 1 to 500 (default 50)", NULL},
    {"before", 'b', "ID", "only messages older than this one", NULL},
    END,
};

static const struct ctl_option search_options[] = {
    {"from", 'f', "TEAM", "only what this team has sent or received", NULL},
    {"limit", 'n', "N", "at most so many, 1 to 500 (default 20)", NULL},
    END,
};

static const struct ctl_option session_list_options[] = {
    {"team", 't', "TEAM", "only sessions with this team", NULL},
    {"from", 'f', "TEAM", "only sessions that this team's messages go to", NULL},
    END,
};

static const struct ctl_option renew_options[] = {
    {"from", 'f', "TEAM", "the session that this team's messages go to", NULL},
    {"force", 0, NULL, "interrupt a turn that is running", NULL},
    {"yes", 'y', NULL, "do not ask", NULL},
    END,
};

static const struct ctl_option fork_options[] = {
    {"from", 'f', "TEAM", "the session that this team's messages go to", NULL},
    {"print", 'p', NULL, "only print the command", NULL},
    END,
};

static const struct ctl_option log_options[] = {
    {"follow", 'f', NULL, "go on with what is logged from now on", NULL},
    {"limit", 'n', "N", "at most so many lines, 0 to 10000 (default 50)", NULL},
    {"level", 'l', "LEVEL", "only lines of this level, or a graver one", "debug info warn error"},
    {"component", 'c', "PROGRAM", "only lines of this program",
	"irisd irisd-web iris-tls iris-worker stderr"},
    {"since", 's', "TIME", "only lines that are not older", NULL},
    {"grep", 'g', "TEXT", "only lines with this text in them, whatever the case", NULL},
    END,
};

static const struct ctl_option restart_options[] = {
    {"hard", 0, NULL, "stop everything first, turns that run too", NULL},
    END,
};

static const struct ctl_option approvals_list_options[] = {
    {"all", 'a', NULL, "also those that were answered, or have ended without an answer", NULL},
    {"limit", 'n', "N", "at most so many, 1 to 10000 (default: all that wait, or 100)", NULL},
    {"watch", 'w', NULL, "do as watch does", NULL},
    END,
};

static const struct ctl_option allow_options[] = {
    {"remember", 'r', NULL, "and from now on without asking, by the narrowest rule", NULL},
    {"expires", 'e', "TIME", "that rule is in force for 7d or 12h (default: always)", NULL},
    {"input", 'i', "FILE", "with this input instead, a JSON object; -: standard input", NULL},
    {"hash", 0, "HASH", "only if this is the hash of its input (inputHash)", NULL},
    END,
};

static const struct ctl_option deny_options[] = {
    {"reason", 'r', "TEXT", "why not, for its Claude to read", NULL},
    {"hash", 0, "HASH", "only if this is the hash of its input (inputHash)", NULL},
    END,
};

static const struct ctl_option rules_options[] = {
    {"all", 'a', NULL, "also those that have expired or were revoked", NULL},
    END,
};

static const struct ctl_option remember_options[] = {
    {"team", 't', "TEAM", "only for this team (default: for all)", NULL},
    {"expires", 'e', "TIME", "it is in force for 7d or 12h (default: always)", NULL},
    END,
};

static const struct ctl_option audit_show_options[] = {
    {"limit", 'n', "N", "at most so many, the latest, 1 to 10000 (default 50)", NULL},
    {"since", 's', "SEQ", "only rows from this one on", NULL},
    {"team", 't', "TEAM", "only what this team asked for or was asked by", NULL},
    END,
};

static const struct ctl_option audit_verify_options[] = {
    {"head", 0, "HASH", "and has this hash, that was printed before, still a row", NULL},
    END,
};

static const struct ctl_option audit_export_options[] = {
    {"from", 'f', "SEQ", "only rows from this one on", NULL},
    END,
};

static const struct ctl_option remote_check_options[] = {
    {"all", 'a', NULL, "all teams on other machines, one after the other", NULL},
    END,
};

static const struct ctl_option remote_trust_options[] = {
    {"fingerprint", 'f', "SHA256", "record the key only when it is this one", NULL},
    {"yes", 'y', NULL, "record a new key unseen, do not ask; not for one that has changed", NULL},
    END,
};

static const struct ctl_option install_options[] = {
    {"yes", 'y', NULL, "do not ask", NULL},
    {"print", 'p', "CLIENT", "only print the lines for this client, change nothing",
	"claude codex gemini cursor vscode all"},
    END,
};

/* clang-format off */
const struct ctl_command ctl_commands[] = {
	{"ask", NULL, "TEAM TEXT... | TEAM - | --all TEXT...", 1, -1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "ask a team and wait for its answer",
	    "The words of TEXT are joined by blanks; \"-\", or no text at all, reads standard input.\n"
	    "On a terminal the answer appears as it is written; otherwise standard output gets exactly\n"
	    "the answer and a newline. Ctrl-C ends the waiting, not the message.\n"
	    "With --all each team gets a message of its own, and each answer has a line \"== TEAM\" before it.",
	    ask_options, ctl_ask_run},
	{"send", NULL, "TEAM TEXT... | TEAM -", 1, -1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "send a team a message and print its id",
	    "\"iris message show ID\" tells what became of it, and its answer.",
	    send_options, ctl_send_run},
	{"status", NULL, "", 0, 0, {0, 0}, NULL,
	    "show irisd, its processes, sessions and messages", NULL, NULL, ctl_status_run},
	{"dashboard", NULL, "", 0, 0, {0, 0}, NULL,
	    "open the dashboard in a browser",
	    "Prints a link that logs a browser in, once, and opens it where there is a screen.",
	    dashboard_options, ctl_dashboard_run},
	{"doctor", NULL, "", 0, 0, {0, 0}, NULL,
	    "look for what is wrong, and say how to mend it",
	    "Exits with 0 when nothing failed (warnings do not count), else with 1.",
	    NULL, ctl_doctor_run},
	{"start", NULL, "", 0, 0, {0, 0}, NULL,
	    "start irisd; it is no error when it already runs", NULL, NULL, ctl_start_run},
	{"stop", NULL, "", 0, 0, {0, 0}, NULL,
	    "stop irisd and every Claude that it has started", NULL, NULL, ctl_stop_run},
	{"restart", NULL, "", 0, 0, {0, 0}, NULL,
	    "replace irisd by a new one, for upgrades; turns that run go on",
	    "irisd ends without stopping its Claudes, and the next one takes them over. Who waits for an\n"
	    "answer goes on waiting.",
	    restart_options, ctl_restart_run},
	{"reload", NULL, "", 0, 0, {0, 0}, NULL,
	    "have irisd read its configuration again, and show what has changed",
	    "A file with an error changes nothing.", NULL, ctl_reload_run},
	{"team add", "add-team", "NAME [PATH]", 1, 2, {CTL_COMPLETE_NONE, CTL_COMPLETE_DIR}, NULL,
	    "make a project a team (PATH: this directory)",
	    "With --remote it is a project on another machine, and --path its directory there.",
	    team_add_options, ctl_team_add_run},
	{"team list", "teams", "", 0, 0, {0, 0}, NULL,
	    "list the teams", NULL, team_list_options, ctl_team_list_run},
	{"team show", NULL, "NAME", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "show one team and its sessions", NULL, NULL, ctl_team_show_run},
	{"team remove", NULL, "NAME", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "take a team out of the configuration",
	    "The project itself is not touched; the old configuration is kept as FILE.bak.",
	    yes_options, ctl_team_remove_run},
	{"team wake", NULL, "NAME", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "start a team's Claude before it is needed", NULL, from_options, ctl_team_wake_run},
	{"team sleep", NULL, "NAME", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "stop a team's Claude; its conversation is kept", NULL, team_sleep_options,
	    ctl_team_sleep_run},
	{"message show", NULL, "ID", 1, 1, {0, 0}, NULL,
	    "show a message, its answer and each step with its time", NULL, show_options,
	    ctl_message_show_run},
	{"message list", "messages", "", 0, 0, {0, 0}, NULL,
	    "list messages, the newest first", NULL, list_options, ctl_message_list_run},
	{"message search", NULL, "TEXT...", 1, -1, {0, 0}, NULL,
	    "search messages that have ended, and their answers, by words",
	    "All words must be there; WORD* finds what begins like this. The newest come first.",
	    search_options, ctl_message_search_run},
	{"message cancel", NULL, "ID", 1, 1, {0, 0}, NULL,
	    "cancel a message that is not answered yet", NULL, NULL, ctl_message_cancel_run},
	{"approvals show", NULL, "ID", 1, 1, {0, 0}, NULL,
	    "show a permission request whole, and what it would change",
	    "ID is the id, or six characters or more of its beginning or its end.",
	    NULL, ctl_approvals_show_run},
	{"approvals allow", NULL, "ID...", 1, -1, {0, 0}, NULL,
	    "allow what a team's Claude asks for", NULL, allow_options, ctl_approvals_allow_run},
	{"approvals deny", NULL, "ID... [REASON]", 1, -1, {0, 0}, NULL,
	    "refuse it, and say why",
	    "What does not look like a part of an id begins the reason.",
	    deny_options, ctl_approvals_deny_run},
	{"approvals watch", NULL, "", 0, 0, {0, 0}, NULL,
	    "show requests as they come, and answer them by one key",
	    "Without a terminal it prints a line for each that comes or ends, with --json an object.",
	    NULL, ctl_approvals_watch_run},
	{"approvals rules", NULL, "", 0, 0, {0, 0}, NULL,
	    "list the rules that were remembered", NULL, rules_options, ctl_approvals_rules_run},
	{"approvals remember", NULL, "RULE", 1, 1, {0, 0}, NULL,
	    "allow from now on what a rule means", NULL, remember_options,
	    ctl_approvals_remember_run},
	{"approvals revoke", NULL, "N", 1, 1, {0, 0}, NULL,
	    "end a rule that was remembered", NULL, NULL, ctl_approvals_revoke_run},
	{"approvals list", "approvals", "", 0, 0, {0, 0}, NULL,
	    "list the permission requests that wait for a person", NULL, approvals_list_options,
	    ctl_approvals_list_run},
	{"audit verify", NULL, "", 0, 0, {0, 0}, NULL,
	    "look whether a row of the audit was changed, removed or moved",
	    "Exits with 0 when it is whole, else with 1 and the first row that does not fit.",
	    audit_verify_options, ctl_audit_verify_run},
	{"audit export", NULL, "[FILE]", 0, 1, {0, 0}, NULL,
	    "copy the audit, a row a line in JSON, the last line with its head", NULL,
	    audit_export_options, ctl_audit_export_run},
	{"audit show", "audit", "", 0, 0, {0, 0}, NULL,
	    "show what was decided, by whom and why", NULL, audit_show_options, ctl_audit_show_run},
	{"key create", NULL, "NAME", 1, 1, {0, 0}, NULL,
	    "make a key for MCP over HTTP and the REST API",
	    "The key is printed this once; irisd keeps only its hash.",
	    key_create_options, ctl_key_create_run},
	{"key list", "keys", "", 0, 0, {0, 0}, NULL,
	    "list keys, without their texts", NULL, NULL, ctl_key_list_run},
	{"key revoke", NULL, "ID", 1, 1, {0, 0}, NULL,
	    "end a key, and what its bearers wait for", NULL, NULL, ctl_key_revoke_run},
	{"session list", "sessions", "", 0, 0, {0, 0}, NULL,
	    "list the sessions that teams have with one another", NULL, session_list_options,
	    ctl_session_list_run},
	{"session report", NULL, "NAME", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "show what was said in a session with a team", NULL, from_options,
	    ctl_session_report_run},
	{"session reboot", NULL, "NAME", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "begin a session with a team anew, and wake it",
	    "Its conversation is forgotten and its transcript removed; what waits is for the new one.",
	    renew_options, ctl_session_reboot_run},
	{"session delete", NULL, "NAME", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "forget a session with a team, and remove its transcript", NULL, renew_options,
	    ctl_session_delete_run},
	{"session compact", NULL, "NAME", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "have a session's Claude compact its conversation", NULL, from_options,
	    ctl_session_compact_run},
	{"session fork", NULL, "NAME", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "go on by hand with a copy of a session, in this terminal",
	    "Becomes claude in the team's directory. The session itself stays as it is.",
	    fork_options, ctl_session_fork_run},
	{"remote check", NULL, "TEAM|--all", 0, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "look at a team's host step by step, and say how to mend what fails",
	    "Its name, the connection, its key, the login, the directory, claude, room on its disk.\n"
	    "Exits with 0 when all is well, else with the status of the kind that failed.",
	    remote_check_options, ctl_remote_check_run},
	{"remote trust", NULL, "TEAM|HOST", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "show the key of a host, and record it when you say that it is its own",
	    "A key that is another than the recorded one is taken only by --fingerprint.",
	    remote_trust_options, ctl_remote_trust_run},
	{"remote mcp", NULL, "TEAM", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "say how your own Claude Code on a team's host reaches Iris", NULL, NULL,
	    ctl_remote_mcp_run},
	{"remote revoke", NULL, "TEAM", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "cut a team's host off from Iris: its tunnel, and its key", NULL, NULL,
	    ctl_remote_revoke_run},
	{"remote grant", NULL, "TEAM", 1, 1, {CTL_COMPLETE_TEAM, CTL_COMPLETE_NONE}, NULL,
	    "undo that", NULL, NULL, ctl_remote_grant_run},
	{"remote list", "remotes", "", 0, 0, {0, 0}, NULL,
	    "list the teams on other machines, and the lines to them", NULL, NULL,
	    ctl_remote_list_run},
	{"webhook list", "webhooks", "", 0, 0, {0, 0}, NULL,
	    "list who is told by HTTP of the end of messages", NULL, webhook_list_options,
	    ctl_webhook_list_run},
	{"webhook show", NULL, "ID", 1, 1, {0, 0}, NULL,
	    "show one delivery", NULL, NULL, ctl_webhook_show_run},
	{"webhook retry", NULL, "ID", 1, 1, {0, 0}, NULL,
	    "try a delivery at once", NULL, NULL, ctl_webhook_retry_run},
	{"webhook secret", NULL, "", 0, 0, {0, 0}, NULL,
	    "print what deliveries are signed with",
	    "A receiver checks the header webhook-signature with it, as Standard Webhooks says.", NULL,
	    ctl_webhook_secret_run},
	{"log", NULL, "", 0, 0, {0, 0}, NULL,
	    "show what irisd and its workers have logged", NULL, log_options, ctl_log_run},
	{"install", NULL, "", 0, 0, {0, 0}, NULL,
	    "register Iris with Claude Code, for all projects of this user",
	    "Shows the change to Claude Code's file, asks, and keeps a backup of it.",
	    install_options, ctl_install_run},
	{"uninstall", NULL, "", 0, 0, {0, 0}, NULL,
	    "take the registration out again", NULL, yes_options, ctl_uninstall_run},
	{"config check", NULL, "", 0, 0, {0, 0}, NULL,
	    "check the configuration file", NULL, NULL, ctl_config_check_run},
	{"config path", NULL, "", 0, 0, {0, 0}, NULL,
	    "print where the configuration file is", NULL, NULL, ctl_config_path_run},
	{"config show", NULL, "", 0, 0, {0, 0}, NULL,
	    "print the settings that apply, with all defaults", NULL, NULL, ctl_config_show_run},
	{"completion", NULL, "bash | zsh", 1, 1, {CTL_COMPLETE_WORDS, CTL_COMPLETE_NONE}, "bash zsh",
	    "print a completion script for a shell", NULL, NULL, ctl_completion_run},
	{"help", NULL, "[COMMAND]", 0, 2, {CTL_COMPLETE_WORDS, CTL_COMPLETE_NONE},
	    "ask send status doctor start stop restart reload team message approvals audit key session remote webhook log "
	    "install uninstall config completion",
	    "print help for a command", NULL, NULL, ctl_help_run},
};
/* clang-format on */

const size_t ctl_ncommands = sizeof ctl_commands / sizeof ctl_commands[0];
