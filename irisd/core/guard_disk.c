/* SPDX-License-Identifier: MIT
 *
 * Judges for guard.c what writes to disks, makes file systems, ends the machine or all of the
 * user's processes.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "irisd/core/guard_private.h"

/* Always, but with one of the words: those only show, or take back. */
struct tool {
	const char *name;
	const char *unless[7];
};

static const struct tool tools[] = {
    {"mkfs", {"-V", "-h", "--help", NULL}},
    {"mke2fs", {"-n", NULL}},
    {"mkswap", {"--help", NULL}},
    {"newfs", {"-N", NULL}},
    {"fdisk", {"-l", "--list", "-v", "-V", "--help", NULL}},
    {"sfdisk", {"-l", "-d", "--list", "--dump", "-J", NULL}},
    {"cfdisk", {"--help", NULL}},
    {"gdisk", {"-l", NULL}},
    {"sgdisk", {"-p", "--print", "-v", "-i", NULL}},
    {"parted", {"-l", "--list", "print", "-v", "--help", NULL}},
    {"wipefs", {"-n", "--no-act", "-h", "--help", NULL}},
    {"blkdiscard", {"--help", NULL}},
    {"pvremove", {NULL}},
    {"vgremove", {NULL}},
    {"lvremove", {NULL}},
    {"shutdown", {"-c", "--help", "--show", NULL}},
    {"reboot", {"--help", NULL}},
    {"halt", {"--help", NULL}},
    {"poweroff", {"--help", NULL}},
    {"killall5", {NULL}},
};

/* Always with the word. */
static const struct {
	const char *name, *word, *why;
} pairs[] = {
    {"systemctl", "poweroff", "ends the machine"},
    {"systemctl", "reboot", "ends the machine"},
    {"systemctl", "halt", "ends the machine"},
    {"systemctl", "kexec", "ends the machine"},
    {"systemctl", "rescue", "ends the machine"},
    {"systemctl", "emergency", "ends the machine"},
    {"systemctl", "soft-reboot", "ends the machine"},
    {"loginctl", "poweroff", "ends the machine"},
    {"loginctl", "reboot", "ends the machine"},
    {"loginctl", "terminate-user", "ends all of a user's processes"},
    {"init", "0", "ends the machine"},
    {"init", "6", "ends the machine"},
    {"telinit", "0", "ends the machine"},
    {"telinit", "6", "ends the machine"},
    {"cryptsetup", "luksFormat", "overwrites a disk"},
    {"cryptsetup", "erase", "overwrites a disk"},
    {"cryptsetup", "luksErase", "overwrites a disk"},
    {"zpool", "destroy", "deletes a file system"},
    {"zfs", "destroy", "deletes a file system"},
    {"btrfs", "delete", "deletes a file system"},
    {"nvme", "format", "overwrites a disk"},
    {"nvme", "sanitize", "overwrites a disk"},
    {"mdadm", "--zero-superblock", "overwrites a disk"},
    {"hdparm", "--security-erase", "overwrites a disk"},
    {"diskutil", "eraseDisk", "overwrites a disk"},
    {"diskutil", "eraseVolume", "overwrites a disk"},
    {"diskutil", "partitionDisk", "overwrites a disk"},
    {"diskutil", "zeroDisk", "overwrites a disk"},
    {"crontab", "-r", "deletes all cron jobs"},
};

/* Whether a path is a disk's device, the memory, or what restarts the machine. */
static bool
device(const char *path)
{
	static const char *const names[] = {"sd", "hd", "vd", "xvd", "nvme", "mmcblk", "disk",
	    "rdisk", "mapper/", "dm-", "loop", "md", "mem", "kmem", "nbd", "zvol/", "ram", "block/",
	    "ada", "da", NULL};
	size_t i;

	if (strcmp(path, "/proc/sysrq-trigger") == 0)
		return true;
	if (strncmp(path, "/dev/", 5) != 0)
		return false;
	path += 5;
	if (path[0] == GUARD_UNKNOWN)
		return true;
	for (i = 0; names[i] != NULL; i++)
		if (strncmp(path, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

void
guard_disk_write(const struct guard_command *c, const char *arg)
{
	char *path = guard_path(c->dir, arg);

	if (device(path))
		guard_report(c, "disk", "writes to a device");
	free(path);
}

/* kill -9 -1: all processes of the user. */
static bool
kills_all(const struct guard_command *c)
{
	bool signal = false, rest = false;
	size_t i;

	for (i = 1; i < c->argc; i++) {
		if (strcmp(c->argv[i], "--") == 0) {
			rest = signal = true;
		} else if (!signal && !rest && c->argv[i][0] == '-') {
			signal = true;
			if (strcmp(c->argv[i], "-s") == 0 || strcmp(c->argv[i], "-n") == 0)
				i++;
		} else if (strcmp(c->argv[i], "-1") == 0) {
			return true;
		}
	}
	return false;
}

/* Whether none of the words is given by which it only shows something. */
static bool
works(const struct guard_command *c, const struct tool *tool)
{
	size_t i;

	for (i = 1; i < c->argc; i++)
		if (guard_in(c->argv[i], tool->unless))
			return false;
	return true;
}

void
guard_disk(const struct guard_command *c)
{
	size_t i, j;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		const char *name = tools[i].name;
		size_t n = strlen(name);

		if ((strcmp(c->name, name) == 0 ||
			(strncmp(c->name, name, n) == 0 && c->name[n] == '.' &&
			    strcmp(name, "mkfs") == 0)) &&
		    works(c, &tools[i]))
			guard_report(c, "disk", "changes disks or ends the machine");
	}
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (strcmp(c->name, pairs[i].name) != 0)
			continue;
		for (j = 1; j < c->argc; j++)
			if (strcmp(c->argv[j], pairs[i].word) == 0)
				guard_report(c, "disk", pairs[i].why);
	}
	if (strcmp(c->name, "kill") == 0 && kills_all(c))
		guard_report(c, "disk", "kills all processes of the user");
}
