/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows command lines: one string, which each program takes apart itself. */
#ifndef BASE_ARGV_H
#define BASE_ARGV_H

#include <glib.h>

/*
 * The arguments as CommandLineToArgvW finds them, each ended by a NUL, as in
 * Linux's /proc/PID/cmdline. (transfer full)
 */
GString *argv_split(const char *command_line);

#endif
