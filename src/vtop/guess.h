/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which paging form do the tables under a DTB have? */
#ifndef VTOP_GUESS_H
#define VTOP_GUESS_H

#include "vtop/vtop.h"

/* The form with which a short walk from root finds the most that makes sense
 * (pages in the image) and the least that does not (reserved bits, frames and
 * tables outside); PAE for a root within a page, as no other form has; 4-level
 * where nothing speaks for any. */
const struct paging_form *vtop_guess_form(const PhysMem *pm, PhysAddr root);

#endif
