/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pages of a made-up machine are those of user space only. */
#ifndef MKFMT_DUMPUSER_H
#define MKFMT_DUMPUSER_H

#include "lib/mkwrite.h"

/* A bit for each page up to the end of memory (transfer full): set where the
 * lower half of some top-level table leads to it, and no upper half does.
 * Where that cannot be told (ARM64), nothing is set. */
uint8_t *mk_user_only_pages(const MkPhys *phys,
		       const struct mk_write_options *options);

#endif
