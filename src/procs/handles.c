/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking the ring of handle tables. */
#include "config.h"

#include "procs/handles.h"
#include "procs/ring.h"
#include "procs/valid.h"

enum { TABLE_LEVEL_MASK = 7, TABLE_LEVEL_MAX = 2 };

/* A table without a process: System's on some versions. */
static bool is_table(const struct nt_object *table,
		     const struct nt_handle_layout *l)
{
	uint64_t code;

	return nt_member_pointer(table, l->table_code, &code) &&
	       (code & TABLE_LEVEL_MASK) <= TABLE_LEVEL_MAX &&
	       nt_is_kernel_address(table->as, code);
}

static bool has_pid(struct proc_run *run, VirtAddr eprocess)
{
	const struct nt_profile *p = &run->kernel->profile;
	struct nt_object o = { &run->kernel->as, p->pointer_bytes, eprocess };
	uint32_t pid;

	return nt_member_u32(&o, p->eprocess.pid, &pid) && pid;
}

static enum ring_answer visit(void *ctx, uint64_t link)
{
	struct proc_run *run = ctx;
	const struct nt_profile *p = &run->kernel->profile;
	struct nt_object table = { &run->kernel->as, p->pointer_bytes,
				   VIRT(link - p->handle.table_list) };
	uint64_t owner;

	if (!nt_member_pointer(&table, p->handle.quota_process, &owner))
		return RING_GARBAGE;
	if (!owner)
		return is_table(&table, &p->handle) ? RING_GO_ON :
						      RING_GARBAGE;
	if (!proc_is_valid(run, VIRT(owner))) {
		if (!is_table(&table, &p->handle))
			return RING_GARBAGE;
		log_add(run->log, LOG_WARN, "Handles",
			"the handle table at " PRIADDR " is charged to "
			PRIADDR ", which is no process object",
			table.va.v, owner);
		run->evidence->broken = true;
		return RING_GO_ON;
	}
	/* Idle uses System's table. */
	if (has_pid(run, VIRT(owner)))
		run->fn(run->ctx, VIRT(owner));
	return RING_GO_ON;
}

/* The tables of the processes that are known, but none that was cut out of the
 * ring, which would be its own witness. */
static void add_starts(struct proc_run *run, GArray *starts)
{
	uint32_t offset = run->kernel->profile.handle.table_list;

	for (guint i = 0; i < run->known->len; i++) {
		const struct proc_entry *e = run->known->pdata[i];
		uint64_t link = e->p.object_table + offset;

		if (nt_is_kernel_address(&run->kernel->as,
					 e->p.object_table) &&
		    ring_is_linked(&run->kernel->as,
				   run->kernel->profile.pointer_bytes, link))
			g_array_append_val(starts, link);
	}
}

/* System alone, where no method ran before. */
static void add_system(const NtKernel *k, GArray *starts)
{
	struct nt_object o = { &k->as, k->profile.pointer_bytes,
			       k->system.eprocess };
	uint64_t table;

	if (!k->has_system ||
	    !nt_member_pointer(&o, k->profile.eprocess.object_table, &table) ||
	    !nt_is_kernel_address(&k->as, table))
		return;
	table += k->profile.handle.table_list;
	g_array_append_val(starts, table);
}

void handles_run(struct proc_run *run)
{
	g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	const NtKernel *k = run->kernel;
	struct ring ring = {
		.area = "Handles",
		.what = "is in no handle table of a process",
		.kernel = k,
		.as = k->as,
		.log = run->again ? NULL : run->log,
		.visit = visit,
		.ctx = run,
		.head = k->vars[NT_HANDLE_TABLE_LIST_HEAD].va.v,
	};
	struct ring_result r;

	if (k->profile.handle.table_list == NT_ABSENT ||
	    k->profile.handle.quota_process == NT_ABSENT) {
		proc_unusable(run, "the layout of handle tables is not known");
		return;
	}
	add_system(k, starts);
	/* Where there is no head to begin at, or the ring is in pieces. */
	if (!ring.head || run->again)
		add_starts(run, starts);
	r = ring_walk(&ring, (const uint64_t *)(void *)starts->data,
		      starts->len);
	if (!r.head_read && !starts->len)
		proc_unusable(run, "neither the head of the list nor a handle"
				   " table is known");
	run->evidence->broken |= !ring_is_evidence(&r);
}
