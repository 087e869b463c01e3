/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the pictures: well-formed whatever the names hold, small, and with
 * what must stick out. */
#include "config.h"

#include "unit/unit-parse.h"
#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "tree/markup.h"
#include "tree/owners.h"
#include "tree/ranges.h"
#include "tree/tree-priv.h"

static struct unit_tree healthy, hostile, plain, old;

static void setup(void)
{
	const struct mk_options a = { .seed = 1, .states = true,
				      .full = true };
	const struct mk_options b = { .seed = 2, .hostile_names = true };
	const struct mk_options c = { .seed = 3, .no_windows = true };
	const struct mk_options d = { .seed = 4, .layout = "x86pae-6.1.7601" };

	unit_tree_init(&healthy, &a, NULL);
	unit_tree_init(&hostile, &b, NULL);
	unit_tree_init(&plain, &c, NULL);
	unit_tree_init(&old, &d, NULL);
}

static void teardown(void)
{
	unit_tree_clear(&healthy);
	unit_tree_clear(&hostile);
	unit_tree_clear(&plain);
	unit_tree_clear(&old);
}

static const struct unit_tree *tree_at(int i)
{
	const struct unit_tree *all[] = { &healthy, &hostile, &old, &plain };

	return all[i];
}

#define TREES 4

static char *markup_of(const char *utf8, size_t max)
{
	struct sink out;
	char *text;

	sink_init(&out, false);
	sink_str(&out, "<t a=\"");
	markup_text(&out, utf8, max);
	sink_str(&out, "\">");
	markup_raw(&out, utf8, max);
	sink_str(&out, "</t>");
	text = g_strndup(out.buf, out.len);
	sink_clear(&out);
	return text;
}

START_TEST(test_markup)
{
	static const char *const t[] = {
		"", "<script>alert('1')</script>", "\"'><svg onload=x>",
		"&amp;", "]]>", "\x01\x1b\x7f\xff\xc3",
		("\xe2\x80\xae" "fdp.exe"),
		"\xef\xbf\xbf\xef\xbf\xbe", "\xed\xa0\x80", "--><!--",
	};
	g_autofree char *cut = markup_of("abcdef", 3);

	for (size_t i = 0; i < G_N_ELEMENTS(t); i++) {
		g_autofree char *text = markup_of(t[i], 100);

		ck_assert_uint_eq(unit_xml_count(text, "t"), 1);
		ck_assert_uint_eq(unit_xml_count(text, "script"), 0);
		ck_assert_uint_eq(unit_xml_count(text, "svg"), 0);
		ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
	}
	ck_assert_str_eq(cut, "<t a=\"ab\xe2\x80\xa6\">ab\xe2\x80\xa6</t>");
}
END_TEST

static void assert_size(uint64_t bytes, const char *want)
{
	char buf[24];

	ck_assert_str_eq(markup_size(bytes, buf), want);
}

static void assert_percent(uint64_t part, uint64_t whole, const char *want)
{
	char buf[8];

	ck_assert_str_eq(markup_percent(part, whole, buf), want);
}

START_TEST(test_sizes)
{
	assert_size(0, "0");
	assert_size(1023, "1023 B");
	assert_size(4096, "4 KiB");
	assert_size(MIB + MIB / 2, "1.5 MiB");
	assert_size(10 * MIB - 1, "9.9 MiB");
	assert_size(UINT64_C(128) << 40, "128 TiB");
	assert_size(UINT64_MAX, "15 EiB");
	assert_percent(0, 0, "0");
	assert_percent(0, 5, "0");
	assert_percent(1, 1000, "&lt;1");
	assert_percent(999, 1000, "99");
	assert_percent(7, 7, "100");
	assert_percent(UINT64_C(1) << 56, UINT64_C(1) << 57, "50");
	assert_percent(UINT64_MAX, UINT64_MAX, "100");
}
END_TEST

static void check_map(void *ctx, const struct unit_tree *t,
		      const struct tree_node *node, const char *path)
{
	unsigned *n = ctx;
	g_autofree char *text = NULL;

	if (node->kind != NODE_TEXT || node->arg != SPACE_TEXT_MAP_SVG)
		return;
	(*n)++;
	text = unit_tree_text(t, "%s", path);
	ck_assert_uint_lt(strlen(text), 2000000);
	ck_assert_uint_eq(unit_xml_count(text, "svg"), 1);
	ck_assert_uint_eq(unit_xml_count(text, "script"), 0);
	ck_assert_uint_eq(unit_xml_count(text, "image"), 0);
}

START_TEST(test_maps)
{
	unsigned n = 0;

	unit_tree_each(tree_at(_i), check_map, &n);
	if (tree_at(_i) != &plain)
		ck_assert_uint_gt(n, 10);
}
END_TEST

/* `maps` is asked whether there is a page to be alarmed about. */
START_TEST(test_alarm)
{
	const struct unit_tree *t = tree_at(_i);
	unsigned n_calm = 0;

	for (size_t i = 0; i < procset_count(t->procs); i++) {
		const char *dir = procset_get(t->procs, i)->dir;
		g_autofree char *maps = unit_tree_text(t, "proc/%s/maps", dir);
		g_autofree char *svg = unit_tree_text(t, "proc/%s/map.svg",
						      dir);
		bool alarm = strstr(svg, " writable and executable</tspan>");

		if (strstr(maps, " rwx"))
			ck_assert_msg(alarm, "proc/%s", dir);
		n_calm += !alarm;
	}
	ck_assert_uint_gt(n_calm, 0);
}
END_TEST

static uint64_t total_size(const struct range_list *list)
{
	uint64_t sum = 0;

	for (guint i = 0; i < list->ranges->len; i++)
		sum += g_array_index(list->ranges, struct range, i).size;
	return sum;
}

static void check_ranges(const struct range_list *list,
			 const struct range_list *all, guint max)
{
	unsigned n = 0;
	bool wx = false;

	ck_assert_uint_le(list->ranges->len, max);
	for (guint i = 0; i < list->ranges->len; i++) {
		const struct range *r = &g_array_index(list->ranges,
						       struct range, i);

		ck_assert_uint_le(r->start, r->last);
		ck_assert_uint_le(r->size, r->last - r->start + 1);
		if (i)
			ck_assert_uint_gt(r->start, r[-1].last);
		n += r->n;
		wx |= r->wx;
	}
	ck_assert_uint_eq(n, all->n_all);
	ck_assert_uint_eq(list->n_wx, all->n_wx);
	ck_assert_int_eq(wx, list->n_wx > 0);
	ck_assert_uint_eq(total_size(list), total_size(all));
}

/* However few are wanted, nothing is lost or counted twice. */
START_TEST(test_merging)
{
	const struct unit_tree *t = tree_at(_i);
	const struct render_facts *facts = &t->tree->facts;

	for (size_t i = 0; i <= procset_count(t->procs); i++) {
		Space *space = i ? t->tree->proc_spaces->pdata[i - 1] :
				   t->tree->kernel_space;
		g_autoptr(SpaceView) view = space_view(space, facts->views);
		struct range_list *all = range_list_new(facts, space, view,
							10000);

		for (guint max = 1; max < 30; max += 4) {
			struct range_list *few = range_list_new(
				facts, space, view, max);

			check_ranges(few, all, max);
			range_list_free(few);
		}
		range_list_free(all);
	}
}
END_TEST

/* What is counted is what the view counts. */
START_TEST(test_sums)
{
	const struct unit_tree *t = tree_at(_i);
	const struct render_facts *facts = &t->tree->facts;

	for (size_t i = 0; i < procset_count(t->procs); i++) {
		Space *space = t->tree->proc_spaces->pdata[i];
		g_autoptr(SpaceView) view = space_view(space, facts->views);
		struct range_list *list = range_list_new(facts, space, view,
							 100);
		const struct map_counts *c = addr_map_counts(view->map);
		uint64_t resident = 0, swapped = 0, lost = 0;

		for (unsigned k = 0; k < RANGE_KINDS; k++) {
			resident += list->sums[k].parts[PART_RESIDENT];
			swapped += list->sums[k].parts[PART_SWAPPED];
			lost += list->sums[k].parts[PART_LOST];
		}
		ck_assert_uint_eq(resident, map_counts_resident(c));
		ck_assert_uint_eq(resident + swapped, c->data_bytes);
		ck_assert_uint_eq(lost, c->lost_bytes);
		range_list_free(list);
	}
}
END_TEST

/* Whose a page is by the places where it is mapped; UINT_MAX: not that
 * simple. */
static unsigned simple_owner(const struct render_facts *facts,
			     const struct ptov_answer *answer)
{
	const struct ptov_hit *hit;
	const Space *space;

	if (!answer->hits->len)
		return OWNER_NONE;
	hit = &g_array_index(answer->hits, struct ptov_hit, 0);
	space = ptov_space(facts->ptov, hit->space);
	if (answer->n_hits > 1 || space->kind != SPACE_PROCESS ||
	    hit->va > space->last)
		return UINT_MAX;
	return OWNER_SPACE + (unsigned)hit->space;
}

/* Owners by one pass are those that asking for each page gives. */
START_TEST(test_owners)
{
	const struct render_facts *facts = &tree_at(_i)->tree->facts;
	struct owners *o = owners_new(facts);
	unsigned n_simple = 0, n_free = 0;
	uint64_t sum = 0;

	for (size_t i = 0; i < o->n; i++)
		sum += o->bytes[i];
	ck_assert_uint_eq(sum, o->n_pages << PAGE_SHIFT_4K);
	ck_assert_uint_eq(o->n_incomplete, 0);
	for (uint64_t i = 0; i < o->n_pages; i += 3) {
		struct ptov_answer answer;
		uint64_t n, pfn = owners_nth(o, i);
		unsigned owner = owners_get(o, pfn, &n), want;

		ck_assert_uint_gt(n, 0);
		ck_assert_uint_eq(owner, owners_get_nth(o, i, &n));
		ptov_find(facts->ptov, PHYS(pfn << PAGE_SHIFT_4K), &answer);
		want = simple_owner(facts, &answer);
		if (want != UINT_MAX)
			ck_assert_uint_eq(owner, want);
		else
			ck_assert_uint_ne(owner, OWNER_NONE);
		n_simple += want != UINT_MAX && want != OWNER_NONE;
		n_free += want == OWNER_NONE;
		ptov_answer_clear(&answer);
	}
	ck_assert_uint_gt(n_free, 10);
	if (_i < TREES - 1)
		ck_assert_uint_gt(n_simple, 10);
	owners_free(o);
}
END_TEST

START_TEST(test_physical)
{
	const struct unit_tree *t = tree_at(_i);
	g_autofree char *text = unit_tree_text(t, "image/physical.svg");
	g_autofree char *again = unit_tree_text(t, "image/physical.svg");

	ck_assert_str_eq(text, again);
	ck_assert_uint_lt(strlen(text), 1000000);
	ck_assert_uint_eq(unit_xml_count(text, "svg"), 1);
	ck_assert_uint_eq(unit_xml_count(text, "script"), 0);
	ck_assert_uint_gt(unit_xml_count(text, "path"), 1);
	ck_assert_ptr_nonnull(strstr(text, ">mapped by nobody<"));
	if (t != &plain) {
		ck_assert_ptr_nonnull(strstr(text, ">page tables<"));
		ck_assert_ptr_nonnull(strstr(text, ">kernel<"));
	}
}
END_TEST

/* Each link of the page leads to something, and none out of the mount. */
static unsigned check_links(const struct unit_tree *t, const char *text)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, " href=\"")); n++) {
		const char *end;
		g_autofree char *path = NULL;
		struct tree_node node;

		p += strlen(" href=\"");
		end = strchr(p, '"');
		ck_assert_ptr_nonnull(end);
		path = g_strndup(p, (gsize)(end - p));
		ck_assert_ptr_null(strstr(path, ":"));
		ck_assert_ptr_null(strstr(path, ".."));
		if (*path != '#')
			ck_assert_msg(!tree_resolve(t->tree, path, &node),
				      "%s", path);
	}
	return n;
}

START_TEST(test_report)
{
	const struct unit_tree *t = tree_at(_i);
	g_autofree char *text = unit_tree_text(t, "report.html");
	size_t n = procset_count(t->procs);

	/* What is in them but was not put there. */
	ck_assert_uint_eq(unit_xml_count(text, "script"), 0);
	ck_assert_uint_eq(unit_xml_count(text, "img"), 0);
	ck_assert_uint_eq(unit_xml_count(text, "link"), 0);
	ck_assert_uint_eq(unit_xml_count(text, "html"), 1);
	ck_assert_ptr_null(strstr(text, "http://"));
	ck_assert_ptr_null(strstr(text, "https://"));
	ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
	ck_assert_uint_ge(check_links(t, text), 10 + 4 * n);
	ck_assert_uint_ge(unit_xml_count(text, "tr"), n);
	for (size_t i = 0; i < n; i++) {
		g_autofree char *folder = g_strdup_printf(
			"\"proc/%s/\"", procset_get(t->procs, i)->dir);

		ck_assert_ptr_nonnull(strstr(text, folder));
	}
	ck_assert_int_eq(strstr(text, ">No Windows was found in it<") != NULL,
			 t == &plain);
}
END_TEST

/* Who is whose child, and that hidden ones are on top. */
START_TEST(test_report_tree)
{
	g_autofree char *text = unit_tree_text(&healthy, "report.html");
	const char *services = strstr(text, ">services.exe</a>");
	const char *svchost = strstr(text, ">svchost.exe</a>");
	unsigned n_hidden = 0;

	ck_assert_ptr_nonnull(services);
	ck_assert_ptr_nonnull(svchost);
	ck_assert(services < svchost);
	for (size_t i = 0; i < procset_count(healthy.procs); i++) {
		const struct proc_entry *e = procset_get(healthy.procs, i);
		g_autofree char *folder = g_strdup_printf("\"proc/%s/\"",
							  e->dir);

		if (!render_is_hidden(&healthy.tree->facts, e))
			continue;
		n_hidden++;
		ck_assert(strstr(text, folder) < strstr(text, "id=\"tree\""));
	}
	ck_assert_uint_gt(n_hidden, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-pictures");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_markup);
	tcase_add_test(tcase, test_sizes);
	tcase_add_loop_test(tcase, test_maps, 0, TREES);
	tcase_add_loop_test(tcase, test_alarm, 0, TREES - 1);
	tcase_add_loop_test(tcase, test_merging, 0, TREES - 1);
	tcase_add_loop_test(tcase, test_sums, 0, TREES - 1);
	tcase_add_loop_test(tcase, test_owners, 0, TREES);
	tcase_add_loop_test(tcase, test_physical, 0, TREES);
	tcase_add_loop_test(tcase, test_report, 0, TREES);
	tcase_add_test(tcase, test_report_tree);
	return unit_main(suite);
}
