/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `pagemap`: an entry of 8 bytes for each 4 KiB of an address space, in the
 * form of Linux (Documentation/admin-guide/mm/pagemap.rst). The entry of the
 * page at offset va of `vmem` is at va / 4096 * 8. It is made where it is
 * read; what has no entry is a hole of the file, in blocks of 4 KiB.
 */
#ifndef TREE_PAGEMAP_H
#define TREE_PAGEMAP_H

#include "vtop/map.h"

/* Bytes of the file, for an address space of vmem_size bytes. */
static inline uint64_t pagemap_size(uint64_t vmem_size)
{
	return vmem_size / 4096 * 8;
}

/* The entry of the page at va, which is in the run; 0: it has none. */
uint64_t pagemap_entry(const struct map_run *run, uint64_t va);

/* The first range of whole blocks that ends above off and in which an entry
 * is not 0; false where there is none that begins with an entry below
 * `before`. Ranges that touch are told one by one, and end where they end,
 * be it beyond `before` or the file. */
bool pagemap_next(const AddrMap *map, uint64_t off, uint64_t before,
		  uint64_t *start, uint64_t *end);
/* Bytes in all such blocks, in a file of that size. */
uint64_t pagemap_data_bytes(const AddrMap *map, uint64_t size);
/* Makes len_bytes from byte off of the file on. */
void pagemap_read(const AddrMap *map, uint64_t off, uint8_t *buf,
		  size_t len_bytes);

#endif
