/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages by prototype PTEs alone. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "base/seen.h"
#include "nt/member.h"
#include "nt/pages.h"
#include "nt/proto.h"

/* One _SUBSECTION. */
struct subsection {
	uint64_t va;
	uint64_t control_area;
	uint64_t base;	/* of its prototype PTEs */
	uint64_t n_ptes;
	uint64_t next;
};

struct extents {
	const struct addr_space *as;
	NtPages *pages; /* of as */
	const struct nt_section_layout *layout;
	unsigned pointer_bytes;
	unsigned pte_bytes;
	Seen *seen;	/* of subsections, for the VAD at hand */
	unsigned subsections_left;
	GArray *out;
};

static bool is_pte_address(const struct extents *e, uint64_t va)
{
	return va % e->pte_bytes == 0 && nt_is_kernel_address(e->as, va);
}

static bool read_member(const struct extents *e, uint64_t va, uint32_t offset,
			unsigned n_bytes, uint64_t *ret)
{
	uint8_t raw[8] = { 0 };

	if (offset == NT_ABSENT ||
	    !nt_pages_read(e->pages, VIRT(va + offset), raw, n_bytes))
		return false;
	*ret = load_le64(raw);
	return true;
}

static bool read_subsection(struct extents *e, uint64_t va,
			    struct subsection *ret)
{
	const struct nt_section_layout *l = e->layout;
	unsigned n = e->pointer_bytes;

	if (!l->known || !e->subsections_left ||
	    !nt_is_kernel_address(e->as, va) ||
	    seen_enter(e->seen, va) != SEEN_NEW)
		return false;
	e->subsections_left--;
	ret->va = va;
	return read_member(e, va, l->control_area, n, &ret->control_area) &&
	       read_member(e, va, l->base, n, &ret->base) &&
	       read_member(e, va, l->next, n, &ret->next) &&
	       read_member(e, va, l->n_ptes, 4, &ret->n_ptes) &&
	       ret->n_ptes && is_pte_address(e, ret->base) &&
	       nt_is_kernel_address(e->as, ret->control_area);
}

static bool has_pte(const struct extents *e, const struct subsection *s,
		    uint64_t pte)
{
	return pte >= s->base && (pte - s->base) / e->pte_bytes < s->n_ptes;
}

/*
 * The subsection that the view begins in. Since Vista the VAD names it; before
 * it names the control area, behind which the first one lies.
 */
static bool first_subsection(struct extents *e, const struct nt_vad *vad,
			     struct subsection *ret)
{
	uint64_t at = vad->subsection;

	if (!at && vad->control_area && e->layout->control_area_bytes)
		at = vad->control_area + e->layout->control_area_bytes;
	while (at && read_subsection(e, at, ret)) {
		if (vad->control_area &&
		    ret->control_area != vad->control_area)
			return false;
		if (has_pte(e, ret, vad->first_proto))
			return true;
		at = ret->next;
	}
	return false;
}

/* MM_PROTECTION 7 without a view of its own: images have the rights in their
 * prototype PTEs, file and page-file sections in the VAD. */
static unsigned view_rights(const struct nt_vad *vad)
{
	enum { VAD_IMAGE = 2 };

	if (vad->type == VAD_IMAGE || !vad->protection)
		return 0;
	return RIGHT_USER | nt_protection_rights(vad->protection);
}

/* Adds n pages from page index `page` of the view on. */
static void add_extent(struct extents *e, const struct nt_vad *vad,
		       uint64_t page, uint64_t n, uint64_t pte)
{
	struct nt_proto_extent x = {
		.start = vad->start + (page << PAGE_SHIFT_4K),
		.pte = VIRT(pte),
		.rights = view_rights(vad),
		.vad = vad->node,
	};

	if (!n)
		return;
	x.last = x.start + (n << PAGE_SHIFT_4K) - 1;
	g_array_append_val(e->out, x);
}

/* How many prototype PTEs follow each other from the view's first on; 0: none
 * can be told. */
static uint64_t first_stretch(const struct extents *e,
			      const struct nt_vad *vad, uint64_t n_pages,
			      bool has_subsection,
			      const struct subsection *s)
{
	uint64_t first = vad->first_proto, last = vad->last_proto;

	/* MM_ALLOCATION_FILLS_VAD, ~3, is above all others. */
	if (last >= first)
		return (last - first) / e->pte_bytes + 1;
	if (has_subsection)
		return s->n_ptes - (first - s->base) / e->pte_bytes;
	/* 0: not known. Else it is damaged, and what follows the first could
	 * be anything. */
	return last ? 0 : n_pages;
}

static void add_view(struct extents *e, const struct nt_vad *vad)
{
	uint64_t n_pages = ((vad->last - vad->start) >> PAGE_SHIFT_4K) + 1;
	struct subsection s = { 0 };
	uint64_t page, control_area;
	bool has;

	if (!is_pte_address(e, vad->first_proto))
		return;
	g_clear_pointer(&e->seen, seen_free);
	e->seen = seen_new(NT_SUBSECTIONS_MAX);
	has = first_subsection(e, vad, &s);
	page = MIN(first_stretch(e, vad, n_pages, has, &s), n_pages);
	add_extent(e, vad, 0, page, vad->first_proto);
	control_area = s.control_area;
	while (has && page < n_pages) {
		uint64_t n;

		if (!s.next || !read_subsection(e, s.next, &s) ||
		    s.control_area != control_area)
			break;
		n = MIN(s.n_ptes, n_pages - page);
		add_extent(e, vad, page, n, s.base);
		page += n;
	}
}

GArray *nt_proto_extents(const struct addr_space *own,
			 const struct nt_profile *profile, const GArray *vads)
{
	g_autoptr(NtPages) pages = nt_pages_new(own);
	struct extents e = {
		.as = own,
		.pages = pages,
		.layout = &profile->section,
		.pointer_bytes = profile->pointer_bytes,
		.pte_bytes = own->form->entry_bytes,
		.subsections_left = NT_SUBSECTIONS_MAX,
		.out = g_array_new(FALSE, FALSE,
				   sizeof(struct nt_proto_extent)),
	};

	for (guint i = 0; i < vads->len; i++) {
		const struct nt_vad *vad =
			&g_array_index(vads, struct nt_vad, i);

		if (vad->first_proto && !vad->private_memory)
			add_view(&e, vad);
	}
	seen_free(e.seen);
	return e.out;
}

const struct nt_proto_extent *nt_proto_find(const GArray *extents,
					    uint64_t va)
{
	guint low = 0, high = extents->len;

	while (low < high) {
		guint mid = low + (high - low) / 2;

		if (g_array_index(extents, struct nt_proto_extent, mid).last <
		    va)
			low = mid + 1;
		else
			high = mid;
	}
	return low < extents->len ?
		       &g_array_index(extents, struct nt_proto_extent, low) :
		       NULL;
}

const struct nt_proto_extent *nt_proto_at(const GArray *extents, uint64_t va)
{
	const struct nt_proto_extent *x =
		extents ? nt_proto_find(extents, va) : NULL;

	return x && x->start <= va ? x : NULL;
}

VirtAddr nt_proto_pte(const struct addr_space *as,
		      const struct nt_proto_extent *extent, uint64_t va)
{
	uint64_t i = (va - extent->start) >> PAGE_SHIFT_4K;

	return VIRT(extent->pte.v + i * as->form->entry_bytes);
}

/* What an answer takes beyond the first prototype PTE, in leaves of a walk:
 * for one that cannot be read, and the others of a run. */
#define COST_OF_LOST 16u
#define PTES_PER_COST 32u

/* Prototype PTEs from pte to the end of the page. */
static uint64_t ptes_in_page(const struct addr_space *as, VirtAddr pte)
{
	return (PAGE_SIZE_4K - (pte.v & PAGE_MASK_4K)) / as->form->entry_bytes;
}

/* Are these two nothing more than the same answer twice? */
static bool same_answer(const struct soft_pte *a, const struct soft_pte *b)
{
	return a->state == b->state && a->rights == b->rights &&
	       !page_state_has_place(a->state);
}

/* How many prototype PTEs from pte on cannot be read for the same reason. */
static uint64_t unreadable_run(const struct addr_space *as, VirtAddr pte)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	struct addr_space flat = *as;
	struct vtop_leaf own, other;
	uint64_t left;

	if (!ctx->flat || !nt_is_kernel_address(as, pte.v))
		return UINT64_MAX;
	flat.soft_ctx = ctx->flat;
	own = vtop_translate(&flat, pte);
	other = ctx->system ? vtop_translate(ctx->system, pte) : own;
	/* A page of which a part is in the image. */
	if (page_state_has_data(own.state) || page_state_has_data(other.state))
		return 1;
	left = MIN(own.len - (pte.v - own.va.v),
		   other.len - (pte.v - other.va.v));
	return MAX(left / as->form->entry_bytes, 1);
}

/* How many of the n prototype PTEs at pte, which are in one page, say the same
 * as the first; they can be read in one go, or it is but that one. */
static uint64_t same_run(const struct addr_space *as, VirtAddr pte, uint64_t n,
			 const struct soft_pte *first)
{
	size_t size = as->form->entry_bytes;
	uint8_t raw[PAGE_SIZE_4K];
	uint64_t i;

	if (n < 2 || !nt_proto_read_many(as, pte, raw, (size_t)n * size))
		return 1;
	for (i = 1; i < n; i++) {
		const uint8_t *p = raw + i * size;
		struct soft_pte next;
		uint64_t entry = size == 8 ? load_le64(p) : load_le32(p);

		if (!memcmp(p, p - size, size))
			continue;
		next = nt_proto_page(as, entry);
		if (!same_answer(first, &next))
			break;
	}
	return i;
}

/* n pages of one kind from the prototype PTE at pte on, at least one. */
static uint64_t answer_run(const struct addr_space *as, VirtAddr pte,
			   uint64_t n, struct soft_pte *ret)
{
	uint64_t entry;

	if (!nt_proto_read(as, pte, &entry)) {
		ret->state = PAGE_PROTOTYPE_LOST;
		ret->rights = RIGHT_USER | RIGHT_READ;
		ret->cost = COST_OF_LOST;
		return MIN(n, unreadable_run(as, pte));
	}
	*ret = nt_proto_page(as, entry);
	if (page_state_has_place(ret->state))
		return 1;
	n = same_run(as, pte, MIN(n, ptes_in_page(as, pte)), ret);
	ret->cost += (unsigned)n / PTES_PER_COST;
	return n;
}

static unsigned cost_so_far(const struct nt_soft_ctx *ctx)
{
	return ctx->pages ? nt_pages_cost(ctx->pages) : 0;
}

uint64_t nt_proto_vacant(const struct addr_space *as, uint64_t va,
			 uint64_t last, struct soft_pte *ret)
{
	const struct nt_soft_ctx *ctx = as->soft_ctx;
	const struct nt_proto_extent *x = NULL;
	unsigned cost = cost_so_far(ctx);
	VirtAddr pte;
	uint64_t n;

	ret->state = PAGE_ABSENT;
	if (ctx->protos)
		x = nt_proto_find(ctx->protos, va);
	if (!x || x->start > last)
		return last - va + 1;
	if (x->start > va)
		return x->start - va;
	last = MIN(last, x->last);
	pte = nt_proto_pte(as, x, va);
	n = answer_run(as, pte, ((last - va) >> PAGE_SHIFT_4K) + 1, ret);
	if (x->rights)
		ret->rights = x->rights;
	ret->cost += cost_so_far(ctx) - cost;
	return MIN(n << PAGE_SHIFT_4K, last - va + 1);
}
