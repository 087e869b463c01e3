/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in a made-up machine: accessors, page contents, the truth file. */
#include "config.h"

#include "lib/mkcounters.h"
#include "lib/mkthread.h"
#include "lib/mkhandled.h"

#include <inttypes.h>
#include <string.h>

#define LABEL_SIZE 64
#define FRAME_MASK UINT64_C(0x000ffffffffff000)

void mk_page_fill(uint64_t seed, uint32_t pid, uint64_t va,
		  uint8_t page[MK_PAGE_SIZE])
{
	struct mk_random random = {
		mk_random_mix(seed) ^ mk_random_mix(va ^ (uint64_t)pid << 48),
	};
	uint64_t word;

	memset(page, 0, LABEL_SIZE);
	g_snprintf((char *)page, LABEL_SIZE,
		   "WINPROCFS pid=%" PRIu32 " va=%016" PRIx64, pid, va);
	for (size_t i = LABEL_SIZE; i < MK_PAGE_SIZE; i += sizeof(word)) {
		word = GUINT64_TO_LE(mk_random_next(&random));
		memcpy(page + i, &word, sizeof(word));
	}
}

void mk_content_fill(uint64_t seed, uint32_t pid, uint64_t va,
		     enum mk_content content, uint8_t page[MK_PAGE_SIZE])
{
	const uint64_t place[2] = {GUINT64_TO_LE(va), GUINT64_TO_LE(pid)};
	const size_t period = 16u << (va / MK_PAGE_SIZE) % 7;

	memset(page, 0, MK_PAGE_SIZE);
	if (content == MK_CONTENT_LABEL || content == MK_CONTENT_PACKED)
		mk_page_fill(seed, pid, va, page);
	if (content != MK_CONTENT_PACKED)
		return;
	for (size_t i = period; i < MK_PAGE_SIZE; i++)
		page[i] = page[i - period];
	memcpy(page + 0x800, place, sizeof(place));
}

MkPhys *mk_win_phys(MkWin *win)
{
	return win->phys;
}

const struct mk_kernel *mk_win_kernel(const MkWin *win)
{
	return &win->kernel;
}

size_t mk_win_n_processes(const MkWin *win)
{
	return win->procs->len;
}

const struct mk_process *mk_win_process(const MkWin *win, size_t index)
{
	const MkProc *proc = g_ptr_array_index(win->procs, index);

	return &proc->info;
}

const GArray *mk_win_store_pages(const MkWin *win)
{
	return win->store_pages;
}

uint64_t mk_win_sm_globals(const MkWin *win)
{
	return win->sm_globals;
}

const struct mk_page *mk_process_page(const struct mk_process *process,
				      uint64_t va)
{
	guint from = 0, to = process->pages->len;

	while (from < to) {
		const guint middle = from + (to - from) / 2;
		const struct mk_page *page = &g_array_index(
			process->pages, struct mk_page, middle);

		if (va < page->va)
			to = middle;
		else if (va - page->va >= page->size)
			from = middle + 1;
		else
			return page;
	}
	return NULL;
}

const struct mk_process *mk_win_find(const MkWin *win, const char *name)
{
	for (guint i = 0; i < win->procs->len; i++) {
		const struct mk_process *info = mk_win_process(win, i);

		if (strlen(name) == info->name_len &&
		    memcmp(name, info->name, info->name_len) == 0)
			return info;
	}
	return NULL;
}

const struct mk_cpu *mk_win_cpus(const MkWin *win, size_t *n)
{
	*n = win->options.no_windows ? 1 : win->n_cpus;
	return win->cpus;
}

static void note_kernel_page(MkWin *win, uint64_t va, uint64_t raw, int level)
{
	const uint64_t size = mk_paging_span(win->mode, level);
	struct mk_page page = {
		.va = va,
		.pa = raw & FRAME_MASK & ~(size - 1),
		.size = size,
		.raw = raw,
		.rights = mk_raw_rights(win, raw),
		.state = level > 1 ? MK_STATE_LARGE : MK_STATE_VALID,
		.content = MK_CONTENT_OTHER,
		.swap = MK_NO_PA,
	};

	if (level == 1 && !mk_phys_is_ram(win->phys, page.pa, size)) {
		page.state = MK_STATE_OUTSIDE;
		page.content = MK_CONTENT_NONE;
	}
	g_array_append_val(win->kernel_pages, page);
}

/* Five levels at most. */
static void list_table(MkWin *win, uint64_t va, int level)
{
	const uint64_t span = mk_paging_span(win->mode, level);
	const unsigned int n = mk_paging_entries(win->mode, level);
	const int shared = mk_is_32bit(win) ? 2 : mk_paging_top(win->mode);

	for (unsigned int i = 0; i < n; i++) {
		uint64_t at = mk_paging_canonical(win->mode, va + i * span);
		uint64_t raw;

		if (at + (span - 1) < win->system_start ||
		    (level <= shared && mk_space_is_self(win, at)))
			continue;
		raw = mk_paging_peek(win->paging, at, level);
		if (!(raw & MK_PTE_P))
			continue;
		if (mk_is_leaf(win, raw, level))
			note_kernel_page(win, at, raw, level);
		else
			list_table(win, at, level - 1);
	}
}

static int compare_pages(gconstpointer a, gconstpointer b)
{
	const struct mk_page *left = a, *right = b;

	return left->va < right->va ? -1 : left->va > right->va;
}

/* Those that are not valid. */
static void add_extra(MkWin *win)
{
	g_array_append_vals(win->kernel_pages, win->kernel_extra->data,
			    win->kernel_extra->len);
	g_array_sort(win->kernel_pages, compare_pages);
}

const GArray *mk_win_paged(const MkWin *win)
{
	return win->paged_out;
}

const GArray *mk_win_kernel_pages(MkWin *win)
{
	if (!win->kernel_pages) {
		win->kernel_pages =
			g_array_new(FALSE, FALSE, sizeof(struct mk_page));
		list_table(win, 0, mk_paging_top(win->mode));
		if (win->kernel_extra)
			add_extra(win);
	}
	return win->kernel_pages;
}

bool mk_win_write(MkWin *win, const char *path, enum mk_format format,
		  GError **error)
{
	struct mk_write_options options = {.format = format};

	options.cpus = mk_win_cpus(win, &options.n_cpus);
	return mk_write(win->phys, path, &options, error);
}

const char *mk_state_name(enum mk_state state)
{
	switch (state) {
	case MK_STATE_VALID:
		return "valid";
	case MK_STATE_LARGE:
		return "large";
	case MK_STATE_PARTIAL:
		return "partial";
	case MK_STATE_OUTSIDE:
		return "outside";
	case MK_STATE_TRANSITION:
		return "transition";
	case MK_STATE_TABLE:
		return "table";
	case MK_STATE_PROTOTYPE:
		return "prototype";
	case MK_STATE_PAGEFILE:
		return "pagefile";
	case MK_STATE_STORE:
		return "store";
	case MK_STATE_COMPRESSED:
		return "compressed";
	case MK_STATE_DEMANDZERO:
		return "demandzero";
	case MK_STATE_RESERVED:
		return "reserved";
	case MK_STATE_FILE:
		return "file";
	case MK_STATE_DECOMMITTED:
		return "decommitted";
	case MK_STATE_PROTO_LOST:
		return "protolost";
	case MK_STATE_ABSENT:
		return "absent";
	case MK_STATE_PAGED_TABLE:
		return "pagedtable";
	}
	return "?";
}

static const char *content_name(enum mk_content content)
{
	switch (content) {
	case MK_CONTENT_NONE:
		return "-";
	case MK_CONTENT_LABEL:
		return "label";
	case MK_CONTENT_MARKER:
		return "marker";
	case MK_CONTENT_OTHER:
		return "other";
	case MK_CONTENT_SHARED:
		return "shared";
	case MK_CONTENT_PAGED:
		return "paged";
	case MK_CONTENT_PACKED:
		return "packed";
	case MK_CONTENT_ZERO:
		return "zero";
	}
	return "?";
}

void mk_rights_text(unsigned int rights, char text[5])
{
	text[0] = rights & MK_RIGHT_W	    ? 'w'
		  : rights & MK_RIGHT_CLEAN ? 'W'
					    : '-';
	text[1] = rights & MK_RIGHT_U ? 'u' : 'k';
	text[2] = rights & MK_RIGHT_X ? 'x' : '-';
	text[3] = rights & MK_RIGHT_C ? 'c' : '-';
	text[4] = '\0';
}

static void put_hex(GString *out, const char *text, size_t len)
{
	g_string_append_c(out, '\t');
	if (len == 0)
		g_string_append_c(out, '-');
	for (size_t i = 0; i < len; i++)
		g_string_append_printf(out, "%02x", (unsigned char)text[i]);
}

/* The columns that only machines with all states have. */
static void put_how(GString *out, const struct mk_page *page)
{
	static const char *const hows[] = {
		[MK_HOW_NONE] = "-",
		[MK_HOW_DIRECT] = "direct",
		[MK_HOW_MARKER] = "marker",
		[MK_HOW_VAD] = "vad",
	};

	g_string_append_printf(out, "\t%s", hows[page->how]);
	if (page->proto)
		g_string_append_printf(out, "\t0x%" PRIx64 "\t0x%" PRIx64,
				       page->proto, page->proto_raw);
	else
		g_string_append(out, "\t-\t-");
	if (page->swap != MK_NO_PA)
		g_string_append_printf(out, "\t0x%" PRIx64, page->swap);
	else
		g_string_append(out, "\t-");
}

static void put_paged(GString *out, const GArray *paged)
{
	for (guint i = 0; i < paged->len; i++) {
		const struct mk_paged *p =
			&g_array_index(paged, struct mk_paged, i);

		g_string_append_printf(out, "paged\t%u\t0x%" PRIx64 "\t",
				       p->number, p->page);
		if (!p->bytes) {
			g_string_append_printf(out,
					       "%" PRIu32 "\t0x%" PRIx64 "\n",
					       p->pid, p->va);
			continue;
		}
		g_string_append_c(out, '-');
		put_hex(out, (const char *)p->bytes, MK_PAGE_SIZE);
		g_string_append_c(out, '\n');
	}
}

static void put_page(GString *out, const struct mk_page *page, bool how)
{
	char rights[5];

	mk_rights_text(page->rights, rights);
	g_string_append_printf(out, "0x%" PRIx64 "\t", page->va);
	if (page->pa == MK_NO_PA)
		g_string_append(out, "-");
	else
		g_string_append_printf(out, "0x%" PRIx64, page->pa);
	g_string_append_printf(out, "\t0x%" PRIx64 "\t%s\t%s\t%s\t0x%" PRIx64,
			       page->size, rights, mk_state_name(page->state),
			       content_name(page->content), page->raw);
	if (how)
		put_how(out, page);
	g_string_append_c(out, '\n');
}

/* The second half of a proc record. */
static void put_methods(GString *out, const struct mk_process *info)
{
	g_string_append_printf(
		out,
		"\t%d\t%d\t%d\t%d\t0x%" PRIx32 "\t0x%x\t0x%" PRIx64
		"\t0x%" PRIx64 "\t%u\t%u\t%d\t%d\n",
		(int)info->in_csrss, info->in_cid, info->in_session,
		info->in_handles, info->exit_status, info->protection,
		info->peb32, info->object_table, info->handle_level,
		info->handles, info->type_zero, info->running);
}

static void put_params(GString *out, const struct mk_process *info)
{
	g_autoptr(GString) all = g_string_new(NULL);

	if (!info->image_path)
		return;
	g_string_append_printf(out, "params\t%" PRIu32 "\t0x%" PRIx64,
			       info->pid, info->eprocess);
	put_hex(out, info->image_path, strlen(info->image_path));
	put_hex(out, info->command_line, strlen(info->command_line));
	put_hex(out, info->directory,
		info->directory ? strlen(info->directory) : 0);
	for (guint i = 0; i < info->environment->len; i++) {
		g_string_append(all, g_ptr_array_index(info->environment, i));
		g_string_append_c(all, '\0');
	}
	put_hex(out, all->str, all->len);
	g_string_append_c(out, '\n');
}

static void put_name(GString *out, const struct mk_process *info,
		     uint64_t start, uint64_t pages, const char *name)
{
	if (start)
		g_string_append_printf(out,
				       "name\t%" PRIu32 "\t0x%" PRIx64
				       "\t0x%" PRIx64 "\t%s\n",
				       info->pid, start,
				       start + pages * MK_PAGE_SIZE - 1, name);
}

static void put_names(GString *out, const struct mk_process *info)
{
	put_name(out, info, info->heap, 0x40, "[heap]");
	put_name(out, info, info->peb, 1, "[peb]");
	put_name(out, info, info->peb32, 1, "[peb]");
}

static void put_process(GString *out, const struct mk_process *info, bool how)
{
	g_string_append_printf(out, "proc\t%" PRIu32 "\t%" PRIu32 "\t",
			       info->pid, info->ppid);
	for (uint8_t i = 0; i < info->name_len; i++)
		g_string_append_printf(out, "%02x", info->name[i]);
	if (info->name_len == 0)
		g_string_append(out, "-");
	g_string_append_printf(
		out,
		"\t0x%" PRIx64 "\t0x%" PRIx64 "\t0x%" PRIx64 "\t%" PRIu64
		"\t%" PRIu64 "\t%d\t%" PRIu32 "\t%d\t%d\t0x%" PRIx64,
		info->eprocess, info->dtb_raw, info->user_dtb_raw,
		info->create_time, info->exit_time, info->session,
		info->threads, info->wow64, info->in_list, info->peb);
	put_methods(out, info);
	put_params(out, info);
	put_names(out, info);
	for (guint i = 0; i < info->pages->len; i++) {
		g_string_append_printf(out, "page\t%" PRIu32 "\t", info->pid);
		put_page(out, &g_array_index(info->pages, struct mk_page, i),
			 how);
	}
	for (guint i = 0; i < info->vads->len; i++) {
		const struct mk_vad *vad =
			&g_array_index(info->vads, struct mk_vad, i);

		g_string_append_printf(
			out,
			"vad\t%" PRIu32 "\t0x%" PRIx64 "\t0x%" PRIx64
			"\t%u\t%u\t%d\t0x%" PRIx64 "\t%s\t%" PRIu64 "\n",
			info->pid, vad->start, vad->end, vad->protection,
			vad->type, vad->is_private, vad->node,
			vad->file ? vad->file : "-", vad->commit);
	}
}

static void put_damage(GString *out, const struct mk_damage *damage)
{
	const struct {
		const char *name;
		uint64_t value;
	} list[] = {
		{"zero-kernel-header", damage->zero_kernel_header},
		{"unmap-kernel-header", damage->unmap_kernel_header},
		{"no-rsds", damage->no_rsds},
		{"no-smss", damage->no_smss},
		{"no-lowstub", damage->no_lowstub},
		{"no-kuser", damage->no_kuser},
		{"loop-list", damage->loop_list},
		{"list-to-user", damage->list_to_user},
		{"dup-pid", damage->dup_pid},
		{"self-tables", damage->self_tables},
		{"kernel-unknown", damage->kernel_unknown},
		{"no-exports", damage->no_exports},
		{"shift-eprocess", damage->shift_eprocess},
		{"cid-level3", damage->cid_level3},
		{"lost-handle-pages", damage->lost_handle_pages},
		{"lost-mask", damage->lost_mask},
		{"bad-vads", damage->bad_vads},
		{"break-flink", damage->break_flink},
		{"break-blink", damage->break_blink},
		{"bad-dtb", damage->bad_dtb},
		{"zero-first", damage->zero_first_mib},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(list); i++)
		if (list[i].value)
			g_string_append_printf(out, "damage\t%s\t%" PRIu64 "\n",
					       list[i].name, list[i].value);
}

static void put_kernel(GString *out, const MkWin *win)
{
	const struct mk_kernel *kernel = &win->kernel;

	g_string_append_printf(out,
			       "kernel\t0x%" PRIx64 "\t0x%" PRIx64
			       "\t0x%" PRIx64 "\t%" PRIu32 "\t%s\t%" PRIu32
			       "\t%s\t%s\t%u\t0x%" PRIx64 "\t0x%" PRIx64
			       "\t0x%" PRIx64 "\t0x%" PRIx64 "\t%" PRIu64 "\n",
			       kernel->base, kernel->size, kernel->dtb,
			       kernel->build, kernel->guid, kernel->age,
			       kernel->layout, win->version, kernel->self_map,
			       kernel->invalid_pte_mask, kernel->highest_user,
			       kernel->active_head, kernel->kdbg, kernel->time);
	g_string_append_printf(
		out, "methods\t0x%" PRIx64 "\t%u\t0x%" PRIx64 "\t%d\t%u\n",
		kernel->cid_table, kernel->cid_level, kernel->idle,
		kernel->kdbg_encoded, mk_object_cookie(win));
}

static void put_symbols(GString *out, MkWin *win)
{
	const GArray *symbols = mk_win_symbols(win);

	for (guint i = 0; i < symbols->len; i++) {
		const struct mk_symbol *symbol =
			&g_array_index(symbols, struct mk_symbol, i);

		g_string_append_printf(out, "symbol\t%s\t0x%" PRIx64 "\n",
				       symbol->name, symbol->va);
	}
}

static void put_page_files(GString *out, const MkWin *win)
{
	for (size_t i = 0; i < win->n_page_files; i++) {
		const struct mk_page_file *file = &win->page_files[i];

		g_string_append_printf(out,
				       "pagingfile\t%u\t%" PRIu64
				       "\t0x%" PRIx64 "\t%s\n",
				       file->number, file->pages, file->va,
				       file->name ? file->name : "-");
	}
}

static void put_runs(GString *out, const MkWin *win)
{
	const struct mk_run *runs;
	size_t n;

	runs = mk_phys_runs(win->phys, &n);
	for (size_t i = 0; i < n; i++)
		g_string_append_printf(out,
				       "run\t0x%" PRIx64 "\t0x%" PRIx64 "\n",
				       runs[i].start, runs[i].len);
}

bool mk_win_write_truth(MkWin *win, const char *path, GError **error)
{
	static const char *const modes[] = {"x86", "pae", "amd64", "la57",
					    "arm64"};
	const bool plain = win->options.no_windows;
	const bool states = win->options.states && !plain;
	const GArray *pages = mk_win_kernel_pages(win);
	g_autoptr(GString) out = g_string_new(NULL);

	g_string_append_printf(out, "seed\t%" PRIu64 "\n", win->options.seed);
	put_runs(out, win);
	put_damage(out, &win->options.damage);
	if (plain)
		g_string_append_printf(out, "paging\t%s\t0x%" PRIx64 "\n",
				       modes[win->options.paging],
				       win->kernel.dtb);
	else {
		put_kernel(out, win);
		put_symbols(out, win);
		put_page_files(out, win);
	}
	for (guint i = 0; i < win->procs->len; i++)
		put_process(out, mk_win_process(win, i), states);
	mk_ldr_truth(out, win);
	if (!plain)
		mk_handles_truth(out, win);
	if (!plain)
		for (guint i = 0; i < win->procs->len; i++)
			mk_counters_truth(out, win, mk_win_process(win, i));
	mk_threads_truth(out, win);
	for (guint i = 0; i < pages->len; i++) {
		g_string_append(out, plain ? "map\t" : "kpage\t");
		put_page(out, &g_array_index(pages, struct mk_page, i), states);
	}
	if (states)
		put_paged(out, win->paged_out);
	return g_file_set_contents(path, out->str, (gssize)out->len, error);
}
