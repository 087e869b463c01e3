/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bounds-checked little-endian cursor over bytes that nobody vouches for.
 *
 * A read past the end yields 0 and makes the cursor bad for good; callers
 * read a whole structure and ask reader_ok() once. Nothing is ever cast over
 * the buffer.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include "base/bytes.h"

struct reader {
	const uint8_t *data; /* borrowed */
	size_t len_bytes;
	size_t pos;
	bool bad;
};

void reader_init(struct reader *r, const void *data, size_t len_bytes);
static inline bool reader_ok(const struct reader *r)
{
	return !r->bad;
}
void reader_seek(struct reader *r, uint64_t pos);
void reader_skip(struct reader *r, uint64_t n_bytes);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* A word of 4 or 8 bytes, as 32-bit and 64-bit forms of a header have it. */
uint64_t reader_word(struct reader *r, bool is64);
/* Borrowed pointer to the next n bytes, or NULL (and the cursor is bad). */
const uint8_t *reader_bytes(struct reader *r, uint64_t n_bytes);

#endif
