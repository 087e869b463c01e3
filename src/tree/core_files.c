/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mapped files of a core, as NT_FILE has them. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/core.h"
#include "tree/modules.h"
#include "tree/vads.h"

struct files {
	struct core *core;
	size_t bytes; /* of names */
};

/* name lives as long as the core's details do. */
static void add(struct files *f, uint64_t start, uint64_t end,
		const char *name)
{
	struct core *core = f->core;
	const struct elf_file file = {
		.start = space_address(core->space, start),
		.end = space_address(core->space, end - 1) + 1,
		.name = name,
	};

	if (core->end && end > core->end)
		return;
	core->n_files++;
	f->bytes += strlen(name) + 1;
	if (core->files->len < CORE_FILES_MAX && f->bytes <= CORE_NAMES_MAX)
		g_array_append_val(core->files, file);
}

/* Windows maps an image as a whole, of other files any part: which one is
 * only known to the prototype PTEs, so that the page is always 0. */
static void add_vads(struct files *f, const GArray *vads)
{
	for (guint i = 0; i < vads->len; i++) {
		const struct space_vad *v =
			&g_array_index(vads, struct space_vad, i);

		if (v->path)
			add(f, v->vad.start, v->vad.last + 1, v->path);
	}
}

static void add_modules(struct files *f, const GArray *modules)
{
	uint64_t mask = (UINT64_C(1) << f->core->space->as.form->va_bits) - 1;

	for (guint i = 0; i < modules->len; i++) {
		const struct nt_module *m =
			&g_array_index(modules, struct nt_module, i);
		const char *path = m->path ? m->path : m->name;
		uint64_t end;
		char *name;

		if (!path || !m->size ||
		    !add_u64(m->base & mask, m->size, &end) || end - 1 > mask)
			continue;
		name = text_escape_path(path);
		g_ptr_array_add(f->core->names, name);
		add(f, m->base & mask, end, name);
	}
}

static Detail *get(struct core *core, enum space_detail kind)
{
	return core->details[kind] = detail_get(core->facts, core->space, kind);
}

void core_find_files(struct core *core)
{
	const struct proc_entry *e = core->space->proc;
	struct files f = { .core = core };
	const struct nt_module *image;

	if (core->space->kind == SPACE_KERNEL && core->facts->kernel)
		add_modules(&f, space_modules(get(core, DETAIL_MODULES)));
	if (core->space->kind != SPACE_PROCESS)
		return;
	add_vads(&f, space_vads(get(core, DETAIL_VADS)));
	if (!(e->p.known & NTP_SECTION_BASE))
		return;
	image = space_modules_find(get(core, DETAIL_MODULES),
				   e->p.section_base);
	if (image && image->base == e->p.section_base)
		core->entry = image->entry;
}
