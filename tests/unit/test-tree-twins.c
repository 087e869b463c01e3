/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the files for programs: valid whatever the names hold, and they
 * say what the texts say. */
#include "config.h"

#include "unit/unit-parse.h"
#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <string.h>

static struct unit_tree healthy, hostile, plain, old;

static void setup(void)
{
	const struct mk_options a = { .seed = 1 };
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
	const struct unit_tree *all[] = { &healthy, &hostile, &old };

	return all[i];
}

#define TREES 3

/* A value as `processes` has it: "-" for null, yes and no. */
static const char *as_field(yajl_val v)
{
	if (YAJL_IS_NULL(v))
		return "-";
	if (YAJL_IS_NUMBER(v))
		return YAJL_GET_NUMBER(v);
	if (YAJL_IS_STRING(v))
		return YAJL_GET_STRING(v);
	return YAJL_IS_TRUE(v) ? "yes" : "no";
}

static GPtrArray *words_of(const char *line)
{
	GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) all = g_strsplit(line, " ", -1);

	for (char **word = all; *word; word++)
		if (**word)
			g_ptr_array_add(words, g_strdup(*word));
	return words;
}

static bool is_method(const char *name)
{
	for (unsigned i = 0; i < METHODS; i++)
		if (!strcmp(proc_methods[i].name, name))
			return true;
	return false;
}

static void compare_process(yajl_val p, const GPtrArray *head,
			    const GPtrArray *row)
{
	for (guint i = 0; i < head->len; i++) {
		const char *name = head->pdata[i], *want = row->pdata[i];
		yajl_val v = unit_json_at(is_method(name) ?
						  unit_json_at(p, "methods") :
						  p,
					  name);

		if (!strcmp(name, "name"))
			continue; /* escaped in one, not in the other */
		if (!strcmp(name, "state")) {
			ck_assert(g_str_has_prefix(want, as_field(v)));
			ck_assert_int_eq(
				strstr(want, ",hidden") != NULL,
				YAJL_IS_TRUE(unit_json_at(p, "hidden")));
			continue;
		}
		ck_assert_str_eq(as_field(v), want);
	}
}

START_TEST(test_processes_json)
{
	const struct unit_tree *t = tree_at(_i);
	g_autofree char *text = unit_tree_text(t, "processes.json");
	g_autofree char *table = unit_tree_text(t, "processes");
	g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
	g_autoptr(GPtrArray) head = words_of(lines[0]);
	yajl_val v = unit_json(text);

	ck_assert_uint_gt(procset_count(t->procs), 5);
	ck_assert_uint_eq(YAJL_GET_ARRAY(v)->len, procset_count(t->procs));
	for (size_t i = 0; i < YAJL_GET_ARRAY(v)->len; i++) {
		g_autoptr(GPtrArray) row = words_of(lines[i + 1]);
		const struct proc_entry *e = procset_get(t->procs, i);
		yajl_val p = YAJL_GET_ARRAY(v)->values[i];
		g_autofree char *dir = g_strdup_printf("proc/%s", e->dir);

		ck_assert_uint_eq(row->len, head->len);
		compare_process(p, head, row);
		ck_assert_str_eq(unit_json_str(p, "name"), e->p.name);
		ck_assert_str_eq(unit_json_str(p, "folder"), dir);
	}
	yajl_tree_free(v);
}
END_TEST

/* What a field of the table means. (transfer full) */
static char *tsv_decoded(const char *field)
{
	return strcmp(field, "-") ? g_strcompress(field) : g_strdup("");
}

START_TEST(test_processes_tsv)
{
	const struct unit_tree *t = tree_at(_i);
	g_autofree char *text = unit_tree_text(t, "processes.tsv");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_auto(GStrv) head = g_strsplit(lines[0], "\t", -1);
	guint n_fields = g_strv_length(head);

	ck_assert_str_eq(head[2], "name");
	ck_assert_uint_eq(g_strv_length(lines),
			  procset_count(t->procs) + 2);
	for (size_t i = 0; i < procset_count(t->procs); i++) {
		g_auto(GStrv) f = g_strsplit(lines[i + 1], "\t", -1);
		g_autofree char *name = NULL;

		ck_assert_uint_eq(g_strv_length(f), n_fields);
		name = tsv_decoded(f[2]);
		ck_assert_str_eq(name, procset_get(t->procs, i)->p.name);
	}
}
END_TEST

/* Each line of `status` has its member, in the same order. */
static void compare_status(const char *text, yajl_val v)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	size_t k = 0, n = YAJL_GET_OBJECT(v)->len;

	for (char **line = lines; **line; line++) {
		const char *colon = strstr(*line, ":\t");
		g_autofree char *key = g_strndup(*line,
						 (size_t)(colon - *line));
		const char *name;

		/* Of no meaning but to Linux's tools. */
		if (!strcmp(key, "Uid") || !strcmp(key, "Gid"))
			continue;
		do {
			ck_assert_msg(k < n, "no %s", key);
			name = YAJL_GET_OBJECT(v)->keys[k++];
		} while (g_str_has_suffix(name, "Note") ||
			 !strcmp(name, "Hidden"));
		ck_assert_str_eq(name, key);
		if (g_str_has_prefix(key, "Vm"))
			ck_assert(YAJL_IS_INTEGER(unit_json_at(v, key)));
		if (g_str_has_prefix(colon, ":\t-"))
			ck_assert(YAJL_IS_NULL(unit_json_at(v, key)) ||
				  YAJL_IS_ARRAY(unit_json_at(v, key)));
	}
}

START_TEST(test_status_json)
{
	const struct unit_tree *t = tree_at(_i);

	for (size_t i = 0; i < procset_count(t->procs); i++) {
		const struct proc_entry *e = procset_get(t->procs, i);
		g_autofree char *json = unit_tree_text(
			t, "proc/%s/status.json", e->dir);
		g_autofree char *text = unit_tree_text(t, "proc/%s/status",
						       e->dir);
		yajl_val v = unit_json(json);

		compare_status(text, v);
		ck_assert_str_eq(unit_json_str(v, "Name"), e->p.name);
		ck_assert_int_eq(YAJL_GET_INTEGER(unit_json_at(v, "Pid")),
				 e->p.pid);
		yajl_tree_free(v);
	}
}
END_TEST

/* Why something is not known is a member of its own. */
START_TEST(test_notes)
{
	g_autofree char *json = unit_tree_text(&healthy, "proc/4/status.json");
	yajl_val v = unit_json(json);

	ck_assert(YAJL_IS_NULL(unit_json_at(v, "Exe")));
	ck_assert_str_eq(unit_json_str(v, "ExeNote"), "no PEB");
	yajl_tree_free(v);
}
END_TEST

START_TEST(test_no_windows)
{
	g_autofree char *json = unit_tree_text(&plain, "processes.json");
	g_autofree char *tsv = unit_tree_text(&plain, "processes.tsv");
	yajl_val v = unit_json(json);

	ck_assert_uint_eq(YAJL_GET_ARRAY(v)->len, 0);
	yajl_tree_free(v);
	ck_assert(g_str_has_prefix(tsv, "pid\tppid\tname\t"));
	ck_assert_ptr_eq(strchr(tsv, '\n'), tsv + strlen(tsv) - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-twins");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_processes_json, 0, TREES);
	tcase_add_loop_test(tcase, test_processes_tsv, 0, TREES);
	tcase_add_loop_test(tcase, test_status_json, 0, TREES);
	tcase_add_test(tcase, test_notes);
	tcase_add_test(tcase, test_no_windows);
	return unit_main(suite);
}
