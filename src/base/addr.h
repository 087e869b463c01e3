/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Physical and virtual addresses as types that cannot be mixed up. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
	uint64_t v; /* bytes from the start of guest physical memory */
} PhysAddr;

/* Canonical: on 64-bit forms the bits above the top address bit copy it. */
typedef struct {
	uint64_t v;
} VirtAddr;

#define PHYS(x) ((PhysAddr){ (x) })
#define VIRT(x) ((VirtAddr){ (x) })

#define PRIADDR "0x%016" PRIx64

/* Sign-extends from va_bits (32 bits and below: zero-extends). */
static inline VirtAddr virt_canonical(uint64_t v, unsigned va_bits)
{
	uint64_t mask;

	if (va_bits >= 64)
		return VIRT(v);
	mask = (UINT64_C(1) << va_bits) - 1;
	v &= mask;
	if (va_bits > 32 && v >> (va_bits - 1))
		v |= ~mask;
	return VIRT(v);
}

static inline bool virt_is_canonical(uint64_t v, unsigned va_bits)
{
	return virt_canonical(v, va_bits).v == v;
}

#endif
