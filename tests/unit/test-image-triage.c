/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of triage dumps as files. */
#include "config.h"

#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image/image.h"
#include "lib/mkfmt-triage.h"

/* Of 64 bits, of 32. */
static const char *const layouts[] = { "amd64-10.0.19041-b",
				       "x86pae-6.1.7601" };

struct made {
	MkWin *win;
	GByteArray *bytes;
	struct mk_triage t;
	bool is64;
	size_t head; /* of the triage header */
};

static void made_init(struct made *m, int which)
{
	const struct mk_options options = { .seed = 3, .size_mib = 16,
					    .layout = layouts[which],
					    .plain_kdbg = true };

	m->win = mk_win_new(&options, NULL);
	ck_assert_ptr_nonnull(m->win);
	m->bytes = mk_triage_make(m->win, &m->t);
	m->is64 = !which;
	m->head = m->is64 ? 0x2000 : 0x1000;
}

static void made_clear(struct made *m)
{
	mk_triage_clear(&m->t);
	g_byte_array_unref(m->bytes);
	mk_win_free(m->win);
}

static void put32(struct made *m, size_t at, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	memcpy(m->bytes->data + at, &value, sizeof value);
}

static Image *open_made(const struct made *m, size_t len, Log *log,
			GError **error)
{
	return image_open_io(image_io_memory(m->bytes->data, len), "x", NULL,
			     log, error);
}

static bool has_range(const Image *image, const struct mk_block *b)
{
	const GArray *ranges = image->triage->ranges;

	for (guint i = 0; i < ranges->len; i++) {
		struct image_virtual v =
			g_array_index(ranges, struct image_virtual, i);

		if (v.va == b->va && v.len == b->len && v.off == b->off)
			return true;
	}
	return false;
}

START_TEST(test_header)
{
	g_autoptr(Image) image = NULL;
	const struct mk_kernel *k;
	struct made m;

	made_init(&m, _i);
	k = mk_win_kernel(m.win);
	image = open_made(&m, m.bytes->len, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "triage");
	ck_assert_uint_eq(image_runs_count(image->runs), 0);
	ck_assert_uint_eq(image->facts.dtb, k->dtb);
	ck_assert_uint_eq(image->facts.kdbg, k->kdbg);
	ck_assert_uint_eq(image->facts.ps_active_head, k->active_head);
	ck_assert_uint_eq(image->facts.os_minor, k->build);
	ck_assert_uint_eq(image->facts.machine, m.is64 ? 0x8664 : 0x14c);
	ck_assert_uint_eq(image->facts.processors, 2);
	ck_assert_uint_eq(image->facts.dump_type, 4);
	ck_assert(image->facts.has_bugcheck);
	ck_assert_uint_eq(image->facts.bugcheck, m.t.bugcheck);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(image->facts.bugcheck_params[i],
				  m.t.params[i]);
	ck_assert_uint_eq(image->facts.uptime_100ns, UINT64_C(36000000000));
	ck_assert_uint_eq(image->capture_filetime, k->time);
	ck_assert_uint_eq(image->triage->rip, m.t.rip);
	ck_assert_uint_eq(image->triage->rsp, m.t.rsp);
	ck_assert_int_eq(image->triage->pae, !m.is64);
	made_clear(&m);
}
END_TEST

/* All that has an address but the structures, which nothing in the header
 * places: those are parts. */
START_TEST(test_ranges)
{
	g_autoptr(Image) image = NULL;
	const struct image_triage *t;
	struct made m;
	size_t n = 0;

	made_init(&m, _i);
	image = open_made(&m, m.bytes->len, NULL, NULL);
	t = image->triage;
	for (guint i = 0; i < m.t.blocks->len; i++) {
		const struct mk_block *b =
			&g_array_index(m.t.blocks, struct mk_block, i);

		if (b->va == m.t.prcb)
			ck_assert_uint_eq(t->prcb.off, b->off);
		else if (b->va == m.t.thread)
			ck_assert_uint_eq(t->thread.off, b->off);
		else if (b->va == m.t.process->eprocess)
			ck_assert_uint_eq(t->process.off, b->off);
		else
			n += has_range(image, b);
	}
	ck_assert_uint_eq(n, m.t.blocks->len - 3);
	ck_assert_uint_eq(t->ranges->len, n);
	ck_assert_uint_eq(t->n_blocks, m.t.n_blocks);
	made_clear(&m);
}
END_TEST

START_TEST(test_modules)
{
	g_autoptr(Image) image = NULL;
	struct made m;
	guint n = 0;

	made_init(&m, _i);
	image = open_made(&m, m.bytes->len, NULL, NULL);
	ck_assert_uint_eq(image->triage->modules->len, 3);
	ck_assert_uint_eq(image->triage->unloaded->len, 2);
	for (guint i = 0; i < m.t.drivers->len; i++) {
		const struct mk_driver *d =
			&g_array_index(m.t.drivers, struct mk_driver, i);
		const GArray *list = d->unloaded ? image->triage->unloaded :
						   image->triage->modules;
		const struct image_module *got =
			&g_array_index(list, struct image_module,
				       d->unloaded ? n++ : i);

		ck_assert_uint_eq(got->base, d->base);
		ck_assert_uint_eq(got->size, d->size);
		ck_assert_uint_eq(got->timestamp, d->timestamp);
		if (d->unloaded)
			ck_assert_int_eq(strncmp(got->name, d->name, 12), 0);
		else
			ck_assert_str_eq(got->name, d->name);
	}
	made_clear(&m);
}
END_TEST

/* Entries of another length are told by what is in them. */
START_TEST(test_other_entries)
{
	const size_t extra = 0x18;
	size_t old, entry, list, off;
	g_autoptr(Image) image = NULL;
	struct made m;

	made_init(&m, _i);
	entry = m.is64 ? 0x90 : 0x4c;
	off = load_le32(m.bytes->data + m.head + 0x30);
	list = (m.bytes->len + 7) & ~(size_t)7;
	old = m.bytes->len;
	g_byte_array_set_size(m.bytes, (guint)(list + 3 * (entry + extra)));
	memset(m.bytes->data + old, 0xff, m.bytes->len - old);
	for (size_t i = 0; i < 3; i++)
		memcpy(m.bytes->data + list + i * (entry + extra),
		       m.bytes->data + off + i * entry, entry);
	put32(&m, m.head + 0x30, (uint32_t)list);
	image = open_made(&m, m.bytes->len, NULL, NULL);
	ck_assert_uint_eq(image->triage->modules->len, 3);
	made_clear(&m);
}
END_TEST

/* The stack's address may be that of its end. */
START_TEST(test_stack_end)
{
	g_autoptr(Image) image = NULL;
	const struct mk_block *stack = NULL;
	struct made m;

	made_init(&m, _i);
	for (guint i = 0; i < m.t.blocks->len; i++) {
		const struct mk_block *b =
			&g_array_index(m.t.blocks, struct mk_block, i);

		if (m.t.rsp >= b->va && m.t.rsp - b->va < b->len &&
		    b->va != m.t.prcb)
			stack = b;
	}
	ck_assert_ptr_nonnull(stack);
	put32(&m, m.head + 0x48, (uint32_t)(stack->va + stack->len));
	image = open_made(&m, m.bytes->len, NULL, NULL);
	ck_assert(has_range(image, stack));
	made_clear(&m);
}
END_TEST

static bool log_has(const Log *log, const char *text)
{
	g_autofree char *all = log_text(log);

	return strstr(all, text) != NULL;
}

START_TEST(test_log)
{
	struct made m;

	made_init(&m, _i);
	for (unsigned i = 0; i < 3; i++) {
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;

		if (i == 1)
			put32(&m, load_le32(m.bytes->data + m.head + 8), 0);
		image = open_made(&m, m.bytes->len - (i == 2 ? 16 : 0), log,
				  NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert(log_has(log, "this is a triage dump"));
		ck_assert(log_has(log, "no physical memory and no page"));
		ck_assert_int_eq(log_has(log, "mark of validity"), i == 1);
		ck_assert_int_eq(log_has(log, "was cut short"), i == 2);
		ck_assert_int_eq(log_count(log, LOG_WARN) > 0, i > 0);
	}
	made_clear(&m);
}
END_TEST

/* What is opened keeps to the file and to bounds, whatever it says. */
static void check_bounds(const struct made *m, size_t len)
{
	g_autoptr(Image) image = open_made(m, len, NULL, NULL);
	const struct image_triage *t;

	if (!image)
		return;
	t = image->triage;
	ck_assert_ptr_nonnull(t);
	ck_assert_uint_le(t->ranges->len, len / 16 + 3);
	ck_assert_uint_le(t->modules->len, 16384);
	ck_assert_uint_le(t->unloaded->len, 1024);
	ck_assert(range_fits(t->process.off, t->process.len, len));
	ck_assert(range_fits(t->thread.off, t->thread.len, len));
	ck_assert(range_fits(t->prcb.off, t->prcb.len, len));
	for (guint i = 0; i < t->ranges->len; i++)
		ck_assert_uint_lt(g_array_index(t->ranges,
						struct image_virtual, i).off,
				  len);
	for (guint i = 0; i < t->modules->len; i++)
		ck_assert(g_utf8_validate(
			g_array_index(t->modules, struct image_module, i).name,
			-1, NULL));
}

START_TEST(test_hostile)
{
	struct made m;

	made_init(&m, _i);
	for (size_t at = 0; at < 0x80; at += 4) {
		const uint32_t odd[] = { 0, 1, 4, 0xfff, 0x1000, 0x2000, 0x2080,
					 UINT32_MAX, 0x80000000, 0x7fffffff,
					 m.bytes->len, m.bytes->len - 1,
					 m.bytes->len - 16, 0x45474150 };
		uint32_t old = load_le32(m.bytes->data + m.head + at);

		for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
			put32(&m, m.head + at, odd[i]);
			check_bounds(&m, m.bytes->len);
		}
		put32(&m, m.head + at, old);
	}
	made_clear(&m);
}
END_TEST

/* Each byte of the tables. */
START_TEST(test_flips)
{
	struct made m;

	made_init(&m, _i);
	for (size_t at = m.head; at < m.bytes->len; at++) {
		m.bytes->data[at] ^= 0xff;
		check_bounds(&m, m.bytes->len);
		m.bytes->data[at] ^= 0xff;
	}
	made_clear(&m);
}
END_TEST

/* Cut anywhere behind the type in the header, it is still one. */
START_TEST(test_truncated)
{
	struct made m;

	made_init(&m, _i);
	for (size_t len = 0; len < m.bytes->len; len += 61) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Image) image = open_made(&m, len, NULL, &error);
		size_t type = m.is64 ? 0xf98 : 0xf88;

		ck_assert_int_eq(image && image->triage, len >= type + 4);
		if (image && image->triage)
			check_bounds(&m, len);
	}
	made_clear(&m);
}
END_TEST

/* Counts that are no counts, over tables that lead to themselves: not more
 * than the file can have. */
START_TEST(test_counts)
{
	struct made m;
	g_autoptr(Image) image = NULL;
	g_autoptr(Log) log = log_new();

	made_init(&m, _i);
	put32(&m, m.head + (m.is64 ? 0x78 : 0x60), (uint32_t)m.head + 0x80);
	put32(&m, m.head + (m.is64 ? 0x7c : 0x64), UINT32_MAX);
	put32(&m, m.head + 0x30, (uint32_t)m.head + 0x80);
	put32(&m, m.head + 0x34, UINT32_MAX);
	check_bounds(&m, m.bytes->len);
	image = open_made(&m, m.bytes->len, log, NULL);
	ck_assert(log_has(log, "data block(s) of the triage dump"));
	ck_assert(log_has(log, "driver(s) in the lists"));
	made_clear(&m);
}
END_TEST

START_TEST(test_user_minidump)
{
	static const char *const magic[] = { "MDMP\x93\xa7", "USERDUMP",
					     "USERDU64" };

	for (size_t i = 0; i < G_N_ELEMENTS(magic); i++) {
		g_autoptr(GError) error = NULL;
		uint8_t bytes[256] = { 0 };

		memcpy(bytes, magic[i], strlen(magic[i]));
		ck_assert_ptr_null(image_open_io(
			image_io_memory(bytes, sizeof bytes), "x", NULL, NULL,
			&error));
		ck_assert_ptr_nonnull(strstr(error->message, "user-mode"));
		ck_assert_ptr_nonnull(strstr(error->message, "WinDbg"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-triage");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_header, 0, 2);
	tcase_add_loop_test(tcase, test_ranges, 0, 2);
	tcase_add_loop_test(tcase, test_modules, 0, 2);
	tcase_add_loop_test(tcase, test_other_entries, 0, 2);
	tcase_add_loop_test(tcase, test_stack_end, 0, 2);
	tcase_add_loop_test(tcase, test_log, 0, 2);
	tcase_add_loop_test(tcase, test_hostile, 0, 2);
	tcase_add_loop_test(tcase, test_flips, 0, 2);
	tcase_add_loop_test(tcase, test_truncated, 0, 2);
	tcase_add_loop_test(tcase, test_counts, 0, 2);
	tcase_add_test(tcase, test_user_minidump);
	return unit_main(suite);
}
