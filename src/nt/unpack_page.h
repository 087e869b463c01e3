/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Single compressed pages, unpacked. */
#ifndef NT_UNPACK_PAGE_H
#define NT_UNPACK_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nt_codec {
	NT_CODEC_XPRESS, /* plain LZ77, MS-XCA 2.3 and 2.4 */
	NT_CODEC_LZ4,	 /* a raw block */
};

/* "XPRESS", "LZ4"; the library that it takes: "libfwnt", "liblz4". Static. */
const char *nt_codec_name(enum nt_codec codec);
const char *nt_codec_library(enum nt_codec codec);
/* The same with its version ("liblz4 1.9.4"); NULL: this build is without. */
const char *nt_codec_library_version(enum nt_codec codec);
/* Was this built with that library? */
bool nt_codec_usable(enum nt_codec codec);

/*
 * Unpacks len_bytes (1 to 4096) to exactly 4096 bytes. False where the bytes
 * are no such stream, end too early, or the library is missing; out then holds
 * nothing of use. Reads nothing outside the input.
 */
bool nt_unpack_page(enum nt_codec codec, const uint8_t *in, size_t len_bytes,
		    uint8_t out[4096]);

#endif
