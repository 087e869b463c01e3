/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every page of every process of machines of all families: what a translation
 * says, what a walk lists and what the builder put there are the same; so is
 * what lies between those pages. With page files, without, with short ones;
 * with the kernel known by its layout, by symbol files, and by none.
 */
#include "config.h"

#include "unit/unit-states.h"
#include "unit/unit.h"

#include <string.h>

#include "nt/procspace.h"
#include "vtop/map.h"

struct check {
	struct unit_states s;
	const struct mk_process *process;
	MkSoft *plain, *bare; /* with its page files, without */
	NtProcSpace *space;
	AddrMap *map;
	uint64_t want[PAGE_STATES]; /* pages of 4 KiB */
	unsigned n_same, n_less; /* of assert_honest() */
};

static void assert_same(const struct check *c, uint64_t va, const char *by,
			const char *what, uint64_t got, uint64_t want)
{
	ck_assert_msg(got == want,
		      "%s, pid %u, va 0x%lx, %s: %s is 0x%lx, not 0x%lx",
		      c->s.id, c->process->pid, (long)va, by, what, (long)got,
		      (long)want);
}

/* --- by translation --- */

/* A frame of which a part is there translates as a whole. */
static bool is_part(const struct mk_page *page)
{
	return page->state == MK_STATE_PARTIAL ||
	       (page->state == MK_STATE_OUTSIDE && page->size > MK_PAGE_SIZE);
}

static void assert_leaf(const struct check *c, uint64_t va,
			const struct unit_expect *want, bool part)
{
	struct vtop_leaf leaf = vtop_translate(&c->space->as, VIRT(va));
	uint64_t skip = va - leaf.va.v;

	if (!part)
		assert_same(c, va, "translation", "state", leaf.state,
			    want->state);
	if (want->pa == MK_NO_PA)
		return;
	if (page_state_in_memory(leaf.state) || leaf.state == PAGE_OUTSIDE)
		assert_same(c, va, "translation", "address", leaf.pa.v + skip,
			    want->pa);
	else
		assert_same(c, va, "translation", "place", leaf.pa.v,
			    want->pa);
}

/* --- by the walk --- */

static bool find_run(const AddrMap *map, uint64_t va, struct map_run *run)
{
	size_t i = addr_map_find_data(map, va);

	if (i < addr_map_n_data(map)) {
		*run = addr_map_data(map, i);
		if (run->va <= va)
			return true;
	}
	i = addr_map_find_lost(map, va);
	if (i >= addr_map_n_lost(map))
		return false;
	*run = addr_map_lost(map, i);
	return run->va <= va;
}

static void assert_run(const struct check *c, uint64_t va,
		       const struct unit_expect *want)
{
	struct map_run run = { 0 };
	bool listed = find_run(c->map, va, &run);
	bool wanted = page_state_has_data(want->state) ||
		      page_state_is_lost(want->state);

	assert_same(c, va, "walk", "whether it is listed", listed, wanted);
	if (!listed)
		return;
	assert_same(c, va, "walk", "state", run.state, want->state);
	if (want->pa != MK_NO_PA && page_state_has_data(want->state))
		assert_same(c, va, "walk", "address", run.pa + (va - run.va),
			    want->pa);
}

/* --- rights --- */

static unsigned rights_of(const struct mk_page *page)
{
	unsigned r = 0;

	if (page->rights & MK_RIGHT_C)
		r |= RIGHT_COW;
	else if (page->rights & (MK_RIGHT_W | MK_RIGHT_CLEAN))
		r |= RIGHT_WRITE;
	if (page->rights & MK_RIGHT_X)
		r |= RIGHT_EXEC;
	return r;
}

static void assert_rights(const struct check *c, const struct mk_page *page)
{
	struct vtop_leaf leaf = vtop_translate(&c->space->as, VIRT(page->va));
	const unsigned told = RIGHT_WRITE | RIGHT_EXEC | RIGHT_COW;

	assert_same(c, page->va, "translation", "rights", leaf.rights & told,
		    rights_of(page));
}

/* --- a process --- */

static void count(struct check *c, const struct unit_expect *want)
{
	c->want[want->state]++;
}

static void assert_page(struct check *c, const struct mk_page *page)
{
	for (uint64_t skip = 0; skip < page->size; skip += MK_PAGE_SIZE) {
		struct unit_expect want =
			unit_states_expect(&c->s, c->plain, page, skip);

		assert_leaf(c, page->va + skip, &want, is_part(page));
		assert_run(c, page->va + skip, &want);
		count(c, &want);
		if (page->how == MK_HOW_NONE && skip == 0 &&
		    page_state_has_data(want.state))
			assert_rights(c, page);
	}
}

static void assert_unlisted(struct check *c, uint64_t va)
{
	struct unit_expect want =
		unit_states_unlisted(&c->s, c->plain, c->bare, va);

	assert_leaf(c, va, &want, false);
	assert_run(c, va, &want);
}

/* The pages of VADs that the builder does not tell of, and some beside. */
static void assert_rest(struct check *c, const struct mk_vad *vad)
{
	uint64_t from = vad->start - MIN(vad->start, 4 * MK_PAGE_SIZE);

	for (uint64_t va = from; va <= vad->end + 4 * MK_PAGE_SIZE;
	     va += MK_PAGE_SIZE)
		if (!mk_process_page(c->process, va))
			assert_unlisted(c, va);
}

/* The span of the tables that are in page files, of which nothing is known
 * without those: all the pages of it that the builder does not tell of. */
static uint64_t lost_span(const struct check *c)
{
	unsigned bits = c->space->as.form->levels[
		c->space->as.form->n_levels - 1].bits;
	uint64_t span = MK_PAGE_SIZE << bits, n = 0, last = UINT64_MAX;
	const GArray *pages = c->process->pages;

	for (guint i = 0; i < pages->len; i++) {
		const struct mk_page *p =
			&g_array_index(pages, struct mk_page, i);
		struct unit_expect want =
			unit_states_expect(&c->s, c->plain, p, 0);

		if (p->state != MK_STATE_PAGED_TABLE ||
		    want.state == PAGE_VALID)
			continue;
		n += (p->va / span != last) << bits;
		n--;
		last = p->va / span;
	}
	return n;
}

static void assert_counts(struct check *c)
{
	const struct map_counts *got = addr_map_counts(c->map);

	c->want[PAGE_PAGED_OUT] += lost_span(c);
	for (unsigned i = 0; i < PAGE_STATES; i++)
		if (i != PAGE_ABSENT)
			ck_assert_msg(got->pages[i] == c->want[i],
				      "%s, pid %u, state %u: %lu pages, not"
				      " %lu", c->s.id, c->process->pid, i,
				      (long)got->pages[i], (long)c->want[i]);
	ck_assert(!got->walk.exhausted && !got->walk.io_error);
}

static void begin_process(struct check *c)
{
	const struct proc_entry *e = unit_states_entry(&c->s, c->process);
	const struct mk_kernel *k = mk_win_kernel(c->s.t.w.win);

	c->plain = mk_soft_new(c->s.t.w.win, c->process, true);
	c->bare = mk_soft_new(c->s.t.w.win, c->process, false);
	c->space = nt_proc_space_new(&e->as, &c->s.t.w.kernel->profile, &e->p,
				     &e->as);
	c->map = addr_map_build(&c->space->as, 0, k->highest_user | 0xfff);
	memset(c->want, 0, sizeof c->want);
}

static void end_process(struct check *c)
{
	addr_map_unref(c->map);
	nt_proc_space_free(c->space);
	mk_soft_free(c->plain);
	mk_soft_free(c->bare);
}

static void assert_process(struct check *c)
{
	const GArray *pages = c->process->pages, *vads = c->process->vads;

	for (guint i = 0; i < pages->len; i++)
		assert_page(c, &g_array_index(pages, struct mk_page, i));
	assert_counts(c);
	for (guint i = 0; i < vads->len; i++)
		assert_rest(c, &g_array_index(vads, struct mk_vad, i));
}

static void each_process(struct check *c, void (*fn)(struct check *))
{
	for (size_t i = 0; i < mk_win_n_processes(c->s.t.w.win); i++) {
		c->process = mk_win_process(c->s.t.w.win, i);
		if (!unit_states_is_told(c->process))
			continue;
		begin_process(c);
		fn(c);
		end_process(c);
	}
}

static void assert_machine(const struct unit_states_options *options)
{
	struct check c = { 0 };

	unit_states_init(&c.s, options);
	each_process(&c, assert_process);
	unit_states_clear(&c.s);
}

/* --- machines --- */

static const char *const *families;
static int n_families;

START_TEST(test_family)
{
	struct unit_states_options options = {
		.machine = { .seed = 700 + (uint64_t)_i, .size_mib = 24,
			     .states = true, .layout = families[_i] },
	};

	for (int i = 0; i < UNIT_FILES_KINDS; i++) {
		options.files = (enum unit_files)i;
		assert_machine(&options);
	}
}
END_TEST

/* One of each form of page tables and entries, with what else may vary. */
static const struct mk_options variants[] = {
	{ .layout = "amd64-10.0.19041-b", .no_mask = true },
	{ .layout = "amd64-6.1.7601-d", .no_mask = true },
	{ .layout = "amd64-6.3.9600-b", .no_mask = true },
	{ .layout = "amd64-6.3.9600-b", .damage.lost_mask = true },
	{ .layout = "amd64-10.0.22621", .damage.lost_mask = true },
	{ .layout = "x86pae-10.0.19041-b", .damage.lost_mask = true },
	{ .layout = "x86-5.1.2600", .three_gb = true },
	{ .layout = "x86-6.1.7601", .three_gb = true, .page_files = true },
	{ .layout = "x86pae-5.2.3790-b", .three_gb = true },
	{ .layout = "amd64-10.0.17763-a", .hole = true, .tail = 100 },
	{ .layout = "amd64-10.0.26100", .no_kva = true, .gig = true },
	{ .layout = "amd64-10.0.26100", .page_files = true },
	{ .layout = "amd64la57-10.0.22621", .page_files = true },
	{ .layout = "amd64-6.1.7601-d", .page_files = true },
	{ .layout = "amd64-10.0.19041-b", .store = 2 },
	{ .layout = "amd64-10.0.26100", .store = 2, .page_files = true },
	{ .layout = "amd64-10.0.19041-b", .damage.bad_vads = true },
	{ .layout = "amd64-5.2.3790-b", .damage.bad_vads = true },
	{ .layout = "x86-5.1.2600", .damage.bad_vads = true },
};

START_TEST(test_variant)
{
	struct unit_states_options options = { .machine = variants[_i] };

	options.machine.seed = 900 + (uint64_t)_i;
	options.machine.size_mib = 48;
	options.machine.states = true;
	for (int i = 0; i < UNIT_FILES_KINDS; i++) {
		options.files = (enum unit_files)i;
		assert_machine(&options);
	}
}
END_TEST

/* --- other ways to know the kernel --- */

static bool is_same(const struct vtop_leaf *leaf, uint64_t skip,
		    const struct unit_expect *want)
{
	return leaf->state == want->state &&
	       (want->pa == MK_NO_PA || leaf->pa.v + skip == want->pa);
}

/* What is not known is said to be lost, or there is no word of it; never are
 * other bytes shown. */
static void assert_honest(struct check *c)
{
	const GArray *pages = c->process->pages;

	for (guint i = 0; i < pages->len; i++) {
		const struct mk_page *p =
			&g_array_index(pages, struct mk_page, i);
		struct unit_expect want =
			unit_states_expect(&c->s, c->plain, p, 0);
		struct vtop_leaf leaf =
			vtop_translate(&c->space->as, VIRT(p->va));
		struct map_run run;

		if (is_part(p))
			continue;
		if (is_same(&leaf, p->va - leaf.va.v, &want)) {
			c->n_same++;
			assert_run(c, p->va, &want);
			continue;
		}
		c->n_less++;
		ck_assert_msg(!page_state_has_data(leaf.state),
			      "%s, pid %u, va 0x%lx: state %u at 0x%lx, not"
			      " %u at 0x%lx", c->s.id, c->process->pid,
			      (long)p->va, leaf.state, (long)leaf.pa.v,
			      want.state, (long)want.pa);
		ck_assert(!find_run(c->map, p->va, &run) ||
			  !page_state_has_data(run.state));
	}
}

static const struct {
	const char *layout;
	enum unit_source source;
	bool no_kdbg;
	bool whole; /* all is known */
} known[] = {
	{ "amd64-10.0.19041-b", UNIT_ISF, false, true },
	{ "amd64-10.0.26100", UNIT_PDB, true, true },
	{ "amd64-6.1.7601-d", UNIT_PDB, false, true },
	{ "amd64la57-10.0.22621", UNIT_ISF, false, true },
	{ "arm64-10.0.26100", UNIT_PDB, false, true },
	{ "arm64-10.0.26100", UNIT_ISF, false, true },
	{ "x86-5.1.2600", UNIT_PDB, true, true },
	{ "x86-5.2.3790-a", UNIT_ISF, true, true },
	{ "x86-6.0.6000", UNIT_ISF, true, true },
	{ "x86-6.1.7601", UNIT_BUILT_IN, true, true },
	{ "x86pae-10.0.10586", UNIT_PDB, false, true },
	{ "x86-5.1.2600", UNIT_BUILT_IN, true, false },
	{ "x86-5.2.3790-b", UNIT_BUILT_IN, true, false },
	{ "x86-5.1.2600", UNIT_DERIVED, false, false },
	{ "x86-5.1.2600", UNIT_DERIVED, true, false },
	{ "x86-6.1.7601", UNIT_DERIVED, false, false },
	{ "x86pae-6.1.7601", UNIT_DERIVED, false, false },
	{ "amd64-5.2.3790-b", UNIT_DERIVED, false, false },
	{ "amd64-6.1.7601-b", UNIT_DERIVED, false, false },
	{ "amd64-6.1.7601-d", UNIT_DERIVED, true, true },
	{ "amd64-6.3.9600-a", UNIT_DERIVED, false, false },
	{ "amd64-10.0.19041-b", UNIT_DERIVED, false, false },
	{ "amd64-10.0.26100", UNIT_DERIVED, true, false },
	{ "amd64la57-10.0.22621", UNIT_DERIVED, false, false },
};

START_TEST(test_known)
{
	struct unit_states_options options = {
		.machine = { .seed = 990, .size_mib = 32, .states = true,
			     .layout = known[_i].layout },
		.source = known[_i].source,
		.no_kdbg = known[_i].no_kdbg,
		.files = UNIT_FILES_WHOLE,
	};
	struct check c = { 0 };

	if (known[_i].whole) {
		assert_machine(&options);
		return;
	}
	unit_states_init(&c.s, &options);
	each_process(&c, assert_honest);
	/* Prototype PTEs of two-level tables need a variable of the kernel's
	 * to be followed. */
	ck_assert_uint_gt(c.n_same, known[_i].no_kdbg ? 3 * c.n_less :
							100 * c.n_less);
	unit_states_clear(&c.s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-states");
	TCase *tcase = unit_case(suite, "all");

	families = unit_states_families(&n_families);
	tcase_add_loop_test(tcase, test_family, 0, n_families);
	tcase_add_loop_test(tcase, test_variant, 0,
			    (int)G_N_ELEMENTS(variants));
	tcase_add_loop_test(tcase, test_known, 0, (int)G_N_ELEMENTS(known));
	return unit_main(suite);
}
