/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is a process and what is garbage. */
#include "config.h"

#include "base/bytes.h"
#include "procs/valid.h"

/* Bits of a verdict; 0 is "not asked yet". */
enum {
	VERDICT_ASKED = 1,
	VERDICT_VALID = 2,
	VERDICT_HEADER = 4, /* the header says so */
};

static bool get(struct proc_run *run, VirtAddr va, uint32_t offset,
		uint64_t *ret)
{
	unsigned n = run->kernel->profile.pointer_bytes;
	uint8_t raw[8];

	if (offset == NT_ABSENT ||
	    !nt_objects_read(run->objects, VIRT(va.v + offset), raw, n))
		return false;
	*ret = n == 8 ? load_le64(raw) : load_le32(raw);
	return true;
}

/* What an object without a readable header must have at least. */
static bool looks_linked(struct proc_run *run, VirtAddr va)
{
	const struct nt_eprocess_layout *l = &run->kernel->profile.eprocess;
	const struct addr_space *as = &run->kernel->as;
	uint64_t flink, blink, dtb = 0, exit_time = 0;

	(void)get(run, va, l->dtb, &dtb);
	(void)get(run, va, l->exit_time, &exit_time);
	return get(run, va, l->links, &flink) &&
	       get(run, va, l->links + run->kernel->profile.pointer_bytes,
		   &blink) &&
	       nt_is_kernel_address(as, flink) &&
	       nt_is_kernel_address(as, blink) && (dtb || exit_time);
}

static bool points_at(struct proc_run *run, uint64_t va, uint64_t want)
{
	uint64_t got;

	return get(run, VIRT(va), 0, &got) && got == want;
}

/* A process in all but its header: no garbage is this by chance. */
static bool is_proven(struct proc_run *run, VirtAddr va)
{
	const struct nt_eprocess_layout *l = &run->kernel->profile.eprocess;
	unsigned n = run->kernel->profile.pointer_bytes;
	uint64_t flink, blink, dtb;

	if (!get(run, va, l->links, &flink) ||
	    !get(run, va, l->links + n, &blink) || !get(run, va, l->dtb, &dtb))
		return false;
	return dtb && points_at(run, flink + n, va.v + l->links) &&
	       points_at(run, blink, va.v + l->links) &&
	       nt_same_frame(&run->kernel->as, dtb, va);
}

static unsigned examine(struct proc_run *run, VirtAddr va, uint32_t *pid)
{
	const struct nt_profile *profile = &run->kernel->profile;
	struct nt_process p = { .eprocess = va };
	uint64_t word;

	if (!nt_is_kernel_address(&run->kernel->as, va.v) ||
	    !get(run, va, profile->eprocess.pid, &word))
		return VERDICT_ASKED;
	p.pid = *pid = (uint32_t)word;
	if (!nt_process_plausible(&run->kernel->as, profile, &p))
		return VERDICT_ASKED;
	switch (nt_object_what(run->objects, va)) {
	case NT_OBJECT_PROCESS:
		return VERDICT_ASKED | VERDICT_VALID | VERDICT_HEADER;
	case NT_OBJECT_UNKNOWN:
		if (looks_linked(run, va))
			return VERDICT_ASKED | VERDICT_VALID;
		break;
	case NT_OBJECT_THREAD:
	case NT_OBJECT_OTHER:
		if (is_proven(run, va)) {
			log_add(run->log, LOG_WARN, "processes",
				"the header of the process at " PRIADDR " says"
				" that it is something else",
				va.v);
			return VERDICT_ASKED | VERDICT_VALID;
		}
		break;
	}
	return VERDICT_ASKED;
}

/* The verdict in the low bits, the pid above them: pids are below 2^28. */
static unsigned ask(struct proc_run *run, VirtAddr va)
{
	gpointer known = g_hash_table_lookup(run->verdicts, &va.v);
	uint32_t pid = 0;
	unsigned answer;
	uint64_t *key;

	if (known)
		return GPOINTER_TO_UINT(known);
	if (!run->verdicts_left) {
		run->evidence->broken = true;
		return VERDICT_ASKED;
	}
	run->verdicts_left--;
	answer = examine(run, va, &pid);
	if (answer & VERDICT_VALID)
		answer |= pid << 3;
	key = g_new(uint64_t, 1);
	*key = va.v;
	g_hash_table_insert(run->verdicts, key, GUINT_TO_POINTER(answer));
	return answer;
}

bool proc_is_valid(struct proc_run *run, VirtAddr va)
{
	return ask(run, va) & VERDICT_VALID;
}

bool proc_is_valid_pid(struct proc_run *run, VirtAddr va, uint64_t pid,
		       bool *pid_differs)
{
	unsigned answer = ask(run, va);

	*pid_differs = (answer >> 3) != pid;
	return answer & VERDICT_VALID &&
	       (answer & VERDICT_HEADER || !*pid_differs);
}
