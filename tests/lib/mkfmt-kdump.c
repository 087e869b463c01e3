/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writers of kdump-compressed dumps, as QEMU lays them out (version 6): whole
 * pages only, those that were never used sharing one page of zeros. In each
 * compression; flattened, as they come from QEMU; and one with a header of 32
 * bits, stored.
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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

#include "lib/mkfmt-list.h"

enum {
	PACKED_MAX = 8192,
	DESC = 24,
	/* QEMU writes descriptors and pages through buffers of this size. */
	BUFFER = 16384,
};

/* Packs a page into PACKED_MAX bytes; returns how many, 0: store it. */
typedef size_t (*pack_fn)(const uint8_t *page, uint8_t *packed);

struct kind {
	pack_fn pack;
	uint32_t flag; /* in the status and of each page that is packed */
	bool flat, is32;
};

struct sink {
	int fd;
	bool flat;
	bool failed;
	uint64_t at; /* of the next record of a flattened file */
};

/* What is put behind what was put before, in larger pieces. */
struct buffer {
	struct sink *sink;
	uint64_t off;
	size_t n;
	uint8_t bytes[BUFFER];
};

struct dump {
	const MkPhys *phys;
	struct sink sink;
	const struct kind *kind;
	uint64_t n_pfns;
	GByteArray *bits; /* both bitmaps are alike */
	uint64_t n_in;
	uint8_t zero_desc[DESC];
	struct buffer descs, pages;
};

static void put64be(uint8_t *p, uint64_t v)
{
	v = GUINT64_TO_BE(v);
	memcpy(p, &v, sizeof v);
}

static void put64(uint8_t *p, uint64_t v)
{
	v = GUINT64_TO_LE(v);
	memcpy(p, &v, sizeof v);
}

static void put32(uint8_t *p, uint32_t v)
{
	v = GUINT32_TO_LE(v);
	memcpy(p, &v, sizeof v);
}

static void sink_put(struct sink *sink, uint64_t off, const void *bytes,
		     size_t len)
{
	uint8_t record[16];

	if (!len || sink->failed)
		return;
	if (sink->flat) {
		put64be(record, off);
		put64be(record + 8, len);
		sink->failed = !mk_write_at(sink->fd, record, sizeof record,
					    sink->at);
		off = sink->at + sizeof record;
		sink->at = off + len;
	}
	sink->failed = sink->failed ||
		       !mk_write_at(sink->fd, bytes, len, off);
}

static void buffer_flush(struct buffer *b)
{
	sink_put(b->sink, b->off, b->bytes, b->n);
	b->off += b->n;
	b->n = 0;
}

/* Returns the offset at which it is put. */
static uint64_t buffer_put(struct buffer *b, const void *bytes, size_t len)
{
	if (b->n + len > BUFFER)
		buffer_flush(b);
	memcpy(b->bytes + b->n, bytes, len);
	b->n += len;
	return b->off + b->n - len;
}

#ifdef HAVE_ZLIB
static size_t pack_zlib(const uint8_t *page, uint8_t *packed)
{
	uLongf n = PACKED_MAX;

	return compress2(packed, &n, page, MK_PAGE_SIZE, 1) == Z_OK ? n : 0;
}
#endif

#ifdef HAVE_LZO
static size_t pack_lzo(const uint8_t *page, uint8_t *packed)
{
	static lzo_align_t work[LZO1X_1_MEM_COMPRESS / sizeof(lzo_align_t) + 1];
	lzo_uint n = 0;

	return lzo1x_1_compress(page, MK_PAGE_SIZE, packed, &n, work) ==
			       LZO_E_OK ? n : 0;
}
#endif

#ifdef HAVE_SNAPPY
static size_t pack_snappy(const uint8_t *page, uint8_t *packed)
{
	size_t n = PACKED_MAX;

	return snappy_compress((const char *)page, MK_PAGE_SIZE,
			       (char *)packed, &n) == SNAPPY_OK ? n : 0;
}
#endif

#ifdef HAVE_ZSTD
static size_t pack_zstd(const uint8_t *page, uint8_t *packed)
{
	size_t n = ZSTD_compress(packed, PACKED_MAX, page, MK_PAGE_SIZE, 1);

	return ZSTD_isError(n) ? 0 : n;
}
#endif

/* Puts a page and makes its descriptor. */
static void put_page(struct dump *d, const uint8_t *page, uint8_t desc[DESC])
{
	uint8_t packed[PACKED_MAX];
	size_t n = d->kind->pack ? d->kind->pack(page, packed) : 0;
	bool stored = !n || n >= MK_PAGE_SIZE;

	/* No page comes long before its descriptor. */
	if (d->pages.n + PACKED_MAX > BUFFER)
		buffer_flush(&d->descs);
	memset(desc, 0, DESC);
	put64(desc, buffer_put(&d->pages, stored ? page : packed,
			       stored ? MK_PAGE_SIZE : n));
	put32(desc + 8, stored ? MK_PAGE_SIZE : (uint32_t)n);
	put32(desc + 12, stored ? 0 : d->kind->flag);
}

typedef void (*page_fn)(struct dump *d, uint64_t pa);

static void each_page(struct dump *d, page_fn fn)
{
	const struct mk_run *runs;
	size_t n;

	runs = mk_phys_runs(d->phys, &n);
	for (size_t i = 0; i < n; i++) {
		uint64_t pa = runs[i].start, end = pa + runs[i].len;

		pa = (pa + MK_PAGE_SIZE - 1) / MK_PAGE_SIZE * MK_PAGE_SIZE;
		for (; pa + MK_PAGE_SIZE <= end; pa += MK_PAGE_SIZE)
			fn(d, pa);
	}
}

static void set_bits(struct dump *d, uint64_t pa)
{
	uint64_t pfn = pa / MK_PAGE_SIZE;

	d->bits->data[pfn / 8] |= (uint8_t)(1u << pfn % 8);
	d->n_in++;
}

static void write_page(struct dump *d, uint64_t pa)
{
	uint8_t page[MK_PAGE_SIZE], desc[DESC];

	if (mk_phys_used(d->phys, pa)) {
		mk_phys_read(d->phys, pa, page, sizeof page);
		put_page(d, page, desc);
		buffer_put(&d->descs, desc, sizeof desc);
	} else {
		buffer_put(&d->descs, d->zero_desc, sizeof d->zero_desc);
	}
}

static GByteArray *zeros(size_t n)
{
	GByteArray *bytes = g_byte_array_new();

	g_byte_array_set_size(bytes, (guint)n);
	memset(bytes->data, 0, n);
	return bytes;
}

/* The header and the sub-header, of 64 or 32 bits, with the notes. */
static GByteArray *make_head(const struct dump *d, const GByteArray *notes,
			     size_t n_cpus)
{
	const bool is64 = !d->kind->is32;
	const size_t sub = MK_PAGE_SIZE, note = sub + (is64 ? 104 : 80);
	size_t blocks = (note + notes->len - 1) / MK_PAGE_SIZE;
	GByteArray *head = zeros((1 + blocks) * MK_PAGE_SIZE);
	uint8_t *status = head->data + (is64 ? 424 : 412);

	memcpy(head->data, "KDUMP   ", 8);
	put32(head->data + 8, 6);
	strcpy((char *)head->data + 12 + 4 * 65, is64 ? "x86_64" : "i686");
	put32(status, d->kind->flag);
	put32(status + 4, MK_PAGE_SIZE);
	put32(status + 8, (uint32_t)blocks);
	put32(status + 12, 2 * d->bits->len / (uint32_t)MK_PAGE_SIZE);
	put32(status + 16, (uint32_t)d->n_pfns);
	put32(status + 36, (uint32_t)n_cpus);
	put64(head->data + sub + (is64 ? 48 : 32), note);
	put32(head->data + sub + (is64 ? 56 : 40), notes->len);
	put64(head->data + sub + (is64 ? 96 : 72), d->n_pfns);
	if (notes->len)
		memcpy(head->data + note, notes->data, notes->len);
	return head;
}

/* A bitmap; flattened, without its blocks of zeros. */
static void put_bitmap(struct dump *d, uint64_t off)
{
	static const uint8_t none[MK_PAGE_SIZE];

	for (guint i = 0; i < d->bits->len; i += sizeof none)
		if (!d->sink.flat ||
		    memcmp(d->bits->data + i, none, sizeof none))
			sink_put(&d->sink, off + i, d->bits->data + i,
				 sizeof none);
}

static void write_all(struct dump *d, const struct mk_write_options *options)
{
	static const uint8_t zero_page[MK_PAGE_SIZE];
	g_autoptr(GByteArray) notes = mk_write_notes(options, !d->kind->is32);
	g_autoptr(GByteArray) head = NULL;

	d->n_pfns = (mk_phys_end(d->phys) + MK_PAGE_SIZE - 1) / MK_PAGE_SIZE;
	d->bits = zeros((d->n_pfns / 8 / MK_PAGE_SIZE + 1) * MK_PAGE_SIZE);
	each_page(d, set_bits);
	head = make_head(d, notes, options->n_cpus);
	sink_put(&d->sink, 0, head->data, head->len);
	put_bitmap(d, head->len);
	put_bitmap(d, head->len + d->bits->len);
	d->descs.sink = &d->sink;
	d->pages.sink = &d->sink;
	d->descs.off = head->len + 2 * d->bits->len;
	d->pages.off = d->descs.off + d->n_in * DESC;
	put_page(d, zero_page, d->zero_desc);
	each_page(d, write_page);
	buffer_flush(&d->descs);
	buffer_flush(&d->pages);
	g_byte_array_unref(d->bits);
}

/* makedumpfile's header in front, and the mark of the end. */
static void start_flat(struct sink *sink)
{
	uint8_t head[4096] = "makedumpfile";

	put64be(head + 16, 1);
	put64be(head + 24, 1);
	sink->failed = !mk_write_at(sink->fd, head, sizeof head, 0);
	sink->at = sizeof head;
}

static void end_flat(struct sink *sink)
{
	uint8_t end[16];

	memset(end, 0xff, sizeof end);
	sink->failed = sink->failed ||
		       !mk_write_at(sink->fd, end, sizeof end, sink->at);
}

static bool write_kdump(const MkPhys *phys, const char *path,
			const struct mk_write_options *options,
			const struct kind *kind, GError **error)
{
	struct dump *d = g_new0(struct dump, 1);
	bool ok;

	d->phys = phys;
	d->kind = kind;
	d->sink.flat = kind->flat;
	d->sink.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			  0666);
	if (d->sink.fd < 0) {
		g_free(d);
		return mk_write_failed(error, path);
	}
	if (kind->flat)
		start_flat(&d->sink);
	write_all(d, options);
	if (kind->flat)
		end_flat(&d->sink);
	ok = close(d->sink.fd) == 0 && !d->sink.failed;
	g_free(d);
	return ok || mk_write_failed(error, path);
}

#define KDUMP_WRITER(id, title, text, more, ...)                             \
	static bool write_##id(const MkPhys *phys, const char *path,         \
			       const struct mk_write_options *options,       \
			       const char *arg, GError **error)              \
	{                                                                    \
		static const struct kind kind = { __VA_ARGS__ };             \
                                                                             \
		(void)arg;                                                   \
		return write_kdump(phys, path, options, &kind, error);       \
	}                                                                    \
	const struct mk_writer mk_kdump_##id = {                             \
		title, "kdump", text,                                        \
		MK_WRITER_WHOLE_PAGES | MK_WRITER_COMPRESSED |               \
			MK_WRITER_NO_MAP | (more), write_##id,               \
	}

#ifdef HAVE_ZLIB
KDUMP_WRITER(zlib, "kdump-zlib", "kdump-compressed dump by zlib", 0,
	     .pack = pack_zlib, .flag = 1);
KDUMP_WRITER(flat, "kdump-flattened", "the same, flattened, as QEMU's -z",
	     MK_WRITER_WRAPPED,
	     .pack = pack_zlib, .flag = 1, .flat = true);
#endif
#ifdef HAVE_LZO
KDUMP_WRITER(lzo, "kdump-lzo", "kdump-compressed dump by LZO", 0,
	     .pack = pack_lzo, .flag = 2);
#endif
#ifdef HAVE_SNAPPY
KDUMP_WRITER(snappy, "kdump-snappy", "kdump-compressed dump by snappy", 0,
	     .pack = pack_snappy, .flag = 4);
#endif
#ifdef HAVE_ZSTD
/* Of a small memory, what is in front of the pages is more than half. */
KDUMP_WRITER(zstd, "kdump-zstd", "kdump-compressed dump by zstd",
	     MK_WRITER_TAIL,
	     .pack = pack_zstd, .flag = 0x20);
#endif
KDUMP_WRITER(stored, "kdump32", "kdump dump of 32 bits, stored", 0,
	     .is32 = true);
