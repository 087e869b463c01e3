/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PDB files: MSF 7.00, with the streams that a reader of symbols needs, as
 * LLVM's "The PDB File Format" has them. Types are in mkpdbtypes.c.
 */
#include "config.h"

#include "lib/mkpdb-priv.h"

#include <string.h>

enum {
	STREAM_INFO = 1,
	STREAM_TPI,
	STREAM_DBI,
	STREAM_IPI,
	STREAM_SECTIONS,
	STREAM_SYMBOLS,
	STREAM_OMAP,
	STREAM_ORIGINAL,
	STREAMS,
	DBI_BYTES = 64,
	SECTION_BYTES = 40,
	/* The image in two sections; what was at RVA x of the original one is
	 * at x + MOVED. */
	SECTION_LEN = 0x1000000,
	MOVED = 0x3000,
	S_PUB32 = 0x110e,
	S_PUB32_ST = 0x1009,
	S_PROCREF = 0x1125,
};

void mk_pdb_u16(GByteArray *out, unsigned int value)
{
	const uint8_t b[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

	g_byte_array_append(out, b, sizeof(b));
}

void mk_pdb_u32(GByteArray *out, uint32_t value)
{
	mk_pdb_u16(out, value & 0xffff);
	mk_pdb_u16(out, value >> 16);
}

void mk_pdb_zeros(GByteArray *out, size_t len)
{
	const guint old = out->len;

	g_byte_array_set_size(out, old + (guint)len);
	memset(out->data + old, 0, len);
}

void mk_pdb_name(GByteArray *out, const char *name, bool counted)
{
	if (counted) {
		const uint8_t len = (uint8_t)strlen(name);

		g_byte_array_append(out, &len, 1);
	}
	g_byte_array_append(out, (const guint8 *)name,
			    (guint)(strlen(name) + !counted));
}

static void put_info(GByteArray *out, const struct mk_symbols *s)
{
	static const uint8_t order[16] = {3, 2, 1, 0,  5,  4,  7,  6,
					  8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t guid[16];

	for (unsigned int i = 0; i < 16; i++)
		guid[order[i]] = (uint8_t)(
			g_ascii_xdigit_value(s->guid[2 * i]) << 4 |
			g_ascii_xdigit_value(s->guid[2 * i + 1]));
	mk_pdb_u32(out, 20000404);
	mk_pdb_u32(out, 0x12345678);
	/* Not the age that counts: that one is in the DBI stream. */
	mk_pdb_u32(out, s->age + 7);
	g_byte_array_append(out, guid, sizeof(guid));
	mk_pdb_u32(out, 0); /* names of streams: none, in a table of one */
	mk_pdb_u32(out, 0);
	mk_pdb_u32(out, 1);
	mk_pdb_zeros(out, 8);
}

static void put_dbi(GByteArray *out, const struct mk_symbols *s)
{
	const uint16_t none = 0xffff;

	mk_pdb_u32(out, UINT32_MAX);
	mk_pdb_u32(out, 19990903);
	mk_pdb_u32(out, s->age);
	mk_pdb_u16(out, none);
	mk_pdb_u16(out, 0x8e1d);
	mk_pdb_u16(out, none);
	mk_pdb_u16(out, 0);
	mk_pdb_u16(out, STREAM_SYMBOLS);
	mk_pdb_u16(out, 0);
	mk_pdb_u32(out, 24); /* modules: bytes that are skipped */
	mk_pdb_u32(out, 4);  /* section contributions */
	mk_pdb_zeros(out, 16);
	mk_pdb_u32(out, 22); /* numbers of the debug streams */
	mk_pdb_u32(out, 0);
	mk_pdb_u16(out, 0);
	mk_pdb_u16(out, mk_layout_machine(s->layout));
	mk_pdb_zeros(out, DBI_BYTES - out->len + 24 + 4);
	for (unsigned int i = 0; i < 11; i++)
		mk_pdb_u16(out,
			 i == 5			       ? STREAM_SECTIONS
			 : i == 4 && s->rearranged  ? STREAM_OMAP
			 : i == 10 && s->rearranged ? STREAM_ORIGINAL
						    : none);
}

static void put_section(GByteArray *out, const char name[8], uint32_t va)
{
	g_byte_array_append(out, (const guint8 *)name, 8);
	mk_pdb_u32(out, SECTION_LEN);
	mk_pdb_u32(out, va);
	mk_pdb_zeros(out, SECTION_BYTES - 16);
}

static void put_sections(GByteArray *out, uint32_t va)
{
	put_section(out, ".text\0\0", va);
	put_section(out, ".data\0\0", va + SECTION_LEN);
}

/* Up to each address of the table all move together; the first page is gone
 * (its addresses moved to 0). */
static void put_omap(GByteArray *out)
{
	const uint32_t map[][2] = {{0, 0},
				   {0x1000, 0x1000 + MOVED},
				   {0x20000, 0x20000 + MOVED},
				   {SECTION_LEN, SECTION_LEN + MOVED}};

	for (size_t i = 0; i < G_N_ELEMENTS(map); i++) {
		mk_pdb_u32(out, map[i][0]);
		mk_pdb_u32(out, map[i][1]);
	}
}

static void put_symbol(GByteArray *out, const struct mk_symbols *s,
		       const struct mk_address *a)
{
	const bool x86 = mk_layout_machine(s->layout) == 0x14c;
	const uint32_t rva = a->rva - (s->rearranged ? MOVED : 0) - 0x1000;
	g_autofree char *name = g_strdup_printf(
		"%s%s%s", x86 ? "_" : "", a->name,
		x86 && g_str_has_prefix(a->name, "Ki") ? "@4" : "");
	const guint at = out->len;

	mk_pdb_u16(out, 0);
	mk_pdb_u16(out, s->old_names ? S_PUB32_ST : S_PUB32);
	mk_pdb_u32(out, 0);
	mk_pdb_u32(out, rva % SECTION_LEN);
	mk_pdb_u16(out, 1 + rva / SECTION_LEN);
	mk_pdb_name(out, name, s->old_names);
	mk_pdb_zeros(out, (4 - (out->len - at + 2) % 4) % 4 + 2);
	out->data[at] = (uint8_t)(out->len - at - 2);
	out->data[at + 1] = (uint8_t)((out->len - at - 2) >> 8);
}

static void put_symbols(GByteArray *out, const struct mk_symbols *s)
{
	/* A record of another kind in front. */
	mk_pdb_u16(out, 14);
	mk_pdb_u16(out, S_PROCREF);
	mk_pdb_zeros(out, 12);
	for (size_t i = 0; i < s->n_addresses; i++)
		put_symbol(out, s, &s->addresses[i]);
}

struct msf {
	GByteArray *streams[STREAMS];
	GByteArray *file;
	uint32_t block_bytes;
	bool scattered;
};

static uint32_t blocks_of(const struct msf *msf, size_t len)
{
	return (uint32_t)((len + msf->block_bytes - 1) / msf->block_bytes);
}

/* Puts bytes into fresh blocks, whose numbers go to list. */
static void put_blocks(struct msf *msf, const GByteArray *bytes,
		       GByteArray *list)
{
	const uint32_t n = blocks_of(msf, bytes->len);
	const uint32_t first = blocks_of(msf, msf->file->len);

	mk_pdb_zeros(msf->file, (size_t)(first + n) * msf->block_bytes -
					msf->file->len);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t block = first + (msf->scattered ? n - 1 - i
							       : i);
		const size_t at = (size_t)i * msf->block_bytes;

		memcpy(msf->file->data + (size_t)block * msf->block_bytes,
		       bytes->data + at,
		       MIN(msf->block_bytes, bytes->len - at));
		mk_pdb_u32(list, block);
	}
}

static void store32(uint8_t *at, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	memcpy(at, &value, sizeof(value));
}

/* Superblock, two maps of free blocks, streams, directory, its map. */
static void put_file(struct msf *msf)
{
	g_autoptr(GByteArray) directory = g_byte_array_new();
	g_autoptr(GByteArray) map = g_byte_array_new();
	g_autoptr(GByteArray) none = g_byte_array_new();
	uint8_t *head;

	mk_pdb_zeros(msf->file, (size_t)3 * msf->block_bytes);
	mk_pdb_u32(directory, STREAMS);
	for (unsigned int i = 0; i < STREAMS; i++)
		mk_pdb_u32(directory, msf->streams[i]->len);
	for (unsigned int i = 0; i < STREAMS; i++)
		put_blocks(msf, msf->streams[i], directory);
	put_blocks(msf, directory, map);
	put_blocks(msf, map, none);
	head = msf->file->data;
	memcpy(head, "Microsoft C/C++ MSF 7.00\r\n\x1a" "DS\0\0", 31);
	store32(head + 32, msf->block_bytes);
	store32(head + 36, 1);
	store32(head + 40, blocks_of(msf, msf->file->len));
	store32(head + 44, directory->len);
	store32(head + 52, blocks_of(msf, msf->file->len) - 1);
}

GByteArray *mk_pdb_bytes(const struct mk_symbols *s)
{
	struct msf msf = {
		.file = g_byte_array_new(),
		.block_bytes = s->block_bytes ? s->block_bytes : 4096,
		.scattered = s->scattered,
	};

	for (unsigned int i = 0; i < STREAMS; i++)
		msf.streams[i] = g_byte_array_new();
	put_info(msf.streams[STREAM_INFO], s);
	mk_pdb_put_types(msf.streams[STREAM_TPI], s);
	put_dbi(msf.streams[STREAM_DBI], s);
	put_symbols(msf.streams[STREAM_SYMBOLS], s);
	put_sections(msf.streams[STREAM_SECTIONS], 0x1000);
	if (s->rearranged) {
		put_omap(msf.streams[STREAM_OMAP]);
		put_sections(msf.streams[STREAM_ORIGINAL], 0x1000);
	}
	put_file(&msf);
	for (unsigned int i = 0; i < STREAMS; i++)
		g_byte_array_unref(msf.streams[i]);
	return msf.file;
}

bool mk_pdb_write(const char *path, const struct mk_symbols *symbols,
		  GError **error)
{
	g_autoptr(GByteArray) bytes = mk_pdb_bytes(symbols);

	return g_file_set_contents(path, (const char *)bytes->data,
				   (gssize)bytes->len, error);
}
