/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mounting a session and serving it until it ends. */
#ifndef FRONT_MOUNT_H
#define FRONT_MOUNT_H

#include "front/session.h"

/* Refuses a mount point that cannot be one, before the image is opened; makes
 * options->mountpoint absolute. */
bool mount_check_point(Options *options, GError **error);

/*
 * Takes session. Mounts, goes to the background unless told otherwise (once
 * the mount is there), and returns when the filesystem was unmounted or a
 * signal came. Returns the exit code: 0, or 3 where it could not be mounted.
 */
int mount_run(Session *session, const Options *options);

#endif
