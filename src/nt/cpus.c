/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processors by _KPCR and _KPRCB. */
#include "config.h"

#include "nt/cpus.h"

/* _DISPATCHER_HEADER.Type, all versions; bit 7 was used otherwise before 7
 * and is ignored, as for processes. */
enum { TYPE_PROCESS = 3, TYPE_THREAD = 6, TYPE_MASK = 0x7f };

/* Where XP and 2003 map the _KPCR of each x86 processor. */
#define KPCR_X86 UINT64_C(0xffdff000)

struct finder {
	const NtKernel *k;
	const struct nt_cpu_layout *layout;
	unsigned pointer_bytes;
	GArray *cpus;
};

unsigned nt_kernel_pointer_bytes(const NtKernel *k)
{
	return k->as.form->va_bits == 32 ? 4 : 8;
}

bool nt_cpu_is_idle(const struct nt_cpu *cpu)
{
	return cpu->thread.v && cpu->thread.v == cpu->idle_thread.v;
}

static struct nt_object object(const NtKernel *k, VirtAddr va)
{
	return (struct nt_object){ &k->as, nt_kernel_pointer_bytes(k), va };
}

static bool has_type(const NtKernel *k, VirtAddr va, unsigned type)
{
	struct nt_object o = object(k, va);
	uint8_t byte;

	return nt_is_kernel_address(&k->as, va.v) &&
	       nt_member_u8(&o, 0, &byte) && (byte & TYPE_MASK) == type;
}

/* What a member points at, where it is an object of that type. */
static VirtAddr pointee(const NtKernel *k, VirtAddr va, uint32_t offset,
			unsigned type)
{
	struct nt_object o = object(k, va);
	uint64_t to;

	if (!nt_member_pointer(&o, offset, &to) ||
	    !has_type(k, VIRT(to), type))
		return VIRT(0);
	return VIRT(to);
}

bool nt_thread_process(const NtKernel *k, VirtAddr thread, VirtAddr *owner,
		       VirtAddr *attached)
{
	const struct nt_thread_layout *t = &k->profile.thread;
	VirtAddr own, memory;

	if (!k->has_profile || !has_type(k, thread, TYPE_THREAD))
		return false;
	own = pointee(k, thread, t->process, TYPE_PROCESS);
	memory = pointee(k, thread, t->apc_process, TYPE_PROCESS);
	if (!own.v && !memory.v)
		return false;
	*owner = own;
	*attached = memory;
	return true;
}

/* Has the _KPCR at va its own address in it? */
static bool points_at_itself(const struct finder *f, VirtAddr va)
{
	struct nt_object o = object(f->k, va);
	uint64_t self;

	return nt_is_kernel_address(&f->k->as, va.v) &&
	       nt_member_pointer(&o, f->layout->self, &self) && self == va.v;
}

static struct nt_cpu read_prcb(const struct finder *f, VirtAddr prcb)
{
	const struct nt_cpu_layout *l = f->layout;
	struct nt_object o = object(f->k, prcb);
	struct nt_cpu cpu = { .prcb = prcb, .container = -1 };
	uint64_t cr3;

	cpu.thread = pointee(f->k, prcb, l->current_thread, TYPE_THREAD);
	cpu.next_thread = pointee(f->k, prcb, l->next_thread, TYPE_THREAD);
	cpu.idle_thread = pointee(f->k, prcb, l->idle_thread, TYPE_THREAD);
	if (nt_member_pointer(&o, l->cr3, &cr3))
		cpu.cr3 = cr3;
	if (cpu.thread.v)
		(void)nt_thread_process(f->k, cpu.thread, &cpu.eprocess,
					&cpu.attached);
	return cpu;
}

/* NULL where it is none; else the processor, which may have been known. */
static struct nt_cpu *add_prcb(struct finder *f, VirtAddr prcb,
			       unsigned number, const char *how)
{
	struct nt_cpu cpu;

	for (guint i = 0; i < f->cpus->len; i++) {
		struct nt_cpu *known =
			&g_array_index(f->cpus, struct nt_cpu, i);

		if (known->prcb.v == prcb.v)
			return known;
	}
	if (f->cpus->len >= NT_CPUS_MAX ||
	    !nt_is_kernel_address(&f->k->as, prcb.v))
		return NULL;
	cpu = read_prcb(f, prcb);
	if (!cpu.thread.v &&
	    (f->layout->prcb == NT_ABSENT ||
	     !points_at_itself(f, VIRT(prcb.v - f->layout->prcb))))
		return NULL;
	cpu.number = number;
	cpu.how = how;
	g_array_append_val(f->cpus, cpu);
	return &g_array_index(f->cpus, struct nt_cpu, f->cpus->len - 1);
}

/* By a _KPCR that points at itself; its _KPRCB is embedded. */
static struct nt_cpu *add_pcr(struct finder *f, VirtAddr pcr, const char *how)
{
	if (f->layout->prcb == NT_ABSENT || !points_at_itself(f, pcr))
		return NULL;
	return add_prcb(f, VIRT(pcr.v + f->layout->prcb), f->cpus->len, how);
}

/* The array ends with NULL, or where it ends. */
static void add_block(struct finder *f)
{
	VirtAddr block = f->k->vars[NT_KI_PROCESSOR_BLOCK].va;

	for (unsigned i = 0; block.v && i < NT_CPUS_MAX; i++) {
		VirtAddr at = VIRT(block.v + (uint64_t)i * f->pointer_bytes);
		uint64_t prcb;

		if (!nt_pointer_at(&f->k->as, f->pointer_bytes, at, &prcb) ||
		    !nt_is_kernel_address(&f->k->as, prcb))
			break;
		(void)add_prcb(f, VIRT(prcb), i, "KiProcessorBlock");
	}
}

/* Containers that know nothing of the base that is swapped in: the processor
 * whose thread has the TEB that the base in user mode is. */
static struct nt_cpu *in_user_mode(const struct finder *f,
				   const struct image_cpu *c)
{
	uint64_t base = f->pointer_bytes == 8 ? c->gs_base : c->fs_base;

	for (guint i = 0; c->regs.known && (c->regs.cs & 3) == 3 && base &&
			  i < f->cpus->len; i++) {
		struct nt_cpu *cpu =
			&g_array_index(f->cpus, struct nt_cpu, i);
		struct nt_object o = object(f->k, cpu->thread);
		uint64_t teb;

		if (cpu->thread.v && cpu->container < 0 &&
		    nt_member_pointer(&o, f->k->profile.ethread.teb, &teb) &&
		    teb == base)
			return cpu;
	}
	return NULL;
}

static void add_container_cpu(struct finder *f, const struct image_cpu *c,
			      int index)
{
	const uint64_t bases[] = { c->gs_base, c->kernel_gs_base };
	struct nt_cpu *cpu = NULL;

	if (f->pointer_bytes == 4)
		cpu = add_pcr(f, VIRT(c->fs_base), "processor state of the"
						   " container (FS base)");
	for (size_t i = 0; f->pointer_bytes == 8 && !cpu && i < 2; i++)
		cpu = add_pcr(f, VIRT(bases[i]), "processor state of the"
						 " container (GS base)");
	if (!cpu)
		cpu = in_user_mode(f, c);
	if (!cpu)
		return;
	cpu->container = index;
	cpu->has_regs = nt_regs_from_cpu(c, f->k->profile.arch, &cpu->regs);
}

static void add_container(struct finder *f, const Image *image)
{
	for (guint i = 0; i < image->cpus->len; i++)
		add_container_cpu(f,
				  &g_array_index(image->cpus,
						 struct image_cpu, i),
				  (int)i);
}

GArray *nt_cpus_read(const NtKernel *k, const Image *image)
{
	struct finder f = {
		.k = k,
		.layout = &k->profile.cpu,
		.pointer_bytes = nt_kernel_pointer_bytes(k),
		.cpus = g_array_new(FALSE, TRUE, sizeof(struct nt_cpu)),
	};
	VirtAddr pcr;

	if (!k->has_profile)
		return f.cpus;
	add_block(&f);
	if (image)
		add_container(&f, image);
	if (k->has_image &&
	    nt_kimage_symbol(&k->as, &k->image, "KiInitialPCR", &pcr))
		(void)add_pcr(&f, pcr, "KiInitialPCR");
	if (f.pointer_bytes == 4)
		(void)add_pcr(&f, VIRT(KPCR_X86), "fixed address");
	return f.cpus;
}

static void add_process(const NtKernel *k, GArray *processes, VirtAddr va)
{
	struct nt_process p;
	bool wanted;

	for (guint i = 0; i < processes->len; i++)
		if (g_array_index(processes, VirtAddr, i).v == va.v)
			return;
	if (!va.v || !nt_process_read(&k->as, &k->profile, va, &p))
		return;
	wanted = p.pid && nt_process_plausible(&k->as, &k->profile, &p);
	nt_process_clear(&p);
	if (wanted)
		g_array_append_val(processes, va);
}

GArray *nt_cpus_processes(const NtKernel *k)
{
	GArray *processes = g_array_new(FALSE, FALSE, sizeof(VirtAddr));

	for (guint i = 0; i < k->cpus->len; i++) {
		const struct nt_cpu *cpu =
			&g_array_index(k->cpus, struct nt_cpu, i);

		add_process(k, processes, cpu->eprocess);
		add_process(k, processes, cpu->attached);
	}
	return processes;
}
