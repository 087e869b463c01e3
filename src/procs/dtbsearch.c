/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Searching physical memory for the page tables of processes. */
#include "config.h"

#include "nt/dtbscan.h"
#include "nt/vad.h"
#include "procs/dtbsearch.h"

enum {
	TABLES_MAX = 1024, /* that no process has, and that are kept */
	COUNTS_MAX = 32,   /* of them, those of which pages are counted */
};

struct DtbSearch {
	const NtKernel *kernel;
	GHashTable *used;	/* DTBs of good processes; keys owned */
	GMutex lock;		/* guards the next two while they are made */
	bool done;
	GArray *free;		/* uint64_t, ascending; then immutable */
};

static void use(GHashTable *used, uint64_t dtb)
{
	gint64 *key = g_new(gint64, 1);

	*key = (gint64)dtb;
	g_hash_table_insert(used, key, key);
}

DtbSearch *dtb_search_new(const NtKernel *kernel, const GPtrArray *entries)
{
	DtbSearch *s = g_new0(DtbSearch, 1);

	s->kernel = kernel;
	s->used = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					NULL);
	s->free = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_mutex_init(&s->lock);
	if (kernel && kernel->has_system)
		use(s->used, nt_dtb_mask(kernel, kernel->system.dtb_raw));
	for (guint i = 0; i < entries->len; i++) {
		const struct proc_entry *e = entries->pdata[i];

		if (e->dtb.verdict == NT_DTB_OK)
			use(s->used, addr_space_dtb(&e->as).v);
	}
	return s;
}

void dtb_search_free(DtbSearch *search)
{
	if (!search)
		return;
	g_hash_table_unref(search->used);
	g_array_unref(search->free);
	g_mutex_clear(&search->lock);
	g_free(search);
}

static bool add_table(void *ctx, PhysAddr dtb, const struct paging_form *form)
{
	DtbSearch *s = ctx;

	(void)form;
	if (!g_hash_table_contains(s->used, &dtb.v) &&
	    nt_dtb_check_table(s->kernel, dtb.v) == NT_DTB_OK)
		g_array_append_val(s->free, dtb.v);
	return s->free->len < TABLES_MAX;
}

static void scan(DtbSearch *s)
{
	const struct paging_form *const forms[] = { s->kernel->as.form, NULL };

	g_mutex_lock(&s->lock);
	if (!s->done)
		nt_dtb_scan(s->kernel->as.pm, forms, add_table, s);
	s->done = true;
	g_mutex_unlock(&s->lock);
}

static gint by_score(gconstpointer a, gconstpointer b)
{
	const struct dtb_candidate *x = a, *y = b;

	if (x->fit.score != y->fit.score)
		return x->fit.score > y->fit.score ? -1 : 1;
	return x->dtb < y->dtb ? -1 : x->dtb > y->dtb;
}

static void try_table(const DtbSearch *s, const struct proc_entry *e,
		      uint64_t dtb, GArray *found)
{
	struct dtb_candidate c = {
		.dtb = dtb,
		.is_user_dtb = dtb == nt_dtb_user(s->kernel, &e->p),
	};

	if (dtb == addr_space_dtb(&e->as).v)
		return;
	nt_dtb_fit(s->kernel, &e->p, NULL, dtb, &c.fit);
	if (c.fit.score >= 0)
		g_array_append_val(found, c);
}

/* Counts the pages of those for which most speaks, and keeps the best. */
static void count_pages(const NtKernel *k, const struct proc_entry *e,
			GArray *found)
{
	g_autoptr(GArray) vads = nt_vad_list(&k->as, &k->profile, &e->p);
	guint n = 0;

	g_array_sort(found, by_score);
	g_array_set_size(found, MIN(found->len, COUNTS_MAX));
	for (guint i = 0; i < found->len; i++) {
		struct dtb_candidate *c =
			&g_array_index(found, struct dtb_candidate, i);

		nt_dtb_fit(k, &e->p, vads, c->dtb, &c->fit);
	}
	g_array_sort(found, by_score);
	while (n < MIN(found->len, DTB_PROPOSED_MAX) &&
	       g_array_index(found, struct dtb_candidate, n).fit.score > 0)
		n++;
	g_array_set_size(found, n);
}

GArray *dtb_search_for(DtbSearch *search, const struct proc_entry *e,
		       size_t *n_free)
{
	GArray *found = g_array_new(FALSE, FALSE,
				    sizeof(struct dtb_candidate));
	const NtKernel *k = search->kernel;

	*n_free = 0;
	if (!k || !k->has_system)
		return found;
	scan(search);
	for (guint i = 0; i < search->free->len; i++)
		try_table(search, e, g_array_index(search->free, uint64_t, i),
			  found);
	*n_free = search->free->len;
	count_pages(k, e, found);
	return found;
}
