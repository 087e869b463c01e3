/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what objects are called: all that the tables of the builder's
 * machines lead to, on all layouts; and what leads astray. */
#include "config.h"

#include "unit/unit-runs.h"
#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/objname.h"
#include "nt/token.h"

/* At least so many kinds of named things are given to each process. */
enum { KINDS = 12 };

static struct unit_win w;

static void start(const char *layout, bool hostile, bool blind)
{
	const struct mk_options options = {
		.seed = 3, .layout = layout, .objects = true, .procs = 4,
		.hostile_names = hostile,
	};
	const struct nt_hints hints = { .no_profile = blind };

	unit_win_init_hints(&w, &options, &hints);
	ck_assert_msg(w.kernel && w.kernel->has_system, "%s", layout);
}

static const struct mk_handle *handle_at(guint i)
{
	return &g_array_index(mk_win_handles(w.win), struct mk_handle, i);
}

static struct nt_object_info read_info(NtObjnames *names,
				       const struct mk_handle *h)
{
	uint64_t header = h->object - w.kernel->profile.object.body;
	struct nt_object_info info;

	ck_assert_msg(nt_objname_read(names, VIRT(header), &info),
		      "%s of %u", h->type, h->pid);
	ck_assert_uint_eq(info.body.v, h->object);
	return info;
}

/* Before there is a truth about the name, it must make sense. */
static void assert_sane(const struct nt_object_info *info)
{
	ck_assert(!info->name ||
		  (g_utf8_validate(info->name, -1, NULL) &&
		   strlen(info->name) <= NT_OBJNAME_MAX));
}

/* Layouts of which little is known. */
static bool is_unknown(const char *type)
{
	const struct nt_objname_layout *l = &w.kernel->profile.objname;

	if (!strcmp(type, "Thread"))
		return l->thread_id == NT_ABSENT;
	return !strcmp(type, "Section") && l->section_area == NT_ABSENT &&
	       l->section_segment == NT_ABSENT;
}

static void assert_all(const char *layout)
{
	g_autoptr(NtObjnames) names = nt_objnames_new(w.kernel);
	g_autoptr(GHashTable) kinds =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const GArray *handles = mk_win_handles(w.win);

	ck_assert_uint_gt(handles->len, 0);
	for (guint i = 0; i < handles->len; i++) {
		const struct mk_handle *h = handle_at(i);
		struct nt_object_info info = read_info(names, h);

		assert_sane(&info);
		ck_assert_msg(!g_strcmp0(info.type, h->type),
			      "%s: a %s is a %s", layout, h->type, info.type);
		if (!info.name && h->name)
			ck_assert_msg(is_unknown(h->type), "%s: %s", layout,
				      h->type);
		else
			ck_assert_msg(
				!g_strcmp0(h->name, MK_NAME_ANY) ||
					!g_strcmp0(info.name, h->name),
				"%s: a %s is called %s, not %s", layout,
				h->type, info.name, h->name);
		if (h->name)
			g_hash_table_add(kinds, g_strdup(h->type));
		nt_object_info_clear(&info);
	}
	ck_assert_uint_ge(g_hash_table_size(kinds), KINDS - 1);
}

static void assert_sids(const char *layout)
{
	for (size_t i = 0; i < mk_win_n_processes(w.win); i++) {
		const struct mk_process *m = mk_win_process(w.win, i);
		const struct nt_process p = { .eprocess = VIRT(m->eprocess) };
		g_autoptr(GPtrArray) sids = nt_token_sids(w.kernel, &p);

		ck_assert_msg(!m->sids == !sids, "%s: %u", layout, m->pid);
		for (unsigned k = 0; k < m->n_sids; k++)
			ck_assert_str_eq(g_ptr_array_index(sids, k),
					 m->sids[k]);
		ck_assert(!sids || sids->len == m->n_sids);
	}
}

START_TEST(test_layout)
{
	const struct nt_layout *layout = layouts_get((size_t)_i);

	/* Too little is known of these to make a machine. */
	if (layout_arch(layout) == NT_ARCH_ARM64 &&
	    layout_build(layout) < 19041)
		return;
	start(layout_id(layout), false, false);
	if (w.kernel->profile.handle.known && mk_win_handles(w.win)->len)
		assert_all(layout_id(layout));
	assert_sids(layout_id(layout));
	unit_win_clear(&w);
}
END_TEST

static const char *const hostile[] = {
	"amd64-10.0.19041-b", "amd64-6.1.7601-d", "x86-5.1.2600",
	"x86pae-6.1.7601",
};

START_TEST(test_hostile)
{
	start(hostile[_i], true, false);
	assert_all(hostile[_i]);
	unit_win_clear(&w);
}
END_TEST

/* Names of all that misleads: begin so. */
START_TEST(test_misleading)
{
	g_autoptr(NtObjnames) names = NULL;
	unsigned n = 0;

	start(hostile[_i], true, false);
	names = nt_objnames_new(w.kernel);
	for (guint i = 0; i < mk_win_handles(w.win)->len; i++) {
		const struct mk_handle *h = handle_at(i);
		struct nt_object_info info;

		if (g_strcmp0(h->name, MK_NAME_ANY))
			continue;
		info = read_info(names, h);
		if (!strcmp(h->type, "Thread") || !strcmp(h->type, "Process"))
			ck_assert(info.name != NULL);
		else if (!strcmp(h->type, "Mutant"))
			ck_assert(g_str_has_prefix(info.name, "...\\"));
		else if (!strcmp(h->type, "Event"))
			ck_assert(g_str_has_prefix(info.name, "xxxxxxxx"));
		else
			ck_assert(!info.name ||
				  g_str_has_prefix(info.name, "...\\"));
		n++;
		nt_object_info_clear(&info);
	}
	ck_assert_uint_ge(n, 4);
	nt_objnames_free(g_steal_pointer(&names));
	unit_win_clear(&w);
}
END_TEST

/* Changes kernel memory. */
static void poke(uint64_t va, uint8_t byte)
{
	struct vtop_leaf leaf = vtop_translate(&w.kernel->as, VIRT(va));
	uint64_t pa = leaf.pa.v + (va - leaf.va.v);
	struct image_run run = unit_piece(w.mem.image->runs, pa);

	ck_assert_uint_gt(run.len, 0);
	w.mem.bytes[run.off + pa - run.pa] = byte;
}

/* What is known of types without their table: what contents tell, and never
 * anything else. */
START_TEST(test_no_table)
{
	g_autoptr(NtObjnames) names = NULL;
	unsigned n_named = 0;

	start("amd64-10.0.19041-b", false, false);
	w.kernel->vars[NT_OB_TYPE_INDEX_TABLE].va = VIRT(0);
	names = nt_objnames_new(w.kernel);
	ck_assert_uint_eq(nt_objnames_types(names), 0);
	for (guint i = 0; i < mk_win_handles(w.win)->len; i++) {
		const struct mk_handle *h = handle_at(i);
		struct nt_object_info info = read_info(names, h);

		ck_assert(!info.type || !strcmp(info.type, h->type));
		ck_assert(!info.type || !info.name ||
			  !strcmp(info.name, h->name));
		n_named += info.type && info.name;
		nt_object_info_clear(&info);
	}
	ck_assert_uint_gt(n_named, mk_win_n_processes(w.win) * 5);
	nt_objnames_free(g_steal_pointer(&names));
	unit_win_clear(&w);
}
END_TEST

/* Any bytes in the headers and bodies: an answer, and soon. */
START_TEST(test_random)
{
	const struct nt_object_layout *l;
	GRand *random = g_rand_new_with_seed((guint32)_i);
	g_autoptr(NtObjnames) names = NULL;

	start(hostile[(size_t)_i % G_N_ELEMENTS(hostile)], true, false);
	l = &w.kernel->profile.object;
	for (guint i = 0; i < mk_win_handles(w.win)->len; i++)
		for (unsigned k = 0; k < 6; k++)
			poke(handle_at(i)->object - l->body - 0x20 +
				     (uint64_t)g_rand_int_range(
					     random, 0, (gint32)l->body + 0x60),
			     (uint8_t)g_rand_int(random));
	g_rand_free(random);
	names = nt_objnames_new(w.kernel);
	for (guint i = 0; i < mk_win_handles(w.win)->len; i++) {
		struct nt_object_info info = read_info(names, handle_at(i));

		assert_sane(&info);
		nt_object_info_clear(&info);
	}
	nt_objnames_free(g_steal_pointer(&names));
	unit_win_clear(&w);
}
END_TEST

/* Of the first process with SIDs, what its token leads to. */
static uint64_t follow(uint64_t va)
{
	uint64_t to = 0;

	ck_assert(nt_pointer_at(&w.kernel->as, w.kernel->profile.pointer_bytes,
				VIRT(va), &to));
	return to & ~UINT64_C(15);
}

static void assert_first(const char *want)
{
	const struct nt_process p = {
		.eprocess = VIRT(mk_win_process(w.win, 0)->eprocess) };
	g_autoptr(GPtrArray) sids = nt_token_sids(w.kernel, &p);

	ck_assert(!want == !sids);
	if (sids)
		ck_assert_str_eq(g_ptr_array_index(sids, 0), want);
}

/* Tokens that are damaged: a SID of another kind, more groups than there are,
 * nothing at all. */
START_TEST(test_tokens)
{
	uint64_t token, array, sid;

	start("amd64-10.0.19041-b", false, false);
	token = follow(mk_win_process(w.win, 0)->eprocess +
		       w.kernel->profile.objname.token);
	array = follow(token + 0x98);
	sid = follow(array);
	assert_first("S-1-5-18");
	poke(sid + 1, 16); /* sub-authorities */
	assert_first(NULL);
	poke(sid + 1, 0);
	assert_first("S-1-5");
	poke(sid + 2, 1); /* authority */
	assert_first("S-1-1099511627781");
	poke(sid, 2); /* revision */
	assert_first(NULL);
	poke(sid, 1);
	poke(token + 0x7c, 0); /* groups */
	assert_first(NULL);
	poke(token + 0x7c + 2, 1);
	assert_first(NULL);
	poke(token + 0x7c + 2, 0);
	poke(token + 0x7c, 5); /* one more than there are */
	assert_first("S-1-1099511627781");
	poke(token + 0x98 + 7, 0);
	assert_first(NULL);
	unit_win_clear(&w);
}
END_TEST

/* Addresses where no object is. */
START_TEST(test_nowhere)
{
	static const uint64_t where[] = {
		0, 8, 0x30, 0x7fffffff0000, UINT64_MAX, UINT64_MAX - 0x20,
		UINT64_C(0xffffffffffff0000), UINT64_C(0x8000000000000000),
	};
	g_autoptr(NtObjnames) names = NULL;

	start(hostile[0], false, false);
	names = nt_objnames_new(w.kernel);
	for (size_t i = 0; i < G_N_ELEMENTS(where); i++) {
		struct nt_object_info info;

		ck_assert(!nt_objname_read(names, VIRT(where[i]), &info));
	}
	nt_objnames_free(g_steal_pointer(&names));
	unit_win_clear(&w);
}
END_TEST

/* A kernel that no table knows: what is said of it is true. */
START_TEST(test_derived)
{
	g_autoptr(NtObjnames) names = NULL;

	start(hostile[_i], false, true);
	if (w.kernel->profile.object.body == NT_ABSENT) {
		unit_win_clear(&w);
		return;
	}
	names = nt_objnames_new(w.kernel);
	for (guint i = 0; i < mk_win_handles(w.win)->len; i++) {
		const struct mk_handle *h = handle_at(i);
		struct nt_object_info info = read_info(names, h);

		ck_assert(!info.type || !strcmp(info.type, h->type));
		ck_assert_msg(!info.name || !g_strcmp0(info.name, h->name),
			      "%s: a %s is called %s, not %s", hostile[_i],
			      h->type, info.name, h->name);
		nt_object_info_clear(&info);
	}
	nt_objnames_free(g_steal_pointer(&names));
	unit_win_clear(&w);
}
END_TEST

int main(void)
{
	const int n = (int)G_N_ELEMENTS(hostile);
	Suite *suite = suite_create("nt-objname");
	TCase *tc = unit_case(suite, "all");

	tcase_add_loop_test(tc, test_layout, 0, (int)layouts_count());
	tcase_add_loop_test(tc, test_hostile, 0, n);
	tcase_add_loop_test(tc, test_misleading, 0, n);
	tcase_add_loop_test(tc, test_random, 0, 8);
	tcase_add_loop_test(tc, test_derived, 0, n);
	tcase_add_test(tc, test_no_table);
	tcase_add_test(tc, test_tokens);
	tcase_add_test(tc, test_nowhere);
	return unit_main(suite);
}
