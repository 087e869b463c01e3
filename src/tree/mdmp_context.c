/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registers as a debugger takes them: CONTEXT of winnt.h, of each
 * architecture. ContextFlags says what of it is known; the rest is 0.
 */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "tree/mdmp.h"

/* sizeof(CONTEXT) */
#define CONTEXT_BYTES_X86 716u
#define CONTEXT_BYTES_AMD64 1232u
#define CONTEXT_BYTES_ARM64 912u
/* CONTEXT_i386, CONTEXT_AMD64, CONTEXT_ARM64 */
#define CONTEXT_IS_X86 0x10000u
#define CONTEXT_IS_AMD64 0x100000u
#define CONTEXT_IS_ARM64 0x400000u

static void set16(uint8_t *p, uint16_t v)
{
	v = GUINT16_TO_LE(v);
	memcpy(p, &v, sizeof v);
}

/* The low half: all that a 32-bit register has. */
static void set32(uint8_t *p, uint64_t v)
{
	uint32_t low = GUINT32_TO_LE((uint32_t)(v & UINT32_MAX));

	memcpy(p, &low, sizeof low);
}

static void set64(uint8_t *p, uint64_t v)
{
	v = GUINT64_TO_LE(v);
	memcpy(p, &v, sizeof v);
}

static void fill_x86(uint8_t *p, const struct mdmp_regs *r)
{
	/* Where the registers of mdmp_regs.gpr are: ax cx dx bx sp bp si di */
	static const uint8_t at[] = { 0xb0, 0xac, 0xa8, 0xa4,
				      0xc4, 0xb4, 0xa0, 0x9c };

	set32(p, CONTEXT_IS_X86 | r->known);
	for (size_t i = 0; i < G_N_ELEMENTS(r->dr); i++)
		set32(p + 4 + 4 * i, r->dr[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(at); i++)
		set32(p + at[i], r->gpr[i]);
	set32(p + 0x8c, r->gs);
	set32(p + 0x90, r->fs);
	set32(p + 0x94, r->es);
	set32(p + 0x98, r->ds);
	set32(p + 0xb8, r->ip);
	set32(p + 0xbc, r->cs);
	set32(p + 0xc0, r->flags);
	set32(p + 0xc8, r->ss);
}

static void fill_amd64(uint8_t *p, const struct mdmp_regs *r)
{
	set32(p + 0x30, CONTEXT_IS_AMD64 | r->known);
	set16(p + 0x38, r->cs);
	set16(p + 0x3a, r->ds);
	set16(p + 0x3c, r->es);
	set16(p + 0x3e, r->fs);
	set16(p + 0x40, r->gs);
	set16(p + 0x42, r->ss);
	set32(p + 0x44, r->flags);
	for (size_t i = 0; i < G_N_ELEMENTS(r->dr); i++)
		set64(p + 0x48 + 8 * i, r->dr[i]);
	for (size_t i = 0; i < 16; i++)
		set64(p + 0x78 + 8 * i, r->gpr[i]);
	set64(p + 0xf8, r->ip);
}

static void fill_arm64(uint8_t *p, const struct mdmp_regs *r)
{
	/* No segments, and debug registers of another kind. */
	unsigned known = r->known & (MDMP_REGS_CONTROL | MDMP_REGS_INTEGER);

	set32(p, CONTEXT_IS_ARM64 | known);
	set32(p + 4, r->flags);
	for (size_t i = 0; i < 32; i++) /* X0 to X28, Fp, Lr, Sp */
		set64(p + 8 + 8 * i, r->gpr[i]);
	set64(p + 0x108, r->ip);
}

size_t mdmp_context_size(unsigned architecture)
{
	return architecture == MDMP_INTEL ? CONTEXT_BYTES_X86 :
	       architecture == MDMP_ARM64 ? CONTEXT_BYTES_ARM64 :
					    CONTEXT_BYTES_AMD64;
}

void mdmp_put_context(GByteArray *out, unsigned architecture,
		      const struct mdmp_regs *regs)
{
	guint start = out->len;
	guint bytes = (guint)mdmp_context_size(architecture);
	uint8_t *p;

	g_byte_array_set_size(out, start + bytes);
	p = out->data + start;
	memset(p, 0, bytes);
	if (architecture == MDMP_INTEL)
		fill_x86(p, regs);
	else if (architecture == MDMP_ARM64)
		fill_arm64(p, regs);
	else
		fill_amd64(p, regs);
}
