/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of hibernation files share. */
#ifndef UNIT_HIBR_H
#define UNIT_HIBR_H

#include "base/bytes.h"
#include "image/image.h"
#include "lib/mkfmt-list.h"
#include "unit/unit.h"

#include <string.h>

/* 700 pages in two runs: of zeros, noise and words. Not a multiple of 16. */
#define UNIT_HIBR_PAGES 700u

static inline MkPhys *unit_hibr_phys(void)
{
	MkPhys *phys = mk_phys_new(5);
	struct mk_random random = { 12 };

	mk_phys_add_ram(phys, 0, 150 * MK_PAGE_SIZE);
	mk_phys_add_ram(phys, 0x100000, 550 * MK_PAGE_SIZE);
	for (unsigned i = 0; i < UNIT_HIBR_PAGES; i++) {
		uint64_t pa = i < 150 ? i * MK_PAGE_SIZE :
					0x100000 + (i - 150) * MK_PAGE_SIZE;
		uint8_t page[MK_PAGE_SIZE];

		if (i % 7 == 3)
			continue;
		for (unsigned at = 0; at < MK_PAGE_SIZE; at++)
			page[at] = (uint8_t)(mk_random_next(&random) &
					     (i % 5 ? 0x13 : 0xff));
		mk_phys_write(phys, pa, page, sizeof page);
	}
	return phys;
}

/* A file in memory. */
struct unit_hibr {
	uint8_t *bytes;
	size_t len;
};

static inline struct unit_hibr unit_hibr_make(const MkPhys *phys,
					      const struct mk_writer *writer)
{
	static const struct mk_cpu cpu = { .cr0 = 0x80050033,
					   .cr3 = 0x1aa000,
					   .idt_base = 0x80b95400 };
	const struct mk_write_options options = { .cpus = &cpu, .n_cpus = 1 };
	char *dir = unit_dir_new();
	g_autofree char *path = g_build_filename(dir, "file", NULL);
	struct unit_hibr f;
	char *bytes;

	ck_assert(writer->write(phys, path, &options, NULL, NULL));
	ck_assert(g_file_get_contents(path, &bytes, &f.len, NULL));
	f.bytes = (uint8_t *)bytes;
	unit_dir_free(dir);
	return f;
}

static inline Image *unit_hibr_open(const struct unit_hibr *f, Log *log,
				    GError **error)
{
	return image_open_io(image_io_memory(f->bytes, f->len), "hiberfil.sys",
			     NULL, log, error);
}

/* Pages that have the right bytes; wrong ones must not be. */
static inline size_t unit_hibr_count(const Image *image, const MkPhys *phys)
{
	struct image_run run;
	uint64_t pa = 0;
	size_t n = 0;

	for (; image_runs_next(image->runs, pa, &run); pa = run.pa + run.len)
		for (uint64_t at = 0; at < run.len; at += MK_PAGE_SIZE) {
			uint8_t got[MK_PAGE_SIZE], want[MK_PAGE_SIZE];

			if (!image_io_read(image_data(image), run.off + at, got,
					   sizeof got))
				continue;
			mk_phys_read(phys, run.pa + at, want, sizeof want);
			ck_assert_msg(!memcmp(got, want, sizeof got),
				      "page 0x%lx", (long)(run.pa + at));
			n++;
		}
	return n;
}

static inline bool unit_hibr_logs(const Log *log, const char *words)
{
	g_autofree char *text = log_text(log);

	return strstr(text, words) != NULL;
}

static inline void unit_hibr_put(struct unit_hibr *f, size_t at, uint64_t value,
				 size_t n)
{
	value = GUINT64_TO_LE(value);
	memcpy(f->bytes + at, &value, n);
}

#endif
