/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Page files beside an image: in its folder, called pagefile.sys or
 * swapfile.sys (in any case), or so with the image's name before it, whole or
 * without its ending (memory.raw.pagefile.sys, memory-swapfile.sys). Whether
 * they belong to it, the names do not tell.
 */
#ifndef IMAGE_BESIDE_H
#define IMAGE_BESIDE_H

#include "image/image.h"

/* Adds those that there are to image->companions: one of each kind, the one
 * with the image's name before one without; none of a kind that the container
 * has itself. */
void image_find_page_files(Image *image);

#endif
