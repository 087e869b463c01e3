/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: bytes as a container of one format; the seeds are what the
 * builder writes in it. FUZZ_FORMAT in the environment says which (a name of
 * format=); without it is found out, and tried as one more.
 */
#include "config.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "lib/mkfmt.h"
#include "pmem/physmem.h"

/* Bytes read of one input: enough for every block of a seed. */
#define READ_MAX (UINT64_C(4) << 20)
#define RUNS_MAX 300u

static void check_run(const Image *image, const struct image_run *run,
		      uint64_t end)
{
	const uint64_t size = image_io_size(image_data(image));
	struct image_run piece;

	MUST(run->len > 0 && run->pa >= end && run->pa < PHYS_ADDR_END);
	MUST(run->len <= PHYS_ADDR_END - run->pa);
	MUST(run->off <= size && run->len <= size - run->off);
	MUST(image_runs_find(image->runs, run->pa, &piece));
	MUST(piece.pa == run->pa && piece.off == run->off);
	MUST(image_runs_find(image->runs, run->pa + run->len - 1, &piece));
	MUST(piece.pa + piece.len == run->pa + run->len);
}

/* What can be read is the same each time. */
static void read_page(const PhysMem *pm, uint64_t pa, size_t len)
{
	uint8_t a[4096], b[4096];
	enum phys_status status = physmem_read(pm, PHYS(pa), a, len);

	MUST(status != PHYS_OUTSIDE);
	MUST(physmem_read(pm, PHYS(pa), b, len) == status);
	MUST(status != PHYS_OK || !memcmp(a, b, len));
}

static void read_all(const Image *image)
{
	g_autoptr(PhysMem) pm = physmem_new(image);
	uint64_t end = 0, left = READ_MAX;
	struct image_run run;

	for (unsigned i = 0; i < RUNS_MAX; i++) {
		if (!image_runs_next(image->runs, end, &run))
			return;
		check_run(image, &run, end);
		end = run.pa + run.len;
		for (uint64_t at = 0; at < run.len && left;) {
			size_t n = (size_t)MIN(run.len - at, 4096);

			read_page(pm, run.pa + at, n);
			at += n;
			left -= MIN(left, n);
		}
	}
}

static void open_as(const uint8_t *data, size_t size, const char *format)
{
	const struct image_options options = {
		.format = format, .cache_bytes = 8 << 20,
	};
	g_autoptr(GError) error = NULL;
	g_autoptr(Log) log = log_new();
	g_autofree char *text = NULL;
	g_autoptr(Image) image = image_open_io(image_io_memory(data, size),
					       "fuzz", &options, log, &error);

	MUST(!image == !!error);
	text = log_text(log);
	MUST(g_utf8_validate(text, -1, NULL));
	if (image)
		read_all(image);
	else
		MUST(!strchr(error->message, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *name = g_getenv("FUZZ_FORMAT");
	size_t n = 0;

	if (name) {
		open_as(data, size, name);
		return 0;
	}
	while (image_formats[n])
		n++;
	open_as(data, size, NULL);
	open_as(data, size, image_formats[size % n]->name);
	return 0;
}

/* A few pages of all kinds, in two places. */
static MkPhys *make_memory(void)
{
	struct mk_random random = { 5 };
	MkPhys *phys = mk_phys_new(1);
	uint8_t page[4096];

	mk_phys_add_ram(phys, 0, 0x5000);
	mk_phys_add_ram(phys, 0x100000, 0x14000);
	for (uint64_t pa = 0x1000; pa < 0x112000; pa += 0x1000) {
		memset(page, (int)(pa >> 12), sizeof page);
		for (size_t i = 0; i < 60; i++)
			page[i * 8] = (uint8_t)mk_random_next(&random);
		mk_phys_write(phys, pa, page, sizeof page);
	}
	return phys;
}

static void add_seed(const struct mk_writer *writer, const MkPhys *phys,
		     const char *path, fuzz_seed_fn fn, void *ctx)
{
	const bool is64 = !(writer->flags & MK_WRITER_32BIT);
	const struct mk_dump dump = {
		.is64 = is64, .pae = !is64, .dtb = 0x1ad000,
		.machine = is64 ? 0x8664 : 0x14c, .processors = 1,
	};
	const struct mk_write_options options = { .dump = &dump };
	g_autofree char *bytes = NULL;
	size_t len;

	if (writer->write(phys, path, &options, NULL, NULL) &&
	    g_file_get_contents(path, &bytes, &len, NULL))
		fn(ctx, (const uint8_t *)bytes, len);
}

/* Is a writer's file of the format that is meant? Of those that wrap others
 * the name begins with it, behind what they wrap: raw-xz. */
static bool writes(const struct mk_writer *writer)
{
	const char *name = g_getenv("FUZZ_FORMAT");

	if (!name)
		return true;
	if (writer->flags & MK_WRITER_WRAPPED)
		return strstr(writer->name, name) != NULL;
	return !strcmp(writer->format, name);
}

static void remove_dir(const char *dir)
{
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	const char *name;

	while (entries && (name = g_dir_read_name(entries))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		(void)g_remove(path);
	}
	(void)g_rmdir(dir);
}

void fuzz_seeds(fuzz_seed_fn fn, void *ctx)
{
	g_autofree char *dir = g_dir_make_tmp("fuzz-container.XXXXXX", NULL);
	g_autofree char *path = NULL;
	MkPhys *phys = make_memory();

	MUST(dir != NULL);
	path = g_build_filename(dir, "seed", NULL);
	for (size_t i = 0; mk_writers[i]; i++)
		if (writes(mk_writers[i]))
			add_seed(mk_writers[i], phys, path, fn, ctx);
	mk_phys_free(phys);
	remove_dir(dir);
}
