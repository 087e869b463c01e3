/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The threads of a process, with their stacks, times and registers. Sources
 * and what is doubtful: docs/formats.md, "Threads and registers".
 */
#ifndef NT_THREAD_H
#define NT_THREAD_H

#include "nt/kernel.h"
#include "nt/regs.h"

/* So many threads of one process are read, at most; Windows makes no more
 * than some ten thousand. */
#define NT_THREADS_MAX 32768u

/* Bytes of a name that are read, at most. */
#define NT_THREAD_NAME_MAX 256u

/* What could not be read is 0, and its bit is missing in `known`. */
enum nt_thread_field {
	NTT_CREATE = 1 << 0,
	NTT_EXIT = 1 << 1,
	NTT_START = 1 << 2,
	NTT_WIN32_START = 1 << 3,
	NTT_TEB = 1 << 4,	   /* the member; 0: a kernel thread */
	NTT_USER_STACK = 1 << 5,   /* the TEB is in the image */
	NTT_USER_STACK32 = 1 << 6,
	NTT_KERNEL_STACK = 1 << 7, /* kstack_base, kstack_limit */
	NTT_STATE = 1 << 8,
	NTT_WAIT_REASON = 1 << 9,
	NTT_TIMES = 1 << 10,	   /* kernel_time, user_time */
	NTT_SWITCHES = 1 << 11,
	NTT_PRIORITY = 1 << 12,	   /* both */
	NTT_FLAGS = 1 << 13,	   /* cross_flags */
};

/* Who told of it. */
enum nt_thread_seen {
	NTT_IN_EPROCESS = 1 << 0, /* EPROCESS.ThreadListHead */
	NTT_IN_KPROCESS = 1 << 1, /* KPROCESS.ThreadListHead */
	NTT_ON_CPU = 1 << 2,	  /* a processor runs it */
};

/* KTHREAD_STATE. */
enum nt_thread_state {
	NT_STATE_INITIALIZED,
	NT_STATE_READY,
	NT_STATE_RUNNING,
	NT_STATE_STANDBY,
	NT_STATE_TERMINATED,
	NT_STATE_WAITING,
	NT_STATE_TRANSITION,
	NT_STATE_DEFERRED_READY,
	NT_STATE_GATE_WAIT,
	NT_STATE_WAITING_FOR_SWAP,
	NT_STATES
};

struct nt_thread {
	VirtAddr ethread;
	uint32_t tid;
	uint32_t pid;
	VirtAddr teb;	/* 0: none */
	VirtAddr teb32; /* of WoW64; 0: none, or not in the image */
	/* In user mode, by the TEB: [limit, base) is committed; alloc, where
	 * the reservation begins, is 0 where not known. */
	uint64_t stack_base, stack_limit, stack_alloc;
	uint64_t stack32_base, stack32_limit, stack32_alloc;
	uint64_t kstack_base, kstack_limit;
	uint64_t kernel_stack;	 /* KernelStack: its top while it waits */
	uint64_t trap_frame;	 /* TrapFrame; 0: none */
	uint64_t create_time, exit_time; /* FILETIME; exit: 0, it lives */
	uint64_t start, win32_start;
	uint64_t kernel_time, user_time; /* clock ticks: nt/clock.h */
	uint32_t switches;
	uint32_t cross_flags;
	int8_t priority, base_priority;
	uint8_t state;	/* enum nt_thread_state */
	uint8_t wait_reason; /* KWAIT_REASON; meant where it waits */
	bool exited;
	int cpu; /* number of the processor that runs it, or -1 */
	char *name; /* not escaped, or NULL; owned */
	/* User mode: as it will go on there. WoW64: user32 is 32-bit code's,
	 * user that of the 64-bit code around it; of a thread that was
	 * interrupted in 32-bit code they are the same. */
	struct nt_regs user, user32;
	struct nt_regs kernel;	/* of a thread that is in the kernel */
	enum nt_regs_from user_from, user32_from, kernel_from;
	unsigned known; /* enum nt_thread_field */
	unsigned seen;	/* enum nt_thread_seen */
};

/* A kernel's layout of threads; it cannot fail, what the source lacks is
 * NT_ABSENT. */
void nt_ethread_layout_fill(const struct nt_source *source,
			    struct nt_ethread_layout *ret);

/*
 * The threads of a process: those in its two lists, in either direction, and
 * those of it that processors run. Each is a thread object (Header.Type 6)
 * that names this process as its own, by pointer and by Cid. Through own, the
 * address space of the process (NULL: none), TEBs are read. At most
 * NT_THREADS_MAX. (transfer full) of struct nt_thread, ascending by tid; empty
 * where the profile does not know threads.
 */
GArray *nt_threads_read(const NtKernel *k, const struct nt_process *p,
			const struct addr_space *own);

/* "Waiting", ...; "-" for a number that is none. Static. */
const char *nt_thread_state_name(unsigned state);
/* "UserRequest", ...; NULL for a number that is none. Static. */
const char *nt_wait_reason_name(unsigned reason);

/* (thread_regs.c) Registers of all kinds, when the rest is there. */
void nt_thread_read_regs(const NtKernel *k, const struct addr_space *own,
			 struct nt_thread *t);

#endif
