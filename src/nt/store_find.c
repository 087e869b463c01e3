/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the stores are: SmGlobals by its symbol, else by what it leads to. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "nt/machine.h"
#include "nt/store-priv.h"

enum {
	SECTIONS_MAX = 96,     /* of a PE image */
	POINTERS_MAX = 1 << 20, /* looked behind; a kernel has fewer */
	ARRAYS_COST = 64,      /* looking through arrays, in pointers */
	TRIALS_MAX = 8,	       /* places that are read as a whole */
	FIRST_BUILD = 14393,   /* 10 1607; before, nothing is known */
};

struct finder {
	const NtKernel *k;
	NtStore *best;	/* owned, or NULL */
	NtStore *probe; /* nothing loaded: its memory is used */
	unsigned n_trials, pointers_left;
	uint64_t image, image_len;
};

static bool is_kernel_pointer(const struct finder *f, uint64_t va)
{
	const struct store_memory *m = &f->probe->memory;

	return va % m->pointer_bytes == 0 && nt_is_kernel_address(m->as, va);
}

static bool find_manager(const struct finder *f, const struct store_row *row,
			 uint64_t globals, uint64_t *ret)
{
	uint64_t link;

	*ret = globals;
	if (!row->link_at)
		return true;
	if (!store_pointer(&f->probe->memory, globals + row->link_at, &link) ||
	    !is_kernel_pointer(f, link) || link < row->link_to)
		return false;
	*ret = link - row->link_to;
	return true;
}

static bool is_of_build(const NtKernel *k, const struct store_row *row)
{
	return k->build >= row->first_build && k->build <= row->last_build;
}

/* More chunks that are where the row has them decide, so that no single word
 * makes another row fit better; then more stores, then the build. */
static bool is_better(const NtKernel *k, const NtStore *s, const NtStore *best)
{
	if (!best)
		return true;
	if (s->n_chunks != best->n_chunks)
		return s->n_chunks > best->n_chunks;
	if (s->n_usable != best->n_usable)
		return s->n_usable > best->n_usable;
	return is_of_build(k, s->row) && !is_of_build(k, best->row);
}

static NtStore *load_row(const struct finder *f, const struct store_row *row,
			 uint64_t globals, const char *how)
{
	uint64_t manager;
	NtStore *s;

	if (row->pointer_bytes != f->k->profile.pointer_bytes ||
	    !find_manager(f, row, globals, &manager))
		return NULL;
	s = store_new(f->k);
	s->globals = VIRT(globals);
	s->how = how;
	store_load(s, f->k, row, manager);
	return s;
}

/* Reads SmGlobals at an address in all ways there are; f->best is the one that
 * fits best, if that has a store that can be used. */
static bool try_globals(struct finder *f, uint64_t globals, const char *how)
{
	NtStore *best = NULL;

	if (f->n_trials++ >= TRIALS_MAX)
		return false;
	for (const struct store_row *row = store_rows; row->name; row++) {
		NtStore *s = load_row(f, row, globals, how);

		if (s && is_better(f->k, s, best)) {
			nt_store_free(best);
			best = s;
		} else {
			nt_store_free(s);
		}
	}
	if (best && best->n_usable)
		f->best = best;
	else
		nt_store_free(best);
	return f->best != NULL;
}

/* Could a manager be there: a tree, pointers to arrays, one of which has a
 * store? */
static bool may_be_manager(struct finder *f, const struct store_row *row,
			   uint64_t va)
{
	const struct store_memory *m = &f->probe->memory;
	uint64_t tree, array;
	unsigned n = 0;

	if (!is_kernel_pointer(f, va) ||
	    !store_pointer(m, va + row->key_tree, &tree) ||
	    !store_is_kernel_page(m, tree))
		return false;
	f->pointers_left -= MIN(f->pointers_left, ARRAYS_COST);
	for (unsigned i = 0; i < STORES_MAX / STORES_PER_ARRAY; i++) {
		if (!store_pointer(m, va + i * m->pointer_bytes, &array) ||
		    (array && !is_kernel_pointer(f, array)))
			return false;
		n += array && store_is_array(m, row, array);
	}
	return n > 0;
}

/* A pointer of the kernel's data: is it to the tree in SmGlobals, or the link
 * to where that is since 11 22H2? */
static bool try_pointer(struct finder *f, uint64_t slot, uint64_t value)
{
	const struct store_memory *m = &f->probe->memory;
	const struct store_row *row, *last = NULL;

	for (row = store_rows; row->name; row++) {
		uint64_t manager = row->link_at ? value - row->link_to :
						  slot - row->key_tree;
		uint64_t globals = row->link_at ? slot - row->link_at : manager;

		/* Rows that look the same so far are tried once. */
		if (row->pointer_bytes != m->pointer_bytes ||
		    (last && last->link_at == row->link_at))
			continue;
		last = row;
		if (!row->link_at && value & PAGE_MASK_4K)
			continue;
		if (may_be_manager(f, row, manager) &&
		    try_globals(f, globals, "derived"))
			return true;
	}
	return false;
}

static bool scan_page(void *ctx, VirtAddr va, const uint8_t *page)
{
	struct finder *f = ctx;
	unsigned n = f->k->profile.pointer_bytes;

	for (unsigned i = 0; i < PAGE_SIZE_4K; i += n) {
		uint64_t v = n == 8 ? load_le64(page + i) :
				      load_le32(page + i);

		/* The arrays are in pool, most pointers lead elsewhere. */
		if (!is_kernel_pointer(f, v) ||
		    v - f->image < f->image_len)
			continue;
		if (!f->pointers_left)
			return false;
		f->pointers_left--;
		if (try_pointer(f, va.v + i, v))
			return false;
	}
	return true;
}

static void scan(struct finder *f, uint64_t start, uint64_t len)
{
	if (!f->best && f->pointers_left)
		nt_scan_range(&f->probe->as, VIRT(start), len, UINT64_MAX,
			      scan_page, f);
}

/* The sections that are written to (PE/COFF: section table; flag
 * IMAGE_SCN_MEM_WRITE). */
static void scan_sections(struct finder *f)
{
	uint8_t page[PAGE_SIZE_4K];
	uint64_t base = f->k->image.base.v, at, pe;
	unsigned n;

	if (!vtop_read(&f->probe->as, VIRT(base), page, sizeof page))
		return;
	pe = load_le32(page + 0x3c);
	if (!range_fits(pe, 24, sizeof page))
		return;
	n = load_le16(page + pe + 6);
	at = pe + 24 + load_le16(page + pe + 20);
	if (n > SECTIONS_MAX || !range_fits(at, n * 40u, sizeof page))
		return;
	for (unsigned i = 0; i < n; i++, at += 40) {
		uint32_t len = load_le32(page + at + 8);
		uint32_t rva = load_le32(page + at + 12);

		if (load_le32(page + at + 36) & UINT32_C(0x80000000) &&
		    range_fits(rva, len, f->image_len))
			scan(f, base + rva, len);
	}
}

static void derive(struct finder *f)
{
	const NtKernel *k = f->k;
	uint64_t start, len;

	f->pointers_left = POINTERS_MAX;
	if (!nt_kernel_variables(k, &start, &len))
		return;
	if (k->has_image && k->image.has_pe) {
		f->image = start;
		f->image_len = len;
		scan_sections(f);
	}
	/* Whatever its sections say. */
	scan(f, start, len);
}

/* As public symbols have it, and as it is in types' files. */
static void try_symbols(struct finder *f)
{
	static const char *const names[] = {
		"SmGlobals", "?SmGlobals@@3U_SM_GLOBALS@@A"
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names) && !f->best; i++) {
		VirtAddr va;

		if (f->k->has_image &&
		    nt_kimage_symbol(&f->k->as, &f->k->image, names[i], &va))
			try_globals(f, va.v, "symbol");
	}
}

static void find_numbers(NtStore *s)
{
	if (!s->row->key_has_number)
		return;
	for (unsigned n = 0; n < 16; n++) {
		uint32_t first = (uint32_t)n << KEY_SHIFT;

		if (store_tree_any(&s->memory, s->key_tree, first,
				   first | ((1u << KEY_SHIFT) - 1)))
			s->numbers |= 1u << n;
	}
}

static void log_store(const NtStore *s, Log *log)
{
	enum nt_codec codec = s->row->algorithm ? NT_CODEC_XPRESS :
						  NT_CODEC_LZ4;

	log_add(log, LOG_INFO, "store",
		"%u compressed store(s), SmGlobals " PRIADDR " (%s), layout %s",
		s->n_usable, s->globals.v, s->how, s->row->name);
	if (!nt_codec_usable(codec))
		log_add(log, LOG_WARN, "store",
			"built without %s: what is compressed by %s cannot be"
			" read", nt_codec_library(codec),
			nt_codec_name(codec));
	if (s->virtual_number < 0 && !s->row->key_has_number)
		log_add(log, LOG_WARN, "store",
			"which page file is the virtual one is not known:"
			" nothing is read from the store");
}

/* Why there is nothing to be looked for; NULL: there may be. */
static const char *why_not(const NtKernel *k)
{
	if (!k->has_profile || !k->has_system)
		return "no System process, so no compressed store is looked"
		       " for";
	if (k->profile.arch == NT_ARCH_ARM64)
		return "the compressed store of ARM64 is not known";
	if (k->build && k->build < FIRST_BUILD)
		return "a compressed store is known from Windows 10 1607 on";
	return NULL;
}

NtStore *nt_store_find(const NtKernel *k, int virtual_number, Log *log)
{
	struct finder f = { .k = k };
	const char *why = why_not(k);

	if (why) {
		log_add(log, LOG_INFO, "store", "%s", why);
		return NULL;
	}
	f.probe = store_new(k);
	try_symbols(&f);
	if (!f.best)
		derive(&f);
	nt_store_free(f.probe);
	if (!f.best) {
		log_add(log, LOG_INFO, "store",
			"no compressed store was found: nothing was"
			" compressed, or SmGlobals is not in the image");
		return NULL;
	}
	f.best->virtual_number = virtual_number;
	find_numbers(f.best);
	log_store(f.best, log);
	return f.best;
}

bool nt_store_is_virtual(const NtStore *s, unsigned number)
{
	if (s->virtual_number >= 0)
		return number == (unsigned)s->virtual_number;
	return number < 16 && s->numbers >> number & 1;
}

void nt_store_facts(const NtStore *s, struct nt_store_facts *ret)
{
	*ret = (struct nt_store_facts){
		.globals = s->globals,
		.manager = s->manager,
		.how = s->how,
		.layout = s->row->name,
		.n_stores = s->n_usable,
	};
	for (size_t i = 0; i < STORES_MAX && !ret->owner.v; i++)
		if (s->stores[i] && s->stores[i]->status == NT_STORE_OK)
			ret->owner = s->owners[s->stores[i]->owner].eprocess;
}
