# SPDX-License-Identifier: GPL-3.0-or-later
# The data base of kernel layouts: text files made into tables for layouts.c.
nt_layouts_texts = \
	$(srcdir)/src/nt/layouts/layouts.txt \
	$(srcdir)/src/nt/layouts/builds.txt \
	$(srcdir)/src/nt/layouts/kernels.txt \
	$(srcdir)/src/nt/layouts/images.txt \
	$(srcdir)/src/nt/layouts/kdbg.txt

nodist_src_libnt_a_SOURCES = src/nt/layouts_data.h
BUILT_SOURCES += src/nt/layouts_data.h
CLEANFILES += src/nt/layouts_data.h src/nt/layouts_data.h.tmp
EXTRA_DIST += \
	src/nt/layouts/gen.awk \
	src/nt/layouts/layouts.txt \
	src/nt/layouts/builds.txt \
	src/nt/layouts/kernels.txt \
	src/nt/layouts/images.txt \
	src/nt/layouts/kdbg.txt

src/nt/layouts_data.h: $(srcdir)/src/nt/layouts/gen.awk $(nt_layouts_texts)
	$(AM_V_GEN)$(MKDIR_P) src/nt && \
	LC_ALL=C $(AWK) -f $(srcdir)/src/nt/layouts/gen.awk \
		$(nt_layouts_texts) >$@.tmp && \
	mv $@.tmp $@

src/nt/layouts.$(OBJEXT): src/nt/layouts_data.h
