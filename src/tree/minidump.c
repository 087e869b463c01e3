/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `minidump.dmp`: the facts of a process, gathered for mdmp.h. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/machine.h"
#include "nt/osfacts.h"
#include "tree/mdmp_facts.h"
#include "tree/mdmp_info.h"
#include "tree/minidump.h"
#include "tree/vads.h"

struct gather {
	const struct render_facts *facts;
	const Space *space;
	const SpaceView *view;
	uint64_t end; /* of user addresses */
	struct mdmp m;
	struct mdmp_facts f;
	GArray *ranges, *infos;
	bool ranges_cut, infos_cut;
	uint64_t data_bytes, lost_bytes;
	GString *comment;
	char *service_pack;
};

/* User addresses end at the first half, or beyond it with /3GB. */
static uint64_t user_end(const struct gather *g)
{
	const Space *space = g->space;
	uint64_t half = space->as.form->va_bits == 32 ?
				UINT64_C(1) << 31 :
				UINT64_C(1) << (space->as.form->va_bits - 1);

	if (!space->whole)
		return space->vmem_size;
	return space->as.form->va_bits == 32 ?
		       MAX(half, g->facts->kernel->user_end) :
		       half;
}

/* Memory that follows itself is one range, whatever its rights: a reader
 * finds all of it in one. */
static void gather_ranges(struct gather *g)
{
	g->ranges = g_array_new(FALSE, FALSE, sizeof(struct mdmp_range));
	for (guint i = 0; i < g->view->regions->len; i++) {
		const struct region *r =
			&g_array_index(g->view->regions, struct region, i);
		struct mdmp_range range = { r->start, r->len }, *prev = NULL;

		if (r->start >= g->end)
			break;
		range.len = MIN(r->len, g->end - r->start);
		if (g->ranges->len)
			prev = &g_array_index(g->ranges, struct mdmp_range,
					      g->ranges->len - 1);
		if (prev && prev->va + prev->len == range.va)
			prev->len += range.len;
		else if (g->ranges->len < MDMP_RANGES_MAX)
			g_array_append_val(g->ranges, range);
		else {
			g->ranges_cut = true;
			break;
		}
		g->data_bytes += range.len;
	}
}

static void count_lost(struct gather *g)
{
	for (size_t i = 0; i < addr_map_n_lost(g->view->map); i++) {
		struct map_run run = addr_map_lost(g->view->map, i);

		if (run.va >= g->end)
			break;
		g->lost_bytes += MIN(run.len, g->end - run.va);
	}
}

static void gather_infos(struct gather *g)
{
	g_autoptr(Detail) detail = space_vads_get(g->facts, g->space);
	g_autoptr(GArray) vads = g_array_new(FALSE, FALSE,
					     sizeof(struct nt_vad));
	const GArray *all = space_vads(detail);

	for (guint i = 0; i < all->len; i++)
		g_array_append_val(vads, g_array_index(all, struct space_vad,
						       i).vad);
	g->infos = mdmp_infos(g->space, g->view, vads, g->end,
			      &g->infos_cut);
}

static unsigned architecture(const struct paging_form *form)
{
	switch (nt_machine_of(form)->arch) {
	case NT_ARCH_ARM64:
		return MDMP_ARM64;
	case NT_ARCH_AMD64:
		return MDMP_AMD64;
	default:
		return MDMP_INTEL;
	}
}

static uint32_t unix_time(uint64_t filetime)
{
	int64_t sec = 0;
	uint32_t nsec;

	if (!filetime_to_unix(filetime, &sec, &nsec) || sec > UINT32_MAX)
		return 0;
	return (uint32_t)sec;
}

static uint64_t capture_time(const struct gather *g)
{
	const NtKernel *k = g->facts->kernel;

	return k->kuser.system_time ? k->kuser.system_time :
				      g->facts->image->capture_filetime;
}

static void gather_system(struct gather *g)
{
	const NtKernel *k = g->facts->kernel;
	const struct proc_entry *e = g->space->proc;
	struct nt_os_facts os = nt_os_facts_read(k);
	unsigned pack = nt_service_pack(&e->as, &k->profile, &e->p);
	struct mdmp *m = &g->m;

	m->architecture = architecture(g->space->as.form);
	m->n_processors = k->n_processors;
	m->product_type = (uint8_t)k->kuser.product_type;
	m->major = k->kuser.major;
	m->minor = k->kuser.minor;
	m->build = k->build;
	m->suite_mask = (uint16_t)os.suite_mask;
	m->features = os.features;
	if (pack)
		g->service_pack = g_strdup_printf("Service Pack %u", pack);
	m->service_pack = g->service_pack;
	m->time = unix_time(capture_time(g));
}

static void gather_process(struct gather *g)
{
	const struct nt_process *p = &g->space->proc->p;

	g->m.pid = p->pid;
	g->m.create_time = unix_time(p->create_time);
	g->m.has_create_time = g->m.create_time != 0;
}

static void comment_threads(struct gather *g)
{
	const struct mdmp_facts *f = &g->f;

	g_string_append_printf(
		g->comment,
		" Threads: %u, of which %u have the registers that they will"
		" go on with in user mode; what ContextFlags leaves out is not"
		" known. Floating point registers never are.",
		f->threads->len, f->n_placed);
	if (f->n_old)
		g_string_append_printf(g->comment,
				       " Of %u, they may be old.", f->n_old);
	if (f->n_exited)
		g_string_append_printf(
			g->comment,
			" %u threads that have ended are left out.",
			f->n_exited);
}

/* What is said of the dump in it: where it is from, and what it lacks. */
static void gather_comment(struct gather *g)
{
	g_autofree char *when = text_filetime(capture_time(g));

	g->comment = g_string_new(NULL);
	g_string_append_printf(
		g->comment,
		"Made by winprocfs %s from an image of the machine's memory"
		" (%s), not by Windows. %" PRIu64 " bytes of memory are in it;"
		" of %" PRIu64 " bytes that the process had, the contents are"
		" not known.",
		PACKAGE_VERSION, when, g->data_bytes, g->lost_bytes);
	comment_threads(g);
	if (g->ranges_cut || g->infos_cut || g->f.cut)
		g_string_append(g->comment, " There is more than could be"
					    " listed.");
	g->m.comment = g->comment->str;
}

static Compose *compose(const struct gather *g)
{
	g_autoptr(GByteArray) head = mdmp_build(&g->m);
	Compose *c = compose_new((SpaceView *)(uintptr_t)g->view);

	compose_bytes(c, head->data, head->len);
	for (guint i = 0; i < g->ranges->len; i++) {
		const struct mdmp_range *r =
			&g_array_index(g->ranges, struct mdmp_range, i);

		compose_space(c, r->va, r->len);
	}
	return c;
}

static void gather(struct gather *g)
{
	g->end = user_end(g);
	gather_ranges(g);
	count_lost(g);
	gather_infos(g);
	gather_system(g);
	gather_process(g);
	mdmp_facts_init(&g->f);
	mdmp_facts_threads(&g->f, g->facts, g->space, g->m.architecture);
	mdmp_facts_modules(&g->f, g->facts, g->space);
	mdmp_facts_handles(&g->f, g->facts, g->space);
	gather_comment(g);
	g->m.ranges = g->ranges;
	g->m.infos = g->infos;
	g->m.threads = g->f.threads;
	g->m.modules = g->f.modules;
	g->m.handles = g->f.handles;
}

Compose *minidump_compose(const struct render_facts *facts,
			  const Space *space, uint64_t arg)
{
	g_autoptr(SpaceView) view =
		space_view((Space *)(uintptr_t)space, facts->views);
	struct gather g = { .facts = facts, .space = space, .view = view };
	Compose *c;

	(void)arg;
	gather(&g);
	c = compose(&g);
	mdmp_facts_clear(&g.f);
	g_array_unref(g.ranges);
	g_array_unref(g.infos);
	g_free(g.service_pack);
	g_string_free(g.comment, TRUE);
	return c;
}
