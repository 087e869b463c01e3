/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of writers. */
#include "config.h"

#include "lib/mkfmt-list.h"

#include <string.h>

static bool write_as(const MkPhys *phys, const char *path,
		     const struct mk_write_options *options,
		     enum mk_format format, GError **error)
{
	struct mk_write_options own = *options;

	own.format = format;
	return mk_write(phys, path, &own, error);
}

static bool write_raw(const MkPhys *phys, const char *path,
		      const struct mk_write_options *options, const char *arg,
		      GError **error)
{
	(void)arg;
	return write_as(phys, path, options, MK_FORMAT_RAW, error);
}

static bool write_elf(const MkPhys *phys, const char *path,
		      const struct mk_write_options *options, const char *arg,
		      GError **error)
{
	(void)arg;
	return write_as(phys, path, options, MK_FORMAT_ELF, error);
}

static bool write_elf32(const MkPhys *phys, const char *path,
			const struct mk_write_options *options,
			const char *arg, GError **error)
{
	(void)arg;
	return write_as(phys, path, options, MK_FORMAT_ELF32, error);
}

static bool write_dump(const MkPhys *phys, const char *path,
		       const struct mk_write_options *options,
		       const char *arg, GError **error)
{
	(void)arg;
	return write_as(phys, path, options, MK_FORMAT_DUMP, error);
}

static const struct mk_writer raw_writer = {
	"raw", "raw", "offset = physical address", 0, write_raw,
};
static const struct mk_writer elf_writer = {
	"elf", "elf", "ELF64 core as QEMU's", 0, write_elf,
};
static const struct mk_writer elf32_writer = {
	"elf32", "elf", "ELF32 core", MK_WRITER_LOW, write_elf32,
};
static const struct mk_writer dump_writer = {
	"dump", "crashdump", "Windows full crash dump", MK_WRITER_WHOLE_PAGES,
	write_dump,
};

const struct mk_writer *const mk_writers[] = {
	&raw_writer,
	&elf_writer,
	&elf32_writer,
	&dump_writer,
	&mk_dump_bitmap_writer,
	&mk_dump_bitmap32_writer,
	&mk_dump_active_writer,
	&mk_dump_kernel_writer,
	&mk_dump_kernel32_writer,
	&mk_dump_rdmp_writer,
	&mk_dump_rdmp_kernel_writer,
	&mk_lime_writer,
	&mk_lime_exclusive_writer,
	&mk_lime_padded_writer,
	&mk_lime_reversed_writer,
	&mk_lime_sliced_writer,
#ifdef HAVE_SNAPPY
	&mk_avml_writer,
	&mk_avml_sparse_writer,
	&mk_avml_raw_writer,
	&mk_avml_runs_writer,
	&mk_avml_odd_writer,
#endif
	&mk_vmss_writer,
	&mk_vmsn_inline_writer,
	&mk_vmsn_old_writer,
	&mk_writer_raw_squeezed,
#ifdef HAVE_LZMA
	&mk_writer_raw_xz,
	&mk_writer_raw_xz_plain,
	&mk_writer_dump_xz,
#endif
#ifdef HAVE_ZSTD
	&mk_writer_raw_zstd,
	&mk_writer_raw_zstd_frames,
	&mk_writer_raw_pzstd,
#endif
#ifdef HAVE_ZLIB
	&mk_writer_raw_bgzf,
#endif
#ifdef HAVE_ZLIB
	&mk_kdump_zlib,
	&mk_kdump_flat,
#endif
#ifdef HAVE_LZO
	&mk_kdump_lzo,
#endif
#ifdef HAVE_SNAPPY
	&mk_kdump_snappy,
#endif
#ifdef HAVE_ZSTD
	&mk_kdump_zstd,
#endif
	&mk_kdump_stored,
	&mk_qevm,
	&mk_libvirt_save,
	&mk_qevm_mapped,
	&mk_xen_pfn,
	&mk_xen_p2m,
#if defined(HAVE_ZIP) && defined(HAVE_ZLIB)
	&mk_aff4_writer,
	&mk_aff4_deflate_writer,
	&mk_aff4_null_writer,
	&mk_aff4_zipped_writer,
	&mk_aff4_rekall_writer,
	&mk_aff4_evimetry_writer,
#ifdef HAVE_SNAPPY
	&mk_aff4_snappy_writer,
#endif
#ifdef HAVE_LZ4
	&mk_aff4_lz4_writer,
#endif
#endif
#ifdef HAVE_ZLIB
	&mk_ewf_writer,
	&mk_ewf_none_writer,
#endif
	&mk_hibr_xp_writer,
	&mk_hibr_xp64_writer,
	&mk_hibr_vista2_writer,
	&mk_hibr_7_writer,
	&mk_hibr_7x64_writer,
	&mk_hibr_8_writer,
	&mk_hibr_10_writer,
	&mk_hibr_10x86_writer,
	&mk_hibr_11_writer,
	NULL,
};

const struct mk_writer *mk_writer_find(const char *text, const char **arg)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	*arg = colon ? colon + 1 : NULL;
	for (size_t i = 0; mk_writers[i]; i++)
		if (strlen(mk_writers[i]->name) == len &&
		    !strncmp(mk_writers[i]->name, text, len))
			return mk_writers[i];
	return NULL;
}
