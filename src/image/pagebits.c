/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bitmaps with ranks. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "image/pagebits.h"

static uint32_t set_ranks(struct pagebits *bits)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < PAGEBITS_WORDS; i++) {
		bits->before[i] = (uint16_t)n;
		n += (uint32_t)__builtin_popcountll(bits->words[i]);
	}
	return n;
}

uint32_t pagebits_load(struct pagebits *bits, const uint8_t *bytes,
		       uint32_t n_bits)
{
	for (uint32_t i = 0; i < PAGEBITS_WORDS; i++) {
		uint32_t first = i * 64;

		bits->words[i] = first < n_bits ? load_le64(bytes + first / 8) :
						  0;
		if (first < n_bits && n_bits - first < 64)
			bits->words[i] &= (UINT64_C(1) << (n_bits - first)) - 1;
	}
	return set_ranks(bits);
}

void pagebits_keep(struct pagebits *bits, uint32_t n)
{
	for (uint32_t i = 0; i < PAGEBITS_WORDS; i++) {
		uint64_t kept = 0, word = bits->words[i];

		for (; word && n; n--, word &= word - 1)
			kept |= word & -word;
		bits->words[i] = kept;
	}
	set_ranks(bits);
}

uint32_t pagebits_next(const struct pagebits *bits, uint32_t from, bool set)
{
	const uint64_t flip = set ? 0 : UINT64_MAX;
	uint64_t word;

	if (from >= PAGEBITS_BITS)
		return PAGEBITS_BITS;
	word = (bits->words[from / 64] ^ flip) & (UINT64_MAX << from % 64);
	from /= 64;
	while (!word) {
		if (++from == PAGEBITS_WORDS)
			return PAGEBITS_BITS;
		word = bits->words[from] ^ flip;
	}
	return from * 64 + (uint32_t)__builtin_ctzll(word);
}

uint32_t pagebits_rank(const struct pagebits *bits, uint32_t n)
{
	const uint32_t last = PAGEBITS_WORDS - 1;
	uint64_t below;

	if (n >= PAGEBITS_BITS)
		return bits->before[last] +
		       (uint32_t)__builtin_popcountll(bits->words[last]);
	below = bits->words[n / 64] & ~(UINT64_MAX << n % 64);
	return bits->before[n / 64] + (uint32_t)__builtin_popcountll(below);
}

/* Bits below n of the word i. */
static uint64_t mask_below(uint32_t i, uint32_t n)
{
	if (n <= i * 64)
		return 0;
	return n - i * 64 >= 64 ? UINT64_MAX :
				  ~(UINT64_MAX << (n - i * 64));
}

uint32_t pagebits_starts(const struct pagebits *bits, uint32_t from,
			 uint32_t end)
{
	uint32_t n = 0;
	uint64_t carry = 0;

	for (uint32_t i = 0; i < PAGEBITS_WORDS; i++) {
		uint64_t word = bits->words[i] & mask_below(i, end) &
				~mask_below(i, from);

		n += (uint32_t)__builtin_popcountll(word &
						    ~(word << 1 | carry));
		carry = word >> 63;
	}
	return n;
}
