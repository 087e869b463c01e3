/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Evidence: finding the kernel's debugger block by all means. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "nt/evidence-priv.h"

/* How far an image is searched where its header does not tell its size; its
 * base is then a guess. */
#define IMAGE_BYTES (32 * MIB)

/* A list head whose neighbours (one of them at least) point back. */
static bool is_ring(const struct gather *g, uint64_t va)
{
	const struct addr_space *as = &g->k->as;
	unsigned n = g->pointer_bytes;
	uint64_t flink, blink, back;

	if (!nt_pointer_at(as, n, VIRT(va), &flink) ||
	    !nt_pointer_at(as, n, VIRT(va + n), &blink) || flink == va)
		return false;
	return (nt_is_kernel_address(as, flink) &&
		nt_pointer_at(as, n, VIRT(flink + n), &back) && back == va) ||
	       (nt_is_kernel_address(as, blink) &&
		nt_pointer_at(as, n, VIRT(blink), &back) && back == va);
}

/* Is the object that a list entry lies in a process? */
static bool is_process_entry(const struct gather *g, uint64_t entry)
{
	const struct nt_profile *p = &g->k->profile;
	struct nt_process process;
	bool ok;

	if (!nt_is_kernel_address(&g->k->as, entry) ||
	    !nt_process_read(&g->k->as, p, VIRT(entry - p->eprocess.links),
			     &process))
		return false;
	ok = nt_process_plausible(&g->k->as, p, &process);
	nt_process_clear(&process);
	return ok;
}

bool nt_evidence_is_process_list(const struct gather *g, uint64_t va)
{
	unsigned n = g->pointer_bytes;
	uint64_t flink = 0, blink = 0;

	if (!va || !is_ring(g, va))
		return false;
	if (!g->k->has_profile)
		return true;
	(void)nt_pointer_at(&g->k->as, n, VIRT(va), &flink);
	(void)nt_pointer_at(&g->k->as, n, VIRT(va + n), &blink);
	return is_process_entry(g, flink) || is_process_entry(g, blink);
}

static bool found(struct gather *g, const struct nt_kdbg *kdbg,
		  const char *how)
{
	g->k->kdbg = *kdbg;
	g->k->kdbg.how = how;
	return true;
}

static bool symbol_u64(const NtKernel *k, const char *name, uint64_t *ret)
{
	VirtAddr va;

	return nt_kimage_symbol(&k->as, &k->image, name, &va) &&
	       nt_pointer_at(&k->as, 8, va, ret);
}

static bool read_key(const NtKernel *k, struct nt_kdbg_key *key)
{
	return symbol_u64(k, "KiWaitNever", &key->wait_never) &&
	       symbol_u64(k, "KiWaitAlways", &key->wait_always) &&
	       nt_kimage_symbol(&k->as, &k->image, "KdpDataBlockEncoded",
				&key->flag);
}

/* Plain or encoded, at an address that is said to have one. */
static bool block_at(struct gather *g, VirtAddr va, const char *how)
{
	const NtKernel *k = g->k;
	struct nt_kdbg_key key;
	struct nt_kdbg kdbg;

	if (!va.v)
		return false;
	if (nt_kdbg_read(&k->as, g->pointer_bytes, va, &kdbg))
		return found(g, &kdbg, how);
	if (g->pointer_bytes != 8)
		return false;
	if (k->has_image && read_key(k, &key) &&
	    nt_kdbg_decode(&k->as, va, &key, &kdbg))
		return found(g, &kdbg, how);
	return k->has_image &&
	       nt_kdbg_decode_by_base(&k->as, va, k->image.base, &kdbg) &&
	       found(g, &kdbg, how);
}

/* KdVersionBlock by its symbol, else as a processor's _KPCR has it. */
static bool version_at(struct gather *g, VirtAddr va, const char *how)
{
	struct nt_kdbg kdbg;

	if (!nt_version_block_read(&g->k->as, g->pointer_bytes, va,
				   &g->version))
		return false;
	g->has_version = true;
	return nt_kdbg_by_version(&g->k->as, g->pointer_bytes, &g->version,
				  &kdbg) &&
	       found(g, &kdbg, how);
}

static bool by_version_symbol(struct gather *g)
{
	VirtAddr va;

	return g->k->has_image &&
	       nt_kimage_symbol(&g->k->as, &g->k->image, "KdVersionBlock",
				&va) &&
	       version_at(g, va, "KdVersionBlock");
}

static bool by_cpus(struct gather *g)
{
	const struct nt_cpu_layout *l = &g->k->profile.cpu;

	for (guint i = 0; i < g->k->cpus->len; i++) {
		const struct nt_cpu *cpu =
			&g_array_index(g->k->cpus, struct nt_cpu, i);
		struct nt_object pcr = { &g->k->as, g->pointer_bytes,
					 VIRT(cpu->prcb.v - l->prcb) };
		uint64_t va;

		if (l->prcb != NT_ABSENT &&
		    nt_member_pointer(&pcr, l->version_block, &va) &&
		    nt_is_kernel_address(&g->k->as, va) &&
		    version_at(g, VIRT(va), "KdVersionBlock of a KPCR"))
			return true;
	}
	return false;
}

static bool by_search(struct gather *g)
{
	const struct nt_kimage *i = &g->k->image;
	struct nt_kdbg kdbg;

	return g->k->has_image &&
	       nt_kdbg_find_in_image(&g->k->as, g->pointer_bytes, i->base,
				     i->has_pe ? i->pe.size : IMAGE_BYTES,
				     i->base_certain, &kdbg) &&
	       found(g, &kdbg, "search of the kernel's image");
}

/* Without an image: all that is mapped where kernels are. */
static bool by_area(struct gather *g)
{
	NtKernel *k = g->k;
	struct nt_kdbg kdbg;

	if (k->has_image || !k->has_system ||
	    !nt_kdbg_find_in_area(&k->as, g->pointer_bytes, &kdbg) ||
	    !nt_evidence_is_process_list(g, kdbg.active_head))
		return false;
	return found(g, &kdbg, "search of the kernel's area");
}

/* Where there is no image, the block tells where that is. */
static void take_base(struct gather *g)
{
	NtKernel *k = g->k;
	uint64_t base = k->kdbg.kern_base;

	if (k->has_image || !k->has_system || !base ||
	    !nt_evidence_is_process_list(g, k->kdbg.active_head))
		return;
	nt_kimage_at(&k->as, VIRT(base), &k->image);
	k->image.how = "KDBG";
	k->has_image = true;
	log_add(g->log, LOG_INFO, "evidence", "kernel base " PRIADDR
		" by KDBG: there is no header", base);
}

void nt_evidence_find_kdbg(struct gather *g)
{
	struct nt_var *var = &g->k->vars[NT_KD_DEBUGGER_DATA_BLOCK];
	bool known = g->k->kdbg.va.v != 0;
	bool by_version = !known && by_version_symbol(g);

	/* The symbol is the better witness where both lead to one. */
	if (!known && !block_at(g, var->va, "symbol") && !by_version &&
	    !block_at(g, VIRT(g->image->facts.kdbg), "container") &&
	    !by_cpus(g) && !by_search(g) && !by_area(g)) {
		log_add(g->log, LOG_INFO, "evidence",
			"no debugger block (KDBG) was found");
		return;
	}
	take_base(g);
	if (!var->va.v)
		*var = (struct nt_var){ g->k->kdbg.va, g->k->kdbg.how };
	log_add(g->log, LOG_INFO, "evidence",
		"KDBG at " PRIADDR " (%s), by %s", g->k->kdbg.va.v,
		g->k->kdbg.encoded ? "encoded" : "plain", g->k->kdbg.how);
}

bool nt_evidence_search_kdbg(struct gather *g)
{
	return block_at(g, g->k->vars[NT_KD_DEBUGGER_DATA_BLOCK].va,
			"symbol") ||
	       by_search(g);
}
