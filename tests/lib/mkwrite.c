/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writers: raw image, and ELF core files in the manner of QEMU. */
#include "config.h"

#include "lib/mkwrite.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Sizes of the notes' contents (QEMU's x86 dump format, version 1). */
#define PRSTATUS64_SIZE 336
#define PRSTATUS32_SIZE 144
#define QEMU_STATE_SIZE 440
#define QEMU_CR_OFFSET 0x188
/* More than this and the page is written alone: it may be mostly zeros. */
#define CHUNK_PAGES 64

struct segment {
	uint64_t pa;
	uint64_t mem_len;
	uint64_t file_len;
	uint64_t offset;
};

bool mk_write_failed(GError **error, const char *path)
{
	const int saved = errno;

	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(saved),
		    "%s: %s", path, g_strerror(saved));
	return false;
}

bool mk_write_at(int fd, const void *buf, size_t len, uint64_t offset)
{
	const uint8_t *src = buf;

	while (len > 0) {
		ssize_t n = pwrite(fd, src, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		src += n;
		offset += (size_t)n;
		len -= (size_t)n;
	}
	return true;
}

bool mk_write_pages(const MkPhys *phys, int fd, uint64_t pa, uint64_t len,
		    uint64_t offset)
{
	g_autofree uint8_t *buf = g_malloc(CHUNK_PAGES * MK_PAGE_SIZE);
	const uint64_t end = pa + len;
	uint64_t start, next;

	for (start = pa; start < end; start = next) {
		bool used = mk_phys_used(phys, start);
		uint64_t n;

		next = (start / MK_PAGE_SIZE + 1) * MK_PAGE_SIZE;
		while (used && next < end && mk_phys_used(phys, next) &&
		       next - start < (CHUNK_PAGES - 1) * MK_PAGE_SIZE)
			next += MK_PAGE_SIZE;
		if (!used)
			continue;
		n = MIN(next, end) - start;
		mk_phys_read(phys, start, buf, (size_t)n);
		if (!mk_write_at(fd, buf, (size_t)n, offset + (start - pa)))
			return false;
	}
	return true;
}

static bool write_raw(const MkPhys *phys, int fd)
{
	const struct mk_run *runs;
	size_t n;

	if (ftruncate(fd, (off_t)mk_phys_end(phys)) != 0)
		return false;
	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; i < n; i++)
		if (!mk_write_pages(phys, fd, runs[i].start, runs[i].len,
				 runs[i].start))
			return false;
	return true;
}

static void put(GByteArray *out, const void *buf, size_t len)
{
	g_byte_array_append(out, buf, (guint)len);
}

static void put_zeros(GByteArray *out, size_t len)
{
	const guint old = out->len;

	g_byte_array_set_size(out, old + (guint)len);
	memset(out->data + old, 0, len);
}

static void store32(GByteArray *out, size_t at, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	memcpy(out->data + at, &value, sizeof(value));
}

static void store64(GByteArray *out, size_t at, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	memcpy(out->data + at, &value, sizeof(value));
}

/* Starts a note; returns where its contents (zeros for now) begin. */
static size_t put_note(GByteArray *out, const char *name, uint32_t type,
		       size_t len)
{
	const size_t name_len = strlen(name) + 1;
	const size_t at = out->len;

	put_zeros(out, 12);
	store32(out, at, (uint32_t)name_len);
	store32(out, at + 4, (uint32_t)len);
	store32(out, at + 8, type);
	put(out, name, name_len);
	put_zeros(out, (4 - out->len % 4) % 4);
	put_zeros(out, len);
	return out->len - len;
}

/* struct elf_prstatus: the pid, and the registers that a kernel stop has. */
static void put_prstatus(GByteArray *out, const struct mk_cpu *cpu, uint32_t id,
			 bool is64)
{
	size_t at = put_note(out, "CORE", NT_PRSTATUS,
			     is64 ? PRSTATUS64_SIZE : PRSTATUS32_SIZE);

	store32(out, at + (is64 ? 32 : 24), id + 1);
	if (is64) {
		store64(out, at + 112 + 16 * 8, cpu->rip);
		store64(out, at + 112 + 17 * 8, 0x10);
		store64(out, at + 112 + 19 * 8, cpu->rsp);
	} else {
		store32(out, at + 72 + 12 * 4, (uint32_t)cpu->rip);
		store32(out, at + 72 + 15 * 4, (uint32_t)cpu->rsp);
	}
}

/* QEMU's own note: registers, segments, control registers. */
static size_t put_qemu_state(GByteArray *out, const struct mk_cpu *cpu)
{
	size_t at = put_note(out, "QEMU", 0, QEMU_STATE_SIZE);
	const size_t segments = at + 8 + 18 * 8;

	store32(out, at, 1);
	store32(out, at + 4, QEMU_STATE_SIZE);
	store64(out, at + 8 + 6 * 8, cpu->rsp);
	store64(out, at + 8 + 16 * 8, cpu->rip);
	store64(out, at + 8 + 17 * 8, 0x246);
	store32(out, segments, 0x10);
	store64(out, segments + 4 * 24 + 16, cpu->gs_base);
	store64(out, segments + 8 * 24 + 16, cpu->gdt_base);
	store64(out, segments + 9 * 24 + 16, cpu->idt_base);
	store64(out, at + QEMU_CR_OFFSET, cpu->cr0);
	store64(out, at + QEMU_CR_OFFSET + 3 * 8, cpu->cr3);
	store64(out, at + QEMU_CR_OFFSET + 4 * 8, cpu->cr4);
	return at;
}

/* The rest of QEMU's note, in its order of registers. */
static void put_qemu_regs(GByteArray *out, size_t at, const struct mk_cpu *cpu,
			  bool is64)
{
	static const uint8_t order[16] = {0, 3, 1, 2,  6,  7,  4,  5,
					  8, 9, 10, 11, 12, 13, 14, 15};
	const uint16_t selectors[6] = {cpu->cs, cpu->ds, cpu->es,
				       cpu->fs, cpu->gs, cpu->ss};
	const size_t segments = at + 8 + 18 * 8;
	const size_t base = segments + (is64 ? 4 : 3) * 24 + 16;

	if (!cpu->has_regs)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
		store64(out, at + 8 + i * 8, cpu->gpr[order[i]]);
	store64(out, at + 8 + 17 * 8, cpu->flags);
	for (size_t i = 0; i < G_N_ELEMENTS(selectors); i++)
		store32(out, segments + i * 24, selectors[i]);
	store64(out, base, cpu->in_user ? cpu->teb : cpu->gs_base);
	if (cpu->in_user && is64)
		store64(out, at + QEMU_CR_OFFSET + 5 * 8, cpu->gs_base);
}

GByteArray *mk_write_notes(const struct mk_write_options *options, bool is64)
{
	GByteArray *out = g_byte_array_new();

	for (size_t i = 0; i < options->n_cpus; i++)
		put_prstatus(out, &options->cpus[i], (uint32_t)i, is64);
	for (size_t i = 0; i < options->n_cpus; i++)
		put_qemu_regs(out, put_qemu_state(out, &options->cpus[i]),
			      &options->cpus[i], is64);
	return out;
}

/* Length of the part of a segment that must be in the file. */
static uint64_t used_length(const MkPhys *phys, uint64_t pa, uint64_t len)
{
	while (len > 0) {
		uint64_t last = (pa + len - 1) / MK_PAGE_SIZE * MK_PAGE_SIZE;

		if (mk_phys_used(phys, last))
			return len;
		len = last > pa ? last - pa : 0;
	}
	return 0;
}

static GArray *make_segments(const MkPhys *phys,
			     const struct mk_write_options *options)
{
	GArray *segments = g_array_new(FALSE, FALSE, sizeof(struct segment));
	uint64_t total = 0, cut = UINT64_MAX;
	const struct mk_run *runs;
	size_t n;

	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; i < n; i++)
		total += runs[i].len;
	if (options->phdrs > 0)
		cut = MAX(total / options->phdrs / MK_PAGE_SIZE, 1) *
		      MK_PAGE_SIZE;
	for (size_t i = 0; i < n; i++) {
		for (uint64_t done = 0; done < runs[i].len;) {
			struct segment s = {.pa = runs[i].start + done};

			s.mem_len = MIN(runs[i].len - done, cut);
			done += s.mem_len;
			s.file_len = s.mem_len;
			if (options->memsz)
				s.file_len = used_length(phys, s.pa, s.mem_len);
			if (options->format == MK_FORMAT_ELF ||
			    s.pa + s.mem_len <= UINT64_C(1) << 32)
				g_array_append_val(segments, s);
		}
	}
	return segments;
}

/* Gives the segments their places in the file; returns its length. */
static uint64_t place_segments(GArray *segments, uint64_t offset,
			       bool unaligned)
{
	for (guint i = 0; i < segments->len; i++) {
		struct segment *s = &g_array_index(segments, struct segment, i);

		if (!unaligned)
			offset = (offset + MK_PAGE_SIZE - 1) / MK_PAGE_SIZE *
				 MK_PAGE_SIZE;
		s->offset = offset;
		offset += s->file_len;
	}
	return offset;
}

static void put_phdr(GByteArray *out, bool is64, uint32_t type,
		     const struct segment *s)
{
	const Elf64_Phdr phdr64 = {
		.p_type = GUINT32_TO_LE(type),
		.p_offset = GUINT64_TO_LE(s->offset),
		.p_vaddr = GUINT64_TO_LE(s->pa),
		.p_paddr = GUINT64_TO_LE(s->pa),
		.p_filesz = GUINT64_TO_LE(s->file_len),
		.p_memsz = GUINT64_TO_LE(s->mem_len),
	};
	const Elf32_Phdr phdr32 = {
		.p_type = GUINT32_TO_LE(type),
		.p_offset = GUINT32_TO_LE((uint32_t)s->offset),
		.p_vaddr = GUINT32_TO_LE((uint32_t)s->pa),
		.p_paddr = GUINT32_TO_LE((uint32_t)s->pa),
		.p_filesz = GUINT32_TO_LE((uint32_t)s->file_len),
		.p_memsz = GUINT32_TO_LE((uint32_t)s->mem_len),
	};

	if (is64)
		put(out, &phdr64, sizeof(phdr64));
	else
		put(out, &phdr32, sizeof(phdr32));
}

static void set_ident(unsigned char *ident, unsigned char class)
{
	memcpy(ident, ELFMAG, SELFMAG);
	ident[EI_CLASS] = class;
	ident[EI_DATA] = ELFDATA2LSB;
	ident[EI_VERSION] = EV_CURRENT;
}

/* The section header, where there is one, is behind the program headers. */
static void put_ehdr64(GByteArray *out, size_t phnum, bool xnum)
{
	Elf64_Ehdr h = {
		.e_type = GUINT16_TO_LE(ET_CORE),
		.e_machine = GUINT16_TO_LE(EM_X86_64),
		.e_version = GUINT32_TO_LE(EV_CURRENT),
		.e_phoff = GUINT64_TO_LE(sizeof(Elf64_Ehdr)),
		.e_ehsize = GUINT16_TO_LE(sizeof(Elf64_Ehdr)),
		.e_phentsize = GUINT16_TO_LE(sizeof(Elf64_Phdr)),
		.e_phnum = GUINT16_TO_LE((uint16_t)MIN(phnum, PN_XNUM)),
	};

	if (xnum) {
		h.e_phnum = GUINT16_TO_LE(PN_XNUM);
		h.e_shnum = GUINT16_TO_LE(1);
		h.e_shentsize = GUINT16_TO_LE(sizeof(Elf64_Shdr));
		h.e_shoff =
			GUINT64_TO_LE(sizeof(h) + phnum * sizeof(Elf64_Phdr));
	}
	set_ident(h.e_ident, ELFCLASS64);
	put(out, &h, sizeof(h));
}

static void put_ehdr32(GByteArray *out, size_t phnum, bool xnum)
{
	Elf32_Ehdr h = {
		.e_type = GUINT16_TO_LE(ET_CORE),
		.e_machine = GUINT16_TO_LE(EM_386),
		.e_version = GUINT32_TO_LE(EV_CURRENT),
		.e_phoff = GUINT32_TO_LE(sizeof(Elf32_Ehdr)),
		.e_ehsize = GUINT16_TO_LE(sizeof(Elf32_Ehdr)),
		.e_phentsize = GUINT16_TO_LE(sizeof(Elf32_Phdr)),
		.e_phnum = GUINT16_TO_LE((uint16_t)MIN(phnum, PN_XNUM)),
	};

	if (xnum) {
		h.e_phnum = GUINT16_TO_LE(PN_XNUM);
		h.e_shnum = GUINT16_TO_LE(1);
		h.e_shentsize = GUINT16_TO_LE(sizeof(Elf32_Shdr));
		h.e_shoff = GUINT32_TO_LE(
			(uint32_t)(sizeof(h) + phnum * sizeof(Elf32_Phdr)));
	}
	set_ident(h.e_ident, ELFCLASS32);
	put(out, &h, sizeof(h));
}

static void put_shdr(GByteArray *out, bool is64, size_t phnum)
{
	const Elf64_Shdr shdr64 = {.sh_info = GUINT32_TO_LE((uint32_t)phnum)};
	const Elf32_Shdr shdr32 = {.sh_info = GUINT32_TO_LE((uint32_t)phnum)};

	if (is64)
		put(out, &shdr64, sizeof(shdr64));
	else
		put(out, &shdr32, sizeof(shdr32));
}

/* All that precedes the segments' data; sets the segments' offsets. */
static GByteArray *make_headers(GArray *segments,
				const struct mk_write_options *options,
				uint64_t *file_len)
{
	const bool is64 = options->format == MK_FORMAT_ELF;
	g_autoptr(GByteArray) notes = mk_write_notes(options, is64);
	const size_t phnum = segments->len + 1;
	const bool xnum = options->xnum || phnum >= PN_XNUM;
	GByteArray *out = g_byte_array_new();
	struct segment note = {.file_len = notes->len};

	if (is64)
		note.offset = sizeof(Elf64_Ehdr) + phnum * sizeof(Elf64_Phdr) +
			      (xnum ? sizeof(Elf64_Shdr) : 0);
	else
		note.offset = sizeof(Elf32_Ehdr) + phnum * sizeof(Elf32_Phdr) +
			      (xnum ? sizeof(Elf32_Shdr) : 0);
	*file_len = place_segments(segments, note.offset + notes->len,
				   options->unaligned);
	if (is64)
		put_ehdr64(out, phnum, xnum);
	else
		put_ehdr32(out, phnum, xnum);
	put_phdr(out, is64, PT_NOTE, &note);
	for (guint i = 0; i < segments->len; i++)
		put_phdr(out, is64, PT_LOAD,
			 &g_array_index(segments, struct segment, i));
	if (xnum)
		put_shdr(out, is64, phnum);
	put(out, notes->data, notes->len);
	return out;
}

static bool write_elf(const MkPhys *phys, int fd,
		      const struct mk_write_options *options)
{
	g_autoptr(GArray) segments = make_segments(phys, options);
	g_autoptr(GByteArray) headers = NULL;
	uint64_t file_len;

	headers = make_headers(segments, options, &file_len);
	if (ftruncate(fd, (off_t)file_len) != 0 ||
	    !mk_write_at(fd, headers->data, headers->len, 0))
		return false;
	for (guint i = 0; i < segments->len; i++) {
		const struct segment *s =
			&g_array_index(segments, struct segment, i);

		if (!mk_write_pages(phys, fd, s->pa, s->file_len, s->offset))
			return false;
	}
	return true;
}

/* A word of the machine's width. */
static void dump_word(uint8_t *header, bool is64, size_t at, uint64_t value)
{
	const uint64_t word = GUINT64_TO_LE(value);

	memcpy(header + at, &word, is64 ? 8 : 4);
}

/* Runs in pages behind their number and their sum. */
size_t mk_dump_header(const MkPhys *phys, const struct mk_dump *d,
		      uint8_t header[0x2000])
{
	const size_t word = d->is64 ? 8 : 4, block = d->is64 ? 0x88 : 0x64;
	const struct mk_run *runs;
	uint64_t sum = 0;
	size_t n;

	for (size_t i = 0; i < 0x2000; i += 4)
		memcpy(header + i, "PAGE", 4);
	memcpy(header + 4, d->is64 ? "DU64" : "DUMP", 4);
	dump_word(header, d->is64, 0x10, d->dtb);
	dump_word(header, d->is64, d->is64 ? 0x20 : 0x18, d->module_list);
	dump_word(header, d->is64, d->is64 ? 0x28 : 0x1c, d->active_head);
	dump_word(header, false, d->is64 ? 0x30 : 0x20, d->machine);
	dump_word(header, false, d->is64 ? 0x34 : 0x24, d->processors);
	dump_word(header, d->is64, d->is64 ? 0x80 : 0x60, d->kdbg);
	dump_word(header, false, d->is64 ? 0xf98 : 0xf88, 1);
	dump_word(header, true, d->is64 ? 0xfa8 : 0xfc0, d->time);
	if (!d->is64)
		header[0x5c] = d->pae;
	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; i < n; i++) {
		const uint64_t pages = runs[i].len / MK_PAGE_SIZE;

		dump_word(header, d->is64, block + 2 * word * (i + 1),
			  runs[i].start / MK_PAGE_SIZE);
		dump_word(header, d->is64, block + 2 * word * (i + 1) + word,
			  pages);
		sum += pages;
	}
	dump_word(header, d->is64, block, n);
	dump_word(header, d->is64, block + word, sum);
	return d->is64 ? 0x2000 : 0x1000;
}

static bool write_dump(const MkPhys *phys, int fd, const struct mk_dump *d)
{
	g_autofree uint8_t *header = g_malloc0(0x2000);
	uint64_t offset = mk_dump_header(phys, d, header);
	const struct mk_run *runs;
	size_t n;

	if (!mk_write_at(fd, header, offset, 0))
		return false;
	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; i < n; i++) {
		const uint64_t len = runs[i].len / MK_PAGE_SIZE * MK_PAGE_SIZE;

		if (ftruncate(fd, (off_t)(offset + len)) != 0 ||
		    !mk_write_pages(phys, fd, runs[i].start, len, offset))
			return false;
		offset += len;
	}
	return true;
}

bool mk_write(const MkPhys *phys, const char *path,
	      const struct mk_write_options *options, GError **error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool ok;

	if (fd < 0)
		return mk_write_failed(error, path);
	if (options->format == MK_FORMAT_RAW)
		ok = write_raw(phys, fd);
	else if (options->format == MK_FORMAT_DUMP)
		ok = write_dump(phys, fd, options->dump);
	else
		ok = write_elf(phys, fd, options);
	if (!ok)
		mk_write_failed(error, path);
	if (close(fd) != 0 && ok) {
		mk_write_failed(error, path);
		ok = false;
	}
	return ok;
}
