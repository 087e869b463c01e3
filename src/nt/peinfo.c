/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What PE images in memory say of themselves. */
#include "config.h"

#include "base/bytes.h"
#include "base/reader.h"
#include "base/text.h"
#include "nt/peinfo.h"

enum {
	DOS_BYTES = 64,
	DOS_LFANEW = 60,
	/* "PE\0\0", IMAGE_FILE_HEADER, and the longest optional header that
	 * has a meaning. */
	FILE_BYTES = 24,
	OPTIONAL_BYTES_MAX = 112 + 8 * NT_PE_DIRS,
	/* The header lies before the first section, which no linker puts
	 * behind that. */
	LFANEW_MAX = 0x100000,
	MAGIC_32 = 0x10b,
	MAGIC_64 = 0x20b,
	DEBUG_CODEVIEW = 2,
	DEBUG_ENTRY = 28,
	DEBUG_ENTRIES_MAX = 32,
	RSDS_BYTES = 24,	/* before the name */
	PDB_NAME_MAX = 1024,
	RT_VERSION = 16,
	RESOURCE_ENTRIES_MAX = 1024,
	/* u16 Length, ValueLength, Type, "VS_VERSION_INFO" in UTF-16 with its
	 * NUL, up to a multiple of 4. */
	VERSION_VALUE = 40,
	VERSION_BYTES = NT_PE_VERSION_WORDS * 4,
};
#define VERSION_SIGNATURE 0xfeef04bdu
#define RESOURCE_FOLDER 0x80000000u

static bool read_at(const struct addr_space *as, uint64_t base, uint64_t rva,
		    void *buf, size_t len)
{
	return vtop_read(as, VIRT(base + rva), buf, len);
}

/* The optional header; r is at its start and has all of it. */
static bool parse_optional(struct reader *r, struct nt_pe_head *h)
{
	const size_t at = r->pos;
	uint16_t magic = reader_u16(r);
	uint32_t n_dirs;

	h->is_64 = magic == MAGIC_64;
	if (!h->is_64 && magic != MAGIC_32)
		return false;
	reader_seek(r, at + 16);
	h->entry = reader_u32(r);
	reader_seek(r, at + (h->is_64 ? 24 : 28));
	h->image_base = reader_word(r, h->is_64);
	h->section_align = reader_u32(r);
	h->file_align = reader_u32(r);
	reader_seek(r, at + 56);
	h->size_of_image = reader_u32(r);
	h->size_of_headers = reader_u32(r);
	h->checksum = reader_u32(r);
	h->subsystem = reader_u16(r);
	reader_seek(r, at + (h->is_64 ? 108 : 92));
	n_dirs = reader_u32(r);
	if (!reader_ok(r))
		return false;
	for (uint32_t i = 0; i < MIN(n_dirs, NT_PE_DIRS); i++) {
		uint32_t rva = reader_u32(r), size = reader_u32(r);

		if (!reader_ok(r)) /* the header is shorter than it claims */
			break;
		h->dir[i].rva = rva;
		h->dir[i].size = size;
	}
	return true;
}

bool nt_pe_head_read(const struct addr_space *as, uint64_t base,
		     struct nt_pe_head *ret)
{
	uint8_t dos[DOS_BYTES], buf[FILE_BYTES + OPTIONAL_BYTES_MAX];
	struct nt_pe_head h = { 0 };
	struct reader r;
	size_t len;

	if (!read_at(as, base, 0, dos, sizeof dos) || dos[0] != 'M' ||
	    dos[1] != 'Z')
		return false;
	h.lfanew = load_le32(dos + DOS_LFANEW);
	if (h.lfanew > LFANEW_MAX ||
	    !read_at(as, base, h.lfanew, buf, FILE_BYTES))
		return false;
	h.optional_bytes = load_le16(buf + 20);
	len = MIN(h.optional_bytes, OPTIONAL_BYTES_MAX);
	if (!read_at(as, base, (uint64_t)h.lfanew + FILE_BYTES,
		     buf + FILE_BYTES, len))
		return false;
	reader_init(&r, buf, FILE_BYTES + len);
	if (reader_u32(&r) != 0x00004550) /* "PE\0\0" */
		return false;
	h.machine = reader_u16(&r);
	h.n_sections = reader_u16(&r);
	h.timestamp = reader_u32(&r);
	reader_seek(&r, 22);
	h.characteristics = reader_u16(&r);
	if (!parse_optional(&r, &h))
		return false;
	h.sections = h.lfanew + FILE_BYTES + h.optional_bytes;
	*ret = h;
	return true;
}

bool nt_pe_section_read(const struct addr_space *as, uint64_t base,
			const struct nt_pe_head *head, uint16_t index,
			struct nt_pe_section *ret)
{
	uint8_t b[NT_PE_SECTION_BYTES];

	if (index >= head->n_sections ||
	    !read_at(as, base,
		     (uint64_t)head->sections + index * sizeof b, b, sizeof b))
		return false;
	memcpy(ret->name, b, 8);
	ret->name[8] = '\0';
	ret->size = load_le32(b + 8);
	ret->rva = load_le32(b + 12);
	ret->raw_size = load_le32(b + 16);
	ret->raw = load_le32(b + 20);
	ret->characteristics = load_le32(b + 36);
	return true;
}

/* The NUL-terminated name of a PDB, of max bytes at most; page by page, for
 * what is behind its end need not be there. NULL: it is not in memory. */
static char *read_name(const struct addr_space *as, uint64_t va, uint32_t max)
{
	char name[PDB_NAME_MAX];
	size_t done = 0;

	max = MIN(max, PDB_NAME_MAX);
	while (done < max) {
		uint64_t left = PAGE_SIZE_4K - ((va + done) & PAGE_MASK_4K);
		size_t n = (size_t)MIN(left, max - done);

		if (!vtop_read(as, VIRT(va + done), name + done, n))
			return NULL;
		done += n;
		if (memchr(name + done - n, 0, n))
			break;
	}
	return text_from_ansi(name, done);
}

static bool read_rsds(const struct addr_space *as, uint64_t va, uint32_t size,
		      struct nt_pe_facts *f)
{
	uint8_t b[RSDS_BYTES];

	if (size < RSDS_BYTES || !vtop_read(as, VIRT(va), b, sizeof b) ||
	    memcmp(b, "RSDS", 4))
		return false;
	memcpy(f->guid, b + 4, sizeof f->guid);
	f->age = load_le32(b + 20);
	f->pdb = read_name(as, va + RSDS_BYTES, size - RSDS_BYTES);
	f->has_rsds = true;
	return true;
}

static void find_rsds(const struct addr_space *as, uint64_t base,
		      const struct nt_pe_head *h, struct nt_pe_facts *f)
{
	uint32_t rva = h->dir[NT_PE_DIR_DEBUG].rva;
	uint32_t n = h->dir[NT_PE_DIR_DEBUG].size / DEBUG_ENTRY;

	if (!rva)
		return;
	n = MIN(n, DEBUG_ENTRIES_MAX);
	for (uint32_t i = 0; i < n; i++) {
		uint8_t e[DEBUG_ENTRY];

		if (read_at(as, base, rva + (uint64_t)i * DEBUG_ENTRY, e,
			    sizeof e) &&
		    load_le32(e + 12) == DEBUG_CODEVIEW &&
		    read_rsds(as, base + load_le32(e + 20), load_le32(e + 16),
			      f))
			return;
	}
}

/*
 * IMAGE_RESOURCE_DIRECTORY at rva (16 bytes; numbers of named and of numbered
 * entries at 12 and 14), entries of 8 bytes behind it: what the first one
 * leads to, or (id >= 0) the one of that number.
 */
static bool resource_entry(const struct addr_space *as, uint64_t rva, int id,
			   uint32_t *ret)
{
	uint8_t b[16];
	uint32_t n;

	if (!vtop_read(as, VIRT(rva), b, sizeof b))
		return false;
	n = (uint32_t)load_le16(b + 12) + load_le16(b + 14);
	n = MIN(n, RESOURCE_ENTRIES_MAX);
	for (uint32_t i = 0; i < n; i++) {
		if (!vtop_read(as, VIRT(rva + 16 + 8u * i), b, 8))
			return false;
		if (id >= 0 && load_le32(b) != (uint32_t)id)
			continue;
		*ret = load_le32(b + 4);
		return true;
	}
	return false;
}

/* Address of the first version resource: by type, name and language. */
static bool find_version(const struct addr_space *as, uint64_t root,
			 uint32_t *rva, uint32_t *size)
{
	static const int ids[] = { RT_VERSION, -1, -1 };
	uint32_t off = RESOURCE_FOLDER;
	uint8_t b[16];

	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
		if (!(off & RESOURCE_FOLDER) ||
		    !resource_entry(as, root + (off & ~RESOURCE_FOLDER),
				    ids[i], &off))
			return false;
	/* IMAGE_RESOURCE_DATA_ENTRY. */
	if (off & RESOURCE_FOLDER || !vtop_read(as, VIRT(root + off), b, 16))
		return false;
	*rva = load_le32(b);
	*size = load_le32(b + 4);
	return true;
}

static void read_version(const struct addr_space *as, uint64_t base,
			 const struct nt_pe_head *h, struct nt_pe_facts *f)
{
	uint32_t root = h->dir[NT_PE_DIR_RESOURCE].rva, rva, size;
	uint8_t b[VERSION_BYTES];

	if (!root || !find_version(as, base + root, &rva, &size) ||
	    size < VERSION_VALUE + VERSION_BYTES ||
	    !read_at(as, base, (uint64_t)rva + VERSION_VALUE, b, sizeof b) ||
	    load_le32(b) != VERSION_SIGNATURE)
		return;
	for (size_t i = 0; i < NT_PE_VERSION_WORDS; i++)
		f->version[i] = load_le32(b + 4 * i);
	f->has_version = true;
}

bool nt_pe_facts_read(const struct addr_space *as, uint64_t base,
		      struct nt_pe_facts *ret)
{
	struct nt_pe_head h;

	if (!nt_pe_head_read(as, base, &h))
		return false;
	*ret = (struct nt_pe_facts){
		.machine = h.machine,
		.timestamp = h.timestamp,
		.size_of_image = h.size_of_image,
		.checksum = h.checksum,
		.is_64 = h.is_64,
	};
	find_rsds(as, base, &h, ret);
	read_version(as, base, &h, ret);
	return true;
}

void nt_pe_facts_clear(struct nt_pe_facts *facts)
{
	g_clear_pointer(&facts->pdb, g_free);
}
