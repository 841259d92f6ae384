/* SPDX-License-Identifier: MIT
 *
 * The table of faults: names from the environment, a file, or a user text, to bits.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"

static const struct {
	const char *name;
	char scope;
	const char *help;
} faults[] = {
#define X(sym, name, scope, help) [FAULT_BIT_##sym] = {name, scope, help},
    FAULT_TABLE(X)
#undef X
};

static unsigned
fault_bit(const char *name, size_t len)
{
	for (unsigned i = 0; i < FAULT_BIT_COUNT; i++) {
		if (strlen(faults[i].name) == len && memcmp(faults[i].name, name, len) == 0)
			return 1u << i;
	}
	die(2, "fake-claude: unknown fault \"%.*s\" (see --help)", (int)len, name);
}

/* Names apart by commas or blanks. */
unsigned
fault_from_names(const char *list)
{
	static const char sep[] = ", \t\r\n";
	unsigned mask = 0;

	for (list += strspn(list, sep); *list != '\0'; list += strspn(list, sep)) {
		size_t len = strcspn(list, sep);
		mask |= fault_bit(list, len);
		list += len;
	}
	return mask;
}

unsigned
fault_from_text(const char *text)
{
	char name[16], *arg;
	unsigned mask = 0;

	while (directive_next(&text, name, sizeof name, &arg)) {
		if (strcmp(name, "FAULT") == 0)
			mask |= fault_from_names(arg);
		free(arg);
	}
	return mask;
}

unsigned
fault_turn_mask(void)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < FAULT_BIT_COUNT; i++) {
		if (faults[i].scope == 'T')
			mask |= 1u << i;
	}
	return mask;
}

/*
 * FAKE_CLAUDE_FAULT_ONCE names a file that the first process makes; the ones after it are healthy.
 */
static bool
fault_is_spent(void)
{
	const char *path = getenv("FAKE_CLAUDE_FAULT_ONCE");
	int fd;

	if (path == NULL)
		return false;
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) == -1)
		return true;
	close(fd);
	return false;
}

void
fault_load(void)
{
	const char *names = getenv("FAKE_CLAUDE_FAULT");
	char buf[512] = "";
	unsigned mask = 0;
	FILE *f;

	if ((f = fopen(".fake-claude-fault", "re")) != NULL) {
		buf[fread(buf, 1, sizeof buf - 1, f)] = '\0';
		fclose(f);
		mask |= fault_from_names(buf);
	}
	if (names != NULL)
		mask |= fault_from_names(names);
	if (mask == 0 || fault_is_spent())
		return;
	fake.turn_env = mask & fault_turn_mask();
	fake.faults |= mask & ~fault_turn_mask();
}

void
fault_help(void)
{
	for (unsigned i = 0; i < FAULT_BIT_COUNT; i++)
		printf("  %-26s %s%s\n", faults[i].name, faults[i].help,
		    faults[i].scope == 'P' ? "" : " (that turn)");
}
