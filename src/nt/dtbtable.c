/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comparing the kernel halves of two address spaces. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/dtbtable.h"

enum {
	DIRECTORIES = 4, /* of PAE */
	ENTRIES_MAX = 2048,
	/* At 0xc0000000 in all versions: 1 entry, or 4, and as many for
	 * hyperspace, which each process has its own of. */
	SELF_X86 = 0x300,
	SELF_PAE = 0x600,
};

/* All entries of the compared level, 0 where a table cannot be read. */
struct table {
	const struct paging_form *form;
	const struct paging_level *level;
	uint64_t entry[ENTRIES_MAX];
	unsigned n;
	uint64_t frame[DIRECTORIES]; /* of the tables that hold them */
	unsigned n_frames;
	unsigned n_odd_frames, n_lost_frames;
};

static bool read_entries(const PhysMem *pm, PhysAddr pa, unsigned bytes,
			 uint64_t *ret, unsigned n)
{
	uint8_t page[PAGE_SIZE_4K];

	if (physmem_read(pm, pa, page, (size_t)n * bytes) != PHYS_OK)
		return false;
	for (unsigned i = 0; i < n; i++)
		ret[i] = bytes == 8 ? load_le64(page + 8 * i) :
				      load_le32(page + 4 * i);
	return true;
}

static bool is_blank(const struct table *t, unsigned first)
{
	uint64_t any = 0;

	for (unsigned i = first; i < first + 512; i++)
		any |= t->entry[i];
	return !any;
}

/* PDPTEs have no rights, only frames. */
static bool read_pae(const PhysMem *pm, PhysAddr dtb, struct table *t)
{
	uint64_t pdpt[DIRECTORIES];

	if (!read_entries(pm, dtb, 8, pdpt, DIRECTORIES))
		return false;
	t->level = &t->form->levels[1];
	t->n = ENTRIES_MAX;
	t->n_frames = DIRECTORIES;
	for (unsigned i = 0; i < DIRECTORIES; i++) {
		if (!(pdpt[i] & 1) || pdpt[i] & t->form->levels[0].reserved) {
			t->n_odd_frames += pdpt[i] != 0;
			continue;
		}
		t->frame[i] = pdpt[i] & t->form->pa_mask;
		if (t->frame[i] >= physmem_end(pm))
			t->n_odd_frames++;
		else if (!read_entries(pm, PHYS(t->frame[i]), 8,
				       t->entry + 512 * i, 512) ||
			 (i >= DIRECTORIES / 2 && is_blank(t, 512 * i)))
			t->n_lost_frames++;
	}
	return true;
}

static bool read_table(const struct addr_space *as, PhysAddr dtb,
		       struct table *t)
{
	memset(t, 0, sizeof *t);
	t->form = as->form;
	if (as->form == &paging_pae)
		return read_pae(as->pm, dtb, t);
	t->level = &as->form->levels[0];
	t->n = 1u << t->level->bits;
	t->n_frames = 1;
	t->frame[0] = dtb.v;
	return read_entries(as->pm, dtb, as->form->entry_bytes, t->entry, t->n);
}

static bool is_large(const struct table *t, uint64_t entry)
{
	return (entry ^ t->form->inverted) & t->level->large;
}

static uint64_t frame_of(const struct table *t, uint64_t entry)
{
	return entry & (is_large(t, entry) ? t->level->large_mask :
					     t->form->pa_mask);
}

static bool is_odd(const struct table *t, uint64_t entry, uint64_t end)
{
	uint64_t reserved = is_large(t, entry) ? t->level->reserved_large :
						 t->level->reserved;
	uint64_t ones = is_large(t, entry) ? 0 : t->level->ones;

	/* Large pages can be of devices. */
	return (entry ^ ones) & reserved ||
	       (!is_large(t, entry) && frame_of(t, entry) >= end);
}

/* Index of the self-map's first entry, n where there is none. */
static unsigned find_self(const struct table *t)
{
	if (t->form == &paging_pae)
		return SELF_PAE;
	if (t->form == &paging_x86)
		return SELF_X86;
	for (unsigned i = t->n / 2; i < t->n; i++)
		if (t->entry[i] & 1 &&
		    (t->entry[i] & t->form->pa_mask) == t->frame[0])
			return i;
	return t->n;
}

static bool has_self_map(const struct table *t, unsigned self)
{
	for (unsigned i = 0; i < t->n_frames; i++) {
		uint64_t entry = t->entry[self + i];

		if (!(entry & 1) ||
		    (entry & t->form->pa_mask) != t->frame[i])
			return false;
	}
	return true;
}

/* Is entry i one that all processes have alike? */
static bool is_common(const struct table *t, unsigned i, unsigned self)
{
	unsigned n_own = t->form->va_bits == 32 ? 2 * t->n_frames : 1;

	return i < self || i >= self + n_own;
}

static void count(const struct table *s, const struct table *t, unsigned i,
		  uint64_t end, struct nt_dtb_tally *ret)
{
	uint64_t own = t->entry[i], systems = s->entry[i];
	bool upper = i >= t->n / 2;

	if (own)
		ret->zeros = false;
	if (own & 1) {
		ret->n_present += upper;
		ret->n_lower += !upper;
		ret->n_odd += is_odd(t, own, end);
		ret->n_self += upper && t->n_frames == 1 &&
			       (own & t->form->pa_mask) == t->frame[0];
	}
	if (!upper || !(systems & 1))
		return;
	ret->n_system++;
	if (own & 1 && frame_of(t, own) == frame_of(s, systems))
		ret->n_same++;
	else if (own & 1)
		ret->n_other++;
}

bool nt_dtb_compare(const struct addr_space *system, PhysAddr dtb,
		    struct nt_dtb_tally *ret)
{
	g_autofree struct table *s = g_new(struct table, 1);
	g_autofree struct table *t = g_new(struct table, 1);
	uint64_t end = physmem_end(system->pm);
	unsigned self;

	*ret = (struct nt_dtb_tally){ 0 };
	if (!read_table(system, addr_space_dtb(system), s) ||
	    !read_table(system, dtb, t))
		return false;
	self = find_self(s);
	ret->n_odd = t->n_odd_frames;
	ret->lost = t->n_lost_frames > 0;
	ret->zeros = !t->n_odd_frames && !t->n_lost_frames;
	for (unsigned i = 0; i < t->n; i++)
		if (is_common(s, i, self))
			count(s, t, i, end, ret);
	if (self == s->n || !has_self_map(s, self))
		ret->has_self_map = true;
	else
		ret->has_self_map = has_self_map(t, self);
	return true;
}
