/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: pages in all states of a small Windows of one of several
 * families, whose page tables, prototype PTEs, VADs and subsections say
 * something else in places.
 *
 * Input: byte 0 family (bits 0-2); then edits of 8 bytes each: two that choose
 * one of the places, one with what is put there, one not used, two with an
 * offset, two that go into the value.
 *
 * What must hold for each process: a walk tells of ascending, disjoint ranges
 * within the address space; what it tells of the first and the last page of
 * one is what a translation of these pages tells; what it leaves out
 * translates to nothing.
 */
#include "config.h"

#include <glib.h>
#include <string.h>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "fuzz/undo.h"
#include "lib/mkwin.h"
#include "nt/procspace.h"
#include "nt/softkernel.h"
#include "procs/procset.h"
#include "vtop/map.h"

#define RECORD 8u
#define EDITS_MAX 32u
#define PAGE 4096u
#define STORE 3u
/* Leaves of a walk that are compared with translations. */
#define CHECKS_MAX 4000u
/* Processes of a machine that are walked for one input. */
#define WALKS_MAX 3u

struct place {
	uint64_t pa, va;
	unsigned n_bytes; /* of one value */
	unsigned reach;	  /* bytes from pa that an edit may hit */
};

struct machine {
	uint8_t *bytes;
	size_t len;
	GArray *places; /* struct place */
	Log *log;
	Image *image;
	PhysMem *pm;
	NtKernel *k;
	ProcSet *procs;
	GArray *spaces; /* guint: which of procs have pages of all kinds */
};

#define FAMILY(s, id, ...)                                                     \
	{ .seed = s, .layout = id, .size_mib = 16, .procs = 4,                 \
	  .states = true, .damage = { .bad_vads = true }, __VA_ARGS__ }
static const struct mk_options families[8] = {
	FAMILY(1, "amd64-10.0.19041-b", .store = STORE),
	FAMILY(2, "x86-5.1.2600", .page_files = true),
	FAMILY(3, "x86pae-6.1.7600", .page_files = true),
	FAMILY(4, "amd64-6.1.7600", .page_files = true),
	FAMILY(5, "amd64la57-10.0.22000", .store = STORE),
	FAMILY(6, "x86-6.1.7600", .page_files = true),
	FAMILY(7, "amd64-10.0.26100", .page_files = true),
	FAMILY(8, "x86pae-10.0.18362", .store = STORE),
};
static struct machine machines[G_N_ELEMENTS(families)];

/* --- the places of a healthy machine --- */

static void add(struct machine *m, uint64_t pa, uint64_t va, unsigned n_bytes,
		unsigned reach)
{
	struct place p = { pa, va, n_bytes, MAX(reach, n_bytes) };

	p.reach = (unsigned)MIN(p.reach, PAGE - (pa & (PAGE - 1)));
	if (range_fits(pa, p.reach + 8, m->len))
		g_array_append_val(m->places, p);
}

/* What is at a kernel address, up to the end of the page. */
static void add_kernel(struct machine *m, const struct addr_space *as,
		       uint64_t va, unsigned n_bytes, unsigned reach)
{
	struct vtop_leaf leaf = vtop_translate(as, VIRT(va));

	if (page_state_in_memory(leaf.state))
		add(m, leaf.pa.v + (va - leaf.va.v), va, n_bytes, reach);
}

/* The entries on the way to a page, and their neighbours. */
static void add_entries(struct machine *m, const struct addr_space *as,
			uint64_t va)
{
	struct vtop_step steps[PAGING_LEVELS_MAX];
	struct vtop_leaf leaf;
	unsigned n = vtop_trace(as, VIRT(va), steps, &leaf);

	for (unsigned i = 0; i < n; i++)
		if (page_state_in_memory(steps[i].table_state))
			add(m, steps[i].entry_pa.v, va, as->form->entry_bytes,
			    i + 1 == n ? 64 * as->form->entry_bytes : 0);
}

static void add_vad(struct machine *m, const struct addr_space *as,
		    const struct nt_vad *vad)
{
	const struct nt_profile *p = &m->k->profile;
	unsigned n = p->pointer_bytes;

	add_kernel(m, as, vad->node.v, n, p->vad.bytes);
	add_kernel(m, as, vad->node.v, 4, p->vad.bytes);
	add_entries(m, as, vad->start);
	if (!vad->first_proto)
		return;
	add_kernel(m, as, vad->node.v + p->vad.first_proto, n, 0);
	add_kernel(m, as, vad->node.v + p->vad.last_proto, n, 0);
	add_kernel(m, as, vad->first_proto, as->form->entry_bytes, 256);
	add_kernel(m, as, vad->subsection, n, 0x38);
	add_kernel(m, as, vad->control_area, n, 0x80);
	if (!vad->subsection && p->section.control_area_bytes)
		add_kernel(m, as,
			   vad->control_area + p->section.control_area_bytes,
			   n, 0x38);
	/* The table that maps the prototype PTEs. */
	add_entries(m, as, vad->first_proto);
}

static void add_process(struct machine *m, guint index)
{
	const struct proc_entry *e = procset_get(m->procs, index);
	g_autoptr(NtProcSpace) s = NULL;

	if (!addr_space_dtb(&e->as).v)
		return;
	s = nt_proc_space_new(&e->as, &m->k->profile, &e->p, &e->as);
	if (!s->extents->len)
		return;
	g_array_append_val(m->spaces, index);
	for (guint i = 0; i < s->vads->len; i++)
		add_vad(m, &s->as, &g_array_index(s->vads, struct nt_vad, i));
}

static void machine_init(struct machine *m, const struct mk_options *options)
{
	static const struct proc_select all = { .methods = METHODS_ALL };
	static const struct nt_hints none;
	g_autoptr(MkWin) win = mk_win_new(options, NULL);

	MUST(win != NULL);
	m->len = (size_t)mk_phys_end(mk_win_phys(win));
	m->bytes = g_malloc0(m->len);
	mk_phys_read(mk_win_phys(win), 0, m->bytes, m->len);
	m->places = g_array_new(FALSE, FALSE, sizeof(struct place));
	m->spaces = g_array_new(FALSE, FALSE, sizeof(guint));
	m->log = log_new();
	m->image = image_open_io(image_io_memory(m->bytes, m->len), "fuzz",
				 IMAGE_FORMAT("raw"), m->log, NULL);
	m->pm = physmem_new(m->image);
	m->k = nt_kernel_find(m->pm, m->image, &none, m->log);
	MUST(m->k && m->k->has_system);
	nt_soft_open_swap(m->k, NULL, m->log);
	m->procs = procset_build(m->k, &all, m->log);
	for (guint i = 0; i < procset_count(m->procs); i++)
		add_process(m, i);
	MUST(m->spaces->len && m->places->len);
}

/* --- edits --- */

enum value {
	VALUE_ZERO,
	VALUE_ONES,
	VALUE_RANDOM,
	VALUE_PLACE, /* address of another place */
	VALUE_FRAME, /* physical address of another, with the bits here */
	VALUE_SELF,
	VALUE_BIT,
	VALUE_NEAR, /* a little more */
	VALUE_COPY, /* what another place has */
	VALUE_FORM, /* Valid, Prototype, Transition are others */
	VALUE_MARKER, /* "look in the VAD" */
	VALUE_SMALL,
	VALUES
};

static const struct place *place_at(const struct machine *m, unsigned i)
{
	return &g_array_index(m->places, struct place, i % m->places->len);
}

static uint64_t make_value(const struct machine *m, const struct place *p,
			   uint64_t at, const uint8_t *edit)
{
	unsigned arg = load_le16(edit + 6);
	const struct place *other = place_at(m, arg);
	uint64_t old = load_le64(m->bytes + at);

	switch (edit[2] % VALUES) {
	case VALUE_ONES:
		return UINT64_MAX;
	case VALUE_RANDOM:
		return (arg + 1) * UINT64_C(0x9e3779b97f4a7c15);
	case VALUE_PLACE:
		return other->va;
	case VALUE_FRAME:
		return page_floor(other->pa) | (old & 0xfff);
	case VALUE_SELF:
		return p->va + (at - p->pa);
	case VALUE_BIT:
		return old ^ UINT64_C(1) << arg % 64;
	case VALUE_NEAR:
		return old + arg % 64;
	case VALUE_COPY:
		return load_le64(m->bytes + other->pa);
	case VALUE_FORM:
		return (old & ~UINT64_C(0xc01)) | (arg & 1) |
		       (uint64_t)(arg & 6) << 9;
	case VALUE_MARKER:
		return UINT64_C(0xffffffff00000400) | (arg & 31) << 5;
	case VALUE_SMALL:
		return arg % 256;
	default:
		return 0;
	}
}

static void apply(struct machine *m, GArray *undo, const uint8_t *edit)
{
	const struct place *p = place_at(m, load_le16(edit));
	uint64_t at = p->pa + (uint64_t)load_le16(edit + 4) * p->n_bytes %
				      p->reach;
	uint64_t value = GUINT64_TO_LE(make_value(m, p, at, edit));

	fuzz_write(undo, m->bytes, at, &value, p->n_bytes);
}

/* --- what must hold --- */

struct check {
	const struct addr_space *as;
	uint64_t next; /* what is below has been told */
	uint64_t last;
	unsigned left; /* leaves that are still compared */
};

static struct vtop_leaf look(const struct check *c, uint64_t offset)
{
	return vtop_translate(c->as,
			      virt_canonical(offset, c->as->form->va_bits));
}

static void check_page(const struct check *c, const struct vtop_leaf *leaf,
		       uint64_t start, uint64_t offset)
{
	struct vtop_leaf got = look(c, offset);

	MUST(got.state == leaf->state);
	if (page_state_has_data(leaf->state))
		MUST(got.pa.v + (offset -
				 (got.va.v & ((UINT64_C(1)
					       << c->as->form->va_bits) - 1)))
		     == leaf->pa.v + (offset - start));
	MUST(got.rights == leaf->rights ||
	     !page_state_has_data(leaf->state));
}

static void check_gap(const struct check *c, uint64_t end)
{
	if (c->next >= end)
		return;
	MUST(look(c, c->next).state == PAGE_ABSENT);
	MUST(look(c, end - PAGE).state == PAGE_ABSENT);
}

static bool see_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct check *c = ctx;
	uint64_t va = leaf->va.v & ((UINT64_C(1) << c->as->form->va_bits) - 1);

	MUST(leaf->state != PAGE_ABSENT && leaf->state < PAGE_STATES);
	MUST(leaf->len && leaf->len % PAGE == 0 && va % PAGE == 0);
	MUST(va >= c->next && va <= c->last);
	MUST(range_fits(va, leaf->len, UINT64_C(1) << c->as->form->va_bits));
	if (c->left) {
		c->left--;
		check_gap(c, va);
		check_page(c, leaf, va, va);
		check_page(c, leaf, va, va + leaf->len - PAGE);
	}
	c->next = va + leaf->len;
	return true;
}

static void walk(const struct machine *m, guint index)
{
	const struct proc_entry *e = procset_get(m->procs, index);
	g_autoptr(NtProcSpace) s = nt_proc_space_new(&e->as, &m->k->profile,
						     &e->p, &e->as);
	g_autoptr(AddrMap) map = NULL;
	struct check c = {
		.as = &s->as,
		.last = (UINT64_C(1) << (e->as.form->va_bits - 1)) - 1,
		.left = CHECKS_MAX,
	};
	struct vtop_stats stats = vtop_walk(&s->as, 0, c.last,
					    vtop_budget_for(m->pm), see_leaf,
					    &c);

	if (!stats.exhausted && c.left)
		check_gap(&c, c.last + 1);
	map = addr_map_build(&s->as, 0, c.last);
	MUST(addr_map_counts(map)->walk.exhausted >= stats.exhausted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine *m;
	GArray *undo;
	unsigned n = 0;

	if (!size)
		return 0;
	m = &machines[data[0] % G_N_ELEMENTS(machines)];
	if (!m->bytes)
		machine_init(m, &families[data[0] % G_N_ELEMENTS(machines)]);
	undo = fuzz_undo_new();
	for (size_t at = 1; at + RECORD <= size && n < EDITS_MAX;
	     at += RECORD, n++)
		apply(m, undo, data + at);
	for (guint i = 0; i < MIN(m->spaces->len, WALKS_MAX); i++)
		walk(m, g_array_index(m->spaces, guint,
				      (i + data[0] / 8) % m->spaces->len));
	fuzz_put_back(undo, m->bytes);
	return 0;
}

/* Each kind of value in each family, in places all over. */
void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	struct mk_random random = { 17 };

	for (unsigned i = 0; i < 8 * VALUES; i++) {
		uint8_t b[1 + 6 * RECORD];

		for (size_t at = 0; at < sizeof b; at++)
			b[at] = (uint8_t)mk_random_below(&random, 256);
		b[0] = (uint8_t)((b[0] & 0xf8) | i % 8);
		for (size_t at = 1; at < sizeof b; at += RECORD)
			b[at + 2] = (uint8_t)(i / 8);
		fn(ctx, b, 1 + i % 7 * RECORD);
	}
}
