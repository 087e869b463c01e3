/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growable sparse physical memory of a made-up machine, with a page
 * allocator: what the page tables and the Windows of the tests are built in.
 *
 * Nothing here fails: a machine that is too small for what is asked of it is
 * a mistake of the test, and aborts.
 */
#ifndef MKPHYS_H
#define MKPHYS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MK_PAGE_SIZE UINT64_C(4096)
#define MK_LARGE_SIZE (UINT64_C(2) << 20)

/* Deterministic random numbers (splitmix64). */
struct mk_random {
	uint64_t state;
};

uint64_t mk_random_next(struct mk_random *random);
/* In [0, n); n must not be 0. */
uint64_t mk_random_below(struct mk_random *random, uint64_t n);
/* One step of mixing, for seeds made of several numbers. */
uint64_t mk_random_mix(uint64_t value);

/* Physical RAM [start, start + len); len need not be whole pages. */
struct mk_run {
	uint64_t start;
	uint64_t len;
};

/* Fills the MK_PAGE_SIZE bytes of a lazily made page. */
typedef void (*MkFillFunc)(void *user, uint32_t tag, uint64_t va,
			   uint8_t *page);

typedef struct MkPhys MkPhys;

/* (transfer full) */
MkPhys *mk_phys_new(uint64_t seed);
void mk_phys_free(MkPhys *phys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MkPhys, mk_phys_free)

/* Runs must be added in ascending order, before anything is allocated. */
void mk_phys_add_ram(MkPhys *phys, uint64_t start, uint64_t len);
const struct mk_run *mk_phys_runs(const MkPhys *phys, size_t *n);
/* First address behind the last run. */
uint64_t mk_phys_end(const MkPhys *phys);
/* Whether all of [pa, pa + len) is RAM. */
bool mk_phys_is_ram(const MkPhys *phys, uint64_t pa, uint64_t len);

/* Bytes written outside RAM are lost, reads from there give zeros. */
void mk_phys_write(MkPhys *phys, uint64_t pa, const void *buf, size_t len);
void mk_phys_read(const MkPhys *phys, uint64_t pa, void *buf, size_t len);
void mk_phys_write64(MkPhys *phys, uint64_t pa, uint64_t value);
uint64_t mk_phys_read64(const MkPhys *phys, uint64_t pa);
void mk_phys_write32(MkPhys *phys, uint64_t pa, uint32_t value);
uint32_t mk_phys_read32(const MkPhys *phys, uint64_t pa);
/* Back to never written. */
void mk_phys_zero(MkPhys *phys, uint64_t pa, uint64_t len);

/* Pages made only when they are read, by func(user, tag, va); tag != 0. */
void mk_phys_set_fill(MkPhys *phys, MkFillFunc func, void *user);
void mk_phys_fill(MkPhys *phys, uint64_t pa, uint32_t tag, uint64_t va);
/* Whether the page at pa was ever written or filled (else it is zeros). */
bool mk_phys_used(const MkPhys *phys, uint64_t pa);

/*
 * Allocation. A page comes from anywhere (never next to the one before but
 * by chance); a run is contiguous; large runs are aligned to 2 MiB. Pages
 * come zeroed. mk_phys_claim takes given addresses and must precede the
 * allocations that could take them; it aborts if they are taken.
 */
uint64_t mk_phys_page(MkPhys *phys);
uint64_t mk_phys_pages(MkPhys *phys, size_t n);
uint64_t mk_phys_large(MkPhys *phys, size_t n);
void mk_phys_claim(MkPhys *phys, uint64_t pa, uint64_t len);
/* Nothing below pa is allocated from now on. */
void mk_phys_avoid_below(MkPhys *phys, uint64_t pa);
/* Whole 2 MiB pieces that are still free. */
size_t mk_phys_large_left(const MkPhys *phys);

#endif
