/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writers that have a file of their own (mkfmt-*.c), a line each. */
#ifndef MKFMT_LIST_H
#define MKFMT_LIST_H

#include "lib/mkfmt.h"

#endif
