/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merging, selecting and naming of processes. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "procs/crossview.h"
#include "nt/cpus.h"
#include "nt/machine.h"
#include "procs/procset.h"
#include "procs/runner.h"
#include "procs/witness.h"

struct ProcSet {
	const NtKernel *kernel;
	GPtrArray *entries;	/* struct proc_entry, owned */
	GHashTable *by_dir;	/* name -> position + 1 */
	GHashTable *by_eprocess; /* address -> position + 1 (keys in entries) */
	unsigned methods_run;
	struct proc_evidence evidence[METHODS];
	GArray *stray_dtbs;	/* uint64_t */
	DtbSearch *dtb_search;
	bool full;		/* PROCS_MAX; the log says so */
	Log *log;		/* only while building */
};

static void entry_free(gpointer data)
{
	struct proc_entry *e = data;

	nt_process_clear(&e->p);
	g_clear_pointer(&e->running_on, g_array_unref);
	g_free(e->dir);
	g_free(e);
}

/* Does it map va to the frame that System maps it to? */
static bool maps_alike(const NtKernel *k, const struct addr_space *as,
		       uint64_t va)
{
	return va && nt_same_frame(&k->as, as->root.v, VIRT(va));
}

/* Does the process's table map the kernel as System's does? One page of it is
 * enough: some kernels bring the page directories of 32-bit processes up to
 * date only when a page is touched. */
static bool dtb_is_sane(const NtKernel *k, const struct addr_space *as,
			VirtAddr eprocess)
{
	if (!physmem_has_page(as->pm, addr_space_dtb(as)))
		return false;
	return !k->has_system || maps_alike(k, as, k->system.eprocess.v) ||
	       maps_alike(k, as, eprocess.v) ||
	       maps_alike(k, as, k->has_image ? k->image.base.v : 0) ||
	       maps_alike(k, as, nt_machine_of(k->as.form)->kuser);
}

/* Which session it is in. Its structure is told apart by where it is in
 * physical memory, for some kernels have all at one address. */
static void read_session(const NtKernel *k, struct proc_entry *e)
{
	const struct addr_space *as = e->dtb_sane ? &e->as : &k->as;
	struct nt_object o = { &k->as, k->profile.pointer_bytes,
			       e->p.eprocess };
	struct vtop_leaf leaf;

	nt_process_read_session(as, &k->profile, e->p.eprocess, &e->p);
	if (!nt_member_pointer(&o, k->profile.eprocess.session,
			       &e->session_va) ||
	    !nt_is_kernel_address(&k->as, e->session_va)) {
		e->session_va = 0;
		return;
	}
	leaf = vtop_translate(as, VIRT(e->session_va));
	e->session_key = page_state_in_memory(leaf.state) ?
				 leaf.pa.v + (e->session_va - leaf.va.v) :
				 e->session_va;
}

static bool is_minimal(const NtKernel *k, VirtAddr eprocess)
{
	struct nt_object o = { &k->as, k->profile.pointer_bytes, eprocess };
	struct nt_field field = k->profile.eprocess.minimal;
	uint32_t word;

	return field.bit_len && nt_member_u32(&o, field.offset, &word) &&
	       nt_field_get(field, word);
}

static struct proc_entry *entry_new(const NtKernel *k, VirtAddr eprocess)
{
	struct proc_entry *e = g_new0(struct proc_entry, 1);

	if (!nt_process_read(&k->as, &k->profile, eprocess, &e->p)) {
		g_free(e);
		return NULL;
	}
	e->plausible = nt_process_plausible(&k->as, &k->profile, &e->p);
	e->as = nt_kernel_space(k, e->p.dtb_raw);
	e->has_space = addr_space_dtb(&e->as).v != 0;
	e->dtb_sane = e->has_space && dtb_is_sane(k, &e->as, eprocess);
	e->minimal = is_minimal(k, eprocess);
	read_session(k, e);
	return e;
}

static struct proc_entry *find(const ProcSet *set, VirtAddr eprocess)
{
	size_t i = procset_find_eprocess(set, eprocess);

	return i == SIZE_MAX ? NULL : g_ptr_array_index(set->entries, i);
}

static struct proc_entry *add(ProcSet *set, VirtAddr eprocess)
{
	struct proc_entry *e = find(set, eprocess);

	if (e)
		return e;
	if (set->entries->len >= PROCS_MAX) {
		if (!set->full)
			log_add(set->log, LOG_FAIL, "processes",
				"more than %u processes; the others were left"
				" out",
				PROCS_MAX);
		set->full = true;
		return NULL;
	}
	e = entry_new(set->kernel, eprocess);
	if (!e)
		return NULL;
	g_ptr_array_add(set->entries, e);
	g_hash_table_insert(set->by_eprocess, &e->p.eprocess.v,
			    GUINT_TO_POINTER(set->entries->len));
	return e;
}

static void found(void *ctx, enum proc_method_id method, VirtAddr eprocess)
{
	struct proc_entry *e = add(ctx, eprocess);

	if (e)
		e->seen |= 1u << method;
}

static struct proc_entry *add_witness(void *ctx, VirtAddr eprocess)
{
	return add(ctx, eprocess);
}

/* Where one and the same method missed many, the log says how many. */
static void log_methods(const ProcSet *set)
{
	for (unsigned i = 0; i < METHODS; i++) {
		unsigned n = 0;

		if (!(set->methods_run & 1u << i))
			continue;
		for (guint j = 0; j < set->entries->len; j++) {
			const struct proc_entry *e = set->entries->pdata[j];

			n += e->seen >> i & 1;
		}
		if (set->evidence[i].unusable)
			log_add(set->log, LOG_WARN, proc_methods[i].name,
				"lists no processes: %s",
				set->evidence[i].unusable);
		else
			log_add(set->log, LOG_INFO, proc_methods[i].name,
				"%u process(es)%s", n,
				set->evidence[i].broken ?
					"; not all of it could be read" : "");
	}
}

static void log_hidden(const ProcSet *set)
{
	for (guint i = 0; i < set->entries->len; i++) {
		const struct proc_entry *e = set->entries->pdata[i];
		g_autoptr(GString) names = g_string_new(NULL);

		for (unsigned m = 0; m < METHODS; m++)
			if (e->missing & 1u << m)
				g_string_append_printf(names, " %s",
						       proc_methods[m].name);
		if (e->missing)
			log_add(set->log, LOG_WARN, "processes",
				"pid %u at " PRIADDR " is hidden from:%s",
				e->p.pid, e->p.eprocess.v, names->str);
	}
}

/* What served only to lead CSRSS and Sessions somewhere goes; a process that
 * no list has, but a processor, stays. */
static void drop_unasked(ProcSet *set, unsigned methods)
{
	for (guint i = 0; i < set->entries->len;) {
		struct proc_entry *e = set->entries->pdata[i];
		bool stays = e->seen & methods || (!e->seen && e->witnessed);

		e->seen &= methods;
		if (stays)
			i++;
		else
			g_ptr_array_remove_index_fast(set->entries, i);
	}
}

static void run_methods(ProcSet *set, const struct proc_select *select)
{
	g_autoptr(Runner) runner =
		runner_new(set->kernel, set->entries, set->evidence, found,
			   set, set->log);

	set->methods_run = runner_run(runner, select->methods) &
			   select->methods;
	witness_hear(select, set->kernel, runner_context(runner),
		     set->entries, add_witness, set, set->stray_dtbs,
		     set->log);
	for (guint i = 0; i < set->entries->len; i++)
		crossview_mark(set->kernel, set->evidence, set->methods_run,
			       set->entries->pdata[i]);
	log_methods(set);
	g_hash_table_remove_all(set->by_eprocess);
	drop_unasked(set, set->methods_run);
	log_hidden(set);
}

/* Before any are left out: each counts as owner of its page tables. */
static void check_dtbs(ProcSet *set)
{
	proc_dtbs_check(set->kernel, set->entries);
	set->dtb_search = dtb_search_new(set->kernel, set->entries);
}

static bool wanted(const struct proc_entry *e, const struct proc_select *s)
{
	if (s->n_pids) {
		for (size_t i = 0; i < s->n_pids; i++)
			if (s->pids[i] == e->p.pid)
				return true;
		return false;
	}
	return !s->proc_regex ||
	       g_regex_match(s->proc_regex, e->p.name, G_REGEX_MATCH_ANCHORED,
			     NULL);
}

static gint compare_entries(gconstpointer a, gconstpointer b)
{
	const struct proc_entry *x = *(struct proc_entry *const *)a;
	const struct proc_entry *y = *(struct proc_entry *const *)b;

	if (x->p.pid != y->p.pid)
		return x->p.pid < y->p.pid ? -1 : 1;
	if (x->p.eprocess.v != y->p.eprocess.v)
		return x->p.eprocess.v < y->p.eprocess.v ? -1 : 1;
	return 0;
}

/* By pid and address, those that are not wanted left out. */
static void sort_and_select(ProcSet *set, const struct proc_select *select)
{
	g_autoptr(GPtrArray) all = set->entries;

	set->entries = g_ptr_array_new_with_free_func(entry_free);
	g_ptr_array_set_free_func(all, NULL);
	g_ptr_array_sort(all, compare_entries);
	for (guint i = 0; i < all->len; i++) {
		struct proc_entry *e = g_ptr_array_index(all, i);

		if (wanted(e, select))
			g_ptr_array_add(set->entries, e);
		else
			entry_free(e);
	}
}

static void index_eprocess(ProcSet *set)
{
	g_hash_table_remove_all(set->by_eprocess);
	for (guint i = 0; i < set->entries->len; i++) {
		struct proc_entry *e = g_ptr_array_index(set->entries, i);

		g_hash_table_insert(set->by_eprocess, &e->p.eprocess.v,
				    GUINT_TO_POINTER(i + 1));
	}
}

/* Canonical, or without the bits that copy the highest one, as Rekall prints
 * addresses: 48 bits, also of machines with more. */
static VirtAddr kernel_address(const NtKernel *k, uint64_t v)
{
	VirtAddr va = virt_canonical(v, k->as.form->va_bits);

	if (k->as.form->va_bits > 48 && !nt_is_kernel_address(&k->as, va.v) &&
	    !(v >> 48))
		va = virt_canonical(v, 48);
	return va;
}

static void add_trusted(ProcSet *set, const struct proc_select *select)
{
	for (size_t i = 0; i < select->n_eprocess; i++) {
		VirtAddr va = kernel_address(set->kernel, select->eprocess[i]);
		const struct proc_entry *e = add(set, va);

		if (!e)
			log_add(set->log, LOG_FAIL, "processes",
				"eprocess=0x%" PRIx64
				": there is no readable EPROCESS",
				select->eprocess[i]);
		else if (!e->plausible)
			log_add(set->log, LOG_WARN, "processes",
				"eprocess=0x%" PRIx64
				": does not look like an EPROCESS; shown as"
				" asked",
				select->eprocess[i]);
	}
}

/* Does e rather than other get the plain pid as its name? The live one, then
 * the one created last. */
static bool outranks(const struct proc_entry *e, const struct proc_entry *other)
{
	bool live = !e->p.exit_time, other_live = !other->p.exit_time;

	if (live != other_live)
		return live;
	return e->p.create_time > other->p.create_time;
}

static void name_entries(ProcSet *set)
{
	g_autoptr(GHashTable) owners = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < set->entries->len; i++) {
		struct proc_entry *e = g_ptr_array_index(set->entries, i);
		gpointer pid = GUINT_TO_POINTER(e->p.pid);
		struct proc_entry *owner = g_hash_table_lookup(owners, pid);

		if (!owner || outranks(e, owner))
			g_hash_table_insert(owners, pid, e);
	}
	for (guint i = 0; i < set->entries->len; i++) {
		struct proc_entry *e = g_ptr_array_index(set->entries, i);

		if (g_hash_table_lookup(owners, GUINT_TO_POINTER(e->p.pid)) ==
		    e)
			e->dir = g_strdup_printf("%u", e->p.pid);
		else
			e->dir = g_strdup_printf("%u-%" PRIx64, e->p.pid,
						 e->p.eprocess.v);
		g_hash_table_insert(set->by_dir, e->dir,
				    GUINT_TO_POINTER(i + 1));
	}
}

static void log_doubts(const ProcSet *set)
{
	for (guint i = 0; i < set->entries->len; i++) {
		struct proc_entry *e = g_ptr_array_index(set->entries, i);

		if (e->has_space && e->dtb.grade != NT_DTB_GOOD &&
		    !e->p.exit_time)
			log_add(set->log, LOG_WARN, "processes",
				"pid %u: its DTB 0x%" PRIx64 " is %s: %s",
				e->p.pid, e->p.dtb_raw,
				e->dtb.grade == NT_DTB_BAD ? "bad" :
							     "doubtful",
				nt_dtb_text(e->dtb.verdict));
	}
}

/* A triage dump has no lists: the processes whose objects it has. What is no
 * EPROCESS by the profile is not taken for one. */
static void add_direct(ProcSet *set)
{
	const GArray *cpus = set->kernel->cpus;

	for (guint i = 0; i < cpus->len; i++) {
		VirtAddr va = g_array_index(cpus, struct nt_cpu, i).eprocess;
		const struct proc_entry *e = va.v ? add(set, va) : NULL;

		if (!va.v || (e && e->plausible))
			continue;
		log_add(set->log, LOG_FAIL, "processes",
			"the process that crashed is not shown: %s",
			e ? "what the dump has of it is no EPROCESS" :
			    "the dump does not have it, or not all of it");
		if (!e)
			continue;
		g_hash_table_remove_all(set->by_eprocess);
		g_ptr_array_set_size(set->entries, 0);
	}
}

static void list(ProcSet *set, const struct proc_select *select)
{
	if (select->n_eprocess) {
		add_trusted(set, select);
		witness_hear(select, set->kernel, NULL, set->entries, NULL,
			     NULL, NULL, NULL);
		check_dtbs(set);
	} else if (set->kernel->direct) {
		add_direct(set);
		witness_hear(select, set->kernel, NULL, set->entries, NULL,
			     NULL, NULL, NULL);
		check_dtbs(set);
		sort_and_select(set, select);
	} else {
		run_methods(set, select);
		check_dtbs(set);
		sort_and_select(set, select);
	}
}

ProcSet *procset_build(const NtKernel *kernel,
		       const struct proc_select *select, Log *log)
{
	ProcSet *set = g_new0(ProcSet, 1);

	set->kernel = kernel;
	set->log = log;
	set->entries = g_ptr_array_new_with_free_func(entry_free);
	set->stray_dtbs = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	set->by_dir = g_hash_table_new(g_str_hash, g_str_equal);
	set->by_eprocess = g_hash_table_new(g_int64_hash, g_int64_equal);
	if (kernel && kernel->has_profile)
		list(set, select);
	index_eprocess(set);
	name_entries(set);
	log_doubts(set);
	set->log = NULL;
	return set;
}

void procset_free(ProcSet *set)
{
	if (!set)
		return;
	g_hash_table_unref(set->by_dir);
	g_hash_table_unref(set->by_eprocess);
	g_ptr_array_unref(set->entries);
	g_array_unref(set->stray_dtbs);
	dtb_search_free(set->dtb_search);
	for (unsigned i = 0; i < METHODS; i++)
		proc_evidence_clear(&set->evidence[i]);
	g_free(set);
}

size_t procset_count(const ProcSet *set)
{
	return set->entries->len;
}

const struct proc_entry *procset_get(const ProcSet *set, size_t index)
{
	return g_ptr_array_index(set->entries, index);
}

static size_t position(gpointer value)
{
	return value ? GPOINTER_TO_UINT(value) - 1u : SIZE_MAX;
}

size_t procset_find_dir(const ProcSet *set, const char *dir)
{
	return position(g_hash_table_lookup(set->by_dir, dir));
}

size_t procset_find_eprocess(const ProcSet *set, VirtAddr eprocess)
{
	return position(g_hash_table_lookup(set->by_eprocess, &eprocess.v));
}

unsigned procset_methods_run(const ProcSet *set)
{
	return set->methods_run;
}

const char *procset_unusable(const ProcSet *set, enum proc_method_id method)
{
	return set->evidence[method].unusable;
}

GArray *procset_dtb_candidates(const ProcSet *set, const struct proc_entry *e,
			       size_t *n_free)
{
	return dtb_search_for(set->dtb_search, e, n_free);
}

const uint64_t *procset_stray_dtbs(const ProcSet *set, size_t *n)
{
	*n = set->stray_dtbs->len;
	return (const uint64_t *)(void *)set->stray_dtbs->data;
}
