/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writers that have a file of their own (mkfmt-*.c), a line each. */
#ifndef MKFMT_LIST_H
#define MKFMT_LIST_H

#include "lib/mkfmt.h"

extern const struct mk_writer mk_dump_bitmap_writer;
extern const struct mk_writer mk_dump_bitmap32_writer;
extern const struct mk_writer mk_dump_active_writer;
extern const struct mk_writer mk_dump_kernel_writer;
extern const struct mk_writer mk_dump_kernel32_writer;
extern const struct mk_writer mk_dump_rdmp_writer;
extern const struct mk_writer mk_dump_rdmp_kernel_writer;
extern const struct mk_writer mk_lime_writer, mk_lime_exclusive_writer,
	mk_lime_padded_writer, mk_lime_reversed_writer, mk_lime_sliced_writer;
#ifdef HAVE_SNAPPY
extern const struct mk_writer mk_avml_writer, mk_avml_sparse_writer,
	mk_avml_raw_writer, mk_avml_runs_writer, mk_avml_odd_writer;
#endif
extern const struct mk_writer mk_vmss_writer, mk_vmsn_inline_writer,
	mk_vmsn_old_writer;
extern const struct mk_writer mk_writer_raw_squeezed;
#ifdef HAVE_LZMA
extern const struct mk_writer mk_writer_raw_xz, mk_writer_raw_xz_plain,
	mk_writer_dump_xz;
#endif
#ifdef HAVE_ZSTD
extern const struct mk_writer mk_writer_raw_zstd, mk_writer_raw_zstd_frames,
	mk_writer_raw_pzstd;
#endif
#ifdef HAVE_ZLIB
extern const struct mk_writer mk_writer_raw_bgzf;
#endif
extern const struct mk_writer mk_kdump_zlib, mk_kdump_flat, mk_kdump_lzo,
	mk_kdump_snappy, mk_kdump_zstd, mk_kdump_stored;
extern const struct mk_writer mk_xen_pfn, mk_xen_p2m;
extern const struct mk_writer mk_qevm, mk_qevm_mapped, mk_libvirt_save;
extern const struct mk_writer mk_aff4_writer, mk_aff4_deflate_writer,
	mk_aff4_null_writer, mk_aff4_zipped_writer, mk_aff4_rekall_writer,
	mk_aff4_evimetry_writer, mk_aff4_snappy_writer, mk_aff4_lz4_writer;
extern const struct mk_writer mk_ewf_writer, mk_ewf_none_writer;
/* A set of files with `split` chunks each; the name must end in .E01, so this
 * is none of the table. */
bool mk_ewf_write_split(const MkPhys *phys, const char *path, uint64_t split,
			GError **error);
extern const struct mk_writer mk_hibr_xp_writer;
extern const struct mk_writer mk_hibr_xp64_writer;
/* Of hibernation files, only some are in the table: there are tests that take
 * each of it through a mount. */
extern const struct mk_writer mk_hibr_vista_writer;
extern const struct mk_writer mk_hibr_vista64_writer;
extern const struct mk_writer mk_hibr_vista2_writer;
extern const struct mk_writer mk_hibr_vista264_writer;
extern const struct mk_writer mk_hibr_7_writer;
extern const struct mk_writer mk_hibr_7x64_writer;
extern const struct mk_writer mk_hibr_wiped_writer;
extern const struct mk_writer mk_hibr_8_writer;
extern const struct mk_writer mk_hibr_10_writer;
extern const struct mk_writer mk_hibr_10x86_writer;
extern const struct mk_writer mk_hibr_11_writer;
extern const struct mk_writer mk_hibr_wiped10_writer;

#endif
