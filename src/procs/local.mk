# SPDX-License-Identifier: GPL-3.0-or-later
src_libprocs_a_SOURCES = \
	src/procs/method.c src/procs/method.h \
	src/procs/procset.c src/procs/procset.h \
	src/procs/psactive.c src/procs/psactive.h
