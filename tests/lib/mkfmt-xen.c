/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writers of Xen's cores (xl dump-core): whole pages, with one that has no
 * address among them; the index behind them, as .xen_pfn or as .xen_p2m.
 */
#include "config.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/mkfmt-list.h"

static const char names[] = "\0.shstrtab\0.xen_prstatus\0.xen_pages\0"
			    ".xen_pfn\0.xen_p2m";

enum {
	NAME_STRTAB = 1,
	NAME_PRSTATUS = 11,
	NAME_PAGES = 25,
	NAME_PFN = 36,
	NAME_P2M = 45,
	N_SECTIONS = 5,
	VCPU = 5168,
	VCPU_CR3 = 5008,
	VCPU_GS = 5152,
	PAGES_OFF = 0x10000,
};

struct core {
	const MkPhys *phys;
	int fd;
	bool p2m;
	bool failed;
	uint64_t n_pages;
	GArray *index; /* u64 */
};

static void put_entry(struct core *c, uint64_t pfn)
{
	uint64_t entry[2] = { GUINT64_TO_LE(pfn),
			      GUINT64_TO_LE(pfn + 0x123456) };

	g_array_append_vals(c->index, entry, c->p2m ? 2 : 1);
	c->n_pages++;
}

static void put_page(struct core *c, uint64_t pa)
{
	uint8_t page[MK_PAGE_SIZE];
	uint64_t off = PAGES_OFF + c->n_pages * MK_PAGE_SIZE;

	if (c->n_pages == 5) {
		put_entry(c, UINT64_MAX);
		off += MK_PAGE_SIZE;
	}
	if (mk_phys_used(c->phys, pa)) {
		mk_phys_read(c->phys, pa, page, sizeof page);
		c->failed = c->failed || !mk_write_at(c->fd, page,
						      sizeof page, off);
	}
	put_entry(c, pa / MK_PAGE_SIZE);
}

static void put_pages(struct core *c)
{
	const struct mk_run *runs;
	size_t n;

	runs = mk_phys_runs(c->phys, &n);
	for (size_t i = 0; i < n; i++) {
		uint64_t pa = runs[i].start, end = pa + runs[i].len;

		pa = (pa + MK_PAGE_SIZE - 1) / MK_PAGE_SIZE * MK_PAGE_SIZE;
		for (; pa + MK_PAGE_SIZE <= end; pa += MK_PAGE_SIZE)
			put_page(c, pa);
	}
}

static void put64(uint8_t *at, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	memcpy(at, &value, sizeof value);
}

/* struct cpu_user_regs behind the 512 bytes of the coprocessor and the
 * flags. */
static void put_regs(uint8_t *state, const struct mk_cpu *cpu)
{
	static const uint8_t order[15] = { 15, 14, 13, 12, 5, 3, 11, 10,
					   9,  8,  0,  1,  2, 6, 7 };
	const uint64_t rest[9] = { cpu->rip, cpu->cs, cpu->flags,
				   cpu->gpr[4], cpu->ss, cpu->es, cpu->ds,
				   cpu->fs, cpu->gs };

	if (!cpu->has_regs)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
		put64(state + 520 + i * 8, cpu->gpr[order[i]]);
	for (size_t i = 0; i < G_N_ELEMENTS(rest); i++)
		put64(state + 520 + 128 + i * 8, rest[i]);
}

static void put_cpus(struct core *c, const struct mk_write_options *options)
{
	for (size_t i = 0; i < options->n_cpus; i++) {
		uint8_t state[VCPU] = { 0 };
		uint64_t cr3 = GUINT64_TO_LE(options->cpus[i].cr3);
		uint64_t gs = GUINT64_TO_LE(options->cpus[i].gs_base);

		put_regs(state, &options->cpus[i]);
		memcpy(state + VCPU_CR3, &cr3, sizeof cr3);
		memcpy(state + VCPU_GS, &gs, sizeof gs);
		c->failed = c->failed ||
			    !mk_write_at(c->fd, state, sizeof state,
					 0x1000 + i * VCPU);
	}
}

static void put_head(struct core *c, size_t n_cpus)
{
	const uint64_t index = PAGES_OFF + c->n_pages * MK_PAGE_SIZE;
	Elf64_Ehdr head = { .e_type = ET_CORE, .e_machine = EM_X86_64,
			    .e_version = EV_CURRENT, .e_shoff = sizeof head,
			    .e_ehsize = sizeof head, .e_shnum = N_SECTIONS,
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shstrndx = 1 };
	const Elf64_Shdr sections[N_SECTIONS] = {
		{ 0 },
		{ .sh_name = NAME_STRTAB, .sh_offset = 0x800,
		  .sh_size = sizeof names },
		{ .sh_name = NAME_PRSTATUS, .sh_offset = 0x1000,
		  .sh_size = n_cpus * VCPU },
		{ .sh_name = NAME_PAGES, .sh_offset = PAGES_OFF,
		  .sh_size = c->n_pages * MK_PAGE_SIZE },
		{ .sh_name = c->p2m ? NAME_P2M : NAME_PFN,
		  .sh_offset = index, .sh_size = (uint64_t)c->index->len * 8 },
	};

	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
	head.e_ident[EI_VERSION] = EV_CURRENT;
	c->failed = c->failed ||
		    !mk_write_at(c->fd, &head, sizeof head, 0) ||
		    !mk_write_at(c->fd, sections, sizeof sections,
				 sizeof head) ||
		    !mk_write_at(c->fd, names, sizeof names, 0x800) ||
		    !mk_write_at(c->fd, c->index->data,
				 (size_t)c->index->len * 8, index);
}

static bool write_core(const MkPhys *phys, const char *path,
		       const struct mk_write_options *options, bool p2m,
		       GError **error)
{
	struct core c = { .phys = phys, .p2m = p2m };
	bool ok;

	c.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (c.fd < 0)
		return mk_write_failed(error, path);
	c.index = g_array_new(FALSE, FALSE, 8);
	put_pages(&c);
	put_cpus(&c, options);
	put_head(&c, options->n_cpus);
	g_array_unref(c.index);
	ok = close(c.fd) == 0 && !c.failed;
	return ok || mk_write_failed(error, path);
}

static bool write_pfn(const MkPhys *phys, const char *path,
		      const struct mk_write_options *options, const char *arg,
		      GError **error)
{
	(void)arg;
	return write_core(phys, path, options, false, error);
}

static bool write_p2m(const MkPhys *phys, const char *path,
		      const struct mk_write_options *options, const char *arg,
		      GError **error)
{
	(void)arg;
	return write_core(phys, path, options, true, error);
}

const struct mk_writer mk_xen_pfn = {
	"xen-pfn", "elf", "Xen's core with .xen_pfn",
	MK_WRITER_WHOLE_PAGES | MK_WRITER_TAIL, write_pfn,
};
const struct mk_writer mk_xen_p2m = {
	"xen-p2m", "elf", "Xen's core with .xen_p2m",
	MK_WRITER_WHOLE_PAGES | MK_WRITER_TAIL, write_p2m,
};
