/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of PEBs: made by hand in memory of both widths, with every piece
 * missing or wrong in turn; then those of the builder. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/peb.h"

#define LEAF (MK_PTE_P | MK_PTE_W | MK_PTE_U | MK_PTE_A)
#define PEB 0x340000u
#define PEB32 0x341000u
#define BLOCK 0x500000u
#define BLOCK32 0x600000u
#define ENVIRON 0x700000u /* two pages, then none */
#define TEXTS 0x800000u
#define NOWHERE 0x900000u

/* Offsets in the two forms. */
static const struct form {
	unsigned pointer, parameters, image_base;
	unsigned directory, image_path, command_line, environment, size;
} wide = { 8, 0x20, 0x10, 0x38, 0x60, 0x70, 0x80, 0x3f0 },
  narrow = { 4, 0x10, 0x8, 0x24, 0x38, 0x40, 0x48, 0x290 };

struct world {
	MkPhys *phys;
	MkPaging *paging;
	struct unit_mem mem;
	struct addr_space as;
	struct nt_profile profile;
	struct nt_process process;
	uint32_t text_at;
	bool ready;
};

static void map(struct world *w, uint64_t va)
{
	mk_paging_map(w->paging, va, mk_phys_page(w->phys), MK_PAGE_SIZE,
		      LEAF);
}

static void put(struct world *w, uint64_t va, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t pa;

		ck_assert(mk_paging_walk(w->paging, va + i, &pa, NULL));
		mk_phys_write(w->phys, pa, (const uint8_t *)bytes + i, 1);
	}
}

static void put_int(struct world *w, uint64_t va, uint64_t v, size_t len)
{
	uint64_t le = GUINT64_TO_LE(v);

	put(w, va, &le, len);
}

/* ASCII as UTF-16. */
static void put_chars(struct world *w, uint64_t va, const char *text,
		      size_t len)
{
	for (size_t i = 0; i < len; i++)
		put_int(w, va + 2 * i, (uint8_t)text[i], 2);
}

/* A UNICODE_STRING and its characters. */
static void put_string(struct world *w, const struct form *f, uint64_t va,
		       const char *text)
{
	size_t len = strlen(text);

	put_int(w, va, 2 * len, 2);
	put_int(w, va + 2, 2 * len + 2, 2);
	put_int(w, va + f->pointer, TEXTS + w->text_at, f->pointer);
	put_chars(w, TEXTS + w->text_at, text, len);
	w->text_at += (uint32_t)(2 * len + 2);
}

static void put_block(struct world *w, const struct form *f, uint64_t peb,
		      uint64_t block, const char *mark)
{
	g_autofree char *command = g_strconcat(mark, ".exe -x", NULL);
	g_autofree char *path = g_strconcat("C:\\", mark, ".exe", NULL);
	g_autofree char *dir = g_strconcat("D:\\", mark, "\\", NULL);

	put_int(w, peb + f->image_base, 0x400000, f->pointer);
	put_int(w, peb + f->parameters, block, f->pointer);
	put_int(w, block, 0x1000, 4);
	put_int(w, block + 8, 1, 4);
	put_string(w, f, block + f->image_path, path);
	put_string(w, f, block + f->command_line, command);
	put_string(w, f, block + f->directory, dir);
	put_int(w, block + f->environment, ENVIRON, f->pointer);
	put_int(w, block + f->size, 0x2000, f->pointer);
}

/* A process in 64 bits, in 32 bits (x86), or with both PEBs. */
enum kind { WIDE, NARROW, WOW64, KINDS };

static void world_start(struct world *w, enum kind kind)
{
	const struct form *f = kind == NARROW ? &narrow : &wide;
	static const uint64_t pages[] = {
		PEB, PEB32, BLOCK, BLOCK32, ENVIRON, ENVIRON + 0x1000, TEXTS,
	};

	*w = (struct world){ .process = { .peb = VIRT(PEB) } };
	w->phys = mk_phys_new(1);
	mk_phys_add_ram(w->phys, 0, 8 * MIB);
	w->paging = mk_paging_new(w->phys, kind == NARROW ? MK_MODE_PAE :
							    MK_MODE_AMD64, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(pages); i++)
		map(w, pages[i]);
	w->profile.pointer_bytes = f->pointer;
	nt_peb_layout_fill(&(struct nt_source){ 0 }, f->pointer,
			   &w->profile.peb);
	w->profile.peb.environment_size = f->size;
	put_block(w, f, PEB, BLOCK, "one");
	if (kind == WOW64) {
		put_block(w, &narrow, PEB32, BLOCK32, "two");
		w->process.wow64_va = PEB32;
	}
	put_chars(w, ENVIRON, "=C:=C:\\\0A=B\0LONG=\0", 19);
	w->as.form = kind == NARROW ? &paging_pae : &paging_amd64;
}

static struct nt_params world_params(struct world *w)
{
	struct nt_params p;

	if (!w->ready) {
		unit_mem_init(&w->mem, w->phys);
		w->as.pm = w->mem.pm;
		w->as.root = PHYS(mk_paging_root(w->paging));
		w->ready = true;
	}
	nt_params_read(&w->as, &w->profile, &w->process, &p);
	return p;
}

static void world_stop(struct world *w, struct nt_params *p)
{
	nt_params_clear(p);
	unit_mem_clear(&w->mem);
	mk_paging_free(w->paging);
	mk_phys_free(w->phys);
}

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
	const struct form *f = _i == NARROW ? &narrow : &wide;
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
	const struct form *f = _i == NARROW ? &narrow : &wide;
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
		map(&w, kernel);
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
	map(&w, PEB - 0x1000);
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

/* The offsets that are built in are those of all layouts. */
START_TEST(test_layouts)
{
	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);
		const struct nt_source source = { .layout = layout };
		bool x86 = layout_arch(layout) == NT_ARCH_X86 ||
			   layout_arch(layout) == NT_ARCH_X86PAE;
		const struct form *f = x86 ? &narrow : &wide;
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
	tcase_add_test(tcase, test_layouts);
	tcase_add_test(tcase, test_builder);
	return unit_main(suite);
}
