/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `core`: an address space as an ELF core file, which debuggers open.
 *
 * A PT_LOAD for each region, with all its bytes; nothing for what the address
 * space has and the image has not: gdb would show a segment without bytes as
 * zeros. How much that is, and what else is not in the file, is in a note of
 * the owner "winprocfs", which is text.
 *
 * `core32` of a WoW64 process is what its 32-bit code sees: a 32-bit file of
 * the addresses below 4 GiB, with that code's registers.
 */
#ifndef TREE_CORE_H
#define TREE_CORE_H

#include "tree/elfcore.h"
#include "tree/items.h"

/* Segments that a core has at most; what there is beyond is said. */
#define CORE_SEGMENTS_MAX (UINT64_C(1) << 20)
/* Mapped files, and bytes of their names. */
#define CORE_FILES_MAX 32768u
#define CORE_NAMES_MAX ((size_t)8 << 20)
#define CORE_THREADS_MAX 32768u
/* Processes that are looked at for threads that processors run. */
#define CORE_RUNNING_MAX 256u
/* The owner and the type of the note; of the latter, one that others do not
 * take for theirs. */
#define CORE_NOTE_OWNER "winprocfs"
#define CORE_NOTE_TYPE 0x57504653u /* "WPFS" */

Compose *core_compose(const struct render_facts *facts, const Space *space,
		      uint64_t arg);
Compose *core32_compose(const struct render_facts *facts, const Space *space,
			uint64_t arg);
bool core32_there(const struct render_facts *facts, const Space *space,
		  uint64_t arg);

/* A core in the making. */
struct core {
	const struct render_facts *facts;
	const Space *space;
	const SpaceView *view;
	struct elf_form form;
	uint64_t end;	  /* addresses from here on are not in it (core32), or
			   * 0: all are */
	GArray *loads;	  /* struct elf_segment, of the first regions */
	uint64_t n_wanted; /* regions that should be in it */
	/* What the notes tell, for core_put_notes(). */
	Detail *details[SPACE_DETAILS]; /* that were asked for */
	GPtrArray *arrays;  /* other owners of the next ones */
	GPtrArray *names;
	GArray *threads;    /* struct nt_thread, borrowed ones */
	GArray *files;	    /* struct elf_file */
	uint64_t n_files;   /* that should be there */
	uint64_t entry;	    /* of the image that the process runs; 0: none */
};

/* Appends all notes. */
void core_put_notes(GByteArray *out, const struct core *core);

/* core_threads.c: those that are in a space, of the kernel those of System and
 * those that processors run; notes of those whose registers are known, of
 * the one that comes first or of all others; and lines of text about all. */
void core_find_threads(struct core *core);
void core_put_threads(GByteArray *out, const struct core *core, bool first);
void core_say_threads(struct sink *text, const struct core *core);

/* core_files.c: mapped files, of the kernel modules; where the image begins to
 * run. */
void core_find_files(struct core *core);

#endif
