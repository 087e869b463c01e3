/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine and its kernel memory: what all parts of Windows stand on. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* A 19041 kernel with all symbols known. */
#define DEFAULT_GUID "110A2D89ED7A438FEFFC84F9CFDD6C00"
#define LOW_RAM_END UINT64_C(0x9f000)
#define POOL_HEADER_SIZE 16
/* The cast; those that options add. */
#define USUAL_PROCS 20u
#define EXTRA_PROCS 16u
/* Memory that a process takes, tables and all; and the kernel. */
#define PROC_PAGES 96
#define KERNEL_MIB 8
/* PML4 slots (fixed ones up to 10 1511; later drawn by lot). */
#define SLOT_SELF_OLD 0x1edu
#define SLOT_KUSER 0x1efu
#define SLOT_KERNEL 0x1f0u
#define SLOT_HAL 0x1ffu

bool mk_has(const MkWin *win, const char *path)
{
	struct nt_field field;

	return layout_field(win->layout, path, &field, NULL);
}

uint32_t mk_offset(const MkWin *win, const char *path)
{
	struct nt_field field;

	if (!layout_field(win->layout, path, &field, NULL))
		g_error("%s has no %s", layout_id(win->layout), path);
	return field.offset;
}

uint32_t mk_type_size(const MkWin *win, const char *type)
{
	uint32_t size;

	if (!layout_size(win->layout, type, &size))
		g_error("%s has no %s", layout_id(win->layout), type);
	return size;
}

void mk_put64(MkWin *win, uint64_t va, const char *path, uint64_t value)
{
	if (mk_has(win, path))
		mk_kwrite64(win, va + mk_offset(win, path), value);
}

unsigned int mk_pointer_bytes(const MkWin *win)
{
	enum nt_arch arch = layout_arch(win->layout);

	return arch == NT_ARCH_X86 || arch == NT_ARCH_X86PAE ? 4 : 8;
}

void mk_put_ptr(MkWin *win, uint64_t va, const char *path, uint64_t value)
{
	if (!mk_has(win, path))
		return;
	if (mk_pointer_bytes(win) == 8)
		mk_kwrite64(win, va + mk_offset(win, path), value);
	else
		mk_kwrite32(win, va + mk_offset(win, path), (uint32_t)value);
}

void mk_put32(MkWin *win, uint64_t va, const char *path, uint32_t value)
{
	if (mk_has(win, path))
		mk_kwrite32(win, va + mk_offset(win, path), value);
}

/* The layouts give bit fields in units that may reach past bit 31. */
void mk_put_bits(MkWin *win, uint64_t va, const char *path, uint64_t value)
{
	struct nt_field field;
	uint64_t mask, word;

	if (!layout_field(win->layout, path, &field, NULL))
		return;
	g_assert(field.bit_len > 0 && field.bit_len < 64);
	mask = (UINT64_C(1) << field.bit_len) - 1;
	word = mk_kread64(win, va + field.offset);
	word &= ~(mask << field.bit_pos);
	word |= (value & mask) << field.bit_pos;
	mk_kwrite64(win, va + field.offset, word);
}

uint64_t mk_bits(const MkWin *win, const char *path, uint64_t value)
{
	struct nt_field field;

	if (!layout_field(win->layout, path, &field, NULL))
		return 0;
	g_assert(field.bit_len > 0 && field.bit_len < 64);
	return (value & ((UINT64_C(1) << field.bit_len) - 1)) << field.bit_pos;
}

void mk_put_unicode(MkWin *win, uint64_t va, const char *text)
{
	glong n = 0;
	g_autofree gunichar2 *utf16 = g_utf8_to_utf16(text, -1, NULL, &n, NULL);
	const uint32_t len = (uint32_t)n * 2;
	uint64_t at;

	g_assert(utf16);
	at = mk_pool_alloc(win, &win->paged, len + 2, "MkUs");
	for (glong i = 0; i < n; i++)
		utf16[i] = GUINT16_TO_LE(utf16[i]);
	mk_kwrite(win, at, utf16, len);
	mk_kwrite32(win, va, len | (len + 2) << 16);
	mk_kwrite64(win, va + 8, at);
}

/* Physical address behind a kernel address, mapping it if need be. */
static uint64_t kernel_pa(MkWin *win, uint64_t va)
{
	const uint64_t page = va & ~(MK_PAGE_SIZE - 1);
	uint64_t pa;

	if (mk_paging_walk(win->paging, va, &pa, NULL))
		return pa;
	pa = mk_phys_page(win->phys);
	mk_paging_map(win->paging, page, pa, MK_PAGE_SIZE,
		      mk_kernel_rights(win, page));
	return pa + (va - page);
}

void mk_kwrite(MkWin *win, uint64_t va, const void *buf, size_t len)
{
	const uint8_t *src = buf;

	while (len > 0) {
		size_t n = MIN(len, MK_PAGE_SIZE - va % MK_PAGE_SIZE);

		mk_phys_write(win->phys, kernel_pa(win, va), src, n);
		va += n;
		src += n;
		len -= n;
	}
}

void mk_kread(MkWin *win, uint64_t va, void *buf, size_t len)
{
	uint8_t *dest = buf;

	while (len > 0) {
		size_t n = MIN(len, MK_PAGE_SIZE - va % MK_PAGE_SIZE);

		mk_phys_read(win->phys, kernel_pa(win, va), dest, n);
		va += n;
		dest += n;
		len -= n;
	}
}

void mk_kwrite64(MkWin *win, uint64_t va, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	mk_kwrite(win, va, &value, sizeof(value));
}

void mk_kwrite32(MkWin *win, uint64_t va, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	mk_kwrite(win, va, &value, sizeof(value));
}

uint64_t mk_kread64(MkWin *win, uint64_t va)
{
	uint64_t value;

	mk_kread(win, va, &value, sizeof(value));
	return GUINT64_FROM_LE(value);
}

/* The header as _POOL_HEADER of x64: sizes in units of 16 bytes, the tag. */
uint64_t mk_pool_alloc(MkWin *win, struct mk_pool *pool, size_t size,
		       const char *tag)
{
	const uint64_t blocks = (size + 15) / 16 + 1;
	const uint64_t va = pool->next;
	uint32_t value;

	g_assert(strlen(tag) == 4);
	memcpy(&value, tag, sizeof(value));
	pool->next += blocks * 16 + 16 * mk_random_below(&win->random, 4);
	mk_kwrite32(win, va, (uint32_t)MIN(blocks, 0xff) << 16 | 0x02000000);
	mk_kwrite(win, va + 4, &value, sizeof(value));
	/* So that the whole block is mapped. */
	for (uint64_t at = va; at < va + blocks * 16; at += MK_PAGE_SIZE)
		mk_kread64(win, at);
	mk_kread64(win, va + blocks * 16 - 8);
	return va + POOL_HEADER_SIZE;
}

void mk_list_init(MkWin *win, uint64_t head)
{
	mk_kwrite64(win, head, head);
	mk_kwrite64(win, head + 8, head);
}

void mk_list_append(MkWin *win, uint64_t head, uint64_t entry)
{
	const uint64_t last = mk_kread64(win, head + 8);

	mk_kwrite64(win, entry, head);
	mk_kwrite64(win, entry + 8, last);
	mk_kwrite64(win, last, entry);
	mk_kwrite64(win, head + 8, entry);
}

uint64_t mk_root_page(MkWin *win)
{
	uint64_t pa = win->dtb_next;

	if (win->options.dtb_at_mib == 0)
		return mk_phys_page(win->phys);
	win->dtb_next += MK_PAGE_SIZE;
	return pa;
}

static void add_ram(MkWin *win)
{
	const uint64_t size = win->options.size_mib * MK_MIB;
	const uint64_t tail = win->options.tail;
	uint64_t end = size;

	mk_phys_add_ram(win->phys, MK_PAGE_SIZE, LOW_RAM_END - MK_PAGE_SIZE);
	if (!win->options.hole) {
		mk_phys_add_ram(win->phys, MK_MIB, size - MK_MIB + tail);
	} else {
		const uint64_t part = size / 8 * 2;

		mk_phys_add_ram(win->phys, MK_MIB, 2 * part - MK_MIB);
		mk_phys_add_ram(win->phys, 2 * part + 16 * MK_MIB, part);
		mk_phys_add_ram(win->phys, 4 * MK_GIB, part + tail);
		end = 4 * MK_GIB + part;
	}
	if (tail)
		win->partial_pa = end;
}

/* Room for two PML4s of each process, wherever they are wanted. */
static void claim_roots(MkWin *win)
{
	const uint64_t n =
		2 * (MAX(win->options.procs, USUAL_PROCS) + EXTRA_PROCS);

	win->dtb_next = win->options.dtb_at_mib * MK_MIB;
	if (win->dtb_next)
		mk_phys_claim(win->phys, win->dtb_next, n * MK_PAGE_SIZE);
}

static void claim_fixed(MkWin *win)
{
	uint64_t dtb = win->kernel.build >= MK_BUILD_1607 ? 0x1ad000 : 0x187000;

	claim_roots(win);
	if (win->options.dtb_at_mib)
		dtb = mk_root_page(win);
	else
		mk_phys_claim(win->phys, dtb, MK_PAGE_SIZE);
	win->kernel.dtb = dtb;
	mk_phys_claim(win->phys, MK_LOWSTUB, MK_PAGE_SIZE);
	/* What is wiped takes the low stub and System's PML4, no more. */
	mk_phys_avoid_below(win->phys,
			    win->options.damage.zero_first_mib * MK_MIB);
}

/* Large contiguous runs first, while memory is whole. */
static void claim_bulk(MkWin *win)
{
	uint64_t left = win->options.bulk_mib * MK_MIB / 2;

	win->bulk = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	win->bulk_run = 2 * MK_LARGE_SIZE;
	while (left >= win->bulk_run) {
		uint64_t pa = mk_phys_large(win->phys, 2);

		g_array_append_val(win->bulk, pa);
		left -= win->bulk_run;
	}
}

static uint64_t slot_va(uint64_t slot)
{
	return mk_paging_canonical(MK_MODE_AMD64, slot << 39);
}

/* A free slot of the kernel half that is none of those taken. */
static unsigned int draw_slot(MkWin *win, unsigned int *taken, size_t *n)
{
	for (;;) {
		unsigned int slot = 0x110 + (unsigned int)mk_random_below(
						    &win->random, 0xd0);
		bool used = false;

		for (size_t i = 0; i < *n; i++)
			used |= taken[i] == slot;
		if (used)
			continue;
		taken[(*n)++] = slot;
		return slot;
	}
}

static void choose_regions(MkWin *win)
{
	const uint32_t build = win->kernel.build;
	unsigned int taken[8], self = SLOT_SELF_OLD, nonpaged, paged;
	size_t n = 0;

	if (build < 9200) {
		nonpaged = 0x1f5;
		paged = 0x1f1;
	} else if (build < MK_BUILD_1607) {
		nonpaged = 0x1c0;
		paged = 0x180;
	} else {
		nonpaged = draw_slot(win, taken, &n);
		paged = draw_slot(win, taken, &n);
		self = draw_slot(win, taken, &n);
	}
	win->kernel.self_map = self;
	win->nonpaged.base = slot_va(nonpaged) + 0x80000000;
	win->paged.base = slot_va(paged) + 0x4000000;
	win->nonpaged.next = win->nonpaged.base + 0x80;
	win->paged.next = win->paged.base + 0x80;
}

/* Regions of which real machines have much and this one a page each. */
static void fill_regions(MkWin *win)
{
	static const unsigned int slots[] = {0x1f2, 0x1f6, 0x1f8, SLOT_HAL};

	for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
		uint64_t va = slot_va(slots[i]) + 0x2d800000 + (i << 12);

		if (slots[i] == win->kernel.self_map)
			continue;
		mk_kwrite64(win, va, win->options.seed ^ va);
	}
}

/* The first user part of a table entry is private; the kernel's is shared. */
static void share_kernel_half(MkWin *win, uint64_t root, bool shadow)
{
	const uint64_t self = win->kernel.self_map;

	for (uint64_t slot = 256; slot < 512; slot++) {
		uint64_t raw =
			mk_phys_read64(win->phys, win->kernel.dtb + slot * 8);

		if (slot == self)
			raw = root | 0x63 |
			      (win->kernel.build >= MK_BUILD_1607 ? MK_PTE_NX
								  : 0);
		else if (shadow && slot != SLOT_KERNEL)
			continue;
		mk_phys_write64(win->phys, root + slot * 8, raw);
	}
}

static void share_kernel(MkWin *win)
{
	share_kernel_half(win, win->kernel.dtb, false);
	for (guint i = 0; i < win->procs->len; i++) {
		const MkProc *proc = g_ptr_array_index(win->procs, i);

		if (proc->paging)
			share_kernel_half(win, mk_paging_root(proc->paging),
					  false);
		if (proc->user_paging)
			share_kernel_half(
				win, mk_paging_root(proc->user_paging), true);
	}
}

static void fill_page(void *user, uint32_t tag, uint64_t va, uint8_t *page)
{
	const MkWin *win = user;

	mk_page_fill(win->options.seed, tag, va, page);
}

static bool choose_layout(MkWin *win, GError **error)
{
	const struct mk_options *options = &win->options;
	const char *guid = options->guid;

	if (options->layout)
		win->layout = layouts_find(options->layout);
	else
		win->known = kernels_find(guid ? guid : DEFAULT_GUID,
					  options->age ? options->age : 1);
	if (win->known)
		win->layout = kernel_layout(win->known);
	if (!win->layout) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "no layout known for %s",
			    options->layout ? options->layout
			    : guid	    ? guid
					    : DEFAULT_GUID);
		return false;
	}
	if (layout_arch(win->layout) != NT_ARCH_AMD64 ||
	    layout_la57(win->layout) || layout_build(win->layout) < 7600) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s: only x64 from Windows 7 on can be made",
			    layout_id(win->layout));
		return false;
	}
	return true;
}

static void build_windows(MkWin *win)
{
	win->kernel.build = layout_build(win->layout);
	win->kernel.layout = layout_id(win->layout);
	win->kva = !win->options.no_kva &&
		   mk_has(win, "_KPROCESS.UserDirectoryTableBase");
	win->kernel.highest_user = win->kernel.build < MK_BUILD_81
					   ? UINT64_C(0x7fffffeffff)
					   : UINT64_C(0x7ffffffeffff);
	win->time = win->kernel.time = UINT64_C(133483445670000000) +
				       (win->options.seed % 1000) * 10000000;
	claim_fixed(win);
	claim_bulk(win);
	win->paging = mk_paging_new(win->phys, MK_MODE_AMD64, win->kernel.dtb);
	mk_paging_set_table_bits(win->paging, UINT64_C(0x0a00000000000867),
				 UINT64_C(0x0a00000000000863));
	choose_regions(win);
	mk_kernel_choose(win);
	mk_kernel_build(win);
	mk_data_build(win);
	fill_regions(win);
	mk_procs_build(win);
	mk_damage_extra(win);
	mk_data_finish(win);
	share_kernel(win);
	mk_damage_apply(win);
}

static bool check_options(const struct mk_options *options, GError **error)
{
	const uint64_t size = options->size_mib;
	const uint64_t procs_mib =
		options->procs * PROC_PAGES * MK_PAGE_SIZE / MK_MIB;
	const char *wrong = NULL;

	if (size < 16 || size > 65536 || (options->hole && size < 32))
		wrong = "size";
	else if (options->hole && options->no_windows &&
		 options->paging == MK_MODE_X86)
		wrong = "hole";
	else if (options->damage.zero_first_mib + 2 * KERNEL_MIB > size)
		wrong = "zero-first";
	else if (options->tail >= MK_PAGE_SIZE)
		wrong = "tail";
	else if (options->dtb_at_mib && options->dtb_at_mib + 2 > size)
		wrong = "dtb-at";
	else if (options->bulk_mib && options->bulk_mib + 32 > size)
		wrong = "bulk";
	else if (procs_mib + options->bulk_mib + KERNEL_MIB > size)
		wrong = "procs";
	if (wrong)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s does not fit a machine of %" G_GUINT64_FORMAT
			    " MiB",
			    wrong, size);
	return !wrong;
}

MkWin *mk_win_new(const struct mk_options *options, GError **error)
{
	g_autoptr(MkWin) win = g_new0(MkWin, 1);

	win->options = *options;
	if (win->options.size_mib == 0)
		win->options.size_mib = 64;
	win->procs = g_ptr_array_new_with_free_func(mk_proc_free);
	win->made = g_array_new(FALSE, FALSE, sizeof(struct mk_made_symbol));
	if (!check_options(&win->options, error))
		return NULL;
	win->random.state = mk_random_mix(options->seed ^ 0x77696e);
	win->phys = mk_phys_new(options->seed);
	mk_phys_set_fill(win->phys, fill_page, win);
	add_ram(win);
	if (options->no_windows) {
		mk_plain_build(win);
		return g_steal_pointer(&win);
	}
	if (!choose_layout(win, error))
		return NULL;
	build_windows(win);
	return g_steal_pointer(&win);
}

void mk_win_free(MkWin *win)
{
	if (!win)
		return;
	g_clear_pointer(&win->procs, g_ptr_array_unref);
	g_clear_pointer(&win->made, g_array_unref);
	g_clear_pointer(&win->kernel_pages, g_array_unref);
	g_clear_pointer(&win->bulk, g_array_unref);
	mk_paging_free(win->paging);
	mk_phys_free(win->phys);
	g_free(win);
}
