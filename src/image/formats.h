/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The format drivers, one per container. */
#ifndef IMAGE_FORMATS_H
#define IMAGE_FORMATS_H

#include "image/image.h"

extern const struct ImageOps image_aff4_ops;
extern const struct ImageOps image_avml_ops;
extern const struct ImageOps image_crashdump_ops;
extern const struct ImageOps image_elf_ops;
extern const struct ImageOps image_gzip_ops;
extern const struct ImageOps image_lime_ops;
extern const struct ImageOps image_flattened_ops;
extern const struct ImageOps image_kdump_ops;
extern const struct ImageOps image_qevm_ops;
extern const struct ImageOps image_ewf_ops;
extern const struct ImageOps image_hibr_ops;
extern const struct ImageOps image_raw_ops;
extern const struct ImageOps image_triage_ops;
extern const struct ImageOps image_vmware_ops;
extern const struct ImageOps image_xz_ops;
extern const struct ImageOps image_zstd_ops;
extern const struct ImageOps image_zip_ops;

/* What a file is that is certainly no raw memory ("a LiME image"), by its
 * first bytes, with what makes an image of it where that is simple; NULL for
 * all else. Static. */
const char *image_foreign_format(const ImageIo *io);

#endif
