# SPDX-License-Identifier: GPL-3.0-or-later
src_libpmem_a_SOURCES = src/pmem/physmem.c src/pmem/physmem.h
