/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small direct-mapped cache of pages by virtual address. */
#include "config.h"

#include "base/bytes.h"
#include "nt/pages.h"

/* 1 MiB in all. */
enum { SLOTS = 256 };

/* Reading a page takes as long as some leaves of a walk do. */
#define COST_OF_READ 8u

struct slot {
	uint64_t page;	/* address + 1; 0: empty */
	bool readable;
	uint8_t bytes[PAGE_SIZE_4K];
};

struct NtPages {
	struct addr_space as;
	unsigned cost;
	struct slot slots[SLOTS];
};

NtPages *nt_pages_new(const struct addr_space *as)
{
	NtPages *pages = g_new0(NtPages, 1);

	pages->as = *as;
	return pages;
}

void nt_pages_free(NtPages *pages)
{
	g_free(pages);
}

static const struct slot *get(NtPages *pages, uint64_t page)
{
	struct slot *slot = &pages->slots[(page >> PAGE_SHIFT_4K) % SLOTS];

	if (slot->page != page + 1) {
		pages->cost += COST_OF_READ;
		slot->page = page + 1;
		slot->readable = vtop_read(&pages->as, VIRT(page), slot->bytes,
					   PAGE_SIZE_4K);
	}
	return slot;
}

bool nt_pages_read(NtPages *pages, VirtAddr va, void *buf, size_t len_bytes)
{
	uint64_t last;

	if (!len_bytes)
		return true;
	if (!add_u64(va.v, len_bytes - 1, &last))
		return false;
	for (uint8_t *p = buf; va.v <= last && len_bytes;) {
		const struct slot *slot = get(pages, page_floor(va.v));
		size_t off = (size_t)(va.v & PAGE_MASK_4K);
		size_t n = MIN(len_bytes, (size_t)PAGE_SIZE_4K - off);

		/* A page of which a part is in the image. */
		if (!slot->readable) {
			pages->cost += COST_OF_READ;
			return vtop_read(&pages->as, va, p, len_bytes);
		}
		memcpy(p, slot->bytes + off, n);
		p += n;
		va.v += n;
		len_bytes -= n;
	}
	return true;
}

unsigned nt_pages_cost(const NtPages *pages)
{
	return pages->cost;
}
