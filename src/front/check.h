/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be done without a mount: --check, --ls, --cat, --list-profiles. */
#ifndef FRONT_CHECK_H
#define FRONT_CHECK_H

#include "front/session.h"

/* As of fsck: 0 good, 1 partial. (2, unusable, is for who has no session.) */
int check_run(const Session *session);
/* --list: the table of processes. 0, or 1 where there is none. */
int check_list(const Session *session);
/* Exit codes: 0, or 1 where there is no such path, or 2 where the image could
 * not be read to the end or the output not be written. */
int check_ls(const Session *session, const char *path);
int check_cat(const Session *session, const char *path);
/* The first MiB of a text of the tree; NULL where there is none. (transfer
 * full) */
char *check_text(const Session *session, const char *path);
int check_list_profiles(void);

#endif
