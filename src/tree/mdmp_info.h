/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory info list of a minidump: what VirtualQueryEx() would have said.
 */
#ifndef TREE_MDMP_INFO_H
#define TREE_MDMP_INFO_H

#include "tree/mdmp.h"
#include "tree/space.h"

/* PAGE_* for a protection of the memory manager (5 bits, as in VADs and
 * PTEs). */
uint32_t mdmp_protect(unsigned mm_protection);

/*
 * Ranges of [0, end) of a process: ascending, without gaps. vads: struct
 * nt_vad, ascending, without overlaps. What no VAD has and the tables have
 * all the same is committed, of type 0. *cut: there are more than
 * MDMP_INFOS_MAX, or too much to look through; the rest is missing or
 * reserved. (transfer full) of struct mdmp_info.
 */
GArray *mdmp_infos(const Space *space, const SpaceView *view,
		   const GArray *vads, uint64_t end, bool *cut);

#endif
