/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One page of a kdump-compressed dump, as each library unpacks it. */
#include "config.h"

#ifdef HAVE_LZO
#include <lzo/lzo1x.h>
#endif
#ifdef HAVE_SNAPPY
#include <snappy-c.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/bytes.h"
#include "image/kdump.h"

#ifdef HAVE_LZO
#define LZO "liblzo2 " LZO_VERSION_STRING
#else
#define LZO ""
#endif
#ifdef HAVE_SNAPPY
#define SNAPPY "libsnappy" /* it does not say its version */
#else
#define SNAPPY ""
#endif
#ifdef HAVE_ZLIB
#define ZLIB "zlib " ZLIB_VERSION
#else
#define ZLIB ""
#endif
#ifdef HAVE_ZSTD
#define ZSTD "libzstd " ZSTD_VERSION_STRING
#else
#define ZSTD ""
#endif

typedef bool (*unpack_fn)(const uint8_t *packed, size_t len_bytes,
			  uint8_t *page);

#ifdef HAVE_ZLIB
static bool unpack_zlib(const uint8_t *packed, size_t len_bytes, uint8_t *page)
{
	uLongf n = PAGE_SIZE_4K;

	return uncompress(page, &n, packed, len_bytes) == Z_OK &&
	       n == PAGE_SIZE_4K;
}
#else
#define unpack_zlib NULL
#endif

#ifdef HAVE_LZO
static bool unpack_lzo(const uint8_t *packed, size_t len_bytes, uint8_t *page)
{
	lzo_uint n = PAGE_SIZE_4K;

	return lzo1x_decompress_safe(packed, len_bytes, page, &n, NULL) ==
		       LZO_E_OK && n == PAGE_SIZE_4K;
}
#else
#define unpack_lzo NULL
#endif

#ifdef HAVE_SNAPPY
static bool unpack_snappy(const uint8_t *packed, size_t len_bytes,
			  uint8_t *page)
{
	size_t n = PAGE_SIZE_4K;

	return snappy_uncompress((const char *)packed, len_bytes, (char *)page,
				 &n) == SNAPPY_OK && n == PAGE_SIZE_4K;
}
#else
#define unpack_snappy NULL
#endif

#ifdef HAVE_ZSTD
static bool unpack_zstd(const uint8_t *packed, size_t len_bytes, uint8_t *page)
{
	return ZSTD_decompress(page, PAGE_SIZE_4K, packed, len_bytes) ==
	       PAGE_SIZE_4K;
}
#else
#define unpack_zstd NULL
#endif

static unpack_fn find_unpack(unsigned flag)
{
	switch (flag) {
	case KDUMP_ZLIB:
		return unpack_zlib;
	case KDUMP_LZO:
		return unpack_lzo;
	case KDUMP_SNAPPY:
		return unpack_snappy;
	case KDUMP_ZSTD:
		return unpack_zstd;
	default:
		return NULL;
	}
}

bool kdump_can_unpack(unsigned flag)
{
	return find_unpack(flag) != NULL;
}

const char *kdump_library(unsigned flag)
{
	switch (flag) {
	case KDUMP_ZLIB:
		return ZLIB;
	case KDUMP_LZO:
		return LZO;
	case KDUMP_SNAPPY:
		return SNAPPY;
	case KDUMP_ZSTD:
		return ZSTD;
	default:
		return "";
	}
}

const char *kdump_libraries(void)
{
	static const char all[] = LZO ", " SNAPPY ", " ZLIB ", " ZSTD;

	return strpbrk(all, "lsz") ? all : NULL;
}

bool kdump_unpack(unsigned flags, const uint8_t *packed, size_t len_bytes,
		  uint8_t *page)
{
	unpack_fn unpack = find_unpack(flags & KDUMP_PACKED);

	if (unpack)
		return unpack(packed, len_bytes, page);
	if (flags & KDUMP_PACKED || len_bytes != PAGE_SIZE_4K)
		return false;
	memcpy(page, packed, PAGE_SIZE_4K);
	return true;
}
