/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking the VAD tree, in the form of any version. */
#include "config.h"

#include "base/bytes.h"
#include "base/seen.h"
#include "nt/member.h"
#include "nt/pages.h"
#include "nt/vad.h"

struct vad_walk {
	const struct addr_space *as;
	NtPages *pages; /* of as, where many nodes are read; or NULL */
	const struct nt_vad_layout *layout;
	unsigned pointer_bytes;
	Seen *seen;
	GArray *todo; /* uint64_t: nodes to visit */
	GArray *vads;
};

/* The bytes of a node that anything is read from. */
#define NODE_BYTES_MAX 128u

static bool read_at(const struct vad_walk *w, uint64_t va, void *buf, size_t n)
{
	return w->pages ? nt_pages_read(w->pages, VIRT(va), buf, n) :
			  vtop_read(w->as, VIRT(va), buf, n);
}

static void push(struct vad_walk *w, uint64_t node)
{
	if (nt_is_kernel_address(w->as, node) &&
	    seen_enter(w->seen, node) == SEEN_NEW)
		g_array_append_val(w->todo, node);
}

/* A little-endian integer in a node; 0 where it is not within. */
static uint64_t get(const uint8_t node[NODE_BYTES_MAX], uint32_t offset,
		    unsigned n_bytes)
{
	uint8_t raw[8] = { 0 };

	if (range_fits(offset, n_bytes, NODE_BYTES_MAX))
		memcpy(raw, node + offset, n_bytes);
	return load_le64(raw);
}

static void push_children(struct vad_walk *w, const uint8_t *node)
{
	push(w, get(node, w->layout->left, w->pointer_bytes));
	push(w, get(node, w->layout->right, w->pointer_bytes));
}

/* A page number in one member, or with its upper 8 bits in another. */
static uint64_t get_vpn(const struct vad_walk *w, const uint8_t *node,
			uint32_t offset, uint32_t high_offset)
{
	uint64_t vpn = get(node, offset, w->layout->vpn_bytes);

	if (high_offset != NT_ABSENT)
		vpn |= get(node, high_offset, 1) << 32;
	return vpn;
}

/* All bits set, of the old flags: pages have a charge of their own each
 * (MM_MAX_COMMIT). */
static uint64_t get_commit(const struct vad_walk *w, const uint8_t *node)
{
	const struct nt_vad_layout *l = w->layout;
	uint64_t max = l->commit_bits.bit_len >= 64 ?
			       UINT64_MAX :
			       (UINT64_C(1) << l->commit_bits.bit_len) - 1;
	uint64_t commit;

	if (l->commit == NT_ABSENT)
		return NT_VAD_NO_COMMIT;
	commit = nt_field_get(l->commit_bits,
			      get(node, l->commit, l->commit_bytes));
	if (commit == max)
		return NT_VAD_NO_COMMIT;
	if (l->commit_high != NT_ABSENT)
		commit |= get(node, l->commit_high, 1)
			  << l->commit_bits.bit_len;
	return commit;
}

static unsigned get_type(const struct nt_vad_layout *l, uint64_t flags)
{
	if (l->type.bit_len)
		return (unsigned)nt_field_get(l->type, flags);
	for (unsigned i = 1; i < G_N_ELEMENTS(l->type_flags); i++)
		if (nt_field_get(l->type_flags[i], flags))
			return i;
	return 0;
}

static bool parse_node(const struct vad_walk *w, uint64_t va,
		       const uint8_t *node, struct nt_vad *ret)
{
	const struct nt_vad_layout *l = w->layout;
	uint64_t first = get_vpn(w, node, l->start_vpn, l->start_vpn_high);
	uint64_t last = get_vpn(w, node, l->end_vpn, l->end_vpn_high);
	uint64_t flags = get(node, l->flags, l->flags_bytes);

	if (first > last || last >= UINT64_C(1) << (57 - PAGE_SHIFT_4K))
		return false;
	*ret = (struct nt_vad){
		.node = VIRT(va),
		.start = first << PAGE_SHIFT_4K,
		.last = (last << PAGE_SHIFT_4K) + PAGE_MASK_4K,
		.protection = (unsigned)nt_field_get(l->protection, flags),
		.type = get_type(l, flags),
		.private_memory = nt_field_get(l->private_memory, flags) != 0,
		.commit = get_commit(w, node),
	};
	return true;
}

/*
 * Is it an _MMVAD_SHORT by its pool tag (VadS, VadF: behind it in the pool is
 * something else)? The tag is in the second quarter of the pool header, which
 * lies before the node. A node without a tag is taken for what its flags say.
 */
static bool is_short(const struct vad_walk *w, uint64_t va)
{
	uint8_t tag[4];
	uint64_t back = w->pointer_bytes == 8 ? 12 : 4;

	return read_at(w, va - back, tag, sizeof tag) &&
	       (!memcmp(tag, "VadS", 4) || !memcmp(tag, "VadF", 4));
}

static uint64_t get_pointer(const struct vad_walk *w, uint64_t va,
			    uint32_t offset)
{
	uint8_t raw[8] = { 0 };

	if (offset == NT_ABSENT ||
	    !read_at(w, va + offset, raw, w->pointer_bytes))
		return 0;
	return load_le64(raw);
}

/* The members that only views of sections have. */
static void parse_section(const struct vad_walk *w, struct nt_vad *vad)
{
	const struct nt_vad_layout *l = w->layout;
	uint64_t va = vad->node.v;

	if (vad->private_memory || is_short(w, va))
		return;
	vad->first_proto = get_pointer(w, va, l->first_proto);
	vad->last_proto = get_pointer(w, va, l->last_proto);
	vad->subsection = get_pointer(w, va, l->subsection);
	vad->control_area = get_pointer(w, va, l->control_area);
}

static void add_node(struct vad_walk *w, uint64_t va, const uint8_t *node)
{
	struct nt_vad vad;

	if (!parse_node(w, va, node, &vad))
		return;
	parse_section(w, &vad);
	g_array_append_val(w->vads, vad);
}

/* Reads as much of a node as the layout needs. */
static bool read_node(const struct vad_walk *w, uint64_t va,
		      uint8_t node[NODE_BYTES_MAX])
{
	return w->layout->bytes <= NODE_BYTES_MAX &&
	       read_at(w, va, node, w->layout->bytes);
}

static gint compare_vads(gconstpointer a, gconstpointer b)
{
	const struct nt_vad *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->node.v < y->node.v ? -1 : x->node.v > y->node.v;
}

static void sort_vads(GArray *vads)
{
	guint n = 0;

	g_array_sort(vads, compare_vads);
	for (guint i = 0; i < vads->len; i++) {
		struct nt_vad vad = g_array_index(vads, struct nt_vad, i);

		if (n && g_array_index(vads, struct nt_vad, n - 1).last >=
				 vad.start)
			continue;
		g_array_index(vads, struct nt_vad, n++) = vad;
	}
	g_array_set_size(vads, n);
}

GArray *nt_vad_list(const struct addr_space *own,
		    const struct nt_profile *profile,
		    const struct nt_process *process)
{
	g_autoptr(Seen) seen = seen_new(NT_VADS_MAX);
	g_autoptr(NtPages) pages = nt_pages_new(own);
	g_autoptr(GArray) todo = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	struct vad_walk w = {
		.as = own,
		.pages = pages,
		.layout = &profile->vad,
		.pointer_bytes = profile->pointer_bytes,
		.seen = seen,
		.todo = todo,
		.vads = g_array_new(FALSE, FALSE, sizeof(struct nt_vad)),
	};
	uint8_t node[NODE_BYTES_MAX] = { 0 };

	if (!process->vad_root_va || !w.layout->known)
		return w.vads;
	if (w.layout->root_is_node) {
		if (read_node(&w, process->vad_root_va, node))
			push_children(&w, node);
	} else if (vtop_read(own, VIRT(process->vad_root_va), node,
			     w.pointer_bytes)) {
		push(&w, get(node, 0, w.pointer_bytes));
	}
	while (todo->len) {
		uint64_t va = g_array_index(todo, uint64_t, todo->len - 1);

		g_array_set_size(todo, todo->len - 1);
		if (!read_node(&w, va, node))
			continue;
		add_node(&w, va, node);
		push_children(&w, node);
	}
	sort_vads(w.vads);
	return w.vads;
}

/* The first node of the tree; 0 where it is empty or not readable. */
static uint64_t top_node(const struct vad_walk *w, uint64_t root_va)
{
	uint8_t node[NODE_BYTES_MAX] = { 0 };

	if (w->layout->root_is_node)
		return read_node(w, root_va, node) ?
			       get(node, w->layout->right, w->pointer_bytes) :
			       0;
	return vtop_read(w->as, VIRT(root_va), node, w->pointer_bytes) ?
		       get(node, 0, w->pointer_bytes) : 0;
}

bool nt_vad_find(const struct addr_space *own,
		 const struct nt_profile *profile,
		 const struct nt_process *process, uint64_t va,
		 struct nt_vad *ret)
{
	struct vad_walk w = { .as = own, .layout = &profile->vad,
			      .pointer_bytes = profile->pointer_bytes };
	uint64_t at;

	if (!process->vad_root_va || !w.layout->known)
		return false;
	at = top_node(&w, process->vad_root_va);
	for (unsigned i = 0; i < NT_VAD_DEPTH_MAX; i++) {
		uint8_t node[NODE_BYTES_MAX] = { 0 };

		if (!nt_is_kernel_address(own, at) ||
		    !read_node(&w, at, node) ||
		    !parse_node(&w, at, node, ret))
			return false;
		if (va >= ret->start && va <= ret->last)
			return true;
		at = get(node, va < ret->start ? w.layout->left :
						 w.layout->right,
			 w.pointer_bytes);
	}
	return false;
}

bool nt_vad_is_private(const struct nt_vad *vad)
{
	return vad->private_memory || (vad->protection & 7) == 5 ||
	       (vad->protection & 7) == 7;
}

/* The control area by the subsection that a VAD names since Vista. */
static bool find_area(const struct nt_object *subsection, uint32_t offset,
		      struct nt_vad *vad)
{
	return vad->subsection &&
	       nt_is_kernel_address(subsection->as, vad->subsection) &&
	       nt_member_pointer(subsection, offset, &vad->control_area);
}

/* FilePointer without the count in its low bits (_EX_FAST_REF: 3 of them, of
 * 64-bit pointers 4); file objects are aligned to more on all versions. */
static uint64_t read_file(const struct nt_object *area, uint32_t offset)
{
	uint64_t file;

	if (!nt_member_pointer(area, offset, &file))
		return 0;
	return file & ~(uint64_t)(2 * area->pointer_bytes - 1);
}

void nt_vad_read_section(const struct addr_space *own,
			 const struct nt_profile *profile, struct nt_vad *vad)
{
	const struct nt_section_layout *l = &profile->section;
	unsigned n = profile->pointer_bytes;
	struct nt_object area, subsection = { own, n, VIRT(vad->subsection) };
	uint32_t flags;

	if (!vad->control_area)
		find_area(&subsection, l->control_area, vad);
	if (!nt_is_kernel_address(own, vad->control_area))
		return;
	area = (struct nt_object){ own, n, VIRT(vad->control_area) };
	if (!nt_member_u32(&area, l->area_flags, &flags))
		return;
	vad->section = NT_SECTION_READ;
	if (nt_field_get(l->image, flags))
		vad->section |= NT_SECTION_IMAGE;
	if (nt_field_get(l->mapped_file, flags))
		vad->section |= NT_SECTION_FILE;
	vad->file_object = read_file(&area, l->file);
	if (!nt_is_kernel_address(own, vad->file_object))
		vad->file_object = 0;
}
