/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the System process. */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "nt/sysproc.h"

enum {
	SYSTEM_PID = 4,
	SCAN_HITS_MAX = 4096,
	HEAD_ENTRIES_MAX = 8,
	PREFERRED = 100, /* more than fit() ever gives */
};

/* ImageFileName of System: 15 bytes, padded with NUL. */
static const char system_name[15] = "System";

/* Does dtb_raw map va to the same frame as the address space does? */
static bool same_frame(const struct addr_space *as, uint64_t dtb_raw,
		       VirtAddr va)
{
	struct addr_space other = *as;
	struct vtop_leaf a, b;

	other.root = PHYS(dtb_raw);
	a = vtop_translate(as, va);
	b = vtop_translate(&other, va);
	return page_state_has_data(a.state) && page_state_has_data(b.state) &&
	       a.pa.v == b.pa.v;
}

/* Pointer at va + off equals want? */
static bool points_at(const struct addr_space *as, uint64_t va, uint64_t want)
{
	uint8_t raw[8];

	return va >> 63 && vtop_read(as, VIRT(va), raw, sizeof raw) &&
	       load_le64(raw) == want;
}

bool nt_system_check(const struct addr_space *as,
		     const struct nt_profile *profile, VirtAddr va,
		     struct nt_system *ret)
{
	struct nt_process p;
	uint64_t links = va.v + profile->eprocess.links;
	bool next, prev, ok;

	if (!nt_process_read(as, profile, va, &p))
		return false;
	next = points_at(as, p.flink.v + 8, links);
	prev = points_at(as, p.blink.v, links);
	ok = p.pid == SYSTEM_PID && p.dtb_raw &&
	     nt_process_plausible(as, profile, &p) && (next || prev) &&
	     same_frame(as, p.dtb_raw, va);
	if (ok)
		*ret = (struct nt_system){
			.eprocess = va,
			.dtb_raw = p.dtb_raw,
			.named = !g_strcmp0(p.name, "System"),
			.links_close = next && prev,
		};
	nt_process_clear(&p);
	return ok;
}

struct nt_anchors nt_system_anchors(const struct addr_space *as,
				    const struct nt_kimage *image)
{
	struct nt_anchors a = { 0 };

	(void)nt_kimage_symbol(as, image, "PsInitialSystemProcess",
			       &a.initial_system);
	(void)nt_kimage_symbol(as, image, "PsActiveProcessHead",
			       &a.active_head);
	return a;
}

static bool by_pointer(const struct addr_space *as,
		       const struct nt_profile *profile,
		       const struct nt_anchors *anchors,
		       struct nt_system *ret)
{
	uint8_t raw[8];

	if (!anchors->initial_system.v ||
	    !vtop_read(as, anchors->initial_system, raw, sizeof raw))
		return false;
	if (!nt_system_check(as, profile, VIRT(load_le64(raw)), ret))
		return false;
	ret->how = "PsInitialSystemProcess";
	return true;
}

static bool by_head(const struct addr_space *as,
		    const struct nt_profile *profile,
		    const struct nt_anchors *anchors, struct nt_system *ret)
{
	uint64_t va = anchors->active_head.v;

	if (!va)
		return false;
	for (unsigned i = 0; i < HEAD_ENTRIES_MAX; i++) {
		uint8_t raw[8];

		if (!vtop_read(as, VIRT(va), raw, sizeof raw))
			return false;
		va = load_le64(raw);
		if (nt_system_check(as, profile,
				    VIRT(va - profile->eprocess.links),
				    ret)) {
			ret->how = "PsActiveProcessHead";
			return true;
		}
	}
	return false;
}

bool nt_system_by_symbol(const struct addr_space *as,
			 const struct nt_profile *profile,
			 const struct nt_anchors *anchors,
			 struct nt_system *ret)
{
	return by_pointer(as, profile, anchors, ret) ||
	       by_head(as, profile, anchors, ret);
}

struct scan {
	const struct addr_space *as;
	const struct nt_profile *profiles;
	size_t n, n_preferred;
	struct nt_system *ret;
	size_t *which;
	bool found;
	unsigned hits_left;
	uint64_t pages_left;
	uint8_t *buf;
};

/* How well do the members that differ between relatives fit the process that
 * follows System in the list? */
static unsigned fit(const struct scan *s, const struct nt_profile *profile,
		    VirtAddr system)
{
	struct nt_process p;
	uint8_t raw[8];
	unsigned n = 0;

	if (!vtop_read(s->as, VIRT(system.v + profile->eprocess.links), raw,
		       sizeof raw) ||
	    !nt_process_read(s->as, profile,
			     VIRT(load_le64(raw) - profile->eprocess.links),
			     &p))
		return 0;
	n += p.ppid && p.ppid % 4 == 0 && p.ppid < 1u << 28;
	n += p.threads > 0 && p.threads < 100000;
	n += p.name[0] && g_utf8_validate(p.name, -1, NULL);
	n += filetime_to_unix(p.create_time, &(int64_t){ 0 }, &(uint32_t){ 0 });
	n += !p.exit_time || p.exit_time > p.create_time;
	nt_process_clear(&p);
	return n;
}

/* The profile that fits best, the first of those that fit alike. */
static bool try_hit(struct scan *s, VirtAddr name)
{
	unsigned best = 0;

	for (size_t i = 0; i < s->n; i++) {
		uint64_t offset = s->profiles[i].eprocess.name;
		VirtAddr va = VIRT(name.v - offset);
		struct nt_system system;
		unsigned n;

		if (!nt_system_check(s->as, &s->profiles[i], va, &system))
			continue;
		n = 1 + fit(s, &s->profiles[i], va) +
		    (i < s->n_preferred ? PREFERRED : 0);
		if (n <= best)
			continue;
		best = n;
		system.how = "scan of kernel memory";
		*s->ret = system;
		*s->which = i;
	}
	return best > 0;
}

static bool scan_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct scan *s = ctx;

	if (!page_state_has_data(leaf->state))
		return true;
	for (uint64_t off = 0; off < leaf->len; off += PAGE_SIZE_4K) {
		const uint8_t *p = s->buf, *end = s->buf + PAGE_SIZE_4K;

		if (!s->pages_left)
			return false;
		s->pages_left--;
		if (physmem_read(s->as->pm, PHYS(leaf->pa.v + off), s->buf,
				 PAGE_SIZE_4K) != PHYS_OK)
			continue;
		while ((p = memmem(p, (size_t)(end - p), system_name,
				   sizeof system_name))) {
			VirtAddr va = VIRT(leaf->va.v + off +
					   (uint64_t)(p - s->buf));

			if (!s->hits_left--)
				return false;
			s->found = try_hit(s, va);
			if (s->found)
				return false;
			p++;
		}
	}
	return true;
}

/* Index of the top-level entry that points at its own table, or none. */
static unsigned self_map_index(const struct addr_space *as)
{
	PhysAddr dtb = addr_space_dtb(as);

	for (unsigned i = 256; i < 512; i++) {
		uint8_t raw[8];

		if (physmem_read(as->pm, PHYS(dtb.v + 8 * i), raw, 8) ==
			    PHYS_OK &&
		    raw[0] & 1 &&
		    (load_le64(raw) & as->form->pa_mask) == dtb.v)
			return i;
	}
	return 512;
}

bool nt_system_by_scan(const struct addr_space *as,
		       const struct nt_profile *profiles, size_t n,
		       size_t n_preferred, struct nt_system *ret,
		       size_t *which)
{
	g_autofree uint8_t *buf = g_malloc(PAGE_SIZE_4K);
	struct scan s = { .as = as, .profiles = profiles, .n = n,
			  .n_preferred = n_preferred, .ret = ret,
			  .which = which,
			  .hits_left = SCAN_HITS_MAX, .buf = buf };
	struct vtop_budget budget = vtop_budget_for(as->pm);
	unsigned top = as->form->va_bits - 9;
	unsigned self = self_map_index(as);
	uint64_t half = UINT64_C(1) << (as->form->va_bits - 1);

	s.pages_left = budget.leaves;
	for (unsigned i = 256; i < 512; i++) {
		uint64_t start = half + ((uint64_t)(i - 256) << top);
		struct vtop_stats stats;

		if (i == self)
			continue;
		if (s.found || !s.hits_left || !s.pages_left)
			break;
		stats = vtop_walk(as, start,
				  start + (UINT64_C(1) << top) - 1, budget,
				  scan_leaf, &s);
		/* One budget for all: tables that lead everywhere end it. */
		for (unsigned level = 0; level < PAGING_LEVELS_MAX; level++)
			budget.tables -= MIN(budget.tables,
					     stats.tables[level]);
	}
	return s.found;
}
