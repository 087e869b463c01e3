/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writers: AFF4 volumes as winpmem makes them: a map over a stream, in a zip
 * archive with 64-bit headers. In the forms of the standard, of the older
 * c-aff4 (Rekall) and of Evimetry.
 */
#include "config.h"

#include "lib/mkfmt-list.h"

#if defined(HAVE_ZIP) && defined(HAVE_ZLIB)

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_SNAPPY
#include <snappy-c.h>
#endif

#define CHUNK 32768u
/* Few, so that there are many bevies. */
#define PER_BEVY 64u
#define VOLUME "aff4://4c3d0e32-7d5b-4f2d-9d5c-a5a4a1f8c001"

enum form {
	FORM_STANDARD,
	FORM_REKALL,	/* starts of chunks as u32, /index */
	FORM_EVIMETRY,	/* ends of chunks as u32, /index; other names */
};

enum method {
	METHOD_ZLIB,
	METHOD_RAW_DEFLATE,
	METHOD_SNAPPY,
	METHOD_LZ4,
	METHOD_NULL,
};

static const char *const method_uris[] = {
	[METHOD_ZLIB] = "https://www.ietf.org/rfc/rfc1950.txt",
	[METHOD_RAW_DEFLATE] = "https://tools.ietf.org/html/rfc1951",
	[METHOD_SNAPPY] = "http://code.google.com/p/snappy/",
	[METHOD_LZ4] = "https://code.google.com/p/lz4/",
	[METHOD_NULL] = "http://aff4.org/Schema#NullCompressor",
};

struct aff_out {
	int fd;
	uint64_t pos;
	uint64_t n;		/* members */
	GByteArray *directory;
	enum form form;
	enum method method;
	bool pack_bevies;	/* by zip, too */
	const MkPhys *phys;
	GByteArray *bevy, *index;
	uint64_t n_chunks;	/* of the stream */
	uint64_t size;
	uint32_t filled;	/* of chunk */
	uint8_t chunk[CHUNK];
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

static bool put(struct aff_out *o, const void *data, size_t len)
{
	bool good = mk_write_at(o->fd, data, len, o->pos);

	o->pos += len;
	return good;
}

/* Raw deflate of data. */
static GByteArray *deflated(const void *data, size_t len)
{
	GByteArray *out = g_byte_array_new();
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data,
		       .avail_in = (uInt)len };

	deflateInit2(&z, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	g_byte_array_set_size(out, (guint)deflateBound(&z, len));
	z.next_out = out->data;
	z.avail_out = out->len;
	deflate(&z, Z_FINISH);
	g_byte_array_set_size(out, (guint)z.total_out);
	deflateEnd(&z);
	return out;
}

/* What a local and a central header have in common, from the version on. */
static void put_common(GByteArray *out, bool pack, uint32_t crc,
		       const char *name)
{
	put16(out, 45);
	put16(out, 0);
	put16(out, pack ? 8 : 0);
	put32(out, 0x579d8bb0); /* 2023-12-29, 17:29:32 */
	put32(out, crc);
	put32(out, UINT32_MAX);
	put32(out, UINT32_MAX);
	put16(out, strlen(name));
}

/* A member of that name. */
static bool put_member(struct aff_out *o, const char *name, const void *data,
		       size_t len, bool pack)
{
	g_autoptr(GByteArray) packed = pack ? deflated(data, len) : NULL;
	g_autoptr(GByteArray) head = g_byte_array_new();
	uint32_t crc = (uint32_t)crc32(0, data, (uInt)len);
	uint64_t stored = packed ? packed->len : len;
	GByteArray *dir = o->directory;

	put32(dir, 0x02014b50);
	put16(dir, 45);
	put_common(dir, pack, crc, name);
	put16(dir, 28);
	put16(dir, 0);
	put16(dir, 0);
	put16(dir, 0);
	put32(dir, 0);
	put32(dir, UINT32_MAX);
	g_byte_array_append(dir, (const guint8 *)name, (guint)strlen(name));
	put16(dir, 1);
	put16(dir, 24);
	put64(dir, len);
	put64(dir, stored);
	put64(dir, o->pos);
	o->n++;
	put32(head, 0x04034b50);
	put_common(head, pack, crc, name);
	put16(head, 20);
	g_byte_array_append(head, (const guint8 *)name, (guint)strlen(name));
	put16(head, 1);
	put16(head, 16);
	put64(head, len);
	put64(head, stored);
	return put(o, head->data, head->len) &&
	       (packed ? put(o, packed->data, packed->len) :
			 put(o, data, len));
}

static bool put_directory(struct aff_out *o)
{
	GByteArray *dir = o->directory;
	uint64_t len = dir->len;

	put32(dir, 0x06064b50);
	put64(dir, 44);
	put16(dir, 45);
	put16(dir, 45);
	put64(dir, 0);
	put64(dir, o->n);
	put64(dir, o->n);
	put64(dir, len);
	put64(dir, o->pos);
	put32(dir, 0x07064b50);
	put32(dir, 0);
	put64(dir, o->pos + len);
	put32(dir, 1);
	put32(dir, 0x06054b50);
	put32(dir, 0);
	put16(dir, UINT16_MAX);
	put16(dir, UINT16_MAX);
	put32(dir, UINT32_MAX);
	put32(dir, UINT32_MAX);
	put16(dir, strlen(VOLUME));
	g_byte_array_append(dir, (const guint8 *)VOLUME, strlen(VOLUME));
	return put(o, dir->data, dir->len);
}

/* Compresses a chunk; 0: it does not become shorter. */
static size_t pack_chunk(const struct aff_out *o, uint8_t *buf, size_t max)
{
	g_autoptr(GByteArray) raw = NULL;
	uLongf n = max;
#ifdef HAVE_SNAPPY
	size_t len = max;
#endif

	switch (o->method) {
	case METHOD_ZLIB:
		return compress2(buf, &n, o->chunk, CHUNK, 1) == Z_OK ? n : 0;
	case METHOD_RAW_DEFLATE:
		raw = deflated(o->chunk, CHUNK);
		memcpy(buf, raw->data, MIN(raw->len, max));
		return raw->len;
	case METHOD_SNAPPY:
#ifdef HAVE_SNAPPY
		if (snappy_compress((const char *)o->chunk, CHUNK, (char *)buf,
				    &len) == SNAPPY_OK)
			return len;
#endif
		return 0;
	case METHOD_LZ4:
#ifdef HAVE_LZ4
		return (size_t)LZ4_compress_default((const char *)o->chunk,
						    (char *)buf, CHUNK,
						    (int)max);
#else
		return 0;
#endif
	case METHOD_NULL:
		break;
	}
	return 0;
}

static bool put_bevy(struct aff_out *o)
{
	static const char *const paths[] = { "PhysicalMemory/data",
					     "PhysicalMemory%2Fdata" };
	g_autofree char *name = g_strdup_printf(
		"%s/%08u", paths[o->form == FORM_EVIMETRY],
		(unsigned)((o->n_chunks - 1) / PER_BEVY));
	g_autofree char *index = g_strconcat(
		name, o->form ? "/index" : ".index", NULL);
	bool good = put_member(o, index, o->index->data, o->index->len,
			       o->form == FORM_EVIMETRY) &&
		    put_member(o, name, o->bevy->data, o->bevy->len,
			       o->pack_bevies);

	g_byte_array_set_size(o->bevy, 0);
	g_byte_array_set_size(o->index, 0);
	return good;
}

static bool put_chunk(struct aff_out *o)
{
	static uint8_t buf[2 * CHUNK];
	uint64_t start = o->bevy->len;
	size_t len = pack_chunk(o, buf, sizeof buf);

	if (len && len < CHUNK - 16)
		g_byte_array_append(o->bevy, buf, (guint)len);
	else
		g_byte_array_append(o->bevy, o->chunk, CHUNK);
	if (o->form == FORM_STANDARD) {
		put64(o->index, start);
		put32(o->index, o->bevy->len - start);
	} else {
		put32(o->index, o->form == FORM_REKALL ? start : o->bevy->len);
	}
	o->filled = 0;
	return ++o->n_chunks % PER_BEVY || put_bevy(o);
}

/* Runs one behind the other. The last chunk is padded. */
static bool put_stream(struct aff_out *o)
{
	const struct mk_run *runs;
	size_t n;

	runs = mk_phys_runs(o->phys, &n);
	for (size_t i = 0; i < n; i++)
		for (uint64_t at = 0; at < runs[i].len;) {
			uint64_t some = MIN(runs[i].len - at,
					    CHUNK - o->filled);

			mk_phys_read(o->phys, runs[i].start + at,
				     o->chunk + o->filled, (size_t)some);
			at += some;
			o->filled += (uint32_t)some;
			o->size += some;
			if (o->filled == CHUNK && !put_chunk(o))
				return false;
		}
	if (o->filled) {
		memset(o->chunk + o->filled, 0, CHUNK - o->filled);
		if (!put_chunk(o))
			return false;
	}
	return !o->bevy->len || put_bevy(o);
}

/* A run in two entries, the second part of it first. */
static bool put_map(struct aff_out *o)
{
	static const char idx[] = VOLUME "/PhysicalMemory/data\n"
					 "http://aff4.org/Schema#Zero\n";
	g_autoptr(GByteArray) map = g_byte_array_new();
	const struct mk_run *runs;
	uint64_t off = 0;
	size_t n;

	runs = mk_phys_runs(o->phys, &n);
	for (size_t i = 0; i < n; i++) {
		uint64_t half = runs[i].len / 2 / MK_PAGE_SIZE * MK_PAGE_SIZE;

		put64(map, runs[i].start + half);
		put64(map, runs[i].len - half);
		put64(map, off + half);
		put32(map, 0);
		put64(map, runs[i].start);
		put64(map, half);
		put64(map, off);
		put32(map, 0);
		off += runs[i].len;
	}
	return put_member(o, "PhysicalMemory/idx", idx, sizeof idx - 1,
			  false) &&
	       put_member(o, "PhysicalMemory/map", map->data, map->len, false);
}

static bool put_yaml(struct aff_out *o, const struct mk_write_options *options)
{
	g_autoptr(GString) text = g_string_new("Imager: WinPmem 3.0\n");
	const struct mk_run *runs;
	size_t n;

	if (options->n_cpus)
		g_string_append_printf(text, "Registers:\n  CR3: %"
				       G_GUINT64_FORMAT "\n",
				       options->cpus[0].cr3);
	g_string_append(text, "NtBuildNumber: 19041\nRuns:\n");
	runs = mk_phys_runs(o->phys, &n);
	for (size_t i = 0; i < n; i++)
		g_string_append_printf(text, "  - start: %" G_GUINT64_FORMAT
				       "\n    length: %" G_GUINT64_FORMAT "\n",
				       runs[i].start, runs[i].len);
	return put_member(o, "PhysicalMemory/information.yaml", text->str,
			  text->len, false);
}

/* Names of types and properties of each form. */
static const struct names {
	const char *space, *map, *stream, *chunk, *per_bevy, *method;
} names[] = {
	{ "http://aff4.org/Schema#", "Map", "ImageStream", "chunkSize",
	  "chunksInSegment", "compressionMethod" },
	{ "http://aff4.org/Schema#", "map", "image", "chunk_size",
	  "chunks_per_segment", "compression" },
	{ "http://afflib.org/2009/aff4#", "map", "stream", "chunk_size",
	  "chunks_in_segment", "CompressionMethod" },
};

static bool put_turtle(struct aff_out *o)
{
	const struct names *t = &names[o->form];
	g_autofree char *text = g_strdup_printf(
		"@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>"
		" .\n@prefix aff4: <%s> .\n"
		"@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"
		"@prefix memory: <%smemory/> .\n\n"
		"<" VOLUME "/PhysicalMemory>\n"
		"    aff4:category memory:physical ;\n"
		"    aff4:stored <" VOLUME "> ;\n    a aff4:%s .\n\n"
		"<" VOLUME "/PhysicalMemory/data>\n    aff4:%s %u ;\n"
		"    aff4:%s \"%u\"^^xsd:int ;\n    aff4:%s <%s> ;\n"
		"    aff4:size \"%" G_GUINT64_FORMAT "\"^^xsd:long ;\n"
		"    aff4:stored <" VOLUME "> ;\n    a aff4:%s .\n\n",
		t->space, t->space, t->map, t->chunk, CHUNK, t->per_bevy,
		PER_BEVY, t->method, method_uris[o->method], o->size,
		t->stream);

	return put_member(o, "information.turtle", text, strlen(text), true);
}

static bool put_volume(struct aff_out *o,
		       const struct mk_write_options *options)
{
	static const char version[] = "major=1\nminor=0\ntool=mkmem\n";

	return put_member(o, "container.description", VOLUME, strlen(VOLUME),
			  false) &&
	       put_member(o, "version.txt", version, sizeof version - 1,
			  false) &&
	       put_yaml(o, options) && put_stream(o) && put_map(o) &&
	       put_turtle(o) && put_directory(o);
}

static bool write_volume(const MkPhys *phys, const char *path,
			 const struct mk_write_options *options,
			 enum form form, enum method method, bool pack_bevies,
			 GError **error)
{
	g_autofree struct aff_out *o = g_new0(struct aff_out, 1);
	bool good;

	o->phys = phys;
	o->form = form;
	o->method = method;
	o->pack_bevies = pack_bevies;
	o->directory = g_byte_array_new();
	o->bevy = g_byte_array_new();
	o->index = g_byte_array_new();
	o->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	good = o->fd >= 0 && put_volume(o, options);
	if (o->fd >= 0 && close(o->fd) < 0)
		good = false;
	g_byte_array_unref(o->directory);
	g_byte_array_unref(o->bevy);
	g_byte_array_unref(o->index);
	return good || mk_write_failed(error, path);
}

#define FLAGS (MK_WRITER_COMPRESSED | MK_WRITER_NO_MAP)
#define WRITER(variable, writer, help, form, method, pack) \
	static bool write_##variable( \
		const MkPhys *phys, const char *path, \
		const struct mk_write_options *options, const char *arg, \
		GError **error) \
	{ \
		(void)arg; \
		return write_volume(phys, path, options, form, method, pack, \
				    error); \
	} \
	const struct mk_writer mk_##variable##_writer = { \
		writer, "aff4", help, \
		FLAGS | ((pack) ? MK_WRITER_TAIL : 0), write_##variable, \
	}

WRITER(aff4, "aff4", "AFF4 as winpmem's, zlib", FORM_STANDARD, METHOD_ZLIB,
       false);
WRITER(aff4_deflate, "aff4-deflate", "AFF4, deflate without zlib's header",
       FORM_STANDARD, METHOD_RAW_DEFLATE, false);
WRITER(aff4_null, "aff4-null", "AFF4, not compressed", FORM_STANDARD,
       METHOD_NULL, false);
WRITER(aff4_zipped, "aff4-zipped", "AFF4, bevies compressed by zip",
       FORM_STANDARD, METHOD_NULL, true);
WRITER(aff4_rekall, "aff4-rekall", "AFF4 of c-aff4 before 1.0", FORM_REKALL,
       METHOD_ZLIB, false);
WRITER(aff4_evimetry, "aff4-evimetry", "AFF4 before the standard",
       FORM_EVIMETRY, METHOD_ZLIB, false);
#ifdef HAVE_SNAPPY
WRITER(aff4_snappy, "aff4-snappy", "AFF4, snappy", FORM_STANDARD,
       METHOD_SNAPPY, false);
#endif
#ifdef HAVE_LZ4
WRITER(aff4_lz4, "aff4-lz4", "AFF4, LZ4", FORM_STANDARD, METHOD_LZ4, false);
#endif

#endif
