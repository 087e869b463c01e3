/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page files: Windows' table of them, and what is in them. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Larger than any _MMPAGING_FILE. */
#define PAGING_FILE_SIZE 0x140u
#define FILE_OBJECT_TYPE 5u
/* Where the array is in the partition of kernels whose types are not known. */
#define TABLE_64 0x1a20u
#define TABLE_32 0xf14u
#define OTHER_BYTE 0xa5

static bool has_store(const MkWin *win)
{
	return win->build >= MK_BUILD_1607;
}

static void add(MkWin *win, unsigned int number, const char *name,
		const char *file, uint64_t pages)
{
	g_assert(win->n_page_files < MK_PAGE_FILES_MAX);
	win->page_files[win->n_page_files++] = (struct mk_page_file){
		.number = number,
		.name = name,
		.file = file,
		.pages = pages,
	};
}

/* Number 3 is the largest that the entries of the machine can name: 20 bits of
 * two-level ones, but not all of them set (that is MI_PTE_LOOKUP_NEEDED), else
 * more than 4 GiB and than 2^32 bytes from its start. */
static void choose(MkWin *win)
{
	const bool narrow = win->mode == MK_MODE_X86;

	add(win, 0, "\\??\\C:\\pagefile.sys", "\\pagefile.sys", 0x60000);
	if (win->build >= MK_BUILD_8)
		add(win, 1, "\\??\\C:\\swapfile.sys", "\\swapfile.sys",
		    0x10000);
	if (has_store(win))
		add(win, MK_STORE_IN_TABLE, NULL, NULL, 0x140000);
	add(win, 3, "\\??\\D:\\pagefile.sys", "\\pagefile.sys",
	    narrow ? 0xfffff : 0x240000);
}

static uint64_t make_file_object(MkWin *win, const char *name)
{
	uint64_t va;
	uint32_t size;

	if (!mk_has(win, "_FILE_OBJECT.FileName"))
		return 0;
	size = mk_type_size(win, "_FILE_OBJECT");
	va = mk_object_new(win, "File", size, "File");
	mk_kwrite32(win, va + mk_offset(win, "_FILE_OBJECT.Type"),
		    FILE_OBJECT_TYPE | size << 16);
	mk_put_unicode(win, va + mk_offset(win, "_FILE_OBJECT.FileName"), name);
	return va;
}

/* The sizes in the order of their places: they may be 4 bytes wide. */
static void put_sizes(MkWin *win, const struct mk_page_file *file)
{
	mk_put_ptr(win, file->va, "_MMPAGING_FILE.Size", file->pages);
	mk_put_ptr(win, file->va, "_MMPAGING_FILE.MaximumSize",
		   2 * file->pages);
	mk_put_ptr(win, file->va, "_MMPAGING_FILE.MinimumSize", file->pages);
	mk_put_ptr(win, file->va, "_MMPAGING_FILE.FreeSpace", file->pages / 2);
}

static void make(MkWin *win, struct mk_page_file *file)
{
	static const char number[] = "_MMPAGING_FILE.PageFileNumber";
	struct nt_field field;

	file->va = mk_pool_alloc(win, &win->nonpaged, PAGING_FILE_SIZE, "Mm  ");
	put_sizes(win, file);
	if (mk_field(win, number, &field) && !field.bit_len)
		mk_put32(win, file->va, number, file->number);
	else
		mk_put_bits(win, file->va, number, file->number);
	if (!file->name) {
		mk_put_bits(win, file->va,
			    "_MMPAGING_FILE.VirtualStorePagefile", 1);
		return;
	}
	mk_put_ptr(win, file->va, "_MMPAGING_FILE.File",
		   make_file_object(win, file->file));
	mk_put_unicode(win,
		       file->va + mk_offset(win, "_MMPAGING_FILE.PageFileName"),
		       file->name);
}

static uint64_t choose_table(MkWin *win)
{
	static const char path[] = "_MI_PARTITION.Vp.PagingFile";
	const uint64_t other = mk_is_32bit(win) ? TABLE_32 : TABLE_64;

	if (win->build < MK_BUILD_10)
		return mk_symbol(win, "MmPagingFile");
	return mk_symbol(win, "MiSystemPartition") +
	       (mk_has(win, path) ? mk_offset(win, path) : other);
}

/* _RTL_BALANCED_NODEs: number 1 is the root, 0 and 3 are its children. */
static void make_tree(MkWin *win)
{
	static const char head[] = "_MI_SYSTEM_INFORMATION"
				   ".PagingIo.PageFileHead";
	static const char member[] = "_MMPAGING_FILE.FileObjectNode";
	uint64_t node[4] = {0};

	if (!mk_has(win, head) || !mk_has(win, member))
		return;
	for (size_t i = 0; i < win->n_page_files; i++)
		node[win->page_files[i].number] =
			win->page_files[i].va + mk_offset(win, member);
	mk_kwrite_ptr(win, mk_symbol(win, "MiState") + mk_offset(win, head),
		      node[1]);
	mk_kwrite_ptr(win, node[1], node[0]);
	mk_kwrite_ptr(win, node[1] + mk_pointer_bytes(win), node[3]);
}

void mk_page_files_build(MkWin *win)
{
	if (!win->options.page_files ||
	    !mk_has(win, "_MMPAGING_FILE.PageFileNumber"))
		return;
	choose(win);
	win->page_file_table = choose_table(win);
	for (size_t i = 0; i < win->n_page_files; i++) {
		struct mk_page_file *file = &win->page_files[i];

		make(win, file);
		mk_kwrite_ptr(win,
			      win->page_file_table +
				      file->number * mk_pointer_bytes(win),
			      file->va);
	}
	make_tree(win);
}

uint64_t mk_page_file_pages(const MkWin *win, unsigned int number)
{
	for (size_t i = 0; i < win->n_page_files; i++)
		if (win->page_files[i].number == number &&
		    win->page_files[i].name)
			return win->page_files[i].pages;
	return 0;
}

static bool is_taken(const MkWin *win, unsigned int number, uint64_t place)
{
	for (guint i = 0; i < win->swapped->len; i++) {
		const struct mk_swapped *page =
			&g_array_index(win->swapped, struct mk_swapped, i);

		if (page->number == number && page->place == place)
			return true;
	}
	return false;
}

uint64_t mk_page_file_put(MkWin *win, unsigned int number, uint64_t place,
			  uint32_t pid, uint64_t va)
{
	const uint64_t n = mk_page_file_pages(win, number);
	struct mk_swapped page = {.number = number, .pid = pid, .va = va};

	if (n == 0)
		return place;
	/* The first page of a page file is a header. */
	while (is_taken(win, number, place))
		place = place + 1 < n ? place + 1 : 1;
	page.place = place;
	g_array_append_val(win->swapped, page);
	return place;
}

void mk_page_file_map(MkWin *win, MkProc *proc, uint64_t va)
{
	const struct mk_region region = {
		.start = va,
		.end = va + 0x20 * MK_PAGE_SIZE,
		.protection = MK_PROT_RW,
		.is_private = true,
	};

	g_array_append_val(proc->regions, region);
	for (size_t i = 0; i < win->n_page_files; i++) {
		unsigned int number = win->page_files[i].number;
		uint64_t n = mk_page_file_pages(win, number);

		if (n == 0)
			continue;
		mk_user_paged(win, proc, va, number, 1, MK_PROT_RW);
		mk_user_paged(win, proc, va + 0x1000, number, 2, MK_PROT_R);
		mk_user_paged(win, proc, va + 0x2000, number,
			      n - 1 - mk_random_below(&proc->random, 64),
			      MK_PROT_RWX);
		mk_user_paged(win, proc, va + 0x3000, number,
			      n / 2 + mk_random_below(&proc->random, n / 4),
			      MK_PROT_RW);
		va += 0x5000;
	}
	mk_user_paged(win, proc, va, 7, 0x10, MK_PROT_RW);
}

const struct mk_page_file *mk_win_page_files(const MkWin *win, size_t *n,
					     uint64_t *table)
{
	*n = win->n_page_files;
	if (table)
		*table = win->page_file_table;
	return win->page_files;
}

static bool put_page(int fd, uint64_t place, const uint8_t *page)
{
	return pwrite(fd, page, MK_PAGE_SIZE, (off_t)(place * MK_PAGE_SIZE)) ==
	       (ssize_t)MK_PAGE_SIZE;
}

/* Other bytes beside each page, then the pages. */
static bool put_pages(const MkWin *win, int fd, unsigned int number)
{
	const uint64_t n = mk_page_file_pages(win, number);
	uint8_t page[MK_PAGE_SIZE];
	bool ok;

	memset(page, OTHER_BYTE, sizeof(page));
	ok = put_page(fd, 0, page);
	for (guint i = 0; i < win->swapped->len && ok; i++) {
		const struct mk_swapped *at =
			&g_array_index(win->swapped, struct mk_swapped, i);

		if (at->number == number)
			ok = put_page(fd, at->place - 1, page) &&
			     put_page(fd, MIN(at->place + 1, n - 1), page);
	}
	for (guint i = 0; i < win->swapped->len && ok; i++) {
		const struct mk_swapped *at =
			&g_array_index(win->swapped, struct mk_swapped, i);

		mk_page_fill(win->options.seed, at->pid, at->va, page);
		if (at->number == number)
			ok = put_page(fd, at->place, page);
	}
	for (guint i = 0; win->paged_out && i < win->paged_out->len && ok;
	     i++) {
		const struct mk_paged *at =
			&g_array_index(win->paged_out, struct mk_paged, i);

		mk_paged_fill(win, at, page);
		if (at->number == number)
			ok = put_page(fd, at->page, page);
	}
	return ok && !ftruncate(fd, (off_t)(n * MK_PAGE_SIZE));
}

bool mk_win_write_page_file(const MkWin *win, unsigned int number,
			    const char *path, GError **error)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			    0666);
	bool ok = fd >= 0 && put_pages(win, fd, number);
	const int code = errno;

	if (fd >= 0 && close(fd))
		ok = false;
	if (!ok)
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s",
			    path, g_strerror(code));
	return ok;
}
