/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a layout to the plain record that the readers use. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"

#include "nt/fileobj.h"
#include "nt/objname.h"
#include "nt/pagingfile.h"
#include "nt/peb.h"
#include "nt/profile.h"
#include "nt/thread.h"

uint64_t nt_field_get(struct nt_field field, uint64_t value)
{
	return field.bit_len ? bits_get(value, field.bit_pos, field.bit_len) :
			       0;
}

/* The layout speaks for structures that the symbols lack; what they have is
 * all that there is of it. */
static const struct nt_layout *layout_for(const struct nt_source *source,
					  const char *path)
{
	g_autofree char *type = g_strndup(path, strcspn(path, "."));
	uint32_t size;

	if (source->symbols && nt_symbols_size(source->symbols, type, &size))
		return NULL;
	return source->layout;
}

bool nt_source_field(const struct nt_source *source, const char *path,
		     struct nt_field *ret, bool *guessed)
{
	const struct nt_layout *layout;

	if (source->symbols && nt_symbols_field(source->symbols, path, ret)) {
		if (guessed)
			*guessed = false;
		return true;
	}
	layout = layout_for(source, path);
	return layout && layout_field(layout, path, ret, guessed);
}

const char *nt_source_type(const struct nt_source *source, const char *path)
{
	const char *type = NULL;

	if (source->symbols)
		type = nt_symbols_type(source->symbols, path);
	if (!type && layout_for(source, path))
		type = layout_type(source->layout, path);
	return type;
}

bool nt_source_size(const struct nt_source *source, const char *type,
		    uint32_t *ret)
{
	if (source->symbols && nt_symbols_size(source->symbols, type, ret))
		return true;
	return source->layout && layout_size(source->layout, type, ret);
}

static uint32_t member(struct nt_profile *p, const char *path)
{
	struct nt_field field;
	bool guessed = false;

	if (!nt_source_field(&p->source, path, &field, &guessed))
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

	if (!nt_source_field(&p->source, path, &field, NULL))
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
	e->session_links = member(p, "_EPROCESS.SessionProcessLinks");
	e->thread_list = member(p, "_EPROCESS.ThreadListHead");
	e->section_base = member(p, "_EPROCESS.SectionBaseAddress");
	/* SeAuditProcessCreationInfo has that one member. */
	e->audit_name = member(p, "_EPROCESS.SeAuditProcessCreationInfo");
	e->protection = member(p, "_EPROCESS.Protection");
	e->minimal = bit_field(p, "_EPROCESS.Minimal");
}

/* Two members, one inside the other; NT_ABSENT where either is. */
static uint32_t nested(struct nt_profile *p, const char *outer,
		       const char *inner)
{
	uint32_t a = member(p, outer), b = member(p, inner);

	return a == NT_ABSENT || b == NT_ABSENT ? NT_ABSENT : a + b;
}

static void fill_thread(struct nt_profile *p)
{
	struct nt_thread_layout *t = &p->thread;

	t->list_entry = member(p, "_ETHREAD.ThreadListEntry");
	/* ThreadsProcess went when _KTHREAD.Process came (Vista). _KTHREAD is
	 * the first member of _ETHREAD in all versions. */
	t->process = member_either(p, "_KTHREAD.Process",
				   "_ETHREAD.ThreadsProcess");
	t->apc_process = nested(p, "_KTHREAD.ApcState", "_KAPC_STATE.Process");
}

static void fill_object(struct nt_profile *p)
{
	struct nt_object_layout *o = &p->object;

	o->body = member(p, "_OBJECT_HEADER.Body");
	o->type = member(p, "_OBJECT_HEADER.Type");
	o->type_index = member(p, "_OBJECT_HEADER.TypeIndex");
	o->type_name = member(p, "_OBJECT_TYPE.Name");
}

/* Entries are two words of a pointer's width in all versions. */
static void fill_handle(struct nt_profile *p)
{
	struct nt_handle_layout *h = &p->handle;

	h->table_code = member(p, "_HANDLE_TABLE.TableCode");
	h->quota_process = member(p, "_HANDLE_TABLE.QuotaProcess");
	h->table_list = member(p, "_HANDLE_TABLE.HandleTableList");
	h->handle_count = member(p, "_HANDLE_TABLE.HandleCount");
	h->next_pool = member(p, "_HANDLE_TABLE.NextHandleNeedingPool");
	h->entry_bytes = 2 * p->pointer_bytes;
	h->pointer = bit_field(p, "_HANDLE_TABLE_ENTRY.ObjectPointerBits");
	h->pointer_shift = p->pointer_bytes == 8 ? 4 : 3;
	h->access = bit_field(p, "_HANDLE_TABLE_ENTRY.GrantedAccessBits");
	h->known = h->table_code != NT_ABSENT && p->object.body != NT_ABSENT;
}

/* _MM_SESSION_SPACE left the PDBs with 24H2; SessionId and ProcessList stayed
 * where they have been since Vista (volatility3 pull request 1399). */
static void fill_session(struct nt_profile *p)
{
	struct nt_session_layout *s = &p->session;

	s->id = member(p, "_MM_SESSION_SPACE.SessionId");
	if (s->id == NT_ABSENT)
		s->id = 8;
	s->process_list = member(p, "_MM_SESSION_SPACE.ProcessList");
	if (s->process_list == NT_ABSENT)
		s->process_list = 0x10;
}

static void fill_cpu(struct nt_profile *p)
{
	struct nt_cpu_layout *c = &p->cpu;
	uint32_t special = nested(p, "_KPRCB.ProcessorState",
				  "_KPROCESSOR_STATE.SpecialRegisters");
	uint32_t cr3 = member(p, "_KSPECIAL_REGISTERS.Cr3");

	c->self = member_either(p, "_KPCR.SelfPcr", "_KPCR.Self");
	/* On x64 Prcb is the embedded one and CurrentPrcb points at it; on
	 * x86 Prcb points and PrcbData is it. */
	c->prcb = member_either(p, "_KPCR.PrcbData", "_KPCR.Prcb");
	c->prcb_pointer = p->pointer_bytes == 4 ?
				  member(p, "_KPCR.Prcb") :
				  member(p, "_KPCR.CurrentPrcb");
	c->version_block = member(p, "_KPCR.KdVersionBlock");
	c->current_thread = member(p, "_KPRCB.CurrentThread");
	c->next_thread = member(p, "_KPRCB.NextThread");
	c->idle_thread = member(p, "_KPRCB.IdleThread");
	c->cr3 = special == NT_ABSENT || cr3 == NT_ABSENT ? NT_ABSENT :
							    special + cr3;
}

/* A field of one bit, in place. */
static uint64_t bit_mask(struct nt_profile *p, const char *path)
{
	struct nt_field f = bit_field(p, path);

	return f.bit_len == 1 && f.bit_pos < 64 ? UINT64_C(1) << f.bit_pos : 0;
}

/*
 * _MMPTE_HARDWARE.Write is bit 11 on x86 and x64, but bit 1, the processor's
 * own, in kernels for one processor up to 2003, where bit 11 is always 0
 * (symbol tables): so the layouts leave it out. On ARM64 it is Writable (bit
 * 1 of old x86 kernels is called so as well, hence the order). Where nothing
 * names them, they are where all known kernels of the family have them.
 */
static void fill_pte_hardware(struct nt_profile *p)
{
	struct nt_pte_layout *pte = &p->pte;
	bool arm = p->arch == NT_ARCH_ARM64;

	pte->writable = bit_mask(p, "_MMPTE_HARDWARE.Write");
	if (!pte->writable)
		pte->writable = bit_mask(p, "_MMPTE_HARDWARE.Writable");
	if (!pte->writable)
		pte->writable = UINT64_C(1) << (arm ? 55 : 11);
	pte->copy_on_write = bit_mask(p, "_MMPTE_HARDWARE.CopyOnWrite");
	if (!pte->copy_on_write)
		pte->copy_on_write = UINT64_C(1) << (arm ? 56 : 9);
}

static void fill_pte_prototype(struct nt_profile *p)
{
	struct nt_pte_layout *pte = &p->pte;
	struct nt_field lookaside =
		bit_field(p, "_MMPTE_SOFTWARE.OnStandbyLookaside");

	pte->proto_address = bit_field(p, "_MMPTE_PROTOTYPE.ProtoAddress");
	pte->proto_low = bit_field(p, "_MMPTE_PROTOTYPE.ProtoAddressLow");
	pte->proto_high = bit_field(p, "_MMPTE_PROTOTYPE.ProtoAddressHigh");
	pte->proto_protection = bit_field(p, "_MMPTE_PROTOTYPE.Protection");
	pte->sub_address =
		bit_field(p, "_MMPTE_SUBSECTION.SubsectionAddress");
	pte->sub_low = bit_field(p, "_MMPTE_SUBSECTION.SubsectionAddressLow");
	pte->sub_high =
		bit_field(p, "_MMPTE_SUBSECTION.SubsectionAddressHigh");
	pte->sub_pool = bit_field(p, "_MMPTE_SUBSECTION.WhichPool");
	/* It came after that bit had (20348), with 22621. */
	pte->file_form = p->pointer_bytes == 8 && lookaside.bit_len;
}

static void fill_pte(struct nt_profile *p)
{
	p->pte.transition_pfn =
		bit_field(p, "_MMPTE_TRANSITION.PageFrameNumber");
	p->pte.protection = bit_field(p, "_MMPTE_TRANSITION.Protection");
	p->pte.pagefile_low = bit_field(p, "_MMPTE_SOFTWARE.PageFileLow");
	p->pte.pagefile_high = bit_field(p, "_MMPTE_SOFTWARE.PageFileHigh");
	p->pte.swizzle = bit_field(p, "_MMPTE_SOFTWARE.SwizzleBit");
	fill_pte_prototype(p);
	fill_pte_hardware(p);
}

static bool is_type(const struct nt_profile *p, const char *path,
		    const char *type)
{
	return !g_strcmp0(nt_source_type(&p->source, path), type);
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

/* XP and 2003 have a flag in place of each value of VadType. */
static void fill_vad_types(struct nt_profile *p)
{
	struct nt_field *flags = p->vad.type_flags;

	p->vad.type = bit_field(p, "_MMVAD_FLAGS.VadType");
	flags[1] = bit_field(p, "_MMVAD_FLAGS.PhysicalMapping");
	flags[2] = bit_field(p, "_MMVAD_FLAGS.ImageMap");
	flags[3] = bit_field(p, "_MMVAD_FLAGS.UserPhysicalPages");
	flags[4] = bit_field(p, "_MMVAD_FLAGS.WriteWatch");
	flags[5] = bit_field(p, "_MMVAD_FLAGS.LargePages");
}

/* Up to 7 among the flags; from 8 on in a word of its own, u1 (24H2 has it
 * without a name). 31 bits of it, where there is no field. */
static void fill_vad_commit(struct nt_profile *p)
{
	struct nt_vad_layout *v = &p->vad;

	v->commit_high = member(p, "_MMVAD_SHORT.CommitChargeHigh");
	v->commit_bits = bit_field(p, "_MMVAD_FLAGS.CommitCharge");
	v->commit = v->flags;
	v->commit_bytes = v->flags_bytes;
	if (v->commit_bits.bit_len)
		return;
	v->commit = member_either(p, "_MMVAD_SHORT.CommitCharge",
				  "_MMVAD_SHORT.u1");
	v->commit_bytes = 4;
	v->commit_bits = bit_field(p, "_MMVAD_FLAGS1.CommitCharge");
	if (!v->commit_bits.bit_len)
		v->commit_bits.bit_len = 31;
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
	fill_vad_types(p);
	v->private_memory = bit_field(p, "_MMVAD_FLAGS.PrivateMemory");
	v->flags_bytes = v->private_memory.bit_pos >= 32 ? 8 : 4;
	v->bytes = MAX(MAX(v->flags, v->end_vpn), v->right) + 8;
	fill_vad_commit(p);
	if (v->commit != NT_ABSENT)
		v->bytes = MAX(v->bytes, v->commit + v->commit_bytes);
	v->first_proto = member(p, "_MMVAD.FirstPrototypePte");
	v->last_proto = member(p, "_MMVAD.LastContiguousPte");
	v->subsection = member(p, "_MMVAD.Subsection");
	v->control_area = member(p, "_MMVAD.ControlArea");
	v->known = v->left != NT_ABSENT && v->right != NT_ABSENT &&
		   v->start_vpn != NT_ABSENT && v->end_vpn != NT_ABSENT &&
		   v->flags != NT_ABSENT && v->private_memory.bit_len;
}

static void fill_section(struct nt_profile *p)
{
	struct nt_section_layout *s = &p->section;

	s->control_area = member(p, "_SUBSECTION.ControlArea");
	s->base = member(p, "_SUBSECTION.SubsectionBase");
	s->n_ptes = member(p, "_SUBSECTION.PtesInSubsection");
	s->next = member(p, "_SUBSECTION.NextSubsection");
	s->known = s->control_area != NT_ABSENT && s->base != NT_ABSENT &&
		   s->n_ptes != NT_ABSENT && s->next != NT_ABSENT;
	if (!nt_source_size(&p->source, "_CONTROL_AREA",
			    &s->control_area_bytes))
		s->control_area_bytes = 0;
	s->file = member(p, "_CONTROL_AREA.FilePointer");
	s->area_flags = member(p, "_CONTROL_AREA.u.Flags");
	/* Bits 5 and 7 in all versions (symbol tables of XP to 11). */
	s->image = (struct nt_field){ .bit_pos = 5, .bit_len = 1 };
	s->mapped_file = (struct nt_field){ .bit_pos = 7, .bit_len = 1 };
	nt_source_field(&p->source, "_MMSECTION_FLAGS.Image", &s->image, NULL);
	nt_source_field(&p->source, "_MMSECTION_FLAGS.File", &s->mapped_file,
			NULL);
}

static enum nt_arch source_arch(const struct nt_source *source)
{
	return source->layout ? layout_arch(source->layout) :
				nt_symbols_arch(source->symbols);
}

bool nt_profile_fill(const struct nt_source *source, struct nt_profile *ret)
{
	struct nt_profile p = { .source = *source };
	const struct nt_eprocess_layout *e = &p.eprocess;

	p.arch = source_arch(source);
	p.pointer_bytes = p.arch == NT_ARCH_X86 || p.arch == NT_ARCH_X86PAE ?
				  4 : 8;
	fill_eprocess(&p);
	fill_thread(&p);
	fill_object(&p);
	fill_handle(&p);
	fill_session(&p);
	fill_cpu(&p);
	fill_pte(&p);
	fill_vad(&p);
	fill_section(&p);
	nt_file_layout_fill(source, p.pointer_bytes, &p.file);
	nt_ethread_layout_fill(source, &p.ethread);
	nt_peb_layout_fill(source, p.pointer_bytes, &p.peb);
	nt_paging_layout_fill(source, p.pointer_bytes, &p.paging);
	nt_objname_layout_fill(source, p.pointer_bytes, &p.objname);
	p.invalid_pte_mask =
		member(&p, "_MI_SYSTEM_INFORMATION.Hardware.InvalidPteMask");
	if (e->dtb == NT_ABSENT || e->pid == NT_ABSENT ||
	    e->links == NT_ABSENT || e->name == NT_ABSENT)
		return false;
	*ret = p;
	return true;
}

const char *nt_profile_name(const struct nt_profile *profile)
{
	const struct nt_source *s = &profile->source;

	return s->symbols ? nt_symbols_name(s->symbols) :
			    layout_id(s->layout);
}
