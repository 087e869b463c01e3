/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Candidates for the DTB. */
#include "config.h"

#include "base/bytes.h"
#include "base/progress.h"
#include "nt/dtbscan.h"

enum {
	SCAN_CHUNK = 1 << 20,
	X86_SELF = 0x300, /* PDE_BASE 0xc0300000 */
	PDPT_BYTES = 32,
	PDPT_READS = 1 << 18, /* of one scan: a second */
};
/* Address bits that all forms with 8-byte entries have. */
#define COMMON_PA UINT64_C(0x0000fffffffff000)
#define PDPT_ADDRESS UINT64_C(0x000ffffffffff000)

bool nt_dtb_low_stub(const PhysMem *pm, PhysAddr *dtb, uint64_t *kernel_hint)
{
	uint8_t page[PAGE_SIZE_4K];

	for (uint64_t pa = PAGE_SIZE_4K; pa < MIB; pa += PAGE_SIZE_4K) {
		uint64_t cr3, entry;

		if (physmem_read(pm, PHYS(pa), page, sizeof page) != PHYS_OK)
			continue;
		/* jmp at the start, then flags that are 1 and 6. */
		if ((load_le64(page) & UINT64_C(0xffffffffffff00ff)) !=
		    UINT64_C(0x00000001000600e9))
			continue;
		entry = load_le64(page + 0x70);
		cr3 = load_le64(page + 0xa0);
		if ((entry & UINT64_C(0xfffff80000000003)) !=
			    UINT64_C(0xfffff80000000000) ||
		    cr3 & UINT64_C(0xffffff0000000fff) || !cr3)
			continue;
		*dtb = PHYS(cr3);
		*kernel_hint = entry;
		return true;
	}
	return false;
}

static uint64_t entry_at(const struct paging_form *form, const uint8_t *page,
			 unsigned i)
{
	return form->entry_bytes == 8 ? load_le64(page + 8 * i) :
					load_le32(page + 4 * i);
}

/* Entries of a top-level table; its kernel half is the second. */
static unsigned n_entries(const struct paging_form *form)
{
	return 1u << form->levels[0].bits;
}

/* A present entry of the top level that the processor takes for a table. */
static bool is_table(const struct paging_form *form, uint64_t entry)
{
	const struct paging_level *top = &form->levels[0];

	return entry & 1 && !((entry ^ form->inverted) & top->large) &&
	       !((entry ^ top->ones) & top->reserved);
}

/* Where the part of a table begins that is the kernel's in any case: x86 can
 * leave a process three quarters (/3GB). */
static unsigned kernel_first(const struct paging_form *form)
{
	return form == &paging_x86 ? X86_SELF : n_entries(form) / 2;
}

/* What stands in the kernel's part of a table. */
struct tally {
	unsigned n_present, n_tables, n_self;
	unsigned n_odd;	/* for users, or with a table outside the image */
};

static struct tally count(const struct paging_form *form, const uint8_t *page,
			  PhysAddr pa, uint64_t phys_end)
{
	const uint64_t user = form->table.user & ~form->inverted;
	struct tally t = { 0 };

	for (unsigned i = kernel_first(form); i < n_entries(form); i++) {
		uint64_t entry = entry_at(form, page, i);
		bool table = is_table(form, entry);
		bool outside = (entry & form->pa_mask) >= phys_end;

		t.n_present += entry & 1;
		t.n_tables += table && !outside;
		t.n_self += table && (entry & form->pa_mask) == pa.v;
		t.n_odd += entry & 1 && (entry & user || (table && outside));
	}
	return t;
}

/* The self-map of 2-level paging always has the same place; as it is but 20
 * bits that chance could set as well, the rest must not look like chance. */
static bool is_x86_top(const uint8_t *page, PhysAddr pa, const struct tally *t)
{
	uint64_t self = load_le32(page + 4 * X86_SELF);

	return is_table(&paging_x86, self) &&
	       (self & paging_x86.pa_mask) == pa.v &&
	       4 * t->n_odd <= t->n_present;
}

/* x64 sets bits 5 and 6 (accessed, dirty) in its self-map; in an ARM64 table
 * they and bit 4 are 0. */
static bool has_arm64_self(const uint8_t *page, PhysAddr pa)
{
	const struct paging_form *form = &paging_arm64;

	for (unsigned i = n_entries(form) / 2; i < n_entries(form); i++) {
		uint64_t entry = entry_at(form, page, i);

		if ((entry & (form->pa_mask | 0x73)) == (pa.v | 3))
			return true;
	}
	return false;
}

bool nt_dtb_is_top(const struct paging_form *form, const uint8_t page[4096],
		   PhysAddr pa, uint64_t phys_end)
{
	struct tally t;

	if (form == &paging_pae)
		return false;
	t = count(form, page, pa, phys_end);
	/* The self-map, and at least one more table for the kernel. */
	if (t.n_self != 1 || t.n_tables < 2)
		return false;
	if (form == &paging_x86)
		return is_x86_top(page, pa, &t);
	return form != &paging_arm64 || has_arm64_self(page, pa);
}

/* All four are present, and the reserved bits are 0. */
static bool looks_like_pdpt(const uint8_t p[PDPT_BYTES])
{
	uint64_t a = load_le64(p), b = load_le64(p + 8);
	uint64_t c = load_le64(p + 16), d = load_le64(p + 24);

	return a & b & c & d & 1 &&
	       !((a | b | c | d) & paging_pae.levels[0].reserved);
}

bool nt_dtb_is_pdpt(const PhysMem *pm, const uint8_t pdpt[32])
{
	uint8_t self[PDPT_BYTES];

	if (physmem_read(pm, PHYS(load_le64(pdpt + 24) & PDPT_ADDRESS), self,
			 sizeof self) != PHYS_OK)
		return false;
	for (size_t i = 0; i < PDPT_BYTES; i += 8) {
		uint64_t entry = load_le64(self + i);

		if ((entry & 0x81) != 1 ||
		    (entry ^ load_le64(pdpt + i)) & PDPT_ADDRESS)
			return false;
	}
	return true;
}

static unsigned count_present(const PhysMem *pm, PhysAddr table,
			      const struct paging_form *form, unsigned first,
			      unsigned end)
{
	uint8_t page[PAGE_SIZE_4K];
	unsigned n = 0;

	if (physmem_read(pm, table, page, sizeof page) != PHYS_OK)
		return 0;
	for (unsigned i = first; i < end; i++)
		n += page[form->entry_bytes * i] & 1u;
	return n;
}

unsigned nt_dtb_kernel_entries(const PhysMem *pm, PhysAddr dtb,
			       const struct paging_form *form)
{
	unsigned n = n_entries(form), sum = 0;
	uint8_t pdpt[PDPT_BYTES];

	if (form != &paging_pae)
		return count_present(pm, dtb, form, n / 2, n);
	if (physmem_read(pm, dtb, pdpt, sizeof pdpt) != PHYS_OK)
		return 0;
	for (unsigned i = 2; i < 4; i++) {
		uint64_t entry = load_le64(pdpt + 8 * i);

		if (entry & 1)
			sum += count_present(pm, PHYS(entry & PDPT_ADDRESS),
					     form, 0, 512);
	}
	return sum;
}

/* Is there a self-reference at all? The loop that sees every page of the
 * image: nothing else in it. */
static bool has_self_entry(const uint8_t *page, uint64_t pa)
{
	uint64_t found = 0;

	for (unsigned i = 256; i < 512; i++) {
		uint64_t entry = load_le64(page + 8 * i);

		found |= (((entry ^ pa) & COMMON_PA) == 0) & (entry & 1);
	}
	return found;
}

struct scan {
	const PhysMem *pm;
	const struct paging_form *const *forms;
	uint64_t end;
	bool wide, x86, pae; /* 512 entries of 8 bytes; the others */
	unsigned pdpt_reads; /* left */
	nt_dtb_fn fn;
	void *ctx;
};

/* False, here and below: enough. */
static bool scan_tops(const struct scan *s, const uint8_t *page, PhysAddr pa)
{
	for (size_t i = 0; s->forms[i]; i++)
		if (nt_dtb_is_top(s->forms[i], page, pa, s->end) &&
		    !s->fn(s->ctx, pa, s->forms[i]))
			return false;
	return true;
}

static bool scan_pdpts(struct scan *s, const uint8_t *page, PhysAddr pa)
{
	for (unsigned at = 0; at < PAGE_SIZE_4K; at += PDPT_BYTES) {
		if (!looks_like_pdpt(page + at) || !s->pdpt_reads)
			continue;
		s->pdpt_reads--;
		if (nt_dtb_is_pdpt(s->pm, page + at) &&
		    !s->fn(s->ctx, PHYS(pa.v + at), &paging_pae))
			return false;
	}
	return true;
}

static bool scan_page(struct scan *s, const uint8_t *page, PhysAddr pa)
{
	bool self = s->x86 &&
		    !((load_le32(page + 4 * X86_SELF) ^ pa.v) &
		      ~UINT64_C(0xfff));

	if (!self && s->wide)
		self = has_self_entry(page, pa.v);
	if (self && !scan_tops(s, page, pa))
		return false;
	return !s->pae || scan_pdpts(s, page, pa);
}

/* Reads up to a chunk at pa, in whole pages; how many bytes were read. */
static size_t read_chunk(const PhysMem *pm, uint64_t pa, uint8_t *buf)
{
	struct phys_slice s = physmem_slice(pm, PHYS(pa), SCAN_CHUNK);
	size_t len = s.present ? (size_t)page_floor(s.len) : 0;

	if (!len || physmem_read(pm, PHYS(pa), buf, len) != PHYS_OK)
		return 0;
	return len;
}

static void scan_all(struct scan *s)
{
	g_autofree uint8_t *buf = g_malloc(SCAN_CHUNK);
	uint64_t pa = physmem_next_data(s->pm, 0);

	while (pa < s->end) {
		size_t len;

		pa = page_floor(pa);
		progress_at(pa, s->end);
		len = read_chunk(s->pm, pa, buf);
		for (size_t off = 0; off < len; off += PAGE_SIZE_4K)
			if (!scan_page(s, buf + off, PHYS(pa + off)))
				return;
		pa = physmem_next_data(s->pm, pa + MAX(len, PAGE_SIZE_4K));
	}
}

void nt_dtb_scan(const PhysMem *pm, const struct paging_form *const *forms,
		 nt_dtb_fn fn, void *ctx)
{
	struct scan s = { .pm = pm, .forms = forms, .fn = fn, .ctx = ctx,
			  .end = physmem_end(pm), .pdpt_reads = PDPT_READS };

	for (size_t i = 0; forms[i]; i++) {
		s.x86 |= forms[i] == &paging_x86;
		s.pae |= forms[i] == &paging_pae;
		s.wide |= n_entries(forms[i]) == 512;
	}
	progress_step("searching all of memory for page tables");
	scan_all(&s);
}
