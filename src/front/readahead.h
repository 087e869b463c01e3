/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Read-ahead of the mount. */
#ifndef FRONT_READAHEAD_H
#define FRONT_READAHEAD_H

/*
 * Raises the read-ahead of the filesystem mounted at mountpoint to 4 MiB, four
 * of the largest reads that FUSE asks for, where permitted (it takes root):
 * sequential reads are up to twice as fast with it. Asks nothing of the mount
 * itself.
 */
void readahead_raise(const char *mountpoint);

#endif
