/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Triage dumps: their facts as those of a kernel. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "nt/cpus.h"
#include "nt/identify.h"
#include "nt/kdbg-priv.h"
#include "nt/machine.h"
#include "nt/symload.h"
#include "nt/triage.h"

enum { WAIT_LIST = 8 };

struct dump {
	const Image *image;
	const struct image_triage *t;
	NtKernel *k;
	Log *log;
	unsigned pointer_bytes;
	struct nt_cpu cpu; /* that crashed */
	bool number_known; /* its */
};

/* --- the address space --- */

/* Is there an address that only 5-level paging has? */
static bool has_wide_address(const struct image_triage *t)
{
	for (guint i = 0; i < t->ranges->len; i++) {
		uint64_t va = g_array_index(t->ranges, struct image_virtual,
					    i).va;

		if (va >> 63 && !virt_is_canonical(va, 48) &&
		    virt_is_canonical(va, 57))
			return true;
	}
	return false;
}

/* Only the width of its addresses counts, and which machine it is. */
static const struct paging_form *form_of(const Image *image)
{
	const struct image_triage *t = image->triage;

	if (!t->is64)
		return t->pae ? &paging_pae : &paging_x86;
	if (image->facts.machine == nt_machine_of(&paging_arm64)->pe_machine)
		return &paging_arm64;
	return has_wide_address(t) ? &paging_la57 : &paging_amd64;
}

static DirectMap *make_map(const Image *image, const struct paging_form *form)
{
	const GArray *ranges = image->triage->ranges;
	DirectMap *map = direct_map_new(image->io, form->va_bits);

	for (guint i = 0; i < ranges->len; i++) {
		struct image_virtual v =
			g_array_index(ranges, struct image_virtual, i);

		direct_map_add(map, v.va, v.len, v.off);
	}
	direct_map_finish(map);
	return map;
}

static NtKernel *kernel_new(const PhysMem *pm, const Image *image)
{
	NtKernel *k = g_new0(NtKernel, 1);

	k->as.pm = pm;
	k->as.form = form_of(image);
	k->as.root = PHYS(image->facts.dtb);
	k->direct = make_map(image, k->as.form);
	k->as.direct = k->direct;
	k->dtb_source = "header of the dump; its page tables are not there";
	k->cpus = g_array_new(FALSE, TRUE, sizeof(struct nt_cpu));
	k->n_processors = image->facts.processors;
	return k;
}

/* --- the kernel --- */

/* The block as it is in the dump. What it was linked in is not there, so the
 * links count for nothing. */
static bool read_kdbg(const struct dump *d, VirtAddr va, struct nt_kdbg *ret)
{
	const struct addr_space *as = &d->k->as;
	uint8_t bytes[KDBG_BYTES];
	size_t n = nt_kdbg_bytes(as, va, bytes);

	if (n < KDBG_HEAD_BYTES)
		return false;
	memcpy(bytes, bytes + KDBG_BASE_AT, 8);
	memcpy(bytes + 8, bytes + KDBG_BASE_AT, 8);
	if (!nt_kdbg_parse(as, d->pointer_bytes, bytes, n, ret))
		return false;
	ret->va = va;
	return true;
}

static bool find_kdbg(struct dump *d)
{
	NtKernel *k = d->k;
	VirtAddr va = VIRT(d->image->facts.kdbg);

	if (!va.v)
		return false;
	if (!read_kdbg(d, va, &k->kdbg) &&
	    !(d->pointer_bytes == 8 && k->has_image &&
	      nt_kdbg_decode_by_base(&k->as, va, k->image.base, &k->kdbg)))
		return false;
	k->kdbg.how = "header of the dump";
	k->vars[NT_KD_DEBUGGER_DATA_BLOCK] = (struct nt_var){ va, "dump" };
	k->vars[NT_MM_HIGHEST_USER_ADDRESS] = (struct nt_var){
		VIRT(k->kdbg.highest_user), "KDBG"
	};
	return true;
}

static bool is_kernel_name(const char *name)
{
	static const char *const names[] = { "ntoskrnl.exe", "ntkrnlmp.exe",
					     "ntkrnlpa.exe", "ntkrpamp.exe",
					     "ntkrla57.exe" };
	const char *file = strrchr(name, '\\');

	file = file ? file + 1 : name;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (!g_ascii_strcasecmp(file, names[i]))
			return true;
	return false;
}

/* The kernel's entry: by its name, else the first, which it always is. */
static const struct image_module *kernel_module(const struct image_triage *t)
{
	for (guint i = 0; i < t->modules->len; i++) {
		const struct image_module *m =
			&g_array_index(t->modules, struct image_module, i);

		if (is_kernel_name(m->name))
			return m;
	}
	return t->modules->len ?
		       &g_array_index(t->modules, struct image_module, 0) :
		       NULL;
}

/* Where the kernel is, which one it is. */
static void find_image(struct dump *d, uint64_t hint)
{
	const struct image_module *m = kernel_module(d->t);
	NtKernel *k = d->k;
	struct nt_pe *pe = &k->image.pe;
	uint64_t base = m ? m->base : hint;

	if (!base)
		return;
	nt_kimage_at(&k->as, VIRT(base), &k->image);
	k->has_image = true;
	k->image.how = m ? "list of drivers of the dump" : "kernel_base=";
	if (!m || k->image.has_pe)
		return;
	pe->base = VIRT(base);
	pe->machine = nt_machine_of(k->as.form)->pe_machine;
	pe->timestamp = m->timestamp;
	pe->size = (uint32_t)m->size;
	k->image.has_pe = m->timestamp != 0;
	k->image.known = images_find(pe->timestamp, pe->size);
}

static void find_version(struct dump *d)
{
	const struct image_facts *f = &d->image->facts;
	const struct nt_image *known = d->k->image.known;
	NtKernel *k = d->k;

	k->build = f->os_minor & 0xffff;
	if (known && known->version)
		k->version = g_strdup(known->version);
	else if (k->kuser.valid && k->build)
		k->version = g_strdup_printf("%u.%u.%u", k->kuser.major,
					     k->kuser.minor, k->build);
}

/* --- the processor and what it ran --- */

static uint64_t read_pointer(const struct dump *d, struct image_part part,
			     uint32_t offset)
{
	uint8_t b[8] = { 0 };

	if (offset == NT_ABSENT || !range_fits(offset, d->pointer_bytes,
					       part.len) ||
	    !image_io_read(d->image->io, part.off + offset, b,
			   d->pointer_bytes))
		return 0;
	return load_le64(b);
}

static bool is_object(const struct dump *d, uint64_t va)
{
	return nt_is_kernel_address(&d->k->as, va) &&
	       va % d->pointer_bytes == 0;
}

/* Where a process or a thread was by its own word: nobody waits for it, so that
 * the list of who does (_DISPATCHER_HEADER.WaitListHead, at 8 in all symbol
 * tables) leads to itself. */
static uint64_t find_self(const struct dump *d, struct image_part part)
{
	uint64_t flink = read_pointer(d, part, WAIT_LIST);
	uint64_t blink = read_pointer(d, part, WAIT_LIST + d->pointer_bytes);

	return flink == blink && flink > WAIT_LIST ? flink - WAIT_LIST : 0;
}

/* KDBG's word is taken before the profile's. */
static uint32_t choose(uint16_t by_kdbg, uint32_t by_profile)
{
	return by_kdbg ? by_kdbg : by_profile;
}

/* A copy of a structure, where the structure was. */
static void place(struct dump *d, uint64_t va, struct image_part part,
		  uint16_t size)
{
	uint64_t len = size ? MIN(part.len, size) : part.len;

	if (va && part.len)
		direct_map_add(d->k->direct, va, len, part.off);
}

/* The entry of KiProcessorBlock that is of the processor, by its number. */
static uint64_t find_prcb(const struct dump *d)
{
	const NtKernel *k = d->k;
	uint64_t va, number = d->cpu.number;

	if (!k->kdbg.processor_block || !d->number_known ||
	    !nt_pointer_at(&k->as, d->pointer_bytes,
			   VIRT(k->kdbg.processor_block +
				number * d->pointer_bytes),
			   &va) ||
	    !is_object(d, va))
		return 0;
	return va;
}

/* Which processor it was: a byte in old kernels' KPRCB, where others follow
 * it. */
static void read_number(struct dump *d)
{
	const NtKernel *k = d->k;
	struct nt_field field = { .offset = k->kdbg.prcb_number };
	uint64_t end = k->n_processors ? k->n_processors : NT_CPUS_MAX;
	uint64_t word;

	if (!field.offset &&
	    !(k->has_profile && nt_source_field(&k->profile.source,
						"_KPRCB.Number", &field,
						NULL)))
		return;
	if (!range_fits(field.offset, d->pointer_bytes, d->t->prcb.len))
		return;
	word = read_pointer(d, d->t->prcb, field.offset) & UINT32_MAX;
	if (word >= end)
		word &= 0xff;
	d->number_known = word < end;
	if (d->number_known)
		d->cpu.number = (unsigned)word;
}

/*
 * The dump has copies of the KPRCB, its current thread and the process whose
 * memory that used, and not where they were: the first tells where the second
 * is, and that where the third.
 */
static void find_crashed(struct dump *d)
{
	const struct nt_kdbg *kdbg = &d->k->kdbg;
	const struct nt_profile *p = &d->k->profile;
	bool known = d->k->has_profile;
	uint64_t thread, process;

	thread = read_pointer(d, d->t->prcb,
			      choose(kdbg->prcb_current_thread,
				     known ? p->cpu.current_thread :
					     NT_ABSENT));
	process = read_pointer(d, d->t->thread,
			       choose(kdbg->kthread_apc_process,
				      known ? p->thread.apc_process :
					      NT_ABSENT));
	if (!is_object(d, thread))
		thread = find_self(d, d->t->thread);
	if (!is_object(d, process))
		process = find_self(d, d->t->process);
	read_number(d);
	d->cpu.container = -1;
	d->cpu.how = "dump";
	if (is_object(d, thread))
		d->cpu.thread = VIRT(thread);
	if (is_object(d, process))
		d->cpu.eprocess = d->cpu.attached = VIRT(process);
	d->cpu.prcb = VIRT(find_prcb(d));
	place(d, d->cpu.eprocess.v, d->t->process, kdbg->eprocess_size);
	place(d, d->cpu.thread.v, d->t->thread, kdbg->ethread_size);
	place(d, d->cpu.prcb.v, d->t->prcb, kdbg->prcb_size);
	direct_map_finish(d->k->direct);
	if (d->cpu.thread.v || d->cpu.eprocess.v)
		g_array_append_val(d->k->cpus, d->cpu);
}

/* --- the profile --- */

static bool is_name(const char *name)
{
	size_t n = 0;

	for (; name[n]; n++)
		if (!g_ascii_isprint(name[n]))
			return false;
	return n > 1;
}

/* What KDBG says of the structures beside what a profile does. */
static struct nt_evidence compare(const struct nt_kdbg *kdbg,
				  const struct nt_profile *p)
{
	const struct {
		uint16_t by_kdbg;
		uint32_t by_profile;
	} offsets[] = {
		{ kdbg->eprocess_peb, p->eprocess.peb },
		{ kdbg->eprocess_ppid, p->eprocess.ppid },
		{ kdbg->eprocess_dtb, p->eprocess.dtb },
		{ kdbg->kthread_apc_process, p->thread.apc_process },
		{ kdbg->prcb_current_thread, p->cpu.current_thread },
	};
	struct nt_evidence e = { 0 };

	for (size_t i = 0; i < G_N_ELEMENTS(offsets); i++) {
		if (!offsets[i].by_kdbg || offsets[i].by_profile == NT_ABSENT)
			continue;
		if (offsets[i].by_kdbg == offsets[i].by_profile)
			e.n_agree++;
		else
			e.n_conflict++;
	}
	return e;
}

/* The same as points; the size may be that of another update. */
static int score_kdbg(const struct nt_kdbg *kdbg, const struct nt_profile *p)
{
	struct nt_evidence e = compare(kdbg, p);
	int n = 4 * ((int)e.n_agree - (int)e.n_conflict);
	uint32_t size;

	if (kdbg->eprocess_size &&
	    nt_source_size(&p->source, "_EPROCESS", &size))
		n += size == kdbg->eprocess_size ? 2 : 0;
	return n;
}

/* Times that a process of this dump can have. */
static bool is_past(const struct dump *d, uint64_t filetime)
{
	uint64_t now = d->image->capture_filetime;
	uint64_t year = UINT64_C(365) * 86400 * 10000000;

	/* From 1990 on; and the clock may have been put back. */
	return filetime > 389 * year && (!now || filetime < now + year);
}

static int score_process(const struct nt_profile *profile, void *ctx)
{
	struct dump *d = ctx;
	struct nt_process p;
	int n = score_kdbg(&d->k->kdbg, profile);

	if (!d->cpu.eprocess.v ||
	    !nt_process_read(&d->k->as, profile, d->cpu.eprocess, &p))
		return n;
	if (nt_process_plausible(&d->k->as, profile, &p)) {
		n += 4 + 4 * is_name(p.name);
		n += p.known & NTP_CREATE && is_past(d, p.create_time) ? 4 : 0;
		n += p.known & NTP_EXIT && !p.exit_time ? 1 : 0;
		n += nt_is_kernel_address(&d->k->as, p.flink.v) &&
				     nt_is_kernel_address(&d->k->as,
							  p.blink.v) ? 2 : 0;
	}
	nt_process_clear(&p);
	return n;
}

static void choose_profile(struct dump *d, const struct nt_hints *hints)
{
	NtKernel *k = d->k;

	if (hints->no_profile) {
		log_add(d->log, LOG_WARN, "profile",
			"nothing can be derived from a triage dump: without"
			" the built-in layouts its process is not shown");
		return;
	}
	nt_identify_fitting(k, score_process, d);
	if (!k->has_profile) {
		log_add(d->log, LOG_WARN, "profile",
			"no layout of its structures is known: the process"
			" that crashed is not shown");
		return;
	}
	log_add(d->log, LOG_INFO, "profile", "%s, %s",
		nt_profile_name(&k->profile), k->profile_source);
	k->evidence = compare(&k->kdbg, &k->profile);
	if (k->evidence.n_conflict)
		log_add(d->log, LOG_WARN, "profile",
			"%u offset(s) of members in the dump's debugger block"
			" (KDBG) are others than the layout's",
			k->evidence.n_conflict);
	if (!k->version && k->profile.source.layout &&
	    layout_build(k->profile.source.layout) == k->build)
		k->version = g_strdup(
			layout_version(k->profile.source.layout));
}

/* The kernel's base by two that need not know of each other. */
static void compare_base(struct dump *d)
{
	NtKernel *k = d->k;

	if (!k->has_image || !k->kdbg.va.v)
		return;
	if (k->image.base.v == k->kdbg.kern_base) {
		k->evidence.n_agree++;
		return;
	}
	k->evidence.n_conflict++;
	log_add(d->log, LOG_WARN, "kernel",
		"kernel base: the list of drivers says " PRIADDR ", KDBG "
		PRIADDR "; the first is used",
		k->image.base.v, k->kdbg.kern_base);
}

/* --- what the log says --- */

static void log_ranges(const struct dump *d)
{
	const DirectMap *map = d->k->direct;
	const struct direct_damage *damage = direct_map_damage(map);

	log_add(d->log, LOG_INFO, "kernel",
		"%" PRIu64 " bytes of virtual memory in %zu range(s); what"
		" rights their pages had, the dump does not say",
		direct_map_bytes(map), direct_map_count(map));
	if (damage->n_bad_address)
		log_add(d->log, LOG_WARN, "kernel",
			"%" PRIu64 " range(s) have addresses that such a"
			" machine has not, and were left out or cut",
			damage->n_bad_address);
}

static void log_crashed(const struct dump *d)
{
	const NtKernel *k = d->k;

	if (!k->kdbg.va.v)
		log_add(d->log, LOG_WARN, "kernel",
			"the dump has no debugger block (KDBG): where its"
			" structures were follows from the layout of the"
			" build");
	if (!d->cpu.eprocess.v)
		log_add(d->log, LOG_WARN, "kernel",
			"the process that crashed is not known: the dump has"
			" no KPRCB and no ETHREAD that lead to it");
	else
		log_add(d->log, LOG_INFO, "kernel",
			"the processor that stopped Windows (%u%s) ran the"
			" thread " PRIADDR " in the process " PRIADDR,
			d->cpu.number,
			d->number_known ? "" : "; its number is not known",
			d->cpu.thread.v, d->cpu.eprocess.v);
	if (k->has_image)
		log_add(d->log, LOG_INFO, "kernel", "base " PRIADDR " by %s",
			k->image.base.v, k->image.how);
	else
		log_add(d->log, LOG_WARN, "kernel",
			"the dump has no list of drivers: where the kernel was"
			" is not known");
}

NtKernel *nt_kernel_triage(const PhysMem *pm, const Image *image,
			   const struct nt_hints *hints, Log *log)
{
	struct dump d = { .image = image, .t = image->triage, .log = log };
	NtKernel *k = d.k = kernel_new(pm, image);

	k->symload = nt_symload_new(hints, log);
	d.pointer_bytes = nt_machine_of(k->as.form)->pointer_bytes;
	nt_identify_kuser(k);
	if (!k->kuser.valid)
		k->kuser.system_time = image->capture_filetime;
	find_image(&d, hints->kernel_base);
	nt_symload_apply(k->symload, k);
	nt_symload_report(k->symload, k);
	find_version(&d);
	/* KDBG has no offsets on XP: those of the build are taken. */
	if ((!find_kdbg(&d) || !k->kdbg.kthread_apc_process) &&
	    !hints->no_profile)
		nt_identify_unchecked(k);
	find_crashed(&d);
	choose_profile(&d, hints);
	compare_base(&d);
	nt_identify_user_end(k);
	log_ranges(&d);
	log_crashed(&d);
	return k;
}

const struct image_module *nt_triage_module_at(const Image *image, uint64_t va)
{
	const GArray *modules = image->triage->modules;

	for (guint i = 0; i < modules->len; i++) {
		const struct image_module *m =
			&g_array_index(modules, struct image_module, i);

		if (va >= m->base && va - m->base < m->size)
			return m;
	}
	return NULL;
}
