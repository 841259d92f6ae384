/* SPDX-License-Identifier: MIT
 *
 * The control methods: one table for dispatch, for "iris help protocol", and for the test that
 * compares iris-protocol(7) with the code. Included with another CONTROL_X each; no include guard.
 *
 * CONTROL_X(symbol, "method", "scope", "params", "what it does")
 *
 * scope: what a key for HTTP must allow (core/key.h); "-": no key opens it.
 */
CONTROL_X(daemon_status, "iris/daemon.status", "read", "",
    "what irisd, its pool and its messages are doing")
CONTROL_X(daemon_stats, "iris/daemon.stats", "read", "",
    "what irisd and the machine use, and how busy the pool is")
CONTROL_X(daemon_stop, "iris/daemon.stop", "-", "handover?",
    "end irisd in order, with everything that it has started, or all but its workers")
CONTROL_X(daemon_settled, "iris/daemon.settled", "-", "",
    "answered when the workers of the last irisd are adopted or gone")
CONTROL_X(daemon_watch, "iris/daemon.watch", "-", "",
    "tell of changes of the configuration, until the connection ends")
CONTROL_X(
    config_reload, "iris/config.reload", "admin", "", "read the configuration again; what changed")
CONTROL_X(config_get, "iris/config.get", "admin", "", "what config.yaml says; refused to agents")
CONTROL_X(config_check, "iris/config.check", "admin", "yaml?, config?, etag?",
    "what a change of config.yaml would do; refused to agents")
CONTROL_X(config_put, "iris/config.put", "admin", "yaml?, config?, etag?",
    "change config.yaml, and read it again; refused to agents")
CONTROL_X(config_schema, "iris/config.schema", "admin", "", "the keys that config.yaml can have")
CONTROL_X(team_list, "iris/team.list", "read", "", "all teams")
CONTROL_X(team_show, "iris/team.show", "read", "team",
    "one team, its sessions, and what stands in its way")
CONTROL_X(team_add, "iris/team.add", "admin", "team, values",
    "add a team to config.yaml; refused to agents")
CONTROL_X(team_edit, "iris/team.edit", "admin", "team, values",
    "change a team in config.yaml; refused to agents")
CONTROL_X(team_remove, "iris/team.remove", "admin", "team",
    "take a team out of config.yaml; refused to agents")
CONTROL_X(
    team_wake, "iris/team.wake", "manage", "team, from?", "start the team's Claude for the caller")
CONTROL_X(team_sleep, "iris/team.sleep", "manage", "team, from?, force?", "stop the team's Claude")
CONTROL_X(
    session_list, "iris/session.list", "read", "team?, from?", "sessions, of all teams or of these")
CONTROL_X(
    session_report, "iris/session.report", "read", "team, from?", "what was said in a session")
CONTROL_X(session_reboot, "iris/session.reboot", "manage", "team, from?, force?",
    "begin a session's conversation anew, and wake it")
CONTROL_X(session_delete, "iris/session.delete", "manage", "team, from?, force?",
    "forget a session's conversation")
CONTROL_X(session_compact, "iris/session.compact", "manage", "team, from?",
    "have a session's Claude compact its conversation")
CONTROL_X(session_fork, "iris/session.fork", "manage", "team, from?",
    "the command that goes on with a copy of a session")
CONTROL_X(message_search, "iris/message.search", "read",
    "query, from?, team?, state?, before?, limit?", "messages with these words in them")
CONTROL_X(message_send, "iris/message.send", "message",
    "to, message, from?, timeout?, ttl?, stream?, idempotencyKey?, webhook?",
    "send a message and wait for its answer")
CONTROL_X(message_show, "iris/message.show", "read", "id, wait?, stream?",
    "one message with its receipts")
CONTROL_X(message_list, "iris/message.list", "read", "team?, from?, state?, limit?, before?",
    "messages, newest first")
CONTROL_X(message_cancel, "iris/message.cancel", "message", "id",
    "end a message that is not answered yet")
CONTROL_X(event_subscribe, "iris/event.subscribe", "read", "topics?, since?",
    "tell of what happens, as it happens, until the connection ends")
CONTROL_X(cost_list, "iris/cost.list", "read", "sinceDay?, untilDay?, by?",
    "what turns have used, in tokens and money")
CONTROL_X(log_list, "iris/log.list", "read", "level?, component?, since?, contains?, limit?",
    "lines of the log, the newest that fit")
CONTROL_X(process_list, "iris/process.list", "read", "",
    "the processes of Iris and of the teams, and what they use")
CONTROL_X(key_create, "iris/key.create", "admin", "name, scope, team?, expires?",
    "make an API key for HTTP; its text is told this once")
CONTROL_X(key_list, "iris/key.list", "admin", "", "all API keys, without their texts")
CONTROL_X(
    key_revoke, "iris/key.revoke", "admin", "id", "end an API key, and what its bearers wait for")
CONTROL_X(key_check, "iris/key.check", "-", "key, session?, mcp?, api?, capabilities?",
    "whose key it is; and in the role web, this connection is for its bearer")
CONTROL_X(login_create, "iris/login.create", "-", "scope?, expires?",
    "make a one-time link to the dashboard; refused to agents")
CONTROL_X(login_redeem, "iris/login.redeem", "-", "token",
    "from the web process: the API key that such a link opens")
CONTROL_X(permission_list, "iris/permission.list", "approve", "all?, limit?",
    "permission requests, newest first: those that wait, or all; refused to agents")
CONTROL_X(permission_show, "iris/permission.show", "approve", "id",
    "one permission request, whole; refused to agents")
CONTROL_X(permission_answer, "iris/permission.answer", "approve",
    "id, behavior, inputHash, reason?, updatedInput?, remember?, expires?",
    "answer a permission request; refused to agents")
CONTROL_X(permission_watch, "iris/permission.watch", "approve", "",
    "tell of permission requests as they come and go, until the connection ends; refused to "
    "agents")
CONTROL_X(
    permission_rules, "iris/permission.rules", "approve", "", "all rules that were remembered")
CONTROL_X(permission_remember, "iris/permission.remember", "approve", "rule, team?, expires?",
    "remember a rule that allows; refused to agents")
CONTROL_X(permission_revoke, "iris/permission.revoke", "approve", "number",
    "end a remembered rule; refused to agents")
CONTROL_X(audit_list, "iris/audit.list", "approve", "seq?, limit?",
    "rows of the audit, in order; refused to agents")
CONTROL_X(audit_verify, "iris/audit.verify", "approve", "seq?, hash?",
    "look whether the audit is whole, from the row after this one on")
CONTROL_X(remote_list, "iris/remote.list", "read", "", "the teams on other machines")
CONTROL_X(remote_check, "iris/remote.check", "manage", "team",
    "look at a remote team's host, step by step")
CONTROL_X(remote_trust, "iris/remote.trust", "-", "team?, host?, record?",
    "the key of a remote team's host, or of a host; with record, to be known from now on, which is "
    "refused to agents")
CONTROL_X(remote_revoke, "iris/remote.revoke", "admin", "team",
    "cut off a remote team's tunnel until it is granted again; refused to agents")
CONTROL_X(remote_grant, "iris/remote.grant", "admin", "team",
    "let a remote team have its tunnel again; refused to agents")
CONTROL_X(webhook_list, "iris/webhook.list", "read", "id?, state?, limit?, before?",
    "who is told of the end of messages, newest first")
CONTROL_X(webhook_show, "iris/webhook.show", "read", "id", "one such delivery")
CONTROL_X(webhook_retry, "iris/webhook.retry", "manage", "id",
    "try a delivery at once, and as often as at first")
CONTROL_X(webhook_next, "iris/webhook.next", "-", "",
    "from the web process: wait for the next delivery that is due")
CONTROL_X(webhook_done, "iris/webhook.done", "-", "id, status?, error?",
    "from the web process: how a delivery went")
CONTROL_X(
    web_listening, "iris/web.listening", "-", "ports, tls?", "the web process listens, or can not")
