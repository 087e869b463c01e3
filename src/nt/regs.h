/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registers of a thread, as memory has them: the frames that the kernel makes
 * on its stacks, and the contexts that it or WoW64 keep. What does not look
 * like what it should be is not taken.
 */
#ifndef NT_REGS_H
#define NT_REGS_H

#include "image/image.h"
#include "nt/profile.h"
#include "vtop/vtop.h"

/* IMAGE_FILE_MACHINE_* (PE format). */
#define NT_MACHINE_I386 0x14cu
#define NT_MACHINE_AMD64 0x8664u
#define NT_MACHINE_ARM64 0xaa64u

/* What of struct nt_regs was read; the rest is 0 but where the members say
 * otherwise. */
enum nt_regs_known {
	NT_REGS_PLACE = 1 << 0,	   /* ip and sp */
	NT_REGS_FLAGS = 1 << 1,	   /* flags, cs and ss */
	NT_REGS_CONTROL = 3,	   /* both */
	NT_REGS_FRAME = 1 << 2,	   /* bp */
	NT_REGS_INTEGER = 1 << 3,  /* all of gpr; some: see gpr_known */
	NT_REGS_SEGMENTS = 1 << 4, /* ds, es, fs, gs; else these are what
				    * Windows gives all threads in user mode */
	NT_REGS_DEBUG = 1 << 5,	   /* dr */
	NT_REGS_CR3 = 1 << 6,
	NT_REGS_BASES = 1 << 7,	   /* fs_base, gs_base */
	/* Doubts: */
	NT_REGS_MAYBE_OLD = 1 << 8,  /* the thread has run since */
	NT_REGS_OFF_STACK = 1 << 9,  /* sp is not in the stack of the thread */
};

/* Where registers come from, best first. */
enum nt_regs_from {
	NT_REGS_NONE,
	NT_REGS_CONTAINER,  /* the container has them, of the processor */
	NT_REGS_TRAP,	    /* trap frame of an interrupt or exception */
	NT_REGS_SYSCALL,    /* trap frame of a system call */
	NT_REGS_WOW64,	    /* context that WoW64 saved of 32-bit code */
	NT_REGS_PRCB,	    /* context that the kernel saved of the processor */
	NT_REGS_SWITCH,	    /* frame of the switch to another thread */
	NT_REGS_FROMS
};

/* Numbers of x86 and x64 registers in gpr, those of their instructions. */
enum {
	NT_AX, NT_CX, NT_DX, NT_BX, NT_SP, NT_BP, NT_SI, NT_DI, NT_R8, NT_R9,
	NT_R10, NT_R11, NT_R12, NT_R13, NT_R14, NT_R15,
};

struct nt_regs {
	uint16_t machine; /* NT_MACHINE_...: what the code is; 0: none */
	uint16_t cs, ss, ds, es, fs, gs;
	uint64_t ip, sp, bp, flags;
	uint64_t gpr[32];   /* by number; ARM64: x0 to x30 */
	uint32_t gpr_known; /* a bit for each of them */
	uint64_t fs_base, gs_base;
	uint64_t cr3;
	uint64_t dr[6]; /* dr0 to dr3, dr6, dr7 */
	unsigned known; /* enum nt_regs_known */
};

/* "system call", ...; static. */
const char *nt_regs_from_name(enum nt_regs_from from);
/* "rax", "eax", "x0" for a number of a machine's; NULL: it has no such. */
const char *nt_regs_gpr_name(uint16_t machine, unsigned number);

/* The stacks and the kernel that frames are tested against. */
struct nt_regs_place {
	const struct addr_space *kernel;
	enum nt_arch arch;
	uint64_t stack_limit, stack_base; /* kernel stack: [limit, base) */
	uint64_t initial_stack;		  /* its top as the processor has it */
	uint64_t user_end;		  /* highest user address + 1 */
	uint64_t image_base, image_size;  /* of the kernel; 0: not known */
};

/*
 * User mode's registers by the trap frame at va (KTHREAD.TrapFrame) or, where
 * that is of an entry from kernel mode, by those that it is nested in, or by
 * what lies at the top of the stack. False where none is one.
 */
bool nt_regs_from_trap(const struct nt_regs_place *place, uint64_t va,
		       struct nt_regs *ret, enum nt_regs_from *from);

/* The kernel's registers of a thread that does not run, by its
 * KTHREAD.KernelStack. */
bool nt_regs_from_switch(const struct nt_regs_place *place, uint64_t va,
			 struct nt_regs *ret);

/* A _CONTEXT of x64 or x86, all of which must be plausible; as: where it
 * is. */
bool nt_regs_from_context(const struct addr_space *as, uint16_t machine,
			  uint64_t va, struct nt_regs *ret);

/* What WoW64 saved of 32-bit code: by TlsSlots[1] of the 64-bit TEB. */
bool nt_regs_from_wow64(const struct addr_space *own, uint64_t teb,
			struct nt_regs *ret);

/* What a container says of a processor. */
bool nt_regs_from_cpu(const struct image_cpu *cpu, enum nt_arch arch,
		      struct nt_regs *ret);

/* Of user mode, by the selector of the code. */
bool nt_regs_is_user(const struct nt_regs *regs);

#endif
