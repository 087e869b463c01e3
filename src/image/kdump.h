/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pages of a kdump-compressed dump: descriptors, each with its page. */
#ifndef IMAGE_KDUMP_H
#define IMAGE_KDUMP_H

#include "image/image.h"

/* Bits of a page's flags, and of the status in the header: what packed it. */
enum {
	KDUMP_ZLIB = 0x1,
	KDUMP_LZO = 0x2,
	KDUMP_SNAPPY = 0x4,
	KDUMP_ZSTD = 0x20,
	KDUMP_PACKED = KDUMP_ZLIB | KDUMP_LZO | KDUMP_SNAPPY | KDUMP_ZSTD,
};

/* Bytes of a descriptor: u64 offset, u32 size, u32 flags, u64 page flags. */
#define KDUMP_DESC_BYTES 24u
/* The pages of n descriptors at desc_off of image->io, one behind the other.
 * Borrows image->io and the cache. */
ImageIo *kdump_pages_new(Image *image, uint64_t desc_off, uint64_t n);

/* Does this build unpack what is packed so (one bit)? */
bool kdump_can_unpack(unsigned flag);
/* The library that does: "zlib 1.2.13"; "" for what is not packed. Static. */
const char *kdump_library(unsigned flag);
/* All of them that this build has, or NULL: none. Static. */
const char *kdump_libraries(void);
/* One page of 4096 bytes out of len_bytes bytes packed by `flags` (0: stored).
 * False where they are no such thing. */
bool kdump_unpack(unsigned flags, const uint8_t *packed, size_t len_bytes,
		  uint8_t *page);

#endif
