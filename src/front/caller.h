/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks. Programs that are shown proc/ in place of Linux's (ps of procps 4
 * above all) look themselves up there by their own pid, and give up where they
 * are not. They are no process of the image: what they find is that of
 * proc/self.
 */
#ifndef FRONT_CALLER_H
#define FRONT_CALLER_H

#include "front/fuse-priv.h"

/* Is it a pid of whoever asks, in whichever pid namespace? */
bool caller_has_pid(fuse_req_t req, const char *name);
/* A name that a process may have in proc/: digits. What is not there now may
 * be the next caller. */
bool caller_could_have_pid(const char *name);
/* Where dir is proc/: the node of what proc/self leads to. */
bool caller_find_self(Tree *tree, const struct tree_node *dir,
		      struct tree_node *ret);

#endif
