/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of _EPROCESS without symbols. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "nt/derive-priv.h"
#include "nt/epoch.h"
#include "nt/machine.h"

enum {
	MEMBER_FIRST = 0x10, /* a multiple of all alignments */
	PID_FIRST = 0x50,    /* behind the smallest _KPROCESS */
	HITS_MAX = 256,	     /* objects that have the DTB */
	LISTS_MAX = 64,	     /* lists that are walked for them */
	SYSTEM_PID = 4,
	PROCESS_OBJECT = 3,
};
#define PID_END (UINT32_C(1) << 28)

unsigned nt_derived_confidence(const struct nt_derived *d)
{
	static const unsigned most[] = {
		[NT_BASIS_PROVED] = 100,
		[NT_BASIS_CHOSEN] = 80,
		[NT_BASIS_ASSUMED] = 50,
	};
	unsigned n = d->n_for + d->n_against;

	if (d->basis == NT_BASIS_ASSUMED || !n)
		return most[NT_BASIS_ASSUMED];
	/* One witness alone is not worth what twenty are. */
	return most[d->basis] * d->n_for / (n + (n < 3 ? 1 : 0));
}

void derive_report(NtKernel *k, const struct nt_derived *d)
{
	if (!k->derived)
		k->derived = g_array_new(FALSE, FALSE,
					 sizeof(struct nt_derived));
	g_array_append_val(k->derived, *d);
}

/* How an offset stands the test. */
struct tally {
	unsigned n_for, n_against;
};

static struct tally take_votes(const struct samples *s,
			       const struct nt_profile *profile,
			       const struct member_test *t, uint32_t offset)
{
	struct tally n = { 0 };

	for (guint i = 0; i < s->all->len; i++) {
		switch (t->test(s, profile, g_ptr_array_index(s->all, i),
				offset)) {
		case VERDICT_FOR:
			n.n_for++;
			break;
		case VERDICT_AGAINST:
			n.n_against++;
			break;
		case VERDICT_NOTHING:
			break;
		}
		/* Hopeless: spare the rest. */
		if (n.n_against > 2 + s->all->len / 10 + n.n_for)
			break;
	}
	if (n.n_for && t->test_all && !t->test_all(s, profile, offset))
		n.n_for = 0;
	return n;
}

/* Smear may spoil one process in ten, no more. */
static bool stands(struct tally n)
{
	return n.n_for && n.n_against * 10 <= n.n_for;
}

/* Where the test is stood best; want: taken where it is as good as any. */
static bool search(const struct samples *s, const struct nt_profile *profile,
		   const struct member_test *t, uint32_t want,
		   struct nt_derived *ret)
{
	unsigned step = t->align ? t->align : s->pointer_bytes;
	struct tally best = { 0 };
	unsigned n_best = 0;

	for (uint32_t off = MEMBER_FIRST; off < s->extent; off += step) {
		struct tally n = take_votes(s, profile, t, off);

		if (!stands(n) || n.n_for < best.n_for)
			continue;
		if (n.n_for > best.n_for) {
			best = n;
			n_best = 1;
			ret->value = off;
			continue;
		}
		n_best++;
		if (off == want)
			ret->value = off;
	}
	ret->n_for = best.n_for;
	ret->n_against = best.n_against;
	ret->basis = n_best == 1 ? NT_BASIS_PROVED : NT_BASIS_CHOSEN;
	return n_best > 0;
}

static uint32_t *slot_of(struct nt_profile *profile,
			 const struct member_test *t)
{
	return (uint32_t *)(void *)((char *)&profile->eprocess + t->slot);
}

static void log_replaced(Log *log, const struct nt_derived *d)
{
	if (d->replaced == NT_ABSENT)
		log_add(log, LOG_WARN, "profile",
			"%s: the layout does not have it, memory shows it at"
			" 0x%" PRIx64 " (%u processes for, %u against)",
			d->name, d->value, d->n_for, d->n_against);
	else
		log_add(log, LOG_WARN, "profile",
			"%s: at 0x%x by the layout, which does not fit memory;"
			" derived: 0x%" PRIx64 " (%u processes for, %u"
			" against)",
			d->name, d->replaced, d->value, d->n_for,
			d->n_against);
}

/* The layout's place is good where memory does not speak against it, or more
 * for it than against: smear and odd names are likelier than a layout that is
 * wrong and yet passes. */
static bool place_fits(const struct samples *s, const struct nt_profile *p,
		       const struct member_test *t, uint32_t offset)
{
	struct tally n;

	if (offset == NT_ABSENT || offset >= SAMPLE_BYTES)
		return false;
	n = take_votes(s, p, t, offset);
	return stands(n) || !n.n_against || n.n_for > n.n_against;
}

/* Tests one member; all: derive it even where the layout's place fits. */
static void derive_member(NtKernel *k, const struct samples *s,
			  const struct member_test *t, bool all, Log *log)
{
	uint32_t *slot = slot_of(&k->profile, t);
	struct nt_derived d = { .name = t->path, .kind = NT_DERIVED_OFFSET,
				.replaced = *slot };

	if (!all && place_fits(s, &k->profile, t, *slot))
		return;
	if (search(s, &k->profile, t, *slot, &d)) {
		d.replaces = d.value != *slot;
		*slot = (uint32_t)d.value;
		if (d.replaces && !all)
			log_replaced(log, &d);
	} else if (!all) {
		log_add(log, LOG_WARN, "profile",
			"%s: at 0x%x by the layout, which does not fit memory,"
			" and no other place does", t->path, *slot);
		return;
	} else if (*slot == NT_ABSENT) {
		return;
	} else {
		d.basis = NT_BASIS_ASSUMED;
		d.value = *slot;
	}
	derive_report(k, &d);
}

void nt_derive_members(NtKernel *k, Log *log)
{
	const struct nt_eprocess_layout *e = &k->profile.eprocess;
	struct samples s;

	if (!k->has_system)
		return;
	samples_gather(&s, &k->as, k->system.eprocess, e->links, e->pid);
	/* One process proves nothing. */
	if (s.all->len >= 2)
		derive_threads(k, &s);
	for (size_t i = 0; s.all->len >= 2 && i < derive_n_tests; i++)
		derive_member(k, &s, &derive_tests[i], false, log);
	samples_clear(&s);
}

/* The search for an object that has the DTB of the address space. */
struct core_search {
	const struct addr_space *as;
	unsigned pointer_bytes;
	uint32_t dtb_offset;
	uint64_t dtb, mask;
	unsigned hits_left, lists_left;
	/* The best list so far. */
	struct samples list;
	uint32_t links, pid;
};

static bool is_process_object(const struct addr_space *as, uint64_t va)
{
	uint8_t type;

	return nt_is_kernel_address(as, va) && vtop_read(as, VIRT(va), &type,
							  1) &&
	       (type & 0x7f) == PROCESS_OBJECT;
}

/* Where a neighbour points back, it is in a process or is the head, behind
 * which there is one. dir: where its link in the same direction lies. */
static bool leads_to_process(const struct core_search *c, uint64_t neighbour,
			     unsigned dir, uint64_t here, uint32_t off)
{
	unsigned n = c->pointer_bytes;
	uint64_t back, next;

	if (neighbour == here || !nt_is_kernel_address(c->as, neighbour) ||
	    !nt_pointer_at(c->as, n, VIRT(neighbour + (n - dir)), &back) ||
	    back != here)
		return false;
	return is_process_object(c->as, neighbour - off - n) ||
	       (nt_pointer_at(c->as, n, VIRT(neighbour + dir), &next) &&
		next != here && is_process_object(c->as, next - off - n));
}

/* Is there a pid at off, followed by links to other processes? One of the two
 * may be broken. */
static bool looks_like_links(const struct core_search *c, uint64_t va,
			     const uint8_t *bytes, uint32_t off)
{
	unsigned n = c->pointer_bytes;
	uint64_t pid = n == 8 ? load_le64(bytes + off) :
				load_le32(bytes + off);
	uint64_t here = va + off + n, next, prev;

	if (pid % 4 || pid >= PID_END)
		return false;
	next = n == 8 ? load_le64(bytes + off + n) : load_le32(bytes + off + n);
	prev = n == 8 ? load_le64(bytes + off + 2 * n) :
			load_le32(bytes + off + 2 * n);
	return leads_to_process(c, next, 0, here, off) ||
	       leads_to_process(c, prev, n, here, off);
}

static void try_links(struct core_search *c, uint64_t va, uint32_t off)
{
	struct samples list;

	samples_gather(&list, c->as, VIRT(va), off + c->pointer_bytes, off);
	if (list.system && list.all->len >= 2 &&
	    (!c->list.all || list.all->len > c->list.all->len)) {
		samples_clear(&c->list);
		c->list = list;
		c->pid = off;
		c->links = off + c->pointer_bytes;
		return;
	}
	samples_clear(&list);
}

static void try_object(struct core_search *c, uint64_t va)
{
	g_autofree uint8_t *bytes = NULL;

	if (!is_process_object(c->as, va))
		return;
	bytes = g_malloc0(SAMPLE_BYTES + 3 * 8);
	for (size_t i = 0; i < SAMPLE_BYTES; i += 64)
		if (!vtop_read(c->as, VIRT(va + i), bytes + i, 64))
			break;
	for (uint32_t off = PID_FIRST; off < SAMPLE_BYTES;
	     off += c->pointer_bytes) {
		if (!looks_like_links(c, va, bytes, off))
			continue;
		if (!c->lists_left--) {
			c->lists_left = 0;
			return;
		}
		try_links(c, va, off);
	}
}

static bool core_page(void *ctx, VirtAddr va, const uint8_t *page)
{
	struct core_search *c = ctx;

	for (unsigned i = 0; i < PAGE_SIZE_4K; i += 8) {
		uint64_t v = load_le64(page + i);

		if ((v & c->mask) != c->dtb)
			continue;
		if (!c->hits_left--)
			return false;
		try_object(c, va.v + i - c->dtb_offset);
		if (c->list.all)
			return false;
	}
	return true;
}

/* Any process: what has its DTB where one has it, which maps it. The one whose
 * page tables these are may be in no list. */
static bool any_page(void *ctx, VirtAddr va, const uint8_t *page)
{
	struct core_search *c = ctx;

	for (unsigned i = 0; i + c->dtb_offset + 8 <= PAGE_SIZE_4K; i += 8) {
		uint64_t raw = load_le64(page + i + c->dtb_offset) & c->mask;

		if ((page[i] & 0x7f) != PROCESS_OBJECT || !raw ||
		    !physmem_has_page(c->as->pm, PHYS(page_floor(raw))) ||
		    !nt_same_frame(c->as, raw, VIRT(va.v + i)))
			continue;
		if (!c->hits_left--)
			return false;
		try_object(c, va.v + i);
		if (c->list.all)
			return false;
	}
	return true;
}

/* Everything behind the _KPROCESS moves with the links. */
static void shift_members(struct nt_profile *p, uint32_t shift)
{
	struct nt_eprocess_layout *e = &p->eprocess;
	uint32_t *const members[] = {
		&e->pid, &e->links, &e->ppid, &e->name, &e->create_time,
		&e->exit_time, &e->peb, &e->wow64, &e->session,
		&e->active_threads, &e->object_table, &e->vad_root,
		&e->exit_status, &e->flags, &e->session_links,
		&e->thread_list, &e->section_base, &e->audit_name,
		&e->protection, &e->minimal.offset,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
		if (*members[i] != NT_ABSENT)
			*members[i] += shift;
}

static bool layout_suits(const struct nt_layout *layout,
			 const struct nt_machine *m)
{
	return layout_arch(layout) == m->arch && layout_la57(layout) == m->la57;
}

/* A profile of the relative, moved to where the links are. */
static bool relative_profile(const struct nt_layout *layout,
			     const struct core_search *c,
			     struct nt_profile *ret, bool *moved)
{
	struct nt_source source = { .layout = layout };

	if (!layout_suits(layout, nt_machine_of(c->as->form)) ||
	    !nt_profile_fill(&source, ret))
		return false;
	*moved = c->links != ret->eprocess.links;
	shift_members(ret, c->links - ret->eprocess.links);
	return true;
}

/* How well the members stand their tests where the relative has them. */
static int likeness(const struct samples *s, const struct nt_profile *relative,
		    unsigned *n_failed)
{
	struct nt_profile p = *relative;
	int n = 0;

	*n_failed = 0;

	for (size_t i = 0; i < derive_n_tests; i++) {
		const struct member_test *t = &derive_tests[i];
		uint32_t offset = *slot_of(&p, t);
		struct tally votes;

		if (offset == NT_ABSENT)
			continue;
		votes = take_votes(s, &p, t, offset);
		if (stands(votes)) {
			n += 2;
		} else if (votes.n_for > votes.n_against) {
			n++;
		} else if (votes.n_against) {
			n -= 2;
			++*n_failed;
		}
	}
	return n;
}

int nt_derive_fit(const struct addr_space *as, const struct nt_profile *profile,
		  VirtAddr system, unsigned *n_failed)
{
	struct samples s;
	int n;

	samples_gather(&s, as, system, profile->eprocess.links,
		       profile->eprocess.pid);
	n = likeness(&s, profile, n_failed);
	samples_clear(&s);
	return n;
}

/* Where the build is not known, the most common ones are likeliest. */
#define LIKELIEST_BUILD 19041u

static unsigned distance(const NtKernel *k, const struct nt_layout *layout)
{
	int build = (int)(k->build ? k->build : LIKELIEST_BUILD);

	return (unsigned)abs((int)layout_build(layout) - build);
}

/* The layout that fits best once it is moved to where the links are; among
 * equals one that need not be moved, then the one whose build is nearest. */
static bool choose_relative(const NtKernel *k, const struct core_search *c,
			    struct nt_profile *ret)
{
	int best = G_MININT;
	unsigned best_far = 0;

	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);
		struct nt_profile p;
		unsigned n_failed, far;
		bool moved;
		int n;

		if (!relative_profile(layout, c, &p, &moved))
			continue;
		n = 2 * likeness(&c->list, &p, &n_failed) + !moved;
		/* The date decides between those of one build. */
		far = 2 * distance(k, layout) +
		      !nt_layout_suits_date(k, layout);
		if (n < best || (n == best && far >= best_far))
			continue;
		best = n;
		best_far = far;
		*ret = p;
	}
	return best > G_MININT;
}

static void report_core(NtKernel *k, const struct core_search *c)
{
	struct nt_derived d = {
		.name = "_EPROCESS.UniqueProcessId",
		.kind = NT_DERIVED_OFFSET,
		.value = c->pid,
		.n_for = c->list.all->len,
	};

	derive_report(k, &d);
	d.name = "_EPROCESS.ActiveProcessLinks";
	d.value = c->links;
	derive_report(k, &d);
}

static void search_core(struct core_search *c, const NtKernel *k)
{
	const struct nt_machine *m = nt_machine_of(k->as.form);
	uint64_t va = 0;

	*c = (struct core_search){
		.as = &k->as,
		.pointer_bytes = m->pointer_bytes,
		.dtb_offset = m->dtb_offset,
		.dtb = addr_space_dtb(&k->as).v,
		.mask = k->as.form->root_mask,
		.hits_left = HITS_MAX,
		.lists_left = LISTS_MAX,
	};
	if (k->vars[NT_PS_INITIAL_SYSTEM_PROCESS].va.v &&
	    nt_pointer_at(&k->as, m->pointer_bytes,
			  k->vars[NT_PS_INITIAL_SYSTEM_PROCESS].va, &va))
		try_object(c, va);
	if (!c->list.all)
		nt_scan_kernel(&k->as, core_page, c);
	if (c->list.all)
		return;
	c->hits_left = HITS_MAX;
	c->lists_left = LISTS_MAX;
	nt_scan_kernel(&k->as, any_page, c);
}

bool nt_derive_core(NtKernel *k)
{
	struct core_search c;
	struct nt_profile p;
	bool ok;

	search_core(&c, k);
	ok = c.list.all && choose_relative(k, &c, &p);
	if (ok) {
		p.eprocess.pid = c.pid;
		k->profile = p;
		k->has_profile = true;
		report_core(k, &c);
		derive_threads(k, &c.list);
		for (size_t i = 0; i < derive_n_tests; i++)
			derive_member(k, &c.list, &derive_tests[i], true,
				      NULL);
		k->profile.eprocess.dtb = c.dtb_offset;
		ok = nt_system_check(&k->as, &k->profile,
				     VIRT(c.list.system->va), &k->system);
		k->has_system = ok;
		k->system.how = "its DTB and the list it is in";
	}
	samples_clear(&c.list);
	return ok;
}
