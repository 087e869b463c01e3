/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the System process. */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "nt/derive.h"
#include "nt/machine.h"
#include "nt/sysproc.h"

enum {
	SYSTEM_PID = 4,
	SCAN_HITS_MAX = 4096,
	HEAD_ENTRIES_MAX = 8,
	PREFERRED = 3, /* what identity is worth beside the fit */
};

/* ImageFileName of System: 15 bytes, padded with NUL. */
static const char system_name[15] = "System";

bool nt_same_frame(const struct addr_space *as, uint64_t dtb_raw, VirtAddr va)
{
	struct addr_space other = *as;
	struct vtop_leaf a, b;

	other.root = PHYS(dtb_raw);
	a = vtop_translate(as, va);
	b = vtop_translate(&other, va);
	return page_state_in_memory(a.state) && page_state_in_memory(b.state) &&
	       a.pa.v == b.pa.v;
}

/* Pointer at va equals want? */
static bool points_at(const struct addr_space *as, unsigned pointer_bytes,
		      uint64_t va, uint64_t want)
{
	uint64_t got;

	return nt_is_kernel_address(as, va) &&
	       nt_pointer_at(as, pointer_bytes, VIRT(va), &got) && got == want;
}

/* Is the neighbour's link not in the image, or in a page that was wiped? */
static bool is_lost(const struct addr_space *as, unsigned pointer_bytes,
		    uint64_t va)
{
	uint64_t got;

	return nt_is_kernel_address(as, va) &&
	       (!nt_pointer_at(as, pointer_bytes, VIRT(va), &got) || !got);
}

/* Where neither neighbour is there to point back, the name is asked for. */
static bool is_alone(const struct addr_space *as, unsigned pointer_bytes,
		     const struct nt_process *p)
{
	return is_lost(as, pointer_bytes, p->flink.v + pointer_bytes) &&
	       is_lost(as, pointer_bytes, p->blink.v) &&
	       !g_strcmp0(p->name, "System");
}

bool nt_system_check(const struct addr_space *as,
		     const struct nt_profile *profile, VirtAddr va,
		     struct nt_system *ret)
{
	struct nt_process p;
	uint64_t links = va.v + profile->eprocess.links;
	unsigned n = profile->pointer_bytes;
	bool next, prev, ok;

	if (!nt_process_read(as, profile, va, &p))
		return false;
	next = points_at(as, n, p.flink.v + n, links);
	prev = points_at(as, n, p.blink.v, links);
	ok = p.pid == SYSTEM_PID && p.dtb_raw &&
	     nt_process_plausible(as, profile, &p) &&
	     (next || prev || is_alone(as, n, &p)) &&
	     nt_same_frame(as, p.dtb_raw, va);
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
	uint64_t va;

	if (!anchors->initial_system.v ||
	    !nt_pointer_at(as, profile->pointer_bytes, anchors->initial_system,
			   &va))
		return false;
	if (!nt_system_check(as, profile, VIRT(va), ret))
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
		if (!nt_pointer_at(as, profile->pointer_bytes, VIRT(va), &va))
			return false;
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
};

/* The profile that fits best, the first of those that fit alike. */
static bool try_hit(struct scan *s, VirtAddr name)
{
	bool found = false;
	int best = 0;

	for (size_t i = 0; i < s->n; i++) {
		uint64_t offset = s->profiles[i].eprocess.name;
		VirtAddr va = VIRT(name.v - offset);
		struct nt_system system;
		unsigned n_failed;
		int n;

		if (!nt_system_check(s->as, &s->profiles[i], va, &system))
			continue;
		n = nt_derive_fit(s->as, &s->profiles[i], va, &n_failed) +
		    (i < s->n_preferred ? PREFERRED : 0);
		if (found && n <= best)
			continue;
		found = true;
		best = n;
		system.how = "scan of kernel memory";
		*s->ret = system;
		*s->which = i;
	}
	return found;
}

static bool scan_page(void *ctx, VirtAddr page_va, const uint8_t *page)
{
	struct scan *s = ctx;
	const uint8_t *p = page, *end = page + PAGE_SIZE_4K;

	/* Without the NULs: in a page of zeros these are everywhere. */
	while ((p = memmem(p, (size_t)(end - p), "System", 6))) {
		size_t len = MIN((size_t)(end - p), sizeof system_name);

		if (len < sizeof system_name ||
		    memcmp(p, system_name, len)) {
			p++;
			continue;
		}
		if (!s->hits_left--)
			return false;
		s->found = try_hit(s, VIRT(page_va.v + (uint64_t)(p - page)));
		if (s->found)
			return false;
		p++;
	}
	return true;
}

bool nt_system_by_scan(const struct addr_space *as,
		       const struct nt_profile *profiles, size_t n,
		       size_t n_preferred, struct nt_system *ret,
		       size_t *which)
{
	struct scan s = { .as = as, .profiles = profiles, .n = n,
			  .n_preferred = n_preferred, .ret = ret,
			  .which = which, .hits_left = SCAN_HITS_MAX };

	nt_scan_kernel(as, scan_page, &s);
	return s.found;
}

struct dtb_search {
	const struct addr_space *as;
	const struct nt_profile *profile;
	uint64_t dtb, mask;
	unsigned hits_left;
	VirtAddr found;
};

/* One that carries the DTB and is in a list, or was. */
static bool object_has_dtb(const struct dtb_search *s, VirtAddr va)
{
	struct nt_process p;
	bool ok;

	if (!nt_process_read(s->as, s->profile, va, &p))
		return false;
	ok = nt_process_plausible(s->as, s->profile, &p) && p.pid &&
	     ((p.dtb_raw & s->mask) == s->dtb ||
	      (p.user_dtb_raw & s->mask) == s->dtb) &&
	     nt_is_kernel_address(s->as, p.flink.v) &&
	     nt_is_kernel_address(s->as, p.blink.v) &&
	     nt_same_frame(s->as, p.dtb_raw, va);
	nt_process_clear(&p);
	return ok;
}

static bool try_dtb_place(struct dtb_search *s, uint64_t at, uint32_t offset)
{
	VirtAddr va = VIRT(at - offset);

	if (offset == NT_ABSENT || !s->hits_left)
		return false;
	s->hits_left--;
	if (!object_has_dtb(s, va))
		return false;
	s->found = va;
	return true;
}

static bool dtb_page(void *ctx, VirtAddr va, const uint8_t *page)
{
	struct dtb_search *s = ctx;

	for (unsigned i = 0; i < PAGE_SIZE_4K; i += 8) {
		uint64_t v = load_le64(page + i);

		if ((v & s->mask) == s->dtb &&
		    (try_dtb_place(s, va.v + i, s->profile->eprocess.dtb) ||
		     try_dtb_place(s, va.v + i,
				   s->profile->eprocess.user_dtb)))
			return false;
	}
	return s->hits_left > 0;
}

bool nt_process_find_dtb(const struct addr_space *as,
			 const struct nt_profile *profile, uint64_t dtb,
			 VirtAddr *ret)
{
	struct dtb_search s = {
		.as = as, .profile = profile, .hits_left = SCAN_HITS_MAX,
		.mask = as->form->root_mask,
	};

	s.dtb = dtb & s.mask;
	if (s.dtb)
		nt_scan_kernel(as, dtb_page, &s);
	if (s.found.v)
		*ret = s.found;
	return s.found.v != 0;
}
