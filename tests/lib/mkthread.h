/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads with all that is theirs: for the parts of the Windows builder. */
#ifndef MKTHREAD_H
#define MKTHREAD_H

#include "lib/mkwin-priv.h"

/* mkthread.c: with the option threads. User pages of the threads of a process;
 * a thread as add_thread() has made it; when one is run by a processor. */
void mk_threads_user(MkWin *win, MkProc *proc, uint64_t image, uint64_t stacks);
void mk_thread_fill(MkWin *win, MkProc *proc, uint64_t va, uint32_t tid,
		    bool exited);
void mk_thread_run(MkWin *win, MkProc *proc, struct mk_cpu *cpu,
		   unsigned int number, uint64_t prcb);
/* What the kernel says of the time. */
void mk_threads_clock(MkWin *win);
/* Lines of the truth. */
void mk_threads_truth(GString *out, const MkWin *win);

/* mkframe.c: how a thread is to be found, by its number. */
enum mk_frame_kind {
	MK_FRAME_SYSCALL,
	MK_FRAME_INTERRUPT,
	MK_FRAME_NESTED,  /* in the frame of a call that the kernel made */
	MK_FRAME_TOP,	  /* nothing points at it */
	MK_FRAME_GARBAGE, /* what is there is no frame */
	MK_FRAME_ASTRAY,  /* the pointer leads out of the stack */
	MK_FRAME_KINDS
};
/* Frames on its kernel stack; fills user and kernel, by what is to be there.
 * stack: user registers are made for. */
void mk_frames_build(MkWin *win, struct mk_thread *thread, MkProc *proc,
		     enum mk_frame_kind kind, bool narrow);
/* Registers of user mode, of no place yet. */
void mk_regs_user(const MkWin *win, const MkProc *proc,
		  const struct mk_thread *thread, bool narrow,
		  struct mk_regs *regs);
void mk_regs_kernel(const MkWin *win, const struct mk_thread *thread,
		    struct mk_regs *regs);
/* A _CONTEXT of x64 or (narrow) x86; its size. */
size_t mk_context(const struct mk_regs *regs, bool narrow, uint8_t buf[0x4d0]);

#endif
