/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registers out of trap frames, switch frames and contexts. Where the members
 * are: type information of the kernels (_KTRAP_FRAME, _KEXCEPTION_FRAME,
 * _CONTEXT are the same in all that are known, from 7 to 11); what a frame
 * keeps of which registers: comments of the structures in Windows' wdm.h. See
 * docs/formats.md, "Threads and registers".
 */
#include "config.h"

#include "base/bytes.h"
#include "nt/member.h"
#include "nt/regs.h"

#define NESTED_MAX 16u	/* system calls that the kernel makes in one */

/* Selectors: KGDT64_R3_CODE, _R3_CMCODE (32-bit), _R3_DATA, _R3_CMTEB of x64;
 * KGDT_R3_CODE, _R3_DATA, _R3_TEB of x86; each with RPL 3. */
enum { CS64 = 0x33, CS32 = 0x23, DS64 = 0x2b, TEB64 = 0x53,
       CS86 = 0x1b, DS86 = 0x23, TEB86 = 0x3b };

#define FLAGS_ALWAYS UINT64_C(2)
#define FLAGS_IF UINT64_C(0x200)
#define FLAGS_VM UINT64_C(0x20000)
#define FLAGS_MASK UINT64_C(0x3fffff)

/* ExceptionActive of a frame that a system call made. */
#define ACTIVE_SERVICE 2u

/* A register of a frame or context. */
struct at {
	uint16_t offset;
	uint8_t number;
};

/* A frame read into memory. */
struct frame {
	const uint8_t *bytes;
	unsigned width; /* of a register */
};

static uint64_t word(const struct frame *f, unsigned offset)
{
	return f->width == 8 ? load_le64(f->bytes + offset) :
			       load_le32(f->bytes + offset);
}

static void set_gpr(struct nt_regs *r, unsigned number, uint64_t value)
{
	r->gpr[number] = value;
	r->gpr_known |= 1u << number;
}

static void take(const struct frame *f, const struct at *list, size_t n,
		 struct nt_regs *r)
{
	for (size_t i = 0; i < n; i++)
		set_gpr(r, list[i].number, word(f, list[i].offset));
}

/* Those with a name of their own are also in gpr. */
static void set_place(struct nt_regs *r, uint64_t ip, uint64_t sp)
{
	r->ip = ip;
	r->sp = sp;
	set_gpr(r, NT_SP, sp);
	r->known |= NT_REGS_PLACE;
}

static void set_frame(struct nt_regs *r, uint64_t bp)
{
	r->bp = bp;
	set_gpr(r, NT_BP, bp);
	r->known |= NT_REGS_FRAME;
}

static void finish(struct nt_regs *r)
{
	uint32_t all = r->machine == NT_MACHINE_I386 ? 0xffu : 0xffffu;

	if ((r->gpr_known & all) == all)
		r->known |= NT_REGS_INTEGER;
}

bool nt_regs_is_user(const struct nt_regs *regs)
{
	return (regs->cs & 3) == 3;
}

static bool in_stack(const struct nt_regs_place *place, uint64_t va,
		     uint64_t len_bytes)
{
	return place->stack_limit < place->stack_base &&
	       va >= place->stack_limit &&
	       range_fits(va - place->stack_limit, len_bytes,
			  place->stack_base - place->stack_limit);
}

static bool in_kernel(const struct nt_regs_place *place, uint64_t va)
{
	return place->image_size && va >= place->image_base &&
	       va - place->image_base < place->image_size;
}

/* Could user mode have had these? Interrupts are always on there, and each
 * system gives all its threads the same selectors. */
static bool is_user_state(const struct nt_regs_place *place,
			  const struct nt_regs *r)
{
	uint64_t end = place->user_end;

	if (place->arch == NT_ARCH_AMD64) {
		if ((r->cs != CS64 && r->cs != CS32) || r->ss != DS64)
			return false;
		if (r->cs == CS32)
			end = MIN(end, UINT64_C(1) << 32);
	} else if (r->cs != CS86 || r->ss != DS86) {
		return false;
	}
	return (r->flags & (FLAGS_ALWAYS | FLAGS_IF | FLAGS_VM)) ==
		       (FLAGS_ALWAYS | FLAGS_IF) &&
	       !(r->flags & ~FLAGS_MASK) && r->ip && r->ip < end && r->sp &&
	       r->sp < end;
}

/* _KTRAP_FRAME of x64. */
enum { T64_BYTES = 0x190, T64_ACTIVE = 0x2b, T64_LINK = 0x138, T64_BP = 0x158,
       T64_IP = 0x168, T64_CS = 0x170, T64_FLAGS = 0x178, T64_SP = 0x180,
       T64_SS = 0x188 };

/* "Volatile registers: only saved on exceptions and interrupts, not for
 * system calls." */
static const struct at trap64_volatile[] = {
	{ 0x30, NT_AX }, { 0x38, NT_CX }, { 0x40, NT_DX },  { 0x48, NT_R8 },
	{ 0x50, NT_R9 }, { 0x58, NT_R10 }, { 0x60, NT_R11 },
};

/* "Saved nonvolatile registers RBX, RDI and RSI: only used in system service
 * trap frames." */
static const struct at trap64_service[] = {
	{ 0x140, NT_BX }, { 0x148, NT_DI }, { 0x150, NT_SI },
};

static void user_segments64(struct nt_regs *r)
{
	r->ds = r->es = r->gs = DS64;
	r->fs = TEB64;
}

/* A system call leaves rip in rcx and rflags in r11 (SDM vol. 2, SYSCALL), so
 * that user mode has lost what was there. */
static enum nt_regs_from read_trap64(const uint8_t *b, struct nt_regs *r)
{
	struct frame f = { b, 8 };
	bool service = b[T64_ACTIVE] == ACTIVE_SERVICE;

	r->cs = load_le16(b + T64_CS);
	r->ss = load_le16(b + T64_SS);
	r->machine = r->cs == CS32 ? NT_MACHINE_I386 : NT_MACHINE_AMD64;
	r->flags = load_le32(b + T64_FLAGS);
	r->known |= NT_REGS_FLAGS;
	user_segments64(r);
	set_place(r, load_le64(b + T64_IP), load_le64(b + T64_SP));
	set_frame(r, load_le64(b + T64_BP));
	if (service)
		take(&f, trap64_service, G_N_ELEMENTS(trap64_service), r);
	else
		take(&f, trap64_volatile, G_N_ELEMENTS(trap64_volatile), r);
	return service ? NT_REGS_SYSCALL : NT_REGS_TRAP;
}

/* _KTRAP_FRAME of x86, without the four selectors of virtual 8086 mode behind
 * it. */
enum { T86_BYTES = 0x7c, T86_FS = 0x50, T86_DX = 0x3c, T86_BP = 0x60,
       T86_IP = 0x68, T86_CS = 0x6c, T86_FLAGS = 0x70, T86_SP = 0x74,
       T86_SS = 0x78 };

static const struct at trap86_saved[] = {
	{ 0x54, NT_DI }, { 0x58, NT_SI }, { 0x5c, NT_BX },
};

static const struct at trap86_volatile[] = {
	{ 0x3c, NT_DX }, { 0x40, NT_CX }, { 0x44, NT_AX },
};

static void user_segments86(struct nt_regs *r)
{
	r->ds = r->es = DS86;
	r->fs = TEB86;
	r->gs = 0;
}

/*
 * No member says what made the frame; but a system call puts the thread's
 * former trap frame, a kernel address or 0, where others put edx. With either
 * there, the three registers that system calls do not keep are not taken.
 */
static enum nt_regs_from read_trap86(const struct nt_regs_place *place,
				     const uint8_t *b, struct nt_regs *r)
{
	struct frame f = { b, 4 };
	uint32_t link = load_le32(b + T86_DX);

	r->machine = NT_MACHINE_I386;
	r->cs = load_le16(b + T86_CS);
	r->ss = load_le16(b + T86_SS);
	r->flags = load_le32(b + T86_FLAGS);
	r->known |= NT_REGS_FLAGS;
	user_segments86(r);
	set_place(r, load_le32(b + T86_IP), load_le32(b + T86_SP));
	set_frame(r, load_le32(b + T86_BP));
	take(&f, trap86_saved, G_N_ELEMENTS(trap86_saved), r);
	if (!link || link >= place->user_end)
		return NT_REGS_SYSCALL;
	take(&f, trap86_volatile, G_N_ELEMENTS(trap86_volatile), r);
	return NT_REGS_TRAP;
}

/* Reads a frame; *link: of the one it is nested in. */
static bool read_trap(const struct nt_regs_place *place, uint64_t va,
		      struct nt_regs *r, enum nt_regs_from *from,
		      uint64_t *link)
{
	bool wide = place->arch == NT_ARCH_AMD64;
	size_t len = wide ? T64_BYTES : T86_BYTES;
	uint8_t b[T64_BYTES];

	*r = (struct nt_regs){ 0 };
	if (place->arch == NT_ARCH_ARM64 || va % (wide ? 16 : 4) ||
	    !in_stack(place, va, len) ||
	    !vtop_read(place->kernel, VIRT(va), b, len))
		return false;
	*from = wide ? read_trap64(b, r) : read_trap86(place, b, r);
	*link = wide ? load_le64(b + T64_LINK) : load_le32(b + T86_DX);
	return true;
}

bool nt_regs_from_trap(const struct nt_regs_place *place, uint64_t va,
		       struct nt_regs *ret, enum nt_regs_from *from)
{
	uint64_t link, last = 0;
	struct nt_regs r;

	/* Stacks grow down: frames that one is nested in are further up. */
	for (unsigned i = 0; i < NESTED_MAX && va > last; i++) {
		last = va;
		if (!read_trap(place, va, &r, from, &link))
			break;
		if (is_user_state(place, &r))
			goto found;
		if (nt_regs_is_user(&r))
			break;
		va = link;
	}
	/* On x64 the processor, and the kernel's first instructions, put the
	 * frame of each entry from user mode at the very top. */
	if (place->arch != NT_ARCH_AMD64 || place->initial_stack < T64_BYTES ||
	    !read_trap(place, place->initial_stack - T64_BYTES, &r, from,
		       &link) ||
	    !is_user_state(place, &r))
		return false;
found:
	finish(&r);
	*ret = r;
	return true;
}

/* KSWITCH_FRAME of x64: five home words, ApcBypass, Rbp, Return; behind it the
 * _KEXCEPTION_FRAME of KiSwapContext. */
enum { S64_BP = 0x30, S64_IP = 0x38, S64_BYTES = 0x40, E64_BYTES = 0x140,
       E64_RETURN = 0x138 };

static const struct at exception64[] = {
	{ 0x100, NT_BX },  { 0x108, NT_DI },  { 0x110, NT_SI },
	{ 0x118, NT_R12 }, { 0x120, NT_R13 }, { 0x128, NT_R14 },
	{ 0x130, NT_R15 },
};

static bool read_switch64(const struct nt_regs_place *place, uint64_t va,
			  struct nt_regs *r)
{
	uint8_t b[S64_BYTES], e[E64_BYTES];
	struct frame f = { e, 8 };

	if (!in_stack(place, va, sizeof b) ||
	    !vtop_read(place->kernel, VIRT(va), b, sizeof b) ||
	    !in_kernel(place, load_le64(b + S64_IP)))
		return false;
	r->machine = NT_MACHINE_AMD64;
	set_place(r, load_le64(b + S64_IP), va + S64_BYTES);
	set_frame(r, load_le64(b + S64_BP));
	if (in_stack(place, r->sp, sizeof e) &&
	    vtop_read(place->kernel, VIRT(r->sp), e, sizeof e) &&
	    in_kernel(place, load_le64(e + E64_RETURN)))
		take(&f, exception64, G_N_ELEMENTS(exception64), r);
	return true;
}

/* KSWITCHFRAME of x86: ExceptionList, ApcBypassDisable, RetAddr; behind it
 * what KiSwapContext saved, and where it returns to. */
enum { S86_IP = 8, S86_BYTES = 12, E86_BYTES = 20, E86_RETURN = 16 };

static const struct at swap86[] = {
	{ 4, NT_DI }, { 8, NT_SI }, { 12, NT_BX },
};

static bool read_switch86(const struct nt_regs_place *place, uint64_t va,
			  struct nt_regs *r)
{
	uint8_t b[S86_BYTES], e[E86_BYTES];
	struct frame f = { e, 4 };

	if (!in_stack(place, va, sizeof b) ||
	    !vtop_read(place->kernel, VIRT(va), b, sizeof b) ||
	    !in_kernel(place, load_le32(b + S86_IP)))
		return false;
	r->machine = NT_MACHINE_I386;
	set_place(r, load_le32(b + S86_IP), va + S86_BYTES);
	if (!in_stack(place, r->sp, sizeof e) ||
	    !vtop_read(place->kernel, VIRT(r->sp), e, sizeof e) ||
	    !in_kernel(place, load_le32(e + E86_RETURN)))
		return true;
	set_frame(r, load_le32(e));
	take(&f, swap86, G_N_ELEMENTS(swap86), r);
	return true;
}

bool nt_regs_from_switch(const struct nt_regs_place *place, uint64_t va,
			 struct nt_regs *ret)
{
	struct nt_regs r = { 0 };
	bool ok = false;

	switch (place->arch) {
	case NT_ARCH_AMD64:
		ok = va % 8 == 0 && read_switch64(place, va, &r);
		break;
	case NT_ARCH_X86:
	case NT_ARCH_X86PAE:
		ok = va % 4 == 0 && read_switch86(place, va, &r);
		break;
	case NT_ARCH_ARM64:
		break;
	}
	if (ok)
		*ret = r;
	return ok;
}
