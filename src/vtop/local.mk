# SPDX-License-Identifier: GPL-3.0-or-later
src_libvtop_a_SOURCES = \
	src/vtop/direct.c src/vtop/direct.h \
	src/vtop/entry.c src/vtop/entry.h \
	src/vtop/forms.c src/vtop/forms.h \
	src/vtop/guess.c src/vtop/guess.h \
	src/vtop/map.c src/vtop/map.h \
	src/vtop/tlb.c src/vtop/tlb.h \
	src/vtop/vtop.c src/vtop/vtop.h \
	src/vtop/walk.c
