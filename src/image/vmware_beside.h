/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other half of a VMware image: the state file of a .vmem, the .vmem of a
 * state file. Names say where to look, contents whether it is the one.
 */
#ifndef IMAGE_VMWARE_BESIDE_H
#define IMAGE_VMWARE_BESIDE_H

#include "image/vmware_state.h"

/* Has the name the ending of a file with memory (.vmem)? Upper case, too. */
bool vmware_names_memory(const char *path);

/*
 * The state file (.vmss, .vmsn) that tells where the bytes of a .vmem of
 * `size` bytes at path belong: its path (transfer full), or NULL; *state is
 * then filled, to be cleared. Of several the one that fits best, which the log
 * says.
 */
char *vmware_find_state(const char *path, uint64_t size, Log *log,
			struct vmware_state *state);

/* The memory (.vmem) of the state file at path: its path (transfer full), or
 * NULL; *io is then open, the caller's. */
char *vmware_find_memory(const char *path, const struct vmware_state *state,
			 Log *log, ImageIo **io);

#endif
