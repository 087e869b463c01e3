/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the date of a kernel says about its layout. */
#ifndef NT_EPOCH_H
#define NT_EPOCH_H

#include "nt/kernel.h"

/*
 * In August 2018 the updates against L1TF changed the software PTEs of builds
 * that were years old (_MMPTE_SOFTWARE.SwizzleBit, and PageFileLow elsewhere).
 * Of two layouts of such a build, is this the one for kernels of the time
 * stamp in the header? True also where that says nothing: there is none, or
 * the build is one of those (from 10 1703 on) where it is a hash.
 */
bool nt_layout_suits_date(const NtKernel *k, const struct nt_layout *layout);

#endif
