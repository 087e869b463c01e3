/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a segment of a LiME image, which AVML images have as well, and
 * the search for one behind a place that is damaged.
 *
 * Sources: LiME (504ensicsLabs/LiME, doc/README.md, "LiME Memory Range
 * Header Version 1 Specification"); AVML (microsoft/avml, src/image.rs).
 */
#ifndef IMAGE_LIME_H
#define IMAGE_LIME_H

#include "base/bytes.h"
#include "image/io.h"

#define LIME_HEADER_BYTES 32u
#define LIME_MAGIC UINT32_C(0x4c694d45) /* "EMiL" in the file */
#define AVML_MAGIC UINT32_C(0x4c4d5641) /* "AVML" */

struct lime_header {
	uint32_t magic;
	uint32_t version;  /* 1: bytes as they are; 2 (AVML): compressed */
	uint64_t start;	   /* physical address of the first byte */
	uint64_t end;	   /* of the last one */
	uint64_t reserved; /* 0 */
};

/* The 32 bytes at off, whatever they are; false: they are not in the file. */
bool lime_header_read(const ImageIo *io, uint64_t off, struct lime_header *h);
/* Are magic and version those of a header, and is the range one of more than
 * a byte? */
bool lime_header_valid(const struct lime_header *h, uint32_t magic);
/* Both of them. */
bool lime_header_at(const ImageIo *io, uint64_t off, uint32_t magic);

/* How much of a file is searched for headers, for the whole of an opening. */
#define LIME_SEARCH_BYTES (256 * MIB)

/* Where headers were lost. */
struct lime_search {
	const ImageIo *io;
	uint32_t magic;
	uint64_t budget; /* bytes that may still be searched */
	uint64_t min_start; /* of memory: where the segment before begins */
};

/*
 * The first valid header in [from, to), at any byte; false where there is
 * none, or none within the budget. Bytes of a guest's memory can look like
 * one: its reserved word must be 0, its start above min_start.
 */
bool lime_search_next(struct lime_search *search, uint64_t from, uint64_t to,
		      uint64_t *off);

#endif
