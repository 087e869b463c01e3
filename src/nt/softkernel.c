/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Setting up the software PTE hook. */
#include "config.h"

#include "base/bytes.h"
#include "nt/pagingfile.h"
#include "nt/softkernel.h"
#include "nt/store.h"

/* One variable of the kernel that holds a physical address mask. */
static bool read_mask(const NtKernel *k, const char *symbol, uint32_t offset,
		      uint64_t *ret)
{
	uint8_t raw[8];
	VirtAddr va;

	if (!k->has_image ||
	    !nt_kimage_symbol(&k->as, &k->image, symbol, &va) ||
	    !vtop_read(&k->as, VIRT(va.v + offset), raw, sizeof raw))
		return false;
	*ret = load_le64(raw);
	/* Physical address bits only, else it is something else. */
	return !(*ret & ~k->as.form->pa_mask);
}

/* In MiState since 1607 (_MI_SYSTEM_INFORMATION.Hardware.InvalidPteMask), a
 * variable of its own in older kernels that were patched (volatility3 pull
 * request 581). */
static void find_mask(NtKernel *k)
{
	uint64_t mask;

	k->soft.invalid_pte_mask = 0;
	k->soft.mask_unknown = false;
	k->pte_mask_how = NULL;
	if (!k->profile.pte.swizzle.bit_len)
		return;
	if (k->profile.invalid_pte_mask != NT_ABSENT &&
	    read_mask(k, "MiState", k->profile.invalid_pte_mask, &mask))
		k->pte_mask_how = "MiState";
	else if (read_mask(k, "MiInvalidPteMask", 0, &mask))
		k->pte_mask_how = "MiInvalidPteMask";
	if (k->pte_mask_how)
		k->soft.invalid_pte_mask = mask;
	else
		k->soft.mask_unknown = true;
}

/* A variable with an address, by symbol. */
static uint64_t variable(const NtKernel *k, const char *symbol)
{
	uint64_t value;
	VirtAddr va;

	if (!k->has_image ||
	    !nt_kimage_symbol(&k->as, &k->image, symbol, &va) ||
	    !nt_pointer_at(&k->as, k->profile.pointer_bytes, va, &value) ||
	    !nt_is_kernel_address(&k->as, value))
		return 0;
	return value;
}

/* The same by what KDBG says where the variable is, where it does. */
static uint64_t by_kdbg(const NtKernel *k, uint64_t where,
			const char *symbol)
{
	uint64_t value = 0;

	if (where &&
	    nt_pointer_at(&k->as, k->profile.pointer_bytes, VIRT(where),
			  &value) &&
	    nt_is_kernel_address(&k->as, value))
		return value;
	return variable(k, symbol);
}

/* What two-level tables' short addresses start from. */
static void find_bases(NtKernel *k)
{
	k->soft.proto_base = k->soft.subsection_base = 0;
	k->soft.nonpaged_end = 0;
	if (!k->profile.pte.proto_low.bit_len)
		return;
	k->soft.proto_base = variable(k, "MmProtopte_Base");
	if (!k->soft.proto_base)
		k->soft.proto_base = by_kdbg(k, k->kdbg.mm_paged_pool_start,
					     "MmPagedPoolStart");
	k->soft.subsection_base = by_kdbg(k, k->kdbg.mm_subsection_base,
					  "MmSubsectionBase");
	k->soft.nonpaged_end = by_kdbg(k, k->kdbg.mm_nonpaged_pool_end,
				       "MmNonPagedPoolEnd");
}

/* The second context, for reading prototype PTEs: as the first, but it does
 * not follow any. */
static void make_flat(NtKernel *k)
{
	k->soft_flat = k->soft;
	k->soft_flat.flat = NULL;
	k->soft_flat.system = NULL;
	k->flat = k->as;
	k->flat.soft_ctx = &k->soft_flat;
	k->flat.meter = NULL;
	k->soft.flat = &k->soft_flat;
	k->soft.system = &k->flat;
}

void nt_soft_setup(NtKernel *k)
{
	k->soft.pte = k->profile.pte;
	k->soft.swap = &k->swap;
	find_mask(k);
	find_bases(k);
	k->as.soft = &nt_soft_pte_ops;
	k->as.soft_ctx = &k->soft;
	make_flat(k);
}

void nt_soft_set_mask(NtKernel *k, uint64_t mask, const char *how)
{
	k->soft.invalid_pte_mask = mask;
	k->soft.mask_unknown = false;
	k->pte_mask_how = how;
	make_flat(k);
}

/* The numbers that are no files', by Windows' table; *first is -1 where there
 * is none. */
static unsigned virtual_numbers(const NtKernel *k, int *first)
{
	g_autoptr(GArray) table = nt_paging_files(k, NULL);
	unsigned bits = 0;

	*first = -1;
	for (guint i = table->len; i-- > 0;) {
		const struct nt_paging_file *f =
			&g_array_index(table, struct nt_paging_file, i);

		if (!f->is_virtual)
			continue;
		bits |= 1u << f->number;
		*first = (int)f->number;
	}
	return bits;
}

void nt_soft_open_swap(NtKernel *k, const PageFiles *files, Log *log)
{
	int number;

	k->swap.files = files;
	k->swap.virtual_numbers = virtual_numbers(k, &number);
	if (!k->has_profile || k->as.direct)
		return;
	k->store = nt_store_find(k, number, log);
	k->swap.store = k->store;
}
