/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening hibernation files of XP to 7. */
#include "config.h"

#include <inttypes.h>

#include "image/hibr-priv.h"

enum {
	LENGTH_SELF = 0xc,
	BLOCK_PAGES = 1024,  /* in which the first block must be */
	X86_SPECIAL = 0x2cc, /* where a processor's state has the registers */
	MACHINE_X86 = 0x14c,
	MACHINE_X64 = 0x8664,
};

/* Are these the control registers of a machine with paging on? */
static bool good_registers(uint64_t cr0, uint64_t cr3)
{
	return (cr0 & 0x80000001u) == 0x80000001u && cr0 >> 32 == 0 && cr3 &&
	       cr3 < PHYS_ADDR_END && !(cr3 & 7);
}

static bool read_state(struct hibr_opening *o, bool is64, uint64_t page)
{
	uint8_t bytes[PAGE_SIZE_4K];
	const uint8_t *p = bytes + (is64 ? 0 : X86_SPECIAL);
	struct image_cpu cpu = { 0 };
	uint64_t cr0;

	if (!image_io_read(o->image->io, page << PAGE_SHIFT_4K, bytes,
			   sizeof bytes))
		return false;
	cr0 = is64 ? load_le64(p) : load_le32(p);
	cpu.cr3 = is64 ? load_le64(p + 0x10) : load_le32(p + 8);
	cpu.idt_base = is64 ? load_le64(p + 0x68) : load_le32(p + 0x34);
	if (!good_registers(cr0, cpu.cr3))
		return false;
	g_array_append_val(o->image->cpus, cpu);
	return true;
}

/* On the page where this Windows has it, or near by. */
static void find_state(struct hibr_opening *o,
		       const struct hibr_table_form *form)
{
	if (read_state(o, form->is64, form->state_page))
		return;
	for (uint64_t page = 1; page < 6; page++)
		if (read_state(o, form->is64, page))
			return;
	log_add(o->log, LOG_INFO, "image",
		"hibernation: the state of the processor is not where it"
		" should be");
}

static uint64_t table_of(const struct hibr_opening *o,
			 const struct hibr_table_form *form)
{
	return hibr_get(o, form->is64, form->first_table);
}

/* The form of the tables, and the page of the first; by the header. */
static const struct hibr_table_form *
form_by_header(const struct hibr_opening *o, uint64_t *page)
{
	const uint32_t length = load_le32(o->header + LENGTH_SELF);
	const struct hibr_table_form *form, *damaged = NULL;

	for (form = hibr_table_forms; form->windows; form++) {
		*page = table_of(o, form);
		if (form->length_self == length &&
		    hibr_table_fits(o->image->io, form, *page))
			return form;
	}
	for (form = hibr_table_forms; form->windows; form++) {
		*page = table_of(o, form);
		if (hibr_table_plausible(o->image->io, form, *page))
			return form;
		/* The table is damaged; its blocks are where they should. */
		if (form->length_self == length && !damaged && *page &&
		    *page < HIBR_PFN_END &&
		    hibr_tables_find_block(o->image->io, *page + 1, *page + 2))
			damaged = form;
	}
	if (damaged)
		*page = table_of(o, damaged);
	return damaged;
}

/* Of a damaged table: a form of which most is there. */
static const struct hibr_table_form *form_by_part(const ImageIo *io,
						  uint64_t page)
{
	g_autofree struct hibr_table *table = g_new(struct hibr_table, 1);
	const struct hibr_table_form *form, *best = NULL;
	uint32_t most = 0, n;

	for (form = hibr_table_forms; form->windows; form++) {
		(void)hibr_table_read(io, form, page, table);
		n = hibr_table_most(table);
		if (n > most) {
			most = n;
			best = form;
		}
	}
	return best;
}

/* The same, by the first block that there is. */
static const struct hibr_table_form *
form_by_block(const struct hibr_opening *o, uint64_t *page)
{
	uint64_t block = hibr_tables_find_block(o->image->io, 2, BLOCK_PAGES);
	const struct hibr_table_form *form;

	if (!block)
		return NULL;
	*page = block - 1;
	for (form = hibr_table_forms; form->windows; form++)
		if (hibr_table_fits(o->image->io, form, *page))
			return form;
	for (form = hibr_table_forms; form->windows; form++)
		if (hibr_table_plausible(o->image->io, form, *page))
			return form;
	return form_by_part(o->image->io, *page);
}

static void log_tables(struct hibr_opening *o, const struct hibr_tables *t)
{
	hibr_log_losses(o, t->n_cut, t->n_missing, t->n_breaks, t->full);
	if (t->n_doubtful)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: %" PRIu64 " table(s) of pages are"
			" damaged: of their pages, those of which it is not"
			" certain where they belong are absent",
			t->n_doubtful);
	if (t->lost_table)
		log_add(o->log, LOG_WARN, "image",
			"hibernation: no table leads to the next one; it was"
			" searched behind the last data");
}

static bool open_tables(struct hibr_opening *o,
			const struct hibr_table_form *form, uint64_t page,
			GError **error)
{
	struct hibr_tables t;

	hibr_tables_init(&t, o->image->io, form);
	hibr_tables_follow(&t, page);
	log_tables(o, &t);
	if (!o->wiped)
		hibr_read_times(o, form->time);
	find_state(o, form);
	o->image->facts.machine = form->is64 ? MACHINE_X64 : MACHINE_X86;
	o->image->detail = g_strdup_printf(
		"Windows %s hibernation file, %d-bit, %" PRIu64
		" table(s), %" PRIu64 " block(s)",
		form->windows, form->is64 ? 64 : 32, t.n_tables, t.n_blocks);
	return hibr_use_index(o, t.index, 0, error);
}

bool hibr_try_tables(struct hibr_opening *o, bool *opened, GError **error)
{
	const struct hibr_table_form *form = NULL;
	const char *how = "where the header has it: the first table";
	uint64_t page;

	if (!o->wiped)
		form = form_by_header(o, &page);
	if (!form) {
		form = form_by_block(o, &page);
		how = "the first table";
	}
	if (!form)
		return false;
	if (o->wiped || form->length_self != load_le32(o->header + LENGTH_SELF))
		hibr_log_derived(o, form->windows, form->is64, how, page);
	*opened = open_tables(o, form, page, error);
	return true;
}
