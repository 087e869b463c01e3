/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the readers of kernel structures need to know of one kernel: plain
 * data, filled once from a layout. No reader asks for a version.
 */
#ifndef NT_PROFILE_H
#define NT_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "nt/layouts.h"

/* A member that this kernel does not have. */
#define NT_ABSENT UINT32_MAX

/* Offsets in bytes from the start of the structure, NT_ABSENT where the
 * member does not exist. */
struct nt_eprocess_layout {
	uint32_t type;		/* Pcb.Header.Type, u8, 3 for a process */
	uint32_t dtb;		/* Pcb.DirectoryTableBase */
	uint32_t user_dtb;	/* Pcb.UserDirectoryTableBase */
	uint32_t pid;
	uint32_t links;		/* ActiveProcessLinks */
	uint32_t ppid;
	uint32_t name;		/* ImageFileName, 15 or 16 bytes */
	uint32_t create_time;
	uint32_t exit_time;
	uint32_t peb;
	uint32_t wow64;
	uint32_t session;
	uint32_t active_threads;
	uint32_t object_table;
	uint32_t vad_root;
	uint32_t exit_status;
	uint32_t flags;
};

/* Bits of a PTE that is not valid; len 0 where the form has no such field. */
struct nt_pte_layout {
	struct nt_field transition_pfn;
	struct nt_field protection;	/* of transition and software PTEs */
	struct nt_field pagefile_low;
	struct nt_field pagefile_high;
	struct nt_field swizzle;
};

/* _MMVAD_SHORT and the tree it is in. */
struct nt_vad_layout {
	bool known;
	bool root_is_node; /* VadRoot is a sentinel node, else a pointer */
	uint32_t left, right;
	uint32_t start_vpn, end_vpn;
	uint32_t start_vpn_high, end_vpn_high; /* u8, or NT_ABSENT */
	unsigned vpn_bytes;
	uint32_t flags;
	unsigned flags_bytes;
	uint32_t bytes; /* of a node, up to the last member that is read */
	struct nt_field protection, type, private_memory;
};

struct nt_profile {
	const struct nt_layout *layout;
	const struct nt_kernel *kernel;	/* with symbol addresses, or NULL */
	bool guessed;	/* a member came from the fallback of the layout */
	unsigned pointer_bytes;
	struct nt_eprocess_layout eprocess;
	struct nt_pte_layout pte;
	struct nt_vad_layout vad;
	uint32_t session_id;	   /* in _MM_SESSION_SPACE */
	uint32_t invalid_pte_mask; /* from MiState, or NT_ABSENT */
};

/* The value of a bit-field in the integer that holds it, 0 where this kernel
 * has no such field. */
uint64_t nt_field_get(struct nt_field field, uint64_t value);

/* False where the layout lacks what no process can be read without (pid,
 * links, name, DTB). kernel may be NULL. */
bool nt_profile_fill(const struct nt_layout *layout,
		     const struct nt_kernel *kernel, struct nt_profile *ret);

#endif
