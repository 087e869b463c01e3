/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine and its kernel memory: what all parts of Windows stand on. */
#include "config.h"

#include "lib/mkthread.h"
#include "lib/mkwin-priv.h"

#include <string.h>

/* A 19041 kernel with all symbols known. */
#define DEFAULT_GUID "110A2D89ED7A438FEFFC84F9CFDD6C00"
/* So far from any release is the build of a kernel that nobody knows. */
#define UNKNOWN_BUILDS 977u
#define LOW_RAM_END UINT64_C(0x9f000)
/* The cast; those that options add. */
#define USUAL_PROCS 20u
#define EXTRA_PROCS 16u
/* Memory that a process takes, tables and all; and the kernel. */
#define PROC_PAGES 96
#define KERNEL_MIB 8
static void add_ram(MkWin *win)
{
	const uint64_t size = win->options.size_mib * MK_MIB;
	const uint64_t tail = win->options.tail;
	uint64_t end = size;

	mk_phys_add_ram(win->phys, MK_PAGE_SIZE, LOW_RAM_END - MK_PAGE_SIZE);
	if (win->options.hole_at_mib) {
		const uint64_t low = win->options.hole_at_mib * MK_MIB;

		mk_phys_add_ram(win->phys, MK_MIB, low - MK_MIB);
		mk_phys_add_ram(win->phys, 4 * MK_GIB, size - low + tail);
		end = 4 * MK_GIB + size - low;
	} else if (!win->options.hole) {
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
	claim_roots(win);
	mk_space_claim_system(win);
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
	if (win->options.scatter || win->options.stripes)
		return;
	while (left >= win->bulk_run) {
		uint64_t pa = mk_phys_large(win->phys, 2);

		g_array_append_val(win->bulk, pa);
		left -= win->bulk_run;
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
	return true;
}

static enum mk_mode mode_of(const struct nt_layout *layout)
{
	switch (layout_arch(layout)) {
	case NT_ARCH_X86:
		return MK_MODE_X86;
	case NT_ARCH_X86PAE:
		return MK_MODE_PAE;
	case NT_ARCH_ARM64:
		return MK_MODE_ARM64;
	case NT_ARCH_AMD64:
		break;
	}
	return layout_la57(layout) ? MK_MODE_LA57 : MK_MODE_AMD64;
}

/* MmSystemRangeStart, MmHighestUserAddress. */
static void choose_halves(MkWin *win)
{
	const bool big = win->options.three_gb;

	if (mk_is_32bit(win)) {
		win->system_start = big ? 0xc0000000 : 0x80000000;
		win->kernel.highest_user = win->system_start - 0x10001;
		return;
	}
	win->system_start = mk_paging_canonical(
		win->mode,
		256 * mk_paging_span(win->mode, mk_paging_top(win->mode)));
	win->kernel.highest_user = win->build < MK_BUILD_81
					   ? UINT64_C(0x7fffffeffff)
					   : UINT64_C(0x7ffffffeffff);
}

static void choose_machine(MkWin *win)
{
	win->build = layout_build(win->layout);
	win->kernel.build = win->build;
	if (win->options.build)
		win->kernel.build = win->options.build;
	else if (win->options.damage.kernel_unknown)
		win->kernel.build += UNKNOWN_BUILDS;
	win->kernel.layout = layout_id(win->layout);
	win->mode = mode_of(win->layout);
	/* What has five levels needs no KVA shadow. */
	win->kva = !win->options.no_kva && win->mode == MK_MODE_AMD64 &&
		   mk_has(win, "_KPROCESS.UserDirectoryTableBase");
	/* The kernels of XP that are tested are for one processor. */
	win->single = win->build < MK_BUILD_2003;
	win->n_cpus = win->single ? 1 : G_N_ELEMENTS(win->cpus);
	win->time = win->kernel.time = UINT64_C(133483445670000000) +
				       (win->options.seed % 1000) * 10000000;
	choose_halves(win);
}

static void build_windows(MkWin *win)
{
	choose_machine(win);
	claim_fixed(win);
	claim_bulk(win);
	win->paging = mk_space_new(win, win->kernel.dtb);
	mk_space_choose(win);
	mk_kernel_choose(win);
	mk_kernel_build(win);
	mk_data_build(win);
	mk_objects_build(win);
	mk_page_files_build(win);
	mk_sessions_build(win);
	mk_space_fill(win);
	mk_procs_build(win);
	mk_store_build(win);
	mk_damage_extra(win);
	mk_handles_build(win);
	mk_procs_hide(win);
	mk_cpus_build(win);
	mk_debug_build(win);
	mk_threads_clock(win);
	mk_space_share(win);
	mk_sections_finish(win);
	mk_damage_apply(win);
}

static void free_paged(gpointer data)
{
	struct mk_paged *paged = data;

	g_free(paged->bytes);
}

static void begin_states(MkWin *win)
{
	win->sections = g_ptr_array_new_with_free_func(mk_section_free);
	win->array_pages =
		g_array_new(FALSE, FALSE, sizeof(struct mk_array_page));
	win->paged_out = g_array_new(FALSE, FALSE, sizeof(struct mk_paged));
	g_array_set_clear_func(win->paged_out, free_paged);
	win->kernel_extra = g_array_new(FALSE, FALSE, sizeof(struct mk_page));
}

static bool check_options(const struct mk_options *options, GError **error)
{
	const uint64_t size = options->size_mib;
	const uint64_t procs_mib =
		options->procs * PROC_PAGES * MK_PAGE_SIZE / MK_MIB;
	/* Of stripes, the page tables: a fraction of a percent. */
	const uint64_t bulk_mib =
		options->stripes ? options->bulk_mib / 64 : options->bulk_mib;
	const char *wrong = NULL;

	if (size < 16 || size > 65536 || (options->hole && size < 32))
		wrong = "size";
	else if (options->hole && options->no_windows &&
		 options->paging == MK_MODE_X86)
		wrong = "hole";
	else if (options->damage.zero_first_mib + 2 * KERNEL_MIB > size)
		wrong = "zero-first";
	else if (options->damage.shift_eprocess % 8)
		wrong = "shift-eprocess";
	else if (options->tail >= MK_PAGE_SIZE)
		wrong = "tail";
	else if (options->hole_at_mib &&
		 (options->hole || options->hole_at_mib >= size ||
		  options->hole_at_mib < 32 || options->hole_at_mib > 4096))
		wrong = "hole-at";
	else if (options->dtb_at_mib &&
		 options->dtb_at_mib + 2 >
			 size + (options->hole_at_mib ?
					 4096 - options->hole_at_mib :
					 0))
		wrong = "dtb-at";
	else if (options->store > 15 ||
		 (options->page_files && options->store &&
		  options->store != MK_STORE_IN_TABLE))
		wrong = "store";
	else if (bulk_mib && bulk_mib + 32 > size)
		wrong = "bulk";
	else if (procs_mib + bulk_mib + KERNEL_MIB > size)
		wrong = "procs";
	if (wrong)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s does not fit a machine of %" G_GUINT64_FORMAT
			    " MiB",
			    wrong, size);
	return !wrong;
}

/* What a machine with this layout cannot have. */
static bool check_machine(const MkWin *win, GError **error)
{
	const struct mk_options *options = &win->options;
	const enum nt_arch arch = layout_arch(win->layout);
	const bool narrow = arch == NT_ARCH_X86 || arch == NT_ARCH_X86PAE;
	const char *wrong = NULL;

	/* Some ARM64 layouts have no more than a few members. */
	if (!mk_has(win, "_KPROCESS.DirectoryTableBase") ||
	    !mk_has(win, "_EPROCESS.ImageFileName"))
		wrong = "too little is known";
	else if (options->store && !mk_store_possible(win))
		wrong = "store";
	else if (!narrow)
		wrong = options->three_gb ? "3gb" : NULL;
	else if (options->gig)
		wrong = "gig";
	else if (options->bulk_mib > 1024)
		wrong = "bulk";
	else if (arch == NT_ARCH_X86 &&
		 (options->hole || options->hole_at_mib))
		wrong = "hole";
	if (wrong)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s: not on a machine with layout %s", wrong,
			    layout_id(win->layout));
	return !wrong;
}

MkWin *mk_win_new(const struct mk_options *options, GError **error)
{
	g_autoptr(MkWin) win = g_new0(MkWin, 1);

	win->options = *options;
	win->options.states |= options->damage.bad_vads;
	if (win->options.size_mib == 0)
		win->options.size_mib = 64;
	win->procs = g_ptr_array_new_with_free_func(mk_proc_free);
	win->drivers = g_array_new(FALSE, FALSE, sizeof(struct mk_module));
	win->made = g_array_new(FALSE, FALSE, sizeof(struct mk_made_symbol));
	win->swapped = g_array_new(FALSE, FALSE, sizeof(struct mk_swapped));
	win->threads = g_array_new(FALSE, FALSE, sizeof(struct mk_thread));
	win->store_pages =
		g_array_new(FALSE, FALSE, sizeof(struct mk_store_page));
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
	if (!choose_layout(win, error) || !check_machine(win, error))
		return NULL;
	if (win->options.states)
		begin_states(win);
	build_windows(win);
	return g_steal_pointer(&win);
}

void mk_win_free(MkWin *win)
{
	if (!win)
		return;
	g_clear_pointer(&win->procs, g_ptr_array_unref);
	g_clear_pointer(&win->idle, mk_proc_free);
	g_clear_pointer(&win->made, g_array_unref);
	g_clear_pointer(&win->drivers, g_array_unref);
	g_clear_pointer(&win->store_pages, g_array_unref);
	g_clear_pointer(&win->threads, g_array_unref);
	g_clear_pointer(&win->symbols, g_array_unref);
	g_clear_pointer(&win->kernel_pages, g_array_unref);
	g_clear_pointer(&win->bulk, g_array_unref);
	g_clear_pointer(&win->sections, g_ptr_array_unref);
	g_clear_pointer(&win->array_pages, g_array_unref);
	g_clear_pointer(&win->paged_out, g_array_unref);
	g_clear_pointer(&win->kernel_extra, g_array_unref);
	g_clear_pointer(&win->swapped, g_array_unref);
	g_clear_pointer(&win->handled, g_array_unref);
	g_clear_pointer(&win->handles, g_array_unref);
	g_clear_pointer(&win->gifts, g_array_unref);
	mk_paging_free(win->paging);
	for (size_t i = 0; i < G_N_ELEMENTS(win->sessions); i++)
		mk_paging_free(win->sessions[i].paging);
	mk_phys_free(win->phys);
	g_free(win);
}
