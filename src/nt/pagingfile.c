/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows' own table of paging files. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "base/seen.h"
#include "nt/machine.h"
#include "nt/member.h"
#include "nt/pagingfile.h"

enum {
	/* Of an _MMPAGING_FILE: 0x120 with all members up to 11. */
	BYTES_MAX = 0x200,
	NAME_MAX_BYTES = 1024,
	/* A partition has 0x6100 bytes at the most (11 24H2, ARM64). */
	PARTITION_BYTES = 0x8000,
	/* Behind which an object is looked for; a kernel has fewer. */
	POINTERS_MAX = 1 << 19,
	STEPS_MAX = 1 << 20,
	NODES_MAX = 64,
	FILE_OBJECT_TYPE = 5,	/* _FILE_OBJECT.Type, all versions */
};

/* PageFileHigh has 32 bits. */
#define PAGES_MAX (UINT64_C(1) << 32)

struct finder {
	const NtKernel *k;
	struct addr_space as;
	struct vtop_meter meter;
	const struct nt_paging_layout *layout;
	unsigned pointer_bytes;
	GArray *found;
	unsigned pointers_left;
	bool has_name; /* a file in found has one that looks like one */
};

static uint32_t offset_of(const struct nt_source *source, const char *path)
{
	struct nt_field field;

	if (!nt_source_field(source, path, &field, NULL))
		return NT_ABSENT;
	return field.offset;
}

static bool fill_number(const struct nt_source *source,
			struct nt_paging_layout *l)
{
	if (!nt_source_field(source, "_MMPAGING_FILE.PageFileNumber",
			     &l->number, NULL))
		return false;
	if (!nt_source_field(source, "_MMPAGING_FILE.VirtualStorePagefile",
			     &l->is_virtual, NULL))
		l->is_virtual = (struct nt_field){ 0 };
	/* A ULONG on XP. */
	if (!l->number.bit_len)
		l->number.bit_len = 16;
	return true;
}

/* Size is as wide as a pointer up to 11 23H2, a ULONG from 24H2 on: what
 * follows it tells. */
static bool fill_size(const struct nt_source *source,
		      struct nt_paging_layout *l)
{
	uint32_t next = offset_of(source, "_MMPAGING_FILE.MaximumSize");

	l->size = offset_of(source, "_MMPAGING_FILE.Size");
	if (l->size == NT_ABSENT || next == NT_ABSENT || next <= l->size)
		return false;
	l->size_bytes = next - l->size >= 8 ? 8 : 4;
	return true;
}

/* How much of one is read: up to the last member that is. */
static uint32_t bytes_of(const struct nt_paging_layout *l,
			 unsigned pointer_bytes)
{
	uint32_t bits = MAX(l->number.offset, l->is_virtual.offset) + 2;
	uint32_t pointers = MAX(l->file + pointer_bytes,
				l->name + 2 * pointer_bytes);

	return MAX(MAX(bits, pointers), l->size + l->size_bytes);
}

void nt_paging_layout_fill(const struct nt_source *source,
			   unsigned pointer_bytes,
			   struct nt_paging_layout *ret)
{
	struct nt_paging_layout l = {
		.file = offset_of(source, "_MMPAGING_FILE.File"),
		.name = offset_of(source, "_MMPAGING_FILE.PageFileName"),
		.node = offset_of(source, "_MMPAGING_FILE.FileObjectNode"),
		.partition = offset_of(source, "_MI_PARTITION.Vp.PagingFile"),
		.tree = offset_of(source, "_MI_SYSTEM_INFORMATION"
					  ".PagingIo.PageFileHead"),
		.file_type = offset_of(source, "_FILE_OBJECT.Type"),
		.file_name = offset_of(source, "_FILE_OBJECT.FileName"),
	};

	if (fill_number(source, &l) && fill_size(source, &l) &&
	    l.file != NT_ABSENT && l.name != NT_ABSENT) {
		l.bytes = bytes_of(&l, pointer_bytes);
		l.known = l.bytes <= BYTES_MAX;
	}
	*ret = l;
}

static void clear_file(gpointer data)
{
	g_free(((struct nt_paging_file *)data)->name);
}

static GArray *files_new(void)
{
	GArray *files = g_array_new(FALSE, TRUE,
				    sizeof(struct nt_paging_file));

	g_array_set_clear_func(files, clear_file);
	return files;
}

/* A little-endian integer of 2, 4 or 8 bytes in an object whose bytes up to
 * layout->bytes were read. */
static uint64_t get(const uint8_t object[BYTES_MAX], uint32_t offset,
		    unsigned n_bytes)
{
	uint8_t raw[8] = { 0 };

	if (range_fits(offset, n_bytes, BYTES_MAX))
		memcpy(raw, object + offset, n_bytes);
	return load_le64(raw);
}

/* A path as the object manager has them. */
static bool is_path(const char *name)
{
	if (!name || name[0] != '\\' || !name[1])
		return false;
	for (const char *p = name; *p; p++)
		if (g_ascii_iscntrl(*p))
			return false;
	return true;
}

/* Without a drive; of the file that is open under the paging file. */
static char *name_of_object(const struct finder *f, uint64_t file)
{
	struct nt_object o = { &f->as, f->pointer_bytes, VIRT(file) };
	g_autofree char *name = NULL;
	uint16_t type;

	if (!nt_is_kernel_address(&f->as, file) ||
	    !nt_member_u16(&o, f->layout->file_type, &type) ||
	    type != FILE_OBJECT_TYPE)
		return NULL;
	name = nt_member_unicode(&o, f->layout->file_name, NAME_MAX_BYTES);
	return is_path(name) ? g_steal_pointer(&name) : NULL;
}

/*
 * The name of a paging file. False where what is there is no name; *ret stays
 * NULL where it is one that is not in memory (it is in paged pool), or where
 * the compressed store has none.
 */
static bool read_name(const struct finder *f, const uint8_t *object,
		      struct nt_paging_file *ret)
{
	struct nt_object o = { &f->as, f->pointer_bytes, ret->va };
	uint32_t at = f->layout->name;
	uint64_t len = get(object, at, 2), max = get(object, at + 2, 2);
	uint64_t buffer = get(object, at + f->pointer_bytes, f->pointer_bytes);
	g_autofree char *name = NULL;

	if (!len)
		return ret->is_virtual;
	if (len % 2 || len > max || len > NAME_MAX_BYTES ||
	    !nt_is_kernel_address(&f->as, buffer))
		return false;
	name = nt_member_unicode(&o, at, NAME_MAX_BYTES);
	if (!name)
		name = name_of_object(
			f, get(object, f->layout->file, f->pointer_bytes));
	else if (!is_path(name))
		return ret->is_virtual;
	ret->name = g_steal_pointer(&name);
	return true;
}

/* Is there a paging file at va? The caller owns the name, if so. */
static bool read_file(const struct finder *f, uint64_t va,
		      struct nt_paging_file *ret)
{
	const struct nt_paging_layout *l = f->layout;
	struct nt_paging_file file = { .va = VIRT(va) };
	uint8_t object[BYTES_MAX] = { 0 };

	if (va % f->pointer_bytes || !nt_is_kernel_address(&f->as, va) ||
	    !vtop_read(&f->as, VIRT(va), object, l->bytes))
		return false;
	file.number = (unsigned)nt_field_get(
		l->number, get(object, l->number.offset, 2));
	file.is_virtual = nt_field_get(l->is_virtual,
				       get(object, l->is_virtual.offset, 2));
	file.pages = get(object, l->size, l->size_bytes);
	if (file.number >= PAGE_FILES_MAX || file.pages > PAGES_MAX ||
	    (!file.pages && !file.is_virtual) ||
	    !read_name(f, object, &file))
		return false;
	*ret = file;
	return true;
}

/* "...\pagefile.sys": what speaks for a table whose place nobody told. */
static bool has_usual_name(const struct nt_paging_file *file)
{
	size_t len = file->name ? strlen(file->name) : 0;

	return len > 4 && !g_ascii_strcasecmp(file->name + len - 4, ".sys");
}

static void take_file(struct finder *f, const struct nt_paging_file *file)
{
	f->has_name |= has_usual_name(file);
	g_array_append_vals(f->found, file, 1);
}

static void forget_files(struct finder *f)
{
	g_array_set_size(f->found, 0);
	f->has_name = false;
}

/*
 * The array of pointers at va: found has its files. certain: the place is that
 * of a symbol; what is damaged is then left out, and an array of nothing is
 * one. Else all must be right, and one must have a usual name.
 */
static bool read_array(struct finder *f, uint64_t va, bool certain)
{
	uint8_t raw[PAGE_FILES_MAX * 8];
	unsigned n = f->pointer_bytes, n_wrong = 0;

	forget_files(f);
	if (!vtop_read(&f->as, VIRT(va), raw, PAGE_FILES_MAX * n))
		return false;
	for (unsigned i = 0; i < PAGE_FILES_MAX; i++) {
		uint64_t p = n == 8 ? load_le64(raw + i * 8) :
				      load_le32(raw + i * 4);
		struct nt_paging_file file;

		if (!p)
			continue;
		if (!read_file(f, p, &file)) {
			n_wrong++;
		} else if (file.number != i) {
			clear_file(&file);
			n_wrong++;
		} else {
			take_file(f, &file);
		}
	}
	if (f->has_name)
		return certain || !n_wrong;
	return certain && (f->found->len || !n_wrong);
}

/* Is v a pointer of such an array, which is at va? Then found is the array. */
static bool try_pointer(struct finder *f, uint64_t va, uint64_t v)
{
	struct nt_paging_file file;
	bool usual;

	if (v % 8 || !nt_is_kernel_address(&f->as, v) || !f->pointers_left)
		return false;
	f->pointers_left--;
	if (!read_file(f, v, &file))
		return false;
	usual = has_usual_name(&file);
	clear_file(&file);
	return usual &&
	       read_array(f, va - file.number * f->pointer_bytes, false);
}

static bool find_symbol(const struct finder *f, const char *name,
			uint64_t *ret)
{
	VirtAddr va;

	if (!f->k->has_image ||
	    !nt_kimage_symbol(&f->as, &f->k->image, name, &va))
		return false;
	*ret = va.v;
	return true;
}

static bool search_page(struct finder *f, VirtAddr va, const uint8_t *page)
{
	for (unsigned i = 0; i < PAGE_SIZE_4K; i += f->pointer_bytes) {
		uint64_t v = f->pointer_bytes == 8 ? load_le64(page + i) :
						     load_le32(page + i);

		if (try_pointer(f, va.v + i, v))
			return true;
	}
	return false;
}

/* Where the array is in the partition changed with updates; what is in it says
 * that it is there. */
static bool find_in_partition(struct finder *f)
{
	uint8_t page[PAGE_SIZE_4K];
	uint64_t va, end;

	if (!find_symbol(f, "MiSystemPartition", &va))
		return false;
	if (f->layout->partition != NT_ABSENT &&
	    read_array(f, va + f->layout->partition, true) && f->found->len)
		return true;
	end = va + PARTITION_BYTES;
	for (uint64_t at = page_floor(va); at < end; at += PAGE_SIZE_4K)
		if (vtop_read(&f->as, VIRT(at), page, sizeof page) &&
		    search_page(f, VIRT(at), page))
			return true;
	return false;
}

static void push_child(struct finder *f, Seen *seen, GArray *todo,
		       uint64_t node, uint32_t offset)
{
	uint64_t child;

	if (nt_pointer_at(&f->as, f->pointer_bytes, VIRT(node + offset),
			  &child) &&
	    nt_is_kernel_address(&f->as, child) &&
	    seen_enter(seen, child) == SEEN_NEW)
		g_array_append_val(todo, child);
}

static void take_node(struct finder *f, uint64_t node)
{
	struct nt_paging_file file;

	if (!read_file(f, node - f->layout->node, &file))
		return;
	/* No place in an array speaks for it: its name must. */
	if (!file.name || file.is_virtual ||
	    nt_paging_file_get(f->found, file.number))
		clear_file(&file);
	else
		take_file(f, &file);
}

/* _RTL_AVL_TREE of _RTL_BALANCED_NODEs: Left, then Right. The store's is not
 * in it, for it has no file. */
static bool find_in_tree(struct finder *f)
{
	g_autoptr(GArray) todo = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_autoptr(Seen) seen = seen_new(NODES_MAX);
	uint64_t va;

	forget_files(f);
	if (f->layout->tree == NT_ABSENT || f->layout->node == NT_ABSENT ||
	    !find_symbol(f, "MiState", &va))
		return false;
	push_child(f, seen, todo, va, f->layout->tree);
	while (todo->len) {
		uint64_t node = g_array_index(todo, uint64_t, todo->len - 1);

		g_array_set_size(todo, todo->len - 1);
		take_node(f, node);
		push_child(f, seen, todo, node, 0);
		push_child(f, seen, todo, node, f->pointer_bytes);
	}
	return f->has_name;
}

struct image_search {
	struct finder *f;
	bool done;
};

static bool see_page(void *ctx, VirtAddr va, const uint8_t *page)
{
	struct image_search *s = ctx;

	s->done = search_page(s->f, va, page);
	return !s->done && s->f->pointers_left;
}

/* The array is a variable of the kernel, or in one. */
static bool find_in_image(struct finder *f)
{
	const NtKernel *k = f->k;
	struct image_search s = { .f = f };
	uint64_t start, len;

	forget_files(f);
	if (nt_kernel_variables(k, &start, &len))
		nt_scan_range(&f->as, VIRT(start), len, UINT64_MAX, see_page,
			      &s);
	return s.done;
}

static const char *find(struct finder *f)
{
	uint64_t va;

	if (find_symbol(f, "MmPagingFile", &va) && read_array(f, va, true))
		return "MmPagingFile";
	if (find_in_partition(f))
		return "MiSystemPartition";
	if (find_in_tree(f))
		return "MiState";
	if (find_in_image(f))
		return "search";
	forget_files(f);
	return NULL;
}

static gint by_number(gconstpointer a, gconstpointer b)
{
	const struct nt_paging_file *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

GArray *nt_paging_files_find(const NtKernel *kernel, const char **how)
{
	struct finder f = {
		.k = kernel,
		.as = kernel->as,
		.meter = { STEPS_MAX },
		.layout = &kernel->profile.paging,
		.pointer_bytes = kernel->profile.pointer_bytes,
		.found = files_new(),
		.pointers_left = POINTERS_MAX,
	};
	const char *by;
	uint64_t steps;

	if (kernel->as.meter)
		f.meter.left = MIN(STEPS_MAX, kernel->as.meter->left);
	steps = f.meter.left;
	f.as.meter = &f.meter;
	by = kernel->has_profile && f.layout->known ? find(&f) : NULL;
	if (kernel->as.meter)
		kernel->as.meter->left -= steps - f.meter.left;
	g_array_sort(f.found, by_number);
	if (how)
		*how = by;
	return f.found;
}

void nt_paging_files_keep(NtKernel *kernel)
{
	if (kernel->paging_files)
		g_array_unref(kernel->paging_files);
	kernel->paging_files =
		nt_paging_files_find(kernel, &kernel->paging_how);
}

GArray *nt_paging_files(const NtKernel *kernel, const char **how)
{
	if (!kernel->paging_files)
		return nt_paging_files_find(kernel, how);
	if (how)
		*how = kernel->paging_how;
	return g_array_ref(kernel->paging_files);
}

const struct nt_paging_file *nt_paging_file_get(const GArray *table,
						unsigned number)
{
	for (guint i = 0; i < table->len; i++) {
		const struct nt_paging_file *file =
			&g_array_index(table, struct nt_paging_file, i);

		if (file->number == number)
			return file;
	}
	return NULL;
}
