/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gathering and comparing evidence of a kernel. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "nt/evidence-priv.h"

/* Notes without a KPCR that are looked at, each against all processors. */
#define NOTES_MAX 64u

static void agree(struct gather *g, bool same)
{
	if (same)
		g->k->evidence.n_agree++;
	else
		g->k->evidence.n_conflict++;
}

/* --- the kernel's base --- */

/* Symbols are of use once the base is certain. */
static void settle_base(NtKernel *k, uint64_t base)
{
	k->image.base = VIRT(base);
	k->image.base_certain = true;
	for (unsigned i = 0; i < NT_VARS; i++)
		if (!k->vars[i].va.v &&
		    nt_kimage_symbol(&k->as, &k->image, nt_var_name(i),
				     &k->vars[i].va))
			k->vars[i].how = "symbol";
}

/* A base that was a guess gives way to the block's, where that block leads to
 * a list of processes. */
static void adopt_base(struct gather *g, uint64_t base, const char *source)
{
	NtKernel *k = g->k;

	if (!nt_evidence_is_process_list(g, k->kdbg.active_head))
		return;
	log_add(g->log, LOG_INFO, "evidence",
		"kernel base " PRIADDR " by %s instead of " PRIADDR
		", which was not certain", base, source, k->image.base.v);
	settle_base(k, base);
}

static void compare_base(struct gather *g, uint64_t base, const char *source)
{
	const struct nt_kimage *i = &g->k->image;

	if (!base || !g->k->has_image)
		return;
	if (base == i->base.v) {
		agree(g, true);
		settle_base(g->k, base);
	} else if (!i->base_certain) {
		adopt_base(g, base, source);
	} else {
		agree(g, false);
		log_add(g->log, LOG_WARN, "evidence",
			"kernel base: %s says " PRIADDR ", %s " PRIADDR
			"; the second is used", source, base, i->how,
			i->base.v);
	}
}

/* --- the kernel's variables --- */

/* A variable that points at kernel memory that is there. */
static bool is_pointer(const struct gather *g, uint64_t va)
{
	const struct addr_space *as = &g->k->as;
	uint64_t to;
	uint8_t byte;

	return nt_pointer_at(as, g->pointer_bytes, VIRT(va), &to) &&
	       nt_is_kernel_address(as, to) &&
	       vtop_read(as, VIRT(to), &byte, 1);
}

/* MmHighestUserAddress: the last byte before 64 KiB that nobody has. */
static bool is_highest(const struct gather *g, uint64_t va)
{
	uint64_t value;

	return nt_pointer_at(&g->k->as, g->pointer_bytes, VIRT(va), &value) &&
	       (value & 0xffff) == 0xffff;
}

static bool is_sane(const struct gather *g, enum nt_var_id id, uint64_t va)
{
	if (id == NT_MM_HIGHEST_USER_ADDRESS)
		return is_highest(g, va);
	return id == NT_PS_ACTIVE_PROCESS_HEAD ?
		       nt_evidence_is_process_list(g, va) :
		       is_pointer(g, va);
}

/* One more source (static) for a variable. */
static void compare_var(struct gather *g, enum nt_var_id id, uint64_t va,
			const char *source)
{
	struct nt_var *var = &g->k->vars[id];
	bool other, here;

	if (!va)
		return;
	other = is_sane(g, id, va);
	if (!var->va.v) {
		if (other)
			*var = (struct nt_var){ VIRT(va), source };
		return;
	}
	/* What one source said early does not agree with itself, and is
	 * looked at with more knowledge now. */
	if (va == var->va.v && !g_strcmp0(var->how, source)) {
		if (!other)
			*var = (struct nt_var){ VIRT(0), NULL };
		return;
	}
	agree(g, va == var->va.v);
	if (va == var->va.v)
		return;
	here = is_sane(g, id, var->va.v);
	log_add(g->log, LOG_WARN, "evidence",
		"%s: %s says " PRIADDR ", %s " PRIADDR "; the %s is used",
		nt_var_name(id), source, va, var->how, var->va.v,
		other && !here ? "first" : "second");
	if (other && !here)
		*var = (struct nt_var){ VIRT(va), source };
}

static void compare_kdbg_vars(struct gather *g)
{
	const struct nt_kdbg *d = &g->k->kdbg;

	compare_var(g, NT_PS_ACTIVE_PROCESS_HEAD, d->active_head, "KDBG");
	compare_var(g, NT_PSP_CID_TABLE, d->cid_table, "KDBG");
	compare_var(g, NT_KI_PROCESSOR_BLOCK, d->processor_block, "KDBG");
	compare_var(g, NT_MM_HIGHEST_USER_ADDRESS, d->highest_user, "KDBG");
}

/* PsLoadedModuleList is no variable that is used, but four may know it. */
static void compare_modules(struct gather *g)
{
	uint64_t values[] = { g->k->kdbg.loaded_module_list,
			      g->has_version ? g->version.loaded_module_list :
					       0,
			      g->image->facts.ps_loaded_module_list, 0 };
	static const char *const sources[] = { "KDBG", "KdVersionBlock",
					       "container", "symbol" };
	VirtAddr va;
	int first = -1;

	if (g->k->has_image &&
	    nt_kimage_symbol(&g->k->as, &g->k->image, "PsLoadedModuleList",
			     &va))
		values[3] = va.v;
	for (int i = 3; i >= 0; i--) {
		if (values[i] && first < 0) {
			first = i;
		} else if (values[i]) {
			agree(g, values[i] == values[first]);
			if (values[i] != values[first])
				log_add(g->log, LOG_WARN, "evidence",
					"PsLoadedModuleList: %s says " PRIADDR
					", %s " PRIADDR, sources[i], values[i],
					sources[first], values[first]);
		}
	}
}

/* --- the layout --- */

static void compare_offset(struct gather *g, const char *name,
			   uint32_t *offset, uint16_t other)
{
	if (!other)
		return;
	if (*offset == NT_ABSENT) {
		*offset = other;
		return;
	}
	agree(g, *offset == other);
	if (*offset != other)
		log_add(g->log, LOG_WARN, "evidence",
			"offset of %s: KDBG says 0x%x, %s 0x%x; the second is"
			" used", name, other, nt_profile_name(&g->k->profile),
			*offset);
}

/* Sizes are not compared: they grew at the end, between updates, where no
 * member moved, and the profile has the largest. */
static void compare_layout(struct gather *g)
{
	const struct nt_kdbg *d = &g->k->kdbg;
	struct nt_profile *p = &g->k->profile;

	if (!d->va.v || !g->k->has_profile)
		return;
	compare_offset(g, "DirectoryTableBase", &p->eprocess.dtb,
		       d->eprocess_dtb);
	compare_offset(g, "Peb", &p->eprocess.peb, d->eprocess_peb);
	compare_offset(g, "InheritedFromUniqueProcessId", &p->eprocess.ppid,
		       d->eprocess_ppid);
	compare_offset(g, "CurrentThread", &p->cpu.current_thread,
		       d->prcb_current_thread);
	compare_offset(g, "KPCR.Self", &p->cpu.self, d->pcr_self);
	compare_offset(g, "KPCR.Prcb", &p->cpu.prcb, d->pcr_prcb);
	compare_offset(g, "KPCR.CurrentPrcb", &p->cpu.prcb_pointer,
		       d->pcr_current_prcb);
}

/* --- the build --- */

/* NtBuildLab begins with the build: "19041.1.amd64fre.vb_release". */
static uint32_t build_of_lab(const struct gather *g)
{
	char text[8] = "", *end;
	guint64 n;

	if (!g->k->kdbg.build_lab ||
	    !vtop_read(&g->k->as, VIRT(g->k->kdbg.build_lab), text,
		       sizeof text - 1))
		return 0;
	n = g_ascii_strtoull(text, &end, 10);
	return *end == '.' && n < 65536 ? (uint32_t)n : 0;
}

/* Enablement packages change the number in some places and not in others. */
static bool same_build(enum nt_arch arch, uint32_t a, uint32_t b)
{
	const struct nt_layout *x, *y;

	return a == b || (layouts_by_build(arch, a, false, &x, 1) &&
			  layouts_by_build(arch, b, false, &y, 1) && x == y);
}

static void compare_build(struct gather *g, uint32_t build,
			  const char *source)
{
	NtKernel *k = g->k;
	enum nt_arch arch = k->has_profile ? k->profile.arch : NT_ARCH_AMD64;
	bool same;

	if (!build)
		return;
	if (!k->build) {
		k->build = build;
		return;
	}
	same = same_build(arch, build, k->build);
	agree(g, same);
	if (!same)
		log_add(g->log, LOG_WARN, "evidence",
			"build: %s says %u, the kernel %u; the second is used",
			source, build, k->build);
}

/* --- page tables --- */

/* Do these page tables map the kernel as System's do? */
static bool maps_same(const struct gather *g, uint64_t cr3)
{
	const NtKernel *k = g->k;

	return nt_same_frame(&k->as, cr3,
			     k->has_system ? k->system.eprocess :
					     k->image.base);
}

static bool is_dtb_of(const struct gather *g, VirtAddr eprocess, uint64_t cr3)
{
	const struct nt_eprocess_layout *l = &g->k->profile.eprocess;
	struct nt_object o = { &g->k->as, g->pointer_bytes, eprocess };
	uint64_t mask = g->k->as.form->root_mask, dtb;

	if (!eprocess.v)
		return false;
	return (nt_member_pointer(&o, l->dtb, &dtb) &&
		(dtb & mask) == (cr3 & mask)) ||
	       (nt_member_pointer(&o, l->user_dtb, &dtb) &&
		(dtb & mask) == (cr3 & mask));
}

/* CR3 in the container against the process that the same processor ran. */
static void compare_cpu(struct gather *g, const struct nt_cpu *cpu)
{
	uint64_t cr3;

	if (cpu->container < 0 || (guint)cpu->container >=
					  g->image->cpus->len)
		return;
	cr3 = g_array_index(g->image->cpus, struct image_cpu, cpu->container)
		      .cr3;
	if (is_dtb_of(g, cpu->attached.v ? cpu->attached : cpu->eprocess,
		      cr3) || maps_same(g, cr3)) {
		agree(g, true);
	} else if (cpu->eprocess.v) {
		agree(g, false);
		log_add(g->log, LOG_WARN, "evidence",
			"processor %u: CR3 0x%" PRIx64 " is not the DTB of the"
			" process that its current thread belongs to ("
			PRIADDR "), and maps another kernel", cpu->number, cr3,
			cpu->eprocess.v);
	}
}

/* Notes that lead to no KPCR: CR3 may be the DTB of what one of the processors
 * ran. That it is not says nothing, for that may be a process's that none of
 * them is known to run. */
static void compare_lone_cr3(struct gather *g, uint64_t cr3)
{
	bool known = maps_same(g, cr3);

	for (guint i = 0; i < g->k->cpus->len && !known; i++) {
		const struct nt_cpu *cpu =
			&g_array_index(g->k->cpus, struct nt_cpu, i);

		known = is_dtb_of(g, cpu->attached, cr3) ||
			is_dtb_of(g, cpu->eprocess, cr3);
	}
	if (known)
		agree(g, true);
}

static bool has_kpcr(const struct gather *g, int note)
{
	for (guint i = 0; i < g->k->cpus->len; i++)
		if (g_array_index(g->k->cpus, struct nt_cpu, i).container ==
		    note)
			return true;
	return false;
}

static void compare_notes(struct gather *g)
{
	const GArray *notes = g->image->cpus;

	for (guint i = 0; i < MIN(notes->len, NOTES_MAX); i++)
		if (!has_kpcr(g, (int)i))
			compare_lone_cr3(g, g_array_index(notes,
							  struct image_cpu, i)
						    .cr3);
}

static void compare_dtb(struct gather *g, uint64_t dtb)
{
	NtKernel *k = g->k;

	if (!dtb || !(k->has_system || k->has_image))
		return;
	agree(g, maps_same(g, dtb));
	if (!maps_same(g, dtb))
		log_add(g->log, LOG_WARN, "evidence",
			"DTB: the container says 0x%" PRIx64 ", which does not"
			" map the kernel; 0x%" PRIx64 " (%s) is used", dtb,
			addr_space_dtb(&k->as).v, k->dtb_source);
}

static void compare_processors(struct gather *g)
{
	for (guint i = 0; i < g->k->cpus->len; i++)
		compare_cpu(g, &g_array_index(g->k->cpus, struct nt_cpu, i));
	compare_notes(g);
	compare_dtb(g, g->image->facts.dtb);
	g->k->n_processors = MAX(g->k->n_processors, g->k->cpus->len);
}

static void read_cpus(struct gather *g)
{
	g_array_unref(g->k->cpus);
	g->k->cpus = nt_cpus_read(g->k, g->image);
}

bool nt_evidence_early(NtKernel *k)
{
	struct gather g = {
		.k = k, .pointer_bytes = nt_kernel_pointer_bytes(k),
	};

	if (!nt_evidence_search_kdbg(&g))
		return false;
	compare_kdbg_vars(&g);
	k->evidence = (struct nt_evidence){ 0 }; /* it is counted later */
	return true;
}

void nt_evidence_gather(NtKernel *k, const Image *image, Log *log)
{
	struct gather g = {
		.k = k, .image = image, .log = log,
		.pointer_bytes = nt_kernel_pointer_bytes(k),
	};

	read_cpus(&g);
	nt_evidence_find_kdbg(&g);
	compare_base(&g, k->kdbg.kern_base, "KDBG");
	if (g.has_version)
		compare_base(&g, g.version.kern_base, "KdVersionBlock");
	compare_kdbg_vars(&g);
	compare_var(&g, NT_PS_ACTIVE_PROCESS_HEAD, image->facts.ps_active_head,
		    "container");
	compare_modules(&g);
	compare_layout(&g);
	compare_build(&g, build_of_lab(&g), "NtBuildLab");
	if (g.has_version)
		compare_build(&g, g.version.build, "KdVersionBlock");
	/* KiProcessorBlock may be known only now. */
	if (!k->cpus->len || k->vars[NT_KI_PROCESSOR_BLOCK].how)
		read_cpus(&g);
	compare_processors(&g);
	if (k->evidence.n_agree + k->evidence.n_conflict)
		log_add(log, k->evidence.n_conflict ? LOG_WARN : LOG_INFO,
			"evidence", "%u piece(s) agree, %u do not",
			k->evidence.n_agree, k->evidence.n_conflict);
}
