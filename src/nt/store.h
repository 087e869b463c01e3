/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The compressed store of Windows 10 1607 and later: pages that were taken
 * from processes and are kept, compressed, in the memory of the process
 * MemCompression. To whom they belong they are in a page file that does not
 * exist, the virtual one. docs/formats.md has the structures and where they
 * are known from.
 */
#ifndef NT_STORE_H
#define NT_STORE_H

#include "nt/kernel.h"

typedef struct NtStore NtStore;

/*
 * Finds SmGlobals (by symbol, else in the kernel's data) and what hangs from
 * it; NULL where there is none. The log says why, once; it may be NULL.
 * virtual_number: number of the virtual page file by Windows' own table, -1:
 * not known; then a number is only taken for it where keys say so. k is
 * borrowed and must outlive the result; its address space is copied as it is
 * now. (transfer full)
 */
NtStore *nt_store_find(const NtKernel *k, int virtual_number, Log *log);
void nt_store_free(NtStore *store);

/* Are pages of that page file in the store? Where the number is not known:
 * those that the keys of the store have. */
bool nt_store_is_virtual(const NtStore *store, unsigned number);

enum nt_store_status {
	NT_STORE_OK,
	NT_STORE_NO_KEY,     /* the store has no such page */
	NT_STORE_DAMAGED,    /* what is in memory makes no sense */
	NT_STORE_UNREADABLE, /* memory, or a library, is missing */
};

/* How a page was found, as far as it got; 0, NULL where it did not. */
struct nt_store_page {
	uint32_t key;
	unsigned store;	     /* index of the store */
	uint32_t region_key; /* of the record */
	VirtAddr record;     /* address of the page record */
	uint32_t size;	     /* bytes as stored; 4096 where not compressed */
	bool raw;	     /* not compressed */
	bool zero;	     /* nothing stored: zeros */
	VirtAddr data;	     /* in the process that owns the store */
	const char *algorithm; /* static: "XPRESS", "LZ4" */
};

/*
 * The 4096 bytes of a page of a page file. Thread safe; the work is bounded.
 * ret is written where the answer is NT_STORE_OK only. A call that comes from
 * within another one of the same thread (a page of MemCompression that would
 * itself be in the store) is NT_STORE_UNREADABLE. info may be NULL.
 */
enum nt_store_status nt_store_read(const NtStore *store, unsigned number,
				   uint32_t page, uint8_t ret[4096],
				   struct nt_store_page *info)
	G_GNUC_WARN_UNUSED_RESULT;

/* What was found, for people. layout, how: static. */
struct nt_store_facts {
	VirtAddr globals;   /* SmGlobals */
	VirtAddr manager;   /* what has the trees; the same before 11 22H2 */
	const char *how;    /* "symbol", "derived" */
	const char *layout; /* "10 2004 to 11 21H2" */
	unsigned n_stores;  /* that can be used */
	VirtAddr owner;	    /* EPROCESS of the first one's owner */
};
void nt_store_facts(const NtStore *store, struct nt_store_facts *ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtStore, nt_store_free)

#endif
