/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of 2^15 pages are there, and how many before each: 1.25 bits a page.
 * What image/runs.h makes of bitmaps. */
#ifndef IMAGE_PAGEBITS_H
#define IMAGE_PAGEBITS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PAGEBITS_WORDS = 512,
	PAGEBITS_BITS = PAGEBITS_WORDS * 64,
	PAGEBITS_BYTES = PAGEBITS_BITS / 8,
};

struct pagebits {
	uint64_t words[PAGEBITS_WORDS];
	uint16_t before[PAGEBITS_WORDS]; /* bits set in the words before */
};

/* From len_bytes bytes, lowest bit first, of which n_bits count; returns how
 * many of them are set. */
uint32_t pagebits_load(struct pagebits *bits, const uint8_t *bytes,
		       uint32_t n_bits);
/* Clears all from the n-th set bit on (n from 0). */
void pagebits_keep(struct pagebits *bits, uint32_t n);
/* First bit >= from that is set (or, with set false, is not); PAGEBITS_BITS
 * where there is none. */
uint32_t pagebits_next(const struct pagebits *bits, uint32_t from, bool set);
/* How many are set below bit n (n up to PAGEBITS_BITS). */
uint32_t pagebits_rank(const struct pagebits *bits, uint32_t n);
/* How many stretches of set bits begin in [from, end). */
uint32_t pagebits_starts(const struct pagebits *bits, uint32_t from,
			 uint32_t end);

static inline bool pagebits_is_set(const struct pagebits *bits, uint32_t n)
{
	return bits->words[n / 64] >> n % 64 & 1;
}

#endif
