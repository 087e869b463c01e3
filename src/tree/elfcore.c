/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Headers and notes of ELF core files. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "tree/elfcore.h"

enum {
	OSABI_LINUX = 3, /* whose notes these are; lldb asks for it */
	ET_CORE_FILE = 4,
	PT_LOAD_SEGMENT = 1,
	PT_NOTE_SEGMENT = 4,
	PHNUM_ELSEWHERE = 0xffff, /* PN_XNUM */
	NAME_BYTES = 16,
	COMMAND_BYTES = 80,
};

void elf_put(GByteArray *out, uint64_t v, unsigned bytes)
{
	uint8_t le[8];

	for (unsigned i = 0; i < 8; i++)
		le[i] = (uint8_t)(v >> 8 * i);
	g_byte_array_append(out, le, MIN(bytes, 8));
}

/* An address, offset or size of the file's class. */
static void put_word(GByteArray *out, const struct elf_form *form, uint64_t v)
{
	elf_put(out, v, form->is_64 ? 8 : 4);
}

static void put_zeros(GByteArray *out, unsigned n)
{
	while (n--)
		elf_put(out, 0, 1);
}

static unsigned ehdr_bytes(const struct elf_form *form)
{
	return form->is_64 ? 64 : 52;
}

static unsigned phdr_bytes(const struct elf_form *form)
{
	return form->is_64 ? 56 : 32;
}

static unsigned shdr_bytes(const struct elf_form *form)
{
	return form->is_64 ? 64 : 40;
}

uint64_t elf_headers_bytes(const struct elf_form *form, uint64_t n)
{
	uint64_t bytes = ehdr_bytes(form) + n * phdr_bytes(form);

	return n < PHNUM_ELSEWHERE ? bytes : bytes + shdr_bytes(form);
}

static void put_ehdr(GByteArray *out, const struct elf_form *form, uint64_t n)
{
	const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', form->is_64 ? 2 : 1,
				    1 /* little-endian */, 1,
				    OSABI_LINUX };
	bool many = n >= PHNUM_ELSEWHERE;

	g_byte_array_append(out, ident, sizeof ident);
	elf_put(out, ET_CORE_FILE, 2);
	elf_put(out, form->machine, 2);
	elf_put(out, 1, 4); /* e_version */
	put_word(out, form, 0);
	put_word(out, form, ehdr_bytes(form)); /* e_phoff */
	put_word(out, form,
		 many ? ehdr_bytes(form) + n * phdr_bytes(form) : 0);
	elf_put(out, 0, 4); /* e_flags */
	elf_put(out, ehdr_bytes(form), 2);
	elf_put(out, phdr_bytes(form), 2);
	elf_put(out, many ? PHNUM_ELSEWHERE : n, 2);
	elf_put(out, many ? shdr_bytes(form) : 0, 2);
	elf_put(out, many, 2); /* e_shnum */
	elf_put(out, 0, 2);    /* e_shstrndx */
}

static void put_phdr(GByteArray *out, const struct elf_form *form,
		     unsigned type, const struct elf_segment *s,
		     uint64_t mem_len, unsigned align)
{
	elf_put(out, type, 4);
	if (form->is_64)
		elf_put(out, s->rights, 4);
	put_word(out, form, s->off);
	put_word(out, form, s->va);
	put_word(out, form, 0); /* p_paddr */
	put_word(out, form, s->len);
	put_word(out, form, mem_len);
	if (!form->is_64)
		elf_put(out, s->rights, 4);
	put_word(out, form, align);
}

/* Section 0, of no type, with the count of program headers in sh_info. */
static void put_shdr(GByteArray *out, const struct elf_form *form, uint64_t n)
{
	unsigned before = form->is_64 ? 44 : 28;

	put_zeros(out, before);
	elf_put(out, n, 4);
	put_zeros(out, shdr_bytes(form) - before - 4);
}

void elf_put_headers(GByteArray *out, const struct elf_form *form,
		     uint64_t notes_off, uint64_t notes_len,
		     const struct elf_segment *loads, uint64_t n)
{
	const struct elf_segment notes = { .off = notes_off,
					   .len = notes_len };

	put_ehdr(out, form, n);
	put_phdr(out, form, PT_NOTE_SEGMENT, &notes, 0, 4);
	for (uint64_t i = 0; i + 1 < n; i++)
		put_phdr(out, form, PT_LOAD_SEGMENT, &loads[i], loads[i].len,
			 PAGE_SIZE_4K);
	if (n >= PHNUM_ELSEWHERE)
		put_shdr(out, form, n);
}

static void pad_to_4(GByteArray *out)
{
	put_zeros(out, -out->len & 3);
}

/* Both parts of a note begin at multiples of 4, in 64-bit files as well (as
 * all cores of Linux have it). */
void elf_put_note(GByteArray *out, const char *owner, uint32_t type,
		  const GByteArray *content)
{
	unsigned owner_bytes = (unsigned)strlen(owner) + 1;

	elf_put(out, owner_bytes, 4);
	elf_put(out, content->len, 4);
	elf_put(out, type, 4);
	g_byte_array_append(out, (const guint8 *)owner, owner_bytes);
	pad_to_4(out);
	g_byte_array_append(out, content->data, content->len);
	pad_to_4(out);
}

static unsigned n_regs(const struct elf_form *form)
{
	return form->machine == ELF_386	   ? 17 :
	       form->machine == ELF_X86_64 ? 27 :
					     34;
}

/* struct elf_prstatus: signal, ids, times, registers. */
void elf_put_prstatus(GByteArray *out, const struct elf_form *form,
		      const struct elf_thread *thread)
{
	g_autoptr(GByteArray) note = g_byte_array_new();
	unsigned word = form->is_64 ? 8 : 4;

	put_zeros(note, 12 + 4);   /* pr_info, pr_cursig */
	put_zeros(note, 2 * word); /* pr_sigpend, pr_sighold */
	elf_put(note, thread->tid, 4);
	elf_put(note, thread->ppid, 4);
	put_zeros(note, 4 + 4);	       /* pr_pgrp, pr_sid */
	put_zeros(note, 4 * 2 * word); /* four times */
	for (unsigned i = 0; i < n_regs(form); i++)
		put_word(note, form, thread->regs[i]);
	put_zeros(note, word); /* pr_fpvalid */
	elf_put_note(out, "CORE", ELF_NOTE_PRSTATUS, note);
}

/* At most room - 1 bytes, no part of a character, and zeros. */
static void put_text(GByteArray *out, const char *text, unsigned room)
{
	size_t n = strlen(text);

	if (n >= room) {
		n = room - 1;
		while (n && ((uint8_t)text[n] & 0xc0) == 0x80)
			n--;
	}
	g_byte_array_append(out, (const guint8 *)text, (guint)n);
	put_zeros(out, room - (unsigned)n);
}

/* struct elf_prpsinfo; user and group ids of x86 have 16 bits. */
void elf_put_prpsinfo(GByteArray *out, const struct elf_form *form,
		      const struct elf_process *process)
{
	g_autoptr(GByteArray) note = g_byte_array_new();

	elf_put(note, process->state == 'Z' ? 4 : 1, 1); /* pr_state */
	elf_put(note, (uint8_t)process->state, 1);	 /* pr_sname */
	elf_put(note, process->state == 'Z', 1);	 /* pr_zomb */
	elf_put(note, 0, 1);				 /* pr_nice */
	if (form->is_64)
		put_zeros(note, 4);
	put_word(note, form, 0); /* pr_flag */
	put_zeros(note, form->machine == ELF_386 ? 4 : 8);
	elf_put(note, process->pid, 4);
	elf_put(note, process->ppid, 4);
	put_zeros(note, 4 + 4); /* pr_pgrp, pr_sid */
	put_text(note, process->name, NAME_BYTES);
	put_text(note, process->command, COMMAND_BYTES);
	elf_put_note(out, "CORE", ELF_NOTE_PRPSINFO, note);
}

void elf_put_auxv(GByteArray *out, const struct elf_form *form,
		  const uint64_t (*pairs)[2], size_t n)
{
	g_autoptr(GByteArray) note = g_byte_array_new();

	for (size_t i = 0; i < n; i++) {
		put_word(note, form, pairs[i][0]);
		put_word(note, form, pairs[i][1]);
	}
	put_word(note, form, ELF_AT_NULL);
	put_word(note, form, 0);
	elf_put_note(out, "CORE", ELF_NOTE_AUXV, note);
}

void elf_put_files(GByteArray *out, const struct elf_form *form,
		   const struct elf_file *files, size_t n)
{
	g_autoptr(GByteArray) note = g_byte_array_new();

	put_word(note, form, n);
	put_word(note, form, PAGE_SIZE_4K);
	for (size_t i = 0; i < n; i++) {
		put_word(note, form, files[i].start);
		put_word(note, form, files[i].end);
		put_word(note, form, files[i].page);
	}
	for (size_t i = 0; i < n; i++)
		g_byte_array_append(note, (const guint8 *)files[i].name,
				    (guint)strlen(files[i].name) + 1);
	elf_put_note(out, "CORE", ELF_NOTE_FILE, note);
}
