/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only part that talks to libfuse: the callbacks. */
#ifndef FRONT_FUSE_OPS_H
#define FRONT_FUSE_OPS_H

#include <fuse_lowlevel.h>

#include "front/session.h"

typedef struct FuseFs FuseFs;

/* Takes session, borrows options. ready_fd: told of the mount once it answers
 * (and closed then); -1: nobody. */
FuseFs *fuse_fs_new(Session *session, const Options *options, int ready_fd);
/* After the loop: waits for what is still being answered. */
void fuse_fs_finish(FuseFs *fs);
void fuse_fs_free(FuseFs *fs);

extern const struct fuse_lowlevel_ops fuse_fs_ops;

#endif
