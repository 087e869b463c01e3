/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens: as whom a process runs (docs/formats.md, "Tokens"). */
#ifndef NT_TOKEN_H
#define NT_TOKEN_H

#include "nt/eprocess.h"
#include "nt/kernel.h"

/* No token of Windows has more groups (SE_MAX_GROUPS is 1024), and its user. */
#define NT_SIDS_MAX 1025u

/*
 * The SIDs of the process's primary token as text ("S-1-5-18"), the user
 * first, then the groups; "?" for one that cannot be read. NULL where there is
 * no token, or it cannot be read. (transfer full) of char *.
 */
GPtrArray *nt_token_sids(const NtKernel *k, const struct nt_process *process);

#endif
