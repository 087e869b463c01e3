/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose DTB is bad. */
#include "config.h"

#include "nt/dtbfit.h"
#include "nt/vad.h"
#include "procs/dtbs.h"

/* In how many processes pages are counted to tell whose a DTB is. */
enum { COUNTS_MAX = 32 };

struct comparison {
	const NtKernel *kernel;
	unsigned counts_left;
};

bool proc_dtb_is_sought(const struct proc_entry *e)
{
	return e->plausible &&
	       (e->dtb.grade == NT_DTB_BAD || !e->has_space ||
		e->dtb.verdict == NT_DTB_NO_PEB ||
		e->dtb.verdict == NT_DTB_OTHER_TEB ||
		e->dtb.verdict == NT_DTB_OF_ANOTHER);
}

/* One that must have page tables to itself. What has exited, or has no user
 * half, may share those of others: System's, or what was freed and used
 * again. */
static bool must_be_alone(const NtKernel *k, const struct proc_entry *e)
{
	return e->plausible && e->has_space && e->p.known & NTP_PEB &&
	       e->p.peb.v && nt_dtb_is_settled(k, &e->p) &&
	       (e->dtb.verdict == NT_DTB_OK ||
		e->dtb.verdict == NT_DTB_NO_PEB ||
		e->dtb.verdict == NT_DTB_OTHER_TEB ||
		e->dtb.verdict == NT_DTB_ODD_BITS ||
		e->dtb.verdict == NT_DTB_SELF_MAP);
}

static int fit_of(const NtKernel *k, const struct proc_entry *e, bool pages)
{
	g_autoptr(GArray) vads = NULL;
	struct nt_dtb_fit fit;

	if (pages)
		vads = nt_vad_list(&k->as, &k->profile, &e->p);
	nt_dtb_fit(k, &e->p, vads, e->p.dtb_raw, &fit);
	return fit.score;
}

/* The position of the one that the table fits best; their number where it fits
 * several alike. */
static guint find_best(const NtKernel *k, const GPtrArray *sharers, bool pages)
{
	guint best = 0, n_best = 0;
	int score = 0;

	for (guint i = 0; i < sharers->len; i++) {
		int s = fit_of(k, sharers->pdata[i], pages);

		if (!i || s > score) {
			score = s;
			best = i;
			n_best = 0;
		}
		n_best += s == score;
	}
	return n_best == 1 ? best : sharers->len;
}

static guint find_owner(struct comparison *c, const GPtrArray *sharers)
{
	guint owner = find_best(c->kernel, sharers, false);

	if (owner < sharers->len || sharers->len > c->counts_left)
		return owner;
	c->counts_left -= sharers->len;
	return find_best(c->kernel, sharers, true);
}

static void mark(const NtKernel *k, struct proc_entry *e, bool owner_known,
		 const struct proc_entry *other)
{
	e->dtb.verdict = NT_DTB_OF_ANOTHER;
	e->dtb.grade = owner_known ?
			       nt_dtb_grade(k, &e->p, NT_DTB_OF_ANOTHER) :
			       NT_DTB_DOUBTFUL;
	e->dtb_other = other->p.pid;
}

/* Several live processes have one DTB: it is that of one of them. */
static void judge(struct comparison *c, const GPtrArray *sharers)
{
	guint owner = find_owner(c, sharers);
	bool known = owner < sharers->len;

	for (guint i = 0; i < sharers->len; i++)
		if (i != owner)
			mark(c->kernel, sharers->pdata[i], known,
			     sharers->pdata[known ? owner : i == 0]);
}

static gint by_dtb(gconstpointer a, gconstpointer b)
{
	const struct proc_entry *x = *(struct proc_entry *const *)a;
	const struct proc_entry *y = *(struct proc_entry *const *)b;
	uint64_t p = addr_space_dtb(&x->as).v, q = addr_space_dtb(&y->as).v;

	if (p != q)
		return p < q ? -1 : 1;
	return x->p.eprocess.v < y->p.eprocess.v ? -1 :
	       x->p.eprocess.v > y->p.eprocess.v;
}

static void compare_all(const NtKernel *k, GPtrArray *alone)
{
	g_autoptr(GPtrArray) sharers = g_ptr_array_new();
	struct comparison c = { k, COUNTS_MAX };

	g_ptr_array_sort(alone, by_dtb);
	for (guint i = 0; i < alone->len; i++) {
		const struct proc_entry *e = alone->pdata[i];
		const struct proc_entry *next =
			i + 1 < alone->len ? alone->pdata[i + 1] : NULL;

		g_ptr_array_add(sharers, alone->pdata[i]);
		if (next && addr_space_dtb(&next->as).v ==
				    addr_space_dtb(&e->as).v)
			continue;
		if (sharers->len > 1)
			judge(&c, sharers);
		g_ptr_array_set_size(sharers, 0);
	}
}

void proc_dtbs_check(const NtKernel *kernel, const GPtrArray *entries)
{
	g_autoptr(GPtrArray) alone = g_ptr_array_new();

	for (guint i = 0; i < entries->len; i++) {
		struct proc_entry *e = entries->pdata[i];

		e->dtb = nt_dtb_check(kernel, &e->p);
		if (must_be_alone(kernel, e))
			g_ptr_array_add(alone, e);
	}
	compare_all(kernel, alone);
}
