/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The index of an AVML file. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "image/avml_index.h"
#include "image/snappy_frames.h"

enum {
	LOCKS = 16,
	SPAN_BITS = 20,
	/* bytes that a group takes in the file; fits in SPAN_BITS */
	SPAN_MAX = (1 << SPAN_BITS) - 1,
};

G_STATIC_ASSERT(SNAPPY_FRAME_BYTES_MAX <= SPAN_MAX);

/* Frames that are unpacked together. */
struct group {
	uint64_t place; /* file offset << SPAN_BITS | bytes in the file */
	uint64_t start; /* of its bytes in the segment */
};

struct AvmlIndex {
	const ImageIo *io;
	GArray *segments; /* struct avml_segment, ascending by start */
	uint64_t size;
	GMutex locks[LOCKS]; /* of segments' groups, by number */
};

AvmlIndex *avml_index_new(const ImageIo *io)
{
	AvmlIndex *index = g_new0(AvmlIndex, 1);

	index->io = io;
	index->segments = g_array_new(FALSE, FALSE,
				      sizeof(struct avml_segment));
	for (unsigned i = 0; i < LOCKS; i++)
		g_mutex_init(&index->locks[i]);
	return index;
}

void avml_index_free(AvmlIndex *index)
{
	if (!index)
		return;
	for (guint i = 0; i < index->segments->len; i++) {
		struct avml_segment *s = &g_array_index(
			index->segments, struct avml_segment, i);

		if (s->groups)
			g_array_unref(s->groups);
	}
	g_array_unref(index->segments);
	for (unsigned i = 0; i < LOCKS; i++)
		g_mutex_clear(&index->locks[i]);
	g_free(index);
}

static uint64_t group_off(const struct group *g)
{
	return g->place >> SPAN_BITS;
}

static uint32_t group_span(const struct group *g)
{
	return (uint32_t)(g->place & SPAN_MAX);
}

/* Puts a frame with data at `start` of the segment into the last group, or
 * into a new one where that has enough. */
static void add_frame(GArray *groups, const struct snappy_frame *frame,
		      uint64_t start)
{
	struct group new = { frame->off << SPAN_BITS, start };
	struct group *last = &new;
	uint64_t off = frame->off;

	if (groups->len) {
		last = &g_array_index(groups, struct group, groups->len - 1);
		off = group_off(last);
	}
	if (!groups->len || frame->next - off > SPAN_MAX ||
	    start + frame->data_len - last->start > AVML_GROUP_BYTES) {
		g_array_append_val(groups, new);
		last = &g_array_index(groups, struct group, groups->len - 1);
		off = frame->off;
	}
	last->place = off << SPAN_BITS | (frame->next - off);
}

uint64_t avml_segment_scan(const ImageIo *io, struct avml_segment *segment,
			   bool *damaged)
{
	GArray *groups = g_array_new(FALSE, FALSE, sizeof(struct group));
	enum snappy_status status = SNAPPY_STATUS_FRAME;
	struct snappy_frame frame;
	struct snappy_walk walk;
	uint64_t start = 0;

	snappy_walk_init(&walk, io, segment->file_off,
			 MIN(segment->file_end, AVML_FILE_END));
	while (start < segment->len) {
		status = snappy_walk_next(&walk, &frame);
		if (status != SNAPPY_STATUS_FRAME)
			break;
		if (frame.data_len)
			add_frame(groups, &frame, start);
		start += frame.data_len;
	}
	*damaged = status == SNAPPY_STATUS_DAMAGED;
	segment->data_len = MIN(start, segment->len);
	g_atomic_pointer_set(&segment->groups, groups);
	return walk.pos;
}

void avml_index_add(AvmlIndex *index, struct avml_segment *segment)
{
	segment->start = index->size;
	index->size += segment->len;
	g_array_append_val(index->segments, *segment);
	segment->groups = NULL;
}

uint64_t avml_index_size(const AvmlIndex *index)
{
	return index->size;
}

/* The groups of segment i, made now if they were not yet. */
static GArray *need_groups(AvmlIndex *index, guint i)
{
	struct avml_segment *s =
		&g_array_index(index->segments, struct avml_segment, i);
	GMutex *lock = &index->locks[i % LOCKS];
	bool damaged;

	if (g_atomic_pointer_get(&s->groups))
		return s->groups;
	g_mutex_lock(lock);
	if (!g_atomic_pointer_get(&s->groups))
		avml_segment_scan(index->io, s, &damaged);
	g_mutex_unlock(lock);
	return s->groups;
}

uint64_t avml_index_scan(AvmlIndex *index, uint64_t budget,
			 uint64_t *missing_bytes)
{
	uint64_t n = 0;

	*missing_bytes = 0;
	for (guint i = 0; i < index->segments->len; i++) {
		struct avml_segment *s = &g_array_index(
			index->segments, struct avml_segment, i);

		if (!s->file_off)
			continue;
		if (!s->groups && s->len > budget)
			continue;
		if (!s->groups)
			budget -= s->len;
		need_groups(index, i);
		n += s->data_len < s->len;
		*missing_bytes += s->len - s->data_len;
	}
	return n;
}

/* The number of the segment that holds byte off, which is below size. */
static guint find_segment(const AvmlIndex *index, uint64_t off)
{
	guint low = 0, high = index->segments->len;

	while (high - low > 1) {
		guint mid = low + (high - low) / 2;

		if (g_array_index(index->segments, struct avml_segment, mid)
			    .start <= off)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* The last group that starts at `off` of the segment or below. */
static guint find_group(const GArray *groups, uint64_t off)
{
	guint low = 0, high = groups->len;

	while (high - low > 1) {
		guint mid = low + (high - low) / 2;

		if (g_array_index(groups, struct group, mid).start <= off)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Zeros that are not in the file, in blocks of the same size. */
static void find_zeros(const struct avml_segment *s, uint64_t off,
		       struct image_block *block)
{
	uint64_t at = (off - s->start) / AVML_GROUP_BYTES * AVML_GROUP_BYTES;

	block->start = s->start + at;
	block->len = (uint32_t)MIN(s->len - at, AVML_GROUP_BYTES);
	block->id = UINT64_C(1) << 63 | block->start;
}

/* The block that holds byte off, its segment and group (NULL: zeros). */
static bool find(AvmlIndex *index, uint64_t off, struct image_block *block,
		 const struct group **group)
{
	const struct avml_segment *s;
	uint64_t end;
	GArray *groups;
	guint i;

	*group = NULL;
	if (off >= index->size)
		return false;
	i = find_segment(index, off);
	s = &g_array_index(index->segments, struct avml_segment, i);
	if (!s->file_off) {
		find_zeros(s, off, block);
		return true;
	}
	groups = need_groups(index, i);
	off -= s->start;
	if (off >= s->data_len)
		return false;
	i = find_group(groups, off);
	*group = &g_array_index(groups, struct group, i);
	end = s->data_len;
	if (i + 1 < groups->len)
		end = MIN(end, (*group)[1].start);
	block->id = group_off(*group);
	block->start = s->start + (*group)->start;
	block->len = (uint32_t)(end - (*group)->start);
	return true;
}

static bool find_block(void *ctx, uint64_t off, struct image_block *block)
{
	const struct group *group;

	return find(ctx, off, block, &group);
}

/* Of a segment's last frame there may be more than belongs to it. */
static bool unpack_part(const struct snappy_frame *frame, const uint8_t *bytes,
			uint8_t *buf, size_t len)
{
	g_autofree uint8_t *whole = g_malloc(frame->data_len);

	if (!snappy_frame_unpack(frame, bytes, whole))
		return false;
	memcpy(buf, whole, len);
	return true;
}

static bool unpack_group(const AvmlIndex *index, const struct group *group,
			 uint8_t *buf, uint32_t len)
{
	uint64_t off = group_off(group);
	uint32_t span = group_span(group), done = 0;
	g_autofree uint8_t *bytes = g_malloc(span);
	struct snappy_frame frame;
	struct snappy_walk walk;
	g_autoptr(ImageIo) io = NULL;

	if (!image_io_read(index->io, off, bytes, span))
		return false;
	io = image_io_memory(bytes, span);
	snappy_walk_init(&walk, io, 0, span);
	while (done < len &&
	       snappy_walk_next(&walk, &frame) == SNAPPY_STATUS_FRAME) {
		const uint8_t *p = bytes + frame.off;
		uint32_t left = len - done;

		if (!frame.data_len)
			continue;
		if (frame.data_len > left ?
			    !unpack_part(&frame, p, buf + done, left) :
			    !snappy_frame_unpack(&frame, p, buf + done))
			return false;
		done += MIN(frame.data_len, left);
	}
	return done == len;
}

static bool decode_block(void *ctx, const struct image_block *block,
			 uint8_t *buf)
{
	const struct group *group;
	struct image_block same;

	if (!find(ctx, block->start, &same, &group) ||
	    same.start != block->start || same.len != block->len)
		return false;
	if (group)
		return unpack_group(ctx, group, buf, block->len);
	memset(buf, 0, block->len);
	return true;
}

static void free_index(void *ctx)
{
	avml_index_free(ctx);
}

static const struct image_blocks_ops avml_blocks = {
	.find = find_block,
	.decode = decode_block,
	.free = free_index,
};

ImageIo *avml_index_io(AvmlIndex *index, ImageCache *cache)
{
	return image_io_blocks(&avml_blocks, index, index->size,
			       image_io_mtime(index->io), cache);
}
