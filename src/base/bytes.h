/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Little-endian loads, page arithmetic and range checks. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

#define PAGE_SHIFT_4K 12u
#define PAGE_SIZE_4K UINT64_C(4096)
#define PAGE_MASK_4K (PAGE_SIZE_4K - 1)
#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1024) * KIB)
#define GIB (UINT64_C(1024) * MIB)

/* Unaligned loads; p must have the bytes. */
static inline uint16_t load_le16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return GUINT16_FROM_LE(v);
}

static inline uint32_t load_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return GUINT32_FROM_LE(v);
}

static inline uint64_t load_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return GUINT64_FROM_LE(v);
}

/* Does [off, off + len) lie within [0, size)? Cannot overflow. */
static inline bool range_fits(uint64_t off, uint64_t len, uint64_t size)
{
	return len <= size && off <= size - len;
}

/* Sums of untrusted operands: false on overflow, ret is then untouched. */
static inline bool add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	uint64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*ret = sum;
	return true;
}

static inline bool mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	uint64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*ret = product;
	return true;
}

static inline uint64_t page_floor(uint64_t v)
{
	return v & ~PAGE_MASK_4K;
}

/* Rounds up to a page, UINT64_MAX - 4095 at the most (never wraps). */
static inline uint64_t page_ceil(uint64_t v)
{
	if (v > UINT64_MAX - PAGE_MASK_4K)
		return ~PAGE_MASK_4K;
	return page_floor(v + PAGE_MASK_4K);
}

/* Bits [pos, pos + len) of v; len 1 to 64, pos < 64. */
static inline uint64_t bits_get(uint64_t v, unsigned pos, unsigned len)
{
	v >>= pos;
	return len >= 64 ? v : v & ((UINT64_C(1) << len) - 1);
}

#endif
