/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A cursor over a stream in a file, big-endian, through a buffer. A read past
 * the end yields 0 and makes the cursor bad for good. */
#ifndef IMAGE_QEVM_READER_H
#define IMAGE_QEVM_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "image/io.h"

struct qevm_reader {
	const ImageIo *io;
	uint8_t *buf;
	uint64_t buf_off; /* in the file, of the first byte of buf */
	size_t buf_len;
	size_t pos;	  /* in buf; up to buf_len */
	bool bad;
};

void qevm_reader_init(struct qevm_reader *r, const ImageIo *io, uint64_t off);
void qevm_reader_clear(struct qevm_reader *r);
/* Offset of the next byte, in the file. */
uint64_t qevm_tell(const struct qevm_reader *r);
void qevm_seek(struct qevm_reader *r, uint64_t off);
void qevm_skip(struct qevm_reader *r, uint64_t n_bytes);
void qevm_bytes(struct qevm_reader *r, void *to, size_t n_bytes);
uint8_t qevm_u8(struct qevm_reader *r);
uint16_t qevm_u16(struct qevm_reader *r);
uint32_t qevm_u32(struct qevm_reader *r);
uint64_t qevm_u64(struct qevm_reader *r);
/* The next byte without taking it, or -1 at the end. */
int qevm_peek(struct qevm_reader *r);
/* A length (one byte) and as many bytes; to has 256, with a zero behind. */
void qevm_string(struct qevm_reader *r, char *to);
/* Looks for the footer of section id (0x7e, id), and stops in front of it;
 * false (and bad) where there is none. */
bool qevm_skip_section(struct qevm_reader *r, uint32_t id);

static inline uint32_t qevm_be32(const uint8_t *p)
{
	return GUINT32_SWAP_LE_BE(load_le32(p));
}

static inline uint64_t qevm_be64(const uint8_t *p)
{
	return GUINT64_SWAP_LE_BE(load_le64(p));
}

#endif
