/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a thread translated last. Structures are read in many small pieces
 * that lie close together, and going down the tables for each takes four
 * times as long as the piece itself.
 *
 * Only what hardware would translate is kept, by tables that hardware would
 * walk: other entries depend on what else is known. A thread's entries are of
 * use as long as the PhysMem that they were found in; of an image that changes
 * there is a new one each time that the image is looked at anew.
 */
#ifndef VTOP_TLB_H
#define VTOP_TLB_H

#include "vtop/vtop.h"

/* The frame of the 4 KiB page of va, where this thread has it. */
bool vtop_tlb_find(const struct addr_space *as, VirtAddr va, PhysAddr *frame);
void vtop_tlb_keep(const struct addr_space *as, VirtAddr va, PhysAddr frame);

#endif
