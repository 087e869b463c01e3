/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `paging`, `dtb`: how an address space is built. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "tree/render.h"

void render_dtb(struct sink *out, const struct render_facts *facts,
		const Space *space, const SpaceView *view)
{
	(void)facts;
	(void)view;
	sink_printf(out, "0x%" PRIx64 "\n", addr_space_dtb(&space->as).v);
}

/* The tables of a level are called as its entries, without the last E. */
static void tables(struct sink *out, const Space *space,
		   const struct vtop_stats *stats)
{
	const struct paging_form *form = space->as.form;

	for (unsigned i = 0; i < form->n_levels; i++) {
		const char *name = form->levels[i].name;

		sink_printf(out, "Tables%.*s:\t%" PRIu64 "\n",
			    (int)strlen(name) - 1, name, stats->tables[i]);
	}
}

static void states(struct sink *out, const struct map_counts *c)
{
	static const char *const names[PAGE_STATES] = {
		[PAGE_VALID] = "PagesValid",
		[PAGE_TRANSITION] = "PagesTransition",
		[PAGE_PROTOTYPE] = "PagesPrototype",
		[PAGE_PAGEFILE] = "PagesPagefile",
		[PAGE_STORE] = "PagesCompressed",
		[PAGE_DEMAND_ZERO] = "PagesDemandZero",
		[PAGE_DECOMMITTED] = "PagesDecommitted",
		[PAGE_FILE] = "PagesFileNotInImage",
		[PAGE_PAGED_OUT] = "PagesPagedOut",
		[PAGE_COMPRESSED] = "PagesCompressedUnreadable",
		[PAGE_PROTOTYPE_LOST] = "PagesPrototypeUnreadable",
		[PAGE_UNKNOWN] = "PagesNotUnderstood",
		[PAGE_RESERVED] = "PagesReservedBits",
		[PAGE_OUTSIDE] = "PagesOutsideImage",
		[PAGE_DAMAGED] = "PagesBehindMissingTables",
	};
	static const char *const large[] = { "Large2M", "Large4M", "Large1G" };

	for (unsigned i = 0; i < PAGE_STATES; i++)
		if (names[i])
			sink_key(out, names[i], "%" PRIu64, c->pages[i]);
	for (unsigned i = 0; i < G_N_ELEMENTS(large); i++)
		sink_key(out, large[i], "%" PRIu64, c->large[i]);
	sink_key(out, "BytesResident", "%" PRIu64, map_counts_resident(c));
	sink_key(out, "BytesFromPageFiles", "%" PRIu64,
		 c->pages[PAGE_PAGEFILE] << PAGE_SHIFT_4K);
	sink_key(out, "BytesFromStore", "%" PRIu64,
		 c->pages[PAGE_STORE] << PAGE_SHIFT_4K);
	sink_key(out, "BytesNotInImage", "%" PRIu64, c->lost_bytes);
}

/* The entry of the top-level table that points at the table itself. */
static void self_map(struct sink *out, const Space *space)
{
	unsigned n = 1u << space->as.form->levels[0].bits;
	unsigned i = vtop_self_map(&space->as, 0);

	if (i < n)
		sink_key(out, "SelfMapIndex", "0x%x", i);
	else
		sink_key(out, "SelfMapIndex", "-");
}

static void verdict(struct sink *out, const struct render_facts *facts,
		    const Space *space)
{
	g_autofree char *check = NULL;

	if (space->kind == SPACE_PROCESS)
		check = render_dtb_check(facts, space->proc);
	sink_key(out, "Verdict", "%s",
		 check ? check :
		 space->empty ? nt_dtb_text(NT_DTB_NONE) :
		 physmem_has_page(space->as.pm, addr_space_dtb(&space->as)) ?
			 nt_dtb_text(NT_DTB_OK) :
			 nt_dtb_text(NT_DTB_OUTSIDE));
	if (check)
		render_dtb_candidates(out, facts, space->proc);
}

static void range(struct sink *out, const Space *space)
{
	sink_key(out, "Range", "0x%" PRIx64 "-0x%" PRIx64 "%s",
		 space_address(space, space->start),
		 space_address(space, space->last),
		 space->kind == SPACE_KERNEL ? " (kernel half)" :
		 space->whole		     ? " (all)" :
					       " (user half)");
}

void render_paging(struct sink *out, const struct render_facts *facts,
		   const Space *space, const SpaceView *view)
{
	const struct map_counts *c = addr_map_counts(view->map);

	if (space->as.direct) {
		render_direct_paging(out, space, view);
		return;
	}
	sink_key(out, "Dtb", "0x%" PRIx64, addr_space_dtb(&space->as).v);
	sink_key(out, "DtbRaw", "0x%" PRIx64, space->dtb_raw);
	render_user_dtb(out, facts, space->proc);
	sink_key(out, "Paging", "%s", space->as.form->description);
	range(out, space);
	tables(out, space, &c->walk);
	states(out, c);
	if (space->empty)
		sink_key(out, "SelfMapIndex", "-");
	else
		self_map(out, space);
	sink_key(out, "Walk", "%s",
		 c->walk.exhausted ?
			 "stopped: more tables or pages than an image of this"
			 " size can have; what is beyond is not shown" :
			 "complete");
	verdict(out, facts, space);
}
