/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writers: raw memory without the hole below 4 GiB, and raw memory (or a crash
 * dump) compressed in blocks that can be read each on its own. */
#include "config.h"

#include "lib/mkfmt-list.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

/* Small ones, so that small images have many. */
#define BLOCK_BYTES 131072u
#define BGZF_BYTES 65280u
#define FOUR_GIB (UINT64_C(1) << 32)

/* --- squeezed --- */

/* Where memory from 4 GiB on is in the file: behind what is below. */
static uint64_t low_end(const struct mk_run *runs, size_t n)
{
	uint64_t end = 0;

	for (size_t i = 0; i < n; i++)
		if (runs[i].start < FOUR_GIB)
			end = runs[i].start + runs[i].len;
	return end;
}

static bool write_squeezed(const MkPhys *phys, const char *path,
			   const struct mk_write_options *options,
			   const char *arg, GError **error)
{
	size_t n;
	const struct mk_run *runs = mk_phys_runs(phys, &n);
	uint64_t low = low_end(runs, n), end = mk_phys_end(phys);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool ok = fd >= 0 &&
		  !ftruncate(fd, (off_t)(end < FOUR_GIB ?
						 end :
						 end - FOUR_GIB + low));

	(void)options;
	(void)arg;
	for (size_t i = 0; ok && i < n; i++) {
		uint64_t at = runs[i].start;

		if (at >= FOUR_GIB)
			at = at - FOUR_GIB + low;
		ok = mk_write_pages(phys, fd, runs[i].start, runs[i].len, at);
	}
	if (fd >= 0)
		ok = !close(fd) && ok;
	return ok || mk_write_failed(error, path);
}

const struct mk_writer mk_writer_raw_squeezed = {
	"raw-squeezed", "raw", "raw without the hole below 4 GiB",
	MK_WRITER_LOSSY,
	write_squeezed,
};

#if defined(HAVE_LZMA) || defined(HAVE_ZSTD) || defined(HAVE_ZLIB)
/* --- compressed --- */

struct pack {
	int in, out;
	uint64_t off;	    /* of out, so far */
	uint8_t *buf;	    /* of len bytes: the next block */
	size_t block, len;
	GByteArray *packed; /* room for it */
	GArray *sizes;	    /* uint32_t: of each block, packed and not */
};

/* Reads the next block; false at the end. */
static bool next_block(struct pack *p)
{
	p->len = 0;
	while (p->len < p->block) {
		ssize_t n = read(p->in, p->buf + p->len, p->block - p->len);

		if (n <= 0)
			break;
		p->len += (size_t)n;
	}
	return p->len > 0;
}

static bool emit(struct pack *p, const void *bytes, size_t len)
{
	bool ok = mk_write_at(p->out, bytes, len, p->off);

	p->off += len;
	return ok;
}

static bool emit_block(struct pack *p, size_t len)
{
	const uint32_t sizes[2] = { (uint32_t)len, (uint32_t)p->len };

	g_array_append_vals(p->sizes, sizes, 2);
	return emit(p, p->packed->data, len);
}

/* The image as it is, beside where it is to be. */
static int open_plain(const MkPhys *phys, const char *path,
		      const struct mk_write_options *options,
		      enum mk_format format, GError **error)
{
	g_autofree char *plain = g_strconcat(path, ".plain", NULL);
	struct mk_write_options own = *options;
	int fd = -1;

	own.format = format;
	if (mk_write(phys, plain, &own, error)) {
		fd = open(plain, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			mk_write_failed(error, plain);
	}
	unlink(plain);
	return fd;
}

static bool pack(const MkPhys *phys, const char *path,
		 const struct mk_write_options *options, enum mk_format format,
		 size_t block, bool (*fn)(struct pack *p), GError **error)
{
	struct pack p = { .block = block };
	bool ok;

	p.in = open_plain(phys, path, options, format, error);
	if (p.in < 0)
		return false;
	p.out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	p.buf = g_malloc(block);
	p.packed = g_byte_array_sized_new((guint)(2 * block + 1024));
	g_byte_array_set_size(p.packed, (guint)(2 * block + 1024));
	p.sizes = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	ok = p.out >= 0 && fn(&p);
	close(p.in);
	if (p.out >= 0)
		ok = !close(p.out) && ok;
	g_free(p.buf);
	g_byte_array_unref(p.packed);
	g_array_unref(p.sizes);
	return ok || mk_write_failed(error, path);
}
#endif

#ifdef HAVE_LZMA
static bool xz_code(struct pack *p, lzma_stream *s, lzma_action last)
{
	lzma_ret ret = LZMA_OK;
	bool ok = true;

	while (ok && ret == LZMA_OK) {
		lzma_action action = LZMA_RUN;

		if (!s->avail_in) {
			if (next_block(p)) {
				s->next_in = p->buf;
				s->avail_in = p->len;
			} else {
				action = last;
			}
		}
		s->next_out = p->packed->data;
		s->avail_out = p->packed->len;
		ret = lzma_code(s, action);
		ok = emit(p, p->packed->data, p->packed->len - s->avail_out);
	}
	lzma_end(s);
	return ok && ret == LZMA_STREAM_END;
}

/* As xz -T: the headers of blocks have their sizes. */
static bool pack_xz(struct pack *p)
{
	lzma_stream s = LZMA_STREAM_INIT;
	const lzma_mt mt = { .threads = 1, .block_size = BLOCK_BYTES,
			     .preset = 1, .check = LZMA_CHECK_CRC64 };

	return lzma_stream_encoder_mt(&s, &mt) == LZMA_OK &&
	       xz_code(p, &s, LZMA_FINISH);
}

/* As xz by itself: one block. */
static bool pack_xz_plain(struct pack *p)
{
	lzma_stream s = LZMA_STREAM_INIT;

	return lzma_easy_encoder(&s, 0, LZMA_CHECK_CRC32) == LZMA_OK &&
	       xz_code(p, &s, LZMA_FINISH);
}

static bool write_xz(const MkPhys *phys, const char *path,
		     const struct mk_write_options *options, const char *arg,
		     GError **error)
{
	(void)arg;
	return pack(phys, path, options, MK_FORMAT_RAW, BLOCK_BYTES, pack_xz,
		    error);
}

static bool write_xz_plain(const MkPhys *phys, const char *path,
			   const struct mk_write_options *options,
			   const char *arg, GError **error)
{
	(void)arg;
	return pack(phys, path, options, MK_FORMAT_RAW, BLOCK_BYTES,
		    pack_xz_plain, error);
}

static bool write_dump_xz(const MkPhys *phys, const char *path,
			  const struct mk_write_options *options,
			  const char *arg, GError **error)
{
	(void)arg;
	return pack(phys, path, options, MK_FORMAT_DUMP, BLOCK_BYTES, pack_xz,
		    error);
}

const struct mk_writer mk_writer_raw_xz = {
	"raw-xz", "raw", "raw in xz of many blocks",
	MK_WRITER_COMPRESSED | MK_WRITER_WRAPPED, write_xz,
};
const struct mk_writer mk_writer_raw_xz_plain = {
	"raw-xz-plain", "raw", "raw in xz of one block (up to 64 MiB)",
	MK_WRITER_COMPRESSED | MK_WRITER_WRAPPED, write_xz_plain,
};
const struct mk_writer mk_writer_dump_xz = {
	"dump-xz", "crashdump", "full crash dump in xz of many blocks",
	MK_WRITER_COMPRESSED | MK_WRITER_WRAPPED | MK_WRITER_WHOLE_PAGES,
	write_dump_xz,
};
#endif

#ifdef HAVE_ZSTD
static bool emit_frame(struct pack *p)
{
	size_t n = ZSTD_compress(p->packed->data, p->packed->len, p->buf,
				 p->len, 1);

	return !ZSTD_isError(n) && emit_block(p, n);
}

/* Frames that say how much they become; a table of them at the end. */
static bool pack_zstd(struct pack *p)
{
	uint32_t head[2] = { GUINT32_TO_LE(0x184d2a5e) };
	uint32_t foot[2] = { 0, GUINT32_TO_LE(0x8f92eab1) };
	bool ok = true;

	while (ok && next_block(p))
		ok = emit_frame(p);
	head[1] = GUINT32_TO_LE(4 * p->sizes->len + 9);
	foot[0] = GUINT32_TO_LE(p->sizes->len / 2);
	for (guint i = 0; i < p->sizes->len; i++) {
		uint32_t *size = &g_array_index(p->sizes, uint32_t, i);

		*size = GUINT32_TO_LE(*size);
	}
	return ok && emit(p, head, sizeof head) &&
	       emit(p, p->sizes->data, 4 * (size_t)p->sizes->len) &&
	       emit(p, &foot[0], 4) && emit(p, "", 1) && emit(p, &foot[1], 4);
}

static bool pack_frames(struct pack *p)
{
	bool ok = true;

	while (ok && next_block(p))
		ok = emit_frame(p);
	return ok;
}

/* As pzstd: a frame to be skipped tells how long the next one is, which does
 * not say how much it becomes. */
static bool pack_pzstd(struct pack *p)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	bool ok = true;

	while (ok && next_block(p)) {
		ZSTD_inBuffer in = { p->buf, p->len, 0 };
		ZSTD_outBuffer out = { p->packed->data, p->packed->len, 0 };
		uint32_t skip[3] = { GUINT32_TO_LE(0x184d2a50),
				     GUINT32_TO_LE(4) };

		/* The first without an end leaves the length unknown. */
		ok = !ZSTD_isError(ZSTD_compressStream2(ctx, &out, &in,
							ZSTD_e_continue)) &&
		     !ZSTD_compressStream2(ctx, &out, &in, ZSTD_e_end);
		skip[2] = GUINT32_TO_LE((uint32_t)out.pos);
		ok = ok && emit(p, skip, sizeof skip) &&
		     emit_block(p, out.pos);
	}
	ZSTD_freeCCtx(ctx);
	return ok;
}

static bool write_zstd(const MkPhys *phys, const char *path,
		       const struct mk_write_options *options,
		       const char *arg, GError **error)
{
	(void)arg;
	return pack(phys, path, options, MK_FORMAT_RAW, BLOCK_BYTES,
		    pack_zstd, error);
}

static bool write_frames(const MkPhys *phys, const char *path,
			 const struct mk_write_options *options,
			 const char *arg, GError **error)
{
	(void)arg;
	return pack(phys, path, options, MK_FORMAT_RAW, BLOCK_BYTES,
		    pack_frames, error);
}

static bool write_pzstd(const MkPhys *phys, const char *path,
			const struct mk_write_options *options,
			const char *arg, GError **error)
{
	(void)arg;
	return pack(phys, path, options, MK_FORMAT_RAW, BLOCK_BYTES,
		    pack_pzstd, error);
}

const struct mk_writer mk_writer_raw_zstd = {
	"raw-zstd", "raw", "raw in seekable zstd",
	MK_WRITER_COMPRESSED | MK_WRITER_WRAPPED, write_zstd,
};
const struct mk_writer mk_writer_raw_zstd_frames = {
	"raw-zstd-frames", "raw", "raw in zstd of many frames",
	MK_WRITER_COMPRESSED | MK_WRITER_WRAPPED, write_frames,
};
const struct mk_writer mk_writer_raw_pzstd = {
	"raw-pzstd", "raw", "raw in zstd of many frames, as pzstd's",
	MK_WRITER_COMPRESSED | MK_WRITER_WRAPPED, write_pzstd,
};
#endif

#ifdef HAVE_ZLIB
/* A member of gzip that says how long it is. */
static bool emit_member(struct pack *p)
{
	static const uint8_t head[18] = { 0x1f, 0x8b, 8, 4, 0, 0,   0,	 0, 0,
					  0xff, 6,    0, 'B', 'C', 2, 0 };
	z_stream s = { 0 };
	uint8_t *to = p->packed->data;
	uint32_t tail[2];
	size_t n;
	int code;

	memcpy(to, head, sizeof head);
	s.next_in = p->buf;
	s.avail_in = (uInt)p->len;
	s.next_out = to + sizeof head;
	s.avail_out = 65536 - sizeof head - sizeof tail;
	/* What does not become smaller is stored, which fits. */
	deflateInit2(&s, p->len ? 1 : 0, Z_DEFLATED, -15, 8,
		     Z_DEFAULT_STRATEGY);
	code = deflate(&s, Z_FINISH);
	n = s.total_out + sizeof head;
	deflateEnd(&s);
	tail[0] = GUINT32_TO_LE(
		(uint32_t)crc32(crc32(0, NULL, 0), p->buf, (uInt)p->len));
	tail[1] = GUINT32_TO_LE((uint32_t)p->len);
	memcpy(to + n, tail, sizeof tail);
	n += sizeof tail;
	to[16] = (n - 1) & 0xff;
	to[17] = (n - 1) >> 8 & 0xff;
	return code == Z_STREAM_END && emit_block(p, n);
}

static bool pack_bgzf(struct pack *p)
{
	bool ok = true;

	while (ok && next_block(p))
		ok = emit_member(p);
	/* An empty one says that this is the end. */
	return ok && emit_member(p);
}

static bool write_bgzf(const MkPhys *phys, const char *path,
		       const struct mk_write_options *options,
		       const char *arg, GError **error)
{
	(void)arg;
	return pack(phys, path, options, MK_FORMAT_RAW, BGZF_BYTES, pack_bgzf,
		    error);
}

const struct mk_writer mk_writer_raw_bgzf = {
	"raw-bgzf", "raw", "raw in gzip as bgzip's",
	MK_WRITER_COMPRESSED | MK_WRITER_WRAPPED, write_bgzf,
};
#endif
