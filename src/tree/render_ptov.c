/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `image/ptov/ADDRESS`: who maps a physical address. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/text.h"
#include "tree/render.h"

/* Spaces that are named where they were not gone through to the end. */
#define CUT_SPACES_SHOWN 16u

const char *render_page_state(enum page_state state)
{
	static const char *const names[PAGE_STATES] = {
		[PAGE_VALID] = "valid",
		[PAGE_TRANSITION] = "transition",
		[PAGE_ABSENT] = "absent",
		[PAGE_DEMAND_ZERO] = "demand-zero",
		[PAGE_PROTOTYPE] = "prototype",
		[PAGE_PAGEFILE] = "pagefile",
		[PAGE_STORE] = "compressed",
		[PAGE_DIRECT] = "dump",
		[PAGE_DECOMMITTED] = "decommitted",
		[PAGE_FILE] = "file-not-in-image",
		[PAGE_PAGED_OUT] = "paged-out",
		[PAGE_COMPRESSED] = "compressed-unreadable",
		[PAGE_PROTOTYPE_LOST] = "prototype-unreadable",
		[PAGE_UNKNOWN] = "not-understood",
		[PAGE_RESERVED] = "reserved-bits",
		[PAGE_OUTSIDE] = "outside-image",
		[PAGE_DAMAGED] = "table-missing",
	};

	return names[state] ? names[state] : "?";
}

/* The first two columns: of whom a space is. (transfer full) */
static char *owner_id(const Space *space)
{
	if (space->kind == SPACE_KERNEL)
		return g_strdup("kernel");
	return g_strdup(space->proc ? space->proc->dir : "-");
}

static char *owner_name(const Space *space)
{
	if (space->proc)
		return text_escape_field(space->proc->p.name);
	if (space->kind == SPACE_KERNEL)
		return g_strdup("-");
	return g_strdup_printf("dtb/0x%" PRIx64,
			       addr_space_dtb(&space->as).v);
}

static void hit_line(struct sink *out, const Space *space,
		     const struct ptov_hit *hit)
{
	g_autofree char *id = owner_id(space), *name = owner_name(space);
	int digits = space->as.form->va_bits == 32 ? 8 : 16;
	char perms[5];

	space_perms(hit->rights, perms);
	sink_printf(out,
		    "%-8s %-16s 0x%0*" PRIx64 " 0x%-8" PRIx64 " %-13s %s\n",
		    id, name, digits, space_address(space, hit->va),
		    hit->leaf_len, render_page_state(hit->state), perms);
}

static void head_line(struct sink *out, const struct render_facts *facts)
{
	int width = 18;

	if (facts->kernel && facts->kernel->as.form->va_bits == 32)
		width = 10;
	sink_printf(out, "%-8s %-16s %-*s %-10s %-13s %s\n", "pid", "name",
		    width, "va", "size", "state", "rights");
}

static void place_line(struct sink *out, const struct render_facts *facts,
		       uint64_t pa)
{
	struct image_run run;

	if (!image_runs_next(physmem_runs(facts->pm), pa, &run) ||
	    run.pa > pa) {
		sink_str(out, "# not in the image\n");
		return;
	}
	sink_str(out, "# in the image: ");
	if (image_io_is_file(image_data(facts->image)))
		sink_printf(out, "file offset 0x%" PRIx64 ", ",
			    run.off + (pa - run.pa));
	sink_printf(out, "run 0x%" PRIx64 "-0x%" PRIx64 "\n", run.pa,
		    run.pa + run.len - 1);
}

/* Is pa in the top-level table at root? */
static bool in_root(const struct paging_form *form, uint64_t root, uint64_t pa)
{
	uint64_t len = (uint64_t)form->entry_bytes << form->levels[0].bits;

	root &= form->root_mask;
	return root && pa >= root && pa - root < len;
}

/* Whose top-level table it is in, if anybody's. */
static void table_lines(struct sink *out, const Ptov *ptov, uint64_t pa)
{
	for (size_t i = 0; i < ptov_n_spaces(ptov); i++) {
		const Space *space = ptov_space(ptov, i);
		const struct paging_form *form = space->as.form;
		bool kernel = in_root(form, space->as.root.v, pa);
		g_autofree char *id = NULL, *name = NULL;

		if (!kernel && !(space->proc &&
				 space->proc->p.known & NTP_USER_DTB &&
				 in_root(form, space->proc->p.user_dtb_raw,
					 pa)))
			continue;
		id = owner_id(space);
		name = owner_name(space);
		sink_printf(out, "# in the top-level table%s of: %s %s\n",
			    kernel ? "" : " (user mode)", id, name);
	}
}

/* What was not gone through to its end, so that lines may be missing. */
static void cut_lines(struct sink *out, const Ptov *ptov, const uint8_t *flags)
{
	unsigned n = 0;

	for (size_t i = 0; i < ptov_n_spaces(ptov); i++) {
		g_autofree char *id = NULL, *name = NULL;

		if (!flags[i] || n++ >= CUT_SPACES_SHOWN)
			continue;
		id = owner_id(ptov_space(ptov, i));
		name = owner_name(ptov_space(ptov, i));
		sink_printf(out, "# incomplete: %s %s %s\n", id, name,
			    flags[i] & SCAN_SKIPPED ?
				    "was not looked at: too many tables" :
			    flags[i] & SCAN_STOPPED ?
				    "has more tables or pages than it can" :
				    "could not be read");
	}
	if (n > CUT_SPACES_SHOWN)
		sink_printf(out, "# incomplete: and %u more\n",
			    n - CUT_SPACES_SHOWN);
}

void render_ptov(struct sink *out, const struct render_facts *facts,
		 Ptov *ptov, uint64_t pa)
{
	struct ptov_answer answer;

	ptov_find(ptov, PHYS(pa), &answer);
	head_line(out, facts);
	for (guint i = 0; i < answer.hits->len; i++) {
		const struct ptov_hit *hit =
			&g_array_index(answer.hits, struct ptov_hit, i);

		hit_line(out, ptov_space(ptov, hit->space), hit);
	}
	if (answer.n_hits > answer.hits->len)
		sink_printf(out, "# cut: %" PRIu64 " more\n",
			    answer.n_hits - answer.hits->len);
	if (!answer.n_hits)
		sink_str(out, "# not mapped by any address space that is"
			      " known\n");
	place_line(out, facts, pa);
	table_lines(out, ptov, pa);
	cut_lines(out, ptov, answer.flags);
	ptov_answer_clear(&answer);
}
