/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages in the virtual page file: entries that say so, and what they were. */
#include "config.h"

#include "lib/mkwin-priv.h"

/* How many a process has; place of the first one in the page file. */
#define STORE_PAGES 40u
#define STORE_FIRST 0x40000u
/* So many more are like the first kind, for each round of all kinds. */
#define MORE 5u

static enum mk_content content_of(enum mk_store_kind kind)
{
	switch (kind) {
	case MK_STORE_RAW:
	case MK_STORE_RAW_SIZE:
		return MK_CONTENT_LABEL;
	case MK_STORE_ZERO:
		return MK_CONTENT_ZERO;
	default:
		return MK_CONTENT_PACKED;
	}
}

static void add_page(MkWin *win, MkProc *proc, uint64_t va, unsigned int i)
{
	const unsigned int kind = i % (MK_STORE_KINDS + MORE);
	struct mk_store_page p = {
		.pid = proc->info.pid,
		.va = va,
		.place = STORE_FIRST + 7 * win->store_pages->len,
		.kind = kind < MK_STORE_KINDS ? (enum mk_store_kind)kind
					      : MK_STORE_PACKED,
	};
	const bool lost = p.kind >= MK_STORE_NO_KEY;
	struct mk_page page = {
		.va = va,
		.pa = MK_NO_PA,
		.size = MK_PAGE_SIZE,
		.rights = MK_RIGHT_U | MK_RIGHT_W,
		.state = lost ? MK_STATE_COMPRESSED : MK_STATE_STORE,
	};

	p.content = content_of(p.kind);
	page.content = lost ? MK_CONTENT_NONE : p.content;
	page.raw = mk_pte_pagefile(win, win->options.store, p.place,
				   MK_PROT_RW);
	page.raw = mk_user_swizzle(win, proc, page.raw);
	mk_paging_poke(proc->paging, va, 1, page.raw);
	g_array_append_val(win->store_pages, p);
	g_array_append_val(proc->pages, page);
}

void mk_store_pages(MkWin *win, MkProc *proc, uint64_t va)
{
	const struct mk_region region = {
		.start = va,
		.end = va + STORE_PAGES * MK_PAGE_SIZE,
		.protection = MK_PROT_RW,
		.is_private = true,
	};

	for (unsigned int i = 0; i < STORE_PAGES; i++)
		add_page(win, proc, va + i * MK_PAGE_SIZE, i);
	g_array_append_val(proc->regions, region);
}
