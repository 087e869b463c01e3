/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writers of QEMU migration streams of a q35 machine, as QEMU 7.2 makes them
 * of one that is stopped: whole pages only, pages that were never used as
 * zeros; behind libvirt's header as well; and with mapped-ram, as QEMU 9.
 * qevm:live is of one that went on while it was written.
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/mkfmt-list.h"

#define MACHINE "pc-q35-7.2"
#define BLOCK "pc.ram"
#define OTHER "vga.vram"
#define OTHER_SIZE (16u << 12)
#define SPLIT_MIN UINT64_C(0xb0000000) /* from this size on: */
#define SPLIT UINT64_C(0x80000000)
#define HIGH (UINT64_C(4) << 30)
#define MAPPED_ALIGN (UINT64_C(1) << 20)

enum {
	SECTION_START = 1,
	SECTION_PART = 2,
	SECTION_END = 3,
	SECTION_FULL = 4,
	CONFIGURATION = 7,
	FOOTER = 0x7e,
	RAM_ID = 2,
	RAM_ZERO = 0x02,
	RAM_MEM_SIZE = 0x04,
	RAM_PAGE = 0x08,
	RAM_EOS = 0x10,
	RAM_CONTINUE = 0x20,
	/* As QEMU has them: vmstate_x86_cpu up to cr4. */
	CPU_STATE = 1817,
	CPU_GS = 236 + 5 * 20 + 4,
	CPU_IDT = 416 + 4,
	CPU_CR3 = 472,
};

struct stream {
	const MkPhys *phys;
	int fd;
	bool mapped;
	bool live;
	bool failed;
	uint64_t at; /* of the next byte */
	GByteArray *out; /* not yet written; ends at `at` */
	uint64_t ram_size;
	bool named; /* a page of the block was sent in this section */
};

static void flush(struct stream *s)
{
	s->failed = s->failed ||
		    !mk_write_at(s->fd, s->out->data, s->out->len,
				 s->at - s->out->len);
	g_byte_array_set_size(s->out, 0);
}

static void put(struct stream *s, const void *bytes, size_t len)
{
	g_byte_array_append(s->out, bytes, (guint)len);
	s->at += len;
	if (s->out->len > 1u << 20)
		flush(s);
}

static void put8(struct stream *s, uint8_t v)
{
	put(s, &v, 1);
}

static void put32(struct stream *s, uint32_t v)
{
	v = GUINT32_TO_BE(v);
	put(s, &v, sizeof v);
}

static void put64(struct stream *s, uint64_t v)
{
	v = GUINT64_TO_BE(v);
	put(s, &v, sizeof v);
}

static void put_name(struct stream *s, const char *name)
{
	put8(s, (uint8_t)strlen(name));
	put(s, name, strlen(name));
}

static void put_header(struct stream *s)
{
	put(s, "QEVM", 4);
	put32(s, 3);
	put8(s, CONFIGURATION);
	put32(s, (uint32_t)strlen(MACHINE));
	put(s, MACHINE, strlen(MACHINE));
}

static void put_footer(struct stream *s, uint32_t id)
{
	put8(s, FOOTER);
	put32(s, id);
}

/* Where memory at pa is in the block of all memory; false: nowhere. */
static bool place(const struct stream *s, uint64_t pa, uint64_t *at)
{
	uint64_t below = s->ram_size >= SPLIT_MIN ? SPLIT : s->ram_size;

	*at = pa < HIGH ? pa : below + (pa - HIGH);
	return pa < below || pa >= HIGH;
}

/* The machine is as large as that its memory is split where RAM at 4 GiB
 * begins. */
static void find_size(struct stream *s)
{
	uint64_t end = mk_phys_end(s->phys);

	end = (end + MK_PAGE_SIZE - 1) / MK_PAGE_SIZE * MK_PAGE_SIZE;
	s->ram_size = end;
	if (end > HIGH)
		s->ram_size = MAX(SPLIT + (end - HIGH), SPLIT_MIN);
}

typedef void (*page_fn)(struct stream *s, uint64_t pa, uint64_t at);

static void each_page(struct stream *s, page_fn fn)
{
	const struct mk_run *runs;
	uint64_t at;
	size_t n;

	runs = mk_phys_runs(s->phys, &n);
	for (size_t i = 0; i < n; i++) {
		uint64_t pa = runs[i].start, end = pa + runs[i].len;

		pa = (pa + MK_PAGE_SIZE - 1) / MK_PAGE_SIZE * MK_PAGE_SIZE;
		for (; pa + MK_PAGE_SIZE <= end; pa += MK_PAGE_SIZE)
			if (place(s, pa, &at))
				fn(s, pa, at);
	}
}

static void put_record(struct stream *s, uint64_t at, uint64_t flags)
{
	put64(s, at | flags | (s->named ? RAM_CONTINUE : 0));
	if (!s->named)
		put_name(s, BLOCK);
	s->named = true;
}

static void put_page(struct stream *s, uint64_t pa, uint64_t at)
{
	uint8_t page[MK_PAGE_SIZE];

	if (!mk_phys_used(s->phys, pa)) {
		put_record(s, at, RAM_ZERO);
		put8(s, 0);
		return;
	}
	mk_phys_read(s->phys, pa, page, sizeof page);
	put_record(s, at, RAM_PAGE);
	put(s, page, sizeof page);
}

/* Of a live machine: in the first round some pages are not as they are in the
 * end. */
static void put_early(struct stream *s, uint64_t pa, uint64_t at)
{
	uint8_t page[MK_PAGE_SIZE];

	if (pa / MK_PAGE_SIZE % 3)
		return;
	memset(page, 0x5a, sizeof page);
	if (pa / MK_PAGE_SIZE % 2) {
		put_record(s, at, RAM_PAGE);
		put(s, page, sizeof page);
	} else {
		put_record(s, at, RAM_ZERO);
		put8(s, 0x5a);
	}
}

/* mapped-ram: the pages have fixed places, of those that are zeros nothing is
 * there. Memory that the machine has not is zeros, too. */
static void put_mapped(struct stream *s, uint64_t size)
{
	const uint64_t bitmap = s->at + 28;
	const uint64_t n = (size / MK_PAGE_SIZE + 63) / 64 * 8;
	const uint64_t pages = (bitmap + n + MAPPED_ALIGN - 1) / MAPPED_ALIGN *
			       MAPPED_ALIGN;
	g_autofree uint8_t *bits = g_malloc0(n);
	uint8_t page[MK_PAGE_SIZE];

	put32(s, 1);
	put64(s, MK_PAGE_SIZE);
	put64(s, bitmap);
	put64(s, pages);
	flush(s);
	for (uint64_t at = 0; size == s->ram_size && at < size;
	     at += MK_PAGE_SIZE) {
		uint64_t below = size >= SPLIT_MIN ? SPLIT : size;
		uint64_t pa = at < below ? at : HIGH + (at - below);

		if (!mk_phys_used(s->phys, pa))
			continue;
		mk_phys_read(s->phys, pa, page, sizeof page);
		bits[at / MK_PAGE_SIZE / 8] |=
			(uint8_t)(1u << at / MK_PAGE_SIZE % 8);
		s->failed = s->failed ||
			    !mk_write_at(s->fd, page, sizeof page, pages + at);
	}
	s->failed = s->failed || !mk_write_at(s->fd, bits, n, bitmap);
	s->at = pages + size;
}

static void put_block(struct stream *s, const char *name, uint64_t size)
{
	put_name(s, name);
	put64(s, size);
	if (s->mapped)
		put_mapped(s, size);
}

static void put_ram(struct stream *s)
{
	put8(s, SECTION_START);
	put32(s, RAM_ID);
	put_name(s, "ram");
	put32(s, 0);
	put32(s, 4);
	put64(s, (s->ram_size + OTHER_SIZE) | RAM_MEM_SIZE);
	put_block(s, BLOCK, s->ram_size);
	put_block(s, OTHER, OTHER_SIZE);
	put64(s, RAM_EOS);
	put_footer(s, RAM_ID);
	put8(s, SECTION_PART);
	put32(s, RAM_ID);
	if (s->live)
		each_page(s, put_early);
	put64(s, RAM_EOS);
	put_footer(s, RAM_ID);
	put8(s, SECTION_END);
	put32(s, RAM_ID);
	put64(s, RAM_ZERO);
	put_name(s, OTHER);
	put8(s, 0xff);
	s->named = false;
	if (!s->mapped)
		each_page(s, put_page);
	put64(s, RAM_EOS);
	put_footer(s, RAM_ID);
}

/* regs, eip, eflags; at 236 es cs ss ds fs gs, each with its selector (u32)
 * first. */
static void put_regs(uint8_t *state, const struct mk_cpu *cpu)
{
	const uint16_t selectors[6] = { cpu->es, cpu->cs, cpu->ss,
					cpu->ds, cpu->fs, cpu->gs };
	uint64_t words[18];

	if (!cpu->has_regs)
		return;
	for (size_t i = 0; i < 16; i++)
		words[i] = GUINT64_TO_BE(cpu->gpr[i]);
	words[16] = GUINT64_TO_BE(cpu->rip);
	words[17] = GUINT64_TO_BE(cpu->flags);
	memcpy(state, words, sizeof words);
	for (size_t i = 0; i < G_N_ELEMENTS(selectors); i++) {
		uint32_t be = GUINT32_TO_BE(selectors[i]);

		memcpy(state + 236 + i * 20, &be, sizeof be);
	}
}

static void put_cpu(struct stream *s, const struct mk_cpu *cpu, uint32_t id)
{
	uint8_t state[CPU_STATE] = { 0 };
	uint64_t gs = GUINT64_TO_BE(cpu->has_regs && cpu->in_user
					    ? cpu->teb : cpu->gs_base);
	uint64_t idt = GUINT64_TO_BE(cpu->idt_base);
	uint64_t cr3 = GUINT64_TO_BE(cpu->cr3);

	put_regs(state, cpu);
	memcpy(state + CPU_GS, &gs, sizeof gs);
	memcpy(state + CPU_IDT, &idt, sizeof idt);
	memcpy(state + CPU_CR3, &cr3, sizeof cr3);
	put8(s, SECTION_FULL);
	put32(s, 10 + id);
	put_name(s, "cpu");
	put32(s, id);
	put32(s, 12);
	put(s, state, sizeof state);
	put_footer(s, 10 + id);
}

static void put_libvirt(struct stream *s)
{
	static const char xml[] = "<domain type='qemu'/>\n";
	uint32_t head[19] = { GUINT32_TO_LE(2), GUINT32_TO_LE(4096) };
	uint8_t rest[4096] = { 0 };

	put(s, "LibvirtQemudSave", 16);
	put(s, head, sizeof head);
	memcpy(rest, xml, sizeof xml);
	put(s, rest, sizeof rest);
}

static bool write_stream(const MkPhys *phys, const char *path,
			 const struct mk_write_options *options, bool libvirt,
			 struct stream s, GError **error)
{
	bool ok;

	s.phys = phys;
	s.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (s.fd < 0)
		return mk_write_failed(error, path);
	s.out = g_byte_array_new();
	find_size(&s);
	if (libvirt)
		put_libvirt(&s);
	put_header(&s);
	put_ram(&s);
	for (size_t i = 0; i < options->n_cpus; i++)
		put_cpu(&s, &options->cpus[i], (uint32_t)i);
	put8(&s, 0);
	flush(&s);
	g_byte_array_unref(s.out);
	ok = close(s.fd) == 0 && !s.failed;
	return ok || mk_write_failed(error, path);
}

static bool write_qevm(const MkPhys *phys, const char *path,
		       const struct mk_write_options *options, const char *arg,
		       GError **error)
{
	const struct stream s = { .live = arg && !strcmp(arg, "live") };

	return write_stream(phys, path, options, false, s, error);
}

static bool write_save(const MkPhys *phys, const char *path,
		       const struct mk_write_options *options, const char *arg,
		       GError **error)
{
	(void)arg;
	return write_stream(phys, path, options, true, (struct stream){ 0 },
			    error);
}

static bool write_mapped(const MkPhys *phys, const char *path,
			 const struct mk_write_options *options,
			 const char *arg, GError **error)
{
	const struct stream s = { .mapped = true };

	(void)arg;
	return write_stream(phys, path, options, false, s, error);
}

const struct mk_writer mk_qevm = {
	"qevm", "qevm", "QEMU migration stream",
	MK_WRITER_WHOLE_PAGES | MK_WRITER_NO_MAP, write_qevm,
};
const struct mk_writer mk_libvirt_save = {
	"libvirt-save", "qevm", "libvirt save file",
	MK_WRITER_WHOLE_PAGES | MK_WRITER_NO_MAP, write_save,
};
const struct mk_writer mk_qevm_mapped = {
	"qevm-mapped", "qevm", "QEMU migration stream, mapped-ram",
	MK_WRITER_WHOLE_PAGES | MK_WRITER_NO_MAP | MK_WRITER_LOW |
		MK_WRITER_NO_HOLES, write_mapped,
};
