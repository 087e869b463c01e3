/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which hole a raw file was squeezed of, if any: the page tables tell, for
 * they name physical addresses, and what is there must be page tables again.
 */
#ifndef NT_HOLE_H
#define NT_HOLE_H

#include "nt/kernel.h"

/*
 * The start of the hole (of image_holes[]) that explains clearly more page
 * tables than all others and the flat file do; 0 where the file is flat, or
 * nothing is clear. pm: of the flat image, for which image_may_lack_hole()
 * holds. The log says what was found. Reads at most a few thousand tables, and
 * as much of the file as it takes to find some top-level tables.
 */
uint64_t nt_hole_find(const PhysMem *pm, const Image *image,
		      const struct nt_hints *hints, Log *log);

#endif
