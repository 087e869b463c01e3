/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registers out of whole contexts: _CONTEXT of x64 and x86 (documented in
 * Windows' winnt.h, never changed), WoW64's, and what containers have.
 */
#include "config.h"

#include "base/bytes.h"
#include "nt/regs.h"

/* ContextFlags: whose context it is, and that control registers are in it. */
#define FLAGS_AMD64 0x100000u
#define FLAGS_I386 0x10000u
#define FLAGS_CONTROL 1u
#define FLAGS_INTEGER 2u
#define FLAGS_SEGMENTS 4u
#define FLAGS_DEBUG 0x10u

enum { BYTES_64 = 0x100, BYTES_86 = 0xcc };

static void set_gpr(struct nt_regs *r, unsigned number, uint64_t value)
{
	r->gpr[number] = value;
	r->gpr_known |= 1u << number;
}

/* gpr has all: what has a name of its own. */
static void name_them(struct nt_regs *r, uint64_t ip)
{
	r->ip = ip;
	r->sp = r->gpr[NT_SP];
	r->bp = r->gpr[NT_BP];
}

/* The parts that the flags say are there; CONTROL has bp only on x86. */
static unsigned known_by(uint32_t flags)
{
	unsigned known = 0;

	if (flags & FLAGS_CONTROL)
		known |= NT_REGS_CONTROL;
	if (flags & FLAGS_INTEGER)
		known |= NT_REGS_INTEGER | NT_REGS_FRAME;
	if (flags & FLAGS_SEGMENTS)
		known |= NT_REGS_SEGMENTS;
	if (flags & FLAGS_DEBUG)
		known |= NT_REGS_DEBUG;
	return known;
}

/* ax cx dx bx sp bp si di r8 to r15, in that order, at 0x78. */
static bool read_64(const uint8_t *b, struct nt_regs *r)
{
	uint32_t flags = load_le32(b + 0x30);

	if (!(flags & FLAGS_AMD64) || !(flags & FLAGS_CONTROL))
		return false;
	r->machine = NT_MACHINE_AMD64;
	r->cs = load_le16(b + 0x38);
	r->ds = load_le16(b + 0x3a);
	r->es = load_le16(b + 0x3c);
	r->fs = load_le16(b + 0x3e);
	r->gs = load_le16(b + 0x40);
	r->ss = load_le16(b + 0x42);
	r->flags = load_le32(b + 0x44);
	for (unsigned i = 0; i < 6; i++)
		r->dr[i] = load_le64(b + 0x48 + 8 * i);
	for (unsigned i = 0; i < 16; i++)
		if (flags & FLAGS_INTEGER || i == NT_SP)
			set_gpr(r, i, load_le64(b + 0x78 + 8 * i));
	name_them(r, load_le64(b + 0xf8));
	r->known = known_by(flags);
	return true;
}

static bool read_86(const uint8_t *b, struct nt_regs *r)
{
	/* edi esi ebx edx ecx eax ebp, at 0x9c; esp is at 0xc4. */
	static const uint8_t order[] = { NT_DI, NT_SI, NT_BX, NT_DX,
					 NT_CX, NT_AX, NT_BP };
	uint32_t flags = load_le32(b);

	if (!(flags & FLAGS_I386) || !(flags & FLAGS_CONTROL))
		return false;
	r->machine = NT_MACHINE_I386;
	for (unsigned i = 0; i < 6; i++)
		r->dr[i] = load_le32(b + 4 + 4 * i);
	r->gs = load_le16(b + 0x8c);
	r->fs = load_le16(b + 0x90);
	r->es = load_le16(b + 0x94);
	r->ds = load_le16(b + 0x98);
	for (unsigned i = 0; i < G_N_ELEMENTS(order); i++)
		if (flags & FLAGS_INTEGER || order[i] == NT_BP)
			set_gpr(r, order[i], load_le32(b + 0x9c + 4 * i));
	r->cs = load_le16(b + 0xbc);
	r->flags = load_le32(b + 0xc0);
	set_gpr(r, NT_SP, load_le32(b + 0xc4));
	r->ss = load_le16(b + 0xc8);
	name_them(r, load_le32(b + 0xb8));
	r->known = known_by(flags) | NT_REGS_FRAME;
	return true;
}

bool nt_regs_from_context(const struct addr_space *as, uint16_t machine,
			  uint64_t va, struct nt_regs *ret)
{
	bool wide = machine == NT_MACHINE_AMD64;
	uint8_t b[BYTES_64];
	struct nt_regs r = { 0 };

	if ((!wide && machine != NT_MACHINE_I386) ||
	    !vtop_read(as, VIRT(va), b, wide ? BYTES_64 : BYTES_86) ||
	    !(wide ? read_64(b, &r) : read_86(b, &r)))
		return false;
	if (!r.ip || !r.sp)
		return false;
	*ret = r;
	return true;
}

/*
 * Slot 1 of the thread's own storage (TlsSlots, at 0x1480 of x64's _TEB in all
 * versions) belongs to the part of WoW64 that runs x86 code. Flags and Machine
 * (two u16) are before the context. On the way out of 32-bit code it keeps the
 * registers that a called function keeps, and no others.
 */
#define TEB_SLOT_1 0x1488u
#define CPU_CONTEXT 4u
#define KEPT (1u << NT_SP | 1u << NT_BP | 1u << NT_BX | 1u << NT_SI | \
	      1u << NT_DI)

bool nt_regs_from_wow64(const struct addr_space *own, uint64_t teb,
			struct nt_regs *ret)
{
	uint64_t va;
	struct nt_regs r;
	uint8_t b[8];

	if (!add_u64(teb, TEB_SLOT_1, &va) ||
	    !vtop_read(own, VIRT(va), b, sizeof b))
		return false;
	va = load_le64(b);
	if (!va || va % 4 ||
	    !nt_regs_from_context(own, NT_MACHINE_I386, va + CPU_CONTEXT, &r))
		return false;
	/* KGDT64_R3_CMCODE, with RPL 3. */
	if (r.cs != 0x23)
		return false;
	r.gpr_known &= KEPT;
	r.known &= ~(unsigned)(NT_REGS_INTEGER | NT_REGS_DEBUG);
	*ret = r;
	return true;
}

bool nt_regs_from_cpu(const struct image_cpu *cpu, enum nt_arch arch,
		      struct nt_regs *ret)
{
	const struct image_regs *from = &cpu->regs;
	bool wide = arch == NT_ARCH_AMD64;
	struct nt_regs r = {
		.cs = from->cs, .ss = from->ss, .ds = from->ds,
		.es = from->es, .fs = from->fs, .gs = from->gs,
		.flags = from->flags, .cr3 = cpu->cr3,
		.fs_base = cpu->fs_base, .gs_base = cpu->gs_base,
		.known = NT_REGS_CONTROL | NT_REGS_FRAME | NT_REGS_INTEGER |
			 NT_REGS_SEGMENTS | NT_REGS_CR3 | NT_REGS_BASES,
	};

	if (!from->known || arch == NT_ARCH_ARM64 || !cpu->rip)
		return false;
	/* 0x23: 32-bit code of x64's user mode. */
	r.machine = wide && from->cs != 0x23 ? NT_MACHINE_AMD64 :
					       NT_MACHINE_I386;
	for (unsigned i = 0; i < (wide ? 16u : 8u); i++)
		set_gpr(&r, i, from->gpr[i]);
	name_them(&r, cpu->rip);
	*ret = r;
	return true;
}

static const char *const from_names[NT_REGS_FROMS] = {
	[NT_REGS_NONE] = "none",
	[NT_REGS_CONTAINER] = "processor state of the container",
	[NT_REGS_TRAP] = "trap frame (interrupt)",
	[NT_REGS_SYSCALL] = "trap frame (system call)",
	[NT_REGS_WOW64] = "WoW64 context",
	[NT_REGS_PRCB] = "processor's context in the KPRCB",
	[NT_REGS_SWITCH] = "switch frame",
};

const char *nt_regs_from_name(enum nt_regs_from from)
{
	return from_names[from];
}

static const char *const names_64[] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};
static const char *const names_86[] = { "eax", "ecx", "edx", "ebx",
					"esp", "ebp", "esi", "edi" };

const char *nt_regs_gpr_name(uint16_t machine, unsigned number)
{
	if (machine == NT_MACHINE_AMD64 && number < G_N_ELEMENTS(names_64))
		return names_64[number];
	if (machine == NT_MACHINE_I386 && number < G_N_ELEMENTS(names_86))
		return names_86[number];
	return NULL;
}
