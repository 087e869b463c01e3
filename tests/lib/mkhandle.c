/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Handle tables: of the processes, and PspCidTable. */
#include "config.h"

#include "lib/mkhandled.h"

#include <string.h>

#define ACCESS_ALL 0x1fffffu
#define ACCESS_FILE 0x12019fu
/* Second word of a leaf's first entry, up to 7: EX_ADDITIONAL_INFO. */
#define AUDIT_INFO 0xfffffffeu
/* Pointers in the top table of three; it is no page, but a block of pool. */
#define TOP_POINTERS 32u
/* ExHandle table entries count by fours. */
#define HANDLE_STEP 4u

struct handle {
	uint32_t index;
	uint64_t pointer; /* to a header; to a body in PspCidTable */
	uint32_t access;
};

struct table {
	uint64_t va; /* _HANDLE_TABLE */
	unsigned int level;
	GArray *handles; /* struct handle, ascending */
	GArray *leaves;	 /* uint64_t */
};

static uint32_t entry_bytes(const MkWin *win)
{
	return 2 * mk_pointer_bytes(win);
}

static uint32_t per_leaf(const MkWin *win)
{
	return (uint32_t)MK_PAGE_SIZE / entry_bytes(win);
}

static uint32_t per_page(const MkWin *win)
{
	return (uint32_t)MK_PAGE_SIZE / mk_pointer_bytes(win);
}

static bool has_pointer_bits(const MkWin *win, struct nt_field *field)
{
	return mk_field(win, "_HANDLE_TABLE_ENTRY.ObjectPointerBits", field);
}

/* From 8 on: bits of the pointer above a reference count and attributes,
 * where these are in the first word. */
static uint64_t packed_pointer(MkWin *win, struct nt_field field, uint64_t va)
{
	const unsigned int zeros = mk_is_32bit(win) ? 3 : 4;
	const uint64_t attributes = mk_random_below(&win->random, 4);
	struct nt_field count;
	uint64_t low =
		mk_bits(win, "_HANDLE_TABLE_ENTRY.Unlocked", 1) |
		mk_bits(win, "_HANDLE_TABLE_ENTRY.Attributes", attributes);

	low |= mk_bits(win, "_HANDLE_TABLE_ENTRY.ObjectPointerBits",
		       va >> zeros);
	if (mk_field(win, "_HANDLE_TABLE_ENTRY.RefCnt", &count) &&
	    count.offset == 0 && count.bit_pos + count.bit_len <= field.bit_pos)
		low |= mk_bits(win, "_HANDLE_TABLE_ENTRY.RefCnt", 0x7f3);
	return low;
}

/* Up to 7 the lowest bit says that the entry is not locked. */
static void write_entry(MkWin *win, uint64_t at, const struct handle *handle)
{
	struct nt_field field;
	uint64_t low = handle->pointer | 1;

	if (has_pointer_bits(win, &field))
		low = packed_pointer(win, field, handle->pointer);
	else
		low |= mk_random_below(&win->random, 4) << 1;
	mk_kwrite_ptr(win, at, low);
	mk_kwrite32(win, at + mk_pointer_bytes(win), handle->access);
}

/* The first entry is no handle; those that are free form a chain. */
static uint64_t make_leaf(MkWin *win)
{
	const uint64_t va = mk_pool_pages(win, &win->paged, 1);
	const uint64_t second = va + mk_pointer_bytes(win);
	struct nt_field field;

	if (has_pointer_bits(win, &field))
		return va;
	mk_kwrite32(win, second, AUDIT_INFO);
	for (uint32_t i = 1; i < per_leaf(win); i++)
		mk_kwrite32(win, second + i * entry_bytes(win),
			    (i + 1) * HANDLE_STEP);
	return va;
}

static uint32_t last_index(const struct table *table)
{
	const guint n = table->handles->len;

	return n == 0 ? 0
		      : g_array_index(table->handles, struct handle, n - 1)
				.index;
}

static void make_leaves(MkWin *win, struct table *table)
{
	const uint32_t n = last_index(table) / per_leaf(win) + 1;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t va = make_leaf(win);

		g_array_append_val(table->leaves, va);
	}
	for (guint i = 0; i < table->handles->len; i++) {
		const struct handle *handle =
			&g_array_index(table->handles, struct handle, i);
		uint64_t leaf = g_array_index(table->leaves, uint64_t,
					      handle->index / per_leaf(win));

		write_entry(win,
			    leaf + handle->index % per_leaf(win) *
					    entry_bytes(win),
			    handle);
	}
}

/* A page of pointers to leaves [from, from + per_page). */
static uint64_t make_middle(MkWin *win, const GArray *leaves, guint from)
{
	const uint64_t va = mk_pool_pages(win, &win->paged, 1);
	const guint end = MIN(leaves->len, from + per_page(win));

	for (guint i = from; i < end; i++)
		mk_kwrite_ptr(win, va + (i - from) * mk_pointer_bytes(win),
			      g_array_index(leaves, uint64_t, i));
	return va;
}

/* Root of the table with its level in the lowest bits. */
static uint64_t make_root(MkWin *win, struct table *table)
{
	const uint32_t fanout = per_page(win);
	const guint n = table->leaves->len;
	const uint64_t unit = mk_pointer_bytes(win);
	uint64_t top;

	if (n > 1)
		table->level = MAX(table->level, n > fanout ? 2 : 1);
	if (table->level == 0)
		return g_array_index(table->leaves, uint64_t, 0);
	if (table->level == 1)
		return make_middle(win, table->leaves, 0) | 1;
	g_assert(n <= TOP_POINTERS * fanout);
	top = mk_pool_alloc(win, &win->paged, TOP_POINTERS * unit, "Obtb");
	for (guint i = 0; i * fanout < n; i++)
		mk_kwrite_ptr(win, top + i * unit,
			      make_middle(win, table->leaves, i * fanout));
	/* What is behind it is another's, and not zero. */
	mk_put_unicode(win, mk_pool_alloc(win, &win->paged, 0x10, "MkUs"),
		       "behind the top table");
	return top | 2;
}

static struct table *table_new(unsigned int level)
{
	struct table *table = g_new0(struct table, 1);

	table->level = level;
	table->handles = g_array_new(FALSE, FALSE, sizeof(struct handle));
	table->leaves = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	return table;
}

static void table_free(struct table *table)
{
	g_array_unref(table->handles);
	g_array_unref(table->leaves);
	g_free(table);
}

static void make_table(MkWin *win, struct table *table, uint64_t quota,
		       uint32_t pid)
{
	const uint32_t size = mk_has(win, "_HANDLE_TABLE.TableCode")
				      ? mk_type_size(win, "_HANDLE_TABLE")
				      : 0x80;
	const uint64_t va = mk_pool_alloc(win, &win->paged, size, "Obtb");
	const bool old = win->build < MK_BUILD_8;

	make_leaves(win, table);
	table->va = va;
	mk_put_ptr(win, va, "_HANDLE_TABLE.TableCode", make_root(win, table));
	mk_put_ptr(win, va, "_HANDLE_TABLE.QuotaProcess", quota);
	if (old)
		mk_put_ptr(win, va, "_HANDLE_TABLE.UniqueProcessId", pid);
	else
		mk_put32(win, va, "_HANDLE_TABLE.UniqueProcessId", pid);
	mk_put32(win, va, "_HANDLE_TABLE.NextHandleNeedingPool",
		 table->leaves->len * per_leaf(win) * HANDLE_STEP);
	mk_put32(win, va, "_HANDLE_TABLE.HandleCount", table->handles->len);
	mk_list_init(win, va + mk_offset(win, "_HANDLE_TABLE.HandleTableList"));
}

static void add_handle(const MkWin *win, struct table *table, uint64_t body,
		       uint32_t access)
{
	const uint32_t next =
		table->handles->len == 0 ? 1 : last_index(table) + 1;
	struct handle handle = {
		.index = next,
		.pointer = body - mk_object_body(win),
		.access = access,
	};

	if (next % per_leaf(win) == 0)
		handle.index++;
	g_array_append_val(table->handles, handle);
}

/* So that a table of more than one level has more than one leaf. */
static void skip_leaf(const MkWin *win, struct table *table, uint64_t body)
{
	struct handle handle = {
		.index = (last_index(table) / per_leaf(win) + 2) *
				 per_leaf(win) +
			 3,
		.pointer = body - mk_object_body(win),
		.access = ACCESS_FILE,
	};

	if (table->level > 0)
		g_array_append_val(table->handles, handle);
}

static bool is_named(const MkProc *proc, const char *name)
{
	return proc->info.name_len == strlen(name) &&
	       memcmp(proc->info.name, name, proc->info.name_len) == 0;
}

/* csrss knows the processes of its session but itself, and their threads. */
static void add_clients(MkWin *win, struct table *table, const MkProc *csrss)
{
	for (guint i = 0; i < win->procs->len; i++) {
		MkProc *proc = g_ptr_array_index(win->procs, i);

		if (proc->info.session != csrss->info.session || proc->exited ||
		    proc->minimal || proc == csrss ||
		    proc->hide & MK_HIDE_CSRSS)
			continue;
		proc->info.in_csrss = MK_CSRSS_THREADS;
		if (!(proc->hide & MK_HIDE_CSRSS_PROCESS)) {
			proc->info.in_csrss = MK_CSRSS_PROCESS;
			add_handle(win, table, proc->info.eprocess, ACCESS_ALL);
		}
		for (guint j = 0; j < proc->threads->len; j++)
			add_handle(win, table,
				   g_array_index(proc->threads, uint64_t, j),
				   ACCESS_ALL);
	}
}

static void fill_table(MkWin *win, struct table *table, const MkProc *proc,
		       const uint64_t *objects, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mk_random_below(&win->random, 4) > 0)
			add_handle(win, table, objects[i], ACCESS_FILE);
	skip_leaf(win, table, objects[0]);
	if (is_named(proc, "csrss.exe"))
		add_clients(win, table, proc);
	else if (proc->thread)
		add_handle(win, table, proc->thread, ACCESS_ALL);
	for (guint i = 0; i < win->gifts->len; i++) {
		const struct mk_gift *gift =
			&g_array_index(win->gifts, struct mk_gift, i);

		add_handle(win, table, gift->body, gift->access);
	}
	if (table->handles->len == 0)
		add_handle(win, table, objects[0], ACCESS_FILE);
}

static void note_handles(MkWin *win, const MkProc *proc,
			 const struct table *table)
{
	for (guint i = 0; i < table->handles->len; i++) {
		const struct handle *handle =
			&g_array_index(table->handles, struct handle, i);

		mk_handle_note(win, proc, handle->index * HANDLE_STEP,
			       handle->pointer + mk_object_body(win),
			       handle->access);
	}
}

/* All that csrss told when the page could be read, it tells no more. */
static void forget_clients(MkWin *win, const MkProc *csrss)
{
	for (guint i = 0; i < win->procs->len; i++) {
		MkProc *proc = g_ptr_array_index(win->procs, i);

		if (proc->info.session == csrss->info.session)
			proc->info.in_csrss = MK_CSRSS_NO;
	}
}

/* The page is valid, but its frame is not in the image. */
static void lose_leaf(MkWin *win, const struct table *table, guint i)
{
	const uint64_t va = g_array_index(table->leaves, uint64_t, i);
	const uint64_t pa = (mk_phys_end(win->phys) + 4 * MK_LARGE_SIZE) &
			    ~(MK_PAGE_SIZE - 1);

	mk_paging_map(win->paging, va, pa + i * MK_PAGE_SIZE, MK_PAGE_SIZE,
		      mk_kernel_rights(win, va));
}

/* System's table was made for the process before it, up to 2003. */
static void make_process_table(MkWin *win, MkProc *proc,
			       const uint64_t *objects, size_t n)
{
	const bool csrss = is_named(proc, "csrss.exe");
	const bool system = proc->info.pid == MK_SYSTEM_PID;
	const bool owned = !system || win->build >= MK_BUILD_VISTA;
	struct table *table =
		table_new(csrss || system ? win->options.handle_level : 0);

	fill_table(win, table, proc, objects, n);
	note_handles(win, proc, table);
	make_table(win, table, owned ? proc->info.eprocess : 0,
		   owned ? proc->info.pid : 0);
	proc->info.object_table = table->va;
	proc->info.handle_level = table->level;
	proc->info.handles = table->handles->len;
	proc->info.in_handles = owned && !(proc->hide & MK_HIDE_HANDLES);
	mk_put_ptr(win, proc->info.eprocess, "_EPROCESS.ObjectTable",
		   table->va);
	mk_list_append(win, mk_symbol(win, "HandleTableListHead"),
		       table->va +
			       mk_offset(win, "_HANDLE_TABLE.HandleTableList"));
	if (csrss && win->options.damage.lost_handle_pages) {
		forget_clients(win, proc);
		for (guint i = 0; i < table->leaves->len; i++)
			lose_leaf(win, table, i);
	}
	table_free(table);
}

static gint compare_handles(gconstpointer a, gconstpointer b)
{
	const struct handle *left = a, *right = b;

	return left->index < right->index ? -1 : left->index > right->index;
}

/* Entries point to bodies; an id that is used twice is the living one's. */
static void add_id(struct table *table, uint32_t id, uint64_t body)
{
	const struct handle handle = {id / HANDLE_STEP, body, 0};

	g_array_append_val(table->handles, handle);
}

static bool id_is_free(const MkWin *win, const MkProc *proc)
{
	for (guint i = 0; i < win->procs->len; i++) {
		const MkProc *other = g_ptr_array_index(win->procs, i);

		if (other != proc && other->info.pid == proc->info.pid &&
		    !other->exited)
			return false;
	}
	return true;
}

static void collect_ids(MkWin *win, struct table *table)
{
	for (guint i = 0; i < win->procs->len; i++) {
		MkProc *proc = g_ptr_array_index(win->procs, i);

		if (proc->hide & MK_HIDE_CID ||
		    (proc->exited && !id_is_free(win, proc)))
			continue;
		proc->info.in_cid = true;
		add_id(table, proc->info.pid, proc->info.eprocess);
		for (guint j = 0; j < proc->threads->len; j++)
			add_id(table, g_array_index(proc->tids, uint32_t, j),
			       g_array_index(proc->threads, uint64_t, j));
	}
	g_array_sort(table->handles, compare_handles);
}

/* The leaf with the last process. */
static void lose_ids(MkWin *win, const struct table *table)
{
	const guint n = win->procs->len;
	const uint32_t lost =
		mk_win_process(win, n - 1)->pid / HANDLE_STEP / per_leaf(win);

	lose_leaf(win, table, lost);
	for (guint i = 0; i < n; i++) {
		MkProc *proc = g_ptr_array_index(win->procs, i);

		if (proc->info.pid / HANDLE_STEP / per_leaf(win) == lost)
			proc->info.in_cid = false;
	}
}

static void make_cid_table(MkWin *win)
{
	struct table *table = table_new(win->options.handle_level);

	collect_ids(win, table);
	make_table(win, table, 0, 0);
	win->kernel.cid_table = table->va;
	win->kernel.cid_level = table->level;
	mk_kwrite_ptr(win, mk_symbol(win, "PspCidTable"), table->va);
	if (win->options.damage.lost_handle_pages)
		lose_ids(win, table);
	if (win->options.damage.cid_level3) {
		uint64_t at =
			table->va + mk_offset(win, "_HANDLE_TABLE.TableCode");

		mk_kwrite_ptr(win, at, mk_kread_ptr(win, at) | 3);
		for (guint i = 0; i < win->procs->len; i++)
			((MkProc *)g_ptr_array_index(win->procs, i))
				->info.in_cid = false;
	}
	table_free(table);
}

static void make_things(MkWin *win, uint64_t *objects, size_t n)
{
	static const char *const types[] = {"File", "Event", "Key", "Section"};
	static const char *const tags[] = {"File", "Even", "Key ", "Sect"};

	for (size_t i = 0; i < n; i++)
		objects[i] = mk_object_new(win, types[i % G_N_ELEMENTS(types)],
					   0xe0, tags[i % G_N_ELEMENTS(tags)]);
	for (size_t i = 0; i < n; i++)
		mk_handled_note(win, objects[i], types[i % G_N_ELEMENTS(types)],
				NULL);
}

void mk_handles_build(MkWin *win)
{
	uint64_t objects[10];

	mk_list_init(win, mk_symbol(win, "HandleTableListHead"));
	mk_handled_build(win);
	if (!mk_has(win, "_HANDLE_TABLE.TableCode"))
		return;
	make_things(win, objects, G_N_ELEMENTS(objects));
	for (guint i = 0; i < win->procs->len; i++) {
		MkProc *proc = g_ptr_array_index(win->procs, i);

		if (!proc->exited)
			make_process_table(win, proc, objects,
					   G_N_ELEMENTS(objects));
	}
	make_cid_table(win);
}
