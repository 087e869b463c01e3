/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where processes have what, by how large user space is. */
#include "config.h"

#include "lib/mkwin-priv.h"

static const struct mk_places places32 = {
	.image = 0x400000,
	.image_step = 0,
	.high = 0x70000000,
	.low = 0,
	.peb = 0x7ffdf000,
	.bulk = 0x10000000,
};
/* Up to 8.0, where user space ends at 8 TiB; and later. */
static const struct mk_places places_small = {
	.image = UINT64_C(0x13f000000),
	.image_step = 0x10000,
	.high = UINT64_C(0x7fef0000000),
	.low = 0,
	.peb = UINT64_C(0x7fffffdf000),
	.bulk = UINT64_C(0x8000000000) /* + low */,
};
static const struct mk_places places_big = {
	.image = UINT64_C(0x7ff600000000),
	.image_step = 0x10000,
	.high = UINT64_C(0x7ffb00000000),
	.low = UINT64_C(0x25b00000000),
	.peb = UINT64_C(0x5f3a20b000),
	.bulk = UINT64_C(0x8000000000),
};
/* A 32-bit process of x64; its 64-bit PEB is up there. */
static const struct mk_places places_wow64 = {
	.image = 0x400000,
	.image_step = 0,
	.high = 0x70000000,
	.low = 0,
	.peb = UINT64_C(0x7fffffdf000),
	.bulk = 0x10000000,
};

const struct mk_places *mk_user_places(const MkWin *win, bool wow64)
{
	if (mk_is_32bit(win))
		return &places32;
	if (wow64)
		return &places_wow64;
	return win->build < MK_BUILD_81 ? &places_small : &places_big;
}
