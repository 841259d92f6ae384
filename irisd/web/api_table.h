/* SPDX-License-Identifier: MIT
 *
 * The REST API: one row an operation, from which come dispatch, the check of what a request says,
 * and the tests that compare share/api/openapi.json and iris-api(7) with the code. Included with
 * another API_X each; no include guard.
 *
 * API_X(operation, "METHOD", "/path/below/api/v1", "control method", "scope", place,
 *     "query", "body", prepare, answer, "list", status)
 *
 * scope "-": no key is asked for. place: what a thread is needed for (serve.h). query and body are
 * members as "name:type", with "!" where it must be there, and "*" for any others; what
 * has a body "-" the answering function reads, or completes. prepare (or NULL) turns what came into the control call's
 * parameters, answer makes the call and answers. list: the member of the result that is the body,
 * of a list with the member that tells its items apart.
 *
 * Of rows with the same method the first that fits counts.
 */
/* clang-format off */
#define API_PAGE "limit:integer cursor:string"

API_X(login, "POST", "/login", "iris/login.redeem", "-", SERVE_LOGIN,
    "", "token:string!", NULL, api_login, "", 200)
API_X(logout, "POST", "/logout", "iris/key.revoke", "read", SERVE_QUICK,
    "", "-", NULL, api_logout, "", 204)
API_X(getMe, "GET", "/me", "", "read", SERVE_QUICK, "", "", NULL, api_me, "", 200)
API_X(getOpenapi, "GET", "/openapi.json", "", "-", SERVE_QUICK,
    "", "", NULL, api_openapi, "", 200)

API_X(getStatus, "GET", "/status", "iris/daemon.status", "read", SERVE_QUICK,
    "", "", NULL, api_whole, "", 200)
API_X(getStats, "GET", "/stats", "iris/daemon.stats", "read", SERVE_QUICK,
    "", "", NULL, api_whole, "", 200)
API_X(listProcesses, "GET", "/processes", "iris/process.list", "read", SERVE_QUICK,
    API_PAGE, "", api_prepare_list, api_list, "processes pid", 200)

API_X(listTeams, "GET", "/teams", "iris/team.list", "read", SERVE_QUICK,
    API_PAGE, "", api_prepare_list, api_list, "teams name", 200)
API_X(addTeam, "POST", "/teams", "iris/team.add", "admin", SERVE_QUICK,
    "", "name:string! path:string! *", api_prepare_team, api_made_team, "", 201)
API_X(wakeTeams, "POST", "/teams/wake", "iris/team.wake", "manage", SERVE_CALL,
    "", "from:string", NULL, api_wake_all, "", 200)
API_X(getTeam, "GET", "/teams/{team}", "iris/team.show", "read", SERVE_QUICK,
    "", "", NULL, api_whole, "", 200)
API_X(editTeam, "PATCH", "/teams/{team}", "iris/team.edit", "admin", SERVE_QUICK,
    "", "*", api_prepare_team, api_whole, "", 200)
API_X(removeTeam, "DELETE", "/teams/{team}", "iris/team.remove", "admin", SERVE_QUICK,
    "", "", NULL, api_none, "", 204)
API_X(wakeTeam, "POST", "/teams/{team}/wake", "iris/team.wake", "manage", SERVE_CALL,
    "", "from:string", NULL, api_whole, "", 200)
API_X(sleepTeam, "POST", "/teams/{team}/sleep", "iris/team.sleep", "manage", SERVE_END,
    "", "from:string force:boolean", NULL, api_whole, "", 200)
API_X(askTeam, "POST", "/teams/{team}/ask", "iris/message.send", "message", SERVE_CALL,
    "", "message:string! from:string timeout:integer ttl:integer webhook:any",
    api_prepare_ask, api_ask, "", 200)

API_X(listMessages, "GET", "/messages", "iris/message.list", "read", SERVE_QUICK,
    API_PAGE " team:string from:string state:string q:string", "", api_prepare_messages,
    api_newest, "messages id", 200)
API_X(getMessage, "GET", "/messages/{id}", "iris/message.show", "read", SERVE_QUICK,
    "wait:integer", "", api_prepare_wait, api_whole, "", 200)
API_X(cancelMessage, "POST", "/messages/{id}/cancel", "iris/message.cancel", "message", SERVE_END,
    "", "", NULL, api_whole, "", 200)

API_X(listSessions, "GET", "/sessions", "iris/session.list", "read", SERVE_QUICK,
    API_PAGE " team:string from:string", "", api_prepare_list, api_list,
    "sessions sessionId", 200)
API_X(getSession, "GET", "/sessions/{from}/{team}", "iris/session.list", "read", SERVE_QUICK,
    "", "", NULL, api_session, "sessions", 200)
API_X(getReport, "GET", "/sessions/{from}/{team}/report", "iris/session.report", "read",
    SERVE_QUICK, "", "", NULL, api_whole, "", 200)
API_X(rebootSession, "POST", "/sessions/{from}/{team}/reboot", "iris/session.reboot", "manage",
    SERVE_CALL, "", "force:boolean", NULL, api_whole, "", 200)
API_X(compactSession, "POST", "/sessions/{from}/{team}/compact", "iris/session.compact", "manage",
    SERVE_CALL, "", "", NULL, api_whole, "", 200)
API_X(forkSession, "POST", "/sessions/{from}/{team}/fork", "iris/session.fork", "manage",
    SERVE_QUICK, "", "", NULL, api_whole, "", 200)
API_X(deleteSession, "DELETE", "/sessions/{from}/{team}", "iris/session.delete", "manage",
    SERVE_END, "force:boolean", "force:boolean", NULL, api_whole, "", 200)

API_X(listApprovals, "GET", "/approvals", "iris/permission.list", "approve", SERVE_QUICK,
    API_PAGE " all:boolean", "", api_prepare_approvals, api_list, "permissions id", 200)
API_X(getApproval, "GET", "/approvals/{id}", "iris/permission.show", "approve", SERVE_QUICK,
    "", "", NULL, api_member, "permission", 200)
API_X(answerApproval, "POST", "/approvals/{id}/answer", "iris/permission.answer", "approve",
    SERVE_QUICK, "", "behavior:string! inputHash:string! reason:string updatedInput:object "
    "remember:boolean expires:integer", NULL, api_whole, "", 200)
API_X(listRules, "GET", "/rules", "iris/permission.rules", "approve", SERVE_QUICK,
    API_PAGE, "", api_prepare_list, api_list, "rules id", 200)
API_X(addRule, "POST", "/rules", "iris/permission.remember", "approve", SERVE_QUICK,
    "", "rule:string! team:string expires:integer", NULL, api_member, "rule", 201)
API_X(revokeRule, "DELETE", "/rules/{number}", "iris/permission.revoke", "approve", SERVE_QUICK,
    "", "", NULL, api_none, "", 204)
API_X(listAudit, "GET", "/audit", "iris/audit.list", "approve", SERVE_QUICK,
    API_PAGE " seq:integer", "", api_prepare_audit, api_audit, "rows seq", 200)
API_X(verifyAudit, "GET", "/audit/verify", "iris/audit.verify", "approve", SERVE_QUICK,
    "seq:integer hash:string", "", NULL, api_whole, "", 200)

API_X(getConfig, "GET", "/config", "iris/config.get", "admin", SERVE_QUICK,
    "", "", NULL, api_config, "", 200)
API_X(getConfigSchema, "GET", "/config/schema", "iris/config.schema", "admin", SERVE_QUICK,
    "", "", NULL, api_whole, "", 200)
API_X(putConfig, "PUT", "/config", "iris/config.put", "admin", SERVE_QUICK,
    "", "-", NULL, api_put_config, "", 200)
API_X(validateConfig, "POST", "/config/validate", "iris/config.check", "admin", SERVE_QUICK,
    "", "-", NULL, api_check_config, "", 200)
API_X(reloadConfig, "POST", "/config/reload", "iris/config.reload", "admin", SERVE_QUICK,
    "", "", NULL, api_whole, "", 200)

API_X(listLogs, "GET", "/logs", "iris/log.list", "read", SERVE_QUICK,
    "limit:integer level:string component:string since:integer contains:string", "", NULL,
    api_logs, "lines", 200)
API_X(listCosts, "GET", "/costs", "iris/cost.list", "read", SERVE_QUICK,
    "since:string until:string by:string", "", api_prepare_costs, api_costs, "costs", 200)

API_X(listKeys, "GET", "/keys", "iris/key.list", "admin", SERVE_QUICK,
    API_PAGE, "", api_prepare_list, api_list, "keys id", 200)
API_X(createKey, "POST", "/keys", "iris/key.create", "admin", SERVE_QUICK,
    "", "name:string! scope:string! team:string expires:integer", NULL, api_whole, "", 201)
API_X(revokeKey, "DELETE", "/keys/{id}", "iris/key.revoke", "admin", SERVE_QUICK,
    "", "", NULL, api_none, "", 204)

API_X(listWebhooks, "GET", "/webhooks", "iris/webhook.list", "read", SERVE_QUICK,
    API_PAGE " state:string message:string", "", api_prepare_webhooks, api_newest,
    "webhooks id", 200)
API_X(getWebhook, "GET", "/webhooks/{id}", "iris/webhook.show", "read", SERVE_QUICK,
    "", "", NULL, api_whole, "", 200)
API_X(retryWebhook, "POST", "/webhooks/{id}/retry", "iris/webhook.retry", "manage", SERVE_QUICK,
    "", "", NULL, api_whole, "", 200)

API_X(listRemotes, "GET", "/remotes", "iris/remote.list", "read", SERVE_QUICK,
    API_PAGE, "", api_prepare_list, api_list, "teams name", 200)
API_X(checkRemote, "POST", "/remotes/{team}/check", "iris/remote.check", "manage", SERVE_CALL,
    "", "", NULL, api_whole, "", 200)
API_X(revokeRemote, "POST", "/remotes/{team}/revoke", "iris/remote.revoke", "admin", SERVE_QUICK,
    "", "", NULL, api_whole, "", 200)
API_X(grantRemote, "POST", "/remotes/{team}/grant", "iris/remote.grant", "admin", SERVE_QUICK,
    "", "", NULL, api_whole, "", 200)
