/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registers of x86 processors behind the memory of a migration stream.
 *
 * The sections there have no lengths, so those of processors are looked for:
 * 0x04, the number of the section, 3 "cpu", the number of the processor, 12
 * (the version). Fields of vmstate_x86_cpu (QEMU target/i386/machine.c, which
 * keeps their order) of a 64-bit machine, as the description at the end of a
 * stream of QEMU 7.2 lists them; all big-endian.
 */
#include "config.h"

#include "image/qevm.h"
#include "image/qevm_reader.h"

enum {
	HEAD = 17,
	EIP = 128, /* behind 16 registers, by their numbers */
	FLAGS = 136,
	SEGS = 236, /* es cs ss ds fs gs, 20 bytes each; base at 4 */
	SEG = 20,
	FS = 4,
	GS = 5,
	IDT = 416,
	CR3 = 472,
	STATE = 488,
};

#define TAIL_MAX (8 * MIB)

static bool is_head(const uint8_t *p, uint32_t number)
{
	return p[0] == 4 && p[5] == 3 && !memcmp(p + 6, "cpu", 3) &&
	       qevm_be32(p + 9) == number && qevm_be32(p + 13) == 12;
}

static uint16_t selector(const uint8_t *state, unsigned segment)
{
	return (uint16_t)qevm_be32(state + SEGS + segment * SEG);
}

static struct image_regs take_regs(const uint8_t *state)
{
	struct image_regs regs = {
		.known = true,
		.flags = qevm_be64(state + FLAGS),
		.es = selector(state, 0),
		.cs = selector(state, 1),
		.ss = selector(state, 2),
		.ds = selector(state, 3),
		.fs = selector(state, FS),
		.gs = selector(state, GS),
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(regs.gpr); i++)
		regs.gpr[i] = qevm_be64(state + 8 * i);
	return regs;
}

static void take_cpu(Image *image, const uint8_t *state)
{
	const struct image_cpu cpu = {
		.regs = take_regs(state),
		.rip = qevm_be64(state + EIP),
		.fs_base = qevm_be64(state + SEGS + FS * SEG + 4),
		.gs_base = qevm_be64(state + SEGS + GS * SEG + 4),
		.idt_base = qevm_be64(state + IDT + 4),
		.cr3 = qevm_be64(state + CR3),
	};

	if (cpu.cr3 && cpu.cr3 < PHYS_ADDR_END &&
	    image->cpus->len < IMAGE_CPUS_MAX)
		g_array_append_val(image->cpus, cpu);
}

void qevm_find_cpus(const struct qevm *q, Image *image)
{
	uint64_t size = image_io_size(q->io);
	g_autofree uint8_t *tail = NULL;
	uint32_t number = 0;
	size_t n, at;

	if (!q->tail || q->tail >= size)
		return;
	n = (size_t)MIN(size - q->tail, TAIL_MAX);
	tail = g_malloc(n);
	if (!image_io_read(q->io, q->tail, tail, n))
		return;
	for (at = 0; at + HEAD + STATE <= n; at++) {
		if (!is_head(tail + at, number))
			continue;
		take_cpu(image, tail + at + HEAD);
		number++;
		at += HEAD + STATE - 1;
	}
	image->facts.processors = number;
}
