/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ranges are called: by modules, threads, and what Windows put there. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/modules.h"
#include "tree/ranges.h"
#include "tree/threads.h"

/* _KUSER_SHARED_DATA, at the same address in every process. */
#define KUSER_VA UINT64_C(0x7ffe0000)

static struct range *find(GArray *ranges, uint64_t va)
{
	guint low = 0, high = ranges->len;

	while (low < high) {
		guint mid = low + (high - low) / 2;
		struct range *r = &g_array_index(ranges, struct range, mid);

		if (va >= r->start && va <= r->last)
			return r;
		if (r->last < va)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Takes name; one that has a name keeps it. */
static void set_name(struct range_list *list, uint64_t va,
		     enum range_kind kind, char *name)
{
	struct range *r = va ? find(list->ranges, va) : NULL;

	if (!r || r->name) {
		g_free(name);
		return;
	}
	g_ptr_array_add(list->names, name);
	r->name = name;
	r->kind = kind;
}

static char *module_name(const struct nt_module *m)
{
	const char *name = m->path && *m->path ? m->path : m->name;

	return name && *name ? text_escape_path(name) : NULL;
}

static void name_modules(struct range_list *list,
			 const struct render_facts *facts, const Space *space)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_MODULES);
	const GArray *modules = space_modules(detail);

	for (guint i = 0; i < modules->len; i++) {
		const struct nt_module *m =
			&g_array_index(modules, struct nt_module, i);
		struct range *r = find(list->ranges, m->base);
		char *name = r ? module_name(m) : NULL;

		if (name)
			set_name(list, m->base, r->kind, name);
	}
}

static void name_threads(struct range_list *list,
			 const struct render_facts *facts, const Space *space)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_THREADS);
	const GArray *threads = space_threads(detail);

	for (guint i = 0; i < threads->len; i++) {
		const struct nt_thread *t =
			&g_array_index(threads, struct nt_thread, i);
		uint64_t stacks[] = { t->stack_base, t->stack32_base };

		if (t->exited)
			continue;
		for (unsigned k = 0; k < G_N_ELEMENTS(stacks); k++)
			if (stacks[k])
				set_name(list, stacks[k] - 1, RANGE_STACK,
					 g_strdup_printf("[stack] of thread %u",
							 t->tid));
		set_name(list, t->teb.v, RANGE_SYSTEM, g_strdup("[teb]"));
		set_name(list, t->teb32.v, RANGE_SYSTEM, g_strdup("[teb]"));
	}
}

void range_names_set(struct range_list *list, const struct render_facts *facts,
		     const Space *space)
{
	const struct proc_entry *e = space->proc;

	if (!e || !facts->kernel)
		return;
	set_name(list, e->p.peb.v, RANGE_SYSTEM, g_strdup("[peb]"));
	set_name(list, KUSER_VA, RANGE_SYSTEM, g_strdup("[kuser]"));
	if (space->kind != SPACE_PROCESS)
		return;
	name_threads(list, facts, space);
	name_modules(list, facts, space);
}

void range_add_drivers(struct range_list *list,
		       const struct render_facts *facts, const Space *space)
{
	uint64_t mask = (UINT64_C(1) << space->as.form->va_bits) - 1;
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_MODULES);
	const GArray *modules = space_modules(detail);

	for (guint i = 0; i < modules->len; i++) {
		const struct nt_module *m =
			&g_array_index(modules, struct nt_module, i);
		uint64_t start = m->base & mask & ~PAGE_MASK_4K;
		struct range r = { .start = start, .size = page_ceil(m->size),
				   .kind = RANGE_IMAGE, .n = 1 };
		char *name = module_name(m);

		r.last = start + (r.size - 1);
		if (!name || !r.size || r.last < start ||
		    r.last > space->last) {
			g_free(name);
			continue;
		}
		g_ptr_array_add(list->names, name);
		r.name = name;
		g_array_append_val(list->ranges, r);
	}
}
