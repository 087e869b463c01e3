/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory: the machine as a whole. */
#include "config.h"

#include "base/bytes.h"
#include "nt/machine.h"
#include "nt/member.h"
#include "nt/sysinfo.h"

/* _KUSER_SHARED_DATA.NumberOfPhysicalPages, u32. */
#define KUSER_PHYSICAL_PAGES 0x2e8

static void read_kuser(const NtKernel *k, struct nt_sysinfo *s)
{
	uint64_t va = nt_machine_of(k->as.form)->kuser + KUSER_PHYSICAL_PAGES;
	uint8_t raw[4];

	if (!k->kuser.valid || !vtop_read(&k->as, VIRT(va), raw, sizeof raw))
		return;
	s->pages = load_le32(raw);
	if (s->pages)
		s->known |= NTS_PAGES;
}

/* A SIZE_T (ULONG on some; the rest is 0 then) that counts pages, none of which
 * is ever 0: and more than the machine can address is no count either. */
static bool read_pages(const NtKernel *k, uint64_t va, uint64_t *ret)
{
	uint64_t v;

	if (!nt_pointer_at(&k->as, k->profile.pointer_bytes, VIRT(va), &v) ||
	    !v || v > k->as.form->pa_mask >> PAGE_SHIFT_4K)
		return false;
	*ret = v;
	return true;
}

/* Up to 8.1 a variable of its own, then a member of MiSystemPartition. */
static bool find_pages(const NtKernel *k, const char *symbol,
		       const char *path, uint64_t *ret)
{
	struct nt_field field;
	VirtAddr va;

	if (nt_kimage_symbol(&k->as, &k->image, symbol, &va))
		return read_pages(k, va.v, ret);
	return nt_source_field(&k->profile.source, path, &field, NULL) &&
	       nt_kimage_symbol(&k->as, &k->image, "MiSystemPartition", &va) &&
	       read_pages(k, va.v + field.offset, ret);
}

static void read_memory(const NtKernel *k, struct nt_sysinfo *s)
{
	if (!k->has_image || !k->has_profile)
		return;
	if (find_pages(k, "MmAvailablePages",
		       "_MI_PARTITION.Vp.AvailablePages", &s->available))
		s->known |= NTS_AVAILABLE;
	if (find_pages(k, "MmTotalCommittedPages",
		       "_MI_PARTITION.Vp.TotalCommittedPages", &s->committed))
		s->known |= NTS_COMMITTED;
	if (find_pages(k, "MmTotalCommitLimit",
		       "_MI_PARTITION.Vp.TotalCommitLimit", &s->commit_limit))
		s->known |= NTS_COMMIT_LIMIT;
}

void nt_sysinfo_read(const NtKernel *k, struct nt_sysinfo *ret)
{
	*ret = (struct nt_sysinfo){ 0 };
	read_kuser(k, ret);
	read_memory(k, ret);
}
