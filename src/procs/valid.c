/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is a process and what is garbage. */
#include "config.h"

#include "procs/valid.h"

/* Bits of a verdict; 0 is "not asked yet". */
enum {
	VERDICT_ASKED = 1,
	VERDICT_VALID = 2,
	VERDICT_HEADER = 4, /* the header says so */
};
/* Verdicts that are kept: tables of garbage make no more than this. */
#define VERDICTS_MAX (4 * PROCS_MAX)

static bool looks_linked(const struct addr_space *as,
			 const struct nt_process *p)
{
	return nt_is_kernel_address(as, p->flink.v) &&
	       nt_is_kernel_address(as, p->blink.v) &&
	       (p->dtb_raw || p->exit_time);
}

/* pid: of the object. */
static unsigned examine(struct proc_run *run, VirtAddr va, uint32_t *pid)
{
	const struct addr_space *as = &run->kernel->as;
	const struct nt_profile *profile = &run->kernel->profile;
	struct nt_process p;
	unsigned verdict = VERDICT_ASKED;

	if (!nt_is_kernel_address(as, va.v) ||
	    !nt_process_read(as, profile, va, &p))
		return verdict;
	*pid = p.pid;
	if (nt_process_plausible(as, profile, &p)) {
		switch (nt_object_what(run->objects, va)) {
		case NT_OBJECT_PROCESS:
			verdict |= VERDICT_VALID | VERDICT_HEADER;
			break;
		case NT_OBJECT_UNKNOWN:
			if (looks_linked(as, &p))
				verdict |= VERDICT_VALID;
			break;
		case NT_OBJECT_THREAD:
		case NT_OBJECT_OTHER:
			break;
		}
	}
	nt_process_clear(&p);
	return verdict;
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
	answer = examine(run, va, &pid);
	if (answer & VERDICT_VALID)
		answer |= pid << 3;
	if (g_hash_table_size(run->verdicts) < VERDICTS_MAX) {
		key = g_new(uint64_t, 1);
		*key = va.v;
		g_hash_table_insert(run->verdicts, key,
				    GUINT_TO_POINTER(answer));
	}
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
