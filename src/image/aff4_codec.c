/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How chunks of AFF4 streams are compressed. */
#include "config.h"

#include <string.h>

#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_SNAPPY
#include <snappy-c.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "image/aff4.h"

enum aff4_codec aff4_codec_find(const char *uri)
{
	/* Parts of the URIs of the standard, c-aff4 and Evimetry. */
	static const struct {
		const char *part;
		enum aff4_codec codec;
	} codecs[] = {
		{ "snappy", AFF4_SNAPPY },     { "lz4", AFF4_LZ4 },
		{ "rfc1950", AFF4_DEFLATE },   { "rfc1951", AFF4_DEFLATE },
		{ "ullCompressor", AFF4_STORED },
	};

	/* c-aff4 took what says nothing for zlib, the standard says stored:
	 * chunks of full length are. */
	if (!uri)
		return AFF4_DEFLATE;
	for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++)
		if (strstr(uri, codecs[i].part))
			return codecs[i].codec;
	return AFF4_UNKNOWN;
}

static uint32_t copy_stored(const uint8_t *data, uint32_t len, uint8_t *buf,
			    uint32_t max)
{
	if (len > max)
		return 0;
	memcpy(buf, data, len);
	return len;
}

#ifdef HAVE_ZLIB
/* window: 15 with a header, -15 without. */
static uint32_t inflate_as(const uint8_t *data, uint32_t len, uint8_t *buf,
			   uint32_t max, int window)
{
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)data,
		.avail_in = len,
		.next_out = buf,
		.avail_out = max,
	};
	int status;

	if (inflateInit2(&z, window) != Z_OK)
		return 0;
	status = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return status == Z_STREAM_END ? max - z.avail_out : 0;
}

static uint32_t decode_deflate(const uint8_t *data, uint32_t len,
			       uint8_t *buf, uint32_t max)
{
	uint32_t n = inflate_as(data, len, buf, max, 15);

	return n ? n : inflate_as(data, len, buf, max, -15);
}
#else
#define decode_deflate NULL
#endif

#ifdef HAVE_SNAPPY
static uint32_t decode_snappy(const uint8_t *data, uint32_t len, uint8_t *buf,
			      uint32_t max)
{
	size_t n = max;

	return snappy_uncompress((const char *)data, len, (char *)buf, &n) ==
			       SNAPPY_OK ?
		       (uint32_t)n :
		       0;
}
#else
#define decode_snappy NULL
#endif

#ifdef HAVE_LZ4
static uint32_t decode_lz4(const uint8_t *data, uint32_t len, uint8_t *buf,
			   uint32_t max)
{
	int n = LZ4_decompress_safe((const char *)data, (char *)buf, (int)len,
				    (int)max);

	return n > 0 ? (uint32_t)n : 0;
}
#else
#define decode_lz4 NULL
#endif

/* What each takes; decode is NULL where this build is without the library. */
static const struct {
	const char *made_by; /* library */
	uint32_t (*decode)(const uint8_t *data, uint32_t len, uint8_t *buf,
			   uint32_t max);
} decoders[] = {
	[AFF4_STORED] = { NULL, copy_stored },
	[AFF4_DEFLATE] = { "zlib", decode_deflate },
	[AFF4_SNAPPY] = { "libsnappy", decode_snappy },
	[AFF4_LZ4] = { "liblz4", decode_lz4 },
	[AFF4_UNKNOWN] = { NULL, NULL },
};

const char *aff4_codec_missing(enum aff4_codec codec)
{
	return decoders[codec].decode ? NULL : decoders[codec].made_by;
}

uint32_t aff4_codec_decode(enum aff4_codec codec, const uint8_t *data,
			   uint32_t len, uint8_t *buf, uint32_t max)
{
	if (!decoders[codec].decode)
		return 0;
	return decoders[codec].decode(data, len, buf, max);
}

enum aff4_codec aff4_codec_guess(const uint8_t *data, uint32_t len,
				 uint32_t chunk)
{
	static const enum aff4_codec codecs[] = { AFF4_DEFLATE, AFF4_SNAPPY,
						  AFF4_LZ4 };
	g_autofree uint8_t *buf = g_malloc(chunk);

	for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++)
		if (aff4_codec_decode(codecs[i], data, len, buf, chunk) ==
		    chunk)
			return codecs[i];
	return AFF4_UNKNOWN;
}
