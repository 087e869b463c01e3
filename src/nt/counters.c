/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters of a process. */
#include "config.h"

#include "base/bytes.h"
#include "nt/counters.h"
#include "nt/member.h"

#define PRIORITY_MAX 31u

static uint32_t only(const struct nt_source *source, const char *path)
{
	struct nt_field field;

	return nt_source_field(source, path, &field, NULL) ? field.offset :
							     NT_ABSENT;
}

/* A member that has another name in other kernels. */
static uint32_t either(const struct nt_source *source, const char *path,
		       const char *other)
{
	uint32_t offset = only(source, path);

	return offset != NT_ABSENT ? offset : only(source, other);
}

static void read_times(const struct nt_object *o, const struct nt_source *s,
		       struct nt_counters *c)
{
	if (nt_member_u32(o, either(s, "_KPROCESS.KernelTime",
				    "_KPROCESS.KernelTimeLow"),
			  &c->kernel_time))
		c->known |= NTC_KERNEL_TIME;
	if (nt_member_u32(o, either(s, "_KPROCESS.UserTime",
				    "_KPROCESS.UserTimeLow"),
			  &c->user_time))
		c->known |= NTC_USER_TIME;
	if (nt_member_u8(o, only(s, "_KPROCESS.BasePriority"), &c->priority) &&
	    c->priority <= PRIORITY_MAX)
		c->known |= NTC_PRIORITY;
	else
		c->priority = 0;
}

/* Counts of pages got as wide as a pointer with 10; what follows tells. */
static bool read_pages(const struct nt_object *o, uint32_t offset,
		       uint32_t next, uint64_t *ret)
{
	uint32_t narrow;

	if (offset == NT_ABSENT || next == NT_ABSENT || next <= offset)
		return false;
	if (next - offset >= 8)
		return nt_member_u64(o, offset, ret);
	if (!nt_member_u32(o, offset, &narrow))
		return false;
	*ret = narrow;
	return true;
}

static void read_working_set(const struct nt_object *o,
			     const struct nt_source *s, struct nt_counters *c)
{
	uint32_t size = either(s, "_EPROCESS.Vm.WorkingSetSize",
			       "_EPROCESS.Vm.Instance.WorkingSetSize");
	uint32_t next = either(s, "_EPROCESS.Vm.WorkingSetPrivateSize",
			       "_EPROCESS.Vm.Instance.WorkingSetPrivateSize");
	uint32_t peak = either(s, "_EPROCESS.Vm.PeakWorkingSetSize",
			       "_EPROCESS.Vm.Instance.PeakWorkingSetSize");

	if (read_pages(o, size, next, &c->working_set))
		c->known |= NTC_WORKING_SET;
	/* As wide as the other one. */
	if (peak != NT_ABSENT && next != NT_ABSENT &&
	    read_pages(o, peak, peak + (next - size), &c->peak_working_set))
		c->known |= NTC_PEAK_WORKING_SET;
	if (nt_member_u32(o, either(s, "_EPROCESS.Vm.PageFaultCount",
				    "_EPROCESS.Vm.Instance.PageFaultCount"),
			  &c->faults))
		c->known |= NTC_FAULTS;
	if (nt_member_u32(o, either(s, "_EPROCESS.Vm.HardFaultCount",
				    "_EPROCESS.Vm.Instance.HardFaultCount"),
			  &c->hard_faults))
		c->known |= NTC_HARD_FAULTS;
}

void nt_counters_read(const NtKernel *k, const struct nt_process *process,
		      struct nt_counters *ret)
{
	const struct nt_object o = { &k->as, k->profile.pointer_bytes,
				     process->eprocess };
	const struct nt_source *s = &k->profile.source;

	*ret = (struct nt_counters){ 0 };
	if (!k->has_profile)
		return;
	read_times(&o, s, ret);
	read_working_set(&o, s, ret);
	if (nt_member_pointer(&o, only(s, "_EPROCESS.PeakVirtualSize"),
			      &ret->peak_virtual))
		ret->known |= NTC_PEAK_VIRTUAL;
	if (nt_member_pointer(&o, only(s, "_EPROCESS.CommitCharge"),
			      &ret->commit))
		ret->known |= NTC_COMMIT;
}
