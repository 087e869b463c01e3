/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Going through all address spaces for the owners of pages. */
#include "config.h"

#include "base/bytes.h"
#include "nt/machine.h"
#include "tree/owners.h"

/* Owners that are told apart: what 16 bits hold. */
#define SPACES_MAX (OWNER_OUTSIDE - OWNER_SPACE - 1u)

struct marker {
	struct owners *owners;
	const struct scan *scan;
	/* Of the space that runs came from last. */
	size_t space;
	uint64_t tables, tables_len, kernel_start;
};

static const struct owner_run *run_at(const struct owners *o, guint i)
{
	return &g_array_index(o->runs, struct owner_run, i);
}

/* Pages of which the image has any byte; runs may share one. */
static void find_runs(struct owners *o, const PhysMem *pm)
{
	const ImageRuns *runs = physmem_runs(pm);
	uint64_t free_from = 0;
	struct image_run run;

	for (uint64_t pa = 0; image_runs_next(runs, pa, &run);
	     pa = run.pa + run.len) {
		struct owner_run r = { .first = run.pa >> PAGE_SHIFT_4K,
				       .at = o->n_pages };
		uint64_t end = page_ceil(run.pa + run.len) >> PAGE_SHIFT_4K;

		r.first = MAX(r.first, free_from);
		if (r.first >= end)
			continue;
		r.n = end - r.first;
		free_from = end;
		o->n_pages += r.n;
		g_array_append_val(o->runs, r);
	}
}

/* The first run that ends above a frame. */
static guint find_run(const struct owners *o, uint64_t pfn)
{
	guint low = 0, high = o->runs->len;

	while (low < high) {
		guint mid = low + (high - low) / 2;
		const struct owner_run *r = run_at(o, mid);

		if (r->first + r->n <= pfn)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static unsigned joint(unsigned a, unsigned b)
{
	if (a == OWNER_NONE || a == b)
		return b;
	if (a == OWNER_TABLE || b == OWNER_TABLE)
		return OWNER_TABLE;
	return OWNER_SEVERAL;
}

static void mark(struct owners *o, uint64_t pfn, uint64_t end, unsigned owner)
{
	for (guint i = find_run(o, pfn); i < o->runs->len; i++) {
		const struct owner_run *r = run_at(o, i);
		uint64_t from = MAX(pfn, r->first);
		uint64_t stop = MIN(end, r->first + r->n);

		if (r->first >= end)
			break;
		for (uint64_t p = from; p < stop; p++) {
			uint16_t *at = &o->owner[(r->at + (p - r->first)) /
						 o->grain];

			*at = (uint16_t)joint(*at, owner);
		}
	}
}

static void enter_space(struct marker *m, size_t space)
{
	const Space *s = m->scan->spaces[space];
	const Space *kernel = m->scan->spaces[0];
	uint64_t half = UINT64_C(1) << (s->as.form->va_bits - 1);

	m->space = space;
	m->tables = nt_self_map(&s->as, &m->tables_len);
	m->kernel_start = kernel->kind == SPACE_KERNEL ? kernel->start : half;
}

static void add_run(void *ctx, size_t space, const struct map_run *run)
{
	struct marker *m = ctx;
	unsigned owner = OWNER_SPACE + (unsigned)MIN(space, SPACES_MAX);

	if (m->space != space)
		enter_space(m, space);
	if (run->va >= m->tables && run->va - m->tables < m->tables_len)
		owner = OWNER_TABLE;
	else if (run->va >= m->kernel_start)
		owner = OWNER_KERNEL;
	mark(m->owners, run->pa >> PAGE_SHIFT_4K,
	     (run->pa >> PAGE_SHIFT_4K) + (run->len >> PAGE_SHIFT_4K), owner);
}

static void count(struct owners *o)
{
	for (uint64_t i = 0; i < o->n_pages; i += o->grain) {
		unsigned owner = o->owner[i / o->grain];

		if (owner < o->n)
			o->bytes[owner] += MIN(o->grain, o->n_pages - i)
					   << PAGE_SHIFT_4K;
	}
}

struct owners *owners_new(const struct render_facts *facts)
{
	const struct scan *scan = ptov_scan(facts->ptov);
	struct owners *o = g_new0(struct owners, 1);
	struct marker m = { .owners = o, .scan = scan, .space = SIZE_MAX };
	g_autofree uint8_t *flags = g_new0(uint8_t, scan->n + 1);

	o->runs = g_array_new(FALSE, FALSE, sizeof(struct owner_run));
	find_runs(o, facts->pm);
	o->grain = o->n_pages / OWNERS_MAX + 1;
	o->owner = g_new0(uint16_t, o->n_pages / o->grain + 1);
	o->n = OWNER_SPACE + MIN(scan->n, SPACES_MAX + 1);
	o->bytes = g_new0(uint64_t, o->n);
	scan_memory(scan, flags, add_run, &m);
	for (size_t i = 0; i < scan->n; i++)
		o->n_incomplete += flags[i] != 0;
	count(o);
	return o;
}

void owners_free(struct owners *owners)
{
	if (!owners)
		return;
	g_array_unref(owners->runs);
	g_free(owners->owner);
	g_free(owners->bytes);
	g_free(owners);
}

/* How many pages are looked at for going on alike. */
#define ALIKE_MAX 512u

unsigned owners_get_nth(const struct owners *o, uint64_t index, uint64_t *n)
{
	uint64_t end = MIN(index + ALIKE_MAX, o->n_pages);
	unsigned owner;

	*n = UINT64_MAX;
	if (index >= o->n_pages)
		return OWNER_OUTSIDE;
	owner = o->owner[index / o->grain];
	*n = 1;
	while (index + *n < end && o->owner[(index + *n) / o->grain] == owner)
		++*n;
	return owner;
}

unsigned owners_get(const struct owners *o, uint64_t pfn, uint64_t *n)
{
	guint i = find_run(o, pfn);
	const struct owner_run *r;
	unsigned owner;

	*n = UINT64_MAX;
	if (i == o->runs->len)
		return OWNER_OUTSIDE;
	r = run_at(o, i);
	if (r->first > pfn) {
		*n = r->first - pfn;
		return OWNER_OUTSIDE;
	}
	owner = owners_get_nth(o, r->at + (pfn - r->first), n);
	*n = MIN(*n, r->first + r->n - pfn);
	return owner;
}

uint64_t owners_nth(const struct owners *o, uint64_t index)
{
	guint low = 0, high = o->runs->len;

	while (low < high) {
		guint mid = low + (high - low) / 2;
		const struct owner_run *r = run_at(o, mid);

		if (r->at + r->n <= index)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == o->runs->len)
		return 0;
	return run_at(o, low)->first + (index - run_at(o, low)->at);
}
