/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `dump`. */
#include "config.h"

#include "tree/dump.h"

Compose *dump_compose(const struct render_facts *facts, const Space *space,
		      uint64_t arg)
{
	g_autoptr(SpaceView) view =
		space_view((Space *)(uintptr_t)space, facts->views);
	Compose *c = compose_new(view);

	(void)arg;
	for (guint i = 0; i < view->regions->len; i++) {
		const struct region *r =
			&g_array_index(view->regions, struct region, i);

		compose_space(c, r->start, r->len);
	}
	return c;
}
