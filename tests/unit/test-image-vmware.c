/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of VMware images. */
#include "config.h"

#include "unit/unit.h"
#include "unit/unit-runs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/formats.h"
#include "image/vmware_state.h"
#include "lib/mkfmt-list.h"

#define HIGH UINT64_C(0x100000000)

static char *dir;
static MkPhys *phys;

static void setup(void)
{
	dir = unit_dir_new();
	phys = mk_phys_new(1);
	mk_phys_add_ram(phys, 0, 0x20000);
	mk_phys_add_ram(phys, HIGH, 0x8000);
	for (uint64_t at = 0; at < 0x20000; at += 8)
		mk_phys_write64(phys, at, at);
	for (uint64_t at = 0; at < 0x8000; at += 8)
		mk_phys_write64(phys, HIGH + at, HIGH + at);
}

static void teardown(void)
{
	mk_phys_free(phys);
	unit_dir_free(dir);
}

/* Writes in dir; the path (transfer full). */
static char *put(const struct mk_writer *writer, const char *name,
		 const char *arg)
{
	static const struct mk_cpu cpus[2] = {
		{ .cr3 = 0x1ad000, .rip = UINT64_C(0xfffff80012345678),
		  .idt_base = UINT64_C(0xfffff80023456000) },
		{ .cr3 = 0x7654000, .rip = 0x1234, .idt_base = 0x80001000 },
	};
	const struct mk_write_options options = { .cpus = cpus, .n_cpus = 2 };
	char *path = g_build_filename(dir, name, NULL);

	ck_assert(writer->write(phys, path, &options, arg, NULL));
	return path;
}

static void drop(const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	ck_assert_int_eq(unlink(path), 0);
}

/* All of the memory, in its places. */
static void check_image(const Image *image, uint64_t first)
{
	struct image_run run;

	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, "vmware");
	ck_assert_uint_eq(image_runs_count(image->runs), 2);
	run = unit_run(image->runs, 0);
	ck_assert_uint_eq(run.pa, 0);
	ck_assert_uint_eq(run.len, 0x20000);
	ck_assert_uint_eq(run.off, first);
	run = unit_run(image->runs, 1);
	ck_assert_uint_eq(run.pa, HIGH);
	ck_assert_uint_eq(run.len, 0x8000);
	ck_assert_uint_eq(run.off, first + 0x20000);
	ck_assert_ptr_nonnull(image_io_map(image_data(image)));
}

static void check_cpus(const Image *image, bool is64)
{
	const struct image_cpu *cpu;

	ck_assert_uint_eq(image->cpus->len, 2);
	cpu = &g_array_index(image->cpus, struct image_cpu, 0);
	ck_assert_uint_eq(cpu->cr3, 0x1ad000);
	ck_assert_uint_eq(cpu->idt_base, UINT64_C(0xfffff80023456000));
	ck_assert_uint_eq(cpu->rip, is64 ? UINT64_C(0xfffff80012345678) :
					   0x12345678);
	cpu = &g_array_index(image->cpus, struct image_cpu, 1);
	ck_assert_uint_eq(cpu->cr3, 0x7654000);
	ck_assert_uint_eq(cpu->idt_base, 0x80001000);
	ck_assert_uint_eq(cpu->rip, 0x1234);
}

static const struct image_companion *only_companion(const Image *image)
{
	ck_assert_uint_eq(image->companions->len, 1);
	return &g_array_index(image->companions, struct image_companion, 0);
}

/* Either half is given; names in capitals; a snapshot's name. */
START_TEST(test_halves)
{
	g_autofree char *state = put(&mk_vmss_writer, "a.vmss", NULL);
	g_autofree char *memory = g_build_filename(dir, "a.vmem", NULL);
	g_autoptr(Image) by_state = image_open(state, NULL, NULL, NULL);
	g_autoptr(Image) by_memory = image_open(memory, NULL, NULL, NULL);

	check_image(by_state, 0);
	check_cpus(by_state, true);
	ck_assert_str_eq(only_companion(by_state)->path, memory);
	ck_assert_int_eq(only_companion(by_state)->kind,
			 IMAGE_COMPANION_MEMORY);
	check_image(by_memory, 0);
	check_cpus(by_memory, true);
	ck_assert_str_eq(only_companion(by_memory)->path, state);
	ck_assert_int_eq(only_companion(by_memory)->kind,
			 IMAGE_COMPANION_STATE);
	drop("a.vmss");
	drop("a.vmem");
}
END_TEST

/* Who wants no companion gets raw memory, or none. */
START_TEST(test_without)
{
	const struct image_options options = { .no_companions = true };
	g_autofree char *state = put(&mk_vmss_writer, "a.vmss", NULL);
	g_autofree char *memory = g_build_filename(dir, "a.vmem", NULL);
	g_autoptr(Image) raw = image_open(memory, IMAGE_FORMAT("raw"), NULL,
					  NULL);
	g_autoptr(Image) alone = image_open(memory, &options, NULL, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_str_eq(raw->ops->name, "raw");
	ck_assert_str_eq(alone->ops->name, "raw");
	ck_assert_ptr_null(image_open(state, &options, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "not looked for"));
	drop("a.vmem");
	g_clear_error(&error);
	ck_assert_ptr_null(image_open(state, NULL, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, ".vmem"));
	drop("a.vmss");
}
END_TEST

static void rename_in(const char *from, const char *to)
{
	g_autofree char *a = g_build_filename(dir, from, NULL);
	g_autofree char *b = g_build_filename(dir, to, NULL);

	ck_assert_int_eq(rename(a, b), 0);
}

/* opens "m.vmem"; is it put together with that state file (NULL: raw)? */
static void expect_state(const char *name)
{
	g_autofree char *path = g_build_filename(dir, "m.vmem", NULL);
	g_autoptr(Image) image = image_open(path, NULL, NULL, NULL);

	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(image->ops->name, name ? "vmware" : "raw");
	if (name)
		ck_assert_msg(g_str_has_suffix(only_companion(image)->path,
					       name),
			      "%s", only_companion(image)->path);
}

/* The name says where to look, the contents whether it is the one. */
START_TEST(test_names)
{
	g_autofree char *memory = put(&mk_vmss_writer, "m.vmem", "vmem");

	/* a file of the right name that is none; one of another name */
	g_free(unit_file(dir, "m.vmsn", "no state", 8));
	expect_state("m.vmss");
	rename_in("m.vmss", "M2.VMSS");
	expect_state("M2.VMSS");
	rename_in("M2.VMSS", "m-Snapshot1.vmsn");
	expect_state("m-Snapshot1.vmsn");
	/* two that nothing tells apart */
	rename_in("m-Snapshot1.vmsn", "o.vmsn");
	g_free(put(&mk_vmss_writer, "p.vmss", NULL));
	expect_state(NULL);
	/* but for the name, where sizes do not tell */
	rename_in("o.vmsn", "m.vmss");
	expect_state("m.vmss");
	ck_assert_int_eq(truncate(memory, 0x21000), 0);
	expect_state("m.vmss");
	rename_in("m.vmss", "m9.vmss");
	expect_state(NULL);
	drop("m9.vmss");
	drop("m.vmem");
	drop("m.vmsn");
	drop("p.vmss");
	drop("p.vmem");
}
END_TEST

/* What is in the file itself; versions with short and long sizes. */
START_TEST(test_inside)
{
	const struct mk_writer *writer = _i ? &mk_vmsn_old_writer :
					      &mk_vmsn_inline_writer;
	g_autofree char *path = put(writer, "i.bin", NULL), *bytes = NULL;
	g_autoptr(Image) image = image_open(path, NULL, NULL, NULL);
	size_t len;

	ck_assert(g_file_get_contents(path, &bytes, &len, NULL));
	check_image(image, len - 2 - 0x28000);
	check_cpus(image, !_i);
	ck_assert_uint_eq(image->companions->len, 0);
	drop("i.bin");
}
END_TEST

/* A state file with one tag list, made by hand. */
struct state {
	uint8_t bytes[0x3000];
	size_t len;
};

static void put_bytes(struct state *s, const void *buf, size_t len)
{
	memcpy(s->bytes + s->len, buf, len);
	s->len += len;
}

static void put_u(struct state *s, uint64_t value, size_t len)
{
	value = GUINT64_TO_LE(value);
	put_bytes(s, &value, len);
}

static void begin(struct state *s, const char *group)
{
	memset(s, 0, sizeof *s);
	put_u(s, 0xbed2bed2, 4);
	put_u(s, 8, 4);
	put_u(s, 1, 4);
	memcpy(s->bytes + s->len, group, strlen(group));
	s->len += 64;
	put_u(s, 92, 8);
	put_u(s, 0, 8);
}

static void put_tag(struct state *s, const char *name, unsigned flags,
		    uint64_t index)
{
	put_u(s, flags, 1);
	put_u(s, strlen(name), 1);
	put_bytes(s, name, strlen(name));
	if (flags >> 6)
		put_u(s, index, 4 * (flags >> 6));
}

static bool read_state(const struct state *s, struct vmware_state *state)
{
	g_autoptr(ImageIo) io = image_io_memory(s->bytes, s->len);

	return vmware_state_read(io, state);
}

/* Registers as arrays, as newer versions have them. */
START_TEST(test_arrays)
{
	struct vmware_state state;
	const struct image_cpu *cpu;
	struct state s;

	begin(&s, "cpu");
	put_tag(&s, "CR64", 1 << 6 | 63, 0);
	put_u(&s, 40, 8);
	put_u(&s, 40, 8);
	put_u(&s, 0, 2);
	for (uint64_t i = 0; i < 5; i++)
		put_u(&s, 0x1000 * i, 8);
	put_tag(&s, "IDTR", 1 << 6 | 10, 0);
	put_u(&s, 0xfff, 2);
	put_u(&s, UINT64_C(0xfffff80011111000), 8);
	put_u(&s, 0, 2);
	ck_assert(read_state(&s, &state));
	ck_assert_uint_eq(state.cpus->len, 1);
	cpu = &g_array_index(state.cpus, struct image_cpu, 0);
	ck_assert_uint_eq(cpu->cr3, 0x3000);
	ck_assert_uint_eq(cpu->idt_base, UINT64_C(0xfffff80011111000));
	ck_assert(!state.damaged);
	vmware_state_clear(&state);
}
END_TEST

/* Indices, counts and sizes beyond all bounds. */
START_TEST(test_hostile)
{
	static const uint64_t odd[] = { 0, 1, 4095, 4096, UINT32_MAX,
					UINT64_C(1) << 60, UINT64_MAX };

	for (size_t i = 0; i < G_N_ELEMENTS(odd); i++)
		for (size_t j = 0; j < G_N_ELEMENTS(odd); j++) {
			g_autoptr(GError) error = NULL;
			g_autoptr(Image) image = NULL;
			struct state s;

			begin(&s, "memory");
			put_tag(&s, "regionsCount", 4, 0);
			put_u(&s, odd[i], 4);
			put_tag(&s, "regionPPN", 1 << 6 | 8, odd[j]);
			put_u(&s, odd[i], 8);
			put_tag(&s, "regionPageNum", 1 << 6 | 8, odd[j]);
			put_u(&s, odd[j], 8);
			put_tag(&s, "regionSize", 1 << 6 | 8, odd[j]);
			put_u(&s, odd[i] / 2 + 1, 8);
			put_tag(&s, "Memory", 2 << 6 | 63, 0);
			put_u(&s, odd[j], 8);
			put_u(&s, odd[j], 8);
			put_u(&s, 0, 2);
			s.len = sizeof s.bytes;
			image = image_open_io(image_io_memory(s.bytes, s.len),
					      "x", NULL, NULL, &error);
			ck_assert(!image == !!error);
			if (image)
				ck_assert_uint_le(
					image_runs_bytes(image->runs), s.len);
		}
}
END_TEST

/* Compressed memory is refused, by name. */
START_TEST(test_compressed)
{
	g_autoptr(GError) error = NULL;
	struct state s;

	begin(&s, "memory");
	put_tag(&s, "Memory", 2 << 6 | 62, 0);
	put_u(&s, 0x1800, 8);
	put_u(&s, 0x4000, 8);
	put_u(&s, 0, 2);
	s.len = sizeof s.bytes;
	ck_assert_ptr_null(image_open_io(image_io_memory(s.bytes, s.len), "x",
					 NULL, NULL, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "compressed"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-vmware");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_halves);
	tcase_add_test(tcase, test_without);
	tcase_add_test(tcase, test_names);
	tcase_add_loop_test(tcase, test_inside, 0, 2);
	tcase_add_test(tcase, test_arrays);
	tcase_add_test(tcase, test_hostile);
	tcase_add_test(tcase, test_compressed);
	return unit_main(suite);
}
