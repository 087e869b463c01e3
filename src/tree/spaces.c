/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tree asks of its address spaces: texts, DTBs by name, regions. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "tree/fds.h"
#include "tree/linux.h"
#include "tree/pagemap.h"
#include "tree/tree-priv.h"
#include "tree/vads.h"
#include "vtop/guess.h"

typedef void (*space_render_fn)(struct sink *out,
				const struct render_facts *facts,
				const Space *space, const SpaceView *view);

enum {
	IN_PROCESS = 1 << SPACE_PROCESS,
	IN_KERNEL = 1 << SPACE_KERNEL,
	IN_DTB = 1 << SPACE_DTB,
	IN_DIRECT_KERNEL = 1 << 8, /* only where it is a list */
};

/* What a text is made of. */
enum wants {
	WANTS_LITTLE,	/* a few structures, the VADs */
	WANTS_VIEW,	/* the pages of the space as well */
	WANTS_LISTS,	/* lists that can be long whatever the space is */
};

static const struct {
	const char *name;
	space_render_fn render; /* NULL: rows.h */
	enum wants wants;
	unsigned where;
} texts[SPACE_TEXTS] = {
	[SPACE_TEXT_MAPS] = { "maps", NULL, WANTS_VIEW,
			      IN_PROCESS | IN_KERNEL | IN_DTB },
	[SPACE_TEXT_MEMMAP] = { "memmap", NULL, WANTS_VIEW,
				IN_PROCESS | IN_KERNEL | IN_DTB },
	[SPACE_TEXT_DUMP_IDX] = { "dump.idx", NULL, WANTS_VIEW,
				  IN_PROCESS | IN_KERNEL | IN_DTB },
	[SPACE_TEXT_MAPS_JSON] = { "maps.json", NULL, WANTS_VIEW,
				   IN_PROCESS | IN_KERNEL | IN_DTB },
	[SPACE_TEXT_PAGING] = { "paging", render_paging, WANTS_VIEW,
				IN_PROCESS | IN_KERNEL | IN_DTB },
	[SPACE_TEXT_STAT] = { "stat", render_stat, WANTS_VIEW, IN_PROCESS },
	[SPACE_TEXT_STATM] = { "statm", render_statm, WANTS_VIEW, IN_PROCESS },
	[SPACE_TEXT_STATUS] = { "status", render_status, WANTS_VIEW,
				IN_PROCESS },
	[SPACE_TEXT_METHODS] = { "methods", render_methods, WANTS_LITTLE,
				 IN_PROCESS },
	[SPACE_TEXT_DTB] = { "dtb", render_dtb, WANTS_LITTLE,
			     IN_PROCESS | IN_KERNEL },
	[SPACE_TEXT_CMDLINE] = { "cmdline", render_cmdline, WANTS_LITTLE,
				 IN_PROCESS },
	[SPACE_TEXT_COMM] = { "comm", render_comm, WANTS_LITTLE, IN_PROCESS },
	[SPACE_TEXT_ENVIRON] = { "environ", render_environ, WANTS_LITTLE,
				 IN_PROCESS },
	[SPACE_TEXT_STATUS_JSON] = { "status.json", render_status_json,
				     WANTS_VIEW, IN_PROCESS },
	[SPACE_TEXT_MAP_SVG] = { "map.svg", render_map_svg, WANTS_VIEW,
				 IN_PROCESS | IN_KERNEL | IN_DTB },
	[SPACE_TEXT_UNLOADED] = { "unloaded-modules", render_unloaded,
				  WANTS_LISTS, IN_KERNEL },
	[SPACE_TEXT_VADS] = { "vads", render_vads, WANTS_LITTLE, IN_PROCESS },
	[SPACE_TEXT_SMAPS] = { "smaps", render_smaps, WANTS_VIEW, IN_PROCESS },
	[SPACE_TEXT_HANDLES] = { "handles", render_handles, WANTS_LISTS,
				 IN_PROCESS },
};

const char *tree_text_name(enum space_text kind)
{
	return texts[kind].name;
}

bool tree_text_is_rows(enum space_text kind)
{
	return !texts[kind].render;
}

bool tree_text_wants_view(enum space_text kind)
{
	return texts[kind].wants == WANTS_VIEW;
}

bool tree_text_wants_lists(enum space_text kind)
{
	return texts[kind].wants == WANTS_LISTS;
}

bool tree_space_has_text(const Space *space, enum space_text kind)
{
	unsigned kinds = 1u << space->kind;

	if (space->kind == SPACE_KERNEL && space->as.direct)
		kinds |= IN_DIRECT_KERNEL;
	return texts[kind].where & kinds;
}

static void render_text(Tree *tree, Space *space, enum space_text kind,
			struct sink *out)
{
	g_autoptr(SpaceView) view = NULL;

	if (tree_text_wants_view(kind))
		view = space_view(space, tree->cache);
	texts[kind].render(out, &tree->facts, space, view);
}

GBytes *tree_render_space_text(Tree *tree, Space *space, enum space_text kind)
{
	struct sink out;

	sink_init(&out, false);
	render_text(tree, space, kind, &out);
	return g_bytes_new_take(out.buf, (gsize)out.len);
}

unsigned tree_space_links(Tree *tree, Space *space)
{
	unsigned known = atomic_load(&space->links);
	g_autofree char *exe = NULL, *cwd = NULL;

	if (known)
		return known;
	known = LINKS_KNOWN;
	if (space->kind == SPACE_PROCESS) {
		exe = render_exe(&tree->facts, space);
		cwd = render_cwd(&tree->facts, space);
		known |= (exe ? LINKS_EXE : 0u) | (cwd ? LINKS_CWD : 0u);
	}
	atomic_store(&space->links, known);
	return known;
}

const RowText *tree_space_rows(Tree *tree, Space *space, enum space_text kind)
{
	RowText *text = atomic_load(&space->rows[kind]), *none = NULL;
	g_autoptr(SpaceView) view = NULL;
	g_autoptr(Detail) vads = NULL;

	if (text)
		return text;
	view = space_view(space, tree->cache);
	vads = space_vads_get(&tree->facts, space);
	text = row_text_new(&(struct row_source){ space, view,
						  space_ranges(vads) },
			    kind, tree->options.coalesce);
	if (atomic_compare_exchange_strong(&space->rows[kind], &none, text))
		return text;
	row_text_free(text); /* somebody was faster */
	return none;
}

uint64_t tree_space_text_size(Tree *tree, Space *space, enum space_text kind)
{
	uint64_t known = atomic_load(&space->text_size[kind]);
	struct sink out;

	if (tree_text_is_rows(kind))
		return row_text_size(tree_space_rows(tree, space, kind));
	if (known)
		return known - 1;
	sink_init(&out, true);
	render_text(tree, space, kind, &out);
	atomic_store(&space->text_size[kind], out.len + 1);
	return out.len;
}

uint64_t tree_space_data_bytes(Tree *tree, Space *space)
{
	uint64_t known = atomic_load(&space->data_bytes);
	g_autoptr(SpaceView) view = NULL;

	if (known)
		return known - 1;
	view = space_view(space, tree->cache);
	known = addr_map_counts(view->map)->data_bytes;
	atomic_store(&space->data_bytes, known + 1);
	return known;
}

uint64_t tree_space_pagemap_bytes(Tree *tree, Space *space)
{
	uint64_t known = atomic_load(&space->pagemap_bytes);
	g_autoptr(SpaceView) view = NULL;

	if (known)
		return known - 1;
	view = space_view(space, tree->cache);
	known = pagemap_data_bytes(view->map, pagemap_size(space->vmem_size));
	atomic_store(&space->pagemap_bytes, known + 1);
	return known;
}

/* The address space under a DTB: as this machine's others are, or, without a
 * Windows to tell, in the form that fits. */
static struct addr_space dtb_addr_space(const Tree *tree, uint64_t dtb)
{
	struct addr_space as = { .pm = tree->facts.pm, .root = PHYS(dtb) };

	if (tree->facts.kernel &&
	    (!tree->options.form ||
	     tree->options.form == tree->facts.kernel->as.form))
		return nt_kernel_space(tree->facts.kernel, dtb);
	as.form = tree->options.form ? tree->options.form :
				       vtop_guess_form(as.pm, as.root);
	return as;
}

/* Are these tables of the process, the ones that it runs on in user mode
 * included? */
static bool is_of(const struct proc_entry *e, const Space *space)
{
	const struct addr_space user = {
		.form = space->as.form, .root = PHYS(e->p.user_dtb_raw),
	};
	uint64_t dtb = addr_space_dtb(&space->as).v;

	return e->as.form == space->as.form &&
	       (addr_space_dtb(&e->as).v == dtb ||
		(e->p.known & NTP_USER_DTB &&
		 addr_space_dtb(&user).v == dtb));
}

/* The process whose tables these are, where one is listed: its VADs tell of
 * pages that the tables do not. One that runs goes before one that has
 * exited. */
static void set_process(const Tree *tree, Space *space)
{
	const ProcSet *procs = tree->facts.procs;

	for (size_t i = 0; i < procset_count(procs); i++) {
		const struct proc_entry *e = procset_get(procs, i);

		if (!is_of(e, space) || (space->proc && e->p.exit_time))
			continue;
		space->proc = e;
		space->profile = &tree->facts.kernel->profile;
		if (!e->p.exit_time)
			break;
	}
}

static Space *find_dtb(Tree *tree, uint64_t dtb)
{
	Space *space;

	g_mutex_lock(&tree->dtb_lock);
	space = g_hash_table_lookup(tree->dtb_spaces, &dtb);
	g_mutex_unlock(&tree->dtb_lock);
	return space;
}

Space *tree_dtb_space(Tree *tree, uint64_t dtb)
{
	Space *space = find_dtb(tree, dtb), *other;
	struct addr_space as;

	if (space || !physmem_has_page(tree->facts.pm, PHYS(dtb)))
		return space;
	as = dtb_addr_space(tree, dtb);
	if (addr_space_dtb(&as).v != dtb)
		return NULL;
	space = space_new(SPACE_DTB, &as, true);
	set_process(tree, space);
	space->sec = tree->sec;
	space->nsec = tree->nsec;
	g_mutex_lock(&tree->dtb_lock);
	other = g_hash_table_lookup(tree->dtb_spaces, &dtb);
	if (!other && g_hash_table_size(tree->dtb_spaces) < DTB_SPACES_MAX) {
		gint64 *key = g_new(gint64, 1);

		*key = (gint64)dtb;
		g_hash_table_insert(tree->dtb_spaces, key, space);
		other = g_steal_pointer(&space);
	}
	g_mutex_unlock(&tree->dtb_lock);
	space_free(space, tree->cache);
	return other;
}

/* 64-bit addresses with all digits, so that names sort by address. */
char *tree_region_name(const Space *space, const struct region *region)
{
	unsigned digits = space->as.form->va_bits == 32 ? 8 : 16;
	uint64_t start = space_address(space, region->start);
	char perms[5], buf[80], *p;

	space_perms(region->rights, perms);
	p = put_hex(buf, start, digits);
	*p++ = '-';
	if (start && !(start + region->len)) {
		memcpy(p, "10000000000000000", 17); /* 2^64 */
		p += 17;
	} else {
		p = put_hex(p, start + region->len, digits);
	}
	*p++ = '.';
	memcpy(p, perms, sizeof perms);
	return g_strdup(buf);
}

bool tree_region_parse(Tree *tree, Space *space, const char *name,
		       struct region *ret)
{
	uint64_t mask = (UINT64_C(1) << space->as.form->va_bits) - 1;
	g_autoptr(SpaceView) view = NULL;
	g_autofree char *right = NULL;
	char *end;
	uint64_t start = g_ascii_strtoull(name, &end, 16);
	size_t i;

	if (*end != '-')
		return false;
	view = space_view(space, tree->cache);
	i = space_view_find_region(view, start & mask);
	if (i == SIZE_MAX)
		return false;
	*ret = g_array_index(view->regions, struct region, i);
	right = tree_region_name(space, ret);
	return !strcmp(right, name);
}
