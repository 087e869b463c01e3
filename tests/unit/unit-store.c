/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made-up machines with a compressed store. */
#include "config.h"

#include "unit/unit-store.h"

struct mk_options unit_store_options(const char *layout)
{
	return (struct mk_options){ .seed = UNIT_STORE_SEED, .layout = layout,
				    .size_mib = 32,
				    .store = UNIT_STORE_NUMBER };
}

const struct mk_store_page *unit_store_page(const struct unit_win *w, guint i)
{
	return &g_array_index(mk_win_store_pages(w->win), struct mk_store_page,
			      i);
}

bool unit_store_readable(const struct mk_store_page *page)
{
	return page->kind < MK_STORE_NO_KEY;
}
