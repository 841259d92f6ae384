/* SPDX-License-Identifier: MIT
 *
 * What ssh says when it fails, verbatim, and the sentence that is made of it: every row of the
 * table is met by the words that it is there for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/err.h"
#include "common/json.h"
#include "iris-worker/ssh_words.h"

#define CHANGED                                                                                    \
	"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"                          \
	"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"                          \
	"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"                          \
	"IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r\n"                                \
	"Someone could be eavesdropping on you right now (man-in-the-middle attack)!\r\n"          \
	"It is also possible that a host key has just been changed.\r\n"                           \
	"The fingerprint for the ED25519 key sent by the remote host is\n"                         \
	"SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDVMTmZ2Zcu1dGuNcA.\r\n"                                  \
	"Please contact your system administrator.\r\n"                                            \
	"Add correct host key in /home/me/.ssh/known_hosts to get rid of this message.\r\n"        \
	"Offending ED25519 key in /home/me/.ssh/known_hosts:3\r\n"                                 \
	"Host key for box has changed and you have requested strict checking.\r\n"                 \
	"Host key verification failed.\r\n"
#define REVOKED                                                                                    \
	"@       WARNING: REVOKED HOST KEY DETECTED!               @\r\n"                          \
	"The ED25519 host key for box is marked as revoked.\r\n"                                   \
	"This could mean that a stolen key is being used to impersonate this host.\r\n"            \
	"ED25519 host key for box was revoked and you have requested strict checking.\r\n"         \
	"Host key verification failed.\r\n"
#define OPEN_KEY                                                                                   \
	"@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\r\n"                          \
	"Permissions 0644 for '/home/me/.ssh/id' are too open.\r\n"                                \
	"It is required that your private key files are NOT accessible by others.\r\n"             \
	"This private key will be ignored.\r\n"                                                    \
	"Load key \"/home/me/.ssh/id\": bad permissions\r\n"                                       \
	"me@box: Permission denied (publickey).\r\n"
#define DENIED "me@box: Permission denied (publickey,password).\r\n"

static const struct {
	const char *words;
	enum err_code code;
	const char *what, *quote, *mend; /* each is in the sentence */
} cases[] = {
    /* The way there. */
    {"ssh: connect to host box port 1: Connection refused\r\n", ERR_LINE,
	"the connection to box is refused", "(ssh: connect to host box port 1: Connection refused)",
	"an ssh server listens"},
    {"ssh: connect to host box port 22: Connection timed out\r\n", ERR_LINE, "box does not answer",
	"port 22: Connection timed out", "switched on"},
    {"ssh: connect to host box port 22: Operation timed out\r\n", ERR_LINE, "box does not answer",
	"Operation timed out", "firewall"},
    {"Connection timed out during banner exchange\r\nConnection to 10.9.9.9 port 22 timed out\r\n",
	ERR_LINE, "box does not answer", "timed out", "firewall"},
    {"ssh: Could not resolve hostname box: Name or service not known\r\n", ERR_LINE,
	"the name of box is not found", "Could not resolve hostname box: Name", "on the network"},
    {"ssh: Could not resolve hostname box: Temporary failure in name resolution\r\n", ERR_LINE,
	"the name of box is not found", "Temporary failure", "on the network"},
    {"ssh: connect to host box port 22: No route to host\r\n", ERR_LINE, "box can not be reached",
	"No route to host", "on the network"},
    {"ssh: connect to host box port 22: Network is unreachable\r\n", ERR_LINE,
	"box can not be reached", "Network is unreachable", "on the network"},
    {"ssh: connect to host box port 22: Host is down\r\n", ERR_LINE, "box can not be reached",
	"Host is down", "switched on"},
    {"bind 9.9.9.9: Cannot assign requested address\r\n"
     "ssh: connect to host box port 22: failure\r\n",
	ERR_LINE, "box can not be reached", "Cannot assign", "on the network"},
    {"kex_exchange_identification: Connection closed by remote host\r\n"
     "Connection closed by 10.0.0.1 port 22\r\n",
	ERR_LINE, "box closes the connection before it has begun", "kex_exchange_identification",
	"log of its sshd"},
    {"kex_exchange_identification: read: Connection reset by peer\r\n", ERR_LINE,
	"before it has begun", "Connection reset by peer", "log of its sshd"},
    {"ssh_exchange_identification: Connection closed by remote host\r\n", ERR_LINE,
	"before it has begun", "ssh_exchange", "log of its sshd"},
    {"kex_exchange_identification: banner line contains invalid characters\r\n", ERR_HOST,
	"no ssh server", "banner line", "mend the port"},
    {"Protocol major versions differ: 2 vs. 1\r\n", ERR_HOST, "speaks another ssh", "2 vs. 1",
	"port"},
    {"Connection closed by 10.0.0.1 port 22\r\n", ERR_LINE, "box has closed the connection",
	"Connection closed by 10.0.0.1 port 22", "log"},
    {"Connection reset by 10.0.0.1 port 22\r\n", ERR_LINE, "broken off", "Connection reset", "log"},
    {"ssh_dispatch_run_fatal: Connection to 10.0.0.1 port 22: Broken pipe\r\n", ERR_LINE,
	"broken off", "Broken pipe", "later"},
    {"Received disconnect from 10.0.0.1 port 22:11: Bye\r\nDisconnected from 10.0.0.1 port 22\r\n",
	ERR_LINE, "closed the connection", "Received disconnect", "log"},
    {"/bin/bash: line 1: exec: nc: not found\r\n"
     "kex_exchange_identification: Connection closed by remote host\r\n"
     "Connection closed by UNKNOWN port 65535\r\n",
	ERR_HOST, "a program that is to connect to box is missing", "exec: nc: not found",
	"install it"},
    {"ssh: connect to host jump port 22: Connection refused\r\n"
     "kex_exchange_identification: Connection closed by remote host\r\n"
     "Connection closed by UNKNOWN port 65535\r\n",
	ERR_LINE, "the connection to box is refused", "host jump port 22", "listens"},
    {"channel 0: open failed: administratively prohibited: open failed\r\n"
     "stdio forwarding failed\r\n",
	ERR_HOST, "does not forward", "administratively prohibited", "AllowTcpForwarding"},
    {"mux_client_request_session: read from master failed: Broken pipe\r\n", ERR_LINE, "broken off",
	"read from master failed", "later"},
    {"mux_client_request_session: session request failed: Session open refused by peer\r\n",
	ERR_LINE, "no more sessions", "refused by peer", "MaxSessions"},
    {"Shared connection to box closed.\r\n", ERR_LINE, "that sessions share has ended",
	"Shared connection to box closed)", "later"},
    {"Timeout, server box not responding.\r\n", ERR_LINE, "box does not answer any more",
	"not responding)", "switched on"},

    /* The host's key. */
    {CHANGED, ERR_HOST,
	"the host key of box has changed: it was installed anew, or somebody is in between, it "
	"shows SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDVMTmZ2Zcu1dGuNcA",
	"REMOTE HOST IDENTIFICATION HAS CHANGED", "`iris remote trust box`"},
    {"No ED25519 host key is known for [box]:2222 and you have requested strict checking.\r\n"
     "Host key verification failed.\r\n",
	ERR_HOST, "the host key of box is not known here", "No ED25519 host key is known for [box]",
	"run `iris remote trust box`"},
    {"Host key verification failed.\r\n", ERR_HOST, "is not accepted", "verification failed)",
	"iris remote trust"},
    {"Host key ssh-ed25519 SHA256:abc revoked by file /etc/ssh/revoked\r\n"
     "Host key verification failed.\r\n",
	ERR_HOST, "marked as revoked", "revoked by file /etc/ssh/revoked", "do not connect"},
    {"Error checking host key ssh-ed25519 SHA256:abc in revoked keys file /x: Is a directory\r\n"
     "Host key verification failed.\r\n",
	ERR_HOST, "box is revoked can not be told", "/x: Is a directory", "RevokedHostKeys"},
    {REVOKED, ERR_HOST, "marked as revoked", "REVOKED", "do not connect"},
    {"Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. "
     "Their offer: ssh-dss\r\n",
	ERR_HOST, "no way of encryption in common", "Their offer: ssh-dss", "upgrade"},

    /* Our key, and the login. */
    {DENIED, ERR_HOST, "box refuses the login", "me@box: Permission denied (publickey,password)",
	"authorized_keys"},
    {OPEN_KEY, ERR_HOST, "others can read it", "UNPROTECTED", "chmod 600"},
    {"Load key \"/k\": bad permissions\r\n" DENIED, ERR_HOST, "others can read it",
	"bad permissions", "chmod 600"},
    {"Load key \"/k\": incorrect passphrase supplied to decrypt private key\r\n" DENIED, ERR_HOST,
	"passphrase is wrong or missing", "incorrect passphrase", "remoteOptions.passphrase"},
    {"Load key \"/k\": invalid format\r\n" DENIED, ERR_HOST, "the key can not be used",
	"invalid format", "remoteOptions.identity"},
    {"Warning: Identity file /k not accessible: No such file or directory.\r\n" DENIED, ERR_HOST,
	"there is no such key", "/k not accessible", "remoteOptions.identity"},
    {"no such identity: /k: No such file or directory\r\n" DENIED, ERR_HOST, "there is no such key",
	"/k: No such file", "remoteOptions.identity"},
    {"sign_and_send_pubkey: signing failed for ED25519 \"/k\" from agent: agent refused "
     "operation\r\n" DENIED,
	ERR_HOST, "agent does not let its key be used", "refused operation", "ssh-add"},
    {"sign_and_send_pubkey: no mutual signature supported\r\n" DENIED, ERR_HOST,
	"does not accept keys of this kind", "no mutual", "ssh-keygen"},
    {"Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\r\n"
     "Disconnected from 10.0.0.1 port 22\r\n",
	ERR_HOST, "too many keys", "Too many authentication failures", "IdentitiesOnly"},
    {"\"System is booting up. Unprivileged users are not permitted to log in yet.\"\r\n"
     "Connection closed by 10.0.0.1 port 22\r\n",
	ERR_LINE, "box is starting", "booting up", "later"},
    {"Your account has expired; please contact your system administrator.\r\n", ERR_HOST,
	"the account on box has expired", "Your account", "ask who runs it"},
    {"This account is currently not available.\r\n", ERR_HOST, "takes no logins", "not available)",
	"another user"},

    /* What it lets us do. */
    {"This service allows sftp connections only.\r\n", ERR_HOST, "runs no commands", "sftp",
	"another user"},
    {"exec request failed on channel 0\r\n", ERR_HOST, "runs no commands", "channel 0",
	"another user"},
    {"sh: 1: exec: /bin/sh: not found\n", ERR_HOST, "box has no /bin/sh", "exec", "install"},
    {"Error: remote port forwarding failed for listen port 1615\r\n", ERR_HOST,
	"does not forward to us", "listen port 1615", "free there"},
    {"sh: cannot create temp file for here document: No space left on device\n", ERR_HOST,
	"the disk of box is full", "No space left", "make room"},

    /* Its own options and files. */
    {"Bad owner or permissions on /home/me/.ssh/config\r\n", ERR_HOST, "refuses its configuration",
	"/home/me/.ssh/config", "chmod 600"},
    {"command-line: line 0: Bad configuration option: foo\r\n", ERR_HOST, "does not know an option",
	"option: foo", "remoteOptions"},
    {"/home/me/.ssh/config: terminating, 1 bad configuration options\r\n", ERR_HOST,
	"refuses its configuration", "terminating, 1", "~/.ssh/config"},
    {"unknown option -- 9\r\nusage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]\r\n",
	ERR_HOST, "does not know an option", "unknown option -- 9", "remoteOptions"},
    {"Bad port '99999'\r\n", ERR_HOST, "the port is none", "99999", "remoteOptions"},
    {"ControlPath too long ('/tmp/x' >= 108 bytes)\r\n", ERR_HOST, "control socket is too long",
	"/tmp/x", "IRIS_HOME"},

    /* iris-ssh's own. */
    {"iris-ssh: the option 'foo' is not one of iris-ssh's; see iris-ssh(1)\n", ERR_HOST,
	"does not know an option", "'foo'", "remoteOptions"},
    {"iris-ssh: the key in /k has a passphrase, and there is none here: set "
     "remoteOptions.passphrase, or give the key to an agent\n"
     "iris-ssh: me@box: Permission denied (publickey).\n",
	ERR_HOST, "passphrase is wrong or missing", "the key in /k", "ssh-add"},
    {"iris-ssh: Permissions 0644 for '/k' are too open: this private key is not used\n"
     "iris-ssh: me@box: Permission denied (publickey).\n",
	ERR_HOST, "others can read it", "0644", "chmod 600"},
    {"iris-ssh: box shows the ED25519 key SHA256:a, not SHA256:b: nothing is recorded\n", ERR_HOST,
	"the key of box is not recorded", "not SHA256:b", "compare"},
    {"iris-ssh: No ED25519 host key is known for box and you have requested strict checking.\n"
     "iris-ssh: It shows the ED25519 key SHA256:ab+/c. If that is the host's, run: x\n"
     "iris-ssh: Host key verification failed.\n",
	ERR_HOST, "the host key of box is not known here, it shows SHA256:ab+/c (",
	"No ED25519 host key", "iris remote trust box"},
    {"iris-ssh: connect to host box port 22 through jump: Channel opening failure\n", ERR_LINE,
	"box can not be reached", "through jump", "network"},

    /* Noise, and what is not known. */
    {"debug1: connect to address 10.0.0.1 port 22: Connection refused\r\n"
     "Warning: Permanently added 'box' (ED25519) to the list of known hosts.\r\n"
     "something else\r\nTransferred: sent 3424, received 2840 bytes, in 0.0 seconds\r\n",
	ERR_LINE, "box can not be reached", "(ssh: something else)", "iris remote check"},
    {"", ERR_LINE, "box can not be reached", "(ssh has not said why)", "iris remote check"},
};

static void
contains(const char *words, const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("of \"%s\": \"%s\" has no \"%s\"", words, text, part);
}

static void
test_words(void **state)
{
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ssh_words_judge("box", false, cases[i].words, false, &err);
		if (err.code != cases[i].code)
			fail_msg("%s: %s", cases[i].words, err_name(err.code));
		contains(cases[i].words, err.msg, cases[i].what);
		contains(cases[i].words, err.msg, cases[i].quote);
		contains(cases[i].words, err.msg, cases[i].mend);
		assert_null(strpbrk(err.msg, "\r\n"));
	}
}

/* The other program says the same under its own name. */
static void
test_program(void **state)
{
	struct err err;

	(void)state;
	ssh_words_judge(
	    "box", true, "iris-ssh: connect to host box port 1: Connection refused\n", false, &err);
	assert_int_equal(err.code, ERR_LINE);
	contains("", err.msg, "(iris-ssh: connect to host box port 1: Connection refused)");
}

/* What a remote program has said on the same stream is no reason; a lost line is a lost line. */
static void
test_connected(void **state)
{
	static const char words[] = "API: Permission denied (publickey).\nmake: command not found\n"
				    "client_loop: send disconnect: Broken pipe\r\n";
	struct err err;

	(void)state;
	ssh_words_judge("box", false, words, true, &err);
	assert_int_equal(err.code, ERR_LINE);
	contains(
	    "", err.msg, "the line to box was lost (ssh: client_loop: send disconnect: Broken");
	ssh_words_judge("box", false, "No space left on device\n", true, &err);
	assert_int_equal(err.code, ERR_LINE);
	ssh_words_judge("box", false, NULL, true, &err);
	contains("", err.msg, "the line to box was lost (ssh has not said why)");
}

/* What does not come from ssh itself: the host was reached, and did something else. */
static void
test_ended(void **state)
{
	struct ssh_verdict v;

	(void)state;
	ssh_words_ended("box", false, "1) backup 2) restore\n", false, 0, &v);
	assert_int_equal(v.code, ERR_HOST);
	assert_string_equal(
	    v.what, "box did not run what Iris asked it to run (status 0: 1) backup 2) restore)");
	ssh_words_ended("box", false, "This account is currently not available.\n", false, 1, &v);
	contains("", v.what, "the account on box takes no logins");
	ssh_words_ended(
	    "box", false, "ssh: connect to host box port 1: Connection refused\n", false, 255, &v);
	assert_int_equal(v.code, ERR_LINE);
	ssh_words_ended("box", false, "", false, -1, &v);
	assert_int_equal(v.code, ERR_LINE);
	ssh_words_ended("box", false, "x\n", true, 1, &v);
	contains("", v.what, "the line to box was lost");
}

/* Whatever a host sends, the sentence is one line of text, and not too long. */
static void
test_hostile(void **state)
{
	char words[4096], host[400];
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i + 1 < sizeof words; i++)
		words[i] = "\x1b[2J\xc2\x9b\xff%s%n\t\"\\x"[i % 15];
	words[sizeof words - 1] = '\0';
	memset(host, 'h', sizeof host);
	host[sizeof host - 1] = '\0';
	ssh_words_judge(host, false, words, false, &err);
	assert_true(json_utf8_valid(err.msg, strlen(err.msg)));
	assert_true(strlen(err.msg) < 700);
	for (i = 0; err.msg[i] != '\0'; i++)
		assert_true((unsigned char)err.msg[i] >= ' ' && err.msg[i] != 0x7f);
	assert_null(strstr(err.msg, "\xc2\x9b"));
	contains("", err.msg, "iris remote check");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_program),
	    cmocka_unit_test(test_connected),
	    cmocka_unit_test(test_ended),
	    cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
