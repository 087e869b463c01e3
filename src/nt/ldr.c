/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modules by the lists of loaders. */
#include "config.h"

#include "base/bytes.h"
#include "base/seen.h"
#include "nt/ldr-priv.h"
#include "nt/peb.h"

enum {
	LISTS = 3,
	NAME_BYTES_MAX = 512,	/* of UTF-16 */
	PATH_BYTES_MAX = 4096,
	IN_LOAD = 1,		/* bits by position in the forms below */
	IN_MEMORY = 2,
};

/*
 * _PEB.Ldr, _PEB_LDR_DATA, _LDR_DATA_TABLE_ENTRY: these members have not moved
 * since the first release of each kind (the compiled-in layouts agree, see the
 * tests). Lists by load order, by address, by order of initialisation; the
 * third lacks what is not initialised: the program itself.
 */
struct ldr_form {
	unsigned pointer_bytes;
	uint32_t peb_ldr;
	uint32_t heads[LISTS], links[LISTS];
	uint32_t base, entry, size, path, name, timestamp;
};

static const struct ldr_form ldr_64 = {
	.pointer_bytes = 8, .peb_ldr = 0x18,
	.heads = { 0x10, 0x20, 0x30 }, .links = { 0, 0x10, 0x20 },
	.base = 0x30, .entry = 0x38, .size = 0x40, .path = 0x48,
	.name = 0x58, .timestamp = 0x80,
};

static const struct ldr_form ldr_32 = {
	.pointer_bytes = 4, .peb_ldr = 0xc,
	.heads = { 0xc, 0x14, 0x1c }, .links = { 0, 8, 0x10 },
	.base = 0x18, .entry = 0x1c, .size = 0x20, .path = 0x24,
	.name = 0x2c, .timestamp = 0x44,
};

/* An entry, and which lists have it. */
struct ldr_entry {
	uint64_t va;
	unsigned lists;
};

struct ldr_walk {
	const struct addr_space *as;
	const struct ldr_form *form;
	uint64_t end;		/* of addresses that entries can have */
	bool is_kernel;
	GArray *entries;	/* struct ldr_entry */
	GHashTable *known;	/* address (gint64 *) -> position + 1 */
	unsigned whole;		/* lists that could be read to their ends */
};

static bool is_possible(const struct ldr_walk *w, uint64_t va)
{
	if (w->is_kernel)
		return nt_is_kernel_address(w->as, va);
	return va && va < w->end;
}

static bool pointer_at(const struct ldr_walk *w, uint64_t va, uint64_t *ret)
{
	return nt_pointer_at(w->as, w->form->pointer_bytes, VIRT(va), ret);
}

static void note_entry(struct ldr_walk *w, uint64_t va, unsigned list)
{
	struct ldr_entry e = { va, 1u << list };
	gint64 key = (gint64)va, *copy;
	size_t at;

	at = GPOINTER_TO_SIZE(g_hash_table_lookup(w->known, &key));
	if (at) {
		g_array_index(w->entries, struct ldr_entry, at - 1).lists |=
			e.lists;
		return;
	}
	if (w->entries->len >= NT_MODULES_MAX)
		return;
	g_array_append_val(w->entries, e);
	copy = g_new(gint64, 1);
	*copy = key;
	g_hash_table_insert(w->known, copy,
			    GSIZE_TO_POINTER((size_t)w->entries->len));
}

/* One way round a list, by the pointer at `step` of each link; true where it
 * got back to its head. */
static bool walk_way(struct ldr_walk *w, uint64_t head, unsigned list,
		     uint32_t step, Seen *seen)
{
	uint64_t at;

	if (!pointer_at(w, head + step, &at))
		return false;
	while (at != head) {
		uint64_t next;

		if (!is_possible(w, at) || seen_enter(seen, at) != SEEN_NEW ||
		    !pointer_at(w, at + step, &next))
			return false;
		note_entry(w, at - w->form->links[list], list);
		at = next;
	}
	return true;
}

/* Forwards; and where that does not come to the end, backwards. */
static void walk_list(struct ldr_walk *w, uint64_t head, unsigned list)
{
	g_autoptr(Seen) seen = seen_new(NT_MODULES_MAX);
	g_autoptr(Seen) back = NULL;

	if (walk_way(w, head, list, 0, seen)) {
		w->whole |= 1u << list;
		return;
	}
	back = seen_new(NT_MODULES_MAX);
	(void)walk_way(w, head, list, w->form->pointer_bytes, back);
}

static void read_entry(const struct ldr_walk *w, const struct ldr_entry *e,
		       unsigned from, struct nt_found *found)
{
	const struct ldr_form *f = w->form;
	struct nt_object o = { w->as, f->pointer_bytes, VIRT(e->va) };
	struct nt_module m = { .from = from };
	unsigned both = IN_LOAD | IN_MEMORY;
	uint32_t size = 0;

	if (!nt_member_pointer(&o, f->base, &m.base) ||
	    !is_possible(w, m.base) || m.base % PAGE_SIZE_4K) {
		found->n_bad++;
		return;
	}
	(void)nt_member_pointer(&o, f->entry, &m.entry);
	(void)nt_member_u32(&o, f->size, &size);
	if (!w->is_kernel) {
		(void)nt_member_u32(&o, f->timestamp, &m.timestamp);
		if (e->lists & both && both & ~e->lists & w->whole)
			m.marks |= NT_MODULE_UNLINKED;
		if (!(e->lists & both) && both & w->whole)
			m.marks |= NT_MODULE_UNLINKED;
	}
	m.size = size;
	if (nt_found_has_room(found)) {
		m.name = nt_member_unicode(&o, f->name, NAME_BYTES_MAX);
		m.path = nt_member_unicode(&o, f->path, PATH_BYTES_MAX);
	}
	nt_found_add(found, &m);
}

/* All lists whose heads are there, and their entries. */
static enum nt_ldr_state read_lists(struct ldr_walk *w, uint64_t ldr,
				    unsigned n_lists, unsigned from,
				    struct nt_found *found)
{
	uint64_t n_bad = found->n_bad;

	w->entries = g_array_new(FALSE, FALSE, sizeof(struct ldr_entry));
	w->known = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					 NULL);
	for (unsigned i = 0; i < n_lists; i++)
		walk_list(w, ldr + (w->is_kernel ? 0 : w->form->heads[i]), i);
	for (guint i = 0; i < w->entries->len; i++)
		read_entry(w, &g_array_index(w->entries, struct ldr_entry, i),
			   from, found);
	g_hash_table_unref(w->known);
	g_array_unref(w->entries);
	return w->whole + 1 == 1u << n_lists && n_bad == found->n_bad ?
		       NT_LDR_OK : NT_LDR_CUT;
}

/* Of 32-bit Windows with /3GB: 3 GiB. */
static uint64_t user_end(const struct addr_space *own, unsigned pointer_bytes)
{
	unsigned bits = own->form->va_bits;

	if (bits == 32)
		return UINT64_C(0xc0000000);
	return pointer_bytes == 4 ? UINT64_C(1) << 32 :
				    UINT64_C(1) << (bits - 1);
}

static enum nt_ldr_state read_peb(const struct addr_space *own, VirtAddr peb,
				  unsigned pointer_bytes, unsigned from,
				  struct nt_found *found)
{
	struct ldr_walk w = {
		.as = own,
		.form = pointer_bytes == 8 ? &ldr_64 : &ldr_32,
		.end = user_end(own, pointer_bytes),
	};
	uint64_t ldr, flink;

	if (!peb.v)
		return NT_LDR_NONE;
	if (peb.v >= w.end || !pointer_at(&w, peb.v + w.form->peb_ldr, &ldr))
		return NT_LDR_LOST;
	if (!ldr)
		return NT_LDR_EMPTY;
	if (!is_possible(&w, ldr) ||
	    !pointer_at(&w, ldr + w.form->heads[0], &flink))
		return NT_LDR_LOST;
	return read_lists(&w, ldr, LISTS, from, found);
}

void nt_ldr_read(const struct addr_space *own,
		 const struct nt_profile *profile,
		 const struct nt_process *process, struct nt_modules *ret,
		 struct nt_found *found)
{
	VirtAddr narrow = nt_peb32_find(own, profile, process);

	ret->ldr = read_peb(own, process->peb, profile->pointer_bytes,
			    NT_MODULE_LDR, found);
	ret->ldr32 = read_peb(own, narrow, 4, NT_MODULE_LDR32, found);
}

static uint64_t find_list(const NtKernel *k)
{
	VirtAddr va;

	if (k->has_image &&
	    nt_kimage_symbol(&k->as, &k->image, "PsLoadedModuleList", &va))
		return va.v;
	return k->kdbg.va.v ? k->kdbg.loaded_module_list : 0;
}

void nt_modules_kernel(const NtKernel *kernel, struct nt_modules *ret)
{
	const unsigned bits = kernel->as.form->va_bits;
	struct ldr_walk w = {
		.as = &kernel->as,
		.form = bits == 32 ? &ldr_32 : &ldr_64,
		.is_kernel = true,
	};
	struct nt_found found;
	uint64_t head = find_list(kernel), first;

	*ret = (struct nt_modules){ 0 };
	nt_found_init(&found, &kernel->as, NULL);
	if (head) {
		ret->ldr = NT_LDR_LOST;
		if (pointer_at(&w, head, &first))
			ret->ldr = read_lists(&w, head, 1, NT_MODULE_KERNEL,
					      &found);
	}
	nt_found_end(&found, NULL, ret);
}
