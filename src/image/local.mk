# SPDX-License-Identifier: GPL-3.0-or-later
src_libimage_a_SOURCES = \
	src/image/aff4.c src/image/aff4.h \
	src/image/aff4_codec.c src/image/aff4_map.c \
	src/image/aff4_stream.c \
	src/image/affcut.c src/image/affcut.h \
	src/image/affturtle.c src/image/affturtle.h \
	src/image/affzip.c src/image/affzip.h \
	src/image/avml.c src/image/avml_index.c src/image/avml_index.h \
	src/image/beside.c src/image/beside.h \
	src/image/blocks.c src/image/blocks.h \
	src/image/cache.c src/image/cache.h \
	src/image/crashdump.c src/image/crashdump.h \
	src/image/crashdump_bitmap.c \
	src/image/crashdump_header.c \
	src/image/crashdump_runs.c \
	src/image/elf.c \
	src/image/elf_notes.c src/image/elf_notes.h \
	src/image/elf_winpmem.c src/image/elf_winpmem.h \
	src/image/elf_xen.c src/image/elf_xen.h \
	src/image/flattened.c \
	src/image/ewf.c src/image/ewf.h \
	src/image/ewf_chunk.c src/image/ewf_index.c \
	src/image/ewf_lib.c src/image/ewf_set.c \
	src/image/formats.h \
	src/image/hole.c src/image/hole.h \
	src/image/hibr.c src/image/hibr-priv.h \
	src/image/hibr_blocks.c \
	src/image/hibr_index.c \
	src/image/hibr_new.c \
	src/image/hibr_old.c \
	src/image/hibr_sets.c \
	src/image/hibr_table.c \
	src/image/hibr_tables.c \
	src/image/image.c src/image/image.h \
	src/image/io.c src/image/io.h \
	src/image/lime.c src/image/lime.h src/image/lime_header.c \
	src/image/map.c src/image/map.h \
	src/image/kdump.c src/image/kdump.h \
	src/image/kdump_pages.c \
	src/image/kdump_unpack.c \
	src/image/overlay.c src/image/overlay.h \
	src/image/pagefile.c src/image/pagefile.h \
	src/image/pagebits.c src/image/pagebits.h \
	src/image/qevm.c src/image/qevm.h \
	src/image/qevm_cpu.c \
	src/image/qevm_data.c \
	src/image/qevm_place.c \
	src/image/qevm_reader.c src/image/qevm_reader.h \
	src/image/qevm_stream.c \
	src/image/raw.c \
	src/image/runs.c src/image/runs.h \
	src/image/snappy_frames.c src/image/snappy_frames.h \
	src/image/triage.c src/image/triage.h \
	src/image/triage_lists.c \
	src/image/vmware.c \
	src/image/vmware_beside.c src/image/vmware_beside.h \
	src/image/vmware_state.c src/image/vmware_state.h \
	src/image/wrap.c src/image/wrap.h \
	src/image/wrap_gzip.c \
	src/image/wrap_xz.c \
	src/image/wrap_zstd.c \
	src/image/xpress.c src/image/xpress.h src/image/xpress-priv.h \
	src/image/xpress_huffman.c \
	src/image/zip.c
