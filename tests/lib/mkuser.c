/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User memory of a process: pages of every kind that Windows knows. */
#include "config.h"

#include "lib/mkthread.h"
#include "lib/mkwin-priv.h"

#include <string.h>

/* Page file numbers that are used; 2 is that of the compressed store. */
#define PAGEFILE_MAIN 0u
#define PAGEFILE_STORE 2u
struct user {
	MkWin *win;
	MkProc *proc;
	const struct mk_places *places;
};

static const struct {
	unsigned int rights;
	uint64_t bits;
} protections[8] = {
	[MK_PROT_R] = {MK_RIGHT_U, MK_PTE_NX},
	[MK_PROT_RX] = {MK_RIGHT_U | MK_RIGHT_X, 0},
	[MK_PROT_RW] = {MK_RIGHT_U | MK_RIGHT_W,
			MK_PTE_NX | MK_PTE_W | MK_PTE_D | MK_PTE_WRITE},
	[MK_PROT_WC] = {MK_RIGHT_U | MK_RIGHT_C, MK_PTE_NX | MK_PTE_COW},
	[MK_PROT_RWX] = {MK_RIGHT_U | MK_RIGHT_W | MK_RIGHT_X,
			 MK_PTE_W | MK_PTE_D | MK_PTE_WRITE},
	[MK_PROT_XWC] = {MK_RIGHT_U | MK_RIGHT_X | MK_RIGHT_C, MK_PTE_COW},
};

static uint64_t draw(const struct user *user, uint64_t n)
{
	return mk_random_below(&user->proc->random, n);
}

static uint64_t leaf_bits(const struct user *user, unsigned int protection)
{
	const uint64_t age = draw(user, 16) << 56;

	return MK_PTE_P | MK_PTE_U | MK_PTE_A | age |
	       protections[protection & 7].bits;
}

/* Two-level tables cannot forbid execution. */
static unsigned int valid_rights(const struct user *user,
				 unsigned int protection)
{
	const unsigned int x = user->win->mode == MK_MODE_X86 ? MK_RIGHT_X : 0;

	return protections[protection & 7].rights | x;
}

unsigned int mk_user_rights(const MkWin *win, unsigned int protection,
			    bool valid)
{
	const struct user user = {.win = (MkWin *)(uintptr_t)win};

	return valid ? valid_rights(&user, protection)
		     : protections[protection & 7].rights;
}

uint64_t mk_user_bits(MkProc *proc, unsigned int protection)
{
	return leaf_bits(&(struct user){.proc = proc}, protection);
}

static void note_page(const struct user *user, uint64_t va, uint64_t pa,
		      uint64_t size, uint64_t raw, unsigned int rights,
		      enum mk_state state, enum mk_content content)
{
	const struct mk_page page = {
		.va = va,
		.pa = pa,
		.size = size,
		.raw = raw,
		.rights = rights,
		.state = state,
		.content = content,
		.swap = MK_NO_PA,
	};

	g_array_append_val(user->proc->pages, page);
}

static struct mk_page *last_page(const struct user *user)
{
	return &g_array_index(user->proc->pages, struct mk_page,
			      user->proc->pages->len - 1);
}

static enum mk_state frame_state(const MkWin *win, uint64_t pa, uint64_t size)
{
	const struct mk_run *runs;
	size_t n;

	if (mk_phys_is_ram(win->phys, pa, size))
		return size > MK_PAGE_SIZE ? MK_STATE_LARGE : MK_STATE_VALID;
	runs = mk_phys_runs(win->phys, &n);
	for (size_t i = 0; i < n; i++)
		if (pa < runs[i].start + runs[i].len &&
		    runs[i].start < pa + size)
			return MK_STATE_PARTIAL;
	return MK_STATE_OUTSIDE;
}

static int level_of(const MkWin *win, uint64_t size)
{
	int level = 1;

	while (mk_paging_span(win->mode, level) < size)
		level++;
	return level;
}

/* Ordinary memory at a given frame; labelled where the frame is RAM. */
static void map_at(const struct user *user, uint64_t va, uint64_t pa,
		   uint64_t size, unsigned int protection)
{
	MkWin *win = user->win;
	const uint64_t bits = leaf_bits(user, protection);
	const uint64_t raw = mk_leaf(win, pa, size, bits);
	const enum mk_state state = frame_state(win, pa, size);
	enum mk_content content = MK_CONTENT_LABEL;

	mk_paging_poke(user->proc->paging, va, level_of(win, size), raw);
	if (state == MK_STATE_OUTSIDE)
		content = MK_CONTENT_NONE;
	else if (state == MK_STATE_PARTIAL && size > MK_PAGE_SIZE)
		content = MK_CONTENT_OTHER;
	else
		for (uint64_t at = 0; at < size; at += MK_PAGE_SIZE)
			mk_phys_fill(win->phys, pa + at, user->proc->info.pid,
				     va + at);
	note_page(user, va, pa, size, raw, valid_rights(user, protection),
		  state, content);
}

static void map_scattered(const struct user *user, uint64_t va, unsigned int n,
			  unsigned int protection)
{
	for (; n > 0; n--, va += MK_PAGE_SIZE)
		map_at(user, va, mk_phys_page(user->win->phys), MK_PAGE_SIZE,
		       protection);
}

static void map_contiguous(const struct user *user, uint64_t va, unsigned int n,
			   unsigned int protection)
{
	uint64_t pa = mk_phys_pages(user->win->phys, n);

	for (; n > 0; n--, va += MK_PAGE_SIZE, pa += MK_PAGE_SIZE)
		map_at(user, va, pa, MK_PAGE_SIZE, protection);
}

static void region(const struct user *user, uint64_t start, uint64_t pages,
		   unsigned int protection, unsigned int type, bool is_private,
		   uint64_t proto)
{
	const struct mk_region r = {
		.start = start,
		.end = start + pages * MK_PAGE_SIZE,
		.proto = proto,
		.protection = protection,
		.type = type,
		.is_private = is_private,
	};

	g_array_append_val(user->proc->regions, r);
}

uint64_t mk_user_swizzle(MkWin *win, MkProc *proc, uint64_t raw)
{
	return mk_pte_swizzle(win, &proc->random, raw);
}

static uint64_t swizzle(const struct user *user, uint64_t raw)
{
	return mk_user_swizzle(user->win, user->proc, raw);
}

static void poke(const struct user *user, uint64_t va, uint64_t raw,
		 uint64_t pa, unsigned int protection, enum mk_state state)
{
	enum mk_content content = MK_CONTENT_NONE;

	mk_paging_poke(user->proc->paging, va, 1, raw);
	if (pa != MK_NO_PA) {
		mk_phys_fill(user->win->phys, pa, user->proc->info.pid, va);
		content = MK_CONTENT_LABEL;
	}
	note_page(user, va, pa, MK_PAGE_SIZE, raw,
		  protections[protection & 7].rights, state, content);
}

static uint64_t transition_pte(const struct user *user, uint64_t pa,
			       unsigned int protection)
{
	return swizzle(user, mk_pte_transition(user->win, pa, protection));
}

static void add_transition(const struct user *user, uint64_t va,
			   unsigned int protection)
{
	const uint64_t pa = mk_phys_page(user->win->phys);

	poke(user, va, transition_pte(user, pa, protection), pa, protection,
	     MK_STATE_TRANSITION);
}

static void add_demandzero(const struct user *user, uint64_t va,
			   unsigned int protection)
{
	poke(user, va, mk_pte_demandzero(user->win, protection), MK_NO_PA,
	     protection, MK_STATE_DEMANDZERO);
}

/* A page at a place in a page file. */
static void add_paged(const struct user *user, uint64_t va, unsigned int number,
		      uint64_t place, unsigned int protection)
{
	MkWin *win = user->win;
	const bool lost = number && number == win->options.store;
	uint64_t raw;

	place = mk_page_file_put(win, number, place, user->proc->info.pid, va);
	raw = mk_pte_pagefile(win, number, place, protection);
	poke(user, va, swizzle(user, raw), MK_NO_PA, protection,
	     lost ? MK_STATE_COMPRESSED : MK_STATE_PAGEFILE);
	last_page(user)->swap = mk_swap_place(number, place);
	if (mk_page_file_pages(win, number))
		last_page(user)->content = MK_CONTENT_LABEL;
}

static void add_pagefile(const struct user *user, uint64_t va,
			 unsigned int number, unsigned int protection)
{
	uint64_t place = 0x1000 + draw(user, 0x30000);
	uint64_t swap, raw;
	struct mk_page *page;

	if (!user->win->options.states || number != PAGEFILE_MAIN) {
		add_paged(user, va, number, place, protection);
		return;
	}
	swap = mk_swap_label(user->win, number, user->proc->info.pid, va);
	raw = mk_pte_pagefile(user->win, number, swap >> 12 & UINT32_MAX,
			      protection);
	poke(user, va, swizzle(user, raw), MK_NO_PA, protection,
	     MK_STATE_PAGEFILE);
	page = last_page(user);
	page->swap = swap;
	page->content = MK_CONTENT_PAGED;
}

void mk_user_paged(MkWin *win, MkProc *proc, uint64_t va, unsigned int number,
		   uint64_t place, unsigned int protection)
{
	const struct user user = {.win = win, .proc = proc};

	add_paged(&user, va, number, place, protection);
}

/*
 * A mapped file of eight pages with its array of prototype PTEs: valid in
 * the process; by pointer to a valid one, to one in transition, to a
 * subsection; by the VAD likewise; and one not touched yet.
 */
static void map_file(const struct user *user, uint64_t va)
{
	MkWin *win = user->win;
	const uint64_t size = win->mode == MK_MODE_X86 ? 4 : 8;
	const uint64_t protos =
		mk_pool_alloc(win, &win->paged, 8 * size, "MmSt");
	const uint64_t valid = MK_PTE_P | MK_PTE_A | MK_PTE_G | MK_PTE_NX;
	uint64_t pa[8], raw;

	for (size_t i = 0; i < G_N_ELEMENTS(pa); i++) {
		bool resident = i != 3 && i < 6;

		pa[i] = resident ? mk_phys_page(win->phys) : MK_NO_PA;
		raw = mk_pte_subsection(win, win->nonpaged.base + 0x40);
		if (resident)
			raw = i == 2 || i == 5
				      ? transition_pte(user, pa[i], MK_PROT_R)
				      : mk_leaf(win, pa[i], MK_PAGE_SIZE,
						valid);
		raw = GUINT64_TO_LE(raw);
		mk_kwrite(win, protos + size * i, &raw, size);
	}
	map_at(user, va, pa[0], MK_PAGE_SIZE, MK_PROT_R);
	for (size_t i = 1; i < 7; i++) {
		raw = i < 4 ? mk_pte_proto(win, protos + size * i, MK_PROT_R)
			    : mk_pte_in_vad(win, MK_PROT_R);
		poke(user, va + i * MK_PAGE_SIZE, raw, pa[i], MK_PROT_R,
		     MK_STATE_PROTOTYPE);
	}
	region(user, va, 8, MK_PROT_R, 0, false, protos);
}

/* An image: headers, code, constants, data shared until written, data. */
static void map_image(const struct user *user, uint64_t va)
{
	map_scattered(user, va, 1, MK_PROT_R);
	map_contiguous(user, va + 0x1000, 6, MK_PROT_RX);
	map_scattered(user, va + 0x7000, 2, MK_PROT_RX);
	map_scattered(user, va + 0x9000, 2, MK_PROT_R);
	map_scattered(user, va + 0xb000, 2, MK_PROT_WC);
	map_scattered(user, va + 0xd000, 1, MK_PROT_XWC);
	map_contiguous(user, va + 0xe000, 2, MK_PROT_RW);
	region(user, va, 16, MK_PROT_XWC, 2, false, 0);
}

/* A clean page: writable for Windows, not (yet) for the processor. */
static void map_clean(const struct user *user, uint64_t va)
{
	struct mk_page *page;
	uint64_t bits;

	map_at(user, va, mk_phys_page(user->win->phys), MK_PAGE_SIZE,
	       MK_PROT_RW);
	page = last_page(user);
	/* A kernel for one processor leaves it to the dirty bit. */
	bits = leaf_bits(user, MK_PROT_RW) & ~MK_PTE_D;
	if (!user->win->single) {
		bits &= ~MK_PTE_W;
		page->rights &= ~MK_RIGHT_W;
		page->rights |= MK_RIGHT_CLEAN;
	}
	page->raw = mk_leaf(user->win, page->pa, MK_PAGE_SIZE, bits);
	mk_paging_poke(user->proc->paging, va, 1, page->raw);
}

static void map_heap(const struct user *user, uint64_t va)
{
	map_contiguous(user, va, 12, MK_PROT_RW);
	map_scattered(user, va + 0xf000, 8, MK_PROT_RW);
	map_clean(user, va + 0x17000);
	map_contiguous(user, va + 0x18000, 4, MK_PROT_RW);
	region(user, va, 0x40, MK_PROT_RW, 0, true, 0);
}

static void map_states(const struct user *user, uint64_t va)
{
	const MkWin *win = user->win;
	const uint64_t beyond = mk_phys_end(win->phys) + 0x100000;
	/* The highest frame but one that an entry can hold. */
	const uint64_t far = win->mode == MK_MODE_X86 ? UINT64_C(0xffffe000)
			     : win->mode == MK_MODE_PAE
				     ? UINT64_C(0x3fffffe000)
				     : UINT64_C(0x7ffffff000);

	map_scattered(user, va, 1, MK_PROT_RWX);
	add_transition(user, va + 0x1000, MK_PROT_RW);
	add_transition(user, va + 0x2000, MK_PROT_R);
	add_transition(user, va + 0x3000, MK_PROT_RW);
	add_demandzero(user, va + 0x5000, MK_PROT_RW);
	add_demandzero(user, va + 0x6000, MK_PROT_RW | MK_PROT_GUARD);
	add_pagefile(user, va + 0x8000, PAGEFILE_MAIN, MK_PROT_RW);
	add_pagefile(user, va + 0x9000, PAGEFILE_STORE, MK_PROT_R);
	map_at(user, va + 0xb000, beyond & ~(MK_PAGE_SIZE - 1), MK_PAGE_SIZE,
	       MK_PROT_RW);
	map_at(user, va + 0xc000, far, MK_PAGE_SIZE, MK_PROT_R);
	if (win->options.hole)
		map_at(user, va + 0xd000, 3 * MK_GIB, MK_PAGE_SIZE, MK_PROT_R);
	map_scattered(user, va + 0xe000, 1, MK_PROT_RW);
	region(user, va, 0x10, MK_PROT_RW, 0, true, 0);
}

static void map_large(const struct user *user, uint64_t va)
{
	MkWin *win = user->win;
	const uint64_t size = mk_paging_span(win->mode, 2);
	uint64_t pa;

	if (mk_phys_large_left(win->phys) < (size > MK_LARGE_SIZE ? 10 : 6))
		return;
	/* Of three pieces in a row two are aligned to their size. */
	pa = mk_phys_large(win->phys, size > MK_LARGE_SIZE ? 3 : 1);
	pa = (pa + size - 1) & ~(size - 1);
	map_at(user, va, pa, size, MK_PROT_RW);
	region(user, va, size / MK_PAGE_SIZE, MK_PROT_RW, 5, true, 0);
}

/* The first GiB (partly RAM in a small machine), and one that is not there. */
static void map_gig(const struct user *user, uint64_t va)
{
	map_at(user, va, 0, MK_GIB, MK_PROT_RW);
	map_at(user, va + MK_GIB, 64 * MK_GIB, MK_GIB, MK_PROT_R);
	region(user, va, 2 * MK_GIB / MK_PAGE_SIZE, MK_PROT_RW, 5, true, 0);
}

/* A page table that Windows took back, but that is still in memory. */
static void map_trans_table(const struct user *user, uint64_t va)
{
	MkPaging *paging = user->proc->paging;
	GArray *pages = user->proc->pages;
	const guint first = pages->len;
	uint64_t raw;

	map_scattered(user, va, 4, MK_PROT_RW);
	for (guint i = first; i < pages->len; i++)
		g_array_index(pages, struct mk_page, i).state = MK_STATE_TABLE;
	raw = mk_paging_peek(paging, va, 2) & UINT64_C(0xffffffffff000);
	mk_paging_poke(paging, va, 2, transition_pte(user, raw, MK_PROT_RW));
	region(user, va, 16, MK_PROT_RW, 0, true, 0);
}

static void map_marker(const struct user *user, uint64_t va)
{
	struct mk_page *page;

	map_scattered(user, va, 1, MK_PROT_RWX);
	page = last_page(user);
	mk_phys_write(user->win->phys, page->pa + MK_MARKER_OFFSET, MK_MARKER,
		      strlen(MK_MARKER));
	page->content = MK_CONTENT_MARKER;
	region(user, va, 1, MK_PROT_RWX, 0, true, 0);
}

/* The last frame, of which only the first bytes are in the image. */
static void map_partial(const struct user *user, uint64_t va)
{
	map_at(user, va, user->win->partial_pa, MK_PAGE_SIZE, MK_PROT_RW);
	region(user, va, 1, MK_PROT_RW, 0, true, 0);
}

void mk_user_pages(MkWin *win, MkProc *proc, uint64_t va, unsigned int n)
{
	const struct user user = {.win = win, .proc = proc};

	region(&user, va, n, MK_PROT_RW, 0, true, 0);
	for (; n > 0; n--, va += MK_PAGE_SIZE) {
		uint64_t pa = mk_phys_page(win->phys);
		uint64_t raw = mk_leaf(win, pa, MK_PAGE_SIZE,
				       leaf_bits(&user, MK_PROT_RW));

		mk_paging_poke(proc->paging, va, 1, raw);
		note_page(&user, va, pa, MK_PAGE_SIZE, raw,
			  valid_rights(&user, MK_PROT_RW), MK_STATE_VALID,
			  MK_CONTENT_OTHER);
	}
}

void mk_user_write(MkWin *win, MkProc *proc, uint64_t va, const void *buf,
		   size_t len)
{
	const uint8_t *src = buf;

	while (len > 0) {
		size_t n = MIN(len, MK_PAGE_SIZE - va % MK_PAGE_SIZE);
		uint64_t pa = 0;

		g_assert_true(mk_paging_walk(proc->paging, va, &pa, NULL));
		mk_phys_write(win->phys, pa, src, n);
		va += n;
		src += n;
		len -= n;
	}
}

static void map_kuser(const struct user *user)
{
	const uint64_t pa = user->win->kuser_pa;
	const uint64_t raw =
		mk_leaf(user->win, pa, MK_PAGE_SIZE,
			MK_PTE_P | MK_PTE_U | MK_PTE_A | MK_PTE_NX);

	if (user->win->options.damage.no_kuser)
		return;
	mk_paging_poke(user->proc->paging, MK_KUSER_USER, 1, raw);
	note_page(user, MK_KUSER_USER, pa, MK_PAGE_SIZE, raw,
		  valid_rights(user, MK_PROT_R), MK_STATE_VALID,
		  MK_CONTENT_OTHER);
	region(user, MK_KUSER_USER, 1, MK_PROT_R, 0, true, 0);
}

/* Half in long runs, the rest page by page in no order. */
static void map_bulk(const struct user *user, uint64_t va)
{
	const MkWin *win = user->win;
	const uint64_t half = win->options.bulk_mib * MK_MIB / 2;
	const uint64_t rest = win->options.scatter ? 2 * half : half;
	const uint64_t start = va;

	for (guint i = 0; i < win->bulk->len; i++) {
		uint64_t pa = g_array_index(win->bulk, uint64_t, i);

		for (uint64_t at = 0; at < win->bulk_run; at += MK_PAGE_SIZE)
			map_at(user, va + at, pa + at, MK_PAGE_SIZE,
			       MK_PROT_RW);
		va += win->bulk_run;
	}
	for (uint64_t at = 0; at < rest; at += MK_PAGE_SIZE)
		map_scattered(user, va + at, 1, MK_PROT_RW);
	region(user, start, (va + rest - start) / MK_PAGE_SIZE, MK_PROT_RW, 0,
	       true, 0);
}

static int compare_pages(gconstpointer a, gconstpointer b)
{
	const struct mk_page *left = a, *right = b;

	return left->va < right->va ? -1 : left->va > right->va;
}

static int compare_regions(gconstpointer a, gconstpointer b)
{
	const struct mk_region *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

static void map_extras(const struct user *user, uint64_t low)
{
	const struct mk_options *options = &user->win->options;
	const MkProc *proc = user->proc;

	if (proc->large)
		map_large(user, low + 0x8000000);
	if (proc->marker)
		map_marker(user, low + 0xa000000);
	if (proc->marker && user->win->partial_pa)
		map_partial(user, low + 0xb000000);
	if (proc->marker && (options->trans_table || options->states))
		map_trans_table(user, low + 0xc000000);
	if (proc->marker && options->gig)
		map_gig(user, low + 0x4000000000);
	if (proc->odd)
		mk_bad_vads_regions(user->win, user->proc, low);
	if (options->page_files)
		mk_page_file_map(user->win, user->proc, low + 0xd000000);
	if (proc->bulk && options->stripes)
		mk_stripes_map(user->win, user->proc,
			       low + user->places->bulk);
	else if (proc->bulk)
		map_bulk(user, low + user->places->bulk);
	/* Of two, one of which small machines have as well. */
	if (options->store && (proc->marker || proc->info.pid == 456))
		mk_store_pages(user->win, user->proc, low + 0xd800000);
}

/* Each kind has a range of its own, so that nothing can overlap. */
static void map_process(const struct user *user)
{
	const struct mk_places *places = user->places;
	const uint64_t image =
		places->image + draw(user, 0x400) * places->image_step;
	const uint64_t low = places->low;
	uint64_t heap, high = places->high;

	map_image(user, image);
	mk_peb_build(user->win, user->proc,
		     &(struct mk_peb_places){
			     .peb = places->peb,
			     .parameters = low + 0x600000,
			     .image = image,
		     });
	mk_threads_user(user->win, user->proc, image, low + 0x2000000);
	heap = low + 0x1000000 + (draw(user, 0x40) << 16);
	map_heap(user, heap);
	mk_peb_heap(user->win, user->proc, heap);
	map_states(user, low + 0x4000000 + (draw(user, 0x1f) << 16));
	high += draw(user, 0x100) << 16;
	if (!user->win->options.states) {
		map_file(user, high);
	} else {
		mk_states_file(user->win, user->proc, high);
		mk_states_build(user->win, user->proc, low);
	}
	map_extras(user, low);
	if (user->win->options.modules)
		mk_ldr_build(user->win, user->proc, image, low);
}

void mk_user_build(MkWin *win, MkProc *proc)
{
	const struct user user = {
		.win = win,
		.proc = proc,
		.places = mk_user_places(win, proc->info.wow64),
	};

	map_kuser(&user);
	if (!proc->minimal)
		map_process(&user);
	if (proc->store)
		mk_store_map(win, proc);
	g_array_sort(proc->pages, compare_pages);
	g_array_sort(proc->regions, compare_regions);
}
