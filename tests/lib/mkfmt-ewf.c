/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writer: EWF (E01) as EnCase 6 has it, in one file or several. */
#include "config.h"

#include "lib/mkfmt-list.h"

#ifdef HAVE_ZLIB

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/bytes.h"

#define CHUNK 32768u
/* Of a table: EnCase has up to 65534; few, so that there are many tables. */
#define TABLE_CHUNKS 512u
#define SECTION 76u

struct ewf_out {
	const MkPhys *phys;
	char *path;	/* of the first file */
	bool compress;
	uint64_t split;	/* chunks of one file, 0: all */
	uint64_t size;	/* of the media: whole sectors */
	uint32_t segment;
	int fd;
	uint64_t pos;
	uint32_t offsets[TABLE_CHUNKS];
	uint8_t data[CHUNK];
	uint8_t packed[CHUNK + 1024];
};

static void put32(uint8_t *p, uint32_t v)
{
	v = GUINT32_TO_LE(v);
	memcpy(p, &v, sizeof v);
}

static void put64(uint8_t *p, uint64_t v)
{
	v = GUINT64_TO_LE(v);
	memcpy(p, &v, sizeof v);
}

static uint32_t sum(const void *data, size_t len)
{
	return (uint32_t)adler32(1, data, (uInt)len);
}

static bool put(struct ewf_out *o, const void *data, size_t len)
{
	bool good = mk_write_at(o->fd, data, len, o->pos);

	o->pos += len;
	return good;
}

/* The header of a section at off, of len bytes with it. `next` and `done`
 * lead to themselves. */
static bool put_section(struct ewf_out *o, uint64_t off, const char *type,
			uint64_t len)
{
	uint8_t d[SECTION] = { 0 };
	bool last = !strcmp(type, "next") || !strcmp(type, "done");

	memcpy(d, type, strlen(type));
	put64(d + 16, last ? off : off + len);
	put64(d + 24, last ? 0 : len);
	put32(d + 72, sum(d, 72));
	return mk_write_at(o->fd, d, sizeof d, off);
}

static bool put_whole(struct ewf_out *o, const char *type, const void *data,
		      size_t len)
{
	uint64_t off = o->pos;

	o->pos += SECTION;
	return put(o, data, len) &&
	       put_section(o, off, type, o->pos - off);
}

static uint64_t n_chunks(const struct ewf_out *o)
{
	return (o->size + CHUNK - 1) / CHUNK;
}

static bool put_volume(struct ewf_out *o, const char *type)
{
	uint8_t d[1052] = { 1 };

	put32(d + 4, (uint32_t)n_chunks(o));
	put32(d + 8, CHUNK / 512);
	put32(d + 12, 512);
	put64(d + 16, o->size / 512);
	d[52] = o->compress ? 1 : 0;
	memset(d + 64, 0x5a, 16);
	put32(d + 1048, sum(d, 1048));
	return put_whole(o, type, d, sizeof d);
}

static bool put_header(struct ewf_out *o)
{
	static const char text[] =
		"1\nmain\nc\tn\ta\te\tt\tav\tov\tm\tu\tp\r\n"
		"case\t1\tmemory\tme\t\t1\tx\t2023 12 29 17 29 27\t"
		"2023 12 29 17 29 27\t0\r\n\r\n";
	uLongf len = sizeof o->packed;

	return compress(o->packed, &len, (const Bytef *)text,
			sizeof text - 1) == Z_OK &&
	       put_whole(o, "header", o->packed, len) &&
	       put_volume(o, "volume");
}

/* Opens the next file: .E01, .E02... (up to .E99). */
static bool open_segment(struct ewf_out *o)
{
	uint8_t d[13] = { 'E', 'V', 'F', 9, 13, 10, 255, 0, 1 };
	g_autofree char *path = g_strdup(o->path);
	size_t len = strlen(path);

	o->segment++;
	if (o->segment > 1 && len > 2)
		g_snprintf(path + len - 2, 3, "%02u", o->segment % 100);
	if (o->fd >= 0 && close(o->fd) < 0)
		return false;
	o->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	o->pos = 0;
	d[9] = (uint8_t)o->segment;
	return o->fd >= 0 && put(o, d, sizeof d) &&
	       (o->segment == 1 ? put_header(o) : put_volume(o, "data"));
}

/* One chunk at a byte of the media; the last may be short. */
static bool put_chunk(struct ewf_out *o, uint64_t at, uint32_t *entry)
{
	size_t len = (size_t)MIN(CHUNK, o->size - at);
	uLongf packed = sizeof o->packed;

	mk_phys_read(o->phys, at, o->data, len);
	*entry = (uint32_t)o->pos;
	if (o->compress && compress2(o->packed, &packed, o->data, len, 1) ==
				   Z_OK && packed < len) {
		*entry |= UINT32_C(1) << 31;
		return put(o, o->packed, packed);
	}
	put32(o->packed, sum(o->data, len));
	return put(o, o->data, len) && put(o, o->packed, 4);
}

static bool put_table(struct ewf_out *o, const char *type, uint32_t n)
{
	g_autofree uint8_t *d = g_malloc0(24 + 4 * n + 4);

	put32(d, n);
	put32(d + 20, sum(d, 20));
	for (uint32_t i = 0; i < n; i++)
		put32(d + 24 + 4 * i, o->offsets[i]);
	put32(d + 24 + 4 * n, sum(d + 24, 4 * n));
	return put_whole(o, type, d, 24 + 4 * n + 4);
}

/* `sectors` with up to TABLE_CHUNKS chunks, and its tables. */
static bool put_chunks(struct ewf_out *o, uint64_t first, uint64_t n)
{
	uint64_t off = o->pos;

	o->pos += SECTION;
	for (uint64_t i = 0; i < n; i++)
		if (!put_chunk(o, (first + i) * CHUNK, &o->offsets[i]))
			return false;
	return put_section(o, off, "sectors", o->pos - off) &&
	       put_table(o, "table", (uint32_t)n) &&
	       put_table(o, "table2", (uint32_t)n);
}

static bool put_media(struct ewf_out *o)
{
	uint64_t left = o->split;

	if (!open_segment(o))
		return false;
	for (uint64_t at = 0; at < n_chunks(o);) {
		uint64_t n = MIN(n_chunks(o) - at, TABLE_CHUNKS);

		if (o->split && !left) {
			if (!put_section(o, o->pos, "next", SECTION) ||
			    !open_segment(o))
				return false;
			left = o->split;
		}
		n = o->split ? MIN(n, left) : n;
		if (!put_chunks(o, at, n))
			return false;
		at += n;
		left -= n;
	}
	return put_section(o, o->pos, "done", SECTION);
}

static bool write_set(const MkPhys *phys, const char *path, bool pack,
		      uint64_t split, GError **error)
{
	g_autofree struct ewf_out *o = g_new0(struct ewf_out, 1);
	bool good;

	o->phys = phys;
	o->path = g_strdup(path);
	o->compress = pack;
	o->split = split;
	o->size = (mk_phys_end(phys) + 511) / 512 * 512;
	o->fd = -1;
	good = put_media(o);
	if (o->fd >= 0 && close(o->fd) < 0)
		good = false;
	g_free(o->path);
	return good || mk_write_failed(error, path);
}

static bool write_ewf(const MkPhys *phys, const char *path,
		      const struct mk_write_options *options, const char *arg,
		      GError **error)
{
	(void)options;
	(void)arg;
	return write_set(phys, path, true, 0, error);
}

static bool write_plain(const MkPhys *phys, const char *path,
			const struct mk_write_options *options,
			const char *arg, GError **error)
{
	(void)options;
	(void)arg;
	return write_set(phys, path, false, 0, error);
}

bool mk_ewf_write_split(const MkPhys *phys, const char *path, uint64_t split,
			GError **error)
{
	return write_set(phys, path, true, split, error);
}

#define FLAGS (MK_WRITER_COMPRESSED | MK_WRITER_NO_MAP | MK_WRITER_WRAPPED)

const struct mk_writer mk_ewf_writer = {
	"ewf", "raw", "EWF (E01), compressed, memory from 0 on",
	FLAGS, write_ewf,
};
const struct mk_writer mk_ewf_none_writer = {
	"ewf-none", "raw", "EWF (E01), not compressed",
	FLAGS, write_plain,
};
#endif
