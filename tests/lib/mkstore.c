/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The compressed store of the made-up machine: pages that processes have in
 * the virtual page file are kept in regions of MemCompression's user half,
 * found by two trees of keys and by records. Some cannot be read, in all the
 * ways that a reader may meet.
 */
#include "config.h"

#include "lib/mkstore.h"

#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#include <string.h>

#define STORES 2u
#define REGION_LEN 0x10000u
#define REGION_SHIFT 12u
#define REGIONS 4u	/* of each store */
#define RECORD_SHIFT 3u /* records of a chunk: 8 */
#define RECORD_BYTES 16u
#define CHUNK_HEAD 0x40u
#define CHUNK_ARRAYS 5u
#define RECORDS (((1u << CHUNK_ARRAYS) - 1) << RECORD_SHIFT)
#define NO_PLACE UINT32_MAX
#define KEY_INVALID 0x01000000u
#define FILLERS 300u /* keys that nobody asks for */
#define MEM_COMPRESSION_PID 1300u
#define XPRESS_FORMAT 3u

static const struct mk_store_offsets offsets64[] = {
	{14393, 0, 0, 0x1c0, 0x28, 0x18, 0x50, 0x110, 0x378, 0x37c, 0x420,
	 0x17a8, 0x1918, 16, true},
	{15063, 0, 0, 0x1c0, 0x28, 0x18, 0x50, 0x110, 0x378, 0x37c, 0x420,
	 0x1828, 0x1988, 16, true},
	{16299, 0, 0, 0x1c0, 0x28, 0x18, 0x50, 0x110, 0x378, 0x37c, 0x430,
	 0x1848, 0x19a8, 16, true},
	{19041, 0, 0, 0x1c0, 0x28, 0x18, 0x50, 0x110, 0x378, 0x37c, 0x430,
	 0x1848, 0x19b8, 16, true},
	{22601, 8, 0x7a8, 0x1c0, 0x28, 0x18, 0x50, 0x110, 0x378, 0x37c, 0x430,
	 0x1848, 0x19b8, 16, true},
	{26100, 0x10, 0xc30, 0x1c0, 0x28, 0x18, 0x50, 0x110, 0x378, 0x37c, 0,
	 0x1b70, 0x1d08, 16, false},
};
static const struct mk_store_offsets offsets32[] = {
	{14393, 0, 0, 0xf4, 0x14, 0xc, 0x38, 0xa4, 0x1fc, 0x200, 0x258, 0x1124,
	 0x1204, 8, true},
	{15063, 0, 0, 0xf4, 0x14, 0xc, 0x38, 0xa4, 0x1fc, 0x200, 0x258, 0x1174,
	 0x1244, 12, true},
	{16299, 0, 0, 0xf4, 0x14, 0xc, 0x38, 0xa4, 0x1fc, 0x200, 0x25c, 0x1184,
	 0x1254, 12, true},
	{19041, 0, 0, 0xf4, 0x14, 0xc, 0x38, 0xa4, 0x1fc, 0x200, 0x25c, 0x1184,
	 0x125c, 12, true},
};

struct store {
	unsigned int index; /* among 1024 */
	uint64_t va;
	uint64_t chunks[CHUNK_ARRAYS];
	uint64_t regions; /* array of pointers */
	uint32_t n_records;
	uint32_t used; /* bytes of the regions */
	GArray *keys;  /* struct mk_tree_entry */
};

struct builder {
	MkWin *win;
	MkProc *proc;
	const struct mk_store_offsets *at;
	struct store stores[STORES];
	GArray *keys; /* struct mk_tree_entry */
};

/* Also before the machine was chosen. */
static const struct mk_store_offsets *find_offsets(const MkWin *win)
{
	const enum nt_arch arch = layout_arch(win->layout);
	const bool narrow = arch == NT_ARCH_X86 || arch == NT_ARCH_X86PAE;
	const struct mk_store_offsets *all = narrow ? offsets32 : offsets64;
	const size_t n =
		narrow ? G_N_ELEMENTS(offsets32) : G_N_ELEMENTS(offsets64);
	const struct mk_store_offsets *found = NULL;

	for (size_t i = 0; i < n; i++)
		if (layout_build(win->layout) >= all[i].first_build)
			found = &all[i];
	return arch == NT_ARCH_ARM64 ? NULL : found;
}

bool mk_store_possible(const MkWin *win)
{
	const struct mk_store_offsets *at = find_offsets(win);

#ifndef HAVE_LZ4
	if (at && !at->algorithm)
		return false;
#endif
	return at != NULL;
}

static uint32_t key_of(const struct builder *b, uint32_t place)
{
	return b->at->numbers ? b->win->options.store << 28 | place : place;
}

static void add_key(GArray *keys, uint32_t key, uint32_t value)
{
	const struct mk_tree_entry entry = {key, value};

	g_array_append_val(keys, entry);
}

static uint64_t region_va(const struct builder *b, const struct store *store,
			  uint32_t n)
{
	const uint64_t base = mk_is_32bit(b->win) ? 0x20000000
						  : UINT64_C(0x1c920000000);

	return base + (store->index ? 0x1000000 : 0) + n * 3 * REGION_LEN;
}

/* Chunks are numbered from 1; which array has one says its highest bit. */
static uint64_t record_va(const struct builder *b, const struct store *store,
			  uint32_t key)
{
	const uint32_t chunk = key >> RECORD_SHIFT;
	unsigned int i = 0;
	uint64_t page;

	while (chunk >> (i + 1))
		i++;
	page = mk_kread_ptr(b->win, store->chunks[i] +
					    b->at->stride *
						    (chunk ^ (1u << i)));
	return page + CHUNK_HEAD +
	       RECORD_BYTES * (key & ((1u << RECORD_SHIFT) - 1));
}

/* The key of a new record: they go from chunk to chunk. */
static uint32_t add_record(struct builder *b, struct store *store,
			   uint32_t place, uint32_t size, uint32_t hash)
{
	const uint32_t key =
		(1u << RECORD_SHIFT) + store->n_records++ * 5 % RECORDS;
	const uint64_t va = record_va(b, store, key);

	mk_kwrite32(b->win, va, place);
	mk_kwrite32(b->win, va + 4, size);
	mk_kwrite32(b->win, va + 8, hash);
	return key;
}

/* A place for so many bytes in one region; not in the last one. */
static uint32_t take_place(struct store *store, size_t len)
{
	uint32_t at = store->used;

	if (at % REGION_LEN + len > REGION_LEN)
		at = (at / REGION_LEN + 1) * REGION_LEN;
	g_assert(at + len <= (REGIONS - 1) * REGION_LEN);
	store->used = (uint32_t)((at + len + 15) & ~UINT64_C(15));
	return at / REGION_LEN << REGION_SHIFT | at % REGION_LEN >> 4;
}

static uint32_t put_bytes(struct builder *b, struct store *store,
			  const uint8_t *bytes, size_t len)
{
	const uint32_t place = take_place(store, len);
	const uint64_t va = region_va(b, store, place >> REGION_SHIFT) +
			    (uint64_t)(place & 0xfff) * 16;

	mk_user_write(b->win, b->proc, va, bytes, len);
	return place;
}

static size_t compress(const struct builder *b, const uint8_t *page,
		       uint8_t out[MK_PAGE_SIZE])
{
	int n = 0;

	if (b->at->algorithm)
		return mk_xpress(page, MK_PAGE_SIZE, out, 0xff0);
#ifdef HAVE_LZ4
	n = LZ4_compress_default((const char *)page, (char *)out, MK_PAGE_SIZE,
				 0xff0);
#endif
	return n > 0 ? (size_t)n : 0;
}

/* Record of a page as it should be. */
static uint32_t add_good(struct builder *b, struct store *store,
			 const struct mk_store_page *p)
{
	const uint32_t hash = 0x9a000001u + p->place;
	uint8_t page[MK_PAGE_SIZE], out[MK_PAGE_SIZE];
	size_t n;

	mk_content_fill(b->win->options.seed, p->pid, p->va, p->content, page);
	if (p->kind == MK_STORE_ZERO)
		return add_record(b, store, 0, 0, 0);
	if (p->kind == MK_STORE_RAW)
		return add_record(b, store,
				  put_bytes(b, store, page, sizeof(page)), 0,
				  hash);
	if (p->kind == MK_STORE_RAW_SIZE)
		return add_record(b, store,
				  put_bytes(b, store, page, sizeof(page)),
				  MK_PAGE_SIZE, 0);
	n = compress(b, page, out);
	g_assert(n > 16);
	if (p->kind == MK_STORE_TRUNCATED)
		n -= 5;
	return add_record(b, store, put_bytes(b, store, out, n), (uint32_t)n,
			  hash);
}

/* Records that lead nowhere; others have one as it should be. */
static uint32_t add_page_record(struct builder *b, struct store *store,
				const struct mk_store_page *p)
{
	uint32_t key;

	switch (p->kind) {
	case MK_STORE_CHAIN:
		key = add_good(b, store, p);
		key = add_record(b, store, NO_PLACE, key, 0);
		return add_record(b, store, NO_PLACE, key, 0);
	case MK_STORE_LOOP:
		key = add_record(b, store, NO_PLACE, 0, 0);
		mk_kwrite32(b->win, record_va(b, store, key) + 4, key);
		return key;
	case MK_STORE_NO_CHUNK:
		return 1u << (CHUNK_ARRAYS + RECORD_SHIFT);
	case MK_STORE_NO_REGION:
		return add_record(b, store, REGIONS << REGION_SHIFT, 0x200, 9);
	case MK_STORE_LOST_REGION:
		return add_record(b, store, (REGIONS - 1) << REGION_SHIFT,
				  0x200, 9);
	case MK_STORE_OVER_END:
		return add_record(b, store, 0xffe, 0x200, 9);
	default:
		return add_good(b, store, p);
	}
}

static void add_page(struct builder *b, const struct mk_store_page *p, guint i)
{
	struct store *store = &b->stores[i % STORES];
	const uint32_t key = key_of(b, p->place);
	uint32_t value = store->index;

	if (p->kind == MK_STORE_NO_STORE)
		value = 500;
	if (p->kind == MK_STORE_INVALID)
		value |= KEY_INVALID;
	if (p->kind != MK_STORE_NO_KEY)
		add_key(b->keys, key, value);
	if (p->kind != MK_STORE_NO_KEY && p->kind != MK_STORE_NO_PAGE)
		add_key(store->keys, key, add_page_record(b, store, p));
}

static uint64_t new_array(MkWin *win, size_t bytes, const char *tag)
{
	if (bytes < MK_PAGE_SIZE)
		return mk_pool_alloc(win, &win->nonpaged, bytes, tag);
	return mk_pool_pages(win, &win->nonpaged,
			     (bytes + MK_PAGE_SIZE - 1) / MK_PAGE_SIZE);
}

static void make_chunks(struct builder *b, struct store *store)
{
	MkWin *win = b->win;

	for (unsigned int i = 0; i < CHUNK_ARRAYS; i++) {
		store->chunks[i] =
			new_array(win, (size_t)b->at->stride << i, "smBA");
		for (unsigned int j = 0; j < 1u << i; j++) {
			uint64_t page = mk_pool_pages(win, &win->nonpaged, 1);

			mk_kwrite32(win, page, 0x6b43486d);
			mk_kwrite_ptr(win,
				      store->chunks[i] + b->at->stride * j,
				      page);
		}
	}
}

/* A region that Windows has written to a page file. */
static void page_out(struct builder *b, uint64_t va)
{
	const struct mk_region region = {
		.start = va,
		.end = va + MK_PAGE_SIZE,
		.protection = MK_PROT_RW,
		.is_private = true,
	};
	struct mk_page page = {
		.va = va,
		.pa = MK_NO_PA,
		.size = MK_PAGE_SIZE,
		.rights = MK_RIGHT_U | MK_RIGHT_W,
		.state = MK_STATE_PAGEFILE,
		.swap = mk_swap_place(0, 0x7654),
	};

	page.raw = mk_pte_pagefile(b->win, 0, 0x7654, MK_PROT_RW);
	page.raw = mk_user_swizzle(b->win, b->proc, page.raw);
	mk_paging_poke(b->proc->paging, va, 1, page.raw);
	g_array_append_val(b->proc->pages, page);
	g_array_append_val(b->proc->regions, region);
}

/* Their pointers have a count of users in the low bits. */
static void make_regions(struct builder *b, struct store *store)
{
	MkWin *win = b->win;
	const unsigned int pointer = mk_pointer_bytes(win);

	store->regions = new_array(win, (REGIONS + 1) * pointer, "smRg");
	for (uint32_t i = 0; i < REGIONS; i++) {
		const uint64_t va = region_va(b, store, i);

		if (i < REGIONS - 1)
			mk_user_pages(win, b->proc, va,
				      REGION_LEN / MK_PAGE_SIZE);
		else
			page_out(b, va);
		mk_kwrite_ptr(win, store->regions + i * pointer,
			      va | (i == 1 ? 3 : 0));
	}
}

static void make_store(struct builder *b, struct store *store)
{
	MkWin *win = b->win;

	store->keys = g_array_new(FALSE, FALSE, sizeof(struct mk_tree_entry));
	store->va = mk_pool_pages(win, &win->nonpaged, 2);
	make_chunks(b, store);
	make_regions(b, store);
}

static void finish_store(struct builder *b, struct store *store)
{
	const struct mk_store_offsets *at = b->at;
	const unsigned int pointer = mk_pointer_bytes(b->win);
	const uint64_t numbers = store->va + at->chunks + 32 * pointer + 8;
	MkWin *win = b->win;

	mk_kwrite_ptr(win, store->va + at->pages_tree,
		      mk_tree_build(win, store->keys));
	for (unsigned int i = 0; i < CHUNK_ARRAYS; i++)
		mk_kwrite_ptr(win, store->va + at->chunks + i * pointer,
			      store->chunks[i]);
	mk_kwrite32(win, numbers, RECORD_SHIFT);
	mk_kwrite32(win, numbers + 4, (1u << RECORD_SHIFT) - 1);
	mk_kwrite32(win, numbers + 8, RECORD_BYTES);
	mk_kwrite32(win, numbers + 16, CHUNK_HEAD);
	mk_kwrite32(win, store->va + at->size_mask, 0xfff);
	mk_kwrite32(win, store->va + at->index_shift, REGION_SHIFT);
	if (at->algorithm)
		mk_kwrite32(win, store->va + at->algorithm, XPRESS_FORMAT);
	mk_kwrite_ptr(win, store->va + at->regions, store->regions);
	mk_kwrite_ptr(win, store->va + at->owner, b->proc->info.eprocess);
}

/* 32 arrays of 32 stores. */
static void put_metadata(struct builder *b, uint64_t manager)
{
	const unsigned int pointer = mk_pointer_bytes(b->win);
	MkWin *win = b->win;

	for (unsigned int i = 0; i < STORES; i++) {
		const struct store *store = &b->stores[i];
		const uint64_t array =
			new_array(win, 32u * b->at->meta_bytes, "smSa");
		const uint64_t at =
			array + store->index % 32 * b->at->meta_bytes;

		mk_kwrite_ptr(win, manager + store->index / 32 * pointer,
			      array);
		mk_kwrite_ptr(win, at, store->va);
		mk_kwrite_ptr(win, at + b->at->meta_owner,
			      b->proc->info.eprocess);
	}
}

/* Since 11 22H2 it is not in SmGlobals but in a list that begins there. */
static uint64_t make_manager(struct builder *b)
{
	MkWin *win = b->win;
	const uint64_t globals = mk_symbol(win, "SmGlobals");
	uint64_t manager;

	win->sm_globals = globals;
	if (!b->at->link_at)
		return globals;
	manager = mk_pool_alloc(win, &win->nonpaged, b->at->link_to + 0x40,
				"SmPa");
	mk_list_init(win, globals + b->at->link_at);
	mk_list_append(win, globals + b->at->link_at,
		       manager + b->at->link_to);
	return manager;
}

void mk_store_map(MkWin *win, MkProc *proc)
{
	struct builder b = {.win = win, .proc = proc};
	uint64_t manager;

	b.at = find_offsets(win);
	b.keys = g_array_new(FALSE, FALSE, sizeof(struct mk_tree_entry));
	for (unsigned int i = 0; i < STORES; i++) {
		b.stores[i].index = i * 37;
		make_store(&b, &b.stores[i]);
	}
	for (guint i = 0; i < win->store_pages->len; i++)
		add_page(&b,
			 &g_array_index(win->store_pages, struct mk_store_page,
					i),
			 i);
	for (uint32_t i = 0; i < FILLERS; i++) {
		add_key(b.keys, key_of(&b, 0x80000 + 3 * i), KEY_INVALID);
		add_key(b.stores[i % STORES].keys,
			key_of(&b, 0x80000 + 3 * i), 0);
	}
	manager = make_manager(&b);
	for (unsigned int i = 0; i < STORES; i++) {
		finish_store(&b, &b.stores[i]);
		g_array_unref(b.stores[i].keys);
	}
	put_metadata(&b, manager);
	mk_kwrite_ptr(win, manager + b.at->tree, mk_tree_build(win, b.keys));
	g_array_unref(b.keys);
}

void mk_store_build(MkWin *win)
{
	MkProc *proc;

	if (!win->options.store)
		return;
	proc = mk_proc_add(win, "MemCompression", 14, MEM_COMPRESSION_PID,
			   MK_SYSTEM_PID);
	proc->minimal = true;
	proc->store = true;
	mk_proc_build(win, proc);
}
