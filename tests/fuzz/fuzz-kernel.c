/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: a small Windows of one of several families, whose structures
 * say something else in places; the kernel, the processes and some of their
 * texts.
 *
 * Input: byte 0 family (bits 0-2) and hints (bits 3-5); then edits of 6 bytes
 * each: two that choose one of the places, one with what is put there, one
 * with an offset, two that go into the value.
 *
 * What must hold: no process is listed that is none (unless an edit could have
 * forged one); where a list is whole, all that are in it are listed, once.
 */
#include "config.h"

#include <glib.h>
#include <string.h>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "fuzz/undo.h"
#include "lib/mkwin.h"
#include "nt/cpus.h"
#include "tree/tree.h"

#define RECORD 6u
#define EDITS_MAX 32u
#define PROCS_SHOWN 3u
#define PAGE 4096u

/* What an edit of a place can spoil. */
enum {
	SPOILS_LIST = 1,
	SPOILS_IDS = 2,	 /* PspCidTable */
	SPOILS_ALL = 4,	 /* no list can be relied on */
	FORGES = 8,	 /* addresses may come to mean something else */
};

struct place {
	uint64_t pa, va;
	unsigned n_bytes; /* of one value */
	unsigned reach;	  /* bytes from pa that an edit may hit */
	unsigned spoils;
};

struct machine {
	uint8_t *bytes;
	size_t len;
	uint64_t dtb;
	GArray *places;	   /* struct place */
	GArray *real;	   /* uint64_t: EPROCESSes, Idle's with them */
	GArray *in_list, *in_ids; /* uint64_t */
	bool ready;
};

static const struct mk_options families[8] = {
	{ .seed = 1, .size_mib = 16, .procs = 6 },
	{ .seed = 2, .layout = "amd64-10.0.26100", .size_mib = 16, .procs = 6,
	  .full = true },
	{ .seed = 3, .layout = "amd64-6.1.7601-d", .size_mib = 16,
	  .procs = 6 },
	{ .seed = 4, .layout = "x86-5.1.2600", .size_mib = 16, .procs = 6 },
	{ .seed = 5, .layout = "x86pae-6.1.7601", .size_mib = 16,
	  .procs = 6 },
	{ .seed = 6, .layout = "amd64-6.2.9200", .size_mib = 16, .procs = 6 },
	{ .seed = 7, .layout = "amd64-10.0.22621", .size_mib = 16,
	  .procs = 12, .full = true, .handle_level = 2 },
	{ .seed = 8, .size_mib = 16, .procs = 6,
	  .damage = { .no_lowstub = true, .zero_kernel_header = true } },
};
static struct machine machines[G_N_ELEMENTS(families)];

/* --- the places of a healthy machine --- */

struct maker {
	struct machine *m;
	const NtKernel *k;
	struct addr_space as; /* of the places that are added */
};

static void add_physical(struct machine *m, uint64_t pa, uint64_t va,
			 unsigned n_bytes, unsigned reach, unsigned spoils)
{
	struct place p = { pa, va, n_bytes, reach, spoils };

	if (pa + reach + 8 <= m->len)
		g_array_append_val(m->places, p);
}

/* reach: up to the end of the page. */
static void add(struct maker *mk, uint64_t va, unsigned reach, unsigned spoils)
{
	struct vtop_leaf leaf = vtop_translate(&mk->as, VIRT(va));
	unsigned n = mk->k->profile.pointer_bytes;
	uint64_t skip = va - leaf.va.v;

	if (!page_state_has_data(leaf.state))
		return;
	reach = (unsigned)MIN(reach, PAGE - (va & (PAGE - 1)));
	add_physical(mk->m, leaf.pa.v + skip, va, n, reach, spoils);
}

static void add_member(struct maker *mk, uint64_t va, uint32_t offset,
		       unsigned spoils)
{
	if (offset != NT_ABSENT)
		add(mk, va + offset, 0, spoils);
}

/* The entries that translate an address, at all levels. */
static void add_entries(struct maker *mk, uint64_t va)
{
	const struct paging_form *form = mk->as.form;
	PhysAddr table = addr_space_dtb(&mk->as);

	for (unsigned i = 0; i < form->n_levels; i++) {
		const struct paging_level *level = &form->levels[i];
		uint64_t at = table.v + bits_get(va, level->shift,
						 level->bits) *
						form->entry_bytes;
		uint64_t entry;

		if (at + 8 > mk->m->len)
			return;
		add_physical(mk->m, at, va, form->entry_bytes, 0,
			     SPOILS_ALL | FORGES);
		entry = form->entry_bytes == 8 ?
				load_le64(mk->m->bytes + at) :
				load_le32(mk->m->bytes + at);
		if (!(entry & 1) || entry & level->large)
			return;
		table = PHYS(entry & form->pa_mask);
	}
}

static uint64_t pointer(struct maker *mk, uint64_t va)
{
	uint64_t to = 0;

	(void)nt_pointer_at(&mk->as, mk->k->profile.pointer_bytes, VIRT(va),
			    &to);
	return to;
}

static void add_table(struct maker *mk, uint64_t table, unsigned spoils)
{
	const struct nt_handle_layout *h = &mk->k->profile.handle;
	uint64_t page = table ? pointer(mk, table + h->table_code) : 0;
	unsigned level = page & 7;

	if (!table)
		return;
	add(mk, table, 0x60, spoils);
	add_member(mk, table, h->table_code, spoils);
	add_member(mk, table, h->table_list, spoils);
	add_member(mk, table, h->quota_process, spoils);
	add_member(mk, table, h->next_pool, spoils);
	for (page &= ~UINT64_C(7); level && page; level--) {
		add(mk, page, 0x40, spoils);
		page = pointer(mk, page);
	}
	add(mk, page, PAGE - 8, spoils);
	add(mk, page, 0x100, spoils);
}

static void add_session(struct maker *mk, uint64_t eprocess)
{
	const struct nt_profile *p = &mk->k->profile;
	uint64_t session;

	if (p->eprocess.session == NT_ABSENT)
		return;
	session = pointer(mk, eprocess + p->eprocess.session);
	if (!session)
		return;
	add_member(mk, session, p->session.id, 0);
	add_member(mk, session, p->session.process_list, 0);
	add_member(mk, session, p->session.process_list + p->pointer_bytes,
		   0);
}

static void add_user(struct maker *mk, const struct mk_process *process)
{
	struct addr_space kernel = mk->as;

	mk->as.root = PHYS(process->dtb_raw);
	if (process->peb) {
		add(mk, process->peb, 0x60, 0);
		add_entries(mk, process->peb);
		add(mk, pointer(mk, process->peb +
				   mk->k->profile.peb.parameters), 0x100, 0);
	}
	for (guint i = 0; process->vads && i < MIN(process->vads->len, 4); i++)
		add(mk, g_array_index(process->vads, struct mk_vad, i).node,
		    0x40, 0);
	mk->as = kernel;
}

static void add_process(struct maker *mk, const struct mk_process *process)
{
	const struct nt_eprocess_layout *e = &mk->k->profile.eprocess;
	uint64_t va = process->eprocess;
	const uint32_t spoiling[] = { e->type, e->pid, e->dtb, e->user_dtb,
				      e->exit_time };
	const uint32_t others[] = {
		e->ppid, e->name, e->create_time, e->peb, e->wow64,
		e->session, e->active_threads, e->object_table, e->vad_root,
		e->exit_status, e->flags, e->session_links,
		e->thread_list, e->section_base, e->audit_name,
		e->protection,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(spoiling); i++)
		add_member(mk, va, spoiling[i], SPOILS_ALL);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		add_member(mk, va, others[i], SPOILS_ALL);
	add_member(mk, va, e->links, SPOILS_LIST);
	add_member(mk, va, e->links + mk->k->profile.pointer_bytes,
		   SPOILS_LIST);
	add(mk, va - mk->k->profile.object.body, 0x30, SPOILS_ALL);
	add_entries(mk, va);
	add_table(mk, process->object_table, SPOILS_LIST);
	add_session(mk, va);
	add_user(mk, process);
}

static void add_kernel(struct maker *mk, const struct mk_kernel *kernel)
{
	const NtKernel *k = mk->k;

	add(mk, kernel->base, PAGE - 8, SPOILS_ALL);
	add(mk, kernel->base, 0x300, SPOILS_ALL);
	if (k->image.has_pe) {
		add(mk, kernel->base + k->image.pe.export_rva, 0x400,
		    SPOILS_ALL);
		add(mk, kernel->base + k->image.pe.debug_rva, 0x40,
		    SPOILS_ALL);
	}
	add_entries(mk, kernel->base);
	add(mk, kernel->active_head, 2 * k->profile.pointer_bytes,
	    SPOILS_LIST);
	add(mk, kernel->kdbg, 0x340, SPOILS_ALL);
	for (unsigned i = 0; i < NT_VARS; i++)
		add(mk, k->vars[i].va.v, 8, SPOILS_ALL);
	add_table(mk, kernel->cid_table, SPOILS_IDS);
	for (guint i = 0; i < k->cpus->len; i++)
		add(mk, g_array_index(k->cpus, struct nt_cpu, i).prcb.v,
		    0x200, 0);
}

static void add_to(GArray *array, uint64_t va)
{
	g_array_append_val(array, va);
}

static void list_processes(struct machine *m, const MkWin *win)
{
	add_to(m->real, mk_win_kernel(win)->idle);
	for (size_t i = 0; i < mk_win_n_processes(win); i++) {
		const struct mk_process *p = mk_win_process(win, i);

		add_to(m->real, p->eprocess);
		if (p->in_list)
			add_to(m->in_list, p->eprocess);
		if (p->in_cid)
			add_to(m->in_ids, p->eprocess);
	}
}

static Image *open_image(const struct machine *m, Log *log)
{
	return image_open_io(image_io_memory(m->bytes, m->len), "fuzz",
			     IMAGE_FORMAT("raw"), log, NULL);
}

static void find_places(struct machine *m, const MkWin *win)
{
	static const struct nt_hints none;
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = open_image(m, log);
	g_autoptr(PhysMem) pm = physmem_new(image);
	g_autoptr(NtKernel) k = nt_kernel_find(pm, image, &none, log);
	struct maker mk = { m, k, { 0 } };

	MUST(k && k->has_system);
	mk.as = k->as;
	add_kernel(&mk, mk_win_kernel(win));
	for (size_t i = 0; i < mk_win_n_processes(win); i++)
		add_process(&mk, mk_win_process(win, i));
}

static void machine_init(struct machine *m, const struct mk_options *options)
{
	g_autoptr(MkWin) win = mk_win_new(options, NULL);

	MUST(win != NULL);
	m->len = (size_t)mk_phys_end(mk_win_phys(win));
	m->bytes = g_malloc0(m->len);
	m->dtb = mk_win_kernel(win)->dtb;
	m->places = g_array_new(FALSE, FALSE, sizeof(struct place));
	m->real = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	m->in_list = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	m->in_ids = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	mk_phys_read(mk_win_phys(win), 0, m->bytes, m->len);
	list_processes(m, win);
	find_places(m, win);
	m->ready = true;
}

/* --- edits --- */

enum value {
	VALUE_ZERO,
	VALUE_RANDOM,
	VALUE_PLACE,	/* address of another place */
	VALUE_USER,
	VALUE_ITSELF,
	VALUE_ODD,	/* not canonical; on 32 bits just odd */
	VALUE_BIT,	/* one bit is another */
	VALUE_NEAR,	/* a little more */
	VALUE_COPY,	/* what another place has */
	VALUE_PAGE_ZERO,
	VALUE_PAGE_COPY,
	VALUES
};

static const struct place *place_at(const struct machine *m, unsigned i)
{
	return &g_array_index(m->places, struct place, i % m->places->len);
}

static uint64_t make_value(const struct machine *m, const struct place *p,
			   uint64_t at, const uint8_t *edit)
{
	unsigned arg = load_le16(edit + 4);
	const struct place *other = place_at(m, arg);
	uint64_t old = load_le64(m->bytes + at);

	switch (edit[2] % VALUES) {
	case VALUE_RANDOM:
		return (arg + 1) * UINT64_C(0x9e3779b97f4a7c15);
	case VALUE_PLACE:
		return other->va + (edit[3] & 3 ? 0 : 8 * (edit[3] >> 2));
	case VALUE_USER:
		return UINT64_C(0x10000) * (arg + 1);
	case VALUE_ITSELF:
		return p->va;
	case VALUE_ODD:
		return UINT64_C(0x0123456780000001) + arg;
	case VALUE_BIT:
		return old ^ UINT64_C(1) << arg % 64;
	case VALUE_NEAR:
		return old + 4 * (arg % 64);
	case VALUE_COPY:
		return load_le64(m->bytes + other->pa);
	default:
		return 0;
	}
}

static unsigned edit_page(struct machine *m, GArray *undo,
			  const struct place *p, const uint8_t *edit)
{
	static const uint8_t zeros[PAGE];
	const struct place *other = place_at(m, load_le16(edit + 4));
	uint8_t copy[PAGE];

	if (edit[2] % VALUES == VALUE_PAGE_ZERO) {
		fuzz_write(undo, m->bytes, page_floor(p->pa), zeros, PAGE);
		return SPOILS_ALL;
	}
	memcpy(copy, m->bytes + page_floor(other->pa), PAGE);
	fuzz_write(undo, m->bytes, page_floor(p->pa), copy, PAGE);
	return SPOILS_ALL | FORGES;
}

/* What the edit spoils. */
static unsigned apply(struct machine *m, GArray *undo, const uint8_t *edit)
{
	const struct place *p = place_at(m, load_le16(edit));
	uint64_t at = p->pa + (p->reach ? edit[3] * 8u % p->reach : 0), value;

	if (edit[2] % VALUES >= VALUE_PAGE_ZERO)
		return edit_page(m, undo, p, edit);
	value = GUINT64_TO_LE(make_value(m, p, at, edit));
	fuzz_write(undo, m->bytes, at, &value, p->n_bytes);
	return p->spoils;
}

/* --- what must hold --- */

static bool has(const GArray *array, uint64_t va)
{
	for (guint i = 0; i < array->len; i++)
		if (g_array_index(array, uint64_t, i) == va)
			return true;
	return false;
}

static void check_set(const struct machine *m, const ProcSet *set,
		      unsigned spoils)
{
	size_t n = procset_count(set);

	for (size_t i = 0; i < n; i++) {
		const struct proc_entry *e = procset_get(set, i);

		MUST(spoils & FORGES || has(m->real, e->p.eprocess.v));
		MUST(procset_find_eprocess(set, e->p.eprocess) == i);
		MUST(procset_find_dir(set, e->dir) == i);
	}
}

static void check_all_there(const ProcSet *set, const GArray *wanted)
{
	for (guint i = 0; i < wanted->len; i++)
		MUST(procset_find_eprocess(
			     set, VIRT(g_array_index(wanted, uint64_t, i))) !=
		     SIZE_MAX);
}

static void read_node(Tree *tree, const char *path)
{
	g_autoptr(TreeFile) file = NULL;
	struct tree_node node;
	struct read_plan plan;
	struct stat st;

	if (tree_resolve(tree, path, &node))
		return;
	tree_stat(tree, &node, &st);
	file = tree_open(tree, &node);
	MUST(file != NULL);
	read_plan_init(&plan);
	MUST(tree_file_read(file, 0, 1 << 20, &plan) == 0);
	MUST((off_t)plan.len == MIN(st.st_size, 1 << 20));
	read_plan_clear(&plan);
}

static void show(const Image *image, const PhysMem *pm, const NtKernel *k,
		 const ProcSet *set, const Log *log)
{
	static const char *const files[] = { "status", "maps", "cmdline",
					     "environ", "methods" };
	static const char *const texts[] = { "processes", "image/info" };
	const struct tree_options options = { .umask = 0077 };
	g_autoptr(Tree) tree = tree_new(image, pm, k, set, log, &options);
	size_t n = procset_count(set);

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		read_node(tree, texts[i]);
	for (size_t i = 0; i < MIN(n, PROCS_SHOWN); i++)
		for (size_t j = 0; j < G_N_ELEMENTS(files); j++) {
			g_autofree char *path = g_strdup_printf(
				"proc/%s/%s", procset_get(set, n - 1 - i)->dir,
				files[j]);

			read_node(tree, path);
		}
}

static void run(struct machine *m, unsigned hint_bits, unsigned spoils)
{
	static const struct proc_select all = { .methods = METHODS_ALL };
	struct nt_hints hints = {
		.dtb = hint_bits & 1 ? m->dtb : hint_bits & 2 ? 0x5000 : 0,
		.no_profile = (hint_bits & 4) != 0,
	};
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = open_image(m, log);
	g_autoptr(PhysMem) pm = physmem_new(image);
	g_autoptr(NtKernel) k = nt_kernel_find(pm, image, &hints, log);
	g_autoptr(ProcSet) set = procset_build(k, &all, log);

	check_set(m, set, spoils);
	if (!(spoils & (SPOILS_ALL | SPOILS_LIST)))
		check_all_there(set, m->in_list);
	if (!(spoils & (SPOILS_ALL | SPOILS_IDS)) && !hints.no_profile)
		check_all_there(set, m->in_ids);
	show(image, pm, k, set, log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GArray *undo;
	struct machine *m;
	unsigned spoils = 0, n = 0;

	if (!size)
		return 0;
	m = &machines[data[0] % G_N_ELEMENTS(machines)];
	if (!m->ready)
		machine_init(m, &families[m - machines]);
	undo = fuzz_undo_new();
	for (size_t at = 1; at + RECORD <= size && n < EDITS_MAX;
	     at += RECORD, n++)
		spoils |= apply(m, undo, data + at);
	run(m, data[0] >> 3, spoils);
	fuzz_put_back(undo, m->bytes);
	return 0;
}

/* Each family with each hint, unchanged; then with a few edits. */
void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	struct mk_random random = { 23 };

	for (unsigned i = 0; i < 200; i++) {
		uint8_t b[1 + 4 * RECORD] = { (uint8_t)i };

		for (size_t at = 1; at < sizeof b; at++)
			b[at] = (uint8_t)mk_random_below(&random, 256);
		fn(ctx, b, 1 + (i < 40 ? 0 : 1 + i % 4) * RECORD);
	}
}
