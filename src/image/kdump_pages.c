/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pages of a kdump-compressed dump as bytes one behind the other.
 *
 * A few neighbours are unpacked together, and kept in the image's cache; they
 * lie together in the file, too. Where one of them is damaged, the others are
 * unpacked alone whenever they are asked for.
 */
#include "config.h"

#include "base/bytes.h"
#include "image/blocks.h"
#include "image/kdump.h"

enum {
	GROUP_PAGES = 8,
	ZEROS_TRIED = 64, /* pages among which one of zeros is looked for */
	/* A page that did not get smaller is stored; what is this much larger
	 * is nonsense. */
	PACKED_MAX = 2 * 4096,
	GROUP_SPAN_MAX = GROUP_PAGES * 4096 + 4096,
};

struct kdump_pages {
	const ImageIo *io;
	uint64_t desc_off;
	uint64_t n;
	uint64_t zeros; /* where the page of zeros is; 0: nobody knows */
	ImageIo *groups;
};

struct page_desc {
	uint64_t off;
	uint32_t size;
	uint32_t flags;
};

static bool read_descs(const struct kdump_pages *pages, uint64_t first,
		       struct page_desc *descs, size_t n)
{
	uint8_t buf[GROUP_PAGES * KDUMP_DESC_BYTES];

	if (!image_io_read(pages->io,
			   pages->desc_off + first * KDUMP_DESC_BYTES, buf,
			   n * KDUMP_DESC_BYTES))
		return false;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = buf + i * KDUMP_DESC_BYTES;

		descs[i].off = load_le64(p);
		descs[i].size = load_le32(p + 8);
		descs[i].flags = load_le32(p + 12);
		if (!descs[i].size || descs[i].size > PACKED_MAX ||
		    !range_fits(descs[i].off, descs[i].size,
				image_io_size(pages->io)))
			descs[i].size = 0;
	}
	return true;
}

/* Bytes of the file that hold all pages of a group. */
struct span {
	uint64_t off;
	size_t len;
	uint8_t bytes[GROUP_SPAN_MAX];
};

static bool read_span(const struct kdump_pages *pages,
		      const struct page_desc *descs, size_t n,
		      struct span *span)
{
	uint64_t start = UINT64_MAX, end = 0;

	for (size_t i = 0; i < n; i++) {
		start = MIN(start, descs[i].off);
		end = MAX(end, descs[i].off + descs[i].size);
	}
	span->off = start;
	span->len = 0;
	if (end <= start || end - start > sizeof span->bytes ||
	    !image_io_read(pages->io, start, span->bytes,
			   (size_t)(end - start)))
		return false;
	span->len = (size_t)(end - start);
	return true;
}

static bool unpack_at(const struct kdump_pages *pages,
		      const struct page_desc *desc, const struct span *span,
		      uint8_t *page)
{
	uint8_t packed[PACKED_MAX];

	if (!desc->size)
		return false;
	if (span && desc->off >= span->off &&
	    range_fits(desc->off - span->off, desc->size, span->len))
		return kdump_unpack(desc->flags,
				    span->bytes + (desc->off - span->off),
				    desc->size, page);
	return image_io_read(pages->io, desc->off, packed, desc->size) &&
	       kdump_unpack(desc->flags, packed, desc->size, page);
}

static bool find_group(void *ctx, uint64_t off, struct image_block *block)
{
	const struct kdump_pages *pages = ctx;
	uint64_t group = off / (GROUP_PAGES * PAGE_SIZE_4K);
	uint64_t left = pages->n - group * GROUP_PAGES;

	block->id = group;
	block->start = group * GROUP_PAGES * PAGE_SIZE_4K;
	block->len = (uint32_t)(MIN(left, GROUP_PAGES) * PAGE_SIZE_4K);
	return true;
}

static bool decode_group(void *ctx, const struct image_block *block,
			 uint8_t *buf)
{
	const struct kdump_pages *pages = ctx;
	size_t n = block->len / PAGE_SIZE_4K;
	struct page_desc descs[GROUP_PAGES];
	struct span span;

	if (!read_descs(pages, block->id * GROUP_PAGES, descs, n))
		return false;
	read_span(pages, descs, n, &span);
	for (size_t i = 0; i < n; i++) {
		uint8_t *page = buf + i * PAGE_SIZE_4K;

		/* All pages of zeros have one and the same place. */
		if (i && descs[i].off == descs[i - 1].off &&
		    descs[i].size == descs[i - 1].size)
			memcpy(page, page - PAGE_SIZE_4K, PAGE_SIZE_4K);
		else if (!unpack_at(pages, &descs[i], &span, page))
			return false;
	}
	return true;
}

static const struct image_blocks_ops group_ops = {
	.find = find_group,
	.decode = decode_group,
};

/* Bytes of one page, past the cache. */
static bool read_page(const struct kdump_pages *pages, uint64_t off, void *buf,
		      size_t len_bytes)
{
	struct page_desc desc;
	uint8_t page[PAGE_SIZE_4K];

	if (!read_descs(pages, off / PAGE_SIZE_4K, &desc, 1) ||
	    !unpack_at(pages, &desc, NULL, page))
		return false;
	memcpy(buf, page + off % PAGE_SIZE_4K, len_bytes);
	return true;
}

static int64_t pages_read(void *ctx, uint64_t off, void *buf, size_t len_bytes)
{
	const struct kdump_pages *pages = ctx;
	size_t done = 0;
	uint8_t *to = buf;

	if (image_io_read(pages->groups, off, buf, len_bytes))
		return (int64_t)len_bytes;
	while (done < len_bytes) {
		uint64_t at = off + done;
		size_t n = (size_t)MIN(PAGE_SIZE_4K - at % PAGE_SIZE_4K,
				       len_bytes - done);

		if (!read_page(pages, at, to + done, n))
			break;
		done += n;
	}
	return done ? (int64_t)done : -1;
}

/* Pages of zeros, of which there is one in the file, are as good as holes. */
static uint64_t pages_next_data(void *ctx, uint64_t off)
{
	const struct kdump_pages *pages = ctx;
	struct page_desc descs[GROUP_PAGES];
	uint64_t page = off / PAGE_SIZE_4K;

	if (!pages->zeros)
		return off;
	while (page < pages->n) {
		size_t n = (size_t)MIN(pages->n - page, GROUP_PAGES);

		if (!read_descs(pages, page, descs, n))
			break;
		for (size_t i = 0; i < n; i++, page++)
			if (!descs[i].size || descs[i].off != pages->zeros)
				return MAX(off, page * PAGE_SIZE_4K);
	}
	return MAX(off, page * PAGE_SIZE_4K);
}

/* Looks for a page of zeros among the first ones. */
static void find_zeros(struct kdump_pages *pages)
{
	static const uint8_t zeros[PAGE_SIZE_4K];
	uint8_t page[PAGE_SIZE_4K];
	struct page_desc desc;

	for (uint64_t i = 0; i < MIN(pages->n, ZEROS_TRIED); i++) {
		if (!read_descs(pages, i, &desc, 1))
			return;
		if (unpack_at(pages, &desc, NULL, page) &&
		    !memcmp(page, zeros, sizeof page)) {
			pages->zeros = desc.off;
			return;
		}
	}
}

static void pages_free(void *ctx)
{
	struct kdump_pages *pages = ctx;

	image_io_free(pages->groups); /* waits for who makes some ahead */
	g_free(pages);
}

static const struct image_io_ops pages_ops = {
	.read = pages_read,
	.next_data = pages_next_data,
	.free = pages_free,
};

ImageIo *kdump_pages_new(Image *image, uint64_t desc_off, uint64_t n)
{
	struct kdump_pages *pages = g_new0(struct kdump_pages, 1);

	pages->io = image->io;
	pages->desc_off = desc_off;
	pages->n = n;
	find_zeros(pages);
	pages->groups = image_io_blocks(&group_ops, pages, n * PAGE_SIZE_4K,
					image_io_mtime(image->io),
					image->cache);
	return image_io_custom(&pages_ops, pages, n * PAGE_SIZE_4K,
			       image_io_mtime(image->io));
}
