/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cores of Xen domains (xl dump-core, xm dump-core): sections, no segments.
 * Source: Xen, docs/misc/dump-core-format.txt; xen/arch-x86/xen-x86_64.h.
 *
 * .xen_pages has the pages; entry i of .xen_pfn (domains that are translated,
 * as all with Windows are) is the number of page i, entry i of .xen_p2m is
 * that and the machine's number for it.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "image/elf_xen.h"

enum {
	SECTIONS_MAX = 4096,
	NAME_MAX_BYTES = 16,
	ENTRIES_AT_ONCE = 512,
	/* struct vcpu_guest_context of x86-64. */
	VCPU = 5168,
	VCPU_REGS = 520,
	VCPU_RIP = VCPU_REGS + 128,
	VCPU_CR3 = 5008,
	VCPU_FS = 5144,
	VCPU_GS_KERNEL = 5152,
	VCPU_GS_USER = 5160,
};

struct section {
	uint64_t off, len; /* len 0: not there */
};

struct xen {
	const ImageIo *io;
	struct section pages, pfn, p2m, prstatus;
};

static bool read_section(const ImageIo *io, const struct elf_sections *s,
			 uint32_t i, uint32_t *name, struct section *section)
{
	uint8_t buf[64];
	size_t len = s->is64 ? 64 : 40;
	struct reader r;
	uint64_t off;

	/* Both factors are below 2^32. */
	if (!add_u64(s->off, (uint64_t)i * s->entsize, &off) ||
	    !image_io_read(io, off, buf, len))
		return false;
	reader_init(&r, buf, len);
	*name = reader_u32(&r);
	reader_skip(&r, 4);
	(void)reader_word(&r, s->is64); /* flags */
	(void)reader_word(&r, s->is64); /* address */
	section->off = reader_word(&r, s->is64);
	section->len = reader_word(&r, s->is64);
	return reader_ok(&r);
}

static void take_section(struct xen *xen, const char *name,
			 const struct section *section)
{
	if (!strcmp(name, ".xen_pages"))
		xen->pages = *section;
	else if (!strcmp(name, ".xen_pfn"))
		xen->pfn = *section;
	else if (!strcmp(name, ".xen_p2m"))
		xen->p2m = *section;
	else if (!strcmp(name, ".xen_prstatus"))
		xen->prstatus = *section;
}

static void find_sections(struct xen *xen, const struct elf_sections *s)
{
	struct section names, section;
	uint32_t name;

	if (s->entsize < (s->is64 ? 64 : 40) || s->names >= s->n ||
	    !read_section(xen->io, s, s->names, &name, &names))
		return;
	for (uint32_t i = 0; i < MIN(s->n, SECTIONS_MAX); i++) {
		char text[NAME_MAX_BYTES] = { 0 };
		uint64_t at, left;

		if (!read_section(xen->io, s, i, &name, &section))
			return;
		if (name >= names.len || !add_u64(names.off, name, &at) ||
		    at >= image_io_size(xen->io))
			continue;
		left = MIN(names.len - name, image_io_size(xen->io) - at);
		if (image_io_read(xen->io, at, text,
				  (size_t)MIN(left, sizeof text - 1)))
			take_section(xen, text, &section);
	}
}

/* Pages one behind the other in both respects. */
struct stretch {
	uint64_t pfn, i, n;
};

static void add_stretch(Image *image, const struct xen *xen,
			struct stretch *s)
{
	uint64_t size = image_io_size(xen->io);
	uint64_t off = xen->pages.off + s->i * PAGE_SIZE_4K;

	if (s->n)
		image_runs_add(image->runs, s->pfn * PAGE_SIZE_4K,
			       s->n * PAGE_SIZE_4K, off, size);
	s->n = 0;
}

/* One entry; false: its page is nowhere. */
static bool add_entry(Image *image, const struct xen *xen, struct stretch *s,
		      uint64_t i, uint64_t pfn)
{
	/* All ones (of 32 or 64 bits): none. */
	if (pfn >= PHYS_ADDR_END / PAGE_SIZE_4K || pfn == UINT32_MAX)
		return false;
	if (s->n && pfn == s->pfn + s->n && i == s->i + s->n) {
		s->n++;
		return true;
	}
	add_stretch(image, xen, s);
	*s = (struct stretch){ pfn, i, 1 };
	return true;
}

/* How many pages have an entry, and are in the file. */
static uint64_t count_pages(const struct xen *xen, const struct section *index,
			    size_t entry)
{
	uint64_t size = image_io_size(xen->io), n = index->len / entry;

	if (index->off >= size || xen->pages.off >= size)
		return 0;
	n = MIN(n, (size - index->off) / entry);
	n = MIN(n, (xen->pages.len + PAGE_MASK_4K) / PAGE_SIZE_4K);
	return MIN(n, (size - xen->pages.off) / PAGE_SIZE_4K);
}

static void add_pages(Image *image, const struct xen *xen, Log *log)
{
	const struct section *index = xen->pfn.len ? &xen->pfn : &xen->p2m;
	const size_t entry = xen->pfn.len ? 8 : 16;
	const uint64_t n = count_pages(xen, index, entry);
	uint8_t buf[ENTRIES_AT_ONCE * 16];
	struct stretch s = { 0 };
	uint64_t n_nowhere = 0, i = 0;

	while (i < n) {
		size_t some = (size_t)MIN(n - i, ENTRIES_AT_ONCE);

		if (!image_io_read(xen->io, index->off + i * entry, buf,
				   some * entry))
			break;
		for (size_t k = 0; k < some; k++, i++)
			n_nowhere += !add_entry(image, xen, &s, i,
						load_le64(buf + k * entry));
	}
	add_stretch(image, xen, &s);
	if (n_nowhere)
		log_add(log, LOG_INFO, "elf",
			"%" PRIu64 " page(s) of .xen_pages have no address",
			n_nowhere);
	if (i < xen->pages.len / PAGE_SIZE_4K)
		log_add(log, LOG_WARN, "elf",
			"%" PRIu64 " page(s) of .xen_pages have no entry in"
			" %s, or lie beyond the end of the file",
			xen->pages.len / PAGE_SIZE_4K - i,
			xen->pfn.len ? ".xen_pfn" : ".xen_p2m");
}

/* cpu_user_regs (Xen public/arch-x86/xen-x86_64.h): r15 r14 r13 r12 rbp rbx r11
 * r10 r9 r8 rax rcx rdx rsi rdi, two u32, rip, cs, rflags, rsp, ss, es, ds, fs,
 * gs; selectors are u16, with room for 64 bits each. */
static struct image_regs read_regs(const uint8_t *b)
{
	static const uint8_t numbers[15] = { 15, 14, 13, 12, 5, 3, 11, 10,
					     9,	 8,  0,	 1,  2, 6, 7 };
	struct image_regs regs = {
		.known = true,
		.cs = load_le16(b + 136),
		.flags = load_le64(b + 144),
		.ss = load_le16(b + 160),
		.es = load_le16(b + 168),
		.ds = load_le16(b + 176),
		.fs = load_le16(b + 184),
		.gs = load_le16(b + 192),
	};

	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		regs.gpr[numbers[i]] = load_le64(b + 8 * i);
	regs.gpr[4] = load_le64(b + 152);
	return regs;
}

static void add_cpus(Image *image, const struct xen *xen)
{
	uint64_t n = MIN(xen->prstatus.len / VCPU, IMAGE_CPUS_MAX);
	uint8_t buf[VCPU];

	for (uint64_t i = 0; i < n; i++) {
		struct image_cpu cpu = { 0 };
		uint64_t off;

		if (!add_u64(xen->prstatus.off, i * VCPU, &off) ||
		    !image_io_read(xen->io, off, buf, sizeof buf))
			return;
		cpu.regs = read_regs(buf + VCPU_REGS);
		cpu.rip = load_le64(buf + VCPU_RIP);
		cpu.cr3 = load_le64(buf + VCPU_CR3);
		cpu.fs_base = load_le64(buf + VCPU_FS);
		/* Whichever of both it is that counts in the kernel. */
		cpu.gs_base = load_le64(buf + VCPU_GS_KERNEL);
		cpu.kernel_gs_base = load_le64(buf + VCPU_GS_USER);
		if (cpu.cr3 && cpu.cr3 < PHYS_ADDR_END)
			g_array_append_val(image->cpus, cpu);
	}
}

bool elf_xen_read(Image *image, const struct elf_sections *sections, Log *log)
{
	struct xen xen = { .io = image->io };

	find_sections(&xen, sections);
	if (!xen.pages.len)
		return false;
	add_pages(image, &xen, log);
	if (sections->is64)
		add_cpus(image, &xen);
	return true;
}
