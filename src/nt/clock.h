/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time as the kernel counts it: _KUSER_SHARED_DATA. */
#ifndef NT_CLOCK_H
#define NT_CLOCK_H

#include "nt/kernel.h"

/* When the machine was started, FILETIME: system time less interrupt time (the
 * time since then, sleep included). 0 where either is not known or it makes no
 * sense. */
uint64_t nt_boot_filetime(const NtKernel *k);

/* A tick of the clock, by which threads and processes count their time, in
 * 100 ns: 156250 (64 a second) on most machines. By TickCountMultiplier;
 * where that makes no sense, 156250. */
uint32_t nt_clock_tick(const NtKernel *k);

#endif
