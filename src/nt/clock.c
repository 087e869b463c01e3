/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time since the start, and the length of a tick. */
#include "config.h"

#include "base/bytes.h"
#include "nt/clock.h"
#include "nt/machine.h"

/* Member offsets of _KUSER_SHARED_DATA: the same in all symbol tables. */
enum {
	TICK_MULTIPLIER = 0x4,	/* milliseconds in a tick, times 2^24 */
	INTERRUPT_TIME = 0x8,	/* KSYSTEM_TIME: low, high1, high2; 100 ns */
	CLOCK_BYTES = 0x14,
};

/* A tick of 0.5 ms (the fastest timer) to 20 ms, in 100 ns. */
#define TICK_MIN 5000u
#define TICK_MAX 200000u
#define TICK_USUAL 156250u

static bool read_clock(const NtKernel *k, uint8_t b[CLOCK_BYTES])
{
	return k->kuser.valid &&
	       vtop_read(&k->as, VIRT(nt_machine_of(k->as.form)->kuser), b,
			 CLOCK_BYTES);
}

uint64_t nt_boot_filetime(const NtKernel *k)
{
	uint8_t b[CLOCK_BYTES];
	uint64_t since;

	if (!read_clock(k, b))
		return 0;
	since = load_le32(b + INTERRUPT_TIME) |
		(uint64_t)load_le32(b + INTERRUPT_TIME + 4) << 32;
	if (!since || since >= k->kuser.system_time)
		return 0;
	return k->kuser.system_time - since;
}

uint32_t nt_clock_tick(const NtKernel *k)
{
	uint8_t b[CLOCK_BYTES];
	uint64_t tick;

	if (!read_clock(k, b))
		return TICK_USUAL;
	/* 10000 times 100 ns in a millisecond; rounded. */
	tick = ((uint64_t)load_le32(b + TICK_MULTIPLIER) * 10000 +
		(UINT64_C(1) << 23)) >> 24;
	return tick >= TICK_MIN && tick <= TICK_MAX ? (uint32_t)tick :
						      TICK_USUAL;
}
