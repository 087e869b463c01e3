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

const char *aff4_codec_missing(enum aff4_codec codec)
{
	switch (codec) {
	case AFF4_DEFLATE:
#ifndef HAVE_ZLIB
		return "zlib";
#else
		return NULL;
#endif
	case AFF4_SNAPPY:
#ifndef HAVE_SNAPPY
		return "libsnappy";
#else
		return NULL;
#endif
	case AFF4_LZ4:
#ifndef HAVE_LZ4
		return "liblz4";
#else
		return NULL;
#endif
	case AFF4_STORED:
	case AFF4_UNKNOWN:
		break;
	}
	return NULL;
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
#endif

static uint32_t decode_deflate(const uint8_t *data, uint32_t len,
			       uint8_t *buf, uint32_t max)
{
#ifdef HAVE_ZLIB
	uint32_t n = inflate_as(data, len, buf, max, 15);

	return n ? n : inflate_as(data, len, buf, max, -15);
#else
	(void)data;
	(void)len;
	(void)buf;
	(void)max;
	return 0;
#endif
}

static uint32_t decode_snappy(const uint8_t *data, uint32_t len, uint8_t *buf,
			      uint32_t max)
{
#ifdef HAVE_SNAPPY
	size_t n = max;

	return snappy_uncompress((const char *)data, len, (char *)buf, &n) ==
			       SNAPPY_OK ?
		       (uint32_t)n :
		       0;
#else
	(void)data;
	(void)len;
	(void)buf;
	(void)max;
	return 0;
#endif
}

static uint32_t decode_lz4(const uint8_t *data, uint32_t len, uint8_t *buf,
			   uint32_t max)
{
#ifdef HAVE_LZ4
	int n = LZ4_decompress_safe((const char *)data, (char *)buf, (int)len,
				    (int)max);

	return n > 0 ? (uint32_t)n : 0;
#else
	(void)data;
	(void)len;
	(void)buf;
	(void)max;
	return 0;
#endif
}

uint32_t aff4_codec_decode(enum aff4_codec codec, const uint8_t *data,
			   uint32_t len, uint8_t *buf, uint32_t max)
{
	switch (codec) {
	case AFF4_STORED:
		if (len > max)
			return 0;
		memcpy(buf, data, len);
		return len;
	case AFF4_DEFLATE:
		return decode_deflate(data, len, buf, max);
	case AFF4_SNAPPY:
		return decode_snappy(data, len, buf, max);
	case AFF4_LZ4:
		return decode_lz4(data, len, buf, max);
	case AFF4_UNKNOWN:
		break;
	}
	return 0;
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
