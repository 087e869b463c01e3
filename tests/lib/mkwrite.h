/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes made-up physical memory as an image file: raw, an ELF core as QEMU's
 * dump-guest-memory makes it, or a full crash dump. Files are sparse.
 */
#ifndef MKWRITE_H
#define MKWRITE_H

#include "lib/mkphys.h"

enum mk_format {
	MK_FORMAT_RAW,
	MK_FORMAT_ELF,	 /* ELF64 */
	MK_FORMAT_ELF32, /* runs above 4 GiB are left out */
	MK_FORMAT_DUMP,	 /* Windows full crash dump; whole pages only */
};

/* State of a processor, for the notes. */
struct mk_cpu {
	uint64_t cr0, cr3, cr4;
	uint64_t rip, rsp;
	uint64_t gs_base;
	uint64_t idt_base, gdt_base;
	/* All of them (QEMU's note); else rip and rsp alone. In user mode the
	 * base of the segment of the TEB is that, and on x64 gs_base is the
	 * one to be swapped in. */
	bool has_regs, in_user;
	uint64_t gpr[16]; /* ax cx dx bx sp bp si di r8 to r15 */
	uint64_t flags, teb;
	uint16_t cs, ss, ds, es, fs, gs;
};

/* What the header of a crash dump says. */
struct mk_dump {
	bool is64, pae;
	uint64_t dtb, active_head, module_list, kdbg;
	uint32_t machine, processors;
	uint64_t time; /* FILETIME */
};

struct mk_write_options {
	enum mk_format format;
	/* Notes (ELF): n_cpus times CORE, then n_cpus times QEMU. */
	const struct mk_cpu *cpus;
	size_t n_cpus;
	const struct mk_dump *dump; /* of MK_FORMAT_DUMP */
	bool xnum;	/* PN_XNUM: the number of headers in section 0 */
	bool memsz;	/* zeros at the end of a segment are not in the file */
	bool unaligned; /* segments start at odd file offsets, as QEMU's do */
	size_t phdrs;	/* cut the runs into about so many segments; 0: one each
			 */
};

bool mk_write(const MkPhys *phys, const char *path,
	      const struct mk_write_options *options, GError **error);

/* For other writers: sets error of errno, false; all of buf at an offset; the
 * pages that are not zeros of [pa, pa + len) at an offset (holes else); the
 * notes of an ELF core (transfer full). */
GByteArray *mk_write_notes(const struct mk_write_options *options, bool is64);
bool mk_write_failed(GError **error, const char *path);
bool mk_write_at(int fd, const void *buf, size_t len, uint64_t offset);
bool mk_write_pages(const MkPhys *phys, int fd, uint64_t pa, uint64_t len,
		    uint64_t offset);
/* The header of a full crash dump; returns its length. */
size_t mk_dump_header(const MkPhys *phys, const struct mk_dump *d,
		      uint8_t header[0x2000]);

#endif
