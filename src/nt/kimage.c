/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the kernel's image. */
#include "config.h"

#include "base/bytes.h"
#include "nt/kimage.h"
#include "nt/machine.h"
#include "nt/member.h"

/* No kernel image is larger; the hint of the low stub points into it. */
#define KERNEL_SIZE_MAX (32 * MIB)

/* What a search may cost: pages looked at, 4 GiB at the most, which is more
 * than a kernel and its drivers have, and no more than twice the image. */
#define PAGES_MAX (UINT64_C(1) << 20)

static uint64_t pages_for(const PhysMem *pm)
{
	return MIN(PAGES_MAX, 32768 + 2 * (physmem_bytes(pm) / PAGE_SIZE_4K));
}

/* The names that kernels have for themselves, by processors and PAE. */
static bool is_kernel_name(const char *name)
{
	static const char *const names[] = { "ntoskrnl.exe", "ntkrnlmp.exe",
					     "ntkrnlpa.exe", "ntkrpamp.exe" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (!g_ascii_strcasecmp(name, names[i]))
			return true;
	return false;
}

static bool is_kernel_pe(const struct addr_space *as, const struct nt_pe *pe,
			 struct nt_kimage *image)
{
	char name[32];

	if (pe->machine != nt_machine_of(as->form)->pe_machine ||
	    pe->size < MIB)
		return false;
	image->has_pdb = nt_pe_pdb(as, pe, &image->pdb);
	if (image->has_pdb && nt_pdb_is_kernel(image->pdb.name))
		return true;
	if (image->has_pdb)
		return false;
	image->known = images_find(pe->timestamp, pe->size);
	return image->known ||
	       (nt_pe_export_name(as, pe, name, sizeof name) &&
		is_kernel_name(name));
}

static void look_up(struct nt_kimage *image)
{
	if (image->has_pdb)
		image->kernel = kernels_find(image->pdb.guid, image->pdb.age);
	if (image->has_pe)
		image->known = images_find(image->pe.timestamp,
					   image->pe.size);
}

void nt_kimage_at(const struct addr_space *as, VirtAddr base,
		  struct nt_kimage *ret)
{
	struct nt_kimage image = { .base = base, .base_certain = true,
				   .how = "kernel_base=" };

	image.has_pe = nt_pe_read(as, base, &image.pe);
	if (image.has_pe)
		image.has_pdb = nt_pe_pdb(as, &image.pe, &image.pdb);
	look_up(&image);
	*ret = image;
}

struct area_search {
	const struct addr_space *as;
	struct nt_kimage image;
	bool found;
	uint64_t pages_left;
};

static bool try_header(struct area_search *s, VirtAddr va)
{
	struct nt_kimage image = { .base = va, .base_certain = true,
				   .has_pe = true, .how = "PE header" };

	if (!nt_pe_read(s->as, va, &image.pe) ||
	    !is_kernel_pe(s->as, &image.pe, &image))
		return false;
	look_up(&image);
	s->image = image;
	return true;
}

/* Pages of a leaf that begin with "MZ". */
static bool header_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct area_search *s = ctx;

	if (!page_state_in_memory(leaf->state))
		return true;
	for (uint64_t off = 0; off < leaf->len; off += PAGE_SIZE_4K) {
		uint8_t magic[2];

		if (!s->pages_left || !addr_space_step(s->as))
			return false;
		s->pages_left--;
		if (physmem_read(s->as->pm, PHYS(leaf->pa.v + off), magic,
				 sizeof magic) != PHYS_OK ||
		    magic[0] != 'M' || magic[1] != 'Z')
			continue;
		s->found = try_header(s, VIRT(leaf->va.v + off));
		if (s->found)
			return false;
	}
	return true;
}

static void search_headers(struct area_search *s, uint64_t start,
			   uint64_t len)
{
	uint64_t mask = (UINT64_C(1) << s->as->form->va_bits) - 1;
	struct vtop_budget budget = { .tables = 1 << 14 };

	s->pages_left = budget.leaves = pages_for(s->as->pm);
	vtop_walk(s->as, start & mask, (start & mask) + len - 1, budget,
		  header_leaf, s);
}

bool nt_kimage_find(const struct addr_space *as, uint64_t hint,
		    struct nt_kimage *ret)
{
	const struct nt_machine *m = nt_machine_of(as->form);
	struct area_search s = { .as = as };

	if (hint - m->kernel_area < m->kernel_area_len &&
	    hint - m->kernel_area > KERNEL_SIZE_MAX)
		search_headers(&s, page_floor(hint) - KERNEL_SIZE_MAX,
			       KERNEL_SIZE_MAX + PAGE_SIZE_4K);
	if (!s.found)
		search_headers(&s, m->kernel_area, m->kernel_area_len);
	if (s.found)
		*ret = s.image;
	return s.found;
}

bool nt_list_closes(const struct addr_space *as, VirtAddr va)
{
	unsigned n = nt_machine_of(as->form)->pointer_bytes;
	uint64_t flink, back;

	return nt_pointer_at(as, n, va, &flink) && flink != va.v &&
	       nt_is_kernel_address(as, flink) &&
	       nt_pointer_at(as, n, VIRT(flink + n), &back) && back == va.v;
}

/* The base at which the known symbols agree with memory. */
static bool base_by_symbols(const struct addr_space *as, VirtAddr inside,
			    const struct nt_kernel *kernel, VirtAddr *ret)
{
	uint32_t head;

	if (!kernel || !kernel_symbol(kernel, "PsActiveProcessHead", &head))
		return false;
	for (uint64_t off = 0; off < KERNEL_SIZE_MAX; off += PAGE_SIZE_4K) {
		VirtAddr base = VIRT(page_floor(inside.v) - off);

		if (nt_list_closes(as, VIRT(base.v + head))) {
			*ret = base;
			return true;
		}
	}
	return false;
}

/* The lowest page of the mapped range around an address. */
static VirtAddr base_by_mapping(const struct addr_space *as, VirtAddr inside)
{
	VirtAddr base = VIRT(page_floor(inside.v));

	for (uint64_t off = 0; off < KERNEL_SIZE_MAX; off += PAGE_SIZE_4K) {
		VirtAddr below = VIRT(base.v - PAGE_SIZE_4K);
		struct vtop_leaf leaf = vtop_translate(as, below);

		if (!page_state_has_data(leaf.state))
			break;
		base = below;
	}
	return base;
}

static void try_rsds(struct area_search *s, VirtAddr va)
{
	struct nt_kimage image = { .has_pdb = true, .how = "RSDS record" };

	if (!nt_pdb_id_read(s->as, va, &image.pdb) ||
	    !nt_pdb_is_kernel(image.pdb.name))
		return;
	look_up(&image);
	image.base_certain =
		base_by_symbols(s->as, va, image.kernel, &image.base);
	if (!image.base_certain)
		image.base = base_by_mapping(s->as, va);
	/* The loader keeps a copy of records that name other kernels (in
	 * update packages): the one whose symbols agree is better. */
	if (!s->found || (image.base_certain && !s->image.base_certain))
		s->image = image;
	s->found = true;
}

static bool rsds_page(void *ctx, VirtAddr va, const uint8_t *page)
{
	struct area_search *s = ctx;
	const uint8_t *p = page, *end = page + PAGE_SIZE_4K;

	while ((p = memmem(p, (size_t)(end - p), "RSDS", 4))) {
		try_rsds(s, VIRT(va.v + (uint64_t)(p - page)));
		p += 4;
	}
	return !(s->found && s->image.base_certain);
}

bool nt_kimage_find_rsds(const struct addr_space *as, struct nt_kimage *ret)
{
	const struct nt_machine *m = nt_machine_of(as->form);
	struct area_search s = { .as = as };

	nt_scan_range(as, VIRT(m->kernel_area), m->kernel_area_len,
		      pages_for(as->pm), rsds_page, &s);
	if (s.found)
		*ret = s.image;
	return s.found;
}

static bool known_rva(const struct nt_kimage *image, const char *name,
		      uint32_t *rva)
{
	if (image->symbols && nt_symbols_address(image->symbols, name, rva))
		return true;
	return image->kernel && kernel_symbol(image->kernel, name, rva);
}

bool nt_kimage_symbol(const struct addr_space *as,
		      const struct nt_kimage *image, const char *name,
		      VirtAddr *ret)
{
	uint32_t rva;

	if (image->base.v && image->base_certain &&
	    known_rva(image, name, &rva)) {
		*ret = VIRT(image->base.v + rva);
		return true;
	}
	return image->has_pe && nt_pe_export(as, &image->pe, name, ret);
}
