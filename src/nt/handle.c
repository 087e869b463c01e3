/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking handle tables. */
#include "config.h"

#include "base/bytes.h"
#include "base/seen.h"
#include "nt/handle.h"
#include "nt/member.h"

enum {
	LEVEL_MASK = 7,
	LEVEL_MAX = 2,
	HANDLE_STEP = 4, /* between the values of neighbours */
};

struct walk {
	const struct addr_space *as;
	const struct nt_handle_layout *layout;
	unsigned pointer_bytes;
	uint64_t n_entries;	/* of a page of entries */
	uint64_t n_pointers;	/* of a page of pointers */
	uint64_t n_leaves;	/* pages of entries that there may be */
	const struct nt_handle_sink *sink;
	uint32_t *budget;
	Seen *seen;		/* pages, by address */
	struct nt_handles ret;
};

static uint64_t load_pointer(unsigned pointer_bytes, const uint8_t *p)
{
	return pointer_bytes == 8 ? load_le64(p) : load_le32(p);
}

uint64_t nt_handle_decode(const struct nt_handle_layout *layout,
			  unsigned pointer_bytes, uint64_t word)
{
	unsigned bits = layout->pointer.bit_len + layout->pointer_shift;
	uint64_t va;

	if (!layout->pointer.bit_len)
		return word & ~(uint64_t)LEVEL_MASK;
	va = nt_field_get(layout->pointer, word) << layout->pointer_shift;
	/* Kept without the bits that copy the highest one. */
	if (va && pointer_bytes == 8)
		va = virt_canonical(va, bits).v;
	return va;
}

static uint32_t load_access(const struct nt_handle_layout *layout,
			    unsigned pointer_bytes, const uint8_t *entry)
{
	uint32_t word = load_le32(entry + pointer_bytes);

	return layout->access.bit_len ?
		       (uint32_t)nt_field_get(layout->access, word) :
		       word;
}

/* The entries of leaf number n; the first of each page is no handle. */
static void walk_entries(struct walk *w, const uint8_t *page, uint64_t n)
{
	for (uint64_t i = 1; i < w->n_entries; i++) {
		const uint8_t *entry = page + i * w->layout->entry_bytes;
		uint64_t word = load_pointer(w->pointer_bytes, entry);
		struct nt_handle h = {
			.value = (n * w->n_entries + i) * HANDLE_STEP,
			.object = nt_handle_decode(w->layout, w->pointer_bytes,
						   word),
		};

		/* Free ones hold 0, or a link of the free list. */
		if (!word || !nt_is_kernel_address(w->as, h.object))
			continue;
		h.access = load_access(w->layout, w->pointer_bytes, entry);
		w->ret.n_used++;
		w->sink->entry(w->sink->ctx, &h);
	}
}

/* n leaves from number `first` on cannot be read. */
static void lose(struct walk *w, uint64_t first, uint64_t n)
{
	w->ret.n_lost++;
	if (w->sink->lost)
		w->sink->lost(w->sink->ctx, first * w->n_entries * HANDLE_STEP,
			      n * w->n_entries);
}

static bool is_new_page(struct walk *w, uint64_t va)
{
	return nt_is_kernel_address(w->as, va) &&
	       seen_enter(w->seen, va) == SEEN_NEW;
}

static bool walk_leaf(struct walk *w, uint64_t va, uint64_t n)
{
	uint8_t page[PAGE_SIZE_4K];

	if (!*w->budget) {
		w->ret.exhausted = true;
		lose(w, n, 1);
		return false;
	}
	--*w->budget;
	if (!is_new_page(w, va) ||
	    !vtop_read(w->as, VIRT(va), page, sizeof page)) {
		lose(w, n, 1);
		return false;
	}
	w->ret.n_pages++;
	walk_entries(w, page, n);
	return true;
}

/* Pointers to leaves, the first of them to number `first`. */
static bool walk_pointers(struct walk *w, uint64_t va, uint64_t first)
{
	uint64_t n = MIN(w->n_pointers, w->n_leaves - first);
	uint8_t page[PAGE_SIZE_4K];

	if (!is_new_page(w, va) ||
	    !vtop_read(w->as, VIRT(va), page, n * w->pointer_bytes)) {
		lose(w, first, n);
		return false;
	}
	for (uint64_t i = 0; i < n && !w->ret.exhausted; i++) {
		uint64_t leaf = load_pointer(w->pointer_bytes,
					     page + i * w->pointer_bytes);

		if (leaf)
			(void)walk_leaf(w, leaf, first + i);
	}
	return true;
}

/* The top of a table of level 2 is no page: as many pointers as it can ever
 * need (32 on x86, 128 on x64), with something else behind them. */
static bool walk_top(struct walk *w, uint64_t va)
{
	uint64_t n = (w->n_leaves + w->n_pointers - 1) / w->n_pointers;
	uint8_t top[PAGE_SIZE_4K];

	if (!nt_is_kernel_address(w->as, va) ||
	    !vtop_read(w->as, VIRT(va), top, n * w->pointer_bytes)) {
		lose(w, 0, w->n_leaves);
		return false;
	}
	for (uint64_t i = 0; i < n && !w->ret.exhausted; i++) {
		uint64_t va_of = load_pointer(w->pointer_bytes,
					      top + i * w->pointer_bytes);

		if (va_of)
			(void)walk_pointers(w, va_of, i * w->n_pointers);
	}
	return true;
}

/* NextHandleNeedingPool is the first value beyond the pages that the table
 * has: it is believed where it fits the level. */
static uint64_t count_leaves(const struct walk *w, const struct nt_object *o)
{
	uint64_t per_leaf = w->n_entries * HANDLE_STEP, n;
	uint64_t most = w->ret.level == 0 ? 1 :
			w->ret.level == 1 ? w->n_pointers :
					    NT_HANDLES_MAX / w->n_entries;
	uint64_t least = w->ret.level == 2 ? w->n_pointers + 1 :
			 w->ret.level == 1 ? 2 :
					     1;
	uint32_t next;

	if (!nt_member_u32(o, w->layout->next_pool, &next) || next % per_leaf)
		return most;
	n = next / per_leaf;
	return n < least || n > most ? most : n;
}

static void walk_code(struct walk *w, const struct nt_object *o, uint64_t code)
{
	uint64_t root = code & ~(uint64_t)LEVEL_MASK;
	bool ok;

	w->ret.level = code & LEVEL_MASK;
	if (w->ret.level > LEVEL_MAX || !nt_is_kernel_address(w->as, root)) {
		w->ret.status = NT_HANDLES_BAD;
		return;
	}
	w->n_leaves = count_leaves(w, o);
	if (w->ret.level == 0)
		ok = walk_leaf(w, root, 0);
	else if (w->ret.level == 1)
		ok = walk_pointers(w, root, 0);
	else
		ok = walk_top(w, root);
	if (!ok && !w->ret.exhausted)
		w->ret.status = NT_HANDLES_UNREADABLE;
}

struct nt_handles nt_handles_walk(const struct addr_space *kernel,
				  const struct nt_profile *profile,
				  VirtAddr va, uint32_t *budget,
				  const struct nt_handle_sink *sink)
{
	struct nt_object o = { kernel, profile->pointer_bytes, va };
	struct walk w = {
		.as = kernel,
		.layout = &profile->handle,
		.pointer_bytes = profile->pointer_bytes,
		.n_pointers = PAGE_SIZE_4K / profile->pointer_bytes,
		.sink = sink,
		.budget = budget,
	};
	uint64_t code;

	if (!profile->handle.known || !profile->handle.entry_bytes) {
		w.ret.status = NT_HANDLES_UNKNOWN;
		return w.ret;
	}
	if (!nt_is_kernel_address(kernel, va.v) ||
	    !nt_member_pointer(&o, profile->handle.table_code, &code)) {
		w.ret.status = NT_HANDLES_UNREADABLE;
		return w.ret;
	}
	w.n_entries = PAGE_SIZE_4K / profile->handle.entry_bytes;
	w.ret.has_count = nt_member_u32(&o, profile->handle.handle_count,
					&w.ret.count);
	w.seen = seen_new(2 * nt_handles_budget(profile));
	walk_code(&w, &o, code);
	seen_free(w.seen);
	return w.ret;
}

uint32_t nt_handles_budget(const struct nt_profile *profile)
{
	uint32_t n = profile->handle.entry_bytes;

	return n ? NT_HANDLES_MAX / (uint32_t)(PAGE_SIZE_4K / n) : 0;
}

struct encoding {
	unsigned pointer_bytes;
	struct nt_field pointer;
	unsigned shift;
};

/* Plain (before 8); 8.0; 8.1 and later; kernels for 5 levels; x86 since 8. */
static const struct encoding encodings[] = {
	{ 8, { 0, 0, 0 }, 0 },	 { 8, { 0, 20, 44 }, 4 },
	{ 8, { 0, 23, 41 }, 4 }, { 8, { 0, 11, 53 }, 4 },
	{ 4, { 0, 0, 0 }, 0 },	 { 4, { 0, 3, 29 }, 3 },
};

/* The first word of the entry of handle 4, in the first leaf. */
static bool first_entry(const struct addr_space *as, unsigned pointer_bytes,
			VirtAddr code_va, uint64_t *ret)
{
	uint64_t code, page;

	if (!nt_pointer_at(as, pointer_bytes, code_va, &code) ||
	    (code & LEVEL_MASK) > LEVEL_MAX)
		return false;
	page = code & ~(uint64_t)LEVEL_MASK;
	for (unsigned level = code & LEVEL_MASK; level; level--)
		if (!nt_is_kernel_address(as, page) ||
		    !nt_pointer_at(as, pointer_bytes, VIRT(page), &page))
			return false;
	return nt_is_kernel_address(as, page) &&
	       nt_pointer_at(as, pointer_bytes,
			     VIRT(page + 2 * pointer_bytes), ret);
}

bool nt_handle_learn(const struct addr_space *kernel, unsigned pointer_bytes,
		     VirtAddr va, uint64_t want,
		     struct nt_handle_layout *layout)
{
	/* TableCode was the first member until 8 put two words before it. */
	static const uint32_t code_offsets[] = { 0, 8 };
	struct nt_handle_layout l = *layout;
	uint64_t word;

	l.entry_bytes = 2 * pointer_bytes;
	for (unsigned c = 0; c < G_N_ELEMENTS(code_offsets); c++) {
		l.table_code = code_offsets[c];
		if (!first_entry(kernel, pointer_bytes,
				 VIRT(va.v + l.table_code), &word))
			continue;
		for (unsigned i = 0; i < G_N_ELEMENTS(encodings); i++) {
			const struct encoding *e = &encodings[i];

			l.pointer = e->pointer;
			l.pointer_shift = e->shift;
			l.access = (struct nt_field){ pointer_bytes, 0,
				e->pointer.bit_len ? 25 : 0 };
			/* 8 moved the one and packed the other. */
			if (e->pointer_bytes != pointer_bytes ||
			    !e->pointer.bit_len != !l.table_code ||
			    nt_handle_decode(&l, pointer_bytes, word) != want)
				continue;
			*layout = l;
			return true;
		}
	}
	return false;
}
