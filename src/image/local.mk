# SPDX-License-Identifier: GPL-3.0-or-later
src_libimage_a_SOURCES = \
	src/image/blocks.c src/image/blocks.h \
	src/image/cache.c src/image/cache.h \
	src/image/crashdump.c \
	src/image/elf.c \
	src/image/elf_notes.c src/image/elf_notes.h \
	src/image/formats.h \
	src/image/image.c src/image/image.h \
	src/image/io.c src/image/io.h \
	src/image/pagefile.c src/image/pagefile.h \
	src/image/pagebits.c src/image/pagebits.h \
	src/image/raw.c \
	src/image/runs.c src/image/runs.h
