/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zip archives that were cut: the headers of the members say enough. */
#include "config.h"

#include "base/bytes.h"
#include "image/affcut.h"
#include "image/affzip.h"

#define LOCAL_SIZE 30u
#define CENTRAL_SIZE 46u
#define END_SIZE 22u
#define END64_SIZE 56u
#define LOCATOR_SIZE 20u
/* A comment has 65535 bytes at the most. */
#define TAIL_MAX (65535u + END_SIZE + LOCATOR_SIZE)
/* Names and extra fields of all members. */
#define DIRECTORY_MAX (UINT64_C(32) << 20)

#define LOCAL_MAGIC 0x04034b50u
#define CENTRAL_MAGIC 0x02014b50u
#define END_MAGIC 0x06054b50u
#define END64_MAGIC 0x06064b50u
#define LOCATOR_MAGIC 0x07064b50u
#define DESCRIPTOR_MAGIC 0x08074b50u

/* Flags: sizes follow the data. */
#define HAS_DESCRIPTOR 8u

static bool is_sane(uint64_t n, uint64_t bytes)
{
	return n <= AFF_MEMBERS_MAX && bytes <= DIRECTORY_MAX &&
	       bytes / CENTRAL_SIZE >= n;
}

/* The larger form, which a locator before the end leads to. */
static bool check_end64(const ImageIo *io, const uint8_t *locator)
{
	uint8_t d[END64_SIZE];

	return load_le32(locator) == LOCATOR_MAGIC &&
	       image_io_read(io, load_le64(locator + 8), d, sizeof d) &&
	       load_le32(d) == END64_MAGIC &&
	       is_sane(load_le64(d + 24), load_le64(d + 40)) &&
	       is_sane(load_le64(d + 32), load_le64(d + 40));
}

/* libzip may choose any that it finds, so none may be made up. */
bool aff_cut_has_directory(const ImageIo *io)
{
	uint64_t size = image_io_size(io);
	size_t len = (size_t)MIN(size, TAIL_MAX);
	g_autofree uint8_t *tail = g_malloc(len + 1);
	bool found = false;

	if (len < END_SIZE || !image_io_read(io, size - len, tail, len))
		return false;
	for (size_t at = 0; at + END_SIZE <= len; at++) {
		const uint8_t *d = tail + at;
		bool is64;

		if (load_le32(d) != END_MAGIC)
			continue;
		is64 = load_le16(d + 10) == UINT16_MAX ||
		       load_le32(d + 12) == UINT32_MAX ||
		       load_le32(d + 16) == UINT32_MAX ||
		       (at >= LOCATOR_SIZE &&
			load_le32(d - LOCATOR_SIZE) == LOCATOR_MAGIC);
		if (is64 ? at < LOCATOR_SIZE ||
				    !check_end64(io, d - LOCATOR_SIZE) :
			   !is_sane(load_le16(d + 10), load_le32(d + 12)))
			return false;
		found = true;
	}
	return found;
}

/* A member, as its own header has it. */
struct local {
	uint64_t off;	/* of the header */
	uint64_t data;
	uint64_t packed, size;
	uint16_t flags, method, name_len, extra_len;
	uint8_t fixed[LOCAL_SIZE];
};

static void put16(GByteArray *out, uint64_t v)
{
	uint16_t le = GUINT16_TO_LE((uint16_t)v);

	g_byte_array_append(out, (const guint8 *)&le, sizeof le);
}

static void put32(GByteArray *out, uint64_t v)
{
	uint32_t le = GUINT32_TO_LE((uint32_t)v);

	g_byte_array_append(out, (const guint8 *)&le, sizeof le);
}

static void put64(GByteArray *out, uint64_t v)
{
	uint64_t le = GUINT64_TO_LE(v);

	g_byte_array_append(out, (const guint8 *)&le, sizeof le);
}

/* Sizes of 64 bits are in extra field 1. */
static void read_extra(struct local *l, const uint8_t *extra)
{
	size_t at = 0;

	while (at + 4 <= l->extra_len) {
		size_t len = load_le16(extra + at + 2);

		if (len > l->extra_len - at - 4)
			return;
		if (load_le16(extra + at) == 1 && len >= 16) {
			if (l->size == UINT32_MAX)
				l->size = load_le64(extra + at + 4);
			if (l->packed == UINT32_MAX)
				l->packed = load_le64(extra + at + 12);
			return;
		}
		at += 4 + len;
	}
}

/* Is there a descriptor at d, of data of that length? With sizes of 64 bits or
 * of 32: magic, CRC, compressed, not compressed. */
static bool is_descriptor(const uint8_t *d, size_t left, uint64_t length,
			  struct local *l)
{
	if (load_le32(d) != DESCRIPTOR_MAGIC)
		return false;
	if (left >= 24 && load_le64(d + 8) == length)
		l->size = load_le64(d + 16);
	else if (load_le32(d + 8) == length)
		l->size = load_le32(d + 12);
	else
		return false;
	l->packed = length;
	return true;
}

/* Sizes that follow the data: looked for as a descriptor, whose size must be
 * the distance to the data. */
static bool find_descriptor(const ImageIo *io, struct local *l)
{
	enum { PIECE = 65536, OVERLAP = 24 };
	g_autofree uint8_t *buf = g_malloc(PIECE);
	uint64_t size = image_io_size(io);

	for (uint64_t at = l->data; at < size; at += PIECE - OVERLAP) {
		size_t len = (size_t)MIN(PIECE, size - at);
		/* What starts behind that is in the next piece as a whole. */
		size_t least = at + len < size ? OVERLAP : 16;

		if (!image_io_read(io, at, buf, len))
			return false;
		for (size_t i = 0; i + least <= len; i++)
			if (is_descriptor(buf + i, len - i, at + i - l->data,
					  l))
				return true;
		if (len < PIECE)
			break;
	}
	l->packed = size - l->data;
	l->size = l->packed;
	return true;
}

/* The header at off; false: there is none. */
static bool read_local(const ImageIo *io, uint64_t off, struct local *l,
		       uint8_t names[2 * UINT16_MAX])
{
	uint64_t left;

	*l = (struct local){ .off = off };
	if (!image_io_read(io, off, l->fixed, LOCAL_SIZE) ||
	    load_le32(l->fixed) != LOCAL_MAGIC)
		return false;
	l->flags = load_le16(l->fixed + 6);
	l->method = load_le16(l->fixed + 8);
	l->packed = load_le32(l->fixed + 18);
	l->size = load_le32(l->fixed + 22);
	l->name_len = load_le16(l->fixed + 26);
	l->extra_len = load_le16(l->fixed + 28);
	l->data = off + LOCAL_SIZE + l->name_len + l->extra_len;
	if (!l->name_len ||
	    !image_io_read(io, off + LOCAL_SIZE, names,
			   (size_t)l->name_len + l->extra_len))
		return false;
	read_extra(l, names + l->name_len);
	if ((l->flags & HAS_DESCRIPTOR) && !l->packed &&
	    !find_descriptor(io, l))
		return false;
	left = image_io_size(io) - l->data;
	if (l->packed > left) {
		l->packed = left;
		if (!l->method)
			l->size = left;
	}
	return true;
}

static void put_central(GByteArray *out, const struct local *l,
			const uint8_t *name)
{
	put32(out, CENTRAL_MAGIC);
	put16(out, 45); /* made by, needed: with 64 bits */
	put16(out, 45);
	put16(out, l->flags & ~HAS_DESCRIPTOR);
	g_byte_array_append(out, l->fixed + 8, 10); /* method, time, CRC */
	put32(out, UINT32_MAX);
	put32(out, UINT32_MAX);
	put16(out, l->name_len);
	put16(out, 28);
	put16(out, 0); /* comment, disk, attributes */
	put16(out, 0);
	put16(out, 0);
	put32(out, 0);
	put32(out, UINT32_MAX);
	g_byte_array_append(out, name, l->name_len);
	put16(out, 1);
	put16(out, 24);
	put64(out, l->size);
	put64(out, l->packed);
	put64(out, l->off);
}

static void put_end(GByteArray *out, uint64_t n, uint64_t start)
{
	uint64_t bytes = out->len;

	put32(out, END64_MAGIC);
	put64(out, END64_SIZE - 12);
	put16(out, 45);
	put16(out, 45);
	put64(out, 0);
	put64(out, n);
	put64(out, n);
	put64(out, bytes);
	put64(out, start);
	put32(out, LOCATOR_MAGIC);
	put32(out, 0);
	put64(out, start + bytes);
	put32(out, 1);
	put32(out, END_MAGIC);
	put32(out, 0);
	put16(out, UINT16_MAX);
	put16(out, UINT16_MAX);
	put32(out, UINT32_MAX);
	put32(out, UINT32_MAX);
	put16(out, 0);
}

/* Behind a member may stand its descriptor, of 16 or 24 bytes. */
static uint64_t next_header(const ImageIo *io, const struct local *l)
{
	uint64_t at = l->data + l->packed;
	uint8_t d[4];

	if (!image_io_read(io, at, d, 4) ||
	    load_le32(d) != DESCRIPTOR_MAGIC)
		return at;
	if (image_io_read(io, at + 24, d, 4) && (load_le32(d) == LOCAL_MAGIC ||
						 load_le32(d) == CENTRAL_MAGIC))
		return at + 24;
	return at + 16;
}

GByteArray *aff_cut_make_directory(const ImageIo *io)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autofree uint8_t *names = g_malloc(2 * UINT16_MAX);
	struct local l;
	uint64_t n = 0, off = 0;

	while (n < AFF_MEMBERS_MAX && out->len < DIRECTORY_MAX &&
	       read_local(io, off, &l, names)) {
		put_central(out, &l, names);
		off = next_header(io, &l);
		n++;
	}
	if (!n)
		return NULL;
	put_end(out, n, image_io_size(io));
	return g_steal_pointer(&out);
}
