/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PE images in memory. */
#include "config.h"

#include "base/bytes.h"
#include "base/reader.h"
#include "nt/pe.h"

enum {
	PE_HEADER_MAX = 0x1000,	 /* headers are looked for in one page */
	PE_MAGIC32 = 0x10b,
	PE_MAGIC64 = 0x20b,
	PE_DIR_EXPORT = 0,
	PE_DIR_DEBUG = 6,
	PE_DEBUG_CODEVIEW = 2,
	PE_DEBUG_ENTRY = 28,
	PE_DEBUG_ENTRIES_MAX = 32,
	PE_EXPORTS_MAX = 65536,
	PDB_RECORD_MAX = 24 + 64,
};
/* The kernels have 6 to 24 MiB, any image less than 2 GiB. */
#define PE_SIZE_MAX 0x7fffffffu

static void read_directory(const struct reader *optional, size_t dirs,
			   unsigned index, uint32_t *rva, uint32_t *size)
{
	struct reader r = *optional;

	reader_seek(&r, dirs + index * 8u);
	*rva = reader_u32(&r);
	*size = reader_u32(&r);
	if (!reader_ok(&r))
		*rva = *size = 0;
}

static bool parse_headers(const uint8_t *page, size_t len, struct nt_pe *pe)
{
	struct reader r;
	uint32_t lfanew;
	size_t optional;
	bool is64;

	reader_init(&r, page, len);
	if (reader_u16(&r) != 0x5a4d) /* "MZ" */
		return false;
	reader_seek(&r, 0x3c);
	lfanew = reader_u32(&r);
	reader_seek(&r, lfanew);
	if (reader_u32(&r) != 0x00004550) /* "PE\0\0" */
		return false;
	pe->machine = reader_u16(&r);
	reader_skip(&r, 2);
	pe->timestamp = reader_u32(&r);
	optional = lfanew + 24u;
	reader_seek(&r, optional);
	is64 = reader_u16(&r) == PE_MAGIC64;
	reader_seek(&r, optional + 40);
	pe->os_major = reader_u16(&r);
	pe->os_minor = reader_u16(&r);
	reader_seek(&r, optional + 56);
	pe->size = reader_u32(&r);
	if (!reader_ok(&r) || pe->size < PAGE_SIZE_4K || pe->size > PE_SIZE_MAX)
		return false;
	optional += is64 ? 112 : 96;
	read_directory(&r, optional, PE_DIR_EXPORT, &pe->export_rva,
		       &pe->export_size);
	read_directory(&r, optional, PE_DIR_DEBUG, &pe->debug_rva,
		       &pe->debug_size);
	return true;
}

bool nt_pe_read(const struct addr_space *as, VirtAddr base, struct nt_pe *ret)
{
	struct nt_pe pe = { .base = base };
	uint8_t page[PE_HEADER_MAX];
	uint8_t magic[2];

	if (!vtop_read(as, base, magic, sizeof magic) || magic[0] != 'M' ||
	    magic[1] != 'Z' || !vtop_read(as, base, page, sizeof page) ||
	    !parse_headers(page, sizeof page, &pe))
		return false;
	*ret = pe;
	return true;
}

bool nt_pdb_is_kernel(const char *name)
{
	static const char *const names[] = {
		"ntkrnlmp.pdb", "ntoskrnl.pdb", "ntkrnlpa.pdb",
		"ntkrpamp.pdb", "ntkrla57.pdb",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (!g_ascii_strcasecmp(name, names[i]))
			return true;
	return false;
}

void nt_pdb_guid_format(const uint8_t g[16], char ret[33])
{
	static const uint8_t order[16] = { 3, 2, 1, 0, 5,  4,  7,  6,
					   8, 9, 10, 11, 12, 13, 14, 15 };
	static const char hex[] = "0123456789ABCDEF";

	for (unsigned i = 0; i < 16; i++) {
		ret[2 * i] = hex[g[order[i]] >> 4];
		ret[2 * i + 1] = hex[g[order[i]] & 15];
	}
	ret[32] = '\0';
}

/* The name goes into text and file names: the plain characters only. */
static bool copy_pdb_name(const uint8_t *p, size_t len, char *ret, size_t size)
{
	size_t n = 0;

	while (n < len && n < size - 1 && p[n]) {
		if (!g_ascii_isalnum(p[n]) && p[n] != '.' && p[n] != '_' &&
		    p[n] != '-')
			return false;
		ret[n] = (char)p[n];
		n++;
	}
	ret[n] = '\0';
	return n > 0 && n < size - 1;
}

bool nt_pdb_id_parse(const uint8_t *bytes, size_t len_bytes,
		     struct nt_pdb_id *ret)
{
	struct nt_pdb_id id;

	if (len_bytes < 25 || memcmp(bytes, "RSDS", 4))
		return false;
	nt_pdb_guid_format(bytes + 4, id.guid);
	id.age = load_le32(bytes + 20);
	if (!copy_pdb_name(bytes + 24, len_bytes - 24, id.name,
			   sizeof id.name))
		return false;
	*ret = id;
	return true;
}

bool nt_pdb_id_read(const struct addr_space *as, VirtAddr va,
		    struct nt_pdb_id *ret)
{
	uint8_t buf[PDB_RECORD_MAX] = { 0 };
	size_t len = sizeof buf;

	/* The record may end with its page, and the next not be there. */
	if (!vtop_read(as, va, buf, len)) {
		len = (size_t)MIN(len, PAGE_SIZE_4K - (va.v & PAGE_MASK_4K));
		if (!vtop_read(as, va, buf, len))
			return false;
	}
	return nt_pdb_id_parse(buf, len, ret);
}

bool nt_pe_pdb(const struct addr_space *as, const struct nt_pe *pe,
	       struct nt_pdb_id *ret)
{
	uint32_t n = MIN(pe->debug_size / PE_DEBUG_ENTRY, PE_DEBUG_ENTRIES_MAX);

	if (!pe->debug_rva)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t entry[PE_DEBUG_ENTRY];
		uint64_t off = (uint64_t)pe->debug_rva + i * PE_DEBUG_ENTRY;

		if (!vtop_read(as, VIRT(pe->base.v + off), entry,
			       sizeof entry))
			return false;
		if (load_le32(entry + 12) == PE_DEBUG_CODEVIEW &&
		    nt_pdb_id_read(as,
				   VIRT(pe->base.v + load_le32(entry + 20)),
				   ret))
			return true;
	}
	return false;
}

/* A NUL-terminated string; false where it is longer than size - 1. Read page
 * by page: the one after its end need not be there. */
static bool read_string(const struct addr_space *as, VirtAddr va, char *ret,
			size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint64_t left = PAGE_SIZE_4K - ((va.v + done) & PAGE_MASK_4K);
		size_t n = (size_t)MIN(left, size - done);

		if (!vtop_read(as, VIRT(va.v + done), ret + done, n))
			return false;
		if (memchr(ret + done, 0, n))
			return true;
		done += n;
	}
	return false;
}

/* IMAGE_EXPORT_DIRECTORY, 40 bytes. */
struct export_dir {
	uint32_t name, n_functions, n_names, functions, names, ordinals;
};

static bool read_export_dir(const struct addr_space *as,
			    const struct nt_pe *pe, struct export_dir *ret)
{
	uint8_t b[40];

	if (!pe->export_rva ||
	    !vtop_read(as, VIRT(pe->base.v + pe->export_rva), b, sizeof b))
		return false;
	*ret = (struct export_dir){
		.name = load_le32(b + 12),
		.n_functions = load_le32(b + 20),
		.n_names = load_le32(b + 24),
		.functions = load_le32(b + 28),
		.names = load_le32(b + 32),
		.ordinals = load_le32(b + 36),
	};
	return ret->n_names <= PE_EXPORTS_MAX;
}

bool nt_pe_export_name(const struct addr_space *as, const struct nt_pe *pe,
		       char *ret, size_t size)
{
	struct export_dir dir;

	return read_export_dir(as, pe, &dir) &&
	       read_string(as, VIRT(pe->base.v + dir.name), ret, size);
}

/* Compares the name of export i with want: <0, 0, >0; *ok false where it
 * cannot be read. */
static int compare_export(const struct addr_space *as, const struct nt_pe *pe,
			  const struct export_dir *dir, uint32_t i,
			  const char *want, bool *ok)
{
	uint8_t rva[4];
	char name[128];

	*ok = vtop_read(as, VIRT(pe->base.v + dir->names + 4ull * i), rva, 4) &&
	      read_string(as, VIRT(pe->base.v + load_le32(rva)), name,
			  sizeof name);
	return *ok ? strcmp(want, name) : 0;
}

static bool find_export(const struct addr_space *as, const struct nt_pe *pe,
			const struct export_dir *dir, const char *name,
			uint32_t *ret)
{
	uint32_t low = 0, high = dir->n_names;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		bool ok;
		int c = compare_export(as, pe, dir, mid, name, &ok);

		if (!ok)
			break;
		if (!c) {
			*ret = mid;
			return true;
		}
		if (c > 0)
			low = mid + 1;
		else
			high = mid;
	}
	/* A page of names is missing: look at those that are there. */
	for (uint32_t i = low; i < high; i++) {
		bool ok;

		if (!compare_export(as, pe, dir, i, name, &ok) && ok) {
			*ret = i;
			return true;
		}
	}
	return false;
}

bool nt_pe_export(const struct addr_space *as, const struct nt_pe *pe,
		  const char *name, VirtAddr *ret)
{
	struct export_dir dir;
	uint8_t ordinal[2], rva[4];
	uint32_t i;

	if (!read_export_dir(as, pe, &dir) ||
	    !find_export(as, pe, &dir, name, &i) ||
	    !vtop_read(as, VIRT(pe->base.v + dir.ordinals + 2ull * i), ordinal,
		       2) ||
	    load_le16(ordinal) >= dir.n_functions ||
	    !vtop_read(as,
		       VIRT(pe->base.v + dir.functions +
			    4ull * load_le16(ordinal)),
		       rva, 4))
		return false;
	*ret = VIRT(pe->base.v + load_le32(rva));
	return true;
}
