/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * makedumpfile's flattened format, in which QEMU writes its kdump-compressed
 * dumps (dump-guest-memory -z, -l, -s): a file taken to pieces, so that it can
 * go through a pipe. Source: makedumpfile, IMPLEMENTATION and makedumpfile.h.
 *
 * A header of 4096 bytes; then records: where in the file (i64), how many
 * bytes (i64), the bytes. All numbers big-endian. -1, -1 is the end. Later
 * records replace what earlier ones wrote; what none wrote is zeros.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "image/formats.h"
#include "image/overlay.h"

enum {
	FLAT_HEADER = 4096,
	FLAT_RECORD = 16,
	FLAT_PIECE_MAX = 1 << 30,
};

/* No dump is longer: a file within that is mostly hole has few pieces then. */
#define FLAT_END (UINT64_C(1) << 44)

struct flat {
	const ImageIo *io;
	Overlay *pieces; /* units are bytes */
	uint64_t off;	 /* of the next record, while it is being opened */
	uint64_t n_records;
	const char *problem; /* why there are no more records, or NULL */
};

static uint64_t load_be64(const uint8_t *p)
{
	return GUINT64_SWAP_LE_BE(load_le64(p));
}

static enum image_probe flat_probe(const ImageIo *io)
{
	uint8_t head[32];

	if (!image_io_read(io, 0, head, sizeof head) ||
	    memcmp(head, "makedumpfile\0\0\0", 16))
		return IMAGE_NOT_MINE;
	return load_be64(head + 16) == 1 && load_be64(head + 24) == 1 ?
		       IMAGE_MINE : IMAGE_DAMAGED;
}

static bool add_record(struct flat *flat, uint64_t start, uint64_t len)
{
	for (uint64_t done = 0; done < len;) {
		struct overlay_piece piece = {
			.start = start + done,
			.off = flat->off + done,
			.n = (uint32_t)MIN(len - done, FLAT_PIECE_MAX),
			.stride = 1,
		};

		if (!overlay_add(flat->pieces, &piece)) {
			flat->problem = "there are too many small ones";
			return false;
		}
		done += piece.n;
	}
	return true;
}

/* Takes the record at flat->off; false at the end of all. */
static bool take_record(struct flat *flat)
{
	uint64_t size = image_io_size(flat->io);
	uint64_t start, len, there;
	uint8_t head[FLAT_RECORD];

	if (!image_io_read(flat->io, flat->off, head, sizeof head)) {
		flat->problem = "the file was cut short";
		return false;
	}
	start = load_be64(head);
	len = load_be64(head + 8);
	if (start == UINT64_MAX && len == UINT64_MAX)
		return false;
	/* An empty one, too: the zeros of a hole would be records without
	 * end. */
	if (!len || start > FLAT_END || len > FLAT_END - start) {
		flat->problem = "one of them makes no sense";
		return false;
	}
	flat->off += FLAT_RECORD;
	there = MIN(len, size - flat->off);
	if (!add_record(flat, start, there))
		return false;
	flat->n_records++;
	flat->off += there;
	if (there == len)
		return true;
	flat->problem = "the file was cut short";
	return false;
}

static int64_t flat_read(void *ctx, uint64_t off, void *buf, size_t len_bytes)
{
	const struct flat *flat = ctx;
	size_t i = overlay_find(flat->pieces, off);
	const struct overlay_piece *piece;
	uint64_t n = len_bytes;

	piece = i < overlay_count(flat->pieces) ?
			overlay_get(flat->pieces, i) : NULL;
	if (piece && piece->start <= off) {
		n = MIN(n, piece->n - (off - piece->start));
		if (!image_io_read(flat->io, piece->off + (off - piece->start),
				   buf, (size_t)n))
			return -1;
	} else {
		n = piece ? MIN(n, piece->start - off) : n;
		memset(buf, 0, (size_t)n);
	}
	return (int64_t)n;
}

static uint64_t flat_next_data(void *ctx, uint64_t off)
{
	const struct flat *flat = ctx;
	size_t i = overlay_find(flat->pieces, off);

	if (i == overlay_count(flat->pieces))
		return overlay_end(flat->pieces);
	return MAX(off, overlay_get(flat->pieces, i)->start);
}

static void flat_free(void *ctx)
{
	struct flat *flat = ctx;

	overlay_free(flat->pieces);
	g_free(flat);
}

static const struct image_io_ops flat_io_ops = {
	.read = flat_read,
	.next_data = flat_next_data,
	.free = flat_free,
};

static ImageIo *flat_unwrap(Image *image, Log *log, GError **error)
{
	struct flat *flat = g_new0(struct flat, 1);
	uint64_t size = image_io_size(image->io);

	flat->io = image->io;
	flat->pieces = overlay_new(overlay_limit(size));
	flat->off = FLAT_HEADER;
	while (take_record(flat))
		;
	overlay_finish(flat->pieces);
	if (flat->problem)
		log_add(log, LOG_WARN, "flattened",
			"no record was taken after the first %" PRIu64
			" (at %" PRIu64 " of %" PRIu64 " bytes): %s",
			flat->n_records, MIN(flat->off, size), size,
			flat->problem);
	if (overlay_end(flat->pieces))
		return image_io_custom(&flat_io_ops, flat,
				       overlay_end(flat->pieces),
				       image_io_mtime(image->io));
	flat_free(flat);
	g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "holds no record that could be read");
	return NULL;
}

const struct ImageOps image_flattened_ops = {
	.name = "flattened",
	.description = "makedumpfile flattened format",
	.probe = flat_probe,
	.unwrap = flat_unwrap,
};
