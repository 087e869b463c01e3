/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Notes of a core: threads, the process, files, and what is missing. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/peb.h"
#include "tree/core.h"

/* Escaped, so that a debugger can show it on a terminal. (transfer full) */
static char *command_line(const struct core *core)
{
	const struct proc_entry *e = core->space->proc;
	struct nt_process p = e->p;
	struct nt_params params;
	char *text;

	if (!e->has_space) {
		p.peb = VIRT(0);
		p.wow64_va = 0;
	}
	nt_params_read(&e->as, core->space->profile, &p, &params);
	text = text_escape_path(params.command_line.text ?
					params.command_line.text :
					e->p.name);
	nt_params_clear(&params);
	return text;
}

static void put_process(GByteArray *out, const struct core *core)
{
	const struct proc_entry *e = core->space->proc;
	g_autofree char *name = text_escape_line(e->p.name);
	g_autofree char *command = command_line(core);
	const struct elf_process process = {
		.pid = e->p.pid,
		.ppid = e->p.known & NTP_PPID ? e->p.ppid : 0,
		.state = e->p.exit_time ? 'Z' : 'S',
		.name = name,
		.command = command,
	};

	elf_put_prpsinfo(out, &core->form, &process);
}

static void put_auxv(GByteArray *out, const struct core *core)
{
	const uint64_t pairs[][2] = {
		{ ELF_AT_PAGESZ, PAGE_SIZE_4K },
		{ ELF_AT_ENTRY, core->entry },
	};

	elf_put_auxv(out, &core->form, pairs, pairs[1][1] ? 2 : 1);
}

static void say_space(struct sink *text, const struct core *core)
{
	const struct map_counts *counts = addr_map_counts(core->view->map);

	sink_key(text, "Segments", "%u", core->loads->len);
	if (core->n_wanted > core->loads->len)
		sink_key(text, "SegmentsLeftOut", "%" PRIu64,
			 core->n_wanted - core->loads->len);
	if (core->end)
		sink_key(text, "AddressesBelow", "0x%" PRIx64, core->end);
	sink_key(text, "NotInImage", "%" PRIu64 " kB",
		 counts->lost_bytes / KIB);
	if (core->n_files > core->files->len)
		sink_key(text, "FilesLeftOut", "%" PRIu64,
			 core->n_files - core->files->len);
	if (counts->walk.exhausted)
		sink_key(text, "Cut", "no addresses from 0x%" PRIx64 " on",
			 space_address(core->space, counts->walk.stopped_at));
}

static void put_text(GByteArray *out, const struct core *core)
{
	g_autoptr(GByteArray) note = g_byte_array_new();
	struct sink text;

	sink_init(&text, false);
	say_space(&text, core);
	core_say_threads(&text, core);
	g_byte_array_append(note, (const guint8 *)text.buf, (guint)text.len);
	sink_clear(&text);
	elf_put_note(out, CORE_NOTE_OWNER, CORE_NOTE_TYPE, note);
}

/* The order of Linux: the first thread is what a debugger shows first. */
void core_put_notes(GByteArray *out, const struct core *core)
{
	const GArray *files = core->files;

	core_put_threads(out, core, true);
	if (core->space->kind == SPACE_PROCESS) {
		put_process(out, core);
		put_auxv(out, core);
	}
	if (files->len)
		elf_put_files(out, &core->form, (const void *)files->data,
			      files->len);
	core_put_threads(out, core, false);
	put_text(out, core);
}
