/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Candidates for the DTB. */
#include "config.h"

#include "base/bytes.h"
#include "nt/dtbscan.h"

enum {
	ENTRIES = 512,
	KERNEL_FIRST = 256, /* index of the first entry of the kernel half */
	SCAN_CHUNK = 1 << 20,
};
#define ENTRY_PA UINT64_C(0x000ffffffffff000)

bool nt_dtb_low_stub(const PhysMem *pm, PhysAddr *dtb, uint64_t *kernel_hint)
{
	uint8_t page[PAGE_SIZE_4K];

	for (uint64_t pa = PAGE_SIZE_4K; pa < MIB; pa += PAGE_SIZE_4K) {
		uint64_t cr3, entry;

		if (physmem_read(pm, PHYS(pa), page, sizeof page) != PHYS_OK)
			continue;
		/* jmp at the start, then flags that are 1 and 6. */
		if ((load_le64(page) & UINT64_C(0xffffffffffff00ff)) !=
		    UINT64_C(0x00000001000600e9))
			continue;
		entry = load_le64(page + 0x70);
		cr3 = load_le64(page + 0xa0);
		if ((entry & UINT64_C(0xfffff80000000003)) !=
			    UINT64_C(0xfffff80000000000) ||
		    cr3 & UINT64_C(0xffffff0000000fff) || !cr3)
			continue;
		*dtb = PHYS(cr3);
		*kernel_hint = entry;
		return true;
	}
	return false;
}

/* A present entry that points to a table (bit 7 is reserved at this level). */
static bool points_to_table(uint64_t entry, uint64_t phys_end)
{
	return (entry & 0x81) == 1 && (entry & ENTRY_PA) < phys_end;
}

bool nt_dtb_is_pml4(const uint8_t page[4096], PhysAddr pa, uint64_t phys_end)
{
	unsigned n_self = 0, n_tables = 0;

	for (unsigned i = KERNEL_FIRST; i < ENTRIES; i++) {
		uint64_t entry = load_le64(page + 8 * i);

		if (!(entry & 1))
			continue;
		if (!points_to_table(entry, phys_end))
			continue;
		n_tables++;
		n_self += (entry & ENTRY_PA) == pa.v;
	}
	/* The self-map, and at least one more table for the kernel. */
	return n_self == 1 && n_tables >= 2;
}

unsigned nt_dtb_kernel_entries(const PhysMem *pm, PhysAddr dtb)
{
	uint8_t page[PAGE_SIZE_4K];
	unsigned n = 0;

	if (physmem_read(pm, dtb, page, sizeof page) != PHYS_OK)
		return 0;
	for (unsigned i = KERNEL_FIRST; i < ENTRIES; i++)
		n += page[8 * i] & 1u;
	return n;
}

/* Is there a self-reference at all? The loop that sees every page of the
 * image: nothing else in it. */
static bool has_self_entry(const uint8_t *page, uint64_t pa)
{
	uint64_t found = 0;

	for (unsigned i = KERNEL_FIRST; i < ENTRIES; i++) {
		uint64_t entry = load_le64(page + 8 * i);

		found |= (((entry & ENTRY_PA) ^ pa) == 0) & (entry & 1);
	}
	return found;
}

/* Reads up to a chunk at pa, in whole pages; how many bytes were read. */
static size_t read_chunk(const PhysMem *pm, uint64_t pa, uint8_t *buf)
{
	struct phys_slice s = physmem_slice(pm, PHYS(pa), SCAN_CHUNK);
	size_t len = s.present ? (size_t)page_floor(s.len) : 0;

	if (!len || physmem_read(pm, PHYS(pa), buf, len) != PHYS_OK)
		return 0;
	return len;
}

void nt_dtb_scan(const PhysMem *pm, nt_dtb_fn fn, void *ctx)
{
	g_autofree uint8_t *buf = g_malloc(SCAN_CHUNK);
	uint64_t end = physmem_end(pm);
	uint64_t pa = physmem_next_data(pm, 0);

	while (pa < end) {
		size_t len;

		pa = page_floor(pa);
		len = read_chunk(pm, pa, buf);
		for (size_t off = 0; off < len; off += PAGE_SIZE_4K) {
			PhysAddr table = PHYS(pa + off);

			if (has_self_entry(buf + off, table.v) &&
			    nt_dtb_is_pml4(buf + off, table, end) &&
			    !fn(ctx, table))
				return;
		}
		pa = physmem_next_data(pm, pa + MAX(len, PAGE_SIZE_4K));
	}
}
