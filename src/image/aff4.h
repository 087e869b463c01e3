/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AFF4 volumes: streams and maps in a zip archive, told of in Turtle.
 * Sources: AFF4 Standard 1.0a (aff4/Standard), and what c-aff4 (winpmem),
 * its older forms (Rekall) and Evimetry's differ in, as c-aff4 reads them.
 */
#ifndef IMAGE_AFF4_H
#define IMAGE_AFF4_H

#include "image/affturtle.h"
#include "image/affzip.h"
#include "image/image.h"

/* Streams that are opened, of one volume. */
#define AFF4_STREAMS_MAX 256u
/* Maps within maps. */
#define AFF4_DEPTH_MAX 8u
/* Entries of all maps together. */
#define AFF4_ENTRIES_MAX (UINT32_C(1) << 20)
/* As large as the physical address space. */
#define AFF4_SIZE_MAX PHYS_ADDR_END

struct aff4 {
	Image *image;		/* what is opened must outlive this only */
	AffZip *zip;		/* in image->more */
	AffTurtle *turtle;
	GHashTable *opened;	/* URN -> const ImageIo *; NULL: being opened,
				 * or it could not be */
	bool guess;		/* without Turtle: by what the members are */
	uint32_t entries_left;
	unsigned depth;
	Log *log;
	GString *problem;	/* first thing that prevents reading, or "" */
};

/* The stream or map of a URN, or a member of the archive, as bytes; NULL: it
 * cannot be read, and `problem` or the log says why. Belongs to image->more;
 * each is opened once. */
const ImageIo *aff4_open_stream(struct aff4 *a, const char *urn);

/* An aff4:ImageStream: chunks in bevies. (transfer full) */
ImageIo *aff4_image_stream_new(struct aff4 *a, const char *urn);

/* Reads a map: what it maps to is added to runs, which lead into the data that
 * are returned (transfer full). NULL: there is no map, or it leads nowhere. */
ImageIo *aff4_map_load(struct aff4 *a, const char *urn, ImageRuns *runs);
/* A map as bytes. (transfer full) */
ImageIo *aff4_map_new(struct aff4 *a, const char *urn);

/* Codecs of chunks. */
/* What chunks are decoded by, behind other libraries. */
#ifdef HAVE_LZ4
#define AFF4_LZ4_LIBRARY ", liblz4 " LZ4_VERSION_STRING
#else
#define AFF4_LZ4_LIBRARY ""
#endif
#ifdef HAVE_SNAPPY
#define AFF4_SNAPPY_LIBRARY ", libsnappy"
#else
#define AFF4_SNAPPY_LIBRARY ""
#endif
#ifdef HAVE_ZLIB
#define AFF4_ZLIB_LIBRARY ", zlib " ZLIB_VERSION
#else
#define AFF4_ZLIB_LIBRARY ""
#endif
#define AFF4_CODEC_LIBRARIES                                                  \
	AFF4_ZLIB_LIBRARY AFF4_SNAPPY_LIBRARY AFF4_LZ4_LIBRARY

enum aff4_codec {
	AFF4_STORED,
	AFF4_DEFLATE,	/* zlib, or without its header */
	AFF4_SNAPPY,
	AFF4_LZ4,
	AFF4_UNKNOWN,
};

/* By the URI of a method (NULL: none is given). */
enum aff4_codec aff4_codec_find(const char *uri);
/* The library it needs ("libsnappy"), or NULL: this build can do it. */
const char *aff4_codec_missing(enum aff4_codec codec);
/* The one by which data become exactly a chunk; AFF4_UNKNOWN: none does. */
enum aff4_codec aff4_codec_guess(const uint8_t *data, uint32_t len,
				 uint32_t chunk);
/* Decodes a chunk of at most max bytes: how many came out, 0: damaged. */
uint32_t aff4_codec_decode(enum aff4_codec codec, const uint8_t *data,
			   uint32_t len, uint8_t *buf, uint32_t max);

#endif
