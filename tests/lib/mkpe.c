/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PE images as they lie in memory: sections that lie elsewhere in the file, the
 * record of a PDB, a version. Source: PE/COFF specification. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

#define PE_AT 0x80u
#define OPTIONAL_AT (PE_AT + 24)
#define HEADERS 0x400u
#define CODE 0x60000020u
#define RDATA 0x40000040u
#define DATA 0xc0000040u

struct section {
	const char *name;
	uint32_t rva, size, raw_size, flags;
};

/* Five pages; and sixteen, of a program: .data ends in what no file has. */
static const struct section small_sections[] = {
	{".text", 0x1000, 0xf80, 0x1000, CODE},
	{".rdata", 0x2000, 0x580, 0x600, RDATA},
	{".data", 0x3000, 0x1000, 0x200, DATA},
	{".rsrc", 0x4000, 0x200, 0x200, RDATA},
};
static const struct section large_sections[] = {
	{".text", 0x1000, 0x8000, 0x8000, CODE},
	{".rdata", 0x9000, 0x1f00, 0x2000, RDATA},
	{".data", 0xb000, 0x3000, 0x400, DATA},
	{".rsrc", 0xe000, 0x200, 0x200, RDATA},
};

struct pe {
	const struct mk_image *image;
	const struct section *sections;
	uint8_t *bytes;
};

static void put(const struct pe *pe, uint32_t at, uint64_t value,
		unsigned int n)
{
	value = GUINT64_TO_LE(value);
	memcpy(pe->bytes + at, &value, n);
}

static void put_optional(const struct pe *pe)
{
	const bool wide = pe->image->wide;

	put(pe, OPTIONAL_AT, wide ? 0x20b : 0x10b, 2);
	put(pe, OPTIONAL_AT + 2, 14, 1);
	put(pe, OPTIONAL_AT + 4, pe->sections[0].raw_size, 4);
	put(pe, OPTIONAL_AT + 16, 0x1000, 4);
	put(pe, OPTIONAL_AT + 20, 0x1000, 4);
	if (wide)
		put(pe, OPTIONAL_AT + 24, pe->image->base, 8);
	else
		put(pe, OPTIONAL_AT + 28, pe->image->base, 4);
	put(pe, OPTIONAL_AT + 32, 0x1000, 4);
	put(pe, OPTIONAL_AT + 36, 0x200, 4);
	put(pe, OPTIONAL_AT + 40, 6, 2);
	put(pe, OPTIONAL_AT + 48, 6, 2);
	put(pe, OPTIONAL_AT + 56, pe->image->pages * MK_PAGE_SIZE, 4);
	put(pe, OPTIONAL_AT + 60, HEADERS, 4);
	put(pe, OPTIONAL_AT + 64, 0x10000 + pe->image->number, 4);
	put(pe, OPTIONAL_AT + 68, 3, 2);
	put(pe, OPTIONAL_AT + (wide ? 108 : 92), 16, 4);
}

static void put_directory(const struct pe *pe, unsigned int i, uint32_t rva,
			  uint32_t size)
{
	const uint32_t at = OPTIONAL_AT + (pe->image->wide ? 112 : 96) + 8 * i;

	put(pe, at, rva, 4);
	put(pe, at + 4, size, 4);
}

static void put_headers(const struct pe *pe)
{
	const uint32_t optional = pe->image->wide ? 240 : 224;
	uint32_t raw = HEADERS;

	memcpy(pe->bytes, "MZ\x90", 3);
	put(pe, 60, PE_AT, 4);
	memcpy(pe->bytes + PE_AT, "PE\0\0", 4);
	put(pe, PE_AT + 4, pe->image->machine, 2);
	put(pe, PE_AT + 6, MK_PE_SECTIONS, 2);
	put(pe, PE_AT + 8, pe->image->timestamp, 4);
	put(pe, PE_AT + 20, optional, 2);
	put(pe, PE_AT + 22, pe->image->pages > 5 ? 0x22 : 0x2022, 2);
	put_optional(pe);
	for (uint32_t i = 0; i < MK_PE_SECTIONS; i++) {
		const struct section *s = &pe->sections[i];
		const uint32_t at = OPTIONAL_AT + optional + 40 * i;

		memcpy(pe->bytes + at, s->name, strlen(s->name));
		put(pe, at + 8, s->size, 4);
		put(pe, at + 12, s->rva, 4);
		put(pe, at + 16, s->raw_size, 4);
		put(pe, at + 20, raw, 4);
		put(pe, at + 36, s->flags, 4);
		raw += s->raw_size;
	}
}

/* Small functions: push, load a number, pop, return; and what is between them.
 */
static void put_code(const struct pe *pe)
{
	const struct section *s = &pe->sections[0];
	struct mk_random random = {mk_random_mix(pe->image->number)};

	for (uint32_t at = s->rva; at + 16 <= s->rva + s->size; at += 16) {
		put(pe, at, 0x55, 1);
		put(pe, at + 1, 0xb8, 1);
		put(pe, at + 2, at + pe->image->number, 4);
		put(pe, at + 6, 0xc35d, 2);
		put(pe, at + 8, mk_random_next(&random), 8);
	}
}

/* The debug directory, and behind it the record. */
static void put_debug(const struct pe *pe)
{
	const struct mk_image *image = pe->image;
	const uint32_t at = pe->sections[1].rva, record = at + 0x40;
	const size_t len = strlen(image->pdb) + 1;

	put_directory(pe, 6, at, 28);
	put(pe, at + 4, image->timestamp, 4);
	put(pe, at + 12, 2, 4);
	put(pe, at + 16, 24 + len, 4);
	put(pe, at + 20, record, 4);
	put(pe, at + 24, HEADERS + pe->sections[0].raw_size + 0x40, 4);
	memcpy(pe->bytes + record, "RSDS", 4);
	memcpy(pe->bytes + record + 4, image->guid, sizeof(image->guid));
	put(pe, record + 20, 1, 4);
	memcpy(pe->bytes + record + 24, image->pdb, len);
}

static void put_text(const struct pe *pe, uint32_t at, const char *text)
{
	for (; *text; text++, at += 2)
		put(pe, at, (uint8_t)*text, 2);
}

/* RT_VERSION, 1, 1033; VS_VERSIONINFO with its fixed part, and a table of no
 * texts. */
static void put_version(const struct pe *pe)
{
	const uint32_t at = pe->sections[3].rva, info = at + 0x80;
	const uint32_t len = 92 + 36 + 24;
	const uint32_t fixed[13] = {
		0xfeef04bd, 0x10000, pe->image->version[0],
		pe->image->version[1], pe->image->version[0],
		pe->image->version[1], 0x3f, 0, 0x40004, 2,
	};

	put_directory(pe, 2, at, 0x200);
	for (uint32_t i = 0; i < 3; i++) {
		put(pe, at + 0x18 * i + 14, 1, 2);
		put(pe, at + 0x18 * i + 16, i == 0 ? 16 : i == 1 ? 1 : 1033,
		    4);
		put(pe, at + 0x18 * i + 20,
		    i < 2 ? 0x80000000u | 0x18 * (i + 1) : 0x50, 4);
	}
	put(pe, at + 0x50, info, 4);
	put(pe, at + 0x54, len, 4);
	put(pe, info, len, 2);
	put(pe, info + 2, sizeof(fixed), 2);
	put_text(pe, info + 6, "VS_VERSION_INFO");
	for (uint32_t i = 0; i < 13; i++)
		put(pe, info + 40 + 4 * i, fixed[i], 4);
	put(pe, info + 92, 36 + 24, 2);
	put(pe, info + 96, 1, 2);
	put_text(pe, info + 98, "StringFileInfo");
	put(pe, info + 128, 24, 2);
	put(pe, info + 132, 1, 2);
	put_text(pe, info + 134, "040904B0");
}

/* Initial values, then what was written since. */
static void put_data(const struct pe *pe)
{
	const struct section *s = &pe->sections[2];

	for (uint32_t i = 0; i + 4 <= s->size; i += 4)
		put(pe, s->rva + i, (i < s->raw_size ? 0x1000000 : 0x2000000) +
			    i, 4);
}

uint8_t *mk_pe_build(const struct mk_image *image)
{
	const struct pe pe = {
		.image = image,
		.sections = image->pages > 5 ? large_sections : small_sections,
		.bytes = g_malloc0(image->pages * MK_PAGE_SIZE),
	};

	put_headers(&pe);
	put_code(&pe);
	put_debug(&pe);
	put_data(&pe);
	put_version(&pe);
	return pe.bytes;
}

unsigned int mk_pe_protection(const struct mk_image *image, unsigned int page)
{
	const struct section *sections =
		image->pages > 5 ? large_sections : small_sections;
	size_t i = MK_PE_SECTIONS;

	while (i > 0 && sections[i - 1].rva > page * MK_PAGE_SIZE)
		i--;
	if (i == 0 || sections[i - 1].flags == RDATA)
		return MK_PROT_R;
	return sections[i - 1].flags == CODE ? MK_PROT_RX : MK_PROT_WC;
}

void mk_image_init(MkWin *win, struct mk_image *image, const char *name,
		   bool wide, unsigned int pages)
{
	struct mk_random random = {mk_random_mix(
		win->options.seed ^ g_str_hash(name) ^ (wide ? 64 : 32))};
	g_autofree char *pdb = g_strdup_printf("d:\\made\\%s.pdb", name);

	*image = (struct mk_image){
		.wide = wide,
		.pages = pages,
		.machine = wide == !mk_is_32bit(win) ? mk_machine(win) : 0x14c,
		.number = (uint32_t)mk_random_below(&random, 0x10000),
		.name = g_intern_string(name),
		.pdb = g_intern_string(pdb),
	};
	image->timestamp = 0x50000000 + image->number;
	image->version[0] = 6 << 16 | 2;
	image->version[1] = win->build << 16 | (image->number & 0xff);
	for (size_t i = 0; i < sizeof(image->guid); i++)
		image->guid[i] = (uint8_t)mk_random_below(&random, 256);
}
