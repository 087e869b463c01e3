/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bounds-checked little-endian cursor. */
#include "config.h"

#include "base/reader.h"

void reader_init(struct reader *r, const void *data, size_t len_bytes)
{
	*r = (struct reader){ .data = data, .len_bytes = len_bytes };
}

void reader_seek(struct reader *r, uint64_t pos)
{
	if (pos > r->len_bytes)
		r->bad = true;
	else
		r->pos = (size_t)pos;
}

const uint8_t *reader_bytes(struct reader *r, uint64_t n_bytes)
{
	const uint8_t *p;

	if (r->bad || n_bytes > r->len_bytes - r->pos) {
		r->bad = true;
		return NULL;
	}
	p = r->data + r->pos;
	r->pos += (size_t)n_bytes;
	return p;
}

void reader_skip(struct reader *r, uint64_t n_bytes)
{
	(void)reader_bytes(r, n_bytes);
}

uint8_t reader_u8(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 1);

	return p ? *p : 0;
}

uint16_t reader_u16(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 2);

	return p ? load_le16(p) : 0;
}

uint32_t reader_u32(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 4);

	return p ? load_le32(p) : 0;
}

uint64_t reader_u64(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 8);

	return p ? load_le64(p) : 0;
}

uint64_t reader_word(struct reader *r, bool is64)
{
	return is64 ? reader_u64(r) : reader_u32(r);
}
