/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The symbol files of one image: loads what symbols= and profile= lead to,
 * each file once, however many candidates for the kernel are tried.
 */
#ifndef NT_SYMLOAD_H
#define NT_SYMLOAD_H

#include "nt/kernel.h"

/* What profile= names is loaded at once; the log says where that fails.
 * hints and log are borrowed until the end. (transfer full) */
NtSymload *nt_symload_new(const struct nt_hints *hints, Log *log);
void nt_symload_free(NtSymload *symload);

/*
 * Sets k->image.symbols to the file that is of this kernel, if there is one,
 * by the PDB that its image names: profile= first, then symbols=. The result
 * lives as long as symload. A file of another kernel is refused, unless
 * profile_force. Where no PDB is named by the image, profile= is believed.
 * With the symbols, the base of a kernel without a header may become certain.
 */
void nt_symload_apply(NtSymload *symload, NtKernel *k);

/* Says in the log what became of profile=, with the kernel that was found (or
 * NULL: nothing). */
void nt_symload_report(const NtSymload *symload, const NtKernel *k);

/* How image/info and the log call the source of symbols. Static. */
const char *nt_symload_source(const NtSymbols *symbols);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtSymload, nt_symload_free)

#endif
