/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made-up machines for the tests. */
#include "config.h"

#include "unit/unit-win.h"

#include <string.h>

void unit_win_init_hints(struct unit_win *w, const struct mk_options *options,
			 const struct nt_hints *hints)
{
	g_autoptr(GError) error = NULL;

	w->win = mk_win_new(options, &error);
	if (!w->win)
		g_error("no machine: %s", error->message);
	unit_mem_init(&w->mem, mk_win_phys(w->win));
	w->log = log_new();
	w->kernel = nt_kernel_find(w->mem.pm, w->mem.image, hints, w->log);
}

void unit_win_init(struct unit_win *w, const struct mk_options *options)
{
	static const struct nt_hints none;

	unit_win_init_hints(w, options, &none);
}

void unit_win_clear(struct unit_win *w)
{
	nt_kernel_free(w->kernel);
	log_free(w->log);
	unit_mem_clear(&w->mem);
	mk_win_free(w->win);
}

struct addr_space unit_win_space(const struct unit_win *w)
{
	return (struct addr_space){
		.pm = w->mem.pm,
		.form = &paging_amd64,
		.root = PHYS(mk_win_kernel(w->win)->dtb),
	};
}

unsigned unit_win_seen(const struct mk_process *p)
{
	return (unsigned)p->in_list << METHOD_PSACTIVEPROCESSHEAD |
	       (unsigned)(p->in_csrss != MK_CSRSS_NO) << METHOD_CSRSS |
	       (unsigned)p->in_cid << METHOD_PSPCIDTABLE |
	       (unsigned)p->in_session << METHOD_SESSIONS |
	       (unsigned)p->in_handles << METHOD_HANDLES;
}

unsigned unit_win_missing(const char *name)
{
	static const struct {
		const char *name;
		unsigned missing;
	} hidden[] = {
		{ "ghost.exe", 1u << METHOD_PSACTIVEPROCESSHEAD },
		{ "cloak.exe", 1u << METHOD_PSPCIDTABLE },
		{ "nocsrss.exe", 1u << METHOD_CSRSS },
		{ "nosession.exe", 1u << METHOD_SESSIONS },
		{ "notable.exe", 1u << METHOD_HANDLES },
		{ "phantom.exe", METHODS_ALL & ~(1u << METHOD_HANDLES) },
		{ "onlycpu.exe", METHODS_ALL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++)
		if (!strcmp(hidden[i].name, name))
			return hidden[i].missing;
	return 0;
}
