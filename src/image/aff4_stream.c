/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Image streams: chunks of one size, compressed each for itself, some hundred
 * to thousand in a member of the archive (a bevy), which has an index.
 */
#include "config.h"

#include "base/bytes.h"
#include "image/aff4.h"
#include "image/blocks.h"

#define CHUNK_MAX (UINT32_C(16) << 20)
/* Chunks of a bevy: 1024 of winpmem, 2048 of Evimetry. */
#define PER_BEVY_MAX 65536u
/* Indexes that are kept, by the number of their bevy. */
#define SLOTS 16u
#define INDEX_MAX (PER_BEVY_MAX * 12)

/* Where a chunk is in its bevy. */
struct entry {
	uint64_t off;
	uint32_t len;
};

struct bevy {
	gint refs;
	uint64_t number;
	struct aff_member member;
	uint64_t off;		/* in the file, if it is stored */
	uint32_t n;
	struct entry entries[];
};

struct stream {
	AffZip *zip;
	const ImageIo *io;	/* the archive's file */
	char *urn;
	uint64_t size;
	uint32_t chunk;
	uint32_t per_bevy;
	enum aff4_codec codec;
	bool whole;		/* bevies are compressed: one is a block */
	GMutex lock;		/* of slots */
	struct bevy *slots[SLOTS];
};

static void bevy_unref(struct bevy *b)
{
	if (b && g_atomic_int_dec_and_test(&b->refs))
		g_free(b);
}

static void stream_free(void *ctx)
{
	struct stream *s = ctx;

	for (size_t i = 0; i < SLOTS; i++)
		bevy_unref(s->slots[i]);
	g_mutex_clear(&s->lock);
	g_free(s->urn);
	g_free(s);
}

/* Standard: offset u64, length u32 of each chunk. The older form of c-aff4
 * has the start of each as u32, that of Evimetry the end. Starts begin with
 * 0, and neither can be taken for the first: their second word is not 0. */
static bool is_standard(const uint8_t *index, size_t len, uint64_t bevy_size)
{
	return len >= 12 &&
	       range_fits(load_le64(index), load_le32(index + 8), bevy_size);
}

static void read_entries(struct bevy *b, const uint8_t *index, bool standard)
{
	bool starts = !load_le32(index);

	for (uint32_t i = 0; i < b->n; i++) {
		struct entry *e = &b->entries[i];
		uint64_t end;

		if (standard) {
			e->off = load_le64(index + 12 * i);
			e->len = load_le32(index + 12 * i + 8);
			continue;
		}
		if (starts) {
			e->off = load_le32(index + 4 * i);
			end = i + 1 < b->n ? load_le32(index + 4 * i + 4) :
					     b->member.size;
		} else {
			e->off = i ? load_le32(index + 4 * i - 4) : 0;
			end = load_le32(index + 4 * i);
		}
		e->len = end > e->off && end - e->off <= UINT32_MAX ?
				 (uint32_t)(end - e->off) :
				 0;
	}
}

/* ".index" of the standard, "/index" before it. */
static char *read_index(struct stream *s, const char *bevy, size_t *len)
{
	static const char *const suffix[] = { ".index", "/index" };

	for (size_t i = 0; i < G_N_ELEMENTS(suffix); i++) {
		g_autofree char *urn = g_strconcat(bevy, suffix[i], NULL);
		struct aff_member member;

		if (aff_zip_find(s->zip, urn, &member))
			return aff_zip_read(s->zip, &member, INDEX_MAX, len);
	}
	return NULL;
}

/* An index that is missing is known where nothing is compressed. */
static struct bevy *make_bevy(struct stream *s, const struct aff_member *m,
			      const char *name)
{
	size_t len = 0;
	g_autofree char *index = read_index(s, name, &len);
	bool standard = index && is_standard((uint8_t *)index, len, m->size);
	uint64_t n = index ? len / (standard ? 12 : 4) :
			     (m->size + s->chunk - 1) / s->chunk;
	struct bevy *b;

	if (!index && s->codec != AFF4_STORED)
		return NULL;
	n = MIN(n, s->per_bevy);
	b = g_malloc0(sizeof *b + (size_t)n * sizeof(struct entry));
	b->refs = 1;
	b->n = (uint32_t)n;
	b->member = *m;
	if (index && n)
		read_entries(b, (uint8_t *)index, standard);
	for (uint32_t i = 0; !index && i < n; i++)
		b->entries[i] = (struct entry){
			UINT64_C(1) * i * s->chunk,
			(uint32_t)MIN(s->chunk, m->size - UINT64_C(1) * i *
								s->chunk)
		};
	return b;
}

static struct bevy *load_bevy(struct stream *s, uint64_t number)
{
	g_autofree char *name = g_strdup_printf("%s/%08" G_GUINT64_FORMAT,
						s->urn, number);
	struct aff_member member;
	struct bevy *b;
	uint64_t off = 0;

	if (!aff_zip_find(s->zip, name, &member))
		return NULL;
	if (member.stored && !aff_zip_place(s->zip, &member, &off))
		return NULL;
	b = make_bevy(s, &member, name);
	if (b) {
		b->off = off;
		b->number = number;
	}
	return b;
}

/* A reference; NULL: it is not there, or has no index. */
static struct bevy *get_bevy(struct stream *s, uint64_t number)
{
	struct bevy **slot = &s->slots[number % SLOTS];
	struct bevy *b = NULL, *old;

	g_mutex_lock(&s->lock);
	if (*slot && (*slot)->number == number) {
		b = *slot;
		g_atomic_int_inc(&b->refs);
	}
	g_mutex_unlock(&s->lock);
	if (b)
		return b;
	b = load_bevy(s, number);
	if (!b)
		return NULL;
	g_atomic_int_inc(&b->refs);
	g_mutex_lock(&s->lock);
	old = *slot;
	*slot = b;
	g_mutex_unlock(&s->lock);
	bevy_unref(old);
	return b;
}

/* A chunk whose stored bytes are at data. */
static bool decode_chunk(const struct stream *s, const uint8_t *data,
			 uint32_t data_len, uint8_t *buf, uint32_t len)
{
	g_autofree uint8_t *whole = NULL;
	uint8_t *out = buf;

	/* The last may be padded to a whole one. */
	if (len < s->chunk)
		out = whole = g_malloc(s->chunk);
	if (aff4_codec_decode(data_len == s->chunk ? AFF4_STORED : s->codec,
			      data, data_len, out, s->chunk) < len)
		return false;
	if (whole)
		memcpy(buf, whole, len);
	return true;
}

static bool read_chunk(struct stream *s, const struct bevy *b,
		       const uint8_t *bytes, uint32_t i, uint8_t *buf,
		       uint32_t len)
{
	const struct entry *e = &b->entries[i];
	g_autofree uint8_t *data = NULL;

	/* No codec makes a chunk much longer. */
	if (i >= b->n || !e->len || e->len > s->chunk + s->chunk / 4 + 64 ||
	    !range_fits(e->off, e->len, b->member.size))
		return false;
	if (bytes)
		return decode_chunk(s, bytes + e->off, e->len, buf, len);
	data = g_malloc(e->len);
	return image_io_read(s->io, b->off + e->off, data, e->len) &&
	       decode_chunk(s, data, e->len, buf, len);
}

/* All chunks of a block: of one, or of a bevy. */
static bool read_block(struct stream *s, const struct bevy *b,
		       const struct image_block *block, uint8_t *buf)
{
	g_autofree char *bytes = NULL;
	uint32_t first = (uint32_t)(block->start / s->chunk % s->per_bevy);
	size_t len;

	if (!b->member.stored) {
		bytes = aff_zip_read(s->zip, &b->member, IMAGE_BLOCK_MAX,
				     &len);
		if (!bytes)
			return false;
	}
	for (uint32_t at = 0; at < block->len; at += s->chunk)
		if (!read_chunk(s, b, (uint8_t *)bytes,
				first + at / s->chunk, buf + at,
				MIN(s->chunk, block->len - at)))
			return false;
	return true;
}

static bool stream_find(void *ctx, uint64_t off, struct image_block *block)
{
	const struct stream *s = ctx;
	uint64_t len = s->whole ? (uint64_t)s->chunk * s->per_bevy : s->chunk;

	block->id = off / len;
	block->start = block->id * len;
	block->len = (uint32_t)MIN(len, s->size - block->start);
	return true;
}

static bool stream_decode(void *ctx, const struct image_block *block,
			  uint8_t *buf)
{
	struct stream *s = ctx;
	uint64_t number = block->start / s->chunk / s->per_bevy;
	struct bevy *b = get_bevy(s, number);
	bool good = b && read_block(s, b, block, buf);

	bevy_unref(b);
	return good;
}

static const struct image_blocks_ops stream_ops = {
	.find = stream_find,
	.decode = stream_decode,
	.free = stream_free,
};

/* Where nothing says the size (c-aff4 says it last): that of the bevies. */
static uint64_t count_size(struct stream *s)
{
	uint64_t number = 0;
	struct bevy *b;
	uint64_t n;

	while (number < AFF_MEMBERS_MAX) {
		g_autofree char *name = g_strdup_printf(
			"%s/%08" G_GUINT64_FORMAT, s->urn, number);
		struct aff_member member;

		if (!aff_zip_find(s->zip, name, &member))
			break;
		number++;
	}
	if (!number)
		return 0;
	b = get_bevy(s, number - 1);
	n = (number - 1) * s->per_bevy + (b ? b->n : 0);
	bevy_unref(b);
	return n * s->chunk;
}

static uint64_t get_number(struct aff4 *a, const char *urn, const char *name,
			   const char *other, const char *third,
			   uint64_t unset)
{
	uint64_t value;

	if (aff_turtle_number(a->turtle, urn, name, &value) ||
	    aff_turtle_number(a->turtle, urn, other, &value) ||
	    aff_turtle_number(a->turtle, urn, third, &value))
		return value;
	return unset;
}

static const char *method_of(const struct aff4 *a, const char *urn)
{
	static const char *const names[] = { "compressionMethod",
					     "CompressionMethod",
					     "compression" };
	const char *value = NULL;

	for (size_t i = 0; !value && i < G_N_ELEMENTS(names); i++)
		value = aff_turtle_value(a->turtle, urn, names[i]);
	return value;
}

static bool check_stream(struct aff4 *a, const struct stream *s,
			 uint64_t chunk, uint64_t per_bevy, const char *method)
{
	const char *missing = aff4_codec_missing(s->codec);

	if (chunk < 512 || chunk > CHUNK_MAX || !per_bevy ||
	    per_bevy > PER_BEVY_MAX || s->size > AFF4_SIZE_MAX)
		g_string_printf(a->problem, "a stream has chunks or bevies of"
					    " an impossible size");
	else if (s->codec == AFF4_UNKNOWN)
		g_string_printf(a->problem, "a stream is compressed in a way"
					    " that is not known (%.100s)",
				method);
	else if (missing)
		g_string_printf(a->problem, "a stream is compressed in a way"
					    " that needs %s, which this build"
					    " is without",
				missing);
	else
		return true;
	return false;
}

/* Without Turtle: c-aff4 always has chunks of 32 KiB; how many are in a bevy,
 * and how they are compressed, the first bevy shows. */
static void guess_stream(struct stream *s)
{
	uint8_t data[32768];
	struct bevy *b = get_bevy(s, 0);

	s->codec = b && !b->member.stored ? AFF4_STORED : AFF4_DEFLATE;
	for (uint32_t i = 0; b && b->member.stored && i < b->n; i++) {
		const struct entry *e = &b->entries[i];

		if (e->len >= s->chunk || !e->len ||
		    !range_fits(e->off, e->len, b->member.size) ||
		    !image_io_read(s->io, b->off + e->off, data, e->len))
			continue;
		s->codec = aff4_codec_guess(data, e->len, s->chunk);
		break;
	}
	if (b && b->n)
		s->per_bevy = b->n;
	bevy_unref(b);
}

ImageIo *aff4_image_stream_new(struct aff4 *a, const char *urn)
{
	uint64_t chunk = get_number(a, urn, "chunkSize", "chunk_size",
				    "chunkLength", 32768);
	uint64_t per_bevy = get_number(a, urn, "chunksInSegment",
				       "chunks_per_segment",
				       "chunks_in_segment", 1024);
	const char *method = method_of(a, urn);
	struct stream *s = g_new0(struct stream, 1);
	struct bevy *first;

	g_mutex_init(&s->lock);
	s->zip = a->zip;
	s->io = a->image->io;
	s->urn = g_strdup(urn);
	s->codec = aff4_codec_find(method);
	s->size = get_number(a, urn, "size", "size", "size", 0);
	if (!check_stream(a, s, chunk, per_bevy, method)) {
		stream_free(s);
		return NULL;
	}
	s->chunk = (uint32_t)chunk;
	s->per_bevy = a->guess ? PER_BEVY_MAX : (uint32_t)per_bevy;
	if (a->guess)
		guess_stream(s);
	if (!s->size)
		s->size = count_size(s);
	first = get_bevy(s, 0);
	s->whole = first && !first->member.stored &&
		   chunk * s->per_bevy <= IMAGE_BLOCK_MAX;
	bevy_unref(first);
	return image_io_blocks(&stream_ops, s, s->size,
			       image_io_mtime(s->io), a->image->cache);
}
