/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pages of a process in each state that Windows knows: views of sections of
 * all shapes, every form of entry that is not valid, tables that are not
 * where they should be.
 */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* Offsets from the process's low addresses; each has 2^17 bytes and more. */
#define AT_SHARED UINT64_C(0xd080000)
#define AT_VIEWS UINT64_C(0xd100000)
#define AT_SOFT UINT64_C(0xdc00000)
#define AT_NO_TABLE UINT64_C(0xe000000)
#define AT_SPARSE UINT64_C(0xe800000)
#define AT_PAGED_TABLE UINT64_C(0xf400000)
#define AT_TRANS_TABLE UINT64_C(0xfc00000)
#define VIEW_STEP UINT64_C(0x20000)

#define SPARSE_PAGES 2560u

/* What process entries there are in a view, by turns: a valid entry (where
 * the page is resident), a pointer, "look in the VAD", nothing. */
#define ENTRIES "hdm0"

struct view {
	const struct mk_section *section;
	unsigned int first;
	unsigned int n;
	/* By turns: h d m 0, of which h is d where the page is not there; or
	 * H: the first page h, all others 0. */
	const char *entries;
};

/* --- pages --- */

static void note(MkProc *proc, const struct mk_page *page)
{
	struct mk_page copy = *page;

	copy.size = MK_PAGE_SIZE;
	g_array_append_val(proc->pages, copy);
}

static void region(MkProc *proc, uint64_t start, uint64_t pages,
		   unsigned int protection)
{
	const struct mk_region r = {
		.start = start,
		.end = start + pages * MK_PAGE_SIZE,
		.protection = protection,
		.is_private = true,
	};

	g_array_append_val(proc->regions, r);
}

static void map_label(MkWin *win, MkProc *proc, uint64_t va, uint64_t raw,
		      uint64_t pa, enum mk_state state, unsigned int protection)
{
	mk_paging_poke(proc->paging, va, 1, raw);
	mk_phys_fill(win->phys, pa, proc->info.pid, va);
	note(proc,
	     &(struct mk_page){
		     .va = va,
		     .pa = pa,
		     .raw = raw,
		     .rights = mk_user_rights(win, protection, raw & MK_PTE_P) |
			       MK_RIGHT_U,
		     .state = state,
		     .content = MK_CONTENT_LABEL,
		     .swap = MK_NO_PA,
	     });
}

static void map_valid(MkWin *win, MkProc *proc, uint64_t va)
{
	const uint64_t pa = mk_phys_page(win->phys);
	const uint64_t bits = mk_user_bits(proc, MK_PROT_RW);

	map_label(win, proc, va, mk_leaf(win, pa, MK_PAGE_SIZE, bits), pa,
		  MK_STATE_VALID, MK_PROT_RW);
}

/* An entry with nothing in memory behind it. */
static void put_soft(MkWin *win, MkProc *proc, uint64_t va, uint64_t raw,
		     enum mk_state state, unsigned int protection,
		     uint64_t swap)
{
	mk_paging_poke(proc->paging, va, 1, raw);
	note(proc, &(struct mk_page){
			   .va = va,
			   .pa = MK_NO_PA,
			   .raw = raw,
			   .rights = mk_user_rights(win, protection, false),
			   .state = state,
			   .content = swap == MK_NO_PA ? MK_CONTENT_NONE
						       : MK_CONTENT_PAGED,
			   .swap = swap,
		   });
}

/* --- views of sections --- */

static enum mk_content content_of(const struct mk_proto *proto)
{
	if (proto->lost)
		return MK_CONTENT_NONE;
	if (proto->pa != MK_NO_PA)
		return MK_CONTENT_SHARED;
	return proto->swap != MK_NO_PA ? MK_CONTENT_PAGED : MK_CONTENT_NONE;
}

static uint64_t proto_pte(MkWin *win, const struct view *view, uint64_t va)
{
	const uint64_t mask = win->kernel.invalid_pte_mask;
	const uint64_t raw =
		mk_pte_proto(win, va, view->section->form->protection);

	/* Mixed with the mask where that leads nowhere. */
	if (!mk_is_32bit(win) && !(raw & mask) &&
	    mk_random_below(&win->random, 4) == 0)
		return raw | mask;
	return raw;
}

static void map_proto(MkWin *win, MkProc *proc, const struct view *view,
		      uint64_t va, unsigned int i, char entry)
{
	const unsigned int protection = view->section->form->protection;
	const struct mk_proto *proto =
		mk_section_proto(view->section, view->first + i);
	struct mk_page page = {
		.va = va,
		.pa = proto->lost ? MK_NO_PA : proto->pa,
		.rights = mk_user_rights(win, protection, false),
		.state = proto->lost ? MK_STATE_PROTO_LOST : proto->state,
		.content = content_of(proto),
		.proto = proto->va,
		.proto_raw = proto->raw,
		.swap = proto->lost ? MK_NO_PA : proto->swap,
	};

	if (entry == 'm') {
		page.how = MK_HOW_MARKER;
		page.raw = mk_pte_in_vad(win, protection);
	} else if (entry == '0') {
		page.how = MK_HOW_VAD;
	} else {
		page.how = MK_HOW_DIRECT;
		page.raw = proto_pte(win, view, proto->va);
	}
	if (page.raw)
		mk_paging_poke(proc->paging, va, 1, page.raw);
	/* What nobody ever touched is not there. */
	if (page.raw || page.state != MK_STATE_ABSENT)
		note(proc, &page);
}

/* Part of the working set. */
static void map_hard(MkWin *win, MkProc *proc, const struct view *view,
		     uint64_t va, unsigned int i)
{
	const unsigned int protection = view->section->form->protection;
	const struct mk_proto *proto =
		mk_section_proto(view->section, view->first + i);
	const uint64_t raw = mk_leaf(win, proto->pa, MK_PAGE_SIZE,
				     mk_user_bits(proc, protection));

	mk_paging_poke(proc->paging, va, 1, raw);
	note(proc, &(struct mk_page){
			   .va = va,
			   .pa = proto->pa,
			   .raw = raw,
			   .rights = mk_user_rights(win, protection, true),
			   .state = MK_STATE_VALID,
			   .content = MK_CONTENT_SHARED,
			   .proto = proto->va,
			   .proto_raw = proto->raw,
			   .swap = MK_NO_PA,
		   });
}

/* Entries change from one page to the next, prototypes too: what comes after
 * a round is shifted by one, so that in the end all meet all. */
static void map_view(MkWin *win, MkProc *proc, uint64_t va,
		     const struct view *view)
{
	const unsigned int n = (unsigned int)strlen(view->entries);
	const struct mk_region r = {
		.start = va,
		.end = va + view->n * MK_PAGE_SIZE,
		.proto = mk_section_proto(view->section, view->first)->va,
		.protection = view->section->form->protection,
		.type = view->section->form->image ? 2 : 0,
		.section = view->section,
		.first = view->first,
	};

	for (unsigned int i = 0; i < view->n; i++, va += MK_PAGE_SIZE) {
		const struct mk_proto *proto =
			mk_section_proto(view->section, view->first + i);
		char entry = view->entries[(i + i / n) % n];

		if (entry == 'H')
			entry = i == 0 ? 'h' : '0';
		if (entry == 'h' && proto->raw & MK_PTE_P)
			map_hard(win, proc, view, va, i);
		else
			map_proto(win, proc, view, va, i, entry);
	}
	g_array_append_val(proc->regions, r);
}

/* --- shapes of sections --- */

static const struct mk_section_form form_file = {
	.file = "\\Windows\\Globalization\\Sorting\\SortDefault.nls",
	.kinds = "vvtfvtff",
	.protection = MK_PROT_R,
	.n = 1,
	.ptes = {8},
};
static const struct mk_section_form form_shared = {
	.file = "\\Windows\\Fonts\\everyone.ttf",
	.kinds = "vtfpz0",
	.protection = MK_PROT_R,
	.n = 1,
	.ptes = {31},
};
static const struct mk_section_form form_image = {
	.file = "\\Windows\\System32\\four.dll",
	.kinds = "vtfp",
	.image = true,
	.protection = MK_PROT_XWC,
	.n = 4,
	.ptes = {1, 5, 9, 4},
};
static const struct mk_section_form form_image_whole = {
	.file = "\\Windows\\System32\\whole.dll",
	.kinds = "vtvfc",
	.image = true,
	.one_array = true,
	.protection = MK_PROT_XWC,
	.n = 4,
	.ptes = {1, 6, 7, 2},
};
static const struct mk_section_form form_extents = {
	.file = "\\Users\\extents.dat",
	.kinds = "vtf",
	.protection = MK_PROT_RW,
	.n = 2,
	.ptes = {10, 7},
};
static const struct mk_section_form form_two_pages = {
	.file = "\\Users\\twopages.dat",
	.kinds = "vtpzf",
	.protection = MK_PROT_R,
	.n = 1,
	.ptes = {12},
	.place = MK_ARRAY_TWO_PAGES,
};
static const struct mk_section_form form_transition = {
	.file = "\\Users\\transition.dat",
	.kinds = "vtf",
	.protection = MK_PROT_RX,
	.n = 1,
	.ptes = {16},
	.place = MK_ARRAY_TRANSITION,
};
static const struct mk_section_form form_paged = {
	.file = "\\Users\\paged.dat",
	.kinds = "vtf",
	.protection = MK_PROT_R,
	.n = 1,
	.ptes = {16},
	.place = MK_ARRAY_PAGED,
};
static const struct mk_section_form form_lost = {
	.file = "\\Users\\lost.dat",
	.kinds = "vtf",
	.protection = MK_PROT_R,
	.n = 1,
	.ptes = {16},
	.place = MK_ARRAY_LOST,
};
/* Backed by the page file. */
static const struct mk_section_form form_memory = {
	.kinds = "vtpz0",
	.protection = MK_PROT_RW,
	.n = 1,
	.ptes = {21},
};
static const struct mk_section_form form_no_table = {
	.file = "\\Users\\notable.dat",
	.kinds = "vtfp0z",
	.protection = MK_PROT_R,
	.n = 2,
	.ptes = {7, 6},
};
/* Much of nothing, and a page now and then. */
static const struct mk_section_form form_sparse = {
	.kinds = "v0000000000000000000000000000000000000000000000000000000000"
		 "00000000000000000000000000000000000000000000t0000000000000",
	.protection = MK_PROT_RW,
	.n = 1,
	.ptes = {SPARSE_PAGES},
};

static void map_views(MkWin *win, MkProc *proc, uint64_t va)
{
	const struct mk_section *extents = mk_section_new(win, &form_extents);
	const struct view views[] = {
		{mk_section_new(win, &form_image), 0, 19, ENTRIES},
		{mk_section_new(win, &form_image_whole), 0, 16, ENTRIES},
		/* All; from the middle; the second extent only. */
		{extents, 0, 17, ENTRIES},
		{extents, 4, 12, "0m"},
		{extents, 12, 5, "m0d"},
		{mk_section_new(win, &form_two_pages), 0, 12, "0"},
		{mk_section_new(win, &form_transition), 0, 16, "d0m"},
		{mk_section_new(win, &form_paged), 0, 16, "0md"},
		{mk_section_new(win, &form_lost), 0, 16, "d0m"},
		{mk_section_new(win, &form_memory), 0, 21, ENTRIES},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(views); i++, va += VIEW_STEP)
		map_view(win, proc, va, &views[i]);
}

void mk_states_file(MkWin *win, MkProc *proc, uint64_t va)
{
	map_view(win, proc, va,
		 &(struct view){mk_section_new(win, &form_file), 0, 8,
				"hdddmm0"});
}

/* --- entries that are not valid --- */

struct soft {
	MkWin *win;
	MkProc *proc;
	uint64_t va; /* of the next page */
};

/* Masked and not masked, where there is a mask. */
static uint64_t with_mask(const MkWin *win, uint64_t raw, bool masked)
{
	const uint64_t mask = win->kernel.invalid_pte_mask;

	if (masked && !(raw & mask))
		return raw | mask;
	return raw | mk_bits(win, "_MMPTE_SOFTWARE.SwizzleBit", 1);
}

static void add_transition(struct soft *soft, unsigned int protection,
			   bool masked)
{
	const uint64_t pa = mk_phys_page(soft->win->phys);
	const uint64_t raw = mk_pte_transition(soft->win, pa, protection);

	map_label(soft->win, soft->proc, soft->va,
		  with_mask(soft->win, raw, masked), pa, MK_STATE_TRANSITION,
		  protection & MK_PROT_GUARD ? 0 : protection);
	soft->va += MK_PAGE_SIZE;
}

static void add_paged(struct soft *soft, unsigned int number,
		      unsigned int protection, bool masked)
{
	const uint64_t swap = mk_swap_label(soft->win, number,
					    soft->proc->info.pid, soft->va);
	const uint64_t raw = mk_pte_pagefile(
		soft->win, number, swap >> 12 & UINT32_MAX, protection);

	put_soft(soft->win, soft->proc, soft->va,
		 with_mask(soft->win, raw, masked), MK_STATE_PAGEFILE,
		 protection & MK_PROT_GUARD ? 0 : protection, swap);
	soft->va += MK_PAGE_SIZE;
}

static struct mk_page *last_page(const struct soft *soft)
{
	return &g_array_index(soft->proc->pages, struct mk_page,
			      soft->proc->pages->len - 1);
}

/* Far behind the end of any page file, or in one that nobody has: nothing
 * tells what is there. */
static void add_far(struct soft *soft, unsigned int number, uint64_t page,
		    bool masked)
{
	const bool narrow = soft->win->mode == MK_MODE_X86;
	uint64_t raw;

	page &= narrow ? 0xfffff : UINT32_MAX;
	raw = mk_pte_pagefile(soft->win, number, page, MK_PROT_RW);
	put_soft(soft->win, soft->proc, soft->va,
		 with_mask(soft->win, raw, masked), MK_STATE_PAGEFILE,
		 MK_PROT_RW, mk_swap_place(number, page));
	last_page(soft)->content = MK_CONTENT_NONE;
	soft->va += MK_PAGE_SIZE;
}

static void add_entry(struct soft *soft, uint64_t raw, enum mk_state state,
		      unsigned int protection)
{
	put_soft(soft->win, soft->proc, soft->va, raw, state, protection,
		 MK_NO_PA);
	soft->va += MK_PAGE_SIZE;
}

/* A private page that was found to be the same as others: the pointer to its
 * prototype PTE has the Combined bit, which is where Transition is now. */
static void add_combined(struct soft *soft, char kind)
{
	static const struct mk_section_form forms[] = {
		{.kinds = "v", .protection = MK_PROT_RW, .n = 1, .ptes = {1}},
		{.kinds = "t", .protection = MK_PROT_RW, .n = 1, .ptes = {1}},
	};
	const struct mk_section *section =
		mk_section_new(soft->win, &forms[kind == 't']);
	const struct view view = {section, 0, 1, "d"};
	uint64_t raw;

	map_proto(soft->win, soft->proc, &view, soft->va, 0, 'd');
	raw = mk_paging_peek(soft->proc->paging, soft->va, 1) |
	      mk_bits(soft->win, "_MMPTE_PROTOTYPE.Combined", 1);
	mk_paging_poke(soft->proc->paging, soft->va, 1, raw);
	last_page(soft)->raw = raw;
	soft->va += MK_PAGE_SIZE;
}

/* From 22H2 on: a page of a file, told by nothing but the entry. */
static void add_file_backed(struct soft *soft)
{
	uint64_t almost = UINT64_C(0xffff260612340080);

	if (soft->win->build < MK_BUILD_22H2 || mk_is_32bit(soft->win) ||
	    soft->win->mode == MK_MODE_ARM64)
		return;
	add_entry(soft, UINT64_C(0xffff800000000000), MK_STATE_FILE, 0);
	add_entry(soft, UINT64_C(0xffffa60612345080), MK_STATE_FILE,
		  MK_PROT_RW);
	/* Almost: the 17th bit is missing. */
	add_entry(soft, almost, MK_STATE_PAGEFILE, MK_PROT_RW);
	almost &= ~soft->win->kernel.invalid_pte_mask;
	last_page(soft)->swap = mk_swap_place(0, almost >> 32);
}

static void map_soft(MkWin *win, MkProc *proc, uint64_t va)
{
	struct soft soft = {win, proc, va};
	const uint64_t mask_bit = mk_is_32bit(win) ? 0x10 : 0x2000;

	for (unsigned int i = 0; i < 2; i++) {
		add_transition(&soft, MK_PROT_RW, i);
		add_transition(&soft, MK_PROT_RW | MK_PROT_GUARD, i);
		add_transition(&soft, 0, i);
		add_paged(&soft, 0, MK_PROT_RW, i);
		add_paged(&soft, 1, MK_PROT_RX, i);
		add_paged(&soft, 0, MK_PROT_RW | MK_PROT_GUARD, i);
		add_far(&soft, 0, UINT64_C(0xfffe0121), i);
		add_far(&soft, 1, UINT64_C(0xfffedfee), i);
		add_far(&soft, 15, 1, i);
		/* The mask's bit alone: of a machine without it a place. */
		add_far(&soft, 0, mask_bit, i);
	}
	add_entry(&soft, mk_pte_demandzero(win, MK_PROT_GUARD),
		  MK_STATE_DECOMMITTED, 0);
	add_entry(&soft, mk_pte_demandzero(win, MK_PROT_RWX),
		  MK_STATE_DEMANDZERO, MK_PROT_RWX);
	add_entry(&soft, mk_pte_demandzero(win, MK_PROT_RW | MK_PROT_GUARD),
		  MK_STATE_DEMANDZERO, MK_PROT_RW);
	add_entry(&soft, mk_pte_demandzero(win, MK_PROT_NOACCESS),
		  MK_STATE_DEMANDZERO, 0);
	add_combined(&soft, 'v');
	add_combined(&soft, 't');
	add_file_backed(&soft);
	region(proc, va, 0x30, MK_PROT_RW);
}

/* --- tables --- */

/* A page table that is itself in the page file, and three of its pages. */
static void map_paged_table(MkWin *win, MkProc *proc, uint64_t va)
{
	const uint64_t table = MK_PAGE_SIZE - 1;
	const guint first = proc->pages->len;
	uint8_t *bytes = g_malloc(MK_PAGE_SIZE);
	uint64_t pa, raw, swap;

	for (unsigned int i = 0; i < 3; i++)
		map_valid(win, proc, va + 3 * i * MK_PAGE_SIZE);
	pa = mk_paging_entry(proc->paging, va, 1) & ~table;
	mk_phys_read(win->phys, pa, bytes, MK_PAGE_SIZE);
	mk_phys_zero(win->phys, pa, MK_PAGE_SIZE);
	swap = mk_swap_bytes(win, 0, bytes);
	raw = mk_pte_pagefile(win, 0, swap >> 12 & UINT32_MAX, MK_PROT_RW);
	mk_paging_poke(proc->paging, va, 2,
		       mk_pte_swizzle(win, &proc->random, raw));
	for (guint i = first; i < proc->pages->len; i++) {
		struct mk_page *page =
			&g_array_index(proc->pages, struct mk_page, i);

		page->state = MK_STATE_PAGED_TABLE;
		page->swap = swap;
	}
	region(proc, va, 16, MK_PROT_RW);
}

/* No table under the whole view; a table under its beginning. */
static void map_no_tables(MkWin *win, MkProc *proc, uint64_t low)
{
	const struct view bare = {mk_section_new(win, &form_no_table), 0, 13,
				  "0"};
	const struct view sparse = {mk_section_new(win, &form_sparse), 0,
				    SPARSE_PAGES, "H"};

	map_view(win, proc, low + AT_NO_TABLE, &bare);
	map_view(win, proc, low + AT_SPARSE, &sparse);
}

/* A view whose page table was taken back, but is still in memory. */
static void map_trans_table(MkWin *win, MkProc *proc, uint64_t va)
{
	const uint64_t table = MK_PAGE_SIZE - 1;
	const struct view view = {mk_section_new(win, &form_no_table), 0, 13,
				  "dm0"};
	uint64_t pa;

	map_view(win, proc, va, &view);
	pa = mk_paging_entry(proc->paging, va, 1) & ~table;
	mk_paging_poke(proc->paging, va, 2,
		       mk_pte_swizzle(win, &proc->random,
				      mk_pte_transition(win, pa, MK_PROT_RW)));
}

void mk_states_build(MkWin *win, MkProc *proc, uint64_t low)
{
	if (!win->common)
		win->common = mk_section_new(win, &form_shared);
	map_view(win, proc, low + AT_SHARED,
		 &(struct view){win->common, 0, 31, ENTRIES});
	if (!proc->marker)
		return;
	map_views(win, proc, low + AT_VIEWS);
	map_soft(win, proc, low + AT_SOFT);
	map_no_tables(win, proc, low);
	map_paged_table(win, proc, low + AT_PAGED_TABLE);
	map_trans_table(win, proc, low + AT_TRANS_TABLE);
}
