/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the names of objects and files: the builder's on each form of the
 * header, and what leads astray. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit-runs.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/fileobj.h"
#include "nt/member.h"
#include "nt/vad.h"

static const char *const layouts[] = {
	"amd64-5.2.3790-b", "amd64-6.1.7601-d", "amd64-6.2.9200",
	"amd64-6.3.9600-a", "amd64-10.0.19041-b", "amd64-10.0.22621",
	"x86-5.1.2600", "x86-6.1.7601", "x86pae-10.0.19041-b",
};

static struct unit_win wins[G_N_ELEMENTS(layouts)];
#define N_WINS ((int)G_N_ELEMENTS(layouts))

static void setup(void)
{
	for (int i = 0; i < N_WINS; i++) {
		const struct mk_options options = {
			.seed = 5, .layout = layouts[i],
		};

		unit_win_init(&wins[i], &options);
	}
}

static void teardown(void)
{
	for (int i = 0; i < N_WINS; i++)
		if (wins[i].win)
			unit_win_clear(&wins[i]);
}

/* The VADs of a process of the truth, with what they map. */
static GArray *vads_of(const struct unit_win *w, const struct mk_process *mp)
{
	const struct nt_profile *profile = &w->kernel->profile;
	struct addr_space own;
	struct nt_process p;
	GArray *vads;

	ck_assert(nt_process_read(&w->kernel->as, profile, VIRT(mp->eprocess),
				  &p));
	own = nt_kernel_space(w->kernel, p.dtb_raw);
	vads = nt_vad_list(&own, profile, &p);
	for (guint i = 0; i < vads->len; i++)
		nt_vad_read_section(&own, profile,
				    &g_array_index(vads, struct nt_vad, i));
	nt_process_clear(&p);
	return vads;
}

/* Bytes of memory behind a kernel address. */
static uint8_t *bytes_at(const struct unit_win *w, uint64_t va)
{
	struct vtop_leaf leaf = vtop_translate(&w->kernel->as, VIRT(va));
	struct image_run run = unit_piece(w->mem.image->runs, leaf.pa.v);

	return w->mem.bytes + run.off + (leaf.pa.v - run.pa) +
	       (va - leaf.va.v);
}

/* Any VAD of the machine that maps a file. */
static void any_file(const struct unit_win *w, uint64_t *file,
		     const char **path)
{
	const struct mk_process *p = mk_win_find(w->win, "explorer.exe");
	g_autoptr(GArray) vads = vads_of(w, p);

	for (guint k = 0; k < p->vads->len; k++) {
		*path = g_array_index(p->vads, struct mk_vad, k).file;
		*file = g_array_index(vads, struct nt_vad, k).file_object;
		if (*path)
			return;
	}
	ck_abort_msg("no VAD maps a file");
}

static void check_vad(const struct unit_win *w, const struct nt_vad *vad,
		      const struct mk_vad *want)
{
	g_autofree char *path = NULL;

	ck_assert_uint_eq(vad->commit, want->commit);
	ck_assert_int_eq(vad->file_object != 0, want->file != NULL);
	if (!vad->file_object)
		return;
	path = nt_file_object_path(w->kernel, VIRT(vad->file_object));
	ck_assert_str_eq(path, want->file);
	ck_assert(vad->section & NT_SECTION_FILE);
	ck_assert_int_eq(!!(vad->section & NT_SECTION_IMAGE), want->type == 2);
}

START_TEST(test_truth)
{
	const struct unit_win *w = &wins[_i];
	size_t n_files = 0, n_images = 0;

	for (size_t i = 0; i < mk_win_n_processes(w->win); i++) {
		const struct mk_process *p = mk_win_process(w->win, i);
		g_autoptr(GArray) vads = NULL;

		if (!p->dtb_raw)
			continue;
		vads = vads_of(w, p);
		ck_assert_uint_eq(vads->len, p->vads->len);
		for (guint k = 0; k < p->vads->len; k++) {
			const struct mk_vad *want = &g_array_index(
				p->vads, struct mk_vad, k);

			check_vad(w, &g_array_index(vads, struct nt_vad, k),
				  want);
			n_files += want->file != NULL;
			n_images += want->type == 2;
		}
	}
	ck_assert_uint_gt(n_files, n_images);
	ck_assert_uint_gt(n_images, 5);
}
END_TEST

/* What is no file object has no path. */
START_TEST(test_none)
{
	const struct unit_win *w = &wins[_i];
	const struct mk_process *p;
	uint64_t file;
	const char *want;

	any_file(w, &file, &want);
	p = mk_win_find(w->win, "explorer.exe");
	ck_assert_ptr_null(nt_file_object_path(w->kernel, VIRT(0)));
	ck_assert_ptr_null(nt_file_object_path(w->kernel, VIRT(0x7ffe0000)));
	ck_assert_ptr_null(nt_file_object_path(w->kernel, VIRT(p->eprocess)));
	ck_assert_ptr_null(nt_object_path(w->kernel, VIRT(file)));
	ck_assert_ptr_null(nt_object_own_name(w->kernel, VIRT(file)));
	ck_assert_ptr_null(
		nt_file_object_path(w->kernel, VIRT(UINT64_MAX - 3)));
}
END_TEST

/* A number of a pointer's width in memory. */
static void poke(const struct unit_win *w, uint64_t va, uint64_t value)
{
	const uint64_t raw = GUINT64_TO_LE(value);

	memcpy(bytes_at(w, va), &raw, w->kernel->profile.pointer_bytes);
}

static uint64_t peek(const struct unit_win *w, uint64_t va)
{
	uint64_t value = 0;

	ck_assert(nt_pointer_at(&w->kernel->as,
				w->kernel->profile.pointer_bytes, VIRT(va),
				&value));
	return value;
}

static void check_path(const struct unit_win *w, uint64_t file,
		       const char *want)
{
	g_autofree char *path = nt_file_object_path(w->kernel, VIRT(file));

	ck_assert_pstr_eq(path, want);
}

/* The device's names: lost, unnamed, a folder within itself. */
START_TEST(test_devices)
{
	const struct unit_win *w = &wins[_i];
	const struct nt_profile *p = &w->kernel->profile;
	uint64_t file, device, folder, header, info, back;
	const char *want, *name;
	g_autofree char *long_path = NULL;

	any_file(w, &file, &want);
	name = strchr(strchr(want + 1, '\\') + 1, '\\');
	device = peek(w, file + p->file.device);
	/* Garbage where the device should be. */
	poke(w, file + p->file.device, 0x1234);
	check_path(w, file, name);
	poke(w, file + p->file.device, file);
	check_path(w, file, name);
	poke(w, file + p->file.device, device);
	/* A device that is in a folder that cannot be read, or in none. */
	header = device - p->object.body;
	back = p->file.name_info_bytes;
	if (p->file.name_info_offset != NT_ABSENT)
		back = *bytes_at(w, header + p->file.name_info_offset);
	else if (*bytes_at(w, header + p->file.info_mask) & 1)
		back += p->file.creator_info_bytes;
	info = header - back;
	folder = peek(w, info);
	poke(w, info, 0x1000);
	long_path = g_strconcat("...\\HarddiskVolume2", name, NULL);
	check_path(w, file, long_path);
	poke(w, info, 0);
	check_path(w, file, want);
	/* In itself: an end is made of it. */
	poke(w, info, device);
	g_free(long_path);
	long_path = nt_file_object_path(w->kernel, VIRT(file));
	ck_assert(g_str_has_prefix(long_path, "...\\HarddiskVolume2\\Hard"));
	ck_assert_uint_lt(strlen(long_path), 32 * NT_OBJECT_DEPTH_MAX);
	poke(w, info, folder);
	check_path(w, file, want);
}
END_TEST

/* Names that lie: longer than there is memory, odd, none, without a text. */
START_TEST(test_names)
{
	const struct unit_win *w = &wins[_i];
	uint64_t file, at, buffer;
	unsigned n = w->kernel ? w->kernel->profile.pointer_bytes : 0;
	uint8_t *len, saved[4];
	const char *want;

	any_file(w, &file, &want);
	at = file + w->kernel->profile.file.name;
	len = bytes_at(w, at);
	memcpy(saved, len, 4);
	buffer = peek(w, at + n);
	memcpy(len, "\x03\x00\x03\x00", 4);
	check_path(w, file, NULL);
	memcpy(len, "\xfe\xff\x00\x10", 4);
	check_path(w, file, NULL);
	memcpy(len, "\x00\x00\x00\x00", 4);
	poke(w, at + n, 0);
	check_path(w, file, "\\Device\\HarddiskVolume2");
	memcpy(len, "\x10\x00\x10\x00", 4);
	check_path(w, file, NULL);
	poke(w, at + n, 0x10);
	check_path(w, file, NULL);
	poke(w, at + n, buffer);
	memcpy(len, saved, 4);
	check_path(w, file, want);
	*bytes_at(w, file) = 6;
	check_path(w, file, NULL);
	*bytes_at(w, file) = 5;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-fileobj");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_truth, 0, N_WINS);
	tcase_add_loop_test(tcase, test_none, 0, N_WINS);
	tcase_add_loop_test(tcase, test_devices, 0, N_WINS);
	tcase_add_loop_test(tcase, test_names, 0, N_WINS);
	return unit_main(suite);
}
