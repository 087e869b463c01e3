/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where in an AVML file which of its unpacked bytes are: segments, and the
 * groups of frames in each, found when they are first wanted.
 */
#ifndef IMAGE_AVML_INDEX_H
#define IMAGE_AVML_INDEX_H

#include "image/blocks.h"

/* What one group unpacks to, about: a frame, or as many small ones. */
#define AVML_GROUP_BYTES (64 * KIB)

struct avml_segment {
	uint64_t pa;
	uint64_t len;	   /* bytes of memory */
	uint64_t start;	   /* of them in the unpacked whole */
	uint64_t file_off; /* of the first frame; 0: bytes of 0, not in the
			    * file */
	uint64_t file_end; /* frames lie before it */
	GArray *groups;	   /* NULL until they are wanted */
	uint64_t data_len; /* what its frames unpack to, up to len */
	bool exclusive;	   /* its header's end is one past the last byte */
};

typedef struct AvmlIndex AvmlIndex;

/* What lies beyond this in a file is not read. */
#define AVML_FILE_END (UINT64_C(1) << 44)

/* io is borrowed. The index belongs to the caller until avml_index_io(). */
AvmlIndex *avml_index_new(const ImageIo *io);
void avml_index_free(AvmlIndex *index);

/*
 * Goes over the frames of [segment->file_off, segment->file_end) until they
 * are segment->len bytes; sets groups and data_len. Returns the offset behind
 * the last of them. *damaged: it ended at something that is no frame (else at
 * the end of the range, or as it should).
 */
uint64_t avml_segment_scan(const ImageIo *io, struct avml_segment *segment,
			   bool *damaged);

/* Adds a segment behind the others in the unpacked whole; sets its start, and
 * takes its groups. */
void avml_index_add(AvmlIndex *index, struct avml_segment *segment);
/* Bytes of the unpacked whole. */
uint64_t avml_index_size(const AvmlIndex *index);
/*
 * Scans the segments that were not, up to `budget` bytes of memory. Returns
 * how many turned out to have less than they should, and the sum of what is
 * missing of them.
 */
uint64_t avml_index_scan(AvmlIndex *index, uint64_t budget,
			 uint64_t *missing_bytes);

/* The unpacked whole. Takes the index. */
ImageIo *avml_index_io(AvmlIndex *index, ImageCache *cache);

#endif
