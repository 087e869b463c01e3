/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writers: Windows crash dumps with a bitmap, or with ranges of pages. */
#include "config.h"

#include "lib/mkfmt-dumpuser.h"
#include "lib/mkfmt-list.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	BUGCHECK = 0xe2, /* MANUALLY_INITIATED_CRASH */
	ACTIVE = 1 << 6, /* FilterDumpFile */
};

/* What is written. */
struct kind {
	uint32_t type;
	const char *magic;
	bool is32;	  /* the header of a 32-bit machine in any case */
	bool old;	  /* bitmap as before Windows 8 */
	bool kernel_only; /* pages of user space are left out */
	uint32_t attributes;
};

struct writer {
	const struct kind *kind;
	const MkPhys *phys;
	struct mk_dump dump;
	uint8_t header[0x2000];
	size_t header_len;
	uint8_t *user; /* pages that are left out, a bit each; or NULL */
};

static void put(uint8_t *at, uint64_t value, size_t len)
{
	const uint64_t word = GUINT64_TO_LE(value);

	memcpy(at, &word, len);
}

static bool has_page(const struct writer *w, uint64_t pfn)
{
	const uint64_t pa = pfn * MK_PAGE_SIZE;

	return mk_phys_is_ram(w->phys, pa, MK_PAGE_SIZE) &&
	       !(w->user && (w->user[pfn / 8] >> pfn % 8 & 1));
}

static uint64_t low(uint64_t value)
{
	return value <= UINT32_MAX ? value : 0;
}

/* Addresses that a 32-bit header has no room for are left out. */
static void make_header(struct writer *w)
{
	struct mk_dump *d = &w->dump;
	uint8_t *h = w->header;

	if (w->kind->is32 && d->is64) {
		d->is64 = false;
		d->dtb = low(d->dtb);
		d->active_head = low(d->active_head);
		d->module_list = low(d->module_list);
		d->kdbg = low(d->kdbg);
	}
	w->header_len = mk_dump_header(w->phys, d, h);
	put(h + (d->is64 ? 0xf98 : 0xf88), w->kind->type, 4);
	put(h + (d->is64 ? 0x38 : 0x28), BUGCHECK, 4);
	for (unsigned i = 0; i < 4; i++)
		put(h + (d->is64 ? 0x40 + 8 * i : 0x2c + 4 * i), i,
		    d->is64 ? 8 : 4);
	put(h + (d->is64 ? 0x1030 : 0xfb8), 123456789, 8);
	put(h + (d->is64 ? 0x1040 : 0xf94), 1, 4);
	put(h + (d->is64 ? 0x1050 : 0x8a0), w->kind->attributes, 4);
}

/* What follows the header: with `first`, of the first page. */
static GByteArray *make_bitmap(const struct writer *w)
{
	const uint64_t n_bits = mk_phys_end(w->phys) / MK_PAGE_SIZE;
	const size_t bits = !w->kind->old ? 0x38 : w->dump.is64 ? 0x28 : 0x20;
	const size_t len = bits + (size_t)(n_bits + 7) / 8;
	GByteArray *out = g_byte_array_new();
	uint64_t n_pages = 0, first;

	first = (w->header_len + len + MK_PAGE_SIZE - 1) / MK_PAGE_SIZE *
		MK_PAGE_SIZE;
	g_byte_array_set_size(out, (guint)(first - w->header_len));
	memset(out->data, 0, out->len);
	for (uint64_t pfn = 0; pfn < n_bits; pfn++)
		if (has_page(w, pfn)) {
			out->data[bits + pfn / 8] |= (uint8_t)(1u << pfn % 8);
			n_pages++;
		}
	memcpy(out->data, w->kind->magic, 8);
	if (w->kind->old) {
		put(out->data + 0x0c, first, 4);
		put(out->data + 0x10, n_bits, 4);
		put(out->data + 0x14, n_pages, 4);
		put(out->data + 0x18, n_bits, 4);
		return out;
	}
	put(out->data + 0x20, first, 8);
	put(out->data + 0x28, n_pages, 8);
	put(out->data + 0x30, n_bits, 8);
	return out;
}

static void put_range(GByteArray *out, uint64_t pfn, uint64_t n)
{
	uint8_t range[16];

	put(range, pfn, 8);
	put(range + 8, n, 8);
	g_byte_array_append(out, range, sizeof range);
}

static GByteArray *make_ranges(const struct writer *w)
{
	const uint64_t end = mk_phys_end(w->phys) / MK_PAGE_SIZE;
	GByteArray *out = g_byte_array_new();
	uint64_t n_pages = 0;
	uint32_t n = 0;

	g_byte_array_set_size(out, 0x30);
	memset(out->data, 0, out->len);
	for (uint64_t pfn = 0, next; pfn < end; pfn = next + 1) {
		for (next = pfn; next < end && has_page(w, next);)
			next++;
		if (next == pfn)
			continue;
		put_range(out, pfn, next - pfn);
		n_pages += next - pfn;
		n++;
	}
	put_range(out, 0, 0);
	put(out->data, 0x40, 4);
	memcpy(out->data + 4, w->kind->magic, 8);
	put(out->data + 0x10, out->len - 0x20, 8);
	put(out->data + 0x18, w->header_len + out->len, 8);
	put(out->data + 0x20, n, 4);
	put(out->data + 0x28, n_pages, 8);
	return out;
}

static bool write_all(const struct writer *w, int fd, const GByteArray *index)
{
	const uint64_t end = mk_phys_end(w->phys) / MK_PAGE_SIZE;
	uint64_t offset = w->header_len + index->len;

	if (!mk_write_at(fd, w->header, w->header_len, 0) ||
	    !mk_write_at(fd, index->data, index->len, w->header_len))
		return false;
	for (uint64_t pfn = 0; pfn < end; pfn++) {
		if (!has_page(w, pfn))
			continue;
		if (!mk_write_pages(w->phys, fd, pfn * MK_PAGE_SIZE,
				    MK_PAGE_SIZE, offset))
			return false;
		offset += MK_PAGE_SIZE;
	}
	return ftruncate(fd, (off_t)offset) == 0;
}

static bool write_dump(const MkPhys *phys, const char *path,
		       const struct mk_write_options *options,
		       const struct kind *kind, GError **error)
{
	g_autofree struct writer *w = g_new0(struct writer, 1);
	g_autofree uint8_t *user = kind->kernel_only ?
					   mk_user_only_pages(phys, options) :
					   NULL;
	g_autoptr(GByteArray) index = NULL;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool ok;

	w->kind = kind;
	w->phys = phys;
	w->dump = *options->dump;
	w->user = user;
	make_header(w);
	index = strcmp(kind->magic, "RDMPDUMP") ? make_bitmap(w) :
						  make_ranges(w);
	ok = fd >= 0 && write_all(w, fd, index);
	if (fd >= 0 && close(fd) != 0)
		ok = false;
	return ok || mk_write_failed(error, path);
}

#define DUMP_WRITER(name, text, flags, ...)                                  \
	static bool write_##name(const MkPhys *phys, const char *path,       \
				 const struct mk_write_options *options,     \
				 const char *arg, GError **error)            \
	{                                                                    \
		static const struct kind kind = { __VA_ARGS__ };             \
									     \
		(void)arg;                                                   \
		return write_dump(phys, path, options, &kind, error);        \
	}                                                                    \
	const struct mk_writer mk_##name##_writer = {                        \
		text, "crashdump", "Windows crash dump",                     \
		MK_WRITER_WHOLE_PAGES | (flags), write_##name,               \
	}

DUMP_WRITER(dump_bitmap, "dump-bitmap", 0, .type = 5, .magic = "FDMPDUMP");
DUMP_WRITER(dump_bitmap32, "dump-bitmap32", MK_WRITER_32BIT, .type = 5,
	    .magic = "FDMPDUMP", .is32 = true);
DUMP_WRITER(dump_active, "dump-active", 0, .type = 6, .magic = "SDMPDUMP",
	    .attributes = ACTIVE);
DUMP_WRITER(dump_kernel, "dump-kernel", MK_WRITER_LOSSY, .type = 2,
	    .magic = "SDMPDUMP", .old = true, .kernel_only = true);
DUMP_WRITER(dump_kernel32, "dump-kernel32", MK_WRITER_LOSSY | MK_WRITER_32BIT,
	    .type = 2, .magic = "SDMPDUMP", .is32 = true, .old = true,
	    .kernel_only = true);
DUMP_WRITER(dump_rdmp, "dump-rdmp", 0, .type = 0xa, .magic = "RDMPDUMP");
DUMP_WRITER(dump_rdmp_kernel, "dump-rdmp-kernel", MK_WRITER_LOSSY, .type = 8,
	    .magic = "RDMPDUMP", .kernel_only = true);
