/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of an ELF core file: headers and notes, as bytes.
 *
 * Sources: System V ABI (gABI) chapters 4 and 5; Linux: elf.h of binutils and
 * include/uapi/linux/elfcore.h, arch/x86/include/asm/user_{32,64}.h,
 * arch/arm64/include/uapi/asm/ptrace.h (layouts of the notes),
 * fs/binfmt_elf.c (their order; NT_FILE; e_phnum of 65535 and more is in
 * sh_info of section 0).
 */
#ifndef TREE_ELFCORE_H
#define TREE_ELFCORE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

enum elf_machine {
	ELF_386 = 3,
	ELF_X86_64 = 62,
	ELF_AARCH64 = 183,
};

enum elf_note_type {
	ELF_NOTE_PRSTATUS = 1,
	ELF_NOTE_PRPSINFO = 3,
	ELF_NOTE_AUXV = 6,
	ELF_NOTE_FILE = 0x46494c45,
};

enum elf_aux_type {
	ELF_AT_NULL = 0,
	ELF_AT_PAGESZ = 6,
	ELF_AT_ENTRY = 9,
};

/* Which kind of file: all that is written depends on it. */
struct elf_form {
	bool is_64;
	enum elf_machine machine;
};

enum elf_rights {
	ELF_X = 1,
	ELF_W = 2,
	ELF_R = 4,
};

struct elf_segment {
	uint64_t va, len;
	uint64_t off;	 /* in the file */
	unsigned rights; /* enum elf_rights */
};

/* Registers of NT_PRSTATUS, in the order of the machine's user_regs. */
#define ELF_REGS_MAX 34u
struct elf_thread {
	uint32_t tid, ppid;
	uint64_t regs[ELF_REGS_MAX];
};

struct elf_process {
	uint32_t pid, ppid;
	char state;	     /* of ps: 'S', 'Z' */
	const char *name;    /* UTF-8, cut to 15 bytes */
	const char *command; /* the same, 79 bytes */
};

struct elf_file {
	uint64_t start, end;
	uint64_t page; /* of the file, that is mapped at start */
	const char *name;
};

/* Appends v's lowest `bytes` bytes, little-endian. */
void elf_put(GByteArray *out, uint64_t v, unsigned bytes);

/* Bytes of the ELF header, of n program headers, and of the section header
 * that holds n where the ELF header cannot. */
uint64_t elf_headers_bytes(const struct elf_form *form, uint64_t n);
/* Those, with a PT_NOTE and n - 1 PT_LOADs. */
void elf_put_headers(GByteArray *out, const struct elf_form *form,
		     uint64_t notes_off, uint64_t notes_len,
		     const struct elf_segment *loads, uint64_t n);

/* A note; type is for those of Linux one of enum elf_note_type. */
void elf_put_note(GByteArray *out, const char *owner, uint32_t type,
		  const GByteArray *content);
void elf_put_prstatus(GByteArray *out, const struct elf_form *form,
		      const struct elf_thread *thread);
void elf_put_prpsinfo(GByteArray *out, const struct elf_form *form,
		      const struct elf_process *process);
/* n pairs of type and value; the end is added. */
void elf_put_auxv(GByteArray *out, const struct elf_form *form,
		  const uint64_t (*pairs)[2], size_t n);
/* Pages are of 4 KiB. */
void elf_put_files(GByteArray *out, const struct elf_form *form,
		   const struct elf_file *files, size_t n);

#endif
