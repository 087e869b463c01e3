/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a layout to the plain record that the readers use. */
#include "config.h"

#include "base/bytes.h"

#include "nt/profile.h"

uint64_t nt_field_get(struct nt_field field, uint64_t value)
{
	return field.bit_len ? bits_get(value, field.bit_pos, field.bit_len) :
			       0;
}

static uint32_t member(struct nt_profile *p, const char *path)
{
	struct nt_field field;
	bool guessed = false;

	if (!layout_field(p->layout, path, &field, &guessed))
		return NT_ABSENT;
	p->guessed |= guessed;
	return field.offset;
}

/* A member that has had two spellings. */
static uint32_t member_either(struct nt_profile *p, const char *path,
			      const char *other)
{
	uint32_t offset = member(p, path);

	return offset != NT_ABSENT ? offset : member(p, other);
}

static struct nt_field bit_field(struct nt_profile *p, const char *path)
{
	struct nt_field field = { 0 };

	if (!layout_field(p->layout, path, &field, NULL))
		return (struct nt_field){ 0 };
	return field;
}

static void fill_eprocess(struct nt_profile *p)
{
	struct nt_eprocess_layout *e = &p->eprocess;

	e->type = 0; /* _DISPATCHER_HEADER.Type, first byte in all versions */
	e->dtb = member(p, "_KPROCESS.DirectoryTableBase");
	e->user_dtb = member(p, "_KPROCESS.UserDirectoryTableBase");
	e->pid = member(p, "_EPROCESS.UniqueProcessId");
	e->links = member(p, "_EPROCESS.ActiveProcessLinks");
	e->ppid = member(p, "_EPROCESS.InheritedFromUniqueProcessId");
	e->name = member(p, "_EPROCESS.ImageFileName");
	e->create_time = member(p, "_EPROCESS.CreateTime");
	e->exit_time = member(p, "_EPROCESS.ExitTime");
	e->peb = member(p, "_EPROCESS.Peb");
	/* Renamed with 10586, when its target changed (docs/formats.md,
	 * "Process objects"). */
	e->wow64 = member_either(p, "_EPROCESS.WoW64Process",
				 "_EPROCESS.Wow64Process");
	e->session = member(p, "_EPROCESS.Session");
	e->active_threads = member(p, "_EPROCESS.ActiveThreads");
	e->object_table = member(p, "_EPROCESS.ObjectTable");
	e->vad_root = member(p, "_EPROCESS.VadRoot");
	e->exit_status = member(p, "_EPROCESS.ExitStatus");
	e->flags = member(p, "_EPROCESS.Flags");
}

static void fill_pte(struct nt_profile *p)
{
	p->pte.transition_pfn =
		bit_field(p, "_MMPTE_TRANSITION.PageFrameNumber");
	p->pte.protection = bit_field(p, "_MMPTE_TRANSITION.Protection");
	p->pte.pagefile_low = bit_field(p, "_MMPTE_SOFTWARE.PageFileLow");
	p->pte.pagefile_high = bit_field(p, "_MMPTE_SOFTWARE.PageFileHigh");
	p->pte.swizzle = bit_field(p, "_MMPTE_SOFTWARE.SwizzleBit");
}

static bool is_type(const struct nt_profile *p, const char *path,
		    const char *type)
{
	return !g_strcmp0(layout_type(p->layout, path), type);
}

/* The node of the tree: its type came and went with that of VadRoot. */
static void fill_vad_node(struct nt_profile *p)
{
	struct nt_vad_layout *v = &p->vad;

	v->root_is_node = is_type(p, "_EPROCESS.VadRoot", "_MM_AVL_TABLE");
	if (is_type(p, "_EPROCESS.VadRoot", "_RTL_AVL_TREE")) {
		v->left = member(p, "_RTL_BALANCED_NODE.Left");
		v->right = member(p, "_RTL_BALANCED_NODE.Right");
	} else if (v->root_is_node) {
		v->left = member_either(p, "_MM_AVL_NODE.LeftChild",
					"_MMADDRESS_NODE.LeftChild");
		v->right = member_either(p, "_MM_AVL_NODE.RightChild",
					 "_MMADDRESS_NODE.RightChild");
	} else { /* XP: a pointer to an _MMVAD */
		v->left = member(p, "_MMVAD_SHORT.LeftChild");
		v->right = member(p, "_MMVAD_SHORT.RightChild");
	}
}

static void fill_vad(struct nt_profile *p)
{
	struct nt_vad_layout *v = &p->vad;

	fill_vad_node(p);
	v->start_vpn = member(p, "_MMVAD_SHORT.StartingVpn");
	v->end_vpn = member(p, "_MMVAD_SHORT.EndingVpn");
	v->start_vpn_high = member(p, "_MMVAD_SHORT.StartingVpnHigh");
	v->end_vpn_high = member(p, "_MMVAD_SHORT.EndingVpnHigh");
	v->vpn_bytes = is_type(p, "_MMVAD_SHORT.StartingVpn",
			       "unsigned long long") ? 8 : 4;
	v->flags = member(p, "_MMVAD_SHORT.u");
	v->protection = bit_field(p, "_MMVAD_FLAGS.Protection");
	v->type = bit_field(p, "_MMVAD_FLAGS.VadType");
	v->private_memory = bit_field(p, "_MMVAD_FLAGS.PrivateMemory");
	v->flags_bytes = v->private_memory.bit_pos >= 32 ? 8 : 4;
	v->bytes = MAX(MAX(v->flags, v->end_vpn), v->right) + 8;
	v->known = v->left != NT_ABSENT && v->right != NT_ABSENT &&
		   v->start_vpn != NT_ABSENT && v->end_vpn != NT_ABSENT &&
		   v->flags != NT_ABSENT && v->private_memory.bit_len;
}

/* _MM_SESSION_SPACE left the PDBs with 24H2; SessionId stayed at 8, where it
 * has been since Vista (volatility3 pull request 1399). */
#define SESSION_ID_SINCE_VISTA 8u

bool nt_profile_fill(const struct nt_layout *layout,
		     const struct nt_kernel *kernel, struct nt_profile *ret)
{
	struct nt_profile p = { .layout = layout, .kernel = kernel };
	const struct nt_eprocess_layout *e = &p.eprocess;
	enum nt_arch arch = layout_arch(layout);

	p.pointer_bytes = arch == NT_ARCH_X86 || arch == NT_ARCH_X86PAE ? 4 : 8;
	fill_eprocess(&p);
	fill_pte(&p);
	fill_vad(&p);
	p.session_id = member(&p, "_MM_SESSION_SPACE.SessionId");
	if (p.session_id == NT_ABSENT)
		p.session_id = SESSION_ID_SINCE_VISTA;
	p.invalid_pte_mask =
		member(&p, "_MI_SYSTEM_INFORMATION.Hardware.InvalidPteMask");
	if (e->dtb == NT_ABSENT || e->pid == NT_ABSENT ||
	    e->links == NT_ABSENT || e->name == NT_ABSENT)
		return false;
	*ret = p;
	return true;
}
