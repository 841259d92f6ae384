/* SPDX-License-Identifier: MIT
 *
 * The table of what ssh says, see ssh_words.h. Called for a line that did not come up or is lost.
 * Its rows are in the order in which they are looked for: what says why stands before what says
 * that. Starts nothing, and knows nothing of what the line was for.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "iris-worker/ssh_words.h"

#define HOST_MAX 128

#define TRUST  "run `iris remote trust @`, and compare the fingerprint that it shows"
#define CONFIG "mend \"remote\", remoteOptions or ~/.ssh/config"
#define LOGIN                                                                                      \
	"put your public key into ~/.ssh/authorized_keys over there, or name the right key in "    \
	"remoteOptions.identity and the right user in \"remote\""
#define WAIT "try again later"

struct row {
	const char *needle;
	enum err_code code;
	const char *what, *mend; /* @: the host */
	bool fingerprint;        /* what key it showed is of interest */
};

static const struct row rows[] = {
    /* Its own options and files. */
    {"Bad owner or permissions on", ERR_HOST, "ssh here refuses its configuration",
	"chmod 600 that file", false},
    {"Bad configuration option", ERR_HOST, "ssh here does not know an option", CONFIG, false},
    {"bad configuration options", ERR_HOST, "ssh here refuses its configuration", CONFIG, false},
    {"nsupported option", ERR_HOST, "ssh here does not know an option", CONFIG, false},
    {"unknown option", ERR_HOST, "ssh here does not know an option", CONFIG, false},
    {"illegal option", ERR_HOST, "ssh here does not know an option", CONFIG, false},
    {"invalid option", ERR_HOST, "ssh here does not know an option", CONFIG, false},
    {"extra arguments at end of line", ERR_HOST, "ssh here refuses its configuration", CONFIG,
	false},
    {"missing argument", ERR_HOST, "ssh here refuses its configuration", CONFIG, false},
    {"Can't open user config file", ERR_HOST, "ssh here can not read its configuration", CONFIG,
	false},
    {"is not one of iris-ssh's", ERR_HOST, "iris-ssh does not know an option", CONFIG, false},
    {" wants a value", ERR_HOST, "iris-ssh refuses its options", CONFIG, false},
    {" wants name=value", ERR_HOST, "iris-ssh refuses its options", CONFIG, false},
    {" needs a value", ERR_HOST, "iris-ssh refuses its configuration", CONFIG, false},
    {"can not be '", ERR_HOST, "iris-ssh refuses its configuration", CONFIG, false},
    {"is not understood", ERR_HOST, "iris-ssh refuses its configuration", CONFIG, false},
    {"stands for nothing here", ERR_HOST, "iris-ssh refuses its configuration", CONFIG, false},
    {"is taken from ssh_config", ERR_HOST, "iris-ssh refuses its options", CONFIG, false},
    {"gives no usable host", ERR_HOST, "@ is no name of a host", CONFIG, false},
    {"is no host name", ERR_HOST, "@ is no name of a host", CONFIG, false},
    {"is no user name", ERR_HOST, "the user is none", CONFIG, false},
    {"Bad port", ERR_HOST, "the port is none", CONFIG, false},
    {"hostname contains invalid characters", ERR_HOST, "@ is no name of a host", CONFIG, false},
    {"too long for Unix domain socket", ERR_HOST, "the path of ssh's control socket is too long",
	"set IRIS_HOME to a shorter directory", false},
    {"ControlPath too long", ERR_HOST, "the path of ssh's control socket is too long",
	"set IRIS_HOME to a shorter directory", false},
    {"No user exists for uid", ERR_HOST, "ssh here does not know its user",
	"give the user that irisd runs as an entry in the system's list of users", false},

    /* The host's key. */
    {"nothing is recorded", ERR_HOST, "the key of @ is not recorded",
	"ask who runs it for the fingerprint of its key, and compare it whole", false},
    {"can not be recorded in", ERR_HOST, "the key of @ can not be recorded",
	"see that this file can be written", false},
    {"REVOKED HOST KEY DETECTED", ERR_HOST, "the host key of @ is marked as revoked here",
	"ask who runs it; until then do not connect", true},
    {"revoked and you have requested", ERR_HOST, "the host key of @ is marked as revoked here",
	"ask who runs it; until then do not connect", true},
    {" revoked by file ", ERR_HOST, "the host key of @ is marked as revoked here",
	"ask who runs it; until then do not connect", true},
    {"in revoked keys file", ERR_HOST, "whether the host key of @ is revoked can not be told here",
	"see that the file of RevokedHostKeys in ssh_config can be read", true},
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", ERR_HOST,
	"the host key of @ has changed: it was installed anew, or somebody is in between",
	"ask who runs it for the fingerprint, then " TRUST, true},
    {"has changed and you have requested strict checking", ERR_HOST,
	"the host key of @ has changed: it was installed anew, or somebody is in between",
	"ask who runs it for the fingerprint, then " TRUST, true},
    {"host key is known for", ERR_HOST, "the host key of @ is not known here", TRUST, true},
    {"host key has changed", ERR_HOST,
	"the host key of @ has changed: it was installed anew, or somebody is in between",
	"ask who runs it for the fingerprint, then " TRUST, true},
    {"host key is not known", ERR_HOST, "the host key of @ is not known here", TRUST, true},
    {"authenticity of host", ERR_HOST, "the host key of @ is not known here", TRUST, true},
    {"Host key verification failed", ERR_HOST, "the host key of @ is not accepted", TRUST, true},
    {"Unable to negotiate with", ERR_HOST, "ssh and @ have no way of encryption in common",
	"upgrade the older of the two, or allow its algorithms in ~/.ssh/config", false},
    {"no matching host key type", ERR_HOST, "ssh and @ have no way of encryption in common",
	"upgrade the older of the two, or allow its algorithms in ~/.ssh/config", false},
    {"kex error : no match", ERR_HOST, "ssh and @ have no way of encryption in common",
	"upgrade the older of the two, or allow its algorithms in ~/.ssh/config", false},

    /* The key that we log in with: it is why the login was refused. */
    {"UNPROTECTED PRIVATE KEY FILE", ERR_HOST, "the key is not used: others can read it",
	"chmod 600 the key", false},
    {"are too open", ERR_HOST, "the key is not used: others can read it", "chmod 600 the key",
	false},
    {"the passphrase for the key in", ERR_HOST, "the key's passphrase is wrong or missing",
	"set remoteOptions.passphrase, or add the key to the agent with ssh-add", false},
    {"has a passphrase, and", ERR_HOST, "the key's passphrase is wrong or missing",
	"set remoteOptions.passphrase, or add the key to the agent with ssh-add", false},
    {"the key in ", ERR_HOST, "the key can not be used",
	"name a private key of OpenSSH's form in remoteOptions.identity", false},
    {"bad permissions", ERR_HOST, "the key is not used: others can read it", "chmod 600 the key",
	false},
    {"incorrect passphrase supplied", ERR_HOST, "the key's passphrase is wrong or missing",
	"set remoteOptions.passphrase, or add the key to the agent with ssh-add", false},
    {"Load key ", ERR_HOST, "the key can not be used",
	"name a private key of OpenSSH's form in remoteOptions.identity", false},
    {"Identity file ", ERR_HOST, "there is no such key",
	"name the right file in remoteOptions.identity", false},
    {"no such identity", ERR_HOST, "there is no such key",
	"name the right file in remoteOptions.identity", false},
    {"agent refused operation", ERR_HOST, "the ssh agent does not let its key be used",
	"see what it wants (ssh-add -l; a touch, a confirmation)", false},
    {"signing failed", ERR_HOST, "the key can not be used",
	"see that its passphrase is known and its file is whole", false},
    {"no mutual signature", ERR_HOST, "@ does not accept keys of this kind",
	"make an ed25519 key with ssh-keygen -t ed25519", false},
    {"Too many authentication failures", ERR_HOST, "@ was shown too many keys",
	"name the key in remoteOptions.identity, with IdentitiesOnly yes in ~/.ssh/config", false},
    {"Not allowed at this time", ERR_LINE, "@ takes no logins now", WAIT, false},
    {"System is booting up", ERR_LINE, "@ is starting and takes no logins yet", WAIT, false},
    {"System is going down", ERR_LINE, "@ is going down", WAIT, false},
    {"ccount has expired", ERR_HOST, "the account on @ has expired", "ask who runs it", false},
    {"assword has expired", ERR_HOST, "the password on @ has expired",
	"log in there once and set a new one", false},
    {"account is currently not available", ERR_HOST, "the account on @ takes no logins",
	"ask who runs it, or name another user in \"remote\"", false},
    {"account is not available", ERR_HOST, "the account on @ takes no logins",
	"ask who runs it, or name another user in \"remote\"", false},
    {"Permission denied (", ERR_HOST, "@ refuses the login", LOGIN, false},
    {"Permission denied, please try again", ERR_HOST, "@ refuses the login", LOGIN, false},
    {"No more authentication methods", ERR_HOST, "@ refuses the login", LOGIN, false},

    /* What it lets us do. */
    {"sftp connections only", ERR_HOST, "@ runs no commands for this login",
	"name another user in \"remote\"", false},
    {"exec request failed", ERR_HOST, "@ runs no commands for this login",
	"ask who runs it, or name another user in \"remote\"", false},
    {"shell request failed", ERR_HOST, "@ runs no commands for this login",
	"ask who runs it, or name another user in \"remote\"", false},
    {"does not run the command", ERR_HOST, "@ runs no commands for this login",
	"ask who runs it, or name another user in \"remote\"", false},
    {"opens no session", ERR_LINE, "@ opens no session", "raise MaxSessions of its sshd", false},
    {"/bin/sh: not found", ERR_HOST, "@ has no /bin/sh that this login may run",
	"install one, or name another user in \"remote\"", false},
    {"/bin/sh: No such file", ERR_HOST, "@ has no /bin/sh that this login may run",
	"install one, or name another user in \"remote\"", false},
    {"/bin/sh: command not found", ERR_HOST, "@ has no /bin/sh that this login may run",
	"install one, or name another user in \"remote\"", false},
    {"restricted: cannot", ERR_HOST, "the login on @ has a restricted shell",
	"name another user in \"remote\"", false},
    {"remote port forwarding failed", ERR_HOST, "@ does not forward to us",
	"see that the port or path is free there, and that its sshd allows forwarding", false},
    {"administratively prohibited", ERR_HOST, "@, or a host before it, does not forward",
	"see AllowTcpForwarding of its sshd", false},
    {"No space left on device", ERR_HOST, "the disk of @ is full", "make room there", false},
    {"Disk quota exceeded", ERR_HOST, "the disk quota on @ is used up", "make room there", false},
    {"Resource temporarily unavailable", ERR_LINE, "@ has no room for another process", WAIT,
	false},
    {"annot fork", ERR_LINE, "@ has no room for another process", WAIT, false},

    /* The way there. */
    {"Could not resolve host", ERR_LINE, "the name of @ is not found",
	"see that this machine is on the network and that the name in \"remote\" is right", false},
    {"onnection refused", ERR_LINE, "the connection to @ is refused",
	"see that an ssh server listens there, on the port that \"remote\" names", false},
    {"No route to host", ERR_LINE, "@ can not be reached",
	"see that it is switched on and that this machine is on the network", false},
    {"etwork is unreachable", ERR_LINE, "@ can not be reached",
	"see that this machine is on the network", false},
    {"etwork is down", ERR_LINE, "@ can not be reached", "see that this machine is on the network",
	false},
    {"ost is down", ERR_LINE, "@ can not be reached", "see that it is switched on", false},
    {"assign requested address", ERR_LINE, "@ can not be reached",
	"see that this machine is on the network", false},
    {"timed out", ERR_LINE, "@ does not answer",
	"see that it is switched on and that no firewall is in between", false},
    {"Timed out", ERR_LINE, "@ does not answer",
	"see that it is switched on and that no firewall is in between", false},
    {"not responding", ERR_LINE, "@ does not answer any more",
	"see that it is switched on and that this machine is on the network", false},
    {"imeout connecting", ERR_LINE, "@ does not answer",
	"see that it is switched on and that no firewall is in between", false},
    {"banner line contains invalid", ERR_HOST, "what answers at @ is no ssh server",
	"mend the port in \"remote\"", false},
    {"rotocol major versions differ", ERR_HOST, "what answers at @ speaks another ssh",
	"mend the port in \"remote\", or upgrade that server", false},
    {": not found", ERR_HOST, "a program that is to connect to @ is missing",
	"install it, or " CONFIG, false},
    {"command not found", ERR_HOST, "a program that is to connect to @ is missing",
	"install it, or " CONFIG, false},
    {"Exceeded MaxStartups", ERR_LINE, "@ has too many logins at a time", WAIT, false},
    {"Session open refused", ERR_LINE, "@ lets one connection have no more sessions",
	"raise MaxSessions of its sshd", false},
    {"exchange_identification", ERR_LINE, "@ closes the connection before it has begun",
	"see the log of its sshd; it may have too many logins, or not like this address", false},
    {"anner exchange", ERR_LINE, "@ closes the connection before it has begun",
	"see the log of its sshd; it may have too many logins, or not like this address", false},
    {"onnection closed", ERR_LINE, "@ has closed the connection", "see the log of its sshd", false},
    {"closed by", ERR_LINE, "@ has closed the connection", "see the log of its sshd", false},
    {"onnection reset", ERR_LINE, "the connection to @ was broken off", "see the log of its sshd",
	false},
    {"connection abort", ERR_LINE, "the connection to @ was broken off", WAIT, false},
    {"roken pipe", ERR_LINE, "the connection to @ was broken off", WAIT, false},
    {"Received disconnect", ERR_LINE, "@ has closed the connection", "see the log of its sshd",
	false},
    {"before a key was agreed on", ERR_LINE, "@ closes the connection before it has begun",
	"see the log of its sshd; it may have too many logins, or not like this address", false},
    {"connect to host ", ERR_LINE, "@ can not be reached",
	"see that it is switched on and that this machine is on the network", false},
    {"mux_client", ERR_LINE, "the connection to @ that sessions share has ended", WAIT, false},
    {"Shared connection", ERR_LINE, "the connection to @ that sessions share has ended", WAIT,
	false},
    {"ontrol socket", ERR_LINE, "the connection to @ that sessions share has ended", WAIT, false},
};

/* How lines begin that say nothing about the end. */
static const char *const noise[] = {"debug1:", "debug2:", "debug3:", "OpenSSH_", "@@@@", "** ",
    "Authenticated to ", "Transferred: ", "Bytes per second: ", "Warning: Permanently added ",
    "Pseudo-terminal will not be", NULL};

struct line {
	const char *p;
	size_t len;
};

static bool
is_noise(const char *p, size_t len)
{
	size_t i, n;

	for (i = 0; noise[i] != NULL; i++) {
		n = strlen(noise[i]);
		if (len >= n && memcmp(p, noise[i], n) == 0)
			return true;
	}
	return false;
}

/* The next line of *p that is not empty and may mean something; false at the end. */
static bool
next_line(const char **p, struct line *l)
{
	while (**p != '\0') {
		l->p = *p;
		l->len = strcspn(*p, "\r\n");
		*p += l->len;
		*p += strspn(*p, "\r\n");
		while (l->len > 0 && *l->p == ' ') {
			l->p++;
			l->len--;
		}
		if (l->len > 0 && !is_noise(l->p, l->len))
			return true;
	}
	return false;
}

static bool
contains(const struct line *l, const char *needle)
{
	size_t n = strlen(needle), i;

	for (i = 0; i + n <= l->len; i++)
		if (memcmp(l->p + i, needle, n) == 0)
			return true;
	return false;
}

/* The first row that fits any line, and that line; NULL: the last line, which may be empty. */
static const struct row *
find(const char *words, struct line *found)
{
	const struct row *best = rows + sizeof rows / sizeof rows[0], *r, *end = best;
	struct line l;

	*found = (struct line){"", 0};
	while (next_line(&words, &l)) {
		for (r = rows; r < best && !contains(&l, r->needle); r++)
			;
		if (r < best || best == end)
			*found = l;
		best = r;
	}
	return best == end ? NULL : best;
}

/* Of a line that was up, only the last words are ssh's with some certainty. */
static void
last_line(const char *words, struct line *found)
{
	struct line l;

	*found = (struct line){"", 0};
	while (next_line(&words, &l))
		*found = l;
}

/* No control character, nothing but UTF-8, without the program's name in front. */
static void
quote(const struct line *l, char *out, size_t size)
{
	static const char *const names[] = {"ssh: ", "iris-ssh: "};
	const char *p = l->p;
	size_t len = l->len, i, n;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		n = strlen(names[i]);
		if (len > n && memcmp(p, names[i], n) == 0) {
			p += n;
			len -= n;
		}
	}
	if (len > size - 1)
		len = size - 1;
	for (i = 0; i < len; i++) {
		out[i] = (unsigned char)p[i] < ' ' || p[i] == 0x7f ? ' ' : p[i];
		/* U+0080 to U+009F are control characters, too. */
		if (i > 0 && out[i - 1] == '\xc2' && (unsigned char)out[i] < 0xa0)
			out[i - 1] = out[i] = ' ';
	}
	while (len > 0 && (out[len - 1] == ' ' || out[len - 1] == '.'))
		len--;
	out[len] = '\0';
	json_utf8_mend(out);
}

/* text with the host in place of each @. */
static void
fill(char *out, size_t size, const char *text, const char *host)
{
	char one[2] = "";

	out[0] = '\0';
	for (; *text != '\0'; text++) {
		one[0] = *text;
		compat_strlcat(out, *text == '@' ? host : one, size);
	}
}

static void
add_fingerprint(const char *words, char *what, size_t size)
{
	const char *p = strstr(words, "SHA256:");
	size_t n;
	char *text;

	if (p == NULL)
		return;
	n = 7 + strspn(p + 7, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");
	text = what + strlen(what);
	snprintf(text, size - strlen(what), ", it shows %.*s", (int)(n > 64 ? 64 : n), p);
}

void
ssh_words_verdict(
    const char *host, bool ssh2, const char *words, bool connected, struct ssh_verdict *v)
{
	const char *program = ssh2 ? "iris-ssh" : "ssh";
	const struct row *r = NULL;
	char said[SSH_WORDS_QUOTE], name[HOST_MAX];
	struct line l;
	size_t len;

	compat_strlcpy(name, host, sizeof name);
	json_utf8_mend(name);
	words = words != NULL ? words : "";
	if (connected)
		last_line(words, &l);
	else
		r = find(words, &l);
	quote(&l, said, sizeof said);
	v->code = r != NULL ? r->code : ERR_LINE;
	fill(v->what, sizeof v->what,
	    r != NULL       ? r->what
		: connected ? "the line to @ was lost"
			    : "@ can not be reached",
	    name);
	fill(v->mend, sizeof v->mend,
	    r != NULL       ? r->mend
		: connected ? "see that it is switched on and that this machine is on the network"
			    : "see `iris remote check`, which looks at each step",
	    name);
	if (r != NULL && r->fingerprint)
		add_fingerprint(words, v->what, sizeof v->what);
	len = strlen(v->what);
	if (said[0] != '\0')
		snprintf(v->what + len, sizeof v->what - len, " (%s: %s)", program, said);
	else
		snprintf(v->what + len, sizeof v->what - len, " (%s has not said why)", program);
}

void
ssh_words_ended(const char *host, bool ssh2, const char *words, bool connected, int status,
    struct ssh_verdict *v)
{
	char last[SSH_WORDS_QUOTE];

	ssh_words_verdict(host, ssh2, words, connected, v);
	if (connected || status == 255 || status == -1 || v->code == ERR_HOST)
		return;
	ssh_words_last(words != NULL ? words : "", last, sizeof last);
	v->code = ERR_HOST;
	snprintf(v->what, sizeof v->what,
	    "%.100s did not run what Iris asked it to run (status %d%s%s)", host, status,
	    last[0] != '\0' ? ": " : "", last);
	compat_strlcpy(v->mend, "see that this login runs commands: no forced command, no menu",
	    sizeof v->mend);
}

void
ssh_words_judge(const char *host, bool ssh2, const char *words, bool connected, struct err *err)
{
	struct ssh_verdict v;

	ssh_words_verdict(host, ssh2, words, connected, &v);
	err_set(err, v.code, "%s; %s", v.what, v.mend);
}

void
ssh_words_add(char *words, size_t size, const char *line, size_t len)
{
	size_t have = strlen(words);
	char *cut;

	if (len > size / 2 - 1)
		len = size / 2 - 1;
	if (len == 0 || is_noise(line, len))
		return;
	while (have > 0 && have + len + 2 > size) {
		cut = strchr(words, '\n');
		cut = cut != NULL ? cut + 1 : words + have;
		memmove(words, cut, strlen(cut) + 1);
		have = strlen(words);
	}
	memcpy(words + have, line, len);
	words[have + len] = '\n';
	words[have + len + 1] = '\0';
}

const char *
ssh_words_last(const char *words, char *out, size_t size)
{
	struct line l;

	last_line(words, &l);
	quote(&l, out, size);
	return out;
}
