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
	NTP_EXIT_STATUS = 1 << 8,
	NTP_FLAGS = 1 << 9,
	NTP_PROTECTION = 1 << 10,
	NTP_SECTION_BASE = 1 << 11,
	NTP_MINIMAL = 1 << 12,
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
	uint64_t wow64_va;	/* what Wow64Process holds: see peb.h */
	uint32_t session;
	VirtAddr peb;
	uint32_t exit_status;	/* NTSTATUS; 0x103 while it runs */
	uint32_t flags;
	uint8_t protection;	/* _PS_PROTECTION: nt_protection_text() */
	bool minimal;		/* without an image and a PEB */
	uint64_t section_base;	/* where its image is mapped */
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

/*
 * Path of the image as the kernel noted it when the process was made,
 * "\Device\HarddiskVolume1\...", which the process cannot change. It is in
 * paged pool. NULL where it is not there or not in the image. (transfer full)
 */
char *nt_process_audit_path(const struct addr_space *kernel,
			    const struct nt_profile *profile,
			    const struct nt_process *process);

/* "0x61 (ProtectedLight, WinTcb)" for a _PS_PROTECTION. (transfer full) */
char *nt_protection_text(uint8_t protection);

/* SessionId, read through the process's own space (the session space is
 * mapped there, not in System's); sets it and NTP_SESSION where it can. */
void nt_process_read_session(const struct addr_space *own,
			     const struct nt_profile *profile, VirtAddr va,
			     struct nt_process *process);

#endif
