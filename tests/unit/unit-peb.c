/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PEBs made by hand. */
#include "config.h"

#include "unit/unit-peb.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"

#define LEAF (MK_PTE_P | MK_PTE_W | MK_PTE_U | MK_PTE_A)

const struct peb_form wide = {
	8, 0x20, 0x10, 0x38, 0x60, 0x70, 0x80, 0x3f0,
};
const struct peb_form narrow = {
	4, 0x10, 0x8, 0x24, 0x38, 0x40, 0x48, 0x290,
};

void world_map(struct world *w, uint64_t va)
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

void put_int(struct world *w, uint64_t va, uint64_t v, size_t len)
{
	uint64_t le = GUINT64_TO_LE(v);

	put(w, va, &le, len);
}

/* ASCII as UTF-16. */
void put_chars(struct world *w, uint64_t va, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put_int(w, va + 2 * i, (uint8_t)text[i], 2);
}

/* A UNICODE_STRING and its characters. */
static void put_string(struct world *w, const struct peb_form *f, uint64_t va,
		       const char *text)
{
	size_t len = strlen(text);

	put_int(w, va, 2 * len, 2);
	put_int(w, va + 2, 2 * len + 2, 2);
	put_int(w, va + f->pointer, TEXTS + w->text_at, f->pointer);
	put_chars(w, TEXTS + w->text_at, text, len);
	w->text_at += (uint32_t)(2 * len + 2);
}

void put_block(struct world *w, const struct peb_form *f, uint64_t peb,
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

void world_start(struct world *w, enum kind kind)
{
	const struct peb_form *f = kind == NARROW ? &narrow : &wide;
	static const uint64_t pages[] = {
		PEB, PEB32, BLOCK, BLOCK32, ENVIRON, ENVIRON + 0x1000, TEXTS,
	};

	*w = (struct world){ .process = { .peb = VIRT(PEB) } };
	w->phys = mk_phys_new(1);
	mk_phys_add_ram(w->phys, 0, 8 * MIB);
	w->paging = mk_paging_new(w->phys, kind == NARROW ? MK_MODE_PAE :
							    MK_MODE_AMD64, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(pages); i++)
		world_map(w, pages[i]);
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

struct nt_params world_params(struct world *w)
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

void world_stop(struct world *w, struct nt_params *p)
{
	nt_params_clear(p);
	unit_mem_clear(&w->mem);
	mk_paging_free(w->paging);
	mk_phys_free(w->phys);
}
