/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VAD trees in the four forms that Windows has had since XP. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

#define TYPE_IMAGE 2u
#define TYPE_LARGE 5u

/* Member paths of the tree's links. */
struct links {
	const char *left;
	const char *right;
	const char *parent;
};

static const struct links links_xp = {
	"_MMVAD.LeftChild",
	"_MMVAD.RightChild",
	"_MMVAD.Parent",
};
static const struct links links7 = {
	"_MMADDRESS_NODE.LeftChild",
	"_MMADDRESS_NODE.RightChild",
	"_MMADDRESS_NODE.u1.Parent",
};
static const struct links links8 = {
	"_MM_AVL_NODE.LeftChild",
	"_MM_AVL_NODE.RightChild",
	"_MM_AVL_NODE.u1.Parent",
};
static const struct links links81 = {
	"_RTL_BALANCED_NODE.Left",
	"_RTL_BALANCED_NODE.Right",
	"_RTL_BALANCED_NODE.ParentValue",
};

static const struct links *find_links(const MkWin *win)
{
	if (win->build < MK_BUILD_2003)
		return &links_xp;
	if (win->build < MK_BUILD_8)
		return &links7;
	return win->build < 9600 ? &links8 : &links81;
}

void mk_vad_set(MkWin *win, uint64_t node, uint64_t first, uint64_t last)
{
	const uint8_t first_high = (uint8_t)(first >> 32);
	const uint8_t last_high = (uint8_t)(last >> 32);

	if (win->build < 9200) {
		mk_put_ptr(win, node, "_MMVAD_SHORT.StartingVpn", first);
		mk_put_ptr(win, node, "_MMVAD_SHORT.EndingVpn", last);
		return;
	}
	mk_put32(win, node, "_MMVAD_SHORT.StartingVpn", (uint32_t)first);
	mk_put32(win, node, "_MMVAD_SHORT.EndingVpn", (uint32_t)last);
	if (!mk_has(win, "_MMVAD_SHORT.StartingVpnHigh"))
		return;
	mk_kwrite(win, node + mk_offset(win, "_MMVAD_SHORT.StartingVpnHigh"),
		  &first_high, 1);
	mk_kwrite(win, node + mk_offset(win, "_MMVAD_SHORT.EndingVpnHigh"),
		  &last_high, 1);
}

static void write_flags(MkWin *win, uint64_t node,
			const struct mk_region *region)
{
	const uint64_t pages = (region->end - region->start) / MK_PAGE_SIZE;
	const uint64_t commit = region->is_private ? pages : 0;
	const uint64_t flags =
		mk_bits(win, "_MMVAD_FLAGS.VadType", region->type) |
		mk_bits(win, "_MMVAD_FLAGS.ImageMap",
			region->type == TYPE_IMAGE) |
		mk_bits(win, "_MMVAD_FLAGS.LargePages",
			region->type == TYPE_LARGE) |
		mk_bits(win, "_MMVAD_FLAGS.Protection", region->protection) |
		mk_bits(win, "_MMVAD_FLAGS.PrivateMemory", region->is_private) |
		mk_bits(win, "_MMVAD_FLAGS.CommitCharge", commit) |
		mk_bits(win, "_MMVAD_FLAGS.MemCommit", region->is_private);

	if (win->build < 9200) {
		mk_put_ptr(win, node, "_MMVAD_SHORT.u", flags);
		return;
	}
	mk_put32(win, node, "_MMVAD_SHORT.u", (uint32_t)flags);
	mk_put32(win, node, "_MMVAD_SHORT.u1",
		 (uint32_t)(mk_bits(win, "_MMVAD_FLAGS1.CommitCharge", commit) |
			    mk_bits(win, "_MMVAD_FLAGS1.MemCommit",
				    region->is_private)));
}

/* Subsection, control area, file object, name; what a VAD points to: the
 * control area up to 2003, then the subsection. */
static uint64_t make_section(MkWin *win, const char *file, bool image)
{
	const uint64_t subsection =
		mk_pool_alloc(win, &win->nonpaged, 0x60, "MmCa");
	const uint64_t area = mk_pool_alloc(win, &win->nonpaged, 0x90, "MmCa");
	const uint64_t object = mk_file_object(win, file);

	mk_area_fill(win, area, object, image);
	mk_put_ptr(win, subsection, "_SUBSECTION.ControlArea", area);
	return mk_has(win, "_MMVAD.ControlArea") ? area : subsection;
}

static const char *file_name(const MkProc *proc, const struct mk_region *region)
{
	g_autofree char *text = NULL;

	if (region->file)
		return region->file;
	if (region->type != TYPE_IMAGE)
		return "\\Windows\\Globalization\\Sorting\\SortDefault.nls";
	text = g_strdup_printf("\\Windows\\System32\\%.*s",
			       (int)proc->info.name_len,
			       (const char *)proc->info.name);
	for (char *at = text; *at; at++)
		if (!g_ascii_isprint(*at))
			*at = '_';
	return g_intern_string(text);
}

/* A VAD of a section with all that belongs to it. */
static void point_to_section(MkWin *win, struct mk_vad *vad,
			     const struct mk_region *region)
{
	const struct mk_section *section = region->section;
	const uint64_t sub = mk_section_subsection(win, section, region->first);

	vad->file = mk_file_path(section->form->file);
	mk_put_ptr(win, vad->node, "_MMVAD.Subsection", sub);
	mk_put_ptr(win, vad->node, "_MMVAD.ControlArea", sub);
	mk_put_ptr(win, vad->node, "_MMVAD.FirstPrototypePte", region->proto);
	mk_put_ptr(win, vad->node, "_MMVAD.LastContiguousPte",
		   mk_section_last(win, section, region->first));
}

static void make_vad(MkWin *win, MkProc *proc, const struct mk_region *region)
{
	const uint64_t pages = (region->end - region->start) / MK_PAGE_SIZE;
	const uint64_t pte_bytes = mk_pte_bytes(win);
	const char *name;
	uint64_t section;
	struct mk_vad vad = {
		.start = region->start,
		.end = region->end - 1,
		.protection = region->protection,
		.type = region->type,
		.is_private = region->is_private,
		.commit = region->is_private ? pages : 0,
	};

	vad.node = mk_pool_alloc(win, &win->nonpaged,
				 mk_type_size(win, region->is_private
							   ? "_MMVAD_SHORT"
							   : "_MMVAD"),
				 region->is_private ? "VadS" : "Vad ");
	mk_vad_set(win, vad.node, vad.start / MK_PAGE_SIZE,
		   vad.end / MK_PAGE_SIZE);
	write_flags(win, vad.node, region);
	if (region->section) {
		point_to_section(win, &vad, region);
	} else if (!region->is_private) {
		name = file_name(proc, region);
		vad.file = mk_file_path(name);
		section = make_section(win, name, region->type == TYPE_IMAGE);
		mk_put_ptr(win, vad.node, "_MMVAD.Subsection", section);
		mk_put_ptr(win, vad.node, "_MMVAD.ControlArea", section);
	}
	if (region->proto && !region->section) {
		mk_put_ptr(win, vad.node, "_MMVAD.FirstPrototypePte",
			   region->proto);
		mk_put_ptr(win, vad.node, "_MMVAD.LastContiguousPte",
			   region->proto + pte_bytes * (pages - 1));
	}
	g_array_append_val(proc->vads, vad);
}

/* Makes a balanced tree of vads [from, to); returns its top, 0 for none. */
static uint64_t link_tree(MkWin *win, const GArray *vads, guint from, guint to,
			  uint64_t parent)
{
	const struct links *links = find_links(win);
	const guint middle = from + (to - from) / 2;
	uint64_t node;

	if (from == to)
		return 0;
	node = g_array_index(vads, struct mk_vad, middle).node;
	mk_put_ptr(win, node, links->parent, parent);
	mk_put_ptr(win, node, links->left,
		   link_tree(win, vads, from, middle, node));
	mk_put_ptr(win, node, links->right,
		   link_tree(win, vads, middle + 1, to, node));
	return node;
}

void mk_vad_link(MkWin *win, uint64_t node, uint64_t left, uint64_t right)
{
	const struct links *links = find_links(win);

	mk_put_ptr(win, node, links->left, left);
	mk_put_ptr(win, node, links->right, right);
}

/* Where the layout has it, be it a bit field or a member. */
static void put_count(MkWin *win, uint64_t root, uint32_t n)
{
	static const char path[] = "_MM_AVL_TABLE.NumberGenericTableElements";
	struct nt_field field;

	if (!mk_field(win, path, &field))
		return;
	if (field.bit_len)
		mk_put_bits(win, root, path, n);
	else
		mk_put_ptr(win, root, path, n);
}

/* XP has a pointer to the top; up to 8.0 the root is a node of its own whose
 * right child is the tree. */
void mk_vads_build(MkWin *win, MkProc *proc)
{
	const uint64_t root =
		proc->info.eprocess + mk_offset(win, "_EPROCESS.VadRoot");
	const uint32_t n = proc->regions->len;
	uint64_t top;

	for (guint i = 0; i < n; i++)
		make_vad(win, proc,
			 &g_array_index(proc->regions, struct mk_region, i));
	if (win->build >= 9600) {
		top = link_tree(win, proc->vads, 0, n, 0);
		mk_put_ptr(win, root, "_RTL_AVL_TREE.Root", top);
		mk_put_ptr(win, proc->info.eprocess, "_EPROCESS.VadHint", top);
		mk_put_ptr(win, proc->info.eprocess, "_EPROCESS.VadCount", n);
		return;
	}
	if (win->build < MK_BUILD_2003) {
		top = link_tree(win, proc->vads, 0, n, 0);
		mk_kwrite_ptr(win, root, top);
		mk_put_ptr(win, proc->info.eprocess, "_EPROCESS.VadHint", top);
		return;
	}
	top = link_tree(win, proc->vads, 0, n, root);
	mk_put_ptr(win, root, find_links(win)->parent, root);
	mk_put_ptr(win, root, find_links(win)->right, top);
	put_count(win, root, n);
}
