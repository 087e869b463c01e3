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
};

struct NtPages {
	struct addr_space as;
	unsigned cost;
	struct slot slots[SLOTS];
	uint8_t *bytes;	/* a page for each; of those in use only */
};

NtPages *nt_pages_new(const struct addr_space *as)
{
	NtPages *pages = g_new0(NtPages, 1);

	pages->as = *as;
	/* Not cleared: most that have such a cache read a few pages. */
	pages->bytes = g_malloc((size_t)SLOTS * PAGE_SIZE_4K);
	return pages;
}

void nt_pages_free(NtPages *pages)
{
	if (!pages)
		return;
	g_free(pages->bytes);
	g_free(pages);
}

/* The bytes of a page, NULL where they cannot be read. */
static const uint8_t *get(NtPages *pages, uint64_t page)
{
	size_t i = (page >> PAGE_SHIFT_4K) % SLOTS;
	struct slot *slot = &pages->slots[i];
	uint8_t *bytes = pages->bytes + i * PAGE_SIZE_4K;

	if (slot->page != page + 1) {
		pages->cost += COST_OF_READ;
		slot->page = page + 1;
		slot->readable = vtop_read(&pages->as, VIRT(page), bytes,
					   PAGE_SIZE_4K);
	}
	return slot->readable ? bytes : NULL;
}

bool nt_pages_read(NtPages *pages, VirtAddr va, void *buf, size_t len_bytes)
{
	uint64_t last;

	if (!len_bytes)
		return true;
	if (!add_u64(va.v, len_bytes - 1, &last))
		return false;
	for (uint8_t *p = buf; va.v <= last && len_bytes;) {
		const uint8_t *bytes = get(pages, page_floor(va.v));
		size_t off = (size_t)(va.v & PAGE_MASK_4K);
		size_t n = MIN(len_bytes, (size_t)PAGE_SIZE_4K - off);

		/* A page of which a part is in the image. */
		if (!bytes) {
			pages->cost += COST_OF_READ;
			return vtop_read(&pages->as, va, p, len_bytes);
		}
		memcpy(p, bytes + off, n);
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
