/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User pages: by the page tables of all processes, found as they map
 * themselves. */
#include "config.h"

#include "lib/mkfmt-dumpuser.h"

#include <string.h>

/* Index of KUSER_SHARED_DATA in a top-level table of four levels. */
#define KUSER_INDEX 0x1efu

struct walk {
	const MkPhys *phys;
	uint64_t n_pages; /* of memory */
	uint8_t *user, *kernel; /* a bit each */
	unsigned levels, bits; /* of the tables; bits of an index */
};

static bool get_bit(const uint8_t *bits, uint64_t n)
{
	return bits[n / 8] >> n % 8 & 1;
}

static void set_bits(const struct walk *w, uint8_t *bits, uint64_t pfn,
		     uint64_t n)
{
	for (; n && pfn < w->n_pages; n--, pfn++)
		bits[pfn / 8] |= (uint8_t)(1u << pfn % 8);
}

static uint64_t entry_of(const struct walk *w, uint64_t table, unsigned i)
{
	return w->bits == 9 ? mk_phys_read64(w->phys, table + 8 * i) :
			      mk_phys_read32(w->phys, table + 4 * i);
}

static uint64_t frame_of(const struct walk *w, uint64_t entry)
{
	return w->bits == 9 ? entry >> 12 & ((UINT64_C(1) << 40) - 1) :
			      entry >> 12;
}

/* Marks the pages that entries [from, to) of a table lead to. */
static void mark(const struct walk *w, uint8_t *bits, uint64_t table,
		 unsigned level, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		uint64_t entry = entry_of(w, table, i);
		uint64_t pfn = frame_of(w, entry);

		if (!(entry & 1) || pfn == table / MK_PAGE_SIZE ||
		    pfn >= w->n_pages)
			continue;
		if (level == 1)
			set_bits(w, bits, pfn, 1);
		else if (level < 4 && (entry & 0x80))
			set_bits(w, bits, pfn,
				 UINT64_C(1) << w->bits * (level - 1));
		else
			mark(w, bits, pfn * MK_PAGE_SIZE, level - 1, 0,
			     1u << w->bits);
	}
}

static bool maps_itself(const struct walk *w, uint64_t page)
{
	const unsigned n = 1u << w->bits;

	for (unsigned i = n / 2; i < n; i++) {
		uint64_t entry = entry_of(w, page, i);

		if ((entry & 1) && frame_of(w, entry) == page / MK_PAGE_SIZE)
			return true;
	}
	return false;
}

/* PAE: the last of the four page directories has all four in its first
 * entries. */
static bool mark_pae(struct walk *w)
{
	bool any = false;

	w->bits = 9;
	for (uint64_t pfn = 0; pfn < w->n_pages; pfn++) {
		const uint64_t page = pfn * MK_PAGE_SIZE;
		const uint64_t self = entry_of(w, page, 3);

		if (!mk_phys_used(w->phys, page) || !(self & 1) ||
		    frame_of(w, self) != pfn)
			continue;
		any = true;
		for (unsigned i = 0; i < 4; i++)
			mark(w, i < 2 ? w->user : w->kernel,
			     frame_of(w, entry_of(w, page, i)) * MK_PAGE_SIZE,
			     2, i < 3 ? 0 : 4, 512);
	}
	return any;
}

static void mark_all(struct walk *w)
{
	const unsigned n = 1u << (w->levels == 2 ? 10 : 9);

	w->bits = w->levels == 2 ? 10 : 9;

	for (uint64_t pfn = 0; pfn < w->n_pages; pfn++) {
		const uint64_t page = pfn * MK_PAGE_SIZE;

		if (!mk_phys_used(w->phys, page) || !maps_itself(w, page))
			continue;
		mark(w, w->user, page, w->levels, 0, n / 2);
		mark(w, w->kernel, page, w->levels, n / 2, n);
	}
}

uint8_t *mk_user_only_pages(const MkPhys *phys,
		       const struct mk_write_options *options)
{
	const struct mk_dump *d = options->dump;
	const uint64_t top = d->dtb & ~(MK_PAGE_SIZE - 1);
	struct walk w = {
		.phys = phys,
		.n_pages = mk_phys_end(phys) / MK_PAGE_SIZE,
		.levels = d->is64 ? 4 : 2,
		.bits = d->is64 ? 9 : 10,
	};
	g_autofree uint8_t *kernel = g_malloc0((size_t)w.n_pages / 8 + 1);

	w.user = g_malloc0((size_t)w.n_pages / 8 + 1);
	w.kernel = kernel;
	if (d->is64 && !(entry_of(&w, top, KUSER_INDEX) & 1))
		w.levels = 5;
	if (d->machine == 0x8664 || (!d->is64 && !mark_pae(&w)))
		mark_all(&w);
	for (uint64_t pfn = 0; pfn < w.n_pages; pfn++)
		if (get_bit(kernel, pfn))
			w.user[pfn / 8] &= (uint8_t)~(1u << pfn % 8);
	return w.user;
}
