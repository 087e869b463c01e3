/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes that a derivation looks at. */
#include "config.h"

#include "base/bytes.h"
#include "base/seen.h"
#include "nt/derive-priv.h"
#include "nt/machine.h"

enum { PROCESS_OBJECT = 3, NODES_MAX = 1024 };

bool sample_u32(const struct sample *p, uint32_t offset, uint32_t *ret)
{
	if (!range_fits(offset, 4, p->len))
		return false;
	*ret = load_le32(p->bytes + offset);
	return true;
}

bool sample_u64(const struct sample *p, uint32_t offset, uint64_t *ret)
{
	if (!range_fits(offset, 8, p->len))
		return false;
	*ret = load_le64(p->bytes + offset);
	return true;
}

bool sample_pointer(const struct samples *s, const struct sample *p,
		    uint32_t offset, uint64_t *ret)
{
	uint32_t v;

	if (s->pointer_bytes == 8)
		return sample_u64(p, offset, ret);
	if (!sample_u32(p, offset, &v))
		return false;
	*ret = v;
	return true;
}

/* As much of the object as is there, page by page. */
static size_t read_bytes(const struct addr_space *as, uint64_t va,
			 uint8_t buf[SAMPLE_BYTES])
{
	size_t len = 0;

	while (len < SAMPLE_BYTES) {
		size_t n = PAGE_SIZE_4K - (size_t)((va + len) & PAGE_MASK_4K);

		n = MIN(n, SAMPLE_BYTES - len);
		if (!vtop_read(as, VIRT(va + len), buf + len, n))
			break;
		len += n;
	}
	return len;
}

static struct sample *sample_new(const struct samples *s, uint64_t va,
				 uint32_t pid_offset)
{
	uint32_t dtb_offset = nt_machine_of(s->as->form)->dtb_offset;
	struct sample *p;
	uint64_t dtb = 0;
	uint8_t type;

	if (!vtop_read(s->as, VIRT(va), &type, 1) ||
	    (type & 0x7f) != PROCESS_OBJECT)
		return NULL;
	p = g_new(struct sample, 1);
	p->va = va;
	p->len = read_bytes(s->as, va, p->bytes);
	if (!sample_u32(p, pid_offset, &p->pid) || p->pid % 4 ||
	    !sample_pointer(s, p, dtb_offset, &dtb)) {
		g_free(p);
		return NULL;
	}
	p->own = *s->as;
	p->own.root = PHYS(dtb);
	p->has_space = addr_space_dtb(&p->own).v &&
		       physmem_has_page(s->as->pm, addr_space_dtb(&p->own));
	return p;
}

/* Keeps System, whatever its place in the list. */
static void keep(struct samples *s, struct sample *p)
{
	if (p->pid == 4 && !s->system)
		s->system = p;
	else if (s->all->len >= SAMPLES_MAX) {
		g_free(p);
		return;
	}
	g_ptr_array_add(s->all, p);
}

static void push(const struct samples *s, Seen *seen, GArray *todo,
		 uint64_t va)
{
	if (nt_is_kernel_address(s->as, va) &&
	    seen_enter(seen, va) == SEEN_NEW)
		g_array_append_val(todo, va);
}

static void push_neighbours(const struct samples *s, Seen *seen, GArray *todo,
			    uint64_t node)
{
	unsigned n = s->pointer_bytes;
	uint64_t va;

	if (nt_pointer_at(s->as, n, VIRT(node), &va))
		push(s, seen, todo, va);
	if (nt_pointer_at(s->as, n, VIRT(node + n), &va))
		push(s, seen, todo, va);
}

static gint by_address(gconstpointer a, gconstpointer b)
{
	const struct sample *x = *(struct sample *const *)a;
	const struct sample *y = *(struct sample *const *)b;

	return (x->va > y->va) - (x->va < y->va);
}

/* Each sees no further than where the next may begin. */
static void find_extent(struct samples *s)
{
	s->extent = SAMPLE_BYTES;
	g_ptr_array_sort(s->all, by_address);
	for (guint i = 1; i < s->all->len; i++) {
		const struct sample *p = g_ptr_array_index(s->all, i - 1);
		const struct sample *q = g_ptr_array_index(s->all, i);

		s->extent = (uint32_t)MIN(s->extent, q->va - p->va);
	}
	for (guint i = 0; i < s->all->len; i++) {
		struct sample *p = g_ptr_array_index(s->all, i);

		p->len = MIN(p->len, s->extent);
	}
}

/* What is no process but linked as a node is: the list's head. A link that
 * leads astray is no head. */
static bool is_linked(const struct samples *s, uint64_t node)
{
	unsigned n = s->pointer_bytes;
	uint64_t next, prev, back;

	return (nt_pointer_at(s->as, n, VIRT(node), &next) &&
		nt_is_kernel_address(s->as, next) && next != node &&
		nt_pointer_at(s->as, n, VIRT(next + n), &back) &&
		back == node) ||
	       (nt_pointer_at(s->as, n, VIRT(node + n), &prev) &&
		nt_is_kernel_address(s->as, prev) && prev != node &&
		nt_pointer_at(s->as, n, VIRT(prev), &back) && back == node);
}

void samples_gather(struct samples *s, const struct addr_space *as,
		    VirtAddr va, uint32_t links, uint32_t pid)
{
	g_autoptr(Seen) seen = seen_new(NODES_MAX);
	g_autoptr(GArray) todo = g_array_new(FALSE, FALSE, sizeof(uint64_t));

	*s = (struct samples){
		.as = as,
		.pointer_bytes = nt_machine_of(as->form)->pointer_bytes,
		.all = g_ptr_array_new_with_free_func(g_free),
	};
	push(s, seen, todo, va.v + links);
	for (guint i = 0; i < todo->len; i++) {
		uint64_t node = g_array_index(todo, uint64_t, i);
		struct sample *p = sample_new(s, node - links, pid);

		/* Beyond the head the list goes on: one link that is broken
		 * cuts nothing off. */
		if (!p && (s->list_head || !is_linked(s, node)))
			continue;
		if (!p)
			s->list_head = node;
		else
			keep(s, p);
		push_neighbours(s, seen, todo, node);
		if (s->system && s->all->len >= SAMPLES_MAX)
			break;
	}
	find_extent(s);
}

void samples_clear(struct samples *s)
{
	if (s->all)
		g_ptr_array_unref(s->all);
	*s = (struct samples){ 0 };
}
