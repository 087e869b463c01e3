/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the index from physical to virtual addresses, against walks of all
 * spaces page by page. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "tree/ptov.h"

static const struct mk_options machines[] = {
	{ .seed = 1, .size_mib = 32, .full = true },
	{ .seed = 2, .size_mib = 32, .private_sessions = true, .full = true,
	  .layout = "amd64-6.1.7601-d" },
	{ .seed = 3, .size_mib = 32, .layout = "x86-6.1.7601" },
	{ .seed = 4, .size_mib = 32, .layout = "x86pae-5.1.2600",
	  .three_gb = true },
	{ .seed = 5, .size_mib = 32, .layout = "x86pae-6.1.7601",
	  .private_sessions = true },
	{ .seed = 6, .size_mib = 32, .layout = "amd64la57-10.0.22621" },
	{ .seed = 7, .size_mib = 32, .layout = "arm64-10.0.26100" },
	{ .seed = 8, .hole = true, .tail = 77, .trans_table = true },
	{ .seed = 9, .no_kva = true, .hostile_names = true, .size_mib = 32,
	  .damage = { .dup_pid = true } },
};
#define MACHINES ((int)G_N_ELEMENTS(machines))

/* Where a page of a space is: found by walking, without any index. */
struct place {
	size_t space;
	uint64_t va, pa, len; /* va: offset */
	unsigned rights;
	enum page_state state;
};

struct fixture {
	struct unit_win w;
	ProcSet *procs;
	ViewCache *cache;
	GPtrArray *spaces; /* Space: the kernel's, then the processes' */
	GArray *places;
	size_t at;	   /* of the space that is walked */
	bool exhausted;
};

static bool note_place(void *ctx, const struct vtop_leaf *leaf)
{
	struct fixture *f = ctx;
	const Space *space = f->spaces->pdata[f->at];
	uint64_t mask = (UINT64_C(1) << space->as.form->va_bits) - 1;
	struct place place = { f->at, leaf->va.v & mask, leaf->pa.v,
			       leaf->len, leaf->rights, leaf->state };

	if (page_state_in_memory(leaf->state) || leaf->state == PAGE_OUTSIDE)
		g_array_append_val(f->places, place);
	return true;
}

static void walk_all(struct fixture *f)
{
	f->places = g_array_new(FALSE, FALSE, sizeof(struct place));
	for (f->at = 0; f->at < f->spaces->len; f->at++) {
		const Space *s = f->spaces->pdata[f->at];
		uint64_t last = (UINT64_C(1) << s->as.form->va_bits) - 1;
		g_autoptr(NtProcSpace) full = NULL;
		struct vtop_stats stats;

		if (s->empty)
			continue;
		full = space_full(s);
		stats = vtop_walk(&full->as,
				  s->kind == SPACE_KERNEL ? s->start : 0, last,
				  vtop_budget_for(s->as.pm), note_place, f);
		f->exhausted |= stats.exhausted;
	}
}

static void setup(struct fixture *f, const struct mk_options *options,
		  bool whole)
{
	static const struct proc_select all = { .methods = METHODS_ALL };
	Space *kernel;

	memset(f, 0, sizeof *f);
	unit_win_init(&f->w, options);
	f->procs = procset_build(f->w.kernel, &all, f->w.log);
	f->cache = view_cache_new(1 << 20);
	f->spaces = g_ptr_array_new();
	kernel = space_new(SPACE_KERNEL, &f->w.kernel->as, true);
	space_set_user_end(kernel, f->w.kernel->user_end);
	g_ptr_array_add(f->spaces, kernel);
	for (size_t i = 0; i < procset_count(f->procs); i++) {
		const struct proc_entry *e = procset_get(f->procs, i);
		Space *space = space_new(SPACE_PROCESS, &e->as, whole);

		space->proc = e;
		space->profile = &f->w.kernel->profile;
		space_set_user_end(space, f->w.kernel->user_end);
		g_ptr_array_add(f->spaces, space);
	}
	walk_all(f);
}

static void teardown(struct fixture *f)
{
	for (guint i = 0; i < f->spaces->len; i++)
		space_free(f->spaces->pdata[i], f->cache);
	g_ptr_array_unref(f->spaces);
	g_array_unref(f->places);
	view_cache_free(f->cache);
	procset_free(f->procs);
	unit_win_clear(&f->w);
}

static Ptov *index_of(const struct fixture *f, size_t max_bytes)
{
	Space **spaces = g_new(Space *, f->spaces->len);

	for (guint i = 0; i < f->spaces->len; i++)
		spaces[i] = f->spaces->pdata[i];
	return ptov_new(spaces, f->spaces->len, f->cache, max_bytes);
}

/* Is the place in the answer at its turn? A process's kernel half is, where
 * System has something else there. */
static bool is_told(const struct fixture *f, const struct place *p,
		    uint64_t pa)
{
	const Space *kernel = f->spaces->pdata[0];
	uint64_t va = p->va + (pa - p->pa);
	struct vtop_leaf leaf;

	if (pa < p->pa || pa - p->pa >= p->len)
		return false;
	if (!p->space || kernel->kind != SPACE_KERNEL || va < kernel->start)
		return true;
	leaf = vtop_translate(&kernel->as, VIRT(space_address(kernel, va)));
	if (!page_state_in_memory(leaf.state) && leaf.state != PAGE_OUTSIDE)
		return true;
	return leaf.pa.v + (space_address(kernel, va) - leaf.va.v) != pa;
}

/* The answer is what the walks say; how many places it has. */
static size_t check(const struct fixture *f, Ptov *ptov, uint64_t pa)
{
	struct ptov_answer answer;
	guint n = 0;

	ptov_find(ptov, PHYS(pa), &answer);
	for (guint i = 0; i < f->places->len; i++) {
		const struct place *p =
			&g_array_index(f->places, struct place, i);
		const struct ptov_hit *hit;

		if (pa < p->pa || pa - p->pa >= p->len || !is_told(f, p, pa))
			continue;
		ck_assert_msg(n < answer.hits->len, "%lx: %lx of %zu", (long)pa,
			      (long)p->va, p->space);
		hit = &g_array_index(answer.hits, struct ptov_hit, n);
		ck_assert_msg(hit->space == p->space &&
				      hit->va == p->va + (pa - p->pa),
			      "%lx: %lx of %zu, not %lx of %zu", (long)pa,
			      (long)hit->va, hit->space,
			      (long)(p->va + (pa - p->pa)), p->space);
		ck_assert_uint_eq(hit->leaf_len, p->len);
		ck_assert_uint_eq(hit->state, p->state);
		/* that others have the page too, the VADs say */
		ck_assert_uint_eq(hit->rights & ~(unsigned)RIGHT_SHARED,
				  p->rights & ~(unsigned)RIGHT_SHARED);
		n++;
	}
	ck_assert_msg(n == answer.hits->len, "%lx: %u, not %u", (long)pa,
		      answer.hits->len, n);
	ck_assert_uint_eq(answer.n_hits, n);
	for (guint i = 0; i < f->spaces->len; i++)
		ck_assert_uint_eq(answer.flags[i], 0);
	ptov_answer_clear(&answer);
	return n;
}

/* Every page of the image, and somewhere in it. */
START_TEST(test_all_pages)
{
	struct mk_random random = { 1 };
	struct fixture f;
	Ptov *ptov;
	size_t n = 0, shared = 0;
	uint64_t end;

	setup(&f, &machines[_i], false);
	ck_assert(!f.exhausted);
	ptov = index_of(&f, PTOV_INDEX_BYTES);
	end = physmem_end(f.w.mem.pm);
	ck_assert(!ptov_is_ready(ptov));
	for (uint64_t pa = 0; pa < end;) {
		size_t k;

		k = check(&f, ptov, pa + mk_random_below(&random, 4096));
		n += k;
		shared += k > 1;
		pa = pa + 4096 < end ?
			     page_floor(physmem_next_data(f.w.mem.pm,
							  pa + 4096)) :
			     end;
	}
	ck_assert(ptov_is_ready(ptov));
	ck_assert_uint_gt(n, 1000);
	ck_assert_uint_gt(shared, 0);
	ptov_free(ptov);
	teardown(&f);
}
END_TEST

/* The borders of all that is mapped, in the image or not. */
START_TEST(test_borders)
{
	struct fixture f;
	Ptov *ptov;
	unsigned large = 0, outside = 0;

	setup(&f, &machines[_i], false);
	ptov = index_of(&f, PTOV_INDEX_BYTES);
	for (guint i = 0; i < f.places->len; i++) {
		const struct place *p =
			&g_array_index(f.places, struct place, i);

		/* small pages in the image: a few are enough */
		if (p->len == 4096 && p->state != PAGE_OUTSIDE && i % 256)
			continue;
		if (p->state == PAGE_OUTSIDE && outside++ > 6)
			continue;
		if (p->len > 4096 && large++ > 20)
			continue;
		check(&f, ptov, p->pa);
		check(&f, ptov, p->pa + p->len - 1);
		check(&f, ptov, p->pa + p->len);
		check(&f, ptov, p->pa ? p->pa - 1 : 0);
	}
	ck_assert_uint_gt(large, 0);
	check(&f, ptov, PHYS_ADDR_END - 1);
	ptov_free(ptov);
	teardown(&f);
}
END_TEST

/* Without an index, and with views of the whole spaces. */
START_TEST(test_slow)
{
	struct mk_random random = { 2 };
	struct fixture f;
	Ptov *slow, *fast;
	size_t n = 0;

	setup(&f, &machines[_i], true);
	slow = index_of(&f, 24 * 10);
	fast = index_of(&f, PTOV_INDEX_BYTES);
	for (unsigned i = 0; i < 40; i++) {
		guint k = (guint)mk_random_below(&random, f.places->len);
		uint64_t pa = g_array_index(f.places, struct place, k).pa;

		ck_assert_uint_eq(check(&f, slow, pa), check(&f, fast, pa));
		n += check(&f, slow, pa);
	}
	ck_assert_uint_ge(n, 40);
	ck_assert(!ptov_is_ready(slow) && ptov_is_ready(fast));
	ptov_free(slow);
	ptov_free(fast);
	teardown(&f);
}
END_TEST

/* --- spaces that are made up --- */

static const struct {
	enum mk_mode mode;
	const struct paging_form *form;
	uint64_t large[2]; /* or 0 */
} forms[] = {
	{ MK_MODE_X86, &paging_x86, { 4 * MIB, 0 } },
	{ MK_MODE_PAE, &paging_pae, { 2 * MIB, 0 } },
	{ MK_MODE_AMD64, &paging_amd64, { 2 * MIB, GIB } },
	{ MK_MODE_LA57, &paging_la57, { 2 * MIB, GIB } },
	{ MK_MODE_ARM64, &paging_arm64, { 2 * MIB, GIB } },
};
#define FORMS ((int)G_N_ELEMENTS(forms))
#define RAM (12 * MIB)

/* Maps a few hundred pages of all sizes, over and over each other. */
static void map_at_random(MkPaging *paging, int i, struct mk_random *random)
{
	uint64_t half = UINT64_C(1) << (forms[i].form->va_bits - 1);

	for (unsigned k = 0; k < 300; k++) {
		unsigned size_at = (unsigned)mk_random_below(random, 12);
		uint64_t size = size_at < 2 ? forms[i].large[size_at] : 0;
		/* small ones in 16 tables, large ones elsewhere */
		uint64_t va = size ? GIB + mk_random_below(random, 63) *
						   MAX(size, 8 * MIB) :
				     mk_random_below(random, 16) * 4096 +
					     mk_random_below(random, 16) *
						     8 * MIB;
		uint64_t pa = mk_random_below(random, 2 * RAM / 4096) * 4096;

		if (mk_random_below(random, 2))
			va += half;
		if (size == GIB && forms[i].form->va_bits == 32)
			continue;
		if (size == GIB)
			va += 64 * GIB;
		size = size ? size : 4096;
		mk_paging_map(paging, va & ~(size - 1), pa & ~(size - 1), size,
			      MK_PTE_P | MK_PTE_U | MK_PTE_A |
				      (pa & 4096 ? MK_PTE_W : 0));
	}
}

/* Spaces over the same memory whose pages overlap in every way, with a kernel
 * or none. */
START_TEST(test_overlaps)
{
	int form = _i % FORMS;
	struct fixture f = { .cache = view_cache_new(1 << 20) };
	struct mk_random random = { 77 + (uint64_t)_i };
	g_autoptr(MkPhys) phys = mk_phys_new(1);
	uint64_t roots[4];
	size_t n = 0;
	Ptov *ptov, *slow;

	mk_phys_add_ram(phys, 0, RAM);
	for (unsigned k = 0; k < 4; k++) {
		g_autoptr(MkPaging) paging =
			mk_paging_new(phys, forms[form].mode, 0);

		map_at_random(paging, form, &random);
		roots[k] = mk_paging_root(paging);
	}
	unit_mem_init(&f.w.mem, phys);
	f.spaces = g_ptr_array_new();
	for (unsigned k = 0; k < 4; k++) {
		const struct addr_space as = { .pm = f.w.mem.pm,
					       .form = forms[form].form,
					       .root = PHYS(roots[k]) };

		g_ptr_array_add(f.spaces,
				space_new(k || _i >= FORMS ? SPACE_DTB :
							     SPACE_KERNEL,
					  &as, true));
	}
	walk_all(&f);
	ptov = index_of(&f, PTOV_INDEX_BYTES);
	slow = index_of(&f, 0);
	for (uint64_t pa = 0; pa < RAM + 8 * 4096; pa += 4096)
		n += check(&f, ptov, pa + mk_random_below(&random, 4096));
	for (unsigned k = 0; k < 100; k++)
		check(&f, slow, mk_random_below(&random, 2 * RAM));
	ck_assert_uint_gt(n, 10000);
	ptov_free(ptov);
	ptov_free(slow);
	for (guint k = 0; k < f.spaces->len; k++)
		space_free(f.spaces->pdata[k], f.cache);
	g_ptr_array_unref(f.spaces);
	g_array_unref(f.places);
	view_cache_free(f.cache);
	unit_mem_clear(&f.w.mem);
}
END_TEST

/* Session space is the process's own where System has it not. */
START_TEST(test_session)
{
	struct fixture f;
	unsigned n = 0;
	Ptov *ptov;

	setup(&f, &machines[1], false);
	ptov = index_of(&f, PTOV_INDEX_BYTES);
	for (guint i = 0; i < f.places->len && n < 50; i++) {
		const struct place *p =
			&g_array_index(f.places, struct place, i);

		if (!p->space || p->va < UINT64_C(1) << 47 ||
		    !is_told(&f, p, p->pa))
			continue;
		ck_assert_uint_gt(check(&f, ptov, p->pa), 0);
		n++;
	}
	ck_assert_uint_gt(n, 10);
	ptov_free(ptov);
	teardown(&f);
}
END_TEST

/* Tables that all lead back to themselves: cut, said so, and no more places
 * than there is room for. */
START_TEST(test_hostile)
{
	const struct mk_options options = {
		.seed = 3, .size_mib = 32, .damage = { .self_tables = true },
	};
	struct unit_tree t;
	g_autofree char *text = NULL;
	uint64_t dtb = 0;

	unit_tree_init(&t, &options, NULL);
	for (size_t i = 0; i < procset_count(t.procs); i++) {
		const struct proc_entry *e = procset_get(t.procs, i);
		g_autofree char *paging = unit_tree_text(
			&t, "proc/%s/paging", e->dir);

		if (strstr(paging, "Walk:\tstopped"))
			dtb = addr_space_dtb(&e->as).v;
	}
	ck_assert_uint_ne(dtb, 0);
	text = unit_tree_text(&t, "image/ptov/%lx", (long)dtb);
	ck_assert_ptr_nonnull(strstr(text, "\n# incomplete: "));
	ck_assert_ptr_nonnull(strstr(text, "\n# cut: "));
	ck_assert_uint_lt(strlen(text), (size_t)100 * PTOV_HITS_MAX);
	unit_tree_clear(&t);
}
END_TEST

struct job {
	const struct fixture *f;
	Ptov *ptov;
	uint64_t seed;
	size_t n_bad;
};

static gpointer ask(gpointer data)
{
	struct job *job = data;
	struct mk_random random = { job->seed };

	for (unsigned i = 0; i < 200; i++) {
		guint k = (guint)mk_random_below(&random, job->f->places->len);
		const struct place *p = &g_array_index(job->f->places,
						       struct place, k);
		struct ptov_answer answer;
		bool found = !is_told(job->f, p, p->pa);

		if (!physmem_has_page(job->f->w.mem.pm, PHYS(p->pa)))
			continue;
		ptov_find(job->ptov, PHYS(p->pa), &answer);
		for (guint j = 0; j < answer.hits->len; j++) {
			const struct ptov_hit *hit = &g_array_index(
				answer.hits, struct ptov_hit, j);

			found |= hit->space == p->space && hit->va == p->va;
		}
		job->n_bad += !found;
		ptov_answer_clear(&answer);
	}
	return NULL;
}

/* Many ask at once while the index is being made. */
START_TEST(test_threads)
{
	enum { N = 8 };
	struct job jobs[N];
	GThread *threads[N];
	struct fixture f;
	Ptov *ptov;

	setup(&f, &machines[0], false);
	ptov = index_of(&f, PTOV_INDEX_BYTES);
	for (unsigned i = 0; i < N; i++) {
		jobs[i] = (struct job){ &f, ptov, i, 0 };
		threads[i] = g_thread_new("ask", ask, &jobs[i]);
	}
	for (unsigned i = 0; i < N; i++) {
		g_thread_join(threads[i]);
		ck_assert_uint_eq(jobs[i].n_bad, 0);
	}
	ptov_free(ptov);
	teardown(&f);
}
END_TEST

static const struct {
	const char *name;
	int answer;
} names[] = {
	{ "0x1ad000", 0 },	{ "1ad000", 0 },
	{ "0X1AD000", 0 },	{ "0x00000000001ad000", 0 },
	{ "0", 0 },		{ "fffffffffffff", 0 },
	{ "10000000000000", -ENOENT }, { "ffffffffffffffff", -ENOENT },
	{ "00000000000000001", -ENOENT }, { "", -ENOENT },
	{ "0x", -ENOENT },	{ "x", -ENOENT },
	{ "1ad000 ", -ENOENT }, { "-1", -ENOENT },
	{ "0x0x1", -ENOENT },	{ "1g", -ENOENT },
};

START_TEST(test_names)
{
	struct unit_tree t;
	struct tree_node dir, a, b;
	char *name = NULL;
	struct stat st;

	unit_tree_init(&t, &machines[0], NULL);
	dir = unit_tree_node(&t, "image/ptov");
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		ck_assert_msg(tree_lookup(t.tree, &dir, names[i].name, &a) ==
				      names[i].answer,
			      "%s", names[i].name);
	ck_assert(!tree_entry(t.tree, &dir, 0, &a, &name));
	/* however it is written, it is one file; and each has its number */
	a = unit_tree_node(&t, "image/ptov/0x1ad000");
	b = unit_tree_node(&t, "image/ptov/1AD000");
	ck_assert_uint_eq(tree_ino(&a), tree_ino(&b));
	b = unit_tree_node(&t, "image/ptov/1ad001");
	ck_assert_uint_ne(tree_ino(&a), tree_ino(&b));
	ck_assert_int_eq(tree_lookup(t.tree, &a, "x", &b), -ENOTDIR);
	ck_assert(!tree_is_ready(t.tree, &a) && tree_is_ready(t.tree, &dir));
	tree_stat(t.tree, &a, &st);
	ck_assert(S_ISREG(st.st_mode) && st.st_size > 0);
	ck_assert(tree_is_ready(t.tree, &a));
	b = tree_parent(&dir);
	ck_assert_int_eq(b.kind, NODE_IMAGE);
	unit_tree_clear(&t);
}
END_TEST

/* A page of the builder's truth, as the text tells of it. */
START_TEST(test_text)
{
	struct unit_tree t;
	const struct mk_process *p;
	const struct mk_page *page;
	g_autofree char *text = NULL, *line = NULL, *none = NULL;
	guint i = 0;

	unit_tree_init(&t, &machines[0], NULL);
	p = mk_win_find(t.w.win, "explorer.exe");
	do {
		page = &g_array_index(p->pages, struct mk_page, i);
		ck_assert_uint_lt(i++, p->pages->len);
	} while (page->state != MK_STATE_LARGE || page->size != 2 * MIB);
	text = unit_tree_text(&t, "image/ptov/%lx", (long)page->pa + 0x123456);
	line = g_strdup_printf("\n%-8u explorer.exe     0x%016lx 0x200000 "
			       "  valid         rw-",
			       p->pid, (long)page->va + 0x123456);
	ck_assert(g_str_has_prefix(text, "pid      name             va "));
	ck_assert_msg(strstr(text, line) != NULL, "%s: %s", line, text);
	ck_assert_ptr_nonnull(strstr(text, "\n# in the image: file offset 0x"));
	none = unit_tree_text(&t, "image/ptov/fffffffffffff");
	ck_assert_ptr_nonnull(strstr(none, "\n# not mapped by any address "
				     "space that is known\n"
				     "# not in the image\n"));
	unit_tree_clear(&t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-ptov");
	TCase *tcase = unit_case(suite, "all");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_all_pages, 0, MACHINES);
	tcase_add_loop_test(tcase, test_borders, 0, MACHINES);
	tcase_add_loop_test(tcase, test_slow, 0, MACHINES);
	tcase_add_loop_test(tcase, test_overlaps, 0, 2 * FORMS);
	tcase_add_test(tcase, test_session);
	tcase_add_test(tcase, test_hostile);
	tcase_add_test(tcase, test_threads);
	tcase_add_test(tcase, test_names);
	tcase_add_test(tcase, test_text);
	return unit_main(suite);
}
