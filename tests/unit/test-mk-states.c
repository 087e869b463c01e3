/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the builder says of the pages of its machines, in every state and of
 * every family, is what a plain reader finds in their memory: no page is
 * missing, none is too many, each holds what it should; with the page files
 * and without.
 */
#include "config.h"

#include "lib/mkplainsoft.h"
#include "nt/layouts.h"
#include "unit/unit.h"

#include <string.h>

/* All layouts that a machine can be made of; filled once, before the tests. */
static const char *families[96];
static int n_families;

struct check {
	MkWin *win;
	const char *id;
	const struct mk_process *process;
	uint64_t seed;
	bool files;
};

/* --- a page --- */

/* Is it for the lack of a page file that nobody knows more? */
static bool hangs_on_file(const struct mk_page *page)
{
	return page->swap != MK_NO_PA &&
	       (page->state == MK_STATE_PAGED_TABLE ||
		page->state == MK_STATE_PROTO_LOST);
}

static void assert_same(const struct check *c, const struct mk_page *page,
			const char *what, uint64_t got, uint64_t want)
{
	ck_assert_msg(got == want,
		      "%s, pid %u, va 0x%lx (%s): %s is 0x%lx, not 0x%lx",
		      c->id, c->process->pid, (long)page->va,
		      mk_state_name(page->state), what, (long)got, (long)want);
}

static void assert_label(const struct check *c, const MkSoft *soft,
			 const struct mk_page *page,
			 const struct mk_soft_page *got)
{
	uint8_t want[MK_PAGE_SIZE], bytes[MK_PAGE_SIZE];
	bool ok = mk_soft_bytes(soft, got, bytes);

	if (page->content == MK_CONTENT_SHARED || page->proto)
		mk_page_fill(c->seed, 0, page->proto, want);
	else
		mk_page_fill(c->seed, c->process->pid, page->va, want);
	ck_assert_msg(ok && !memcmp(bytes, want, MK_PAGE_SIZE),
		      "%s, pid %u, va 0x%lx (%s): not its bytes", c->id,
		      c->process->pid, (long)page->va,
		      mk_state_name(page->state));
}

static bool has_label(const struct check *c, const struct mk_page *page)
{
	/* Of a frame that is not all RAM the image has a part. */
	if (page->state == MK_STATE_PARTIAL)
		return false;
	return page->content == MK_CONTENT_LABEL ||
	       page->content == MK_CONTENT_SHARED ||
	       (page->content == MK_CONTENT_PAGED && c->files);
}

static void assert_place(const struct check *c, const struct mk_page *page,
			 const struct mk_soft_page *got)
{
	assert_same(c, page, "PA", got->pa, page->pa);
	assert_same(c, page, "entry", got->raw, page->raw);
	assert_same(c, page, "size", got->size, page->size);
	assert_same(c, page, "how", got->how, page->how);
	assert_same(c, page, "swap", got->swap, page->swap);
	if (!page->how)
		return;
	assert_same(c, page, "prototype PTE's place", got->proto, page->proto);
	if (page->state != MK_STATE_PROTO_LOST)
		assert_same(c, page, "prototype PTE", got->proto_raw,
			    page->proto_raw);
}

/* With the page file that it hangs on. */
static void assert_regained(const struct check *c, const MkSoft *soft,
			    const struct mk_page *page,
			    const struct mk_soft_page *got)
{
	assert_same(c, page, "prototype PTE", got->proto_raw, page->proto_raw);
	if (got->state == MK_STATE_PROTOTYPE)
		assert_label(c, soft, page, got);
	else
		assert_same(c, page, "state", got->state, MK_STATE_FILE);
}

static void assert_page(const struct check *c, const MkSoft *soft,
			const struct mk_page *page)
{
	struct mk_soft_page got;

	mk_soft_page(soft, page->va, &got);
	if (page->state == MK_STATE_PAGED_TABLE && !c->files) {
		assert_same(c, page, "state", got.state, MK_STATE_PAGEFILE);
		assert_same(c, page, "swap", got.swap, page->swap);
		return;
	}
	if (page->state == MK_STATE_PROTO_LOST && hangs_on_file(page) &&
	    c->files) {
		assert_regained(c, soft, page, &got);
		return;
	}
	assert_same(c, page, "state", got.state, page->state);
	assert_place(c, page, &got);
	if (has_label(c, page))
		assert_label(c, soft, page, &got);
}

/* --- a process --- */

/* What is not listed is not there. */
static void assert_rest(const struct check *c, const MkSoft *soft,
			const struct mk_vad *vad)
{
	struct mk_soft_page got;

	for (uint64_t va = vad->start; va <= vad->end; va += MK_PAGE_SIZE) {
		if (mk_process_page(c->process, va))
			continue;
		mk_soft_page(soft, va, &got);
		ck_assert_msg(got.state == MK_STATE_ABSENT && got.raw == 0,
			      "%s, pid %u, va 0x%lx: %s, not listed", c->id,
			      c->process->pid, (long)va,
			      mk_state_name(got.state));
	}
}

static void assert_vads(const struct check *c, const MkSoft *soft)
{
	const GArray *vads = mk_soft_vads(soft);

	ck_assert_uint_eq(vads->len, c->process->vads->len);
	for (guint i = 0; i < vads->len; i++) {
		const struct mk_vad *vad =
			&g_array_index(vads, struct mk_vad, i);
		bool found = false;

		for (guint j = 0; j < vads->len; j++) {
			const struct mk_vad *want = &g_array_index(
				c->process->vads, struct mk_vad, j);

			found |= want->node == vad->node &&
				 want->start == vad->start &&
				 want->end == vad->end;
		}
		ck_assert_msg(found, "%s, pid %u: VAD at 0x%lx", c->id,
			      c->process->pid, (long)vad->start);
		if (c->files)
			assert_rest(c, soft, vad);
	}
}

static void assert_process(const struct check *c)
{
	g_autoptr(MkSoft) soft = mk_soft_new(c->win, c->process, c->files);

	for (guint i = 0; i < c->process->pages->len; i++)
		assert_page(c, soft,
			    &g_array_index(c->process->pages, struct mk_page,
					   i));
	assert_vads(c, soft);
}

/* --- a machine --- */

/* The plain reader trusts its trees. */
static bool is_odd(const struct mk_process *process)
{
	return process->name_len > 3 && !memcmp(process->name, "vad", 3);
}

static void assert_machine(const struct mk_options *options)
{
	struct check c = { .id = options->layout, .seed = options->seed };
	g_autoptr(GError) error = NULL;

	c.win = mk_win_new(options, &error);
	ck_assert_msg(c.win != NULL, "%s: %s", options->layout,
		      error ? error->message : "");
	for (size_t i = 0; i < mk_win_n_processes(c.win); i++) {
		c.process = mk_win_process(c.win, i);
		if (!c.process->dtb_raw || is_odd(c.process))
			continue;
		for (int files = 0; files < 2; files++) {
			c.files = files;
			assert_process(&c);
		}
	}
	mk_win_free(c.win);
}

START_TEST(test_family)
{
	const struct mk_options options = {
		.seed = 500 + (uint64_t)_i, .size_mib = 24, .states = true,
		.layout = families[_i],
	};

	assert_machine(&options);
}
END_TEST

/* One of each form of page tables and entries, with what else may vary. */
static const struct mk_options variants[] = {
	{ .layout = "amd64-10.0.19041-b", .no_mask = true },
	{ .layout = "amd64-10.0.22621", .damage.lost_mask = true },
	{ .layout = "amd64-6.1.7601-d", .damage.lost_mask = true },
	{ .layout = "x86pae-10.0.19041-b", .damage.lost_mask = true },
	{ .layout = "x86-5.1.2600", .three_gb = true },
	{ .layout = "x86-6.1.7601", .three_gb = true },
	{ .layout = "x86pae-5.2.3790-b", .three_gb = true },
	{ .layout = "amd64-10.0.17763-a", .hole = true, .tail = 100 },
	{ .layout = "amd64-10.0.26100", .no_kva = true, .gig = true },
	{ .layout = "amd64-10.0.19041-b", .damage.bad_vads = true },
	{ .layout = "amd64-5.2.3790-b", .damage.bad_vads = true },
	{ .layout = "x86-5.1.2600", .damage.bad_vads = true },
	{ .layout = "amd64-6.1.7601-b", .damage.bad_vads = true },
};

START_TEST(test_variant)
{
	struct mk_options options = variants[_i];

	options.seed = 900 + (uint64_t)_i;
	options.size_mib = 32;
	options.states = true;
	assert_machine(&options);
}
END_TEST

/* Each state is there, each by each way that leads to it. */
START_TEST(test_all_states)
{
	static const struct {
		enum mk_state state;
		unsigned int hows; /* bits */
	} wanted[] = {
		{ MK_STATE_VALID, 1 },	     { MK_STATE_LARGE, 1 },
		{ MK_STATE_OUTSIDE, 1 },     { MK_STATE_TRANSITION, 1 },
		{ MK_STATE_TABLE, 1 },	     { MK_STATE_PROTOTYPE, 14 },
		{ MK_STATE_FILE, 15 },	     { MK_STATE_PAGEFILE, 15 },
		{ MK_STATE_DEMANDZERO, 15 }, { MK_STATE_DECOMMITTED, 1 },
		{ MK_STATE_PROTO_LOST, 14 }, { MK_STATE_ABSENT, 6 },
		{ MK_STATE_PAGED_TABLE, 1 },
	};
	unsigned int hows[MK_STATE_PAGED_TABLE + 1] = { 0 };
	const struct mk_options options = {
		.seed = 7, .size_mib = 64, .states = true,
		.layout = "amd64-10.0.22621",
	};
	g_autoptr(MkWin) win = mk_win_new(&options, NULL);
	const GArray *pages = mk_win_find(win, "explorer.exe")->pages;

	for (guint i = 0; i < pages->len; i++) {
		const struct mk_page *page =
			&g_array_index(pages, struct mk_page, i);

		hows[page->state] |= 1u << page->how;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
		ck_assert_msg(hows[wanted[i].state] == wanted[i].hows,
			      "%s: %x, not %x", mk_state_name(wanted[i].state),
			      hows[wanted[i].state], wanted[i].hows);
}
END_TEST

/* The reader sees a difference: an entry that is overwritten is another. */
START_TEST(test_twin)
{
	const struct mk_options options = {
		.seed = 8, .size_mib = 24, .states = true,
		.layout = "amd64-10.0.19041-b",
	};
	g_autoptr(MkWin) win = mk_win_new(&options, NULL);
	const struct mk_process *process = mk_win_find(win, "explorer.exe");
	g_autoptr(MkSoft) soft = mk_soft_new(win, process, true);
	MkPaging *paging = mk_paging_new(mk_win_phys(win), MK_MODE_AMD64,
					 process->dtb_raw & ~UINT64_C(0xfff));
	unsigned int n = 0;

	for (guint i = 0; i < process->pages->len; i++) {
		const struct mk_page *page = &g_array_index(
			process->pages, struct mk_page, i);
		struct mk_soft_page got;

		if (page->state != MK_STATE_PROTOTYPE || !page->raw)
			continue;
		mk_paging_poke(paging, page->va, 1, 0x80);
		mk_soft_page(soft, page->va, &got);
		ck_assert_int_eq(got.state, MK_STATE_DEMANDZERO);
		ck_assert_int_eq(got.how, MK_HOW_NONE);
		n++;
	}
	ck_assert_uint_gt(n, 10);
	mk_paging_free(paging);
}
END_TEST

static void list_families(void)
{
	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);

		if ((layout_arch(layout) != NT_ARCH_ARM64 ||
		     layout_build(layout) >= 19041) &&
		    n_families < (int)G_N_ELEMENTS(families))
			families[n_families++] = layout_id(layout);
	}
}

int main(void)
{
	Suite *suite = suite_create("mk-states");
	TCase *tcase = unit_case(suite, "all");

	list_families();
	tcase_add_test(tcase, test_all_states);
	tcase_add_test(tcase, test_twin);
	tcase_add_loop_test(tcase, test_family, 0, n_families);
	tcase_add_loop_test(tcase, test_variant, 0,
			    (int)G_N_ELEMENTS(variants));
	return unit_main(suite);
}
