/* SPDX-License-Identifier: MIT
 *
 * The ballast: a file beside the database whose only use is to be removed when the disk is full, so
 * that what was accepted can be stored to its end. Called by the files of store/.
 */
#ifndef IRIS_STORE_VFS_H
#define IRIS_STORE_VFS_H

/*
 * From now on SQLite's writes may have the ballast's room, for the database at path; the ballast is
 * made, if the disk has room for it. Without effect for ":memory:".
 */
void vfs_install(const char *path);

#endif
