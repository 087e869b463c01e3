/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One process object, read out of memory. */
#ifndef NT_EPROCESS_H
#define NT_EPROCESS_H

#include "nt/member.h"

/* What could not be read is 0, and its bit is missing in `known`. */
enum nt_process_field {
	NTP_PPID = 1 << 0,
	NTP_CREATE = 1 << 1,
	NTP_EXIT = 1 << 2,
	NTP_THREADS = 1 << 3,
	NTP_WOW64 = 1 << 4,
	NTP_SESSION = 1 << 5,
	NTP_PEB = 1 << 6,
	NTP_USER_DTB = 1 << 7,
};

struct nt_process {
	VirtAddr eprocess;
	uint32_t pid;
	uint32_t ppid;
	char *name;		/* decoded, not escaped; owned */
	uint64_t dtb_raw;	/* Pcb.DirectoryTableBase as it is */
	uint64_t user_dtb_raw;
	uint64_t create_time;	/* FILETIME */
	uint64_t exit_time;	/* 0: running */
	uint32_t threads;
	bool wow64;
	uint32_t session;
	VirtAddr peb;
	uint64_t object_table;
	uint64_t vad_root_va;	/* address of the VadRoot member, 0: none */
	unsigned known;		/* enum nt_process_field */
	VirtAddr flink, blink;	/* ActiveProcessLinks */
};

/*
 * Reads the process object at va through a kernel address space. False where
 * its pid, name, links or DTB cannot be read.
 */
bool nt_process_read(const struct addr_space *kernel,
		     const struct nt_profile *profile, VirtAddr va,
		     struct nt_process *ret);
void nt_process_clear(struct nt_process *process);

/*
 * Could this be a process object? Pcb.Header.Type is 3 (ProcessObject, in all
 * versions) and the pid is a multiple of 4 below 2^28 (handle values are
 * multiples of 4, and a handle table holds no more).
 */
bool nt_process_plausible(const struct addr_space *kernel,
			  const struct nt_profile *profile,
			  const struct nt_process *process);

/* SessionId, read through the process's own space (the session space is
 * mapped there, not in System's); sets it and NTP_SESSION where it can. */
void nt_process_read_session(const struct addr_space *own,
			     const struct nt_profile *profile, VirtAddr va,
			     struct nt_process *process);

#endif
