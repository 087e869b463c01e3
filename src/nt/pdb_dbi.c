/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The debug information stream, and addresses of symbols. */
#include "config.h"

#include "base/reader.h"
#include "nt/pdb_dbi.h"
#include "nt/symfill.h"

enum {
	DBI_BYTES = 64,
	DEBUG_STREAMS = 11, /* numbers at the end of the stream */
	DEBUG_OMAP_FROM = 4,
	DEBUG_SECTIONS = 5,
	DEBUG_ORIGINAL = 10,
	SECTION_BYTES = 40, /* IMAGE_SECTION_HEADER */
	SECTION_VA = 12,
	OMAP_BYTES = 8, /* two u32: RVA, RVA now */
	MACHINE_X86 = 0x14c,
};
#define DBI_SIGNATURE UINT32_MAX
#define ALL UINT64_MAX

/* Symbol records. With all of these a type or flags, an offset and a section
 * are in front of the name. */
enum {
	S_LDATA32_ST = 0x1007,
	S_GDATA32_ST = 0x1008,
	S_PUB32_ST = 0x1009,
	S_LDATA32 = 0x110c,
	S_GDATA32 = 0x110d,
	S_PUB32 = 0x110e,
};

/* Where the numbers of the debug streams are. */
static void read_debug_streams(const NtMsf *msf, uint64_t off, uint32_t len,
			       struct nt_dbi *dbi)
{
	uint16_t streams[DEBUG_STREAMS];
	g_autoptr(GBytes) bytes = nt_msf_read(msf, MSF_DBI, off, len);
	const uint8_t *p;
	gsize n = 0;

	memset(streams, 0xff, sizeof streams);
	p = bytes ? g_bytes_get_data(bytes, &n) : NULL;
	for (size_t i = 0; i < DEBUG_STREAMS && 2 * i + 2 <= n; i++)
		streams[i] = load_le16(p + 2 * i);
	dbi->omap = streams[DEBUG_OMAP_FROM];
	dbi->sections = streams[DEBUG_SECTIONS];
	dbi->original_sections = streams[DEBUG_ORIGINAL];
}

bool nt_dbi_read(const NtMsf *msf, struct nt_dbi *ret)
{
	/* Lengths of what lies between the header and the debug streams:
	 * modules, section contributions, section map, files, type servers,
	 * and edit-and-continue. */
	static const uint8_t lengths[] = { 24, 28, 32, 36, 40, 52 };
	g_autoptr(GBytes) bytes = nt_msf_read(msf, MSF_DBI, 0, DBI_BYTES);
	uint64_t off = DBI_BYTES;
	struct nt_dbi dbi = { 0 };
	const uint8_t *p;
	gsize len = 0;

	p = bytes ? g_bytes_get_data(bytes, &len) : NULL;
	if (len < DBI_BYTES || load_le32(p) != DBI_SIGNATURE)
		return false;
	dbi.age = load_le32(p + 8);
	dbi.symbols = load_le16(p + 20);
	dbi.machine = load_le16(p + 58);
	for (size_t i = 0; i < sizeof lengths; i++)
		off += load_le32(p + lengths[i]);
	read_debug_streams(msf, off, load_le32(p + 48), &dbi);
	*ret = dbi;
	return true;
}

struct address_map {
	GBytes *sections;
	GBytes *omap; /* or NULL */
	bool x86;
};

/* OMAP: addresses up to the next entry move together; those that moved to 0
 * are no more. */
static uint64_t moved(GBytes *omap, uint64_t rva)
{
	gsize len;
	const uint8_t *p = g_bytes_get_data(omap, &len);
	gsize low = 0, high = len / OMAP_BYTES;
	uint32_t to;

	while (low < high) {
		gsize mid = low + (high - low) / 2;

		if (load_le32(p + mid * OMAP_BYTES) <= rva)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return 0;
	p += (low - 1) * OMAP_BYTES;
	to = load_le32(p + 4);
	return to ? to + (rva - load_le32(p)) : 0;
}

/* 0: nowhere. */
static uint64_t rva_of(const struct address_map *map, uint16_t section,
		       uint32_t off)
{
	gsize len;
	const uint8_t *p = g_bytes_get_data(map->sections, &len);
	uint64_t rva;

	if (!section || !range_fits(((uint64_t)section - 1) * SECTION_BYTES,
				    SECTION_BYTES, len))
		return 0;
	p += ((gsize)section - 1) * SECTION_BYTES;
	rva = (uint64_t)load_le32(p + SECTION_VA) + off;
	return map->omap ? moved(map->omap, rva) : rva;
}

/* Calling conventions of x86: cdecl and data "_Name", stdcall "_Name@4",
 * fastcall "@Name@8". */
static void undecorate(const char **name, size_t *len)
{
	size_t n = *len;

	if (!n || ((*name)[0] != '_' && (*name)[0] != '@'))
		return;
	++*name;
	--*len;
	n = *len;
	while (n && g_ascii_isdigit((*name)[n - 1]))
		n--;
	if (n > 1 && n < *len && (*name)[n - 1] == '@')
		*len = n - 1;
}

static void add_symbol(const struct address_map *map, const NtWanted *wanted,
		       NtSymbols *symbols, unsigned kind, struct reader *r)
{
	bool counted = kind < S_LDATA32;
	uint32_t off;
	uint16_t section;
	const char *name;
	size_t len;

	reader_skip(r, 4); /* flags or type */
	off = reader_u32(r);
	section = reader_u16(r);
	len = counted ? reader_u8(r) : r->len_bytes - MIN(r->pos, r->len_bytes);
	name = (const char *)reader_bytes(r, len);
	if (!reader_ok(r))
		return;
	len = strnlen(name, len);
	if (map->x86)
		undecorate(&name, &len);
	nt_wanted_add(wanted, symbols, name, len, rva_of(map, section, off));
}

static bool is_public(unsigned kind)
{
	return kind == S_PUB32 || kind == S_PUB32_ST;
}

static bool is_global(unsigned kind)
{
	return kind == S_LDATA32 || kind == S_GDATA32 ||
	       kind == S_LDATA32_ST || kind == S_GDATA32_ST;
}

static void each_symbol(GBytes *records, const struct address_map *map,
			const NtWanted *wanted, NtSymbols *symbols,
			bool (*want)(unsigned kind))
{
	gsize size;
	const uint8_t *data = g_bytes_get_data(records, &size);
	gsize pos = 0;

	while (range_fits(pos, 4, size)) {
		uint16_t len = load_le16(data + pos);
		unsigned kind = load_le16(data + pos + 2);
		struct reader r;

		if (len < 2 || !range_fits(pos + 2, len, size))
			return;
		if (want(kind)) {
			reader_init(&r, data + pos + 4, len - 2u);
			add_symbol(map, wanted, symbols, kind, &r);
		}
		pos += 2u + len;
	}
}

void nt_dbi_symbols(const NtMsf *msf, const struct nt_dbi *dbi,
		    NtSymbols *symbols)
{
	g_autoptr(NtWanted) wanted = nt_wanted_new();
	g_autoptr(GBytes) records = nt_msf_read(msf, dbi->symbols, 0, ALL);
	g_autoptr(GBytes) now = nt_msf_read(msf, dbi->sections, 0, ALL);
	g_autoptr(GBytes) before =
		nt_msf_read(msf, dbi->original_sections, 0, ALL);
	g_autoptr(GBytes) omap = nt_msf_read(msf, dbi->omap, 0, ALL);
	struct address_map map = { .x86 = dbi->machine == MACHINE_X86 };

	/* A symbol's section is one of the image before it was rearranged. */
	map.omap = before ? omap : NULL;
	map.sections = map.omap ? before : now;
	if (!records || !map.sections)
		return;
	each_symbol(records, &map, wanted, symbols, is_public);
	each_symbol(records, &map, wanted, symbols, is_global);
}
