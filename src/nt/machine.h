/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where Windows puts its kernel on machines of each paging form. */
#ifndef NT_MACHINE_H
#define NT_MACHINE_H

#include "nt/layouts.h"
#include "vtop/vtop.h"

struct nt_machine {
	const char *form;	/* name of the paging form */
	const char *name;	/* for people: "x64" */
	enum nt_arch arch;	/* of the layouts */
	bool la57;
	uint16_t pe_machine;	/* IMAGE_FILE_HEADER.Machine of the kernel */
	unsigned pointer_bytes;
	/* Range of kernel addresses (not sign-extended) in which the kernel's
	 * image is loaded. */
	uint64_t kernel_area, kernel_area_len;
	uint64_t kuser;		/* _KUSER_SHARED_DATA, kernel's address */
	unsigned dtb_offset;	/* of Pcb.DirectoryTableBase in an _EPROCESS:
				 * in all versions */
};

/* Of a form; that of x64 for one that is not known. */
const struct nt_machine *nt_machine_of(const struct paging_form *form);

/* Where the tables of an address space lie in it (a top-level entry leads to
 * its own table): the first offset, not sign-extended; *len: bytes, 0 where
 * there is no such entry. */
uint64_t nt_self_map(const struct addr_space *as, uint64_t *len);

/*
 * Reads each page that is mapped in the kernel half, in ascending order but
 * the self-map, until fn returns false. Pages that are not in the image are
 * left out; the work is bounded by the size of the image.
 */
typedef bool (*nt_page_fn)(void *ctx, VirtAddr va, const uint8_t *page);
void nt_scan_kernel(const struct addr_space *as, nt_page_fn fn, void *ctx);

/* The same for [start, start + len) of any address space; at most max_pages. */
void nt_scan_range(const struct addr_space *as, VirtAddr start, uint64_t len,
		   uint64_t max_pages, nt_page_fn fn, void *ctx);

#endif
