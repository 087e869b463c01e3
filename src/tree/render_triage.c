/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What there is of a triage dump: drivers, ranges in place of page tables. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/cpus.h"
#include "nt/triage.h"
#include "nt/unloaded.h"
#include "tree/render.h"

/* "base size name path -": the list has names of files; a path where it has
 * one; no time. */
static void put_module(struct sink *out, const struct image_module *m,
		       bool is64)
{
	const char *file = strrchr(m->name, '\\');
	g_autofree char *name = text_escape_field(file ? file + 1 : m->name);
	g_autofree char *path = file ? text_escape_path(m->name) :
				       g_strdup("-");

	sink_printf(out, "0x%0*" PRIx64 " 0x%" PRIx64 " %s %s -\n",
		    is64 ? 16 : 8, m->base, m->size, name, path);
}

static void put_dumped(struct sink *out, const struct render_facts *facts,
		       const GArray *modules)
{
	for (guint i = 0; i < modules->len; i++)
		put_module(out,
			   &g_array_index(modules, struct image_module, i),
			   facts->image->triage->is64);
}

/* The same, with "-" for the path. */
static void put_unloaded(struct sink *out, const struct nt_unloaded *u,
			 int digits)
{
	g_autofree char *name = text_escape_field(u->name ? u->name : "");
	g_autofree char *time = text_filetime(u->time);

	sink_printf(out, "0x%0*" PRIx64 " 0x%" PRIx64 " %s - %s\n", digits,
		    u->base, u->size, name, time);
}

void render_unloaded(struct sink *out, const struct render_facts *facts,
		     const Space *space, const SpaceView *view)
{
	int digits = space->as.form->va_bits == 32 ? 8 : 16;
	g_autoptr(GArray) list = NULL;

	(void)view;
	if (space->as.direct) {
		put_dumped(out, facts, facts->image->triage->unloaded);
		return;
	}
	list = facts->kernel ? nt_unloaded_read(facts->kernel) : NULL;
	if (!list)
		sink_str(out, "# MmUnloadedDrivers is not known, or not in"
			 " memory\n");
	for (guint i = 0; list && i < list->len; i++)
		put_unloaded(out, &g_array_index(list, struct nt_unloaded, i),
			     digits);
}

void render_direct_paging(struct sink *out, const Space *space,
			  const SpaceView *view)
{
	const struct map_counts *c = addr_map_counts(view->map);

	sink_key(out, "Dtb", "0x%" PRIx64, addr_space_dtb(&space->as).v);
	sink_key(out, "DtbRaw", "0x%" PRIx64, space->dtb_raw);
	sink_key(out, "Paging",
		 "none: a triage dump has no page tables, but a list of"
		 " ranges of virtual memory");
	sink_key(out, "Ranges", "%zu", addr_map_n_data(view->map));
	sink_key(out, "PagesTouched", "%" PRIu64, c->pages[PAGE_DIRECT]);
	sink_key(out, "BytesInDump", "%" PRIu64, c->data_bytes);
	sink_key(out, "Walk", "%s", c->walk.exhausted ? "stopped" :
							"complete");
	sink_key(out, "Verdict", "%s", nt_dtb_text(NT_DTB_NO_TABLES));
}

void render_direct_vtop(struct sink *out, const Space *space, VirtAddr va)
{
	struct vtop_leaf leaf = vtop_translate(&space->as, va);
	bool there = leaf.state == PAGE_DIRECT;

	sink_key(out, "Paging", "none: a triage dump has no page tables");
	sink_key(out, "State", "%s",
		 there ? "in the dump" : "not in the dump");
	if (!there) {
		sink_key(out, "FileOffset", "-");
		sink_key(out, "Range", "-");
		return;
	}
	sink_key(out, "FileOffset", "0x%" PRIx64,
		 leaf.pa.v + (va.v - leaf.va.v));
	sink_key(out, "Range", "0x%" PRIx64 "-0x%" PRIx64, leaf.va.v,
		 leaf.va.v + (leaf.len - 1));
}

/* "0xfffff80012345678 (nt.exe+0x12345)" */
static void key_code(struct sink *out, const char *key, const Image *image,
		     uint64_t va)
{
	const struct image_module *m = nt_triage_module_at(image, va);
	const char *file = m ? strrchr(m->name, '\\') : NULL;
	g_autofree char *name =
		m ? text_escape_line(file ? file + 1 : m->name) : NULL;

	if (!va)
		sink_key(out, key, "-");
	else if (m)
		sink_key(out, key, PRIADDR " (%s+0x%" PRIx64 ")", va, name,
			 va - m->base);
	else
		sink_key(out, key, PRIADDR, va);
}

void render_triage_info(struct sink *out, const struct render_facts *facts)
{
	const struct image_triage *t = facts->image->triage;
	const GArray *cpus = facts->kernel->cpus;

	sink_key(out, "DataBlocks", "%zu", t->n_blocks);
	sink_key(out, "Modules", "%u", t->modules->len);
	sink_key(out, "UnloadedModules", "%u", t->unloaded->len);
	key_code(out, "CrashIp", facts->image, t->rip);
	if (t->rsp)
		sink_key(out, "CrashSp", PRIADDR, t->rsp);
	else
		sink_key(out, "CrashSp", "-");
	for (guint i = 0; i < cpus->len; i++)
		sink_key(out, "CrashThread", PRIADDR,
			 g_array_index(cpus, struct nt_cpu, i).thread.v);
}
