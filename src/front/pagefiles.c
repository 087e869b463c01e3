/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which page file has which number. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "front/pagefiles.h"
#include "nt/pagingfile.h"

static bool add_path(GPtrArray *ret, GString *path)
{
	bool some = path->len > 0;

	g_ptr_array_add(ret, some ? g_canonicalize_filename(path->str, NULL) :
				    g_strdup(""));
	g_string_truncate(path, 0);
	return some;
}

bool page_files_split(const char *list, GPtrArray *ret)
{
	g_autoptr(GString) path = g_string_new(NULL);
	bool some = false;

	for (const char *p = list; *p; p++) {
		if (*p == ':') {
			some |= add_path(ret, path);
			continue;
		}
		if (*p == '\\' && (p[1] == ':' || p[1] == '\\'))
			p++;
		g_string_append_c(path, *p);
	}
	return add_path(ret, path) || some;
}

/* Sets of numbers are bits of a word. */
#define ALL_NUMBERS ((1u << PAGE_FILES_MAX) - 1)

/* Takes the lowest number out of a set; -1 where it is empty. */
static int take_lowest(unsigned *set)
{
	int number = *set ? __builtin_ctz(*set) : -1;

	*set &= *set - 1;
	return number;
}

static bool is_swap_file(const struct nt_paging_file *file)
{
	static const char end[] = "\\swapfile.sys";
	size_t len = file->name ? strlen(file->name) : 0;

	return len >= sizeof end - 1 &&
	       !g_ascii_strcasecmp(file->name + len - (sizeof end - 1), end);
}

/* Windows' table as sets of numbers. */
struct known {
	unsigned files;	  /* all but the store's */
	unsigned swap;	  /* called swapfile.sys: one, or none */
	unsigned virtual; /* of the store */
};

static struct known sets_of(const GArray *table)
{
	struct known k = { 0 };

	for (guint i = 0; i < table->len; i++) {
		const struct nt_paging_file *file =
			&g_array_index(table, struct nt_paging_file, i);
		unsigned bit = 1u << file->number;

		if (file->is_virtual)
			k.virtual |= bit;
		else
			k.files |= bit;
		if (!k.swap && !file->is_virtual && is_swap_file(file))
			k.swap = bit;
	}
	return k;
}

static void number_by_table(const GArray *table, bool has_swap,
			    char *const *files, size_t n,
			    struct page_file_numbers *ret)
{
	struct known k = sets_of(table);
	unsigned free_numbers = ALL_NUMBERS & ~k.virtual;
	unsigned swap = k.swap		 ? k.swap :
			2u & free_numbers ? 2u :
					   free_numbers & ~k.files;
	unsigned order = k.files & ~k.swap;

	if (has_swap) {
		ret->swap = take_lowest(&swap);
		if (ret->swap >= 0)
			free_numbers &= ~(1u << ret->swap);
		order &= free_numbers;
	} else if (n > (size_t)__builtin_popcount(order)) {
		order = k.files;
	}
	for (size_t i = 0; i < n; i++) {
		int number = take_lowest(&order);

		ret->extra[i] = number < 0 && files[i][0];
		if (number < 0)
			number = take_lowest(&free_numbers);
		else
			free_numbers &= ~(1u << number);
		ret->file[i] = files[i][0] ? number : -1;
	}
}

static void number_by_position(bool has_swap, char *const *files, size_t n,
			       struct page_file_numbers *ret)
{
	unsigned order = ALL_NUMBERS;

	if (has_swap) {
		ret->swap = 1;
		order &= ~2u;
	}
	for (size_t i = 0; i < n; i++) {
		int number = take_lowest(&order);

		ret->file[i] = files[i][0] ? number : -1;
	}
}

void page_files_number(const GArray *table, bool has_swap, char *const *files,
		       size_t n, struct page_file_numbers *ret)
{
	struct page_file_numbers r = { .swap = -1 };

	n = MIN(n, PAGE_FILES_MAX);
	for (unsigned i = 0; i < PAGE_FILES_MAX; i++)
		r.file[i] = -1;
	if (table)
		number_by_table(table, has_swap, files, n, &r);
	else
		number_by_position(has_swap, files, n, &r);
	*ret = r;
}

static bool add_file(PageFiles *files, const char *option, const char *path,
		     int number, GError **error)
{
	if (number < 0) {
		g_set_error(error, OPTIONS_ERROR, 0,
			    "%s=%s: no number is left for it; a machine has up"
			    " to %u page files",
			    option, path, PAGE_FILES_MAX);
		return false;
	}
	if (page_files_add(files, (unsigned)number, path, error))
		return true;
	g_prefix_error(error, "%s=", option);
	return false;
}

static bool add_files(PageFiles *files, const Options *o,
		      const struct page_file_numbers *numbers, GError **error)
{
	char *const *list = (char *const *)o->pagefiles->pdata;

	if (o->swapfile &&
	    !add_file(files, "swapfile", o->swapfile, numbers->swap, error))
		return false;
	for (guint i = 0; i < o->pagefiles->len; i++)
		if (list[i][0] && !add_file(files, "pagefile", list[i],
					    numbers->file[i], error))
			return false;
	return true;
}

/* --- those that were found --- */

static uint64_t size_of(const struct image_companion *found)
{
	g_autoptr(ImageIo) io = found->io ? NULL :
					    image_io_open(found->path, NULL);
	const ImageIo *any = found->io ? found->io : io;

	return any ? image_io_size(any) : 0;
}

static bool has_length(const struct nt_paging_file *file, uint64_t size)
{
	return size % PAGE_SIZE_4K == 0 && size / PAGE_SIZE_4K == file->pages;
}

/*
 * The number of a file that was found, -1 where there is none. What lies
 * beside the image may be of another machine, or of this one at another time:
 * it must be as long as Windows has it. What is in the image's container was
 * put there with it.
 */
static int number_of_found(const PageFiles *files, const GArray *table,
			   const struct image_companion *found)
{
	bool swap = found->kind == IMAGE_COMPANION_SWAPFILE;
	uint64_t size = size_of(found);
	int any = -1;

	for (guint i = 0; i < table->len; i++) {
		const struct nt_paging_file *file =
			&g_array_index(table, struct nt_paging_file, i);

		if (file->is_virtual || is_swap_file(file) != swap ||
		    page_files_has(files, file->number))
			continue;
		if (has_length(file, size))
			return (int)file->number;
		if (any < 0 && found->io)
			any = (int)file->number;
	}
	return any;
}

static void add_found(PageFiles *files, const GArray *table,
		      const struct image_companion *found, Log *log)
{
	const char *option = found->kind == IMAGE_COMPANION_SWAPFILE ?
				     "swapfile" :
				     "pagefile";
	int number = table ? number_of_found(files, table, found) : -1;
	g_autofree char *path = text_escape_line(found->path);
	g_autoptr(GError) error = NULL;

	if (number >= 0 &&
	    page_files_add_found(files, (unsigned)number, found, &error))
		log_add(log, LOG_INFO, "page files",
			"%s was found %s, and is taken for number %d%s; %s",
			path, found->io ? "in the image" : "beside the image",
			number,
			found->io ? "" :
				    ", as it is as long as Windows has it (of"
				    " when it is, nothing tells)",
			"pagefile=none does without");
	else
		log_add(log, LOG_WARN, "page files",
			"%s was found, but is not used: %s; %s=%s takes it",
			path,
			error  ? error->message :
			table ? "Windows has none that is as long" :
				"Windows' table of them was not found, so"
				" nothing tells whether it belongs to it",
			option, path);
}

/* Where none is given, what is beside the image or in it. */
static void add_companions(PageFiles *files, const Options *o,
			   const Image *image, const GArray *table, Log *log)
{
	if (o->no_pagefiles || o->swapfile || o->pagefiles->len)
		return;
	for (guint i = 0; i < image->companions->len; i++) {
		const struct image_companion *c = &g_array_index(
			image->companions, struct image_companion, i);

		if (c->kind == IMAGE_COMPANION_PAGEFILE ||
		    c->kind == IMAGE_COMPANION_SWAPFILE)
			add_found(files, table, c, log);
	}
}

/* --- the log --- */

/* Each file that was given: what it is to Windows. */
static void log_file(const PageFiles *files, unsigned number,
		     const struct nt_paging_file *windows, Log *log)
{
	g_autofree char *path =
		text_escape_line(page_files_path(files, number));
	g_autofree char *name = text_escape_path(
		windows && windows->name ? windows->name : "-");
	uint64_t size = page_files_size(files, number);

	if (!windows) {
		log_add(log, LOG_INFO, "page files",
			"%u is %s, %" PRIu64 " bytes", number, path, size);
		return;
	}
	log_add(log, LOG_INFO, "page files",
		"%u is %s, %" PRIu64 " bytes; to Windows %s, %" PRIu64
		" pages",
		number, path, size, name, windows->pages);
	if (size / PAGE_SIZE_4K < windows->pages)
		log_add(log, LOG_WARN, "page files",
			"%u is %s, shorter than Windows has it (%" PRIu64
			" of %" PRIu64 " pages): pages beyond its end are"
			" shown as paged out",
			number, path, size / PAGE_SIZE_4K, windows->pages);
}

/* Something is missing where some were given; else pages that are paged out
 * are nothing that is wrong with the image. */
static void log_missing(const PageFiles *files, const GArray *table, bool some,
			Log *log)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (guint i = 0; i < table->len; i++) {
		const struct nt_paging_file *file =
			&g_array_index(table, struct nt_paging_file, i);
		g_autofree char *name =
			text_escape_path(file->name ? file->name : "-");

		if (!file->is_virtual && !page_files_has(files, file->number))
			g_string_append_printf(names, "%s%u (%s)",
					       names->len ? ", " : "",
					       file->number, name);
	}
	if (names->len)
		log_add(log, some ? LOG_WARN : LOG_INFO, "page files",
			"Windows has %s, not given: pagefile= and swapfile="
			" take them",
			names->str);
}

static void log_numbers(const Options *o, const GArray *table,
			const struct page_file_numbers *numbers, Log *log)
{
	if (!table)
		log_add(log, LOG_WARN, "page files",
			"Windows' table of them was not found: the numbers are"
			" assumed, by the order of pagefile=%s",
			o->swapfile ? "; swapfile= is 1" : "");
	for (guint i = 0; i < o->pagefiles->len; i++) {
		const char *path = g_ptr_array_index(o->pagefiles, i);
		g_autofree char *text = text_escape_line(path);

		if (numbers->extra[i])
			log_add(log, LOG_WARN, "page files",
				"%s is one more than Windows has; it is taken"
				" for number %d",
				text, numbers->file[i]);
	}
}

static void log_all(const Options *o, const PageFiles *files,
		    const GArray *table,
		    const struct page_file_numbers *numbers, Log *log)
{
	bool some = o->swapfile || o->pagefiles->len;

	if (some)
		log_numbers(o, table, numbers, log);
	for (unsigned i = 0; i < PAGE_FILES_MAX; i++)
		if (page_files_has(files, i))
			log_file(files, i,
				 table ? nt_paging_file_get(table, i) : NULL,
				 log);
	if (table)
		log_missing(files, table, some, log);
}

PageFiles *page_files_of_options(const Options *options, const Image *image,
				 const NtKernel *kernel, Log *log,
				 GError **error)
{
	g_autoptr(PageFiles) files = page_files_new();
	g_autoptr(GArray) table = NULL;
	struct page_file_numbers numbers;
	const char *how = NULL;

	if (kernel)
		table = nt_paging_files(kernel, &how);
	if (!how)
		g_clear_pointer(&table, g_array_unref);
	page_files_number(table, options->swapfile != NULL,
			  (char *const *)options->pagefiles->pdata,
			  options->pagefiles->len, &numbers);
	if (!add_files(files, options, &numbers, error))
		return NULL;
	if (kernel)
		add_companions(files, options, image, table, log);
	log_all(options, files, table, &numbers, log);
	return g_steal_pointer(&files);
}
