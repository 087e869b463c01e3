/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of ELF cores. */
#include "config.h"

#include "unit/unit.h"
#include "unit/unit-runs.h"

#include <elf.h>
#include <string.h>

#include "image/formats.h"

#define HEAD 0x1000u
#define MAX_BYTES 0x8000u

/* A core of two segments, made by hand: 64 or 32 bits. */
struct core {
	uint8_t bytes[MAX_BYTES];
	size_t len;
	bool is64;
};

struct seg {
	uint32_t type;
	uint64_t off, va, pa, filesz, memsz;
};

static void put_phdr(struct core *c, size_t at, const struct seg *s)
{
	Elf64_Phdr p64 = { .p_type = s->type, .p_offset = s->off,
			   .p_vaddr = s->va, .p_paddr = s->pa,
			   .p_filesz = s->filesz, .p_memsz = s->memsz };
	Elf32_Phdr p32 = { .p_type = s->type, .p_offset = (uint32_t)s->off,
			   .p_vaddr = (uint32_t)s->va,
			   .p_paddr = (uint32_t)s->pa,
			   .p_filesz = (uint32_t)s->filesz,
			   .p_memsz = (uint32_t)s->memsz };

	if (c->is64)
		memcpy(c->bytes + 64 + at * sizeof p64, &p64, sizeof p64);
	else
		memcpy(c->bytes + 52 + at * sizeof p32, &p32, sizeof p32);
}

static void put_ehdr(struct core *c, uint16_t phnum)
{
	Elf64_Ehdr h64 = { .e_type = ET_CORE, .e_machine = EM_X86_64,
			   .e_phoff = 64, .e_phnum = phnum,
			   .e_phentsize = sizeof(Elf64_Phdr) };
	Elf32_Ehdr h32 = { .e_type = ET_CORE, .e_machine = EM_386,
			   .e_phoff = 52, .e_phnum = phnum,
			   .e_phentsize = sizeof(Elf32_Phdr) };

	if (c->is64)
		memcpy(c->bytes, &h64, sizeof h64);
	else
		memcpy(c->bytes, &h32, sizeof h32);
	memcpy(c->bytes, ELFMAG, SELFMAG);
	c->bytes[EI_CLASS] = c->is64 ? ELFCLASS64 : ELFCLASS32;
	c->bytes[EI_DATA] = ELFDATA2LSB;
	c->bytes[EI_VERSION] = EV_CURRENT;
}

static void core_init(struct core *c, bool is64)
{
	const struct seg low = { PT_LOAD, HEAD, 0, 0x1000, 0x2000, 0x2000 };
	const struct seg high = { PT_LOAD, HEAD + 0x2000, 0, 0x10000, 0x3000,
				  0x3000 };

	memset(c, 0, sizeof *c);
	c->is64 = is64;
	c->len = HEAD + 0x5000;
	put_ehdr(c, 2);
	put_phdr(c, 0, &low);
	put_phdr(c, 1, &high);
}

static Image *open_core(const struct core *c, Log *log, GError **error)
{
	return image_open_io(image_io_memory(c->bytes, c->len), "x", NULL, log,
			     error);
}

static void assert_error(const struct core *c, const char *format,
			 const char *word)
{
	g_autoptr(GError) error = NULL;
	ImageIo *io = image_io_memory(c->bytes, c->len);

	ck_assert_ptr_null(
		image_open_io(io, "x", IMAGE_FORMAT(format), NULL, &error));
	ck_assert(g_error_matches(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT));
	ck_assert_msg(strstr(error->message, word) != NULL, "%s",
		      error->message);
}

static void assert_run(const Image *image, size_t i, uint64_t pa, uint64_t len,
		       uint64_t off)
{
	const struct image_run run = unit_run(image->runs, i);

	ck_assert_uint_eq(run.pa, pa);
	ck_assert_uint_eq(run.len, len);
	ck_assert_uint_eq(run.off, off);
}

START_TEST(test_healthy)
{
	for (int is64 = 0; is64 < 2; is64++) {
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;
		struct core c;

		core_init(&c, is64);
		image = open_core(&c, log, NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert_str_eq(image->ops->name, "elf");
		ck_assert_uint_eq(image_runs_count(image->runs), 2);
		assert_run(image, 0, 0x1000, 0x2000, HEAD);
		assert_run(image, 1, 0x10000, 0x3000, HEAD + 0x2000);
		ck_assert_ptr_nonnull(strstr(image->detail,
					     is64 ? "ELF64" : "ELF32"));
		ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
	}
}
END_TEST

START_TEST(test_xnum)
{
	for (int is64 = 0; is64 < 2; is64++) {
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;
		struct core c;
		uint32_t shoff = 0x800, info = 2;

		core_init(&c, is64);
		put_ehdr(&c, PN_XNUM);
		memcpy(c.bytes + (is64 ? 40 : 32), &shoff, 4);
		memcpy(c.bytes + shoff + (is64 ? 44 : 28), &info, 4);
		image = open_core(&c, log, NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert_uint_eq(image_runs_count(image->runs), 2);
		ck_assert_uint_eq(log_count(log, LOG_WARN), 0);
		ck_assert_ptr_nonnull(strstr(image->detail,
					     " 2 program headers"));
	}
}
END_TEST

/* The section header is not there: said, and what can be read is read. */
START_TEST(test_xnum_broken)
{
	static const uint64_t shoffs[] = { 0, UINT64_MAX, HEAD + 0x5000 };

	for (size_t i = 0; i < G_N_ELEMENTS(shoffs); i++) {
		g_autoptr(Log) log = log_new();
		g_autoptr(Image) image = NULL;
		struct core c;

		core_init(&c, true);
		put_ehdr(&c, PN_XNUM);
		memcpy(c.bytes + 40, &shoffs[i], 8);
		image = open_core(&c, log, NULL);
		ck_assert_ptr_nonnull(image);
		ck_assert_uint_eq(image_runs_count(image->runs), 2);
		ck_assert_uint_ge(log_count(log, LOG_WARN), 2);
	}
}
END_TEST

START_TEST(test_memsz)
{
	const struct seg more = { PT_LOAD, HEAD, 0, 0x1000, 0x1000, 0x9000 };
	const struct seg none = { PT_LOAD, HEAD, 0, 0x90000, 0, 0x9000 };
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct core c;

	core_init(&c, true);
	put_ehdr(&c, 3);
	put_phdr(&c, 0, &more);
	put_phdr(&c, 2, &none);
	image = open_core(&c, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_runs_count(image->runs), 2);
	assert_run(image, 0, 0x1000, 0x1000, HEAD);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 1);
}
END_TEST

/* p_paddr 0 everywhere: p_vaddr; a single segment at 0 is as it is. */
START_TEST(test_va)
{
	const struct seg low = { PT_LOAD, HEAD, 0x5000, 0, 0x1000, 0x1000 };
	const struct seg high = { PT_LOAD, HEAD + 0x1000, 0x8000, 0, 0x1000,
				  0x1000 };
	g_autoptr(Image) image = NULL;
	g_autoptr(Image) single = NULL;
	struct core c;

	core_init(&c, true);
	put_phdr(&c, 0, &low);
	put_phdr(&c, 1, &high);
	image = open_core(&c, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	assert_run(image, 0, 0x5000, 0x1000, HEAD);
	assert_run(image, 1, 0x8000, 0x1000, HEAD + 0x1000);
	put_ehdr(&c, 1);
	single = open_core(&c, NULL, NULL);
	assert_run(single, 0, 0, 0x1000, HEAD);
}
END_TEST

START_TEST(test_headers_out_of_file)
{
	g_autoptr(Log) log = log_new();
	g_autoptr(Image) image = NULL;
	struct core c;
	uint64_t phoff = UINT64_MAX - 10;

	core_init(&c, true);
	put_ehdr(&c, 0xfffe);
	image = open_core(&c, log, NULL);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(image_runs_count(image->runs), 2);
	ck_assert_uint_eq(log_count(log, LOG_WARN), 1);
	memcpy(c.bytes + 32, &phoff, 8);
	assert_error(&c, NULL, "holds no physical memory");
	phoff = c.len;
	memcpy(c.bytes + 32, &phoff, 8);
	assert_error(&c, NULL, "holds no physical memory");
}
END_TEST

START_TEST(test_refused)
{
	static const uint16_t sizes[] = { 0, 55, 4097, 0xffff };
	struct core c;

	core_init(&c, true);
	c.bytes[EI_DATA] = ELFDATA2MSB;
	assert_error(&c, "elf", "big-endian");
	core_init(&c, true);
	c.bytes[16] = ET_EXEC;
	assert_error(&c, "elf", "program or library");
	/* not taken for raw memory either */
	assert_error(&c, NULL, "an ELF file");
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		core_init(&c, true);
		memcpy(c.bytes + 54, &sizes[i], 2);
		assert_error(&c, NULL, "e_phentsize");
	}
	core_init(&c, false);
	c.bytes[42] = 31;
	assert_error(&c, NULL, "e_phentsize");
	core_init(&c, true);
	put_ehdr(&c, 0);
	assert_error(&c, NULL, "holds no physical memory");
	core_init(&c, true);
	memset(c.bytes, 0, 4);
	assert_error(&c, "elf", "no whole ELF header");
}
END_TEST

/* Cut at every 512 bytes: an error, or what is in the file of the runs. */
START_TEST(test_truncated)
{
	for (int is64 = 0; is64 < 2; is64++) {
		struct core c;

		core_init(&c, is64);
		for (size_t len = 1; len < HEAD + 0x5000; len += 511) {
			g_autoptr(Log) log = log_new();
			g_autoptr(Image) image = NULL;

			c.len = len;
			image = open_core(&c, log, NULL);
			ck_assert((image != NULL) ==
				  (len > HEAD || len < 4));
			if (!image || len < 4)
				continue;
			ck_assert_uint_eq(image_runs_bytes(image->runs),
					  len - HEAD);
			ck_assert_uint_ge(log_count(log, LOG_WARN), 1);
		}
	}
}
END_TEST

/* Each bit of the headers turned over: an error, or runs within the file. */
START_TEST(test_bit_flips)
{
	struct core c;

	core_init(&c, true);
	for (size_t bit = 0; bit < (64 + 2 * 56) * 8; bit++) {
		g_autoptr(Image) image = NULL;

		c.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		image = open_core(&c, NULL, NULL);
		for (size_t i = 0;
		     image && i < image_runs_count(image->runs); i++) {
			const struct image_run run =
				unit_run(image->runs, i);

			ck_assert_uint_le(run.off + run.len, c.len);
			ck_assert_uint_le(run.pa + run.len, PHYS_ADDR_END);
		}
		c.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

static int64_t fail_from(void *ctx, uint64_t off, void *buf, size_t len)
{
	unsigned *left = ctx;
	static const uint8_t zeros[64];

	(void)off;
	if (!*left)
		return -1;
	--*left;
	memcpy(buf, zeros, MIN(len, sizeof zeros));
	return (int64_t)MIN(len, sizeof zeros);
}

struct counting {
	const struct core *core;
	unsigned n_calls, fail_at;
};

static int64_t read_core(void *ctx, uint64_t off, void *buf, size_t len)
{
	struct counting *c = ctx;

	if (++c->n_calls == c->fail_at)
		return -1;
	memcpy(buf, c->core->bytes + off, len);
	return (int64_t)len;
}

/* Call N of the reader fails: an error or fewer runs, for every N. */
START_TEST(test_read_faults)
{
	struct core c;
	bool clean = false;
	unsigned zero = 0;
	ImageIo *dead;

	core_init(&c, true);
	for (unsigned n = 1; !clean; n++) {
		struct counting ctx = { &c, 0, n };
		ImageIo *io = image_io_memory(c.bytes, c.len);
		g_autoptr(Image) image = NULL;

		image_io_set_reader(io, read_core, &ctx);
		image = image_open_io(io, "x", IMAGE_FORMAT("elf"), NULL,
				      NULL);
		clean = ctx.n_calls < n;
		ck_assert(!clean || image_runs_count(image->runs) == 2);
		ck_assert_uint_lt(n, 1000);
	}
	dead = image_io_memory(c.bytes, c.len);
	image_io_set_reader(dead, fail_from, &zero);
	ck_assert_ptr_null(
		image_open_io(dead, "x", IMAGE_FORMAT("elf"), NULL, NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-elf");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_healthy);
	tcase_add_test(tcase, test_xnum);
	tcase_add_test(tcase, test_xnum_broken);
	tcase_add_test(tcase, test_memsz);
	tcase_add_test(tcase, test_va);
	tcase_add_test(tcase, test_headers_out_of_file);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_truncated);
	tcase_add_test(tcase, test_bit_flips);
	tcase_add_test(tcase, test_read_faults);
	return unit_main(suite);
}
