/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pagefile= and swapfile=: which file has which number. */
#ifndef FRONT_PAGEFILES_H
#define FRONT_PAGEFILES_H

#include "front/options.h"
#include "image/pagefile.h"

/*
 * Adds the paths of a list, made absolute, to an array of char *; "" for an
 * empty entry. In it "\:" is a colon and "\\" a backslash of a path. False
 * where all are empty.
 */
bool page_files_split(const char *list, GPtrArray *ret);

/* The number of each file, -1 where it has none (or was left out). */
struct page_file_numbers {
	int swap;
	int file[PAGE_FILES_MAX];
	bool extra[PAGE_FILES_MAX]; /* one that Windows does not have */
};

/*
 * Gives numbers to a swapfile= and n (up to 16) entries of pagefile=, of which
 * "" leave one out. table: of struct nt_paging_file, or NULL where Windows'
 * table is not known.
 *
 * By the table: the swap file has the number that is called swapfile.sys,
 * else 1; page files get the other numbers in order, without the compressed
 * store's; those of the swap file too where there are more of them than
 * numbers and no swapfile=. Those left over get what numbers are free.
 * Without a table the position is the number, 1 left out for a swap file.
 */
void page_files_number(const GArray *table, bool has_swap,
		       char *const *files, size_t n,
		       struct page_file_numbers *ret);

/*
 * Opens the files of the options under the numbers that the kernel (NULL:
 * none) has for them; without any, those that were found beside the image, if
 * they are as long as Windows has them, or in it. The log tells of each, and
 * of those that are missing. NULL with one line in error where one that was
 * given cannot be opened. (transfer full) The image must outlive it.
 */
PageFiles *page_files_of_options(const Options *options, const Image *image,
				 const NtKernel *kernel, Log *log,
				 GError **error);

#endif
