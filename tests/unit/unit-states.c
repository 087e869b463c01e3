/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines in all states for the tests. */
#include "config.h"

#include "unit/unit-states.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "nt/softkernel.h"

/* --- page files --- */

/* All that the builder tells is in it, at its place; the rest is a hole. */
static uint64_t write_told(const struct unit_states *s, unsigned number,
			   const char *path)
{
	const GArray *all = mk_win_paged(s->t.w.win);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t end = 0;

	ck_assert_int_ge(fd, 0);
	for (guint i = 0; all && i < all->len; i++) {
		const struct mk_paged *p =
			&g_array_index(all, struct mk_paged, i);
		uint64_t off = p->page * MK_PAGE_SIZE;
		uint8_t bytes[MK_PAGE_SIZE];

		if (p->number != number)
			continue;
		mk_paged_fill(s->t.w.win, p, bytes);
		ck_assert_int_eq(pwrite(fd, bytes, sizeof bytes, (off_t)off),
				 (ssize_t)sizeof bytes);
		end = MAX(end, off + MK_PAGE_SIZE);
	}
	ck_assert_int_eq(close(fd), 0);
	return end;
}

static int compare_places(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Half of what is in it is behind its end; the page there is cut. */
static void cut_file(struct unit_states *s, unsigned number, const char *path)
{
	const GArray *all = mk_win_paged(s->t.w.win);
	g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	uint64_t end;

	for (guint i = 0; i < all->len; i++) {
		const struct mk_paged *p =
			&g_array_index(all, struct mk_paged, i);

		if (p->number == number)
			g_array_append_val(places, p->page);
	}
	ck_assert_uint_gt(places->len, 4);
	g_array_sort(places, compare_places);
	end = g_array_index(places, uint64_t, places->len / 2) * MK_PAGE_SIZE +
	      MK_PAGE_SIZE - 1;
	ck_assert_int_eq(truncate(path, (off_t)end), 0);
	s->file_bytes[number] = end;
}

static char *file_path(const struct unit_states *s, unsigned number)
{
	g_autofree char *name = g_strdup_printf("page%u", number);

	return g_build_filename(s->dir, name, NULL);
}

static void add_file(struct unit_states *s, unsigned number, uint64_t bytes)
{
	g_autofree char *path = file_path(s, number);

	if (!bytes)
		return;
	s->file_bytes[number] = bytes;
	if (s->options.files == UNIT_FILES_SHORT && number == 0)
		cut_file(s, number, path);
	ck_assert(page_files_add(s->files, number, path, NULL));
}

/* Of Windows' table where there is one, else what the builder tells. */
static void make_files(struct unit_states *s)
{
	const struct mk_page_file *table;
	size_t n;

	s->files = page_files_new();
	if (s->options.files == UNIT_FILES_NONE)
		return;
	table = mk_win_page_files(s->t.w.win, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		g_autofree char *path = file_path(s, table[i].number);

		if (!table[i].name)
			continue;
		ck_assert(mk_win_write_page_file(s->t.w.win, table[i].number,
						 path, NULL));
		add_file(s, table[i].number, table[i].pages * MK_PAGE_SIZE);
	}
	for (unsigned i = 0; i < 2 && !n; i++) {
		g_autofree char *path = file_path(s, i);

		add_file(s, i, write_told(s, i, path));
	}
}

/* --- machines --- */

/* The debugger block is in one page. */
static void wipe_kdbg(struct unit_states *s)
{
	const struct mk_kernel *k = mk_win_kernel(s->t.w.win);
	const GArray *pages = mk_win_kernel_pages(s->t.w.win);
	uint64_t pa = MK_NO_PA;

	for (guint i = 0; i < pages->len; i++) {
		const struct mk_page *p =
			&g_array_index(pages, struct mk_page, i);

		if (k->kdbg >= p->va && k->kdbg - p->va < p->size)
			pa = p->pa + (k->kdbg - p->va);
	}
	ck_assert(pa != MK_NO_PA);
	mk_phys_zero(mk_win_phys(s->t.w.win), pa, 0x340);
}

static void find_kernel(struct unit_states *s)
{
	enum unit_source source = s->options.source;
	struct nt_hints hints = { .no_profile = source == UNIT_DERIVED };
	struct unit_win *w = &s->t.w;
	g_autofree char *symbols = NULL;

	if (source == UNIT_ISF || source == UNIT_PDB) {
		symbols = g_build_filename(
			s->dir, source == UNIT_PDB ? "k.pdb" : "k.json", NULL);
		ck_assert(mk_win_write_symbols(
			w->win, source == UNIT_PDB ? symbols : NULL,
			source == UNIT_ISF ? symbols : NULL, NULL));
		hints.profile_file = symbols;
	}
	unit_mem_init(&w->mem, mk_win_phys(w->win));
	w->log = log_new();
	w->kernel = nt_kernel_find(w->mem.pm, w->mem.image, &hints, w->log);
	ck_assert_msg(w->kernel && w->kernel->has_system, "%s", s->id);
}

void unit_states_init(struct unit_states *s,
		      const struct unit_states_options *options)
{
	static const struct proc_select all = { .methods = METHODS_ALL };

	*s = (struct unit_states){ .options = *options,
				   .id = options->machine.layout };
	/* Nobody has published those structures of ARM64: the builder's
	 * symbol files do not have them either. */
	s->no_vads = layout_arch(layouts_find(s->id)) == NT_ARCH_ARM64;
	s->dir = unit_dir_new();
	s->t.w.win = mk_win_new(&options->machine, NULL);
	ck_assert_msg(s->t.w.win != NULL, "%s", s->id);
	if (options->no_kdbg)
		wipe_kdbg(s);
	find_kernel(s);
	make_files(s);
	nt_soft_open_swap(s->t.w.kernel, s->files, s->t.w.log);
	s->t.procs = procset_build(s->t.w.kernel, &all, s->t.w.log);
}

void unit_states_add_tree(struct unit_states *s,
			  const struct tree_options *options)
{
	struct unit_tree *t = &s->t;

	t->tree = tree_new(t->w.mem.image, t->w.mem.pm, t->w.kernel, t->procs,
			   t->w.log, options);
}

void unit_states_clear(struct unit_states *s)
{
	unit_tree_clear(&s->t);
	page_files_free(s->files);
	unit_dir_free(s->dir);
}

const char *const *unit_states_families(int *n)
{
	static const char *families[128];
	int n_families = 0;

	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);

		if ((layout_arch(layout) != NT_ARCH_ARM64 ||
		     layout_build(layout) >= 19041) &&
		    n_families < (int)G_N_ELEMENTS(families))
			families[n_families++] = layout_id(layout);
	}
	*n = n_families;
	return families;
}

bool unit_states_is_told(const struct mk_process *process)
{
	return process->dtb_raw &&
	       !(process->name_len > 3 && !memcmp(process->name, "vad", 3));
}

const struct proc_entry *unit_states_entry(const struct unit_states *s,
					   const struct mk_process *process)
{
	size_t at = procset_find_eprocess(s->t.procs, VIRT(process->eprocess));

	ck_assert_msg(at != SIZE_MAX, "%s: no pid %u", s->id, process->pid);
	return procset_get(s->t.procs, at);
}

/* --- what should be --- */

static bool in_file(const struct unit_states *s, uint64_t swap)
{
	unsigned number = (unsigned)(swap >> 44) & 15;
	uint64_t off = swap & ((UINT64_C(1) << 44) - 1);

	return off + MK_PAGE_SIZE <= s->file_bytes[number];
}

/* Is it the number of the store, for which there is no file? */
static bool is_virtual(const struct unit_states *s, uint64_t swap)
{
	const struct mk_page_file *files;
	size_t n;

	files = mk_win_page_files(s->t.w.win, &n, NULL);
	for (size_t i = 0; i < n; i++)
		if (files[i].number == (swap >> 44 & 15))
			return !files[i].name;
	return s->options.machine.store == (swap >> 44 & 15) &&
	       s->options.machine.store;
}

static struct unit_expect swapped(const struct unit_states *s, uint64_t swap)
{
	return (struct unit_expect){
		is_virtual(s, swap) ? PAGE_COMPRESSED :
		in_file(s, swap)    ? PAGE_PAGEFILE :
				      PAGE_PAGED_OUT,
		swap,
	};
}

static struct unit_expect nothing(enum page_state state)
{
	return (struct unit_expect){ state, MK_NO_PA };
}

/* What the plain reader found, which had all page files. */
static struct unit_expect by_plain(const struct unit_states *s,
				   const struct mk_soft_page *got)
{
	switch (got->state) {
	case MK_STATE_PROTOTYPE:
		return (struct unit_expect){ PAGE_PROTOTYPE, got->pa };
	case MK_STATE_FILE:
		return nothing(PAGE_FILE);
	case MK_STATE_PAGEFILE:
		return swapped(s, got->swap);
	case MK_STATE_ABSENT:
		return nothing(got->raw ? PAGE_DEMAND_ZERO : PAGE_ABSENT);
	default:
		ck_abort_msg("%s: %s", s->id, mk_state_name(got->state));
	}
}

static struct unit_expect in_memory(const struct unit_states *s,
				    enum page_state state, uint64_t pa)
{
	if (!mk_phys_is_ram(mk_win_phys(s->t.w.win), pa, 1))
		state = PAGE_OUTSIDE;
	return (struct unit_expect){ state, pa };
}

struct unit_expect unit_states_expect(const struct unit_states *s,
				      const MkSoft *plain,
				      const struct mk_page *page,
				      uint64_t skip)
{
	static const enum page_state states[] = {
		[MK_STATE_DEMANDZERO] = PAGE_DEMAND_ZERO,
		[MK_STATE_RESERVED] = PAGE_RESERVED,
		[MK_STATE_FILE] = PAGE_FILE,
		[MK_STATE_DECOMMITTED] = PAGE_DECOMMITTED,
		/* an entry that promises a page: zeros, if anything */
		[MK_STATE_ABSENT] = PAGE_DEMAND_ZERO,
	};
	struct mk_soft_page got;

	if (s->no_vads && page->how == MK_HOW_MARKER)
		return nothing(PAGE_PROTOTYPE_LOST);
	if (s->no_vads && page->how == MK_HOW_VAD)
		return nothing(PAGE_ABSENT);
	switch (page->state) {
	case MK_STATE_VALID:
	case MK_STATE_LARGE:
	case MK_STATE_PARTIAL:
	case MK_STATE_OUTSIDE:
	case MK_STATE_TABLE:
		return in_memory(s, PAGE_VALID, page->pa + skip);
	case MK_STATE_TRANSITION:
		return in_memory(s, PAGE_TRANSITION, page->pa);
	case MK_STATE_PROTOTYPE:
		return in_memory(s, PAGE_PROTOTYPE, page->pa);
	case MK_STATE_PAGEFILE:
		return swapped(s, page->swap);
	case MK_STATE_STORE:
		return nothing(PAGE_STORE);
	case MK_STATE_COMPRESSED:
		return nothing(PAGE_COMPRESSED);
	case MK_STATE_PAGED_TABLE:
		return in_file(s, page->swap) ?
			       in_memory(s, PAGE_VALID, page->pa) :
			       swapped(s, page->swap);
	case MK_STATE_PROTO_LOST:
		if (page->swap == MK_NO_PA || !in_file(s, page->swap))
			return nothing(PAGE_PROTOTYPE_LOST);
		mk_soft_page(plain, page->va, &got);
		return by_plain(s, &got);
	case MK_STATE_DEMANDZERO:
	case MK_STATE_RESERVED:
	case MK_STATE_FILE:
	case MK_STATE_DECOMMITTED:
	case MK_STATE_ABSENT:
		break;
	}
	return nothing(states[page->state]);
}

/* Beside pages whose table is in a page file, there is nothing either; but
 * without the file nobody knows. */
struct unit_expect unit_states_unlisted(const struct unit_states *s,
					const MkSoft *plain,
					const MkSoft *bare, uint64_t va)
{
	struct mk_soft_page got;

	mk_soft_page(bare, va, &got);
	if (got.state == MK_STATE_PAGEFILE && !in_file(s, got.swap))
		return swapped(s, got.swap);
	mk_soft_page(plain, va, &got);
	return by_plain(s, &got);
}

static void from_file(const struct unit_states *s, uint64_t swap,
		      uint8_t bytes[MK_PAGE_SIZE])
{
	g_autofree char *path = file_path(s, (unsigned)(swap >> 44) & 15);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, bytes, MK_PAGE_SIZE,
			       (off_t)(swap & ((UINT64_C(1) << 44) - 1))),
			 MK_PAGE_SIZE);
	ck_assert_int_eq(close(fd), 0);
}

void unit_states_bytes(const struct unit_states *s,
		       const struct mk_process *process,
		       const struct mk_page *page,
		       const struct unit_expect *expect, uint64_t skip,
		       uint8_t bytes[MK_PAGE_SIZE])
{
	uint64_t seed = s->options.machine.seed;
	MkWin *win = s->t.w.win;

	if (expect->state == PAGE_STORE)
		mk_content_fill(seed, process->pid, page->va, page->content,
				bytes);
	else if (expect->state == PAGE_PAGEFILE)
		from_file(s, expect->pa, bytes);
	else if (page->content == MK_CONTENT_SHARED)
		mk_page_fill(seed, 0, page->proto, bytes);
	else if (page->content == MK_CONTENT_LABEL &&
		 page->state != MK_STATE_PARTIAL)
		mk_page_fill(seed, process->pid, page->va + skip, bytes);
	else
		mk_phys_read(mk_win_phys(win), expect->pa, bytes,
			     MK_PAGE_SIZE);
}
