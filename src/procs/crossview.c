/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of docs/methods.md. */
#include "config.h"

#include <string.h>

#include "procs/crossview.h"

enum { IDLE_PID = 0, SYSTEM_PID = 4, HANDLE_STEP = 4 };

static enum crossview unless_broken(const struct proc_evidence *v)
{
	return v->broken ? CROSS_NO_EVIDENCE : CROSS_EXPECTED;
}

static enum crossview in_cid_table(const struct proc_evidence *v,
				   const struct proc_entry *e)
{
	for (guint i = 0; i < v->lost->len; i++) {
		const struct proc_lost *lost =
			&g_array_index(v->lost, struct proc_lost, i);

		if (e->p.pid >= lost->first &&
		    (e->p.pid - lost->first) / HANDLE_STEP < lost->n)
			return CROSS_NO_EVIDENCE;
	}
	return unless_broken(v);
}

static enum crossview in_session(const struct proc_evidence *v,
				 const struct proc_entry *e)
{
	if (!e->session_key)
		return CROSS_NOT_EXPECTED;
	for (guint i = 0; i < v->parts->len; i++) {
		const struct proc_part *part =
			&g_array_index(v->parts, struct proc_part, i);

		if (part->session_key == e->session_key && part->whole)
			return CROSS_EXPECTED;
	}
	return CROSS_NO_EVIDENCE;
}

/* Has it to do with the Windows subsystem of a session? */
static bool is_client_of_csrss(const struct proc_entry *e)
{
	if (!e->session_key || e->minimal ||
	    (e->p.known & NTP_PEB && !e->p.peb.v))
		return false;
	/* smss.exe starts csrss.exe, which has no handle to itself. */
	return strcmp(e->p.name, "smss.exe") && strcmp(e->p.name, "csrss.exe");
}

/* The first csrss.exe of its session: others of that name are not what
 * processes register with. */
static const struct proc_part *find_csrss(const struct proc_evidence *v,
					  const struct proc_entry *e)
{
	const struct proc_part *first = NULL;

	for (guint i = 0; i < v->parts->len; i++) {
		const struct proc_part *part =
			&g_array_index(v->parts, struct proc_part, i);

		if (part->session_key == e->session_key &&
		    (!first || part->since < first->since))
			first = part;
	}
	return first;
}

static enum crossview in_csrss(const struct proc_evidence *v,
			       const struct proc_entry *e)
{
	const struct proc_part *csrss;

	if (!is_client_of_csrss(e))
		return CROSS_NOT_EXPECTED;
	csrss = find_csrss(v, e);
	if (!csrss)
		return CROSS_NO_EVIDENCE;
	if (csrss->since > e->p.create_time)
		return CROSS_NOT_EXPECTED;
	return csrss->whole ? unless_broken(v) : CROSS_NO_EVIDENCE;
}

static bool has_quota_process(const NtKernel *kernel, uint64_t table)
{
	struct nt_object o = { &kernel->as, kernel->profile.pointer_bytes,
			       VIRT(table) };
	uint64_t owner;

	return !nt_member_pointer(&o, kernel->profile.handle.quota_process,
				  &owner) ||
	       owner;
}

static enum crossview in_table_list(const NtKernel *kernel,
				    const struct proc_evidence *v,
				    const struct proc_entry *e)
{
	if (!e->p.object_table)
		return CROSS_NOT_EXPECTED;
	/* Nobody is charged for System's table on some versions. */
	if (e->p.pid == SYSTEM_PID &&
	    !has_quota_process(kernel, e->p.object_table))
		return CROSS_NOT_EXPECTED;
	return unless_broken(v);
}

static bool is_idle(const NtKernel *kernel, const struct proc_entry *e)
{
	uint64_t idle;

	return e->p.pid == IDLE_PID &&
	       (!nt_kernel_var(kernel, NT_PS_IDLE_PROCESS, &idle) ||
		idle == e->p.eprocess.v);
}

/* ExitTime alone can be written by whoever hides a process; one that has
 * exited has no handle table. It leaves its session and csrss.exe earlier. */
static bool has_gone(const struct proc_entry *e, enum proc_method_id method)
{
	if (!e->p.exit_time)
		return false;
	return !e->p.object_table || method == METHOD_CSRSS ||
	       method == METHOD_SESSIONS;
}

enum crossview crossview_expects(const NtKernel *kernel,
				 const struct proc_evidence *evidence,
				 enum proc_method_id method,
				 const struct proc_entry *e)
{
	if (is_idle(kernel, e) || has_gone(e, method))
		return CROSS_NOT_EXPECTED;
	if (evidence->unusable)
		return CROSS_NO_EVIDENCE;
	switch (method) {
	case METHOD_PSACTIVEPROCESSHEAD:
		return unless_broken(evidence);
	case METHOD_CSRSS:
		return in_csrss(evidence, e);
	case METHOD_PSPCIDTABLE:
		return in_cid_table(evidence, e);
	case METHOD_SESSIONS:
		return in_session(evidence, e);
	case METHOD_HANDLES:
		return in_table_list(kernel, evidence, e);
	case METHODS:
		break;
	}
	return CROSS_NOT_EXPECTED;
}

void crossview_mark(const NtKernel *kernel,
		    const struct proc_evidence *evidence, unsigned methods,
		    struct proc_entry *e)
{
	for (unsigned i = 0; i < METHODS; i++) {
		unsigned bit = 1u << i;
		enum crossview expects;

		if (!(methods & bit) || e->seen & bit)
			continue;
		expects = crossview_expects(kernel, &evidence[i], i, e);
		if (evidence[i].unusable || expects == CROSS_NO_EVIDENCE)
			e->no_evidence |= bit;
		else if (expects == CROSS_EXPECTED)
			e->missing |= bit;
	}
}
