/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EWF sets (.E01, .E02, ...): where the chunks of the media are.
 *
 * Our own index of the sections comes first, always. It is what a damaged or
 * cut set is read by; and what is found whole by it may be read by libewf.
 * Of a chunk nothing is kept: its place is looked up in the tables of the
 * files. Source: libyal's description of the format, EWF 1 (EnCase 1 to 7).
 */
#ifndef IMAGE_EWF_H
#define IMAGE_EWF_H

#include "image/image.h"

/* EnCase and libewf allow 32768 sectors of 512 bytes. */
#define EWF_CHUNK_MAX (UINT32_C(16) << 20)

/* A stretch of chunks of which a table says where they are. */
struct ewf_table {
	uint64_t first;		/* number of its first chunk */
	uint64_t entries_off;	/* in the segment, of n words of 32 bits */
	uint64_t base;		/* added to each */
	uint64_t data_end;	/* end of its last chunk */
	uint32_t n;
	uint32_t segment;
	uint64_t *found;	/* n offsets where there is no table, or NULL */
	bool gap_before;	/* an unknown number of chunks is missing */
};

/* What may be decoded while opening to find chunks without a table: two
 * `sectors` sections of EnCase 6. */
#define EWF_FIND_BYTES (UINT64_C(4) << 30)

/* In an offset of `found`: the chunk is compressed. */
#define EWF_COMPRESSED (UINT64_C(1) << 63)

typedef struct EwfSet EwfSet;
struct EwfSet {
	const ImageIo *first;	/* segment 1; borrowed */
	GPtrArray *segments;	/* ImageIo *: 2, 3...; NULL: not there */
	GPtrArray *paths;	/* char *, of 1, 2... */
	GArray *tables;		/* struct ewf_table, by first chunk */
	uint8_t guid[16];	/* of the set */
	bool has_guid;
	uint32_t chunk_bytes;
	uint64_t n_chunks;	/* as the volume section says, 0: unknown */
	uint64_t media_bytes;	/* the same */
	uint64_t size;		/* what can be shown */
	uint64_t find_budget;	/* bytes that may be decoded while opening */
	bool whole;		/* nothing is wrong, nothing unknown */
	bool ended;		/* the last segment has its `done` */
	bool logical;		/* L01: files, no media */
};

/* Indexes the set whose first segment is io (read as path, by which the
 * others are found). False with one line: no chunk can be reached. What is
 * wrong goes to the log. */
bool ewf_set_open(EwfSet *set, const ImageIo *io, const char *path, Log *log,
		  GError **error);
void ewf_set_clear(EwfSet *set);

/* The file of a segment (from 0), NULL where it is not there. */
const ImageIo *ewf_set_segment(const EwfSet *set, uint32_t segment);
/* What the tools take for a chunk where they are not told; says so. */
uint32_t ewf_assume_chunk(Log *log);
/* The name of segment `number` (from 1) beside path, which is that of the
 * first: .E01 to .E99, .EAA to .EZZ, .FAA... NULL where the name does not end
 * so, or there are no more. (transfer full) */
char *ewf_segment_path(const char *path, uint32_t number);

/* Which file of a set io is (from 1); 0: none of EWF 1. A file starts with 8
 * bytes of magic, 01, number u16, 0 u16. */
uint32_t ewf_segment_number(const ImageIo *io);

/* Reads chunk `number` of `len` bytes into buf; false: it is not there or
 * its checksum is wrong. Thread safe. */
bool ewf_set_read(const EwfSet *set, uint64_t number, uint8_t *buf,
		  uint32_t len);

/* ewf_index.c: indexes one segment (from 0) from its first section on.
 * next_chunk: its first chunk; raised by what was found. gap: chunks were
 * lost before it; set where some are lost at its end. */
struct ewf_walk {
	EwfSet *set;
	Log *log;
	const ImageIo *io;
	uint32_t segment;
	uint64_t next_chunk;
	bool gap;
	bool end;	/* `next` or `done` was reached */
	bool foreign;	/* is of another set */
	unsigned n_doubts; /* of what was logged */
};
void ewf_index_segment(struct ewf_walk *w);

/* ewf_chunk.c: the place of n chunks of a `sectors` section without a table,
 * found by decoding one after the other, as far as find_budget goes; (transfer
 * full), NULL: none. */
uint64_t *ewf_find_chunks(EwfSet *set, const ImageIo *io, uint64_t start,
			  uint64_t end, uint32_t *n);
/* A text of at most EWF_TEXT_MAX bytes, with a NUL; (transfer full). NULL: it
 * is longer, or damaged. */
#define EWF_TEXT_MAX 65536u
char *ewf_inflate_text(const uint8_t *data, uint32_t len);
/* Adler-32 as zlib has it, continued from sum (1 at the start). */
uint32_t ewf_adler32(uint32_t sum, const uint8_t *data, size_t len_bytes);

/* ewf_lib.c: sets that are whole, read by libewf. */
typedef struct EwfLib EwfLib;
/* NULL where it cannot open them. paths are copied. */
EwfLib *ewf_lib_open(const GPtrArray *paths, uint64_t media_bytes,
		     uint32_t chunk_bytes);
void ewf_lib_free(EwfLib *lib);
/* As ewf_set_read(). Thread safe: as many at a time as there are
 * processors. */
bool ewf_lib_read(EwfLib *lib, uint64_t off, uint8_t *buf, uint32_t len);
/* "libewf 20140813", or NULL: this build is without. */
const char *ewf_lib_version(void);

#endif
