/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads, modules and handles of a process as a minidump has them. */
#include "config.h"

#include "base/bytes.h"
#include "nt/clock.h"
#include "tree/mdmp_facts.h"

/* All integer registers but sp and, where control registers include it, bp. */
#define INTEGER_X86 0xcfu
#define INTEGER_AMD64 0xffefu
#define INTEGER_ARM64 0x1fffffffu

static bool has_all(unsigned known, unsigned wanted)
{
	return (known & wanted) == wanted;
}

/* A part of a CONTEXT is valid where all of it is known. */
static unsigned known_parts(const struct nt_regs *r, unsigned architecture)
{
	unsigned integer = architecture == MDMP_INTEL ? INTEGER_X86 :
			   architecture == MDMP_ARM64 ? INTEGER_ARM64 :
							INTEGER_AMD64;
	unsigned control = NT_REGS_CONTROL, known = r->known;

	if (architecture == MDMP_INTEL)
		control |= NT_REGS_FRAME;
	return (has_all(known, control) ? MDMP_REGS_CONTROL : 0u) |
	       (has_all(r->gpr_known, integer) ? MDMP_REGS_INTEGER : 0u) |
	       (known & NT_REGS_SEGMENTS ? MDMP_REGS_SEGMENTS : 0u) |
	       (known & NT_REGS_DEBUG ? MDMP_REGS_DEBUG : 0u);
}

void mdmp_regs_set(struct mdmp_regs *ret, const struct nt_regs *from,
		   unsigned architecture)
{
	bool arm = architecture == MDMP_ARM64;

	*ret = (struct mdmp_regs){ 0 };
	if (!from->machine || (arm != (from->machine == NT_MACHINE_ARM64)))
		return;
	*ret = (struct mdmp_regs){
		.known = known_parts(from, architecture),
		.ip = from->ip,
		.flags = from->flags,
		.cs = from->cs,
		.ss = from->ss,
		.ds = from->ds,
		.es = from->es,
		.fs = from->fs,
		.gs = from->gs,
	};
	for (unsigned i = 0; i < G_N_ELEMENTS(ret->gpr); i++)
		ret->gpr[i] = from->gpr_known >> i & 1 ? from->gpr[i] : 0;
	for (unsigned i = 0; i < G_N_ELEMENTS(ret->dr); i++)
		ret->dr[i] = from->dr[i];
	if (from->known & NT_REGS_PLACE)
		ret->gpr[arm ? 31 : NT_SP] = from->sp;
	if (from->known & NT_REGS_FRAME)
		ret->gpr[arm ? 29 : NT_BP] = from->bp;
}

static void add_thread(struct mdmp_facts *f, const struct nt_thread *t,
		       unsigned architecture, uint32_t tick)
{
	struct mdmp_thread out = {
		.tid = t->tid,
		.priority = t->priority > 0 ? (uint32_t)t->priority : 0,
		.teb = t->teb.v,
		.stack_limit = t->stack_limit,
		.stack_base = t->stack_base,
		.create_time = t->create_time,
		.start = t->known & NTT_WIN32_START ? t->win32_start :
						      t->start,
		.exit_status = MDMP_STILL_ACTIVE,
		.name = t->name,
	};

	/* Of a thread in 32-bit code, the stack that this uses. */
	if (t->user.known & NT_REGS_PLACE && t->user.sp >= t->stack32_limit &&
	    t->user.sp < t->stack32_base) {
		out.stack_limit = t->stack32_limit;
		out.stack_base = t->stack32_base;
	}
	if (t->known & NTT_TIMES) {
		out.kernel_time = t->kernel_time * tick;
		out.user_time = t->user_time * tick;
	}
	mdmp_regs_set(&out.regs, &t->user, architecture);
	f->n_placed += out.regs.known & MDMP_REGS_CONTROL;
	f->n_old += out.regs.known && t->user.known & NT_REGS_MAYBE_OLD;
	g_array_append_val(f->threads, out);
}

void mdmp_facts_threads(struct mdmp_facts *f,
			const struct render_facts *facts, const Space *space,
			unsigned architecture)
{
	uint32_t tick = nt_clock_tick(facts->kernel);
	const GArray *all;

	f->threads = g_array_new(FALSE, FALSE, sizeof(struct mdmp_thread));
	f->kept[0] = detail_get(facts, space, DETAIL_THREADS);
	all = space_threads(f->kept[0]);
	for (guint i = 0; i < all->len; i++) {
		const struct nt_thread *t =
			&g_array_index(all, struct nt_thread, i);

		if (t->exited)
			f->n_exited++;
		else if (f->threads->len < MDMP_THREADS_MAX)
			add_thread(f, t, architecture, tick);
		else
			f->cut = true;
	}
}

static void add_module(struct mdmp_facts *f, const struct addr_space *as,
		       const struct nt_module *m)
{
	struct nt_pe_facts pe = { 0 };
	struct mdmp_module out = {
		.base = m->base,
		.size = (uint32_t)MIN(m->size, UINT32_MAX),
		.checksum = m->checksum,
		.timestamp = m->timestamp,
		.path = m->path ? m->path : m->name,
	};

	if (m->has_head && nt_pe_facts_read(as, m->base, &pe)) {
		out.has_version = pe.has_version;
		memcpy(out.version, pe.version, sizeof out.version);
		out.has_rsds = pe.has_rsds;
		memcpy(out.guid, pe.guid, sizeof out.guid);
		out.age = pe.age;
		out.pdb = pe.pdb;
	}
	if (out.pdb)
		g_ptr_array_add(f->strings, (gpointer)pe.pdb);
	pe.pdb = NULL;
	nt_pe_facts_clear(&pe);
	g_array_append_val(f->modules, out);
}

/* The program itself, wherever it is, comes first: so debuggers know it. */
static void put_program_first(GArray *modules, uint64_t base)
{
	for (guint i = 1; i < modules->len; i++) {
		struct mdmp_module m =
			g_array_index(modules, struct mdmp_module, i);

		if (m.base != base)
			continue;
		g_array_remove_index(modules, i);
		g_array_prepend_val(modules, m);
		return;
	}
}

void mdmp_facts_modules(struct mdmp_facts *f,
			const struct render_facts *facts, const Space *space)
{
	g_autoptr(NtProcSpace) full = space_full(space);
	const GArray *all;

	f->modules = g_array_new(FALSE, FALSE, sizeof(struct mdmp_module));
	f->kept[1] = detail_get(facts, space, DETAIL_MODULES);
	all = space_modules(f->kept[1]);
	for (guint i = 0; i < all->len; i++) {
		const struct nt_module *m =
			&g_array_index(all, struct nt_module, i);

		/* A mapping with headers is a file as any other. */
		if (!(m->from & ~(unsigned)NT_MODULE_MAPPING))
			continue;
		if (f->modules->len < MDMP_MODULES_MAX)
			add_module(f, &full->as, m);
		else
			f->cut = true;
	}
	put_program_first(f->modules, space->proc->p.section_base);
}

void mdmp_facts_handles(struct mdmp_facts *f,
			const struct render_facts *facts, const Space *space)
{
	const GArray *all;

	f->handles = g_array_new(FALSE, FALSE, sizeof(struct mdmp_handle));
	f->kept[2] = detail_get(facts, space, DETAIL_HANDLES);
	all = space_handles(f->kept[2]);
	f->cut |= all->len > MDMP_HANDLES_MAX;
	for (guint i = 0; i < MIN(all->len, MDMP_HANDLES_MAX); i++) {
		const struct space_handle *h =
			&g_array_index(all, struct space_handle, i);
		struct mdmp_handle out = {
			.handle = h->value,
			.type = h->type,
			.name = h->name,
			.access = h->access,
		};

		g_array_append_val(f->handles, out);
	}
}

void mdmp_facts_init(struct mdmp_facts *f)
{
	*f = (struct mdmp_facts){ 0 };
	f->strings = g_ptr_array_new_with_free_func(g_free);
}

void mdmp_facts_clear(struct mdmp_facts *f)
{
	for (size_t i = 0; i < G_N_ELEMENTS(f->kept); i++)
		detail_unref(f->kept[i]);
	g_array_unref(f->threads);
	g_array_unref(f->modules);
	g_array_unref(f->handles);
	g_ptr_array_unref(f->strings);
}
