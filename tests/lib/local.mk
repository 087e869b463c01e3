# SPDX-License-Identifier: GPL-3.0-or-later
# Images with known contents, for the tests: a library and a program.
noinst_LIBRARIES += tests/lib/libmk.a
noinst_PROGRAMS += mkmem

tests_lib_libmk_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_lib_libmk_a_SOURCES = \
	tests/lib/mkbadvads.c \
	tests/lib/mkcpu.c \
	tests/lib/mkbaddtb.c tests/lib/mkdamage.c \
	tests/lib/mkdata.c \
	tests/lib/mkisf.c \
	tests/lib/mkdebug.c \
	tests/lib/mkcounters.c tests/lib/mkcounters.h \
	tests/lib/mkeprocess.c \
	tests/lib/mkfile.c \
	tests/lib/mkfmt-kdump.c \
	tests/lib/mkfmt-qevm.c \
	tests/lib/mkfmt-xen.c \
	tests/lib/mkfmt.c tests/lib/mkfmt.h tests/lib/mkfmt-list.h \
	tests/lib/mkfmt-dump.c \
	tests/lib/mkfmt-dumpuser.c tests/lib/mkfmt-dumpuser.h \
	tests/lib/mkfmt-avml.c tests/lib/mkfmt-lime.c \
	tests/lib/mkfmt-vmware.c \
	tests/lib/mkfmt-wrap.c \
	tests/lib/mkfmt-triage.c tests/lib/mkfmt-triage.h \
	tests/lib/mkfmt-aff4.c tests/lib/mkfmt-ewf.c \
	tests/lib/mkfmt-hibr.c \
	tests/lib/mkhandle.c \
	tests/lib/mkhandled.c tests/lib/mkhandled.h \
	tests/lib/mktoken.c \
	tests/lib/mkhuff.c \
	tests/lib/mkthread.c tests/lib/mkthread.h tests/lib/mkframe.c \
	tests/lib/mkkernel.c \
	tests/lib/mkkmem.c \
	tests/lib/mkldr.c tests/lib/mkldr.h \
	tests/lib/mkmmu.c tests/lib/mkmmu.h \
	tests/lib/mkobject.c \
	tests/lib/mkpagefile.c \
	tests/lib/mkpaging.c tests/lib/mkpaging.h \
	tests/lib/mkpe.c \
	tests/lib/mkpdb.c tests/lib/mkpdb-priv.h tests/lib/mkpdbtypes.c \
	tests/lib/mkpeb.c \
	tests/lib/mkphys.c tests/lib/mkphys.h \
	tests/lib/mkplaces.c \
	tests/lib/mkplain.c \
	tests/lib/mkplainsoft.c tests/lib/mkplainsoft.h \
	tests/lib/mkproc.c \
	tests/lib/mksym.c tests/lib/mksym.h \
	tests/lib/mkpte.c \
	tests/lib/mksection.c \
	tests/lib/mksession.c \
	tests/lib/mkspace.c \
	tests/lib/mkstates.c \
	tests/lib/mkstripes.c \
	tests/lib/mktables.c \
	tests/lib/mkstore.c tests/lib/mkstore.h tests/lib/mkstored.c \
	tests/lib/mksymbol.c \
	tests/lib/mktree.c \
	tests/lib/mktruth.c \
	tests/lib/mkuser.c \
	tests/lib/mkvad.c \
	tests/lib/mkwin.c tests/lib/mkwin.h tests/lib/mkwin-priv.h \
	tests/lib/mkwinsym.c \
	tests/lib/mkwrite.c tests/lib/mkwrite.h \
	tests/lib/mkxpress.c

# What a unit test needs that makes images.
MK_LIBS = tests/lib/libmk.a $(NT_LIBS)

mkmem_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
mkmem_SOURCES = tests/lib/mkmem.c
mkmem_LDADD = $(MK_LIBS)

# A raw image in another container.
noinst_PROGRAMS += mkcontain
mkcontain_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
mkcontain_SOURCES = tests/lib/mkcontain.c
mkcontain_LDADD = $(MK_LIBS)

# What is read from a symbol file.
noinst_PROGRAMS += symdump
symdump_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
symdump_SOURCES = tests/lib/symdump.c
symdump_LDADD = $(NT_LIBS)
