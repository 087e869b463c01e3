/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snappy's framing format: chunks {u8 type, u24 length of what follows}, those
 * with data with a checksum in front. Source: google/snappy,
 * framing_format.txt.
 */
#ifndef IMAGE_SNAPPY_FRAMES_H
#define IMAGE_SNAPPY_FRAMES_H

#include "image/io.h"

/* The format allows 64 KiB of data in a frame; what is more than this is
 * damaged. */
#define SNAPPY_FRAME_MAX (UINT32_C(256) * 1024)
/* Bytes that a frame with so much data takes, at most. */
#define SNAPPY_FRAME_BYTES_MAX (SNAPPY_FRAME_MAX + SNAPPY_FRAME_MAX / 6 + 64)

struct snappy_frame {
	uint64_t off;	  /* of the frame in the file */
	uint64_t next;	  /* of what follows it */
	uint32_t data_len; /* once unpacked; 0: holds no data */
	bool compressed;
	bool checked;	  /* has a checksum */
};

enum snappy_status {
	SNAPPY_STATUS_FRAME,
	SNAPPY_STATUS_END,   /* the end of the range: exactly, or in a frame */
	SNAPPY_STATUS_DAMAGED, /* no frame at all */
};

/* Reads frames of [pos, end) one after the other: headers only. */
struct snappy_walk {
	const ImageIo *io;
	uint64_t pos;
	uint64_t end;
	uint64_t window_off; /* bytes of the file at hand */
	uint32_t window_len;
	uint32_t n_empty; /* frames without data in a row */
	uint8_t window[512];
};

void snappy_walk_init(struct snappy_walk *walk, const ImageIo *io,
		      uint64_t pos, uint64_t end);
/* The frame at pos, which goes on to the next. At the end, or where there is
 * no frame, pos stays. */
enum snappy_status snappy_walk_next(struct snappy_walk *walk,
				    struct snappy_frame *frame);

/*
 * Unpacks and checks a frame whose frame->next - frame->off bytes are at
 * bytes, into data[frame->data_len]. False: it is damaged, or this version was
 * built without libsnappy.
 */
bool snappy_frame_unpack(const struct snappy_frame *frame,
			 const uint8_t *bytes, uint8_t *data);

#endif
