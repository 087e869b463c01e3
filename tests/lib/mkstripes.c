/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process with as many regions as it has pages, in next to no memory. */
#include "config.h"

#include "lib/mkwin-priv.h"

#define FRAMES 16

static void note(const MkWin *win, MkProc *proc, uint64_t va, uint64_t pa,
		 uint64_t raw, unsigned int protection)
{
	const struct mk_page page = {
		.va = va,
		.pa = pa,
		.size = MK_PAGE_SIZE,
		.raw = raw,
		.rights = mk_user_rights(win, protection, true),
		.state = MK_STATE_VALID,
		.content = MK_CONTENT_OTHER,
		.swap = MK_NO_PA,
	};

	g_array_append_val(proc->pages, page);
}

void mk_stripes_map(MkWin *win, MkProc *proc, uint64_t va)
{
	const uint64_t end = va + win->options.bulk_mib * MK_MIB;
	const struct mk_region r = {
		.start = va,
		.end = end,
		.protection = MK_PROT_RW,
		.is_private = true,
	};
	uint64_t frames[FRAMES];

	for (unsigned int i = 0; i < FRAMES; i++) {
		frames[i] = mk_phys_page(win->phys);
		mk_phys_fill(win->phys, frames[i], proc->info.pid,
			     va + i * MK_PAGE_SIZE);
	}
	for (uint64_t i = 0; va < end; i++, va += MK_PAGE_SIZE) {
		const unsigned int protection = i % 2 ? MK_PROT_RW : MK_PROT_R;
		const uint64_t pa = frames[i % FRAMES];
		const uint64_t raw = mk_leaf(win, pa, MK_PAGE_SIZE,
					     mk_user_bits(proc, protection));

		mk_paging_poke(proc->paging, va, 1, raw);
		note(win, proc, va, pa, raw, protection);
	}
	g_array_append_val(proc->regions, r);
}
