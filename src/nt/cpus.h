/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The processors of the machine, by their _KPCR and _KPRCB: what each was
 * running. A witness that no list of processes can be cut from.
 */
#ifndef NT_CPUS_H
#define NT_CPUS_H

#include "nt/kernel.h"
#include "nt/regs.h"

#define NT_CPUS_MAX 2048u

struct nt_cpu {
	unsigned number;	/* in KiProcessorBlock, else in the order of
				 * being found */
	VirtAddr prcb;
	/* 0 where there is none or what is there is no thread. */
	VirtAddr thread, next_thread, idle_thread;
	VirtAddr eprocess;	/* owner of `thread`, 0: not known */
	VirtAddr attached;	/* whose memory it used, most often the same
				 * process; 0: not known */
	uint64_t cr3;		/* in the _KPRCB: of when its state was saved
				 * last, which may be long ago; 0: none */
	int container;		/* index in image->cpus, -1: none of them */
	const char *how;	/* static: how it was found */
	bool has_regs;		/* the container has its registers: */
	struct nt_regs regs;
};

/* A processor that had nothing to do: its process is Idle, pid 0, which no
 * list has. */
bool nt_cpu_is_idle(const struct nt_cpu *cpu);

/*
 * The processors, in this order: KiProcessorBlock[]; those whose _KPCR the
 * container's notes point at (GS base in kernel mode, kernel GS base else; on
 * x86 FS base); KiInitialPCR; on x86 the _KPCR at 0xffdff000 (XP, 2003). One
 * is taken where its _KPCR has its own address in Self, or its current thread
 * is a thread. Reads k->vars and k->profile; image may be NULL. (transfer
 * full) of struct nt_cpu, empty where there is none.
 */
GArray *nt_cpus_read(const NtKernel *k, const Image *image);

/*
 * The processes that the processors of k->cpus were running: owners of their
 * current threads and those whose memory they used, each once, in the order of
 * the processors; without Idle (pid 0), and without what is no process as the
 * profile sees it. (transfer full) of VirtAddr.
 */
GArray *nt_cpus_processes(const NtKernel *k);

/* Owner of a thread and whose memory it uses. False where va is no thread or
 * neither is a process; what is not known is 0. */
bool nt_thread_process(const NtKernel *k, VirtAddr thread, VirtAddr *owner,
		       VirtAddr *attached);

/* Bytes of a pointer on this machine, also where no profile is known. */
unsigned nt_kernel_pointer_bytes(const NtKernel *k);

#endif
