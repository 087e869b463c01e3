/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: a few pages of physical memory as page tables.
 *
 * Input: byte 0 form (bits 0-1; ARM64 where bit 5 is set), hook (bit 2), runs
 * (bits 3-4); bytes 1-2 page and bits of the root; byte 3 where the second half
 * of the pages lies; then entries that are not 0, each {page, index / 2, 8
 * bytes}.
 */
#include "config.h"

#include <glib.h>
#include <string.h>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "image/formats.h"
#include "nt/softpte.h"
#include "vtop/guess.h"
#include "vtop/map.h"

#define PAGES 8u
#define RECORD 10u

struct target {
	uint8_t bytes[PAGES * 4096];
	Image image;
	PhysMem *pm;
	struct nt_soft_ctx soft, flat;
	struct addr_space as;
	uint64_t mask;
};

static void add_runs(struct target *t, unsigned kind, uint64_t second)
{
	const uint64_t half = PAGES / 2 * 4096;
	const uint64_t tail = kind == 2 ? 0x800 : 0;

	t->image.runs = image_runs_new();
	image_runs_add(t->image.runs, kind == 3 ? 0x800 : 0, half - tail, 0,
		       sizeof t->bytes);
	image_runs_add(t->image.runs, second, half - tail, half,
		       sizeof t->bytes);
	image_runs_finish(t->image.runs);
}

static void add_hook(struct target *t, bool arm)
{
	static struct nt_profile profiles[2];
	struct nt_profile *p = &profiles[arm];
	struct nt_source source = {
		.layout = layouts_find(arm ? "arm64-10.0.26100" :
					     "amd64-10.0.19041-b"),
	};

	if (!p->source.layout)
		(void)nt_profile_fill(&source, p);
	t->flat = (struct nt_soft_ctx){ .pte = p->pte };
	t->soft = (struct nt_soft_ctx){ .pte = p->pte, .flat = &t->flat };
	t->as.soft = &nt_soft_pte_ops;
	t->as.soft_ctx = &t->soft;
}

static void target_init(struct target *t, const uint8_t *data, size_t size)
{
	static const uint64_t places[] = {
		PAGES / 2 * 4096, 0x200000, 0x3ff000, UINT64_C(0x100000000),
		UINT64_C(0x7fffff000), PHYS_ADDR_END - PAGES / 2 * 4096,
	};

	memset(t, 0, sizeof *t);
	for (size_t at = 4; at + RECORD <= size; at += RECORD)
		memcpy(t->bytes + data[at] % PAGES * 4096 +
			       MIN(data[at + 1] * 16u, 4088u),
		       data + at + 2, 8);
	t->image.io = image_io_memory(t->bytes, sizeof t->bytes);
	t->image.ops = &image_raw_ops;
	add_runs(t, data[0] >> 3 & 3, places[data[3] % G_N_ELEMENTS(places)]);
	t->pm = physmem_new(&t->image);
	t->as.pm = t->pm;
	t->as.form = data[0] & 32 ? &paging_arm64 : paging_forms[data[0] & 3];
	t->as.root = PHYS(data[1] % PAGES * 4096u + data[2]);
	t->mask = (UINT64_C(1) << t->as.form->va_bits) - 1;
	if (data[0] & 4)
		add_hook(t, data[0] & 32);
}

static void target_clear(struct target *t)
{
	physmem_free(t->pm);
	image_runs_free(t->image.runs);
	image_io_free(t->image.io);
}

struct check {
	const struct target *t;
	uint64_t start, last, end;
	uint64_t n_leaves, budget;
};

static struct vtop_leaf translate(const struct target *t, uint64_t at)
{
	return vtop_translate(&t->as,
			      virt_canonical(at, t->as.form->va_bits));
}

/* Of what the walk says nothing, translation knows nothing. */
static void check_gap(const struct check *c, uint64_t from, uint64_t end)
{
	from = MAX(from, c->start);
	if (from >= end)
		return;
	MUST(translate(c->t, from).state == PAGE_ABSENT);
	MUST(translate(c->t, end - 1).state == PAGE_ABSENT);
	MUST(translate(c->t, from + (end - from) / 2).state == PAGE_ABSENT);
}

/* Any address of a leaf gives the leaf. */
static void check_inside(const struct check *c, const struct vtop_leaf *leaf,
			 uint64_t offset)
{
	uint64_t at = (leaf->va.v & c->t->mask) + offset;
	struct vtop_leaf one = translate(c->t, at);

	MUST(one.state == leaf->state);
	if (leaf->state == PAGE_DAMAGED)
		return;
	MUST(one.va.v == leaf->va.v && one.len == leaf->len);
	MUST(one.pa.v == leaf->pa.v);
}

static bool check_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct check *c = ctx;
	uint64_t at = leaf->va.v & c->t->mask;
	struct vtop_leaf one = vtop_translate(&c->t->as, leaf->va);

	check_gap(c, c->end, at);
	check_inside(c, leaf, leaf->len - 1);
	check_inside(c, leaf, leaf->len / 2);

	MUST(leaf->state != PAGE_ABSENT && leaf->state < PAGE_STATES);
	MUST(leaf->len >= 4096 && leaf->len % 4096 == 0);
	MUST(at % leaf->len == 0);
	MUST(virt_is_canonical(leaf->va.v, c->t->as.form->va_bits));
	MUST(c->n_leaves == 0 || at >= c->end);
	c->end = at + leaf->len;
	MUST(c->end - 1 >= c->start && at <= c->last);
	MUST(c->end - 1 <= c->t->mask);
	MUST(++c->n_leaves <= c->budget);
	MUST(one.state == leaf->state);
	if (leaf->state == PAGE_DAMAGED)
		return true;
	MUST(one.pa.v == leaf->pa.v);
	MUST(one.len == leaf->len);
	MUST(one.rights == leaf->rights);
	MUST(one.entry == leaf->entry);
	MUST(one.entry_pa.v == leaf->entry_pa.v);
	return true;
}

static void check_walk(const struct target *t, uint64_t start, uint64_t last)
{
	const struct vtop_budget budget = { 300, 2000 };
	struct check c = { .t = t, .start = start, .last = last,
			   .budget = budget.leaves };
	struct vtop_stats stats;
	uint64_t tables = 0;

	stats = vtop_walk(&t->as, start, last, budget, check_leaf, &c);
	for (unsigned i = 0; i < PAGING_LEVELS_MAX; i++)
		tables += stats.tables[i];
	MUST(tables <= budget.tables);
	if (stats.exhausted) {
		MUST(stats.stopped_at >= MAX(start, c.end));
		MUST(stats.stopped_at <= last);
	}
	check_gap(&c, c.end, stats.exhausted ? stats.stopped_at : last + 1);
}

static uint64_t check_runs(const AddrMap *map, size_t n, uint64_t mask,
			   struct map_run (*get)(const AddrMap *, size_t),
			   size_t (*find)(const AddrMap *, uint64_t))
{
	uint64_t end = 0, sum = 0;

	for (size_t i = 0; i < n; i++) {
		struct map_run run = get(map, i);

		MUST(run.len && run.len % 4096 == 0 && run.va % 4096 == 0);
		MUST(run.va >= end);
		end = run.va + run.len;
		MUST(end - 1 <= mask);
		MUST(i % 64 || find(map, run.va) == i);
		sum += run.len;
	}
	MUST(find(map, end) == n);
	return sum;
}

static void check_data(const struct target *t, const AddrMap *map)
{
	for (size_t i = 0; i < MIN(addr_map_n_data(map), 500); i++) {
		struct map_run run = addr_map_data(map, i);
		VirtAddr va = virt_canonical(run.va, t->as.form->va_bits);
		struct vtop_leaf leaf = vtop_translate(&t->as, va);

		MUST(physmem_has_page(t->pm, PHYS(run.pa)));
		MUST(physmem_has_page(t->pm, PHYS(run.pa + run.len - 1)));
		MUST(leaf.state == run.state && leaf.rights == run.rights);
		MUST(leaf.pa.v + (va.v - leaf.va.v) == run.pa);
		va.v += run.len - 4096;
		leaf = vtop_translate(&t->as, va);
		MUST(leaf.state == run.state && leaf.rights == run.rights);
		MUST(leaf.pa.v + (va.v - leaf.va.v) == run.pa + run.len - 4096);
	}
}

/* What the map calls lost, translation does; but for the parts of a large page
 * that are not in the image. */
static void check_lost(const struct target *t, const AddrMap *map)
{
	for (size_t i = 0; i < MIN(addr_map_n_lost(map), 500); i++) {
		struct map_run run = addr_map_lost(map, i);
		struct vtop_leaf leaf = translate(t, run.va);
		struct vtop_leaf last = translate(t, run.va + run.len - 1);

		MUST(page_state_is_lost(run.state));
		if (run.state != PAGE_OUTSIDE) {
			MUST(leaf.state == run.state);
			MUST(last.state == run.state);
		} else if (leaf.state != PAGE_OUTSIDE) {
			MUST(leaf.len > 4096);
			MUST(page_state_has_data(leaf.state));
		}
	}
}

static void check_map(const struct target *t)
{
	g_autoptr(AddrMap) map = NULL;
	const struct map_counts *c;
	uint64_t data, lost;

	/* Walks that exhaust the usual budget take a second each. */
	struct vtop_budget few = { 300, 2000 };
	struct check nothing = { .t = t, .last = t->mask, .budget = 2000 };

	if (vtop_walk(&t->as, 0, t->mask, few, check_leaf, &nothing).exhausted)
		return;
	map = addr_map_build(&t->as, 0, t->mask);
	c = addr_map_counts(map);
	data = check_runs(map, addr_map_n_data(map), t->mask, addr_map_data,
			  addr_map_find_data);
	lost = check_runs(map, addr_map_n_lost(map), t->mask, addr_map_lost,
			  addr_map_find_lost);
	MUST(c->data_bytes == data && c->lost_bytes == lost);
	MUST(addr_map_data_bytes(map, 0, t->mask + 1) == data);
	check_data(t, map);
	check_lost(t, map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree struct target *t = NULL;
	uint64_t half;

	if (size < 4)
		return 0;
	t = g_new(struct target, 1);
	target_init(t, data, size);
	half = t->mask / 2 + 1;
	check_walk(t, 0, t->mask);
	check_walk(t, half, t->mask);
	check_walk(t, half - 0x3000, half + 0x234fff);
	check_walk(t, 0x1234000, 0x1234fff);
	check_map(t);
	MUST(vtop_guess_form(t->pm, t->as.root) != NULL);
	target_clear(t);
	return 0;
}

/* Input as tables: what fields of entries are changed to, and where they are
 * copied, so that mutations stay tables. */
struct input {
	uint8_t *data;
	size_t size, max;
	uint64_t random;
};

static uint64_t draw(struct input *in, uint64_t n)
{
	in->random ^= in->random << 13;
	in->random ^= in->random >> 7;
	in->random ^= in->random << 17;
	return in->random % n;
}

static void put_entry(uint8_t *record, uint64_t entry)
{
	entry = GUINT64_TO_LE(entry);
	memcpy(record + 2, &entry, 8);
}

static uint8_t *any_record(struct input *in)
{
	return in->data + 4 + draw(in, (in->size - 4) / RECORD) * RECORD;
}

/* The address: a table, a page at an edge, one far away. */
static void change_address(struct input *in, uint8_t *record)
{
	static const uint64_t odd[] = {
		0x200000, 0x400000, 0x3ff000, UINT64_C(0x100000000),
		UINT64_C(0x7fffff000), UINT64_C(0xffffffffff000),
		PAGES * UINT64_C(4096), 0xfffff000,
	};
	uint64_t entry = load_le64(record + 2) & ~UINT64_C(0xffffffffff000);

	entry |= draw(in, 4) ? draw(in, PAGES) << 12 :
			       odd[draw(in, G_N_ELEMENTS(odd))];
	put_entry(record, entry);
}

static void change_bit(struct input *in, uint8_t *record)
{
	static const uint8_t bits[] = { 0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13,
					21, 29, 45, 51, 52, 53, 54, 59, 62,
					63 };
	uint64_t bit = draw(in, 3) ? bits[draw(in, G_N_ELEMENTS(bits))] :
				     draw(in, 64);

	put_entry(record, load_le64(record + 2) ^ UINT64_C(1) << bit);
}

static void add_record(struct input *in)
{
	uint8_t *record = in->data + in->size;

	if (in->max - in->size < RECORD)
		return;
	memcpy(record, any_record(in), RECORD);
	in->size += RECORD;
	record[draw(in, 2)] = (uint8_t)draw(in, 256);
}

/* The tables of two entries change places. */
static void swap_tables(struct input *in)
{
	uint8_t a = any_record(in)[0], b = any_record(in)[0];

	for (size_t at = 4; at + RECORD <= in->size; at += RECORD) {
		uint8_t *page = in->data + at;

		*page = *page == a ? b : *page == b ? a : *page;
	}
}

static void change_record(struct input *in)
{
	uint8_t *record = any_record(in);

	switch (draw(in, 7)) {
	case 0:
		change_address(in, record);
		break;
	case 1: /* to its own table */
		put_entry(record, (load_le64(record + 2) & 0xfff) |
					  (uint64_t)(record[0] % PAGES) << 12);
		break;
	case 2:
		record[draw(in, 2)] = (uint8_t)draw(in, 256);
		break;
	case 3: /* another entry's value */
		memmove(record + 2, any_record(in) + 2, 8);
		break;
	case 4:
		swap_tables(in);
		break;
	default:
		change_bit(in, record);
		break;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	struct input in = { data, size, max, (uint64_t)seed << 20 | 1 };

	for (unsigned i = 0; i < 4; i++)
		(void)draw(&in, 2);
	if (size < 4 + RECORD)
		return size;
	for (uint64_t n = 1 + draw(&in, 4); n; n--) {
		switch (draw(&in, 8)) {
		case 0:
			data[draw(&in, 4)] = (uint8_t)draw(&in, 256);
			break;
		case 1:
			add_record(&in);
			break;
		case 2: /* the last one goes */
			if (in.size >= 4 + 2 * RECORD)
				in.size -= RECORD;
			break;
		default:
			change_record(&in);
			break;
		}
	}
	return in.size;
}

struct record {
	uint8_t page, index;
	uint64_t entry;
};

static void put_seed(fuzz_seed_fn fn, void *ctx, const uint8_t head[4],
		     const struct record *records, size_t n)
{
	uint8_t b[4 + 16 * RECORD] = { 0 };

	memcpy(b, head, 4);
	for (size_t i = 0; i < n; i++) {
		b[4 + i * RECORD] = records[i].page;
		b[5 + i * RECORD] = records[i].index;
		memcpy(b + 6 + i * RECORD, &records[i].entry, 8);
	}
	fn(ctx, b, 4 + n * RECORD);
}

void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	/* Tables in pages 1 to 4, with pages of all sizes and states. */
	static const struct record records[] = {
		{ 0, 0, 0x1067 },      { 0, 255, 0x63 },
		{ 1, 0, 0x2067 },      { 1, 1, 0xe7 },
		{ 2, 0, 0x3067 },      { 2, 1, 0x2000e7 },
		{ 2, 2, 0x4067 },      { 2, 3, 0x4802 | 0x800 },
		{ 3, 0, 0x3067 },      { 3, 1, 0x8000000000003025 },
		{ 3, 2, 0x200080 },    { 3, 3, 0x3880 },
		{ 3, 4, 0x99999067 },  { 3, 5, 0xfff0000000000425 },
	};
	/* The same for ARM64: blocks, rights in tables, what is reserved. */
	static const struct record arm[] = {
		{ 0, 0, 0x1003 },      { 0, 255, 0x0060000000000003 },
		{ 1, 0, 0x2003 },      { 1, 1, 0x741 },
		{ 2, 0, 0x3003 },      { 2, 1, 0x200741 },
		{ 2, 2, 0x4000000000004003 }, { 2, 3, 0x4802 },
		{ 3, 0, 0x3743 },      { 3, 1, 0x0060000000003743 },
		{ 3, 2, 0x200080 },    { 3, 3, 0x3880 },
		{ 3, 4, 0x99999743 },  { 3, 5, 0x00a0000000000781 },
	};

	for (unsigned bits = 0; bits < 64; bits++) {
		const uint8_t kind = bits >> 3 & 3;
		const uint8_t head[4] = { (uint8_t)bits, 0, 0, kind };

		if (bits < 32)
			put_seed(fn, ctx, head, records,
				 G_N_ELEMENTS(records));
		else if (!(bits & 3))
			put_seed(fn, ctx, head, arm, G_N_ELEMENTS(arm));
	}
}
