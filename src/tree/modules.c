/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modules of a space: read once, then listed and found by name. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/fileobj.h"
#include "nt/pefile.h"
#include "nt/peinfo.h"
#include "tree/modules.h"

#define LIST_NAME "list"
#define PE_SUFFIX ".pe"

/* A file of the folder, of which there is not always one: the bytes of some
 * drivers of a triage dump are not in it. */
struct module_file {
	guint module;
	bool is_pe;
};

struct modules {
	struct nt_modules m;
	GArray *files; /* struct module_file, in the order of the folder */
};

/* The view is kept in the space, which is what its lock is for; nothing else
 * of the space changes. */
static SpaceView *view_of(const struct render_facts *facts, const Space *space)
{
	return space_view((Space *)(uintptr_t)space, facts->views);
}

/* Of the file's path where the list has no name. */
static void name_by_path(struct nt_module *m)
{
	const char *slash = m->path ? strrchr(m->path, '\\') : NULL;

	if (!m->name && m->path)
		m->name = g_strdup(slash ? slash + 1 : m->path);
}

/* What only VADs know has the path of their file. */
static void add_path(const NtKernel *kernel, struct nt_module *m)
{
	if (!m->path && m->file_object)
		m->path = nt_file_object_path(kernel, VIRT(m->file_object));
	name_by_path(m);
}

static void load_process(const Space *space, struct nt_modules *ret)
{
	g_autoptr(NtProcSpace) full = space_full(space);

	nt_modules_read(&full->as, space->profile, &space->proc->p, full->vads,
			ret);
}

static void clear_module(gpointer data)
{
	struct nt_module *m = data;

	g_free(m->name);
	g_free(m->path);
}

static gint compare_modules(gconstpointer a, gconstpointer b)
{
	const struct nt_module *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* The dump's own list; names of files, or paths. */
static void load_triage(const struct render_facts *facts, const Space *space,
			struct nt_modules *ret)
{
	const GArray *list = facts->image->triage->modules;

	ret->ldr = NT_LDR_OK;
	ret->modules = g_array_new(FALSE, FALSE, sizeof(struct nt_module));
	g_array_set_clear_func(ret->modules, clear_module);
	for (guint i = 0; i < list->len; i++) {
		const struct image_module *from =
			&g_array_index(list, struct image_module, i);
		const char *slash = strrchr(from->name, '\\');
		struct nt_pe_head head;
		struct nt_module m = {
			.base = from->base,
			.size = MIN(from->size, ~from->base),
			.timestamp = from->timestamp,
			.name = g_strdup(slash ? slash + 1 : from->name),
			.path = slash ? g_strdup(from->name) : NULL,
			.from = NT_MODULE_KERNEL,
		};

		m.has_head = nt_pe_head_read(&space->as, m.base, &head);
		g_array_append_val(ret->modules, m);
	}
	g_array_sort(ret->modules, compare_modules);
}

/* What the space has of a module: offset of its base, and how many bytes, cut
 * where the space ends. False where that is nothing. */
static bool place(const Space *space, const struct nt_module *m,
		  uint64_t *start, uint64_t *len)
{
	uint64_t mask = (UINT64_C(1) << space->as.form->va_bits) - 1;

	*start = m->base & mask;
	if (space_address(space, *start) != m->base ||
	    *start < space->start || *start > space->last)
		return false;
	*len = MIN(m->size, space->last - *start + 1);
	return *len > 0;
}

static void add_files(const struct render_facts *facts, const Space *space,
		      struct modules *all)
{
	g_autoptr(SpaceView) view = NULL;

	if (space->as.direct)
		view = view_of(facts, space);
	for (guint i = 0; i < all->m.modules->len; i++) {
		const struct nt_module *m =
			&g_array_index(all->m.modules, struct nt_module, i);
		struct module_file file = { .module = i };
		uint64_t start, len;

		/* Two of the same address: the second would be the first. */
		if ((i && m[-1].base == m->base) ||
		    !place(space, m, &start, &len) ||
		    (view && !addr_map_data_bytes(view->map, start, len)))
			continue;
		g_array_append_val(all->files, file);
		file.is_pe = true;
		if (m->has_head)
			g_array_append_val(all->files, file);
	}
}

static gpointer load(const struct render_facts *facts, const Space *space,
		     unsigned kind, uint64_t arg)
{
	struct modules *all = g_new0(struct modules, 1);

	(void)kind;
	(void)arg;
	all->files = g_array_new(FALSE, FALSE, sizeof(struct module_file));
	if (space->kind == SPACE_PROCESS && space->profile)
		load_process(space, &all->m);
	else if (space->kind == SPACE_KERNEL && space->as.direct)
		load_triage(facts, space, &all->m);
	else if (space->kind == SPACE_KERNEL && facts->kernel)
		nt_modules_kernel(facts->kernel, &all->m);
	else
		all->m.modules = g_array_new(FALSE, FALSE,
					     sizeof(struct nt_module));
	for (guint i = 0; i < all->m.modules->len; i++)
		add_path(facts->kernel, &g_array_index(all->m.modules,
						       struct nt_module, i));
	add_files(facts, space, all);
	return all;
}

static void free_modules(gpointer data)
{
	struct modules *all = data;

	nt_modules_clear(&all->m);
	g_array_unref(all->files);
	g_free(all);
}

static size_t footprint(gconstpointer data)
{
	const struct modules *all = data;
	size_t n = sizeof *all + all->files->len * sizeof(struct module_file);

	for (guint i = 0; i < all->m.modules->len; i++) {
		const struct nt_module *m =
			&g_array_index(all->m.modules, struct nt_module, i);

		n += sizeof *m + (m->name ? strlen(m->name) : 0) +
		     (m->path ? strlen(m->path) : 0);
	}
	return n;
}

const struct detail_class modules_detail = { load, free_modules, footprint };

const struct nt_modules *space_modules_all(const Detail *detail)
{
	return &((const struct modules *)detail_data(detail))->m;
}

const GArray *space_modules(const Detail *detail)
{
	return space_modules_all(detail)->modules;
}

const struct nt_module *space_modules_find(const Detail *detail, uint64_t va)
{
	const GArray *modules = space_modules(detail);
	const struct nt_module *m = NULL;
	guint low = 0, high = modules->len;

	while (low < high) {
		guint mid = low + (high - low) / 2;

		m = &g_array_index(modules, struct nt_module, mid);
		if (va >= m->base && va - m->base < m->size)
			return m;
		if (va < m->base)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* --- the folder --- */

bool modules_there(const struct render_facts *facts, const Space *space,
		   uint64_t arg)
{
	(void)arg;
	if (space->kind == SPACE_KERNEL)
		return space->as.direct || facts->kernel;
	return space->proc && space->profile && !space->as.direct;
}

static char *file_name(const Space *space, const struct nt_module *m,
		       bool is_pe)
{
	g_autofree char *name = text_escape_filename(m->name ? m->name : "");
	char base[17];

	*put_hex(base, m->base, space->as.form->va_bits == 32 ? 8 : 16) = '\0';
	return g_strconcat(base, "-", m->name && *m->name ? name : "unnamed",
			   is_pe ? PE_SUFFIX : "", NULL);
}

static void set_entry(const Space *space, const struct modules *all,
		      const struct module_file *file, struct item_entry *ret)
{
	const struct nt_module *m = &g_array_index(
		all->m.modules, struct nt_module, file->module);

	*ret = (struct item_entry){
		.item = file->is_pe ? ITEM_MODULE_PE : ITEM_MODULE,
		.arg = m->base,
		.name = file_name(space, m, file->is_pe),
	};
}

bool modules_at(const struct render_facts *facts, const Space *space,
		uint64_t arg, uint64_t index, struct item_entry *ret)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_MODULES);
	const struct modules *all = detail_data(detail);

	(void)arg;
	if (!index) {
		*ret = (struct item_entry){ .item = ITEM_MODULES_LIST,
					    .name = g_strdup(LIST_NAME) };
		return true;
	}
	if (index - 1 >= all->files->len)
		return false;
	set_entry(space, all,
		  &g_array_index(all->files, struct module_file, index - 1),
		  ret);
	return true;
}

/* First file of the module that has base; files->len: there is none. */
static guint first_file(const struct modules *all, uint64_t base)
{
	guint low = 0, high = all->files->len;

	while (low < high) {
		guint mid = low + (high - low) / 2;
		guint i = g_array_index(all->files, struct module_file, mid)
				  .module;

		if (g_array_index(all->m.modules, struct nt_module, i).base <
		    base)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The file of that base and kind; NULL where there is none. */
static const struct module_file *find_file(const struct modules *all,
					   uint64_t base, bool is_pe)
{
	for (guint i = first_file(all, base); i < all->files->len; i++) {
		const struct module_file *f =
			&g_array_index(all->files, struct module_file, i);

		if (g_array_index(all->m.modules, struct nt_module, f->module)
			    .base != base)
			break;
		if (f->is_pe == is_pe)
			return f;
	}
	return NULL;
}

bool modules_find(const struct render_facts *facts, const Space *space,
		  uint64_t arg, const char *name, struct item_entry *ret)
{
	g_autoptr(Detail) detail = NULL;
	const struct modules *all;
	uint64_t base;

	(void)arg;
	if (!strcmp(name, LIST_NAME)) {
		*ret = (struct item_entry){ .item = ITEM_MODULES_LIST };
		return true;
	}
	if (!g_ascii_isxdigit(*name))
		return false;
	base = g_ascii_strtoull(name, NULL, 16);
	detail = detail_get(facts, space, DETAIL_MODULES);
	all = detail_data(detail);
	for (int is_pe = 0; is_pe < 2; is_pe++) {
		const struct module_file *f = find_file(all, base, is_pe);
		char *own;
		bool same;

		if (!f)
			continue;
		set_entry(space, all, f, ret);
		own = ret->name;
		ret->name = NULL;
		same = !strcmp(own, name);
		g_free(own);
		if (same)
			return true;
	}
	return false;
}

static bool has_file(const struct render_facts *facts, const Space *space,
		     uint64_t base, bool is_pe)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_MODULES);

	return find_file(detail_data(detail), base, is_pe) != NULL;
}

bool module_there(const struct render_facts *facts, const Space *space,
		  uint64_t arg)
{
	return has_file(facts, space, arg, false);
}

bool module_pe_there(const struct render_facts *facts, const Space *space,
		     uint64_t arg)
{
	return has_file(facts, space, arg, true);
}

/* --- the files --- */

/* [rva, rva + len) of a module; a hole where that is beyond the space. */
static void put_range(Compose *c, uint64_t start, uint64_t max, uint64_t rva,
		      uint64_t len)
{
	uint64_t n = rva < max ? MIN(len, max - rva) : 0;

	compose_space(c, start + rva, n);
	compose_hole(c, len - n);
}

static Compose *compose_memory(const Space *space, const struct nt_module *m,
			       SpaceView *view)
{
	uint64_t start, len;
	Compose *c;

	if (!place(space, m, &start, &len))
		return NULL;
	c = compose_new(view);
	put_range(c, start, len, 0, m->size);
	return c;
}

static Compose *compose_file(const Space *space, const struct nt_module *m,
			     SpaceView *view)
{
	g_autoptr(NtProcSpace) full = space_full(space);
	struct nt_pe_file plan;
	uint64_t start, len;
	Compose *c;

	if (!place(space, m, &start, &len) ||
	    !nt_pe_file_plan(&full->as, m->base, m->size, &plan))
		return NULL;
	c = compose_new(view);
	put_range(c, start, len, 0, plan.patch_at);
	compose_bytes(c, plan.patch->data, plan.patch->len);
	if (plan.headers > compose_size(c))
		put_range(c, start, len, compose_size(c),
			  plan.headers - compose_size(c));
	for (guint i = 0; i < plan.parts->len; i++) {
		const struct nt_pe_part *part =
			&g_array_index(plan.parts, struct nt_pe_part, i);

		compose_hole(c, part->off - compose_size(c));
		put_range(c, start, len, part->rva, part->data);
		compose_hole(c, part->len - part->data);
	}
	compose_hole(c, plan.size - compose_size(c));
	nt_pe_file_clear(&plan);
	return c;
}

/* Is it mapped as a file, so that memory is the file already? */
static bool is_file(const struct nt_module *m)
{
	return m->from & NT_MODULE_MAPPING && !(m->marks & NT_MODULE_PRIVATE);
}

static Compose *compose_one(const struct render_facts *facts,
			    const Space *space, uint64_t base, bool is_pe)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_MODULES);
	g_autoptr(SpaceView) view = NULL;
	const struct modules *all = detail_data(detail);
	const struct module_file *f = find_file(all, base, is_pe);
	const struct nt_module *m;

	if (!f)
		return NULL;
	m = &g_array_index(all->m.modules, struct nt_module, f->module);
	view = view_of(facts, space);
	return is_pe && !is_file(m) ? compose_file(space, m, view) :
				      compose_memory(space, m, view);
}

Compose *module_compose(const struct render_facts *facts, const Space *space,
			uint64_t arg)
{
	return compose_one(facts, space, arg, false);
}

Compose *module_pe_compose(const struct render_facts *facts,
			   const Space *space, uint64_t arg)
{
	return compose_one(facts, space, arg, true);
}
