/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made-up machines with a compressed store. */
#ifndef UNIT_UNIT_STORE_H
#define UNIT_UNIT_STORE_H

#include "unit/unit-win.h"

/* Of the virtual page file; seed of the machine. */
#define UNIT_STORE_NUMBER 5u
#define UNIT_STORE_SEED 11u

struct mk_options unit_store_options(const char *layout);
const struct mk_store_page *unit_store_page(const struct unit_win *w, guint i);
/* By the builder: can it be read? */
bool unit_store_readable(const struct mk_store_page *page);

#endif
