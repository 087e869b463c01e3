/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every form of an entry that is not valid, in every layout that is compiled
 * in: made here from the layout's bit-fields, and read back; forms that are
 * almost another one; and any 64 bits at all.
 */
#include "config.h"

#include "unit/unit.h"

#include "base/bytes.h"
#include "lib/mkphys.h"
#include "nt/softpte.h"

enum { PROTOTYPE = 1 << 10, TRANSITION = 1 << 11, ROUNDS = 400 };

#define PROTO_BASE UINT64_C(0xe1000000)
#define SUB_BASE UINT64_C(0x81000000)
#define POOL_END UINT64_C(0xffbe0000)

struct kind {
	const struct nt_layout *layout;
	const struct paging_form *form;
	struct nt_soft_ctx ctx;
	struct mk_random random;
	bool narrow; /* two-level */
};

static struct nt_field field(const struct kind *k, const char *path)
{
	struct nt_field f = { 0 };

	(void)layout_field(k->layout, path, &f, NULL);
	return f;
}

static bool has(const struct kind *k, const char *path)
{
	struct nt_field f;

	return layout_field(k->layout, path, &f, NULL);
}

static uint64_t width(struct nt_field f)
{
	return f.bit_len >= 64 ? UINT64_MAX : (UINT64_C(1) << f.bit_len) - 1;
}

static uint64_t put(const struct kind *k, const char *path, uint64_t value)
{
	struct nt_field f = field(k, path);

	return (value & width(f)) << f.bit_pos;
}

static uint64_t draw(struct kind *k)
{
	return mk_random_next(&k->random);
}

static bool kind_init(struct kind *k, int i, uint64_t mask)
{
	static const struct paging_form *const forms[] = {
		[NT_ARCH_X86] = &paging_x86,
		[NT_ARCH_X86PAE] = &paging_pae,
		[NT_ARCH_AMD64] = &paging_amd64,
		[NT_ARCH_ARM64] = &paging_arm64,
	};
	struct nt_source source = { .layout = layouts_get((size_t)i) };
	struct nt_profile p;

	*k = (struct kind){ .layout = source.layout, .random = { 5 } };
	k->form = layout_la57(k->layout) ? &paging_la57 :
					   forms[layout_arch(k->layout)];
	k->narrow = layout_arch(k->layout) == NT_ARCH_X86;
	if (!nt_profile_fill(&source, &p) || !p.pte.pagefile_high.bit_len)
		return false;
	k->ctx = (struct nt_soft_ctx){
		.pte = p.pte,
		.invalid_pte_mask = mask,
		.proto_base = PROTO_BASE,
		.subsection_base = SUB_BASE,
		.nonpaged_end = POOL_END,
	};
	return true;
}

static struct nt_pte decode(const struct kind *k, uint64_t entry)
{
	return nt_pte_decode(&k->ctx, k->form, entry);
}

/* Masked where there is a bit that says so, and the bit of the mask is not
 * the entry's own. */
static uint64_t finish(struct kind *k, uint64_t entry, bool *masked)
{
	uint64_t mask = k->ctx.invalid_pte_mask;

	*masked = false;
	if (!has(k, "_MMPTE_SOFTWARE.SwizzleBit"))
		return entry;
	if (entry & mask || draw(k) & 1)
		return entry | put(k, "_MMPTE_SOFTWARE.SwizzleBit", 1);
	*masked = mask != 0;
	return entry | mask;
}

static void assert_equal(const struct kind *k, uint64_t entry,
			 const char *what, uint64_t got, uint64_t want)
{
	ck_assert_msg(got == want, "%s, entry 0x%lx: %s is 0x%lx, not 0x%lx",
		      layout_id(k->layout), (long)entry, what, (long)got,
		      (long)want);
}

/* --- each form --- */

static void assert_transition(struct kind *k)
{
	struct nt_field f = field(k, "_MMPTE_TRANSITION.PageFrameNumber");
	uint64_t pfn = draw(k) & width(f), protection = draw(k) & 31, entry;
	struct nt_pte r;
	bool masked;

	entry = put(k, "_MMPTE_TRANSITION.PageFrameNumber", pfn) |
		put(k, "_MMPTE_TRANSITION.Protection", protection) |
		TRANSITION;
	entry = finish(k, entry, &masked);
	r = decode(k, entry);
	assert_equal(k, entry, "form", r.form, NT_PTE_TRANSITION);
	assert_equal(k, entry, "frame", r.pa.v, pfn << 12);
	assert_equal(k, entry, "protection", r.protection, protection);
	assert_equal(k, entry, "masked", r.masked, masked);
}

/* The form that pages of files have since 22H2 looks like a place. */
static bool looks_like_file(const struct kind *k, uint64_t entry)
{
	return k->ctx.pte.file_form && entry >> 47 == 0x1ffff &&
	       !(entry & 15);
}

static void assert_pagefile(struct kind *k)
{
	struct nt_field f = field(k, "_MMPTE_SOFTWARE.PageFileHigh");
	uint64_t page = draw(k) & width(f), number = draw(k) & 15;
	uint64_t protection = draw(k) & 31, entry;
	struct nt_pte r;
	bool masked;

	/* small ones too, and those without any bit but the mask's */
	page = draw(k) & 1 ? page : 1 + (page & 0xff);
	page = page == width(f) ? page - 1 : page;
	entry = put(k, "_MMPTE_SOFTWARE.PageFileHigh", page) |
		put(k, "_MMPTE_SOFTWARE.PageFileLow", number) |
		put(k, "_MMPTE_SOFTWARE.Protection", protection);
	entry = finish(k, entry, &masked);
	if (looks_like_file(k, entry) || entry >> f.bit_pos == width(f))
		return;
	r = decode(k, entry);
	assert_equal(k, entry, "form", r.form,
		     page ? NT_PTE_PAGEFILE : NT_PTE_DEMAND_ZERO);
	assert_equal(k, entry, "page", r.page, page);
	assert_equal(k, entry, "number", r.number, number);
	assert_equal(k, entry, "protection", r.protection, protection);
	assert_equal(k, entry, "masked", r.masked, masked);
}

/* Of two-level tables, as MiProtoAddressForPte and its like make them. */
static uint64_t narrow_proto(const struct kind *k, uint64_t address)
{
	uint64_t offset = address - PROTO_BASE;

	if (layout_build(k->layout) < 6000)
		return (offset >> 9) << 11 | (offset >> 2 & 0x7f) << 1;
	return (address & 0x7ffffc00) << 1 | (address & 0x3fc) >> 1;
}

static void assert_prototype(struct kind *k)
{
	uint64_t entry, address;
	struct nt_pte r;

	if (k->narrow) {
		address = PROTO_BASE + (draw(k) & 0xffffff & ~UINT64_C(3));
		entry = narrow_proto(k, address) & UINT32_MAX;
	} else {
		struct nt_field f = field(k, "_MMPTE_PROTOTYPE.ProtoAddress");

		address = f.bit_len == 48 ?
				  UINT64_C(0xffff800000000000) |
					  (draw(k) >> 17 & ~UINT64_C(7)) :
				  0x80000000 | (draw(k) & 0x7ffffff8);
		entry = (address & width(f)) << f.bit_pos;
	}
	entry |= PROTOTYPE | put(k, "_MMPTE_PROTOTYPE.Protection", draw(k));
	/* where Transition is */
	entry |= put(k, "_MMPTE_PROTOTYPE.Combined", draw(k));
	entry |= put(k, "_MMPTE_PROTOTYPE.SwizzleBit", draw(k));
	r = decode(k, entry);
	assert_equal(k, entry, "form", r.form, NT_PTE_PROTOTYPE);
	assert_equal(k, entry, "address", r.proto.v, address);
}

static void assert_subsection(struct kind *k)
{
	uint64_t entry, address, offset = draw(k) & 0xfffff8;
	bool down = draw(k) & 1;

	if (!k->narrow) {
		struct nt_field f =
			field(k, "_MMPTE_SUBSECTION.SubsectionAddress");

		if (!f.bit_len)
			return;
		address = f.bit_len == 48 ? UINT64_C(0xffff900000000000) +
						    offset : 0x80000000 +
						    offset;
		entry = (address & width(f)) << f.bit_pos;
	} else if (layout_build(k->layout) < 6000) {
		address = down ? POOL_END - offset : SUB_BASE + offset;
		entry = (offset >> 3 & 15) << 1 | offset >> 7 << 11 |
			(down ? 0 : UINT64_C(1) << 31);
	} else {
		address = SUB_BASE + offset;
		entry = (offset >> 3 & 0x1ff) << 1 | offset >> 12 << 11;
	}
	assert_equal(k, entry, "subsection",
		     decode(k, entry | PROTOTYPE).subsection.v, address);
}

static void assert_rest(struct kind *k)
{
	uint64_t all = put(k, "_MMPTE_SOFTWARE.PageFileHigh", UINT64_MAX);
	unsigned protection = (unsigned)draw(k) & 31;
	uint64_t bits = put(k, "_MMPTE_SOFTWARE.Protection", protection);
	bool masked;

	ck_assert_int_eq(decode(k, 0).form, NT_PTE_ZERO);
	ck_assert_int_eq(decode(k, all | bits | PROTOTYPE).form,
			 NT_PTE_IN_VAD);
	ck_assert_int_eq(decode(k, all | bits).form, NT_PTE_IN_VAD);
	if (protection) {
		bits = finish(k, bits, &masked);
		assert_equal(k, bits, "form", decode(k, bits).form,
			     protection == 0x10 ? NT_PTE_DECOMMITTED :
						  NT_PTE_DEMAND_ZERO);
	}
	/* a bit less is no marker */
	all &= all - 1;
	assert_equal(k, all, "near marker", decode(k, all | 0x80).form,
		     looks_like_file(k, all | 0x80) ? NT_PTE_FILE :
						      NT_PTE_PAGEFILE);
}

static const uint64_t masks[] = { 0, UINT64_C(1) << 45, UINT64_C(1) << 51 };

START_TEST(test_forms)
{
	struct kind k;

	for (size_t m = 0; m < G_N_ELEMENTS(masks); m++) {
		if (!kind_init(&k, _i, masks[m]))
			return;
		if (k.form->va_bits == 32 && masks[m])
			k.ctx.invalid_pte_mask = UINT64_C(1) << 36;
		for (unsigned i = 0; i < ROUNDS; i++) {
			if (field(&k, "_MMPTE_TRANSITION.PageFrameNumber")
				    .bit_len)
				assert_transition(&k);
			assert_pagefile(&k);
			assert_prototype(&k);
			assert_subsection(&k);
			assert_rest(&k);
		}
	}
}
END_TEST

/* --- any bits --- */

/* What was read out of an entry goes back into the same bits. */
static void assert_consistent(struct kind *k, uint64_t entry)
{
	struct nt_pte r = decode(k, entry);
	const struct nt_pte_layout *l = &k->ctx.pte;
	uint64_t plain = entry;

	if (r.masked)
		plain &= ~k->ctx.invalid_pte_mask;
	ck_assert_uint_lt(r.protection, 32);
	ck_assert_uint_lt(r.number, PAGE_FILES_MAX);
	switch (r.form) {
	case NT_PTE_VALID:
		ck_assert(entry & 1);
		ck_assert_uint_eq(r.pa.v, entry & k->form->pa_mask);
		break;
	case NT_PTE_TRANSITION:
		ck_assert_uint_eq(entry & (1 | PROTOTYPE | TRANSITION),
				  TRANSITION);
		ck_assert_uint_eq(r.pa.v >> 12,
				  nt_field_get(l->transition_pfn, plain));
		ck_assert_uint_eq(r.pa.v >> 52, 0);
		break;
	case NT_PTE_PAGEFILE:
		ck_assert(r.page && !(entry & (1 | PROTOTYPE | TRANSITION)));
		ck_assert_uint_eq(put(k, "_MMPTE_SOFTWARE.PageFileHigh",
				      r.page) |
					  put(k, "_MMPTE_SOFTWARE.PageFileLow",
					      r.number),
				  plain &
					  (put(k,
					       "_MMPTE_SOFTWARE.PageFileHigh",
					       UINT64_MAX) |
					   put(k, "_MMPTE_SOFTWARE.PageFileLow",
					       UINT64_MAX)));
		break;
	case NT_PTE_PROTOTYPE:
	case NT_PTE_IN_VAD:
		ck_assert(!(entry & 1));
		break;
	case NT_PTE_FILE:
	case NT_PTE_DEMAND_ZERO:
	case NT_PTE_DECOMMITTED:
		ck_assert(!(entry & (1 | PROTOTYPE | TRANSITION)));
		break;
	case NT_PTE_ZERO:
		ck_assert_uint_eq(entry, 0);
	}
}

START_TEST(test_any_bits)
{
	struct kind k;

	if (!kind_init(&k, _i, masks[(unsigned)_i % 3]))
		return;
	for (unsigned i = 0; i < 30000; i++) {
		uint64_t entry = draw(&k);

		/* with few bits, with many */
		if (i % 3 == 1)
			entry &= draw(&k) & draw(&k);
		if (i % 3 == 2)
			entry |= draw(&k) | draw(&k);
		if (i & 1)
			entry &= ~UINT64_C(1);
		if (k.narrow)
			entry &= UINT32_MAX;
		assert_consistent(&k, entry);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-pteforms");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_forms, 0, (int)layouts_count());
	tcase_add_loop_test(tcase, test_any_bits, 0, (int)layouts_count());
	return unit_main(suite);
}
