/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A cursor over a stream in a file. */
#include "config.h"

#include "image/qevm_reader.h"

#define BUF_BYTES (256u * 1024)

void qevm_reader_init(struct qevm_reader *r, const ImageIo *io, uint64_t off)
{
	*r = (struct qevm_reader){ .io = io, .buf_off = off };
	r->buf = g_malloc(BUF_BYTES);
}

void qevm_reader_clear(struct qevm_reader *r)
{
	g_free(r->buf);
	r->buf = NULL;
}

uint64_t qevm_tell(const struct qevm_reader *r)
{
	return r->buf_off + r->pos;
}

/* Has the next byte in the buffer; false at the end. */
static bool fill(struct qevm_reader *r)
{
	uint64_t size = image_io_size(r->io), off = qevm_tell(r);
	size_t n;

	if (r->bad)
		return false;
	if (r->pos < r->buf_len)
		return true;
	n = off < size ? (size_t)MIN(size - off, BUF_BYTES) : 0;
	r->bad = !n || !image_io_read(r->io, off, r->buf, n);
	if (r->bad)
		return false;
	r->buf_off = off;
	r->buf_len = n;
	r->pos = 0;
	return true;
}

void qevm_seek(struct qevm_reader *r, uint64_t off)
{
	if (off >= r->buf_off && off - r->buf_off <= r->buf_len) {
		r->pos = (size_t)(off - r->buf_off);
		return;
	}
	r->buf_off = off;
	r->buf_len = 0;
	r->pos = 0;
	if (off > image_io_size(r->io))
		r->bad = true;
}

void qevm_skip(struct qevm_reader *r, uint64_t n_bytes)
{
	uint64_t to;

	if (add_u64(qevm_tell(r), n_bytes, &to))
		qevm_seek(r, to);
	else
		r->bad = true;
}

void qevm_bytes(struct qevm_reader *r, void *to, size_t n_bytes)
{
	uint8_t *p = to;

	while (n_bytes) {
		size_t n;

		if (!fill(r)) {
			memset(p, 0, n_bytes);
			return;
		}
		n = MIN(n_bytes, r->buf_len - r->pos);
		memcpy(p, r->buf + r->pos, n);
		r->pos += n;
		p += n;
		n_bytes -= n;
	}
}

uint8_t qevm_u8(struct qevm_reader *r)
{
	uint8_t byte;

	qevm_bytes(r, &byte, 1);
	return byte;
}

uint16_t qevm_u16(struct qevm_reader *r)
{
	uint8_t bytes[2];

	qevm_bytes(r, bytes, sizeof bytes);
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t qevm_u32(struct qevm_reader *r)
{
	uint8_t bytes[4];

	qevm_bytes(r, bytes, sizeof bytes);
	return qevm_be32(bytes);
}

uint64_t qevm_u64(struct qevm_reader *r)
{
	uint8_t bytes[8];

	qevm_bytes(r, bytes, sizeof bytes);
	return qevm_be64(bytes);
}

int qevm_peek(struct qevm_reader *r)
{
	return fill(r) ? r->buf[r->pos] : -1;
}

void qevm_string(struct qevm_reader *r, char *to)
{
	size_t n = qevm_u8(r);

	qevm_bytes(r, to, n);
	to[n] = '\0';
}

bool qevm_skip_section(struct qevm_reader *r, uint32_t id)
{
	uint64_t want = UINT64_C(0x7e) << 32 | id, last = 0;
	int byte;

	while ((byte = qevm_peek(r)) >= 0) {
		last = (last << 8 | (unsigned)byte) & UINT64_C(0xffffffffff);
		r->pos++;
		if (last == want) {
			qevm_seek(r, qevm_tell(r) - 5);
			return true;
		}
	}
	return false;
}
