/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processor state in the notes of an ELF core. */
#include "config.h"

#include "base/bytes.h"
#include "base/reader.h"
#include "image/elf_notes.h"

/* A PT_NOTE of 1024 processors has about 1 MiB. */
#define NOTES_MAX_BYTES (4 * MIB)
#define VBOX_NOTE_CPU 0xb01u /* NT_VBOXCPU, VirtualBox dbgfcorefmt.h */

static void add_cpu(Image *image, const struct image_cpu *cpu)
{
	if (image->cpus->len < IMAGE_CPUS_MAX && cpu->cr3)
		g_array_append_val(image->cpus, *cpu);
}

/* Which register comes where in an array of them. */
static void read_gpr(const uint8_t *b, const uint8_t *numbers, size_t n,
		     struct image_regs *regs)
{
	for (size_t i = 0; i < n; i++)
		regs->gpr[numbers[i]] = load_le64(b + 8 * i);
}

/*
 * QEMUCPUState (QEMU target/i386/arch_dump.c), all u64 but the first two:
 * version, size, 16 registers, rip, rflags, ten segments {selector, limit,
 * flags, pad: u32; base: u64} cs ds es fs gs ss ldt tr gdt idt, cr0..cr4,
 * kernel_gs_base (newer versions).
 */
static void read_qemu_regs(const uint8_t *desc, struct image_regs *regs)
{
	/* rax rbx rcx rdx rsi rdi rsp rbp, r8 to r15 */
	static const uint8_t numbers[16] = { 0, 3, 1, 2,  6,  7,  4,  5,
					     8, 9, 10, 11, 12, 13, 14, 15 };
	enum { GPR = 8, FLAGS = GPR + 17 * 8, SEGS = FLAGS + 8, SEG = 24 };
	uint16_t *const segs[] = { &regs->cs, &regs->ds, &regs->es,
				   &regs->fs, &regs->gs, &regs->ss };

	read_gpr(desc + GPR, numbers, G_N_ELEMENTS(numbers), regs);
	regs->flags = load_le64(desc + FLAGS);
	for (size_t i = 0; i < G_N_ELEMENTS(segs); i++)
		*segs[i] = load_le16(desc + SEGS + SEG * i);
	regs->known = true;
}

static void read_qemu_cpu(Image *image, const uint8_t *desc, size_t len)
{
	enum { RIP = 8 + 16 * 8, SEGS = RIP + 16, SEG = 24, FS = 3, GS = 4,
	       IDT = 9, CR = SEGS + 10 * SEG };
	struct image_cpu cpu = { 0 };
	struct reader r;

	reader_init(&r, desc, len);
	reader_seek(&r, RIP);
	cpu.rip = reader_u64(&r);
	reader_seek(&r, SEGS + FS * SEG + 16);
	cpu.fs_base = reader_u64(&r);
	reader_seek(&r, SEGS + GS * SEG + 16);
	cpu.gs_base = reader_u64(&r);
	reader_seek(&r, SEGS + IDT * SEG + 16);
	cpu.idt_base = reader_u64(&r);
	reader_seek(&r, CR + 3 * 8);
	cpu.cr3 = reader_u64(&r);
	if (!reader_ok(&r))
		return;
	read_qemu_regs(desc, &cpu.regs);
	reader_seek(&r, CR + 5 * 8);
	cpu.kernel_gs_base = reader_u64(&r);
	add_cpu(image, &cpu);
}

/* DBGFCORECPU (VirtualBox dbgfcorefmt.h): 18 u64 registers (rax rbx rcx rdx
 * rsi rdi, r8 to r15, rip rsp rbp rflags), six selectors {u64
 * base, u32 limit, u32 attr, u16 sel + pad: 24 bytes} cs ds es fs gs ss, cr0 at
 * 0x120, cr2, cr3. */
static void read_vbox_regs(const uint8_t *desc, struct image_cpu *cpu)
{
	static const uint8_t numbers[14] = { 0, 3,  1,	2,  6,	7,  8,
					     9, 10, 11, 12, 13, 14, 15 };
	static const uint8_t sp_bp[2] = { 4, 5 };
	enum { IP = 14 * 8, SP = IP + 8, FLAGS = IP + 24, SEGS = 18 * 8,
	       SEG = 24, SELECTOR = 16 };
	struct image_regs *regs = &cpu->regs;
	uint16_t *const segs[] = { &regs->cs, &regs->ds, &regs->es,
				   &regs->fs, &regs->gs, &regs->ss };

	read_gpr(desc, numbers, G_N_ELEMENTS(numbers), regs);
	read_gpr(desc + SP, sp_bp, G_N_ELEMENTS(sp_bp), regs);
	cpu->rip = load_le64(desc + IP);
	regs->flags = load_le64(desc + FLAGS);
	for (size_t i = 0; i < G_N_ELEMENTS(segs); i++)
		*segs[i] = load_le16(desc + SEGS + SEG * i + SELECTOR);
	regs->known = true;
}

static void read_vbox_cpu(Image *image, const uint8_t *desc, size_t len)
{
	enum { SEGS = 18 * 8, SEG = 24, FS = 3, GS = 4 };
	struct image_cpu cpu = { 0 };
	struct reader r;

	reader_init(&r, desc, len);
	reader_seek(&r, SEGS + FS * SEG);
	cpu.fs_base = reader_u64(&r);
	reader_seek(&r, SEGS + GS * SEG);
	cpu.gs_base = reader_u64(&r);
	reader_seek(&r, 0x130);
	cpu.cr3 = reader_u64(&r);
	if (!reader_ok(&r))
		return;
	read_vbox_regs(desc, &cpu);
	add_cpu(image, &cpu);
}

static bool name_is(const uint8_t *name, uint32_t namesz, const char *want)
{
	size_t len = strlen(want);

	return (namesz == len || (namesz == len + 1 && !name[len])) &&
	       !memcmp(name, want, len);
}

/* One note at the cursor; false at the end. */
static bool read_note(Image *image, struct reader *r)
{
	uint32_t namesz = reader_u32(r);
	uint32_t descsz = reader_u32(r);
	uint32_t type = reader_u32(r);
	const uint8_t *name = reader_bytes(r, (namesz + UINT64_C(3)) & ~3ull);
	const uint8_t *desc = reader_bytes(r, descsz);

	if (!name || !desc)
		return false;
	if (name_is(name, namesz, "QEMU") && type == 0)
		read_qemu_cpu(image, desc, descsz);
	else if (name_is(name, namesz, "VBCPU") && type == VBOX_NOTE_CPU)
		read_vbox_cpu(image, desc, descsz);
	reader_skip(r, (4 - descsz % 4) % 4);
	return reader_ok(r);
}

void elf_notes_read(Image *image, uint64_t off, uint64_t len_bytes)
{
	uint64_t size = image_io_size(image->io);
	g_autofree uint8_t *buf = NULL;
	struct reader r;

	if (off >= size)
		return;
	len_bytes = MIN(MIN(len_bytes, size - off), NOTES_MAX_BYTES);
	buf = g_malloc((size_t)len_bytes + 1);
	if (!image_io_read(image->io, off, buf, (size_t)len_bytes))
		return;
	reader_init(&r, buf, (size_t)len_bytes);
	while (read_note(image, &r))
		;
}
