/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writers of VMware state files, with the memory inside or in a .vmem. */
#include "config.h"

#include "lib/mkfmt-list.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 12, GROUP = 80, GROUP_NAME = 64, N_GROUPS = 3 };

struct variant {
	uint32_t magic;
	bool inside;  /* the memory is in the state file */
	bool old;     /* CR and eip of 32 bits, single tags */
};

struct out {
	GByteArray *bytes;
	bool is64; /* sizes of blocks */
};

static void put(struct out *out, const void *buf, size_t len)
{
	g_byte_array_append(out->bytes, buf, (guint)len);
}

static void put_number(struct out *out, uint64_t value, size_t len)
{
	const uint64_t word = GUINT64_TO_LE(value);

	put(out, &word, len);
}

/* Flags, length, name, indices; size: of what follows, 63 for a block. */
static void put_tag(struct out *out, const char *name, unsigned size,
		    unsigned n, uint32_t i, uint32_t j)
{
	put_number(out, size | n << 6, 1);
	put_number(out, strlen(name), 1);
	put(out, name, strlen(name));
	if (n > 0)
		put_number(out, i, 4);
	if (n > 1)
		put_number(out, j, 4);
}

static void put_u32(struct out *out, const char *name, unsigned n, uint32_t i,
		    uint32_t j, uint32_t value)
{
	put_tag(out, name, 4, n, i, j);
	put_number(out, value, 4);
}

static void put_u64(struct out *out, const char *name, unsigned n, uint32_t i,
		    uint32_t j, uint64_t value)
{
	put_tag(out, name, 8, n, i, j);
	put_number(out, value, 8);
}

static void put_end(struct out *out)
{
	put_number(out, 0, 2);
}

static void put_block(struct out *out, const char *name, unsigned n,
		      uint64_t len, uint16_t padding)
{
	put_tag(out, name, 63, n, 0, 0);
	put_number(out, len, out->is64 ? 8 : 4);
	put_number(out, len, out->is64 ? 8 : 4);
	put_number(out, padding, 2);
	for (unsigned i = 0; i < padding; i++)
		put_number(out, 0xaa, 1);
}

static void put_cpu(struct out *out, const struct mk_cpu *cpu, uint32_t i,
		    bool old)
{
	const uint64_t cr[5] = { cpu->cr0, 0, 0, cpu->cr3, cpu->cr4 };

	for (uint32_t n = 0; n < 5; n++) {
		put_u32(out, "CR", 2, i, n, (uint32_t)cr[n]);
		if (!old)
			put_u64(out, "CR64", 2, i, n, cr[n]);
	}
	put_u32(out, "IDTR", 2, i, 0, 0xfff);
	put_u32(out, "IDTR", 2, i, 1, (uint32_t)cpu->idt_base);
	put_u32(out, "IDTR", 2, i, 2, (uint32_t)(cpu->idt_base >> 32));
	if (old)
		put_u32(out, "eip", 1, i, 0, (uint32_t)cpu->rip);
	else
		put_u64(out, "rip", 1, i, 0, cpu->rip);
}

static void put_cpus(struct out *out, const struct mk_write_options *options,
		     bool old)
{
	put_u32(out, "cpu:numVCPUs", 0, 0, 0, (uint32_t)options->n_cpus);
	for (size_t i = 0; i < options->n_cpus; i++)
		put_cpu(out, &options->cpus[i], (uint32_t)i, old);
	put_end(out);
}

static uint64_t pages_of(const struct mk_run *run)
{
	return run->len / MK_PAGE_SIZE;
}

/* The group "memory"; its last tag but one is the memory itself, where it is
 * inside. Returns where that begins. */
static uint64_t put_memory(struct out *out, const MkPhys *phys, bool inside,
			   uint64_t *len)
{
	const struct mk_run *runs;
	uint64_t page = 0;
	size_t n;

	runs = mk_phys_runs(phys, &n);
	put_u32(out, "regionsCount", 0, 0, 0, n > 1 ? (uint32_t)n : 0);
	for (uint32_t i = 0; i < n; i++) {
		if (n > 1) {
			put_u32(out, "regionPageNum", 1, i, 0, (uint32_t)page);
			put_u32(out, "regionPPN", 1, i, 0,
				(uint32_t)(runs[i].start / MK_PAGE_SIZE));
			put_u32(out, "regionSize", 1, i, 0,
				(uint32_t)pages_of(&runs[i]));
		}
		page += pages_of(&runs[i]);
	}
	put_u32(out, "align_mask", 0, 0, 0, 0xffff);
	*len = page * MK_PAGE_SIZE;
	if (inside)
		put_block(out, "Memory", 2, *len, 77);
	return out->bytes->len;
}

static void set_group(struct out *out, unsigned i, const char *name,
		      uint64_t off)
{
	uint8_t *at = out->bytes->data + HEADER + i * GROUP;

	off = GUINT64_TO_LE(off);
	memcpy(at, name, strlen(name));
	memcpy(at + GROUP_NAME, &off, sizeof off);
}

/* The state file up to its memory; *len: how much memory there is. */
static GByteArray *make_state(const MkPhys *phys,
			      const struct mk_write_options *options,
			      const struct variant *variant, uint64_t *len)
{
	struct out out = { g_byte_array_new(), (variant->magic & 0xf) != 0 };
	static const uint8_t zeros[N_GROUPS * GROUP];

	put_number(&out, variant->magic, 4);
	put_number(&out, 8, 4);
	put_number(&out, N_GROUPS, 4);
	put(&out, zeros, sizeof zeros);
	set_group(&out, 0, "Checkpoint", out.bytes->len);
	put_block(&out, "vmxImage", 0, 8, 3);
	put_number(&out, 0, 8);
	put_end(&out);
	set_group(&out, 1, "cpu", out.bytes->len);
	put_cpus(&out, options, variant->old);
	set_group(&out, 2, "memory", out.bytes->len);
	put_memory(&out, phys, variant->inside, len);
	return out.bytes;
}

static bool put_runs(const MkPhys *phys, int fd, uint64_t at)
{
	const struct mk_run *runs;
	size_t n;

	runs = mk_phys_runs(phys, &n);
	for (size_t i = 0; i < n; i++) {
		uint64_t len = pages_of(&runs[i]) * MK_PAGE_SIZE;

		if (ftruncate(fd, (off_t)(at + len)) ||
		    !mk_write_pages(phys, fd, runs[i].start, len, at))
			return false;
		at += len;
	}
	return true;
}

static int create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

static bool done(int fd, bool ok, const char *path, GError **error)
{
	if (!ok)
		mk_write_failed(error, path);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool write_vmem(const MkPhys *phys, const char *path, GError **error)
{
	int fd = create(path);

	return done(fd, fd >= 0 && put_runs(phys, fd, 0), path, error);
}

static bool write_state(const MkPhys *phys, const char *path,
			const struct mk_write_options *options,
			const struct variant *variant, GError **error)
{
	g_autoptr(GByteArray) bytes = NULL;
	static const uint8_t zeros[2];
	int fd = create(path);
	uint64_t len;
	bool ok;

	bytes = make_state(phys, options, variant, &len);
	ok = fd >= 0 && mk_write_at(fd, bytes->data, bytes->len, 0);
	if (ok && variant->inside)
		ok = put_runs(phys, fd, bytes->len);
	else
		len = 0;
	ok = ok && mk_write_at(fd, zeros, sizeof zeros, bytes->len + len);
	return done(fd, ok, path, error);
}

/* path with another ending. */
static char *with_ending(const char *path, const char *ending)
{
	const char *dot = strrchr(path, '.');
	size_t len = dot && !strchr(dot, '/') ? (size_t)(dot - path) :
						strlen(path);

	return g_strdup_printf("%.*s%s", (int)len, path, ending);
}

/* arg "vmem": path is that of the .vmem, else that of the state file. */
static bool write_both(const MkPhys *phys, const char *path,
		       const struct mk_write_options *options, const char *arg,
		       const struct variant *variant, GError **error)
{
	bool vmem = arg && !strcmp(arg, "vmem");
	g_autofree char *other = with_ending(path, vmem ? ".vmss" : ".vmem");

	if (variant->inside)
		return write_state(phys, path, options, variant, error);
	if (!strcmp(path, other)) {
		errno = EEXIST;
		return mk_write_failed(error, path);
	}
	return write_vmem(phys, vmem ? path : other, error) &&
	       write_state(phys, vmem ? other : path, options, variant, error);
}

#define WRITER(id, name, help, more, ...)                                     \
	static bool write_##id(const MkPhys *phys, const char *path,          \
			       const struct mk_write_options *options,        \
			       const char *arg, GError **error)               \
	{                                                                     \
		static const struct variant variant = { __VA_ARGS__ };        \
                                                                              \
		return write_both(phys, path, options, arg, &variant, error); \
	}                                                                     \
	const struct mk_writer mk_##id##_writer = {                           \
		name, "vmware", help, MK_WRITER_WHOLE_PAGES | (more),         \
		write_##id                                                    \
	}

WRITER(vmss, "vmss", "VMware state file, memory in a .vmem (:vmem: that one)",
       MK_WRITER_COMPANION | MK_WRITER_TAIL, .magic = 0xbed2bed2);
WRITER(vmsn_inline, "vmsn-inline", "VMware snapshot with its memory", 0,
       .magic = 0xbed3bed3, .inside = true);
WRITER(vmsn_old, "vmsn-old", "VMware snapshot of old, 32-bit sizes", 0,
       .magic = 0xbed0bed0, .inside = true, .old = true);
