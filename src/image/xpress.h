/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two forms of Microsoft's XPRESS that hibernation files are made of:
 * plain LZ77 and LZ77 with Huffman codes. Source: [MS-XCA], sections 2.1 to
 * 2.4 (docs/formats.md, "hibernation", says why libfwnt is not used here).
 */
#ifndef IMAGE_XPRESS_H
#define IMAGE_XPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Both unpack a stream of in_len bytes into exactly out_len bytes, and say
 * false where it is damaged: it gives fewer or more, leads before the start,
 * ends within an item, or does not end with the last byte but for what pads it
 * (*in_used, if not NULL: how many bytes the stream took). What is in out is
 * then not defined. No byte beyond in_len is read, none beyond out_len written.
 */
bool xpress_unpack_plain(const uint8_t *in, size_t in_len, uint8_t *out,
			 size_t out_len, size_t *in_used);
bool xpress_unpack_huffman(const uint8_t *in, size_t in_len, uint8_t *out,
			   size_t out_len, size_t *in_used);

#endif
