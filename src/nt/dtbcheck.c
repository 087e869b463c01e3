/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of a process's DTB that never reject a good one. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/dtbcheck.h"
#include "nt/dtbtable.h"

enum {
	SYSTEM_PID = 4,
	/* _EPROCESS.Flags: at these bits in all symbol tables from 7 to 11. */
	FLAG_EXITING = 1 << 2,
	FLAG_DELETE = 1 << 3,
	FLAG_VM_DELETED = 1 << 5,
	FLAG_OUTSWAPPED = 1 << 7,
	MEMORY_RUNS_MAX = 63,
	NEW_TIME = 20000000, /* 2 s, FILETIME */
	TEB_PAGES = 32, /* on either side of the PEB */
};

const char *nt_dtb_text(enum nt_dtb_verdict verdict)
{
	static const char *const texts[NT_DTB_VERDICTS] = {
		[NT_DTB_OK] = "ok",
		[NT_DTB_NONE] = "no address space (DTB is 0)",
		[NT_DTB_NO_SYSTEM] = "not compared: System was not found",
		[NT_DTB_ODD_BITS] = "bits are set that no such DTB has",
		[NT_DTB_BEYOND] = "the machine has no memory there",
		[NT_DTB_NO_TABLES] =
			"not checked: the dump has no page tables",
		[NT_DTB_OUTSIDE] = "the top-level table is outside the image",
		[NT_DTB_LOST] =
			"page directories are zeros or not in the image",
		[NT_DTB_ZEROS] = "the top-level table is all zeros",
		[NT_DTB_GARBAGE] = "what is there is no top-level table",
		[NT_DTB_KERNEL_DIFFERS] =
			"does not map the kernel as System's does",
		[NT_DTB_USER_TABLE] = "the user's table of KVA shadow: it lacks"
				      " the kernel half",
		[NT_DTB_SELF_MAP] = "the self-map entry is missing or points"
				    " elsewhere",
		[NT_DTB_SYSTEMS] = "it is System's",
		[NT_DTB_OF_ANOTHER] = "another process has the same",
		[NT_DTB_NO_PEB] = "nothing is mapped where the PEB should be",
		[NT_DTB_OTHER_TEB] = "the TEBs there are another process's",
	};

	return texts[verdict];
}

uint64_t nt_dtb_mask(const NtKernel *kernel, uint64_t dtb_raw)
{
	return dtb_raw & kernel->as.form->root_mask;
}

uint64_t nt_dtb_user(const NtKernel *kernel, const struct nt_process *p)
{
	return p->known & NTP_USER_DTB ? nt_dtb_mask(kernel, p->user_dtb_raw) :
					 0;
}

static bool is_system(const NtKernel *k, const struct nt_process *p)
{
	return p->pid <= SYSTEM_PID ||
	       (k->has_system && p->eprocess.v == k->system.eprocess.v);
}

/* Memory is not read in a moment: what was made meanwhile may be there in part.
 * SystemTime is that of when its page was read. */
static bool is_new(const NtKernel *k, const struct nt_process *p)
{
	return p->known & NTP_CREATE && k->kuser.valid &&
	       k->kuser.system_time &&
	       p->create_time > k->kuser.system_time - NEW_TIME;
}

bool nt_dtb_is_settled(const NtKernel *kernel, const struct nt_process *p)
{
	const unsigned gone = FLAG_EXITING | FLAG_DELETE | FLAG_VM_DELETED |
			      FLAG_OUTSWAPPED;

	if (p->exit_time || p->minimal || is_new(kernel, p) ||
	    (p->known & NTP_THREADS && !p->threads) ||
	    (p->known & NTP_FLAGS && p->flags & gone))
		return false;
	return is_system(kernel, p) || !(p->known & NTP_PEB) || p->peb.v;
}

/*
 * Bits that CR3 (TTBR0) can hold beside the address: PWT and PCD, in their
 * place a PCID of any value on x64, no-flush 63, LAM 62:61 (SDM 4.5, 4.7);
 * CnP 0 and the ASID 63:48 (Arm ARM D17.2.144). Of PCIDs, Windows uses those
 * below 8 for itself.
 */
static bool has_odd_bits(const struct paging_form *form, uint64_t raw)
{
	uint64_t known = form->root_mask | 0x18;

	if (form == &paging_arm64)
		known |= UINT64_C(0xffff000000000001);
	else if (form->va_bits > 32)
		known |= UINT64_C(0xe000000000000007);
	return raw & ~known;
}

/* --- memory of the machine --- */

static uint64_t page_number(const uint8_t *p, unsigned n)
{
	return n == 8 ? load_le64(p) : load_le32(p);
}

/* Where the last of the runs {BasePage, PageCount} ends; 0 where one makes no
 * sense. */
static uint64_t runs_end(const uint8_t *runs, size_t n_runs, unsigned n)
{
	uint64_t end = 0;

	for (size_t i = 0; i < n_runs; i++) {
		uint64_t base = page_number(runs + 2 * n * i, n);
		uint64_t count = page_number(runs + 2 * n * i + n, n);

		if (base >> 40 || count >> 40)
			return 0;
		end = MAX(end, (base + count) << PAGE_SHIFT_4K);
	}
	return end;
}

/* One past the last byte of RAM that Windows knows of (MmPhysicalMemoryBlock
 * points at NumberOfRuns, NumberOfPages, the runs); 0: not known. */
static uint64_t memory_end(const NtKernel *k)
{
	unsigned n = k->profile.pointer_bytes;
	uint8_t block[16 * (MEMORY_RUNS_MAX + 1)];
	VirtAddr var = VIRT(k->kdbg.va.v ? k->kdbg.memory_block : 0);
	uint64_t va, n_runs;

	if (!var.v && (!k->has_image ||
		       !nt_kimage_symbol(&k->as, &k->image,
					 "MmPhysicalMemoryBlock", &var)))
		return 0;
	if (!nt_pointer_at(&k->as, n, var, &va) ||
	    !nt_is_kernel_address(&k->as, va) ||
	    !nt_pointer_at(&k->as, 4, VIRT(va), &n_runs) ||
	    n_runs > MEMORY_RUNS_MAX ||
	    !vtop_read(&k->as, VIRT(va), block, 2 * n * (n_runs + 1)))
		return 0;
	return runs_end(block + 2 * n, n_runs, n);
}

/* Where Windows does not say, all of its memory is taken to be there. */
static enum nt_dtb_verdict outside(const NtKernel *k, uint64_t dtb)
{
	uint64_t end = MAX(memory_end(k), physmem_end(k->as.pm));

	return dtb >= end ? NT_DTB_BEYOND : NT_DTB_OUTSIDE;
}

/* --- the table --- */

static bool same_frame(const NtKernel *k, const struct addr_space *as,
		       uint64_t va)
{
	return va && nt_same_frame(&k->as, as->root.v, VIRT(va));
}

/* What System's process object and image are in, is in all address spaces. */
static bool maps_kernel(const NtKernel *k, const struct addr_space *as)
{
	return same_frame(k, as, k->system.eprocess.v) &&
	       (!k->has_image || same_frame(k, as, k->image.base.v));
}

/*
 * Half of what System has must be there in 64-bit forms, where all of it is
 * entered when a process is made. Page directories of 32-bit processes are
 * brought up to date when a page is touched: what they have counts.
 */
static bool agrees(const struct paging_form *form,
		   const struct nt_dtb_tally *t)
{
	if (t->n_same <= t->n_other)
		return false;
	return form->va_bits == 32 || 2 * t->n_same >= t->n_system;
}

static enum nt_dtb_verdict what_else(const NtKernel *k,
				     const struct nt_dtb_tally *t)
{
	if (t->lost)
		return NT_DTB_LOST;
	if (t->zeros)
		return NT_DTB_ZEROS;
	/* A quarter that cannot be is no table that was hit by something. */
	if (!(t->n_present + t->n_lower) ||
	    4 * t->n_odd > t->n_present + t->n_lower)
		return NT_DTB_GARBAGE;
	/* User code needs what enters the kernel and no more; the frames need
	 * not be those of the kernel's own tables. */
	if (k->as.form->va_bits > 32 && t->n_lower && !t->n_self &&
	    2 * t->n_present < t->n_system)
		return NT_DTB_USER_TABLE;
	return NT_DTB_KERNEL_DIFFERS;
}

enum nt_dtb_verdict nt_dtb_check_table(const NtKernel *kernel,
				       uint64_t dtb_raw)
{
	struct addr_space as = nt_kernel_space(kernel, dtb_raw);
	uint64_t dtb = addr_space_dtb(&as).v;
	struct nt_dtb_tally t;

	if (!dtb)
		return NT_DTB_NONE;
	if (!physmem_has_page(as.pm, PHYS(dtb)))
		return outside(kernel, dtb);
	if (!kernel->has_system)
		return NT_DTB_NO_SYSTEM;
	if (!nt_dtb_compare(&kernel->as, PHYS(dtb), &t))
		return NT_DTB_OUTSIDE;
	if (!agrees(as.form, &t) && !maps_kernel(kernel, &as))
		return what_else(kernel, &t);
	return t.has_self_map ? NT_DTB_OK : NT_DTB_SELF_MAP;
}

/* --- the process --- */

static struct soft_pte something(const struct addr_space *as,
				 const struct soft_query *query)
{
	(void)as;
	(void)query;
	return (struct soft_pte){ .state = PAGE_UNKNOWN };
}

bool nt_dtb_has_nothing_at(const NtKernel *kernel, uint64_t dtb_raw,
			   VirtAddr va)
{
	/* Whatever an entry means: it is not 0. */
	static const struct soft_pte_ops ops = { .decode = something };
	struct addr_space as = nt_kernel_space(kernel, dtb_raw);

	as.soft = &ops;
	as.soft_ctx = NULL;
	return vtop_translate(&as, va).state == PAGE_ABSENT;
}

/* A process that has threads has touched its PEB: the entry for it may say
 * that it is elsewhere, but not that there never was any. */
static bool has_no_peb(const NtKernel *k, const struct nt_process *p)
{
	return p->known & NTP_PEB && p->peb.v &&
	       !nt_is_kernel_address(&k->as, p->peb.v) &&
	       nt_dtb_has_nothing_at(k, p->dtb_raw, p->peb);
}

static bool teb_at(const NtKernel *k, const struct addr_space *as, uint64_t va,
		   uint64_t peb, uint64_t *pid)
{
	unsigned n = k->profile.pointer_bytes;
	uint64_t self, to_peb;

	return nt_pointer_at(as, n, VIRT(va + 6 * n), &self) && self == va &&
	       nt_pointer_at(as, n, VIRT(va + 12 * n), &to_peb) &&
	       to_peb == peb && nt_pointer_at(as, n, VIRT(va + 8 * n), pid);
}

enum nt_fit nt_dtb_teb(const NtKernel *kernel, const struct nt_process *p,
		       uint64_t dtb_raw, uint64_t *pid)
{
	struct addr_space as = nt_kernel_space(kernel, dtb_raw);
	uint64_t from = p->peb.v - TEB_PAGES * PAGE_SIZE_4K, found;
	enum nt_fit fit = NT_FIT_UNKNOWN;

	if (!(p->known & NTP_PEB) || p->peb.v < TEB_PAGES * PAGE_SIZE_4K)
		return fit;
	for (unsigned i = 0; i <= 2 * TEB_PAGES; i++) {
		if (!teb_at(kernel, &as, from + i * PAGE_SIZE_4K, p->peb.v,
			    &found))
			continue;
		*pid = found;
		if (found == p->pid)
			return NT_FIT_YES;
		fit = NT_FIT_NO;
	}
	return fit;
}

/* Nothing of the kind where the process is not all there: what is left of a
 * snapshot has the TEBs of the process that it was taken of. */
static enum nt_dtb_verdict check_user_half(const NtKernel *k,
					   const struct nt_process *p)
{
	uint64_t pid;

	if (!nt_dtb_is_settled(k, p))
		return NT_DTB_OK;
	if (has_no_peb(k, p))
		return k->has_system && nt_dtb_mask(k, p->dtb_raw) ==
				nt_dtb_mask(k, k->system.dtb_raw) ?
			       NT_DTB_SYSTEMS : NT_DTB_NO_PEB;
	return nt_dtb_teb(k, p, p->dtb_raw, &pid) == NT_FIT_NO ?
		       NT_DTB_OTHER_TEB : NT_DTB_OK;
}

static enum nt_dtb_verdict verdict(const NtKernel *k,
				   const struct nt_process *p)
{
	uint64_t dtb = nt_dtb_mask(k, p->dtb_raw);
	enum nt_dtb_verdict v;

	if (k->as.direct)
		return NT_DTB_NO_TABLES;
	v = nt_dtb_check_table(k, p->dtb_raw);
	if (dtb && dtb == nt_dtb_user(k, p) && v != NT_DTB_OK)
		return NT_DTB_USER_TABLE;
	if (v != NT_DTB_OK || is_system(k, p))
		return v;
	v = check_user_half(k, p);
	if (v == NT_DTB_OK && has_odd_bits(k->as.form, p->dtb_raw))
		v = NT_DTB_ODD_BITS;
	return v;
}

enum nt_dtb_grade nt_dtb_grade(const NtKernel *kernel,
			       const struct nt_process *p,
			       enum nt_dtb_verdict verdict)
{
	bool settled = nt_dtb_is_settled(kernel, p);

	switch (verdict) {
	case NT_DTB_OK:
	case NT_DTB_NO_SYSTEM:
	case NT_DTB_NO_TABLES:
		return NT_DTB_GOOD;
	case NT_DTB_NONE:
		return settled ? NT_DTB_BAD : NT_DTB_GOOD;
	case NT_DTB_ODD_BITS:
	case NT_DTB_OUTSIDE:
	case NT_DTB_LOST:
	case NT_DTB_SELF_MAP:
	case NT_DTB_NO_PEB:
	case NT_DTB_OTHER_TEB:
		return NT_DTB_DOUBTFUL;
	default:
		return settled ? NT_DTB_BAD : NT_DTB_DOUBTFUL;
	}
}

struct nt_dtb_check nt_dtb_check(const NtKernel *kernel,
				 const struct nt_process *p)
{
	struct nt_dtb_check check = { .verdict = verdict(kernel, p) };

	check.grade = nt_dtb_grade(kernel, p, check.verdict);
	return check;
}
