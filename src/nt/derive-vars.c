/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's variables without symbols. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "nt/derive-priv.h"
#include "nt/handle.h"
#include "nt/machine.h"

enum {
	TYPE_TABLE_FIRST = 2,	/* index of the type "Type", 7 and later */
	TYPE_TABLE_LAST = 255,
	TABLES_MAX = 4096,	/* handle tables looked at in one ring */
	POINTERS_MAX = 1 << 20,	/* looked behind; a kernel has fewer */
};

static void report(NtKernel *k, const char *name, enum nt_derived_kind kind,
		   uint64_t value, struct nt_derived how)
{
	how.name = name;
	how.kind = kind;
	how.value = value;
	derive_report(k, &how);
}

static void set_var(NtKernel *k, enum nt_var_id id, uint64_t va,
		    unsigned n_for)
{
	k->vars[id] = (struct nt_var){ VIRT(va), "derived" };
	report(k, nt_var_name(id), NT_DERIVED_ADDRESS, va,
	       (struct nt_derived){ .n_for = n_for });
}

static bool in_image(const NtKernel *k, uint64_t va)
{
	return !k->has_image || !k->image.has_pe ||
	       va - k->image.base.v < k->image.pe.size;
}

static void derive_active_head(NtKernel *k)
{
	const struct nt_eprocess_layout *e = &k->profile.eprocess;
	struct samples s;

	samples_gather(&s, &k->as, k->system.eprocess, e->links, e->pid);
	if (s.list_head && in_image(k, s.list_head))
		set_var(k, NT_PS_ACTIVE_PROCESS_HEAD, s.list_head, s.all->len);
	samples_clear(&s);
}

/* Is there a table around this node: does the process that it is charged to
 * say that it is its own? System's may be charged to nobody. */
static bool node_is_in_table(const NtKernel *k, uint64_t node)
{
	const struct nt_handle_layout *h = &k->profile.handle;
	unsigned n = k->profile.pointer_bytes;
	uint64_t table = node - h->table_list, owner, own;
	struct nt_object process = { &k->as, n, k->system.eprocess };

	if (h->quota_process == NT_ABSENT ||
	    !nt_pointer_at(&k->as, n, VIRT(table + h->quota_process), &owner))
		return false;
	if (owner)
		process.va = VIRT(owner);
	return nt_is_kernel_address(&k->as, process.va.v) &&
	       nt_member_pointer(&process, k->profile.eprocess.object_table,
				 &own) &&
	       own == table;
}

/* The kernel's variables are near each other; pools are elsewhere. */
static bool is_near_variables(const NtKernel *k, uint64_t va)
{
	uint64_t head = k->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v;

	return !head || va - (head - NT_AROUND_VARIABLES) <
				2 * NT_AROUND_VARIABLES;
}

static bool may_be_table_head(const NtKernel *k, uint64_t node)
{
	if (k->has_image && k->image.has_pe)
		return in_image(k, node);
	return is_near_variables(k, node) && !node_is_in_table(k, node);
}

/* The one node of the ring of tables that lies in the kernel's image, or
 * would have to if that were known. */
static void derive_table_head(NtKernel *k)
{
	struct nt_object system = { &k->as, k->profile.pointer_bytes,
				    k->system.eprocess };
	uint64_t table, start, node, found = 0;
	unsigned n = 0;

	if (k->profile.handle.table_list == NT_ABSENT ||
	    !nt_member_pointer(&system, k->profile.eprocess.object_table,
			       &table) ||
	    !nt_is_kernel_address(&k->as, table))
		return;
	start = node = table + k->profile.handle.table_list;
	for (; n < TABLES_MAX; n++) {
		if (!nt_pointer_at(&k->as, system.pointer_bytes, VIRT(node),
				   &node) ||
		    !nt_is_kernel_address(&k->as, node) || node == start)
			break;
		if (!may_be_table_head(k, node))
			continue;
		if (found)
			return;
		found = node;
	}
	if (found)
		set_var(k, NT_HANDLE_TABLE_LIST_HEAD, found, n);
}

/* Does the entry of a pid in this table hold its process? */
static bool table_has(const NtKernel *k, const struct nt_handle_layout *l,
		      uint64_t table, uint32_t pid, uint64_t eprocess)
{
	unsigned n = k->profile.pointer_bytes;
	uint64_t per_leaf = PAGE_SIZE_4K / (2 * n);
	uint64_t index = pid / 4, leaf = index / per_leaf;
	uint64_t code, page, word;
	unsigned level;

	if (!nt_pointer_at(&k->as, n, VIRT(table + l->table_code), &code))
		return false;
	level = code & 7;
	page = code & ~UINT64_C(7);
	if (level > 2)
		return false;
	while (level--) {
		uint64_t slot = level ? leaf / (PAGE_SIZE_4K / n) :
					leaf % (PAGE_SIZE_4K / n);

		if (!nt_is_kernel_address(&k->as, page) ||
		    !nt_pointer_at(&k->as, n, VIRT(page + slot * n), &page))
			return false;
	}
	page += index % per_leaf * 2 * n;
	return nt_is_kernel_address(&k->as, page) &&
	       nt_pointer_at(&k->as, n, VIRT(page), &word) &&
	       nt_handle_decode(l, n, word) == eprocess;
}

/* How many processes of the list are in the table: the hidden and the exited
 * are not. */
static unsigned count_in_table(const NtKernel *k,
			       const struct nt_handle_layout *l,
			       uint64_t variable)
{
	const struct nt_eprocess_layout *e = &k->profile.eprocess;
	struct samples s;
	unsigned n = 0;
	uint64_t table;

	if (!nt_pointer_at(&k->as, k->profile.pointer_bytes, VIRT(variable),
			   &table))
		return 0;
	samples_gather(&s, &k->as, k->system.eprocess, e->links, e->pid);
	for (guint i = 0; i < s.all->len; i++) {
		const struct sample *p = g_ptr_array_index(s.all, i);

		n += table_has(k, l, table, p->pid, p->va);
	}
	samples_clear(&s);
	return n;
}

/* Is System the entry 4 of the table? *layout says how to read it then. */
static bool is_cid_table(const NtKernel *k, uint64_t table,
			 struct nt_handle_layout *layout)
{
	*layout = k->profile.handle;
	return nt_handle_learn(&k->as, k->profile.pointer_bytes, VIRT(table),
			       k->system.eprocess.v, layout);
}

/* Handle tables look as the one that was found does. */
static void accept_form(NtKernel *k, const struct nt_handle_layout *found)
{
	struct nt_handle_layout *h = &k->profile.handle;

	if (h->known && h->table_code == found->table_code &&
	    h->pointer.bit_pos == found->pointer.bit_pos &&
	    h->pointer.bit_len == found->pointer.bit_len)
		return;
	*h = *found;
	h->known = k->profile.object.body != NT_ABSENT;
	report(k, "_HANDLE_TABLE.TableCode", NT_DERIVED_OFFSET, h->table_code,
	       (struct nt_derived){ .n_for = 1 });
	report(k, "_HANDLE_TABLE_ENTRY.ObjectPointerBits", NT_DERIVED_NUMBER,
	       h->pointer.bit_pos, (struct nt_derived){ .n_for = 1 });
}

/* A table whose place is known tells its form as well, where that is not known
 * for certain. */
static void check_form(NtKernel *k)
{
	struct nt_handle_layout form;
	uint64_t table;

	if (!k->profile_exact &&
	    nt_kernel_var(k, NT_PSP_CID_TABLE, &table) &&
	    is_cid_table(k, table, &form))
		accept_form(k, &form);
}

/* Name of an _OBJECT_TYPE; NULL where there is none. */
static char *type_name(const NtKernel *k, uint64_t va)
{
	struct nt_object o = { &k->as, k->profile.pointer_bytes, VIRT(va) };

	return nt_member_unicode(&o, k->profile.object.type_name, 64);
}

/* Cheap: the length of "Type" where its name would be. */
static bool may_be_type(const NtKernel *k, uint64_t va)
{
	uint8_t raw[2];

	return k->profile.object.type_name != NT_ABSENT &&
	       vtop_read(&k->as, VIRT(va + k->profile.object.type_name), raw,
			 sizeof raw) &&
	       load_le16(raw) == 8;
}

struct var_scan {
	NtKernel *k;
	bool want_cid, want_types;
	uint64_t cid_table;	/* address of the variable */
	uint64_t type_table;
	struct nt_handle_layout form;
	unsigned pointers_left;
	VirtAddr image; /* where it is known */
	uint64_t image_len;
};

/* The entry of "Type" is the third; "Directory" follows it. */
static bool is_type_table(const NtKernel *k, uint64_t entry_va, uint64_t type)
{
	g_autofree char *name = type_name(k, type);
	g_autofree char *next_name = NULL;
	unsigned n = k->profile.pointer_bytes;
	uint64_t next;

	if (g_strcmp0(name, "Type") ||
	    !nt_pointer_at(&k->as, n, VIRT(entry_va + n), &next) ||
	    !nt_is_kernel_address(&k->as, next))
		return false;
	next_name = type_name(k, next);
	return !g_strcmp0(next_name, "Directory");
}

static bool var_page(void *ctx, VirtAddr va, const uint8_t *page)
{
	struct var_scan *s = ctx;
	unsigned n = s->k->profile.pointer_bytes;

	for (unsigned i = 0; i < PAGE_SIZE_4K; i += n) {
		uint64_t v = n == 8 ? load_le64(page + i) :
				      load_le32(page + i);

		/* Tables and types are in pool: most pointers in an image lead
		 * into it. */
		if (v % 8 || !nt_is_kernel_address(&s->k->as, v) ||
		    v - s->image.v < s->image_len)
			continue;
		if (!s->pointers_left--)
			return false;
		if (s->want_cid && is_cid_table(s->k, v, &s->form)) {
			s->want_cid = false;
			s->cid_table = va.v + i;
		}
		if (s->want_types && may_be_type(s->k, v) &&
		    is_type_table(s->k, va.v + i, v)) {
			s->want_types = false;
			s->type_table = va.v + i - TYPE_TABLE_FIRST * n;
		}
		if (!s->want_cid && !s->want_types)
			return false;
	}
	return true;
}

/* Index of "Process" in the table; 0 where it is not there. */
static unsigned process_index(const NtKernel *k, uint64_t table)
{
	unsigned n = k->profile.pointer_bytes;

	for (unsigned i = TYPE_TABLE_FIRST; i <= TYPE_TABLE_LAST; i++) {
		g_autofree char *name = NULL;
		uint64_t type;

		if (!nt_pointer_at(&k->as, n, VIRT(table + (uint64_t)i * n),
				   &type) ||
		    !nt_is_kernel_address(&k->as, type))
			return 0;
		name = type_name(k, type);
		if (!g_strcmp0(name, "Process"))
			return i;
	}
	return 0;
}

/* What index the headers of all processes have in common, once the byte of
 * their address is taken out. */
static void derive_cookie(NtKernel *k, unsigned index)
{
	const struct nt_eprocess_layout *e = &k->profile.eprocess;
	unsigned n_for = 0, n_plain = 0;
	uint8_t first = 0, raw;
	struct samples s;

	if (!index)
		return;
	samples_gather(&s, &k->as, k->system.eprocess, e->links, e->pid);
	for (guint i = 0; i < s.all->len; i++) {
		const struct sample *p = g_ptr_array_index(s.all, i);
		uint64_t header = p->va - k->profile.object.body;
		uint8_t byte;

		if (!vtop_read(&k->as,
			       VIRT(header + k->profile.object.type_index),
			       &raw, 1))
			continue;
		byte = (uint8_t)(raw ^ (header >> 8));
		first = n_for ? first : byte;
		n_for += byte == first;
		n_plain += raw == index;
	}
	/* 7 to 8.1 have plain indexes. */
	if (n_plain < n_for && n_for > s.all->len / 2)
		report(k, "ObHeaderCookie", NT_DERIVED_NUMBER, first ^ index,
		       (struct nt_derived){
			       .n_for = n_for,
			       .n_against = s.all->len - n_for });
	samples_clear(&s);
}

static void scan_variables(NtKernel *k)
{
	struct var_scan s = {
		.k = k,
		.pointers_left = POINTERS_MAX,
		.want_cid = !k->vars[NT_PSP_CID_TABLE].va.v,
		.want_types = !k->vars[NT_OB_TYPE_INDEX_TABLE].va.v &&
			      k->profile.object.type_index != NT_ABSENT,
	};
	uint64_t start, len;

	if ((!s.want_cid && !s.want_types) ||
	    !nt_kernel_variables(k, &start, &len))
		return;
	if (k->has_image && k->image.has_pe) {
		s.image = k->image.base;
		s.image_len = k->image.pe.size;
	}
	nt_scan_range(&k->as, VIRT(start), len, UINT64_MAX, var_page, &s);
	if (s.cid_table) {
		set_var(k, NT_PSP_CID_TABLE, s.cid_table,
			count_in_table(k, &s.form, s.cid_table));
		accept_form(k, &s.form);
	}
	if (s.type_table) {
		unsigned index = process_index(k, s.type_table);

		set_var(k, NT_OB_TYPE_INDEX_TABLE, s.type_table, 2 + index);
		derive_cookie(k, index);
	}
}

static void log_derived(const NtKernel *k, Log *log)
{
	for (guint i = 0; k->derived && i < k->derived->len; i++) {
		const struct nt_derived *d =
			&g_array_index(k->derived, struct nt_derived, i);

		if (d->kind == NT_DERIVED_ADDRESS)
			log_add(log, LOG_INFO, "profile",
				"%s: derived, " PRIADDR, d->name, d->value);
	}
}

void nt_derive_variables(NtKernel *k, Log *log)
{
	if (!k->has_system)
		return;
	if (!k->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v)
		derive_active_head(k);
	check_form(k);
	scan_variables(k);
	if (!k->vars[NT_HANDLE_TABLE_LIST_HEAD].va.v)
		derive_table_head(k);
	derive_ptes(k, log);
	log_derived(k, log);
}
