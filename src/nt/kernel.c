/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the kernel: candidates, trials, the best result. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/progress.h"
#include "nt/derive.h"
#include "nt/cpus.h"
#include "nt/dtbscan.h"
#include "nt/evidence.h"
#include "nt/identify.h"
#include "nt/kernel.h"
#include "nt/pagingfile.h"
#include "nt/softkernel.h"
#include "nt/store.h"
#include "nt/symload.h"
#include "nt/triage.h"
#include "vtop/guess.h"

/* How many candidates for the DTB are tried by each means; each costs a walk
 * of the kernel's area. A healthy image needs one. */
enum {
	TRIALS_MAX = 64,
	RSDS_TRIALS_MAX = 4,
	SCAN_TRIALS_MAX = 12,
	CPU_TRIALS_MAX = 16,
	DEEP_TRIALS_MAX = 4,
	TRIAL_SHARE = 4,
};

struct trial {
	PhysAddr dtb;
	const struct paging_form *form;
	const char *source;
	unsigned n_kernel; /* entries in its kernel half */
};

struct finder {
	const PhysMem *pm;
	const struct nt_hints *hints;
	Log *log;
	uint64_t kernel_hint;	/* an address in the kernel, or 0 */
	NtKernel *best;		/* found so far, owned */
	NtSymload *symload;
	unsigned n_trials, n_rsds, n_scans;
	uint64_t steps_left;	/* of all trials of a round together */
	struct vtop_meter meter; /* of the one that is being made */
	struct trial tried[TRIALS_MAX];
	bool out_of_steps; /* a trial was cut short */
	bool deep;	/* second round: spare nothing */
	bool done;
};

static NtKernel *kernel_new(struct finder *f, PhysAddr dtb,
			    const struct paging_form *form,
			    const char *source)
{
	NtKernel *k = g_new0(NtKernel, 1);

	k->as = (struct addr_space){
		.pm = f->pm,
		.form = form,
		.root = dtb,
		.meter = &f->meter,
	};
	k->dtb_source = source;
	k->cpus = g_array_new(FALSE, TRUE, sizeof(struct nt_cpu));
	return k;
}

void nt_kernel_free(NtKernel *kernel)
{
	if (!kernel)
		return;
	nt_store_free(kernel->store);
	if (kernel->derived)
		g_array_unref(kernel->derived);
	if (kernel->paging_files)
		g_array_unref(kernel->paging_files);
	g_free(kernel->version);
	nt_symload_free(kernel->symload);
	if (kernel->cpus)
		g_array_unref(kernel->cpus);
	direct_map_free(kernel->direct);
	g_free(kernel);
}

/* A kernel is worth more the more of it is known. */
static unsigned worth(const NtKernel *k)
{
	return k ? 1u + 4u * k->has_system + 2u * k->has_image +
			   k->kuser.valid :
		   0;
}

static void keep_better(struct finder *f, NtKernel *k)
{
	if (worth(k) > worth(f->best)) {
		nt_kernel_free(f->best);
		f->best = k;
	} else {
		nt_kernel_free(k);
	}
}

static void find_image(struct finder *f, NtKernel *k)
{
	if (f->hints->kernel_base) {
		nt_kimage_at(&k->as, VIRT(f->hints->kernel_base), &k->image);
		k->has_image = k->image.has_pe;
	}
	if (!k->has_image)
		k->has_image = nt_kimage_find(&k->as, f->kernel_hint,
					      &k->image);
	if (k->has_image || (!k->kuser.valid && !f->deep) ||
	    f->n_rsds >= RSDS_TRIALS_MAX)
		return;
	f->n_rsds++;
	k->has_image = nt_kimage_find_rsds(&k->as, &k->image);
}

/* kernel_base= is a hint as others are: a base with no header there only
 * counts where the search leads to no other. */
static void log_base(const NtKernel *k, const struct finder *f)
{
	uint64_t want = f->hints->kernel_base;

	if (want && (!k->has_image || k->image.base.v != want))
		log_add(f->log, LOG_WARN, "kernel",
			"kernel_base=0x%" PRIx64 ": there is no kernel's header"
			" there; it was looked for elsewhere",
			want);
}

/*
 * What all trials of a round may cost, in steps (vtop_meter): a healthy image
 * needs some ten thousand. Sixteen times all its pages, for the searches of
 * all memory, and 2^19 for what is done where they hit something: about two
 * seconds for a small image that does nothing but hit.
 */
static uint64_t steps_for(const PhysMem *pm)
{
	return (UINT64_C(1) << 19) +
	       16 * (physmem_bytes(pm) / PAGE_SIZE_4K);
}

/* One trial gets a quarter of what is left: decoys that come first cannot use
 * up all of it. */
static void start_trial(struct finder *f)
{
	f->meter.left = f->steps_left / TRIAL_SHARE;
	f->steps_left -= f->meter.left;
}

static void end_trial(struct finder *f)
{
	f->out_of_steps |= !f->meter.left;
	f->steps_left += f->meter.left;
}

static void examine(struct finder *f, PhysAddr dtb,
		    const struct paging_form *form, const char *source)
{
	NtKernel *k = kernel_new(f, dtb, form, source);

	start_trial(f);
	nt_identify_kuser(k);
	find_image(f, k);
	nt_symload_apply(f->symload, k);
	if (k->has_image || k->kuser.valid || f->deep)
		f->n_scans += nt_identify_profile(
			k, f->hints, f->n_scans < SCAN_TRIALS_MAX);
	end_trial(f);
	f->done = k->has_system;
	if (k->has_image || k->has_system || k->kuser.valid)
		keep_better(f, k);
	else
		nt_kernel_free(k);
}

static bool form_wanted(const struct finder *f, const struct paging_form *form)
{
	return !f->hints->form || f->hints->form == form;
}

/* Tries one DTB (flag bits are masked) as the top of tables of one form. */
static void try_dtb(struct finder *f, uint64_t raw,
		    const struct paging_form *form, const char *source)
{
	PhysAddr dtb = PHYS(raw & form->root_mask);

	if (f->done || f->n_trials >= TRIALS_MAX || !form_wanted(f, form) ||
	    !physmem_has_page(f->pm, dtb))
		return;
	f->tried[f->n_trials++] = (struct trial){
		dtb, form, source, nt_dtb_kernel_entries(f->pm, dtb, form)
	};
	examine(f, dtb, form, source);
}

/* A DTB whose form nobody tells: the likeliest first. */
static void try_forms(struct finder *f, uint64_t raw, const char *source)
{
	const struct paging_form *likely =
		vtop_guess_form(f->pm, PHYS(page_floor(raw)));

	try_dtb(f, raw, likely, source);
	for (size_t i = 0; paging_forms[i]; i++)
		if (paging_forms[i] != likely)
			try_dtb(f, raw, paging_forms[i], source);
}

static int by_kernel_entries(const void *a, const void *b)
{
	const struct trial *x = a, *y = b;

	return (x->n_kernel < y->n_kernel) - (x->n_kernel > y->n_kernel);
}

/*
 * The second round, over the candidates that map the most of a kernel (the
 * tables that a process runs on under KVA shadow map next to nothing of it):
 * neither KUSER_SHARED_DATA nor a PE header need be there, all kernel memory
 * is searched.
 */
static void try_again_deep(struct finder *f)
{
	f->deep = true;
	f->steps_left = steps_for(f->pm);
	f->n_rsds = f->n_scans = 0;
	qsort(f->tried, f->n_trials, sizeof f->tried[0], by_kernel_entries);
	for (unsigned i = 0; i < MIN(f->n_trials, DEEP_TRIALS_MAX); i++)
		if (!f->done)
			examine(f, f->tried[i].dtb, f->tried[i].form,
				f->tried[i].source);
}

static bool scan_candidate(void *ctx, PhysAddr dtb,
			   const struct paging_form *form)
{
	struct finder *f = ctx;

	try_dtb(f, dtb.v, form, "self-map scan");
	return !f->done && f->n_trials < TRIALS_MAX;
}

static void try_processors(struct finder *f, const Image *image)
{
	for (guint i = 0; i < MIN(image->cpus->len, CPU_TRIALS_MAX); i++) {
		struct image_cpu cpu =
			g_array_index(image->cpus, struct image_cpu, i);

		f->kernel_hint = cpu.idt_base;
		try_forms(f, cpu.cr3, "processor state of the container (CR3)");
	}
	f->kernel_hint = 0;
}

static void try_all(struct finder *f, const Image *image)
{
	/* In this order where a page may be the top of several: tables of
	 * ARM64 pass for those of x64, hardly ever the other way round. */
	static const struct paging_form *const all[] = {
		&paging_arm64, &paging_amd64, &paging_la57, &paging_pae,
		&paging_x86, NULL
	};
	const struct paging_form *const one[] = { f->hints->form, NULL };
	PhysAddr dtb;

	if (f->hints->dtb)
		try_forms(f, f->hints->dtb, "dtb=");
	if (f->hints->dtb && !f->done)
		log_add(f->log, LOG_INFO, "kernel",
			"dtb=0x%" PRIx64 " leads to no Windows kernel; looking"
			" on without it",
			f->hints->dtb);
	if (image->facts.dtb && !f->done)
		try_forms(f, image->facts.dtb, "header of the container");
	if (f->done)
		return;
	try_processors(f, image);
	if (!f->done && nt_dtb_low_stub(f->pm, &dtb, &f->kernel_hint))
		try_forms(f, dtb.v, "low stub");
	f->kernel_hint = f->hints->former_base;
	/* Not earlier: a guest that was started anew may have left the tables
	 * of its former kernel behind. */
	if (!f->done && f->hints->former_dtb)
		try_forms(f, f->hints->former_dtb, "the search before");
	f->kernel_hint = 0;
	if (f->done)
		return;
	log_add(f->log, LOG_INFO, "kernel",
		"no DTB from the container or the low stub; searching all"
		" physical memory for self-referencing page tables");
	nt_dtb_scan(f->pm, f->hints->form ? one : all, scan_candidate, f);
}

static void log_result(const NtKernel *k, const struct finder *f)
{
	if (f->out_of_steps)
		log_add(f->log, LOG_WARN, "kernel",
			"memory is full of what looks like a kernel: not all of"
			" it was looked at; dtb= and kernel_base= lead to the"
			" right one");
	if (!k) {
		log_add(f->log, LOG_FAIL, "kernel",
			"no Windows kernel found (%u candidate(s) for its DTB"
			" tried);"
			" dtb=ADDRESS names a top-level page table,"
			" kernel_base=ADDRESS the kernel's base",
			f->n_trials);
		return;
	}
	log_add(f->log, LOG_INFO, "kernel", "DTB 0x%" PRIx64 " by %s",
		addr_space_dtb(&k->as).v, k->dtb_source);
	if (!k->kuser.valid)
		log_add(f->log, LOG_WARN, "kernel",
			"KUSER_SHARED_DATA is missing or damaged: no capture"
			" time, the version comes from the kernel's image");
	if (!k->has_system)
		log_add(f->log, LOG_FAIL, "kernel",
			"no System process was found: processes cannot be"
			" listed; eprocess=ADDRESS names one");
}

/* Once the evidence was asked for it as well. */
static void log_image(const NtKernel *k, const struct finder *f)
{
	log_base(k, f);
	if (!k->has_image)
		log_add(f->log, LOG_WARN, "kernel",
			"the kernel's image was not found; kernel_base="
			" names it");
	else
		log_add(f->log, LOG_INFO, "kernel",
			"base " PRIADDR " by %s%s%s", k->image.base.v,
			k->image.how, k->image.base_certain ? "" :
			" (not certain)",
			k->image.has_pdb ? "" : "; its PDB record is missing");
}

static void log_profile(const NtKernel *k, Log *log)
{
	if (!k->has_profile)
		return;
	log_add(log, LOG_INFO, "profile", "%s, %s",
		nt_profile_name(&k->profile), k->profile_source);
	if (k->profile_misfit)
		log_add(log, LOG_WARN, "profile",
			"%s, the layout by the kernel's identity, does not fit"
			" memory; what fits is used",
			k->profile_misfit);
	if (k->profile.guessed)
		log_add(log, LOG_WARN, "profile",
			"members missing in %s were taken from its nearest"
			" relative",
			nt_profile_name(&k->profile));
	if (k->has_system && !k->system.named)
		log_add(log, LOG_WARN, "profile",
			"the process with pid 4 is not called System");
	if (k->has_system && !k->system.links_close)
		log_add(log, LOG_WARN, "profile",
			"a neighbour of System in the process list does not"
			" point back at it");
}

/* What is known once there is a kernel. It may cost as much as the search did;
 * from then on every user of the address space has bounds of its own. */
static void complete(struct finder *f, NtKernel *k, const Image *image)
{
	f->meter.left = steps_for(f->pm);
	nt_identify_finish(k, image);
	log_profile(k, f->log);
	progress_step("learning about the kernel");
	/* A file may lack whole structures. */
	if (!k->profile_exact || k->profile.thread.list_entry == NT_ABSENT)
		nt_derive_members(k, f->log);
	nt_evidence_gather(k, image, f->log);
	log_image(k, f);
	/* KDBG may have told the build of a kernel whose System is lost. */
	if (!k->has_profile && !f->hints->no_profile) {
		nt_identify_unchecked(k);
		nt_identify_finish(k, image);
		log_profile(k, f->log);
	}
	nt_identify_user_end(k);
	if (k->has_profile) /* again, with what KDBG says */
		nt_soft_setup(k);
	progress_step("looking for the kernel's variables");
	nt_derive_variables(k, f->log);
	nt_paging_files_keep(k);
	k->as.meter = NULL;
	if (!f->meter.left)
		log_add(f->log, LOG_WARN, "kernel",
			"what is made out of memory was not finished: it would"
			" take too long");
}

NtKernel *nt_kernel_find(const PhysMem *pm, const Image *image,
			 const struct nt_hints *hints, Log *log)
{
	struct finder f = { .pm = pm, .hints = hints, .log = log,
			    .steps_left = steps_for(pm) };

	if (image->triage)
		return nt_kernel_triage(pm, image, hints, log);
	f.symload = nt_symload_new(hints, log);
	try_all(&f, image);
	if (!f.done)
		try_again_deep(&f);
	log_result(f.best, &f);
	nt_symload_report(f.symload, f.best);
	if (!f.best) {
		nt_symload_free(f.symload);
		return NULL;
	}
	f.best->symload = f.symload;
	complete(&f, f.best, image);
	return f.best;
}

const char *nt_var_name(enum nt_var_id id)
{
	static const char *const names[NT_VARS] = {
		[NT_PS_ACTIVE_PROCESS_HEAD] = "PsActiveProcessHead",
		[NT_PS_INITIAL_SYSTEM_PROCESS] = "PsInitialSystemProcess",
		[NT_PS_IDLE_PROCESS] = "PsIdleProcess",
		[NT_PSP_CID_TABLE] = "PspCidTable",
		[NT_HANDLE_TABLE_LIST_HEAD] = "HandleTableListHead",
		[NT_OB_TYPE_INDEX_TABLE] = "ObTypeIndexTable",
		[NT_OB_HEADER_COOKIE] = "ObHeaderCookie",
		[NT_KI_PROCESSOR_BLOCK] = "KiProcessorBlock",
		[NT_KD_DEBUGGER_DATA_BLOCK] = "KdDebuggerDataBlock",
		[NT_MM_HIGHEST_USER_ADDRESS] = "MmHighestUserAddress",
	};

	return names[id];
}

bool nt_kernel_var(const NtKernel *kernel, enum nt_var_id id, uint64_t *ret)
{
	VirtAddr va = kernel->vars[id].va;

	return va.v &&
	       nt_pointer_at(&kernel->as, kernel->profile.pointer_bytes, va,
			     ret) &&
	       nt_is_kernel_address(&kernel->as, *ret);
}

struct addr_space nt_kernel_space(const NtKernel *kernel, uint64_t dtb_raw)
{
	struct addr_space as = kernel->as;

	as.root = PHYS(dtb_raw);
	return as;
}

/* The layout that tells the system's name: the one in use, else (a symbol file
 * has no such names) any of the build. */
static const struct nt_layout *naming_layout(const NtKernel *k)
{
	const struct nt_layout *found = k->profile.source.layout;

	if (!found && k->build)
		layouts_by_build(k->profile.arch, k->build,
				 k->as.form == &paging_la57, &found, 1);
	return found;
}

char *nt_kernel_os(const NtKernel *kernel)
{
	const struct nt_kuser *u = &kernel->kuser;
	const struct nt_layout *layout =
		kernel->has_profile ? naming_layout(kernel) : NULL;

	if (layout)
		return g_strdup_printf("Windows %s", layout_os(layout));
	if (u->valid)
		return g_strdup_printf("Windows NT %u.%u", u->major, u->minor);
	return NULL;
}

bool nt_kernel_variables(const NtKernel *k, uint64_t *start,
			 uint64_t *len_bytes)
{
	uint64_t head = k->vars[NT_PS_ACTIVE_PROCESS_HEAD].va.v;

	if (k->has_image && k->image.has_pe) {
		*start = k->image.base.v;
		*len_bytes = MIN(k->image.pe.size, 2 * NT_AROUND_VARIABLES);
		return true;
	}
	*start = head - NT_AROUND_VARIABLES;
	*len_bytes = 2 * NT_AROUND_VARIABLES;
	return head > NT_AROUND_VARIABLES;
}
