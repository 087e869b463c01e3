/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Triage dumps: layout as docs/formats.md has it, "triage". */
#include "config.h"

#include "lib/mkfmt-triage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/mkwin-priv.h"

#define BUGCHECK 0xd1u
#define STAMP 0x5f0a1234u

struct maker {
	MkWin *win;
	GByteArray *out;
	struct mk_triage *t;
	bool is64;
	size_t head; /* where the triage header is */
};

static void set(struct maker *m, size_t at, uint64_t value, size_t len)
{
	const uint64_t word = GUINT64_TO_LE(value);

	memcpy(m->out->data + at, &word, len);
}

static void set_word(struct maker *m, size_t at, uint64_t value)
{
	set(m, at, value, m->is64 ? 8 : 4);
}

/* len zeros at the end, which begin at a multiple of 8. */
static size_t grow(struct maker *m, size_t len)
{
	const size_t at = (m->out->len + 7u) & ~(size_t)7;

	g_byte_array_set_size(m->out, (guint)(at + len));
	memset(m->out->data + at, 0, len);
	return at;
}

/* Kernel memory, as it is. */
static size_t copy(struct maker *m, uint64_t va, size_t len)
{
	const size_t at = grow(m, len);

	mk_kread(m->win, va, m->out->data + at, len);
	return at;
}

static void know(struct maker *m, uint64_t va, uint64_t len, size_t at)
{
	const struct mk_block block = {va, len, at};

	g_array_append_val(m->t->blocks, block);
}

static void set_head(struct maker *m, size_t member, uint64_t value)
{
	set(m, m->head + member, value, 4);
}

static void put_header(struct maker *m, const struct mk_dump *d)
{
	const bool is64 = m->is64;

	g_byte_array_set_size(m->out, is64 ? 0x2000 : 0x1000);
	for (size_t i = 0; i < m->out->len; i += 4)
		memcpy(m->out->data + i, "PAGE", 4);
	memcpy(m->out->data + 4, is64 ? "DU64" : "DUMP", 4);
	set(m, 8, 0xf, 4);
	set(m, 0xc, m->win->kernel.build, 4);
	set_word(m, 0x10, d->dtb);
	set_word(m, is64 ? 0x20 : 0x18, d->module_list);
	set_word(m, is64 ? 0x28 : 0x1c, d->active_head);
	set(m, is64 ? 0x30 : 0x20, d->machine, 4);
	set(m, is64 ? 0x34 : 0x24, d->processors, 4);
	set(m, is64 ? 0x38 : 0x28, m->t->bugcheck, 4);
	for (size_t i = 0; i < 4; i++)
		set_word(m, is64 ? 0x40 + 8 * i : 0x2c + 4 * i,
			 m->t->params[i]);
	set_word(m, is64 ? 0x80 : 0x60, d->kdbg);
	set(m, is64 ? 0xf98 : 0xf88, 4, 4);
	set(m, is64 ? 0x1030 : 0xfb8, UINT64_C(36000000000), 8);
	set(m, is64 ? 0x1038 : 0xf8c, 0xfff, 4);
	set(m, is64 ? 0x1040 : 0xf94, 1, 4);
	set(m, is64 ? 0xfa8 : 0xfc0, d->time, 8);
	if (!is64)
		m->out->data[0x5c] = d->pae;
	m->head = m->out->len;
	grow(m, is64 ? 0x80 : 0x68);
}

/* The crashed processor is the last one. */
static void choose(struct maker *m)
{
	MkWin *win = m->win;
	struct mk_triage *t = m->t;
	const struct mk_cpu *cpu = &win->cpus[win->n_cpus - 1];

	t->processor = (unsigned)win->n_cpus - 1;
	t->prcb = mk_kread_ptr(win, mk_symbol(win, "KiProcessorBlock") +
					    mk_pointer_bytes(win) *
						    t->processor);
	for (guint i = 0; i < win->procs->len; i++) {
		const MkProc *proc = g_ptr_array_index(win->procs, i);

		if (!proc->thread || (proc->info.dtb_raw != cpu->cr3))
			continue;
		t->process = &proc->info;
		t->thread = proc->thread;
	}
	t->rip = cpu->rip;
	t->rsp = cpu->rsp;
	t->bugcheck = BUGCHECK;
	for (size_t i = 0; i < 4; i++)
		t->params[i] = (t->rip + i) & (m->is64 ? UINT64_MAX :
							 UINT32_MAX);
}

static void put_context(struct maker *m)
{
	const bool arm = m->win->mode == MK_MODE_ARM64;
	size_t at = m->is64 ? 0x348 : 0x320;

	/* In the header, as Windows does it; or apart. */
	if (arm)
		at = grow(m, 0x390);
	else
		memset(m->out->data + at, 0, m->is64 ? 0x4d0 : 0x2cc);
	set_head(m, 0xc, at);
	set_word(m, at + (arm ? 0x108 : m->is64 ? 0xf8 : 0xb8), m->t->rip);
	set_word(m, at + (arm ? 0x100 : m->is64 ? 0x98 : 0xc4), m->t->rsp);
	set_head(m, 0x10, m->is64 ? 0xf00 : 0x7d0);
}

/* What ARM64 layouts do not tell is where the thread is, and the number. */
static void put_structures(struct maker *m)
{
	const size_t prcb_len = m->is64 ? 0x1000 : 0x800;
	const size_t process_len = mk_type_size(m->win, "_EPROCESS");
	const size_t thread_len = mk_ethread_size(m->win);
	size_t at = copy(m, m->t->prcb, prcb_len);

	if (!mk_has(m->win, "_KPRCB.CurrentThread")) {
		set_word(m, at + 8, m->t->thread);
		set(m, at + 0x24, m->t->processor, 4);
	}
	set_head(m, 0x1c, at);
	know(m, m->t->prcb, (prcb_len + 7) & ~(size_t)7, at);
	at = copy(m, m->t->process->eprocess, process_len);
	set_head(m, 0x20, at);
	know(m, m->t->process->eprocess, process_len, at);
	at = copy(m, m->t->thread, thread_len);
	set_head(m, 0x24, at);
	know(m, m->t->thread, thread_len, at);
}

static void put_stack(struct maker *m)
{
	const uint64_t base = (m->t->rsp - 0x40) & ~UINT64_C(7);
	const size_t len = 0x80, at = copy(m, base, len);

	set_head(m, 0x28, at);
	set_head(m, 0x2c, len);
	set_word(m, m->head + 0x48, base);
	know(m, base, len, at);
}

/* DUMP_STRING */
static size_t put_string(struct maker *m, const char *text)
{
	glong n;
	g_autofree gunichar2 *chars = g_utf8_to_utf16(text, -1, NULL, &n, NULL);
	const size_t at = grow(m, 4 + 2 * (size_t)n + 2);

	set(m, at, (uint64_t)n, 4);
	for (glong i = 0; i < n; i++)
		set(m, at + 4 + 2 * (size_t)i, chars[i], 2);
	return at;
}

static void add_driver(struct maker *m, const char *name, uint64_t base,
		       uint64_t size, uint32_t timestamp, bool unloaded)
{
	const struct mk_driver d = {name, base, size, timestamp, unloaded};

	g_array_append_val(m->t->drivers, d);
}

static void choose_drivers(struct maker *m)
{
	const struct mk_kernel *k = &m->win->kernel;
	const uint64_t next = (k->base + k->size + 0x1fffff) &
			      ~UINT64_C(0x1fffff);

	add_driver(m, "ntoskrnl.exe", k->base, k->size, m->win->timestamp,
		   false);
	add_driver(m, "hal.dll", next, 0x8000, STAMP, false);
	add_driver(m, "\\SystemRoot\\odd dr\xc3\xadver\n.sys", next + 0x10000,
		   0x3000, STAMP + 1, false);
	add_driver(m, "dump_stor.sys", next + 0x20000, 0x5000, 0, true);
	add_driver(m, "crash.sys", next + 0x30000, 0x1000, 0, true);
}

static void put_drivers(struct maker *m)
{
	const size_t entry = m->is64 ? 0x90 : 0x4c, n = 3;
	const size_t list = grow(m, n * entry);
	size_t strings = 0;

	set_head(m, 0x30, list);
	set_head(m, 0x34, n);
	for (size_t i = 0; i < n; i++) {
		const struct mk_driver *d =
			&g_array_index(m->t->drivers, struct mk_driver, i);
		const size_t at = list + i * entry;
		const size_t name = put_string(m, d->name);

		if (!strings)
			strings = name;
		set(m, at, name, 4);
		set_word(m, at + (m->is64 ? 0x38 : 0x1c), d->base);
		set(m, at + (m->is64 ? 0x48 : 0x24), d->size, 4);
		set(m, at + (m->is64 ? 0x88 : 0x48), d->timestamp, 4);
	}
	set_head(m, 0x38, strings);
	set_head(m, 0x3c, m->out->len - strings);
}

/* The first 12 characters of each name. */
static void put_unloaded(struct maker *m)
{
	const size_t word = m->is64 ? 8 : 4, entry = 4 * word + 24;
	size_t at = grow(m, word + 3 * entry); /* the last is empty */

	set_head(m, 0x18, at);
	set(m, at, 3, 4);
	at += word;
	for (guint i = 3; i < m->t->drivers->len; i++, at += entry) {
		const struct mk_driver *d =
			&g_array_index(m->t->drivers, struct mk_driver, i);
		const size_t n = strlen(d->name);

		set(m, at, 2 * n, 2);
		set(m, at + 2, 2 * n + 2, 2);
		for (size_t k = 0; k < MIN(n, 12); k++)
			set(m, at + 2 * word + 2 * k, (uint8_t)d->name[k], 2);
		set_word(m, at + 2 * word + 24, d->base);
		set_word(m, at + 3 * word + 24, d->base + d->size);
	}
}

static void put_kdbg(struct maker *m)
{
	const uint64_t va = m->win->kernel.kdbg;
	const size_t len = (uint32_t)(mk_kread64(m->win, va + 0x10) >> 32);
	const size_t at = copy(m, va, len);
	uint32_t field;

	if (!mk_has(m->win, "_KPRCB.CurrentThread") &&
	    kdbg_field("OffsetPrcbCurrentThread", &field))
		set(m, at + field, 8, 2);
	if (!mk_has(m->win, "_KPRCB.Number") &&
	    kdbg_field("OffsetPrcbNumber", &field))
		set(m, at + field, 0x24, 2);
	set_word(m, m->is64 ? 0x80 : 0x60, m->win->kernel.kdbg);
	set_head(m, m->is64 ? 0x70 : 0x58, at);
	set_head(m, m->is64 ? 0x74 : 0x5c, len);
	know(m, m->win->kernel.kdbg, len, at);
}

static void put_data_page(struct maker *m)
{
	const uint64_t va = m->win->kernel.base + 0x1000;
	const size_t at = copy(m, va, MK_PAGE_SIZE);

	set_word(m, m->head + (m->is64 ? 0x60 : 0x4c), va);
	set_head(m, m->is64 ? 0x68 : 0x50, at);
	set_head(m, m->is64 ? 0x6c : 0x54, MK_PAGE_SIZE);
	know(m, va, MK_PAGE_SIZE, at);
}

/* A piece of a page of the process, from its middle. */
static void user_block(struct maker *m, struct mk_block *ret)
{
	const GArray *pages = m->t->process->pages;

	for (guint i = 0; i < pages->len; i++) {
		const struct mk_page *p =
			&g_array_index(pages, struct mk_page, i);

		if (p->state != MK_STATE_VALID || p->pa == MK_NO_PA)
			continue;
		*ret = (struct mk_block){p->va + 0x7f1, 0x123, grow(m, 0x123)};
		mk_phys_read(m->win->phys, p->pa + 0x7f1,
			     m->out->data + ret->off, 0x123);
		return;
	}
}

static void put_blocks(struct maker *m)
{
	const unsigned word = mk_pointer_bytes(m->win);
	const uint64_t base = m->win->kernel.base;
	struct mk_block blocks[] = {
		{base + 0x2103, 0x101, 0},
		{base + 0x2183, 0x90, 0}, /* goes on behind the first */
		{mk_symbol(m->win, "KiProcessorBlock"), 4 * word, 0},
		{mk_symbol(m->win, "MmHighestUserAddress"), word, 0},
		{mk_kuser_va(m->win), 0x800, 0},
		{0, 0, 0},
	};
	size_t table = grow(m, sizeof blocks / sizeof blocks[0] * 16);

	set_head(m, m->is64 ? 0x78 : 0x60, table);
	set_head(m, m->is64 ? 0x7c : 0x64, G_N_ELEMENTS(blocks));
	for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++, table += 16) {
		struct mk_block *b = &blocks[i];

		if (b->len)
			b->off = copy(m, b->va, b->len);
		else
			user_block(m, b);
		g_array_append_val(m->t->blocks, *b);
		/* Those of 32 bits are sign-extended. */
		set(m, table,
		    m->is64 ? b->va : (uint64_t)(int64_t)(int32_t)b->va, 8);
		set(m, table + 8, b->off, 4);
		set(m, table + 12, b->len, 4);
	}
	m->t->n_blocks = m->t->blocks->len;
}

static void put_end(struct maker *m)
{
	const size_t at = grow(m, 4);

	memcpy(m->out->data + at, "TRGD", 4);
	set_head(m, 8, at);
	set_head(m, 4, m->out->len);
	set_head(m, 0, 0x1db1);
}

GByteArray *mk_triage_make(MkWin *win, struct mk_triage *ret)
{
	struct maker m = {.win = win, .t = ret, .is64 = !mk_is_32bit(win)};
	struct mk_dump dump;

	*ret = (struct mk_triage){0};
	ret->blocks = g_array_new(FALSE, FALSE, sizeof(struct mk_block));
	ret->drivers = g_array_new(FALSE, FALSE, sizeof(struct mk_driver));
	m.out = g_byte_array_new();
	mk_win_dump(win, &dump);
	choose(&m);
	choose_drivers(&m);
	put_header(&m, &dump);
	put_context(&m);
	put_blocks(&m);
	put_unloaded(&m);
	put_structures(&m);
	put_stack(&m);
	put_drivers(&m);
	put_data_page(&m);
	put_kdbg(&m);
	put_end(&m);
	return m.out;
}

void mk_triage_clear(struct mk_triage *triage)
{
	g_array_unref(triage->blocks);
	g_array_unref(triage->drivers);
}

static void put_truth(FILE *out, const struct mk_triage *t)
{
	fprintf(out,
		"triage\t0x%" PRIx64 "\t0x%" PRIx64 "\t0x%" PRIx64 "\t%u\t0x%"
		PRIx64 "\t0x%" PRIx64 "\t0x%x\n",
		t->process->eprocess, t->thread, t->prcb, t->processor, t->rip,
		t->rsp, t->bugcheck);
	for (guint i = 0; i < t->blocks->len; i++) {
		const struct mk_block *b =
			&g_array_index(t->blocks, struct mk_block, i);

		fprintf(out, "block\t0x%" PRIx64 "\t0x%" PRIx64 "\t0x%" PRIx64
			"\n", b->va, b->len, b->off);
	}
	for (guint i = 0; i < t->drivers->len; i++) {
		const struct mk_driver *d =
			&g_array_index(t->drivers, struct mk_driver, i);
		g_autofree char *name = g_strescape(d->name, NULL);

		fprintf(out, "driver\t0x%" PRIx64 "\t0x%" PRIx64 "\t0x%x\t%d"
			"\t%s\n",
			d->base, d->size, d->timestamp, d->unloaded, name);
	}
}

bool mk_triage_write(MkWin *win, const char *path, const char *truth,
		     GError **error)
{
	struct mk_triage t;
	g_autoptr(GByteArray) bytes = mk_triage_make(win, &t);
	bool ok = g_file_set_contents(path, (const char *)bytes->data,
				      (gssize)bytes->len, error);
	FILE *out = ok && truth ? fopen(truth, "a") : NULL;

	if (out) {
		put_truth(out, &t);
		ok = fclose(out) == 0;
	}
	mk_triage_clear(&t);
	return ok;
}
