/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks of an EWF set: looked up in its tables, inflated, checked. */
#include "config.h"

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "base/bytes.h"
#include "image/ewf.h"

/* What a chunk can need in the file: zlib adds 5 bytes for each 16 KiB at the
 * most, and a header. */
static uint32_t stored_max(uint32_t chunk_bytes)
{
	return chunk_bytes + chunk_bytes / 1024 + 64;
}

#ifdef HAVE_ZLIB

uint32_t ewf_adler32(uint32_t sum, const uint8_t *data, size_t len_bytes)
{
	return (uint32_t)adler32_z(sum, data, len_bytes);
}

/* Inflates one stream into exactly len bytes. What it took of data goes to
 * used. The checksum at its end must be right. */
static bool inflate_chunk(const uint8_t *data, uint32_t data_len,
			  uint8_t *buf, uint32_t len, uint32_t *used)
{
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)data,
		.avail_in = data_len,
		.next_out = buf,
		.avail_out = len,
	};
	int status;

	if (inflateInit(&z) != Z_OK)
		return false;
	status = inflate(&z, Z_FINISH);
	*used = data_len - z.avail_in;
	inflateEnd(&z);
	return status == Z_STREAM_END && !z.avail_out;
}

char *ewf_inflate_text(const uint8_t *data, uint32_t len)
{
	g_autofree char *text = g_malloc(EWF_TEXT_MAX + 1);
	uLongf n = EWF_TEXT_MAX;

	if (uncompress((Bytef *)text, &n, data, len) != Z_OK)
		return NULL;
	text[n] = '\0';
	return g_steal_pointer(&text);
}

#else

char *ewf_inflate_text(const uint8_t *data, uint32_t len)
{
	(void)data;
	(void)len;
	return NULL;
}

uint32_t ewf_adler32(uint32_t sum, const uint8_t *data, size_t len_bytes)
{
	uint32_t a = sum & 0xffff, b = sum >> 16;

	for (size_t i = 0; i < len_bytes; i++) {
		a = (a + data[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static bool inflate_chunk(const uint8_t *data, uint32_t data_len,
			  uint8_t *buf, uint32_t len, uint32_t *used)
{
	(void)data;
	(void)data_len;
	(void)buf;
	(void)len;
	(void)used;
	return false;
}

#endif

/* Where a chunk is. */
struct place {
	uint64_t off;
	uint64_t end; /* of what may belong to it */
	bool compressed;
};

static const struct ewf_table *find_table(const EwfSet *set, uint64_t number)
{
	size_t from = 0, to = set->tables->len;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		const struct ewf_table *t =
			&g_array_index(set->tables, struct ewf_table, mid);

		if (number < t->first)
			to = mid;
		else if (number - t->first >= t->n)
			from = mid + 1;
		else
			return t;
	}
	return NULL;
}

static bool find_in_file(const ImageIo *io, const struct ewf_table *t,
			 uint32_t i, struct place *place)
{
	uint8_t entry[8];
	size_t len = i + 1 < t->n ? 8 : 4;

	if (!image_io_read(io, t->entries_off + UINT64_C(4) * i, entry, len))
		return false;
	place->compressed = load_le32(entry) >> 31;
	place->end = t->data_end;
	return add_u64(t->base, load_le32(entry) & INT32_MAX, &place->off) &&
	       (len == 4 || add_u64(t->base, load_le32(entry + 4) & INT32_MAX,
				    &place->end));
}

static bool find_place(const ImageIo *io, const struct ewf_table *t,
		       uint32_t i, struct place *place)
{
	if (!t->found)
		return find_in_file(io, t, i, place);
	place->off = t->found[i] & ~EWF_COMPRESSED;
	place->compressed = t->found[i] & EWF_COMPRESSED;
	place->end = i + 1 < t->n ? t->found[i + 1] & ~EWF_COMPRESSED :
				    t->data_end;
	return true;
}

/* Stored as it is, with a checksum of 4 bytes behind. The last one of the
 * media may be shorter. */
static bool check_stored(const uint8_t *data, uint32_t data_len, uint8_t *buf,
			 uint32_t len)
{
	uint32_t sum_at = data_len - 4;

	if (data_len < 4 || sum_at < len ||
	    ewf_adler32(1, data, sum_at) != load_le32(data + sum_at))
		return false;
	memcpy(buf, data, len);
	return true;
}

/* The last chunk of the media may hold more than the media: EnCase writes
 * whole ones. */
static bool inflate_last(const uint8_t *data, uint32_t data_len, uint8_t *buf,
			 uint32_t len, uint32_t chunk_bytes)
{
	g_autofree uint8_t *whole = g_malloc(chunk_bytes);
	uint32_t used;

	if (!inflate_chunk(data, data_len, whole, chunk_bytes, &used))
		return false;
	memcpy(buf, whole, len);
	return true;
}

static bool decode(const uint8_t *data, uint32_t data_len, bool compressed,
		   uint8_t *buf, uint32_t len, uint32_t chunk_bytes)
{
	uint32_t used;

	if (!compressed)
		return check_stored(data, data_len, buf, len);
	if (inflate_chunk(data, data_len, buf, len, &used))
		return true;
	return len < chunk_bytes &&
	       inflate_last(data, data_len, buf, len, chunk_bytes);
}

bool ewf_set_read(const EwfSet *set, uint64_t number, uint8_t *buf,
		  uint32_t len)
{
	const struct ewf_table *t = find_table(set, number);
	const ImageIo *io = t ? ewf_set_segment(set, t->segment) : NULL;
	g_autofree uint8_t *data = NULL;
	struct place p;
	uint64_t data_len;

	if (!io || !find_place(io, t, (uint32_t)(number - t->first), &p) ||
	    p.end <= p.off || len > set->chunk_bytes)
		return false;
	data_len = MIN(p.end - p.off, stored_max(set->chunk_bytes));
	/* Padding before the next one is no part of a stored one. */
	if (!p.compressed && len == set->chunk_bytes)
		data_len = MIN(data_len, UINT64_C(4) + len);
	data = g_malloc(data_len);
	return image_io_read(io, p.off, data, data_len) &&
	       decode(data, (uint32_t)data_len, p.compressed, buf, len,
		      set->chunk_bytes);
}

/* Is there a chunk at data? Then what it takes. */
static uint32_t try_chunk(const uint8_t *data, uint32_t data_len,
			  uint8_t *buf, uint32_t chunk_bytes,
			  bool *compressed)
{
	uint32_t used = 0;

	*compressed = inflate_chunk(data, data_len, buf, chunk_bytes, &used);
	if (*compressed)
		return used;
	if (data_len < chunk_bytes + 4 ||
	    !check_stored(data, chunk_bytes + 4, buf, chunk_bytes))
		return 0;
	return chunk_bytes + 4;
}

uint64_t *ewf_find_chunks(EwfSet *set, const ImageIo *io, uint64_t start,
			  uint64_t end, uint32_t *n)
{
	uint32_t chunk_bytes = set->chunk_bytes;
	g_autofree uint8_t *data = g_malloc(stored_max(chunk_bytes));
	g_autofree uint8_t *buf = g_malloc(chunk_bytes);
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(uint64_t));

	while (start < end && set->find_budget >= chunk_bytes) {
		uint32_t len = (uint32_t)MIN(end - start,
					     stored_max(chunk_bytes));
		bool compressed = false;
		uint32_t used = 0;
		uint64_t entry;

		set->find_budget -= chunk_bytes;
		if (image_io_read(io, start, data, len))
			used = try_chunk(data, len, buf, chunk_bytes,
					 &compressed);
		if (!used)
			break;
		entry = start | (compressed ? EWF_COMPRESSED : 0);
		g_array_append_val(found, entry);
		start += used;
	}
	*n = found->len;
	if (!found->len)
		return NULL;
	return (uint64_t *)(void *)g_array_free(g_steal_pointer(&found),
						FALSE);
}
