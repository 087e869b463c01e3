# SPDX-License-Identifier: GPL-3.0-or-later
# Tests through a real mount (tests/lib.sh tells how they work), and those of
# the command line. They skip, with a reason, where nothing can be mounted.
mount_tests = \
	tests/mount/attrs.sh \
	tests/mount/bad-input.sh \
	tests/mount/binwalk.sh \
	tests/mount/containers.sh \
	tests/mount/compressed.sh \
	tests/mount/core.sh \
	tests/mount/minidump.sh \
	tests/mount/copy.sh \
	tests/mount/desktop.sh \
	tests/mount/daemon.sh \
	tests/mount/damage.sh \
	tests/mount/dumps.sh \
	tests/mount/ending.sh \
	tests/mount/ewf.sh \
	tests/mount/facts.sh \
	tests/mount/names.sh \
	tests/mount/fds.sh \
	tests/mount/fetch-symbols.sh \
	tests/mount/formats.sh \
	tests/mount/holes.sh \
	tests/mount/hostile-names.sh \
	tests/mount/hostile-tables.sh \
	tests/mount/linux-tools.sh \
	tests/mount/links.sh \
	tests/mount/live.sh \
	tests/mount/live-qemu.sh \
	tests/mount/methods.sh \
	tests/mount/mmap.sh \
	tests/mount/modules.sh \
	tests/mount/mount-type.sh \
	tests/mount/no-windows.sh \
	tests/mount/offline.sh \
	tests/mount/opens.sh \
	tests/mount/options.sh \
	tests/mount/pagefiles.sh \
	tests/mount/pagemap.sh \
	tests/mount/parallel.sh \
	tests/mount/pictures.sh \
	tests/mount/ptov.sh \
	tests/mount/raw-maps.sh \
	tests/mount/qemu.sh \
	tests/mount/readonly.sh \
	tests/mount/recipes.sh \
	tests/mount/selectors.sh \
	tests/mount/spaces.sh \
	tests/mount/states.sh \
	tests/mount/symbols.sh \
	tests/mount/tasks.sh \
	tests/mount/symbols-pdb.sh \
	tests/mount/text.sh \
	tests/mount/tools.sh \
	tests/mount/tree.sh \
	tests/mount/triage.sh \
	tests/mount/truncated.sh \
	tests/mount/truth.sh \
	tests/mount/twice.sh \
	tests/mount/yara.sh

TESTS += $(mount_tests)
EXTRA_DIST += $(mount_tests) tests/lib.sh tests/mount/probe.py \
	tests/mount/names.py \
	tests/mount/core.py \
	tests/mount/png-colours.py tests/mount/qemu-dump.py \
	tests/mount/minidump.py \
	tests/mount/qemu-dump.py \
	tests/mount/hostile-tables.py tests/mount/symbols-gen.py

include tests/bench/local.mk
