/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What else memory says of the kernel: its debugger block, its processors,
 * the container's header. It fills in what the symbols did not tell, and is
 * compared with what they did.
 */
#ifndef NT_EVIDENCE_H
#define NT_EVIDENCE_H

#include "nt/kernel.h"

/*
 * Before System is looked for, where no symbol leads to it: finds the debugger
 * block of the kernel's image and fills in what variables it knows. Needs
 * neither profile nor symbols; k->image must be known. False where there is no
 * block. Searches the image: some 10 ms.
 */
bool nt_evidence_early(NtKernel *k);

/*
 * The last step of finding a kernel: reads the debugger block and the
 * processors into k, fills in variables and offsets that are not known, counts
 * in k->evidence what agrees, and logs (LOG_WARN) what does not, with both
 * values and which of them is used: the one that leads to something that makes
 * sense, of two that do what was known before. Nothing here is fatal. A kernel
 * base that was not certain is replaced by the block's where that is one.
 */
void nt_evidence_gather(NtKernel *k, const Image *image, Log *log);

#endif
