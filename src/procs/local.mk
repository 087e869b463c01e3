# SPDX-License-Identifier: GPL-3.0-or-later
src_libprocs_a_SOURCES = \
	src/procs/cidtable.c src/procs/cidtable.h \
	src/procs/crossview.c src/procs/crossview.h \
	src/procs/csrss.c src/procs/csrss.h \
	src/procs/dtbs.c src/procs/dtbs.h \
	src/procs/dtbsearch.c src/procs/dtbsearch.h \
	src/procs/entry.h \
	src/procs/handles.c src/procs/handles.h \
	src/procs/method.c src/procs/method.h \
	src/procs/procset.c src/procs/procset.h \
	src/procs/psactive.c src/procs/psactive.h \
	src/procs/ring.c src/procs/ring.h \
	src/procs/runner.c src/procs/runner.h \
	src/procs/sessions.c src/procs/sessions.h \
	src/procs/valid.c src/procs/valid.h \
	src/procs/witness.c src/procs/witness.h
