/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modules put together: lists of loaders, VADs, headers. */
#include "config.h"

#include "base/bytes.h"
#include "nt/ldr-priv.h"
#include "nt/peinfo.h"
#include "nt/vad.h"

/* Of one process; some hundred modules have 50 KiB of them. */
#define NAME_BYTES_ALL (4 * MIB)
/* No image is larger (PE/COFF). */
#define IMAGE_BYTES_MAX (UINT64_C(1) << 31)

enum {
	VAD_IMAGE = 2, /* VadImageMap */
	FOUND_MAX = 4 * NT_MODULES_MAX, /* of both lists, and by VADs */
};

static void clear_module(gpointer data)
{
	struct nt_module *m = data;

	g_free(m->name);
	g_free(m->path);
}

void nt_found_init(struct nt_found *found, const struct addr_space *as,
		   const struct nt_profile *profile)
{
	*found = (struct nt_found){
		.as = as,
		.profile = profile,
		.modules = g_array_new(FALSE, FALSE,
				       sizeof(struct nt_module)),
	};
	g_array_set_clear_func(found->modules, clear_module);
}

bool nt_found_has_room(const struct nt_found *found)
{
	return found->name_bytes < NAME_BYTES_ALL;
}

void nt_found_add(struct nt_found *found, const struct nt_module *module)
{
	found->name_bytes += module->name ? strlen(module->name) : 0;
	found->name_bytes += module->path ? strlen(module->path) : 0;
	g_array_append_val(found->modules, *module);
}

/* Those of one base follow each other, the lists' before the VADs'. */
static gint compare_modules(gconstpointer a, gconstpointer b)
{
	const struct nt_module *x = a, *y = b;

	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* What one source lacks is taken from the next. */
static void merge_into(struct nt_module *to, struct nt_module *m)
{
	to->from |= m->from;
	to->marks |= m->marks;
	if (!to->name)
		to->name = g_steal_pointer(&m->name);
	if (!to->path)
		to->path = g_steal_pointer(&m->path);
	if (!to->size)
		to->size = m->size;
	if (!to->entry)
		to->entry = m->entry;
	if (!to->timestamp)
		to->timestamp = m->timestamp;
	if (!to->file_object)
		to->file_object = m->file_object;
	clear_module(m);
}

static void merge_same(GArray *modules)
{
	guint n = 0, len = modules->len;

	g_array_sort(modules, compare_modules);
	g_array_set_clear_func(modules, NULL);
	for (guint i = 0; i < len; i++) {
		struct nt_module *m =
			&g_array_index(modules, struct nt_module, i);
		struct nt_module *to =
			n ? &g_array_index(modules, struct nt_module, n - 1) :
			    NULL;

		if (to && to->base == m->base)
			merge_into(to, m);
		else
			g_array_index(modules, struct nt_module, n++) = *m;
	}
	g_array_set_size(modules, n);
	g_array_set_clear_func(modules, clear_module);
}

/* The VAD that has the address, or NULL. */
static const struct nt_vad *vad_at(const GArray *vads, uint64_t va)
{
	guint low = 0, high = vads->len;

	while (low < high) {
		guint mid = low + (high - low) / 2;
		const struct nt_vad *v =
			&g_array_index(vads, struct nt_vad, mid);

		if (va >= v->start && va <= v->last)
			return v;
		if (va < v->start)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* By its type; before Vista, by the section alone. */
static bool is_image(const struct nt_vad *vad)
{
	return vad->type == VAD_IMAGE || vad->section & NT_SECTION_IMAGE;
}

/* A VAD that is of a module, or looks like one. */
static void add_vad(struct nt_found *found, const struct nt_vad *from,
		    bool lists_known)
{
	struct nt_vad vad = *from;
	struct nt_module m = { .base = vad.start };
	struct nt_pe_head head;

	nt_vad_read_section(found->as, found->profile, &vad);
	m.file_object = vad.file_object;
	if (is_image(&vad))
		m.from = NT_MODULE_VAD;
	else if (nt_pe_head_read(found->as, vad.start, &head))
		m.from = NT_MODULE_MAPPING;
	else
		return;
	if (vad.private_memory)
		m.marks |= NT_MODULE_PRIVATE;
	/* Taken away again where a list has it. */
	if (m.from == NT_MODULE_VAD && lists_known)
		m.marks |= NT_MODULE_VAD_ONLY;
	nt_found_add(found, &m);
}

static void add_vads(struct nt_found *found, const GArray *vads,
		     struct nt_modules *ret)
{
	bool known = ret->ldr == NT_LDR_OK && (ret->ldr32 == NT_LDR_OK ||
					       ret->ldr32 == NT_LDR_NONE);

	for (guint i = 0; i < vads->len && !ret->is_cut; i++) {
		add_vad(found, &g_array_index(vads, struct nt_vad, i), known);
		ret->is_cut = found->modules->len > FOUND_MAX;
	}
}

/* The size that a module claims, and how much there can be of it. */
static void settle_size(struct nt_module *m, const struct nt_vad *vad,
			const struct nt_pe_head *head)
{
	uint64_t max = IMAGE_BYTES_MAX;

	if (vad)
		max = MIN(max, vad->last + 1 - m->base);
	if (m->from & NT_MODULE_MAPPING && vad && !vad->private_memory)
		m->size = max; /* a file, not laid out */
	if (!m->size && m->has_head)
		m->size = head->size_of_image;
	if (!m->size)
		m->size = vad ? max : PAGE_SIZE_4K;
	m->size = MIN(m->size, max);
	m->size = MIN(m->size, ~m->base);
}

static void settle(struct nt_found *found, const GArray *vads,
		   struct nt_module *m)
{
	const struct nt_vad *vad = vads ? vad_at(vads, m->base) : NULL;
	const unsigned lists =
		NT_MODULE_LDR | NT_MODULE_LDR32 | NT_MODULE_KERNEL;
	struct nt_pe_head head;

	m->has_head = nt_pe_head_read(found->as, m->base, &head);
	if (m->from & lists)
		m->marks &= ~(unsigned)NT_MODULE_VAD_ONLY;
	if (vads && vads->len && !vad)
		m->marks |= NT_MODULE_NO_VAD;
	settle_size(m, vad, &head);
	if (!m->has_head)
		return;
	m->timestamp = head.timestamp;
	m->checksum = head.checksum;
	if (!m->entry && head.entry && head.entry < m->size)
		m->entry = m->base + head.entry;
}

void nt_found_end(struct nt_found *found, const GArray *vads,
		  struct nt_modules *ret)
{
	if (vads)
		add_vads(found, vads, ret);
	merge_same(found->modules);
	if (found->modules->len > NT_MODULES_MAX) {
		g_array_set_size(found->modules, NT_MODULES_MAX);
		ret->is_cut = true;
	}
	for (guint i = 0; i < found->modules->len; i++)
		settle(found, vads,
		       &g_array_index(found->modules, struct nt_module, i));
	ret->modules = g_steal_pointer(&found->modules);
}

void nt_modules_read(const struct addr_space *own,
		     const struct nt_profile *profile,
		     const struct nt_process *process, const GArray *vads,
		     struct nt_modules *ret)
{
	struct nt_found found;

	*ret = (struct nt_modules){ 0 };
	nt_found_init(&found, own, profile);
	nt_ldr_read(own, profile, process, ret, &found);
	nt_found_end(&found, vads, ret);
}

void nt_modules_clear(struct nt_modules *modules)
{
	if (modules->modules)
		g_array_unref(modules->modules);
	modules->modules = NULL;
}
