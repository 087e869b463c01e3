/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Software PTEs read the plain way: prototype before transition before page
 * file before demand zero; what has no entry is asked of the VAD.
 */
#include "config.h"

#include "lib/mkplainsoft.h"
#include "lib/mkwin-priv.h"

#include <string.h>

#define FRAME UINT64_C(0x000ffffffffff000)
#define OFFSET (MK_PAGE_SIZE - 1)
#define LOOKUPS_MAX 64u

struct MkSoft {
	MkWin *win;
	uint64_t root;
	uint64_t mask;
	bool files;
	GArray *vads; /* struct mk_vad */
};

/* The entry that decides about an address. */
struct entry {
	uint64_t raw;
	uint64_t size;
	enum mk_state table; /* VALID, TABLE, PAGED_TABLE: where it was */
	uint64_t swap;	     /* of a table in a page file */
	bool lost;	     /* there, and that was not given */
};

/* --- fields of entries --- */

static uint64_t get(const MkSoft *soft, const char *path, uint64_t raw)
{
	struct nt_field field;

	if (!mk_field(soft->win, path, &field))
		return 0;
	return raw >> field.bit_pos & ((UINT64_C(1) << field.bit_len) - 1);
}

static uint64_t plain(const MkSoft *soft, uint64_t raw)
{
	if (get(soft, "_MMPTE_SOFTWARE.SwizzleBit", raw))
		return raw;
	return raw & ~soft->mask;
}

static bool is_transition(uint64_t raw)
{
	return (raw & (MK_PTE_P | MK_PTE_PROTO | MK_PTE_TRANSITION)) ==
	       MK_PTE_TRANSITION;
}

static uint64_t transition_pa(const MkSoft *soft, uint64_t raw)
{
	return get(soft, "_MMPTE_TRANSITION.PageFrameNumber", plain(soft, raw))
	       << 12;
}

static uint64_t page_in_file(const MkSoft *soft, uint64_t raw)
{
	return get(soft, "_MMPTE_SOFTWARE.PageFileHigh", plain(soft, raw));
}

static bool is_paged(const MkSoft *soft, uint64_t raw)
{
	return !(raw & (MK_PTE_P | MK_PTE_PROTO | MK_PTE_TRANSITION)) &&
	       page_in_file(soft, raw);
}

static uint64_t swap_of(const MkSoft *soft, uint64_t raw)
{
	return mk_swap_place(
		(unsigned int)get(soft, "_MMPTE_SOFTWARE.PageFileLow", raw),
		page_in_file(soft, raw));
}

static bool swap_bytes(const MkSoft *soft, uint64_t swap, uint8_t *bytes)
{
	const GArray *all = mk_win_paged(soft->win);

	for (guint i = 0; soft->files && i < all->len; i++) {
		const struct mk_paged *p =
			&g_array_index(all, struct mk_paged, i);

		if (mk_swap_place(p->number, p->page) != swap)
			continue;
		mk_paged_fill(soft->win, p, bytes);
		return true;
	}
	return false;
}

/* --- page tables --- */

static bool is_large(const MkSoft *soft, uint64_t raw, int level)
{
	if (level == 1)
		return true;
	if (soft->win->mode == MK_MODE_ARM64)
		return !(raw & 2);
	if (soft->win->mode == MK_MODE_PAE && level == 3)
		return false;
	return level <= 3 && raw & MK_PTE_PS;
}

/* Entries of 4 or 8 bytes, tables of 1024 or 512 of them. */
static uint64_t read_entry(const MkSoft *soft, uint64_t table,
			   const uint8_t *bytes, uint64_t va, int level)
{
	const bool narrow = soft->win->mode == MK_MODE_X86;
	const int bits = narrow ? 10 : 9;
	const unsigned int size = narrow ? 4 : 8;
	uint64_t index = va >> (12 + bits * (level - 1)) & ((1u << bits) - 1);
	uint64_t raw = 0;

	if (soft->win->mode == MK_MODE_PAE && level == 3)
		index &= 3;
	if (bytes)
		memcpy(&raw, bytes + index * size, size);
	else
		mk_phys_read(soft->win->phys, table + index * size, &raw, size);
	return GUINT64_FROM_LE(raw);
}

/* Tables themselves may be in transition, or in a page file. */
static bool next_table(const MkSoft *soft, uint64_t raw, int level,
		       uint64_t *table, uint8_t *bytes, struct entry *e)
{
	if (raw & MK_PTE_P) {
		*table = raw & FRAME;
		return true;
	}
	if (level != 2)
		return false;
	if (is_transition(raw)) {
		e->table = MK_STATE_TABLE;
		*table = transition_pa(soft, raw);
		return true;
	}
	if (!is_paged(soft, raw))
		return false;
	e->table = MK_STATE_PAGED_TABLE;
	e->swap = swap_of(soft, raw);
	e->lost = !swap_bytes(soft, e->swap, bytes);
	return !e->lost;
}

static struct entry find_entry(const MkSoft *soft, uint64_t root, uint64_t va)
{
	const int bits = soft->win->mode == MK_MODE_X86 ? 10 : 9;
	const uint64_t flags = soft->win->mode == MK_MODE_PAE ? 0x1f : OFFSET;
	struct entry e = {.table = MK_STATE_VALID, .swap = MK_NO_PA};
	uint8_t bytes[MK_PAGE_SIZE];
	uint64_t table = root & ~flags & ~MK_PTE_NX;

	for (int level = mk_paging_top(soft->win->mode);; level--) {
		const bool paged = e.table == MK_STATE_PAGED_TABLE;

		e.raw = read_entry(soft, table, paged ? bytes : NULL, va,
				   level);
		e.size = UINT64_C(1) << (12 + bits * (level - 1));
		if (level == 1 ||
		    (e.raw & MK_PTE_P && is_large(soft, e.raw, level)))
			return e;
		if (!next_table(soft, e.raw, level, &table, bytes, &e))
			break;
	}
	if (!e.lost)
		e.raw = 0;
	return e;
}

static uint64_t valid_pa(const struct entry *e, uint64_t va)
{
	return (e->raw & FRAME & ~(e->size - 1)) |
	       (va & (e->size - 1) & ~OFFSET);
}

/* --- kernel memory --- */

static bool kernel_page(const MkSoft *soft, uint64_t va, uint8_t *bytes)
{
	const struct entry e =
		find_entry(soft, mk_win_kernel(soft->win)->dtb, va);
	uint64_t pa;

	if (e.raw & MK_PTE_P)
		pa = valid_pa(&e, va);
	else if (is_transition(e.raw))
		pa = transition_pa(soft, e.raw);
	else if (is_paged(soft, e.raw))
		return swap_bytes(soft, swap_of(soft, e.raw), bytes);
	else
		return false;
	if (!mk_phys_is_ram(soft->win->phys, pa, MK_PAGE_SIZE))
		return false;
	mk_phys_read(soft->win->phys, pa, bytes, MK_PAGE_SIZE);
	return true;
}

/* In one page. */
static bool kernel_read(const MkSoft *soft, uint64_t va, void *buf, size_t len)
{
	uint8_t bytes[MK_PAGE_SIZE];

	if ((va & OFFSET) + len > MK_PAGE_SIZE || !kernel_page(soft, va, bytes))
		return false;
	memcpy(buf, bytes + (va & OFFSET), len);
	return true;
}

static uint64_t get_int(const MkSoft *soft, uint64_t va, size_t len)
{
	uint64_t value = 0;

	return kernel_read(soft, va, &value, len) ? GUINT64_FROM_LE(value) : 0;
}

static uint64_t member(const MkSoft *soft, uint64_t va, const char *path,
		       size_t len)
{
	return get_int(soft, va + mk_offset(soft->win, path), len);
}

static uint64_t pointer(const MkSoft *soft, uint64_t va, const char *path)
{
	return member(soft, va, path, mk_pointer_bytes(soft->win));
}

static uint64_t variable(const MkSoft *soft, const char *name)
{
	const GArray *all = mk_win_symbols(soft->win);

	for (guint i = 0; i < all->len; i++) {
		const struct mk_symbol *symbol =
			&g_array_index(all, struct mk_symbol, i);

		if (strcmp(symbol->name, name) == 0)
			return get_int(soft, symbol->va,
				       mk_pointer_bytes(soft->win));
	}
	g_error("no %s", name);
}

/* --- VADs --- */

static void read_range(const MkSoft *soft, uint64_t node, struct mk_vad *vad)
{
	const size_t len =
		soft->win->build < MK_BUILD_8 ? mk_pointer_bytes(soft->win) : 4;
	uint64_t first = member(soft, node, "_MMVAD_SHORT.StartingVpn", len);
	uint64_t last = member(soft, node, "_MMVAD_SHORT.EndingVpn", len);

	if (mk_has(soft->win, "_MMVAD_SHORT.StartingVpnHigh")) {
		first |= member(soft, node, "_MMVAD_SHORT.StartingVpnHigh", 1)
			 << 32;
		last |= member(soft, node, "_MMVAD_SHORT.EndingVpnHigh", 1)
			<< 32;
	}
	vad->node = node;
	vad->start = first << 12;
	vad->end = last << 12 | OFFSET;
}

static void read_tree(MkSoft *soft, uint64_t node, const char *left,
		      const char *right)
{
	struct mk_vad vad = {0};

	if (!node)
		return;
	read_range(soft, node, &vad);
	g_array_append_val(soft->vads, vad);
	read_tree(soft, pointer(soft, node, left), left, right);
	read_tree(soft, pointer(soft, node, right), left, right);
}

static void read_vads(MkSoft *soft, uint64_t eprocess)
{
	const uint32_t build = soft->win->build;
	const uint64_t root =
		eprocess + mk_offset(soft->win, "_EPROCESS.VadRoot");

	if (build < MK_BUILD_2003)
		read_tree(soft, get_int(soft, root, 4), "_MMVAD.LeftChild",
			  "_MMVAD.RightChild");
	else if (build < MK_BUILD_8)
		read_tree(soft,
			  pointer(soft, root, "_MMADDRESS_NODE.RightChild"),
			  "_MMADDRESS_NODE.LeftChild",
			  "_MMADDRESS_NODE.RightChild");
	else if (build < MK_BUILD_81)
		read_tree(soft, pointer(soft, root, "_MM_AVL_NODE.RightChild"),
			  "_MM_AVL_NODE.LeftChild", "_MM_AVL_NODE.RightChild");
	else
		read_tree(soft, pointer(soft, root, "_RTL_AVL_TREE.Root"),
			  "_RTL_BALANCED_NODE.Left",
			  "_RTL_BALANCED_NODE.Right");
}

/* --- arrays of prototype PTEs --- */

/* The first subsection of a section follows its control area. */
static uint64_t first_subsection(const MkSoft *soft, uint64_t node)
{
	if (!mk_has(soft->win, "_MMVAD.ControlArea"))
		return pointer(soft, node, "_MMVAD.Subsection");
	return pointer(soft, node, "_MMVAD.ControlArea") +
	       mk_type_size(soft->win, "_CONTROL_AREA");
}

/* The index-th one behind first, which is in sub or one after it. */
static uint64_t in_subsections(const MkSoft *soft, uint64_t sub, uint64_t first,
			       uint64_t index)
{
	const uint64_t size = mk_pte_bytes(soft->win);
	bool found = false;

	for (unsigned int i = 0; sub && i < LOOKUPS_MAX; i++) {
		const uint64_t base =
			pointer(soft, sub, "_SUBSECTION.SubsectionBase");
		const uint64_t n =
			member(soft, sub, "_SUBSECTION.PtesInSubsection", 4);

		if (!found && first >= base && first < base + n * size) {
			found = true;
			index += (first - base) / size;
		}
		if (found && index < n)
			return base + index * size;
		if (found)
			index -= n;
		sub = pointer(soft, sub, "_SUBSECTION.NextSubsection");
	}
	return 0;
}

/* Only those with the tag of long VADs have prototype PTEs. */
static bool is_long(const MkSoft *soft, uint64_t node)
{
	const uint64_t tag = mk_pointer_bytes(soft->win) == 8 ? 12 : 4;
	char text[4];

	return kernel_read(soft, node - tag, text, 4) &&
	       memcmp(text, "Vad ", 4) == 0;
}

/* Address of the prototype PTE for va, or 0. */
static uint64_t by_vad(const MkSoft *soft, uint64_t va)
{
	uint64_t first, last, at;

	for (guint i = 0; i < soft->vads->len; i++) {
		const struct mk_vad *vad =
			&g_array_index(soft->vads, struct mk_vad, i);
		const uint64_t index = (va - vad->start) >> 12;

		if (va < vad->start || va > vad->end)
			continue;
		if (!is_long(soft, vad->node))
			return 0;
		first = pointer(soft, vad->node, "_MMVAD.FirstPrototypePte");
		last = pointer(soft, vad->node, "_MMVAD.LastContiguousPte");
		at = first + index * mk_pte_bytes(soft->win);
		if (!first || at <= last)
			return first ? at : 0;
		return in_subsections(soft, first_subsection(soft, vad->node),
				      first, index);
	}
	return 0;
}

/* The address in an entry of the process; 0: look in the VAD. */
static uint64_t proto_address(const MkSoft *soft, uint64_t raw)
{
	const uint64_t high = raw & ~UINT64_C(0xfff);

	if (soft->win->mode == MK_MODE_X86) {
		if (high == 0xfffff000)
			return 0;
		if (soft->win->build < MK_BUILD_VISTA)
			return variable(soft, "MmPagedPoolStart") +
			       (raw >> 11 << 9 | (raw >> 1 & 0x7f) << 2);
		return 0x80000000 | (raw >> 1 & 0x7ffffc00) |
		       (raw << 1 & 0x3fc);
	}
	if (raw >> 32 == UINT32_MAX)
		return 0;
	if (soft->win->mode == MK_MODE_PAE)
		return raw >> 32;
	return (uint64_t)((int64_t)raw >> 16);
}

static void read_proto(const MkSoft *soft, struct mk_soft_page *page)
{
	const uint64_t raw = page->proto_raw;

	if (raw & MK_PTE_P) {
		page->state = MK_STATE_PROTOTYPE;
		page->pa = raw & FRAME;
	} else if (raw & MK_PTE_PROTO) { /* here: a subsection's address */
		page->state = MK_STATE_FILE;
	} else if (is_transition(raw)) {
		page->state = MK_STATE_PROTOTYPE;
		page->pa = transition_pa(soft, raw);
	} else if (is_paged(soft, raw)) {
		page->state = MK_STATE_PAGEFILE;
		page->swap = swap_of(soft, raw);
	} else {
		page->state = raw ? MK_STATE_DEMANDZERO : MK_STATE_ABSENT;
	}
}

/* Where it would be, were there a page file. */
static uint64_t swap_of_kernel(const MkSoft *soft, uint64_t va)
{
	const struct entry e =
		find_entry(soft, mk_win_kernel(soft->win)->dtb, va);

	return is_paged(soft, e.raw) ? swap_of(soft, e.raw) : MK_NO_PA;
}

static void follow(const MkSoft *soft, struct mk_soft_page *page)
{
	const size_t size = mk_pte_bytes(soft->win);

	if (kernel_read(soft, page->proto, &page->proto_raw, size)) {
		page->proto_raw = GUINT64_FROM_LE(page->proto_raw);
		read_proto(soft, page);
		return;
	}
	page->state = MK_STATE_PROTO_LOST;
	page->swap = swap_of_kernel(soft, page->proto);
}

static void ask_vad(const MkSoft *soft, uint64_t va, enum mk_how how,
		    struct mk_soft_page *page)
{
	page->proto = by_vad(soft, va);
	if (!page->proto)
		return;
	page->how = how;
	follow(soft, page);
}

static bool leads_nowhere(const MkSoft *soft, uint64_t va)
{
	return !find_entry(soft, mk_win_kernel(soft->win)->dtb, va).raw;
}

/* As it is; where that leads nowhere and without the mask it does, that. */
static void point(const MkSoft *soft, uint64_t va, struct mk_soft_page *page)
{
	const uint64_t cleared = page->raw & ~soft->mask;

	page->proto = proto_address(soft, page->raw);
	if (!page->proto) {
		ask_vad(soft, va, MK_HOW_MARKER, page);
		return;
	}
	page->how = MK_HOW_DIRECT;
	if (leads_nowhere(soft, page->proto) &&
	    !leads_nowhere(soft, proto_address(soft, cleared)))
		page->proto = proto_address(soft, cleared);
	follow(soft, page);
}

/* --- pages --- */

static enum mk_state valid_state(const MkSoft *soft, uint64_t pa, uint64_t size)
{
	const struct mk_run *runs;
	size_t n;

	if (mk_phys_is_ram(soft->win->phys, pa, size))
		return size > MK_PAGE_SIZE ? MK_STATE_LARGE : MK_STATE_VALID;
	runs = mk_phys_runs(soft->win->phys, &n);
	for (size_t i = 0; i < n; i++)
		if (pa < runs[i].start + runs[i].len &&
		    runs[i].start < pa + size)
			return MK_STATE_PARTIAL;
	return MK_STATE_OUTSIDE;
}

static void read_valid(const MkSoft *soft, const struct entry *e, uint64_t va,
		       struct mk_soft_page *page)
{
	page->pa = valid_pa(e, va);
	page->size = e->size;
	page->state = valid_state(soft, page->pa & ~(e->size - 1), e->size);
	if (e->table == MK_STATE_VALID || page->state != MK_STATE_VALID)
		return;
	page->state = e->table;
	page->swap = e->swap;
}

/* 22H2: an entry whose upper 17 bits are all ones, the lower 4 zero. */
static bool is_file_backed(const MkSoft *soft, uint64_t raw)
{
	return soft->win->build >= MK_BUILD_22H2 &&
	       (soft->win->mode == MK_MODE_AMD64 ||
		soft->win->mode == MK_MODE_LA57) &&
	       raw >> 47 == 0x1ffff && (raw & 0xf) == 0;
}

static void read_soft(const MkSoft *soft, struct mk_soft_page *page)
{
	const uint64_t protection =
		get(soft, "_MMPTE_SOFTWARE.Protection", page->raw);

	if (is_file_backed(soft, page->raw)) {
		page->state = MK_STATE_FILE;
	} else if (is_paged(soft, page->raw)) {
		page->state = MK_STATE_PAGEFILE;
		page->swap = swap_of(soft, page->raw);
	} else {
		page->state = protection == 0x10 ? MK_STATE_DECOMMITTED
						 : MK_STATE_DEMANDZERO;
	}
}

void mk_soft_page(const MkSoft *soft, uint64_t va, struct mk_soft_page *ret)
{
	const struct entry e = find_entry(soft, soft->root, va);

	*ret = (struct mk_soft_page){
		.state = MK_STATE_ABSENT,
		.pa = MK_NO_PA,
		.size = MK_PAGE_SIZE,
		.raw = e.raw,
		.swap = MK_NO_PA,
	};
	if (e.lost) {
		ret->state = MK_STATE_PAGEFILE;
		ret->swap = e.swap;
		ret->size = e.size;
	} else if (e.raw & MK_PTE_P) {
		read_valid(soft, &e, va, ret);
	} else if (e.raw == 0) {
		ask_vad(soft, va, MK_HOW_VAD, ret);
	} else if (e.raw & MK_PTE_PROTO) {
		point(soft, va, ret);
	} else if (is_transition(e.raw)) {
		ret->state = MK_STATE_TRANSITION;
		ret->pa = transition_pa(soft, e.raw);
	} else {
		read_soft(soft, ret);
	}
}

bool mk_soft_bytes(const MkSoft *soft, const struct mk_soft_page *page,
		   uint8_t bytes[MK_PAGE_SIZE])
{
	if (page->pa == MK_NO_PA)
		return page->state == MK_STATE_PAGEFILE &&
		       page->size == MK_PAGE_SIZE &&
		       swap_bytes(soft, page->swap, bytes);
	if (!mk_phys_is_ram(soft->win->phys, page->pa, MK_PAGE_SIZE))
		return false;
	mk_phys_read(soft->win->phys, page->pa, bytes, MK_PAGE_SIZE);
	return true;
}

const GArray *mk_soft_vads(const MkSoft *soft)
{
	return soft->vads;
}

MkSoft *mk_soft_new(MkWin *win, const struct mk_process *process, bool files)
{
	MkSoft *soft = g_new0(MkSoft, 1);

	soft->win = win;
	soft->root = process->dtb_raw;
	soft->mask = mk_win_kernel(win)->invalid_pte_mask;
	soft->files = files && mk_win_paged(win);
	soft->vads = g_array_new(FALSE, FALSE, sizeof(struct mk_vad));
	read_vads(soft, process->eprocess);
	return soft;
}

void mk_soft_free(MkSoft *soft)
{
	if (!soft)
		return;
	g_array_unref(soft->vads);
	g_free(soft);
}
