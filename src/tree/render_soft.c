/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of `vtop/ADDRESS` about entries that are not present: what Windows
 * left in them, and where that leads. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "nt/store.h"
#include "tree/render.h"

struct soft_view {
	struct sink *out;
	const NtProcSpace *full;
	const struct nt_soft_ctx *ctx;
};

/* "rw-": what an MM protection allows. */
static void put_protection(struct sink *out, unsigned protection)
{
	char perms[5];

	space_perms(nt_protection_rights(protection), perms);
	sink_printf(out, " protection=%u(%.3s%s)", protection, perms,
		    (protection & 0x18) == 0x10 ? ",guard" : "");
}

/* array: the entry is itself a prototype PTE. */
static void put_form(struct sink *out, const struct nt_pte *pte, bool array)
{
	switch (pte->form) {
	case NT_PTE_ZERO:
		sink_str(out, " empty");
		return;
	case NT_PTE_VALID:
		sink_printf(out, " valid frame=0x%" PRIx64, pte->pa.v);
		return;
	case NT_PTE_TRANSITION:
		sink_printf(out, " transition frame=0x%" PRIx64, pte->pa.v);
		break;
	case NT_PTE_PROTOTYPE:
		if (!array)
			sink_printf(out, " prototype=" PRIADDR, pte->proto.v);
		else if (pte->subsection.v)
			sink_printf(out, " subsection=" PRIADDR,
				    pte->subsection.v);
		else
			sink_str(out, " subsection");
		break;
	case NT_PTE_IN_VAD:
		sink_str(out, " prototype see-vad");
		break;
	case NT_PTE_PAGEFILE:
		sink_printf(out, " pagefile=%u page=0x%x", pte->number,
			    pte->page);
		break;
	case NT_PTE_FILE:
		sink_str(out, " file");
		return;
	case NT_PTE_DEMAND_ZERO:
		sink_str(out, " demand-zero");
		break;
	case NT_PTE_DECOMMITTED:
		sink_str(out, " decommitted");
		break;
	}
	put_protection(out, pte->protection);
	if (pte->masked)
		sink_str(out, " masked");
	if (pte->unsure)
		sink_str(out, " mask-unknown");
}

void render_soft_entry(struct sink *out, const struct addr_space *as,
		       uint64_t entry)
{
	struct nt_pte pte;

	if (as->soft != &nt_soft_pte_ops)
		return;
	pte = nt_pte_decode(as->soft_ctx, as->form, entry);
	put_form(out, &pte, false);
}

/* What the store says of a page, as far as it got. */
static void put_store(struct sink *out, const NtStore *store,
		      const struct nt_pte *pte)
{
	static const char *const answers[] = {
		[NT_STORE_OK] = "readable",
		[NT_STORE_NO_KEY] = "has no such key",
		[NT_STORE_DAMAGED] = "damaged",
		[NT_STORE_UNREADABLE] = "not all in the image",
	};
	struct nt_store_page info = { 0 };
	uint8_t page[4096];
	enum nt_store_status status = nt_store_read(store, pte->number,
						    pte->page, page, &info);

	sink_key(out, "Store", "%s key=0x%08x", answers[status], info.key);
	if (status == NT_STORE_NO_KEY)
		return;
	sink_key(out, "StoreRecord",
		 "store=%u region-key=0x%08x record=" PRIADDR
		 " size=0x%x data=" PRIADDR " %s",
		 info.store, info.region_key, info.record.v, info.size,
		 info.data.v,
		 info.zero ? "zeros" :
		 info.raw  ? "stored" :
			     (info.algorithm ? info.algorithm : "-"));
}

static void put_swap(const struct soft_view *v, const struct nt_pte *pte)
{
	const struct nt_swap *swap = v->ctx->swap;
	enum page_state state;

	if (pte->form != NT_PTE_PAGEFILE)
		return;
	state = nt_swap_look(swap, pte->number, pte->page);
	if (state == PAGE_STORE || state == PAGE_COMPRESSED) {
		if (swap->store)
			put_store(v->out, swap->store, pte);
		else
			sink_key(v->out, "Store", "not found");
		return;
	}
	sink_key(v->out, "PageFile", "%u offset 0x%" PRIx64 ", %s",
		 pte->number, (uint64_t)pte->page << 12,
		 state == PAGE_PAGEFILE ? "given" :
		 swap && page_files_has(swap->files, pte->number) ?
					  "beyond the end of what was given" :
					  "not given");
}

/* The prototype PTE at va. */
static void put_prototype(const struct soft_view *v, VirtAddr va)
{
	struct nt_pte pte;
	uint64_t entry;

	sink_printf(v->out, "PrototypePte:\t" PRIADDR " ", va.v);
	if (!nt_proto_read(&v->full->as, va, &entry)) {
		sink_str(v->out, "- cannot be read\n");
		return;
	}
	sink_printf(v->out, "0x%016" PRIx64, entry);
	pte = nt_pte_decode(v->ctx, v->full->as.form, entry);
	put_form(v->out, &pte, true);
	sink_str(v->out, "\n");
	put_swap(v, &pte);
}

/* The VAD that has the address, and its prototype PTE where it decides. */
static void put_vad(const struct soft_view *v, uint64_t offset, bool decides)
{
	const GArray *vads = v->full->vads;
	const struct nt_proto_extent *x;

	for (guint i = 0; i < vads->len; i++) {
		const struct nt_vad *vad =
			&g_array_index(vads, struct nt_vad, i);

		if (offset < vad->start || offset > vad->last)
			continue;
		sink_printf(v->out,
			    "Vad:\t" PRIADDR " 0x%" PRIx64 "-0x%" PRIx64 " %s",
			    vad->node.v, vad->start, vad->last,
			    vad->private_memory ? "private" : "mapped");
		put_protection(v->out, vad->protection);
		sink_str(v->out, "\n");
		break;
	}
	x = nt_proto_at(v->full->extents, offset);
	if (decides && x)
		put_prototype(v, nt_proto_pte(&v->full->as, x, offset));
}

void render_soft(struct sink *out, const NtProcSpace *full,
		 const struct vtop_leaf *leaf, uint64_t offset)
{
	struct soft_view v = { out, full, full->as.soft_ctx };
	struct nt_pte pte = { .form = NT_PTE_ZERO };
	bool above;

	if (full->as.soft != &nt_soft_pte_ops || leaf->state == PAGE_DAMAGED)
		return;
	if (leaf->entry)
		pte = nt_pte_decode(v.ctx, full->as.form, leaf->entry);
	put_swap(&v, &pte);
	if (pte.form == NT_PTE_PROTOTYPE)
		put_prototype(&v, nt_proto_choose(&full->as, &pte));
	/* A page that was found though a directory has nothing for it. */
	above = leaf->level + 1u < full->as.form->n_levels &&
		leaf->len == PAGE_SIZE_4K;
	put_vad(&v, offset, above || pte.form == NT_PTE_ZERO ||
				    pte.form == NT_PTE_IN_VAD);
}
