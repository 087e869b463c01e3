# SPDX-License-Identifier: GPL-3.0-or-later
# Each target twice: for libFuzzer (--enable-fuzzing), and with a main() that
# replays seeds, former finds and some changed seeds, as one of the tests.
fuzz_replays = \
	tests/fuzz/replay-container \
	tests/fuzz/replay-image \
	tests/fuzz/replay-kernel \
	tests/fuzz/replay-soft \
	tests/fuzz/replay-store \
	tests/fuzz/replay-symbols \
	tests/fuzz/replay-tree \
	tests/fuzz/replay-triage \
	tests/fuzz/replay-vtop \
	tests/fuzz/replay-xpress

check_PROGRAMS += $(fuzz_replays)
TESTS += $(fuzz_replays)
EXTRA_DIST += tests/fuzz/regress

FUZZ_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
FUZZ_LIBS = tests/lib/libmk.a $(TREE_LIBS)

fuzz_replay = tests/fuzz/replay.c tests/fuzz/fuzz.h tests/fuzz/undo.h
tests_fuzz_replay_container_SOURCES = $(fuzz_replay) \
	tests/fuzz/fuzz-container.c
tests_fuzz_replay_container_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_container_LDADD = $(FUZZ_LIBS)
tests_fuzz_replay_image_SOURCES = $(fuzz_replay) tests/fuzz/fuzz-image.c
tests_fuzz_replay_image_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_image_LDADD = $(PMEM_LIBS)
tests_fuzz_replay_kernel_SOURCES = $(fuzz_replay) tests/fuzz/fuzz-kernel.c
tests_fuzz_replay_kernel_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_kernel_LDADD = $(FUZZ_LIBS)
tests_fuzz_replay_soft_SOURCES = $(fuzz_replay) tests/fuzz/fuzz-soft.c
tests_fuzz_replay_soft_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_soft_LDADD = $(FUZZ_LIBS)
tests_fuzz_replay_store_SOURCES = $(fuzz_replay) tests/fuzz/fuzz-store.c
tests_fuzz_replay_store_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_store_LDADD = $(MK_LIBS)
tests_fuzz_replay_symbols_SOURCES = $(fuzz_replay) tests/fuzz/fuzz-symbols.c
tests_fuzz_replay_symbols_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_symbols_LDADD = $(MK_LIBS)
tests_fuzz_replay_tree_SOURCES = $(fuzz_replay) tests/fuzz/fuzz-tree.c
tests_fuzz_replay_tree_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_tree_LDADD = $(FUZZ_LIBS)
tests_fuzz_replay_triage_SOURCES = $(fuzz_replay) tests/fuzz/fuzz-triage.c
tests_fuzz_replay_triage_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_triage_LDADD = $(FUZZ_LIBS)
tests_fuzz_replay_vtop_SOURCES = $(fuzz_replay) tests/fuzz/fuzz-vtop.c
tests_fuzz_replay_vtop_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_vtop_LDADD = $(FUZZ_LIBS)
tests_fuzz_replay_xpress_SOURCES = $(fuzz_replay) tests/fuzz/fuzz-xpress.c
tests_fuzz_replay_xpress_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_replay_xpress_LDADD = $(MK_LIBS)

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz-container tests/fuzz/fuzz-image tests/fuzz/fuzz-kernel \
	tests/fuzz/fuzz-soft tests/fuzz/fuzz-store tests/fuzz/fuzz-symbols \
	tests/fuzz/fuzz-tree tests/fuzz/fuzz-triage tests/fuzz/fuzz-vtop \
	tests/fuzz/fuzz-xpress
endif

fuzz_link_flags = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_container_SOURCES = tests/fuzz/fuzz-container.c
tests_fuzz_fuzz_container_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_container_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_container_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_image_SOURCES = tests/fuzz/fuzz-image.c
tests_fuzz_fuzz_image_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_image_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_image_LDADD = $(PMEM_LIBS)
tests_fuzz_fuzz_kernel_SOURCES = tests/fuzz/fuzz-kernel.c
tests_fuzz_fuzz_kernel_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_kernel_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_kernel_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_soft_SOURCES = tests/fuzz/fuzz-soft.c
tests_fuzz_fuzz_soft_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_soft_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_soft_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_store_SOURCES = tests/fuzz/fuzz-store.c
tests_fuzz_fuzz_store_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_store_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_store_LDADD = $(MK_LIBS)
tests_fuzz_fuzz_symbols_SOURCES = tests/fuzz/fuzz-symbols.c
tests_fuzz_fuzz_symbols_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_symbols_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_symbols_LDADD = $(MK_LIBS)
tests_fuzz_fuzz_tree_SOURCES = tests/fuzz/fuzz-tree.c
tests_fuzz_fuzz_tree_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_tree_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_tree_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_triage_SOURCES = tests/fuzz/fuzz-triage.c
tests_fuzz_fuzz_triage_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_triage_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_triage_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_vtop_SOURCES = tests/fuzz/fuzz-vtop.c
tests_fuzz_fuzz_vtop_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_vtop_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_vtop_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_xpress_SOURCES = tests/fuzz/fuzz-xpress.c
tests_fuzz_fuzz_xpress_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_xpress_LDFLAGS = $(fuzz_link_flags)
tests_fuzz_fuzz_xpress_LDADD = $(MK_LIBS)
