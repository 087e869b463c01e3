/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XPRESS by libfwnt, LZ4 by liblz4. */
#include "config.h"

#ifdef HAVE_FWNT
#include <libfwnt.h>
#endif
#ifdef HAVE_LZ4
#include <lz4.h>
#endif

#include "base/bytes.h"
#include "nt/unpack_page.h"

const char *nt_codec_name(enum nt_codec codec)
{
	return codec == NT_CODEC_LZ4 ? "LZ4" : "XPRESS";
}

const char *nt_codec_library(enum nt_codec codec)
{
	return codec == NT_CODEC_LZ4 ? "liblz4" : "libfwnt";
}

const char *nt_codec_library_version(enum nt_codec codec)
{
	switch (codec) {
	case NT_CODEC_XPRESS:
#ifdef HAVE_FWNT
		return "libfwnt " LIBFWNT_VERSION_STRING;
#else
		return NULL;
#endif
	case NT_CODEC_LZ4:
#ifdef HAVE_LZ4
		return "liblz4 " LZ4_VERSION_STRING;
#else
		return NULL;
#endif
	}
	return NULL;
}

bool nt_codec_usable(enum nt_codec codec)
{
	return nt_codec_library_version(codec) != NULL;
}

#ifdef HAVE_FWNT
/*
 * libfwnt (20181227) reads up to three bytes beyond a stream that ends within
 * an item. They are there, and what they are is tried twice: a stream whose
 * page depends on them is not a whole one.
 */
enum { SLACK = 16 };

static bool xpress_with(uint8_t slack, const uint8_t *in, size_t len,
			uint8_t out[PAGE_SIZE_4K])
{
	uint8_t copy[PAGE_SIZE_4K + SLACK];
	size_t size = PAGE_SIZE_4K;

	memcpy(copy, in, len);
	memset(copy + len, slack, SLACK);
	memset(out, 0, PAGE_SIZE_4K);
	return libfwnt_lzxpress_decompress(copy, len, out, &size, NULL) == 1 &&
	       size == PAGE_SIZE_4K;
}

static bool unpack_xpress(const uint8_t *in, size_t len,
			  uint8_t out[PAGE_SIZE_4K])
{
	uint8_t again[PAGE_SIZE_4K];

	return xpress_with(0, in, len, again) &&
	       xpress_with(0xff, in, len, out) &&
	       !memcmp(again, out, PAGE_SIZE_4K);
}
#else
static bool unpack_xpress(const uint8_t *in, size_t len,
			  uint8_t out[PAGE_SIZE_4K])
{
	(void)in;
	(void)len;
	(void)out;
	return false;
}
#endif

#ifdef HAVE_LZ4
static bool unpack_lz4(const uint8_t *in, size_t len,
		       uint8_t out[PAGE_SIZE_4K])
{
	return LZ4_decompress_safe((const char *)in, (char *)out, (int)len,
				   (int)PAGE_SIZE_4K) == (int)PAGE_SIZE_4K;
}
#else
static bool unpack_lz4(const uint8_t *in, size_t len,
		       uint8_t out[PAGE_SIZE_4K])
{
	(void)in;
	(void)len;
	(void)out;
	return false;
}
#endif

bool nt_unpack_page(enum nt_codec codec, const uint8_t *in, size_t len_bytes,
		    uint8_t out[PAGE_SIZE_4K])
{
	if (!len_bytes || len_bytes > PAGE_SIZE_4K)
		return false;
	switch (codec) {
	case NT_CODEC_XPRESS:
		return unpack_xpress(in, len_bytes, out);
	case NT_CODEC_LZ4:
		return unpack_lz4(in, len_bytes, out);
	}
	return false;
}
