/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gzip by zlib, xz by liblzma; a step at a time into a growing buffer. */
#include "config.h"

#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "base/bytes.h"
#include "nt/symfill.h"
#include "nt/unpack.h"

enum { STEP_BYTES = 65536 };
/* "xz -9" needs 65 MiB to unpack. */
#define XZ_MEMORY_MAX (128 * MIB)

struct unpack {
	const ImageIo *io;
	uint64_t off;	/* of the file, read so far */
	uint64_t max_bytes;
	GByteArray *out;
	uint8_t in[STEP_BYTES];
	uint8_t step[STEP_BYTES];
};

#if defined(HAVE_LZMA) || defined(HAVE_ZLIB)
/* The next bytes of the file; 0 at its end or where it cannot be read. */
static size_t refill(struct unpack *u)
{
	size_t n = (size_t)MIN(STEP_BYTES, image_io_size(u->io) - u->off);

	if (!n || !image_io_read(u->io, u->off, u->in, n))
		return 0;
	u->off += n;
	return n;
}

static bool put(struct unpack *u, size_t n, GError **error)
{
	if (n > u->max_bytes - u->out->len)
		return nt_symfill_fail(error,
				       "larger than %" G_GUINT64_FORMAT
				       " MiB when unpacked",
				       u->max_bytes / MIB);
	g_byte_array_append(u->out, u->step, (guint)n);
	return true;
}
#endif

#ifdef HAVE_LZMA
static bool xz_steps(struct unpack *u, lzma_stream *s, GError **error)
{
	lzma_ret ret = LZMA_OK;

	while (ret == LZMA_OK) {
		lzma_action action = LZMA_RUN;

		if (!s->avail_in) {
			s->next_in = u->in;
			s->avail_in = refill(u);
			if (!s->avail_in)
				action = LZMA_FINISH;
		}
		s->next_out = u->step;
		s->avail_out = STEP_BYTES;
		ret = lzma_code(s, action);
		if (!put(u, STEP_BYTES - s->avail_out, error))
			return false;
	}
	return ret == LZMA_STREAM_END ||
	       nt_symfill_fail(error, "damaged or truncated xz data");
}
#endif

static bool unpack_xz(struct unpack *u, GError **error)
{
#ifdef HAVE_LZMA
	lzma_stream s = LZMA_STREAM_INIT;
	bool ok;

	if (lzma_stream_decoder(&s, XZ_MEMORY_MAX, 0) != LZMA_OK)
		return nt_symfill_fail(error, "liblzma cannot be used");
	ok = xz_steps(u, &s, error);
	lzma_end(&s);
	return ok;
#else
	(void)u;
	return nt_symfill_fail(error, "xz: built without liblzma; unpack it"
				      " first");
#endif
}

#ifdef HAVE_ZLIB
static bool gz_steps(struct unpack *u, z_stream *s, GError **error)
{
	int ret = Z_OK;

	while (ret == Z_OK) {
		if (!s->avail_in) {
			s->next_in = u->in;
			s->avail_in = (uInt)refill(u);
		}
		s->next_out = u->step;
		s->avail_out = STEP_BYTES;
		ret = inflate(s, Z_NO_FLUSH);
		if (!put(u, STEP_BYTES - s->avail_out, error))
			return false;
	}
	return ret == Z_STREAM_END ||
	       nt_symfill_fail(error, "damaged or truncated gzip data");
}
#endif

static bool unpack_gz(struct unpack *u, GError **error)
{
#ifdef HAVE_ZLIB
	z_stream s = { 0 };
	bool ok;

	/* 16: with gzip's header */
	if (inflateInit2(&s, 16 + MAX_WBITS) != Z_OK)
		return nt_symfill_fail(error, "zlib cannot be used");
	ok = gz_steps(u, &s, error);
	inflateEnd(&s);
	return ok;
#else
	(void)u;
	return nt_symfill_fail(error, "gzip: built without zlib; unpack it"
				      " first");
#endif
}

static GBytes *take_plain(const ImageIo *io, uint64_t max_bytes,
			  GError **error)
{
	uint64_t size = image_io_size(io);
	uint8_t *data = size <= max_bytes ? g_try_malloc((gsize)MAX(size, 1)) :
					    NULL;

	if (!data || !image_io_read(io, 0, data, (size_t)size)) {
		g_free(data);
		nt_symfill_fail(error,
				"%" G_GUINT64_FORMAT " bytes cannot be read",
				size);
		return NULL;
	}
	return g_bytes_new_take(data, (gsize)size);
}

GBytes *nt_unpack(const ImageIo *io, uint64_t max_bytes, GError **error)
{
	g_autofree struct unpack *u = NULL;
	uint8_t magic[6] = { 0 };
	bool xz, gz, ok;

	if (!image_io_read(io, 0, magic, sizeof magic))
		return take_plain(io, max_bytes, error);
	xz = !memcmp(magic, "\xfd" "7zXZ", 6);
	gz = magic[0] == 0x1f && magic[1] == 0x8b;
	if (!xz && !gz)
		return take_plain(io, max_bytes, error);
	u = g_new0(struct unpack, 1);
	u->io = io;
	u->max_bytes = max_bytes;
	u->out = g_byte_array_new();
	ok = xz ? unpack_xz(u, error) : unpack_gz(u, error);
	if (ok)
		return g_byte_array_free_to_bytes(u->out);
	g_byte_array_unref(u->out);
	return NULL;
}

const char *nt_unpack_formats(void)
{
#if defined(HAVE_LZMA) && defined(HAVE_ZLIB)
	return "xz, gzip";
#elif defined(HAVE_LZMA)
	return "xz";
#elif defined(HAVE_ZLIB)
	return "gzip";
#else
	return "none";
#endif
}
