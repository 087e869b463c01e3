/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files that implement options.h. */
#ifndef FRONT_OPTIONS_PRIV_H
#define FRONT_OPTIONS_PRIV_H

#include "front/options.h"

#define fail(error, ...)                                                      \
	(g_set_error((error), OPTIONS_ERROR, 0, __VA_ARGS__), false)

/* A list as -o has it. */
bool options_apply(Options *o, const char *list, GError **error);

#endif
