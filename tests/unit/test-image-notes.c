/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of processor state in ELF notes. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "image/elf_notes.h"

#define QEMU_BYTES 440u

static void put32(GByteArray *out, uint32_t v)
{
	g_byte_array_append(out, (const guint8 *)&v, 4);
}

/* A note; name_len counts what namesz says. */
static void put_note(GByteArray *out, const char *name, uint32_t name_len,
		     uint32_t type, const void *desc, uint32_t desc_len)
{
	static const uint8_t zeros[4];

	put32(out, name_len);
	put32(out, desc_len);
	put32(out, type);
	g_byte_array_append(out, (const guint8 *)name, name_len);
	g_byte_array_append(out, zeros, (4 - name_len % 4) % 4);
	g_byte_array_append(out, desc, desc_len);
	g_byte_array_append(out, zeros, (4 - desc_len % 4) % 4);
}

static void set64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, 8);
}

static void qemu_state(uint8_t *desc, uint64_t cr3)
{
	memset(desc, 0, QEMU_BYTES);
	set64(desc + 8 + 16 * 8, 0x111);		/* rip */
	set64(desc + 152 + 3 * 24 + 16, 0x555);		/* fs */
	set64(desc + 152 + 4 * 24 + 16, 0x222);		/* gs */
	set64(desc + 152 + 9 * 24 + 16, 0x333);		/* idt */
	set64(desc + 0x188 + 24, cr3);
	set64(desc + 0x188 + 40, 0x444);		/* kernel gs */
}

/* Reads bytes as notes; how many processors, the last one in *cpu. */
static guint read_notes(const GByteArray *bytes, uint64_t off, uint64_t len,
			struct image_cpu *cpu)
{
	Image image = { 0 };
	guint n;

	image.io = image_io_memory(bytes->data, bytes->len);
	image.cpus = g_array_new(FALSE, TRUE, sizeof(struct image_cpu));
	elf_notes_read(&image, off, len);
	n = image.cpus->len;
	if (n && cpu)
		*cpu = g_array_index(image.cpus, struct image_cpu, n - 1);
	g_array_unref(image.cpus);
	image_io_free(image.io);
	return n;
}

/* Each register is 0x100 and its number in instructions. */
static void assert_regs(const struct image_cpu *cpu)
{
	ck_assert(cpu->regs.known);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(cpu->regs.gpr[i], 0x100 + i);
	ck_assert_uint_eq(cpu->regs.flags, 0x246);
	ck_assert_uint_eq(cpu->regs.cs, 0x33);
	ck_assert_uint_eq(cpu->regs.ds, 0x34);
	ck_assert_uint_eq(cpu->regs.es, 0x35);
	ck_assert_uint_eq(cpu->regs.fs, 0x36);
	ck_assert_uint_eq(cpu->regs.gs, 0x37);
	ck_assert_uint_eq(cpu->regs.ss, 0x38);
}

/* By the orders of the two: rax rbx rcx rdx rsi rdi, then they differ. */
START_TEST(test_registers)
{
	static const uint8_t qemu[] = { 0, 3, 1, 2, 6, 7, 4, 5 };
	static const uint8_t vbox[] = { 0, 3, 1, 2, 6, 7 };
	g_autoptr(GByteArray) b = g_byte_array_new();
	uint8_t q[QEMU_BYTES], v[0x140] = { 0 };
	struct image_cpu cpu;

	qemu_state(q, 0x5000);
	for (unsigned i = 0; i < 16; i++)
		set64(q + 8 + i * 8, 0x100 + (i < 8 ? qemu[i] : i));
	set64(q + 8 + 17 * 8, 0x246);
	for (unsigned i = 0; i < 14; i++)
		set64(v + i * 8, 0x100 + (i < 6 ? vbox[i] : i + 2));
	set64(v + 112, 0x777);
	set64(v + 120, 0x104);
	set64(v + 128, 0x105);
	set64(v + 136, 0x246);
	set64(v + 0x130, 0x6000);
	for (unsigned i = 0; i < 6; i++) {
		q[152 + i * 24] = (uint8_t)(0x33 + i);
		v[0x90 + i * 24 + 16] = (uint8_t)(0x33 + i);
	}
	put_note(b, "QEMU", 5, 0, q, QEMU_BYTES);
	ck_assert_uint_eq(read_notes(b, 0, b->len, &cpu), 1);
	assert_regs(&cpu);
	put_note(b, "VBCPU", 6, 0xb01, v, sizeof v);
	ck_assert_uint_eq(read_notes(b, 0, b->len, &cpu), 2);
	assert_regs(&cpu);
	ck_assert_uint_eq(cpu.rip, 0x777);
}
END_TEST

START_TEST(test_qemu)
{
	g_autoptr(GByteArray) b = g_byte_array_new();
	uint8_t desc[QEMU_BYTES];
	struct image_cpu cpu;

	qemu_state(desc, 0x1ad000);
	put_note(b, "CORE", 5, 1, desc, 336);
	put_note(b, "QEMU", 5, 0, desc, QEMU_BYTES);
	ck_assert_uint_eq(read_notes(b, 0, b->len, &cpu), 1);
	ck_assert_uint_eq(cpu.cr3, 0x1ad000);
	ck_assert_uint_eq(cpu.rip, 0x111);
	ck_assert_uint_eq(cpu.fs_base, 0x555);
	ck_assert_uint_eq(cpu.gs_base, 0x222);
	ck_assert_uint_eq(cpu.idt_base, 0x333);
	ck_assert_uint_eq(cpu.kernel_gs_base, 0x444);
}
END_TEST

/* Older versions end before kernel_gs_base; namesz may leave out the NUL. */
START_TEST(test_qemu_older)
{
	g_autoptr(GByteArray) b = g_byte_array_new();
	uint8_t desc[QEMU_BYTES];
	struct image_cpu cpu;

	qemu_state(desc, 0x5000);
	put_note(b, "QEMU", 4, 0, desc, QEMU_BYTES - 8);
	ck_assert_uint_eq(read_notes(b, 0, b->len, &cpu), 1);
	ck_assert_uint_eq(cpu.cr3, 0x5000);
	ck_assert_uint_eq(cpu.kernel_gs_base, 0);
}
END_TEST

START_TEST(test_vbox)
{
	g_autoptr(GByteArray) b = g_byte_array_new();
	uint8_t desc[0x138] = { 0 };
	struct image_cpu cpu;

	set64(desc + 0xd8, 0x555);	/* fs */
	set64(desc + 0xf0, 0x222);	/* gs */
	set64(desc + 0x130, 0x7000);
	put_note(b, "VBCPU", 6, 0xb01, desc, sizeof desc);
	ck_assert_uint_eq(read_notes(b, 0, b->len, &cpu), 1);
	ck_assert_uint_eq(cpu.cr3, 0x7000);
	ck_assert_uint_eq(cpu.fs_base, 0x555);
	ck_assert_uint_eq(cpu.gs_base, 0x222);
	/* another type, and too short */
	g_byte_array_set_size(b, 0);
	put_note(b, "VBCPU", 6, 0xb00, desc, sizeof desc);
	put_note(b, "VBCPU", 6, 0xb01, desc, sizeof desc - 1);
	ck_assert_uint_eq(read_notes(b, 0, b->len, NULL), 0);
}
END_TEST

START_TEST(test_not_taken)
{
	g_autoptr(GByteArray) b = g_byte_array_new();
	uint8_t desc[QEMU_BYTES];

	qemu_state(desc, 0x5000);
	put_note(b, "QEMU", 5, 1, desc, QEMU_BYTES);
	put_note(b, "QEMUX", 6, 0, desc, QEMU_BYTES);
	put_note(b, "QEM", 4, 0, desc, QEMU_BYTES);
	put_note(b, "QEMU", 5, 0, desc, 0x188 + 31);
	put_note(b, "", 0, 0, desc, QEMU_BYTES);
	put_note(b, "QEMU", 5, 0, desc, 0);
	qemu_state(desc, 0);
	put_note(b, "QEMU", 5, 0, desc, QEMU_BYTES);
	ck_assert_uint_eq(read_notes(b, 0, b->len, NULL), 0);
}
END_TEST

/* Contents of any length are filled up to four bytes. */
START_TEST(test_padding)
{
	uint8_t desc[QEMU_BYTES];

	qemu_state(desc, 0x5000);
	for (uint32_t len = 0; len < 9; len++) {
		g_autoptr(GByteArray) b = g_byte_array_new();

		put_note(b, "CORE", 5, 1, desc, len);
		put_note(b, "VMCOREINFO", 11, 0, desc, len);
		put_note(b, "QEMU", 5, 0, desc, QEMU_BYTES);
		ck_assert_uint_eq(read_notes(b, 0, b->len, NULL), 1);
	}
}
END_TEST

/* Cut anywhere: what came before is kept. */
START_TEST(test_truncated)
{
	g_autoptr(GByteArray) b = g_byte_array_new();
	uint8_t desc[QEMU_BYTES];
	guint one;

	qemu_state(desc, 0x5000);
	put_note(b, "QEMU", 5, 0, desc, QEMU_BYTES);
	one = b->len;
	put_note(b, "QEMU", 5, 0, desc, QEMU_BYTES);
	for (guint len = 0; len <= b->len; len++)
		ck_assert_uint_eq(read_notes(b, 0, len, NULL),
				  len == b->len ? 2 : len >= one ? 1 : 0);
	ck_assert_uint_eq(read_notes(b, one, UINT64_MAX, NULL), 1);
	ck_assert_uint_eq(read_notes(b, b->len, 100, NULL), 0);
	ck_assert_uint_eq(read_notes(b, UINT64_MAX, 100, NULL), 0);
}
END_TEST

START_TEST(test_sizes_of_nonsense)
{
	g_autoptr(GByteArray) b = g_byte_array_new();

	put32(b, UINT32_MAX);
	put32(b, UINT32_MAX);
	put32(b, 0);
	ck_assert_uint_eq(read_notes(b, 0, b->len, NULL), 0);
	g_byte_array_set_size(b, 0);
	put32(b, 4);
	put32(b, UINT32_MAX - 2);
	put32(b, 0);
	put32(b, 0x554d4551);
	ck_assert_uint_eq(read_notes(b, 0, b->len, NULL), 0);
}
END_TEST

START_TEST(test_many)
{
	g_autoptr(GByteArray) b = g_byte_array_new();
	uint8_t desc[QEMU_BYTES];

	qemu_state(desc, 0x5000);
	for (unsigned i = 0; i < IMAGE_CPUS_MAX + 5; i++)
		put_note(b, "QEMU", 5, 0, desc, QEMU_BYTES);
	ck_assert_uint_eq(read_notes(b, 0, b->len, NULL), IMAGE_CPUS_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-notes");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_registers);
	tcase_add_test(tcase, test_qemu);
	tcase_add_test(tcase, test_qemu_older);
	tcase_add_test(tcase, test_vbox);
	tcase_add_test(tcase, test_not_taken);
	tcase_add_test(tcase, test_padding);
	tcase_add_test(tcase, test_truncated);
	tcase_add_test(tcase, test_sizes_of_nonsense);
	tcase_add_test(tcase, test_many);
	return unit_main(suite);
}
