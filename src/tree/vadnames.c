/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names by what points to memory: PEB, TEBs, stacks, heaps. */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "nt/heaps.h"
#include "nt/peb.h"
#include "tree/modules.h"
#include "tree/threads.h"
#include "tree/vadnames.h"

/* Where every process has _KUSER_SHARED_DATA, and where the kernel has it
 * (docs/formats.md, "KUSER_SHARED_DATA"). */
#define KUSER UINT64_C(0x7ffe0000)
#define KUSER_KERNEL UINT64_C(0xfffff78000000000)
#define KUSER_KERNEL_32 UINT64_C(0xffdf0000)

struct marker {
	struct vad_marks *marks;
	const struct render_facts *facts;
	const Space *space;
	uint64_t mask; /* of an address's bits */
};

static void add_mark(GArray *marks, uint64_t start, uint64_t len,
		     const char *name)
{
	struct vad_mark mark = { start, start + len - 1, name };

	if (len && start <= mark.last)
		g_array_append_val(marks, mark);
}

/* n pages from the one that has va on. */
static void mark_pages(const struct marker *m, uint64_t va, unsigned n,
		       const char *name)
{
	if (va)
		add_mark(m->marks->pages, page_floor(va & m->mask),
			 n * PAGE_SIZE_4K, name);
}

static void mark_use(const struct marker *m, uint64_t va, const char *name)
{
	add_mark(m->marks->uses, va & m->mask, 1, name);
}

static void mark_peb(const struct marker *m, VirtAddr peb, unsigned n_bytes)
{
	g_autoptr(GArray) heaps = NULL;

	if (!peb.v)
		return;
	mark_pages(m, peb.v, 1, "[peb]");
	heaps = nt_heaps_read(&m->space->proc->as, peb, n_bytes);
	for (guint i = 0; i < heaps->len; i++)
		mark_use(m, g_array_index(heaps, uint64_t, i), "[heap]");
}

/* TEBs have two pages on 64-bit systems, and one in 32-bit code. The stack is
 * in one VAD, from where it is reserved to where it begins. */
static void mark_thread(const struct marker *m, const struct nt_thread *t,
			bool narrow)
{
	mark_pages(m, t->teb.v, narrow ? 1 : 2, "[teb]");
	mark_pages(m, t->teb32.v, 1, "[teb]");
	if (t->stack_base)
		mark_use(m, t->stack_base - 1, "[stack]");
	if (t->stack32_base)
		mark_use(m, t->stack32_base - 1, "[stack]");
}

static void mark_threads(const struct marker *m)
{
	g_autoptr(Detail) detail = detail_get(m->facts, m->space,
					      DETAIL_THREADS);
	const GArray *threads = space_threads(detail);

	for (guint i = 0; i < threads->len; i++)
		mark_thread(m, &g_array_index(threads, struct nt_thread, i),
			    m->space->profile->pointer_bytes == 4);
}

static void mark_process(const struct marker *m)
{
	const struct nt_profile *profile = m->space->profile;
	const struct proc_entry *e = m->space->proc;

	mark_pages(m, KUSER, 1, "[kuser]");
	if (!profile)
		return;
	mark_peb(m, e->p.peb, profile->pointer_bytes);
	mark_peb(m, nt_peb32_find(&e->as, profile, &e->p), 4);
	mark_threads(m);
}

/* Drivers and the kernel itself, by the path that the loader's list has. */
static void mark_modules(const struct marker *m, GPtrArray *texts)
{
	g_autoptr(Detail) detail = detail_get(m->facts, m->space,
					      DETAIL_MODULES);
	const GArray *modules = space_modules(detail);

	for (guint i = 0; i < modules->len; i++) {
		const struct nt_module *module =
			&g_array_index(modules, struct nt_module, i);
		const char *name = module->path ? module->path : module->name;
		char *text;

		if (!name)
			continue;
		text = text_escape_path(name);
		g_ptr_array_add(texts, text);
		add_mark(m->marks->pages, module->base & m->mask, module->size,
			 text);
	}
}

static void mark_kernel(const struct marker *m)
{
	mark_pages(m, m->space->as.form->va_bits == 32 ? KUSER_KERNEL_32 :
							 KUSER_KERNEL,
		   1, "[kuser]");
}

static gint compare_marks(gconstpointer a, gconstpointer b)
{
	const struct vad_mark *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->last < y->last ? -1 : x->last > y->last;
}

/* Of two that overlap, the one that begins first has the pages. */
static void cut_overlaps(GArray *marks)
{
	guint n = 0;

	for (guint i = 0; i < marks->len; i++) {
		struct vad_mark mark = g_array_index(marks, struct vad_mark,
						     i);

		if (n)
			mark.start = MAX(mark.start,
					 g_array_index(marks, struct vad_mark,
						       n - 1).last + 1);
		if (mark.start <= mark.last)
			g_array_index(marks, struct vad_mark, n++) = mark;
	}
	g_array_set_size(marks, n);
}

void vad_marks_read(struct vad_marks *ret, const struct render_facts *facts,
		    const Space *space, GPtrArray *texts)
{
	struct marker m = { ret, facts, space, 0 };

	m.mask = (UINT64_C(1) << space->as.form->va_bits) - 1;
	ret->pages = g_array_new(FALSE, FALSE, sizeof(struct vad_mark));
	ret->uses = g_array_new(FALSE, FALSE, sizeof(struct vad_mark));
	if (space->proc)
		mark_process(&m);
	if (space->kind != SPACE_PROCESS || space->whole)
		mark_kernel(&m);
	if (space->kind == SPACE_KERNEL)
		mark_modules(&m, texts);
	g_array_sort(ret->pages, compare_marks);
	g_array_sort(ret->uses, compare_marks);
	cut_overlaps(ret->pages);
}

void vad_marks_clear(struct vad_marks *marks)
{
	g_array_unref(marks->pages);
	g_array_unref(marks->uses);
}
