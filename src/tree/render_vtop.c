/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `vtop/ADDRESS`: how an address is translated, step by step. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "tree/render.h"

/* Bytes that are shown of what is at the address, and how many in a line. */
#define BYTES_SHOWN 64u
#define BYTES_IN_LINE 16u

/* What a bit of an entry is called where it is set and where it is not. */
struct flag {
	unsigned bit;
	const char *set, *clear;
	unsigned kinds;	/* of entries that have it */
};

enum { OF_TABLE = 1, OF_LARGE = 2, OF_PAGE = 4, OF_LEAF = 6, OF_ALL = 7 };

/* Intel SDM vol. 3A, tables 4-4 to 4-20. */
static const struct flag x86_flags[] = {
	{ 1, "rw", "ro", OF_ALL },
	{ 2, "us", "kern", OF_ALL },
	{ 63, "nx", NULL, OF_ALL },
	{ 7, "large", NULL, OF_LARGE },
	{ 5, "accessed", NULL, OF_ALL },
	{ 6, "dirty", NULL, OF_LEAF },
	{ 8, "global", NULL, OF_LEAF },
	{ 3, "pwt", NULL, OF_ALL },
	{ 4, "pcd", NULL, OF_ALL },
	{ 7, "pat", NULL, OF_PAGE },
	{ 12, "pat", NULL, OF_LARGE },
};

/* Arm ARM (DDI 0487) D8.3: leaves have AP 7:6, AF 10, nG 11, contiguous 52,
 * PXN 53, UXN 54; tables PXNTable 59, UXNTable 60, APTable 62:61. */
static const struct flag arm64_flags[] = {
	{ 7, "ro", "rw", OF_LEAF },	{ 6, "us", "kern", OF_LEAF },
	{ 54, "uxn", NULL, OF_LEAF },	{ 53, "pxn", NULL, OF_LEAF },
	{ 10, "accessed", NULL, OF_LEAF }, { 11, NULL, "global", OF_LEAF },
	{ 52, "contiguous", NULL, OF_LEAF },
	{ 62, "ro", "rw", OF_TABLE },	{ 61, "kern", "us", OF_TABLE },
	{ 60, "uxn", NULL, OF_TABLE },	{ 59, "pxn", NULL, OF_TABLE },
};

static bool is_arm64(const struct paging_form *form)
{
	return form == &paging_arm64;
}

static unsigned kind_of(const struct paging_form *form,
			const struct vtop_step *step)
{
	const struct paging_level *level = &form->levels[step->level];

	if (step->level + 1u == form->n_levels)
		return OF_PAGE;
	return (step->entry ^ form->inverted) & level->large ? OF_LARGE :
							       OF_TABLE;
}

static void put_flags(struct sink *out, const struct flag *flags, size_t n,
		      uint64_t entry, unsigned kind)
{
	for (size_t i = 0; i < n; i++) {
		bool set = entry >> flags[i].bit & 1;
		const char *word = set ? flags[i].set : flags[i].clear;

		if (word && flags[i].kinds & kind)
			sink_printf(out, " %s", word);
	}
}

static void put_present(struct sink *out, const struct addr_space *as,
			const struct vtop_step *step)
{
	const struct paging_form *form = as->form;
	unsigned kind = kind_of(form, step);

	sink_str(out, " present");
	if (is_arm64(form)) {
		sink_str(out, kind == OF_LARGE ? " block" :
			      kind == OF_TABLE ? " table" :
						 "");
		put_flags(out, arm64_flags, G_N_ELEMENTS(arm64_flags),
			  step->entry, kind);
		return;
	}
	/* The PDPTEs of PAE have no rights (SDM 4.4.1). */
	if (form->levels[step->level].rights)
		put_flags(out, x86_flags, G_N_ELEMENTS(x86_flags),
			  step->entry, kind);
	/* Windows' own bit (_MMPTE_HARDWARE.CopyOnWrite). */
	if (as->soft && kind == OF_PAGE && step->entry >> 9 & 1)
		sink_str(out, " cow");
}

/* One level: "PTE: where, what, what that says". */
static void put_step(struct sink *out, const struct addr_space *as,
		     const struct vtop_step *step)
{
	sink_printf(out, "%s:\t", as->form->levels[step->level].name);
	if (page_state_in_memory(step->table_state))
		sink_printf(out, PRIADDR " ", step->entry_pa.v);
	else /* the table is in a page file, or in the store */
		sink_printf(out, "%s-%u+0x%" PRIx64 " ",
			    render_page_state(step->table_state),
			    swap_place_number(step->entry_pa.v),
			    swap_place_offset(step->entry_pa.v));
	if (!step->read) {
		sink_str(out, "- not in the image\n");
		return;
	}
	sink_printf(out, "0x%016" PRIx64, step->entry);
	if (step->present) {
		put_present(out, as, step);
	} else if (step->entry) {
		sink_str(out, " not-present");
		render_soft_entry(out, as, step->entry);
	} else {
		sink_str(out, " empty");
	}
	sink_str(out, "\n");
}

/* Where in the image's file a physical address is. */
static void put_place(struct sink *out, const struct render_facts *facts,
		      uint64_t pa)
{
	struct image_run run;

	sink_key(out, "Physical", PRIADDR, pa);
	if (!image_runs_next(physmem_runs(facts->pm), pa, &run) ||
	    run.pa > pa) {
		sink_key(out, "FileOffset", "-");
		sink_key(out, "Run", "-");
		return;
	}
	if (image_io_is_file(image_data(facts->image)))
		sink_key(out, "FileOffset", "0x%" PRIx64,
			 run.off + (pa - run.pa));
	else
		sink_key(out, "FileOffset", "-");
	sink_key(out, "Run", "0x%" PRIx64 "-0x%" PRIx64, run.pa,
		 run.pa + run.len - 1);
}

static bool has_address(enum page_state state)
{
	return page_state_in_memory(state) || state == PAGE_OUTSIDE;
}

static void put_result(struct sink *out, const struct render_facts *facts,
		       const struct vtop_leaf *leaf, uint64_t va)
{
	char perms[5];

	sink_key(out, "State", "%s", render_page_state(leaf->state));
	if (!has_address(leaf->state)) {
		sink_key(out, "Physical", "-");
		sink_key(out, "FileOffset", "-");
		sink_key(out, "Run", "-");
		return;
	}
	space_perms(leaf->rights, perms);
	sink_key(out, "Rights", "%.3s %s", perms,
		 leaf->rights & RIGHT_USER ? "user" : "kernel");
	sink_key(out, "PageSize", "0x%" PRIx64, leaf->len);
	put_place(out, facts, leaf->pa.v + (va - leaf->va.v));
}

static void put_bytes_line(struct sink *out, uint64_t va, const uint8_t *bytes,
			   size_t n)
{
	char hex[3 * BYTES_IN_LINE + 1] = "", text[BYTES_IN_LINE + 1] = "";
	char *p = hex;

	for (size_t i = 0; i < n; i++) {
		*p++ = ' ';
		p = put_hex(p, bytes[i], 2);
		text[i] = g_ascii_isprint((gchar)bytes[i]) ? (char)bytes[i] :
							      '.';
	}
	*p = '\0';
	sink_printf(out, PRIADDR " %-48s  |%s|\n", va, hex, text);
}

/* The first bytes, no further than the page goes and the image has them. */
static void put_bytes(struct sink *out, const struct addr_space *as,
		      uint64_t va)
{
	size_t left = (size_t)MIN(BYTES_SHOWN,
				  PAGE_SIZE_4K - (va & PAGE_MASK_4K));

	while (left) {
		size_t n = MIN(left, BYTES_IN_LINE);
		uint8_t bytes[BYTES_IN_LINE];

		if (!vtop_read(as, VIRT(va), bytes, n))
			break;
		put_bytes_line(out, va, bytes, n);
		va += n;
		left -= n;
	}
}

void render_vtop(struct sink *out, const struct render_facts *facts,
		 const Space *space, VirtAddr va)
{
	g_autoptr(NtProcSpace) full = space_full(space);
	const struct addr_space *as = &full->as;
	struct vtop_step steps[PAGING_LEVELS_MAX];
	struct vtop_leaf leaf;
	unsigned n;

	sink_key(out, "Virtual", PRIADDR, va.v);
	sink_key(out, "Dtb", "0x%" PRIx64, addr_space_dtb(as).v);
	if (space->empty) {
		sink_key(out, "State", "no address space (DTB is 0)");
		return;
	}
	if (as->direct) {
		render_direct_vtop(out, space, va);
		put_bytes(out, as, va.v);
		return;
	}
	n = vtop_trace(as, va, steps, &leaf);
	for (unsigned i = 0; i < n; i++)
		put_step(out, as, &steps[i]);
	render_soft(out, full, &leaf,
		    va.v & ((UINT64_C(1) << as->form->va_bits) - 1));
	put_result(out, facts, &leaf, va.v);
	put_bytes(out, as, va.v);
}
