# SPDX-License-Identifier: GPL-3.0-or-later
# How fast it is: no test, as it depends on the machine.
EXTRA_DIST += tests/bench/bench.sh tests/bench/containers.sh \
	tests/bench/random_reads.py

# How fast the blocks of an image are decoded at best.
EXTRA_PROGRAMS = bench-decode
bench_decode_SOURCES = tests/bench/decode.c
bench_decode_LDADD = $(NT_LIBS)

.PHONY: bench
bench: winprocfs mkmem mkcontain bench-decode
	$(AM_V_at)top_builddir='$(abs_top_builddir)' \
		bash $(srcdir)/tests/bench/bench.sh
	$(AM_V_at)top_builddir='$(abs_top_builddir)' \
		bash $(srcdir)/tests/bench/containers.sh
