/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks up the compiled-in tables of Windows kernel layouts. */
#include "config.h"

#include <string.h>

#include "nt/layouts.h"

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* No chain of fallbacks is longer; bounds a loop in the data. */
#define MAX_FALLBACKS 8

/*
 * A cell says where a member is in one layout: 0 where that is not known,
 * GONE where it is known not to exist, else AT(): offset and first bit and
 * width of a bit-field (0: a whole member).
 */
#define CELL_AT 1u
#define GONE 2u
#define AT(offset, pos, len) \
	((uint32_t)(offset) << 14 | (pos) << 8 | (len) << 2 | CELL_AT)
#define CELL_OFFSET(cell) ((cell) >> 14)
#define CELL_POS(cell) ((cell) >> 8 & 63)
#define CELL_LEN(cell) ((cell) >> 2 & 63)

struct nt_layout {
	const char *id;
	const char *version;
	const char *os;
	uint32_t build;
	enum nt_arch arch;
	bool la57;
	bool complete;
	int16_t fallback;	/* position, or -1 */
};

struct rule {
	enum nt_arch arch;
	bool la57;
	uint32_t build;
	uint32_t layout;	/* position; best first within a build */
};

struct alias {
	uint32_t build;
	uint32_t shared;	/* the build it has the binaries of */
};

struct nt_kernel {
	const char *guid;
	const char *pdb;
	const char *version;
	uint32_t age;
	uint32_t layout;	/* position */
};

/* Made by src/nt/layouts/gen.awk; rows by position of the layout or kernel,
 * columns in the order of the sorted names. */
#include "nt/layouts_data.h"

/* Position of name in the sorted names, or -1. */
static int find_name(const char *const *names, size_t n, const char *name)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, names[mid]);

		if (order == 0)
			return (int)mid;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

static size_t row_of(const struct nt_layout *layout)
{
	return (size_t)(layout - layouts);
}

/* Whom to ask for what layout does not say, or NULL. */
static const struct nt_layout *fallback_of(const struct nt_layout *layout)
{
	if (layout->complete || layout->fallback < 0)
		return NULL;
	return &layouts[layout->fallback];
}

size_t layouts_count(void)
{
	return N_ELEMENTS(layouts);
}

const struct nt_layout *layouts_get(size_t index)
{
	return index < N_ELEMENTS(layouts) ? &layouts[index] : NULL;
}

const struct nt_layout *layouts_find(const char *id)
{
	for (size_t i = 0; i < N_ELEMENTS(layouts); i++)
		if (strcmp(layouts[i].id, id) == 0)
			return &layouts[i];
	return NULL;
}

static uint32_t shared_build(uint32_t build)
{
	for (size_t i = 0; i < N_ELEMENTS(aliases); i++)
		if (aliases[i].build == build)
			return aliases[i].shared;
	return build;
}

size_t layouts_by_build(enum nt_arch arch, uint32_t build, bool la57,
			const struct nt_layout **ret, size_t max)
{
	size_t n = 0;

	build = shared_build(build);
	for (size_t i = 0; i < N_ELEMENTS(rules); i++) {
		const struct rule *rule = &rules[i];

		if (rule->arch != arch || rule->la57 != la57 ||
		    rule->build != build)
			continue;
		if (n < max)
			ret[n] = &layouts[rule->layout];
		n++;
	}
	return n;
}

const char *layout_id(const struct nt_layout *layout)
{
	return layout->id;
}

enum nt_arch layout_arch(const struct nt_layout *layout)
{
	return layout->arch;
}

bool layout_la57(const struct nt_layout *layout)
{
	return layout->la57;
}

const char *layout_version(const struct nt_layout *layout)
{
	return layout->version;
}

const char *layout_os(const struct nt_layout *layout)
{
	return layout->os;
}

uint32_t layout_build(const struct nt_layout *layout)
{
	return layout->build;
}

bool layout_complete(const struct nt_layout *layout)
{
	return layout->complete;
}

/* The cell of a column in layout or, where it says nothing, the first of its
 * fallbacks that does: *found. 0 where none does. */
static uint32_t find_cell(const struct nt_layout *layout, size_t column,
			  const struct nt_layout **found)
{
	for (int i = 0; layout && i < MAX_FALLBACKS; i++) {
		uint32_t cell = cells[row_of(layout)][column];

		if (cell) {
			*found = layout;
			return cell;
		}
		layout = fallback_of(layout);
	}
	return 0;
}

bool layout_field(const struct nt_layout *layout, const char *path,
		  struct nt_field *ret, bool *guessed)
{
	const struct nt_layout *found = layout;
	int column = find_name(field_names, N_ELEMENTS(field_names), path);
	uint32_t cell;

	if (column < 0)
		return false;
	cell = find_cell(layout, (size_t)column, &found);
	if (!(cell & CELL_AT))
		return false;
	ret->offset = CELL_OFFSET(cell);
	ret->bit_pos = CELL_POS(cell);
	ret->bit_len = CELL_LEN(cell);
	if (guessed)
		*guessed = found != layout;
	return true;
}

bool layout_size(const struct nt_layout *layout, const char *type,
		 uint32_t *ret)
{
	int column = find_name(struct_names, N_ELEMENTS(struct_names), type);

	if (column < 0)
		return false;
	for (int i = 0; layout && i < MAX_FALLBACKS; i++) {
		uint32_t size = sizes[row_of(layout)][column];

		if (size) {
			*ret = size;
			return true;
		}
		layout = fallback_of(layout);
	}
	return false;
}

const char *layout_type(const struct nt_layout *layout, const char *path)
{
	int field = find_name(field_names, N_ELEMENTS(field_names), path);
	int column = find_name(type_names, N_ELEMENTS(type_names), path);

	if (field < 0 || column < 0)
		return NULL;
	for (int i = 0; layout && i < MAX_FALLBACKS; i++) {
		uint8_t type = types[row_of(layout)][column];

		if (type)
			return type_texts[type];
		if (cells[row_of(layout)][field] == GONE)
			return NULL;
		layout = fallback_of(layout);
	}
	return NULL;
}

size_t kernels_count(void)
{
	return N_ELEMENTS(kernels);
}

const struct nt_kernel *kernels_get(size_t index)
{
	return index < N_ELEMENTS(kernels) ? &kernels[index] : NULL;
}

const struct nt_kernel *kernels_find(const char *guid, uint32_t age)
{
	for (size_t i = 0; i < N_ELEMENTS(kernels); i++)
		if (kernels[i].age == age &&
		    strcmp(kernels[i].guid, guid) == 0)
			return &kernels[i];
	return NULL;
}

const char *kernel_guid(const struct nt_kernel *kernel)
{
	return kernel->guid;
}

uint32_t kernel_age(const struct nt_kernel *kernel)
{
	return kernel->age;
}

const char *kernel_pdb(const struct nt_kernel *kernel)
{
	return kernel->pdb;
}

const char *kernel_version(const struct nt_kernel *kernel)
{
	return kernel->version;
}

const struct nt_layout *kernel_layout(const struct nt_kernel *kernel)
{
	return &layouts[kernel->layout];
}

bool kernel_symbol(const struct nt_kernel *kernel, const char *name,
		   uint32_t *ret)
{
	int column = find_name(symbol_names, N_ELEMENTS(symbol_names), name);
	uint32_t rva;

	if (column < 0)
		return false;
	rva = rvas[kernel - kernels][column];
	if (!rva)
		return false;
	*ret = rva;
	return true;
}

size_t images_count(void)
{
	return N_ELEMENTS(images);
}

const struct nt_image *images_get(size_t index)
{
	return index < N_ELEMENTS(images) ? &images[index] : NULL;
}

const struct nt_image *images_find(uint32_t timestamp, uint32_t size)
{
	for (size_t i = 0; i < N_ELEMENTS(images); i++)
		if (images[i].timestamp == timestamp && images[i].size == size)
			return &images[i];
	return NULL;
}

const char *layouts_field_name(size_t index)
{
	return index < N_ELEMENTS(field_names) ? field_names[index] : NULL;
}

const char *layouts_struct_name(size_t index)
{
	return index < N_ELEMENTS(struct_names) ? struct_names[index] : NULL;
}

const char *layouts_type_name(size_t index)
{
	return index < N_ELEMENTS(type_names) ? type_names[index] : NULL;
}

const char *layouts_symbol_name(size_t index)
{
	return index < N_ELEMENTS(symbol_names) ? symbol_names[index] : NULL;
}

bool kdbg_field(const char *name, uint32_t *ret)
{
	int i = find_name(kdbg_names, N_ELEMENTS(kdbg_names), name);

	if (i < 0)
		return false;
	*ret = kdbg_offsets[i];
	return true;
}
