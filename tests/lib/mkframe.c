/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames on kernel stacks, and contexts: _KTRAP_FRAME, _KEXCEPTION_FRAME and
 * _CONTEXT as the type information of kernels has them; KSWITCH_FRAME.
 */
#include "config.h"

#include "lib/mkthread.h"
#include "lib/mkwin-priv.h"

#include <string.h>

#define FLAGS_USER 0x246u
#define FLAGS_KERNEL 0x286u

enum { AX, CX, DX, BX, SP, BP, SI, DI, R8, R12 = 12 };

#define BIT(n) (1u << (n))
#define CALL64 (BIT(BX) | BIT(SP) | BIT(BP) | BIT(SI) | BIT(DI))
#define STOP64 (BIT(AX) | BIT(CX) | BIT(DX) | BIT(SP) | BIT(BP) | 0xf00u)
#define ALL86 0xffu
#define ALL64 0xffffu

static uint64_t mix(const struct mk_thread *thread, uint64_t n)
{
	return mk_random_mix(thread->ethread + n * 0x10001);
}

void mk_regs_user(const MkWin *win, const MkProc *proc,
		  const struct mk_thread *thread, bool narrow,
		  struct mk_regs *regs)
{
	const bool wide = !mk_is_32bit(win);
	const bool short_stack = narrow && wide;

	*regs = (struct mk_regs){
		.cs = !wide ? 0x1b : narrow ? 0x23 : 0x33,
		.ss = wide ? 0x2b : 0x23,
		.flags = FLAGS_USER,
		.known = narrow || !wide ? ALL86 : ALL64,
		.ip = proc->image + 0x1100 + (mix(thread, 40) & 0xff0),
	};
	for (unsigned int i = 0; i < 16; i++)
		regs->gpr[i] = mix(thread, i);
	regs->gpr[SP] = (short_stack ? thread->stack32_base
				     : thread->stack_base) - 0x800;
	regs->gpr[BP] = regs->gpr[SP] + 0x40;
	if (!narrow && wide)
		return;
	for (unsigned int i = 0; i < 8; i++)
		regs->gpr[i] &= UINT32_MAX;
	/* No kernel address, and not 0. */
	regs->gpr[DX] = (regs->gpr[DX] & 0x3fffffff) | 1;
}

void mk_regs_kernel(const MkWin *win, const struct mk_thread *thread,
		    struct mk_regs *regs)
{
	const bool wide = !mk_is_32bit(win);

	*regs = (struct mk_regs){
		.cs = wide ? 0x10 : 8,
		.ss = wide ? 0x18 : 0x10,
		.flags = FLAGS_KERNEL,
		.known = wide ? ALL64 : ALL86,
		.ip = win->kernel.base + 0x2400,
	};
	for (unsigned int i = 0; i < 16; i++)
		regs->gpr[i] = mix(thread, i + 20) & (wide ? UINT64_MAX
							   : UINT32_MAX);
	regs->gpr[SP] = thread->kstack_base - 0xb00;
	regs->gpr[BP] = regs->gpr[SP] + 0x80;
}

static void put(MkWin *win, uint64_t va, uint64_t value, unsigned int bytes)
{
	value = GUINT64_TO_LE(value);
	mk_kwrite(win, va, &value, bytes);
}

/* call: made by a system call, with what that keeps; else by an interrupt. */
static void put_trap64(MkWin *win, uint64_t va, const struct mk_regs *r,
		       bool call, uint64_t link)
{
	static const uint16_t at[16] = {0x30,  0x38,  0x40, 0x140, 0x180, 0x158,
					0x150, 0x148, 0x48, 0x50,  0x58,  0x60};

	put(win, va + 0x28, 1, 1);
	put(win, va + 0x2b, call ? 2 : 0, 1);
	for (unsigned int i = 0; i < 12; i++)
		if (r->known & BIT(i))
			put(win, va + at[i], r->gpr[i], 8);
		else
			put(win, va + at[i], UINT64_C(0xdead0000dead0000) + i,
			    8);
	put(win, va + 0x138, link, 8);
	put(win, va + 0x168, r->ip, 8);
	put(win, va + 0x170, r->cs, 2);
	put(win, va + 0x178, r->flags, 4);
	put(win, va + 0x188, r->ss, 2);
}

static void put_trap86(MkWin *win, uint64_t va, const struct mk_regs *r,
		       bool call, uint64_t link)
{
	static const uint16_t at[8] = {0x44, 0x40, 0x3c, 0x5c,
				       0x74, 0x60, 0x58, 0x54};

	put(win, va + 0x08, 0xbadb0d00, 4);
	put(win, va + 0x48, 1, 4);
	put(win, va + 0x50, 0x3b, 4);
	for (unsigned int i = 0; i < 8; i++)
		put(win, va + at[i], r->gpr[i], 4);
	if (call)
		put(win, va + at[DX], link, 4);
	put(win, va + 0x68, r->ip, 4);
	put(win, va + 0x6c, r->cs, 4);
	put(win, va + 0x70, r->flags, 4);
	put(win, va + 0x78, r->ss, 4);
}

static void put_trap(MkWin *win, uint64_t va, struct mk_regs *r, bool call,
		     uint64_t link)
{
	const bool wide = !mk_is_32bit(win);

	r->from = call ? "call" : "interrupt";
	if (wide)
		r->known = call ? CALL64 : STOP64;
	else
		r->known = call ? CALL64 : ALL86;
	if (wide)
		put_trap64(win, va, r, call, link);
	else
		put_trap86(win, va, r, call, link);
}

/* Where the processor puts the frame of an entry from user mode; x86 has what
 * the coprocessor keeps above it. */
static uint64_t top_frame(const MkWin *win, const struct mk_thread *thread)
{
	return thread->kstack_base - (mk_is_32bit(win) ? 0x210 + 0x8c : 0x190);
}

/* Where a frame is that the kernel made below it. */
static uint64_t put_nested(MkWin *win, const struct mk_thread *thread,
			   uint64_t link)
{
	const uint64_t va = link - 0x400;
	struct mk_regs r;

	mk_regs_kernel(win, thread, &r);
	put_trap(win, va, &r, true, link);
	return va;
}

/* A frame that lacks nothing, but is not on the stack. */
static uint64_t put_astray(MkWin *win, const struct mk_regs *regs)
{
	const uint64_t va =
		mk_pool_alloc(win, &win->nonpaged, 0x400, "MkFr") & ~15ull;
	struct mk_regs r = *regs;

	put_trap(win, va + 0x100, &r, false, 0);
	return va + 0x100;
}

static void put_user(MkWin *win, struct mk_thread *thread, MkProc *proc,
		     enum mk_frame_kind kind, bool narrow)
{
	uint64_t at = top_frame(win, thread), pointer = at;
	struct mk_regs *r = &thread->user;

	mk_regs_user(win, proc, thread, narrow, r);
	switch (kind) {
	case MK_FRAME_SYSCALL:
	case MK_FRAME_INTERRUPT:
		put_trap(win, at, r, kind == MK_FRAME_SYSCALL, 0);
		break;
	case MK_FRAME_NESTED:
		put_trap(win, at, r, true, 0);
		pointer = put_nested(win, thread, at);
		break;
	case MK_FRAME_TOP:
		put_trap(win, at, r, false, 0);
		pointer = 0;
		/* On x86 nobody knows how far down it is. */
		if (mk_is_32bit(win))
			r->from = NULL;
		break;
	case MK_FRAME_GARBAGE:
		r->ip = win->kernel.base + 0x2000;
		put_trap(win, at, r, true, 0);
		r->from = NULL;
		break;
	case MK_FRAME_ASTRAY:
		pointer = put_astray(win, r);
		r->from = NULL;
		break;
	case MK_FRAME_KINDS:
		break;
	}
	mk_put_ptr(win, thread->ethread, "_KTHREAD.TrapFrame", pointer);
}

/* The switch to another thread: home words, ApcBypass, Rbp, Return; and what
 * KiSwapContext keeps. */
static void put_switch(MkWin *win, struct mk_thread *thread, bool bad)
{
	const bool wide = !mk_is_32bit(win);
	struct mk_regs *r = &thread->kernel;
	uint64_t va;

	mk_regs_kernel(win, thread, r);
	va = r->gpr[SP] - (wide ? 0x40 : 12);
	put(win, va + (wide ? 0x38 : 8), bad ? 0x1234 : r->ip, wide ? 8 : 4);
	if (wide) {
		put(win, va + 0x30, r->gpr[BP], 8);
		put(win, va + 0x40 + 0x100, r->gpr[BX], 8);
		put(win, va + 0x40 + 0x108, r->gpr[DI], 8);
		put(win, va + 0x40 + 0x110, r->gpr[SI], 8);
		for (unsigned int i = 0; i < 4; i++)
			put(win, va + 0x40 + 0x118 + i * 8, r->gpr[R12 + i], 8);
		put(win, va + 0x40 + 0x138, win->kernel.base + 0x2500, 8);
	} else {
		put(win, va + 12, r->gpr[BP], 4);
		put(win, va + 16, r->gpr[DI], 4);
		put(win, va + 20, r->gpr[SI], 4);
		put(win, va + 24, r->gpr[BX], 4);
		put(win, va + 28, win->kernel.base + 0x2500, 4);
	}
	r->known = CALL64 | (wide ? 0xf000u : 0);
	r->from = bad ? NULL : "switch";
	mk_put_ptr(win, thread->ethread, "_KTHREAD.KernelStack", va);
}

void mk_frames_build(MkWin *win, struct mk_thread *thread, MkProc *proc,
		     enum mk_frame_kind kind, bool narrow)
{
	if (thread->teb)
		put_user(win, thread, proc, kind, narrow);
	put_switch(win, thread, kind == MK_FRAME_GARBAGE);
}

static void set(uint8_t *buf, size_t at, uint64_t value, size_t bytes)
{
	value = GUINT64_TO_LE(value);
	memcpy(buf + at, &value, bytes);
}

size_t mk_context(const struct mk_regs *regs, bool narrow, uint8_t buf[0x4d0])
{
	static const uint8_t at86[8] = {0xb0, 0xac, 0xa8, 0xa4,
					0xc4, 0xb4, 0xa0, 0x9c};

	memset(buf, 0, 0x4d0);
	if (narrow) {
		set(buf, 0, 0x10007, 4);
		set(buf, 0x90, 0x3b, 4);
		set(buf, 0x94, regs->ss, 4);
		set(buf, 0x98, regs->ss, 4);
		for (size_t i = 0; i < 8; i++)
			set(buf, at86[i], regs->gpr[i], 4);
		set(buf, 0xb8, regs->ip, 4);
		set(buf, 0xbc, regs->cs, 4);
		set(buf, 0xc0, regs->flags, 4);
		set(buf, 0xc8, regs->ss, 4);
		return 0x2cc;
	}
	set(buf, 0x30, 0x10000f, 4);
	set(buf, 0x38, regs->cs, 2);
	set(buf, 0x42, regs->ss, 2);
	set(buf, 0x44, regs->flags, 4);
	for (size_t i = 0; i < 16; i++)
		set(buf, 0x78 + 8 * i, regs->gpr[i], 8);
	set(buf, 0xf8, regs->ip, 8);
	return 0x4d0;
}
