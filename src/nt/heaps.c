/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the list of heaps. */
#include "config.h"

#include "base/bytes.h"
#include "nt/heaps.h"
#include "nt/member.h"

/*
 * Members of _PEB; they have not moved from XP to 11 (symbol tables).
 * ProcessHeap and ProcessHeaps are pointers, NumberOfHeaps is a ULONG.
 */
struct heap_members {
	uint32_t heap, n_heaps, heaps;
};

static const struct heap_members peb_64 = { 0x30, 0xe8, 0xf0 };
static const struct heap_members peb_32 = { 0x18, 0x88, 0x90 };

/* A heap begins a reservation. */
static void add_heap(GArray *heaps, uint64_t va)
{
	if (va && va % PAGE_SIZE_4K == 0)
		g_array_append_val(heaps, va);
}

GArray *nt_heaps_read(const struct addr_space *own, VirtAddr peb,
		      unsigned pointer_bytes)
{
	const struct heap_members *m = pointer_bytes == 8 ? &peb_64 : &peb_32;
	struct nt_object o = { own, pointer_bytes, peb };
	GArray *heaps = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	uint64_t va, list;
	uint32_t n;

	if (!peb.v)
		return heaps;
	if (nt_member_pointer(&o, m->heap, &va))
		add_heap(heaps, va);
	if (!nt_member_u32(&o, m->n_heaps, &n) ||
	    !nt_member_pointer(&o, m->heaps, &list) || !list)
		return heaps;
	for (uint32_t i = 0; i < MIN(n, NT_HEAPS_MAX); i++) {
		uint64_t at = list + (uint64_t)i * pointer_bytes;

		if (!nt_pointer_at(own, pointer_bytes, VIRT(at), &va))
			break;
		add_heap(heaps, va);
	}
	return heaps;
}
