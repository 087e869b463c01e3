/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the machine has the memory that a migration stream has by the names of
 * its blocks. Sources: QEMU hw/i386/pc_piix.c, pc_q35.c, microvm.c (where the
 * memory is split around the devices below 4 GiB), hw/arm/virt.c.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "image/qevm.h"

/* Behind the path that canonical names have: "/objects/pc.ram". */
static const char *base_name(const char *name)
{
	return g_str_has_prefix(name, "/objects/") ? name + 9 : name;
}

/* The number of a block of memory of a NUMA node as libvirt calls it; -1: it
 * is none. */
static long node_number(const char *name)
{
	long number;
	char *end;

	name = base_name(name);
	if (!g_str_has_prefix(name, "ram-node") ||
	    !g_ascii_isdigit(name[8]))
		return -1;
	number = strtol(name + 8, &end, 10);
	return *end || number > QEVM_BLOCKS_MAX ? -1 : number;
}

/* Is it called as the memory of a machine is where nobody gave it a name? */
static bool is_named_ram(const char *name)
{
	name = base_name(name);
	return !strcmp(name, "pc.ram") || !strcmp(name, "mach-virt.ram") ||
	       !strcmp(name, "microvm.ram");
}

static bool is_firmware_or_device(const char *name)
{
	static const char *const words[] = { "rom", "bios", "vga", "vram",
					     "flash", "tables", "rsdp",
					     "loader", "tpm", "acpi" };

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strstr(name, words[i]))
			return true;
	return false;
}

static bool want_named(struct qevm *q)
{
	for (guint i = 0; i < q->blocks->len; i++) {
		struct qevm_block *block = qevm_block(q, i);

		block->wanted = is_named_ram(block->name);
		if (block->wanted)
			return true;
	}
	return false;
}

static bool want_nodes(struct qevm *q)
{
	bool any = false;

	for (guint i = 0; i < q->blocks->len; i++) {
		struct qevm_block *block = qevm_block(q, i);

		block->wanted = node_number(block->name) >= 0;
		any = any || block->wanted;
	}
	return any;
}

/* memory-backend= gives it any name: then it is the largest one. */
void qevm_choose_blocks(struct qevm *q)
{
	struct qevm_block *largest = NULL;

	if (want_named(q) || want_nodes(q))
		return;
	for (guint i = 0; i < q->blocks->len; i++) {
		struct qevm_block *block = qevm_block(q, i);

		if (!is_firmware_or_device(block->name) &&
		    (!largest || block->size > largest->size))
			largest = block;
	}
	if (largest)
		largest->wanted = true;
}

/* How much of ram_size bytes a PC has below 4 GiB. What max-ram-below-4g= says
 * is in no stream. */
static uint64_t pc_below_4g(const char *machine, uint64_t ram_size)
{
	/* Before 2.0 no heed was taken of pages of 1 GiB. */
	bool old = g_str_has_prefix(machine, "pc-0.") ||
		   g_str_has_prefix(machine, "pc-1.") ||
		   g_str_has_prefix(machine, "pc-i440fx-1.") ||
		   g_str_has_prefix(machine, "pc-q35-1.");

	if (strstr(machine, "q35"))
		return ram_size >= 0xb0000000 && !old ? 0x80000000 :
							0xb0000000;
	if (g_str_has_prefix(machine, "microvm"))
		return 0xc0000000;
	return ram_size >= 0xe0000000 && !old ? 0xc0000000 : 0xe0000000;
}

/* Memory of the machine from `from` on is at pa, up to the next stretch. */
struct stretch {
	uint64_t from, to, pa;
};

struct placing {
	struct stretch stretches[2];
	ImageRuns *runs;
	uint64_t data_size;
};

static bool is_virt(const struct qevm *q)
{
	if (g_str_has_prefix(q->machine, "virt"))
		return true;
	for (guint i = 0; i < q->blocks->len && !*q->machine; i++)
		if (!strcmp(base_name(qevm_block(q, i)->name),
			    "mach-virt.ram"))
			return true;
	return false;
}

static void find_stretches(const struct qevm *q, uint64_t ram_size,
			   struct placing *placing)
{
	struct stretch *s = placing->stretches;
	uint64_t below;

	s[0] = (struct stretch){ 0, UINT64_MAX, GIB };
	s[1] = (struct stretch){ UINT64_MAX, UINT64_MAX, 0 };
	if (is_virt(q))
		return;
	below = pc_below_4g(q->machine, ram_size);
	s[0] = (struct stretch){ 0, below, 0 };
	s[1] = (struct stretch){ below, UINT64_MAX, 4 * GIB };
}

/* Bytes of the data from `off` on are memory of the machine from `at` on. */
static void place(const struct placing *placing, uint64_t at, uint64_t off,
		  uint64_t len)
{
	for (size_t i = 0; i < G_N_ELEMENTS(placing->stretches); i++) {
		const struct stretch *s = &placing->stretches[i];
		uint64_t from = MAX(at, s->from), to = MIN(at + len, s->to);

		if (from < to)
			image_runs_add(placing->runs, s->pa + (from - s->from),
				       to - from, off + (from - at),
				       placing->data_size);
	}
}

/* The pages of block i that there are; the block begins at `at`. */
static void place_block(const struct qevm *q, const struct placing *placing,
			guint i, uint64_t at)
{
	uint64_t first = i * QEVM_BLOCK_UNITS, from = first, to = first;
	size_t n = overlay_count(q->pages);

	for (size_t k = overlay_find(q->pages, first); k < n; k++) {
		const struct overlay_piece *piece = overlay_get(q->pages, k);

		if (piece->start >= first + QEVM_BLOCK_UNITS)
			break;
		if (piece->start != to) {
			place(placing, at + (from - first) * PAGE_SIZE_4K,
			      from * PAGE_SIZE_4K, (to - from) * PAGE_SIZE_4K);
			from = piece->start;
		}
		to = piece->start + piece->n;
	}
	place(placing, at + (from - first) * PAGE_SIZE_4K, from * PAGE_SIZE_4K,
	      (to - from) * PAGE_SIZE_4K);
}

/* The wanted block with the lowest number of a node above `after`, or -1. */
static long next_node(const struct qevm *q, long after, guint *at)
{
	long best = -1;

	for (guint i = 0; i < q->blocks->len; i++) {
		const struct qevm_block *block = qevm_block(q, i);
		long n = block->wanted ? node_number(block->name) : -1;

		if (n > after && (best < 0 || n < best)) {
			best = n;
			*at = i;
		}
	}
	return best;
}

static void log_blocks(const struct qevm *q, Log *log)
{
	for (guint i = 0; i < q->blocks->len; i++) {
		const struct qevm_block *block = qevm_block(q, i);
		g_autofree char *name = g_strescape(block->name, NULL);

		log_add(log, LOG_INFO, "qevm",
			"block \"%s\", %" PRIu64 " bytes: %s", name,
			block->size,
			block->wanted ? "memory of the machine" :
					"left out, of firmware or a device");
	}
}

void qevm_place(const struct qevm *q, ImageRuns *runs, Log *log)
{
	struct placing placing = {
		.runs = runs,
		.data_size = QEVM_BLOCKS_MAX * PHYS_ADDR_END,
	};
	uint64_t ram_size = 0, at = 0;
	guint block = 0;

	log_blocks(q, log);
	for (guint i = 0; i < q->blocks->len; i++)
		if (qevm_block(q, i)->wanted)
			ram_size += qevm_block(q, i)->size;
	find_stretches(q, ram_size, &placing);
	if (!*q->machine && ram_size > placing.stretches[0].to)
		log_add(log, LOG_WARN, "qevm",
			"the stream does not name its machine; where its"
			" memory is split around the devices below 4 GiB was"
			" taken to be 0x%" PRIx64, placing.stretches[0].to);
	for (long n = next_node(q, -1, &block); n >= 0;
	     n = next_node(q, n, &block)) {
		place_block(q, &placing, block, at);
		at += qevm_block(q, block)->size;
	}
	for (guint i = 0; i < q->blocks->len && !at; i++)
		if (qevm_block(q, i)->wanted)
			place_block(q, &placing, i, 0);
}
