/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reading a debugger block and searching for one share. */
#ifndef NT_KDBG_PRIV_H
#define NT_KDBG_PRIV_H

#include "nt/kdbg.h"

/* "KDBG", little-endian. */
#define KDBG_TAG UINT64_C(0x4742444b)

enum {
	KDBG_TAG_AT = 0x10,
	KDBG_SIZE_AT = 0x14,
	KDBG_BASE_AT = 0x18,
	KDBG_HEAD_BYTES = 0x20,
	/* Windows 2000 has 0x208, 10 17763 0x380. */
	KDBG_SIZE_MIN = 0x100,
	KDBG_SIZE_MAX = 0x1000,
	/* Encoded ones came with 8 (0x360). */
	KDBG_ENCODED_MIN = 0x340,
	KDBG_ENCODED_MAX = 0x400,
	/* More than the last member that is read. */
	KDBG_BYTES = 0x400,
};

/* A word of the block that is an address: false where it is no kernel's. */
bool nt_kdbg_address(const struct addr_space *as, unsigned pointer_bytes,
		     uint64_t word, uint64_t *ret);
/* Bytes of a plain block; ret->va is left 0. */
bool nt_kdbg_parse(const struct addr_space *as, unsigned pointer_bytes,
		   const uint8_t *bytes, size_t len_bytes,
		   struct nt_kdbg *ret);
/* As many bytes as are there from va on, KDBG_BYTES at the most. */
size_t nt_kdbg_bytes(const struct addr_space *as, VirtAddr va,
		     uint8_t buf[KDBG_BYTES]);

/* What the encoded words of tag and size and of KernBase differ in. */
uint64_t nt_kdbg_difference(VirtAddr base, uint32_t size, unsigned rotation);
/* The other way round: the base of a kernel that has the block less than reach
 * bytes above; false where the difference tells none. */
bool nt_kdbg_base_of(uint64_t difference, unsigned rotation, VirtAddr block,
		     uint64_t reach, VirtAddr *ret);
/* Decodes with a rotation (below 64) that is known. */
bool nt_kdbg_decode_rotated(const struct addr_space *as, VirtAddr va,
			    VirtAddr base, unsigned rotation,
			    struct nt_kdbg *ret);

#endif
