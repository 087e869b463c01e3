/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Searching for _KDDEBUGGER_DATA64. */
#include "config.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "nt/kdbg-priv.h"

enum {
	IMAGE_BYTES_MAX = 32 << 20,
	/* Blocks that are tried: a kernel has one, its copies are few. */
	IMAGE_TRIES_MAX = 256,
	/* Of the kernel's area, where its image is not known: 512 MiB. */
	AREA_PAGES_MAX = 1 << 17,
	AREA_TABLES_MAX = 1 << 14,
	/* Places with equal links that are tried with all rotations. */
	LINKS_MAX = 1 << 20,
	PHYS_HITS_MAX = 4096,
	PHYS_TAGS_MAX = 1 << 20,
	PHYS_CHUNK = 1 << 20,
	N_SIZES = (KDBG_ENCODED_MAX - KDBG_ENCODED_MIN) / 8 + 1,
	FILTER_BITS = 16,
};

/* x64 kernels are in the 1 TiB from the first (nt/kimage.c), others in the
 * upper half. */
#define AREA64 UINT64_C(0xfffff80000000000)
#define AREA64_LEN (UINT64_C(1) << 40)
#define AREA32 UINT64_C(0x80000000)
#define AREA32_LEN UINT64_C(0x80000000)

/* A difference of two words that tells an encoded block, and how it was
 * rotated. */
struct sign {
	uint64_t difference;
	unsigned rotation;
};

struct image_scan {
	const struct addr_space *as;
	unsigned pointer_bytes;
	VirtAddr base;	/* in the area: where the last leaf ended */
	bool certain;	/* else base is not looked at */
	bool found;
	struct nt_kdbg *ret;
	unsigned tries_left, links_left;
	struct sign signs[N_SIZES * 64]; /* by difference */
	/* A bit for a hash of each: few words pass. */
	uint8_t filter[(1 << FILTER_BITS) / 8];
	/* The end of the page before, then a page: a block may begin in one
	 * and end in the other. */
	bool has_before;
	uint64_t pages_left;	/* of the area */
	uint8_t buf[KDBG_HEAD_BYTES + PAGE_SIZE_4K];
};

/* Differences of real words are anything but random: mixed (by the golden
 * ratio), then the high bits. */
static uint64_t filter_bit(uint64_t difference)
{
	return difference * UINT64_C(0x9e3779b97f4a7c15) >>
	       (64 - FILTER_BITS);
}

static int by_difference(const void *a, const void *b)
{
	const struct sign *x = a, *y = b;

	return (x->difference > y->difference) -
	       (x->difference < y->difference);
}

static void make_signs(struct image_scan *s)
{
	struct sign *sign = s->signs;

	for (uint32_t size = KDBG_ENCODED_MIN; size <= KDBG_ENCODED_MAX;
	     size += 8)
		for (unsigned r = 0; r < 64; r++, sign++) {
			uint64_t d = nt_kdbg_difference(s->base, size, r);
			uint64_t bit = filter_bit(d);

			*sign = (struct sign){ d, r };
			s->filter[bit / 8] |= (uint8_t)(1 << bit % 8);
		}
	qsort(s->signs, G_N_ELEMENTS(s->signs), sizeof *sign, by_difference);
}

/* A plain block at offset at of the buffer, which begins at va? */
static bool try_plain(struct image_scan *s, VirtAddr va, size_t at)
{
	struct nt_kdbg k;

	if (load_le32(s->buf + at + KDBG_TAG_AT) != KDBG_TAG)
		return false;
	s->tries_left--;
	if (!nt_kdbg_read(s->as, s->pointer_bytes, VIRT(va.v + at), &k) ||
	    (s->certain && k.kern_base != s->base.v) ||
	    k.va.v - k.kern_base >= IMAGE_BYTES_MAX)
		return false;
	*s->ret = k;
	return true;
}

/* An encoded block of a kernel whose base is not known: for each rotation the
 * difference tells base and size, if the base is one from which the block can
 * be reached. Only where both links are the same: the list has one block. */
static bool try_any_base(struct image_scan *s, VirtAddr va, size_t at)
{
	const uint8_t *p = s->buf + at;
	uint64_t d = load_le64(p + KDBG_TAG_AT) ^ load_le64(p + KDBG_BASE_AT);
	struct nt_kdbg k;

	if (!d || !load_le64(p) || load_le64(p) != load_le64(p + 8) ||
	    !s->links_left)
		return false;
	s->links_left--;
	va.v += at;
	for (unsigned r = 0; r < 64 && s->tries_left; r++) {
		VirtAddr base;

		if (!nt_kdbg_base_of(d, r, va, IMAGE_BYTES_MAX, &base))
			continue;
		s->tries_left--;
		if (nt_kdbg_decode_rotated(s->as, va, base, r, &k) &&
		    k.active_head && k.loaded_module_list) {
			*s->ret = k;
			return true;
		}
	}
	return false;
}

static bool try_encoded(struct image_scan *s, VirtAddr va, size_t at)
{
	const uint8_t *p = s->buf + at;
	struct sign key = { .difference = load_le64(p + KDBG_TAG_AT) ^
					  load_le64(p + KDBG_BASE_AT) };
	uint64_t bit = filter_bit(key.difference);
	const struct sign *sign;
	struct nt_kdbg k;

	if (!(s->filter[bit / 8] & 1 << bit % 8))
		return false;
	sign = bsearch(&key, s->signs, G_N_ELEMENTS(s->signs), sizeof key,
		       by_difference);
	if (!sign)
		return false;
	s->tries_left--;
	/* Neither has a kernel without: 128 bits more that must fit. */
	if (!nt_kdbg_decode_rotated(s->as, VIRT(va.v + at), s->base,
				    sign->rotation, &k) ||
	    !k.active_head || !k.loaded_module_list)
		return false;
	*s->ret = k;
	return true;
}

static bool scan_page(struct image_scan *s, VirtAddr page)
{
	VirtAddr va = VIRT(page.v - KDBG_HEAD_BYTES);
	size_t at = s->has_before ? 0 : KDBG_HEAD_BYTES;

	s->has_before = vtop_read(s->as, page, s->buf + KDBG_HEAD_BYTES,
				  PAGE_SIZE_4K);
	if (!s->has_before)
		return false;
	for (; at <= PAGE_SIZE_4K && s->tries_left; at += 4) {
		if (try_plain(s, va, at))
			return true;
		if (!s->tries_left || s->pointer_bytes != 8 || at % 8)
			continue;
		if (s->certain ? try_encoded(s, va, at) :
				 try_any_base(s, va, at))
			return true;
	}
	memcpy(s->buf, s->buf + PAGE_SIZE_4K, KDBG_HEAD_BYTES);
	return false;
}

bool nt_kdbg_find_in_image(const struct addr_space *as,
			   unsigned pointer_bytes, VirtAddr base,
			   uint64_t len_bytes, bool certain,
			   struct nt_kdbg *ret)
{
	g_autofree struct image_scan *s = g_new0(struct image_scan, 1);

	*s = (struct image_scan){ .as = as, .pointer_bytes = pointer_bytes,
				  .base = base, .certain = certain,
				  .ret = ret,
				  .tries_left = IMAGE_TRIES_MAX,
				  .links_left = LINKS_MAX };
	if (certain && pointer_bytes == 8)
		make_signs(s);
	len_bytes = MIN(len_bytes, IMAGE_BYTES_MAX);
	for (uint64_t off = 0; off < len_bytes && !s->found && s->tries_left;
	     off += PAGE_SIZE_4K)
		s->found = scan_page(s, VIRT(base.v + off));
	return s->found;
}

static bool area_leaf(void *ctx, const struct vtop_leaf *leaf)
{
	struct image_scan *s = ctx;

	if (!page_state_in_memory(leaf->state))
		return true;
	/* Leaves are in ascending order, but need not touch. */
	if (leaf->va.v != s->base.v)
		s->has_before = false;
	s->base = VIRT(leaf->va.v + leaf->len);
	for (uint64_t off = 0; off < leaf->len && !s->found && s->tries_left &&
			       s->pages_left; off += PAGE_SIZE_4K) {
		s->pages_left--;
		s->found = scan_page(s, VIRT(leaf->va.v + off));
	}
	return !s->found && s->tries_left && s->pages_left;
}

bool nt_kdbg_find_in_area(const struct addr_space *as, unsigned pointer_bytes,
			  struct nt_kdbg *ret)
{
	g_autofree struct image_scan *s = g_new0(struct image_scan, 1);
	uint64_t mask = UINT64_MAX >> (64 - as->form->va_bits);
	uint64_t start = pointer_bytes == 8 ? AREA64 & mask : AREA32;
	uint64_t len = pointer_bytes == 8 ? AREA64_LEN : AREA32_LEN;
	struct vtop_budget budget = { .tables = AREA_TABLES_MAX,
				      .leaves = AREA_PAGES_MAX };

	*s = (struct image_scan){ .as = as, .pointer_bytes = pointer_bytes,
				  .ret = ret, .tries_left = IMAGE_TRIES_MAX,
				  .links_left = LINKS_MAX,
				  .pages_left = AREA_PAGES_MAX };
	vtop_walk(as, start, start + len - 1, budget, area_leaf, s);
	return s->found;
}

/* The header of a block by its tag. 32-bit bases are sign-extended; those of
 * 64-bit kernels lie below the last 4 GiB. */
static bool read_hit(const PhysMem *pm, PhysAddr tag, struct nt_kdbg_hit *ret)
{
	uint8_t b[KDBG_HEAD_BYTES];
	struct nt_kdbg_hit hit = { .pa = PHYS(tag.v - KDBG_TAG_AT) };
	uint64_t base;

	if (tag.v < KDBG_TAG_AT ||
	    physmem_read(pm, hit.pa, b, sizeof b) != PHYS_OK)
		return false;
	hit.size = load_le32(b + KDBG_SIZE_AT);
	base = load_le64(b + KDBG_BASE_AT);
	hit.pointer_bytes = base >> 32 == UINT32_MAX || !(base >> 32) ? 4 : 8;
	hit.kern_base = hit.pointer_bytes == 4 ? base & UINT32_MAX : base;
	if (hit.size < KDBG_SIZE_MIN || hit.size > KDBG_SIZE_MAX ||
	    base & PAGE_MASK_4K ||
	    (hit.pointer_bytes == 4 && !(hit.kern_base >> 31)) ||
	    (hit.pointer_bytes == 8 &&
	     (!(base >> 63) || !virt_is_canonical(base, 57))))
		return false;
	*ret = hit;
	return true;
}

struct phys_scan {
	const PhysMem *pm;
	nt_kdbg_fn fn;
	void *ctx;
	unsigned hits_left, tags_left;
};

static bool scan_chunk(struct phys_scan *s, PhysAddr pa, const uint8_t *buf,
		       size_t len)
{
	const uint8_t *p = buf, *end = buf + len;

	while ((p = memmem(p, (size_t)(end - p), "KDBG", 4))) {
		struct nt_kdbg_hit hit;

		if (!s->tags_left--)
			return false;
		if (read_hit(s->pm, PHYS(pa.v + (uint64_t)(p - buf)), &hit) &&
		    (!s->hits_left-- || !s->fn(s->ctx, &hit)))
			return false;
		p += 4;
	}
	return true;
}

void nt_kdbg_find_phys(const PhysMem *pm, nt_kdbg_fn fn, void *ctx)
{
	struct phys_scan s = { pm, fn, ctx, PHYS_HITS_MAX,
			       PHYS_TAGS_MAX };
	g_autofree uint8_t *buf = g_malloc(PHYS_CHUNK);
	uint64_t pa = physmem_next_data(pm, 0);

	while (pa < physmem_end(pm)) {
		struct phys_slice slice = physmem_slice(pm, PHYS(pa),
							PHYS_CHUNK);
		if (slice.present &&
		    physmem_read(pm, PHYS(pa), buf, (size_t)slice.len) ==
			    PHYS_OK &&
		    !scan_chunk(&s, PHYS(pa), buf, (size_t)slice.len))
			return;
		pa = physmem_next_data(pm, pa + slice.len);
	}
}
