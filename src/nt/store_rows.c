/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the members of the compressed store are. Sources: MemProcFS,
 * vmm/mm/mm_win.c (all); FireEye's win10_volatility and win10_rekall, memory
 * compression overlays (1607 to 1903; of x86 1607 they have elements of a
 * chunk array 8 bytes apart, MemProcFS 12: both are tried).
 */
#include "config.h"

#include "nt/store-priv.h"

enum { LAST = UINT16_MAX };

/* What all have in common. */
#define X64 .pointer_bytes = 8, .chunk_stride = 16, .meta_bytes = 0x28,       \
	    .meta_owner = 0x18, .key_tree = 0x1c0, .pages_tree = 0x50,        \
	    .chunks = 0x110, .size_mask = 0x378, .index_shift = 0x37c
#define X86 .pointer_bytes = 4, .meta_bytes = 0x14, .meta_owner = 0xc,        \
	    .key_has_number = true, .key_tree = 0xf4, .pages_tree = 0x38,     \
	    .chunks = 0xa4, .size_mask = 0x1fc, .index_shift = 0x200

const struct store_row store_rows[] = {
	{ "x64 10 1607", 14393, 15062, X64, .key_has_number = true,
	  .algorithm = 0x420, .regions = 0x17a8, .owner = 0x1918 },
	{ "x64 10 1703", 15063, 16298, X64, .key_has_number = true,
	  .algorithm = 0x420, .regions = 0x1828, .owner = 0x1988 },
	{ "x64 10 1709 to 1909", 16299, 19040, X64, .key_has_number = true,
	  .algorithm = 0x430, .regions = 0x1848, .owner = 0x19a8 },
	{ "x64 10 2004 to 11 21H2", 19041, 22600, X64, .key_has_number = true,
	  .algorithm = 0x430, .regions = 0x1848, .owner = 0x19b8 },
	{ "x64 11 22H2 and 23H2", 22601, 26099, X64, .key_has_number = true,
	  .link_at = 8, .link_to = 0x7a8, .algorithm = 0x430,
	  .regions = 0x1848, .owner = 0x19b8 },
	{ "x64 11 24H2 and later", 26100, LAST, X64, .key_has_number = false,
	  .link_at = 0x10, .link_to = 0xc30, .algorithm = 0,
	  .regions = 0x1b70, .owner = 0x1d08 },
	{ "x86 10 1607", 14393, 15062, X86, .chunk_stride = 8,
	  .algorithm = 0x258, .regions = 0x1124, .owner = 0x1204 },
	{ "x86 10 1607, wide chunks", 14393, 15062, X86, .chunk_stride = 12,
	  .algorithm = 0x258, .regions = 0x1124, .owner = 0x1204 },
	{ "x86 10 1703", 15063, 16298, X86, .chunk_stride = 12,
	  .algorithm = 0x258, .regions = 0x1174, .owner = 0x1244 },
	{ "x86 10 1709 to 1909", 16299, 19040, X86, .chunk_stride = 12,
	  .algorithm = 0x25c, .regions = 0x1184, .owner = 0x1254 },
	{ "x86 10 2004 and later", 19041, LAST, X86, .chunk_stride = 12,
	  .algorithm = 0x25c, .regions = 0x1184, .owner = 0x125c },
	{ 0 },
};
