/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handle tables: _HANDLE_TABLE and the pages of entries it leads to. Source of
 * the structure: type information of the kernels (profile.h); what the levels
 * and the entries mean: docs/formats.md, "Handle tables".
 */
#ifndef NT_HANDLE_H
#define NT_HANDLE_H

#include "nt/profile.h"
#include "vtop/vtop.h"

/* Windows makes no table of more entries; handle values are four times as
 * many. */
#define NT_HANDLES_MAX (UINT32_C(1) << 24)

/* An entry that is in use. */
struct nt_handle {
	uint64_t value;	/* a multiple of 4; in PspCidTable a pid or tid */
	uint64_t object; /* address that the entry holds: of the object's
			  * header, in PspCidTable of the object itself */
	uint32_t access; /* granted rights; nothing in PspCidTable */
};

/* Who is told; lost may be NULL. */
struct nt_handle_sink {
	void (*entry)(void *ctx, const struct nt_handle *handle);
	/* The entries for [first, first + 4 * n) cannot be read. */
	void (*lost)(void *ctx, uint64_t first, uint64_t n);
	void *ctx;
};

enum nt_handles_status {
	NT_HANDLES_OK,
	NT_HANDLES_UNKNOWN,	/* the profile does not know the structure */
	NT_HANDLES_UNREADABLE,	/* the table or its first page */
	NT_HANDLES_BAD,		/* a level beyond 2, or no kernel address */
};

struct nt_handles {
	enum nt_handles_status status;
	unsigned level;
	uint64_t n_used;
	bool has_count;	/* HandleCount exists (before 8) */
	uint32_t count;	/* what the table claims to have in use */
	uint32_t n_pages;	/* of entries, read */
	uint32_t n_lost;	/* of entries or pointers, not readable or
				 * behind pointers that make no sense */
	bool exhausted;	/* the budget ended the walk */
};

/*
 * Calls sink->entry for each entry in use of the _HANDLE_TABLE at va, in
 * ascending order of handle values. *budget: pages of entries that may still
 * be read; it is counted down, so that several tables can share one. A page
 * that a table leads to twice is read once.
 */
struct nt_handles nt_handles_walk(const struct addr_space *kernel,
				  const struct nt_profile *profile,
				  VirtAddr va, uint32_t *budget,
				  const struct nt_handle_sink *sink);

/* As many pages of entries as one table can have. */
uint32_t nt_handles_budget(const struct nt_profile *profile);

/* What the first word of an entry points at, 0 where the entry is free. */
uint64_t nt_handle_decode(const struct nt_handle_layout *layout,
			  unsigned pointer_bytes, uint64_t word);

/*
 * Finds out how entries are encoded and where TableCode is, for kernels whose
 * types are not known: by the first of the known ways in which the entry of
 * handle 4 of the table at va leads to `want` (the address of System's
 * EPROCESS for PspCidTable). Sets table_code, entry_bytes, pointer,
 * pointer_shift and access of *layout; false, and *layout untouched, where
 * none does.
 */
bool nt_handle_learn(const struct addr_space *kernel, unsigned pointer_bytes,
		     VirtAddr va, uint64_t want,
		     struct nt_handle_layout *layout);

#endif
