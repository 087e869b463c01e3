/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Virtual memory without page tables: which bytes of a file are which virtual
 * addresses, as a list that the file itself has (a triage dump's). What there
 * is has no frames, and its rights are not known.
 *
 * Addresses are whole ones of 64 bits (canonical; 32-bit ones
 * zero-extended); ranges may begin and end at any byte.
 */
#ifndef VTOP_DIRECT_H
#define VTOP_DIRECT_H

#include "base/addr.h"
#include "image/io.h"

struct direct_run {
	uint64_t va;
	uint64_t len;	/* bytes, > 0; va + len - 1 does not wrap */
	uint64_t off;	/* in the file */
};

/* What was not as it should be in the ranges that were added. */
struct direct_damage {
	uint64_t n_beyond_file; /* cut or dropped: the file is too short */
	uint64_t n_bad_address; /* dropped: no addresses of such a machine, or
				 * cut where they end */
	uint64_t n_empty;
	uint64_t n_overlaps;	/* parts that another range had already */
};

typedef struct DirectMap DirectMap;

/* io is borrowed. va_bits: of the machine's addresses. */
DirectMap *direct_map_new(const ImageIo *io, unsigned va_bits);
void direct_map_free(DirectMap *map);

/* A range as the file claims it: cut where the file, the half of the address
 * space or the numbers end. Any order; memory grows with the number of calls,
 * which the caller bounds. */
void direct_map_add(DirectMap *map, uint64_t va, uint64_t len, uint64_t off);
/* Sorts and cuts overlaps: the range that starts lower wins, of two that start
 * alike the longer. After further adding, again. */
void direct_map_finish(DirectMap *map);

/* Once finished; thread safe: */
size_t direct_map_count(const DirectMap *map);
const struct direct_run *direct_map_get(const DirectMap *map, size_t index);
uint64_t direct_map_bytes(const DirectMap *map);
const struct direct_damage *direct_map_damage(const DirectMap *map);
/* Index of the first range that ends above va; the count: none. */
size_t direct_map_find(const DirectMap *map, uint64_t va);
/* len_bytes of the file at off, which is a place within a range. */
bool direct_map_read_file(const DirectMap *map, uint64_t off, void *buf,
			  size_t len_bytes) G_GNUC_WARN_UNUSED_RESULT;
/* The same as a pointer into the mapping of the file, for system calls only;
 * NULL where it is not mapped. */
const uint8_t *direct_map_at_file(const DirectMap *map, uint64_t off);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DirectMap, direct_map_free)

#endif
