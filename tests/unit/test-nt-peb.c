/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of PEBs: made by hand in memory of both widths, with every piece
 * missing or wrong in turn; then those of the builder. */
#include "config.h"

#include "unit/unit-peb.h"
#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"

static void unmap(struct world *w, uint64_t va)
{
	mk_paging_poke(w->paging, va, 1, 0);
}

static void assert_text(const struct nt_param *p, const char *want)
{
	ck_assert_int_eq(p->state, NT_PARAM_OK);
	ck_assert_str_eq(p->text, want);
}

static void assert_none(const struct nt_param *p, enum nt_param_state state)
{
	ck_assert_int_eq(p->state, state);
	ck_assert_ptr_null(p->text);
}

static void assert_all_none(const struct nt_params *p,
			    enum nt_param_state state)
{
	assert_none(&p->image_path, state);
	assert_none(&p->command_line, state);
	assert_none(&p->directory, state);
	ck_assert_int_eq(p->environ_state, state);
}

START_TEST(test_read)
{
	bool wow64 = _i == WOW64;
	struct world w;
	struct nt_params p;

	world_start(&w, (enum kind)_i);
	p = world_params(&w);
	/* of a WoW64 process what its own code works with */
	assert_text(&p.image_path, wow64 ? "C:\\two.exe" : "C:\\one.exe");
	assert_text(&p.command_line, wow64 ? "two.exe -x" : "one.exe -x");
	assert_text(&p.directory, wow64 ? "D:\\two\\" : "D:\\one\\");
	ck_assert_uint_eq(p.peb32.v, wow64 ? PEB32 : 0);
	ck_assert(p.narrow == (_i != WIDE));
	ck_assert_int_eq(p.environ_state, NT_PARAM_OK);
	ck_assert_uint_eq(p.environ_va.v, ENVIRON);
	ck_assert_uint_eq(p.environ_bytes, 0x2000);
	world_stop(&w, &p);
}
END_TEST

/* What leads to the texts is missing, or wrong. */
START_TEST(test_no_block)
{
	const struct peb_form *f = _i == NARROW ? &narrow : &wide;
	static const struct {
		uint64_t peb, block; /* 0: as they are */
		bool zero, unmap_peb, unmap_block;
		enum nt_param_state want;
	} cases[] = {
		{ .zero = true, .want = NT_PARAM_NO_BLOCK },
		{ .unmap_peb = true, .want = NT_PARAM_PEB_LOST },
		{ .unmap_block = true, .want = NT_PARAM_BLOCK_LOST },
		{ .peb = UINT64_MAX, .want = NT_PARAM_BAD },
		{ .peb = UINT64_C(0xffff800000000000), .want = NT_PARAM_BAD },
		{ .peb = NOWHERE, .want = NT_PARAM_PEB_LOST },
		{ .block = 0xfffff000, .want = NT_PARAM_BAD },
		{ .block = NOWHERE, .want = NT_PARAM_BLOCK_LOST },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct world w;
		struct nt_params p;

		world_start(&w, (enum kind)_i);
		if (cases[i].block || cases[i].zero)
			put_int(&w, PEB + f->parameters, cases[i].block,
				f->pointer);
		if (cases[i].block == 0xfffff000 && _i == WIDE)
			put_int(&w, PEB + f->parameters + 4, 0xffffffff, 4);
		if (cases[i].peb)
			w.process.peb = VIRT(cases[i].peb);
		if (cases[i].unmap_peb)
			unmap(&w, PEB);
		if (cases[i].unmap_block)
			unmap(&w, BLOCK);
		p = world_params(&w);
		assert_all_none(&p, cases[i].want);
		world_stop(&w, &p);
	}
}
END_TEST

START_TEST(test_no_peb)
{
	struct world w;
	struct nt_params p;

	world_start(&w, WIDE);
	w.process.peb = VIRT(0);
	p = world_params(&w);
	assert_all_none(&p, NT_PARAM_NO_PEB);
	world_stop(&w, &p);
}
END_TEST

/* One string is wrong, the others are read. */
START_TEST(test_bad_strings)
{
	static const struct {
		unsigned len, max;
		uint64_t buffer;
		enum nt_param_state want;
	} cases[] = {
		{ 0, 0, 0, NT_PARAM_EMPTY },
		{ 3, 8, TEXTS, NT_PARAM_BAD },
		{ 8, 6, TEXTS, NT_PARAM_BAD },
		{ 8, 8, 0, NT_PARAM_BAD },
		{ 8, 8, UINT64_C(0xfffff80000000000), NT_PARAM_BAD },
		{ 8, 8, UINT64_C(0x7ffffffffffc), NT_PARAM_BAD },
		{ 8, 8, UINT64_C(0x7ffffffffff8), NT_PARAM_LOST },
		{ 8, 8, NOWHERE, NT_PARAM_LOST },
		{ 8, 8, TEXTS + 0xffc, NT_PARAM_LOST },
		{ 0xfffe, 0xfffe, TEXTS, NT_PARAM_LOST },
		{ 8, 8, TEXTS + 0xff0, NT_PARAM_EMPTY }, /* NULs */
	};
	const uint64_t at = BLOCK + wide.command_line;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct world w;
		struct nt_params p;

		world_start(&w, WIDE);
		put_int(&w, at, cases[i].len, 2);
		put_int(&w, at + 2, cases[i].max, 2);
		put_int(&w, at + 8, cases[i].buffer, 8);
		p = world_params(&w);
		assert_none(&p.command_line, cases[i].want);
		assert_text(&p.image_path, "C:\\one.exe");
		assert_text(&p.directory, "D:\\one\\");
		world_stop(&w, &p);
	}
}
END_TEST

/* Before ntdll has seen to them, pointers are offsets in the block. */
START_TEST(test_relative)
{
	const struct peb_form *f = _i == NARROW ? &narrow : &wide;
	struct world w;
	struct nt_params p;

	world_start(&w, (enum kind)_i);
	put_int(&w, BLOCK + 8, 0, 4);
	put_int(&w, BLOCK + f->command_line, 6, 2);
	put_int(&w, BLOCK + f->command_line + f->pointer, 0x800, f->pointer);
	put_chars(&w, BLOCK + 0x800, "rel", 3);
	put_int(&w, BLOCK + f->environment, 0x900, f->pointer);
	p = world_params(&w);
	assert_text(&p.command_line, "rel");
	/* an address is one all the same */
	assert_text(&p.image_path, "C:\\one.exe");
	ck_assert_uint_eq(p.environ_va.v, BLOCK + 0x900);
	world_stop(&w, &p);
}
END_TEST

/* What the 32-bit block lacks, the 64-bit one may have. */
START_TEST(test_wow64_missing)
{
	struct world w;
	struct nt_params p;

	world_start(&w, WOW64);
	put_int(&w, BLOCK32 + narrow.command_line + 4, NOWHERE, 4);
	put_int(&w, BLOCK32 + narrow.environment, 0xffff0000, 4);
	put_int(&w, BLOCK32 + narrow.image_path, 0, 2);
	put_int(&w, BLOCK32 + narrow.directory, 0, 2);
	put_int(&w, BLOCK + wide.directory + 8, NOWHERE, 8);
	p = world_params(&w);
	assert_text(&p.command_line, "one.exe -x");
	assert_text(&p.image_path, "C:\\one.exe");
	/* to be empty is an answer, if there is no other */
	assert_none(&p.directory, NT_PARAM_EMPTY);
	ck_assert_int_eq(p.environ_state, NT_PARAM_OK);
	ck_assert(!p.narrow);
	world_stop(&w, &p);
}
END_TEST

/* How the 32-bit PEB is found. */
START_TEST(test_peb32)
{
	const uint64_t kernel = UINT64_C(0xffff900000001000);
	static const struct {
		uint64_t wow64_va, first; /* what is at kernel */
		uint64_t peb;
		uint32_t want;
	} cases[] = {
		{ PEB32, 0, PEB, PEB32 },
		{ UINT64_C(0xffff900000001000), PEB32, PEB, PEB32 },
		{ UINT64_C(0xffff900000001000), 0, PEB, PEB32 },
		{ UINT64_C(0xffff900000001000), 0x341010, PEB, PEB32 },
		{ UINT64_C(0xffff900000777000), 0, PEB, PEB32 },
		{ 0x10, 0, PEB, PEB32 },
		{ 0x10, 0, BLOCK, 0 },
		{ 0x10, 0, 0, 0 },
		{ 0, PEB32, PEB, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct world w;
		struct nt_params p;

		world_start(&w, WOW64);
		world_map(&w, kernel);
		put_int(&w, kernel, cases[i].first, 8);
		w.process.wow64_va = cases[i].wow64_va;
		w.process.peb = VIRT(cases[i].peb);
		p = world_params(&w);
		ck_assert_msg(p.peb32.v == cases[i].want, "case %zu: %x", i,
			      (unsigned)p.peb32.v);
		world_stop(&w, &p);
	}
}
END_TEST

/* Before the 64-bit one, as in 7. */
START_TEST(test_peb32_before)
{
	struct world w;
	struct nt_params p;

	world_start(&w, WIDE);
	world_map(&w, PEB - 0x1000);
	put_block(&w, &narrow, PEB - 0x1000, BLOCK32, "two");
	w.process.wow64_va = 0x10;
	p = world_params(&w);
	ck_assert_uint_eq(p.peb32.v, PEB - 0x1000);
	assert_text(&p.command_line, "two.exe -x");
	world_stop(&w, &p);
}
END_TEST

static void assert_environ(const struct nt_environ *e, const char *want,
			   size_t len, size_t n, bool cut)
{
	ck_assert_int_eq(e->state, NT_PARAM_OK);
	ck_assert_uint_eq(e->n, n);
	ck_assert_uint_eq(e->strings->len, len);
	ck_assert(!memcmp(e->strings->str, want, len));
	ck_assert(e->cut == cut);
}

START_TEST(test_environ)
{
	struct world w;
	struct nt_params p;
	struct nt_environ e;

	world_start(&w, (enum kind)_i);
	p = world_params(&w);
	nt_environ_read(&w.as, &p, &e);
	assert_environ(&e, "=C:=C:\\\0A=B\0LONG=\0", 18, 3, false);
	nt_environ_clear(&e);
	/* no more of it than its size */
	p.environ_bytes = 2 * 13;
	nt_environ_read(&w.as, &p, &e);
	assert_environ(&e, "=C:=C:\\\0A=B\0", 12, 2, true);
	nt_environ_clear(&e);
	p.environ_state = NT_PARAM_NO_PEB;
	nt_environ_read(&w.as, &p, &e);
	ck_assert_int_eq(e.state, NT_PARAM_NO_PEB);
	ck_assert_ptr_null(e.strings);
	world_stop(&w, &p);
}
END_TEST

/* Across a page, and into what is not there; at even and odd addresses. */
START_TEST(test_environ_cut)
{
	static const char one[] = "A=1234567";
	const uint64_t start = ENVIRON + 0x1000 - 320 + (unsigned)_i;
	struct world w;
	struct nt_params p;
	struct nt_environ e;

	world_start(&w, WIDE);
	for (uint64_t va = start; va < ENVIRON + 0x2000 - 20; va += 20)
		put_chars(&w, va, one, sizeof one);
	put_chars(&w, start + 4400, "B=123456", _i ? 7 : 8);
	put_int(&w, BLOCK + wide.environment, start, 8);
	p = world_params(&w);
	nt_environ_read(&w.as, &p, &e);
	ck_assert(e.cut);
	ck_assert_uint_eq(e.n, (ENVIRON + 0x2000 - start) / 20);
	ck_assert_uint_eq(e.strings->len, e.n * sizeof one);
	for (size_t i = 0; i < e.n; i++)
		ck_assert_str_eq(e.strings->str + i * sizeof one, one);
	nt_environ_clear(&e);
	p.environ_va = VIRT(NOWHERE);
	nt_environ_read(&w.as, &p, &e);
	ck_assert_int_eq(e.state, NT_PARAM_LOST);
	p.environ_va = VIRT(PEB + 0x800); /* zeros */
	nt_environ_read(&w.as, &p, &e);
	ck_assert_int_eq(e.state, NT_PARAM_EMPTY);
	ck_assert_ptr_null(e.strings);
	world_stop(&w, &p);
}
END_TEST

/* Without EnvironmentSize there is still an end to it. */
START_TEST(test_environ_bound)
{
	struct world w;
	struct nt_params p;

	world_start(&w, (enum kind)_i);
	w.profile.peb.environment_size = NT_ABSENT;
	p = world_params(&w);
	ck_assert_uint_eq(p.environ_bytes, NT_ENVIRON_MAX);
	nt_params_clear(&p);
	w.profile.peb.environment_size = _i == NARROW ? 0x48 : 0x80;
	p = world_params(&w);
	ck_assert_uint_le(p.environ_bytes, NT_ENVIRON_MAX);
	world_stop(&w, &p);
}
END_TEST

static void assert_sound(const struct nt_param *p)
{
	ck_assert((p->text != NULL) == (p->state == NT_PARAM_OK));
	ck_assert(!p->text || (*p->text && g_utf8_validate(p->text, -1, NULL)));
}

static void assert_all_sound(const struct world *w, const struct nt_params *p)
{
	struct nt_environ e;
	size_t n = 0;

	assert_sound(&p->image_path);
	assert_sound(&p->command_line);
	assert_sound(&p->directory);
	nt_environ_read(&w->as, p, &e);
	ck_assert((e.strings != NULL) == (e.state == NT_PARAM_OK));
	for (size_t i = 0; e.strings && i < e.strings->len; n++) {
		ck_assert(g_utf8_validate(e.strings->str + i, -1, NULL));
		i += strlen(e.strings->str + i) + 1;
		ck_assert_uint_le(i, e.strings->len);
	}
	ck_assert_uint_eq(n, e.n);
	nt_environ_clear(&e);
}

/* One or two members of either PEB or block get another value. */
static void change(struct world *w, struct mk_random *random)
{
	static const uint64_t pages[] = { PEB, PEB32, BLOCK, BLOCK32,
					  ENVIRON, ENVIRON + 0x1000, TEXTS };
	static const uint64_t values[] = {
		0, 1, 2, 3, 7, 0xfff, 0xfffe, 0xffff, 0xfffff, 0x100000,
		PEB, PEB32, BLOCK, BLOCK + 0x38, BLOCK32, ENVIRON,
		ENVIRON + 0xfff, ENVIRON + 0x1ffe, TEXTS, NOWHERE, UINT32_MAX,
		UINT64_C(0x7ffffffff000), UINT64_C(0xffff800000000000),
		UINT64_MAX, 0xdc00d800d83dd83d,
	};
	uint64_t page = pages[mk_random_below(random, G_N_ELEMENTS(pages))];
	uint64_t at = mk_random_below(random, mk_random_below(random, 2) ?
						      0x100 : 0x400) & ~1u;
	uint64_t v = values[mk_random_below(random, G_N_ELEMENTS(values))];
	uint64_t le = GUINT64_TO_LE(v);
	uint64_t pa;

	ck_assert(mk_paging_walk(w->paging, page + at, &pa, NULL));
	memcpy(w->mem.bytes + pa, &le, 2u << mk_random_below(random, 3));
}

START_TEST(test_changed)
{
	struct mk_random random = { (uint64_t)_i };

	for (unsigned i = 0; i < 50; i++) {
		struct world w;
		struct nt_params p;

		world_start(&w, (enum kind)(_i % KINDS));
		p = world_params(&w);
		for (unsigned k = 0; k < 100; k++) {
			nt_params_clear(&p);
			change(&w, &random);
			w.process.wow64_va ^= mk_random_below(&random, 20) ?
						      0 : 0x1000;
			p = world_params(&w);
			assert_all_sound(&w, &p);
		}
		world_stop(&w, &p);
	}
}
END_TEST

/* The offsets that are built in are those of all layouts. */
START_TEST(test_layouts)
{
	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);
		const struct nt_source source = { .layout = layout };
		bool x86 = layout_arch(layout) == NT_ARCH_X86 ||
			   layout_arch(layout) == NT_ARCH_X86PAE;
		const struct peb_form *f = x86 ? &narrow : &wide;
		uint32_t size = layout_build(layout) >= 6000 ? f->size :
							       NT_ABSENT;
		struct nt_peb_layout p;

		nt_peb_layout_fill(&source, f->pointer, &p);
		ck_assert_uint_eq(p.parameters, f->parameters);
		ck_assert_uint_eq(p.image_base, f->image_base);
		ck_assert_uint_eq(p.directory, f->directory);
		ck_assert_uint_eq(p.image_path, f->image_path);
		ck_assert_uint_eq(p.command_line, f->command_line);
		ck_assert_uint_eq(p.environment, f->environment);
		if (layout_complete(layout))
			ck_assert_uint_eq(p.environment_size, size);
	}
}
END_TEST

/* A whole machine: what it wrote, in the process's own space only. */
START_TEST(test_builder)
{
	const struct mk_options options = { .seed = 4 };
	struct unit_win w;
	size_t n = 0;

	unit_win_init(&w, &options);
	for (size_t i = 0; i < mk_win_n_processes(w.win); i++) {
		const struct mk_process *want = mk_win_process(w.win, i);
		struct addr_space own;
		struct nt_process p;
		struct nt_params params;

		ck_assert(nt_process_read(&w.kernel->as, &w.kernel->profile,
					  VIRT(want->eprocess), &p));
		own = nt_kernel_space(w.kernel, p.dtb_raw);
		nt_params_read(&own, &w.kernel->profile, &p, &params);
		if (want->peb) {
			ck_assert(g_str_has_prefix(params.image_path.text,
						   "C:\\Windows\\System32\\"));
			ck_assert_int_eq(params.command_line.state,
					 NT_PARAM_OK);
			n++;
		} else {
			assert_all_none(&params, NT_PARAM_NO_PEB);
		}
		nt_params_clear(&params);
		nt_process_clear(&p);
	}
	ck_assert_uint_gt(n, 5);
	unit_win_clear(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-peb");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_read, 0, KINDS);
	tcase_add_loop_test(tcase, test_no_block, 0, WOW64);
	tcase_add_test(tcase, test_no_peb);
	tcase_add_test(tcase, test_bad_strings);
	tcase_add_loop_test(tcase, test_relative, 0, WOW64);
	tcase_add_test(tcase, test_wow64_missing);
	tcase_add_test(tcase, test_peb32);
	tcase_add_test(tcase, test_peb32_before);
	tcase_add_loop_test(tcase, test_environ, 0, KINDS);
	tcase_add_loop_test(tcase, test_environ_cut, 0, 2);
	tcase_add_loop_test(tcase, test_environ_bound, 0, WOW64);
	tcase_add_loop_test(tcase, test_changed, 0, 2 * KINDS);
	tcase_add_test(tcase, test_layouts);
	tcase_add_test(tcase, test_builder);
	return unit_main(suite);
}
