# SPDX-License-Identifier: GPL-3.0-or-later
# Warnings of GLib are failures, its allocations are malloc's (so that
# sanitizers and valgrind see them), and scripts are told where things are.
AM_TESTS_ENVIRONMENT = \
	G_DEBUG=fatal-warnings; export G_DEBUG; \
	G_SLICE=always-malloc; export G_SLICE; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir;

include tests/lib/local.mk
include tests/unit/local.mk
include tests/fuzz/local.mk
include tests/mount/local.mk

dist_check_SCRIPTS = tests/check-layers.sh tests/check-style.sh
TESTS += $(dist_check_SCRIPTS)
