/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `README`, `image/info`, `image/iomem`, `image/runs`. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/cpus.h"
#include "nt/derive.h"
#include "nt/machine.h"
#include "nt/pagingfile.h"
#include "nt/store.h"
#include "tree/render.h"

static void readme_triage(struct sink *out)
{
	sink_str(out,
"\n"
"This is a triage dump (small memory dump): it has no physical memory and no\n"
"page tables, only pieces of virtual memory. kernel/maps lists them, their\n"
"bytes are in kernel/vmem; proc/ has only the process that crashed.\n"
"kernel/modules/list     drivers; beside it, files of those that are in it\n"
"kernel/unloaded-modules those that were unloaded: base, size, name, path,\n"
"                        when\n");
}

void render_readme(struct sink *out, const struct render_facts *facts)
{
	sink_str(out,
"A Windows memory image, shown the way Linux shows itself (winprocfs).\n"
"\n"
"processes        who was running, one line each (processes.json, .tsv: for\n"
"                 programs)\n"
"report.html      what is to be known first, on one page for a browser\n"
"log              what was detected, what failed, what would help\n"
"proc/PID/        one folder per process:\n"
"  maps           its pages, Linux maps syntax, offset = physical address\n"
"  memmap         the same as Rekall's table\n"
"  dtb            physical address of its top-level page table\n"
"  paging         its page tables and page states, counted\n"
"  status         what the EPROCESS says\n"
"  status.json    the same for programs\n"
"  map.svg        a picture of its address space\n"
"  methods        which methods found it\n"
"  cmdline        its command line, split into arguments that NULs end\n"
"  environ        its environment, each string ended by a NUL\n"
"  handles        its handles: type, rights, object, name\n"
"  fd/            the same as links: 0x1c for people, 28 for lsof\n"
"  comm           its name\n"
"  exe, cwd       links to nowhere: path of its image, current directory\n"
"  vmem           its memory: offset = virtual address, sparse\n"
"  regions/       the same, one file per range of equal rights (for yara)\n"
"  modules/       list: its modules; each as it lies in memory, and rebuilt\n"
"                 as the file that it was made of (.pe)\n"
"  core           the same as an ELF core, for gdb; core32: what 32-bit code\n"
"                 sees of a 64-bit system\n"
"  minidump.dmp   a user minidump, for WinDbg, lldb and their like\n"
"  dump, dump.idx the same back to back, and what lies where\n"
"  pagemap        8 bytes for each page, as Linux has it: frame, swapped, ...\n"
"  vtop/ADDRESS   how a virtual address is translated (any; not listed)\n"
"by-name/         links to proc/ by process name\n"
"by-eprocess/     links to proc/ by EPROCESS address\n"
"kernel/          the kernel half of the System process, same files;\n"
"                 vmem there: offset = the low 48 bits of the address\n"
"dtb/ADDRESS/     any top-level page table by its physical address\n"
"image/           info, iomem and runs (physical memory map), pmem (physical\n"
"                 memory: offset = physical address, sparse), and\n"
"                 ptov/ADDRESS: who maps a physical address (not listed),\n"
"                 physical.svg: a picture of who owns which memory\n"
"\n"
"Pages that are not in the image read as zeros; proc/PID/paging counts them,\n"
"the mount option holes=eio makes them read errors instead.\n"
"Programs that map or read whole files (yara, sha256sum) want regions/, not\n"
"vmem and pagemap.\n");
	if (facts->image->triage)
		readme_triage(out);
}

/* What is around the image and beside it. */
static void info_container(struct sink *out, const Image *image)
{
	static const char *const kinds[] = {
		[IMAGE_COMPANION_PAGEFILE] = "page file",
		[IMAGE_COMPANION_SWAPFILE] = "swap file",
		[IMAGE_COMPANION_STATE] = "state of the virtual machine",
		[IMAGE_COMPANION_MEMORY] = "memory",
	};

	for (guint i = 0; i < image->wrappers->len; i++)
		sink_key(out, "Wrapped", "%s",
			 (char *)g_ptr_array_index(image->wrappers, i));
	for (guint i = 0; i < image->libraries->len; i++)
		sink_key(out, "Library", "%s",
			 (char *)g_ptr_array_index(image->libraries, i));
	for (guint i = 0; i < image->companions->len; i++) {
		const struct image_companion *c = &g_array_index(
			image->companions, struct image_companion, i);
		g_autofree char *path = text_escape_line(c->path);

		sink_key(out, "Companion", "%s (%s)", path, kinds[c->kind]);
	}
}

static void info_image(struct sink *out, const struct render_facts *facts)
{
	const Image *image = facts->image;
	g_autofree char *file = g_path_get_basename(image->path);
	g_autofree char *name = text_escape_line(file);

	sink_key(out, "File", "%s", name);
	sink_key(out, "Format", "%s", image->ops->name);
	sink_key(out, "FormatDetail", "%s",
		 image->detail ? image->detail : image->ops->description);
	info_container(out, image);
	sink_key(out, "Size", "%" PRIu64, image_io_size(image->outer));
	sink_key(out, "PhysicalBytes", "%" PRIu64, physmem_bytes(facts->pm));
	sink_key(out, "PhysicalEnd", "0x%" PRIx64, physmem_end(facts->pm));
	render_header(out, image, facts->kernel != NULL);
}

static void info_kernel_image(struct sink *out, const NtKernel *k)
{
	if (!k->has_image) {
		sink_key(out, "KernelBase", "-");
		return;
	}
	sink_key(out, "KernelBase", PRIADDR "%s", k->image.base.v,
		 k->image.base_certain ? "" : " (not certain)");
	sink_key(out, "KernelBaseSource", "%s", k->image.how);
	if (k->image.has_pe) {
		sink_key(out, "KernelSize", "0x%x", k->image.pe.size);
		sink_key(out, "KernelTimestamp", "0x%08x",
			 k->image.pe.timestamp);
	}
	if (k->image.has_pdb) {
		sink_key(out, "KernelPdb", "%s", k->image.pdb.name);
		sink_key(out, "KernelGuid", "%s", k->image.pdb.guid);
		sink_key(out, "KernelAge", "%u", k->image.pdb.age);
	} else {
		sink_key(out, "KernelPdb", "-");
	}
}

static bool cr3_of_process(const struct render_facts *facts, uint64_t cr3,
			   uint32_t *pid)
{
	uint64_t mask = facts->kernel->as.form->root_mask;

	for (size_t i = 0; i < procset_count(facts->procs); i++) {
		const struct proc_entry *e = procset_get(facts->procs, i);

		if ((e->p.dtb_raw & mask) == (cr3 & mask) ||
		    ((e->p.user_dtb_raw & mask) == (cr3 & mask))) {
			*pid = e->p.pid;
			return true;
		}
	}
	return false;
}

static void info_processors(struct sink *out, const struct render_facts *facts)
{
	const GArray *cpus = facts->image->cpus;

	for (guint i = 0; i < cpus->len; i++) {
		uint64_t cr3 = g_array_index(cpus, struct image_cpu, i).cr3;
		uint32_t pid;

		if (facts->kernel && cr3_of_process(facts, cr3, &pid))
			sink_printf(out, "Cr3Cpu%u:\t0x%" PRIx64 " (pid %u)\n",
				    i, cr3, pid);
		else
			sink_printf(out, "Cr3Cpu%u:\t0x%" PRIx64 "\n", i, cr3);
	}
}

/* What each processor ran, by its KPRCB. */
static void info_running(struct sink *out, const NtKernel *k)
{
	for (guint i = 0; i < k->cpus->len; i++) {
		const struct nt_cpu *cpu =
			&g_array_index(k->cpus, struct nt_cpu, i);
		struct nt_process p;

		if (!cpu->eprocess.v ||
		    !nt_process_read(&k->as, &k->profile, cpu->eprocess, &p))
			continue;
		sink_printf(out, "RunningCpu%u:\t" PRIADDR " (pid %u%s)\n",
			    cpu->number, p.eprocess.v, p.pid,
			    nt_cpu_is_idle(cpu) ? ", idle" : "");
		nt_process_clear(&p);
	}
}

/* What the profile was checked against in memory. */
static void info_profile(struct sink *out, const NtKernel *k)
{
	if (!k->has_profile) {
		sink_key(out, "Profile", "-");
		return;
	}
	sink_key(out, "Profile", "%s", nt_profile_name(&k->profile));
	sink_key(out, "ProfileSource", "%s%s", k->profile_source,
		 k->profile.guessed ? ", partly from its nearest relative" :
				      "");
	if (k->direct) {
		sink_key(out, "ProfileCheck",
			 "by the process that crashed (%s) and KDBG (%s)",
			 k->cpus->len ? "there" : "not there",
			 k->kdbg.va.v ? "there" : "not there");
		return;
	}
	if (!k->has_system) {
		sink_key(out, "ProfileCheck",
			 "none: no System process was found");
		return;
	}
	sink_key(out, "ProfileCheck",
		 "pid 4 is %s (by %s); its list %s; its DTB maps itself",
		 k->system.named ? "System" : "not called System",
		 k->system.how,
		 k->system.links_close ? "closes" : "is broken on one side");
}

/* What no symbol gave, with what speaks for it. */
static void info_derived(struct sink *out, const NtKernel *k)
{
	static const char *const basis[] = {
		[NT_BASIS_PROVED] = "proved",
		[NT_BASIS_CHOSEN] = "chosen among several",
		[NT_BASIS_ASSUMED] = "assumed",
	};

	for (guint i = 0; k->derived && i < k->derived->len; i++) {
		const struct nt_derived *d =
			&g_array_index(k->derived, struct nt_derived, i);

		sink_printf(out,
			    "Derived.%s:\t0x%" PRIx64 " (derived, %s, %u %%:"
			    " %u for, %u against)\n",
			    d->name, d->value, basis[d->basis],
			    nt_derived_confidence(d), d->n_for, d->n_against);
		if (d->replaces)
			sink_printf(out,
				    "Replaced.%s:\t0x%x (by the layout; does"
				    " not fit memory)\n",
				    d->name, d->replaced);
	}
}

/* What else in memory was compared with what is said above. */
static void info_evidence(struct sink *out, const NtKernel *k)
{
	if (k->kdbg.va.v)
		sink_key(out, "Kdbg", PRIADDR " (%s, by %s)", k->kdbg.va.v,
			 k->kdbg.encoded ? "encoded" : "plain", k->kdbg.how);
	else
		sink_key(out, "Kdbg", "- (not found)");
	sink_key(out, "Evidence", "%u agree, %u conflict",
		 k->evidence.n_agree, k->evidence.n_conflict);
}

/* A number that Windows has a page file for, or that one was given for. */
static void info_page_file(struct sink *out, const PageFiles *given,
			   const struct nt_paging_file *windows,
			   unsigned number)
{
	g_autofree char *name = text_escape_path(
		windows && windows->name ? windows->name : "-");
	const char *state = windows && windows->is_virtual ? "virtual store" :
			    page_files_origin(given, number);

	if (windows)
		sink_key(out, "PageFile", "%u %s %" PRIu64 " %s", number, name,
			 windows->pages, state);
	else if (page_files_has(given, number))
		sink_key(out, "PageFile", "%u - - %s", number, state);
}

static void info_page_files(struct sink *out, const NtKernel *k)
{
	const char *how;
	g_autoptr(GArray) table = nt_paging_files(k, &how);

	sink_key(out, "PageFileTable", "%s", how ? how : "- (not found)");
	for (unsigned i = 0; i < PAGE_FILES_MAX; i++)
		info_page_file(out, k->swap.files,
			       nt_paging_file_get(table, i), i);
}

static void info_store(struct sink *out, const NtKernel *k)
{
	struct nt_store_facts facts;

	if (!k->store) {
		sink_key(out, "CompressedStore", "- (not found)");
		return;
	}
	nt_store_facts(k->store, &facts);
	sink_key(out, "CompressedStore",
		 "%u store(s), SmGlobals " PRIADDR " (%s), layout %s",
		 facts.n_stores, facts.globals.v, facts.how, facts.layout);
}

static void info_kernel(struct sink *out, const struct render_facts *facts)
{
	const NtKernel *k = facts->kernel;
	g_autofree char *os = nt_kernel_os(k);
	g_autofree char *time = text_filetime(k->kuser.system_time);

	sink_key(out, "Os", "%s", os ? os : "-");
	sink_key(out, "Version", "%s", k->version ? k->version : "-");
	if (k->build)
		sink_key(out, "Build", "%u", k->build);
	else
		sink_key(out, "Build", "-");
	sink_key(out, "Architecture", "%s",
		 nt_machine_of(k->as.form)->name);
	sink_key(out, "Paging", "%s",
		 k->direct ? "none: a triage dump has no page tables" :
			     k->as.form->description);
	sink_key(out, "Dtb", "0x%" PRIx64, addr_space_dtb(&k->as).v);
	sink_key(out, "DtbSource", "%s", k->dtb_source);
	info_kernel_image(out, k);
	if (k->user_end)
		sink_key(out, "HighestUserAddress", "0x%" PRIx64,
			 k->user_end - 1);
	info_profile(out, k);
	info_derived(out, k);
	sink_key(out, "CaptureTime", "%s", time);
	if (k->n_processors)
		sink_key(out, "Processors", "%u", k->n_processors);
	else
		sink_key(out, "Processors", "-");
	info_evidence(out, k);
	if (k->direct) {
		render_triage_info(out, facts);
		return;
	}
	info_page_files(out, k);
	info_store(out, k);
	if (!k->has_profile)
		return;
	if (!k->soft.pte.swizzle.bit_len)
		sink_key(out, "InvalidPteMask", "none (this kernel has none)");
	else if (k->pte_mask_how)
		sink_key(out, "InvalidPteMask", "0x%" PRIx64,
			 k->soft.invalid_pte_mask);
	else
		sink_key(out, "InvalidPteMask",
			 "not known: what it may be part of is not read");
	if (k->pte_mask_how)
		sink_key(out, "InvalidPteMaskSource", "%s", k->pte_mask_how);
}

void render_info(struct sink *out, const struct render_facts *facts)
{
	info_image(out, facts);
	if (facts->kernel)
		info_kernel(out, facts);
	else
		sink_key(out, "Os", "-");
	info_processors(out, facts);
	if (facts->kernel)
		info_running(out, facts->kernel);
}

void render_iomem(struct sink *out, const struct render_facts *facts)
{
	const ImageRuns *runs = physmem_runs(facts->pm);

	struct image_run run;

	for (uint64_t pa = 0; image_runs_next(runs, pa, &run);
	     pa = run.pa + run.len)
		sink_printf(out, "%08" PRIx64 "-%08" PRIx64 " : System RAM\n",
			    run.pa, run.pa + run.len - 1);
}

void render_runs(struct sink *out, const struct render_facts *facts)
{
	const ImageRuns *runs = physmem_runs(facts->pm);

	struct image_run run;

	for (uint64_t pa = 0; image_runs_next(runs, pa, &run);
	     pa = run.pa + run.len)
		sink_printf(out, "0x%" PRIx64 " 0x%" PRIx64 " 0x%" PRIx64 "\n",
			    run.pa, run.len, run.off);
}
