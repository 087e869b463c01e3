# SPDX-License-Identifier: GPL-3.0-or-later
# How fast it is: no test, as it depends on the machine.
EXTRA_DIST += tests/bench/bench.sh tests/bench/random_reads.py

.PHONY: bench
bench: winprocfs mkmem
	$(AM_V_at)top_builddir='$(abs_top_builddir)' \
		bash $(srcdir)/tests/bench/bench.sh
